/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: manifest.json, written and read. Must not own: whether it is true (verify.c).
 * Foreign JSON is read by jansson, at most 64 KB of it, every value checked for its type, every text for its length.
 */
#include "evidence/internal.h"

#include <inttypes.h>
#include <jansson.h>

static void key(struct trn_buf *b, const char *name)
{
    if (b->n && b->p[b->n - 1] != '{' && b->p[b->n - 1] != '[')
        trn_put_c(b, ",");
    trn_put_fmt(b, "\"%s\":", name);
}

static void text(struct trn_buf *b, const char *name, struct trn_str s)
{
    key(b, name);
    (void)trn_json_str(b, trn_str_slice(s, 0, TRN_EVIDENCE_TEXT / 4)); /* a byte that is not UTF-8 becomes three */
}

static void number(struct trn_buf *b, const char *name, uint64_t v)
{
    key(b, name);
    trn_put_fmt(b, "%" PRIu64, v);
}

static void hex(struct trn_buf *b, const char *name, const uint8_t *p, size_t n)
{
    key(b, name);
    trn_put_c(b, "\"");
    trn_put_hex(b, p, n);
    trn_put_c(b, "\"");
}

static void put_signer(struct trn_buf *b, const struct trn_evidence_about *a, const uint8_t *public)
{
    key(b, "signer");
    trn_put_c(b, "{");
    text(b, "algorithm", TRN_STR("ed25519"));
    hex(b, "key", public, TRN_EVIDENCE_KEY);
    hex(b, "host_id", a->host_id, sizeof(a->host_id));
    text(b, "host_name", a->host_name);
    text(b, "turncoat", TRN_STR(TRN_VERSION));
    text(b, "kernel", a->kernel);
    text(b, "machine", a->machine);
    trn_put_c(b, "}");
}

static void put_story(struct trn_buf *b, const struct trn_story *s)
{
    key(b, "story");
    trn_put_c(b, "{");
    number(b, "id", s->id);
    number(b, "revision", s->revision);
    text(b, "verdict", trn_str_of(trn_verdict_name(s->verdict)));
    number(b, "score", s->score);
    text(b, "status", s->closed ? TRN_STR("closed") : TRN_STR("open"));
    text(b, "software", s->software.name);
    text(b, "version", s->software.version);
    text(b, "sentence", s->sentence);
    number(b, "findings", s->n_findings);
    number(b, "findings_left_out", s->n_findings_dropped);
    key(b, "loss_overlap");
    trn_put_c(b, s->loss_overlap ? "true" : "false");
    trn_put_c(b, "}");
}

static void part(struct trn_buf *b, uint64_t n, const char *what)
{
    if (n)
        trn_put_fmt(b, "%s%s (%" PRIu64 ")", b->n ? ", " : "", what, n);
}

/* In words beside the numbers: a reader of the manifest alone must know what is not there. */
static void put_redacted(struct trn_buf *b, const struct trn_evidence_counts *c)
{
    key(b, "redacted");
    if (!c) {
        trn_put_c(b, "null");
        return;
    }
    TRN_AUTO(trn_buf_done) struct trn_buf words;
    trn_buf_init(&words, 1024);
    part(&words, c->arguments, "arguments of programs");
    part(&words, c->variables, "values of variables");
    part(&words, c->users, "user names");
    part(&words, c->hosts, "names of this host");
    part(&words, c->homes, "paths of homes, now ~");
    part(&words, c->notes, "notes of people");
    trn_put_c(b, "{");
    text(b, "removed", words.n ? trn_buf_str(&words) : TRN_STR("nothing private was found"));
    number(b, "arguments", c->arguments);
    number(b, "variables", c->variables);
    number(b, "user_names", c->users);
    number(b, "host_names", c->hosts);
    number(b, "home_paths", c->homes);
    number(b, "notes", c->notes);
    text(b, "kept", TRN_STR("names and addresses of hosts that were talked to, user numbers, paths below ~"));
    trn_put_c(b, "}");
}

void trn_manifest_write(const struct trn_evidence_about *a, const uint8_t public[TRN_EVIDENCE_KEY],
                        const struct trn_evidence_entry *members, uint32_t n, struct trn_buf *b)
{
    trn_put_c(b, "{");
    text(b, "schema", TRN_STR(TRN_EVIDENCE_SCHEMA));
    key(b, "made");
    trn_put_c(b, "\"");
    trn_put_time_iso(b, a->made_wall_ns);
    trn_put_c(b, "\"");
    number(b, "made_unix", a->made_wall_ns / TRN_NS_PER_SEC);
    put_signer(b, a, public);
    put_story(b, a->story);
    key(b, "events");
    trn_put_c(b, "{");
    number(b, "included", a->events);
    number(b, "left_out", a->events_left_out);
    number(b, "missing", a->events_missing);
    number(b, "losses", a->losses);
    trn_put_c(b, "}");
    put_redacted(b, a->redacted);
    key(b, "members");
    trn_put_c(b, "[");
    for (uint32_t i = 0; i < n; i++) {
        trn_put_c(b, i ? ",\n{" : "\n{");
        text(b, "name", members[i].name);
        number(b, "size", members[i].size);
        hex(b, "sha256", members[i].sha256, TRN_SHA256_SIZE);
        trn_put_c(b, "}");
    }
    trn_put_c(b, "]}\n");
}

