# SPDX-License-Identifier: Apache-2.0
"""Does the sensor tell what happens to files, and who opens the sensitive ones? Only a private root's file systems carry marks."""
import json
import os
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import kernel_calls as k  # noqa: E402
import sensor_client  # noqa: E402
from private_root import NoPrivateRoot  # noqa: E402


def homes(root):
    root.mkdir("/home/alice/.mozilla/firefox/x1.default", user=True)
    root.mkdir("/home/alice/.config/chromium/Default/Network", user=True)
    root.write("/home/alice/.mozilla/firefox/x1.default/cookies.sqlite", "fake", user=True)
    root.write("/home/alice/.mozilla/firefox/x1.default/prefs.js", "fake", user=True)
    root.write("/home/alice/.config/chromium/Default/Network/Cookies", "fake", user=True)
    root.write("/home/alice/.config/chromium/Default/Login Data", "fake", user=True)
    root.write("/home/alice/notes", "mine", user=True)


@pytest.fixture(scope="module")
def watched():
    if not os.path.exists(sensor_client.PROBE):
        pytest.skip(f"no sensor-probe at '{sensor_client.PROBE}': build first")
    try:
        with sensor_client.Watched("--no-perf", prepare=homes) as both:
            yield both
    except NoPrivateRoot as e:
        pytest.skip(str(e))


def device(st):
    return os.major(st.st_dev) << 20 | os.minor(st.st_dev)


def test_a_file_over_its_life(watched):
    root, sensor = watched
    root.run(["sh", "-c", "echo hello > /srv/a"])
    made = sensor.wait(type="file", action="created", path="/srv/a")
    written = sensor.wait(type="file", action="written", path="/srv/a")
    st = os.stat(root.host_path("/srv/a"))
    assert (written["ino"], written["dev"], written["size"]) == (st.st_ino, device(st), 6)
    assert written["ctime_ns"] == st.st_ctime_ns and written["mode"] == st.st_mode
    assert made["pid"] == written["pid"] and sensor.wait(type="exec", pid=made["pid"])["path"] == "/usr/bin/dash"

    root.run(["mv", "/srv/a", "/tmp/b"])
    moved = sensor.wait(type="file", action="renamed", path="/tmp/b")
    assert moved["old_path"] == "/srv/a" and moved["ino"] == st.st_ino
    root.run(["rm", "/tmp/b"])
    gone = sensor.wait(type="file", action="deleted", path="/tmp/b")
    assert gone["ino"] == st.st_ino and "size" not in gone and "mode" not in gone


def script(root, text, *args, user=False):
    """A Python script inside, with the usual imports; what it prints comes back as JSON."""
    head = "import ctypes, json, os, stat, sys, time\n"
    return json.loads(root.run(["python3", "-B", "-c", head + text, *args], user=user).stdout or "null")


def settled(sensor, root, name):
    """Everything that was done before is told: the groups are read by turns, attributes last."""
    root.run(["sh", "-c", f"true > /srv/{name}; chmod +x /srv/{name}"])
    sensor.wait(type="file", action="written", path=f"/srv/{name}")
    sensor.wait(type="file", action="attributes", path=f"/srv/{name}")


def test_attributes_of_what_may_run_or_be_written_by_all(watched):
    root, sensor = watched
    script(
        root,
        """
for name in ("set-id", "run", "all", "plain", "owned"):
    open("/srv/at-" + name, "w").close()
os.chmod("/srv/at-set-id", 0o4644)
os.chmod("/srv/at-run", 0o755)
os.chmod("/srv/at-all", 0o666)
os.chmod("/srv/at-plain", 0o600)
os.utime("/srv/at-plain", (1, 1))
os.chmod("/srv/at-owned", 0o755)
os.chown("/srv/at-owned", 1000, 1001)
os.mkdir("/srv/at-folder")
os.chmod("/srv/at-folder", 0o777)
os.mkdir("/srv/at-sticky")
os.chmod("/srv/at-sticky", 0o1777)
os.symlink("at-plain", "/srv/at-link")
os.utime("/srv/at-link", (1, 1), follow_symlinks=False)
""",
    )
    settled(sensor, root, "mark-attributes")
    told = {e["path"]: e for e in sensor.find(type="file", action="attributes", path=lambda p: p.startswith("/srv/at-"))}
    assert sorted(told) == ["/srv/at-all", "/srv/at-folder", "/srv/at-owned", "/srv/at-run", "/srv/at-set-id"]
    assert told["/srv/at-set-id"]["mode"] == 0o104644 and told["/srv/at-folder"]["mode"] == 0o40777
    assert (told["/srv/at-owned"]["file_uid"], told["/srv/at-owned"]["file_gid"]) == (1000, 1001)
    assert told["/srv/at-run"]["ino"] == os.stat(root.host_path("/srv/at-run")).st_ino


