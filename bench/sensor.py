#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev bench sensor: what does watching cost, against nobody and against the peers from Debian, in one run?

Owns: the order of rounds and the JSON result. docs/benchmarks.md says how to read it.
Must not own: loads (loads.py, building.py, load_*.c), watchers (watchers.py, audit.py, tracers.py), the turncoat-only parts
(alone.py), what the numbers mean (table.py).

Everything runs in a private root: own mounts, own network, own cgroup, a user number of its own. Nothing outlives the run.
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

import alone  # noqa: E402
import loads  # noqa: E402
import peers  # noqa: E402
import source  # noqa: E402
import table  # noqa: E402
from audit import Auditd, Laurel  # noqa: E402
from private_root import NoPrivateRoot, PrivateRoot  # noqa: E402
from tracers import Bpftrace, Execsnoop, Opensnoop  # noqa: E402
from watchers import LOAD_UID, Nobody, NotPossible, Turncoat, reap_what_watchers_leave  # noqa: E402

PEERS = [Auditd, Laurel, Bpftrace, Execsnoop, Opensnoop]
PARTS = "cost,paced,compile,network,rates,flood,memory"


class Bench:
    """What every part needs: the private root, the tools in it, the processors."""

    def __init__(self, root, args):
        self.root, self.args = root, args
        self.log_tool = f"{loads.PLACE}/bin/log-tool"
        self.cpus = [str(cpu) for cpu in sorted(os.sched_getaffinity(0))]
        for tool in ("load-open", "load-exec", "load-send", "log-tool"):
            root.copy_in(os.path.join(args.build, "bench", tool), f"{loads.PLACE}/bin")
        probe = os.path.join(args.build, "tests", "live", "sensor-probe")
        if os.path.exists(probe):
            root.copy_in(probe, f"{loads.PLACE}/bin")

    @staticmethod
    def say(text):
        print(text, file=sys.stderr, flush=True)

    def start(self, load, *argv, cpu=None):
        """A load as the user of its own, in the sensed cgroup, on one processor."""
        command = ["taskset", "-c", cpu or self.cpus[-1], f"{loads.PLACE}/bin/load-{load}", *map(str, argv)]
        return self.root.popen(command, user=True, stdout=subprocess.PIPE, text=True)

    def load(self, load, *argv):
        return loads.result_of(self.start(load, *argv), load)

    # ---- loads beside the peers -----------------------------------------------------------------------------------

    def case(self, group, watcher):
        """One start of one watcher, with every load of the group under it."""
        with watcher:
            got = {load.name: loads.measure(self, load, watcher) for load in group.loads}
            memory = watcher.memory_bytes()
            if isinstance(watcher, Turncoat):
                losses = {k: v for k, v in watcher.losses().items() if v}
                watcher.lost = sum(losses.values())
        counts = watcher.counts([load.token for load in group.loads if load.token])
        if isinstance(watcher, Turncoat):
            counts["losses"] = losses
        return {"loads": got, "memory": memory, "lost": watcher.lost, "counts": counts}

    def compare(self, group, result):
        """Rounds of nobody and turncoat, some of the peers in each; the order is turned each time."""
        rounds, refused, ready = result["rounds"], result["refused"], []
        for load in group.loads:
            missing = [p for p in getattr(load, "needs", ()) if not os.path.exists(p)]
            try:
                if missing:
                    raise NotPossible(f"'{os.path.basename(missing[0])}' is not installed (./dev setup bench)")
                load.prepare(self)
                ready.append(load)
            except (NotPossible, source.NoSource) as e:
                refused[load.name] = str(e)
                self.say(f"{group.name}: no {load.title}: {e}")
        group.loads = ready
        keys = ("title", "what", "token", "throughput", "rate")
        result["loads"] |= {load.name: {key: getattr(load, key, None) for key in keys} for load in ready}
        for number in range(group.rounds if ready else 0):
            turns = range(number * group.peers, min((number + 1) * group.peers, group.slots))
            some = [PEERS[i % len(PEERS)] for i in turns]
            makers = [Nobody, Turncoat, *some]
            turn = number % len(makers)
            one = {}
            for make in makers[turn:] + makers[:turn]:
                if make.name in refused:
                    continue
                try:
                    one[make.name] = self.case(group, make(self.root, self.log_tool))
                except NotPossible as e:
                    refused[make.name] = str(e)
            rounds.append(one)
            self.say(f"{group.name} round {number + 1} of {group.rounds}: " + peers.brief(one))
