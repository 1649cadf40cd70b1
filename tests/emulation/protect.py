# SPDX-License-Identifier: Apache-2.0
"""The rehearsal under a protective policy: what must not happen does not, what is honest goes on, and all of it is taken back.

Owns: the policy of the rehearsal and what is expected of turncoat under it. Must not own: the stage (rehearsal.py), the order
of the play (demo.py).
"""
import json
import time

import rehearsal

POLICY = "/srv/policy.yaml"
MARK = rehearsal.SCRATCH + "/second-stage-ran"
HELPER = "/home/alice/.cache/acme/helper"
PEER = "127.0.0.9"
# A loaded machine may take long to judge a start: then it still waits, and still does not run.
RULES = """\
mode: protect
rules:
  - check: behaviour.second-stage
    act: [isolate, shield, block]
    for: 1h
    except: ["pbx.acme.test:5060"]
hold-new-programs:
  for-ms: 8000
  fresh: 10m
  then: refuse
"""
ACTS = {"isolate", "shield", "block"}


class NotStopped(AssertionError):
    """turncoat was to stop something, and did not, or stopped too much."""


def expect(holds, words):
    if not holds:
        raise NotStopped(words)


def start(root):
    root.write(POLICY, RULES)
    return rehearsal.Turncoat(root, options=["--policy", POLICY])


def steps(turncoat):
    """Of each action its steps, by state: {id: {state: event}}."""
    told = {}
    for event in turncoat.seen("type=response"):
        response = event["turncoat"]["response"]
        told.setdefault(response["id"], {}).setdefault(response["state"], response)
    return told


def effects(turncoat):
    """How long from the finding until each act was carried out, in ms."""
    took = {}
    for states in steps(turncoat).values():
        done = states.get("done") or states.get("seen")
        if done and done.get("check"):
            took[done["act"]] = done["took_ns"] / 1e6
    return took


def reached(turncoat, since_ns):
    """Connections to the peer that were made after that moment of the boot clock."""
    return [
        e["turncoat"]["boot_ns"]
        for e in turncoat.seen(f"type=connect dst={PEER} action=established")
        if e["turncoat"]["boot_ns"] > since_ns
    ]


def check_stopped(root, turncoat, stories):
    """After the run of 1.1."""
    expect(not root.exists(MARK), "the second stage ran")
    expect(len(stories) == 1, f"one story is expected, not {len(stories)}")
    (story,) = stories
    stages = {s["stage"] for s in story["stages"]}
    expect("second-stage" in stages, f"the second stage is not told: {sorted(stages)}")
    expect(not stages & {"collection", "exfiltration"}, f"browser data was read: {sorted(stages)}")
    actions = {a["act"]: a for a in story["actions"]}
    expect(set(actions) == ACTS, f"the story's actions are {sorted(actions)}, not {sorted(ACTS)}")
    for act, action in actions.items():
        expect(action["state"] == "seen", f"'{act}' was not seen to hold: {action}")
        expect(action["by"] == "policy behaviour.second-stage", f"'{act}' was done by {action['by']}")


def take_back(turncoat, stories, seconds=20):
    """Undoes every action of the stories; they are told as undone."""
    ids = [a["id"] for story in stories for a in story["actions"]]
    for number in reversed(ids):
        turncoat.ask("respond", "undo", str(number))
    deadline, states = time.monotonic() + seconds, []
    while time.monotonic() < deadline:
        states = [a["state"] for story in turncoat.stories() for a in story["actions"]]
        if states and set(states) == {"undone"}:
            return
        time.sleep(0.2)
    raise NotStopped(f"{len(ids)} actions were taken back, and stand as {states}")


def check_back(root, turncoat):
    """After everything was taken back and 1.1 ran once more: the chain goes as far as it goes without turncoat."""
    expect(root.exists(MARK), "the second stage does not run, though its block was taken back")
    (story,) = turncoat.stories()
    stages = {s["stage"] for s in story["stages"]}
    expect({"collection", "exfiltration"} <= stages, f"not everything is back: {sorted(stages)}")
    again = [a for a in story["actions"] if a["state"] != "undone"]
    expect(not again, f"what a person took back was done again: {again}")


def journal(turncoat):
    return json.loads(turncoat.ask("respond", "list", "--all", "--verify", "--json"))
