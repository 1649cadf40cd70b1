/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: whether what turncoatd attached is still there and was run, and the records that say it was not. Root can detach a
 * link or flush marks, and so can whoever gets at our descriptors. Must not own anything: what is checked belongs to
 * its caller.
 */
#include "sensor/hook_check.h"
#include "sensor/hook.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/perf_event.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "sensor/bpf/wire.h"

int trn_hook_tell(const struct trn_sensor_hook *h, bool returned, const char *text, const struct trn_record_sink *sink)
{
    struct {
        struct trn_wire_hook head;
        char tail[256];
    } r = {.head = {.head = {.type = TRN_WIRE_HOOK, .version = TRN_WIRE_VERSION}}};
    size_t name = strlen(h->name), n = TRN_MIN(strlen(text), sizeof(r.tail) - name);

    r.head.head.time = trn_boot_ns();
    r.head.returned = returned;
    r.head.name_len = (uint16_t)name;
    r.head.text_len = (uint16_t)n;
    memcpy(r.tail, h->name, name);
    memcpy(r.tail + name, text, n);
    r.head.head.size = (uint32_t)(sizeof(r.head) + name + n);
    return sink->record(sink->ctx, (struct trn_str){(const char *)&r, r.head.head.size});
}

static uint32_t program_id(const struct bpf_program *p)
{
    struct bpf_prog_info info = {0};
    uint32_t n = sizeof(info);

    return bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &n) == 0 ? info.id : 0;
}

const char *trn_link_trouble(const struct bpf_link *link, const struct bpf_program *p)
{
    struct bpf_link_info info = {0};
    uint32_t n = sizeof(info);

    if (bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &n) != 0)
        return NULL; /* before 5.8 nobody knows, and nobody can detach it from outside */
    if (info.type == BPF_LINK_TYPE_CGROUP && info.cgroup.cgroup_id == 0)
        return "detached by somebody, or its cgroup was removed";
    if (info.prog_id != program_id(p))
        return "somebody put another program in its place";
    return NULL;
}

uint64_t trn_program_misses(const struct bpf_program *p)
{
    struct bpf_prog_info info = {0};
    uint32_t n = sizeof(info);

    return bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &n) == 0 ? info.recursion_misses : 0;
}

int trn_misses_tell(enum trn_class klass, uint64_t count, uint64_t since, const struct trn_record_sink *sink)
{
    const struct trn_wire_loss loss = {
        .head = {.size = sizeof(loss), .type = TRN_WIRE_LOSS, .version = TRN_WIRE_VERSION, .time = trn_boot_ns()},
        .class = klass,
        .count = count,
        .since = since,
    };

    return sink->record(sink->ctx, (struct trn_str){(const char *)&loss, sizeof(loss)});
}

static uint64_t perf_time(int fd)
{
    uint64_t v[2] = {0}; /* count, time enabled */

    return read(fd, v, sizeof(v)) == (ssize_t)sizeof(v) ? v[1] : 0;
}

bool trn_perf_check(const struct trn_sensor_fd *fds, size_t n, bool scoped, uint64_t *times)
{
    bool stopped = false;

    for (size_t i = 0; i < n; i++) {
        uint64_t now = perf_time(fds[i].fd);

        /* The clock of a cgroup's event stands still while the cgroup does; so nothing can be said, only done. */
        stopped = stopped || (!scoped && now != 0 && now == times[i]);
        times[i] = now;
        (void)ioctl(fds[i].fd, PERF_EVENT_IOC_ENABLE, 0);
        (void)ioctl(fds[i].fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 0);
    }
    return stopped;
}
