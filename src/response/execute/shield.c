/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the act shield: browser stores, keys, wallets are refused to one software; everybody else opens them as before.
 * The kernel asks at each open (sensor/shield.h), the mark answers (sensor/cut.h). What is open already stays open.
 * Must not own: what is sensitive (sensor/sensitive.c), who may ask (executor.c).
 */
#include "response/execute/marked.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* Refused to the marked as a sensitive file is; holds nothing. */
#define PROBE "shield-probe"

struct live {
    struct trn_marked *marked;
    bool holds;
};

static int none_here(struct trn_err *err)
{
    int r = trn_fail(err, -EOPNOTSUPP, "files cannot be shielded here: there are no marks or no permission events");
    trn_hint(err, "it needs BPF with BTF, Linux 5.11 and fanotify permission events; 'hold' works without");
    return r;
}

static int plan(const struct trn_act_tools *t, const struct trn_act_request *q, struct trn_buf *ret_plan,
                struct trn_err *err)
{
    struct trn_shield_places places;
    int r;

    if (!t->cut || !t->shield)
        return none_here(err);
    trn_put_c(ret_plan, "sensitive files are refused to:\n");
    r = trn_marked_plan(t, q, ret_plan, err);
    if (r == 0)
        r = trn_shield_look(t->shield, &places, err);
    if (r == 0)
        trn_put_fmt(ret_plan,
                    "these are %zu files in %zu folders now (browser stores, keys, wallets), and what comes to be "
                    "there; what it has open already stays open\n",
                    places.files, places.folders);
    return r;
}

static void free_live(const struct trn_act_tools *t, struct live *l)
{
    if (l->holds)
        trn_shield_release(t->shield);
    trn_marked_clear(t, l->marked);
    free(l);
}

static int carry_out(const struct trn_act_tools *t, struct trn_act *a, struct trn_shield_places *ret_places,
                     struct live **ret, struct trn_err *err)
{
    struct live *l = calloc(1, sizeof(*l));
    int r;

    if (!l)
        return trn_fail(err, -ENOMEM, "cannot shield files: out of memory");
    r = t->cut && t->shield ? trn_shield_hold(t->shield, ret_places, err) : none_here(err);
    if (r == 0) {
        l->holds = true;
        r = trn_marked_set(t, a, TRN_CUT_DATA, NULL, 0, &l->marked, err);
    }
    if (r != 0) {
        free_live(t, l);
        return r;
    }
    *ret = l;
    return 0;
}

static int act(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_did, struct trn_err *err)
{
    struct trn_shield_places places = {0};
    struct live *l = NULL;
    int r = carry_out(t, a, &places, &l, err);

    if (!l)
        return r;
    a->live = l;
    trn_put_fmt(ret_did, "%zu sensitive files in %zu folders are refused to %u process%s and %u program%s",
                places.files, places.folders, l->marked->processes, l->marked->processes == 1 ? "" : "es",
                l->marked->programs, l->marked->programs == 1 ? "" : "s");
    if (places.failed > 0)
        trn_put_fmt(ret_did, "; %zu folders could not be watched", places.failed);
    return 0;
}

static int resume(const struct trn_act_tools *t, struct trn_act *a, struct trn_err *err)
{
    struct trn_shield_places places;
    struct live *l = NULL;
    int r = carry_out(t, a, &places, &l, err);

    if (r == 0)
        a->live = l;
    return r;
}

/* ---- check ---- */

struct tries {
    char probe[PATH_MAX], example[PATH_MAX];
};

static int32_t try_open(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), code = fd < 0 ? errno : 0;

    (void)close(fd);
    return code;
}

static void try_both(const void *arg, int32_t results[TRN_TRY_MAX])
{
    const struct tries *w = arg;

    results[0] = try_open(w->probe);
    results[1] = w->example[0] ? try_open(w->example) : EPERM;
}

/* Only what nobody misses is opened by who may. */
static void try_probe(const void *arg, int32_t results[TRN_TRY_MAX])
{
    const struct tries *w = arg;

    results[0] = try_open(w->probe);
}

static int watch_probe(const struct trn_act_tools *t, struct tries *w, struct trn_err *err)
{
    TRN_AUTO(trn_fd_closep)
    int fd = openat(t->response_fd, PROBE, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);

    if (fd < 0)
        return trn_fail(err, -errno, "cannot make '%s' in the response folder: %s", PROBE, trn_errno_name(-errno));
    (void)snprintf(w->probe, sizeof(w->probe), "%s/response/%s", t->state_dir, PROBE);
    return trn_shield_watch(t->shield, fd, err);
}

static int check(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_seen, struct trn_err *err)
{
    const struct live *l = a->live;
    int32_t marked[TRN_TRY_MAX] = {0}, other[TRN_TRY_MAX] = {0};
    struct tries w = {.probe = ""};
    uint64_t before = trn_shield_refused(t->shield);
    const char *trouble = trn_cut_trouble(t->cut);
    int r =
        trouble ? trn_fail(err, -EPROTO, "it does not hold: a hook of it was %s", trouble) : watch_probe(t, &w, err);

    if (r == 0 && !trn_shield_example(t->shield, w.example, sizeof(w.example)))
        w.example[0] = '\0';
    if (r == 0)
        r = trn_marked_try(t, l->marked->rule, try_both, &w, marked, err);
    if (r == 0)
        r = trn_marked_try(t, 0, try_probe, &w, other, err);
    if (r < 0)
        return r;
    if (marked[0] != EPERM)
        return trn_fail(err, -EPROTO, "it does not hold: a marked process opened a file that is refused to it (%s)",
                        trn_errno_name(-marked[0]));
    if (marked[1] != EPERM && marked[1] != ENOENT)
        return trn_fail(err, -EPROTO, "it does not hold: a marked process opened a sensitive file (%s)",
                        trn_errno_name(-marked[1]));
    if (other[0] != 0)
        return trn_fail(err, -EPROTO, "it holds too much: a process without the mark got %s",
                        trn_errno_name(-other[0]));
    trn_put_fmt(ret_seen, "a process with the mark got EPERM%s, one without it did not",
                w.example[0] ? ", also of a real sensitive file" : "");
    if (before > 0)
        trn_put_fmt(ret_seen, "; %llu opens were refused so far", (unsigned long long)before);
    return 0;
}

static int undo(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_did, struct trn_err *err)
{
    (void)err;
    if (a->live)
        free_live(t, a->live);
    a->live = NULL;
    trn_put_fmt(ret_did, "sensitive files are open to it again");
    return 0;
}

static void done(struct trn_act *a)
{
    struct live *l = a->live;

    if (l)
        free(l->marked);
    free(l);
    a->live = NULL;
}

const struct trn_act_ops trn_act_shield = {
    .kind = TRN_RESPOND_SHIELD,
    .survives = true,
    .plan = plan,
    .act = act,
    .check = check,
    .undo = undo,
    .resume = resume,
    .done = done,
};
