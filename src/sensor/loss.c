/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns the one table that says which class each counter of the kernel belongs to, and the
 * sums over it and over what perf and turncoatd told. Must not tell events: the reader does.
 */
#include "sensor/reader.h"

#include "sensor/bpf/wire.h"

enum {
    NOT_LOST = -1, /* left out on purpose */
    PART = -2,     /* counted again by another counter, which it says the reason of */
};

static const struct {
    unsigned index; /* TRN_WIRE_LOST_* */
    int klass;      /* enum trn_class */
    const char *name, *reason;
} kernel[] = {
    {TRN_WIRE_LOST_PROCESS, TRN_CLASS_PROCESS, NULL, "ring full"},
    {TRN_WIRE_LOST_SCRATCH, PART, "process", "scratch busy"},
    {TRN_WIRE_LOST_NETWORK, TRN_CLASS_NETWORK, NULL, "ring full"},
    {TRN_WIRE_LOST_DNS, TRN_CLASS_DNS, NULL, "ring full"},
    {TRN_WIRE_LOST_TLS, TRN_CLASS_TLS, NULL, "ring full"},
    {TRN_WIRE_LOST_ACCESS, TRN_CLASS_ACCESS, NULL, "ring full"},
    {TRN_WIRE_LOST_THROTTLED, NOT_LOST, "throttled", "its process made more than its share"},
    {TRN_WIRE_LOST_MUTED, NOT_LOST, "filtered", "a filter is set"},
};

#define N_KERNEL TRN_ARRAY_SIZE(kernel)

int trn_losses_init(struct trn_losses_read *l, size_t n_perf)
{
    l->n_perf = n_perf;
    l->perf = calloc(n_perf + 1, sizeof(*l->perf));
    l->sums = calloc(N_KERNEL * l->n_cpus + 1, sizeof(*l->sums));
    return l->perf && l->sums ? 0 : -ENOMEM;
}

void trn_losses_done(struct trn_losses_read *l)
{
    free(l->perf);
    free(l->sums);
}

static uint64_t counter(const struct trn_losses_read *l, size_t cpu, unsigned index)
{
    return __atomic_load_n(&l->counters[cpu].lost[index], __ATOMIC_RELAXED);
}

void trn_losses_sum(const struct trn_losses_read *l, uint64_t ret_lost[TRN_CLASS_MAX])
{
    memset(ret_lost, 0, TRN_CLASS_MAX * sizeof(ret_lost[0]));
    for (size_t i = 0; i < N_KERNEL; i++) {
        for (size_t cpu = 0; kernel[i].klass >= 0 && l->counters && cpu < l->n_cpus; cpu++)
            ret_lost[kernel[i].klass] += counter(l, cpu, kernel[i].index);
    }
    for (size_t i = 0; i < l->n_perf; i++)
        ret_lost[TRN_CLASS_MAPPING] += l->perf[i];
    for (unsigned k = 0; k < TRN_CLASS_MAX; k++)
        ret_lost[k] += l->made[k][TRN_WIRE_LOSS_PIPE] + l->made[k][TRN_WIRE_LOSS_QUEUE];
}

static struct trn_loss_row kernel_row(struct trn_losses_read *l, size_t i)
{
    struct trn_loss_row row = {.name =
                                   kernel[i].name ? kernel[i].name : trn_class_name((enum trn_class)kernel[i].klass),
                               .reason = kernel[i].reason,
                               .cpus = l->counters ? (uint32_t)l->n_cpus : 0,
                               .per_cpu = l->sums + i * l->n_cpus};

    for (size_t cpu = 0; cpu < row.cpus; cpu++) {
        uint64_t n = counter(l, cpu, kernel[i].index);

        /* The ring was full for those that did not fail for the other reason. */
        if (kernel[i].index == TRN_WIRE_LOST_PROCESS)
            n -= TRN_MIN(n, counter(l, cpu, TRN_WIRE_LOST_SCRATCH));
        l->sums[i * l->n_cpus + cpu] = n;
        row.count += n;
    }
    if (kernel[i].index == TRN_WIRE_LOST_THROTTLED)
        row.count += l->throttled_files; /* by turncoatd, on no CPU in particular */
    return row;
}

size_t trn_losses_rows(struct trn_losses_read *l, struct trn_loss_row ret[TRN_LOSS_ROWS])
{
    static const char *const made[] = {
        [TRN_WIRE_LOSS_PIPE] = "pipe to the engine full", [TRN_WIRE_LOSS_QUEUE] = "queue overflow"};
    size_t n = 0;

    for (size_t i = 0; i < N_KERNEL; i++)
        ret[n++] = kernel_row(l, i);
    ret[n] = (struct trn_loss_row){.name = trn_class_name(TRN_CLASS_MAPPING),
                                   .reason = "buffer full",
                                   .cpus = (uint32_t)l->n_perf,
                                   .per_cpu = l->perf};
    for (size_t i = 0; i < l->n_perf; i++)
        ret[n].count += l->perf[i];
    n++;
    for (unsigned k = 0; k < TRN_CLASS_MAX; k++) {
        for (unsigned why = 0; why < TRN_ARRAY_SIZE(made) && n < TRN_LOSS_ROWS; why++) {
            if (l->made[k][why])
                ret[n++] = (struct trn_loss_row){.name = trn_class_name((enum trn_class)k),
                                                 .reason = made[why],
                                                 .count = l->made[k][why]};
        }
    }
    return n;
}
