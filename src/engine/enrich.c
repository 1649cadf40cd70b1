/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the questions "what is this file" that are open, from the first sight of an image to the
 * IDENTITY event. Must not own: the indexes (roots.c), the sockets, any parsing.
 *
 * Life of a question: for a script first "which content is there now" (no job); then OPEN to turncoatd ->
 * OPENED (which content) and FACTS from inspect -> owner in the package index, once that is fresh -> for
 * files of no package the nearest manifest -> told.
 * Whatever fails on the way makes the answer poorer, never absent: a name from the path remains.
 */
#include "engine/enrich.h"

#include "channel/channel.h"
#include "engine/roots.h"

#define MAX_QUESTIONS 512
#define MAX_MANIFESTS 3
#define START_WAIT_NS (20 * TRN_NS_PER_SEC)
#define MAX_LOADERS 64
#define VIEWS 64
#define VIEW_NS (100 * TRN_NS_PER_MS)
#define LOOK_ONLY 0              /* kind of an OPEN that wants the content key and no job */
#define RECENT_NS TRN_NS_PER_SEC /* a library checked so recently is not checked again */

enum step { STEP_LOOK, STEP_OPEN, STEP_INDEX, STEP_MANIFEST };

struct question {
    uint64_t job, inode_key; /* inode_key: what `waiting` asks by */
    uint64_t deadline_boot_ns, valid_ctime_ns;
    struct trn_arena *arena;
    struct trn_str path, real_path; /* real: links resolved; where the owner is looked up */
    struct trn_file_key key;
    uint32_t mntns, pid; /* the root is looked up by them each time: it may be evicted meanwhile */
    enum step step;
    bool is_script, opened, ended; /* opened and ended come on different sockets, in any order */
    bool have_facts, have_manifest;
    struct trn_file_facts facts;
    struct trn_software manifest;
    struct trn_str candidates[MAX_MANIFESTS];
    size_t n_candidates, next_candidate;
};

struct trn_enrich {
    struct trn_enrich_options o;
    struct trn_roots *roots;
    struct trn_map *by_job;    /* job -> struct question */
    struct trn_map *by_file;   /* file or path key -> job, while open */
    struct trn_map *libraries; /* path key -> boot time of its last check */
    struct trn_map *loaders;   /* pid -> 1: a dynamic loader that will show by its first mapping what it runs */
    uint64_t next_job, now_boot_ns, now_wall_ns;
    struct {
        uint32_t mntns;
        uint64_t told_boot_ns;
    } view[VIEWS];
    struct trn_enrich_stats stats;
    const struct trn_inspect_sink *others;
    struct trn_buf scratch;
    char *receive; /* TRN_IPC_MAX */
};

static void question_free(struct question *q)
{
    trn_arena_free(q->arena);
    free(q);
}

struct trn_enrich *trn_enrich_free(struct trn_enrich *e)
{
    if (!e)
        return NULL;
    size_t it = 0;
    uint64_t key, value;
    while (e->by_job && trn_map_next(e->by_job, &it, &key, &value))
        question_free((struct question *)(uintptr_t)value);
    trn_map_free(e->by_job);
    trn_map_free(e->by_file);
    trn_map_free(e->libraries);
    trn_map_free(e->loaders);
    trn_roots_free(e->roots);
    trn_buf_done(&e->scratch);
    free(e->receive);
    free(e);
    return NULL;
}

static void enrich_freep(struct trn_enrich **e)
{
    *e = trn_enrich_free(*e);
}

