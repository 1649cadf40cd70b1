# SPDX-License-Identifier: Apache-2.0
"""Scenarios 20 to 35: what talks to the network again and again."""
from scenario import PACKAGED, STAND_IN, scenario

HOUR = 3600


def service(h, name, path, *args, package=None, version="1.0", **more):
    if package:
        h.package(package, version, [path], signer="Acme")
    return h.service(name, path, *args, existing=True, **more)


def periodic(h, process, to, port, period, hours, jitter=0.05, **more):
    """Calls for some hours by the agenda, which also carries what else goes on."""
    stop = h.every(period, lambda: process.connect(to, port, **more), jitter)
    h.wait(hours * HOUR)
    stop()


@scenario(20, "time sync every 64 to 1024 s", PACKAGED)
def time_sync(h, v, days):
    chrony = h.service("chrony", "/usr/sbin/chronyd", existing=True)
    period = (64, 256, 1024)[v]

    def ask():
        chrony.connect(f"{h.rng.randrange(4)}.debian.pool.ntp.org", 123, out=48, back=48, proto="udp", ask=h.rng.random() < 0.1)

    for _ in days:
        for _ in range(5):
            ask()
            h.wait(period)
    h.every(period, ask, 0.02, times=60)
    h.wait(60 * period * 1.1)
    return {"chrony": ["talks to ntp.org", "talks to a host of the kind time"]}


@scenario(21, "a lease is renewed by DHCP", PACKAGED)
def dhcp(h, v, days):
    client = h.service("networking", "/usr/sbin/dhclient", "-4", "eth0", existing=True)

    def renew():
        client.connect("10.1.0.1", 67, out=300, back=300, proto="udp")
        script = client.script("/usr/sbin/dhclient-script")
        script.run("/usr/bin/ip", "-4", "addr", "change")
        script.write("/etc/resolv.conf.dhclient-new")
        script.rename("/etc/resolv.conf.dhclient-new", "/etc/resolv.conf")
        script.exit()

    for _ in days:
        for _ in range(3):
            renew()
            h.wait(1800)
    for _ in range(20):
        renew()
        h.wait(1800 * h.rng.uniform(0.9, 1.1))
    return {"isc-dhcp-client": ["talks to 10.1.0.0/24"]}


@scenario(22, "connectivity is probed every 300 s", PACKAGED)
def probes(h, v, days):
    manager = h.service("NetworkManager", "/usr/sbin/NetworkManager", "--no-daemon", existing=True)
    host = ("network-test.debian.org", "connectivity-check.acme.test", "nmcheck.gnome.org")[v]
    for _ in days:
        periodic(h, manager, host, 80, 300, 0.5, out=120, back=150)
    periodic(h, manager, host, 80, 300, 6, 0.01, out=120, back=150)
    return {"network-manager": ["acts at 06-12 UTC"]}


@scenario(23, "long polls, server-sent events and websockets", STAND_IN)
def long_poll(h, v, days):
    app = service(h, "board", "/opt/acme-board/board", package="acme-board")
    period = (25, 55, 300)[v]

    def hold(n):
        for _ in range(n):
            s = app.open_socket("events.acme-board.test", 443)
            h.wait(period * h.rng.uniform(0.99, 1.0))
            app.close(s, 500, 200)

    for _ in days:
        hold(4)
    hold(50)
    return {"acme-board": ["talks to acme-board.test"]}


@scenario(24, "MQTT", PACKAGED)
def mqtt(h, v, days):
    sub = h.service("sensors", "/usr/bin/mosquitto_sub", "-h", "broker.home.test", existing=True)
    for _ in days:
        periodic(h, sub, "broker.home.test", 1883, 600, 1, out=90, back=40)
    if v:  # the broker was restarted: calls again and again until it is back
        for i in range(12):
            sub.fail("broker.home.test", 1883)
            h.wait(min(2 ** i, 60))
    periodic(h, sub, "broker.home.test", 1883, 60, 1.5, 0.01, out=90, back=40)
    return {"mosquitto-clients": ["talks to home.test"]}


@scenario(25, "mail: IMAP IDLE and a poll", PACKAGED)
def imap(h, v, days):
    def mail(desk, polls):
        app = desk.start("/usr/lib/thunderbird/thunderbird")
        app.open("/home/alice/.thunderbird/a.default/logins.json")
        idle = app.open_socket("imap.acme-mail.test", 993)
        for _ in range(polls):
            app.connect("imap.other-mail.test", 993, out=400, back=900)
            h.wait(600 * h.rng.uniform(0.98, 1.02))
        app.close(idle, 4000, 90000)
        app.exit()

    for _ in days:
        with h.desktop() as desk:
            mail(desk, 3)
    with h.desktop() as desk:
        mail(desk, 30)
    return {"thunderbird": ["talks to acme-mail.test", "talks to other-mail.test"]}


