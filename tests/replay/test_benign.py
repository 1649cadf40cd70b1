# SPDX-License-Identifier: Apache-2.0
"""Do honest acts stay quiet? 60 scenarios, three seeds each, from cold and after 16 days of learning.

    pytest-3 tests/replay/test_benign.py            RUN_PLAYS names the program when the build is not in build/
    python3 tests/replay/test_benign.py [NUMBER...] what they score, each finding of 25 and more
      --seeds=N more lives than three; --table writes docs/benign.md
"""
import collections
import os
import random
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import benign_automation  # noqa: E402,F401
import benign_builds  # noqa: E402,F401
import benign_desktop  # noqa: E402,F401
import benign_drift  # noqa: E402,F401
import benign_fetch  # noqa: E402,F401
import benign_network  # noqa: E402,F401
import benign_packages  # noqa: E402,F401
import benign_readers  # noqa: E402,F401
import scenario  # noqa: E402
import twins  # noqa: E402,F401

TOOL = os.environ.get("RUN_PLAYS", os.path.join(HERE, "../../build/tests/replay/run-plays"))
NOTE = 24  # the most that an honest act may score
TABLE = os.path.join(HERE, "../../docs/benign.md")


@pytest.fixture(scope="session")
def results():
    by_number = collections.defaultdict(list)
    for r in scenario.play_all(TOOL):
        by_number[r.number].append(r)
    return by_number


def test_there_are_sixty():
    assert sorted(scenario.SCENARIOS) == list(range(1, 61))


def told(results):
    return [f"{'learned' if r.learned else 'cold'} {r.seed}: {f['score']} {f['check']} {f['software']['name']}: {f['summary']}"
            for r in results for f in r.findings if f["score"] > NOTE]


@pytest.mark.parametrize("number", range(1, 61))
def test_no_alarm(results, number):
    """Nothing above a note, and no story that would be looked at."""
    assert not told(results[number])
    assert not [s["sentence"] for r in results[number] for s in r.stories if s["verdict"] in ("suspicious", "malicious")]


@pytest.mark.parametrize("number", range(1, 61))
def test_the_act_was_seen(results, number):
    """Silence proves nothing when nobody looked: the profile must hold what the scenario did."""
    assert all(r.acts >= 8 for r in results[number])
    assert not [f"{'learned' if r.learned else 'cold'} {r.seed}: {m}" for r in results[number] for m in r.missing]


def test_one_host_that_does_it_all(tmp_path):
    """In a chance order, on one day after the other: notes about the same software must not add up to a story."""
    numbers = sorted(scenario.SCENARIOS)
    random.Random(7).shuffle(numbers)
    path = str(tmp_path / "day.jsonl")
    events = scenario.one_host(numbers, 0, path)
    rows = scenario.run(TOOL, [path])[0]
    assert rows[-1]["events"] == events > 5000
    assert not [(f["score"], f["summary"]) for f in rows if f["type"] == "finding" and f["score"] > NOTE]
    assert not [s["sentence"] for s in rows if s["type"] == "story" and s["verdict"] in ("suspicious", "malicious")]


def test_the_twins_are_told():
    """Each finding that an honest act must not reach is reached by who never did it; two of them are a story."""
    twins_told = scenario.play_all(TOOL, scenario.TWINS, seeds=(0,), modes=(True,))
    assert len(twins_told) == len(scenario.TWINS)
    for r in twins_told:
        assert told([r]) and not r.missing, (r.number, r.missing, [f["summary"] for f in r.findings])
    stories = [r.number for r in twins_told for s in r.stories if s["verdict"] in ("suspicious", "malicious")]
    assert {112, 117} <= set(stories), stories


def test_updates_of_fifty_packages_are_no_drift(results):
    drift = [f for r in results[57] for f in r.findings if f["check"] == "behaviour.drift" and f["score"] > NOTE]
    assert not drift
    notes = [f for r in results[57] for f in r.findings if f["check"] == "behaviour.drift"]
    assert len(notes) <= 3 * 50 // 20, "more than one update of twenty is noted"
    learned = [r for r in results[57] if r.learned]
    assert all(len(drift_of(r)) >= 45 for r in learned), "the new versions were not compared with the old ones"


def drift_of(result):
    """What each upgraded package's new version did that was new, as the profile weighs it."""
    return sorted(v["drift"] for rows in result.profiles.values() for p in rows for v in p["versions"]
                  if v["current"] and len(p["versions"]) > 1)


# ---- docs/benign.md ----

def cell(results):
    score, check, summary = scenario.highest(results)
    return f"{score} {check.replace('behaviour.', '')}" if score else "0"


def table(all_results):
    rows = []
    for number in sorted(all_results):
        s, rs = scenario.SCENARIOS[number], all_results[number]
        rows.append(f"| {number} | {s.title} | {s.kind} | {cell([r for r in rs if not r.learned])} | "
                    f"{cell([r for r in rs if r.learned])} |")
    return "\n".join(rows)


def distribution(all_results):
    values = sorted(d for r in all_results[57] if r.learned for d in drift_of(r))
    if not values:
        return ""
    at = [values[min(len(values) - 1, int(len(values) * q))] for q in (0.0, 0.5, 0.9, 0.99)] + [values[-1]]
    return ("| packages x seeds | least | median | 90 % | 99 % | most | told from |\n|---|---|---|---|---|---|---|\n"
            f"| {len(values)} | " + " | ".join(f"{a:.1f}" for a in at) + " | 25.0 |")


def main():
    numbers = [int(a) for a in sys.argv[1:] if a.isdigit()] or None
    seeds = range(int(next((a[8:] for a in sys.argv if a.startswith("--seeds=")), scenario.SEEDS)))
    by_number = collections.defaultdict(list)
    for r in scenario.play_all(TOOL, numbers, seeds):
        by_number[r.number].append(r)
    if "--table" in sys.argv:
        with open(TABLE, encoding="utf-8") as f:
            head = f.read().split("<!-- made by tests/replay/test_benign.py --table -->")[0]
        with open(TABLE, "w", encoding="utf-8") as f:
            f.write(head + "<!-- made by tests/replay/test_benign.py --table -->\n\n"
                    "| | scenario | played by | highest, cold | highest, learned |\n|---|---|---|---|---|\n" + table(by_number) +
                    "\n\n## Drift of 50 upgraded packages (scenario 57)\n\n" + distribution(by_number) + "\n")
        return
    for number, rs in sorted(by_number.items()):
        print(f"{number:2} {scenario.SCENARIOS[number].title}: cold {cell([r for r in rs if not r.learned])}, "
              f"learned {cell([r for r in rs if r.learned])}; {sum(r.events for r in rs)} events")
        for line in sorted(set(told(rs))):
            print(f"       {line}")
        for r in rs:
            for m in r.missing:
                print(f"       NOT SEEN {'learned' if r.learned else 'cold'} {r.seed}: {m}")
            for s in r.stories:
                print(f"       STORY {'learned' if r.learned else 'cold'} {r.seed}: {s['verdict']} {s['sentence']}")
    print(distribution(by_number) if 57 in by_number else "")
    print(f"{sum(r.events for rs in by_number.values() for r in rs)} events, "
          f"{sum(r.seconds for rs in by_number.values() for r in rs):.1f} s replay")


if __name__ == "__main__":
    main()
