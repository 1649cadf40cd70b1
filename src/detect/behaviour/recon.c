/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the table of commands that look around, of Linux, Windows and macOS. A name that is missing is not noticed; a
 * harmless program that is in it costs nothing alone, for three different ones within two minutes count, and who runs them.
 * Must not: know who runs them or how fast. What a shell does itself (cd, echo, set, type) starts no program.
 */
#include "detect/behaviour/recon.h"

#define NAME_MAX_LENGTH 31

/* Sorted. Whatever their arguments. */
/* clang-format off */
static const char *const commands[] = {
    "arp", "csrutil", "dmidecode", "driverquery", "dscacheutil", "dscl", "dsmemberutil", "dsquery", "finger",
    "getent", "gpresult", "groups", "hostid", "hostname", "hostnamectl", "id", "ifconfig", "ioreg", "ip", "ipconfig",
    "klist", "last", "lastlog", "loginctl", "logname", "lsb_release", "lscpu", "lsof", "lspci", "nbtstat", "net", "net1",
    "netsh", "netstat", "networksetup", "nltest", "nmcli", "pgrep", "printenv", "ps", "pstree", "query", "quser",
    "qwinsta", "resolvectl", "route", "rwho", "scutil", "ss", "sw_vers", "system_profiler", "systemd-detect-virt",
    "systeminfo", "tasklist", "top", "tracert", "uname", "uptime", "users", "w", "who", "whoami", "wmic",
};

/* With no argument only: with one they do or wrap something. */
static const char *const alone[] = {"df", "env", "mount", "set"};

/* With one of these among the arguments. */
static const struct {
    const char *command, *argument;
} with_argument[] = {
    {"cmdkey", "/list"},  {"crontab", "-l"}, {"dpkg", "-l"},       {"launchctl", "list"}, {"reg", "query"},
    {"rpm", "-qa"},       {"sc", "query"},   {"security", "list-keychains"},              {"sudo", "-l"},
    {"systemctl", "list-units"},             {"systemctl", "list-unit-files"},
};

/* These show or find what they are told. */
static const char *const readers[] = {
    "awk", "base64", "bat", "cat", "cp", "dir", "fd", "file", "find", "findstr", "grep", "head", "hexdump", "less",
    "locate", "ls", "mdfind", "more", "od", "rg", "scp", "sed", "stat", "strings", "tail", "tar", "tree", "type",
    "where", "xxd", "zip",
};

/* And this is worth looking at; the first that fits. */
static const char *const places[] = {
    "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/sudoers", "/etc/hosts", "/etc/resolv.conf", "/etc/os-release",
    "/etc/issue", "/etc/ssh", "/etc/crontab", "/proc/version", "/proc/net", "/proc/1/", "authorized_keys", "known_hosts",
    "id_rsa", "id_ed25519", "id_ecdsa", ".ssh", ".gnupg", ".aws", ".kube", ".azure", ".config/gcloud", ".docker/config",
    ".git-credentials", ".netrc", ".pgpass", "_history", "history.", ".mozilla", "places.sqlite", "logins.json", "key4.db",
    "Login Data", "Cookies", "keychain", "Keychains", "keyring", "kdbx", "wallet", ".pem", ".p12", ".pfx", ".ppk",
    "password", "passwd", "secret", "credential", "ntds.dit", "/home", "/root", "/Users", "\\Users", "/var/log",
};
/* clang-format on */

/* *ret: the table's word for it. */
static bool among(struct trn_str name, const char *const *table, size_t n, const char **ret)
{
    const char *word = trn_str_in_table(name, table, n);
    if (word)
        *ret = word;
    return word != NULL;
}

/* "C:/Windows/System32/WHOAMI.EXE" -> "whoami". */
static struct trn_str plain_name(struct trn_str path, char out[NAME_MAX_LENGTH + 1])
{
    struct trn_str name = trn_path_base(path);
    ptrdiff_t slash = trn_str_rfind(name, '\\');
    if (slash >= 0)
        name = trn_str_slice(name, (size_t)slash + 1, name.n);
    if (name.n > NAME_MAX_LENGTH)
        return TRN_STR_NONE;
    for (size_t i = 0; i < name.n; i++)
        out[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] - 'A' + 'a') : name.p[i];
    name.p = out;
    if (trn_str_ends(name, TRN_STR(".exe")))
        name.n -= 4;
    return name;
}

/* One file with many commands in it: which one is meant. */
static struct trn_str meant(struct trn_str name, struct trn_str *argv, char out[NAME_MAX_LENGTH + 1])
{
    struct trn_str first, second;
    if (!trn_str_eq_c(name, "busybox") && !trn_str_eq_c(name, "toybox") && !trn_str_eq_c(name, "coreutils"))
        return name;
    if (!trn_str_split(argv, '\0', &first))
        return name;
    struct trn_str called = plain_name(first, out);
    if (!trn_str_eq_c(called, "busybox") && !trn_str_eq_c(called, "toybox") && !trn_str_eq_c(called, "coreutils"))
        return called;
    if (!trn_str_split(argv, '\0', &second))
        return called;
    return plain_name(second, out);
}

static bool has_argument(struct trn_str arguments, const char *argument)
{
    struct trn_str one;
    while (trn_str_split(&arguments, '\0', &one))
        if (trn_str_eq_c(one, argument))
            return true;
    return false;
}

static const char *place_in(struct trn_str arguments)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(places); i++)
        if (trn_str_contains(arguments, trn_str_of(places[i])))
            return places[i];
    return NULL;
}

bool trn_recon_of(struct trn_str path, struct trn_str argv, struct trn_recon *ret)
{
    char bytes[NAME_MAX_LENGTH + 1];
    struct trn_str rest = argv, called;
    struct trn_str name = meant(plain_name(path, bytes), &rest, bytes);
    *ret = (struct trn_recon){0};
    if (trn_str_is_empty(name))
        return false;
    if (among(name, commands, TRN_ARRAY_SIZE(commands), &ret->command))
        return true;
    if (rest.p == argv.p && !trn_str_is_none(argv))
        (void)trn_str_split(&rest, '\0', &called); /* its own name */
    if (among(name, alone, TRN_ARRAY_SIZE(alone), &ret->command))
        return trn_str_is_empty(rest);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(with_argument); i++) {
        if (!trn_str_eq_c(name, with_argument[i].command) || !has_argument(rest, with_argument[i].argument))
            continue;
        *ret = (struct trn_recon){with_argument[i].command, with_argument[i].argument};
        return true;
    }
    if (!among(name, readers, TRN_ARRAY_SIZE(readers), &ret->command))
        return false;
    ret->what = place_in(rest);
    return ret->what != NULL;
}

static bool is_sorted(const char *const *table, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (trn_str_cmp(trn_str_of(table[i - 1]), trn_str_of(table[i])) >= 0)
            return false;
    return true;
}

bool trn_recon_tables_sorted(void)
{
    return is_sorted(commands, TRN_ARRAY_SIZE(commands)) && is_sorted(alone, TRN_ARRAY_SIZE(alone)) &&
           is_sorted(readers, TRN_ARRAY_SIZE(readers));
}
