/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: the fixture of the store's tests. Must not own: any test. */
#include "store_fixture.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

char store_dir[64], store_path[128];

void store_set_up(void)
{
    snprintf(store_dir, sizeof(store_dir), "/tmp/trn-store-XXXXXX");
    cr_assert_not_null(mkdtemp(store_dir));
    snprintf(store_path, sizeof(store_path), "%s/store.db", store_dir);
}

void store_tear_down(void)
{
    DIR *d = opendir(store_dir);
    struct dirent *e;

    while (d && (e = readdir(d)) != NULL)
        if (e->d_name[0] != '.')
            unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    rmdir(store_dir);
}

struct trn_store *store_open(const struct trn_store_options *o)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_store *s = NULL;
    struct trn_str note;
    struct trn_err err = {0};

    cr_assert_eq(trn_store_open(store_path, o, NOW, a, &s, &note, &err), 0, "%s", err.message);
    return s;
}

static const char *const programs[] = {"/usr/bin/curl", "/usr/bin/id", "/opt/acme/softphone", "/usr/bin/python3.11"};

void history_event(struct trn_event *ev, unsigned i, unsigned n)
{
    static const char *const names[] = {"www.example.test", "raw.codehost.test", "mail.example.test"};
    static const char *const files[] = {"/tmp/helper", "/home/u/.cache/acme/helper", "/home/u/notes.txt"};
    static const enum trn_event_type types[] = {TRN_EV_EXEC, TRN_EV_CONNECT, TRN_EV_DNS, TRN_EV_FILE, TRN_EV_IDENTITY};

    trn_event_init(ev, types[i % 5]);
    ev->seq = i + 1;
    ev->wall_ns = NOW - (n - i) * SECOND;
    ev->entity = 100 + i % 50;
    ev->pid = 1000 + i % 50;
    ev->uid = 1000;
    switch (ev->type) {
    case TRN_EV_EXEC:
        ev->exec.path = trn_str_of(programs[i / 5 % 4]);
        ev->exec.argv = TRN_STR("x\0--flag\0");
        if (i / 5 % 4 == 0) {
            ev->exec.env = TRN_STR("LD_PRELOAD=/tmp/x.so\0https_proxy=http://proxy\0");
            ev->exec.container = TRN_STR("web-1");
        }
        ev->exec.file = (struct trn_file_key){1, 10 + i / 5 % 4, 7};
        break;
    case TRN_EV_CONNECT:
        ev->net.family = 4;
        ev->net.dst[0] = 10;
        ev->net.dst[1] = 9;
        ev->net.dst[3] = (uint8_t)(i / 5 % 20);
        ev->net.dst_port = 443;
        break;
    case TRN_EV_DNS:
        ev->action = TRN_ACT_ANSWER;
        ev->dns.name = trn_str_of(names[i / 5 % 3]);
        ev->dns.answers = TRN_STR("10.9.0.77\0alias.test\0");
        break;
    case TRN_EV_FILE:
        ev->action = TRN_ACT_RENAMED;
        ev->file.path = trn_str_of(files[i / 5 % 3]);
        ev->file.old_path = TRN_STR("/tmp/part");
        break;
    default: /* what the programs are */
        ev->identity.path = trn_str_of(programs[i / 5 % 4]);
        ev->identity.file = (struct trn_file_key){1, 10 + i / 5 % 4, 7};
        ev->identity.id.sha256[0] = (uint8_t)(1 + i / 5 % 4);
        ev->identity.id.software.name = i / 5 % 4 == 2 ? TRN_STR("acme-softphone") : TRN_STR("base-tools");
        ev->identity.id.software.version = TRN_STR("1.1");
    }
}

void store_history(struct trn_store *s, unsigned n)
{
    struct trn_err err = {0};
    struct trn_event ev;

    for (unsigned i = 0; i < n; i++) {
        history_event(&ev, i, n);
        cr_assert_eq(trn_store_event(s, &ev, trn_str_of(programs[i / 5 % 4]), &err), 0, "%s", err.message);
    }
    cr_assert_eq(trn_store_commit(s, &err), 0, "%s", err.message);
}

int gather_line(void *ctx, struct trn_str json)
{
    struct lines *l = ctx;

    if (l->n++ == 0)
        snprintf(l->first, sizeof(l->first), "%.*s", TRN_STR_ARG(json));
    snprintf(l->last, sizeof(l->last), "%.*s", TRN_STR_ARG(json));
    return 0;
}
