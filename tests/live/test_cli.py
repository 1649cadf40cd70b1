# SPDX-License-Identifier: Apache-2.0
"""Does the command line do on a running daemon what it says, and leave nothing behind?"""
import glob
import json
import os
import signal
import time

import pytest
from rehearsal import Turncoat


@pytest.fixture
def turncoat(private_root):
    daemon = Turncoat(private_root)
    yield daemon
    daemon.stop()


def inside(root, *argv, **more):
    return root.run(list(argv), scope=False, check=False, **more)


def left_behind(root):
    """Cgroups and state folders of observations."""
    folders = inside(root, "sh", "-c", "ls -d /tmp/turncoat-* 2>/dev/null").stdout.split()
    return folders + glob.glob(os.path.dirname(root.scope) + "/**/turncoat-watch-*", recursive=True)


def test_the_self_test_sees_every_act(turncoat):
    answer = inside(turncoat.root, "turncoat", "status", "--self-test", "--json")
    acts = json.loads(answer.stdout)["acts"]
    assert [a for a in acts if a["result"] not in ("seen", "not tried", "blind")] == []
    assert sum(a["result"] == "seen" for a in acts) >= 12, answer.stdout
    assert answer.returncode == 0
    assert left_behind(turncoat.root) == []
    assert inside(turncoat.root, "ls", "/home").stdout.split() == ["alice"]


def test_hunt_finds_what_ran_with_first_and_last_seen(turncoat):
    turncoat.root.run(["/usr/bin/id"])
    turncoat.settle()
    answer = inside(turncoat.root, "turncoat", "hunt", "--json", "type=exec", "path=*/id")
    (event,) = json.loads(answer.stdout)
    assert event["process"]["executable"] == "/usr/bin/id"
    assert answer.stderr.startswith("1 match, first seen ")
    wrong = inside(turncoat.root, "turncoat", "hunt", "no such thing")
    assert wrong.returncode == 2 and wrong.stderr.startswith("turncoat: ") and "\nhint: " in wrong.stderr


def test_a_story_that_is_not_there(turncoat):
    for argv in (["99"], ["99", "--json"], ["99", "--close", "why"], ["99", "--assign", "ana"]):
        answer = inside(turncoat.root, "turncoat", "stories", *argv)
        assert answer.returncode == 3 and answer.stdout == ""
        assert answer.stderr.startswith("turncoat: cannot find story 99\nhint: turncoat stories --all")


def test_only_the_group_may_look(turncoat):
    answer = inside(turncoat.root, "turncoat", "status", user=True)
    assert answer.returncode == 3
    assert "permission denied" in answer.stderr and "hint: members of the group 'turncoat' may look" in answer.stderr


def test_software_runs_and_is_listed(turncoat):
    sleeper = turncoat.root.popen(["/usr/bin/sleep", "60"])
    rows, deadline = [], time.monotonic() + 15
    while time.monotonic() < deadline and not (rows and rows[0]["running"]):
        time.sleep(0.1)  # the package database is read in the background
        answer = inside(turncoat.root, "turncoat", "software", "coreutils", "--json")
        rows = json.loads(answer.stdout or "[]")
    sleeper.kill()
    sleeper.wait()
    assert rows[0]["origin"] == "dpkg" and rows[0]["running"] == 1 and not rows[0]["modified"]
    profile = rows[0]["profile"]  # this sleep is a run of it
    assert profile["runs"] >= 1 and profile["versions"][-1]["version"] == rows[0]["version"]


def test_live_view_shows_events_and_ends_on_interrupt(turncoat):
    view = turncoat.root.popen(["turncoat", "watch", "--events", "--json"], scope=False, stdout=-1, text=True)
    time.sleep(0.5)
    turncoat.root.run(["/usr/bin/true"])
    for line in view.stdout:
        row = json.loads(line)
        if row["type"] == "event" and row.get("process", {}).get("executable") == "/usr/bin/true":
            break
    view.send_signal(signal.SIGINT)
    assert view.wait(timeout=5) == 0


