/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share. */
#ifndef TRN_SOFTWARE_INTERNAL_H
#define TRN_SOFTWARE_INTERNAL_H

#include "software/software.h"

/* Limits on a package database, far above any real one. */
#define TRN_DPKG_PACKAGES_MAX 65536u
#define TRN_DPKG_FILES_MAX (4u << 20)
#define TRN_DPKG_TEXT_MAX (64u << 20) /* status, or one list */
#define TRN_DPKG_WORD_MAX 256u        /* name, version, architecture, maintainer */
#define TRN_DPKG_DIVERSIONS_MAX 16384u
#define TRN_SOFTWARE_PATH_MAX 4096u

/* path.c: merged /usr. /bin, /sbin, /lib* are links into /usr there, and a package may list either. */
uint64_t trn_path_hash(struct trn_str path);
/* Hash of the other name: /bin/x of /usr/bin/x, and the other way round. False: there is none. */
bool trn_path_hash_alias(struct trn_str path, uint64_t *ret);

/* dpkg_status.c */
struct trn_dpkg_packages {
    struct trn_arena *arena; /* borrowed */
    struct trn_map *by_name; /* hash of name and architecture -> index */
    struct trn_dpkg_row {
        struct trn_package p;
        bool present; /* has files on the disk */
    } * rows;
    size_t n, cap;
};
int trn_dpkg_packages_init(struct trn_dpkg_packages *l, struct trn_arena *arena) TRN_MUST_CHECK;
void trn_dpkg_packages_done(struct trn_dpkg_packages *l);
/* Adds the stanzas of a status file; one that is there already is replaced (dpkg's journal). */
int trn_dpkg_status_parse(struct trn_str text, struct trn_dpkg_packages *l) TRN_MUST_CHECK;

/* dpkg_divert.c */
struct trn_diversions {
    struct trn_arena *arena; /* borrowed */
    struct trn_map *by_path;
    struct trn_diversion {
        struct trn_str to, package; /* package ":" : the administrator */
    } * rows;
    size_t n, cap;
};
int trn_diversions_init(struct trn_diversions *d, struct trn_arena *arena) TRN_MUST_CHECK;
void trn_diversions_done(struct trn_diversions *d);
int trn_diversions_parse(struct trn_str text, struct trn_diversions *d) TRN_MUST_CHECK;
/* Where a package's file of that name really is. */
struct trn_str trn_diversions_apply(const struct trn_diversions *d, struct trn_str package, struct trn_str path);

/* dpkg_list.c: the files of one package, from its .list and .md5sums; directories are left out. */
struct trn_dpkg_file {
    uint64_t hash;
    struct trn_str path; /* view of the list */
    bool has_md5;
    uint8_t md5[TRN_MD5_SIZE];
};
struct trn_dpkg_list {
    struct trn_dpkg_file *files;
    uint64_t *parents;
    size_t n, cap, cap_parents;
};
void trn_dpkg_list_done(struct trn_dpkg_list *l);
int trn_dpkg_list_parse(struct trn_str list, struct trn_str md5sums, struct trn_dpkg_list *l) TRN_MUST_CHECK;

/* Room for one more in a growing array. */
int trn_grow(void **p, size_t *cap, size_t n, size_t each, size_t max) TRN_MUST_CHECK;

#endif
