/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: releases that were seen before: where they are kept, which of them a release is compared with, which are remembered.
 * Must not: remember by itself what is suspicious, or could not be looked at: the next one would be compared with it.
 * The database is opened after the last worker was started: it is not to be carried over a fork.
 */
#include "cli/diff.h"

static int default_path(char *dst, size_t size, struct trn_err *err)
{
    const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int n = -1;
    if (xdg && xdg[0] == '/')
        n = snprintf(dst, size, "%s/turncoat/releases.db", xdg);
    else if (home && home[0] == '/')
        n = snprintf(dst, size, "%s/.local/share/turncoat/releases.db", home);
    if (n >= 0 && (size_t)n < size)
        return 0;
    int e =
        trn_fail(err, -EINVAL, "there is no place for the store of releases: neither XDG_DATA_HOME nor HOME is set");
    trn_hint(err, "--store FILE names one");
    return e;
}

/* The folder of the default place, which nobody else may write: who may could say what was seen. */
static int make_folder(const char *path, struct trn_err *err)
{
    char dir[TRN_SEEN_PATH], shown[200];
    (void)snprintf(dir, sizeof(dir), "%s", path);
    *strrchr(dir, '/') = '\0';
    int e = trn_cache_folder(dir);
    if (e < 0) {
        (void)trn_fail(err, e, "cannot use the folder of the store '%s': %s",
                       trn_escape_into(shown, sizeof(shown), trn_str_of(dir)),
                       e == -ENOENT ? "it is not there and cannot be made" : trn_errno_words(e));
        trn_hint(err, "--store FILE names another place");
    }
    return e;
}

int trn_diff_seen_open(struct trn_diff_seen *s, const char *path, struct trn_err *err)
{
    char shown[200];
    *s = (struct trn_diff_seen){0};
    int e = 0;
    if (path && (size_t)snprintf(s->path, sizeof(s->path), "%s", path) >= sizeof(s->path))
        return trn_fail(err, -ENAMETOOLONG, "the name of the store is too long: '%s'",
                        trn_escape_into(shown, sizeof(shown), trn_str_of(path)));
    if (!path)
        e = default_path(s->path, sizeof(s->path), err);
    if (e == 0 && !path)
        e = make_folder(s->path, err);
    return e < 0 ? e : trn_release_store_open(s->path, &s->store, err);
}

/* One that cannot be read any more is passed over. */
static int read_last(struct trn_diff_seen *s, struct trn_err *err)
{
    int e = -ENOENT;
    while (s->n && (e = trn_release_store_read(s->store, s->ids[0], &s->last, err)) < 0) {
        if (e != -EBADMSG && e != -ENOENT)
            return e;
        memmove(s->ids, s->ids + 1, --s->n * sizeof(s->ids[0]));
    }
    return 0;
}

int trn_diff_seen_before(struct trn_diff_seen *s, const struct trn_release *after, struct trn_err *err)
{
    char version[120];
    int e = trn_release_store_older(s->store, after, s->ids, TRN_ARRAY_SIZE(s->ids), &s->n, err);
    if (e == 0)
        e = read_last(s, err);
    if (e < 0 || s->n == 0)
        return e;
    trn_escape_into(version, sizeof(version), trn_release_version(s->last));
    if (version[0] == '\0')
        trn_escape_into(version, sizeof(version), trn_path_base(trn_release_label(s->last)));
    if (s->n == 1)
        (void)snprintf(s->basis, sizeof(s->basis), "with the last one seen, %s", version);
    else
        (void)snprintf(s->basis, sizeof(s->basis), "with the last one seen, %s, and %zu before it", version, s->n - 1);
    return 0;
}

int trn_diff_seen_older(void *ctx, size_t i, const struct trn_release **ret)
{
    static const struct trn_release_options nothing = {.sz = sizeof(nothing)};
    struct trn_diff_seen *s = ctx;
    s->older = trn_release_free(s->older);
    *ret = NULL;
    if (i + 1 >= s->n)
        return 0;
    int e = trn_release_store_read(s->store, s->ids[i + 1], &s->older, s->err);
    if (e == -EBADMSG || e == -ENOENT) { /* a release without anything in it says nothing */
        e = trn_release_new(&nothing, &s->older);
        e = e == 0 ? trn_release_finish(s->older) : e;
    }
    *ret = e == 0 ? s->older : NULL;
    return e;
}

int trn_diff_seen_remember(struct trn_diff_seen *s, const struct trn_release *r, struct trn_err *err)
{
    return trn_release_store_put(s->store, r, trn_wall_ns(), err);
}

void trn_diff_seen_done(struct trn_diff_seen *s)
{
    s->last = trn_release_free(s->last);
    s->older = trn_release_free(s->older);
    s->n = 0;
    s->store = trn_release_store_close(s->store);
}
