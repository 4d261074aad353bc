#!/usr/bin/env python3
"""Judges what trackers have told against what was on the topics. Shares no code with the product.

    oracle.py [--group NAME] [--topic NAME] [--dlq-topic NAME] [--resets] [--holes] [--compacted] [--recreated] FOLDER

FOLDER holds, and nothing else is looked at:

    orders.dump           every record of the topic, as read by DUMP_FORMAT below
    orders-dlq.dump       the same of the dead letter topic
    orders.ends           the end of each partition, `PARTITION OFFSET`; without it the end is after the last record
    offsets.dump          the same of __consumer_offsets
    trackers/NAME/        one folder per journal: tracker.events, its rotated forerunners
                          tracker.events.0001, ... in the order of their names, and
                          tracker.events.state, the sidecar

Prints the figures, then each violation by its kind, the first 20 of a kind in full.
--resets allows that the group was set back on purpose (journal.replay and journal.gap lines).
--holes allows offsets without a record, as transactions leave them; none may have a line.
--compacted allows them too, and that a journal tells records that compaction has removed since.
--recreated allows journal.replay lines, and judges each line by the topic that holds its record: orders.dump is the
topic as it is now, orders.dump.1, orders.dump.2, ... are those of the same name before it.
Exit status: 0 nothing to object to, 1 violations, 2 it cannot judge.

Memory is some fifty bytes per record of the topic, whatever the size of the journals.
"""

import argparse
import array
import base64
import calendar
import functools
import glob
import hashlib
import itertools
import json
import os
import re
import struct
import sys
import time

# For kcat -f: lengths before bytes, so that any bytes can be read back; -1 stands for null.
DUMP_FORMAT = r"%p %o %T %K %S\n%k%s%h\n"

SHOWN = 20

KINDS = {
    "lost": "a record of the topic has no line",
    "doubled": "a journal tells an offset twice",
    "out_of_order": "a journal goes back within a partition",
    "malformed": "a line is not what a line must be",
    "foreign": "a line tells a record that is not on the topic",
    "altered": "a line does not hold the record's bytes",
    "wrong_fate": "a fate that the record does not deserve",
    "contradiction": "two journals tell different fates",
    "dlq_missing": "a line names a dead letter that is not there",
    "dlq_differs": "a dead letter does not hold the record's bytes or headers",
    "dlq_wrong_id": "a dead letter has another dlq.id than its record",
    "dlq_unexplained": "a dead letter of a record that no line calls dead-lettered",
    "commit_ahead": "an offset is committed beyond what the journals tell",
    "commit_early": "an offset was committed before each record below it was told",
    "commit_behind": "the last committed offset is not the end of the partition",
    "commit_backwards": "a commit goes back",
    "sidecar_ahead": "a sidecar is ahead of its journal",
    "sidecar_wrong": "a sidecar is broken, or says clean and is not",
    "replay": "a journal.replay line, though nobody set the group back",
    "gap": "a journal.gap line, though the topic still holds the records",
    "skip": "a journal.skip line, though the topic holds a record there",
}

RANGES = ("journal.gap", "journal.replay", "journal.skip")
FATES = {"processed": 1, "dead_lettered": 2, "dropped": 3}
NO_RECORD = 255  # in place of a fate: the offset holds none


class CannotJudge(Exception):
    pass


class Report:
    """Violations by kind, and figures by name."""

    def __init__(self):
        self.counts = {}
        self.shown = {}
        self.figures = {}

    def object(self, kind, text):
        assert kind in KINDS, kind
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.counts[kind] <= SHOWN:
            self.shown.setdefault(kind, []).append(text)

    def add(self, figure, n=1):
        self.figures[figure] = self.figures.get(figure, 0) + n


# ---- topics


