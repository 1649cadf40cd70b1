/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: 'turncoat stories --verify FILE': is this evidence bundle what its key signed? Needs no daemon and no root.
 * Must not: read a byte of the bundle itself: a strict worker does, and says what it found.
 */
#include "cli/bundle.h"
#include "cli/render.h"

#include "inspect/inspect.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

struct verdict {
    bool told, key_wrong;
    json_t *facts;
    char key[65];
    int code; /* of the job */
    char message[400];
};

static json_t *text(struct trn_str s)
{
    if (trn_str_is_none(s))
        return json_null();
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 65536);
    trn_escape(&b, s); /* also makes it valid UTF-8 */
    return json_stringn(trn_buf_str(&b).p, b.n);
}

static json_t *number(uint64_t v)
{
    return json_integer((json_int_t)TRN_MIN(v, (uint64_t)INT64_MAX));
}

static json_t *members_of(const struct trn_evidence_facts *f)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < f->n_members; i++) {
        char hex[65];
        trn_hex(f->members[i].sha256, TRN_SHA256_SIZE, hex);
        json_array_append_new(all, json_pack("{s:o, s:o, s:s}", "name", text(f->members[i].name), "size",
                                             number(f->members[i].size), "sha256", hex));
    }
    return all;
}

static int on_evidence(void *ctx, uint64_t job, const struct trn_evidence_facts *f)
{
    struct verdict *v = ctx;
    if (v->facts)
        return -EPROTO;
    trn_hex(f->key, sizeof(f->key), v->key);
    json_t *signer = json_pack("{s:s, s:o, s:o, s:o, s:o}", "key", v->key, "host_id", text(f->host_id), "host_name",
                               text(f->host_name), "turncoat", text(f->version), "kernel", text(f->kernel));
    json_t *story =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", number(f->story), "verdict", text(f->verdict),
                  "score", number(f->score), "status", text(f->status), "software", text(f->software), "version",
                  text(f->software_version), "sentence", text(f->sentence), "findings", number(f->findings));
    v->facts =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "signer", signer, "made", text(f->made),
                  "story", story, "events", number(f->events), "events_left_out", number(f->events_left_out),
                  "events_missing", number(f->events_missing), "losses", number(f->losses), "loss_overlap",
                  f->loss_overlap, "removed", text(f->redacted), "size", number(f->size), "members", members_of(f));
    return v->facts ? 0 : -ENOMEM;
}

static int on_end(void *ctx, uint64_t job, int code, struct trn_str message)
{
    struct verdict *v = ctx;
    v->told = true;
    v->code = code;
    trn_escape_into(v->message, sizeof(v->message), message);
    return 0;
}

static const char *result_of(const struct verdict *v)
{
    if (v->code == -EBADMSG)
        return "changed";
    if (v->code < 0 || !v->facts)
        return "undecided";
    return v->key_wrong ? "another key" : "proven";
}

static enum trn_exit exit_of(const struct verdict *v)
{
    if (v->code == -EBADMSG)
        return TRN_EXIT_FINDINGS;
    if (v->code < 0 || !v->facts)
        return TRN_EXIT_UNDECIDED;
    return v->key_wrong ? TRN_EXIT_FINDINGS : TRN_EXIT_OK;
}

static void print_json(struct trn_cli *cli, const struct verdict *v, const char *shown)
{
    json_t *o =
        json_pack("{s:s, s:o, s:s}", "schema", "turncoat.verify/1", "file", json_string(shown), "result", result_of(v));
    if (v->message[0])
        json_object_set_new(o, "message", json_string(v->message));
    if (v->facts)
        json_object_update(o, v->facts);
    trn_print_json(cli->out, o);
    json_decref(o);
}

/* The texts are escaped already. */
static void put(struct trn_buf *b, const json_t *facts, const char *path)
{
    trn_put_str(b, trn_json_text(facts, path));
}

static void put_holds(struct trn_buf *b, const json_t *f)
{
    trn_put_fmt(b, "holds      %" PRIu64 " findings, %" PRIu64 " events", trn_json_count(f, "story.findings"),
                trn_json_count(f, "events"));
    if (trn_json_count(f, "events_left_out"))
        trn_put_fmt(b, " (%" PRIu64 " left out)", trn_json_count(f, "events_left_out"));
    if (trn_json_count(f, "events_missing"))
        trn_put_fmt(b, " (%" PRIu64 " no longer stored)", trn_json_count(f, "events_missing"));
    trn_put_fmt(b, "; %zu members, ", json_array_size(json_object_get(f, "members")));
    trn_put_size(b, trn_json_count(f, "size"));
    trn_put_c(b, trn_json_true(f, "loss_overlap") ? "\n           not all was seen: events were lost at that time\n"
                                                  : "\n");
}

