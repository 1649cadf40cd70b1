# SPDX-License-Identifier: Apache-2.0
"""Scenarios 48 to 56: jobs, probes, debuggers and administrators."""
from benign_packages import admin, apt
from scenario import PACKAGED, STAND_IN, scenario


def type_(h, sh, *commands):
    """A person types; each command is a program and its arguments."""
    for words in commands:
        h.wait(h.rng.uniform(1.5, 12))
        sh.run(*words.split())


RECON = ["/usr/bin/id", "/usr/bin/whoami", "/usr/bin/hostname", "/usr/bin/uname -a", "/usr/bin/ip addr", "/usr/bin/ss -tanp",
         "/usr/bin/ps aux", "/usr/bin/w", "/usr/bin/cat /etc/passwd", "/usr/bin/df -h", "/usr/bin/find / -name id_rsa"]


@scenario(48, "cron makes a backup and mails the result", PACKAGED)
def cron_mail(h, v, days):
    def night():
        job = h.cron("/usr/bin/bash", "/usr/local/sbin/nightly-backup")
        with job.start("/usr/bin/tar", "-czf", "/var/backups/home.tgz", "/home") as tar:
            for f in (".ssh/id_ed25519", ".aws/credentials", ".gnupg/private-keys-v1.d/0A1B.key", ".mozilla/firefox/a.b/logins.json"):
                tar.open("/home/alice/" + f)
            tar.write("/var/backups/home.tgz")
        if v:
            with job.start("/usr/bin/scp", "/var/backups/home.tgz", "nas.home.test:") as scp:
                with scp.start("/usr/bin/ssh", "nas.home.test") as ssh:
                    ssh.open("/root/.ssh/id_ed25519")
                    ssh.connect("nas.home.test", 22, out=10**8)
        with job.start("/usr/bin/bsd-mailx", "-s", "backup", "root") as m:
            with m.start("/usr/sbin/exim4", "-i", "root") as mta:
                mta.connect("mail.acme.test", 25, out=3000)
        job.exit()

    for _ in days:
        night()
    night()
    return {"exim4-daemon-light": ["acts"]}


@scenario(49, "liveness probes of containers", STAND_IN)
def liveness(h, v, days):
    shims = [h.container(f"pod{i}", "/usr/local/bin/app") for i in range(2)]

    def probe(n):
        for _ in range(n):
            for c in shims:
                r = c.shim.start("/usr/bin/runc", "exec", "--process", "/tmp/p", c.container)
                inner = r.fork(mntns=c.mntns, container=c.container, cgroup=c.cgroup)
                inner.exec("/usr/bin/dash", "-c", ("cat /tmp/healthy", "wget -qO- localhost:8080/healthz", "ps | grep app")[v])
                inner.run("/usr/bin/cat" if v == 0 else "/usr/bin/ps" if v == 2 else "/usr/bin/wget", "x")
                inner.exit()
                r.exit()
            h.wait(10)

    for _ in days:
        probe(3)
    probe(30)
    return {"app": ["acts"]}


@scenario(50, "gdb, strace, perf and bpftrace", PACKAGED)
def debuggers(h, v, days):
    def debug(sh, tools):
        for tool in tools:
            child = "/home/alice/src/tool/prog"
            if tool in ("gdb", "strace"):
                with sh.start(f"/usr/bin/{tool}", child) as d:
                    p = d.start(child)
                    d.access(p, "ptrace", "ptrace")
                    if tool == "gdb":
                        d.access(p, "read", "/proc/PID/mem")
                        d.access(p, "write", "/proc/PID/mem")
                    h.wait(4)
                    p.exit()
            else:
                sudo = admin(h, sh, tool)
                with sudo.start(f"/usr/bin/{tool}", "record", "-a") as p:
                    h.emit("bpf", p, {"event.action": "loaded", "turncoat.meta.count": 77, "message": "0011223344556677"})
                    p.write("/home/alice/perf.data")
                sudo.exit()

    for i in days:
        with h.desktop() as desk:
            debug(desk.terminal(), ["gdb"] if i % 3 == v else [])
    with h.ssh() if v == 1 else h.desktop() as who:
        sh = who if v == 1 else who.terminal()
        debug(sh, ["gdb", "strace", "perf", "bpftrace"])
        target = h.service("acme-stuck", "/usr/sbin/apache2", existing=True)
        sudo = admin(h, sh, "gdb", "-p")
        with sudo.start("/usr/bin/gdb", "-p", str(target.pid)) as d:
            d.access(target, "ptrace", "ptrace")
            d.access(target, "write", "ptrace")
    return {"gdb": ["reaches into others: traces others", "reaches into others: writes others"]}


