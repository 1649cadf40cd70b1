# SPDX-License-Identifier: Apache-2.0
"""Question: are bytes that a container has beside its members told with their place, and looked at as content; and is the same
container without them quiet? All is made here: random bytes from a fixed seed."""
import base64
import hashlib
import io
import json
import lzma
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from fixtures import dmg, hfs  # noqa: E402
from fixtures.iso import both, iso, pad, record  # noqa: E402
from fixtures.pe import random_bytes  # noqa: E402

BLOB = b"\1" + random_bytes(2998, seed=99) + b"\1"  # no zero at either end: those are cut off
TEXT = b"some made-up text\n" * 50
FILES = [("A.TXT;1", TEXT), ("B.TXT;1", TEXT[::-1])]


def zipped(extra=b"", comment=b""):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        info = zipfile.ZipInfo("a.txt")
        info.extra, info.comment = extra, comment
        z.writestr(info, TEXT)
    return out.getvalue()


def gzipped(flags=0, fields=b""):
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (b"\x1f\x8b\x08" + bytes([flags]) + bytes(6) + fields + deflate.compress(TEXT) + deflate.flush() +
            struct.pack("<II", zlib.crc32(TEXT), len(TEXT)))


def zstd_frame(data=TEXT[:200]):
    return b"\x28\xb5\x2f\xfd\x20" + bytes([len(data)]) + struct.pack("<I", len(data) << 3 | 1)[:3] + data


def skipped(data):
    return struct.pack("<II", 0x184d2a53, len(data)) + data if data else b""


