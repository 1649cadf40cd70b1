# SPDX-License-Identifier: Apache-2.0
"""What the sensor is expected to tell of each act in each way: the table behind docs/coverage.md.

Owns: the expectation and the reasons of the holes. Must not own: doing the acts (acts/), comparing (test_coverage.py),
the language it is written in (coverage_words.py).
"""
from coverage_words import ANY, Act, ChildOf, Event, Hole, Part, ring

# ---- names of files ----

MADE = Event("file", "created", path="$path", inode="$ino")
MADE_THERE = Event("file", "created", "$child", path="$path", inode="$ino")
ELSEWHERE = "a file system that only another mount namespace has is found by the first exec there, not before"

FOLDERS = "folders are told when they are renamed or opened to everybody; what is made in them is told by itself"

NAMES = [
    Act(
        "create",
        ["open", "creat", "openat", "openat2", "openat, relative to a descriptor", "mknod", "mkfifo"]
        + ["bind of a Unix socket", "32-bit open", "32-bit creat", *ring("openat"), *ring("openat2", alone=True)]
        + ["through a symbolic link", "through a bind mount of its own"],
        MADE,
        odd={
            "O_TMPFILE, then linkat": MADE,
            "on a file system of its own mount namespace": MADE_THERE,
            "on a file system of its own mount namespace, before an exec": Hole(ELSEWHERE, MADE),
        },
    ),
    Act("mkdir", ["mkdir", "mkdirat", "32-bit mkdir", *ring("mkdirat")], MADE, hole=FOLDERS),
    Act(
        "rename",
        ["rename", "renameat", "renameat2", "over another file", "of a folder", "32-bit rename", *ring("renameat")],
        Event("file", "renamed", path="$path", old_path="$old_path", inode="$ino"),
    ),
    Act(
        "exchange",
        ["renameat2", *ring("renameat")],
        Event("file", "renamed", path="$path", old_path="$old_path", inode="$ino"),
        Event("file", "renamed", path="$old_path", old_path="$path"),
    ),
    Act("unlink", ["unlink", "unlinkat", "32-bit unlink", *ring("unlinkat")], Event("file", "deleted", path="$path")),
    Act(
        "rmdir",
        ["rmdir", "unlinkat", *ring("unlinkat", alone=True)],
        Event("file", "deleted", path="$path"),
        hole=FOLDERS,
    ),
    Act("hard link", ["link", "linkat", "linkat of a descriptor", "32-bit link", *ring("linkat")], MADE),
    Act("symbolic link", ["symlink", "symlinkat", "32-bit symlink", *ring("symlinkat")], MADE),
]

# ---- content and attributes of files ----

WRITTEN = Event("file", "written", path="$path", inode="$ino", size="$size")
ATTRIBUTES = Event("file", "attributes", path="$path", inode="$ino", mode="$mode")
ONLY_WHEN_CLOSED = Event("file", "written", path="$path", inode="$ino")

BY_NAME = "truncate(2) opens nothing, so nothing is closed: files are told at the close, not at each change"
NO_PROGRAM = "attributes are told of what may run, of what everybody may write, and of sensitive files"
GIVEN_ON = "told of who closes it last: a descriptor that was given on does not say who wrote"

CONTENT = [
    Act(
        "write and close",
        ["write", "pwrite64", "writev", "pwritev2", "sendfile", "copy_file_range", "splice", "fallocate"]
        + ["shared mapping", "shared mapping, stored after the close", "32-bit write"]
        + [*ring("write"), *ring("writev", alone=True), *ring("fallocate", alone=True), *ring("close", alone=True)],
        WRITTEN,
        odd={"written by another": Part(GIVEN_ON, ONLY_WHEN_CLOSED)},
    ),
    Act(
        "truncate",
        ["ftruncate", "open with O_TRUNC", *ring("ftruncate", alone=True)],
        WRITTEN,
        odd={w: Hole(BY_NAME, ONLY_WHEN_CLOSED) for w in ("truncate", "32-bit truncate")},
    ),
    Act(
        "chmod",
        ["chmod", "fchmod", "fchmodat", "fchmodat2", "set-user-id bit", "32-bit chmod", "of a folder, for everybody"],
        ATTRIBUTES,
        odd={"of a file that nobody may run": Hole(NO_PROGRAM)},
    ),
    Act(
        "chown",
        ["chown", "fchown", "fchownat", "32-bit chown"],
        Event("file", "attributes", path="$path", inode="$ino", owner=1000),
        odd={"of a file that nobody may run": Hole(NO_PROGRAM)},
    ),
    Act(
        "setxattr",
        ["setxattr", "fsetxattr", "setxattrat", "file capability", "removexattr"]
        + [*ring("setxattr"), *ring("fsetxattr", alone=True)],
        Event("file", "attributes", path="$path", inode="$ino"),
        odd={"of a file that nobody may run": Hole(NO_PROGRAM)},
    ),
    Act("set times", ["utimensat"], ATTRIBUTES, odd={"of a file that nobody may run": Hole(NO_PROGRAM)}),
]

