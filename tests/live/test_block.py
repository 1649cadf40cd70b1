# SPDX-License-Identifier: Apache-2.0
"""Is what is blocked refused, whichever way it is started or loaded, and nothing else?

The files are the private root's own; the holder is block-probe, which carries out the act "block" and nothing else.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sensor_client  # noqa: E402
from private_root import UNDER_TEST, NoPrivateRoot, PrivateRoot  # noqa: E402

LIVE = os.path.dirname(os.path.abspath(sensor_client.PROBE))
BIN = os.environ.get("TRN_PROGRAMS") or os.path.join(LIVE, "..", "..", "bin")
BAD, OTHER, LIBRARY, SCRIPT = "/srv/bad", "/srv/other", "/srv/library.so", "/srv/script"


class Holder:
    def __init__(self, root, *options, gate=True):
        self.root = root
        options = [*options, *(["--gate", root.scope] if gate else [])]
        self.proc = root.popen(
            ["block-probe", *options],
            scope=False,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        ready = json.loads(self.proc.stdout.readline())
        self.pid = ready["ready"]
        if not self.pid:
            self.close()
            pytest.skip(f"the gate cannot be opened here: {ready.get('message')}")

    def ask(self, line):
        self.proc.stdin.write(line + "\n")
        return json.loads(self.proc.stdout.readline())

    def do(self, line):
        answer = self.ask(line)
        assert answer["result"] == "ok", (line, answer)
        return answer.get("said", "")

    def close(self):
        self.proc.stdin.close()
        self.proc.wait(timeout=20)
        self.proc.stdout.close()
        self.proc.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    programs = tmp_path_factory.mktemp("programs")
    for source in (f"{LIVE}/block-probe", f"{LIVE}/uring-open", f"{LIVE}/block-tries", f"{BIN}/turncoat-guard", f"{BIN}/turncoat-inspect"):
        if not os.path.exists(source):
            pytest.skip(f"no '{source}': build first")
        shutil.copy(source, programs)
    try:
        with PrivateRoot(programs=str(programs)) as r:
            r.run(["sh", "-c", f"cp /usr/bin/true {BAD}; cp /usr/bin/true {OTHER}; printf x >> {OTHER}"])
            r.run(["sh", "-c", f"cp /lib/*/libcap.so.2 {LIBRARY} || cp /lib/*/libz.so.1 {LIBRARY}"])
            r.write(SCRIPT, "#!/bin/sh\nexit 0\n", mode=0o755)
            r.mkdir("/protected")
            r.run(["mount", "-t", "tmpfs", "protected", "/protected"])
            yield r
    except NoPrivateRoot as e:
        pytest.skip(str(e))


def code(root, *argv, **rest):
    """Exit code; of a shell where the command itself is refused."""
    return root.run(["sh", "-c", '"$@" 2>/dev/null', "sh", *argv], check=False, **rest).returncode


def tries(root, *argv):
    """How an attempt of block-tries ended: 'ran', 'refused' (EPERM) or 'killed'."""
    done = root.run(["block-tries", *argv], check=False)
    assert done.returncode == 0, done
    return done.stdout.strip()


@pytest.fixture(scope="module")
def loader(root):
    return root.run(["sh", "-c", "ls /lib*/ld-linux* | head -n 1"]).stdout.strip()


def content_of(root, path):
    """What a protected file system's copy is made of: a spare one that nobody watches."""
    spare = "/root/spare-" + os.path.basename(path)
    root.run(["cp", "-p", path, spare])
    return spare


