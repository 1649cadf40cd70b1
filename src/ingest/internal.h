/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: the form of a mapping table, and the steps from bytes to events. */
#ifndef TRN_INGEST_INTERNAL_H
#define TRN_INGEST_INTERNAL_H

#include "ingest/ingest.h"

#include <jansson.h>

#define TRN_RECORD_MAX (1u << 20) /* bytes of one JSON object */
#define TRN_MAP_ROWS 28

/* ---- tables ---- */

/* How a value of theirs becomes one of ours. "" and "-" are absent everywhere. */
enum trn_convert {
    TRN_AS_TEXT,
    TRN_AS_PATH,        /* '\' becomes '/', "\\?\" goes; several parts are joined by '/' */
    TRN_AS_NUMBER,      /* decimal or 0x-hex, as number or text */
    TRN_AS_NAME,        /* a name of our own table, lower case: "tcp" */
    TRN_AS_TIME,        /* ISO 8601, or "2026-11-27 11:00:00.123" in UTC */
    TRN_AS_IP,          /* IPv4 in IPv6 becomes IPv4 */
    TRN_AS_ENTITY,      /* the parts together name a process over its life */
    TRN_AS_FILE_ID,     /* a file of a system that tells no inode: its path, without regard to case */
    TRN_AS_HOST_ID,     /* the machine's name, where a device number belongs */
    TRN_AS_CONTENT_ID,  /* what distinguishes one content of a path from the next, where a ctime belongs */
    TRN_AS_SHA256,      /* out of "SHA1=..,SHA256=.." or alone */
    TRN_AS_ARGS,        /* command line of Windows */
    TRN_AS_LIST,        /* JSON array of strings */
    TRN_AS_ENV,         /* the same, of an environment: what the dynamic loader heeds */
    TRN_AS_ANSWERS,     /* "type:  5 a.test;::ffff:192.0.2.1;" */
    TRN_AS_VERSION,     /* up to the first space */
    TRN_AS_APP,         /* "Acme" of ".../Acme.app/Contents/..." */
    TRN_AS_EXIT,        /* wait status */
    TRN_AS_RIGHTS,      /* granted access of Windows, in words */
    TRN_AS_IF_SIGNED,   /* the first part when the others are "true" and "Valid" */
    TRN_AS_ORIGIN_WIN,  /* "windows" when so signed, else "manual": anybody can write a product's name into a file */
    TRN_AS_SYSTEM_WIN,  /* TRN_SW_BASE when Microsoft signed it as part of Windows */
    TRN_AS_ORIGIN_MAC,  /* "macos" when a team signed it or it is part of the system */
    TRN_AS_SYSTEM_MAC,  /* TRN_SW_BASE when it is part of the system */
    TRN_AS_MANUAL,      /* always "manual" */
    TRN_AS_SENSITIVE,   /* class of a place, from the path */
    TRN_AS_PLACE_OWNER, /* whose data is there */
};

struct trn_map_row {
    const char
        *from;      /* names, several parted by spaces; dots go into objects; "@host", "@time": as the shape tells it */
    uint16_t field; /* enum trn_field; the first row that gives a value wins */
    uint8_t how;    /* enum trn_convert */
};

enum trn_once {
    TRN_ALWAYS = 0,
    TRN_ONCE_PROCESS, /* who acts was there before the recording began: told when first met */
    TRN_ONCE_FILE,    /* what a file is: told when new, or when a signature becomes known */
};

/* Every row whose id fits makes one event; order of rows is order of events. id "*": any kind. */
struct trn_map_kind {
    const char *id;
    uint16_t type, action;
    uint8_t once;
    uint32_t flags;
    const char *when; /* "name=value", "name&bits", NULL: always */
    struct trn_map_row rows[TRN_MAP_ROWS];
};

struct trn_map_source {
    const char *name;
    struct trn_map_row common[TRN_MAP_ROWS]; /* taken for every event, after the kind's own rows */
    const struct trn_map_kind *kinds;
    size_t n_kinds;
};

extern const struct trn_map_source trn_map_sysmon, trn_map_eslogger;

/* ---- shape.c: what is this object? ---- */
struct trn_shape {
    const struct trn_map_source *source; /* NULL: a log of a known product that has no table */
    const char *product;                 /* "Microsoft-Windows-Security-Auditing"; borrowed */
    char id[32];                         /* "11", "exec" */
    const json_t *data;                  /* where the fields are */
    const char *host;                    /* NULL: not told */
    const char *time;                    /* when the record was written, by the one clock of the log; NULL: not told */
};
bool trn_shape_of(const json_t *object, struct trn_shape *ret);

/* ---- convert.c ---- */
/* Fills *ret for the field. 0; -ENODATA absent; -EINVAL not readable; -ENOMEM. */
int trn_convert(const struct trn_shape *s, const struct trn_map_row *row, const struct trn_field_def *f,
                struct trn_arena *arena, struct trn_value *ret) TRN_MUST_CHECK;
/* Text of a string, number or truth value, in the arena; absent when it is none, "" or "-". */
struct trn_str trn_text_below(const struct trn_shape *s, struct trn_str name, struct trn_arena *arena);

/* ---- convert_text.c: pure functions of text ---- */
struct trn_str trn_win_path(struct trn_str path, struct trn_arena *arena);
struct trn_str trn_win_args(struct trn_str line, struct trn_arena *arena); /* each ended by NUL */
struct trn_str trn_win_answers(struct trn_str text, struct trn_arena *arena);
struct trn_str trn_win_rights(uint64_t granted, struct trn_arena *arena);
struct trn_str trn_sha256_text(struct trn_str hashes); /* the 64 digits; absent */
struct trn_str trn_app_name(struct trn_str path);
uint64_t trn_hash_folded(struct trn_str s, struct trn_arena *arena); /* ASCII case ignored; never 0 */

/* ---- places.c ---- */
struct trn_foreign_place {
    const char *files; /* glob over the whole path, case ignored */
    const char *klass; /* as the sensor's table of Linux has it */
    const char *owner; /* what names of its owner begin with; NULL: nobody in particular */
};
const struct trn_foreign_place *trn_foreign_place_of(struct trn_str path);

/* ---- record.c: bytes to JSON objects ---- */
struct trn_records {
    struct trn_buf text; /* of the record so far */
    uint64_t line;       /* being read, from 1 */
    uint64_t first_line; /* of the record */
    unsigned depth;
    bool began, several_lines, too_long, in_string, escaped;
};
typedef int trn_record_fn(void *ctx, uint64_t line, struct trn_str text, bool too_long);
void trn_records_init(struct trn_records *r);
void trn_records_done(struct trn_records *r);
int trn_records_feed(struct trn_records *r, struct trn_str bytes, trn_record_fn *fn, void *ctx) TRN_MUST_CHECK;
int trn_records_end(struct trn_records *r, trn_record_fn *fn, void *ctx) TRN_MUST_CHECK;

/* ---- order.c: by time, within a window ---- */
struct trn_ingest_order;
struct trn_ingest_order *trn_order_new(void) TRN_MUST_CHECK;
struct trn_ingest_order *trn_order_free(struct trn_ingest_order *o);
/* Takes a copy of ev, gives what is due. *ret_late: ev was older than what was given already. */
int trn_order_push(struct trn_ingest_order *o, const struct trn_event *ev, const struct trn_event_sink *sink,
                   bool *ret_late) TRN_MUST_CHECK;
int trn_order_flush(struct trn_ingest_order *o, const struct trn_event_sink *sink) TRN_MUST_CHECK;
uint64_t trn_order_last(const struct trn_ingest_order *o); /* latest time seen; 0: none */

#endif