# ---- opens of sensitive files ----

OPENED = Event("open", path="$path", inode="$ino", sensitive="ssh-key")

OPENS = [
    Act(
        "open sensitive",
        ["open", "openat", "openat2", "openat, to write", "openat, relative to a descriptor", "open_by_handle_at"]
        + ["O_PATH, then /proc/self/fd", "32-bit open", *ring("openat"), *ring("openat2", alone=True)]
        + [*ring("openat, into a slot", alone=True), "through a symbolic link", "through a bind mount of its own"]
        + ["through /proc/self/root"],
        OPENED,
        odd={
            "through a hard link elsewhere": Event("open", inode="$ino", sensitive="ssh-key"),
            "moved elsewhere first": Event("open", inode="$ino", sensitive="ssh-key"),
        },
    ),
    Act(
        "read sensitive",
        [],
        odd={
            "with a descriptor of another": Hole(
                "who opens is told, not who reads with a descriptor that was given on", Event("open", None, "$child")
            )
        },
    ),
]

# ---- connections ----

ATTEMPTED = Event("connect", "attempted", dst="$dst", dst_port="$dst_port", transport="tcp")
ESTABLISHED = Event("connect", "established", dst="$dst", dst_port="$dst_port", src_port="$src_port", transport="tcp")
CLOSED = Event("net_close", dst="$dst", dst_port="$dst_port", src_port="$src_port")
BY_CHILD = [
    Event("connect", "attempted", "$child", dst="$dst", dst_port="$dst_port"),
    Event("connect", "established", "$child", dst="$dst", dst_port="$dst_port", src_port="$src_port"),
]
NO_PORT = [ATTEMPTED, Event("connect", "established", dst="$dst", dst_port="$dst_port", transport="tcp")]
SENT = Event("connect", "attempted", dst="$dst", dst_port="$dst_port", transport="udp")
LISTENS = Event("listen", src="$src", src_port="$src_port", transport="tcp")
BOUND = Event("listen", src="$src", src_port="$src_port", transport="udp")

CONNECTIONS = [
    Act(
        "TCP connect",
        ["connect, IPv4", "connect, IPv6", "connect, IPv4 by an IPv6 socket", "connect, not blocking"]
        + ["sendto with MSG_FASTOPEN", "TCP_FASTOPEN_CONNECT", "32-bit connect", "32-bit socketcall", *ring("connect")],
        ATTEMPTED,
        ESTABLISHED,
        CLOSED,
        odd={
            "multipath TCP": [ATTEMPTED, ESTABLISHED],
            "inherited socket": BY_CHILD,
            "io_uring socket and connect, in a slot": NO_PORT,
            "in a network namespace of its own": [ATTEMPTED, ESTABLISHED],
        },
    ),
    Act(
        "other protocols",
        [],
        odd={w: Hole("only TCP and UDP are told", Event("connect")) for w in ("AF_VSOCK", "SCTP")},
    ),
    Act("refused connect", ["connect"], Event("connect", "failed", dst="$dst", dst_port="$dst_port", error=111)),
    Act(
        "Unix connect",
        [],
        odd={"connect": Hole("a Unix socket does not leave the machine", Event("connect"))},
    ),
    Act(
        "first datagram",
        ["sendto, IPv4", "sendto, IPv6", "sendto, IPv4 by an IPv6 socket", "sendmsg", "sendmmsg"]
        + ["connect and send, IPv4", "connect and send, IPv6", "connect and write", "32-bit socketcall"]
        + [*ring("sendmsg"), *ring("send, without copy", alone=True)],
        SENT,
    ),
    Act(
        "raw packet",
        [],
        odd={
            "raw IP socket": Part("the socket is told, not its packets", Event("listen", transport="raw")),
            "packet socket": Hole("no hook of the cgroup knows packet sockets; CAP_NET_RAW is needed", Event("listen")),
        },
    ),
    Act(
        "listen",
        ["listen, IPv4", "listen, IPv6", "32-bit listen", *ring("listen")],
        LISTENS,
        odd={
            "listen without bind": Part(
                "the kernel gives the port after it has said that the socket listens", Event("listen", transport="tcp")
            )
        },
    ),
    Act("bind UDP", ["bind, IPv4", "bind, IPv6", "32-bit bind", *ring("bind")], BOUND),
    Act(
        "accept",
        ["accept, IPv4", "accept, IPv6", "accept4", "32-bit accept4", "nobody calls accept"]
        + [*ring("accept"), *ring("accept, many", alone=True)],
        Event("accept", src="$src", src_port="$src_port", dst="$dst", dst_port="$dst_port"),
    ),
]

