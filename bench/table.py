# SPDX-License-Identifier: Apache-2.0
"""What the numbers mean: extras, spreads, what was asked, and the table.

Owns: the limits of the issue and the rows. Must not own: how anything is measured (sensor.py).
"""
import statistics

LIMITS = {"open_us": 0.5, "exec_percent": 5.0, "auditd_times": 10.0, "memory_mb": 64.0, "growth_mb": 1.0}
MB = 2**20


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


class Cost:
    """What a watcher adds to one key of the rounds.

    paired: differences inside each round; its median is what counts. quieter: the difference of the lower quartiles over
    the rounds with and without the watcher: whatever else the machine does only ever adds. A quiet machine makes both agree.
    """

    def __init__(self, rounds, watcher, key):
        both = [r for r in rounds if watcher in r]
        self.base = statistics.median(r["none"][key] for r in both)
        self.paired = Spread([r[watcher][key] - r["none"][key] for r in both])
        quiet = lower(r["none"][key] for r in both)
        self.quieter = lower(r[watcher][key] for r in both) - quiet
        self.quieter_share = self.quieter / quiet * 100

    def us(self):
        return self.paired.text(1e-3, 2, "us") + f"; quieter rounds {self.quieter / 1000:+.2f}"

    def share(self):
        return self.paired.middle / self.base * 100

    def percent(self):
        return self.paired.text(100 / self.base, 1, "%") + f"; quieter rounds {self.quieter_share:+.1f}"


def lower(values):
    values = sorted(values)
    return statistics.quantiles(values, n=4, method="inclusive")[0] if len(values) > 1 else values[0]


def total(rounds, watcher, *path):
    out = 0
    for one in rounds:
        value = one.get(watcher, {})
        for key in path:
            value = value.get(key, 0) if isinstance(value, dict) else 0
        out += value or 0
    return out


def row(what, value, asked="", ok=None, matches=""):
    return {"what": what, "value": value, "asked": asked, "ok": ok, "matches": matches}


def cost_rows(result):
    rounds = result["rounds"]
    opens, execs = Cost(rounds, "turncoat", "open_middle"), Cost(rounds, "turncoat", "exec_middle")
    did, seen = total(rounds, "turncoat", "execs"), total(rounds, "turncoat", "recorded", "exec")
    lost = total(rounds, "turncoat", "lost")
    rows = [
        row("open+close, nobody watching", f"{opens.base / 1000:.2f} us"),
        row("open+close, extra with turncoat", opens.us(), f"< {LIMITS['open_us']} us",
            opens.paired.middle / 1000 < LIMITS["open_us"], f"such an open is no event; {lost} events lost in these rounds"),
        row("fork+exec+exit, nobody watching", f"{execs.base / 1000:.0f} us"),
        row("fork+exec+exit, extra with turncoat", execs.percent(), f"< {LIMITS['exec_percent']} %",
            execs.share() < LIMITS["exec_percent"], f"{seen} of {did} execs recorded"),
        row("the same, in processor time", Cost(rounds, "turncoat", "exec_cpu").percent()),
    ]  # fmt: skip
    if result["auditd_refused"]:
        return [*rows, row("auditd", "not measured: " + result["auditd_refused"])]
    return rows + auditd_rows(rounds, opens)


def auditd_rows(rounds, ours):
    theirs = Cost(rounds, "auditd", "open_middle")
    # Ours is near the noise: the factor counts it at the upper quartile of its rounds, and never below 20 ns.
    times = theirs.paired.middle / max(ours.paired.high, 20.0)
    seen = [total(rounds, "auditd", "recorded", k) for k in ("open", "exec", "lost")]
    did = [total(rounds, "auditd", k) for k in ("opens", "execs")]
    matches = f"{seen[0]} opens and {seen[1]} execs recorded of {did[0]} and {did[1]} (and the loads' own), {seen[2]} lost"
    return [
        row("open+close, extra with auditd", theirs.us(), matches=matches),
        row("auditd's extra against ours, opens", f"{times:.0f} times (ours at its upper quartile)",
            f">= {LIMITS['auditd_times']:.0f}", times >= LIMITS["auditd_times"]),
        row("fork+exec+exit, extra with auditd", Cost(rounds, "auditd", "exec_middle").percent()),
    ]  # fmt: skip


def rate_rows(r):
    lost = r["lost"]
    rest = ", ".join(f"{name} {n}" for name, n in lost.items() if name != "process") or "none reported"
    whole = lost.get("process") == 0 and r["execs_recorded"] >= r["execs"]
    return [
        row("rates held", f"{r['opens_per_second']:.0f} opens/s, {r['execs_per_second']:.0f} execs/s",
            matches=f"{r['execs_recorded']} of {r['execs']} execs recorded, {r['events_recorded']} events"),
        row("lost, process class", str(lost.get("process", "not reported")), "0", whole),
        row("lost, other classes", rest, "printed", matches=f"{r['cpu_seconds']:.1f} s of processor time in all our processes"),
    ]  # fmt: skip


def live_rows(live):
    samples, limit = live["samples"], LIMITS["memory_mb"]
    last, parts = samples[-1], ", ".join(f"{name} {n / MB:.1f}" for name, n in samples[-1]["parts"].items())
    grown = (last["total"] - samples[-3]["total"]) / MB
    return [
        row(f"memory after {last['processes']} processes", f"{last['total'] / MB:.1f} MB", f"< {limit:.0f} MB",
            last["total"] / MB < limit, f"{live['execs_recorded']} of {live['execs']} execs recorded"),
        row("of it, in MB", parts),
        row("growth over the last two fifths", f"{grown:+.2f} MB", f"< {LIMITS['growth_mb']:.0f} MB", grown < LIMITS["growth_mb"]),
    ]  # fmt: skip


def replay_rows(replay):
    first, second = replay["pss_first_half"] / MB, replay["pss_second_half"] / MB
    found = f"{replay['findings']} findings, {replay['planted']} second stages planted"
    return [
        row(f"replay of {replay['events']} events", f"{second:.1f} MB, {replay['events'] / replay['seconds']:.0f} events/s",
            f"< {LIMITS['memory_mb']:.0f} MB", second < LIMITS["memory_mb"], found),
        row("growth, second half against first", f"{second - first:+.2f} MB", f"< {LIMITS['growth_mb']:.0f} MB",
            second - first < LIMITS["growth_mb"]),
    ]  # fmt: skip


def memory_rows(memory):
    return live_rows(memory["live"]) + replay_rows(memory["replay"])


def show(rows):
    mark = {True: "yes", False: "NO", None: ""}
    print("|  | measured | asked | held | matches |\n| --- | --- | --- | --- | --- |")
    for r in rows:
        print(f"| {r['what']} | {r['value']} | {r['asked']} | {mark[r['ok']]} | {r['matches']} |")
