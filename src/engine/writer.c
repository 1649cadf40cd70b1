/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the queue, the writing store handle and its thread. Must not own: queries (the server has a
 * reading handle of its own), what is worth storing.
 * Hand-off: an item is made by the main thread, owned by the queue, freed by the writing thread once its
 * transaction is committed. While the store refuses, findings, stories and remembered rows are kept (bounded) and
 * written when it is back; plain events are in the log anyway, and only counted.
 */
#include "engine/writer.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>

#define QUEUE_BYTES (4u << 20)
#define COMMIT_NS (200 * TRN_NS_PER_MS)
#define RETRY_NS (5 * TRN_NS_PER_SEC)
#define PRUNE_NS (30 * TRN_NS_PER_SEC)
#define KEEP_BYTES (1u << 20)
#define STORE_NICE 10

enum item_kind { ITEM_EVENT, ITEM_FINDING, ITEM_STORY, ITEM_STATE, ITEM_DECISION };

struct item {
    struct item *next;
    enum item_kind kind;
    size_t n, path_n; /* bytes: encoded form, then the path */
    char bytes[];
};

struct trn_writer {
    char path[4096];
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct item *first, **last;
    size_t queued;
    bool stop;
    uint64_t lost, written;
    char state[400];
    uint64_t bytes;
    /* the writing thread's own */
    struct trn_store *store;
    uint64_t opened_try_ns, committed_ns, pruned_ns;
    struct item *kept, **kept_last; /* what a failing store still owes us */
    size_t kept_bytes;
};

static void set_state(struct trn_writer *w, const char *text)
{
    pthread_mutex_lock(&w->lock);
    snprintf(w->state, sizeof w->state, "%s", text);
    pthread_mutex_unlock(&w->lock);
}

static void open_store(struct trn_writer *w)
{
    struct trn_err err = {0};
    struct trn_str note = TRN_STR_NONE;
    struct trn_arena *arena = trn_arena_new(1u << 20);
    w->opened_try_ns = trn_boot_ns();
    const struct trn_store_options o = {.sz = sizeof o};
    int r = arena ? trn_store_open(w->path, &o, trn_wall_ns(), arena, &w->store, &note, &err) : -ENOMEM;
    char text[400];
    if (r < 0)
        snprintf(text, sizeof text, "off: %s", err.message[0] ? err.message : trn_errno_name(r));
    else
        snprintf(text, sizeof text, "ok%s%.*s", note.n ? ": " : "", TRN_STR_ARG(trn_str_slice(note, 0, 380)));
    set_state(w, text);
    trn_arena_free(arena);
}

/* The store found itself damaged while in use: closing sets it aside, and what comes goes to a new one. */
static void begin_anew(struct trn_writer *w)
{
    w->store = trn_store_close(w->store);
    open_store(w);
    if (w->store)
        set_state(w, "ok: the store was damaged: it is kept beside the new one, as store.db.damaged-*");
}

static int write_story(struct trn_writer *w, struct trn_cursor *in, struct trn_err *err)
{
    struct trn_story *story = calloc(1, sizeof *story); /* too large for a stack */
    int r = story ? trn_story_decode(in, story) : -ENOMEM;
    if (r == 0)
        r = trn_store_story(w->store, story, err);
    free(story);
    return r;
}

static int write_item(struct trn_writer *w, const struct item *it, struct trn_err *err)
{
    struct trn_cursor in = trn_cur(it->bytes, it->n);
    struct trn_str path = it->path_n ? (struct trn_str){it->bytes + it->n, it->path_n} : TRN_STR_NONE;
    struct trn_event ev;
    struct trn_finding f;
    int r;
    switch (it->kind) {
    case ITEM_EVENT:
    case ITEM_STATE:
    case ITEM_DECISION:
        r = trn_event_decode(&in, &ev);
        if (r < 0)
            return r;
        if (it->kind == ITEM_DECISION)
            return trn_store_decide(w->store, &ev, err);
        return it->kind == ITEM_STATE ? trn_store_state(w->store, &ev, err)
                                      : trn_store_encoded(w->store, &ev, (struct trn_str){it->bytes, it->n}, path, err);
    case ITEM_FINDING:
        r = trn_finding_decode(&in, &f);
        return r < 0 ? r : trn_store_finding(w->store, &f, 0, err);
    case ITEM_STORY:
        return write_story(w, &in, err);
    }
    return -EINVAL;
}

static void count(struct trn_writer *w, uint64_t lost, uint64_t written, uint64_t bytes)
{
    pthread_mutex_lock(&w->lock);
    w->lost += lost;
    w->written += written;
    if (bytes)
        w->bytes = bytes;
    pthread_mutex_unlock(&w->lock);
}

