# SPDX-License-Identifier: Apache-2.0
"""Runs sensor-probe beside a private root's sensed cgroup and gives its events to a test.

Owns: the probe's life and the list of events. Must not own: what a test expects.
"""
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time

from private_root import PrivateRoot

BUILD = os.environ.get("TRN_PROGRAMS")
PATIENCE = float(os.environ.get("TRN_PATIENCE", "1"))  # more for a machine that is emulated
COMPAT = bool(os.environ.get("TRN_COMPAT"))  # asks the same of the programs for kernels before 5.17
# Who tells it, where one hook does.
HOOK_OF = {
    "file": "file.marks",
    "open": "file.marks",  # and file.sensitive, but without marks on a file system there is neither
    "lib_load": "mapping.perf",
    "mem_exec": "mapping.perf",
    "access": "access.memory",
}
HERE = os.path.dirname(os.path.abspath(__file__))
PROBE = os.path.join(
    os.path.join(BUILD, "..") if BUILD else os.path.join(HERE, "..", "..", "build"), "tests", "live", "sensor-probe"
)


def needs_own_numbers(root):
    """Skips the test where a kernel maps the file below an overlay, and tells that one's device and inode."""
    maps = root.run(["cat", "/proc/self/maps"]).stdout
    inode = next(line.split()[4] for line in maps.splitlines() if line.endswith("/cat"))
    if int(inode) != os.stat(root.host_path("/usr/bin/cat")).st_ino:
        import pytest

        pytest.skip("mappings of files on overlayfs have the numbers of the file below here")


class Sensor:
    """The probe, watching root.scope. Events are dicts as sensor_probe.c prints them."""

    def __init__(self, root, *options):
        self.events, self.summary, self.hooks = [], None, {}
        if COMPAT:
            options = ("--compat", *options)
        self._more = threading.Condition()
        self._proc = root.popen(
            ["sensor-probe", "--scope", root.scope, *options],
            scope=False,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.pid = self._proc.pid
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()
        if not self._ready.wait(20 * PATIENCE) or self._proc.poll() is not None:
            raise AssertionError(f"sensor-probe did not start: {self._proc.stderr.read()!r}")

    def _collect(self):
        for line in self._proc.stdout:
            event = json.loads(line)
            with self._more:
                if "hooks" in event:
                    self.hooks = {h["name"]: h for h in event["hooks"]}
                elif "ready" in event:
                    self._ready.set()
                elif "summary" in event:
                    self.summary = event["summary"]
                else:
                    self.events.append(event)
                self._more.notify_all()
        self._ready.set()

    def find(self, **wanted):
        """All events with these fields; a callable is asked, anything else compared."""

        def fits(event):
            for field, value in wanted.items():
                if callable(value):
                    if field not in event or not value(event[field]):
                        return False
                elif event.get(field) != value:
                    return False
            return True

        with self._more:
            return [e for e in self.events if fits(e)]

    def needs(self, hook):
        """Skips the test, with the reason, where this kernel does not give that; elsewhere every hook is on, or a test fails."""
        if self.hooks[hook]["state"] == "off":
            import pytest  # measurements use this file too, without it

            pytest.skip(f"{hook} is off: {self.hooks[hook]['reason']}")

    def wait(self, timeout=5, **wanted):
        """The first event with these fields, when it comes."""
        if wanted.get("type") in HOOK_OF:
            self.needs(HOOK_OF[wanted["type"]])
        deadline = time.monotonic() + timeout * PATIENCE
        while True:
            found = self.find(**wanted)
            if found:
                return found[0]
            with self._more:
                left = deadline - time.monotonic()
                if left <= 0:
                    near = [e for e in self.events if e["type"] == wanted.get("type")][-15:]
                    raise AssertionError(f"no event {wanted!r} among {len(self.events)}; the last of its type: {near!r}")
                self._more.wait(left)

    def stop(self):
        """Ends the probe and returns its summary."""
        if self._proc.poll() is None:
            self._proc.stdin.close()
            self._proc.wait(timeout=20)
            self._thread.join(timeout=20)
        return self.summary


class Watched:
    """A private root with the probe on its PATH, and a sensor watching it."""

    def __init__(self, *options, prepare=None):
        self._options, self._prepare = options, prepare

    def __enter__(self):
        self._programs = tempfile.mkdtemp(prefix="sensor-probe.")
        shutil.copy(PROBE, self._programs)
        self.root = PrivateRoot(programs=self._programs).start()
        try:
            if self._prepare:
                self._prepare(self.root)
            self.sensor = Sensor(self.root, *self._options)
        except BaseException:
            self.root.stop()
            raise
        return self.root, self.sensor

    def __exit__(self, *exc):
        try:
            self.sensor.stop()
        finally:
            self.root.stop()
            shutil.rmtree(self._programs)
