# SPDX-License-Identifier: Apache-2.0
"""What only turncoat is asked: no loss at rates, a flood of interesting events, memory.

Owns: these three parts. Must not own: what is asked of the numbers (table.py).
"""
import json
import subprocess
import time

import memory
from loads import PLACE, PROGRAM, WARM, make_token, result_of
from watchers import PLACE as WATCH
from watchers import Turncoat, Watcher

FLOOD_PROCESSES = 16  # each below the share of records that one process may make (20,000 a second)


class _Token:
    def __init__(self, kind):
        self.kind, self.token = kind, f"{PLACE}/{kind}-alone"


def since(before, after):
    return {name: after[name] - before.get(name, 0) for name in after}


# ---- opens and execs together, for half a minute ------------------------------------------------------------------


def rates(bench):
    args = bench.args
    bench.say(f"{args.open_rate} opens/s and {args.exec_rate} execs/s for {args.seconds} s")
    file = _Token("open")
    make_token(bench, file)
    watcher = Turncoat(bench.root, bench.log_tool)
    with watcher:
        before, cpu = watcher.losses(), watcher.cpu_ns()
        procs = [bench.start("open", file.token, args.open_rate, args.seconds), bench.start("exec", PROGRAM, args.exec_rate, args.seconds)]
        done = [result_of(p, name) for p, name in zip(procs, ("open", "exec"), strict=True)]
        watcher.quiet()
        cpu = watcher.cpu_ns() - cpu
        after = watcher.losses()
    recorded = watcher.recorded()
    return {
        "opens_per_second": done[0]["count"] / done[0]["wall_ns"] * 1e9,
        "execs_per_second": done[1]["count"] / done[1]["wall_ns"] * 1e9,
        "execs": done[1]["count"] + WARM,
        "execs_recorded": recorded["execs_of"].get(PROGRAM, 0),
        "events_recorded": recorded["events"],
        "lost": since(before, after),
        "cpu_seconds": cpu / 1e9,
    }


# ---- a flood of interesting events --------------------------------------------------------------------------------


class Probe(Watcher):
    """The sensor alone: kernel to decoded events in a process without rights, which counts them and forgets them."""

    name = "sensor"
    proc = None

    def _start(self):
        self.proc = self.root.popen(
            [f"{PLACE}/bin/sensor-probe", "--scope", self.root.scope, "--quiet", "--no-files"],
            scope=WATCH, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        for line in self.proc.stdout:
            if "ready" in line:
                break

    def _stop(self):
        if self.proc is None:
            return
        out = self.proc.communicate(timeout=30)[0]
        self.summary = json.loads(out.splitlines()[-1])["summary"]


def _flood_once(bench, watcher, rate, seconds):
    with watcher:
        before = watcher.losses() if isinstance(watcher, Turncoat) else {}
        cpu = watcher.cpu_ns()
        done = result_of(bench.start("send", rate, seconds, FLOOD_PROCESSES, cpu=",".join(bench.cpus)), "send")
        watcher.quiet(60)
        cpu = watcher.cpu_ns() - cpu
        if isinstance(watcher, Turncoat):
            lost = since(before, watcher.losses())
    row = {"asked": rate, "sent": done["count"], "rate": done["count"] / done["wall_ns"] * 1e9, "cpu_seconds": cpu / 1e9,
           "seconds": done["wall_ns"] / 1e9}  # fmt: skip
    if isinstance(watcher, Turncoat):
        row |= {"told": watcher.recorded()["types"].get("connect", 0), "lost": {k: v for k, v in lost.items() if v}}
    else:
        # By class and reason: what was left out on purpose (throttled) has a row of its own.
        rows = {f"{r['class']} ({r['reason']})": r["count"] for r in watcher.summary["rows"] if r["count"]}
        row |= {"told": watcher.summary["types"].get("connect", 0), "lost": rows}
    bench.say(f"flood, {watcher.name}: {row['rate']:.0f}/s sent, {row['told']} of {row['sent']} told, lost {row['lost']}")
    return row


def _held(row):
    return not row["lost"] and row["told"] >= row["sent"]


def flood(bench):
    """At the asked rate, and where that is too much at half of it, and so on: the highest rate held without a loss."""
    args, out = bench.args, {"processes": FLOOD_PROCESSES}
    for make in (Probe, Turncoat):
        rows, rate = [], args.flood_rate
        while rate >= args.flood_rate // 32:
            rows.append(_flood_once(bench, make(bench.root, bench.log_tool), rate, args.flood_seconds))
            if _held(rows[-1]) or args.quick:
                break
            rate //= 2
        out[make.name] = rows
    return out


# ---- memory -------------------------------------------------------------------------------------------------------


def live_memory(bench):
    """The budget before, and after each fifth of the short processes."""
    args, samples = bench.args, []
    watcher = Turncoat(bench.root, bench.log_tool)
    with watcher:
        for step in range(6):
            if step:
                bench.load("exec", PROGRAM, args.processes // 5)
                time.sleep(2)
            parts, total = memory.budget(watcher.pids())
            samples.append({"processes": args.processes // 5 * step, "total": total, "parts": parts})
            bench.say(f"after {samples[-1]['processes']} processes: {total / 2**20:.1f} MB")
        status = watcher.status()
    recorded = watcher.recorded()
    return {
        "samples": samples,
        "status_memory": status.get("memory"),
        "status_total": status.get("memory_total"),
        "execs": args.processes + 5 * WARM,
        "execs_recorded": recorded["execs_of"].get(PROGRAM, 0),
        "lost": {k: v for k, v in status.get("losses", {}).items() if v},
    }


def replay_memory(bench):
    log = f"{PLACE}/million.trnlog"
    made = json.loads(bench.root.run([bench.log_tool, "make", str(bench.args.events), log], scope=False, timeout=300).stdout)
    with open(bench.root.host_path(f"{PLACE}/replay.out"), "w", encoding="utf-8") as out:
        began = time.monotonic()
        proc = bench.root.popen(["turncoat", "replay", "--json", log], scope=False, stdout=out)
        samples = []
        while proc.poll() is None:
            try:
                samples.append((time.monotonic() - began, memory.process_bytes(proc.pid)[0]))
            except OSError:
                pass
            time.sleep(0.05)
        seconds = time.monotonic() - began
    if proc.returncode not in (0, 1):
        raise RuntimeError(f"turncoat replay ended with {proc.returncode}")
    lines = bench.root.read(f"{PLACE}/replay.out").decode().splitlines()
    half = [b for t, b in samples if t < seconds / 2 and b]
    rest = [b for t, b in samples if t >= seconds / 2 and b]
    return {
        "events": made["events"],
        "planted": made["planted"],
        "seconds": seconds,
        "summary": json.loads(lines[-1]),
        "findings": sum(1 for line in lines if '"type":"finding"' in line.replace(" ", "")),
        "pss_first_half": max(half, default=0),
        "pss_second_half": max(rest, default=0),
    }


def memory_use(bench):
    return {"live": live_memory(bench), "replay": replay_memory(bench)}
