/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns the look at each file that a request to block names: is it still the one that was meant, is it vital,
 * is it a program at all. Must not own: rules. Opens by O_PATH, which asks nobody; reads at most four bytes of a file.
 */
#include "response/execute/block_files.h"
#include "response/execute/reach.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* What interpreters load without that it looks like a program from outside. */
static const char *const code_endings[] = {
    ".asar", ".cjs", ".class", ".dll", ".exe", ".jar", ".js", ".lua", ".mjs",
    ".node", ".php", ".pl",    ".pm",  ".py",  ".pyc", ".rb", ".sh",  ".wasm",
};

static bool has_hash(const struct trn_act_file *f)
{
    static const uint8_t none[TRN_SHA256_SIZE];

    return memcmp(f->sha256, none, sizeof(none)) != 0;
}

static bool begins_like_a_program(int at)
{
    char link[40], first[4];

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", at);
    TRN_AUTO(trn_fd_closep) int fd = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return fd >= 0 && trn_pread_full(fd, first, sizeof(first), 0) == 0 &&
           (memcmp(first, "\177ELF", 4) == 0 || memcmp(first, "#!", 2) == 0);
}

static bool is_native(int at, const struct stat *st, struct trn_str path)
{
    return (st->st_mode & 0111) != 0 || trn_str_contains(trn_path_base(path), TRN_STR(".so")) ||
           begins_like_a_program(at);
}

static bool is_code(struct trn_str path)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(code_endings); i++) {
        if (trn_str_ends(path, trn_str_of(code_endings[i])))
            return true;
    }
    return false;
}

static uint64_t ctime_of(const struct stat *st)
{
    return (uint64_t)st->st_ctim.tv_sec * TRN_NS_PER_SEC + (uint64_t)st->st_ctim.tv_nsec;
}

/* Still the content that was meant. Not the device: its number may be another one after a restart, and in overlayfs. */
static bool is_meant(const struct trn_act_file *f, const struct stat *st)
{
    return (trn_file_key_is_none(&f->key) || (f->key.ino == st->st_ino && f->key.ctime_ns == ctime_of(st))) &&
           (f->size == TRN_NO_U64 || f->size == (uint64_t)st->st_size);
}

static void add_content(struct block_found *found, const uint8_t *sha256, uint64_t size)
{
    struct trn_block_content *c = &found->contents[found->n_contents++];

    memcpy(c->sha256, sha256, sizeof(c->sha256));
    c->size = size;
}

/* The descriptor is of it; the path is as the request has it. */
static int add_file(const struct trn_act_tools *t, const struct trn_act_request *q, const struct trn_act_file *f,
                    int at, const struct stat *st, const char *path, struct block_found *found, struct trn_err *err)
{
    const bool native = q->target != TRN_TARGET_SOFTWARE || is_native(at, st, trn_str_of(path));
    struct trn_block_file *to = &found->files[found->n_files];
    int r = trn_vital_file(t, at, path, err);

    if (r != 0)
        return r;
    if (!native && !is_code(trn_str_of(path))) {
        found->passed_over++;
        return 0;
    }
    r = trn_permit_key_of(at, &to->key);
    if (r != 0)
        return trn_fail(err, r, "a file cannot be looked at: %s", trn_errno_name(r));
    to->has_sha256 = f && has_hash(f);
    if (to->has_sha256)
        memcpy(to->sha256, f->sha256, sizeof(to->sha256));
    to->spread = native && st->st_size > 0;
    found->paths[found->n_files++] = path;
    return 0;
}

