/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a shell script can do, by the commands it runs.
 * Must not own: words and quotes (src/formats/shell.c); follow what is fetched to what runs it (script_shell.c does).
 * What packaging helpers write (deb-systemd-helper, update-alternatives, ldconfig, py3compile) is in no group but "service", so
 * it needs no knowledge of their marks, which anybody could write around his own lines.
 */
#include "artifact/feature_script.h"
#include "formats/formats.h"

static const struct trn_call_name commands[] = {
    {"curl", "network"},
    {"wget", "network"},
    {"nc", "network"},
    {"ncat", "network"},
    {"socat", "network"},
    {"ssh", "network"},
    {"scp", "network"},
    {"ftp", "network"},
    {"telnet", "network"},
    {"openssl", "crypto"},
    {"gpg", "crypto"},
    {"eval", "code"},
    {"xxd", "decode"},
    {"base64", "decode"},
    {"base32", "decode"},
    {"uudecode", "decode"},
    {"crontab", "persist"},
    {"at", "persist"},
    {"useradd", "account"},
    {"usermod", "account"},
    {"adduser", "account"},
    {"passwd", "account"},
    {"chpasswd", "account"},
    {"visudo", "account"},
    {"systemctl", "service"},
    {"deb-systemd-helper", "service"},
    {"update-rc.d", "service"},
    {"launchctl", "service"},
    {"chkconfig", "service"},
    {"setcap", "privilege"},
    {"chattr", "privilege"},
    {"insmod", "privilege"},
    {"modprobe", "privilege"},
    {"setenforce", "privilege"},
    {"nohup", "process"},
    {"setsid", "process"},
    {"python", "process"},
    {"python3", "process"},
    {"perl", "process"},
    {"node", "process"},
    {"apt-key", "trust"},
    {"rpmkeys", "trust"},
    {"update-ca-certificates", "trust"},
};

struct walk {
    struct trn_calls *c;
    uint64_t base;
};

static bool has_option(const struct trn_shell_command *c, const char *a, const char *b)
{
    for (uint32_t i = 1; i < c->n_words; i++)
        if (trn_str_eq_c(c->words[i].text, a) || (b && trn_str_starts(c->words[i].text, trn_str_of(b))))
            return true;
    return false;
}

static bool is_octal(struct trn_str w)
{
    for (size_t i = 0; i < w.n; i++)
        if (w.p[i] < '0' || w.p[i] > '7')
            return false;
    return w.n >= 3 && w.n <= 5;
}

/* A mode that gives the file to whoever runs it, or lets everybody write it. */
static const char *mode_group(const struct trn_shell_command *c)
{
    for (uint32_t i = 1; i < c->n_words; i++) {
        struct trn_str w = c->words[i].text;
        bool octal = is_octal(w);
        if ((octal && w.n >= 4 && strchr("4627", w.p[w.n - 4])) || TRN_ONE_OF(w, "u+s", "g+s", "+s", "ug+s"))
            return "privilege";
        if (TRN_ONE_OF(w, "+x", "a+x", "u+x") || (octal && strchr("1357", w.p[w.n - 3])))
            return "file-mode";
    }
    return NULL;
}

static bool command(void *ctx, const struct trn_shell_command *c)
{
    struct walk *w = ctx;
    uint32_t i = 0;
    while (i < c->n_words &&
           TRN_ONE_OF(c->words[i].text, "sudo", "exec", "command", "env", "if", "then", "else", "!", "do"))
        i++;
    if (i >= c->n_words)
        return true;
    struct trn_str name = trn_path_base(c->words[i].text);
    const char *group = trn_call_group(name, commands, TRN_ARRAY_SIZE(commands));
    struct trn_str told = name;
    if (TRN_ONE_OF(name, "base64", "base32") && !has_option(c, "--decode", "-d") && !has_option(c, "-D", NULL))
        group = NULL;
    else if (TRN_ONE_OF(name, "sh", "bash", "dash", "zsh"))
        group = c->position > 0 || c->input ? "code" : has_option(c, "-c", NULL) ? "process" : NULL;
    else if (trn_str_eq_c(name, "chmod"))
        group = mode_group(c);
    else if (TRN_ONE_OF(name, "systemctl", "deb-systemd-helper"))
        group = has_option(c, "enable", NULL) ? "service" : NULL;
    else if (trn_str_eq_c(name, "at") && c->n_words < 2)
        group = NULL;
    else if (!group && trn_str_starts(c->words[i].text, TRN_STR("/")) &&
             !trn_str_starts(c->words[i].text, TRN_STR("/bin/")) &&
             !trn_str_starts(c->words[i].text, TRN_STR("/usr/bin/")) &&
             !trn_str_starts(c->words[i].text, TRN_STR("/sbin/")) &&
             !trn_str_starts(c->words[i].text, TRN_STR("/usr/sbin/"))) {
        group = "run"; /* a program of its own */
        told = c->words[i].text;
    }
    if (group)
        trn_calls_tell(w->c, group, told, w->base + c->at);
    for (size_t k = 0; k < 6; k++) { /* what is written to a place from which things start */
        static const char *const places[] = {"/etc/cron",    "/etc/profile.d", "/etc/ld.so.preload",
                                             "/etc/sudoers", "/etc/rc.local",  "/etc/systemd/system"};
        if (c->output.n && trn_str_starts(c->output, trn_str_of(places[k])))
            trn_calls_tell(w->c, "persist", c->output, w->base + c->at);
    }
    return w->c->error == 0;
}

int trn_shell_calls(struct trn_calls *c, struct trn_str text, uint64_t base)
{
    struct walk w = {c, base};
    int e = trn_shell_parse(text, c->l->arena, command, &w);
    return c->error < 0 ? c->error : e == -EFBIG ? 0 : e;
}
