/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: one worker's scanners, and which set of rules a content is given to.
 * Must not: open anything, catch a crash (a worker that crashes is seen to crash), scan without a limit of time.
 * Hand-offs: source -> libyara -> yara_match.c -> found.
 */
#include "artifact/yara_internal.h"
#include "artifact/yara_scanner.h"

#define MILLISECONDS 10000u
#define BYTES_A_LIMIT \
    (64ull << 20) /* further time for large contents: 6 MB/s by default, an idle core does ten times that */
#define WARM_NS (500 * TRN_NS_PER_MS)
#define WHOLE_MAX (32ull << 20)

static int on_event(YR_SCAN_CONTEXT *scan, int message, void *data, void *user)
{
    struct trn_yara_scanner *s = user;
    if (message == CALLBACK_MSG_IMPORT_MODULE && !s->skipping) { /* the first thing after the strings */
        s->skipping = true;
        trn_yara_quiet_skip(scan, s->rules->quiet[s->content.set], s->wanted);
    }
    if (message != CALLBACK_MSG_RULE_MATCHING || !s->told)
        return CALLBACK_CONTINUE;
    s->told->code = trn_yara_tell(s->told, scan, data);
    return s->told->code < 0 ? CALLBACK_ABORT : CALLBACK_CONTINUE;
}

int trn_yara_run(struct trn_yara_scanner *s, uint64_t limit_ns, struct trn_yara_told *told)
{
    struct trn_yara_content *c = &s->content;
    uint64_t now = trn_mono_ns();
    if (now >= c->deadline_ns)
        return -ETIME;
    YR_SCANNER *y = s->scanner[c->set];
    y->timeout = TRN_MIN(limit_ns, c->deadline_ns - now); /* the call for it knows whole seconds only */
    s->told = told;
    int e = c->mem ? yr_scanner_scan_mem(y, c->mem, (size_t)c->size) : yr_scanner_scan_mem_blocks(y, &c->blocks.it);
    s->told = NULL;
    if (s->skipping)
        trn_yara_quiet_end(s->rules->set[c->set], s->wanted);
    s->skipping = false;
    if (told && told->code < 0)
        return told->code;
    if (!c->mem && c->blocks.code < 0)
        return c->blocks.code;
    return e == ERROR_SUCCESS               ? 0
           : e == ERROR_SCAN_TIMEOUT        ? -ETIME
           : e == ERROR_INSUFFICIENT_MEMORY ? -ENOMEM
                                            : -EPROTO; /* a rule that libyara cannot run on this: too many fibers */
}

/* Which set gives what all rules would (yara_reduce.c). */
static enum trn_yara_set set_of(const struct trn_source *bytes)
{
    uint8_t head[2] = {0};
    int64_t n = trn_source_read(bytes, 0, head, sizeof(head));
    if (n < 0 || (n == 2 && head[0] == 'M' && head[1] == 'Z'))
        return TRN_YARA_ALL;
    return bytes->size > TRN_YARA_LARGE_FROM ? TRN_YARA_LARGE : TRN_YARA_PLAIN;
}

/* Whole when it is small, else as blocks. */
static int open_content(struct trn_yara_content *c, const struct trn_source *bytes)
{
    c->size = bytes->size;
    c->mem = bytes->mem;
    if (bytes->size == 0)
        c->mem = (const uint8_t *)"";
    if (c->mem)
        return 0;
    if (bytes->size > WHOLE_MAX)
        return trn_yara_blocks_init(&c->blocks, bytes);
    c->owned = malloc((size_t)bytes->size);
    if (!c->owned)
        return -ENOMEM;
    int64_t n = trn_source_read(bytes, 0, c->owned, (size_t)bytes->size);
    c->mem = c->owned;
    return n == (int64_t)bytes->size ? 0 : n < 0 ? (int)n : -EIO;
}

static void close_content(struct trn_yara_content *c)
{
    free(c->owned);
    trn_yara_blocks_done(&c->blocks);
    *c = (struct trn_yara_content){0};
}