def read_dump(path):
    """Yields (partition, offset, timestamp, key, value, headers) of a dump, in its order."""
    with open(path, "rb", buffering=1 << 20) as f:
        while True:
            head = f.readline()
            if not head:
                return
            try:
                p, o, t, key_len, value_len = map(int, head.split())
            except ValueError:
                raise CannotJudge(f"{path}: no record at byte {f.tell() - len(head)}") from None
            key = f.read(key_len) if key_len >= 0 else None
            value = f.read(value_len) if value_len >= 0 else None
            headers = f.readline()
            if not headers.endswith(b"\n"):
                raise CannotJudge(f"{path}: cut off in the record {p}/{o}")
            yield p, o, t, key, value, headers[:-1]


def short_hash(data):
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def fingerprint(key, value):
    """Of key and value, 8 bytes; null and empty differ."""
    h = hashlib.blake2b(digest_size=8)
    h.update(b"%d %d " % (-1 if key is None else len(key), -1 if value is None else len(value)))
    h.update(key or b"")
    h.update(value or b"")
    return int.from_bytes(h.digest(), "little")


class Partition:
    """Of each record on the topic what is needed to know it again, by offset."""

    def __init__(self):
        self.prints = array.array("Q")
        self.sizes = array.array("q")  # -1: null value
        self.times = array.array("q")
        self.header_prints = array.array("Q")
        self.header_sizes = array.array("l")
        self.told = array.array("q")  # when first, by any journal; 0: not told yet
        self.fates = bytearray()  # by any journal; 0: not told yet
        self.in_gap = bytearray()

    def end(self):
        return len(self.prints)

    def append(self, print_, size, when, header_print, header_size, fate=0):
        self.prints.append(print_)
        self.sizes.append(size)
        self.times.append(when)
        self.header_prints.append(header_print)
        self.header_sizes.append(header_size)
        self.told.append(0)
        self.fates.append(fate)
        self.in_gap.append(0)

    def has(self, o):
        return 0 <= o < self.end() and self.fates[o] != NO_RECORD

    def has_headers(self, o, text):
        """A dead letter's headers (their text) begin with those of the record at o."""
        size = self.header_sizes[o]
        return short_hash(text[:size]) == self.header_prints[o] and (size == 0 or text[size : size + 1] == b",")


def load_topic(path, options, report):
    partitions = {}
    for p, o, t, key, value, headers in read_dump(path):
        part = partitions.setdefault(p, Partition())
        if o < part.end() or (o > part.end() and not (options.holes or options.compacted)):
            raise CannotJudge(f"{path}: after {p}/{part.end() - 1} comes {p}/{o}")
        report.add("orders on the topic")
        if o > part.end():
            report.add("offsets without a record", o - part.end())
        while part.end() < o:
            part.append(0, -1, 0, 0, 0, NO_RECORD)
        size = -1 if value is None else len(value)
        part.append(fingerprint(key, value), size, t, short_hash(headers), len(headers))
    return partitions


class DeadLetters:
    """Of each dead letter whose it is and which bytes it has, by its own place."""

    def __init__(self):
        self.prints = {}  # partition: array
        self.sources = {}  # partition: array of (partition << 48 | offset), -1 when it has no id
        self.omitted = set()
        self.named = {}  # partition: bytearray, 1 when a line names it


def parse_id(headers, topic, group):
    """The source of a dead letter, or None when its dlq.id is none of this topic and group."""
    ids = re.findall(rb"(?:^|,)dlq\.id=([^,]*)", headers)
    if len(ids) != 1:
        return None
    m = re.fullmatch(rb"(.*)/(\d+)/(\d+)/(.*)", ids[0])
    if not m or m[1] != topic.encode() or m[4] != group.encode():
        return None
    return int(m[2]) << 48 | int(m[3])


def is_headed_as_its_source(source, headers, partitions):
    part = partitions.get(source >> 48)
    o = source & ((1 << 48) - 1)
    return part is None or not part.has(o) or part.has_headers(o, headers)


