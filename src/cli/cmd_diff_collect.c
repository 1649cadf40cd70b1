/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: from a path to a release: its files are given to strict workers, what they tell is kept.
 * Must not: read a byte of a file that could be understood.
 */
#include "cli/diff.h"
#include "formats/formats.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

#define WAIT_MS 100
#define FILES_MAX 1000000u
#define CAPABILITIES_MAX (16u << 20)
#define CALLED_MAX 4096u

struct collect {
    const struct trn_release_collect *o;
    struct trn_release *r;
    struct trn_scan_pool *pool;
    struct trn_walk *walk;
    size_t prefix;               /* bytes of a walked path that are the folder's own */
    int known;                   /* descriptor; -1: nothing is */
    struct trn_map *rights;      /* number of a file -> index in capabilities; few files have any */
    struct trn_buf capabilities; /* as texts, one behind another, each with a NUL */
    uint64_t files, bytes;
};

static int on_artifact(void *ctx, uint64_t job, const struct trn_artifact *a)
{
    struct collect *c = ctx;
    uint64_t at;
    c->bytes += a->id == 1 ? a->size : 0;
    int e = trn_release_artifact(c->r, (uint32_t)job, a);
    if (e < 0 || a->id != 1 || !c->rights || !trn_map_get(c->rights, job, &at))
        return e;
    struct trn_str text = trn_str_of((const char *)c->capabilities.p + at);
    const struct trn_feature f = {TRN_FEATURE_PRIVILEGE, TRN_STR("capability"), text, 1, TRN_FEATURE_NOWHERE};
    return trn_release_feature(c->r, (uint32_t)job, 1, &f);
}

static int on_signature(void *ctx, uint64_t job, uint32_t artifact, const struct trn_signature *s)
{
    return trn_release_signature(((struct collect *)ctx)->r, (uint32_t)job, artifact, s);
}

static int on_property(void *ctx, uint64_t job, uint32_t artifact, struct trn_str key, struct trn_str value)
{
    return trn_release_property(((struct collect *)ctx)->r, (uint32_t)job, artifact, key, value);
}

static int on_finding(void *ctx, uint64_t job, uint32_t artifact, const struct trn_finding *f)
{
    return trn_release_finding(((struct collect *)ctx)->r, (uint32_t)job, artifact, f);
}

static int on_gap(void *ctx, uint64_t job, uint32_t artifact, const struct trn_gap *g)
{
    return trn_release_gap(((struct collect *)ctx)->r, (uint32_t)job, artifact, g);
}

static int on_end(void *ctx, uint64_t job, int code, struct trn_str why)
{
    return trn_release_end(((struct collect *)ctx)->r, (uint32_t)job, code, why);
}

static int on_bad_rule(void *ctx, struct trn_str file, uint32_t line, struct trn_str why)
{
    const struct collect *c = ctx;
    if (c->o->bad_rule)
        c->o->bad_rule(c->o->ctx, file, line, why);
    return 0;
}

static int on_feature(void *ctx, uint64_t job, uint32_t artifact, const struct trn_feature *f)
{
    return trn_release_feature(((struct collect *)ctx)->r, (uint32_t)job, artifact, f);
}

static void collect_done(struct collect *c)
{
    c->pool = trn_scan_pool_free(c->pool);
    c->walk = trn_walk_free(c->walk);
    c->r = trn_release_free(c->r);
    trn_map_free(c->rights);
    trn_buf_done(&c->capabilities);
    trn_fd_close(c->known);
}

static int write_known(struct collect *c)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, TRN_SCAN_KNOWN_MAX);
    int e = trn_release_keys(c->o->other, &b);
    if (e < 0 || b.n == 0)
        return e; /* too many: everything is looked at again */
    c->known = memfd_create("turncoat-known", MFD_CLOEXEC);
    return c->known < 0 ? -errno : trn_write_full(c->known, b.p, b.n);
}

static int wait_some(struct collect *c, struct trn_str path, struct trn_err *err)
{
    int e = trn_scan_pool_wait(c->pool, WAIT_MS, err);
    if (c->o->idle)
        c->o->idle(c->o->ctx, c->files, c->bytes, path.n ? path : trn_release_label(c->r)); /* one file: itself */
    return e < 0 ? e : c->o->stopped && c->o->stopped(c->o->ctx) ? -ECANCELED : 0;
}

static int cannot(const struct collect *c, int code, const char *why, struct trn_err *err)
{
    char shown[200];
    return trn_fail(err, code, "cannot look at '%s': %s",
                    trn_escape_into(shown, sizeof(shown), trn_release_label(c->r)), why);
}

/* File capabilities are the file system's own word, not the file's: no worker sees them. */
static int note_capabilities(struct collect *c, uint32_t number, int fd, bool *ret_has)
{
    char raw[64], text[TRN_FILE_CAPABILITY_TEXT];
    ssize_t n = fgetxattr(fd, "security.capability", raw, sizeof(raw));
    if (n <= 0 || !trn_file_capability_text((struct trn_str){raw, (size_t)n}, text, sizeof(text))[0])
        return 0;
    if (!c->rights) {
        trn_buf_init(&c->capabilities, CAPABILITIES_MAX);
        c->rights = trn_map_new(FILES_MAX);
    }
    uint64_t at = c->capabilities.n;
    trn_put(&c->capabilities, text, strlen(text) + 1);
    *ret_has = true;
    return !c->rights || c->capabilities.bad ? -ENOMEM : trn_map_put(c->rights, number, at);
}

