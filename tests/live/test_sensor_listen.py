# SPDX-License-Identifier: Apache-2.0
"""Are ports that are opened told, with who opened them, and the sockets that were there before the sensor?"""
import json
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sensor_client  # noqa: E402
from private_root import NoPrivateRoot  # noqa: E402

TCP, UDP, RAW = 6, 17, 255
EXISTING = 1

BEFORE = """
import json, os, socket, sys
l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen()
l6 = socket.socket(socket.AF_INET6); l6.bind(('::1', 0)); l6.listen()
c = socket.create_connection(l.getsockname()); a, _ = l.accept()
b = socket.socket(); b.bind(('127.0.0.1', 4999)); b.connect(l.getsockname()); a2, _ = l.accept()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('127.0.0.1', 4998))
d = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); d.connect(('127.0.0.1', 4997))
loose = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); loose.sendto(b'x', ('127.0.0.1', 4996))
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
packet = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
r, w = os.pipe(); child = os.fork()
if child == 0:
    os.close(w); c.close(); a.close(); os.read(r, 1); os._exit(0)
print(json.dumps({'pid': os.getpid(), 'listen': l.getsockname()[1], 'listen6': l6.getsockname()[1],
                  'from': c.getsockname()[1]}), flush=True)
sys.stdin.readline()
c.sendall(b'q' * 100); a.recv(100); a.sendall(b'r' * 50); c.recv(100)
c.close(); a.close()
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def watched():
    if not os.path.exists(sensor_client.PROBE):
        pytest.skip(f"no sensor-probe at '{sensor_client.PROBE}': build first")
    try:
        with sensor_client.Watched("--no-files", "--no-perf") as both:
            yield both
    except NoPrivateRoot as e:
        pytest.skip(str(e))


def python(root, text, *args):
    """Runs the text, which prints one JSON value last."""
    return json.loads(root.run(["python3", "-c", "import json, os, socket\n" + text, *args]).stdout)


@pytest.mark.parametrize("family, address, told", [("AF_INET", "127.0.0.1", "127.0.0.1"), ("AF_INET", "0.0.0.0", "0.0.0.0"),
                                                  ("AF_INET6", "::1", "0:0:0:0:0:0:0:1"),
                                                  ("AF_INET6", "::ffff:127.0.0.1", "127.0.0.1")])
@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"])
def test_a_port_that_is_opened(watched, family, address, told, kind):
    root, sensor = watched
    pid, port = python(
        root,
        f"s = socket.socket(socket.{family}, socket.{kind}); s.bind(('{address}', 0))\n"
        f"if '{kind}' == 'SOCK_STREAM': s.listen(); s.listen(7)\n"
        "print(json.dumps([os.getpid(), s.getsockname()[1]]))\n",
    )
    e = sensor.wait(type="listen", pid=pid)
    assert (e["src"], e["src_port"]) == (told, port) and "dst_port" not in e
    assert e["proto"] == (TCP if kind == "SOCK_STREAM" else UDP) and e["socket"] > 0
    assert e["entity"] == sensor.wait(type="exec", pid=pid)["entity"]
    sensor.wait(type="exit", pid=pid)
    assert len(sensor.find(type="listen", pid=pid)) == 1


def test_a_tcp_bind_alone_is_nothing(watched):
    root, sensor = watched
    pid = python(root, "s = socket.socket(); s.bind(('127.0.0.1', 0)); print(os.getpid())\n")
    sensor.wait(type="exit", pid=pid)
    assert not sensor.find(type="listen", pid=pid)


def test_listening_without_a_bind_is_told_and_its_port_comes_with_the_first_caller(watched):
    root, sensor = watched
    pid, port = python(
        root,
        "s = socket.socket(); s.listen(); c = socket.create_connection(('127.0.0.1', s.getsockname()[1]))\n"
        "a, _ = s.accept(); print(json.dumps([os.getpid(), s.getsockname()[1]]))\n",
    )
    e = sensor.wait(type="listen", pid=pid)
    assert e.get("src_port") == (port if sensor_client.COMPAT else None)  # another hook, which is asked a moment later
    assert sensor.wait(type="accept", pid=pid)["dst_port"] == port


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6"])
def test_a_raw_socket_listens_to_all(watched, family):
    root, sensor = watched
    pid = python(root, f"s = socket.socket(socket.{family}, socket.SOCK_RAW, 58); print(os.getpid())\n")
    e = sensor.wait(type="listen", pid=pid)
    assert e["proto"] == RAW and "src_port" not in e


def test_who_listens_owns_the_port_whoever_made_the_socket(watched):
    """The socket is made and bound by one process, passed by SCM_RIGHTS, and listened on by another."""
    root, sensor = watched
    maker, taker = python(
        root,
        "here, there = socket.socketpair()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    _, fds, _, _ = socket.recv_fds(there, 1, 1); s = socket.socket(fileno=fds[0]); s.listen()\n"
        "    a, _ = s.accept(); a.recv(1); a.close(); os._exit(0)\n"
        "s = socket.socket(); s.bind(('127.0.0.1', 0)); socket.send_fds(here, [b'x'], [s.fileno()])\n"
        "import time\n"
        "while True:\n"
        "    try: c = socket.create_connection(s.getsockname()); break\n"
        "    except ConnectionRefusedError: time.sleep(0.01)\n"
        "c.send(b'x'); c.close(); os.wait(); print(json.dumps([os.getpid(), child]))\n",
    )
    assert sensor.wait(type="listen", pid=taker)["entity"] == sensor.wait(type="fork", pid=taker)["entity"]
    sensor.wait(type="accept", pid=taker)
    assert not sensor.find(type="listen", pid=maker)


def test_who_connected_owns_the_bytes_whoever_sends_them(watched):
    root, sensor = watched
    opener, sender = python(
        root,
        "l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen()\n"
        "c = socket.create_connection(l.getsockname()); a, _ = l.accept()\n"
        "child = os.fork()\n"
        "if child == 0: c.sendall(b'z' * 321); os._exit(0)\n"
        "os.wait(); c.close(); n = len(a.recv(1000)); a.close(); print(json.dumps([os.getpid(), child]))\n",
    )
    assert sensor.wait(type="net_close", pid=opener, bytes_out=321)
    assert not sensor.find(type="net_close", pid=sender)


def test_outside_the_scope_no_port_is_told(watched):
    root, sensor = watched
    text = (
        "import os, socket\n"
        "s = socket.socket(); s.listen()\n"
        "u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('127.0.0.1', 0))\n"
        "r = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1); print(os.getpid())\n"
    )
    outside = int(root.run(["python3", "-c", text], scope=False).stdout)
    inside = int(root.run(["python3", "-c", text]).stdout)
    sensor.wait(type="listen", pid=inside, proto=RAW)
    assert not sensor.find(pid=outside)


def test_what_was_there_before():
    """One event a socket, marked existing, with its owner; and their end is told like that of later ones."""
    procs = []

    def prepare(root):
        for scope in (True, False):
            p = root.popen(
                ["python3", "-c", BEFORE if scope else BEFORE.replace("499", "599")],
                scope=scope,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            procs.append((p, json.loads(p.stdout.readline())))

    try:
        with sensor_client.Watched("--no-files", "--no-perf", prepare=prepare) as (_, sensor):
            (p, told), (out, outside) = procs
            pid = told["pid"]
            sensor.needs("network.existing")
            sensor.wait(type="listen", pid=pid, proto=RAW, dst=None)  # the one on the wire was opened last
            wanted = [
                {"type": "listen", "proto": TCP, "src": "127.0.0.1", "src_port": told["listen"]},
                {"type": "listen", "proto": TCP, "src": "0:0:0:0:0:0:0:1", "src_port": told["listen6"]},
                {"type": "listen", "proto": UDP, "src": "127.0.0.1", "src_port": 4998},
                {"type": "connect", "action": "established", "src_port": told["from"], "dst_port": told["listen"]},
                {"type": "connect", "action": "established", "src_port": 4999, "dst_port": told["listen"]},
                {"type": "accept", "src_port": told["from"], "dst_port": told["listen"]},
                {"type": "accept", "src_port": 4999, "dst_port": told["listen"]},
                {"type": "connect", "proto": UDP, "dst_port": 4997},
            ]
            owner = sensor.wait(type="exec", pid=pid)["entity"]
            for one in wanted:
                found = sensor.find(flags=EXISTING, **one)
                assert len(found) == 1 and found[0]["entity"] == owner, one
            assert len(sensor.find(type="listen", proto=RAW, pid=pid)) == 2, "the raw one and the one on the wire"
            existing = [e for e in sensor.find(flags=EXISTING) if e["type"] in ("listen", "accept", "connect")]
            assert len(existing) == len(wanted) + 2 and {e["pid"] for e in existing} == {pid}
            p.stdin.write("\n")
            p.stdin.flush()
            if sensor_client.COMPAT:
                return  # it is not asked about a connection whose beginning it did not see
            c = sensor.wait(type="net_close", pid=pid, bytes_out=100)
            a = sensor.wait(type="net_close", pid=pid, bytes_out=50)
            up = sensor.find(type="connect", src_port=told["from"])[0]
            assert (c["bytes_in"], a["bytes_in"]) == (50, 100) and c["socket"] == up["socket"] and c["entity"] == owner
            assert (a["src_port"], a["dst_port"]) == (told["from"], told["listen"])
            assert not sensor.find(pid=outside["pid"])
            for one, _ in procs:
                one.stdin.close()
            assert sensor.stop()["malformed"] == 0
    except NoPrivateRoot as e:
        pytest.skip(str(e))
    finally:
        for one, _ in procs:
            one.stdin.close()
            one.wait(timeout=20)
