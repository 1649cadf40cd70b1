/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the journal file, what stands in it about each step, and what of it is taken up again at the start. Must not own:
 * the bytes of a record (event/journal.c), or when a step happens.
 *
 * Every write is one write() at the end of the file; the disk is asked to keep it when the quick thread has nothing else
 * to do. A record that a crash tore is cut off at the next start, and that is said.
 */
#include "response/execute/executor.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_ARENA (16u << 20)

/* ---- writing ---- */

static void fill(const struct trn_row *row, enum trn_action_state state, struct trn_str text, uint32_t uid,
                 uint32_t pid, struct trn_event *ev)
{
    const struct trn_act_request *q = &row->a.q;
    uint64_t from = q->found_boot_ns ? q->found_boot_ns : row->asked_boot_ns;
    trn_event_init(ev, TRN_EV_RESPONSE);
    ev->boot_ns = trn_boot_ns();
    ev->wall_ns = trn_wall_ns();
    ev->uid = uid;
    ev->pid = pid;
    ev->response = (struct trn_ev_response){.id = row->a.id,
                                            .story = q->story,
                                            .act = trn_str_of(trn_respond_name(row->ops->kind)),
                                            .state = trn_str_of(trn_action_state_name(state)),
                                            .target_kind = trn_str_of(trn_target_name((enum trn_target)q->target)),
                                            .target = q->text,
                                            .check = q->check,
                                            .why = q->why,
                                            .text = text,
                                            .until_wall_ns = row->a.until_wall_ns,
                                            .took_ns = ev->boot_ns > from ? ev->boot_ns - from : 0};
}

static void encode_files(const struct trn_act_request *q, struct trn_buf *out)
{
    for (uint32_t at = 0; at < q->n_files;) {
        TRN_AUTO(trn_buf_done) struct trn_buf part;
        trn_buf_init(&part, TRN_IPC_MAX);
        uint32_t n = trn_act_files_encode(q->job, q->files + at, q->n_files - at, &part);
        if (n == 0)
            return;
        trn_put_lstr(out, trn_buf_str(&part));
        at += n;
    }
}

static int write_record(struct trn_executor *x, struct trn_journal_entry *e)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    uint8_t head[TRN_SHA256_SIZE];
    trn_buf_init(&b, TRN_JOURNAL_RECORD_MAX + 64);
    memcpy(head, x->head, sizeof head);
    e->number = x->records + 1;
    e->wall_ns = e->event.wall_ns;
    int r = trn_journal_record(e, head, &b);
    if (r < 0)
        return r;
    off_t end = lseek(x->journal_fd, 0, SEEK_END);
    if (end < 0 || (uint64_t)end + b.n > TRN_JOURNAL_MAX)
        return -ENOSPC;
    r = trn_write_full(x->journal_fd, b.p, b.n);
    if (r < 0) { /* half a record must not stand before the next one */
        (void)!ftruncate(x->journal_fd, end);
        return r;
    }
    memcpy(x->head, head, sizeof head);
    x->records++;
    x->unsynced = true;
    return 0;
}

static void pass_on(struct trn_executor *x, const struct trn_event *ev)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, TRN_IPC_MAX - 64);
    trn_event_encode(ev, &b);
    if (x->o.tell && !b.bad)
        x->o.tell(x->o.ctx, trn_buf_str(&b));
}

int trn_journal_step(struct trn_executor *x, struct trn_row *row, enum trn_action_state state, struct trn_str text,
                     uint32_t uid, uint32_t pid)
{
    struct trn_journal_entry e = {0};
    TRN_AUTO(trn_buf_done) struct trn_buf request, files;
    trn_buf_init(&request, TRN_IPC_MAX);
    trn_buf_init(&files, TRN_JOURNAL_RECORD_MAX / 2);
    row->a.state = state;
    fill(row, state, text, uid, pid, &e.event);
    if (state == TRN_ACTION_REQUESTED) {
        trn_act_encode(&row->a.q, &request);
        encode_files(&row->a.q, &files);
        e.request = trn_buf_str(&request);
        e.files = files.n ? trn_buf_str(&files) : TRN_STR_NONE;
        if (request.bad || files.bad)
            return -EMSGSIZE;
    }
    if (state == TRN_ACTION_DONE)
        e.keep = row->a.keep;
    int r = write_record(x, &e);
    snprintf(x->journal_why, sizeof x->journal_why, "%s", r < 0 ? trn_errno_name(r) : "");
    pass_on(x, &e.event);
    return r;
}

