# SPDX-License-Identifier: Apache-2.0
"""Does a loss that the sensor really had reach the story that it overlaps, and only that one?"""
import json

from rehearsal import Turncoat
from test_packages import build

# Harmless: takes a script from a loopback socket of its own making, writes it, runs it, and connects to itself often.
FETCHER = """#!/usr/bin/python3
import os, socket, subprocess, sys
there, connections = sys.argv[1:]
server = socket.create_server(("127.0.0.1", 0))
def talk(data):
    with socket.create_connection(server.getsockname()) as s:
        peer, _ = server.accept()
        peer.sendall(data)
        peer.close()
        return s.recv(1000)
script = talk(b"#!/bin/sh\\necho fetched\\n")
with open(there, "wb") as f:
    f.write(script)
os.chmod(there, 0o755)
assert subprocess.run([there], stdout=subprocess.PIPE).stdout == b"fetched\\n"
for _ in range(int(connections)):
    talk(b"again")
"""
SHARE, CONNECTIONS = 200, 2000


def test_a_throttled_program_marks_its_own_story_and_no_other(private_root):
    root = private_root
    for name in ("loud", "still"):
        package = build(root, f"acme-{name}", "1.0", {f"/opt/{name}/{name}": FETCHER})
        root.run(["dpkg", "-i", package], scope=False)
    t = Turncoat(root, options=("--share", str(SHARE), "--connections", "0"))
    for name, connections in (("still", 3), ("loud", CONNECTIONS)):
        root.run([f"/opt/{name}/{name}", f"/home/alice/{name}-tool", str(connections)], user=True)
    t.settle()
    status = json.loads(t.ask("status", "--json"))
    (lost,) = [r["count"] for r in status["loss_rows"] if r["class"] == "throttled"]
    assert lost > CONNECTIONS, "each connection is several records, and one share a second is told"
    overlap = {}
    for story in t.stories("--all"):
        overlap.update({name: story["loss_overlap"] for name in ("loud", "still") if f"{name}-tool" in json.dumps(story)})
    assert overlap == {"loud": True, "still": False}, t.words()
    page = {s["id"]: t.ask("stories", str(s["id"])) for s in t.stories("--all") if s["loss_overlap"]}
    assert len(page) == 1 and "Not all was seen" in "".join(page.values()), page
    t.stop()
