#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev bench sensor: what does watching cost, against nobody and against auditd, in one run?

Owns: the order of rounds and the JSON result. docs/benchmarks.md says how to read it.
Must not own: loads (load_*.c), watchers (watchers.py), memory (memory.py), what the numbers mean (table.py).

Everything runs in a private root: own mounts, own cgroup, a user number of its own. Nothing of it outlives the run.
"""
import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
sys.path[:0] = [HERE, os.path.join(TOP, "tests", "emulation")]

import memory  # noqa: E402
import table  # noqa: E402
from private_root import NoPrivateRoot, PrivateRoot  # noqa: E402
from watchers import LOAD_UID, Auditd, Nobody, NotPossible, Turncoat  # noqa: E402

PLACE = "/srv/bench"
FILE = "/srv/bench/plain.txt"
PROGRAM = "/usr/bin/true"
WARM = 1  # load-exec starts the program once before its clock runs


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

    # ---- (a) and (b): extra cost ----------------------------------------------------------------------------------

    def round(self, watcher):
        args = self.args
        with watcher:
            opens = args.opens if watcher.name != "auditd" else args.opens // 10
            row = {"opens": opens, "execs": args.execs + WARM}
            for load, what, count in (("open", FILE, opens), ("exec", PROGRAM, args.execs)):
                done = self.load(load, what, count)
                row |= {f"{load}_{k}": done[k] for k in ("middle", "quiet", "cpu")}
            if watcher.name == "turncoat":
                time.sleep(1)
                row["losses"] = {k: v for k, v in watcher.losses().items() if v}
                row["lost"] = sum(row["losses"].values())
        if watcher.name == "turncoat":
            recorded = watcher.recorded()
            row["recorded"] = {"exec": recorded["execs_of"].get(PROGRAM, 0), "events": recorded["events"]}
        elif watcher.name == "auditd":
            row["recorded"] = watcher.recorded() | {"lost": watcher.lost}
        return row

    def compare(self):
        """Rounds of nobody and turncoat, every third one with auditd too; the order is turned each time."""
        rounds, refused = [], None
        makers = [Nobody, lambda root: Turncoat(root, self.log_tool), Auditd]
        for number in range(self.args.rounds):
            one = {}
            for make in makers[number % 3 :] + makers[: number % 3]:
                if make is Auditd and (refused or number % 3):
                    continue
                try:
                    watcher = make(self.root)
                    one[watcher.name] = self.round(watcher)
                except NotPossible as e:
                    refused = str(e)
            rounds.append(one)
            say(f"round {number + 1} of {self.args.rounds}: " + ", ".join(
                f"{name} open {r['open_middle'] / 1000:.2f} us exec {r['exec_middle'] / 1000:.0f} us" for name, r in one.items()))  # fmt: skip
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
            "execs": done[1]["count"] + WARM,
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
            "execs": args.processes + 5 * WARM,
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
    result, rows = {"schema": "turncoat.bench.sensor/1", "machine": machine(), "limits": table.LIMITS}, []
    with PrivateRoot(programs=args.programs, uid=LOAD_UID) as root:
        bench = Bench(root, args)
        if "cost" in args.parts:
            result["cost"] = bench.compare()
            rows += table.cost_rows(result["cost"])
        if "rates" in args.parts:
            say(f"{args.open_rate} opens/s and {args.exec_rate} execs/s for {args.seconds} s")
            result["rates"] = bench.rates()
            rows += table.rate_rows(result["rates"])
        if "memory" in args.parts:
            result["memory"] = {"live": bench.live_memory(), "replay": bench.replay_memory()}
            rows += table.memory_rows(result["memory"])
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
    args.rounds, args.opens, args.execs = 24, 300000, 1000
    args.open_rate, args.exec_rate, args.seconds = 100000, 1000, 30
    args.processes, args.events = 100000, 1000000
    if args.quick:
        args.rounds, args.opens, args.execs = 2, 50000, 200
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
    table.show(result["rows"])
    say(f"written to '{args.out}'")
    return 1 if any(r["ok"] is False for r in result["rows"]) else 0


if __name__ == "__main__":
    sys.exit(main())