void trn_journal_tell(struct trn_executor *x, const struct trn_row *row)
{
    struct trn_event ev;
    fill(row, row->a.state, TRN_STR("told again to an engine that started later"), row->uid, row->pid, &ev);
    ev.flags |= TRN_EVF_EXISTING;
    pass_on(x, &ev);
}

void trn_journal_sync(struct trn_executor *x)
{
    x->unsynced = false;
    if (fdatasync(x->journal_fd) < 0)
        fprintf(stderr, "turncoatd: the journal of actions is not kept by the disk: %s\n", trn_errno_name(-errno));
}

/* ---- opening ---- */

int trn_journal_open(struct trn_executor *x, struct trn_err *err)
{
    struct stat st;
    int fd = openat(x->o.tools.response_fd, TRN_JOURNAL_NAME,
                    O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
    if (fd < 0)
        return trn_fail(err, -errno, "the journal of actions cannot be opened: %s", trn_errno_name(-errno));
    x->journal_fd = fd;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
        trn_fail(err, -EBADMSG, "the journal of actions is not a file of turncoatd");
        trn_hint(err, "look at 'response/journal' in the state folder; move it away and keep it as evidence");
        return -EBADMSG;
    }
    if (fchmod(fd, 0640) < 0 || (x->o.look_gid != (gid_t)-1 && fchown(fd, (uid_t)-1, x->o.look_gid) < 0))
        return trn_fail(err, -errno, "the journal of actions cannot be given to its readers: %s",
                        trn_errno_name(-errno));
    if (st.st_size > 0)
        return 0;
    struct trn_str begin = trn_journal_begin(x->head);
    int r = trn_str_is_none(begin) ? -ENOMEM : trn_write_full(fd, begin.p, begin.n);
    return r < 0 ? trn_fail(err, r, "the journal of actions cannot be begun: %s", trn_errno_name(r)) : 0;
}

/* ---- recalling ---- */

static const struct trn_act_ops *ops_named(struct trn_str act)
{
    enum trn_respond kind;
    return trn_respond_parse(act, &kind) == 0 ? trn_act_ops_of((unsigned)kind) : NULL;
}

static enum trn_action_state state_named(struct trn_str s)
{
    for (unsigned i = TRN_ACTION_REQUESTED; i < TRN_ACTION_MAX; i++)
        if (trn_str_eq_c(s, trn_action_state_name((enum trn_action_state)i)))
            return (enum trn_action_state)i;
    return TRN_ACTION_FAILED;
}

static int files_of(struct trn_str bytes, struct trn_arena *arena, struct trn_act_request *q)
{
    struct trn_cursor in = trn_cur_of(bytes);
    uint64_t job;
    struct trn_act_file *files = trn_str_is_none(bytes) ? NULL : trn_arena_array(arena, TRN_ACT_FILES, sizeof *files);
    while (files && trn_cur_left(&in) && !in.bad) {
        struct trn_cursor part = trn_cur_of(trn_cur_lstr(&in));
        int r = in.bad ? -EPROTO : trn_act_files_decode(&part, arena, &job, files, &q->n_files);
        if (r < 0)
            return r;
    }
    q->files = files;
    return 0;
}

/* A request as it was written, back on the list. */
static int recall_request(struct trn_executor *x, const struct trn_journal_entry *e)
{
    const struct trn_act_ops *ops = ops_named(e->event.response.act);
    struct trn_arena *arena = trn_arena_new(SECRET_ARENA);
    struct trn_cursor in = trn_cur_of(e->request);
    struct trn_act_request q = {0};
    struct trn_row *row = NULL;
    int r = arena ? trn_act_decode(&in, arena, &q) : -ENOMEM;
    if (r == 0)
        r = files_of(e->files, arena, &q);
    if (r == 0 && ops && x->n < TRN_ACTIONS_MAX)
        row = trn_row_new(&q, ops);
    trn_arena_free(arena);
    if (!row)
        return 0; /* written by another version, or no room: it cannot be taken up again */
    row->a.id = e->event.response.id;
    row->a.until_wall_ns = e->event.response.until_wall_ns;
    row->a.state = TRN_ACTION_REQUESTED;
    row->a.resumed = true;
    row->uid = e->event.uid;
    row->pid = e->event.pid;
    x->rows[x->n++] = row;
    return 0;
}

