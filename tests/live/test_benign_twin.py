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
