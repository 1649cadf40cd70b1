# SPDX-License-Identifier: Apache-2.0
"""Scenarios 11 to 19: browsers, password managers and applications that are browsers inside."""
from benign_packages import dpkg
from scenario import PACKAGED, STAND_IN, scenario

FOX = "/home/alice/.mozilla/firefox/k3x9.default-esr"
CHROME = "/home/alice/.config/chromium"
FIREFOX, CHROMIUM = "/usr/lib/firefox-esr/firefox-esr", "/usr/lib/chromium/chromium"


def firefox(h, desk, sites, first=False):
    app = desk.start(FIREFOX)
    for f in ("places.sqlite", "cookies.sqlite", "key4.db", "logins.json"):
        app.open(f"{FOX}/{f}")
    for _ in range(2):
        content = app.start(FIREFOX, "-contentproc", "-isForBrowser")
        content.memory("anonymous")
        content.memory("writable")
    app.connect("firefox.settings.services.mozilla.com", 443)
    for site in sites:
        app.connect(site, 443, out=900, back=50000)
        h.wait(h.rng.uniform(2, 90))
    if first:
        app.write(f"{FOX}/places.sqlite")
        app.connect("www.mozilla.org", 443)
        app.connect("aus5.mozilla.org", 443)
    app.write(f"{FOX}/cookies.sqlite")
    return app


def chromium(h, desk, sites=(), *args):
    app = desk.start(CHROMIUM, *args)
    app.open(f"{CHROME}/Local State")
    for f in ("Cookies", "History", "Login Data"):
        app.open(f"{CHROME}/Default/{f}")
    zygote = app.start(CHROMIUM, "--type=zygote")
    for _ in range(2):
        zygote.fork().memory("writable")
    app.start("/usr/lib/chromium/chrome_crashpad_handler", "--monitor-self")
    for site in sites:
        app.connect(site, 443, out=900, back=50000)
        h.wait(h.rng.uniform(1, 60))
    return app


def close(h, app):
    for p in reversed([p for p in h.alive.values() if p is not app and p.is_below(app)]):
        p.exit()
    app.exit()


def some_sites(h, n=4):
    return [f"www.site{h.rng.randrange(400)}.{h.rng.choice(('com', 'org', 'de', 'io'))}" for _ in range(n)]


@scenario(11, "a browser's first start, and a day of browsing", PACKAGED)
def cold_browser(h, v, days):
    for i in days:
        with h.desktop() as desk:
            close(h, firefox(h, desk, some_sites(h)))
    with h.desktop() as desk:
        close(h, chromium(h, desk, some_sites(h, 10) + ["github.com", "raw.githubusercontent.com", "pastebin.com"],
                          "--no-first-run"))
        close(h, firefox(h, desk, some_sites(h, 10) + ["gist.github.com", "discord.com"], first=True))
    return {"firefox-esr": ["talks to mozilla.org"], "chromium": ["acts"]}


@scenario(12, "a browser imports another's data", PACKAGED)
def browser_import(h, v, days):
    for _ in days:
        with h.desktop() as desk:
            close(h, firefox(h, desk, some_sites(h, 3)))
            if v != 1:
                close(h, chromium(h, desk, some_sites(h, 2)))
    with h.desktop() as desk:
        if v != 2:
            app = chromium(h, desk, ["www.acme.test"])
            for f in ("places.sqlite", "logins.json", "key4.db", "cookies.sqlite", "formhistory.sqlite"):
                app.open(f"{FOX}/{f}")
        else:
            app = firefox(h, desk, [])
            app.open(f"{CHROME}/Local State")
            for f in ("History", "Cookies", "Login Data", "Web Data"):
                app.open(f"{CHROME}/Default/{f}")
        app.connect("sync-1.acme.test", 443, out=40000)
        app.connect(some_sites(h, 1)[0], 443, out=20000)
        close(h, app)
    return {"chromium" if v != 2 else "firefox-esr": ["reads browser-logins", "reads browser-history"]}


@scenario(13, "a password manager imports a browser's passwords", PACKAGED)
def password_import(h, v, days):
    for _ in days:
        with h.desktop() as desk:
            app = desk.start("/usr/bin/keepassxc")
            app.write("/home/alice/Passwords.kdbx")
            h.wait(200)
            app.exit()
    with h.desktop() as desk:
        app = desk.start("/usr/bin/keepassxc")
        if v == 0:  # by way of an exported list
            close(h, firefox(h, desk, []))
        else:
            app.open(f"{CHROME}/Default/Login Data")
            app.open(f"{CHROME}/Local State")
        if v == 2:
            app.connect("icons.keepassxc.org", 443, out=900)
        app.write("/home/alice/Passwords.kdbx")
        app.exit()
    return {"keepassxc": ["reads browser-logins"] if v else ["acts"]}


