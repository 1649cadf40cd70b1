# SPDX-License-Identifier: Apache-2.0
"""sensitive.py: the sensor's places of private data, read from its own table (src/sensor/sensitive.c)."""
import fnmatch
import os
import re

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../src/sensor/sensitive.c")
STRING = r'"([^"]*)"'


def _rows():
    with open(SOURCE, encoding="utf-8") as f:
        text = f.read()
    words = {name: value for name, value in re.findall(r"#define (\w+) " + STRING + r"\n", text)}

    def one(s):
        s = s.strip()
        return words[s] if s in words else " ".join(re.findall(STRING, " ".join(words_in(s))))

    def words_in(s):
        for part in re.findall(STRING + r"|(\w+)", s):
            yield f'"{part[0]}"' if part[0] else f'"{words[part[1]]}"' if part[1] in words else ""

    def row(folder, files, klass, owner):
        return folder, files.split(), klass, owner

    table = text[text.index("places[] = {"):]
    table = table[:table.index("\n};")]
    for kind, folder, owner in re.findall(r"(FIREFOX|CHROME)\(" + STRING + ", " + STRING + r"\)", table):
        if kind == "FIREFOX":
            yield row(folder, words["FIREFOX_HISTORY"], "browser-history", owner)
            yield row(folder, "cookies.sqlite cookies.sqlite-wal", "browser-cookies", owner)
            yield row(folder, words["FIREFOX_LOGINS"], "browser-logins", owner)
        else:
            yield row(folder, "Local?State", "browser-key", owner)
            yield row(folder + "/*", words["CHROME_HISTORY"], "browser-history", owner)
            yield row(folder + "/*", "Cookies", "browser-cookies", owner)
            yield row(folder + "/*", words["CHROME_LOGINS"], "browser-logins", owner)
            yield row(folder + "/*/Network", "Cookies", "browser-cookies", owner)
    for folder, files, klass, owner in re.findall(
            r"\{" + STRING + r",\s*([^{}]*?),\s*" + STRING + r",\s*(NULL|" + STRING[:0] + r'"[^"]*")\}', table):
        yield row(folder, one(files), klass, None if owner == "NULL" else owner.strip('"'))


ROWS = list(_rows())


def _folder(pattern, folder):
    p, f = pattern.split("/"), folder.split("/")
    return len(p) == len(f) and all(fnmatch.fnmatchcase(b, a) for a, b in zip(p, f))


def sensitive_of(path):
    """(class, owner) of a path in a home, or None."""
    m = re.match(r"/(?:home/[^/]+|root)/(.+)/([^/]+)$", path)
    if not m:
        return None
    for folder, globs, klass, owner in ROWS:
        if not _folder(folder, m[1]) or any(g[0] == "!" and fnmatch.fnmatchcase(m[2], g[1:]) for g in globs):
            continue
        if any(fnmatch.fnmatchcase(m[2], g) for g in globs if g[0] != "!"):
            return klass, owner
    return None