# ---- one file, every way ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [f"path {BAD} {BAD}", f"sha256 = {BAD}", f"software bad=1 {BAD}"])
def test_the_file_is_refused_by_every_way(root, loader, target):
    root.run(["sh", "-c", f"ln -sf {BAD} /srv/symlink; ln -f {BAD} /srv/hardlink; mkdir -p /srv/bound; touch /srv/bound/bad"])
    root.run(["mount", "--bind", BAD, "/srv/bound/bad"])
    try:
        with Holder(root, gate=False) as holder:
            holder.do(f"block 1 {target}")
            assert "EPERM" in holder.do("check 1")
            for path in (BAD, "/srv/symlink", "/srv/hardlink", "/srv/bound/bad"):
                for way in ("exec", "execveat", "opath", "thread", "vfork", "open", "map"):
                    assert tries(root, way, path) == "refused", (way, path)
                assert code(root, loader, path) != 0  # no exec of the file at all
                assert code(root, "uring-open", path) in (1, 77)
            assert tries(root, "exec", OTHER) == "ran"
            assert holder.ask("counts")["late"] == 0
            holder.do("undo 1")
            assert tries(root, "exec", BAD) == tries(root, "map", BAD) == "ran"
        assert tries(root, "exec", BAD) == "ran"
    finally:
        root.run(["sh", "-c", "umount /srv/bound/bad; rm -rf /srv/symlink /srv/hardlink /srv/bound"])


def test_a_library_and_a_script_are_refused(root):
    dlopen = f"import ctypes, sys\ntry:\n    ctypes.CDLL('{LIBRARY}')\nexcept OSError:\n    sys.exit(5)"
    with Holder(root, gate=False) as holder:
        holder.do(f"block 1 software tools=2 {LIBRARY} {SCRIPT}")
        assert code(root, "python3", "-c", dlopen) == 5
        preload = root.run(["sh", "-c", f"LD_PRELOAD={LIBRARY} /usr/bin/true"])
        assert preload.stderr.count("cannot be preloaded") == 1
        assert code(root, SCRIPT) == 126
        assert code(root, "sh", SCRIPT) != 0  # the interpreter's open
        assert code(root, "python3", SCRIPT) != 0
    assert code(root, "python3", "-c", dlopen) == 0 and code(root, SCRIPT) == 0


def test_vital_files_and_nonsense_are_not_blocked(root):
    with Holder(root, gate=False) as holder:
        for line, word in (
            ("block 1 path /usr/bin/sh", "vital"),
            ("block 1 software shells=1 /srv/bad /usr/bin/bash", "vital"),
            ("block 1 path srv/bad", "absolute"),
            ("block 1 path /srv", "plain file"),
            ("block 1 sha256 12", "sha256"),
            ("block 1 entity 12", "can be blocked"),
            (f"block 1 sha256 {'0' * 64}", "no file system is protected"),
        ):
            answer = holder.ask(line)
            assert answer["result"] != "ok" and word in answer["message"], (line, answer)
        counts = holder.ask("counts")
        assert counts["rules"] == counts["files"] == 0
        assert tries(root, "exec", BAD) == "ran"


# ---- a path --------------------------------------------------------------------------------------------------------


def test_a_path_stays_refused_when_its_file_is_replaced(root):
    """By rename, by a fresh file, by a symbolic link on the way; and what was refused before is not forgotten."""
    root.run(["sh", "-c", f"mkdir -p /srv/dir; cp {BAD} /srv/dir/prog; ln -sfn /srv/dir /srv/way"])
    with Holder(root, gate=False) as holder:
        holder.do("block 1 path /srv/way/prog")
        for how in (
            f"cp {OTHER} /srv/dir/new && mv /srv/dir/new /srv/dir/prog",
            f"rm /srv/dir/prog && cp {OTHER} /srv/dir/prog",
            f"rm /srv/dir/prog && ln {OTHER} /srv/dir/prog",
        ):
            # At once: the attempt follows in the same shell.
            done = root.run(["sh", "-c", f"({how}) 2>/dev/null; /srv/dir/prog 2>/dev/null"], check=False)
            assert done.returncode == 126, how
        assert tries(root, "exec", BAD) == "ran"
        root.run(["sh", "-c", f"mkdir /srv/dir2; cp {BAD} /srv/dir2/prog; ln -sfn /srv/dir2 /srv/way"])
        deadline = time.monotonic() + 10  # another folder: at the next look, once a second
        while tries(root, "exec", "/srv/way/prog") == "ran":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert holder.ask("counts")["hashed"] == 0
    root.run(["rm", "-rf", "/srv/dir", "/srv/dir2", "/srv/way"])