@scenario(51, "runtimes that write their own code: java, node, python", "Debian's java, node and python; the server is a stand-in")
def jit(h, v, days):
    h.package("acme-server", "4", ["/opt/acme-server/"], signer="Acme")

    def serve():
        java = h.service("acme-server", "/usr/lib/jvm/java-17-openjdk-amd64/bin/java", "-jar", "/opt/acme-server/server.jar")
        for _ in range(4):
            java.memory("anonymous")
        java.memory("writable")
        if v:  # a library out of its own archive
            library = java.write(f"/tmp/libnetty_transport_native_epoll_x86_64{h.rng.randrange(10**9)}.so")
            java.load(library)
            java.delete(library)
        java.listen(8080)
        java.accept(8080, "10.1.0.9", 9000, 400)
        java.connect("db.acme-server.test", 5432)
        java.exit()
        with h.desktop() as desk:
            sh = desk.terminal()
            with sh.start("/usr/bin/node", "/home/alice/web/server.js") as node:
                for _ in range(3):
                    node.memory("anonymous")
                node.memory("memfd", path="/memfd:v8 (deleted)")
                node.listen(3000)
            with sh.start("/usr/bin/python3.11", "-c", "import numba") as py:
                py.memory("writable")
                py.memory("memfd", path="/memfd:libffi (deleted)")

    for _ in days:
        serve()
    serve()
    return {"acme-server": ["talks to acme-server.test", "has executable memory: writable"] +
            ["loads code from /tmp"] * (v > 0)}


@scenario(53, "administrators over ssh, in a burst", PACKAGED)
def admins(h, v, days):
    def visit(user, commands):
        with h.ssh(user, peer=f"10.1.0.{h.rng.randrange(3, 200)}") as sh:
            type_(h, sh, *commands)
            sudo = admin(h, sh, "-i")
            with sudo.start("/usr/bin/bash", argv0="-bash") as root:
                type_(h, root, *commands)
                if v == 1:
                    apt(h, root, [("curl", "7.88.1-10+deb12u9")])
                if v == 2:
                    root.write("/etc/systemd/system/fix.service")
                    root.write("/root/fix.sh")
                    with root.start("/usr/bin/curl", "-o", "/root/tool") as c:
                        c.connect("github.com", 443, back=9 * 10**6)
                        c.write("/root/tool")
                    root.chmod("/root/tool")
                    root.run("/root/tool")
            sudo.exit()

    for i in days:
        visit("alice", h.rng.sample(RECON, 3))
    for user in ("alice", "bob", "alice"):
        visit(user, RECON)
    return {"sudo": ["acts"], "procps": ["acts"]}


@scenario(54, "remote support, and an editor's tunnel", STAND_IN)
def remote_support(h, v, days):
    name = "anydesk" if v == 0 else "acme-assist"
    h.package(name, "15", ["/opt/acme-assist/"], signer="Acme")
    agent = h.service("acme-assist", "/opt/acme-assist/agent", existing=True)

    def idle(n):
        for _ in range(n):
            agent.connect("relay.acme-assist.test", 443, out=300, back=300)
            h.wait(60)

    def help_(shell, full=False):
        s = agent.open_socket("relay.acme-assist.test", 443)
        viewer = agent.start("/opt/acme-assist/desktop")
        if shell:  # a terminal of the other side, typed into
            bash = agent.pty()
            type_(h, bash, *(RECON[:8] if full else RECON[:3]))
            bash.exit()
        h.wait(300)
        viewer.exit()
        agent.close(s, 9 * 10**7, 9000)

    for i in days:
        idle(3)
        help_(i % 4 == 0)
    idle(20)
    help_(True, True)
    if v == 2:
        h.package("code", "1.94", ["/usr/share/code/"], signer="Acme")
        with h.desktop() as desk:
            sh = desk.terminal()
            with sh.start("/usr/share/code/bin/code-tunnel", "tunnel") as t:
                t.connect("global.rel.tunnels.api.visualstudio.com", 443)
                t.connect("eu.rel.tunnels.devtunnels.ms", 443)
                bash = t.pty()
                type_(h, bash, *RECON[:8])
                bash.exit()
    return {name: ["talks to acme-assist.test", "starts the interpreter bash on a terminal"]}


@scenario(55, "logrotate", PACKAGED)
def logrotate(h, v, days):
    def night():
        job = h.timer("logrotate", "/usr/sbin/logrotate", "/etc/logrotate.conf")
        for log in ("syslog", "auth.log", "apache2/access.log"):
            job.rename(f"/var/log/{log}", f"/var/log/{log}.1")
            job.run("/usr/bin/gzip", "-9")
            job.write(f"/var/log/{log}.2.gz")
        with job.shell("invoke-rc.d rsyslog rotate") as sh:
            sh.run("/usr/sbin/invoke-rc.d", "rsyslog", "rotate")
        job.write("/var/lib/logrotate/status")
        job.exit()

    for _ in days:
        night()
    for _ in range(1 + v):
        h.at(0)
        night()
    return {"logrotate": ["acts"]}


@scenario(56, "a scan for compliance", STAND_IN)
def compliance(h, v, days):
    h.package("acme-scan", "10", ["/opt/acme-scan/"], signer="Acme")

    def scan():
        if v == 0:  # with an account over ssh
            with h.ssh("root", peer="10.1.0.90") as sh:
                for words in RECON * 2:
                    sh.run(*words.split())
                for f in ("/home/alice/.ssh/id_ed25519", "/root/.ssh/id_rsa"):
                    sh.run("/usr/bin/stat", f)
            return
        agent = h.service("acme-scan", "/opt/acme-scan/agent")
        for words in RECON:
            with agent.shell(words) as sh:
                sh.run(*words.split())
        agent.run("/usr/bin/dpkg-query", "-W")
        agent.connect("console.acme-scan.test", 8834, out=900000, back=900)
        agent.exit()

    for _ in days:
        scan()
    scan()
    return {"acme-scan": ["starts iproute2", "starts procps", "talks to acme-scan.test"]} if v else {}
