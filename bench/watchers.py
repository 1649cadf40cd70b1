# SPDX-License-Identifier: Apache-2.0
"""What watches while a load runs: nobody, turncoat, and (audit.py, tracers.py) the peers from Debian.

Owns: what all watchers share: a cgroup of their own, so that their processor time is the kernel's figure for all of them,
those that ended too; settling; turncoat itself. Each is started and ended anew, so that rounds interleave.
Must not own: the loads, the statistics. Nothing of a watcher outlives its round: a round that leaves something fails.
"""
import ctypes
import json
import os
import re
import signal
import subprocess
import time

import memory
import rehearsal

LOAD_UID = 60706 + os.getpid() % 478  # in no range of Debian or systemd; one of its own also when two benches run
PLACE = "watch"
PR_SET_CHILD_SUBREAPER = 36


class NotPossible(Exception):
    """This watcher cannot run here; the text says why and goes into the result."""


def reap_what_watchers_leave():
    """A plugin whose parent ended first becomes our child, so that we can wait for it."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def cgroup_cpu_ns(path):
    with open(path + "/cpu.stat", encoding="utf-8") as f:
        return int(re.search(r"^usage_usec (\d+)", f.read(), re.M)[1]) * 1000


class Watcher:
    """One watcher in one round. Counts, losses and memory are asked for after or before its end, as each says."""

    name = "none"
    title = "nobody"
    needs = ()
    kernel_threads = ()  # names of those that work for it alone

    def __init__(self, root, log_tool=None):
        self.root, self.log_tool = root, log_tool
        self.place = root.place(PLACE)
        self.lost = 0  # what it says itself, after its end

    def __enter__(self):
        for program in self.needs:
            if not os.path.exists(program):
                raise NotPossible(f"'{os.path.basename(program)}' is not installed (./dev setup bench)")
        try:
            self._start()
            self.quiet()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc):
        pids = self.pids()
        try:
            self._stop()
        finally:
            self._gone(pids)

    def _start(self):
        pass

    def _stop(self):
        pass

    def counts(self, tokens):
        """After its end: {"exec", "open", "connect", "events", "of": {token: acts that name it}}."""
        return {}

    # ---- its processes --------------------------------------------------------------------------------------------

    def pids(self):
        with open(self.place + "/cgroup.procs", encoding="utf-8") as f:
            return [int(pid) for pid in f.read().split()]

    def _gone(self, pids, seconds=20):
        """Until none of its processes is left; what does not end by itself is ended by its own number."""
        deadline = time.monotonic() + seconds
        while self.pids():
            for pid in pids:
                try:
                    if os.waitpid(pid, os.WNOHANG)[0] == 0 and time.monotonic() > deadline:
                        os.kill(pid, signal.SIGKILL)
                except (ChildProcessError, ProcessLookupError):
                    pass
            if time.monotonic() > deadline + 5:
                raise RuntimeError(f"{self.name} left processes behind: {self.pids()}")
            time.sleep(0.05)
        for pid in pids:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass

    def _end(self, proc, number=signal.SIGTERM):
        if proc is None:
            return
        if proc.poll() is None:
            proc.send_signal(number)
        try:
            proc.wait(timeout=20)
        except subprocess.TimeoutExpired:
            proc.kill()
            proc.wait()

    def cpu_ns(self):
        """Processor time of all its processes since the private root began, and of kernel threads that serve only it."""
        return cgroup_cpu_ns(self.place) + sum(int(memory.cpu_seconds(pid) * 1e9) for pid in self._threads())

    def _threads(self):
        if not self.kernel_threads:
            return []
        found = []
        for pid in memory.family(2):  # kthreadd
            try:
                with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
                    if f.read().strip() in self.kernel_threads:
                        found.append(pid)
            except OSError:
                continue
        self._threads = lambda: found
        return found

    def quiet(self, seconds=20, least=0.0):
        """Until it has caught up: its start is over, or its backlog is written."""
        time.sleep(least)
        deadline = time.monotonic() + seconds
        before, calm = self.cpu_ns(), 0
        while calm < 2 and time.monotonic() < deadline:
            time.sleep(0.2)
            now = self.cpu_ns()
            calm = calm + 1 if now - before <= 8e6 else 0
            before = now

    def memory_bytes(self):
        return memory.budget(self.pids())[1]


class Nobody(Watcher):
    def quiet(self, seconds=20, least=0.0):
        pass

    def cpu_ns(self):
        return 0

    def memory_bytes(self):
        return 0


class Turncoat(Watcher):
    """turncoatd with the load in its scope, and all it starts."""

    name = "turncoat"
    title = "turncoat"

    def _start(self):
        self.root.run(["rm", "-rf", rehearsal.STATE], scope=False)
        self.inner = None
        self.inner = rehearsal.Turncoat(self.root, place=PLACE)

    def _stop(self):
        if self.inner is not None:
            self._end(self.inner.daemon)

    def quiet(self, seconds=20, least=0.3):
        super().quiet(seconds, max(least, 0.3))

    def status(self):
        return json.loads(self.inner.ask("status", "--json"))

    def losses(self):
        return dict(self.status().get("losses", {}))

    def logs(self):
        return sorted(self.root.run(["find", rehearsal.STATE + "/log", "-type", "f"], scope=False).stdout.split())

    def recorded(self):
        """All that its log holds, by type, and execs by path and by the name they were asked for. After its end."""
        out = self.root.run([self.log_tool, "count", *self.logs()], scope=False, timeout=300).stdout
        return json.loads(out)

    def counts(self, tokens):
        got = self.recorded()
        types = got["types"]
        return {
            "exec": types.get("exec", 0),
            "open": types.get("open", 0),
            "connect": types.get("connect", 0),
            "events": got["events"],
            "types": types,
            "of": {token: got["invoked_of"].get(token, 0) for token in tokens},
        }
