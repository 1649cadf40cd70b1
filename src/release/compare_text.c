/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which hosts a release names that the old one did not name anywhere, and which programs newly know where browsers keep
 * their data.
 * Must not: take a name for an action; documentation names hosts all day.
 */
#include "release/compare_text.h"

#define IN_TEXT 6u      /* part of a longer text: most likely meant for people */
#define KNOWN_DOMAIN 3u /* another name of a domain that was known */
#define SAME_HOST 12u   /* of a raw host, a place of it was known */
#define PLAIN 8u
#define UNUSUAL 25u
#define ADDRESS 40u /* a bare number: no real pair has a new one that stands alone */
#define IDLE 12u    /* a script that names it, but has no call that could go there */
#define UNREAD 20u  /* settings, and languages that are not read here: what they do with it is not known */
#define SHOWN_MAX 8u

struct contacts {
    struct trn_compare *c;
    struct trn_map *who; /* known ones; each new one is told once */
    const struct trn_map *hosts, *domains;
    bool others_go;
};

uint64_t trn_known_who(const struct trn_feature *f)
{
    struct trn_named_host k = trn_contact_of(f);
    return k.kind == TRN_CONTACT_NONE ? 0 : trn_hash64_str(k.who) | 1;
}

uint64_t trn_known_host(const struct trn_feature *f)
{
    struct trn_named_host k = trn_contact_of(f);
    return k.kind == TRN_CONTACT_NONE ? 0 : trn_hash64_str(k.host) | 1;
}

uint64_t trn_known_domain(const struct trn_feature *f)
{
    struct trn_named_host k = trn_contact_of(f);
    return k.kind == TRN_CONTACT_NONE ? 0 : trn_hash64_str(k.domain) | 1;
}

static bool calls_out(const struct trn_release_member *m)
{
    static const char *const groups[] = {"network", "process", "code"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(groups); i++)
        if (trn_member_feature(m, TRN_FEATURE_CALL, trn_str_of(groups[i]), TRN_STR_NONE))
            return true;
    return false;
}

/* Is there a script in the release that has such calls? One that only names an address may hand it to that. */
static bool others_go(const struct trn_release *r)
{
    for (size_t i = 0; i < trn_release_count(r); i++) {
        const struct trn_release_member *m = trn_release_at(r, i);
        if (trn_member_is_script(m) && !trn_member_is_aside(m) && calls_out(m))
            return true;
    }
    return false;
}

/* A script that has no call to the network, to other programs or to code made from text goes nowhere. */
static bool can_go(const struct trn_release_member *m)
{
    return !trn_member_is_script(m) || calls_out(m);
}

/* A name without "https://" under an end that is a word as well: of three parts and more it may be a name of a program's own
 * settings ("page.margin.top"), and in a script anything. */
static uint16_t bare_name(const struct trn_release_member *m, struct trn_str host)
{
    unsigned dots = 0;
    for (size_t i = 0; i < host.n; i++)
        dots += host.p[i] == '.';
    return trn_member_is_script(m) || dots > 2 ? IN_TEXT : dots == 2 ? IDLE : UNUSUAL;
}

static uint16_t weight_of(const struct contacts *k, const struct trn_release_member *m, const struct trn_feature *f,
                          const struct trn_named_host *t, uint16_t full)
{
    bool domain = trn_is_known(k->domains, trn_hash64_str(t->domain) | 1);
    uint16_t w = t->kind == TRN_CONTACT_RAW       ? full
                 : t->kind == TRN_CONTACT_ADDRESS ? ADDRESS
                 : t->kind == TRN_CONTACT_UNUSUAL ? UNUSUAL
                                                  : PLAIN;
    if (t->kind == TRN_CONTACT_RAW && trn_is_known(k->hosts, trn_hash64_str(t->host) | 1))
        w = SAME_HOST;
    else if (t->kind != TRN_CONTACT_RAW && domain)
        w = KNOWN_DOMAIN;
    if (t->kind == TRN_CONTACT_UNUSUAL && trn_str_eq_c(f->key, "domain"))
        w = bare_name(m, t->host);
    if (f->number < TRN_TEXT_ALONE)
        w = TRN_MIN(w, IN_TEXT);
    if (trn_member_is_aside(m))
        return KNOWN_DOMAIN;
    if (!trn_member_is_program(m) && !trn_member_is_script(m))
        return w < UNREAD ? w : UNREAD;
    return can_go(m) || w < IDLE || (k->others_go && t->kind == TRN_CONTACT_ADDRESS) ? w : IDLE;
}

/* What names hosts that it may go to: programs, scripts, and settings; of what nobody runs only scripts, for they may be. */
static bool counts(const struct trn_release_member *m)
{
    return (!trn_member_is_aside(m) || (trn_member_is_script(m) && m->format != TRN_FORMAT_JSON)) &&
           !trn_str_eq_c(m->name, "package.json") && !trn_str_eq_c(m->name, "control") &&
           !TRN_ONE_OF(m->name, "METADATA", "PKG-INFO");
}

