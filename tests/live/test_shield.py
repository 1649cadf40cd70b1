# SPDX-License-Identifier: Apache-2.0
"""Are sensitive files refused to a marked process by every way to open them, and to nobody else?

The home is the private root's own, with made-up data; the holder of the permission group is cut-probe.
"""
import errno
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cut_client import Actor, Cut, private_root  # noqa: E402
from private_root import UNDER_TEST  # noqa: E402

EPERM = errno.EPERM
PROFILE = "/root/.mozilla/firefox/abc.default"
COOKIES = f"{PROFILE}/cookies.sqlite"
KEY = "/root/.ssh/id_ed25519"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    for r in private_root(tmp_path_factory, "uring-open"):
        for path in (COOKIES, KEY, f"{PROFILE}/prefs.js", "/root/.ssh/known_hosts", "/root/other"):
            r.write(path, "made up", mode=0o600)
        yield r


@pytest.fixture
def cut(root):
    with Cut(root) as c:
        yield c


def shield(cut, actor):
    files = cut.do("hold")
    cut.isolate(actor, what=2, abort=False)
    return files


def test_by_every_way_and_only_to_the_marked(root, cut):
    with Actor(root) as softphone, Actor(root) as firefox:
        assert shield(cut, softphone) == 2
        for path in (COOKIES, KEY):
            for how in ("open({!r}).read()", "os.open({!r}, os.O_WRONLY)", "os.open({!r}, os.O_RDWR | os.O_APPEND)"):
                assert softphone.error(how.format(path)) == EPERM
                assert firefox.error(how.format(path)) == 0
        softphone.do("told = []")
        softphone.do(
            f"""
def read():
    try:
        open({KEY!r})
    except OSError as e:
        told.append(e.errno)
t = threading.Thread(target=read); t.start(); t.join()
"""
        )
        assert softphone.do("told[0]") == EPERM  # a thread is its process
        assert softphone.do(f"subprocess.run(['cat', {KEY!r}], stderr=subprocess.DEVNULL).returncode") == 1
        assert softphone.do(f"subprocess.run(['{UNDER_TEST}/uring-open', {COOKIES!r}]).returncode") in (EPERM, 77)
        assert cut.do("shielded") >= 8
        cut.do("clear 1")
        assert softphone.error(f"open({KEY!r})") == 0


def test_what_is_not_sensitive_is_left_alone(root, cut):
    with Actor(root) as softphone:
        shield(cut, softphone)
        for path in ("/root/other", "/root/.ssh/known_hosts", f"{PROFILE}/prefs.js"):
            assert softphone.error(f"open({path!r})") == 0


def test_another_name_for_it(root, cut):
    with Actor(root) as softphone, Actor(root) as other:
        shield(cut, softphone)
        other.do(f"os.link({KEY!r}, '/root/harmless'); os.symlink({KEY!r}, '/root/pointer')")
        assert softphone.error("open('/root/harmless')") == EPERM
        assert softphone.error("open('/root/pointer')") == EPERM
        assert softphone.error(f"os.rename({KEY!r}, '/root/.ssh/renamed')") == 0  # not an open
        assert softphone.error("open('/root/.ssh/renamed')") == EPERM
        other.do(f"os.rename('/root/.ssh/renamed', {KEY!r}); os.unlink('/root/harmless'); os.unlink('/root/pointer')")


def test_a_file_that_is_new(root, cut):
    """Browsers write a new file and rename it over the old one."""
    with Actor(root) as softphone, Actor(root) as firefox:
        shield(cut, softphone)
        firefox.do(f"open('{PROFILE}/new', 'w').write('x'); os.rename('{PROFILE}/new', {COOKIES!r})")
        assert softphone.error(f"open({COOKIES!r})") == EPERM
        firefox.do("open('/root/.ssh/id_rsa', 'w').write('x')")
        assert softphone.error("open('/root/.ssh/id_rsa')") == EPERM
        firefox.do("os.unlink('/root/.ssh/id_rsa')")


def test_what_is_open_stays_open(root, cut):
    with Actor(root) as softphone:
        softphone.do(f"f = open({KEY!r})")
        shield(cut, softphone)
        assert softphone.do("f.read()") == "made up"  # declared: what it has open stays open to it


def test_the_data_mark_takes_no_network_away_and_the_network_mark_no_data(root, cut):
    with Actor(root) as softphone:
        cut.do("hold")
        cut.isolate(softphone, what=1)
        assert softphone.error(f"open({KEY!r})") == 0
        assert softphone.error("connect(4444)") == EPERM
        cut.isolate(softphone, rule=2, what=2)
        assert softphone.error(f"open({KEY!r})") == EPERM
        cut.do("clear 1")
        assert softphone.error("connect(4444)") == errno.ECONNREFUSED
        cut.do("release")
        assert softphone.error(f"open({KEY!r})") == 0


def test_when_the_holder_is_killed_everybody_opens_again(root):
    with Actor(root) as softphone:
        holder = Cut(root)
        shield(holder, softphone)
        assert softphone.error(f"open({KEY!r})") == EPERM
        holder.proc.kill()
        holder.proc.wait()
        assert softphone.error(f"open({KEY!r})") == 0
        holder.proc.stdin.close()
        holder.proc.stdout.close()
