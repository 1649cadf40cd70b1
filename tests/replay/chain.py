# SPDX-License-Identifier: Apache-2.0
"""chain.py: an Electron-like product that people use every day, and the same product when it turns, for the replay proofs.

Owns: what the product ordinarily does (App.session), the eight steps of a turned release (Turned), replaying a play.
Must not own: how events look (play.py), what is expected (the tests).
"""
import json
import os
import subprocess
import tempfile

import pytest
from play import NS

STAGES = ("abnormal-load", "first-contact", "beacon", "second-stage", "collection", "exfiltration", "hands-on-keyboard",
          "persistence")
FIREFOX = ".mozilla/firefox/fake0000.default-release"
CHROMIUM = ".config/chromium/Default"
PRIVATE = (
    (f"{FIREFOX}/places.sqlite", f"{FIREFOX}/logins.json"),
    (f"{CHROMIUM}/Login Data", f"{CHROMIUM}/Cookies"),
    (f"{FIREFOX}/cookies.sqlite", ".ssh/id_ed25519", ".aws/credentials"),
    (f"{CHROMIUM}/History", f"{FIREFOX}/key4.db"),
)
RECON = ("/usr/bin/id", "/usr/bin/whoami", "/usr/bin/hostname", "/usr/bin/uname", "/usr/bin/ss", "/usr/bin/ps",
         "/usr/bin/ip", "/usr/bin/who", "/usr/bin/lsblk", "/usr/bin/df")
MEMFD, DELETED = 16, 32  # flags of an exec
VERDICTS = ("clean", "note", "suspicious", "malicious")


