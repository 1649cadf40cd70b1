/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: handing findings about installed software to the engine over the local socket: whose a file is (the engine knows),
 * then what was found in it.
 * Must not: hold a scan up: an engine that does not answer is asked no more. Must not lose anything in silence that somebody
 * asked to have told.
 */
#include "cli/tell.h"

#include <poll.h>
#include <unistd.h>

#define ANSWER_MS 2000
#define START_TRIES 50u
#define START_WAIT_MS 200
#define TOLD_MAX 1000u /* files of one run */
#define TEXT_MAX 600u  /* of a path or sentence: what the engine takes */

int trn_tell_begin(struct trn_tell *t, struct trn_cli *cli, const char *by, struct trn_err *err)
{
    bool never = trn_cli_has(cli, "no-tell");
    *t = (struct trn_tell){.cli = cli, .by = by, .asked = trn_cli_has(cli, "tell")};
    if (t->asked && never)
        return trn_fail(err, -EINVAL, "--tell and --no-tell contradict each other");
    t->on = !never && (t->asked || geteuid() == 0);
    return 0;
}

/* ---- findings as the engine takes them ---- */

static json_t *text_of(struct trn_str s)
{
    char text[TEXT_MAX + 1];
    return json_string(
        trn_escape_into(text, sizeof(text), s)); /* names of files may be any bytes; cut between characters */
}

void trn_tell_add(json_t *findings, const struct trn_finding *f, struct trn_str path, struct trn_str summary)
{
    uint16_t score = trn_score_alone(f, NULL);
    char name[200];
    size_t at = json_array_size(findings);
    while (at > 0 && trn_json_count(json_array_get(findings, at - 1), "score") < score)
        at--;
    if (score == 0 || at == TRN_TELL_FINDINGS)
        return;
    json_array_insert_new(findings, at,
                          json_pack("{s:s, s:i, s:o, s:o}", "check", trn_finding_name(f, name, sizeof(name)), "score",
                                    (int)TRN_MIN(score, (uint16_t)100), "path", text_of(path), "summary",
                                    text_of(summary)));
    while (json_array_size(findings) > TRN_TELL_FINDINGS)
        json_array_remove(findings, TRN_TELL_FINDINGS);
}

/* ---- questions to the engine ---- */

struct owner {
    bool by_name, found;
    struct trn_str wanted; /* by name: this version */
    char name[200], version[200], origin[32];
};

/* Each line of the answer to a request, which is taken. 0 or negative, with words. */
static int ask(struct trn_tell *t, json_t *request, void (*each)(void *ctx, const json_t *software), void *ctx)
{
    const char *type;
    json_t *o;
    int e = trn_client_ask(t->client, request, &t->err), more = 1;
    while (e == 0 && (more = trn_client_next(t->client, ANSWER_MS, &type, &o, &t->err)) == 1)
        if (each && strcmp(type, "software") == 0)
            each(ctx, o);
    e = e < 0 ? e : more;
    return e == -ETIMEDOUT ? trn_fail(&t->err, e, "the engine did not answer in time") : e;
}

static void on_software(void *ctx, const json_t *o)
{
    struct owner *owner = ctx;
    struct trn_str name = trn_json_text(o, "name"), version = trn_json_text(o, "version"),
                   state = trn_json_text(o, "state");
    bool here = trn_str_eq_c(state, "installed") || (!owner->by_name && trn_str_eq_c(state, "running"));
    if (owner->found || !here || name.n == 0 || name.n >= sizeof(owner->name) || version.n == 0 ||
        version.n >= sizeof(owner->version) || (owner->by_name && !trn_str_eq(version, owner->wanted)))
        return;
    owner->found = true;
    (void)snprintf(owner->name, sizeof(owner->name), "%.*s", TRN_STR_ARG(name));
    (void)snprintf(owner->version, sizeof(owner->version), "%.*s", TRN_STR_ARG(version));
    (void)snprintf(owner->origin, sizeof(owner->origin), "%.*s", TRN_STR_ARG(trn_json_text(o, "origin")));
}

