# SPDX-License-Identifier: Apache-2.0
"""Scenarios 44 to 56: machines that do as people do, and administrators."""
from benign_packages import ARCHIVE, admin, apt
from scenario import PACKAGED, STAND_IN, scenario


def type_(h, sh, *commands):
    """A person types; each command is a program and its arguments."""
    for words in commands:
        h.wait(h.rng.uniform(1.5, 12))
        sh.run(*words.split())


RECON = ["/usr/bin/id", "/usr/bin/whoami", "/usr/bin/hostname", "/usr/bin/uname -a", "/usr/bin/ip addr", "/usr/bin/ss -tanp",
         "/usr/bin/ps aux", "/usr/bin/w", "/usr/bin/cat /etc/passwd", "/usr/bin/df -h", "/usr/bin/find / -name id_rsa"]


def compile_and_run(h, parent, folder, name="prog"):
    make = parent.start("/usr/bin/make", "-j2", cwd=folder)
    for i in range(3):
        sh = make.shell(f"gcc -c {i}.c")
        cc = sh.start("/usr/bin/x86_64-linux-gnu-gcc-12", "-c", f"{i}.c")
        cc.run("/usr/lib/gcc/x86_64-linux-gnu/12/cc1", f"{i}.c")
        cc.write(f"{folder}/{i}.o")
        cc.exit()
        sh.exit()
    ld = make.start("/usr/bin/x86_64-linux-gnu-ld.bfd", "-o", name)
    ld.write(f"{folder}/{name}", 0o100755)
    ld.exit()
    make.exit()
    parent.run(f"{folder}/{name}", "--self-test")


def clone(h, parent, folder, host="github.com"):
    git = parent.start("/usr/bin/git", "clone", f"https://{host}/acme/tool", folder)
    far = git.start("/usr/lib/git-core/git-remote-https", "origin")
    far.connect(host, 443, out=2000, back=9 * 10**6)
    far.exit()
    pack = git.start("/usr/lib/git-core/git-index-pack")
    pack.write(f"{folder}/.git/objects/pack/pack-1.pack")
    pack.exit()
    for f in ("configure", "main.c", "run.sh"):
        git.write(f"{folder}/{f}", 0o100755)
    git.exit()


@scenario(44, "a runner of continuous integration; a developer's day of clone, build and run", STAND_IN)
def ci(h, v, days):
    name = ("gitlab-runner", "buildkite-agent", "act-runner")[v]
    h.package(name, "16", ["/usr/bin/ci-runner"], signer="Acme")
    runner = h.service("ci", "/usr/bin/ci-runner", "run", existing=True)

    def job(n):
        folder = f"/builds/{n}"
        runner.connect("git.acme.test", 443)
        sh = runner.start("/usr/bin/bash", "-eo", "pipefail")
        clone(h, sh, folder, "git.acme.test")
        if n % 3 == 0:
            curl = sh.start("/usr/bin/curl", "-sSL", "https://get.tool.test/install.sh")
            curl.connect("get.tool.test", 443, back=9000)
            curl.write(f"{folder}/install.sh")
            curl.exit()
            with sh.start("/usr/bin/bash", f"{folder}/install.sh") as script:
                with script.start("/usr/bin/curl", "-o", "/usr/local/bin/lint") as c:
                    c.connect("get.tool.test", 443, back=9 * 10**6)
                    c.write("/usr/local/bin/lint", 0o100755)
                script.run("/usr/local/bin/lint", "--version")
        compile_and_run(h, sh, folder)
        with sh.start("/usr/bin/docker", "build", ".") as d:
            d.write(f"{folder}/context.tar")
        with sh.start("/usr/bin/curl", "-T", "report.xml", "https://git.acme.test/api") as c:
            c.connect("git.acme.test", 443, out=90000)
        sh.exit()

    def developer(desk):
        sh = desk.terminal()
        clone(h, sh, "/home/alice/src/tool")
        with sh.start("/usr/bin/bash", "/home/alice/src/tool/configure") as c:
            c.write("/tmp/conftest.c")
            compile_and_run(h, c, "/tmp", "conftest")
        compile_and_run(h, sh, "/home/alice/src/tool")
        with sh.start("/usr/bin/python3.11", "-m", "http.server", "8000") as web:
            web.listen(8000)
            web.accept(8000, "127.0.0.1", 9000, 300)
            sh.start("/usr/bin/curl", "localhost:8000").connect("127.0.0.1", 8000)
        with sh.start("/usr/bin/gdb", "./prog") as gdb:
            gdb.access(gdb.start("/home/alice/src/tool/prog"), "ptrace", "ptrace")

    for i in days:
        job(i)
        if i % 3 == 0:
            with h.desktop() as desk:
                developer(desk)
    job(99)
    job(100)
    with h.desktop() as desk:
        developer(desk)
    return {name: ["talks to acme.test"], "git": ["talks to github.com"]}


