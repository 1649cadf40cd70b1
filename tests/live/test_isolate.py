# SPDX-License-Identifier: Apache-2.0
"""Is a process that is cut off cut off by every way to the network, and nobody else?

Everything runs in a private root: its own network, its own cgroup, which is the scope of cut-probe.
"""
import errno
import os
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cut_client import PEERS, Actor, Cut, private_root  # noqa: E402
from private_root import UNDER_TEST  # noqa: E402

EPERM = errno.EPERM
PBX, OTHER = 5060, 4444  # one stays reachable where a test says so
GONE = (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN, errno.ECONNABORTED)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    for r in private_root(tmp_path_factory):
        with Actor(r, scope=False, prepare=PEERS) as peers:
            peers.do(f"peer({PBX})")
            peers.do(f"peer({OTHER})")
            r.run(["cp", "/bin/sleep", "/srv/softphone"])
            r.run(["cp", "-L", "/usr/bin/python3", "/srv/agent"])
            yield r


def hooks(root):
    """Ours, on the scope's cgroup, as the kernel lists them."""
    listed = subprocess.run(["bpftool", "cgroup", "show", root.scope], capture_output=True, text=True, check=True).stdout
    return [line.split()[-1] for line in listed.splitlines() if " cut_" in line]


@pytest.fixture
def cut(root):
    with Cut(root) as c:
        yield c
    assert not hooks(root)


def until(question, seconds=5):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if question():
            return True
        time.sleep(0.02)
    return question()


def test_nothing_is_attached_before_the_first_rule_and_after_the_last(root, cut):
    assert not cut.do("attached") and not hooks(root)
    cut.do("set 1 1")
    cut.do("set 2 2")
    assert cut.do("attached") and len(hooks(root)) == 7
    cut.do("clear 1")
    assert cut.do("attached")
    cut.do("clear 2")
    assert not cut.do("attached") and not hooks(root)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_new_connections_and_datagrams_are_refused(root, cut, host):
    with Actor(root) as softphone, Actor(root) as other:
        cut.isolate(softphone)
        for a, expected in ((softphone, EPERM), (other, 0)):
            assert a.error(f"s = connect({OTHER}, '{host}'); assert talk(s)") == expected
            assert a.error(f"s = connect({OTHER}, '{host}', socket.SOCK_DGRAM); assert talk(s)") == expected
            assert a.error(
                f"s = socket.socket(socket.AF_INET6 if ':' in '{host}' else socket.AF_INET, socket.SOCK_DGRAM);"
                f"s.settimeout(3); s.sendto(b'x', ('{host}', {OTHER})); s.recv(10)"
            ) == expected
        assert cut.do("refused 1") >= 3
        cut.do("clear 1")
        assert softphone.do(f"talk(connect({OTHER}, '{host}'))")


def test_names_are_not_asked_for_unless_the_resolver_is_excepted(root, cut):
    with Actor(root) as softphone:
        cut.isolate(softphone, excepted=[f"127.0.0.1@{PBX}"])
        assert softphone.error("s = connect(53, kind=socket.SOCK_DGRAM)") == EPERM


def test_by_io_uring(root, cut):
    uring = f"{UNDER_TEST}/uring-connect"
    with Actor(root) as softphone:
        before = softphone.do(f"subprocess.run(['{uring}', '{OTHER}']).returncode")
        if before == 77:
            pytest.skip("this kernel refuses io_uring")
        assert before == 0
        cut.isolate(softphone)
        for how in ("", ", 'async'"):
            assert softphone.do(f"subprocess.run(['{uring}', '{OTHER}'{how}]).returncode") == EPERM


def test_by_multipath_and_fast_open(root, cut):
    multipath = f"m = socket.socket(proto=262); m.settimeout(1.5); m.connect(('127.0.0.1', {OTHER})); assert talk(m)"
    fast = f"""
f = socket.socket()
f.settimeout(1)
try:
    f.sendto(b'x', 0x20000000, ('127.0.0.1', {OTHER}))
except BlockingIOError:
    select.select([], [f], [], 1)
    f.send(b'x')
f.recv(1)
"""
    with Actor(root) as softphone, Actor(root) as other:
        has_multipath = other.error(multipath) == 0
        assert other.error(fast) == 0
        cut.isolate(softphone)
        assert softphone.error(fast) in (EPERM, errno.ETIMEDOUT, errno.EAGAIN)
        if has_multipath:
            assert softphone.error(multipath) in (EPERM, errno.ETIMEDOUT)
            assert other.error(multipath) == 0


def test_connected_datagram_sockets_are_cut_both_ways_and_live_on_afterwards(root, cut):
    with Actor(root) as softphone, Actor(root, scope=False) as peer:
        peer.do("s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('127.0.0.1', 7000))")
        softphone.do("s = connect(7000, kind=socket.SOCK_DGRAM, timeout=0.3); s.send(b'x')")
        peer.do("who = s.recvfrom(10)[1]")
        cut.isolate(softphone)
        assert softphone.error("s.send(b'x')") == EPERM
        peer.do("s.sendto(b'answer', who)")
        assert softphone.error("s.recv(10)") == errno.ETIMEDOUT
        cut.do("clear 1")
        softphone.do("s.send(b'x')")
        assert peer.do("s.recv(10) == b'x'")


