/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: beginning, copying and describing events. Must not own: encodings.
 * Hand-offs: a copy's views live in the arena it was copied into.
 */
#include "event/record.h"

#include "event/field_table.h"

void trn_event_init(struct trn_event *ev, enum trn_event_type type)
{
    size_t n;
    const struct trn_field_def *f = trn_fields(&n);

    *ev = (struct trn_event){.type = (uint16_t)type};
    for (size_t i = trn_field_next(type, 0); i < n; i = trn_field_next(type, i + 1))
        if (f[i].absent)
            trn_field_clear(ev, &f[i]);
}

int trn_event_copy(const struct trn_event *ev, struct trn_arena *arena, struct trn_event *ret)
{
    size_t n;
    const struct trn_field_def *f = trn_fields(&n);
    enum trn_event_type type = (enum trn_event_type)ev->type;
    struct trn_event copy = *ev;

    for (size_t i = trn_field_next(type, 0); i < n; i = trn_field_next(type, i + 1)) {
        struct trn_value v;
        if (f[i].size != sizeof(struct trn_str) || f[i].kind > TRN_KIND_BYTES || !trn_field_read_raw(&copy, &f[i], &v))
            continue;
        v.s = trn_arena_str(arena, v.s);
        if (v.s.p == NULL || trn_event_set(&copy, &f[i], &v) < 0)
            return -ENOMEM;
    }
    for (uint32_t i = 0; i < copy.n_extras && i < TRN_EV_EXTRAS; i++) {
        if (copy.extras[i].value.p == NULL)
            continue;
        copy.extras[i].value = trn_arena_str(arena, copy.extras[i].value);
        if (copy.extras[i].value.p == NULL)
            return -ENOMEM;
    }
    *ret = copy;
    return 0;
}

/* The field that says most about an event of this type; 0 when its name says it all. */
static uint16_t subject(enum trn_event_type type)
{
    switch (type) {
    case TRN_EV_EXEC:
        return TRN_F_EXECUTABLE;
    case TRN_EV_FORK:
        return TRN_F_FORK_PARENT_PID;
    case TRN_EV_EXIT:
        return TRN_F_EXIT_CODE;
    case TRN_EV_LIB_LOAD:
    case TRN_EV_MEM_EXEC:
        return TRN_F_DLL_PATH;
    case TRN_EV_FILE:
    case TRN_EV_OPEN:
        return TRN_F_FILE_PATH;
    case TRN_EV_CONNECT:
    case TRN_EV_NET_CLOSE:
        return TRN_F_DST_IP;
    case TRN_EV_ACCEPT:
        return TRN_F_SRC_IP;
    case TRN_EV_DNS:
        return TRN_F_DNS_NAME;
    case TRN_EV_TLS:
        return TRN_F_TLS_SNI;
    case TRN_EV_LISTEN:
        return TRN_F_SRC_PORT;
    case TRN_EV_ACCESS:
        return TRN_F_TARGET_PID;
    case TRN_EV_CRED:
        return TRN_F_EUID;
    case TRN_EV_LOGIN:
        return TRN_F_LOGIN_METHOD;
    case TRN_EV_IDENTITY:
        return TRN_F_IDENTITY_PATH;
    case TRN_EV_SOFTWARE:
        return TRN_F_SOFTWARE_NAME;
    case TRN_EV_EXCEPTION:
        return TRN_F_EXCEPTION_CHECK;
    case TRN_EV_STATE:
        return TRN_F_STATE_KIND;
    case TRN_EV_LOSS:
        return TRN_F_LOSS_CLASS;
    case TRN_EV_DECISION:
        return TRN_F_DECISION_TEXT;
    case TRN_EV_RESPONSE:
        return TRN_F_RESPONSE_ACT;
    case TRN_EV_BROUGHT:
        return TRN_F_BROUGHT_NAME;
    default:
        return TRN_F_MESSAGE;
    }
}

static void put_escaped(struct trn_buf *out, const struct trn_event *ev, uint16_t id, const char *before)
{
    const struct trn_field_def *f = trn_field_by_id(id);
    struct trn_value v;

    if (f == NULL || !trn_event_get(ev, f, &v))
        return;
    trn_put_c(out, before);
    if (v.kind == TRN_KIND_STR)
        trn_escape(out, v.s);
    else
        trn_value_text(&v, out);
}

void trn_event_describe(const struct trn_event *ev, struct trn_buf *out)
{
    enum trn_event_type type = (enum trn_event_type)ev->type;

    trn_put_c(out, trn_event_type_name(type));
    if (ev->action)
        trn_put_fmt(out, " %s", trn_action_name((enum trn_action)ev->action));
    put_escaped(out, ev, subject(type), type == TRN_EV_FORK ? " from " : " ");
    if (type == TRN_EV_CONNECT || type == TRN_EV_NET_CLOSE)
        put_escaped(out, ev, TRN_F_DST_PORT, " port ");
    if (type == TRN_EV_CONNECT || type == TRN_EV_ACCEPT || type == TRN_EV_NET_CLOSE)
        put_escaped(out, ev, TRN_F_CONNECTIONS, ", connections: ");
    if (type == TRN_EV_FILE)
        put_escaped(out, ev, TRN_F_FILE_OLD_PATH, " from ");
    if (type == TRN_EV_SOFTWARE)
        put_escaped(out, ev, TRN_F_SOFTWARE_VERSION, " ");
    if (type == TRN_EV_BROUGHT) {
        put_escaped(out, ev, TRN_F_BROUGHT_VERSION, " ");
        put_escaped(out, ev, TRN_F_BROUGHT_CHECK, ": ");
    }
    if (type == TRN_EV_EXIT && ev->exit.signal != TRN_NO_U32)
        put_escaped(out, ev, TRN_F_EXIT_SIGNAL, " signal ");
    if (type == TRN_EV_LOSS)
        put_escaped(out, ev, TRN_F_META_COUNT, " ");
    if (type == TRN_EV_RESPONSE) {
        put_escaped(out, ev, TRN_F_RESPONSE_TARGET, " ");
        put_escaped(out, ev, TRN_F_RESPONSE_STATE, ": ");
        put_escaped(out, ev, TRN_F_RESPONSE_TEXT, ", ");
    }
    if (ev->pid != TRN_NO_U32)
        trn_put_fmt(out, " (%u)", ev->pid);
}
