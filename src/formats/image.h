/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an image really ends: ICO, PNG, JPEG, GIF, BMP walked block by block, nothing decoded. What belongs to no block is a
 * "rest": behind the end, between two entries, or inside an entry behind its own picture. What belongs to a block that viewers
 * pass over (texts, comments, profiles, private blocks) is "carried". Of a PNG the stream of pixels is followed to its end.
 */
#ifndef TRN_FORMATS_IMAGE_H
#define TRN_FORMATS_IMAGE_H

#include "base/base.h"

#define TRN_IMAGE_RESTS 32u
#define TRN_IMAGE_CARRIED 32u
#define TRN_IMAGE_CARRIED_LEAST 48u /* fewer bytes in one block carry nothing */

enum trn_image_rest_kind {
    TRN_IMAGE_BEHIND = 0, /* behind the end of the image */
    TRN_IMAGE_BETWEEN,    /* between two of its parts */
    TRN_IMAGE_IN_ENTRY,   /* in an icon's entry, behind the end of the picture in it */
    TRN_IMAGE_SECOND,     /* a further picture that the first one lists (MPF) */
    TRN_IMAGE_VIDEO,      /* a film (ISO base media) right behind the end: Motion Photo */
    TRN_IMAGE_CAMERA,     /* a camera's own trailer (Samsung SEF), or a preview without its first bytes */
    TRN_IMAGE_IN_PIXELS,  /* in the blocks of the pixels, behind the end of their stream (PNG) */
    TRN_IMAGE_IN_BLOCK,   /* in a block, behind what it holds (a compressed text, a profile) */
    TRN_IMAGE_REST_MAX,
};

struct trn_image_rest {
    uint64_t at, size;
    enum trn_image_rest_kind kind;
};

enum trn_image_carried_kind {
    TRN_IMAGE_TEXT = 0, /* meant for people: tEXt, zTXt, iTXt, COM, a GIF's comment */
    TRN_IMAGE_META,     /* of a known kind: EXIF, XMP, Photoshop, content authenticity */
    TRN_IMAGE_PROFILE,  /* a colour profile (ICC) */
    TRN_IMAGE_PRIVATE,  /* of no kind that is known here */
};
enum trn_image_packing {
    TRN_IMAGE_PLAIN = 0,
    TRN_IMAGE_ZLIB,
    TRN_IMAGE_BLOCKS, /* a GIF's: a byte that says how many follow, then those; 0 ends */
};
struct trn_image_carried {
    uint64_t at, size; /* of the content, behind keyword and head */
    enum trn_image_carried_kind kind;
    enum trn_image_packing packing;
    char block[8];    /* "tEXt", "APP13", "COM" */
    char keyword[32]; /* raw, cut; "" */
};

struct trn_image_extent {
    uint32_t width, height; /* of the largest picture; 0: not told */
    uint64_t end;           /* where its own parts end; valid when damaged is NULL */
    const char *damaged;    /* in words, what was not as it should be; NULL: whole */
    uint64_t damaged_at;
    struct trn_image_rest rests[TRN_IMAGE_RESTS];
    uint32_t n_rests;
    uint32_t rests_left_out;
    uint32_t parts;                                      /* chunks, segments, blocks, entries */
    struct trn_image_carried carried[TRN_IMAGE_CARRIED]; /* the largest, in no order */
    uint32_t n_carried, carried_left_out;
    uint32_t n_small; /* parts too small for that list; bytes of all of them */
    uint64_t small;
    /* of a PNG */
    uint64_t pixels_at;     /* of the first block of pixels */
    uint64_t pixels_extra;  /* bytes that their stream gives behind the last row */
    uint64_t pixels_unread; /* bytes of the stream that were not followed, for it gave too much */
};

/* 0 when it is an image of that format (perhaps damaged), -ENOMSG when it is none, or what the source gave. *ret is filled in
 * the first case only. The arena holds an icon's table of entries (64 KB at most). */
int trn_png_walk(const struct trn_source *s, struct trn_image_extent *ret) TRN_MUST_CHECK;
int trn_jpeg_walk(const struct trn_source *s, struct trn_image_extent *ret) TRN_MUST_CHECK;
int trn_gif_walk(const struct trn_source *s, struct trn_image_extent *ret) TRN_MUST_CHECK;
int trn_bmp_walk(const struct trn_source *s, struct trn_image_extent *ret) TRN_MUST_CHECK;
int trn_ico_walk(const struct trn_source *s, struct trn_arena *a, struct trn_image_extent *ret) TRN_MUST_CHECK;

/* ---- shared by the readers ---- */
/* A rest, if size is not 0; when there is no room the smallest makes way. */
void trn_image_rest(struct trn_image_extent *i, enum trn_image_rest_kind kind, uint64_t at, uint64_t size);
/* Something carried, unless it is too small to carry anything. When there is no room the smallest makes way. */
void trn_image_carry(struct trn_image_extent *i, const struct trn_image_carried *c);
/* Says what is wrong and where, once; returns 0 so that a reader can end with it. */
int trn_image_damaged(struct trn_image_extent *i, const char *what, uint64_t at);
/* Exactly n bytes: 0, -EBADMSG when they are not there, or what the source gave. */
int trn_image_get(const struct trn_source *s, uint64_t at, void *dst, size_t n) TRN_MUST_CHECK;
/* A bitmap without a file header (BITMAPINFO, as in .bmp and .ico): what it takes from there on. */
struct trn_dib {
    uint32_t width, height;
    uint64_t before;      /* header, masks, palette */
    uint64_t pixels;      /* rows, each a multiple of four bytes; or as told when compressed */
    uint64_t mask;        /* of an icon */
    uint64_t profile_end; /* of a colour profile, counted from the header; 0: none */
};
/* head holds the first 124 bytes at most. icon: the height counts twice and a mask follows. False: sizes that make no sense,
 * or compressed without a size. */
bool trn_dib_read(struct trn_str head, bool icon, struct trn_dib *ret);

#endif
