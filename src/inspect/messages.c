/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the wire form of jobs and results; every check of what a peer sent.
 * Must not: open, fork or wait; hand on a message of which any byte was not understood.
 * A result is read twice: once to check all of it, once to deliver. So a sink never sees the good
 * half of a bad message.
 */
#include "inspect/messages.h"

int trn_job_send(int jobs_sock, const struct trn_job *job, int fd)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, TRN_INSPECT_BODY_MAX);
    if (job->kind <= 0 || job->kind >= TRN_JOB_KIND_MAX || job->name.n > TRN_INSPECT_NAME_MAX || fd < 0)
        return -EINVAL;
    trn_put_u64(&b, job->id);
    trn_put_u16(&b, (uint16_t)job->kind);
    trn_put_lstr(&b, job->name);
    if (b.bad)
        return -ENOMEM;
    return trn_ipc_send(jobs_sock, TRN_INSPECT_JOB, trn_buf_str(&b), &fd, 1);
}

int trn_job_decode(struct trn_msg *m, struct trn_job *ret, int *ret_fd)
{
    struct trn_cursor c = m->body;
    struct trn_job job = {.id = trn_cur_u64le(&c)};
    uint16_t kind = trn_cur_u16le(&c);
    job.name = trn_cur_lstr(&c);
    if (m->type != TRN_INSPECT_JOB || m->n_fds != 1 || !trn_cur_end(&c) || job.name.n > TRN_INSPECT_NAME_MAX ||
        kind == 0 || kind >= TRN_JOB_KIND_MAX)
        return -EPROTO;
    job.kind = (enum trn_job_kind)kind;
    *ret = job;
    *ret_fd = trn_msg_take_fd(m, 0);
    return 0;
}

int trn_job_failed(int results_sock, uint64_t id, int code, struct trn_str why)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, TRN_INSPECT_BODY_MAX);
    trn_inspect_put_end(&b, id, code, trn_str_slice(why, 0, TRN_INSPECT_TEXT_MAX));
    return b.bad ? -ENOMEM : trn_ipc_send(results_sock, TRN_INSPECT_JOB_END, trn_buf_str(&b), NULL, 0);
}

/* ---- writing ---- */

void trn_inspect_put_facts(struct trn_buf *b, uint64_t job, const struct trn_file_facts *f)
{
    trn_put_u64(b, job);
    trn_put_u64(b, f->size);
    trn_put(b, f->sha256, sizeof(f->sha256));
    trn_put(b, f->md5, sizeof(f->md5));
    trn_put_lstr(b, f->kind);
    trn_put_lstr(b, f->build_id);
    trn_put_lstr(b, f->interpreter);
}

void trn_inspect_put_software(struct trn_buf *b, uint64_t job, const struct trn_software *s)
{
    trn_put_u64(b, job);
    trn_put_lstr(b, s->name);
    trn_put_lstr(b, s->version);
    trn_put_lstr(b, s->signer);
    trn_put_u16(b, (uint16_t)s->origin);
    trn_put_u32(b, s->flags);
}

void trn_inspect_put_bad_line(struct trn_buf *b, uint64_t job, uint64_t line, struct trn_str why)
{
    trn_put_u64(b, job);
    trn_put_u64(b, line);
    trn_put_lstr(b, why);
}

void trn_inspect_put_evidence(struct trn_buf *b, uint64_t job, const struct trn_evidence_facts *f)
{
    const struct trn_str texts[] = {f->made,   f->host_id,  f->host_name,        f->version,  f->kernel,  f->verdict,
                                    f->status, f->software, f->software_version, f->sentence, f->redacted};
    const uint64_t numbers[] = {f->story,           f->score,          f->findings, f->events,
                                f->events_left_out, f->events_missing, f->losses,   f->size};
    trn_put_u64(b, job);
    trn_put(b, f->key, sizeof(f->key));
    for (size_t i = 0; i < TRN_ARRAY_SIZE(texts); i++)
        trn_put_lstr(b, texts[i]);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(numbers); i++)
        trn_put_u64(b, numbers[i]);
    trn_put_u8(b, f->loss_overlap);
    trn_put_u32(b, f->n_members);
    for (uint32_t i = 0; i < f->n_members; i++) {
        trn_put_lstr(b, f->members[i].name);
        trn_put_u64(b, f->members[i].size);
        trn_put(b, f->members[i].sha256, sizeof(f->members[i].sha256));
    }
}

