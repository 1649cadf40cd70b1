# SPDX-License-Identifier: Apache-2.0
"""Extras, spreads, and one table for each load: every watcher, what it cost, and what it recorded for that.

Owns: the arithmetic on rounds. A group is what Bench.compare() made: {"loads": {name: about}, "rounds": [{watcher: case}]},
a case {"loads": {name: figures}, "memory", "lost", "counts"}.
Must not own: what is asked of the numbers (table.py).
"""
import statistics

MB = 2**20
TITLES = {"turncoat": "turncoat", "auditd": "auditd", "laurel": "auditd+laurel", "bpftrace": "bpftrace",
          "execsnoop": "execsnoop", "opensnoop": "opensnoop"}  # fmt: skip


class Spread:
    """Median and quartiles of the differences inside the rounds."""

    def __init__(self, values):
        values = sorted(values)
        if len(values) < 4:
            self.middle, self.low, self.high = statistics.median(values), values[0], values[-1]
        else:
            self.low, self.middle, self.high = statistics.quantiles(values, n=4)

    def text(self, scale, digits, unit):
        low, middle, high = (f"{v * scale:+.{digits}f}" for v in (self.low, self.middle, self.high))
        return f"{middle} {unit} ({low} .. {high})"


def lower(values):
    values = sorted(values)
    return statistics.quantiles(values, n=4, method="inclusive")[0] if len(values) > 1 else values[0]


def figure(case, load, key):
    return case["loads"][load][key]


class Cost:
    """What a watcher adds to the time of one operation of a load.

    paired: differences inside each round; its median is what counts. quieter: the difference of the lower quartiles over
    the rounds with and without the watcher: whatever else the machine does only ever adds. A quiet machine makes both agree.
    """

    def __init__(self, rounds, watcher, load, key="value"):
        both = [(figure(r["none"], load, key), figure(r[watcher], load, key)) for r in rounds if watcher in r and "none" in r]
        if not both:
            raise ValueError("no round with this watcher")
        self.base = statistics.median(n for n, _ in both)
        self.paired = Spread([w - n for n, w in both])
        self.lost_paired = Spread([(1 - n / w) * 100 for n, w in both])
        quiet = lower(n for n, _ in both)
        self.quieter = lower(w for _, w in both) - quiet
        self.quieter_share = self.quieter / quiet * 100

    def us(self):
        return self.paired.text(1e-3, 2, "us") + f"; quieter rounds {self.quieter / 1000:+.2f}"

    def share(self):
        return self.paired.middle / self.base * 100

    def percent(self):
        return self.paired.text(100 / self.base, 1, "%") + f"; quieter rounds {self.quieter_share:+.1f}"

    def lost_share(self):
        return self.lost_paired.middle

    def lost(self):
        return self.lost_paired.text(1, 1, "%")


def _median(group, load, watcher, value):
    found = [value(r) for r in group["rounds"] if watcher in r and load in r[watcher]["loads"]]
    return statistics.median(found) if found else None


def operations(got):
    return got.get("operations", got["made"])


def _rate(group, load, case):
    """Operations a second that the load was asked for, or, without a pace, did. One that fell behind is scaled up."""
    got = case["loads"][load]
    return group["loads"][load].get("rate") or operations(got) / got["wall_ns"] * 1e9


def daemons_percent(group, load, watcher):
    """Processor time of all its processes, in per cent of one processor while the load runs at its rate."""

    def share(r):
        got = r[watcher]["loads"][load]
        return got["daemon_cpu_ns"] / operations(got) * _rate(group, load, r[watcher]) / 1e7

    return _median(group, load, watcher, share)


def all_extra(group, load, watcher):
    """The daemons' processor time and what the load's own grew by, in ns for one act: paired with the same round's nobody."""
    found = []
    for r in group["rounds"]:
        if watcher in r and "none" in r:
            mine, none = r[watcher]["loads"][load], r["none"]["loads"][load]
            own = mine["scope_cpu_ns"] / operations(mine) - none["scope_cpu_ns"] / operations(none)
            found.append(own + mine["daemon_cpu_ns"] / operations(mine))
    return Spread(found) if found else None


def overhead(group, load, watcher):
    """The spread by which watchers are compared on this load; less is better."""
    if group["loads"][load].get("rate"):
        return all_extra(group, load, watcher)
    try:
        return Cost(group["rounds"], watcher, load).paired
    except ValueError:
        return None


