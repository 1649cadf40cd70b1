# SPDX-License-Identifier: Apache-2.0
"""Does a connection say which name it goes to, in the live view and in the store, and is a TLS client found by its words?"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from rehearsal import Turncoat  # noqa: E402
from test_sensor_stream import DNS, TLS, ja4_of, real_hello  # noqa: E402

CONNECT = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('10.9.0.6', 7000)); s.send(b'x')
"""


def hunt(root, *terms):
    return json.loads(root.run(["turncoat", "hunt", "--json", *terms], scope=False, check=False).stdout or "[]")


def test_a_connection_says_its_name(private_root):
    private_root.run(["ip", "address", "add", "10.9.0.6/32", "dev", "lo"], scope=False)
    daemon = Turncoat(private_root)
    view = private_root.popen(["timeout", "20", "turncoat", "watch", "--events", "--json"], scope=False, stdout=-1, text=True)
    time.sleep(0.5)
    private_root.run(["python3", "-c", DNS.replace("c.close()", CONNECT.strip().replace("\n", "; ") + "; c.close()"), "each", "4"])
    for line in view.stdout:
        event = json.loads(line)
        if event.get("turncoat", {}).get("type") == "connect" and event["destination"]["port"] == 7000:
            break
    view.terminate()
    view.wait()
    assert event["destination"]["ip"] == "10.9.0.6" and event["destination"]["domain"] == "two.acme.test"
    hello = real_hello()
    private_root.run(["python3", "-c", TLS, "whole", hello.hex()])
    daemon.settle()
    (stored,) = hunt(private_root, "type=connect", "domain=two.acme.test")
    assert stored["destination"] == event["destination"]
    assert len(hunt(private_root, "destination.domain=two.acme.test")) == 1
    assert len(hunt(private_root, "dns.question.name=two.acme.test")) == 2
    for term in ("sni=www.acme.test", "domain=www.acme.test", f"ja4={ja4_of(hello)}"):
        (tls,) = hunt(private_root, "type=tls", term)
        assert tls["tls"]["client"]["server_name"] == "www.acme.test"
        assert tls["tls"]["client"]["supported_protocols"] == ["h2", "http/1.1"]
    assert hunt(private_root, "type=listen", "port=53")[0]["source"]["port"] == 53
    daemon.stop()
