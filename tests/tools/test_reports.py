#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Can a failure hide? run-unit, count-tests and check-cleanup against programs, reports and sources that try."""
import json
import os
import subprocess
import sys
import tempfile

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RUN_UNIT = os.path.join(TESTS, "unit", "run-unit")
COUNT = os.path.join(os.path.dirname(TESTS), "tools", "count-tests")
CLEANUP = os.path.join(os.path.dirname(TESTS), "tools", "check-cleanup")
JUNIT = '<testsuites><testsuite><testcase name="a"/><testcase name="b">%s</testcase></testsuite></testsuites>'


def run_unit(script):
    with tempfile.NamedTemporaryFile("w", suffix=".sh", delete=False) as f:
        f.write("#!/bin/sh\n" + script)
    os.chmod(f.name, 0o755)
    try:
        return subprocess.run([RUN_UNIT, f.name], capture_output=True, check=False).returncode
    finally:
        os.unlink(f.name)


def count(*reports):
    """(exit code, last line) over reports given as (suffix, text)."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for i, (suffix, text) in enumerate(reports):
            paths.append(os.path.join(folder, f"{i}{suffix}"))
            if text is not None:
                with open(paths[-1], "w", encoding="utf-8") as f:
                    f.write(text)
        done = subprocess.run([COUNT, *paths], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.strip().splitlines()[-1]


def meson(result, stdout):
    return ".json", json.dumps({"name": "x", "result": result, "stdout": stdout}) + "\n"


def cleanup(body):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "a.c"), "w", encoding="utf-8") as f:
            f.write("int f(int x)\n{\n    TRN_AUTO(trn_buf_done) struct trn_buf b" + body + "\n}\n")
        return subprocess.run([CLEANUP, folder], capture_output=True, check=False).returncode


def main():
    tap = "1..3\nok - a\nok - b # SKIP needs root\nnot ok - c\n"
    cases = [
        (run_unit("echo 'ok - a'"), 0),
        (run_unit("echo 1..0"), 1),
        (run_unit("echo 'ok - a'; echo 'ERROR: LeakSanitizer: detected memory leaks' >&2"), 1),
        (run_unit("echo 'ok - a'; exit 3"), 3),
        (cleanup(";\n    if (x)\n        return 1;\n    trn_buf_init(&b, 9);\n    return 0;"), 1),
        (cleanup(";\n    trn_buf_init(&b, 9);\n    return 0;"), 0),
        (cleanup(" = {0};\n    return 0;"), 0),
        (count(meson("OK", "ok - a\nok - b\n")), (0, "2 passed, 0 failed")),
        (count(meson("FAIL", tap)), (1, "1 passed, 1 failed, 1 skipped")),
        (count(meson("ERROR", "ok - a\n")), (1, "1 passed, 1 failed")),
        (count(meson("OK", "no tap here\n")), (0, "1 passed, 0 failed")),
        (count(meson("TIMEOUT", "")), (1, "0 passed, 1 failed")),
        (count((".json", None)), (1, "0 passed, 1 failed")),
        (count((".json", "")), (1, "0 passed, 1 failed")),
        (count((".xml", JUNIT % "")), (0, "2 passed, 0 failed")),
        (count((".xml", JUNIT % '<error message="x"/>')), (1, "1 passed, 1 failed")),
        (count((".xml", JUNIT % '<skipped message="x"/>')), (0, "1 passed, 0 failed, 1 skipped")),
        (count((".xml", "<broken")), (1, "0 passed, 1 failed")),
        (count(meson("OK", "ok - a\n"), (".xml", JUNIT % "<failure/>")), (1, "2 passed, 1 failed")),
    ]
    wrong = [(i, got, want) for i, (got, want) in enumerate(cases) if got != want]
    for i, got, want in wrong:
        print(f"case {i}: got {got}, not {want}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
