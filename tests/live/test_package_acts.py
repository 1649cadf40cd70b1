# SPDX-License-Identifier: Apache-2.0
"""Is a package removed, or rolled back, kept away, and brought back, without a script of the suspected version running?

dpkg and apt work on the private root's own database; the packages are made here, their scripts write one line each.
package-probe calls the acts one step at a time, as turncoatd's executor does.
"""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import build_packages  # noqa: E402
import sensor_client  # noqa: E402
from private_root import NoPrivateRoot, PrivateRoot  # noqa: E402
from rehearsal import STATE as OWN_STATE, Turncoat  # noqa: E402

LIVE = os.path.dirname(os.path.abspath(sensor_client.PROBE))
STATE = "/var/lib/package-probe"
INFO = "/var/lib/dpkg/info"
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
MARK = '#!/bin/sh\necho "{version} {script} $1" >>/srv/marks-{name}\n{more}exit {code}\n'
WAIT = "i=0; while [ -e /srv/wait-{name} ] && [ $i -lt 300 ]; do sleep 0.1; i=$((i+1)); done\n"


def build(folder, name, version, fails=(), waits=(), depends="", conffile=False, bare=False):
    """A .deb whose scripts leave a mark, and fail or wait where they are told to."""
    with tempfile.TemporaryDirectory() as tree:
        os.chmod(tree, 0o755)
        control = f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@acme.test>\n"
        control += f"Depends: {depends}\n" if depends else ""
        build_packages.write(f"{tree}/DEBIAN/control", control + "Priority: optional\nDescription: a rehearsal\n")
        build_packages.write(f"{tree}/opt/{name}/bin/{name}", f"#!/bin/sh\necho {version}\n", 0o755)
        if conffile:
            build_packages.write(f"{tree}/etc/{name}.conf", f"of {version}\n")
            build_packages.write(f"{tree}/DEBIAN/conffiles", f"/etc/{name}.conf\n")
        for script in () if bare else SCRIPTS:
            more = WAIT.format(name=name) if script in waits else ""
            text = MARK.format(name=name, version=version, script=script, more=more, code=int(script in fails))
            build_packages.write(f"{tree}/DEBIAN/{script}", text, 0o755)
        deb = f"{folder}/{name}_{version}_all.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, deb], check=True, capture_output=True)


def build_all(folder):
    for name in ("acme-phone", "acme-roll", "acme-c++"):
        for version in ("1.0", "1.1"):
            build(folder, name, version, conffile=True)
    build(folder, "acme-needed", "1.1")
    build(folder, "acme-plugin", "1.1", depends="acme-needed")
    for name, old, new in (
        ("acme-postinst", {"fails": ["postinst"]}, {}),
        ("acme-preinst", {"fails": ["preinst"]}, {}),
        ("acme-prerm", {}, {"fails": ["prerm"]}),
        ("acme-slow", {"waits": ["preinst"]}, {}),
        ("acme-slower", {}, {"waits": ["prerm"]}),
        ("acme-whole", {"waits": ["preinst"]}, {}),
        ("acme-apt", {"waits": ["preinst"]}, {}),
    ):
        build(folder, name, "1.0", **old)
        build(folder, name, "1.1", **new)


def repository(r, folder):
    build_packages.index(folder)
    r.mkdir("/srv/repo")
    for name in os.listdir(folder):
        r.copy_in(os.path.join(folder, name), "/srv/repo")
    r.run(["apt-get", "-q", "update"], scope=False)


@pytest.fixture(scope="module")
def root(tmp_path_factory, programs):
    built, programs = programs, tmp_path_factory.mktemp("root") / "programs"
    folder = str(tmp_path_factory.mktemp("repo"))
    shutil.copytree(built, programs)
    if not os.path.exists(f"{LIVE}/package-probe"):
        pytest.skip("no package-probe: build first")
    shutil.copy(f"{LIVE}/package-probe", programs)
    build_all(folder)
    try:
        with PrivateRoot(programs=str(programs)) as r:
            r.write("/etc/apt/sources.list", "deb [trusted=yes] file:/srv/repo ./\n")
            repository(r, folder)
            r.folder = folder
            newest = ["phone", "roll", "c++", "plugin", "postinst", "preinst", "prerm", "slow", "slower", "whole", "apt"]
            r.run(["apt-get", "-q", "-y", "install", *(f"acme-{n}=1.1" for n in newest)], scope=False)
            for n in newest:
                r.write(f"/srv/marks-acme-{n}", "")
            yield r
    except NoPrivateRoot as e:
        pytest.skip(str(e))


