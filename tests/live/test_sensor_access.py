# SPDX-License-Identifier: Apache-2.0
"""Does the sensor tell when a process reaches into another one, by each way, and stay silent about harmless looks?"""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sensor_client  # noqa: E402
from private_root import NoPrivateRoot  # noqa: E402

PROCESS_VM = {"x86_64": (310, 311), "aarch64": (270, 271)}[os.uname().machine]

# A child that sleeps, with a known buffer at the same address in both (fork), is what each act reaches into.
BEGIN = f"""
import ctypes, os, signal, struct, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 4
libc.ptrace.restype = ctypes.c_long
buffer = ctypes.create_string_buffer(b"harmless", 64)
address = ctypes.addressof(buffer)
child = os.fork()
if child == 0:
    time.sleep(30)
    os._exit(0)
print(child)
class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
def process_vm(write):
    mine, theirs = ctypes.create_string_buffer(b"replaced", 8), Iovec(address, 8)
    local = Iovec(ctypes.addressof(mine), 8)
    n = libc.syscall({PROCESS_VM[0]} + write, child, ctypes.byref(local), 1, ctypes.byref(theirs), 1, 0)
    assert n == 8, os.strerror(ctypes.get_errno())
def attach():
    assert libc.ptrace(16, child, 0, 0) == 0
    os.waitpid(child, 0)
"""
END = """
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
"""


@pytest.fixture(scope="module")
def watched():
    if not os.path.exists(sensor_client.PROBE):
        pytest.skip(f"no sensor-probe at '{sensor_client.PROBE}': build first")
    try:
        with sensor_client.Watched() as both:
            root, sensor = both
            if sensor.hooks["access.memory"]["state"] == "off":
                pytest.skip(f"access.memory: {sensor.hooks['access.memory']['reason']}")
            yield root, sensor
    except NoPrivateRoot as e:
        pytest.skip(str(e))


def act(root, code, **more):
    """Runs the act; returns the pids of actor and target."""
    out = root.run(["python3", "-c", BEGIN + f"print(os.getpid())\n{code}\n" + END], **more).stdout.split()
    return int(out[1]), int(out[0])


@pytest.mark.parametrize(
    "code, action, way",
    [
        ("process_vm(0)", "read", "process_vm_readv"),
        ("process_vm(1)", "write", "process_vm_writev"),
        ("attach(); libc.ptrace(2, child, address, 0)", "read", "ptrace"),
        ("attach(); libc.ptrace(5, child, address, 0x6c696b656c6e75)", "write", "ptrace"),
        ("f = os.open(f'/proc/{child}/mem', os.O_RDONLY); os.pread(f, 8, address)", "read", "/proc/PID/mem"),
        ("f = os.open(f'/proc/{child}/mem', os.O_RDWR); os.pwrite(f, b'replaced', address)", "write", "/proc/PID/mem"),
        ("f = os.open(f'/proc/{child}/mem', os.O_RDONLY); os.preadv(f, [bytearray(8)], address)", "read", "/proc/PID/mem"),
    ],
)
def test_each_way_into_memory(watched, code, action, way):
    root, sensor = watched
    if way == "ptrace" and os.path.exists("/sys/bus/event_source/devices/kprobe"):
        pytest.skip("where there is fexit, what a debugger reads and writes is not told; that it attached is")
    actor, target = act(root, code, user=True)
    e = sensor.wait(type="access", pid=actor, action=action, way=way)
    assert e["target_pid"] == target and (e["uid"], e["euid"], e["gid"]) == (1000, 1000, 1000)
    assert e["entity"] == sensor.wait(type="exec", pid=actor)["entity"]
    assert e["target"] == sensor.wait(type="fork", pid=target)["entity"]


def test_told_once_a_second_and_not_a_thousand_times(watched):
    root, sensor = watched
    actor, _ = act(root, "end = time.monotonic() + 0.5\nwhile time.monotonic() < end: process_vm(0)")
    sensor.wait(type="access", pid=actor)
    sensor.wait(type="exit", pid=actor)
    assert len(sensor.find(type="access", pid=actor)) == 1


