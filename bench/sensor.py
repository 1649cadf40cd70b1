#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev bench sensor: what does watching cost, against nobody and against auditd, in one run?

Owns: the order of rounds, the statistics, the table and the JSON result. docs/benchmarks.md says how to read it.
Must not own: loads (load_*.c), watchers (watchers.py), memory (memory.py).

Everything runs in a private root: own mounts, own cgroup, a user number of its own. Nothing of it outlives the run.
"""
import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
sys.path[:0] = [HERE, os.path.join(TOP, "tests", "emulation")]

import memory  # noqa: E402
from private_root import NoPrivateRoot, PrivateRoot  # noqa: E402
from watchers import LOAD_UID, Auditd, Nobody, NotPossible, Turncoat  # noqa: E402

PLACE = "/srv/bench"
FILE = "/srv/bench/plain.txt"
PROGRAM = "/usr/bin/true"
LIMITS = {"open_us": 0.5, "exec_percent": 5.0, "auditd_times": 10.0, "memory_mb": 64.0}


def say(text):
    print(text, file=sys.stderr, flush=True)


class Bench:
    def __init__(self, root, args):
        self.root, self.args = root, args
        self.log_tool = f"{PLACE}/bin/log-tool"
        self.cpu = max(os.sched_getaffinity(0))
        for tool in ("load-open", "load-exec", "log-tool"):
            root.copy_in(os.path.join(args.build, "bench", tool), f"{PLACE}/bin")
        root.write(FILE, "nobody looks at this\n")

    # ---- one load -------------------------------------------------------------------------------------------------

    def start(self, load, *argv):
        """A load as the user of its own, in the sensed cgroup, on one processor."""
        command = ["taskset", "-c", str(self.cpu), f"{PLACE}/bin/load-{load}", *map(str, argv)]
        return self.root.popen(command, user=True, stdout=subprocess.PIPE, text=True)

    def load(self, load, *argv):
        proc = self.start(load, *argv)
        out = proc.communicate(timeout=600)[0]
        if proc.returncode != 0:
            raise RuntimeError(f"load-{load} ended with {proc.returncode}")
        return json.loads(out)

    def burst(self, load, what, count):
        """The middle of several short bursts: one that was disturbed does not count."""
        return statistics.median(self.load(load, what, count)["ns_each"] for _ in range(self.args.bursts))

    # ---- (a) and (b): extra cost ----------------------------------------------------------------------------------

    def round(self, watcher):
        args = self.args
        with watcher:
            opens = args.opens if watcher.name != "auditd" else max(args.opens // 10, 1000)
            row = {"open_ns": self.burst("open", FILE, opens), "exec_ns": self.burst("exec", PROGRAM, args.execs)}
            row |= {"opens": opens * args.bursts, "execs": args.execs * args.bursts}
            if watcher.name == "turncoat":
                time.sleep(1)
                row["losses"] = {k: v for k, v in watcher.losses().items() if v}
        if watcher.name == "turncoat":
            recorded = watcher.recorded()
            row["recorded"] = {"exec": recorded["execs_of"].get(PROGRAM, 0), "events": recorded["events"]}
        elif watcher.name == "auditd":
            row["recorded"] = watcher.recorded() | {"lost": watcher.lost}
        return row

    def compare(self):
        """Rounds of nobody, turncoat, auditd, the order turned each time; extras are differences inside a round."""
        rounds, refused = [], None
        makers = [Nobody, lambda root: Turncoat(root, self.log_tool), Auditd]
        for number in range(self.args.rounds):
            one = {}
            for make in makers[number % 3 :] + makers[: number % 3]:
                if make is Auditd and refused:
                    continue
                try:
                    watcher = make(self.root)
                    one[watcher.name] = self.round(watcher)
                except NotPossible as e:
                    refused = str(e)
            rounds.append(one)
            say(f"round {number + 1} of {self.args.rounds}: " + ", ".join(
                f"{name} open {r['open_ns'] / 1000:.2f} us exec {r['exec_ns'] / 1000:.0f} us" for name, r in one.items()))  # fmt: skip
        return {"rounds": rounds, "auditd_refused": refused}

    # ---- (c) fixed rates ------------------------------------------------------------------------------------------

    def rates(self):
        args = self.args
        watcher = Turncoat(self.root, self.log_tool)
        with watcher:
            before, cpu = watcher.losses(), watcher.cpu_seconds()
            loads = [self.start("open", FILE, args.open_rate, args.seconds), self.start("exec", PROGRAM, args.exec_rate, args.seconds)]
            done = [json.loads(p.communicate(timeout=600)[0]) for p in loads]
            cpu = watcher.cpu_seconds() - cpu
            time.sleep(2)
            after = watcher.losses()
        recorded = watcher.recorded()
        return {
            "opens_per_second": done[0]["count"] / done[0]["wall_ns"] * 1e9,
            "execs_per_second": done[1]["count"] / done[1]["wall_ns"] * 1e9,
            "execs": done[1]["count"],
            "execs_recorded": recorded["execs_of"].get(PROGRAM, 0),
            "events_recorded": recorded["events"],
            "lost": {name: after[name] - before.get(name, 0) for name in after},
            "cpu_seconds": cpu,
        }

    # ---- (d) memory -----------------------------------------------------------------------------------------------

    def live_memory(self):
        """The budget before, and after each fifth of the short processes."""
        args, samples = self.args, []
        watcher = Turncoat(self.root, self.log_tool)
        with watcher:
            for step in range(6):
                if step:
                    self.load("exec", PROGRAM, args.processes // 5)
                    time.sleep(2)
                parts, total = memory.budget(memory.family(watcher.inner.daemon.pid))
                samples.append({"processes": args.processes // 5 * step, "total": total, "parts": parts})
                say(f"after {samples[-1]['processes']} processes: {total / 2**20:.1f} MB")
            status = watcher.status()
        recorded = watcher.recorded()
        return {
            "samples": samples,
            "status_memory": status.get("memory"),
            "status_total": status.get("memory_total"),
            "execs_recorded": recorded["execs_of"].get(PROGRAM, 0),
            "lost": {k: v for k, v in status.get("losses", {}).items() if v},
        }

    def replay_memory(self):
        log = f"{PLACE}/million.trnlog"
        made = json.loads(self.root.run([self.log_tool, "make", str(self.args.events), log], scope=False, timeout=300).stdout)
        with open(self.root.host_path(f"{PLACE}/replay.out"), "w", encoding="utf-8") as out:
            began = time.monotonic()
            proc = self.root.popen(["turncoat", "replay", "--json", log], scope=False, stdout=out)
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
        lines = self.root.read(f"{PLACE}/replay.out").decode().splitlines()
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


# ---- the table ----------------------------------------------------------------------------------------------------


def spread(values):
    """Median and quartiles."""
    values = sorted(values)
    if len(values) < 4:
        return statistics.median(values), values[0], values[-1]
    low, middle, high = statistics.quantiles(values, n=4)
    return middle, low, high


def extras(rounds, watcher, key):
    both = [r for r in rounds if watcher in r and "none" in r]
    return [r[watcher][key] - r["none"][key] for r in both], [r[watcher][key] / r["none"][key] - 1 for r in both]


def row(what, value, asked, ok, matches):
    return {"what": what, "value": value, "asked": asked, "ok": ok, "matches": matches}


def cost_rows(result):
    rounds = result["rounds"]
    ours, _ = extras(rounds, "turncoat", "open_ns")
    _, exec_ratio = extras(rounds, "turncoat", "exec_ns")
    base_open = statistics.median(r["none"]["open_ns"] for r in rounds)
    base_exec = statistics.median(r["none"]["exec_ns"] for r in rounds)
    o, p = spread(ours), spread(exec_ratio)
    seen = sum(r["turncoat"]["recorded"]["exec"] for r in rounds)
    did = sum(r["turncoat"]["execs"] for r in rounds)
    events = sum(r["turncoat"]["recorded"]["events"] for r in rounds)
    rows = [
        row("open+close, nobody watching", f"{base_open / 1000:.2f} us", "", None, ""),
        row("open+close, extra with turncoat", f"{o[0] / 1000:+.2f} us ({o[1] / 1000:+.2f} .. {o[2] / 1000:+.2f})",
            f"< {LIMITS['open_us']} us", o[0] / 1000 < LIMITS["open_us"], f"no open is an event; {events} other events recorded"),  # fmt: skip
        row("fork+exec+exit, nobody watching", f"{base_exec / 1000:.0f} us", "", None, ""),
        row("fork+exec+exit, extra with turncoat", f"{p[0] * 100:+.1f} % ({p[1] * 100:+.1f} .. {p[2] * 100:+.1f})",
            f"< {LIMITS['exec_percent']} %", p[0] * 100 < LIMITS["exec_percent"], f"{seen} of {did} execs recorded"),
    ]  # fmt: skip
    if result["auditd_refused"]:
        return rows + [row("auditd", "not measured: " + result["auditd_refused"], "", None, "")]
    theirs, _ = extras(rounds, "auditd", "open_ns")
    _, their_ratio = extras(rounds, "auditd", "exec_ns")
    a, b = spread(theirs), spread(their_ratio)
    seen = {k: sum(r["auditd"]["recorded"][k] for r in rounds) for k in ("open", "exec", "lost")}
    did = {k: sum(r["auditd"][k + "s"] for r in rounds) for k in ("open", "exec")}
    # Ours is near the noise: the factor counts it at its upper quartile, and never below 20 ns.
    floor = max(o[0], o[2], 20.0)
    matches = f"{seen['open']} of {did['open']} opens, {seen['exec']} of {did['exec']} execs recorded, {seen['lost']} lost"
    return rows + [
        row("open+close, extra with auditd", f"{a[0] / 1000:+.2f} us ({a[1] / 1000:+.2f} .. {a[2] / 1000:+.2f})", "", None, matches),
        row("auditd's extra against ours, opens", f"{a[0] / floor:.0f} times (ours at its upper quartile)",
            f">= {LIMITS['auditd_times']:.0f}", a[0] / floor >= LIMITS["auditd_times"], ""),
        row("fork+exec+exit, extra with auditd", f"{b[0] * 100:+.1f} % ({b[1] * 100:+.1f} .. {b[2] * 100:+.1f})", "", None, ""),
    ]  # fmt: skip


def rate_rows(r):
    lost = r["lost"]
    rest = ", ".join(f"{k} {v}" for k, v in lost.items() if k != "process") or "none reported"
    matches = f"{r['execs_recorded']} of {r['execs']} execs recorded, {r['events_recorded']} events"
    return [
        row("rates held", f"{r['opens_per_second']:.0f} opens/s, {r['execs_per_second']:.0f} execs/s", "", None, matches),
        row("lost, process class", str(lost.get("process", "not reported")), "0", lost.get("process") == 0 and r["execs_recorded"] >= r["execs"], ""),
        row("lost, other classes", rest, "printed", None, f"{r['cpu_seconds']:.1f} s of processor time, all our processes"),
    ]  # fmt: skip


def memory_rows(live, replay):
    rows = []
    if live:
        last = live["samples"][-1]
        parts = ", ".join(f"{k} {v / 2**20:.1f}" for k, v in last["parts"].items())
        total = last["total"] / 2**20
        grown = (last["total"] - live["samples"][3]["total"]) / 2**20
        matches = f"{live['execs_recorded']} execs recorded"
        rows += [
            row(f"memory after {last['processes']} processes", f"{total:.1f} MB ({parts})", f"< {LIMITS['memory_mb']:.0f} MB", total < LIMITS["memory_mb"], matches),
            row("growth over the last two fifths", f"{grown:+.2f} MB", "< 1 MB", grown < 1, ""),
        ]  # fmt: skip
    if replay:
        first, second = replay["pss_first_half"] / 2**20, replay["pss_second_half"] / 2**20
        rows += [
            row(f"replay of {replay['events']} events", f"{replay['events'] / replay['seconds']:.0f} events/s, {second:.1f} MB",
                f"< {LIMITS['memory_mb']:.0f} MB", second < LIMITS["memory_mb"], f"{replay['findings']} findings, {replay['planted']} planted"),
            row("growth, second half against first", f"{second - first:+.2f} MB", "< 1 MB", second - first < 1, ""),
        ]  # fmt: skip
    return rows


def print_table(rows):
    mark = {True: "yes", False: "NO", None: ""}
    cells = [("", "measured", "asked", "held", "matches")]
    cells += [(r["what"], r["value"], r["asked"], mark[r["ok"]], r["matches"]) for r in rows]
    for line in cells:
        print("| " + " | ".join(line) + " |")
        if line is cells[0]:
            print("|" + " --- |" * len(line))


# ---- the run ------------------------------------------------------------------------------------------------------


def machine():
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    commit = subprocess.run(["git", "-C", TOP, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "commit": commit.stdout.strip(),
        "kernel": platform.release(),
        "processor": model,
        "processors": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def run(args):
    result, rows = {"schema": "turncoat.bench.sensor/1", "machine": machine(), "limits": LIMITS}, []
    with PrivateRoot(programs=args.programs, uid=LOAD_UID) as root:
        bench = Bench(root, args)
        if "cost" in args.parts:
            result["cost"] = bench.compare()
            rows += cost_rows(result["cost"])
        if "rates" in args.parts:
            say(f"{args.open_rate} opens/s and {args.exec_rate} execs/s for {args.seconds} s")
            result["rates"] = bench.rates()
            rows += rate_rows(result["rates"])
        if "memory" in args.parts:
            result["memory"] = {"live": bench.live_memory(), "replay": bench.replay_memory()}
            rows += memory_rows(result["memory"]["live"], result["memory"]["replay"])
    result["rows"] = rows
    return result


def parse_arguments():
    parser = argparse.ArgumentParser(prog="dev bench sensor", description="what watching costs, against nobody and auditd")
    parser.add_argument("--build", default=os.path.join(TOP, "build"), help="the build folder")
    parser.add_argument("--out", help="the JSON result (default: BUILD/bench-sensor.json)")
    parser.add_argument("--parts", default="cost,rates,memory", help="which of: cost,rates,memory")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything: does it run, not how fast")
    args = parser.parse_args()
    args.parts = args.parts.split(",")
    args.programs = os.path.join(args.build, "bin")
    args.out = args.out or os.path.join(args.build, "bench-sensor.json")
    args.rounds, args.bursts, args.opens, args.execs = 9, 5, 200000, 500
    args.open_rate, args.exec_rate, args.seconds = 100000, 1000, 30
    args.processes, args.events = 100000, 1000000
    if args.quick:
        args.rounds, args.bursts, args.opens, args.execs = 2, 2, 20000, 100
        args.seconds, args.processes, args.events = 3, 5000, 100000
    if not os.path.exists(os.path.join(args.programs, "turncoatd")):
        print(f"no programs to measure: no turncoatd in '{args.programs}'\nhint: ./dev build", file=sys.stderr)
        sys.exit(3)
    return args


def interrupted(number, frame):
    raise KeyboardInterrupt


def main():
    args = parse_arguments()
    signal.signal(signal.SIGTERM, interrupted)
    try:
        result = run(args)
    except NoPrivateRoot as e:
        print(f"cannot make a private root: {e}\nhint: run as root, on a kernel with cgroup v2 and namespaces", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("interrupted; everything is gone again", file=sys.stderr)
        return 130
    with open(args.out, "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
        f.write("\n")
    print_table(result["rows"])
    say(f"written to '{args.out}'")
    return 1 if any(r["ok"] is False for r in result["rows"]) else 0


if __name__ == "__main__":
    sys.exit(main())
