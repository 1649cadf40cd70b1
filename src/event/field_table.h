/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal to src/event: the one list of fields. Rows that share a dotted prefix stand together, so
 * that JSON objects are opened once; the order here is the order of keys. Ids are in field.h.
 * A row is X(symbol, name, kind, types, place, value that means absent, about).
 */
#ifndef TRN_EVENT_FIELD_TABLE_H
#define TRN_EVENT_FIELD_TABLE_H

#include "event/field.h"

#define T(type) (1ull << TRN_EV_##type)
#define T_ALL (~1ull)
#define T_MAP (T(LIB_LOAD) | T(MEM_EXEC))
#define T_FILE (T(FILE) | T(OPEN))
#define T_NET (T(CONNECT) | T(ACCEPT) | T(NET_CLOSE) | T(DNS) | T(LISTEN) | T(TLS))
#define T_TCP (T(CONNECT) | T(ACCEPT) | T(NET_CLOSE))
#define T_META (T(LOSS) | T(TICK) | T(START) | T(STOP) | T(GAP) | T(CLOCK) | T(BPF) | T(HOOK))

#define AT(member) offsetof(struct trn_event, member), sizeof(((struct trn_event *)NULL)->member), false
#define DERIVED 0, 0, true
#define EXTRA_ONLY 0, 0, false

#define NO32 TRN_NO_U32
#define NO64 TRN_NO_U64
#define NOI32 ((uint64_t)(int64_t)TRN_NO_I32)

