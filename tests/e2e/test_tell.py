# SPDX-License-Identifier: Apache-2.0
"""Question: does what scan and diff find in installed software stand in the story of that version, is nothing told of what
is not installed, and is it said when somebody asked for it and it could not be done?

All in a private root. Inert: made-up bytes, throw-away keys; nothing of it is run.
"""
import hashlib
import json
import os
import shutil
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
DLL = "/opt/acme/codec.dll"
CONTROL = f"Package: {NAME}\nVersion: %s\nArchitecture: all\nMaintainer: Acme <nobody@acme.test>\nDescription: made up\n"
TOLD = f"is in the story of {NAME} 1.1"

if not shutil.which("dpkg-deb"):
    pytest.skip("no dpkg-deb here", allow_module_level=True)


def deb(folder, version, dll):
    tree = os.path.join(folder, "tree" + version)
    os.makedirs(tree + "/DEBIAN")
    os.makedirs(tree + "/opt/acme")
    with open(tree + "/DEBIAN/control", "w", encoding="ascii") as f:
        f.write(CONTROL % version)
    with open(tree + DLL, "wb") as f:
        f.write(dll)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-b", tree, f"{folder}/{NAME}_{version}_all.deb"], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """1.0, and a turned 1.1: random bytes where the signature of its library does not look."""
    if not shutil.which("osslsigncode"):
        pytest.skip("no osslsigncode here")
    folder = str(tmp_path_factory.mktemp("made"))
    dll = Signer(str(tmp_path_factory.mktemp("keys"))).sign(Pe().build(), stamp=True)
    deb(folder, "1.0", dll)
    deb(folder, "1.1", stuff_table(dll, random_bytes(60000, seed=7)))
    return folder


@pytest.fixture
def room(private_root, made):
    """A private root in which 1.1 is installed and 1.0 lies about."""
    for version in "1.0", "1.1":
        private_root.copy_in(f"{made}/{NAME}_{version}_all.deb", "/srv")
        private_root.run(["dpkg-deb", "-x", f"/srv/{NAME}_{version}_all.deb", f"/srv/{version}"], scope=False)
    private_root.run(["dpkg", "-i", f"/srv/{NAME}_1.1_all.deb"], scope=False)
    return private_root


def ask(root, *argv, **more):
    done = root.run(["turncoat", *argv], scope=False, check=False, **more)
    assert done.returncode in (0, 1), done.stderr
    return done.stderr


def told(turncoat):
    turncoat.settle()
    return {(s["software"]["name"], s["software"]["version"]): s for s in turncoat.stories("--all")}


def listed(turncoat):
    return [{key: s[key] for key in ("name", "version")} for s in json.loads(turncoat.ask("software", "--json"))]


def found_in(story):
    return {f["check"]: f for stage in story["stages"] for f in stage["findings"]}


def test_a_scan_tells_the_story_of_the_installed_version_and_watch_shows_it(room):
    turncoat = rehearsal.Turncoat(room)
    watch = room.popen(["timeout", "60", "turncoat", "watch", "--json"], scope=False, stdout=subprocess.PIPE, text=True)
    time.sleep(2)  # it is listening by then, also on a busy machine
    assert TOLD in ask(room, "scan", "/opt/acme")
    story = told(turncoat)[NAME, "1.1"]
    assert story["verdict"] == "malicious" and [s["stage"] for s in story["stages"]] == ["release-change"]
    found = found_in(story)["pe.certificate-slack"]
    assert found["evidence"]["path"] == DLL and found["evidence"]["found_by"] == "scan" and found["events"]
    with open(room.host_path(DLL), "rb") as f:
        assert found["evidence"]["sha256"] == hashlib.sha256(f.read()).hexdigest()
    for line in watch.stdout:
        if json.loads(line)["type"] == "story":
            break
    assert json.loads(line)["software"]["version"] == "1.1"
    watch.terminate()
    watch.wait(timeout=10)
    page = turncoat.ask("stories", str(story["id"]))
    assert "release change" in page and "codec.dll" in page and "holds what does not belong there" in page, page
    # Once more it is the same finding; with the same file compared it joins the same story.
    ask(room, "scan", "/opt/acme")
    assert TOLD in ask(room, "diff", "/srv/1.0" + DLL, DLL)
    again = told(turncoat)[NAME, "1.1"]
    assert again["id"] == story["id"] and "diff.same-authentihash" in found_in(again)
    turncoat.stop()
    replayed, _ = turncoat.replay()
    assert replayed.get(again["id"]) == again


def test_a_comparison_of_packages_tells_it_when_that_version_is_installed(room):
    turncoat = rehearsal.Turncoat(room)
    assert TOLD in ask(room, "diff", f"/srv/{NAME}_1.0_all.deb", f"/srv/{NAME}_1.1_all.deb")
    story = told(turncoat)[NAME, "1.1"]
    assert found_in(story)["diff.same-authentihash"]["evidence"]["compared_with"] == "1.0"
    room.run(["dpkg", "-i", f"/srv/{NAME}_1.0_all.deb"], scope=False)
    deadline = time.monotonic() + 20
    while {"name": NAME, "version": "1.0"} not in listed(turncoat) and time.monotonic() < deadline:
        time.sleep(0.3)
    said = ask(room, "diff", "--tell", f"/srv/{NAME}_1.0_all.deb", f"/srv/{NAME}_1.1_all.deb")
    assert "of no software that is installed here" in said
    turncoat.stop()


def test_a_folder_and_a_rule(room):
    """Of a folder each installed file is told; a rule that matched is an evidence of another kind."""
    turncoat = rehearsal.Turncoat(room)
    room.write("/srv/made.yar", "rule Made_Up { condition: uint16(0) == 0x5a4d }\n")
    said = ask(room, "diff", "--rules", "/srv/made.yar", "/srv/1.0/opt/acme", "/opt/acme")
    assert TOLD in said
    found = found_in(told(turncoat)[NAME, "1.1"])
    assert found["diff.same-authentihash"]["evidence"]["path"] == DLL
    ask(room, "scan", "--rules", "/srv/made.yar", DLL)
    assert "yara.Made_Up" in found_in(told(turncoat)[NAME, "1.1"])
    turncoat.stop()


def test_nothing_is_told_of_what_is_not_installed_or_when_that_is_asked(room):
    turncoat = rehearsal.Turncoat(room)
    assert "story" not in ask(room, "scan", "/srv/1.1")
    assert "1 file is of no software that is installed here" in ask(room, "scan", "--tell", "/srv/1.1")
    assert "story" not in ask(room, "scan", "--no-tell", "/opt/acme")
    assert ask(room, "diff", "--no-tell", "/srv/1.0/opt/acme", "/opt/acme") == ""
    assert "story" not in ask(room, "scan", "/opt/acme", user=True)
    assert "is in no story" in ask(room, "scan", "--tell", "/opt/acme", user=True)
    assert told(turncoat) == {}
    turncoat.stop()


def test_without_an_engine_it_is_said_to_who_asked(room):
    assert "story" not in ask(room, "scan", "/opt/acme")
    for said in ask(room, "scan", "--tell", "/opt/acme"), ask(room, "diff", "--tell", "/srv/1.0" + DLL, DLL):
        assert "is in no story: the engine was not told" in said and "hint: is turncoatd running?" in said
    done = room.run(["turncoat", "scan", "--tell", "--no-tell", "/opt/acme"], scope=False, check=False)
    assert done.returncode == 2
