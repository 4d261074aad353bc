"""What a bench ran on."""

import os
import platform
import re
import time

from broker import ROOT, run
from measure import Failed

DISK_MB = 1024


def first_match(path, pattern):
    try:
        with open(path) as f:
            found = re.search(pattern, f.read(), re.MULTILINE)
    except OSError:
        return None
    return found[1] if found else None


def said(argv, pattern):
    try:
        found = re.search(pattern, run(argv, 30))
    except Failed:
        return None
    return found[1] if found else None


def file_system(folder):
    try:
        return run(["df", "--output=fstype", folder], 10).split()[-1]
    except Failed:
        return None


def disk_mb_per_second(folder):
    """What dd reaches, as a yardstick of the day."""
    path = os.path.join(folder, "disk")
    began = time.monotonic()
    try:
        run(["dd", "if=/dev/zero", f"of={path}", "bs=1M", f"count={DISK_MB}", "conv=fdatasync"], 300)
    except Failed:
        return None
    seconds = time.monotonic() - began
    os.unlink(path)
    return DISK_MB * 1.048576 / seconds


def facts(folder):
    memory = first_match("/proc/meminfo", r"^MemTotal:\s+(\d+)")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": first_match("/proc/cpuinfo", r"^model name\s*:\s*(.*)$"),
        "memory_mb": int(memory) // 1024 if memory else None,
        "kernel": platform.release(),
        "system": first_match("/etc/os-release", r'^PRETTY_NAME="(.*)"$'),
        "file_system": file_system(folder),
        "disk_mb_per_second": disk_mb_per_second(folder),
        "librdkafka": said([os.path.join(ROOT, "bin", "tracker"), "--version"], r"librdkafka ([0-9.]+)"),
        "kafka": first_match(os.path.join(ROOT, "scripts", "kafka", "pom.xml"), r"<kafka.version>(.*)</kafka.version>"),
        "load_before": os.getloadavg()[0],
    }


def in_words(machine):
    memory = f"{machine['memory_mb'] / 1024:.0f} GB of memory" if machine["memory_mb"] else None
    cores = machine["cores"]
    disk = f"{machine['disk_mb_per_second']:.0f} MB/s" if machine["disk_mb_per_second"] else "unknown speed"
    parts = [f"{cores} core{'s' if cores != 1 else ''}", machine["cpu"], memory, machine["system"],
             f"Linux {machine['kernel']}", f"{machine['file_system']} on a disk of {disk}",
             f"librdkafka {machine['librdkafka']}", f"Apache Kafka {machine['kafka']} on the same machine",
             f"load {machine['load_before']:.1f} before"]
    return ", ".join(p for p in parts if p)