def test_a_path_where_nothing_is_yet(root):
    with Holder(root, gate=False) as holder:
        assert "nothing is there now" in holder.do("plan 1 path /srv/later")
        holder.do("block 1 path /srv/later")
        assert "no file of it is here" in holder.do("check 1")
        root.run(["cp", BAD, "/srv/later"], check=False)
        assert tries(root, "exec", "/srv/later") == "refused"
        assert "EPERM" in holder.do("check 1")
    root.run(["rm", "-f", "/srv/later"])


def test_a_link_that_is_turned_to_the_shell_takes_no_shell_away(root):
    root.run(["sh", "-c", f"ln -sfn {BAD} /srv/turned"])
    with Holder(root, gate=False) as holder:
        holder.do("block 1 path /srv/turned")
        root.run(["ln", "-sfn", "/usr/bin/sh", "/srv/turned"])
        time.sleep(1.5)  # longer than the time between two looks: nothing must have happened
        assert code(root, "true") == 0 and tries(root, "exec", BAD) == "refused"
        holder.do("undo 1")
    root.run(["rm", "/srv/turned"])


def test_whoever_owns_a_link_has_nobody_elses_file_refused(root):
    turn = "ln -s {0} /srv/new; chown -h 1000 /srv/new; mv -T /srv/new /srv/turned"
    root.run(["sh", "-c", f"cp {BAD} /srv/theirs; chown 1000 /srv/theirs; " + turn.format("/srv/theirs")])
    with Holder(root, gate=False) as holder:
        holder.do("block 1 path /srv/turned")
        assert tries(root, "exec", "/srv/theirs") == "refused"
        root.run(["sh", "-c", turn.format(OTHER)])
        time.sleep(1.5)  # longer than the time between two looks: nothing must have happened
        assert tries(root, "exec", OTHER) != "refused" and tries(root, "exec", "/srv/theirs") == "refused"
        holder.do("undo 1")
        with pytest.raises(AssertionError, match="belongs neither to root"):
            holder.do("block 2 path /srv/turned")
    root.run(["rm", "/srv/turned", "/srv/theirs"])


# ---- a content, on a protected file system ------------------------------------------------------------------------


def test_a_copy_under_any_name_is_refused_there(root, loader):
    spare = content_of(root, BAD)
    with Holder(root, gate=False) as holder:
        holder.do("protect /protected")
        assert "on 1 protected file system" in holder.do(f"plan 1 sha256 = {BAD}")
        holder.do(f"block 1 sha256 = {BAD}")
        for how in (f"cp {spare} /protected/x", f"cp {spare} /protected/y; mv /protected/y /protected/x",
                    f"cat {spare} > /protected/x; chmod 755 /protected/x"):  # fmt: skip
            for way in ("exec", "execveat", "thread", "vfork", "map", "uring"):
                root.run(["sh", "-c", "rm -f /protected/x; " + how])
                assert tries(root, way, "/protected/x") == "refused", (how, way)
        root.run(["sh", "-c", "mkdir -p /srv/view; mount --bind /protected /srv/view; cp -f " + spare + " /srv/view/z"])
        assert tries(root, "exec", "/srv/view/z") == "refused"  # another mount of it
        assert code(root, loader, "/protected/z") != 0
        counts = holder.ask("counts")
        assert counts["late"] == 0 and counts["hashed"] >= 18
        root.run(["sh", "-c", f"umount /srv/view; cp {OTHER} /protected/other; cp {OTHER} /protected/again"])
        before = holder.ask("counts")["hashed"]
        assert tries(root, "exec", "/protected/other") == tries(root, "exec", "/protected/again") == "ran"
        assert holder.ask("counts")["hashed"] == before  # of another size: nobody reads it
    assert tries(root, "exec", "/protected/x") == "ran"
    root.run(["sh", "-c", "rm -f /protected/*"])


