# SPDX-License-Identifier: Apache-2.0
"""Is the page that `turncoat diff --html` writes what a real browser shows: readable, printable, without scripts, without anything
from outside, whatever the names in a release are; and would its own policy forbid both? No root needed."""
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_scan_fixtures import png  # noqa: E402

BROWSERS = ["chromium", "chromium-browser", "google-chrome"]
HOSTILE = "<script>document.title='ran'<!--&lt;b\x1b[31m\u202e\".png"


def stuffed(picture):
    return picture + b"$" + b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAx" * 8


@pytest.fixture
def page(programs, tmp_path):
    """Of a release whose picture gained a tail, under a name that would run as a script."""
    for side in ("old", "new"):
        os.mkdir(tmp_path / side)
        (tmp_path / side / "same.txt").write_text("the same in both\n")
        picture = png(text=side.encode())
        name = HOSTILE.replace("/", "")
        (tmp_path / side / name).write_bytes(stuffed(picture) if side == "new" else picture)
    path = tmp_path / "report.html"
    run = subprocess.run([os.path.join(programs, "turncoat"), "diff", "--html", path, tmp_path / "old", tmp_path / "new"],
                         capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1, run.stdout + run.stderr
    assert run.stdout.startswith("SUSPICIOUS"), run.stdout
    return path


@pytest.fixture
def browser(tmp_path):
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not program:
        pytest.skip("no browser here: none of " + ", ".join(BROWSERS))

    def ask(page, *what):
        run = subprocess.run([program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                              "--no-first-run", "--disable-background-networking", "--enable-logging=stderr",
                              f"--user-data-dir={tmp_path / 'profile'}", *what, f"file://{page}"],
                             capture_output=True, text=True, timeout=60, check=False)
        if run.returncode != 0:
            pytest.skip(f"the browser does not start here: {run.stderr.strip().splitlines()[-1:]}")
        return run.stdout, run.stderr
    return ask


def test_a_browser_shows_it_and_refuses_nothing_of_it(page, browser):
    dom, log = browser(page, "--dump-dom")
    assert "<title>suspicious: old → new</title>" in dom
    assert "Content Security Policy" not in log, log
    assert "<script" not in dom and "<img" not in dom
    assert "&lt;script&gt;document.title='ran'" in dom.replace("&#39;", "'")
    assert "image.trailing-base64" in dom and "sha256" in dom


def test_it_can_be_printed(page, browser, tmp_path):
    pdf = tmp_path / "report.pdf"
    browser(page, f"--print-to-pdf={pdf}", "--no-pdf-header-footer")
    data = pdf.read_bytes()
    assert data.startswith(b"%PDF-") and len(data) > 5000


def test_its_policy_forbids_scripts_and_whatever_is_outside(page, browser, tmp_path):
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    outside = f"http://127.0.0.1:{server.server_port}"
    more = (f"<script>document.title='ran'</script><img src='{outside}/i.png'><link rel=stylesheet href='{outside}/s.css'>"
            f"<iframe src='{outside}/f'></iframe><script src='{outside}/x.js'></script>")
    text = page.read_text()
    bad, open_page = tmp_path / "bad.html", tmp_path / "open.html"
    bad.write_text(text.replace("</body>", more + "</body>"))
    open_page.write_text(re.sub(r"<meta http-equiv=Content-Security-Policy[^>]*>", "", bad.read_text()))
    try:
        dom, log = browser(bad, "--dump-dom")
        assert "<title>suspicious" in dom, "a script ran"
        assert "Content Security Policy" in log
        assert asked == [], "something was fetched"
        dom, _ = browser(open_page, "--dump-dom")  # the same without the policy: or this test could not fail
        assert "<title>ran</title>" in dom and asked
    finally:
        server.shutdown()


@pytest.mark.parametrize("number, shown", [(3, True), (70, False)])
def test_many_changes_are_folded(programs, tmp_path, number, shown):
    for side in ("old", "new"):
        os.mkdir(tmp_path / side)
        for i in range(number):
            (tmp_path / side / f"{i}.txt").write_text(f"{i} of the {side} one\n")
    subprocess.run([os.path.join(programs, "turncoat"), "diff", "--html", "out.html", "old", "new"], cwd=tmp_path,
                   capture_output=True, timeout=60, check=True)
    text = (tmp_path / "out.html").read_text()
    assert ("<details open>" in text) == shown and ("<details>" in text) != shown
    assert text.count("<tr><td class=word>changed") == number
