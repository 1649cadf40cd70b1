#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""releases.py [--cache DIR] [--json] [--machine] [NAME...]: what does scan say of real releases that are not hostile?

Question: does anything that a vendor shipped come out above `note`? Fetches the releases of releases.txt (npm, apt-get), compares
their SHA-256, scans each and prints verdict, score, what was opened and every finding. --machine scans /usr/bin and /usr/lib
of this machine as well. NAME: only releases whose name contains it. Exit 1 when one is above note.
"""
import argparse
import json
import os
import subprocess
import sys
import time

import release_cache

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TURNCOAT = os.path.join(ROOT, "build", "bin", "turncoat")
ABOVE = ("suspicious", "malicious")


def listed(names):
    with open(os.path.join(ROOT, "bench", "releases.txt"), encoding="utf-8") as f:
        for line in f:
            words = line.split("#")[0].split()
            if words and (not names or any(n in words[1] for n in names)):
                yield words


def scan(paths):
    before = time.monotonic()
    run = subprocess.run([TURNCOAT, "scan", "--json", "--no-cache", *paths], stdout=subprocess.PIPE, check=False)
    if run.returncode not in (0, 1, 3):
        raise RuntimeError(f"turncoat scan ended with {run.returncode}")
    return json.loads(run.stdout), time.monotonic() - before


def findings_of(told):
    for a in told["artifacts"]:
        for f in a["findings"]:
            yield a, f


def one(words, cache):
    kind, name, version, want = words
    row = {"name": name, "version": version, "kind": kind}
    try:
        path, reason = release_cache.fetch_same(kind, name, version, want, cache)
    except release_cache.Changed as e:
        return row | {"skipped": str(e)}
    if not path:
        return row | {"skipped": reason}
    told, seconds = scan([path])
    return row | {"verdict": told["verdict"], "score": told["score"], "seconds": round(seconds, 2),
                  "artifacts": len(told["artifacts"]), "limits": told["limits"],
                  "signed": sorted({f"{a['signature']['digest']}/{a['signature']['chain']}" for a in told["artifacts"]
                                    if a.get("signature") and a["signature"]["state"] != "unsigned"}),
                  "findings": [{"check": f["check"], "score": f["score"], "member": a.get("member") or "", "summary": f["summary"]}
                               for a, f in findings_of(told)]}


def show(row):
    title = f"{row['name']} {row['version']}"
    if "skipped" in row:
        print(f"{title:48} skipped: {row['skipped']}")
        return
    print(f"{title:48} {row['verdict']:10} {row['score']:3} {row['artifacts']:6} contents {row['seconds']:7.2f} s  "
          f"{' '.join(row['signed'])}")
    counts = {}
    for f in row["findings"]:
        counts.setdefault((f["check"], f["score"]), []).append(f["member"])
    for (check, score), members in sorted(counts.items()):
        print(f"    {check} {score}: {len(members)} x, first {members[0]}")
    for gap in row["limits"][:5]:
        print(f"    not seen: {gap}")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--cache", default=os.path.join(ROOT, "build", "releases"))
    p.add_argument("--json", action="store_true")
    p.add_argument("--machine", action="store_true")
    p.add_argument("names", nargs="*")
    o = p.parse_args()
    rows = [one(words, o.cache) for words in listed(o.names)]
    if o.machine:
        for folder in ("/usr/bin", "/usr/lib"):
            told, seconds = scan([folder])
            rows.append({"name": folder, "version": "of this machine", "verdict": told["verdict"], "score": told["score"],
                         "seconds": round(seconds, 2), "artifacts": len(told["artifacts"]), "limits": told["limits"], "signed": [],
                         "findings": [{"check": f["check"], "score": f["score"], "member": a["path"], "summary": f["summary"]}
                                      for a, f in findings_of(told)]})
    if o.json:
        json.dump(rows, sys.stdout, indent=1)
        print()
    else:
        for row in rows:
            show(row)
    above = [r for r in rows if r.get("verdict") in ABOVE]
    print(f"{len(above)} of {sum('verdict' in r for r in rows)} above note", file=sys.stderr)
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
