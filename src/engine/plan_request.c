/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: on what an act is done that a rule wants: the tree of the process that did it, the file that the finding is about, the
 * software that acts. Narrow on purpose: a file that was only read is never blocked. Must not own: whether it is done.
 */
#include "engine/plan_internal.h"

#include <inttypes.h>
#include <stdio.h>

#define REQUEST_MAX (60u << 10)

struct request {
    struct trn_act_request q;
    struct trn_resolved found;
    struct trn_act_host hosts[TRN_ACT_HOSTS];
    char text[TRN_POLICY_PATH * 2], why[TRN_RESPOND_WHY_MAX + 1];
};

static struct trn_str evidence(const struct trn_finding *f, const char *key)
{
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, key))
            return f->evidence[i].value;
    return TRN_STR_NONE;
}

/* The checks whose evidence is itself what must not run; of the others it is what was read, written or called. An entry that
 * starts a program is none, but it can be taken away. */
static bool is_about_its_file(const struct trn_finding *f, unsigned act)
{
    static const char *const ids[] = {"behaviour.second-stage", "behaviour.foreign-library", "indicator.sha256"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(ids); i++)
        if (strcmp(f->check->id, ids[i]) == 0)
            return true;
    return act == TRN_RESPOND_QUARANTINE && strcmp(f->check->id, "behaviour.persistence") == 0;
}

/* "dev:ino" in hex */
static struct trn_file_key key_of(struct trn_str text)
{
    struct trn_file_key k = {0};
    uint64_t *parts[] = {&k.dev, &k.ino};
    struct trn_str one;
    for (size_t i = 0; i < 2; i++) {
        char hex[20];
        if (!trn_str_split(&text, ':', &one) || one.n == 0 || one.n > 16)
            return (struct trn_file_key){0};
        (void)snprintf(hex, sizeof hex, "0x%.*s", TRN_STR_ARG(one));
        if (trn_str_u64(trn_str_of(hex), parts[i]) < 0)
            return (struct trn_file_key){0};
    }
    return k;
}

/* The file of the evidence; how it is now, when the process runs it. */
static int evidence_file(struct trn_plan *p, const struct trn_finding *f, struct trn_resolved *r)
{
    struct trn_str path = evidence(f, "path"), hash = evidence(f, "sha256");
    const struct trn_entity *e = trn_process_get(p->o.processes, f->entity);
    struct trn_act_file *file = trn_arena_alloc(p->arena, sizeof *file);
    if (!file)
        return -ENOMEM;
    *file = (struct trn_act_file){.key = key_of(evidence(f, "file")), .size = TRN_NO_U64};
    if (hash.n == 2 * TRN_SHA256_SIZE && trn_unhex(hash, file->sha256, TRN_SHA256_SIZE) < 0)
        memset(file->sha256, 0, sizeof file->sha256);
    bool here = !e || e->mntns == 0 || p->o.mntns == 0 || e->mntns == p->o.mntns;
    if (here && path.n && path.p[0] == '/')
        file->path = path;
    if (e && trn_file_key_is_none(&file->key) && trn_str_eq(e->image.path, path))
        file->key = e->image.file;
    if (e && e->image.file.ino == file->key.ino && e->image.file.dev == file->key.dev) {
        file->key = e->image.file;
        file->size = e->image.identity ? e->image.identity->size : TRN_NO_U64;
    }
    if (trn_file_key_is_none(&file->key) && trn_str_is_none(file->path) && trn_sha256_is_none(file->sha256))
        return -ENOENT;
    *r = (struct trn_resolved){.files = file, .n_files = 1};
    return 0;
}

