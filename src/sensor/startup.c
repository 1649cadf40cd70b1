/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: hooks are attached first and what runs is listed then, so an exec of these moments is
 * told by both. Owns the memory of who was told, for the time around the start only; bounded: what
 * does not fit may be told twice, and never not at all.
 *
 * A process is the same by its entity. An exec of the stream is older than a listing that shows it,
 * or the listing saw the new image just before the hook fired: then file and arguments are the same.
 */
#include "sensor/reader.h"

#define ENTITIES_MAX 8192
#define WINDOW_NS (30 * TRN_NS_PER_SEC) /* after the start, and after the last that was listed */
#define MOMENT_NS TRN_NS_PER_SEC        /* from the new image to the exec hook */

struct trn_startup {
    struct trn_map *when;   /* entity -> boot ns of its last exec in the stream */
    struct trn_map *what;   /* entity -> hash of that exec */
    struct trn_map *listed; /* entity -> hash of what the listing said */
    uint64_t until;
};

struct trn_startup *trn_startup_free(struct trn_startup *s)
{
    if (s) {
        trn_map_free(s->when);
        trn_map_free(s->what);
        trn_map_free(s->listed);
        free(s);
    }
    return NULL;
}

struct trn_startup *trn_startup_new(uint64_t now)
{
    struct trn_startup *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->until = now + WINDOW_NS;
    s->when = trn_map_new(ENTITIES_MAX);
    s->what = trn_map_new(ENTITIES_MAX);
    s->listed = trn_map_new(ENTITIES_MAX);
    return s->when && s->what && s->listed ? s : trn_startup_free(s);
}

static uint64_t image(const struct trn_event *ev)
{
    return trn_hash64_mix(trn_file_key_hash(&ev->exec.file), trn_hash64_str(ev->exec.argv));
}

static void remember(struct trn_map *m, uint64_t key, uint64_t value)
{
    if (trn_map_put(m, key, value) != 0)
        return; /* full: see above */
}

static bool listed_again(struct trn_startup *s, const struct trn_event *ev)
{
    uint64_t when, what;

    s->until = TRN_MAX(s->until, ev->boot_ns + WINDOW_NS);
    if (trn_map_get(s->when, ev->entity, &when) &&
        (when <= ev->boot_ns || (trn_map_get(s->what, ev->entity, &what) && what == image(ev))))
        return true;
    remember(s->listed, ev->entity, image(ev));
    return false;
}

static bool streamed_again(struct trn_startup *s, const struct trn_event *ev)
{
    uint64_t what, mine = image(ev);

    if (trn_map_remove(s->listed, ev->entity, &what) && what == mine && ev->boot_ns < s->until - WINDOW_NS + MOMENT_NS)
        return true;
    remember(s->when, ev->entity, ev->boot_ns);
    remember(s->what, ev->entity, mine);
    return false;
}

bool trn_startup_repeats(struct trn_startup *s, const struct trn_event *ev)
{
    bool existing = (ev->flags & TRN_EVF_EXISTING) != 0;
    uint64_t when;

    if (ev->entity == 0 || (!existing && (ev->type != TRN_EV_EXEC || !s->when)))
        return false;
    if (!existing && ev->boot_ns > s->until) { /* from now on an exec costs nothing here */
        s->when = trn_map_free(s->when);
        s->what = trn_map_free(s->what);
        s->listed = trn_map_free(s->listed);
        return false;
    }
    if (!s->when)
        return false;
    if (ev->type == TRN_EV_EXEC)
        return existing ? listed_again(s, ev) : streamed_again(s, ev);
    /* An image whose exec was in the stream has its mappings there too. */
    return existing && (ev->type == TRN_EV_LIB_LOAD || ev->type == TRN_EV_MEM_EXEC) &&
           trn_map_get(s->when, ev->entity, &when) && when <= ev->boot_ns;
}