/* One row a line. */
/* clang-format off */
#define TRN_FIELD_ROWS_HEAD(X) \
    X(TIMESTAMP, "@timestamp", TIME, T_ALL, AT(wall_ns), 0, "when it happened") \
    X(MESSAGE, "message", STR, T_META, AT(meta.text), 0, "a sentence or a name") \
    X(SEQUENCE, "event.sequence", U64, T_ALL, AT(seq), 0, "number in the log, from 1") \
    X(EVENT_KIND, "event.kind", NAME, T_ALL, DERIVED, 0, "event, metric or state") \
    X(EVENT_CATEGORY, "event.category", NAME, T_ALL, DERIVED, 0, "process, file, network, library, package, host") \
    X(ACTION, "event.action", NAME, T_ALL, AT(action), 0, "what was done; the type where it says it all") \
    X(ENTITY, "process.entity_id", ENTITY, T_ALL, AT(entity), 0, "the process over its life") \
    X(PID, "process.pid", U64, T_ALL, AT(pid), NO32, "process id") \
    X(TID, "process.thread.id", U64, T_ALL, AT(tid), NO32, "thread id") \
    X(COMM, "process.thread.name", STR, T_ALL, AT(comm), 0, "the kernel's short name") \
    X(CAPABILITIES, "process.thread.capabilities.effective", U64, T(EXEC), AT(exec.capabilities), NO64, "effective capabilities, a bit each") \
    X(CRED_CAPABILITIES, "process.thread.capabilities.effective", U64, T(CRED), AT(cred.capabilities), NO64, "effective capabilities, a bit each") \
    X(EXECUTABLE, "process.executable", STR, T(EXEC), AT(exec.path), 0, "real path of the program") \
    X(PROCESS_NAME, "process.name", STR, T(EXEC), DERIVED, 0, "last part of the program's path") \
    X(ARGS, "process.args", LIST, T(EXEC), AT(exec.argv), 0, "arguments") \
    X(ARGC, "process.args_count", U64, T(EXEC), AT(exec.argc), NO32, "how many arguments there were") \
    X(COMMAND_LINE, "process.command_line", LIST, T(EXEC), DERIVED, 0, "arguments joined by spaces") \
    X(CWD, "process.working_directory", STR, T(EXEC), AT(exec.cwd), 0, "working directory") \
    X(TTY, "process.tty.name", STR, T(EXEC), AT(exec.tty), 0, "terminal, such as pts/3") \
    X(LOGIN_TTY, "process.tty.name", STR, T(LOGIN), AT(login.tty), 0, "terminal, such as pts/3") \
    X(STDIO, "process.stdio", LIST, T(EXEC), AT(exec.stdio), 0, "what descriptors 0, 1, 2 are: terminal, pipe, network-socket ...") \
    X(ENV, "process.env_vars", LIST, T(EXEC), AT(exec.env), 0, "variables that decide what code runs: LD_PRELOAD ...") \
    X(SESSION, "process.session_leader.pid", U64, T(EXEC), AT(exec.session), NO32, "session id") \
    X(PARENT, "process.parent.entity_id", ENTITY, T(EXEC), AT(exec.parent), 0, "the parent over its life") \
    X(PARENT_PID, "process.parent.pid", U64, T(EXEC), AT(exec.parent_pid), NO32, "the parent's process id") \
    X(FORK_PARENT, "process.parent.entity_id", ENTITY, T(FORK), AT(fork.parent), 0, "the parent over its life") \
    X(FORK_PARENT_PID, "process.parent.pid", U64, T(FORK), AT(fork.parent_pid), NO32, "the parent's process id") \
    X(EXIT_CODE, "process.exit_code", U64, T(EXIT), AT(exit.code), NO32, "exit code") \
    X(PROCESS_SHA256, "process.hash.sha256", BYTES, 0, EXTRA_ONLY, 0, "hash of the program") \
    X(AUID, "process.entry_leader.real_user.id", U64, T(EXEC), AT(exec.auid), NO32, "user id that logged in (audit user id)") \
    X(LOGIN_AUID, "process.entry_leader.real_user.id", U64, T(LOGIN), AT(login.auid), NO32, "user id that logged in (audit user id)") \
    X(TRACER, "process.Ext.tracer.pid", U64, T(EXEC), AT(exec.tracer_pid), 0, "process id of its debugger") \
    X(ACCESS_WAY, "process.Ext.access", STR, T(ACCESS), AT(access.way), 0, "how another process was reached: ptrace, process_vm_writev, /proc/PID/mem") \
    X(TARGET, "Target.process.entity_id", ENTITY, T(ACCESS), AT(access.target), 0, "the process that was reached into") \
    X(TARGET_PID, "Target.process.pid", U64, T(ACCESS), AT(access.target_pid), NO32, "its process id") \
    X(FILTER_TARGET, "Target.process.entity_id", ENTITY, T(FILTER), AT(filter.target), 0, "the process that is not watched") \
    X(FILTER_TARGET_PID, "Target.process.pid", U64, T(FILTER), AT(filter.target_pid), NO32, "its process id") \
    X(CONTAINER, "container.id", STR, T(EXEC), AT(exec.container), 0, "container that it runs in") \
    X(UID, "user.id", U64, T_ALL, AT(uid), NO32, "user id") \
    X(EUID, "user.effective.id", U64, T_ALL, AT(euid), NO32, "effective user id") \
    X(GID, "group.id", U64, T_ALL, AT(gid), NO32, "group id") \
    X(IDENTITY_NAME, "package.name", STR, T(IDENTITY), AT(identity.id.software.name), 0, "package or product") \
    X(IDENTITY_VERSION, "package.version", STR, T(IDENTITY), AT(identity.id.software.version), 0, "its version") \
    X(SOFTWARE_NAME, "package.name", STR, T(SOFTWARE), AT(software.software.name), 0, "package or product") \
    X(SOFTWARE_VERSION, "package.version", STR, T(SOFTWARE), AT(software.software.version), 0, "its version") \
    X(EXCEPTION_NAME, "package.name", STR, T(EXCEPTION), AT(exception.name), 0, "package or product") \
    X(EXCEPTION_VERSION, "package.version", STR, T(EXCEPTION), AT(exception.version), 0, "its version") \
    X(BROUGHT_NAME, "package.name", STR, T(BROUGHT), AT(brought.name), 0, "package or product") \
    X(BROUGHT_VERSION, "package.version", STR, T(BROUGHT), AT(brought.version), 0, "its version") \
    X(DLL_PATH, "dll.path", STR, T_MAP, AT(map.path), 0, "file that was mapped executable")

