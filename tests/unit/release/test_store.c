/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does the store give back what was put into it, and refuse what is no store? */
#include "made.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#define PE TRN_FORMAT_PE
#define WALL 1764288000000000000ull

static char dir[64], path[128];

static void set_up(void)
{
    snprintf(dir, sizeof(dir), "/tmp/trn-releases-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/releases.db", dir);
}

static void tear_down(void)
{
    unlink(path);
    rmdir(dir);
}

TestSuite(release_store, .init = set_up, .fini = tear_down);

static struct trn_release_store *store(void)
{
    struct trn_release_store *s = NULL;
    struct trn_err err = {0};
    cr_assert_eq(trn_release_store_open(path, &s, &err), 0, "%s", err.message);
    return s;
}

static void put(struct trn_release_store *s, const struct trn_release *r, uint64_t wall_ns)
{
    struct trn_err err = {0};
    cr_assert_eq(trn_release_store_put(s, r, wall_ns, &err), 0, "%s", err.message);
}

/* A product of which each version has a file of its own content. */
static struct trn_release *version(const char *product, const char *number, const char *content)
{
    struct made m = made_new(number, NULL);
    made_plain(&m, "control", TRN_FORMAT_TEXT, content);
    made_property(&m, "product", product);
    made_property(&m, "version", number);
    return made_done(&m);
}

