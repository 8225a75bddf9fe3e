#!/usr/bin/env bash
# uvloop 0.23.0: a socket that always has data is read 32 times in a row before callbacks that were
# scheduled with call_soon run and before other sockets are read. asyncio's own loop reads once.
# A read gives up to 256,000 bytes, so one client that sends much holds up all others for as long as
# it takes to process 8 MB. Transport.pause_reading() inside data_received ends the row.
# Seen with Python 3.11 on Linux x86_64, with 50 MB sent over loopback and 2 ms of work for each read:
# "most reads in a row: asyncio 1, uvloop 32, uvloop that pauses 1".
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment
environment/bin/pip install --quiet "uvloop==0.23.0"
cat > reads.py <<'PYTHON'
import asyncio
import socket
import sys
import time

import uvloop

SIZE = 50_000_000


class Reader(asyncio.Protocol):
    """Counts how many reads there are before a callback that the first of them schedules."""

    def __init__(self, pauses):
        self.pauses = pauses
        self.row = self.longest = 0

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        loop = asyncio.get_running_loop()
        if not self.row:
            loop.call_soon(self.end_row)
        self.row += 1
        time.sleep(0.002)
        if self.pauses:
            self.transport.pause_reading()
            loop.call_soon(self.transport.resume_reading)

    def end_row(self):
        self.longest = max(self.longest, self.row)
        self.row = 0


async def longest_row(pauses):
    loop = asyncio.get_running_loop()
    reader = Reader(pauses)
    server = await loop.create_server(lambda: reader, "127.0.0.1", 0)
    with socket.create_connection(server.sockets[0].getsockname(), timeout=60) as client:
        await loop.run_in_executor(None, client.sendall, b"x" * SIZE)
    await asyncio.sleep(0.1)
    server.close()
    return reader.longest


plain = asyncio.run(longest_row(False))
fast = uvloop.run(longest_row(False))
paused = uvloop.run(longest_row(True))
print(f"most reads in a row: asyncio {plain}, uvloop {fast}, uvloop that pauses {paused}")
sys.exit(not (plain == 1 and fast == 32 and paused == 1))
PYTHON
environment/bin/python reads.py
