/* SPDX-License-Identifier: Apache-2.0 */
/* Does each message survive the wire, and is every shortened, lengthened or odd one refused whole? */
#include "inspect/messages.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct told {
    struct trn_buf b;
    int fail; /* returned by the sink */
};

static int on_facts(void *ctx, uint64_t job, const struct trn_file_facts *f)
{
    struct told *t = ctx;
    trn_put_fmt(&t->b, "facts %d %d %.*s %zu %s;", (int)job, (int)f->size, TRN_STR_ARG(f->kind), f->build_id.n,
                trn_str_is_none(f->interpreter) ? "-" : "sh");
    return t->fail;
}

static int on_package(void *ctx, uint64_t job, uint32_t index, const struct trn_package *p)
{
    struct told *t = ctx;
    trn_put_fmt(&t->b, "package %d %u %.*s %.*s %u %d;", (int)job, index, TRN_STR_ARG(p->name), TRN_STR_ARG(p->version),
                p->flags, (int)p->files);
    return t->fail;
}

static int on_file(void *ctx, uint64_t job, uint32_t package, struct trn_str path, const uint8_t *md5)
{
    struct told *t = ctx;
    trn_put_fmt(&t->b, "file %u %.*s %d;", package, TRN_STR_ARG(path), md5 ? md5[15] : -1);
    return t->fail;
}

static int on_software(void *ctx, uint64_t job, const struct trn_software *s)
{
    struct told *t = ctx;
    trn_put_fmt(&t->b, "software %.*s %d;", TRN_STR_ARG(s->name), (int)s->origin);
    return t->fail;
}

static int on_indicator(void *ctx, uint64_t job, const struct trn_indicator *i)
{
    struct told *t = ctx;
    trn_put_fmt(&t->b, "indicator %d %.*s;", (int)i->kind, TRN_STR_ARG(i->value));
    return t->fail;
}

static int on_bad_line(void *ctx, uint64_t job, uint64_t line, struct trn_str why)
{
    struct told *t = ctx;
    trn_put_fmt(&t->b, "bad %d %.*s;", (int)line, TRN_STR_ARG(why));
    return t->fail;
}

static int on_evidence(void *ctx, uint64_t job, const struct trn_evidence_facts *f)
{
    struct told *t = ctx;
    trn_put_fmt(&t->b, "evidence %d %02x %.*s %d %d %.*s %d %d;", (int)job, f->key[31], TRN_STR_ARG(f->sentence),
                (int)f->size, f->loss_overlap, TRN_STR_ARG(f->members[1].name), (int)f->n_members,
                trn_str_is_none(f->redacted));
    return t->fail;
}

static int on_policy(void *ctx, uint64_t job, const struct trn_policy *p)
{
    struct told *t = ctx;
    trn_put_fmt(&t->b, "policy %d %s %u;", (int)job, p->vital[0], p->n_vital);
    return t->fail;
}

static int on_end(void *ctx, uint64_t job, int code, struct trn_str message)
{
    struct told *t = ctx;
    trn_put_fmt(&t->b, "end %d %d %.*s;", (int)job, code, TRN_STR_ARG(message));
    return t->fail;
}

static void told_done(struct told *t)
{
    trn_buf_done(&t->b);
}

static int decode(uint16_t type, struct trn_str body, struct told *t)
{
    struct trn_inspect_sink sink = {on_facts,    on_package,  on_file,   on_software, on_indicator,
                                    on_bad_line, on_evidence, on_policy, on_end,      t};
    struct trn_msg m = {.type = type, .body = trn_cur_of(body)};
    trn_buf_done(&t->b);
    trn_buf_init(&t->b, 65536);
    return trn_inspect_decode(&m, &sink);
}

static void batch(struct trn_buf *b, uint32_t count)
{
    trn_buf_clear(b);
    trn_put_u64(b, 9);
    trn_put_u32(b, count);
}

