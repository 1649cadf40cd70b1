/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: how an action's processes and programs get the mark of its rule, and what of that outlives turncoatd: the
 * numbers of the programs, in a->keep. Everything is looked at again: a process by its start and whether it is vital, a
 * program by the file that stands there now. A program that cannot be found any more is left out.
 * Must not own: what the mark takes away (sensor/cut.c), what is tried (isolate.c, shield.c).
 */
#include "response/execute/marked.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINES_MAX 20u /* of a plan, of each kind */
#define KEEP_MAGIC 0x314b4d54u
#define KEEP_PROGRAMS ((TRN_ACT_KEEP_MAX - 16u) / sizeof(struct trn_marked_program))
#define ROOTS_MAX 4u /* other root folders in which a program is looked for */

/* ---- programs ---- */

static uint64_t ctime_of(const struct stat *st)
{
    return (uint64_t)st->st_ctim.tv_sec * TRN_NS_PER_SEC + (uint64_t)st->st_ctim.tv_nsec;
}

static bool is_meant(const struct trn_act_file *f, const struct stat *st)
{
    return S_ISREG(st->st_mode) &&
           (trn_file_key_is_none(&f->key) || (f->key.ino == st->st_ino && f->key.ctime_ns == ctime_of(st)));
}

/* In our own root, then in that of the processes: a container's. O_PATH: nobody is asked. */
static int open_program(const struct trn_act_request *q, const struct trn_act_file *f, struct stat *ret_st)
{
    char path[4096 + 64];

    /* Elsewhere only what is known by its numbers: there somebody else gives out the names. */
    uint32_t others = trn_file_key_is_none(&f->key) ? 0 : TRN_MIN(q->n_processes, ROOTS_MAX);

    for (uint32_t i = 0; i <= others; i++) {
        TRN_AUTO(trn_fd_closep) int fd = -1;

        if (i == 0)
            (void)snprintf(path, sizeof(path), "%.*s", TRN_STR_ARG(f->path));
        else
            (void)snprintf(path, sizeof(path), "/proc/%u/root%.*s", q->processes[i - 1].pid, TRN_STR_ARG(f->path));
        fd = open(path, O_PATH | O_CLOEXEC);
        if (fd >= 0 && fstat(fd, ret_st) == 0 && is_meant(f, ret_st))
            return trn_fd_steal(&fd);
    }
    return -ENOENT;
}

/* 1: it is a program, 0: it is none, or not there any more; -EPERM: vital. */
static int look_at(const struct trn_act_tools *t, const struct trn_act_request *q, const struct trn_act_file *f,
                   struct trn_marked_program *ret, struct trn_err *err)
{
    char path[4096];
    struct stat st;

    if (trn_str_is_none(f->path) || f->path.n == 0 || f->path.n >= sizeof(path) || f->path.p[0] != '/')
        return 0;
    TRN_AUTO(trn_fd_closep) int fd = open_program(q, f, &st);
    if (fd < 0 || !(st.st_mode & 0111))
        return 0;
    (void)snprintf(path, sizeof(path), "%.*s", TRN_STR_ARG(f->path));
    int r = trn_vital_file(t, fd, path, err);
    if (r < 0)
        return r;
    *ret = (struct trn_marked_program){.ino = st.st_ino, .ctime_ns = ctime_of(&st)};
    return 1;
}

/* ---- the plan ---- */

static int plan_processes(const struct trn_act_tools *t, const struct trn_act_request *q, struct trn_buf *plan,
                          uint32_t *ret_n, struct trn_err *err)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < q->n_processes; i++) {
        int fd = trn_process_open(t, &q->processes[i], err);

        if (fd == -ESRCH)
            continue;
        if (fd < 0)
            return fd;
        trn_fd_close(fd);
        if (n++ < LINES_MAX)
            trn_put_fmt(plan, "process %u and its children from now on\n", q->processes[i].pid);
    }
    if (n > LINES_MAX)
        trn_put_fmt(plan, "and %u more processes\n", n - LINES_MAX);
    *ret_n = n;
    return 0;
}

