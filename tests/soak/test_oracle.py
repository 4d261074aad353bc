#!/usr/bin/env python3
"""The oracle itself is judged: it takes a good journal, and it objects to each kind of bad one by name."""

import base64
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

ORACLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "oracle.py")
GROUP = "order-tracker-group"
TIME = 1795366800000
HEADERS = b"ce_id=1,content-type=application/json"

GOOD, NOT_VALID, BROKEN, BINARY, NULL = "good", "not valid", "broken", "binary", "null"


def order(n, sequence=1):
    return (
        b'{"order_id":"id-%d","sequence":%d,"status":"pending","customer_info":{"customer_id":"C-1","name":"J\xc3\xb6rg",'
        b'"email":"j@example.com"}, "items":[{"item_id":"S-1","item_name":"Pen","quantity":2,"unit_price":1.75,'
        b'"total_price":3.5}],"subtotal":3.5,"tax":0.25,"shipping_fee":1.5,"total":5.25,"currency":"EUR"}'
        % (n, sequence)
    )


def value_of(kind, n):
    return {
        GOOD: order(n),
        NOT_VALID: order(n, sequence=0),
        BROKEN: b'{"order_id": "id-%d", cut' % n,
        BINARY: b"\xff\xfe\x00\n%d" % n,
        NULL: None,
    }[kind]


class Case:
    """Two partitions, two trackers, a journal that was rotated once; tests change something and ask the oracle."""

    KINDS = [GOOD, NOT_VALID, GOOD, BROKEN, BINARY, NULL, GOOD, GOOD]

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="oracle-test.")
        self.topic = []  # (partition, offset, key, value)
        self.earlier = []  # the same for each that was deleted
        self.dead = []  # [partition, offset, key, value, id]
        self.dead_headers = HEADERS
        self.a = []  # lines of tracker a, dicts or bytes
        self.b = []
        self.commits = [(0, 4), (1, 4), (0, 8), (1, 8)]
        self.states = {"a": (True, {0: 8, 1: 8}), "b": (False, {1: 3})}
        for p in (0, 1):
            for o, kind in enumerate(self.KINDS):
                self.add(p, o, kind)

    def remove(self, p, o):
        """From the topic, not from the journal."""
        self.topic = [r for r in self.topic if r[:2] != (p, o)]

    def add(self, p, o, kind):
        key = None if kind == NULL else b"k\xff%d" % o if kind == BINARY else b"key-%d" % o
        value = value_of(kind, 100 * p + o)
        self.topic.append((p, o, key, value))
        line = self.line(p, o, key, value, kind)
        if kind != GOOD:
            at = sum(1 for d in self.dead if d[0] == p)
            line["dlq"] = {"topic": "orders-dlq", "partition": p, "offset": at}
            self.dead.append([p, at, key, value, f"orders/{p}/{o}/{GROUP}"])
        self.a.append(line)

    def line(self, p, o, key, value, kind):
        line = {
            "timestamp": "2026-11-22T17:00:00.000Z",
            "event_type": "message.received",
            "kafka_topic": "orders",
            "kafka_partition": p,
            "kafka_offset": o,
            "message_size": None if value is None else len(value),
            "deserialized": kind in (GOOD, NOT_VALID),
            "kafka_timestamp_ms": TIME + o,
            "kafka_key": None if key is None else key.decode(errors="replace"),
            "outcome": "processed" if kind == GOOD else "dead_lettered",
            "attempts": 1,
            "latency_ms": 3,
        }
        if kind == BINARY:
            line["kafka_key"] = base64.b64encode(key).decode()
            line["kafka_key_encoding"] = "base64"
            line["raw_message"] = base64.b64encode(value).decode()
            line["raw_encoding"] = "base64"
        elif value is not None:
            line["raw_message"] = value.decode()
        if kind != GOOD:
            line["reason"] = {NOT_VALID: "VALIDATE", NULL: "NULL_VALUE"}.get(kind, "DESERIALIZE")
        if line["deserialized"]:
            line["order_id"] = json.loads(value)["order_id"]
            line["order_full"] = json.loads(value)
        return line

    def find(self, p, o):
        return next(i for i, x in enumerate(self.a) if (x["kafka_partition"], x["kafka_offset"]) == (p, o))

    # ---- files

    def write(self, name, data):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)

    @staticmethod
    def record(p, o, key, value, headers=b"", time=TIME):
        lengths = tuple(-1 if x is None else len(x) for x in (key, value))
        return b"%d %d %d %d %d\n%s%s%s\n" % (p, o, time + o, *lengths, key or b"", value or b"", headers)

    @staticmethod
    def encode(lines):
        return b"".join(x if isinstance(x, bytes) else json.dumps(x).encode() + b"\n" for x in lines)

    def write_commits(self):
        data = self.record(0, 0, struct.pack(">h", 2) + b"group metadata", b"\0\0")
        for i, (p, offset) in enumerate(self.commits, 1):
            key = struct.pack(">hh", 1, len(GROUP)) + GROUP.encode() + struct.pack(">h", 6) + b"orders" + struct.pack(">i", p)
            data += self.record(0, i, key, struct.pack(">hqih", 3, offset, -1, 0))
        self.write("offsets.dump", data)

    def write_state(self, name):
        clean, positions = self.states[name]
        entries = [{"topic": "orders", "partition": p, "next": n, "committed": n} for p, n in positions.items()]
        state = {"version": 1, "clean": clean, "partitions": entries}
        self.write(f"trackers/{name}/tracker.events.state", json.dumps(state).encode())

    def ask(self, *arguments):
        """Writes all files and asks the oracle. Returns its exit status and what it printed."""
        for n, topic in enumerate(self.earlier, 1):
            self.write(f"orders.dump.{n}", b"".join(self.record(*r, HEADERS) for r in topic))
        self.write("orders.dump", b"".join(self.record(*r, HEADERS) for r in self.topic))
        self.write(
            "orders-dlq.dump",
            b"".join(
                self.record(p, o, k, v, self.dead_headers + b",dlq.id=" + i.encode() + b",dlq.reason=X")
                for p, o, k, v, i in self.dead
            ),
        )
        self.write("trackers/a/tracker.events.0001", self.encode(self.a[:5]))
        self.write("trackers/a/tracker.events", self.encode(self.a[5:]))
        self.write("trackers/b/tracker.events", self.encode(self.b))
        self.write_state("a")
        self.write_state("b")
        self.write_commits()
        run = subprocess.run([sys.executable, ORACLE, *arguments, self.folder], capture_output=True, text=True, timeout=60)
        return run.returncode, run.stdout + run.stderr