def test_capabilities_and_times_of_a_program(watched):
    root, sensor = watched
    root.run(["cp", "/usr/bin/true", "/srv/program"])
    settled(sensor, root, "mark-program")
    before = len(sensor.find(type="file", action="attributes", path="/srv/program"))
    root.run(["touch", "-d", "2001-01-01", "/srv/program"])
    settled(sensor, root, "mark-touched")
    assert len(sensor.find(type="file", action="attributes", path="/srv/program")) == before + 1
    # cap_net_raw, version 2, as setcap writes it
    value = "bytes.fromhex('0100000200200000000000000000000000000000')"
    script(root, f"os.setxattr('/srv/program', 'security.capability', {value})")
    settled(sensor, root, "mark-capable")
    assert len(sensor.find(type="file", action="attributes", path="/srv/program")) == before + 2


def test_every_way_to_a_new_name(watched):
    root, sensor = watched
    ino = script(
        root,
        """
libc = ctypes.CDLL(None, use_errno=True)
def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return os.stat(path).st_ino
os.makedirs("/srv/n/one"); os.makedirs("/srv/n/two/deep")
ino = {}
ino["over"] = write("/srv/n/one/new", "new"); write("/srv/n/two/old", "old")
os.rename("/srv/n/one/new", "/srv/n/two/old")
ino["left"] = write("/srv/n/left", "l"); ino["right"] = write("/srv/n/right", "r")
assert libc.renameat2(-100, b"/srv/n/left", -100, b"/srv/n/right", 2) == 0
os.link("/srv/n/left", "/srv/n/linked")
fd = os.open("/srv/n", os.O_TMPFILE | os.O_WRONLY, 0o600)
os.write(fd, b"x"); ino["unnamed"] = os.fstat(fd).st_ino
assert libc.linkat(-100, b"/proc/self/fd/%d" % fd, -100, b"/srv/n/from-nothing", 0x400) == 0
os.close(fd)
fd = os.open("/srv/n/linked", os.O_WRONLY)
os.unlink("/srv/n/linked"); os.write(fd, b"late"); os.close(fd)
d = os.open("/srv/n/one", os.O_RDONLY)
os.close(os.open("by-descriptor", os.O_CREAT | os.O_WRONLY, dir_fd=d)); os.unlink("by-descriptor", dir_fd=d)
print(json.dumps(ino))
""",
    )
    renamed = lambda path: sensor.wait(type="file", action="renamed", path=path)  # noqa: E731
    assert (renamed("/srv/n/two/old")["old_path"], renamed("/srv/n/two/old")["ino"]) == ("/srv/n/one/new", ino["over"])
    assert (renamed("/srv/n/right")["old_path"], renamed("/srv/n/right")["ino"]) == ("/srv/n/left", ino["left"])
    assert (renamed("/srv/n/left")["old_path"], renamed("/srv/n/left")["ino"]) == ("/srv/n/right", ino["right"])
    assert sensor.wait(type="file", action="created", path="/srv/n/linked")["ino"] == ino["right"]
    assert sensor.wait(type="file", action="created", path="/srv/n/from-nothing")["ino"] == ino["unnamed"]
    assert sensor.wait(type="file", action="deleted", path="/srv/n/linked")["ino"] == ino["right"]
    assert sensor.wait(type="file", action="written", ino=ino["right"], path=lambda p: "linked" in p)
    sensor.wait(type="file", action="deleted", path="/srv/n/one/by-descriptor")
    # Only now: a folder's path is what it is when the event is read.
    root.run(["sh", "-c", "mv /srv/n/two /srv/n/one/three; echo x > /srv/n/one/three/deep/f"])
    assert renamed("/srv/n/one/three")["old_path"] == "/srv/n/two"
    sensor.wait(type="file", action="written", path="/srv/n/one/three/deep/f")


