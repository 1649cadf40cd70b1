# SPDX-License-Identifier: Apache-2.0
"""Drives cut-probe, and programs inside a private root that do what a test tells them, for tests of isolate and shield.

Owns: those processes. Must not own: what a test expects.
"""
import errno
import json
import os
import shutil
import subprocess

import sensor_client
from private_root import NoPrivateRoot, PrivateRoot

LIVE = os.path.dirname(os.path.abspath(sensor_client.PROBE))

# Does what it is told in Python, and tells the value or the error's number.
ACTOR = r"""
import array, errno, json, os, select, socket, struct, subprocess, sys, threading, time
own = globals()
def connect(port, host="127.0.0.1", kind=socket.SOCK_STREAM, timeout=3):
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    s.settimeout(timeout)
    s.connect((host, port))
    return s
def talk(s, text=b"hello"):
    s.send(text)
    return s.recv(100) == text
for line in sys.stdin:
    code = json.loads(line)
    try:
        try:
            value = eval(code, own)
        except SyntaxError:
            exec(code, own)
            value = None
        answer = {"value": value if isinstance(value, (int, str, bool, float, type(None))) else True}
    except socket.timeout:
        answer = {"errno": errno.ETIMEDOUT}
    except OSError as e:
        answer = {"errno": e.errno}
    print(json.dumps(answer), flush=True)
"""

# Answers what it is sent, over TCP and UDP, IPv4 and IPv6.
PEERS = r"""
import os, socket, threading
own = globals()
def serve_tcp(server):
    while True:
        c, _ = server.accept()
        threading.Thread(target=echo, args=(c,), daemon=True).start()
def echo(c):
    try:
        while data := c.recv(65536):
            c.send(data)
    except OSError:
        pass
    c.close()
def serve_udp(s):
    while True:
        data, who = s.recvfrom(65536)
        s.sendto(data, who)
def peer(port):
    for family in (socket.AF_INET, socket.AF_INET6):
        t = socket.socket(family)
        t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        u = socket.socket(family, socket.SOCK_DGRAM)
        for s in (t, u):
            if family == socket.AF_INET6:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))
        t.listen(64)
        threading.Thread(target=serve_tcp, args=(t,), daemon=True).start()
        threading.Thread(target=serve_udp, args=(u,), daemon=True).start()
"""


class Refused(Exception):
    """The actor got this errno."""

    def __init__(self, number):
        super().__init__(errno.errorcode.get(number, number))
        self.number = number


class Program:
    """Line by line in, one JSON object a line out."""

    def __init__(self, root, argv, **rest):
        self.proc = root.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None, text=True, bufsize=1, **rest)
        self.pid = self.proc.pid

    def ask(self, line):
        self.proc.stdin.write(line + "\n")
        answer = self.proc.stdout.readline()
        assert answer, f"{self.proc.args} is gone"
        return json.loads(answer)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.proc.stdin.close()
        try:
            self.proc.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
        self.proc.stdout.close()


class Actor(Program):
    def __init__(self, root, scope=True, python="/usr/bin/python3", prepare=""):
        super().__init__(root, [python, "-c", ACTOR], scope=scope)
        if prepare:
            self.do(prepare)

    def do(self, code):
        answer = self.ask(json.dumps(code))
        if "errno" in answer:
            raise Refused(answer["errno"])
        return answer["value"]

    def error(self, code):
        """The errno, or 0."""
        return self.ask(json.dumps(code)).get("errno", 0)


class Cut(Program):
    def __init__(self, root):
        super().__init__(root, ["cut-probe", "--scope", root.scope], scope=False)
        assert json.loads(self.proc.stdout.readline()) == {"ready": 1}

    def do(self, line):
        answer = self.ask(line)
        assert answer["result"] == "ok", (line, answer)
        return answer["n"]

    def isolate(self, *processes, rule=1, what=1, excepted=(), programs=(), abort=True):
        """As the act does it. Returns how many connections were ended."""
        self.do(" ".join(["set", str(rule), str(what), *excepted]))
        for path in programs:
            self.do(f"program {rule} {path}")
        for p in processes:
            self.do(f"process {rule} {p.pid}")
        self.do(f"settle {rule}")
        return self.do(f"abort {rule}") if abort else 0


def private_root(tmp_path_factory, *programs):
    """A generator for a fixture; skips where there can be none."""
    import pytest

    folder = tmp_path_factory.mktemp("programs")
    for name in ("cut-probe", "uring-connect", *programs):
        if not os.path.exists(f"{LIVE}/{name}"):
            pytest.skip(f"no '{name}': build first")
        shutil.copy(f"{LIVE}/{name}", folder)
    try:
        with PrivateRoot(programs=str(folder)) as root:
            yield root
    except NoPrivateRoot as e:
        pytest.skip(str(e))
