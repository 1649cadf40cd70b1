/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which findings a policy accepts: check, path, content and version must all fit, and the entry's end not be past; and
 * what is said of each entry afterwards.
 * Must not: parse the file (a strict worker does, inspect/).
 */
#include "cli/diff.h"

#include <fcntl.h>
#include <unistd.h>

struct reading {
    struct trn_accept_list *list;
    bool told;
    uint64_t line; /* of what is wrong */
    char why[700];
    int code;
};

static int on_accept(void *ctx, uint64_t job, const struct trn_accept_list *a)
{
    struct reading *r = ctx;
    *r->list = *a;
    r->told = true;
    return 0;
}

static int on_bad_line(void *ctx, uint64_t job, uint64_t line, struct trn_str why)
{
    struct reading *r = ctx;
    r->line = line;
    (void)snprintf(r->why, sizeof(r->why), "%.*s", TRN_STR_ARG(why));
    return 0;
}

static int on_end(void *ctx, uint64_t job, int code, struct trn_str message)
{
    struct reading *r = ctx;
    r->code = code;
    if (r->why[0] == '\0')
        (void)snprintf(r->why, sizeof(r->why), "%.*s", TRN_STR_ARG(message));
    return 0;
}

/* "'policy.yml', line 7, column 3: 'reason' is missing in this entry", then the hint. */
static int say(const struct reading *r, const char *path, struct trn_err *err)
{
    char shown[200], text[400];
    struct trn_str rest = trn_str_of(r->why), message;
    if (!trn_str_split(&rest, '\n', &message))
        message = TRN_STR("it cannot be read");
    trn_escape_into(text, sizeof(text), message);
    trn_escape_into(shown, sizeof(shown), trn_str_of(path));
    if (r->line)
        (void)trn_fail(err, -EINVAL, "cannot use the policy '%s': line %llu, %s", shown, (unsigned long long)r->line,
                       text);
    else
        (void)trn_fail(err, -EINVAL, "cannot use the policy '%s': %s", shown, text);
    if (rest.n)
        trn_hint(err, "%s", trn_escape_into(text, sizeof(text), rest));
    return -EINVAL;
}

int trn_accepts_read(struct trn_accepts *a, const char *path, struct trn_err *err)
{
    const struct trn_job job = {.id = 1, .kind = TRN_JOB_ACCEPT, .name = TRN_STR("policy")};
    char shown[200];
    struct stat st;
    *a = (struct trn_accepts){.path = path, .list = calloc(1, sizeof(*a->list))};
    a->today = (uint32_t)(trn_wall_ns() / TRN_NS_PER_SEC / 86400);
    struct reading r = {.list = a->list};
    const struct trn_inspect_sink sink = {.accept = on_accept, .bad_line = on_bad_line, .end = on_end, .ctx = &r};
    if (!a->list)
        return trn_fail(err, -ENOMEM, "out of memory");
    TRN_AUTO(trn_fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int e = fd < 0 || fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
    if (e < 0)
        return trn_fail(err, e, "cannot read the policy '%s': %s",
                        trn_escape_into(shown, sizeof(shown), trn_str_of(path)),
                        e == -EINVAL ? "it is no file" : trn_errno_words(e));
    e = trn_inspect_once(&job, fd, &sink, err);
    if (e < 0)
        return e;
    return r.told && r.code == 0 ? 0 : say(&r, path, err);
}

void trn_accepts_done(struct trn_accepts *a)
{
    free(a->list);
    a->list = NULL;
}

/* ---- does it fit ---- */

static bool fits(struct trn_accepts *a, uint32_t i, struct trn_str path, const struct trn_release_member *m,
                 const char *check)
{
    const struct trn_accept *e = &a->list->entries[i];
    if (strcmp(e->check, check) != 0 || !trn_glob(trn_str_of(e->path), path, false))
        return false;
    struct trn_str version = trn_release_version(a->after);
    if (memcmp(e->sha256, m->sha256, TRN_SHA256_SIZE) != 0 || !trn_str_eq_c(version, e->version)) {
        a->other[i] = true;
        return false;
    }
    a->used[i]++;
    return e->expires >= a->today;
}

bool trn_accepts_ask(void *ctx, const struct trn_change *c, const struct trn_finding *f, struct trn_str *ret_reason)
{
    struct trn_accepts *a = ctx;
    const struct trn_release_member *m = trn_diff_shown(c);
    struct trn_str path = m->path.n ? m->path : trn_path_base(trn_release_label(a->after));
    char check[160];
    bool accepted = false;
    trn_finding_name(f, check, sizeof(check));
    for (uint32_t i = 0; i < a->list->n; i++) {
        if (!fits(a, i, path, m, check) || accepted)
            continue;
        *ret_reason = trn_str_of(a->list->entries[i].reason);
        accepted = true;
    }
    return accepted;
}

const char *trn_accepts_state(const struct trn_accepts *a, uint32_t i)
{
    return a->list->entries[i].expires < a->today ? "expired"
           : a->used[i]                           ? NULL
           : a->other[i]                          ? "another content"
                                                  : "unmatched";
}

void trn_put_day(struct trn_buf *b, uint32_t days)
{
    TRN_AUTO(trn_buf_done) struct trn_buf iso;
    trn_buf_init(&iso, 100);
    if (days < UINT64_MAX / TRN_NS_PER_SEC / 86400)
        trn_put_time_iso(&iso, (uint64_t)days * 86400 * TRN_NS_PER_SEC);
    if (iso.n >= 10 && days < 213503) /* what fits into nanoseconds */
        trn_put_str(b, trn_str_slice(trn_buf_str(&iso), 0, 10));
    else
        trn_put_fmt(b, "day %u", days);
}
