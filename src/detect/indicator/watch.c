/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: indicator.*: hashes of what runs or is loaded (also when the hash comes later than the use), names asked for
 * and answered, addresses talked to, URLs among a program's arguments. One finding per (who acts, indicator). Must not:
 * match a URL by its host: one bad page does not make a whole site bad.
 */
#include "detect/indicator/indicator.h"

#define SEEN 8192
#define LOADS 2048
#define ARGUMENTS_MAX 64

struct load { /* a mapped file whose hash may come later */
    uint64_t seq, boot_ns, wall_ns, entity;
    struct trn_file_key file;
};

struct trn_indicator_watch {
    struct trn_seen *seen;
    struct load loads[LOADS];
    uint32_t next;
};

struct hit {
    const struct trn_entity *who;
    uint64_t seq, boot_ns, wall_ns;
    struct trn_str check, value, path;
    const char *summary; /* with one %s for what was matched and one for the indicator's note */
    uint32_t telemetry;
    struct trn_indicator i;
};

struct trn_indicator_watch *trn_indicator_watch_new(void)
{
    struct trn_indicator_watch *w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->seen = trn_seen_new(SEEN);
    return w->seen ? w : trn_indicator_watch_free(w);
}

struct trn_indicator_watch *trn_indicator_watch_free(struct trn_indicator_watch *w)
{
    if (w) {
        trn_seen_free(w->seen);
        free(w);
    }
    return NULL;
}

static void put_summary(struct trn_buf *b, const struct hit *h)
{
    trn_put_c(b, h->summary);
    trn_put_c(b, " ");
    if (h->i.kind == TRN_IND_SHA256) {
        trn_put_path(b, h->path);
        trn_put_c(b, " (sha256 ");
        trn_put_str(b, trn_str_slice(h->value, 0, 4));
        trn_put_c(b, "…)");
    } else {
        trn_escape(b, h->value);
    }
    trn_put_c(b, ", named by an indicator");
    if (h->i.note.n) {
        trn_put_c(b, ": ");
        trn_escape(b, trn_str_slice(h->i.note, 0, 80));
    }
}

static int tell(struct trn_indicator_watch *w, const struct trn_detect_ctx *ctx, const struct hit *h)
{
    const struct trn_check *check = trn_check_find(h->check);
    const struct trn_entity *acting = trn_process_acting(ctx->processes, h->who);
    /* A tree of one software that talks to the same place is one fact. */
    uint64_t key = trn_hash64_mix(acting ? acting->id : h->who->id, trn_hash64_str(h->i.value));
    key = trn_hash64_mix(key, trn_hash64_str(h->check));
    if (!check)
        return -ENOENT;
    if (trn_seen_count(w->seen, key))
        return 0;
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(65536);
    TRN_AUTO(trn_buf_done) struct trn_buf text;
    struct trn_finding f;
    trn_buf_init(&text, 16384);
    if (!a)
        return -ENOMEM;
    trn_finding_init(&f, check);
    trn_subject(ctx->processes, h->who, &f);
    f.score = check->score;
    f.boot_ns = h->boot_ns;
    f.wall_ns = h->wall_ns;
    f.telemetry = h->telemetry;
    put_summary(&text, h);
    f.summary = trn_keep(a, &text);
    trn_finding_event(&f, h->seq);
    trn_finding_add(&f, trn_indicator_kind_name(h->i.kind), h->value);
    trn_finding_add(&f, "path", h->path);
    trn_finding_add(&f, "note", h->i.note);
    trn_finding_add(&f, "program", h->who->image.path);
    return trn_report(ctx, &f, key);
}

static int hash_seen(struct trn_indicator_watch *w, const struct trn_detect_ctx *ctx, const struct hit *base,
                     const struct trn_identity *id, struct trn_str path)
{
    struct hit h = *base;
    char text[2 * TRN_SHA256_SIZE + 1];
    if (!id || trn_sha256_is_none(id->sha256) || !trn_indicators_sha256(ctx->indicators, id->sha256, &h.i))
        return 0;
    trn_hex(id->sha256, TRN_SHA256_SIZE, text);
    h.check = TRN_STR("indicator.sha256");
    h.value = trn_str_of(text);
    h.path = path;
    h.telemetry = TRN_TEL_PROCESS | TRN_TEL_ARTIFACT;
    return tell(w, ctx, &h);
}

