/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what an ELF file asks of the loader that it should not: search paths others can write to, audit libraries, resolvers
 * that reach into the loader. Must not own: reading of the table.
 * Hand-offs: texts are views of the file's string table.
 */
#include "artifact/check_elf.h"

#include <sys/stat.h>

#define RELATIVE_SCORE 25u
#define SETUID_MORE 20u
#define SEARCH_MAX (64u << 20)

static void put_place(struct trn_look *l, struct trn_finding *f, const struct trn_elf_dynamic *d, struct trn_str text)
{
    trn_look_evidence(l, f, d->strings_at + (uint64_t)(text.p - d->strings.p), text.n);
}

/* ---- search paths ---- */

static bool is_below(struct trn_str path, const char *folder)
{
    size_t n = strlen(folder);
    return path.n >= n && memcmp(path.p, folder, n) == 0 && (path.n == n || path.p[n] == '/');
}

/* Why this element is bad; NULL: it is not. */
static const char *what_is_wrong(struct trn_str element, bool *ret_writable)
{
    static const char *const folders[] = {"/tmp", "/var/tmp", "/dev/shm", "/run/shm", "/var/run/lock", "/run/lock"};
    *ret_writable = false;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(folders); i++)
        if (is_below(element, folders[i])) {
            *ret_writable = true;
            return "every user can write to it";
        }
    if (element.n == 0)
        return "an empty part means the folder where the program is started";
    if (element.p[0] != '/' && element.p[0] != '$')
        return "it is relative to the folder where the program is started";
    return NULL;
}

static int check_path(struct trn_look *l, const struct trn_elf_dynamic *d, struct trn_str path, const char *tag)
{
    struct trn_str rest = path, element;
    bool writable = false, setuid = l->self->mode & (S_ISUID | S_ISGID);
    if (path.n == 0)
        return 0; /* an empty one as a whole is not used by the loader */
    while (trn_str_split(&rest, ':', &element)) {
        const char *why = what_is_wrong(element, &writable);
        char shown[160];
        struct trn_finding f;
        if (!why)
            continue;
        trn_finding_init(&f, trn_check_find(TRN_STR("elf.rpath")));
        f.score = (uint16_t)((writable ? f.check->score : RELATIVE_SCORE) + (setuid ? SETUID_MORE : 0));
        trn_look_say(l, &f, "libraries are looked for in '%s': %s%s", trn_escape_into(shown, sizeof(shown), element),
                     why, setuid ? ", and it runs with the rights of its owner" : "");
        trn_finding_add(&f, "tag", trn_str_of(tag));
        trn_finding_add(&f, "path", path);
        put_place(l, &f, d, path);
        return trn_look_found(l, &f);
    }
    return 0;
}

static int check_audit(struct trn_look *l, const struct trn_elf_dynamic *d, struct trn_str library, const char *tag)
{
    struct trn_finding f;
    char shown[160];
    if (library.n == 0)
        return 0;
    trn_finding_init(&f, trn_check_find(TRN_STR("elf.audit")));
    trn_look_say(
        l, &f, "it makes the loader run '%s' as an audit library, which sees and can change every symbol that is bound",
        trn_escape_into(shown, sizeof(shown), library));
    trn_finding_add(&f, "tag", trn_str_of(tag));
    put_place(l, &f, d, library);
    return trn_look_found(l, &f);
}

int trn_elf_check_dynamic(struct trn_look *l, const struct trn_elf_facts *f)
{
    const struct trn_elf_dynamic *d = &f->dynamic;
    int e = check_path(l, d, d->rpath, "RPATH");
    if (e == 0)
        e = check_path(l, d, d->runpath, "RUNPATH");
    if (e == 0)
        e = check_audit(l, d, d->audit, "AUDIT");
    return e < 0 ? e : check_audit(l, d, d->depaudit, "DEPAUDIT");
}

/* ---- resolvers that reach into the loader ---- */

