/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the small files by which software outside packages names itself: npm's package.json, Python's
 * METADATA and PKG-INFO, a venv's pyvenv.cfg; and where such a file would be. Must not own: trust; a
 * manifest is what the directory says of itself. So only the places that npm and pip install into
 * count, not any package.json that lies above a program.
 */
#include "software/software.h"

#include <jansson.h>

#define CONTENT_MAX (1u << 20)
#define WORD_MAX 256u

static struct trn_str join(struct trn_arena *a, struct trn_str dir, const char *name)
{
    return trn_arena_printf(a, "%.*s/%s", TRN_STR_ARG(dir), name);
}

/* Where the last `part` of path[0..n) begins, or -1. */
static ptrdiff_t last_of(struct trn_str path, size_t n, struct trn_str part)
{
    for (size_t at = TRN_MIN(n, path.n); at-- > 0;)
        if (trn_str_starts(trn_str_slice(path, at, path.n), part))
            return (ptrdiff_t)at;
    return -1;
}

/* End of the path component that starts at `at`, or path.n. */
static size_t component_end(struct trn_str path, size_t at)
{
    while (at < path.n && path.p[at] != '/')
        at++;
    return at;
}

static size_t npm_candidates(struct trn_str path, struct trn_arena *a, struct trn_str *ret, size_t max)
{
    static const struct trn_str part = TRN_STR("/node_modules/");
    size_t n = 0;
    ptrdiff_t at = (ptrdiff_t)path.n;
    while (n < max && (at = last_of(path, (size_t)at, part)) >= 0) {
        size_t name = (size_t)at + part.n, end = component_end(path, name);
        if (name < path.n && path.p[name] == '@' && end < path.n)
            end = component_end(path, end + 1); /* @scope/name */
        if (end < path.n)
            ret[n++] = join(a, trn_str_slice(path, 0, end), "package.json");
    }
    return n;
}

static size_t python_candidates(struct trn_str path, struct trn_arena *a, struct trn_str *ret, size_t max)
{
    static const struct trn_str sites[] = {TRN_STR("/site-packages/"), TRN_STR("/dist-packages/")};
    size_t n = 0;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(sites); i++) {
        ptrdiff_t at = last_of(path, path.n, sites[i]);
        if (at < 0)
            continue;
        size_t end = component_end(path, (size_t)at + sites[i].n);
        struct trn_str top = trn_str_slice(path, 0, end);
        if (end < path.n && trn_str_ends(top, TRN_STR(".dist-info")) && n < max)
            ret[n++] = join(a, top, "METADATA");
        else if (end < path.n && n < max)
            ret[n++] = join(a, trn_arena_printf(a, "%.*s.egg-info", TRN_STR_ARG(top)), "PKG-INFO");
        /* <venv>/lib/python3.11/site-packages */
        struct trn_str lib = trn_path_dir(trn_str_slice(path, 0, (size_t)at));
        if (trn_str_eq_c(trn_path_base(lib), "lib") && n < max)
            ret[n++] = join(a, trn_path_dir(lib), "pyvenv.cfg");
    }
    struct trn_str dir = trn_path_dir(path);
    if (trn_str_eq_c(trn_path_base(dir), "bin") && dir.n > 4 && n < max)
        ret[n++] = join(a, trn_path_dir(dir), "pyvenv.cfg");
    return n;
}

/* The system's own directories hold no venv and no npm project worth a question each time. */
static bool is_plain_system(struct trn_str path)
{
    static const struct trn_str dirs[] = {TRN_STR("/usr/bin/"), TRN_STR("/usr/sbin/"), TRN_STR("/bin/"),
                                          TRN_STR("/sbin/"), TRN_STR("/usr/local/bin/")};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(dirs); i++)
        if (trn_str_starts(path, dirs[i]))
            return true;
    return false;
}

size_t trn_manifest_candidates(struct trn_str path, struct trn_arena *arena, struct trn_str *ret, size_t max)
{
    if (path.n == 0 || path.p[0] != '/' || is_plain_system(path))
        return 0;
    size_t n = npm_candidates(path, arena, ret, max);
    if (n == 0)
        n = python_candidates(path, arena, ret, max);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!trn_str_is_none(ret[i])) /* the arena was full */
            ret[kept++] = ret[i];
    return kept;
}

/* ---- parsing ---- */
static void json_freep(json_t **j)
{
    json_decref(*j);
}

