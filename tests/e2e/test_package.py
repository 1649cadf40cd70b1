# SPDX-License-Identifier: Apache-2.0
"""Does the Debian package install, run from where it was installed, keep what was recorded, and leave nothing when purged?

Everything happens in a private root; the package database of this machine is never touched.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import time

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STATE = "/var/lib/turncoat"
PROGRAMS = {
    "/usr/bin/turncoat",
    "/usr/libexec/turncoat/turncoatd",
    "/usr/libexec/turncoat/turncoat-guard",
    "/usr/libexec/turncoat/turncoat-engine",
    "/usr/libexec/turncoat/turncoat-inspect",
    "/usr/sbin/turncoatd",
}


@pytest.fixture(scope="module")
def package():
    """The .deb of this tree; TRN_PACKAGE names one that is built already."""
    given = os.environ.get("TRN_PACKAGE")
    if given:
        return given
    if not shutil.which("dh") or not shutil.which("dpkg-buildpackage"):
        pytest.skip("debhelper is not installed")
    done = subprocess.run([os.path.join(TOP, "packaging", "build-deb")], capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return glob.glob(os.path.join(TOP, "dist", "turncoat_*.deb"))[0]


def install(root, package):
    root.copy_in(package, "/srv/package")
    return root.run(["dpkg", "-i", "/srv/package/" + os.path.basename(package)], scope=False)


def ready(root, daemon, log, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert daemon.poll() is None, f"turncoatd ended with {daemon.returncode}\n{root.read(log)[-3000:]}"
        answer = root.run(["turncoat", "status", "--json"], scope=False, check=False)
        if answer.returncode == 0 and json.loads(answer.stdout).get("ready"):
            return json.loads(answer.stdout)
        time.sleep(0.2)
    raise AssertionError(f"not ready after {seconds} s\n{answer.stderr}{root.read(log)[-3000:]}")


def start_as_the_service_does(root, log):
    """The unit's own command line, under the unit's capability set and without new privileges."""
    unit = root.read("/lib/systemd/system/turncoat.service").decode()
    command = re.search(r"^ExecStart=(.*)$", unit, re.M).group(1).split()
    keep = re.search(r"^CapabilityBoundingSet=(.*)$", unit, re.M).group(1).lower().replace("cap_", "").split()
    every = root.run(["setpriv", "--list-caps"], scope=False).stdout.split()
    drop = ",".join("-" + cap for cap in every if cap not in keep)
    rights = ["setpriv", "--no-new-privs", "--bounding-set", drop]
    line = ["/bin/sh", "-c", f'exec "$@" >{log} 2>&1', "sh", *rights, *command, "--scope-cgroup", root.scope]
    return root.popen(line, scope=False)


def owner_of(root, pid):
    """The user's name inside the root."""
    uid = os.stat(f"/proc/{pid}").st_uid
    names = [x.split(b":")[0].decode() for x in root.read("/etc/passwd").splitlines() if x.split(b":")[2] == b"%d" % uid]
    return names[0] if names else str(uid)


def test_what_is_in_the_package(package):
    listed = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], capture_output=True, check=True).stdout
    names = subprocess.run(["tar", "-t"], input=listed, capture_output=True, check=True).stdout.decode().split()
    names = {"/" + n.removeprefix("./") for n in names}
    assert PROGRAMS <= names
    assert "/lib/systemd/system/turncoat.service" in names or "/usr/lib/systemd/system/turncoat.service" in names
    assert "/usr/lib/sysusers.d/turncoat.conf" in names
    assert not [n for n in names if n.startswith(("/var/", "/home/", "/tmp/"))]
    depends = subprocess.run(["dpkg-deb", "-f", package, "Depends"], capture_output=True, text=True, check=True).stdout
    assert "libbpf0" in depends or "libbpf1" in depends
    assert "libc6" in depends