@scenario(14, "a browser starts the helper of an extension", "Debian packages; one helper is a stand-in")
def native_messaging(h, v, days):
    def browse(desk, helper):
        app = (chromium(h, desk, some_sites(h, 2)) if v == 1 else firefox(h, desk, some_sites(h, 2)))
        if helper and v < 2:
            app.start("/usr/bin/keepassxc-proxy", "/usr/lib/mozilla/native-messaging-hosts/org.keepassxc.json").exit()
        elif helper:
            host = app.script("/usr/local/bin/acme-sign-host", "acme@sign", interp="/usr/bin/python3.11")
            host.run("/usr/bin/gpg", "--list-keys")
            host.exit()
        close(h, app)

    for _ in days:
        with h.desktop() as desk:
            browse(desk, False)
    with h.desktop() as desk:
        browse(desk, True)
    return {"chromium" if v == 1 else "firefox-esr": ["starts keepassxc"] if v < 2 else ["acts"]}


@scenario(15, "a browser is driven by tests, with a profile of its own", STAND_IN)
def driven(h, v, days):
    site = "/home/alice/venv/lib/python3.11/site-packages/playwright"
    h.package("playwright", "1.48", [site + "/"], origin="python")
    shell = "/home/alice/.cache/ms-playwright/chromium-1140/chrome-linux/headless_shell"

    def install(sh):
        p = sh.start("/usr/bin/python3.11", "-m", "playwright", "install", "chromium")
        node = p.start(f"{site}/driver/node", f"{site}/driver/package/cli.js", "install", "chromium")
        node.connect("playwright.azureedge.net", 443, back=10**8)
        node.write(shell)
        node.chmod(shell)
        node.exit()
        p.exit()

    def test(sh):
        run = sh.start("/usr/bin/python3.11", "-m", "pytest", "tests")
        run.listen(8765, ip="127.0.0.1")
        node = run.start(f"{site}/driver/node", f"{site}/driver/package/cli.js", "run-driver")
        browser = node.start(shell, "--user-data-dir=/tmp/playwright_chromiumdev_profile-x", "--remote-debugging-pipe")
        browser.memory("writable")
        browser.write("/tmp/playwright_chromiumdev_profile-x/Default/Cookies")
        browser.connect("127.0.0.1", 8765)
        for p in (browser, node, run):
            h.wait(3)
            p.exit()

    for i in days:
        with h.desktop() as desk:
            sh = desk.terminal()
            if i == 0:
                install(sh)
            test(sh)
    if v == 2:
        job = h.service("ci-runner", "/usr/bin/bash", "/home/alice/ci/run.sh", user="alice")
        install(job)
        test(job)
        return {"playwright": ["acts"]}
    with h.desktop() as desk:
        sh = desk.terminal()
        install(sh)
        test(sh)
    return {"playwright": ["acts"]}


def electron(h, desk, name, pings=0):
    app = desk.start(f"/opt/{name}/{name}")
    zygote = app.start(f"/opt/{name}/{name}", "--type=zygote")
    render = zygote.fork()
    render.memory("anonymous")
    render.memory("writable")
    gpu = app.start(f"/opt/{name}/{name}", "--type=gpu-process")
    app.start(f"/opt/{name}/chrome_crashpad_handler")
    app.write(f"/home/alice/.config/{name}/Cookies")
    net = app.start(f"/opt/{name}/{name}", "--type=utility")
    net.connect(f"api.{name}.test", 443, out=3000, back=20000)
    for _ in range(pings):
        net.connect(f"ping.{name}.test", 443, out=300, back=120)
        h.wait(h.rng.uniform(28, 32))
    gpu.exit()
    return app, net


