# SPDX-License-Identifier: Apache-2.0
"""What somebody decides about a story: is it told with who did it, does it outlive a restart, and does new evidence undo a closing?"""
import json

from rehearsal import Turncoat

FIREFOX = "/home/alice/.mozilla/firefox/x.default/places.sqlite"
CHROMIUM = "/home/alice/.config/chromium/Default/Login Data"


def read(root, path):
    root.run(["/opt/reader", path])


def story(t, condition):
    """The one story once it is as it should be."""
    for _ in range(50):
        t.settle()
        found = t.stories("--all")
        if len(found) == 1 and condition(found[0]):
            break
    assert len(found) == 1 and condition(found[0]), found
    return found[0]


def test_closed_assigned_and_opened_again(private_root):
    root = private_root
    for path in (FIREFOX, CHROMIUM):
        root.write(path, "fake")
    root.run(["cp", "/usr/bin/cat", "/opt/reader"])
    t = Turncoat(root)
    read(root, FIREFOX)
    one = str(story(t, lambda s: s["status"] == "open")["id"])
    t.ask("stories", one, "--assign", "ana")
    assert t.stories("--all")[0]["assigned"] == "ana", "what was said to be done can be seen at once"
    t.ask("stories", one, "--close", "a test")
    assert t.stories("--all")[0]["status"] == "closed"
    told = story(t, lambda s: s["status"] == "closed" and "assigned" in s)
    assert (told["close_why"], told["closed_by"], told["assigned"]) == ("a test", "root", "ana")
    assert "closed by root" in t.ask("stories", one)
    assert json.loads(t.ask("stories", "--json")) == [], "closed ones are shown with --all"
    t.stop()
    t = Turncoat(root)
    assert story(t, lambda s: True)["status"] == "closed"
    read(root, CHROMIUM)
    again = story(t, lambda s: s["status"] == "open")
    assert str(again["id"]) == one and again["reopened_why"] == "browser data" and again["close_why"] == "a test"
    stories, _ = t.replay()
    assert stories[again["id"]]["status"] == "open"
    t.stop()
