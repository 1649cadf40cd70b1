# SPDX-License-Identifier: Apache-2.0
"""What watches while the load runs: nobody, turncoat, or auditd. Each is started and ended anew, so that rounds interleave.

Owns: starting, settling, ending and undoing each watcher; what it recorded (the matches beside the speed).
Must not own: the load, the statistics. auditd is Debian's, started here with a configuration of its own in the private
root; its rules name one user number that nobody else has, and are taken back also when the bench fails.
"""
import json
import os
import re
import subprocess
import time

import memory
import rehearsal

LOAD_UID = 60706 + os.getpid() % 478  # in no range of Debian or systemd; one of its own also when two benches run
AUDIT = "/srv/audit"
AUDIT_RULE = ["-F", "arch=b64", "-S", "openat", "-S", "execve", "-F", f"uid={LOAD_UID}"]
AUDITD_CONF = f"""log_file = {AUDIT}/audit.log
log_format = RAW
log_group = root
flush = INCREMENTAL_ASYNC
freq = 50
max_log_file = 4096
num_logs = 0
max_log_file_action = IGNORE
space_left = 75
space_left_action = IGNORE
admin_space_left = 50
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
name_format = NONE
plugin_dir = {AUDIT}/plugins.d
"""
OPENAT, EXECVE = 257, 59  # x86_64, as auditd writes them


class NotPossible(Exception):
    """This watcher cannot run here; the text says why and goes into the result."""


class Nobody:
    name = "none"

    def __init__(self, root):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def cpu_seconds(self):
        return 0.0


class Turncoat:
    """turncoatd with the load in its scope."""

    name = "turncoat"

    def __init__(self, root, log_tool=None):
        self.root, self.log_tool = root, log_tool
        self.inner = None

    def __enter__(self):
        self.root.run(["rm", "-rf", rehearsal.STATE], scope=False)
        self.inner = rehearsal.Turncoat(self.root)
        self.pids = memory.family(self.inner.daemon.pid)
        self._quiet()
        return self

    def __exit__(self, *exc):
        self.inner.daemon.terminate()
        try:
            self.inner.daemon.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.inner.daemon.kill()
            self.inner.daemon.wait()

    def _quiet(self, seconds=20):
        """Until what it does at its start (package lists, existing processes) is over."""
        deadline = time.monotonic() + seconds
        before = self.cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(0.5)
            now = self.cpu_seconds()
            if now - before <= 0.02:
                return
            before = now

    def cpu_seconds(self):
        return sum(memory.cpu_seconds(pid) for pid in self.pids)

    def status(self):
        return json.loads(self.inner.ask("status", "--json"))

    def losses(self):
        return {name: n for name, n in self.status().get("losses", {}).items()}

    def logs(self):
        return self.root.run(["find", rehearsal.STATE + "/log", "-type", "f"], scope=False).stdout.split()

    def recorded(self):
        """Events in the log by type; 'exec:PATH' and the like count by path. Call after the daemon ended."""
        out = self.root.run([self.log_tool, "count", *sorted(self.logs())], scope=False, timeout=120).stdout
        return json.loads(out)


class Auditd:
    name = "auditd"

    def __init__(self, root):
        self.root = root
        self.daemon, self.before = None, None

    def _auditctl(self, *argv, check=True):
        return self.root.run(["auditctl", *argv], scope=False, check=check)

    def _status(self):
        return dict(re.findall(r"^(\w+) (\d+)$", self._auditctl("-s").stdout, re.M))

    def __enter__(self):
        for program in ("/usr/sbin/auditd", "/usr/sbin/auditctl"):
            if not os.path.exists(program):
                raise NotPossible(f"'{program}' is not installed (apt-get install auditd)")
        self.before = self._status()
        if self.before.get("pid", "0") != "0":
            raise NotPossible("an auditd runs on this machine; the bench does not disturb it")
        self.root.write(AUDIT + "/auditd.conf", AUDITD_CONF, mode=0o640)
        self.root.mkdir(AUDIT + "/plugins.d")
        self.root.run(["rm", "-f", AUDIT + "/audit.log"], scope=False)
        self.daemon = self.root.popen(
            ["auditd", "-n", "-s", "nochange", "-c", AUDIT],
            scope=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _begin(self):
        for _ in range(100):
            if self.daemon.poll() is not None:
                raise NotPossible(f"auditd ended at once with {self.daemon.returncode}")
            if self._status().get("pid") == str(self.daemon.pid):
                break
            time.sleep(0.05)
        else:
            raise NotPossible("the kernel did not accept auditd")
        self._auditctl("-b", "8192")
        self._auditctl("-a", "always,exit", *AUDIT_RULE)
        self._auditctl("-e", "1")
        self.lost_before = int(self._status().get("lost", 0))

    def __exit__(self, *exc):
        """Every step is tried: a rule left behind would slow that user number, an audit left on everybody."""
        self.lost = int(self._status().get("lost", 0)) - getattr(self, "lost_before", 0)
        self._auditctl("-d", "always,exit", *AUDIT_RULE, check=False)
        self._auditctl("-e", self.before["enabled"], check=False)
        self._auditctl("-b", self.before["backlog_limit"], check=False)
        self.cpu = self.cpu_seconds()
        self.daemon.terminate()
        try:
            self.daemon.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()

    def cpu_seconds(self):
        return memory.cpu_seconds(self.daemon.pid)

    def recorded(self):
        """System calls in its log. Call after it ended."""
        counts = {"open": 0, "exec": 0}
        with open(self.root.host_path(AUDIT + "/audit.log"), "rb") as f:
            for line in f:
                if b" syscall=%d " % OPENAT in line:
                    counts["open"] += 1
                elif b" syscall=%d " % EXECVE in line:
                    counts["exec"] += 1
        return counts
