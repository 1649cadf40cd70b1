# SPDX-License-Identifier: Apache-2.0
"""Does the sensor benchmark run, and does it count what it claims to have measured? Not: how fast this machine is."""
import json
import os
import subprocess
import sys

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "bench"))

import table  # noqa: E402


def test_a_machine_that_is_slow_for_a_while_is_no_cost():
    rounds = [{"none": {"k": b}, "turncoat": {"k": b + 100}} for b in (1000, 9000, 1000, 1000)]
    rounds.append({"none": {"k": 1000}, "turncoat": {"k": 9000}})
    cost = table.Cost(rounds, "turncoat", "k")
    assert (cost.base, cost.paired.middle, cost.quieter) == (1000, 100, 100)


def test_a_steady_cost_is_not_hidden_by_noise():
    rounds = [{"none": {"k": 1000 + 50 * (i % 3)}, "turncoat": {"k": 1100 + 50 * ((i + 1) % 3)}} for i in range(24)]
    cost = table.Cost(rounds, "turncoat", "k")
    assert cost.quieter_share == 10
    assert 5 < cost.share() < 15


def test_a_lost_exec_fails_the_row_even_if_nobody_counted_it():
    rates = {"opens_per_second": 1e5, "execs_per_second": 1e3, "execs": 30000, "events_recorded": 90000, "cpu_seconds": 1.0}
    held = [r for r in table.rate_rows(rates | {"lost": {"process": 0}, "execs_recorded": 30000}) if r["ok"] is not None]
    lost = [r for r in table.rate_rows(rates | {"lost": {"process": 0}, "execs_recorded": 29999}) if r["ok"] is not None]
    assert [r["ok"] for r in held] == [True] and [r["ok"] for r in lost] == [False]


def test_a_quick_run_records_what_it_made(programs, tmp_path):
    build = os.path.dirname(programs)
    if os.geteuid() != 0 or not os.path.exists(os.path.join(build, "bench", "load-exec")):
        pytest.skip("needs root and a build folder with the loads")
    out = tmp_path / "result.json"
    argv = [sys.executable, "-B", os.path.join(TOP, "bench", "sensor.py"), "--quick", "--parts", "rates,memory"]
    done = subprocess.run([*argv, "--build", build, "--out", out], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode == 3:
        pytest.skip(done.stderr.strip())
    assert out.exists(), done.stderr
    result = json.loads(out.read_text())
    rates, memory = result["rates"], result["memory"]
    assert rates["execs_recorded"] == rates["execs"]
    assert rates["lost"]["process"] == 0
    assert memory["live"]["samples"][-1]["total"] > 0
    assert memory["replay"]["summary"]["events"] == memory["replay"]["events"]