static int plan_programs(const struct trn_act_tools *t, const struct trn_act_request *q, struct trn_buf *plan,
                         uint32_t *ret_n, struct trn_err *err)
{
    struct trn_marked_program one;
    char shown[512];
    uint32_t n = 0;

    for (uint32_t i = 0; i < q->n_files; i++) {
        int r = look_at(t, q, &q->files[i], &one, err);

        if (r < 0)
            return r;
        if (r > 0 && n++ < LINES_MAX)
            trn_put_fmt(plan, "whoever starts '%s'\n", trn_escape_into(shown, sizeof(shown), q->files[i].path));
    }
    if (n > LINES_MAX)
        trn_put_fmt(plan, "and whoever starts one of %u more programs\n", n - LINES_MAX);
    if (n > KEEP_PROGRAMS)
        trn_put_fmt(plan, "after a restart of turncoatd only the first %zu of these programs\n", KEEP_PROGRAMS);
    *ret_n = n;
    return 0;
}

int trn_marked_plan(const struct trn_act_tools *t, const struct trn_act_request *q, struct trn_buf *ret_plan,
                    struct trn_err *err)
{
    uint32_t processes = 0, programs = 0;
    int r;

    if (!t->cut) {
        r = trn_fail(err, -EOPNOTSUPP, "processes cannot be marked here: the kernel refused the programs for it");
        trn_hint(err, "it needs BPF with BTF and Linux 5.11; 'hold' and 'block' may work without");
        return r;
    }
    r = plan_processes(t, q, ret_plan, &processes, err);
    if (r == 0)
        r = plan_programs(t, q, ret_plan, &programs, err);
    if (r < 0)
        return r;
    if (processes + programs == 0) {
        r = trn_fail(err, -ESRCH, "no process of it runs, and no program of it is known that may be marked");
        trn_hint(err, "'turncoat software' lists what is known");
        return r;
    }
    return 0;
}

/* ---- what outlives us ---- */

void trn_marked_put_keep(uint64_t set_boot_ns, const struct trn_marked_program *v, uint32_t n, struct trn_buf *out)
{
    n = TRN_MIN(n, (uint32_t)KEEP_PROGRAMS);
    trn_put_u32(out, KEEP_MAGIC);
    trn_put_u64(out, set_boot_ns);
    trn_put_u32(out, n);
    for (uint32_t i = 0; i < n; i++) {
        trn_put_u64(out, v[i].ino);
        trn_put_u64(out, v[i].ctime_ns);
    }
}

int trn_marked_read_keep(struct trn_str keep, struct trn_marked_keep **ret)
{
    struct trn_cursor c = trn_cur_of(keep);
    struct trn_marked_keep *k;
    uint32_t magic = trn_cur_u32le(&c);
    uint64_t set = trn_cur_u64le(&c);
    uint32_t n = trn_cur_u32le(&c);

    if (c.bad || magic != KEEP_MAGIC || n > KEEP_PROGRAMS)
        return -EBADMSG;
    k = calloc(1, sizeof(*k) + n * sizeof(k->programs[0]));
    if (!k)
        return -ENOMEM;
    *k = (struct trn_marked_keep){.set_boot_ns = set, .n = n};
    for (uint32_t i = 0; i < n; i++) {
        k->programs[i].ino = trn_cur_u64le(&c);
        k->programs[i].ctime_ns = trn_cur_u64le(&c);
    }
    if (!trn_cur_end(&c)) {
        free(k);
        return -EBADMSG;
    }
    *ret = k;
    return 0;
}

/* ---- the rule ---- */

static int put_program(const struct trn_act_tools *t, struct trn_marked *m, const struct trn_marked_program *p,
                       struct trn_err *err)
{
    int r = trn_cut_program(t->cut, m->rule, 0, p->ino, p->ctime_ns);

    if (r != 0)
        return trn_fail(err, r, "cannot mark a program: %s", trn_errno_name(r));
    m->programs++;
    return 0;
}

static int put_processes(const struct trn_act_tools *t, const struct trn_act_request *q, const struct trn_marked *m,
                         struct trn_err *err)
{
    for (uint32_t i = 0; i < q->n_processes; i++) {
        const struct trn_act_process *p = &q->processes[i];
        TRN_AUTO(trn_fd_closep) int fd = trn_process_open(t, p, err);
        int r = fd < 0 ? fd : trn_cut_process(t->cut, m->rule, p->pid, p->start_boot_ns);

        if (r == -ESRCH)
            continue;
        if (r < 0)
            return fd < 0 ? r : trn_fail(err, r, "cannot mark process %u: %s", p->pid, trn_errno_name(r));
    }
    return 0;
}

