# SPDX-License-Identifier: Apache-2.0
"""scenario.py: benign scenarios by number; how one is played, replayed and judged.

    @scenario(20, "time sync every 64 to 1024 s", REPLAYED)
    def time_sync(h, v, days):
        for _ in days: ...            # 16 ordinary days, or none at all
        ...                           # the act itself
        return {"chrony": ["talks to pool.ntp.org"]}     # what must stand in the profile afterwards

v is 0, 1 or 2: the seed, and a variation where there are several ways. What is returned proves that the detectors saw the
act and took it for that software's: words of its profile ("acts" alone: it has a profile).
"""
import collections
import json
import os
import subprocess
import tempfile

from play import Host

DAYS = 16
SEEDS = 3
PACKAGED = "Debian package"
STAND_IN = "stand-in"
Scenario = collections.namedtuple("Scenario", "number title kind play")
Result = collections.namedtuple("Result", "number learned seed events acts findings stories profiles missing seconds")
SCENARIOS, TWINS = {}, {}


def scenario(number, title, kind):
    """A twin has the number of its scenario plus 100, and must be told."""
    def add(play):
        table = TWINS if number > 100 else SCENARIOS
        assert number not in table
        table[number] = Scenario(number, title, kind, play)
        return play
    return add


def write(number, seed, learned, path):
    """Plays one scenario into a file of events. Gives (events, events of the act, what is expected)."""
    h = Host(seed=seed, name=f"host-{number}")
    mark = [len(h.lines)]

    def days():
        for i in range(DAYS if learned else 0):
            h.day(7)
            yield i
        if learned:
            h.day(8)
        mark[0] = len(h.lines)

    expected = {**SCENARIOS, **TWINS}[number].play(h, seed % SEEDS, days())
    text = h.text()
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return len(h.lines), len(h.lines) - mark[0], expected


def one_host(numbers, seed, path):
    """All acts on one host, one after the other: do notes add up to what none of them is?"""
    h = Host(seed=seed, name="one-host")
    for number in numbers:
        SCENARIOS[number].play(h, seed % SEEDS, iter(()))
        h.wait(h.rng.uniform(30, 900))
    with open(path, "w", encoding="utf-8") as f:
        f.write(h.text())
    return len(h.lines)


def run(tool, arguments):
    return list(_per_play(subprocess.run([tool], input="\n".join(arguments) + "\n", stdout=subprocess.PIPE, text=True,
                                         check=True, timeout=900).stdout))


def play_all(tool, numbers=None, seeds=range(SEEDS), modes=(False, True), keep=None):
    """Plays, replays all in one process and judges: a list of Result."""
    with tempfile.TemporaryDirectory(prefix="turncoat-plays-") as folder:
        folder = keep or folder
        runs, arguments = [], []
        for n in sorted(numbers or SCENARIOS):
            for learned in modes:
                for seed in seeds:
                    path = os.path.join(folder, f"{n:02d}-{'learned' if learned else 'cold'}-{seed}.jsonl")
                    runs.append((n, learned, seed, *write(n, seed, learned, path)))
                    arguments.append(path + "".join("\t" + name for name in runs[-1][5]))
        answers = run(tool, arguments)
    return [_judge(r, rows) for r, rows in zip(runs, answers)]


def _per_play(out):
    rows = []
    for line in out.splitlines():
        rows.append(json.loads(line))
        if rows[-1]["type"] == "end":
            yield rows
            rows = []


def _judge(run_, rows):
    number, learned, seed, events, acts, expected = run_
    profiles = {}
    for r in rows:
        if r["type"] == "profile":
            profiles.setdefault(r["profile"]["name"], []).append(r["profile"])
    missing = []
    for name, words in expected.items():
        told = {f["words"] for p in profiles.get(name, []) for f in p["features"]}
        missing += [f"{name}: {w}" for w in words if (w == "acts" and name not in profiles) or
                    (w != "acts" and w not in told)]
    stories = {r["id"]: r for r in rows if r["type"] == "story"}
    end = rows[-1]
    assert end["events"] == events, f"{end['events']} of {events} events were read"
    return Result(number, learned, seed, events, acts, [r for r in rows if r["type"] == "finding"],
                  list(stories.values()), profiles, missing, end["seconds"])


def highest(results):
    """(score, check, summary) of the worst finding."""
    worst = (0, "", "")
    for r in results:
        for f in r.findings:
            worst = max(worst, (f["score"], f["check"], f"{f['software']['name']}: {f['summary']}"))
    return worst
