/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: behaviour.persistence: a software writes, moves or links a file to a place from which programs start by
 * themselves (persistence_place.c) and has no habit of it. A write waits until it is known whose program wrote (some
 * seconds at most, WAITING at most). Told once a version and kind of place, again when it weighs more by then.
 * Hand-offs: what was told, and who ran what it had fetched, outlives a restart as STATE rows of kind "persistence".
 * Must not: read the file: its content is foreign bytes, so what it names is not known, only who wrote it and where.
 */
#include "detect/behaviour/persistence.h"

#define WAITING 64
#define ROWS 4096
#define IDENTITY_NS (5 * TRN_NS_PER_SEC)
#define LATE_NS (2 * TRN_NS_PER_SEC) /* file events are stamped when they are read */
#define DAY_NS (24 * 3600 * TRN_NS_PER_SEC)
#define PATH_LENGTH 512
#define ROW_VERSION 1
#define CLIMB 32
#define STAGE 25
#define SCORE_YOUNG 25
#define SCORE_NOTE 20
#define SCORE_TRADE 15
#define SCORE_SESSION 15
#define SCORE_STRONG 40 /* places that a person touches seldom */
#define MORE 10         /* for what came from the network */
#define FOLDER 0040000u
#define LINK 0120000u
#define FORMAT 0170000u

enum how { WROTE, PUT, LINKED };

struct write {
    uint64_t seq, boot_ns, wall_ns, entity, before; /* before: seq of the writing elsewhere, 0 none */
    const struct trn_start_kind *kind;
    enum how how;
    bool fetched; /* what stands there now came from the network */
    uint16_t n;
    char path[PATH_LENGTH];
};

struct trn_persistence {
    struct write waiting[WAITING];
    size_t n_waiting;
    struct trn_map *rows; /* who and what -> its score, the oldest first */
};

struct trn_persistence *trn_persistence_new(void)
{
    struct trn_persistence *x = calloc(1, sizeof(*x));
    if (!x)
        return NULL;
    x->rows = trn_map_new(ROWS);
    return x->rows ? x : trn_persistence_free(x);
}

struct trn_persistence *trn_persistence_free(struct trn_persistence *x)
{
    if (x) {
        trn_map_free(x->rows);
        free(x);
    }
    return NULL;
}

/* ---- what was told ---- */

static int write_row(const struct trn_detect_ctx *ctx, uint64_t boot_ns, uint64_t wall_ns, uint64_t key, uint16_t score)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_event ev;
    trn_buf_init(&b, 16);
    if (score) {
        trn_put_u8(&b, ROW_VERSION);
        trn_put_u16(&b, score);
    }
    trn_event_init(&ev, TRN_EV_STATE);
    ev.boot_ns = boot_ns;
    ev.wall_ns = wall_ns;
    ev.state.kind = TRN_STR("persistence");
    ev.state.key = key;
    ev.state.value = score ? trn_buf_str(&b) : TRN_STR("");
    return b.bad ? -ENOMEM : trn_sink_event(&ctx->state, &ev);
}

static int remember(struct trn_persistence *x, const struct trn_detect_ctx *ctx, const struct trn_finding *f,
                    uint64_t key, uint16_t score)
{
    size_t it = 0;
    uint64_t oldest, known = 0;
    int r = 0;
    if (trn_map_get(x->rows, key, &known) && known >= score)
        return 0;
    if (!known && trn_map_count(x->rows) >= ROWS && trn_map_next(x->rows, &it, &oldest, NULL)) {
        trn_map_remove(x->rows, oldest, NULL);
        r = write_row(ctx, f->boot_ns, f->wall_ns, oldest, 0);
    }
    if (!r)
        r = trn_map_put(x->rows, key, score);
    return r ? r : write_row(ctx, f->boot_ns, f->wall_ns, key, score);
}

static int restore(struct trn_persistence *x, const struct trn_event *ev)
{
    struct trn_cursor in = trn_cur_of(ev->state.value);
    if (trn_str_is_empty(ev->state.value) || trn_cur_u8(&in) != ROW_VERSION)
        return 0;
    uint16_t score = trn_cur_u16le(&in);
    if (!trn_cur_end(&in) || score > 100 || trn_map_count(x->rows) >= ROWS)
        return 0; /* a damaged row is a forgotten one */
    return trn_map_put(x->rows, ev->state.key, score);
}

