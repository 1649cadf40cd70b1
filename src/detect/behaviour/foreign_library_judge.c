/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: behaviour.foreign-library: whose a loaded library is, the weight and the words. Ordinary are unmodified packaged
 * libraries, the software's own folder (its mount, its venv, its place in /opt, its bundle), and what its own signer signed.
 * Must not: go by names of libraries; what is new for this software is told, not what it is called.
 */
#include "detect/behaviour/abnormal_load.h"
#include "detect/behaviour/template.h"

#define SCORE_NOTE 20
#define SCORE_TOOL 15
#define SCORE_SESSION 10
#define AT_START_NS TRN_NS_PER_SEC /* the loader reads /etc/ld.so.preload before the program begins */

enum what { NOTHING, NOBODYS, OTHERS, PRELOADED, MODIFIED };

static const struct {
    const char *prefix; /* in the profile, before the kind of folder */
    uint16_t never, young;
} kinds[] = {
    [NOTHING] = {"", 0, 0},
    [NOBODYS] = {"", 30, 20},
    [OTHERS] = {"another's ", 20, 0},
    [PRELOADED] = {"preloaded ", 35, 20},
    [MODIFIED] = {"modified ", 40, 35},
};

struct verdict {
    const struct trn_library_load *l;
    const struct trn_entity *e, *who;
    const struct trn_identity *id;
    const struct trn_written *w; /* who wrote it, when that was seen */
    struct trn_str path;
    enum what what;
    const char *by;
    struct trn_novelty novelty;
    struct trn_str weight;
    uint16_t score;
    bool session;
    struct trn_finding f;
};

bool trn_library_is_vouched(const struct trn_identity *id)
{
    enum trn_origin o = id->software.origin;
    bool packaged = o == TRN_ORIGIN_DPKG || o == TRN_ORIGIN_RPM || (id->software.flags & TRN_SW_BASE);
    return packaged && !(id->software.flags & TRN_SW_MODIFIED);
}

static bool is_below(struct trn_str path, const char *const *globs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (trn_glob(trn_str_of(globs[i]), path, true))
            return true;
    return false;
}

static bool is_anybodys(struct trn_str path)
{
    static const char *const places[] = {"/tmp/*",     "/var/tmp/*",        "/dev/shm/*",        "/run/*",
                                         "/private/*", "/users/shared/*",   "?:/users/*/temp/*", "?:/users/public/*",
                                         "?:/temp/*",  "?:/windows/temp/*", "?:/programdata/*"};
    return is_below(path, places, TRN_ARRAY_SIZE(places));
}

bool trn_library_may_be_packaged(struct trn_str path)
{
    /* Most paths are these; a look at the first letters is all that they cost. */
    if (trn_str_starts(path, TRN_STR("/usr/")) || trn_str_starts(path, TRN_STR("/lib")))
        return true;
    if (trn_str_starts(path, TRN_STR("/home/")) || trn_str_starts(path, TRN_STR("/root/")) ||
        trn_str_starts(path, TRN_STR("/Users/")))
        return false;
    return !is_anybodys(path) && !trn_glob(TRN_STR("?:/users/*"), path, true);
}

bool trn_library_in_system(struct trn_str path)
{
    return trn_str_starts(path, TRN_STR("/lib")) ||
           (trn_str_starts(path, TRN_STR("/usr/")) && !trn_str_starts(path, TRN_STR("/usr/local/")));
}

const struct trn_identity *trn_library_identity(const struct trn_process_table *t, const struct trn_library_load *l)
{
    return trn_process_identity(t, &l->key);
}

/* ---- whose is it ---- */

static bool is_below_folder(struct trn_str path, struct trn_str folder)
{
    bool fold = folder.n > 2 && folder.p[1] == ':'; /* Windows */
    if (folder.n == 0 || path.n <= folder.n || path.p[folder.n] != '/')
        return false;
    struct trn_str head = trn_str_slice(path, 0, folder.n);
    return fold ? trn_glob(folder, head, true) : trn_str_eq(head, folder);
}

