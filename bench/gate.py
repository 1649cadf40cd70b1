#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""gate.py [OPTION...]: what does the gate cost an ordinary upgrade?

Question: is an `apt upgrade` of 100 packages slowed by less than 10 %? A Debian is installed in a folder, each package in the
oldest version on offer (gate.txt, what is standard, and what they need); the newest are fetched into its cache. Then the same
upgrade, from copies of that folder, in turns: without the gate, with it for the first time, with every old side known (its
packages came through the gate), with the packages judged ahead. Ordinary: dpkg syncs, maintainer scripts and triggers run; no
service is started, and there is no network meanwhile. Prints Markdown: packages, verdicts, wall clock, processor time of all
that apt started, and what the hook took by its own journal. Needs root, a cgroup and some 6 GB. Exit 1: an update was slower by
10 % in one of the last two rows, an upgrade failed, or anything came out above note.
"""
import argparse
import collections
import glob
import json
import os
import shutil
import statistics
import subprocess
import sys

import gate_root

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TURNCOAT = os.path.join(ROOT, "build", "bin", "turncoat")
INSIDE = "/opt/turncoat/turncoat"
LIMIT = 0.10
ROWS = {
    "without": "no gate",
    "first": "first upgrade: old side from installed files",
    "known": "old sides known from when they came",
    "ahead": "judged ahead",
}
ASKED = ("known", "ahead")

Run = collections.namedtuple("Run", "cost hook verdicts")


def say(text):
    print(text, file=sys.stderr, flush=True)


def names_of(path):
    with open(path, encoding="utf-8") as f:
        return " ".join(line.split("#")[0] for line in f).split()


def made(place, fresh):
    """The folder to copy: made once, and again when the list has changed."""
    names = names_of(os.path.join(ROOT, "bench", "gate.txt"))
    note = os.path.join(place, "srv", "made")
    wanted = " ".join(names)
    if not fresh and os.path.exists(note):
        with open(note, encoding="utf-8") as f:
            if f.read() == wanted:
                return gate_root.Root(place, say)
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    root = gate_root.Root(place, say).make(names, [TURNCOAT])
    root.write("srv/made", wanted)
    return root


# ---- one upgrade --------------------------------------------------------------------------------------------------


def said_of_old(root):
    """What apt would have said when the old packages were installed."""
    lines = ["VERSION 3", ""]
    for path in sorted(glob.glob(glob.escape(root.path("srv/old/")) + "*.deb")):
        name, version, arch = os.path.basename(path).removesuffix(".deb").split("_")
        lines.append(f"{name} - - none < {version.replace('%3a', ':')} {arch} none /srv/old/{os.path.basename(path)}")
    return "\n".join(lines) + "\n"


def journal(root):
    """How the last transaction ended, and what was told of each of its packages."""
    with open(root.path("var/lib/turncoat-gate/journal.jsonl"), encoding="utf-8") as f:
        lines = list(map(json.loads, f))
    end = [line for line in lines if line["event"] == "end"][-1]
    return end, [line for line in lines if line["event"] == "package" and line["transaction"] == end["transaction"]]


def prepare(root, row):
    """Brings a copy to where the row begins. (Cost, packages) of that, when it is a figure of its own; else None."""
    if row == "without":
        return None
    os.makedirs(root.path("opt/turncoat"), exist_ok=True)
    shutil.copy2(TURNCOAT, root.path(INSIDE))
    root.run(INSIDE, "gate", "install")
    if row == "known":
        root.write("srv/said", said_of_old(root))
        cost = root.measure(["sh", "-c", f"exec {INSIDE} gate apt </srv/said"])
    elif row == "ahead":
        cost = root.measure([INSIDE, "gate", "ahead"])
    else:
        return None
    if cost.code:
        raise gate_root.NoRoot(f"preparing '{row}' ended with {cost.code}: {cost.err[-600:]}")
    return cost, journal(root)[0]["judged"] if row == "known" else None


def upgraded(base, place, row):
    """(Run, what prepare says) of one upgrade in a fresh copy."""
    root = base.copy(place)
    before = prepare(root, row)
    os.sync()
    cost = root.measure(gate_root.UPGRADE)
    if cost.code:
        raise gate_root.NoRoot(f"the upgrade of '{row}' ended with {cost.code}: {cost.out[-300:]}{cost.err[-600:]}")
    hook, verdicts = None, collections.Counter()
    if row != "without":
        hook, told = journal(root)
        verdicts.update(p["verdict"] if p["judged"] else "not judged" for p in told)
    root.remove()
    return Run(cost, hook, verdicts), before


# ---- the table ----------------------------------------------------------------------------------------------------


def spread(values):
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def table(runs, packages):
    """Markdown, and the rows that are asked to stay below the limit and do not."""
    wall = statistics.median(r.cost.wall for r in runs["without"])
    cpu = statistics.median(r.cost.cpu for r in runs["without"])
    lines = ["| upgrade | wall s | processor s | the hook, s | slower: hook / wall without | processor |", "| --- | --- | --- | --- | --- | --- |"]
    missed = []
    for row, words in ROWS.items():
        if row not in runs:
            continue
        costs, hooks = [r.cost for r in runs[row]], [r.hook["ms"] / 1000 for r in runs[row] if r.hook]
        slower = statistics.median(hooks) / wall if hooks else 0
        more = statistics.median(c.cpu for c in costs) / cpu - 1
        if row in ASKED and slower >= LIMIT:
            missed.append(row)
        lines.append(f"| {words} | {spread([c.wall for c in costs])} | {spread([c.cpu for c in costs])} | "
                     + (f"{spread(hooks)} | {slower:.1%} | {more:+.1%} |" if hooks else "- | | |"))
    counts = runs["known" if "known" in runs else next(r for r in runs if r != "without")][0].verdicts
    lines += ["", f"{packages} packages upgraded. Verdicts: " + ", ".join(f"{n} {v}" for v, n in sorted(counts.items())) + "."]
    return "\n".join(lines), missed


def told_before(before):
    lines = []
    if before.get("known"):
        cost, judged = before["known"][-1]
        lines.append(f"{judged} packages that were not installed before, judged alone: {cost.wall:.1f} s, {cost.cpu:.1f} s of processor.")
    if before.get("ahead"):
        cost, _ = before["ahead"][-1]
        lines.append(f"Judging ahead: {cost.wall:.1f} s, {cost.cpu:.1f} s of processor, before the upgrade and not in its row.")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="of each row, in turns (default 3)")
    parser.add_argument("--rows", default=",".join(ROWS), help="which: " + ",".join(ROWS))
    parser.add_argument("--work", default=os.path.join(ROOT, "build", "bench-gate"), help="folder on the disk that is measured")
    parser.add_argument("--fresh", action="store_true", help="make the Debian anew, from what is on offer today")
    asked = parser.parse_args()
    rows = [r for r in ROWS if r in asked.rows.split(",")]
    if os.geteuid() != 0 or not all(map(shutil.which, ("apt-get", "dpkg", "unshare"))):
        print("skipped: this needs root, apt-get, dpkg and unshare")
        return 0
    if len(rows) < 2 or rows[0] != "without" or asked.runs < 1:
        parser.error("at least 'without' and one other row, and one run")
    try:
        base = made(os.path.join(asked.work, "root"), asked.fresh)
        packages = len(base.upgrades())
        runs, before = collections.defaultdict(list), collections.defaultdict(list)
        for turn in range(asked.runs):
            for row in rows:
                run, first = upgraded(base, os.path.join(asked.work, "run"), row)
                runs[row].append(run)
                before[row] += [first] if first else []
                say(f"[{turn + 1}/{asked.runs}] {row}: {run.cost.wall:.1f} s, {run.cost.cpu:.1f} s of processor")
    except (gate_root.NoRoot, OSError, subprocess.TimeoutExpired) as e:
        print(f"cannot be measured: {e}")
        return 1
    text, missed = table(runs, packages)
    print("\n".join([text, *told_before(before)]))
    for row in missed:
        print(f"MISSED: '{ROWS[row]}' is slower by {LIMIT:.0%} or more")
    bad = sum(n for rs in runs.values() for r in rs for v, n in r.verdicts.items() if v not in ("clean", "note"))
    return 1 if missed or bad else 0


if __name__ == "__main__":
    sys.exit(main())
