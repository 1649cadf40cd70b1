#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""diff.py [--cache DIR] [--rounds N] [--pairs NAME,...]: how fast is 'turncoat diff', and what does it hold?

Questions: is a pair of installers compared in little more than it takes to extract and hash both, measured in the same run? Does an
application as large as a browser stay within time and memory? Is equal content looked at twice? diffoscope runs beside it where
it is installed, with a limit of 120 s. All runs are warm.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import release_cache
from scan import run

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TURNCOAT = os.path.join(ROOT, "build", "bin", "turncoat")
LIST = os.path.join(ROOT, "bench", "pairs.txt")
MB = 1e6
# name in pairs.txt, its old version; seconds, MB and times the floor that are asked
ASKED = {"@azure/msal-node-runtime": ("0.20.5", 3.0, 300.0, 2.5), "chromium": (None, 45.0, 500.0, None)}


def pair_of(name, old):
    with open(LIST, encoding="utf-8") as f:
        for line in f:
            words = line.split("#")[0].split()
            if len(words) == 7 and words[1] == name and (old is None or words[2] == old):
                return words
    raise SystemExit(f"diff.py: no pair {name} {old} in the list")


def extract(path, folder):
    """Down to files, as far as the usual tools go: what it costs at least to see both releases."""
    os.makedirs(folder)
    if path.endswith(".deb"):
        subprocess.run(["dpkg-deb", "--raw-extract", path, folder], check=True)
    else:
        subprocess.run(["tar", "-xzf", path, "-C", folder, "--no-same-owner"], check=True)


def floor(paths):
    """Seconds and processor seconds to extract and hash both, one after the other."""
    folder = tempfile.mkdtemp(prefix="diff-floor-")
    before, started = os.times(), time.monotonic()
    for i, path in enumerate(paths):
        extract(path, os.path.join(folder, str(i)))
    files = subprocess.run(["find", folder, "-type", "f", "-print0"], capture_output=True, check=True).stdout
    subprocess.run(["xargs", "-0", "sha256sum"], input=files, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.monotonic() - started, os.times()
    size = sum(os.path.getsize(os.path.join(d, n)) for d, _, names in os.walk(folder) for n in names
               if not os.path.islink(os.path.join(d, n)))
    shutil.rmtree(folder)
    return wall, after.children_user + after.children_system - before.children_user - before.children_system, size


def diffoscope(paths):
    if not shutil.which("diffoscope"):
        return "not installed here"
    started = time.monotonic()
    try:
        done = subprocess.run(["diffoscope", "--no-progress", *paths], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return "not ended in 120 s"
    return f"{time.monotonic() - started:.1f} s, {done.stdout.count(10)} lines"


class Table:
    def __init__(self):
        self.held = True

    def row(self, what, value, asked="", ok=None):
        self.held = self.held and ok is not False
        print(f"{what:52} {value:48} {asked:14} {'' if ok is None else 'held' if ok else 'NOT HELD'}", flush=True)


def measure(name, options, table):
    old, seconds, most_mb, times = ASKED[name]
    words = pair_of(name, old)
    paths = []
    for version, digest in ((words[2], words[4]), (words[3], words[5])):
        path, reason = release_cache.fetch_same(words[0], name, version, digest, options.cache)
        if not path:
            return table.row(name, f"skipped: {reason}")
        paths.append(path)
    command = [TURNCOAT, "diff", "--json", *paths]
    runs, floors = [], []
    run(command)
    for _ in range(options.rounds):  # in turn, so that a busy moment meets both
        floors.append(floor(paths))
        runs.append(run(command, watch=True))
    wall, cpu = (statistics.median(r[k] for r in runs) for k in ("wall", "cpu"))
    packed, size = sum(os.path.getsize(p) for p in paths) / MB, floors[0][2] / MB
    table.row(f"{name} {words[2]} -> {words[3]}", f"{wall:.2f} s, {cpu:.2f} s of processor ({packed:.0f} MB packed, {size:.0f} open)",
              f"< {seconds:.0f} s", wall < seconds)
    least = statistics.median(f[0] for f in floors)
    ratio = statistics.median(r["wall"] / f[0] for r, f in zip(runs, floors))
    table.row("  against extracting and hashing both", f"{ratio:.2f} times ({least:.2f} s)",
              f"<= {times}" if times else "", ratio <= times if times else None)
    peak = max(r["pss"] for r in runs) / MB
    table.row("  memory of all processes (peak PSS)", f"{peak:.0f} MB", f"< {most_mb:.0f} MB", peak < most_mb)
    same = run([TURNCOAT, "diff", paths[0], paths[0]])
    table.row("  the old one against itself", f"{same['wall']:.2f} s: {same['out'].strip()[:60]}", "one line",
              len(same["out"].splitlines()) == 1)
    if options.diffoscope:
        table.row("  diffoscope", diffoscope(paths))
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", default=os.path.join(ROOT, "build", "releases"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pairs", default=",".join(ASKED))
    parser.add_argument("--no-diffoscope", dest="diffoscope", action="store_false")
    options = parser.parse_args()
    table = Table()
    for name in options.pairs.split(","):
        measure(name, options, table)
    return 0 if table.held else 1


if __name__ == "__main__":
    sys.exit(main())
