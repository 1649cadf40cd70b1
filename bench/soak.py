#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev bench soak: does anything grow while the machine churns for an hour?

Owns: the samples, the table, the judgement of flatness. docs/benchmarks.md says how to read it.
Must not own: the churn (churn.py), how memory is counted (memory.py).
"""
import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
sys.path[:0] = [HERE, os.path.join(TOP, "tests", "emulation")]

import churn  # noqa: E402
import memory  # noqa: E402
import rehearsal  # noqa: E402
from private_root import NoPrivateRoot, PrivateRoot  # noqa: E402
from watchers import LOAD_UID, Turncoat, reap_what_watchers_leave  # noqa: E402

MB = 2**20
PLACE = "/srv/soak"
LIMITS = {"growth_mb": 1.0, "total_mb": 64.0, "descriptors": 8, "threads": 1}
SHOWN = 13  # rows of the table


def say(text):
    print(text, file=sys.stderr, flush=True)


# ---- one sample ---------------------------------------------------------------------------------------------------


def listed(folder):
    try:
        return len(os.listdir(folder))
    except OSError:
        return 0  # a worker that just ended


def folder_bytes(path):
    total = 0
    for place, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:
                continue
    return total


def sample(root, watcher, began):
    parts, total = memory.budget(watcher.pids())
    status = watcher.status()
    mine = [pid for pid in watcher.pids() if memory.name_of_or_none(pid) is not None]
    state = root.host_path(rehearsal.STATE)
    return {
        "minute": (time.monotonic() - began) / 60,
        "total": total,
        "parts": parts,
        "status": {row["part"]: row["bytes"] for row in status.get("memory", [])},
        "lost": {k: v for k, v in status.get("losses", {}).items() if v},
        "events": status.get("events", 0),
        "descriptors": sum(listed(f"/proc/{pid}/fd") for pid in mine),
        "threads": sum(listed(f"/proc/{pid}/task") for pid in mine),
        "store": status.get("store", {}).get("bytes", 0),
        "log": folder_bytes(state + "/log"),
        "state": folder_bytes(state),
        "cpu_seconds": watcher.cpu_ns() / 1e9,
    }


# ---- what the samples say -----------------------------------------------------------------------------------------


def slope(points):
    """The median of the slopes between all pairs (Theil-Sen): one odd sample moves nothing."""
    slopes = [(y2 - y1) / (x2 - x1) for i, (x1, y1) in enumerate(points) for x2, y2 in points[i + 1 :] if x2 > x1]
    return statistics.median(slopes) if slopes else 0.0


def grown(samples, get):
    """What the slope of the last two thirds comes to over their length."""
    rest = samples[len(samples) // 3 :]
    points = [(s["minute"], get(s)) for s in rest]
    return slope(points) * (rest[-1]["minute"] - rest[0]["minute"])


def judge(samples):
    """(what, measured, asked, held) of everything that must stay flat."""
    rows = []
    total = grown(samples, lambda s: s["total"] / MB)
    rows.append(("growth over the last two thirds, all of turncoat", f"{total:+.2f} MB", f"< {LIMITS['growth_mb']} MB",
                 total < LIMITS["growth_mb"]))  # fmt: skip
    most = max(s["total"] for s in samples) / MB
    rows.append(("the most at any time", f"{most:.1f} MB", f"< {LIMITS['total_mb']:.0f} MB", most < LIMITS["total_mb"]))
    for what in ("descriptors", "threads"):
        more = grown(samples, lambda s, what=what: s[what])
        rows.append((f"{what}, growth over the last two thirds", f"{more:+.1f}, at the end {samples[-1][what]}",
                     f"< {LIMITS[what]}", more < LIMITS[what]))  # fmt: skip
    lost = samples[-1]["lost"]
    rows.append(("lost", ", ".join(f"{k} {v}" for k, v in lost.items()) or "0", "0", not lost))
    return [{"what": w, "value": v, "asked": a, "ok": ok} for w, v, a, ok in rows]


def show(result):
    samples = result["samples"]
    names = [n for n in samples[-1]["parts"] if n.startswith("turncoat")]
    wanted = min(SHOWN, len(samples))
    picked = [samples[round(i * (len(samples) - 1) / max(1, wanted - 1))] for i in range(wanted)]
    print("| minute | all, MB | " + " | ".join(names) + " | rings, buffers, BPF | descriptors | threads | store, MB | log, MB | lost |")
    print("| --- " * (len(names) + 8) + "|")
    for s in picked:
        kernel = sum(b for n, b in s["parts"].items() if not n.startswith("turncoat"))
        each = " | ".join(f"{s['parts'].get(n, 0) / MB:.2f}" for n in names)
        print(f"| {s['minute']:.1f} | {s['total'] / MB:.2f} | {each} | {kernel / MB:.2f} | {s['descriptors']} | {s['threads']} "
              f"| {s['store'] / MB:.1f} | {s['log'] / MB:.1f} | {sum(s['lost'].values())} |")  # fmt: skip
    parts = sorted({p for s in samples for p in s["status"]})
    print("\n| a part of the budget (`turncoat status`), MB | at a third | at the end |\n| --- | --- | --- |")
    for part in parts:
        third, last = (samples[i]["status"].get(part, 0) / MB for i in (len(samples) // 3, -1))
        print(f"| {part} | {third:.2f} | {last:.2f} |")
    mark = {True: "yes", False: "NO"}
    print("\n|  | measured | asked | held |\n| --- | --- | --- | --- |")
    for r in result["rows"]:
        print(f"| {r['what']} | {r['value']} | {r['asked']} | {mark[r['ok']]} |")
    print("\nmade: " + ", ".join(f"{n} {what}" for what, n in result["made"].items()))
    print("told: " + ", ".join(f"{n} {what}" for what, n in result["types"].items()))


# ---- the run ------------------------------------------------------------------------------------------------------


def soak(root, args):
    root.copy_in(os.path.join(HERE, "churn.py"), PLACE)
    root.copy_in(os.path.join(args.build, "bench", "log-tool"), PLACE)
    root.mkdir(PLACE + "/work", user=True)
    os.chown(root.host_path(PLACE + "/work"), LOAD_UID, LOAD_UID)
    root.write(f"/home/{root.user}/{churn.SENSITIVE}", "made up for the soak\n", user=True, mode=0o600)
    root.run(["sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start"], scope=False)
    root.run(["sh", "-c", "echo 1024 65000 > /proc/sys/net/ipv4/ip_local_port_range"], scope=False)
    watcher, samples = Turncoat(root, PLACE + "/log-tool"), []
    with watcher:
        argv = ["/usr/bin/python3", "-B", PLACE + "/churn.py", PLACE + "/work", str(args.minutes * 60), str(args.rate)]
        load = root.popen(argv, user=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        began = time.monotonic()
        while load.poll() is None:
            time.sleep(max(0.0, began + args.every * len(samples) - time.monotonic()))
            samples.append(sample(root, watcher, began))
            if len(samples) % 30 == 1:
                s = samples[-1]
                say(f"minute {s['minute']:.1f} of {args.minutes:g}: {s['total'] / MB:.2f} MB, {s['events']} events, lost {s['lost'] or 0}")
        out, err = load.communicate()
        if load.returncode != 0:
            raise RuntimeError(f"the churn ended with {load.returncode}: {err[-400:]}")
        watcher.quiet(least=2)
        samples.append(sample(root, watcher, began))
    types = watcher.recorded()["types"]
    result = {"schema": "turncoat.bench.soak/1", "samples": samples, "limits": LIMITS, "types": types} | json.loads(out)
    result["rows"] = judge(samples)
    return result


def parse_arguments():
    parser = argparse.ArgumentParser(prog="dev bench soak", description="does anything grow under churn?")
    parser.add_argument("--build", default=os.path.join(TOP, "build"), help="the build folder")
    parser.add_argument("--out", help="the JSON result (default: BUILD/bench-soak.json)")
    parser.add_argument("--minutes", type=float, default=60, help="how long (default 60)")
    parser.add_argument("--every", type=float, default=10, help="seconds between samples (default 10)")
    parser.add_argument("--rate", type=float, default=1, help="times the usual number of acts (about 220 a second)")
    args = parser.parse_args()
    args.out = args.out or os.path.join(args.build, "bench-soak.json")
    return args


def interrupted(number, frame):
    raise KeyboardInterrupt


def main():
    args = parse_arguments()
    programs = os.path.join(args.build, "bin")
    if not os.path.exists(os.path.join(programs, "turncoatd")):
        print(f"no programs to measure: no turncoatd in '{programs}'\nhint: ./dev build", file=sys.stderr)
        return 3
    signal.signal(signal.SIGTERM, interrupted)
    reap_what_watchers_leave()
    try:
        with PrivateRoot(programs=programs, uid=LOAD_UID, size="8g") as root:
            result = soak(root, args)
    except NoPrivateRoot as e:
        print(f"cannot make a private root: {e}\nhint: run as root, on a kernel with cgroup v2 and namespaces", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("interrupted; everything is gone again", file=sys.stderr)
        return 130
    with open(args.out, "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
        f.write("\n")
    show(result)
    say(f"written to '{args.out}'")
    return 1 if any(r["ok"] is False for r in result["rows"]) else 0


if __name__ == "__main__":
    sys.exit(main())