/* From the request's files; they are gone after a restart, so that their numbers are kept. */
static int put_programs(const struct trn_act_tools *t, struct trn_act *a, struct trn_marked *m, struct trn_err *err)
{
    TRN_AUTO(trn_freep) struct trn_marked_program *v = calloc(KEEP_PROGRAMS, sizeof(*v));
    struct trn_marked_program one;
    struct trn_buf keep;
    int r = 0;

    if (!v)
        return trn_fail(err, -ENOMEM, "cannot mark programs: out of memory");
    for (uint32_t i = 0; r == 0 && i < a->q.n_files; i++) {
        int is = look_at(t, &a->q, &a->q.files[i], &one, err);

        if (is <= 0) {
            r = is;
            continue;
        }
        if (m->programs < KEEP_PROGRAMS)
            v[m->programs] = one;
        r = put_program(t, m, &one, err);
    }
    if (r < 0)
        return r;
    trn_buf_init(&keep, TRN_ACT_KEEP_MAX);
    trn_marked_put_keep(trn_boot_ns(), v, m->programs, &keep);
    a->keep = trn_arena_str(a->arena, trn_buf_str(&keep));
    trn_buf_done(&keep);
    return 0;
}

/* 0: the first time; the moment since which children count, after a restart; TRN_NO_U64: processes are others' now. */
static int put_kept(const struct trn_act_tools *t, const struct trn_act *a, struct trn_marked *m, uint64_t *ret_since,
                    struct trn_err *err)
{
    TRN_AUTO(trn_freep) struct trn_marked_keep *k = NULL;
    int r = trn_marked_read_keep(a->keep, &k);

    if (r < 0)
        return trn_fail(err, r, "cannot read what was kept of action %llu", (unsigned long long)a->id);
    for (uint32_t i = 0; r == 0 && i < k->n; i++)
        r = put_program(t, m, &k->programs[i], err);
    *ret_since = k->set_boot_ns > trn_boot_ns() ? TRN_NO_U64 : TRN_MAX(k->set_boot_ns, UINT64_C(1));
    return r;
}

static int mark_all(const struct trn_act_tools *t, struct trn_act *a, struct trn_marked *m, struct trn_err *err)
{
    uint64_t since = 0;
    int r = 0;

    if (a->resumed)
        r = put_kept(t, a, m, &since, err);
    if (r == 0 && since != TRN_NO_U64)
        r = put_processes(t, &a->q, m, err);
    if (r == 0 && !a->resumed)
        r = put_programs(t, a, m, err);
    if (r == 0)
        r = trn_cut_settle(t->cut, m->rule, since, &m->processes, err);
    if (r == 0 && !a->resumed && m->processes + m->programs == 0)
        r = trn_fail(err, -ESRCH, "no process of it runs any more, and none of its programs is there");
    return r;
}

struct trn_marked *trn_marked_clear(const struct trn_act_tools *t, struct trn_marked *m)
{
    if (m && t->cut)
        trn_cut_rule_clear(t->cut, m->rule);
    free(m);
    return NULL;
}

int trn_marked_set(const struct trn_act_tools *t, struct trn_act *a, unsigned what, const struct trn_cut_host *except,
                   size_t n, struct trn_marked **ret, struct trn_err *err)
{
    struct trn_marked *m = calloc(1, sizeof(*m));
    int r;

    if (!m)
        return trn_fail(err, -ENOMEM, "cannot mark processes: out of memory");
    r = t->cut ? trn_cut_rule_take(t->cut, &m->rule) : -EOPNOTSUPP;
    if (r < 0) {
        free(m);
        r = trn_fail(err, r, "cannot mark processes: %s", r == -ENOSPC ? "63 rules are in force" : trn_errno_name(r));
        trn_hint(err, "undo one: turncoat respond list");
        return r;
    }
    r = trn_cut_rule_set(t->cut, m->rule, what, except, n, err);
    if (r == 0)
        r = mark_all(t, a, m, err);
    if (r < 0) {
        trn_marked_clear(t, m);
        return r;
    }
    *ret = m;
    return 0;
}
