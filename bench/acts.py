# SPDX-License-Identifier: Apache-2.0
"""How long from the request to its effect, of each act that a whole turncoatd carries out?

Owns: what each act is tried on, and reading `took_ns` of its steps from `turncoat watch --json`. Must not own: the table
(respond.py). turncoatd measures by itself, from the moment a request came in (or the finding was made) to the step.
"""
import json
import os
import statistics
import subprocess
import tempfile
import time

import build_packages
import rehearsal

STATE = "/var/lib/turncoat"


class Daemon:
    """turncoatd in the private root, and a watcher that hears every step."""

    def __init__(self, root):
        self.root = root
        self.heard = os.path.join(root.host_path("/root"), "steps.jsonl")
        self.log = open(os.path.join(root.host_path("/root"), "turncoatd.log"), "w", encoding="utf-8")
        root.write("/etc/turncoat/bench.yaml", "rates:\n  acts-per-minute: 1000\n  kills-per-minute: 1000\n")
        command = ["turncoatd", "--scope-cgroup", root.scope, "--state", STATE, "--policy", "/etc/turncoat/bench.yaml"]
        self.proc = root.popen(command, scope=False, stdout=self.log, stderr=self.log)
        self.watch = None

    def __enter__(self):
        deadline = time.monotonic() + 30
        while self.root.run(["turncoat", "status"], scope=False, check=False).returncode != 0:
            if self.proc.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("turncoatd does not answer")
            time.sleep(0.1)
        with open(self.heard, "w", encoding="utf-8") as f:  # not a pipe: a watcher that is not read is left behind
            self.watch = self.root.popen(["turncoat", "watch", "--json"], scope=False, stdout=f)
        return self

    def __exit__(self, *exc):
        for proc in (self.watch, self.proc):
            if proc is not None:
                proc.terminate()
                proc.wait(timeout=30)
        self.log.close()

    def respond(self, *argv):
        """One request; what people may ask for in a minute is waited for."""
        for _ in range(30):
            done = self.root.run(["turncoat", "respond", *argv, "--json"], scope=False, check=False)
            if "actions a minute" not in done.stderr:
                break
            time.sleep(3)
        return json.loads(done.stdout) if done.stdout.strip() else {"state": "refused", "text": done.stderr.strip()}

    def steps(self):
        """Of all actions until now: (act, state) -> list of took_ns. Ends the watcher."""
        time.sleep(1)  # what was told last
        self.watch.terminate()
        self.watch.wait(timeout=30)
        got = {}
        with open(self.heard, encoding="utf-8") as f:
            lines = f.readlines()
        for line in lines:
            row = json.loads(line)
            if row.get("type") == "action":
                got.setdefault((row["act"], row["state"]), []).append(row["took_ns"])
        self.watch = None
        return got


def entity_of(daemon, pid):
    for _ in range(50):
        out = daemon.root.run(["turncoat", "hunt", f"pid={pid}", "--json"], scope=False, check=False).stdout
        found = [e["process"]["entity_id"] for e in json.loads(out or "[]") if "entity_id" in e.get("process", {})]
        if found:
            return found[0]
        time.sleep(0.1)
    return None


def try_block(daemon, number):
    path = f"/srv/act-{number}"
    daemon.root.run(["cp", "/usr/bin/true", path])
    return daemon.respond("block", path)


def try_quarantine(daemon, number):
    path = f"/srv/quarantine-{number}"
    daemon.root.run(["cp", "/usr/bin/true", path])
    return daemon.respond("quarantine", path)


def on_process(act):
    def run(daemon, number):
        proc = daemon.root.popen(["sleep", "600"])
        entity = entity_of(daemon, proc.pid)
        answer = daemon.respond(act, entity) if entity else {"state": "refused", "text": "the engine did not see the process"}
        if act == "hold" and "id" in answer:
            daemon.respond("undo", str(answer["id"]))
        proc.kill()
        proc.wait()
        return answer

    return run


def try_host(daemon, number):
    answer = daemon.respond("isolate", "host", "--why", "a benchmark, on loopback")
    if "id" in answer:
        daemon.respond("undo", str(answer["id"]))
    return answer


def on_software(act):
    """Isolate and shield: a process of it runs meanwhile."""

    def run(daemon, number):
        proc = daemon.root.popen(["/opt/acme-softphone/bin/acme-softphone", "60"], stdout=subprocess.DEVNULL)
        entity_of(daemon, proc.pid)  # until it was seen
        answer = daemon.respond(act, "acme-softphone", "--why", "a benchmark")
        if "id" in answer:
            daemon.respond("undo", str(answer["id"]))
        proc.kill()
        proc.wait()
        return answer

    return run


def on_package(act):
    """Remove and roll back, and back again."""

    def run(daemon, number):
        daemon.root.run(["apt-get", "-q", "-y", "install", "acme-softphone=1.1"])
        more = ["--to", "1.0"] if act == "rollback" else []
        answer = daemon.respond(act, "acme-softphone=1.1", *more, "--why", "a benchmark", "--wait", "60")
        if "id" in answer:
            daemon.respond("undo", str(answer["id"]), "--wait", "60")
        return answer

    return run


def prepare(root):
    """The rehearsal's two packages in a repository of the private root, 1.1 installed; its servers."""
    with tempfile.TemporaryDirectory(prefix="acme-packages.") as folder:
        build_packages.build(folder)
        rehearsal.local_repository(root, folder)
    servers = rehearsal.start_servers(root, seconds=600)
    rehearsal.fake_profiles(root)
    rehearsal.install(root, "1.1")
    return servers


SLOW = ("remove", "rollback")  # a second each: a tenth of the times
ACTS = {"isolate": on_software("isolate"), "shield": on_software("shield"), "block": try_block, "quarantine": try_quarantine, "hold": on_process("hold"), "kill": on_process("kill"),
        "isolate-host": try_host, "remove": on_package("remove"), "rollback": on_package("rollback")}  # fmt: skip


def measure(root, times, say):
    rows = []
    servers = prepare(root)
    with Daemon(root) as daemon:
        refused = {}
        for act, run in ACTS.items():
            for number in range(max(1, times // 10) if act in SLOW else times):
                answer = run(daemon, number)
                if answer.get("state") not in ("seen", "done"):
                    refused[act] = answer.get("text") or answer.get("error") or str(answer)
                    break
            say(f"acts: {act}" + (f": {refused[act]}" if act in refused else ""))
        steps = daemon.steps()
    servers.terminate()
    servers.wait()
    for act in ACTS:
        ns = steps.get((act, "done"), [])
        if not ns:
            rows.append({"act": act, "why": refused.get(act, "not told")})
            continue
        ns.sort()
        seen = sorted(steps.get((act, "seen"), [0]))
        rows.append({"act": act, "median_ms": statistics.median(ns) / 1e6, "p99_ms": ns[min(int(0.99 * len(ns)), len(ns) - 1)] / 1e6,
                     "times": len(ns), "how": f"by turncoatd's own steps; tried and seen to hold after {statistics.median(seen) / 1e6:.1f} ms"})  # fmt: skip
    return rows
