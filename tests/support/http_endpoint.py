#!/usr/bin/env python3
"""An endpoint for processor.kind: http that answers by rules and notes each request.

    http_endpoint.py LISTEN RULES REQUESTS [CERT KEY CLIENT_CA]

LISTEN is a port of 127.0.0.1 (0: a free one, written to REQUESTS.port) or the path of a socket. RULES is a JSON list,
read for each request: the first rule whose `offset`, `modulo` [N, REST] and `attempt` fit, and whose `token` the
request has not, gives `status`, `headers` and `body`, after `sleep` seconds; or `close`: no answer. Without a rule the
answer is 200 with a receipt.
"""
import json
import os
import socketserver
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

listen, rules_path, requests_path = sys.argv[1:4]
requests = open(requests_path, "a", buffering=1)
lock = threading.Lock()


def fits(rule, offset, attempt, login):
    n, rest = rule.get("modulo", (1, 0))
    return (rule.get("offset", offset) == offset and offset % n == rest and rule.get("attempt", attempt) == attempt
            and not ("token" in rule and login == "Bearer " + rule["token"]))


def rule_for(*request):
    with open(rules_path) as f:
        return next((r for r in json.load(f) if fits(r, *request)), {})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        if listen.startswith("/"):
            self.disable_nagle_algorithm = False
        super().setup()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        id, attempt = self.headers["ce-id"], int(self.headers["order-attempt"])
        note = {"id": id, "attempt": attempt, "path": self.path, "body": body.decode(),
                "headers": {name.lower(): value for name, value in self.headers.items()}}
        with lock:
            requests.write(json.dumps(note) + "\n")
        rule = rule_for(int(id.rsplit("/", 1)[1]), attempt, self.headers["authorization"])
        time.sleep(rule.get("sleep", 0))
        if rule.get("close"):
            self.close_connection = True
            return
        status = rule.get("status", 200)
        body = rule.get("body", "").encode() if status not in (204, 304) else b""
        self.send_response(status)
        for name, value in rule.get("headers", {"order-receipt": "receipt of " + id}).items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


if listen.startswith("/"):
    server = UnixServer(listen, Handler)
else:
    ThreadingHTTPServer.request_queue_size = 128
    server = ThreadingHTTPServer(("127.0.0.1", int(listen)), Handler)
    if len(sys.argv) > 4:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[4], sys.argv[5])
        context.load_verify_locations(sys.argv[6])
        context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
with open(requests_path + ".port.tmp", "w") as f:
    f.write(listen if listen.startswith("/") else str(server.server_address[1]))
os.rename(requests_path + ".port.tmp", requests_path + ".port")
server.serve_forever()
