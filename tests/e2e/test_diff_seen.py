# SPDX-License-Identifier: Apache-2.0
"""Does `turncoat diff NEW` know what it saw before: the last one and those before it; and is a turned one never what the next is
compared with? No root needed; dpkg-deb makes the packages."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_diff_words import diff, packages  # noqa: E402, F401


def test_a_turned_release_is_named_each_time(diff, packages):  # noqa: F811
    old, new, turned = (packages / f"acme_{v}_all.deb" for v in ("1.9", "1.10", "1.10.1"))
    first = diff(old, code=3)
    assert first.stdout.startswith("first: acme 1.9") and "it is remembered now" in first.stdout
    then = diff(new, code=0)
    assert "acme 1.9 -> 1.10\n" in then.stdout and "with the last one seen, 1.9" in then.stdout
    for _ in range(2):  # it is not remembered: the second time it is compared with 1.10 again
        bad = diff(turned, code=1)
        assert "acme 1.10 -> 1.10.1\n" in bad.stdout and "with the last one seen, 1.10, and 1 before it" in bad.stdout
    assert diff(turned, "--remember", code=1)
    assert "acme 1.10.1 -> 1.9\n" not in diff(old, "--no-remember", code=3).stdout  # nothing was seen before 1.9


def test_a_store_that_is_none_is_said_to_be_that(diff, packages, tmp_path):  # noqa: F811
    (tmp_path / "bad.db").write_text("no database at all\n" * 100)
    said = diff("--store", "bad.db", packages / "acme_1.9_all.deb", code=3)
    assert "bad.db" in said.stderr and said.stdout == ""
