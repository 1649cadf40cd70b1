/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what goes into an evidence bundle: one story as it is stored, with what the store still has behind it, signed.
 * Only what is gathered here is signed: a client names a story and what to remove, never bytes.
 * Must not own: the archive, the key, redaction (src/evidence); which rows (src/store); the page (src/story).
 *
 * The text is read twice where something is to be removed: first to learn what, then to remove it everywhere.
 */
#include "engine/evidence.h"

#include "story/story.h"

#include <openssl/evp.h>
#include <sys/utsname.h>

#define ROWS_MAX 20000u
#define EVENTS_BYTES ((size_t)6 << 20)   /* events.jsonl */
#define NAMED_BYTES ((size_t)1 << 20)    /* kept for those that findings name */
#define MEMBERS_BYTES ((size_t)10 << 20) /* all members */
#define BUNDLE_BYTES (MEMBERS_BYTES + ((size_t)1 << 20))
#define STORY_BYTES ((size_t)8 << 20)
#define CHUNK 36864u /* a third more as base64: a line of 48 KB */

struct job {
    const struct trn_evidence_request *q;
    struct trn_store *store;
    struct trn_arena *arena; /* the story's texts */
    struct trn_arena *event; /* one event's */
    struct trn_story *story;
    struct trn_store_rows rows;
    struct trn_redactor *redactor; /* NULL: nothing is removed */
    struct trn_evidence_writer *writer;
    struct trn_evidence_about about;
    struct trn_str host_name, kernel, machine;
    char host_id[33], key[65];
    struct trn_buf *out;
    enum trn_row_kind only; /* LOSS: losses.jsonl; else events.jsonl */
    size_t begin;           /* of the member that is being written */
    uint64_t written;
};

static void job_done(struct job *j)
{
    trn_store_rows_done(&j->rows);
    j->redactor = trn_redactor_free(j->redactor);
    j->writer = trn_evidence_writer_free(j->writer);
    j->arena = trn_arena_free(j->arena);
    j->event = trn_arena_free(j->event);
}

static int host_facts(struct job *j)
{
    struct utsname u;
    if (uname(&u) < 0)
        return -errno;
    j->host_name = trn_arena_str(j->arena, trn_str_of(u.nodename));
    j->kernel = trn_arena_printf(j->arena, "%s %s", u.sysname, u.release);
    j->machine = trn_arena_str(j->arena, trn_str_of(u.machine));
    trn_hex(j->q->host_id, 16, j->host_id);
    trn_hex(trn_evidence_key_public(j->q->key), TRN_EVIDENCE_KEY, j->key);
    return j->host_name.p && j->kernel.p && j->machine.p ? 0 : -ENOMEM;
}

/* ---- redaction ---- */

static int see(void *ctx, struct trn_event *ev, enum trn_row_kind kind)
{
    struct job *j = ctx;
    (void)kind;
    return trn_redactor_see_event(j->redactor, ev);
}

static int see_all(struct job *j, struct trn_err *err)
{
    const struct trn_evidence_request *q = j->q;
    j->redactor = trn_redactor_new();
    int r = j->redactor ? trn_redactor_host(j->redactor, j->host_name) : -ENOMEM;
    for (size_t i = 0; r == 0 && i < q->n_users; i++)
        r = trn_redactor_user(j->redactor, q->users[i]);
    for (size_t i = 0; r == 0 && i < q->n_homes; i++)
        r = trn_redactor_home(j->redactor, q->homes[i]);
    if (r == 0)
        r = trn_redactor_see_story(j->redactor, j->story);
    if (r == 0)
        r = trn_store_rows_each(j->store, &j->rows, see, j, err);
    if (r == 0)
        r = trn_redactor_seal(j->redactor);
    if (r == 0)
        r = trn_redact_story(j->redactor, j->story, j->arena);
    if (r == 0)
        r = trn_redact_text(j->redactor, &j->kernel, j->arena);
    j->host_name = TRN_STR_NONE;
    if (r == -E2BIG) {
        r = trn_fail(err, r, "there is more to remove than can be: the bundle is not made");
        trn_hint(err, "leave out --redact, or ask for a story with fewer events");
    }
    return r;
}

