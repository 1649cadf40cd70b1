# SPDX-License-Identifier: Apache-2.0
"""Question: does apt ask the gate before it unpacks, is a turned update refused, a harmless one let through, an override
recorded and bound; and does apt go on, and is it told, when the gate itself is broken?

All in a private root with a repository that the test makes. Inert: made-up bytes, throw-away keys; nothing of it is run.
"""
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, TESTS)
sys.path.insert(0, os.path.join(TESTS, "emulation"))
import rehearsal  # noqa: E402
from fixtures.pe import Pe, random_bytes  # noqa: E402
from fixtures.signed import Signer, stuff_table  # noqa: E402

NAME = "acme-softphone"
GATE = "/var/lib/turncoat-gate"
HOOK = "/etc/apt/apt.conf.d/05turncoat-gate"
DLL = "opt/acme/codec.dll"
CONTROL = "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Acme <nobody@acme.test>\nDescription: made up\n"

if not shutil.which("dpkg-deb"):
    pytest.skip("no dpkg-deb here", allow_module_level=True)


def deb(folder, version, files, name=NAME):
    tree = os.path.join(folder, f"tree-{name}-{version}")
    shutil.rmtree(tree, ignore_errors=True)
    for path, data in {**files, "DEBIAN/control": CONTROL.format(name=name, version=version).encode()}.items():
        os.makedirs(os.path.join(tree, os.path.dirname(path)), exist_ok=True)
        with open(os.path.join(tree, path), "wb") as f:
            f.write(data)
    out = os.path.join(folder, f"{name}_{version}_all.deb")
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-b", tree, out], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return out


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of the repository: 1.0, a turned 1.1 (a signed library with random bytes where its signature does not look,
    nothing else), a harmless 1.2."""
    if not shutil.which("osslsigncode"):
        pytest.skip("no osslsigncode here")
    folder = str(tmp_path_factory.mktemp("repository"))
    keys = str(tmp_path_factory.mktemp("keys"))
    dll = Signer(keys).sign(Pe().build(), stamp=True)
    text = b"made up\n" * 100
    deb(folder, "1.0", {DLL: dll, "usr/share/doc/acme/notes": text})
    deb(folder, "1.1", {DLL: stuff_table(dll, random_bytes(60000, seed=7)), "usr/share/doc/acme/notes": text})
    deb(folder, "1.2", {DLL: dll, "usr/share/doc/acme/notes": text + b"more of it\n"})
    return folder


def apt(root, *argv, check=True):
    return root.run(["apt-get", "-q", "-y", *argv], scope=False, check=check)


def installed(root):
    done = root.run(["dpkg-query", "-W", "-f", "${Version}", NAME], scope=False, check=False)
    return done.stdout if done.returncode == 0 else None


def gate(root, *argv, check=True):
    return root.run(["turncoat", "gate", *argv], scope=False, check=check)


def listed(root):
    return json.loads(gate(root, "list", "--json").stdout)


def status(root):
    return json.loads(gate(root, "status", "--json").stdout)


@pytest.fixture
def room(private_root, made):
    """A private root whose apt asks the gate, with 1.0 installed."""
    rehearsal.local_repository(private_root, made)
    gate(private_root, "install")
    apt(private_root, "install", f"{NAME}=1.0")
    assert installed(private_root) == "1.0"
    return private_root


def refuse(root):
    done = apt(root, "install", f"{NAME}=1.1", check=False)
    assert done.returncode != 0, done.stdout + done.stderr
    assert installed(root) == "1.0"
    assert "nothing was unpacked" in done.stderr and f"{NAME} 1.1 is refused: malicious" in done.stderr, done.stderr
    return done.stderr


def test_a_turned_update_is_refused_before_it_is_unpacked(room):
    before = room.read("/" + DLL)
    said = refuse(room)
    assert room.read("/" + DLL) == before
    assert "pe.certificate-slack" in said and "codec.dll" in said and "compared with 1.0 (kept package)" in said
    assert f"turncoat gate allow {NAME}=1.1 --reason" in said and f"apt-mark hold {NAME}" in said
    last = listed(room)["packages"][-1]
    assert (last["verdict"], last["from"], last["to"], last["allowed"]) == ("malicious", "1.0", "1.1", False)
    assert status(room)["refused"] == 1


def test_a_harmless_update_goes_through_without_a_word(room):
    done = apt(room, "install", f"{NAME}=1.2")
    assert installed(room) == "1.2" and "turncoat" not in done.stderr, done.stderr
    last = listed(room)["packages"][-1]
    assert last["judged"] and last["verdict"] in ("clean", "note")
    assert sorted(os.listdir(room.host_path(f"{GATE}/kept/{NAME}"))) == ["1.0_all.deb", "1.2_all.deb"]


def ends(root):
    """Of each transaction, what the journal says at its end."""
    lines = [json.loads(line) for line in root.read(f"{GATE}/journal.jsonl").splitlines()]
    return [line for line in lines if line["event"] == "end"]


def test_a_package_that_was_not_installed_is_judged_alone(room, made):
    deb(made, "1.0", {"usr/share/doc/acme-notes/notes": b"made up\n"}, name="acme-notes")
    with open(os.path.join(made, f"{NAME}_1.1_all.deb"), "rb") as f:
        turned = f.read()  # a package inside a package: its library is found there too
    deb(made, "1.0", {"usr/share/acme-more/inner.deb": turned}, name="acme-more")
    rehearsal.local_repository(room, made)
    done = apt(room, "install", "acme-notes")
    assert "turncoat" not in done.stderr, done.stderr
    last = listed(room)["packages"][-1]
    assert last["judged"] and last["verdict"] == "clean" and last["from"] is None
    done = apt(room, "install", "acme-more", check=False)
    assert "judged alone: it was not installed before" in done.stderr and "pe.certificate-slack" in done.stderr, done.stderr
    assert "nothing: judged alone" in gate(room, "list").stdout
    last = listed(room)["packages"][-1]
    stopped = last["verdict"] == "malicious"
    assert last["verdict"] in ("suspicious", "malicious") and (done.returncode != 0) == stopped
    assert room.exists("/usr/share/acme-more/inner.deb") == (not stopped)
    assert [e["new"] for e in ends(room)] == [1, 1, 1] and status(room)["unjudged"] == 0


def test_the_old_side_is_not_looked_at_again(room):
    folder = room.host_path(f"{GATE}/features")
    (kept,) = os.listdir(folder)  # 1.0, from when it was installed
    refuse(room)
    assert ends(room)[-1]["old_known"] == 1 and len(os.listdir(folder)) == 2
    shutil.rmtree(room.host_path(GATE + "/verdicts"))
    with open(os.path.join(folder, kept), "r+b") as f:
        f.seek(os.path.getsize(f.name) // 2)
        f.write(b"damaged!")
    refuse(room)
    assert ends(room)[-1]["old_known"] == 0, "it was damaged, so it was looked at again"


@pytest.mark.parametrize("old", ["kept", "installed"])
def test_what_lies_in_the_cache_is_judged_ahead(room, made, old, tmp_path):
    if old == "installed":
        shutil.rmtree(room.host_path(GATE + "/kept"))
    for version in ("1.0", "1.1", "1.2"):
        room.copy_in(os.path.join(made, f"{NAME}_{version}_all.deb"), "/var/cache/apt/archives")
    if old == "installed":  # else it is compared with the package there
        os.unlink(room.host_path(f"/var/cache/apt/archives/{NAME}_1.0_all.deb"))
    for version in ("1:1.0", "1:1.1"):  # another one, behind it in dpkg's list, of a version with an epoch
        file = deb(str(tmp_path), version, {"usr/share/doc/zz/notes": version.encode()}, name="zz-last")
        shutil.copy(file, room.host_path(f"/var/cache/apt/archives/zz-last_{version.replace(':', '%3a')}_all.deb"))
    room.run(["dpkg", "-i", "/var/cache/apt/archives/zz-last_1%3a1.0_all.deb"], scope=False)
    done = gate(room, "ahead", check=False)
    assert done.returncode == 1 and f"{NAME} 1.1 will be refused: malicious" in done.stderr, done.stderr
    assert "compared with 1.0" in done.stderr
    assert done.stdout.startswith("3 packages judged, 0 of them were known; 1 will be refused"), done.stdout
    apt(room, "install", "/var/cache/apt/archives/zz-last_1%3a1.1_all.deb")
    assert ends(room)[-1]["remembered"] == 1
    refuse(room)
    assert ends(room)[-1]["remembered"] == 1
    room.write("/" + DLL, room.read("/" + DLL) + b"more")
    refuse(room)
    assert ends(room)[-1]["remembered"] == (1 if old == "kept" else 0), "an installed file changed: it is judged again"
    apt(room, "install", f"{NAME}=1.2")
    assert installed(room) == "1.2"
    assert gate(room, "ahead").stdout.startswith("0 packages judged"), "nothing there would replace 1.2"


def test_the_old_side_is_found_in_the_cache_or_as_installed_files(room, made):
    shutil.rmtree(room.host_path(GATE + "/kept"))
    assert "compared with 1.0 (installed files)" in refuse(room)
    room.copy_in(os.path.join(made, f"{NAME}_1.0_all.deb"), "/var/cache/apt/archives")
    assert "compared with 1.0 (package in apt's cache)" in refuse(room)


def test_what_a_place_means_is_no_news_when_the_installed_file_had_it(room, tmp_path):
    for version in "1", "2":
        files = {"etc/sudoers.d/zz-rule": b"# made up\n", "usr/share/doc/zz/notes": version.encode()}
        room.copy_in(deb(str(tmp_path), version, files, name="zz-rule"), "/srv/rule")
    room.run(["dpkg", "-i", "/srv/rule/zz-rule_1_all.deb"], scope=False)
    done = apt(room, "install", "/srv/rule/zz-rule_2_all.deb")
    last = listed(room)["packages"][-1]
    assert (last["package"], last["verdict"]) == ("zz-rule", "clean"), done.stderr


def test_what_is_allowed_is_recorded_bound_and_ends(room, made):
    assert gate(room, "allow", f"{NAME}=1.1", "--reason", "x", check=False).returncode == 2, "it was not judged yet"
    refuse(room)
    assert gate(room, "allow", f"{NAME}=1.1", check=False).returncode == 2, "no reason given"
    assert gate(room, "allow", f"{NAME}=1.1", "--reason", "x", "--for", "15d", check=False).returncode == 2
    gate(room, "allow", f"{NAME}=1.1", "--reason", "only a second", "--for", "1s")
    time.sleep(1.1)
    refuse(room)
    gate(room, "allow", f"{NAME}=1.1", "--reason", "vendor confirmed it, ticket 4711", "--for", "1h")
    allowed = listed(room)["allowed"][-1]
    with open(os.path.join(made, f"{NAME}_1.1_all.deb"), "rb") as f:
        assert allowed["sha256"] == hashlib.sha256(f.read()).hexdigest()
    assert allowed["reason"] == "vendor confirmed it, ticket 4711" and "uid" in allowed and allowed["until"] > allowed["time"]
    # Another content under the same name and version is another matter.
    with open(room.host_path(f"{GATE}/allowed.jsonl"), encoding="utf-8") as f:
        kept = f.read()
    room.write(f"{GATE}/allowed.jsonl", kept.replace(allowed["sha256"], "0" * 64), mode=0o600)
    refuse(room)
    room.write(f"{GATE}/allowed.jsonl", kept, mode=0o600)
    done = apt(room, "install", f"{NAME}=1.1")
    assert installed(room) == "1.1" and "ticket 4711" in done.stderr
    assert listed(room)["packages"][-1]["allowed"] is True


def test_too_late_is_told_and_apt_goes_on(room):
    gate(room, "install", "--deadline", "1ms")
    done = apt(room, "install", f"{NAME}=1.1")
    assert installed(room) == "1.1"
    assert "turncoat:" in done.stderr and "time" in done.stderr, done.stderr
    told = status(room)
    assert told["failures"] or told["unjudged"] == 1, told


def children(root, pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(x) for x in f.read().split()]


def hook_alone(root):
    """The gate as apt would call it, still waiting for what apt says: (its supervisor, the pid of its child)."""
    hook = root.popen(["turncoat", "gate", "apt"], scope=False, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 10
    while not children(root, hook.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    (child,) = children(root, hook.pid)
    return hook, child


@pytest.mark.parametrize("closed", [False, True])
def test_a_crash_of_the_gate_is_told(room, closed):
    if closed:
        gate(room, "install", "--fail-closed")
    hook, child = hook_alone(room)
    os.kill(child, signal.SIGSEGV)  # ours: the child of the program started above
    _, said = hook.communicate(timeout=20)
    assert hook.returncode == (1 if closed else 0)
    assert "the gate failed: it was ended by signal 11" in said
    assert [f["why"] for f in status(room)["failures"]] == ["it was ended by signal 11"]


def test_a_gate_that_hangs_is_ended(room):
    gate(room, "install", "--deadline", "3s")  # time enough to be stopped on a busy machine
    hook, child = hook_alone(room)
    os.kill(child, signal.SIGSTOP)
    _, said = hook.communicate(timeout=20)
    assert hook.returncode == 0 and "took longer than it may" in said


def test_a_gate_that_is_gone_does_not_keep_apt(room, programs):
    room.copy_in(os.path.join(programs, "turncoat"), "/srv/own")
    room.run(["/srv/own/turncoat", "gate", "install"], scope=False)
    os.unlink(room.host_path("/srv/own/turncoat"))
    assert "'/srv/own/turncoat' is not there: nothing is judged" in gate(room, "status").stdout
    done = apt(room, "install", f"{NAME}=1.1")
    assert installed(room) == "1.1" and "turncoat: the gate ended with 127" in done.stderr


def test_a_full_disk_is_told_and_the_verdict_still_holds(room, made):
    room.copy_in(os.path.join(made, f"{NAME}_1.0_all.deb"), "/var/cache/apt/archives")
    room.run(["mount", "-t", "tmpfs", "-o", "size=4k,mode=0700", "tmpfs", GATE], scope=False)
    room.run(["sh", "-c", f"cat /dev/zero > {GATE}/filled 2>/dev/null; true"], scope=False)
    assert "cannot write its journal" in refuse(room)
    done = apt(room, "install", f"{NAME}=1.2")
    assert installed(room) == "1.2" and "cannot be kept" in done.stderr


def test_fail_closed_refuses_what_is_not_judged(room):
    gate(room, "install", "--fail-closed", "--deadline", "1ms")
    done = apt(room, "install", f"{NAME}=1.2", check=False)
    assert done.returncode != 0 and installed(room) == "1.0"
    gate(room, "remove")
    assert not room.exists(HOOK)
    apt(room, "install", f"{NAME}=1.2")
    assert installed(room) == "1.2"


def test_nobody_else_may_own_the_folder_of_the_gate(room):
    os.chmod(room.host_path(GATE), 0o777)
    done = apt(room, "install", f"{NAME}=1.1", check=False)
    assert "is not yours alone" in done.stderr
    assert done.returncode != 0 and installed(room) == "1.0", "it is judged all the same, from the installed files"


def test_rules_that_are_gone_do_not_cost_the_comparison(room):
    room.write("/srv/rules/made.yar", "rule Made_Up { condition: false }\n")
    gate(room, "install", "--rules", "/srv/rules")
    shutil.rmtree(room.host_path("/srv/rules"))
    assert "without rules and indicators" in refuse(room)


def stories_of(turncoat, version):
    return [s for s in turncoat.stories() if (s["software"]["name"], s["software"]["version"]) == (NAME, version)]


def same_in_replay(turncoat, story):
    replayed, _ = turncoat.replay()
    return replayed.get(story["id"]) == story


def test_what_was_refused_is_the_story_of_that_version(room):
    turncoat = rehearsal.Turncoat(room)
    refuse(room)
    turncoat.settle()
    (story,) = stories_of(turncoat, "1.1")
    assert story["verdict"] == "malicious" and [s["stage"] for s in story["stages"]] == ["release-change"]
    found = {f["check"]: f for f in story["stages"][0]["findings"]}
    assert {"pe.certificate-slack", "diff.same-authentihash"} <= set(found)
    proof = found["diff.same-authentihash"]
    assert proof["events"] and proof["entity"] is None and proof["telemetry"] == ["artifact"]
    assert proof["evidence"]["compared_with"] == "1.0" and proof["evidence"]["member"].endswith("codec.dll")
    refuse(room)
    gate(room, "allow", f"{NAME}=1.1", "--reason", "a test")
    room.run(["apt-get", "-q", "-y", "install", f"{NAME}=1.1"])
    deadline = time.monotonic() + 15
    while not stories_of(turncoat, "1.1")[0].get("change") and time.monotonic() < deadline:
        time.sleep(0.2)
    turncoat.settle()
    (story,) = stories_of(turncoat, "1.1")
    assert (story["change"]["from"], story["change"]["to"]) == ("1.0", "1.1"), "the update joined its story"
    page = turncoat.ask("stories", str(story["id"]))
    assert "release change" in page and "codec.dll" in page, page
    turncoat.stop()
    assert same_in_replay(turncoat, story)


def test_what_the_engine_did_not_hear_is_told_later(room):
    refuse(room)
    assert room.exists(GATE + "/untold.jsonl")
    turncoat = rehearsal.Turncoat(room)
    assert stories_of(turncoat, "1.1") == []
    apt(room, "install", f"{NAME}=1.2")
    turncoat.settle()
    assert len(stories_of(turncoat, "1.1")) == 1 and not room.exists(GATE + "/untold.jsonl")
    turncoat.stop()


def kept(room, name):
    return sorted(f for f in os.listdir(room.host_path(f"{GATE}/kept/{name}")) if f.endswith(".deb"))


def test_the_last_two_of_watched_software_stay_and_lead_back(room, made, tmp_path):
    gate(room, "install", "--watch", "acme-soft*", "--keep-mb", "1")
    shutil.rmtree(room.host_path(GATE + "/kept"))
    room.copy_in(os.path.join(made, f"{NAME}_1.0_all.deb"), "/var/cache/apt/archives")
    apt(room, "install", f"{NAME}=1.2")
    assert kept(room, NAME) == ["1.0_all.deb", "1.2_all.deb"], "the one from before the gate was there is kept too"
    others = ["acme-a", "acme-b", "acme-c"]
    for version in "1", "2":  # newer, and more of them than there is room for
        files = [deb(str(tmp_path), version, {f"opt/{n}": random_bytes(240000, seed=int(version))}, name=n) for n in others]
        for file in files:
            room.copy_in(file, "/srv/big")
        apt(room, "install", *(f"/srv/big/{os.path.basename(f)}" for f in files))
    gate(room, "install", "--keep-mb", "0")
    gate(room, "install", "--keep-mb", "1")
    assert [w["package"] for w in status(room)["watched"]] == [NAME], "what is watched outlives another install"
    assert kept(room, NAME) == ["1.0_all.deb", "1.2_all.deb"]
    assert 0 < sum(len(kept(room, n)) for n in others) < 6
    (watched,) = listed(room)["watched"]
    assert watched["kept"] == ["1.2", "1.0"]
    back = watched["back"]
    for shown in "status", "list":
        assert back in gate(room, shown).stdout
    time.sleep(1.1)  # apt knows dpkg's database by its size and its time, in seconds
    room.run(["sh", "-c", back], scope=False)
    assert installed(room) == "1.0"
    # apt tells by second and size whether dpkg's status is what it has read: here both may be the same.
    for cache in "pkgcache.bin", "srcpkgcache.bin":
        room.run(["rm", "-f", "/var/cache/apt/" + cache], scope=False)
    # Gone back to, the one that is installed is not the one that has to go.
    room.copy_in(deb(str(tmp_path), "1.3", {"usr/share/doc/acme/notes": b"more\n"}), "/srv/big")
    apt(room, "install", f"/srv/big/{NAME}_1.3_all.deb")
    assert kept(room, NAME) == ["1.0_all.deb", "1.3_all.deb"]


def test_what_cannot_be_watched_is_refused_and_a_name_without_packages_is_told(room):
    assert gate(room, "install", "--watch", "Acme;x", check=False).returncode == 2
    gate(room, "install", "--watch", "no-such")
    assert "no-such, nothing of it is kept yet" in gate(room, "status").stdout
