/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a package runs when it is installed and what it asks for: npm's lifecycle scripts and dependencies, Debian's
 * control fields and maintainer scripts, RPM's scriptlets, Python's entry points, requirements and .pth lines, an Electron
 * application's main script. Of an MSI: feature_msi.c.
 * Must not: run or judge anything; believe that what is named is there.
 */
#include "artifact/kinds.h"
#include "formats/formats.h"

#define READ_MAX (4u << 20)
#define DEPENDENCIES_MAX 2000u
#define LINES_MAX 8192u

static int fact(struct trn_look *l, enum trn_feature_kind kind, struct trn_str key, struct trn_str value, size_t at)
{
    return trn_look_feature(l, &(struct trn_feature){kind, key, value, 1, at});
}

/* ---- package.json ---- */

static bool runs_at_installation(struct trn_str key)
{
    return TRN_ONE_OF(key, "preinstall", "install", "postinstall", "prepare", "preprepare", "postprepare", "prepublish",
                      "preuninstall", "uninstall", "postuninstall");
}

/* The strings of the object that was just opened, those that are wanted. */
static int strings(struct trn_look *l, struct trn_json *j, enum trn_feature_kind kind, bool (*wanted)(struct trn_str))
{
    struct trn_json_piece k, v;
    uint32_t told = 0;
    int e;
    while ((e = trn_json_next(j, &k)) == 0 && k.kind == TRN_JSON_KEY) {
        e = trn_json_next(j, &v);
        if (e == 0 && v.kind == TRN_JSON_STRING && (!wanted || wanted(k.raw)) && told++ < DEPENDENCIES_MAX)
            e = fact(l, kind, trn_json_unescape(&k, l->arena), trn_json_unescape(&v, l->arena), v.at);
        else if (e == 0)
            e = trn_json_skip(j, &v);
        if (e < 0)
            return e;
    }
    return e;
}

static int npm(struct trn_look *l, struct trn_str text)
{
    struct trn_json j;
    struct trn_json_piece k, v;
    trn_json_begin(&j, text);
    int e = trn_json_next(&j, &k);
    if (e == 0 && k.kind != TRN_JSON_OBJECT)
        return 0;
    while (e == 0 && (e = trn_json_next(&j, &k)) == 0 && k.kind == TRN_JSON_KEY) {
        e = trn_json_next(&j, &v);
        if (e < 0)
            break;
        bool object = v.kind == TRN_JSON_OBJECT;
        if (object && trn_str_eq_c(k.raw, "scripts"))
            e = strings(l, &j, TRN_FEATURE_SCRIPT, runs_at_installation);
        else if (object && TRN_ONE_OF(k.raw, "dependencies", "optionalDependencies"))
            e = strings(l, &j, TRN_FEATURE_DEPENDENCY, NULL);
        else if (v.kind == TRN_JSON_STRING && trn_str_eq_c(k.raw, "main"))
            e = fact(l, TRN_FEATURE_SCRIPT, TRN_STR("main"), trn_json_unescape(&v, l->arena), v.at);
        else
            e = trn_json_skip(&j, &v);
    }
    return e == -EBADMSG ? 0 : e; /* the look says that it is damaged */
}

/* ---- Debian, Python ---- */

/* "libc6 (>= 2.36), a | b": each with what is asked of its version; of alternatives the first is the name. */
static int relation(struct trn_look *l, struct trn_str list, size_t at)
{
    struct trn_str one;
    int e = 0;
    for (uint32_t told = 0; e == 0 && told < DEPENDENCIES_MAX && trn_str_split(&list, ',', &one); told++) {
        one = trn_str_trim(one);
        size_t n = 0;
        while (n < one.n && !strchr(" (|:", one.p[n]))
            n++;
        if (n)
            e = fact(l, TRN_FEATURE_DEPENDENCY, trn_str_slice(one, 0, n), trn_str_trim(trn_str_slice(one, n, one.n)),
                     at);
    }
    return e;
}

/* "requests>=2.0; extra == 'x'": what is asked only with an extra is not asked. */
static int requirement(struct trn_look *l, struct trn_str one, size_t at)
{
    size_t n = 0;
    one = trn_str_trim(one);
    while (n < one.n && !strchr(" (<>=!~;[", one.p[n]))
        n++;
    if (n == 0 || trn_str_contains(one, TRN_STR("extra ==")))
        return 0;
    return fact(l, TRN_FEATURE_DEPENDENCY, trn_str_slice(one, 0, n), trn_str_trim(trn_str_slice(one, n, one.n)), at);
}

static int head(struct trn_look *l, struct trn_str text, bool debian)
{
    struct trn_cursor c = trn_cur_of(text);
    int e = 0;
    for (uint32_t i = 0; e == 0 && i < LINES_MAX; i++) {
        size_t at = c.at;
        struct trn_str line = trn_cur_line(&c);
        ptrdiff_t colon = trn_str_find(line, ':');
        if (line.n == 0)
            break;
        struct trn_str key = trn_str_slice(line, 0, colon < 0 ? 0 : (size_t)colon);
        struct trn_str value = trn_str_slice(line, key.n + 1, line.n);
        if (debian && TRN_ONE_OF(key, "Depends", "Pre-Depends", "Recommends"))
            e = relation(l, value, at);
        else if (!debian && TRN_ONE_OF(key, "Requires-Dist"))
            e = requirement(l, value, at);
    }
    return e;
}