@scenario(26, "feeds are fetched every half hour", PACKAGED)
def feeds(h, v, days):
    sites = [f"feeds.site{i}.example" for i in range(12)]

    def fetch(app, which):
        for site in which:
            app.connect(site, 443, out=400, back=30000)

    for i in days:
        with h.desktop() as desk:
            app = desk.start("/usr/bin/liferea")
            fetch(app, sites[:8])
            app.exit()
    with h.desktop() as desk:
        app = desk.start("/usr/bin/liferea")
        for _ in range(16):
            fetch(app, sites[:8] + sites[8:8 + v * 2])
            h.wait(1800 * h.rng.uniform(0.99, 1.01))
        app.exit()
    return {"liferea": ["talks to site0.example"]}


@scenario(27, "Prometheus scrapes its targets", PACKAGED)
def prometheus(h, v, days):
    server = h.service("prometheus", "/usr/bin/prometheus", existing=True)
    exporter = h.service("node-exporter", "/usr/bin/prometheus-node-exporter", existing=True)
    targets = [f"10.1.0.{20 + i}" for i in range(3)]

    def scrape(n, which):
        for _ in range(n):
            exporter.accept(9100, "10.1.0.3", 60000, 300)
            for t in which:
                server.connect(t, 9100, out=300, back=60000)
            h.wait(15)

    for _ in days:
        scrape(5, targets)
    scrape(40, targets + (["10.1.0.77"] if v == 1 else []) + (["node9.acme.test"] if v == 2 else []))
    return {"prometheus": ["talks to 10.1.0.0/24"]}


@scenario(28, "telemetry pings", STAND_IN)
def telemetry(h, v, days):
    h.package("acme-suite", "24.1", ["/opt/acme-suite/"], signer="Acme")

    def work(desk, n):
        app = desk.start("/opt/acme-suite/office")
        app.connect("licence.acme-suite.test", 443)
        for _ in range(n):
            app.connect("telemetry.acme-suite.test" if v != 1 else "in.applytics.example", 443, out=800 if v else 410, back=60)
            h.wait(60 * h.rng.uniform(0.95, 1.05))
        app.exit()

    for _ in days:
        with h.desktop() as desk:
            work(desk, 5)
    with h.desktop() as desk:
        work(desk, 60)
    return {"acme-suite": ["talks to acme-suite.test"]}


@scenario(29, "a daily check of a licence", STAND_IN)
def licence(h, v, days):
    h.package("acme-cad", "11", ["/opt/acme-cad/"], signer="Acme")

    def check():
        job = h.timer("acme-cad-licence.service", "/opt/acme-cad/licensed", "--check")
        job.connect("licence.acme-cad.test" if v != 2 else "10.1.0.44", 443 if v != 2 else 27000, out=512, back=256)
        job.exit()

    for _ in days:
        check()
    for _ in range(40):
        h.day(9)
        check()
    return {"acme-cad": ["acts"]}


@scenario(30, "a cloud agent and the metadata service", STAND_IN)
def cloud(h, v, days):
    name = "google-guest-agent" if v == 2 else "acme-guest-agent"
    agent = service(h, "cloud-agent", f"/usr/sbin/{name}", package=name)

    def beat(n):
        for _ in range(n):
            agent.connect("169.254.169.254", 80, out=200, back=900)
            agent.connect("config.cloud-provider.example", 443, out=900, back=900)
            if name == "google-guest-agent":  # the keys of administrators come from the cloud's own pages
                agent.write("/home/alice/.ssh/authorized_keys")
            if h.rng.random() < 0.2:
                agent.run("/usr/sbin/sysctl", "-a")
                agent.run("/usr/bin/ip", "route")
            h.wait(60 * h.rng.uniform(0.99, 1.01))

    for _ in days:
        beat(4)
    beat(60)
    return {name: ["talks to cloud-provider.example"] + ["writes to authorized keys"] * (v == 2)}


@scenario(31, "a security agent looks at everything and reports", STAND_IN)
def security_agent(h, v, days):
    agent = service(h, "acme-edr", "/opt/acme-edr/sensor", package="acme-edr")
    watched = h.service("chrony", "/usr/sbin/chronyd", existing=True)

    def look(n):
        for _ in range(n):
            agent.access(watched, "read", "/proc/PID/mem")
            agent.run("/usr/bin/ps", "aux")
            agent.run("/usr/bin/ss", "-tanp")
            agent.connect("cloud.acme-edr.test", 443, out=h.rng.randrange(500, 9000), back=300)
            h.wait(60)
        for f in ("/home/alice/.ssh/id_ed25519", "/home/alice/.aws/credentials"):
            agent.open(f)

    for _ in days:
        look(3)
    for _ in range(1 + v):
        look(15)
    return {"acme-edr": ["talks to acme-edr.test", "reads ssh-key", "reaches into others: reads others"]}


