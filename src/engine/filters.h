/* SPDX-License-Identifier: Apache-2.0 */
/* What is not watched now, because somebody set a filter. */
#ifndef TRN_ENGINE_FILTERS_H
#define TRN_ENGINE_FILTERS_H

#include "event/event.h"

#define TRN_FILTER_LIST_MAX 128

struct trn_filter_list;

struct trn_filter_list *trn_filter_list_new(void) TRN_MUST_CHECK;
struct trn_filter_list *trn_filter_list_free(struct trn_filter_list *l);
void trn_filter_list_event(struct trn_filter_list *l, const struct trn_event *ev); /* a FILTER event, numbered */
void trn_filter_list_json(const struct trn_filter_list *l, struct trn_buf *out);   /* an array */
void trn_filter_list_lines(const struct trn_filter_list *l, struct trn_buf *out);  /* {"type":"filter",...} each */

#endif
