# SPDX-License-Identifier: Apache-2.0
"""Does nobody wait for a process of turncoat that was stopped or killed, in the middle of a flood of opens and starts?

The files are on the private root's own tmpfs; only the processes that this test started are stopped or killed, by number.
"""
import ctypes
import json
import os
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sensor_client  # noqa: E402
from private_root import NoPrivateRoot, PrivateRoot  # noqa: E402
from rehearsal import STATE, Turncoat  # noqa: E402

LIVE = os.path.dirname(os.path.abspath(sensor_client.PROBE))
PLACE, POLICY, FLOOD = "/protected", "/etc/turncoat/flood.yaml", "/srv/flood/flood-files"
BAD, SPARE = "/srv/bad", "/srv/spare"  # the same content; only the first is blocked by its path
DEADLINE, HOLD, GUARD = 0.6, 0.6, 1.0  # seconds; the first two are declared by the policy, the third is the guard's promise
OPENERS, STARTERS, SECONDS = 4, 3, 1.8
# What an open may take, and a start, which also waits for the engine's word; a busy machine's own time comes on top.
OPEN_MAX = GUARD + DEADLINE
START_MAX = GUARD + DEADLINE + HOLD
SLACK = 0.4
BURST, SLOTS = 200, 128  # more openers at once than the daemon lets wait


def policy(root, then="allow", on_timeout="allow"):
    root.write(
        POLICY,
        f"mode: protect\nprotect-mounts: [{PLACE}]\ndeadline-ms: {int(DEADLINE * 1000)}\non-timeout: {on_timeout}\n"
        f"hold-new-programs: {{fresh: 10m, for-ms: {int(HOLD * 1000)}, then: {then}}}\n",
    )


@pytest.fixture(scope="module")
def root(programs):
    if not os.path.exists(f"{LIVE}/flood-files"):
        pytest.skip(f"no '{LIVE}/flood-files': build first")
    try:
        with PrivateRoot(programs=programs) as r:
            r.copy_in(f"{LIVE}/flood-files", "/srv/flood")
            r.run(["sh", "-c", f"mkdir {PLACE}; mount -t tmpfs -o size=256m protected {PLACE}"])
            r.run(["sh", "-c", f"cp /usr/bin/true {SPARE}; printf x >> {SPARE}; cp {SPARE} {BAD}"])
            yield r
    except NoPrivateRoot as e:
        pytest.skip(str(e))


