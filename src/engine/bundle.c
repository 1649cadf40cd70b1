/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the request for an evidence bundle. Foreign text: each member is checked for its type and length.
 * Must not own: what a bundle holds (evidence.c).
 */
#include "engine/evidence.h"
#include "engine/server_internal.h"

#define NAME_BYTES 64u
#define HOME_BYTES 256u

/* Texts of a list of the request; false: it is none, or too much. Borrowed from the request. */
static bool texts_of(const json_t *request, const char *name, size_t max_bytes, struct trn_str *ret, size_t *ret_n)
{
    const json_t *list = json_object_get(request, name), *item;
    size_t n = json_array_size(list);
    if (list && (!json_is_array(list) || n > TRN_EVIDENCE_NAMES))
        return false;
    for (size_t i = 0; i < n; i++) {
        item = json_array_get(list, i);
        ret[i] = (struct trn_str){json_string_value(item), json_string_length(item)};
        if (!json_is_string(item) || ret[i].n == 0 || ret[i].n > max_bytes)
            return false;
    }
    *ret_n = n;
    return true;
}

static void answer(struct trn_request_env *env, const struct trn_evidence_request *q, struct trn_buf *out)
{
    struct trn_err err = {0};
    struct trn_buf bundle;
    int r = trn_evidence_bundle(env->store, q, &bundle, &err);
    if (r < 0) {
        trn_answer_error(out, r, err.message[0] ? err.message : trn_errno_name(r), err.hint);
        return;
    }
    r = trn_evidence_lines(trn_buf_str(&bundle), out);
    trn_buf_done(&bundle);
    if (r < 0)
        trn_answer_error(out, r, "the bundle could not be sent", "");
    else
        trn_put_c(out, "{\"type\":\"end\"}\n");
}

void trn_ask_bundle(struct trn_request_env *env, const json_t *request, struct trn_buf *out)
{
    const json_t *id = json_object_get(request, "id");
    TRN_AUTO(trn_freep) struct trn_evidence_request *q = calloc(1, sizeof(*q));
    if (!q) {
        trn_answer_error(out, -ENOMEM, "out of memory", "try again");
        return;
    }
    if (!json_is_integer(id) || json_integer_value(id) <= 0) {
        trn_answer_error(out, -EINVAL, "a story is named by its number", "turncoat stories lists them");
        return;
    }
    /* Taken for "no" it would be a leak. */
    const json_t *redact = json_object_get(request, "redact");
    if (redact && !json_is_boolean(redact)) {
        trn_answer_error(out, -EINVAL, "'redact' is true or false", "");
        return;
    }
    if (!texts_of(request, "users", NAME_BYTES, q->users, &q->n_users) ||
        !texts_of(request, "homes", HOME_BYTES, q->homes, &q->n_homes)) {
        trn_answer_error(out, -EINVAL, "'users' and 'homes' are lists of at most 256 short texts", "");
        return;
    }
    if (!env->key) {
        trn_answer_error(out, -ENOKEY,
                         env->key_why && env->key_why[0] ? env->key_why : "this engine has no key to sign with",
                         "turncoat status shows the state of the host's key");
        return;
    }
    q->story = (uint64_t)json_integer_value(id);
    q->now_wall_ns = trn_wall_ns();
    q->key = env->key;
    q->redact = json_is_true(redact);
    memcpy(q->host_id, env->host_id, sizeof(q->host_id));
    if (trn_request_store(env, out))
        answer(env, q, out);
}
