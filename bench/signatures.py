#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""signatures.py [--dump PROGRAM] [--roots PEM] PATH...: are our verdicts about signatures those of osslsigncode?

Every file below PATH that is a Windows program, an installer or a cabinet is read by both. Prints the differences and how many
files both could read; exit 1 when a difference is none of those that docs/signatures.md explains. osslsigncode is told to fetch no revocation lists: no network.
"""
import argparse
import os
import re
import subprocess
import sys

ROOTS = "/etc/ssl/certs/ca-certificates.crt"
DUMP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "build", "tests", "unit", "signature", "signature-dump")
MAGIC = (b"MZ", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"MSCF")
# what osslsigncode 2.9 says of a file whose signature it does not look at
NOT_READ = re.compile(r"No signature found|has no signature|does not have.*signature|Corrupt|unsupported input file type|"
                      r"Unsupported|Failed to")


def ours(dump, roots, path):
    """{"digest", "chain", "places"}, or None: not signed or not readable."""
    out = subprocess.run([dump, roots, "0", path], capture_output=True, text=True, errors="replace").stdout
    m = re.search(r": digest=(\w+) chain=(\w+) signatures=(\d+)", out)
    places = re.findall(r" (\w+:0x[0-9a-f]+\+\d+\S*)", out)
    return {"digest": m[1], "chain": m[2], "signatures": int(m[3]), "places": places} if m else None


def theirs(roots, path):
    """{"digest", "valid"}, or a text: why it was not read."""
    run = subprocess.run(["osslsigncode", "verify", "-ignore-cdp", "-ignore-crl", "-CAfile", roots, "-TSA-CAfile", roots, "-in", path], capture_output=True,
                         text=True, errors="replace")
    out = run.stdout + run.stderr
    if "Number of verified signatures" not in out:
        lines = [line.strip() for line in out.splitlines() if NOT_READ.search(line)]
        return lines[0] if lines else "it said nothing"
    bad = "MISMATCH" in out or "signature failure" in out
    return {"digest": "bad" if bad else "ok", "valid": run.returncode == 0,
            "signatures": int(re.search(r"Number of verified signatures: (\d+)", out)[1])}


def compare(mine, other):
    """A sentence for each difference."""
    if isinstance(other, str):
        return [f"only we read it ({other})"] if mine else []
    if mine is None:
        return ["only osslsigncode reads it"]
    out = []
    if mine["digest"] != other["digest"]:
        out.append(f"digest: we say {mine['digest']}, it says {other['digest']}")
    valid = mine["digest"] == "ok" and mine["chain"] == "ok"
    if valid != other["valid"]:
        out.append(f"whole: we say digest {mine['digest']} and chain {mine['chain']}, it says "
                   f"{'ok' if other['valid'] else 'failed'}")
    return out


def files(paths):
    for path in paths:
        if os.path.isfile(path):
            yield path
        for folder, _, names in sorted(os.walk(path)):
            for name in sorted(names):
                full = os.path.join(folder, name)
                if not os.path.islink(full) and os.path.isfile(full):
                    yield full


def is_candidate(path):
    with open(path, "rb") as f:
        return f.read(8).startswith(MAGIC)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--dump", default=DUMP)
    p.add_argument("--roots", default=ROOTS)
    p.add_argument("--all", action="store_true", help="also those that agree")
    p.add_argument("paths", nargs="+")
    o = p.parse_args()
    both = unsigned = only = different = hidden = 0
    for path in filter(is_candidate, files(o.paths)):
        mine, other = ours(o.dump, o.roots, path), theirs(o.roots, path)
        said = compare(mine, other)
        both += mine is not None and not isinstance(other, str)
        unsigned += mine is None and isinstance(other, str)
        only += mine is not None and isinstance(other, str)
        hidden += bool(mine and mine["places"])
        different += bool(said) and not isinstance(other, str)
        if said or o.all:
            print(f"{path}: {'; '.join(said) or 'equal'}" + (f" [{mine['digest']}/{mine['chain']}]" if mine else " [unsigned]"))
    print(f"read by both {both}, different {different}, read by us only {only}, unsigned for both {unsigned}, "
          f"with bytes that are not signed {hidden}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
