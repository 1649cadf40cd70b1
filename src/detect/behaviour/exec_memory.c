/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: behaviour.exec-memory: code in memory that belongs to no file, in a memory file or in a deleted one, and reaching
 * into other programs. What a lineage has done from its first runs on (a just-in-time compiler, a debugger) is its habit.
 * An act waits until it is known whose program it is, some seconds at most. Hand-offs: the memory of what was there before
 * is the profile's. Must not: judge what came from the network; second_stage.c does, and the act then weighs a note here.
 */
#include "detect/behaviour/abnormal_load.h"

#define WAITING 64
#define RECENT 1024 /* acts of one image that were asked about already */
#define IDENTITY_NS (5 * TRN_NS_PER_SEC)
#define TEXT 128
#define SCORE_NOTE 20
#define SCORE_TOOL 15
#define SCORE_SESSION 15

enum kind {
    ANONYMOUS,
    WRITABLE,
    MEMFD,
    DELETED,
    RUNS_MEMFD,
    RUNS_DELETED,
    TRACES,
    READS,
    OPENS,
    WRITES,
    SECRETS,
    OWN,
    KINDS
};

static const struct {
    enum trn_feature_class class;
    const char *feature, *words;
    uint16_t never;  /* with history, in a version that ran without it */
    uint16_t begins; /* with history, from the first runs of a new version on */
    uint16_t young;  /* without history: what no such program does */
    bool talked;     /* the last only when it talked to the network */
} kinds[KINDS] = {
    [ANONYMOUS] = {TRN_FEATURE_MEMORY, "anonymous", "has executable memory that belongs to no file", 30, 20, 0, false},
    [WRITABLE] = {TRN_FEATURE_MEMORY, "writable", "has memory that is writable and executable at once", 30, 20, 0,
                  false},
    [MEMFD] = {TRN_FEATURE_MEMORY, "memory file", "mapped code from a memory file", 35, 30, 30, true},
    [DELETED] = {TRN_FEATURE_MEMORY, "deleted file", "mapped code from a file that was deleted before", 30, 25, 20,
                 true},
    [RUNS_MEMFD] = {TRN_FEATURE_MEMORY, "runs a memory file", "ran a program from a memory file", 40, 35, 20, false},
    [RUNS_DELETED] = {TRN_FEATURE_MEMORY, "runs a deleted file", "ran a program from a file that was deleted before",
                      35, 30, 20, false},
    [TRACES] = {TRN_FEATURE_REACH, "traces others", "attached as a debugger to", 30, 25, 0, false},
    [READS] = {TRN_FEATURE_REACH, "reads others", "read the memory of", 25, 20, 0, false},
    [OPENS] = {TRN_FEATURE_REACH, "opens others", "opened, with the right to change its memory,", 30, 25, 0, false},
    [WRITES] = {TRN_FEATURE_REACH, "writes others", "wrote into the memory of", 40, 40, 40, false},
    [SECRETS] = {TRN_FEATURE_REACH, "keepers of secrets", "opened the memory of a keeper of secrets,", 45, 40, 35,
                 false},
    [OWN] = {TRN_FEATURE_REACH, "own processes", "reached into its own process", 15, 15, 0, false},
};

struct act {
    uint64_t seq, boot_ns, wall_ns, entity, target;
    uint8_t kind;
    bool existing;
    uint8_t n_path, n_way;
    char path[TEXT], way[TEXT]; /* path: of the memory or program, or of the program that was reached into */
};

struct trn_exec_memory {
    struct act waiting[WAITING];
    size_t n_waiting;
    uint64_t recent[RECENT];
};

struct trn_exec_memory *trn_exec_memory_new(void)
{
    return calloc(1, sizeof(struct trn_exec_memory));
}

struct trn_exec_memory *trn_exec_memory_free(struct trn_exec_memory *m)
{
    free(m);
    return NULL;
}

/* ---- weighing ---- */

struct verdict {
    const struct act *a;
    const struct trn_entity *e, *who; /* who: whose act it is; e where nothing else is known */
    const struct trn_contact *contact;
    struct trn_novelty novelty;
    struct trn_str weight;
    uint16_t score;
    struct trn_finding f;
};

