#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""injections.py [--cache DIR] [--json FILE] [KIND...]: is a hostile change named when it is put into a real update?

Takes the pairs of pairs.txt marked `host`, puts each change of injection_kinds.py that fits into the newer release, asks 'turncoat
diff OLD NEW' about it and about the untouched pair, and counts what is named: a check of the change, at a weight above 0, that the
untouched pair does not have as strongly. Prints the matrix as Markdown. Exit 1 below 95 %. Nothing of a release is run.
"""
import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import release_cache
from injection_kinds import KINDS
from pairs import listed

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TURNCOAT = os.path.join(ROOT, "build", "bin", "turncoat")
ASKED = 0.95


# ---- releases as files ----


def read_tree(folder):
    out = {}
    for d, _, names in os.walk(folder):
        for n in names:
            path = os.path.join(d, n)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as f:
                    out[os.path.relpath(path, folder)] = f.read()
    return out


class Release:
    """One that is taken apart: its files, and the way back to a package."""

    def __init__(self, path, folder):
        self.path, self.folder = path, folder
        if path.endswith(".deb"):
            self.root = os.path.join(folder, "root")
            subprocess.run(["dpkg-deb", "--raw-extract", path, self.root], check=True)
            self.files = read_tree(self.root)
        else:
            with tarfile.open(path) as t:
                self.files = {m.name: t.extractfile(m).read() for m in t if m.isfile()}

    def packed(self, change, out):
        (self._deb if self.path.endswith(".deb") else self._tgz)(change, out)
        return out

    def _deb(self, change, out):
        kept = {}
        for name, what in change.items():
            data, mode = what if isinstance(what, tuple) else (what, None)
            at = os.path.join(self.root, name)
            kept[at] = (self.files.get(name), os.stat(at).st_mode if os.path.exists(at) else None)
            os.makedirs(os.path.dirname(at), exist_ok=True)
            with open(at, "wb") as f:
                f.write(data)
            if mode is not None:
                os.chmod(at, mode)
        subprocess.run(["dpkg-deb", "--build", "--root-owner-group", "-Zgzip", "-z1", self.root, out], check=True,
                       stdout=subprocess.DEVNULL)
        for at, (data, mode) in kept.items():
            if data is None:
                os.unlink(at)
                continue
            with open(at, "wb") as f:
                f.write(data)
            os.chmod(at, mode)

    def _tgz(self, change, out):
        with tarfile.open(self.path) as source, tarfile.open(out, "w:gz", compresslevel=1) as to:
            left = dict(change)
            for m in source:
                data = source.extractfile(m).read() if m.isfile() else None
                if m.name in left:
                    data = left.pop(m.name)
                    m.size = len(data)
                to.addfile(m, io.BytesIO(data) if data is not None else None)
            for name, data in left.items():
                m = tarfile.TarInfo(name)
                m.size, m.mode = len(data), 0o644
                to.addfile(m, io.BytesIO(data))


# ---- asking ----


def ask(program, old, new):
    done = subprocess.run([program, "diff", "--json", old, new], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode not in (0, 1, 3):
        raise RuntimeError(f"diff ended with {done.returncode}: {done.stderr.strip()[:300]}")
    told = json.loads(done.stdout)
    strongest = {}
    for change in told["changes"]:
        for f in change["findings"]:
            key = f["check"], change["path"]
            strongest[key] = max(strongest.get(key, 0), f["score"])
    return told["verdict"], told["score"], strongest


def named(before, after, checks):
    return any(check in checks and score > before.get((check, path), 0) for (check, path), score in after.items())


def one_host(pair, options, kinds, work):
    paths = []
    for r in (pair.old, pair.new):
        path, reason = release_cache.fetch_same(r.kind, r.name, r.version, r.sha256, options.cache)
        if not path:
            return reason
        paths.append(path)
    release = Release(paths[1], work)
    rows = {}
    try:
        plain = release.packed({}, os.path.join(work, "plain" + os.path.splitext(paths[1])[1]))
        verdict, score, before = ask(options.program, paths[0], plain)
        rows[""] = (verdict, score)
        for kind in kinds:
            make, checks = KINDS[kind]
            change = make(release.files)
            if change is None:
                continue
            new = release.packed(change, os.path.join(work, kind + os.path.splitext(paths[1])[1]))
            verdict, score, after = ask(options.program, paths[0], new)
            rows[kind] = (verdict, score, named(before, after, checks))
            os.unlink(new)
    except (OSError, RuntimeError, subprocess.SubprocessError, ValueError, zipfile.BadZipFile) as e:
        return f"{type(e).__name__}: {e}"
    return rows


def table(results, kinds):
    print("| release | untouched | " + " | ".join(kinds) + " |")
    print("| --- | --- |" + " --- |" * len(kinds))
    for name, rows in results.items():
        if isinstance(rows, str):
            print(f"| {name} | not judged: {rows[:80]} |")
            continue
        cells = ["" if k not in rows else f"{rows[k][1]}" if rows[k][2] else f"**missed** ({rows[k][1]})" for k in kinds]
        print(f"| {name} | {rows[''][0]} {rows[''][1]} | " + " | ".join(cells) + " |")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("kinds", nargs="*", default=[])
    p.add_argument("--cache", default=os.path.join(ROOT, "build", "releases"))
    p.add_argument("--program", default=TURNCOAT)
    p.add_argument("--host", default="", help="only hosts whose name contains this")
    p.add_argument("--json", metavar="FILE")
    options = p.parse_args()
    kinds, results = options.kinds or list(KINDS), {}
    for pair in listed(os.path.join(ROOT, "bench", "pairs.txt"), mark="host"):
        if options.host not in pair.new.name:
            continue
        work = tempfile.mkdtemp(prefix="injections-")
        print(f"{pair.new.name} {pair.old.version} -> {pair.new.version}", file=sys.stderr, flush=True)
        results[f"{pair.new.name} {pair.new.version}"] = one_host(pair, options, kinds, work)
        shutil.rmtree(work)
    table(results, kinds)
    cells = [(h, k, c) for h, rows in results.items() if isinstance(rows, dict) for k, c in rows.items() if k]
    good = sum(c[2] for _, _, c in cells)
    print(f"\n{good} of {len(cells)} changes are named ({100 * good / max(len(cells), 1):.1f} %), in "
          f"{sum(isinstance(r, dict) for r in results.values())} releases; asked: at least {100 * ASKED:.0f} %.")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as f:
            json.dump(results, f, indent=1)
    return 0 if cells and good >= ASKED * len(cells) else 1


if __name__ == "__main__":
    sys.exit(main())
