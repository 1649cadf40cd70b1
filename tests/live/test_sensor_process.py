# SPDX-License-Identifier: Apache-2.0
"""Does the sensor tell what processes do, and only those of its cgroup? Everything runs in a private root."""
import json
import os
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sensor_client  # noqa: E402
from private_root import NoPrivateRoot  # noqa: E402

EXISTING, ARGS_CUT, MEMFD, DELETED, ENV_CUT = 1, 4, 16, 32, 128


@pytest.fixture(scope="module")
def watched():
    if not os.path.exists(sensor_client.PROBE):
        pytest.skip(f"no sensor-probe at '{sensor_client.PROBE}': build first")

    def sleeper(root):
        root.sleeper = root.popen(["sleep", "600"])
        root.with_variables = root.popen(["sleep", "600"], env={"PERL5LIB": "/srv/perl", "API_KEY": "s3cr3t"})
        root.outside = root.popen(["sleep", "601"], scope=False)
        root.on_a_socket = root.popen(["python3", "-c", STDIO, "613", "network-socket", "pipe", "null"])
        time.sleep(0.2)
        while not os.readlink(f"/proc/{root.on_a_socket.pid}/exe").endswith("/sleep"):
            time.sleep(0.05)

    try:
        with sensor_client.Watched(prepare=sleeper) as both:
            yield both
    except NoPrivateRoot as e:
        pytest.skip(str(e))


def python(root, code, **rest):
    return root.run(["python3", "-c", code], **rest)


def test_every_hook_is_on(watched):
    _, sensor = watched
    lacking = {"process.existing", "network.state"} if sensor_client.COMPAT else set()
    assert {name for name, h in sensor.hooks.items() if h["state"] != "on"} == lacking, sensor.hooks
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
    assert e["path"] == "/usr/bin/sleep"
    assert sensor_client.COMPAT or (e["argv"] == ["sleep", "600"] and e["argc"] == 2)
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


STDIO = """
import os, socket, sys
def make(kind):
    if kind == 'pipe': return os.pipe()[0]
    if kind == 'file': return os.open('/etc/passwd', os.O_RDONLY)
    if kind == 'null': return os.open('/dev/null', os.O_RDWR)
    if kind == 'device': return os.open('/dev/zero', os.O_RDWR)
    if kind == 'other': return os.open('/', os.O_RDONLY)
    if kind == 'unix-socket': return socket.socketpair()[0].detach()
    if kind == 'datagram': return socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).detach()
    server = socket.create_server(('127.0.0.1', 0))
    return socket.create_connection(server.getsockname()).detach()
made = [None if kind == 'closed' else os.dup2(make(kind), 20 + i, False) for i, kind in enumerate(sys.argv[2:])]
for i, fd in enumerate(made):
    os.close(i) if fd is None else os.dup2(fd, i)
os.execv('/usr/bin/sleep', ['sleep', sys.argv[1]])
"""


@pytest.mark.parametrize(
    "kinds",
    [
        ["pipe", "file", "null"],
        ["network-socket"] * 3,
        ["unix-socket", "pipe", "closed"],
        ["datagram", "device", "other"],
    ],
)
def test_what_the_first_descriptors_are(watched, kinds):
    """Asked of the kernel's objects behind them."""
    root, sensor = watched
    root.run(["python3", "-c", STDIO, "0", *kinds])
    told = ["network-socket" if kind == "datagram" else kind for kind in kinds]
    e = sensor.wait(type="exec", path="/usr/bin/sleep", stdio=told)
    assert e["argv"] == ["sleep", "0"]


def test_a_terminal_is_told_as_one(watched):
    root, sensor = watched
    root.run_in_terminal(["sleep", "0.01"])
    assert sensor.wait(type="exec", argv=["sleep", "0.01"])["stdio"] == ["terminal"] * 3


def test_descriptors_of_a_process_that_ran_before(watched):
    root, sensor = watched
    e = sensor.wait(type="exec", pid=root.on_a_socket.pid)
    assert e["flags"] & EXISTING and e["stdio"] == ["network-socket", "pipe", "null"]


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


# ---- who, where, with which variables ----


def namespace(pid, name):
    return os.stat(f"/proc/{pid}/ns/{name}").st_ino


