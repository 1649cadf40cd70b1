/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: findings and stories as JSON: the contract of docs and tests; keys may be added, never
 * renamed. Must not own: what is in a story (src/story/).
 * Hand-offs: text is appended to the caller's buffer.
 */
#include "event/act.h"
#include "event/json.h"
#include "event/json_write.h"

#include <inttypes.h>

static void put_telemetry(struct trn_buf *out, uint32_t bits)
{
    static const char *const names[] = {"process", "file", "network", "memory", "artifact"};

    trn_json_key(out, "telemetry");
    trn_put_u8(out, '[');
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++) {
        if (bits >> i & 1u) {
            trn_json_comma(out);
            trn_put_fmt(out, "\"%s\"", names[i]);
        }
    }
    trn_put_u8(out, ']');
}

static void put_evidence(struct trn_buf *out, const struct trn_finding *f)
{
    trn_json_key(out, "evidence");
    trn_put_u8(out, '{');
    for (uint32_t i = 0; i < f->n_evidence; i++) {
        bool twice = false;
        for (uint32_t k = 0; k < i; k++)
            twice |= trn_str_eq(f->evidence[k].key, f->evidence[i].key);
        if (twice)
            continue; /* a JSON object has each key once */
        trn_json_comma(out);
        (void)trn_json_str(out, f->evidence[i].key);
        trn_put_u8(out, ':');
        (void)trn_json_str(out, f->evidence[i].value);
    }
    trn_put_u8(out, '}');
}

static void put_finding(struct trn_buf *out, const struct trn_finding *f)
{
    char name[192];
    trn_json_member_c(out, "check", trn_finding_name(f, name, sizeof(name)));
    trn_json_member_u64(out, "score", f->score);
    trn_json_member_str(out, "summary", f->summary);
    trn_json_member_software(out, "software", &f->software);
    trn_json_member_entity(out, "entity", f->entity);
    trn_json_member_entity(out, "acting", f->acting);
    trn_json_member_time(out, "time", f->wall_ns);
    trn_json_member_c(out, "stage", trn_stage_name(f->check->stage));
    trn_json_key(out, "events");
    trn_put_u8(out, '[');
    for (uint32_t i = 0; i < f->n_events; i++) {
        trn_json_comma(out);
        trn_put_fmt(out, "%" PRIu64, f->events[i]);
    }
    trn_put_u8(out, ']');
    put_evidence(out, f);
    trn_json_key(out, "attack");
    trn_put_u8(out, '[');
    for (size_t i = 0; i < TRN_ARRAY_SIZE(f->check->attack) && f->check->attack[i]; i++) {
        trn_json_comma(out);
        trn_put_fmt(out, "\"%s\"", f->check->attack[i]);
    }
    trn_put_u8(out, ']');
    put_telemetry(out, f->telemetry);
    trn_put_fmt(out, ",\"id\":\"%016" PRIx64 "\"", f->id);
    if (!trn_sha256_is_none(f->image_sha256)) {
        trn_put_c(out, ",\"image_sha256\":\"");
        trn_put_hex(out, f->image_sha256, sizeof f->image_sha256);
        trn_put_c(out, "\"");
    }
    if (f->exception)
        trn_put_fmt(out, ",\"exception\":{\"id\":%" PRIu64 ",\"score_without\":%u}", f->exception, f->full_score);
}

void trn_finding_to_json(const struct trn_finding *f, struct trn_buf *out)
{
    trn_put_u8(out, '{');
    put_finding(out, f);
    trn_put_u8(out, '}');
}

/* Findings stand in order of time; each stage comes where its first finding does. */
static void put_stages(struct trn_buf *out, const struct trn_story *s)
{
    uint32_t done = 0;

    trn_json_key(out, "stages");
    trn_put_u8(out, '[');
    for (uint32_t i = 0; i < s->n_findings; i++) {
        enum trn_stage stage = s->findings[i].check->stage;
        if (done >> (unsigned)stage & 1u)
            continue;
        done |= 1u << (unsigned)stage;
        trn_json_comma(out);
        trn_put_u8(out, '{');
        trn_json_member_c(out, "stage", trn_stage_name(stage));
        trn_json_member_time(out, "time", s->findings[i].wall_ns);
        trn_json_key(out, "findings");
        trn_put_u8(out, '[');
        for (uint32_t k = i; k < s->n_findings; k++) {
            if (s->findings[k].check->stage != stage)
                continue;
            trn_json_comma(out);
            trn_finding_to_json(&s->findings[k], out);
        }
        trn_put_c(out, "]}");
    }
    trn_put_u8(out, ']');
}

static void put_change(struct trn_buf *out, const struct trn_story *s)
{
    trn_json_key(out, "change");
    trn_put_u8(out, '{');
    trn_json_member_str(out, "from", s->change_from);
    trn_json_member_str(out, "to", s->change_to);
    trn_json_member_time(out, "time", s->change_wall_ns);
    trn_json_member_str(out, "by", s->change_by);
    trn_put_u8(out, '}');
}

static void put_processes(struct trn_buf *out, const struct trn_story *s)
{
    trn_json_key(out, "processes");
    trn_put_u8(out, '[');
    for (uint32_t i = 0; i < s->n_processes; i++) {
        const struct trn_story_process *p = &s->processes[i];
        trn_json_comma(out);
        trn_put_u8(out, '{');
        trn_json_member_entity(out, "entity", p->entity);
        trn_json_member_entity(out, "parent", p->parent);
        if (p->pid != TRN_NO_U32)
            trn_json_member_u64(out, "pid", p->pid);
        trn_json_member_str(out, "executable", p->path);
        trn_json_member_str(out, "command_line", p->args);
        trn_json_member_time(out, "start", p->start_wall_ns);
        trn_put_u8(out, '}');
    }
    trn_put_u8(out, ']');
}