/* Its metadata changed since (a link to it, its mode, a look by another way): a hash will tell, when it is opened. */
static int add_unsure(const struct trn_act_tools *t, const struct trn_act_request *q, const struct trn_act_file *f,
                      int at, const struct stat *st, struct block_found *found, struct trn_err *err)
{
    struct trn_block_file *to = &found->files[found->n_files];
    int r = trn_vital_file(t, at, f->path.p, err);

    for (uint32_t i = 0; i < found->n_files && r == 0; i++)
        if (found->paths[i] && strcmp(found->paths[i], f->path.p) == 0)
            return 0;
    if (r != 0)
        return r;
    r = trn_permit_key_of(at, &to->key);
    if (r != 0)
        return trn_fail(err, r, "a file cannot be looked at: %s", trn_errno_name(r));
    to->key.ctime_ns = 0;
    to->unsure = true;
    if (q->target != TRN_TARGET_SHA256)
        add_content(found, f->sha256, (uint64_t)st->st_size);
    found->paths[found->n_files++] = f->path.p;
    return 0;
}

/* Whether the content that is there now can be the one that was seen. */
static bool may_be_meant(const struct trn_act_file *f, const struct stat *st)
{
    return has_hash(f) && st->st_size > 0 && (f->size == TRN_NO_U64 || f->size == (uint64_t)st->st_size);
}

static int look_at(const struct trn_act_tools *t, const struct trn_act_request *q, const struct trn_act_file *f,
                   struct block_found *found, struct trn_err *err)
{
    struct stat st;

    if (trn_str_is_empty(f->path) || f->path.p[0] != '/' || f->path.n >= 4096) {
        if (has_hash(f) && f->size != 0)
            add_content(found, f->sha256, f->size);
        return 0;
    }
    TRN_AUTO(trn_fd_closep) int at = open(f->path.p, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    const bool known = !trn_file_key_is_none(&f->key) || !has_hash(f);
    if (at >= 0 && fstat(at, &st) == 0 && S_ISREG(st.st_mode) && known && is_meant(f, &st))
        return add_file(t, q, f, at, &st, f->path.p, found, err);
    if (at >= 0 && fstat(at, &st) == 0 && S_ISREG(st.st_mode) && may_be_meant(f, &st))
        return add_unsure(t, q, f, at, &st, found, err);
    if (at >= 0 && fstat(at, &st) == 0 && S_ISLNK(st.st_mode))
        return 0; /* where it leads is in the list by itself, if it is of this software */
    found->other++;
    if (has_hash(f) && f->size != 0 && (q->target != TRN_TARGET_SOFTWARE || !is_code(f->path)))
        add_content(found, f->sha256, f->size);
    return 0;
}

static int find_path(const struct trn_act_tools *t, const struct trn_act_request *q, struct block_found *found,
                     struct trn_err *err)
{
    char shown[200], folder[4096];
    struct stat st;