def test_only_the_variables_that_choose_code_are_kept(watched):
    root, sensor = watched
    kept = {
        "LD_LIBRARY_PATH": "/srv/lib", "GLIBC_TUNABLES": "glibc.malloc.check=1", "PYTHONPATH": "/tmp/x", "NODE_OPTIONS": "-r /tmp/x.js",
        "PERL5OPT": "-M/tmp", "RUBYOPT": "-r/tmp", "JAVA_TOOL_OPTIONS": "-agentpath:/tmp/x", "_JAVA_OPTIONS": "-Dx", "BASH_ENV": "/tmp/rc",
        "ENV": "/tmp/rc", "GIT_SSH_COMMAND": "/tmp/ssh", "https_proxy": "http://proxy:3128",
    }  # fmt: skip
    plain = {"SECRET_TOKEN": "s3cr3t", "AWS_SECRET_ACCESS_KEY": "s3cr3t", "XLD_PRELOAD": "s3cr3t", "LD": "s3cr3t", "PYTHONUNBUFFERED": "1",
             "ENVIRONMENT": "s3cr3t", "EMPTY": "", "L": "", "HTTPS_PROXYX": "s3cr3t"}  # fmt: skip
    root.run(["true", "chosen-variables"], env=kept | plain)
    e = sensor.wait(type="exec", argv=["true", "chosen-variables"])
    assert sorted(e["env"]) == sorted(f"{k}={v}" for k, v in kept.items())
    assert not e.get("flags", 0) & ENV_CUT
    assert not sensor.find(type="exec", env=lambda env: "s3cr3t" in repr(env))


def test_a_password_in_a_proxy_stays_at_home(watched):
    root, sensor = watched
    root.run(["true", "proxy"], env={"http_proxy": "http://me:s3cr3t@proxy:3128/"})
    assert sensor.wait(type="exec", argv=["true", "proxy"])["env"] == ["http_proxy=http://proxy:3128/"]


