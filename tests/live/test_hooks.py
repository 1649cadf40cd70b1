# SPDX-License-Identifier: Apache-2.0
"""Does turncoatd notice that somebody takes its hooks away, say so, and put them back? Only hooks of the test's own daemon."""
import ctypes
import glob
import json
import os
import subprocess
import time

import pytest
from rehearsal import Turncoat

FLUSH, FILESYSTEM = 0x80, 0x100
PIDFD_OPEN, PIDFD_GETFD = 434, 438
FANOTIFY_MARK = {"x86_64": 301, "aarch64": 263}[os.uname().machine]
libc = ctypes.CDLL(None, use_errno=True)


@pytest.fixture
def turncoat(private_root):
    daemon = Turncoat(private_root)
    yield daemon
    daemon.stop()


def descriptors(daemon, *wanted):
    """(number, words of its fdinfo) of the daemon's own descriptors that say this."""
    found = []
    for path in glob.glob(f"/proc/{daemon.daemon.pid}/fdinfo/*"):
        try:
            with open(path, encoding="ascii") as f:
                words = f.read()
        except FileNotFoundError:  # closed meanwhile: none of those that stay
            continue
        if all(w in words for w in wanted):
            found.append((int(os.path.basename(path)), words))
    return found


def told(daemon, action, name):
    """The hook events of this kind, once there is one."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = [e for e in daemon.seen(f"type=hook action={action}") if e["message"].startswith(name)]
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"no hook event '{action}' about {name}: {daemon.seen('type=hook')}\n{daemon.words()}")


def hooks(daemon):
    return {h["name"]: h for h in json.loads(daemon.ask("status", "--json"))["hooks"]}


def test_a_detached_link_is_told_and_attached_again(turncoat):
    links = [words.split("link_id:")[1].split()[0] for _, words in descriptors(turncoat, "link_type:\tcgroup")]
    assert links
    victim = links[0]
    detached = subprocess.run(["bpftool", "link", "detach", "id", victim], capture_output=True, text=True)
    if detached.returncode != 0:
        pytest.skip(f"bpftool cannot detach: {detached.stderr}")
    (lost,) = told(turncoat, "lost", "")
    name = lost["message"].split(":")[0]
    assert "detached" in lost["message"]
    told(turncoat, "returned", name)
    assert hooks(turncoat)[name]["state"] == "on"
    assert len([1 for _, w in descriptors(turncoat, "link_type:\tcgroup")]) == len(links)
    assert json.loads(turncoat.ask("stories", "--json")) == []


def test_flushed_marks_are_told_and_marked_again(turncoat):
    pidfd = libc.syscall(PIDFD_OPEN, turncoat.daemon.pid, 0)
    assert pidfd >= 0
    marks = descriptors(turncoat, "fanotify sdev:")
    assert marks
    ours = libc.syscall(PIDFD_GETFD, pidfd, marks[0][0], 0)
    os.close(pidfd)
    if ours < 0:
        pytest.skip(f"the daemon's descriptor cannot be borrowed: {os.strerror(ctypes.get_errno())}")
    try:
        assert libc.syscall(FANOTIFY_MARK, ours, FLUSH | FILESYSTEM, ctypes.c_uint64(0), -1, None) == 0
    finally:
        os.close(ours)
    told(turncoat, "lost", "file.marks")
    told(turncoat, "returned", "file.marks")
    turncoat.root.run(["touch", "/srv/after-the-flush"])
    turncoat.settle()
    assert turncoat.seen("type=file path=/srv/after-the-flush")


def test_quiet_when_nothing_happens(turncoat):
    turncoat.settle()
    time.sleep(2.5)
    assert turncoat.seen("type=hook") == []