def test_stores_through_a_mapping_are_told_when_it_ends(watched):
    root, sensor = watched
    script(
        root,
        """
import mmap
fd = os.open("/srv/mapped", os.O_CREAT | os.O_RDWR)
os.ftruncate(fd, 4096)
m = mmap.mmap(fd, 4096)  # has a descriptor of its own: closed with it
os.close(fd)
m[0:4] = b"data"
time.sleep(0.2)  # what waits in the queue is merged
open("/srv/while-mapped", "w").close()
time.sleep(0.2)
m.close()
""",
    )
    told = [sensor.wait(type="file", action="written", path=p) for p in ("/srv/while-mapped", "/srv/mapped")]
    assert sensor.events.index(told[0]) < sensor.events.index(told[1]) and told[1]["size"] == 4096


def test_one_name_two_files(watched):
    """The kernel merges what waits in its queue; a file must not vanish behind the next one of its name."""
    root, sensor = watched
    inos = script(
        root,
        """
def write(path):
    with open(path, "w") as f:
        f.write("x")
        return os.fstat(f.fileno()).st_ino
inos = []
for i in range(100):
    first = write("/srv/x")
    os.rename("/srv/x", f"/srv/y{i}")
    inos.append((first, write("/srv/x")))
    os.unlink("/srv/x")
for i in range(100):
    write("/srv/again")
    os.unlink("/srv/again")
    write("/srv/again")
print(json.dumps(inos))
""",
    )
    settled(sensor, root, "mark-two")
    for i, (first, second) in enumerate(inos):
        moved = sensor.wait(type="file", action="renamed", path=f"/srv/y{i}")
        assert moved["old_path"] == "/srv/x" and moved["ino"] == first
        assert sensor.find(type="file", action="created", ino=first) and sensor.find(type="file", action="created", ino=second)
    again = sensor.find(type="file", path="/srv/again")
    assert again[-1]["action"] == "written"
    assert len([e for e in again if e["action"] == "deleted"]) >= 50


OWNERS = """
def fork_as(pid):  # a child with this very pid
    class Args(ctypes.Structure):
        _fields_ = [(n, ctypes.c_uint64) for n in
                    "flags pidfd child_tid parent_tid exit_signal stack stack_size tls set_tid set_tid_size cgroup".split()]
    tid = ctypes.c_int(pid)
    a = Args(exit_signal=17, set_tid=ctypes.addressof(tid), set_tid_size=1)
    return ctypes.CDLL(None, use_errno=True).syscall(435, ctypes.byref(a), ctypes.sizeof(a))
done = []
for i in range(30):
    name = f"/srv/who{i}"
    first = os.fork()
    if first == 0:
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
        os._exit(0)
    os.waitpid(first, 0)
    second = fork_as(first)
    if second == 0:
        time.sleep(0.05)
        os._exit(0)
    if second < 0:
        done.append((name, first, False))
        continue
    os.waitpid(second, 0)
    done.append((name, first, True))
print(json.dumps(done))
"""


def test_a_pid_used_again_at_once(watched):
    """An event brings a pid and whether its process had ended when it was read; that is enough to know who it was."""
    root, sensor = watched
    told = script(root, OWNERS)
    assert any(reused for _, _, reused in told)
    for name, pid, reused in told:
        e = sensor.wait(type="file", action="created", path=name)
        assert e["pid"] == pid
        if not reused:
            continue
        starts = sensor.find(type="fork", pid=pid)
        assert len(starts) == 2
        ends = {s["entity"]: sensor.wait(type="exit", entity=s["entity"])["boot_ns"] for s in starts}
        if e.get("flags", 0) & 256:
            known = [s for s in starts if ends[s["entity"]] <= e["boot_ns"]]
        else:
            known = [s for s in starts if s["boot_ns"] <= e["boot_ns"] and ends[s["entity"]] >= e["boot_ns"]]
            known = known or [s for s in starts if ends[s["entity"]] <= e["boot_ns"]]
        assert known[-1]["entity"] == starts[0]["entity"], (e, starts, ends)


