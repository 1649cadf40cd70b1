# SPDX-License-Identifier: Apache-2.0
"""Scenarios 36 to 43: programs that read what is private, because that is their work."""
from scenario import PACKAGED, scenario

HOME = "/home/alice"
PRIVATE = [f"{HOME}/{p}" for p in (
    ".mozilla/firefox/k3x9.default-esr/places.sqlite", ".mozilla/firefox/k3x9.default-esr/cookies.sqlite",
    ".mozilla/firefox/k3x9.default-esr/logins.json", ".mozilla/firefox/k3x9.default-esr/key4.db",
    ".config/chromium/Local State", ".config/chromium/Default/Cookies", ".config/chromium/Default/Login Data",
    ".ssh/id_ed25519", ".ssh/id_rsa", ".gnupg/private-keys-v1.d/0A1B.key", ".aws/credentials", ".kube/config",
    ".docker/config.json", ".local/share/keyrings/login.keyring", ".electrum/wallets/default_wallet")]


def read_all(h, process, part=1.0):
    """A walk over a home; in no particular order, as directories give it."""
    files = PRIVATE[:]
    h.rng.shuffle(files)
    for f in files[:max(3, int(len(files) * part))]:
        h.wait(h.rng.uniform(0.01, 4))
        process.open(f)


@scenario(36, "the backup of a whole home", PACKAGED)
def backup(h, v, days):
    """restic by a timer to a server; rsync by cron; Deja-dup asked for by its user. Newly installed when cold."""
    def restic():
        job = h.timer("backup", "/usr/bin/restic", "backup", HOME)
        job.connect("backup.acme.test", 443, out=900, back=900)
        read_all(h, job)
        job.connect("backup.acme.test", 443, out=4 * 10**8, back=90000)
        job.exit()

    def rsync():
        job = h.cron("/usr/bin/rsync", "-a", HOME + "/", "nas.home.test:/backup", user="alice")
        ssh = job.start("/usr/bin/ssh", "nas.home.test")
        ssh.open(f"{HOME}/.ssh/id_ed25519")
        s = ssh.open_socket("nas.home.test", 22)
        read_all(h, job)
        ssh.close(s, 3 * 10**8, 90000)
        ssh.exit()
        job.exit()

    def deja_dup():
        with h.desktop() as desk:
            app = desk.start("/usr/bin/deja-dup", "--backup")
            work = app.start("/usr/bin/python3.11", "/usr/bin/duplicity", "incremental", HOME, script="/usr/bin/duplicity")
            read_all(h, work)
            work.connect("dav.acme-cloud.test", 443, out=2 * 10**8, back=9000)
            work.exit()
            app.exit()

    run = (restic, rsync, deja_dup)[v]
    for _ in days:
        run()
    run()
    if v == 0:  # by hand, a full one
        with h.ssh("root") as sh:
            p = sh.start("/usr/bin/borg", "create", "/mnt/usb::home", HOME)
            read_all(h, p)
            p.exit()
    return {"restic": ["reads ssh-key"]} if v == 0 else {"deja-dup": ["acts"]} if v == 2 else {"rsync": ["reads keyring"]}


@scenario(37, "the desktop's indexer", PACKAGED)
def indexer(h, v, days):
    def index(part):
        miner = h.service("tracker-miner-fs-3", "/usr/libexec/tracker-miner-fs-3", user="alice")
        read_all(h, miner, part)
        extract = miner.start("/usr/libexec/tracker-extract-3")
        read_all(h, extract, part / 2)
        extract.exit()
        miner.exit()
        if v == 2:
            db = h.timer("plocate-updatedb", "/usr/sbin/updatedb.plocate")
            db.write("/var/lib/plocate/plocate.db.new")
            db.exit()

    for i in days:
        index(0.3 if v else 1)
    index(1)
    return {"tracker-miner-fs": ["reads ssh-key"]}


@scenario(38, "scanners: clamscan, rkhunter, AIDE", PACKAGED)
def scanners(h, v, days):
    def scan():
        if v == 0:
            job = h.timer("clamscan", "/usr/bin/clamscan", "-r", "/home")
            read_all(h, job)
        elif v == 1:
            job = h.cron("/usr/bin/rkhunter", "--cronjob")
            for tool in ("ps", "ss", "ip", "id", "uname", "find"):
                h.wait(0.3)
                job.run(f"/usr/bin/{tool}")
            read_all(h, job, 0.3)
        else:
            job = h.timer("dailyaidecheck", "/usr/bin/aide", "--check")
            read_all(h, job)
        job.exit()

    for _ in days:
        scan()
    scan()
    return {("clamav", "rkhunter", "aide")[v]: ["acts"]}


@scenario(39, "a search through a whole home", "Debian's grep and ripgrep; the editor is a stand-in")
def search(h, v, days):
    """A person's grep; an editor's ripgrep over a folder of sources; and over the whole home, where that was opened."""
    name = "code" if v != 1 else "acme-edit"
    h.package(name, "1.94", ["/usr/share/acme-edit/"], signer="Acme")

    def look(part):
        with h.desktop() as desk:
            if v == 0:
                sh = desk.terminal()
                with sh.start("/usr/bin/grep", "-r", "token", HOME) as p:
                    read_all(h, p, part)
                return
            app = desk.start("/usr/share/acme-edit/acme-edit")
            with app.start("/usr/bin/rg", "--hidden", "token", HOME if v == 2 else HOME + "/src") as p:
                if v == 2:
                    read_all(h, p, part)
            app.connect("ext.acme-edit.test", 443, out=900)
            app.exit()

    for i in days:
        if i % 3 == 0:
            look(0.2)
        with h.desktop() as desk:
            app = desk.start("/usr/share/acme-edit/acme-edit")
            app.connect("ext.acme-edit.test", 443, out=900)
            h.wait(60)
            app.exit()
    look(0.5 if v else 1)
    return {"grep": ["acts"]} if v == 0 else {name: ["starts ripgrep"]}


