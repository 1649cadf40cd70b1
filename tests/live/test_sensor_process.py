# SPDX-License-Identifier: Apache-2.0
"""Does the sensor tell what processes do, and only those of its cgroup? Everything runs in a private root."""
import json
import os
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sensor_client  # noqa: E402
from private_root import NoPrivateRoot  # noqa: E402

EXISTING, ARGS_CUT, MEMFD, DELETED = 1, 4, 16, 32


@pytest.fixture(scope="module")
def watched():
    if not os.path.exists(sensor_client.PROBE):
        pytest.skip(f"no sensor-probe at '{sensor_client.PROBE}': build first")

    def sleeper(root):
        root.sleeper = root.popen(["sleep", "600"])
        root.outside = root.popen(["sleep", "601"], scope=False)
        time.sleep(0.2)

    try:
        with sensor_client.Watched(prepare=sleeper) as both:
            yield both
    except NoPrivateRoot as e:
        pytest.skip(str(e))


def python(root, code, **rest):
    return root.run(["python3", "-c", code], **rest)


def test_every_hook_is_on(watched):
    _, sensor = watched
    assert {name: h["reason"] for name, h in sensor.hooks.items() if h["state"] != "on"} == {}
    assert {"process.exec", "network.state", "mapping.perf", "file.marks", "file.sensitive"} <= set(sensor.hooks)


def test_the_reader_has_no_rights(watched):
    """The child that prints the events is nobody, without a capability."""
    _, sensor = watched
    with open(f"/proc/{sensor.pid}/task/{sensor.pid}/children", encoding="ascii") as f:
        child = f.read().split()[0]
    with open(f"/proc/{child}/status", encoding="ascii") as f:
        status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
    assert status["Uid"].split() == ["65534"] * 4
    assert status["CapEff"] == "0000000000000000"


def test_existing_processes(watched):
    root, sensor = watched
    e = sensor.wait(type="exec", pid=root.sleeper.pid)
    assert e["flags"] & EXISTING
    assert e["path"] == "/usr/bin/sleep" and e["argv"] == ["sleep", "600"] and e["argc"] == 2
    assert e["cwd"] == "/root" and e["uid"] == 0 and e["parent_pid"] == os.getpid() and e["session"] == root.sleeper.pid
    assert not sensor.find(pid=root.outside.pid)


def test_exec_tells_the_file_and_the_words(watched):
    root, sensor = watched
    root.mkdir("/home/alice/bin dir", user=True)
    os.symlink("/usr/bin/id", root.host_path("/home/alice/bin dir/who"))
    root.run(["./bin dir/who", "-u"], user=True)
    e = sensor.wait(type="exec", invoked="./bin dir/who")
    assert e["path"] == "/usr/bin/id" and e["argv"] == ["./bin dir/who", "-u"]
    assert e["cwd"] == "/home/alice" and e["comm"] == "who"
    assert (e["uid"], e["euid"], e["gid"]) == (1000, 1000, 1000)
    st = os.stat(root.host_path("/usr/bin/id"))
    assert e["ino"] == st.st_ino and e["size"] == st.st_size and e["nlink"] == 1 and e["ctime_ns"] == st.st_ctime_ns
    assert e["dev"] == os.major(st.st_dev) << 20 | os.minor(st.st_dev)
    assert e["mntns"] == os.stat(f"/proc/{root._keeper.pid}/ns/mnt").st_ino
    assert "interp" not in e and "script" not in e and "tty" not in e
    end = sensor.wait(type="exit", pid=e["pid"])
    assert end["entity"] == e["entity"] and end["code"] == 0 and "signal" not in end


def test_fork_joins_child_and_parent(watched):
    root, sensor = watched
    root.run(["sh", "-c", "(exit 7); /usr/bin/true fork-test; exit 3"], check=False)
    child = sensor.wait(type="exec", argv=["/usr/bin/true", "fork-test"])
    fork = sensor.wait(type="fork", pid=child["pid"])
    assert fork["entity"] == child["entity"] and fork["parent"] == child["parent"]
    shell = sensor.wait(type="exec", pid=child["parent_pid"])
    assert shell["entity"] == child["parent"]
    assert sensor.wait(type="exit", pid=shell["pid"])["code"] == 3
    assert sensor.wait(type="exit", code=7)["pid"] in [f["pid"] for f in sensor.find(type="fork", parent=shell["entity"])]


def test_a_signal_is_not_a_code(watched):
    root, sensor = watched
    p = root.popen(["sleep", "602"])
    sensor.wait(type="exec", pid=p.pid)
    p.kill()
    p.wait()
    end = sensor.wait(type="exit", pid=p.pid)
    assert end["signal"] == 9 and "code" not in end