struct symbols {
    uint32_t resolvers;
    bool tls_call, tls_symbol;
    struct trn_str internal; /* an inner part of the loader that it binds to */
};

static int count_symbol(void *ctx, const struct trn_elf_symbol *s)
{
    struct symbols *n = ctx;
    n->resolvers += s->defined && s->type == TRN_ELF_STT_IFUNC;
    n->tls_symbol |= s->type == TRN_ELF_STT_TLS;
    if (s->name.p[0] != '_' || s->defined)
        return 0;
    n->tls_call |= trn_str_eq_c(s->name, "__tls_get_addr");
    if (trn_str_starts(s->name, TRN_STR("_dl_audit_")) || trn_str_starts(s->name, TRN_STR("_rtld_global")))
        n->internal = s->name;
    return 0;
}

/* The C library's own parts are made of this. */
static bool is_of_libc(struct trn_str soname)
{
    static const char *const names[] = {"libc.so.*",         "ld-linux*",   "ld.so.*",
                                        "ld64.so.*",         "libm.so.*",   "libpthread.so.*",
                                        "libmvec.so.*",      "libdl.so.*",  "librt.so.*",
                                        "libanl.so.*",       "libnsl.so.*", "libresolv.so.*",
                                        "libthread_db.so.*", "libc.musl-*", "libc_malloc_debug.so.*"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++)
        if (trn_glob(trn_str_of(names[i]), soname, false))
            return true;
    return false;
}

/* Their names in the data: somebody looks them up by hand. */
static struct trn_str named_in_data(const struct trn_elf_image *f)
{
    static const char *const names[] = {"_dl_audit_symbind", "_dl_audit_preinit", "_rtld_global"};
    const char *all = (const char *)f->bytes.mem;
    for (size_t i = 0; all && f->bytes.size <= SEARCH_MAX && i < TRN_ARRAY_SIZE(names); i++) {
        const char *p = memmem(all, (size_t)f->bytes.size, names[i], strlen(names[i]));
        if (p)
            return (struct trn_str){p, strlen(names[i])};
    }
    return TRN_STR_NONE;
}

int trn_elf_check_hook(struct trn_look *l, const struct trn_elf_facts *f)
{
    const struct trn_elf_dynamic *d = &f->dynamic;
    struct symbols n = {0};
    struct trn_finding out;
    char shown[80];
    if (!f->is_library || is_of_libc(d->soname)) /* static programs have the C library in them */
        return 0;
    int e = trn_elf_symbols(&f->image, d, l->arena, count_symbol, &n);
    if (e < 0 || (n.resolvers == 0 && d->irelative == 0))
        return e;
    bool odd_tls =
        n.tls_call && !n.tls_symbol && d->tls_relocations == 0 && !trn_elf_segment_of(&f->image, TRN_ELF_PT_TLS);
    bool bound = !trn_str_is_none(n.internal);
    struct trn_str name = bound ? n.internal : named_in_data(&f->image);
    if (trn_str_is_none(name) && !odd_tls)
        return 0;
    if (trn_str_is_none(name))
        name = TRN_STR("__tls_get_addr");
    trn_finding_init(&out, trn_check_find(TRN_STR("elf.ifunc-hook")));
    trn_look_say(l, &out, "the loader runs %llu functions of it while it binds symbols, and it %s '%s'%s",
                 (unsigned long long)TRN_MAX((uint64_t)n.resolvers, d->irelative), bound ? "binds to" : "names",
                 trn_escape_into(shown, sizeof(shown), name),
                 odd_tls ? ", though it has no thread-local data" : ", an inner part of the loader");
    trn_finding_add(&out, "symbol", name);
    if (bound)
        put_place(l, &out, d, name);
    else if (f->image.bytes.mem && name.p >= (const char *)f->image.bytes.mem &&
             name.p < (const char *)f->image.bytes.mem + f->image.bytes.size)
        trn_look_evidence(l, &out, (uint64_t)(name.p - (const char *)f->image.bytes.mem), name.n);
    return trn_look_found(l, &out);
}