static int recall(void *ctx, const struct trn_journal_entry *e)
{
    struct trn_executor *x = ctx;
    const struct trn_ev_response *res = &e->event.response;
    enum trn_action_state state = state_named(res->state);
    x->last_id = TRN_MAX(x->last_id, res->id);
    if (state == TRN_ACTION_REQUESTED && !trn_str_is_none(e->request))
        return recall_request(x, e);
    for (uint32_t i = 0; i < x->n; i++) {
        struct trn_row *row = x->rows[i];
        if (row->a.id != res->id)
            continue;
        row->a.state = state;
        row->a.until_wall_ns = res->until_wall_ns;
        if (!trn_str_is_none(e->keep))
            row->a.keep = trn_arena_str(row->a.arena, e->keep);
        if (trn_action_state_is_over(state) ||
            (!row->ops->undo && (state == TRN_ACTION_SEEN || state == TRN_ACTION_NOT_SEEN))) {
            trn_row_free(row);
            x->rows[i] = x->rows[--x->n];
        }
        break;
    }
    return 0;
}

/* What does not hold any more is written down as ended; the rest is to be carried out again. */
static void sort_out(struct trn_executor *x)
{
    uint64_t wall = trn_wall_ns(), boot = trn_boot_ns();
    for (uint32_t i = x->n; i-- > 0;) {
        struct trn_row *row = x->rows[i];
        uint64_t until = row->a.until_wall_ns;
        row->asked_boot_ns = boot;
        row->a.q.found_boot_ns = 0;
        row->until_boot_ns = until ? boot + (until > wall ? until - wall : 0) : 0;
        bool begun = row->a.state != TRN_ACTION_REQUESTED;
        if (row->ops->survives && (begun || row->ops->resume)) {
            row->next = TRN_ORDER_ACT;
            continue;
        }
        (void)!trn_journal_step(x, row, begun ? TRN_ACTION_WITHDRAWN : TRN_ACTION_FAILED,
                                begun ? TRN_STR("turncoatd ended, and it ended with it")
                                      : TRN_STR("turncoatd ended before it was carried out"),
                                TRN_NO_U32, TRN_NO_U32);
        trn_row_free(row);
        x->rows[i] = x->rows[--x->n];
    }
}

static uint64_t last_in(int response_fd, const char *name)
{
    int fd = openat(response_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    uint64_t last = 0, id;
    struct dirent *e;

    if (!dir) {
        trn_fd_close(fd);
        return 0;
    }
    while ((e = readdir(dir))) {
        struct trn_str digits = trn_str_of(e->d_name);
        uint8_t bytes[8];
        if (digits.n >= 16 && trn_unhex(trn_str_slice(digits, 0, 16), bytes, sizeof bytes) == 0) { /* vault.c */
            id = 0;
            for (size_t i = 0; i < sizeof bytes; i++)
                id = id << 8 | bytes[i];
        } else if (trn_str_u64(digits, &id) < 0) { /* package_aside.c */
            continue;
        }
        if (id < UINT64_MAX / 2)
            last = TRN_MAX(last, id);
    }
    closedir(dir);
    return last;
}

/* What actions of a journal that was moved away left behind keeps its number: no other takes its place. */
static uint64_t last_left(const struct trn_executor *x)
{
    return TRN_MAX(last_in(x->o.tools.response_fd, "vault"), last_in(x->o.tools.response_fd, "scripts"));
}

int trn_journal_recall(struct trn_executor *x, struct trn_err *err)
{
    struct trn_journal_end end = {0};
    int r = trn_journal_read(x->journal_fd, recall, x, &end, err);
    if (r < 0)
        return r;
    if (end.state == TRN_JOURNAL_BROKEN) {
        r = trn_fail(err, -EBADMSG, "the journal of actions is damaged behind record %llu",
                     (unsigned long long)end.records);
        trn_hint(err, "somebody changed it: keep 'response/journal' of the state folder as evidence and move it away; "
                      "what it says holds is not taken up again");
        return r;
    }
    if (end.state == TRN_JOURNAL_TORN) {
        fprintf(stderr, "turncoatd: the last record of the journal of actions was torn by a crash and is cut off\n");
        if (ftruncate(x->journal_fd, (off_t)end.offset) < 0)
            return trn_fail(err, -errno, "the journal of actions cannot be mended: %s", trn_errno_name(-errno));
    }
    memcpy(x->head, end.head, sizeof x->head);
    x->records = end.records;
    x->last_id = TRN_MAX(x->last_id, last_left(x));
    sort_out(x);
    return 0;
}