static struct trn_str keep(struct trn_arena *a, struct trn_str s)
{
    s = trn_str_trim(s);
    return s.n ? trn_arena_str(a, trn_str_slice(s, 0, WORD_MAX)) : TRN_STR_NONE;
}

static struct trn_str json_word(struct trn_arena *a, const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    return json_is_string(v) ? keep(a, (struct trn_str){json_string_value(v), json_string_length(v)}) : TRN_STR_NONE;
}

static int parse_npm(struct trn_str content, struct trn_arena *a, struct trn_software *ret, struct trn_err *err)
{
    json_error_t e;
    TRN_AUTO(json_freep) json_t *root = json_loadb(content.p, content.n, JSON_REJECT_DUPLICATES, &e);
    if (!json_is_object(root))
        return trn_fail(err, -EBADMSG, "cannot parse package.json: line %d", root ? 1 : e.line);
    ret->origin = TRN_ORIGIN_NPM;
    ret->name = json_word(a, root, "name");
    ret->version = json_word(a, root, "version");
    return trn_str_is_none(ret->name) ? trn_fail(err, -ENODATA, "package.json has no name") : 0;
}

/* Header lines up to the first empty one. */
static int parse_metadata(struct trn_str content, struct trn_arena *a, struct trn_software *ret, struct trn_err *err)
{
    struct trn_cursor c = trn_cur_of(content);
    ret->origin = TRN_ORIGIN_PYTHON;
    for (struct trn_str line; (line = trn_cur_line(&c)).n;) {
        if (trn_str_is_none(ret->name) && trn_str_starts(line, TRN_STR("Name:")))
            ret->name = keep(a, trn_str_slice(line, 5, line.n));
        else if (trn_str_is_none(ret->version) && trn_str_starts(line, TRN_STR("Version:")))
            ret->version = keep(a, trn_str_slice(line, 8, line.n));
    }
    return trn_str_is_none(ret->name) ? trn_fail(err, -ENODATA, "metadata has no name") : 0;
}

/* "key = value" lines. A venv is named by its prompt, else by its directory; Python's version is not its own. */
static int parse_venv(struct trn_str file, struct trn_str content, struct trn_arena *a, struct trn_software *ret,
                      struct trn_err *err)
{
    struct trn_cursor c = trn_cur_of(content);
    bool home = false;
    for (struct trn_str line; !trn_str_is_none(line = trn_cur_line(&c));) {
        ptrdiff_t eq = trn_str_find(line, '=');
        if (eq < 0)
            continue;
        struct trn_str key = trn_str_trim(trn_str_slice(line, 0, (size_t)eq));
        struct trn_str value = trn_str_trim(trn_str_slice(line, (size_t)eq + 1, line.n));
        if (value.n >= 2 && (value.p[0] == '\'' || value.p[0] == '"') && value.p[value.n - 1] == value.p[0])
            value = trn_str_slice(value, 1, value.n - 2);
        home |= trn_str_eq_c(key, "home");
        if (trn_str_eq_c(key, "prompt") && trn_str_is_none(ret->name))
            ret->name = keep(a, value);
    }
    if (!home)
        return trn_fail(err, -EBADMSG, "pyvenv.cfg has no home");
    ret->origin = TRN_ORIGIN_PYTHON;
    if (trn_str_is_none(ret->name) && trn_str_find(file, '/') >= 0)
        ret->name = keep(a, trn_path_base(trn_path_dir(file)));
    return 0;
}

int trn_manifest_parse(struct trn_str file_name, struct trn_str content, struct trn_arena *arena,
                       struct trn_software *ret, struct trn_err *err)
{
    struct trn_str base = trn_path_base(file_name);
    struct trn_software s = {0};
    int r;
    if (content.n > CONTENT_MAX)
        return trn_fail(err, -EFBIG, "manifest is longer than %u bytes", CONTENT_MAX);
    if (trn_str_eq_c(base, "package.json"))
        r = parse_npm(content, arena, &s, err);
    else if (trn_str_eq_c(base, "METADATA") || trn_str_eq_c(base, "PKG-INFO"))
        r = parse_metadata(content, arena, &s, err);
    else if (trn_str_eq_c(base, "pyvenv.cfg"))
        r = parse_venv(file_name, content, arena, &s, err);
    else
        r = trn_fail(err, -EINVAL, "not a manifest that is known");
    if (r == 0)
        *ret = s;
    return r;
}
