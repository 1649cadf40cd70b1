# SPDX-License-Identifier: Apache-2.0
"""Question: does a package that makes the gate fail, hang or give up let another one through that was refused; and is said what
could not be looked at? apt's words are the test's, the old side is a kept package. Inert: made-up bytes, nothing of it is run."""
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from fixtures import rehearsal  # noqa: E402
from fixtures.pe import Pe  # noqa: E402

if not shutil.which("dpkg-deb"):
    pytest.skip("no dpkg-deb here", allow_module_level=True)

HEAD = "VERSION 3\nAPT::Architecture=amd64\n\n"


class Gate:
    def __init__(self, programs, folder):
        self.program, self.folder, self.state = os.path.join(programs, "turncoat"), str(folder), str(folder / "state")
        self.config = str(folder / "gate.conf")
        self.settings("deadline 30s")

    def settings(self, text, mode=0o600):
        with open(self.config, "w") as f:
            f.write(text + "\n")
        os.chmod(self.config, mode)

    def package(self, version, files, name="acme"):
        tree = os.path.join(self.folder, "tree")
        control = f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Acme <a@acme.test>\nDescription: made up\n"
        for path, data in {**files, "DEBIAN/control": control.encode()}.items():
            os.makedirs(os.path.dirname(os.path.join(tree, path)), exist_ok=True)
            with open(os.path.join(tree, path), "wb") as f:
                f.write(data)
        out = os.path.join(self.folder, f"{name}_{version}_all.deb")
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-b", tree, out], check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(tree)
        return out

    def keep(self, file, name="acme"):
        folder = f"{self.state}-gate/kept/{name}"
        os.makedirs(folder, mode=0o700)
        for at in f"{self.state}-gate", f"{self.state}-gate/kept":
            os.chmod(at, 0o700)
        shutil.copy(file, folder + "/1.0_all.deb")
        os.chmod(folder + "/1.0_all.deb", 0o600)

    def begin(self):
        return subprocess.Popen([self.program, "--state", self.state, "gate", "apt", "--config", self.config],
                                stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ask(self, *files, name="acme"):
        p = self.begin()
        said = p.communicate(HEAD + "".join(self.line(f, name) for f in files), timeout=60)[1]
        return p.returncode, said

    @staticmethod
    def line(file, name="acme"):
        return f"{name} 1.0 all none < 1.1 all none {file}\n"


def files(version, turned):
    out = {"opt/codec.dll": rehearsal.codec(version, turned), "opt/icon.ico": rehearsal.icon(turned),
           "opt/package.json": rehearsal.package_json(version, turned)}
    return {**out, "opt/setup.js": rehearsal.SETUP_JS} if turned else out


@pytest.fixture
def gate(programs, tmp_path):
    g = Gate(programs, tmp_path)
    g.keep(g.package("1.0", files("1.0", False)))
    return g


def hole(gate, size):
    path = os.path.join(gate.folder, "hole.deb")
    with open(path, "wb") as f:
        f.truncate(size)
    return path


def test_a_file_with_a_hole_of_terabytes_takes_no_time_of_the_others(gate):
    turned, begun = gate.package("1.1", files("1.1", True)), time.monotonic()
    code, said = gate.ask(hole(gate, 1 << 42), turned)
    assert code == 1 and "acme 1.1 is refused" in said and "is not judged" in said, said
    assert time.monotonic() - begun < 20


def test_what_was_refused_is_refused_also_when_the_gate_ends_behind_it(gate):
    turned = gate.package("1.1", files("1.1", True))
    assert gate.ask(turned)[0] == 1  # known from here on, so told at once
    p = gate.begin()
    p.stdin.write(HEAD + gate.line(turned) + gate.line(hole(gate, 4 << 30)) * 20)
    p.stdin.close()
    assert "is refused" in p.stderr.readline()
    with open(f"/proc/{p.pid}/task/{p.pid}/children") as f:
        os.kill(int(f.read().split()[0]), signal.SIGKILL)
    said = p.stderr.read()
    assert p.wait(30) == 1 and "nothing is unpacked, for what it refused before" in said, said


def test_what_could_not_be_looked_at_is_said(gate):
    def crowded(functions):
        many = {"AMANY.dll": [f"f{i:05}" for i in range(9000)], "KERNEL32.dll": functions}
        return Pe(dll=True, imports=many, exports={"x": 0x1000}, name="codec.dll").build()
    old = gate.package("1.0", {"opt/codec.dll": crowded(["HeapAlloc"])}, name="crowd")
    gate.keep(old, name="crowd")
    code, said = gate.ask(gate.package("1.1", {"opt/codec.dll": crowded(["HeapAlloc", "ReadFile"])}, name="crowd"), name="crowd")
    assert code == 0 and "as far as it could be looked at" in said, said


def test_settings_that_others_may_write_do_not_switch_it_off(gate):
    gate.settings("deadline 1ms\npackage-deadline 1ms", mode=0o666)
    code, said = gate.ask(gate.package("1.1", files("1.1", True)))
    assert code == 1 and "others than root may write them" in said, said
