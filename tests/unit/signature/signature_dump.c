/* SPDX-License-Identifier: Apache-2.0 */
/* signature_dump ROOTS.pem|- NOW|0 FILE...: what src/signature says of each file, one line each. For tests that compare. */
#include "signature/signature.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static void print_places(const struct trn_signed *x)
{
    static const char *const kinds[TRN_PLACE_KIND_MAX] = {"slack",       "behind", "entry", "attribute",
                                                          "certificate", "stray",  "stamp", "further"};
    for (uint32_t i = 0; i < x->n_places; i++)
        printf(" %s:0x%llx+%llu%s%s%s", kinds[x->places[i].kind], (unsigned long long)x->places[i].at,
               (unsigned long long)x->places[i].size, x->places[i].non_zero ? "" : "(zero)",
               x->places[i].oid[0] ? "=" : "", x->places[i].oid);
}

static void print(const char *path, const struct trn_signed *x)
{
    const struct trn_signature *s = &x->signature;
    char signer[256];
    printf("%s: digest=%s chain=%s signatures=%u entries=%u hash=%.*s pages=%s signed_at=%lld stamp=%s signer='%s'",
           path, trn_digest_state_name(s->digest), trn_chain_state_name(s->chain), s->signatures, x->entries,
           TRN_STR_ARG(s->digest_name), trn_digest_state_name(x->pages), (long long)s->signed_at,
           x->stamp_bad ? "bad"
           : x->stamped ? "yes"
                        : "no",
           trn_escape_into(signer, sizeof(signer), s->signer));
    print_places(x);
    printf(" # %s; %s\n", x->why, x->chain_why);
}

static int read_signature(const struct trn_source *s, const struct trn_signature_options *o, struct trn_arena *a,
                          struct trn_signed *x, struct trn_err *err)
{
    enum trn_format format;
    struct trn_ole2 *ole;
    struct trn_pe pe;
    int e = trn_format_probe(s, TRN_STR(""), &format);
    if (e < 0)
        return e;
    if (format == TRN_FORMAT_PE)
        return (e = trn_pe_read(s, a, &pe)) < 0 ? e : trn_authenticode_pe(&pe, o, a, x, err);
    if (format == TRN_FORMAT_MSI || format == TRN_FORMAT_OLE2)
        return (e = trn_ole2_open(s, a, &ole, err)) < 0 ? e : trn_msi_signature(ole, o, a, x);
    if (format == TRN_FORMAT_CAB)
        return trn_cab_signature(s, o, a, x);
    return trn_module_trailer(s, o, a, x);
}

static int dump(const char *path, const struct trn_signature_options *o)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(0);
    TRN_AUTO(trn_fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct trn_source s;
    struct trn_signed x;
    struct trn_err err = {0};
    if (!a || fd < 0 || trn_source_fd(&fd, 0, &s) < 0)
        return -EIO;
    int e = read_signature(&s, o, a, &x, &err);
    if (e == 0)
        print(path, &x);
    else
        printf("%s: %s %s\n", path, e == -ENOENT ? "unsigned" : trn_errno_name(e), err.message);
    return 0;
}

int main(int argc, char **argv)
{
    static char pem[4 << 20];
    TRN_AUTO(trn_trust_roots_freep) struct trn_trust_roots *roots = NULL;
    uint64_t now = 0;
    if (argc < 4 || trn_signature_warm() < 0 || trn_str_u64(trn_str_of(argv[2]), &now) < 0)
        return 2;
    int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, pem, sizeof(pem)) : 0;
    if (n > 0 && trn_trust_roots_load((struct trn_str){pem, (size_t)n}, &roots) < 0)
        return 2;
    struct trn_signature_options o = {sizeof(o), roots, now ? (int64_t)now : (int64_t)time(NULL)};
    int bad = 0;
    for (int i = 3; i < argc; i++)
        bad |= dump(argv[i], &o) < 0;
    return bad ? 2 : 0;
}
