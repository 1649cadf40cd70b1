/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the page of one story and its one-line form, for a terminal. Facts first, no drama. Times are UTC.
 * Must not: let a foreign byte through unescaped, nor name a command that does not exist.
 */
#include "story/internal.h"

#define WIDTH 100
#define WIDTH_MIN 60
#define CHANGE_NEAR_NS (35ull * 86400 * TRN_NS_PER_SEC)

static const char *const verdict_words[TRN_VERDICT_MAX] = {"CLEAN", "NOTE", "SUSPICIOUS", "MALICIOUS"};
static const char *const verdict_colours[TRN_VERDICT_MAX] = {"\033[32m", "\033[2m", "\033[33m", "\033[1;31m"};

/* Columns that UTF-8 text takes; everything we print is one column a character. */
static size_t columns(struct trn_str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

static void pad(struct trn_buf *b, size_t have, size_t want)
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
static size_t put_wrapped(struct trn_buf *b, struct trn_str s, size_t indent, size_t room)
{
    for (;;) {
        size_t n = fitting(s, room);
        struct trn_str line = trn_str_slice(s, 0, n);
        trn_put_str(b, line);
        s = trn_str_slice(s, n, s.n);
        while (s.n && s.p[0] == ' ')
            s = trn_str_slice(s, 1, s.n);
        if (s.n == 0)
            return columns(line);
        trn_put_c(b, "\n");
        pad(b, 0, indent);
    }
}

/* "23 Nov 07:01"; only "07:01" on the same day as `day_of`. */
static void put_clock(struct trn_buf *b, uint64_t wall_ns, uint64_t day_of)
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

static bool has_change(const struct trn_story *s)
{
    return s->change_wall_ns && !trn_str_is_empty(s->change_to);
}

static void put_head(const struct trn_story *s, unsigned width, bool colour, struct trn_buf *b)
{
    static const char state[] = "not stopped (detect mode)";
    size_t indent = strlen(verdict_words[s->verdict]) + 6;
    put_verdict(b, s, colour);
    pad(b, strlen(verdict_words[s->verdict]) + (s->score >= 10 ? 3 : 2), indent);
    size_t used = put_wrapped(b, s->sentence, indent, width - indent);
    if (indent + used + 2 + sizeof(state) - 1 > width) {
        trn_put_c(b, "\n");
        pad(b, 0, indent);
    } else {
        pad(b, indent + used, width - (sizeof(state) - 1));
    }
    trn_put_c(b, state);
    trn_put_c(b, "\n");
    pad(b, 0, indent);
    if (has_change(s)) {
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
        put_clock(b, s->change_wall_ns, 0);
        trn_put_c(b, " · ");
    }
    trn_put_c(b, s->closed ? "closed" : "open since ");
    if (!s->closed)
        put_clock(b, s->opened_wall_ns, has_change(s) ? s->change_wall_ns : 0);
    trn_put_c(b, " UTC");
    if (s->closed && !trn_str_is_empty(s->close_why)) {
        trn_put_c(b, ": ");
        trn_escape(b, s->close_why);
    }
    trn_put_c(b, "\n");
}

/* The stage in words: dashes are for machines, except where the word has them. */
static void put_stage(struct trn_buf *b, enum trn_stage stage, size_t want)
{
    const char *name = trn_stage_name(stage);
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        trn_put_u8(b, (uint8_t)(name[i] == '-' && stage != TRN_STAGE_HANDS_ON_KEYBOARD ? ' ' : name[i]));
    pad(b, n, want);
}

/* From the update on, when it is near; else from the first finding. */
static uint64_t zero_of(const struct trn_story *s)
{
    uint64_t first = s->n_findings ? s->findings[0].wall_ns : 0;
    bool near = has_change(s) && s->change_wall_ns <= first && first - s->change_wall_ns < CHANGE_NEAR_NS;
    return near ? s->change_wall_ns : first;
}

static void put_findings(const struct trn_story *s, unsigned width, struct trn_buf *b)
{
    const size_t indent = 3 + 9 + 19, id_column = width - indent - (sizeof("T1102.001") - 1);
    uint64_t zero = zero_of(s);
    for (uint32_t i = 0; i < s->n_findings; i++) {
        const struct trn_finding *f = &s->findings[i];
        bool again = i && s->findings[i - 1].check->stage == f->check->stage;
        struct trn_buf when;
        trn_buf_init(&when, 64);
        trn_put_c(&when, "+");
        trn_put_span(&when, f->wall_ns > zero ? f->wall_ns - zero : 0);
        trn_put_c(b, "   ");
        trn_put_str(b, trn_buf_str(&when));
        pad(b, columns(trn_buf_str(&when)), 9);
        trn_buf_done(&when);
        if (again)
            pad(b, 0, 19);
        else
            put_stage(b, f->check->stage, 19);
        const char *id = f->check->attack[0] ? f->check->attack[0] : "";
        size_t used = put_wrapped(b, f->summary, indent, width - indent - strlen(id) - 2);
        pad(b, used, *id ? TRN_MAX(used + 2, id_column) : used);
        trn_put_c(b, id);
        trn_put_c(b, "\n");
    }
    if (s->n_findings_dropped)
        trn_put_fmt(b, "   and %u weaker findings that found no room\n", s->n_findings_dropped);
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

static void put_lines(struct trn_buf *b, const char *title, const struct trn_str *lines, uint32_t n, unsigned width)
{
    const size_t indent = 31;
    for (uint32_t i = 0; i < n; i++) {
        size_t have = 0;
        if (i == 0) {
            trn_put_c(b, " ");
            trn_put_c(b, title);
            have = strlen(title) + 1;
        }
        pad(b, have, indent);
        put_wrapped(b, lines[i], indent, width - indent);
        trn_put_c(b, "\n");
    }
}

static void put_what_now(const struct trn_story *s, struct trn_buf *b)
{
    const struct trn_str *hash = NULL;
    for (uint32_t i = 0; i < s->n_files && !hash; i++)
        if (!trn_str_is_empty(s->files[i].sha256))
            hash = &s->files[i].sha256;
    trn_put_c(b, " What now                      ");
    if (hash) {
        trn_put_c(b, "turncoat hunt sha256=");
        trn_escape(b, *hash);
        trn_put_c(b, "\n                               ");
    }
    trn_put_fmt(b, "turncoat stories %llu --json     every finding with its evidence\n", (unsigned long long)s->id);
    if (!s->closed)
        trn_put_fmt(b, "                               turncoat stories %llu --close WHY\n", (unsigned long long)s->id);
}

void trn_story_print(const struct trn_story *s, unsigned width, bool colour, struct trn_buf *out)
{
    width = width ? TRN_MAX(width, (unsigned)WIDTH_MIN) : WIDTH;
    put_head(s, width, colour, out);
    trn_put_c(out, "\n");
    put_findings(s, width, out);
    if (s->n_processes) {
        trn_put_c(out, "\n");
        trn_print_tree(s, out);
    }
    put_hosts(s, out);
    trn_put_c(out, "\n");
    put_lines(out, "Why this is no false alarm", s->why, s->n_why, width);
    put_lines(out, "What would make it one", s->benign_if, s->n_benign_if, width);
    if (s->loss_overlap)
        trn_put_c(out,
                  " Not all was seen              events were lost or left out at that time; more may have happened\n");
    put_what_now(s, out);
}

void trn_story_print_line(const struct trn_story *s, bool colour, struct trn_buf *out)
{
    put_verdict(out, s, colour);
    trn_put_fmt(out, "  story %llu  ", (unsigned long long)s->id);
    trn_put_str(out, s->sentence);
    if (s->closed)
        trn_put_c(out, " (closed)");
    if (s->loss_overlap)
        trn_put_c(out, " (not all was seen)");
    trn_put_c(out, "\n");
}
