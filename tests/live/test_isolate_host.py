# SPDX-License-Identifier: Apache-2.0
"""Does an isolated host talk to nobody but those who were excepted, and does its network come back, whatever happens?

The host is the private root's own network namespace; its peers and a machine behind it are namespaces joined to it by veth.
host-probe carries the act out, as turncoatd would; the last test asks turncoatd itself.
"""
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sensor_client  # noqa: E402
from private_root import NoPrivateRoot, PrivateRoot  # noqa: E402
from rehearsal import Turncoat  # noqa: E402

LIVE = os.path.dirname(os.path.abspath(sensor_client.PROBE))
MANAGER, DNS, ADMIN, OTHER = 5, 9, 7, 66
HOST = 1

# Talks and listens in one namespace; told by lines of JSON. "ok": the echo came back.
AGENT = r"""
import errno, json, socket, sys, threading
kept = {}
def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET
def echo(s):
    try:
        while data := s.recv(100):
            s.sendall(data)
    except OSError:
        pass
def accept(s):
    while True:
        threading.Thread(target=echo, args=(s.accept()[0],), daemon=True).start()
def answer(s):
    while True:
        data, who = s.recvfrom(100)
        try:
            s.sendto(data, who)
        except OSError:
            pass
def serve(address, port):
    for kind, work in ((socket.SOCK_STREAM, accept), (socket.SOCK_DGRAM, answer)):
        s = socket.socket(family(address), kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, port))
        if kind == socket.SOCK_STREAM:
            s.listen()
        threading.Thread(target=work, args=(s,), daemon=True).start()
def said(s, wait):
    s.settimeout(wait)
    s.send(b"hello")
    return "ok" if s.recv(100) else "closed"  # what was said before may come with it
def talk(q):
    if q["do"] == "say":
        return said(kept[q["name"]], q["wait"])
    s = socket.socket(family(q["to"]), socket.SOCK_DGRAM if q["do"] == "udp" else socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.settimeout(q["wait"])
    if q["source"] or q["source_port"]:
        s.bind((q["source"] or "", q["source_port"]))
    s.connect((q["to"], q["port"]))
    if q["do"] == "open":
        kept[q["name"]] = s
    return said(s, q["wait"])
print(json.dumps("ready"), flush=True)
for line in sys.stdin:
    q = json.loads(line)
    try:
        r = "ok"
        if q["do"] == "serve":
            serve(q["to"], q["port"])
        else:
            r = talk(q)
    except TimeoutError:
        r = "timeout"
    except OSError as e:
        r = errno.errorcode.get(e.errno, str(e))
    print(json.dumps(r), flush=True)
"""
NO = ("timeout", "EPERM")


