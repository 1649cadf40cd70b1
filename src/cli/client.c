/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the connection to the engine: finding it, framing by lines, what a missing daemon means.
 * Must not: print, or believe that a line is well formed.
 */
#include "cli/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_BYTES ((size_t)8 << 20)
#define REQUEST_MAX_BYTES ((size_t)64 << 10) /* the engine closes on more (docs/local-socket.md) */

struct trn_client {
    int fd;
    json_t *line;         /* the last one read */
    struct trn_buf in;    /* bytes received */
    size_t used, scanned; /* before: consumed; looked at for an end of line */
};

static int connect_failed(const char *state, int code, struct trn_err *err)
{
    char shown[160];
    trn_escape_into(shown, sizeof(shown), trn_str_of(state));
    if (code == -ENOENT || code == -ECONNREFUSED) {
        (void)trn_fail(err, code, "cannot reach the daemon: nothing listens in '%s'", shown);
        if (strcmp(state, TRN_STATE_DIR) == 0)
            trn_hint(err, "is turncoatd running? start it with: sudo systemctl start turncoat");
        else
            trn_hint(err, "is turncoatd running? start it with: sudo turncoatd --state '%s'", shown);
    } else if (code == -EACCES || code == -EPERM) {
        (void)trn_fail(err, code, "cannot reach the daemon in '%s': permission denied", shown);
        trn_hint(err, "members of the group 'turncoat' may look: sudo adduser \"$USER\" turncoat, then log in again");
    } else {
        (void)trn_fail(err, code, "cannot reach the daemon in '%s': %s", shown, trn_errno_name(code));
    }
    return code;
}

int trn_client_open(const char *state, struct trn_client **ret, struct trn_err *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/turncoat.sock", state);
    if (n < 0 || (size_t)n >= sizeof(addr.sun_path))
        return connect_failed(state, -ENAMETOOLONG, err);
    TRN_AUTO(trn_fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
        return connect_failed(state, -errno, err);
    struct trn_client *c = calloc(1, sizeof(*c));
    if (!c)
        return trn_fail(err, -ENOMEM, "cannot reach the daemon: out of memory");
    c->fd = trn_fd_steal(&fd);
    trn_buf_init(&c->in, LINE_MAX_BYTES);
    *ret = c;
    return 0;
}

struct trn_client *trn_client_free(struct trn_client *c)
{
    if (!c)
        return NULL;
    trn_fd_close(c->fd);
    json_decref(c->line);
    trn_buf_done(&c->in);
    free(c);
    return NULL;
}

int trn_client_fd(const struct trn_client *c)
{
    return c->fd;
}

int trn_client_ask(struct trn_client *c, json_t *request, struct trn_err *err)
{
    TRN_AUTO(trn_freep) char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    if (!text)
        return trn_fail(err, -ENOMEM, "cannot ask the daemon: the request is not valid text");
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, REQUEST_MAX_BYTES);
    trn_put_c(&b, text);
    trn_put_u8(&b, '\n');
    size_t sent = 0;
    while (!b.bad && sent < b.n) {
        ssize_t n = send(c->fd, b.p + sent, b.n - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EPIPE) {
            (void)trn_fail(err, -EPIPE, "the daemon closed the connection");
            trn_hint(err, "too many may be connected: end a 'turncoat watch' and try again");
            return -EPIPE;
        }
        if (n < 0 && errno != EINTR)
            return trn_fail(err, -errno, "cannot ask the daemon: %s", trn_errno_name(-errno));
        sent += n > 0 ? (size_t)n : 0;
    }
    return b.bad ? trn_fail(err, -E2BIG, "cannot ask the daemon: the request is too long (64 KiB at most)") : 0;
}

/* Moves what is left to the front, so that the buffer holds one line at most plus what follows it. */
static void compact(struct trn_client *c)
{
    if (c->used == 0)
        return;
    memmove(c->in.p, c->in.p + c->used, c->in.n - c->used);
    c->in.n -= c->used;
    c->scanned -= c->used;
    c->used = 0;
}