int trn_enrich_new(const struct trn_enrich_options *o, struct trn_enrich **ret)
{
    TRN_AUTO(enrich_freep) struct trn_enrich *e = calloc(1, sizeof *e);
    if (!e)
        return -ENOMEM;
    e->o = *o;
    if (!e->o.max_wait_ns)
        e->o.max_wait_ns = 2 * TRN_NS_PER_SEC;
    e->next_job = trn_run_job(o->run, TRN_CH_FIRST_ENGINE_JOB);
    trn_buf_init(&e->scratch, 8192);
    e->by_job = trn_map_new(MAX_QUESTIONS);
    e->by_file = trn_map_new(MAX_QUESTIONS);
    e->libraries = trn_map_new(1024);
    e->loaders = trn_map_new(MAX_LOADERS);
    e->receive = malloc(TRN_IPC_MAX);
    if (!e->by_job || !e->by_file || !e->libraries || !e->loaders || !e->receive)
        return -ENOMEM;
    int r = trn_roots_new(&(struct trn_roots_options){o->files_sock, o->mntns, o->run, o->tell}, &e->roots);
    if (r < 0)
        return r;
    if (!trn_roots_get(e->roots, 0, 0, 0)) /* ours, from the start */
        return -ENOMEM;
    *ret = TRN_STEAL(e);
    return 0;
}

static struct trn_root *root_of(const struct trn_enrich *e, const struct question *q)
{
    return trn_roots_find(e->roots, q->mntns);
}

static const struct trn_package_index *index_of(const struct trn_enrich *e, const struct question *q)
{
    const struct trn_root *root = root_of(e, q);
    return root ? trn_root_index(root) : NULL;
}

static int send_open(struct trn_enrich *e, const struct question *q, uint64_t job, unsigned kind, struct trn_str path)
{
    struct trn_open_request o = {.job = job, .kind = (uint16_t)kind, .path = path};
    const struct trn_root *root = root_of(e, q);
    o.pid = root && trn_root_is_ours(root) && (q->is_script || kind == TRN_JOB_MANIFEST) ? 0 : q->pid;
    o.image = kind == TRN_JOB_FACTS && !q->is_script && q->pid != 0;
    if (kind != TRN_JOB_MANIFEST)
        o.want = q->key;
    trn_buf_clear(&e->scratch);
    trn_open_encode(&o, &e->scratch);
    if (e->scratch.bad)
        return -EMSGSIZE;
    return trn_ipc_send(e->o.files_sock, TRN_CH_OPEN, trn_buf_str(&e->scratch), NULL, 0);
}

static void forget(struct trn_enrich *e, struct question *q)
{
    trn_map_remove(e->by_job, q->job, NULL);
    trn_map_remove(e->by_file, q->inode_key, NULL);
    question_free(q);
}

static void tell(struct trn_enrich *e, struct question *q)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_IDENTITY);
    ev.boot_ns = e->now_boot_ns;
    ev.mntns = q->mntns;
    ev.identity.file = q->key;
    ev.identity.path = q->path;
    trn_identify(index_of(e, q), q->real_path, q->have_facts ? &q->facts : NULL, q->have_manifest ? &q->manifest : NULL,
                 q->arena, &ev.identity.id);
    ev.identity.id.mntns = q->mntns;
    e->stats.told++;
    if (trn_sink_event(&e->o.tell, &ev) < 0)
        e->stats.failed++;
    forget(e, q);
}

static bool ask_next_manifest(struct trn_enrich *e, struct question *q)
{
    while (q->next_candidate < q->n_candidates) {
        struct trn_str path = q->candidates[q->next_candidate++];
        if (send_open(e, q, q->job, TRN_JOB_MANIFEST, path) == 0)
            return true;
    }
    return false;
}

/* Goes on as far as it can with what is known now. */
static void proceed(struct trn_enrich *e, struct question *q)
{
    if (q->step == STEP_LOOK || q->step == STEP_OPEN)
        return;
    if (q->step == STEP_INDEX) {
        struct trn_root *root = root_of(e, q);
        if (root && !trn_root_fresh(e->roots, root, q->valid_ctime_ns))
            return; /* asked; tick looks again */
        struct trn_owner owner;
        const struct trn_package_index *index = index_of(e, q);
        if (!index || !trn_package_index_find(index, q->real_path, &owner)) {
            q->n_candidates = trn_manifest_candidates(q->real_path, q->arena, q->candidates, MAX_MANIFESTS);
            q->step = STEP_MANIFEST;
            if (ask_next_manifest(e, q))
                return;
        }
    }
    if (q->step == STEP_MANIFEST && !q->have_manifest && q->next_candidate < q->n_candidates)
        return;
    tell(e, q);
}

