# SPDX-License-Identifier: Apache-2.0
"""Do interpreters, compilers in memory and debuggers that start from cold stay quiet, and is code without a name told?

Nothing of this machine is known to turncoat when they start: no profile, no history. Whoever is not installed is left out.
The program that does what an ordinary one does not is a copy of python3 under another name: inert, on loopback, with its own.
"""
import json
import subprocess

import pytest
import rehearsal
from private_root import NoPrivateRoot, PrivateRoot

NOTE = 24  # the most that a note weighs
CHECKS = ("behaviour.exec-memory", "behaviour.foreign-library", "behaviour.second-stage")

# A child of its own is what each debugger looks at.
GDB = "gdb -batch -nx -ex run --args /usr/bin/true"
STRACE = "strace -f -o /dev/null /bin/sh -c 'id; true'"
PYTHON = "import ctypes, ssl, sqlite3, json, hashlib; ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 7)()"
NODE = "let s = 0; for (let i = 0; i < 3e6; i++) s += Math.sqrt(i); console.log(s > 0)"
PERL = "use POSIX; use Digest::SHA; print length(Digest::SHA::sha256_hex(q(x)))"


@pytest.fixture(scope="module")
def watched(programs):
    try:
        with PrivateRoot(programs=programs) as root:
            root.write("/srv/Plain.java", "class Plain { public static void main(String[] a) { System.out.println(7); } }\n")
            turncoat = rehearsal.Turncoat(root)
            yield root, turncoat
            turncoat.stop()
    except NoPrivateRoot as e:
        pytest.skip(str(e))


def acts(root):
    rows = [
        ("bash", ["bash", "-c", "for i in 1 2 3; do id -u; done; ls / | sort | head -3"]),
        ("vim", ["vim", "-u", "NONE", "-es", "-c", "q"]),
        ("python3", ["python3", "-c", PYTHON]),
        ("perl", ["perl", "-e", PERL]),
        ("node", ["node", "-e", NODE]),
        ("java", ["java", "-Xshare:auto", "/srv/Plain.java"]),
        ("gdb", ["sh", "-c", GDB]),
        ("strace", ["sh", "-c", STRACE]),
        ("stdbuf", ["stdbuf", "-oL", "date"]),
    ]
    return [(name, argv) for name, argv in rows if root.run(["sh", "-c", f"command -v {name}"], scope=False, check=False).returncode == 0]


def findings(turncoat):
    logs = turncoat.root.run(["find", rehearsal.STATE + "/log", "-type", "f"], scope=False).stdout.split()
    rows = [json.loads(line) for line in turncoat.ask("replay", "--json", *sorted(logs)).splitlines()]
    return [r for r in rows if r["type"] == "finding" and r["check"] in CHECKS]


def test_a_plain_session_from_cold(watched):
    root, turncoat = watched
    done = acts(root)
    assert len(done) >= 4, done
    for _, argv in done:
        root.run(argv, user=True, timeout=60)  # as a service of alice's would
        root.run_in_terminal(argv, user=True, timeout=60)  # as a person does
    turncoat.settle()
    assert [s for s in turncoat.stories()] == []
    loud = [f for f in findings(turncoat) if f["score"] > NOTE]
    assert not loud, "\n".join(f"{f['score']} {f['software']['name']}: {f['summary']}" for f in loud)
    assert turncoat.seen("type=lib_load path=*libc*"), "the silence is worth nothing: loads were not recorded"


PROBE = "/opt/probe/probe"
LISTENER = """
import socket
s = socket.socket(); s.bind(("127.0.0.1", 4711)); s.listen(); print("ready", flush=True)
while True: s.accept()[0].close()
"""
TARGET = """
import ctypes, time
b = ctypes.create_string_buffer(b"harmless", 16); print(ctypes.addressof(b), flush=True); time.sleep(60)
"""
UNNAMED = """
import os, socket
socket.create_connection(("127.0.0.1", 4711)).close()
f = os.memfd_create("codec"); os.write(f, open("/usr/bin/true", "rb").read())
child = os.fork()
if child == 0: os.execve(f"/proc/self/fd/{f}", ["codec"], {})
assert os.waitpid(child, 0)[1] == 0
"""
REACH = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
mine = ctypes.create_string_buffer(b"replaced", 8)
here, there = Iovec(ctypes.addressof(mine), 8), Iovec(int(sys.argv[2]), 8)
assert libc.process_vm_writev(int(sys.argv[1]), ctypes.byref(here), 1, ctypes.byref(there), 1, 0) == 8, ctypes.get_errno()
"""


@pytest.fixture(scope="module")
def probe(watched):
    root, _ = watched
    root.run(["sh", "-c", f"mkdir -p /opt/probe && cp \"$(readlink -f /usr/bin/python3)\" {PROBE}"], scope=False)
    listener = root.popen(["python3", "-c", LISTENER], stdout=subprocess.PIPE, text=True)
    assert listener.stdout.readline() == "ready\n"
    yield root
    listener.kill()
    listener.wait()


def told(turncoat, check, text):
    turncoat.settle()
    found = [f for f in findings(turncoat) if f["check"] == check and text in f["summary"]]
    assert found, [f["summary"] for f in findings(turncoat)]
    return found[0]


def test_a_program_from_a_memory_file_after_the_network(watched, probe):
    probe.run([PROBE, "-c", UNNAMED])
    f = told(watched[1], "behaviour.second-stage", "ran a memory file")
    assert f["software"]["name"] == "probe" and f["score"] <= NOTE  # nobody knows the program, and a person started it


def test_writing_into_a_program_that_is_not_its_own(watched, probe):
    root, turncoat = watched
    target = root.popen(["python3", "-c", TARGET], stdout=subprocess.PIPE, text=True)
    address = target.stdout.readline().strip()
    root.run([PROBE, "-c", REACH, str(target.pid), address])
    target.kill()
    target.wait()
    if not turncoat.seen("type=access"):
        pytest.skip("this kernel tells no access to memory")
    f = told(turncoat, "behaviour.exec-memory", "wrote into the memory of")
    assert f["software"]["name"] == "probe" and f["score"] == 40


def test_a_library_that_the_environment_puts_there(watched):
    root, turncoat = watched
    if root.run(["sh", "-c", "command -v sqlite3"], scope=False, check=False).returncode:
        pytest.skip("no 'sqlite3' below /usr")
    root.run(["sh", "-c", "cp /lib/*-linux-gnu/libz.so.1 /tmp/hook.so"], scope=False)
    root.run(["sh", "-c", "LD_PRELOAD=/tmp/hook.so sqlite3 :memory: 'select 7'"], user=True)
    f = told(turncoat, "behaviour.foreign-library", "put there by LD_PRELOAD")
    assert f["software"]["name"] == "sqlite3" and f["score"] <= NOTE