class OracleTest(unittest.TestCase):
    def setUp(self):
        self.case = Case()
        # Tracker b has told three records of partition 1 that a told too.
        at = self.case.find(1, 0)
        self.case.b = [dict(x) for x in self.case.a[at : at + 3]]

    def tearDown(self):
        shutil.rmtree(self.case.folder)

    def accepts(self, *arguments):
        status, text = self.case.ask(*arguments)
        self.assertEqual(status, 0, text)
        return text

    def objects(self, *kinds, arguments=()):
        status, text = self.case.ask(*arguments)
        self.assertEqual(status, 1, text)
        found = {line.split(":")[0] for line in text.splitlines() if line and not line.startswith(" ")}
        self.assertEqual(found, set(kinds), text)
        return text

    def test_a_good_run_is_accepted_and_counted(self):
        text = self.accepts()
        self.assertRegex(text, r"orders on the topic +16\n")
        self.assertRegex(text, r"lines +19\n")
        self.assertRegex(text, r"records in two journals +3\n")
        self.assertRegex(text, r"journal files +3\n")

    def test_a_lost_line(self):
        del self.case.a[self.case.find(0, 6)]
        self.objects("lost")

    def test_a_lost_line_at_the_end_is_also_a_commit_ahead(self):
        del self.case.a[self.case.find(0, 7)]
        self.objects("lost", "commit_ahead", "sidecar_ahead")

    def test_a_line_of_another_tracker_is_no_loss(self):
        del self.case.a[self.case.find(1, 0)]
        self.accepts()

    def test_a_doubled_line(self):
        self.case.a.insert(self.case.find(0, 2) + 1, self.case.a[self.case.find(0, 2)])
        self.objects("doubled")

    def test_a_doubled_line_across_a_rotation(self):
        self.case.a.insert(self.case.find(0, 7), self.case.a[self.case.find(0, 2)])
        self.objects("doubled")

    def test_two_lines_in_the_wrong_order(self):
        at = self.case.find(1, 6)
        self.case.a[at : at + 2] = reversed(self.case.a[at : at + 2])
        self.objects("out_of_order")

    def test_an_altered_byte(self):
        line = self.case.a[self.case.find(0, 0)]
        line["raw_message"] = line["raw_message"].replace("pending", "pendinG")
        line["order_full"] = json.loads(line["raw_message"])
        self.objects("altered")

    def test_altered_white_space(self):
        line = self.case.a[self.case.find(0, 0)]
        line["raw_message"] = line["raw_message"].replace(", ", ",")
        self.objects("altered")

    def test_altered_bytes_that_are_no_text(self):
        self.case.a[self.case.find(0, 4)]["raw_message"] = base64.b64encode(b"\xff\xfe\n4").decode()
        self.objects("altered")

    def test_an_altered_key(self):
        self.case.a[self.case.find(0, 0)]["kafka_key"] = "key-1"
        self.objects("altered")

    def test_an_empty_value_is_not_null(self):
        self.case.a[self.case.find(0, 5)]["raw_message"] = ""
        self.objects("altered", "wrong_fate")

    def test_an_altered_number_in_the_order(self):
        self.case.a[self.case.find(0, 0)]["order_full"]["total"] = 5.26
        self.objects("altered")

    def test_another_order_id(self):
        self.case.a[2]["order_id"] = "id-1"
        self.objects("altered")

    def test_a_wrong_size(self):
        self.case.a[self.case.find(0, 0)]["message_size"] += 1
        self.objects("altered")

    def test_a_line_that_is_no_json(self):
        self.case.a.insert(3, b'{"timestamp": "2026-\n')
        self.objects("malformed")

    def test_a_line_that_is_no_utf8(self):
        at = self.case.find(0, 0)
        line = json.dumps(self.case.a[at], ensure_ascii=False).encode().replace(b"\xc3\xb6", b"\xc3")
        self.case.a[at] = line + b"\n"
        self.objects("malformed", "lost")

    def test_a_repeated_key(self):
        at = self.case.find(0, 0)
        self.case.a[at] = json.dumps(self.case.a[at]).encode()[:-1] + b', "attempts": 1}\n'
        self.objects("malformed", "lost")

    def test_a_missing_key(self):
        del self.case.a[self.case.find(0, 0)]["attempts"]
        self.objects("malformed", "lost")

    def test_a_torn_line_at_the_end_of_the_journal(self):
        self.case.a.append(b'{"timestamp": "20')
        self.objects("malformed")

    def test_a_torn_line_at_the_end_of_a_rotated_file_is_none(self):
        self.case.a.insert(4, b'{"timestamp": "20')
        text = self.accepts()
        self.assertRegex(text, r"torn tails in rotated files +1\n")

    def test_a_record_that_is_not_on_the_topic(self):
        self.case.a.append(dict(self.case.a[-1], kafka_offset=8))
        self.objects("foreign")

    def test_processed_though_it_is_not_valid(self):
        line = self.case.a[self.case.find(0, 1)]
        line["outcome"] = "processed"
        del line["dlq"], line["reason"]
        self.objects("wrong_fate", "dlq_unexplained")

    def test_dead_lettered_though_it_is_valid(self):
        line = self.case.a[self.case.find(0, 0)]
        line.update(outcome="dead_lettered", reason="VALIDATE", dlq={"topic": "orders-dlq", "partition": 0, "offset": 4})
        self.case.dead.append([0, 4, b"key-0", line["raw_message"].encode(), f"orders/0/0/{GROUP}"])
        self.objects("wrong_fate")

    def test_two_journals_that_contradict_each_other(self):
        line = self.case.b[0]
        line.update(outcome="dropped", reason="PROCESS")
        self.objects("contradiction")

    def test_a_dead_letter_that_is_not_there(self):
        self.case.a[self.case.find(0, 5)]["dlq"]["offset"] = 4
        self.objects("dlq_missing")

    def test_a_dead_letter_on_another_topic(self):
        self.case.a[self.case.find(0, 5)]["dlq"]["topic"] = "orders"
        self.objects("dlq_missing")

    def test_a_dead_letter_with_other_bytes(self):
        self.case.dead[0][3] += b" "
        self.objects("dlq_differs")

    def test_a_dead_letter_with_another_key(self):
        self.case.dead[0][2] = b"other"
        self.objects("dlq_differs")

    def test_a_dead_letter_without_the_original_headers(self):
        self.case.dead_headers = HEADERS[:-1]
        self.objects("dlq_differs")
        self.case.dead_headers = HEADERS + b"5"
        self.objects("dlq_differs")

    def test_a_dead_letter_of_another_record(self):
        self.case.a[self.case.find(0, 1)]["dlq"]["offset"] = 1
        self.objects("dlq_wrong_id")

    def test_a_dead_letter_of_another_group(self):
        self.case.dead[0][4] = "orders/0/1/others"
        self.objects("dlq_wrong_id")

    def test_a_dead_letter_without_a_line(self):
        self.case.dead.append([0, 4, b"key-0", b"x", f"orders/0/0/{GROUP}"])
        self.objects("dlq_unexplained")

    def test_a_dead_letter_delivered_twice_is_accepted(self):
        self.case.dead.append([0, 4, *self.case.dead[0][2:]])
        text = self.accepts()
        self.assertRegex(text, r"dead letters delivered again +1\n")

    def test_a_dead_letter_delivered_twice_with_other_bytes(self):
        self.case.dead.append([0, 4, b"key-1", b"x", self.case.dead[0][4]])
        self.objects("dlq_differs")

    def test_a_commit_ahead_of_the_lines(self):
        self.case.commits.append((1, 9))
        self.objects("commit_ahead")

    def test_a_commit_before_the_lines(self):
        # The first commit, of offset 4, is at TIME + 1.
        self.case.a[3]["timestamp"] = "2026-11-22T17:00:00.001Z"
        self.accepts()
        self.case.a[3]["timestamp"] = "2026-11-22T17:00:00.002Z"
        self.objects("commit_early")

    def test_a_commit_behind_the_line_of_another_tracker(self):
        self.case.a[self.case.find(1, 0)]["timestamp"] = "2026-11-22T23:00:00.000Z"
        self.accepts()

    def test_an_end_that_is_not_committed(self):
        self.case.commits.pop()
        self.objects("commit_behind")

    def test_a_commit_that_goes_back(self):
        self.case.commits[2:2] = [(0, 3)]
        self.objects("commit_backwards")

    def test_a_sidecar_ahead_of_its_journal(self):
        self.case.states["b"] = (False, {1: 4})
        self.objects("sidecar_ahead")

    def test_a_sidecar_that_says_clean_and_is_not(self):
        self.case.states["a"] = (True, {0: 7, 1: 8})
        self.objects("sidecar_wrong")

    def replayed(self):
        self.case.a.append(
            {
                "timestamp": "2026-11-22T17:00:00.000Z",
                "event_type": "journal.replay",
                "kafka_topic": "orders",
                "kafka_partition": 0,
                "kafka_offset": 6,
                "from": 6,
                "to": 8,
            }
        )
        self.case.a += [dict(self.case.a[self.case.find(0, o)], replay=True) for o in (6, 7)]

    def test_a_replay_that_nobody_asked_for(self):
        self.replayed()
        self.objects("replay")

    def test_a_replay_on_purpose_is_accepted(self):
        self.replayed()
        self.accepts("--resets")

    def test_a_replay_is_flagged_in_each_line(self):
        self.replayed()
        del self.case.a[-1]["replay"]
        status, text = self.case.ask("--resets")
        self.assertEqual(status, 1, text)
        self.assertIn("\ndoubled: ", text)

    def test_a_flag_alone_is_no_excuse(self):
        self.case.a.append(dict(self.case.a[self.case.find(0, 7)], replay=True))
        self.objects("doubled")

    def test_a_gap_where_the_topic_has_records(self):
        self.case.a[self.case.find(0, 6)] = {
            "timestamp": "2026-11-22T17:00:00.000Z",
            "event_type": "journal.gap",
            "kafka_topic": "orders",
            "kafka_partition": 0,
            "kafka_offset": 6,
            "from": 6,
            "to": 7,
        }
        self.objects("gap")

    def skip(self, low, high):
        self.case.a.append(
            {
                "timestamp": "2026-11-22T17:00:00.000Z",
                "event_type": "journal.skip",
                "kafka_topic": "orders",
                "kafka_partition": 0,
                "kafka_offset": low,
                "from": low,
                "to": high,
            }
        )

    def test_a_skip_of_offsets_without_a_record(self):
        self.skip(8, 10)
        self.accepts()

    def test_a_skip_where_the_topic_has_records(self):
        self.skip(7, 9)
        self.objects("skip")

    def test_only_the_first_of_a_kind_are_shown(self):
        for o in range(8, 40):
            self.case.a.append(dict(self.case.a[self.case.find(0, 7)], kafka_offset=o))
        text = self.objects("foreign")
        self.assertIn("... and 12 more", text)

    def test_a_transaction_leaves_offsets_without_a_record(self):
        self.case.remove(0, 2)
        del self.case.a[self.case.find(0, 2)]
        text = self.accepts("--holes")
        self.assertRegex(text, r"orders on the topic +15\n")
        self.assertRegex(text, r"offsets without a record +1\n")

    def test_a_commit_of_an_end_without_a_record(self):
        self.case.commits.append((1, 10))
        self.objects("commit_ahead")
        self.case.write("orders.ends", b"0 8\n1 10\n")
        self.accepts("--holes")
        self.case.commits.append((1, 11))
        self.objects("commit_ahead", arguments=["--holes"])

    def test_a_line_of_an_aborted_record(self):
        self.case.remove(0, 2)
        self.objects("foreign", arguments=["--holes"])

    def test_a_lost_line_beside_holes(self):
        self.case.remove(0, 2)
        del self.case.a[self.case.find(0, 2)]
        del self.case.a[self.case.find(1, 6)]
        self.objects("lost", arguments=["--holes"])

    def test_a_record_that_compaction_removed_may_have_a_line(self):
        self.case.remove(0, 2)
        self.case.remove(0, 6)
        del self.case.a[self.case.find(0, 6)]
        text = self.accepts("--compacted")
        self.assertRegex(text, r"records removed by compaction, after their lines +1\n")

    def test_a_record_that_compaction_removed_has_one_line_at_most(self):
        self.case.remove(0, 2)
        self.case.a.insert(self.case.find(0, 2), self.case.a[self.case.find(0, 2)])
        self.objects("doubled", arguments=["--compacted"])

    def test_a_lost_line_on_a_compacted_topic(self):
        self.case.remove(0, 2)
        del self.case.a[self.case.find(0, 3)]
        self.objects("lost", "dlq_unexplained", arguments=["--compacted"])

    def recreate(self):
        """Before, the topic had three records in partition 0, told before all others, and two in partition 2."""
        places = [(0, 0), (0, 1), (0, 2), (2, 0), (2, 1)]
        earlier = [(p, o, b"old-%d" % o, order(1000 + 100 * p + o)) for p, o in places]
        self.case.earlier = [earlier]
        replay = {"event_type": "journal.replay", "kafka_offset": 0, "from": 0, "to": 3, "recreated": True}
        replay |= {"timestamp": "2026-11-22T17:00:00.000Z", "kafka_topic": "orders", "kafka_partition": 0}
        self.case.a = [self.case.line(*r, GOOD) for r in earlier] + [replay] + self.case.a

    def test_a_recreated_topic(self):
        self.recreate()
        text = self.accepts("--recreated")
        self.assertRegex(text, r"orders on the topic +21\n")
        self.assertRegex(text, r"replay lines +1\n")

    def test_a_line_that_is_lost_of_either_topic(self):
        self.recreate()
        del self.case.a[1]
        self.objects("lost", arguments=["--recreated"])
        self.case.a[1:1] = [self.case.line(*self.case.earlier[0][1], GOOD)]
        del self.case.a[self.case.find(1, 6)]
        self.objects("lost", arguments=["--recreated"])

    def test_a_doubled_line_of_either_topic(self):
        self.recreate()
        self.case.a.insert(2, self.case.a[1])
        self.objects("doubled", arguments=["--recreated"])
        self.case.a[2] = self.case.a.pop()
        self.objects("out_of_order", arguments=["--recreated"])

    def test_a_line_of_a_deleted_topic_after_one_of_its_successor(self):
        self.recreate()
        self.case.a.append(self.case.a.pop(2))
        self.objects("out_of_order", arguments=["--recreated"])

    def test_earlier_topics_need_their_option(self):
        self.recreate()
        status, text = self.case.ask()
        self.assertEqual(status, 2, text)

    def test_a_dump_with_a_hole_cannot_be_judged(self):
        del self.case.topic[3]
        status, text = self.case.ask()
        self.assertEqual(status, 2, text)
        self.assertIn("after 0/2 comes 0/4", text)


if __name__ == "__main__":
    unittest.main()
