/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the page of one story and its one-line form, for a terminal. Facts first, no drama. Times are UTC.
 * Must not: let a foreign byte through unescaped, nor name a command that does not exist.
 */
#include "story/print.h"

#define WIDTH 100
#define WIDTH_MIN 60
#define COLUMN 31 /* of what stands behind a title */

static const char *const verdict_words[TRN_VERDICT_MAX] = {"CLEAN", "NOTE", "SUSPICIOUS", "MALICIOUS"};
static const char *const verdict_colours[TRN_VERDICT_MAX] = {"\033[32m", "\033[2m", "\033[33m", "\033[1;31m"};

/* Columns that UTF-8 text takes; everything we print is one column a character. */
size_t trn_print_columns(struct trn_str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

void trn_print_pad(struct trn_buf *b, size_t have, size_t want)
{
    for (; have < want; have++)
        trn_put_c(b, " ");
}

/* Bytes of s that fit into `room` columns, cut at a space when there is one not too far left. */
static size_t fitting(struct trn_str s, size_t room)
{
    size_t at = 0, used = 0, space = 0;
    while (at < s.n) {
        size_t step = 1;
        while (at + step < s.n && ((unsigned char)s.p[at + step] & 0xc0) == 0x80)
            step++;
        if (used == room)
            return space > at / 2 ? space : at;
        if (s.p[at] == ' ')
            space = at;
        at += step;
        used++;
    }
    return s.n;
}

/* s in lines of `room` columns, each further one indented; returns the columns of the last line. */
size_t trn_print_wrapped(struct trn_buf *b, struct trn_str s, size_t indent, size_t room)
{
    for (;;) {
        size_t n = fitting(s, room);
        struct trn_str line = trn_str_slice(s, 0, n);
        trn_put_str(b, line);
        s = trn_str_slice(s, n, s.n);
        while (s.n && s.p[0] == ' ')
            s = trn_str_slice(s, 1, s.n);
        if (s.n == 0)
            return trn_print_columns(line);
        trn_put_c(b, "\n");
        trn_print_pad(b, 0, indent);
    }
}

/* "23 Nov 07:01"; only "07:01" on the same day as `day_of`. */
void trn_print_clock(struct trn_buf *b, uint64_t wall_ns, uint64_t day_of)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct trn_buf iso, other;
    uint64_t month = 0, day = 0;
    trn_buf_init(&iso, 64);
    trn_buf_init(&other, 64);
    trn_put_time_iso(&iso, wall_ns);
    trn_put_time_iso(&other, day_of);
    struct trn_str s = trn_buf_str(&iso);
    bool same = day_of && trn_str_eq(trn_str_slice(s, 0, 10), trn_str_slice(trn_buf_str(&other), 0, 10));
    if (!same && s.n >= 16 && !trn_str_u64(trn_str_slice(s, 5, 2), &month) &&
        !trn_str_u64(trn_str_slice(s, 8, 2), &day) && month >= 1 && month <= 12)
        trn_put_fmt(b, "%u %s ", (unsigned)day, months[month - 1]);
    trn_put_str(b, trn_str_slice(s, 11, 5));
    trn_buf_done(&iso);
    trn_buf_done(&other);
}

static void put_verdict(struct trn_buf *b, const struct trn_story *s, bool colour)
{
    enum trn_verdict v = s->verdict < TRN_VERDICT_MAX ? s->verdict : TRN_VERDICT_NOTE;
    if (colour)
        trn_put_c(b, verdict_colours[v]);
    trn_put_fmt(b, "%s %u", verdict_words[v], s->score);
    if (colour)
        trn_put_c(b, "\033[0m");
}

bool trn_print_has_change(const struct trn_story *s)
{
    return s->change_wall_ns && !trn_str_is_empty(s->change_to);
}

static void put_by(struct trn_buf *b, uint32_t uid, uint64_t wall_ns)
{
    trn_put_c(b, " by ");
    trn_story_put_who(b, uid);
    trn_put_c(b, ", ");
    trn_print_clock(b, wall_ns, 0);
}