def test_the_same_on_the_overlay_with_the_kernels_numbers(watched):
    """What exec says about a file and what the file event says must be the same key."""
    root, sensor = watched
    root.run(["sh", "-c", "cp /usr/bin/true /usr/local/bin/fresh && /usr/local/bin/fresh"])
    ran = sensor.wait(type="exec", path="/usr/local/bin/fresh")
    written = sensor.wait(type="file", action="written", path="/usr/local/bin/fresh")
    assert (ran["dev"], ran["ino"]) == (written["dev"], written["ino"])
    assert ran["ctime_ns"] >= written["ctime_ns"]


def test_reading_is_not_told(watched):
    root, sensor = watched
    root.run(["sh", "-c", "cat /home/alice/notes; cat /home/alice/.mozilla/firefox/x1.default/prefs.js; true > /srv/mark"])
    sensor.wait(type="file", action="written", path="/srv/mark")
    assert not sensor.find(path=lambda p: p.endswith(("/notes", "/prefs.js")))


@pytest.mark.parametrize(
    "path, kind, owner",
    [
        (".mozilla/firefox/x1.default/cookies.sqlite", "browser-cookies", "firefox"),
        (".config/chromium/Default/Network/Cookies", "browser-cookies", "chromium"),
        (".config/chromium/Default/Login Data", "browser-logins", "chromium"),
    ],
)
def test_sensitive_opens(watched, path, kind, owner):
    root, sensor = watched
    root.run(["cat", "/home/alice/" + path], user=True)
    e = sensor.wait(type="open", path="/home/alice/" + path)
    assert e["sensitive"] == kind and e["owner"] == owner
    st = os.stat(root.host_path("/home/alice/" + path))
    assert (e["ino"], e["dev"]) == (st.st_ino, device(st))
    assert sensor.wait(type="exec", pid=e["pid"])["argv"] == ["cat", "/home/alice/" + path]


def test_places_that_appear_later(watched):
    """A profile made while we look, another one renamed into place, and a home of a new user."""
    root, sensor = watched
    root.run(["mkdir", "-p", "/home/alice/.ssh", "/home/alice/tmp/x2.default", "/home/bob"], user=False)
    time.sleep(0.3)
    root.run(["sh", "-c", "echo k > /home/alice/tmp/x2.default/logins.json; mv /home/alice/tmp/x2.default /home/alice/.mozilla/firefox/"])
    root.run(["sh", "-c", "mkdir /home/bob/.gnupg; sleep 0.3; echo s > /home/bob/.gnupg/secring.gpg; echo i > /home/alice/.ssh/id_rsa; echo p > /home/alice/.ssh/id_rsa.pub"])
    time.sleep(0.3)
    root.run(
        ["cat", "/home/alice/.ssh/id_rsa", "/home/alice/.ssh/id_rsa.pub", "/home/bob/.gnupg/secring.gpg", "/home/alice/.mozilla/firefox/x2.default/logins.json"]
    )
    cat = sensor.wait(type="exec", comm="cat", argv=lambda a: len(a) == 5)["pid"]
    assert sensor.wait(type="open", pid=cat, path="/home/alice/.ssh/id_rsa")["sensitive"] == "ssh-key"
    assert sensor.wait(type="open", pid=cat, path="/home/bob/.gnupg/secring.gpg")["sensitive"] == "gpg-key"
    assert sensor.wait(type="open", pid=cat, path=lambda p: p.endswith("x2.default/logins.json"))["sensitive"] == "browser-logins"
    assert not sensor.find(type="open", path="/home/alice/.ssh/id_rsa.pub")


