/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: handing what was found in an update to the engine, so that the story of that version begins with it. What the engine
 * did not get (it is not running) waits in the folder of the gate until the next transaction.
 * Must not: keep apt waiting for an engine that does not answer.
 */
#include "cli/client.h"
#include "cli/gate.h"

#include <fcntl.h>
#include <unistd.h>

#define UNTOLD "untold.jsonl"
#define UNTOLD_MOST 64u
#define ANSWER_MS 2000

static int ask(const char *state, const json_t *request, struct trn_err *err)
{
    TRN_AUTO(trn_client_freep) struct trn_client *c = NULL;
    const char *type;
    json_t *payload;
    int e = trn_client_open(state, &c, err);
    if (e == 0)
        e = trn_client_ask(c, json_deep_copy(request), err);
    int more = e == 0;
    while (more == 1)
        more = trn_client_next(c, ANSWER_MS, &type, &payload, err);
    e = e == 0 ? more : e;
    if (e == -EINVAL || e == -EPERM) /* it will not take it later either */
        e = 0;
    return e;
}

static json_t *request_of(const struct trn_gate_told *t)
{
    json_t *o = json_pack("{s:s, s:s%, s:s%, s:s, s:s, s:O}", "ask", "brought", "name", t->name.p, t->name.n, "version",
                          t->to.p, t->to.n, "sha256", t->sha256, "verdict", trn_verdict_name(t->verdict), "findings",
                          t->reasons);
    if (o && t->from.n)
        json_object_set_new(o, "from", json_stringn(t->from.p, t->from.n));
    else if (o) /* it was judged alone */
        json_object_set_new(o, "by", json_string("gate"));
    return o;
}

int trn_gate_tell_untold(const char *state, int folder)
{
    json_t *all = folder < 0 ? NULL : trn_gate_lines(folder, UNTOLD, UNTOLD_MOST), *o;
    struct trn_err err = {0};
    size_t i;
    int e = 0;
    json_array_foreach(all, i, o)
    {
        e = e == 0 ? ask(state, o, &err) : e;
    }
    if (e == 0 && json_array_size(all))
        (void)unlinkat(folder, UNTOLD, 0);
    json_decref(all);
    return e;
}

int trn_gate_tell(const char *state, int folder, const struct trn_gate_told *t, bool *answers)
{
    struct trn_err err = {0};
    json_t *o = json_array_size(t->reasons) ? request_of(t) : NULL;
    int e = !o ? 0 : *answers ? ask(state, o, &err) : -ETIMEDOUT;
    *answers = e == 0;
    if (e < 0 && folder >= 0)
        e = trn_gate_append(folder, UNTOLD, json_incref(o));
    json_decref(o);
    return e;
}
