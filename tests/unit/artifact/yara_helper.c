/* SPDX-License-Identifier: Apache-2.0 */
#include "yara_helper.h"
#include "software/software.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int yara_bundle(const struct yara_source *files, size_t n)
{
    int fd = memfd_create("bundle", MFD_CLOEXEC);
    int e = fd < 0 ? -errno : trn_bundle_put_header(fd);
    for (size_t i = 0; e == 0 && i < n; i++) {
        TRN_AUTO(trn_fd_closep) int from = memfd_create("file", MFD_CLOEXEC);
        size_t size = files[i].n ? files[i].n : strlen(files[i].text);
        e = from < 0 ? -errno : trn_write_full(from, files[i].text, size);
        if (e == 0)
            e = trn_bundle_put_file(fd, trn_str_of(files[i].name), from);
    }
    return e < 0 ? e : fd;
}

static void on_bad(void *ctx, struct trn_str file, uint32_t line, struct trn_str why)
{
    struct yara_world *w = ctx;
    size_t n = strlen(w->bad);
    (void)snprintf(w->bad + n, sizeof(w->bad) - n, "%.*s:%u: %.*s\n", TRN_STR_ARG(file), line, TRN_STR_ARG(why));
}

static int on_found(void *ctx, const struct trn_finding *f)
{
    struct yara_world *w = ctx;
    size_t n = strlen(w->found);
    w->n++;
    w->score = f->score;
    (void)snprintf(w->found + n, sizeof(w->found) - n, "%.*s ", TRN_STR_ARG(f->evidence[0].value));
    (void)snprintf(w->summary, sizeof(w->summary), "%.*s", TRN_STR_ARG(f->summary));
    w->evidence[0] = '\0';
    for (uint32_t i = 0; i < f->n_evidence; i++) {
        n = strlen(w->evidence);
        (void)snprintf(w->evidence + n, sizeof(w->evidence) - n, "%.*s=%.*s ", TRN_STR_ARG(f->evidence[i].key),
                       TRN_STR_ARG(f->evidence[i].value));
    }
    return w->refuse;
}

int yara_compile_bundle(struct yara_world *w, int bundle, int cache_in, int cache_out)
{
    struct trn_yara_options o = {sizeof(o), bundle, cache_in, cache_out, on_bad, w};
    w->arena = trn_arena_new(64u << 20);
    int e = trn_yara_compile(&o, &w->rules, &w->err);
    return e < 0 ? e : trn_yara_scanner_new(w->rules, w->milliseconds, &w->scanner, &w->err);
}

int yara_compile(struct yara_world *w, const struct yara_source *files, size_t n, int cache_in, int cache_out)
{
    TRN_AUTO(trn_fd_closep) int bundle = yara_bundle(files, n);
    return bundle < 0 ? bundle : yara_compile_bundle(w, bundle, cache_in, cache_out);
}

int yara_match_source(struct yara_world *w, const struct trn_source *s, const char *name)
{
    struct trn_matcher m = trn_yara_matcher(w->scanner);
    if (!w->artifact.name.p)
        w->artifact.name = trn_str_of(name);
    return m.match(m.ctx, s, &w->artifact, trn_str_of(name), w->deadline_ns ? w->deadline_ns : UINT64_MAX, w->arena,
                   on_found, w);
}

int yara_match(struct yara_world *w, const char *bytes, size_t n, const char *name)
{
    struct trn_source s = trn_source_mem((struct trn_str){bytes, n});
    return yara_match_source(w, &s, name);
}

void yara_done(struct yara_world *w)
{
    trn_yara_scanner_free(w->scanner);
    trn_yara_rules_free(w->rules);
    trn_arena_free(w->arena);
}