def test_a_file_that_is_changed_and_changed_back(root):
    """Verdicts are about contents: what was allowed is judged again when it was written, and so is what was refused."""
    spare = content_of(root, BAD)
    root.run(["sh", "-c", f"cp {spare} /protected/p; cp {spare} /srv/known"])
    with Holder(root, gate=False) as holder:
        holder.do("protect /protected")
        holder.do("block 1 sha256 = /srv/known")
        for path in ("/protected/p", "/srv/known"):
            assert tries(root, "exec", path) == "refused"
        # Its own open is refused, too: it is written through a descriptor that was there before, as by a program that had it.
        for path in ("/protected/p", "/protected/q"):
            root.run(["sh", "-c", f"rm -f {path}; cp {OTHER} {path}"])
            assert tries(root, "exec", path) == tries(root, "exec", path) == "ran"
            root.run(["sh", "-c", f"cat {spare} > {path}"])
            assert tries(root, "exec", path) == "refused"
    root.run(["sh", "-c", "rm -f /protected/* /srv/known"])


def test_many_contents_and_a_rule_that_comes_later(root):
    """What was allowed under the old rules is asked about again under new ones."""
    spare = content_of(root, OTHER)
    root.run(["sh", "-c", f"cp {spare} /protected/o"])
    with Holder(root, gate=False) as holder:
        holder.do("protect /protected")
        holder.do(f"block 1 sha256 = {BAD}")
        assert tries(root, "exec", "/protected/o") == "ran"
        assert tries(root, "exec", "/protected/o") == "ran"
        holder.do(f"block 2 sha256 = {OTHER}")
        assert tries(root, "exec", "/protected/o") == "refused"
        holder.do("undo 2")
        assert tries(root, "exec", "/protected/o") == "ran" and tries(root, "exec", OTHER) == "ran"
        assert tries(root, "exec", BAD) == "refused"
    root.run(["sh", "-c", "rm -f /protected/*"])


def test_only_mount_points_are_protected(root):
    with Holder(root, gate=False) as holder:
        answer = holder.ask("protect /protected /srv/nowhere")
        assert answer["result"] == "ENOENT"
        answer = holder.ask("protect /usr/bin")
        assert answer["result"] == "EINVAL" and "no file system is mounted there" in answer["message"]
        assert holder.ask("counts")["protect"] == 0


def test_an_open_that_was_judged_is_not_asked_about_again(root):
    root.run(["sh", "-c", "echo data > /protected/data"])
    with Holder(root, gate=False) as holder:
        holder.do("protect /protected")
        holder.do(f"block 1 sha256 = {BAD}")
        for _ in range(3):
            root.run(["cat", "/protected/data"])
        counts = holder.ask("counts")
        assert (counts["asked"], counts["cached"], counts["hashed"]) == (1, 1, 0)
        root.run(["sh", "-c", "echo more >> /protected/data; cat /protected/data"])
        assert holder.ask("counts")["asked"] == 2
    root.run(["sh", "-c", "rm -f /protected/*"])


@pytest.mark.parametrize("option, expected", [("", "ran"), (" +closed", "refused")])
def test_the_deadline_decides_as_declared(root, option, expected):
    """A content that takes longer to hash than there is time; only files that could be it are concerned."""
    size = 768 << 20
    root.run(["sh", "-c", f"truncate -s {size} /protected/large; echo small > /protected/small"])
    with Holder(root, "--deadline-ms", "20", gate=False) as holder:
        holder.do("protect /protected")
        holder.do(f"block 1 sha256 {'ab' * 32}{option} size:{size}")
        assert tries(root, "open", "/protected/large") == expected
        assert tries(root, "open", "/protected/small") == "ran"
        counts = holder.ask("counts")
        assert (counts["late"], counts["late_refused"]) == (1, int(expected == "refused"))
        while tries(root, "open", "/protected/large") != "ran":  # it is known once it was read
            time.sleep(0.1)
    root.run(["sh", "-c", "rm -f /protected/*"])


