/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: loads as many of the BPF programs as this kernel takes, and says of each other one why
 * not. Chooses between the two objects (docs/adr/0011) by what the kernel can do, never by its
 * version. Must not attach anything, and knows nothing of what the programs are for.
 *
 *   what the kernel does not have at all ── lacks.c, before anything is loaded
 *   refusals ── an object loads as a whole or not at all: the verifier's words say which program it
 *               was, that one is tried alone to be sure, and the rest is loaded without it
 */
#include "sensor/load.h"
#include "sensor/hook.h"

#include <stdio.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "sensor/skeleton.h"

#define WORDS 8192u     /* of the verifier about one program, when it is not asked for its steps */
#define ONLY_THE_END 4u /* BPF_LOG_STATS: errors and a summary, without the steps */

/* One of the objects, as far as it got. */
struct attempt {
    struct trn_bpf *bpf;
    size_t refused;
    size_t forbidden; /* of them: before the verifier saw them, for a right that we lack */
    bool out[TRN_PROGRAMS_MAX];
    char why[TRN_PROGRAMS_MAX][160];
    char words[TRN_PROGRAMS_MAX][WORDS];
};

static void attempt_freep(struct attempt **a)
{
    if (!*a)
        return;
    trn_bpf__destroy((*a)->bpf);
    free(*a);
}

static void find_missing(const struct trn_load *l, const struct btf *kernel, struct attempt *a)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct bpf_program *p = l->program_of(l->ctx, a->bpf, i);

        a->out[i] = p && trn_kernel_lacks(kernel, p, a->why[i], sizeof(a->why[i]));
    }
}

bool trn_load_needs_compat(void)
{
    return libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_loop, NULL) == 0;
}

/* ---- which program was refused ---- */

static bool is_summary(struct trn_str line)
{
    static const char *const summaries[] = {"verification time ", "stack depth ", "processed ", "insns processed "};

    for (size_t i = 0; i < TRN_ARRAY_SIZE(summaries); i++) {
        if (trn_str_starts(line, trn_str_of(summaries[i])))
            return true;
    }
    return line.n == 0;
}

/* The verifier's last words before its summary; it says nothing else when it is content. */
static struct trn_str last_words(const char *words)
{
    struct trn_str last = {0};

    while (*words) {
        size_t n = strcspn(words, "\n");
        struct trn_str line = {words, n};

        if (!is_summary(line))
            last = line;
        words += n + (words[n] == '\n');
    }
    return last;
}

static void explain(struct attempt *a, size_t i, int r)
{
    struct trn_str last = last_words(a->words[i]);
    size_t n = (size_t)snprintf(a->why[i], sizeof(a->why[i]), "the kernel refused to load it: %s", trn_errno_name(r));

    if (last.n > 0)
        (void)snprintf(a->why[i] + n, sizeof(a->why[i]) - n, ", %.*s", (int)last.n, last.p);
    for (char *c = a->why[i]; *c; c++) {
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
            *c = '\'';
    }
}

/* Opens and loads the object without what is out, or with one program only; words: the verifier's are kept. */
static int try_load(const struct trn_load *l, struct attempt *a, bool compat, size_t only, bool words)
{
    trn_bpf__destroy(a->bpf);
    a->bpf = l->open(l->ctx, compat);
    if (!a->bpf)
        return -errno;
    for (size_t i = 0; i < l->n; i++) {
        struct bpf_program *p = l->program_of(l->ctx, a->bpf, i);

        a->words[i][0] = '\0';
        if (!p)
            continue;
        (void)bpf_program__set_autoload(p, only < l->n ? i == only : !a->out[i]);
        if (words) {
            (void)bpf_program__set_log_level(p, ONLY_THE_END);
            (void)bpf_program__set_log_buf(p, a->words[i], WORDS);
        }
    }
    return trn_bpf__load(a->bpf);
}

static size_t row_of(const struct trn_load *l, const struct attempt *a, const struct bpf_program *p)
{
    size_t i = 0;

    while (i < l->n && l->program_of(l->ctx, a->bpf, i) != p)
        i++;
    return i;
}

/* Programs are loaded in the object's order, up to the first refusal. Who was refused before the verifier saw it has
 * left no words, so it is the one after the last that did. */