/* Debuggers, tracers and what takes crashes apart; the table only lowers, and only for unmodified packages. */
static bool is_debugger(const struct trn_software *s)
{
    static const char *const table[] = {"gdb*",      "lldb*",   "strace", "ltrace",       "linux-perf*",
                                        "valgrind",  "rr",      "delve",  "apport*",      "systemd-coredump",
                                        "drkonqi*",  "criu",    "proot",  "bpftrace",     "uftrace",
                                        "heaptrack", "sysprof", "kdump*", "checkinstall", "fakeroot",
                                        "reptyr",    "crash"};
    if ((s->origin != TRN_ORIGIN_DPKG && s->origin != TRN_ORIGIN_RPM) || (s->flags & TRN_SW_MODIFIED))
        return false;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(table); i++)
        if (trn_glob(trn_str_of(table[i]), s->name, false))
            return true;
    return false;
}

/* Memory files that well-known compilers and call gates make; anybody may take the name, so it lowers and no more. */
static bool is_compilers_file(struct trn_str path)
{
    static const char *const names[] = {"/memfd:doublemapper*", "/memfd:libffi*", "/memfd:*jit*"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++)
        if (trn_glob(trn_str_of(names[i]), path, true))
            return true;
    return false;
}

/* Programs whose memory holds what opens everything else. */
static bool keeps_secrets(struct trn_str path)
{
    static const char *const table[] = {"?:/windows/system32/lsass.exe",
                                        "/usr/*/gnome-keyring-daemon",
                                        "/usr/*/ssh-agent",
                                        "/usr/*/gpg-agent",
                                        "/usr/*/kwalletd*",
                                        "/usr/*/keepassxc",
                                        "/usr/*/sssd*",
                                        "/usr/*/winbindd",
                                        "/usr/sbin/securityd",
                                        "/System/*/securityd"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(table); i++)
        if (trn_glob(trn_str_of(table[i]), path, true))
            return true;
    return false;
}

/* By its package, or in the folder of Windows: a start there tells no signature. */
static bool is_systems(const struct verdict *v)
{
    return (v->f.software.flags & TRN_SW_BASE) || (v->f.software.origin != TRN_ORIGIN_DPKG &&
                                                   trn_glob(TRN_STR("?:/windows/system32/*"), v->e->image.path, true));
}

static void weigh_down(struct verdict *v, uint16_t most, const char *why)
{
    if (v->score <= most)
        return;
    v->score = most;
    v->weight = trn_str_of(why);
}

static struct trn_str path_of(const struct act *a)
{
    return a->n_path ? (struct trn_str){a->path, a->n_path} : TRN_STR_NONE;
}

/* A tool or interpreter that it started did it, not its own program. */
static bool is_helpers(const struct verdict *v)
{
    struct trn_software mine;
    if (v->who->id == v->e->id || v->a->kind == RUNS_MEMFD || v->a->kind == RUNS_DELETED)
        return false;
    trn_process_software(v->e, &mine);
    return !trn_same_software(&mine, &v->f.software);
}

static uint16_t first_weight(const struct verdict *v, bool session)
{
    const struct trn_novelty *n = &v->novelty;
    if (n->state == TRN_FEATURE_ORDINARY || (n->state != TRN_FEATURE_NEW && !n->first_in_version))
        return 0;
    if (trn_novelty_mature(n) && n->state != TRN_FEATURE_NEW)
        return TRN_MIN(kinds[v->a->kind].begins,
                       (uint16_t)SCORE_NOTE); /* told in full when an earlier version did it */
    if (trn_novelty_mature(n))
        return n->version_starts >= TRN_LOAD_SETTLED ? kinds[v->a->kind].never : kinds[v->a->kind].begins;
    bool none = session && v->a->kind != WRITES;
    return none || (kinds[v->a->kind].talked && !v->contact) ? 0 : kinds[v->a->kind].young;
}

static void weigh(struct verdict *v, bool session)
{
    enum kind kind = (enum kind)v->a->kind;
    bool unnamed = kind == RUNS_MEMFD || kind == RUNS_DELETED || kind == DELETED;
    v->score = first_weight(v, session);
    if (is_debugger(&v->f.software) || (kinds[kind].class == TRN_FEATURE_REACH && v->e->id != v->who->id &&
                                        v->e->image.identity && is_debugger(&v->e->image.identity->software)))
        weigh_down(v, SCORE_TOOL, "a debugger");
    if (session)
        weigh_down(v, SCORE_SESSION, "started by hand");
    if (trn_is_installer(&v->f.software))
        weigh_down(v, SCORE_TOOL, "an installer or builder");
    if (!trn_novelty_mature(&v->novelty) && is_systems(v))
        weigh_down(v, SCORE_TOOL, "a part of the system, without history");
    if (unnamed && v->contact)
        weigh_down(v, SCORE_NOTE, "it had talked to the network: the same act is told as a second stage");
    if (kind == MEMFD && is_compilers_file(path_of(v->a)))
        weigh_down(v, SCORE_NOTE, "the memory file has the name that a compiler gives");
    if (kinds[kind].class == TRN_FEATURE_MEMORY && v->e->image.role == TRN_ROLE_INTERPRETER && kind <= MEMFD)
        weigh_down(v, SCORE_TOOL, "an interpreter: its compiler may do this");
    else if (is_helpers(v))
        weigh_down(v, SCORE_NOTE, "done by a program that it started");
}