def load_dead_letters(path, topic, group, partitions, report):
    dead = DeadLetters()
    for p, o, _, key, value, headers in read_dump(path):
        prints = dead.prints.setdefault(p, array.array("Q"))
        sources = dead.sources.setdefault(p, array.array("q"))
        if o != len(prints):
            raise CannotJudge(f"{path}: after {p}/{len(prints) - 1} comes {p}/{o}")
        source = parse_id(headers, topic, group)
        if source is None:
            report.object("dlq_wrong_id", f"dead letter {p}/{o}: {headers[-400:]!r}")
        elif not is_headed_as_its_source(source, headers, partitions):
            report.object("dlq_differs", f"dead letter {p}/{o}: not the headers of its record: {headers[-400:]!r}")
        if re.search(rb"(?:^|,)dlq\.value-omitted=true(?:,|$)", headers):
            dead.omitted.add((p, o))
        prints.append(fingerprint(key, value))
        sources.append(-1 if source is None else source)
        report.add("dead letters on the topic")
    for p, prints in dead.prints.items():
        dead.named[p] = bytearray(len(prints))
    return dead


# ---- orders


def strict_object(pairs):
    d = dict(pairs)
    if len(d) != len(pairs):
        d[None] = "a key is repeated"
    return d


def no_constant(text):
    raise ValueError(f"{text} is no JSON")


def parse_json(text, parse_float=float):
    """Strict, of bytes."""
    return json.loads(text.decode(), parse_float=parse_float, parse_constant=no_constant, object_pairs_hook=strict_object)


def is_same_order(line, raw):
    """order_full of the line (its text) is the order, character by character but for white space."""
    if line.endswith(b'"order_full":' + raw + b"}\n"):
        return True
    as_written = lambda digits: (digits,)
    return parse_json(line, as_written).get("order_full") == parse_json(raw, as_written)


def cents(n):
    return round(float(n) * 100)


def differs(a, b):
    return abs(a - b) > 1


def why_invalid(order):
    """What is wrong with an order that was decodable, or None. The rules of docs, written anew."""
    customer = order.get("customer_info") or {}
    items = order.get("items") or []
    texts = [order.get("order_id"), order.get("status"), customer.get("customer_id"), customer.get("name")]
    for item in items:
        texts += [item.get("item_id"), item.get("item_name")]
    if not items or any(not t or not t.strip() for t in texts):
        return "something required is missing"
    if order.get("sequence", 0) < 1:
        return "sequence"
    total = 0
    for item in items:
        if item.get("quantity", 0) < 1 or float(item.get("unit_price", 0)) <= 0:
            return "quantity or unit_price"
        total += cents(item.get("total_price", 0))
        if differs(cents(item.get("total_price", 0)), item["quantity"] * cents(item["unit_price"])):
            return "total_price"
    tax, shipping = float(order.get("tax", 0)), float(order.get("shipping_fee", 0))
    if tax < 0 or shipping < 0:
        return "tax or shipping_fee"
    if differs(cents(order.get("subtotal", 0)), total):
        return "subtotal"
    if differs(cents(order.get("total", 0)), cents(order.get("subtotal", 0)) + cents(tax) + cents(shipping)):
        return "total"
    email = customer.get("email")
    if email and email.strip() and not re.fullmatch(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", email):
        return "email"
    return None


# ---- journals

TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{3})Z")


@functools.lru_cache
def epoch_seconds(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))


def epoch_ms(timestamp):
    seconds, ms = TIMESTAMP.fullmatch(timestamp).groups()
    return epoch_seconds(seconds) * 1000 + int(ms)


def fits(value, kind):
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def why_malformed(line):
    """What is wrong with the form of a line that is a JSON object, or None."""
    required = [("timestamp", str), ("event_type", str), ("kafka_topic", str), ("kafka_partition", int)]
    if line.get("event_type") in RANGES:
        required += [("from", int), ("to", int)]
    else:
        required += [("kafka_offset", int), ("deserialized", bool), ("outcome", str), ("attempts", int)]
        required += [("latency_ms", int)]
    if None in line:
        return line[None]
    for key, kind in required:
        if not fits(line.get(key), kind):
            return f"{key} is missing or no {kind.__name__}"
    if not TIMESTAMP.fullmatch(line["timestamp"]):
        return "timestamp"
    if line.get("outcome", "processed") not in FATES:
        return f"outcome {line['outcome']}"
    if "outcome" in line and (line["outcome"] == "processed") == ("reason" in line):
        return "processed with a reason, or not processed without one"
    if "outcome" in line and (line["outcome"] == "dead_lettered") != isinstance(line.get("dlq"), dict):
        return "dlq goes with dead_lettered"
    return None


