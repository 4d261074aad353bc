#!/usr/bin/env python3
"""What a test asks of a broker to make it refuse a topic, and take it again. Speaks Kafka's protocol itself,
since neither kcat nor the jars that the broker needs can do it.

    kafka_admin.py HOST:PORT config TOPIC NAME=VALUE    sets a topic's setting; no VALUE: back to the default
    kafka_admin.py HOST:PORT deny TOPIC                 nobody may write to it; reading goes on
    kafka_admin.py HOST:PORT allow TOPIC                as before

deny needs a broker with an authorizer and allow.everyone.if.no.acl.found=true.
Exit status: 0 done, 1 refused or not reached, 2 wrong usage.
"""

import socket
import struct
import sys

CREATE_ACLS, DELETE_ACLS, INCREMENTAL_ALTER_CONFIGS = 30, 31, 44
TOPIC, LITERAL = 2, 3
SET, UNSET = 0, 1
ANY, ALL, WRITE = 1, 2, 4  # operations
DENY, ALLOW = 2, 3
ANYBODY, ANYWHERE = "User:*", "*"


def text(value):
    if value is None:
        return struct.pack(">h", -1)
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def array(entries):
    return struct.pack(">i", len(entries)) + b"".join(entries)


def receive(s, size):
    data = b""
    while len(data) < size:
        more = s.recv(size - len(data))
        if not more:
            raise OSError("the broker closed the connection")
        data += more
    return data


def ask(address, api, version, body):
    """Returns the answer behind its header."""
    host, port = address.rsplit(":", 1)
    request = struct.pack(">hhi", api, version, 1) + text("test") + body
    with socket.create_connection((host, int(port)), 20) as s:
        s.sendall(struct.pack(">i", len(request)) + request)
        return receive(s, struct.unpack(">i", receive(s, 4))[0])[4:]


def check(answer):
    """All three answers have a throttle time, a count of results, and an error code in front of the first."""
    _, count, code = struct.unpack_from(">iih", answer)
    if count != 1 or code != 0:
        sys.exit(f"kafka_admin: refused: error {code}: {answer[10:200]!r}")


def set_config(address, topic, assignment):
    name, _, value = assignment.partition("=")
    change = text(name) + struct.pack(">b", SET if value else UNSET) + text(value or None)
    resource = struct.pack(">b", TOPIC) + text(topic) + array([change])
    check(ask(address, INCREMENTAL_ALTER_CONFIGS, 0, array([resource]) + b"\0"))


def acl(topic, operation, permission, who=ANYBODY, where=ANYWHERE):
    place = struct.pack(">b", TOPIC) + text(topic) + struct.pack(">b", LITERAL)
    return place + text(who) + text(where) + struct.pack(">bb", operation, permission)


def deny(address, topic):
    # A topic with any rule is no longer everybody's.
    for rule in (acl(topic, ALL, ALLOW), acl(topic, WRITE, DENY)):
        check(ask(address, CREATE_ACLS, 1, array([rule])))


def allow(address, topic):
    check(ask(address, DELETE_ACLS, 1, array([acl(topic, ANY, ANY, None, None)])))


def main():
    verbs = {"config": (set_config, 5), "deny": (deny, 4), "allow": (allow, 4)}
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
