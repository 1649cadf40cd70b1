/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: {"ask":"brought"}: what the gate found in an update, or a scan or diff in an installed software, becomes events, one a
 * finding; they stand in the log, so a replay tells the same story.
 * Must not: take a word of it from anybody but root; judge it (src/detect/brought.c).
 */
#include "engine/server_internal.h"

#define FINDINGS_MAX 10u
#define NAME_MAX_BYTES 200u
#define TEXT_MAX_BYTES 600u
#define SHA256_TEXT 64u

static bool fits(struct trn_str s, size_t max)
{
    return s.n > 0 && s.n <= max;
}

static bool is_one_of_us(struct trn_str by)
{
    return trn_str_is_none(by) || trn_str_eq_c(by, "gate") || trn_str_eq_c(by, "scan") || trn_str_eq_c(by, "diff");
}

static bool take_package(const json_t *request, struct trn_ev_brought *b)
{
    enum trn_verdict v;
    enum trn_origin origin;
    b->by = trn_request_text(request, "by");
    b->origin = trn_request_text(request, "origin");
    b->name = trn_request_text(request, "name");
    b->version = trn_request_text(request, "version");
    b->from = trn_request_text(request, "from");
    b->sha256 = trn_request_text(request, "sha256");
    b->verdict = trn_request_text(request, "verdict");
    bool alone = trn_str_is_none(b->from) && (trn_str_eq_c(b->by, "scan") || trn_str_eq_c(b->by, "gate"));
    return is_one_of_us(b->by) && (trn_str_is_none(b->origin) || trn_origin_parse(b->origin, &origin) == 0) &&
           (alone || fits(b->from, NAME_MAX_BYTES)) && fits(b->name, NAME_MAX_BYTES) &&
           fits(b->version, NAME_MAX_BYTES) && b->sha256.n == SHA256_TEXT && trn_verdict_parse(b->verdict, &v) == 0;
}

static bool take_finding(const json_t *o, struct trn_ev_brought *b)
{
    b->check = trn_request_text(o, "check");
    b->path = trn_str_slice(trn_request_text(o, "path"), 0, TEXT_MAX_BYTES);
    b->summary = trn_str_slice(trn_request_text(o, "summary"), 0, TEXT_MAX_BYTES);
    b->score = trn_request_number(o, "score");
    return json_is_object(o) && fits(b->check, NAME_MAX_BYTES) && b->summary.n && b->score && b->score <= 100;
}

static int tell(struct trn_request_env *env, const struct trn_request_client *client, const struct trn_ev_brought *b)
{
    struct trn_event ev;
    TRN_AUTO(trn_buf_done) struct trn_buf encoded;
    trn_buf_init(&encoded, 16384);
    trn_event_init(&ev, TRN_EV_BROUGHT);
    ev.uid = client->uid;
    ev.pid = client->pid;
    ev.brought = *b;
    trn_event_encode(&ev, &encoded);
    return encoded.bad ? -ENOMEM : env->live(env->ctx, TRN_ASK_DECIDE, trn_buf_str(&encoded), client->out);
}

void trn_ask_brought(struct trn_request_env *env, const struct trn_request_client *client, const json_t *request)
{
    struct trn_ev_brought b = {0};
    const json_t *all = json_object_get(request, "findings");
    size_t n = json_array_size(all);
    int r = 0;
    if (client->uid != 0) {
        trn_answer_error(client->out, -EPERM, "only root may tell what was found in a software", "use sudo");
        return;
    }
    bool good = take_package(request, &b) && n > 0 && n <= FINDINGS_MAX;
    for (size_t i = 0; good && i < n; i++)
        good = take_finding(json_array_get(all, i), &b);
    if (!good) {
        trn_answer_error(client->out, -EINVAL,
                         "a software is told of with name, version, from (unless it was judged alone), sha256, verdict "
                         "and 1 to 10 findings",
                         "");
        return;
    }
    for (size_t i = 0; r == 0 && i < n; i++)
        r = take_finding(json_array_get(all, i), &b) ? tell(env, client, &b) : -EINVAL;
    if (r < 0)
        trn_answer_error(client->out, r, "the engine is busy and did not answer", "try again");
    else
        trn_put_c(client->out, "{\"type\":\"end\"}\n");
}