/* ---- telling ---- */

static void put_summary(struct trn_buf *b, const struct verdict *v)
{
    const struct act *a = v->a;
    trn_put_c(b, kinds[a->kind].words);
    if (kinds[a->kind].class == TRN_FEATURE_REACH) {
        trn_put_c(b, " ");
        trn_escape(b, a->n_path ? trn_path_base(path_of(a)) : TRN_STR("an unknown program"));
    } else if (a->n_path && a->kind != ANONYMOUS && a->kind != WRITABLE) {
        trn_put_c(b, ": ");
        trn_put_path(b, path_of(a));
    }
    trn_put_c(b, "; ");
    trn_novelty_words(&v->novelty, b);
}

static void add_evidence(struct verdict *v, struct trn_arena *arena, struct trn_buf *b)
{
    struct trn_finding *f = &v->f;
    const struct act *a = v->a;
    bool reach = kinds[a->kind].class == TRN_FEATURE_REACH;
    trn_finding_add(f, reach ? "reach" : "memory", trn_str_of(kinds[a->kind].feature));
    trn_finding_add(f, reach ? "target" : "memory_file", path_of(a));
    if (a->n_way)
        trn_finding_add(f, "way", (struct trn_str){a->way, a->n_way});
    trn_finding_add(f, "program", v->e->image.path);
    trn_buf_clear(b);
    trn_novelty_words(&v->novelty, b);
    trn_finding_add(f, "novelty", trn_keep(arena, b));
    if (v->novelty.version_wall_ns && v->novelty.version_wall_ns < a->wall_ns) {
        trn_buf_clear(b);
        trn_put_span(b, a->wall_ns - v->novelty.version_wall_ns);
        trn_finding_add(f, "since_version", trn_keep(arena, b));
    }
    if (v->contact) {
        trn_buf_clear(b);
        trn_put_address(b, v->contact->address, v->contact->family, v->contact->port);
        trn_finding_add(f, "talked_to", trn_keep(arena, b));
        trn_finding_event(f, v->contact->seq);
    }
    trn_finding_add(f, "weight", v->weight);
}

static int tell(const struct trn_detect_ctx *ctx, struct verdict *v)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(65536);
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_finding *f = &v->f;
    trn_buf_init(&b, 8192);
    if (!arena)
        return -ENOMEM;
    f->score = v->score;
    f->boot_ns = v->a->boot_ns;
    f->wall_ns = v->a->wall_ns;
    f->telemetry = kinds[v->a->kind].class == TRN_FEATURE_REACH ? TRN_TEL_PROCESS : TRN_TEL_MEMORY;
    put_summary(&b, v);
    f->summary = trn_keep(arena, &b);
    trn_finding_event(f, v->a->seq);
    add_evidence(v, arena, &b);
    uint64_t salt = trn_hash64_mix(trn_hash64_str(f->software.name), trn_hash64_str(f->software.version));
    return trn_report(ctx, f, trn_hash64_mix(salt, (uint64_t)f->software.origin << 8 | v->a->kind));
}

/* ---- whose act ---- */

/* Who ran a program without a name is who acted before; then the new image stands for nobody. False: not to be told. */
static bool find_runner(const struct trn_detect_ctx *ctx, struct verdict *v)
{
    bool session;
    const struct trn_entity *starter = trn_process_starter(ctx->processes, v->e, &session);
    const struct trn_file_key *was = starter ? &starter->image.file : NULL;
    if (!starter)
        return false; /* a person, or the system's own service manager; second-stage has the former */
    if (was->ino == v->e->image.file.ino && was->dev == v->e->image.file.dev)
        return false; /* its own program, started again after an update */
    v->who = starter;
    v->f.entity = v->e->id;
    v->f.acting = starter->id;
    trn_process_software(starter, &v->f.software);
    return true;
}

static bool find_subject(const struct trn_detect_ctx *ctx, struct verdict *v)
{
    if (v->a->kind == RUNS_MEMFD || v->a->kind == RUNS_DELETED)
        return find_runner(ctx, v);
    trn_subject(ctx->processes, v->e, &v->f);
    const struct trn_entity *acting = trn_process_acting(ctx->processes, v->e);
    v->who = acting ? acting : v->e;
    return true;
}

