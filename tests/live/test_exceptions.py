# SPDX-License-Identifier: Apache-2.0
"""Does an exception lower what it is bound to on a running daemon, and nothing of a changed file or the next version?"""
import json
import os
import signal
import time

import pytest
from rehearsal import FIREFOX, Turncoat, fake_profiles
from test_packages import build, software

READER = "/opt/acme-reader/bin/acme-reader"
CHECK = "behaviour.browser-data"
REASON = "the vendor confirmed the import of bookmarks"
MAY_LOOK, MAY_ACT = 990, 991


@pytest.fixture
def daemon(private_root):
    """turncoatd, a packaged program that can read a browser's data, and alice in both groups."""
    root = private_root
    fake_profiles(root)
    groups = root.run(["cat", "/etc/group"], scope=False).stdout
    groups += f"turncoat:x:{MAY_LOOK}:alice\nturncoat-respond:x:{MAY_ACT}:alice\n"
    root.write("/etc/group", groups)
    daemon = Turncoat(root)
    install(daemon, "1.0")
    yield daemon
    daemon.stop()


def install(daemon, version):
    with open("/usr/bin/cat", "rb") as f:
        package = build(daemon.root, "acme-reader", version, {READER: f.read() + version.encode()})
    daemon.root.run(["dpkg", "-i", package], scope=False)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if [r["version"] for r in software(daemon.root, "acme-reader") if r["state"] == "installed"] == [version]:
            return
        time.sleep(0.2)
    raise AssertionError(f"acme-reader {version} is not known after 15 s")


def findings(daemon, check=CHECK):
    stories = daemon.stories("--all")
    found = [f for s in stories for stage in s["stages"] for f in stage["findings"] if f["check"] == check]
    return sorted(found, key=lambda f: f["time"])


def read(daemon):
    """What the reader's run weighs."""
    before = len(findings(daemon))
    daemon.root.run([READER, FIREFOX + "/places.sqlite"], user=True)
    daemon.settle()
    found = findings(daemon)
    assert len(found) == before + 1, daemon.words()
    return found[-1]


def as_alice(daemon, *argv, groups=(MAY_LOOK, MAY_ACT)):
    alice = ["setpriv", "--reuid", "1000", "--regid", "1000", "--groups", ",".join(map(str, groups))]
    return daemon.root.run([*alice, "turncoat", "exceptions", *argv], scope=False, check=False)


def listed(daemon):
    return json.loads(daemon.ask("exceptions", "list", "--json"))


def until(what, seconds=15):
    deadline = time.monotonic() + seconds
    while not what() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert what()


def test_it_lowers_the_version_and_the_file_that_it_is_bound_to(daemon):
    first = read(daemon)
    assert first["score"] == 45 and len(first["image_sha256"]) == 64
    (story,) = daemon.stories("--all")
    add = ["add", "--story", str(story["id"]), "--check", CHECK, "--reason", REASON, "--for", "1h"]
    refused = as_alice(daemon, *add, groups=(MAY_LOOK,))
    assert refused.returncode == 3 and "only root and the group 'turncoat-respond'" in refused.stderr
    assert listed(daemon) == []
    made = as_alice(daemon, *add)
    assert made.returncode == 0, made.stderr
    (row,) = listed(daemon)
    assert (row["by"], row["by_uid"], row["check"], row["reason"]) == ("alice", 1000, CHECK, REASON)
    assert row["software"] == {"name": "acme-reader", "version": "1.0"} and row["sha256"] == first["image_sha256"]
    assert "exceptions 1 lowers findings" in daemon.ask("status")

    lowered = read(daemon)
    assert lowered["score"] == 20 and lowered["exception"] == {"id": row["id"], "score_without": 45}
    assert lowered["evidence"]["exception"].startswith("by alice until ")
    assert lowered["evidence"]["exception"].endswith(f": {REASON}")
    assert "exception for browser data, by alice" in daemon.ask("stories", str(story["id"]))

    os.kill(json.loads(daemon.ask("status", "--json"))["processes"]["turncoat-engine"], signal.SIGKILL)
    daemon._await_ready(30)
    assert listed(daemon) == [row], "it is remembered"
    assert read(daemon)["score"] == 20

    daemon.root.run(["sh", "-c", f"printf x >> {READER}"], scope=False)
    changed = read(daemon)
    assert changed["score"] == 45 and "exception" not in changed, "another content of the same version"
    install(daemon, "1.1")
    until(lambda: listed(daemon) == [])
    newer = read(daemon)
    assert newer["software"]["version"] == "1.1" and newer["score"] == 45 and "exception" not in newer
    told = daemon.seen("type=exception")
    assert sorted(e["event"]["action"] for e in told) == ["expired", "set"]
    assert {e["turncoat"]["exception"]["by"] for e in told} == {"alice"}


def test_two_are_a_finding_and_taken_back_it_weighs_again(daemon):
    assert read(daemon)["score"] == 45
    hand = ["--software", "acme-reader=1.0", "--file", READER, "--reason", REASON]
    daemon.ask("exceptions", "add", CHECK, *hand, "--only", FIREFOX + "/places.sqlite")
    assert read(daemon)["score"] == 20
    assert findings(daemon, "exceptions.many") == []
    daemon.ask("exceptions", "add", "behaviour.beacon", *hand)
    until(lambda: findings(daemon, "exceptions.many"))
    many = findings(daemon, "exceptions.many")[0]
    assert many["score"] == 30 and many["summary"].startswith("two exceptions for one file of acme-reader 1.0: ")
    assert [row["by"] for row in listed(daemon)] == ["root", "root"]
    daemon.ask("exceptions", "remove", "1")
    until(lambda: [f["score"] for f in findings(daemon)] == [45, 45])
    assert [row["id"] for row in listed(daemon)] == [2]
    stories = {s["id"]: s for s in daemon.stories("--all")}
    replayed, _ = daemon.replay()
    assert replayed == stories, "the log has all that was asked for"


def test_what_cannot_be_excepted_is_refused(daemon):
    bound = ["--software", "acme-reader=1.0", "--file", READER]
    for argv, words in (
        ([CHECK, *bound], "needs a reason"),
        ([CHECK, *bound, "--reason", "why not"], "a sentence"),
        ([CHECK, *bound, "--reason", REASON, "--for", "15d"], "14 days at most"),
        (["indicator.sha256", *bound, "--reason", REASON], "no exception can be made"),
        (["exceptions.many", *bound, "--reason", REASON], "no exception can be made"),
        (["behaviour.nothing", *bound, "--reason", REASON], "there is no check"),
        ([CHECK, "--software", "acme-reader", "--file", READER, "--reason", REASON], "bound to a check, one version"),
        ([CHECK, "--software", "acme-reader=1.0", "--reason", REASON], "bound to a check, one version"),
        (["--story", "99", "--check", CHECK, "--reason", REASON], "cannot find story 99"),
    ):
        answer = daemon.root.run(["turncoat", "exceptions", "add", *argv], scope=False, check=False)
        assert answer.returncode in (2, 3) and words in answer.stderr, (argv, answer.stderr)
    assert listed(daemon) == []
    answer = daemon.root.run(["turncoat", "exceptions", "remove", "7"], scope=False, check=False)
    assert answer.returncode == 3 and "there is no exception 7" in answer.stderr