static void run_sql(const char *sql)
{
    sqlite3 *db = NULL;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* Everything that can be told, known contents and a file of which nothing is known among it. */
static struct trn_release *full(void)
{
    struct made m = made_new("acme \x1b[31m 1.0", NULL);
    const struct trn_gap gap = {TRN_GAP_LIMIT, TRN_STR("ratio"), TRN_STR("big\xff"), 300, 200};
    struct trn_signature s = made_signature("Acme, Inc.", "\x01\x02", "digest");
    s.signed_at = -5;
    s.issuer = TRN_STR_NONE;
    trn_signature_uncovered(&s, 100, 8, "head", true);
    trn_signature_uncovered(&s, 4096, 277256, "in the certificate table, behind a signature", false);
    made_file(&m, "acme.msi");
    uint32_t top = made_put(&m, 0, "acme.msi", TRN_FORMAT_MSI, "msi");
    made_property(&m, "product", "Acme");
    made_property(&m, "version", "1.0");
    uint32_t cab = made_put(&m, top, "in/ner.cab", TRN_FORMAT_CAB, "cab");
    cr_assert_eq(trn_release_gap(m.r, m.file, cab, &gap), 0);
    made_put(&m, cab, "a.dll", PE, "a");
    made_signature_put(&m, &s);
    made_features(&m, TRN_FEATURE_IMPORT, "f", 0, 300);
    made_number(&m, TRN_FEATURE_EARLY, "tls", UINT64_MAX);
    made_finding(&m, "pe.overlay", 45);
    made_put(&m, top, "two/ner.cab", TRN_FORMAT_CAB, "cab"); /* known: brings a.dll again */
    made_file(&m, "never");
    cr_assert_eq(trn_release_end(m.r, m.file, -EPIPE, TRN_STR("its worker crashed")), 0);
    return made_done(&m);
}

static void expect_same_member(const struct trn_release_member *a, const struct trn_release_member *b)
{
    cr_expect(trn_str_eq(a->path, b->path) && trn_str_eq(a->name, b->name), "%.*s", TRN_STR_ARG(b->path));
    cr_expect(a->parent == b->parent && a->depth == b->depth && a->children == b->children);
    cr_expect(a->format == b->format && a->size == b->size && a->mode == b->mode && a->gaps == b->gaps);
    cr_expect_eq(memcmp(a->sha256, b->sha256, TRN_SHA256_SIZE), 0);
    cr_assert_eq(a->n_features, b->n_features);
    for (size_t i = 0; i < a->n_features; i++)
        cr_expect(trn_feature_compare(&a->features[i], &b->features[i]) == 0 &&
                  a->features[i].number == b->features[i].number && a->features[i].at == b->features[i].at);
    cr_assert_eq(a->n_properties, b->n_properties);
    cr_assert_eq(a->n_findings, b->n_findings);
    for (size_t i = 0; i < a->n_findings; i++)
        cr_expect(a->findings[i]->check == b->findings[i]->check && a->findings[i]->score == b->findings[i]->score);
    cr_assert_eq(!a->signature, !b->signature);
    if (!a->signature)
        return;
    cr_expect(trn_str_eq(a->signature->signer, b->signature->signer));
    cr_expect(trn_str_eq(a->signature->issuer, b->signature->issuer), "absent stays absent");
    cr_expect_eq(a->signature->signed_at, b->signature->signed_at);
    cr_assert_eq(a->signature->n_uncovered, b->signature->n_uncovered);
    cr_expect_eq(a->signature->uncovered[1].size, b->signature->uncovered[1].size);
    cr_expect_str_eq(a->signature->uncovered[1].what, b->signature->uncovered[1].what);
}

Test(release_store, gives_back_what_was_told)
{
    MADE_AUTO(r) = full();
    TRN_AUTO(trn_release_store_closep) struct trn_release_store *s = store();
    put(s, r, WALL);
    MADE_AUTO(next) = version("Acme", "1.1", "other");
    MADE_AUTO(back) = NULL;
    cr_assert_eq(trn_release_store_last(s, next, &back, NULL), 0);
    cr_assert_eq(trn_release_count(back), trn_release_count(r));
    for (size_t i = 0; i < trn_release_count(r); i++)
        expect_same_member(trn_release_at(back, i), trn_release_at(r, i));
    cr_expect(trn_str_eq(trn_release_label(back), trn_release_label(r)));
    for (size_t i = 0; i < 2; i++) {
        const struct trn_release_gap *a = trn_release_gap_at(back, i), *b = trn_release_gap_at(r, i);
        cr_assert(a && b);
        cr_expect(a->member == b->member && a->gap.kind == b->gap.kind && a->gap.value == b->gap.value);
        cr_expect(trn_str_eq(a->gap.member, b->gap.member) && trn_str_eq(a->gap.what, b->gap.what));
    }
    cr_expect_null(trn_release_gap_at(back, 2));
    cr_expect(trn_release_undecided(back));
    TRN_AUTO(trn_diff_freep) struct trn_diff *d = made_diff(r, back);
    cr_expect(d->equal);
}

/* What was kept knows contents: the new release hears only their hashes. */
Test(release_store, what_is_given_back_knows_its_contents)
{
    MADE_AUTO(r) = full();
    struct trn_release_store *s = store();
    put(s, r, WALL);
    trn_release_store_close(s);
    s = store();
    MADE_AUTO(next) = version("Acme", "1.1", "other");
    MADE_AUTO(back) = NULL;
    cr_assert_eq(trn_release_store_last(s, next, &back, NULL), 0);
    trn_release_store_close(s);
    struct made m = made_new("1.1", back);
    made_plain(&m, "x/ner.cab", TRN_FORMAT_CAB, "cab");
    MADE_AUTO(after) = made_done(&m);
    cr_assert_eq(trn_release_count(after), 2);
    cr_expect_eq(trn_release_at(after, 1)->n_features, 301);
}

struct walk {
    char text[400];
    size_t n;
};

static int note(void *ctx, const struct trn_release_seen *seen)
{
    struct walk *w = ctx;
    w->n += (size_t)snprintf(w->text + w->n, sizeof(w->text) - w->n, "%.*s=%.*s@%llu ", TRN_STR_ARG(seen->product),
                             TRN_STR_ARG(seen->version), (unsigned long long)(seen->wall_ns - WALL));
    return 0;
}

Test(release_store, releases_come_newest_first_and_only_those_seen_before)
{
    TRN_AUTO(trn_release_store_closep) struct trn_release_store *s = store();
    static const char *const numbers[] = {"1.0", "1.1", "1.2", "1.3"};
    struct trn_release *r[TRN_ARRAY_SIZE(numbers)], *got[8];
    for (size_t i = 0; i < TRN_ARRAY_SIZE(numbers); i++)
        put(s, r[i] = version("acme", numbers[i], numbers[i]), WALL + i);
    MADE_AUTO(other) = version("bolt", "7", "seven");
    put(s, other, WALL + 9);
    size_t n = 99;
    cr_assert_eq(trn_release_store_history(s, r[2], 8, got, &n, NULL), 0);
    cr_assert_eq(n, 2, "not itself, not what came after it");
    cr_expect(trn_str_eq_c(trn_release_version(got[0]), "1.1"));
    cr_expect(trn_str_eq_c(trn_release_version(got[1]), "1.0"));
    for (size_t i = 0; i < n; i++)
        trn_release_free(got[i]);
    MADE_AUTO(unseen) = version("acme", "1.4", "1.4");
    cr_assert_eq(trn_release_store_history(s, unseen, 1, got, &n, NULL), 0);
    cr_assert_eq(n, 1);
    cr_expect(trn_str_eq_c(trn_release_version(got[0]), "1.3"));
    trn_release_free(got[0]);
    struct walk w = {.n = 0};
    cr_assert_eq(trn_release_store_list(s, TRN_STR_NONE, note, &w, NULL), 0);
    cr_expect_str_eq(w.text, "acme=1.3@3 acme=1.2@2 acme=1.1@1 acme=1.0@0 bolt=7@9 ");
    w.n = 0;
    cr_assert_eq(trn_release_store_list(s, TRN_STR("bolt"), note, &w, NULL), 0);
    cr_expect_str_eq(w.text, "bolt=7@9 ");
    for (size_t i = 0; i < TRN_ARRAY_SIZE(numbers); i++)
        trn_release_free(r[i]);
}

Test(release_packed, is_unpacked_as_it_was_and_any_damage_is_noticed)
{
    struct trn_release *r = version("acme", "1.0", "made up"), *back = NULL;
    struct trn_buf b, again;
    trn_buf_init(&b, 1u << 20);
    trn_buf_init(&again, 1u << 20);
    cr_assert_eq(trn_release_pack(r, &b), 0);
    cr_assert_eq(trn_release_unpack(trn_buf_str(&b), &back), 0);
    cr_assert_eq(trn_release_pack(back, &again), 0);
    cr_assert(trn_str_eq(trn_buf_str(&b), trn_buf_str(&again)));
    back = trn_release_free(back);
    for (size_t i = 0; i < b.n; i++) {
        cr_assert_eq(trn_release_unpack(trn_str_slice(trn_buf_str(&b), 0, i), &back), -EBADMSG, "cut off at %zu", i);
        b.p[i] ^= 0x10;
        int e = trn_release_unpack(trn_buf_str(&b), &back);
        b.p[i] ^= 0x10;
        if (e == 0) /* a flag of the frame that changes nothing of what it holds */
            trn_buf_clear(&again);
        cr_assert(e == -EBADMSG ||
                      (trn_release_pack(back, &again) == 0 && trn_str_eq(trn_buf_str(&b), trn_buf_str(&again))),
                  "byte %zu", i);
        back = trn_release_free(back);
    }
    trn_buf_done(&b);
    trn_buf_done(&again);
    trn_release_free(r);
}

Test(release_packed, there_is_an_end_of_room)
{
    struct trn_release *r = version("acme", "1.0", "made up");
    struct trn_buf b;
    trn_buf_init(&b, 16);
    cr_assert_eq(trn_release_pack(r, &b), -EFBIG);
    trn_buf_done(&b);
    trn_release_free(r);
}

Test(release_store, nothing_was_seen_yet)
{
    TRN_AUTO(trn_release_store_closep) struct trn_release_store *s = store();
    MADE_AUTO(r) = version("acme", "1.0", "one");
    struct trn_release *back = NULL;
    struct trn_err err = {0};
    cr_expect_eq(trn_release_store_last(s, r, &back, &err), -ENOENT);
    cr_expect_not_null(strstr(err.message, "'acme'"));
    put(s, r, WALL);
    cr_expect_eq(trn_release_store_last(s, r, &back, NULL), -ENOENT, "its own content is no earlier release");
    cr_expect_null(back);
}

/* The same version with another content is the one thing that must be compared with what was seen, and then replaces it. */
Test(release_store, the_same_version_replaces_itself)
{
    TRN_AUTO(trn_release_store_closep) struct trn_release_store *s = store();
    MADE_AUTO(old) = version("acme", "0.9", "old");
    MADE_AUTO(a) = version("acme", "1.0", "one");
    MADE_AUTO(b) = version("acme", "1.0", "turned");
    put(s, old, WALL);
    put(s, a, WALL + 1);
    put(s, a, WALL + 2);
    MADE_AUTO(last) = NULL;
    cr_assert_eq(trn_release_store_last(s, b, &last, NULL), 0);
    cr_expect_eq(memcmp(trn_release_at(last, 0)->sha256, trn_release_at(a, 0)->sha256, TRN_SHA256_SIZE), 0);
    struct walk w = {.n = 0};
    cr_assert_eq(trn_release_store_list(s, TRN_STR_NONE, note, &w, NULL), 0);
    cr_expect_str_eq(w.text, "acme=1.0@1 acme=0.9@0 ", "the same content keeps its time");
    put(s, b, WALL + 3);
    w.n = 0;
    cr_assert_eq(trn_release_store_list(s, TRN_STR_NONE, note, &w, NULL), 0);
    cr_expect_str_eq(w.text, "acme=1.0@3 acme=0.9@0 ");
}

Test(release_store, a_release_that_says_no_product_is_kept_by_its_label)
{
    TRN_AUTO(trn_release_store_closep) struct trn_release_store *s = store();
    struct made m = made_new("/srv/pub/tool-1.0.bin", NULL);
    made_plain(&m, "", TRN_FORMAT_DATA, "one");
    MADE_AUTO(a) = made_done(&m);
    m = made_new("/tmp/tool-1.1.bin", NULL);
    made_plain(&m, "", TRN_FORMAT_DATA, "two");
    MADE_AUTO(b) = made_done(&m);
    put(s, a, WALL);
    MADE_AUTO(back) = NULL;
    cr_assert_eq(trn_release_store_last(s, b, &back, NULL), 0);
    struct walk w = {.n = 0};
    cr_assert_eq(trn_release_store_list(s, TRN_STR_NONE, note, &w, NULL), 0);
    cr_expect_str_eq(w.text, "tool-#.bin=1.0@0 ");
}

Test(release_store, only_so_many_of_one_product_are_kept)
{
    TRN_AUTO(trn_release_store_closep) struct trn_release_store *s = store();
    char number[16];
    for (unsigned i = 0; i < TRN_HISTORY_MAX + 8; i++) {
        snprintf(number, sizeof(number), "1.%u", i);
        MADE_AUTO(r) = version("acme", number, number);
        put(s, r, WALL + i);
    }
    MADE_AUTO(next) = version("acme", "2.0", "2.0");
    struct trn_release *got[TRN_HISTORY_MAX + 8];
    size_t n;
    cr_assert_eq(trn_release_store_history(s, next, TRN_ARRAY_SIZE(got), got, &n, NULL), 0);
    cr_expect_eq(n, TRN_HISTORY_MAX, "as many as are asked");
    cr_expect(trn_str_eq_c(trn_release_version(got[n - 1]), "1.8"), "the oldest went");
    for (size_t i = 0; i < n; i++)
        trn_release_free(got[i]);
}

/* ---- what is no store ---- */

static int open_code(struct trn_err *err)
{
    struct trn_release_store *s = NULL;
    int e = trn_release_store_open(path, &s, err);
    cr_assert(e < 0 || s);
    trn_release_store_close(s);
    return e;
}

static void write_file(const char *content, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(trn_write_full(fd, content, n), 0);
    trn_fd_close(fd);
}

Test(release_store, what_is_no_store_is_refused_and_left_alone)
{
    struct trn_err err = {0};
    write_file("this is a text and no store, and longer than a header would be: nothing is to be done to it.........",
               100);
    cr_expect_eq(open_code(&err), -EUCLEAN);
    cr_expect(err.hint[0] != 0);
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_size, 100);
    unlink(path);
    run_sql("CREATE TABLE release(id INTEGER PRIMARY KEY)");
    cr_expect_eq(open_code(&err), -EUCLEAN, "somebody else's database");
    unlink(path);
    cr_expect_eq(trn_release_store_open(dir, &(struct trn_release_store *){NULL}, &err), -EISDIR);
}

