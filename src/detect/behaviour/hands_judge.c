/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the pace, the weight and the words of behaviour.hands-on-keyboard. A person's commands begin half a second to a
 * minute after the last one ended, at no regular times; a script's at once. The whole weight is for software whose history
 * knows no such shell; without history only for what no such software does. Must not: go by names alone; the table of
 * programs that open shells by trade only lowers, and only until there is a history.
 */
#include "detect/behaviour/hands.h"

#define SCORE_ALONE 30 /* typed, but no shell was seen: the program itself starts the commands */
#define SCORE_CLASS 30 /* without history */
#define SCORE_NOTE 20
#define SCORE_TRADE 15
#define HUMAN_MS 500u
#define LONG_MS 60000u
#define REGULAR_PERCENT 2u
#define OTHERS 3u /* a script runs more of other programs */
#define NAMED 8u  /* commands that the sentence names */

static bool is_regular(const uint32_t *gaps, uint32_t n)
{
    uint32_t least = UINT32_MAX, most = 0;
    for (uint32_t i = 0; i < n; i++) {
        least = TRN_MIN(least, gaps[i]);
        most = TRN_MAX(most, gaps[i]);
    }
    return (uint64_t)(most - least) * 100 < (uint64_t)most * REGULAR_PERCENT;
}

static bool hands_typed(const struct trn_hands *h)
{
    uint32_t human[TRN_HANDS_GAPS], n = 0;
    for (uint32_t i = 0; i < h->n_gaps && i < TRN_HANDS_GAPS; i++)
        if (h->gaps_ms[i] >= HUMAN_MS && h->gaps_ms[i] <= LONG_MS)
            human[n++] = h->gaps_ms[i];
    return n >= 2 && n * 2 >= h->n_gaps && !is_regular(human, n) && h->others <= OTHERS * h->runs;
}

/* Terminals, editors, remote support and runners of jobs, by their package. */
static bool opens_shells(const struct trn_software *s)
{
    static const char *const table[] = {
        "code",
        "code-*",
        "codium",
        "vscodium",
        "emacs*",
        "vim*",
        "neovim*",
        "geany*",
        "kate",
        "kdevelop*",
        "gedit*",
        "jetbrains*",
        "intellij*",
        "pycharm*",
        "sublime-*",
        "atom",
        "zed",
        "cursor",
        "mc",
        "ranger",
        "midnight-*",
        "*-terminal",
        "konsole*",
        "guake",
        "tilda",
        "yakuake",
        "cool-retro-term",
        "ttyd",
        "shellinabox",
        "cockpit*",
        "webmin",
        "teamviewer*",
        "anydesk",
        "rustdesk",
        "x11vnc",
        "tigervnc*",
        "xrdp",
        "gitlab-*",
        "jenkins",
        "buildbot*",
        "salt-minion",
        "puppet*",
        "chef*",
        "ansible*",
        "docker*",
        "containerd*",
        "podman",
        "lxc*",
        "libvirt*",
        "jupyter*",
        "rstudio*",
        "qemu-guest-agent",
        "nagios*",
        "zabbix-*",
        "monitoring-plugins*",
    };
    bool packaged = s->origin != TRN_ORIGIN_MANUAL && s->origin != TRN_ORIGIN_UNKNOWN && !(s->flags & TRN_SW_MODIFIED);
    for (size_t i = 0; packaged && i < TRN_ARRAY_SIZE(table); i++)
        if (trn_glob(trn_str_of(table[i]), s->name, false))
            return true;
    return trn_is_installer(s);
}

static uint16_t weigh_known(const struct trn_hands *h, const char **ret_why)
{
    bool typed = hands_typed(h);
    uint16_t full = trn_check_find(TRN_STR("behaviour.hands-on-keyboard"))->score;
    if (h->novelty.state == TRN_FEATURE_ORDINARY)
        return 0;
    *ret_why = "its history knows no such shell";
    if (h->network)
        return full;
    if (h->how != TRN_SHELL_NONE)
        return typed ? full : SCORE_NOTE;
    *ret_why = "its history knows no such commands";
    return typed ? SCORE_ALONE : SCORE_NOTE;
}

/* Without history: what no software of any class does, and a note for the rest when a person types. */
static uint16_t weigh_unknown(const struct trn_hands *h, const struct trn_software *s, const char **ret_why)
{
    bool typed = hands_typed(h);
    if (opens_shells(s)) {
        *ret_why = "it opens shells by trade; no history yet";
        return typed || h->how == TRN_SHELL_NETWORK ? SCORE_TRADE : 0;
    }
    *ret_why = "without history: no software hands a shell to a connection";
    if (h->how == TRN_SHELL_NETWORK)
        return trn_check_find(TRN_STR("behaviour.hands-on-keyboard"))->score;
    if (h->network)
        return SCORE_CLASS;
    *ret_why = "without history: a program that another one put there looks around";
    if (h->placed && h->how != TRN_SHELL_TERMINAL) /* editors bring their own terminals to other machines */
        return typed ? SCORE_CLASS : SCORE_NOTE;
    *ret_why = "without history: a shell that is typed to through a pipe";
    if (h->how == TRN_SHELL_FED)
        return typed ? SCORE_CLASS : 0;
    *ret_why = "without history";
    return typed && h->how != TRN_SHELL_NONE ? SCORE_NOTE : 0;
}

