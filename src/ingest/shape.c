/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: recognising a record by its content: which product, which kind, where its fields are. Windows events come flat
 * (NXLog, OTRF), nested as Winlogbeat has them, or as the XML's own tree; eslogger has one shape.
 * Must not own: what the fields mean (the tables).
 */
#include "ingest/internal.h"

#include <stdio.h>

#define SYSMON "Microsoft-Windows-Sysmon"

static const char *text_at(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

/* 11, "11", {"#text": 11} and {"@Qualifiers":..,"text":..} all mean 11. */
static bool id_of(const json_t *j, char *dst, size_t size)
{
    static const char *const inside[] = {"#text", "text", "Value", "code"};
    for (size_t i = 0; json_is_object(j) && i < TRN_ARRAY_SIZE(inside); i++)
        if (json_object_get(j, inside[i]))
            j = json_object_get(j, inside[i]);
    uint64_t id;
    const char *text = json_string_value(j);
    if (json_is_integer(j) && json_integer_value(j) >= 0)
        id = (uint64_t)json_integer_value(j);
    else if (!text || trn_str_u64(trn_str_of(text), &id) < 0)
        return false;
    return snprintf(dst, size, "%llu", (unsigned long long)id) < (int)size;
}

static void windows(struct trn_shape *s)
{
    s->source = s->product && strcmp(s->product, SYSMON) == 0 ? &trn_map_sysmon : NULL;
    if (!s->product)
        s->product = "Windows";
}

static bool is_flat(const json_t *o, struct trn_shape *s)
{
    static const char *const product[] = {"SourceName", "ProviderName", "Provider_Name", "Provider"};
    const char *channel = text_at(o, "Channel");
    if (!id_of(json_object_get(o, "EventID"), s->id, sizeof(s->id)))
        return false;
    for (size_t i = 0; !s->product && i < TRN_ARRAY_SIZE(product); i++)
        s->product = text_at(o, product[i]);
    if (!s->product && channel)
        s->product = strcmp(channel, SYSMON "/Operational") == 0 ? SYSMON : channel;
    s->data = o;
    s->time = text_at(o, "TimeCreated");
    s->host = text_at(o, "Hostname") ? text_at(o, "Hostname") : text_at(o, "Computer");
    return s->product != NULL;
}

static bool is_winlogbeat(const json_t *o, struct trn_shape *s)
{
    const json_t *w = json_object_get(o, "winlog");
    if (!json_is_object(w) || !id_of(json_object_get(w, "event_id"), s->id, sizeof(s->id)))
        return false;
    s->product = text_at(w, "provider_name");
    s->data = json_object_get(w, "event_data");
    s->host = text_at(w, "computer_name");
    s->time = text_at(o, "@timestamp");
    return true;
}

/* An attribute of the XML, as different writers of JSON put it: "@Name", "Name", or in an object of its own. */
static const char *attribute(const json_t *element, const char *at_name)
{
    static const char *const inside[] = {"#attributes", "@attributes", "attributes"};
    const char *text = text_at(element, at_name);
    if (!text)
        text = text_at(element, at_name + 1);
    for (size_t i = 0; !text && i < TRN_ARRAY_SIZE(inside); i++)
        text = text_at(json_object_get(element, inside[i]), at_name + 1);
    return text;
}

static bool is_tree(const json_t *o, struct trn_shape *s)
{
    const json_t *event = json_object_get(o, "Event"), *system = json_object_get(event, "System");
    if (!json_is_object(system) || !id_of(json_object_get(system, "EventID"), s->id, sizeof(s->id)))
        return false;
    s->product = attribute(json_object_get(system, "Provider"), "@Name");
    s->time = attribute(json_object_get(system, "TimeCreated"), "@SystemTime");
    s->data = json_object_get(event, "EventData");
    s->host = text_at(system, "Computer");
    return true;
}

static bool is_eslogger(const json_t *o, struct trn_shape *s)
{
    json_t *event = json_object_get(o, "event"), *process = json_object_get(o, "process");
    if (!json_is_object(event) || !json_is_object(json_object_get(process, "audit_token")) ||
        !json_object_get(o, "event_type") || json_object_size(event) != 1)
        return false;
    const char *kind = json_object_iter_key(json_object_iter(event));
    if (strlen(kind) >= sizeof(s->id))
        return false;
    snprintf(s->id, sizeof(s->id), "%s", kind);
    s->source = &trn_map_eslogger;
    s->product = "eslogger";
    s->data = o;
    return true;
}

bool trn_shape_of(const json_t *object, struct trn_shape *ret)
{
    struct trn_shape s = {0};
    if (!json_is_object(object))
        return false;
    if (is_tree(object, &s) || is_winlogbeat(object, &s) || is_flat(object, &s)) {
        windows(&s);
    } else if (!is_eslogger(object, &s)) {
        return false;
    }
    *ret = s;
    return true;
}
