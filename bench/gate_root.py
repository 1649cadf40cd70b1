# SPDX-License-Identifier: Apache-2.0
"""A folder with a Debian in it, each package in the oldest version on offer, for gate.py: what an update finds on a machine.

Owns: choosing versions, fetching (apt-get as it is set up here), unpacking and configuring in a namespace of its own without a
network, copies of the folder, running and measuring a command in one.
Must not: know a mirror's address; start a service (policy-rc.d refuses); write outside its folder.
"""
import collections
import contextlib
import glob
import os
import re
import secrets
import shutil
import subprocess
import sys
import time

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
SECONDS = 3600  # most, for anything
# Mounts, devices, then the command inside; all of it ends with the first process of the namespace.
ENTER = """set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount -t tmpfs -o mode=0755 tmpfs "$1/dev"
for name in null zero full random urandom tty; do : >"$1/dev/$name"; mount --bind "/dev/$name" "$1/dev/$name"; done
mkdir "$1/dev/pts" "$1/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"
ln -s pts/ptmx "$1/dev/ptmx"; ln -s /proc/self/fd "$1/dev/fd"
mount -t tmpfs tmpfs "$1/run"
root=$1; shift
exec chroot "$root" "$@"
"""
ENVIRONMENT = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", "SHELL": "/bin/sh"}
UPGRADE = ["apt-get", "-q", "-y", "--no-download", "--with-new-pkgs", "-o", "Dpkg::Options::=--force-confold", "upgrade"]

Cost = collections.namedtuple("Cost", "wall cpu code out err")


class NoRoot(Exception):
    """There can be no such folder here; the text says why."""


def _said(done):
    """The end of what a command said, without addresses."""
    text = (done.stdout or "") + (done.stderr or "")
    return re.sub(r"\w+://\S+", "(address)", "\n".join(text.strip().splitlines()[-12:]))


def _run(argv, **rest):
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False, **rest)
    if done.returncode:
        raise NoRoot(f"{os.path.basename(argv[0])} ended with {done.returncode}:\n{_said(done)}")
    return done.stdout


# ---- which versions -----------------------------------------------------------------------------------------------


def _stanzas(text):
    for stanza in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if line[:1].isalpha() and ": " in line)
        if "Package" in fields:
            yield fields


def on_offer():
    """({package: [versions]}, {package: priority}) of what apt's lists offer here."""
    versions, priorities = collections.defaultdict(list), {}
    lists = _run(["apt-get", "indextargets", "--format", "$(FILENAME)", "Created-By: Packages"])
    for name in filter(None, lists.splitlines()):
        for fields in _stanzas(_run(["/usr/lib/apt/apt-helper", "cat-file", name])):
            if fields["Version"] not in versions[fields["Package"]]:
                versions[fields["Package"]].append(fields["Version"])
            priorities[fields["Package"]] = fields.get("Priority", "optional")
    return versions, priorities


def oldest(versions):
    old = versions[0]
    for v in versions[1:]:
        if subprocess.run(["dpkg", "--compare-versions", v, "lt", old], check=False).returncode == 0:
            old = v
    return old


def libraries_of(program):
    """Packages that hold the shared libraries of a program of this machine."""
    paths = re.findall(r"=> (/\S+)", _run(["ldd", program]))
    found = set()
    for path in paths:
        for p in {path, os.path.realpath(path), path.removeprefix("/usr"), "/usr" + path}:
            done = subprocess.run(["dpkg", "-S", p], capture_output=True, text=True, check=False)
            found.update(line.split(":")[0] for line in done.stdout.splitlines() if ":" in line)
    return sorted(found)


# ---- making it ----------------------------------------------------------------------------------------------------