static uint64_t key_of(const struct trn_software *s, struct trn_str what)
{
    uint64_t key = trn_hash64_mix(trn_hash64_str(s->name), trn_hash64_str(s->version));
    return trn_hash64_mix(trn_hash64_mix(key, s->origin), trn_hash64_str(what));
}

int trn_persistence_finding(struct trn_persistence *x, const struct trn_detect_ctx *ctx, const struct trn_finding *f)
{
    if (f->score < STAGE || !f->acting || !trn_str_eq_c(trn_str_of(f->check->id), "behaviour.second-stage"))
        return 0;
    return remember(x, ctx, f, key_of(&f->software, TRN_STR("ran what it fetched")), MORE);
}

/* ---- one write, judged ---- */

struct verdict {
    const struct write *w;
    const struct trn_entity *e, *acting;
    struct trn_str path, weight, fetched;
    bool has_novelty;
    struct trn_novelty novelty;
    struct trn_finding f; /* who, and the score */
};

/* Tables lower a weight, and only for an unmodified package. */
static bool in_table(const struct trn_software *s, const char *const *table, size_t n)
{
    bool packaged = s->origin != TRN_ORIGIN_MANUAL && s->origin != TRN_ORIGIN_UNKNOWN && !(s->flags & TRN_SW_MODIFIED);
    for (size_t i = 0; packaged && i < n; i++)
        if (trn_glob(trn_str_of(table[i]), s->name, false))
            return true;
    return false;
}

/* Their files are the packages' own. */
static bool is_package_manager(const struct trn_software *s)
{
    static const char *const table[] = {"apt",   "aptitude", "dpkg",        "rpm",
                                        "dnf*",  "yum*",     "zypper*",     "pacman*",
                                        "snapd", "flatpak",  "packagekit*", "unattended-upgrades"};
    return in_table(s, table, TRN_ARRAY_SIZE(table));
}

/* Editors, settings dialogs, configuration management and what sets up a machine: others decide what they write. */
static bool is_by_trade(const struct trn_software *s)
{
    static const char *const table[] = {
        "gedit*",
        "gnome-text-editor",
        "kate*",
        "kwrite*",
        "mousepad",
        "pluma*",
        "xed*",
        "geany*",
        "code",
        "code-insiders",
        "codium",
        "emacs*",
        "vim*",
        "neovim*",
        "nano",
        "micro",
        "gnome-tweaks",
        "gnome-session*",
        "gnome-control-center*",
        "gnome-software*",
        "gnome-initial-setup",
        "plasma-*",
        "systemsettings",
        "xfce4-*",
        "lxqt-*",
        "lxsession*",
        "mate-*",
        "cinnamon*",
        "budgie-*",
        "cron",
        "systemd-cron",
        "at",
        "cloud-init",
        "waagent",
        "walinuxagent",
        "google-guest-agent*",
        "google-compute-engine*",
        "ec2-instance-connect",
        "chef*",
        "salt*",
        "cfengine*",
        "etckeeper",
        "openssh-sftp-server",
        "dkms",
    };
    return in_table(s, table, TRN_ARRAY_SIZE(table)) || trn_is_installer(s) || trn_is_data_reader(s);
}

enum installation { NO_INSTALLATION, UNPACKS, SCRIPT_OF_PACKAGE };

/* Is a package being installed: by e itself, or above it? A manager that has ended installs nothing any more. That the
 * file was identified in the midst of an installation (TRN_SW_UNPACKED) says nothing about later. */
static enum installation installation_of(const struct trn_detect_ctx *ctx, const struct verdict *v)
{
    struct trn_software s;
    const struct trn_entity *x = v->e;
    uint64_t ended = v->e->exit_boot_ns, when = ended ? TRN_MIN(ended, v->w->boot_ns) : v->w->boot_ns;
    for (int i = 0; x && i < CLIMB; i++) {
        trn_process_software(x, &s);
        bool alive = !x->exit_boot_ns || x->exit_boot_ns + LATE_NS >= when;
        if (alive && is_package_manager(&s))
            return i == 0 ? UNPACKS : SCRIPT_OF_PACKAGE;
        if (x->image.role == TRN_ROLE_BORDER)
            break;
        x = x->parent ? trn_process_get(ctx->processes, x->parent) : NULL;
    }
    return NO_INSTALLATION;
}

