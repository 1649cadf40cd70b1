# SPDX-License-Identifier: Apache-2.0
"""process.py: what one process of a play can do; play.py says how it is used."""
import hashlib
import os

from sensitive import sensitive_of

MASK = (1 << 64) - 1
DEVICE = 8 << 20 | 1
SERVICE = ("null", "unix-socket", "unix-socket")  # what the first three descriptors are
TERMINAL = ("terminal",) * 3
PIPES = ("pipe",) * 3
INTERPRETER_SCRIPTS = ("bash", "sh", "dash", "python3", "python3.11", "perl", "node", "ruby", "php", "java")
ACTIONS = {"anonymous": 5, "writable": 7, "memfd": 5}


def mix(*numbers):
    """A 64-bit id that says nothing about what it is made of."""
    x = 0x9E3779B97F4A7C15
    for n in numbers:
        x = (x ^ n) & MASK
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & MASK
        x = (x ^ x >> 27) * 0x94D049BB133111EB & MASK
        x ^= x >> 31
    return x or 1


def address_of(name):
    """198.18.0.0/15 is set apart for tests: nobody is there."""
    h = hashlib.sha256(name.encode()).digest()
    return f"198.{18 + h[0] % 2}.{h[1]}.{1 + h[2] % 250}"


def is_address(to):
    return to.replace(".", "").isdigit() or ":" in to


