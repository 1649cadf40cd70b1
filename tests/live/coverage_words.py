# SPDX-License-Identifier: Apache-2.0
"""The words in which coverage_table.py says what is expected: acts, events, holes, and the names of fields.

A field's value is "$key" (what the act told about itself), ANY (there, whatever it is), or a constant.
A Hole says which event would tell it, so that a hole that is closed is noticed, and why it is one.
"""
ANY = object()


class ChildOf(str):
    """A process id: any child of the one that is named."""


class Event:
    def __init__(self, kind, action=None, who="$pid", **fields):
        self.kind, self.action = kind, action
        self.fields = {"process.pid": who} if who else {}
        self.fields.update({FIELDS[name]: value for name, value in fields.items()})


class Hole:
    def __init__(self, reason, *events):
        self.reason, self.events = reason, events


class Part(Hole):
    """Seen, but not whole: the reason says what is missing."""


class Act:
    """ways: names; the events of the act, or its hole, apply to all. odd: ways with events of their own."""

    def __init__(self, name, ways, *events, odd=None, hole=None):
        self.name, self.events, self.odd, self.hole = name, events, odd or {}, hole
        self.ways = [*ways, *(w for w in self.odd if w not in ways)]

    def expected(self, way):
        """(events, are they told, why not, or what of it is not; None where all is told)."""
        mine = self.odd.get(way, Hole(self.hole) if self.hole else self.events)
        if isinstance(mine, Hole):
            return mine.events or self.events, isinstance(mine, Part), mine.reason
        return (mine if isinstance(mine, (tuple, list)) else (mine,)), True, None


FIELDS = {
    "path": "file.path",
    "old_path": "file.Ext.original.path",
    "inode": "file.inode",
    "mode": "turncoat.file.mode",
    "owner": "file.uid",
    "size": "file.size",
    "sensitive": "turncoat.sensitive.class",
    "src": "source.ip",
    "src_port": "source.port",
    "dst": "destination.ip",
    "dst_port": "destination.port",
    "transport": "network.transport",
    "error": "turncoat.error",
    "question": "dns.question.name",
    "qtype": "dns.question.type",
    "answers": "dns.answers",
    "sni": "tls.client.server_name",
    "alpn": "tls.client.supported_protocols",
    "ja4": "tls.client.ja4",
    "program": "process.executable",
    "args": "process.args",
    "script": "turncoat.image.script",
    "interpreter": "turncoat.image.interpreter",
    "invoked": "turncoat.image.invoked",
    "flags": "turncoat.flags",
    "env": "process.env_vars",
    "container": "container.id",
    "mntns": "turncoat.mntns",
    "netns": "turncoat.netns",
    "pidns": "turncoat.pidns",
    "userns": "turncoat.userns",
    "auid": "process.entry_leader.real_user.id",
    "capabilities": "process.thread.capabilities.effective",
    "old_capabilities": "turncoat.old.capabilities",
    "parent": "process.parent.pid",
    "tracer": "process.Ext.tracer.pid",
    "code": "process.exit_code",
    "signal": "turncoat.exit_signal",
    "library": "dll.path",
    "address": "turncoat.map.address",
    "target": "Target.process.pid",
    "way": "process.Ext.access",
    "uid": "user.id",
    "euid": "user.effective.id",
    "gid": "group.id",
    "old_uid": "turncoat.old.uid",
    "old_euid": "turncoat.old.euid",
    "old_gid": "turncoat.old.gid",
    "method": "turncoat.method",
    "from_uid": "turncoat.from_uid",
    "number": "turncoat.meta.count",
    "text": "message",
}


def ring(name, alone=False):
    """The ways of one io_uring request."""
    base = f"io_uring {name}"
    return [base] if alone else [base, f"{base}, by a worker", f"{base}, linked", f"{base}, SQPOLL"]


NOT_YET = "not yet"  # no row may say so in the end
