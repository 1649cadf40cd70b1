/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the life of one job inside the strict sandbox: which parser runs, and its results in batches.
 * Must not: open, connect, fork; answer for another job. Everything here may be under the control of
 * the file it reads; the server believes nothing of it.
 * Hand-offs: fd (the file) -> parser -> batch -> out (a socket of this worker alone) -> server.
 */
#include "inspect/worker.h"

#include <stdio.h>
#include <unistd.h>

#define FACTS_MAX (256ull << 20) /* bytes of a file that are hashed */
#define MANIFEST_MAX (4ull << 20)
#define INDICATORS_MAX (64ull << 20)
#define BATCH_HEAD 12 /* u64 job, u32 count */

struct out { /* results on their way */
    int sock;
    uint64_t job;
    uint16_t type; /* of the batch in the buffer; 0: none */
    uint32_t count, left_out;
    struct trn_buf batch, item;
};

static int flush(struct out *o)
{
    if (o->count == 0)
        return 0;
    for (size_t i = 0; i < 4; i++)
        o->batch.p[8 + i] = (char)(o->count >> (8 * i));
    int e = o->batch.bad ? -ENOMEM : trn_ipc_send(o->sock, o->type, trn_buf_str(&o->batch), NULL, 0);
    trn_buf_clear(&o->batch);
    o->count = 0;
    return e;
}

/* Puts o->item into the batch of this type, sending what is full or of another type. */
static int add_item(struct out *o, uint16_t type)
{
    int e = 0;
    if (o->item.bad)
        return -ENOMEM;
    if (o->count && (o->type != type || o->batch.n + o->item.n > TRN_INSPECT_BODY_MAX))
        e = flush(o);
    if (e < 0)
        return e;
    if (o->count == 0) {
        o->type = type;
        trn_put_u64(&o->batch, o->job);
        trn_put_u32(&o->batch, 0);
    }
    trn_put_str(&o->batch, trn_buf_str(&o->item));
    o->count++;
    return 0;
}

/* A single message, behind what was batched before it. */
static int send_item(struct out *o, uint16_t type)
{
    int e = flush(o);
    if (e < 0)
        return e;
    return o->item.bad ? -ENOMEM : trn_ipc_send(o->sock, type, trn_buf_str(&o->item), NULL, 0);
}

static bool too_long(struct out *o, struct trn_str s)
{
    if (s.n <= TRN_INSPECT_TEXT_MAX)
        return false;
    o->left_out++;
    return true;
}

static int on_package(void *ctx, uint32_t index, const struct trn_package *p)
{
    struct out *o = ctx;
    if (too_long(o, p->name) || too_long(o, p->version) || too_long(o, p->arch) || too_long(o, p->maintainer))
        return 0;
    trn_buf_clear(&o->item);
    trn_inspect_put_package(&o->item, index, p);
    return add_item(o, TRN_INSPECT_PACKAGES);
}

static int on_file(void *ctx, uint32_t package, struct trn_str path, const uint8_t *md5)
{
    struct out *o = ctx;
    if (too_long(o, path))
        return 0;
    trn_buf_clear(&o->item);
    trn_inspect_put_file(&o->item, package, path, md5);
    return add_item(o, TRN_INSPECT_FILES);
}

static int on_indicator(void *ctx, const struct trn_indicator *i)
{
    struct out *o = ctx;
    struct trn_indicator sent = *i;
    if (too_long(o, i->value))
        return 0;
    sent.note = trn_str_slice(i->note, 0, TRN_INSPECT_TEXT_MAX);
    trn_buf_clear(&o->item);
    trn_inspect_put_indicator(&o->item, &sent);
    return add_item(o, TRN_INSPECT_INDICATORS);
}

static int on_bad_line(void *ctx, uint64_t line, struct trn_str why)
{
    struct out *o = ctx;
    trn_buf_clear(&o->item);
    trn_inspect_put_bad_line(&o->item, o->job, line, trn_str_slice(why, 0, TRN_INSPECT_TEXT_MAX));
    return send_item(o, TRN_INSPECT_BAD_LINE);
}

static int do_facts(struct out *o, int fd, struct trn_err *err)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(0);
    if (!arena)
        return trn_fail(err, -ENOMEM, "cannot read a file: out of memory");
    struct trn_file_facts f = {0};
    int e = trn_file_facts_read(fd, FACTS_MAX, arena, &f, err);
    if (e < 0)
        return e;
    trn_buf_clear(&o->item);
    trn_inspect_put_facts(&o->item, o->job, &f);
    return send_item(o, TRN_INSPECT_FACTS);
}

