/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: one io_uring with one request, or two linked ones. Must not own: what is asked for.
 */
#include "acts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ring {
    struct io_uring ring;
    enum ring_mode mode;
    unsigned requests;
};

/* liburing's probe stops at the opcodes that its own headers know. */
static void want_opcode(struct io_uring *ring, int opcode)
{
    struct io_uring_probe *p = calloc(1, sizeof(*p) + 256 * sizeof(p->ops[0]));

    if (!p || io_uring_register_probe(ring, p, 256) != 0)
        skip("this kernel's io_uring does not say what it can");
    if (opcode > p->last_op || !(p->ops[opcode].flags & IO_URING_OP_SUPPORTED))
        skip("this kernel's io_uring does not know request %d", opcode);
    free(p);
}

struct ring *ring_new(enum ring_mode mode, int opcode)
{
    struct ring *r = calloc(1, sizeof(*r));
    struct io_uring_params p = {.flags = mode == RING_SQPOLL ? IORING_SETUP_SQPOLL : 0, .sq_thread_idle = 1000};
    int e;

    if (!r)
        fail("out of memory");
    r->mode = mode;
    e = io_uring_queue_init_params(8, &r->ring, &p);
    if (e == -ENOSYS || e == -EPERM)
        skip("this kernel refuses io_uring: %s", strerror(-e));
    must(e, "io_uring_queue_init");
    want_opcode(&r->ring, opcode);
    if (mode == RING_LINKED) {
        struct io_uring_sqe *first = ring_sqe(r);

        io_uring_prep_nop(first);
        io_uring_sqe_set_flags(first, IOSQE_IO_LINK);
    }
    return r;
}

struct io_uring_sqe *ring_sqe(struct ring *r)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);

    if (!sqe)
        fail("the ring is full");
    memset(sqe, 0, sizeof(*sqe));
    r->requests++;
    return sqe;
}

void ring_sparse_files(struct ring *r)
{
    must(io_uring_register_files_sparse(&r->ring, 4), "io_uring_register_files_sparse");
}

int ring_do(struct ring *r)
{
    int result = 0;

    if (r->mode == RING_ASYNC) { /* the preparing calls reset the flags, so only now */
        struct io_uring_sqe *last = &r->ring.sq.sqes[(r->ring.sq.sqe_tail - 1) & *r->ring.sq.kring_mask];

        last->flags |= IOSQE_ASYNC;
    }
    must(io_uring_submit_and_wait(&r->ring, r->requests), "io_uring_submit");
    for (; r->requests > 0; r->requests--) {
        struct io_uring_cqe *cqe;

        must(io_uring_wait_cqe(&r->ring, &cqe), "io_uring_wait_cqe");
        result = cqe->res;
        io_uring_cqe_seen(&r->ring, cqe);
    }
    return result;
}
