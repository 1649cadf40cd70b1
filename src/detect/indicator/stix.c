/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a STIX 2.1 bundle (or one indicator object) as JSON: which objects count, their pattern and name.
 * Must not: read a pattern (stix_pattern.c), nor honour valid_until: what was bad last year is still worth a look.
 */
#include "detect/indicator/indicator.h"

#include <jansson.h>

static struct trn_str text_of(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    return json_is_string(v) ? (struct trn_str){json_string_value(v), json_string_length(v)} : TRN_STR_NONE;
}

static int object(const json_t *o, uint64_t number, const struct trn_indicator_sink *sink)
{
    if (!json_is_object(o))
        return trn_indicator_bad(sink, number, "the object of this number is no JSON object");
    if (!trn_str_eq_c(text_of(o, "type"), "indicator") || json_is_true(json_object_get(o, "revoked")))
        return 0;
    struct trn_str type = text_of(o, "pattern_type"), pattern = text_of(o, "pattern");
    if (type.p && !trn_str_eq_c(type, "stix"))
        return trn_indicator_bad(sink, number, "its pattern is not in the STIX language");
    if (!pattern.p)
        return trn_indicator_bad(sink, number, "the indicator has no pattern");
    struct trn_str note = text_of(o, "name");
    if (trn_str_is_empty(note))
        note = text_of(o, "description");
    return trn_stix_pattern(pattern, note, number, sink);
}

static int indicators_parse_stix(struct trn_str content, const struct trn_indicator_sink *sink, struct trn_err *err)
{
    json_error_t at;
    if (trn_str_starts(content, TRN_STR("\xef\xbb\xbf")))
        content = trn_str_slice(content, 3, content.n);
    TRN_AUTO(json_decrefp) json_t *root = json_loadb(content.p, content.n, 0, &at);
    if (!root) {
        char text[120];
        trn_fail(err, -EBADMSG, "cannot parse the STIX bundle: line %d: %s", at.line,
                 trn_escape_into(text, sizeof(text), trn_str_of(at.text)));
        trn_hint(err, "a list of indicators is CSV (kind,value,note) or a STIX 2.1 bundle in JSON");
        return -EBADMSG;
    }
    const json_t *objects = json_object_get(root, "objects");
    if (!objects)
        return object(root, 1, sink);
    if (!json_is_array(objects))
        return trn_fail(err, -EBADMSG, "cannot parse the STIX bundle: 'objects' is no array");
    for (size_t i = 0; i < json_array_size(objects); i++) {
        int r = object(json_array_get(objects, i), i + 1, sink);
        if (r)
            return r;
    }
    return 0;
}

int trn_indicators_parse(struct trn_str content, const struct trn_indicator_sink *sink, struct trn_err *err)
{
    struct trn_str text = content;
    if (trn_str_starts(text, TRN_STR("\xef\xbb\xbf")))
        text = trn_str_slice(text, 3, text.n);
    text = trn_str_trim(text);
    if (text.n && text.p[0] == '{')
        return indicators_parse_stix(content, sink, err);
    return trn_indicators_parse_csv(content, sink);
}
