/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is the container named that a runtime meant by its cgroup, and nothing else? Each row is one question. */
#include "sensor/container.h"

#include <criterion/criterion.h>

#define ID "4f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define OTHER "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define POD "pod1c2d3e4f-0011-2233-4455-66778899aabb"

static const struct {
    const char *cgroup, *container; /* NULL: none */
} rows[] = {
    /* docker: systemd driver, cgroups driver, a whole system inside, one in the other */
    {"/system.slice/docker-" ID ".scope", ID},
    {"/docker/" ID, ID},
    {"/docker/" ID "/system.slice/ssh.service", ID},
    {"/docker/" OTHER "/docker/" ID, ID},
    {"/system.slice/docker-" OTHER ".scope/init.scope", OTHER},
    /* containerd and cri-o below Kubernetes */
    {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-" POD ".slice/cri-containerd-" ID ".scope", ID},
    {"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-" POD ".slice/crio-" ID ".scope", ID},
    {"/kubepods/burstable/" POD "/" ID, ID},
    {"/system.slice/containerd.service/kubepods-burstable-" POD ".slice:cri-containerd:" ID, ID},
    {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-" POD ".slice", NULL},
    {"/system.slice/crio-conmon-" ID ".scope", NULL},
    /* podman, as root and as a user; its monitor is no container */
    {"/machine.slice/libpod-" ID ".scope", ID},
    {"/machine.slice/libpod-" ID ".scope/container", ID},
    {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope", ID},
    {"/machine.slice/libpod-conmon-" ID ".scope", NULL},
    {"/libpod_parent/libpod-" ID, ID},
    {"/system.slice/pod.service/libpod-payload-" ID, ID},
    /* lxc, old and new */
    {"/lxc/web-1", "web-1"},
    {"/lxc/101/ns/system.slice", "101"},
    {"/lxc.payload.web.test/init.scope", "web.test"},
    {"/lxc.monitor.web.test", NULL},
    {"/lxc", NULL},
    /* systemd-nspawn, with systemd's way of writing a name; a machine of qemu is none */
    {"/machine.slice/machine-web\\x2d1.scope", "web-1"},
    {"/machine.slice/machine-deb.scope/payload/system.slice/x.service", "deb"},
    {"/machine.slice/systemd-nspawn@deb.service/payload", "deb"},
    {"/machine.slice/systemd-nspawn@deb.service/supervisor", NULL},
    {"/machine.slice/machine-qemu\\x2d1\\x2ddeb.scope", NULL},
    {"/machine.slice/machine-a\\x2.scope", "a\\x2"},
    {"/machine.slice/machine-.scope", NULL},
    /* what only looks like one */
    {"/", NULL},
    {"", NULL},
    {"/user.slice/user-1000.slice/session-3.scope", NULL},
    {"/system.slice/docker.service", NULL},
    {"/a" ID, NULL},
    {"/docker-" ID "0", NULL},
    {"/4F1E2D3C4B5A69788796A5B4C3D2E1F00F1E2D3C4B5A69788796A5B4C3D2E1F0", NULL},
    /* the upper part was too long to keep */
    {"...-" POD ".slice/cri-containerd-" ID ".scope", ID},
};

Test(sensor_container, table)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(rows); i++) {
        TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(4096);
        struct trn_str got = trn_container_of(trn_str_of(rows[i].cgroup), arena);

        cr_expect(trn_str_eq(got, trn_str_of(rows[i].container)), "row %zu (%s): got '%.*s'", i, rows[i].cgroup,
                  TRN_STR_ARG(got));
    }
    cr_expect(trn_str_is_none(trn_container_of(TRN_STR_NONE, NULL)));
}
