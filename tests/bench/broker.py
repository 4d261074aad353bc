"""A real Kafka for the time of a bench, and the topics that are read."""

import os
import subprocess

from measure import Failed

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOCAL_KAFKA = os.path.join(ROOT, "scripts", "local_kafka.sh")
SEED = "1"


def run(argv, seconds, **options):
    """Runs a command to its end. Returns its stdout; raises Failed."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL, **options)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise Failed(str(e)) from None
    if done.returncode != 0:
        raise Failed(f"{' '.join(argv)}: status {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout


def clean_environment(**more):
    """Nothing that the user has set may reach the programs."""
    ours = ("KAFKA_", "PRODUCER_", "TRACKER_", "RETRY_", "DLQ_", "SIMULATE_", "PROCESSOR_", "MONITOR_", "APP_")
    keep = {k: v for k, v in os.environ.items() if not k.startswith(ours) or k == "KAFKA_HEAP_OPTS"}
    for name in ("LOG_LEVEL", "CONFIG_FILE"):
        keep.pop(name, None)
    return keep | more


def program(name, *settings):
    """The words of one of our programs with settings section.key=value."""
    return [os.path.join(ROOT, "bin", name), "-q"] + [f"-s{s}" for s in settings]


class Broker:
    def __init__(self, folder):
        self.folder = os.path.join(folder, "kafka")
        self.address = None
        self.filled = set()  # of topics

    def start(self):
        # In a session of its own, so that Ctrl+C does not reach it.
        run([LOCAL_KAFKA, "start", self.folder, "0"], 300, start_new_session=True)
        run([LOCAL_KAFKA, "wait", self.folder, "120"], 150, start_new_session=True)
        self.address = run([LOCAL_KAFKA, "address", self.folder], 10).strip()

    def stop(self):
        subprocess.run([LOCAL_KAFKA, "stop", self.folder], timeout=90, capture_output=True, check=False,
                       start_new_session=True)

    def create(self, topic, partitions):
        run(program("producer", f"kafka.broker={self.address}", f"kafka.topic={topic}",
                    f"kafka.partitions={partitions}", f"dlq.topic={topic}-dlq") + ["--init"], 60, env=clean_environment())

    def fill(self, topic, partitions, orders):
        """Makes the topic. It is read once, so that each contender finds it in memory."""
        self.create(topic, partitions)
        words = program("producer", f"kafka.broker={self.address}", f"kafka.topic={topic}",
                        "producer.flush_timeout_ms=60000", "producer.interval_ms=0")
        run(words + ["-n", str(orders), "--seed", SEED], 60 + orders // 5000, env=clean_environment())
        run(["kcat", "-C", "-b", self.address, "-t", topic, "-o", "beginning", "-e", "-q", "-f", ""],
            60 + orders // 5000)
        self.filled.add(topic)

    def stored_bytes(self, topic):
        """What the topic's segments hold."""
        data = os.path.join(self.folder, "data")
        return sum(entry.stat().st_size for name in os.listdir(data) if name.rsplit("-", 1)[0] == topic
                   for entry in os.scandir(os.path.join(data, name)) if entry.name.endswith(".log"))
