# SPDX-License-Identifier: Apache-2.0
"""Do the walls between the four processes hold on the running daemon, and does it outlive what breaks on the other side?

What each sandbox refuses is climbed call by call in tests/unit/base/test_sandbox.c; here the real processes are looked at,
stopped, killed and impersonated. Only processes that the test started, in its own private root.
"""
import ctypes
import json
import os
import shutil
import signal
import time

import pytest
from private_root import NoPrivateRoot, PrivateRoot
from rehearsal import Turncoat

PTRACE_ATTACH, PTRACE_DETACH = 16, 17


@pytest.fixture
def turncoat(private_root):
    t = Turncoat(private_root)
    yield t
    t.stop()


def status(t):
    return json.loads(t.ask("status", "--json"))


def proc(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def children(pid, name):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return {int(p) for p in f.read().split() if proc(p)["Name"] == name}


def test_each_process_has_only_its_rights(turncoat):
    pids = status(turncoat)["processes"]
    facts = {name: proc(pid) for name, pid in pids.items()}
    uids = {name: f["Uid"].split()[0] for name, f in facts.items()}
    assert uids["turncoatd"] == "0" and uids["turncoat-guard"] == "0"
    assert len({uids["turncoatd"], uids["turncoat-engine"], uids["turncoat-inspect"]}) == 3, "three different users"
    for name in ("turncoat-engine", "turncoat-inspect", "turncoat-guard"):
        assert facts[name]["Seccomp"] == "2" and facts[name]["NoNewPrivs"] == "1", name
    for name in ("turncoat-engine", "turncoat-inspect"):
        assert int(facts[name]["CapPrm"], 16) == 0 and int(facts[name]["CapBnd"], 16) == 0, name
    assert int(facts["turncoat-guard"]["CapPrm"], 16) == 1 << 5, "CAP_KILL alone"
    engine_root = os.readlink(f"/proc/{pids['turncoat-engine']}/root")
    assert engine_root.endswith("/var/lib/turncoat"), "the engine's world is its state folder"


def test_a_sibling_cannot_trace_a_sibling(turncoat):
    pids = status(turncoat)["processes"]
    engine_uid = int(proc(pids["turncoat-engine"])["Uid"].split()[0])
    libc = ctypes.CDLL(None, use_errno=True)
    for target in ("turncoat-inspect", "turncoatd", "turncoat-guard"):
        child = os.fork()
        if child == 0:
            os.setgroups([])
            os.setresgid(engine_uid, engine_uid, engine_uid)
            os.setresuid(engine_uid, engine_uid, engine_uid)
            r = libc.ptrace(PTRACE_ATTACH, pids[target], None, None)
            os._exit(0 if r < 0 and ctypes.get_errno() == 1 else 1)
        assert os.waitpid(child, 0)[1] == 0, f"{target} could be traced with the engine's rights"


def test_a_stopped_daemon_is_ended_by_the_guard(private_root):
    t = Turncoat(private_root)
    pid = status(t)["processes"]["turncoatd"]
    began = time.monotonic()
    os.kill(pid, signal.SIGSTOP)
    t.daemon.wait(timeout=20)
    took = time.monotonic() - began
    # Nobody waits for its verdict here; while somebody may, it is half a second (test_permission.py).
    assert 4 < took < 10, f"the guard took {took:.2f} s"


def test_a_killed_engine_comes_back_and_says_so(turncoat):
    before = status(turncoat)
    os.kill(before["processes"]["turncoat-engine"], signal.SIGKILL)
    turncoat._await_ready(15)
    after = status(turncoat)
    assert after["engine_restarts"] == 1
    assert after["processes"]["turncoatd"] == before["processes"]["turncoatd"], "the daemon lived on"
    turncoat.settle()
    gaps = json.loads(turncoat.ask("hunt", "--json", "type=gap") or "[]")
    assert gaps, "the time without an engine is an event"


def test_an_engine_lost_with_file_events_unread_does_not_end_them(turncoat):
    engine = status(turncoat)["processes"]["turncoat-engine"]
    os.kill(engine, signal.SIGSTOP)  # what comes now stays unread in its socket
    busy = turncoat.root.popen(["sh", "-c", "while :; do for i in 1 2 3 4 5 6 7 8; do : > /home/alice/unread-$i; done; done"])
    time.sleep(1)
    os.kill(engine, signal.SIGKILL)  # the daemon is sending, and learns of the end from its socket
    time.sleep(0.5)
    busy.kill()
    busy.wait()
    turncoat._await_ready(15)
    turncoat.root.run(["cp", "/usr/bin/true", "/home/alice/after"])
    turncoat.settle()
    hooks = {h["name"]: h["state"] for h in status(turncoat)["hooks"]}
    assert hooks.get("file.marks") == "on", hooks
    assert turncoat.seen("type=file file.path=/home/alice/after"), "file events ended with the engine"


def test_a_stop_does_not_wait_for_an_engine_that_does_not_listen(private_root):
    t = Turncoat(private_root)
    engine = status(t)["processes"]["turncoat-engine"]
    os.kill(engine, signal.SIGSTOP)
    began = time.monotonic()
    t.daemon.terminate()
    code = t.daemon.wait(timeout=15)
    took = time.monotonic() - began
    assert code == 0, "it left by itself, the guard had no reason to end it"
    assert took < 8, f"stopping took {took:.1f} s"


def test_a_killed_guard_comes_back(turncoat):
    daemon = status(turncoat)["processes"]["turncoatd"]
    for _ in range(2):
        old = children(daemon, "turncoat-guard")
        assert len(old) == 1
        os.kill(*old, signal.SIGKILL)
        deadline, new = time.monotonic() + 5, set()
        while time.monotonic() < deadline and (not new or new & old):
            time.sleep(0.1)
            new = children(daemon, "turncoat-guard")
        assert len(new) == 1 and not new & old, "nobody watches the daemon any more"


def test_a_killed_inspect_costs_one_job_only(turncoat):
    pids = status(turncoat)["processes"]
    os.kill(pids["turncoat-inspect"], signal.SIGKILL)
    time.sleep(0.5)
    turncoat.root.run(["cp", "/usr/bin/true", "/home/alice/a-program-of-its-own"])
    turncoat.root.run(["/home/alice/a-program-of-its-own"])
    turncoat.settle()
    hits = json.loads(turncoat.ask("hunt", "--json", "type=identity file.path=/home/alice/a-program-of-its-own"))
    assert hits, "files are still identified by the inspect that was started anew"


def test_a_malformed_request_costs_the_engine_its_place(programs, tmp_path):
    place = tmp_path / "bin"
    shutil.copytree(programs, place, ignore=lambda d, names: [n for n in names if os.path.isdir(os.path.join(d, n))])
    os.rename(place / "turncoat-engine", place / "turncoat-engine.real")
    shutil.copy(os.path.join(os.path.dirname(programs), "tests/live/hostile-engine"), place / "turncoat-engine")
    try:
        with PrivateRoot(programs=str(place)) as root:
            t = Turncoat(root)
            s = status(t)
            assert s["dropped_messages"] == 1 and s["engine_restarts"] == 1, s
            t.stop()
    except NoPrivateRoot as e:
        pytest.skip(str(e))