def tarred(padding=b"", headers=None, size=1000):
    """padding: up to 512 - size % 512 bytes behind each of as many members as it takes."""
    out = io.BytesIO()
    room, pieces = 512 - size % 512, max(1, -(-len(padding) // (512 - size % 512)))
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers=headers or {}) as t:
        for i in range(pieces):
            info = tarfile.TarInfo(f"f{i}")
            info.size = size
            t.addfile(info, io.BytesIO(b"x" * size))
    data, at = bytearray(out.getvalue()), 0
    for i in range(pieces):
        piece = padding[i * room:(i + 1) * room]
        at = data.index(b"x" * size, at) + size
        data[at:at + len(piece)] = piece
    return bytes(data)


def deb(version=b"2.0\n", more=()):
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz"):
        pass
    out = b"!<arch>\n"
    for name, data in [("debian-binary", version), ("control.tar.gz", inner.getvalue()), ("data.tar.gz", inner.getvalue()), *more]:
        out += f"{name:16}0           0     0     100644  {len(data):<10}`\n".encode() + data + b"\n" * (len(data) % 2)
    return out


def sevenzip(folder, blob):
    if not shutil.which("7z"):
        return None
    path = os.path.join(folder, "made.7z")
    with open(os.path.join(folder, "a.txt"), "wb") as f:
        f.write(TEXT)
    if not os.path.exists(path):
        subprocess.run(["7z", "a", "-bd", "made.7z", "a.txt"], cwd=folder, check=True, capture_output=True)
    with open(path, "rb") as f:
        data = f.read()
    at, size, crc = struct.unpack("<QQI", data[12:32])
    start = struct.pack("<QQI", at + len(blob), size, crc)
    return (data[:8] + struct.pack("<I", zlib.crc32(start)) + start + data[32:32 + at] + blob + data[32 + at:], 32 + at)


def image(behind_volume=b""):
    volume = hfs.Hfs().add("a.txt", TEXT).build()
    return dmg.dmg([("disk image (Apple_HFS : 1)", volume + behind_volume + bytes(-len(behind_volume) % 512))])


def old_cpio(data=TEXT):
    def member(name, data, mode=0o100644):
        name = name.encode() + b"\0"
        head = struct.pack("<11H", 0o70707, 0, 1, mode, 0, 0, 1, 0, 0, 0, len(name)) + struct.pack("<HH", len(data) >> 16, len(data) & 0xffff)
        return head + name + b"\0" * (len(name) % 2) + data + b"\0" * (len(data) % 2)
    return member("a.txt", data) + member("TRAILER!!!", b"", 0)


def cases(folder):
    """name -> (file's name, clean, with the blob in it, kind, place or None, the member it becomes)"""
    field = struct.pack("<HH", 0x7777, len(BLOB)) + BLOB
    clean_iso, plain_zip = iso(FILES), zipped()
    unowned, long_name = "[of no file of the image]", "[behind the end of the image]"
    slack = BLOB[:1000] + b"\1"
    made = {
        "iso-between": ("a.iso", clean_iso, iso(FILES, between=BLOB), "unowned-sectors", 23 * 2048, unowned),
        "iso-slack": ("b.iso", clean_iso, iso(FILES, slack=slack), "unowned-sectors", 21 * 2048 + len(TEXT), unowned),
        "iso-behind": ("d.iso", clean_iso, iso(FILES, behind=BLOB), "behind-end", 32 * 2048, "[behind the volume]"),
        "iso-system": ("e.iso", clean_iso, iso(FILES, system=bytes(4096) + BLOB), "system-area", 4096, "[system area]"),
        "zip-extra": ("a.zip", plain_zip, zipped(extra=field), "extra-fields", None, "[extra fields of the directory]"),
        "zip-local": ("b.zip", plain_zip, zipped(extra=field), "extra-fields", 30 + 5 + 4, "[extra fields of the members]"),
        "zip-comment": ("c.zip", zipped(comment=b"a short text"), zipped(comment=BLOB), "comment-content", None, "[comments of the members]"),
        "gzip-extra": ("a.gz", gzipped(4, b"\6\0BC\2\0\1\0"), gzipped(4, struct.pack("<H", len(field)) + field[:4] + BLOB),
                       "header-fields", 12, None),
        "gzip-comment": ("b.gz", gzipped(24, b"name\0a comment\0"), gzipped(24, b"name\0" + BLOB.replace(b"\0", b"\1") + b"\0"),
                         "header-fields", 15, None),
        "zstd-skipped": ("a.zst", zstd_frame() + skipped(b"12345678"), zstd_frame() + skipped(BLOB) + zstd_frame(),
                         "header-fields", len(zstd_frame()) + 8, "[fields of the header]"),
        "tar-padding": ("a.tar", tarred(), tarred(padding=BLOB), "between-members", 1512, "[padding behind the members]"),
        "tar-gz-padding": ("b.tgz", zlib_gzip(tarred()), zlib_gzip(tarred(padding=BLOB)), "between-members", None,
                           "[padding behind the members]"),
        "tar-pax": ("c.tar", tarred(headers={"comment": "0" * 40}),
                    tarred(headers={"comment": base64.b64encode(BLOB).decode()}), "extended-header", None,
                    "[values of extended headers]"),
        "deb-passed-over": ("a.deb", deb(more=[("_gpgorigin", b"-----BEGIN PGP SIGNATURE-----\n")]), deb(more=[("_x", BLOB)]),
                            "foreign-member", len(deb()), "_x"),
        "deb-version": ("b.deb", deb(), deb(version=b"2.0\n" + BLOB), "behind-version", 72, "[behind the version of the format]"),
        "dmg-behind": ("a.dmg", image(), image() + BLOB, "behind-end", len(image()), long_name),
        "dmg-behind-volume": ("b.dmg", image(), image(behind_volume=BLOB), "behind-end", None, "[behind the volume]"),
    }
    seven = sevenzip(folder, b"")
    if seven:
        made["7z-between"] = ("a.7z", seven[0], sevenzip(folder, BLOB)[0], "between-members", seven[1], "[between the streams]")
    return made


def zlib_gzip(data):
    z = zlib.compressobj(6, zlib.DEFLATED, 31)
    return z.compress(data) + z.flush()


NAMES = ["iso-between", "iso-slack", "iso-behind", "iso-system", "zip-extra", "zip-local", "zip-comment",
         "gzip-extra", "gzip-comment", "zstd-skipped", "tar-padding", "tar-gz-padding", "tar-pax", "deb-passed-over",
         "deb-version", "dmg-behind", "dmg-behind-volume", "7z-between"]


def scan(programs, path):
    done = subprocess.run([os.path.join(programs, "turncoat"), "scan", "--no-cache", "--json", str(path)], capture_output=True,
                          text=True, timeout=120, check=False)
    assert done.returncode in (0, 1, 3), done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def scanned(programs, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("unowned"))
    os.makedirs(os.path.join(folder, "work"))
    made = cases(os.path.join(folder, "work"))
    for case, (name, clean, bad, *_) in made.items():
        for which, data in (("clean", clean), ("bad", bad)):
            os.makedirs(os.path.join(folder, "files", case, which))
            with open(os.path.join(folder, "files", case, which, name), "wb") as f:
                f.write(data)
    result = scan(programs, os.path.join(folder, "files"))
    assert result["limits"] == []
    seen = {}
    for a in result["artifacts"]:
        case, which = a["path"].split("/")[-3:-1]
        seen.setdefault((case, which), []).append(a)
    return made, seen


@pytest.mark.parametrize("case", NAMES)
def test_the_bytes_are_told_with_their_place_and_looked_at(scanned, case):
    made, seen = scanned
    if case not in made:
        pytest.skip("7z is not installed")
    _, _, _, kind, at, member = made[case]
    artifacts = seen[case, "bad"]
    found = [f for f in artifacts[0]["findings"] if f["evidence"].get("kind") == kind]
    assert found and all(f["check"] == "archive.irregular" for f in found), artifacts[0]["findings"]
    assert at is None or hex(at) in [f["evidence"].get("offset") for f in found], (hex(at), found)
    assert all("entropy" in f["evidence"] and int(f["evidence"]["size"]) > 500 for f in found)
    if member:
        names = {a["member"].split("!/")[-1]: a for a in artifacts if a["member"]}
        assert member in names, list(names)
        assert names[member]["size"] > 500


@pytest.mark.parametrize("case", ["iso-between", "iso-behind", "tar-padding", "tar-gz-padding", "zip-extra", "zstd-skipped",
                                  "dmg-behind"])
def test_what_lay_in_pieces_is_whole_again(scanned, case):
    hashes = [a["sha256"] for a in scanned[1][case, "bad"]]
    assert hashlib.sha256(BLOB).hexdigest() in hashes


@pytest.mark.parametrize("case", NAMES)
def test_the_same_without_them_is_clean(scanned, case):
    made, seen = scanned
    if case not in made:
        pytest.skip("7z is not installed")
    assert [f for a in seen[case, "clean"] for f in a["findings"]] == []


def test_boot_sector_and_maps_of_partitions_are_ordinary(programs, tmp_path):
    boot = b"\x33\xed" + random_bytes(444, seed=5) + bytes(64) + b"\x55\xaa"
    (tmp_path / "hybrid.iso").write_bytes(iso(FILES, system=boot))
    result = scan(programs, tmp_path / "hybrid.iso")
    assert result["verdict"] == "clean"
    assert "[boot sector]" in [a["member"] for a in result["artifacts"]]


def kinds_of(result):
    return {f["evidence"]["kind"] for a in result["artifacts"] for f in a["findings"] if "kind" in f["evidence"]}


def test_a_table_of_folders_that_says_it_is_large_owns_no_more_than_its_folders(programs, tmp_path):
    data = bytearray(iso(FILES, between=BLOB))
    data[16 * 2048 + 132:16 * 2048 + 140] = both(1 << 24)
    (tmp_path / "a.iso").write_bytes(data)
    assert kinds_of(scan(programs, tmp_path / "a.iso")) == {"unowned-sectors"}


def test_a_tree_that_nobody_reads_owns_no_files(programs, tmp_path):
    data = bytearray(iso(FILES, between=BLOB + bytes(-len(BLOB) % 2048) + pad(record(25, 2048, b"\0", True) + record(23, len(BLOB), b"C.TXT;1"))))
    other = bytearray(data[16 * 2048:17 * 2048])
    other[0], other[158:174] = 2, both(25) + both(2048)
    data[17 * 2048:19 * 2048] = other + pad(b"\xffCD001\1")
    (tmp_path / "a.iso").write_bytes(data)
    assert kinds_of(scan(programs, tmp_path / "a.iso")) == {"unowned-sectors"}


@pytest.mark.parametrize("n, limits", [(1, []), (11, ["damaged"])])
def test_folders_that_together_are_larger_than_the_image_are_not_all_read(programs, tmp_path, n, limits):
    data = bytearray(iso([]))
    folders = b"".join(record(21 + i, (11 - i) * 2048, b"D%d" % i, True) for i in range(n))
    data[20 * 2048 + 68:20 * 2048 + 68 + len(folders)] = folders
    (tmp_path / "a.iso").write_bytes(data)
    assert [x["kind"] for x in scan(programs, tmp_path / "a.iso")["limits"]] == limits


def test_a_table_of_partitions_owns_entries_that_are_some(programs, tmp_path):
    head = b"EFI PART" + struct.pack("<IIIIQQQQ16sQIII", 0x10000, 92, 0, 0, 1, 0, 64, 100, bytes(16), 2, 128, 128, 0)
    entry = (b"\1" * 32 + struct.pack("<QQQ", 80, 90, 0)).ljust(128, b"\0")
    for name, table in (("good", entry), ("bad", entry + BLOB)):
        (tmp_path / f"{name}.iso").write_bytes(iso(FILES, system=(bytes(512) + head).ljust(1024, b"\0") + table))
    assert kinds_of(scan(programs, tmp_path / "good.iso")) == set()
    assert kinds_of(scan(programs, tmp_path / "bad.iso")) == {"system-area"}


def test_many_small_places_in_front_hide_no_large_one(programs, tmp_path):
    data = bytearray(iso([(f"F{i}.TXT;1", TEXT) for i in range(9)], between=BLOB))
    for i in range(8):
        data[(21 + i) * 2048 + 1000] = 1
    (tmp_path / "a.iso").write_bytes(data)
    sizes = [f["evidence"]["size"] for a in scan(programs, tmp_path / "a.iso")["artifacts"] for f in a["findings"]]
    assert sizes == ["1"] * 8 + [str(len(BLOB))]


def test_resources_of_an_image_are_some_and_are_looked_at(programs, tmp_path):
    fork = struct.pack(">IIII", 256, 256 + len(BLOB), len(BLOB), 30).ljust(256, b"\0") + BLOB + bytes(30)
    for name, blob in (("good", fork), ("bad", BLOB)):
        data = image()
        trailer = bytearray(data[-512:])
        trailer[40:56] = struct.pack(">QQ", len(data) - 512, len(blob))
        (tmp_path / f"{name}.dmg").write_bytes(data[:-512] + blob + trailer)
    good = scan(programs, tmp_path / "good.dmg")
    assert kinds_of(good) == set()
    assert "[resources of the image]" in [a["member"] for a in good["artifacts"]]
    assert kinds_of(scan(programs, tmp_path / "bad.dmg")) == {"unowned-bytes"}


def test_a_known_field_that_comes_again_is_not_known(programs, tmp_path):
    once = struct.pack("<HH", 0x14, 2000) + BLOB[:2000]
    for name, extra in (("good", once), ("bad", once + once)):
        (tmp_path / f"{name}.zip").write_bytes(zipped(extra=extra))
    assert kinds_of(scan(programs, tmp_path / "good.zip")) == set()
    assert kinds_of(scan(programs, tmp_path / "bad.zip")) == {"extra-fields"}


def test_of_many_pieces_it_is_said_what_was_left_out(programs, tmp_path):
    values = pax(b"comment", b"\1" * 900000) + pax(b"more", BLOB)
    (tmp_path / "a.tar").write_bytes((tar_member(b"p", values, kind=b"x") + tar_member(b"a", b"x")) * 2 + bytes(1024))
    assert [x["kind"] for x in scan(programs, tmp_path / "a.tar")["limits"]] == ["limit"]


def seek_table(entries):
    return skipped(b"".join(struct.pack("<I4s", packed, size) for packed, size in entries) + struct.pack("<IBI", len(entries), 0, 0x8f92eab1))


def test_a_table_of_frames_has_only_frames(programs, tmp_path):
    frames = zstd_frame() * 3
    honest = frames + seek_table([(len(zstd_frame()), struct.pack("<I", 200))] * 3)
    (tmp_path / "good.zst").write_bytes(honest)
    (tmp_path / "bad.zst").write_bytes(frames + seek_table([(0, BLOB[i * 4:i * 4 + 4]) for i in range(300)]))
    assert kinds_of(scan(programs, tmp_path / "good.zst")) == set()
    assert kinds_of(scan(programs, tmp_path / "bad.zst")) == {"header-fields"}


def test_short_texts_and_fields_of_many_members_are_no_short_text(programs, tmp_path):
    member, blocks = gzipped(16, b"x" * 1000 + b"\0"), struct.pack("<HH", 0x4342, 2)
    fields = b"".join(blocks + BLOB[i * 2:i * 2 + 2] for i in range(200))
    for name, data, kinds in (("good", member * 40, set()), ("bad", member * 80, {"header-fields"}),
                              ("blocks", gzipped(4, struct.pack("<H", len(fields)) + fields), {"header-fields"})):
        (tmp_path / f"{name}.gz").write_bytes(data)
        assert kinds_of(scan(programs, tmp_path / f"{name}.gz")) == kinds


@pytest.mark.skipif(not shutil.which("7z"), reason="7z is not installed")
def test_a_packed_stream_that_no_folder_unpacks_belongs_to_nothing(programs, tmp_path):
    (tmp_path / "a.txt").write_bytes(TEXT)
    subprocess.run(["7z", "a", "-bd", "-mhc=off", "a.7z", "a.txt"], cwd=tmp_path, check=True, capture_output=True)
    data = (tmp_path / "a.7z").read_bytes()
    at = 32 + struct.unpack("<Q", data[12:20])[0]
    head = data[at:]
    size = 1 if head[6] < 0x80 else 2
    assert head[:6] == b"\1\4\6\0\1\t" and head[6 + size] == 0
    head = head[:4] + b"\2\t" + head[6:6 + size] + bytes([0x80 | len(BLOB) >> 8, len(BLOB) & 255]) + head[6 + size:]
    start = struct.pack("<QQI", at - 32 + len(BLOB), len(head), zlib.crc32(head))
    (tmp_path / "a.7z").write_bytes(data[:8] + struct.pack("<I", zlib.crc32(start)) + start + data[32:at] + BLOB + head)
    result = scan(programs, tmp_path / "a.7z")
    assert (kinds_of(result), result["limits"]) == ({"between-members"}, [])


def test_what_a_volume_of_old_macs_may_own_is_a_note(programs, tmp_path):
    (tmp_path / "a.iso").write_bytes(iso(FILES, system=bytes(1024) + b"BD" + b"\1" * 160, between=BLOB))
    result = scan(programs, tmp_path / "a.iso")
    assert (result["verdict"], kinds_of(result)) == ("note", {"system-area", "unowned-sectors"})


def test_a_program_in_a_frame_to_be_skipped_is_suspicious(programs, tmp_path):
    with open(os.path.join(programs, "turncoat"), "rb") as f:
        program = f.read(5000)
    (tmp_path / "a.zst").write_bytes(skipped(program) + zstd_frame())
    result = scan(programs, tmp_path / "a.zst")
    assert result["verdict"] == "suspicious"
    assert "elf" in [a["format"] for a in result["artifacts"]]


def test_the_oldest_cpio_is_opened_in_either_order(programs, tmp_path):
    data = old_cpio()
    (tmp_path / "little.cpio").write_bytes(data)
    result = scan(programs, tmp_path / "little.cpio")
    assert [(a["format"], a["member"]) for a in result["artifacts"]] == [("cpio", None), ("text", "a.txt")]


def tar_member(name, data=b"", pad=b"", kind=b"0", magic=b"ustar\00000", signed=False, head=b""):
    """head: what stands in the block from 386 on, as GNU's map of a sparse file."""
    b = bytearray(512)
    for at, text in [(0, name), (100, b"0000644"), (124, b"%011o" % len(data)), (148, b" " * 8), (156, kind), (257, magic), (386, head)]:
        b[at:at + len(text)] = text
    b[148:155] = b"%06o\0" % sum(x - 256 if signed and x > 127 else x for x in b)
    return bytes(b) + data + (pad + bytes(-len(data) % 512))[:-len(data) % 512]


def pax(key, value):
    for n in range(len(key + value) + 3, len(key + value) + 12):
        line = str(n).encode() + b" " + key + b"=" + value + b"\n"
        if len(line) == n:
            return line
    return b""


HIDING = tar_member(b"f0", b"x" * 100, BLOB[:412]) + tar_member(b"f1", b"x" * 100, BLOB[412:824])
TARS = {
    "a-sum-of-signed-bytes": (tar_member("\u00e9".encode(), b"x", signed=True) + HIDING, "between-members"),
    "a-size-for-all": (tar_member(b"g", pax(b"size", b"99999"), kind=b"g") + HIDING, "between-members"),
    "no-name-but-in-an-extended-header": (tar_member(b"p", pax(b"path", b"a"), kind=b"x") + tar_member(b"", b"x") + HIDING,
                                          "between-members"),
    "an-extended-header-of-sun": (tar_member(b"p", pax(b"comment", BLOB), kind=b"X") + tar_member(b"a", b"x"), "extended-header"),
    "access-rights-of-sun": (tar_member(b"p", BLOB, kind=b"A") + tar_member(b"a", b"x"), "extended-header"),
    "behind-a-long-name": (tar_member(b"p", b"a.txt\0" + BLOB, kind=b"L") + tar_member(b"a", b"x"), "extended-header"),
}


@pytest.mark.parametrize("how", TARS)
def test_no_header_of_a_tar_ends_the_watch(programs, tmp_path, how):
    data, kind = TARS[how]
    (tmp_path / "a.tar").write_bytes(data + bytes(1024))
    said = [f["evidence"] for a in scan(programs, tmp_path / "a.tar")["artifacts"] for f in a["findings"]]
    assert [e["kind"] for e in said] == [kind]
    if kind == "extended-header":
        assert int(said[0]["size"]) in (len(BLOB), len(BLOB) + 1)  # with the NUL in front of it


def test_values_of_extended_headers_are_what_stands_in_them(programs, tmp_path):
    headers = pax(b"comment", BLOB) + pax(b"path", b"b")
    (tmp_path / "a.tar").write_bytes(tar_member(b"p", headers, kind=b"x") + tar_member(b"a", b"x") + bytes(1024))
    assert hashlib.sha256(BLOB).hexdigest() in [a["sha256"] for a in scan(programs, tmp_path / "a.tar")["artifacts"]]


def test_the_map_of_a_sparse_file_stands_in_front_of_its_content(programs, tmp_path):
    entries = b"".join(b"%011o\0%011o\0" % (i * 65536, 64) for i in range(12))
    first, more = entries[:96], entries[96:].ljust(504, b"\0") + bytes(8)
    member = tar_member(b"a", BLOB[:768 - 68] + b"x" * 68, kind=b"S", magic=b"ustar  \0", head=first + b"\1")
    (tmp_path / "a.tar").write_bytes(member[:512] + more + member[512:] + bytes(1024))
    result = scan(programs, tmp_path / "a.tar")
    assert (result["verdict"], result["limits"]) == ("clean", [])


def test_what_a_tar_has_behind_what_is_not_understood_is_said(programs, tmp_path):
    (tmp_path / "a.tar").write_bytes(tar_member(b"a", b"x") + tar_member(b"b", b"\7" * 600, kind=b"V") + bytes(1024))
    assert [x["kind"] for x in scan(programs, tmp_path / "a.tar")["limits"]][-1:] == ["damaged"]


@pytest.mark.parametrize("dictionary", [1 << 31, 0xffffffff, 0x7fffffff])
def test_a_dictionary_that_is_too_large_is_said(programs, tmp_path, dictionary):
    data = lzma.compress(TEXT, format=lzma.FORMAT_ALONE)
    (tmp_path / "a.lzma").write_bytes(data[:1] + struct.pack("<I", dictionary) + data[5:])
    result = scan(programs, tmp_path / "a.lzma")
    assert result["artifacts"][0]["format"] == "lzma"
    assert [x["kind"] for x in result["limits"]] == ["limit"]
