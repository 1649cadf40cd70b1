# SPDX-License-Identifier: Apache-2.0
"""The rehearsal's stage: a private root with local packages, loopback servers, a fake browser profile, and turncoat.

Owns: what is prepared and in which order; starting turncoatd and asking turncoat inside.
Must not own: what is expected of it (demo.py, the tests).
"""
import json
import os
import sqlite3
import subprocess
import tempfile
import time

import build_packages

STATE = "/var/lib/turncoat"
SCRATCH = "/tmp/acme-rehearsal"
HERE = os.path.dirname(os.path.abspath(__file__))
FIREFOX = "/home/alice/.mozilla/firefox/fake0000.default-release"
CHROMIUM = "/home/alice/.config/chromium/Default"
NOTE = "made up for the rehearsal"


def _database(statements):
    with tempfile.NamedTemporaryFile(suffix=".sqlite") as f:
        db = sqlite3.connect(f.name)
        for statement in statements:
            db.execute(statement)
        db.commit()
        db.close()
        with open(f.name, "rb") as whole:
            return whole.read()


def fake_profiles(root):
    """A Firefox and a Chromium profile of nobody: right names and shapes, made-up content."""
    logins = {"nextId": 2, "logins": [{"id": 1, "hostname": "https://mail.acme.test", "encryptedPassword": NOTE}]}
    history = [
        "CREATE TABLE urls(id INTEGER PRIMARY KEY, url TEXT, title TEXT, last_visit_time INTEGER)",
        f"INSERT INTO urls VALUES(1, 'https://intranet.acme.test/', '{NOTE}', 0)",
    ]
    files = {
        FIREFOX
        + "/places.sqlite": _database(
            [
                "CREATE TABLE moz_places(id INTEGER PRIMARY KEY, url TEXT, title TEXT)",
                f"INSERT INTO moz_places VALUES(1, 'https://intranet.acme.test/', '{NOTE}')",
            ]
        ),
        FIREFOX
        + "/cookies.sqlite": _database(["CREATE TABLE moz_cookies(id INTEGER PRIMARY KEY, name TEXT, value TEXT)"]),
        FIREFOX + "/logins.json": json.dumps(logins),
        FIREFOX + "/key4.db": _database(["CREATE TABLE metaData(id PRIMARY KEY, item1)"]),
        CHROMIUM + "/History": _database(history),
        CHROMIUM
        + "/Login Data": _database(
            [
                "CREATE TABLE logins(origin_url TEXT, username_value TEXT, password_value BLOB)",
                f"INSERT INTO logins VALUES('https://mail.acme.test', 'alice', '{NOTE}')",
            ]
        ),
        CHROMIUM + "/Cookies": _database(["CREATE TABLE cookies(name TEXT, value TEXT)"]),
    }
    for path, data in files.items():
        root.write(path, data, user=True, mode=0o600)


def local_repository(root, folder):
    """Copies a folder of .deb files inside and makes apt use it, and nothing else."""
    build_packages.index(folder)
    for name in os.listdir(folder):
        if name.endswith(".deb") or name == "Packages":
            root.copy_in(os.path.join(folder, name), "/srv/repo")
    root.write("/etc/apt/sources.list", "deb [trusted=yes] file:/srv/repo ./\n")
    root.run(["apt-get", "-q", "update"], scope=False)


def start_servers(root, helper=None, seconds=120, www=None):
    root.copy_in(os.path.join(HERE, "servers.py"), "/srv/servers")
    argv = ["/usr/bin/python3", "-B", "/srv/servers/servers.py", "--seconds", str(seconds)]
    if helper:
        root.copy_in(helper, "/srv/servers")
        argv += ["--helper", "/srv/servers/" + os.path.basename(helper)]
    if www:
        argv += ["--www", www]
    servers = root.popen(argv, scope=False, stdout=subprocess.PIPE, text=True)
    if servers.stdout.readline() != "ready\n":
        raise AssertionError("the loopback servers did not start")
    return servers