/* At the start all that runs is asked about at once, and the package database is read: a slow machine is no reason to call
 * for good what a package owns unowned. Nothing waits for it: the recorder has a limit of its own. */
static uint64_t max_wait(const struct trn_enrich *e)
{
    const struct trn_root *ours = trn_roots_find(e->roots, 0);
    return ours && !trn_root_answered(ours) ? TRN_MAX(START_WAIT_NS, e->o.max_wait_ns) : e->o.max_wait_ns;
}

static struct question *question_new(struct trn_enrich *e, uint64_t key, const struct trn_event *ev,
                                     struct trn_str path)
{
    struct question *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    q->arena = trn_arena_new(64 << 10);
    q->job = e->next_job++;
    q->inode_key = key;
    q->deadline_boot_ns = e->now_boot_ns + max_wait(e);
    q->mntns = ev->mntns;
    q->pid = ev->pid == TRN_NO_U32 ? 0 : ev->pid;
    const struct trn_root *root = trn_roots_get(e->roots, ev->mntns, q->pid, e->now_boot_ns);
    if (q->arena)
        q->path = q->real_path = trn_arena_str(q->arena, path);
    if (!q->arena || !root || trn_str_is_none(q->path) || trn_map_put_ptr(e->by_job, q->job, q) < 0) {
        question_free(q);
        return NULL;
    }
    if (trn_map_put(e->by_file, key, q->job) < 0) {
        forget(e, q);
        return NULL;
    }
    return q;
}

static void ask(struct trn_enrich *e, uint64_t key, const struct trn_event *ev, struct trn_str path,
                const struct trn_file_key *want, bool is_script)
{
    if (path.n == 0 || path.p[0] != '/' || trn_map_get(e->by_file, key, NULL))
        return;
    struct question *q = question_new(e, key, ev, path);
    if (!q) {
        e->stats.refused++;
        return;
    }
    q->is_script = is_script;
    if (want)
        q->key = *want;
    q->valid_ctime_ns = q->key.ctime_ns;
    e->stats.asked++;
    q->step = is_script ? STEP_LOOK : STEP_OPEN;
    if (send_open(e, q, q->job, is_script ? LOOK_ONLY : TRN_JOB_FACTS, path) < 0) {
        e->stats.failed++;
        q->step = STEP_INDEX;
        proceed(e, q);
    }
}

static uint64_t path_key(uint32_t mntns, struct trn_str path)
{
    return trn_hash64_mix(trn_hash64_str(path), mntns);
}

/* Makes room by forgetting one. */
static void remember(struct trn_map *m, uint64_t key, uint64_t value)
{
    size_t it = 0;
    uint64_t other;
    if (trn_map_put(m, key, value) == -ENOSPC && trn_map_next(m, &it, &other, NULL))
        trn_map_remove(m, other, NULL);
}

/* What only that mount namespace shows is turncoatd's to watch; each is named now and then, by who execs there. */
static void tell_view(struct trn_enrich *e, const struct trn_event *exec)
{
    size_t at = exec->mntns % VIEWS;
    bool same = e->view[at].mntns == exec->mntns;
    if (exec->mntns == 0 || exec->mntns == e->o.mntns || exec->pid == TRN_NO_U32 ||
        (same && e->now_boot_ns < e->view[at].told_boot_ns + VIEW_NS))
        return;
    e->view[at].mntns = exec->mntns;
    e->view[at].told_boot_ns = e->now_boot_ns;
    trn_buf_clear(&e->scratch);
    trn_view_encode(&(struct trn_view_request){exec->pid}, &e->scratch);
    if (e->scratch.bad || trn_ipc_send(e->o.files_sock, TRN_CH_VIEW, trn_buf_str(&e->scratch), NULL, 0) < 0)
        e->stats.failed++;
}