class Process:
    def __init__(self, host, parent, pid=None, **more):
        self.host, self.parent = host, parent
        self.pid = pid or host.pid()
        self.entity = f"{mix(host.salt, self.pid, host.ns):016x}"
        for k, default in (("uid", 0), ("euid", 0), ("tty", None), ("session", self.pid), ("cwd", "/"), ("auid", None),
                           ("login", None), ("cgroup", "/"), ("mntns", 4026531841), ("container", None),
                           ("comm", "init"), ("path", None), ("argv", ()), ("stdio", SERVICE)):
            setattr(self, k, getattr(parent, k) if parent is not None else default)
        for k, v in more.items():
            setattr(self, k, v)
        if "uid" in more:
            self.euid = more["uid"]
        self.sockets = {}
        self.shells = ()
        host.alive[self.pid] = self

    def __repr__(self):
        return f"{self.path}({self.pid})"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.exit()

    def at(self, path):
        """Under which name the host's table of files has it: a container has files of its own."""
        return f"{self.container[:12]}:{path}" if self.container else path

    def is_below(self, other):
        p = self
        while p is not None and p is not other:
            p = p.parent
        return p is other

    # ---- life ----
    def fork(self, **more):
        child = Process(self.host, self, **more)
        self.host.emit("fork", child, {"process.parent.entity_id": self.entity, "process.parent.pid": self.pid})
        return child

    def exec(self, path, *args, script=None, argv0=None, invoked=None, interp=None, fields=None, flags=0):
        """path: the program's real path. script: started by its '#!' line, path is then the interpreter.
        An interpreter's script among its arguments is found by itself."""
        name = path.rsplit("/", 1)[1]
        argv = (argv0 or (invoked or path),) + tuple(str(a) for a in args)
        if script:
            argv = (invoked or path, script) + tuple(str(a) for a in args)
        elif name in INTERPRETER_SCRIPTS:
            script = self._script_of(name, argv[1:])
        self._exec(path, argv, flags, script=script, invoked=script if interp else invoked or path, interp=interp,
                   fields=fields)
        return self

    def _script_of(self, name, args):
        if name == "java":
            script = args[args.index("-jar") + 1] if "-jar" in args else None
        elif {"-c", "-m", "-e", "-lc"} & set(args):
            return None
        else:
            script = next((a for a in args if not a.startswith("-")), None)
        return os.path.normpath(os.path.join(self.cwd, script)) if script else None

    def _exec(self, path, argv, flags=0, script=None, invoked=None, interp=None, fields=None):
        h = self.host
        h.identify(self.at(path), self)
        if script:
            h.identify(self.at(script), self, again=True)
        self.path, self.argv = path, argv
        self.comm = (script or path).rsplit("/", 1)[1][:15]
        e = {"process.executable": path, "process.args": list(argv), "process.args_count": len(argv),
             "process.working_directory": self.cwd, "process.session_leader.pid": self.session, **h.key(self.at(path)),
             "turncoat.image.invoked": invoked or path, "turncoat.image.nlink": 1, "turncoat.cgroup_path": self.cgroup,
             "process.stdio": list(self.stdio), "turncoat.pidns": 4026531836, "turncoat.netns": 4026531840, "turncoat.userns": 4026531837}
        if self.parent is not None:
            e["process.parent.entity_id"], e["process.parent.pid"] = self.parent.entity, self.parent.pid
        for k, v in (("process.tty.name", self.tty), ("turncoat.image.script", script),
                     ("turncoat.image.interpreter", interp), ("process.entry_leader.real_user.id", self.auid),
                     ("turncoat.login", self.login), ("container.id", self.container)):
            if v is not None:
                e[k] = v
        if flags:
            e["turncoat.flags"] = flags
        h.emit("exec", self, {**e, **(fields or {})})

    def start(self, path, *args, cwd=None, cgroup=None, tty=None, uid=None, stdio=None, **more):
        child = self.fork()
        for k, v in (("cwd", cwd), ("cgroup", cgroup), ("tty", tty), ("uid", uid), ("euid", uid), ("stdio", stdio)):
            if v is not None:
                setattr(child, k, v)
        child.exec(path, *args, **more)
        return child

    def run(self, path, *args, secs=None, code=0, **more):
        """Start, a moment, exit."""
        child = self.start(path, *args, **more)
        self.host.wait(self.host.rng.uniform(0.005, 0.05) if secs is None else secs)
        child.exit(code)
        return child

    def shell(self, text, **more):
        return self.start("/usr/bin/dash", "-c", text, invoked="/bin/sh", argv0="sh", **more)

    def terminal(self):
        """For a desktop: gnome-terminal of its person, and the bash in it."""
        manager = getattr(self, "manager", self)
        server = manager.start("/usr/libexec/gnome-terminal-server")
        bash = server.fork()
        bash.tty, bash.session, bash.stdio = self.host.tty(), bash.pid, TERMINAL
        bash.exec("/usr/bin/bash", argv0="bash")
        return bash

    def pty(self, path="/usr/bin/bash", *args):
        """A terminal of this program's own making, as editors and remote support have; the shell in it."""
        shell = self.fork()
        shell.tty, shell.session, shell.stdio = self.host.tty(), shell.pid, TERMINAL
        return shell.exec(path, *args)

    def script(self, path, *args, interp="/usr/bin/dash", **more):
        """A script with its '#!' line."""
        child = self.fork()
        child.exec(interp, *args, script=path, interp=interp, invoked=path, **more)
        return child

    def exit(self, code=0, signal=None):
        if self.host.alive.get(self.pid) is not self:
            return
        for s in list(self.sockets):
            self.close(s, 100, 100)
        del self.host.alive[self.pid]
        self.host.emit("exit", self, {"turncoat.exit_signal": signal} if signal else {"process.exit_code": code})
        for p in self.shells:
            p.exit()

    def become(self, uid):
        e = {"event.action": "user", "turncoat.old.uid": self.uid, "turncoat.old.euid": self.euid,
             "turncoat.old.gid": self.uid}
        self.uid = self.euid = uid
        self.host.emit("cred", self, e)

    def access(self, other, action="ptrace", way="ptrace", fields=None):
        self.host.emit("access", self, {"event.action": action, "process.Ext.access": way,
                                        "Target.process.entity_id": other.entity, "Target.process.pid": other.pid,
                                        **(fields or {})})

    # ---- network ----
    def resolve(self, name, qtype="A", answer=True):
        h = self.host
        e = {"network.type": "ipv4", "network.transport": "udp", "source.ip": "10.1.0.2", "source.port": self._port(),
             "destination.ip": "127.0.0.53", "destination.port": 53, "dns.question.name": name, "dns.question.type": qtype}
        h.emit("dns", self, {"event.action": "question", **e})
        h.wait(h.rng.uniform(0.004, 0.06))
        more = {"dns.response_code": "NOERROR", "dns.answers": [address_of(name)]} if answer else \
            {"dns.response_code": "NXDOMAIN"}
        h.emit("dns", self, {"event.action": "answer", **e, **more})
        return address_of(name)

    def _port(self):
        self.host.next_port = 33000 + (self.host.next_port - 32999) % 27000
        return self.host.next_port

    def open_socket(self, to, port, proto="tcp", tls=None, ask=True, fields=None):
        """Connects and leaves it open; to: a name, which is asked for first, or an address. Gives a number for close()."""
        h = self.host
        name = None if is_address(to) else to
        ip = to if name is None else self.resolve(name) if ask else address_of(name)
        h.next_socket += 1
        e = {"network.type": "ipv6" if ":" in ip else "ipv4", "network.transport": proto, "source.ip": "10.1.0.2",
             "source.port": self._port(), "destination.ip": ip, "destination.port": port, "turncoat.socket": h.next_socket}
        if ip.startswith("127.") or ip == "::1":
            e["source.ip"] = ip
        if name:
            e["destination.domain"] = name
        self.sockets[h.next_socket] = e
        h.emit("connect", self, {"event.action": "established", **e, **(fields or {})})
        if name and (tls if tls is not None else port in (443, 8443)):
            h.emit("tls", self, {**e, "tls.client.server_name": name, "tls.client.supported_protocols": ["h2", "http/1.1"],
                                 "tls.client.ja4": "t13d1516h2_8daaf6152771_02713d6af862", "tls.version": 772})
        return h.next_socket

    def close(self, socket, out=300, back=2000):
        e = self.sockets.pop(socket)
        self.host.emit("net_close", self, {**e, "source.bytes": out, "destination.bytes": back})

    def connect(self, to, port=443, out=600, back=4000, proto="tcp", tls=None, ask=True, secs=None):
        s = self.open_socket(to, port, proto, tls, ask)
        self.host.wait(self.host.rng.uniform(0.05, 0.5) if secs is None else secs)
        self.close(s, out, back)

    def fail(self, to, port, error=111):
        name = None if is_address(to) else to
        e = {"network.type": "ipv4", "network.transport": "tcp", "source.ip": "10.1.0.2", "source.port": self._port(),
             "destination.ip": to if name is None else self.resolve(name), "destination.port": port,
             "turncoat.error": error}
        if name:
            e["destination.domain"] = name
        self.host.emit("connect", self, {"event.action": "failed", **e})

    def listen(self, port, proto="tcp", ip="0.0.0.0"):
        self.host.emit("listen", self, {"network.type": "ipv4", "network.transport": proto, "source.ip": ip,
                                        "source.port": port})

    def accept(self, port, peer, out=None, back=None):
        h = self.host
        h.next_socket += 1
        e = {"network.type": "ipv4", "network.transport": "tcp", "source.ip": peer, "source.port": self._port(),
             "destination.ip": "127.0.0.1" if peer.startswith("127.") else "10.1.0.2", "destination.port": port,
             "turncoat.socket": h.next_socket}
        h.emit("accept", self, e)
        if out is not None:
            h.emit("net_close", self, {**e, "source.bytes": out, "destination.bytes": back or 0})

    # ---- files and memory ----
    def _file(self, action, path, **more):
        f = self.host.file(self.at(path))
        self.host.emit("file", self, {"event.action": action, "file.path": path, **self.host.key(self.at(path)),
                                      "file.uid": self.uid, "file.gid": self.uid, "turncoat.file.mode": f["mode"], **more},
                       by_pid=True)

    def write(self, path, mode=0o100644, fields=None):
        """Created when it was not there, written and closed."""
        h = self.host
        new = self.at(path) not in h.files and path not in h.owner
        f = h.file(self.at(path))
        f["ctime"], f["content"] = h.ns, f"{path} {h.ns}"
        owner = h.packages.get(h.owner_of(path))
        if owner and owner["origin"] == "dpkg":  # no file of its list, or one that is not as it was
            h.loose.add(path)
            f["flags"] = 1
        if new:
            f["mode"] = mode
            self._file("created", path)
        f["size"] = 100 + h.rng.randrange(10**6)
        self._file("written", path, **(fields or {}))
        return path

    def rename(self, old, new):
        h = self.host
        f = h.files.pop(self.at(old), None) or h.file(self.at(old))
        h.files.pop(self.at(old), None)
        h.files[self.at(new)] = f
        if h.owner.get(new) and old == new + ".dpkg-new":
            h.loose.discard(new)
            f.pop("flags", None)
        f["ctime"] = h.ns
        self._file("renamed", new, **{"file.Ext.original.path": old})
        return new

    def delete(self, path):
        self.host.files.pop(self.at(path), None)
        self.host.emit("file", self, {"event.action": "deleted", "file.path": path}, by_pid=True)

    def chmod(self, path, mode=0o100755):
        f = self.host.file(self.at(path))
        f["ctime"], f["mode"] = self.host.ns, mode
        self._file("attributes", path)
        return path

    def open(self, path):
        """Told only where the sensor's table of private places has it; True when it was."""
        found = sensitive_of(path)
        if found is None:
            return False
        f = self.host.file(self.at(path))
        e = {"file.path": path, **self.host.key(self.at(path)), "file.uid": 1000, "file.gid": 1000, "turncoat.file.mode": f["mode"],
             "turncoat.sensitive.class": found[0]}
        if found[1]:
            e["turncoat.sensitive.owner"] = found[1]
        self.host.emit("open", self, e, by_pid=True)
        return True

    def load(self, path, fields=None):
        """A library is mapped executable; perf tells its path and inode, and no time."""
        f = self.host.file(self.at(path))
        if self.host.owner_of(path) is None:
            self.host.identify(self.at(path), self, again=True)
        self.host.emit("lib_load", self, {"dll.path": path, "turncoat.map.prot": 5, "turncoat.map.length": 65536,
                                          "turncoat.map.address": 0x7F0000000000 + self.host.rng.randrange(1 << 30) * 4096,
                                          "file.inode": f["ino"], "file.device": DEVICE,
                                          "process.thread.id": self.pid, **(fields or {})}, by_pid=True)

    def memory(self, action="anonymous", path=None, length=65536, fields=None):
        e = {"event.action": action, "turncoat.map.prot": ACTIONS[action], "turncoat.map.length": length,
             "turncoat.map.address": 0x7E0000000000 + self.host.rng.randrange(1 << 30) * 4096}
        if path:
            e["dll.path"] = path
        self.host.emit("mem_exec", self, {**e, "process.thread.id": self.pid, **(fields or {})}, by_pid=True)
