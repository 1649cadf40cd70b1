#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev demo: a trusted softphone turns at an update, and turncoat tells it. Inert, private, under a minute.

Owns: the order of the rehearsal and what is expected of turncoat: nothing about 1.0, exactly one story about 1.1, its stages
in the order of time, and the same from a replay of the recorded log. Exit 0 only when all of that holds.
Must not own: the stage itself (rehearsal.py, private_root.py).

With --protect it is stopped by a policy (protect.py), and taken back.

Data on standard output: the story as a person reads it, or with --json the array of the stories of both versions.
"""
import argparse
import json
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import protect  # noqa: E402
import rehearsal  # noqa: E402
from private_root import NoPrivateRoot, PrivateRoot  # noqa: E402

NAME = "acme-softphone"
SECONDS = {"1.0": 5, "1.1": 5}


class Unexpected(Exception):
    """The rehearsal ran, but turncoat did not say what it should have."""


class Talk:
    def __init__(self):
        self.began = time.monotonic()

    def __call__(self, text):
        print(f"{time.monotonic() - self.began:5.1f} s  {text}", file=sys.stderr, flush=True)


def short(stories):
    return (
        ", ".join(
            f"{s['verdict']} {s['score']} {s['software'].get('name')} {s['software'].get('version')}" for s in stories
        )
        or "none"
    )


def check_story(story, gate=False):
    """The story's own claims: who, and in which order."""
    software = story["software"]
    if (software.get("name"), software.get("version")) != (NAME, "1.1"):
        raise Unexpected(f"the story is about {software}, not {NAME} 1.1")
    stages = story["stages"]
    if gate and stages[0]["stage"] != "release-change":
        raise Unexpected(f"the story does not begin with the release: {[s['stage'] for s in stages]}")
    if len({s["stage"] for s in stages}) < 2:
        raise Unexpected(f"only {len(stages)} stage(s): {[s['stage'] for s in stages]}")
    times = [s["time"] for s in stages]
    if times != sorted(times):
        raise Unexpected(f"stages are not in the order of time: {[(s['stage'], s['time']) for s in stages]}")


def differences(live, replayed, path="story"):
    """Where two JSON values differ, as readable lines."""
    if isinstance(live, dict) and isinstance(replayed, dict):
        out = []
        for key in sorted(set(live) | set(replayed)):
            out += differences(live.get(key), replayed.get(key), f"{path}.{key}")
        return out
    if isinstance(live, list) and isinstance(replayed, list) and len(live) == len(replayed):
        return [line for i, (a, b) in enumerate(zip(live, replayed)) for line in differences(a, b, f"{path}[{i}]")]
    return [] if live == replayed else [f"{path}: live {live!r}, replayed {replayed!r}"]


def check_replay(turncoat, stories):
    replayed, summary = turncoat.replay()
    for story in stories:
        if story["id"] not in replayed:
            raise Unexpected(f"the replay does not tell story {story['id']}")
        wrong = differences(story, replayed[story["id"]])
        if wrong:
            raise Unexpected("the replay tells the story differently:\n  " + "\n  ".join(wrong[:20]))
    return summary


def settled_stories(turncoat, seconds=12):
    """The stories once they stand still: a connection that closes late still adds its bytes."""
    turncoat.settle()
    stories, deadline = turncoat.stories(), time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(1.5 if stories else 0.2)
        before, stories = stories, turncoat.stories()
        if stories == before:
            break
    return stories


def through_the_gate(root, version, say):
    """The gate refuses the turned version, or warns; somebody insists, and that is recorded."""
    done = root.run(["apt-get", "-q", "-y", "install", f"{NAME}={version}"], check=False)
    if done.returncode == 0 and "is installed with a warning" in done.stderr:
        say(f"the gate warns of {NAME} {version} before it is unpacked")
        return
    if done.returncode == 0 or "nothing was unpacked" not in done.stderr:
        raise Unexpected(f"the gate let {version} through without a word:\n{done.stderr[-2000:]}")
    say(f"the gate refuses {NAME} {version} before it is unpacked; somebody insists")
    why = "the vendor says that it is harmless"
    root.run(["turncoat", "gate", "allow", f"{NAME}={version}", "--reason", why, "--for", "1h"], scope=False)
    rehearsal.install(root, version)


def rehearse_version(root, turncoat, version, say, gate=False):
    say(f"apt installs {NAME} {version} from a local repository")
    if gate and version == "1.1":
        through_the_gate(root, version, say)
    else:
        rehearsal.install(root, version)
    say(f"alice's desktop starts {NAME} {version}")
    rehearsal.run_softphone(root, SECONDS[version])
    if turncoat is None:
        return []
    stories = settled_stories(turncoat)
    say(f"stories so far: {short(stories)}")
    return stories


def bundle_stories(turncoat, stories):
    """Each story as evidence bundles in the state folder, one of them redacted."""
    for story in stories:
        turncoat.ask("stories", str(story["id"]), "--bundle", f"{rehearsal.STATE}/story-{story['id']}.tcb")
        turncoat.ask("stories", str(story["id"]), "--bundle", f"{rehearsal.STATE}/redacted-{story['id']}.tcb", "--redact")
    with open(turncoat.root.host_path(rehearsal.STATE + "/status.json"), "w", encoding="utf-8") as f:
        f.write(turncoat.ask("status", "--json"))


