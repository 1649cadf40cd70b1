/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a beacon weighs and the words of its finding. Must not: remember.
 *
 * Weights: 35 for a place that is new for a lineage with history (10 more when each call sends the same few bytes),
 * 20 when an earlier version called it too, or when nothing but the timing speaks: a name of no suspicious kind (a new
 * host of updates or telemetry is called as regularly), and nothing of weight told about the software. Without history nothing, but 30 when the program itself came from the
 * network, 25 for a bare address when another detector has told something of weight about the software, and 20 for a
 * bare address that an update brought after a week without it. A session, a browser or an installer: a note.
 */
#include "detect/behaviour/beacon.h"
#include "detect/behaviour/host_kind.h"

#include <limits.h>
#include <math.h>

#define SCORE_NEW 35
#define SCORE_SAME_BYTES 10
#define SCORE_BEFORE 20
#define SCORE_TIMING 20
#define SCORE_FROM_NETWORK 30
#define SCORE_YOUNG 20
#define SCORE_ACCUSED 25
#define SCORE_SESSION 10
#define SCORE_TOOL 15
#define FEW_BYTES (12 * TRN_BEACON_SCALE) /* log2 of 4096 */
#define DAY (24u * 3600u * TRN_BEACON_HZ)
#define WEEK 7u /* days of history that did not have the place */
#define SAME (TRN_BEACON_SCALE / 4)

static bool sends_the_same(const struct trn_beacon *b)
{
    return b->out_mean && b->out_mean < FEW_BYTES && b->out_deviation < SAME;
}

/* A name, and of a kind that honest software uses. */
static bool is_plain(const struct trn_beacon_case *c)
{
    return !trn_str_is_empty(c->place) && !trn_host_kind_def(trn_host_kind_of(c->place))->suspicious;
}

static int of_place(const struct trn_beacon_case *c)
{
    const struct trn_novelty *n = c->novelty;
    if (!n)
        return 0;
    if (!trn_novelty_mature(n)) {
        uint32_t called_for = (c->beacon->last - c->beacon->first) / DAY;
        bool later = n->versions > 1 && !n->before_version && n->days >= WEEK + called_for;
        return later && trn_str_is_empty(c->place) ? SCORE_YOUNG : 0;
    }
    if (n->before_version)
        return SCORE_BEFORE;
    if (is_plain(c) && !c->accused && !c->written)
        return SCORE_TIMING;
    return sends_the_same(c->beacon) ? SCORE_NEW + SCORE_SAME_BYTES : SCORE_NEW;
}

/* What it weighs; 0: no finding. *ret_why: what lowered it, or NULL. */
static uint16_t beacon_weigh(const struct trn_beacon_case *c, const struct trn_finding *who, const char **ret_why)
{
    bool ordinary = c->novelty && c->novelty->state == TRN_FEATURE_ORDINARY;
    int score = TRN_MAX(of_place(c), c->written ? SCORE_FROM_NETWORK : 0), most = INT_MAX;
    if (c->accused && trn_str_is_empty(c->place) && !ordinary)
        score = TRN_MAX(score, SCORE_ACCUSED);
    const char *why = NULL;
    if (who->acting == 0) {
        most = SCORE_SESSION;
        why = "started by hand";
    } else if (trn_is_browser(&who->software)) {
        most = SCORE_TOOL;
        why = "a person chooses where a browser goes";
    } else if (trn_is_installer(&who->software)) {
        most = SCORE_TOOL;
        why = "fetching is its business";
    }
    *ret_why = score > most ? why : NULL;
    return (uint16_t)TRN_MIN(score, most);
}

static void put_seconds(struct trn_buf *b, double s)
{
    if (s < 120)
        trn_put_fmt(b, "%.1f s", s);
    else if (s < 7200)
        trn_put_fmt(b, "%.0f min", s / 60);
    else
        trn_put_fmt(b, "%.1f h", s / 3600);
}