/* What people decided, and what has come since. */
static void put_decisions(const struct trn_story *s, size_t indent, struct trn_buf *b)
{
    if (s->closed || s->close_wall_ns) {
        trn_print_pad(b, 0, indent);
        trn_put_c(b, s->closed ? "closed" : "was closed");
        if (s->close_wall_ns)
            put_by(b, s->close_uid, s->close_wall_ns);
        trn_put_c(b, ": ");
        trn_escape(b, s->close_why);
        trn_put_c(b, "\n");
    }
    if (s->reopened_wall_ns) {
        trn_print_pad(b, 0, indent);
        trn_put_c(b, "opened again ");
        trn_print_clock(b, s->reopened_wall_ns, 0);
        trn_put_c(b, ", by new evidence: ");
        trn_escape(b, s->reopen_why);
        trn_put_c(b, "\n");
    }
    if (s->assign_wall_ns) {
        trn_print_pad(b, 0, indent);
        trn_put_c(b, "given to ");
        trn_escape(b, s->assigned);
        put_by(b, s->assign_uid, s->assign_wall_ns);
        trn_put_c(b, "\n");
    }
}

static void put_head(const struct trn_story *s, unsigned width, bool colour, struct trn_buf *b)
{
    TRN_AUTO(trn_buf_done) struct trn_buf state;
    trn_buf_init(&state, 4096);
    trn_print_stopped(s, &state);
    size_t wide = trn_print_columns(trn_buf_str(&state));
    size_t indent = strlen(verdict_words[s->verdict]) + 6;
    put_verdict(b, s, colour);
    trn_print_pad(b, strlen(verdict_words[s->verdict]) + (s->score >= 10 ? 3 : 2), indent);
    size_t used = trn_print_wrapped(b, s->sentence, indent, width - indent);
    if (indent + used + 2 + wide > width) {
        trn_put_c(b, "\n");
        trn_print_pad(b, 0, indent);
    } else {
        trn_print_pad(b, indent + used, width - wide);
    }
    trn_print_wrapped(b, trn_buf_str(&state), indent, width - indent);
    trn_put_c(b, "\n");
    trn_print_pad(b, 0, indent);
    if (trn_print_has_change(s)) {
        trn_put_c(b, trn_str_is_empty(s->change_from) ? "installed " : "updated ");
        if (!trn_str_is_empty(s->change_from)) {
            trn_escape(b, s->change_from);
            trn_put_c(b, " → ");
        }
        trn_escape(b, s->change_to);
        if (!trn_str_is_empty(s->change_by)) {
            trn_put_c(b, " by ");
            trn_escape(b, s->change_by);
        }
        trn_put_c(b, ", ");
        trn_print_clock(b, s->change_wall_ns, 0);
        trn_put_c(b, " · ");
    }
    trn_put_c(b, s->closed ? "began " : "open since ");
    trn_print_clock(b, s->opened_wall_ns, trn_print_has_change(s) ? s->change_wall_ns : 0);
    trn_put_c(b, " UTC\n");
    put_decisions(s, indent, b);
}

static void put_count(struct trn_buf *b, uint64_t bytes)
{
    if (bytes < 10000)
        trn_put_fmt(b, "%llu bytes", (unsigned long long)bytes);
    else if (bytes < 10000000)
        trn_put_fmt(b, "%llu KB", (unsigned long long)(bytes / 1000));
    else
        trn_put_fmt(b, "%llu MB", (unsigned long long)(bytes / 1000000));
}

