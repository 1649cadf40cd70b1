#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""golden.py EXPECTED PROGRAM [ARGUMENT...]: does PROGRAM still print what EXPECTED holds?"""
import difflib
import os
import subprocess
import sys


def main() -> int:
    expected_path, command = sys.argv[1], sys.argv[2:]
    env = dict(os.environ, NO_COLOR="1", LC_ALL="C.UTF-8", TZ="UTC", COLUMNS="100")
    run = subprocess.run(command, stdout=subprocess.PIPE, env=env, timeout=50, check=False)
    actual = run.stdout.decode("utf-8", "backslashreplace")
    if os.environ.get("GOLDEN_UPDATE"):
        with open(expected_path, "w", encoding="utf-8") as f:
            f.write(actual)
        return 0
    with open(expected_path, encoding="utf-8") as f:
        expected = f.read()
    if actual == expected:
        return 0
    sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), actual.splitlines(True), "expected", "now"))
    print(f"exit code {run.returncode}; GOLDEN_UPDATE=1 accepts the new text")
    return 1


if __name__ == "__main__":
    sys.exit(main())