/* What a worker is to call it: in a folder its path there, for what starts by itself is known by its place. */
static struct trn_str called(struct trn_str path, const struct trn_walked *f)
{
    struct trn_str name = path.n ? path : trn_path_base(f->path);
    return trn_str_slice(name, name.n - TRN_MIN(name.n, (size_t)CALLED_MAX), name.n);
}

static int give(struct collect *c, const struct trn_walked *f, struct trn_err *err)
{
    uint32_t number;
    bool has = false; /* then nothing of it is known before */
    struct trn_str path = trn_str_slice(f->path, c->prefix, f->path.n);
    int e = trn_release_file(c->r, path, &number);
    if (e < 0)
        return e;
    TRN_AUTO(trn_fd_closep) int fd = f->error < 0 ? f->error : trn_walk_open(f);
    if (fd < 0 && f->named)
        return cannot(c, fd, trn_errno_words(fd), err);
    if (fd < 0)
        return trn_release_end(c->r, number, fd, trn_str_of(f->error < 0 ? f->why : trn_errno_words(fd)));
    c->files++;
    e = note_capabilities(c, number, fd, &has);
    if (e < 0)
        return e;
    do {
        e = trn_scan_pool_submit_but(c->pool, number, fd, called(path, f), f->st.st_mode, has ? -1 : c->known);
        if (e == -EAGAIN && (e = wait_some(c, path, err)) == 0)
            e = -EAGAIN;
    } while (e == -EAGAIN);
    return e;
}

static int run(struct collect *c, const char *path, struct trn_err *err)
{
    struct trn_walked f;
    int e = 0;
    while (e == 0 && (e = trn_walk_next(c->walk, &f)) == 1) {
        if (f.named && f.error < 0)
            return cannot(c, f.error == -EOPNOTSUPP ? -EINVAL : f.error, f.why, err);
        bool itself = f.named && !S_ISDIR(f.st.st_mode);
        c->prefix = itself ? f.path.n : strlen(path);
        while (!itself && c->prefix < f.path.n && f.path.p[c->prefix] == '/')
            c->prefix++;
        e = c->files < FILES_MAX ? give(c, &f, err) : -EFBIG;
    }
    while (e == 0 && trn_scan_pool_busy(c->pool))
        e = wait_some(c, TRN_STR_NONE, err);
    return e;
}

/* Not one member: what comes out of a comparison with nothing would look like an answer. */
static int nothing(const struct collect *c, bool folder, struct trn_err *err)
{
    const struct trn_release_gap *g = trn_release_gap_at(c->r, 0);
    char text[160];
    if (g)
        return cannot(c, -EIO, trn_escape_into(text, sizeof(text), g->gap.what), err);
    return cannot(c, -EINVAL, folder ? "there is no file in this folder" : "nothing was told of it", err);
}

int trn_release_of_path(const char *path, const struct trn_release_collect *o, struct trn_release **ret,
                        struct trn_err *err)
{
    TRN_AUTO(collect_done) struct collect c = {.o = o, .known = -1};
    const struct trn_scan_pool_sink sink = {on_artifact, on_signature, on_property, on_finding, on_gap,
                                            on_end,      on_bad_rule,  &c,          on_feature};
    struct trn_release_options release = {.sz = sizeof(release), .label = trn_str_of(path), .other = o->other};
    struct trn_scan_pool_options pool = o->settings->pool;
    char *const paths[] = {(char *)(uintptr_t)path};
    char shown[200];
    pool.features = true;
    struct stat st;
    if (stat(path, &st) < 0)
        return trn_fail(err, -errno, "cannot look at '%s': %s", trn_escape_into(shown, sizeof(shown), trn_str_of(path)),
                        trn_errno_words(-errno));
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return trn_fail(err, -EINVAL, "cannot look at '%s': it is neither a file nor a folder",
                        trn_escape_into(shown, sizeof(shown), trn_str_of(path)));
    if (o->other)
        pool.rules_save = -1; /* who looked at the other one has saved them */
    int e = trn_release_new(&release, &c.r);
    if (e == 0)
        e = trn_walk_new(paths, 1, &c.walk);
    if (e == 0 && o->other)
        e = write_known(&c);
    if (e == 0)
        e = trn_scan_pool_new(&pool, &sink, &c.pool, err);
    if (e == 0)
        e = run(&c, path, err);
    if (e == 0)
        e = trn_release_finish(c.r);
    if (e == 0 && trn_release_count(c.r) == 0)
        e = nothing(&c, S_ISDIR(st.st_mode), err);
    if (e < 0)
        return err && err->code ? e
                                : trn_fail(err, e, "cannot look at '%s': %s",
                                           trn_escape_into(shown, sizeof(shown), trn_str_of(path)), trn_errno_name(e));
    *ret = TRN_STEAL(c.r);
    return 0;
}
