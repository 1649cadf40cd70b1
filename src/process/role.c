/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what kind of program an image is. Evidence comes first (who owns the script, priority of the
 * package, a changed file), names last and only in the system's own directories: /tmp/x/sshd is no
 * border. Being a shell or tool by name is harmless, the ancestors then answer; being a border or an
 * application by name is what a liar wants, so that takes more. Must not own: lineage.
 */
#include "process/internal.h"

/* All tables are sorted for the binary search; a unit test checks it. */

/* clang-format off */
/* A person or a timed job starts below these. */
static const char *const session_borders[] = {
    "agetty", "anacron", "atd", "cron", "crond", "dropbear", "gdm-session-worker", "gdm-wayland-session",
    "gdm-x-session", "gdm3", "getty", "in.telnetd", "lightdm", "login", "sddm", "sddm-helper", "sshd",
    "sshd-session", "xdm", "xinetd",
};

/* Services and containers start below these; what they start acts for itself. */
static const char *const service_borders[] = {
    "conmon", "containerd-shim", "containerd-shim-runc-v1", "containerd-shim-runc-v2", "crun", "dbus-broker",
    "dbus-daemon", "docker-init", "init", "launchd", "lxc-start", "openrc-run", "runc", "runit", "runsv", "s6-supervise",
    "start-stop-daemon", "supervise", "systemd", "systemd-executor", "systemd-nspawn", "tini",
};

/* Terminals and desktop shells: a person is below them, unless an application started them itself. */
static const char *const soft_borders[] = {
    "Dock", "Finder", "Terminal", "alacritty", "cinnamon", "foot", "gnome-session-binary", "gnome-shell", "gnome-terminal-server", "i3", "kitty",
    "konsole", "kwin_wayland", "kwin_x11", "lxterminal", "mate-session", "mate-terminal", "openbox", "plasmashell",
    "qterminal", "rxvt", "screen", "script", "sway", "terminator", "tilix", "tmux", "urxvt", "wezterm-gui",
    "xfce4-panel", "xfce4-session", "xfce4-terminal", "xterm",
};

static const char *const shells[] = {
    "ash", "bash", "busybox", "csh", "dash", "elvish", "fish", "ksh", "ksh93", "mksh", "nu", "oksh", "posh", "pwsh",
    "rbash", "sh", "static-sh", "tcsh", "xonsh", "yash", "zsh",
};

/* Run somebody else's program; "ld-linux" because any program can be given to it as an argument. */
static const char *const interpreters[] = {
    "bun", "deno", "dotnet", "expect", "gjs", "guile", "java", "jimsh", "ld-linux", "ld-linux-aarch64",
    "ld-linux-x86-64", "ld-musl-aarch64", "ld-musl-x86_64", "lua", "luajit", "mono", "mono-sgen", "node", "nodejs", "perl", "php",
    "pypy", "python", "ruby", "tclsh", "wish",
};

/* Small helpers of optional packages. Those of the base system are known by their package's priority,
 * but also stand here where rules must hold before the identity of the file arrives. */
