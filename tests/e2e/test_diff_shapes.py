# SPDX-License-Identifier: Apache-2.0
"""The shapes of known cases, rebuilt harmlessly: is each at least suspicious, and is the same release without it left alone? Nothing
is run; libraries hold a few made-up functions, sources are made-up text."""
import base64
import io
import json
import os
import subprocess
import sys
import tarfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from fixtures.macho import Macho, fat, random_bytes  # noqa: E402
from fixtures.nested import MissingTool, run  # noqa: E402

# ---- xz: a compression library gains a resolver that runs while it is linked, and what it takes to hook others ----

LIBRARY_C = """
unsigned checksum(const unsigned char *p, unsigned n) { unsigned s = %d; for (unsigned i = 0; i < n; i++) s = s * 31 + p[i]; return s; }
int stream_code(void *s) { return s != 0; }
"""
RESOLVER_C = """
#include <dlfcn.h>
static int plain(void) { return 0; }
static int (*choose(void))(void) { return plain; }
int stream_crc(void) __attribute__((ifunc("choose")));
const unsigned char table[32768] = {%s};
void *stream_extend(void) { return dlopen("/usr/lib/x86_64-linux-gnu/libstream-extra.so", RTLD_NOW); }
"""


def library(folder, version, turned):
    source, out = os.path.join(folder, "library.c"), os.path.join(folder, f"libstream.so.5.6.{version}")
    with open(source, "w") as f:
        f.write(LIBRARY_C % version)
        if turned:
            f.write(RESOLVER_C % ",".join(str(b) for b in random_bytes(32768, seed=56)))
    run("cc", "-shared", "-fPIC", "-O1", "-Wl,-soname,libstream.so.5", "-o", out, source)
    os.unlink(source)
    return out


# ---- event-stream: a package gains an obfuscated dependency and a script that runs on installation ----

INDEX_JS = """'use strict';
// version %s
const through = require('through');
exports.split = function (stream) { return stream.pipe(through(function (line) { this.queue(line); })); };
"""


def obfuscated():
    texts = [base64.b64encode(random_bytes(24, seed=i)).decode() for i in range(60)]
    table = ",".join("'%s'" % t for t in texts)
    body = "".join("_0x%04x=_0x1f2b(0x%x)^_0x%04x;" % (0x2000 + i, i, 0x1000 + i) for i in range(200))
    return ("var _0x4c1d=[%s];function _0x1f2b(_0x1a){return atob(_0x4c1d[_0x1a]);}%s"
            "eval(_0x1f2b(0x0)+_0x1f2b(0x1));\n" % (table, body))


def package(folder, version, turned):
    told = {"name": "stream-tools", "version": version, "main": "index.js", "dependencies": {"through": "~2.3.1"}}
    files = {"index.js": INDEX_JS % version, "README.md": "stream tools %s\n" % version}
    if turned:
        told["dependencies"]["flat-map-stream"] = "^0.1.1"
        told["scripts"] = {"postinstall": "node node_modules/flat-map-stream/index.min.js"}
        files["node_modules/flat-map-stream/package.json"] = json.dumps({"name": "flat-map-stream", "version": "0.1.1"})
        files["node_modules/flat-map-stream/index.min.js"] = obfuscated()
    files["package.json"] = json.dumps(told, indent=2)
    out = os.path.join(folder, f"stream-tools-{version}.tgz")
    with tarfile.open(out, "w:gz") as t:
        for name, text in sorted(files.items()):
            info = tarfile.TarInfo("package/" + name)
            info.size = len(text)
            t.addfile(info, io.BytesIO(text.encode()))
    return out


# ---- a universal file for Macs of which one slice alone gained network calls ----


def universal(folder, version, turned):
    imports = ("_open", "_malloc", "_free") + (("_strlen",) if version > 1 else ())
    network = ("_socket", "_connect", "_getaddrinfo", "_send", "_recv") if turned else ()
    slices = [("x86_64", Macho(arch="x86_64", imports=imports + network, text=9000).build()),
              ("arm64", Macho(arch="arm64", imports=imports, text=9000 + 16 * version).build())]
    out = os.path.join(folder, f"libmedia.{version}.dylib")
    with open(out, "wb") as f:
        f.write(fat(slices))
    return out


SHAPES = {"xz": (library, 0, 1), "event-stream": (package, "3.3.5", "3.3.6"), "universal": (universal, 1, 2)}
NAMED = {"xz": {"diff.elf-ifunc", "diff.elf-hooked-loading"}, "event-stream": {"diff.lifecycle-script"},
         "universal": {"diff.one-slice"}}


@pytest.fixture(params=sorted(SHAPES))
def shape(request, programs, tmp_path):
    make, before, after = SHAPES[request.param]

    def ask(turned):
        folders = [os.path.join(str(tmp_path), str(turned), n) for n in ("old", "new")]
        for f in folders:
            os.makedirs(f)
        try:
            paths = make(folders[0], before, False), make(folders[1], after, turned)
        except MissingTool as e:
            pytest.skip(str(e))
        done = subprocess.run([os.path.join(programs, "turncoat"), "diff", "--json", *paths], capture_output=True, text=True,
                              timeout=60)
        assert done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout)

    return request.param, ask


def shown(result):
    return result["verdict"], result["score"], [(c["path"], f["check"], f["score"]) for c in result["changes"] for f in c["findings"]]


def test_it_is_at_least_suspicious_and_named(shape):
    name, ask = shape
    result = ask(True)
    assert result["verdict"] in ("suspicious", "malicious"), shown(result)
    assert {f["check"] for c in result["changes"] for f in c["findings"]} & NAMED[name], shown(result)


def test_the_same_release_without_it_is_left_alone(shape):
    result = shape[1](False)
    assert result["verdict"] in ("clean", "note"), shown(result)