static int do_dpkg(struct out *o, int fd, struct trn_err *err)
{
    struct trn_dpkg_sink sink = {on_package, on_file, o};
    int e = trn_dpkg_parse(fd, &sink, err);
    return e < 0 ? e : flush(o);
}

static int read_whole(int fd, size_t max, struct trn_buf *b, struct trn_err *err)
{
    trn_buf_init(b, max);
    int e = trn_read_all(fd, b);
    return e < 0 ? trn_fail(err, e, "cannot read the file: %s", trn_errno_name(e)) : 0;
}

static int do_manifest(struct out *o, int fd, struct trn_str name, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = NULL;
    int e = read_whole(fd, MANIFEST_MAX, &b, err);
    if (e < 0)
        return e;
    arena = trn_arena_new(0);
    if (!arena)
        return trn_fail(err, -ENOMEM, "cannot read a manifest: out of memory");
    struct trn_software s = {0};
    e = trn_manifest_parse(name, trn_buf_str(&b), arena, &s, err);
    if (e < 0)
        return e;
    if (too_long(o, s.name) || too_long(o, s.version) || too_long(o, s.signer))
        return trn_fail(err, -E2BIG, "cannot use the manifest: a name in it is too long");
    trn_buf_clear(&o->item);
    trn_inspect_put_software(&o->item, o->job, &s);
    return send_item(o, TRN_INSPECT_SOFTWARE);
}

static int do_indicators(struct out *o, int fd, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_indicator_sink sink = {on_indicator, on_bad_line, o};
    int e = read_whole(fd, INDICATORS_MAX, &b, err);
    if (e == 0)
        e = trn_indicators_parse(trn_buf_str(&b), &sink, err);
    return e < 0 ? e : flush(o);
}

static int do_evidence(struct out *o, int fd, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b = {0};
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(0);
    struct trn_evidence_facts f;
    if (!arena)
        return trn_fail(err, -ENOMEM, "cannot read a bundle: out of memory");
    trn_buf_init(&b, TRN_EVIDENCE_MAX);
    int e = trn_read_all(fd, &b);
    if (e == -EFBIG)
        return trn_fail(err, e, "it is larger than any evidence bundle (64 MB)");
    if (e < 0)
        return trn_fail(err, e, "cannot read the file: %s", trn_errno_name(e));
    e = trn_evidence_verify(trn_buf_str(&b), arena, &f, err);
    if (e < 0)
        return e;
    trn_buf_clear(&o->item);
    trn_inspect_put_evidence(&o->item, o->job, &f);
    return send_item(o, TRN_INSPECT_EVIDENCE);
}

static int bad_policy(struct out *o, const struct trn_policy_error *bad, struct trn_err *err)
{
    char text[sizeof(bad->message) + sizeof(bad->hint) + 40];
    if (bad->line)
        (void)snprintf(text, sizeof(text), "column %u: %s\n%s", bad->column, bad->message, bad->hint);
    else
        (void)snprintf(text, sizeof(text), "%s\n%s", bad->message, bad->hint);
    int e = on_bad_line(o, bad->line, trn_str_of(text));
    return e < 0 ? e : trn_fail(err, -EINVAL, "%s", bad->message);
}

static int do_policy(struct out *o, int fd, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    TRN_AUTO(trn_freep) struct trn_policy *p = malloc(sizeof(*p));
    struct trn_policy_error bad = {0};
    int e = read_whole(fd, TRN_POLICY_FILE_MAX, &b, err);
    if (e == -EFBIG) {
        (void)snprintf(bad.message, sizeof(bad.message), "it is larger than %u KB", TRN_POLICY_FILE_MAX >> 10);
        return bad_policy(o, &bad, err);
    }
    if (e < 0 || !p)
        return e < 0 ? e : trn_fail(err, -ENOMEM, "cannot read the policy: out of memory");
    if (trn_policy_parse(trn_buf_str(&b), p, &bad) < 0)
        return bad_policy(o, &bad, err);
    trn_buf_clear(&o->item);
    trn_inspect_put_policy(&o->item, o->job, p);
    return send_item(o, TRN_INSPECT_POLICY);
}

