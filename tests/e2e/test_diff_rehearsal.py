# SPDX-License-Identifier: Apache-2.0
"""The rehearsal: a softphone's 1.0 becomes 1.1 in the way of March 2023, harmlessly. Is each of the four changes named, alone and
together, in an MSI and in a .deb; and is the honest 1.1 left alone?"""
import json
import os
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from fixtures import rehearsal  # noqa: E402

FORMS = ["msi", "deb"]
# What names each change: any of the first, in the file that the second begins.
NAMED = {
    "signed": (("diff.same-authentihash", "pe.certificate-slack"), "graphics_47.dll"),
    "codec": (("diff.new-capability", "diff.sibling-read", "pe.sibling-read"), ("codec.dll", "libcodec.so")),
    "icon": (("image.trailing-base64",), "icon.ico"),
    "script": (("diff.lifecycle-script",), "package.json"),
}


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    signed = pytest.importorskip("fixtures.signed")
    pytest.importorskip("cryptography")
    if not shutil.which("osslsigncode") or not shutil.which("openssl"):
        pytest.skip("osslsigncode or openssl is not installed")
    return rehearsal.Cache(signed.Signer(str(tmp_path_factory.mktemp("keys"))))


@pytest.fixture(scope="module")
def diff(programs, signer, tmp_path_factory):
    """diff(form, changes): what is said of 1.0 against a 1.1 with these changes; each is asked once."""
    made, told = {}, {}

    def release(form, version, changes):
        if (form, version, changes) not in made:
            folder = str(tmp_path_factory.mktemp("release"))
            try:
                made[form, version, changes] = getattr(rehearsal, form)(signer, folder, version, changes)
            except rehearsal.MissingTool as e:
                pytest.skip(str(e))
        return made[form, version, changes]

    def ask(form, changes):
        if (form, changes) not in told:
            done = subprocess.run([os.path.join(programs, "turncoat"), "diff", "--json", release(form, "1.0", ()),
                                   release(form, "1.1", changes)], capture_output=True, text=True, timeout=60)
            assert done.returncode in (0, 1), done.stderr + done.stdout[-2000:]
            told[form, changes] = done.returncode, json.loads(done.stdout)
        return told[form, changes]

    return ask


def base(path):
    return path.replace("!", "/").rsplit("/", 1)[-1]


def names(result, change):
    checks, files = NAMED[change]
    files = (files,) if isinstance(files, str) else files
    return [f for c in result["changes"] if base(c["path"]) in files for f in c["findings"]
            if f["check"] in checks and f["score"] > 0]


def shown(result):
    return result["score"], [(base(c["path"]), f["check"], f["score"]) for c in result["changes"] for f in c["findings"]]


@pytest.mark.parametrize("form", FORMS)
def test_all_four_are_malicious_and_each_is_named(diff, form):
    code, result = diff(form, rehearsal.CHANGES)
    assert result["verdict"] == "malicious" and result["score"] >= 95, shown(result)
    assert code == 1
    for change in rehearsal.CHANGES:
        assert names(result, change), (change, shown(result))


@pytest.mark.parametrize("change", rehearsal.CHANGES)
@pytest.mark.parametrize("form", FORMS)
def test_each_alone_is_at_least_suspicious(diff, form, change):
    code, result = diff(form, (change,))
    assert result["verdict"] in ("suspicious", "malicious"), shown(result)
    assert names(result, change), shown(result)
    assert code == 1


@pytest.mark.parametrize("form", FORMS)
def test_the_honest_release_is_left_alone(diff, form):
    code, result = diff(form, ())
    assert result["verdict"] in ("clean", "note"), shown(result)
    assert code == 0
    assert {base(c["path"]) for c in result["changes"] if c["kind"] == "changed"} >= {"package.json", "main.js", "readme.txt"}
