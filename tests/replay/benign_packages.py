# SPDX-License-Identifier: Apache-2.0
"""Scenarios 1 to 6: software that is installed and updated."""
from scenario import PACKAGED, STAND_IN, scenario

ARCHIVE = ("deb.debian.org", "security.debian.org")


def apt(h, parent, packages, unattended=False):
    """apt-get below parent fetches and installs; packages: [(name, version)]."""
    tool = parent.start("/usr/bin/apt-get", "-y", "dist-upgrade")
    http = tool.start("/usr/lib/apt/methods/http")
    http.connect(ARCHIVE[0], 80, out=400, back=160000)
    for name, version in packages:
        http.connect(ARCHIVE[0], 80, out=300, back=900000)
        http.write(f"/var/cache/apt/archives/partial/{name}_{version}_amd64.deb")
        http.rename(f"/var/cache/apt/archives/partial/{name}_{version}_amd64.deb",
                    f"/var/cache/apt/archives/{name}_{version}_amd64.deb")
    http.exit()
    dpkg(h, tool, packages)
    tool.run("/usr/bin/dpkg", "--status-fd", "21", "--configure", "--pending")
    tool.exit()


def dpkg(h, parent, packages):
    unpack = parent.start("/usr/bin/dpkg", "--status-fd", "21", "--unpack", "--recursive", "/tmp/apt-dpkg-install-x1")
    for name, version in packages:
        unpack.run("/usr/bin/dpkg-deb", "--fsys-tarfile", f"/var/cache/apt/archives/{name}_{version}_amd64.deb")
        h.upgrade(name, version, "apt", unpack)
        unpack.write(f"/var/lib/dpkg/info/{name}.postinst", 0o100755)
        script = unpack.script(f"/var/lib/dpkg/info/{name}.postinst", "configure", version)
        script.run("/usr/bin/dpkg-query", "-W", name)
        script.run("/usr/bin/deb-systemd-helper", "--quiet", "was-enabled", f"{name}.service")
        script.exit()
        h.wait(h.rng.uniform(0.2, 3))
    unpack.exit()


def admin(h, shell, *command):
    sudo = shell.start("/usr/bin/sudo", *command)
    sudo.become(0)
    return sudo


@scenario(1, "apt upgrade with a new kernel", PACKAGED)
def apt_upgrade(h, v, days):
    h.package("initramfs-tools", "0.142", ["/usr/sbin/update-initramfs", "/usr/share/initramfs-tools/"])
    h.package("grub-common", "2.06-13", ["/usr/sbin/grub-mkconfig", "/usr/bin/grub-probe"])
    for i in days:
        with h.ssh() as sh:
            sudo = admin(h, sh, "apt-get", "update")
            tool = sudo.start("/usr/bin/apt-get", "update")
            tool.start("/usr/lib/apt/methods/http").connect(ARCHIVE[0], 80)
            if i % 7 == 3:
                apt(h, sudo, [("curl", f"7.88.1-10+deb12u{9 + i}")])
    with h.ssh() as sh:
        sudo = admin(h, sh, "apt-get", "dist-upgrade")
        apt(h, sudo, [("bash", "5.2.15-2+b8"), ("curl", "7.88.1-10+deb12u40"), ("openssh-client", "1:9.2p1-2+deb12u4"),
                      ("systemd", "252.32-1~deb12u1"), ("perl-base", "5.36.0-7+deb12u2")])
        kernel = sudo.start("/usr/bin/dpkg", "--configure", "linux-image-6.1.0-29-amd64")
        kernel.write("/boot/vmlinuz-6.1.0-29-amd64")
        parts = kernel.start("/usr/bin/run-parts", "--report", "/etc/kernel/postinst.d")
        initrd = parts.script("/usr/sbin/update-initramfs", "-c", "-k", "6.1.0-29-amd64")
        for tool in ("find", "cp", "sed", "mkdir"):
            initrd.run(f"/usr/bin/{tool}", "/lib/modules/6.1.0-29-amd64")
        initrd.write("/boot/initrd.img-6.1.0-29-amd64")
        grub = parts.script("/usr/sbin/grub-mkconfig", "-o", "/boot/grub/grub.cfg")
        grub.run("/usr/bin/grub-probe", "--target=device", "/")
        for p in (grub, initrd, parts, kernel):
            p.exit()
        sh.run("/usr/bin/curl", "--version")
        sh.run("/usr/bin/ssh", "-V")
    return {"apt": ["talks to debian.org"]}


@scenario(2, "unattended-upgrades", PACKAGED)
def unattended(h, v, days):
    def nightly(packages):
        daily = h.timer("apt-daily-upgrade", "/usr/bin/dash", "/usr/lib/apt/apt.systemd.daily", "install")
        python = daily.script("/usr/bin/unattended-upgrade", interp="/usr/bin/python3.11")
        python.connect(ARCHIVE[1], 80, back=90000)
        for name, version in packages:
            python.write(f"/var/cache/apt/archives/{name}_{version}_amd64.deb")
        dpkg(h, python, packages)
        python.write("/var/log/unattended-upgrades/unattended-upgrades.log")
        python.exit()
        daily.exit()

    for i in days:
        nightly([("curl", f"7.88.1-10+deb12u{9 + i}")] if i % 5 == v else [])
    nightly([("openssh-server", "1:9.2p1-2+deb12u4"), ("git", "1:2.39.5-0+deb12u2"), ("chromium", "131.0.6778.69-1~deb12u1")])
    with h.ssh() as sh:
        sh.run("/usr/bin/git", "status")
    return {"unattended-upgrades": ["talks to debian.org"]}


