#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds acme-softphone 1.0 and 1.1 as real .deb packages, the helper program, and a local apt repository.

Owns: the target folder. Uses gcc (or $CC) and dpkg-deb; every package carries its own md5sums, as a vendor's does.

Usage: build_packages.py TARGET       makes TARGET/*.deb, TARGET/Packages, TARGET/helper
"""
import base64
import hashlib
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "softphone")
FLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror"]

CONTROL = """Package: acme-softphone
Version: {version}
Architecture: {arch}
Maintainer: Acme Telephony <build@acme.test>
Depends: libc6
Installed-Size: 64
Section: comm
Priority: optional
Description: telephone for the desk (an inert rehearsal)
 Made by turncoat's tests. Talks to loopback only.
"""
POSTINST = "#!/bin/sh\nset -e\nmkdir -p /var/lib/acme-softphone\nexit 0\n"
DESKTOP = "[Desktop Entry]\nType=Application\nName=Acme Softphone\nExec=/opt/acme-softphone/bin/acme-softphone\n"


def compile_c(output, sources, *flags):
    cc = os.environ.get("CC", "gcc")
    subprocess.run(
        [cc, *FLAGS, *flags, "-o", output, *[os.path.join(SOURCE, s) if s.endswith(".c") else s for s in sources]],
        check=True,
    )


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)


def icon(tail=b""):
    """A small PNG; tail: what stands behind its end, where no viewer looks."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes([8 * y, 128, 255 - 8 * y]) * 32 for y in range(32))
    head = struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"") + tail


# Made-up bytes in the form of what the softphone of 2023 read its addresses from. Nothing reads these.
ICON_TAIL = b"$" + base64.b64encode(random.Random(1).randbytes(120))


def md5sums(tree):
    lines = []
    for folder, dirs, names in os.walk(tree):
        dirs[:] = sorted(d for d in dirs if os.path.join(folder, d) != os.path.join(tree, "DEBIAN"))
        for name in sorted(names):
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                lines.append(f"{hashlib.md5(f.read()).hexdigest()}  {os.path.relpath(path, tree)}\n")
    return "".join(lines)


def build_deb(target, version, arch, media_sources, icon_tail=b""):
    with tempfile.TemporaryDirectory() as tree:
        os.chmod(tree, 0o755)
        top = tree + "/opt/acme-softphone"
        os.makedirs(top + "/bin")
        os.makedirs(top + "/lib")
        library = top + "/lib/libacme-media.so"
        compile_c(
            library, media_sources, "-fPIC", "-shared", "-pthread", "-Wl,--build-id", "-Wl,-soname,libacme-media.so"
        )
        compile_c(
            top + "/bin/acme-softphone",
            ["main.c", "loopback.c", library],
            "-fPIE",
            "-pie",
            "-Wl,--build-id",
            "-Wl,-rpath,/opt/acme-softphone/lib",
        )
        write(top + "/share/acme-softphone.desktop", DESKTOP)
        with open(top + "/share/acme-softphone.png", "wb") as f:
            f.write(icon(icon_tail))
        write(tree + "/DEBIAN/control", CONTROL.format(version=version, arch=arch))
        write(tree + "/DEBIAN/md5sums", md5sums(tree))
        write(tree + "/DEBIAN/postinst", POSTINST, 0o755)
        deb = os.path.join(target, f"acme-softphone_{version}_{arch}.deb")
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Zgzip", "-b", tree, deb], check=True, stdout=subprocess.DEVNULL
        )
    return deb


def index(target):
    """The 'Packages' file of a flat apt repository, for every .deb in the folder."""
    out = []
    for name in sorted(os.listdir(target)):
        if not name.endswith(".deb"):
            continue
        path = os.path.join(target, name)
        control = subprocess.run(["dpkg-deb", "-f", path], check=True, capture_output=True, text=True).stdout
        with open(path, "rb") as f:
            data = f.read()
        out.append(
            f"{control.strip()}\nFilename: ./{name}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n\n"
        )
    write(os.path.join(target, "Packages"), "".join(out))


def build(target):
    os.makedirs(target, exist_ok=True)
    arch = subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()
    build_deb(target, "1.0", arch, ["media_1_0.c"])
    build_deb(target, "1.1", arch, ["media_1_1.c", "chain.c", "loopback.c"], icon_tail=ICON_TAIL)
    compile_c(os.path.join(target, "helper"), ["helper.c"], "-static", "-Wl,--build-id")
    index(target)


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    for tool in (os.environ.get("CC", "gcc"), "dpkg-deb"):
        if shutil.which(tool) is None:
            print(f"cannot build the packages: '{tool}' is missing\nhint: ./dev setup", file=sys.stderr)
            return 3
    build(sys.argv[1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