    trn_escape_into(shown, sizeof(shown), q->text);
    if (q->text.n < 2 || q->text.n >= sizeof(found->path) || q->text.p[0] != '/' || q->text.p[q->text.n - 1] == '/' ||
        memchr(q->text.p, 0, q->text.n)) {
        trn_fail(err, -EINVAL, "cannot block '%s': not the absolute path of a file", shown);
        return -EINVAL;
    }
    (void)snprintf(found->path, sizeof(found->path), "%.*s", TRN_STR_ARG(q->text));
    TRN_AUTO(trn_fd_closep) int at = trn_reach(found->path);
    if (at == -ELOOP) {
        trn_fail(err, -ELOOP, "cannot block '%s': a link on the way belongs neither to root nor to the file's owner",
                 shown);
        trn_hint(err, "whoever owns the link chooses what is blocked: name the file itself");
        return -ELOOP;
    }
    if (at >= 0 && fstat(at, &st) == 0) {
        if (!S_ISREG(st.st_mode)) {
            trn_fail(err, S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL, "cannot block '%s': not a plain file", shown);
            trn_hint(err, "name a file, a sha256, or a software");
            return err ? err->code : -EINVAL;
        }
        return add_file(t, q, q->n_files ? &q->files[0] : NULL, at, &st, found->path, found, err);
    }
    const struct trn_str dir = trn_path_dir(trn_str_of(found->path));
    (void)snprintf(folder, sizeof(folder), "%.*s", TRN_STR_ARG(dir));
    return stat(folder, &st) == 0 && S_ISDIR(st.st_mode)
               ? 0
               : trn_fail(err, -ENOENT, "cannot block '%s': its folder is not there", shown);
}

/* A hash of which nothing is known here but itself. */
static int find_hash(const struct trn_act_request *q, struct block_found *found, struct trn_err *err)
{
    struct trn_block_content c = {.size = TRN_NO_U64};
    char shown[200];

    if (trn_unhex(q->text, c.sha256, sizeof(c.sha256)) != 0) {
        trn_escape_into(shown, sizeof(shown), q->text);
        return trn_fail(err, -EINVAL, "cannot block '%s': not a sha256", shown);
    }
    for (uint32_t i = 0; i < q->n_files; i++) {
        if (memcmp(q->files[i].sha256, c.sha256, sizeof(c.sha256)) == 0 && q->files[i].size != TRN_NO_U64)
            c.size = q->files[i].size;
    }
    if (c.size == 0)
        return trn_fail(err, -EPERM, "cannot block the empty content: half of the machine has such files");
    found->contents[found->n_contents++] = c;
    return 0;
}

static int find_build_id(const struct trn_act_request *q, struct block_found *found, struct trn_err *err)
{
    char shown[200];
    const size_t n = q->text.n / 2;

    if (n < 4 || n > sizeof(found->build_id) || trn_unhex(q->text, found->build_id, n) != 0) {
        trn_escape_into(shown, sizeof(shown), q->text);
        return trn_fail(err, -EINVAL, "cannot block '%s': not a build-id", shown);
    }
    found->build_id_n = n;
    return 0;
}

int block_find(const struct trn_act_tools *t, const struct trn_act_request *q, struct block_found *ret,
               struct trn_err *err)
{
    int r;

    *ret = (struct block_found){0};
    ret->files = calloc(q->n_files + 1u, sizeof(*ret->files));
    ret->paths = calloc(q->n_files + 1u, sizeof(*ret->paths));
    ret->contents = calloc(q->n_files + 1u, sizeof(*ret->contents));
    if (!ret->files || !ret->paths || !ret->contents)
        return trn_fail(err, -ENOMEM, "cannot block: out of memory");
    switch (q->target) {
    case TRN_TARGET_PATH:
        return find_path(t, q, ret, err);
    case TRN_TARGET_SHA256:
        r = find_hash(q, ret, err);
        break;
    case TRN_TARGET_BUILD_ID:
        r = find_build_id(q, ret, err);
        break;
    case TRN_TARGET_SOFTWARE:
        r = 0;
        if (q->n_files == 0) {
            r = trn_fail(err, -ENOENT, "cannot block a software of which no program or library is known");
            trn_hint(err, "a package of the base system is never blocked as a whole: block a path or a sha256");
        }
        break;
    default:
        r = trn_fail(err, -EINVAL, "cannot block that: a sha256, a build-id, a path or a software can be blocked");
        trn_hint(err, "what runs is stopped with 'hold' or 'kill'");
        break;
    }
    for (uint32_t i = 0; i < q->n_files && r == 0; i++)
        r = look_at(t, q, &q->files[i], ret, err);
    if (r == 0 && q->target == TRN_TARGET_SOFTWARE && ret->n_files + ret->n_contents == 0)
        r = trn_fail(err, -ENOENT, "cannot block a software that has no program here");
    return r;
}

void block_found_done(struct block_found *f)
{
    free(f->files);
    free((void *)f->paths);
    free(f->contents);
    *f = (struct block_found){0};
}

int block_open(const struct trn_block_file *f, const char *path, bool whatever)
{
    struct trn_permit_key now;
    TRN_AUTO(trn_fd_closep) int at = whatever ? trn_reach(path) : open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);

    if (at < 0)
        return whatever ? at : -errno;
    if (trn_permit_key_of(at, &now) != 0 || now.dev != f->key.dev || now.ino != f->key.ino)
        return -ESTALE;
    return trn_fd_steal(&at);
}