def test_live_view_goes_on_with_the_next_engine(turncoat):
    view = turncoat.root.popen(["turncoat", "watch", "--events", "--json"], scope=False, stdout=-1)
    time.sleep(0.5)
    status = json.loads(inside(turncoat.root, "turncoat", "status", "--json").stdout)
    os.kill(status["processes"]["turncoat-engine"], signal.SIGKILL)
    deadline, seen = time.monotonic() + 20, b""
    os.set_blocking(view.stdout.fileno(), False)
    while time.monotonic() < deadline and b"/usr/bin/true" not in seen:
        turncoat.root.run(["/usr/bin/true"])
        time.sleep(0.2)
        seen += view.stdout.read() or b""
    view.send_signal(signal.SIGINT)
    view.wait(timeout=5)
    assert b"/usr/bin/true" in seen


def test_a_command_is_observed_as_the_caller_and_nothing_is_left(private_root):
    answer = inside(
        private_root,
        "env", "SUDO_UID=1000", "SUDO_GID=1000", "turncoat", "watch", "--json", "--", "sh", "-c", "id -un >&2; exit 7",
    )  # fmt: skip
    told = json.loads(answer.stdout)
    assert answer.returncode == 0, answer.stderr
    assert "alice\n" in answer.stderr
    assert (told["verdict"], told["exit_code"], told["stories"]) == ("clean", 7, [])
    assert left_behind(private_root) == []


def test_a_command_that_cannot_run_is_no_verdict(private_root):
    answer = inside(private_root, "turncoat", "watch", "--", "/nonexistent")
    assert (answer.returncode, answer.stdout) == (3, "")
    assert "turncoat: cannot run '/nonexistent': ENOENT\nhint: " in answer.stderr
    assert left_behind(private_root) == []


def test_reading_a_browser_store_is_a_finding_of_the_command(private_root):
    profile = "/home/alice/.mozilla/firefox/x.default"
    private_root.write(profile + "/places.sqlite", "fake")
    script = f"sleep 1; cat {profile}/places.sqlite"
    answer = inside(private_root, "turncoat", "watch", "--fail-on", "note", "--", "sh", "-c", script)
    assert "behaviour.browser-data" in answer.stderr, answer.stderr
    assert "verdict: note" in answer.stdout
    assert answer.returncode == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_ended_observation_leaves_nothing(private_root, number):
    watch = private_root.popen(["turncoat", "watch", "--", "sleep", "300"], scope=False, stdout=-1, stderr=-1, text=True)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and "sleep" not in inside(private_root, "ps", "-eo", "comm").stdout:
        time.sleep(0.1)
    watch.send_signal(number)
    out, _ = watch.communicate(timeout=30)
    assert f"'sleep' was ended by signal {int(number)}" in out
    assert left_behind(private_root) == []


def test_the_daemon_of_a_killed_observation_ends_too(private_root):
    watch = private_root.popen(["turncoat", "watch", "--", "sleep", "300"], scope=False)

    def programs():
        with open(os.path.dirname(private_root.scope) + "/aux/cgroup.procs") as f:
            pids = f.read().split()
        return inside(private_root, "ps", "-o", "comm=", "-p", ",".join(pids)).stdout.split() if pids else []

    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and "turncoat-engine" not in programs():
        time.sleep(0.1)
    watch.kill()
    watch.wait()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and "turncoatd" in programs():
        time.sleep(0.1)
    assert [p for p in programs() if p.startswith("turncoat")] == []


def test_without_root_there_is_one_error_with_a_hint(private_root):
    answer = inside(private_root, "turncoat", "watch", "--", "ls", user=True)
    assert answer.returncode == 3
    assert answer.stderr.splitlines()[0].startswith("turncoat: cannot observe a command without root")
    assert answer.stderr.splitlines()[1].startswith("hint: sudo turncoat watch")