class Root:
    def __init__(self, place, say):
        self.place, self.say = os.path.abspath(place), say

    def path(self, name):
        return os.path.join(self.place, name.lstrip("/"))

    def write(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.path(name), mode)

    def apt(self, *argv):
        """apt-get of this machine, at work on the folder: it may fetch."""
        return _run(["apt-get", "-q", "-y", "-o", f"Dir={self.place}", "-o", f"Dir::State::status={self.path('var/lib/dpkg/status')}",
                     "-o", "Dir::Bin::methods=/usr/lib/apt/methods", "-o", "APT::Sandbox::User=root",
                     "-o", "APT::Install-Recommends=false", "-o", "DPkg::Pre-Install-Pkgs::=", *argv])

    def command(self, argv):
        return ["unshare", "--mount", "--net", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "enter",
                self.place, *argv]

    def run(self, *argv):
        """Inside: own mounts and processes, no network."""
        return _run(self.command(argv), env=ENVIRONMENT, stdin=subprocess.DEVNULL)

    def _skeleton(self, versions):
        for name in ("bin", "sbin", "lib", "lib64"):
            os.makedirs(self.path("usr/" + name))
            os.symlink("usr/" + name, self.path(name))
        for name in ("proc", "dev", "run", "tmp", "sys", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/apt",
                     "var/cache/apt/archives/partial", "etc/apt"):
            os.makedirs(self.path(name))
        for name in ("status", "available"):
            self.write("var/lib/dpkg/" + name, "")
        for name in ("sources.list", "sources.list.d", "trusted.gpg.d"):
            if os.path.exists("/etc/apt/" + name):
                _run(["cp", "-a", "/etc/apt/" + name, self.path("etc/apt/")])
        _run(["cp", "-a", "/var/lib/apt/lists", self.path("var/lib/apt/")])
        self.write("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
        self.write("etc/apt/apt.conf.d/90bench", 'APT::Install-Recommends "false";\nAPT::Sandbox::User "root";\n')
        pins = (f"Package: {name}\nPin: version {oldest(v)}\nPin-Priority: 1001\n" for name, v in sorted(versions.items()) if len(v) > 1)
        self.write("etc/apt/preferences.d/oldest", "\n".join(pins))

    def _fetched(self, simulated):
        """Files in the cache of what a simulated apt-get would install."""
        for name, version in re.findall(r"^Inst (\S+) \((\S+)", simulated, re.M):
            found = glob.glob(glob.escape(self.path("var/cache/apt/archives/")) + f"{name}_{version.replace(':', '%3a')}_*.deb")
            if not found:
                raise NoRoot(f"apt-get did not fetch {name} {version}")
            yield found[0]

    def make(self, names, programs):
        """Installs NAMES, what is standard in a Debian and the libraries of PROGRAMS; then fetches the newest versions."""
        versions, priorities = on_offer()
        names = set(names) | {n for n, p in priorities.items() if p in ("required", "important", "standard")}
        names.update(n for program in programs for n in libraries_of(program))
        self._skeleton(versions)
        wanted = sorted(n for n in names if n in versions)
        self.say(f"fetching {len(wanted)} packages and what they need, in their oldest versions")
        self.apt("--download-only", "install", "?essential", *wanted)
        first = sorted(self._fetched(self.apt("--simulate", "install", "?essential")))
        for path in first:
            _run(["dpkg-deb", "--extract", path, self.place])
        self.say(f"installing: {len(first)} essential packages, then the others")
        inside = ["/var/cache/apt/archives/" + os.path.basename(p) for p in first]
        self.run("dpkg", "--install", "--force-depends", "--force-confold", *inside)
        self.run("apt-get", "-q", "-y", "--no-download", "install", *wanted)
        os.unlink(self.path("etc/apt/preferences.d/oldest"))
        shutil.move(self.path("var/cache/apt/archives"), self.path("srv/old"))
        os.makedirs(self.path("var/cache/apt/archives/partial"))
        self.apt("--download-only", "--with-new-pkgs", "upgrade")
        return self

    # ---- using it -------------------------------------------------------------------------------------------------

    def copy(self, place):
        if os.path.exists(place):
            shutil.rmtree(place)
        _run(["cp", "-a", self.place, place])
        return Root(place, self.say)

    def remove(self):
        shutil.rmtree(self.place)

    def upgrades(self):
        """[(package, old version or None, new version)] that the update will unpack."""
        found = re.findall(r"^Inst (\S+) (?:\[(\S+)\] )?\((\S+)", self.run(*UPGRADE, "--simulate"), re.M)
        return [(name, old or None, new) for name, old, new in found]

    def measure(self, argv):
        """Wall clock and processor time of everything that the command starts, by a cgroup of its own."""
        with _counted() as group:
            began = time.monotonic()
            child = subprocess.Popen(["sh", "-c", 'echo 0 >"$0/cgroup.procs"; exec "$@"', group, *self.command(argv)],
                                     env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     text=True, errors="replace")
            out, err = child.communicate(timeout=SECONDS)
            wall = time.monotonic() - began
            with open(group + "/cpu.stat", encoding="ascii") as f:
                cpu = int(dict(line.split() for line in f)["usage_usec"]) / 1e6
        return Cost(wall, cpu, child.returncode, out, err)


@contextlib.contextmanager
def _counted():
    with open("/proc/self/mountinfo", encoding="ascii", errors="replace") as f:
        tops = [line.split()[4] for line in f if " - cgroup2 " in line]
    if not tops:
        raise NoRoot("no cgroup2 is mounted here: processor time cannot be counted")
    group = f"{tops[0]}/turncoat-bench-{os.getpid()}-{secrets.token_hex(3)}"
    try:
        os.mkdir(group)
    except OSError as e:
        raise NoRoot(f"no cgroup of its own: {e.strerror}") from e
    try:
        yield group
    finally:
        for _ in range(100):
            try:
                os.rmdir(group)
                break
            except OSError:
                time.sleep(0.05)
        else:
            print(f"'{group}' stays: something in it has not ended", file=sys.stderr)