static void put_hosts(const struct trn_story *s, struct trn_buf *b)
{
    if (s->n_hosts)
        trn_put_c(b, "\n");
    for (uint32_t i = 0; i < s->n_hosts; i++) {
        const struct trn_story_host *h = &s->hosts[i];
        trn_put_c(b, "   talked to  ");
        trn_escape(b, h->address);
        if (!trn_str_is_empty(h->name)) {
            trn_put_c(b, " (");
            trn_escape(b, h->name);
            trn_put_c(b, ")");
        }
        if (h->count)
            trn_put_fmt(b, ", %u time%s", h->count, h->count == 1 ? "" : "s");
        else
            trn_put_c(b, ", tried only");
        if (h->bytes_out || h->bytes_in) {
            trn_put_c(b, ", ");
            put_count(b, h->bytes_out);
            trn_put_c(b, " out, ");
            put_count(b, h->bytes_in);
            trn_put_c(b, " in");
        }
        trn_put_c(b, "\n");
    }
}

/* What it brought, whole hashes: somebody else looks for them. What it read is told by the stages. */
static void put_files(const struct trn_story *s, struct trn_buf *b)
{
    bool begun = false;
    for (uint32_t i = 0; i < s->n_files; i++) {
        const struct trn_story_file *f = &s->files[i];
        if (trn_str_is_empty(f->sha256))
            continue;
        trn_put_c(b, begun ? "   " : "\n   ");
        begun = true;
        trn_put_str(b, f->role);
        trn_put_c(b, "  ");
        trn_put_path(b, f->path);
        trn_put_c(b, "\n      sha256 ");
        trn_escape(b, f->sha256);
        trn_put_c(b, "\n");
    }
}

void trn_print_line(struct trn_buf *b, const char *title, struct trn_str text, bool first, unsigned width)
{
    size_t have = 0;
    if (first) {
        trn_put_c(b, " ");
        trn_put_c(b, title);
        have = strlen(title) + 1;
    }
    trn_print_pad(b, have, COLUMN);
    trn_print_wrapped(b, text, COLUMN, width - COLUMN);
    trn_put_c(b, "\n");
}

static void put_lines(struct trn_buf *b, const char *title, const struct trn_str *lines, uint32_t n, unsigned width)
{
    for (uint32_t i = 0; i < n; i++)
        trn_print_line(b, title, lines[i], i == 0, width);
}

static void put_what_now(const struct trn_story *s, struct trn_buf *b)
{
    const struct trn_str *hash = NULL;
    for (uint32_t i = 0; i < s->n_files && !hash; i++)
        if (!trn_str_is_empty(s->files[i].sha256))
            hash = &s->files[i].sha256;
    trn_put_c(b, " What now                      ");
    if (!s->closed)
        trn_print_respond(s, b);
    if (hash) {
        trn_put_c(b, "turncoat hunt sha256=");
        trn_escape(b, *hash);
        trn_put_c(b, "\n                               ");
    }
    trn_put_fmt(b, "turncoat stories %llu --json     every finding with its evidence\n", (unsigned long long)s->id);
    trn_put_fmt(
        b, "                               turncoat stories %llu --bundle FILE     evidence for the vendor, signed\n",
        (unsigned long long)s->id);
    if (s->closed)
        return;
    if (!s->assign_wall_ns)
        trn_put_fmt(b, "                               turncoat stories %llu --assign WHO\n",
                    (unsigned long long)s->id);
    trn_put_fmt(b, "                               turncoat stories %llu --close WHY\n", (unsigned long long)s->id);
}

void trn_story_print(const struct trn_story *s, unsigned width, bool colour, struct trn_buf *out)
{
    width = width ? TRN_MAX(width, (unsigned)WIDTH_MIN) : WIDTH;
    put_head(s, width, colour, out);
    trn_put_c(out, "\n");
    trn_print_stages(s, width, out);
    if (s->n_processes) {
        trn_put_c(out, "\n");
        trn_print_tree(s, out);
    }
    put_files(s, out);
    put_hosts(s, out);
    trn_put_c(out, "\n");
    put_lines(out, "Why this is no false alarm", s->why, s->n_why, width);
    put_lines(out, "What would make it one", s->benign_if, s->n_benign_if, width);
    if (s->loss_overlap)
        trn_put_c(out,
                  " Not all was seen              events were lost or left out at that time; more may have happened\n");
    trn_print_actions(s, width, out);
    put_what_now(s, out);
}