/* ---- reading ---- */

struct reader {
    struct trn_arena *arena;
    bool bad;
};

static void json_freep(json_t **j)
{
    json_decref(*j);
}

/* Absent (null) is allowed where needed is false. */
static struct trn_str read_text(struct reader *r, const json_t *o, const char *name, bool needed)
{
    const json_t *v = json_object_get(o, name);
    if (!v || json_is_null(v)) {
        r->bad |= needed;
        return TRN_STR_NONE;
    }
    struct trn_str s = {json_string_value(v), json_string_length(v)};
    if (!json_is_string(v) || s.n > TRN_EVIDENCE_TEXT) {
        r->bad = true;
        return TRN_STR_NONE;
    }
    s = trn_arena_str(r->arena, s);
    r->bad |= !s.p;
    return s;
}

static uint64_t read_number(struct reader *r, const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);
    if (!json_is_integer(v) || json_integer_value(v) < 0) {
        r->bad = true;
        return 0;
    }
    return (uint64_t)json_integer_value(v);
}

static void read_hex(struct reader *r, const json_t *o, const char *name, uint8_t *ret, size_t n)
{
    const json_t *v = json_object_get(o, name);
    struct trn_str s = {json_string_value(v), json_string_length(v)};
    if (!json_is_string(v) || s.n != 2 * n || trn_unhex(s, ret, n) < 0)
        r->bad = true;
}

static void read_members(struct reader *r, const json_t *list, struct trn_evidence_facts *f)
{
    size_t i;
    json_t *m;
    if (!json_is_array(list) || json_array_size(list) > TRN_EVIDENCE_MEMBERS) {
        r->bad = true;
        return;
    }
    json_array_foreach(list, i, m)
    {
        struct trn_evidence_entry *e = &f->members[f->n_members++];
        e->name = read_text(r, m, "name", true);
        e->size = read_number(r, m, "size");
        read_hex(r, m, "sha256", e->sha256, sizeof(e->sha256));
    }
}

static void read_facts(struct reader *r, const json_t *o, struct trn_evidence_facts *f)
{
    const json_t *signer = json_object_get(o, "signer"), *story = json_object_get(o, "story");
    const json_t *events = json_object_get(o, "events"), *redacted = json_object_get(o, "redacted");
    uint8_t host[16];
    f->made = read_text(r, o, "made", true);
    read_hex(r, signer, "key", f->key, sizeof(f->key));
    read_hex(r, signer, "host_id", host, sizeof(host));
    f->host_id = read_text(r, signer, "host_id", true);
    f->host_name = read_text(r, signer, "host_name", false);
    f->version = read_text(r, signer, "turncoat", true);
    f->kernel = read_text(r, signer, "kernel", false);
    f->story = read_number(r, story, "id");
    f->score = read_number(r, story, "score");
    f->verdict = read_text(r, story, "verdict", true);
    f->status = read_text(r, story, "status", true);
    f->software = read_text(r, story, "software", false);
    f->software_version = read_text(r, story, "version", false);
    f->sentence = read_text(r, story, "sentence", true);
    f->findings = read_number(r, story, "findings");
    f->loss_overlap = json_is_true(json_object_get(story, "loss_overlap"));
    f->events = read_number(r, events, "included");
    f->events_left_out = read_number(r, events, "left_out");
    f->events_missing = read_number(r, events, "missing");
    f->losses = read_number(r, events, "losses");
    if (redacted && !json_is_null(redacted))
        f->redacted = read_text(r, redacted, "removed", true);
    read_members(r, json_object_get(o, "members"), f);
}

int trn_manifest_read(struct trn_str json, struct trn_arena *arena, struct trn_str *ret_schema,
                      struct trn_evidence_facts *ret, uint64_t *ret_mtime, struct trn_err *err)
{
    struct reader r = {.arena = arena};
    struct trn_evidence_facts f = {0};
    uint64_t mtime = 0;
    if (json.n > TRN_EVIDENCE_MANIFEST_MAX)
        return trn_fail(err, -EBADMSG, "changed: '" TRN_EVIDENCE_MANIFEST_NAME "' is larger than any");
    TRN_AUTO(json_freep) json_t *o = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, NULL);
    struct trn_str schema = read_text(&r, o, "schema", true);
    if (!r.bad && trn_str_eq_c(schema, TRN_EVIDENCE_SCHEMA)) {
        mtime = read_number(&r, o, "made_unix");
        read_facts(&r, o, &f);
    } else if (!r.bad) { /* of a later form only the key is looked for */
        read_hex(&r, json_object_get(o, "signer"), "key", f.key, sizeof(f.key));
    }
    if (r.bad)
        return trn_fail(err, -EBADMSG, "changed: '" TRN_EVIDENCE_MANIFEST_NAME "' is not as it was written");
    *ret_schema = schema;
    *ret_mtime = mtime;
    *ret = f;
    return 0;
}
