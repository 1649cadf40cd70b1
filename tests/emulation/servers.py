#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The other ends of the rehearsal, on loopback of a private network namespace: names, PBX, web server, "command" server.

Owns: UDP 127.0.0.1:53, TCP 127.0.0.5:5060, 127.0.0.8:80, 127.0.0.9:8443. Ends by itself after --seconds.
Must not: bind anything but loopback, or tell a client anything but the fixed answers below.

    names    pbx.acme.test -> 127.0.0.5     raw.codehost.test -> 127.0.0.8     else: no such name
    PBX      "PING n" -> "PONG n"
    web      /icons/logo.ico: a 16x16 icon, then '$' and base64 of "127.0.0.9:8443"; any file of --www
    command  "HELLO" -> "OK";  "STAGE" -> size, then the helper program;  "POST n" + n bytes -> "OK"

Usage: servers.py [--seconds N] [--helper FILE] [--www DIR]      prints "ready" when all are bound
"""
import argparse
import base64
import os
import socket
import socketserver
import struct
import sys
import threading
import time

NAMES = {b"pbx.acme.test": "127.0.0.5", b"raw.codehost.test": "127.0.0.8"}
COMMAND = ("127.0.0.9", 8443)


def icon():
    """A valid 16x16 icon with 32 bits a pixel, and what does not belong to it behind its end."""
    pixels = bytes([40, 90, 160, 255]) * 256
    image = struct.pack("<IiiHHIIiiII", 40, 16, 32, 1, 32, 0, len(pixels), 0, 0, 0, 0) + pixels + bytes(64)
    head = struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(image), 22)
    return head + image + b"$" + base64.b64encode(f"{COMMAND[0]}:{COMMAND[1]}".encode())


def dns_answer(query):
    """One question, A or anything else; an answer of one address, of none, or 'no such name'. None for a broken query."""
    if len(query) < 17:
        return None
    labels, at = [], 12
    while at < len(query) and query[at]:
        size = query[at]
        if size > 63 or at + 1 + size > len(query):
            return None
        labels.append(query[at + 1 : at + 1 + size].lower())
        at += 1 + size
    if at + 5 > len(query):
        return None
    question = query[12 : at + 5]
    kind = struct.unpack(">H", query[at + 1 : at + 3])[0]
    address = NAMES.get(b".".join(labels))
    record = b""
    if address and kind == 1:
        record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton(address)
    flags = 0x8580 if address else 0x8583
    return query[:2] + struct.pack(">HHHHH", flags, 1, 1 if record else 0, 0, 0) + question + record


class Names(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        answer = dns_answer(data)
        if answer:
            sock.sendto(answer, self.client_address)


class Pbx(socketserver.StreamRequestHandler):
    timeout = 30

    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.replace(b"PING", b"PONG", 1))


class Web(socketserver.StreamRequestHandler):
    timeout = 10

    def handle(self):
        words = self.rfile.readline(4096).split()
        while self.rfile.readline(4096).strip():
            pass
        body = self.server.pages(words[1].decode("latin-1")) if len(words) > 1 and words[0] == b"GET" else None
        status = b"200 OK" if body is not None else b"404 Not Found"
        body = body or b""
        self.wfile.write(
            b"HTTP/1.0 " + status + b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
        )


class Command(socketserver.StreamRequestHandler):
    timeout = 10

    def handle(self):
        words = self.rfile.readline(256).split()
        if words[:1] == [b"STAGE"]:
            self.wfile.write(b"%d\n" % len(self.server.helper) + self.server.helper)
        elif words[:1] == [b"POST"] and len(words) == 2 and words[1].isdigit():
            self.rfile.read(min(int(words[1]), 65536))
            self.wfile.write(b"OK\n")
        elif words[:1] == [b"HELLO"]:
            self.wfile.write(b"OK\n")


class Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that went away is part of the play


def pages(www):
    fixed = {"/icons/logo.ico": icon()}

    def find(path):
        if path in fixed:
            return fixed[path]
        place = os.path.realpath(os.path.join(www, path.lstrip("/"))) if www else ""
        if not www or not place.startswith(os.path.realpath(www) + "/") or not os.path.isfile(place):
            return None
        with open(place, "rb") as f:
            return f.read()

    return find


def main():
    parser = argparse.ArgumentParser(description="the loopback servers of the rehearsal")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--helper")
    parser.add_argument("--www")
    args = parser.parse_args()
    servers = [
        socketserver.ThreadingUDPServer(("127.0.0.1", 53), Names),
        Tcp(("127.0.0.5", 5060), Pbx),
        Tcp(("127.0.0.8", 80), Web),
        Tcp(COMMAND, Command),
    ]
    servers[2].pages = pages(args.www)
    servers[3].helper = b""
    if args.helper:
        with open(args.helper, "rb") as f:
            servers[3].helper = f.read()
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    time.sleep(min(args.seconds, 600))
    return 0


if __name__ == "__main__":
    sys.exit(main())
