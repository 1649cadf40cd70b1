# SPDX-License-Identifier: Apache-2.0
"""Inside the virtual machine: what of the sensor works on this kernel. Prints one line a hook, an act and a test.

Owns: the order, and the lines that tests/vm/matrix reads. Must not own: what is expected; nothing here can fail.
"""
import ctypes
import glob
import json
import os
import subprocess
import sys
import time

import pytest

REPO = "/vm/repo"
STATE = "/var/lib/turncoat"
PROBE = REPO + "/build/tests/live/sensor-probe"
HOOKS_ON = "test_sensor_process.py::test_every_hook_is_on"  # the table of hooks says it
LONGEST = 160
FINIT_MODULE = {"x86_64": 313, "aarch64": 273}  # kmod is not needed for one module
NOT_HERE = (
    "test_sensor_compat.py",  # asks all the others once more
    "test_sensor_race.py",  # these two are of time; an emulated machine has another one
    "test_sensor_repeats.py",
)


def tell(kind, name, state, detail=""):
    print(f"\nVM-{kind}\t{name}\t{state}\t{' '.join(str(detail).split())[:LONGEST]}", flush=True)


def hooks():
    os.makedirs("/sys/fs/cgroup/probe", exist_ok=True)
    began = time.monotonic()
    probe = subprocess.Popen([PROBE, "--scope", "/sys/fs/cgroup/probe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for hook in json.loads(probe.stdout.readline())["hooks"]:
        tell("HOOK", hook["name"], hook["state"], hook["reason"])
        if hook["name"] == "network.state" and hook["state"] == "degraded":
            os.environ["TRN_COMPAT"] = "1"  # the second object: the tests know what it leaves out
    tell("NOTE", "loaded after", f"{time.monotonic() - began:.1f} s")
    probe.stdin.close()
    probe.wait()


def self_test():
    """turncoatd on the whole machine."""
    daemon = subprocess.Popen(["turncoatd", "--state", STATE])
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and daemon.poll() is None:
        answer = subprocess.run(["turncoat", "status", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if answer.returncode == 0 and json.loads(answer.stdout).get("ready"):
            break
        time.sleep(0.2)
    answer = subprocess.run(["turncoat", "status", "--self-test", "--json"], stdout=subprocess.PIPE, timeout=180)
    for act in json.loads(answer.stdout or b'{"acts":[]}')["acts"]:
        tell("ACT", act["act"], act["result"], act.get("reason", ""))
    daemon.terminate()
    tell("NOTE", "turncoatd ended with", daemon.wait(timeout=60))


class Reporter:
    """One line a test."""

    @staticmethod
    def name(report):
        file, _, test = report.nodeid.partition("::")
        return f"{os.path.basename(file)}::{test}"

    def pytest_runtest_logreport(self, report):
        if report.skipped:
            tell("TEST", self.name(report), "skipped", report.longrepr[2].removeprefix("Skipped: "))
        elif report.failed:
            said = [line[1:].strip() for line in report.longreprtext.splitlines() if line.startswith("E ")]
            tell("TEST", self.name(report), "not seen" if report.when == "call" else "error", (said or ["?"])[0])
            print(report.longreprtext[-3000:], flush=True)
        elif report.when == "call":
            tell("TEST", self.name(report), "seen")


def tests():
    os.environ.update(TRN_PROGRAMS=REPO + "/build/bin", TRN_PATIENCE="6")
    os.chdir(REPO + "/tests/live")
    files = sorted(f for f in os.listdir(".") if f.startswith("test_sensor_") and f not in NOT_HERE)
    pytest.main(["-q", "-p", "no:cacheprovider", "--no-header", "--tb=short", "--color=no", "--durations=20", "--deselect", HOOKS_ON, *files], plugins=[Reporter()])


def main():
    tell("NOTE", "kernel", os.uname().release)
    for module in glob.glob(f"/vm/modules/{os.uname().release}/*"):
        with open(module, "rb") as f:
            ctypes.CDLL(None).syscall(FINIT_MODULE[os.uname().machine], f.fileno(), b"", 0)
    for part in (hooks, self_test, tests):
        began = time.monotonic()
        try:
            part()
        except Exception as wrong:  # each part by itself: the next is asked all the same
            tell("NOTE", f"{part.__name__} broke off", f"{type(wrong).__name__}: {wrong}")
        tell("NOTE", f"{part.__name__} took", f"{time.monotonic() - began:.0f} s")
    tell("NOTE", "end", "reached")


if __name__ == "__main__":
    sys.exit(main())
