/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the detectors and the order in which each event reaches them: the profile before all (it counts the run that an
 * act belongs to) and drift behind all, contacts before provenance (a write after a contact is tainted), provenance
 * before what asks it. A finding reaches the profile before anybody else, and with its whole weight: an exception lowers
 * only what is told. Must not: hold a detector's own memory or
 * words.
 */
#include "detect/behaviour/abnormal_load.h"
#include "detect/behaviour/beacon.h"
#include "detect/behaviour/behaviour.h"
#include "detect/behaviour/drift.h"
#include "detect/behaviour/exfiltration.h"
#include "detect/behaviour/first_contact.h"
#include "detect/behaviour/hands_on_keyboard.h"
#include "detect/behaviour/persistence.h"
#include "detect/behaviour/profile.h"
#include "detect/behaviour/reads.h"
#include "detect/behaviour/template.h"
#include "detect/exceptions.h"
#include "detect/indicator/indicator.h"

#define CONTACTS 8192
#define PROVENANCE 32768
#define BEACONS 100000

struct trn_detect {
    struct trn_detect_ctx ctx;
    struct trn_finding_sink findings;
    struct trn_profiles *profiles;
    struct trn_contacts *contacts;
    struct trn_provenance *provenance;
    struct trn_second_stage *second_stage;
    struct trn_exec_memory *exec_memory;
    struct trn_foreign_library *foreign_library;
    struct trn_persistence *persistence;
    struct trn_reads *reads;
    struct trn_browser_data *browser_data;
    struct trn_collection *collection;
    struct trn_exfiltration *exfiltration;
    struct trn_first_contact *first_contact;
    struct trn_beacons *beacons;
    struct trn_hands_watch *hands;
    struct trn_indicator_watch *indicators;
    struct trn_exceptions *exceptions;
};

static int on_finding(void *ctx, const struct trn_finding *f)
{
    struct trn_detect *d = ctx;
    struct trn_finding own = *f;
    trn_profiles_finding(d->profiles, f);
    trn_beacons_finding(d->beacons, f);
    int r = trn_persistence_finding(d->persistence, &d->ctx, f);
    trn_exceptions_apply(d->exceptions, &d->ctx, &own);
    return r ? r : trn_sink_finding(&d->findings, &own);
}

int trn_detect_new(const struct trn_detect_options *o, struct trn_detect **ret)
{
    if (!o || o->sz < sizeof(*o) || !o->processes)
        return -EINVAL;
    struct trn_detect *d = calloc(1, sizeof(*d));
    if (!d)
        return -ENOMEM;
    d->ctx.processes = o->processes;
    d->ctx.indicators = o->indicators;
    d->findings = o->findings;
    d->ctx.findings = (struct trn_finding_sink){on_finding, d};
    d->ctx.state = o->state;
    d->profiles = trn_profiles_new();
    d->contacts = trn_contacts_new(CONTACTS);
    d->provenance = trn_provenance_new(o->max_provenance ? o->max_provenance : PROVENANCE);
    d->second_stage = trn_second_stage_new(d->profiles);
    d->exec_memory = trn_exec_memory_new();
    d->foreign_library = trn_foreign_library_new();
    d->persistence = trn_persistence_new();
    d->reads = trn_reads_new();
    d->browser_data = trn_browser_data_new();
    d->collection = trn_collection_new();
    d->exfiltration = trn_exfiltration_new();
    d->first_contact = trn_first_contact_new();
    d->beacons = trn_beacons_new(BEACONS);
    d->hands = trn_hands_watch_new();
    d->indicators = trn_indicator_watch_new();
    d->exceptions = trn_exceptions_new();
    if (!d->profiles || !d->contacts || !d->provenance || !d->second_stage || !d->persistence || !d->reads ||
        !d->browser_data || !d->collection || !d->exfiltration || !d->first_contact || !d->beacons || !d->hands ||
        !d->indicators || !d->exec_memory || !d->foreign_library || !d->exceptions) {
        trn_detect_free(d);
        return -ENOMEM;
    }
    *ret = d;
    return 0;
}

struct trn_detect *trn_detect_free(struct trn_detect *d)
{
    if (d) {
        trn_profiles_free(d->profiles);
        trn_contacts_free(d->contacts);
        trn_provenance_free(d->provenance);
        trn_second_stage_free(d->second_stage);
        trn_exec_memory_free(d->exec_memory);
        trn_foreign_library_free(d->foreign_library);
        trn_persistence_free(d->persistence);
        trn_reads_free(d->reads);
        trn_browser_data_free(d->browser_data);
        trn_collection_free(d->collection);
        trn_exfiltration_free(d->exfiltration);
        trn_first_contact_free(d->first_contact);
        trn_beacons_free(d->beacons);
        trn_hands_watch_free(d->hands);
        trn_indicator_watch_free(d->indicators);
        trn_exceptions_free(d->exceptions);
        free(d);
    }
    return NULL;
}

