/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: bytes of a Windows image that nothing in it accounts for: behind its end, between its sections, in what is said to be
 * symbols; what of it and of its resources is looked at further.
 * Must not own: the certificate table (signatures).
 * Hand-offs: parts go to the driver by place.
 */
#include "artifact/appended.h"
#include "artifact/check_pe.h"
#include "artifact/kinds.h"

#include <stdio.h>

#define FOR_PROGRAMS 10u
#define MEMORY_PAGE 4096u
#define RESOURCE_MIN 4096u
#define PARTS_MAX 256u
#define RT_RCDATA TRN_PE_RT_RCDATA
#define RT_LAST 24u

static int tell(struct trn_look *l, const struct trn_pe *pe, uint64_t at, uint64_t size, const char *where)
{
    uint32_t entropy = size > TRN_PE_OVERLAY_MIN ? trn_look_entropy(l, at, size) : 0;
    struct trn_finding f;
    if (entropy <= TRN_RANDOM_LOOKING)
        return 0;
    trn_finding_init(&f, trn_check_find(TRN_STR("pe.overlay")));
    if (!trn_pe_is_library(pe))
        f.score = FOR_PROGRAMS;
    trn_look_say(l, &f, "%llu bytes that look random stand %s of the %s at 0x%llx, where the system never reads them",
                 (unsigned long long)size, where, trn_pe_is_library(pe) ? "library" : "program",
                 (unsigned long long)at);
    trn_finding_add(&f, "where", trn_str_of(where));
    trn_look_evidence(l, &f, at, size);
    return trn_look_found(l, &f);
}

/* ---- inside ---- */

struct range {
    uint64_t from, to;
};

static int by_place(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    return x->from < y->from ? -1 : x->from > y->from;
}

/* Bytes of the file that a section takes into memory: whole pages of its size there, at most what the file has. */
static uint64_t taken(const struct trn_pe_section *s)
{
    uint64_t pages = ((uint64_t)s->size + MEMORY_PAGE - 1) / MEMORY_PAGE * MEMORY_PAGE;
    return pages ? TRN_MIN(pages, (uint64_t)s->raw_size) : s->raw_size;
}

/* What headers, sections and the certificate table hold, in the order of the file. */
static struct range *held(struct trn_look *l, const struct trn_pe *pe, uint32_t *ret_n)
{
    struct range *r = trn_arena_array(l->arena, pe->n_sections + 2u, sizeof(*r));
    uint32_t n = 0;
    if (!r)
        return NULL;
    r[n++] = (struct range){0, pe->sections_at + (uint64_t)pe->n_sections * 40};
    for (uint32_t i = 0; i < pe->n_sections; i++)
        if (pe->sections[i].raw_size)
            r[n++] = (struct range){pe->sections[i].raw_at, pe->sections[i].raw_at + taken(&pe->sections[i])};
    if (pe->certificates_size)
        r[n++] = (struct range){pe->certificates_at, pe->certificates_at + pe->certificates_size};
    qsort(r, n, sizeof(*r), by_place);
    *ret_n = n;
    return r;
}

static int check_gaps(struct trn_look *l, const struct trn_pe *pe)
{
    uint32_t n = 0;
    uint64_t at = 0;
    struct range *r = held(l, pe, &n);
    if (!r)
        return -ENOMEM;
    for (uint32_t i = 0; i <= n && at < pe->image_end; i++) {
        uint64_t from = i < n ? TRN_MIN(r[i].from, pe->image_end) : pe->image_end;
        int e = from > at ? tell(l, pe, at, from - at, "between the parts") : 0;
        if (e < 0)
            return e;
        at = i < n ? TRN_MAX(at, r[i].to) : at;
    }
    return 0;
}

/* ---- behind ---- */

