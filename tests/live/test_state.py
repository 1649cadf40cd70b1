# SPDX-License-Identifier: Apache-2.0
"""Is a state folder one daemon's own, and never one that is somebody else's?"""
import json
import os

from rehearsal import STATE, Turncoat


def daemon_by_hand(root, state):
    argv = ["timeout", "10", "turncoatd", "--scope-cgroup", root.scope, "--state", state]
    return root.run(argv, scope=False, check=False)


def test_a_second_daemon_is_refused_and_the_first_lives_on(private_root):
    first = Turncoat(private_root)
    second = daemon_by_hand(private_root, STATE)
    assert second.returncode == 3
    assert second.stderr.startswith(f"turncoatd: cannot start: another turncoatd uses the state folder '{STATE}'\nhint: ")
    answer = private_root.run(["turncoat", "status", "--json"], scope=False)
    assert json.loads(answer.stdout)["ready"]
    first.stop()
    again = Turncoat(private_root)  # the lock is gone with its holder
    again.stop()


def test_a_folder_of_somebody_else_is_not_taken(private_root):
    private_root.write("/srv/data/letter", "dear sir")
    before = os.stat(private_root.host_path("/srv/data"))
    answer = daemon_by_hand(private_root, "/srv/data")
    assert answer.returncode == 3
    assert answer.stderr.startswith("turncoatd: cannot start: '/srv/data' is not a state folder, and not empty\nhint: ")
    after = os.stat(private_root.host_path("/srv/data"))
    assert (after.st_uid, after.st_mode) == (before.st_uid, before.st_mode)
    assert os.listdir(private_root.host_path("/srv/data")) == ["letter"]
