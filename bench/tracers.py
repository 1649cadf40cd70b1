# SPDX-License-Identifier: Apache-2.0
"""bpftrace, and execsnoop and opensnoop of libbpf-tools: the peers that hang on system call tracepoints.

Owns: starting them for the load's user number only, their output file, and the check that no tracepoint program of theirs
is left when they ended. tracefs is mounted in the private root's own mount namespace and nowhere else.
Must not own: when they run.
"""
import json
import os
import re
import signal
import subprocess
import time

from watchers import LOAD_UID, PLACE, NotPossible, Watcher

FOLDER = "/srv/trace"
SCRIPT = "".join(
    f"tracepoint:syscalls:sys_enter_{call} /uid == {LOAD_UID}/ {{ printf({text}); }}\n"
    for call, text in (
        ("execve", r'"E %d %s\n", pid, str(args->filename)'),
        ("openat", r'"O %d %s\n", pid, str(args->filename)'),
        ("connect", r'"C %d %d\n", pid, args->fd'),
    )
)


def tracepoint_programs():
    """Numbers of the BPF programs on this machine that hang on tracepoints of the old kind."""
    shown = subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True, text=True, check=False).stdout
    try:
        return {p["id"] for p in json.loads(shown) if p.get("type") == "tracepoint"}
    except ValueError:
        return set()


class Tracer(Watcher):
    """One program that prints a line for each act."""

    argv = ()
    line = ("", "")  # what its lines are, and how one looks: group 1 the path

    proc = None

    def _start(self):
        if not os.path.isdir(self.root.host_path("/sys/kernel/tracing/events/syscalls")):
            raise NotPossible("this kernel has no tracepoints of system calls, or tracefs cannot be mounted")
        self.before = tracepoint_programs()
        self.root.mkdir(FOLDER)
        self.out, self.err = (self.root.host_path(f"{FOLDER}/{x}") for x in ("out", "err"))
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.proc = self.root.popen(self.argv, scope=PLACE, stdout=out, stderr=err)
        deadline = time.monotonic() + 20
        while not tracepoint_programs() - self.before:
            if self.proc.poll() is not None or time.monotonic() > deadline:
                with open(self.err, encoding="utf-8", errors="backslashreplace") as f:
                    words = " ".join(f.read().split())[-200:]
                raise NotPossible(f"{self.name} does not start here: {words}")
            time.sleep(0.1)

    def quiet(self, seconds=20, least=0.3):
        super().quiet(seconds, least)

    def _stop(self):
        if self.proc is None:
            return
        self._end(self.proc, signal.SIGINT)
        with open(self.out, "rb") as out, open(self.err, "rb") as err:
            self.lost = sum(int(n) for f in (out, err) for n in re.findall(rb"[Ll]ost (\d+) events", f.read()))
        for _ in range(50):
            left = tracepoint_programs() - self.before
            if not left:
                return
            time.sleep(0.1)
        raise RuntimeError(f"{self.name} left programs on tracepoints: {sorted(left)}")

    def kinds(self):
        """(what, pattern with the path as group 1) for each kind of line."""
        return [self.line]

    def counts(self, tokens):
        got = {"events": 0, "of": dict.fromkeys(tokens, 0)}
        kinds = [(what, re.compile(pattern)) for what, pattern in self.kinds()]
        with open(self.out, encoding="utf-8", errors="backslashreplace") as f:
            for line in f:
                for what, pattern in kinds:
                    if m := pattern.match(line):
                        got[what] = got.get(what, 0) + 1
                        got["events"] += 1
                        if m[1] in got["of"]:
                            got["of"][m[1]] += 1
        return got


class Bpftrace(Tracer):
    name = "bpftrace"
    title = "bpftrace"
    needs = ("/usr/bin/bpftrace",)
    argv = ("bpftrace", "-B", "full", "-e", SCRIPT)

    def kinds(self):
        return [("exec", r"E \d+ (\S*)"), ("open", r"O \d+ (\S*)"), ("connect", r"C \d+ (\S*)")]


class Execsnoop(Tracer):
    name = "execsnoop"
    title = "execsnoop"
    needs = ("/usr/sbin/execsnoop",)
    argv = ("execsnoop", "-u", str(LOAD_UID))
    line = ("exec", r".{16} +\d+ +\d+ +-?\d+ (\S+)")  # the first argument is the file asked for


class Opensnoop(Tracer):
    name = "opensnoop"
    title = "opensnoop"
    needs = ("/usr/sbin/opensnoop",)
    argv = ("opensnoop", "-u", str(LOAD_UID))
    line = ("open", r"\d+ +.{16} *-?\d+ +\d+ (\S+)")