/* Reads of private data, as soon as it is known who read. */
static int reads(struct trn_detect *d, const struct trn_event *ev)
{
    struct trn_read read;
    int r = trn_reads_push(d->reads, &d->ctx, ev);
    while (!r && trn_reads_next(d->reads, &d->ctx, d->profiles, d->provenance, ev, &read, &r)) {
        uint16_t weight = 0;
        if (!r)
            r = trn_browser_data_read(d->browser_data, &d->ctx, &read, &weight);
        if (!r)
            r = trn_collection_read(d->collection, &d->ctx, d->contacts, &read, &weight);
        if (!r)
            r = trn_exfiltration_read(d->exfiltration, &d->ctx, d->provenance, &read, weight);
    }
    if (ev->type == TRN_EV_EXIT)
        trn_collection_exit(d->collection, ev);
    return r;
}

int trn_detect_push(struct trn_detect *d, const struct trn_event *ev)
{
    const struct trn_written *changed = NULL;
    int r = trn_profiles_push(d->profiles, &d->ctx, ev);
    if (!r)
        r = trn_exceptions_push(d->exceptions, &d->ctx, ev);
    if (!r)
        r = trn_contacts_push(d->contacts, &d->ctx, ev);
    if (!r)
        r = trn_provenance_push(d->provenance, &d->ctx, d->contacts, ev, &changed);
    if (!r)
        r = trn_brought_push(&d->ctx, ev);
    if (!r)
        r = trn_indicator_watch_push(d->indicators, &d->ctx, ev);
    if (!r)
        r = trn_first_contact_push(d->first_contact, &d->ctx, d->profiles, ev);
    if (!r)
        r = trn_second_stage_push(d->second_stage, &d->ctx, d->provenance, d->contacts, ev, changed);
    if (!r)
        r = trn_exec_memory_push(d->exec_memory, &d->ctx, d->profiles, d->contacts, ev);
    if (!r)
        r = trn_foreign_library_push(d->foreign_library, &d->ctx, d->profiles, d->provenance, ev);
    if (!r)
        r = trn_persistence_push(d->persistence, &d->ctx, d->profiles, d->provenance, ev);
    if (!r)
        r = reads(d, ev);
    if (!r)
        r = trn_exfiltration_push(d->exfiltration, &d->ctx, d->profiles, ev);
    if (!r)
        r = trn_beacons_push(d->beacons, &d->ctx, d->profiles, d->provenance, ev);
    if (!r)
        r = trn_hands_watch_push(d->hands, &d->ctx, d->profiles, d->provenance, ev);
    return r ? r : trn_drift_push(d->profiles, &d->ctx, ev);
}

size_t trn_detect_bytes(const struct trn_detect *d)
{
    return sizeof(*d) + trn_profiles_bytes(d->profiles) + trn_contacts_bytes(d->contacts) +
           trn_provenance_bytes(d->provenance) + trn_second_stage_bytes(d->second_stage) +
           trn_exec_memory_bytes(d->exec_memory) + trn_foreign_library_bytes(d->foreign_library) +
           trn_persistence_bytes(d->persistence) + trn_reads_bytes(d->reads) + trn_browser_data_bytes(d->browser_data) +
           trn_collection_bytes(d->collection) + trn_exfiltration_bytes(d->exfiltration) +
           trn_first_contact_bytes(d->first_contact) + trn_beacons_bytes(d->beacons) + trn_hands_watch_bytes(d->hands) +
           trn_indicator_watch_bytes(d->indicators) + trn_exceptions_bytes(d->exceptions);
}

uint64_t trn_detect_places_forgotten(const struct trn_detect *d)
{
    return trn_beacons_evicted(d->beacons);
}

void trn_detect_profile(const struct trn_detect *d, struct trn_str name, struct trn_buf *out)
{
    trn_profiles_json(d->profiles, name, out);
}

bool trn_detect_usual_place(const struct trn_detect *d, const struct trn_software *s, struct trn_str name,
                            const uint8_t *address, uint8_t family)
{
    char out[TRN_TEMPLATE_MAX];
    struct trn_novelty n;
    struct trn_str place = trn_contact_feature(name, address, family, out);
    if (trn_str_is_none(place) || !trn_profiles_look(d->profiles, s, TRN_FEATURE_DESTINATION, place, &n))
        return false;
    return n.state == TRN_FEATURE_ORDINARY || n.before_version;
}

int trn_detect_exception_room(const struct trn_detect *d, const struct trn_event *set, uint64_t *ret_id,
                              struct trn_err *err)
{
    return trn_exceptions_room(d->exceptions, set, ret_id, err);
}

bool trn_detect_exceptions(const struct trn_detect *d, size_t *it, const struct trn_event **ret)
{
    return trn_exceptions_next(d->exceptions, it, ret);
}

bool trn_detect_exception_over(const struct trn_detect *d, uint64_t now_wall_ns, struct trn_event *ret)
{
    return trn_exceptions_over(d->exceptions, now_wall_ns, ret);
}