/* Another instance of the same software is no other program. */
static enum kind kind_of(const struct trn_detect_ctx *ctx, const struct verdict *v)
{
    const struct trn_entity *target = v->a->target ? trn_process_get(ctx->processes, v->a->target) : NULL;
    struct trn_software theirs;
    if (!target || kinds[v->a->kind].class != TRN_FEATURE_REACH)
        return (enum kind)v->a->kind;
    trn_process_software(trn_root_of(ctx->processes, target), &theirs);
    return trn_same_software(&theirs, &v->f.software) ? OWN : (enum kind)v->a->kind;
}

static int judge(const struct trn_detect_ctx *ctx, struct trn_profiles *p, const struct trn_contacts *contacts,
                 struct act *a, const struct trn_entity *e)
{
    const struct trn_check *check = trn_check_find(TRN_STR("behaviour.exec-memory"));
    struct verdict v = {.a = a, .e = e};
    struct trn_event ev;
    if (!check)
        return -ENOENT;
    trn_finding_init(&v.f, check);
    if (!find_subject(ctx, &v))
        return 0;
    a->kind = (uint8_t)kind_of(ctx, &v);
    v.contact = trn_contacts_of(contacts, ctx->processes, v.who);
    trn_event_init(&ev, TRN_EV_MEM_EXEC);
    ev.seq = a->seq;
    ev.boot_ns = a->boot_ns;
    ev.wall_ns = a->wall_ns;
    int r = trn_profiles_ask(p, ctx, v.who, &ev, kinds[a->kind].class, trn_str_of(kinds[a->kind].feature), &v.novelty);
    if (r || a->existing)
        return r == -ENODATA ? 0 : r;
    weigh(&v, v.f.acting == 0);
    return v.score ? tell(ctx, &v) : 0;
}

/* ---- which acts, and when they are judged ---- */

static bool is_known(const struct trn_entity *e)
{
    bool unnamed = (e->image.flags & (TRN_EVF_MEMFD | TRN_EVF_DELETED)) != 0;
    return unnamed || (e->image.identity && (trn_str_is_empty(e->image.script) || e->image.script_identity));
}

static int settle(struct trn_exec_memory *m, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                  const struct trn_contacts *contacts, uint64_t now_ns, bool all)
{
    size_t kept = 0, n = m->n_waiting;
    int r = 0;
    for (size_t i = 0; i < n; i++) {
        struct act *a = &m->waiting[i];
        const struct trn_entity *e = trn_process_get(ctx->processes, a->entity);
        bool known = e && is_known(e) && is_known(trn_root_of(ctx->processes, e));
        bool late = now_ns > a->boot_ns + IDENTITY_NS || now_ns + IDENTITY_NS < a->boot_ns;
        if (!e)
            continue;
        if (!r && (all || known || late))
            r = judge(ctx, p, contacts, a, e);
        else
            m->waiting[kept++] = *a;
    }
    m->n_waiting = kept;
    return r;
}

/* The same image and the same kind within a day: nothing to ask. */
static bool is_recent(struct trn_exec_memory *m, const struct trn_entity *e, const struct trn_event *ev, enum kind kind)
{
    uint64_t key = trn_hash64_mix(trn_hash64_mix(e->id, e->image.exec_seq), kind);
    key = trn_hash64_mix(key, ev->wall_ns / (24 * 3600 * TRN_NS_PER_SEC));
    uint64_t *slot = &m->recent[key % RECENT];
    bool there = *slot == key;
    *slot = key;
    return there;
}

static uint8_t keep(char *to, struct trn_str s)
{
    size_t n = s.p ? TRN_MIN(s.n, (size_t)TEXT) : 0;
    for (size_t i = 0; i < n; i++)
        to[i] = s.p[i];
    return (uint8_t)n;
}

static int notice(struct trn_exec_memory *m, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                  const struct trn_contacts *contacts, const struct trn_event *ev, const struct trn_entity *e,
                  const struct act *what, struct trn_str path)
{
    int r = 0;
    if (is_recent(m, e, ev, (enum kind)what->kind))
        return 0;
    if (m->n_waiting == WAITING)
        r = settle(m, ctx, p, contacts, ev->boot_ns, true);
    struct act *a = &m->waiting[m->n_waiting++];
    *a = *what;
    a->seq = ev->seq;
    a->boot_ns = ev->boot_ns;
    a->wall_ns = ev->wall_ns;
    a->entity = e->id;
    a->existing = (ev->flags & TRN_EVF_EXISTING) != 0;
    if (trn_str_ends(path, TRN_LOAD_DELETED))
        path.n -= TRN_LOAD_DELETED.n;
    a->n_path = keep(a->path, path);
    if (ev->type == TRN_EV_ACCESS)
        a->n_way = keep(a->way, ev->access.way);
    return r ? r : settle(m, ctx, p, contacts, ev->boot_ns, false);
}

