# SPDX-License-Identifier: Apache-2.0
"""Do `diff --sarif` and `--sbom` keep the rules of SARIF 2.1.0 and CycloneDX 1.5, whatever names and versions a release has? (The
schemas are not kept here; what they ask beyond types stands below.) No root needed."""
import io
import json
import os
import re
import subprocess
import tarfile

import pytest

NAMES = ["a b/\udcff\udcfe.js", "x/\x01\x1b[31mred.js", "x/%zz?.js", "x/#frag.js", "x/\u00e9\u20ac.js", "http://x/y.js", "./../e.js",
         "x\\y.js", 'x/".js', "x/" + "n" * 300 + ".js"]
URI = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")  # RFC 3986; no "#": nothing here has a fragment
LEVELS, STATES = {"none", "note", "warning", "error"}, {"new", "unchanged", "updated", "absent"}
TYPES = {"application", "framework", "library", "container", "platform", "operating-system", "device", "device-driver", "firmware",
         "file", "machine-learning-model", "data"}
SERIAL = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
HEX = {"MD5": 32, "SHA-1": 40, "SHA-256": 64, "SHA-384": 96, "SHA-512": 128}


def packed(path, script, about):
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as t:
        files = [(n, script + n.encode("utf-8", "surrogateescape"), 0o4755) for n in NAMES] + [("package.json", about, 0o644)]
        for name, data, mode in files:
            m = tarfile.TarInfo(name)
            m.size, m.mode = len(data), mode
            t.addfile(m, io.BytesIO(data))


@pytest.fixture
def forms(programs, tmp_path):
    """SARIF and CycloneDX of a pair with odd names, as read by a strict reader."""
    packed(tmp_path / "old.tar", b"const a = 1;\n// ", b'{"name":"@a/b c","version":"1.0 x","license":"MIT OR (x"}')
    packed(tmp_path / "new.tar", b"const h = require('https'), c = require('child_process');\n// ",
           b'{"name":"@a/b c","version":"1.1 \\u0001","license":"GPL-3.0+\\n","scripts":{"postinstall":"node x.js"}}')
    run = subprocess.run([os.path.join(programs, "turncoat"), "diff", "old.tar", "new.tar", "--sarif", "r.sarif", "--sbom", "r.cdx.json"],
                         cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert run.returncode == 1, run.stderr

    def unique(pairs):
        assert len({k for k, _ in pairs}) == len(pairs), "a key stands twice"
        return dict(pairs)

    return [json.loads((tmp_path / name).read_bytes().decode("utf-8"), object_pairs_hook=unique) for name in ("r.sarif", "r.cdx.json")]


def test_sarif(forms):
    log = forms[0]
    assert log["version"] == "2.1.0" and "2.1.0" in log["$schema"]
    (run,) = log["runs"]
    rules = [r["id"] for r in run["tool"]["driver"]["rules"]]
    assert len(set(rules)) == len(rules) and len(run["results"]) > 3
    for r in run["results"]:
        assert rules[r["ruleIndex"]] == r["ruleId"] and r["level"] in LEVELS and r["baselineState"] in STATES
        assert r["message"]["text"] and all(isinstance(v, str) for v in r["partialFingerprints"].values())
        for place in r["locations"]:
            physical = place["physicalLocation"]
            assert URI.fullmatch(physical["artifactLocation"]["uri"]), physical
            assert physical.get("region", {}).get("byteOffset", 0) >= 0
            assert physical.get("region", {"byteOffset": 0}), "an empty region says nothing"
    prints = [json.dumps(r["partialFingerprints"], sort_keys=True) for r in run["results"]]
    assert len(set(prints)) == len(prints), "two results are taken for one"


def components(of):
    for c in of:
        yield c
        yield from components(c.get("components", []))


def test_cyclonedx(forms):
    bom = forms[1]
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.5") and isinstance(bom["version"], int)
    assert SERIAL.fullmatch(bom["serialNumber"])
    every = list(components(bom["components"]))
    refs = [c["bom-ref"] for c in every]
    assert len(set(refs)) == len(refs) and len(refs) > 2 * len(NAMES)
    for c in every:
        assert c["type"] in TYPES and c["name"]
        for h in c.get("hashes", []):
            assert re.fullmatch("[0-9a-f]{%d}" % HEX[h["alg"]], h["content"])
        for licence in c.get("licenses", []):
            assert set(licence) in ({"license"}, {"expression"}), licence
        told = {p["name"]: p["value"] for p in c.get("properties", [])}
        assert all(isinstance(v, str) for v in told.values())
        assert told.get("turncoat:counterpart", refs[0]) in refs
    for d in bom.get("dependencies", []):
        assert {d["ref"], *d.get("dependsOn", [])} <= set(refs)
