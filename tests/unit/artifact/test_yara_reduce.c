/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules may be left out for contents that do not begin with "MZ": only those that cannot match there. */
#include "software/software.h"
#include "yara_helper.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define PUBLIC "../shared/data/yara" /* from the root of the project */

/* What becomes of a rule with this condition in the set. */
static void reduce_one(const char *condition, enum trn_yara_set set, bool *ret_left_out, bool *ret_quiet)
{
    char text[2048];
    char *reduced = NULL;
    struct trn_yara_names quiet = {0};
    (void)snprintf(text, sizeof(text), "import \"pe\"\nrule r { strings: $a = \"x\" $b = \"y\" condition: %s }",
                   condition);
    cr_assert_eq(trn_yara_reduce(text, strlen(text), set, &reduced, &quiet), 0);
    *ret_left_out = reduced && !strstr(reduced, "rule r");
    *ret_quiet = quiet.n == 1 && trn_str_eq_c(quiet.v[0], "r");
    free(reduced);
    free(quiet.v);
}

static bool left_out(const char *condition, enum trn_yara_set set)
{
    bool out, quiet;
    reduce_one(condition, set, &out, &quiet);
    return out;
}

/* Is it known not to match when none of its strings was found? */
static bool is_quiet(const char *condition, enum trn_yara_set set)
{
    bool out, quiet;
    reduce_one(condition, set, &out, &quiet);
    return quiet;
}

Test(yara_reduce, what_needs_mz_is_left_out_and_nothing_else)
{
    static const struct {
        const char *condition;
        bool out;
    } cases[] = {
        {"uint16(0) == 0x5a4d and all of them", true},
        {"all of them and uint16(0) == 0x5A4D", true},
        {"uint16 ( 0 ) == 23117 and $a and $b", true},
        {"uint16be(0) == 0x4d5a and any of them", true},
        {"uint32(0) == 0x00905a4d and any of them", true},
        {"uint32be(0) == 0x4d5a9000 and any of them", true},
        {"(uint16(0) == 0x5a4d and $a) or (uint16(0) == 0x5a4d and $b)", true},
        {"((uint16(0) == 0x5a4d)) and 1 of ($a, $b)", true},
        {"uint16(0) == 0x5a4d and ($a or $b)", true},
        {"uint16(0) == 0x5a4d and for any of them : ( # > 2 or $ at 7 )", true},
        {"pe.imphash() == \"f00\" and any of them", true},
        {"any of them and pe.exports(\"x\") and filesize < 10", true},
        {"any of them and pe.characteristics & pe.DLL", true},
        {"any of them and for any i in (0..pe.number_of_sections - 1) : ( pe.sections[i].name == \".x\" )", true},
        {"any of them and for any s in pe.signatures : ( s.issuer contains \"x\" )", true},
        {"$a at pe.entry_point and $b", true},
        {"any of them and not pe.imphash() == \"f00\"", true},
        {"pe.is_pe and any of them", true},
        {"(pe.is_64bit() or pe.is_32bit()) and any of them", true},

        {"uint16(0) == 0x5a4d or all of them", false},
        {"$a or $b and uint16(0) == 0x5a4d", false},
        {"not uint16(0) == 0x5a4d and all of them", false},
        {"not (uint16(0) == 0x5a4d) and all of them", false},
        {"uint16(0) != 0x5a4d and all of them", false},
        {"uint16(1) == 0x5a4d and all of them", false},
        {"uint16(0) == 0x5a4e and all of them", false},
        {"uint16(0) == 0x5a4d - 1 and all of them", false},
        {"uint16(uint16(0)) == 0x5a4d and all of them", false},
        {"uint16be(0) == 0x5a4d and all of them", false},
        {"uint32(0) == 0x5a4d0000 and all of them", false},
        {"(uint16(0) == 0x5a4d) == ($a) and $b", false},
        {"for any of them : ( uint16(0) == 0x5a4d or $ )", false},
        {"not (pe.imphash() == \"f00\") and any of them", false},
        {"not pe.is_pe and any of them", false},
        {"defined pe.imphash() and any of them", false},
        {"pe.is_pe == 0 and any of them", false},
        {"pe.DLL == 0x2000 and any of them", false},
        {"for all i in (0..pe.number_of_sections) : ( i > 5 ) and any of them", false},
        {"for none s in pe.sections : ( true ) and any of them", false},
        {"for any i in (0, 1, pe.number_of_sections) : ( i == 1 ) and any of them", false},
        {"filesize < 100KB and any of them", false},
        {"uint16(0) == 0x5a4d /* or $a", false}, /* does not end: not understood */
        {"/* uint16(0) == 0x5a4d and */ any of them", false},
        {"any of them // and uint16(0) == 0x5a4d", false},
        {"any of them and filename == \"uint16(0) == 0x5a4d and \"", false},
        {"any of them and filename matches /and uint16(0) == 0x5a4d and/", false},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++)
        cr_expect_eq(left_out(cases[i].condition, TRN_YARA_PLAIN), cases[i].out, "%s", cases[i].condition);
}