class App:
    """A packaged desktop program with helpers, own libraries, own hosts and weekly releases."""

    def __init__(self, host, name="acme-desk", site="acme.test", version="1.0", user="alice"):
        self.h, self.name, self.site, self.user = host, name, site, user
        self.root = f"/opt/{name}"
        self.main = f"{self.root}/{name}"
        self.home = f"/home/{user}"
        self.hosts = [f"api.{site}", f"push.{site}", f"telemetry.{site}"]
        self.children = []  # programs of the system that releases began to use: (path, arguments)
        self.libraries = [f"{self.root}/lib/libmedia.so", f"{self.root}/lib/libffmpeg.so"]
        self.version = version
        host.package(name, version, [self.main, f"{self.root}/crashpad", f"{self.root}/lib/"], signer=f"{name} vendor")

    def release(self, version):
        """apt-daily of the machine brings the new version; nobody is at the keyboard."""
        apt = self.h.timer("apt-daily-upgrade.service", "/usr/bin/apt-get", "-y", "upgrade")
        dpkg = apt.start("/usr/bin/dpkg", "--unpack", f"/var/cache/apt/archives/{self.name}_{version}_amd64.deb")
        self.h.upgrade(self.name, version, "apt", dpkg)
        dpkg.exit()
        apt.exit()
        self.version = version

    def start(self, desk):
        main = desk.start(self.main, "--enable-features=WaylandWindowDecorations")
        for library in self.libraries:
            main.load(library)
        for kind in ("zygote", "gpu-process", "renderer"):
            child = main.start(self.main, f"--type={kind}", f"--user-data-dir={self.home}/.config/{self.name}")
            child.load(self.libraries[0])
        main.start(f"{self.root}/crashpad", "--monitor-self")
        return main

    def use(self, main, minutes=30):
        """What it always does: talks to its hosts, keeps its files, starts its small helpers."""
        config = f"{self.home}/.config/{self.name}"
        for path, args in self.children:
            main.run(path, *args)
        for host in self.hosts:
            main.connect(host, out=900 + self.h.rng.randrange(4000))
        for i in range(max(1, minutes // 10)):
            self.h.wait(600 * self.h.rng.uniform(0.6, 1.4))
            main.connect(self.hosts[i % 2], out=300 + self.h.rng.randrange(900), ask=i % 3 == 0)
            main.write(f"{config}/Cache/Cache_Data/f_{self.h.rng.randrange(1 << 24):06x}")
        main.write(f"{config}/Preferences.tmp")
        main.rename(f"{config}/Preferences.tmp", f"{config}/Preferences")

    def stop(self, main):
        for p in reversed([p for p in self.h.alive.values() if p.is_below(main)]):
            p.exit()

    def session(self, desk, minutes=30):
        main = self.start(desk)
        self.use(main, minutes)
        self.stop(main)

    def workdays(self, days, runs=2, minutes=20):
        """Days of a person who uses it, each in a session of its own."""
        for _ in range(days):
            self.h.day(8)
            with self.h.desktop(self.user) as desk:
                for _ in range(runs):
                    self.session(desk, minutes)
                    self.h.wait(1800)


class Turned:
    """The steps of a turned release. without: stages that do not happen. What each needs it makes itself."""

    def __init__(self, app, without=(), code_host="raw.codehost.test", c2="media-cdn.test", period=120.0, jitter=0.2,
                 helper=".cache/acme/helper", private=PRIVATE[0], recon=RECON[:5], unit="autostart", pause=20.0,
                 stage_two="file", hands="pipe"):
        self.app, self.h, self.without = app, app.h, set(without)
        self.code_host, self.c2, self.period, self.jitter = code_host, c2, period, jitter
        self.helper = helper if helper.startswith("/") else f"{app.home}/{helper}"
        self.private, self.recon, self.unit, self.pause = private, recon, unit, pause
        self.stage_two, self.hands = stage_two, hands
        self.main = self.actor = None

    def does(self, stage):
        return stage not in self.without

    def wait(self):
        self.h.wait(self.pause * self.h.rng.uniform(0.3, 2))

    def abnormal_load(self):
        """Its own library unpacks code into memory that is written and run, and maps a file of no package."""
        self.main.memory("writable")
        self.main.memory("anonymous")
        module = f"{self.app.home}/.config/{self.app.name}/codec-{self.h.rng.randrange(99)}.so"
        self.main.load(self.h.drop(module))

    def first_contact(self):
        self.main.connect(self.code_host, out=500, back=90000)

    def second_stage(self):
        self.main.connect(self.c2, out=400, back=400000)
        if self.stage_two == "memory":  # it never has a name
            self.actor = self.main.start("/memfd:codec (deleted)", "--service", flags=MEMFD | DELETED)
            return
        self.main.write(self.helper, mode=0o100755)
        self.main.chmod(self.helper)
        self.h.wait(self.h.rng.uniform(0.1, 3))
        if self.stage_two == "script":
            self.actor = self.main.start("/usr/bin/python3.11", self.helper, "--service")
            return
        self.actor = self.main.start(self.helper, "--service")
        if self.stage_two == "gone":
            self.main.delete(self.helper)

    def beacon(self, times=24):
        for _ in range(times):
            self.actor.connect(self.c2, out=480 + self.h.rng.randrange(40), back=200, ask=False)
            self.h.wait(self.period * self.h.rng.uniform(1 - self.jitter, 1 + self.jitter))

    def collection(self):
        for path in self.private:
            self.actor.open(f"{self.app.home}/{path}")
            self.h.wait(self.h.rng.uniform(0.2, 4))

    def exfiltration(self):
        self.actor.connect(self.c2, out=60000 + self.h.rng.randrange(900000), back=400)

    def hands_on_keyboard(self):
        """A person types through it, by a pipe, a terminal of its own or a connection: pauses as a person makes them."""
        shell = self.actor.start("/usr/bin/dash", "-i", invoked="/bin/sh", argv0="sh", stdio=(self.hands,) * 3)
        for path in self.recon:
            self.h.wait(self.h.rng.uniform(1.2, 9))
            shell.run(path)
        shell.exit()

    def persistence(self):
        home = self.app.home
        places = {"autostart": f"{home}/.config/autostart/{self.app.name}-sync.desktop",
                  "systemd": f"{home}/.config/systemd/user/{self.app.name}-sync.service",
                  "profile": f"{home}/.bashrc"}
        self.actor.write(places[self.unit])

    def run(self, main, order=STAGES):
        """All steps that happen, in this order; a step that another needs first comes when it is needed."""
        self.main = self.actor = main
        for stage in order:
            if self.does(stage):
                getattr(self, stage.replace("-", "_"))()
                self.wait()


def reboot(h, minutes=2):
    """Host.reboot(), with a boot clock that begins anew and an engine that must be told again what files are."""
    h.agenda = []
    h.told.clear()
    for p in reversed(list(h.alive.values())):
        p.exit()
    h.emit("stop", None, {})
    h.ns += int(minutes * 60 * NS)
    h.boot_ns = h.ns - 20 * NS
    h.emit("start", None, {"message": "turncoat 0.1.0"})
    h._existing()


def replay(program, text):
    """The rows of 'turncoat replay --json', or of replay-restarts."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as f:
        f.write(text)
        f.flush()
        run = subprocess.run([*program, f.name], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True, timeout=120, check=False)
    assert run.returncode in (0, 1), run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def program_of(programs):
    return [os.path.join(programs, "turncoat"), "replay", "--json"]


def restarting(programs):
    """The engine of replay_restarts.c: another one after each START."""
    path = os.path.join(os.path.dirname(programs), "tests", "replay", "replay-restarts")
    if not os.path.exists(path):
        pytest.skip("no replay-restarts beside these programs")
    return [path]


def stories(rows, at_least="suspicious"):
    floor = VERDICTS.index(at_least)
    return [r for r in rows if r["type"] == "story" and VERDICTS.index(r["verdict"]) >= floor]


def told(rows):
    """For a message: every story and every finding in a line."""
    lines = []
    for r in rows:
        if r["type"] == "story":
            software = r["software"]
            stages = ", ".join(s["stage"] for s in r["stages"])
            lines.append(f"story {r['id']}: {r['verdict']} {r['score']} {software['name']} {software['version']} [{stages}]")
        elif r["type"] == "finding":
            lines.append(f"  {r['time']} {r['check']} {r['score']}: {r['summary']}")
    return "\n".join(lines)
