#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""pairs.py [OPTION...] [NAME...]: what does diff say of real releases that followed each other?

Question: does any ordinary update come out as hostile? Fetches the pairs of pairs.txt (npm, apt-get; two at once), compares
their SHA-256, asks `turncoat diff OLD NEW --json` about each and prints the distribution of verdicts and scores, the ten
highest with their reasons, and the times, as Markdown. A release that can no longer be had is skipped with its reason (Debian's
mirrors drop old versions). NAME: only pairs whose name contains it. Exit 1 when one is malicious, more than 2 % are suspicious,
one could not be judged, a published release has changed, or nothing could be had.
"""
import argparse
import collections
import concurrent.futures
import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time

import pairs_table
import release_cache

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIST = os.path.join(ROOT, "bench", "pairs.txt")
TURNCOAT = os.path.join(ROOT, "build", "bin", "turncoat")
SCHEMA = "turncoat.diff/1"
AT_ONCE = 2
SUSPICIOUS_SHARE = 0.02

Release = collections.namedtuple("Release", "kind name version sha256")
Pair = collections.namedtuple("Pair", "old new marks")


class Unread(Exception):
    """The program did not answer as a diff does."""


# ---- the list -----------------------------------------------------------------------------------------------------


def parsed(line):
    """The pair of one line of the list: KIND NAME[,NAME-OF-NEW] OLD NEW SHA-256-OLD SHA-256-NEW MARK[,MARK...]."""
    kind, names, old, new, old_sum, new_sum, marks = line.split()
    first, _, second = names.partition(",")
    return Pair(Release(kind, first, old, old_sum), Release(kind, second or first, new, new_sum), marks.split(","))


def listed(path, names=(), mark=None):
    with open(path, encoding="utf-8") as f:
        lines = [line.split("#")[0].strip() for line in f]
    pairs = [parsed(line) for line in lines if line]
    return [p for p in pairs if (not names or any(n in p.new.name for n in names)) and (not mark or mark in p.marks)]


# ---- fetching -----------------------------------------------------------------------------------------------------


def fetched(pairs, cache, say):
    """{release: (path, reason)}, and the reasons for which a release is not what the list names."""
    releases = list(dict.fromkeys(r for p in pairs for r in (p.old, p.new)))
    changed, done, lock = [], 0, threading.Lock()

    def one(release):
        nonlocal done
        try:
            path, reason = release_cache.fetch_same(*release, cache)
        except release_cache.Changed as e:
            path, reason = None, str(e)
            changed.append(reason)
        with lock:
            done += 1
            told = f"{os.path.getsize(path) / 1e6:8.1f} MB" if path else f"skipped: {reason}"
            say(f"[{done}/{len(releases)}] {release.kind} {release.name} {release.version} {told}")
        return path, reason

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(releases, pool.map(one, releases))), changed


# ---- asking -------------------------------------------------------------------------------------------------------


def told_of(text):
    """Verdict, score and reasons of the JSON that diff prints. The one place that knows its fields."""
    try:
        told = json.loads(text)
        if told["schema"] != SCHEMA:
            raise Unread(f"its schema is {told['schema']!r}, not {SCHEMA!r}")
        if told["verdict"] not in pairs_table.VERDICTS:
            raise Unread(f"its verdict is {told['verdict']!r}")
        reasons = [{k: r[k] for k in ("check", "severity", "score", "summary")} for r in told["reasons"]]
        return {"verdict": told["verdict"], "score": int(told["score"]), "reasons": reasons}
    except (ValueError, KeyError, TypeError) as e:
        raise Unread(f"its JSON cannot be read: {type(e).__name__}: {e}") from e


def ran(command, deadline):
    """Output, errors, exit code, seconds and peak memory (the largest process among it and its children) of COMMAND."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        before = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        late = threading.Event()
        # By a descriptor of the process: its number could belong to somebody else by then.
        handle = os.pidfd_open(child.pid)

        def end():
            late.set()
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)

        clock = threading.Timer(deadline, end)
        clock.daemon = True
        clock.start()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        clock.cancel()
        clock.join()
        os.close(handle)
        seconds = time.monotonic() - before
        out.seek(0)
        err.seek(0)
        texts = out.read().decode("utf-8", "replace"), err.read().decode("utf-8", "replace")
    if late.is_set() and child.returncode < 0:
        raise Unread(f"it did not end in {deadline:g} s")
    return *texts, child.returncode, seconds, usage.ru_maxrss * 1024


