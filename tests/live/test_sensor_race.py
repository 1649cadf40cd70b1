# SPDX-License-Identifier: Apache-2.0
"""Does the sensor tell where a connection really goes while another thread changes the address under the call?"""
import os
import shutil
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sensor_client  # noqa: E402
from private_root import NoPrivateRoot  # noqa: E402

RACER = os.path.join(os.path.dirname(sensor_client.PROBE), "connect-racer")
COUNT = 700  # five records each: they fit into the ring even when nobody reads it meanwhile


@pytest.fixture(scope="module")
def watched():
    if not os.path.exists(RACER):
        pytest.skip(f"no connect-racer at '{RACER}': build first")
    try:
        with sensor_client.Watched(
            "--no-files", "--no-perf", "--connections", str(2**32 - 1), prepare=lambda root: shutil.copy(RACER, root.host_path("/opt/connect-racer"))
        ) as both:
            yield both
    except NoPrivateRoot as e:
        pytest.skip(str(e))


@pytest.mark.parametrize("how", ["tcp", "ring", "udp"])
def test_every_connection_is_told_as_it_went(watched, how):
    root, sensor = watched
    for _ in range(6):  # on a busy machine the other thread may not have run at all
        lines = root.run(["/opt/connect-racer", how, str(COUNT)]).stdout.split("\n")[:-1]
        if lines == ["no io_uring"]:
            pytest.skip("this kernel refuses io_uring")
        if int(lines[-1].split()[1]) > 0:
            break
    went = dict(line.split() for line in lines[:-1])
    assert len(went) == COUNT and set(went.values()) == {"127.0.0.2", "127.0.0.3"}
    assert int(lines[-1].split()[1]) > 0, "the address has to change while the kernel is at it"
    last = int(lines[-2].split()[0])
    sensor.wait(type="connect", socket=last, **({} if how == "udp" else {"action": "established"}))
    told = [e for e in sensor.find(type="connect") if str(e["socket"]) in went]
    attempts = [e for e in told if e["action"] == "attempted"]
    assert [e for e in told if e["dst"] != went[str(e["socket"])]] == []
    assert len({e["socket"] for e in attempts}) == len(attempts) == COUNT
    assert len(told) == COUNT * (1 if how == "udp" else 2)


def test_nothing_was_lost(watched):
    """Last: ends the probe."""
    _, sensor = watched
    summary = sensor.stop()
    assert summary["malformed"] == 0 and sum(summary["lost"]) == 0
