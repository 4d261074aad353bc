#!/usr/bin/env python3
"""Servers on 127.0.0.1 that are not what a client of Kafka hopes for, on free ports, until a signal.

    no_kafka.py FILE [far=MS:PORT:HERE]...

    http     answers whatever comes as a web server does
    silent   accepts connections and never answers
    far      the Kafka on PORT, MS milliseconds of round trip away, on the port HERE

Writes "http PORT", "silent PORT", "far HERE" to FILE, one a line, once all of them listen.
"""

import asyncio
import os
import sys

BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


async def answer_http(reader, writer):
    await reader.read(64)
    writer.write(BAD_REQUEST)
    await writer.drain()
    writer.close()


async def stay_silent(reader, _):
    while await reader.read(4096):
        pass


async def pump(reader, writer, delay):
    """Each piece arrives `delay` seconds after it was sent, in order; others follow it meanwhile."""
    loop = asyncio.get_running_loop()
    pieces = asyncio.Queue()

    async def deliver():
        while True:
            due, data = await pieces.get()
            await asyncio.sleep(max(0, due - loop.time()))
            if not data:
                writer.close()
                return
            writer.write(data)

    delivery = asyncio.ensure_future(deliver())
    data = b"begin"
    while data:
        try:
            data = await reader.read(1 << 16)
        except OSError:
            data = b""
        pieces.put_nowait((loop.time() + delay, data))
    await delivery


def far(milliseconds, port):
    delay = milliseconds / 2000

    async def serve(reader, writer):
        # The connection itself takes a round trip too.
        await asyncio.sleep(2 * delay)
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, there_writer, delay), pump(there_reader, writer, delay))

    return serve


async def main(path, arguments):
    servers = [("http", answer_http, 0), ("silent", stay_silent, 0)]
    for argument in arguments:
        milliseconds, port, here = argument.removeprefix("far=").split(":")
        servers.append(("far", far(int(milliseconds), int(port)), int(here)))
    lines = []
    for name, serve, here in servers:
        server = await asyncio.start_server(serve, "127.0.0.1", here)
        lines.append(f"{name} {server.sockets[0].getsockname()[1]}\n")
    with open(path + ".new", "w", encoding="ascii") as file:
        file.writelines(lines)
    os.rename(path + ".new", path)
    await asyncio.Event().wait()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