def order(root, number, step, act, target, *options):
    argv = ["package-probe", STATE, str(number), step, act, target, *options]
    return json.loads(root.run(argv, scope=False, check=False, timeout=90).stdout)


def fine(root, *words):
    answer = order(root, *words)
    assert answer["code"] == "ok", answer
    return answer["text"]


def marks(root, name):
    return root.read(f"/srv/marks-{name}").decode().splitlines()


def version_of(root, name):
    told = root.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", name], scope=False, check=False)
    return told.stdout


def upgrade(root):
    return root.run(["apt-get", "-q", "-y", "upgrade"], scope=False).stdout


def scripts_there(root, name):
    return [s for s in SCRIPTS if root.exists(f"{INFO}/{name}.{s}")]


def tree(root):
    """What a dry run might change: names, sizes and times of change."""
    found = {}
    for top in ("/var/lib/dpkg", "/etc", "/opt", STATE):
        for folder, _, names in os.walk(root.host_path(top)):
            for name in names:
                st = os.lstat(os.path.join(folder, name))
                found[os.path.join(folder, name)] = (st.st_size, st.st_mtime_ns, st.st_ino)
    return found


def test_the_plan_says_what_would_be_done_and_changes_nothing(root):
    order(root, 1, "plan", "remove", "acme-phone")  # makes the probe's own folder
    before = tree(root)
    plan = fine(root, 1, "plan", "remove", "acme-phone=1.1")
    for words in (
        "removes acme-phone 1.1 (all), by dpkg\n  Remv acme-phone [1.1]\n",
        "the scripts of 1.1 do not run, they are set aside: prerm, postrm, preinst, postinst\n",
        "undo installs 1.1 again, with its scripts: acme-phone=1.1\n",
    ):
        assert words in plan
    assert "run as root, as ordered: prerm" in fine(root, 1, "plan", "remove", "acme-phone", "--run-scripts")
    plan = fine(root, 1, "plan", "rollback", "acme-phone", "--to", "1.0")
    assert "from 1.1 to 1.0" in plan and "\n  Inst acme-phone [1.1] (1.0 localhost [all])\n" in plan
    assert "the scripts of 1.0 run" in plan
    assert tree(root) == before and marks(root, "acme-phone") == []


def test_a_removed_package_is_gone_is_kept_away_and_comes_back(root):
    fine(root, 2, "act", "remove", "acme-phone=1.1")
    seen = fine(root, 2, "check", "remove", "acme-phone=1.1")
    assert seen == "dpkg has no acme-phone, its files are gone; apt does not bring 1.1 back"
    assert marks(root, "acme-phone") == [] and not root.exists("/opt/acme-phone")
    assert root.read("/etc/acme-phone.conf") == b"of 1.1\n"
    assert "(1.0 " in root.run(["apt-get", "-s", "install", "acme-phone"], scope=False).stdout
    did = fine(root, 2, "undo", "remove", "acme-phone=1.1")
    assert did == "acme-phone 1.1 is installed again, with its scripts"
    assert version_of(root, "acme-phone") == "installed 1.1" and root.exists("/opt/acme-phone/bin/acme-phone")
    assert scripts_there(root, "acme-phone") == list(SCRIPTS)
    assert os.listdir(root.host_path("/etc/apt/preferences.d")) == []
    assert os.listdir(root.host_path(f"{STATE}/response/scripts")) == []


def test_scripts_run_when_it_is_so_ordered(root):
    root.write("/srv/marks-acme-phone", "")
    fine(root, 3, "act", "remove", "acme-phone", "--run-scripts")
    assert marks(root, "acme-phone") == ["1.1 prerm remove", "1.1 postrm remove"]
    fine(root, 3, "check", "remove", "acme-phone")


def test_a_name_with_a_plus_is_kept_away_too(root):
    """apt silently ignores a pin in a file whose name has a '+'."""
    fine(root, 4, "act", "remove", "acme-c++")
    fine(root, 4, "check", "remove", "acme-c++")
    assert "(1.0 " in root.run(["apt-get", "-s", "install", "acme-c++"], scope=False).stdout


