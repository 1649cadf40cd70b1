# SPDX-License-Identifier: Apache-2.0
"""The engine's part of ./dev bench behaviour: what an event of a recorded day costs, what a full engine holds, what a flood does
to it, and how long a story takes.

Owns: running the tools, what was asked, the rows. Must not own: how events are made (day_make.c, stage.c).
"""
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "build/bench"
MB = 1e6
ASKED = {"us": 2.0, "bytes": 32 * MB, "story_s": 1.0}


def tool(name, *args):
    out = subprocess.run([TOOLS / name, *map(str, args)], capture_output=True, text=True, check=True).stdout
    return json.loads(out)


def replayed(log):
    """The whole of 'turncoat replay' over the log: microseconds of processor time an event, and its last line."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run([ROOT / "build/bin/turncoat", "replay", "--json", log], capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return seconds / rows[-1]["events"] * 1e6, [r for r in rows if r["type"] == "story"]


def cost(quick):
    """A recorded day of a workstation (day_make.c), read again and again."""
    with tempfile.TemporaryDirectory(prefix="trn-day-") as folder:
        log = os.path.join(folder, "day.trnl")
        made = tool("log-tool", "day", 600 if quick else 9 * 3600, log)
        mix = tool("log-tool", "count", log)["types"]
        found = tool("engine-cost", log, 3 if quick else 7, "types")
        us, told = replayed(log)
        return {"made": made, "mix": mix, "cost": found, "replay_us": us,
                "told": [(s["verdict"], s["score"], s["software"]["name"], s["software"]["version"]) for s in told]}


def print_cost(r):
    c = r["cost"]
    us = c["detect_and_story_ns"] / 1e3
    print(f"\nA recorded day: {c['events']:,} events; "
          + ", ".join(f"{kind} {n:,}" for kind, n in sorted(r["mix"].items(), key=lambda x: -x[1])[:12]))
    print(f"{c['findings']} findings, {len(r['told'])} stories, the worst: {c['worst']}\n")
    print("| processor time an event, one core | us | asked |\n|---|---|---|")
    print(f"| all detectors and stories (fastest, slowest of {c['rounds']} rounds) | {us:.2f} ({c['fastest'] / 1e3:.2f}, "
          f"{c['slowest'] / 1e3:.2f}) | 2.00{'' if us <= ASKED['us'] else ' **not held**'} |")
    print(f"| reading and decoding alone, the limit beside it | {c['decode_ns'] / 1e3:.2f} | |")
    print(f"| ratio of the two | {c['detect_and_story_ns'] / c['decode_ns']:.2f} | |")
    print(f"| the process table | {(c['decode_and_process_ns'] - c['decode_ns']) / 1e3:.2f} | |")
    print(f"| all of turncoat replay | {r['replay_us']:.2f} | |")
    print("\n| event | share | detectors, us | stories, us |\n|---|---|---|---|")
    for kind, t in sorted(c["types"].items(), key=lambda x: -x[1]["n"] * x[1]["detect_ns"]):
        print(f"| {kind} | {100 * t['n'] / c['events']:.1f} % | {max(t['detect_ns'], 0) / 1e3:.2f} "
              f"| {max(t['story_ns'], 0) / 1e3:.2f} |")
    print(f"\nA finding costs {c['finding_us']:.0f} us in the stories (scored, worded, encoded, told), {c['findings']} times.")
    return us <= ASKED["us"]


#: stories, processes, places, and of how many processes one runs a program of its own
FULL = {
    "as asked, each process with a program of its own": (1024, 65536, 100352, 1),
    "as asked, every other process a fork of a worker": (1024, 65536, 100352, 2),
    "the limits of turncoatd": (256, 16384, 100352, 1),
}


def full():
    return {name: tool("engine-fill", *size) for name, size in FULL.items()}


def print_full(runs):
    print("\n| filled through events; bytes by each part's own account | processes | places called | stories | these three | profiles, "
          "files, readers ... | all | malloc |\n|---|---|---|---|---|---|---|---|")
    for name, r in runs.items():
        s = max(r["steps"], key=lambda s: s["all"])
        three = s["processes"] + r["beacon_bytes"] + s["stories"]
        print("| " + name + " | " + " | ".join(f"{n / MB:.1f} MB" for n in (
            s["processes"], r["beacon_bytes"], s["stories"], three, s["all"] - three, s["all"], s["heap"])) + " |")
    r = runs[next(iter(FULL))]
    s = max(r["steps"], key=lambda s: s["all"])
    held = s["processes"] + r["beacon_bytes"] + s["stories"] < ASKED["bytes"]
    fair = all(r["lowest_first"] and r["dropped"] >= r["gone"] for r in runs.values())
    print(f"\nAsked: the three under 32 MB{'' if held else ': **not held**'}. Of the stories that an overload dropped "
          f"({r['gone']}, counted: {r['dropped']}) none scored more than one that stayed: {'yes' if fair else '**no**'}.")
    return held and fair


def print_poison(r):
    steps = r["steps"]
    print(f"\nPoison: {r['events']:,} events, {r['us_an_event']:.2f} us each with the process table; "
          f"{steps[0]['all'] / MB:.1f} MB before, {steps[1]['all'] / MB:.1f} MB after a quarter, {steps[-1]['all'] / MB:.1f} MB "
          f"after all of it. {r['evicted_processes']:,} processes and {r['dropped_stories']} stories made room. Open stories: "
          f"{r['stories']}, the worst: {r['worst']}.")
    grew = steps[-1]["all"] > 1.1 * steps[1]["all"]
    return not grew and r["worst"] == "malicious"


def delay(quick):
    """Seconds from act to story by stage, for each run; or why not."""
    sys.path.insert(0, str(ROOT / "tests/emulation"))
    import delay as measured
    from private_root import NoPrivateRoot

    if os.geteuid() != 0:
        return "needs root"
    try:
        return [measured.measure(str(ROOT / "build/bin")) for _ in range(1 if quick else 3)]
    except NoPrivateRoot as e:
        return str(e)


def print_delay(runs):
    if isinstance(runs, str):
        print(f"\nFrom act to story: skipped, {runs}")
        return True
    print("\n| from the act to the story at the local socket, s | " + " | ".join(f"run {i + 1}" for i in range(len(runs)))
          + " | asked |\n|---|" + "---|" * (len(runs) + 1))
    for stage in runs[0]:
        print(f"| {stage} | " + " | ".join(f"{run.get(stage, float('nan')):.2f}" for run in runs)
              + f" | {'1.00' if stage == 'first-contact' else ''} |")
    return all(run.get("first-contact", 9) < ASKED["story_s"] for run in runs)


def run(quick, parts):
    """(results, all held)"""
    results, held = {}, True
    if "cost" in parts:
        results["cost"] = cost(quick)
        held = print_cost(results["cost"]) and held
    if "full" in parts:
        results["full"] = full()
        held = print_full(results["full"]) and held
    if "poison" in parts:
        results["poison"] = tool("engine-poison", 10**5 if quick else 10**6, 10**4 if quick else 10**5)
        held = print_poison(results["poison"]) and held
    if "delay" in parts:
        results["delay"] = delay(quick)
        held = print_delay(results["delay"]) and held
    return results, held
