#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A private root for live tests: own mounts, own loopback, own cgroup, the host's /usr below and never written.

Owns: starting programs inside (as root or as the desktop user), reading and writing files there, and the life of the keeper.
Must not own: what a test expects. Nothing here touches a process it did not start: the end is cgroup.kill on the subtree
that the keeper made.

    with PrivateRoot(programs="build/bin") as root:
        root.run(["dpkg", "-i", "/srv/x.deb"])          # inside, in root.scope, as root
        root.run(["id"], user=True)                     # as alice
        root.popen(["turncoatd", "--scope-cgroup", root.scope, "--state", "/var/lib/turncoat"], scope=False)

As a command:  private_root.py [--programs DIR] [--user] [--aux] [--] COMMAND...
"""
import argparse
import fcntl
import json
import os
import secrets
import select
import shutil
import struct
import subprocess
import sys
import termios
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import kernel_calls as k  # noqa: E402

UNDER_TEST = "/opt/turncoat-under-test/bin"
PATH = UNDER_TEST + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TIOCSPTLCK, TIOCGPTPEER = 0x40045431, 0x5441  # not in Python 3.11's termios
NAMESPACES = (("mnt", k.CLONE_NEWNS), ("net", k.CLONE_NEWNET), ("uts", k.CLONE_NEWUTS), ("ipc", k.CLONE_NEWIPC))


class NoPrivateRoot(Exception):
    """The machine refuses a private root; the text says why. Tests skip with it."""


class PrivateRoot:
    def __init__(self, programs=None, user="alice", uid=1000, size="2g"):
        self.user, self.uid = user, uid
        self._settings = {
            "cgroup": f"turncoat-test-{os.getpid()}-{secrets.token_hex(3)}",
            "programs": os.path.abspath(programs) if programs else None,
            "user": user,
            "uid": uid,
            "size": size,
        }
        self._keeper = None
        self._ns = []
        self._procs = {}
        self.setup_seconds = 0.0
        self.usr = None  # "overlay" or "bind"
        self.scope = self.aux = None

    def start(self):
        if os.geteuid() != 0:
            raise NoPrivateRoot("a private root needs root")
        began = time.monotonic()
        self._keeper = subprocess.Popen(
            ["/usr/bin/python3", "-B", os.path.join(HERE, "private_root_keeper.py"), json.dumps(self._settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        answer = self._keeper.stdout.readline()
        if not answer.startswith("{"):
            self.stop()
            raise NoPrivateRoot(answer.removeprefix("error: ").strip() or "the keeper died")
        told = json.loads(answer)
        base = f"{told['top']}/{self._settings['cgroup']}"
        self.usr, self.scope, self.aux = told["usr"], base + "/scope", base + "/aux"
        for name, flag in NAMESPACES:
            self._ns.append((os.open(f"/proc/{self._keeper.pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC), flag))
        for place in ("scope", "aux"):
            self._procs[place] = os.open(f"{base}/{place}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
        self.setup_seconds = time.monotonic() - began
        return self

    def stop(self):
        """Everything ends: the keeper kills its own cgroup, the mounts vanish with the last process."""
        for fd, _ in self._ns:
            os.close(fd)
        for fd in self._procs.values():
            os.close(fd)
        self._ns, self._procs = [], {}
        if self._keeper is not None:
            self._keeper.stdin.close()
            self._keeper.wait(timeout=30)
            self._keeper.stdout.close()
            self._keeper = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()

    def place(self, name):
        """A cgroup of its own below aux, for popen(scope=name): what runs there can be counted by itself."""
        path = f"{self.aux}/{name}"
        if name not in self._procs:
            os.mkdir(path)
            self._procs[name] = os.open(path + "/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
        return path

    # ---- programs -------------------------------------------------------------------------------------------------

    def popen(self, argv, user=False, scope=True, cwd=None, env=None, terminal=None, **rest):
        """Starts argv inside: a session of its own, a clean environment, in the sensed cgroup or beside it.

        'scope' is True (sensed), False (beside it) or the name of a place().
        Without a terminal, unless 'terminal' is the descriptor of one (see run_in_terminal).
        """
        home = f"/home/{self.user}" if user else "/root"
        place = self._procs[scope if isinstance(scope, str) else "scope" if scope else "aux"]
        full = {
            "PATH": PATH,
            "HOME": home,
            "USER": self.user if user else "root",
            "LOGNAME": self.user if user else "root",
            "LANG": "C.UTF-8",
            "SHELL": "/bin/sh",
        }
        if not user:
            full["DEBIAN_FRONTEND"] = "noninteractive"
        full.update(env or {})
        spaces, uid = self._ns, self.uid

        def enter():
            os.write(place, b"0")
            for fd, flag in spaces:
                k.setns(fd, flag)
            os.chdir(cwd or home)
            os.umask(0o022)
            if terminal is not None:
                fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
            if user:
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)

        rest.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(argv, preexec_fn=enter, env=full, start_new_session=True, **rest)

    def run(self, argv, timeout=60, check=True, **rest):
        """Runs argv inside to its end and returns CompletedProcess with text output; a failure shows that output."""
        proc = self.popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="backslashreplace", **rest
        )
        try:
            out, err = proc.communicate(timeout=timeout)
        except BaseException:
            proc.kill()
            proc.communicate()
            raise
        if check and proc.returncode != 0:
            raise AssertionError(f"{argv!r} ended with {proc.returncode}\nstdout: {out[-4000:]}\nstderr: {err[-4000:]}")
        return subprocess.CompletedProcess(argv, proc.returncode, out, err)

    def run_in_terminal(self, argv, timeout=60, **rest):
        """Runs argv as the leader of a terminal's session, as a person's shell would be. Returns (exit code, output)."""
        master = os.open(self.host_path("/dev/pts/ptmx"), os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            fcntl.ioctl(master, TIOCSPTLCK, struct.pack("i", 0))
            slave = fcntl.ioctl(master, TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
            try:
                proc = self.popen(argv, terminal=slave, stdin=slave, stdout=slave, stderr=slave, **rest)
            finally:
                os.close(slave)
            output = self._read_terminal(master, time.monotonic() + timeout)
            try:
                return proc.wait(timeout=5), output
            except subprocess.TimeoutExpired:
                proc.kill()
                proc.wait()
                raise AssertionError(f"{argv!r} did not end within {timeout} s\n{output[-4000:]}") from None
        finally:
            os.close(master)

    @staticmethod
    def _read_terminal(master, deadline):
        """Until the last process with the terminal has closed it, or the deadline."""
        output = b""
        while select.select([master], [], [], max(0.0, deadline - time.monotonic()))[0]:
            try:
                data = os.read(master, 65536)
            except OSError:  # EIO: nobody holds the other end any more
                break
            if not data:
                break
            output += data
        return output.decode("utf-8", "backslashreplace")

    # ---- files ----------------------------------------------------------------------------------------------------

    def host_path(self, path):
        """The same file seen from outside. Absolute symbolic links inside would lead astray: use for plain paths."""
        return f"/proc/{self._keeper.pid}/root{path}"

    def mkdir(self, path, user=False, mode=0o755):
        part = ""
        for name in path.strip("/").split("/"):
            part += "/" + name
            if not os.path.isdir(self.host_path(part)):
                os.mkdir(self.host_path(part), mode)
                if user:
                    os.chown(self.host_path(part), self.uid, self.uid)

    def write(self, path, data, user=False, mode=0o644):
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogateescape")
        self.mkdir(os.path.dirname(path), user=user)
        with open(self.host_path(path), "wb") as f:
            f.write(data)
            os.fchmod(f.fileno(), mode)
            if user:
                os.fchown(f.fileno(), self.uid, self.uid)

    def read(self, path):
        with open(self.host_path(path), "rb") as f:
            return f.read()

    def exists(self, path):
        return os.path.lexists(self.host_path(path))

    def copy_in(self, source, path):
        """A file or a folder of the host to the folder 'path' inside; mode bits are kept."""
        self.mkdir(path)
        subprocess.run(["cp", "-aL", "--no-preserve=ownership", source, self.host_path(path) + "/"], check=True)

    def copy_out(self, path, target):
        os.makedirs(target, exist_ok=True)
        shutil.copytree(self.host_path(path), target, symlinks=True, dirs_exist_ok=True, ignore=_no_sockets)


def _no_sockets(folder, names):
    return [n for n in names if not (os.path.isfile(os.path.join(folder, n)) or os.path.isdir(os.path.join(folder, n)))]


def main():
    parser = argparse.ArgumentParser(description="run a command in a private root that vanishes with it")
    parser.add_argument("--programs", help="folder copied to /opt/turncoat-under-test/bin")
    parser.add_argument("--user", action="store_true", help="as the desktop user 'alice'")
    parser.add_argument("--aux", action="store_true", help="beside the sensed cgroup, not in it")
    parser.add_argument("--time", action="store_true", help="say how long the set-up took")
    parser.add_argument("command", nargs="*", default=["/bin/sh", "-i"])
    args = parser.parse_args()
    try:
        with PrivateRoot(programs=args.programs) as root:
            if args.time:
                print(f"private root: {root.setup_seconds:.2f} s, /usr by {root.usr}", file=sys.stderr)
            env = {"SCOPE": root.scope, "TERM": os.environ.get("TERM", "dumb")}
            return root.popen(args.command, user=args.user, scope=not args.aux, env=env, stdin=None).wait()
    except NoPrivateRoot as e:
        print(
            f"cannot make a private root: {e}\nhint: run as root on a kernel with cgroup v2 and mount namespaces",
            file=sys.stderr,
        )
        return 3
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
