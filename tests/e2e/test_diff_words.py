# SPDX-License-Identifier: Apache-2.0
"""Does `turncoat diff` serve who builds releases: packages by their versions, a policy that accepts what was looked at and nothing
more, exit codes, an end when somebody wants one? No root needed; dpkg-deb makes the packages."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
from fixtures.pe import Pe  # noqa: E402
from test_diff_page import png, stuffed  # noqa: E402


@pytest.fixture
def diff(programs, tmp_path):
    def run(*words, code=None):
        env = dict(os.environ, NO_COLOR="1", COLUMNS="120", XDG_CACHE_HOME=str(tmp_path / "cache"),
                   XDG_DATA_HOME=str(tmp_path / "data"))
        r = subprocess.run([os.path.join(programs, "turncoat"), "diff", *map(str, words)], capture_output=True, text=True,
                           timeout=60, check=False, env=env, cwd=tmp_path)
        assert code is None or r.returncode == code, f"{r.returncode}: {r.stdout}{r.stderr}"
        return r
    return run


@pytest.fixture
def packages(tmp_path):
    """acme 1.9, 1.10 and 1.10.1; the picture of the last has a tail."""
    if not shutil.which("dpkg-deb"):
        pytest.skip("no dpkg-deb here")
    folder = tmp_path / "pool"
    folder.mkdir()
    for version in ("1.9", "1.10", "1.10.1"):
        tree = tmp_path / f"tree-{version}"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN/control").write_text(f"Package: acme\nVersion: {version}\nArchitecture: all\n"
                                             "Maintainer: Nobody <nobody@example.test>\nDescription: made up\n")
        (tree / "usr/share/acme").mkdir(parents=True)
        picture = png(text=version.encode())
        (tree / "usr/share/acme/icon.png").write_bytes(stuffed(picture) if version == "1.10.1" else picture)
        subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, folder / f"acme_{version}_all.deb"], check=True,
                       capture_output=True)
    return folder


def test_versions_of_a_package_in_dpkgs_order(diff, packages):
    newest = diff("--package", "acme", "--from", packages, code=1)
    assert "acme 1.10 -> 1.10.1\n" in newest.stdout
    assert "acme 1.9 -> 1.10\n" in diff("--package", "acme", "--from", packages, "1.10", code=0).stdout
    assert "there are: 1.9, 1.10, 1.10.1" in diff("--package", "acme", "--from", packages, "2.0", code=2).stderr


def test_a_policy_accepts_what_was_looked_at_and_no_more(diff, packages, tmp_path):
    pair = packages / "acme_1.10_all.deb", packages / "acme_1.10.1_all.deb"
    told = json.loads(diff("--json", *pair, code=1).stdout)
    assert told["new"]["version"] == "1.10.1"
    policy = tmp_path / "accepted.yml"

    def write(version="1.10.1", expires="2500-01-31"):
        policy.write_text("accept:\n" + "".join(
            f"  - check: {r['check']}\n    path: '{r['path']}'\n    sha256: {r['sha256']}\n    version: '{version}'\n"
            f"    reason: the tail is our own build number\n    expires: {expires}\n" for r in told["reasons"]))
    write()
    accepted = diff("--policy", policy, *pair, code=0)
    assert f"{len(told['reasons'])} finding" in accepted.stdout and "accepted by" in accepted.stdout
    said = json.loads(diff("--json", "--policy", policy, *pair, code=0).stdout)
    assert said["verdict"] == "clean" and said["counts"]["accepted"] == len(told["reasons"])
    assert {e["state"] for e in said["policy"]["entries"]} == {"used"}
    write(version="1.11")
    assert "was written for another content or version" in diff("--policy", policy, *pair, code=1).stdout
    write(expires="2020-01-31")
    assert "expired on 2020-01-31" in diff("--policy", policy, *pair, code=1).stdout
    write()
    unmatched = diff("--policy", policy, packages / "acme_1.9_all.deb", packages / "acme_1.10_all.deb", code=0)
    assert "fits nothing in this release" in unmatched.stdout
    policy.write_text("accept:\n  - check: diff.rpath\n")
    wrong = diff("--policy", policy, *pair, code=2)
    assert "line 2, column 5: 'path' is missing in this entry" in wrong.stderr and wrong.stdout == ""


def test_fail_on_moves_the_exit_code(diff, packages):
    pair = packages / "acme_1.10_all.deb", packages / "acme_1.10.1_all.deb"
    diff(*pair, code=1)
    diff("--fail-on", "malicious", *pair, code=0)
    diff("--fail-on", "nonsense", *pair, code=2)


def test_a_bundled_library_is_held_against_a_reference_build(diff, tmp_path):
    plain = {"KERNEL32.dll": ["GetTickCount"]}
    more = {"KERNEL32.dll": ["GetTickCount", "CreateFileW", "ReadFile", "VirtualProtect"], "WS2_32.dll": ["connect", "send"]}
    for folder, imports in (("old", more), ("new", more), ("reference", plain), ("like", more)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "zlib1.dll").write_bytes(Pe(dll=True, imports=imports, name="zlib1.dll").build())
    told = json.loads(diff("--json", "--upstream", "reference", "old", "new").stdout)
    assert "diff.upstream-differs" in {r["check"] for r in told["reasons"]}
    assert diff("--upstream", "like", "old", "new", code=0).stdout.startswith("equal: ")
    assert "cannot look at 'nowhere'" in diff("--upstream", "nowhere", "old", "new", code=2).stderr


def test_an_interrupt_ends_it_and_leaves_nothing(programs, tmp_path):
    for side in ("old", "new"):
        os.mkdir(tmp_path / side)
        for i in range(6000):
            (tmp_path / side / f"{i}.txt").write_text(f"{side} {i}\n" * 40)
    run = subprocess.Popen([os.path.join(programs, "turncoat"), "diff", "--jobs", "1", "--html", "out.html", "old", "new"],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    time.sleep(0.25)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=30)
    if run.returncode == 0:
        pytest.skip("it was over before it could be interrupted")
    assert run.returncode == 3 and "turncoat: interrupted" in err and out == ""
    assert not [f for f in os.listdir(tmp_path) if f.startswith("out.html")]
