#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev bench respond: does anything that is blocked get through, and what does asking cost an open?

Owns: the attempts, the rounds, the tables, what was asked. Must not own: how an attempt is made (tests/live/block_tries.c), how
an act is carried out (block-probe holds the same code as turncoatd; acts.py asks a whole turncoatd).

Everything runs in a private root: own mounts, own network, own cgroup. Nothing outlives the run.
"""
import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
sys.path[:0] = [HERE, os.path.join(TOP, "tests", "emulation")]

import acts  # noqa: E402
from private_root import NoPrivateRoot, PrivateRoot  # noqa: E402

ATTEMPTS = 10000
LIMITS = {"escapes": 0, "judged_us": 1.0, "first_us": 100.0}
BAD, LIBRARY, SCRIPT, SPARE, PROTECTED, FREE = "/srv/bad", "/srv/library.so", "/srv/script", "/root/spare", "/protected", "/free"
# (what is tried, the way, the file): the known file, its names, its copies where unknown contents are judged, memory files.
KNOWN = [(f"the file, by {way}", way, BAD) for way in ("exec", "execveat", "opath", "thread", "vfork", "open", "uring", "map", "loader")]
OTHERS = [("a library, by dlopen", "dlopen", LIBRARY), ("a library, mapped", "map", LIBRARY),
          ("a script, by exec", "exec", SCRIPT), ("a script, by its interpreter", "interpreter", SCRIPT)]
NAMES = [(f"{name}, by {way}", way, f"/srv/{name}") for name in ("symlink", "hardlink", "bound") for way in ("exec", "map")]
COPIES = [("a fresh copy, protected, by exec", "fresh", f"{PROTECTED}/x"), ("a copy renamed, protected, by exec", "renamed", f"{PROTECTED}/y")]
STAYING = [(f"a copy, protected, by {way}", way, f"{PROTECTED}/z") for way in ("exec", "execveat", "thread", "vfork", "uring", "map", "loader")]
MEMORY = [("a memory file, by execveat", "memfd", SPARE)]
DECLARED = [("a memory file, mapped (what compilers at run time do)", "memfd-map", SPARE), ("a copy where nothing is protected", "exec", SPARE)]


class Holder:
    """block-probe: the act "block" alone, told line by line."""

    def __init__(self, root, gate):
        options = ["--gate", root.scope] if gate else []
        self.proc = root.popen(["block-probe", *options], scope=False, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        ready = json.loads(self.proc.stdout.readline())
        self.gate, self.why = bool(ready["ready"]) and gate, ready.get("message", "")
        self.pid = ready["ready"]

    def ask(self, line):
        self.proc.stdin.write(line + "\n")
        answer = json.loads(self.proc.stdout.readline())
        if answer.get("result", "ok") != "ok":
            raise RuntimeError(f"{line}: {answer}")
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.proc.stdin.close()
        self.proc.wait(timeout=20)
        self.proc.stdout.close()


class Bench:
    def __init__(self, root, args):
        self.root, self.args = root, args
        self.cpu = str(sorted(os.sched_getaffinity(0))[-1])

    @staticmethod
    def say(text):
        print(text, file=sys.stderr, flush=True)

    def json_of(self, *argv, **rest):
        return json.loads(self.root.run(["taskset", "-c", self.cpu, *map(str, argv)], timeout=600, **rest).stdout)

    def holder(self):
        h = Holder(self.root, True)
        if not h.gate:
            self.say(f"no gate here: {h.why}")
            h.__exit__()
            h = Holder(self.root, False)
        return h

    # ---- escapes --------------------------------------------------------------------------------------------------

    def prepare(self):
        self.root.write(SCRIPT, "#!/bin/sh\nexit 0\n", mode=0o755)
        self.root.run(["sh", "-c", f"cp /lib/*/libcap.so.2 {LIBRARY} || cp /lib/*/libz.so.1 {LIBRARY}"])
        self.root.run(["sh", "-c", f"cp /usr/bin/true {BAD}; cp {BAD} {SPARE}; ln -s {BAD} /srv/symlink; ln {BAD} /srv/hardlink;"
                       f"touch /srv/bound; mount --bind {BAD} /srv/bound; cp {SPARE} {PROTECTED}/z"])  # fmt: skip

    def attempts(self, total):
        """Every way, the same number of times; without the rule first: each must be able to get through at all."""
        self.prepare()
        env = {"TRIES_SOURCE": SPARE}
        rows = []
        with self.holder() as holder:
            ways = KNOWN + NAMES + OTHERS + COPIES + STAYING + (MEMORY if holder.gate else [])
            each = -(-total // len(ways))
            able = {what: self.json_of("block-tries", way, file, 1, env=env)["ran"] for what, way, file in ways}
            holder.ask(f"protect {PROTECTED}")
            holder.ask(f"block 1 sha256 = {BAD}")
            holder.ask(f"block 2 software tools=1 {LIBRARY} {SCRIPT}")
            for what, way, file in ways:
                if not able[what]:
                    rows.append({"what": what, "attempts": 0, "why": "does not work here without a rule either"})
                    continue
                rows.append({"what": what, "attempts": each, **self.json_of("block-tries", way, file, each, env=env)})
            counts = holder.ask("counts")
            holes = [{"what": what, **self.json_of("block-tries", way, file, 10, env=env)} for what, way, file in DECLARED]
            holder.ask("undo 1")
            holder.ask("undo 2")
            after = {what: self.json_of("block-tries", way, file, 1, env=env)["ran"] for what, way, file in ways}
        return {"rows": rows, "holes": holes, "counts": counts, "gate": holder.gate, "ran_before": able, "ran_after": after}

    # ---- what an open costs ---------------------------------------------------------------------------------------

    def opens(self, rounds, count, files):
        """In each round all kinds, in turned order; differences to the plain open of the same round."""
        size, big = 4096, 1 << 20
        self.root.run(["sh", "-c", f"for f in {FREE} {PROTECTED} /srv/folder; do mkdir -p $f; echo data > $f/one; done; touch /srv/folder/named"])
        got = {kind: [] for kind in ("plain", "judged", "always", "plain first", "first", "plain first big", "first big")}
        data = bytes(big)
        began = time.perf_counter_ns()
        for _ in range(20):
            hashlib.sha256(data).digest()
        hash_us = (time.perf_counter_ns() - began) / 20 / 1000
        with self.holder() as holder:
            holder.ask(f"protect {PROTECTED}")
            holder.ask("block 2 path /srv/folder/named")
            holder.ask(f"block 1 sha256 {'ab' * 32} size:{big}")
            for number in range(rounds):
                for where in (FREE, PROTECTED):
                    self.root.run(["sh", "-c", f"rm -f {where}/f*"])
                    self.json_of("load-first", f"{where}/f", files, "make", size)
                    self.json_of("load-first", f"{where}/fbig", files // 20, "make", big)
                kinds = [
                    ("plain", lambda: self.json_of("load-open", f"{FREE}/one", count)["middle"]),
                    ("judged", lambda: self.json_of("load-open", f"{PROTECTED}/one", count)["middle"]),
                    ("always", lambda: self.json_of("load-open", "/srv/folder/one", max(count // 20, 500))["middle"]),
                    ("plain first", lambda: self.json_of("load-first", f"{FREE}/f", files)),
                    ("first", lambda: self.json_of("load-first", f"{PROTECTED}/f", files)),
                    ("plain first big", lambda: self.json_of("load-first", f"{FREE}/fbig", files // 20)),
                    ("first big", lambda: self.json_of("load-first", f"{PROTECTED}/fbig", files // 20)),
                ]  # fmt: skip
                turn = number % len(kinds)
                for kind, measure in kinds[turn:] + kinds[:turn]:
                    got[kind].append(measure())
                self.say(f"opens: round {number + 1} of {rounds}")
            counts = holder.ask("counts")
            took = []
            for i in range(50):
                answer = holder.ask(f"block {100 + i} sha256 = {FREE}/fbig{i % 10}")
                took.append(int(answer["said"].rpartition("took ")[2].split()[0]))
        return {"rounds": got, "counts": counts, "hash_us": hash_us, "files": files, "block_us": took}


# ---- tables --------------------------------------------------------------------------------------------------------


def quantile(values, q):
    values = sorted(values)
    return values[min(int(q * len(values)), len(values) - 1)]


def show_attempts(result):
    print("\n| attempt | attempts | refused (EPERM) | killed at the gate | ran |\n|---|---|---|---|---|")
    total = ran = 0
    for row in result["rows"]:
        if not row["attempts"]:
            print(f"| {row['what']} | - | | | {row['why']} |")
            continue
        total, ran = total + row["attempts"], ran + row["ran"] + row["other"]
        print(f"| {row['what']} | {row['attempts']} | {row['refused']} | {row['killed']} | {row['ran'] + row['other']} |")
    for row in result["holes"]:
        print(f"| declared as a hole: {row['what']} | 10 | {row['refused']} | {row['killed']} | {row['ran']} (not counted) |")
    counts = result["counts"]
    print(f"| **all** | **{total}** | | | **{ran}** (asked: {LIMITS['escapes']}) |")
    print(f"\nThe holder's own count: {counts['refused']} refused, {counts['killed']} of them killed, {counts['hashed']} contents hashed, "
          f"{counts['late']} decided by the deadline. Without the rule, before and after it, each of them runs: "
          f"{all(result['ran_before'].values()) and all(result['ran_after'].values())}.")  # fmt: skip
    return ran <= LIMITS["escapes"] and total > 0 and all(result["ran_after"].values())


def extra(got, kind, plain, pick=lambda x: x):
    return statistics.median(pick(a) - pick(b) for a, b in zip(got[kind], got[plain])) / 1000


def show_opens(result):
    got, counts = result["rounds"], result["counts"]
    median, p99 = (lambda x: x["median"]), (lambda x: x["p99"])
    judged, always = extra(got, "judged", "plain"), extra(got, "always", "plain")
    first, first99 = extra(got, "first", "plain first", median), extra(got, "first", "plain first", p99)
    big = extra(got, "first big", "plain first big", median)
    plain = statistics.median(got["plain"]) / 1000
    good = judged < LIMITS["judged_us"], first < LIMITS["first_us"], big - result["hash_us"] < LIMITS["first_us"]
    word = {True: "", False: " **not held**"}
    print(f"\nOne open + close costs {plain:.2f} us where nothing is protected (median of {len(got['plain'])} rounds).\n")
    print("| open + close | extra, median | asked | beside it in the same run |\n|---|---|---|---|")
    print(f"| of a judged file on a protected file system | {judged:+.2f} us | < {LIMITS['judged_us']:.0f} us{word[good[0]]} "
          f"| {always / max(judged, 0.01):.0f} times cheaper than to be asked each time |")  # fmt: skip
    print(f"| asked each time (the folder of a path rule) | {always:+.1f} us | | |")
    print(f"| the first of a file that no rule can mean (by its size) | {first:+.1f} us, p99 {first99:+.1f} us "
          f"| < {LIMITS['first_us']:.0f} us{word[good[1]]} | |")  # fmt: skip
    print(f"| the first of a file of 1 MiB that a rule could mean | {big:+.0f} us | < {LIMITS['first_us']:.0f} us and the hash{word[good[2]]} "
          f"| sha256 of 1 MiB by Python's hashlib: {result['hash_us']:.0f} us |")  # fmt: skip
    print(f"\nThe holder's own count: {counts['asked']} asked, {counts['cached']} not asked about again, {counts['hashed']} hashed, "
          f"{counts['refused']} refused, {counts['late']} decided by the deadline.")  # fmt: skip
    return all(good) and counts["late"] == 0 and counts["hashed"] > 0


def show_acts(rows):
    """trigger -> effect, by act: (act, median us, p99 us, how many, what was measured)."""
    print("\n| act | from the request to its effect: median | p99 | times | measured |\n|---|---|---|---|---|")
    for row in rows:
        if "why" in row:
            print(f"| {row['act']} | - | - | 0 | {row['why']} |")
            continue
        print(f"| {row['act']} | {row['median_ms']:.2f} ms | {row['p99_ms']:.2f} ms | {row['times']} | {row['how']} |")


# ---- the run -------------------------------------------------------------------------------------------------------


def act_rows(opens):
    us = opens["block_us"]
    return [{"act": "block (alone)", "median_ms": statistics.median(us) / 1000, "p99_ms": quantile(us, 0.99) / 1000, "times": len(us),
             "how": "the act alone: from the typed request until the kernel refuses the file"}]  # fmt: skip


def programs(build):
    folder = tempfile.mkdtemp(prefix="turncoat-bench-")
    mains = ("turncoat", "turncoatd", "turncoat-guard", "turncoat-engine", "turncoat-inspect")
    for name in (*(f"bin/{main}" for main in mains),"tests/live/block-probe", "tests/live/block-tries", "bench/load-open", "bench/load-first"):
        source = os.path.join(build, name)
        if not os.path.exists(source):
            print(f"cannot measure: no '{source}'\nhint: ./dev build", file=sys.stderr)
            sys.exit(3)
        shutil.copy(source, folder)
    return folder


def main():
    parser = argparse.ArgumentParser(prog="./dev bench respond", description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(TOP, "build"), help="the build folder")
    parser.add_argument("--attempts", type=int, default=ATTEMPTS, help="in all")
    parser.add_argument("--rounds", type=int, default=15, help="of the opens")
    parser.add_argument("--acts", type=int, default=20, help="each act of a whole turncoatd so many times, at most 60 a minute; 0: none")
    parser.add_argument("--quick", action="store_true", help="a small part of everything: does it run, not how fast")
    args = parser.parse_args()
    if args.quick:
        args.attempts, args.rounds, args.acts = 200, 2, min(args.acts, 2)
    folder = programs(args.build)
    result = {"schema": "turncoat.bench.respond/1", "limits": LIMITS}
    try:
        with PrivateRoot(programs=folder, size="2g") as root:
            for place in (PROTECTED, FREE):
                root.run(["sh", "-c", f"mkdir -p {place} && mount -t tmpfs bench {place}"])
            bench = Bench(root, args)
            result["attempts"] = bench.attempts(args.attempts)
            result["opens"] = bench.opens(args.rounds, 20000 if args.quick else 200000, 200 if args.quick else 2000)
            if args.acts:
                result["whole"] = acts.measure(root, args.acts, Bench.say)
    except NoPrivateRoot as e:
        print(f"cannot make a private root: {e}\nhint: run as root, on a kernel with cgroup v2 and namespaces", file=sys.stderr)
        return 3
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    good = show_attempts(result["attempts"])
    good = show_opens(result["opens"]) and good
    result["acts"] = act_rows(result["opens"]) + result.pop("whole", [])
    show_acts(result["acts"])
    out = os.path.join(args.build, "bench-respond.json")
    with open(out, "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
        f.write("\n")
    Bench.say(f"written to '{out}'")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
