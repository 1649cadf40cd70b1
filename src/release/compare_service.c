/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what newly starts by itself, and what newly has more rights than who runs it.
 * Must not: know which service is good.
 */
#include "release/compare_text.h"

#define CHANGED 8u /* an entry of that name was there and started the same program */
#define OTHER 20u  /* it was there and started another one */
#define WAITS 10u  /* a socket or timer, which runs nothing itself: the service that it starts is weighed by itself */
#define MASS 6u    /* of more than these it is how the release was packed */
#define MASS_WEIGHT 4u

static const struct {
    const char *key, *words;
    uint16_t weight;
} kinds[] = {
    {"systemd", "a service or timer of systemd", 40},
    {"dbus", "a service of D-Bus", 20},
    {"cron", "a job of cron", 42},
    {"autostart", "an entry of each user's session", 42},
    {"launchd", "a launch agent", 42},
    {"service", "a Windows service", 42},
    {"run-key", "a run key of the registry", 45},
    {"udev", "a program run by the device manager", 40},
    {"init", "an init script", 40},
    {"profile", "a script of every login shell", 40},
    {"apt-hook", "a hook of the package manager", 42},
    {"network-hook", "a hook of the network manager", 40},
    {"login", "a message script of every login", 40},
    {"preload", "a library loaded into every program", 60},
    {"module", "a kernel module loaded at start", 40},
    {"python-start", "a line run whenever Python starts", 45},
};
#define FROM_ELSEWHERE 45u /* started from where everybody may write, or through a shell that fetches or decodes */

static bool is_suspect(struct trn_str command)
{
    static const char *const parts[] = {"/tmp/",     "/dev/shm/", "/var/tmp/", "curl ",  "wget ", "base64",
                                        "/dev/tcp/", "| sh",      "|sh",       "| bash", "|bash"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(parts); i++)
        if (trn_str_contains(command, trn_str_of(parts[i])))
            return true;
    return false;
}

/* "foo.service: /usr/bin/foo --x" -> name "foo.service", program "/usr/bin/foo" */
static struct trn_str name_of(struct trn_str value)
{
    ptrdiff_t colon = trn_str_find(value, ':');
    return trn_str_slice(value, 0, colon < 0 ? value.n : (size_t)colon);
}

static struct trn_str program_of(struct trn_str value)
{
    struct trn_str rest = trn_str_trim(trn_str_slice(value, name_of(value).n + 1, value.n));
    while (rest.n && strchr("-@+!:", rest.p[0])) /* of systemd: how the program is run */
        rest = trn_str_slice(rest, 1, rest.n);
    ptrdiff_t space = trn_str_find(rest, ' ');
    return trn_path_base(trn_str_slice(rest, 0, space < 0 ? rest.n : (size_t)space));
}

uint64_t trn_known_start_name(const struct trn_feature *f)
{
    return trn_hash64_mix(trn_hash64_str(f->key), trn_hash64_str(name_of(f->value))) | 1;
}

uint64_t trn_known_start_program(const struct trn_feature *f)
{
    return trn_hash64_mix(trn_known_start_name(f), trn_hash64_str(program_of(f->value))) | 1;
}

static const struct trn_feature *named(const struct trn_release_member *m, const struct trn_feature *f)
{
    size_t n = 0;
    const struct trn_feature *all = m ? trn_member_features(m, TRN_FEATURE_SERVICE, &n) : NULL;
    for (size_t i = 0; i < n; i++)
        if (trn_known_start_name(&all[i]) == trn_known_start_name(f))
            return &all[i];
    return NULL;
}

static int tell_start(struct trn_compare *c, struct trn_change *change, const struct trn_feature *f)
{
    struct trn_finding out;
    char text[240];
    size_t k = 0;
    bool same_name = trn_is_known(c->known[TRN_KNOWN_START_NAME], trn_known_start_name(f));
    bool same_program = trn_is_known(c->known[TRN_KNOWN_START_PROGRAM], trn_known_start_program(f));
    const struct trn_feature *was = named(change->old_member, f);
    int e = trn_compare_begin(c, "diff.autostart", &out);
    while (k < TRN_ARRAY_SIZE(kinds) && !trn_str_eq_c(f->key, kinds[k].key))
        k++;
    if (e < 0 || k == TRN_ARRAY_SIZE(kinds))
        return e;
    out.score = kinds[k].weight;
    if (same_name && out.score > (same_program ? CHANGED : OTHER))
        out.score = same_program ? CHANGED : OTHER;
    if (trn_str_eq_c(f->key, "systemd") && program_of(f->value).n == 0)
        out.score = TRN_MIN(out.score, (uint16_t)WAITS);
    if (is_suspect(f->value)) {
        out.score = TRN_MAX(out.score, (uint16_t)FROM_ELSEWHERE);
        trn_finding_add(&out, "suspect", TRN_STR("started from where everybody may write, or fetched or decoded"));
    }
    trn_compare_say(c, &out, "%s %s: %s", same_name ? "the release changes" : "the release now brings", kinds[k].words,
                    trn_escape_into(text, sizeof(text), f->value));
    trn_compare_values(c, &out, was ? was->value : TRN_STR("no such entry"), f->value, f->at);
    return trn_compare_found(c, change, &out);
}

