# SPDX-License-Identifier: Apache-2.0
"""auditd as Debian has it, alone and with laurel as its plugin.

Owns: their configuration (in the private root), the three rules, and taking all of it back: rules that name one user number
nobody else has, whether audit is on, the backlog. Also when the bench fails.
Must not own: when they run. An auditd that runs on the machine already is not disturbed: then there is no such row.
"""
import re
import subprocess
import time

from watchers import LOAD_UID, PLACE, NotPossible, Watcher

FOLDER = "/srv/audit"
RULE = ["-F", "arch=b64", "-S", "execve", "-S", "openat", "-S", "connect", "-F", f"uid={LOAD_UID}"]
BACKLOG = "8192"
NUMBERS = {"connect": 42, "exec": 59, "open": 257}  # x86_64, as auditd writes them
CONF = f"""log_file = {FOLDER}/audit.log
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
plugin_dir = {FOLDER}/plugins.d
q_depth = 20000
overflow_action = IGNORE
"""
LAUREL_CONF = f"""directory = "{FOLDER}/laurel"
[auditlog]
file = "audit.log"
size = 4000000000
generations = 1
[enrich]
pid = true
container = true
script = true
"""
LAUREL_PLUGIN = f"""active = yes
direction = out
type = always
format = string
path = /usr/sbin/laurel
args = --config {FOLDER}/laurel.toml
"""


class Auditd(Watcher):
    name = "auditd"
    title = "auditd"
    needs = ("/usr/sbin/auditd", "/usr/sbin/auditctl")
    kernel_threads = ("kauditd",)
    log = FOLDER + "/audit.log"
    call = rb" syscall=(\d+) "
    path = rb'type=PATH .* item=0 name="([^"]*)"'
    more = ""

    daemon = before = None

    def _auditctl(self, *argv, check=True):
        return self.root.run(["auditctl", *argv], scope=False, check=check)

    def _status(self):
        return dict(re.findall(r"^(\w+) (\d+)$", self._auditctl("-s").stdout, re.M))

    def _configure(self):
        self.root.run(["rm", "-rf", FOLDER], scope=False)
        self.root.write(FOLDER + "/auditd.conf", CONF + self.more, mode=0o640)
        self.root.mkdir(FOLDER + "/plugins.d")

    def _start(self):
        before = self._status()
        if before.get("pid", "0") != "0":
            raise NotPossible("an auditd runs on this machine; the bench does not disturb it")
        self._configure()
        self.before = before
        self.daemon = self.root.popen(
            ["auditd", "-n", "-s", "nochange", "-c", FOLDER],
            scope=PLACE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(100):
            if self.daemon.poll() is not None:
                raise NotPossible(f"auditd ended at once with {self.daemon.returncode}")
            if self._status().get("pid") == str(self.daemon.pid):
                break
            time.sleep(0.05)
        else:
            raise NotPossible("the kernel did not accept auditd")
        self._auditctl("-b", BACKLOG)
        self._auditctl("-a", "always,exit", *RULE)
        self._auditctl("-e", "1")
        self.lost_before = int(self._status().get("lost", 0))

    def _stop(self):
        """Every step is tried: a rule left behind would slow that user number, an audit left on everybody."""
        if self.before is None:
            return
        self.lost = int(self._status().get("lost", 0)) - getattr(self, "lost_before", 0)
        self._auditctl("-d", "always,exit", *RULE, check=False)
        self._auditctl("-e", self.before["enabled"], check=False)
        self._auditctl("-b", self.before["backlog_limit"], check=False)
        self._end(self.daemon)
        left = [line for line in self._auditctl("-l").stdout.splitlines() if f"uid={LOAD_UID}" in line]
        if left or self._status().get("enabled") != self.before["enabled"]:
            raise RuntimeError(f"auditd's round left something behind: {left or 'audit is on'}")

    def counts(self, tokens):
        calls, paths, lines = {}, {}, 0
        with open(self.root.host_path(self.log), "rb") as f:
            for line in f:
                lines += 1
                if m := re.search(self.call, line):
                    calls[int(m[1])] = calls.get(int(m[1]), 0) + 1
                if m := re.search(self.path, line):
                    paths[m[1]] = paths.get(m[1], 0) + 1
        got = {name: calls.get(number, 0) for name, number in NUMBERS.items()}
        return got | {"events": sum(calls.values()), "of": {t: paths.get(t.encode(), 0) for t in tokens}}


class Laurel(Auditd):
    """auditd hands each record to laurel, which writes JSON; auditd itself writes nothing, as laurel's manual advises."""

    name = "laurel"
    title = "auditd+laurel"
    needs = (*Auditd.needs, "/usr/sbin/laurel")
    log = FOLDER + "/laurel/audit.log"
    call = rb'"SYSCALL":\{[^}]*"syscall":(\d+),'
    path = rb'"PATH":\[\{"item":0,"name":"([^"]*)"'
    more = "write_logs = no\n"

    def _configure(self):
        super()._configure()
        self.root.mkdir(FOLDER + "/laurel")
        self.root.write(FOLDER + "/laurel.toml", LAUREL_CONF, mode=0o640)
        self.root.write(FOLDER + "/plugins.d/laurel.conf", LAUREL_PLUGIN, mode=0o640)