def test_looking_is_not_reaching(watched):
    root, sensor = watched
    actor, _ = act(
        root,
        "for name in ('cmdline', 'environ', 'maps', 'smaps', 'smaps_rollup', 'status', 'stat', 'pagemap'):\n"
        "    open(f'/proc/{child}/{name}', 'rb').read(4096)\n"
        "open('/proc/self/mem', 'rb').close()\n"
        "f = os.open('/proc/self/mem', os.O_RDWR); os.pwrite(f, b'mine', address); os.pread(f, 4, address)\n",
    )
    root.run(["ps", "-ef"])
    ps = sensor.wait(type="exec", argv=["ps", "-ef"])["pid"]
    sensor.wait(type="exit", pid=ps)
    assert not [e for e in sensor.find(type="access") if e["pid"] in (actor, ps)]


def attached(watched, code, **more):
    root, sensor = watched
    if sensor.hooks["process.events"]["state"] != "on":
        pytest.skip(f"process.events: {sensor.hooks['process.events']['reason']}")
    actor, target = act(root, code, **more)
    e = sensor.wait(type="access", action="ptrace", pid=actor)
    assert e["target_pid"] == target and e["way"] == "ptrace"


def test_a_debugger_attaches(watched):
    attached(watched, "attach()", user=True)


def test_a_debugger_seizes(watched):
    attached(watched, "assert libc.ptrace(0x4206, child, 0, 0) == 0", user=True)


def test_another_user_and_group(watched):
    root, sensor = watched
    if sensor.hooks["process.events"]["state"] != "on":
        pytest.skip(f"process.events: {sensor.hooks['process.events']['reason']}")
    out = root.run(["python3", "-c", "import os; print(os.getpid()); os.setresgid(7, 8, 9); os.setresuid(1000, 1001, 0)"])
    pid = int(out.stdout)
    e = sensor.wait(type="cred", pid=pid, uid=1000)
    assert e["action"] == "user" and e["euid"] == 1001 and "gid" not in e
    e = sensor.wait(type="cred", pid=pid, gid=7)
    assert "uid" not in e


def test_a_set_uid_program_gives_the_right_pair(watched):
    root, sensor = watched
    if sensor.hooks["process.events"]["state"] != "on":
        pytest.skip(f"process.events: {sensor.hooks['process.events']['reason']}")
    root.run(["cp", "/usr/bin/id", "/srv/set-uid-id"])
    root.run(["chmod", "4755", "/srv/set-uid-id"])
    out = root.run(["/srv/set-uid-id"], user=True).stdout
    if "euid=0(root)" not in out:
        pytest.skip(f"set-uid programs do not work in this root: {out!r}")
    exe = sensor.wait(type="exec", path="/srv/set-uid-id")
    assert (exe["uid"], exe["euid"]) == (1000, 0)
    cred = sensor.wait(type="cred", pid=exe["pid"], euid=0)
    assert cred["uid"] == 1000


BPF_LOADER = f"""
import contextlib, ctypes, os, resource, struct
with contextlib.suppress(ValueError):  # not everybody may; before 5.11 BPF memory counts against it
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (-1, -1))
code = struct.pack("<BBhi", 0xb7, 0, 0, 0) + struct.pack("<BBhi", 0x95, 0, 0, 0)  # r0 = 0; exit
code, licence = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"GPL")
attr = struct.pack("<IIQQIIQII16s", 1, 2, ctypes.addressof(code), ctypes.addressof(licence), 0, 0, 0, 0, 0, b"tiny_test")
attr = ctypes.create_string_buffer(attr, 128)
fd = ctypes.CDLL(None, use_errno=True).syscall({ {"x86_64": 321, "aarch64": 280}[os.uname().machine] }, 5, attr, 128)
assert fd >= 0, os.strerror(ctypes.get_errno())
words = open(f"/proc/self/fdinfo/{{fd}}").read()
print(os.getpid(), words.split("prog_id:")[1].split()[0], words.split("prog_tag:")[1].split()[0])
os.close(fd)
"""


def test_a_bpf_program_is_loaded_and_unloaded(watched):
    root, sensor = watched
    pid, number, tag = root.run(["python3", "-c", BPF_LOADER]).stdout.split()
    e = sensor.wait(type="bpf", action="loaded", count=int(number))
    assert e["pid"] == int(pid) and e["text"] in (f"tiny_test ({tag})", tag)
    if e["text"] == tag:
        pytest.skip("this kernel gives programs no symbol (no JIT compiler): loaded, but without a name")
    assert sensor.wait(type="bpf", action="unloaded", count=int(number))["text"] == f"tiny_test ({tag})"
