/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what is told of a Mach-O file: of a thin one what it is, who signed it, which bytes nobody vouches for; of a
 * universal one its slices, each as an artifact of its own, and what lies between them.
 * Must not own: reading the format (formats/macho*.c), judging a signature (signature/apple*.c).
 */
#include "artifact/check_macho.h"

#define SLACK_SMALL 8u

static int property(struct trn_look *l, const char *key, struct trn_str value)
{
    return trn_look_property(l, key, value);
}

static int tell_dylibs(struct trn_look *l, const struct trn_macho *m)
{
    int e = 0;
    for (uint32_t i = 0; e == 0 && i < m->n_dylibs; i++) {
        const struct trn_macho_dylib *d = &m->dylibs[i];
        struct trn_str v = trn_macho_version(l->arena, d->version);
        if (!trn_str_is_empty(d->name))
            e = property(l, "dependency",
                         trn_arena_printf(l->arena, "%.*s %.*s", TRN_STR_ARG(d->name), TRN_STR_ARG(v)));
    }
    for (uint32_t i = 0; e == 0 && i < m->n_rpaths; i++)
        e = property(l, "rpath", m->rpaths[i]);
    return e;
}

static int tell_properties(struct trn_look *l, const struct trn_macho *m)
{
    char hex[33];
    int e = property(l, "arch", trn_str_of(trn_macho_arch_name(m->cpu, m->subtype)));
    if (e == 0)
        e = property(l, "type", trn_str_of(trn_macho_type_name(m->type)));
    if (e == 0 && m->has_uuid) {
        trn_hex(m->uuid, sizeof(m->uuid), hex);
        e = property(l, "uuid", trn_str_of(hex));
    }
    if (e == 0 && m->min_os) {
        struct trn_str v = trn_macho_version(l->arena, m->min_os);
        const char *platform = trn_macho_platform_name(m->platform);
        e = property(l, "min_os",
                     trn_arena_printf(l->arena, "%s%s%.*s", platform, platform[0] ? " " : "", TRN_STR_ARG(v)));
    }
    if (e == 0)
        e = property(l, "install_name", m->id);
    if (e == 0 && m->id_version)
        e = property(l, "version", trn_macho_version(l->arena, m->id_version));
    return e < 0 ? e : tell_dylibs(l, m);
}

/* ---- bytes that nothing vouches for ---- */

int trn_macho_tell_slack(struct trn_look *l, uint64_t at, uint64_t size, const char *where, bool is_signed)
{
    struct trn_finding f;
    trn_finding_init(&f, trn_check_find(is_signed ? TRN_STR("macho.signature-slack") : TRN_STR("macho.overlay")));
    /* fewer bytes than anything could be hidden in */
    if (size < SLACK_SMALL)
        f.score = TRN_MIN(f.score, (uint16_t)35);
    trn_look_evidence(l, &f, at, size);
    where = where ? where : "there";
    trn_finding_add(&f, "where", trn_str_of(where));
    trn_look_say(l, &f,
                 is_signed ? "%llu bytes that are not zero stand %s at 0x%llx, where the code signature covers nothing "
                             "and the format keeps zeros"
                           : "%llu bytes stand %s at 0x%llx, which no load command accounts for",
                 (unsigned long long)size, where, (unsigned long long)at);
    return trn_look_found(l, &f);
}

/* Ranges of the signature's own room. */
static int tell_uncovered(struct trn_look *l, const struct trn_apple *x)
{
    int e = 0;
    for (uint32_t i = 0; e == 0 && i < x->s.n_uncovered; i++) {
        const struct trn_uncovered *u = &x->s.uncovered[i];
        if (!u->expected)
            e = trn_macho_tell_slack(l, u->at, u->size, trn_arena_printf(l->arena, "in the %s", u->what).p, true);
    }
    return e;
}

