#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""recorded.py PROGRAM FILE...: what a replay of each foreign log finds, without what depends on the machine's speed."""
import collections
import json
import os
import subprocess
import sys


def show(program: str, path: str) -> None:
    print(os.path.basename(path))
    run = subprocess.run([program, "replay", "--json", path], stdout=subprocess.PIPE, timeout=50, check=False)
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    checks = collections.Counter(r["check"] for r in rows if r["type"] == "finding")
    stories = [r for r in rows if r["type"] == "story"]
    print(f"  stories: {len(stories)}")
    for story in stories:
        software = story["software"]
        print(f"    {software['name']} {software['version'] or '(no version told)'}, origin {software['origin']}, "
              f"signer {software['signer'] or '(none)'}: {story['verdict']}")
    for check, n in sorted(checks.items()):
        print(f"  finding: {check} x {n}")
    print("  " + ", ".join(f"{key} {n}" for key, n in rows[-1]["foreign"].items()))


def main() -> int:
    for path in sys.argv[2:]:
        show(sys.argv[1], path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