def bytes_of(line, name, encoding):
    """Bytes that a line holds as text or base64; None for null."""
    text = line.get(name)
    if text is None:
        return None
    if line.get(encoding) == "base64":
        return base64.b64decode(text, validate=True)
    return text.encode()


class Journal:
    """What one has told so far, of the topic as it is now or of one before it."""

    def __init__(self, name):
        self.name = name
        self.next = {}  # partition: the offset that the next line may have at least
        self.replay = {}  # partition: (from, to) of the last journal.replay line
        self.seen = {}  # partition: bytearray


class Judge:
    def __init__(self, topics, dead, options, report):
        self.topics = topics  # the last is that of now
        self.partitions = topics[-1]  # of the topic that the current line is about
        self.ends = {}  # partition: its end, when that is known
        self.dead = dead
        self.options = options
        self.report = report

    def judge_range(self, journal, line, where):
        p, low, high = line["kafka_partition"], line["from"], line["to"]
        if line["event_type"] == "journal.skip":
            self.report.add("skip lines")
            part = self.partitions.get(p)
            if not self.options.recreated and part and any(part.has(o) for o in range(low, high)):
                self.report.object("skip", f"{where}: partition {p} from {low} to {high}")
            return
        if self.options.recreated and line["event_type"] == "journal.replay":
            self.report.add("replay lines")
            return
        if line["event_type"] == "journal.replay":
            self.report.add("replay lines")
            journal.next[p] = low
            journal.replay[p] = (low, high)
        else:
            self.report.add("gap lines")
            journal.next[p] = max(high, journal.next.get(p, 0))
            if p in self.partitions:
                self.partitions[p].in_gap[low:high] = b"\1" * (min(high, self.partitions[p].end()) - low)
        if not self.options.resets:
            kind = line["event_type"].split(".")[1]
            self.report.object(kind, f"{where}: partition {p} from {low} to {high}")

    def judge_place(self, journal, line, where):
        """One line per offset, upwards."""
        p, o = line["kafka_partition"], line["kafka_offset"]
        low, high = journal.replay.get(p, (0, 0))
        may_repeat = line.get("replay") is True and low <= o < high
        seen = journal.seen.setdefault(p, bytearray(self.partitions[p].end()))
        if seen[o] and not (may_repeat and o >= journal.next.get(p, 0)):
            self.report.object("doubled", f"{where}: {p}/{o}")
        elif o < journal.next.get(p, 0):
            self.report.object("out_of_order", f"{where}: {p}/{o} after {p}/{journal.next[p] - 1}")
        seen[o] = 1
        journal.next[p] = max(o + 1, journal.next.get(p, 0))

    def judge_bytes(self, line, where):
        """The line holds the record. Returns the value."""
        part = self.partitions[line["kafka_partition"]]
        o = line["kafka_offset"]
        try:
            value = bytes_of(line, "raw_message", "raw_encoding")
            key = bytes_of(line, "kafka_key", "kafka_key_encoding")
        except (ValueError, AttributeError) as e:
            self.report.object("malformed", f"{where}: {e}")
            return None
        size = line.get("message_size")
        if fingerprint(key, value) != part.prints[o]:
            self.report.object("altered", f"{where}: key or raw_message of {line['kafka_partition']}/{o}")
        elif (-1 if size is None else size) != part.sizes[o]:
            self.report.object("altered", f"{where}: message_size {size}, it is {part.sizes[o]}")
        elif line.get("kafka_timestamp_ms") != part.times[o]:
            self.report.object("altered", f"{where}: kafka_timestamp_ms, it is {part.times[o]}")
        return value

    def judge_fate(self, line, text, value, where):
        reason = line.get("reason")
        if (reason == "NULL_VALUE") != (value is None):
            self.report.object("wrong_fate", f"{where}: {reason} with value {value!r}")
        if not line["deserialized"]:
            if line["outcome"] == "processed" or "order_full" in line:
                self.report.object("wrong_fate", f"{where}: processed or decoded, and not deserialized")
            return
        try:
            is_same = is_same_order(text, value)
            order = line["order_full"] if is_same else parse_json(value)
            wrong = why_invalid(order)
        except (ValueError, TypeError, AttributeError, KeyError) as e:
            self.report.object("wrong_fate", f"{where}: deserialized, but it is no order: {e}")
            return
        if wrong and reason != "VALIDATE":
            self.report.object("wrong_fate", f"{where}: {line['outcome']}, but it is not valid: {wrong}")
        if not wrong and reason == "VALIDATE":
            self.report.object("wrong_fate", f"{where}: VALIDATE, but it is valid: {line.get('error')}")
        if not is_same:
            self.report.object("altered", f"{where}: order_full is not the order")
        elif line.get("order_id") != order.get("order_id"):
            self.report.object("altered", f"{where}: order_id")

    def judge_dead_letter(self, line, where):
        p, o = line["kafka_partition"], line["kafka_offset"]
        dlq = line["dlq"]
        to = dlq.get("partition"), dlq.get("offset")
        prints = self.dead.prints.get(to[0], ())
        if dlq.get("topic") != self.options.dlq_topic or not fits(to[1], int) or not 0 <= to[1] < len(prints):
            self.report.object("dlq_missing", f"{where}: {p}/{o} names {dlq}")
            return
        self.dead.named[to[0]][to[1]] = 1
        if self.dead.sources[to[0]][to[1]] != p << 48 | o:
            self.report.object("dlq_wrong_id", f"{where}: {p}/{o} names {dlq}, which is another's")
        elif to not in self.dead.omitted and prints[to[1]] != self.partitions[p].prints[o]:
            self.report.object("dlq_differs", f"{where}: {p}/{o} and {dlq}")

    def turn_to_topic(self, journals, line):
        """The one that holds the line's record: none of them may hold one twice. Returns what the journal has told of
        it."""
        p, o = line["kafka_partition"], line["kafka_offset"]
        at = len(self.topics) - 1
        if at > 0:
            print_ = fingerprint(bytes_of(line, "kafka_key", "kafka_key_encoding"), bytes_of(line, "raw_message", "raw_encoding"))
            for n, partitions in enumerate(self.topics):
                if p in partitions and partitions[p].has(o) and partitions[p].prints[o] == print_:
                    at = n
        self.partitions = self.topics[at]
        if any(p in later.next for later in journals[at + 1 :]):
            self.report.object("out_of_order", f"{journals[at].name}: {p}/{o} of a topic that was deleted, after one of its successor")
        return journals[at]

    def judge_line(self, journals, text, where):
        report = self.report
        report.add("lines")
        try:
            line = parse_json(text)
            wrong = why_malformed(line) if isinstance(line, dict) else "no object"
        except (ValueError, RecursionError) as e:
            wrong = str(e)
        if wrong:
            report.object("malformed", f"{where}: {wrong}: {text[:200]!r}")
            return
        p = line["kafka_partition"]
        if line["event_type"] in RANGES:
            self.partitions = self.topics[-1]
            self.judge_range(journals[-1], line, where)
            return
        o = line["kafka_offset"]
        journal = self.turn_to_topic(journals, line)
        part = self.partitions.get(p)
        if line["kafka_topic"] != self.options.topic or not part or not 0 <= o < part.end():
            report.object("foreign", f"{where}: {line['kafka_topic']} {p}/{o}")
            return
        if not part.has(o) and not self.options.compacted:
            report.object("foreign", f"{where}: {p}/{o} holds no record")
            return
        self.judge_place(journal, line, where)
        if not part.has(o):
            report.add("records removed by compaction, after their lines")
            return
        self.judge_fate(line, text, self.judge_bytes(line, where), where)
        report.add(f"lines {line['outcome']}")
        if line["outcome"] == "dead_lettered":
            self.judge_dead_letter(line, where)
        told, fates = part.told, part.fates
        told[o] = min(told[o] or sys.maxsize, epoch_ms(line["timestamp"]))
        if fates[o]:
            report.add("records in two journals")
            if fates[o] != FATES[line["outcome"]]:
                report.object("contradiction", f"{where}: {p}/{o} is {line['outcome']}")
        fates[o] = FATES[line["outcome"]]

    def judge_file(self, journals, path, is_rotated):
        """A rotated file may end within a line, when the tracker was killed: a reader takes whole
        lines only, and the record is told again behind it."""
        with open(path, "rb", buffering=1 << 20) as f:
            for number, text in enumerate(f, 1):
                where = f"{journals[-1].name}/{os.path.basename(path)}:{number}"
                if text.endswith(b"\n"):
                    self.judge_line(journals, text, where)
                elif is_rotated:
                    self.report.add("torn tails in rotated files")
                else:
                    self.report.object("malformed", f"{where}: torn: {text[:200]!r}")

    def judge_sidecar(self, journal, path):
        try:
            with open(path, encoding="utf-8") as f:
                state = json.load(f)
            for entry in state["partitions"]:
                p, told = entry["partition"], journal.next.get(entry["partition"], 0)
                if self.options.recreated and p not in journal.next:
                    continue  # its position is in a topic that is no more
                text = f"{journal.name}: partition {p}: next {entry['next']}, the journal tells up to {told}"
                if entry["next"] > told:
                    self.report.object("sidecar_ahead", text)
                elif state["clean"] and p in journal.next and entry["next"] != told:
                    self.report.object("sidecar_wrong", f"clean, but {text}")
        except (OSError, ValueError, KeyError, TypeError) as e:
            self.report.object("sidecar_wrong", f"{journal.name}: {e!r}")

    def judge_journal(self, folder):
        journals = [Journal(os.path.basename(folder)) for _ in self.topics]
        current = os.path.join(folder, "tracker.events")
        rotated = sorted(p for p in glob.glob(glob.escape(current) + ".*") if re.search(r"\.\d+$", p))
        for path in rotated:
            self.judge_file(journals, path, True)
        if os.path.exists(current):
            self.judge_file(journals, current, False)
        if any(journal.next for journal in journals) or os.path.exists(current + ".state"):
            self.judge_sidecar(journals[-1], current + ".state")
        self.report.add("torn tails moved aside", len(glob.glob(glob.escape(current) + ".torn-*")))
        self.report.add("journals")
        self.report.add("journal files", len(rotated) + os.path.exists(current))

    # ---- all together

    def judge_losses(self):
        for p, part in [item for partitions in self.topics for item in sorted(partitions.items())]:
            o = part.fates.find(0)
            while o >= 0:
                if not part.in_gap[o]:
                    self.report.object("lost", f"{p}/{o}")
                o = part.fates.find(0, o + 1)

    def judge_dead_letters(self):
        for p, sources in sorted(self.dead.sources.items()):
            for o, source in enumerate(sources):
                if self.dead.named[p][o] or source < 0:
                    continue
                part = self.partitions.get(source >> 48)
                so = source & ((1 << 48) - 1)
                if not part or so >= part.end() or part.fates[so] != FATES["dead_lettered"]:
                    self.report.object("dlq_unexplained", f"dead letter {p}/{o} of {source >> 48}/{so}")
                elif (p, o) not in self.dead.omitted and self.dead.prints[p][o] != part.prints[so]:
                    self.report.object("dlq_differs", f"redelivery {p}/{o} of {source >> 48}/{so}")
                else:
                    self.report.add("dead letters delivered again")

    def judge_commits(self, path):
        """Of a topic that was recreated only the last ones: Kafka forgets those of a topic that is deleted."""
        self.partitions = self.topics[-1]
        last = {}
        # Each record's time becomes that at which all up to it were told.
        for part in self.partitions.values():
            part.told = array.array("q", itertools.accumulate(part.told, max))
        for p, offset, when in read_commits(path, self.options.group, self.options.topic):
            self.report.add("commits")
            part = self.partitions.get(p)
            if self.options.recreated:
                pass
            elif part and 0 < offset <= part.end() and part.told[offset - 1] > when:
                late = part.told[offset - 1] - when
                self.report.object("commit_early", f"partition {p}: {offset}, {late} ms before all below it was told")
            if offset < last.get(p, 0) and not self.options.resets and not self.options.recreated:
                self.report.object("commit_backwards", f"partition {p}: {offset} after {last[p]}")
            last[p] = offset
        for p, part in sorted(self.partitions.items()):
            told = len(part.fates.rstrip(b"\0"))
            # Behind the last record there may be offsets that hold none.
            if told == part.end():
                told = max(told, self.ends.get(p, 0))
            if last.get(p, 0) > told:
                self.report.object("commit_ahead", f"partition {p}: {last[p]}, told up to {told}")
            elif last.get(p, 0) < part.end():
                self.report.object("commit_behind", f"partition {p}: {last.get(p, 0)} of {part.end()}")


