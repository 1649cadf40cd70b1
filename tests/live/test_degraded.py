# SPDX-License-Identifier: Apache-2.0
"""Is what does not work said aloud, in the first line of status, and does the rest go on?"""
import json
import time

from rehearsal import STATE


def status(root, *more):
    return root.run(["turncoat", "status", *more], scope=False, check=False)


def start(root, *prefix):
    daemon = root.popen([*prefix, "turncoatd", "--scope-cgroup", root.scope, "--state", STATE], scope=False, stderr=-1)
    deadline = time.monotonic() + 30  # each program that is refused is one more load
    while time.monotonic() < deadline:
        answer = status(root, "--json")
        if answer.returncode == 0 and json.loads(answer.stdout)["ready"]:
            return daemon
        time.sleep(0.1)
    daemon.kill()
    raise AssertionError("turncoatd is not ready")


def test_hooks_that_the_kernel_refuses(private_root):
    daemon = start(private_root, "setpriv", "--bounding-set", "-sys_admin,-net_admin")
    hooks = {h["name"]: h for h in json.loads(status(private_root, "--json").stdout)["hooks"]}
    for name in ("file.marks", "file.sensitive"):
        assert hooks[name]["state"] == "off" and "EPERM" in hooks[name]["reason"]
    assert hooks["process.exec"]["state"] == "on"
    assert "DEGRADED: " in status(private_root).stdout.splitlines()[0]
    daemon.terminate()
    daemon.communicate(timeout=20)


def test_bad_lines_of_indicator_files_are_told_by_number_and_the_rest_works(private_root):
    lines = ["type,value"] + [f"ip,10.66.0.{i}x" for i in range(20)] + ["ip,10.66.0.5"]
    private_root.write("/etc/turncoat/indicators/a.csv", "\n".join(lines))
    bundle = {"type": "bundle", "objects": [{"type": "indicator", "pattern_type": "stix", "pattern": "[broken"}]}
    private_root.write("/etc/turncoat/indicators/b.json", json.dumps(bundle, indent=1))
    daemon = start(private_root)
    told = json.loads(status(private_root, "--json").stdout)["indicators"]
    assert (told["count"], told["bad"]) == (1, 21)
    assert "DEGRADED" not in status(private_root).stdout.splitlines()[0]
    daemon.terminate()
    said = daemon.communicate(timeout=20)[1].decode()
    assert all(f"'/etc/turncoat/indicators/a.csv', line {n}: " in said for n in range(2, 22)), said
    assert "'/etc/turncoat/indicators/b.json', object 1: " in said


def test_a_kernel_without_btf(private_root):
    """The kernel's type information is hidden by a mount in the test's own mount namespace."""
    hide = ["/bin/sh", "-c", 'mount -t tmpfs none /sys/kernel/btf && exec "$@"', "sh"]
    daemon = start(private_root, *hide)
    answer = status(private_root)
    hooks = {h["name"]: h for h in json.loads(status(private_root, "--json").stdout)["hooks"]}
    assert hooks["process.exec"]["state"] == "off" and "no BTF" in hooks["process.exec"]["reason"]
    assert hooks["file.marks"]["state"] == "on", "what needs no BPF goes on"
    assert "DEGRADED: " in answer.stdout.splitlines()[0]
    private_root.run(["umount", "/sys/kernel/btf"], scope=False)
    daemon.terminate()
    assert b"degraded: process.exec is off" in daemon.communicate(timeout=20)[1]
