# SPDX-License-Identifier: Apache-2.0
"""Does the sensor benchmark run, count what it claims to have measured, and leave nothing behind? Not: how fast this machine is."""
import json
import os
import subprocess
import sys

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "bench"))

import engine  # noqa: E402
import peers  # noqa: E402
import soak  # noqa: E402
import table  # noqa: E402


def case(value, daemon=0, scope=0, made=1000):
    figures = {"value": value, "daemon_cpu_ns": daemon, "scope_cpu_ns": scope, "made": made, "wall_ns": 10**9}
    return {"loads": {"k": figures}, "memory": 0, "lost": 0, "counts": {}}


def group(rounds, **about):
    about = {"title": "k", "what": "exec", "token": None, "throughput": False, "rate": None} | about
    return {"title": "a group", "loads": {"k": about}, "rounds": rounds, "refused": {}}


def test_a_machine_that_is_slow_for_a_while_is_no_cost():
    rounds = [{"none": case(b), "turncoat": case(b + 100)} for b in (1000, 9000, 1000, 1000)]
    rounds.append({"none": case(1000), "turncoat": case(9000)})
    cost = peers.Cost(rounds, "turncoat", "k")
    assert (cost.base, cost.paired.middle, cost.quieter) == (1000, 100, 100)


def test_a_steady_cost_is_not_hidden_by_noise():
    rounds = [{"none": case(1000 + 50 * (i % 3)), "turncoat": case(1100 + 50 * ((i + 1) % 3))} for i in range(24)]
    cost = peers.Cost(rounds, "turncoat", "k")
    assert cost.quieter_share == 10
    assert 5 < cost.share() < 15


def test_a_load_that_fell_behind_does_not_make_the_daemons_look_idle():
    # 1000 acts took a second and 40 us of a daemon each; asked were 1600 a second.
    one = group([{"none": case(1), "turncoat": case(1, daemon=40000 * 1000)}], rate=1600)
    assert peers.daemons_percent(one, "k", "turncoat") == pytest.approx(6.4)


def test_a_cheaper_peer_is_named_and_fails_the_row():
    rounds = [{"none": case(1000), "turncoat": case(1100 + i), "bpftrace": case(1010 + i)} for i in range(6)]
    row = table.lowest_row({"g": group(rounds)})[0]
    assert row["ok"] is False and "k: bpftrace" in row["value"]
    noisy = [{"none": case(1000), "turncoat": case(1100 + 90 * i), "bpftrace": case(1460 - 90 * i)} for i in range(6)]
    row = table.lowest_row({"g": group(noisy)})[0]
    assert row["ok"] is True and "bpftrace" in row["matches"]


def test_a_lost_exec_fails_the_row_even_if_nobody_counted_it():
    rates = {"opens_per_second": 1e5, "execs_per_second": 1e3, "execs": 30000, "events_recorded": 90000, "cpu_seconds": 1.0}
    held = [r for r in table.rate_rows(rates | {"lost": {"process": 0}, "execs_recorded": 30000}) if r["ok"] is not None]
    lost = [r for r in table.rate_rows(rates | {"lost": {"process": 0}, "execs_recorded": 29999}) if r["ok"] is not None]
    assert [r["ok"] for r in held] == [True] and [r["ok"] for r in lost] == [False]


def test_a_flood_that_was_not_told_fails_the_row_even_if_nobody_counted_it():
    one = {"rate": 200000.0, "sent": 1000, "told": 999, "lost": {}, "cpu_seconds": 1.0, "seconds": 1.0}
    assert table.flood_rows({"sensor": [one]})[0]["ok"] is False
    assert table.flood_rows({"sensor": [one | {"told": 1000}]})[0]["ok"] is True


# ---- the harness itself -------------------------------------------------------------------------------------------


def bench(programs, tmp_path, parts):
    build = os.path.dirname(programs)
    if os.geteuid() != 0 or not os.path.exists(os.path.join(build, "bench", "load-exec")):
        pytest.skip("needs root and a build folder with the loads")
    out = tmp_path / "result.json"
    argv = [sys.executable, "-B", os.path.join(TOP, "bench", "sensor.py"), "--quick", "--parts", parts]
    done = subprocess.run([*argv, "--build", build, "--out", out], capture_output=True, text=True, timeout=400, check=False)
    if done.returncode == 3:
        pytest.skip(done.stderr.strip())
    assert out.exists(), done.stderr
    return json.loads(out.read_text())