static bool same_word(struct trn_str a, struct trn_str b)
{
    if (a.n != b.n || a.n == 0)
        return false;
    for (size_t i = 0; i < a.n; i++) {
        char p = a.p[i], q = b.p[i];
        p = p >= 'A' && p <= 'Z' ? (char)(p - 'A' + 'a') : p;
        q = q >= 'A' && q <= 'Z' ? (char)(q - 'A' + 'a') : q;
        if (p != q)
            return false;
    }
    return true;
}

static struct trn_str without_ending(struct trn_str name)
{
    ptrdiff_t dot = trn_str_rfind(name, '.');
    return dot > 0 ? trn_str_slice(name, 0, (size_t)dot) : name;
}

/* "slack.desktop" and "com.slack.Slack.desktop" of slack: what its own switch "start at login" writes. */
static bool is_own_entry(const struct verdict *v)
{
    struct trn_str stem = without_ending(trn_path_base(v->path)), last = stem;
    struct trn_str program = v->acting ? trn_path_base(v->acting->image.path) : TRN_STR_NONE;
    ptrdiff_t dot = trn_str_rfind(stem, '.');
    if (dot >= 0)
        last = trn_str_slice(stem, (size_t)dot + 1, stem.n);
    return v->w->kind->own &&
           (same_word(stem, v->f.software.name) || same_word(last, v->f.software.name) || same_word(stem, program) ||
            same_word(last, program) || same_word(last, without_ending(program)));
}

static void weigh_down(struct verdict *v, uint16_t most, struct trn_str why)
{
    if (v->f.score <= most)
        return;
    v->f.score = most;
    v->weight = why;
}

static void weigh_session(const struct trn_start_kind *k, struct verdict *v)
{
    v->f.score = k->score >= SCORE_STRONG ? SCORE_SESSION : 0;
    v->weight = TRN_STR("started by hand");
}

static void weigh(const struct trn_detect_ctx *ctx, struct verdict *v)
{
    const struct trn_start_kind *k = v->w->kind;
    const struct trn_software *s = &v->f.software;
    bool mature = v->has_novelty && trn_novelty_mature(&v->novelty);
    if (mature && v->novelty.state == TRN_FEATURE_ORDINARY)
        return; /* it has always done this */
    v->f.score = mature ? k->score : TRN_MIN(k->score, (uint16_t)SCORE_YOUNG);
    if (v->fetched.n && v->f.score >= STAGE)
        v->f.score = (uint16_t)(v->f.score + MORE);
    if (is_by_trade(s))
        weigh_down(v, SCORE_TRADE,
                   TRN_STR("others decide what it writes: an editor, a settings dialog, an installer, "
                           "a backup or configuration management"));
    if (!v->fetched.n && is_own_entry(v))
        weigh_down(v, SCORE_NOTE, TRN_STR("an entry with its own name, as a switch 'start at login' makes"));
    if (s->origin == TRN_ORIGIN_MANUAL && trn_started_by_session(ctx->processes, v->acting))
        weigh_down(v, SCORE_NOTE, TRN_STR("a program of no package that was started by hand"));
}

static void put_summary(struct trn_buf *b, const struct verdict *v)
{
    static const char *const how[] = {[WROTE] = "wrote ", [PUT] = "put a file to ", [LINKED] = "made a link at "};
    trn_put_c(b, how[v->w->how]);
    trn_put_path(b, v->path);
    trn_put_fmt(b, ": %s", v->w->kind->words);
}

