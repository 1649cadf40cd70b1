# SPDX-License-Identifier: Apache-2.0
"""Question: is a turned library still told when whoever made the release knows how members are paired, what is counted and where
limits are? And is what was not looked at said, and never called clean? Inert: made-up bytes, nothing of it is run."""
import io
import json
import os
import subprocess
import sys
import zipfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from fixtures import rehearsal  # noqa: E402
from fixtures.pe import Pe  # noqa: E402

HONEST, TURNED = rehearsal.codec("1.0", False), rehearsal.codec("1.1", True)
GRAPHICS = Pe(dll=True, imports={"KERNEL32.dll": ["HeapAlloc"]}, exports={"D3DCompile": 0x1000}, name=rehearsal.SIBLING).build()
EXPORTS = {name: 0x1000 + 16 * i for i, name in enumerate(rehearsal.EXPORTS)}


def packed(members, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, data in members:
            z.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


@pytest.fixture
def ask(programs, tmp_path):
    """ask(old members, new members) -> exit code, result."""
    def run(old, new, *more):
        for name, members in ("app-1.0.zip", old), ("app-1.1.zip", new):
            (tmp_path / name).write_bytes(packed([(rehearsal.SIBLING, GRAPHICS), *members]))
        done = subprocess.run([os.path.join(programs, "turncoat"), "diff", "--json", *more, str(tmp_path / "app-1.0.zip"),
                               str(tmp_path / "app-1.1.zip")], capture_output=True, text=True, timeout=60)
        assert done.returncode in (0, 1, 3), done.stderr
        return done.returncode, json.loads(done.stdout)
    return run


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("new", [
    [("codec.dll", HONEST), ("codec.dll", TURNED)],
    [("codec.dll", TURNED), ("codec.dll", HONEST)],
    [("codec.dll", HONEST), ("./codec.dll", TURNED)],
    [("codec.dll", HONEST), ("a/../codec.dll", TURNED)],
    [("codec.dll", HONEST), ("CODEC.dll", TURNED)],
    [("codec2.dll", TURNED)],
    [("plugins/helper.dll", TURNED)],
    [("codec.dll", GRAPHICS), ("plugins/helper.dll", TURNED)],
], ids=["twice", "twice-first", "dot", "up", "case", "renamed", "moved", "decoy"])
def test_a_turned_library_is_told_wherever_it_stands(ask, new):
    code, result = ask([("codec.dll", HONEST)], new)
    assert code == 1 and result["verdict"] in ("suspicious", "malicious"), result["reasons"]
    assert any(r["check"] == "diff.new-capability" and r["score"] >= 50 for r in result["reasons"]), result["reasons"]


def test_a_new_program_that_reads_another_of_the_release_is_told(ask):
    _, result = ask([("codec.dll", HONEST)], [("codec.dll", HONEST), ("more.dll", TURNED)])
    assert any(r["check"] == "diff.sibling-read" and r["path"].endswith("more.dll") for r in result["reasons"]), result["reasons"]


def crowded(functions):
    """A codec whose imports begin with more functions than are compared."""
    many = {"AMANY.dll": [f"f{i:05}" for i in range(9000)], "KERNEL32.dll": functions}
    return Pe(dll=True, imports=many, exports=EXPORTS, name="codec.dll").build()


def test_imports_beyond_the_limit_leave_a_doubt(ask):
    few = crowded(rehearsal.BASE_FUNCTIONS)
    code, result = ask([("codec.dll", few)], [("codec.dll", crowded(rehearsal.BASE_FUNCTIONS + rehearsal.MORE_FUNCTIONS))])
    assert code == 3 and "9003" in json.dumps(result["limits"]), result["limits"]
    assert ask([("codec.dll", few), ("a.txt", b"a")], [("codec.dll", few), ("a.txt", b"b")])[0] == 0, "the same leaves none"


def test_mangled_imports_crowd_out_nothing(ask):
    def cpp(functions):
        many = {"AMANY.dll": [f"?f{i:05}@@YAXXZ" for i in range(9000)], "KERNEL32.dll": functions}
        return Pe(dll=True, imports=many, exports=EXPORTS, name="codec.dll").build()
    code, result = ask([("codec.dll", cpp(rehearsal.BASE_FUNCTIONS))],
                       [("codec.dll", cpp(rehearsal.BASE_FUNCTIONS + rehearsal.MORE_FUNCTIONS))])
    assert code == 1 and result["reasons"][0]["check"] == "diff.new-capability", result["reasons"]


def test_archives_of_equal_archives_end_soon_and_say_so(ask):
    content = b"made up\n"
    for level in range(7):  # ten million members, if each were told
        content = packed([(f"{i}/a.zip" if level else f"{i}.txt", content) for i in range(10)], zipfile.ZIP_DEFLATED)
    code, result = ask([("a.txt", b"a")], [("a.txt", b"b"), ("a.zip", content)])
    assert code == 3 and "more than once" in json.dumps(result["limits"]), result["limits"]