@scenario(45, "Ansible, Puppet and Jenkins configure the machine", "Debian's Ansible and Puppet; Jenkins is a stand-in")
def configure(h, v, days):
    def ansible():
        with h.ssh("root", peer="10.1.0.50") as sh:
            for i in range(4):
                task = sh.shell(f"/usr/bin/python3 /root/.ansible/tmp/ansible-tmp-{i}/AnsiballZ_setup.py")
                with sh.start("/usr/bin/sftp", "-q") as s:
                    s.write(f"/root/.ansible/tmp/ansible-tmp-{i}/AnsiballZ_setup.py")
                py = task.start("/usr/bin/python3.11", f"/root/.ansible/tmp/ansible-tmp-{i}/AnsiballZ_setup.py")
                for tool in ("hostname", "uname", "ip", "id", "lscpu", "findmnt"):
                    path = {"ip": "/usr/bin/ip", "lscpu": "/usr/bin/lscpu", "findmnt": "/usr/bin/findmnt"}.get(tool, f"/usr/bin/{tool}")
                    py.run(path)
                py.write("/etc/systemd/system/acme.service")
                py.exit()
                task.exit()

    def puppet():
        agent = h.service("puppet", "/usr/bin/ruby3.1", "/usr/bin/puppet", "agent", script="/usr/bin/puppet")
        agent.connect("puppet.acme.test", 8140, out=90000, back=90000)
        for tool in ("hostname", "uname", "id", "ip", "ps", "ss", "df"):
            agent.run("/usr/bin/" + tool)
        agent.write("/etc/cron.d/acme")
        agent.write("/etc/systemd/system/acme.service")
        agent.write("/usr/local/bin/acme-check", 0o100755)
        agent.run("/usr/local/bin/acme-check") if v == 1 else None
        agent.exit()

    def jenkins():
        h.package("jenkins-agent", "3", ["/opt/jenkins/"], signer="Acme")
        java = h.service("jenkins", "/usr/lib/jvm/java-17-openjdk-amd64/bin/java", "-jar", "/opt/jenkins/agent.jar")
        java.connect("jenkins.acme.test", 443, out=9000)
        java.memory("anonymous")
        java.write("/opt/jenkins/work/durable-1/script.sh")
        sh = java.start("/usr/bin/dash", "/opt/jenkins/work/durable-1/script.sh", invoked="/bin/sh")
        clone(h, sh, "/opt/jenkins/work/tool", "git.acme.test")
        compile_and_run(h, sh, "/opt/jenkins/work/tool")
        for p in (sh, java):
            p.exit()

    run = (ansible, puppet, jenkins)[v]
    for _ in days:
        run()
    run()
    return ({"iproute2": ["acts"]}, {"puppet-agent": ["talks to acme.test"]}, {"jenkins-agent": ["talks to acme.test"]})[v]


@scenario(46, "runc starts containers, buildkit builds one", "Debian's containerd and runc; buildkit is a stand-in")
def containers(h, v, days):
    def web(n):
        c = h.container(f"web{n}", "/usr/sbin/apache2", "-DFOREGROUND")
        c.listen(80)
        c.accept(80, "10.1.0.9", 9000, 400)
        for p in (c, c.shim):
            p.exit()

    def build():
        c = h.container("build", "/usr/bin/dash", "-c", "apt-get update && apt-get install -y gcc && make")
        get = c.start("/usr/bin/apt-get", "install", "-y", "gcc")
        get.connect(ARCHIVE[0], 80, back=9 * 10**7)
        get.write("/usr/bin/gcc", 0o100755)
        get.exit()
        with c.start("/usr/bin/curl", "-o", "/usr/local/bin/tini") as curl:
            curl.connect("github.com", 443)
            curl.write("/usr/local/bin/tini", 0o100755)
        c.run("/usr/local/bin/tini", "--version")
        compile_and_run(h, c, "/src")
        for p in (c, c.shim):
            p.exit()

    for i in days:
        web(i)
    for i in range(3):
        web(50 + i)
    build() if v else web(77)
    if v == 2:
        app = h.container("app", "/usr/local/bin/app")
        app.run("/usr/bin/dash", "-c", "exit 0")
        app.connect("db.acme.test", 5432)
        app.exit()
    return {"apache2-bin": ["acts"]}