void trn_inspect_put_policy(struct trn_buf *b, uint64_t job, const struct trn_policy *p)
{
    trn_put_u64(b, job);
    trn_policy_encode(p, b);
}

void trn_inspect_put_accept(struct trn_buf *b, uint64_t job, const struct trn_accept_list *a)
{
    trn_put_u64(b, job);
    trn_accept_encode(a, b);
}

void trn_inspect_put_end(struct trn_buf *b, uint64_t job, int code, struct trn_str message)
{
    trn_put_u64(b, job);
    trn_put_u32(b, (uint32_t)code);
    trn_put_lstr(b, message);
}

void trn_inspect_put_package(struct trn_buf *b, uint32_t index, const struct trn_package *p)
{
    trn_put_u32(b, index);
    trn_put_lstr(b, p->name);
    trn_put_lstr(b, p->version);
    trn_put_lstr(b, p->arch);
    trn_put_lstr(b, p->maintainer);
    trn_put_u32(b, p->flags);
    trn_put_u64(b, p->files);
}

void trn_inspect_put_file(struct trn_buf *b, uint32_t package, struct trn_str path, const uint8_t *md5)
{
    trn_put_u32(b, package);
    trn_put_lstr(b, path);
    trn_put_u8(b, md5 != NULL);
    if (md5)
        trn_put(b, md5, TRN_MD5_SIZE);
}

void trn_inspect_put_indicator(struct trn_buf *b, const struct trn_indicator *i)
{
    trn_put_u8(b, (uint8_t)i->kind);
    trn_put_lstr(b, i->value);
    trn_put_lstr(b, i->note);
}

bool trn_inspect_allowed(enum trn_job_kind kind, uint16_t type)
{
    switch (type) {
    case TRN_INSPECT_JOB_END:
        return true;
    case TRN_INSPECT_FACTS:
        return kind == TRN_JOB_FACTS;
    case TRN_INSPECT_PACKAGES:
    case TRN_INSPECT_FILES:
        return kind == TRN_JOB_DPKG;
    case TRN_INSPECT_SOFTWARE:
        return kind == TRN_JOB_MANIFEST;
    case TRN_INSPECT_INDICATORS:
        return kind == TRN_JOB_INDICATORS;
    case TRN_INSPECT_BAD_LINE:
        return kind == TRN_JOB_INDICATORS || kind == TRN_JOB_POLICY || kind == TRN_JOB_ACCEPT;
    case TRN_INSPECT_POLICY:
        return kind == TRN_JOB_POLICY;
    case TRN_INSPECT_ACCEPT:
        return kind == TRN_JOB_ACCEPT;
    case TRN_INSPECT_EVIDENCE:
        return kind == TRN_JOB_EVIDENCE;
    default:
        return false;
    }
}

/* ---- reading ---- */

/* A text within its limit; what must be there must not be absent. */
static struct trn_str text_of(struct trn_cursor *c, bool needed)
{
    struct trn_str s = trn_cur_lstr(c);
    if (s.n > TRN_INSPECT_TEXT_MAX || (needed && trn_str_is_empty(s)))
        c->bad = true;
    return c->bad ? TRN_STR_NONE : s;
}

static int one_facts(struct trn_cursor *c, uint64_t job, const struct trn_inspect_sink *sink)
{
    struct trn_file_facts f = {.size = trn_cur_u64le(c)};
    (void)trn_cur_copy(c, f.sha256, sizeof(f.sha256));
    (void)trn_cur_copy(c, f.md5, sizeof(f.md5));
    f.kind = text_of(c, false);
    f.build_id = text_of(c, false);
    f.interpreter = text_of(c, false);
    if (f.build_id.n > 64)
        c->bad = true;
    return c->bad || !sink || !sink->facts ? 0 : sink->facts(sink->ctx, job, &f);
}

