# SPDX-License-Identifier: Apache-2.0
"""The other ends of the acts: on 127.0.0.1 and ::1, beside the watched cgroup. Prints "ready", ends when stdin does.

Owns: listening sockets, answers to DNS questions (always 10.9.0.5). Must not own: what is expected of the acts.
"""
import asyncio
import socket
import struct
import sys

HOSTS = ("127.0.0.1", "::1")
TCP, UDP, DNS, TLS = (7001,), (7002,), (53, 5300), (443, 8443)


def answer(question):
    """The same header as an answer, the question, and one address."""
    record = struct.pack(">3HIH4s", 0xC00C, 1, 1, 60, 4, bytes([10, 9, 0, 5]))
    return question[:2] + struct.pack(">5H", 0x8180, 1, 1, 0, 0) + question[12:] + record


class Silent(asyncio.DatagramProtocol):
    pass


class Names(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(answer(data), addr)


async def swallow(reader, writer):
    try:
        while await reader.read(65536):
            pass
    except OSError:
        pass
    writer.close()


async def names_by_stream(reader, writer):
    try:
        size = struct.unpack(">H", await reader.readexactly(2))[0]
        reply = answer(await reader.readexactly(size))
        writer.write(struct.pack(">H", len(reply)) + reply)
        await reader.read()
    except (OSError, asyncio.IncompleteReadError):
        pass
    writer.close()


async def main():
    loop = asyncio.get_running_loop()
    for host in HOSTS:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        for port in UDP:
            await loop.create_datagram_endpoint(Silent, local_addr=(host, port), family=family)
        for port in DNS:
            await loop.create_datagram_endpoint(Names, local_addr=(host, port), family=family)
            await asyncio.start_server(names_by_stream, host, port)
        for port in TCP + TLS:
            await asyncio.start_server(swallow, host, port)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
