# SPDX-License-Identifier: Apache-2.0
"""Is a system call of 32 bits (int 0x80) seen like any other? A program without a library does each act by it."""
import errno
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sensor_client  # noqa: E402
from private_root import NoPrivateRoot  # noqa: E402

ACT = os.path.join(os.path.dirname(sensor_client.PROBE), "act32")
TCP = 6


@pytest.fixture(scope="module")
def acted():
    """The sensor, and the process that has done all."""
    if not os.path.exists(ACT) or not os.path.exists(sensor_client.PROBE):
        pytest.skip("no program of 32 bits: this compiler makes none")
    try:
        with sensor_client.Watched() as (root, sensor):
            root.copy_in(ACT, "/root/bin")
            try:
                process = root.popen(["/root/bin/act32"], stdout=subprocess.DEVNULL)
            except OSError as e:
                if e.errno == errno.ENOEXEC:
                    pytest.skip("this kernel runs no program of 32 bits")
                raise
            assert process.wait(timeout=30) == 0, "it did not get as far as /usr/bin/true"
            yield sensor, process.pid
    except NoPrivateRoot as e:
        pytest.skip(str(e))


def test_it_starts_and_becomes_another_program(acted):
    sensor, pid = acted
    assert sensor.wait(type="exec", pid=pid, path="/root/bin/act32")
    assert sensor.wait(type="exec", pid=pid, path="/usr/bin/true")["argv"] == ["true", "from-32-bits"]


def test_it_writes_a_file(acted):
    sensor, pid = acted
    assert sensor.wait(type="file", action="written", pid=pid, path="/root/act32.written")["size"] == 1


def test_it_connects(acted):
    sensor, pid = acted
    assert sensor.wait(type="connect", action="attempted", pid=pid, dst="127.0.0.1", dst_port=9, proto=TCP)
    assert sensor.wait(type="connect", action="failed", pid=pid, dst_port=9)["error"] == errno.ECONNREFUSED


def test_it_reads_the_memory_of_another(acted):
    sensor, pid = acted
    child = sensor.wait(type="fork", parent_pid=pid)["pid"]
    assert sensor.wait(type="access", pid=pid, target_pid=child)
