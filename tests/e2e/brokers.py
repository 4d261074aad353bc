#!/usr/bin/env python3
"""The scenes of brokers.bats: trackers and a Kafka of several brokers. One by its name, or all of them."""

import os
import random
import sys
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from cluster import wait_for  # noqa: E402
from scene import TOPIC, Scene  # noqa: E402


class Brokers(Scene):
    def test_one_killed(self):
        """Two of four partitions lose their leader, one of them for as long as its only broker is down."""
        self.create([[1], [2], [3], [2, 3]])
        self.send(500)
        self.start_tracker()
        self.wait_for_lines(100)
        self.kafka.nodes[2].kill()
        wait_for(60, "leaders moved", lambda: self.kafka.leaders(TOPIC) == {0: 1, 1: -1, 2: 3, 3: 3})
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


if __name__ == "__main__":
    unittest.main()