def watch_rehearsal(root, args, say):
    turncoat = rehearsal.Turncoat(root)
    say("turncoatd is ready and sees this one cgroup")
    root.run(["turncoat", "gate", "install"], scope=False)
    before = rehearse_version(root, turncoat, "1.0", say, gate=True)
    after = rehearse_version(root, turncoat, "1.1", say, gate=True)
    if args.state:
        bundle_stories(turncoat, after)
    page = "".join(turncoat.ask("stories", str(story["id"])) for story in after)
    turncoat.stop()
    if args.state:
        root.copy_out(rehearsal.STATE, args.state)
    print(json.dumps(after, indent=1) if args.json else page.rstrip("\n"), flush=True)
    if before:
        raise Unexpected(f"1.0 did nothing wrong, yet: {short(before)}")
    if len(after) != 1:
        raise Unexpected(f"expected exactly one story, about {NAME} 1.1, and got: {short(after)}")
    check_story(after[0], gate=True)
    summary = check_replay(turncoat, after)
    say(f"the replay of the log ({summary['events']} events) tells the same story")


def protect_rehearsal(root, args, say):
    """1.0, then 1.1 under a protective policy, then everything taken back and 1.1 once more."""
    turncoat = protect.start(root)
    say("turncoatd is ready, with a policy to protect")
    before = rehearse_version(root, turncoat, "1.0", say)
    after = rehearse_version(root, turncoat, "1.1", say)
    page = "".join(turncoat.ask("stories", str(story["id"])) for story in after)
    print(json.dumps(after, indent=1) if args.json else page.rstrip("\n"), flush=True)
    if before:
        raise Unexpected(f"1.0 did nothing wrong, yet: {short(before)}")
    protect.check_stopped(root, turncoat, after)
    check_story(after[0])
    say("the second stage did not run, no browser data was read, the PBX connection stayed up")
    took = protect.effects(turncoat)
    say("from the finding to the act: " + ", ".join(f"{act} {ms:.1f} ms" for act, ms in sorted(took.items())))
    protect.take_back(turncoat, after)
    say(f"taken back: {', '.join(sorted(protect.ACTS))}; {NAME} 1.1 starts once more")
    rehearsal.run_softphone(root, SECONDS["1.1"])
    settled_stories(turncoat)
    protect.check_back(root, turncoat)
    if args.state:
        with open(root.host_path(rehearsal.STATE + "/journal.json"), "w", encoding="utf-8") as f:
            json.dump({"journal": protect.journal(turncoat), "took_ms": took}, f)
    final = turncoat.stories()
    turncoat.stop()
    if args.state:
        root.copy_out(rehearsal.STATE, args.state)
    check_replay(turncoat, final)
    say("everything is back, and the replay of the log tells the same story")


def rehearse(args, say):
    with PrivateRoot(programs=None if args.no_watch else args.programs) as root:
        say(f"a private root is up ({root.setup_seconds:.2f} s; /usr by {root.usr})")
        rehearsal.prepare(root)
        say("two packages built, loopback servers up, fake browser profiles made")
        if args.no_watch:
            for version in ("1.0", "1.1"):
                rehearse_version(root, None, version, say)
            if not root.exists(rehearsal.SCRATCH + "/second-stage-ran"):
                raise Unexpected("the second stage of the rehearsal did not run")
        elif args.protect:
            protect_rehearsal(root, args, say)
        else:
            watch_rehearsal(root, args, say)
    say("everything is gone again")


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="dev demo", description="a rehearsal: a softphone turns at an update, and turncoat tells it"
    )
    parser.add_argument("--json", action="store_true", help="print the stories of both versions as a JSON array")
    parser.add_argument(
        "--protect", action="store_true", help="with a policy that stops it; then everything is taken back"
    )
    parser.add_argument("--state", metavar="DIR", help="keep turncoat's state (log, store) and evidence bundles in DIR")
    parser.add_argument(
        "--programs", default=os.path.join(HERE, "..", "..", "build", "bin"), help="folder of the built programs"
    )
    parser.add_argument("--no-watch", action="store_true", help="only the rehearsal, without turncoat")
    args = parser.parse_args()
    if not args.no_watch and not os.path.exists(os.path.join(args.programs, "turncoatd")):
        print(f"no programs to run: no turncoatd in '{args.programs}'\nhint: ./dev build", file=sys.stderr)
        sys.exit(3)
    return args


def interrupted(number, frame):
    raise KeyboardInterrupt


def main():
    args = parse_arguments()
    signal.signal(signal.SIGTERM, interrupted)
    try:
        rehearse(args, Talk())
    except NoPrivateRoot as e:
        print(
            f"cannot make a private root: {e}\nhint: run as root, on a kernel with cgroup v2, overlay and namespaces",
            file=sys.stderr,
        )
        return 3
    except (Unexpected, AssertionError) as e:
        print(f"the demo failed: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; everything is gone again", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
