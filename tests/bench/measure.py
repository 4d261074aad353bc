"""Runs one program to its end and tells what it took."""

import os
import select
import signal
import subprocess
import time

FIRST_LOOK_SECONDS = 0.001  # until the first byte is there
DONE_LOOK_SECONDS = 0.005
END_SECONDS = 20  # for a program that was told to end


class Failed(Exception):
    """This measurement came to nothing; the text says why."""


class Job:
    """What to run. `output` is the file that it writes, watched for its first byte. A program that does not
    end by itself has `is_done`, asked again and again; it is ended when that says so. `written` is what it
    wrote in bytes, asked at the end; the size of `output` if not given. `is_lines`: one line for each order."""

    def __init__(self, argv, output=None, env=None, is_done=None, written=None, is_lines=True):
        self.argv = argv
        self.output = output
        self.env = env
        self.is_done = is_done
        self.written = written
        self.is_lines = is_lines and output is not None


def size_of(path):
    try:
        return os.stat(path).st_size
    except (FileNotFoundError, TypeError):
        return 0


def send(process, number):
    """Signals a child of `start` that was not waited for, with all that it has begun."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def end(process, seconds=END_SECONDS):
    """Ends it, with SIGKILL when SIGTERM is not enough."""
    if process.poll() is not None:
        return
    send(process, signal.SIGTERM)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        send(process, signal.SIGKILL)
        process.wait()


def last_words(path):
    with open(path, errors="replace") as f:
        lines = f.read().strip().splitlines()
    return lines[-1][:200] if lines else "(it said nothing)"


def start(argv, folder, env=None, stdin=subprocess.DEVNULL):
    """Starts a program in its folder, in a process group of its own; what it says goes to `out` there."""
    with open(os.path.join(folder, "out"), "w") as out:
        return subprocess.Popen(argv, cwd=folder, env=env, stdin=stdin, stdout=out, stderr=out, start_new_session=True)


def take_end(process):
    """Its resource usage if it has ended, else None. The child is then gone."""
    pid, status, usage = os.wait4(process.pid, os.WNOHANG)
    if pid == 0:
        return None
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage


def wait_for(process, seconds):
    """Until it has ended, `seconds` at most. Nothing is asked meanwhile, which would cost beside it."""
    with open(os.pidfd_open(process.pid), "rb") as ended:
        select.select([ended], [], [], seconds)


def next_look(job, first, done_at, left):
    """Seconds until the program is to be looked at again: all that are `left` where only its end counts."""
    if job.output and first is None:
        return FIRST_LOOK_SECONDS
    if job.is_done and done_at is None:
        return DONE_LOOK_SECONDS
    return max(left, DONE_LOOK_SECONDS)


def measure(job, folder, seconds):
    """Runs the job in `folder`. Returns seconds (from the start of the process to its end, or to the moment
    when all was there), first_seconds (to the first byte, None without output), cpu_seconds (user and system, all
    threads and waited-for children), peak_bytes and written_bytes. Raises Failed."""
    first = done_at = usage = None
    began = time.monotonic()
    process = start(job.argv, folder, job.env)
    try:
        while usage is None:
            now = time.monotonic()
            if first is None and size_of(job.output) > 0:
                first = now - began
            if job.is_done and done_at is None and job.is_done():
                done_at = time.monotonic() - began
                send(process, signal.SIGTERM)
            left = (seconds if done_at is None else done_at + END_SECONDS) - (now - began)
            if left < 0:
                send(process, signal.SIGKILL)
                if done_at is None:
                    raise Failed(f"did not end within {seconds} s")
            wait_for(process, next_look(job, first, done_at, left))
            usage = take_end(process)
        ended = time.monotonic() - began
    finally:
        end(process)
    if done_at is None and (process.returncode != 0 or job.is_done):
        raise Failed(f"status {process.returncode}: {last_words(os.path.join(folder, 'out'))}")
    return {
        "seconds": ended if done_at is None else done_at,
        "first_seconds": first,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * 1024,
        "written_bytes": job.written() if job.written else size_of(job.output),
    }


def count_lines(path):
    lines = 0
    with open(path, "rb") as f:
        while chunk := f.read(1 << 20):
            lines += chunk.count(b"\n")
    return lines
