# SPDX-License-Identifier: Apache-2.0
"""Does a file that is quarantined come back bit for bit, and is it whole in exactly one place, wherever it is interrupted?

vault-probe does what turncoatd does, and can end itself with SIGKILL right behind any step. Files are the test's own.
"""
import hashlib
import os
import shutil
import stat
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sensor_client  # noqa: E402
from private_root import UNDER_TEST, NoPrivateRoot, PrivateRoot  # noqa: E402

LIVE = os.path.dirname(os.path.abspath(sensor_client.PROBE))
TAKE_STEPS = range(1, 8)  # enum trn_vault_step
BACK_STEPS = range(8, 16)
CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")  # cap_net_bind_service=ep
ID = 7


class Place:
    """A folder for the file and one for the vault, seen from inside and from here."""

    def __init__(self, root, inside, folder, state):
        self.root, self.inside = root, inside
        self.folder, self.state = folder, state

    def here(self, path):
        return self.root.host_path(path) if self.inside else path

    def probe(self, *args):
        argv = [f"{UNDER_TEST if self.inside else LIVE}/vault-probe", self.state, *map(str, args)]
        if self.inside:
            done = self.root.run(argv, check=False)
        else:
            done = subprocess.run(argv, capture_output=True, text=True, errors="backslashreplace", timeout=60)
        self.code = done.returncode
        return done.stdout.strip()

    def ok(self, *args):
        answer = self.probe(*args)
        assert self.code == 0 and answer.startswith("ok"), answer
        return answer

    @property
    def vault(self):
        return self.here(f"{self.state}/vault")

    def kept(self):
        return sorted(os.listdir(self.vault)) if os.path.isdir(self.vault) else []


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    programs = tmp_path_factory.mktemp("programs")
    if not os.path.exists(f"{LIVE}/vault-probe"):
        pytest.skip("no vault-probe: build first")
    shutil.copy(f"{LIVE}/vault-probe", programs)
    try:
        with PrivateRoot(programs=str(programs)) as r:
            r.run(["sh", "-c", "mkdir -p /srv/a /srv/b /srv/o /srv/l /srv/u && mount -t tmpfs none /srv/b"])
            r.run(["sh", "-c", "mount -t tmpfs none /srv/u && mkdir /srv/u/up /srv/u/work"])
            r.run(["mount", "-t", "overlay", "-o", "lowerdir=/srv/l,upperdir=/srv/u/up,workdir=/srv/u/work", "none", "/srv/o"])
            yield r
    except NoPrivateRoot as e:
        pytest.skip(str(e))


@pytest.fixture(params=["tmpfs", "other tmpfs", "overlay", "disk", "disk to memory"])
def place(request, root, tmp_path):
    n = request.node.name.encode().hex()[-40:]
    folder, state = {
        "tmpfs": (f"/srv/a/{n}", f"/srv/a/state-{n}"),
        "other tmpfs": (f"/srv/a/{n}", f"/srv/b/state-{n}"),
        "overlay": (f"/srv/o/{n}", f"/srv/o/state-{n}"),
        "disk": (str(tmp_path / "files"), str(tmp_path / "state")),
        "disk to memory": (str(tmp_path / "files"), f"/dev/shm/turncoat-test-{os.getpid()}-{n}"),
    }[request.param]
    p = Place(root, not request.param.startswith("disk"), folder, state)
    os.mkdir(p.here(folder))
    os.chmod(p.here(folder), 0o755)
    os.mkdir(p.here(state))
    yield p
    shutil.rmtree(p.here(state))
    shutil.rmtree(p.here(folder))


@pytest.fixture
def here(root, tmp_path):
    """One place is enough for what does not depend on it."""
    p = Place(root, False, str(tmp_path / "files"), str(tmp_path / "state"))
    os.mkdir(p.folder)
    os.mkdir(p.state)
    return p