@scenario(16, "a chat application that is a browser inside, a ping every 30 s", STAND_IN)
def chat(h, v, days):
    h.package("acme-chat", "5.1", ["/opt/acme-chat/"], signer="Acme")
    for _ in days:
        with h.desktop() as desk:
            app, _net = electron(h, desk, "acme-chat", 6)
            close(h, app)
    with h.desktop() as desk:
        app, net = electron(h, desk, "acme-chat", 60)
        if v == 1:  # its user wants it at each login
            app.write("/home/alice/.config/autostart/acme-chat.desktop")
        if v:
            for media in ("media.acme-chat.test", "gif.picture-service.example"):
                net.connect(media, 443, back=10**6)
        if v == 2:
            app.run("/usr/bin/gpg", "--version")
            app.start("/usr/bin/dash", "-c", "lsb_release -d", invoked="/bin/sh").exit()
        close(h, app)
    return {"acme-chat": ["talks to acme-chat.test", "acts at 06-12 UTC", "has executable memory: writable"] +
            ["writes to autostart"] * (v == 1)}


@scenario(17, "an updater that fetches from code hosting", STAND_IN)
def autoupdater(h, v, days):
    h.package("acme-desk", "3.1", ["/opt/acme-desk/"], signer="Acme")

    def check(net):
        net.connect("api.github.com" if v != 1 else "github.com", 443, out=700, back=8000)
        if v == 2:
            net.connect("release-assets.githubusercontent.com", 443, out=500, back=700)  # latest.yml of the release

    for _ in days:
        with h.desktop() as desk:
            app, net = electron(h, desk, "acme-desk")
            check(net)
            close(h, app)
    with h.desktop() as desk:
        app, net = electron(h, desk, "acme-desk")
        check(net)
        net.connect("github.com", 443)
        net.connect("objects.githubusercontent.com", 443, back=9 * 10**7)
        deb = app.write("/home/alice/.cache/acme-desk-updater/pending/acme-desk_3.2_amd64.deb")
        app.start("/usr/bin/sha256sum", deb).exit()
        ask = app.start("/usr/bin/pkexec", "dpkg", "-i", deb)
        ask.become(0)
        dpkg(h, ask, [("acme-desk", "3.2")])
        close(h, app)
        app, net = electron(h, desk, "acme-desk")
        check(net)
        h.wait(1000)
        close(h, app)
    return {"acme-desk": ["talks to github.com", "talks to acme-desk.test"]}


@scenario(18, "a softphone's keep-alive, every 30 to 600 s", STAND_IN)
def keepalive(h, v, days):
    h.package("acme-phone", "2.4", ["/opt/acme-phone/"], signer="Acme")
    period = (30, 120, 600)[v]

    def day(desk, hours):
        app = desk.start("/opt/acme-phone/acme-phone", "--minimized")
        app.connect("accounts.acme-phone.test", 443)
        for _ in range(int(hours * 3600 / period)):
            if v == 1:  # the exchange of the office, by its address
                app.connect("10.1.0.5", 5061, out=640, back=420)
            else:
                app.connect("sip.acme-phone.test", 5061, out=640, back=420, proto="tcp" if v else "udp")
            h.wait(period * h.rng.uniform(0.97, 1.03))
        app.exit()

    for _ in days:
        with h.desktop() as desk:
            day(desk, period / 400)
    with h.desktop() as desk:
        day(desk, max(1, 10 * period / 600))
    return {"acme-phone": ["talks to acme-phone.test"]}


@scenario(19, "crashpad takes a dump of a crashed application and sends it", STAND_IN)
def crashpad(h, v, days):
    h.package("acme-draw", "7.0", ["/opt/acme-draw/"], signer="Acme")
    for _ in days:
        with h.desktop() as desk:
            app, _ = electron(h, desk, "acme-draw", 1)
            close(h, app)
    with h.desktop() as desk:
        app, net = electron(h, desk, "acme-draw", 2)
        handler = [p for p in h.alive.values() if p.path.endswith("crashpad_handler")][-1]
        victim = app if v == 0 else net
        handler.access(victim, "ptrace", "ptrace")
        handler.access(victim, "read", "process_vm_readv" if v != 2 else "/proc/PID/mem")
        handler.write("/home/alice/.config/acme-draw/Crashpad/pending/6c1f.dmp")
        if v == 2:  # the report tells what machine it was
            for words in ("uname -a", "lscpu", "hostname", "df -h", "ps aux", "id"):
                with app.shell(words, stdio=("null", "pipe", "pipe")) as sh:
                    sh.run(*("/usr/bin/" + words).split())
        victim.exit(signal=11)
        handler.connect("o42.ingest.sentry.io", 443, out=900000, back=300)
        close(h, app)
        electron(h, desk, "acme-draw", 1)
    return {"acme-draw": ["talks to sentry.io", "reaches into others: own processes"]}
