# SPDX-License-Identifier: Apache-2.0
"""Is each of many connections to the same place told, one by one or in a sum, and no slow one only in a sum?"""
import json
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sensor_client  # noqa: E402
from private_root import NoPrivateRoot  # noqa: E402

FAST, OUT, BACK = 1500, 37, 211
BURST = 128  # told one by one after a rest

# One server, and for each client of a line of numbers so many connections in a row; "slow" sleeps between them.
MANY = f"""
import json, os, socket, sys, time
family, host = (socket.AF_INET6, '::1') if sys.argv[1] == '6' else (socket.AF_INET, '127.0.0.1')
s = socket.socket(family); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind((host, 0)); s.listen(512)
port = s.getsockname()[1]
def calls(n, pause):
    for _ in range(n):
        c = socket.socket(family); c.connect((host, port)); c.sendall(b'q' * {OUT})
        while c.recv(65536): pass
        c.close(); time.sleep(pause)
    os._exit(0)
pids = []
for arg in sys.argv[2:]:
    n, pause = arg.split(':')
    pid = os.fork()
    if pid == 0: calls(int(n), float(pause))
    pids.append(pid)
for _ in range(sum(int(a.split(':')[0]) for a in sys.argv[2:])):
    a, _ = s.accept(); got = 0
    while got < {OUT}: got += len(a.recv(65536))
    a.sendall(b'r' * {BACK}); a.close()
for _ in pids: os.wait()
print(json.dumps({{'server': os.getpid(), 'clients': pids, 'port': port}}))
"""

REFUSED = """
import os, socket, sys
for _ in range(int(sys.argv[1])):
    c = socket.socket()
    try: c.connect(('127.0.0.1', 9))
    except ConnectionRefusedError: pass
    c.close()
print(os.getpid())
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


def many(root, *clients, version="4"):
    return json.loads(root.run(["python3", "-c", MANY, version, *clients], timeout=60).stdout)


def total(events):
    return sum(e.get("count", 1) for e in events)


def all_of(sensor, count, **wanted):
    """The events, when they stand for so many connections."""
    sensor.wait(timeout=10, type=wanted["type"], pid=wanted["pid"])
    for _ in range(200):
        found = sensor.find(**wanted)
        if total(found) >= count:
            break
        with sensor._more:
            sensor._more.wait(0.1)
    assert total(found) == count, [e for e in found if "count" in e]
    return found


@pytest.mark.parametrize("version, host", [("4", "127.0.0.1"), ("6", "0:0:0:0:0:0:0:1")])
def test_connections_and_bytes_add_up(watched, version, host):
    root, sensor = watched
    told = many(root, f"{FAST}:0", version=version)
    (client,), server, port = told["clients"], told["server"], told["port"]
    for kind, pid, out, back, begun in (
        ("net_close", client, OUT, BACK, {"type": "connect", "action": "attempted"}),
        ("net_close", server, BACK, OUT, {"type": "accept"}),
    ):
        ends = all_of(sensor, FAST, type=kind, pid=pid)
        assert (sum(e["bytes_out"] for e in ends), sum(e["bytes_in"] for e in ends)) == (FAST * out, FAST * back)
        begins = all_of(sensor, FAST, pid=pid, **begun)
        alone = [e for e in ends if "count" not in e]
        assert BURST <= len(alone) < FAST / 2
        assert len(begins) < FAST / 2
        owner = alone[0]["entity"]
        sums = [e for e in begins + ends if "count" in e]
        assert sums
        for e in sums:
            assert e["dst"] == host and e["src"] == (host if pid == server else "0:0:0:0:0:0:0:0" if version == "6" else "0.0.0.0")
            assert e["dst_port"] == port and "src_port" not in e and "socket" not in e
            assert e["entity"] == owner and e["proto"] == 6 and e["uid"] == alone[0]["uid"]
            assert e["since_boot_ns"] <= e["boot_ns"]
    up = sensor.find(type="connect", action="established", pid=client)
    assert len(up) == len([e for e in sensor.find(type="net_close", pid=client) if "count" not in e])


def test_slow_ones_are_told_one_by_one_beside_a_flood(watched):
    root, sensor = watched
    told = many(root, "8:0.15", f"{FAST}:0")
    slow, fast = told["clients"]
    assert any("count" in e for e in all_of(sensor, FAST, type="net_close", pid=fast))
    for kind, action in (("connect", "attempted"), ("connect", "established"), ("net_close", None)):
        found = [e for e in sensor.find(type=kind, pid=slow) if action in (None, e.get("action"))]
        assert len(found) == 8 and not any("count" in e for e in found)


def test_each_process_has_its_own(watched):
    """Together they are many, each alone is not."""
    root, sensor = watched
    told = many(root, *["100:0"] * 4)
    for client in told["clients"]:
        assert not any("count" in e for e in all_of(sensor, 100, type="net_close", pid=client))
        assert len(sensor.find(type="connect", action="established", pid=client)) == 100
    all_of(sensor, 400, type="accept", pid=told["server"])


def test_what_fails_is_counted(watched):
    root, sensor = watched
    pid = int(root.run(["python3", "-c", REFUSED, str(FAST)]).stdout)
    failed = all_of(sensor, FAST, type="connect", action="failed", pid=pid)
    all_of(sensor, FAST, type="connect", action="attempted", pid=pid)
    sums = [e for e in failed if "count" in e]
    assert sums and all(e["error"] == 111 and e["dst_port"] == 9 and e["dst"] == "127.0.0.1" for e in sums)
    assert not sensor.find(type="net_close", pid=pid)


def test_the_sum_is_clean(watched):
    """Last: ends the probe."""
    _, sensor = watched
    summary = sensor.stop()
    assert summary["malformed"] == 0 and sum(summary["lost"]) == 0
    assert not sensor.find(count=lambda n: n > 0, pid=0)


def test_all_one_by_one_when_asked():
    try:
        with sensor_client.Watched("--no-files", "--no-perf", "--connections", str(2**32 - 1)) as (root, sensor):
            (client,) = many(root, f"{FAST}:0")["clients"]
            assert not any("count" in e for e in all_of(sensor, FAST, type="net_close", pid=client))
    except NoPrivateRoot as e:
        pytest.skip(str(e))
