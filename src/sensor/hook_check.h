/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room only: is a hook still there. */
#ifndef TRN_SENSOR_HOOK_CHECK_H
#define TRN_SENSOR_HOOK_CHECK_H

#include "sensor/sensor.h"

struct bpf_link;
struct bpf_program;

/* One hook record. */
int trn_hook_tell(const struct trn_sensor_hook *h, bool returned, const char *text, const struct trn_record_sink *sink)
    TRN_MUST_CHECK;

/* What happened to a link; NULL: it is attached, with its program. */
const char *trn_link_trouble(const struct bpf_link *link, const struct bpf_program *p);

/* How often the kernel did not run the program, because it was just running on that processor (a state of a socket that
 * changes in an interrupt, while another's change is looked at). Before 5.12 nobody knows: 0. */
uint64_t trn_program_misses(const struct bpf_program *p);
int trn_misses_tell(enum trn_class klass, uint64_t count, uint64_t since, const struct trn_record_sink *sink)
    TRN_MUST_CHECK;

/* Switches perf events on that somebody switched off. True when one had been; with a scope that cannot be known.
 * times: a number for each, of the last check. */
bool trn_perf_check(const struct trn_sensor_fd *fds, size_t n, bool scoped, uint64_t *times);

#endif