Test(yara_reduce, what_a_large_content_is_too_large_for_is_left_out_of_the_set_of_large_ones)
{
    static const struct {
        const char *condition;
        bool out;
    } cases[] = {
        {"filesize < 100KB and any of them", true},       {"any of them and filesize <= 1MB", true},
        {"any of them and filesize < 1048577", true},     {"filesize == 5 and any of them", true},
        {"any of them and filesize < 1048578", false},    {"any of them and filesize <= 1048577", false},
        {"any of them and filesize < 2MB", false},        {"any of them and filesize > 1KB", false},
        {"filesize < 1KB or any of them", false},         {"not filesize < 1KB and any of them", false},
        {"filesize < 1KB * 4096 and any of them", false}, {"10 > filesize and any of them", false},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        cr_expect_eq(left_out(cases[i].condition, TRN_YARA_LARGE), cases[i].out, "%s", cases[i].condition);
        cr_expect_not(left_out(cases[i].condition, TRN_YARA_PLAIN), "%s", cases[i].condition);
    }
}

Test(yara_reduce, what_needs_a_string_is_quiet_and_nothing_else)
{
    static const struct {
        const char *condition;
        bool quiet;
    } cases[] = {
        {"$a", true},
        {"$a and $b", true},
        {"$a or $b", true},
        {"filesize < 10 and any of them", true},
        {"all of them", true},
        {"2 of them", true},
        {"1 of ($a, $b)", true},
        {"any of ($a*) or all of ($b*)", true},
        {"50% of them", true},
        {"any of them in (0..10)", true},
        {"$a at 0", true},
        {"$a at filesize - 4 or $b in (filesize - 10..filesize)", true},
        {"$a at pe.entry_point", true},
        {"#a > 0 and $b", true},
        {"#a >= 2", true},
        {"#b == 3", true},
        {"for any of them : ( $ at 0 )", true},
        {"for all of ($a*) : ( # > 3 )", true},
        {"for 2 of them : ( $ in (0..10) and filesize > 3 )", true},
        {"for any i in (1..#a) : ( @a[i] < 10 )", true},
        {"not uint16(0) == 0x5a4d and ($a or ($b and filesize > 4))", true},

        {"not $a", false},
        {"not $a and filesize > 0", false},
        {"$a or filesize > 0", false},
        {"none of them", false},
        {"0 of them", false},
        {"#a >= 0", false},
        {"#a == 0", false},
        {"#a < 5", false},
        {"#a != 3", false},
        {"#a == #b", false},
        {"#a + 1 > 0", false},
        {"0 == #a", false},
        {"for any of them : ( # == 0 )", false},
        {"for any of them : ( not $ )", false},
        {"for none of them : ( $ )", false},
        {"for all i in (1..#a) : ( @a[i] < 10 )", false},
        {"for any i in (0..#a) : ( i == 0 )", false},
        {"for any i in (1..3) : ( i == 2 )", false},
        {"(#a > 0) or true", false},
        {"($a) == ($b)", false},
        {"any of them or pe.is_pe", false},
        {"filesize > 3", false},
        {"defined @a", false},
        {"not defined @a and filesize > 0", false},
        {"uint8(0) == 0x7f", false},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++)
        cr_expect_eq(is_quiet(cases[i].condition, TRN_YARA_ALL), cases[i].quiet, "%s", cases[i].condition);
    cr_expect(is_quiet("pe.is_dll() or $a", TRN_YARA_PLAIN), "false without MZ, and false without $a");
    cr_expect_not(is_quiet("pe.is_dll() or $a", TRN_YARA_ALL));
}