static const struct trn_entity *target_of(const struct trn_detect_ctx *ctx, const struct trn_event *ev)
{
    struct trn_event by;
    if (ev->access.target)
        return trn_process_get(ctx->processes, ev->access.target);
    trn_event_init(&by, TRN_EV_ACCESS);
    by.pid = ev->access.target_pid;
    by.boot_ns = ev->boot_ns;
    return trn_process_of(ctx->processes, &by);
}

/* Sysmon tells that a process was opened with rights, not what they were used for. */
static enum kind reach_of(const struct trn_event *ev)
{
    if (ev->action == TRN_ACT_PTRACE)
        return TRACES;
    if (ev->action == TRN_ACT_READ)
        return READS;
    return trn_str_starts(ev->access.way, TRN_STR("handle ")) ? OPENS : WRITES;
}

static int reached(struct trn_exec_memory *m, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                   const struct trn_contacts *contacts, const struct trn_event *ev, const struct trn_entity *e)
{
    const struct trn_entity *target = target_of(ctx, ev);
    struct act a = {.kind = (uint8_t)reach_of(ev), .target = target ? target->id : 0};
    bool handle = trn_str_starts(ev->access.way, TRN_STR("handle "));
    if (handle && a.kind == READS && !trn_str_contains(ev->access.way, TRN_STR("read memory")))
        return 0; /* opened to be asked for its name or its end */
    if (!target && a.kind != WRITES)
        return 0; /* out of sight: its own or not, nobody can say */
    if (target && target->id == e->id)
        return 0;
    if (target && (trn_process_is_above(ctx->processes, e->id, target->id) ||
                   trn_root_of(ctx->processes, e)->id == trn_root_of(ctx->processes, target)->id))
        a.kind = OWN;
    else if (target && a.kind != WRITES && keeps_secrets(target->image.path))
        a.kind = SECRETS;
    return notice(m, ctx, p, contacts, ev, e, &a, target ? target->image.path : TRN_STR_NONE);
}

static int mapped(struct trn_exec_memory *m, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                  const struct trn_contacts *contacts, const struct trn_event *ev, const struct trn_entity *e)
{
    struct act a = {.kind = DELETED};
    if (ev->type == TRN_EV_MEM_EXEC)
        a.kind = ev->action == TRN_ACT_MEMFD ? MEMFD : ev->action == TRN_ACT_WRITABLE ? WRITABLE : ANONYMOUS;
    /* The kernel maps the image itself at exec. */
    bool image = trn_str_eq(ev->map.path, e->image.path) ||
                 (ev->map.file.ino && ev->map.file.ino == e->image.file.ino && ev->map.file.dev == e->image.file.dev);
    return image && a.kind != WRITABLE ? 0 : notice(m, ctx, p, contacts, ev, e, &a, ev->map.path);
}

int trn_exec_memory_push(struct trn_exec_memory *m, const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                         const struct trn_contacts *contacts, const struct trn_event *ev)
{
    bool runs = ev->type == TRN_EV_EXEC && (ev->flags & (TRN_EVF_MEMFD | TRN_EVF_DELETED));
    bool maps =
        ev->type == TRN_EV_MEM_EXEC || (ev->type == TRN_EV_LIB_LOAD && trn_str_ends(ev->map.path, TRN_LOAD_DELETED));
    const struct trn_entity *e = runs || maps || ev->type == TRN_EV_ACCESS ? trn_process_of(ctx->processes, ev) : NULL;
    if (e && runs) {
        const struct act a = {.kind = ev->flags & TRN_EVF_MEMFD ? RUNS_MEMFD : RUNS_DELETED};
        return notice(m, ctx, p, contacts, ev, e, &a, ev->exec.path);
    }
    if (e)
        return maps ? mapped(m, ctx, p, contacts, ev, e) : reached(m, ctx, p, contacts, ev, e);
    if (m->n_waiting && (ev->type == TRN_EV_IDENTITY || m->waiting[0].boot_ns + IDENTITY_NS < ev->boot_ns))
        return settle(m, ctx, p, contacts, ev->boot_ns, false);
    return m->n_waiting && ev->type == TRN_EV_STOP ? settle(m, ctx, p, contacts, ev->boot_ns, true) : 0;
}

size_t trn_exec_memory_bytes(const struct trn_exec_memory *m)
{
    return sizeof(*m);
}