def read_commits(path, group, topic):
    """Yields (partition, offset, when) of each commit of the group in __consumer_offsets."""
    for _, _, when, key, value, _ in read_dump(path):
        if key is None or value is None or struct.unpack_from(">h", key)[0] > 1:
            continue
        at, names = 2, []
        for _ in range(2):
            (length,) = struct.unpack_from(">h", key, at)
            names.append(key[at + 2 : at + 2 + length].decode())
            at += 2 + length
        if names == [group, topic]:
            yield struct.unpack_from(">i", key, at)[0], struct.unpack_from(">q", value, 2)[0], when


def judge(folder, options):
    report = Report()
    now = os.path.join(folder, "orders.dump")
    before = sorted(glob.glob(glob.escape(now) + ".*"), key=lambda path: int(path.rpartition(".")[2]))
    topics = [load_topic(path, options, report) for path in [*before, now]]
    if before and not options.recreated:
        raise CannotJudge(f"{before[0]} needs --recreated")
    dead = load_dead_letters(os.path.join(folder, "orders-dlq.dump"), options.topic, options.group,
                             topics[-1], report)
    judge = Judge(topics, dead, options, report)
    ends = os.path.join(folder, "orders.ends")
    if os.path.exists(ends):
        with open(ends) as f:
            judge.ends = {int(p): int(end) for p, end in map(str.split, f)}
    for tracker in sorted(glob.glob(os.path.join(glob.escape(folder), "trackers", "*"))):
        judge.judge_journal(tracker)
    judge.judge_losses()
    judge.judge_dead_letters()
    judge.judge_commits(os.path.join(folder, "offsets.dump"))
    return report