@scenario(32, "a VPN is kept alive", PACKAGED)
def vpn(h, v, days):
    tunnel = h.service("openvpn@office", "/usr/sbin/openvpn", "--config", "office.conf", existing=True)
    far = ("vpn.acme.test", "198.19.77.3", "vpn2.acme.test")[v]

    def alive(n):
        s = tunnel.open_socket(far, 1194, proto="udp", tls=False)
        for _ in range(n):
            h.wait(60)
            if h.rng.random() < 0.5:
                tunnel.close(s, 900, 900)
                s = tunnel.open_socket(far, 1194, proto="udp", tls=False)
        tunnel.close(s)

    for _ in days:
        alive(4)
    alive(80)
    return {"openvpn": ["acts at 06-12 UTC"]}


@scenario(33, "an editor fetches its git repository every 5 minutes", "Debian's git; the editor is a stand-in")
def git_fetch(h, v, days):
    h.package("code" if v == 0 else "acme-edit", "1.94", ["/usr/share/acme-edit/"], signer="Acme")

    def edit(desk, n):
        app = desk.start("/usr/share/acme-edit/acme-edit")
        for _ in range(n):
            git = app.start("/usr/bin/git", "fetch", cwd="/home/alice/src/tool")
            if v == 2:
                ssh = git.start("/usr/bin/ssh", "git@git.acme.test")
                ssh.open("/home/alice/.ssh/id_ed25519")
                ssh.connect("git.acme.test", 22, out=3000, back=3000)
                ssh.exit()
            else:
                far = git.start("/usr/lib/git-core/git-remote-https", "origin")
                far.connect("github.com", 443, out=900, back=1200)
                far.exit()
            git.exit()
            h.wait(300 * h.rng.uniform(0.99, 1.02))
        app.exit()

    for _ in days:
        with h.desktop() as desk:
            edit(desk, 3)
    with h.desktop() as desk:
        edit(desk, 40)
    return {"code" if v == 0 else "acme-edit": ["starts git"]}


@scenario(34, "files are kept in step with a server", "Debian packages; one is a stand-in")
def sync(h, v, days):
    path, name = (("/usr/bin/nextcloud", "nextcloud-desktop"), ("/usr/bin/syncthing", "syncthing"),
                  ("/opt/acme-drive/acme-drive", "acme-drive"))[v]
    if v == 2:
        h.package(name, "8", [path], signer="Acme")

    def work(desk, n):
        app = desk.start(path)
        for _ in range(n):
            app.connect("cloud.acme.test", 443, out=900, back=900)
            for i in range(3):
                app.write(f"/home/alice/Cloud/paper-{h.rng.randrange(99)}.odt")
            h.wait(30 * h.rng.uniform(0.98, 1.02))
        app.exit()

    for _ in days:
        with h.desktop() as desk:
            work(desk, 5)
    with h.desktop() as desk:
        work(desk, 60)
        app = desk.start(path)
        app.write(f"/home/alice/.config/autostart/{('Nextcloud', 'syncthing-start', 'acme-drive')[v]}.desktop")
        app.exit()
    return {name: ["acts at 06-12 UTC", "writes to autostart"]}


@scenario(35, "the timers of a Debian system", PACKAGED)
def timers(h, v, days):
    def night():
        daily = h.timer("apt-daily", "/usr/bin/dash", "/usr/lib/apt/apt.systemd.daily", "update")
        get = daily.start("/usr/bin/apt-get", "-qq", "update")
        http = get.start("/usr/lib/apt/methods/http")
        http.connect("deb.debian.org", 80, back=10**6)
        http.write("/var/lib/apt/lists/partial/deb.debian.org_InRelease")
        for p in (http, get, daily):
            p.exit()
        fw = h.timer("fwupd-refresh", "/usr/bin/fwupdmgr", "refresh")
        fw.connect("cdn.fwupd.org", 443, back=10**6)
        fw.exit()
        man = h.timer("man-db", "/usr/bin/mandb", "--quiet")
        for i in range(5):
            man.run("/usr/bin/gzip", "-d")
        man.write("/var/cache/man/index.db")
        man.exit()
        for unit, tool in (("fstrim", "/usr/bin/findmnt"), ("dpkg-db-backup", "/usr/bin/tar")):
            h.timer(unit, tool).exit()

    for _ in days:
        night()
    for _ in range(1 + v):
        h.at(3)
        night()
    return {"apt": ["talks to debian.org"], "fwupd": ["talks to fwupd.org"], "man-db": ["acts"]}
