# SPDX-License-Identifier: Apache-2.0
"""The loads: what each does, what one run of it measures, and how many acts it made.

Owns: the groups of loads that share one start of a watcher. Must not own: which watcher is on, the statistics.
All of a load runs as a user number nobody else has, in the sensed cgroup; what names a load (the token) is a path only this
load uses, so that each watcher's records of it can be counted.
"""
import json
import re
import subprocess
import time

from building import Compile
from watchers import cgroup_cpu_ns

PLACE = "/srv/bench"
PROGRAM = "/usr/bin/true"
DRAIN = 1.5  # seconds that what was left to later (a batch of rows, a flush) has to show in a daemon's processor time
WARM = 1  # load-exec starts the program once before its clock runs


class Load:
    """value: time of one operation in ns. throughput: shown as operations a second that are lost."""

    throughput = False
    token = None
    what = None  # which act of the watchers' counts belongs to it
    drain = DRAIN

    def __init__(self, name, title):
        self.name, self.title = name, title

    def prepare(self, bench):
        pass

    def begin(self, bench):
        pass

    def end(self, bench):
        pass

    def run(self, bench, watcher):
        raise NotImplementedError


class Fast(Load):
    """open or exec as fast as it goes, on one processor."""

    drain = 0.3  # what counts here is the time of one act, and the rounds are many

    def __init__(self, kind, count, slow=1):
        what = {"open": "open+close", "exec": "fork+exec+exit"}[kind]
        super().__init__(kind, what)
        self.kind, self.count, self.slow = kind, count, slow
        self.token = f"{PLACE}/{kind}-fast"
        self.what = kind

    def prepare(self, bench):
        make_token(bench, self)

    def run(self, bench, watcher):
        slow = self.slow if watcher.name in ("auditd", "laurel") else 1
        done = bench.load(self.kind, self.token, self.count // slow)
        return {"value": done["middle"], "load_cpu": done["cpu"], "made": done["count"] + WARM, "wall_ns": done["wall_ns"]}


class Paced(Load):
    """open or exec at a fixed rate: what it costs in processor time, the load's and the daemons'."""

    def __init__(self, kind, rate, seconds):
        super().__init__(f"{kind}-{rate}", f"{rate} {kind}s/s")
        self.kind, self.rate, self.seconds = kind, rate, seconds
        self.token = f"{PLACE}/{self.name}"
        self.what = kind

    def prepare(self, bench):
        make_token(bench, self)

    def run(self, bench, watcher):
        done = bench.load(self.kind, self.token, self.rate, self.seconds)
        return {
            "value": done["cpu"], "made": done["count"] + WARM, "wall_ns": done["wall_ns"],
            "rate": done["count"] / done["wall_ns"] * 1e9,
        }  # fmt: skip


def make_token(bench, load):
    if load.kind == "exec":
        bench.root.run(["ln", "-s", PROGRAM, load.token], scope=False)
    else:
        bench.root.write(load.token, "nobody looks at this\n")


class Server(Load):
    """A server and its client, both in the cgroup, each on its own processor; the server is new in each round."""

    throughput = True
    what = "connect"

    def begin(self, bench):
        self.server = bench.root.popen(
            ["taskset", "-c", bench.cpus[0], *self.command], user=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        while bench.root.run(["/bin/bash", "-c", f": </dev/tcp/127.0.0.1/{self.port}"], scope=False, check=False).returncode:
            if self.server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.command[0]} does not answer")
            time.sleep(0.05)
        self.client(bench, warm=True)

    def end(self, bench):
        self.server.terminate()
        try:
            self.server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()

    def client(self, bench, warm=False):
        """Operations a second, how many there were, and how many connections."""
        raise NotImplementedError

    def ask(self, bench, argv):
        return bench.root.run(["taskset", "-c", bench.cpus[-1], *argv], user=True, timeout=120).stdout

    def run(self, bench, watcher):
        began = time.monotonic_ns()
        rate, operations, connections = self.client(bench)
        return {"value": 1e9 / rate, "made": connections, "operations": operations, "wall_ns": time.monotonic_ns() - began}


class Redis(Server):
    port = 6390
    needs = ("/usr/bin/redis-server", "/usr/bin/redis-benchmark")
    clients = 50

    def __init__(self, requests):
        super().__init__("redis", "redis-benchmark, SET and GET")
        self.requests = requests
        self.command = [
            "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--daemonize", "no", "--dir", PLACE + "/redis",
        ]  # fmt: skip

    def prepare(self, bench):
        bench.root.mkdir(PLACE + "/redis", user=True)

    def client(self, bench, warm=False):
        n = self.requests // (10 if warm else 1)
        out = self.ask(bench, ["redis-benchmark", "-p", str(self.port), "-t", "set,get", "-n", str(n),
                               "-c", str(self.clients), "-P", "1", "--csv"])  # fmt: skip
        rates = [float(x) for x in re.findall(r'^"(?:SET|GET)","([\d.]+)"', out, re.M)]
        if len(rates) != 2:
            raise RuntimeError(f"redis-benchmark said {out!r}")
        return 2 / sum(1 / r for r in rates), 2 * n, 2 * self.clients


class Nginx(Server):
    needs = ("/usr/sbin/nginx", "/usr/bin/wrk")

    def __init__(self, name, title, seconds, new_connections):
        super().__init__(name, title)
        self.seconds, self.new = seconds, new_connections
        self.port = 8390 + new_connections
        self.folder = f"{PLACE}/{name}"
        self.command = ["nginx", "-c", f"{self.folder}/nginx.conf", "-e", f"{self.folder}/error.log"]

    def prepare(self, bench):
        bench.root.mkdir(self.folder, user=True)
        bench.root.write(f"{self.folder}/www/small.txt", "x" * 600 + "\n", user=True)
        temp = "".join(f"  {x}_temp_path {self.folder}/{x};\n" for x in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        bench.root.write(f"{self.folder}/nginx.conf", (
            f"daemon off;\nworker_processes 1;\npid {self.folder}/pid;\nevents {{ worker_connections 1024; }}\n"
            f"http {{\n  access_log off;\n  keepalive_requests 1000000;\n{temp}"
            f"  server {{ listen 127.0.0.1:{self.port}; root {self.folder}/www; }}\n}}\n"))  # fmt: skip
        bench.root.run(["sh", "-c", "echo 1024 65000 > /proc/sys/net/ipv4/ip_local_port_range"], scope=False)

    def client(self, bench, warm=False):
        more = ["-H", "Connection: close"] if self.new else []
        seconds = 1 if warm else self.seconds
        out = self.ask(bench, ["wrk", "-t1", "-c32", f"-d{seconds}s", *more, f"http://127.0.0.1:{self.port}/small.txt"])
        rate, total = re.search(r"^Requests/sec: +([\d.]+)", out, re.M), re.search(r"^ +(\d+) requests in", out, re.M)
        if not rate or not total or "Non-2xx" in out:
            raise RuntimeError(f"wrk said {out!r}")
        return float(rate[1]), int(total[1]), int(total[1]) if self.new else 32


class Group:
    """Loads that run one after the other under one start of a watcher. rounds: with nobody and turncoat in each.

    peers: how many of the peers join each round, in turn; slots: how often any of them may, over all rounds.
    """

    def __init__(self, name, title, loads, rounds, peers, slots=None):
        self.name, self.title, self.loads, self.rounds, self.peers = name, title, loads, rounds, peers
        self.slots = slots or rounds * peers


def groups(args):
    q = args.quick
    paced = [Paced("exec", rate, 2 if q else 6) for rate in (100, 400, 1600)] + [Paced("open", 10000, 2 if q else 4)]
    network = [
        Redis(20000 if q else 150000),
        Nginx("nginx", "nginx+wrk, kept connections", 1 if q else 5, False),
        Nginx("nginx-new", "nginx+wrk, a new connection each", 1 if q else 5, True),
    ]
    every = 5  # peers: each joins at least once
    return [
        Group("cost", "one act after the other, as fast as it goes",
              [Fast("open", 50000 if q else 300000, slow=10), Fast("exec", 200 if q else 1000)],
              1 if q else 16, every if q else 2),
        Group("paced", "at a fixed rate", paced, 1 if q else 3, every if q else 2, slots=every),
        Group("compile", "a compile", [Compile(quick=q)], 1 if q else 3, 0 if q else 2, slots=every),
        Group("network", "servers on loopback", network, 1 if q else 4, 0 if q else 2),
    ]  # fmt: skip


def measure(bench, load, watcher):
    """One run of one load: its own figures, and the processor time of everybody around it, until the watcher is quiet again."""
    load.begin(bench)
    try:
        watcher.quiet()
        cpu, scope = watcher.cpu_ns(), cgroup_cpu_ns(bench.root.scope)
        got = load.run(bench, watcher)
        got["scope_cpu_ns"] = cgroup_cpu_ns(bench.root.scope) - scope
        watcher.quiet(least=load.drain)
        got["daemon_cpu_ns"] = watcher.cpu_ns() - cpu
    finally:
        load.end(bench)
    return got


def result_of(proc, name):
    out = proc.communicate(timeout=600)[0]
    if proc.returncode != 0:
        raise RuntimeError(f"load-{name} ended with {proc.returncode}")
    return json.loads(out)