#define TRN_FIELD_ROWS_FILE(X) \
    X(FILE_PATH, "file.path", STR, T_FILE, AT(file.path), 0, "path of the file") \
    X(FILTER_PATH, "file.path", STR, T(FILTER), AT(filter.path), 0, "what is not watched") \
    X(FILE_OLD_PATH, "file.Ext.original.path", STR, T_FILE, AT(file.old_path), 0, "path before a rename") \
    X(IDENTITY_PATH, "file.path", STR, T(IDENTITY), AT(identity.path), 0, "path of the file") \
    X(EXEC_INODE, "file.inode", U64, T(EXEC), AT(exec.file.ino), 0, "inode number") \
    X(EXEC_DEVICE, "file.device", U64, T(EXEC), AT(exec.file.dev), 0, "device number") \
    X(EXEC_CTIME, "file.ctime", TIME, T(EXEC), AT(exec.file.ctime_ns), 0, "when content or attributes changed") \
    X(EXEC_SIZE, "file.size", U64, T(EXEC), AT(exec.size), NO64, "bytes") \
    X(MAP_INODE, "file.inode", U64, T_MAP, AT(map.file.ino), 0, "inode number") \
    X(MAP_DEVICE, "file.device", U64, T_MAP, AT(map.file.dev), 0, "device number") \
    X(MAP_CTIME, "file.ctime", TIME, T_MAP, AT(map.file.ctime_ns), 0, "when content or attributes changed") \
    X(FILE_INODE, "file.inode", U64, T_FILE, AT(file.file.ino), 0, "inode number") \
    X(FILE_DEVICE, "file.device", U64, T_FILE, AT(file.file.dev), 0, "device number") \
    X(FILE_CTIME, "file.ctime", TIME, T_FILE, AT(file.file.ctime_ns), 0, "when content or attributes changed") \
    X(FILTER_INODE, "file.inode", U64, T(FILTER), AT(filter.file.ino), 0, "inode number") \
    X(FILTER_DEVICE, "file.device", U64, T(FILTER), AT(filter.file.dev), 0, "device number") \
    X(FILTER_CTIME, "file.ctime", TIME, T(FILTER), AT(filter.file.ctime_ns), 0, "when content or attributes changed") \
    X(FILE_SIZE, "file.size", U64, T_FILE, AT(file.size), NO64, "bytes") \
    X(FILE_UID, "file.uid", U64, T_FILE, AT(file.uid), NO32, "who owns the file") \
    X(FILE_GID, "file.gid", U64, T_FILE, AT(file.gid), NO32, "group of the file") \
    X(IDENTITY_INODE, "file.inode", U64, T(IDENTITY), AT(identity.file.ino), 0, "inode number") \
    X(IDENTITY_DEVICE, "file.device", U64, T(IDENTITY), AT(identity.file.dev), 0, "device number") \
    X(IDENTITY_CTIME, "file.ctime", TIME, T(IDENTITY), AT(identity.file.ctime_ns), 0, "when content or attributes changed") \
    X(IDENTITY_SIZE, "file.size", U64, T(IDENTITY), AT(identity.id.size), NO64, "bytes") \
    X(IDENTITY_SHA256, "file.hash.sha256", BYTES, T(IDENTITY), AT(identity.id.sha256), 0, "hash of the file") \
    X(EXCEPTION_SHA256, "file.hash.sha256", BYTES, T(EXCEPTION), AT(exception.sha256), 0, "hash of the file that acts")