def asked(program, old, new, deadline):
    """What `PROGRAM diff OLD NEW --json` says: verdict, score, reasons, seconds, memory; or why that is not known."""
    try:
        out, errors, code, seconds, memory = ran([*program, "diff", old, new, "--json"], deadline)
        if code not in (0, 1, 3):
            raise Unread(f"it ended with {code}: {(errors.strip().splitlines() or ['no word'])[0][:200]}")
        return told_of(out) | {"seconds": round(seconds, 3), "memory": memory}
    except (Unread, OSError) as e:
        return {"failed": str(e)}


def judged(pair, files, program, deadline):
    row = {"kind": pair.new.kind, "name": pair.new.name, "old": pair.old.version, "new": pair.new.version, "marks": pair.marks}
    paths = [files[r][0] for r in (pair.old, pair.new)]
    if None in paths:
        return row | {"skipped": "; ".join(dict.fromkeys(files[r][1] for r in (pair.old, pair.new) if not files[r][0]))}
    row["bytes"] = sum(os.path.getsize(p) for p in paths)
    return row | asked(program, *paths, deadline)


# ---- the answer ---------------------------------------------------------------------------------------------------


def held(rows, changed):
    """Why the run fails, one line each; nothing when it does not."""
    verdicts = collections.Counter(r["verdict"] for r in rows if "verdict" in r)
    failed = sum("failed" in r for r in rows)
    why = [] if verdicts or failed else ["no pair could be had"]
    why += [f"{verdicts['malicious']} malicious"] if verdicts["malicious"] else []
    if verdicts["suspicious"] > SUSPICIOUS_SHARE * verdicts.total():
        why.append(f"{verdicts['suspicious']} of {verdicts.total()} suspicious, more than {SUSPICIOUS_SHARE:.0%}")
    return why + ([f"{failed} could not be judged"] if failed else []) + changed


def say(text):
    print(text, file=sys.stderr, flush=True)


def told_line(row):
    title = f"{row['name']} {row['old']} -> {row['new']}"
    if "verdict" in row:
        return f"{title}: {row['verdict']} {row['score']}, {row['seconds']:.2f} s"
    return f"{title}: {'skipped: ' + row['skipped'] if 'skipped' in row else 'failed: ' + row['failed']}"


def options():
    p = argparse.ArgumentParser(description="What does diff say of real releases that followed each other?")
    p.add_argument("--list", default=LIST, help="the pairs (bench/pairs.txt)")
    p.add_argument("--cache", default=os.path.join(ROOT, "build", "releases"), help="where releases are kept")
    p.add_argument("--fetch-only", action="store_true", help="fetch and compare hashes, judge nothing")
    p.add_argument("--mark", help="only pairs with this mark: " + ", ".join(pairs_table.MARKS))
    p.add_argument("--program", default=shlex.quote(TURNCOAT), help="command to ask instead of turncoat")
    p.add_argument("--deadline", type=float, default=600, help="seconds for one pair")
    p.add_argument("--json", action="store_true", help="every row instead of tables")
    p.add_argument("names", nargs="*", metavar="NAME")
    return p.parse_args()


def main():
    o = options()
    pairs = listed(o.list, o.names, o.mark)
    if not pairs:
        say("no pair of the list is meant")
        return 2
    files, changed = fetched(pairs, o.cache, say)
    had = sum(bool(path) for path, _ in files.values())
    say(f"{had} of {len(files)} releases are here, of {len(pairs)} pairs")
    if o.fetch_only:
        why = changed if had else ["no release could be had"]
    else:
        rows = []
        for i, pair in enumerate(pairs, 1):
            rows.append(judged(pair, files, shlex.split(o.program), o.deadline))
            say(f"[{i}/{len(pairs)}] {told_line(rows[-1])}")
        print(json.dumps(rows, indent=1) if o.json else pairs_table.markdown(rows))
        why = held(rows, changed)
    for line in why:
        say(f"fails: {line}")
    return 1 if why else 0


if __name__ == "__main__":
    sys.exit(main())
