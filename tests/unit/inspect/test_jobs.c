/* SPDX-License-Identifier: Apache-2.0 */
/* Does a job of each kind come back with what is in the file, from a strict worker, as an ordinary user? */
#include "helper.h"

#include <fcntl.h>

struct heard {
    struct served s;
    struct trn_buf text;
    size_t n[8]; /* facts, packages, files, with md5, software, indicators, bad lines */
};

static int on_facts(void *ctx, uint64_t job, const struct trn_file_facts *f)
{
    struct heard *h = ctx;
    char hex[65];
    trn_hex(f->sha256, 32, hex);
    h->n[0]++;
    trn_put_fmt(&h->text, "%d %.*s %.8s;", (int)f->size, TRN_STR_ARG(f->kind), hex);
    return 0;
}

static int on_package(void *ctx, uint64_t job, uint32_t index, const struct trn_package *p)
{
    struct heard *h = ctx;
    h->n[1]++;
    trn_put_fmt(&h->text, "%.*s %.*s;", TRN_STR_ARG(p->name), TRN_STR_ARG(p->version));
    return 0;
}

static int on_file(void *ctx, uint64_t job, uint32_t package, struct trn_str path, const uint8_t *md5)
{
    struct heard *h = ctx;
    h->n[2]++;
    h->n[3] += md5 != NULL;
    return 0;
}

static int on_software(void *ctx, uint64_t job, const struct trn_software *s)
{
    struct heard *h = ctx;
    h->n[4]++;
    trn_put_fmt(&h->text, "%.*s %.*s;", TRN_STR_ARG(s->name), TRN_STR_ARG(s->version));
    return 0;
}

static int on_indicator(void *ctx, uint64_t job, const struct trn_indicator *i)
{
    struct heard *h = ctx;
    if (h->n[5]++ < 3)
        trn_put_fmt(&h->text, "%d %.*s;", (int)i->kind, TRN_STR_ARG(i->value));
    return 0;
}

static int on_bad_line(void *ctx, uint64_t job, uint64_t line, struct trn_str why)
{
    struct heard *h = ctx;
    h->n[6]++;
    trn_put_fmt(&h->text, "line %d;", (int)line);
    return 0;
}

static int on_policy(void *ctx, uint64_t job, const struct trn_policy *p)
{
    struct heard *h = ctx;
    trn_put_fmt(&h->text, "%s, %u rules;", p->protect ? "protect" : "detect", p->n_rules);
    return 0;
}

static int on_job_end(void *ctx, uint64_t job, int code, struct trn_str message)
{
    struct heard *h = ctx;
    return on_end(&h->s, job, code, message);
}

static void heard_done(struct heard *h)
{
    served_done(&h->s);
    trn_buf_done(&h->text);
}

static void run(struct heard *h, enum trn_job_kind kind, const char *name, int fd)
{
    struct trn_inspect_sink sink = {on_facts,    on_package, on_file,   on_software, on_indicator,
                                    on_bad_line, NULL,       on_policy, on_job_end,  h};
    trn_buf_init(&h->text, 65536);
    serve(&h->s, NULL, 1, 30);
    give(&h->s, 7, kind, name, fd);
    cr_assert(await(&h->s, &sink, 1, 20000), "no end came");
}

#define RUN(h, kind, name, fd)                 \
    TRN_AUTO(heard_done) struct heard h = {0}; \
    run(&h, kind, name, fd)

Test(jobs, facts_of_a_file)
{
    RUN(h, TRN_JOB_FACTS, "hello", content("#!/bin/sh\n", 10));
    cr_assert_eq(h.s.ends[0].code, 0, "%s", h.s.ends[0].message);
    cr_assert_str_eq(h.text.p, "10 script a8076d3d;");
}

Test(jobs, facts_of_an_empty_file)
{
    RUN(h, TRN_JOB_FACTS, NULL, content("", 0));
    cr_assert_eq(h.s.ends[0].code, 0, "%s", h.s.ends[0].message);
    cr_assert(strstr(h.text.p, "e3b0c442;"), "%s", h.text.p);
}

static int bundle_with(const char *const *names, const char *const *texts)
{
    int fd = content("", 0);
    cr_assert_eq(trn_bundle_put_header(fd), 0);
    for (size_t i = 0; names[i]; i++) {
        int one = content(texts[i], strlen(texts[i]));
        cr_assert_eq(trn_bundle_put_file(fd, trn_str_of(names[i]), one), 0);
        trn_fd_close(one);
    }
    return fd;
}

Test(jobs, a_dpkg_database)
{
    const char *const names[] = {"status", "info/acme.list", "info/acme.md5sums", NULL};
    const char *const texts[] = {("Package: acme\nStatus: install ok installed\nPriority: optional\nArchitecture: all\n"
                                  "Maintainer: t <t@acme.test>\nVersion: 1.1\n"),
                                 "/.\n/opt\n/opt/acme\n/opt/acme/run\n/opt/acme/lib\n",
                                 "0123456789abcdef0123456789abcdef  opt/acme/run\n"};
    RUN(h, TRN_JOB_DPKG, NULL, bundle_with(names, texts));
    cr_assert_eq(h.s.ends[0].code, 0, "%s", h.s.ends[0].message);
    cr_assert_str_eq(h.text.p, "acme 1.1;");
    cr_assert_eq(h.n[2], 2, "%zu files", h.n[2]);
    cr_assert_eq(h.n[3], 1, "%zu with a sum", h.n[3]);
}