void trn_enrich_exec(struct trn_enrich *e, const struct trn_event *exec)
{
    const struct trn_file_key *k = &exec->exec.file;
    tell_view(e, exec);
    if (!trn_file_key_is_none(k) && !trn_process_identity(e->o.processes, k))
        ask(e, trn_file_key_hash(k), exec, exec->exec.path, k, false);
    trn_map_remove(e->loaders, exec->pid, NULL);
    if (trn_str_is_empty(exec->exec.script)) {
        if (trn_is_loader(exec->exec.path))
            remember(e->loaders, exec->pid, 1);
        return;
    }
    ask(e, path_key(exec->mntns, exec->exec.script), exec, exec->exec.script, NULL, true);
}

void trn_enrich_library(struct trn_enrich *e, const struct trn_event *load)
{
    const struct trn_root *root = trn_roots_find(e->roots, load->mntns); /* the exec before it made it known */
    struct trn_owner owner;
    uint64_t key = path_key(load->mntns, load->map.path), checked;
    if (trn_map_remove(e->loaders, load->pid, NULL)) {
        ask(e, key, load, load->map.path, NULL, true); /* no library: the program that the loader was told to run */
        return;
    }
    if (!root || !trn_root_index(root) || trn_package_index_find(trn_root_index(root), load->map.path, &owner))
        return; /* a packaged library is its package's; what changed it shows as a file event */
    if (trn_map_get(e->libraries, key, &checked) && checked + RECENT_NS > e->now_boot_ns)
        return;
    remember(e->libraries, key, e->now_boot_ns);
    ask(e, key, load, load->map.path, NULL, true);
}

bool trn_enrich_waiting(const struct trn_enrich *e, const struct trn_event *exec)
{
    if (!exec || trn_map_count(e->by_file) == 0)
        return trn_map_count(e->by_file) > 0;
    if (trn_map_get(e->by_file, trn_file_key_hash(&exec->exec.file), NULL))
        return true;
    return !trn_str_is_empty(exec->exec.script) &&
           trn_map_get(e->by_file, path_key(exec->mntns, exec->exec.script), NULL);
}

void trn_enrich_database_changed(struct trn_enrich *e, struct trn_str by)
{
    trn_roots_changed(e->roots, by);
}

static struct question *question_of(struct trn_enrich *e, uint64_t job)
{
    return trn_map_get_ptr(e->by_job, job);
}

/* The same content was identified before: said again, since each image takes its script's identity from the order. */
static void tell_again(struct trn_enrich *e, struct question *q, const struct trn_identity *known)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_IDENTITY);
    ev.boot_ns = e->now_boot_ns;
    ev.mntns = q->mntns;
    ev.identity = (struct trn_ev_identity){.file = q->key, .path = q->path, .id = *known};
    e->stats.told++;
    if (trn_sink_event(&e->o.tell, &ev) < 0)
        e->stats.failed++;
    forget(e, q);
}

static void on_failed(struct trn_enrich *e, const struct trn_failed *f)
{
    if (trn_roots_failed(e->roots, f->job, f->code))
        return;
    struct question *q = question_of(e, f->job);
    if (!q)
        return;
    e->stats.failed++;
    if (q->step == STEP_MANIFEST) {
        if (!ask_next_manifest(e, q))
            tell(e, q);
        return;
    }
    if (q->is_script && trn_file_key_is_none(&q->key)) {
        forget(e, q); /* not a file of that name: nothing to say */
        return;
    }
    q->step = STEP_INDEX;
    proceed(e, q);
}

static void on_opened(struct trn_enrich *e, const struct trn_opened *o)
{
    struct question *q = question_of(e, o->job);
    if (q && q->step == STEP_LOOK) {
        q->key = o->key;
        if (!trn_str_is_empty(o->path))
            q->real_path = trn_arena_str(q->arena, o->path);
        const struct trn_identity *known = trn_process_identity(e->o.processes, &q->key);
        q->step = STEP_OPEN;
        if (known)
            tell_again(e, q, known);
        else if (send_open(e, q, q->job, TRN_JOB_FACTS, q->path) < 0)
            on_failed(e, &(struct trn_failed){.job = o->job, .code = -EAGAIN});
        return;
    }
    if (!q || q->step != STEP_OPEN)
        return;
    q->valid_ctime_ns = TRN_MAX(o->key.ctime_ns, q->key.ctime_ns);
    q->opened = true;
    if (q->ended) {
        q->step = STEP_INDEX;
        proceed(e, q);
    }
}

