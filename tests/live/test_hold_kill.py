# SPDX-License-Identifier: Apache-2.0
"""Is a whole tree stopped, or ended, whatever it does meanwhile; and does nobody stay stopped when turncoatd is gone?

tree-probe does what turncoatd does, inside the test's own cgroup; forker makes the processes.
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
WAIT = 20


class Hands:
    def __init__(self, root, *options):
        self.proc = root.popen(
            ["tree-probe", root.scope, *options],
            scope=False,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.pid = json.loads(self.proc.stdout.readline())["ready"]

    def ask(self, *words):
        self.proc.stdin.write(" ".join(map(str, words)) + "\n")
        return json.loads(self.proc.stdout.readline())

    def ok(self, *words):
        answer = self.ask(*words)
        assert answer["result"] == "ok", answer
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.proc.stdin.close()
        self.proc.wait(timeout=WAIT)
        self.proc.stdout.close()
        self.proc.stderr.close()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    programs = tmp_path_factory.mktemp("programs")
    for source in (f"{LIVE}/tree-probe", f"{LIVE}/forker", f"{BIN}/turncoat-guard"):
        if not os.path.exists(source):
            pytest.skip(f"no '{source}': build first")
        shutil.copy(source, programs)
    try:
        with PrivateRoot(programs=str(programs)) as r:
            yield r
    except NoPrivateRoot as e:
        pytest.skip(str(e))


@pytest.fixture
def hands(root):
    with Hands(root) as h:
        yield h


@pytest.fixture
def forker(root):
    started = []

    def start(*words):
        proc = root.popen(["forker", *map(str, words)], stdout=subprocess.PIPE)
        started.append(proc)
        assert proc.stdout.readline() == b"ready\n"
        return proc

    yield start
    empty(root)
    for proc in started:
        proc.stdout.close()
        proc.wait(timeout=WAIT)


def in_scope(root):
    with open(f"{root.scope}/cgroup.procs") as f:
        return [int(line) for line in f]


def empty(root):
    with open(f"{root.scope}/cgroup.kill", "w") as f:
        f.write("1")
    wait_for(lambda: not in_scope(root))


def wait_for(condition):
    until = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def stat_of(pid):
    """Of all threads, that of the ended ones left out."""
    states = set()
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/stat") as f:
            states.add(f.read().rpartition(")")[2].split()[0])
    return states - {"Z", "X"}


def all_stopped(root):
    return all(stat_of(pid) == {"T"} for pid in in_scope(root))


@pytest.mark.parametrize("n", [1, 10, 100])
def test_a_whole_tree_is_stopped_goes_on_and_ends(root, hands, forker, n):
    proc = forker("tree", n)
    assert f"stop {n} process" in hands.ok("plan", "hold", proc.pid)["text"]
    held = hands.ok("act", "hold", proc.pid)
    assert all_stopped(root) and held["held"] == n
    assert f"{n} of {n} processes are stopped" in hands.ok("check")["text"]
    back = hands.ok("undo")
    assert f"{n} of {n} processes go on" in back["text"] and back["held"] == 0
    wait_for(lambda: all(stat_of(pid) == {"S"} for pid in in_scope(root)))
    plan = hands.ok("plan", "kill", proc.pid)
    assert f"end {n} process" in plan["text"] and len(in_scope(root)) == n
    killed = hands.ok("act", "kill", proc.pid)
    assert f"all {n} have ended" in hands.ok("check")["text"]
    wait_for(lambda: not in_scope(root))
    assert killed["held"] == 0
    print(f"\n{n}: hold {held['us']} us, continue {back['us']} us, kill {killed['us']} us", file=sys.stderr)


@pytest.mark.parametrize("rate", [200, 1000])
def test_a_fork_bomb_does_not_get_away(root, hands, forker, rate):
    proc = forker("bomb", rate)
    wait_for(lambda: len(in_scope(root)) > 30)
    # All that are known at this moment, as the engine names them: it follows every fork.
    answer = hands.ok("act", "kill", proc.pid, *in_scope(root)[:60])
    assert hands.ok("check")["result"] == "ok"
    wait_for(lambda: not in_scope(root))
    print(f"\nbomb of {rate}/s: {answer['text']}, {answer['us']} us", file=sys.stderr)


@pytest.mark.parametrize("usec", [5000, 500])
def test_who_forks_and_ends_does_not_get_away(root, hands, forker, usec):
    """Each generation has a session of its own and no parent any more; only the kernel's word of the fork tells."""
    forker("chain", usec)
    for attempt in range(200):
        pids = in_scope(root)
        answer = hands.ask("act", "kill", *pids) if pids else {"result": "ESRCH"}
        if answer["result"] == "ok":
            break
        assert answer["result"] == "ESRCH", answer  # that generation had ended before it was asked for
    hands.ok("check")
    wait_for(lambda: not in_scope(root))
    print(f"\nchain of {usec} us: after {attempt} that had ended, {answer['text']}, {answer['us']} us", file=sys.stderr)