Test(jobs, an_evidence_bundle_that_is_none)
{
    RUN(h, TRN_JOB_EVIDENCE, NULL, content("something else", 14));
    cr_assert_eq(h.s.ends[0].code, -ENOMSG);
    cr_assert_str_eq(h.s.ends[0].message, "it is no evidence bundle");
}

Test(jobs, many_files_come_in_batches)
{
    const size_t lines = 20000;
    struct trn_buf list;
    trn_buf_init(&list, 8 << 20);
    for (size_t i = 0; i < lines; i++)
        trn_put_fmt(&list, "/opt/acme/a/rather/long/folder/name/to/fill/messages/%zu\n", i);
    const char *const names[] = {"status", "info/acme.list", NULL};
    const char *const texts[] = {"Package: acme\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n",
                                 list.p};
    RUN(h, TRN_JOB_DPKG, NULL, bundle_with(names, texts));
    trn_buf_done(&list);
    cr_assert_eq(h.s.ends[0].code, 0, "%s", h.s.ends[0].message);
    cr_assert_eq(h.n[2], lines);
}

Test(jobs, a_manifest)
{
    const char text[] = "{\"name\":\"left-pad\",\"version\":\"1.3.0\"}";
    RUN(h, TRN_JOB_MANIFEST, "package.json", content(text, sizeof(text) - 1));
    cr_assert_eq(h.s.ends[0].code, 0, "%s", h.s.ends[0].message);
    cr_assert_str_eq(h.text.p, "left-pad 1.3.0;");
}

Test(jobs, a_broken_manifest_says_why)
{
    RUN(h, TRN_JOB_MANIFEST, "package.json", content("{\"name\":", 8));
    cr_assert_lt(h.s.ends[0].code, 0);
    cr_assert_neq(h.s.ends[0].code, -EPIPE, "%s", h.s.ends[0].message);
    cr_assert(h.s.ends[0].message[0]);
    cr_assert_eq(h.n[4], 0);
}

Test(jobs, indicators_with_a_bad_line)
{
    const char text[] = "kind,value\ndomain,evil.test\nip,not-an-address\nip,10.9.0.5\n";
    RUN(h, TRN_JOB_INDICATORS, "list.csv", content(text, sizeof(text) - 1));
    cr_assert_eq(h.s.ends[0].code, 0, "%s", h.s.ends[0].message);
    cr_assert_eq(h.n[5], 2);
    cr_assert_eq(h.n[6], 1);
    cr_assert(strstr(h.text.p, "line 3;"), "%s", h.text.p);
    cr_assert(strstr(h.text.p, "1 evil.test;"), "%s", h.text.p);
}

Test(jobs, indicators_of_a_stix_bundle)
{
    const char text[] = "{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[{\"type\":\"indicator\",\"name\":\"n\","
                        "\"pattern_type\":\"stix\",\"pattern\":\"[domain-name:value = 'evil.test']\"}]}";
    RUN(h, TRN_JOB_INDICATORS, "bundle.json", content(text, sizeof(text) - 1));
    cr_assert_eq(h.s.ends[0].code, 0, "%s", h.s.ends[0].message);
    cr_assert_eq(h.n[5], 1, "%s", h.text.p ? h.text.p : "");
}

Test(jobs, a_folder_instead_of_a_file_fails_alone)
{
    int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    RUN(h, TRN_JOB_INDICATORS, "list.csv", dir);
    cr_assert_eq(h.s.ends[0].code, -EISDIR, "%d %s", h.s.ends[0].code, h.s.ends[0].message);
}

Test(jobs, a_policy_in_bytes)
{
    static const char text[] = "mode: protect\nrules:\n- {check: behaviour.beacon, act: isolate}\n";
    RUN(h, TRN_JOB_POLICY, "policy.yaml", content(text, sizeof text - 1));
    cr_assert_eq(h.s.ends[0].code, 0, "%s", h.s.ends[0].message);
    cr_assert_str_eq(h.text.p, "protect, 1 rules;");
}

Test(jobs, a_bad_policy_names_its_line)
{
    static const char text[] = "mode: detect\nrule: x\n";
    RUN(h, TRN_JOB_POLICY, "policy.yaml", content(text, sizeof text - 1));
    cr_assert_eq(h.s.ends[0].code, -EINVAL);
    cr_assert_str_eq(h.text.p, "line 2;");
    cr_expect(strstr(h.s.ends[0].message, "'rule' is no key of a policy"), "%s", h.s.ends[0].message);
}

Test(jobs, a_policy_that_is_too_large)
{
    static char text[TRN_POLICY_FILE_MAX + 1];
    memset(text, '\n', sizeof text);
    RUN(h, TRN_JOB_POLICY, "policy.yaml", content(text, sizeof text));
    cr_assert_eq(h.s.ends[0].code, -EINVAL);
    cr_expect(strstr(h.s.ends[0].message, "larger than 64 KB"), "%s", h.s.ends[0].message);
}