def test_threads_are_no_processes(watched):
    root, sensor = watched
    out = python(
        root,
        "import threading, os\n"
        "t = [threading.Thread(target=lambda: None) for _ in range(5)]\n"
        "[x.start() for x in t]; [x.join() for x in t]; print(os.getpid())",
    ).stdout
    sensor.wait(type="exit", pid=int(out))
    assert len(sensor.find(type="exit", pid=int(out))) == 1
    assert not sensor.find(type="fork", parent_pid=int(out))


def test_a_script_names_script_and_interpreter(watched):
    root, sensor = watched
    root.write("/home/alice/tool.sh", "#!/bin/sh\nexit 0\n", user=True, mode=0o755)
    root.run(["./tool.sh", "x"], user=True)
    e = sensor.wait(type="exec", invoked="./tool.sh")
    assert e["path"] == "/usr/bin/dash" and e["interp"] == "/bin/sh" and e["script"] == "/home/alice/./tool.sh"
    assert e["argv"] == ["/bin/sh", "./tool.sh", "x"]


def test_many_words_are_cut_and_say_so(watched):
    root, sensor = watched
    root.run(["true", "a" * 1000, "b" * 1000, "c"])
    e = sensor.wait(type="exec", argv=lambda a: len(a) > 1 and a[1] == "a" * 1000)
    assert e["flags"] & ARGS_CUT and e["argc"] == 4
    assert e["argv"][:2] == ["true", "a" * 1000] and e["argv"][2] == "b" * (1536 - 5 - 1001)


def test_deep_and_odd_paths(watched):
    root, sensor = watched
    deep = "/tmp/" + "/".join(["d" * 60] * 12)
    root.run(["mkdir", "-p", deep])
    odd = deep + "/new\nline\x1b[31m \udcff"
    root.run(["cp", "/usr/bin/true", odd])
    root.run([odd])
    e = sensor.wait(type="exec", path=lambda p: p.startswith(deep))
    assert e["path"] == deep + "/new\nline\x1b[31m \ufffd"


def test_a_terminal_has_a_name(watched):
    root, sensor = watched
    root.run_in_terminal(["true", "on-a-tty"])
    assert sensor.wait(type="exec", argv=["true", "on-a-tty"])["tty"] == "pts/0"


def test_memory_files_and_deleted_files(watched):
    root, sensor = watched
    python(
        root,
        "import os\n"
        "fd = os.memfd_create('stage'); os.write(fd, open('/usr/bin/true', 'rb').read())\n"
        "if os.fork() == 0: os.execve(fd, ['from-memory'], {})\n"
        "os.wait()\n"
        "open('/tmp/gone', 'wb').write(open('/usr/bin/true', 'rb').read()); os.chmod('/tmp/gone', 0o755)\n"
        "fd = os.open('/tmp/gone', os.O_RDONLY); os.unlink('/tmp/gone')\n"
        "if os.fork() == 0: os.execve(fd, ['from-nowhere'], {})\n"
        "os.wait()\n",
    )
    e = sensor.wait(type="exec", argv=["from-memory"])
    assert e["path"] == "/memfd:stage" and e["flags"] & MEMFD and e["flags"] & DELETED and e["nlink"] == 0
    assert sensor.wait(type="mem_exec", action="memfd", pid=e["pid"])["path"] == "/memfd:stage (deleted)"
    e = sensor.wait(type="exec", argv=["from-nowhere"])
    assert e["path"] == "/tmp/gone" and e["flags"] & DELETED and not e["flags"] & MEMFD


def test_exec_from_a_thread_keeps_the_entity(watched):
    root, sensor = watched
    p = root.popen(
        ["python3", "-c", "import os, threading, time\nthreading.Thread(target=lambda: os.execv('/usr/bin/true', ['from-thread'])).start()\ntime.sleep(5)"]
    )
    p.wait(timeout=10)
    e = sensor.wait(type="exec", argv=["from-thread"])
    assert e["pid"] == p.pid and e["entity"] == sensor.find(type="exec", pid=p.pid)[0]["entity"]
    assert sensor.wait(type="exit", pid=p.pid)["code"] == 0


def test_outside_the_scope_is_silence(watched):
    root, sensor = watched
    p = root.popen(
        ["python3", "-c", "import socket\ns = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()\nc = socket.create_connection(s.getsockname())"],
        scope=False,
    )
    p.wait(timeout=10)
    root.run(["true", "afterwards"])
    sensor.wait(type="exec", argv=["true", "afterwards"])
    time.sleep(0.2)
    assert not sensor.find(pid=p.pid)


