# SPDX-License-Identifier: Apache-2.0
"""Can opens be held and refused, whichever way they come, and does nobody wait for a holder that hangs?

The files are the private root's own; the holder is permission-probe, which has the permission group and nothing else.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sensor_client  # noqa: E402
from private_root import UNDER_TEST, NoPrivateRoot, PrivateRoot  # noqa: E402

LIVE = os.path.dirname(os.path.abspath(sensor_client.PROBE))
BIN = os.environ.get("TRN_PROGRAMS") or os.path.join(LIVE, "..", "..", "bin")
EPERM = 1


class Holder:
    def __init__(self, root, *options):
        self.root = root
        self.proc = root.popen(
            ["permission-probe", *options],
            scope=False,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.pid = json.loads(self.proc.stdout.readline())["ready"]

    def ask(self, line):
        self.proc.stdin.write(line + "\n")
        return json.loads(self.proc.stdout.readline())

    def do(self, line):
        assert self.ask(line) == {"result": "ok"}, line

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.proc.stdin.close()
        self.proc.wait(timeout=20)
        self.proc.stdout.close()
        self.proc.stderr.close()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    programs = tmp_path_factory.mktemp("programs")
    for source in (f"{LIVE}/permission-probe", f"{LIVE}/uring-open", f"{BIN}/turncoat-guard"):
        if not os.path.exists(source):
            pytest.skip(f"no '{source}': build first")
        shutil.copy(source, programs)
    try:
        with PrivateRoot(programs=str(programs)) as r:
            r.run(["cp", "/usr/bin/true", "/srv/program"])
            r.run(["sh", "-c", "cp /lib/*/libcap.so.2 /srv/library.so || cp /lib/*/libz.so.1 /srv/library.so"])
            r.write("/srv/script", "#!/bin/sh\nexit 0\n", mode=0o755)
            r.write("/srv/data", "data")
            yield r
    except NoPrivateRoot as e:
        pytest.skip(str(e))


def code(root, *argv):
    """Exit code; of a shell where the command itself is refused."""
    return root.run(["sh", "-c", '"$@" 2>/dev/null', "sh", *argv], check=False).returncode


def test_nothing_is_asked_until_a_file_is_watched(root):
    with Holder(root) as holder:
        links = [os.readlink(f"/proc/{holder.pid}/fd/{n}") for n in os.listdir(f"/proc/{holder.pid}/fd")]
        assert not [name for name in links if "fanotify" in name]
        assert len(os.listdir(f"/proc/{holder.pid}/task")) == 1
        holder.do("watch OPEN /srv/data")
        links = [os.readlink(f"/proc/{holder.pid}/fd/{n}") for n in os.listdir(f"/proc/{holder.pid}/fd")]
        assert [name for name in links if "fanotify" in name]


def test_refused_by_every_way(root):
    loader = root.run(["sh", "-c", "ls /lib*/ld-linux* | head -n 1"]).stdout.strip()
    dlopen = "import ctypes, sys\ntry:\n    ctypes.CDLL('/srv/library.so')\nexcept OSError:\n    sys.exit(5)"
    with Holder(root) as holder:
        for name in ("program", "script", "data", "library.so"):
            holder.do(f"watch BOTH /srv/{name}")
            holder.do(f"deny BOTH /srv/{name}")
        assert code(root, "/srv/program") == 126
        assert code(root, "/srv/script") == 126
        assert code(root, "sh", "/srv/script") != 0  # the interpreter's open
        assert code(root, loader, "/srv/program") != 0  # no exec of the file at all
        assert code(root, "python3", "-c", dlopen) == 5
        assert code(root, "cat", "/srv/data") == 1
        assert root.run(["sh", "-c", "LD_PRELOAD=/srv/library.so /usr/bin/true"]).stderr.count("cannot be preloaded") == 1
        by_ring = code(root, "uring-open", "/srv/data")
        assert by_ring in (EPERM, 77)
        counts = holder.ask("counts")
        assert counts["denied"] >= 7 and counts["allowed"] == counts["late"] == 0
    assert code(root, "/srv/program") == 0  # the group is gone, and with it every refusal


def test_running_refused_reading_allowed(root):
    with Holder(root) as holder:
        holder.do("watch BOTH /srv/program")
        holder.do("deny EXEC /srv/program")
        assert code(root, "/srv/program") == 126
        assert code(root, "cmp", "/srv/program", "/usr/bin/true") == 0


def test_an_allowed_file_is_asked_about_again_when_it_was_written(root):
    with Holder(root) as holder:
        holder.do("watch OPEN /srv/data")
        holder.do("allow /srv/data")
        for _ in range(3):
            assert code(root, "cat", "/srv/data") == 0
        counts = holder.ask("counts")
        assert (counts["asked"], counts["cached"], counts["allowed"]) == (1, 1, 1)
        root.run(["sh", "-c", "echo more >> /srv/data"])  # the open is not asked about yet; the write ends that
        assert code(root, "cat", "/srv/data") == 0  # another content: nobody has decided, the deadline has
        counts = holder.ask("counts")
        assert (counts["asked"], counts["late"]) == (2, 1)
        holder.do("allow /srv/data")
        assert code(root, "cat", "/srv/data") == 0
        holder.do("deny OPEN /srv/data")  # also what is not asked about any more
        assert code(root, "cat", "/srv/data") == 1
        holder.do("unwatch OPEN /srv/data")
        assert code(root, "cat", "/srv/data") == 0


@pytest.mark.parametrize("option, expected", [([], 0), (["--fail-closed"], 1)])
def test_the_deadline_answers_as_declared(root, option, expected):
    with Holder(root, "--deadline-us", "5000", *option) as holder:
        holder.do("watch OPEN /srv/data")
        assert code(root, "cat", "/srv/data") == expected
        counts = holder.ask("counts")
        assert (counts["asked"], counts["late"], counts["denied"]) == (1, 1, expected)
        assert 5000 <= counts["slowest_us"] < 500000


def test_a_decision_answers_who_waits(root):
    with Holder(root, "--deadline-us", "100000", "--fail-closed") as holder:
        holder.do("watch OPEN /srv/data")
        opener = root.popen(["cat", "/srv/data"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while holder.ask("counts")["asked"] == 0:
            assert opener.poll() is None
            time.sleep(0.002)
        holder.do("allow /srv/data")
        opener.wait(timeout=10)
        counts = holder.ask("counts")
        assert (opener.returncode, counts["allowed"]) == (0, 1) or counts["late"] == 1  # a slow machine


def test_our_own_are_only_ever_allowed(root):
    with Holder(root) as holder:
        holder.do("watch OPEN /srv/data")
        holder.do("deny OPEN /srv/data")
        holder.do("open /srv/data")
        counts = holder.ask("counts")
        assert (counts["asked"], counts["own"], counts["denied"]) == (1, 1, 0)
        friend = root.popen(["sh", "-c", "read go; exec cat /srv/data"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        holder.do(f"own {friend.pid}")
        friend.communicate(b"go\n", timeout=10)
        assert friend.returncode == 0 and holder.ask("counts")["own"] == 2


@pytest.mark.parametrize("how", ["stopped", "thread stuck"])
def test_the_guard_ends_a_holder_that_hangs(root, how):
    """The opener hangs until the guard has had enough, and then goes on."""
    holder = Holder(root, "--deadline-us", "100000", "--guard", f"{UNDER_TEST}/turncoat-guard")
    with holder:
        holder.do("watch OPEN /srv/data")
        time.sleep(1)  # longer than the guard's patience: a holder that is well is left alone
        assert holder.ask("counts")["asked"] == 0
        if how == "stopped":
            os.kill(holder.pid, signal.SIGSTOP)
        else:
            holder.do("stall")
        began = time.monotonic()
        opener = root.run(["cat", "/srv/data"], timeout=30)
        took = time.monotonic() - began
        assert opener.stdout.startswith("data")
        assert 0.3 < took < 10
        assert holder.proc.wait(timeout=10) == -signal.SIGKILL
        assert "was silent for 500 ms and was ended" in holder.proc.stderr.read()
    print(f"\n{how}: the opener went on after {took * 1000:.0f} ms", file=sys.stderr)
