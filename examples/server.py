#!/usr/bin/env python3
"""An order endpoint: PROCESSOR_KIND=http PROCESSOR_URL=http://127.0.0.1:8080/orders

    python3 examples/server.py [PORT]

An exception ends the connection without an answer, which the tracker takes for `retry`.
"""
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Orders(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open
    disable_nagle_algorithm = True

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.answer(201, "handled " + order["order_id"])  # your work goes before this

    def answer(self, status, receipt):
        self.send_response(status)
        self.send_header("order-receipt", receipt)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer.request_queue_size = 128  # at least processor.max_in_flight
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 8080), Orders).serve_forever()
