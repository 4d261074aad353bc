#!/usr/bin/env python3
"""The bench's own arithmetic: what is durable when, what is noise, what is reached; no Kafka and no clock."""

import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout
from unittest.mock import patch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import bench  # noqa: E402
import compare  # noqa: E402
import contenders  # noqa: E402
import goals  # noqa: E402
import probes  # noqa: E402
from measure import Failed, Job, measure, next_look  # noqa: E402
from report import RUN_COLUMNS, tabulate  # noqa: E402


def race(name, *seconds, problem=None):
    rounds = [{"seconds": s, "first_seconds": s / 2, "cpu_seconds": 1, "peak_bytes": 9e7, "written_bytes": 1e9} for s in seconds]
    return {"group": "tracker", "name": name, "orders": 100000, "rounds": rounds} | ({"problem": problem} if problem else {})


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name, text=None):
        path = os.path.join(self.folder.name, name)
        if text is not None:
            with open(path, "w") as f:
                f.write(text)
        return path


class Latency(Folder):
    LINE = '{"kafka_timestamp_ms":%d}\n'

    def journal(self, *stamps):
        return self.path("events", "".join(self.LINE % s for s in stamps))

    def notes(self, *pairs):
        return self.path("notes", "".join(f"{size} {ms * 1000}\n" for size, ms in pairs))

    def test_a_line_is_durable_with_the_first_fsync_that_covers_its_end(self):
        size = len(self.LINE % 1000)
        notes = self.notes((size, 1010), (3 * size - 1, 1020), (3 * size, 1050))
        self.assertEqual(probes.latencies(self.journal(1000, 1000, 1000), notes, 0), [10, 20, 50])

    def test_a_line_that_no_fsync_covers_is_no_figure(self):
        with self.assertRaises(Failed):
            probes.latencies(self.journal(1000, 1000), self.notes((len(self.LINE % 1000), 1010)), 0)

    def test_what_came_before_the_time_is_left_out(self):
        self.assertEqual(probes.latencies(self.journal(1000, 2000), self.notes((1000, 2005)), 2000), [5])

    def test_percentiles_are_values_that_were_seen(self):
        figures = probes.percentiles(list(range(1, 1001)))
        self.assertEqual(figures, {"p50_ms": 501, "p99_ms": 991, "p999_ms": 1000, "max_ms": 1000})


class WholeLines(Folder):
    def test_a_torn_end_is_not_counted(self):
        self.assertEqual(probes.whole_lines_end(self.path("events", "{}\n{}\n{tor")), 6)
        self.assertEqual(probes.whole_lines_end(self.path("events", "{tor")), 0)


class Measure(Folder):
    def run_it(self, script, **more):
        return measure(Job(["sh", "-c", script], self.path("values"), **more), self.folder.name, 60)

    def test_output_and_end_are_told(self):
        figures = self.run_it("echo x >values")
        self.assertEqual(figures["written_bytes"], 2)
        self.assertGreater(figures["peak_bytes"], 0)

    def test_a_bad_status_is_a_failure_in_the_programs_words(self):
        with self.assertRaisesRegex(Failed, "status 3: no such luck"):
            self.run_it("echo no such luck; exit 3")

    def test_what_does_not_end_by_itself_is_ended_when_it_is_done(self):
        path = self.path("values")
        self.run_it("echo x >values; sleep 600 & wait", is_done=lambda: os.path.exists(path))

    def test_what_ends_before_it_is_done_has_failed(self):
        with self.assertRaises(Failed):
            self.run_it("true", is_done=lambda: False)


    def test_only_what_has_something_to_show_is_looked_at_on_its_way(self):
        self.assertEqual(next_look(Job([]), None, None, 60), 60)
        self.assertLess(next_look(Job([], "values"), None, None, 60), 1)
        self.assertEqual(next_look(Job([], "values"), 0.1, None, 60), 60)
        self.assertLess(next_look(Job([], "values", is_done=bool), 0.1, None, 60), 1)

    def test_the_end_of_what_writes_nothing_is_waited_for(self):
        figures = measure(Job(["sh", "-c", "sleep 0.1"]), self.folder.name, 60)
        self.assertIsNone(figures["first_seconds"])
        self.assertGreaterEqual(figures["seconds"], 0.1)

    def test_what_does_not_end_in_time_is_ended(self):
        with self.assertRaisesRegex(Failed, "did not end within 0.1 s"):
            measure(Job(["sleep", "600"]), self.folder.name, 0.1)