static int check_behind(struct trn_look *l, const struct trn_pe *pe, uint64_t at, uint64_t size, const char *where)
{
    struct trn_appended a;
    if (size <= TRN_PE_OVERLAY_MIN)
        return 0;
    int e = trn_appended_of(l, at, size, &a);
    if (e == 0 && a.what) {
        e = trn_look_property(l, "overlay", trn_str_of(a.what));
        if (e == 0 && a.at > at)
            e = tell(l, pe, at, a.at - at, where);
        return e;
    }
    return e < 0 ? e : tell(l, pe, at, size, where);
}

int trn_pe_check_overlay(struct trn_look *l, const struct trn_pe *pe)
{
    int e = check_gaps(l, pe);
    if (e == 0)
        e = check_behind(l, pe, pe->overlay_at, pe->overlay_size, "behind the end");
    return e < 0 ? e : check_behind(l, pe, pe->tail_at, pe->tail_size, "behind the certificate table");
}

/* ---- parts that are looked at further ---- */

static int open_behind(struct trn_look *l, uint64_t at, uint64_t size, const char *name)
{
    struct trn_appended a;
    if (size < 64)
        return 0;
    int e = trn_appended_of(l, at, size, &a);
    if (e < 0 || !(a.opened || size > TRN_PE_OVERLAY_MIN))
        return e;
    struct trn_member m = {.name = trn_str_of(name), .size = a.size, .packed = a.size};
    return trn_look_part(l, &m, a.at, a.size);
}

static bool resource_may_hold(const struct trn_pe_resource *r)
{
    return r->size > RESOURCE_MIN && (!trn_str_is_none(r->type_name) || r->type == RT_RCDATA || r->type > RT_LAST);
}

static struct trn_str resource_name(struct trn_look *l, const struct trn_pe_resource *r)
{
    char type[64], name[96];
    snprintf(type, sizeof(type), r->type == RT_RCDATA ? "RCDATA" : "%u", r->type);
    snprintf(name, sizeof(name), "%u", r->id);
    if (!trn_str_is_none(r->type_name))
        trn_escape_into(type, sizeof(type), r->type_name);
    if (!trn_str_is_none(r->name))
        trn_escape_into(name, sizeof(name), r->name);
    return trn_arena_printf(l->arena, ".rsrc/%s/%s", type, name);
}

static int open_resources(struct trn_look *l, const struct trn_pe_resources *all)
{
    uint32_t parts = 0;
    for (uint32_t i = 0; i < all->n; i++) {
        const struct trn_pe_resource *r = &all->list[i];
        enum trn_format format = TRN_FORMAT_DATA;
        struct trn_source part = trn_source_part(l->bytes, r->at, r->size);
        int e = resource_may_hold(r) ? trn_format_probe(&part, TRN_STR_NONE, &format) : 0;
        if (e < 0)
            return e;
        bool image = format >= TRN_FORMAT_ICO && format <= TRN_FORMAT_BMP;
        if (!trn_format_holds(format) && !image)
            continue;
        if (parts++ == PARTS_MAX)
            return trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR(".rsrc"), "more than %u resources that hold files",
                                PARTS_MAX);
        struct trn_member m = {.name = resource_name(l, r), .size = r->size, .packed = r->size};
        e = trn_look_part(l, &m, r->at, r->size);
        if (e < 0)
            return e;
    }
    return 0;
}

int trn_open_pe(struct trn_look *l, struct trn_err *err)
{
    struct trn_pe pe;
    struct trn_pe_resources resources;
    int e = trn_pe_read(l->bytes, l->arena, &pe);
    if (e == -ENOEXEC || e == -EBADMSG)
        return 0; /* was said when it was looked at */
    if (e == 0)
        e = trn_pe_resources(&pe, l->arena, &resources);
    if (e == 0)
        e = open_resources(l, &resources);
    if (e == 0)
        e = open_behind(l, pe.overlay_at, pe.overlay_size, "overlay");
    return e < 0 ? e : open_behind(l, pe.tail_at, pe.tail_size, "tail");
}