def test_live_connections_are_reset_and_excepted_ones_go_on(root, cut):
    with Actor(root) as softphone, Actor(root) as other, Actor(root, scope=False) as peer:
        peer.do("l = socket.create_server(('127.0.0.1', 7001))")
        softphone.do(f"pbx = connect({PBX}); evil = connect(7001)")
        other.do(f"s = connect({OTHER})")
        peer.do("c = l.accept()[0]; c.settimeout(3)")
        assert cut.isolate(softphone, excepted=[f"127.0.0.0/8@{PBX}"]) == 1
        assert softphone.error("evil.send(b'x')") in GONE
        assert peer.error("c.recv(10)") == errno.ECONNRESET
        assert softphone.do("talk(pbx)")
        assert softphone.do(f"talk(connect({PBX}))")
        assert softphone.error(f"connect({OTHER})") == EPERM
        assert other.do("talk(s)")


def test_who_waits_on_a_connection_is_woken(root, cut):
    with Actor(root) as softphone:
        softphone.do(
            f"""
s = connect({OTHER}, timeout=30)
told = []
def wait():
    try:
        s.recv(1)
    except OSError as e:
        told.append(e.errno)
t = threading.Thread(target=wait); t.start(); time.sleep(0.1)
"""
        )
        assert cut.isolate(softphone) == 1
        softphone.do("t.join(5)")
        assert softphone.do("told[0]") in GONE


def test_what_stands_may_stay(root, cut):
    with Actor(root) as softphone:
        softphone.do(f"t = connect({OTHER}); u = connect({OTHER}, kind=socket.SOCK_DGRAM)")
        assert cut.isolate(softphone, what=5) == 0
        assert softphone.do("talk(t)")
        assert softphone.do("talk(u)")
        assert softphone.error(f"connect({OTHER})") == EPERM
        assert softphone.error(f"u.connect(('127.0.0.1', {PBX}))") == EPERM


def test_children_and_what_they_run(root, cut):
    code = f"import socket; socket.create_connection((\\'127.0.0.1\\', {OTHER}), 3)"
    with Actor(root) as softphone:
        softphone.do("old = subprocess.Popen(['sleep', '30'])")  # forked a moment before
        cut.isolate(softphone)
        assert cut.do(f"has 1 {softphone.do('old.pid')}")
        assert softphone.do(f"subprocess.run(['sh', '-c', 'exec python3 -c \"{code}\" 2>/dev/null']).returncode") == 1
        softphone.do(f"pid = os.fork()\nif pid == 0:\n    try:\n        connect({OTHER})\n    except OSError as e:\n        os._exit(e.errno)\n    os._exit(0)")
        assert softphone.do("os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])") == EPERM
        softphone.do("old.kill(); old.wait()")
        assert until(lambda: not cut.do(f"has 1 {softphone.do('old.pid')}"))  # its end takes the mark away


def test_a_program_gets_the_mark_when_it_starts_and_keeps_it(root, cut):
    with Actor(root) as shell:
        shell.do("before = subprocess.Popen(['/srv/softphone', '30'])")
        cut.isolate(programs=["/srv/softphone", "/srv/agent"])
        assert cut.do(f"has 1 {shell.do('before.pid')}")  # it ran already
        shell.do("after = subprocess.Popen(['/srv/softphone', '30'])")
        after = shell.do("after.pid")  # told when its descriptors were closed, a moment before the exec is done
        assert until(lambda: cut.do(f"has 1 {after}"))
        assert not cut.do(f"has 1 {shell.pid}")
        assert shell.do(f"talk(connect({OTHER}))")
        shell.do("before.kill(); after.kill()")
        with Actor(root, python="/srv/agent") as agent:
            assert agent.error(f"connect({OTHER})") == EPERM
            run = f"import socket; socket.create_connection(('127.0.0.1', {OTHER}), 3)"
            agent.do(f"code = {run!r}")
            assert agent.do("subprocess.run(['/usr/bin/python3', '-c', code], stderr=subprocess.DEVNULL).returncode") == 1