static void commit(struct trn_writer *w, uint64_t now)
{
    struct trn_err err = {0};
    int r = trn_store_commit(w->store, &err);
    if (r == 0 && now > w->pruned_ns + PRUNE_NS) {
        w->pruned_ns = now;
        r = trn_store_prune(w->store, trn_wall_ns(), &err);
    }
    w->committed_ns = now;
    if (r == -EUCLEAN) {
        begin_anew(w);
    } else if (r < 0) {
        char text[400];
        snprintf(text, sizeof text, "failing: %s", err.message[0] ? err.message : trn_errno_name(r));
        set_state(w, text);
        w->store = trn_store_close(w->store); /* opened again later; a damaged file is then set aside */
        w->opened_try_ns = now;
    } else {
        count(w, 0, 0, trn_store_bytes(w->store));
    }
}

/* Takes the item: for later, or, when it is a plain event or nothing more fits, as a loss. Returns 1 for a loss. */
static unsigned keep(struct trn_writer *w, struct item *it)
{
    if (it->kind == ITEM_EVENT || w->kept_bytes + it->n > KEEP_BYTES) {
        free(it);
        return 1;
    }
    it->next = NULL;
    w->kept_bytes += it->n;
    *w->kept_last = it;
    w->kept_last = &it->next;
    return 0;
}

/* What was kept goes before what came since. */
static struct item *with_kept(struct trn_writer *w, struct item *batch)
{
    if (!w->store || !w->kept)
        return batch;
    struct item *first = w->kept;
    *w->kept_last = batch;
    w->kept = NULL;
    w->kept_last = &w->kept;
    w->kept_bytes = 0;
    return first;
}

/* One item, once more in a new file when the old one was found damaged. */
static int write_or_begin_anew(struct trn_writer *w, const struct item *it, bool *anew, char *why, size_t size)
{
    struct trn_err err = {0};
    int r = w->store ? write_item(w, it, &err) : -EIO;
    if (r == -EUCLEAN && !*anew) {
        *anew = true;
        begin_anew(w);
        r = w->store ? write_item(w, it, &err) : -EIO;
    }
    if (r == -ENOENT)
        return 0; /* to decide about a story that is not there is no failure of the store */
    if (r < 0 && w->store)
        snprintf(why, size, "failing: %s", err.message[0] ? err.message : trn_errno_name(r));
    return r;
}

static void write_batch(struct trn_writer *w, struct item *batch)
{
    uint64_t lost = 0, written = 0, now = trn_boot_ns();
    bool anew = false; /* once a batch */
    char why[400] = "";
    struct item *settled = NULL, **settled_last = &settled; /* written, not yet committed */
    if (!w->store && now > w->opened_try_ns + RETRY_NS)
        open_store(w);
    batch = with_kept(w, batch);
    while (batch) {
        struct item *it = batch;
        batch = it->next;
        it->next = NULL;
        if (write_or_begin_anew(w, it, &anew, why, sizeof why) < 0) {
            lost += keep(w, it);
            continue;
        }
        written++;
        *settled_last = it;
        settled_last = &it->next;
    }
    if (why[0]) {
        set_state(w, why);
        w->store = trn_store_close(w->store);
        w->opened_try_ns = now;
    }
    if (w->store)
        commit(w, now);
    while (settled) {
        struct item *it = settled;
        settled = it->next;
        if (w->store)
            free(it);
        else
            lost += keep(w, it); /* its transaction is gone */
    }
    count(w, lost, written, 0);
}

static void *writing(void *arg)
{
    struct trn_writer *w = arg;
    (void)setpriority(PRIO_PROCESS, 0, STORE_NICE); /* this thread: detection goes before storing */
    for (;;) {
        pthread_mutex_lock(&w->lock);
        while (!w->first && !w->stop)
            pthread_cond_wait(&w->more, &w->lock);
        bool stop = w->stop;
        pthread_mutex_unlock(&w->lock);
        if (!stop) { /* let a transaction's worth gather */
            struct timespec nap = {.tv_nsec = COMMIT_NS};
            clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
        }
        pthread_mutex_lock(&w->lock);
        struct item *batch = w->first;
        w->first = NULL;
        w->last = &w->first;
        w->queued = 0;
        stop = w->stop;
        pthread_mutex_unlock(&w->lock);
        write_batch(w, batch);
        if (stop)
            return NULL;
    }
}

