/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which name an address was answered for, so that a connection says where it goes. Asked on the live machine only, before
 * an event is numbered: the name stands in the log as a field of the event (destination.domain), and a replay reads it
 * there.
 */
#ifndef TRN_ENGINE_NAMES_H
#define TRN_ENGINE_NAMES_H

#include "channel/channel.h"
#include "event/event.h"

struct trn_names;

struct trn_names *trn_names_new(void) TRN_MUST_CHECK;
struct trn_names *trn_names_free(struct trn_names *n);
/* Learns from an answer of DNS; gives a connection its name, in the arena. 0 or -ENOMEM. */
int trn_names_see(struct trn_names *n, struct trn_event *ev, struct trn_arena *arena) TRN_MUST_CHECK;
/* The addresses that were answered for a name, to anybody; appended to hosts, with this port. -ENOENT: none; -E2BIG: there
 * were more than fit. */
int trn_names_addresses(const struct trn_names *n, struct trn_str name, uint16_t port, struct trn_act_host *hosts,
                        uint32_t max, uint32_t *ret_n) TRN_MUST_CHECK;
size_t trn_names_bytes(const struct trn_names *n);

#endif