/* Folders in which many have their programs are nobody's own. */
static bool is_shared(struct trn_str folder)
{
    static const char *const shared[] = {
        "",
        "/",
        "/usr",
        "/usr/bin",
        "/usr/sbin",
        "/usr/lib",
        "/usr/libexec",
        "/usr/lib*/*-linux-gnu*",
        "/usr/local",
        "/usr/local/*",
        "/usr/share",
        "/bin",
        "/sbin",
        "/lib",
        "/opt",
        "/srv",
        "/tmp",
        "/var/tmp",
        "/dev/shm",
        "/run",
        "/home",
        "/root",
        "/root/.local",
        "/Users",
        "/Applications",
        "?:",
        "?:/windows",
        "?:/windows/*",
        "?:/program files",
        "?:/program files (x86)",
        "?:/programdata",
        "?:/users",
        "/System/*",
        "/Library",
    };
    size_t slashes = 0;
    for (size_t i = 0; i < folder.n; i++)
        slashes += folder.p[i] == '/';
    /* A home itself, and what every home has. */
    if ((trn_str_starts(folder, TRN_STR("/home/")) || trn_str_starts(folder, TRN_STR("/Users/"))) &&
        (slashes < 3 || trn_str_ends(folder, TRN_STR("/.local")) || trn_str_ends(folder, TRN_STR("/Downloads"))))
        return true;
    if (trn_glob(TRN_STR("?:/users/*"), folder, true) && slashes < 5) /* C:/Users/NAME/AppData/Local */
        return true;
    return is_below(folder, shared, TRN_ARRAY_SIZE(shared));
}

/* "/opt/acme" for "/opt/acme/bin/acme", "/Applications/X.app" for what is in it. */
static struct trn_str own_folder(struct trn_str program)
{
    static const char *const inner[] = {"bin", "sbin", "libexec", "Scripts"};
    for (size_t i = 4; i < program.n; i++)
        if (program.p[i] == '/' && trn_str_ends(trn_str_slice(program, 0, i), TRN_STR(".app")))
            return trn_str_slice(program, 0, i);
    struct trn_str folder = trn_path_dir(program);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(inner); i++)
        if (trn_str_eq_c(trn_path_base(folder), inner[i]))
            folder = trn_path_dir(folder);
    if (trn_str_starts(program, TRN_STR("/tmp/.mount_"))) { /* a running AppImage */
        ptrdiff_t slash = trn_str_find(trn_str_slice(program, 12, program.n), '/');
        folder = trn_str_slice(program, 0, slash > 0 ? 12 + (size_t)slash : program.n);
    }
    return folder;
}

static bool in_own_folder(const struct trn_entity *e, struct trn_str path)
{
    struct trn_str folder = own_folder(e->image.path);
    if (!is_shared(folder) && is_below_folder(path, folder))
        return true;
    folder = trn_str_is_empty(e->image.script) ? TRN_STR_NONE : own_folder(e->image.script);
    return !is_shared(folder) && is_below_folder(path, folder);
}

static bool is_interpreters(const struct verdict *v)
{
    static const char *const places[] = {"*/site-packages/*", "*/dist-packages/*", "*/node_modules/*",
                                         "*/lib-dynload/*",   "*/gems/*",          "*/perl5/*",
                                         "*.cpython-*.so"};
    bool interprets = v->e->image.role == TRN_ROLE_INTERPRETER || !trn_str_is_empty(v->e->image.script);
    bool place = v->id && (v->id->software.origin == TRN_ORIGIN_NPM || v->id->software.origin == TRN_ORIGIN_PYTHON);
    return interprets && (place || is_below(v->path, places, TRN_ARRAY_SIZE(places)));
}

static bool is_packaged(const struct trn_software *s)
{
    return s->origin != TRN_ORIGIN_MANUAL && s->origin != TRN_ORIGIN_UNKNOWN;
}

static bool is_own(const struct verdict *v)
{
    const struct trn_software *s = &v->f.software;
    struct trn_software mine;
    trn_process_software(v->e, &mine);
    if (v->id && is_packaged(&v->id->software)) {
        const struct trn_software *of = &v->id->software;
        bool named = of->origin == s->origin && trn_str_eq(of->name, s->name);
        bool image = of->origin == mine.origin && trn_str_eq(of->name, mine.name);
        bool signer =
            !trn_str_is_empty(of->signer) && (trn_str_eq(of->signer, s->signer) || trn_str_eq(of->signer, mine.signer));
        if (named || image || signer)
            return true;
    }
    /* A program of nobody with a library of the system that nobody owns: there is no package database there. */
    if (!is_packaged(s) && trn_library_may_be_packaged(v->path))
        return true;
    /* A signed product vouches for what it signed, not for what lies beside it. */
    bool vouches = s->origin == TRN_ORIGIN_WINDOWS;
    return is_interpreters(v) || (!vouches && (in_own_folder(v->e, v->path) || in_own_folder(v->who, v->path)));
}

static bool is_preload(const char *by)
{
    return by &&
           (strcmp(by, "LD_PRELOAD") == 0 || strcmp(by, "LD_AUDIT") == 0 || strcmp(by, "DYLD_INSERT_LIBRARIES") == 0);
}