class Senders(unittest.TestCase):
    class Bench:
        """As much of a bench as the senders ask for."""

        orders = 10

        class broker:
            address = "localhost:1"

            @staticmethod
            def create(topic, partitions):
                pass

        @staticmethod
        def first_record():
            return "an-id", ["ce_id=an-id", "ce_type=order.created"]

        @staticmethod
        def values_file():
            return __file__

        keyed_file = values_file

    def words(self, name):
        row = next(r for r in contenders.PRODUCERS if r.name == name)
        with patch.dict(os.environ, RDKAFKA_PERFORMANCE="/bin/true"), patch("shutil.which", lambda tool: f"/bin/{tool}"):
            return row.job(self.Bench, "/", row).argv

    def values_of(self, name, option):
        words = self.words(name)
        return [words[i + 1] for i, word in enumerate(words) if word == option]

    def test_all_that_send_alike_have_the_same_settings_and_headers(self):
        for suffix in ("", goals.UNCOMPRESSED):
            kcat, constant = goals.FROM_A_FILE + suffix, goals.CONSTANT + suffix
            self.assertEqual(self.values_of(kcat, "-X"), self.values_of(constant, "-X"))
            self.assertEqual(self.values_of(kcat, "-H"), ["ce_id=an-id", "ce_type=order.created"])
            self.assertEqual(self.values_of(kcat, "-H"), self.values_of(constant, "-H"))
            self.assertIn(f"compression.type={'none' if suffix else 'zstd'}", self.values_of(kcat, "-X"))
            self.assertIn(f"compression.type={'none' if suffix else 'zstd'}", self.words("producer" + suffix))
            self.assertEqual(self.values_of(constant, "-k"), ["an-id"])

    def test_each_goal_of_the_producer_names_a_row(self):
        rows = [{"group": "producer", "name": r.name, "orders": 10, "rounds": [{"seconds": 1}]} for r in contenders.PRODUCERS]
        told = [line for line in goals.table_of(rows) if "producer" in line]
        self.assertEqual(len(told), 4)
        self.assertTrue(all("1.00" in line for line in told))


class Tables(Folder):
    def test_a_contender_that_is_missing_says_why(self):
        lines = tabulate(RUN_COLUMNS, "reading", [race("tracker", 1, 2, 4), race("peer", problem="not set")], "tracker")
        self.assertIn("50,000", lines[2])
        self.assertIn("25,000..100,000", lines[2])
        self.assertEqual(lines[-1], "- peer: not set")

    def test_goals_that_were_not_measured_are_not_told(self):
        lines = goals.table_of([race("tracker", 1, 1, 1), race("dd conv=fdatasync, the journal's bytes", 0.5)])
        self.assertTrue(any("of dd's rate" in x and "0.50" in x and "no" in x for x in lines))
        self.assertFalse(any("rsyslog" in x for x in lines))

    def compare(self, a, b):
        files = []
        for name, seconds in (("a", a), ("b", b)):
            run = {"machine": {}, "orders": 100000, "results": [race("tracker", *seconds)]}
            files.append(self.path(name, json.dumps(run)))
        out = io.StringIO()
        with redirect_stdout(out):
            self.assertEqual(compare.main(files), 0)
        return next(x for x in out.getvalue().splitlines() if "msg/s" in x)

    def test_ranges_that_overlap_are_noise(self):
        self.assertIn("noise", self.compare((1.0, 1.1, 1.3), (1.2, 1.4, 1.5)))
        self.assertIn("differs", self.compare((1.0, 1.1, 1.2), (1.3, 1.4, 1.5)))

    def test_a_file_that_is_no_run_is_refused(self):
        with redirect_stderr(io.StringIO()):
            self.assertEqual(compare.main([self.path("a", "{}"), self.path("b", "[]")]), 2)


class Words(unittest.TestCase):
    def test_what_is_going_on_is_no_part_of_the_tables(self):
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            bench.Bench.say("round 1 of 1")
        self.assertEqual(out.getvalue(), "")
        self.assertEqual(err.getvalue(), "bench: round 1 of 1\n")

    def test_an_unknown_bench_is_wrong_usage(self):
        with redirect_stderr(io.StringIO()), self.assertRaises(SystemExit) as refused:
            bench.parse(["speed"])
        self.assertEqual(refused.exception.code, 2)

    def test_lines_come_at_a_steady_pace_and_from_the_beginning_again(self):
        with tempfile.NamedTemporaryFile("w") as f:
            f.write("a\nb\nc\n")
            f.flush()
            done = subprocess.run([sys.executable, probes.PACE, f.name, "100000", "5"], capture_output=True, text=True,
                                  check=True, timeout=60)
        self.assertEqual(done.stdout, "a\nb\nc\na\nb\n")


if __name__ == "__main__":
    unittest.main()
