/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: opens one dummy perf event a CPU, whose side-band records tell executable mappings and
 * BPF programs. Must not map them: the engine does. The descriptors belong to struct trn_sensor.
 *
 * Not asked for: build-ids in the mapping records. They cost 7 us an exec (a third of all that a program start costs), and
 * stand in place of the file's device and inode, which say more: they join a load with who wrote that file.
 */
#include "sensor/hook.h"
#include "sensor/loader.h"

#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/perf_event.h>

#define PERF_TOTAL (2u << 20) /* for all CPUs together */
#define PERF_LEAST 8u         /* pages a CPU */
#define PERF_MOST 64u

static uint32_t pages_each(long cpus)
{
    uint32_t pages = (uint32_t)(PERF_TOTAL / (unsigned long)sysconf(_SC_PAGESIZE) / (unsigned long)cpus);
    uint32_t power = PERF_LEAST;

    while (power * 2 <= pages && power < PERF_MOST)
        power *= 2;
    return power;
}

static int open_cpu(int cpu, const struct trn_scope *scope, uint32_t bytes)
{
    struct perf_event_attr a = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof(a),
        .config = PERF_COUNT_SW_DUMMY,
        .read_format = PERF_FORMAT_TOTAL_TIME_ENABLED, /* shows whether it still runs */
        .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
        .mmap = 1,
        .mmap2 = 1,
        .comm = 1,
        .comm_exec = 1,
        .ksymbol = 1, /* the names of the programs */
        .bpf_event = 1,
        .sample_id_all = 1,
        .watermark = 1,
        .wakeup_watermark = bytes / 4,
        .use_clockid = 1,
        .clockid = CLOCK_BOOTTIME,
    };
    unsigned long flags = PERF_FLAG_FD_CLOEXEC | (scope->id ? PERF_FLAG_PID_CGROUP : 0);

    return (int)syscall(SYS_perf_event_open, &a, scope->id ? scope->fd : -1, cpu, -1, flags);
}

size_t trn_perf_open(const struct trn_scope *scope, struct trn_sensor_fd *fds, size_t max, struct trn_sensor_hook *hook)
{
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    uint32_t bytes = pages_each(cpus > 0 ? cpus : 1) * (uint32_t)sysconf(_SC_PAGESIZE);
    size_t n = 0;

    trn_hook_set(hook, TRN_HOOK_ON, "%s", "");
    for (int cpu = 0; cpu < cpus; cpu++) {
        int fd;

        if (n == max) {
            trn_hook_set(hook, TRN_HOOK_DEGRADED, "only the first %zu of %ld CPUs", n, cpus);
            break;
        }
        fd = open_cpu(cpu, scope, bytes);
        if (fd < 0 && errno == ENODEV)
            continue; /* a CPU that is off */
        if (fd < 0) {
            trn_hook_set(hook, n ? TRN_HOOK_DEGRADED : TRN_HOOK_OFF, "cannot open a perf event on CPU %d: %s", cpu,
                         trn_errno_name(-errno));
            break;
        }
        fds[n++] = (struct trn_sensor_fd){.kind = TRN_SENSOR_FD_PERF, .size = bytes, .fd = fd};
    }
    return n;
}