/* "10.9.0.5:8443 every 5.1 s ± 22 %, 14 times" */
static void put_summary(struct trn_buf *b, const struct trn_beacon_case *c)
{
    const struct trn_beacon_verdict *v = c->verdict;
    if (trn_str_is_empty(c->place))
        trn_put_address(b, c->ev->net.dst, c->ev->net.family, c->ev->net.dst_port);
    else
        trn_escape(b, c->place);
    trn_put_c(b, " every ");
    put_seconds(b, v->period);
    if (v->by_awake)
        trn_put_c(b, " awake");
    trn_put_fmt(b, " ± %.0f %%, %u times", v->spread * 100, v->checkins);
}

static const char *reason(const struct trn_beacon_verdict *v)
{
    if (v->score <= v->wall)
        return "the gaps are alike";
    if (v->score <= v->awake)
        return "the gaps are alike by the time the host was awake";
    return v->score <= v->apart ? "no two calls come so near to each other as calls at random would"
                                : "the calls come at the same times of the day";
}

static struct trn_str kept(struct trn_arena *a, struct trn_buf *b)
{
    struct trn_str s = trn_keep(a, b);
    trn_buf_clear(b);
    return s;
}

static void add_evidence(struct trn_finding *f, const struct trn_beacon_case *c, struct trn_arena *a, struct trn_buf *b)
{
    const struct trn_beacon_verdict *v = c->verdict;
    trn_put_address(b, c->ev->net.dst, c->ev->net.family, c->ev->net.dst_port);
    trn_finding_add(f, "address", kept(a, b));
    trn_finding_add(f, "domain", c->place);
    put_seconds(b, v->period);
    trn_finding_add(f, "period", kept(a, b));
    trn_finding_add(f, "clock", v->by_awake ? TRN_STR("time awake") : TRN_STR("wall clock"));
    trn_put_fmt(b, "± %.0f %%", v->spread * 100);
    trn_finding_add(f, "jitter", kept(a, b));
    trn_put_fmt(b, "%u", v->checkins);
    trn_finding_add(f, "count", kept(a, b));
    trn_put_fmt(b, "%.2f of 1: %s", v->score, reason(v));
    trn_finding_add(f, "regularity", kept(a, b));
    put_seconds(b, (double)(c->beacon->last - c->beacon->first) / TRN_BEACON_HZ);
    trn_finding_add(f, "for", kept(a, b));
    if (sends_the_same(c->beacon)) {
        trn_put_fmt(b, "about %.0f bytes each time", exp2((double)c->beacon->out_mean / TRN_BEACON_SCALE));
        trn_finding_add(f, "bytes_out", kept(a, b));
    }
    if (c->novelty) {
        trn_novelty_words(c->novelty, b);
        trn_finding_add(f, "novelty", kept(a, b));
    }
    if (c->written) {
        trn_put_c(b, "written by ");
        trn_put_software(b, &c->written->software);
        trn_put_c(b, " after it talked to the network");
        trn_finding_add(f, "file", kept(a, b));
    }
    trn_finding_add(f, "program", c->entity->image.path);
}

int trn_beacon_tell(const struct trn_detect_ctx *ctx, const struct trn_beacon_case *c)
{
    const struct trn_check *check = trn_check_find(TRN_STR("behaviour.beacon"));
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(65536);
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_finding f;
    const char *why;
    trn_buf_init(&b, 8192);
    if (!check || !a)
        return check ? -ENOMEM : -ENOENT;
    trn_finding_init(&f, check);
    trn_subject(ctx->processes, c->entity, &f);
    f.score = beacon_weigh(c, &f, &why);
    if (!f.score)
        return 0;
    f.boot_ns = c->ev->boot_ns;
    f.wall_ns = c->ev->wall_ns;
    f.telemetry = TRN_TEL_NETWORK;
    put_summary(&b, c);
    f.summary = kept(a, &b);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(c->beacon->events); i++)
        if (c->beacon->events[i])
            trn_finding_event(&f, c->beacon->events[i]);
    add_evidence(&f, c, a, &b);
    if (why)
        trn_finding_add(&f, "weight", trn_str_of(why));
    return trn_report(ctx, &f, c->beacon->key);
}
