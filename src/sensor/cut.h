/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cut: processes with a mark, which the kernel passes on at fork and gives at exec of a listed program, and what a
 * marked process may not do on the network: connect, send, also through sockets that were there before or came from
 * elsewhere. A rule is a number from 1 to TRN_CUT_RULES; each has its own list of addresses that stay reachable.
 * The same mark says to whom sensitive files are refused (trn_cut_mark_of). Nothing is attached until the first rule.
 *
 *   rule_take -> rule_set -> program*, process* -> settle -> abort ... rule_clear
 *
 * Left alone: AF_UNIX (and who asks names through one), AF_NETLINK, AF_VSOCK; not covered: AF_PACKET (CAP_NET_RAW), sockets
 * that were made outside the scope. From any thread; each call may wait for another one.
 */
#ifndef TRN_SENSOR_CUT_H
#define TRN_SENSOR_CUT_H

#include "sensor/sensor.h"

#define TRN_CUT_RULES 63u
enum { /* what a mark takes away; a set */
       TRN_CUT_NETWORK = 1,
       TRN_CUT_DATA = 2,
       TRN_CUT_STANDING_STAYS = 4 /* with NETWORK: connections that stand stay; in force when it is settled */
};

struct trn_cut;

struct trn_cut_host {
    uint8_t family, prefix; /* 4 or 6 */
    uint16_t port;          /* 0: any */
    uint8_t address[16];
};

bool trn_cut_host_is_good(const struct trn_cut_host *h);
/* Whether `one`, an address with a port, is among what `h` says. */
bool trn_cut_host_has(const struct trn_cut_host *h, const struct trn_cut_host *one);

struct trn_cut_options {
    size_t sz;
    const char *scope_cgroup; /* NULL: the whole machine */
};

int trn_cut_open(const struct trn_cut_options *o, struct trn_cut **ret, struct trn_err *err) TRN_MUST_CHECK;
struct trn_cut *trn_cut_close(struct trn_cut *c); /* detaches all; takes NULL */

/* A number that nobody has; rule_clear gives it back. -ENOSPC. */
int trn_cut_rule_take(struct trn_cut *c, uint32_t *ret_rule) TRN_MUST_CHECK;
/* Attaches with the first rule. Again: other exceptions, the same marks. */
int trn_cut_rule_set(struct trn_cut *c, uint32_t rule, unsigned what, const struct trn_cut_host *except, size_t n,
                     struct trn_err *err) TRN_MUST_CHECK;
void trn_cut_rule_clear(struct trn_cut *c, uint32_t rule); /* and every mark, program and socket of it */
/* A program whose processes get the rule at exec. The device is not looked at: it has other names elsewhere. */
int trn_cut_program(struct trn_cut *c, uint32_t rule, uint64_t dev, uint64_t ino, uint64_t ctime_ns) TRN_MUST_CHECK;
/* A process that runs now, when start_boot_ns is still its start; -ESRCH otherwise. Its children get it at fork. */
int trn_cut_process(struct trn_cut *c, uint32_t rule, uint32_t tgid, uint64_t start_boot_ns) TRN_MUST_CHECK;
/* Processes that came to be while all this was set: those of the programs, and children of marked ones that started since
 * then (0: in the last seconds). Until there is no new one. Returns how many processes the rule has. */
int trn_cut_settle(struct trn_cut *c, uint32_t rule, uint64_t since_boot_ns, uint32_t *ret_processes,
                   struct trn_err *err) TRN_MUST_CHECK;
/* Live connections and sockets of the marked processes of a rule: aborted, unless excepted. Returns how many. Connected
 * datagram sockets are not destroyed: what they send and get is refused as long as the rule stands. */
int trn_cut_abort(struct trn_cut *c, uint32_t rule, uint32_t *ret_aborted, struct trn_err *err) TRN_MUST_CHECK;
/* What is taken away from this process now: a set. From any thread, without waiting. */
unsigned trn_cut_mark_of(const struct trn_cut *c, uint32_t tgid);

bool trn_cut_has(const struct trn_cut *c, uint32_t rule, uint32_t tgid);

struct trn_cut_counts {
    uint64_t unmarked;                   /* processes that got no mark for want of room */
    uint64_t refused[TRN_CUT_RULES + 1]; /* connections, messages and packets, by rule */
};
void trn_cut_counts(const struct trn_cut *c, struct trn_cut_counts *ret);
/* What somebody else has done to the hooks; NULL: nothing, or nothing is attached. */
const char *trn_cut_trouble(struct trn_cut *c);
bool trn_cut_attached(const struct trn_cut *c);
const struct trn_sensor_hook *trn_cut_hook(const struct trn_cut *c);

#endif