/* ---- members ---- */

static int put_event(void *ctx, struct trn_event *ev, enum trn_row_kind kind)
{
    struct job *j = ctx;
    if ((kind == TRN_ROW_LOSS) != (j->only == TRN_ROW_LOSS))
        return 0;
    /* What a finding names has room kept for it. */
    if (j->out->n - j->begin > EVENTS_BYTES + (kind == TRN_ROW_ACT ? 0 : NAMED_BYTES)) {
        j->about.events_left_out++;
        return 0;
    }
    trn_arena_reset(j->event);
    int r = j->redactor ? trn_redact_event(j->redactor, ev, j->event) : 0;
    if (r < 0)
        return r;
    trn_event_to_json(ev, j->out);
    trn_put_c(j->out, "\n");
    j->written++;
    return j->out->bad ? -EFBIG : 0;
}

static int put_events(struct job *j, const char *name, enum trn_row_kind only, uint64_t *ret_n, struct trn_err *err)
{
    j->out = trn_evidence_member(j->writer, name);
    j->begin = j->out->n;
    j->only = only;
    j->written = 0;
    int r = trn_store_rows_each(j->store, &j->rows, put_event, j, err);
    *ret_n = j->written;
    return r;
}

static void put_findings(struct job *j)
{
    struct trn_buf *b = trn_evidence_member(j->writer, "findings.jsonl");
    for (uint32_t i = 0; i < j->story->n_findings; i++) {
        trn_finding_to_json(&j->story->findings[i], b);
        trn_put_c(b, "\n");
    }
}

static void put_check(struct trn_buf *b, const struct trn_check *c)
{
    trn_put_fmt(b, "{\"id\":\"%s\",\"title\":\"%s\",\"weight\":%u,\"stage\":\"%s\",\"attack\":[", c->id, c->title,
                c->score, trn_stage_name(c->stage));
    for (size_t i = 0; i < TRN_ARRAY_SIZE(c->attack) && c->attack[i]; i++)
        trn_put_fmt(b, "%s\"%s\"", i ? "," : "", c->attack[i]);
    trn_put_c(b, "],\"means\":");
    (void)trn_json_str(b, trn_str_of(c->means));
    trn_put_c(b, ",\"false_alarms\":");
    (void)trn_json_str(b, trn_str_of(c->false_alarms));
    trn_put_c(b, "}\n");
}

static void put_checks(struct job *j)
{
    struct trn_buf *b = trn_evidence_member(j->writer, "checks.jsonl");
    for (uint32_t i = 0; i < j->story->n_findings; i++) {
        const struct trn_check *c = j->story->findings[i].check;
        bool told = false;
        for (uint32_t k = 0; k < i; k++)
            told = told || j->story->findings[k].check == c;
        if (!told)
            put_check(b, c);
    }
}

static void put_host(struct job *j)
{
    struct trn_buf *b = trn_evidence_member(j->writer, "host.json");
    trn_put_fmt(b, "{\"id\":\"%s\",\"name\":", j->host_id);
    (void)trn_json_str(b, j->host_name);
    trn_put_c(b, ",\"kernel\":");
    (void)trn_json_str(b, j->kernel);
    trn_put_c(b, ",\"machine\":");
    (void)trn_json_str(b, j->machine);
    trn_put_fmt(b, ",\"turncoat\":\"%s\",\"attack_version\":\"%s\",\"key\":\"%s\"}\n", TRN_VERSION, TRN_ATTACK_VERSION,
                j->key);
}

static void put_pages(struct job *j)
{
    const struct trn_story_about about = {.made_wall_ns = j->about.made_wall_ns,
                                          .host_name = j->host_name,
                                          .host_id = trn_str_of(j->host_id),
                                          .system = j->kernel,
                                          .version = TRN_STR(TRN_VERSION),
                                          .key = trn_str_of(j->key),
                                          .removed = j->redactor
                                                         ? TRN_STR("arguments, user names, the host's name, paths of "
                                                                   "homes (now ~); manifest.json counts them")
                                                         : TRN_STR_NONE,
                                          .events = j->about.events,
                                          .events_left_out = j->about.events_left_out,
                                          .events_missing = j->about.events_missing,
                                          .losses = j->about.losses};
    trn_story_print(j->story, 100, false, trn_evidence_member(j->writer, "page.txt"));
    trn_story_html(j->story, &about, trn_evidence_member(j->writer, "page.html"));
}

