#!/usr/bin/env python3
"""What tests ask of brokers behind the programs' backs. Speaks Kafka's protocol itself, since neither kcat nor the jars
that a broker needs can do it. A module for cluster.py, and a command:

    kafka_admin.py HOST:PORT config TOPIC NAME=VALUE    sets a topic's setting; no VALUE: back to the default
    kafka_admin.py HOST:PORT deny TOPIC                 nobody may write to it; reading continues
    kafka_admin.py HOST:PORT allow TOPIC                as before
    kafka_admin.py HOST:PORT grant USER topic|group NAME read|write|create|describe
    kafka_admin.py HOST:PORT scram USER PASSWORD        lets the user log in with SCRAM-SHA-512
    kafka_admin.py HOST:PORT delete TOPIC               deletes it
    kafka_admin.py HOST:PORT groups                     prints the groups, one a line
    kafka_admin.py HOST:PORT commit GROUP TOPIC PARTITION OFFSET
                                                        commits it for a group without members

deny needs a broker with an authorizer and allow.everyone.if.no.acl.found=true.
Exit status: 0 done, 1 refused or not reached, 2 wrong usage.
"""

import collections
import hashlib
import os
import socket
import struct
import sys

OFFSET_COMMIT, LIST_GROUPS = 8, 16
LIST_OFFSETS, METADATA, CREATE_TOPICS, DELETE_TOPICS, CREATE_ACLS = 2, 3, 19, 20, 30
ALTER_SCRAM_CREDENTIALS = 51
DELETE_ACLS, CREATE_PARTITIONS, ELECT_LEADERS, INCREMENTAL_ALTER_CONFIGS, ALTER_REASSIGNMENTS = 31, 37, 43, 44, 45
TOPIC, LITERAL = 2, 3
SET, UNSET = 0, 1
ANY, ALL, WRITE = 1, 2, 4  # operations
DENY, ALLOW = 2, 3
KINDS = {"topic": 2, "group": 3}
OPERATIONS = {"read": 3, "write": 4, "create": 5, "describe": 8}
ANYBODY, ANYWHERE = "User:*", "*"
PREFERRED, UNCLEAN = 0, 1  # elections
BEGINNING, END = -2, -1
UNKNOWN_TOPIC, PREFERRED_NOT_AVAILABLE, ELECTION_NOT_NEEDED = 3, 80, 84
ANSWER_MS = 20000

Partition = collections.namedtuple("Partition", "leader replicas isr")  # leader -1: it has none


class Refused(OSError):
    """The broker answered, and not as was hoped."""

    def __init__(self, what, code, message=None):
        super().__init__(f"{what}: error {code}" + (f": {message}" if message else ""))
        self.code = code


# ---- bytes


def text(value):
    if value is None:
        return struct.pack(">h", -1)
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def array(entries):
    return struct.pack(">i", len(entries)) + b"".join(entries)


def numbers(values):
    return array([struct.pack(">i", n) for n in values])


# Kafka's newer requests, here only ever with lengths below 127.


def short(value):
    data = value.encode()
    return struct.pack(">B", len(data) + 1) + data


def short_bytes(data):
    return struct.pack(">B", len(data) + 1) + data


def short_array(entries):
    return struct.pack(">B", len(entries) + 1) + b"".join(entries)


NO_TAGS = b"\0"


