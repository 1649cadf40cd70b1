/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the page of the chain's story, for the golden test. Arguments: "narrow", "note" (a person's curl), "json", "stopped" (with
 * what was done about it). */
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

static void step(struct script *s, uint64_t id, const char *act, const char *kind, const char *target,
                 enum trn_action_state state, const char *text)
{
    act_tick(s);
    struct trn_event *ev = &s->ev[s->n - 1];
    struct trn_event tick = *ev;
    trn_event_init(ev, TRN_EV_RESPONSE);
    ev->seq = tick.seq;
    ev->boot_ns = tick.boot_ns;
    ev->wall_ns = tick.wall_ns;
    ev->uid = id == 1 ? TRN_NO_U32 : 1000;
    ev->response.id = id;
    ev->response.story = 1;
    ev->response.act = trn_str_of(act);
    ev->response.target_kind = trn_str_of(kind);
    ev->response.target = trn_str_of(target);
    ev->response.state = trn_str_of(trn_action_state_name(state));
    ev->response.text = trn_str_of(text);
    ev->response.check = id == 1 ? TRN_STR("behaviour.second-stage") : TRN_STR_NONE;
    ev->response.by = id == 1 ? TRN_STR_NONE : TRN_STR("alice");
    ev->response.until_wall_ns = strcmp(act, "quarantine") == 0 ? 0 : tick.wall_ns + 7 * 86400 * TRN_NS_PER_SEC;
    wait_ms(s, 100);
}

#define HASH "5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e"

static void stopped(struct script *s)
{
    step(s, 1, "block", "sha256", HASH, TRN_ACTION_REQUESTED, NULL);
    step(s, 1, "block", "sha256", HASH, TRN_ACTION_DONE, "1 file marked");
    step(s, 1, "block", "sha256", HASH, TRN_ACTION_SEEN, "an attempt to run it was refused");
    step(s, 2, "isolate", "software", "acme-softphone=1.1", TRN_ACTION_DONE,
         "2 processes marked, 1 connection aborted");
    step(s, 3, "quarantine", "path", "/home/alice/.cache/acme/helper", TRN_ACTION_FAILED,
         "the file is another one than was meant");
    step(s, 2, "isolate", "software", "acme-softphone=1.1", TRN_ACTION_SEEN, "a new connection was refused");
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
    if (strncmp(what, "stopped", 7) == 0)
        stopped(s);
    machine_run(m, s, 0, s->n);
    trn_buf_init(&b, 1 << 20);
    const bool json = strcmp(what, "json") == 0 || strcmp(what, "stopped-json") == 0;
    if (json)
        trn_story_to_json(m->told[1], &b);
    else
        trn_story_print(m->told[1], strcmp(what, "narrow") == 0 ? 72 : 0, false, &b);
    fwrite(b.p, 1, b.n, stdout);
    trn_buf_done(&b);
    machine_free(m);
    script_free(s);
    return 0;
}
