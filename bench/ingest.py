#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""ingest.py [--rounds N] [FILE...]: how fast foreign logs become events, beside python's json and jq in the same run.

Question: is reading a recording limited by the JSON parser, and by how much is it faster than what people use?
Without FILE: the two recorded Windows datasets in ../shared/data/windows-events, when they are there. The peers only read
each line as JSON and look at one field; turncoat maps, orders and (replay) judges as well.
"""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DATA = os.path.join(ROOT, "..", "shared", "data", "windows-events")
PYTHON = "import json,sys\nn=0\nfor line in open(sys.argv[1],encoding='utf-8'):\n n+=json.loads(line).get('EventID')==1\nprint(n)"


def cpu_seconds(command):
    """Seconds of processor time, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode not in (0, 1):
        raise RuntimeError(f"{command[0]} ended with {run.returncode}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, run.stdout


def unpacked(folder):
    for name in sorted(os.listdir(DATA)) if os.path.isdir(DATA) else []:
        if name.endswith(".zip"):
            with zipfile.ZipFile(os.path.join(DATA, name)) as z:
                yield from (z.extract(member, folder) for member in z.namelist() if member.endswith(".json"))


def measure(path, rounds):
    with open(path, "rb") as f:
        lines = sum(1 for _ in f)
    peers = {"turncoat ingest": [os.path.join(ROOT, "build", "bench", "ingest-rate"), path],
             "turncoat replay": [os.path.join(ROOT, "build", "bin", "turncoat"), "replay", "--json", path],
             "python json": [sys.executable, "-c", PYTHON, path]}
    if shutil.which("jq"):
        peers["jq"] = ["jq", "-c", "select(.EventID == 1) | .EventID", path]
    seconds = {name: [] for name in peers}
    told = ""
    for i in range(rounds):  # in turn, so that a busy moment meets all of them
        for name in list(peers)[i % len(peers):] + list(peers)[:i % len(peers)]:
            took, out = cpu_seconds(peers[name])
            seconds[name].append(took)
            told = out.decode().strip() if name == "turncoat ingest" else told
    return {"file": os.path.basename(path), "bytes": os.path.getsize(path), "records": lines, "counted": told,
            "seconds": {name: statistics.median(values) for name, values in seconds.items()}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("files", nargs="*")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trn-ingest-") as folder:
        files = options.files or list(unpacked(folder))
        if not files:
            print("skipped: no ../shared/data/windows-events here; name files of JSON lines", file=sys.stderr)
            return 0
        results = [measure(path, options.rounds) for path in files]
    for r in results:
        print(f"{r['file']}: {r['bytes'] / 1e6:.0f} MB, {r['records']} records; {r['counted']}")
        for name, took in r["seconds"].items():
            print(f"  {name:16} {took:6.2f} s  {r['records'] / took:9.0f} records/s  {r['bytes'] / 1e6 / took:6.0f} MB/s")
    print(json.dumps(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
