/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: SARIF 2.1.0: the registry as rules, a result for each finding, what was not looked at as notifications.
 * A finding in a member has the location "FILE!/MEMBER"; its region counts from the start of that member.
 * Must not: write anything that changes from run to run (no times, no machine).
 */
#include "cli/scan.h"

#define NOTES_MAX ((size_t)8 << 20)
#define FLUSH ((size_t)64 << 10)

static const char *level_of(uint16_t score)
{
    return score >= 85 ? "error" : score >= 40 ? "warning" : "note";
}

static void put_text(struct trn_buf *b, const char *key, struct trn_str text)
{
    trn_out_key(b, key);
    trn_put_c(b, "{");
    trn_out_str(b, "text", text);
    trn_put_c(b, "}");
}

static void put_rule(struct trn_buf *b, const struct trn_check *c)
{
    trn_out_comma(b);
    trn_put_c(b, "\n{");
    trn_out_c(b, "id", c->id);
    trn_out_c(b, "name", c->title);
    put_text(b, "shortDescription", trn_str_of(c->title));
    put_text(b, "fullDescription", trn_str_of(c->means));
    put_text(b, "help", trn_str_of(c->false_alarms));
    trn_out_key(b, "defaultConfiguration");
    trn_put_fmt(b, "{\"level\":\"%s\"}", level_of(c->score));
    trn_out_key(b, "properties");
    trn_put_c(b, "{");
    trn_out_u64(b, "score", c->score);
    trn_out_c(b, "category", trn_category_name(c->category));
    trn_out_bool(b, "structural", c->structural);
    trn_out_key(b, "tags");
    trn_put_c(b, "[");
    for (size_t i = 0; i < TRN_ARRAY_SIZE(c->attack) && c->attack[i]; i++) {
        trn_out_comma(b);
        trn_put_fmt(b, "\"%s\"", c->attack[i]);
    }
    trn_put_c(b, "]}}");
}

/* Its place in the list of rules: those of artifacts, in the registry's order. */
static uint32_t rule_index(const struct trn_check *check)
{
    uint32_t n = 0;
    const struct trn_check *c;
    for (size_t i = 0; (c = trn_check_at(i)) != NULL && c != check; i++)
        n += c->category != TRN_CATEGORY_NONE;
    return n;
}

void trn_scan_sarif_init(struct trn_scan_sarif *s, FILE *out)
{
    const struct trn_check *c;
    *s = (struct trn_scan_sarif){0};
    trn_out_init(&s->out, out);
    trn_buf_init(&s->notes, NOTES_MAX);
    struct trn_buf *b = &s->out.b;
    trn_put_c(b, "{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\",\"runs\":[{"
                 "\"tool\":{\"driver\":{\"name\":\"turncoat\",\"version\":\"" TRN_VERSION "\",\"rules\":[");
    for (size_t i = 0; (c = trn_check_at(i)) != NULL; i++)
        if (c->category != TRN_CATEGORY_NONE)
            put_rule(b, c);
    trn_put_c(b, "]}},\"results\":[");
}

/* A path as a URI reference: relative stays relative, absolute gets its scheme. */
static void put_uri(struct trn_buf *b, struct trn_str path, struct trn_str member)
{
    static const char plain[] = "-._~/!$&'()*+,;=@";
    const struct trn_str parts[] = {path, trn_str_is_empty(member) ? TRN_STR("") : TRN_STR("!/"), member};
    trn_put_c(b, "\"");
    if (path.n && path.p[0] == '/')
        trn_put_c(b, "file://");
    for (size_t k = 0; k < TRN_ARRAY_SIZE(parts); k++)
        for (size_t i = 0; i < parts[k].n; i++) {
            unsigned char c = (unsigned char)parts[k].p[i];
            bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
            if (letter || (c && strchr(plain, c)))
                trn_put_u8(b, c);
            else
                trn_put_fmt(b, "%%%02X", c);
        }
    trn_put_c(b, "\"");
}

static void put_region(struct trn_buf *b, const struct trn_finding *f)
{
    uint64_t at = 0, size = 0;
    bool has_at = false, has_size = false;
    for (uint32_t i = 0; i < f->n_evidence; i++) {
        if (trn_str_eq_c(f->evidence[i].key, "offset"))
            has_at = trn_str_u64(f->evidence[i].value, &at) == 0;
        if (trn_str_eq_c(f->evidence[i].key, "size"))
            has_size = trn_str_u64(f->evidence[i].value, &size) == 0;
    }
    if (!has_at)
        return;
    trn_out_key(b, "region");
    trn_put_c(b, "{");
    trn_out_u64(b, "byteOffset", at);
    if (has_size)
        trn_out_u64(b, "byteLength", size);
    trn_put_c(b, "}");
}

void trn_sarif_location(struct trn_buf *b, struct trn_str path, struct trn_str member,
                        const struct trn_finding *finding)
{
    trn_out_key(b, "locations");
    trn_put_c(b, "[{\"physicalLocation\":{\"artifactLocation\":{\"uri\":");
    put_uri(b, path, member);
    trn_put_c(b, "}");
    if (finding)
        put_region(b, finding);
    trn_put_c(b, "}");
    if (!trn_str_is_empty(member)) {
        trn_out_key(b, "logicalLocations");
        trn_put_c(b, "[{");
        trn_out_str(b, "fullyQualifiedName", member);
        trn_out_c(b, "kind", "resource");
        trn_put_c(b, "}]");
    }
    trn_put_c(b, "}]");
}