def test_a_version_that_is_nowhere_cannot_come_back_and_undo_says_so(root):
    os.rename(root.host_path("/srv/repo/Packages"), root.host_path("/srv/repo/Packages.away"))
    try:
        root.write("/srv/repo/Packages", "")
        root.run(["apt-get", "-q", "update"], scope=False)
        did = fine(root, 4, "undo", "remove", "acme-c++")
        assert root.exists(f"{STATE}/response/scripts/4/acme-c++.prerm")
        assert "no .deb of it is to be had here" in did and not os.path.exists(pin(root, "c__", 4))
    finally:
        os.rename(root.host_path("/srv/repo/Packages.away"), root.host_path("/srv/repo/Packages"))
        root.run(["apt-get", "-q", "update"], scope=False)


def pin(root, name, number):
    return root.host_path(f"/etc/apt/preferences.d/turncoat-acme-{name}-{number}.pref")


def test_a_rollback_stays_until_a_newer_version_comes(root):
    root.write("/etc/acme-roll.conf", "changed here\n")
    fine(root, 5, "act", "rollback", "acme-roll=1.1", "--to", "1.0")
    seen = fine(root, 5, "check", "rollback", "acme-roll=1.1", "--to", "1.0")
    assert seen == "dpkg has acme-roll at 1.0; an upgrade does not bring 1.1 back"
    assert marks(root, "acme-roll") == ["1.0 preinst upgrade", "1.0 postinst configure"]
    assert root.read("/etc/acme-roll.conf") == b"changed here\n"
    upgrade(root)
    assert version_of(root, "acme-roll") == "installed 1.0"
    fine(root, 5, "undo", "rollback", "acme-roll=1.1", "--to", "1.0")
    assert version_of(root, "acme-roll") == "installed 1.1"
    fine(root, 6, "act", "rollback", "acme-roll=1.1", "--to", "1.0")
    build(root.folder, "acme-roll", "1.2")
    repository(root, root.folder)
    upgrade(root)
    assert version_of(root, "acme-roll") == "installed 1.2"
    assert order(root, 6, "check", "rollback", "acme-roll", "--to", "1.0")["code"] == "ENOENT"
    seen = fine(root, 6, "check", "rollback", "acme-roll", "--to", "1.0", "--resumed")
    assert seen == "dpkg has acme-roll at 1.2; an upgrade does not bring 1.1 back"
    assert "1.2 is installed" in fine(root, 6, "undo", "rollback", "acme-roll", "--to", "1.0")
    assert version_of(root, "acme-roll") == "installed 1.2"


def test_an_old_version_comes_from_the_archives_when_no_source_has_it(root):
    build(root.folder, "acme-roll", "1:0.9~a+b", bare=True)
    name = "acme-roll_1%3a0.9~a+b_all.deb"
    archived = f"/var/cache/apt/archives/{name}"
    build(root.folder, "acme-roll", "2:1.0", bare=True)
    with tempfile.TemporaryDirectory() as away:
        for version in ("1:0.9~a+b", "2:1.0"):
            shutil.move(f"{root.folder}/acme-roll_{version}_all.deb", away)
        root.copy_in(f"{away}/acme-roll_2:1.0_all.deb", "/srv")
        root.run(["dpkg", "-i", "/srv/acme-roll_2:1.0_all.deb"], scope=False)
        missing = order(root, 7, "plan", "rollback", "acme-roll", "--to", "1:0.9~a+b")
        assert missing["code"] == "ENOENT" and "was not found" in missing["message"] and archived in missing["hint"]
        shutil.copy(f"{away}/acme-roll_1:0.9~a+b_all.deb", root.host_path(archived))
    os.chmod(root.host_path(archived), 0o666)
    assert order(root, 7, "plan", "rollback", "acme-roll", "--to", "1:0.9~a+b")["code"] == "ENOENT"
    os.chmod(root.host_path(archived), 0o644)
    fine(root, 7, "act", "rollback", "acme-roll", "--to", "1:0.9~a+b")
    fine(root, 7, "check", "rollback", "acme-roll", "--to", "1:0.9~a+b")
    assert version_of(root, "acme-roll") == "installed 1:0.9~a+b"


