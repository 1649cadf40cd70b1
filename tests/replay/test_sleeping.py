# SPDX-License-Identifier: Apache-2.0
"""Is an implant still told, and still as the update that brought it, when it sleeps for weeks?

An ordinary fortnight, an update, then 7, 14 or 28 days in which program and host live as always, with a reboot between; then
the chain. Everything that ties the deed to its cause (profile, update, who wrote what) must outlast that time.
"""
import datetime

import pytest
from chain import App, Turned, program_of, reboot, replay, restarting, stories, told
from play import Host


def slept(days, early_write=False):
    h = Host(seed=days)
    app = App(h, version="2.3")
    app.workdays(10)
    app.release("2.4")
    h.day(9)
    with h.desktop("alice") as desk:
        main = app.start(desk)
        turned = Turned(app)
        if early_write:  # the second stage is fetched at once and rests until it is run
            main.connect(turned.c2, out=400, back=400000)
            main.write(turned.helper, mode=0o100755)
        app.use(main)
    left = days - 1
    app.workdays(left // 2, runs=1)
    reboot(h)
    app.workdays(left - left // 2, runs=1)
    h.day(10)
    with h.desktop("alice") as desk:
        main = app.start(desk)
        app.use(main)
        turned = Turned(app)
        if early_write:
            turned.main = main
            turned.actor = main.start(turned.helper, "--service")
            turned.beacon()
            turned.collection()
            turned.exfiltration()
        else:
            turned.run(main)
    return h.text()


@pytest.fixture(scope="module", params=("one engine", "another after the reboot"))
def program(request, programs):
    """turncoat, and beside it a replay whose engine starts anew from what the first one asked to remember."""
    return program_of(programs) if request.param == "one engine" else restarting(programs)


def day_of(time):
    return datetime.date.fromisoformat(time[:10]).toordinal()


@pytest.mark.parametrize("days", (7, 14, 28))
def test_an_implant_that_slept_is_one_story_of_the_update(program, days):
    rows = replay(program, slept(days))
    found = stories(rows)
    assert len(found) == 1, told(rows)
    story = found[0]
    assert (story["software"]["name"], story["software"]["version"]) == ("acme-desk", "2.4")
    assert (story["change"]["from"], story["change"]["to"], story["change"]["by"]) == ("2.3", "2.4", "apt")
    assert story["verdict"] == "malicious"
    assert len({stage["stage"] for stage in story["stages"]}) >= 6, told(rows)


def test_nothing_is_told_before_it_wakes(program):
    rows = replay(program, slept(28))
    first = min(r["time"] for r in rows if r["type"] == "finding" and r["score"] >= 25)
    story = stories(rows)[0]
    assert story["stages"][0]["time"] == first
    assert (day_of(first) - day_of(story["change"]["time"])) >= 27, told(rows)


@pytest.mark.parametrize("days", (7, 28))
def test_a_file_that_was_fetched_before_the_sleep_is_still_from_the_network(program, days):
    rows = replay(program, slept(days, early_write=True))
    checks = {r["check"] for r in rows if r["type"] == "finding"}
    assert "behaviour.second-stage" in checks, told(rows)
    assert len(stories(rows)) == 1, told(rows)
