# SPDX-License-Identifier: Apache-2.0
"""Is the private root really private, and does it really vanish?"""
import hashlib
import os
import signal
import subprocess
import sys
import time

from private_root import PrivateRoot

COMMAND = [sys.executable, "-B", os.path.join(os.path.dirname(__file__), "..", "emulation", "private_root.py")]


def dpkg_status():
    with open("/var/lib/dpkg/status", "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def deb(root, name):
    """Builds a one-file package inside."""
    root.write(
        f"/tmp/{name}/DEBIAN/control",
        f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: t <t@acme.test>\nDescription: t\n",
    )
    root.write(f"/tmp/{name}/usr/bin/{name}", "#!/bin/sh\necho ran\n", mode=0o755)
    root.run(["dpkg-deb", "-b", f"/tmp/{name}", f"/tmp/{name}.deb"])
    return f"/tmp/{name}.deb"


def test_dpkg_inside_leaves_the_host_alone(bare_root):
    before = dpkg_status()
    bare_root.run(["dpkg", "-i", deb(bare_root, "trn-probe")])
    assert bare_root.run(["trn-probe"]).stdout == "ran\n"
    assert "trn-probe" in bare_root.run(["dpkg", "-S", "/usr/bin/trn-probe"]).stdout
    assert dpkg_status() == before
    assert not os.path.exists("/usr/bin/trn-probe")


def test_paths_and_numbers_are_the_kernels(bare_root):
    """The path the kernel builds, and device:inode of stat, are what a sensor compares. On overlay they could differ."""
    assert bare_root.run(["readlink", "/proc/self/exe"]).stdout == "/usr/bin/readlink\n"
    script = (
        "import os\n"
        "line = [x.split() for x in open('/proc/self/maps') if x.rstrip().endswith(os.path.realpath('/usr/bin/python3'))][0]\n"
        "s = os.stat('/usr/bin/python3')\n"
        "print(line[3] == '%02x:%02x' % (os.major(s.st_dev), os.minor(s.st_dev)), int(line[4]) == s.st_ino)\n"
    )
    assert bare_root.run(["/usr/bin/python3", "-c", script]).stdout == "True True\n"


def test_only_loopback_and_nothing_of_the_hosts_homes(bare_root):
    assert bare_root.run(["ls", "/sys/class/net"]).stdout.split() == ["lo"]
    assert bare_root.run(["ls", "-A", "/home", "/root", "/home/alice"]).stdout.split() == [
        "/home:",
        "alice",
        "/home/alice:",
        "/root:",
    ]
    ids = bare_root.run(["id", "-un"], user=True).stdout
    assert ids == "alice\n"


def test_programs_start_in_their_cgroup(bare_root):
    inside = bare_root.run(["cat", "/proc/self/cgroup"]).stdout
    beside = bare_root.run(["cat", "/proc/self/cgroup"], scope=False).stdout
    assert "0::" + bare_root.scope.split("cgroup/unified")[-1].removeprefix("/sys/fs/cgroup") + "\n" in inside
    assert "/aux\n" in beside
    assert bare_root.run(["test", "-d", bare_root.scope]).returncode == 0


def test_set_up_is_fast():
    with PrivateRoot() as root:
        assert root.setup_seconds < 3


def test_a_killed_driver_leaves_nothing():
    for number in (signal.SIGKILL, signal.SIGINT):
        driver = subprocess.Popen(
            [*COMMAND, "--", "sh", "-c", "echo up $SCOPE; setsid sleep 300 & sleep 300"],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        word, scope = driver.stdout.readline().split()
        assert word == "up" and os.path.isdir(scope)
        driver.send_signal(number)
        driver.wait()
        driver.stdout.close()
        deadline = time.monotonic() + 10
        while os.path.isdir(os.path.dirname(scope)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not os.path.isdir(os.path.dirname(scope))