def test_threads_without_their_leader_are_a_process(root, hands, forker):
    proc = forker("threads", 3)
    wait_for(lambda: stat_of(proc.pid) == {"R"})
    hands.ok("act", "hold", proc.pid)
    assert all_stopped(root) and len(in_scope(root)) == 2
    hands.ok("check")
    hands.ok("undo")
    hands.ok("act", "kill", proc.pid)
    hands.ok("check")
    wait_for(lambda: not in_scope(root))


def test_all_or_nothing_when_one_is_vital(root, forker):
    proc = forker("tree", 5)
    vital = in_scope(root)[3]
    with Hands(root, "--own", str(vital)) as hands:
        for act in ("kill", "hold"):
            for verb in ("plan", "act"):
                answer = hands.ask(verb, act, proc.pid)
                assert answer["result"] == "EPERM" and "vital" in answer["error"], answer
                assert answer["held"] == 0
    assert len(in_scope(root)) == 5
    wait_for(lambda: all(stat_of(pid) == {"S"} for pid in in_scope(root)))


def test_what_is_out_of_scope_or_another_one_is_refused(root, hands, forker):
    outside = root.popen(["sleep", "60"], scope=False)
    try:
        assert hands.ask("act", "kill", outside.pid)["result"] == "EPERM"
        assert "outside the scope" in hands.ask("plan", "hold", outside.pid)["error"]
        assert outside.poll() is None
    finally:
        outside.kill()
        outside.wait()
    assert hands.ask("act", "kill", outside.pid)["result"] == "ESRCH"
    assert hands.ask("plan", "kill", 1)["result"] == "EPERM"


def test_who_is_continued_by_somebody_else_is_stopped_again(root, hands, forker):
    proc = forker("tree", 3)
    hands.ok("act", "hold", proc.pid)
    for pid in in_scope(root):
        os.kill(pid, signal.SIGCONT)
    began = time.monotonic()
    wait_for(lambda: all_stopped(root))
    took = time.monotonic() - began
    hands.ok("check")
    # Long enough for the next look, which is taken five times a second.
    until = time.monotonic() + 1
    while time.monotonic() < until:
        assert hands.ask("check")["result"] == "ok"
        time.sleep(0.05)
    assert "somebody else had let them run" in hands.ok("undo")["text"]
    print(f"\nstopped again after {took * 1000:.1f} ms", file=sys.stderr)


def test_who_stood_still_before_is_not_continued(root, hands, forker):
    proc = forker("tree", 3)
    os.kill(proc.pid, signal.SIGSTOP)
    wait_for(lambda: stat_of(proc.pid) == {"T"})
    assert hands.ok("act", "hold", proc.pid)["held"] == 2
    assert "2 of 3 processes go on" in hands.ok("undo")["text"]
    assert stat_of(proc.pid) == {"T"}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_the_guard_continues_them(root, forker, how):
    proc = forker("tree", 10)
    hands = Hands(root, "--guard", f"{UNDER_TEST}/turncoat-guard")
    with hands:
        hands.ok("act", "hold", proc.pid)
        assert all_stopped(root)
        began = time.monotonic()
        os.kill(hands.pid, how)
        wait_for(lambda: all(stat_of(pid) == {"S"} for pid in in_scope(root)))
        took = time.monotonic() - began
        hands.proc.wait(timeout=WAIT)
    print(f"\n{how.name}: they went on after {took * 1000:.0f} ms", file=sys.stderr)
