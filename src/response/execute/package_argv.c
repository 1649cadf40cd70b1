/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which program is started with which words, for every step of "remove" and "rollback". Pure: what is given was
 * checked (package_text.c), so that no word can be taken for an option.
 * Must not own: starting them (package_run.c). No shell ever sees these words.
 */
#include "response/execute/package.h"

#include <stdarg.h>
#include <stdio.h>

/* Nothing of turncoatd's own environment, nobody asked anything, no add-on of apt that talks to a person. */
const char *const trn_package_env[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LC_ALL=C",
    "TERM=dumb",
    "DEBIAN_FRONTEND=noninteractive",
    "APT_LISTCHANGES_FRONTEND=none",
    "NEEDRESTART_SUSPEND=1",
    NULL,
};

static void word(struct trn_package_argv *a, const char *w)
{
    if (a->n + 1 >= TRN_PACKAGE_WORDS) {
        a->bad = true;
        return;
    }
    a->v[a->n++] = w;
    a->v[a->n] = NULL;
}

static void words(struct trn_package_argv *a, const char *const *w)
{
    while (*w)
        word(a, *w++);
}

TRN_PRINTF(2, 3)
static void made(struct trn_package_argv *a, const char *fmt, ...)
{
    va_list ap;
    size_t room = sizeof a->store - a->used;
    va_start(ap, fmt);
    int n = vsnprintf(a->store + a->used, room, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= room) {
        a->bad = true;
        return;
    }
    word(a, a->store + a->used);
    a->used += (size_t)n + 1;
}

static void start(struct trn_package_argv *a, const char *program)
{
    a->n = a->used = 0;
    a->bad = false;
    word(a, program);
}

void trn_package_argv_query(struct trn_package_argv *a, const char *name)
{
    start(a, "/usr/bin/dpkg-query");
    words(a, (const char *const[]){"-W", "-f", TRN_PACKAGE_FORMAT, NULL});
    made(a, "%s", name);
}

void trn_package_argv_deb(struct trn_package_argv *a, const char *path)
{
    start(a, "/usr/bin/dpkg-deb");
    words(a, (const char *const[]){"--showformat=${Package}|${Version}|\\n", "-W", NULL});
    made(a, "%s", path);
}

void trn_package_argv_older(struct trn_package_argv *a, const char *version, const char *than)
{
    start(a, "/usr/bin/dpkg");
    word(a, "--compare-versions");
    made(a, "%s", version);
    word(a, "lt");
    made(a, "%s", than);
}

/* dpkg, not apt: it removes what is named and nothing else, and refuses when another package needs it. */
void trn_package_argv_remove(struct trn_package_argv *a, const struct trn_package_target *t, bool no_act)
{
    start(a, "/usr/bin/dpkg");
    if (no_act)
        word(a, "--no-act");
    word(a, "--remove");
    made(a, "%s", t->name);
    for (uint32_t i = 0; i < t->n_others; i++)
        made(a, "%s", t->others[i]);
}

void trn_package_argv_simulate(struct trn_package_argv *a, const char *verb, const char *name)
{
    start(a, "/usr/bin/apt-get");
    words(a, (const char *const[]){"-s", "-q", "-y", "-o", "APT::Color=0", "-o", "APT::Get::AutomaticRemove=0", NULL});
    word(a, verb);
    if (name)
        made(a, "%s", name);
}

void trn_package_argv_install(struct trn_package_argv *a, const char *what, enum trn_package_install how)
{
    start(a, "/usr/bin/apt-get");
    if (how == TRN_PACKAGE_SIMULATE)
        word(a, "-s");
    if (how == TRN_PACKAGE_DOWNLOAD)
        word(a, "--download-only");
    /* INSTALL may download, too: --no-download fails for sources that are folders. Never removes; no prompt about a configuration file: the one of this machine stays. */
    words(a, (const char *const[]){"-q",          "-y",
                                   "--reinstall", "--allow-downgrades",
                                   "--no-remove", "--no-install-recommends",
                                   "-o",          "APT::Color=0",
                                   "-o",          "APT::Get::AutomaticRemove=0",
                                   "-o",          "Dpkg::Use-Pty=0",
                                   "-o",          "DPkg::Lock::Timeout=60",
                                   "-o",          "Dpkg::Options::=--force-confdef",
                                   "-o",          "Dpkg::Options::=--force-confold",
                                   "install",     NULL});
    made(a, "%s", what);
}

void trn_package_argv_in_unit(struct trn_package_argv *a, uint64_t id, const char *step, unsigned sec)
{
    struct trn_package_argv inner = *a;
    start(a, "/usr/bin/systemd-run");
    a->used = inner.used; /* the words that stand in the store stay there */
    made(a, "--unit=turncoat-package-%llu%s", (unsigned long long)id, step);
    words(a, (const char *const[]){"--wait", "--collect", "--pipe", "--quiet", "--service-type=exec",
                                   "--property=KillMode=mixed", "--property=UMask=0022", NULL});
    made(a, "--property=RuntimeMaxSec=%u", sec);
    for (size_t i = 0; trn_package_env[i]; i++)
        made(a, "--setenv=%s", trn_package_env[i]);
    word(a, "--");
    for (size_t i = 0; i < inner.n; i++)
        word(a, inner.v[i]); /* into a->store, where they still stand, or literals */
    a->bad |= inner.bad;
}
