# SPDX-License-Identifier: Apache-2.0
"""Does turncoatd take the policy that stands in the file, name what is wrong with one, and keep the old one then?"""
import json
import signal
import time

import pytest
from rehearsal import STATE, Turncoat

POLICY = "/etc/turncoat/policy.yaml"
PROTECT = "mode: protect\nrules:\n- {check: behaviour.second-stage, act: [block, kill]}\n"


def refusal(root, *options):
    """What a turncoatd says that does not start."""
    answer = root.run(["turncoatd", "--state", STATE, "--scope-cgroup", root.scope, *options], scope=False, check=False)
    assert answer.returncode == 3, answer.stderr
    return answer.stderr


def says(turncoat, text, seconds=15):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if text in turncoat.words():
            return
        time.sleep(0.05)
    raise AssertionError(f"'{text}' is not said:\n{turncoat.words()}")


def in_force(turncoat, mode, rules, seconds=10):
    """What the engine goes by: told a moment after turncoatd took it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        policy = json.loads(turncoat.ask("status", "--json"))["policy"]
        if (policy["mode"], policy["rules"]) == (mode, rules):
            return
        time.sleep(0.1)
    raise AssertionError(f"the engine goes by {policy}")


def hang_up(turncoat):
    turncoat.daemon.send_signal(signal.SIGHUP)


def test_a_mistake_is_named_by_the_worker_and_nothing_starts(private_root):
    private_root.write("/srv/bad.yaml", "mode: protect\nrules:\n- check: behaviour.second-stage\n  act: [block, kil]\n")
    words = refusal(private_root, "--policy", "/srv/bad.yaml")
    assert "cannot read the policy '/srv/bad.yaml': line 4, column 16: 'kil' is no word for this" in words
    assert "hint: known: block, hold, kill, isolate, shield, quarantine" in words


@pytest.mark.parametrize(
    "prepare, options, words",
    [
        ([], ["--policy", "/srv/none.yaml"], "'/srv/none.yaml' cannot be opened: ENOENT"),
        (["mkdir", "/srv/p"], ["--policy", "/srv/p"], "'/srv/p' is no plain file"),
        (["install", "-m", "666", "/dev/null", "/srv/p"], ["--policy", "/srv/p"], "can be changed by others than root"),
        (["mkfifo", "-m", "600", "/srv/p"], ["--policy", "/srv/p"], "'/srv/p' is no plain file"),
    ],
)
def test_a_file_that_cannot_be_trusted(private_root, prepare, options, words):
    if prepare:
        private_root.run(prepare, scope=False)
    assert words in refusal(private_root, *options)


def test_the_default_file_is_read_and_may_be_missing(private_root):
    Turncoat(private_root).stop()
    private_root.write(POLICY, "mode: protekt\n")
    assert "'protekt' is no word for this" in refusal(private_root)
    private_root.write(POLICY, PROTECT)
    Turncoat(private_root).stop()


def test_read_again_at_sighup_and_a_bad_one_is_kept_out(private_root):
    private_root.write("/srv/policy.yaml", "mode: detect\n")
    turncoat = Turncoat(private_root, options=["--policy", "/srv/policy.yaml"])
    private_root.write("/srv/policy.yaml", PROTECT)
    hang_up(turncoat)
    says(turncoat, "the policy was read again: protect")
    in_force(turncoat, "protect", 1)
    private_root.write("/srv/policy.yaml", "mode: protect\nrates: 7\n")
    hang_up(turncoat)
    says(turncoat, "the policy is not taken, the old one holds")
    says(turncoat, "line 2, column 8: rates is made of 'key: value' lines")
    in_force(turncoat, "protect", 1)
    # It still watches, and its engine is the one it was.
    turncoat.settle()
    assert "the engine ended" not in turncoat.words()
    assert turncoat.stop() == 0
