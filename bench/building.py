# SPDX-License-Identifier: Apache-2.0
"""A real compile: a Debian source package, configured once, then made anew in each round.

Owns: unpacking, configuring, `make` as the load's user in the sensed cgroup. Must not own: where the source is from (source.py).
"""
import os
import time

import source

PACKAGE = "openssl"  # builds with what tools/packages.txt has; a minute to one and a half on two processors
TREE = "/srv/bench/compile"


class Compile:
    name = "compile"
    what = "exec"
    token = None
    throughput = False
    drain = 1.5

    def __init__(self, quick):
        self.target = "libssl.a" if quick else "build_programs"
        self.title = f"make -j2 {self.target} of {PACKAGE}"

    def prepare(self, bench):
        archive = source.fetch(PACKAGE, os.path.join(bench.args.build, "bench"))
        bench.root.mkdir(TREE, user=True)
        bench.root.copy_in(archive, TREE)
        self._sh(bench, f"tar -xf {os.path.basename(archive)} --strip-components=1; ./config no-tests no-shared >/dev/null")

    def _sh(self, bench, text):
        return bench.root.run(["/bin/sh", "-ec", f"cd {TREE}; {text}"], user=True, timeout=900)

    def begin(self, bench):
        self._sh(bench, "make -s clean >/dev/null 2>&1")

    def end(self, bench):
        pass

    def run(self, bench, watcher):
        began = time.monotonic_ns()
        self._sh(bench, f"make -s -j2 build_generated >/dev/null 2>&1; make -s -j2 {self.target} >/dev/null 2>&1")
        spent = time.monotonic_ns() - began
        return {"value": spent, "made": 1, "wall_ns": spent}