Test(yara_reduce, a_rule_that_another_asks_for_and_a_global_one_are_never_quiet)
{
    const char *text = "rule named { strings: $a = \"x\" condition: $a }\n"
                       "rule asks { strings: $a = \"x\" condition: named and $a }\n"
                       "global rule all { strings: $a = \"x\" condition: $a }\n";
    char *reduced = NULL;
    struct trn_yara_names quiet = {0};
    cr_assert_eq(trn_yara_reduce(text, strlen(text), TRN_YARA_ALL, &reduced, &quiet), 0);
    cr_expect_null(reduced);
    cr_assert_eq(quiet.n, 1);
    cr_expect(trn_str_eq_c(quiet.v[0], "asks"));
    free(quiet.v);
}

Test(yara_reduce, rules_that_others_ask_for_and_global_ones_stay)
{
    const char *text = "import \"pe\"\n"
                       "rule named { condition: uint16(0) == 0x5a4d }\n"
                       "rule asks { condition: named or true }\n"
                       "rule set_1 { condition: uint16(0) == 0x5a4d }\n"
                       "rule many { condition: any of (set_*) }\n"
                       "global rule all { condition: uint16(0) == 0x5a4d }\n"
                       "rule gone { strings: $h = { 61 /* } */ 7d 7b // }\n } condition: uint16(0) == 0x5a4d and $h }\n"
                       "rule half { condition: pe.imphash() == \"x\" or filesize > 3 }\n"
                       "rule at { strings: $a = \"x\" condition: $a at pe.entry_point or filesize > 3 }\n";
    const char *want = "           \n"
                       "rule named { condition: uint16(0) == 0x5a4d }\n"
                       "rule asks { condition: named or true }\n"
                       "rule set_1 { condition: uint16(0) == 0x5a4d }\n"
                       "rule many { condition: any of (set_*) }\n"
                       "global rule all { condition: uint16(0) == 0x5a4d }\n"
                       "                                                 \n                                          \n"
                       "rule half { condition: false               or filesize > 3 }\n"
                       "rule at { strings: $a = \"x\" condition: ($a and false)       or filesize > 3 }\n";
    struct trn_yara_names quiet = {0};
    char *reduced = NULL;
    cr_assert_eq(trn_yara_reduce(text, strlen(text), TRN_YARA_PLAIN, &reduced, &quiet), 0);
    cr_assert_not_null(reduced);
    cr_expect_eq(strlen(reduced), strlen(text));
    cr_expect_str_eq(reduced, want);
    free(reduced);
    free(quiet.v);
}

Test(yara_reduce, libyara_defines_none_of_these_words_without_a_pe)
{
    static const char *const calls[] = {"calculate_checksum()",
                                        "exports(\"x\")",
                                        "imphash()",
                                        "imports(\"x\")",
                                        "is_32bit()",
                                        "is_64bit()",
                                        "is_dll()",
                                        "section_index(\"x\")",
                                        "rich_signature.version(1)",
                                        "rich_signature.key",
                                        "overlay.size",
                                        "overlay.offset",
                                        "sections[0].name",
                                        "signatures[0].issuer",
                                        "resources[0].id",
                                        "version_info[\"x\"]",
                                        "linker_version.major"};
    char text[512];
    for (size_t i = 0; trn_yara_pe_words[i]; i++) {
        const char *use = trn_yara_pe_words[i];
        for (size_t k = 0; k < TRN_ARRAY_SIZE(calls); k++)
            if (strncmp(calls[k], use, strlen(use)) == 0 && strchr("(.[", calls[k][strlen(use)]))
                use = calls[k];
        struct yara_world w = {0};
        (void)snprintf(text, sizeof(text), "import \"pe\" rule r { condition: defined pe.%s }", use);
        const struct yara_source files[] = {{"a.yar", text}};
        cr_assert_eq(yara_compile(&w, files, 1, -1, -1), 0, "%s: %s", text, w.bad);
        cr_expect_eq(yara_match(&w,
                                "\x7f"
                                "ELF no PE",
                                11, "x"),
                     0);
        cr_expect_str_eq(w.found, "", "pe.%s is defined", use);
        yara_done(&w);
    }
}

