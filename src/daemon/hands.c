/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what turncoatd acts with (the executor), made once at the start, and the threads that
 * take requests from the engine of now. Must not own: an act, a rule, a right.
 *
 * Without some of it the rest still works: what cannot be done on this machine is said when it is asked for. A damaged
 * journal stops no detection.
 */
#include "daemon/turncoatd.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESPONSE_DIR "response"
#define QUIET_WAIT_MS 6000
#define NAP_MS 20

/* Every step of every action, to the engine of now; called under the executor's lock. */
static void tell_step(void *ctx, struct trn_str event)
{
    struct trn_daemon *d = ctx;
    pthread_mutex_lock(&d->respond_lock);
    trn_orders_tell(d->orders, TRN_CH_ACTION, event);
    pthread_mutex_unlock(&d->respond_lock);
}

/* Root's own folder inside the engine's: the engine may move it away, but not look into it, nor put another in its place
 * that would pass here. */
static int open_response_dir(struct trn_daemon *d, struct trn_err *err)
{
    struct stat st;
    if (mkdirat(d->place.state_fd, RESPONSE_DIR, 0750) < 0 && errno != EEXIST)
        return trn_fail(err, -errno, "cannot make '%s' in the state folder: %s", RESPONSE_DIR, trn_errno_name(-errno));
    TRN_AUTO(trn_fd_closep)
    int fd = openat(d->place.state_fd, RESPONSE_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return trn_fail(err, -errno, "cannot open '%s' in the state folder: %s", RESPONSE_DIR, trn_errno_name(-errno));
    if (st.st_uid != geteuid() || (st.st_mode & 022)) {
        trn_fail(err, -EPERM, "'%s' in the state folder is not turncoatd's own", RESPONSE_DIR);
        trn_hint(err, "somebody put it there: keep it as evidence, move it away, start turncoatd again");
        return -EPERM;
    }
    if (d->place.look_gid != (gid_t)-1 && (fchown(fd, (uid_t)-1, d->place.look_gid) < 0 || fchmod(fd, 0750) < 0))
        return trn_fail(err, -errno, "cannot give '%s' to its readers: %s", RESPONSE_DIR, trn_errno_name(-errno));
    d->response_fd = trn_fd_steal(&fd);
    return 0;
}

static int start_executor(struct trn_daemon *d, struct trn_err *err)
{
    struct trn_executor_options o = {.sz = sizeof o,
                                     .tools = {.sensor = d->sensor,
                                               .held = d->held,
                                               .state_dir = d->place.state_dir,
                                               .response_fd = d->response_fd,
                                               .scope_cgroup = d->scope,
                                               .scope_fd = -1,
                                               .gate = d->gate,
                                               .blocker = d->blocker,
                                               .cut = d->cut,
                                               .shield = d->shield,
                                               .vital = d->vital},
                                     .respond_gid = d->place.respond_gid,
                                     .look_gid = d->place.look_gid,
                                     .listen_fd = d->listen_fd,
                                     .survive = d->policy->survive,
                                     .acts_minute = d->policy->acts_per_minute,
                                     .kills_minute = d->policy->kills_per_minute,
                                     .allowed = trn_rules_allow,
                                     .tell = tell_step,
                                     .ctx = d};
    if (d->scope)
        d->scope_fd = open(d->scope, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    o.tools.scope_fd = d->scope ? d->scope_fd : -1;
    return trn_executor_new(&o, &d->executor, err);
}

void trn_hands_start(struct trn_daemon *d)
{
    struct trn_err err = {0};
    pthread_mutex_init(&d->respond_lock, NULL);
    trn_tools_open(d);
    int r = open_response_dir(d, &err);
    if (r == 0)
        r = start_executor(d, &err);
    if (r == 0)
        return;
    trn_daemon_say("nothing can be done about threats, going on watching", &err);
    snprintf(d->executor_why, sizeof d->executor_why, "%s", err.message);
}

void trn_hands_rules(struct trn_daemon *d)
{
    trn_tools_rules(d);
    if (d->executor)
        trn_executor_limits(d->executor, d->policy->acts_per_minute, d->policy->kills_per_minute, d->policy->survive);
}

static void *stop_executor(void *ctx)
{
    struct trn_daemon *d = ctx;
    trn_executor_stop(d->executor);
    __atomic_store_n(&d->executor_stopped, true, __ATOMIC_RELEASE);
    return NULL;
}

/* In a thread of its own, for an act may take minutes (dpkg). One that does not end in time is left to itself: it goes on
 * in its own unit, and the next turncoatd looks what became of it. */
void trn_hands_quiet(struct trn_daemon *d)
{
    pthread_t thread;
    if (!d->executor || pthread_create(&thread, NULL, stop_executor, d) != 0)
        return;
    for (int waited = 0; waited < QUIET_WAIT_MS && !__atomic_load_n(&d->executor_stopped, __ATOMIC_ACQUIRE);
         waited += NAP_MS) {
        (void)trn_daemon_beat(d);
        (void)poll(NULL, 0, NAP_MS);
    }
    if (__atomic_load_n(&d->executor_stopped, __ATOMIC_ACQUIRE)) {
        pthread_join(thread, NULL);
        return;
    }
    fprintf(stderr, "turncoatd: an action is still being carried out, stopping without it\n");
    pthread_detach(thread);
    d->hands_left = true;
}

/* What a thread that was left behind may still use stays: we are about to end. */
void trn_hands_stop(struct trn_daemon *d)
{
    if (d->hands_left)
        return;
    d->executor = trn_executor_free(d->executor);
    trn_tools_close(d);
    d->held = trn_held_free(d->held);
    trn_rules_stop(d);
    trn_fd_close(d->scope_fd);
    trn_fd_close(d->response_fd);
}

int trn_daemon_orders(struct trn_daemon *d, int acts[2], int respond[2], struct trn_err *err)
{
    const struct trn_orders_options o = {.acts_sock = acts[0],
                                         .respond_sock = respond[0],
                                         .filters = d->filters,
                                         .executor = d->executor,
                                         .executor_why = d->executor_why,
                                         .records = d->records,
                                         .judged = trn_tools_judged,
                                         .ctx = d,
                                         .dropped = &d->dropped};
    struct trn_orders *started = NULL;
    int r = trn_orders_start(&o, &started, err);
    if (r < 0)
        return r;
    acts[0] = respond[0] = -1;
    pthread_mutex_lock(&d->respond_lock);
    d->orders = started;
    pthread_mutex_unlock(&d->respond_lock);
    if (d->executor)
        trn_executor_tell_all(d->executor);
    return 0;
}

/* An act may take longer than the guard is patient. */
static void keep_beating(void *ctx)
{
    (void)trn_daemon_beat(ctx);
}

void trn_daemon_orders_stop(struct trn_daemon *d)
{
    pthread_mutex_lock(&d->respond_lock);
    struct trn_orders *r = d->orders;
    d->orders = NULL;
    pthread_mutex_unlock(&d->respond_lock);
    if (!trn_orders_stop(r, keep_beating, d))
        d->hands_left = true;
}
