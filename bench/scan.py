#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""scan.py [--sample BYTES | --full] [--rounds N] [--parts speed,checks,again,memory] [--rules DIR]: how fast is 'turncoat scan'?

Questions: is it no slower than the yara command on the same rules, files and threads while it also does all other checks, and
does it find the same? What do the checks cost without rules, a second scan, memory? The sample is the files of --root in the
order of the hash of their path, up to so many bytes: always the same for a tree. All runs are warm: the files are read once before.
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
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TURNCOAT = os.path.join(ROOT, "build", "bin", "turncoat")
VARIABLES = "filename filepath extension filetype filemode md5 id owner group unpack_parent unpack_source".split()
DEFINE = [word for name in VARIABLES for word in ("-d", name + "=")]
ASKED = {"ratio": 1.0, "cores": 1.7, "again": 20.0, "memory_mb": 200.0, "checks_mb_s": 400.0}
MB = 1e6


# ---- what is scanned, with what ------------------------------------------------------------------------------------


def all_files(top):
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path) and os.path.getsize(path) and "\n" not in path:
                yield path


def sample_of(top, size):
    """Files in the order of the hash of their path, up to size bytes. None: a single one larger than a quarter of it."""
    picked, total = [], 0
    for path in sorted(all_files(top), key=lambda p: hashlib.sha1(os.fsencode(p)).digest()):
        n = os.path.getsize(path)
        if n > size / 4:
            continue
        if total + n > size:
            break
        picked.append(path)
        total += n
    return picked, total


def rules_that_compile(source, folder):
    """Those that compile alone with nothing defined, copied; and all of them compiled together for the yara command."""
    named = []
    for name in sorted(os.listdir(source)):
        path = os.path.join(source, name)
        if not name.endswith((".yar", ".yara")):
            continue
        if subprocess.run(["yarac", "-w", path, "/dev/null"], capture_output=True, check=False).returncode == 0:
            shutil.copy(path, os.path.join(folder, name))
            named.append(f"{name}:{path}")
    compiled = folder + ".yac"
    subprocess.run(["yarac", "-w", *DEFINE, *named, compiled], check=True, capture_output=True)
    return len(named), compiled


# ---- runs ----------------------------------------------------------------------------------------------------------


