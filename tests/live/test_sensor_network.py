# SPDX-License-Identifier: Apache-2.0
"""Does the sensor tell connections, their bytes and the names that are asked for? On a private root's own loopback."""
import json
import os
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sensor_client  # noqa: E402
from private_root import NoPrivateRoot  # noqa: E402

TCP, UDP = 6, 17

PEERS = """
import json, os, socket, sys
family, host = (socket.AF_INET6, '::1') if sys.argv[1] == '6' else (socket.AF_INET, '127.0.0.1')
s = socket.socket(family); s.bind((host, 0)); s.listen()
port = s.getsockname()[1]
client = os.fork()
if client == 0:
    c = socket.socket(family); c.connect((host, port)); c.sendall(b'q' * 612)
    while c.recv(65536): pass
    c.close(); os._exit(0)
a, peer = s.accept()
got = 0
while got < 612: got += len(a.recv(65536))
a.sendall(b'r' * 100000); a.close(); os.wait()
print(json.dumps({'server': os.getpid(), 'client': client, 'port': port, 'peer': peer[1]}))
"""

RESOLVER = """
import os, socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 53))
asker = os.fork()
if asker == 0:
    q = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if sys.argv[1] == 'connected': q.connect(('127.0.0.1', 53))
    name = b''.join(bytes([len(x)]) + x for x in b'www.acme.test'.split(b'.')) + b'\\0'
    question = struct.pack('>6H', 0x1234, 0x100, 1, 0, 0, 0) + name + struct.pack('>2H', 1, 1)
    for _ in range(3):
        q.send(question) if sys.argv[1] == 'connected' else q.sendto(question, ('127.0.0.1', 53))
        q.recv(512)
    os._exit(0)
for _ in range(3):
    data, peer = s.recvfrom(512)
    s.sendto(struct.pack('>6H', 0x1234, 0x8180, 1, 1, 0, 0) + data[12:] +
             struct.pack('>3HIH4s', 0xc00c, 1, 1, 60, 4, bytes([10, 9, 0, 5])), peer)
os.wait(); print(asker)
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


@pytest.mark.parametrize("version, host", [("4", "127.0.0.1"), ("6", "0:0:0:0:0:0:0:1")])
def test_a_connection_from_both_ends(watched, version, host):
    root, sensor = watched
    told = json.loads(root.run(["python3", "-c", PEERS, version]).stdout)
    client, server = told["client"], told["server"]
    asked = sensor.wait(type="connect", action="attempted", pid=client, dst_port=told["port"])
    assert asked["dst"] == host and asked["proto"] == TCP and "src_port" not in asked
    up = sensor.wait(type="connect", action="established", pid=client)
    assert (up["src"], up["src_port"], up["dst"], up["dst_port"]) == (host, told["peer"], host, told["port"])
    accepted = sensor.wait(type="accept", pid=server)
    assert (accepted["src"], accepted["src_port"], accepted["dst"], accepted["dst_port"]) == (
        host,
        told["peer"],
        host,
        told["port"],
    )
    assert asked["socket"] == up["socket"] != accepted["socket"]
    end = sensor.wait(type="net_close", pid=client)
    assert (end["bytes_out"], end["bytes_in"]) == (612, 100000) and end["socket"] == up["socket"]
    end = sensor.wait(type="net_close", pid=server)
    assert (end["bytes_out"], end["bytes_in"]) == (100000, 612) and end["socket"] == accepted["socket"]
    assert end["src_port"] == told["peer"] and end["dst_port"] == told["port"]
    owner = sensor.wait(type="fork", pid=client)
    assert asked["entity"] == up["entity"] == owner["entity"]


def test_bytes_are_told_after_the_process_is_gone(watched):
    """The peer reads late, so the socket outlives the process that wrote."""
    root, sensor = watched
    told = json.loads(
        root.run(
            [
                "python3",
                "-c",
                "import json, os, socket, time\n"
                "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()\n"
                "p = os.fork()\n"
                "if p == 0:\n"
                "    c = socket.create_connection(s.getsockname()); c.sendall(b'z' * 777); os._exit(0)\n"
                "a, _ = s.accept(); os.wait(); time.sleep(0.2)\n"
                "n = len(a.recv(1000)); a.close(); print(json.dumps([p, n]))\n",
            ]
        ).stdout
    )
    end = sensor.wait(type="net_close", pid=told[0])
    assert told[1] == 777 and end["bytes_out"] == 777
    assert end["boot_ns"] > sensor.wait(type="exit", pid=told[0])["boot_ns"]


def test_ipv4_over_an_ipv6_socket_is_ipv4(watched):
    root, sensor = watched
    pid = root.run(
        [
            "python3",
            "-c",
            "import os, socket\n"
            "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()\n"
            "c = socket.socket(socket.AF_INET6); c.connect(('::ffff:127.0.0.1', s.getsockname()[1]))\n"
            "print(os.getpid())\n",
        ]
    ).stdout
    up = sensor.wait(type="connect", action="established", pid=int(pid))
    assert up["src"] == up["dst"] == "127.0.0.1"


def test_a_refused_connection(watched):
    root, sensor = watched
    pid = root.run(
        ["python3", "-c", "import os, socket\nprint(os.getpid())\ntry: socket.create_connection(('127.0.0.1', 9))\nexcept OSError: pass"]
    ).stdout
    e = sensor.wait(type="connect", action="failed", pid=int(pid))
    assert e["dst"] == "127.0.0.1" and e["dst_port"] == 9 and e["error"] == 111
    assert not sensor.find(type="net_close", pid=int(pid))


def test_datagrams_are_told_once_a_destination(watched):
    root, sensor = watched
    pid = int(
        root.run(
            [
                "python3",
                "-c",
                "import os, socket\n"
                "u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                "for i in range(50): u.sendto(b'x', ('127.0.0.1', 7001)); u.sendto(b'x', ('127.0.0.1', 7002))\n"
                "v = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); v.sendto(b'x', ('::1', 7003))\n"
                "print(os.getpid())\n",
            ]
        ).stdout
    )
    sensor.wait(type="connect", pid=pid, dst="0:0:0:0:0:0:0:1", dst_port=7003, proto=UDP)
    ports = [e["dst_port"] for e in sensor.find(type="connect", pid=pid)]
    assert sorted(ports) == [7001, 7002, 7003]


def test_a_connected_datagram_socket_is_told_when_it_sends(watched):
    """connect() on UDP sends nothing: resolvers do it to learn their own address."""
    root, sensor = watched
    pid = int(
        root.run(
            [
                "python3",
                "-c",
                "import os, socket\n"
                "s = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]\n"
                "s[0].connect(('127.0.0.1', 7011)); s[1].connect(('127.0.0.1', 7012)); s[1].send(b'x'); print(os.getpid())\n"
                "try: s[1].send(b'x')\n"
                "except OSError: pass\n",
            ]
        ).stdout
    )
    e = sensor.wait(type="connect", pid=pid)
    assert e["dst_port"] == 7012 and e["proto"] == UDP and e["src"] == "127.0.0.1" and e["src_port"] > 0
    assert len(sensor.find(type="connect", pid=pid)) == 1


@pytest.mark.parametrize("how", ["connected", "loose"])
def test_dns_questions_and_answers(watched, how):
    root, sensor = watched
    asker = int(root.run(["python3", "-c", RESOLVER, how]).stdout)
    q = sensor.wait(type="dns", action="question", pid=asker)
    assert q["name"] == "www.acme.test" and q["qtype"] == 1 and q["dst"] == "127.0.0.1" and q["dst_port"] == 53
    assert "answers" not in q and "rcode" not in q
    a = sensor.wait(type="dns", action="answer", pid=asker)
    assert a["name"] == "www.acme.test" and a["answers"] == ["10.9.0.5"] and a["rcode"] == 0
    assert a["src_port"] == q["src_port"] and a["dst_port"] == 53 and a["entity"] == q["entity"]
    assert q["entity"] == sensor.wait(type="fork", pid=asker)["entity"]
    time.sleep(0.2)
    assert len(sensor.find(type="dns", pid=asker)) == 6


def test_outside_the_scope_is_silence(watched):
    root, sensor = watched
    root.run(["python3", "-c", PEERS, "4"], scope=False)
    asker = root.run(["python3", "-c", RESOLVER, "loose"], scope=False).stdout
    told = json.loads(root.run(["python3", "-c", PEERS, "4"]).stdout)
    sensor.wait(type="net_close", pid=told["server"])
    assert not sensor.find(pid=int(asker))
    inside = {e["pid"] for e in sensor.find(type="exec")} | {e["pid"] for e in sensor.find(type="fork")}
    for kind in ("connect", "accept", "net_close", "dns"):
        assert {e["pid"] for e in sensor.find(type=kind)} <= inside


def test_the_sum_is_clean(watched):
    """Last: ends the probe."""
    _, sensor = watched
    summary = sensor.stop()
    assert summary["malformed"] == 0 and sum(summary["lost"]) == 0