def make(path, content=b"made-up program\n" * 4096):
    """With all that a file may have: an owner, set-user-id, odd times, attributes, a capability, a hole."""
    with open(path, "wb") as f:
        f.write(content)
        f.seek(1 << 20, os.SEEK_CUR)
        f.write(b"end")
    os.chown(path, 12345, 54321)
    os.setxattr(path, "security.capability", CAPABILITY)
    os.setxattr(path, "trusted.made-up", b"\0\xff" * 40)
    try:
        os.setxattr(path, "user.empty", b"")
    except OSError:
        pass  # tmpfs before 6.6
    os.chmod(path, 0o4751)
    os.utime(path, ns=(1234567890123456789, 987654321987654321))


def look(path):
    st = os.stat(path, follow_symlinks=False)
    assert stat.S_ISREG(st.st_mode)
    fd = os.open(path, os.O_RDONLY | os.O_NOATIME)
    try:
        digest = hashlib.sha256()
        while data := os.read(fd, 1 << 20):
            digest.update(data)
    finally:
        os.close(fd)
    return {
        "sha256": digest.hexdigest(),
        "sparse": st.st_blocks * 512 < st.st_size,
        "xattrs": {n: os.getxattr(path, n) for n in os.listxattr(path) if not n.startswith("trusted.overlay.")},
        **{k: getattr(st, "st_" + k) for k in ("mode", "uid", "gid", "size", "atime_ns", "mtime_ns", "nlink")},
    }


def whole(path, before):
    return os.path.exists(path) and look(path)["sha256"] == before["sha256"]


def test_it_comes_back_bit_for_bit(place):
    path = f"{place.folder}/program"
    make(place.here(path))
    before = look(place.here(path))
    answer = place.ok("act", ID, path)
    assert before["sha256"] in answer
    assert not os.path.lexists(place.here(path))
    mode = os.stat(place.vault)
    assert (mode.st_mode & 0o7777, mode.st_uid) == (0o700, 0)
    assert "cannot be opened (ENOENT)" in place.ok("check", ID)
    place.ok("undo", ID)
    assert look(place.here(path)) == before
    assert place.kept() == []


def crash_and_recover(place, path, before, args, step):
    """After the end at a step, and after recovery. Returns whether it is in its place then."""
    at = place.here(path)
    data = f"{place.vault}/{ID:016x}.data"
    place.probe(*args, "--crash", step)
    assert place.code in (0, -9)
    if place.code == 0:
        return None  # this way does not pass that step
    assert whole(at, before) or whole(data, before), f"lost after step {step}"
    place.ok("recover")
    in_place, in_vault = os.path.lexists(at), os.path.lexists(data)
    assert in_place != in_vault, f"in {'both' if in_place else 'none'} after step {step}"
    assert whole(at if in_place else data, before)
    assert os.listdir(place.here(place.folder)) == (["program"] if in_place else [])
    assert place.kept() == ([] if in_place else [f"{ID:016x}.data", f"{ID:016x}.record"])
    if in_place:
        assert look(at) == before, f"changed after step {step}"
    place.ok("recover")  # nothing more to do
    assert os.path.lexists(at) == in_place
    return in_place


@pytest.mark.parametrize("way", ["", "--copy"])
def test_whatever_step_is_the_last_one_it_is_whole_in_one_place(place, way):
    path = f"{place.folder}/program"
    at = place.here(path)
    make(at)
    before = look(at)
    passed, options = [], [way] if way else []
    for step in [*TAKE_STEPS, *BACK_STEPS]:
        # A file that was taken is given back first, and the other way round: each step starts where it belongs.
        if step in TAKE_STEPS:
            result = crash_and_recover(place, path, before, ["take", ID, path, *options], step)
        else:
            if os.path.lexists(at):
                place.ok("take", ID, path, *options)
            result = crash_and_recover(place, path, before, ["restore", ID, *options], step)
        if result is not None:
            passed.append((step, result))
        if not os.path.lexists(at):
            place.ok("restore", ID, *options)
        assert look(at) == before, f"step {step}"
    steps = [s for s, _ in passed]
    assert {1, 6, 8} <= set(steps) and (2 in steps or {3, 4, 5, 7} <= set(steps)), passed
    assert 9 in steps or {10, 11, 12, 13, 14, 15} <= set(steps), passed
    if way:
        assert steps == [1, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15]
    # Only a step behind which the record says so changes who counts.
    assert [s for s, back in passed if s in TAKE_STEPS and back] == [s for s in steps if s in (1, 3, 4, 5)]
    assert [s for s, back in passed if s in BACK_STEPS and back] == [s for s in steps if s in (9, 13, 14, 15)]