static int one_package(struct trn_cursor *c, uint64_t job, const struct trn_inspect_sink *sink)
{
    uint32_t index = trn_cur_u32le(c);
    struct trn_package p = {.name = text_of(c, true)};
    p.version = text_of(c, false);
    p.arch = text_of(c, false);
    p.maintainer = text_of(c, false);
    p.flags = trn_cur_u32le(c);
    p.files = trn_cur_u64le(c);
    if (p.flags & ~(TRN_SW_BASE | TRN_SW_UNPACKED))
        c->bad = true;
    return c->bad || !sink || !sink->package ? 0 : sink->package(sink->ctx, job, index, &p);
}

static int one_file(struct trn_cursor *c, uint64_t job, const struct trn_inspect_sink *sink)
{
    uint32_t package = trn_cur_u32le(c);
    struct trn_str path = text_of(c, true);
    uint8_t listed = trn_cur_u8(c), md5[TRN_MD5_SIZE] = {0};
    if (listed > 1)
        c->bad = true;
    if (listed)
        (void)trn_cur_copy(c, md5, sizeof(md5));
    return c->bad || !sink || !sink->file ? 0 : sink->file(sink->ctx, job, package, path, listed ? md5 : NULL);
}

static int one_software(struct trn_cursor *c, uint64_t job, const struct trn_inspect_sink *sink)
{
    struct trn_software s = {.name = text_of(c, false)}; /* a venv without a prompt has no name of its own */
    s.version = text_of(c, false);
    s.signer = text_of(c, false);
    uint16_t origin = trn_cur_u16le(c);
    s.flags = trn_cur_u32le(c);
    if (origin >= TRN_ORIGIN_MAX || s.flags > (TRN_SW_MODIFIED | TRN_SW_BASE | TRN_SW_UNPACKED | TRN_SW_MODIFIED_KNOWN))
        c->bad = true;
    s.origin = c->bad ? TRN_ORIGIN_UNKNOWN : (enum trn_origin)origin;
    return c->bad || !sink || !sink->software ? 0 : sink->software(sink->ctx, job, &s);
}

static int one_indicator(struct trn_cursor *c, uint64_t job, const struct trn_inspect_sink *sink)
{
    uint8_t kind = trn_cur_u8(c);
    struct trn_indicator i = {.value = text_of(c, true)};
    i.note = text_of(c, false);
    if (kind >= TRN_IND_KIND_MAX)
        c->bad = true;
    i.kind = c->bad ? TRN_IND_SHA256 : (enum trn_indicator_kind)kind;
    return c->bad || !sink || !sink->indicator ? 0 : sink->indicator(sink->ctx, job, &i);
}

static int one_bad_line(struct trn_cursor *c, uint64_t job, const struct trn_inspect_sink *sink)
{
    uint64_t line = trn_cur_u64le(c);
    struct trn_str why = text_of(c, false);
    return c->bad || !sink || !sink->bad_line ? 0 : sink->bad_line(sink->ctx, job, line, why);
}

static int one_evidence(struct trn_cursor *c, uint64_t job, const struct trn_inspect_sink *sink)
{
    struct trn_evidence_facts f = {0};
    struct trn_str *const texts[] = {&f.made,   &f.host_id,  &f.host_name,        &f.version,  &f.kernel,  &f.verdict,
                                     &f.status, &f.software, &f.software_version, &f.sentence, &f.redacted};
    uint64_t *const numbers[] = {&f.story,           &f.score,          &f.findings, &f.events,
                                 &f.events_left_out, &f.events_missing, &f.losses,   &f.size};
    (void)trn_cur_copy(c, f.key, sizeof(f.key));
    for (size_t i = 0; i < TRN_ARRAY_SIZE(texts); i++)
        *texts[i] = text_of(c, false);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(numbers); i++)
        *numbers[i] = trn_cur_u64le(c);
    uint8_t overlap = trn_cur_u8(c);
    uint32_t n = trn_cur_u32le(c);
    if (overlap > 1 || n > TRN_EVIDENCE_MEMBERS)
        c->bad = true;
    f.loss_overlap = overlap == 1;
    for (uint32_t i = 0; i < n && !c->bad; i++) {
        struct trn_evidence_entry *e = &f.members[f.n_members++];
        e->name = text_of(c, true);
        e->size = trn_cur_u64le(c);
        (void)trn_cur_copy(c, e->sha256, sizeof(e->sha256));
    }
    return c->bad || !sink || !sink->evidence ? 0 : sink->evidence(sink->ctx, job, &f);
}