# ---- names in the traffic ----

ASKED = [
    Event("dns", "question", question="$name", qtype="A", dst="$dst", dst_port="$dst_port"),
    Event("dns", "answer", question="$name", answers=["10.9.0.5"], dst="$dst", dst_port="$dst_port"),
]
GREETED = Event("tls", sni="$name", alpn=["h2", "http/1.1"], ja4=ANY, dst="$dst", dst_port="$dst_port")

TRAFFIC = [
    Act(
        "DNS question, UDP",
        ["sendto, IPv4", "sendto, IPv6", "connect and send", "sendmmsg, in two pieces", "getaddrinfo", *ring("sendmsg")],
        *ASKED,
        odd={"another port": Hole("only port 53 is read as DNS: other ports are other protocols' too", ASKED[0])},
    ),
    Act(
        "DNS question, TCP",
        ["write, IPv4", "write, IPv6", "length and question apart", "cut in the name", *ring("send")],
        *ASKED,
    ),
    Act(
        "TLS ClientHello",
        ["write, IPv4", "write, IPv6", "another port", "sendmsg, in two pieces", "sendfile", "cut after 200 bytes"]
        + ["cut after 3 bytes", "with MSG_FASTOPEN", *ring("send")],
        GREETED,
        odd={"behind a line in the clear": GREETED},
    ),
]

# ---- programs ----

RAN = Event("exec", None, "$child", program="$path", inode="$ino", args=["acts", "END", "7"], parent="$pid")
ENDED = Event("exit", None, "$child", code=7)
SCRIPT = Event("exec", None, "$child", program="$program", script="$path", interpreter=ANY)
VARIABLE = Event("exec", None, "$child", program="$path", env=["$variable"])