static int do_accept(struct out *o, int fd, struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    TRN_AUTO(trn_freep) struct trn_accept_list *a = malloc(sizeof(*a));
    struct trn_policy_error bad = {0};
    int e = read_whole(fd, TRN_POLICY_FILE_MAX, &b, err);
    if (e == -EFBIG) {
        (void)snprintf(bad.message, sizeof(bad.message), "it is larger than %u KB", TRN_POLICY_FILE_MAX >> 10);
        return bad_policy(o, &bad, err);
    }
    if (e < 0 || !a)
        return e < 0 ? e : trn_fail(err, -ENOMEM, "cannot read the policy: out of memory");
    if (trn_accept_parse(trn_buf_str(&b), a, &bad) < 0)
        return bad_policy(o, &bad, err);
    trn_buf_clear(&o->item);
    trn_inspect_put_accept(&o->item, o->job, a);
    return send_item(o, TRN_INSPECT_ACCEPT);
}

int trn_worker_run(const struct trn_job *job, int fd, int out, struct trn_err *err)
{
    struct out o = {.sock = out, .job = job->id};
    trn_buf_init(&o.batch, TRN_IPC_MAX);
    trn_buf_init(&o.item, TRN_IPC_MAX);
    int e = -EINVAL;
    (void)lseek(fd, 0, SEEK_SET); /* the sender may have written through the same description */
    switch (job->kind) {
    case TRN_JOB_FACTS:
        e = do_facts(&o, fd, err);
        break;
    case TRN_JOB_DPKG:
        e = do_dpkg(&o, fd, err);
        break;
    case TRN_JOB_MANIFEST:
        e = do_manifest(&o, fd, job->name, err);
        break;
    case TRN_JOB_INDICATORS:
        e = do_indicators(&o, fd, err);
        break;
    case TRN_JOB_EVIDENCE:
        e = do_evidence(&o, fd, err);
        break;
    case TRN_JOB_POLICY:
        e = do_policy(&o, fd, err);
        break;
    case TRN_JOB_ACCEPT:
        e = do_accept(&o, fd, err);
        break;
    case TRN_JOB_KIND_MAX:
        break;
    }
    if (e == 0 && o.left_out)
        (void)trn_fail(err, 0, "%u entries left out: a text in them is longer than %u bytes", o.left_out,
                       TRN_INSPECT_TEXT_MAX);
    trn_buf_done(&o.batch);
    trn_buf_done(&o.item);
    return e;
}

static int ignore_indicator(void *ctx, const struct trn_indicator *i)
{
    return 0;
}

static int ignore_line(void *ctx, uint64_t line, struct trn_str why)
{
    return 0;
}

/* A bundle of nothing, signed and proven: so every algorithm is loaded. */
static void warm_evidence(struct trn_arena *arena)
{
    static const uint8_t seed[TRN_EVIDENCE_KEY] = {1};
    const struct trn_story story = {.sentence = TRN_STR("warm")};
    struct trn_evidence_key *key = NULL;
    struct trn_evidence_writer *w = trn_evidence_writer_new(0, 65536);
    TRN_AUTO(trn_buf_done) struct trn_buf bundle;
    struct trn_evidence_facts facts;
    trn_buf_init(&bundle, 65536);
    if (w && trn_evidence_key_from(seed, &key) == 0 &&
        trn_evidence_finish(w, &(struct trn_evidence_about){.story = &story}, key, &bundle, NULL) == 0)
        (void)!trn_evidence_verify(trn_buf_str(&bundle), arena, &facts, NULL);
    trn_evidence_key_free(key);
    trn_evidence_writer_free(w);
}

void trn_worker_warm(void)
{
    static const char bundle[] = "{\"type\":\"bundle\",\"objects\":[]}";
    struct trn_indicator_sink sink = {ignore_indicator, ignore_line, NULL};
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(0);
    struct trn_digest *d = trn_digest_new(true);
    struct trn_software s = {0};
    uint8_t hash[TRN_SHA256_SIZE];
    if (d && trn_digest_update(d, "", 0) == 0)
        (void)trn_digest_end(d, hash, NULL);
    (void)trn_digest_free(d);
    (void)!trn_indicators_parse(trn_str_of(bundle), &sink, NULL);
    if (arena)
        warm_evidence(arena);
    if (arena)
        (void)!trn_manifest_parse(TRN_STR("package.json"), TRN_STR("{\"name\":\"warm\",\"version\":\"1\"}"), arena, &s,
                                  NULL);
}
