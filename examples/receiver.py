#!/usr/bin/env python3
"""An endpoint that does each order exactly once: PROCESSOR_KIND=http PROCESSOR_URL=http://127.0.0.1:8080/orders

    python3 examples/receiver.py FILE [PORT]

The tracker may post an order again, always with the same idempotency-key. The key is stored in the same transaction
as the work, so that either both are there or none; an order whose key is there is answered as it was the first time.
"""
import json
import sqlite3
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

database = sqlite3.connect(sys.argv[1], isolation_level=None, check_same_thread=False)
database.executescript("""
    pragma journal_mode = wal;
    create table if not exists done (key text primary key, receipt text) without rowid;
    create table if not exists revenue (currency text primary key, cents integer) without rowid;
""")
lock = threading.Lock()


def work(order):  # your work goes here
    database.execute("insert into revenue values (?, ?) on conflict do update set cents = cents + excluded.cents",
                     (order["currency"], round(order["total"] * 100)))
    return "booked " + order["order_id"]


def once(key, order):
    """Returns the receipt, and whether it is new."""
    with lock:
        database.execute("begin immediate")
        try:
            found = database.execute("select receipt from done where key = ?", (key,)).fetchone()
            receipt = found[0] if found else work(order)
            if not found:
                database.execute("insert into done values (?, ?)", (key, receipt))
            database.execute("commit")
        except BaseException:
            database.execute("rollback")
            raise
        return receipt, not found


class Orders(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open
    disable_nagle_algorithm = True

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["content-length"])))
        receipt, is_new = once(self.headers["idempotency-key"], order)
        self.send_response(201 if is_new else 200)
        self.send_header("order-receipt", receipt)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer.request_queue_size = 128  # at least processor.max_in_flight
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2]) if sys.argv[2:] else 8080), Orders).serve_forever()