def test_a_build_id_is_refused_in_whatever_file(root):
    """Two contents of one build: the worker says so. Without a worker only the known file is refused."""
    notes = subprocess.run(["readelf", "-n", "/usr/bin/true"], capture_output=True, text=True, check=False).stdout
    if "Build ID: " not in notes:
        pytest.skip("no readelf, or no build-id in /usr/bin/true")
    build_id = notes.partition("Build ID: ")[2].split()[0]
    spare = content_of(root, OTHER)
    root.run(["sh", "-c", f"cp {spare} /protected/x; cp /usr/bin/id /protected/id; echo no elf > /protected/data"])
    with Holder(root, "--inspect", f"{UNDER_TEST}/turncoat-inspect") as holder:
        holder.do("protect /protected")
        holder.do(f"block 1 build-id {build_id} {BAD}")
        assert tries(root, "exec", BAD) == "refused"  # known
        assert tries(root, "exec", "/protected/x") == "refused"
        assert tries(root, "memfd", spare) == "killed"
        assert tries(root, "open", "/protected/id") == tries(root, "open", "/protected/data") == "ran"
        assert holder.ask("counts")["late"] == 0
        holder.do("undo 1")
        assert tries(root, "exec", "/protected/x") == tries(root, "memfd", spare) == "ran"
    with Holder(root, gate=False) as holder:
        holder.do("protect /protected")
        assert "other files with this build-id are not noticed" in holder.do(f"plan 1 build-id {build_id} {BAD}")
    root.run(["sh", "-c", "rm -f /protected/*"])


# ---- life ----------------------------------------------------------------------------------------------------------


def test_rules_hold_again_after_a_restart(root):
    spare = content_of(root, BAD)
    root.run(["sh", "-c", f"cp {spare} /protected/x; mkdir -p /srv/many; for i in $(seq 60); do cp {OTHER} /srv/many/$i; done"])
    many = " ".join(f"/srv/many/{i}" for i in range(1, 61))
    with Holder(root, "--state", "/root", gate=False) as holder:
        holder.do("protect /protected")
        holder.do(f"block 1 sha256 = {BAD}")
        holder.do(f"block 2 path {SCRIPT}")
        holder.do(f"block 3 software many=1 {many}")
        assert root.exists("/root/block-3.files")
        holder.do("restart")
        assert tries(root, "exec", BAD) == tries(root, "exec", SCRIPT) == tries(root, "exec", "/protected/x") == "refused"
        assert tries(root, "exec", "/srv/many/60") == "refused"
        holder.do("undo 3")
        assert not root.exists("/root/block-3.files")
        assert tries(root, "exec", "/srv/many/60") == "ran"
    root.run(["sh", "-c", "rm -rf /protected/* /srv/many"])