class Answer:
    """Read from front to back."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, form):
        (value,) = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return value

    def text(self):
        size = self.take("h")
        if size < 0:
            return None
        self.at += size
        return self.data[self.at - size : self.at].decode()

    def short(self):
        size = self.take("B") - 1
        self.at += max(size, 0)
        return self.data[self.at - size : self.at].decode() if size >= 0 else None

    def array(self, read):
        return [read() for _ in range(self.take("i"))]

    def numbers(self):
        return self.array(lambda: self.take("i"))


def receive(s, size):
    data = b""
    while len(data) < size:
        more = s.recv(size - len(data))
        if not more:
            raise OSError("the broker closed the connection")
        data += more
    return data


def ask(address, api, version, body, seconds=ANSWER_MS / 1000, is_newer=False):
    """Returns the answer after its header."""
    host, port = address.rsplit(":", 1)
    request = struct.pack(">hhi", api, version, 1) + text("test") + (NO_TAGS if is_newer else b"") + body
    with socket.create_connection((host, int(port)), seconds) as s:
        s.settimeout(seconds)
        s.sendall(struct.pack(">i", len(request)) + request)
        return Answer(receive(s, struct.unpack(">i", receive(s, 4))[0])[5 if is_newer else 4 :])


def check(answer, what):
    """Answers to changes have a throttle time, a count of results, and an error code in front of the first."""
    answer.take("i")
    if answer.take("i") != 1:
        raise Refused(what, -1)
    code = answer.take("h")
    if code != 0:
        raise Refused(what, code)


def check_topics(answer, has_message=True):
    """The same where each result begins with the name of its topic."""
    answer.take("i")
    for _ in range(answer.take("i")):
        name, code = answer.text(), answer.take("h")
        message = answer.text() if has_message else None
        if code != 0:
            raise Refused(name, code, message)


# ---- questions


def brokers(address, seconds=ANSWER_MS / 1000):
    """The ids of the brokers that the cluster takes for alive, as this broker knows it."""
    answer = ask(address, METADATA, 4, numbers([]) + b"\0", seconds)
    answer.take("i")
    return [entry[0] for entry in answer.array(lambda: (answer.take("i"), answer.text(), answer.take("i"), answer.text()))]


def partitions(address, topic):
    """{number: Partition} as this broker knows it, or None when there is no such topic."""
    answer = ask(address, METADATA, 4, array([text(topic)]) + b"\0")
    answer.take("i")
    answer.array(lambda: (answer.take("i"), answer.text(), answer.take("i"), answer.text()))
    answer.text()
    answer.take("i")
    answer.take("i")
    code = answer.take("h")
    if code == UNKNOWN_TOPIC:
        return None
    if code != 0:
        raise Refused(topic, code)
    answer.text()
    answer.take("b")
    found = {}
    for _ in range(answer.take("i")):
        answer.take("h")  # of the partition: it has no leader, say
        number, leader = answer.take("i"), answer.take("i")
        found[number] = Partition(leader, answer.numbers(), answer.numbers())
    return found


def offset(address, topic, partition, which=END):
    """The beginning or end (high watermark) of a partition, asked of its leader."""
    place = array([text(topic) + array([struct.pack(">iq", partition, which)])])
    answer = ask(address, LIST_OFFSETS, 1, struct.pack(">i", -1) + place)
    answer.take("i")
    answer.text()
    answer.take("i")
    answer.take("i")
    code = answer.take("h")
    if code != 0:
        raise Refused(f"{topic} {partition}", code)
    answer.take("q")
    return answer.take("q")


def print_groups(address):
    answer = ask(address, LIST_GROUPS, 0, b"")
    code = answer.take("h")
    if code != 0:
        raise Refused("groups", code)
    for name, _ in answer.array(lambda: (answer.text(), answer.text())):
        print(name)


# ---- changes


def create(address, topic, replicas, settings=None):
    """replicas: for each partition the ids of its brokers, the preferred leader first."""
    places = array([struct.pack(">i", p) + numbers(ids) for p, ids in enumerate(replicas)])
    wishes = array([text(name) + text(str(value)) for name, value in (settings or {}).items()])
    wanted = text(topic) + struct.pack(">ih", -1, -1) + places + wishes
    check_topics(ask(address, CREATE_TOPICS, 4, array([wanted]) + struct.pack(">ib", ANSWER_MS, 0)))


def grow(address, topic, count, replicas):
    """The topic has `count` partitions from then on; replicas is for each new one."""
    wanted = text(topic) + struct.pack(">i", count) + array([numbers(ids) for ids in replicas])
    check_topics(ask(address, CREATE_PARTITIONS, 1, array([wanted]) + struct.pack(">ib", ANSWER_MS, 0)))


def delete(address, topic):
    check_topics(ask(address, DELETE_TOPICS, 3, array([text(topic)]) + struct.pack(">i", ANSWER_MS)), False)


def commit(address, group, topic, partition, position):
    place = struct.pack(">iq", int(partition), int(position)) + text("")
    wanted = text(group) + struct.pack(">i", -1) + text("") + struct.pack(">q", -1)
    answer = ask(address, OFFSET_COMMIT, 2, wanted + array([text(topic) + array([place])]))
    answer.take("i")
    answer.text()
    answer.take("i")
    answer.take("i")
    code = answer.take("h")
    if code != 0:
        raise Refused(f"{group} {topic} {partition}", code)


def elect(address, topic, which, kind=PREFERRED):
    """Has leaders elected for partitions `which`. Returns for how many that changed something: the others have the
    leader that is wanted, or it is down."""
    place = array([text(topic) + numbers(which)])
    answer = ask(address, ELECT_LEADERS, 1, struct.pack(">b", kind) + place + struct.pack(">i", ANSWER_MS))
    answer.take("i")
    code = answer.take("h")
    if code != 0:
        raise Refused(topic, code)
    changed = 0
    for _ in range(answer.take("i")):
        answer.text()
        for _, code, message in answer.array(lambda: (answer.take("i"), answer.take("h"), answer.text())):
            if code not in (0, PREFERRED_NOT_AVAILABLE, ELECTION_NOT_NEEDED):
                raise Refused(topic, code, message)
            changed += code == 0
    return changed


def reassign(address, topic, replicas):
    """replicas: {partition: the ids of its brokers from then on}. Does not wait for it."""
    places = [
        struct.pack(">i", p) + short_array([struct.pack(">i", n) for n in ids]) + NO_TAGS for p, ids in replicas.items()
    ]
    wanted = short(topic) + short_array(places) + NO_TAGS
    body = struct.pack(">i", ANSWER_MS) + short_array([wanted]) + NO_TAGS
    answer = ask(address, ALTER_REASSIGNMENTS, 0, body, is_newer=True)
    answer.take("i")
    code = answer.take("h")
    if code != 0:
        raise Refused(topic, code, answer.short())
    answer.short()
    answer.take("B")  # one topic
    answer.short()
    for _ in range(answer.take("B") - 1):
        p, code, message, _ = answer.take("i"), answer.take("h"), answer.short(), answer.take("B")
        if code != 0:
            raise Refused(f"{topic} {p}", code, message)


def set_config(address, topic, assignment):
    name, _, value = assignment.partition("=")
    change = text(name) + struct.pack(">b", SET if value else UNSET) + text(value or None)
    resource = struct.pack(">b", TOPIC) + text(topic) + array([change])
    check(ask(address, INCREMENTAL_ALTER_CONFIGS, 0, array([resource]) + b"\0"), assignment)


def acl(topic, operation, permission, who=ANYBODY, where=ANYWHERE):
    place = struct.pack(">b", TOPIC) + text(topic) + struct.pack(">b", LITERAL)
    return place + text(who) + text(where) + struct.pack(">bb", operation, permission)


def deny(address, topic):
    # A topic with any rule is no longer everybody's.
    for rule in (acl(topic, ALL, ALLOW), acl(topic, WRITE, DENY)):
        check(ask(address, CREATE_ACLS, 1, array([rule])), "deny")


def allow(address, topic):
    check(ask(address, DELETE_ACLS, 1, array([acl(topic, ANY, ANY, None, None)])), "allow")


def grant(address, user, kind, name, operation):
    place = struct.pack(">b", KINDS[kind]) + text(name) + struct.pack(">b", LITERAL)
    rule = place + text(f"User:{user}") + text(ANYWHERE) + struct.pack(">bb", OPERATIONS[operation], ALLOW)
    check(ask(address, CREATE_ACLS, 1, array([rule])), "grant")


def scram(address, user, password):
    salt, iterations, sha_512 = os.urandom(16), 4096, 2
    salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations)
    wanted = short(user) + struct.pack(">bi", sha_512, iterations) + short_bytes(salt) + short_bytes(salted) + NO_TAGS
    answer = ask(address, ALTER_SCRAM_CREDENTIALS, 0, short_array([]) + short_array([wanted]) + NO_TAGS, is_newer=True)
    answer.take("i")
    answer.take("B")  # one user
    answer.short()
    code = answer.take("h")
    if code != 0:
        raise Refused(user, code, answer.short())


def main():
    verbs = {
        "config": (set_config, 5),
        "deny": (deny, 4),
        "allow": (allow, 4),
        "grant": (grant, 7),
        "scram": (scram, 5),
        "delete": (delete, 4),
        "groups": (print_groups, 3),
        "commit": (commit, 7),
    }
    verb, count = verbs.get(sys.argv[2] if len(sys.argv) > 2 else None, (None, 0))
    if len(sys.argv) != count:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        verb(sys.argv[1], *sys.argv[3:])
    except (OSError, struct.error) as e:
        sys.exit(f"kafka_admin: {e}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