/* Behind the signature, or behind everything that a load command accounts for. */
static int tell_behind(struct trn_look *l, const struct trn_macho *m, struct trn_apple *x)
{
    static const char where[] = "part behind the end of the program";
    uint64_t at, size, end = m->end;
    if (m->signature_size && !trn_add_ok(m->signature_at, m->signature_size, &end))
        return 0;
    if (end >= l->bytes->size)
        return 0;
    int e = trn_apple_nonzero(l->bytes, end, l->bytes->size - end, &at, &size);
    if (e <= 0)
        return e;
    if (x->s.kind == TRN_SIGNATURE_APPLE)
        trn_signature_uncovered(&x->s, at, size, where, false); /* told with the others */
    return x->s.kind == TRN_SIGNATURE_APPLE ? 0
                                            : trn_macho_tell_slack(l, at, size, "behind the end of the program", false);
}

int trn_apple_tell_mismatch(struct trn_look *l, const struct trn_apple *x, const char *what)
{
    struct trn_finding f;
    char signer[256];
    bool adhoc = x->s.kind == TRN_SIGNATURE_APPLE_ADHOC;
    trn_finding_init(&f, trn_check_find(TRN_STR("signature.digest-mismatch")));
    if (adhoc)
        f.score = TRN_MIN(f.score, (uint16_t)30); /* nobody put his name to it */
    if (x->wrong_at != UINT64_MAX)
        trn_finding_add(&f, "offset", trn_arena_printf(l->arena, "0x%llx", (unsigned long long)x->wrong_at));
    trn_finding_add(&f, "why", trn_str_of(x->why));
    trn_finding_add(&f, "signer", x->s.signer);
    trn_look_say(l, &f, "the code signature%s%s does not fit the %s: %s", trn_str_is_empty(x->s.signer) ? "" : " of ",
                 trn_str_is_empty(x->s.signer) ? "" : trn_escape_into(signer, sizeof(signer), x->s.signer), what,
                 x->why ? x->why : "its content was changed");
    return trn_look_found(l, &f);
}

static int tell_unsigned_attribute(struct trn_look *l, const struct trn_macho *m, const struct trn_apple *x)
{
    if (x->unsigned_bytes <= 512)
        return 0;
    struct trn_finding f;
    trn_finding_init(&f, trn_check_find(TRN_STR("macho.signature-slack")));
    f.score = TRN_MIN(f.score, (uint16_t)70);
    trn_finding_add(&f, "offset", trn_arena_printf(l->arena, "0x%llx", (unsigned long long)m->signature_at));
    trn_finding_add(&f, "size", trn_arena_printf(l->arena, "%llu", (unsigned long long)x->unsigned_bytes));
    trn_look_say(l, &f,
                 "the signature holds %llu bytes of attributes, certificates or lists that nobody signed and no known "
                 "purpose explains",
                 (unsigned long long)x->unsigned_bytes);
    return trn_look_found(l, &f);
}

int trn_apple_tell_signature(struct trn_look *l, const struct trn_apple *x)
{
    const struct trn_apple_directory *d = x->n_directories ? &x->directories[0] : NULL;
    char hex[41];
    int e = trn_look_signature(l, &x->s);
    if (e == 0 && d)
        e = property(l, "identifier", d->identifier);
    if (e == 0)
        e = property(l, "team", x->s.team);
    if (e == 0 && d)
        e = property(l, "code_flags", trn_apple_flags(l->arena, d->flags));
    if (e == 0 && x->s.content_digest.n >= 20) {
        trn_hex(x->s.content_digest.p, 20, hex);
        e = property(l, "cdhash", trn_str_of(hex));
    }
    if (e == 0 && x->has_ticket)
        e = property(l, "notarization", TRN_STR("stapled"));
    return e;
}