@scenario(47, "debuild builds packages", PACKAGED)
def debuild(h, v, days):
    def build(sh):
        tool = sh.start("/usr/bin/perl", "/usr/bin/debuild", "-us", "-uc", script="/usr/bin/debuild", cwd="/home/alice/pkg")
        bp = tool.start("/usr/bin/perl", "/usr/bin/dpkg-buildpackage", script="/usr/bin/dpkg-buildpackage")
        compile_and_run(h, bp, "/home/alice/pkg")
        with bp.start("/usr/bin/dpkg-deb", "--build", "debian/tool", "..") as d:
            d.write("/home/alice/tool_1.0_amd64.deb")
        if v == 1:
            with bp.start("/usr/bin/gpg", "--sign") as g:
                with g.start("/usr/bin/gpg-agent", "--daemon") as a:
                    a.open("/home/alice/.gnupg/private-keys-v1.d/0A1B.key")
        bp.exit()
        tool.exit()

    for i in days:
        if i % 2:
            with h.desktop() as desk:
                build(desk.terminal())
    with h.ssh() as sh:
        build(sh)
    return {"devscripts": ["acts"]}


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
    return {"gdb": ["acts"]}


@scenario(51, "runtimes that write their own code: java, node, python", PACKAGED)
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
    return {"acme-server": ["talks to acme-server.test"]}


@scenario(52, "tests start servers on random ports", PACKAGED)
def pytest_servers(h, v, days):
    def run(parent):
        with parent.start("/usr/bin/python3.11", "-m", "pytest", "-q", cwd="/home/alice/src/tool") as p:
            for _ in range(12):
                port = h.rng.randrange(33000, 60000)
                p.listen(port, ip="127.0.0.1")
                p.connect("127.0.0.1", port, out=200, back=200)
                if v == 2:
                    with p.start("/usr/bin/python3.11", "-c", "import http.server") as child:
                        child.listen(port + 1, ip="127.0.0.1")
            p.write("/tmp/pytest-of-alice/pytest-0/app", 0o100755)
            p.run("/tmp/pytest-of-alice/pytest-0/app")

    for _ in days:
        with h.desktop() as desk:
            run(desk.terminal())
    if v == 1:
        with h.ssh() as sh:
            run(sh)
    else:
        with h.desktop() as desk:
            run(desk.terminal())
    return {"python3.11-minimal": ["acts"]}


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
    h.package("acme-assist", "15", ["/opt/acme-assist/"], signer="Acme")
    agent = h.service("acme-assist", "/opt/acme-assist/agent", existing=True)

    def idle(n):
        for _ in range(n):
            agent.connect("relay.acme-assist.test", 443, out=300, back=300)
            h.wait(60)

    def help_(shell):
        s = agent.open_socket("relay.acme-assist.test", 443)
        viewer = agent.start("/opt/acme-assist/desktop")
        if shell:
            agent.run("/usr/bin/uname", "-a")
            agent.run("/usr/bin/hostname")
        h.wait(300)
        viewer.exit()
        agent.close(s, 9 * 10**7, 9000)

    for i in days:
        idle(3)
        help_(i % 4 == 0)
    idle(20)
    help_(True)
    if v == 2:
        h.package("code", "1.94", ["/usr/share/code/"], signer="Acme")
        with h.desktop() as desk:
            sh = desk.terminal()
            with sh.start("/usr/share/code/bin/code-tunnel", "tunnel") as t:
                t.connect("global.rel.tunnels.api.visualstudio.com", 443)
                t.connect("eu.rel.tunnels.devtunnels.ms", 443)
    return {"acme-assist": ["talks to acme-assist.test"]}


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