static void put_signer(struct trn_buf *b, const json_t *f)
{
    trn_put_c(b, "signed by  key ");
    put(b, f, "signer.key");
    trn_put_c(b, "\n           on ");
    trn_put_clock(b, trn_json_text(f, "made"), true);
    trn_put_c(b, ", host ");
    if (!trn_str_is_empty(trn_json_text(f, "signer.host_name"))) {
        put(b, f, "signer.host_name");
        trn_put_c(b, ", ");
    }
    trn_put_c(b, "id ");
    put(b, f, "signer.host_id");
    trn_put_c(b, "\n           turncoat ");
    put(b, f, "signer.turncoat");
    trn_put_c(b, ", ");
    put(b, f, "signer.kernel");
    trn_put_c(b, "\n");
}

static void print_proven(struct trn_cli *cli, const struct verdict *v, const char *shown)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    const json_t *f = v->facts;
    trn_buf_init(&b, 1u << 20);
    trn_put_fmt(&b, "%s%s%s  '%s' is unchanged since it was signed\n", trn_colour_on(cli->colour, TRN_GREEN), "proven",
                trn_colour_off(cli->colour, TRN_GREEN), shown);
    put_signer(&b, f);
    trn_put_fmt(&b, "story %-5" PRIu64, trn_json_count(f, "story.id"));
    put(&b, f, "story.verdict");
    trn_put_fmt(&b, " %" PRIu64 "  ", trn_json_count(f, "story.score"));
    put(&b, f, "story.sentence");
    trn_put_c(&b, "\n");
    put_holds(&b, f);
    if (!trn_str_is_empty(trn_json_text(f, "removed"))) {
        trn_put_c(&b, "removed    ");
        put(&b, f, "removed");
        trn_put_c(&b, "\n");
    }
    trn_put_c(&b,
              trn_cli_has(cli, "key")
                  ? "what that proves: who holds this key, which is the one you named, made exactly these bytes\n"
                  : "what that proves: who holds this key made exactly these bytes, nothing more. Whose key it is:\n"
                    "compare it with 'turncoat status' on that host, then ask for it: --key KEY\n");
    trn_print(cli->out, &b);
}

static int ask_worker(const char *file, struct verdict *v, struct trn_err *err)
{
    char shown[200];
    /* What stands there may be a FIFO: never wait for somebody to write it. */
    TRN_AUTO(trn_fd_closep) int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    int e = fd < 0 || fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
    if (e < 0)
        return trn_fail(err, e, "cannot read '%s': %s", trn_escape_into(shown, sizeof(shown), trn_str_of(file)),
                        e == -EINVAL ? "it is no plain file" : trn_errno_name(e));
    const struct trn_job job = {.id = 1, .kind = TRN_JOB_EVIDENCE};
    const struct trn_inspect_sink sink = {.evidence = on_evidence, .end = on_end, .ctx = v};
    return trn_inspect_once(&job, fd, &sink, err);
}

/* The key that must have signed: 64 hex digits, in either case, with or without "ed25519:" before them. */
static int read_key(struct trn_cli *cli, char ret[65], struct trn_err *err)
{
    struct trn_str given = trn_str_of(trn_cli_value(cli, "key"));
    uint8_t key[TRN_EVIDENCE_KEY];
    if (trn_str_is_none(given))
        return 0;
    if (trn_str_starts(given, TRN_STR("ed25519:")))
        given = trn_str_slice(given, 8, given.n);
    if (given.n != 2 * sizeof(key) || trn_unhex(given, key, sizeof(key)) < 0) {
        trn_fail(err, -EINVAL, "'--key' takes the 64 hex digits that 'turncoat status' shows");
        return -EINVAL;
    }
    trn_hex(key, sizeof(key), ret);
    return 0;
}

int trn_stories_verify(struct trn_cli *cli)
{
    const char *file = trn_cli_value(cli, "verify");
    struct trn_err err = {0};
    struct verdict v = {0};
    char shown[200], wanted[65] = "";
    if (read_key(cli, wanted, &err) < 0)
        return trn_cli_error(cli, &err, TRN_EXIT_USAGE);
    fflush(cli->out); /* or the child would write it a second time */
    fflush(cli->err);
    int e = ask_worker(file, &v, &err);
    if (e == 0 && v.code == 0 && !v.facts)
        e = trn_fail(&err, -EPROTO, "the process that reads files for us gave no answer");
    if (e < 0) {
        json_decref(v.facts);
        return trn_cli_error(cli, &err, TRN_EXIT_UNDECIDED);
    }
    trn_escape_into(shown, sizeof(shown), trn_str_of(file));
    v.key_wrong = wanted[0] && v.facts && strcmp(wanted, v.key) != 0;
    enum trn_exit code = exit_of(&v);
    if (cli->json) {
        print_json(cli, &v, shown);
    } else if (v.code < 0) {
        fprintf(cli->err, "turncoat: %s '%s': %s\n",
                v.code == -EBADMSG ? "not what was signed:" : "cannot decide about", shown,
                v.message[0] ? v.message : trn_errno_name(v.code));
    } else if (v.key_wrong) {
        fprintf(cli->err, "turncoat: '%s' is unchanged, but signed by another key: %s\n", shown, v.key);
        fputs("hint: ask whoever gave it to you which host it is from\n", cli->err);
    } else {
        print_proven(cli, &v, shown);
    }
    json_decref(v.facts);
    return (int)code;
}