Test(release_store, a_trigger_in_it_is_refused)
{
    struct trn_err err = {0};
    trn_release_store_close(store());
    run_sql("CREATE TRIGGER t AFTER INSERT ON release BEGIN DELETE FROM release; END");
    cr_expect_eq(open_code(&err), -EUCLEAN);
}

Test(release_store, a_newer_schema_is_refused)
{
    struct trn_err err = {0};
    trn_release_store_close(store());
    run_sql("PRAGMA user_version=2");
    cr_expect_eq(open_code(&err), -ENOTSUP);
    cr_expect_not_null(strstr(err.message, "schema 2"));
}

Test(release_store, the_file_is_the_owners_alone)
{
    struct stat st;
    trn_release_store_close(store());
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0600);
}

/* A record that was changed costs itself only. */
Test(release_store, a_damaged_record_is_passed_over)
{
    static const char *const damages[] = {
        "UPDATE release SET record=x'00' WHERE version=CAST('1.1' AS BLOB)",
        "UPDATE release SET raw=raw+1 WHERE version=CAST('1.1' AS BLOB)",
        "UPDATE release SET raw=1073741824 WHERE version=CAST('1.1' AS BLOB)",
        "UPDATE release SET record=substr(record,1,length(record)-4) WHERE version=CAST('1.1' AS BLOB)",
        "UPDATE release SET record=CAST(zeroblob(100) AS BLOB), content=x'01' WHERE version=CAST('1.1' AS BLOB)",
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(damages); i++) {
        struct trn_release_store *s = store();
        MADE_AUTO(a) = version("acme", "1.0", "one");
        MADE_AUTO(b) = version("acme", "1.1", "two");
        MADE_AUTO(next) = version("acme", "1.2", "three");
        put(s, a, WALL);
        put(s, b, WALL);
        trn_release_store_close(s);
        run_sql(damages[i]);
        s = store();
        MADE_AUTO(back) = NULL;
        cr_assert_eq(trn_release_store_last(s, next, &back, NULL), 0, "%s", damages[i]);
        cr_expect(trn_str_eq_c(trn_release_version(back), "1.0"), "%s", damages[i]);
        trn_release_store_close(s);
        unlink(path);
    }
}

