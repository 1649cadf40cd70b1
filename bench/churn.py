#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Churn for the soak: one short-lived process a second, which forks, runs, writes, connects and asks, always under new names.

Owns: the acts and their count. Must not own: what is sampled meanwhile (soak.py). Runs inside the private root, as the
load's user; prints {"made": {act: n}} at the end. Names never repeat, so every table that keeps names, files, programs,
processes, sockets or destinations fills up to its limit and then has to make room.

    churn.py FOLDER SECONDS RATE      RATE 1 is about 220 acts a second
"""
import json
import os
import shutil
import socket
import struct
import sys
import threading
import time

TCP_PORT, UDP_PORT, DNS_PORT = 7390, 7391, 53
PROGRAM = "/usr/bin/true"
SENSITIVE = ".ssh/id_churn"
PER_SECOND = {"exec": 60, "new program": 2, "fork": 30, "file": 30, "tcp": 30, "udp": 40, "dns": 20, "sensitive": 10}
PLACES_FIRST = 120000  # places that one software talks to are the slowest table to fill: an hour's churn would not do it


def address(number):
    """127.32.0.0 and up: loopback, and far from what anything listens on by name."""
    return socket.inet_ntoa(struct.pack("!I", 0x7F200000 + number % 0xC00000))


def question(number):
    name = f"h{number:x}.z{number % 977}.churn.test"
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))
    return struct.pack("!6H", number & 0xFFFF, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)


class Acts:
    """Everything one worker does in its second; 'n' is a number that no act ever had before."""

    def __init__(self, folder):
        self.folder = f"{folder}/{os.getpid()}"
        os.mkdir(self.folder)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def run(self, argv):
        pid = os.posix_spawn(argv[0], argv, {"PATH": "/usr/bin"})
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
            raise RuntimeError(f"'{argv[0]}' failed")

    def do_exec(self, n):
        self.run([PROGRAM, f"--number={n}"])

    def do_new_program(self, n):
        path = f"{self.folder}/program-{n}"
        shutil.copyfile(PROGRAM, path)
        with open(path, "ab") as f:
            f.write(b"%d" % n)  # another hash each time
        os.chmod(path, 0o755)
        self.run([path])
        os.unlink(path)

    def do_fork(self, n):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)

    def do_file(self, n):
        first, second = f"{self.folder}/file-{n}", f"{self.folder}/renamed-{n}.txt"
        with open(first, "w", encoding="utf-8") as f:
            f.write(str(n))
        os.rename(first, second)
        os.unlink(second)

    def do_tcp(self, n):
        with socket.create_connection((address(n), TCP_PORT), timeout=5) as s:
            s.sendall(b"%d" % n)
            s.recv(16)

    def do_udp(self, n):
        self.udp.sendto(b"x", (address(n), UDP_PORT))

    def do_dns(self, n):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.sendto(question(n), ("127.0.0.1", DNS_PORT))
            s.recv(512)

    def do_sensitive(self, n):
        with open(os.path.join(os.environ["HOME"], SENSITIVE), encoding="utf-8") as f:
            f.read()

    def all(self, first, rate):
        """Its second's acts, spread over it."""
        turns = [(i / count, name) for name, count in PER_SECOND.items() for i in range(round(count * rate))]
        acts = [name for _, name in sorted(turns)]
        began = time.monotonic()
        for i, name in enumerate(acts):
            getattr(self, "do_" + name.replace(" ", "_"))(first + i)
            time.sleep(max(0.0, began + 0.9 * i / len(acts) - time.monotonic()))
        os.rmdir(self.folder)
        return len(acts)


def fill():
    """As many places as the largest table holds, and some more, so that what follows finds it full (45 seconds)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for i in range(PLACES_FIRST):
            s.sendto(b"x", (address(0x800000 + i), UDP_PORT))
            if i % 50 == 49:
                time.sleep(0.015)


# ---- what answers -------------------------------------------------------------------------------------------------


def tcp_server(listener):
    while True:
        peer = listener.accept()[0]
        with peer:
            peer.recv(64)
            peer.sendall(b"ok")


def dns_server(server):
    """Answers every question with one address of loopback."""
    while True:
        data, sender = server.recvfrom(512)
        head = data[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0)
        answer = b"\xc0\x0c" + struct.pack("!2HIH4B", 1, 1, 60, 4, 127, data[12] % 200, data[13] % 200, data[14] % 200)
        server.sendto(head + data[12:] + answer, sender)


def serve():
    listener = socket.create_server(("0.0.0.0", TCP_PORT), backlog=64)
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.bind(("0.0.0.0", UDP_PORT))
    dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    dns.bind(("127.0.0.1", DNS_PORT))
    for run, what in ((tcp_server, listener), (dns_server, dns)):
        threading.Thread(target=run, args=(what,), daemon=True).start()
    return sink


def main():
    folder, seconds, rate = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    server = os.fork()
    if server == 0:
        sink = serve()
        while sink.fileno() >= 0:
            time.sleep(3600)
    time.sleep(0.5)
    fill()
    per_worker, number, workers, began = sum(round(c * rate) for c in PER_SECOND.values()), 1, 0, time.monotonic()
    try:
        while time.monotonic() - began < seconds:
            worker = os.fork()
            if worker == 0:
                Acts(folder).all(number, rate)
                os._exit(0)
            if os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) != 0:
                raise RuntimeError("a worker failed")
            number += per_worker
            workers += 1
            time.sleep(max(0.0, began + workers - time.monotonic()))
    finally:
        os.kill(server, 15)
        os.waitpid(server, 0)
    print(json.dumps({"made": {name: workers * round(count * rate) for name, count in PER_SECOND.items()}, "workers": workers, "places first": PLACES_FIRST}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
