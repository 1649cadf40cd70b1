/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does the memory of who wrote what stay bounded, and does it forget the harmless first? */
#include "detect/behaviour/behaviour.h"
#include "script.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define ROWS 64

static struct trn_detect_ctx ctx;
static struct trn_process_table *table;
static uint64_t forgotten, remembered;

static int on_state(void *c, const struct trn_event *ev)
{
    (void)c;
    if (ev->state.value.n)
        remembered++;
    else
        forgotten++;
    return 0;
}

static void write_file(struct trn_provenance *p, struct trn_contacts *c, uint32_t pid, uint64_t ino)
{
    struct trn_event ev;
    char path[32];
    trn_event_init(&ev, TRN_EV_FILE);
    ev.action = TRN_ACT_WRITTEN;
    ev.pid = pid;
    ev.entity = entity_of(pid);
    ev.boot_ns = ev.wall_ns = 1000 + ino;
    ev.file.file = (struct trn_file_key){1, ino, 1000 + ino};
    int n = snprintf(path, sizeof(path), "/tmp/%llu", (unsigned long long)ino);
    ev.file.path = (struct trn_str){path, (size_t)n};
    cr_assert_eq(trn_provenance_push(p, &ctx, c, &ev, NULL), 0);
}

static bool known(const struct trn_provenance *p, uint64_t ino)
{
    return trn_provenance_find(p, &(struct trn_file_key){1, ino, 0}, TRN_STR_NONE) != NULL;
}

Test(provenance, bounded_and_the_harmless_goes_first)
{
    struct script *s = script_new();
    struct trn_contacts *c = trn_contacts_new(8);
    struct trn_provenance *p = trn_provenance_new(ROWS);
    cr_assert_eq(trn_process_table_new(&(struct trn_process_options){.sz = sizeof(struct trn_process_options)}, &table),
                 0);
    ctx = (struct trn_detect_ctx){.processes = table, .state = {on_state, NULL}};
    softphone(s, "1.0");
    act_start(s, 1, 813, "/opt/quiet/quiet", "quiet");
    act_connect(s, 812, "10.0.0.1", 1);
    for (size_t i = 0; i < s->n; i++) {
        cr_assert_eq(trn_process_apply(table, &s->ev[i]), 0);
        cr_assert_eq(trn_contacts_push(c, &ctx, &s->ev[i]), 0);
    }
    remembered = 0;
    for (uint64_t ino = 1; ino <= 10; ino++)
        write_file(p, c, 812, ino);
    cr_assert_eq(remembered, 10);
    for (uint64_t ino = 100; ino < 1100; ino++)
        write_file(p, c, 813, ino);
    cr_assert_eq(trn_provenance_count(p), ROWS);
    for (uint64_t ino = 1; ino <= 10; ino++)
        cr_assert(known(p, ino), "the tainted row %llu is gone", (unsigned long long)ino);
    cr_assert(!known(p, 100) && known(p, 1099));
    cr_assert_eq(forgotten, 0);
    size_t bytes = trn_provenance_bytes(p);
    for (uint64_t ino = 2000; ino < 2200; ino++)
        write_file(p, c, 812, ino);
    cr_assert_eq(trn_provenance_count(p), ROWS);
    cr_assert(!known(p, 1) && known(p, 2199));
    cr_assert_eq(forgotten, 10 + 200 - ROWS, "%llu", (unsigned long long)forgotten);
    cr_assert_leq(trn_provenance_bytes(p), bytes + 64 * ROWS);
    /* written over by somebody without the network: no longer from there, and the row is taken back */
    write_file(p, c, 813, 2199);
    cr_assert_eq(forgotten, 10 + 200 - ROWS + 1);
    trn_provenance_free(p);
    trn_contacts_free(c);
    trn_process_table_free(table);
    script_free(s);
}