static int find_file(struct trn_plan *p, const struct trn_finding *f, struct request *r)
{
    int code = is_about_its_file(f, r->q.act)
                   ? evidence_file(p, f, &r->found)
                   : trn_resolve_entity(p->o.processes, f->entity, p->o.mntns, p->arena, &r->found);
    if (code < 0 || r->found.n_files == 0)
        return code < 0 ? code : -ENOENT;
    const struct trn_act_file *file = r->found.files;
    r->found.n_processes = 0;
    bool by_path = r->q.act == TRN_RESPOND_QUARANTINE || trn_sha256_is_none(file->sha256);
    if (by_path && trn_str_is_none(file->path))
        return -ENOENT;
    r->q.target = by_path ? TRN_TARGET_PATH : TRN_TARGET_SHA256;
    if (by_path)
        (void)snprintf(r->text, sizeof r->text, "%.*s", TRN_STR_ARG(file->path));
    else
        trn_hex(file->sha256, TRN_SHA256_SIZE, r->text);
    return by_path && file->path.n >= sizeof r->text ? -ENAMETOOLONG : 0;
}

static int find_tree(struct trn_plan *p, const struct trn_finding *f, struct request *r)
{
    int code = trn_resolve_entity(p->o.processes, f->entity, p->o.mntns, p->arena, &r->found);
    r->q.target = TRN_TARGET_ENTITY;
    (void)snprintf(r->text, sizeof r->text, "%016" PRIx64, f->entity);
    return code < 0 ? code : r->found.n_processes ? 0 : -ESRCH;
}

/* The software's own processes, and those of the one that did it: a helper that it dropped has no name of its own. */
static int find_software(struct trn_plan *p, const struct trn_finding *f, struct request *r)
{
    struct trn_resolved tree = {0};
    struct trn_str name = f->software.name, version = f->software.version;
    if (trn_str_is_empty(name))
        return -ENOENT;
    int code = trn_resolve_software(p->o.processes, name, trn_str_is_empty(version) ? TRN_STR_NONE : version,
                                    p->o.mntns, p->arena, &r->found);
    if (code == 0)
        code = trn_resolve_entity(p->o.processes, f->entity, p->o.mntns, p->arena, &tree);
    if (code < 0 && code != -ENOENT)
        return code;
    for (uint32_t i = 0; i < tree.n_processes && r->found.n_processes < TRN_ACT_PROCESSES; i++) {
        uint32_t k = 0;
        while (k < r->found.n_processes && r->found.processes[k].entity != tree.processes[i].entity)
            k++;
        if (k == r->found.n_processes)
            r->found.processes[r->found.n_processes++] = tree.processes[i];
    }
    r->q.target = TRN_TARGET_SOFTWARE;
    int n = snprintf(r->text, sizeof r->text, trn_str_is_empty(version) ? "%.*s" : "%.*s=%.*s", TRN_STR_ARG(name),
                     TRN_STR_ARG(version));
    return n >= (int)sizeof r->text ? -ENAMETOOLONG : r->found.n_processes + r->found.n_files ? 0 : -ESRCH;
}

static void add_hosts(struct trn_plan *p, const struct trn_policy_rule *rule, struct request *r)
{
    for (uint32_t i = 0; i < rule->except.n; i++) {
        const struct trn_policy_host *h = &p->policy->hosts[rule->except.first + i];
        uint32_t from = r->q.n_hosts;
        int code = trn_resolve_host(p->o.names, trn_str_of(h->text), r->hosts, TRN_ACT_HOSTS, &r->q.n_hosts);
        for (uint32_t k = from; k < r->q.n_hosts; k++)
            r->hosts[k].port = h->port;
        if (code < 0)
            trn_plan_say(p, "policy, line %u: '%s' is not kept reachable for '%s': %s", rule->line, h->text, r->text,
                         code == -ENOENT ? "nobody here asked DNS for it" : "too many addresses");
    }
}

static void pass(struct trn_plan *p, const struct request *r)
{
    struct trn_buf b;
    for (uint32_t at = 0; at < r->q.n_files;) {
        trn_buf_init(&b, REQUEST_MAX);
        uint32_t n = trn_act_files_encode(r->q.job, r->q.files + at, r->q.n_files - at, &b);
        if (n == 0) {
            trn_buf_done(&b);
            break;
        }
        at += n;
        trn_plan_send(p, TRN_CH_ACT_FILES, &b);
    }
    trn_buf_init(&b, REQUEST_MAX);
    trn_act_encode(&r->q, &b);
    trn_plan_send(p, TRN_CH_ACT, &b);
    p->stats.requests++;
}