static const char *const tools[] = {
    "7z", "7za", "7zr", "ar", "arp", "as", "awk", "base64", "basename", "bwrap", "bzip2", "c++", "cat", "cc", "cc1",
    "cc1plus", "chgrp", "chmod", "chown", "chroot", "chrt", "clang", "cmake", "collect2", "cp", "cpp", "ctest", "curl",
    "cut", "date", "dd", "delv", "df", "diff", "dig", "dirname", "doas", "du", "echo", "ed", "emacs", "env", "expr",
    "false", "file", "find", "g++", "gawk", "gcc", "gdb", "getconf", "getent", "gmake", "gold", "gpg", "gpgconf",
    "gpgv", "grep", "groups", "gunzip", "gzip", "head", "host", "hostid", "hostname", "id", "ifconfig", "install",
    "ionice", "ip", "join", "jq", "kill", "last", "ld", "ld.bfd", "ld.gold", "ld.lld", "less", "link", "lld", "ln",
    "locale", "logger", "logname", "ls", "lscpu", "lsof", "lto-wrapper", "lto1", "m4", "make", "man", "mawk",
    "md5sum", "mkdir", "mkfifo", "mknod", "mktemp", "more", "mount", "mv", "nano", "nc", "nc.openbsd",
    "nc.traditional", "ncat", "netcat", "netstat", "newgrp", "nice", "ninja", "nm", "nmap", "nohup", "nproc",
    "nsenter", "nslookup", "objcopy", "objdump", "od", "openssl", "paste", "patch", "patchelf", "pgrep", "ping",
    "pkexec", "pkg-config", "pkgconf", "pkill", "printenv", "printf", "ps", "pwd", "ranlib", "readelf", "readlink",
    "realpath", "rm", "rmdir", "route", "rsync", "runuser", "scp", "sed", "seq", "setpriv", "setsid", "sftp",
    "sha256sum", "sleep", "socat", "sort", "split", "ss", "ssh", "stat", "stdbuf", "strace", "strings", "strip", "stty",
    "su", "sudo", "sync", "tac", "tail", "tar", "taskset", "tee", "test", "time", "timeout", "top", "touch", "tput",
    "tr", "traceroute", "true", "tty", "turncoat", "umount", "uname", "uniq", "unlink", "unshare", "unxz", "unzip",
    "uptime", "users", "vim", "vim.basic", "vim.nox", "vim.tiny", "w", "watch", "wc", "wget", "which", "who", "whoami",
    "whois", "xargs", "xxd", "xz", "yes", "zip", "zstd",
};

/* Scripts of these packages are helpers, not applications. */
static const char *const tool_packages[] = {
    "autoconf", "automake", "autotools-dev", "debconf", "gzip", "libtool", "lsb-release", "pkg-config", "pkgconf",
    "sensible-utils", "xdg-utils",
};

/* Programs that install others: they act, also those whose package is part of the base. The rest of
 * the same packages (dpkg-query, apt-cache) only look, so they stay tools. */
static const char *const installers[] = {"apt", "apt-get", "aptitude", "dpkg", "dpkg-deb", "dpkg-split"};
/* Packages whose scripts do (apt.systemd.daily). */
static const char *const installer_packages[] = {"apt", "aptitude", "dpkg", "git", "npm", "python3-pip",
                                                 "unattended-upgrades"};
/* clang-format on */

#define AMONG(name, table) (trn_str_in_table((name), (table), TRN_ARRAY_SIZE(table)) != NULL)

static bool starts_with_any(struct trn_str path, const char *const *prefixes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (trn_str_starts(path, trn_str_of(prefixes[i])))
            return true;
    return false;
}

/* Only root writes there. */
bool trn_in_system(struct trn_str path)
{
    static const char *const dirs[] = {
        "/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/lib32/", "/usr/lib64/",           "/usr/libexec/",
        "/bin/",     "/sbin/",     "/lib/",     "/lib64/",     "/System/Applications/", "/System/Library/"}; /* macOS */
    return starts_with_any(path, dirs, TRN_ARRAY_SIZE(dirs));
}

struct trn_str trn_plain_program(struct trn_str name)
{
    static const char *const targets[] = {"x86_64-linux-gnu-", "aarch64-linux-gnu-", "i686-linux-gnu-"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(targets); i++) {
        struct trn_str t = trn_str_of(targets[i]);
        if (name.n > t.n && trn_str_starts(name, t))
            name = trn_str_slice(name, t.n, name.n - t.n);
    }
    if (name.n > 7 && trn_str_starts(name, TRN_STR("ld-")) && trn_str_ends(name, TRN_STR(".so")) && name.p[3] >= '0' &&
        name.p[3] <= '9')
        return TRN_STR("ld-linux"); /* ld-2.31.so: how Debian 11 names the file */
    ptrdiff_t so = trn_str_find(name, '.');
    if (trn_str_starts(name, TRN_STR("ld-")) && so > 0 &&
        trn_str_starts(trn_str_slice(name, (size_t)so, 3), TRN_STR(".so")))
        return trn_str_slice(name, 0, (size_t)so);
    size_t n = name.n;
    while (n > 1 && ((name.p[n - 1] >= '0' && name.p[n - 1] <= '9') || name.p[n - 1] == '.'))
        n--;
    if (n < name.n && n > 1 && name.p[n - 1] == '-')
        n--;
    return trn_str_slice(name, 0, n);
}