def tell(report):
    for name, n in report.figures.items():
        print(f"  {name:34} {n:>10,}")
    for kind in KINDS:
        if kind in ("lost", "doubled", "out_of_order", "malformed", "altered") or kind in report.counts:
            print(f"  {kind:34} {report.counts.get(kind, 0):>10,}")
    for kind, texts in report.shown.items():
        print(f"{kind}: {KINDS[kind]} ({report.counts[kind]:,})")
        for text in texts:
            print(f"    {text}")
        if report.counts[kind] > len(texts):
            print(f"    ... and {report.counts[kind] - len(texts):,} more")


def make_parser():
    parser = argparse.ArgumentParser(description="judges journals against topics")
    parser.add_argument("--group", default="order-tracker-group")
    parser.add_argument("--topic", default="orders")
    parser.add_argument("--dlq-topic", default="orders-dlq")
    parser.add_argument("--resets", action="store_true", help="the group may have been set back on purpose")
    parser.add_argument("--holes", action="store_true", help="transactions left offsets without a record")
    parser.add_argument("--compacted", action="store_true", help="compaction removed records")
    parser.add_argument("--recreated", action="store_true", help="the topic was deleted and created again")
    parser.add_argument("folder")
    return parser


def main():
    options = make_parser().parse_args()
    try:
        report = judge(options.folder, options)
    except (CannotJudge, OSError) as e:
        print(f"oracle: cannot judge: {e}", file=sys.stderr)
        return 2
    tell(report)
    return 1 if report.counts else 0


if __name__ == "__main__":
    sys.exit(main())
