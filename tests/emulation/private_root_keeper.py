# SPDX-License-Identifier: Apache-2.0
"""The keeper: one process that makes a private root, holds it, and takes it down.

Owns: the namespaces, every mount in them, and the cgroup subtree. It lives outside that subtree and in a session of its
own, so neither Ctrl-C nor a killed driver reaches it; it ends when its standard input is closed, which the kernel does for
every way a driver can die. Then: cgroup.kill on its own subtree, wait until it is empty, rmdir. The mounts go with the
last process of the namespace.
Must not own: what runs inside (private_root.py and its callers).

    driver ── stdin (open = keep) ──> keeper ── "ready" / "error: ..." ──> driver

Usage: private_root_keeper.py JSON, with {"cgroup", "programs", "uid", "user", "size"}.

Why not the easier ways:
 - pivot_root, not chroot: a path built in the kernel from a file's mounts ends at the namespace's root, so only after
   pivot_root does an exec of /usr/bin/x read "/usr/bin/x";
 - no pid namespace: the sensor's pids are the host's, and /proc has to agree with them; cgroup.kill cleans up as surely;
 - overlay with xino=on, so that st_dev and st_ino of a file are the ones the kernel's inode carries (measured on 6.18:
   stat, /proc/PID/maps and perf mmap records agree; the numbers have the top bit set, so they need all 64 bits unsigned);
   with nfs_export=on, because fanotify with names (DFID_NAME) on a whole file system is refused on an overlay without it;
 - the programs under test are copied to a small tmpfs: a bind mount would put the host's own file system into reach of a
   file-system mark made by the daemon under test.
"""
import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

import kernel_calls as k

UNDER_TEST = "/opt/turncoat-under-test"


class Cgroup:
    """base/scope is what turncoatd senses; base/aux holds the daemon and the imitation servers."""

    def __init__(self, name):
        top = k.cgroup2_mount()
        if top is None:
            raise OSError("no cgroup v2 mount")
        self.top = top
        self.name = name
        self.top_fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
        os.mkdir(name, dir_fd=self.top_fd)
        self.fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=self.top_fd)
        for sub in ("scope", "aux"):
            os.mkdir(sub, dir_fd=self.fd)

    def _populated(self):
        with os.fdopen(os.open("cgroup.events", os.O_RDONLY, dir_fd=self.fd)) as f:
            return "populated 1" in f.read()

    def _remove_below(self, fd):
        for name in os.listdir(fd):
            if not stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                continue
            sub = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
            try:
                self._remove_below(sub)
            finally:
                os.close(sub)
            os.rmdir(name, dir_fd=fd)

    def _kill(self, fd):
        try:
            with os.fdopen(os.open("cgroup.kill", os.O_WRONLY, dir_fd=fd), "w") as f:
                f.write("1")
        except FileNotFoundError:  # before 5.14: one by one, and again until none is left
            self._kill_each(fd)

    def _kill_each(self, fd):
        with os.fdopen(os.open("cgroup.procs", os.O_RDONLY, dir_fd=fd)) as f:
            for pid in f.read().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        for name in os.listdir(fd):
            if stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                sub = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
                try:
                    self._kill_each(sub)
                finally:
                    os.close(sub)

    def destroy(self):
        deadline = time.monotonic() + 10
        while True:
            self._kill(self.fd)
            if not self._populated() or time.monotonic() > deadline:
                break
            time.sleep(0.02)
        self._remove_below(self.fd)
        os.rmdir(self.name, dir_fd=self.top_fd)