static bool has_name(struct trn_str name, const char *const *table, size_t n)
{
    return trn_str_in_table(name, table, n) || trn_str_in_table(trn_plain_program(name), table, n);
}
#define HAS_NAME(name, table) has_name((name), (table), TRN_ARRAY_SIZE(table))

static bool is_owned(const struct trn_software *sw)
{
    return sw && !trn_str_is_empty(sw->name) && sw->origin != TRN_ORIGIN_MANUAL && sw->origin != TRN_ORIGIN_UNKNOWN;
}

enum trn_border trn_border_of(struct trn_str path, const struct trn_software *software)
{
    struct trn_str name = trn_path_base(path);
    if (trn_is_windows_path(path))
        return trn_windows_border(path);
    /* Known to be nobody's, or changed since it was installed: then the name is worth nothing. */
    bool doubtful =
        software && !trn_str_is_empty(software->name) && (!is_owned(software) || (software->flags & TRN_SW_MODIFIED));
    if (!trn_in_system(path) || doubtful)
        return TRN_BORDER_NONE;
    if (AMONG(name, session_borders))
        return TRN_BORDER_SESSION;
    if (AMONG(name, service_borders))
        return TRN_BORDER_SERVICE;
    if (AMONG(name, soft_borders))
        return TRN_BORDER_SOFT;
    return TRN_BORDER_NONE;
}

/* By name. Version managers (pyenv, nvm, conda) keep interpreters in a `bin` of their own. */
static enum trn_role role_by_name(struct trn_str path)
{
    struct trn_str name = trn_path_base(path);
    bool local = trn_str_starts(path, TRN_STR("/usr/local/")), system = trn_in_system(path);
    if (HAS_NAME(name, interpreters) && (system || trn_str_ends(trn_path_dir(path), TRN_STR("/bin"))))
        return TRN_ROLE_INTERPRETER;
    if (!system && !local)
        return TRN_ROLE_APPLICATION;
    if (HAS_NAME(name, shells))
        return TRN_ROLE_SHELL;
    return HAS_NAME(name, tools) ? TRN_ROLE_TOOL : TRN_ROLE_APPLICATION;
}

static enum trn_role role_of_script(struct trn_str interpreter, const struct trn_software *sw)
{
    if (is_owned(sw)) {
        if (AMONG(sw->name, installer_packages))
            return TRN_ROLE_APPLICATION;
        return (sw->flags & TRN_SW_BASE) || AMONG(sw->name, tool_packages) ? TRN_ROLE_TOOL : TRN_ROLE_APPLICATION;
    }
    enum trn_role r = role_by_name(interpreter);
    /* The kernel started it for a script, so a system program of any name interprets here. */
    return r == TRN_ROLE_APPLICATION && trn_in_system(interpreter) ? TRN_ROLE_INTERPRETER : r;
}

enum trn_role trn_role_of(struct trn_str path, const struct trn_software *software, bool has_script)
{
    if (trn_is_windows_path(path) && !has_script) {
        enum trn_role w = trn_windows_role(path);
        return w == TRN_ROLE_APPLICATION && is_owned(software) && (software->flags & TRN_SW_BASE) ? TRN_ROLE_TOOL : w;
    }
    if (has_script)
        return role_of_script(path, software);
    if (trn_in_system(path) && AMONG(trn_path_base(path), installers))
        return TRN_ROLE_APPLICATION;
    if (trn_border_of(path, software) != TRN_BORDER_NONE)
        return TRN_ROLE_BORDER;
    enum trn_role r = role_by_name(path);
    if (r == TRN_ROLE_APPLICATION && is_owned(software) && (software->flags & TRN_SW_BASE))
        return TRN_ROLE_TOOL;
    return r;
}

static bool is_sorted(const char *const *table, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (strcmp(table[i - 1], table[i]) >= 0)
            return false;
    return true;
}

bool trn_role_tables_sorted(void)
{
#define SORTED(table) is_sorted(table, TRN_ARRAY_SIZE(table))
    return SORTED(session_borders) && SORTED(service_borders) && SORTED(soft_borders) && SORTED(shells) &&
           SORTED(interpreters) && SORTED(tools) && SORTED(tool_packages) && SORTED(installers) &&
           SORTED(installer_packages);
#undef SORTED
}