def descendants(pid):
    """pid and all below it."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as f:
                    children.setdefault(int(f.read().rpartition(")")[2].split()[1]), []).append(int(entry))
            except (OSError, IndexError):
                pass  # it just ended
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def memory_of(pids):
    """Sum of PSS and of RSS of these processes, in bytes."""
    pss = rss = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                for line in f:
                    pss += int(line.split()[1]) * 1024 if line.startswith("Pss:") else 0
                    rss += int(line.split()[1]) * 1024 if line.startswith("Rss:") else 0
        except OSError:
            pass
    return pss, rss


class Peak(threading.Thread):
    """The most that a process and all below it held, looked at again and again."""

    def __init__(self, pid, every):
        super().__init__(daemon=True)
        self.pid, self.every, self.pss, self.rss, self.over = pid, every, 0, 0, False

    def run(self):
        while not self.over:
            pss, rss = memory_of(descendants(self.pid))
            self.pss, self.rss = max(self.pss, pss), max(self.rss, rss)
            time.sleep(self.every)


def run(command, watch=False, env=None):
    """Seconds on the wall, processor seconds of it and its children, its output, and the peak of its memory."""
    with tempfile.TemporaryFile() as out:
        started = time.monotonic()
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, env=env)
        peak = Peak(child.pid, 0.1)
        if watch:
            peak.start()
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        peak.over = True
        out.seek(0)
        text = out.read().decode("utf-8", "surrogateescape")
    if child.returncode not in (0, 1, 3):
        raise RuntimeError(f"{command[0]} ended with {child.returncode}")
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "out": text, "pss": peak.pss, "rss": peak.rss}


def yara_matches(text):
    return {tuple(line.split(" ", 1)) for line in text.splitlines() if " " in line}


def our_matches(text):
    """(rule, path) of the files themselves, how many artifacts in all, how many matches in members."""
    told = json.loads(text)
    top, inside = set(), 0
    for a in told["artifacts"]:
        rules = [f["evidence"]["rule"] for f in a["findings"] if f["check"].startswith("yara.")]
        if a["member"] is None:
            top |= {(rule, a["path"]) for rule in rules}
        else:
            inside += len(rules)
    return top, len(told["artifacts"]), inside


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder, self.rows, self.result = options, folder, [], {}
        rules = os.path.join(folder, "rules")
        os.mkdir(rules)
        self.rules = rules
        self.n_rules, self.compiled = rules_that_compile(options.rules, rules)
        if options.full:
            self.files, self.size = None, sum(os.path.getsize(p) for p in all_files(options.root))
            self.paths = [options.root]
        else:
            self.files, self.size = sample_of(options.root, options.sample)
            self.paths = self.files
        self.list = os.path.join(folder, "list")
        with open(self.list, "w", encoding="utf-8", errors="surrogateescape") as f:
            f.write("\n".join(self.files or []) + "\n")
        self.env = dict(os.environ, XDG_CACHE_HOME=os.path.join(folder, "cache"))
        for path in self.files or all_files(options.root):  # warm
            with open(path, "rb") as f:
                while f.read(1 << 20):
                    pass

    def row(self, what, value, asked="", ok=None):
        self.rows.append((what, value, asked, ok))
        print(f"{what:58} {value:44} {asked:18} {'' if ok is None else 'held' if ok else 'NOT HELD'}", flush=True)

    def forget(self):
        """Remembered results go, compiled rules stay: yara is given compiled ones too."""
        cache = os.path.join(self.folder, "cache", "turncoat")
        for name in os.listdir(cache) if os.path.isdir(cache) else []:
            if not name.startswith("rules-"):
                os.unlink(os.path.join(cache, name))

    def ours(self, jobs, *more, rules=True, watch=False, paths=None, again=False):
        if not again:
            self.forget()
        given = ["--rules", self.rules] if rules else []
        return run([TURNCOAT, "scan", "--json", "--jobs", str(jobs), *given, *more, *(paths or self.paths)], watch, self.env)

    def yara(self, threads):
        what = ["-r", "-N", self.compiled, self.options.root] if self.options.full else ["--scan-list", self.compiled, self.list]
        return run(["yara", "-w", "-C", "-p", str(threads), *what], True)

    # ---- the parts

    def speed(self):
        names = {"yara -p1": lambda: self.yara(1), "turncoat --jobs 1": lambda: self.ours(1, watch=True),
                 "yara -p2": lambda: self.yara(2), "turncoat --jobs 2": lambda: self.ours(2, watch=True)}
        self.ours(1, paths=[self.list])  # compiles the rules into the cache, as yarac did before
        runs = {name: [] for name in names}
        for i in range(self.options.rounds):  # in turn, so that a busy moment meets all of them
            for name in list(names)[i % 4:] + list(names)[:i % 4]:
                runs[name].append(names[name]())
        theirs = yara_matches(runs["yara -p1"][0]["out"])
        mine, artifacts, inside = our_matches(runs["turncoat --jobs 1"][0]["out"])
        for name, each in runs.items():
            wall, cpu = (statistics.median(r[k] for r in each) for k in ("wall", "cpu"))
            self.result[name] = {"wall": wall, "cpu": cpu, "pss_mb": max(r["pss"] for r in each) / MB,
                                 "rss_mb": max(r["rss"] for r in each) / MB}
            self.row(name, f"{wall:.1f} s, {cpu:.1f} s processor, {self.size / MB / cpu:.0f} MB/s a core")
        for n in (1, 2):
            pairs = [(a["wall"] / b["wall"], a["cpu"] / b["cpu"])
                     for a, b in zip(runs[f"turncoat --jobs {n}"], runs[f"yara -p{n}"])]
            wall, cpu = (statistics.median(p[i] for p in pairs) for i in (0, 1))
            self.row(f"turncoat / yara, {n} at once", f"{wall:.2f} on the wall, {cpu:.2f} of processor",
                     f"<= {ASKED['ratio']} of processor", cpu <= ASKED["ratio"] if n == 1 else None)
        cores, others = (statistics.median(a["wall"] / b["wall"] for a, b in zip(runs[one], runs[two]))
                         for one, two in (("turncoat --jobs 1", "turncoat --jobs 2"), ("yara -p1", "yara -p2")))
        self.row("both cores against one", f"{cores:.2f} times as fast (yara {others:.2f})", f">= {ASKED['cores']}",
                 cores >= ASKED["cores"])
        self.row("matches: yara, turncoat in the same files, in members",
                 f"{len(theirs)}, {len(mine)}, {inside}", "the same", theirs == mine)
        self.row("artifacts looked at", f"{artifacts}")
        peak = self.result["turncoat --jobs 2"]["pss_mb"]
        self.row("memory of all our processes, 2 workers (peak PSS)", f"{peak:.0f} MB",
                 f"< {ASKED['memory_mb']:.0f} MB", peak < ASKED["memory_mb"])
        self.result["matches"] = {"yara": sorted(theirs), "turncoat": sorted(mine), "members": inside}

    def checks(self):
        rounds = [(self.ours(1, rules=False), run(["xargs", "-d", "\\n", "-a", self.list, "sha256sum"])
                   if self.files else None) for _ in range(self.options.rounds)]
        cpu = statistics.median(r[0]["cpu"] for r in rounds)
        speed = self.size / MB / cpu
        self.result["checks"] = {"cpu": cpu, "mb_s": speed}
        self.row("checks alone, no rules", f"{cpu:.2f} s processor, {speed:.0f} MB/s a core",
                 f">= {ASKED['checks_mb_s']:.0f} MB/s", speed >= ASKED["checks_mb_s"])
        if self.files:
            sums = statistics.median(r[1]["cpu"] for r in rounds)
            self.row("sha256sum of the same files", f"{sums:.2f} s processor, {self.size / MB / sums:.0f} MB/s a core")

    def again(self):
        first, second = self.ours(2), [self.ours(2, again=True) for _ in range(self.options.rounds)]
        wall = statistics.median(r["wall"] for r in second)
        self.result["again"] = {"first": first["wall"], "second": wall}
        self.row("the unchanged tree again (first, second)", f"{first['wall']:.2f} s, {wall:.2f} s: {first['wall'] / wall:.0f} times",
                 f">= {ASKED['again']:.0f} times", first["wall"] / wall >= ASKED["again"])

    def memory(self):
        small = os.path.join(self.folder, "small")
        sparse = os.path.join(self.folder, "sparse")
        real = os.path.join(self.folder, "real")
        with open(small, "wb") as f:
            f.write(os.urandom(1 << 20))
        with open(sparse, "wb") as f:
            f.truncate(4 << 30)
        with open(real, "wb") as f:
            block = os.urandom(1 << 20)
            for _ in range(1024):
                f.write(block)
        for name, path in (("1 MB", small), ("4 GB sparse", sparse), ("1 GB of bytes", real)):
            r = self.ours(2, watch=True, paths=[path])
            self.result["memory " + name] = {"pss_mb": r["pss"] / MB, "rss_mb": r["rss"] / MB, "wall": r["wall"]}
            self.row(f"one file of {name}", f"{r['pss'] / MB:.0f} MB PSS, {r['rss'] / MB:.0f} MB RSS, {r['wall']:.1f} s",
                     f"< {ASKED['memory_mb']:.0f} MB", r["pss"] / MB < ASKED["memory_mb"])
            os.unlink(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--root", default="/usr/lib")
    parser.add_argument("--rules", default=os.path.join(ROOT, "..", "shared", "data", "yara"))
    parser.add_argument("--sample", type=int, default=400_000_000, metavar="BYTES")
    parser.add_argument("--full", action="store_true", help="the whole tree instead of a sample")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parts", default="speed,checks,again,memory")
    options = parser.parse_args()
    if not shutil.which("yara") or not os.path.isdir(options.rules):
        print("skipped: needs the yara command and a folder of rules (--rules)", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory(prefix="trn-scan-", dir="/var/tmp") as folder:
        bench = Bench(options, folder)
        files = f"{len(bench.files)} files" if bench.files else "all files"
        print(f"{files} of {options.root}, {bench.size / MB:.0f} MB, warm; {bench.n_rules} rule files; {options.rounds} rounds")
        for part in options.parts.split(","):
            getattr(bench, part)()
    with open(os.path.join(ROOT, "build", "bench-scan.json"), "w", encoding="utf-8") as f:
        json.dump(bench.result, f, indent=1)
    return 1 if any(ok is False for _, _, _, ok in bench.rows) else 0


if __name__ == "__main__":
    sys.exit(main())