def test_a_name_may_hold_anything_but_a_slash(here):
    for name in (b"two\nlines", b"\x1b[31mred", b"\xff\xfe", b"a" * 255, b" -rf "):
        path = os.path.join(os.fsencode(here.folder), name)
        make(path, b"x")
        before = look(path)
        done = subprocess.run([f"{LIVE}/vault-probe", here.state, "act", "9", path], capture_output=True)
        assert done.stdout.startswith(b"ok") and b"\x1b" not in done.stdout and b"\n" not in done.stdout.strip()
        assert not os.path.lexists(path)
        here.ok("undo", 9)
        assert look(path) == before


def test_what_is_no_file_or_cannot_be_taken_is_refused(here, root):
    folder = here.folder
    os.mkdir(f"{folder}/dir")
    os.mkfifo(f"{folder}/fifo")
    os.mknod(f"{folder}/device", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    for name, words in (("dir", "EISDIR: cannot take"), ("fifo", "no regular file"), ("device", "no regular file"),
                        ("none", "ENOENT"), ("", "EISDIR")):
        assert words in here.probe("act", ID, f"{folder}/{name}"), name
    assert "made up by the kernel" in here.probe("act", ID, "/proc/self/maps")
    assert "ELOOP" in here.probe("act", ID, "/proc/self/exe")
    assert "EPERM: '/usr/bin/env' is vital" in here.probe("act", ID, "/usr/bin/env")
    assert here.kept() == []


def test_a_link_leads_to_the_file_that_is_taken(here):
    make(f"{here.folder}/program")
    os.symlink("program", f"{here.folder}/link")
    assert f"'{here.folder}/program' (1114115 bytes), where '{here.folder}/link' leads" in here.ok(
        "plan", ID, f"{here.folder}/link"
    )
    here.ok("act", ID, f"{here.folder}/link")
    assert os.listdir(here.folder) == ["link"]
    here.ok("undo", ID)
    assert os.path.samefile(f"{here.folder}/link", f"{here.folder}/program")


def test_other_names_and_who_uses_it_are_told(here):
    shutil.copy("/usr/bin/sleep", f"{here.folder}/program")
    os.link(f"{here.folder}/program", f"{here.folder}/other")
    runs = subprocess.Popen([f"{here.folder}/program", "60"])
    try:
        told = here.ok("plan", ID, f"{here.folder}/program")
        assert "1 other name of it (hard links) stays" in told
        assert f"process {runs.pid}; these go on" in told
        assert os.path.exists(f"{here.folder}/program") and here.kept() == []
        here.ok("act", ID, f"{here.folder}/program")
        assert os.listdir(here.folder) == ["other"]
        here.ok("undo", ID)
        assert os.stat(f"{here.folder}/program").st_ino == os.stat(f"{here.folder}/other").st_ino
    finally:
        runs.kill()
        runs.wait()


def test_one_that_is_being_written_is_copied_as_it_is_now(here):
    path = f"{here.folder}/program"
    make(path)
    before = look(path)
    with open(path, "r+b") as f:
        assert "open for writing" in here.ok("plan", ID, path)
        here.ok("act", ID, path)
        f.write(b"changed afterwards")
    here.ok("check", ID)
    here.ok("undo", ID)
    assert look(path) == before


@pytest.mark.parametrize("way", ["", "--copy"])
def test_one_that_changes_meanwhile_stays(here, way):
    path = f"{here.folder}/program"
    make(path)
    assert here.probe("take", ID, path, "--change", *([way] if way else [])).startswith("ESTALE")
    assert os.path.exists(path) and here.kept() == []


def test_only_the_content_that_was_meant_is_taken(here):
    path = f"{here.folder}/program"
    make(path)
    st = os.stat(path)
    assert here.probe("act", ID, path, "--key", st.st_ino, st.st_ctime_ns + 1).startswith("ESTALE")
    assert here.probe("act", ID, path, "--key", st.st_ino + 1, st.st_ctime_ns).startswith("ESTALE")
    here.ok("act", ID, path, "--key", st.st_ino, st.st_ctime_ns)


def test_a_place_that_is_taken_or_gone_is_told(here):
    path = f"{here.folder}/program"
    make(path)
    before = look(path)
    here.ok("act", ID, path)
    with open(path, "w") as f:
        f.write("new")
    assert "was made anew" in here.probe("check", ID)
    assert "another file has its name now; move that file away" in here.probe("undo", ID)
    assert open(path).read() == "new"
    os.unlink(path)
    os.rename(here.folder, here.folder + "-away")
    assert "make it again: owner 0:0, mode 0755" in here.probe("undo", ID)
    os.mkdir(here.folder, 0o777)
    os.chmod(here.folder, 0o777)
    assert here.probe("undo", ID).startswith("ESTALE")
    os.rmdir(here.folder)
    os.symlink(here.folder + "-away", here.folder)
    assert here.probe("undo", ID).startswith("ELOOP")
    os.unlink(here.folder)
    os.mkdir(here.folder)
    here.ok("undo", ID)
    assert look(path) == before


def test_a_file_system_without_the_attributes_is_told(here, root):
    """And the content stays in the vault."""
    inside = Place(root, True, "/srv/b/files", "/srv/a/state-attributes")
    os.mkdir(inside.here(inside.state))
    os.mkdir(inside.here(inside.folder))
    path = f"{inside.folder}/program"
    make(inside.here(path))
    inside.ok("act", ID, path)
    root.run(["mount", "-t", "ramfs", "none", inside.folder])
    root.run(["chmod", "755", inside.folder])
    answer = inside.probe("undo", ID)
    assert "EOPNOTSUPP: cannot give it its attribute" in answer
    assert os.listdir(inside.here(inside.folder)) == [] and len(inside.kept()) == 2
    root.run(["umount", inside.folder])
    inside.ok("undo", ID)


def test_full_disks_full_vaults_and_read_only_ones_change_nothing(here, root):
    path = f"{here.folder}/program"
    make(path)
    before = look(path)
    assert here.probe("take", ID, path, "--max", 1000).startswith("EDQUOT: the vault is full")
    root.run(["sh", "-c", "mkdir -p /srv/small /srv/ro && mount -t tmpfs -o size=64k none /srv/small"])
    small = Place(root, True, "/srv/a", "/srv/small")
    make(small.here("/srv/a/program"))
    assert small.probe("act", ID, "/srv/a/program").startswith("ENOSPC")
    assert look(small.here("/srv/a/program")) == before and small.kept() == []
    root.run(["sh", "-c", "cp -a /srv/a/program /srv/ro/ && mount --bind /srv/ro /srv/ro && mount -o remount,ro,bind /srv/ro"])
    assert small.probe("act", ID, "/srv/ro/program").startswith("EROFS")
    assert os.path.exists(small.here("/srv/ro/program"))
    if subprocess.run(["chattr", "+i", path], stderr=subprocess.DEVNULL).returncode == 0:
        try:
            assert "it is immutable; take the attribute away first: chattr -i" in here.probe("act", ID, path)
        finally:
            subprocess.run(["chattr", "-i", path], check=True)
    assert look(path) == before and here.kept() == []


def test_a_record_that_is_damaged_leaves_the_content_alone(here):
    path = f"{here.folder}/program"
    make(path)
    before = look(path)
    here.ok("act", ID, path)
    record = f"{here.vault}/{ID:016x}.record"
    good = open(record, "rb").read()
    for bad in (b"", good[:-1], good[:40] + b"X" + good[41:]):
        with open(record, "wb") as f:
            f.write(bad)
        assert here.probe("recover").startswith("EPROTO")
        assert here.probe("undo", ID).startswith("EPROTO")
        assert whole(f"{here.vault}/{ID:016x}.data", before)
    with open(record, "wb") as f:
        f.write(good)
    here.ok("undo", ID)
    assert look(path) == before
