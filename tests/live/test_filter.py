# SPDX-License-Identifier: Apache-2.0
"""Does a filter leave out what it says, at once and for its time only, and is it told wherever it matters?"""
import json
import subprocess
import time

import pytest
from rehearsal import Turncoat

# Connects and closes each time that it is told to; and stays one process.
TALKER = """
import socket, sys
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen()
print(listener.getsockname()[1], flush=True)
for line in sys.stdin:
    c = socket.create_connection(listener.getsockname())
    s, _ = listener.accept()
    c.close()
    s.close()
    print('done', flush=True)
"""


@pytest.fixture
def daemon(private_root):
    daemon = Turncoat(private_root)
    yield daemon
    daemon.stop()


def talker(root):
    """A program of no special name: a filter of an interpreter is refused."""
    root.run(["cp", "-Ln", "/usr/bin/python3", "/srv/talker"])
    p = root.popen(["/srv/talker", "-c", TALKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    p.port = p.stdout.readline().strip()
    return p


def connect(p):
    p.stdin.write("now\n")
    p.stdin.flush()
    assert p.stdout.readline() == "done\n"


def connections(daemon, p):
    daemon.settle()
    return len(daemon.seen(f"pid={p.pid} type=connect action=attempted"))


def listed(daemon, count):
    """The filters, once there are that many: they come in the order of all events, a moment later."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        filters = json.loads(daemon.ask("filter", "list", "--json"))
        if len(filters) == count:
            return filters
        time.sleep(0.1)
    raise AssertionError(f"{count} filters expected: {filters!r}")


def refused(daemon, *argv):
    answer = daemon.root.run(["turncoat", "filter", "add", *argv, "--state", "/var/lib/turncoat"], scope=False, check=False)
    assert answer.returncode in (2, 3), answer.stdout + answer.stderr
    return answer.stderr


def test_a_program_is_muted_and_heard_again(daemon):
    p = talker(daemon.root)
    connect(p)
    assert connections(daemon, p) == 1
    daemon.ask("filter", "add", "--program", "/srv/talker", "--class", "network", "--why", "a load test")
    connect(p)
    another = talker(daemon.root)
    connect(another)
    assert connections(daemon, p) == 1 and connections(daemon, another) == 0
    assert daemon.seen(f"pid={another.pid} type=exec"), "starts of programs are always told"
    status = json.loads(daemon.ask("status", "--json"))
    assert [f["path"] for f in status["filters"]] == ["/srv/talker"] and status["filters"][0]["why"] == "a load test"
    assert [r["count"] for r in status["loss_rows"] if r["class"] == "filtered"][0] > 0
    assert "/srv/talker is not watched until" in daemon.ask("status")
    daemon.ask("filter", "remove", "--program", "/srv/talker")
    connect(p)
    assert connections(daemon, p) == 2
    listed(daemon, 0)
    told = daemon.seen("type=filter")
    assert sorted(e["event"]["action"] for e in told) == ["expired", "set"]
    assert all(e["file"]["path"] == "/srv/talker" and e["user"]["id"] == 0 for e in told)
    assert daemon.ask("filter", "list") == ""


def test_a_process_is_muted_until_its_time_is_over(daemon):
    p, other = talker(daemon.root), talker(daemon.root)
    daemon.ask("filter", "add", "--pid", str(p.pid), "--for", "6s", "--why", "one noisy process")
    assert listed(daemon, 1)[0]["pid"] == p.pid
    connect(p)
    connect(other)
    assert connections(daemon, p) == 0 and connections(daemon, other) == 1
    listed(daemon, 0)
    connect(p)
    assert connections(daemon, p) == 1
    assert daemon.seen("type=filter action=expired")


def test_a_folder_is_quiet_but_not_what_leaves_it(daemon):
    root = daemon.root
    root.mkdir("/srv/out/deeper")
    daemon.ask("filter", "add", "--path", "/srv/out", "--why", "nightly build")
    root.run(["sh", "-c", "echo 1 > /srv/out/quiet; echo 2 > /srv/out/deeper/told; mv /srv/out/quiet /srv/left"])
    daemon.settle()
    assert not daemon.seen("file.path=/srv/out/quiet action=created")
    assert daemon.seen("file.path=/srv/out/deeper/told"), "not what lies deeper"
    assert daemon.seen("file.path=/srv/left action=renamed")
    daemon.ask("filter", "remove", "--path", "/srv/out")
    root.run(["sh", "-c", "echo 1 > /srv/out/heard"])
    daemon.settle()
    assert daemon.seen("file.path=/srv/out/heard action=created")


def test_what_must_stay_watched_is_refused(daemon):
    root = daemon.root
    root.mkdir("/home/alice/.config/autostart", user=True)
    root.run(["ln", "-s", "/etc/cron.d", "/srv/innocent"], scope=False)
    for argv, words in (
        (["--program", "/bin/sh"], "others act through it"),
        (["--program", "/usr/bin/python3"], "others act through it"),
        (["--path", "/etc/ssh"], "cannot be filtered"),
        (["--path", "/srv/innocent"], "cannot be filtered"),
        (["--path", "/home/alice/.config/autostart"], "cannot be filtered"),
        (["--path", "/home/alice"], "cannot be filtered"),
        (["--path", "/tmp"], "cannot be filtered"),
        (["--path", "/var/lib/turncoat"], "cannot be filtered"),
        (["--filesystem", "/"], "file system"),
        (["--program", "/srv/nothing-here"], "ENOENT"),
        (["--pid", "1"], "cannot be filtered"),
        (["--path", "/srv", "--for", "25h"], "24 hours at most"),
    ):
        text = refused(daemon, *argv, "--why", "for the test")
        assert words in text and "hint: " in text or words == "ENOENT" and words in text, (argv, text)
    assert "needs a reason" in refused(daemon, "--path", "/srv/x")
    assert json.loads(daemon.ask("filter", "list", "--json")) == []


def test_a_new_engine_knows_the_filters(daemon):
    root = daemon.root
    root.mkdir("/srv/out")
    daemon.ask("filter", "add", "--path", "/srv/out", "--why", "nightly build")
    engine = json.loads(daemon.ask("status", "--json"))["processes"]["turncoat-engine"]
    root.run(["kill", "-9", str(engine)], scope=False)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        answer = root.run(["turncoat", "filter", "list", "--json"], scope=False, check=False)
        if answer.returncode == 0 and json.loads(answer.stdout):
            break
        time.sleep(0.2)
    assert [f["path"] for f in json.loads(answer.stdout)] == ["/srv/out"]
