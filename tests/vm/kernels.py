# SPDX-License-Identifier: Apache-2.0
"""Debian's kernels: fetched by apt into the work folder and unpacked there, never installed.

Owns: a private configuration of apt below the work folder, with the mirror that this machine's own apt uses. Must not own:
an address of a mirror, or any change to the machine's apt.
"""
import glob
import os
import re

from machine import call, fail, write

IMAGE = "linux-image-cloud-amd64"  # ext4 and NVMe are built in: no initramfs is needed
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def mirror():
    """Where this machine's apt gets Debian from."""
    found = call("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian", "Component: main")
    if not found.strip():
        fail("apt knows no source of Debian's packages", "apt-get update")
    return min(found.split(), key=len)  # the archive itself, not its security updates


def apt_options(work, suite):
    """apt with one suite as its only source, and all it keeps below the work folder."""
    home = f"{work}/apt-{suite}"
    for folder in ("lists/partial", "cache/archives/partial"):
        os.makedirs(f"{home}/{folder}", exist_ok=True)
    write(home + "/status", "")
    key = f"[signed-by={KEYRING}] " if os.path.exists(KEYRING) else ""
    write(home + "/sources.list", f"deb {key}{mirror()} {suite} main\n")
    settings = {
        "Dir::Etc::sourcelist": home + "/sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State::lists": home + "/lists",
        "Dir::State::status": home + "/status",
        "Dir::Cache": home + "/cache",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]


def depends(options, package):
    return re.findall(r"^ *Depends: (\S+)", call("apt-cache", *options, "depends", package), re.M)


def image_packages(options):
    """The packages with the kernel itself; since 7.x it and its modules stand in two of their own."""
    image = next((d for d in depends(options, IMAGE) if re.match(r"linux-image-\d", d)), None)
    if not image:
        return []
    return [d for d in depends(options, image) if re.match("linux-(binary|modules)-", d)] or [image]


def find_vmlinuz(folder):
    return (glob.glob(folder + "/boot/vmlinuz-*") + glob.glob(folder + "/usr/lib/modules/*/vmlinuz") + [None])[0]


def unpack(work, options, packages):
    folder = os.path.join(work, packages[0])
    if not find_vmlinuz(folder):
        for name in packages:
            print(f"downloading {name}")
            call("apt-get", *options, "-q", "download", name, cwd=work)
            for deb in glob.glob(f"{work}/{glob.escape(name)}_*.deb"):
                call("dpkg-deb", "-x", deb, folder)
                os.unlink(deb)
    found = find_vmlinuz(folder)
    if not found:
        fail(f"no kernel in '{packages[0]}'", "see what the package holds now")
    return found


def of_suite(work, suite):
    """The newest kernel of a suite."""
    options = apt_options(work, suite)
    call("apt-get", *options, "-q", "update")
    packages = image_packages(options)
    if not packages:
        fail(f"no package '{IMAGE}' in '{suite}'", "leave the suite out")
    return unpack(work, options, packages)


def of_host(work):
    """The newest kernel that this machine's own apt knows."""
    packages = image_packages([])
    if not packages:
        fail(f"no package '{IMAGE}' is known here", "apt-get update, or --kernel VMLINUZ with ext4 and NVMe built in")
    return unpack(work, [], packages)


def find_modules(vmlinuz, name):
    """That module, if it was unpacked with the kernel."""
    folder = os.path.dirname(os.path.dirname(vmlinuz))
    tops = (f"{folder}/lib/modules/*", f"{folder}/usr/lib/modules/*", os.path.dirname(vmlinuz))  # up to 6.1, 6.12, since 7.x
    return [m for top in tops for m in glob.glob(f"{top}/kernel/**/{name}.ko*", recursive=True)][:1]


def told(vmlinuz):
    """What the kernel says of itself in its first page: 5.10.0-32-cloud-amd64 (...) #1 SMP Debian 5.10.223-1 (...)."""
    with open(vmlinuz, "rb") as f:
        head = f.read(65536)
    at = int.from_bytes(head[0x20E:0x210], "little") + 0x200
    return head[at : head.index(b"\0", at)].decode("ascii", "replace")


def release(vmlinuz):
    return told(vmlinuz).split(" ")[0]


def version(vmlinuz):
    found = re.search(r"Debian (\d+\.\d+\.\d+)", told(vmlinuz)) or re.search(r"(\d+\.\d+\.\d+)", told(vmlinuz))
    return found.group(1) if found else release(vmlinuz)
