# SPDX-License-Identifier: Apache-2.0
"""The pair test: the same twenty commands typed by an administrator at a login, and through a softphone. One is a story.

Real: the login ('login -f', PAM, a terminal; sshd is not below every /usr, and is a border of the same kind), the package and
its installation, the shells, the commands, the pace. A stand-in: the softphone's release, which hands a pipe to a sh.
"""
import fcntl
import os
import struct
import subprocess
import tempfile
import threading
import time

import build_packages
import pytest
import rehearsal
from private_root import TIOCGPTPEER, TIOCSPTLCK, NoPrivateRoot, PrivateRoot

TYPED = "/tmp/acme-typed"
COMMANDS = [
    "id",
    "hostname",
    "uname -a",
    "cat /etc/os-release",
    "whoami",
    "ps aux",
    "ss -tln",
    "ip addr",
    "df",
    "env",
    "uptime",
    "last",
    "cat /etc/passwd",
    "ls -la /home",
    "ls -la /home/alice/.ssh",
    "find /home -name '*.kdbx'",
    "cat /home/alice/.ssh/id_ed25519",
    "cat /home/alice/.aws/credentials",
    "cat /home/alice/.bash_history",
    f"cat {rehearsal.FIREFOX}/places.sqlite",
]


def type_into(fd):
    """As somebody does who knows what to look for: half a second to one, never the same."""
    for i, line in enumerate(COMMANDS):
        time.sleep(0.62 + 0.11 * (i * 7 % 5))
        os.write(fd, line.encode() + b"\n")


@pytest.fixture(scope="module")
def watched(programs):
    try:
        with PrivateRoot(programs=programs) as root:
            with open(root.host_path("/etc/shadow"), "a", encoding="ascii") as f:
                f.write("alice:*:19000:0:99999:7:::\n")  # an account that PAM lets in, without a password
            rehearsal.fake_profiles(root)
            for name in (".ssh/id_ed25519", ".aws/credentials", ".bash_history"):
                root.write("/home/alice/" + name, rehearsal.NOTE + "\n", user=True, mode=0o600)
            rehearsal.start_servers(root)
            with tempfile.TemporaryDirectory(prefix="acme-packages.") as folder:
                arch = subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout
                build_packages.build_deb(folder, "1.0", arch.strip(), ["media_1_0.c"])
                build_packages.build_deb(folder, "1.2", arch.strip(), ["media_typed.c", "loopback.c"])
                rehearsal.local_repository(root, folder)
            os.mkfifo(root.host_path(TYPED), 0o600)
            os.chown(root.host_path(TYPED), root.uid, root.uid)
            turncoat = rehearsal.Turncoat(root)
            rehearsal.install(root, "1.0")
            rehearsal.run_softphone(root, 1)
            rehearsal.install(root, "1.2")
            yield root, turncoat
            turncoat.stop()
    except NoPrivateRoot as e:
        pytest.skip(str(e))


class Admin:
    """A login on a terminal, its output thrown away."""

    def __init__(self, root):
        self.master = os.open(root.host_path("/dev/pts/ptmx"), os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        fcntl.ioctl(self.master, TIOCSPTLCK, struct.pack("i", 0))
        slave = fcntl.ioctl(self.master, TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        self.login = root.popen(
            ["login", "-f", "alice"], terminal=slave, stdin=slave, stdout=slave, stderr=slave, env={"TERM": "dumb"}
        )
        os.close(slave)
        self.output = b""
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            if not data:
                return
            self.output += data

    def prompt(self, seconds=20):
        deadline = time.monotonic() + seconds
        while not self.output.rstrip(b" ").endswith((b"$", b"#")) and time.monotonic() < deadline:
            if self.login.poll() is not None:
                break
            time.sleep(0.1)
        assert self.login.poll() is None, self.output.decode("utf-8", "replace")

    def end(self):
        os.write(self.master, b"exit\n")
        self.login.wait(timeout=20)
        os.close(self.master)


def findings(story):
    return [finding for stage in story["stages"] for finding in stage["findings"]]


def test_the_same_twenty_commands(watched):
    root, turncoat = watched
    admin = Admin(root)
    admin.prompt()
    phone = root.popen(["/opt/acme-softphone/bin/acme-softphone", "2"], user=True, stdout=subprocess.DEVNULL)
    pipe = os.open(root.host_path(TYPED), os.O_WRONLY)  # waits until the softphone opens it
    typing = threading.Thread(target=type_into, args=(pipe,))
    typing.start()
    type_into(admin.master)
    typing.join()
    os.close(pipe)
    assert phone.wait(timeout=30) == 0
    admin.end()
    turncoat.settle()

    for command in ("last", "df", "find"):  # both were seen; a login runs id by itself
        assert len(turncoat.seen(f"type=exec process={command}")) == 2, command
    stories = turncoat.stories("--all")
    page = "\n".join(turncoat.ask("stories", str(story["id"])) for story in stories)
    found = [story for story in stories if story["verdict"] in ("suspicious", "malicious")]
    assert [(s["software"]["name"], s["software"]["version"]) for s in found] == [("acme-softphone", "1.2")], page
    assert {"hands-on-keyboard", "collection"} <= {stage["stage"] for stage in found[0]["stages"]}, page
    typed = [f for f in findings(found[0]) if f["check"] == "behaviour.hands-on-keyboard"]
    assert len(typed) == 1 and typed[0]["score"] >= 25, page
    assert typed[0]["summary"].startswith("sh under acme-softphone; id, hostname, uname, "), typed
    assert typed[0]["summary"].endswith(", typed") and typed[0]["evidence"]["descriptors"] == "pipe, null, null"
    others = [f["check"] for story in stories if story is not found[0] for f in findings(story)]
    assert "behaviour.hands-on-keyboard" not in others, page


SERVER = """
import socket, time
server = socket.create_server(('127.0.0.1', 4444))
print('ready', flush=True)
connection = server.accept()[0]
time.sleep(0.5)
connection.sendall(b'exit\\n')
connection.recv(100)
"""


def test_a_shell_on_a_connection_is_enough(watched):
    """One exec: its input, output and errors are a connection. No command was typed."""
    root, turncoat = watched
    os.unlink(root.host_path(TYPED))
    server = root.popen(["python3", "-c", SERVER], scope=False, stdout=subprocess.PIPE, text=True)
    assert server.stdout.readline() == "ready\n"
    phone = root.run(["/opt/acme-softphone/bin/acme-softphone", "2"], user=True)
    assert phone.returncode == 0 and server.wait(timeout=20) == 0
    turncoat.settle()
    wired = [f for s in turncoat.stories("--all") for f in findings(s) if f["evidence"].get("descriptors", "").startswith("network")]
    assert [(f["check"], f["score"]) for f in wired] == [("behaviour.hands-on-keyboard", 45)]
    assert wired[0]["summary"] == "sh under acme-softphone on a connection" and len(wired[0]["events"]) == 1
    assert set(wired[0]["telemetry"]) == {"process", "network"}
    (shell,) = [e for e in turncoat.seen("type=exec process.stdio=network-socket") if e["process"]["name"] == "dash"]
    assert shell["process"]["stdio"] == ["network-socket"] * 3