#define TRN_FIELD_ROWS_NET(X) \
    X(NET_FAMILY, "network.type", NAME, T_NET, AT(net.family), 0, "ipv4 or ipv6") \
    X(NET_PROTO, "network.transport", NAME, T_NET, AT(net.proto), 0, "tcp, udp, icmp ...") \
    X(SRC_IP, "source.ip", IP, T_NET, AT(net.src), 0, "address of the side that began") \
    X(SRC_PORT, "source.port", U64, T_NET, AT(net.src_port), NO32, "its port") \
    X(BYTES_OUT, "source.bytes", U64, T_NET, AT(net.bytes_out), NO64, "bytes sent") \
    X(DST_IP, "destination.ip", IP, T_NET, AT(net.dst), 0, "address of the other side") \
    X(DST_PORT, "destination.port", U64, T_NET, AT(net.dst_port), NO32, "its port") \
    X(BYTES_IN, "destination.bytes", U64, T_NET, AT(net.bytes_in), NO64, "bytes received") \
    X(DST_DOMAIN, "destination.domain", STR, 0, EXTRA_ONLY, 0, "name that resolved to this address before") \
    X(TLS_SNI, "tls.client.server_name", STR, T(TLS), AT(tls.sni), 0, "name of the server that was asked for") \
    X(TLS_ALPN, "tls.client.supported_protocols", LIST, T(TLS), AT(tls.alpn), 0, "protocols that the client offers (ALPN)") \
    X(TLS_JA4, "tls.client.ja4", STR, T(TLS), AT(tls.ja4), 0, "fingerprint of the client") \
    X(TLS_VERSION, "tls.version", U64, T(TLS), AT(tls.version), NO32, "highest version offered, such as 772 for 1.3") \
    X(DNS_NAME, "dns.question.name", STR, T(DNS), AT(dns.name), 0, "name that was asked for") \
    X(DNS_TYPE, "dns.question.type", NAME, T(DNS), AT(dns.qtype), NO32, "A, AAAA, TXT ...") \
    X(DNS_ANSWERS, "dns.answers", LIST, T(DNS), AT(dns.answers), 0, "addresses and names of the answer") \
    X(DNS_RCODE, "dns.response_code", NAME, T(DNS), AT(dns.rcode), NO32, "NOERROR, NXDOMAIN ...")

