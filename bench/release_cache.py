# SPDX-License-Identifier: Apache-2.0
"""Real releases, fetched by npm and apt-get as they are set up here, kept in a cache folder. For releases.py and pairs.py.

Owns: where a release lies in the cache, fetching it whole or not at all, comparing its SHA-256.
Must not: unpack, install or run anything of a release; know a registry's address.
"""
import glob
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

DEADLINE = 1800  # seconds for one release


class Changed(Exception):
    """What was fetched is not what the list names: neither npm nor Debian ever changes a version that is published."""


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _place(kind, name, version, cache):
    return os.path.join(cache, f"{kind}-{name.replace('/', '-').lstrip('@')}-{version.replace(':', '_')}")


def _command(kind, name, version):
    if kind == "npm":
        return ["npm", "pack", "--loglevel=error", "--ignore-scripts", f"{name}@{version}"]
    return ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", f"{name}={version}"]


def _complaint(text):
    """What npm or apt-get gave as its reason, without addresses."""
    lines = [line.strip() for line in text.splitlines() if re.match(r"E: |npm error (?!code)", line)]
    return re.sub(r"\w+://\S+", "(address)", lines[0])[:160] if lines else "it gave no reason"


def _download(command, folder):
    """Path of the one file that COMMAND left in FOLDER; None and the reason when it left none."""
    if not shutil.which(command[0]):
        return None, f"there is no {command[0]} here"
    try:
        run = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                             timeout=DEADLINE, check=False)
    except subprocess.TimeoutExpired:
        return None, f"{command[0]} did not end in {DEADLINE} s"
    left = glob.glob(os.path.join(glob.escape(folder), "*"))
    if run.returncode or len(left) != 1:
        return None, f"{command[0]} cannot have it: {_complaint(run.stdout)}"
    return left[0], ""


def fetch(kind, name, version, cache):
    """(path, "") of the release in the cache, fetched when it is not there; (None, reason) when it cannot be had."""
    place = _place(kind, name, version, cache)
    there = glob.glob(os.path.join(glob.escape(place), "*"))
    if there:
        return (there[0], "") if len(there) == 1 else (None, "the cache has several files in its place")
    os.makedirs(cache, exist_ok=True)
    # Beside its place, and moved there when it is whole: an interrupted run leaves nothing that looks like a release.
    with tempfile.TemporaryDirectory(dir=cache, prefix=".part-") as part:
        path, reason = _download(_command(kind, name, version), part)
        if not path:
            return None, reason
        kept = os.path.join(place, os.path.basename(path))
        os.makedirs(place, exist_ok=True)
        os.rename(path, kept)
    return kept, ""


def fetch_same(kind, name, version, want, cache):
    """As fetch; raises Changed when its SHA-256 is not WANT."""
    path, reason = fetch(kind, name, version, cache)
    if path and sha256(path) != want:
        raise Changed(f"{name} {version} has another SHA-256 than the list says")
    return path, reason