uint16_t trn_hands_weigh(const struct trn_hands *h, const struct trn_software *s, const char **ret_why)
{
    if (!s) {
        *ret_why = "started by hand";
        return SCORE_NOTE;
    }
    return h->has_novelty && trn_novelty_mature(&h->novelty) ? weigh_known(h, ret_why) : weigh_unknown(h, s, ret_why);
}

/* ---- words ---- */

static void put_commands(struct trn_buf *b, const struct trn_hands *h, uint32_t most)
{
    for (uint32_t i = 0; i < h->n && i < most; i++) {
        trn_put_c(b, i ? ", " : "");
        trn_escape(b, (struct trn_str){h->commands[i].text, h->commands[i].n});
    }
    if (h->n > most)
        trn_put_fmt(b, " and %u more", h->n - most);
}

static uint64_t span(const struct trn_hands *h)
{
    uint64_t from = h->commands[0].boot_ns, to = h->n ? h->commands[h->n - 1].boot_ns : 0;
    return to > from ? to - from : 0;
}

/* "sh under softphone; id, hostname, ss in 19 s, typed" */
static void put_summary(struct trn_buf *b, const struct trn_hands *h, const struct trn_entity *starter)
{
    bool shell = h->how != TRN_SHELL_NONE;
    if (shell)
        trn_escape(b, (struct trn_str){h->name, h->n_name});
    else
        put_commands(b, h, NAMED);
    if (starter) {
        trn_put_c(b, " under ");
        trn_escape(b, trn_path_base(starter->image.path));
    }
    if (h->network)
        trn_put_c(b, " on a connection");
    if (h->n < TRN_HANDS_MANY)
        return;
    if (shell) {
        trn_put_c(b, "; ");
        put_commands(b, h, NAMED);
    }
    trn_put_c(b, " in ");
    trn_put_span(b, span(h));
    trn_put_c(b, hands_typed(h) ? ", typed" : ", by a script");
}

static void put_pace(struct trn_buf *b, const struct trn_hands *h)
{
    uint32_t least = UINT32_MAX, most = 0;
    for (uint32_t i = 0; i < h->n_gaps && i < TRN_HANDS_GAPS; i++) {
        least = TRN_MIN(least, h->gaps_ms[i]);
        most = TRN_MAX(most, h->gaps_ms[i]);
    }
    trn_put_c(b, hands_typed(h) ? "typed: " : "by a script: ");
    trn_put_span(b, least * TRN_NS_PER_MS);
    trn_put_c(b, " to ");
    trn_put_span(b, most * TRN_NS_PER_MS);
    trn_put_c(b, " from the end of one to the next");
}

static void add_evidence(struct trn_finding *f, struct trn_arena *a, struct trn_buf *b, const struct trn_hands *h,
                         const struct trn_entity *program)
{
    if (h->how != TRN_SHELL_NONE)
        trn_finding_add(f, "shell", (struct trn_str){h->name, h->n_name});
    if (h->n_stdio)
        trn_finding_add(f, "descriptors", (struct trn_str){h->stdio, h->n_stdio});
    if (h->n) {
        trn_buf_clear(b);
        put_commands(b, h, TRN_HANDS_COMMANDS);
        trn_finding_add(f, "commands", trn_keep(a, b));
        trn_buf_clear(b);
        trn_put_span(b, span(h));
        trn_finding_add(f, "within", trn_keep(a, b));
    }
    if (h->n_gaps && h->n >= TRN_HANDS_MANY) {
        trn_buf_clear(b);
        put_pace(b, h);
        trn_finding_add(f, "pace", trn_keep(a, b));
    }
    if (h->has_novelty) {
        trn_buf_clear(b);
        trn_novelty_words(&h->novelty, b);
        trn_finding_add(f, "novelty", trn_keep(a, b));
    }
    trn_finding_add(f, "program", program->image.path);
}

int trn_hands_tell(const struct trn_detect_ctx *ctx, const struct trn_hands *h, const struct trn_entity *e,
                   const struct trn_entity *starter, const struct trn_event *ev, uint16_t score, const char *why)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(65536);
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    const struct trn_check *check = trn_check_find(TRN_STR("behaviour.hands-on-keyboard"));
    struct trn_finding f;
    trn_buf_init(&b, 8192);
    if (!check || !a)
        return check ? -ENOMEM : -ENOENT;
    trn_finding_init(&f, check);
    f.score = score;
    f.entity = h->shell ? h->shell : e->id;
    f.acting = starter ? starter->id : 0;
    trn_process_software(starter ? starter : e, &f.software);
    f.boot_ns = ev->boot_ns;
    f.wall_ns = ev->wall_ns;
    f.telemetry = TRN_TEL_PROCESS | (h->network ? TRN_TEL_NETWORK : 0);
    put_summary(&b, h, starter);
    f.summary = trn_keep(a, &b);
    if (h->shell_seq)
        trn_finding_event(&f, h->shell_seq);
    for (uint32_t i = 0; i < h->n; i++)
        trn_finding_event(&f, h->commands[i].seq);
    add_evidence(&f, a, &b, h, starter ? starter : e);
    trn_finding_add(&f, "weight", trn_str_of(why));
    return f.summary.p ? trn_report(ctx, &f, trn_hash64_mix(h->key, h->first_seq)) : -ENOMEM;
}
