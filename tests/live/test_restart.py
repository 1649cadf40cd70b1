# SPDX-License-Identifier: Apache-2.0
"""What a program fetched yesterday and runs today: does the memory of where a file came from outlive a restart, and a reboot's new ids?"""
import json
import os
import signal
import subprocess

import pytest
from rehearsal import Turncoat

EXISTING = 1

# Harmless: takes some bytes from a loopback socket of its own making, writes them as a script, later runs that script.
FETCHER = """#!/usr/bin/python3
import os, socket, subprocess, sys, threading
there = "/home/alice/.cache/fetched-tool"
if sys.argv[1] == "fetch":
    server = socket.create_server(("127.0.0.1", 8099))
    def serve():
        peer, _ = server.accept()
        peer.sendall(b"#!/bin/sh\\necho fetched\\n")
        peer.close()
    threading.Thread(target=serve).start()
    with socket.create_connection(("127.0.0.1", 8099)) as s:
        data = s.recv(1000)
    os.makedirs(os.path.dirname(there), exist_ok=True)
    with open(there, "wb") as f:
        f.write(data)
    os.chmod(there, 0o755)
else:
    sys.exit(subprocess.call([there]))
"""


def second_stages(t):
    stories = t.stories("--all")
    return [f for s in stories for stage in s["stages"] for f in stage["findings"] if f["check"] == "behaviour.second-stage"]


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_provenance_outlives_a_restart(private_root, how):
    root = private_root
    root.write("/opt/fetcher/fetcher", FETCHER, mode=0o755)
    t = Turncoat(root)
    root.run(["/opt/fetcher/fetcher", "fetch"], user=True)
    t.settle()
    assert second_stages(t) == [], "fetching alone is nothing"
    if how == "killed":
        os.kill(json.loads(t.ask("status", "--json"))["processes"]["turncoat-engine"], signal.SIGKILL)
        t._await_ready(15)
    else:
        t.stop()
        t = Turncoat(root)
    root.run(["/opt/fetcher/fetcher", "run"], user=True)
    t.settle()
    found = second_stages(t)
    assert len(found) == 1, t.words()
    assert "fetched-tool" in found[0]["summary"] and "127.0.0.1" in json.dumps(found[0]["evidence"]), found
    stories, _ = t.replay()
    assert stories, "a replay that starts from the snapshot finds it too"
    t.stop()


def test_a_library_mapped_again_is_stored_once_and_logged_each_time(private_root):
    t = Turncoat(private_root)
    for _ in range(3):
        private_root.run(["/usr/bin/id"])
    t.settle()
    loads = json.loads(t.ask("hunt", "--json", "type=lib_load dll.path=*libselinux*"))
    execs = json.loads(t.ask("hunt", "--json", "type=exec process.executable=/usr/bin/id"))
    assert (len(execs), len(loads)) == (3, 1), (execs, loads)
    t.stop()


def test_open_sockets_are_told_to_the_next_engine(private_root):
    """Once to each: as they happen to the first, as what was there to the second."""
    t = Turncoat(private_root)
    holder = private_root.popen(
        ["python3", "-c", "import socket, sys\nl = socket.create_server(('127.0.0.1', 8098))\n"
         "c = socket.create_connection(('127.0.0.1', 8098)); a, _ = l.accept(); print(flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    holder.stdout.readline()
    t.settle()

    def told(*terms):
        found = json.loads(t.ask("hunt", "--json", "port=8098", f"pid={holder.pid}", *terms))
        return sorted(e["turncoat"].get("flags", 0) & EXISTING for e in found)

    assert told("type=listen") == [0] and told("type=accept") == [0]
    os.kill(json.loads(t.ask("status", "--json"))["processes"]["turncoat-engine"], signal.SIGKILL)
    t._await_ready(15)
    t.settle()
    assert told("type=listen") == told("type=accept") == told("type=connect", "action=established") == [0, EXISTING]
    holder.stdin.close()
    holder.wait()
    t.stop()
