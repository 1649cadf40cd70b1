# SPDX-License-Identifier: Apache-2.0
"""The few system calls that Python 3.11 does not offer, through ctypes.

Owns: mount, umount2, pivot_root, unshare, setns and "bring lo up".
Must not own: any decision about what is mounted where (private_root_keeper.py).
"""
import ctypes
import fcntl
import os
import socket
import struct

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 2

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWNET = 0x40000000

_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def _bytes(text):
    return None if text is None else os.fsencode(text)


def mount(source, target, fstype=None, flags=0, options=None):
    _check(
        _libc.mount(_bytes(source), _bytes(target), _bytes(fstype), ctypes.c_ulong(flags), _bytes(options)),
        f"mount '{target}'",
    )


def umount_detach(target):
    _check(_libc.umount2(_bytes(target), MNT_DETACH), f"umount '{target}'")


def pivot_root(new_root, put_old):
    number = _SYS_PIVOT_ROOT[os.uname().machine]
    _check(_libc.syscall(ctypes.c_long(number), _bytes(new_root), _bytes(put_old)), "pivot_root")


def unshare(flags):
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def setns(fd, flags):
    _check(_libc.setns(ctypes.c_int(fd), ctypes.c_int(flags)), "setns")


def loopback_up():
    """SIOCSIFFLAGS with IFF_UP; no 'ip' program needed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack("16sH14x", b"lo", 0x1 | 0x8 | 0x40)
        fcntl.ioctl(s.fileno(), 0x8914, request)


def cgroup2_mount():
    """Where the host has its cgroup v2 hierarchy, or None."""
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as f:
        for line in f:
            fields = line.split()
            if fields[2] == "cgroup2":
                return fields[1]
    return None