def test_our_own_are_only_ever_allowed(root):
    with Holder(root, gate=False) as holder:
        holder.do(f"block 1 path {BAD}")
        friend = root.popen(["sh", "-c", f"read go; exec cat {BAD}"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        holder.do(f"own {friend.pid}")
        friend.communicate(b"go\n", timeout=10)
        assert friend.returncode == 0


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
def test_a_flood_of_opens_outlives_its_holder(root, how):
    """Whoever waits for a holder that is stopped or killed goes on within a second and some patience of a loaded machine."""
    root.run(["sh", "-c", "for i in $(seq 400); do echo $i > /protected/$i; done"])
    holder = Holder(root, "--guard", f"{UNDER_TEST}/turncoat-guard", gate=False)
    with holder:
        holder.do("protect /protected")
        holder.do(f"block 1 sha256 {'ab' * 32}")
        flood = [root.popen(["sh", "-c", "while :; do cat /protected/* >/dev/null; done"]) for _ in range(4)]
        try:
            deadline = time.monotonic() + 10
            while holder.ask("counts")["asked"] < 50:
                assert time.monotonic() < deadline
            holder.do(f"block 2 sha256 {'cd' * 32}")  # all is asked about again
            os.kill(holder.pid, how)
            began = time.monotonic()
            assert root.run(["sh", "-c", "cat /protected/* | wc -l"], timeout=30).stdout.strip() == "400"
            took = time.monotonic() - began
            assert holder.proc.wait(timeout=10) == -signal.SIGKILL
            assert took < 8
            print(f"\n{how.name}: everything went on after {took * 1000:.0f} ms", file=sys.stderr)
        finally:
            for proc in flood:
                os.killpg(proc.pid, signal.SIGKILL)  # sessions of our own, not waited for yet
                proc.wait()
    root.run(["sh", "-c", "rm -f /protected/*"])


# ---- what block cannot cover: docs/respond.md says so, and here it shows -----------------------------------------------


def opened_before(root, holder, how, way, path, rule):
    """An attempt with a descriptor that was there before the rule."""
    proc = root.popen(["block-tries", how, way, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert proc.stdout.readline() == "ready\n"
    holder.do(rule)
    out = proc.communicate("go\n", timeout=10)[0].strip()
    holder.do("undo 1")
    return out


@pytest.mark.parametrize("how", ["kept", "received"])
def test_a_descriptor_from_before_can_be_read_but_not_started(root, how):
    with Holder(root, gate=False) as holder:
        rule = f"block 1 sha256 = {BAD}"
        assert opened_before(root, holder, how, "exec", BAD, rule) == "refused"
        assert opened_before(root, holder, how, "read", BAD, rule) == "ran"  # a hole: what was open stays open
        assert opened_before(root, holder, how, "map", BAD, rule) == "ran"  # a hole where there is no gate


def test_hole_a_script_that_comes_through_a_pipe(root):
    """The shell reads a pipe; what is in it came from a copy that no rule knows."""
    copy = content_of(root, SCRIPT)
    with Holder(root, gate=False) as holder:
        holder.do(f"block 1 sha256 = {SCRIPT}")
        assert code(root, "sh", SCRIPT) != 0
        assert root.run(["sh", "-c", f"cat {copy} | sh && echo it ran"]).stdout == "it ran\n"


def test_hole_a_copy_where_nothing_is_protected(root):
    copy = content_of(root, BAD)
    with Holder(root, gate=False) as holder:
        holder.do("protect /protected")
        holder.do(f"block 1 sha256 = {BAD}")
        assert tries(root, "exec", copy) == "ran"


def test_a_store_through_a_mapping_is_noticed_when_the_file_is_closed(root):
    """The kernel does not call it a write: until the close, an allowed file is not asked about (a hole)."""
    spare = content_of(root, BAD)
    patch = (
        "import mmap, sys\nbad = open(sys.argv[1], 'rb').read()\n"
        "with open('/protected/p', 'r+b') as f, mmap.mmap(f.fileno(), len(bad)) as m:\n    m[:] = bad\n"
        "    print('stored', flush=True)\n    input()\n"
    )
    root.run(["sh", "-c", f"cp {spare} /protected/p; printf y | dd of=/protected/p conv=notrunc bs=1 seek=64 2>/dev/null"])
    with Holder(root, gate=False) as holder:
        holder.do("protect /protected")
        holder.do(f"block 1 sha256 = {BAD}")
        assert tries(root, "open", "/protected/p") == "ran"  # of the same size: hashed, allowed
        writer = root.popen(["python3", "-c", patch, spare], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert writer.stdout.readline() == "stored\n"
        assert tries(root, "open", "/protected/p") == "ran"  # the hole
        writer.communicate("\n", timeout=10)
        deadline = time.monotonic() + 10
        while tries(root, "open", "/protected/p") == "ran":
            assert time.monotonic() < deadline
        assert tries(root, "exec", "/protected/p") == "refused"
    root.run(["sh", "-c", "rm -f /protected/*"])


# ---- the gate: memory files, what was open before, new programs ---------------------------------------------------------


def test_a_memory_file_of_a_blocked_content_is_killed_before_it_begins(root):
    spare = content_of(root, BAD)
    with Holder(root) as holder:
        assert tries(root, "memfd", spare) == "ran"
        holder.do(f"block 1 sha256 = {BAD}")
        for _ in range(3):
            assert tries(root, "memfd", spare) == "killed"
            assert tries(root, "memfd", OTHER) == "ran"
        counts = holder.ask("counts")
        assert counts["late"] == 0 and counts["killed"] == 3 and counts["hashed"] == 3
        assert tries(root, "memfd-map", spare) == "ran"  # a hole: compilers at run time do just that
        holder.do("undo 1")
        assert tries(root, "memfd", spare) == tries(root, "exec", BAD) == "ran"


@pytest.mark.parametrize("how", ["kept", "received"])
def test_with_the_gate_a_descriptor_from_before_can_be_read_only(root, how):
    with Holder(root) as holder:
        for way, expected in (("exec", "refused"), ("map", "killed"), ("protect", "killed"), ("read", "ran")):
            for rule in (f"block 1 sha256 = {BAD}", f"block 1 path {BAD}"):
                assert opened_before(root, holder, how, way, BAD, rule) == expected, (way, rule)


def test_new_programs_wait_for_a_verdict(root):
    with Holder(root) as holder:
        holder.do("hold 60")
        holder.do("judge allow")
        assert tries(root, "exec", OTHER) == "ran"  # and block-tries, which is new here, too
        for verdict, expected in (("refuse", "killed"), ("allow", "ran")):
            holder.do("judge " + verdict)
            root.run(["cp", OTHER, f"/srv/new-{verdict}"])
            assert tries(root, "exec", f"/srv/new-{verdict}") == expected
        for closed, expected in (("", "ran"), (" closed", "killed")):
            holder.do("hold 60" + closed)
            holder.do("judge never")
            root.run(["cp", OTHER, "/srv/new-never"])
            assert tries(root, "exec", "/srv/new-never") == expected  # after its second
        holder.do("hold 0")
        assert tries(root, "exec", "/srv/new-never") == "ran"
        counts = holder.ask("counts")
        assert counts["late"] == 2 and counts["held"] >= 4
    root.run(["sh", "-c", "rm -f /srv/new-*"])


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
def test_new_programs_that_wait_outlive_their_holder(root, how):
    holder = Holder(root, "--guard", f"{UNDER_TEST}/turncoat-guard")
    with holder:
        holder.do("hold 60")
        holder.do("judge allow")
        assert tries(root, "exec", OTHER) == "ran"
        holder.do("judge never")
        root.run(["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do cp /usr/bin/true /srv/wait-$i; done"])
        before = holder.ask("counts")["held"]
        waiting = [root.popen([f"/srv/wait-{i}"]) for i in range(1, 9)]
        while holder.ask("counts")["held"] == before:
            time.sleep(0.001)
        os.kill(holder.pid, how)
        began = time.monotonic()
        for proc in waiting:
            assert proc.wait(timeout=15) == 0
        took = time.monotonic() - began
        assert holder.proc.wait(timeout=10) == -signal.SIGKILL
        assert took < 8
        print(f"\n{how.name}: whoever was held went on after {took * 1000:.0f} ms", file=sys.stderr)
    root.run(["sh", "-c", "rm -f /srv/wait-*"])
