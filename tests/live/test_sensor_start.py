# SPDX-License-Identifier: Apache-2.0
"""Is what was there before the sensor told, and told once, also while much starts and ends? In a private root."""
import os
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sensor_client  # noqa: E402
from private_root import NoPrivateRoot  # noqa: E402

EXISTING = 1

# Holds a library, a memory file and writable code, and loads one more library when it is told to.
HOLDER = """
import ctypes, mmap, os, sys
ctypes.CDLL('libz.so.1')
fd = os.memfd_create('stage')
os.write(fd, b'x' * 4096)
code = mmap.mmap(fd, 4096, prot=5)
rwx = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
print('ready', flush=True)
sys.stdin.readline()
ctypes.CDLL('libz.so.1')
ctypes.CDLL('libbz2.so.1.0')
print('loaded', flush=True)
sys.stdin.readline()
"""

# Starts sleepers with a number each, and short processes in between, until it is told to stop.
CHURN = """
import select, subprocess, sys
sleepers, i = [], 0
print('running', flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    short = [subprocess.Popen(['/usr/bin/true', f'short-{i}-{k}']) for k in range(2)]
    if i < 400:
        sleepers.append(subprocess.Popen(['/usr/bin/sleep', f'600.{i:04}']))
    for p in short:
        p.wait()
    i += 1
sys.stdin.readline()
print(len(sleepers), flush=True)
sys.stdin.readline()
for p in sleepers:
    p.kill()
    p.wait()
"""


def talk(root, code):
    return root.popen(
        ["python3", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def say(process):
    process.stdin.write("go on\n")
    process.stdin.flush()


@pytest.fixture
def probe():
    if not os.path.exists(sensor_client.PROBE):
        pytest.skip(f"no sensor-probe at '{sensor_client.PROBE}': build first")


def test_what_was_mapped_before_is_told_once(probe):
    def hold(root):
        root.holder = talk(root, HOLDER)
        assert root.holder.stdout.readline() == "ready\n"

    try:
        with sensor_client.Watched("--no-files", prepare=hold) as (root, sensor):
            pid = root.holder.pid
            sensor.needs("mapping.existing")
            e = sensor.wait(type="lib_load", pid=pid, path=lambda p: "libz.so.1" in p)
            assert e["flags"] & EXISTING and e["prot"] & 4 and e["entity"]
            assert e["ino"] == os.stat(root.host_path(e["path"])).st_ino
            e = sensor.wait(type="mem_exec", action="memfd", pid=pid)
            assert e["path"] == "/memfd:stage (deleted)" and e["flags"] & EXISTING
            assert sensor.wait(type="mem_exec", action="writable", pid=pid)["flags"] & EXISTING
            say(root.holder)
            assert root.holder.stdout.readline() == "loaded\n"
            assert not sensor.wait(type="lib_load", pid=pid, path=lambda p: "libbz2" in p).get("flags", 0) & EXISTING
            loads = [(x["type"], x.get("path")) for x in sensor.find(pid=pid) if x["type"] in ("lib_load", "mem_exec")]
            assert len(loads) == len(set(loads)), loads
            # The program itself, the loader and the kernel's pages go without saying.
            assert not [p for _, p in loads if p and ("python3" in p.rsplit("/", 1)[1] or "ld-linux" in p or p[0] != "/")]
            summary = sensor.stop()
            assert summary["malformed"] == 0
            say(root.holder)
            root.holder.wait(timeout=10)
    except NoPrivateRoot as e:
        pytest.skip(str(e))


@pytest.mark.skipif(sensor_client.COMPAT, reason="arguments of processes that ran before are not told there")
def test_a_start_in_the_middle_of_a_churn_tells_each_process_once(probe):
    def churn(root):
        root.churn = talk(root, CHURN)
        assert root.churn.stdout.readline() == "running\n"
        time.sleep(0.3)

    try:
        with sensor_client.Watched("--no-files", prepare=churn) as (root, sensor):
            time.sleep(0.3)
            say(root.churn)
            count = int(root.churn.stdout.readline())
            root.run(["true", "afterwards"])
            sensor.wait(type="exec", argv=["true", "afterwards"], timeout=20)
            time.sleep(0.3)
            say(root.churn)
            root.churn.wait(timeout=20)
            summary = sensor.stop()
            assert summary["malformed"] == 0 and sum(summary["lost"]) == 0
            told = {}
            for e in sensor.find(type="exec"):
                told.setdefault((e["entity"], e.get("path"), tuple(e.get("argv", ()))), []).append(e.get("flags", 0) & EXISTING)
            assert {key: flags for key, flags in told.items() if len(flags) != 1} == {}
            sleepers = {}
            for (_, path, argv), flags in told.items():
                # Without words: listed between the new image and its arguments; its exec tells it again, with them.
                if path == "/usr/bin/sleep" and argv:
                    sleepers[argv[1]] = flags[0]
            missing = [i for i in range(count) if f"600.{i:04}" not in sleepers]
            assert missing == []
            # Some were there before and some came after: the start was in the middle.
            assert any(sleepers.values()) and not all(sleepers.values())
    except NoPrivateRoot as e:
        pytest.skip(str(e))