def test_libraries_with_their_file(watched):
    root, sensor = watched
    out = python(root, "import ctypes, os; ctypes.CDLL('libz.so.1'); print(os.getpid())").stdout
    e = sensor.wait(type="lib_load", pid=int(out), path=lambda p: "libz.so.1" in p)
    st = os.stat(root.host_path(e["path"]))
    assert (e["ino"], e["dev"]) == (st.st_ino, os.major(st.st_dev) << 20 | os.minor(st.st_dev))
    assert e["prot"] & 4 and e["address"] > 0
    assert len(sensor.find(type="lib_load", pid=int(out), path=e["path"])) == 1
    assert not sensor.find(type="lib_load", pid=int(out), path=lambda p: "ld-linux" in p or p.startswith("["))


def test_executable_memory(watched):
    root, sensor = watched
    out = python(
        root,
        "import ctypes, mmap, os\n"
        "rwx = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)\n"
        "m = mmap.mmap(-1, 8192, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=3)\n"
        "m.write(b'x' * 10)\n"
        "at = ctypes.addressof(ctypes.c_char.from_buffer(m))\n"
        "ctypes.CDLL(None).mprotect(ctypes.c_void_p(at), 8192, 5)\n"
        "print(os.getpid(), at)\n",
    ).stdout.split()
    e = sensor.wait(type="mem_exec", action="writable", pid=int(out[0]))
    assert e["prot"] & 6 == 6 and "path" not in e
    e = sensor.wait(type="mem_exec", action="anonymous", pid=int(out[0]))
    assert e["prot"] & 6 == 4 and e["address"] == int(out[1])


def test_nothing_is_lost_in_a_storm(watched):
    root, sensor = watched
    root.run(["sh", "-c", "i=0; while [ $i -lt 500 ]; do /usr/bin/true storm; i=$((i+1)); done"])
    sensor.wait(type="exec", argv=["/usr/bin/true", "storm"])
    deadline = time.monotonic() + 5
    started, ended = set(), set()
    while (len(started) < 500 or not ended >= started) and time.monotonic() < deadline:
        time.sleep(0.05)
        started = {e["entity"] for e in sensor.find(type="exec", argv=["/usr/bin/true", "storm"])}
        ended = {e["entity"] for e in sensor.find(type="exit")}
    assert len(started) == 500 and started - ended == set()
    assert len(sensor.find(type="exec", argv=["/usr/bin/true", "storm"])) == 500
    assert not sensor.find(type="loss")


def probe_beside(root, before, *options):
    """Runs the probe to its end, with a command in front of it; returns the completed process."""
    return root.run([*before, "sensor-probe", "--scope", root.scope, "--no-files", *options], scope=False, check=False)


def test_without_root_one_clear_error(watched):
    root, _ = watched
    end = probe_beside(root, ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"])
    assert end.returncode == 1 and end.stdout == ""
    assert end.stderr.splitlines() == [
        "sensor-probe: cannot load the BPF programs: not root",
        "hint: start turncoatd as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN",
    ]


def test_a_refused_hook_is_off_with_its_reason_and_the_rest_runs(watched):
    """Without CAP_NET_ADMIN the kernel refuses the network programs; processes must still be seen."""
    root, _ = watched
    end = probe_beside(root, ["setpriv", "--bounding-set", "-all,+bpf,+perfmon,+setuid,+setgid,+sys_resource,+sys_ptrace"])
    assert end.returncode == 0, end.stderr
    lines = [json.loads(line) for line in end.stdout.splitlines()]
    hooks = {h["name"]: h for h in lines[0]["hooks"]}
    assert hooks["process.exec"]["state"] == hooks["process.exit"]["state"] == "on"
    for name in ("network.connect4", "network.sendmsg6", "dns.answers"):
        assert hooks[name]["state"] == "off" and "EPERM" in hooks[name]["reason"]
    assert any(e.get("pid") == root.sleeper.pid and e["flags"] & EXISTING for e in lines[2:-1])


def test_a_wrong_scope_is_refused(watched):
    root, _ = watched
    for scope, text in (("/nowhere", "cannot open cgroup '/nowhere': ENOENT"), ("/tmp", "'/tmp' is not a cgroup v2 folder")):
        end = root.run(["sensor-probe", "--scope", scope], scope=False, check=False)
        assert end.returncode == 1 and end.stderr.startswith("sensor-probe: " + text)


def test_the_sum_is_clean(watched):
    """Last: ends the probe."""
    _, sensor = watched
    summary = sensor.stop()
    assert summary["malformed"] == 0 and sum(summary["lost"]) == 0
