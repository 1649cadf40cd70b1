# SPDX-License-Identifier: Apache-2.0
"""Question: does `turncoat scan` name what hides in Mac programs, with its place, however deep they lie, and nothing else?"""
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from fixtures import dmg, hfs, macho  # noqa: E402


@pytest.fixture(scope="module")
def signer():
    if not shutil.which("openssl"):
        pytest.skip("no openssl program to make throw-away keys")
    return macho.Signer()


def scan(programs, path):
    done = subprocess.run([os.path.join(programs, "turncoat"), "scan", "--no-cache", "--json", str(path)], check=False,
                          capture_output=True, timeout=120)
    assert done.returncode in (0, 1), done.stderr.decode()
    return json.loads(done.stdout)


def findings(result):
    return [(f["check"], f["evidence"].get("offset"), a["member"] or "") for a in result["artifacts"] for f in a["findings"]]


def test_a_signed_program_is_clean(programs, signer, tmp_path):
    (tmp_path / "libfixture.dylib").write_bytes(macho.Macho(signer=signer).build())
    result = scan(programs, tmp_path / "libfixture.dylib")
    assert findings(result) == []
    assert result["verdict"] == "clean"


def test_stuffed_signature_is_named_with_its_place(programs, signer, tmp_path):
    m = macho.Macho(signer=signer, slack=macho.random_bytes(4000))
    (tmp_path / "libfixture.dylib").write_bytes(m.build())
    result = scan(programs, tmp_path / "libfixture.dylib")
    assert findings(result) == [("macho.signature-slack", hex(m.slack_at), "")]
    assert result["verdict"] == "malicious"
    assert result["artifacts"][0]["signature"]["digest"] == "ok"


def test_the_same_in_a_universal_file_in_an_image_in_a_zip_in_a_tar(programs, signer, tmp_path):
    m = macho.Macho(signer=signer, slack=macho.random_bytes(4000))
    both = macho.fat([("x86_64", macho.Macho(arch="x86_64", signer=signer).build()), ("arm64", m.build())])
    volume = hfs.Hfs().add("Softphone.app/Contents/Frameworks/libfixture.dylib", both).build()
    image = dmg.dmg([("disk image (Apple_HFS : 1)", volume)], kinds=["zlib", "lzfse"], chunk=16384, signer=signer)
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("softphone.dmg", image)
    with tarfile.open(tmp_path / "release.tar.gz", "w:gz") as t:
        info = tarfile.TarInfo("release.zip")
        info.size = len(zipped.getvalue())
        t.addfile(info, io.BytesIO(zipped.getvalue()))
    result = scan(programs, tmp_path / "release.tar.gz")
    assert [f[:2] for f in findings(result)] == [("macho.signature-slack", hex(m.slack_at))]
    assert "libfixture.dylib" in findings(result)[0][2] and "arm64" in findings(result)[0][2]


def test_a_changed_page_is_a_mismatch(programs, signer, tmp_path):
    (tmp_path / "tool").write_bytes(macho.Macho(signer=signer, tamper=True).build())
    result = scan(programs, tmp_path / "tool")
    assert findings(result) == [("signature.digest-mismatch", "0x1000", "")]
    assert result["verdict"] == "suspicious"