Test(yara_reduce, loops_over_what_is_undefined_go_round_no_time)
{
    struct yara_world w = {0};
    const struct yara_source files[] = {
        {"a.yar",
         "import \"pe\"\n"
         "rule range { condition: for any i in (0..pe.number_of_sections) : ( true or i == 0 ) and filesize > 0 }\n"
         "rule array { condition: for any s in pe.sections : ( true or s.name == \"\" ) and filesize > 0 }\n"
         "rule neither { condition: pe.number_of_sections == 0 or pe.number_of_sections != 0 }\n"
         "rule negated { condition: not pe.number_of_sections == 3 or not pe.is_dll() or not pe.imphash() == \"\" }\n"
         "rule is_one { condition: pe.is_pe }\n"
         "rule masked { condition: pe.characteristics & 0xffff or pe.version_info[\"x\"] contains \"\" }\n"}};
    cr_assert_eq(yara_compile(&w, files, 1, -1, -1), 0, "%s", w.bad);
    YR_SCANNER *plain = w.scanner->scanner[TRN_YARA_PLAIN];
    YR_RULES *reduced = w.rules->set[TRN_YARA_PLAIN];
    uint8_t *quiet = w.rules->quiet[TRN_YARA_PLAIN];
    w.scanner->scanner[TRN_YARA_PLAIN] = w.scanner->scanner[TRN_YARA_ALL];
    w.rules->set[TRN_YARA_PLAIN] = w.rules->set[TRN_YARA_ALL];
    w.rules->quiet[TRN_YARA_PLAIN] = w.rules->quiet[TRN_YARA_ALL];
    cr_expect_eq(reduced->num_rules, 0); /* so the whole set is asked */
    cr_expect_eq(yara_match(&w, "no PE", 5, "x"), 0);
    cr_expect_str_eq(w.found, "");
    w.scanner->scanner[TRN_YARA_PLAIN] = plain;
    w.rules->set[TRN_YARA_PLAIN] = reduced;
    w.rules->quiet[TRN_YARA_PLAIN] = quiet;
    yara_done(&w);
}

/* ---- the public rules, when they are here ---- */

static int public_rules(void)
{
    TRN_AUTO(trn_freep) char *root = NULL;
    char path[1024];
    struct dirent **names = NULL;
    if (asprintf(&root, "%s/%s", getenv("TRN_TEST_SOURCE") ? getenv("TRN_TEST_SOURCE") : ".", PUBLIC) < 0)
        return -1;
    int n = scandir(root, &names, NULL, alphasort), fd = memfd_create("bundle", MFD_CLOEXEC);
    if (n <= 0 || trn_bundle_put_header(fd) < 0)
        return -1;
    for (int i = 0; i < n; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", root, names[i]->d_name);
        TRN_AUTO(trn_fd_closep) int from = strstr(path, ".yar") ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (from >= 0)
            cr_assert_eq(trn_bundle_put_file(fd, trn_str_of(names[i]->d_name), from), 0);
        free(names[i]);
    }
    free(names);
    return fd;
}

/* What matched, by the set that serves and by all rules, each of whose conditions is evaluated. */
static void both(struct yara_world *w, const struct trn_source *s, const char *name, char *all, size_t size)
{
    struct trn_yara_rules *rules = w->rules;
    struct trn_yara_rules kept = *rules;
    YR_SCANNER *scanners[TRN_YARA_SETS];
    TRN_AUTO(trn_freep) uint8_t *none_quiet = calloc(rules->set[TRN_YARA_ALL]->num_rules + 1, 1);
    cr_assert_not_null(none_quiet);
    memcpy(scanners, w->scanner->scanner, sizeof(scanners));
    for (int i = 0; i < TRN_YARA_SETS; i++) {
        w->scanner->scanner[i] = scanners[TRN_YARA_ALL];
        rules->set[i] = kept.set[TRN_YARA_ALL];
        rules->quiet[i] = none_quiet;
    }
    w->found[0] = '\0';
    cr_assert_eq(yara_match_source(w, s, name), 0);
    (void)snprintf(all, size, "%s", w->found);
    memcpy(w->scanner->scanner, scanners, sizeof(scanners));
    *rules = kept;
    w->found[0] = '\0';
    cr_assert_eq(yara_match_source(w, s, name), 0);
}