uint64_t trn_plan_target(enum trn_respond act, struct trn_str text)
{
    return trn_hash64_mix(trn_hash64_str(text), (uint64_t)act);
}

/* What waits at its start and must not run. */
static void want(struct trn_plan *p, const struct request *r)
{
    uint64_t target = trn_plan_target((enum trn_respond)r->q.act, r->q.text);
    p->asked[p->n_asked % TRN_PLAN_ASKED].job = r->q.job;
    p->asked[p->n_asked++ % TRN_PLAN_ASKED].target = target;
    if (r->q.act != TRN_RESPOND_BLOCK && r->q.act != TRN_RESPOND_KILL)
        return;
    for (uint32_t i = 0; i < r->found.n_files && r->q.act == TRN_RESPOND_BLOCK; i++)
        if (!trn_file_key_is_none(&r->found.files[i].key))
            trn_plan_remember(p->wanted, trn_plan_file_key(&r->found.files[i].key), target);
    for (uint32_t i = 0; i < r->found.n_processes; i++)
        trn_plan_remember(p->wanted, trn_plan_entity_key(r->found.processes[i].entity), target);
}

static bool was_asked(struct trn_plan *p, const struct trn_story *s, const struct request *r)
{
    uint64_t key = trn_hash64_mix(trn_hash64_str(trn_str_of(r->text)), (uint64_t)r->q.act << 8 | r->q.target);
    key = trn_hash64_mix(key, s ? s->id : 0);
    if (trn_map_get(p->done, key, NULL))
        return true;
    trn_plan_remember(p->done, key, 1);
    return false;
}

static int find(struct trn_plan *p, const struct trn_finding *f, struct request *r)
{
    switch ((enum trn_respond)r->q.act) {
    case TRN_RESPOND_KILL:
    case TRN_RESPOND_HOLD:
        return find_tree(p, f, r);
    case TRN_RESPOND_BLOCK:
    case TRN_RESPOND_QUARANTINE:
        return find_file(p, f, r);
    case TRN_RESPOND_ISOLATE:
    case TRN_RESPOND_SHIELD:
        return find_software(p, f, r);
    default:
        return -EINVAL;
    }
}

void trn_plan_request(struct trn_plan *p, const struct trn_finding *f, const struct trn_story *s, enum trn_respond act,
                      const struct trn_policy_rule *rule)
{
    TRN_AUTO(trn_freep) struct request *r = calloc(1, sizeof *r);
    if (!r)
        return;
    r->q = (struct trn_act_request){.act = (uint8_t)act,
                                    .score = (uint8_t)TRN_MIN(f->score, 100),
                                    .flags = rule->fail_closed && act == TRN_RESPOND_BLOCK ? TRN_ACT_FAIL_CLOSED : 0,
                                    .seconds = act == TRN_RESPOND_KILL ? 0 : rule->seconds,
                                    .story = s ? s->id : 0,
                                    .found_boot_ns = p->found_boot_ns,
                                    .check = trn_str_of(f->check->id)};
    int code = find(p, f, r);
    if (code < 0) {
        trn_plan_say(p, "policy, line %u: '%s' for a finding of %s has nothing to act on: %s", rule->line,
                     trn_respond_name(act), f->check->id, trn_errno_name(code));
        return;
    }
    if (was_asked(p, s, r))
        return;
    if (act == TRN_RESPOND_ISOLATE)
        add_hosts(p, rule, r);
    (void)snprintf(r->why, sizeof r->why, "%s (%u), policy line %u", f->check->title, f->score, rule->line);
    r->q.job = ++p->job;
    r->q.text = trn_str_of(r->text);
    r->q.why = trn_str_of(r->why);
    r->q.processes = r->found.processes;
    r->q.n_processes = r->found.n_processes;
    r->q.hosts = r->hosts;
    r->q.files = r->found.files;
    r->q.n_files = r->found.n_files;
    want(p, r);
    pass(p, r);
}
