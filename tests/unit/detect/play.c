/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: the script, the machine and how far it was played. Must not own: what any test asks. */
#include "play.h"

struct script *s;
struct machine *m;
uint32_t pid;
static size_t played;

void play_setup(void)
{
    s = script_new();
    m = machine_new(NULL);
    pid = 1000;
    played = 0;
}

void play_teardown(void)
{
    machine_free(m);
    script_free(s);
}

void play_on(void)
{
    machine_run(m, s, played, s->n);
    played = s->n;
}

size_t told_of(const char *check)
{
    play_on();
    return machine_count(m, check);
}
