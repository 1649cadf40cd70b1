# SPDX-License-Identifier: Apache-2.0
"""Is each way to hide bytes that the softphone of 2023 and its like used named by its check, with the right place, by itself and
three containers deep; and is the untouched twin quiet? All is made here: throw-away keys, random bytes from a fixed seed."""
import base64
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from fixtures import nested  # noqa: E402
from fixtures.macho import Macho  # noqa: E402
from fixtures.macho import Signer as MachoSigner  # noqa: E402
from fixtures.pe import Pe, random_bytes  # noqa: E402

BLOB = random_bytes(277256, seed=2023)  # as large as what was hidden then
CASES = ["certificate-table", "attribute", "macho", "ico", "png", "png-text", "png-pixels", "jpeg-comment", "pdf", "text", "zip"]
NESTS = ["alone", "iso-zip-deb", "msi-cab"]


def png(text=b"made by hand", behind_pixels=b""):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + bytes((x * y) & 0xFF for x in range(48)) for y in range(16))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0)) +
            chunk(b"tEXt", b"Comment\0" + text) + chunk(b"IDAT", zlib.compress(rows) + behind_pixels) + chunk(b"IEND", b""))


def jpeg(comment):
    """The least that has an end: a frame and a scan of made-up bytes."""
    return (b"\xff\xd8\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment +
            bytes.fromhex("ffc0000b080003000201011100" "ffda0008010100003f00" "1234" "ffd9"))


PDF = (b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\nstartxref\n0\n%%EOF\n")
TEXT = b"What somebody wrote for people to read, line by line.\n" * 30


def ico():
    picture = png()
    return struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 24, len(picture), 22) + picture


