# SPDX-License-Identifier: Apache-2.0
"""Does 'turncoat respond' act for whom it may, on what was meant, say what came of it, and leave a journal that can be trusted?"""
import json
import os
import shutil
import signal
import time

import pytest
from private_root import NoPrivateRoot, PrivateRoot
from rehearsal import STATE, Turncoat

MAY_LOOK, MAY_ACT = 990, 991
JOURNAL = STATE + "/response/journal"


@pytest.fixture
def daemon(private_root):
    """turncoatd, and alice in both groups."""
    root = private_root
    groups = root.run(["cat", "/etc/group"], scope=False).stdout
    groups += f"turncoat:x:{MAY_LOOK}:alice\nturncoat-respond:x:{MAY_ACT}:alice\n"
    root.write("/etc/group", groups)
    root.run(["cp", "-L", "/usr/bin/sleep", "/srv/idler"], scope=False)
    root.run(["cp", "-L", "/usr/bin/dash", "/srv/idler-shell"], scope=False)
    daemon = Turncoat(root)
    yield daemon
    daemon.stop()


def respond(daemon, *argv, groups=None):
    """As root, or as alice with these groups."""
    alice = ["setpriv", "--reuid", "1000", "--regid", "1000"]
    alice += ["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]
    who = [] if groups is None else alice
    return daemon.root.run([*who, "turncoat", "respond", *argv, "--state", STATE], scope=False, check=False)


def entity_of(daemon, pid):
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        found = daemon.seen(f"pid={pid} type=exec")
        if found:
            return found[0]["process"]["entity_id"]
        time.sleep(0.1)
    raise AssertionError(f"the start of {pid} was not recorded\n{daemon.words()}")


def idler(daemon):
    """A process of the test, and its entity."""
    p = daemon.root.popen(["/srv/idler", "600"])
    return p, entity_of(daemon, p.pid)


def runs(p):
    return p.poll() is None


def listed(daemon, *more):
    return json.loads(respond(daemon, "list", "--json", *more).stdout)


def test_a_tree_is_killed_by_its_entity_and_that_is_seen(daemon):
    p, entity = idler(daemon)
    other, _ = idler(daemon)
    plan = respond(daemon, "kill", entity, "--dry-run", "--json")
    assert plan.returncode == 0, plan.stderr
    assert json.loads(plan.stdout)["state"] == "dry-run" and json.loads(plan.stdout)["plan"], plan.stdout
    assert runs(p) and listed(daemon, "--all")["actions"] == [], "a dry run changes nothing"

    done = respond(daemon, "kill", entity, "--why", "for the test", "--json", groups=(MAY_LOOK, MAY_ACT))
    assert done.returncode == 0, done.stdout + done.stderr + daemon.words()
    said = json.loads(done.stdout)
    assert (said["schema"], said["act"], said["target"], said["state"]) == ("turncoat.respond/1", "kill", entity, "seen")
    assert said["undo"] is None and said["text"], said
    assert p.wait(timeout=5) == -signal.SIGKILL and runs(other)

    (row,) = listed(daemon, "--all")["actions"]
    assert (row["id"], row["by"], row["why"], row["target"], row["state"]) == (said["id"], "alice", "for the test", entity, "seen")
    gone = respond(daemon, "kill", entity)
    assert gone.returncode == 3 and ("has ended" in gone.stderr or "any more" in gone.stderr), gone.stderr
    undone = respond(daemon, "undo", str(said["id"]))
    assert undone.returncode == 3 and "hint: " in undone.stderr, undone.stderr
    daemon.settle()
    steps = [e["turncoat"]["response"]["state"] for e in daemon.seen("type=response")]
    assert sorted(steps) == ["done", "requested", "seen"], "each step is an event of the log"


def test_a_file_goes_into_the_vault_and_comes_back(daemon):
    root = daemon.root
    root.write("/srv/odd", "made up for the test\n", mode=0o640)
    done = respond(daemon, "quarantine", "/srv/odd", "--json")
    assert done.returncode == 0, done.stdout + done.stderr + daemon.words()
    number = json.loads(done.stdout)["id"]
    assert root.run(["cat", "/srv/odd"], check=False).returncode != 0
    again = respond(daemon, "quarantine", "/srv/odd")
    assert again.returncode == 3 and f"action {number} does that already" in again.stderr, again.stderr
    back = respond(daemon, "restore", "/srv/odd")
    assert back.returncode == 0, back.stdout + back.stderr + daemon.words()
    assert root.run(["cat", "/srv/odd"]).stdout == "made up for the test\n"
    (row,) = listed(daemon, "--all")["actions"]
    assert row["state"] == "undone" and row["undo"] is None and listed(daemon)["actions"] == []


def child_of(pid):
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            found = f.read().split()
        if found:
            return int(found[0])
        time.sleep(0.01)
    raise AssertionError(f"{pid} has no child")


def is_stopped(pid):
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rpartition(")")[2].split()[0] == "T"


def number_of(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["id"]


def test_who_is_held_by_several_goes_on_with_the_last_of_them(daemon):
    top = daemon.root.popen(["/srv/idler-shell", "-c", "/srv/idler-shell -c '/srv/idler 600; :'; :"])
    middle = child_of(top.pid)
    low = child_of(middle)
    first = number_of(respond(daemon, "hold", entity_of(daemon, low), "--json"))
    second = number_of(respond(daemon, "hold", entity_of(daemon, middle), "--json"))
    assert "held by another action" in respond(daemon, "undo", str(first)).stdout and is_stopped(low)
    third = number_of(respond(daemon, "hold", entity_of(daemon, top.pid), "--json"))
    assert respond(daemon, "undo", str(second)).returncode == 0 and is_stopped(low)
    assert respond(daemon, "undo", str(third)).returncode == 0
    deadline = time.monotonic() + 15
    while any(is_stopped(pid) for pid in (top.pid, middle, low)):
        assert time.monotonic() < deadline, "nobody continues it any more"
        time.sleep(0.02)


def test_a_content_that_was_seen_is_blocked_by_its_hash_whatever_became_of_its_metadata(daemon):
    root = daemon.root
    root.run(["sh", "-c", "(cat /usr/bin/true; echo of this test) >/srv/once; chmod 755 /srv/once"], scope=False)
    sha256 = root.run(["sha256sum", "/srv/once"], scope=False).stdout.split()[0]
    root.run(["/srv/once"])
    daemon.settle()
    root.run(["chmod", "700", "/srv/once"], scope=False)
    done = respond(daemon, "block", sha256, "--json")
    assert done.returncode == 0 and "EPERM" in json.loads(done.stdout)["text"], done.stdout + done.stderr
    assert root.run(["sh", "-c", "/srv/once"], check=False).returncode == 126
    assert respond(daemon, "unblock", sha256).returncode == 0
    root.write("/srv/once", "#!/bin/sh\nexit 5\n", mode=0o755)
    changed = respond(daemon, "block", sha256, "--json")
    assert changed.returncode == 1 and "ONLY" in json.loads(changed.stdout)["text"], changed.stdout
    assert root.run(["sh", "-c", "/srv/once"], check=False).returncode == 5, "another content is not refused"


def test_only_who_may_act_does(daemon):
    """The engine says no early, and well."""
    p, entity = idler(daemon)
    looker = respond(daemon, "kill", entity, groups=(MAY_LOOK,))
    assert looker.returncode == 3 and "turncoat-respond" in looker.stderr and "hint: " in looker.stderr
    nobody = respond(daemon, "kill", entity, groups=())
    assert nobody.returncode == 3 and "permission denied" in nobody.stderr
    assert respond(daemon, "list", groups=()).returncode == 3
    assert respond(daemon, "list", "--verify", groups=(MAY_LOOK,)).returncode == 0
    assert runs(p) and listed(daemon, "--all")["actions"] == []


ASK = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode())
print(s.recv(500).decode(), end='')
"""


def test_turncoatd_decides_itself_whatever_the_engine_passes_on(programs, tmp_path):
    place = tmp_path / "bin"
    shutil.copytree(programs, place, ignore=lambda d, names: [n for n in names if os.path.isdir(os.path.join(d, n))])
    shutil.copy(os.path.join(os.path.dirname(programs), "tests/live/pushing-engine"), place / "turncoat-engine")
    try:
        with PrivateRoot(programs=str(place)) as root:
            decides(root)
    except NoPrivateRoot as e:
        pytest.skip(str(e))


def decides(root):
    groups = root.run(["cat", "/etc/group"], scope=False).stdout
    groups += f"turncoat:x:{MAY_LOOK}:alice\nturncoat-respond:x:{MAY_ACT}:alice\n"
    root.write("/etc/group", groups)
    p = root.popen(["sleep", "600"])
    seen = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    daemon = root.popen(["turncoatd", "--scope-cgroup", root.scope, "--state", STATE], scope=False)

    def ask(groups, line):
        who = ["setpriv", "--reuid", "1000", "--regid", "1000", "--groups", ",".join(map(str, groups))]
        argv = [*who, "python3", "-c", ASK, STATE + "/turncoat.sock", line]
        return root.run(argv, scope=False, check=False)

    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        looker = ask([MAY_LOOK], f"{p.pid} {seen}")
        if looker.returncode == 0:
            break
        time.sleep(0.2)
    assert looker.stdout.startswith("EPERM ") and "turncoat-respond" in looker.stdout, looker.stdout + looker.stderr
    own = ask([MAY_LOOK, MAY_ACT], f"own {p.pid} {seen}").stdout
    assert own.startswith("E"), "a socket that is no client's is nobody: " + own
    assert runs(p)
    actor = ask([MAY_LOOK, MAY_ACT], f"{p.pid} {seen}").stdout
    assert actor.startswith("OK"), actor
    assert p.wait(timeout=5) == -signal.SIGKILL
    daemon.terminate()
    daemon.wait(timeout=20)


def test_what_makes_no_sense_or_is_not_there_is_said(daemon):
    for argv, code, words in (
        (["kill", "812"], 2, "process id"),
        (["block", "acme-softphone"], 2, "NAME=VERSION"),
        (["undo", "x"], 2, "number"),
        (["undo", "4711"], 3, "no action 4711 holds"),
        (["confirm", "4711"], 3, "no action 4711 holds"),
        (["kill", "00000000000000ff"], 3, "no process is known"),
        (["isolate", "no-such-software=1"], 3, "no such software"),
        (["rollback", "no-such-software"], 3, "no earlier version"),
        (["quarantine", "/srv/nothing-here"], 3, "/srv/nothing-here"),
        (["unblock", "no-such-software=1"], 3, "nothing of"),
        (["isolate", "acme=1", "--except", "no-such-host.invalid"], 2, "no host"),
    ):
        answer = respond(daemon, *argv)
        assert answer.returncode == code and words in answer.stderr, (argv, answer.returncode, answer.stderr)
        assert answer.stdout == "", argv
    assert listed(daemon, "--all")["actions"] == []


def test_a_hash_that_no_file_here_has_is_not_said_to_be_blocked(daemon):
    done = respond(daemon, "block", "ab" * 32, "--why", "a test", "--json")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["state"]) == (1, "not-seen") and "ONLY as a program in memory" in answer["text"]
    assert respond(daemon, "undo", str(answer["id"])).returncode == 0


def test_status_says_that_what_the_policy_protects_is_not(private_root):
    private_root.write("/etc/turncoat/policy.yaml", "protect-mounts: ['/srv']\n")
    daemon = Turncoat(private_root)
    hooks = {h["name"]: h for h in json.loads(daemon.ask("status", "--json"))["hooks"]}
    assert hooks["response.protect"]["state"] == "off" and "/srv" in hooks["response.protect"]["reason"]
    assert hooks["response.gate"]["state"] == "on" and hooks["response.cut"]["state"] == "on"
    daemon.stop()


def test_the_journal_tells_whether_it_was_changed(daemon):
    root = daemon.root
    p, entity = idler(daemon)
    assert respond(daemon, "kill", entity).returncode == 0
    p.wait(timeout=5)
    whole = respond(daemon, "list", "--all", "--verify")
    assert whole.returncode == 0 and "3 records, chain whole, head " in whole.stdout, whole.stdout + whole.stderr
    assert json.loads(respond(daemon, "list", "--json").stdout)["journal"]["chain"] == "whole"
    daemon.stop()
    assert respond(daemon, "list", "--verify").returncode == 0, "it needs no daemon"
    path = root.host_path(JOURNAL)
    with open(path, "r+b") as f:
        f.seek(os.path.getsize(path) // 2)
        byte = f.read(1)
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([byte[0] ^ 1]))
    broken = respond(daemon, "list", "--verify")
    assert broken.returncode == 1 and "record 2 of the journal does not fit" in broken.stderr, broken.stderr
    again = Turncoat(root)
    try:
        _, entity = idler(again)
        refused = respond(again, "kill", entity)
        assert refused.returncode == 3 and "damaged behind record 1" in refused.stderr, refused.stderr
    finally:
        again.stop()


def test_a_story_tells_what_was_done(daemon):
    root = daemon.root
    root.mkdir("/home/alice/.mozilla/firefox/x.default", user=True)
    root.write("/home/alice/.mozilla/firefox/x.default/places.sqlite", "made up", user=True)
    read = "while :; do read x < /home/alice/.mozilla/firefox/x.default/places.sqlite; sleep 0.3; done"
    p = root.popen(["/srv/idler-shell", "-c", read], user=True)
    deadline = time.monotonic() + 15
    stories = []
    while time.monotonic() < deadline and not stories:
        stories = daemon.stories("--all")
        time.sleep(0.2)
    assert stories, daemon.words()
    story = stories[0]
    entity = story["processes"][0]["entity"]
    done = respond(daemon, "kill", entity, "--story", str(story["id"]))
    assert done.returncode == 0, done.stdout + done.stderr
    p.wait(timeout=5)
    daemon.settle()
    (story,) = daemon.stories("--all")
    (action,) = story["actions"]
    assert (action["act"], action["state"], action["by"], action["target"]) == ("kill", "seen", "root", entity)
    page = daemon.ask("stories", str(story["id"]))
    assert "stopped: killed since" in page and "What was done" in page, page
    daemon.stop()
    replayed, _ = daemon.replay()
    assert replayed[story["id"]]["actions"] == story["actions"], "a replay tells the same"


def test_what_ran_before_turncoat_is_known_by_its_own_start(private_root):
    p = private_root.popen(["sleep", "600"])
    time.sleep(0.3)  # so that its start is not the moment at which it is told
    daemon = Turncoat(private_root)
    try:
        done = respond(daemon, "kill", entity_of(daemon, p.pid))
        assert done.returncode == 0, done.stdout + done.stderr + daemon.words()
        assert p.wait(timeout=5) == -signal.SIGKILL
    finally:
        daemon.stop()


def state_of(p):
    with open(f"/proc/{p.pid}/stat", encoding="ascii", errors="replace") as f:
        return f.read().rpartition(")")[2].split()[0]


def test_a_stop_takes_back_what_must_not_outlive_it_and_a_start_takes_up_the_rest(private_root):
    root = private_root
    for name in ("idler", "refused"):
        root.run(["cp", "-L", "/usr/bin/sleep", "/srv/" + name], scope=False)
    daemon = Turncoat(root)
    p, entity = idler(daemon)
    assert respond(daemon, "hold", entity, "--why", "a test").returncode == 0
    assert respond(daemon, "block", "/srv/refused", "--why", "a test").returncode == 0
    assert state_of(p) == "T"
    daemon.stop()
    assert state_of(p) == "S"
    root.run(["/srv/refused", "0"])  # without turncoatd nothing refuses it
    daemon = Turncoat(root)
    deadline = time.monotonic() + 10
    while [a["state"] for a in listed(daemon)["actions"]] != ["seen"] and time.monotonic() < deadline:
        time.sleep(0.1)
    states = {a["act"]: a["state"] for a in listed(daemon, "--all")["actions"]}
    assert states == {"hold": "withdrawn", "block": "seen"}
    with pytest.raises(PermissionError):
        root.run(["/srv/refused", "0"])
    told = [e["turncoat"]["response"]["state"] for e in daemon.seen("type=response turncoat.response.act=hold")]
    assert "withdrawn" in told, told
    p.kill()
    daemon.stop()