/* The sources themselves are contents that match more than any other: the strings of each rule stand in them. As they are, and
 * with the first bytes of other formats before them, and blown up beyond a megabyte. */
Test(yara_reduce, on_the_public_rules_the_sets_find_what_all_rules_find, .timeout = 300)
{
    TRN_AUTO(trn_fd_closep) int bundle = public_rules();
    if (bundle < 0)
        cr_skip("no public rules at " PUBLIC);
    static const struct trn_str heads[] = {TRN_STR(""),
                                           TRN_STR("\x7f"
                                                   "ELF\x02\x01\x01"),
                                           TRN_STR("MZ\x90"),
                                           TRN_STR("PK\x03\x04"),
                                           TRN_STR("#!/bin/sh\n"),
                                           TRN_STR("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")};
    struct yara_world *w = calloc(1, sizeof(*w));
    struct trn_bundle_reader r;
    struct trn_bundle_entry entry;
    char *all = malloc(sizeof(w->found)), *content = malloc(4u << 20);
    uint32_t matches = 0, at = 0;
    cr_assert_eq(yara_compile_bundle(w, bundle, -1, -1), 0, "%s", w->err.message);
    cr_expect_lt(w->rules->set[TRN_YARA_PLAIN]->num_rules, w->rules->count * 2 / 3, "little is left out");
    cr_assert_eq(trn_bundle_open(bundle, &r, NULL), 0);
    while (trn_bundle_next(&r, &entry, NULL) == 1) {
        struct trn_str head = heads[at % TRN_ARRAY_SIZE(heads)];
        size_t n = head.n + (size_t)entry.size, pad = at % 16 == 3 ? (1u << 20) : 0;
        if (at++ % 3 || n + pad > 4u << 20)
            continue;
        memset(content, ' ', n + pad);
        memcpy(content, head.p, head.n);
        cr_assert_eq(trn_pread_full(bundle, content + head.n, (size_t)entry.size, entry.offset), 0);
        struct trn_source s = trn_source_mem((struct trn_str){content, n + pad});
        both(w, &s, "x", all, sizeof(w->found));
        cr_expect_str_eq(w->found, all, "%.*s", (int)entry.name_length, entry.name);
        for (const char *c = all; *c; c++)
            matches += *c == ' ';
    }
    cr_expect_gt(matches, 200, "only %u matches: this says nothing", matches);
    free(content);
    free(all);
    yara_done(w);
    free(w);
}

/* ---- the yara command on the same files ---- */

static const char peer_rules[] =
    "import \"pe\"\nimport \"math\"\nimport \"hash\"\n"
    "rule needs_mz { strings: $a = \"common\" condition: uint16(0) == 0x5a4d and $a }\n"
    "rule not_mz { strings: $a = \"common\" condition: not uint16(0) == 0x5a4d and $a }\n"
    "rule mz_or_elf { condition: uint16(0) == 0x5a4d or uint32(0) == 0x464c457f }\n"
    "rule no_pe { condition: not pe.is_pe and filesize > 4 }\n"
    "rule sections { condition: pe.number_of_sections == 0 or filesize < 30 }\n"
    "rule unsigned_common { strings: $a = \"common\" condition: $a and not pe.number_of_signatures > 0 }\n"
    "rule small { strings: $a = \"common\" condition: filesize < 1KB and $a }\n"
    "rule large { strings: $a = \"common\" condition: filesize > 1MB and #a > 1 }\n"
    "rule not_too_large { condition: filesize < 1048577 }\n"
    "rule random { condition: math.entropy(0, filesize) > 5.0 }\n"
    "rule same { condition: hash.md5(0, filesize) == \"3a6d0284e743dc4a9b86f97d6dd1a3bf\" }\n"
    "private rule hidden { strings: $a = /com+on/ wide ascii condition: any of them }\n"
    "rule asks { condition: hidden and filesize > 10 }\n"
    "rule set_of { condition: 2 of (needs_mz, not_mz, small) }\n"
    "rule regexp { strings: $a = /x[0-9]{3}y/ nocase $b = { 63 6f ?? 6d [1-8] 6e } condition: any of them }\n"
    "rule at_entry { strings: $a = \"common\" condition: $a at pe.entry_point or $a at 4 }\n";