static enum what classify(struct verdict *v)
{
    bool system = v->id && (v->id->software.origin == TRN_ORIGIN_DPKG || v->id->software.origin == TRN_ORIGIN_RPM);
    bool at_start = v->l->preload_seq && v->e->image.exec_seq > v->l->preload_seq &&
                    v->l->boot_ns < v->e->image.exec_boot_ns + AT_START_NS;
    bool over = v->w && trn_library_in_system(v->path);
    if (v->id && trn_library_is_vouched(v->id) && !over)
        return NOTHING;
    if (system || (!v->id && trn_library_may_be_packaged(v->path)))
        return (v->id && (v->id->software.flags & TRN_SW_MODIFIED)) || over ? MODIFIED : NOTHING;
    if (is_own(v))
        return NOTHING;
    v->by = at_start && !v->l->by ? "/etc/ld.so.preload" : v->l->by;
    if (is_preload(v->by) || (at_start && !v->l->by))
        return PRELOADED;
    return v->id && is_packaged(&v->id->software) ? OTHERS : NOBODYS;
}

/* ---- weighing ---- */

static void weigh_down(struct verdict *v, uint16_t most, const char *why)
{
    if (v->score <= most)
        return;
    v->score = most;
    v->weight = trn_str_of(why);
}

static uint16_t first_weight(const struct verdict *v)
{
    const struct trn_novelty *n = &v->novelty;
    if (n->state == TRN_FEATURE_ORDINARY || (n->state != TRN_FEATURE_NEW && !n->first_in_version))
        return 0;
    if (trn_novelty_mature(n)) /* told in full when an earlier version did it */
        return n->state == TRN_FEATURE_NEW ? kinds[v->what].never : TRN_MIN(kinds[v->what].never, (uint16_t)SCORE_NOTE);
    /* Without history: what is no habit of any packaged program. */
    if (!is_packaged(&v->f.software) || (v->what == NOBODYS && !is_anybodys(v->path)))
        return 0;
    return v->session && v->what != MODIFIED ? 0 : kinds[v->what].young;
}

static void weigh(const struct trn_process_table *t, struct verdict *v)
{
    bool fetched = v->w && (v->w->flags & TRN_WRITTEN_NET);
    /* Second-stage makes little of what other software wrote; over a package's library that is no small thing. */
    bool others = v->what == MODIFIED && v->w && !trn_same_software(&v->w->software, &v->f.software);
    v->score = first_weight(v);
    if (v->session)
        weigh_down(v, SCORE_SESSION, "started by hand");
    if (v->what == PRELOADED && v->by[0] != '/' && trn_started_by_session(t, v->who))
        weigh_down(v, SCORE_NOTE, "started by hand, with that environment");
    if (trn_is_installer(&v->f.software) || (v->w && trn_is_installer(&v->w->software)))
        weigh_down(v, SCORE_TOOL, "an installer or builder");
    if (trn_glob(TRN_STR("?:/windows/*"), v->path, true) && !is_anybodys(v->path))
        weigh_down(v, SCORE_NOTE, "in the system's folder, where code made on this machine has no signature");
    if (trn_is_browser(&v->f.software))
        weigh_down(v, SCORE_TOOL, "a browser: its user chooses what is added to it");
    if (fetched && !others)
        weigh_down(v, SCORE_NOTE, "it came from the network: the same act is told as a second stage");
    if (v->w && (v->w->flags & TRN_WRITTEN_SESSION))
        weigh_down(v, SCORE_NOTE, "a person put it there");
    if (!is_packaged(&v->f.software))
        weigh_down(v, SCORE_NOTE, "a program of no package");
}

/* ---- telling ---- */

static void put_whose(struct trn_buf *b, const struct verdict *v)
{
    bool windows = v->path.n > 2 && v->path.p[1] == ':';
    switch (v->what) {
    case MODIFIED:
        trn_put_c(b, ", which is not as its package has it");
        break;
    case PRELOADED:
        trn_put_fmt(b, ", put there by %s", v->by);
        break;
    case OTHERS:
        trn_put_c(b, ", which belongs to ");
        trn_put_software(b, &v->id->software);
        break;
    default:
        trn_put_c(b, windows                                    ? ", which nobody signed"
                     : v->f.software.origin == TRN_ORIGIN_MACOS ? ", which is not of its bundle"
                                                                : ", which no package owns");
        break;
    }
}

static void put_summary(struct trn_buf *b, const struct verdict *v)
{
    trn_put_c(b, "loaded ");
    trn_put_path(b, v->path);
    if (v->id && !trn_sha256_is_none(v->id->sha256)) {
        trn_put_c(b, " (sha256 ");
        trn_put_hex(b, v->id->sha256, 2);
        trn_put_c(b, "…)");
    }
    put_whose(b, v);
    trn_put_c(b, "; ");
    trn_novelty_words(&v->novelty, b);
}

