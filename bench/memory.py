# SPDX-License-Identifier: Apache-2.0
"""The memory budget as the kernel counts it: PSS of our processes without ring mappings, rings, BPF maps and programs.

Owns: reading /proc. Must not own: what is asked of the numbers (sensor.py).
"""
import json
import os
import re
import subprocess

RING_MAPPINGS = ("anon_inode:bpf-map", "anon_inode:[perf_event]")
RINGBUF = 27  # BPF_MAP_TYPE_RINGBUF
TICK = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    """Fields of /proc/PID/stat from the third on."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
        return f.read().rpartition(")")[2].split()


def name_of(pid):
    return os.path.basename(os.readlink(f"/proc/{pid}/exe")).removesuffix(" (deleted)")


def name_of_or_none(pid):
    try:
        return name_of(pid)
    except OSError:
        return None  # it just ended


def cpu_seconds(pid):
    try:
        fields = _stat(pid)
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK


def family(pid):
    """The process and all its descendants that live now."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parents[int(entry)] = int(_stat(entry)[1])
            except OSError:
                continue
    found, more = [pid], True
    while more:
        more = [child for child, parent in parents.items() if parent in found and child not in found]
        found += more
    return found


def process_bytes(pid):
    """(PSS without ring mappings, bytes of perf buffers mapped)."""
    pss = perf = 0
    mapping = ""
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as f:
        for line in f:
            key, _, rest = line.partition(":")
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                mapping = line.split(maxsplit=5)[5].strip() if len(line.split(maxsplit=5)) > 5 else ""
            elif key == "Pss" and not mapping.endswith(RING_MAPPINGS):
                pss += int(rest.split()[0]) * 1024
            elif key == "Size" and mapping.endswith(RING_MAPPINGS[1]):
                perf += int(rest.split()[0]) * 1024
    return pss, perf


def _fdinfo(pid):
    """What each descriptor of a process says about itself."""
    folder = f"/proc/{pid}/fdinfo"
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        try:
            with open(f"{folder}/{name}", encoding="utf-8", errors="replace") as f:
                yield dict(re.findall(r"^(\w+):\s*(\S+)", f.read(), re.M))
        except OSError:
            continue


def _program_bytes(ids):
    """Programs are held by links, which do not tell their size: bpftool does."""
    try:
        shown = subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True, text=True, check=True).stdout
        return sum(p.get("bytes_memlock", 0) for p in json.loads(shown) if p["id"] in ids)
    except (OSError, subprocess.CalledProcessError, ValueError):
        return 0


def bpf_bytes(pids):
    """(rings, other maps, programs) by the kernel's own accounting, each object once."""
    rings, maps, programs = {}, {}, set()
    for pid in pids:
        for info in _fdinfo(pid):
            if "map_id" in info and "memlock" in info:
                kind = rings if int(info["map_type"]) == RINGBUF else maps
                kind[info["map_id"]] = int(info["memlock"])
            elif "prog_id" in info:
                programs.add(int(info["prog_id"]))
    return sum(rings.values()), sum(maps.values()), _program_bytes(programs)


def budget(pids):
    """One table of the whole: bytes by part, and their sum."""
    parts, perf = {}, 0
    for pid in pids:
        try:
            pss, mapped = process_bytes(pid)
            name = name_of(pid)
        except OSError:
            continue  # a worker that just ended
        parts[name] = parts.get(name, 0) + pss
        perf = max(perf, mapped)
    rings, maps, programs = bpf_bytes(pids)
    parts |= {"rings": rings, "perf buffers": perf, "BPF maps": maps, "BPF programs": programs}
    return parts, sum(parts.values())
