/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the room, and for tests: the vault, where files stand that must not run. Each has a number, its content in
 * ID.data and its record in ID.record: what it was and how far it is. Both folders and files are root's own.
 */
#ifndef TRN_RESPONSE_EXECUTE_VAULT_H
#define TRN_RESPONSE_EXECUTE_VAULT_H

#include "base/base.h"

#include <sys/stat.h>

#define TRN_VAULT_MAX_BYTES (2ull << 30)
#define TRN_VAULT_XATTRS 64u
#define TRN_VAULT_XATTRS_BYTES (128u << 10)
#define TRN_VAULT_RECORD_MAX (256u << 10)
#define TRN_VAULT_ENTRIES 4096u

enum trn_vault_state {
    TRN_VAULT_TAKING = 1, /* the original counts */
    TRN_VAULT_HELD,       /* the vault counts */
    TRN_VAULT_RESTORING,  /* the vault counts, unless what was put back has the number in the record */
    TRN_VAULT_RESTORED,   /* what was put back counts */
    TRN_VAULT_STATE_MAX,
};

struct trn_vault_xattr {
    struct trn_str name, value;
};

struct trn_vault_time {
    int64_t sec;
    uint32_t nsec;
};

struct trn_vault_record {
    uint64_t id;
    enum trn_vault_state state;
    bool copied;         /* ID.data is a copy, with an owner and a mode of its own; otherwise the file itself */
    struct trn_str path; /* absolute, without links; any bytes */
    uint64_t folder_dev, folder_ino;
    uint32_t folder_uid, folder_gid, folder_mode;
    uint64_t dev, ino, size, links;
    uint32_t uid, gid, mode; /* with file type, set-user-id and so on */
    struct trn_vault_time accessed, modified, changed;
    uint8_t sha256[TRN_SHA256_SIZE];
    uint64_t back_dev, back_ino; /* RESTORING a copy: what is put back, 0: not made yet */
    uint64_t held_ino;           /* of ID.data, when it is a copy */
    const struct trn_vault_xattr *xattrs;
    uint32_t n_xattrs;
};

/* ---- vault_record.c ---- */
void trn_vault_record_encode(const struct trn_vault_record *r, struct trn_buf *out);
/* Texts in the arena. -EPROTO: cut short, changed, or of another version. */
int trn_vault_record_decode(struct trn_str bytes, struct trn_arena *arena, struct trn_vault_record *ret) TRN_MUST_CHECK;

/* ---- vault_file.c: one file, by descriptor ---- */
int trn_vault_hash(int fd, uint8_t ret[TRN_SHA256_SIZE]) TRN_MUST_CHECK; /* from its start; leaves the access time */
/* Holes stay holes. to: empty. */
int trn_vault_copy(int from, int to) TRN_MUST_CHECK;
/* What fstat and the xattrs tell; path, folder, hash and state stay. */
int trn_vault_look(int fd, struct trn_arena *arena, struct trn_vault_record *ret) TRN_MUST_CHECK;
/* Owner, xattrs, mode, times, in the order in which none undoes another. */
int trn_vault_apply(int fd, const struct trn_vault_record *r, struct trn_err *err) TRN_MUST_CHECK;

/* ---- vault.c ---- */

/* After which step something is told: for tests, which end the process there. */
enum trn_vault_step {
    TRN_STEP_TAKE_RECORD = 1, /* the record says that it is being taken */
    TRN_STEP_TAKE_MOVED,      /* renamed into the vault */
    TRN_STEP_TAKE_HALF,       /* some of the content is copied */
    TRN_STEP_TAKE_COPIED,     /* all of it, under a temporary name */
    TRN_STEP_TAKE_NAMED,      /* under its name in the vault */
    TRN_STEP_TAKE_HELD,       /* the record says that the vault counts */
    TRN_STEP_TAKE_UNLINKED,   /* the original is gone */
    TRN_STEP_BACK_RECORD,
    TRN_STEP_BACK_MOVED,
    TRN_STEP_BACK_HALF,
    TRN_STEP_BACK_COPIED, /* with owner, mode, times, xattrs, under a temporary name beside its place */
    TRN_STEP_BACK_NUMBER, /* the record knows its inode */
    TRN_STEP_BACK_NAMED,  /* in its place */
    TRN_STEP_BACK_DONE,   /* the record says that the place counts */
    TRN_STEP_BACK_UNLINKED,
    TRN_STEP_MAX,
};