/* [console_scripts] name = module:function */
static int entry_points(struct trn_look *l, struct trn_str text)
{
    struct trn_cursor c = trn_cur_of(text);
    struct trn_str line;
    int e = 0;
    for (uint32_t i = 0; e == 0 && i < LINES_MAX; i++) {
        size_t at = c.at;
        if (trn_str_is_none(line = trn_cur_line(&c)))
            break;
        line = trn_str_trim(line);
        if (line.n && line.p[0] != '[' && line.p[0] != '#')
            e = fact(l, TRN_FEATURE_SCRIPT, TRN_STR("entry-point"), line, at);
    }
    return e;
}

/* A line of a .pth file that begins with import is run whenever Python starts. */
static int pth(struct trn_look *l, struct trn_str text)
{
    struct trn_cursor c = trn_cur_of(text);
    struct trn_str line;
    int e = 0;
    for (uint32_t i = 0; e == 0 && i < LINES_MAX; i++) {
        size_t at = c.at;
        if (trn_str_is_none(line = trn_cur_line(&c)))
            break;
        if (trn_str_starts(line, TRN_STR("import ")) || trn_str_starts(line, TRN_STR("import\t")))
            e = fact(l, TRN_FEATURE_SERVICE, TRN_STR("python-start"), line, at);
    }
    return e;
}

/* ---- scripts of packages ---- */

/* What stands at the top of a package's control archive or of a Mac package's scripts, in the folder DEBIAN of one that was
 * unpacked, or an RPM's scriptlet ("[script]/postin.sh"). */
static struct trn_str maintainer_script(const struct trn_look *l)
{
    static const char *const debian[] = {"preinst", "postinst", "prerm", "postrm", "config"};
    static const char *const mac[] = {"preinstall", "postinstall", "preflight",
                                      "postflight", "preupgrade",  "postupgrade"};
    struct trn_str dir = trn_path_dir(l->self->name), name = l->name;
    bool top = trn_str_is_none(dir) || TRN_ONE_OF(dir, "", ".", "./"), packed = l->self->parent != 0;
    bool runs = l->self->format == TRN_FORMAT_SHELL || l->self->format == TRN_FORMAT_SCRIPT ||
                l->self->format == TRN_FORMAT_PYTHON;
    if (l->parent_format == TRN_FORMAT_RPM && trn_str_eq_c(dir, "[script]")) {
        ptrdiff_t end = trn_str_find(name, trn_str_contains(name, TRN_STR("-")) ? '-' : '.'); /* "trigger-2.sh" */
        return trn_str_slice(name, 0, end < 0 ? name.n : (size_t)end);
    }
    if (!runs)
        return TRN_STR_NONE;
    if ((top && packed) || trn_str_eq_c(trn_path_base(dir), "DEBIAN"))
        return trn_str_one_of(name, debian, TRN_ARRAY_SIZE(debian))                                    ? name
               : l->parent_format == TRN_FORMAT_CPIO && trn_str_one_of(name, mac, TRN_ARRAY_SIZE(mac)) ? name
                                                                                                       : TRN_STR_NONE;
    return TRN_STR_NONE;
}

/* The text by its hash: what it can do is told as calls. */
static int tell_script(struct trn_look *l, struct trn_str key)
{
    char hex[2 * TRN_SHA256_SIZE + 1];
    trn_hex(l->self->sha256, TRN_SHA256_SIZE, hex);
    return fact(l, TRN_FEATURE_SCRIPT, key, trn_str_of(hex), 0);
}

int trn_feature_package(struct trn_look *l, struct trn_err *err)
{
    enum trn_format f = l->self->format;
    bool json = f == TRN_FORMAT_JSON && trn_str_eq_c(l->name, "package.json");
    bool plain = f == TRN_FORMAT_TEXT;
    struct trn_str text, script = maintainer_script(l);
    if (script.n && !json)
        return tell_script(l, script);
    if (f == TRN_FORMAT_PYTHON && trn_str_eq_c(l->name, "setup.py"))
        return tell_script(l, l->name);
    bool debian = plain && trn_str_eq_c(l->name, "control"),
         python = plain && TRN_ONE_OF(l->name, "METADATA", "PKG-INFO");
    bool entries = plain && trn_str_eq_c(l->name, "entry_points.txt");
    bool starts = trn_str_ends(l->name, TRN_STR(".pth")) && (plain || f == TRN_FORMAT_PYTHON || f == TRN_FORMAT_DATA);
    if (!(json || debian || python || entries || starts) || l->bytes->size > READ_MAX)
        return 0;
    int e = trn_source_take(l->bytes, 0, (size_t)l->bytes->size, l->arena, &text);
    if (e < 0)
        return trn_fail(err, e, "what the package asks for cannot be read");
    if (json)
        return npm(l, text);
    if (debian && !trn_str_starts(text, TRN_STR("Package:")))
        return 0; /* another file of that name */
    if (debian || python)
        return head(l, text, debian);
    return entries ? entry_points(l, text) : pth(l, text);
}
