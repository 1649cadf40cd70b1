#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Are our verdicts about files signed a moment ago with throw-away keys those of osslsigncode? test_equal.py SIGNATURE_DUMP"""
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(HERE, "..", ".."), os.path.join(HERE, "..", "..", "..", "bench")]
import signatures  # noqa: E402

# It gives up on tables with two entries, and on bytes behind the signature: docs/signatures.md.
ONLY_OURS = {"authenticode/behind", "authenticode/cut", "authenticode/dual", "authenticode/endless", "authenticode/no-signature", "authenticode/other-entry",
             "authenticode/stuffed-second", "cab_signature/behind"}


def main():
    try:
        import cryptography  # noqa: F401
    except ImportError:
        print("skipped: python3-cryptography is not installed")
        return 77
    if not shutil.which("osslsigncode") or not shutil.which("openssl"):
        print("skipped: osslsigncode or openssl is not installed")
        return 77
    from fixtures.signed import KINDS, Signer
    wrong, both = [], 0
    with tempfile.TemporaryDirectory() as folder:
        s = Signer(os.path.join(folder, "keys"))
        for kind in ("authenticode", "msi_signature", "cab_signature"):
            for name, data in KINDS[kind](s).items():
                path = os.path.join(folder, "file")
                with open(path, "wb") as f:
                    f.write(data)
                mine, other = signatures.ours(sys.argv[1], s.path("root.pem"), path), signatures.theirs(s.path("root.pem"), path)
                said = signatures.compare(mine, other)
                both += mine is not None and not isinstance(other, str)
                only_ours = mine is not None and isinstance(other, str)
                if only_ours != (f"{kind}/{name}" in ONLY_OURS) or (said and not only_ours):
                    wrong.append(f"{kind}/{name}: {said or 'read by both now'}")
    print("\n".join(wrong) or f"{both} files, the same verdict for each")
    return 1 if wrong or both < 25 else 0


if __name__ == "__main__":
    sys.exit(main())
