# SPDX-License-Identifier: Apache-2.0
"""A Debian source package to compile, by apt's own means and from the mirror this machine already uses.

Owns: a private configuration of apt below the cache folder, whose sources are this machine's own with 'deb-src' for 'deb';
the download, which apt checks against the archive's signature. Nothing of the machine's apt is changed.
Must not own: how the source is built (building.py). There is no address in here: where apt has none, there is no source.
"""
import glob
import os
import re
import subprocess


class NoSource(Exception):
    """The source cannot be had here; the text says why and goes into the result."""


def _codename():
    with open("/etc/os-release", encoding="utf-8") as f:
        return dict(re.findall(r'^(\w+)="?([^"\n]*)', f.read(), re.M)).get("VERSION_CODENAME", "")


def _stanzas(codename):
    """The machine's own entries for its own release, as deb-src."""
    for path in sorted(glob.glob("/etc/apt/sources.list.d/*.sources")):
        with open(path, encoding="utf-8", errors="replace") as f:
            for stanza in re.split(r"\n\s*\n", f.read()):
                fields = dict(re.findall(r"^([A-Za-z-]+):\s*(.*(?:\n[ \t].*)*)", stanza, re.M))
                if codename in fields.get("Suites", "").split() and fields.get("Enabled", "yes") != "no":
                    keep = "".join(f"{k}: {v}\n" for k, v in fields.items() if k != "Types")
                    yield "sources", "Types: deb-src\n" + keep
    for path in ["/etc/apt/sources.list", *sorted(glob.glob("/etc/apt/sources.list.d/*.list"))]:
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as f:
                for line in f:
                    m = re.match(r"deb\s+((?:\[[^]]*\]\s+)?\S+\s+" + re.escape(codename) + r"\s.*)", line)
                    if m:
                        yield "list", f"deb-src {m[1]}\n"


def _configure(folder):
    codename = _codename()
    found = list(_stanzas(codename)) if codename else []
    if not found:
        raise NoSource("apt has no source of this system's own release")
    parts = os.path.join(folder, "sources.d")
    for place in (parts, os.path.join(folder, "lists", "partial"), os.path.join(folder, "archives", "partial")):
        os.makedirs(place, exist_ok=True)
    for kind in ("sources", "list"):
        with open(os.path.join(parts, "bench." + kind), "w", encoding="utf-8") as f:
            f.write("\n".join(text for k, text in found if k == kind))
    return [
        "-o", "Dir::Etc::sourcelist=/dev/null", "-o", f"Dir::Etc::sourceparts={parts}",
        "-o", f"Dir::State::lists={folder}/lists", "-o", f"Dir::Cache={folder}", "-o", f"Dir::Cache::archives={folder}/archives",
        "-o", "Acquire::Languages=none", "-o", "APT::Sandbox::User=root", "-q",
    ]  # fmt: skip


def fetch(package, cache):
    """The upstream archive of a Debian source package, from the cache or by apt. NoSource says why not."""
    folder = os.path.join(os.path.abspath(cache), package)
    wanted = os.path.join(folder, package + "_*.orig.tar.?z")
    if not glob.glob(wanted):
        os.makedirs(folder, exist_ok=True)
        options = _configure(os.path.join(os.path.abspath(cache), "apt"))
        for argv in (["update"], ["--download-only", "source", package]):
            try:
                done = subprocess.run(
                    ["apt-get", *options, *argv], cwd=folder, capture_output=True, text=True, timeout=300, check=False
                )
            except (OSError, subprocess.TimeoutExpired) as e:
                raise NoSource(f"apt-get {argv[0]}: {e}") from None
            if done.returncode != 0:
                # apt's words name the mirror: they go to the terminal's reader only, not into a result that is shown around.
                raise NoSource(f"apt-get {argv[0]} ended with {done.returncode}")
    found = glob.glob(wanted)
    if not found:
        raise NoSource(f"the source package '{package}' has no upstream archive of its own")
    return found[0]
