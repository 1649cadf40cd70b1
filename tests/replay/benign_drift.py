# SPDX-License-Identifier: Apache-2.0
"""Scenarios 57 to 60: versions come and go, and what software does changes a little."""
from debian import PACKAGES
from scenario import PACKAGED, STAND_IN, scenario

FIFTY = [n for n in PACKAGES if n not in ("systemd", "dash", "bash", "debconf", "dpkg", "apt", "udev", "mount", "login", "passwd",
                                          "init-system-helpers", "ifupdown")][:50]


def program_of(name):
    path = PACKAGES[name][1][0]
    return path + name if path.endswith("/") else path


def one_script(h, name, extra):
    """What the script asks of every package: run it twice with other flags, one is a service that talks."""
    path = program_of(name)
    n = sum(name.encode())
    p = h.service(f"play-{name}", path, "--version")
    p.exit()
    p = h.service(f"play-{name}", path, *(["--quiet", "--config=/etc/x.conf"][: n % 3]))
    if n % 2:
        p.connect(f"host{n % 7}.{name.replace('.', '')}.test", 443)
    if n % 3 == 0:
        p.run("/usr/bin/ls", "-l")
    if n % 5 == 0:
        p.listen(1024 + n % 3000)
    for i in range(extra):  # what the new version brings: a flag, a helper, another host of its maker
        (lambda: p.run("/usr/bin/stat", "x"), lambda: p.connect(f"api{i}.{name.replace('.', '')}.test", 443),
         lambda: p.run("/usr/bin/sort", "-u"), lambda: p.listen(5000 + n % 900))[(n + i) % 4]()
    p.exit()


@scenario(57, "50 Debian packages are upgraded, one script drives them all", PACKAGED)
def fifty(h, v, days):
    names = [n for n in FIFTY if not n.startswith("python3.11")][:50]
    for _ in days:
        for name in names:
            one_script(h, name, 0)
    for name in names:
        h.upgrade(name, PACKAGES[name][0] + "+u1", "apt")
    for _ in range(2):
        h.day(9)
        for name in names:
            n = sum(name.encode())
            one_script(h, name, 2 if n % 25 == v else n % 3 == v)
    return {name: ["acts"] for name in names}


def suite(h, major=False, cdn="updates.acme-office.test", more=()):
    p = h.service("acme-office", "/opt/acme-office/office", *(["--profile=new", "--wayland"] if major else []))
    p.connect("accounts.acme-office.test", 443)
    p.connect(cdn, 443, back=90000)
    p.run("/usr/bin/uname", "-r")
    for host in more:
        p.connect(host, 443)
    if major:
        p.memory("writable")
        p.connect("sync.acme-office.test", 443)
        p.connect("ai.acme-office.test", 443)
        helper = p.start("/opt/acme-office/indexer", "--all")
        helper.connect("localhost.acme-office.test", 8443)
        helper.exit()
        p.run("/usr/bin/python3.11", "-c", "import sys")
        p.listen(8123, ip="127.0.0.1")
    return p


@scenario(58, "a major version of an application", STAND_IN)
def major(h, v, days):
    h.package("acme-office", "7.6", ["/opt/acme-office/"], signer="Acme")
    for _ in days:
        suite(h).exit()
    h.upgrade("acme-office", "24.2")
    for _ in range(5 + 5 * v):
        h.day(9)
        p = suite(h, True)
        h.wait(3000)
        p.exit()
    return {"acme-office": ["starts the interpreter python", "talks to acme-office.test", "has executable memory: writable"]}


@scenario(59, "the host of the updates gets another name", STAND_IN)
def renamed(h, v, days):
    h.package("acme-office", "7.6", ["/opt/acme-office/"], signer="Acme")
    new = ("updates.acme-cloud.test", "d1a2b3c4.cloudfront.net", "acme-office.cdn-provider.example")[v]
    for _ in days:
        suite(h).exit()
    if v:
        h.upgrade("acme-office", "7.7")
    for _ in range(3 + v):
        h.day(9)
        p = suite(h, cdn=new)
        for _ in range(10):  # and it looks every hour from now on
            h.wait(3600 * h.rng.uniform(0.99, 1.01))
            p.connect(new, 443, out=700, back=900)
        p.exit()
    return {"acme-office": ["talks to " + ("acme-cloud.test", "d1a2b3c4.cloudfront.net", "cdn-provider.example")[v]]}


@scenario(60, "a new maker of telemetry", STAND_IN)
def vendor(h, v, days):
    h.package("acme-office", "7.6", ["/opt/acme-office/"], signer="Acme")
    for _ in days:
        suite(h).exit()
    h.upgrade("acme-office", "7.7")
    for _ in range(4):
        h.day(9)
        p = suite(h, more=["o417.ingest.errorlog.example"])
        for _ in range((4, 20, 60)[v]):
            h.wait((900, 300, 60)[v] * h.rng.uniform(0.97, 1.03))
            p.connect("o417.ingest.errorlog.example", 443, out=600 if v == 2 else h.rng.randrange(300, 9000), back=100)
        p.exit()
    return {"acme-office": ["talks to errorlog.example"]}