PROGRAMS = [
    Act(
        "exec",
        ["execve", "execveat", "execveat of a descriptor", "/proc/self/fd", "32-bit execve", "from a thread"]
        + ["vfork and execve", "posix_spawn"],
        RAN,
        ENDED,
    ),
    Act(
        "exec of a script",
        ["execve", "interpreter by env", "interpreter is a script"],
        SCRIPT,
        odd={
            "in memory": Event("exec", None, "$child", program="$program", script=ANY, interpreter="/bin/sh"),
            "argument of its interpreter": Event("exec", None, "$child", program="$program", script="$path"),
        },
    ),
    Act(
        "exec of what has no name",
        ["memory file, execveat", "memory file, /proc/self/fd"],
        Event("exec", None, "$child", program="$path", flags=16 + 32, args=["acts", "END", "7"]),
        odd={"deleted file": Event("exec", None, "$child", program="$path", inode="$ino", flags=32)},
    ),
    Act(
        "exec by another name",
        ["hard link", "bind mount of its own"],
        RAN,
        odd={
            "symbolic link": Event("exec", None, "$child", program="$path", inode="$ino", invoked="$invoked"),
            "in a changed root": Event("exec", None, "$child", program=ANY, inode="$ino", invoked="/program"),
        },
    ),
    Act(
        "exec by another program",
        [],
        odd={
            "argument of ld.so": [
                Event("exec", None, "$child", program="$program", script="$path"),
                Event("lib_load", None, "$child", library="$path"),
            ]
        },
    ),
    Act(
        "exec with a variable",
        [],
        odd={w: VARIABLE for w in ("LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "PYTHONPATH")},
    ),
]

# ---- processes ----

FORKED = Event("fork", None, "$child", parent="$pid")

PROCESSES = [
    Act(
        "fork",
        ["fork", "vfork", "clone", "clone3", "clone3, new process namespace", "clone3, into another cgroup"]
        + ["clone, sharing memory", "32-bit fork"],
        FORKED,
        ENDED,
    ),
    Act("thread", [], odd={"pthread_create": Hole("a thread is no process: what it does is its process's", FORKED)}),
    Act(
        "exit",
        ["exit_group", "exit of the only thread", "exit_group in another thread", "the first thread goes before"]
        + ["32-bit exit"],
        ENDED,
    ),
    Act(
        "exit by a signal",
        [],
        odd={
            "SIGKILL": Event("exit", None, "$child", signal=9),
            "SIGSEGV": Event("exit", None, "$child", signal=11),
        },
    ),
]

# ---- executable memory ----

LOADED = Event("lib_load", library="$path")
WX = Event("mem_exec", "writable", address="$address")
X = Event("mem_exec", "anonymous", address="$address")
FROM_MEMORY = Event("mem_exec", "memfd", library="$path")

MEMORY = [
    Act(
        "load a library",
        ["dlopen", "dlopen of a symbolic link", "mmap by hand", "mmap, then mprotect", "32-bit mmap2"],
        LOADED,
        odd={
            "dlopen of a memory file": FROM_MEMORY,
            "dlopen of a deleted file": Event("lib_load", library=ANY),
        },
    ),
    Act(
        "executable memory",
        ["mmap, writable and executable", "mprotect, writable and executable", "mprotect of the stack"]
        + ["mprotect of the heap", "READ_IMPLIES_EXEC", "32-bit mprotect"],
        WX,
        odd={
            "mmap, executable": X,
            "mprotect of what was written": X,
            "pkey_mprotect": X,
            "memory file, mapped twice": FROM_MEMORY,
            "shared, without a file": WX,
            "shmat with SHM_EXEC": WX,
        },
    ),
]

OVERWRITTEN = "the mapping of the file was told when it was loaded; that its pages are another's now is not"
NOTHING_MAPPED = Event("mem_exec", address="$address")
MEMORY.append(
    Act(
        "overwrite loaded code",
        [],
        odd={
            "mprotect to write, and back": Hole(OVERWRITTEN, NOTHING_MAPPED),
            "mprotect, writable and executable": Event("mem_exec", "writable", address="$address", library="$path"),
            "/proc/self/mem": Hole(OVERWRITTEN, NOTHING_MAPPED),
        },
    )
)

# ---- other processes ----


def reached(action, way):
    return Event("access", action, target="$target", way=way)


TRACED = reached("ptrace", "ptrace")

ACCESS = [
    Act(
        "debug a process",
        ["PTRACE_ATTACH", "PTRACE_SEIZE", "32-bit ptrace", "registers"],
        odd={
            **{w: TRACED for w in ("PTRACE_ATTACH", "PTRACE_SEIZE", "32-bit ptrace", "registers")},
            "PTRACE_TRACEME, then exec": Event("exec", None, "$child", tracer="$pid"),
            "PTRACE_TRACEME": Hole(
                "the kernel tells a process that attaches; one that asks to be held is told with its next exec",
                Event("access", "ptrace", target="$target"),
            ),
        },
    ),
    Act(
        "read another's memory",
        [],
        odd={
            "PTRACE_PEEKDATA": reached("read", "ptrace"),
            "process_vm_readv": reached("read", "process_vm_readv"),
            "/proc/PID/mem, pread": reached("read", "/proc/PID/mem"),
            **{w: reached("read", "/proc/PID/mem by io_uring") for w in ring("read of /proc/PID/mem")},
        },
    ),
    Act(
        "write another's memory",
        [],
        odd={
            "PTRACE_POKEDATA": reached("write", "ptrace"),
            "process_vm_writev": reached("write", "process_vm_writev"),
            "32-bit process_vm_writev": reached("write", ANY),
            "/proc/PID/mem, pwrite": reached("write", "/proc/PID/mem"),
            "/proc/PID/mem, inherited descriptor": Event(
                "access", "write", "$child", target="$target", way="/proc/PID/mem"
            ),
            **{w: reached("write", "/proc/PID/mem by io_uring") for w in ring("write of /proc/PID/mem")},
        },
    ),
    Act(
        "take another's descriptor",
        [],
        odd={"pidfd_getfd": Hole("no hook that costs nothing tells it", Event("access", target="$target"))},
    ),
    Act(
        "signal another process",
        [],
        odd={"kill": Hole("a signal alone changes nothing that a detection rests on", Event("access", target="$target"))},
    ),
]

# ---- identity and rights ----

USER = Event("cred", "user", uid=1000, euid=1000, old_uid=0, old_euid=0)
GROUP = Event("cred", "user", gid=1000, old_gid=0)
CAPABILITIES = Event("cred", "capabilities")
CAPSET = "no hook tells it: capabilities stand in the next exec"
CONTAINED = Event("exec", None, "$child", program="$path", container="$container")

IDENTITY = [
    Act(
        "change user",
        [],
        odd={
            "setuid": USER,
            "seteuid": Event("cred", "user", uid=0, euid=1000, old_uid=0, old_euid=0),
            "setreuid": USER,
            "setresuid": USER,
            "setfsuid": Part("the user for files is not among what the kernel tells", Event("cred", "user", uid=0, euid=0)),
            "setgid": GROUP,
            "setresgid": GROUP,
            "setgroups": Hole("the kernel tells users and the first group only", Event("cred")),
            "32-bit setuid": USER,
            "exec of a set-user-id program": Event("exec", None, "$child", program="$path", uid=1000, euid=0),
        },
    ),
    Act(
        "change capabilities",
        [],
        odd={
            "capset, one dropped": Hole(CAPSET, CAPABILITIES),
            "capset, one taken back": Hole(CAPSET, CAPABILITIES),
            "capset, then exec": Event("exec", None, "$child", program="$path", capabilities="$capabilities"),
            "user namespace, then exec": Event("exec", None, "$child", program="$path", userns="$userns"),
            "ambient": Hole(CAPSET, CAPABILITIES),
            "user namespace": Hole(CAPSET, CAPABILITIES),
            "exec with file capabilities": Event(
                "exec", None, "$child", program="$path", capabilities="$capabilities", uid=1000
            ),
        },
    ),
    Act(
        "other namespaces",
        [],
        odd={
            "unshare, then exec": Event("exec", None, "$child", program="$path", mntns="$mntns", netns="$netns"),
            "process namespace, then exec": Event("exec", None, "$child", program="$path", pidns="$pidns"),
            "setns, then exec": Event("exec", None, "$child", program="$path", netns="$netns"),
            "unshare alone": Hole(
                "told with the next program that runs there; the namespace of files stands in every event",
                Event("exec", netns="$netns"),
            ),
        },
    ),
    Act("in a container", [], odd={w: CONTAINED for w in ("docker", "podman", "containerd", "plain id")}),
    Act(
        "log in",
        [],
        odd={"/proc/self/loginuid, then exec": Event("login", "logged_in", "$child", auid=1000)},
    ),
    Act(
        "become another user",
        [],
        odd={
            "su": Event("login", "su", ChildOf("$child"), uid=1000, from_uid=0, method="su"),
            "sudo": Event("login", "sudo", ChildOf("$child"), uid=1000, from_uid=0, method="sudo"),
        },
    ),
    Act(
        "program in the kernel",
        [],
        odd={
            "BPF_PROG_LOAD": Event("bpf", "loaded", number="$program", text="$text"),
            "the last reference goes": Event("bpf", "unloaded", None, number="$program"),
            "SO_ATTACH_FILTER": Hole("a classic filter only chooses among the packets of its own socket", Event("bpf")),
            "init_module": Hole("modules are off in this kernel", Event("bpf", "module")),
        },
    ),
    Act(
        "change the machine",
        [],
        odd={
            "bind mount over a file": Hole("mounts have no event: what runs is told by inode", Event("file", path="$path")),
            "setting in /proc/sys": Hole("proc takes no marks: settings have no event", Event("file", path="$path")),
        },
    ),
]

# ---- what was there before ----

EXISTING = 1
BEFORE = [
    Act(
        "was there before",
        [],
        odd={
            "process": Event("exec", program="$path", inode="$ino", args=["/opt/acts/acts", "BEFORE"], flags=EXISTING),
            "library": Event("lib_load", library="$path", flags=EXISTING),
            "executable memory": Event("mem_exec", "writable", address="$address", flags=EXISTING),
            "TCP port": Event("listen", src="$src", src_port="$src_port", transport="tcp", flags=EXISTING),
            "UDP port": Event("listen", src="$src", src_port="$src_port", transport="udp", flags=EXISTING),
            "TCP connection": Event(
                "connect", "established", dst="$dst", dst_port="$dst_port", src_port="$src_port", flags=EXISTING
            ),
        },
    ),
]

FAMILIES = {
    "names of files": NAMES,
    "content and attributes of files": CONTENT,
    "opens of sensitive files": OPENS,
    "connections": CONNECTIONS,
    "names in the traffic": TRAFFIC,
    "programs": PROGRAMS,
    "processes": PROCESSES,
    "executable memory": MEMORY,
    "other processes": ACCESS,
    "identity and rights": IDENTITY,
    "what was there before": BEFORE,
}


def rows():
    """Every (family, act, way)."""
    return [(family, act, way) for family, acts in FAMILIES.items() for act in acts for way in act.ways]