def test_a_quick_run_records_what_it_made(programs, tmp_path):
    result = bench(programs, tmp_path, "rates,memory")
    rates, memory = result["rates"], result["memory"]
    assert rates["execs_recorded"] == rates["execs"]
    assert rates["lost"]["process"] == 0
    assert memory["live"]["samples"][-1]["total"] > 0
    assert memory["replay"]["summary"]["events"] == memory["replay"]["events"]


def left_behind():
    """Rules of audit and BPF programs on tracepoints of the old kind, as far as this machine can say."""
    found = set()
    for argv in (["auditctl", "-l"], ["bpftool", "-j", "prog", "show"]):
        try:
            out = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
        except OSError:
            continue
        if argv[0] == "auditctl":
            found |= {line for line in out.splitlines() if line.startswith("-a")}
        elif out:
            found |= {p["id"] for p in json.loads(out) if p.get("type") == "tracepoint"}
    return found


def test_peers_record_what_was_made_and_leave_nothing_behind(programs, tmp_path):
    before = left_behind()
    result = bench(programs, tmp_path, "cost")["groups"]["cost"]
    assert left_behind() <= before
    one = result["rounds"][0]
    assert {"none", "turncoat"} <= set(one)
    assert {*one, *result["refused"]} == {"none", "turncoat", "auditd", "laurel", "bpftrace", "execsnoop", "opensnoop"}
    looks = {"exec": {"turncoat", "auditd", "laurel", "bpftrace", "execsnoop"}, "open": {"auditd", "laurel", "bpftrace", "opensnoop"}}
    for kind, who in looks.items():
        for name in who & set(one):
            seen, made = one[name]["counts"]["of"][result["loads"][kind]["token"]], one[name]["loads"][kind]["made"]
            # A peer may lose under load, and then says so; what it never may is to have seen nothing.
            assert seen == made or (name != "turncoat" and seen > 0 and one[name]["lost"] > 0), (name, kind, seen, made)


def test_the_engine_is_measured_on_a_day_in_which_something_is_found(programs):
    if not os.path.exists(engine.TOOLS / "engine-cost") or os.path.dirname(programs) != str(engine.ROOT / "build"):
        pytest.skip("needs the benchmark's programs in build/")
    results, _ = engine.run(True, {"cost", "poison"})  # whether it is fast enough is for the benchmark to say
    cost, flood = results["cost"], results["poison"]
    assert cost["cost"]["events"] == cost["made"]["events"] == sum(cost["mix"].values()) > 100000
    assert [(name, version) for _, _, name, version in cost["told"]] == [("acme-softphone", "1.1")]
    assert cost["cost"]["worst"] == flood["worst"] == "malicious" and flood["failed"] == 0


# ---- the soak -----------------------------------------------------------------------------------------------------


def samples(total_mb, lost=()):
    return [{"minute": i, "total": mb * soak.MB, "descriptors": 100, "threads": 7, "lost": dict(lost)} for i, mb in enumerate(total_mb)]


def held(rows, what):
    return next(r["ok"] for r in rows if r["what"].startswith(what))


def test_memory_that_grows_is_not_flat_and_one_odd_sample_is_no_growth():
    filling_then_flat = [20 + min(i, 20) * 0.5 for i in range(60)]
    assert held(soak.judge(samples(filling_then_flat)), "growth")
    filling_then_flat[50] += 9
    assert held(soak.judge(samples(filling_then_flat)), "growth")
    assert not held(soak.judge(samples([20 + 0.05 * i for i in range(60)])), "growth")
    assert not held(soak.judge(samples([20] * 60, {"store": 1})), "lost")


def test_a_short_soak_sees_its_churn(programs, tmp_path):
    build = os.path.dirname(programs)
    if os.geteuid() != 0 or not os.path.exists(os.path.join(build, "bench", "log-tool")):
        pytest.skip("needs root and a build folder with the loads")
    out = tmp_path / "result.json"
    argv = [sys.executable, "-B", os.path.join(TOP, "bench", "soak.py"), "--minutes", "0.2", "--every", "3"]
    done = subprocess.run([*argv, "--build", build, "--out", out], capture_output=True, text=True, timeout=200, check=False)
    if done.returncode == 3:
        pytest.skip(done.stderr.strip())
    assert out.exists(), done.stderr
    result = json.loads(out.read_text())
    made, told = result["made"], result["types"]
    assert told["exec"] >= made["exec"] + made["new program"]
    assert told["fork"] >= made["fork"] + made["exec"]
    assert told["open"] >= made["sensitive"] > 0
    assert told["dns"] >= 2 * made["dns"]
    assert result["samples"][-1]["total"] > 0 and len(result["samples"]) >= 4