static void add_file(struct verdict *v, struct trn_arena *a)
{
    struct trn_finding *f = &v->f;
    char sha256[2 * TRN_SHA256_SIZE + 1];
    trn_finding_add(f, "path", v->path);
    if (v->id && !trn_sha256_is_none(v->id->sha256)) {
        trn_hex(v->id->sha256, TRN_SHA256_SIZE, sha256);
        trn_finding_add(f, "sha256", trn_arena_str(a, trn_str_of(sha256)));
    }
    if (v->id) {
        trn_finding_add(f, "file_origin", trn_str_of(trn_origin_name(v->id->software.origin)));
        trn_finding_add(f, "file_software", v->id->software.name);
    }
    if (v->w) {
        trn_finding_add(f, "written_by", v->w->software.name);
        trn_finding_add(f, "remote", v->w->remote);
        trn_finding_event(f, v->w->seq);
    }
    if (!trn_file_key_is_none(&v->l->key))
        trn_finding_add(f, "file",
                        trn_arena_printf(a, "%llx:%llx", (unsigned long long)v->l->key.dev,
                                         (unsigned long long)v->l->key.ino));
}

static int tell(const struct trn_detect_ctx *ctx, struct verdict *v, struct trn_str feature)
{
    static const char *const names[] = {"", "nobody's", "another software's", "preloaded", "modified"};
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(65536);
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    struct trn_finding *f = &v->f;
    trn_buf_init(&b, 8192);
    if (!a)
        return -ENOMEM;
    f->score = v->score;
    f->boot_ns = v->l->boot_ns;
    f->wall_ns = v->l->wall_ns;
    f->telemetry = TRN_TEL_MEMORY;
    put_summary(&b, v);
    f->summary = trn_keep(a, &b);
    trn_finding_event(f, v->l->seq);
    trn_finding_add(f, "library", trn_str_of(names[v->what]));
    add_file(v, a);
    trn_finding_add(f, "put_there_by", trn_str_of(v->by));
    if (v->by && v->by[0] == '/')
        trn_finding_event(f, v->l->preload_seq);
    trn_finding_add(f, "program", v->e->image.path);
    trn_buf_clear(&b);
    trn_novelty_words(&v->novelty, &b);
    trn_finding_add(f, "novelty", trn_keep(a, &b));
    if (v->novelty.version_wall_ns && v->novelty.version_wall_ns < v->l->wall_ns) {
        trn_buf_clear(&b);
        trn_put_span(&b, v->l->wall_ns - v->novelty.version_wall_ns);
        trn_finding_add(f, "since_version", trn_keep(a, &b));
    }
    trn_finding_add(f, "weight", v->weight);
    uint64_t salt = trn_hash64_mix(trn_hash64_str(f->software.name), trn_hash64_str(f->software.version));
    return trn_report(ctx, f, trn_hash64_mix(trn_hash64_mix(salt, f->software.origin), trn_hash64_str(feature)));
}

int trn_foreign_library_judge(const struct trn_detect_ctx *ctx, struct trn_profiles *p,
                              const struct trn_provenance *written, const struct trn_library_load *l)
{
    char folder[TRN_TEMPLATE_MAX], feature[TRN_TEMPLATE_MAX + 16];
    const struct trn_check *check = trn_check_find(TRN_STR("behaviour.foreign-library"));
    struct verdict v = {.l = l, .e = trn_process_get(ctx->processes, l->entity), .path = {l->path, l->n}};
    struct trn_event ev;
    if (!check || !v.e)
        return check ? 0 : -ENOENT;
    trn_finding_init(&v.f, check);
    v.session = trn_subject(ctx->processes, v.e, &v.f);
    const struct trn_entity *acting = trn_process_acting(ctx->processes, v.e);
    v.who = acting ? acting : v.e;
    v.id = trn_library_identity(ctx->processes, l);
    v.w = trn_provenance_find(written, &l->key, v.path);
    if (v.w && trn_library_may_be_packaged(v.path) && trn_is_installer(&v.w->software))
        v.w = NULL; /* its package manager's business */
    v.what = classify(&v);
    if (v.what == NOTHING)
        return 0;
    struct trn_buf b;
    trn_buf_init(&b, sizeof(feature));
    trn_put_c(&b, kinds[v.what].prefix);
    trn_put_str(&b, trn_template_folder(v.path, folder));
    memcpy(feature, trn_buf_str(&b).p, b.n);
    struct trn_str text = {feature, b.n};
    trn_buf_done(&b);
    trn_event_init(&ev, TRN_EV_LIB_LOAD);
    ev.seq = l->seq;
    ev.boot_ns = l->boot_ns;
    ev.wall_ns = l->wall_ns;
    int r = trn_profiles_ask(p, ctx, v.e, &ev, TRN_FEATURE_MODULE, text, &v.novelty);
    if (r || l->existing)
        return r == -ENODATA ? 0 : r;
    weigh(ctx->processes, &v);
    return v.score ? tell(ctx, &v, text) : 0;
}
