# SPDX-License-Identifier: Apache-2.0
"""Are DNS over TCP and the ClientHello of TLS told, however the program cuts them? On a private root's loopback."""
import hashlib
import json
import os
import ssl
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sensor_client  # noqa: E402
from private_root import NoPrivateRoot  # noqa: E402

TCP, RAW = 6, 64

DNS = """
import json, os, socket, struct, sys, time
def question(name):
    labels = b''.join(bytes([len(x)]) + x for x in name.encode().split(b'.')) + b'\\0'
    return struct.pack('>6H', 0x1234, 0x100, 1, 0, 0, 0) + labels + struct.pack('>2H', 1, 1)
def answer(q, last):
    return struct.pack('>6H', 0x1234, 0x8180, 1, 1, 0, 0) + q[12:] + struct.pack('>3HIH4s', 0xc00c, 1, 1, 60, 4, bytes([10, 9, 0, last]))
def framed(m): return struct.pack('>H', len(m)) + m
def whole(s, n):
    data = b''
    while len(data) < n: data += s.recv(n - len(data))
    return data
how, v6 = sys.argv[1], sys.argv[2] == '6'
host = '::1' if v6 else '127.0.0.1'
l = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET); l.bind((host, 53)); l.listen()
c = socket.create_connection((host, 53)); a, _ = l.accept()
for s in (a, c): s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
asked = [question('one.acme.test'), question('two.acme.test'), question('three.acme.test')]
told = [answer(q, 5 + i) for i, q in enumerate(asked)]
def send(s, messages):
    data = b''.join(framed(m) for m in messages)
    if how == 'together': s.sendall(data)
    elif how == 'each':
        for m in messages: s.sendall(framed(m))
    else:
        for i in range(0, len(data), int(how)): s.sendall(data[i:i + int(how)])
    return len(data)
whole(a, send(c, asked)); whole(c, send(a, told))
c.close(); a.close(); print(os.getpid())
"""

TLS = """
import json, os, socket, ssl, sys
how = sys.argv[1]
l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen()
port = l.getsockname()[1]
c = socket.create_connection(('127.0.0.1', port)); a, _ = l.accept()
c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
data = bytes.fromhex(sys.argv[2])
if how == 'proxy':
    c.sendall(b'CONNECT www.acme.test:443 HTTP/1.1\\r\\n\\r\\n'); a.recv(100); a.sendall(b'HTTP/1.1 200 OK\\r\\n\\r\\n'); c.recv(100); how = 'whole'
if how == 'server': c, a, how = a, c, 'whole'
if how == 'whole': c.sendall(data)
else:
    for i in range(0, len(data), int(how)): c.sendall(data[i:i + int(how)])
c.sendall(b'\\x17\\x03\\x03' + b'z' * 20000)
got = 0
while got < len(data) + 20003: got += len(a.recv(65536))
c.close(); a.close(); print(os.getpid())
"""


@pytest.fixture(scope="module")
def watched():
    if not os.path.exists(sensor_client.PROBE):
        pytest.skip(f"no sensor-probe at '{sensor_client.PROBE}': build first")
    try:
        with sensor_client.Watched("--no-files", "--no-perf") as both:
            yield both
    except NoPrivateRoot as e:
        pytest.skip(str(e))


@pytest.mark.parametrize("version", ["4", "6"])
@pytest.mark.parametrize("how", ["each", "together", "1", "7"])
def test_dns_over_tcp(watched, how, version):
    root, sensor = watched
    pid = int(root.run(["python3", "-c", DNS, how, version]).stdout)
    sensor.wait(type="net_close", pid=pid)
    for i, name in enumerate(("one.acme.test", "two.acme.test", "three.acme.test")):
        q = sensor.wait(type="dns", action="question", pid=pid, name=name)
        a = sensor.wait(type="dns", action="answer", pid=pid, name=name)
        assert q["proto"] == a["proto"] == TCP and q["dst_port"] == a["dst_port"] == 53
        assert a["answers"] == [f"10.9.0.{5 + i}"] and q["src_port"] == a["src_port"]
        assert q["entity"] == sensor.wait(type="exec", pid=pid)["entity"]
    assert len(sensor.find(type="dns", pid=pid)) == 6 and not sensor.find(type="dns", pid=pid, flags=RAW)