static int tell(const struct trn_detect_ctx *ctx, struct verdict *v, uint64_t salt)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(65536);
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    const struct write *w = v->w;
    struct trn_finding *f = &v->f;
    trn_buf_init(&b, 8192);
    if (!a)
        return -ENOMEM;
    f->boot_ns = w->boot_ns;
    f->wall_ns = w->wall_ns;
    f->telemetry = TRN_TEL_FILE;
    put_summary(&b, v);
    f->summary = trn_keep(a, &b);
    trn_buf_clear(&b);
    if (w->before && w->before < w->seq)
        trn_finding_event(f, w->before);
    trn_finding_event(f, w->seq);
    trn_finding_add(f, "path", v->path);
    trn_finding_add(f, "place", trn_str_of(w->kind->name));
    trn_finding_add(f, "starts", trn_str_of(w->kind->words));
    trn_finding_add(f, "technique", trn_str_of(w->kind->technique));
    trn_finding_add(f, "program", v->e->image.path);
    if (v->has_novelty) {
        trn_novelty_words(&v->novelty, &b);
        trn_finding_add(f, "novelty", trn_keep(a, &b));
    }
    trn_finding_add(f, "fetched", v->fetched);
    trn_finding_add(f, "weight", v->weight);
    return trn_report(ctx, f, salt);
}

/* Its own file was fetched by other software, or by itself in an earlier life. */
static bool came_from_network(const struct trn_provenance *p, const struct trn_entity *e)
{
    const struct trn_written *w = e ? trn_provenance_find(p, &e->image.file, e->image.path) : NULL;
    return w && (w->flags & TRN_WRITTEN_NET) && !(w->flags & TRN_WRITTEN_SESSION) && !trn_is_installer(&w->software);
}

static struct trn_str fetched_words(const struct trn_persistence *x, const struct trn_provenance *p,
                                    const struct verdict *v)
{
    if (v->w->fetched)
        return TRN_STR("the file came from the network");
    if (came_from_network(p, v->e) || came_from_network(p, v->acting))
        return TRN_STR("the program that wrote it came from the network");
    return trn_map_get(x->rows, key_of(&v->f.software, TRN_STR("ran what it fetched")), NULL)
               ? TRN_STR("it had run what it fetched from the network")
               : TRN_STR_NONE;
}

static int ask(struct trn_profiles *p, const struct trn_detect_ctx *ctx, struct verdict *v)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_FILE);
    ev.seq = v->w->seq;
    ev.boot_ns = v->w->boot_ns;
    ev.wall_ns = v->w->wall_ns;
    int r = trn_profiles_ask(p, ctx, v->e, &ev, TRN_FEATURE_PERSISTENCE, trn_str_of(v->w->kind->name), &v->novelty);
    v->has_novelty = r == 0;
    return r == -ENODATA ? 0 : r;
}

static int judge(struct trn_persistence *x, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                 const struct trn_provenance *written, const struct write *w, const struct trn_entity *e)
{
    const struct trn_check *check = trn_check_find(TRN_STR("behaviour.persistence"));
    struct verdict v = {.w = w, .e = e, .path = {w->path, w->n}};
    int r = 0;
    if (!check)
        return -ENOENT;
    trn_finding_init(&v.f, check);
    v.f.score = 0;
    bool session = trn_subject(ctx->processes, e, &v.f);
    v.acting = trn_process_acting(ctx->processes, e);
    enum installation installation = installation_of(ctx, &v);
    /* A service manager or login does it because somebody asked; who that was no event tells. */
    if (installation == UNPACKS || (v.acting && v.acting->image.role == TRN_ROLE_BORDER))
        return 0;
    uint64_t key = key_of(&v.f.software, trn_str_of(w->kind->name));
    if (installation == SCRIPT_OF_PACKAGE) {
        v.f.score = w->kind->grave ? SCORE_NOTE : 0;
        v.weight = TRN_STR("a script of a package that was being installed");
    } else if (session) {
        weigh_session(w->kind, &v);
        key = trn_hash64_mix(key, w->wall_ns / DAY_NS);
    } else {
        r = ask(p, ctx, &v);
        v.fetched = fetched_words(x, written, &v);
        weigh(ctx, &v);
    }
    uint64_t told = 0;
    trn_map_get(x->rows, key, &told);
    if (r || v.f.score <= told)
        return r;
    r = tell(ctx, &v, key);
    return r ? r : remember(x, ctx, &v.f, key, v.f.score);
}

/* ---- which writes, and when they are judged ---- */

