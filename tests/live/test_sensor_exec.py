# SPDX-License-Identifier: Apache-2.0
"""Is every way to start a program one exec event that tells the truth, also while somebody rewrites what it is told by?

Ways that stand in test_sensor_process.py too (a memory file, a deleted file, a script) are not repeated.
"""
import glob
import os
import re
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sensor_client  # noqa: E402
from private_root import NoPrivateRoot  # noqa: E402

MEMFD, DELETED = 16, 32
AT_EMPTY_PATH = 0x1000
LOADER = os.path.realpath("/lib64/ld-linux-x86-64.so.2" if os.path.exists("/lib64/ld-linux-x86-64.so.2") else "/lib/ld-linux-aarch64.so.1")
EXECVEAT = """
import ctypes, os, platform
def execveat(fd, path, argv, flags):
    number = 322 if platform.machine() == "x86_64" else 281
    ctypes.CDLL(None).syscall(number, fd, path.encode(), (ctypes.c_char_p * (len(argv) + 1))(*[a.encode() for a in argv], None), None, flags)
    os._exit(9)
def start(run, *args):
    child = os.fork()
    if child == 0:
        run(*args)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


@pytest.fixture(scope="module")
def watched():
    racer = os.path.join(os.path.dirname(sensor_client.PROBE), "exec-racer")
    if not os.path.exists(racer):
        pytest.skip(f"no exec-racer at '{racer}': build first")
    try:
        with sensor_client.Watched("--no-files") as (root, sensor):
            for name in ("a", "b"):
                root.copy_in(racer, f"/srv/racer-{name}")
            yield root, sensor
    except NoPrivateRoot as e:
        pytest.skip(str(e))


def python(root, code, **rest):
    return root.run(["python3", "-c", EXECVEAT + code], **rest)


def key(root, path):
    st = os.stat(root.host_path(path))
    return os.major(st.st_dev) << 20 | os.minor(st.st_dev), st.st_ino


def one(sensor, **wanted):
    """The only exec event with these fields."""
    e = sensor.wait(type="exec", **wanted)
    sensor.wait(type="exit", pid=e["pid"])
    assert len(sensor.find(type="exec", **wanted)) == 1
    return e


def plain(root, path, e):
    """The file is path's, and nothing says that it is special."""
    assert (e["dev"], e["ino"]) == key(root, path) and not e.get("flags", 0) & (MEMFD | DELETED)
    assert "interp" not in e and "script" not in e


@pytest.mark.parametrize("options", [[], ["--library-path", "/srv/none"], ["--argv0", "sshd", "--inhibit-cache"]])
def test_a_program_given_to_the_loader(watched, options):
    """The image is the loader, as it is; the words name the program, and its mapping tells the file."""
    root, sensor = watched
    root.run([LOADER, *options, "/usr/bin/true", "by-loader", str(len(options))])
    e = one(sensor, argv=[LOADER, *options, "/usr/bin/true", "by-loader", str(len(options))])
    assert e["path"] == LOADER
    plain(root, LOADER, e)
    load = sensor.wait(type="lib_load", pid=e["pid"], path="/usr/bin/true")
    sensor_client.needs_own_numbers(root)
    assert (load["dev"], load["ino"]) == key(root, "/usr/bin/true")


def test_a_program_with_a_loader_of_its_own(watched):
    """PT_INTERP names another file; a name like the system's loader does not hide it."""
    root, sensor = watched
    with open("/usr/bin/true", "rb") as f:
        program = f.read()
    interpreter = re.search(rb"/lib[a-z0-9]*/ld-linux[-a-z0-9_.]+\0", program).group()
    for odd in (b"/tmp/ldso", b"/tmp/ld-linux"):
        root.write(odd.decode(), open(LOADER, "rb").read(), mode=0o755)
        name = "/tmp/with-" + os.path.basename(odd.decode())
        root.write(name, program.replace(interpreter, odd.ljust(len(interpreter), b"\0")), mode=0o755)
        root.run([name])
        e = one(sensor, path=name)
        plain(root, name, e)
        load = sensor.wait(type="lib_load", pid=e["pid"], path=odd.decode())
        assert (load["dev"], load["ino"]) == key(root, odd.decode())


def test_by_descriptor(watched):
    root, sensor = watched
    python(
        root,
        "fd = os.open('/usr/bin/true', os.O_RDONLY)\n"
        "os.dup2(fd, 40)\n"
        f"start(execveat, 40, '', ['by-empty-path'], {AT_EMPTY_PATH})\n"
        "start(os.execv, '/dev/fd/40', ['by-dev-fd'])\n"
        "start(os.execv, '/proc/self/fd/40', ['by-proc'])\n"
        "os.dup2(os.open('/usr/bin', os.O_RDONLY), 41)\n"
        "start(execveat, 41, 'true', ['below-a-folder'], 0)\n",
    )
    for word, invoked in (("empty-path", "/dev/fd/40"), ("dev-fd", "/dev/fd/40"), ("proc", "/proc/self/fd/40")):
        e = one(sensor, argv=["by-" + word])
        assert e["path"] == "/usr/bin/true" and e["invoked"] == invoked
        plain(root, "/usr/bin/true", e)
    e = one(sensor, argv=["below-a-folder"])
    assert e["path"] == "/usr/bin/true" and e["invoked"] == "/dev/fd/41/true"
    plain(root, "/usr/bin/true", e)


