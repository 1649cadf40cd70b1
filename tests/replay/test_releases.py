# SPDX-License-Identifier: Apache-2.0
"""Does software that changes every week stay quiet, and is the week in which it turns still told?

Half a year of weekly releases of an Electron-like program on one host, each with a new child, a new telemetry host and a
new library: changes that vendors make. The profile must grow old over the lineage, not begin anew with each version, and
must neither tell these nor learn to tell nothing any more.
"""
import pytest
from chain import App, Turned, program_of, replay, stories, told
from play import Host

WEEKS = 26
CHILDREN = ("/usr/bin/lscpu", "/usr/bin/findmnt", "/usr/bin/lsblk", "/usr/bin/free", "/usr/bin/uptime", "/usr/bin/df",
            "/usr/bin/stat", "/usr/bin/readlink", "/usr/bin/sha256sum", "/usr/bin/nproc", "/usr/bin/ping", "/usr/bin/ip")


def feature(app, week):
    """What a vendor adds in one week: a helper program, a telemetry host, a library."""
    if week % 2:
        app.children.append((CHILDREN[week // 2 % len(CHILDREN)], ()))
    else:
        app.children.append((f"{app.root}/lib/helper-{week}", ("--quiet",)))
    app.children = app.children[-6:]
    app.hosts.append(f"t{week}.metrics{week}.test" if week % 3 else f"o{week}.ingest.{app.site}")
    app.hosts = app.hosts[:3] + app.hosts[-4:]
    library = f"/usr/lib/x86_64-linux-gnu/libfeature{week}.so.1" if week % 2 else f"{app.root}/lib/libfeature{week}.so"
    app.h.package(f"libfeature{week}", "1.0", [f"/usr/lib/x86_64-linux-gnu/libfeature{week}.so.1"], signer="Debian")
    app.libraries = app.libraries[:2] + app.libraries[-3:] + [library]


def half_a_year(turns):
    h = Host(seed=26)
    app = App(h)
    app.workdays(5)
    for week in range(1, WEEKS + 1):
        app.release(f"1.{week}")
        feature(app, week)
        app.workdays(2)
        h.wait(3 * 86400)
    app.release(f"1.{WEEKS + 1}")
    h.day(9)
    with h.desktop("alice") as desk:
        main = app.start(desk)
        app.use(main)
        if turns:
            Turned(app).run(main)
        h.wait(3600)
        app.use(main)
    return h.text()


@pytest.fixture(scope="module")
def quiet(programs):
    return replay(program_of(programs), half_a_year(turns=False))


@pytest.fixture(scope="module")
def turned(programs):
    return replay(program_of(programs), half_a_year(turns=True))


def test_half_a_year_of_releases_is_no_story(quiet):
    assert stories(quiet) == [], told(quiet)


def test_what_a_release_adds_weighs_as_little_as_news_may(quiet):
    heavy = [r for r in quiet if r["type"] == "finding" and r["score"] >= 25]
    assert heavy == [], told(heavy)


def test_the_release_that_turns_is_one_story(turned):
    found = stories(turned)
    assert len(found) == 1, told(turned)
    story = found[0]
    assert (story["software"]["name"], story["software"]["version"]) == ("acme-desk", f"1.{WEEKS + 1}")
    assert (story["change"]["from"], story["change"]["to"]) == (f"1.{WEEKS}", f"1.{WEEKS + 1}")
    assert story["verdict"] == "malicious"
    assert len({stage["stage"] for stage in story["stages"]}) >= 6, told(turned)


def test_the_story_names_product_and_change_in_its_sentence(turned):
    sentence = stories(turned)[0]["sentence"]
    assert "acme-desk" in sentence and f"1.{WEEKS + 1}" in sentence, sentence