#define TRN_FIELD_ROWS_OURS(X) \
    X(TYPE, "turncoat.type", NAME, T_ALL, AT(type), 0, "kind of event: exec, file, connect, dns ...") \
    X(FLAGS, "turncoat.flags", U64, T_ALL, AT(flags), 0, "sum of: 1 existing, 2 late, 4 arguments cut, 8 path cut, 16 memfd, 32 deleted, 64 payload cut, 128 variables cut, 256 actor had ended, 512 change not told") \
    X(BOOT_NS, "turncoat.boot_ns", U64, T_ALL, AT(boot_ns), 0, "nanoseconds since boot") \
    X(MNTNS, "turncoat.mntns", U64, T_ALL, AT(mntns), 0, "mount namespace") \
    X(CGROUP, "turncoat.cgroup", U64, T_ALL, AT(cgroup), 0, "cgroup v2 id") \
    X(CGROUP_PATH, "turncoat.cgroup_path", STR, T(EXEC), AT(exec.cgroup), 0, "path of the cgroup") \
    X(LOGIN_SESSION, "turncoat.login", U64, T(EXEC), AT(exec.login), NO32, "audit session") \
    X(LOGIN_LOGIN, "turncoat.login", U64, T(LOGIN), AT(login.login), NO32, "audit session") \
    X(LOGIN_METHOD, "turncoat.method", STR, T(LOGIN), AT(login.method), 0, "program that let them in: sshd, login, sudo, su ...") \
    X(LOGIN_FROM, "turncoat.from_uid", U64, T(LOGIN), AT(login.from_uid), NO32, "user id that asked, for sudo and su") \
    X(START, "turncoat.start_boot_ns", U64, T_ALL, AT(start_ns), 0, "when the process began, as the kernel keeps it") \
    X(PIDNS, "turncoat.pidns", U64, T(EXEC), AT(exec.pidns), 0, "process namespace") \
    X(NETNS, "turncoat.netns", U64, T(EXEC), AT(exec.netns), 0, "network namespace") \
    X(USERNS, "turncoat.userns", U64, T(EXEC), AT(exec.userns), 0, "user namespace") \
    X(CRED_OLD_UID, "turncoat.old.uid", U64, T(CRED), AT(cred.old_uid), NO32, "user id before") \
    X(CRED_OLD_EUID, "turncoat.old.euid", U64, T(CRED), AT(cred.old_euid), NO32, "effective user id before") \
    X(CRED_OLD_GID, "turncoat.old.gid", U64, T(CRED), AT(cred.old_gid), NO32, "group id before") \
    X(CRED_OLD_CAPABILITIES, "turncoat.old.capabilities", U64, T(CRED), AT(cred.old_capabilities), NO64, "effective capabilities before") \
    X(INVOKED, "turncoat.image.invoked", STR, T(EXEC), AT(exec.invoked), 0, "path as given to execve") \
    X(INTERP, "turncoat.image.interpreter", STR, T(EXEC), AT(exec.interp), 0, "interpreter of a script") \
    X(SCRIPT, "turncoat.image.script", STR, T(EXEC), AT(exec.script), 0, "path of the script") \
    X(NLINK, "turncoat.image.nlink", U64, T(EXEC), AT(exec.nlink), NO32, "number of names of the file") \
    X(EXIT_SIGNAL, "turncoat.exit_signal", U64, T(EXIT), AT(exit.signal), NO32, "signal that ended it") \
    X(MAP_BUILD_ID, "turncoat.map.build_id", BYTES, T_MAP, AT(map.build_id), 0, "GNU build-id") \
    X(MAP_ADDRESS, "turncoat.map.address", U64, T_MAP, AT(map.address), NO64, "where in memory") \
    X(MAP_LENGTH, "turncoat.map.length", U64, T_MAP, AT(map.length), NO64, "bytes") \
    X(MAP_PROT, "turncoat.map.prot", U64, T_MAP, AT(map.prot), NO32, "sum of: 1 read, 2 write, 4 execute") \
    X(SENSITIVE, "turncoat.sensitive.class", STR, T_FILE, AT(file.sensitive), 0, "class of data, such as browser-cookies") \
    X(OWNER_HINT, "turncoat.sensitive.owner", STR, T_FILE, AT(file.owner_hint), 0, "whose data it is, such as firefox") \
    X(FILE_MODE, "turncoat.file.mode", U64, T_FILE, AT(file.mode), NO32, "type and permission bits") \
    X(FILE_KIND, "turncoat.file.kind", STR, T(IDENTITY), AT(identity.id.kind), 0, "elf, script, appimage, data ...") \
    X(FILE_BUILD_ID, "turncoat.file.build_id", BYTES, T(IDENTITY), AT(identity.id.build_id), 0, "GNU build-id") \
    X(FILE_MNTNS, "turncoat.file.mntns", U64, T(IDENTITY), AT(identity.id.mntns), 0, "mount namespace the identity holds in") \
    X(SOCKET, "turncoat.socket", U64, T_NET, AT(net.socket), 0, "socket cookie") \
    X(CONNECTIONS, "turncoat.connections", U64, T_TCP, AT(net.count), NO32, "connections that the event stands for; absent: one") \
    X(CONNECTIONS_SINCE, "turncoat.connections_since_boot_ns", U64, T_TCP, AT(net.since_boot_ns), 0, "when the first of them was seen") \
    X(NET_ERROR, "turncoat.error", I64, T_NET, AT(net.error), NOI32, "errno of a failed connection") \
    X(IDENTITY_ORIGIN, "turncoat.software.origin", NAME, T(IDENTITY), AT(identity.id.software.origin), 0, "dpkg, npm, manual ...") \
    X(IDENTITY_SIGNER, "turncoat.software.signer", STR, T(IDENTITY), AT(identity.id.software.signer), 0, "who signed it") \
    X(IDENTITY_FLAGS, "turncoat.software.flags", U64, T(IDENTITY), AT(identity.id.software.flags), 0, "sum of: 1 modified, 2 base system, 4 unpacked, 8 list known") \
    X(SOFTWARE_ORIGIN, "turncoat.software.origin", NAME, T(SOFTWARE), AT(software.software.origin), 0, "dpkg, npm, manual ...") \
    X(SOFTWARE_SIGNER, "turncoat.software.signer", STR, T(SOFTWARE), AT(software.software.signer), 0, "who signed it") \
    X(SOFTWARE_FLAGS, "turncoat.software.flags", U64, T(SOFTWARE), AT(software.software.flags), 0, "sum of: 1 modified, 2 base system, 4 unpacked, 8 list known") \
    X(SOFTWARE_FROM, "turncoat.software.from", STR, T(SOFTWARE), AT(software.from), 0, "version before") \
    X(SOFTWARE_BY, "turncoat.software.by", STR, T(SOFTWARE), AT(software.by), 0, "who installed it") \
    X(STATE_KIND, "turncoat.state.kind", STR, T(STATE), AT(state.kind), 0, "kind of remembered row") \
    X(STATE_KEY, "turncoat.state.key", ENTITY, T(STATE), AT(state.key), 0, "its key") \
    X(STATE_VALUE, "turncoat.state.value", BYTES, T(STATE), AT(state.value), 0, "its content") \
    X(FILTER_CLASSES, "turncoat.filter.classes", U64, T(FILTER), AT(filter.classes), 0, "classes that are not watched, a bit each") \
    X(FILTER_HOLDS, "turncoat.filter.holds_ns", U64, T(FILTER), AT(filter.holds_ns), 0, "how long it holds") \
    X(FILTER_WHY, "turncoat.filter.why", STR, T(FILTER), AT(filter.why), 0, "why it is not watched") \
    X(EXCEPTION_ID, "turncoat.exception.id", U64, T(EXCEPTION), AT(exception.id), 0, "number of the exception") \
    X(EXCEPTION_CHECK, "turncoat.exception.check", STR, T(EXCEPTION), AT(exception.check), 0, "check that weighs less") \
    X(EXCEPTION_ONLY, "turncoat.exception.only", STR, T(EXCEPTION), AT(exception.only), 0, "only where the evidence says this") \
    X(EXCEPTION_BY, "turncoat.exception.by", STR, T(EXCEPTION), AT(exception.by), 0, "name of the user who did it") \
    X(EXCEPTION_UNTIL, "turncoat.exception.until", TIME, T(EXCEPTION), AT(exception.until_wall_ns), 0, "when it ends by itself") \
    X(EXCEPTION_REASON, "turncoat.exception.reason", STR, T(EXCEPTION), AT(exception.reason), 0, "why") \
    X(BROUGHT_FROM, "turncoat.brought.from", STR, T(BROUGHT), AT(brought.from), 0, "version that it was compared with") \
    X(BROUGHT_CHECK, "turncoat.brought.check", STR, T(BROUGHT), AT(brought.check), 0, "check that found it") \
    X(BROUGHT_PATH, "turncoat.brought.path", STR, T(BROUGHT), AT(brought.path), 0, "where in the package, or which installed file") \
    X(BROUGHT_SUMMARY, "turncoat.brought.summary", STR, T(BROUGHT), AT(brought.summary), 0, "what was found, a sentence") \
    X(BROUGHT_SHA256, "turncoat.brought.sha256", STR, T(BROUGHT), AT(brought.sha256), 0, "hash of the package or file") \
    X(BROUGHT_VERDICT, "turncoat.brought.verdict", STR, T(BROUGHT), AT(brought.verdict), 0, "verdict on the whole package or file") \
    X(BROUGHT_SCORE, "turncoat.brought.score", U64, T(BROUGHT), AT(brought.score), 0, "weight of the finding") \
    X(BROUGHT_BY, "turncoat.brought.by", STR, T(BROUGHT), AT(brought.by), 0, "who found it: gate, scan, diff") \
    X(BROUGHT_ORIGIN, "turncoat.brought.origin", STR, T(BROUGHT), AT(brought.origin), 0, "where the software is from: dpkg, npm ...") \
    X(RESPONSE_ID, "turncoat.response.id", U64, T(RESPONSE), AT(response.id), 0, "number of the action") \
    X(RESPONSE_ACT, "turncoat.response.act", STR, T(RESPONSE), AT(response.act), 0, "block, hold, kill, isolate ...") \
    X(RESPONSE_STATE, "turncoat.response.state", STR, T(RESPONSE), AT(response.state), 0, "requested, done, seen, not-seen, failed, undone ...") \
    X(RESPONSE_TARGET_KIND, "turncoat.response.target_kind", STR, T(RESPONSE), AT(response.target_kind), 0, "sha256, build-id, path, software, entity, host") \
    X(RESPONSE_TARGET, "turncoat.response.target", STR, T(RESPONSE), AT(response.target), 0, "what it is about") \
    X(RESPONSE_CHECK, "turncoat.response.check", STR, T(RESPONSE), AT(response.check), 0, "check that made the policy act") \
    X(RESPONSE_WHY, "turncoat.response.why", STR, T(RESPONSE), AT(response.why), 0, "why somebody asked for it") \
    X(RESPONSE_TEXT, "turncoat.response.text", STR, T(RESPONSE), AT(response.text), 0, "what was done, seen, or went wrong") \
    X(RESPONSE_UNTIL, "turncoat.response.until", TIME, T(RESPONSE), AT(response.until_wall_ns), 0, "when it ends by itself") \
    X(RESPONSE_TOOK, "turncoat.response.took_ns", U64, T(RESPONSE), AT(response.took_ns), 0, "time from the finding or the request to this step") \
    X(RESPONSE_BY, "turncoat.response.by", STR, T(RESPONSE), AT(response.by), 0, "name of the user who asked for it") \
    X(RESPONSE_STORY, "turncoat.story.id", U64, T(RESPONSE), AT(response.story), 0, "number of the story that it answers") \
    X(DECISION_STORY, "turncoat.story.id", U64, T(DECISION), AT(decision.story), 0, "number of the story that was decided about") \
    X(DECISION_TEXT, "turncoat.story.decision", STR, T(DECISION), AT(decision.text), 0, "why it was closed, or to whom it was given") \
    X(LOSS_CLASS, "turncoat.meta.class", NAME, T_META, AT(meta.klass), NO32, "class of events that were lost") \
    X(META_COUNT, "turncoat.meta.count", U64, T_META, AT(meta.count), NO64, "how many; program id of a BPF event") \
    X(META_SINCE, "turncoat.meta.since_boot_ns", U64, T_META, AT(meta.from_boot_ns), NO64, "since when") \
    X(META_DELTA, "turncoat.meta.delta_ns", I64, T_META, AT(meta.delta_ns), 0, "jump of the wall clock")

