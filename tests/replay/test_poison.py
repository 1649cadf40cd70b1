# SPDX-License-Identifier: Apache-2.0
"""Can somebody who floods the engine with made-up life hide a deed in it, or make it grow?

One process talks to 60,000 places, another starts processes at a rate of 100,000 a minute, the wall clock jumps by hours and
days, and in the middle of it a program turns. Memory must not follow the flood, and the story must be there. (With 1,000,000
places and 100,000 processes: ./dev bench behaviour --parts poison.)
"""
import json
import subprocess
import tempfile
import time

import pytest
from chain import App, Turned, program_of, stories, told
from play import NS, Host

PLACES = 60_000
PROCESSES = 30_000
LIMIT_MB = 64  # the whole program: engine, reader, buffers


def run(program, text):
    """The rows, and the most memory that the replay held, in MB: by its own mark, for a child's rusage begins with its parent's."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as f, tempfile.TemporaryFile("w+") as out:
        f.write(text)
        f.flush()
        child, most = subprocess.Popen([*program, f.name], stdout=out), 0
        while child.poll() is None:
            try:
                with open(f"/proc/{child.pid}/status", encoding="ascii") as status:
                    most = max([most] + [int(line.split()[1]) for line in status if line.startswith("VmHWM")])
            except OSError:  # it ended meanwhile
                pass
            time.sleep(0.02)
        assert child.returncode in (0, 1) and most > 0
        out.seek(0)
        return [json.loads(line) for line in out], most / 1024


def many(h, n, lines_of):
    """n made-up acts, written without the ceremony of a play: lines_of(i, head) gives the lines of one."""
    for i in range(n):
        def head(kind, i=i):
            h.seq += 1
            h.ns += 200_000
            return (f'{{"@timestamp":"{h.time_text(h.ns)}","event.sequence":{h.seq},"turncoat.type":"{kind}",'
                    f'"turncoat.boot_ns":{h.ns - h.boot_ns},')
        h.lines.extend(lines_of(i, head))


def places(h, p, n):
    """p talks to n places that nobody ever talked to."""
    who = f'"process.pid":{p.pid},"process.entity_id":"{p.entity}","network.type":"ipv4","network.transport":"tcp",'

    def lines(i, head):
        ip = f"198.{18 + (i >> 16 & 1)}.{i >> 8 & 255}.{i & 255}"
        yield (head("connect") + who + f'"event.action":"established","destination.ip":"{ip}","destination.port":443,'
               f'"destination.domain":"p{i}.flood{i}.test"}}')

    many(h, n, lines)


def processes(h, p, n):
    """p starts n programs, 100,000 a minute, each with arguments of its own; they end at once."""
    file = h.key("/usr/bin/true")

    def lines(i, head):
        pid, entity = 100_000 + i, f"{(i + 1) * 0x9E3779B97F4A7C15 % (1 << 64):016x}"
        who = f'"process.pid":{pid},"process.entity_id":"{entity}",'
        yield head("fork") + who + f'"process.parent.entity_id":"{p.entity}","process.parent.pid":{p.pid}}}'
        yield (head("exec") + who + f'"process.executable":"/usr/bin/true","process.args":["true","--n={i}"],'
               f'"file.inode":{file["file.inode"]},"file.device":{file["file.device"]},"turncoat.image.nlink":1,'
               f'"file.ctime":"{file["file.ctime"]}","process.parent.entity_id":"{p.entity}"}}')
        yield head("exit") + who + '"process.exit_code":0}'

    many(h, n, lines)


def jump(h, seconds):
    """Somebody sets the clock. boot_ns goes on."""
    h.ns += int(seconds * NS)
    h.boot_ns += int(seconds * NS)
    h.emit("clock", None, {"turncoat.meta.delta_ns": int(seconds * NS)})


class Flooded:
    """A host with a product of two weeks; the flood runs between the steps of its turning."""

    def __init__(self, flood):
        self.h = h = Host(seed=7)
        self.app = app = App(h, version="3.0")
        app.workdays(9)
        app.release("3.1")
        h.day(9)
        with h.desktop("alice") as desk:
            main = app.start(desk)
            app.use(main)
            noise = desk.start(h.drop("/home/alice/bin/noise"))
            turned = Turned(app)
            turned.main = turned.actor = main
            turned.first_contact()
            flood(h, noise)
            turned.second_stage()
            flood(h, noise)
            turned.collection()
            turned.exfiltration()
            flood(h, noise)
            app.use(main)


def flood_of_places(h, p):
    places(h, p, PLACES // 3)


def flood_of_processes(h, p):
    processes(h, p, PROCESSES // 3)


def clocks(h, _):
    for seconds in (3600, -7200, 86400, -3 * 86400, 5 * 86400, -1, 40 * 86400, -43 * 86400):
        h.wait(30)
        jump(h, seconds)


FLOODS = {"places": flood_of_places, "processes": flood_of_processes, "clocks": clocks}


@pytest.fixture(scope="module", params=FLOODS)
def flooded(request, programs):
    return run(program_of(programs), Flooded(FLOODS[request.param]).h.text())


def test_the_deed_in_the_flood_is_still_told(flooded):
    rows, _ = flooded
    found = [s for s in stories(rows) if s["software"]["name"] == "acme-desk"]
    assert len(found) == 1, told(rows)[:4000]
    assert found[0]["verdict"] == "malicious", told(rows)[:4000]
    assert (found[0]["change"]["from"], found[0]["change"]["to"]) == ("3.0", "3.1")


def test_the_flood_itself_is_no_crowd_of_stories(flooded):
    rows, _ = flooded
    assert len([r for r in rows if r["type"] == "story"]) < 20, told(rows)[:4000]


def test_memory_does_not_follow_the_flood(flooded):
    _, megabytes = flooded
    assert megabytes < LIMIT_MB, f"{megabytes:.0f} MB"
