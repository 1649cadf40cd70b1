# SPDX-License-Identifier: Apache-2.0
"""Is a state folder one daemon's own, and never one that is somebody else's?"""
import contextlib
import json
import os
import time

from rehearsal import STATE, Turncoat


def daemon_by_hand(root, state):
    argv = ["timeout", "10", "turncoatd", "--scope-cgroup", root.scope, "--state", state]
    return root.run(argv, scope=False, check=False)


def test_a_second_daemon_is_refused_and_the_first_lives_on(private_root):
    first = Turncoat(private_root)
    second = daemon_by_hand(private_root, STATE)
    assert second.returncode == 3
    assert second.stderr.startswith(f"turncoatd: cannot start: another turncoatd uses the state folder '{STATE}'\nhint: ")
    answer = private_root.run(["turncoat", "status", "--json"], scope=False)
    assert json.loads(answer.stdout)["ready"]
    first.stop()
    again = Turncoat(private_root)  # the lock is gone with its holder
    again.stop()


def test_a_folder_of_somebody_else_is_not_taken(private_root):
    private_root.write("/srv/data/letter", "dear sir")
    before = os.stat(private_root.host_path("/srv/data"))
    answer = daemon_by_hand(private_root, "/srv/data")
    assert answer.returncode == 3
    assert answer.stderr.startswith("turncoatd: cannot start: '/srv/data' is not a state folder, and not empty\nhint: ")
    after = os.stat(private_root.host_path("/srv/data"))
    assert (after.st_uid, after.st_mode) == (before.st_uid, before.st_mode)
    assert os.listdir(private_root.host_path("/srv/data")) == ["letter"]


def trigger(root, n):
    """A finding: a copy of cat, which is no browser, reads a browser's history. Of other content each: one story each."""
    root.write("/home/alice/.mozilla/firefox/x.default/places.sqlite", "fake")
    root.run(["sh", "-c", f"test -e /opt/reader{n} || {{ cp /usr/bin/cat /opt/reader{n} && echo {n} >>/opt/reader{n}; }}"])
    root.run([f"/opt/reader{n}", "/home/alice/.mozilla/firefox/x.default/places.sqlite"])


def busy(root):
    root.run(["sh", "-c", "i=0; while [ $i -lt 300 ]; do /usr/bin/true; i=$((i+1)); done"])


def ask(root, *argv):
    return root.run(["turncoat", *argv], scope=False, check=False)


def until(seconds, condition):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert condition()


def fill(root):
    fd = os.open(root.host_path(STATE + "/fill"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        while True:
            os.write(fd, bytes(4096))
    finally:
        os.close(fd)


def test_a_full_disk_is_said_by_status_and_by_every_answer_from_the_store(private_root):
    private_root.mkdir(STATE)
    private_root.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", STATE], scope=False)
    daemon = Turncoat(private_root)
    view = private_root.popen(["turncoat", "watch", "--json"], scope=False, stdout=-1, text=True)
    time.sleep(0.5)
    with contextlib.suppress(OSError):
        fill(private_root)
    trigger(private_root, 1)
    for line in view.stdout:  # detection goes on, and the live view tells it
        if json.loads(line)["type"] == "finding":
            break
    view.terminate()
    view.wait()

    busy(private_root)  # more than the last pages of the files hold

    def status():
        return json.loads(ask(private_root, "status", "--json").stdout)

    until(10, lambda: status()["losses"]["store"] > 0 and not status()["log"]["state"].startswith("ok"))
    assert not status()["store"]["state"].startswith("ok")
    text = ask(private_root, "status").stdout
    assert "failing: cannot be written" in text
    answer = ask(private_root, "stories", "--all")
    assert answer.returncode == 3 and "the store does not take what happens" in answer.stderr
    assert "the store does not take what happens" in ask(private_root, "hunt", "type=exec").stderr
    os.unlink(private_root.host_path(STATE + "/fill"))

    def stored():
        trigger(private_root, 2)
        return "reader2" in ask(private_root, "stories", "--all").stdout

    until(20, stored)
    daemon.stop()


def test_a_store_found_damaged_in_use_is_set_aside_and_a_new_one_serves(private_root):
    daemon = Turncoat(private_root)
    trigger(private_root, 1)
    busy(private_root)
    daemon.settle()
    daemon.stop()
    store = private_root.host_path(STATE + "/store.db")
    with open(store, "r+b") as f:  # the header and the schema are whole: it shows only in use
        for page in range(8, os.path.getsize(store) // 4096, 2):
            f.seek(page * 4096)
            f.write(b"\x55" * 4096)
    daemon = Turncoat(private_root)

    def stored():
        trigger(private_root, 2)
        return "reader2" in ask(private_root, "stories", "--all").stdout

    until(20, stored)
    assert any(name.startswith("store.db.damaged-") for name in os.listdir(private_root.host_path(STATE)))
    assert "the store was damaged: it is kept" in ask(private_root, "status").stdout
    daemon.stop()