def cheaper(group, load):
    """(title, sure?) of each peer that costs less than turncoat on this load, in the rounds that had both.

    Sure is what holds in all quartiles of those rounds, and, where they are few, also against the best of all our rounds.
    """
    ours = overhead(group, load, "turncoat")
    for name, title in TITLES.items():
        rounds = [r for r in group["rounds"] if name in r and "turncoat" in r and "none" in r]
        if name == "turncoat" or not rounds or ours is None:
            continue
        both = group | {"rounds": rounds}
        theirs, less = overhead(both, load, name), _less(both, load, name)
        if less.middle < 0:
            yield title, less.high < 0 and (len(rounds) >= 4 or theirs.middle < ours.low)


def _less(group, load, name):
    """What the peer costs more than turncoat, round by round."""
    one = [group | {"rounds": [r]} for r in group["rounds"]]
    return Spread([overhead(g, load, name).middle - overhead(g, load, "turncoat").middle for g in one])


def _sum(group, watcher, get):
    return sum(get(r[watcher]) for r in group["rounds"] if watcher in r)


def recorded(group, load, watcher):
    """What it recorded of this load's acts, in words. What a watcher does not look at is not held against it."""
    about = group["loads"][load]
    counts = [r[watcher]["counts"] for r in group["rounds"] if watcher in r]
    if about["token"] and any(about["what"] in c for c in counts):
        made = _sum(group, watcher, lambda case: figure(case, load, "made"))
        if watcher == "turncoat" and about["what"] == "open":
            return "such an open is no event"
        return f"{sum(c['of'].get(about['token'], 0) for c in counts)} of {made} {about['what']}s"
    if about["token"]:
        return f"no {about['what']}s"
    kinds = [f"{sum(c.get(k, 0) for c in counts)} {k}s" for k in ("exec", "open", "connect") if any(c.get(k) for c in counts)]
    return ", ".join([*kinds, f"{sum(c.get('events', 0) for c in counts)} events in all"]) + " (of all loads of these rounds)"


def _extra(group, load, watcher):
    cost = Cost(group["rounds"], watcher, load)
    if group["loads"][load]["throughput"]:
        return cost.lost()
    if cost.base > 1e8:
        return cost.percent()
    return cost.paired.text(1e-3, 2, "us") + f" = {cost.share():+.1f} %"


def _times(theirs, ours):
    """Ours is often near the noise: it counts at its upper quartile, so that the factor is never too good."""
    if ours is None or ours.high <= 0:
        return "ours is not measurable"
    return f"{theirs.middle / ours.high:.1f}" if theirs.middle > 0 else "-"


def _cpu(ns):
    return f"{ns / 1e9:+.2f} s" if abs(ns) > 1e8 else f"{ns / 1000:+.2f} us"


def show(group, load):
    about = group["loads"][load]
    if not group["rounds"]:
        return ""
    base = statistics.median(figure(r["none"], load, "value") for r in group["rounds"])
    shown = f"{1e9 / base:.0f} a second" if about["throughput"] else f"{base / 1e9:.1f} s" if base > 1e8 else f"{base / 1000:.2f} us"
    kind = "lost throughput" if about["throughput"] else "extra processor time of the load" if about.get("rate") else "extra time"
    out = [
        f"**{about['title']}** ({group['title']}; nobody watching: {shown})\n",
        f"| watching | {kind} | daemons, % of one core | all extra processor time | times ours | memory, MB | recorded "
        "| lost by its own count |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    ours = overhead(group, load, "turncoat")
    for name, title in TITLES.items():
        if not any(name in r for r in group["rounds"]):
            continue
        theirs, cpu = overhead(group, load, name), all_extra(group, load, name)
        memory = max(r[name]["memory"] for r in group["rounds"] if name in r) / MB
        out.append(
            f"| {title} | {_extra(group, load, name)} | {daemons_percent(group, load, name):.1f} "
            f"| {_cpu(cpu.middle)} | {'1' if name == 'turncoat' else _times(theirs, ours)} "
            f"| {memory:.1f} | {recorded(group, load, name)} | {_sum(group, name, lambda case: case['lost'])} |"
        )
    return "\n".join(out)


def brief(one):
    """A round in one line, for whoever waits."""
    words = []
    for name, case in one.items():
        figures = ", ".join(f"{load} {f['value'] / 1000:.2f} us" for load, f in case["loads"].items())
        words.append(f"{name}: {figures}")
    return "; ".join(words)