void trn_sarif_result(struct trn_buf *b, struct trn_str path, struct trn_str member, const struct trn_finding *finding)
{
    char name[160];
    const struct trn_check *c = finding->check;
    struct trn_str id = trn_str_of(c->id);
    trn_finding_name(finding, name, sizeof(name));
    trn_out_comma(b);
    trn_put_c(b, "\n{");
    trn_out_key(b, "ruleId"); /* of a family: "yara.*" + "/" + the rule's name, as SARIF wants parts of a rule */
    if (trn_str_ends(id, TRN_STR(".*"))) {
        char part[200];
        (void)snprintf(part, sizeof(part), "%s/%s", c->id, strlen(name) >= id.n ? name + id.n - 1 : "");
        (void)trn_json_str(b, trn_str_of(part));
    } else {
        (void)trn_json_str(b, id);
    }
    trn_out_u64(b, "ruleIndex", rule_index(c));
    trn_out_c(b, "level", level_of(trn_score_alone(finding, NULL)));
    put_text(b, "message", finding->summary);
    trn_sarif_location(b, path, member, finding);
    trn_out_key(b, "partialFingerprints");
    trn_put_fmt(b, "{\"turncoat/v1\":\"%016llx\"}", (unsigned long long)finding->id);
    trn_out_key(b, "properties");
    trn_put_c(b, "{");
    trn_out_c(b, "check", name);
    trn_out_u64(b, "score", trn_score_alone(finding, NULL));
    trn_out_name(b, "path", path);
    trn_out_name(b, "member", trn_str_is_empty(member) ? TRN_STR_NONE : member);
    trn_out_key(b, "evidence");
    trn_put_c(b, "{");
    for (uint32_t i = 0; i < finding->n_evidence; i++) {
        trn_out_comma(b);
        (void)trn_json_str(b, finding->evidence[i].key);
        trn_put_c(b, ":");
        (void)trn_json_str(b, finding->evidence[i].value);
    }
    trn_put_c(b, "}}}");
}

void trn_sarif_note(struct trn_scan_sarif *s, struct trn_str path, struct trn_str member, const char *kind,
                    const char *level, struct trn_str text)
{
    struct trn_buf *b = &s->notes;
    size_t before = b->n;
    if (b->n)
        trn_put_c(b, ",");
    trn_put_c(b, "\n{");
    trn_out_key(b, "descriptor");
    trn_put_c(b, "{");
    trn_out_c(b, "id", kind);
    trn_put_c(b, "}");
    trn_out_c(b, "level", level);
    put_text(b, "message", text);
    trn_sarif_location(b, path, member, NULL);
    trn_put_c(b, "}");
    if (b->bad) {
        b->bad = false;
        b->n = before;
        s->notes_left_out++;
    }
}

static int put_item(struct trn_scan_sarif *s, struct trn_scanned *f, uint32_t id, uint64_t at)
{
    TRN_AUTO(trn_buf_done) struct trn_buf member;
    struct trn_item item;
    trn_buf_init(&member, 1u << 20);
    int e = trn_results_member(&f->index, id, &member);
    if (e == 0)
        e = trn_results_read(&f->index, at, &item, NULL);
    if (e != 0)
        return e;
    if (item.kind == TRN_ITEM_FINDING)
        trn_sarif_result(&s->out.b, f->path, trn_buf_str(&member), &item.f);
    if (item.kind != TRN_ITEM_GAP)
        return 0;
    bool soft =
        item.g.kind == TRN_GAP_ENCRYPTED || item.g.kind == TRN_GAP_UNSUPPORTED || item.g.kind == TRN_GAP_REPEATED;
    if (!trn_str_is_empty(item.g.member)) {
        trn_put_c(&member, member.n ? "!/" : "");
        trn_put_str(&member, item.g.member);
    }
    trn_sarif_note(s, f->path, trn_buf_str(&member), trn_gap_kind_name(item.g.kind), soft ? "note" : "warning",
                   item.g.what);
    return 0;
}

int trn_scan_sarif_file(struct trn_scan_sarif *s, struct trn_scanned *f)
{
    struct trn_results *x = &f->index;
    for (uint32_t id = 1; id <= x->n; id++) {
        for (uint32_t l = x->nodes[id - 1].told ? x->nodes[id - 1].first : 0; l; l = x->links[l - 1].next) {
            int e = put_item(s, f, id, x->links[l - 1].at);
            if (e < 0)
                return e;
        }
        trn_out_flush(&s->out, FLUSH);
    }
    if (f->code < 0)
        trn_sarif_note(s, f->path, TRN_STR(""), "unreadable", "error", f->why);
    return s->out.b.bad ? -ENOMEM : 0;
}

void trn_scan_sarif_end(struct trn_scan_sarif *s, const struct trn_scan_sum *sum)
{
    struct trn_buf *b = &s->out.b;
    trn_put_c(b, "],\"invocations\":[{");
    trn_out_bool(b, "executionSuccessful", !sum->undecided && !sum->interrupted);
    trn_out_key(b, "toolExecutionNotifications");
    trn_put_c(b, "[");
    trn_put_str(b, trn_buf_str(&s->notes));
    trn_put_c(b, "]}],\"properties\":{");
    trn_out_c(b, "verdict", trn_verdict_name(sum->verdict));
    trn_out_u64(b, "score", sum->score);
    trn_out_u64(b, "notificationsLeftOut", s->notes_left_out);
    trn_put_c(b, "}}]}\n");
    trn_out_flush(&s->out, 0);
    trn_out_done(&s->out);
    trn_buf_done(&s->notes);
}