def test_a_script_by_descriptor(watched):
    """What the kernel was given is "/dev/fd/N"; the event names the file behind it."""
    root, sensor = watched
    root.write("/srv/scripts/run.sh", "#!/bin/sh\nexit 0\n", mode=0o755)
    python(
        root,
        "os.dup2(os.open('/srv/scripts/run.sh', os.O_RDONLY), 42)\n"
        f"start(execveat, 42, '', ['x', 'script-by-fd'], {AT_EMPTY_PATH})\n"
        "os.dup2(os.open('/srv/scripts', os.O_RDONLY), 43)\n"
        "start(execveat, 43, 'run.sh', ['x', 'script-below'], 0)\n"
        "os.dup2(os.memfd_create('hidden', 0), 44)\n"
        "os.write(44, b'#!/bin/sh\\nexit 0\\n')\n"
        "read = os.open('/proc/self/fd/44', os.O_RDONLY)\n"
        "os.close(44); os.dup2(read, 45)\n"
        f"start(execveat, 45, '', ['x', 'script-in-memory'], {AT_EMPTY_PATH})\n",
    )
    for word, invoked, script in (
        ("script-by-fd", "/dev/fd/42", "/srv/scripts/run.sh"),
        ("script-below", "/dev/fd/43/run.sh", "/srv/scripts/run.sh"),
        ("script-in-memory", "/dev/fd/45", "/memfd:hidden"),
    ):
        e = one(sensor, argv=["/bin/sh", invoked, word])
        assert (e["path"], e["interp"], e["invoked"], e["script"]) == (os.path.realpath("/bin/sh"), "/bin/sh", invoked, script)


def test_a_script_by_env(watched):
    """#!/usr/bin/env -S: two execs, each told: env for the script, then the interpreter with it."""
    root, sensor = watched
    root.write("/srv/scripts/tool", "#!/usr/bin/env -S sh -e\nexit 0\n", mode=0o755)
    root.run(["/srv/scripts/tool", "by-env"])
    first = one(sensor, argv=["/usr/bin/env", "-S sh -e", "/srv/scripts/tool", "by-env"])
    assert first["path"] == "/usr/bin/env" and first["script"] == "/srv/scripts/tool" and first["interp"] == "/usr/bin/env"
    second = one(sensor, argv=["sh", "-e", "/srv/scripts/tool", "by-env"])
    assert second["entity"] == first["entity"] and second["path"] == os.path.realpath("/bin/sh") and "script" not in second


def test_by_symbolic_links_and_by_another_mount(watched):
    root, sensor = watched
    os.symlink("/usr/bin/true", root.host_path("/tmp/link"))
    os.symlink("link", root.host_path("/tmp/link-to-link"))
    root.run(["/tmp/link-to-link", "by-link"])
    e = one(sensor, argv=["/tmp/link-to-link", "by-link"])
    assert e["path"] == "/usr/bin/true" and e["invoked"] == "/tmp/link-to-link"
    plain(root, "/usr/bin/true", e)
    root.write("/tmp/alias", "")
    root.mkdir("/tmp/folder")
    root.run(["mount", "--bind", "/usr/bin/true", "/tmp/alias"])
    root.run(["mount", "--bind", "/usr/bin", "/tmp/folder"])
    for name in ("/tmp/alias", "/tmp/folder/true"):
        root.run([name, "by-mount"])
        e = one(sensor, argv=[name, "by-mount"])
        assert e["path"] == name
        plain(root, "/usr/bin/true", e)
    root.run(["umount", "/tmp/alias", "/tmp/folder"])


def test_in_another_root(watched):
    """The path is the one inside; inode and device say which file it is."""
    root, sensor = watched
    root.mkdir("/srv/jail/usr")
    root.run(["mount", "--bind", "/usr", "/srv/jail/usr"])
    for name in ("lib", "lib64", "bin"):
        os.symlink("usr/" + name, root.host_path("/srv/jail/" + name))
    root.run(["chroot", "/srv/jail", "/usr/bin/true", "in-a-jail"])
    e = one(sensor, argv=["/usr/bin/true", "in-a-jail"])
    assert e["path"] == "/usr/bin/true"
    plain(root, "/usr/bin/true", e)
    root.run(["umount", "/srv/jail/usr"])


def test_lies_while_exec_runs_change_nothing(watched):
    """Path, words and a variable are rewritten during execve, and once more by the new program: each event is what it found."""
    root, sensor = watched
    count = 150
    a, b = "/srv/racer-a/exec-racer", "/srv/racer-b/exec-racer"
    out = root.run([a, "race", str(count), a, b]).stdout.splitlines()
    assert len(out) == count
    found = {}
    for line in out:
        pid, exe, variable, *words = line.split()
        found[int(pid)] = (exe, variable, words)
    told = {}
    for pid in found:
        e = sensor.wait(type="exec", pid=pid, argv=lambda w: w[1:2] == ["note"])
        told[pid] = (e["path"], e["env"][0].removeprefix("LD_RACE="), e["argv"])
        assert e["invoked"] == e["path"] and e["argc"] == 6 and len(e["env"]) == 1
    assert told == found
    assert {exe for exe, _, _ in found.values()} == {a, b}, "the race was none: only one path was ever caught"
    assert not sensor.find(type="exec", argv=lambda w: any("ZZ" in x for x in w))


def test_what_a_process_calls_itself_later_is_never_asked_for():
    """/proc/PID/cmdline is the process's own to write: no source may read it."""
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src")
    sources = [p for end in "ch" for p in glob.glob(f"{top}/**/*.{end}", recursive=True)]
    assert len(sources) > 100
    assert [p for p in sources if re.search(r'"[^"\n]*cmdline', open(p, encoding="utf-8").read())] == []


def test_the_sum_is_clean(watched):
    """Last: ends the probe."""
    _, sensor = watched
    summary = sensor.stop()
    assert summary["malformed"] == 0 and sum(summary["lost"]) == 0
