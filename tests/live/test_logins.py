# SPDX-License-Identifier: Apache-2.0
"""Does turncoat tell who logged in, who became somebody else, and who reached into whom, and find it again?"""
import json
import os

import pytest
from private_root import NoPrivateRoot, PrivateRoot
from rehearsal import Turncoat

SESSION = """
import os, sys
try:
    open('/proc/self/loginuid', 'w').write('1000')
except OSError as e:
    sys.exit(f'cannot: {e}')
os.setresgid(1000, 1000, 1000)
os.setresuid(1000, 1000, 1000)
os.execv('/usr/bin/id', ['id', 'of-a-session'])
"""


@pytest.fixture(scope="module")
def turncoat(programs):
    """One for all tests here: each looks for an act that no other does."""
    try:
        with PrivateRoot(programs=programs) as root:
            with open(root.host_path("/etc/shadow"), "a", encoding="ascii") as f:
                f.write("alice:*:19000:0:99999:7:::\n")  # an account that PAM lets in, without a password
            daemon = Turncoat(root)
            yield daemon
            daemon.stop()
    except NoPrivateRoot as e:
        pytest.skip(str(e))


def one(events):
    assert len(events) == 1, events
    return events[0]


def test_a_session_begins(turncoat):
    answer = turncoat.root.run(["python3", "-c", SESSION], check=False)
    if "cannot:" in answer.stderr:
        pytest.skip(f"this kernel does not let a login be made: {answer.stderr.strip()}")
    turncoat.settle()
    login = one(turncoat.seen("type=login action=logged_in"))
    assert login["turncoat"]["method"].startswith("python3")
    assert login["user"]["id"] == 1000 and login["process"]["entry_leader"]["real_user"]["id"] == 1000
    assert login["turncoat"]["login"] > 0
    process = one(turncoat.seen("type=exec process=id"))
    assert login["process"]["entity_id"] == process["process"]["entity_id"]


def test_root_becomes_alice_by_su(turncoat):
    turncoat.root.run(["su", "alice", "-c", "/usr/bin/uname -m"])
    turncoat.settle()
    su = one(turncoat.seen("type=login action=su"))
    assert su["turncoat"]["method"] == "su" and su["turncoat"]["from_uid"] == 0 and su["user"]["id"] == 1000


def test_alice_becomes_root_by_sudo_on_a_terminal(turncoat):
    if not os.path.exists("/usr/bin/sudo"):
        pytest.skip("no sudo here")
    turncoat.root.write("/etc/sudoers.d/test", "alice ALL=(ALL) NOPASSWD: ALL\n", mode=0o440)
    code, output = turncoat.root.run_in_terminal(["sudo", "/usr/bin/uname", "-s"], user=True)
    assert code == 0, output
    turncoat.settle()
    sudo = one(turncoat.seen("type=login action=sudo"))
    assert sudo["turncoat"]["method"] == "sudo" and sudo["turncoat"]["from_uid"] == 1000 and sudo["user"]["id"] == 0
    assert sudo["process"]["tty"]["name"].startswith("pts/")
    # The kernel told the change, with the ids before it.
    cred = [e for e in turncoat.seen("type=cred") if e["turncoat"]["old"].get("uid") == 1000 and e["user"]["id"] == 0]
    assert cred and not any(e["turncoat"]["flags"] & 512 for e in turncoat.seen("type=cred") if "flags" in e["turncoat"])


def test_a_debugger_is_found_with_its_target(turncoat):
    out = turncoat.root.run(
        [
            "python3",
            "-c",
            "import ctypes, os, signal, time\n"
            "child = os.fork()\n"
            "if child == 0: time.sleep(20); os._exit(0)\n"
            "libc = ctypes.CDLL(None)\n"
            "assert libc.ptrace(16, child, 0, 0) == 0\n"
            "os.waitpid(child, 0); os.kill(child, signal.SIGKILL); print(child)",
        ],
        user=True,
    )
    turncoat.settle()
    e = one(turncoat.seen("type=access action=ptrace"))
    assert e["Target"]["process"]["pid"] == int(out.stdout) and len(e["Target"]["process"]["entity_id"]) == 16
    assert e["process"]["entity_id"]


def test_nothing_outside_the_scope(turncoat):
    turncoat.root.run(["su", "alice", "-c", "/usr/bin/true"], scope=False)
    turncoat.settle()
    known = {e["process"]["pid"] for e in turncoat.seen("type=exec")}
    assert all(e["process"]["pid"] in known for e in turncoat.seen("type=cred"))
    assert len(turncoat.seen("type=login action=su")) == 1


def test_a_replay_tells_the_same(turncoat):
    """What is derived stands in the log: a replay derives nothing anew."""
    logs = turncoat.root.run(["find", "/var/lib/turncoat/log", "-type", "f"], scope=False).stdout.split()
    first, second = ([json.loads(line) for line in turncoat.ask("replay", "--json", *sorted(logs)).splitlines()] for _ in range(2))
    for rows in (first, second):
        assert rows[-1].pop("seconds") >= 0 and rows[-1]["events"] > 0
    assert first == second