static struct hit hit_of(const struct trn_event *ev, const struct trn_entity *who, const char *summary)
{
    return (struct hit){.who = who, .seq = ev->seq, .boot_ns = ev->boot_ns, .wall_ns = ev->wall_ns, .summary = summary};
}

static int image_seen(struct trn_indicator_watch *w, const struct trn_detect_ctx *ctx, const struct hit *h)
{
    const struct trn_image *image = &h->who->image;
    int r = hash_seen(w, ctx, h, image->identity, image->path);
    return r ? r : hash_seen(w, ctx, h, image->script_identity, image->script);
}

static int loaded(struct trn_indicator_watch *w, const struct trn_detect_ctx *ctx, const struct trn_event *ev,
                  const struct trn_entity *who)
{
    struct hit h = hit_of(ev, who, "loaded");
    w->loads[w->next++ % LOADS] = (struct load){
        .seq = ev->seq, .boot_ns = ev->boot_ns, .wall_ns = ev->wall_ns, .entity = who->id, .file = ev->map.file};
    return hash_seen(w, ctx, &h, trn_process_identity(ctx->processes, &ev->map.file), ev->map.path);
}

static bool same_file(const struct trn_file_key *a, const struct trn_file_key *b)
{
    return a->ino && a->ino == b->ino && a->dev == b->dev &&
           (!a->ctime_ns || !b->ctime_ns || a->ctime_ns == b->ctime_ns);
}

/* The hash of a file came: who runs or has loaded it? Looked for only when the hash is an indicator. */
static int identified(struct trn_indicator_watch *w, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    const struct trn_identity *id = &ev->identity.id;
    const struct trn_entity *e;
    size_t it = 0;
    if (trn_sha256_is_none(id->sha256) || !trn_indicators_sha256(ctx->indicators, id->sha256, NULL))
        return 0;
    while (trn_process_next(ctx->processes, &it, &e)) {
        bool image = same_file(&e->image.file, &ev->identity.file);
        bool script = !image && !trn_str_is_empty(e->image.script) && trn_str_eq(e->image.script, ev->identity.path);
        struct hit h = hit_of(ev, e, "ran");
        int r = image || script ? hash_seen(w, ctx, &h, id, image ? e->image.path : e->image.script) : 0;
        if (r)
            return r;
    }
    for (uint32_t i = 0; i < TRN_MIN(w->next, LOADS); i++) {
        const struct load *l = &w->loads[i];
        e = same_file(&l->file, &ev->identity.file) ? trn_process_get(ctx->processes, l->entity) : NULL;
        if (!e)
            continue;
        struct hit h = hit_of(ev, e, "loaded");
        h.seq = l->seq;
        h.boot_ns = l->boot_ns;
        h.wall_ns = l->wall_ns;
        int r = hash_seen(w, ctx, &h, id, ev->identity.path);
        if (r)
            return r;
    }
    return 0;
}

/* The URL in an argument such as "--url=http://x/y"; absent when there is none. */
static struct trn_str url_in(struct trn_str arg)
{
    for (size_t i = 1; i + 2 < arg.n; i++) {
        size_t from = i;
        if (arg.p[i] != ':' || arg.p[i + 1] != '/' || arg.p[i + 2] != '/')
            continue;
        while (from > 0 && ((arg.p[from - 1] | 0x20) >= 'a' && (arg.p[from - 1] | 0x20) <= 'z'))
            from--;
        return from < i ? trn_str_slice(arg, from, arg.n) : TRN_STR_NONE;
    }
    return TRN_STR_NONE;
}