def real_hello():
    """What Python's own OpenSSL says first."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    there, here = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(there, here, server_hostname="www.acme.test")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return here.read()


def with_key_share(hello, extra):
    """The same hello with padding (extension 21), as long as one with a post-quantum key share."""
    body = bytearray(hello[9:])
    at = 34
    at += 1 + body[at]
    at += 2 + int.from_bytes(body[at : at + 2], "big")
    at += 1 + body[at]
    size = int.from_bytes(body[at : at + 2], "big") + 4 + extra
    body[at : at + 2] = size.to_bytes(2, "big")
    body += b"\0\x15" + extra.to_bytes(2, "big") + bytes(extra)
    return b"\x16\3\1" + (len(body) + 4).to_bytes(2, "big") + b"\1" + len(body).to_bytes(3, "big") + bytes(body)


def ja4_of(hello):
    """The specification, once more and in another language."""
    at = 5 + 4 + 34
    at += 1 + hello[at]
    n = int.from_bytes(hello[at : at + 2], "big")
    ciphers = [hello[i : i + 2].hex() for i in range(at + 2, at + 2 + n, 2)]
    at += 2 + n
    at += 1 + hello[at] + 2
    kinds, algorithms = [], []
    while at < len(hello):
        kind, n = hello[at : at + 2].hex(), int.from_bytes(hello[at + 2 : at + 4], "big")
        if kind == "000d":
            algorithms = [hello[i : i + 2].hex() for i in range(at + 6, at + 4 + n, 2)]
        kinds.append(kind)
        at += 4 + n
    shown = sorted(k for k in kinds if k not in ("0000", "0010"))
    hashes = [hashlib.sha256(x.encode()).hexdigest()[:12] for x in
              (",".join(sorted(ciphers)), ",".join(shown) + "_" + ",".join(algorithms))]
    return f"t13d{len(ciphers):02}{len(kinds):02}h2_{hashes[0]}_{hashes[1]}"


def in_two_records(hello):
    """The message cut at the name it asks for: a known way round those who look at one record."""
    m = hello[5:]
    cut = m.index(b"acme")
    return b"".join(b"\x16\3\1" + len(x).to_bytes(2, "big") + x for x in (m[:cut], m[cut:]))


@pytest.mark.parametrize("how", ["whole", "3", "100", "proxy"])
@pytest.mark.parametrize("shape", ["plain", "post-quantum", "two-records"])
def test_what_a_client_says_first(watched, how, shape):
    root, sensor = watched
    hello = real_hello()
    if shape == "post-quantum":
        hello = with_key_share(hello, 1300)
        assert len(hello) > 1800
    ja4 = ja4_of(hello)
    if shape == "two-records":
        hello = in_two_records(hello)
    pid = int(root.run(["python3", "-c", TLS, how, hello.hex()]).stdout)
    sensor.wait(type="net_close", pid=pid)
    e = sensor.wait(type="tls", pid=pid)
    assert e["sni"] == "www.acme.test" and e["alpn"] == ["h2", "http/1.1"] and e["version"] == 0x304
    assert e["ja4"] == ja4 and e["dst"] == "127.0.0.1" and e["proto"] == TCP and "flags" not in e
    up = sensor.wait(type="connect", action="established", pid=pid)
    assert e["socket"] == up["socket"] and e["src_port"] == up["src_port"] and e["entity"] == up["entity"]
    assert len(sensor.find(type="tls", pid=pid)) == 1


def test_other_protocols_are_no_hello(watched):
    root, sensor = watched
    for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\3\1\0\4\2\0\0\0", b"\x17\3\3\0\1x", b"x"):
        pid = int(root.run(["python3", "-c", TLS, "whole", data.hex()]).stdout)
        sensor.wait(type="net_close", pid=pid)
        assert not sensor.find(type="tls", pid=pid)
    pid = int(root.run(["python3", "-c", TLS, "server", real_hello().hex()]).stdout)
    sensor.wait(type="net_close", pid=pid)
    assert not sensor.find(type="tls", pid=pid), "what a server says is no hello of a client"


def test_a_hello_that_never_ends_is_told_as_such(watched):
    root, sensor = watched
    hello = bytearray(real_hello())
    hello[3:5], hello[6:9] = b"\x20\0", b"\0\x40\0"
    pid = int(root.run(["python3", "-c", TLS, "whole", bytes(hello).hex()]).stdout)
    e = sensor.wait(type="tls", pid=pid)
    assert e["flags"] == RAW and "sni" not in e


def test_the_sum_is_clean(watched):
    """Last: ends the probe."""
    _, sensor = watched
    summary = sensor.stop()
    assert summary["malformed"] == 0 and sum(summary["lost"]) == 0