class Protected:
    """turncoatd with two rules: one about a file, by hash, and one by build-id, for which contents are parsed by a worker."""

    def __init__(self, root):
        self.root = root
        policy(root)
        self.turncoat = Turncoat(root, options=["--policy", POLICY])
        self.pid = self.turncoat.daemon.pid
        if not json.loads(self.turncoat.ask("respond", "list", "--json"))["actions"]:
            sha256 = root.run(["sha256sum", BAD]).stdout.split()[0]
            for target in (BAD, sha256, "build-id:" + "ab" * 20):
                self.turncoat.ask("respond", "block", target)
        self.until(lambda: self.bad() == 126, "what was blocked is refused")

    def status(self):
        """Once there is an engine that tells it."""
        told = []

        def ask():
            said = self.root.run(["turncoat", "status", "--json", "--state", STATE], scope=False, check=False)
            told[:] = [json.loads(said.stdout)] if said.returncode == 0 else []
            return told

        self.until(ask, "status")
        return told[0]

    def answers(self):
        return self.status()["answers"]

    def until(self, what, name, seconds=15):
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, f"{name}: not within {seconds} s\n{self.turncoat.words()}"
            time.sleep(0.05)

    def again(self, **policy_):
        """The policy as it is now in the file."""
        said = "the policy was read again"
        before = self.turncoat.words().count(said)
        policy(self.root, **policy_)
        os.kill(self.pid, signal.SIGHUP)
        self.until(lambda: self.turncoat.words().count(said) > before, said)

    def bad(self):
        """Exit code of the blocked program: 126 when it is refused."""
        return self.root.run(["sh", "-c", f"{BAD} 2>/dev/null"], check=False).returncode

    def children(self):
        """{name: [pid]}; of the two inspects the blocker's own is the one that status does not name."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as f:
            pids = [int(p) for p in f.read().split()]
        for thread in os.listdir(f"/proc/{self.pid}/task"):  # children of other threads
            with open(f"/proc/{self.pid}/task/{thread}/children", encoding="ascii") as f:
                pids += [int(p) for p in f.read().split() if int(p) not in pids]
        found = {}
        for pid in pids:
            try:
                with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
                    found.setdefault(f.read().strip(), []).append(pid)
            except FileNotFoundError:
                pass
        return found

    def who(self, name):
        """The process of that name, once it is there."""
        if name == "turncoatd":
            return self.pid
        found = []

        def look():
            if name in ("turncoat-inspect", "judge"):
                main = self.status()["processes"]["turncoat-inspect"]
                pids = self.children().get("turncoat-inspec", [])
                pids = [p for p in pids if (p == main) == (name == "turncoat-inspect") and state_of(p) not in ("Z", "T", "")]
                found[:] = pids if len(pids) == 1 else []  # not one that is being replaced
                if not found:  # one is started for the next question
                    self.root.run(["sh", "-c", f"cp /usr/bin/true {PLACE}/asked; cat {PLACE}/asked >/dev/null"])
            else:
                found[:] = self.children().get(name[:15], [])
            return found

        self.until(look, name)
        return found[0]


@pytest.fixture(scope="module")
def daemons(root):
    running = []
    yield running
    for p in running:
        if p.turncoat.daemon.poll() is None:
            p.turncoat.stop()


@pytest.fixture
def protected(root, daemons):
    """The one from the test before, as long as it runs."""
    if not daemons or daemons[-1].turncoat.daemon.poll() is not None:
        daemons.append(Protected(root))
    return daemons[-1]


def flood(root, seconds=SECONDS):
    p = root.popen([FLOOD, PLACE, str(int(seconds * 1000)), str(OPENERS), str(STARTERS)], stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "ready\n"
    return p


def end_of(p):
    out, _ = p.communicate(timeout=30)
    return json.loads(out)


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            return f.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def stopped(root):
    with open(f"{root.scope}/cgroup.procs", encoding="ascii") as f:
        return [pid for pid in f.read().split() if state_of(pid) == "T"]


def nobody_waited(what, told):
    print(f"\n{what}: longest open {told['longest_open']:.3f} s, start {told['longest_start']:.3f} s; {told}")
    assert told["hung"] == 0 and told["failed"] == 0, told
    assert told["opens"] > 0 and told["starts"] > 0, told
    assert told["longest_open"] <= OPEN_MAX + SLACK and told["longest_start"] <= START_MAX + SLACK, told


def programs_in_kernel():
    """Ids of all BPF programs that are loaded."""
    nr, get_next_id = {"x86_64": 321, "aarch64": 280}[os.uname().machine], 11
    libc, attr, ids = ctypes.CDLL(None, use_errno=True), (ctypes.c_uint32 * 32)(), set()
    while libc.syscall(nr, get_next_id, attr, ctypes.sizeof(attr)) == 0:
        attr[0] = attr[1]
        ids.add(attr[1])
    return ids


def programs_of(pid):
    ids = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii", errors="replace") as f:
                ids |= {int(line.split()[1]) for line in f if line.startswith("prog_id:")}
        except FileNotFoundError:
            pass
    return ids


@pytest.mark.parametrize("sig", [signal.SIGSTOP, signal.SIGKILL], ids=["stopped", "killed"])
def test_turncoatd_in_a_flood(root, protected, sig):
    """Everybody goes on, those too who are held for an engine that does not answer; and nothing stays attached."""
    attached = programs_of(protected.pid)
    siblings = [pid for pids in protected.children().values() for pid in pids]
    assert attached and attached <= programs_in_kernel()
    engine = protected.who("turncoat-engine")
    f = flood(root)
    time.sleep(SECONDS / 3)
    os.kill(engine, signal.SIGSTOP)
    try:
        protected.until(lambda: stopped(root), "somebody is held")
        os.kill(protected.pid, sig)
        assert protected.turncoat.daemon.wait(timeout=5) == -signal.SIGKILL  # stopped: by the guard
        ended = time.monotonic()
        assert protected.bad() == 0, "nobody refuses"
        nobody_waited(f"turncoatd {sig.name}", end_of(f))
        assert not stopped(root)
    finally:
        os.kill(engine, signal.SIGCONT)
    while programs_in_kernel() & attached or any(state_of(p) not in ("", "Z") for p in siblings):
        assert time.monotonic() < ended + 10, (programs_in_kernel() & attached, [(p, state_of(p)) for p in siblings])
        time.sleep(0.05)


@pytest.mark.parametrize("name", ["turncoat-engine", "turncoat-inspect", "judge", "turncoat-guard"])
@pytest.mark.parametrize("sig", [signal.SIGSTOP, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_sibling_in_a_flood(root, protected, name, sig):
    """turncoatd answers alone: within its deadlines, and what is blocked stays refused all the time."""
    pid = protected.who(name)
    f = flood(root)
    time.sleep(SECONDS / 3)
    os.kill(pid, sig)
    try:
        while f.poll() is None:
            assert protected.bad() == 126
        nobody_waited(f"{name} {sig.name}", end_of(f))
    finally:
        if sig == signal.SIGSTOP and state_of(pid) == "T":
            os.kill(pid, signal.SIGCONT)
    assert not stopped(root)
    assert protected.turncoat.daemon.poll() is None, protected.turncoat.words()
    if sig == signal.SIGKILL:
        protected.until(lambda: protected.who(name) != pid, "another is started")
        assert protected.status()["ready"]
    assert protected.bad() == 126


@pytest.mark.parametrize("on_timeout", ["allow", "refuse"])
def test_more_openers_than_can_wait(root, protected, on_timeout):
    """No verdict comes, and there is no room for all who wait for one: as the policy says, and counted."""
    copy = f"{PLACE}/copy-{on_timeout}"
    root.run(["cp", SPARE, copy])
    judge = protected.who("judge")
    protected.again(on_timeout=on_timeout)
    before = protected.answers()
    os.kill(judge, signal.SIGSTOP)
    try:
        assert root.run(["sh", "-c", f"{copy} 2>/dev/null"], check=False).returncode == 126, "its hash is enough"
        burst = root.popen([FLOOD, "--burst", PLACE, str(BURST)], stdout=subprocess.PIPE, text=True)
        assert burst.stdout.readline() == "ready\n"
        # Who asks for an act does not wait for the worker, nor does the heartbeat.
        begun = time.monotonic()
        rule = json.loads(protected.turncoat.ask("respond", "block", "build-id:" + "cd" * 20, "--json"))
        asked = time.monotonic() - begun
        told = end_of(burst)
        print(f"\n{on_timeout}: {told}; a rule meanwhile: {asked:.3f} s")
    finally:
        if state_of(judge) == "T":
            os.kill(judge, signal.SIGCONT)
    assert told["opens"] == BURST and told["hung"] == told["failed"] == 0, told
    assert told["longest_open"] <= DEADLINE + SLACK, told
    assert BURST - SLOTS <= told["quick"] < BURST, told
    assert told["refused"] == 0 if on_timeout == "allow" else told["refused"] >= BURST - SLOTS, told

    def counted():
        now = protected.answers()
        late, refused = (now[k] - before[k] for k in ("late", "late_refused"))
        return late >= BURST - SLOTS and (refused == 0 if on_timeout == "allow" else refused >= BURST - SLOTS)

    protected.until(counted, "what was late is counted")
    assert protected.turncoat.daemon.poll() is None, protected.turncoat.words()
    protected.turncoat.ask("respond", "undo", str(rule["id"]))
    protected.again()


@pytest.mark.parametrize("then, code", [("allow", 0), ("refuse", -signal.SIGKILL)])
def test_a_new_program_waits_for_an_engine_that_is_stopped(root, protected, then, code):
    protected.again(then=then)
    root.run(["sh", "-c", f"cp /usr/bin/true /srv/new-{then}"])
    engine = protected.who("turncoat-engine")
    os.kill(engine, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        p = root.popen([f"/srv/new-{then}"])
        assert p.wait(timeout=10) == code
        took = time.monotonic() - begun
    finally:
        os.kill(engine, signal.SIGCONT)
    print(f"\n{then}: {took:.3f} s")
    assert HOLD <= took <= HOLD + GUARD + SLACK
    assert not stopped(root)
    # With its engine back the next one is judged: sooner, and let go.
    root.run(["sh", "-c", f"cp /usr/bin/true /srv/newer-{then}"])
    protected.until(lambda: root.run([f"/srv/newer-{then}"], check=False).returncode == 0, "the engine judges")
    protected.again()
