/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: 'turncoat stories ID --bundle FILE': what the engine assembled and signed, into a file that appears whole or not
 * at all, and never over another one unasked.
 * Must not: make, change or sign a byte of it. With --redact it tells the engine which users this machine knows, since the
 * engine cannot see the user database.
 */
#include "cli/bundle.h"
#include "cli/client.h"
#include "cli/render.h"

#include "evidence/evidence.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_TEXT 65536u
#define NAMES_MAX 256 /* what the engine takes */
#define PERSONS_FROM 1000
#define PERSONS_TO 60000

struct receive {
    int fd;
    uint64_t size, told_size;
    struct trn_digest *digest;
    struct trn_str told; /* hash, in hex; copied */
    char hex[65];
    struct trn_err err;
};

static int bad_answer(struct receive *r)
{
    return trn_fail(&r->err, -EPROTO, "the daemon sent a bundle that is not whole");
}

static int on_data(struct receive *r, struct trn_str text)
{
    TRN_AUTO(trn_freep) uint8_t *bytes = malloc(CHUNK_TEXT);
    if (!bytes)
        return -ENOMEM;
    if (text.n == 0 || text.n > CHUNK_TEXT || text.n % 4)
        return bad_answer(r);
    int n = EVP_DecodeBlock(bytes, (const uint8_t *)text.p, (int)text.n);
    n -= text.p[text.n - 1] == '=';
    n -= text.p[text.n - 2] == '=';
    if (n <= 0 || r->told.n || (r->size += (uint64_t)n) > TRN_EVIDENCE_MAX)
        return bad_answer(r);
    int e = trn_digest_update(r->digest, bytes, (size_t)n);
    if (e == 0)
        e = trn_write_full(r->fd, bytes, (size_t)n);
    return e < 0 ? trn_fail(&r->err, e, "cannot write the bundle: %s", trn_errno_name(e)) : 0;
}

static int on_line(void *ctx, const char *type, json_t *payload)
{
    struct receive *r = ctx;
    if (strcmp(type, "bundle") != 0)
        return 0;
    struct trn_str data = trn_json_text(payload, "data"), hash = trn_json_text(payload, "sha256");
    if (!trn_str_is_none(data))
        return on_data(r, data);
    if (hash.n != 64 || r->told.n)
        return bad_answer(r);
    memcpy(r->hex, hash.p, hash.n);
    r->told = (struct trn_str){r->hex, hash.n};
    r->told_size = trn_json_count(payload, "size");
    return 0;
}

/* People of this machine: what the events do not give away may still stand in them. */
static void name_people(json_t *ask)
{
    json_t *users = json_array(), *homes = json_array();
    const struct passwd *p;
    setpwent();
    while ((p = getpwent()) != NULL &&
           json_array_size(users) < NAMES_MAX) { /* one thread; NOLINT(concurrency-mt-unsafe) */
        if (p->pw_uid < PERSONS_FROM || p->pw_uid >= PERSONS_TO)
            continue;
        if (strlen(p->pw_name) <= 64)
            json_array_append_new(users, json_string(p->pw_name));
        if (p->pw_dir[0] == '/' && strlen(p->pw_dir) > 2 && strlen(p->pw_dir) <= 256 &&
            strcmp(p->pw_dir, "/nonexistent") != 0)
            json_array_append_new(homes, json_string(p->pw_dir));
    }
    endpwent();
    json_object_set_new(ask, "users", users);
    json_object_set_new(ask, "homes", homes);
}

static int fetch(struct trn_cli *cli, uint64_t id, int fd, uint64_t *ret_size, struct trn_err *err)
{
    struct receive r = {.fd = fd, .digest = trn_digest_new(false)};
    uint8_t sha256[TRN_SHA256_SIZE];
    char hex[2 * TRN_SHA256_SIZE + 1] = "";
    bool redact = trn_cli_has(cli, "redact");
    json_t *ask = json_pack("{s:s, s:I, s:b}", "ask", "bundle", "id", (json_int_t)id, "redact", redact);
    if (ask && redact)
        name_people(ask);
    int e = r.digest ? trn_client_each(cli->state, ask, on_line, &r, err) : -ENOMEM;
    if (e < 0 && r.err.code)
        *err = r.err;
    if (r.digest && trn_digest_end(r.digest, sha256, NULL) == 0)
        trn_hex(sha256, sizeof(sha256), hex);
    trn_digest_free(r.digest);
    if (e == 0 && (r.size != r.told_size || !trn_str_eq_c(r.told, hex))) {
        e = bad_answer(&r);
        *err = r.err;
    }
    if (e == 0)
        *ret_size = r.size;
    return e < 0 && !err->code ? trn_fail(err, e, "cannot fetch the bundle: %s", trn_errno_name(e)) : e;
}

static int fail_file(struct trn_err *err, int code, const char *what, const char *file)
{
    char shown[200];
    trn_fail(err, code, "cannot %s '%s': %s", what, trn_escape_into(shown, sizeof(shown), trn_str_of(file)),
             trn_errno_name(code));
    if (code == -EEXIST)
        trn_hint(err, "choose another name, or --force");
    return code;
}

