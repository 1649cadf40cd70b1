# SPDX-License-Identifier: Apache-2.0
"""Is it told when a program writes, links or moves a file to a place that starts things, and is an installation not?

The programs are copies of cp, ln and mv of no package, the places are those of a private root, and what is put there starts nothing.
"""
import pytest
from private_root import NoPrivateRoot, PrivateRoot
from rehearsal import Turncoat

CHECK = "behaviour.persistence"
POSTINST = "#!/bin/sh\nln -sf /usr/lib/systemd/system/acme.service /etc/systemd/system/multi-user.target.wants/acme.service\n"


def findings(turncoat):
    turncoat.settle()
    return [
        finding
        for story in turncoat.stories("--all")
        for stage in story["stages"]
        for finding in stage["findings"]
        if finding["check"] == CHECK
    ]


def of(turncoat, name):
    return [f for f in findings(turncoat) if f["software"]["name"] == name]


@pytest.fixture(scope="module")
def watched(programs):
    try:
        with PrivateRoot(programs=programs) as root:
            for place in ("/opt/acme", "/etc/cron.d", "/etc/systemd/system/multi-user.target.wants", "/etc/profile.d"):
                root.mkdir(place)
            root.mkdir("/home/alice/.config/autostart", user=True)
            root.write("/opt/acme/inert", "# starts nothing\n")
            for name in ("cp", "ln", "mv"):
                for copy in ("a", "b"):
                    root.run(["cp", f"/usr/bin/{name}", f"/opt/acme/acme-{name}-{copy}"], scope=False)
            turncoat = Turncoat(root)
            yield root, turncoat
            turncoat.stop()
    except NoPrivateRoot as e:
        pytest.skip(str(e))


@pytest.mark.parametrize(
    "program, argv, path, starts",
    [
        ("acme-cp-a", ["/opt/acme/inert"], "/etc/cron.d/acme", "starts at set times"),
        ("acme-cp-b", ["/dev/null"], "/etc/ld.so.preload", "loaded into every program"),
        ("acme-ln-a", ["-s", "/opt/acme/inert"], "/etc/systemd/system/multi-user.target.wants/acme-a.service",
         "starts with the machine"),
        ("acme-ln-b", ["/opt/acme/inert"], "/etc/profile.d/acme.sh", "runs with every shell"),
        ("acme-mv-a", ["/opt/acme/moved"], "/home/alice/.config/autostart/other.desktop", "starts at login"),
    ],
)  # fmt: skip
def test_a_file_in_a_place_that_starts_things(watched, program, argv, path, starts):
    root, turncoat = watched
    root.write("/opt/acme/moved", "# starts nothing\n")
    root.run([f"/opt/acme/{program}", *argv, path])
    (finding,) = of(turncoat, program)
    assert finding["evidence"]["path"] == path and finding["evidence"]["starts"] == starts
    assert finding["evidence"]["program"] == f"/opt/acme/{program}"
    assert finding["events"] and finding["score"] == 20  # of no package, and nothing is known above it


def test_a_package_with_a_service_is_not_told(watched):
    root, turncoat = watched
    before = findings(turncoat)
    root.write(
        "/tmp/acme/DEBIAN/control",
        "Package: acme\nVersion: 1\nArchitecture: all\nMaintainer: t <t@acme.test>\nDescription: t\n",
    )
    root.write("/tmp/acme/DEBIAN/postinst", POSTINST, mode=0o755)
    root.write("/tmp/acme/usr/lib/systemd/system/acme.service", "[Unit]\nDescription=starts nothing\n")
    root.write("/tmp/acme/etc/cron.d/acme-package", "# starts nothing\n")
    root.run(["dpkg-deb", "-b", "/tmp/acme", "/tmp/acme.deb"])
    root.run(["dpkg", "-i", "/tmp/acme.deb"])
    assert findings(turncoat) == before
    assert turncoat.seen("type=file path=/etc/systemd/system/multi-user.target.wants/acme.service")
    assert turncoat.seen("type=file path=/etc/cron.d/acme-package")


def test_a_person_who_edits_a_start_file_is_not_told(watched):
    root, turncoat = watched
    before = findings(turncoat)
    script = "echo 'alias ll=ls' >> ~/.bashrc"
    code, output = root.run_in_terminal(["/bin/bash", "-c", script], timeout=30, user=True, cwd="/home/alice")
    assert code == 0, output
    assert findings(turncoat) == before
    assert turncoat.seen("type=file path=/home/alice/.bashrc")