@pytest.fixture(scope="module")
def linked():
    """A home whose sensitive places are reached by links: of a folder, of a file, and one that leads to what is not the user's."""

    def prepare(root):
        homes(root)
        root.write("/srv/dots/aws/credentials", "fake", user=True)
        root.write("/srv/dots/kubeconfig", "fake", user=True)
        root.write("/home/alice/.ssh/id_rsa", "fake", user=True)
        root.write("/etc/kept/config.json", "fake")
        root.mkdir("/home/alice/.kube", user=True)
        root.mkdir("/home/alice/.config/gh", user=True)
        root.run(["ln", "-s", "/srv/dots/aws", "/home/alice/.aws"], user=True, scope=False)
        root.run(["ln", "-s", "/srv/dots/kubeconfig", "/home/alice/.kube/config"], user=True, scope=False)
        root.run(["ln", "-s", "/etc/kept", "/home/alice/.docker"], user=True, scope=False)
        root.mkdir("/srv/data/carol/.ssh")
        root.write("/srv/data/carol/.ssh/id_rsa", "fake")
        root.run(["ln", "-s", "/srv/data/carol", "/home/carol"], scope=False)

    if not os.path.exists(sensor_client.PROBE):
        pytest.skip(f"no sensor-probe at '{sensor_client.PROBE}': build first")
    try:
        with sensor_client.Watched("--no-perf", prepare=prepare) as both:
            yield both
    except NoPrivateRoot as e:
        pytest.skip(str(e))


def opened(sensor, root, argv, **wanted):
    root.run(argv)
    pid = sensor.wait(type="exec", argv=argv)["pid"]
    return sensor.wait(type="open", pid=pid, **wanted)


def test_sensitive_places_behind_links(linked):
    root, sensor = linked
    sensor.needs("file.marks")
    assert sensor.hooks["file.sensitive"]["state"] == "on"
    e = opened(sensor, root, ["cat", "/home/alice/.aws/credentials"])
    assert (e["path"], e["sensitive"]) == ("/srv/dots/aws/credentials", "cloud-credentials")
    e = opened(sensor, root, ["head", "/home/alice/.kube/config"])
    assert (e["path"], e["sensitive"]) == ("/srv/dots/kubeconfig", "cloud-credentials")
    e = opened(sensor, root, ["head", "/srv/dots/kubeconfig"])
    assert e["sensitive"] == "cloud-credentials"
    e = opened(sensor, root, ["head", "/home/carol/.ssh/id_rsa"])
    assert (e["path"], e["sensitive"]) == ("/srv/data/carol/.ssh/id_rsa", "ssh-key")


def test_a_link_to_what_is_not_its_owners_is_not_followed(linked):
    root, sensor = linked
    root.run(["cat", "/etc/kept/config.json"])
    settled(sensor, root, "mark-kept")
    assert not sensor.find(type="open", path="/etc/kept/config.json")


def test_a_link_made_later(linked):
    root, sensor = linked
    root.write("/srv/dots/hosts.yml", "fake", user=True)
    root.run(["ln", "-s", "/srv/dots/hosts.yml", "/home/alice/.config/gh/hosts.yml"], user=True)
    root.run(["ln", "-s", "/srv/dots", "/home/alice/.azure"], user=True)
    root.write("/srv/dots/accessTokens.json", "fake", user=True)
    sensor.wait(type="file", action="created", path="/home/alice/.azure")
    time.sleep(0.3)
    assert opened(sensor, root, ["cat", "/srv/dots/hosts.yml"])["sensitive"] == "cloud-credentials"
    assert opened(sensor, root, ["cat", "/home/alice/.azure/accessTokens.json"])["sensitive"] == "cloud-credentials"


