/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the page of the chain's story, for the golden test. Arguments: "narrow", "note" (a person's curl), "json". */
#include "chain.h"

#include <stdio.h>

static void a_note(struct script *s)
{
    act_start(s, 101, 200, "/usr/bin/curl", "curl -o tool");
    act_connect(s, 200, "10.0.0.1", 443);
    act_write(s, 200, "/home/alice/tool");
    wait_ms(s, 65000);
    act_start(s, 101, 201, "/home/alice/tool", "./tool");
    act_stop(s);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    struct script *s = script_new();
    struct machine *m = machine_new(NULL);
    struct trn_buf b;
    if (strcmp(what, "note") == 0)
        a_note(s);
    else
        the_chain(s);
    machine_run(m, s, 0, s->n);
    trn_buf_init(&b, 1 << 20);
    if (strcmp(what, "json") == 0)
        trn_story_to_json(m->told[1], &b);
    else
        trn_story_print(m->told[1], strcmp(what, "narrow") == 0 ? 72 : 0, false, &b);
    if (strcmp(what, "json") != 0)
        trn_story_print_line(m->told[1], false, &b);
    fwrite(b.p, 1, b.n, stdout);
    trn_buf_done(&b);
    machine_free(m);
    script_free(s);
    return 0;
}