def prepare(root):
    """Everything of the rehearsal but turncoat. Returns the servers' process."""
    with tempfile.TemporaryDirectory(prefix="acme-packages.") as folder:
        build_packages.build(folder)
        local_repository(root, folder)
        servers = start_servers(root, helper=os.path.join(folder, "helper"))
    root.mkdir(SCRATCH, user=True)
    fake_profiles(root)
    return servers


def install(root, version):
    """As the nightly update of a desktop would: apt, no terminal."""
    root.run(["apt-get", "-q", "-y", "install", f"acme-softphone={version}"])


def run_softphone(root, seconds):
    """As the desktop starts it: as alice, no terminal, no shell in between."""
    return root.run(["/opt/acme-softphone/bin/acme-softphone", str(seconds)], user=True, timeout=45).stdout


class Turncoat:
    """turncoatd inside a private root, sensing the root's scope; and the command line beside it."""

    def __init__(self, root, ready_within=30, place=False, options=()):
        self.root = root
        self.log = "/var/log/turncoatd.log"
        self.daemon = root.popen(
            [
                "/bin/sh",
                "-c",
                f'exec turncoatd "$@" >{self.log} 2>&1',
                "sh",
                "--scope-cgroup",
                root.scope,
                "--state",
                STATE,
                *options,
            ],
            scope=place,
        )
        self._await_ready(ready_within)

    def _await_ready(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.daemon.poll() is not None:
                raise AssertionError(f"turncoatd ended with {self.daemon.returncode}\n{self.words()}")
            answer = self.root.run(["turncoat", "status", "--json", "--state", STATE], scope=False, check=False)
            if answer.returncode == 0 and json.loads(answer.stdout).get("ready"):
                return
            time.sleep(0.1)
        raise AssertionError(f"turncoatd is not ready after {seconds} s\n{answer.stderr}{self.words()}")

    def words(self):
        """What turncoatd said, the end of it: shown when something failed."""
        path = self.root.host_path(self.log)
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8", errors="backslashreplace") as f:
            return f.read()[-6000:]

    def ask(self, *argv, ok=(0, 1)):
        answer = self.root.run(["turncoat", *argv, "--state", STATE], scope=False, check=False)
        if answer.returncode not in ok:
            raise AssertionError(
                f"turncoat {' '.join(argv)} ended with {answer.returncode}\n{answer.stderr}{self.words()}"
            )
        return answer.stdout

    def stories(self, *more):
        return json.loads(self.ask("stories", "--json", *more))

    def settle(self):
        """Until all that happened before this call is in the store, and told.

        Starts one program, waits to find it there, and does so again after a pause: quiet news of a story, such as the
        bytes of a closed connection, is told at most once a second.
        """
        self._marker()
        time.sleep(1.1)
        self._marker()

    def _marker(self, seconds=15):
        marker = self.root.popen(["/usr/bin/true"])
        marker.wait()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.seen(f"pid={marker.pid} type=exit"):
                return
            time.sleep(0.1)
        raise AssertionError(f"the marker's end (pid {marker.pid}) was not recorded within {seconds} s\n{self.words()}")

    def seen(self, expression):
        """The recorded events that a hunt finds."""
        return json.loads(self.ask("hunt", "--json", expression))

    def replay(self):
        """The stories that the recorded log gives, by id, and the summary line."""
        logs = self.root.run(["find", STATE + "/log", "-type", "f"], scope=False).stdout.split()
        stories, summary = {}, None
        for line in self.ask("replay", "--json", *sorted(logs)).splitlines():
            row = json.loads(line)
            if row["type"] == "story":
                story = row.get("story", row)
                stories[story["id"]] = {key: value for key, value in story.items() if key != "type"}
            elif row["type"] == "summary":
                summary = row
        return stories, summary

    def stop(self):
        self.daemon.terminate()
        try:
            return self.daemon.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()
            raise AssertionError(f"turncoatd did not end on SIGTERM within 10 s\n{self.words()}") from None