# ---- the run ------------------------------------------------------------------------------------------------------


def machine():
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    commit = subprocess.run(["git", "-C", TOP, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    names = ["auditd", "laurel", "bpftrace", "libbpf-tools", "redis-server", "nginx-light", "wrk", "gcc"]
    shown = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *names], capture_output=True, text=True, check=False)
    return {
        "commit": commit.stdout.strip(),
        "kernel": platform.release(),
        "processor": model,
        "processors": os.cpu_count(),
        "packages": dict(line.split() for line in shown.stdout.splitlines() if len(line.split()) == 2),
        "load_before": os.getloadavg()[0],
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def run(args, result):
    """Part by part; what is done stands in the result when a later part fails or is interrupted."""
    with PrivateRoot(programs=args.programs, uid=LOAD_UID, size="6g") as root:
        bench = Bench(root, args)
        for group in loads.groups(args):
            if args.rounds:
                group.rounds, group.slots = args.rounds, args.rounds * group.peers
            if group.name in args.parts:
                began = time.monotonic()
                result["groups"][group.name] = {"title": group.title, "loads": {}, "rounds": [], "refused": {}}
                bench.compare(group, result["groups"][group.name])
                result["groups"][group.name]["seconds"] = time.monotonic() - began
        for name, part in (("rates", alone.rates), ("flood", alone.flood), ("memory", alone.memory_use)):
            if name in args.parts:
                result[name] = part(bench)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="dev bench sensor", description="what watching costs, against nobody and the peers")
    parser.add_argument("--build", default=os.path.join(TOP, "build"), help="the build folder")
    parser.add_argument("--out", help="the JSON result (default: BUILD/bench-sensor.json)")
    parser.add_argument("--parts", default=PARTS, help=f"which of: {PARTS}")
    parser.add_argument("--rounds", type=int, help="so many rounds of each part instead of its own number")
    parser.add_argument("--quick", action="store_true", help="a small part of everything: does it run, not how fast")
    args = parser.parse_args()
    args.parts = args.parts.split(",")
    if set(args.parts) - set(PARTS.split(",")):
        parser.error(f"no such part; there are {PARTS}")
    args.programs = os.path.join(args.build, "bin")
    args.out = args.out or os.path.join(args.build, "bench-sensor.json")
    args.open_rate, args.exec_rate, args.seconds = 100000, 1000, 30
    args.flood_rate, args.flood_seconds = 200000, 10
    args.processes, args.events = 100000, 1000000
    if args.quick:
        args.seconds, args.flood_seconds, args.processes, args.events = 3, 2, 5000, 100000
    if not os.path.exists(os.path.join(args.programs, "turncoatd")):
        print(f"no programs to measure: no turncoatd in '{args.programs}'\nhint: ./dev build", file=sys.stderr)
        sys.exit(3)
    return args


def interrupted(number, frame):
    raise KeyboardInterrupt


def main():
    args = parse_arguments()
    signal.signal(signal.SIGTERM, interrupted)
    reap_what_watchers_leave()
    result = {"schema": "turncoat.bench.sensor/2", "machine": machine(), "limits": table.LIMITS, "groups": {}}
    whole = False
    try:
        run(args, result)
        whole = True
    except NoPrivateRoot as e:
        print(f"cannot make a private root: {e}\nhint: run as root, on a kernel with cgroup v2 and namespaces", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("interrupted; everything is gone again, and what was measured before stands below", file=sys.stderr)
    result["groups"] = {name: group for name, group in result["groups"].items() if group["rounds"] or group["refused"]}
    result["whole"], result["rows"] = whole, table.rows(result)
    with open(args.out, "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
        f.write("\n")
    table.show(result)
    Bench.say(f"written to '{args.out}'")
    if not whole:
        return 130
    return 1 if any(r["ok"] is False for r in result["rows"]) else 0


if __name__ == "__main__":
    sys.exit(main())
