# SPDX-License-Identifier: Apache-2.0
"""The questions that are asked inside the virtual machine; each prints one result line on the console.

Owns: the order of the questions and what is expected. Runs as root in a machine that is its own: nothing here has a scope.
Must not be run anywhere else: it watches, and stops, the whole machine it is in.
"""
import json
import os
import signal
import subprocess
import sys
import time

STATE = "/var/lib/turncoat"
PACKAGE = "/vm/turncoat.deb"
SAID = "/var/log/turncoatd.log"
PLACES = "/home/alice/.mozilla/firefox/x.default/places.sqlite"


def tell(name, state, detail=""):
    print(f"VM-RESULT\t{name}\t{state}\t{' '.join(str(detail).split())[:400]}", flush=True)


def show(title, text):
    print(f"---- {title}\n{text.rstrip()}\n----", flush=True)


def turncoat(*argv, seconds=120):
    return subprocess.run(["turncoat", *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds)


def ask(*argv):
    answer = turncoat(*argv, "--json")
    if answer.returncode not in (0, 1):
        raise AssertionError(f"turncoat {' '.join(argv)}: {answer.returncode} {answer.stderr.decode()}")
    return json.loads(answer.stdout)


def hunt(*terms):
    return ask("hunt", *terms)


def until(seconds, true):
    """The seconds it took, or None."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if true():
            return time.monotonic() - began
        time.sleep(0.1)
    return None


def ready():
    answer = turncoat("status", "--json")
    return answer.returncode == 0 and json.loads(answer.stdout).get("ready")


class Foreground:
    """turncoatd as `./dev run` starts it, without a scope."""

    def __init__(self):
        with open(SAID, "ab") as said:
            self.daemon = subprocess.Popen(["turncoatd", "--state", STATE], stdout=said, stderr=said)
        self.took = until(120, lambda: self.daemon.poll() is not None or ready())
        assert self.daemon.poll() is None, f"turncoatd ended with {self.daemon.returncode}"
        assert self.took is not None, "not ready after 120 s"

    def stop(self):
        self.daemon.terminate()
        code = self.daemon.wait(timeout=30)
        assert code == 0, f"it ended with {code}"

    def ended_by_guard(self):
        code = self.daemon.wait(timeout=20)
        assert code == -signal.SIGKILL, code


class Service:
    """turncoatd as the package's unit starts it."""

    def __init__(self):
        subprocess.run(["systemctl", "start", "turncoat"], check=True)
        self.took = until(120, ready)
        assert self.took is not None, "not ready after 120 s"
        self.pid = ask("status")["processes"]["turncoatd"]

    def stop(self):
        subprocess.run(["systemctl", "stop", "turncoat"], check=True)
        result = self.show("Result")
        assert result == "success", result

    def ended_by_guard(self):
        assert until(20, lambda: process_state(self.pid) in ("gone", "Z")) is not None, "it is still there"

    @staticmethod
    def show(name):
        return subprocess.run(["systemctl", "show", "-P", name, "turncoat"], stdout=subprocess.PIPE, text=True).stdout.strip()


start = Service if os.path.exists(PACKAGE) else Foreground


def process_state(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return "gone"


class Machine:
    def __init__(self):
        self.daemon = None

    def q_starts(self):
        self.daemon = start()
        return f"ready after {self.daemon.took:.1f} s"

    def q_installs(self):
        """Its users are made, and it runs and is enabled from then on."""
        done = subprocess.run(["dpkg", "--no-triggers", "-i", PACKAGE], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout
        enabled = subprocess.run(["systemctl", "is-enabled", "turncoat"], stdout=subprocess.PIPE, text=True).stdout.strip()
        assert enabled == "enabled" and Service.show("ActiveState") == "active", (enabled, Service.show("ActiveState"), done.stdout)
        return f"{Service.show('ActiveState')}, {enabled}"

    def q_restarts_by_itself(self):
        """systemd starts it again after the guard ended it."""
        took = until(60, lambda: ready() and ask("status")["processes"]["turncoatd"] != self.daemon.pid)
        assert took is not None, Service.show("ActiveState")
        return f"ready again after {took:.1f} s, {Service.show('NRestarts')} restart"

    def q_journal(self):
        """What it says, and a story from `suspicious` up, stands in the journal."""
        said = subprocess.run(["journalctl", "-u", "turncoat", "--no-pager"], stdout=subprocess.PIPE, text=True).stdout
        show("journal", said)
        assert "watching this machine" in said, said[-300:]
        bad = [line for line in said.splitlines() if "turncoatd: cannot" in line]
        assert not bad, bad
        return f"{len(said.splitlines())} lines"

    def q_purges(self):
        done = subprocess.run(["dpkg", "--no-triggers", "-P", "turncoat"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout
        left = [p for p in (STATE, "/usr/libexec/turncoat", "/usr/bin/turncoat") if os.path.exists(p)]
        assert not left, left
        return "programs and records are gone"

    def q_hooks(self):
        status = ask("status")
        show("status", turncoat("status").stdout.decode())
        assert not status.get("scope"), "it has a scope"
        wrong = [f"{h['name']} {h['state']}: {h['reason']}" for h in status["hooks"] if h["state"] != "on"]
        assert not wrong, "; ".join(wrong)
        return f"{len(status['hooks'])} hooks on, {status['known_processes']} processes known"

    def q_idle(self):
        """Does it feed on what it writes itself?"""
        time.sleep(10)  # what was begun before is settled
        before = ask("status")
        cpu = self.cpu_seconds(before)
        time.sleep(20)
        after = ask("status")
        spent = self.cpu_seconds(after) - cpu
        events = after["events"] - before["events"]
        log = after["log"]["bytes"] - before["log"]["bytes"]
        rate = f"{events} events, {log} bytes of log, {spent:.2f} s of CPU in 20 s"
        # The two questions themselves: a fork, an exec, some libraries, an exit, and a tick a second around them.
        assert events < 100, rate + "\n" + str(self.latest_events())
        return rate

    def cpu_seconds(self, status):
        ticks = 0
        for pid in status["processes"].values():
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                ticks += sum(int(n) for n in f.read().rsplit(")", 1)[1].split()[11:13])
        return ticks / os.sysconf("SC_CLK_TCK")

    def latest_events(self):
        rows = hunt("pid>0")[:15]
        return [(r["event"]["action"], r.get("file", {}).get("path"), r["process"].get("name")) for r in rows]

    def q_own_files(self):
        """Neither its own store and log nor those of an idle machine come back as file events."""
        rows = [r for r in hunt("type=file", f"path={STATE}/*") if "/store.db" in json.dumps(r) or "/log/" in json.dumps(r)]
        assert not rows, rows[:3]
        return "no event about the store or the log"

    def q_identity(self):
        """Packaged programs are known as such, with their content checked."""
        row = None

        def known():
            nonlocal row
            answer = turncoat("software", "coreutils", "--json")
            row = json.loads(answer.stdout or b"[]")
            return row

        assert until(30, known) is not None, turncoat("software").stdout.decode()[:300]
        return f"coreutils {row[0]['version']}"

    def q_calm(self):
        """What was done so far was no attack."""
        stories = ask("stories", "--all")
        for story in stories:
            show(f"story {story['id']}", turncoat("stories", str(story["id"])).stdout.decode())
        wrong = [(s["verdict"], s["software"]["name"], s["sentence"]) for s in stories if s["verdict"] in ("suspicious", "malicious")]
        assert not wrong, wrong
        return "; ".join(f"{s['verdict']} {s['software']['name']}: {s['sentence']}" for s in stories)

    def q_file_systems(self):
        """Are ext4 and each tmpfs marked?"""
        for path in ("/var/tmp", "/tmp", "/run", "/dev/shm"):
            name = f"{path}/vm-{os.getpid()}"
            # A process of its own: events of turncoatd's own kind are not told.
            subprocess.run(["/bin/sh", "-c", f"echo x > {name}; rm {name}"], check=True)
            assert until(15, lambda: hunt(f"path={name}")), f"nothing about {name}"
        return "ext4, /tmp, /run, /dev/shm"

    def q_self_test(self):
        answer = turncoat("status", "--self-test", "--json")
        show("self-test", turncoat("status", "--self-test").stdout.decode())
        acts = json.loads(answer.stdout)["acts"]
        wrong = [a for a in acts if a["result"] != "seen"]
        assert answer.returncode == 0 and not wrong, wrong
        return f"{len(acts)} acts seen"

    def q_browser_data(self):
        view = subprocess.Popen(["turncoat", "watch", "--json"], stdout=subprocess.PIPE)
        time.sleep(2)
        began = time.monotonic()
        subprocess.run(["cat", PLACES], check=True, stdout=subprocess.DEVNULL)
        took, line = None, b""
        os.set_blocking(view.stdout.fileno(), False)
        while took is None and time.monotonic() - began < 20:
            line += view.stdout.read() or b""
            if b"behaviour.browser-data" in line:
                took = time.monotonic() - began
            time.sleep(0.02)
        view.send_signal(signal.SIGINT)
        view.wait(timeout=20)
        assert took is not None, "no finding in the live view: " + line.decode()[-300:]
        told = []  # the live view is told first, the store a moment later

        def stored():
            told[:] = [s for s in ask("stories", "--all") if "browser" in json.dumps(s)]
            return told

        assert until(10, stored) is not None, "no story holds it"
        assert took < 3, f"only after {took:.2f} s"  # a second on a machine; this one is emulated
        return f"in the live view after {took:.2f} s, story {told[0]['id']} {told[0]['verdict']} {told[0]['software']['name']}"

    def q_software(self):
        sleeper = subprocess.Popen(["sleep", "1000"])
        until(20, lambda: ask("software", "coreutils")[0]["running"])
        rows = ask("software")
        sleeper.kill()
        running = sorted(r["name"] for r in rows if r["running"])
        loose = sorted(str(r["name"]) for r in rows if r["origin"] != "dpkg")
        assert "coreutils" in running and not any(r["modified"] for r in rows), [r for r in rows if r["running"]]
        if start is Service:
            assert not {"systemd", "dash", "systemd-journald"} & set(loose), f"said to be of no package: {loose}"
        return f"{len(rows)} listed, running: {' '.join(running)}; not of a package: {' '.join(loose)}"

    def q_watch_command(self):
        answer = turncoat("watch", "--json", "--", "sh", "-c", "id; ls /")
        told = json.loads(answer.stdout[answer.stdout.index(b"{") :])
        assert (answer.returncode, told["verdict"]) == (0, "clean"), (answer.returncode, told, answer.stderr)
        show("watch -- COMMAND", turncoat("watch", "--", "sh", "-c", "id; ls /").stderr.decode())
        return f"verdict {told['verdict']}"

    def q_load(self):
        """Two thousand short programs: nothing is lost."""
        before = ask("status")["losses"]
        began = time.monotonic()
        subprocess.run(["/bin/sh", "-c", "i=0; while [ $i -lt 1000 ]; do /usr/bin/true; i=$((i+1)); done"], check=True)
        took = time.monotonic() - began
        time.sleep(3)
        status = ask("status")
        lost = {name: n for name, n in status["losses"].items() if n != before[name]}
        assert not lost, lost
        return f"1000 programs in {took:.1f} s, nothing lost (before: {before}), {status['memory_total'] >> 20} MB told, restarts {status['engine_restarts']}"

    def q_replay(self):
        log = ask("status")["log"]["path"]
        answer = turncoat("replay", "--json", log)
        summary = json.loads(answer.stdout.splitlines()[-1])
        assert summary["type"] == "summary" and answer.returncode in (0, 1), (answer.returncode, answer.stderr)
        stories = {s["id"]: s for s in ask("stories", "--all")}
        replayed = {}
        for row in map(json.loads, answer.stdout.splitlines()):
            if row["type"] == "story":
                story = row.get("story", row)
                replayed[story["id"]] = {k: v for k, v in story.items() if k != "type"}
        wrong = [i for i in stories if replayed.get(i) != stories[i]]
        assert not wrong, f"stories {wrong} differ: {[stories[i] for i in wrong][:1]} {[replayed.get(i) for i in wrong][:1]}"
        return f"{summary['events']} events, {len(stories)} stories the same"

    def q_stop(self):
        processes = ask("status")["processes"]
        began = time.monotonic()
        self.daemon.stop()
        left = {n: process_state(p) for n, p in processes.items() if process_state(p) != "gone"}
        assert not left, left
        assert not os.path.exists(STATE + "/turncoat.sock"), "its socket is still there"
        return f"in {time.monotonic() - began:.1f} s, all four gone"

    def q_guard(self):
        """A held turncoatd is ended by its guard; what it was watching goes on."""
        self.daemon = start()
        processes = ask("status")["processes"]
        os.kill(processes["turncoatd"], signal.SIGSTOP)
        began = time.monotonic()
        self.daemon.ended_by_guard()
        took = time.monotonic() - began
        gone = until(10, lambda: all(process_state(p) in ("gone", "Z") for p in processes.values()))
        left = {n: process_state(p) for n, p in processes.items()}
        assert gone is not None, left
        assert took < 2, f"only after {took:.2f} s"
        return f"ended after {took:.2f} s"

    def q_starts_again(self):
        """After a hard end, on the same state folder."""
        self.daemon = start()
        stories = ask("stories", "--all")
        status = ask("status")
        assert status["store"]["state"] == "ok", status["store"]
        self.daemon.stop()
        return f"ready after {self.daemon.took:.1f} s, {len(stories)} stories kept"


ORDER = """starts hooks identity idle file_systems own_files browser_data software watch_command calm load self_test replay stop guard
 starts_again""".split()
if start is Service:
    ORDER = ["installs", *ORDER[:-1], "restarts_by_itself", ORDER[-1], "journal", "purges"]


def main():
    tell("kernel", "note", os.uname().release)
    machine = Machine()
    for name in ORDER:
        try:
            tell(name, "ok", getattr(machine, "q_" + name)())
        except Exception as wrong:  # each question by itself: the next is asked all the same
            tell(name, "FAILED", f"{type(wrong).__name__}: {wrong}")
    if os.path.exists(SAID):
        with open(SAID, encoding="utf-8", errors="backslashreplace") as f:
            show("turncoatd said", f.read())
    tell("end", "note")


if __name__ == "__main__":
    sys.exit(main())
