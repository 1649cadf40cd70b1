# SPDX-License-Identifier: Apache-2.0
"""Do the threads of turncoatd and of the engine ever touch the same thing at once?

For a build with the thread sanitizer only ('./dev check threads' makes one and runs this); elsewhere it skips itself.
"""
import json
import os
import signal
import subprocess

import pytest
from rehearsal import Turncoat

REPORT = "WARNING: ThreadSanitizer"
ACTS = """
import os, socket, subprocess, time
end = time.monotonic() + 6
n = 0
while time.monotonic() < end:
    n += 1
    subprocess.run(["/usr/bin/true"])
    with open(f"/home/alice/file-{n % 50}", "w") as f:
        f.write("something\\n")
    os.rename(f"/home/alice/file-{n % 50}", "/home/alice/renamed")
    s = socket.socket()
    s.connect_ex(("127.0.0.1", 1 + n % 1000))
    s.close()
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.sendto(b"x", ("127.0.0.1", 2000 + n % 1000))
    u.close()
"""


@pytest.fixture
def sanitized(programs):
    with open(os.path.join(programs, "turncoat-engine"), "rb") as f:
        if b"__tsan_init" not in f.read():
            pytest.skip("not a build with the thread sanitizer: ./dev check threads")
    return programs


def whole_log(t):
    with open(t.root.host_path(t.log), encoding="utf-8", errors="backslashreplace") as f:
        return f.read()


def test_the_sanitizer_speaks(sanitized):
    control = os.path.join(sanitized, "..", "tests", "live", "race-control")
    assert REPORT in subprocess.run([control], capture_output=True, text=True, check=False).stderr


def test_no_race_at_work_at_a_restart_and_at_the_end(sanitized, private_root):
    t = Turncoat(private_root, ready_within=60)
    acts = [private_root.popen(["python3", "-c", ACTS], user=True) for _ in range(2)]
    watcher = private_root.popen(["turncoat", "watch", "--json", "--state", "/var/lib/turncoat"], scope=False, stdout=subprocess.DEVNULL)
    while any(a.poll() is None for a in acts):
        for question in (["status", "--json"], ["hunt", "--json", "type=exec"], ["stories", "--json"], ["software", "--json"]):
            t.ask(*question)
    os.kill(json.loads(t.ask("status", "--json"))["processes"]["turncoat-engine"], signal.SIGKILL)
    t._await_ready(60)
    private_root.run(["/usr/bin/id"])
    t.settle()
    watcher.terminate()
    watcher.wait()
    t.stop()
    said = whole_log(t)
    assert REPORT not in said, said[said.find(REPORT) :][:6000]