@scenario(40, "ssh-agent, the keyring and gpg-agent", PACKAGED)
def agents(h, v, days):
    def use(desk):
        ring = desk.start("/usr/bin/gnome-keyring-daemon", "--start")
        ring.open(f"{HOME}/.local/share/keyrings/login.keyring")
        agent = desk.start("/usr/bin/ssh-agent", "-D")
        sh = desk.terminal()
        add = sh.start("/usr/bin/ssh-add")
        add.open(f"{HOME}/.ssh/id_ed25519")
        add.open(f"{HOME}/.ssh/id_rsa")
        add.exit()
        gpg = sh.start("/usr/bin/gpg", "--sign", "mail.txt")
        gpgagent = gpg.start("/usr/bin/gpg-agent", "--daemon")
        gpgagent.open(f"{HOME}/.gnupg/private-keys-v1.d/0A1B.key")
        gpg.exit()
        ssh = sh.start("/usr/bin/ssh", "server.acme.test")
        ssh.open(f"{HOME}/.ssh/id_ed25519")
        ssh.connect("server.acme.test", 22, out=90000, back=90000)
        ssh.exit()
        ring.exit()
        agent.exit()

    for _ in days:
        with h.desktop() as desk:
            use(desk)
    with h.desktop() as desk:
        use(desk)
    return {"gnome-keyring": ["acts"]}


@scenario(41, "a manager of dotfiles", PACKAGED)
def dotfiles(h, v, days):
    def work(sh, all_of_it):
        if v == 0:
            with sh.start("/usr/bin/perl", "/usr/bin/stow", "ssh", "git", script="/usr/bin/stow") as p:
                for f in (PRIVATE[7:11] if all_of_it else PRIVATE[7:8]):
                    p.open(f)
                p.write(f"{HOME}/.bashrc")
        else:
            with sh.start("/usr/bin/git", "--git-dir=.dotfiles", "add", "-u") as git:
                for f in (PRIVATE[7:12] if all_of_it else PRIVATE[7:8]):
                    git.open(f)
                git.write(f"{HOME}/.dotfiles/index")
            with sh.start("/usr/bin/git", "push") as git:
                with git.start("/usr/bin/ssh", "git@git.acme.test") as ssh:
                    ssh.open(PRIVATE[7])
                    ssh.connect("git.acme.test", 22, out=90000)

    for i in days:
        with h.desktop() as desk:
            work(desk.terminal(), False)
    with h.ssh() if v == 2 else h.desktop() as who:
        work(who if v == 2 else who.terminal(), True)
    return {"stow": ["reads ssh-key", "writes to start files of shells"]} if v == 0 else {"git": ["reads ssh-key"]}


@scenario(42, "a home is moved: cp -a, tar, scp", PACKAGED)
def move(h, v, days):
    for _ in days:
        with h.ssh() as sh:
            sh.run("/usr/bin/tar", "-czf", "/tmp/papers.tgz", f"{HOME}/Papers")
    with h.ssh("root" if v else "alice") as sh:
        if v == 0:
            with sh.start("/usr/bin/cp", "-a", HOME, "/mnt/new/alice") as p:
                read_all(h, p)
        elif v == 1:
            tar = sh.start("/usr/bin/tar", "-cf", "-", HOME)
            ssh = sh.start("/usr/bin/ssh", "root@new.acme.test", "tar -xf -")
            ssh.open("/root/.ssh/id_ed25519")
            s = ssh.open_socket("new.acme.test", 22)
            read_all(h, tar)
            ssh.close(s, 9 * 10**8, 90000)
            tar.exit()
            ssh.exit()
        else:
            with sh.start("/usr/bin/rsync", "-aAX", "/home/", "new.acme.test:/home/") as p:
                with p.start("/usr/bin/ssh", "new.acme.test", "rsync --server") as ssh:
                    ssh.open("/root/.ssh/id_ed25519")
                    s = ssh.open_socket("new.acme.test", 22)
                    read_all(h, p)
                    ssh.close(s, 9 * 10**8, 90000)
    return {("coreutils", "tar", "rsync")[v]: ["reads keyring"]}


@scenario(43, "a person opens places.sqlite", PACKAGED)
def look_inside(h, v, days):
    for _ in days:
        with h.desktop() as desk:
            desk.terminal().run("/usr/bin/sqlite3", f"{HOME}/notes.db", "select 1")
    h.package("sqlitebrowser", "3.12.2-1", ["/usr/bin/sqlitebrowser"], signer="Debian")
    with h.ssh() if v == 2 else h.desktop() as who:
        if v == 1:
            with who.start("/usr/bin/sqlitebrowser") as p:  # from the menu
                p.open(PRIVATE[0])
                h.wait(300)
        else:
            sh = who if v == 2 else who.terminal()
            with sh.start("/usr/bin/sqlite3", PRIVATE[0], "select url from moz_places") as p:
                p.open(PRIVATE[0])
                h.wait(3)
            if v == 0:
                sh.start("/usr/bin/cp", PRIVATE[1], "/tmp/").open(PRIVATE[1])
    return {"sqlitebrowser" if v == 1 else "sqlite3": ["reads browser-history"]}
