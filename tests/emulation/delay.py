# SPDX-License-Identifier: Apache-2.0
"""How long from the act to the story: the softphone's 1.1 turns in a private root while somebody watches.

Owns: for each stage of the story, the time between the kernel's stamp of its first act and the line at the local socket that
tells it for the first time. Must not own: what is enough (the test, bench/behaviour.py).
"""
import datetime
import json
import threading
import time

import rehearsal
from private_root import PrivateRoot

NAME = "acme-softphone"


def seconds_of(text):
    """ISO 8601 with nanoseconds, to seconds since 1970."""
    whole, _, rest = text.rstrip("Z").partition(".")
    return datetime.datetime.fromisoformat(whole + "+00:00").timestamp() + float("0." + (rest or "0"))


class Watcher:
    """'turncoat watch --json' beside the program; each line with the moment in which it came."""

    def __init__(self, root):
        self.view = root.popen(
            ["turncoat", "watch", "--json", "--state", rehearsal.STATE], scope=False, stdout=-1, text=True
        )
        self.lines = []
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.view.stdout:
            self.lines.append((time.time(), line))

    def stop(self):
        self.view.terminate()
        self.view.wait(timeout=10)
        self.thread.join(timeout=10)
        return [(at, json.loads(line)) for at, line in self.lines]


def delays(rows):
    """{stage: seconds} for the stories about the softphone."""
    found = {}
    for at, row in rows:
        if row.get("type") != "story" or row["software"].get("name") != NAME:
            continue
        for stage in row["stages"]:
            found.setdefault(stage["stage"], at - seconds_of(stage["time"]))
    return found


def measure(programs, seconds=5):
    """One run of the rehearsal's 1.1. NoPrivateRoot where the machine refuses."""
    with PrivateRoot(programs=programs) as root:
        rehearsal.prepare(root)
        turncoat = rehearsal.Turncoat(root)
        rehearsal.install(root, "1.1")
        turncoat.settle()
        watcher = Watcher(root)
        time.sleep(1)
        rehearsal.run_softphone(root, seconds)
        turncoat.settle()
        rows = watcher.stop()
        turncoat.stop()
    return delays(rows)
