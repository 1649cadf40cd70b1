/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the binary form of a story. Must not own: how stories are made (src/story/).
 * Hand-offs: decoded views point into the cursor's bytes.
 */
#include "event/story.h"

#define STORY_VERSION 3u
#define STORY_DECIDED 2u /* from here on with what people decided: who closed, whose it is */
#define STORY_ACTIONS 3u /* from here on with what was done about it, and which hosts are usual */
#define STORY_OLDEST 1u

static void put_lines(struct trn_buf *out, const struct trn_str *lines, uint32_t n)
{
    trn_put_u8(out, (uint8_t)n);
    for (uint32_t i = 0; i < n; i++)
        trn_put_lstr(out, lines[i]);
}

static void put_head(const struct trn_story *s, struct trn_buf *out)
{
    trn_put_u8(out, STORY_VERSION);
    trn_put_u64(out, s->id);
    trn_put_u32(out, s->revision);
    trn_put_u8(out, (uint8_t)s->verdict);
    trn_put_u16(out, s->score);
    trn_put_u8(out, (uint8_t)((s->closed ? 1 : 0) | (s->loss_overlap ? 2 : 0)));
    trn_put_lstr(out, s->close_why);
    trn_put_u32(out, s->close_uid);
    trn_put_u64(out, s->close_wall_ns);
    trn_put_lstr(out, s->assigned);
    trn_put_u32(out, s->assign_uid);
    trn_put_u64(out, s->assign_wall_ns);
    trn_put_u64(out, s->reopened_wall_ns);
    trn_put_lstr(out, s->reopen_why);
    trn_software_encode(&s->software, out);
    trn_put_lstr(out, s->change_from);
    trn_put_lstr(out, s->change_to);
    trn_put_lstr(out, s->change_by);
    trn_put_u64(out, s->change_wall_ns);
    trn_put_u64(out, s->opened_wall_ns);
    trn_put_u64(out, s->updated_wall_ns);
    trn_put_lstr(out, s->sentence);
}

static void put_actions(const struct trn_story *s, struct trn_buf *out)
{
    trn_put_u8(out, (uint8_t)s->n_actions);
    for (uint32_t i = 0; i < s->n_actions; i++) {
        const struct trn_story_action *a = &s->actions[i];
        trn_put_u64(out, a->id);
        trn_put_lstr(out, a->act);
        trn_put_lstr(out, a->state);
        trn_put_lstr(out, a->target_kind);
        trn_put_lstr(out, a->target);
        trn_put_lstr(out, a->text);
        trn_put_lstr(out, a->by);
        trn_put_u64(out, a->since_wall_ns);
        trn_put_u64(out, a->wall_ns);
        trn_put_u64(out, a->until_wall_ns);
    }
}

void trn_story_encode(const struct trn_story *s, struct trn_buf *out)
{
    put_head(s, out);
    trn_put_u8(out, (uint8_t)s->n_findings);
    trn_put_u32(out, s->n_findings_dropped);
    for (uint32_t i = 0; i < s->n_findings; i++)
        trn_finding_encode(&s->findings[i], out);
    trn_put_u8(out, (uint8_t)s->n_processes);
    for (uint32_t i = 0; i < s->n_processes; i++) {
        const struct trn_story_process *p = &s->processes[i];
        trn_put_u64(out, p->entity);
        trn_put_u64(out, p->parent);
        trn_put_u32(out, p->pid);
        trn_put_lstr(out, p->path);
        trn_put_lstr(out, p->args);
        trn_put_u64(out, p->start_wall_ns);
    }
    trn_put_u8(out, (uint8_t)s->n_files);
    for (uint32_t i = 0; i < s->n_files; i++) {
        trn_put_lstr(out, s->files[i].path);
        trn_put_lstr(out, s->files[i].sha256);
        trn_put_lstr(out, s->files[i].role);
    }
    trn_put_u8(out, (uint8_t)s->n_hosts);
    for (uint32_t i = 0; i < s->n_hosts; i++) {
        const struct trn_story_host *h = &s->hosts[i];
        trn_put_lstr(out, h->address);
        trn_put_lstr(out, h->name);
        trn_put_u64(out, h->bytes_out);
        trn_put_u64(out, h->bytes_in);
        trn_put_u32(out, h->count);
        trn_put_u8(out, h->usual);
    }
    put_lines(out, s->why, s->n_why);
    put_lines(out, s->benign_if, s->n_benign_if);
    put_actions(s, out);
}

static void get_decisions(struct trn_cursor *in, struct trn_story *s)
{
    s->close_uid = trn_cur_u32le(in);
    s->close_wall_ns = trn_cur_u64le(in);
    s->assigned = trn_cur_lstr(in);
    s->assign_uid = trn_cur_u32le(in);
    s->assign_wall_ns = trn_cur_u64le(in);
    s->reopened_wall_ns = trn_cur_u64le(in);
    s->reopen_why = trn_cur_lstr(in);
}