static size_t suspect(const struct trn_load *l, const struct attempt *a)
{
    struct bpf_program *p;
    size_t last = l->n;
    bool next = true;

    bpf_object__for_each_program(p, a->bpf->obj)
    {
        size_t i = row_of(l, a, p);

        if (!bpf_program__autoload(p) || i == l->n)
            continue;
        if (a->words[i][0] == '\0') {
            if (next)
                last = i;
            next = false;
        } else {
            next = last_words(a->words[i]).n == 0;
            last = i;
        }
    }
    return last;
}

/* Takes it out if it cannot be loaded alone either. */
static bool try_alone(const struct trn_load *l, struct attempt *a, bool compat, size_t i)
{
    int r;

    if (i >= l->n || a->out[i])
        return false;
    r = try_load(l, a, compat, i, false); /* without words: their buffer may be too small, which is a refusal too */
    if (r == 0)
        return false;
    (void)try_load(l, a, compat, i, true);
    a->out[i] = true;
    a->refused++;
    a->forbidden += r == -EPERM && last_words(a->words[i]).n == 0;
    explain(a, i, r);
    return true;
}

/* Loads what goes; a->refused counts what the kernel has the means for and refuses. */
static int load_most(const struct trn_load *l, struct attempt *a, bool compat)
{
    int r = try_load(l, a, compat, SIZE_MAX, false);

    if (r == 0 || ((r == -EPERM || r == -EACCES) && geteuid() != 0))
        return r;
    if (try_load(l, a, compat, SIZE_MAX, true) != 0 && try_alone(l, a, compat, suspect(l, a))) {
        r = try_load(l, a, compat, SIZE_MAX, false);
        if (r == 0)
            return 0;
    }
    for (size_t i = 0; i < l->n; i++) /* more than one, or it left no trace: each by itself */
        (void)try_alone(l, a, compat, i);
    return try_load(l, a, compat, SIZE_MAX, false);
}

static int attempt(const struct trn_load *l, const struct btf *kernel, bool compat, struct attempt **ret,
                   struct trn_err *err)
{
    TRN_AUTO(attempt_freep) struct attempt *a = calloc(1, sizeof(*a));
    int r;

    if (!a)
        return trn_fail(err, -ENOMEM, "cannot load the BPF programs: out of memory");
    a->bpf = l->open(l->ctx, compat);
    if (!a->bpf)
        return trn_fail(err, -errno, "cannot read the BPF programs: %s", trn_errno_name(-errno));
    find_missing(l, kernel, a);
    r = load_most(l, a, compat);
    if ((r == -EPERM || r == -EACCES) && geteuid() != 0) {
        r = trn_fail(err, r, "cannot load the BPF programs: not root");
        trn_hint(err, "start turncoatd as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN");
        return r;
    }
    if (r != 0)
        return trn_fail(err, r, "cannot load the BPF programs: %s", trn_errno_name(r));
    *ret = a;
    a = NULL;
    return 0;
}

static void btf_freep(struct btf **b)
{
    btf__free(*b);
}

int trn_load(struct trn_load *l, struct trn_bpf **ret, struct trn_err *err)
{
    TRN_AUTO(btf_freep) struct btf *kernel = btf__load_vmlinux_btf();
    TRN_AUTO(attempt_freep) struct attempt *first = NULL, *second = NULL;
    struct attempt *best;
    int r;

    if (!kernel) {
        r = trn_fail(err, -ENOTSUP, "cannot load the BPF programs: this kernel has no BTF");
        trn_hint(err, "use a kernel with CONFIG_DEBUG_INFO_BTF (Debian's have it)");
        return r;
    }
    r = attempt(l, kernel, l->compat, &first, err);
    if (!first)
        return r;
    best = first;
    if (first->refused > first->forbidden && !l->compat)
        (void)!attempt(l, kernel, true, &second, NULL);
    if (second && second->refused < first->refused) {
        best = second;
        l->compat = true;
    }
    for (size_t i = 0; i < l->n; i++) {
        if (best->out[i])
            trn_hook_set(&l->hooks[i], TRN_HOOK_OFF, "%s", best->why[i]);
    }
    *ret = best->bpf;
    best->bpf = NULL;
    return 0;
}