/* Reads more. 0, -ETIMEDOUT, other negative errno with err set. */
static int fill(struct trn_client *c, int timeout_ms, struct trn_err *err)
{
    char part[16384];
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    int ready = poll(&p, 1, timeout_ms);
    if (ready == 0)
        return -ETIMEDOUT;
    if (ready < 0)
        return errno == EINTR ? -ETIMEDOUT
                              : trn_fail(err, -errno, "cannot wait for the daemon: %s", trn_errno_name(-errno));
    ssize_t n = recv(c->fd, part, sizeof(part), 0);
    if (n == 0 || (n < 0 && errno == ECONNRESET)) {
        int e = trn_fail(err, -ECONNRESET, "the daemon closed the connection");
        trn_hint(err, "its engine may have been restarted; try again");
        return e;
    }
    if (n < 0)
        return errno == EINTR ? 0 : trn_fail(err, -errno, "cannot read from the daemon: %s", trn_errno_name(-errno));
    compact(c);
    trn_put(&c->in, part, (size_t)n);
    return c->in.bad ? trn_fail(err, -EPROTO, "the daemon sent a line of more than %zu bytes", LINE_MAX_BYTES) : 0;
}

/* The next whole line in the buffer; absent when there is none yet. */
static struct trn_str take_line(struct trn_client *c)
{
    while (c->scanned < c->in.n) {
        if (c->in.p[c->scanned++] != '\n')
            continue;
        struct trn_str line = {c->in.p + c->used, c->scanned - 1 - c->used};
        c->used = c->scanned;
        return line;
    }
    return TRN_STR_NONE;
}

/* The code travels by name; what this program does not know is just a failure. */
static int code_of(const json_t *name)
{
    for (int code = -1; code > -140 && json_is_string(name); code--)
        if (strcmp(trn_errno_name(code), json_string_value(name)) == 0)
            return code;
    return -EIO;
}

static int reported(json_t *line, struct trn_err *err)
{
    const char *message = json_string_value(json_object_get(line, "message"));
    const char *hint = json_string_value(json_object_get(line, "hint"));
    int code = code_of(json_object_get(line, "code"));
    char shown[300];
    trn_escape_into(shown, sizeof(shown), trn_str_of(message ? message : "the daemon could not do it"));
    (void)trn_fail(err, code, "%s", shown);
    if (hint && hint[0]) {
        trn_escape_into(shown, sizeof(shown), trn_str_of(hint));
        trn_hint(err, "%s", shown);
    }
    return code;
}

static int understand(struct trn_client *c, struct trn_str text, const char **ret_type, json_t **ret,
                      struct trn_err *err)
{
    json_decref(c->line);
    c->line = json_loadb(text.p, text.n, JSON_ALLOW_NUL, NULL);
    const char *type = json_string_value(json_object_get(c->line, "type"));
    if (!type)
        return trn_fail(err, -EPROTO, "the daemon sent a line that is not understood");
    if (strcmp(type, "end") == 0)
        return 0;
    if (strcmp(type, "error") == 0)
        return reported(c->line, err);
    *ret_type = type;
    *ret = json_object_get(c->line, type);
    if (!*ret)
        *ret = c->line; /* a line that is its own content, such as a page */
    return 1;
}

int trn_client_next(struct trn_client *c, int timeout_ms, const char **ret_type, json_t **ret, struct trn_err *err)
{
    uint64_t end = trn_mono_ns() + (uint64_t)TRN_MAX(timeout_ms, 0) * TRN_NS_PER_MS;
    for (;;) {
        struct trn_str line = take_line(c);
        if (!trn_str_is_none(line))
            return understand(c, line, ret_type, ret, err);
        uint64_t now = trn_mono_ns();
        int wait = timeout_ms < 0 ? -1 : now >= end ? 0 : (int)((end - now) / TRN_NS_PER_MS);
        int e = fill(c, wait, err);
        if (e < 0)
            return e;
    }
}

int trn_client_each(const char *state, json_t *request, trn_client_line_fn *fn, void *ctx, struct trn_err *err)
{
    TRN_AUTO(trn_client_freep) struct trn_client *c = NULL;
    const char *type;
    json_t *payload;
    int e = trn_client_open(state, &c, err);
    if (e < 0) {
        json_decref(request);
        return e;
    }
    e = trn_client_ask(c, request, err);
    while (e == 0) {
        e = trn_client_next(c, 60000, &type, &payload, err);
        if (e == 0)
            return 0;
        if (e == -ETIMEDOUT)
            return trn_fail(err, e, "the daemon did not answer within a minute");
        if (e > 0)
            e = fn(ctx, type, payload);
    }
    return e;
}