static int look_signed(struct trn_look *l, const struct trn_macho *m, struct trn_apple *x)
{
    struct trn_apple_where w = {.bytes = l->bytes, .at = m->signature_at, .size = m->signature_size};
    int e = m->signature_size ? trn_apple_verify(&w, l->arena, x) : 0;
    if (e < 0)
        return e;
    if (m->n_signatures > 1 && x->s.kind != TRN_SIGNATURE_NONE) { /* which one counts depends on who looks */
        x->s.digest = TRN_DIGEST_BAD;
        x->why = "it names more than one code signature";
    }
    e = tell_behind(l, m, x);
    if (e < 0 || x->s.kind == TRN_SIGNATURE_NONE)
        return e;
    e = trn_apple_tell_signature(l, x);
    if (e == 0)
        e = tell_uncovered(l, x);
    if (e == 0 && x->s.digest == TRN_DIGEST_BAD)
        e = trn_apple_tell_mismatch(l, x, "program");
    if (e == 0)
        e = tell_unsigned_attribute(l, m, x);
    return e < 0 ? e : trn_macho_entitlements(l, x);
}

int trn_look_macho(struct trn_look *l, struct trn_err *err)
{
    struct trn_macho m;
    TRN_AUTO(trn_freep) struct trn_apple *x = calloc(1, sizeof(*x));
    if (!x)
        return -ENOMEM;
    int e = trn_macho_read(l->bytes, l->arena, &m);
    if (e < 0)
        return trn_fail(err, e, "its Mach-O header or load commands are damaged");
    e = tell_properties(l, &m);
    if (e == 0)
        e = look_signed(l, &m, x);
    if (e == 0)
        e = trn_feature_macho(l, &m);
    if (e == 0)
        e = trn_look_trait(l, "macho.signer",
                           x->s.kind == TRN_SIGNATURE_APPLE         ? TRN_STR("developer")
                           : x->s.kind == TRN_SIGNATURE_APPLE_ADHOC ? TRN_STR("ad-hoc")
                                                                    : TRN_STR("none"));
    return e;
}

/* ---- universal files ---- */

static int by_place(const void *a, const void *b)
{
    const struct trn_macho_slice *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

int trn_look_macho_fat(struct trn_look *l, struct trn_err *err)
{
    struct trn_macho_fat fat;
    uint64_t at, size;
    int e = trn_macho_fat_read(l->bytes, l->arena, &fat);
    if (e < 0)
        return trn_fail(err, e, "its header of a universal program is damaged");
    for (uint32_t i = 0; e == 0 && i < fat.n; i++)
        e = property(l, "arch", trn_str_of(trn_macho_arch_name(fat.slices[i].cpu, fat.slices[i].subtype)));
    qsort(fat.slices, fat.n, sizeof(*fat.slices), by_place);
    uint64_t end = fat.header_end;
    for (uint32_t i = 0; e == 0 && i <= fat.n; i++) {
        uint64_t next = i < fat.n ? TRN_MIN(fat.slices[i].at, l->bytes->size) : l->bytes->size;
        int found = next > end ? trn_apple_nonzero(l->bytes, end, next - end, &at, &size) : 0;
        if (found == 1)
            found = trn_macho_tell_slack(l, at, size, i < fat.n ? "between the slices" : "behind the last slice", true);
        e = found;
        if (i < fat.n && next + TRN_MIN(fat.slices[i].size, l->bytes->size - next) > end)
            end = next + TRN_MIN(fat.slices[i].size, l->bytes->size - next);
    }
    return e;
}

int trn_open_macho_fat(struct trn_look *l, struct trn_err *err)
{
    struct trn_macho_fat fat;
    int e = trn_macho_fat_read(l->bytes, l->arena, &fat);
    if (e < 0)
        return trn_fail(err, e, "its header of a universal program is damaged");
    for (uint32_t i = 0; e == 0 && i < fat.n; i++) {
        const struct trn_macho_slice *s = &fat.slices[i];
        struct trn_member m = {.name = trn_str_of(trn_macho_arch_name(s->cpu, s->subtype)), .size = s->size};
        e = trn_look_part(l, &m, s->at, s->size);
    }
    return e;
}