struct trn_vault {
    int fd; /* STATE/response/vault, locked while it is open */
    uint64_t max_bytes;
    bool always_copy; /* as if the vault were on another file system */
    void (*step)(void *ctx, enum trn_vault_step s);
    void *ctx;
};

/* Makes the folder, waits for the lock. The caller sets the rest. */
int trn_vault_open(int response_fd, struct trn_vault *ret, struct trn_err *err) TRN_MUST_CHECK;
/* The same without the lock, only to look: another may be at work. */
int trn_vault_peek(int response_fd, struct trn_vault *ret, struct trn_err *err) TRN_MUST_CHECK;
void trn_vault_close(struct trn_vault *v);

/* A file that is to be taken: opened, looked at. */
struct trn_vault_place {
    int fd;       /* to read */
    int folder;   /* O_PATH */
    bool written; /* somebody has it open for writing */
    struct trn_vault_record r;
};
/* path: absolute; links are followed, but not those of /proc. Refuses what is no file, or cannot be taken. */
int trn_vault_find(struct trn_str path, struct trn_arena *arena, struct trn_vault_place *ret, struct trn_err *err)
    TRN_MUST_CHECK;
void trn_vault_place_done(struct trn_vault_place *p);
/* -EDQUOT with a hint. */
int trn_vault_room(const struct trn_vault *v, uint64_t bytes, struct trn_err *err) TRN_MUST_CHECK;

/* Hashes and takes. -ESTALE: it changed meanwhile, or is not what was wanted (sha256, NULL: any), and is left where it
 * is. */
int trn_vault_take(const struct trn_vault *v, uint64_t id, struct trn_vault_place *p, const uint8_t *wanted,
                   struct trn_err *err) TRN_MUST_CHECK;
int trn_vault_restore(const struct trn_vault *v, uint64_t id, struct trn_err *err) TRN_MUST_CHECK;
int trn_vault_load(const struct trn_vault *v, uint64_t id, struct trn_arena *arena, struct trn_vault_record *ret,
                   struct trn_err *err) TRN_MUST_CHECK; /* -ENOENT: there is none */
/* What lies at its path now, without following links; -ENOENT: nothing. */
int trn_vault_at_place(const struct trn_vault_record *r, struct stat *ret) TRN_MUST_CHECK;
/* Whether ID.data has the content that it should have; -EBADMSG. */
int trn_vault_verify(const struct trn_vault *v, const struct trn_vault_record *r) TRN_MUST_CHECK;
/* Completes or rolls back what was interrupted. The first that cannot be is told; the others are done all the same. */
int trn_vault_recover(const struct trn_vault *v, struct trn_err *err) TRN_MUST_CHECK;

/* ---- what the files of the vault share ---- */

enum trn_vault_suffix { TRN_VAULT_DATA, TRN_VAULT_RECORD, TRN_VAULT_PART, TRN_VAULT_NEW };
struct trn_vault_name {
    char s[40];
};
struct trn_vault_name trn_vault_name(uint64_t id, enum trn_vault_suffix suffix);
struct trn_vault_name trn_vault_name_beside(uint64_t id); /* while it is put back, beside its place */
void trn_vault_stepped(const struct trn_vault *v, enum trn_vault_step s);
int trn_vault_save(const struct trn_vault *v, const struct trn_vault_record *r, struct trn_err *err) TRN_MUST_CHECK;
/* Content, then record. */
int trn_vault_forget(const struct trn_vault *v, uint64_t id, struct trn_err *err) TRN_MUST_CHECK;
/* Its folder, O_PATH, reached without any link. -ESTALE: another folder stands there now. */
int trn_vault_folder(const struct trn_vault_record *r, struct trn_err *err) TRN_MUST_CHECK;
int trn_vault_sync(int folder) TRN_MUST_CHECK; /* also of an O_PATH descriptor */
int trn_vault_rename_new(int from_dir, const char *from, int to_dir, const char *to)
    TRN_MUST_CHECK;                                                                 /* never over another */
int trn_vault_base(const struct trn_vault_record *r, char ret[256]) TRN_MUST_CHECK; /* last part of its path */

#endif