static int tell(struct contacts *k, struct trn_change *change, const struct trn_feature *worst,
                const struct trn_named_host *what, const struct trn_feature *const *all, size_t n, uint16_t weight)
{
    struct trn_finding f;
    char host[200];
    int e = trn_compare_begin(k->c, "diff.new-contact", &f);
    if (e < 0)
        return e;
    f.score = weight;
    trn_compare_say(k->c, &f, "'%s' names %s that the old release did not name: %s%s%s",
                    trn_member_shown(k->c, change->new_member), trn_contact_words(what->kind),
                    trn_escape_into(host, sizeof(host), what->who), n > 1 ? ", and others" : "",
                    worst->number < TRN_TEXT_ALONE ? " (inside a longer text)" : "");
    trn_compare_values(k->c, &f, TRN_STR("not named anywhere"), worst->value, worst->at);
    if (n > 1)
        trn_finding_add(&f, "all", trn_compare_list(k->c, all, n, false));
    return trn_compare_found(k->c, change, &f);
}

static int contacts_of(struct contacts *k, struct trn_change *change, uint16_t full)
{
    const struct trn_feature *all[SHOWN_MAX], *worst = NULL;
    struct trn_named_host what = {0};
    uint16_t weight = 0;
    size_t n, n_all = 0;
    const struct trn_feature *f = trn_member_features(change->new_member, TRN_FEATURE_TEXT, &n);
    for (size_t i = 0; i < n; i++) {
        struct trn_named_host t = trn_contact_of(&f[i]);
        uint64_t who = trn_hash64_str(t.who) | 1;
        if (t.kind == TRN_CONTACT_NONE || trn_is_known(k->who, who))
            continue;
        uint16_t w = weight_of(k, change->new_member, &f[i], &t, full);
        if (n_all < SHOWN_MAX)
            all[n_all++] = &f[i];
        if (w > weight) {
            worst = &f[i];
            what = t;
            weight = w;
        }
        int e = trn_map_put(k->who, who, 1); /* once in a release is enough */
        if (e < 0)
            return e;
    }
    return worst ? tell(k, change, worst, &what, all, n_all, weight) : 0;
}

int trn_context_contacts(struct trn_compare *c)
{
    struct contacts k = {c, c->known[TRN_KNOWN_WHO], c->known[TRN_KNOWN_HOST], c->known[TRN_KNOWN_DOMAIN],
                         others_go(c->diff->new_release)};
    const struct trn_check *check = trn_check_find(TRN_STR("diff.new-contact"));
    int e = 0;
    for (size_t i = 0; e == 0 && i < c->diff->n_changes; i++) {
        struct trn_change *change = &c->diff->changes[i];
        if (change->kind != TRN_CHANGE_SAME && change->new_member && counts(change->new_member))
            e = contacts_of(&k, change, check ? check->score : 0);
    }
    return e;
}

/* ---- browsers' data ---- */

#define ONE_STORE 25u
#define KNEW 10u

struct browsers {
    uint32_t stores, vendors;
    const struct trn_feature *first;
};

/* The file or table that holds the data, against the name of a browser's folder, which many programs know. */
static bool is_store(struct trn_str s)
{
    return TRN_ONE_OF(s, "places.sqlite", "cookies.sqlite", "formhistory.sqlite", "logins.json", "\\user data\\default",
                      "/user data/default", "default/login data", "default\\login data", "moz_places", "from logins",
                      "vivaldi/user data", "vivaldi\\user data");
}

static struct browsers browsers_of(const struct trn_release_member *m, const struct trn_map *but)
{
    struct browsers b = {0};
    size_t n;
    const struct trn_feature *f = trn_member_features(m, TRN_FEATURE_TEXT, &n);
    for (size_t i = 0; i < n; i++) {
        if (!trn_str_eq_c(f[i].key, "browser") || trn_is_known(but, trn_known_by_value(&f[i])))
            continue;
        bool store = is_store(f[i].value);
        b.stores += store;
        b.vendors += !store;
        if (!b.first || (store && !is_store(b.first->value)))
            b.first = &f[i];
    }
    return b;
}

uint64_t trn_known_browser(const struct trn_feature *f)
{
    return trn_str_eq_c(f->key, "browser") ? trn_known_by_value(f) : 0;
}

int trn_context_browsers(struct trn_compare *c)
{
    const struct trn_map *known = c->known[TRN_KNOWN_BROWSER];
    size_t knew = trn_map_count(known);
    int e = 0;
    for (size_t i = 0; e == 0 && i < c->diff->n_changes; i++) {
        struct trn_change *change = &c->diff->changes[i];
        const struct trn_release_member *m = change->new_member;
        struct trn_finding f;
        if (change->kind == TRN_CHANGE_SAME || !m || !(trn_member_is_program(m) || trn_member_is_script(m)))
            continue;
        struct browsers b = browsers_of(m, known);
        if (b.stores == 0 || (e = trn_compare_begin(c, "diff.browser-data", &f)) < 0)
            continue;
        if (b.stores + b.vendors < 3)
            f.score = ONE_STORE;
        if (knew >= 3 || trn_member_is_aside(m))
            f.score = KNEW;
        trn_compare_say(c, &f, "'%s' knows where browsers keep their data (%u places), and did not in the old release",
                        trn_member_shown(c, m), b.stores + b.vendors);
        trn_compare_values(c, &f, TRN_STR("not named anywhere"), b.first->value, b.first->at);
        e = trn_compare_found(c, change, &f);
    }
    return e;
}