Test(release_codec, any_byte_changed_or_cut_is_refused_or_read_whole)
{
    MADE_AUTO(r) = full();
    struct trn_buf TRN_AUTO(trn_buf_done) b;
    trn_buf_init(&b, 1u << 20);
    cr_assert_eq(trn_release_encode(r, &b), 0);
    MADE_AUTO(whole) = NULL;
    cr_assert_eq(trn_release_decode(trn_buf_str(&b), &whole), 0);
    for (size_t i = 0; i < b.n; i += 1 + b.n / 4000) {
        struct trn_release *back = NULL;
        cr_expect_eq(trn_release_decode((struct trn_str){b.p, i}, &back), -EBADMSG, "cut at %zu", i);
        char was = b.p[i];
        b.p[i] = (char)(was ^ 0x55);
        int e = trn_release_decode(trn_buf_str(&b), &back);
        cr_expect(e == 0 || e == -EBADMSG, "byte %zu: %d", i, e);
        trn_release_free(back);
        b.p[i] = was;
    }
    trn_put_u8(&b, 0);
    cr_expect_eq(trn_release_decode(trn_buf_str(&b), &(struct trn_release *){NULL}), -EBADMSG, "a byte too many");
}

Test(release_codec, what_is_larger_than_its_bound_is_not_written)
{
    MADE_AUTO(r) = full();
    struct trn_buf TRN_AUTO(trn_buf_done) b;
    trn_buf_init(&b, 1000);
    cr_expect_eq(trn_release_encode(r, &b), -EFBIG);
}
