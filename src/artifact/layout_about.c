/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what packages say of themselves in a file of their own: Debian's control, Python's METADATA and PKG-INFO, NuGet's
 * .nuspec, a Mac bundle's Info.plist where it is XML. Name, version, maker and licence become properties of that file, for the
 * inventory.
 * Must not: believe any of it; parse more of XML than these elements' text.
 * Hand-offs: properties only; no finding.
 */
#include "artifact/kinds.h"

#define ABOUT_MAX (256u << 10)
#define LINES_MAX 4096u
#define VALUE_MAX 512u

struct wanted {
    const char *key, *property;
};

/* Debian, Python: lines "Key: value" up to the first empty one. */
static const struct wanted lines[] = {
    {"Package", "product"},    {"Name", "product"},       {"Version", "version"},
    {"Maintainer", "company"}, {"Author", "company"},     {"License", "license"},
    {"Architecture", "arch"},  {"Depends", "dependency"}, {"Requires-Dist", "dependency"},
};
static const struct wanted elements[] = {{"id", "product"},
                                         {"version", "version"},
                                         {"authors", "company"},
                                         {"license", "license"}};

static int tell_line(struct trn_look *l, struct trn_str line)
{
    ptrdiff_t colon = trn_str_find(line, ':');
    struct trn_str key = trn_str_slice(line, 0, colon < 0 ? 0 : (size_t)colon);
    for (size_t i = 0; key.n && i < TRN_ARRAY_SIZE(lines); i++)
        if (trn_str_eq_c(key, lines[i].key))
            return trn_look_property(l, lines[i].property,
                                     trn_str_slice(trn_str_trim(trn_str_slice(line, key.n + 1, line.n)), 0, VALUE_MAX));
    return 0;
}

static int tell_lines(struct trn_look *l, struct trn_str text)
{
    struct trn_cursor c = trn_cur_of(text);
    int e = 0;
    for (uint32_t i = 0; e == 0 && i < LINES_MAX; i++) {
        struct trn_str line = trn_cur_line(&c);
        if (line.n == 0) /* the end, or the end of the head */
            break;
        e = tell_line(l, line);
    }
    return e;
}

/* The text of the first <name ...>text</name>; absent: none. */
static struct trn_str element(struct trn_str text, const char *name)
{
    size_t n = strlen(name);
    for (ptrdiff_t at; (at = trn_str_find(text, '<')) >= 0;) {
        text = trn_str_slice(text, (size_t)at + 1, text.n);
        if (!trn_str_starts(text, trn_str_of(name)) || text.n <= n || (text.p[n] != '>' && text.p[n] != ' '))
            continue;
        ptrdiff_t open = trn_str_find(text, '>');
        struct trn_str inner = trn_str_slice(text, open < 0 ? text.n : (size_t)open + 1, text.n);
        ptrdiff_t close = trn_str_find(inner, '<');
        return trn_str_trim(trn_str_slice(inner, 0, close < 0 ? 0 : (size_t)close));
    }
    return TRN_STR_NONE;
}

static int tell_elements(struct trn_look *l, struct trn_str text)
{
    int e = 0;
    for (size_t i = 0; e == 0 && i < TRN_ARRAY_SIZE(elements); i++)
        e = trn_look_property(l, elements[i].property, trn_str_slice(element(text, elements[i].key), 0, VALUE_MAX));
    return e;
}

/* <key>NAME</key> <string>text</string>: the text; of a bundle its name, else how the system calls it. */
static struct trn_str plist_string(struct trn_str text, struct trn_str key)
{
    const char *at = memmem(text.p, text.n, key.p, key.n);
    if (!at)
        return TRN_STR_NONE;
    struct trn_str rest = trn_str_trim(trn_str_slice(text, (size_t)(at - text.p) + key.n, text.n));
    static const struct trn_str open = {"<string>", 8};
    if (!trn_str_starts(rest, open))
        return TRN_STR_NONE;
    rest = trn_str_slice(rest, open.n, rest.n);
    ptrdiff_t end = trn_str_find(rest, '<');
    return trn_str_trim(trn_str_slice(rest, 0, end < 0 ? 0 : (size_t)end));
}

static int tell_bundle(struct trn_look *l, struct trn_str text)
{
    struct trn_str name = plist_string(text, TRN_STR("<key>CFBundleName</key>"));
    struct trn_str version = plist_string(text, TRN_STR("<key>CFBundleShortVersionString</key>"));
    if (name.n == 0)
        name = plist_string(text, TRN_STR("<key>CFBundleIdentifier</key>"));
    if (version.n == 0)
        version = plist_string(text, TRN_STR("<key>CFBundleVersion</key>"));
    int e = trn_look_property(l, "product", trn_str_slice(name, 0, VALUE_MAX));
    return e < 0 ? e : trn_look_property(l, "version", trn_str_slice(version, 0, VALUE_MAX));
}

int trn_look_about(struct trn_look *l, struct trn_err *err)
{
    bool debian = trn_str_eq_c(l->name, "control");
    bool python = TRN_ONE_OF(l->name, "METADATA", "PKG-INFO");
    bool nuget = trn_str_ends(l->name, TRN_STR(".nuspec"));
    bool bundle = trn_str_eq_c(l->name, "Info.plist");
    struct trn_str text;
    if (!(debian || python || nuget || bundle) || l->self->format != TRN_FORMAT_TEXT || l->bytes->size > ABOUT_MAX)
        return 0;
    int e = trn_source_take(l->bytes, 0, (size_t)l->bytes->size, l->arena, &text);
    if (e < 0)
        return trn_fail(err, e, "what the package says of itself cannot be read");
    if (debian && !trn_str_starts(text, TRN_STR("Package:")))
        return 0; /* another file of that name */
    if (python && !trn_str_starts(text, TRN_STR("Metadata-Version:")))
        return 0;
    return nuget ? tell_elements(l, text) : bundle ? tell_bundle(l, text) : tell_lines(l, text);
}