def test_a_sensitive_file_under_another_name(linked):
    """A hard link, a bind mount, a file handle, a descriptor opened again, and after it was moved away."""
    root, sensor = linked
    ino = os.stat(root.host_path("/home/alice/.ssh/id_rsa")).st_ino
    root.run(["ln", "/home/alice/.ssh/id_rsa", "/home/alice/notes.txt"])
    e = opened(sensor, root, ["cat", "/home/alice/notes.txt"])
    assert (e["path"], e["sensitive"], e["ino"]) == ("/home/alice/notes.txt", "ssh-key", ino)
    for how, text in {
        "bind": "k.unshare(k.CLONE_NEWNS); k.mount(None, '/', None, k.MS_REC | k.MS_PRIVATE);"
        "k.mount('/home/alice/.ssh', '/mnt', None, k.MS_BIND); os.open('/mnt/id_rsa', 0)",
        "handle": "h = ctypes.create_string_buffer(136); h[0:4] = (128).to_bytes(4, 'little'); m = ctypes.c_int();"
        "assert libc.name_to_handle_at(-100, b'/home/alice/.ssh/id_rsa', h, ctypes.byref(m), 0) == 0;"
        "assert libc.open_by_handle_at(os.open('/home', 0), h, 0) >= 0",
        "again": "fd = os.open('/home/alice/.ssh/id_rsa', os.O_PATH); os.open(f'/proc/self/fd/{fd}', 0)",
    }.items():
        root.copy_in(k.__file__, "/srv")
        head = "import sys; sys.path.insert(0, '/srv'); import kernel_calls as k; libc = ctypes.CDLL(None, use_errno=True);"
        pid = script(root, head + text + "; print(os.getpid())")
        e = sensor.wait(type="open", pid=pid)
        assert (e["sensitive"], e["ino"]) == ("ssh-key", ino), how
    root.run(["mv", "/home/alice/.ssh/id_rsa", "/srv/moved"])
    assert opened(sensor, root, ["cat", "/srv/moved"])["sensitive"] == "ssh-key"


def test_the_sum_behind_links_is_clean(linked):
    _, sensor = linked
    summary = sensor.stop()
    assert summary["malformed"] == 0 and sum(summary["lost"]) == 0


def test_odd_names(watched):
    root, sensor = watched
    root.run(["sh", "-c", "mkdir '/srv/a\nb'; true > '/srv/a\nb/\x1b]0;x\x07'"])
    sensor.wait(type="file", action="written", path="/srv/a\nb/\x1b]0;x\x07")


def test_a_renamed_folder_renames_what_comes_after(watched):
    root, sensor = watched
    root.run(["sh", "-c", "mkdir /srv/one; true > /srv/one/f; mv /srv/one /srv/two; true > /srv/two/g"])
    moved = sensor.wait(type="file", action="renamed", path="/srv/two")
    assert moved["old_path"] == "/srv/one" and moved["mode"] & 0o040000
    sensor.wait(type="file", action="written", path="/srv/two/g")


def test_a_file_system_mounted_later(watched):
    root, sensor = watched
    code = "import sys; sys.path.insert(0, '/srv'); import kernel_calls as k; k.mount('tmpfs', '/mnt', 'tmpfs')"
    root.copy_in(k.__file__, "/srv")
    root.run(["python3", "-B", "-c", code], scope=False)
    time.sleep(0.3)
    root.run(["sh", "-c", "echo x > /mnt/later"])
    sensor.wait(type="file", action="written", path="/mnt/later")
    root.run(["umount", "/mnt"])  # nothing of ours keeps it busy


def test_a_watcher_told_to_look_elsewhere_sees_nothing():
    """--root limits the marks: nothing outside is told."""
    if not os.path.exists(sensor_client.PROBE):
        pytest.skip(f"no sensor-probe at '{sensor_client.PROBE}': build first")
    try:
        with sensor_client.Watched("--no-perf", "--root", "/dev/shm") as (root, sensor):
            root.run(["sh", "-c", "true > /srv/unseen; true > /dev/shm/seen"])
            sensor.wait(type="file", action="written", path="/dev/shm/seen")
            assert not sensor.find(path="/srv/unseen")
    except NoPrivateRoot as e:
        pytest.skip(str(e))


def test_the_sum_is_clean(watched):
    """Last: ends the probe."""
    _, sensor = watched
    summary = sensor.stop()
    assert summary["malformed"] == 0 and sum(summary["lost"]) == 0
