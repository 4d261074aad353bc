"""What a bench ran on."""

import os
import platform
import re

from broker import ROOT, run
from measure import Failed


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


def disk_of(folder):
    """File system of the folder."""
    try:
        return run(["stat", "-f", "-c", "%T", folder], 10).strip()
    except Failed:
        return None


def facts(folder):
    memory = first_match("/proc/meminfo", r"^MemTotal:\s+(\d+)")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": first_match("/proc/cpuinfo", r"^model name\s*:\s*(.*)$"),
        "memory_mb": int(memory) // 1024 if memory else None,
        "kernel": platform.release(),
        "system": first_match("/etc/os-release", r'^PRETTY_NAME="(.*)"$'),
        "file_system": disk_of(folder),
        "librdkafka": said([os.path.join(ROOT, "bin", "tracker"), "--version"], r"librdkafka ([0-9.]+)"),
        "kafka": first_match(os.path.join(ROOT, "scripts", "kafka", "pom.xml"), r"<kafka.version>(.*)</kafka.version>"),
        "load_before": os.getloadavg()[0],
    }


def in_words(machine):
    memory = f"{machine['memory_mb'] / 1024:.0f} GB of memory" if machine["memory_mb"] else None
    cores = machine["cores"]
    parts = [f"{cores} core{'s' if cores != 1 else ''}", machine["cpu"], memory, machine["system"],
             f"Linux {machine['kernel']}", machine["file_system"],
             f"librdkafka {machine['librdkafka']}", f"Apache Kafka {machine['kafka']} on the same machine"]
    return ", ".join(p for p in parts if p)