def test_a_socket_that_others_made(root, cut):
    """Passed on before and after the rule; the giver was never marked and goes on with other sockets."""
    with Actor(root) as giver, Actor(root) as taker:
        giver.do("l = socket.socket(socket.AF_UNIX); l.bind('\\0give'); l.listen()")
        taker.do("u = socket.socket(socket.AF_UNIX); u.connect('\\0give')")
        giver.do("g = l.accept()[0]")
        giver.do(f"a, b, d, mine = connect({OTHER}), connect({OTHER}), connect({OTHER}, kind=socket.SOCK_DGRAM), connect({OTHER})")
        take = "socket.socket(fileno=socket.recv_fds(u, 1, 1)[1][0])"
        giver.do("socket.send_fds(g, [b'x'], [a.fileno()]); a.close()")
        taker.do(f"a = {take}; a.settimeout(3)")
        assert taker.do("talk(a)")
        assert cut.isolate(taker) == 1
        assert taker.error("a.send(b'x')") in GONE
        giver.do("socket.send_fds(g, [b'xx'], [b.fileno(), d.fileno()]); b.close()")  # AF_UNIX is left alone
        taker.do("fds = socket.recv_fds(u, 2, 2)[1]; b, d = socket.socket(fileno=fds[0]), socket.socket(fileno=fds[1])")
        taker.do("b.settimeout(0.5)")
        assert taker.error("b.send(b'leak'); b.recv(10)") in (EPERM, errno.ETIMEDOUT)
        assert taker.error("d.send(b'leak')") == EPERM
        assert giver.do("talk(mine)")


def test_an_inherited_socket(root, cut):
    """The parent opened it and is not marked; the child that has it is."""
    child = (
        "import os, socket, sys\ns = socket.socket(fileno=int(sys.argv[1]))\ns.settimeout(0.5)\nsys.stdin.readline()\n"
        "try:\n    s.send(b'x'); s.recv(1)\nexcept socket.timeout:\n    sys.exit(110)\nexcept OSError as e:\n    sys.exit(e.errno)\n"
    )
    with Actor(root) as parent:
        parent.do(f"child = {child!r}")
        parent.do(f"s = connect({OTHER}); s.set_inheritable(True)")
        parent.do(
            "p = subprocess.Popen(['python3', '-c', child, str(s.fileno())], stdin=subprocess.PIPE, text=True, pass_fds=[s.fileno()])"
        )
        cut.do("set 1 1")
        cut.do(f"process 1 {parent.do('p.pid')}")
        cut.do("settle 1")  # no abort: what is there must not even then be of use
        assert parent.do("p.communicate('go\\n') and p.returncode") in (EPERM, errno.ETIMEDOUT)


def test_who_listens_is_not_reached(root, cut):
    with Actor(root) as softphone, Actor(root) as other:
        softphone.do("l = socket.create_server(('127.0.0.1', 7002)); l.settimeout(0.3)")
        other.do("in_ = connect(7002)")
        softphone.do("c = l.accept()[0]")
        assert cut.isolate(softphone) == 1  # the accepted one; who listens stays as he is
        assert other.error("in_.recv(1)") == errno.ECONNRESET
        assert other.error("connect(7002, timeout=0.3)") == errno.ETIMEDOUT
        cut.do("clear 1")
        other.do("again = connect(7002)")
        softphone.do("c = l.accept()[0]")


def test_a_rule_that_is_over_means_nothing_and_its_number_can_be_used_again(root, cut):
    with Actor(root) as one, Actor(root) as two:
        one.do(f"s = connect({OTHER}, kind=socket.SOCK_DGRAM)")
        cut.isolate(one)
        assert one.error("s.send(b'x')") == EPERM
        cut.do("clear 1")
        cut.isolate(two)
        assert one.do("talk(s)")
        assert one.do(f"talk(connect({OTHER}))")
        assert two.error(f"connect({OTHER})") == EPERM
        assert cut.do(f"mark {one.pid}") == 0 and cut.do(f"mark {two.pid}") == 1


def test_two_rules_on_one_process(root, cut):
    """Each must let pass; the data mark alone takes nothing of the network away."""
    with Actor(root) as softphone:
        cut.isolate(softphone, rule=3, what=2)
        assert softphone.do(f"talk(connect({OTHER}))")
        cut.isolate(softphone, rule=1, excepted=[f"127.0.0.1@{PBX}"])
        cut.isolate(softphone, rule=2, excepted=[f"127.0.0.1@{PBX}", f"127.0.0.1@{OTHER}"])
        assert cut.do(f"mark {softphone.pid}") == 3
        assert softphone.do(f"talk(connect({PBX}))")
        assert softphone.error(f"connect({OTHER})") == EPERM
        cut.do("clear 1")
        assert softphone.do(f"talk(connect({OTHER}))")


def test_packets_below_ip_are_not_covered(root, cut):
    """AF_PACKET writes to the card directly (CAP_NET_RAW): declared in src/sensor/README.md."""
    with Actor(root) as softphone:
        cut.isolate(softphone)
        softphone.do("s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('lo', 0)); s.send(bytes(14) + b'x' * 46)")
        raw = "r = socket.socket(type=socket.SOCK_RAW, proto=253); r.sendto(b'x', ('127.0.0.1', 0))"
        assert softphone.error(raw) == EPERM  # raw IP is


def test_a_process_that_is_not_the_one_meant_gets_no_mark(root, cut):
    with Actor(root) as softphone:
        cut.do("set 1 1")
        assert cut.ask("process 1 4194304")["result"] == "ESRCH"
        assert cut.ask(f"process 9 {softphone.pid}")["result"] == "ENOENT"
        assert cut.ask("set 1 1 10.0.0.0/33")["result"] == "EINVAL"
        assert cut.ask("set 64 1")["result"] == "EINVAL"
