# SPDX-License-Identifier: Apache-2.0
"""Does turncoatd tell each act, in each way that the kernel offers, as coverage_table.py says? Is docs/coverage.md true?

One daemon in a private root; all acts, one after the other; then its whole log is read once and asked for each row.
With TRN_UPDATE=1 docs/coverage.md is written before it is compared.
"""
import ipaddress
import json
import os
import platform
import subprocess

import pytest
from coverage_table import BEFORE, FAMILIES, rows
from coverage_words import ANY, NOT_YET, ChildOf
from private_root import NoPrivateRoot, PrivateRoot
from rehearsal import STATE, Turncoat

HERE = os.path.dirname(os.path.abspath(__file__))
DOC = os.path.join(HERE, "..", "..", "docs", "coverage.md")
SECRET = "/home/alice/.ssh/id_acts"
ENV = {"ACTS_DIR": "/srv/acts", "ACTS_SECRET": SECRET}
KERNEL = (6, 18)  # the table's; an older one has fewer hooks
OURS = tuple(int(n) for n in platform.release().split(".")[:2])
OLDER = OURS < KERNEL
ROWS = [pytest.param(act, way, id=f"{act.name}, {way}".replace("/", "_")) for _, act, way in rows()]


# ---- what happened ----


class Coverage:
    """What the acts told about themselves, and what the daemon's log says."""

    def __init__(self, told, events):
        self.told, self.events = told, events
        self._of, self._entities, self._children = {}, {}, {}
        for e in events:
            pid = e.get("process.pid")
            self._of.setdefault(pid, []).append(e)
            if e["turncoat.type"] in ("fork", "exec"):
                self._entities.setdefault(pid, set()).add(e["process.entity_id"])
            if e["turncoat.type"] == "fork":
                self._children.setdefault(e["process.parent.pid"], []).append(pid)

    def losses(self):
        """But for identities: some programs are gone before anybody could open them."""
        return [e for e in self.events if e["turncoat.type"] == "loss" and e["turncoat.meta.class"] != "identity"]

    def about(self, expected, told):
        """The events of the process, or the processes, that the expected one is about."""
        who = expected.fields.get("process.pid")
        if who is None:
            return self.events
        pid = resolved(who, told)
        pids = self._children.get(pid, ()) if isinstance(who, ChildOf) else [pid]
        return [e for p in pids for e in self._of.get(p, ()) if e["turncoat.type"] == expected.kind]

    def find(self, expected, told):
        for e in self.about(expected, told):
            if e["turncoat.type"] != expected.kind or (expected.action and e["event.action"] != expected.action):
                continue
            wanted = ((f, resolved(v, told)) for f, v in expected.fields.items() if f != "process.pid")
            if all(fits(e.get(f), v) for f, v in wanted) and self._entity_fits(e):
                return e
        return None

    def _entity_fits(self, event):
        """An event that names the entity names the one that the process had from its fork or exec on."""
        entity = event.get("process.entity_id")
        return entity is None or entity in self._entities.get(event.get("process.pid"), ())


def resolved(value, told):
    if isinstance(value, list):
        return [resolved(v, told) for v in value]
    if isinstance(value, str) and value.startswith("$"):
        return told[value[1:]]
    return value


def fits(have, want):
    if want is ANY:
        return have is not None
    if have is not None and isinstance(want, str) and want.count(":") + want.count(".") > 1:
        try:
            return ipaddress.ip_address(have) == ipaddress.ip_address(want)
        except ValueError:
            pass
    return have == want


def flat(tree, prefix=""):
    """{"process": {"pid": 7}} to {"process.pid": 7}."""
    out = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            out.update(flat(value, prefix + key + "."))
        else:
            out[prefix + key] = value
    return out


