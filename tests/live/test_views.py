# SPDX-License-Identifier: Apache-2.0
"""Is what happens on a file system told that only another mount namespace shows, and is nothing else marked for it?

Nobody here is a container runtime: unshare and mount make the same namespaces and memory file systems.
"""
import json
import os
import re
import time

import pytest
from private_root import NoPrivateRoot, PrivateRoot
from rehearsal import STATE, Turncoat

# The mount comes after the namespace, as with a volume; then it is given time to be found, as whoever runs longer has it.
SERVICE = """
mount -t tmpfs acme {folder} && sleep 1
echo one > {folder}/made; mv {folder}/made {folder}/moved; rm {folder}/moved
sleep 1
"""


def log_of(root):
    logs = root.run(["find", STATE + "/log", "-type", "f"], scope=False).stdout.split()
    return [json.loads(line) for line in root.run(["/opt/log/log-lines", *sorted(logs)], scope=False).stdout.splitlines()]


def files_below(events, folder):
    of = [e for e in events if e["turncoat"]["type"] == "file" and e["file"]["path"].startswith(folder)]
    return [(e["event"]["action"], os.path.basename(e["file"]["path"])) for e in of]


def devices_with_marks(daemon):
    """The super blocks that turncoatd's groups carry marks on, as the kernel lists them."""
    found, folder = set(), f"/proc/{daemon.daemon.pid}/fdinfo"
    for name in os.listdir(folder):
        try:
            with open(f"{folder}/{name}", encoding="ascii") as f:
                found.update(re.findall(r"sdev:([0-9a-f]+)", f.read()))
        except OSError:
            continue
    return found


def unshared(folder, *how):
    return ["unshare", *how, "sh", "-c", SERVICE.format(folder=folder)]


def run_all(root):
    """Three services, one after the other so that device numbers come again, and one that is not to be sensed."""
    daemon = Turncoat(root)
    before = devices_with_marks(daemon)
    beside = root.popen(unshared("/srv/beside", "-m"), scope=False)
    time.sleep(1.2)
    while_beside = devices_with_marks(daemon)
    beside.wait(timeout=20)
    root.run(unshared("/srv/one", "-m"))
    root.run(unshared("/srv/two", "-m"))
    root.run(unshared("/srv/user", "-U", "-r", "-m"), user=True)
    daemon.settle()
    time.sleep(1)  # hooks are looked at once a second
    hooks = json.loads(daemon.ask("status", "--json"))["hooks"]
    after = devices_with_marks(daemon)
    daemon.stop()
    return {"marks": (before, while_beside, after), "hooks": {h["name"]: h for h in hooks}, "events": log_of(root)}


@pytest.fixture(scope="module")
def seen(programs):
    lines = os.path.join(programs, "..", "tests", "live", "log-lines")
    if not os.path.exists(lines):
        pytest.skip(f"no '{lines}': build first")
    try:
        with PrivateRoot(programs=programs) as root:
            root.copy_in(lines, "/opt/log")
            for name in ("one", "two", "user", "beside"):
                root.mkdir("/srv/" + name, mode=0o777)
            return run_all(root)
    except NoPrivateRoot as e:
        pytest.skip(str(e))


@pytest.mark.parametrize("name", ["one", "two", "user"])
def test_what_happens_there_is_told_by_the_path_that_it_has_there(seen, name):
    told = files_below(seen["events"], f"/srv/{name}/")
    assert {("created", "made"), ("written", "made"), ("renamed", "moved"), ("deleted", "moved")} <= set(told), told


def test_what_is_beside_the_scope_is_neither_marked_nor_told(seen):
    before, while_beside, _ = seen["marks"]
    assert while_beside == before
    assert files_below(seen["events"], "/srv/beside/") == []


def test_marks_go_with_their_file_systems_and_that_is_no_alarm(seen):
    before, _, after = seen["marks"]
    assert after == before
    assert seen["hooks"]["file.marks"]["state"] == "on", seen["hooks"]["file.marks"]
    assert not [e for e in seen["events"] if e["turncoat"]["type"] == "hook"]