/* One good body of each type. */
static void good(uint16_t type, struct trn_buf *b)
{
    uint8_t md5[TRN_MD5_SIZE] = {[15] = 77};
    struct trn_file_facts f = {.size = 12, .kind = TRN_STR("elf"), .build_id = TRN_STR("\1\2")};
    struct trn_package p = {.name = TRN_STR("acme"), .version = TRN_STR("1.1"), .flags = TRN_SW_BASE, .files = 3};
    struct trn_software s = {.name = TRN_STR("left-pad"), .origin = TRN_ORIGIN_NPM};
    struct trn_indicator i = {.kind = TRN_IND_DOMAIN, .value = TRN_STR("x.test")};
    trn_buf_init(b, TRN_IPC_MAX);
    if (type == TRN_INSPECT_FACTS) {
        trn_inspect_put_facts(b, 9, &f);
    } else if (type == TRN_INSPECT_PACKAGES) {
        batch(b, 2);
        trn_inspect_put_package(b, 0, &p);
        trn_inspect_put_package(b, 1, &p);
    } else if (type == TRN_INSPECT_FILES) {
        batch(b, 2);
        trn_inspect_put_file(b, 4, TRN_STR("/a"), md5);
        trn_inspect_put_file(b, 4, TRN_STR("/b"), NULL);
    } else if (type == TRN_INSPECT_SOFTWARE) {
        trn_inspect_put_software(b, 9, &s);
    } else if (type == TRN_INSPECT_INDICATORS) {
        batch(b, 1);
        trn_inspect_put_indicator(b, &i);
    } else if (type == TRN_INSPECT_EVIDENCE) {
        const struct trn_evidence_facts e = {.key = {[31] = 0xfe},
                                             .sentence = TRN_STR("it turned"),
                                             .size = 77,
                                             .loss_overlap = true,
                                             .members = {{.name = TRN_STR("a")}, {.name = TRN_STR("b"), .size = 3}},
                                             .n_members = 2};
        trn_inspect_put_evidence(b, 9, &e);
    } else if (type == TRN_INSPECT_BAD_LINE) {
        trn_inspect_put_bad_line(b, 9, 17, TRN_STR("what?"));
    } else if (type == TRN_INSPECT_POLICY) {
        static struct trn_policy policy;
        trn_policy_default(&policy);
        policy.n_vital = 1;
        memcpy(policy.vital[0], "/a", 3);
        trn_inspect_put_policy(b, 9, &policy);
    } else {
        trn_inspect_put_end(b, 9, -ETIME, TRN_STR("slow"));
    }
}

static const struct {
    uint16_t type;
    const char *told;
} TYPES[] = {
    {TRN_INSPECT_FACTS, "facts 9 12 elf 2 -;"},
    {TRN_INSPECT_PACKAGES, "package 9 0 acme 1.1 2 3;package 9 1 acme 1.1 2 3;"},
    {TRN_INSPECT_FILES, "file 4 /a 77;file 4 /b -1;"},
    {TRN_INSPECT_SOFTWARE, "software left-pad 4;"},
    {TRN_INSPECT_INDICATORS, "indicator 1 x.test;"},
    {TRN_INSPECT_BAD_LINE, "bad 17 what?;"},
    {TRN_INSPECT_EVIDENCE, "evidence 9 fe it turned 77 1 b 2 1;"},
    {TRN_INSPECT_JOB_END, "end 9 -62 slow;"},
    {TRN_INSPECT_POLICY, "policy 9 /a 1;"},
};

Test(messages, each_survives_the_wire)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(TYPES); i++) {
        TRN_AUTO(trn_buf_done) struct trn_buf b;
        TRN_AUTO(told_done) struct told t = {0};
        good(TYPES[i].type, &b);
        cr_assert_eq(decode(TYPES[i].type, trn_buf_str(&b), &t), 0, "type %x", TYPES[i].type);
        cr_assert_str_eq(t.b.p, TYPES[i].told);
    }
}

Test(messages, shortened_or_lengthened_ones_are_refused_whole)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(TYPES); i++) {
        TRN_AUTO(trn_buf_done) struct trn_buf b;
        good(TYPES[i].type, &b);
        size_t n = b.n;
        trn_put_u8(&b, 0);
        for (size_t k = 0; k <= n + 1; k++) {
            TRN_AUTO(told_done) struct told t = {0};
            int e = decode(TYPES[i].type, trn_str_slice(trn_buf_str(&b), 0, k), &t);
            cr_assert_eq(e, k == n ? 0 : -EPROTO, "type %x, %zu of %zu bytes", TYPES[i].type, k, n);
            cr_assert_eq(t.b.n != 0, k == n, "nothing of a bad message is delivered");
        }
    }
}

Test(messages, an_unknown_type_and_a_descriptor_are_refused)
{
    TRN_AUTO(told_done) struct told t = {0};
    cr_assert_eq(decode(TRN_INSPECT_JOB, TRN_STR("12345678"), &t), -EPROTO);
    cr_assert_eq(decode(0x99, TRN_STR("12345678"), &t), -EPROTO);
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    good(TRN_INSPECT_FACTS, &b);
    struct trn_msg m = {.type = TRN_INSPECT_FACTS, .body = trn_cur_of(trn_buf_str(&b)), .fds = {0}, .n_fds = 1};
    cr_assert_eq(trn_inspect_decode(&m, &(struct trn_inspect_sink){0}), -EPROTO);
}

#define REFUSED(type, what)                                                            \
    do {                                                                               \
        cr_assert_eq(decode((type), trn_buf_str(&b), &t), -EPROTO, "taken: %s", what); \
        cr_assert_eq(t.b.n, 0);                                                        \
    } while (0)