def prepare(root, built):
    for name in ("acts/acts", "acts/acts-library.so", "log-lines"):
        root.copy_in(os.path.join(built, name), "/opt/acts")
    root.copy_in(os.path.join(HERE, "acts", "peers.py"), "/opt/acts")
    root.write(SECRET, "made up for the test", user=True, mode=0o600)
    root.mkdir("/srv/acts", mode=0o777)
    with open(root.host_path("/etc/shadow"), "a", encoding="utf-8") as f:
        f.write("alice:*:19000:0:99999:7:::\n")  # su asks whether the account is still good
    argv = ["/usr/bin/python3", "-B", "/opt/acts/peers.py"]
    peers = root.popen(argv, scope=False, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if peers.stdout.readline() != "ready\n":
        raise AssertionError("the other ends did not start")


def start_before(root):
    """Before turncoatd: what it has to find when it starts."""
    argv = ["/opt/acts/acts", "BEFORE"]
    holder = root.popen(argv, env=ENV, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    lines = (json.loads(holder.stdout.readline()) for _ in range(len(BEFORE[0].ways)))
    return {(line["act"], line["way"]): line for line in lines}


def do_all(root):
    env = {**ENV, "ACTS_CGROUP": root.scope}
    lines = root.run(["/opt/acts/acts", "ALL"], env=env, timeout=120).stdout.splitlines()
    told, last = {}, {"error": "said nothing"}
    for line in map(json.loads, lines):
        if "ended" not in line:
            last = line
            continue
        if line["ended"] != 0 and "error" not in last:
            last = {"error": f"ended with {line['ended']}"}
        told[line["act"], line["way"]] = last
        last = {"error": "said nothing"}
    return told


def run_once(programs, built):
    with PrivateRoot(programs=programs) as root:
        prepare(root, built)
        told = start_before(root)
        daemon = Turncoat(root)
        told.update(do_all(root))
        daemon.settle()
        daemon.stop()
        logs = root.run(["find", STATE + "/log", "-type", "f"], scope=False).stdout.split()
        lines = root.run(["/opt/acts/log-lines", *sorted(logs)], scope=False).stdout.splitlines()
        return Coverage(told, [flat(json.loads(line)) for line in lines])


@pytest.fixture(scope="module")
def coverage(programs):
    """A loss that is told (the kernel leaves one program call in some thousands out) has all done again, at most twice."""
    built = os.path.join(programs, "..", "tests", "live")
    if not os.path.exists(os.path.join(built, "acts", "acts")):
        pytest.skip(f"no acts in '{built}': build first")
    try:
        for _ in range(3):
            found = run_once(programs, built)
            if not found.losses():
                break
    except NoPrivateRoot as e:
        pytest.skip(str(e))
    return found


# ---- the questions ----


@pytest.mark.parametrize("act, way", ROWS)
def test_row(coverage, act, way):
    told = coverage.told[act.name, way]
    if "skip" in told:
        pytest.skip(told["skip"])
    assert "error" not in told, f"the act itself failed: {told['error']}"
    expected, seen, why = act.expected(way)
    for event in expected:
        found = coverage.find(event, told)
        if not seen:
            assert not found, f"a hole ('{why}') that is seen: give the row its event in coverage_table.py\n{found}"
        else:
            if not found and OLDER:
                pytest.skip(f"not seen on this kernel, which is older than {'.'.join(map(str, KERNEL))}")
            what = f"{event.kind} {event.action or ''} {event.fields}"
            assert found, f"not seen: {what}\nacts told {told}\nnear it {coverage.about(event, told)[-5:]}"


def test_the_table_has_every_act(coverage):
    assert {(act.name, way) for _, act, way in rows()} == set(coverage.told)


def test_nothing_was_lost(coverage):
    assert not coverage.losses(), json.dumps(coverage.losses())


# ---- the page ----

HEADER = """# What is seen
Made by the tests, on
Linux {kernel} ({machine}):
`tests/live/test_coverage.py` does each act in each way (`tests/live/acts/`) in a private root of its own and asks the
log of turncoatd for the event, with exactly the fields that stand here. It fails when a row that is seen is not seen any
more, when a hole is suddenly seen, and when this page is not what it would write. To write it anew, as root:
`TRN_UPDATE=1 python3 -m pytest -q tests/live/test_coverage.py`; what is expected stands in `coverage_table.py` beside it.

"By a worker" is `IOSQE_ASYNC`, "linked" a request behind another one, "SQPOLL" the kernel's polling thread. "32-bit" is the
system call table of 32-bit programs (`int 0x80`).

{seen} ways are seen, {holes} are holes, {skipped} cannot be done on this machine.
"""


def words(event):
    what = f"`{event.kind}`" + (f" {event.action}" if event.action else "")
    return f"{what}: {', '.join(event.fields)}" if event.fields else what


def page(told):
    counts = {"seen": 0, "holes": 0, "skipped": 0}
    parts = []
    for family, acts in FAMILIES.items():
        parts.append(f"\n## {family.capitalize()}\n\n| act | way | seen as | why not |\n| --- | --- | --- | --- |\n")
        for act in acts:
            for way in act.ways:
                expected, seen, why = act.expected(way)
                skipped = told[act.name, way].get("skip")
                counts["skipped" if skipped else "seen" if seen else "holes"] += 1
                how = "not on this machine" if skipped else "; ".join(map(words, expected)) if seen else "**no**"
                parts.append(f"| {act.name} | {way} | {how} | {skipped or why or '-'} |\n")
    kernel = ".".join(map(str, OURS))
    return HEADER.format(kernel=kernel, machine=platform.machine(), **counts) + "".join(parts)


def test_the_page_is_true(coverage):
    text = page(coverage.told)
    if os.environ.get("TRN_UPDATE"):
        with open(DOC, "w", encoding="utf-8") as f:
            f.write(text)
    with open(DOC, encoding="utf-8") as f:
        stored = f.read()
    of = next(line for line in stored.splitlines() if line.startswith("Linux "))
    if of not in text:
        pytest.skip(f"docs/coverage.md was made on another kernel: {of}")
    assert stored == text, "docs/coverage.md is not what this made: TRN_UPDATE=1 writes it; look at the difference"


def test_no_row_says_not_yet():
    assert [(act.name, way) for _, act, way in rows() if act.expected(way)[2] == NOT_YET] == []