static int one_answer(struct trn_enrich *e, struct trn_msg *m)
{
    struct trn_opened opened;
    struct trn_failed failed;
    struct trn_dpkg_answer dpkg;
    int r;
    switch (m->type) {
    case TRN_CH_OPENED:
        r = trn_opened_decode(&m->body, &opened);
        if (r == 0)
            on_opened(e, &opened);
        return r;
    case TRN_CH_FAILED:
        r = trn_failed_decode(&m->body, &failed);
        if (r == 0)
            on_failed(e, &failed);
        return r;
    case TRN_CH_DPKG_STAMP:
    case TRN_CH_DPKG_SAME:
        r = trn_dpkg_answer_decode(&m->body, &dpkg);
        if (r == 0)
            trn_roots_answer(e->roots, dpkg.job, dpkg.stamp, m->type == TRN_CH_DPKG_SAME);
        return r;
    default:
        return -EPROTO;
    }
}

/* Receives until nothing is left; each message goes to fn. */
static int drain(struct trn_enrich *e, int sock, int (*fn)(struct trn_enrich *, struct trn_msg *))
{
    for (int i = 0; i < 1024; i++) { /* bounded, so that one talker does not starve the loop */
        struct trn_msg m;
        int r = trn_ipc_recv(sock, e->receive, TRN_IPC_MAX, &m);
        if (r == -EAGAIN)
            return 0;
        if (r < 0)
            return r;
        r = fn(e, &m);
        trn_msg_done(&m);
        if (r < 0)
            return r;
    }
    return 0;
}

int trn_enrich_read_answers(struct trn_enrich *e)
{
    return drain(e, e->o.files_sock, one_answer);
}

static int on_facts(void *ctx, uint64_t job, const struct trn_file_facts *f)
{
    struct trn_enrich *e = ctx;
    struct question *q = question_of(e, job);
    if (!q || q->step != STEP_OPEN || q->have_facts)
        return 0;
    q->facts = *f;
    q->facts.kind = trn_arena_str(q->arena, f->kind);
    q->facts.build_id = trn_arena_str(q->arena, f->build_id);
    q->facts.interpreter = trn_arena_str(q->arena, f->interpreter);
    q->have_facts = true;
    return 0;
}

static int on_software(void *ctx, uint64_t job, const struct trn_software *s)
{
    struct trn_enrich *e = ctx;
    struct question *q = question_of(e, job);
    if (!q || q->step != STEP_MANIFEST || q->have_manifest)
        return 0;
    q->manifest = *s;
    q->manifest.name = trn_arena_str(q->arena, s->name);
    q->manifest.version = trn_arena_str(q->arena, s->version);
    q->manifest.signer = trn_arena_str(q->arena, s->signer);
    if (trn_str_is_empty(q->manifest.name) && s->origin == TRN_ORIGIN_PYTHON && q->next_candidate > 0)
        /* A venv without a prompt is named by its folder, which the worker does not see. */
        q->manifest.name = trn_path_base(trn_path_dir(q->candidates[q->next_candidate - 1]));
    q->have_manifest = !trn_str_is_empty(q->manifest.name);
    return 0;
}

static int on_package(void *ctx, uint64_t job, uint32_t index, const struct trn_package *p)
{
    struct trn_enrich *e = ctx;
    trn_roots_package(e->roots, job, index, p);
    return 0;
}

static int on_file(void *ctx, uint64_t job, uint32_t package, struct trn_str path, const uint8_t *md5)
{
    struct trn_enrich *e = ctx;
    trn_roots_file(e->roots, job, package, path, md5);
    return 0;
}

