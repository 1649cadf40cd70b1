# SPDX-License-Identifier: Apache-2.0
"""What the numbers mean: what was asked, and whether it is held. The tables beside the peers are in peers.py.

Owns: the limits and the rows of the first table. Must not own: how anything is measured (sensor.py and its parts).
"""
import peers
from peers import MB, Cost

LIMITS = {
    "open_us": 0.3,
    "exec_percent": 5.0,
    "daemons_percent_1600": 6.0,
    "compile_percent": 2.0,
    "network_percent": 2.0,
    "flood_per_second": 200000,
    "memory_mb": 64.0,
    "growth_mb": 1.0,
}


def row(what, value, asked="", ok=None, matches=""):
    return {"what": what, "value": value, "asked": asked, "ok": ok, "matches": matches}


# ---- loads beside the peers ---------------------------------------------------------------------------------------


def _cost(group, load):
    try:
        return Cost(group["rounds"], "turncoat", load)
    except (KeyError, ValueError):
        return None


def _recorded(group, load):
    return peers.recorded(group, load, "turncoat")


def cost_rows(group):
    rows = []
    if c := _cost(group, "open"):
        rows.append(row("an uninteresting open+close, extra", c.us(), f"< {LIMITS['open_us']} us",
                        c.paired.middle / 1000 < LIMITS["open_us"], f"{c.base / 1000:.2f} us with nobody watching; no event"))  # fmt: skip
    if c := _cost(group, "exec"):
        rows.append(row("fork+exec+exit, extra", c.percent(), f"< {LIMITS['exec_percent']} %",
                        c.share() < LIMITS["exec_percent"],
                        f"{c.base / 1000:.0f} us with nobody watching; {_recorded(group, 'exec')}"))  # fmt: skip
    return rows


def paced_rows(group):
    rows = []
    for load, about in group["loads"].items():
        if (daemons := peers.daemons_percent(group, load, "turncoat")) is None:
            continue
        limit = LIMITS["daemons_percent_1600"] if load == "exec-1600" else None
        rows.append(row(f"{about['title']}: all our daemons", f"{daemons:.1f} % of one core", f"< {limit} %" if limit else "",
                        daemons < limit if limit else None, _recorded(group, load)))  # fmt: skip
    return rows


def share_rows(group, limit):
    """Loads that may become so many per cent slower."""
    rows = []
    for load, about in group["loads"].items():
        if (c := _cost(group, load)) is None:
            continue
        slower = c.lost_share() if about["throughput"] else c.share()
        rows.append(row(f"{about['title']}: slower by", c.lost() if about["throughput"] else c.percent(),
                        f"<= {limit} %", slower <= limit, _recorded(group, load)))  # fmt: skip
    return rows


def lowest_row(groups):
    """Is no peer cheaper on any row? One within the quartiles of ours is named, and is no miss."""
    beaten, near, compared = [], [], 0
    for group in groups.values():
        for load, about in group["loads"].items():
            found = list(peers.cheaper(group, load))
            for words, sure in ((beaten, True), (near, False)):
                if names := [name for name, beyond in found if beyond == sure]:
                    words.append(f"{about['title']}: {', '.join(names)}")
            compared += 1
    if not compared:
        return []
    words = f"{len(beaten)} of {compared} loads with a cheaper peer" + (": " + "; ".join(beaten) if beaten else "")
    return [row("lowest overhead of all, each load", words, "none", not beaten,
                "within the quartiles: " + "; ".join(near) if near else "")]  # fmt: skip


def refused_rows(groups):
    return [row(f"{group['title']}: {name}", "not measured: " + why) for group in groups.values() for name, why in group["refused"].items()]


# ---- what only turncoat is asked ----------------------------------------------------------------------------------


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


def flood_rows(flood):
    rows = []
    for name, level in (("sensor", "kernel to decoded events"), ("turncoat", "the whole of turncoat")):
        limit = LIMITS["flood_per_second"]
        for i, one in enumerate(flood.get(name, [])):
            whole = not one["lost"] and one["told"] >= one["sent"]
            lost = ", ".join(f"{k} {n}" for k, n in one["lost"].items()) or "nothing"
            rows.append(row(f"{one['rate']:.0f} datagrams/s to new places, {level}", f"{one['told']} of {one['sent']} told, lost: {lost}",
                            f"all of {limit}/s" if i == 0 else "", whole and one["rate"] > 0.98 * limit if i == 0 else None,
                            f"{one['cpu_seconds'] / one['seconds'] * 100:.0f} % of one core"))  # fmt: skip
    return rows


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


# ---- all of it ----------------------------------------------------------------------------------------------------


def rows(result):
    groups, out = result["groups"], []
    makers = {
        "cost": cost_rows,
        "paced": paced_rows,
        "compile": lambda g: share_rows(g, LIMITS["compile_percent"]),
        "network": lambda g: share_rows(g, LIMITS["network_percent"]),
    }
    for name, make in makers.items():
        if name in groups:
            out += make(groups[name])
    out += lowest_row(groups) + refused_rows(groups)
    if "rates" in result:
        out += rate_rows(result["rates"])
    if "flood" in result:
        out += flood_rows(result["flood"])
    if "memory" in result:
        out += live_rows(result["memory"]["live"]) + replay_rows(result["memory"]["replay"])
    return out


def show(result):
    mark = {True: "yes", False: "NO", None: ""}
    print("|  | measured | asked | held | matches |\n| --- | --- | --- | --- | --- |")
    for r in result["rows"]:
        print(f"| {r['what']} | {r['value']} | {r['asked']} | {mark[r['ok']]} | {r['matches']} |")
    for group in result["groups"].values():
        for load in group["loads"]:
            print("\n" + peers.show(group, load))
