# SPDX-License-Identifier: Apache-2.0
"""Does an honest developer's day stay quiet? Installing, cloning, building and running one's own code is not a story.

Each act is also looked up in what was recorded: silence counts only when turncoat saw what happened. The acts run twice where
it matters: in a terminal, as a person works, and without one, as a build machine does.
"""
import json
import os
import shutil
import subprocess

import pytest
import rehearsal
import workshop
from private_root import NoPrivateRoot, PrivateRoot

APT_PACKAGE = "hello"


@pytest.fixture(scope="module")
def day(programs, tmp_path_factory):
    """A private root with the workshop's projects, the loopback servers, and turncoat watching. Yields (root, turncoat)."""
    debs = tmp_path_factory.mktemp("debs")
    debs.chmod(0o777)
    subprocess.run(["apt-get", "-q", "download", APT_PACKAGE], cwd=debs, check=False, capture_output=True, timeout=120)
    try:
        with PrivateRoot(programs=programs) as root:
            rehearsal.local_repository(root, str(debs))
            workshop.everything(root)
            rehearsal.start_servers(root, seconds=300, www=workshop.WWW)
            rehearsal.fake_profiles(root)
            turncoat = rehearsal.Turncoat(root)
            yield root, turncoat
            turncoat.stop()
    except NoPrivateRoot as e:
        pytest.skip(str(e))


@pytest.fixture(params=["terminal", "no terminal"])
def work(request, day):
    """Runs a shell script as alice, in the one way or the other, and returns its output."""
    root, _ = day
    place = f"/home/alice/{request.param.replace(' ', '-')}"
    root.mkdir(place, user=True)

    def in_terminal(script, timeout=90):
        code, output = root.run_in_terminal(["/bin/bash", "-c", script], timeout=timeout, user=True, cwd=place)
        assert code == 0, output
        return output

    def without(script, timeout=90):
        return root.run(["/bin/sh", "-c", script], timeout=timeout, user=True, cwd=place).stdout

    return in_terminal if request.param == "terminal" else without


def quiet(turncoat, *seen):
    """No story; and each hunt of 'seen' finds something, or the silence would be worth nothing."""
    turncoat.settle()
    told = turncoat.stories()
    assert told == [], "\n".join(turncoat.ask("stories", str(s["id"])) for s in told)
    for expression in seen:
        assert turncoat.seen(expression), f"not recorded: {expression}"


def need(root, *names):
    for name in names:
        if root.run(["sh", "-c", f"command -v {name}"], scope=False, check=False).returncode != 0:
            pytest.skip(f"no '{name}' below /usr")


def test_apt_install_of_a_real_package(day):
    root, turncoat = day
    if not any(n.startswith(APT_PACKAGE + "_") for n in os.listdir(root.host_path("/srv/repo"))):
        pytest.skip(f"'{APT_PACKAGE}' could not be downloaded: no package mirror")
    root.run(["apt-get", "-q", "-y", "install", "--reinstall", APT_PACKAGE])
    assert "Hello" in root.run(["hello"], user=True).stdout
    quiet(turncoat, "type=exec path=/usr/bin/dpkg", "type=exec path=/usr/bin/hello")


def test_clone_configure_make_run(day, work):
    root, turncoat = day
    need(root, "git", "make", "cc")
    output = work(f"set -e; git clone -q git://{workshop.GIT_ADDRESS}/prog; cd prog; ./configure; make; ./prog")
    assert "built here" in output
    quiet(turncoat, "type=exec path=*/prog/prog", "type=exec path=*/prog/conftest")


def test_pip_install(day, work):
    root, turncoat = day
    need(root, "pip3")
    output = work(
        "set -e; pip3 install -q --no-index --no-build-isolation --no-cache-dir --force-reinstall --user --break-system-packages"
        " http://127.0.0.8/honest-tool-1.0.tar.gz; ~/.local/bin/honest-tool"
    )
    assert "honest tool ran" in output
    quiet(turncoat, "type=exec args=*honest-tool*")


def test_npm_ci(day, work):
    root, turncoat = day
    need(root, "npm", "node")
    place = work("cp -r ~/site . && pwd").strip()
    output = work(
        "set -e; cd site; npm ci --no-audit --no-fund --no-update-notifier; cat node_modules/honest-dep/installed; node_modules/.bin/honest-dep"
    )
    assert "native tool ran" in output and "honest dep ran" in output
    quiet(turncoat, f"type=exec path={place}/site/node_modules/honest-dep/tool")


def test_curl(day, work):
    root, turncoat = day
    need(root, "curl")
    assert "plain text" in work("set -e; curl -sS -o notes.txt http://127.0.0.8/notes.txt; cat notes.txt")
    quiet(turncoat, "type=exec path=/usr/bin/curl")


def test_backup_of_a_home(day, work):
    """All that is private is read, by a program that is told to."""
    _, turncoat = day
    work("set -e; tar -C ~ -cf backup.tar .mozilla .config; tar -tf backup.tar > list; grep -q places.sqlite list")
    quiet(turncoat, "type=open path=*places.sqlite", "type=exec path=/usr/bin/tar")


def test_debugger_of_an_own_child(day, work):
    root, turncoat = day
    need(root, "gdb", "strace")
    work("set -e; gdb -q -batch -ex run --args /usr/bin/id > gdb.out 2>&1; grep -q uid= gdb.out")
    work("set -e; strace -f -o trace.out /usr/bin/id; grep -q execve trace.out")
    quiet(turncoat, "type=exec path=/usr/bin/gdb", "type=exec path=/usr/bin/strace")


SERVER_AND_TESTS = r"""
set -e
echo page > page.txt
cat > server.py << 'EOF'
import http.server
import threading
import urllib.request
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.handle_request).start()
print(urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/page.txt").read())
EOF
cat > test_program.py << 'EOF'
import subprocess
def test_program(tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho works\n")
    program.chmod(0o755)
    assert subprocess.check_output([str(program)]) == b"works\n"
EOF
python3 server.py
python3 -m pytest -q -p no:cacheprovider test_program.py
"""


def test_a_web_server_and_pytest(day, work):
    """A port that nobody chose, a page fetched from it, and a test that writes a program and runs it."""
    root, turncoat = day
    need(root, "python3")
    output = work(SERVER_AND_TESTS)
    assert "page" in output and "1 passed" in output
    quiet(turncoat, "type=listen", "type=exec args=*/program*")


def test_the_day_was_recorded_without_loss(day):
    """A quiet day with lost events proves little."""
    losses = json.loads(day[1].ask("status", "--json"))["losses"]
    assert not any(losses.values()), losses


def test_the_replay_of_the_day_tells_the_same(day):
    """Also the notes below a story, word for word."""
    _, turncoat = day
    turncoat.settle()
    live = {story["id"]: story for story in turncoat.stories("--all")}
    replayed, _ = turncoat.replay()
    assert replayed == live


def test_the_tools_are_here():
    """The packages of the list are there, so that the tests above do not all skip."""
    assert shutil.which("git") and shutil.which("curl")