static int put_members(struct job *j, struct trn_err *err)
{
    struct trn_buf *b = trn_evidence_member(j->writer, "story.json");
    trn_story_to_json(j->story, b);
    trn_put_c(b, "\n");
    put_findings(j);
    put_checks(j);
    put_host(j);
    int r = put_events(j, "losses.jsonl", TRN_ROW_LOSS, &j->about.losses, err);
    if (r == 0)
        r = put_events(j, "events.jsonl", TRN_ROW_ACT, &j->about.events, err);
    if (r == 0)
        put_pages(j);
    return r;
}

static int gather(struct job *j, struct trn_err *err)
{
    const struct trn_evidence_request *q = j->q;
    int r = trn_store_story_get(j->store, q->story, j->arena, &j->story, err);
    if (r == 0)
        r = trn_store_story_rows(j->store, j->story, ROWS_MAX, &j->rows, err);
    if (r == 0)
        r = host_facts(j);
    if (r == 0 && q->redact)
        r = see_all(j, err);
    if (r < 0)
        return r;
    j->about = (struct trn_evidence_about){.made_wall_ns = q->now_wall_ns,
                                           .host_name = j->host_name,
                                           .kernel = j->kernel,
                                           .machine = j->machine,
                                           .story = j->story,
                                           .events_left_out = j->rows.left_out,
                                           .events_missing = j->rows.missing,
                                           .redacted = j->redactor ? trn_redactor_counts(j->redactor) : NULL};
    for (size_t i = 0; i < sizeof(j->about.host_id); i++)
        j->about.host_id[i] = q->host_id[i];
    return put_members(j, err);
}

int trn_evidence_bundle(struct trn_store *store, const struct trn_evidence_request *q, struct trn_buf *out,
                        struct trn_err *err)
{
    TRN_AUTO(job_done)
    struct job j = {.q = q,
                    .store = store,
                    .arena = trn_arena_new(STORY_BYTES),
                    .event = trn_arena_new(STORY_BYTES),
                    .writer = trn_evidence_writer_new(q->now_wall_ns, MEMBERS_BYTES)};
    int r = j.arena && j.event && j.writer ? gather(&j, err) : -ENOMEM;
    if (r == 0) {
        trn_buf_init(out, BUNDLE_BYTES);
        r = trn_evidence_finish(j.writer, &j.about, q->key, out, err);
        if (r < 0)
            trn_buf_done(out);
    }
    if (r < 0 && err && !err->code)
        (void)trn_fail(err, r, "cannot make the bundle: %s", trn_errno_name(r));
    return r;
}

int trn_evidence_lines(struct trn_str bundle, struct trn_buf *out)
{
    uint8_t sha256[TRN_SHA256_SIZE];
    char text[CHUNK / 3 * 4 + 1], hex[2 * TRN_SHA256_SIZE + 1];
    int r = trn_sha256(bundle.p, bundle.n, sha256);
    for (size_t at = 0; r == 0 && at < bundle.n; at += CHUNK) {
        struct trn_str part = trn_str_slice(bundle, at, CHUNK);
        int n = EVP_EncodeBlock((uint8_t *)text, (const uint8_t *)part.p, (int)part.n);
        trn_put_c(out, "{\"type\":\"bundle\",\"bundle\":{\"data\":\"");
        trn_put(out, text, (size_t)TRN_MAX(n, 0));
        trn_put_c(out, "\"}}\n");
    }
    trn_hex(sha256, sizeof(sha256), hex);
    trn_put_fmt(out, "{\"type\":\"bundle\",\"bundle\":{\"size\":%zu,\"sha256\":\"%s\"}}\n", bundle.n, hex);
    return r < 0 ? r : out->bad ? -EFBIG : 0;
}