/* A path or name that is no UTF-8 is no package's: the request cannot be made. */
static int ask_owner(struct trn_tell *t, const struct trn_tell_about *about, struct owner *ret)
{
    json_t *request = about->path ? json_pack("{s:s, s:s}", "ask", "software", "path", about->path)
                                  : json_pack("{s:s, s:s%}", "ask", "software", "name", about->name.p, about->name.n);
    *ret = (struct owner){.by_name = !about->path, .wanted = about->to};
    return request ? ask(t, request, on_software, ret) : 0;
}

static void on_state(void *ctx, const json_t *o)
{
    bool *wait = ctx;
    *wait = *wait || trn_str_eq_c(trn_json_text(o, "state"), "not read yet");
}

/* An engine that has just started does not know yet what is installed. */
static int begin(struct trn_tell *t)
{
    int e = trn_client_open(t->cli->state, &t->client, &t->err);
    bool wait = true;
    for (unsigned i = 0; e == 0 && wait && i < START_TRIES; i++) {
        if (i)
            (void)poll(NULL, 0, START_WAIT_MS);
        wait = false;
        e = ask(t, json_pack("{s:s, s:s}", "ask", "software", "path", "/"), on_state, &wait);
    }
    return e == 0 && wait ? trn_fail(&t->err, -EAGAIN, "the engine has not read what is installed yet") : e;
}

static int ask_brought(struct trn_tell *t, const struct trn_tell_about *about, const struct owner *owner)
{
    char hex[2 * TRN_SHA256_SIZE + 1];
    trn_hex(about->sha256, TRN_SHA256_SIZE, hex);
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:O}", "ask", "brought", "by", t->by, "name",
                          owner->name, "version", owner->version, "origin", owner->origin, "sha256", hex, "verdict",
                          trn_verdict_name(about->verdict), "findings", about->findings);
    if (o && about->from.n)
        json_object_set_new(o, "from", text_of(about->from));
    return ask(t, o, NULL, NULL);
}

static void note_owner(struct trn_tell *t, const struct owner *owner)
{
    char who[sizeof(t->last)];
    (void)snprintf(who, sizeof(who), "%.60s %.50s", owner->name, owner->version);
    t->several = t->several || (t->told && strcmp(who, t->last) != 0);
    (void)snprintf(t->last, sizeof(t->last), "%s", who);
    t->told++;
}

void trn_tell(struct trn_tell *t, const struct trn_tell_about *about)
{
    struct owner owner = {0};
    int e = t->err.code;
    if (!t->on || json_array_size(about->findings) == 0)
        return;
    if (t->told + t->nobodys >= TOLD_MAX && e == 0)
        e = trn_fail(&t->err, -E2BIG, "more than %u files have something to be told", TOLD_MAX);
    if (e == 0 && !t->client)
        e = begin(t);
    if (e == 0)
        e = ask_owner(t, about, &owner);
    if (e == 0 && owner.found)
        e = ask_brought(t, about, &owner);
    if (e < 0 && !t->err.code)
        t->err.code = e;
    if (e < 0)
        t->lost++;
    else if (owner.found)
        note_owner(t, &owner);
    else
        t->nobodys++;
}

/* Nobody listens: that is told only to who asked; anything else that went wrong is told to all. */
void trn_tell_end(struct trn_tell *t)
{
    FILE *to = t->cli ? t->cli->err : NULL;
    char who[200];
    bool absent = t->err.code == -ENOENT || t->err.code == -ECONNREFUSED;
    if (t->told)
        fprintf(to, "turncoat: what was found in %llu file%s is in the story of %s%s: see turncoat stories --all\n",
                (unsigned long long)t->told, t->told == 1 ? "" : "s",
                trn_escape_into(who, sizeof(who), trn_str_of(t->last)), t->several ? " and of others" : "");
    if (t->asked && t->nobodys)
        fprintf(to, "turncoat: %llu file%s of no software that is installed here: no story tells of %s\n",
                (unsigned long long)t->nobodys, t->nobodys == 1 ? " is" : "s are", t->nobodys == 1 ? "it" : "them");
    if (t->lost && (t->asked || !absent)) {
        fprintf(to, "turncoat: what was found in %llu file%s is in no story: the engine was not told\n",
                (unsigned long long)t->lost, t->lost == 1 ? "" : "s");
        (void)trn_cli_error(t->cli, &t->err, TRN_EXIT_OK);
    }
    t->client = trn_client_free(t->client);
}
