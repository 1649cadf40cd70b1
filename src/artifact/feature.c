/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the names of features, and how one is told: bounded, and only when somebody asked.
 * Must not: judge.
 */
#include "artifact/internal.h"
#include "artifact/kinds.h"
#include "formats/formats.h"

#include <stdio.h>
#include <sys/stat.h>

const char *trn_feature_kind_name(enum trn_feature_kind k)
{
    static const char *const names[TRN_FEATURE_KIND_MAX] = {
        [TRN_FEATURE_NONE] = "none",
        [TRN_FEATURE_IMPORT] = "import",
        [TRN_FEATURE_EXPORT] = "export",
        [TRN_FEATURE_LIBRARY] = "library",
        [TRN_FEATURE_RPATH] = "rpath",
        [TRN_FEATURE_SECTION] = "section",
        [TRN_FEATURE_SEGMENT] = "segment",
        [TRN_FEATURE_EARLY] = "early",
        [TRN_FEATURE_IFUNC] = "ifunc",
        [TRN_FEATURE_ENTITLEMENT] = "entitlement",
        [TRN_FEATURE_TOOLCHAIN] = "toolchain",
        [TRN_FEATURE_TIME] = "time",
        [TRN_FEATURE_RANDOM] = "random",
        [TRN_FEATURE_TABLE] = "table",
        [TRN_FEATURE_SIBLING] = "sibling",
        [TRN_FEATURE_ABILITY] = "ability",
        [TRN_FEATURE_TEXT] = "text",
        [TRN_FEATURE_EMBEDDED] = "embedded",
        [TRN_FEATURE_MEASURE] = "measure",
        [TRN_FEATURE_SCRIPT] = "script",
        [TRN_FEATURE_DEPENDENCY] = "dependency",
        [TRN_FEATURE_SERVICE] = "service",
        [TRN_FEATURE_CALL] = "call",
        [TRN_FEATURE_PRIVILEGE] = "privilege",
    };
    return k < TRN_FEATURE_KIND_MAX ? names[k] : "none";
}

void trn_known_key(const uint8_t sha256[TRN_SHA256_SIZE], struct trn_str base_name, uint8_t ret[TRN_KNOWN_KEY])
{
    uint64_t name = trn_hash64_str(base_name);
    memcpy(ret, sha256, TRN_SHA256_SIZE);
    memcpy(ret + TRN_SHA256_SIZE, &name, sizeof(name));
}

bool trn_look_wants_features(const struct trn_look *l)
{
    return l->scan->o->features && l->scan->sink->feature;
}

/* A long text is told by its beginning and a hash of all of it, so that two long ones that differ late still differ. */
static struct trn_str bounded(struct trn_look *l, struct trn_str s, size_t max)
{
    if (s.n <= max)
        return s;
    return trn_arena_printf(l->arena, "%.*s...%016llx", (int)(max - 19), s.p, (unsigned long long)trn_hash64(s.p, s.n));
}

int trn_look_feature(struct trn_look *l, const struct trn_feature *f)
{
    struct trn_frame *frame = TRN_CONTAINER_OF(l, struct trn_frame, look);
    struct trn_scan *s = l->scan;
    if (s->fatal || !trn_look_wants_features(l))
        return s->fatal;
    if (frame->features++ >= TRN_FEATURES_MAX)
        return 0;
    struct trn_feature told = *f;
    told.key = bounded(l, f->key, TRN_FEATURE_KEY_MAX);
    told.value = bounded(l, f->value, TRN_FEATURE_VALUE_MAX);
    int e = s->sink->feature(s->sink->ctx, l->self->id, &told);
    if (e < 0 && !s->fatal)
        s->fatal = e;
    return e;
}

int trn_look_fact(struct trn_look *l, enum trn_feature_kind kind, const char *key, struct trn_str value,
                  uint64_t number, uint64_t at)
{
    return trn_look_feature(l, &(struct trn_feature){kind, trn_str_of(key), value, number, at});
}

/* What is told of it comes from its mode, its attributes or where it stands: the same content elsewhere tells something else. */
bool trn_feature_is_of_place(const struct trn_look *l)
{
    return l->self->mode & (S_ISUID | S_ISGID | S_IWOTH) || l->self->capability.n ||
           trn_feature_has_place(l->self->name);
}

/* Of every content: what the container says of its mode and its file capabilities. */
int trn_feature_about(struct trn_look *l, struct trn_err *err)
{
    uint32_t mode = l->self->mode;
    char text[TRN_FILE_CAPABILITY_TEXT];
    int e = 0;
    if (l->self->capability.n && trn_file_capability_text(l->self->capability, text, sizeof(text))[0])
        e = trn_look_fact(l, TRN_FEATURE_PRIVILEGE, "capability", trn_str_of(text), 1, TRN_FEATURE_NOWHERE);
    (void)snprintf(text, sizeof(text), "%04o", mode & 07777);
    if (e == 0 && mode & S_ISUID)
        e = trn_look_fact(l, TRN_FEATURE_PRIVILEGE, "setuid", trn_str_of(text), 1, TRN_FEATURE_NOWHERE);
    if (e == 0 && mode & S_ISGID)
        e = trn_look_fact(l, TRN_FEATURE_PRIVILEGE, "setgid", trn_str_of(text), 1, TRN_FEATURE_NOWHERE);
    if (e == 0 && mode & S_IWOTH)
        e = trn_look_fact(l, TRN_FEATURE_PRIVILEGE, "world-writable", trn_str_of(text), 1, TRN_FEATURE_NOWHERE);
    return e;
}

int trn_frame_features_end(struct trn_frame *f)
{
    if (f->features <= TRN_FEATURES_MAX)
        return 0;
    uint64_t more = f->features - TRN_FEATURES_MAX;
    f->features = 0; /* one is always told */
    int e = trn_look_gap(&f->look, TRN_GAP_LIMIT, TRN_STR_NONE, "%llu features more than are compared",
                         (unsigned long long)more);
    if (e < 0)
        return e;
    return trn_look_fact(&f->look, TRN_FEATURE_MEASURE, "features.more", TRN_STR_NONE, more * 1000,
                         TRN_FEATURE_NOWHERE);
}
