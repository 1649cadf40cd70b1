# SPDX-License-Identifier: Apache-2.0
"""Does the gate stop programs and libraries before they run, whichever way they start, and does nobody stay held?

The programs are copies in the private root; gate-probe has the gate and nothing else. Whether something ran shows in what
it leaves behind, not in how it ended.
"""
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sensor_client  # noqa: E402
from private_root import UNDER_TEST, NoPrivateRoot, PrivateRoot  # noqa: E402

LIVE = os.path.dirname(os.path.abspath(sensor_client.PROBE))
BIN = os.environ.get("TRN_PROGRAMS") or os.path.join(LIVE, "..", "..", "bin")
EXEC, MAP, MEMFD, FRESH, UNKNOWN, REFUSE_MEMFD = 1, 2, 4, 8, 16, 32
NEW = 3  # seconds; what the root was made of is older by then
MARK = f"{UNDER_TEST}/gate-mark"


class Gate:
    def __init__(self, root, *options):
        self.proc = root.popen(
            ["gate-probe", "--scope", root.scope, *options],
            scope=False,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        ready = self.proc.stdout.readline()
        if not ready:
            pytest.skip(f"no gate on this kernel: {self.proc.stderr.read()}")
        self.pid = json.loads(ready)["ready"]

    def ask(self, line):
        self.proc.stdin.write(line + "\n")
        return json.loads(self.proc.stdout.readline())

    def do(self, line):
        assert self.ask(line) == {"result": "ok"}, line

    def counts(self):
        return self.ask("counts")

    def questions(self):
        return self.ask("questions")["questions"]

    def asked(self, n=1):
        """The first n questions, when they have come."""
        self.do(f"wait {n}")
        return self.questions()

    def attached(self):
        """Ids of the programs behind this process's links."""
        ids = set()
        for fd in os.listdir(f"/proc/{self.pid}/fdinfo"):
            try:
                with open(f"/proc/{self.pid}/fdinfo/{fd}", encoding="ascii") as f:
                    info = dict(line.split(":", 1) for line in f if ":" in line)
            except FileNotFoundError:
                continue
            if "link_type" in info:
                ids.add(int(info["prog_id"]))
        return ids

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.proc.poll() is None:
            self.proc.stdin.close()
        self.proc.wait(timeout=20)
        self.proc.stdout.close()
        self.proc.stderr.close()


def patch_loader(root, program, loader):
    """Another name in the place of the loader that a copy of a program asks for."""
    at = root.host_path(program)
    with open(at, "r+b") as f:
        data = f.read()
        begin = data.index(b"/lib64/ld-linux" if b"/lib64/ld-linux" in data else b"/lib/ld-linux")
        end = data.index(b"\0", begin)
        assert len(loader) <= end - begin
        f.seek(begin)
        f.write(loader.encode().ljust(end - begin, b"\0"))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    programs = tmp_path_factory.mktemp("programs")
    for source in [f"{LIVE}/{n}" for n in ("gate-probe", "gate-act", "gate-mark")] + [f"{BIN}/turncoat-guard"]:
        if not os.path.exists(source):
            pytest.skip(f"no '{source}': build first")
        shutil.copy(source, programs)
    try:
        with PrivateRoot(programs=str(programs)) as r:
            r.run(["cp", "/usr/bin/touch", "/srv/program"])
            r.run(["cp", "/usr/bin/touch", "/srv/other"])
            r.run(["ln", "-s", "program", "/srv/symlink"])
            r.run(["ln", "/srv/program", "/srv/hardlink"])
            r.write("/srv/script", "#!/srv/program\n", mode=0o755)
            r.run(["sh", "-c", "cp /lib/*/libz.so.1 /srv/library.so || cp /lib/*/libcap.so.2 /srv/library.so"])
            # As the program itself asks for it: there may be a loader of 32 bits beside it.
            with open("/usr/bin/true", "rb") as f:
                data = f.read()
            begin = data.index(b"/lib64/ld-linux" if b"/lib64/ld-linux" in data else b"/lib/ld-linux")
            r.loader = data[begin : data.index(b"\0", begin)].decode()
            r.run(["cp", r.loader, "/srv/loader"])
            r.run(["cp", "/usr/bin/touch", "/srv/patched"])
            patch_loader(r, "/srv/patched", "/srv/loader")
            yield r
    except NoPrivateRoot as e:
        pytest.skip(str(e))


def shell_code(root, *argv, **rest):
    return root.run(["sh", "-c", '"$@" 2>/dev/null', "sh", *argv], check=False, **rest).returncode


def ran(root):
    """Whether the mark is there; takes it away."""
    there = root.exists("/srv/mark")
    if there:
        os.unlink(root.host_path("/srv/mark"))
    return there


WAYS = {
    "plain": ["/srv/program", "/srv/mark"],
    "by descriptor": ["gate-act", "run", "fd", "/srv/program", "/srv/mark"],
    "by a thread": ["gate-act", "run", "thread", "/srv/program", "/srv/mark"],
    "symbolic link": ["/srv/symlink", "/srv/mark"],
    "hard link": ["/srv/hardlink", "/srv/mark"],
    "as an interpreter": ["/srv/script", "/srv/mark"],
    "by vfork": ["gate-act", "vfork", "5", "/srv/program", "/srv/mark"],
    "argument of the loader": ["LOADER", "/srv/program", "/srv/mark"],
}
LOADS = {
    "dlopen": ["gate-act", "load", "dlopen", "/srv/library.so"],
    "mmap": ["gate-act", "load", "mmap", "/srv/library.so"],
    "mprotect": ["gate-act", "load", "protect", "/srv/library.so"],
    "read implies exec": ["gate-act", "load", "legacy", "/srv/library.so"],
    "LD_PRELOAD": ["env", "LD_PRELOAD=/srv/library.so", "echo", "loaded"],
}


def argv_of(root, way):
    return [root.loader if word == "LOADER" else word for word in way]


def test_nothing_is_attached_before_it_is_armed_and_nothing_stays(root):
    with Gate(root) as gate:
        assert gate.attached() == set()
        gate.do(f"arm {EXEC} 0")
        assert len(gate.attached()) == 1
        gate.do(f"arm {EXEC | MAP | MEMFD} 0")
        ids = gate.attached()
        assert len(ids) == 4
        gate.do("arm 0 0")
        assert gate.attached() == set()
        gate.do(f"arm {EXEC | MAP | MEMFD} 0")
        ids |= gate.attached()
    for _ in range(100):  # the kernel frees them when nobody can be running them any more
        left = [i for i in ids if subprocess.run(["bpftool", "prog", "show", "id", str(i)], capture_output=True).returncode == 0]
        if not left:
            break
        time.sleep(0.02)
    assert not left


def test_refused_whichever_way_it_starts(root):
    with Gate(root) as gate:
        gate.do(f"arm {EXEC | MAP} 0")
        for name, way in WAYS.items():
            shell_code(root, *argv_of(root, way))
            assert ran(root), f"{name}: the way itself does not work"
        gate.do("refuse /srv/program")
        for name, way in WAYS.items():
            before = gate.counts()["refused"]
            shell_code(root, *argv_of(root, way))
            assert not ran(root), name
            assert gate.counts()["refused"] > before, name
        assert gate.counts()["lost"] == gate.counts()["held"] == gate.counts()["asked"] == 0
        asked = gate.questions()
        assert all(q["refused"] for q in asked) and {q["map"] for q in asked} == {0, 1}
        assert shell_code(root, "/srv/other", "/srv/mark") == 0 and ran(root)  # another file with the same bytes
        beside = root.run(["/srv/program", "/srv/mark"], scope=False, check=False)  # out of scope
        assert beside.returncode == 0 and ran(root)


def test_the_loader_that_a_program_names_is_a_program_too(root):
    with Gate(root) as gate:
        gate.do(f"arm {EXEC} 0")
        assert shell_code(root, "/srv/patched", "/srv/mark") == 0 and ran(root)
        gate.do("refuse /srv/loader")
        shell_code(root, "/srv/patched", "/srv/mark")
        assert not ran(root) and gate.counts()["refused"] == 1


def test_a_refused_library_is_never_mapped(root):
    with Gate(root) as gate:
        gate.do(f"arm {MAP} 0")
        for name, way in LOADS.items():
            assert "loaded" in root.run(way, check=False).stdout, f"{name}: the way itself does not work"
        gate.do("refuse /srv/library.so")
        for i, (name, way) in enumerate(LOADS.items()):
            done = root.run(way, check=False)
            assert "loaded" not in done.stdout and gate.counts()["refused"] == i + 1, name
        # Reading it, also by a mapping, is nothing.
        reads = "import mmap; f = open('/srv/library.so', 'rb'); print(len(mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)[:]))"
        assert root.run(["python3", "-c", reads]).stdout.strip().isdigit()


def test_a_program_of_32_bits(root):
    act32 = f"{LIVE}/act32"
    if not os.path.exists(act32):
        pytest.skip("no program of 32 bits: this compiler makes none")
    root.copy_in(act32, "/srv")
    with Gate(root) as gate:
        gate.do(f"arm {EXEC | MAP} 0")
        try:
            root.popen(["/srv/act32"], cwd="/srv", stdout=subprocess.DEVNULL).wait(timeout=30)
        except OSError as e:
            if e.errno == errno.ENOEXEC:
                pytest.skip("this kernel runs no program of 32 bits")
            raise
        assert root.exists("/srv/act32.written")
        os.unlink(root.host_path("/srv/act32.written"))
        gate.do("refuse /srv/act32")
        root.popen(["/srv/act32"], cwd="/srv", stdout=subprocess.DEVNULL).wait(timeout=30)
        assert not root.exists("/srv/act32.written")


def test_a_verdict_is_about_one_content(root):
    with Gate(root) as gate:
        gate.do(f"arm {EXEC} 0")
        root.run(["cp", "/usr/bin/touch", "/srv/changing"])
        gate.do("refuse /srv/changing")
        shell_code(root, "/srv/changing", "/srv/mark")
        assert not ran(root)
        root.run(["sh", "-c", "echo >> /srv/changing"])
        assert shell_code(root, "/srv/changing", "/srv/mark") == 0 and ran(root)
        gate.do("refuse /srv/changing")
        gate.do("forget /srv/changing")
        assert shell_code(root, "/srv/changing", "/srv/mark") == 0 and ran(root)


HELD = {
    "plain": (WAYS["plain"], UNKNOWN),
    "by descriptor": (WAYS["by descriptor"], UNKNOWN),
    "by a thread": (WAYS["by a thread"], UNKNOWN),
    "as an interpreter": (WAYS["as an interpreter"], UNKNOWN),
    "memory file": (["gate-act", "run", "memfd", "/srv/program", "/srv/mark"], MEMFD),
    "sealed memory file": (["gate-act", "run", "sealed", "/srv/program", "/srv/mark"], MEMFD),
}


@pytest.mark.parametrize("verdict", ["continue", "kill"])
def test_held_and_then(root, verdict):
    """It waits until somebody decides; then it runs as if nothing had been, or leaves nothing behind."""
    with Gate(root) as gate:
        for path in ("/usr/bin/env", f"{UNDER_TEST}/gate-act"):
            gate.do(f"allow {path}")
        gate.do(f"allow {os.path.realpath(root.loader)}")
        for i, (name, (way, what)) in enumerate(HELD.items()):
            gate.do(f"arm {EXEC | what} 0")
            process = root.popen(way, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            question = gate.asked(i + 1)[-1]
            assert question["pid"] == process.pid and not question["refused"] and not question["not_held"], name
            assert (question["memfd"], question["sealed"]) == ("memory" in name, "sealed" in name), name
            time.sleep(0.05)
            assert process.poll() is None and gate.counts()["held"] == 1 and not ran(root), name
            gate.do(f"{'let' if verdict == 'continue' else 'kill'} {process.pid}")
            process.wait(timeout=10)
            assert (process.returncode, ran(root)) == ((0, True) if verdict == "continue" else (-signal.SIGKILL, False)), name
            for _ in range(100):
                if gate.counts()["held"] == 0:
                    break
                time.sleep(0.01)
            assert gate.counts()["held"] == gate.counts()["lost"] == 0, name


def test_a_library_that_nobody_knows_is_held(root):
    with Gate(root) as gate:
        gate.do(f"arm {MAP | FRESH} {NEW}")
        time.sleep(NEW)
        assert "loaded" in root.run(LOADS["dlopen"]).stdout and gate.counts()["asked"] == 0
        root.run(["sh", "-c", "cat /srv/library.so > /srv/fresh.so"])
        process = root.popen(["gate-act", "load", "dlopen", "/srv/fresh.so"], stdout=subprocess.PIPE, text=True)
        assert gate.asked()[0]["map"] and process.poll() is None
        gate.do("allow /srv/fresh.so")
        gate.do(f"let {process.pid}")
        assert process.communicate(timeout=10)[0] == "loaded\n"
        assert "loaded" in root.run(["gate-act", "load", "dlopen", "/srv/fresh.so"]).stdout and gate.counts()["asked"] == 1


def test_only_fresh_programs_are_held(root):
    with Gate(root) as gate:
        time.sleep(NEW)  # the copies of the root age
        gate.do(f"arm {EXEC | FRESH} {NEW}")
        gate.do("answer allow")
        assert shell_code(root, "/srv/other", "/srv/mark") == 0 and ran(root)
        assert gate.counts()["asked"] == 0
        root.run(["cp", "/usr/bin/touch", "/srv/new"])
        assert shell_code(root, "/srv/new", "/srv/mark") == 0 and ran(root)
        assert gate.counts()["asked"] == 1
        gate.do("allow /srv/new")
        assert shell_code(root, "/srv/new", "/srv/mark") == 0 and ran(root)
        assert gate.counts()["asked"] == 1
        own = root.popen(["sh", "-c", "read go; exec /srv/new2 /srv/mark"], stdin=subprocess.PIPE)
        root.run(["cp", "/usr/bin/touch", "/srv/new2"])
        gate.do("answer none")
        gate.do(f"own {own.pid}")
        own.communicate(b"go\n", timeout=10)
        assert own.returncode == 0 and ran(root) and gate.counts()["asked"] == 1


def test_many_starts_are_all_answered(root):
    with Gate(root) as gate:
        gate.do(f"allow {UNDER_TEST}/gate-act")
        gate.do(f"allow {os.path.realpath(root.loader)}")
        gate.do(f"arm {EXEC | UNKNOWN} 0")
        gate.do("answer allow")
        done = json.loads(root.run(["gate-act", "vfork", "200", MARK]).stdout)
        assert done["ended"] == 200 and gate.counts()["asked"] == 200
        gate.do("answer refuse")
        done = json.loads(root.run(["gate-act", "vfork", "200", MARK]).stdout)
        assert done["killed"] == 200 and gate.counts()["held"] == 0 == gate.counts()["lost"]


def test_who_ends_while_held_is_forgotten(root):
    with Gate(root) as gate:
        gate.do(f"arm {EXEC | MEMFD} 0")
        process = root.popen(HELD["memory file"][0])
        gate.asked()
        process.kill()
        process.wait(timeout=10)
        for _ in range(100):
            if gate.counts()["held"] == 0:
                break
            time.sleep(0.01)
        assert gate.counts()["held"] == 0
        assert gate.ask(f"let {process.pid}") == {"result": "ESRCH"}


def test_the_end_of_the_gate_lets_go(root):
    with Gate(root) as gate:
        gate.do(f"arm {EXEC | MEMFD} 0")
        process = root.popen(HELD["memory file"][0])
        gate.asked()
        gate.do("arm 0 0")  # whom it holds waits on
        assert gate.counts()["held"] == 1 and process.poll() is None
    assert process.wait(timeout=10) == 0 and ran(root)


@pytest.mark.parametrize("options, killed", [([], 0), (["--kill-unasked"], 1)])
def test_who_is_traced_cannot_be_held(root, options, killed):
    """The tracer can throw a stop away, so it is only told, and killed where that was asked for."""
    with Gate(root, *options) as gate:
        gate.do(f"allow {UNDER_TEST}/gate-act")
        gate.do(f"allow {os.path.realpath(root.loader)}")
        gate.do(f"arm {EXEC | UNKNOWN} 0")
        done = json.loads(root.run(["gate-act", "traced", "-", "/srv/other", "/srv/mark"]).stdout)
        assert (done["killed"], ran(root)) == (killed, not killed)
        question = gate.asked()[0]
        assert question["not_held"] and question["refused"] == killed and gate.counts()["lost"] == 1


@pytest.mark.parametrize("when", ["flood", "late"])
def test_somebody_who_helps(root, when):
    """SIGCONT without end does not make a held program run, except by chance in its first microseconds; one that is refused
    at once never."""
    tries = 300
    with Gate(root) as gate:
        if gate.ask("hook")["state"] != "on":
            pytest.skip("this kernel lets nobody be signalled from there")
        gate.do(f"arm {EXEC | MEMFD} 0")
        gate.do("answer refuse")
        done = json.loads(root.run(["gate-act", when, str(tries), MARK]).stdout)
        print(f"\n{when}: {done}, {gate.counts()}", file=sys.stderr)
        assert done["ran"] * 20 <= tries and gate.counts()["continued"] > 0
        gate.do(f"arm {EXEC | REFUSE_MEMFD} 0")
        done = json.loads(root.run(["gate-act", when, str(tries), MARK]).stdout)
        assert done["ran"] == 0
        gate.do("arm 0 0")
        assert json.loads(root.run(["gate-act", when, "5", MARK]).stdout)["ran"] == 5  # else this test could not fail


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL, "nobody reads"])
def test_the_guard_lets_everybody_go(root, how):
    with Gate(root, "--guard", f"{UNDER_TEST}/turncoat-guard") as gate:
        gate.do(f"arm {EXEC | MEMFD} 0")
        if how == "nobody reads":
            gate.proc.stdin.write("stall 10000\n")
        waiting = [root.popen(HELD["memory file"][0][:-1] + [f"/srv/mark{i}"]) for i in range(3)]
        if how != "nobody reads":
            gate.asked(3)
            time.sleep(1)  # longer than the guard's patience: a gate that is well is left alone
            assert gate.counts()["held"] == 3
            os.kill(gate.pid, how)
        began = time.monotonic()
        for i, process in enumerate(waiting):
            assert process.wait(timeout=10) == 0
            assert root.exists(f"/srv/mark{i}")
        took = time.monotonic() - began
        assert gate.proc.wait(timeout=10) == -signal.SIGKILL
        assert "3 held processes were continued" in gate.proc.stderr.read()
    assert took < 3  # a second on a machine that is not loaded
    print(f"\n{how}: all three had ended {took * 1000:.0f} ms later", file=sys.stderr)
