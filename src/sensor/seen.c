/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: decides which mappings are worth an event: one per image and file, and not the program
 * itself, the dynamic loader or the kernel's own pages, which the exec event implies. Owns two
 * bounded maps; when one is full it is emptied, which costs repeats and never an event.
 */
#include "sensor/reader.h"

#define IMAGES_MAX 16384
#define MAPPINGS_MAX 32768
#define EXISTED 1u /* perf knows build-ids, the iterator inodes: the two cannot be compared */

struct trn_mapped {
    struct trn_map *since;    /* pid -> boot ns of its last fork or exec */
    struct trn_map *starting; /* pid -> 1: just called exec, its program is mapped next */
    struct trn_map *mappings; /* hash of (pid, since, kind, path) -> what file it was, or EXISTED */
    uint64_t existing_ns;     /* when the last mapping that was there before was read */
};

struct trn_mapped *trn_mapped_free(struct trn_mapped *s)
{
    if (s) {
        trn_map_free(s->since);
        trn_map_free(s->starting);
        trn_map_free(s->mappings);
        free(s);
    }
    return NULL;
}

struct trn_mapped *trn_mapped_new(void)
{
    struct trn_mapped *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->since = trn_map_new(IMAGES_MAX);
    s->starting = trn_map_new(IMAGES_MAX);
    s->mappings = trn_map_new(MAPPINGS_MAX);
    return s->since && s->starting && s->mappings ? s : trn_mapped_free(s);
}

/* Puts, emptying a full map first. */
static void put(struct trn_map **m, size_t max, uint64_t key, uint64_t value)
{
    struct trn_map *fresh;

    if (trn_map_put(*m, key, value) == 0)
        return;
    fresh = trn_map_new(max);
    if (!fresh)
        return; /* repeats, until there is memory again */
    trn_map_free(*m);
    *m = fresh;
    if (trn_map_put(*m, key, value) != 0)
        return;
}

void trn_mapped_fork(struct trn_mapped *s, uint32_t pid, uint64_t when)
{
    put(&s->since, IMAGES_MAX, pid, when);
}

void trn_mapped_exec(struct trn_mapped *s, uint32_t pid, uint64_t when)
{
    put(&s->since, IMAGES_MAX, pid, when);
    put(&s->starting, IMAGES_MAX, pid, 1);
}

void trn_mapped_exit(struct trn_mapped *s, uint32_t pid)
{
    (void)trn_map_remove(s->since, pid, NULL);
    (void)trn_map_remove(s->starting, pid, NULL);
}

/* The system's own: a program may name another loader, and that one is told. */
static bool is_loader(struct trn_str path)
{
    struct trn_str base = trn_path_base(path);

    if (!trn_str_starts(path, TRN_STR("/lib")) && !trn_str_starts(path, TRN_STR("/usr/lib")))
        return false;
    return trn_str_starts(base, TRN_STR("ld-linux")) || trn_str_starts(base, TRN_STR("ld-musl")) ||
           trn_str_starts(base, TRN_STR("ld.so"));
}

static uint64_t file_of(const struct trn_event *ev)
{
    uint64_t h = trn_hash64_mix(trn_hash64_str(ev->map.build_id), ev->map.file.ino);

    return h == EXISTED ? 0 : h;
}

bool trn_mapped_is_new(struct trn_mapped *s, const struct trn_event *ev)
{
    bool existing = (ev->flags & TRN_EVF_EXISTING) != 0, known;
    uint64_t since = 0, key, was, file = existing ? EXISTED : file_of(ev);
    bool program = !existing && trn_map_remove(s->starting, ev->pid, NULL);

    (void)trn_map_get(s->since, ev->pid, &since);
    if (existing)
        s->existing_ns = TRN_MAX(s->existing_ns, ev->boot_ns);
    key = trn_hash64_mix(trn_hash64_mix(ev->pid, since), (uint64_t)ev->type << 16 | ev->action);
    key = trn_hash64_mix(key, trn_hash64_str(ev->map.path));
    known = trn_map_get(s->mappings, key, &was);
    if (known && (was == file || existing || (was == EXISTED && ev->boot_ns <= s->existing_ns)))
        return false;
    put(&s->mappings, MAPPINGS_MAX, key, file);
    return ev->type != TRN_EV_LIB_LOAD || !(program || is_loader(ev->map.path));
}
