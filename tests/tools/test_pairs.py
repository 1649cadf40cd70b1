#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Can a bad answer about release pairs pass? bench/pairs.py against made-up releases, a made-up npm and wrong answers."""
import collections
import hashlib
import json
import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAIRS = os.path.join(TOP, "bench", "pairs.py")
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, "bench"))

import pairs  # noqa: E402
import pairs_table  # noqa: E402

NPM = """#!/bin/sh
# pack --loglevel=error --ignore-scripts NAME@VERSION: a release says its name; one called gone was unpublished.
case "$4" in
gone@*) echo "npm error 404 not at https://registry.example/gone" >&2; echo half > gone.tgz; exit 1 ;;
esac
printf %s "$4" > "$4.tgz"
echo "$4" >> "$NPM_LOG"
"""
# Its answer depends on the name of the new release: "mal-7@2" is malicious.
PROGRAM = """#!/usr/bin/python3
import json, os, sys, time
assert sys.argv[1] == "diff" and sys.argv[4] == "--json"
kind = os.path.basename(sys.argv[3]).split("-")[0]
if kind == "late":
    time.sleep(30)
if kind == "crash":
    os.abort()
score = {"mal": 97, "sus": 60, "note": 15}.get(kind, 0)
verdict = {"mal": "malicious", "sus": "suspicious", "note": "note"}.get(kind, "clean")
reasons = [{"check": "PE-02", "severity": "high", "score": score, "summary": "a | b"}] if score else []
schema = "other/1" if kind == "odd" else "turncoat.diff/1"
print(json.dumps({"schema": schema, "verdict": verdict, "score": score, "reasons": reasons}))
sys.exit(1 if score > 50 else 0)
"""


class Stage:
    """A folder with a made-up npm, a made-up turncoat and a list of pairs called NAME-i, each 1 -> 2."""

    def __init__(self, folder, **names):
        self.folder = folder
        self.write("bin/npm", NPM)
        self.program = self.write("program", PROGRAM)
        self.names = [f"{name}-{i}" for name, count in names.items() for i in range(count)]
        self.list = self.write("pairs.txt", "# a comment\n" + "".join(self.line(n) for n in self.names))
        self.log = os.path.join(folder, "log")

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, 0o755)
        return path

    @staticmethod
    def line(name, old="1", new="2"):
        real = "gone" if name.startswith("gone") else name
        sums = [hashlib.sha256(f"{real}@{v}".encode()).hexdigest() for v in (old, new)]
        return f"npm {real} {old} {new} {' '.join(sums)} js\n"

    def run(self, *more):
        path = os.path.join(self.folder, "bin") + ":/usr/bin:/bin"
        env = os.environ | {"PATH": path, "NPM_LOG": self.log, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run([sys.executable, PAIRS, "--list", self.list, "--cache", os.path.join(self.folder, "cache"),
                               "--program", self.program, *more], env=env, capture_output=True, text=True, check=False)


def run(*more, **names):
    with tempfile.TemporaryDirectory() as folder:
        return Stage(folder, **names).run(*more)


def test_ordinary_releases_pass_and_are_counted():
    told = run(clean=49, note=1)
    assert told.returncode == 0, told.stderr
    assert "| all | 50 | 49 | 1 | 0 | 0 | 15 |" in told.stdout
    assert "a \\| b" not in told.stdout and "PE-02 15 (high): a | b" in told.stdout
    assert "| 10-19 | 1 | 2.0% |" in told.stdout


def test_two_in_a_hundred_may_be_suspicious_and_no_more():
    assert run(clean=49, sus=1).returncode == 0
    told = run(clean=48, sus=2)
    assert told.returncode == 1 and "2 of 50 suspicious" in told.stderr


def test_one_malicious_pair_fails():
    told = run(clean=60, mal=1)
    assert told.returncode == 1 and "fails: 1 malicious" in told.stderr


def test_no_answer_is_not_a_good_answer():
    for kind, word in (("crash", "ended with -6"), ("odd", "its schema is"), ("late", "did not end in 1 s")):
        told = run("--deadline", "1", **{kind: 1, "clean": 3})
        assert told.returncode == 1 and "fails: 1 could not be judged" in told.stderr and word in told.stdout, (kind, told)


def test_what_was_unpublished_is_skipped_and_nothing_is_left_of_it():
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(folder, clean=2, gone=1)
        told = stage.run()
        assert told.returncode == 0, told.stderr
        assert "skipped: npm cannot have it: npm error 404 not at (address)" in told.stderr, told.stderr
        assert "2 of 3 judged" in told.stdout
        assert sorted(os.listdir(os.path.join(folder, "cache"))) == [f"npm-clean-{i}-{v}" for i in (0, 1) for v in (1, 2)]
    told = run(gone=1)
    assert told.returncode == 1 and "no pair could be had" in told.stderr


def test_a_second_run_fetches_nothing():
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(folder, clean=3)
        for _ in range(2):
            assert stage.run("--fetch-only").returncode == 0
        with open(stage.log, encoding="utf-8") as f:
            assert len(f.readlines()) == 6


def test_a_published_release_that_changed_fails():
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(folder, clean=3)
        assert stage.run("--fetch-only").returncode == 0
        with open(os.path.join(folder, "cache", "npm-clean-1-2", "clean-1@2.tgz"), "a", encoding="utf-8") as f:
            f.write("more")
        for more in ((), ("--fetch-only",)):
            told = stage.run(*more)
            assert told.returncode == 1 and "fails: clean-1 2 has another SHA-256" in told.stderr


def test_json_has_every_row():
    rows = json.loads(run("--json", note=2, clean=1).stdout)
    assert [r["verdict"] for r in rows] == ["note", "note", "clean"]
    assert all(r["memory"] > 1 << 20 and r["seconds"] > 0 and r["bytes"] == len("note-0@1") * 2 for r in rows[:2])


def test_a_pair_may_have_two_names():
    pair = pairs.parsed(f"apt image-55,image-56 1 2 {'a' * 64} {'b' * 64} elf,large")
    assert (pair.old.name, pair.new.name, pair.marks) == ("image-55", "image-56", ["elf", "large"])


def test_the_list_is_what_was_asked():
    listed = pairs.listed(pairs.LIST)
    marks = collections.Counter(m for p in listed for m in p.marks)
    assert len(listed) >= 200 and marks["large"] >= 5 and marks["host"] == 20
    assert set(marks) <= set(pairs_table.MARKS)
    assert all(marks[m] >= 20 for m in ("pe", "macho", "elf", "js", "python")), marks
    assert len({(p.old, p.new) for p in listed}) == len(listed)
    for p in listed:
        for r in (p.old, p.new):
            assert r.kind in ("npm", "apt") and len(r.sha256) == 64 and set(r.sha256) <= set("0123456789abcdef"), r
        assert p.old != p.new and p.old.sha256 != p.new.sha256, p


if __name__ == "__main__":
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            test()
            print(f"ok {name}")
