# SPDX-License-Identifier: Apache-2.0
"""Does `turncoat respond block` hold through a whole turncoatd, over its end by SIGKILL, until it is undone?"""
import json
import os
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sensor_client  # noqa: E402
from private_root import NoPrivateRoot, PrivateRoot  # noqa: E402

LIVE = os.path.dirname(os.path.abspath(sensor_client.PROBE))
BIN = os.environ.get("TRN_PROGRAMS") or os.path.join(LIVE, "..", "..", "bin")
STATE, BAD, PLACE = "/var/lib/turncoat", "/srv/bad", "/protected"


@pytest.fixture(scope="module")
def root():
    if not os.path.exists(f"{BIN}/turncoatd"):
        pytest.skip(f"no '{BIN}/turncoatd': build first")
    try:
        with PrivateRoot(programs=BIN) as r:
            r.run(["sh", "-c", f"cp /usr/bin/true {BAD}; mkdir {PLACE}; mount -t tmpfs protected {PLACE}"])
            r.write("/etc/turncoat/test.yaml", f"protect-mounts: [{PLACE}]\n")
            yield r
    except NoPrivateRoot as e:
        pytest.skip(str(e))


def start(root):
    proc = root.popen(
        ["turncoatd", "--scope-cgroup", root.scope, "--state", STATE, "--policy", "/etc/turncoat/test.yaml"],
        scope=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while root.run(["turncoat", "status"], scope=False, check=False).returncode != 0:
        assert proc.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    return proc


def respond(root, *argv):
    done = root.run(["turncoat", "respond", *argv, "--json"], scope=False, check=False)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def code(root, path):
    return root.run(["sh", "-c", f"{path} 2>/dev/null"], check=False).returncode


def test_a_block_holds_over_a_restart_until_it_is_undone(root):
    daemon = start(root)
    sha256 = root.run(["sha256sum", BAD]).stdout.split()[0]
    root.run(["cp", BAD, f"{PLACE}/copy"])
    by_path = respond(root, "block", BAD)
    by_hash = respond(root, "block", sha256)
    assert (by_path["state"], by_hash["state"]) == ("seen", "seen")
    assert "EPERM" in by_path["text"]
    assert code(root, BAD) == code(root, f"{PLACE}/copy") == 126
    daemon.send_signal(signal.SIGKILL)
    daemon.wait(timeout=20)
    daemon.stderr.close()
    assert code(root, BAD) == 0  # nobody refuses, and nobody waits
    daemon = start(root)
    deadline = time.monotonic() + 20
    while code(root, BAD) != 126 or code(root, f"{PLACE}/copy") != 126:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    root.run(["turncoat", "respond", "undo", str(by_path["id"])], scope=False)
    root.run(["turncoat", "respond", "undo", str(by_hash["id"])], scope=False)
    assert code(root, BAD) == code(root, f"{PLACE}/copy") == 0
    daemon.terminate()
    daemon.wait(timeout=20)
    daemon.stderr.close()