static int match(void *ctx, const struct trn_source *bytes, const struct trn_artifact *a, struct trn_str name,
                 uint64_t deadline_mono_ns, struct trn_arena *arena,
                 int (*found)(void *found_ctx, const struct trn_finding *f), void *found_ctx)
{
    struct trn_yara_scanner *s = ctx;
    struct trn_yara_told told = {.bytes = bytes, .arena = arena, .found = found, .found_ctx = found_ctx};
    if (a->depth < TRN_ARRAY_SIZE(s->place.formats))
        s->place.formats[a->depth] = a->format;
    s->content = (struct trn_yara_content){.set = set_of(bytes), .deadline_ns = deadline_mono_ns};
    s->slow_name[0] = '\0';
    if (s->rules->set[s->content.set]->num_rules == 0)
        return 0;
    int e = trn_yara_set_variables(s->scanner[s->content.set], &s->place, a, name);
    if (e == 0)
        e = open_content(&s->content, bytes);
    uint64_t limit = s->limit_ns * (1 + bytes->size / BYTES_A_LIMIT);
    if (e == 0)
        e = trn_yara_run(s, limit, &told);
    if (e == -ETIME)
        e = trn_yara_find_slow(s, limit, &told);
    close_content(&s->content);
    return e;
}

static const char *slow(void *ctx)
{
    return ((struct trn_yara_scanner *)ctx)->slow_name;
}

struct trn_matcher trn_yara_matcher(struct trn_yara_scanner *s)
{
    return (struct trn_matcher){.match = match, .ctx = s, .slow = slow};
}

/* The modules' tables and libcrypto's algorithms are made now, not behind closed doors. */
static int warm(struct trn_yara_scanner *s)
{
    static const uint8_t bytes[64] = {'M', 'Z'};
    int e = 0;
    for (int i = 0; e == 0 && i < TRN_YARA_SETS; i++) {
        s->content = (struct trn_yara_content){.set = (enum trn_yara_set)i,
                                               .mem = bytes,
                                               .size = sizeof(bytes),
                                               .deadline_ns = UINT64_MAX};
        e = trn_yara_run(s, WARM_NS, NULL);
    }
    s->content = (struct trn_yara_content){0};
    return e == -ETIME ? 0 : e;
}

int trn_yara_scanner_new(struct trn_yara_rules *rules, uint32_t milliseconds, struct trn_yara_scanner **ret,
                         struct trn_err *err)
{
    TRN_AUTO(trn_yara_scanner_freep) struct trn_yara_scanner *s = calloc(1, sizeof(*s));
    if (!s)
        return trn_fail(err, -ENOMEM, "cannot make a YARA scanner: out of memory");
    s->rules = rules;
    s->limit_ns = (milliseconds ? milliseconds : MILLISECONDS) * TRN_NS_PER_MS;
    for (int i = 0; i < TRN_YARA_SETS; i++) {
        if (yr_scanner_create(rules->set[i], &s->scanner[i]) != ERROR_SUCCESS)
            return trn_fail(err, -ENOMEM, "cannot make a YARA scanner: out of memory");
        yr_scanner_set_callback(s->scanner[i], on_event, s);
        yr_scanner_set_flags(s->scanner[i],
                             SCAN_FLAGS_FAST_MODE | SCAN_FLAGS_NO_TRYCATCH | SCAN_FLAGS_REPORT_RULES_MATCHING);
    }
    s->wanted = malloc((size_t)rules->set[TRN_YARA_ALL]->num_rules + 1); /* the largest set */
    if (!s->wanted)
        return trn_fail(err, -ENOMEM, "cannot make a YARA scanner: out of memory");
    int e = warm(s);
    if (e < 0)
        return trn_fail(err, e, "cannot try the YARA rules: %s", trn_errno_name(e));
    *ret = TRN_STEAL(s);
    return 0;
}

struct trn_yara_scanner *trn_yara_scanner_free(struct trn_yara_scanner *s)
{
    if (!s)
        return NULL;
    for (int i = 0; i < TRN_YARA_SETS; i++)
        if (s->scanner[i])
            yr_scanner_destroy(s->scanner[i]);
    free(s->wanted);
    free(s);
    return NULL;
}
