#!/usr/bin/env python3
"""The scenes of brokers.bats: trackers and a Kafka of several brokers. One by its name, or all of them."""

import os
import random
import sys
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import kafka_admin  # noqa: E402
from cluster import wait_for  # noqa: E402
from scene import TOPIC, Scene  # noqa: E402

OFFSETS = "__consumer_offsets"
DOUBT_SECONDS = 25  # longer than the tracker asks again before it believes that a topic was recreated


class Brokers(Scene):
    def test_one_killed(self):
        """Two of four partitions lose their leader, one of them for as long as its only broker is down. Before that another
        broker leads on and cannot be reached from here: that is named."""
        self.create([[1], [2], [3], [2, 3]])
        self.send(500)
        self.start_tracker()
        self.wait_for_lines(100)
        self.kafka.trim(OFFSETS, {p: [1] for p in self.kafka.partitions(OFFSETS)})  # else its group could not be reached
        reached = self.kafka.nodes[3].proxy.refuse()
        wait_for(120, "the broker is named", lambda: self.broker_lines("broker.unavailable"))
        self.kafka.nodes[3].proxy.accept(reached)
        wait_for(120, "it is back", lambda: self.broker_lines("broker.available"))
        self.kafka.nodes[2].kill()
        wait_for(120, "leaders moved", lambda: self.kafka.leaders(TOPIC) == {0: 1, 1: -1, 2: 3, 3: 3})
        self.send(500, [0, 2, 3])
        self.wait_for_lines(1000, partition=3)
        self.kill_tracker()
        self.start_tracker()
        self.kafka.nodes[2].start()
        wait_for(120, "all lead", lambda: self.kafka.is_led(TOPIC))
        self.send(500)
        self.judge()

    def test_coming_and_going(self):
        """Behind connections that are late, so that answers about a partition come when it has moved on."""
        rounds, rng = int(os.environ.get("ROUNDS", "3")), random.Random(os.environ.get("SEED", "1"))
        self.create([[1 + p % 3] for p in range(12)])
        for number in (2, 3):
            self.kafka.nodes[number].proxy.delay = 0.05
        self.start_producer("-n", "0", "--interval-ms", "1", "--invalid-rate", "0.01")
        self.start_tracker()
        self.wait_for_lines(1)
        for _ in range(rounds):
            node = self.kafka.nodes[rng.choice((2, 3))]
            node.kill()
            time.sleep(rng.uniform(2, 8))
            if rng.random() < 0.5:
                self.kill_tracker()
                self.start_tracker()
                time.sleep(rng.uniform(1, 5))
            node.start()
            node.wait()
            time.sleep(rng.uniform(2, 6))
        wait_for(120, "all lead", lambda: self.kafka.is_led(TOPIC))
        self.stop_producer()
        self.judge()

    def test_late_leader(self):
        """Three of four partitions get their leader while the tracker runs, on a slow broker that it is connected to."""
        first, second, third = (self.kafka.nodes[n] for n in (1, 2, 3))
        self.create([[2, 1], [3, 2], [3, 2], [3, 2]])
        self.send(2000)
        second.kill()
        wait_for(120, "node 3 alone has the last", lambda: all(self.isr(p) == [3] for p in (1, 2, 3)))
        third.kill()
        wait_for(120, "no leader", lambda: list(self.kafka.leaders(TOPIC).values()).count(-1) == 3)
        second.start()
        second.wait()
        wait_for(120, "node 2 has the first", lambda: 2 in self.isr(0))
        self.kafka.elect(TOPIC, [0])
        second.proxy.delay = 0.14
        self.start_tracker(address=first.address)
        wait_for(120, "partitions wait", lambda: self.waiting() == {1, 2, 3})
        self.wait_for_lines(2000, partition=0)
        self.kafka.elect(TOPIC, [1, 2, 3], kafka_admin.UNCLEAN)
        self.judge()
        self.assertEqual(self.lines_about_offsets(), [])

    def test_stale_leader(self):
        """A broker that is cut off from its controller answers with the end that it knows, lower than the true one."""
        stale = self.kafka.nodes[2]
        good = f"{self.kafka.nodes[1].address},{self.kafka.nodes[3].address}"
        self.create([[2, 3]])
        self.send(500)
        self.start_tracker()
        self.wait_for_lines(500)
        self.stop_tracker()
        self.kafka.trim(OFFSETS, {p: [1] for p in self.kafka.partitions(OFFSETS)})  # else its group could not be joined
        stale.cut_off()
        wait_for(120, "node 3 leads", lambda: self.kafka.leaders(TOPIC) == {0: 3})
        self.send(500, address=good)
        self.start_tracker(address=good)
        self.wait_for_lines(1000)
        self.stop_tracker()
        self.start_tracker(address=stale.address)
        time.sleep(DOUBT_SECONDS)
        self.assertEqual(self.line_count(), 1000)
        stale.join_again()
        self.send(100, address=good)
        self.judge()
        self.assertEqual(self.lines_about_offsets(), [])

    # ---- what the scenes look at

    def isr(self, partition):
        return self.kafka.partitions(TOPIC)[partition].isr

    def broker_lines(self, event):
        return [x for x in self.logged(event) if x["metadata"]["broker"] == self.kafka.nodes[3].address]

    def waiting(self):
        return {line["metadata"]["partition"] for line in self.logged("partition.leaderless")}

    def lines_about_offsets(self):
        return [line for line in self.lines() if not line["event_type"].startswith("message")]


if __name__ == "__main__":
    unittest.main()
