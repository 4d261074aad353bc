"""What the programs are to reach, and whether they did."""

from report import figures, median, rate, table, Column

GO_REFERENCE_RATE = 18600  # the Go reference tracker on two cores with its broker, no validation and no fsync
FSYNC_INTERVAL_MS = 200  # the default of tracker.fsync_interval_ms
MB = 1e6

# rows of the senders
CONSTANT = "rdkafka_performance -P, one record"
FROM_A_FILE = "kcat -P, the same from a file"
UNCOMPRESSED = ", uncompressed"


class Results:
    def __init__(self, results):
        self.results = {(r["group"], r["name"]): r for r in results}

    def rounds(self, group, name):
        return self.results.get((group, name), {"rounds": []})["rounds"]

    def median(self, group, name, figure):
        """None when it was not measured."""
        result = self.results.get((group, name))
        return median(figures(Column("", figure, str), result)) if result else None

    def rate(self, group, name):
        return self.median(group, name, rate)


def over(a, b):
    return a / b if a and b else None


def against_go(r):
    return over(r.rate("tracker", "tracker"), r.rate("tracker", "PEER_TRACKER") or GO_REFERENCE_RATE)


def against_disk(r):
    return over(r.rate("tracker", "tracker"), r.rate("tracker", "dd conv=fdatasync, the journal's bytes"))


def against_rsyslog(r):
    return over(r.rate("tracker", "tracker, events_payload: raw"), r.rate("tracker", "rsyslog imkafka to omfile"))


def cpu(r):
    return r.median("tracker", "tracker", lambda a_round, result: a_round["cpu_seconds"] * 1e6 / result["orders"])


def peak(name):
    def largest(r):
        return max((a_round["peak_bytes"] / MB for a_round in r.rounds("tracker", name)), default=None)

    return largest


def growth(r):
    """The last quarter's memory over that of the second: the first has everything still to grow."""
    for (group, _), result in r.results.items():
        if group == "memory" and result["rounds"]:
            last = result["rounds"][0]
            return over(last["quarter4_bytes"], last["quarter2_bytes"])
    return None


def against_sender(name, suffix=""):
    return lambda r: over(r.rate("producer", f"producer{suffix}"), r.rate("producer", f"{name}{suffix}"))


def value(group, name, key):
    return lambda r: r.median(group, name, lambda a_round, _: a_round[key])


# the goal, its figure, at least (+1) or at most (-1) the limit, how it is written
GOALS = [
    ("tracker, times the Go reference", against_go, +1, 7, "{:.2f}"),
    ("tracker, of dd's rate for the same bytes", against_disk, +1, 0.7, "{:.2f}"),
    ("tracker with payload raw, of rsyslog imkafka", against_rsyslog, +1, 0.75, "{:.2f}"),
    ("tracker, CPU µs per message", cpu, -1, 9, "{:.2f}"),
    ("tracker, peak MB", peak("tracker"), -1, 150, "{:.0f}"),
    ("tracker with 12 partitions, peak MB", peak("tracker, 12 partitions"), -1, 150, "{:.0f}"),
    ("tracker over many orders, memory of the last quarter to the second", growth, -1, 1.1, "{:.2f}"),
    ("producer, of rdkafka_performance -P with one record, zstd", against_sender(CONSTANT), +1, 0.9, "{:.2f}"),
    ("producer, of the same, uncompressed", against_sender(CONSTANT, UNCOMPRESSED), +1, 0.9, "{:.2f}"),
    ("producer, of kcat -P with the same records, zstd", against_sender(FROM_A_FILE), +1, 0.9, "{:.2f}"),
    ("producer, of the same, uncompressed", against_sender(FROM_A_FILE, UNCOMPRESSED), +1, 0.9, "{:.2f}"),
    ("p99 to durable line at 1,000 a second, ms", value("latency", "1,000 a second", "p99_ms"), -1,
     FSYNC_INTERVAL_MS + 20, "{:.0f}"),
    ("restart after kill -9, s to the first new line", value("recovery", "default settings", "seconds"), -1, 1, "{:.2f}"),
    ("the same as a dynamic member of its group", value("recovery", "a dynamic member", "seconds"), -1, 11, "{:.2f}"),
    ("idle tracker, % of a core", value("idle", "tracker, nothing comes", "cpu_percent"), -1, 0.5, "{:.2f}"),
]


def table_of(results):
    """Lines of a table of all goals that were measured."""
    r = Results(results)
    rows = []
    for text, figure, direction, limit, form in GOALS:
        reached = figure(r)
        if reached is None:
            continue
        is_good = reached >= limit if direction > 0 else reached <= limit
        rows.append([text, f"{'at least' if direction > 0 else 'at most'} {limit}", form.format(reached),
                     "yes" if is_good else "no"])
    return table(["goal", "limit", "figure", "reached"], rows) if rows else []
