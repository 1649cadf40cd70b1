/* SPDX-License-Identifier: Apache-2.0 */
/* The stage of the executor's tests. Each test is a process of its own, so what stands here is its alone. */
#ifndef TRN_TEST_EXECUTOR_STAGE_H
#define TRN_TEST_EXECUTOR_STAGE_H

#include "response/execute/executor.h"

#include <criterion/criterion.h>

#define STEPS_MAX 64

struct executor_world { /* what the stand-ins were asked, and what they are to answer */
    unsigned planned, acted, checked, undone, resumed;
    int act_fails, check_says, undo_fails; /* an error to return */
    bool slow_gate;                        /* the slow act waits for it */
};
extern struct executor_world world;

struct executor_told {
    pthread_mutex_t lock;
    char steps[STEPS_MAX][64]; /* "7 seen" */
    unsigned n;
};
extern struct executor_told told;

extern int dir_fd, listen_fd, client_fd;
extern bool policy_allows;

void executor_setup(void);
void executor_teardown(void);
bool was_told(const char *step);
void wait_for(const char *step); /* fails after 10 s */
int start(struct trn_executor **ret, struct trn_err *err);
struct trn_executor *started(void);
struct trn_act_request request(enum trn_respond what, const char *text);
int ask(struct trn_executor *x, const struct trn_act_request *q, int client, uint64_t *ret_id);
int undo_id(struct trn_executor *x, uint64_t id);

#endif
