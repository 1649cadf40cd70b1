# SPDX-License-Identifier: Apache-2.0
"""Scenarios 44 to 47 and 52: machines and developers that clone, build, run and configure."""
from benign_packages import ARCHIVE
from scenario import PACKAGED, STAND_IN, scenario


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
        sh = runner.start("/usr/bin/bash", stdio=("pipe", "pipe", "pipe"))  # the job's script is fed to it
        for words in ("uname -a", "id", "hostname", "df -h", "ps aux"):
            sh.run(*("/usr/bin/" + words).split())
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
    return ({"iproute2": ["acts"]}, {"puppet-agent": ["talks to acme.test", "writes to systemd units", "writes to cron"]}, {"jenkins-agent": ["talks to acme.test"]})[v]


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