@scenario(3, "an upgrade whose postinst restarts services", PACKAGED)
def restarts(h, v, days):
    web = h.service("apache2", "/usr/sbin/apache2", "-k", "start", existing=True)
    for i in days:
        web.accept(443, "10.1.0.9", 8000, 600)
    with h.ssh() as sh:
        sudo = admin(h, sh, "apt", "upgrade")
        unpack = sudo.start("/usr/bin/dpkg", "--unpack", "/var/cache/apt/archives/apache2-bin.deb")
        h.upgrade("apache2-bin", "2.4.63-1~deb12u1", "apt", unpack)
        post = unpack.script("/var/lib/dpkg/info/apache2.postinst", "configure")
        post.script("/usr/bin/deb-systemd-helper", "enable", "apache2.service", interp="/usr/bin/perl") \
            .write("/etc/systemd/system/multi-user.target.wants/apache2.service")
        post.run("/usr/bin/deb-systemd-invoke", "restart", "apache2.service")
        web.exit()
        web = h.service("apache2", "/usr/sbin/apache2", "-k", "start")
        web.listen(80)
        web.listen(443)
        for _ in range(3):
            web.fork().become(33)
        post.exit()
        unpack.exit()
        web.accept(443, "10.1.0.9", 8000, 600)
    return {"apache2-bin": ["acts"]}


@scenario(4, "snap refresh", "Debian's snapd; the snap is a stand-in")
def snap(h, v, days):
    daemon = h.service("snapd", "/usr/lib/snapd/snapd", existing=True)
    revision = [100]

    def check():
        daemon.connect("api.snapcraft.io", 443)

    def use(desk):
        app = desk.start("/usr/bin/snap", "run", "acme-notes")
        app.exec("/usr/lib/snapd/snap-confine", "snap.acme-notes.acme-notes")
        app.exec("/usr/lib/snapd/snap-exec", "acme-notes")
        app.exec(f"/snap/acme-notes/{revision[0]}/bin/acme-notes")
        app.connect("sync.acme-notes.test", 443)
        app.exit()

    def refresh():
        check()
        revision[0] += 1
        daemon.connect("canonical-lgw01.cdn.snapcraftcontent.com", 443, back=9 * 10**7)
        daemon.write(f"/var/lib/snapd/snaps/acme-notes_{revision[0]}.snap.partial")
        daemon.rename(f"/var/lib/snapd/snaps/acme-notes_{revision[0]}.snap.partial",
                      f"/var/lib/snapd/snaps/acme-notes_{revision[0]}.snap")
        daemon.write(f"/etc/systemd/system/snap-acme\\x2dnotes-{revision[0]}.mount")
        daemon.run("/usr/bin/mount", "-t", "squashfs", f"/var/lib/snapd/snaps/acme-notes_{revision[0]}.snap")
        daemon.run("/usr/lib/snapd/snap-update-ns", "acme-notes")

    for i in days:
        check()
        with h.desktop() as desk:
            use(desk)
        if i % 6 == 5:
            refresh()
    refresh()
    with h.desktop() as desk:
        use(desk)
    return {"snapd": ["talks to snapcraft.io", "talks to snapcraftcontent.com"]}


@scenario(5, "flatpak update", "Debian's flatpak; the application is a stand-in")
def flatpak(h, v, days):
    h.package("bubblewrap", "0.8.0-2+deb12u1", ["/usr/bin/bwrap"])

    def use(desk):
        app = desk.start("/usr/bin/flatpak", "run", "org.acme.Draw")
        app.exec("/usr/bin/bwrap", "--args", "38", "acme-draw")
        inner = app.fork(mntns=4026532900)
        h.files.setdefault("/app/bin/acme-draw", h.file("/var/lib/flatpak/app/org.acme.Draw/files/bin/acme-draw"))
        inner.exec("/app/bin/acme-draw")
        inner.exit()
        app.exit()

    def update():
        helper = h.service("flatpak-system-helper", "/usr/libexec/flatpak-system-helper")
        with h.desktop() as desk:
            tool = desk.start("/usr/bin/flatpak", "update", "-y")
            tool.connect("dl.flathub.org", 443, back=5 * 10**7)
            helper.connect("dl.flathub.org", 443, back=5 * 10**6)
            helper.write("/var/lib/flatpak/app/org.acme.Draw/files/bin/acme-draw", 0o100755)
            h.files.pop("/app/bin/acme-draw", None)
            tool.exit()
            use(desk)
        helper.exit()

    for i in days:
        if i % 7 == 2:
            update()
        with h.desktop() as desk:
            use(desk)
    update()
    return {"flatpak": ["talks to flathub.org"]}


@scenario(6, "an AppImage updates itself", STAND_IN)
def appimage(h, v, days):
    path = "/home/alice/Applications/acme-paint.AppImage"
    h.package("acme-paint", "2.0", [path], origin="appimage")

    def start(desk):
        app = desk.start(path)
        mount = f"/tmp/.mount_acmepaI{h.rng.randrange(10**6):06d}"
        inner = app.start(f"{mount}/AppRun")
        inner.connect("api.github.com", 443, back=9000)
        return app, inner

    for _ in days:
        with h.desktop() as desk:
            app, inner = start(desk)
            h.wait(1200)
            inner.exit()
            app.exit()
    with h.desktop() as desk:
        app, inner = start(desk)
        inner.connect("github.com", 443)
        inner.connect("objects.githubusercontent.com", 443, back=10**8)
        inner.write(path + ".part")
        inner.chmod(path + ".part")
        inner.rename(path + ".part", path)
        h.packages["acme-paint"]["version"] = "2.1"
        again = inner.start(path) if v else app.exec(path)
        again.start(f"/tmp/.mount_acmepaI{h.rng.randrange(10**6):06d}/AppRun").connect("api.github.com", 443)
        h.wait(600)
    return {"acme-paint": ["acts"]}