int trn_writer_new(const char *store_path, struct trn_writer **ret)
{
    struct trn_writer *w = calloc(1, sizeof *w);
    if (!w)
        return -ENOMEM;
    snprintf(w->path, sizeof w->path, "%s", store_path);
    w->last = &w->first;
    w->kept_last = &w->kept;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    open_store(w);
    *ret = w;
    return 0;
}

/* Not in new: until the first item the store's handle is the main thread's (trn_writer_states). Under lock:
 * the serving thread closes stories. */
static int start(struct trn_writer *w)
{
    if (w->started)
        return 0;
    int r = pthread_create(&w->thread, NULL, writing, w);
    w->started = r == 0;
    return -r;
}

struct trn_writer *trn_writer_free(struct trn_writer *w)
{
    if (!w)
        return NULL;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
    if (w->started)
        pthread_join(w->thread, NULL);
    while (w->kept) {
        struct item *it = w->kept;
        w->kept = it->next;
        free(it);
    }
    trn_store_close(w->store);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->more);
    free(w);
    return NULL;
}

int trn_writer_states(struct trn_writer *w, const struct trn_event_sink *sink, struct trn_err *err)
{
    pthread_mutex_lock(&w->lock);
    bool started = w->started;
    pthread_mutex_unlock(&w->lock);
    if (started)
        return -EBUSY;
    return w->store ? trn_store_states(w->store, sink, err) : 0;
}

static void enqueue(struct trn_writer *w, struct item *it, size_t cost)
{
    pthread_mutex_lock(&w->lock);
    if (!it || start(w) < 0 || w->queued + cost > QUEUE_BYTES) {
        w->lost++;
    } else {
        it->next = NULL;
        *w->last = it;
        w->last = &it->next;
        w->queued += cost;
        if (w->first == it)
            pthread_cond_signal(&w->more);
        it = NULL;
    }
    pthread_mutex_unlock(&w->lock);
    free(it); /* what found no room */
}

static struct item *item_new(enum item_kind kind, struct trn_str bytes, struct trn_str path)
{
    struct item *it = malloc(sizeof *it + bytes.n + path.n);
    if (!it)
        return NULL;
    *it = (struct item){.kind = kind, .n = bytes.n, .path_n = path.n};
    memcpy(it->bytes, bytes.p, bytes.n);
    if (path.n)
        memcpy(it->bytes + bytes.n, path.p, path.n);
    return it;
}

static void enqueue_encoded(struct trn_writer *w, enum item_kind kind, struct trn_buf *b, struct trn_str path)
{
    struct item *it = b->bad ? NULL : item_new(kind, trn_buf_str(b), path);
    enqueue(w, it, sizeof *it + b->n + path.n);
    trn_buf_done(b);
}

void trn_writer_event(struct trn_writer *w, struct trn_str encoded, struct trn_str entity_path)
{
    struct item *it = trn_str_is_none(encoded) ? NULL : item_new(ITEM_EVENT, encoded, entity_path);
    enqueue(w, it, sizeof *it + encoded.n + entity_path.n);
}

void trn_writer_state(struct trn_writer *w, const struct trn_event *state)
{
    struct trn_buf b;
    trn_buf_init(&b, 1u << 20);
    trn_event_encode(state, &b);
    enqueue_encoded(w, ITEM_STATE, &b, TRN_STR_NONE);
}

void trn_writer_finding(struct trn_writer *w, const struct trn_finding *f)
{
    struct trn_buf b;
    trn_buf_init(&b, 256u << 10);
    trn_finding_encode(f, &b);
    enqueue_encoded(w, ITEM_FINDING, &b, TRN_STR_NONE);
}

void trn_writer_decision(struct trn_writer *w, const struct trn_event *decision)
{
    struct trn_buf b;
    trn_buf_init(&b, 16384);
    trn_event_encode(decision, &b);
    enqueue_encoded(w, ITEM_DECISION, &b, TRN_STR_NONE);
}

void trn_writer_story(struct trn_writer *w, const struct trn_story *s)
{
    struct trn_buf b;
    trn_buf_init(&b, 4u << 20);
    trn_story_encode(s, &b);
    enqueue_encoded(w, ITEM_STORY, &b, TRN_STR_NONE);
}

void trn_writer_stats(struct trn_writer *w, struct trn_writer_stats *ret)
{
    pthread_mutex_lock(&w->lock);
    *ret =
        (struct trn_writer_stats){.lost = w->lost, .written = w->written, .bytes = w->bytes, .queued_bytes = w->queued};
    memcpy(ret->state, w->state, sizeof ret->state);
    pthread_mutex_unlock(&w->lock);
}