/* From the temporary name to the one that was asked for. */
static int put_in_place(const char *temporary, const char *file, bool force, struct trn_err *err)
{
    /* Not every file system knows NOREPLACE: a second name that must be new does the same. */
    int r = force ? rename(temporary, file) : renameat2(AT_FDCWD, temporary, AT_FDCWD, file, RENAME_NOREPLACE);
    if (r < 0 && !force && errno == EINVAL) {
        r = link(temporary, file);
        if (r == 0)
            r = unlink(temporary);
    }
    return r < 0 ? fail_file(err, -errno, "write", file) : 0;
}

static int write_bundle(struct trn_cli *cli, uint64_t id, const char *file, uint64_t *ret_size, struct trn_err *err)
{
    char temporary[4200];
    struct stat st;
    bool force = trn_cli_has(cli, "force");
    int n = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", file);
    if (n < 0 || (size_t)n >= sizeof(temporary))
        return fail_file(err, -ENAMETOOLONG, "write", file);
    if (lstat(file, &st) == 0 && !S_ISREG(st.st_mode)) {
        char shown[200];
        trn_fail(err, -EEXIST, "cannot write '%s': it is there and no plain file",
                 trn_escape_into(shown, sizeof(shown), trn_str_of(file)));
        trn_hint(err, "choose another name");
        return -EEXIST;
    }
    if (lstat(file, &st) == 0 && !force)
        return fail_file(err, -EEXIST, "write", file);
    TRN_AUTO(trn_fd_closep) int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600: arguments and paths of people */
    if (fd < 0)
        return fail_file(err, -errno, "write", file);
    int e = fetch(cli, id, fd, ret_size, err);
    if (e == 0 && fsync(fd) < 0)
        e = fail_file(err, -errno, "write", file);
    if (e == 0)
        e = put_in_place(temporary, file, force, err);
    if (e < 0)
        (void)unlink(temporary);
    return e;
}

bool trn_stories_bundle_asked(const struct trn_cli *cli)
{
    return trn_cli_has(cli, "bundle") || trn_cli_has(cli, "verify") || trn_cli_has(cli, "redact") ||
           trn_cli_has(cli, "force") || trn_cli_has(cli, "key");
}

/* Options that mean nothing together are a mistake, and a mistake with --redact would be a leak. */
static int check_options(const struct trn_cli *cli, uint64_t id, struct trn_err *err)
{
    bool bundle = trn_cli_has(cli, "bundle"), verify = trn_cli_has(cli, "verify");
    bool with_bundle = trn_cli_has(cli, "redact") || trn_cli_has(cli, "force"), key = trn_cli_has(cli, "key");
    bool other = trn_cli_has(cli, "close") || trn_cli_has(cli, "assign") || trn_cli_has(cli, "all");
    if (verify && (bundle || with_bundle || id || other))
        return trn_fail(err, -EINVAL, "'--verify' stands alone, or with '--key'");
    if (!verify && !bundle)
        return trn_fail(err, -EINVAL, "'%s' needs '%s FILE'",
                        key                          ? "--key"
                        : trn_cli_has(cli, "redact") ? "--redact"
                                                     : "--force",
                        key ? "--verify" : "--bundle");
    if (bundle && (key || other || !id || !trn_cli_value(cli, "bundle")[0])) {
        trn_fail(err, -EINVAL, "'--bundle' needs a story's id and a file, and goes with '--redact' and '--force'");
        trn_hint(err, "turncoat stories 7 --bundle acme.tcb");
        return -EINVAL;
    }
    return 0;
}

int trn_stories_bundle(struct trn_cli *cli, uint64_t id)
{
    const char *file = trn_cli_value(cli, "bundle");
    struct trn_err err = {0};
    uint64_t size = 0;
    char shown[200];
    if (check_options(cli, id, &err) < 0)
        return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
    if (!file)
        return trn_stories_verify(cli);
    if (write_bundle(cli, id, file, &size, &err) < 0)
        return trn_cli_error(cli, &err, err.code == -EEXIST ? TRN_EXIT_USAGE : TRN_EXIT_UNDECIDED);
    trn_escape_into(shown, sizeof(shown), trn_str_of(file));
    if (cli->json) {
        json_t *o = json_pack("{s:s, s:s, s:I, s:b}", "schema", "turncoat.bundle-written/1", "file", shown, "size",
                              (json_int_t)size, "redacted", trn_cli_has(cli, "redact"));
        trn_print_json(cli->out, o);
        json_decref(o);
    } else {
        fprintf(cli->err,
                "story %llu with its evidence is in '%s' (%llu bytes); anybody can check it: turncoat stories --verify "
                "'%s'\n",
                (unsigned long long)id, shown, (unsigned long long)size, shown);
    }
    return TRN_EXIT_OK;
}