static int one_end(struct trn_cursor *c, uint64_t job, const struct trn_inspect_sink *sink)
{
    uint32_t raw = trn_cur_u32le(c);
    struct trn_str message = text_of(c, false);
    int code = raw == 0 ? 0 : -(int)(0u - raw);
    if (raw != 0 && raw < UINT32_MAX - 4094u) /* 0 or -1 .. -4095 */
        c->bad = true;
    return c->bad || !sink || !sink->end ? 0 : sink->end(sink->ctx, job, code, message);
}

static int one_policy(struct trn_cursor *c, uint64_t job, const struct trn_inspect_sink *sink)
{
    TRN_AUTO(trn_freep) struct trn_policy *p = malloc(sizeof(*p));
    struct trn_cursor own = trn_cur_sub(c, c->at, c->n - c->at);
    if (!p)
        return -ENOMEM;
    if (c->bad || trn_policy_decode(&own, p) < 0)
        c->bad = true;
    trn_cur_skip(c, trn_cur_left(c));
    return c->bad || !sink || !sink->policy ? 0 : sink->policy(sink->ctx, job, p);
}

static int one_accept(struct trn_cursor *c, uint64_t job, const struct trn_inspect_sink *sink)
{
    TRN_AUTO(trn_freep) struct trn_accept_list *a = malloc(sizeof(*a));
    struct trn_cursor own = trn_cur_sub(c, c->at, c->n - c->at);
    if (!a)
        return -ENOMEM;
    if (c->bad || trn_accept_decode(&own, a) < 0)
        c->bad = true;
    trn_cur_skip(c, trn_cur_left(c));
    return c->bad || !sink || !sink->accept ? 0 : sink->accept(sink->ctx, job, a);
}

typedef int one_fn(struct trn_cursor *, uint64_t, const struct trn_inspect_sink *);
static const struct {
    uint16_t type;
    bool batch;
    one_fn *one;
} READERS[] = {
    {TRN_INSPECT_FACTS, false, one_facts},         {TRN_INSPECT_PACKAGES, true, one_package},
    {TRN_INSPECT_FILES, true, one_file},           {TRN_INSPECT_SOFTWARE, false, one_software},
    {TRN_INSPECT_INDICATORS, true, one_indicator}, {TRN_INSPECT_BAD_LINE, false, one_bad_line},
    {TRN_INSPECT_EVIDENCE, false, one_evidence},   {TRN_INSPECT_JOB_END, false, one_end},
    {TRN_INSPECT_POLICY, false, one_policy},       {TRN_INSPECT_ACCEPT, false, one_accept},
};

/* sink NULL: only checks. */
static int pass(const struct trn_msg *m, const struct trn_inspect_sink *sink)
{
    struct trn_cursor c = m->body;
    uint64_t job = trn_cur_u64le(&c);
    for (size_t r = 0; r < TRN_ARRAY_SIZE(READERS); r++) {
        if (READERS[r].type != m->type)
            continue;
        uint32_t count = READERS[r].batch ? trn_cur_u32le(&c) : 1;
        if (count == 0)
            return -EPROTO;
        /* Every item takes bytes, so a false count ends at the end of the body. */
        for (uint32_t i = 0; i < count && !c.bad; i++) {
            int e = READERS[r].one(&c, job, sink);
            if (e < 0)
                return e;
        }
        return trn_cur_end(&c) ? 0 : -EPROTO;
    }
    return -EPROTO;
}

int trn_inspect_decode(struct trn_msg *m, const struct trn_inspect_sink *sink)
{
    if (m->n_fds != 0) /* no result carries a descriptor */
        return -EPROTO;
    int e = pass(m, NULL);
    return e < 0 ? e : pass(m, sink);
}