PYTHON = os.path.basename(os.path.realpath("/usr/bin/python3")) + "-minimal"
REFUSED = (
    ("remove", PYTHON, (), "EPERM", "is vital"),
    ("remove", f"acme-plugin,{PYTHON}", (), "EPERM", "is vital"),
    ("remove", "acme-plugin,acme-none", (), "EPERM", "'acme-none' is not installed"),
    ("remove", "dash", (), "EPERM", "essential"),
    ("remove", "libc6", (), "EPERM", ""),
    ("rollback", "dash", ("--to", "0.1"), "EPERM", "essential"),
    ("remove", "acme-none", (), "ENOENT", "no package 'acme-none' is installed"),
    ("remove", "acme-plugin=1.0", (), "ESTALE", "at 1.1, not at 1.0"),
    ("remove", "acme-needed", (), "EPERM", "acme-plugin depends on acme-needed"),
    ("remove", "acme-plugin", ("--for", "60"), "EINVAL", "no end by itself"),
    ("remove", "--purge", (), "EINVAL", "is no name of a package"),
    ("rollback", "acme-plugin", ("--to", "0.5"), "ENOENT", "Version '0.5' for 'acme-plugin' was not found"),
    ("rollback", "acme-plugin", ("--to", "1.1"), "EINVAL", "not older"),
    ("rollback", "acme-plugin", (), "EINVAL", "is not said"),
)


@pytest.mark.parametrize("act,target,options,code,words", REFUSED, ids=[" ".join((r[0], r[1], *r[2])) for r in REFUSED])
def test_what_must_not_be_is_refused(root, act, target, options, code, words):
    answer = order(root, 8, "plan", act, target, *options)
    assert answer["code"] == code and words in answer["message"], answer


def test_others_go_only_when_they_are_named(root):
    plan = fine(root, 9, "plan", "remove", "acme-needed,acme-plugin")
    assert "and as ordered acme-plugin, whose scripts run" in plan
    fine(root, 9, "act", "remove", "acme-needed,acme-plugin")
    fine(root, 9, "check", "remove", "acme-needed,acme-plugin")
    assert marks(root, "acme-plugin") == ["1.1 prerm remove", "1.1 postrm remove"]
    assert "1.1 prerm remove" not in marks(root, "acme-needed")
    assert [version_of(root, n) for n in ("acme-needed", "acme-plugin")] == ["not-installed ", "config-files 1.1"]