class Agent:
    def __init__(self, root, apart):
        argv = ["python3", "-u", "-c", AGENT]
        self.proc = root.popen(
            ["unshare", "-n", *argv] if apart else argv,
            scope=False,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert json.loads(self.proc.stdout.readline()) == "ready"

    def ask(self, do, to=None, port=0, wait=5.0, source=None, source_port=0, name=None):
        q = {"do": do, "to": to, "port": port, "wait": wait, "source": source, "source_port": source_port, "name": name}
        self.proc.stdin.write(json.dumps(q) + "\n")
        return json.loads(self.proc.stdout.readline())

    def can(self, *args, **rest):
        answer = self.ask(*args, **rest)
        assert answer == "ok", f"{args} {rest}: {answer}"

    def cannot(self, *args, **rest):
        answer = self.ask(*args, wait=0.3, **rest)
        assert answer in NO, f"{args} {rest}: {answer}"

    def ends(self):
        self.proc.stdin.close()
        self.proc.wait(timeout=20)
        self.proc.stdout.close()


class Holder:
    def __init__(self, net, *options, hosts=((MANAGER, 8443), (DNS, 53), (ADMIN, 22))):
        excepted = []
        for number, port in hosts:
            for v in (4, 6):
                excepted += ["--except", address(v, number), str(32 if v == 4 else 128), str(port)]
        self.proc = net.root.popen(
            ["host-probe", *options, *excepted],
            scope=False,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert json.loads(self.proc.stdout.readline())["ready"]

    def ask(self, order):
        self.proc.stdin.write(order + "\n")
        return json.loads(self.proc.stdout.readline())

    def do(self, order):
        answer = self.ask(order)
        assert answer["code"] == "ok", f"{order}: {answer}"
        return answer["text"]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.proc.stdin.close()
        self.proc.wait(timeout=20)
        self.proc.stdout.close()


class Net:
    """host --- peer (four addresses), host --- behind (one that is routed through the host)"""

    def __init__(self, root):
        self.root = root
        self.host, self.peer, self.behind = Agent(root, False), Agent(root, True), Agent(root, True)
        self.sh("ip link set lo up; echo 1 > /proc/sys/net/ipv4/ip_forward")
        self.join(self.peer, "peer0", "10.9.0.1/24", "fd00:9::1/64", [MANAGER, DNS, ADMIN, OTHER])
        self.join(self.behind, "behind0", "10.10.0.1/24", "fd00:10::1/64", [2], 10)
        self.inside(self.behind, "ip route add default via 10.10.0.1")
        self.inside(self.peer, "ip route add 10.10.0.0/24 via 10.9.0.1")
        for v in (4, 6):
            for number, port in ((MANAGER, 8443), (MANAGER, 8444), (DNS, 53), (DNS, 8443), (OTHER, 53), (OTHER, 8443)):
                self.peer.can("serve", address(v, number), port)
            for port in (22, 8080):
                self.host.can("serve", address(v, HOST), port)
        self.host.can("serve", "127.0.0.1", 9000)

    def join(self, agent, device, four, six, numbers, net=9):
        self.sh(
            f"ip link add {device} type veth peer name up0 netns {agent.proc.pid}; ip addr add {four} dev {device};"
            f"ip addr add {six} dev {device} nodad; ip link set {device} up"
        )
        for n in numbers:
            self.inside(agent, f"ip addr add 10.{net}.0.{n}/24 dev up0; ip addr add fd00:{net}::{n:x}/64 dev up0 nodad")
        self.inside(agent, "ip link set lo up; ip link set up0 up")

    def sh(self, script):
        return self.root.run(["sh", "-ec", script], scope=False).stdout

    def inside(self, agent, script):
        self.root.run(["nsenter", "-t", str(agent.proc.pid), "-n", "sh", "-ec", script], scope=False)

    def table(self):
        return self.sh("nft list table inet turncoat 2>/dev/null || true")

    def opens(self, v=4):
        """The network comes back: waits for it, and says how long that took."""
        began = time.monotonic()
        while self.host.ask("udp", address(v, OTHER), 53, wait=0.3) != "ok":
            assert time.monotonic() - began < 20
        return time.monotonic() - began

    def closes(self):
        began = time.monotonic()
        while not self.closed():
            assert time.monotonic() - began < 20
            time.sleep(0.02)

    def closed(self, v=4):
        return self.host.ask("udp", address(v, OTHER), 53, wait=0.3) in NO

    def ends(self):
        for agent in (self.host, self.peer, self.behind):
            agent.ends()


def address(v, number, net=9):
    return f"10.{net}.0.{number}" if v == 4 else f"fd00:{net}::{number:x}"


@pytest.fixture(scope="module")
def net(tmp_path_factory, programs):
    if not os.path.exists(f"{LIVE}/host-probe"):
        pytest.skip(f"no '{LIVE}/host-probe': build first")
    if not shutil.which("nft", path="/usr/sbin:/usr/bin"):
        pytest.skip("no nft (package nftables) to look with")
    inside = shutil.copytree(programs, tmp_path_factory.mktemp("programs") / "bin")
    shutil.copy(f"{LIVE}/host-probe", inside)
    try:
        with PrivateRoot(programs=str(inside)) as root:
            made = Net(root)
            made.opens(4)
            made.opens(6)
            yield made
            made.ends()
    except NoPrivateRoot as e:
        pytest.skip(str(e))


@pytest.mark.parametrize("v", [4, 6])
def test_only_who_was_excepted_can_be_talked_to(net, v):
    with Holder(net) as holder:
        net.host.can("tcp", address(v, OTHER), 8443)
        holder.do("act")
        seen = holder.do("check")
        assert "dropped by the last rule (IPv4" in seen and re.search("manager 10.9.0.5:8443 answers", seen)
        net.host.can("tcp", address(v, MANAGER), 8443)
        net.host.can("udp", address(v, MANAGER), 8443)
        net.host.cannot("tcp", address(v, MANAGER), 8444)
        net.host.can("udp", address(v, DNS), 53)
        net.host.can("tcp", address(v, DNS), 53)
        net.host.cannot("tcp", address(v, DNS), 8443)
        net.host.cannot("udp", address(v, OTHER), 53)
        net.host.cannot("tcp", address(v, OTHER), 8443)
        net.host.can("tcp", "127.0.0.1", 9000)
        net.host.can("tcp", address(v, HOST), 8080)  # itself, by its own address
        told = holder.do("undo")
        assert re.search("open again; dropped meanwhile: .* [1-9][0-9]* from", told)
        net.host.can("tcp", address(v, OTHER), 8443)
        net.host.can("udp", address(v, OTHER), 53)
        assert net.table() == ""


@pytest.mark.parametrize("v", [4, 6])
def test_administration_comes_in_from_its_address_only(net, v):
    host = address(v, HOST)
    with Holder(net) as holder:
        net.peer.can("tcp", host, 22, source=address(v, OTHER))
        holder.do("act")
        net.peer.can("tcp", host, 22, source=address(v, ADMIN))
        net.peer.cannot("tcp", host, 8080, source=address(v, ADMIN))
        net.peer.cannot("tcp", host, 22, source=address(v, OTHER))
        net.peer.cannot("tcp", host, 22, source=address(v, MANAGER))
        # A manager answers; from its port it opens nothing, and neither does administration from here.
        net.peer.cannot("tcp", host, 8080, source=address(v, MANAGER), source_port=18443)
        net.host.cannot("tcp", address(v, ADMIN), 22)
        net.host.cannot("tcp", address(v, ADMIN), 8443, source_port=2222)
        holder.do("undo")
        net.peer.can("tcp", host, 22, source=address(v, OTHER))


def test_a_managers_port_opens_no_connection_to_us(net):
    with Holder(net, hosts=((OTHER, 18443),)) as holder:
        net.peer.can("tcp", address(4, HOST), 8080, source=address(4, OTHER), source_port=18443)
        holder.do("act")
        net.peer.cannot("tcp", address(4, HOST), 8080, source=address(4, OTHER), source_port=18443)
        holder.do("undo")


@pytest.mark.parametrize("v", [4, 6])
def test_sessions_that_stand_stop_at_once_and_go_on_afterwards(net, v):
    host = address(v, HOST)
    net.host.can("open", address(v, OTHER), 8443, name="to other")
    net.host.can("open", address(v, MANAGER), 8443, name="to manager")
    net.peer.can("open", host, 22, source=address(v, OTHER), name="from other")
    net.peer.can("open", host, 22, source=address(v, ADMIN), name="from admin")
    with Holder(net) as holder:
        holder.do("act")
        assert net.host.ask("say", name="to other", wait=0.3) == "timeout"
        assert net.peer.ask("say", name="from other", wait=0.3) == "timeout"
        net.host.can("say", name="to manager")
        net.peer.can("say", name="from admin")
        holder.do("undo")
    net.host.can("say", name="to other", wait=10)
    net.peer.can("say", name="from other", wait=10)


def test_neighbours_are_still_found(net):
    with Holder(net) as holder:
        holder.do("act")
        net.sh("ip neigh flush dev peer0; ip -6 neigh flush dev peer0")
        net.inside(net.peer, "ip neigh flush dev up0; ip -6 neigh flush dev up0")
        for v in (4, 6):
            net.host.can("tcp", address(v, MANAGER), 8443)
            net.peer.can("tcp", address(v, HOST), 22, source=address(v, ADMIN))
        holder.do("undo")


def test_nothing_goes_through(net):
    net.peer.can("serve", address(4, OTHER), 8500)
    net.behind.can("tcp", address(4, OTHER), 8500)
    with Holder(net) as holder:
        holder.do("act")
        net.behind.cannot("tcp", address(4, OTHER), 8500)
        net.behind.cannot("tcp", address(4, MANAGER), 8443)
        assert re.search("[1-9][0-9]* through this machine", holder.do("undo"))
    net.behind.can("tcp", address(4, OTHER), 8500)


def test_what_others_have_stays_as_it_is_and_opens_nothing(net):
    """A firewall that accepts everything, one that turns an excepted address into another, and one that is loaded anew."""
    theirs = (
        "table inet theirs {\n chain in {\n type filter hook input priority -400; policy accept;\n accept\n }\n"
        " chain out {\n type filter hook output priority 0; policy accept;\n accept\n }\n}\n"
        "table ip nat {\n chain out {\n type nat hook output priority -100; policy accept;\n"
        " ip daddr 10.9.0.5 tcp dport 8444 dnat to 10.9.0.66:8443\n }\n}\n"
    )
    net.root.write("/srv/theirs.nft", theirs)
    net.sh("nft -f /srv/theirs.nft")
    before = net.sh("nft list ruleset")
    with Holder(net, hosts=((MANAGER, 8444),)) as holder:
        net.host.can("tcp", address(4, MANAGER), 8444)  # the other one answers
        holder.do("act")
        assert net.closed()
        net.host.cannot("tcp", address(4, MANAGER), 8444)
        assert re.sub(r"table inet turncoat \{.*?\n\}\n", "", net.sh("nft list ruleset"), flags=re.S) == before
        assert net.root.run(["nft", "delete", "table", "inet", "turncoat"], check=False, scope=False).returncode != 0
        net.sh("nft flush ruleset; nft -f /srv/theirs.nft")  # as firewalls do when they are started again
        assert net.closed()
        holder.do("undo")
    assert net.sh("nft list ruleset") == before
    net.sh("nft flush ruleset")


def test_the_kernel_opens_the_network_when_the_time_is_over(net):
    """Nobody orders it: as if turncoatd hung."""
    with Holder(net, "--seconds", "1") as holder:
        holder.do("act")
        began = time.monotonic()
        assert net.closed(4) and net.closed(6)
        net.opens(4)
        net.opens(6)
        assert time.monotonic() - began > 0.9
        assert "table inet turncoat" in net.table()
        assert holder.ask("confirm")["code"] == "ENOENT"  # too late, and it says so
        holder.do("undo")
        assert net.table() == ""


def test_confirmed_it_stays(net):
    with Holder(net) as holder:
        holder.do("act")
        assert 590 <= int(holder.do("timer")) <= 600
        assert "expires" in net.table()
        holder.do("confirm")
        assert holder.do("timer") == "0"
        assert "expires" not in net.table() and net.closed(4) and net.closed(6)
        holder.do("undo")
        net.opens()


def test_who_holds_it_dies_and_the_network_is_back(net):
    with Holder(net) as holder:
        holder.do("act")
        holder.do("confirm")
        assert net.closed(4) and net.closed(6)
        holder.proc.kill()
        holder.proc.wait(timeout=10)
        assert net.opens() < 2
        assert net.table() == ""


def test_after_a_restart_only_what_was_confirmed_is_closed_again(net):
    with Holder(net) as holder:
        holder.do("act")
        holder.do("forget")
        answer = holder.ask("resume")
        assert answer["code"] == "ECANCELED" and "nobody had confirmed" in answer["message"]
        assert not net.closed()
        assert "open again" in holder.do("undo")
    with Holder(net) as holder:
        holder.do("act")
        holder.do("confirm")
        holder.do("forget")
        assert not net.closed()
        holder.do("resume")
        assert net.closed()
        holder.do("check")
        holder.do("undo")
        assert not net.closed()


def test_a_second_one_is_refused(net):
    with Holder(net) as first, Holder(net) as second:
        first.do("act")
        answer = second.ask("act")
        assert answer["code"] == "EEXIST" and "owned by a program" in answer["message"]
        first.do("undo")
        second.do("act")
        second.do("undo")


def test_what_a_check_says_of_managers(net):
    with Holder(net, hosts=((MANAGER, 1),)) as holder:
        holder.do("act")
        assert "can be reached, but refuses the connection" in holder.do("check")
        holder.do("undo")
    with Holder(net, hosts=((99, 8443),)) as holder:
        holder.do("act")
        answer = holder.ask("check")
        assert answer["code"] in ("EHOSTUNREACH", "ETIMEDOUT") and "'10.9.0.99:8443'" in answer["message"]
        assert net.closed()
        holder.do("undo")


def test_without_anybody_it_needs_a_reason_and_says_so(net):
    with Holder(net, hosts=()) as holder:
        assert holder.ask("plan")["code"] == holder.ask("act")["code"] == "EINVAL"
    with Holder(net, "--why", "a test", hosts=()) as holder:
        assert "NOBODY CAN REACH THIS MACHINE" in holder.do("plan")
        assert not net.closed()
        holder.do("act")
        holder.do("check")
        net.host.cannot("tcp", address(4, MANAGER), 8443)
        holder.do("undo")


PACKET = r"""
import socket, sys
target, device = bytes.fromhex(sys.argv[1].replace(":", "")), "peer0"
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((device, 0x0800))
udp = (7).to_bytes(2, "big") + (53).to_bytes(2, "big") + (12).to_bytes(2, "big") + bytes(2) + b"hole"
ip = bytes.fromhex("4500002000010000401100000a0900010a090042")
total = sum(int.from_bytes(ip[i : i + 2], "big") for i in range(0, 20, 2))
total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
s.send(target + s.getsockname()[4] + b"\x08\x00" + ip[:10] + total.to_bytes(2, "big") + ip[12:] + udp)
"""


def test_packet_sockets_stand_before_the_filter(net):
    """A hole, declared in docs/respond.md: this shows that it is one."""

    def heard():
        udp = net.root.run(["nsenter", "-t", str(net.peer.proc.pid), "-n", "cat", "/proc/self/net/snmp"], scope=False)
        return int(re.findall(r"^Udp: (\d+)", udp.stdout, re.M)[0])

    link = net.root.run(["nsenter", "-t", str(net.peer.proc.pid), "-n", "ip", "link", "show", "up0"], scope=False).stdout
    with Holder(net) as holder:
        holder.do("act")
        before = heard()
        assert net.closed() and heard() == before
        net.root.run(["python3", "-c", PACKET, re.search("ether ([0-9a-f:]+)", link)[1]], scope=False)
        deadline = time.monotonic() + 5
        while heard() == before:
            assert time.monotonic() < deadline
        holder.do("undo")


def test_how_long_it_takes(net):
    rounds = int(os.environ.get("TRN_ROUNDS", "10"))
    with Holder(net) as holder:
        rows = [tuple(map(int, r.split())) for r in holder.do(f"measure {rounds} {address(4, OTHER)}").splitlines()]
    assert len(rows) == rounds
    closed, opened, called = (statistics.median(column) / 1000 for column in zip(*rows))
    print(f"\nact to first dropped packet {closed:.0f} us, undo to first passing {opened:.0f} us, act {called:.0f} us",
          file=sys.stderr)
    assert closed < 500_000 and opened < 500_000


def test_turncoatd_does_it_and_a_restart_keeps_what_was_confirmed(net):
    def respond(*argv, ok=(0,)):
        return json.loads(t.ask("respond", *argv, "--json", ok=ok))

    def listed():
        return {a["id"]: a["state"] for a in json.loads(t.ask("respond", "list", "--all", "--json"))["actions"]}

    excepted = ("--except", f"{address(4, MANAGER)}:8443", "--why", "a test")
    t = Turncoat(net.root)
    plan = respond("isolate", "host", *excepted, "--dry-run")
    assert plan["state"] == "dry-run" and not net.closed()
    done = respond("isolate", "host", *excepted)
    assert done["state"] == "seen" and "manager 10.9.0.5:8443 answers" in done["text"]
    assert net.closed()
    net.host.can("tcp", address(4, MANAGER), 8443)
    os.kill(t.daemon.pid, signal.SIGKILL)
    t.daemon.wait()
    assert net.opens() < 5
    t = Turncoat(net.root)
    assert not net.closed() and listed()[done["id"]] == "failed"
    done = respond("isolate", "host", *excepted)
    t.ask("respond", "confirm", str(done["id"]))
    os.kill(t.daemon.pid, signal.SIGKILL)
    t.daemon.wait()
    net.opens()
    t = Turncoat(net.root)
    net.closes()
    t.ask("respond", "unisolate", "host")
    assert not net.closed()
    t.stop()


def test_the_policys_manager_and_administration_are_never_cut_off(net):
    net.root.write(
        "/etc/turncoat/policy.yaml",
        f"manager: ['{address(4, MANAGER)}:8443']\ndns: ['10.9.0.53']\nadministration: ['nobody.knows.test']\n",
    )
    t = Turncoat(net.root, options=("--policy", "/etc/turncoat/policy.yaml"))
    refused = net.root.run(
        ["turncoat", "respond", "isolate", "host", "--why", "a test"], scope=False, check=False
    )
    assert refused.returncode == 3 and "'nobody.knows.test' has no address" in refused.stderr
    assert not net.closed()
    net.root.write(
        "/etc/turncoat/policy.yaml",
        f"manager: ['{address(4, MANAGER)}:8443']\ndns: ['10.9.0.53']\nadministration: ['10.9.0.7']\n",
    )
    t.stop()
    t = Turncoat(net.root, options=("--policy", "/etc/turncoat/policy.yaml"))
    plan = t.ask("respond", "isolate", "host", "--dry-run")
    for words in (f"{address(4, MANAGER)}:8443", "10.9.0.53:53", "10.9.0.7"):
        assert words in plan, plan
    t.stop()
