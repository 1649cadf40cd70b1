# SPDX-License-Identifier: Apache-2.0
"""Is what is blocked refused, whichever way it is started or loaded, and nothing else?

The files are the private root's own; the holder is block-probe, which carries out the act "block" and nothing else.
"""
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sensor_client  # noqa: E402
from private_root import UNDER_TEST, NoPrivateRoot, PrivateRoot  # noqa: E402

LIVE = os.path.dirname(os.path.abspath(sensor_client.PROBE))
BIN = os.environ.get("TRN_PROGRAMS") or os.path.join(LIVE, "..", "..", "bin")
BAD, OTHER, LIBRARY, SCRIPT = "/srv/bad", "/srv/other", "/srv/library.so", "/srv/script"


class Holder:
    def __init__(self, root, *options, gate=True):
        self.root = root
        options = [*options, *(["--gate", root.scope] if gate else [])]
        self.proc = root.popen(
            ["block-probe", *options],
            scope=False,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        ready = json.loads(self.proc.stdout.readline())
        self.pid = ready["ready"]
        if not self.pid:
            self.close()
            pytest.skip(f"the gate cannot be opened here: {ready.get('message')}")

    def ask(self, line):
        self.proc.stdin.write(line + "\n")
        return json.loads(self.proc.stdout.readline())

    def do(self, line):
        answer = self.ask(line)
        assert answer["result"] == "ok", (line, answer)
        return answer.get("said", "")

    def close(self):
        self.proc.stdin.close()
        self.proc.wait(timeout=20)
        self.proc.stdout.close()
        self.proc.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    programs = tmp_path_factory.mktemp("programs")
    for source in (f"{LIVE}/block-probe", f"{LIVE}/uring-open", f"{LIVE}/block-tries", f"{BIN}/turncoat-guard"):
        if not os.path.exists(source):
            pytest.skip(f"no '{source}': build first")
        shutil.copy(source, programs)
    try:
        with PrivateRoot(programs=str(programs)) as r:
            r.run(["sh", "-c", f"cp /usr/bin/true {BAD}; cp /usr/bin/true {OTHER}; printf x >> {OTHER}"])
            r.run(["sh", "-c", f"cp /lib/*/libcap.so.2 {LIBRARY} || cp /lib/*/libz.so.1 {LIBRARY}"])
            r.write(SCRIPT, "#!/bin/sh\nexit 0\n", mode=0o755)
            r.mkdir("/protected")
            r.run(["mount", "-t", "tmpfs", "protected", "/protected"])
            yield r
    except NoPrivateRoot as e:
        pytest.skip(str(e))


def code(root, *argv, **rest):
    """Exit code; of a shell where the command itself is refused."""
    return root.run(["sh", "-c", '"$@" 2>/dev/null', "sh", *argv], check=False, **rest).returncode


def tries(root, *argv):
    """How an attempt of block-tries ended: 'ran', 'refused' (EPERM) or 'killed'."""
    done = root.run(["block-tries", *argv], check=False)
    assert done.returncode == 0, done
    return done.stdout.strip()


@pytest.fixture(scope="module")
def loader(root):
    return root.run(["sh", "-c", "ls /lib*/ld-linux* | head -n 1"]).stdout.strip()
