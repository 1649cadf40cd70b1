# SPDX-License-Identifier: Apache-2.0
"""What does a flood do: does it silence turncoatd, hide what others do, or get lost without being counted?"""
import json
import os
import sys
import time

import pytest
from private_root import NoPrivateRoot
from rehearsal import Turncoat

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sensor_client  # noqa: E402

NETWORK, PROCESS = 1, 0  # places in the summary's list of losses
NO_LIMIT = str(2**32 - 1)

# A path of 3,500 bytes is dear to resolve, and folders that take turns are in no small cache.
FLOOD = """
import os
folders = []
for k in range(6):
    os.makedirs(f"/tmp/deep{k}")
    os.chdir(f"/tmp/deep{k}")
    for _ in range(35):
        os.mkdir("d" * 100)
        os.chdir("d" * 100)
    folders.append(os.open(".", os.O_RDONLY))
for i in range(60000):
    os.close(os.open(f"f{i}", os.O_CREAT | os.O_WRONLY, dir_fd=folders[i % 6]))
"""


def test_files_in_deep_folders_do_not_silence_the_heart(private_root):
    daemon = Turncoat(private_root)
    private_root.write("/srv/flood.py", FLOOD)
    private_root.run(["/usr/bin/python3", "/srv/flood.py"], user=True)
    time.sleep(2)
    assert daemon.daemon.poll() is None, daemon.words()
    assert "silent" not in daemon.words()
    status = json.loads(private_root.run(["turncoat", "status", "--json"], scope=False).stdout)
    assert status["ready"] and status["losses"]["process"] == 0
    daemon.stop()


# A datagram to another port each time is one record each.
SENDER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[1])):
    s.sendto(b'', ('127.0.0.1', 1000 + i))
"""

STARTER = """
import os, sys
for i in range(int(sys.argv[1])):
    os.waitpid(os.posix_spawn('/usr/bin/true', ['true', 'flood', 'x' * 1400], {}), 0)
"""

FILES = """
import os, sys
os.mkdir('/tmp/many')
for i in range(int(sys.argv[1])):
    os.close(os.open(f'/tmp/many/{i}', os.O_CREAT | os.O_WRONLY))
"""


def watched(*options):
    if not os.path.exists(sensor_client.PROBE):
        pytest.skip(f"no sensor-probe at '{sensor_client.PROBE}': build first")
    try:
        return sensor_client.Watched(*options)
    except NoPrivateRoot as e:
        pytest.skip(str(e))


def start(root, code, count, **rest):
    return root.popen(["python3", "-c", code, str(count)], **rest)


def rows(summary, name):
    return [r for r in summary["rows"] if r["class"] == name]


def drained(root, sensor):
    """Until what happened before is printed."""
    root.run(["true", "afterwards"])
    sensor.wait(type="exec", argv=["true", "afterwards"], timeout=30)


def test_a_flood_of_the_network_hides_no_process_and_is_counted_to_the_last():
    sends, starts = 40000, 150
    with watched("--no-files", "--no-perf", "--share", NO_LIMIT, "--pause", "1500") as (root, sensor):
        flood = start(root, SENDER, sends)
        root.run(["sh", "-c", f"i=0; while [ $i -lt {starts} ]; do /usr/bin/true kept; i=$((i+1)); done"])
        assert flood.wait(timeout=60) == 0
        drained(root, sensor)
        kept = {e["entity"] for e in sensor.find(type="exec", argv=["/usr/bin/true", "kept"])}
        assert len(kept) == starts
        assert kept <= {e["entity"] for e in sensor.find(type="fork")} & {e["entity"] for e in sensor.find(type="exit")}
        summary = sensor.stop()
    assert summary["lost"][PROCESS] == 0
    told = len(sensor.find(type="connect", pid=flood.pid))
    lost = summary["lost"][NETWORK]
    assert lost > 0, "the ring was to overflow"
    assert told + lost == sends
    (row,) = rows(summary, "network")
    assert row["reason"] == "ring full" and row["count"] == sum(row["per_cpu"]) == lost
    assert sum(e["count"] for e in sensor.find(type="loss", **{"class": NETWORK})) == lost


def test_a_flood_of_processes_is_counted_to_the_last_and_hides_no_connection():
    starts, sends = 900, 50
    with watched("--no-files", "--no-perf", "--pause", "6000") as (root, sensor):
        flood = start(root, STARTER, starts)
        other = start(root, SENDER, sends)
        assert other.wait(timeout=60) == 0 and flood.wait(timeout=60) == 0
        time.sleep(0.1)
        summary = sensor.stop()
    told = [e for e in sensor.find() if e["type"] in ("fork", "exec", "exit") and not e.get("flags", 0) & 1]
    lost = summary["lost"][PROCESS]
    assert lost > 0, "the ring was to overflow"
    # Each start is a fork, an exec and an exit; the two programs themselves exec and exit.
    assert len(told) + lost == 3 * starts + 4
    assert len(sensor.find(type="connect", pid=other.pid)) == sends and summary["lost"][NETWORK] == 0
    assert sum(r["count"] for r in rows(summary, "process")) == lost


def test_who_makes_more_than_its_share_is_named_and_nobody_else_suffers():
    sends, few = 6000, 40
    with watched("--no-files", "--no-perf", "--share", "300") as (root, sensor):
        flood = start(root, SENDER, sends)
        other = start(root, SENDER, few)
        assert flood.wait(timeout=60) == 0 and other.wait(timeout=60) == 0
        root.run(["true", "during"])
        drained(root, sensor)
        entity = sensor.wait(type="exec", pid=flood.pid)["entity"]
        summary = sensor.stop()
    told = len(sensor.find(type="connect", pid=flood.pid))
    left_out = sensor.find(type="loss", action="throttled")
    assert {(e["pid"], e["entity"], e["class"]) for e in left_out} == {(flood.pid, entity, NETWORK)}
    assert told + sum(e["count"] for e in left_out) == sends and summary["lost"][NETWORK] == 0
    (row,) = rows(summary, "throttled")
    assert row["count"] == sum(row["per_cpu"]) == sends - told
    assert 300 <= told < sends // 2
    assert len(sensor.find(type="connect", pid=other.pid)) == few
    assert sensor.find(type="exec", argv=["true", "during"]) and sensor.find(type="exit", pid=flood.pid)


def test_files_have_a_share_too():
    files = 4000
    with watched("--no-perf", "--share", "500") as (root, sensor):
        flood = start(root, FILES, files)
        assert flood.wait(timeout=60) == 0
        root.write("/tmp/other", "told")
        sensor.wait(type="file", path="/tmp/other", timeout=20)
        summary = sensor.stop()
    told = [e for e in sensor.find(type="file", pid=flood.pid) if e["path"].startswith("/tmp/many/")]
    left_out = sensor.find(type="loss", action="throttled")
    assert {e["pid"] for e in left_out} == {flood.pid} and {e["class"] for e in left_out} == {4}
    lost = sum(summary["lost"][4:5])
    assert len(told) + sum(e["count"] for e in left_out) + lost == 2 * files, "each is created and closed"
    assert rows(summary, "throttled")[0]["count"] == sum(e["count"] for e in left_out) > 0