static void put_files(struct trn_buf *out, const struct trn_story *s)
{
    trn_json_key(out, "files");
    trn_put_u8(out, '[');
    for (uint32_t i = 0; i < s->n_files; i++) {
        trn_json_comma(out);
        trn_put_u8(out, '{');
        trn_json_member_str(out, "path", s->files[i].path);
        trn_json_member_str(out, "sha256", s->files[i].sha256);
        trn_json_member_str(out, "role", s->files[i].role);
        trn_put_u8(out, '}');
    }
    trn_put_u8(out, ']');
}

static void put_network(struct trn_buf *out, const struct trn_story *s)
{
    trn_json_key(out, "network");
    trn_put_u8(out, '[');
    for (uint32_t i = 0; i < s->n_hosts; i++) {
        const struct trn_story_host *h = &s->hosts[i];
        trn_json_comma(out);
        trn_put_u8(out, '{');
        trn_json_member_str(out, "address", h->address);
        trn_json_member_str(out, "name", h->name);
        trn_json_member_u64(out, "bytes_out", h->bytes_out);
        trn_json_member_u64(out, "bytes_in", h->bytes_in);
        trn_json_member_u64(out, "count", h->count);
        if (h->usual)
            trn_json_member_bool(out, "usual", true);
        trn_put_u8(out, '}');
    }
    trn_put_u8(out, ']');
}

static void put_lines(struct trn_buf *out, const char *key, const struct trn_str *lines, uint32_t n)
{
    trn_json_key(out, key);
    trn_put_u8(out, '[');
    for (uint32_t i = 0; i < n; i++) {
        trn_json_comma(out);
        (void)trn_json_str(out, lines[i]);
    }
    trn_put_u8(out, ']');
}

static void put_who(struct trn_buf *out, const char *key, uint32_t uid)
{
    struct trn_buf who;
    trn_buf_init(&who, 64);
    trn_story_put_who(&who, uid);
    trn_json_member_str(out, key, trn_buf_str(&who));
    trn_buf_done(&who);
}

static void put_decisions(struct trn_buf *out, const struct trn_story *s)
{
    if (s->closed || s->close_wall_ns)
        trn_json_member_str(out, "close_why", s->close_why);
    if (s->close_wall_ns) {
        put_who(out, "closed_by", s->close_uid);
        trn_json_member_time(out, "closed_time", s->close_wall_ns);
    }
    if (s->assign_wall_ns) {
        trn_json_member_str(out, "assigned", s->assigned);
        put_who(out, "assigned_by", s->assign_uid);
        trn_json_member_time(out, "assigned_time", s->assign_wall_ns);
    }
    if (s->reopened_wall_ns) {
        trn_json_member_time(out, "reopened", s->reopened_wall_ns);
        trn_json_member_str(out, "reopened_why", s->reopen_why);
    }
}

/* kill, remove and what is over: there is nothing to take back. */
static bool can_be_undone(const struct trn_story_action *a)
{
    return trn_story_action_holds(a) && !trn_str_eq_c(a->act, trn_respond_name(TRN_RESPOND_KILL));
}

static void put_actions(struct trn_buf *out, const struct trn_story *s)
{
    trn_json_key(out, "actions");
    trn_put_u8(out, '[');
    for (uint32_t i = 0; i < s->n_actions; i++) {
        const struct trn_story_action *a = &s->actions[i];
        trn_json_comma(out);
        trn_put_u8(out, '{');
        trn_json_member_u64(out, "id", a->id);
        trn_json_member_str(out, "act", a->act);
        trn_json_member_str(out, "target_kind", a->target_kind);
        trn_json_member_str(out, "target", a->target);
        trn_json_member_str(out, "state", a->state);
        trn_json_member_time(out, "since", a->since_wall_ns);
        trn_json_member_time(out, "time", a->wall_ns);
        trn_json_member_str(out, "text", a->text);
        trn_json_member_str(out, "by", a->by);
        trn_json_member_time(out, "until", a->until_wall_ns);
        trn_json_key(out, "undo");
        if (can_be_undone(a))
            trn_put_fmt(out, "\"turncoat respond undo %" PRIu64 "\"", a->id);
        else
            trn_put_c(out, "null");
        trn_put_u8(out, '}');
    }
    trn_put_u8(out, ']');
}

void trn_story_to_json(const struct trn_story *s, struct trn_buf *out)
{
    trn_put_u8(out, '{');
    trn_json_member_u64(out, "id", s->id);
    trn_json_member_c(out, "verdict", trn_verdict_name(s->verdict));
    trn_json_member_u64(out, "score", s->score);
    trn_json_member_c(out, "status", s->closed ? "closed" : "open");
    trn_json_member_software(out, "software", &s->software);
    put_change(out, s);
    trn_json_member_str(out, "sentence", s->sentence);
    trn_json_member_c(out, "attack_version", TRN_ATTACK_VERSION);
    put_stages(out, s);
    put_processes(out, s);
    put_files(out, s);
    put_network(out, s);
    put_lines(out, "why", s->why, s->n_why);
    put_lines(out, "benign_if", s->benign_if, s->n_benign_if);
    trn_json_member_bool(out, "loss_overlap", s->loss_overlap);
    put_actions(out, s);
    trn_json_member_time(out, "opened", s->opened_wall_ns);
    trn_json_member_time(out, "updated", s->updated_wall_ns);
    trn_json_member_u64(out, "revision", s->revision);
    trn_json_member_u64(out, "findings_dropped", s->n_findings_dropped);
    put_decisions(out, s);
    trn_put_u8(out, '}');
}
