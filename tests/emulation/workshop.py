# SPDX-License-Identifier: Apache-2.0
"""What an honest developer's day is made of: a git project with a configure script, a Python sdist, an npm project.

Owns: the content of these projects, made fresh in a private root. All of it builds and runs code that came over the
(loopback) network, as such days do.
"""
import base64
import hashlib
import io
import json
import subprocess
import tarfile

GIT_ADDRESS = "127.0.0.10"
WWW = "/srv/www"

CONFIGURE = """#!/bin/sh
# A hand-written relative of what autoconf makes: tries the compiler, runs what it built, fills in the Makefile.
set -e
echo "checking for a C compiler that works"
cat >conftest.c <<X
int main(void) { return 0; }
X
${CC-cc} -o conftest conftest.c
./conftest
rm -f conftest conftest.c
echo "checking host: $(uname -m)"
sed "s/@CC@/${CC-cc}/" Makefile.in >Makefile
echo "creating Makefile"
"""
MAKEFILE = "all: gen prog\ngen: gen.c\n\t@CC@ -o gen gen.c\nprog.h: gen\n\t./gen >prog.h\nprog: prog.c prog.h\n\t@CC@ -o prog prog.c\n"
GEN = '#include <stdio.h>\nint main(void) { puts("#define GREETING \\"built here\\""); return 0; }\n'
PROG = '#include <stdio.h>\n#include "prog.h"\nint main(void) { puts(GREETING); return 0; }\n'
TOOL = '#include <stdio.h>\nint main(void) { puts("native tool ran"); return 0; }\n'

SETUP = """import subprocess, sys
from setuptools import setup
subprocess.run([sys.executable, "helper.py"], check=True)
subprocess.run(["sh", "probe.sh"], check=True)
setup(name="honest-tool", version="1.0", py_modules=["honest_tool"],
      entry_points={"console_scripts": ["honest-tool=honest_tool:main"]})
"""
HONEST_TOOL = "def main():\n    print('honest tool ran')\n"


def tarball(top, files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, (data, mode) in files.items():
            data = data.encode() if isinstance(data, str) else data
            info = tarfile.TarInfo(f"{top}/{name}")
            info.size, info.mode = len(data), mode
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def git_project(root):
    """A repository behind a git daemon on loopback; returns the daemon's process."""
    for name, text, mode in (
        ("configure", CONFIGURE, 0o755),
        ("Makefile.in", MAKEFILE, 0o644),
        ("gen.c", GEN, 0o644),
        ("prog.c", PROG, 0o644),
    ):
        root.write(f"/srv/git/prog/{name}", text, mode=mode)
    git = ["git", "-C", "/srv/git/prog", "-c", "user.name=dev", "-c", "user.email=dev@acme.test"]
    for argv in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "prog"]):
        root.run([*git, *argv], scope=False)
    daemon = root.popen(
        ["git", "daemon", "--reuseaddr", f"--listen={GIT_ADDRESS}", "--base-path=/srv/git", "--export-all", "/srv/git"],
        scope=False, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    root.run(
        [
            "sh",
            "-c",
            f"for i in $(seq 50); do git ls-remote -q git://{GIT_ADDRESS}/prog && exit 0; sleep 0.1; done; exit 1",
        ],
        scope=False,
    )
    return daemon


def python_sdist(root):
    files = {
        "setup.py": (SETUP, 0o644),
        "honest_tool.py": (HONEST_TOOL, 0o644),
        "helper.py": ("print('helper of setup.py ran')\n", 0o644),
        "probe.sh": ("#!/bin/sh\nuname -m\n", 0o755),
        "PKG-INFO": ("Metadata-Version: 2.1\nName: honest-tool\nVersion: 1.0\n", 0o644),
    }
    root.write(WWW + "/honest-tool-1.0.tar.gz", tarball("honest-tool-1.0", files))


def npm_project(root):
    """alice's project with one dependency: fetched over http, with a native program and a postinstall script."""
    root.write("/tmp/tool.c", TOOL)
    root.run(["gcc", "-o", "/tmp/tool", "/tmp/tool.c"], scope=False)
    manifest = {
        "name": "honest-dep",
        "version": "1.0.0",
        "bin": {"honest-dep": "index.js"},
        "scripts": {"postinstall": "node install.js"},
    }
    install = "const { execFileSync } = require('child_process');\nrequire('fs').writeFileSync('installed', execFileSync('./tool'));\n"
    package = tarball(
        "package",
        {
            "package.json": (json.dumps(manifest), 0o644),
            "index.js": ("#!/usr/bin/env node\nconsole.log('honest dep ran');\n", 0o755),
            "install.js": (install, 0o644),
            "tool": (root.read("/tmp/tool"), 0o755),
        },
    )
    root.write(WWW + "/honest-dep-1.0.0.tgz", package)
    where = "http://127.0.0.8/honest-dep-1.0.0.tgz"
    entry = {
        "version": "1.0.0",
        "resolved": where,
        "integrity": "sha512-" + base64.b64encode(hashlib.sha512(package).digest()).decode(),
        "hasInstallScript": True,
        "bin": {"honest-dep": "index.js"},
    }
    project = {"name": "site", "version": "1.0.0", "dependencies": {"honest-dep": where}}
    lock = {
        "name": "site",
        "version": "1.0.0",
        "lockfileVersion": 3,
        "requires": True,
        "packages": {"": project, "node_modules/honest-dep": entry},
    }
    root.write("/home/alice/site/package.json", json.dumps(project), user=True)
    root.write("/home/alice/site/package-lock.json", json.dumps(lock), user=True)


def everything(root):
    git = git_project(root)
    python_sdist(root)
    npm_project(root)
    root.write(WWW + "/notes.txt", "plain text\n")
    return git