static int on_indicator(void *ctx, uint64_t job, const struct trn_indicator *i)
{
    struct trn_enrich *e = ctx;
    return e->others && e->others->indicator ? e->others->indicator(e->others->ctx, job, i) : 0;
}

static int on_bad_line(void *ctx, uint64_t job, uint64_t line, struct trn_str why)
{
    struct trn_enrich *e = ctx;
    return e->others && e->others->bad_line ? e->others->bad_line(e->others->ctx, job, line, why) : 0;
}

static int on_end(void *ctx, uint64_t job, int code, struct trn_str message)
{
    struct trn_enrich *e = ctx;
    if (trn_roots_end(e->roots, job, code))
        return 0;
    struct question *q = question_of(e, job);
    if (!q)
        return e->others && e->others->end ? e->others->end(e->others->ctx, job, code, message) : 0;
    if (code < 0)
        e->stats.failed++;
    if (q->step == STEP_OPEN) {
        q->ended = true;
        if (q->opened) {
            q->step = STEP_INDEX;
            proceed(e, q);
        }
    } else if (q->step == STEP_MANIFEST) {
        if (q->have_manifest || !ask_next_manifest(e, q))
            tell(e, q);
    }
    return 0;
}

void trn_enrich_inspect_lost(struct trn_enrich *e)
{
    trn_roots_inspect_lost(e->roots);
    size_t it = 0;
    uint64_t job, value;
    while (trn_map_next(e->by_job, &it, &job, &value)) {
        struct question *q = (struct question *)(uintptr_t)value;
        if (q->step == STEP_OPEN && !q->ended && send_open(e, q, job, TRN_JOB_FACTS, q->path) < 0)
            e->stats.failed++; /* its deadline ends it */
    }
}

static int one_result(struct trn_enrich *e, struct trn_msg *m)
{
    const struct trn_inspect_sink sink = {.facts = on_facts,
                                          .package = on_package,
                                          .file = on_file,
                                          .software = on_software,
                                          .indicator = on_indicator,
                                          .bad_line = on_bad_line,
                                          .end = on_end,
                                          .ctx = e};
    int r = trn_inspect_decode(m, &sink);
    if (r == -EPROTO) { /* a worker that was taken over: its message is dropped, its question runs into its deadline */
        e->stats.malformed++;
        return 0;
    }
    return r;
}

int trn_enrich_read_results(struct trn_enrich *e, const struct trn_inspect_sink *others)
{
    e->others = others;
    int r = drain(e, e->o.results_sock, one_result);
    e->others = NULL;
    return r;
}

int trn_enrich_tick(struct trn_enrich *e, uint64_t now_boot_ns, uint64_t now_wall_ns)
{
    e->now_boot_ns = now_boot_ns;
    e->now_wall_ns = now_wall_ns;
    trn_roots_tick(e->roots, now_boot_ns, now_wall_ns);
    size_t it = 0;
    uint64_t job, value;
    while (trn_map_next(e->by_job, &it, &job, &value)) {
        struct question *q = (struct question *)(uintptr_t)value;
        if (q->deadline_boot_ns < now_boot_ns) {
            e->stats.given_up++;
            tell(e, q); /* with what there is */
        } else if (q->step == STEP_INDEX) {
            proceed(e, q);
        }
    }
    return 0;
}

const struct trn_package_index *trn_enrich_packages(const struct trn_enrich *e)
{
    return trn_root_index(trn_roots_find(e->roots, 0));
}

void trn_enrich_stats(const struct trn_enrich *e, struct trn_enrich_stats *ret)
{
    *ret = e->stats;
    ret->pending = trn_map_count(e->by_job);
    ret->reindexed = trn_roots_reindexed(e->roots);
    ret->packages_read = trn_root_answered(trn_roots_find(e->roots, 0));
    ret->bytes = sizeof *e + TRN_IPC_MAX + trn_map_bytes(e->by_job) + trn_map_bytes(e->by_file) +
                 trn_map_bytes(e->libraries) + trn_map_bytes(e->loaders) + trn_roots_bytes(e->roots);
}