static const struct {
    const char *name;
    struct trn_str head, rest;
    size_t repeat;
} peer_files[] = {
    {"elf",
     TRN_STR("\x7f"
             "ELF"),
     TRN_STR("common\n"), 1},
    {"mz", TRN_STR("MZ\x90\x00"), TRN_STR("common and more of it, common"), 3},
    {"m", TRN_STR("M"), TRN_STR(""), 1},
    {"text", TRN_STR(""), TRN_STR("hello"), 1},
    {"wide", TRN_STR("c\0o\0m\0m\0o\0n\0"), TRN_STR("X123Y"), 2},
    {"edge", TRN_STR(""), TRN_STR("0123456789abcdef"), 65536}, /* 1 MB exactly */
    {"beyond", TRN_STR("!"), TRN_STR("0123456789abcdef"), 65536},
    {"big", TRN_STR("x"), TRN_STR("a common thing\n"), 90000},
    {"bigmz", TRN_STR("MZ"), TRN_STR("another common thing\n"), 90000},
    {"same", TRN_STR(""), TRN_STR("val"), 1},
};

static size_t make_peer_file(size_t i, char **ret)
{
    size_t n = peer_files[i].head.n + peer_files[i].rest.n * peer_files[i].repeat;
    char *p = malloc(n + 1), *at = p + peer_files[i].head.n;
    cr_assert_not_null(p);
    memcpy(p, peer_files[i].head.p, peer_files[i].head.n);
    for (size_t k = 0; k < peer_files[i].repeat; k++, at += peer_files[i].rest.n)
        memcpy(at, peer_files[i].rest.p, peer_files[i].rest.n);
    *ret = p;
    return n;
}

static void write_file(const char *dir, const char *name, const char *bytes, size_t n)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    TRN_AUTO(trn_fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    cr_assert_eq(trn_write_full(fd, bytes, n), 0);
}

/* "rule rule " of one file, as the command says it: it tells rules in their order. */
static void ask_yara(const char *dir, const char *name, char *ret, size_t size)
{
    char command[512], line[512];
    (void)snprintf(command, sizeof(command), "yara -w %s/rules %s/%s", dir, dir, name);
    FILE *f = popen(command, "re");
    cr_assert_not_null(f);
    ret[0] = '\0';
    while (fgets(line, sizeof(line), f)) {
        size_t n = strlen(ret);
        (void)snprintf(ret + n, size - n, "%.*s ", (int)strcspn(line, " "), line);
    }
    cr_assert_eq(pclose(f), 0);
}

Test(yara_reduce, the_yara_command_finds_the_same, .timeout = 60)
{
    char dir[] = "/tmp/trn-yara-XXXXXX", theirs[4096], command[64];
    if (system("command -v yara > /dev/null") != 0)
        cr_skip("no yara command");
    cr_assert_not_null(mkdtemp(dir));
    struct yara_world w = {0};
    const struct yara_source files[] = {{"rules", peer_rules}};
    cr_assert_eq(yara_compile(&w, files, 1, -1, -1), 0, "%s", w.bad);
    cr_assert_str_eq(w.bad, "");
    write_file(dir, "rules", peer_rules, strlen(peer_rules));
    uint32_t all = 0;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(peer_files); i++) {
        TRN_AUTO(trn_freep) char *bytes = NULL;
        size_t n = make_peer_file(i, &bytes);
        write_file(dir, peer_files[i].name, bytes, n);
        ask_yara(dir, peer_files[i].name, theirs, sizeof(theirs));
        w.found[0] = '\0';
        cr_expect_eq(yara_match(&w, bytes, n, peer_files[i].name), 0);
        cr_expect_str_eq(w.found, theirs, "%s: '%s', yara says '%s'", peer_files[i].name, w.found, theirs);
        all += theirs[0] != '\0';
    }
    cr_expect_geq(all, 8);
    (void)snprintf(command, sizeof(command), "rm -r %s", dir);
    cr_expect_eq(system(command), 0);
    yara_done(&w);
}