@pytest.mark.parametrize("before, found", [(0, True), (300, True), (4096 - 11, True), (4095, True), (4096, True), (12000, True), (40000, False)])
def test_a_variable_behind_many_others(watched, before, found):
    """At a border of two pieces too; what was not looked at is told."""
    root, sensor = watched
    # execve with exactly these strings, in this order: `before` bytes, then the one that counts.
    fill = [b"X=" + b"y" * 97] * (before // 100) + ([b"Y" * (before % 100 - 1)] if before % 100 else [])
    assert sum(len(v) + 1 for v in fill) == before
    python(
        root,
        "import ctypes, os, sys\n"
        "if os.fork() == 0:\n"
        f"    env = {fill!r} + [b'LD_PRELOAD=/none.so', b'']\n"
        f"    argv = (ctypes.c_char_p * 3)(b'true', b'behind-{before}', None)\n"
        "    ctypes.CDLL(None).execve(b'/usr/bin/true', argv, (ctypes.c_char_p * (len(env) + 1))(*env, None))\n"
        "    os._exit(1)\n"
        "os.wait()\n",
    )
    e = sensor.wait(type="exec", argv=["true", f"behind-{before}"])
    assert ("env" in e, bool(e.get("flags", 0) & ENV_CUT)) == (found, not found)
    assert not found or e["env"] == ["LD_PRELOAD=/none.so"]


def test_long_and_many_variables_are_cut_and_say_so(watched):
    root, sensor = watched
    root.run(["true", "long-variable"], env={"LD_LIBRARY_PATH": "l" * 600, "PYTHONPATH": "/p"})
    e = sensor.wait(type="exec", argv=["true", "long-variable"])
    assert sorted(len(v) for v in e["env"]) == [len("PYTHONPATH=/p"), 511] and e["flags"] & ENV_CUT
    root.run(["true", "many-variables"], env={f"LD_{i}": "v" * 20 for i in range(60)})
    e = sensor.wait(type="exec", argv=["true", "many-variables"])
    assert 16 <= len(e["env"]) <= 40 and e["flags"] & ENV_CUT


def test_existing_processes_tell_the_same(watched):
    root, sensor = watched
    e = sensor.wait(type="exec", pid=root.with_variables.pid)
    if sensor_client.COMPAT:  # nothing of another process's memory can be read there; it says so
        assert "env" not in e and e["flags"] & ENV_CUT
    else:
        assert e["env"] == ["PERL5LIB=/srv/perl"]
    assert e["flags"] & EXISTING
    assert e["netns"] == namespace(root.with_variables.pid, "net") and root.scope.endswith(e["cgroup_path"])


def test_namespaces(watched):
    root, sensor = watched
    p = root.popen(["unshare", "--user", "--map-root-user", "--net", "--pid", "--fork", "--mount", "sleep", "603"])
    e = sensor.wait(type="exec", argv=["sleep", "603"])
    want = {name: namespace(e["pid"], name) for name in ("mnt", "pid", "net", "user")}
    assert (e["mntns"], e["pidns"], e["netns"], e["userns"]) == (want["mnt"], want["pid"], want["net"], want["user"])
    outer = sensor.wait(type="exec", pid=p.pid)
    assert outer["pidns"] == namespace(os.getpid(), "pid") != e["pidns"] and outer["netns"] != e["netns"]
    os.kill(e["pid"], signal.SIGKILL)
    p.wait(timeout=10)


def test_who_logged_in_and_what_may_it_do(watched):
    root, sensor = watched
    if not os.path.exists("/proc/self/loginuid"):
        pytest.skip("this kernel keeps no audit user (CONFIG_AUDIT)")
    root.run(["sh", "-c", "echo 1000 > /proc/self/loginuid; cat /proc/self/sessionid > /tmp/session; exec true logged-in"])
    e = sensor.wait(type="exec", argv=["true", "logged-in"])
    assert (e["auid"], e["login"]) == (1000, int(root.read("/tmp/session")))
    root.run(["setpriv", "--bounding-set", "-all,+kill,+sys_ptrace", "true", "two-capabilities"])
    e = sensor.wait(type="exec", argv=["true", "two-capabilities"])
    assert e["capabilities"] == 1 << 5 | 1 << 19 and "auid" not in e and "login" not in e
    root.run(["true", "no-capability"], user=True)
    assert sensor.wait(type="exec", argv=["true", "no-capability"])["capabilities"] == 0


def test_a_debugger_is_named(watched):
    root, sensor = watched
    root.run(["strace", "-o", "/dev/null", "true", "traced"])
    e = sensor.wait(type="exec", argv=["true", "traced"])
    assert e["tracer_pid"] == sensor.wait(type="exec", argv=lambda a: a[:1] == ["strace"])["pid"]
    root.run(["true", "not-traced"])
    assert "tracer_pid" not in sensor.wait(type="exec", argv=["true", "not-traced"])


NUMBER = "0123456789abcdef" * 4


def run_in_cgroup(root, path, argv):
    """Runs argv, which its starter has put into a cgroup made for it before it began."""
    os.makedirs(path)
    try:
        p = root.popen(["sh", "-c", 'read go; exec "$@"', "sh", *argv], stdin=subprocess.PIPE)
        with open(f"{path}/cgroup.procs", "w", encoding="ascii") as f:
            f.write(str(p.pid))
        p.communicate(b"go\n", timeout=10)
        assert p.returncode == 0
    finally:
        os.rmdir(path)


def test_a_container_is_named_by_its_cgroup(watched):
    root, sensor = watched
    run_in_cgroup(root, f"{root.scope}/docker-{NUMBER}.scope", ["true", "in-docker"])
    e = sensor.wait(type="exec", argv=["true", "in-docker"])
    assert e["container"] == NUMBER and e["cgroup_path"].endswith(f"/scope/docker-{NUMBER}.scope")
    root.run(["true", "in-no-container"])
    e = sensor.wait(type="exec", argv=["true", "in-no-container"])
    assert "container" not in e and root.scope.endswith(e["cgroup_path"])


def test_a_container_placed_by_the_memory_controller(watched):
    """On a host whose controllers have hierarchies of their own, runtimes use those."""
    root, sensor = watched
    top = "/sys/fs/cgroup/memory"
    if not os.path.exists(f"{top}/cgroup.procs"):
        pytest.skip("no hierarchy of the memory controller's own")
    mine = f"{top}/{os.path.basename(os.path.dirname(root.scope))}"
    os.mkdir(mine)
    try:
        os.mkdir(f"{mine}/docker")
        run_in_cgroup(root, f"{mine}/docker/{NUMBER}", ["true", "in-old-docker"])
    finally:
        os.rmdir(f"{mine}/docker")
        os.rmdir(mine)
    e = sensor.wait(type="exec", argv=["true", "in-old-docker"])
    assert e["container"] == NUMBER and e["cgroup_path"].endswith(f"/docker/{NUMBER}")


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
    sensor_client.needs_own_numbers(root)
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