Test(messages, values_out_of_range_are_refused)
{
    TRN_AUTO(told_done) struct told t = {0};
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    static char text[TRN_INSPECT_TEXT_MAX + 1];
    memset(text, 'a', sizeof(text));
    trn_buf_init(&b, TRN_IPC_MAX);

    batch(&b, 0);
    REFUSED(TRN_INSPECT_FILES, "an empty batch");
    batch(&b, UINT32_MAX);
    trn_inspect_put_file(&b, 1, TRN_STR("/a"), NULL);
    REFUSED(TRN_INSPECT_FILES, "a count that is not there");
    batch(&b, 1);
    trn_inspect_put_file(&b, 1, (struct trn_str){text, sizeof(text)}, NULL);
    REFUSED(TRN_INSPECT_FILES, "a text past the limit");
    batch(&b, 1);
    trn_inspect_put_file(&b, 1, TRN_STR_NONE, NULL);
    REFUSED(TRN_INSPECT_FILES, "a file without a path");
    batch(&b, 1);
    trn_inspect_put_indicator(&b, &(struct trn_indicator){.kind = TRN_IND_KIND_MAX, .value = TRN_STR("x")});
    REFUSED(TRN_INSPECT_INDICATORS, "an unknown kind");
    trn_buf_clear(&b);
    trn_inspect_put_software(&b, 9, &(struct trn_software){.name = TRN_STR("x"), .origin = TRN_ORIGIN_MAX});
    REFUSED(TRN_INSPECT_SOFTWARE, "an unknown origin");
    trn_buf_clear(&b);
    trn_inspect_put_end(&b, 9, 1, TRN_STR_NONE);
    REFUSED(TRN_INSPECT_JOB_END, "a positive code");
    trn_buf_clear(&b);
    trn_inspect_put_end(&b, 9, -4096, TRN_STR_NONE);
    REFUSED(TRN_INSPECT_JOB_END, "a code that is no errno");
}

Test(messages, what_the_sink_returns_ends_it)
{
    TRN_AUTO(told_done) struct told t = {.fail = -ENOSPC};
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    good(TRN_INSPECT_FILES, &b);
    cr_assert_eq(decode(TRN_INSPECT_FILES, trn_buf_str(&b), &t), -ENOSPC);
    cr_assert_str_eq(t.b.p, "file 4 /a 77;", "and nothing more is delivered");
}

Test(messages, a_job_arrives_with_its_descriptor)
{
    static char buf[TRN_IPC_MAX];
    int pair[2], fd = memfd_create("job", MFD_CLOEXEC), got = -1;
    struct trn_msg m;
    struct trn_job job = {.id = 5, .kind = TRN_JOB_MANIFEST, .name = TRN_STR("package.json")}, back;
    cr_assert_eq(trn_ipc_pair(pair, 0), 0);
    cr_assert_eq(trn_job_send(pair[0], &job, fd), 0);
    cr_assert_eq(trn_ipc_recv(pair[1], buf, sizeof(buf), &m), 0);
    cr_assert_eq(trn_job_decode(&m, &back, &got), 0);
    cr_assert(back.id == 5 && back.kind == TRN_JOB_MANIFEST && trn_str_eq_c(back.name, "package.json"));
    cr_assert(got >= 0 && got != fd);
    trn_msg_done(&m);
    cr_assert_eq(lseek(got, 0, SEEK_CUR), 0, "the descriptor is the receiver's now");
}

Test(messages, jobs_that_make_no_sense_are_refused)
{
    int fd = memfd_create("job", MFD_CLOEXEC), pair[2], got = -1;
    static char buf[TRN_IPC_MAX];
    char name[300];
    struct trn_job job = {.id = 5, .kind = TRN_JOB_KIND_MAX}, back;
    struct trn_msg m;
    memset(name, 'n', sizeof(name));
    cr_assert_eq(trn_ipc_pair(pair, 0), 0);
    cr_assert_eq(trn_job_send(pair[0], &job, fd), -EINVAL);
    job.kind = TRN_JOB_FACTS;
    cr_assert_eq(trn_job_send(pair[0], &job, -1), -EINVAL);
    job.name = (struct trn_str){name, sizeof(name)};
    cr_assert_eq(trn_job_send(pair[0], &job, fd), -EINVAL);

    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 1000);
    trn_put_u64(&b, 5);
    trn_put_u16(&b, TRN_JOB_KIND_MAX);
    trn_put_lstr(&b, TRN_STR_NONE);
    cr_assert_eq(trn_ipc_send(pair[0], TRN_INSPECT_JOB, trn_buf_str(&b), &fd, 1), 0);
    cr_assert_eq(trn_ipc_recv(pair[1], buf, sizeof(buf), &m), 0);
    cr_assert_eq(trn_job_decode(&m, &back, &got), -EPROTO);
    cr_assert_eq(got, -1);
    trn_msg_done(&m);
}
