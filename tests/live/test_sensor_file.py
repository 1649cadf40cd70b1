# SPDX-License-Identifier: Apache-2.0
"""Does the sensor tell what happens to files, and who opens the sensitive ones? Only a private root's file systems carry marks."""
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
    assert "ino" not in gone and "size" not in gone


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
