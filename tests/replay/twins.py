# SPDX-License-Identifier: Apache-2.0
"""The same acts by who never did them, after 16 ordinary days and an update: would the suite notice if nothing were told?"""
from benign_desktop import CHROME, FOX, close, electron
from benign_drift import suite
from scenario import STAND_IN, scenario


@scenario(112, "a chat application that reads the data of a browser and sends it", STAND_IN)
def reads(h, v, days):
    h.package("acme-chat", "5.1", ["/opt/acme-chat/"], signer="Acme")
    for _ in days:
        with h.desktop() as desk:
            app, _net = electron(h, desk, "acme-chat", 3)
            close(h, app)
    h.upgrade("acme-chat", "5.2")
    with h.desktop() as desk:
        app, net = electron(h, desk, "acme-chat", 3)
        for f in (f"{FOX}/logins.json", f"{FOX}/key4.db", f"{CHROME}/Default/Login Data"):
            net.open(f)
        net.connect("cdn.new-place.example", 443, out=90000)
        close(h, app)
    return {"acme-chat": ["reads browser-logins"]}


@scenario(113, "a password manager whose update reads what no version read", STAND_IN)
def update_reads(h, v, days):
    for _ in days:
        with h.desktop() as desk:
            desk.run("/usr/bin/keepassxc", secs=60)
    h.upgrade("keepassxc", "2.7.5")
    with h.desktop() as desk:
        app = desk.start("/usr/bin/keepassxc")
        app.open(f"{CHROME}/Default/Login Data")
        h.wait(60)
        app.exit()
    return {"keepassxc": ["reads browser-logins"]}


@scenario(117, "an updater that fetches a helper beside the update and runs it", STAND_IN)
def helper(h, v, days):
    h.package("acme-desk", "3.1", ["/opt/acme-desk/"], signer="Acme")
    for _ in days:
        with h.desktop() as desk:
            app, net = electron(h, desk, "acme-desk")
            net.connect("github.com", 443)
            close(h, app)
    h.upgrade("acme-desk", "3.2")
    with h.desktop() as desk:
        app, net = electron(h, desk, "acme-desk")
        net.connect("raw.githubusercontent.com", 443, back=90000)
        net.write("/home/alice/.cache/acme-desk/helper", 0o100755)
        child = net.start("/home/alice/.cache/acme-desk/helper")
        child.connect("198.19.200.7", 8443)
        h.wait(30)
        close(h, app)
    return {"acme-desk": ["talks to a host of the kind raw-code", "writes programs to ~/.cache/acme-desk"]}


@scenario(159, "a host that takes the updates' place has a dynamic name", STAND_IN)
def dynamic(h, v, days):
    h.package("acme-office", "7.6", ["/opt/acme-office/"], signer="Acme")
    for _ in days:
        suite(h).exit()
    h.upgrade("acme-office", "7.7")
    p = suite(h, cdn="acme-office.duckdns.org")
    for _ in range(14):
        h.wait(3600 * h.rng.uniform(0.97, 1.03))
        p.connect("acme-office.duckdns.org", 443, out=700, back=900)
    return {"acme-office": ["talks to a host of the kind dynamic-dns"]}
