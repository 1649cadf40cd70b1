# SPDX-License-Identifier: Apache-2.0
"""The virtual machine: its disk, made of what is installed here, and its boot under qemu's own emulation.

Owns: the disk's content and the machine's life. Must not own: what is asked inside, or anything of the host outside the work
folder.
"""
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PACKAGES = """base-files base-passwd bash coreutils dash dpkg findutils grep hostname iproute2 libc-bin login mount
 passwd procps python3-minimal libpython3-stdlib sed util-linux libbpf1 libcap-ng0 libelf1 libidn2-0 libjansson4
 libpsl5 libseccomp2 libsqlite3-0 libssl3 libunistring2 libxxhash0 zlib1g""".split()
USERS = "root:x:0:0::/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/bash\nnobody:x:65534:65534::/:/usr/sbin/nologin\n"
GROUPS = "root:x:0:\nalice:x:1000:\nshadow:x:42:\ntty:x:5:\nnogroup:x:65534:\n"


def fail(text, hint):
    sys.exit(f"tests/vm: {text}\nhint: {hint}")


def call(*argv, **more):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def check_host():
    if not shutil.which("qemu-system-x86_64"):
        fail("no qemu here", "apt-get install --no-install-recommends qemu-system-x86")
    if os.geteuid() != 0:
        fail("not root: the files of the machine's disk keep their owners", "sudo it")


def closure(names):
    """The packages and all they depend on, of what is installed here."""
    rows = call("dpkg-query", "-W", "-f", "${Package}\t${Architecture}\t${Pre-Depends}, ${Depends}\n").splitlines()
    depends, arch = {}, {}
    for row in rows:
        name, arch[name], text = row.split("\t")
        depends[name] = [re.sub(r"[ :(].*", "", d.split("|")[0].strip()) for d in text.split(",")]
    todo, seen = list(names), set()
    while todo:
        name = todo.pop()
        if name in depends and name not in seen:
            seen.add(name)
            todo += depends[name]
    return sorted(seen)


def copy_packages(root, names):
    for merged in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        os.makedirs(f"{root}/usr/{merged}", exist_ok=True)
        os.symlink(f"usr/{merged}", f"{root}/{merged}")
    paths = set()
    for path in call("dpkg-query", "-L", *names).splitlines():
        unused = re.match(r"/usr/share/(doc|man|locale|info|lintian|bug)/|/usr/share/zoneinfo/", path)
        if path.startswith("/") and not unused and (os.path.islink(path) or os.path.isfile(path)):
            paths.add(os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)).lstrip("/"))
    listing = "\0".join(sorted(paths))
    tar = subprocess.Popen(["tar", "-C", "/", "-c", "--null", "-T", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    untar = subprocess.Popen(["tar", "-C", root, "-x", "--keep-directory-symlink"], stdin=tar.stdout)
    tar.stdin.write(os.fsencode(listing))
    tar.stdin.close()
    if tar.wait() != 0 or untar.wait() != 0:
        fail("cannot copy the files of the packages", "the words of tar stand above")


def compile_python(root):
    """Otherwise each program in Python would do it again, slowly, and be seen writing files."""
    for folder in ("usr/lib/python3.11", "usr/lib/python3"):
        if os.path.isdir(f"{root}/{folder}"):
            call("/usr/bin/python3", "-m", "compileall", "-q", "-s", root, "-p", "/", f"{root}/{folder}")


def add_programs(root, programs):
    for name in ("turncoatd", "turncoat", "turncoat-engine", "turncoat-guard", "turncoat-inspect"):
        shutil.copy2(f"{programs}/{name}", root + "/usr/bin/")
    write(root + "/etc/passwd", USERS + "_turncoat:x:990:990::/:/usr/sbin/nologin\n_turncoat-inspect:x:989:989::/:/usr/sbin/nologin\n")
    write(root + "/etc/group", GROUPS + "_turncoat:x:990:\n_turncoat-inspect:x:989:\nturncoat:x:988:\n")


def make_disk(work, packages, fill, files, size="1500M"):
    """A disk with these packages of the host, what fill(root) puts there, and files in /vm."""
    root, disk = work + "/root", work + "/disk.ext4"
    shutil.rmtree(root, ignore_errors=True)
    for folder in "dev proc sys run tmp root home/alice etc usr/local/bin var/lib var/log var/tmp vm".split():
        os.makedirs(f"{root}/{folder}")
    copy_packages(root, closure(packages))
    compile_python(root)
    shutil.copytree("/var/lib/dpkg", root + "/var/lib/dpkg", ignore=lambda *a: ["lock", "lock-frontend", "statoverride"])
    for path in (HERE + "/init", *files):
        shutil.copy2(path, root + "/vm/")
    fill(root)
    write(root + "/etc/hosts", "127.0.0.1 localhost\n")
    write(root + "/etc/hostname", "vm\n")
    profile = root + "/home/alice/.mozilla/firefox/x.default"
    os.makedirs(profile)
    write(profile + "/places.sqlite", "not a real history\n")
    if os.path.exists(disk):
        os.unlink(disk)
    call("/usr/sbin/mke2fs", "-q", "-t", "ext4", "-d", root, disk, size)
    shutil.rmtree(root)
    return disk


def boot(kernel, disk, log, minutes, init="/vm/init"):
    """Nothing that the machine writes reaches the disk. False when it had to be ended."""
    argv = ["qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "max", "-smp", "2", "-m", "1536"]
    argv += ["-nodefaults", "-nographic", "-no-reboot", "-nic", "none", "-serial", "file:" + log]
    argv += ["-drive", f"if=none,id=disk,format=raw,snapshot=on,file={disk}", "-device", "nvme,serial=disk,drive=disk"]
    append = "root=/dev/nvme0n1 rw rootfstype=ext4 console=ttyS0 loglevel=4 panic=-1 mitigations=off init=" + init
    try:
        subprocess.run([*argv, "-kernel", kernel, "-append", append], check=True, timeout=minutes * 60)
    except subprocess.TimeoutExpired:
        print(f"the machine was ended after {minutes} minutes", file=sys.stderr)
        return False
    return True


def said(log):
    with open(log, encoding="utf-8", errors="backslashreplace") as f:
        return f.read()