def test_a_database_in_use_is_refused_with_who_uses_it(root):
    hold = "import fcntl,sys; f=open('/var/lib/dpkg/lock-frontend','w'); fcntl.lockf(f, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"
    holder = root.popen(["/usr/bin/python3", "-c", hold], scope=False, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    answer = order(root, 10, "plan", "remove", "acme-prerm")
    holder.communicate()
    assert answer["code"] == "EBUSY" and f"process {holder.pid} (python3) holds" in answer["hint"]


def test_a_refusing_script_leaves_everything_as_it_was(root):
    """The new version's preinst, and with its scripts allowed the suspected one's prerm."""
    for number, name, words in (
        (11, "acme-preinst", ("rollback", "acme-preinst", "--to", "1.0")),
        (12, "acme-prerm", ("remove", "acme-prerm", "--run-scripts")),
    ):
        answer = order(root, number, "act", *words)
        assert answer["code"] == "ECANCELED" and f"{name} 1.1 is as it was" in answer["message"], answer
        assert "error" in answer["message"] and answer["hint"]
        assert version_of(root, name) == "installed 1.1" and scripts_there(root, name) == list(SCRIPTS)
        assert root.run([f"/opt/{name}/bin/{name}"], scope=False).stdout == "1.1\n"
        assert not os.path.exists(pin(root, name.removeprefix("acme-"), number))
    assert "1.1 postinst abort-upgrade" not in marks(root, "acme-preinst")


def test_a_set_up_that_fails_is_said_with_the_command_that_repairs(root):
    did = fine(root, 13, "act", "rollback", "acme-postinst", "--to", "1.0")
    assert "did not finish" in did and "post-installation script" in did
    answer = order(root, 13, "check", "rollback", "acme-postinst", "--to", "1.0")
    assert answer["code"] == "EUCLEAN" and "1.0 is half-configured" in answer["message"], answer
    assert answer["hint"] == "finish it: dpkg --configure acme-postinst"
    assert order(root, 14, "plan", "remove", "acme-postinst")["code"] == "EUCLEAN"
    root.write(f"{INFO}/acme-postinst.postinst", "#!/bin/sh\nexit 0\n", mode=0o755)
    root.run(["dpkg", "--configure", "acme-postinst"], scope=False)
    fine(root, 13, "check", "rollback", "acme-postinst", "--to", "1.0")


@contextlib.contextmanager
def stopped_in_a_script(root, number, name, *words):
    """The act, while a script of dpkg's waits; yields the probe's process."""
    root.write(f"/srv/wait-{name}", "")
    root.write(f"/srv/marks-{name}", "")
    argv = ["package-probe", STATE, str(number), "act", *words]
    probe = root.popen(argv, scope=False, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not marks(root, name) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert marks(root, name)
    try:
        yield probe
    finally:
        if root.exists(f"/srv/wait-{name}"):
            os.unlink(root.host_path(f"/srv/wait-{name}"))
        probe.communicate(timeout=30)


def settled(root, *words):
    """As the executor asks: again while dpkg still works."""
    deadline = time.monotonic() + 30
    while (answer := order(root, *words))["code"] == "EAGAIN" and time.monotonic() < deadline:
        time.sleep(0.1)
    return answer


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(p) for p in f.read().split()]


def test_killed_in_the_middle_dpkg_goes_on_and_the_next_start_knows(root):
    words = ("rollback", "acme-slow", "--to", "1.0")
    with stopped_in_a_script(root, 15, "acme-slow", *words) as probe:
        probe.send_signal(signal.SIGKILL)
        probe.wait()
        assert scripts_there(root, "acme-slow") == []  # aside, while dpkg works
        assert order(root, 15, "check", *words)["code"] == "EAGAIN"
    assert order(root, 15, "resume", *words)["code"] == "ok"
    assert fine(root, 15, "check", *words).startswith("dpkg has acme-slow at 1.0")
    assert marks(root, "acme-slow") == ["1.0 preinst upgrade", "1.0 postinst configure"]
    assert scripts_there(root, "acme-slow") == list(SCRIPTS)


def test_a_killed_dpkg_is_told_truthfully_after_a_restart(root):
    words = ("remove", "acme-slower", "--run-scripts")
    with stopped_in_a_script(root, 16, "acme-slower", *words) as probe:
        dpkg = children_of(probe.pid)  # started by this test: the tool of its probe
        assert len(dpkg) == 1
        probe.send_signal(signal.SIGKILL)
        probe.wait()
        os.kill(dpkg[0], signal.SIGKILL)
    answer = settled(root, 16, "check", *words)
    assert answer["code"] == "EUCLEAN" and "'acme-slower' 1.1 is half-configured" in answer["message"], answer
    assert answer["hint"] == "finish it: dpkg --remove --force-remove-reinstreq acme-slower"
    assert order(root, 16, "plan", *words)["code"] == "EUCLEAN"
    assert scripts_there(root, "acme-slower") == list(SCRIPTS)
    root.run(answer["hint"].removeprefix("finish it: ").split(), scope=False)
    fine(root, 16, "check", *words)


def test_a_killed_apt_is_told_truthfully_and_the_hint_finishes_its_work(root):
    words = ("rollback", "acme-apt", "--to", "1.0")
    with stopped_in_a_script(root, 19, "acme-apt", *words) as probe:
        apt = children_of(probe.pid)
        assert len(apt) == 1
        os.kill(apt[0], signal.SIGKILL)  # its dpkg goes on
        os.unlink(root.host_path("/srv/wait-acme-apt"))
        did = json.loads(probe.stdout.readline())
    assert did["code"] == "ok" and "'/usr/bin/apt-get' was killed by signal 9" in did["text"], did
    answer = order(root, 19, "check", *words)
    assert answer["code"] == "EUCLEAN" and "acme-apt" in answer["message"], answer
    for command in answer["hint"].removeprefix("finish it: ").split("; "):
        root.run(command.replace("apt-get ", "apt-get -y ").split(), scope=False)
    assert fine(root, 19, "check", *words).startswith("dpkg has acme-apt at 1.0")
    assert "1.1 postrm upgrade" not in marks(root, "acme-apt")


def test_killed_before_dpkg_began_everything_is_put_back(root):
    """What lies in the folder of the act when turncoatd dies between setting aside and dpkg's start."""
    place = f"{STATE}/response/scripts/17"
    root.mkdir(place, mode=0o700)
    texts = [b"acme-prerm", b"all", b"1.1", b""]
    record = b"\x01" + b"".join(len(t).to_bytes(4, "little") + t for t in texts) + bytes(4)
    for script in SCRIPTS:
        shutil.copy(root.host_path(f"{INFO}/acme-prerm.{script}"), root.host_path(place))
    for script in ("prerm", "postrm"):
        os.unlink(root.host_path(f"{INFO}/acme-prerm.{script}"))
    with open(root.host_path(f"{place}/record"), "wb") as f:
        f.write(record)
    root.write("/etc/apt/preferences.d/turncoat-acme-prerm-17.pref", "")
    answer = order(root, 17, "resume", "remove", "acme-prerm")
    assert answer["code"] == "ECANCELED" and "as it was" in answer["message"]
    assert scripts_there(root, "acme-prerm") == list(SCRIPTS)
    assert os.access(root.host_path(f"{INFO}/acme-prerm.prerm"), os.X_OK)
    assert not os.path.exists(pin(root, "prerm", 17)) and not root.exists(place)


def test_under_systemd_dpkg_runs_in_a_unit_of_its_own(root):
    """No systemd runs here: a stand-in writes down what it was asked and starts it."""
    stand_in = '#!/bin/sh\necho "$@" >>/srv/units\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n'
    original = root.read("/usr/bin/systemd-run") if root.exists("/usr/bin/systemd-run") else None
    root.write("/usr/bin/systemd-run", stand_in, mode=0o755)
    root.mkdir("/run/systemd/system")
    try:
        fine(root, 18, "act", "remove", "acme-prerm")
    finally:
        os.rmdir(root.host_path("/run/systemd/system"))
        if original:
            root.write("/usr/bin/systemd-run", original, mode=0o755)
    asked = root.read("/srv/units").decode()
    assert asked.startswith("--unit=turncoat-package-18 --wait --collect --pipe ")
    assert asked.endswith(" -- /usr/bin/dpkg --remove acme-prerm\n")
    fine(root, 18, "check", "remove", "acme-prerm")


def test_by_turncoat_itself_also_when_it_is_killed_in_the_middle(root):
    daemon = Turncoat(root)

    def respond(*words):
        told = root.run(["turncoat", "respond", *words, "--json", "--state", OWN_STATE], scope=False, check=False, timeout=90)
        assert told.stdout, told.stderr
        return json.loads(told.stdout)

    dry = respond("rollback", "acme-whole=1.1", "--to", "1.0", "--dry-run")
    assert "  Inst acme-whole [1.1] (1.0 localhost [all])" in dry["plan"], dry
    removed = respond("remove", "acme-whole=1.1", "--why", "a rehearsal")
    assert removed["state"] == "seen" and "apt does not bring 1.1 back" in removed["text"], removed
    assert respond("undo", str(removed["id"]))["state"] == "undone"
    assert version_of(root, "acme-whole") == "installed 1.1"
    root.write("/srv/wait-acme-whole", "")
    root.write("/srv/marks-acme-whole", "")
    number = respond("rollback", "acme-whole", "--to", "1.0", "--wait", "0")["id"]
    deadline = time.monotonic() + 30
    while not marks(root, "acme-whole") and time.monotonic() < deadline:
        time.sleep(0.02)
    daemon.daemon.send_signal(signal.SIGKILL)
    daemon.daemon.wait()
    daemon = Turncoat(root)
    os.unlink(root.host_path("/srv/wait-acme-whole"))
    while time.monotonic() < deadline + 30:
        row = next(r for r in respond("list")["actions"] if r["id"] == number)
        if row["state"] not in ("requested", "done"):
            break
        time.sleep(0.1)
    assert row["state"] == "seen" and version_of(root, "acme-whole") == "installed 1.0", row
    assert marks(root, "acme-whole") == ["1.0 preinst upgrade", "1.0 postinst configure"]
    daemon.stop()