static int arguments_seen(struct trn_indicator_watch *w, const struct trn_detect_ctx *ctx, struct hit *h,
                          struct trn_str argv)
{
    struct trn_str rest = argv, arg;
    for (int i = 0; i < ARGUMENTS_MAX && trn_str_split(&rest, '\0', &arg); i++) {
        struct trn_str url = url_in(arg);
        if (url.n == 0 || !trn_indicators_url(ctx->indicators, url, &h->i))
            continue;
        h->check = TRN_STR("indicator.url");
        h->value = h->i.value;
        h->summary = "was given";
        h->telemetry = TRN_TEL_PROCESS;
        int r = tell(w, ctx, h);
        if (r)
            return r;
    }
    return 0;
}

static int executed(struct trn_indicator_watch *w, const struct trn_detect_ctx *ctx, const struct trn_event *ev,
                    const struct trn_entity *who)
{
    struct hit h = hit_of(ev, who, "ran");
    int r = image_seen(w, ctx, &h);
    return r ? r : arguments_seen(w, ctx, &h, ev->exec.argv);
}

static int address_seen(struct trn_indicator_watch *w, const struct trn_detect_ctx *ctx, struct hit *h,
                        const uint8_t *address, uint8_t family)
{
    struct trn_buf text;
    if (!trn_indicators_ip(ctx->indicators, address, family, &h->i))
        return 0;
    trn_buf_init(&text, 64);
    trn_put_address(&text, address, family, TRN_NO_U32);
    h->check = TRN_STR("indicator.ip");
    h->value = trn_buf_str(&text);
    h->telemetry = TRN_TEL_NETWORK;
    int r = tell(w, ctx, h);
    trn_buf_done(&text);
    return r;
}

static int name_seen(struct trn_indicator_watch *w, const struct trn_detect_ctx *ctx, struct hit *h,
                     struct trn_str name)
{
    if (!trn_indicators_domain(ctx->indicators, name, &h->i))
        return 0;
    h->check = TRN_STR("indicator.domain");
    h->value = name;
    h->telemetry = TRN_TEL_NETWORK;
    return tell(w, ctx, h);
}

static int asked(struct trn_indicator_watch *w, const struct trn_detect_ctx *ctx, const struct trn_event *ev,
                 const struct trn_entity *who)
{
    struct hit h = hit_of(ev, who, "asked for the address of");
    struct trn_str rest = ev->dns.answers, answer;
    int r = name_seen(w, ctx, &h, ev->dns.name);
    while (!r && trn_str_split(&rest, '\0', &answer)) {
        struct trn_ip_key ip;
        h.summary = "was sent to";
        if (answer.n == 0)
            continue;
        if (!trn_ip_parse(answer, &ip))
            r = address_seen(w, ctx, &h, ip.address, ip.family);
        else
            r = name_seen(w, ctx, &h, answer);
    }
    return r;
}

int trn_indicator_watch_push(struct trn_indicator_watch *w, const struct trn_detect_ctx *ctx,
                             const struct trn_event *ev)
{
    const struct trn_entity *who = NULL;
    struct hit h;
    if (!ctx->indicators || trn_indicators_count(ctx->indicators) == 0)
        return 0;
    if (ev->type == TRN_EV_IDENTITY)
        return identified(w, ctx, ev);
    if (ev->type == TRN_EV_EXEC || ev->type == TRN_EV_LIB_LOAD || ev->type == TRN_EV_DNS ||
        ev->type == TRN_EV_CONNECT || ev->type == TRN_EV_ACCEPT)
        who = trn_process_of(ctx->processes, ev);
    if (!who)
        return 0;
    switch (ev->type) {
    case TRN_EV_EXEC:
        return executed(w, ctx, ev, who);
    case TRN_EV_LIB_LOAD:
        return loaded(w, ctx, ev, who);
    case TRN_EV_DNS:
        return asked(w, ctx, ev, who);
    case TRN_EV_CONNECT:
        h = hit_of(ev, who, ev->action == TRN_ACT_FAILED ? "tried to talk to" : "talked to");
        return address_seen(w, ctx, &h, ev->net.dst, ev->net.family);
    default:
        h = hit_of(ev, who, "was called by");
        return address_seen(w, ctx, &h, ev->net.src, ev->net.family);
    }
}

size_t trn_indicator_watch_bytes(const struct trn_indicator_watch *w)
{
    return sizeof(*w) + trn_seen_bytes(w->seen);
}