int trn_context_starts(struct trn_compare *c)
{
    int e = 0;
    for (size_t i = 0; e == 0 && i < c->diff->n_changes; i++) {
        struct trn_change *change = &c->diff->changes[i];
        size_t n = 0;
        const struct trn_feature *f = change->kind != TRN_CHANGE_SAME && change->new_member
                                          ? trn_member_features(change->new_member, TRN_FEATURE_SERVICE, &n)
                                          : NULL;
        for (size_t k = 0; e == 0 && k < n; k++)
            if (!trn_is_known(c->known[TRN_KNOWN_START], trn_known_by_value(&f[k])))
                e = tell_start(c, change, &f[k]);
    }
    return e;
}

/* ---- rights ---- */

#define CAPABILITY 2u

static const struct {
    const char *key, *words;
    uint16_t weight;
} rights[] = {
    {"setuid", "runs with its owner's rights (setuid)", 40},
    {"setgid", "runs with its group's rights (setgid)", 30},
    [CAPABILITY] = {"capability", "gives rights of root as file capabilities: ", 40},
    {"world-writable", "can be written by everybody", 15},
    {"driver", "is a driver, so part of the kernel", 30},
    {"sudoers", "says who may act as root", 40},
};

/* One of the same name had it before, or many of the release have it. value: of capabilities, those. */
static bool had(const struct trn_release *r, const struct trn_release_member *m, struct trn_str key,
                struct trn_str value, size_t *ret_all)
{
    bool same = false;
    for (size_t i = 0; i < trn_release_count(r); i++) {
        const struct trn_release_member *o = trn_release_at(r, i);
        if (!trn_member_feature(o, TRN_FEATURE_PRIVILEGE, key, value))
            continue;
        (*ret_all)++;
        same = same || trn_str_eq(o->name, m->name);
    }
    return same;
}

static void tell_values(struct trn_compare *c, struct trn_finding *out, const struct trn_change *change,
                        const struct trn_feature *f)
{
    const struct trn_release_member *a = change->old_member;
    const struct trn_feature *was = a ? trn_member_feature(a, TRN_FEATURE_PRIVILEGE, f->key, TRN_STR_NONE) : NULL;
    bool mode = TRN_ONE_OF(f->key, "setuid", "setgid", "world-writable");
    trn_compare_values(c, out,
                       !a     ? TRN_STR("no such file")
                       : mode ? trn_arena_printf(c->arena, "mode %04o", a->mode & 07777)
                              : (was ? was->value : TRN_STR_NONE),
                       mode ? trn_arena_printf(c->arena, "mode %04o", change->new_member->mode & 07777) : f->value,
                       f->at);
}

/* mass: bits of those rights of which one was told for many. */
static int tell_right(struct trn_compare *c, struct trn_change *change, const struct trn_feature *f, size_t k,
                      uint32_t *mass)
{
    struct trn_finding out;
    size_t of_old = 0, of_new = 0;
    const struct trn_release_member *m = change->new_member;
    struct trn_str value = k == CAPABILITY ? f->value : TRN_STR_NONE;
    if (had(c->diff->old_release, m, f->key, value, &of_old))
        return 0;
    (void)had(c->diff->new_release, m, f->key, value, &of_new);
    bool many = of_new > MASS;
    if (many && *mass >> k & 1)
        return 0;
    int e = trn_compare_begin(c, "diff.privilege", &out);
    if (e < 0)
        return e;
    *mass |= (uint32_t)many << k;
    out.score = many ? MASS_WEIGHT : rights[k].weight;
    char set[200] = "";
    if (k == CAPABILITY)
        trn_escape_into(set, sizeof(set), f->value);
    trn_compare_say(c, &out, "'%s'%s now %s%s", trn_member_shown(c, m), many ? ", like many of the release," : "",
                    rights[k].words, set);
    tell_values(c, &out, change, f);
    return trn_compare_found(c, change, &out);
}

/* The right number k of the new one, when the old one had it not. Of capabilities: another set of them. */
static const struct trn_feature *gained_right(const struct trn_change *change, size_t k)
{
    struct trn_str key = trn_str_of(rights[k].key);
    size_t n = 0;
    if (change->kind == TRN_CHANGE_SAME || !change->new_member)
        return NULL;
    if (k != CAPABILITY)
        return change->old_member && trn_member_feature(change->old_member, TRN_FEATURE_PRIVILEGE, key, TRN_STR_NONE)
                   ? NULL
                   : trn_member_feature(change->new_member, TRN_FEATURE_PRIVILEGE, key, TRN_STR_NONE);
    const struct trn_feature *f = trn_member_features(change->new_member, TRN_FEATURE_PRIVILEGE, &n);
    for (size_t i = 0; i < n; i++)
        if (trn_str_eq(f[i].key, key) &&
            !(change->old_member && trn_member_feature(change->old_member, TRN_FEATURE_PRIVILEGE, key, f[i].value)))
            return &f[i];
    return NULL;
}

int trn_context_rights(struct trn_compare *c)
{
    int e = 0;
    uint32_t mass = 0;
    for (size_t i = 0; e == 0 && i < c->diff->n_changes; i++)
        for (size_t k = 0; e == 0 && k < TRN_ARRAY_SIZE(rights); k++) {
            const struct trn_feature *f = gained_right(&c->diff->changes[i], k);
            if (f)
                e = tell_right(c, &c->diff->changes[i], f, k, &mass);
        }
    return e;
}
