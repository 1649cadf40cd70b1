# SPDX-License-Identifier: Apache-2.0
"""Is software what dpkg's own database says, also where that database is in the middle of something?"""
import json
import os
import time

from rehearsal import Turncoat


def build(root, name, version, files, **scripts):
    folder = f"/srv/build/{name}-{version}"
    for path, content in files.items():
        root.write(folder + path, content, mode=0o755)
    for script, content in scripts.items():
        root.write(f"{folder}/DEBIAN/{script}", content, mode=0o755)
    control = f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@acme.test>\nDescription: a\n"
    root.write(folder + "/DEBIAN/control", control)
    root.run(["dpkg-deb", "--build", folder, f"/srv/{name}_{version}.deb"], scope=False)
    return f"/srv/{name}_{version}.deb"


def software(root, name):
    return json.loads(root.run(["turncoat", "software", name, "--json"], scope=False, check=False).stdout or "[]")


def test_a_package_whose_installation_was_killed_has_the_version_that_lies_there(private_root):
    with open("/usr/bin/sleep", "rb") as f:
        program = f.read()
    old = build(private_root, "acme-tool", "1.0", {"/usr/bin/acme-tool": program})
    killer = "#!/bin/sh\nkill -9 $PPID\n"
    new = build(private_root, "acme-tool", "1.1", {"/usr/bin/acme-tool": program + b"1.1"}, postinst=killer)
    daemon = Turncoat(private_root)
    private_root.run(["dpkg", "-i", old], scope=False)
    assert private_root.run(["dpkg", "-i", new], scope=False, check=False).returncode == -9
    assert "Version: 1.1" in private_root.run(["dpkg", "-s", "acme-tool"], scope=False).stdout
    runs = private_root.popen(["/usr/bin/acme-tool", "60"])
    rows, deadline = [], time.monotonic() + 15
    while time.monotonic() < deadline and not (rows and rows[0]["version"] == "1.1" and rows[0]["running"]):
        time.sleep(0.2)  # the package database is read in the background
        rows = software(private_root, "acme-tool")
    runs.kill()
    runs.wait()
    assert [(r["version"], r["running"], r["modified"]) for r in rows] == [("1.1", 1, False)]
    daemon.stop()


def test_a_version_that_still_runs_after_its_update_is_listed(private_root):
    with open("/usr/bin/sleep", "rb") as f:
        program = f.read()
    packages = [build(private_root, "acme-tool", v, {"/usr/bin/acme-tool": program + v.encode()}) for v in ("1.0", "1.1")]
    private_root.run(["dpkg", "-i", packages[0]], scope=False)
    daemon = Turncoat(private_root)
    runs = private_root.popen(["/usr/bin/acme-tool", "60"])
    rows, deadline = [], time.monotonic() + 15
    while time.monotonic() < deadline and not (rows and rows[0]["running"]):
        time.sleep(0.2)
        rows = software(private_root, "acme-tool")
    private_root.run(["dpkg", "-i", packages[1]], scope=False)
    while time.monotonic() < deadline and len(rows) < 2:
        time.sleep(0.2)
        rows = software(private_root, "acme-tool")
    runs.kill()
    runs.wait()
    told = sorted((r["version"], r["state"], r["running"]) for r in rows)
    assert told == [("1.0", "running", 1), ("1.1", "installed", 0)]
    daemon.stop()


def test_a_script_and_a_program_of_a_venv_and_of_an_npm_package(private_root):
    private_root.run(["/usr/bin/python3", "-m", "venv", "--without-pip", "/srv/tools"])
    private_root.write("/srv/tools/bin/tool", "#!/srv/tools/bin/python3\nimport time\ntime.sleep(60)\n", mode=0o755)
    module = "/srv/app/node_modules/leftpad"
    private_root.write(module + "/package.json", '{"name": "leftpad", "version": "1.3.0"}')
    private_root.write(module + "/bin/pad", "#!/bin/sh\nsleep 60\n", mode=0o755)
    daemon = Turncoat(private_root)
    runs = [private_root.popen([p], user=True) for p in ("/srv/tools/bin/tool", module + "/bin/pad")]

    def told():
        rows = json.loads(private_root.run(["turncoat", "software", "--running", "--json"], scope=False).stdout)
        return {(r["name"], r["version"], r["origin"]) for r in rows}

    wanted, deadline = {("tools", None, "python"), ("leftpad", "1.3.0", "npm")}, time.monotonic() + 10
    while time.monotonic() < deadline and not wanted <= told():
        time.sleep(0.2)
    missing = wanted - told()
    for run in runs:
        run.kill()
        run.wait()
    assert not missing, told()
    daemon.stop()


LOADER = next(p for p in ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1") if os.path.exists(p))


def test_a_program_given_to_the_loader_is_its_package(private_root):
    """Also behind the loader's options, in a container, and with a library forced on it; hunts find all three."""
    with open("/usr/bin/sleep", "rb") as f:
        program = f.read()
    private_root.run(["dpkg", "-i", build(private_root, "acme-tool", "1.0", {"/usr/bin/acme-tool": program})], scope=False)
    daemon = Turncoat(private_root)
    options = ["--argv0", "sshd", "--library-path", "/srv/none", "--inhibit-cache"]
    runs = [
        private_root.popen([LOADER, "/usr/bin/acme-tool", "60"]),
        private_root.popen([LOADER, "--library-path", "/srv/none:" * 200, "/usr/bin/acme-tool", "62"]),  # the words are cut before the file: its mapping tells
        private_root.popen([LOADER, *options, "/usr/bin/acme-tool", "61"], env={"LD_PRELOAD": "/srv/none/x.so", "TOKEN": "s3cr3t"}, user=True),
    ]
    rows, deadline = [], time.monotonic() + 15
    while time.monotonic() < deadline and not (rows and rows[0]["running"] == 3):
        time.sleep(0.2)
        rows = software(private_root, "acme-tool")
    for run in runs:
        run.kill()
        run.wait()
    assert [(r["version"], r["running"], r["modified"]) for r in rows] == [("1.0", 3, False)]
    daemon.settle()

    def hunt(expr):
        return [e["process"] for e in json.loads(daemon.ask("hunt", expr, "--json"))]

    assert {p["args"][-1] for p in hunt("turncoat.image.script=/usr/bin/acme-tool type=exec")} == {"60", "61"}
    found = hunt("env=LD_PRELOAD=*")
    assert [p["args"][-1] for p in found] == ["61"] and found[0]["env_vars"] == ["LD_PRELOAD=/srv/none/x.so"]
    assert hunt("container=*") == [] and hunt("env=*s3cr3t*") == []
    daemon.stop()