def disagreeing_zip():
    """Two archives of one file: the directory of the second says another name than the file's own header."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("first.txt", b"made-up text\n" * 20)
        z.writestr("library.dll", b"more made-up text\n" * 20)
    clean = out.getvalue()
    at = clean.index(b"PK\3\4", 4)
    assert clean[at + 30:at + 41] == b"library.dll"
    return clean, clean[:at + 30] + b"another.exe" + clean[at + 41:], at


class Made:
    """One fixture: the file as it should be, the one with something in it, and where that is."""

    def __init__(self, name, clean, bad, check, first, last=None):
        self.name, self.clean, self.bad, self.check = name, clean, bad, check
        self.first, self.last = first, last if last is not None else first  # the finding's offset lies between


def make(folder):
    signed = pytest.importorskip("fixtures.signed")
    pytest.importorskip("cryptography")
    if not shutil.which("osslsigncode") or not shutil.which("openssl"):
        pytest.skip("osslsigncode or openssl is not installed")
    signer = signed.Signer(os.path.join(folder, "keys"))
    made = {}
    program = signer.sign(Pe(dll=True, imports={"KERNEL32.dll": ["ReadFile"]}, name="fixture.dll").build())
    table = signed.table(program)[0]
    stuffed = signed.stuff_table(program, BLOB)
    made["certificate-table"] = Made("fixture.dll", program, stuffed, "pe.certificate-slack",
                                     table + 8 + len(signed.der_of(program)))
    attributed = signed.add_attribute(program, "1.3.6.1.4.1.99999.1", signed.tlv(4, BLOB))
    value = attributed.index(BLOB)
    made["attribute"] = Made("fixture.dll", program, attributed, "pe.unauthenticated-attribute", value - 64, value)
    key = MachoSigner()
    plain, m = Macho(signer=key).build(), Macho(signer=key, slack=random_bytes(5000, seed=3))
    bad = m.build()
    made["macho"] = Made("libfixture.dylib", plain, bad, "macho.signature-slack", m.slack_at)
    trailing = b"$" + base64.b64encode(random_bytes(300, seed=4))
    for name, image in (("ico", ico()), ("png", png())):
        made[name] = Made("icon." + name, image, image + trailing, "image.trailing-base64", len(image), len(image) + 1)
    bad, noise = png(text=trailing[1:]), random_bytes(3000, seed=5)
    made["png-text"] = Made("text.png", png(), bad, "image.hidden-data", bad.index(trailing[1:]))
    bad = png(behind_pixels=noise)
    made["png-pixels"] = Made("pixels.png", png(), bad, "image.trailing-data", bad.index(noise))
    bad = jpeg(trailing[1:])
    made["jpeg-comment"] = Made("photo.jpg", jpeg(b"made by hand"), bad, "image.hidden-data", bad.index(trailing[1:]))
    plain = Pe(dll=True, name="plain.dll").build()
    for name, document in (("pdf", PDF), ("text", TEXT)):
        made[name] = Made("document." + name, document, document + plain, "document.trailing-data", len(document))
    clean, bad, at = disagreeing_zip()
    made["zip"] = Made("fixture.zip", clean, bad, "archive.irregular", at)
    return made


def put(folder, nest, name, data):
    """The path of the artifact that holds the file."""
    os.makedirs(folder)
    if nest == "alone":
        path = os.path.join(folder, name)
        with open(path, "wb") as f:
            f.write(data)
        return path
    kind = "iso" if nest == "iso-zip-deb" else "msi"
    path = os.path.join(folder, "fixture." + kind)
    work = os.path.join(folder, "work")
    os.makedirs(work)
    try:
        (nested.deb_in_zip_in_iso if kind == "iso" else nested.cab_in_msi)(work, name, data, path)
    except nested.MissingTool as e:
        pytest.skip(str(e))
    shutil.rmtree(work)
    return path


@pytest.fixture(scope="module")
def scanned(programs, tmp_path_factory):
    """All fixtures made, and one scan over them: {(case, nest, bad): (fixture, path, [artifacts])}."""
    folder = str(tmp_path_factory.mktemp("scan"))
    made, paths = make(folder), {}
    for case in CASES:
        for nest in NESTS:
            for bad in (False, True):
                m = made[case]
                place = os.path.join(folder, "files", case, nest, "bad" if bad else "clean")
                paths[case, nest, bad] = put(place, nest, m.name, m.bad if bad else m.clean)
    done = subprocess.run([os.path.join(programs, "turncoat"), "scan", "--no-cache", "--json", os.path.join(folder, "files")],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr + done.stdout[-2000:]
    result = json.loads(done.stdout)
    assert result["limits"] == []
    seen = {}
    for a in result["artifacts"]:
        seen.setdefault(os.path.realpath(a["path"]), []).append(a)
    return {k: (made[k[0]], p, seen[os.path.realpath(p)]) for k, p in paths.items()}


def leaf_of(made, nest, artifacts):
    """The artifact that is the fixture itself, wherever it lies."""
    data_names = [a for a in artifacts if (a["member"] or a["path"]).split("/")[-1] == made.name]
    assert data_names, [a["member"] for a in artifacts]
    return data_names[0]


@pytest.mark.parametrize("nest", NESTS)
@pytest.mark.parametrize("case", CASES)
def test_it_is_named_with_its_place(scanned, case, nest):
    made, _, artifacts = scanned[case, nest, True]
    leaf = leaf_of(made, nest, artifacts)
    assert leaf["size"] == len(made.bad)
    found = [f for f in leaf["findings"] if f["check"] == made.check]
    assert found, leaf["findings"]
    offsets = [int(f["evidence"]["offset"], 16) for f in found]
    assert any(made.first <= o <= made.last for o in offsets), (offsets, made.first, made.last)
    assert artifacts[0]["verdict"] in ("suspicious", "malicious")
    if nest == "iso-zip-deb":
        formats = [a["format"] for a in artifacts]
        assert formats[0] == "iso" and "zip" in formats and "deb" in formats
    if nest == "msi-cab":
        assert [a["format"] for a in artifacts][:2] == ["msi", "cab"]
        assert leaf["member"].endswith("fixture.cab!/ProgramFilesFolder/Fixture/" + made.name)


@pytest.mark.parametrize("nest", NESTS)
@pytest.mark.parametrize("case", CASES)
def test_its_untouched_twin_is_quiet(scanned, case, nest):
    made, _, artifacts = scanned[case, nest, False]
    assert leaf_of(made, nest, artifacts)["size"] == len(made.clean)
    assert artifacts[0]["verdict"] in ("clean", "note"), [f for a in artifacts for f in a["findings"]]


@pytest.mark.parametrize("case", ["certificate-table", "attribute"])
def test_the_usual_verifier_says_ok(scanned, case):
    """That is the point of the fixture: nothing is wrong with the signature."""
    _, path, _ = scanned[case, "alone", True]
    root = os.path.join(path.split("/files/")[0], "keys", "root.pem")
    verify = subprocess.run(["osslsigncode", "verify", "-CAfile", root, "-in", path], capture_output=True, text=True)
    words = verify.stdout + verify.stderr
    assert verify.returncode == 0 and "Signature verification: ok" in words, words


@pytest.mark.parametrize("case", ["certificate-table", "attribute"])
def test_a_valid_signature_lowers_nothing(scanned, case):
    made, _, artifacts = scanned[case, "alone", True]
    assert artifacts[0]["signature"]["digest"] == "ok"
    assert case != "certificate-table" or artifacts[0]["verdict"] == "malicious"
    sizes = [int(f["evidence"]["size"]) for f in artifacts[0]["findings"] if f["check"] == made.check]
    assert any(len(BLOB) <= s <= len(BLOB) + 64 for s in sizes), sizes
