/* SPDX-License-Identifier: Apache-2.0 */
/* Question: can a damaged remembered row (provenance, contact, story, change, profile, read, beacon, hands, exception) harm detection or stories? */
#include "detect/detect.h"
#include "story/story.h"

static int on_story(void *ctx, const struct trn_story *s)
{
    (void)ctx;
    return s->n_findings > TRN_STORY_FINDINGS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const kinds[] = {"provenance", "contact", "story", "change",   "profile",
                                        "read",       "beacon",  "hands", "exception"};
    struct trn_process_table *t;
    struct trn_detect *d;
    struct trn_stories *s;
    struct trn_event ev;
    if (size < 9 || trn_process_table_new(&(struct trn_process_options){.sz = sizeof(struct trn_process_options)}, &t))
        return 0;
    if (trn_detect_new(&(struct trn_detect_options){.sz = sizeof(struct trn_detect_options), .processes = t}, &d) ||
        trn_stories_new(
            &(struct trn_stories_options){.sz = sizeof(struct trn_stories_options), .processes = t, .story = on_story},
            &s))
        abort();
    trn_event_init(&ev, TRN_EV_STATE);
    ev.state.kind = trn_str_of(kinds[data[0] % TRN_ARRAY_SIZE(kinds)]);
    struct trn_cursor in = trn_cur(data + 1, size - 1);
    ev.state.key = trn_cur_u64le(&in);
    ev.state.value = trn_cur_bytes(&in, trn_cur_left(&in));
    if (trn_detect_push(d, &ev) || trn_stories_event(s, &ev))
        abort();
    trn_event_init(&ev, TRN_EV_STOP);
    if (trn_detect_push(d, &ev) || trn_stories_event(s, &ev))
        abort();
    trn_stories_free(s);
    trn_detect_free(d);
    trn_process_table_free(t);
    return 0;
}