def test_the_service_file_is_valid(package, tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze")
    subprocess.run(["dpkg-deb", "-x", package, tmp_path], check=True)
    unit = glob.glob(str(tmp_path) + "/**/turncoat.service", recursive=True)[0]
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    wrong = [line for line in done.stderr.splitlines() if "turncoat" in line and "is not executable" not in line]
    assert wrong == []


def test_install_run_remove_purge(package, bare_root):
    root = bare_root
    install(root, package)
    for table, names in (("group", ("turncoat", "turncoat-respond")), ("passwd", ("_turncoat", "_turncoat-inspect"))):
        for name in names:
            assert root.run(["getent", table, name]).stdout.startswith(name + ":")
    assert root.run(["turncoat", "--version"]).stdout.strip() != ""

    log = "/var/log/turncoatd.log"
    daemon = start_as_the_service_does(root, log)
    status = ready(root, daemon, log)
    pids = {name: pid for name, pid in status["processes"].items() if isinstance(pid, int) and pid > 0}
    owners = {name: owner_of(root, pid) for name, pid in pids.items()}
    assert owners["turncoat-engine"] == "_turncoat"
    assert owners["turncoat-inspect"] == "_turncoat-inspect"
    assert owners["turncoatd"] == "root"
    assert os.readlink(f"/proc/{pids['turncoat-engine']}/exe") == "/usr/libexec/turncoat/turncoat-engine"
    assert [hook for hook in status["hooks"] if "EPERM" in hook["reason"]] == [], "the unit takes a right that is needed"

    # Who is in no group may not look; who is in 'turncoat' may.
    look = ["turncoat", "stories", "--json"]
    assert root.run(look, user=True, check=False).returncode != 0
    root.run(["usermod", "-a", "-G", "turncoat", "alice"], scope=False)
    seen = root.run(["setpriv", "--reuid", "alice", "--regid", "alice", "--init-groups", *look], scope=False, check=False)
    assert seen.returncode == 0, seen.stderr
    daemon.terminate()
    assert daemon.wait(timeout=20) == 0

    root.run(["dpkg", "-r", "turncoat"], scope=False)
    assert root.exists(STATE), "removing the package must keep what was recorded"
    assert not root.exists("/usr/bin/turncoat")
    said = root.run(["dpkg", "--purge", "turncoat"], scope=False)
    assert "removing what was recorded, /var/lib/turncoat" in said.stderr
    assert not root.exists(STATE)
    left = root.run(["find", "/etc", "/usr", "/lib/systemd", "/var/lib", "-xdev", "-name", "*turncoat*"], scope=False).stdout
    left = [x for x in left.split() if not x.startswith("/var/lib/dpkg/info/")]
    assert left == [], "purge left files behind"


HOOK = "/etc/apt/apt.conf.d/05turncoat-gate"
CONFIG = "/etc/turncoat/gate.conf"
GATE = "/var/lib/turncoat-gate"


def made_up(root, folder, name, version):
    tree = os.path.join(folder, name + version)
    os.makedirs(tree + "/DEBIAN")
    with open(tree + "/DEBIAN/control", "w", encoding="ascii") as f:
        f.write(f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@acme.test>\nDescription: made up\n")
    file = f"{tree}_{version}_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, file], check=True, stdout=subprocess.DEVNULL)
    root.copy_in(file, "/srv/made")
    return "/srv/made/" + os.path.basename(file)


def apt(root, *argv):
    root.write("/etc/apt/sources.list", "")
    return root.run(["apt-get", "-q", "-y", *argv], scope=False)


def test_the_gate_comes_and_goes_with_the_package(package, bare_root, tmp_path):
    """Set up by a command, kept by an upgrade, gone with the package; apt goes on whatever is missing."""
    root = bare_root
    install(root, package)
    assert not root.exists(HOOK), "a package that hooks itself into apt"
    root.run(["turncoat", "gate", "install", "--watch", "acme*", "--deadline", "31s"], scope=False)
    hook, config = root.read(HOOK), root.read(CONFIG)
    assert b'"/usr/bin/turncoat gate apt' in hook and b"watch acme*" in config
    apt(root, "install", made_up(root, str(tmp_path), "acme", "1"))
    install(root, package)
    assert (root.read(HOOK), root.read(CONFIG)) == (hook, config), "an upgrade keeps them"
    assert root.exists(GATE + "/kept/acme/1_all.deb")

    # Not there any more, as when its files were deleted by hand: apt goes on, and says so.
    root.run(["mv", "/usr/bin/turncoat", "/usr/bin/turncoat.away"], scope=False)
    said = apt(root, "install", made_up(root, str(tmp_path), "acme", "2")).stderr
    assert "the gate ended with 127 and judged nothing, apt goes on" in said
    root.run(["mv", "/usr/bin/turncoat.away", "/usr/bin/turncoat"], scope=False)

    # Taken away in one transaction with another update: the gate is still asked, then its hook goes with it.
    said = apt(root, "install", "turncoat-", made_up(root, str(tmp_path), "acme", "3")).stderr
    assert not root.exists("/usr/bin/turncoat") and not root.exists(HOOK), said
    assert root.exists(GATE + "/kept/acme/3_all.deb") and root.exists(CONFIG)
    assert "turncoat" not in apt(root, "install", made_up(root, str(tmp_path), "acme", "4")).stderr

    said = apt(root, "purge", "turncoat")
    assert "removing what the gate kept and recorded" in said.stderr + said.stdout
    assert not root.exists(CONFIG) and not root.exists(GATE)


def test_a_gate_of_another_place_stays_when_the_package_goes(package, bare_root):
    install(bare_root, package)
    bare_root.run(["turncoat", "gate", "install"], scope=False)
    own = bare_root.read(HOOK).replace(b"/usr/bin/turncoat", b"/usr/local/bin/turncoat")
    bare_root.write(HOOK, own)
    bare_root.run(["dpkg", "-r", "turncoat"], scope=False)
    assert bare_root.read(HOOK) == own


def test_install_without_systemd_sysusers(package, bare_root):
    """A machine without systemd gets the same users from useradd."""
    bare_root.run(["rm", "-f", "/usr/bin/systemd-sysusers"], scope=False)
    install(bare_root, package)
    for name in ("_turncoat", "_turncoat-inspect"):
        assert bare_root.run(["getent", "passwd", name]).stdout.rstrip().endswith("/usr/sbin/nologin")
    ids = bare_root.run(["id", "-u", "_turncoat"]).stdout, bare_root.run(["id", "-u", "_turncoat-inspect"]).stdout
    assert ids[0] != ids[1]


def test_the_unit_does_not_blind_the_sensor():
    """Settings that look harmless, and take away what is to be watched or the call that files are identified with."""
    with open(os.path.join(TOP, "packaging", "debian", "turncoat.service"), encoding="utf-8") as f:
        settings = {line.split("=")[0] for line in f if line[0].isalpha()}
    assert not [s for s in settings if s.startswith(("Protect", "Private"))]
    assert "RestrictSUIDSGID" not in settings  # systemd's filter for it refuses openat2