static int settle(struct trn_persistence *x, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                  const struct trn_provenance *written, uint64_t now_ns, bool all)
{
    size_t kept = 0, n = x->n_waiting;
    int r = 0;
    for (size_t i = 0; i < n; i++) {
        const struct write *w = &x->waiting[i];
        const struct trn_entity *e = trn_process_get(ctx->processes, w->entity);
        bool late = now_ns > w->boot_ns + IDENTITY_NS || now_ns + IDENTITY_NS < w->boot_ns;
        bool known = e && trn_image_is_known(e) && trn_image_is_known(trn_root_of(ctx->processes, e));
        if (!e)
            continue;
        if (!r && (all || known || late)) {
            r = judge(x, ctx, p, written, w, e);
            continue;
        }
        if (kept != i)
            x->waiting[kept] = *w;
        kept++;
    }
    x->n_waiting = kept;
    return r;
}

/* What stands there was fetched before it came there: moved, or linked under a second name. A temporary name beside the
 * last one is only how files are written. */
static bool was_fetched(const struct trn_provenance *p, const struct trn_event *ev, uint64_t *ret_seq)
{
    const struct trn_written *w = trn_provenance_find(p, &ev->file.file, ev->file.path);
    bool moved = ev->action == TRN_ACT_RENAMED;
    if (!w || w->seq == ev->seq || !(w->flags & TRN_WRITTEN_NET) || (w->flags & TRN_WRITTEN_SESSION) ||
        trn_is_installer(&w->software))
        return false;
    if (moved ? trn_str_eq(trn_path_dir(ev->file.path), trn_path_dir(ev->file.old_path))
              : ev->action != TRN_ACT_CREATED || trn_str_eq(w->path, ev->file.path))
        return false;
    *ret_seq = w->seq;
    return true;
}

static int written_there(struct trn_persistence *x, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                         const struct trn_provenance *written, const struct trn_event *ev)
{
    bool change = ev->action == TRN_ACT_CREATED || ev->action == TRN_ACT_WRITTEN || ev->action == TRN_ACT_RENAMED;
    const struct trn_start_kind *kind = change ? trn_start_kind_of(ev->file.path) : NULL;
    const struct trn_entity *e = kind ? trn_process_of(ctx->processes, ev) : NULL;
    uint32_t format = ev->file.mode & FORMAT;
    int r = 0;
    if (!e || format == FOLDER)
        return 0;
    if (x->n_waiting == WAITING)
        r = settle(x, ctx, p, written, ev->boot_ns, true);
    struct write *w = &x->waiting[x->n_waiting++];
    w->seq = ev->seq;
    w->boot_ns = ev->boot_ns;
    w->wall_ns = ev->wall_ns;
    w->entity = e->id;
    w->before = 0;
    w->kind = kind;
    w->how = ev->action == TRN_ACT_RENAMED ? PUT : format == LINK ? LINKED : WROTE;
    w->fetched = was_fetched(written, ev, &w->before);
    w->n = (uint16_t)TRN_MIN(ev->file.path.n, (size_t)PATH_LENGTH);
    for (size_t i = 0; i < w->n; i++)
        w->path[i] = ev->file.path.p[i];
    return r ? r : settle(x, ctx, p, written, ev->boot_ns, false);
}

int trn_persistence_push(struct trn_persistence *x, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                         const struct trn_provenance *written, const struct trn_event *ev)
{
    int r = ev->type == TRN_EV_FILE ? written_there(x, ctx, p, written, ev) : 0;
    if (ev->type == TRN_EV_STATE)
        return trn_str_eq_c(ev->state.kind, "persistence") ? restore(x, ev) : 0;
    if (r || x->n_waiting == 0)
        return r;
    bool late = x->waiting[0].boot_ns + IDENTITY_NS < ev->boot_ns;
    if (ev->type == TRN_EV_IDENTITY || ev->type == TRN_EV_STOP || late)
        return settle(x, ctx, p, written, ev->boot_ns, ev->type == TRN_EV_STOP);
    return 0;
}

size_t trn_persistence_bytes(const struct trn_persistence *x)
{
    return sizeof(*x) + trn_map_bytes(x->rows);
}