/* clang-format on */
#define TRN_FIELD_ROWS(X) TRN_FIELD_ROWS_HEAD(X) TRN_FIELD_ROWS_FILE(X) TRN_FIELD_ROWS_NET(X) TRN_FIELD_ROWS_OURS(X)

/* Position of a row in the table. */
#define TRN_FIELD_ROW_ENUM(sym, ...) TRN_ROW_##sym,
enum trn_field_row { TRN_FIELD_ROWS(TRN_FIELD_ROW_ENUM) TRN_FIELD_ROW_MAX };
#undef TRN_FIELD_ROW_ENUM

/* In field_table.c: position of the next row at or after `from` that this type has; TRN_FIELD_ROW_MAX when there is none.
 * Every event passes several times through the whole table: this looks at one word a row. */
size_t trn_field_next(enum trn_event_type type, size_t from);

/* In field.c: the member alone, without extras and derived rows. False when absent. */
bool trn_field_read(const struct trn_event *ev, const struct trn_field_def *f, struct trn_value *ret);
/* The same without the text of enumeration values, which only people need. */
bool trn_field_read_raw(const struct trn_event *ev, const struct trn_field_def *f, struct trn_value *ret);
void trn_field_clear(struct trn_event *ev, const struct trn_field_def *f); /* makes the member absent */

/* In field_name.c: text of enumeration values, by field. */
const char *trn_field_kind_name(enum trn_event_type type);     /* event.kind */
const char *trn_field_category_name(enum trn_event_type type); /* event.category */

#endif
