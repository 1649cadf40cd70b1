# SPDX-License-Identifier: Apache-2.0
"""The rows of pairs.py as Markdown: verdicts by what a pair was chosen for, scores, the ten highest, times, what is missing.

Owns: how the answer looks. Must not own: what fails a run (pairs.py).
"""
import collections
import statistics

VERDICTS = ("clean", "note", "suspicious", "malicious")
MARKS = ("pe", "macho", "elf", "js", "python", "other", "large", "image", "zip", "leap", "host")
HIGHEST = 10
REASONS = 5


def table(head, rows):
    """Numbers to the right; a bar inside a cell is escaped."""
    aligned = ["---:" if all(str(r[i]).strip("%").replace(".", "", 1).isdigit() for r in rows) and rows else "---"
               for i in range(len(head))]
    lines = [head, aligned, *rows]
    return "\n".join("| " + " | ".join(str(c).replace("|", "\\|").replace("\n", " ") for c in line) + " |" for line in lines)


def title(row):
    return f"{row['name']} {row['old']} → {row['new']}"


def by_mark(judged):
    """One row a mark: a pair with two marks counts in both. The last row is all of them."""
    rows = []
    for mark in (*(m for m in MARKS if m != "host"), "all"):
        some = [r for r in judged if mark == "all" or mark in r["marks"]]
        if some:
            counts = collections.Counter(r["verdict"] for r in some)
            rows.append([mark, len(some), *(counts[v] for v in VERDICTS), max(r["score"] for r in some),
                         f"{statistics.median(r['seconds'] for r in some):.2f}", f"{max(r['seconds'] for r in some):.2f}"])
    return table(["chosen for", "pairs", *VERDICTS, "highest score", "median s", "longest s"], rows)


def scores(judged):
    counts = collections.Counter(min(r["score"], 99) // 10 if r["score"] else -1 for r in judged)
    rows = [["0" if n < 0 else "1-9" if n == 0 else "90-100" if n == 9 else f"{n * 10}-{n * 10 + 9}",
             counts[n], f"{100 * counts[n] / len(judged):.1f}%"] for n in range(-1, max(counts) + 1)]
    return table(["score", "pairs", "share"], rows)


def highest(judged):
    """The ten highest above 0, each with its weightiest reasons."""
    parts = []
    for row in sorted((r for r in judged if r["score"]), key=lambda r: -r["score"])[:HIGHEST]:
        parts.append(f"- **{row['verdict']} {row['score']}** {title(row)} ({', '.join(row['marks'])})")
        reasons = sorted(row["reasons"], key=lambda r: -r["score"])
        parts += [f"  - {r['check']} {r['score']} ({r['severity']}): {r['summary']}" for r in reasons[:REASONS]]
        if len(reasons) > REASONS:
            parts.append(f"  - and {len(reasons) - REASONS} more")
    return "\n".join(parts) or "Nothing above 0."


def checks(judged):
    """How many pairs each check spoke of."""
    pairs, most = collections.Counter(), collections.Counter()
    for row in judged:
        for check in {r["check"] for r in row["reasons"]}:
            pairs[check] += 1
        for r in row["reasons"]:
            most[r["check"]] = max(most[r["check"]], r["score"])
    return table(["check", "pairs", "highest score"], [[c, n, most[c]] for c, n in pairs.most_common()])


def times(judged):
    seconds = sorted(r["seconds"] for r in judged)
    late = seconds[min(len(seconds) - 1, len(seconds) * 9 // 10)]
    first = (f"{len(judged)} pairs in {sum(seconds):.0f} s: median {statistics.median(seconds):.2f} s, "
             f"nine of ten below {late:.2f} s, longest {seconds[-1]:.2f} s. MB: both packed; memory: the largest process of a run.")
    some = {id(r): r for r in sorted(judged, key=lambda r: -r["seconds"])[:HIGHEST]}
    some |= {id(r): r for r in judged if "large" in r["marks"]}
    rows = [[title(r), f"{r['bytes'] / 1e6:.1f}", f"{r['seconds']:.2f}", f"{r['memory'] / 1e6:.0f}"]
            for r in sorted(some.values(), key=lambda r: -r["seconds"])]
    return first + "\n\n" + table(["pair", "MB", "s", "memory MB"], rows)


def missing(rows):
    return "\n".join(f"- {title(r)}: {word}: {r[word]}" for word in ("failed", "skipped") for r in rows if word in r)


def markdown(rows):
    judged = [r for r in rows if "verdict" in r]
    parts = [f"## Real release pairs: {len(judged)} of {len(rows)} judged"]
    if judged:
        parts += [by_mark(judged), "### Scores", scores(judged), "### The highest", highest(judged)]
        if any(r["reasons"] for r in judged):
            parts += ["### Checks that spoke", checks(judged)]
        parts += ["### Times", times(judged)]
    if len(judged) < len(rows):
        parts += ["### Not judged", missing(rows)]
    return "\n\n".join(parts) + "\n"