static int get_head(struct trn_cursor *in, struct trn_story *s, uint8_t *ret_version)
{
    uint8_t version = trn_cur_u8(in);
    if (version < STORY_OLDEST || version > STORY_VERSION)
        return -EBADMSG;
    s->id = trn_cur_u64le(in);
    s->revision = trn_cur_u32le(in);
    uint8_t verdict = trn_cur_u8(in);
    s->score = trn_cur_u16le(in);
    uint8_t bits = trn_cur_u8(in);
    if (in->bad || verdict >= TRN_VERDICT_MAX || bits > 3)
        return -EBADMSG;
    s->verdict = (enum trn_verdict)verdict;
    s->closed = bits & 1;
    s->loss_overlap = bits & 2;
    s->close_why = trn_cur_lstr(in);
    if (version >= STORY_DECIDED)
        get_decisions(in, s);
    if (trn_software_decode(in, &s->software) < 0)
        return -EBADMSG;
    s->change_from = trn_cur_lstr(in);
    s->change_to = trn_cur_lstr(in);
    s->change_by = trn_cur_lstr(in);
    s->change_wall_ns = trn_cur_u64le(in);
    s->opened_wall_ns = trn_cur_u64le(in);
    s->updated_wall_ns = trn_cur_u64le(in);
    s->sentence = trn_cur_lstr(in);
    *ret_version = version;
    return in->bad ? -EBADMSG : 0;
}

/* A count that fits its array, else 0 and bad. */
static uint32_t get_count(struct trn_cursor *in, uint32_t max)
{
    uint32_t n = trn_cur_u8(in);
    if (n > max)
        in->bad = true;
    return in->bad ? 0 : n;
}

static uint32_t get_lines(struct trn_cursor *in, struct trn_str *lines)
{
    uint32_t n = get_count(in, TRN_STORY_LINES);
    for (uint32_t i = 0; i < n; i++)
        lines[i] = trn_cur_lstr(in);
    return n;
}

static void get_actions(struct trn_cursor *in, struct trn_story *s)
{
    s->n_actions = get_count(in, TRN_STORY_ACTIONS);
    for (uint32_t i = 0; i < s->n_actions; i++) {
        struct trn_story_action *a = &s->actions[i];
        a->id = trn_cur_u64le(in);
        a->act = trn_cur_lstr(in);
        a->state = trn_cur_lstr(in);
        a->target_kind = trn_cur_lstr(in);
        a->target = trn_cur_lstr(in);
        a->text = trn_cur_lstr(in);
        a->by = trn_cur_lstr(in);
        a->since_wall_ns = trn_cur_u64le(in);
        a->wall_ns = trn_cur_u64le(in);
        a->until_wall_ns = trn_cur_u64le(in);
    }
}

static void get_parts(struct trn_cursor *in, struct trn_story *s, uint8_t version)
{
    s->n_processes = get_count(in, TRN_STORY_PROCESSES);
    for (uint32_t i = 0; i < s->n_processes; i++) {
        struct trn_story_process *p = &s->processes[i];
        p->entity = trn_cur_u64le(in);
        p->parent = trn_cur_u64le(in);
        p->pid = trn_cur_u32le(in);
        p->path = trn_cur_lstr(in);
        p->args = trn_cur_lstr(in);
        p->start_wall_ns = trn_cur_u64le(in);
    }
    s->n_files = get_count(in, TRN_STORY_FILES);
    for (uint32_t i = 0; i < s->n_files; i++) {
        s->files[i].path = trn_cur_lstr(in);
        s->files[i].sha256 = trn_cur_lstr(in);
        s->files[i].role = trn_cur_lstr(in);
    }
    s->n_hosts = get_count(in, TRN_STORY_HOSTS);
    for (uint32_t i = 0; i < s->n_hosts; i++) {
        struct trn_story_host *h = &s->hosts[i];
        h->address = trn_cur_lstr(in);
        h->name = trn_cur_lstr(in);
        h->bytes_out = trn_cur_u64le(in);
        h->bytes_in = trn_cur_u64le(in);
        h->count = trn_cur_u32le(in);
        h->usual = version >= STORY_ACTIONS && trn_cur_u8(in) != 0;
    }
    s->n_why = get_lines(in, s->why);
    s->n_benign_if = get_lines(in, s->benign_if);
    if (version >= STORY_ACTIONS)
        get_actions(in, s);
}

int trn_story_decode(struct trn_cursor *in, struct trn_story *ret)
{
    /* A story is too large for the stack of a small thread. */
    struct trn_story TRN_AUTO(trn_freep) *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return -ENOMEM;
    uint8_t version = 0;
    int r = get_head(in, s, &version);
    if (r < 0)
        return r;
    s->n_findings = get_count(in, TRN_STORY_FINDINGS);
    s->n_findings_dropped = trn_cur_u32le(in);
    for (uint32_t i = 0; i < s->n_findings; i++) {
        r = trn_finding_decode(in, &s->findings[i]);
        if (r < 0)
            return r;
    }
    get_parts(in, s, version);
    if (in->bad)
        return -EBADMSG;
    *ret = *s;
    return 0;
}

bool trn_story_decide(struct trn_story *s, const struct trn_event *ev)
{
    if (ev->type != TRN_EV_DECISION || ev->decision.story != s->id || trn_str_is_empty(ev->decision.text))
        return false;
    if (ev->action == TRN_ACT_CLOSED) {
        s->closed = true;
        s->close_why = ev->decision.text;
        s->close_uid = ev->uid;
        s->close_wall_ns = ev->wall_ns;
        s->reopened_wall_ns = 0;
        s->reopen_why = TRN_STR_NONE;
    } else if (ev->action == TRN_ACT_ASSIGNED) {
        s->assigned = ev->decision.text;
        s->assign_uid = ev->uid;
        s->assign_wall_ns = ev->wall_ns;
    } else {
        return false;
    }
    return true;
}

void trn_story_put_who(struct trn_buf *out, uint32_t uid)
{
    if (uid == 0)
        trn_put_c(out, "root");
    else if (uid == TRN_NO_U32)
        trn_put_c(out, "somebody");
    else
        trn_put_fmt(out, "user %u", uid);
}
