/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: signatures of Windows programs, cabinets and kernel modules, told. Must not own: what bytes in them are worth. */
#include "artifact/check_signature.h"

int trn_look_authenticode(struct trn_look *l, struct trn_err *err)
{
    struct trn_signature_options o = trn_look_trust(l);
    struct trn_signed *x = trn_arena_alloc(l->arena, sizeof(*x));
    struct trn_pe pe;
    if (!x)
        return -ENOMEM;
    int e = trn_pe_read(l->bytes, l->arena, &pe);
    if (e < 0)
        return e == -ENOMEM ? e : 0; /* check_pe.c says what is wrong with it */
    e = trn_authenticode_pe(&pe, &o, l->arena, x, err);
    if (e == -ENOENT)
        return trn_look_trait(l, "pe.signed", TRN_STR("no"));
    if (e < 0)
        return e;
    e = trn_look_trait(l, "pe.signed", x->signature.digest == TRN_DIGEST_OK ? x->signature.signer : TRN_STR("no"));
    return e < 0 ? e : trn_look_signed_file(l, x, "pe.certificate-slack");
}

int trn_look_signed_cab(struct trn_look *l, struct trn_err *err)
{
    struct trn_signature_options o = trn_look_trust(l);
    struct trn_signed *x = trn_arena_alloc(l->arena, sizeof(*x));
    int e = x ? trn_cab_signature(l->bytes, &o, l->arena, x) : -ENOMEM;
    if (e == -ENOENT)
        return 0;
    if (e < 0)
        return trn_fail(err, e, "its header names a signature that is not in the file");
    return trn_look_signed_file(l, x, "signature.trailer");
}

int trn_look_module_trailer(struct trn_look *l, struct trn_err *err)
{
    struct trn_signature_options o = trn_look_trust(l);
    struct trn_signed *x = NULL;
    static const char magic[] = "~Module signature appended~\n";
    char tail[4096];
    uint64_t n = TRN_MIN(l->bytes->size, (uint64_t)sizeof(tail));
    int64_t got = trn_source_read(l->bytes, l->bytes->size - n, tail, (size_t)n);
    if (got <= 0 || !memmem(tail, (size_t)got, magic, sizeof(magic) - 1))
        return got < 0 ? (int)got : 0; /* nearly every file: nothing is allocated for it */
    x = trn_arena_alloc(l->arena, sizeof(*x));
    int e = x ? trn_module_trailer(l->bytes, &o, l->arena, x) : -ENOMEM;
    return e == -ENOENT ? 0 : e < 0 ? e : trn_look_signed_file(l, x, "signature.trailer");
}

int trn_look_signed_package(struct trn_look *l, struct trn_err *err)
{
    struct trn_signature s = {0};
    bool rpm = l->self->format == TRN_FORMAT_RPM;
    int e = rpm ? trn_rpm_signature(l->bytes, l->arena, &s) : trn_deb_signature(l->bytes, l->arena, &s);
    if (e < 0) /* what is wrong with the package itself its reader says */
        return e == -ENOMEM ? e : 0;
    if (s.kind)
        e = trn_look_signed(l, &s);
    if (e == 0 && s.digest == TRN_DIGEST_BAD)
        e = trn_look_mismatch(l, &s, "its headers or its payload do not have the hashes that it states", 0);
    return e;
}
