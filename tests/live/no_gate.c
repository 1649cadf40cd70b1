/* SPDX-License-Identifier: Apache-2.0 */
/* Stand-in until the gate is there. */
#include "sensor/gate.h"
int trn_held_new(struct trn_held **ret, struct trn_err *err) { return -ENOTSUP; }
struct trn_held *trn_held_free(struct trn_held *h) { return NULL; }
int trn_held_fd(const struct trn_held *h) { return -1; }
int trn_gate_open(const struct trn_gate_options *o, struct trn_gate **ret, struct trn_err *err) { return -ENOTSUP; }
struct trn_gate *trn_gate_close(struct trn_gate *g) { return NULL; }
int trn_gate_arm(struct trn_gate *g, unsigned what, uint32_t f, struct trn_err *err) { return -ENOTSUP; }
int trn_gate_fd(const struct trn_gate *g) { return -1; }
int trn_gate_read(struct trn_gate *g, void (*q)(void *ctx, const struct trn_gate_question *q), void *ctx) { return -1; }
int trn_gate_decide(struct trn_gate *g, const struct trn_gate_key *key, bool refuse) { return -1; }
void trn_gate_forget(struct trn_gate *g, const struct trn_gate_key *key) {}
int trn_gate_key_of(int fd, struct trn_gate_key *ret) { return -1; }
int trn_gate_let_go(struct trn_gate *g, uint32_t t, uint64_t s, bool kill) { return -1; }
