# SPDX-License-Identifier: Apache-2.0
"""Can a user without rights keep turncoatd so busy that its guard ends it?"""
import json
import time

from rehearsal import Turncoat

# A path of 3,500 bytes is dear to resolve, and folders that take turns are in no small cache.
FLOOD = """
import os
folders = []
for k in range(6):
    os.makedirs(f"/tmp/deep{k}")
    os.chdir(f"/tmp/deep{k}")
    for _ in range(35):
        os.mkdir("d" * 100)
        os.chdir("d" * 100)
    folders.append(os.open(".", os.O_RDONLY))
for i in range(60000):
    os.close(os.open(f"f{i}", os.O_CREAT | os.O_WRONLY, dir_fd=folders[i % 6]))
"""


def test_files_in_deep_folders_do_not_silence_the_heart(private_root):
    daemon = Turncoat(private_root)
    private_root.write("/srv/flood.py", FLOOD)
    private_root.run(["/usr/bin/python3", "/srv/flood.py"], user=True)
    time.sleep(2)
    assert daemon.daemon.poll() is None, daemon.words()
    assert "silent" not in daemon.words()
    status = json.loads(private_root.run(["turncoat", "status", "--json"], scope=False).stdout)
    assert status["ready"] and status["losses"]["process"] == 0
    daemon.stop()
