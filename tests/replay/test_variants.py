# SPDX-License-Identifier: Apache-2.0
"""Does the chain of a turned release stay a story when steps are missing and every name, place and pause is another?

200 variants from one seed: of the eight steps two do not happen, the rest come in another order, under other names, with
other hosts, files, periods and commands; the second stage is a file, one that is deleted, a script or in memory only; the
person's shell hangs on a pipe, a terminal or a connection; the software is old on this host or just installed. A variant is
found when it is a story from suspicious up; 95 % must be. Beside it, the same software that does not turn: nothing of it may
be a story.
"""
import collections
import itertools
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from chain import PRIVATE, RECON, STAGES, App, Turned, program_of, replay, stories
from play import Host

VARIANTS, QUIET, SEED = 200, 40, 20261127
NAMES = ("acme-desk", "huddle", "notewell", "callbird", "teamdock", "penbox", "lumen-chat", "skiff-mail", "wirepad", "orbit")
CODE_HOSTS = ("raw.githubusercontent.com", "gist.github.com", "pastebin.com", "cdn.discordapp.com", "hooks.slack.com",
              "x7k2.ngrok.io", "updates.duckdns.org", "transfer.sh", "bitbucket.org", "gitlab.com")
SITES = ("acme.test", "huddle.test", "note-well.test", "callbird.test", "dock.test", "orbit-app.test")
C2 = ("media-cdn.test", "sync-edge.test", "officeboxes.test", "akamai-cdn.test", "msstorage.test", "198.51.100.23")
HELPERS = (".cache/{n}/helper", ".local/share/{n}/agent", ".config/{n}/UpdateAgent", "/tmp/.{n}-x", "/var/tmp/{n}.bin",
           ".{n}/sessions/worker")
STAGE_TWO = ("file", "file", "gone", "script", "memory")
HANDS = ("pipe", "unix-socket", "terminal", "network-socket")  # what its shell's first descriptors are
UNITS = ("autostart", "systemd", "profile")
#: what one step is for another: a step never comes before what it needs
AFTER = {"beacon": ("second-stage",), "exfiltration": ("collection",), "hands-on-keyboard": ("second-stage",),
         "persistence": ("second-stage",), "collection": ("second-stage",)}


def some_order(rng):
    """Any order in which no step stands before what it needs."""
    left, order = list(STAGES), []
    while left:
        ready = [s for s in left if not any(need in left for need in AFTER.get(s, ()))]
        order.append(rng.choice(ready))
        left.remove(order[-1])
    return order


def variant(n, without):
    rng = random.Random(f"{SEED} {n}")
    h = Host(seed=n)
    app = App(h, name=rng.choice(NAMES), site=rng.choice(SITES), version="4.1")
    old = rng.random() < 0.7  # the rest was installed a day ago: no history to go by
    app.workdays(9 if old else 1)
    app.release("4.2")
    app.workdays(rng.choice((0, 1, 3)), runs=1)
    h.day(9)
    with h.desktop("alice") as desk:
        main = app.start(desk)
        app.use(main)
        period = rng.choice((30.0, 60.0, 300.0, 1200.0))
        Turned(app, without, code_host=rng.choice(CODE_HOSTS), c2=rng.choice(C2), period=period,
               jitter=rng.choice((0.0, 0.1, 0.3)), helper=rng.choice(HELPERS).format(n=app.name),
               private=rng.choice(PRIVATE), recon=rng.sample(RECON, 5), unit=rng.choice(UNITS),
               stage_two=rng.choice(STAGE_TWO), hands=rng.choice(HANDS),
               pause=rng.choice((5.0, 60.0, 900.0))).run(main, some_order(rng))
        app.use(main)
    return old, h.text()


@pytest.fixture(scope="module")
def outcome(programs):
    """For each variant: the pair that did not happen, whether the software had a history, its stories."""
    pairs = list(itertools.combinations(STAGES, 2))
    pairs = [pairs[n % len(pairs)] for n in range(VARIANTS)]
    with ThreadPoolExecutor(2) as pool:  # one plays while the other is judged
        def one(n):
            without = pairs[n] if n < VARIANTS else STAGES
            old, text = variant(n, without)
            return without, old, replay(program_of(programs), text)

        return list(pool.map(one, range(VARIANTS + QUIET)))


def test_two_steps_less_and_other_names_are_still_a_story(outcome):
    missed = [(without, old) for without, old, rows in outcome[:VARIANTS] if not stories(rows)]
    by_pair = collections.Counter(" and ".join(without) for without, _ in missed)
    for pair, n in by_pair.most_common():
        print(f"missed {n} without {pair}")
    print(f"found {VARIANTS - len(missed)} of {VARIANTS}; of the missed {sum(old for _, old in missed)} had a history")
    assert len(missed) <= VARIANTS * 0.05, by_pair


def test_a_variant_is_rarely_more_than_one_story(outcome):
    many = [without for without, _, rows in outcome[:VARIANTS] if len(stories(rows)) > 1]
    assert len(many) <= VARIANTS * 0.05, many


def test_the_story_is_about_the_product_or_what_it_put_there(outcome):
    names = {s["software"]["name"] for _, _, rows in outcome[:VARIANTS] for s in stories(rows)}
    strange = names - set(NAMES) - {h.rsplit("/", 1)[1].format(n=n) for h in HELPERS for n in NAMES}
    assert not strange, strange


def test_the_same_software_that_does_not_turn_is_no_story(outcome):
    false = [s for _, _, rows in outcome[VARIANTS:] for s in stories(rows)]
    assert not false, false