def make_dev(root):
    dev = root + "/dev"
    k.mount("tmpfs", dev, "tmpfs", k.MS_NOSUID, "mode=755,size=1m")
    old = os.umask(0)
    for name, major, minor in (
        ("null", 1, 3),
        ("zero", 1, 5),
        ("full", 1, 7),
        ("random", 1, 8),
        ("urandom", 1, 9),
        ("tty", 5, 0),
    ):
        os.mknod(f"{dev}/{name}", stat.S_IFCHR | 0o666, os.makedev(major, minor))
    os.umask(old)
    for name, target in (
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ):
        os.symlink(target, f"{dev}/{name}")
    os.mkdir(dev + "/pts")
    os.mkdir(dev + "/shm")
    k.mount("devpts", dev + "/pts", "devpts", k.MS_NOSUID | k.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    k.mount("tmpfs", dev + "/shm", "tmpfs", k.MS_NOSUID | k.MS_NODEV, "mode=1777,size=64m")


def make_sys(root, cgroup_top):
    """A sysfs of the new network namespace; of the cgroup file systems only v2, at the host's own place."""
    k.mount("sysfs", root + "/sys", "sysfs", k.MS_NOSUID | k.MS_NODEV | k.MS_NOEXEC)
    if cgroup_top != "/sys/fs/cgroup":
        k.mount("tmpfs", root + "/sys/fs/cgroup", "tmpfs", k.MS_NOSUID | k.MS_NODEV | k.MS_NOEXEC, "mode=755,size=1m")
        os.makedirs(root + cgroup_top, exist_ok=True)
    k.mount("cgroup2", root + cgroup_top, "cgroup2", k.MS_NOSUID | k.MS_NODEV | k.MS_NOEXEC)
    for fstype, where in (("bpf", "/sys/fs/bpf"), ("tracefs", "/sys/kernel/tracing")):
        if os.path.isdir(root + where):
            try:
                k.mount(fstype, root + where, fstype, k.MS_NOSUID | k.MS_NODEV | k.MS_NOEXEC)
            except OSError:
                pass  # turncoatd's own self-test says what is missing


def make_usr(root, size):
    """/usr of the host below, a tmpfs above; read-only bind where the kernel has no overlay. Returns which."""
    layers = root + "/.layers"
    os.mkdir(layers)
    k.mount("tmpfs", layers, "tmpfs", 0, f"mode=755,size={size}")
    os.mkdir(layers + "/upper", 0o755)
    os.mkdir(layers + "/work")
    how = "bind"
    for extra in (",xino=on,index=on,nfs_export=on", ",xino=auto", ""):
        try:
            k.mount(
                "overlay",
                root + "/usr",
                "overlay",
                0,
                f"lowerdir=/usr,upperdir={layers}/upper,workdir={layers}/work{extra}",
            )
            how = "overlay"
            break
        except OSError:
            continue
    if how == "bind":
        k.mount("/usr", root + "/usr", None, k.MS_BIND)
        k.mount(None, root + "/usr", None, k.MS_REMOUNT | k.MS_BIND | k.MS_RDONLY)
    else:
        # Packages that want to start services are told no.
        write(root + "/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
    k.umount_detach(layers)
    os.rmdir(layers)
    return how


def make_plain_dirs(root):
    for name in ("usr", "etc", "opt", "srv", "mnt", "run", "proc", "sys", "dev", "home", "var", "run/lock"):
        os.mkdir(f"{root}/{name}", 0o755)
    os.mkdir(root + "/root", 0o700)
    for name in ("tmp", "var/tmp"):
        os.makedirs(f"{root}/{name}", exist_ok=True)
        os.chmod(f"{root}/{name}", 0o1777)
    for name in (
        "lib/apt/lists/partial",
        "cache/apt/archives/partial",
        "log/apt",
        "lib/systemd",
        "cache/ldconfig",
        "cache/debconf",
    ):
        os.makedirs(f"{root}/var/{name}", exist_ok=True)
    os.symlink("/run", root + "/var/run")
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        if os.path.islink("/" + name):
            os.symlink(os.readlink("/" + name), f"{root}/{name}")


def copy_host_parts(root):
    """Copies, so that nothing inside can change the host's: /etc, and dpkg's database."""
    subprocess.run(["cp", "-a", "/etc/.", root + "/etc/"], check=True)
    # The host's dpkg may be at work: a file can vanish under cp, which then says so and is asked once more; a journal copied
    # half-way is dropped, as dpkg would refuse to go on with it.
    for again in (False, True):
        if subprocess.run(["cp", "-a", "/var/lib/dpkg", root + "/var/lib/"], check=again).returncode == 0:
            break
    for name in (
        "lock",
        "lock-frontend",
        "triggers/Lock",
        *("updates/" + x for x in os.listdir(root + "/var/lib/dpkg/updates")),
    ):
        if os.path.exists(f"{root}/var/lib/dpkg/{name}"):
            os.unlink(f"{root}/var/lib/dpkg/{name}")
    # The host's package sources and proxies are of no use without a network; a half-done install there is none here.
    shutil.rmtree(root + "/etc/apt", ignore_errors=True)
    for name in ("apt.conf.d", "preferences.d", "sources.list.d", "trusted.gpg.d"):
        os.makedirs(f"{root}/etc/apt/{name}")
    write(
        root + "/etc/apt/apt.conf.d/90private-root",
        'APT::Sandbox::User "root";\nAcquire::Languages "none";\nDpkg::Use-Pty "0";\n',
    )


def write(path, text, mode=0o644):
    if os.path.lexists(path):
        os.unlink(path)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)


def make_people(root, user, uid):
    """One desktop user with an empty home; names resolve by file, then by the loopback server of the rehearsal."""
    for table, line in (("passwd", f"{user}:x:{uid}:{uid}:{user}:/home/{user}:/bin/sh"), ("group", f"{user}:x:{uid}:")):
        with open(f"{root}/etc/{table}", encoding="utf-8", errors="surrogateescape") as f:
            kept = [x for x in f if x.split(":")[0] != user and x.split(":")[2] != str(uid)]
        with open(f"{root}/etc/{table}", "w", encoding="utf-8", errors="surrogateescape") as f:
            f.writelines([*kept, line + "\n"])
    os.mkdir(f"{root}/home/{user}", 0o700)
    os.chown(f"{root}/home/{user}", uid, uid)
    write(root + "/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    write(root + "/etc/hosts", "127.0.0.1 localhost desk.acme.test desk\n::1 localhost\n")
    write(root + "/etc/hostname", "desk\n")
    write(
        root + "/etc/nsswitch.conf",
        "".join(f"{x}: files\n" for x in ("passwd", "group", "shadow", "services", "protocols")) + "hosts: files dns\n",
    )


def copy_programs(root, programs):
    place = root + UNDER_TEST
    os.makedirs(place)
    k.mount("tmpfs", place, "tmpfs", k.MS_NOSUID, "mode=755,size=256m")
    if programs:
        subprocess.run(["cp", "-aL", programs, place + "/bin"], check=True)
        subprocess.run(["chown", "-R", "0:0", place], check=True)
        subprocess.run(["chmod", "-R", "go+rX,go-w", place], check=True)
    k.mount(None, place, None, k.MS_REMOUNT | k.MS_BIND | k.MS_RDONLY)


def build(settings, cgroup):
    k.unshare(k.CLONE_NEWNS | k.CLONE_NEWNET | k.CLONE_NEWUTS | k.CLONE_NEWIPC)
    k.mount(None, "/", None, k.MS_REC | k.MS_PRIVATE)
    k.loopback_up()
    with open("/proc/sys/kernel/hostname", "wb") as f:
        f.write(b"desk")
    host_run = os.open("/run", os.O_RDONLY | os.O_DIRECTORY)
    root = tempfile.mkdtemp(prefix="turncoat-root.", dir="/run")
    try:
        k.mount("turncoat-root", root, "tmpfs", 0, f"mode=755,size={settings['size']}")
        make_plain_dirs(root)
        how = make_usr(root, settings["size"])
        copy_host_parts(root)
        make_people(root, settings["user"], settings["uid"])
        copy_programs(root, settings["programs"])
        k.mount("proc", root + "/proc", "proc", k.MS_NOSUID | k.MS_NODEV | k.MS_NOEXEC)
        make_dev(root)
        make_sys(root, cgroup.top)
        os.chdir(root)
        k.pivot_root(".", ".")
        k.umount_detach(".")
        os.chdir("/")
    finally:
        os.rmdir(os.path.basename(root), dir_fd=host_run)
        os.close(host_run)
    return how


def main():
    settings = json.loads(sys.argv[1])
    try:
        cgroup = Cgroup(settings["cgroup"])
    except OSError as e:
        print("error: " + str(e), flush=True)
        return 1
    try:
        try:
            how = build(settings, cgroup)
        except (OSError, subprocess.CalledProcessError) as e:
            print("error: " + str(e), flush=True)
            return 1
        print(json.dumps({"ready": True, "top": cgroup.top, "usr": how}), flush=True)
        while sys.stdin.buffer.read(4096):
            pass
    finally:
        cgroup.destroy()
    return 0


if __name__ == "__main__":
    sys.exit(main())
