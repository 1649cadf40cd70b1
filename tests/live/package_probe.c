/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: the acts "remove" and "rollback" by themselves, for tests: one step in one process, as turncoatd's executor
 * would call it; what an action keeps lies in STATE between the steps. One JSON object is the answer.
 *
 *   package-probe STATE ID plan|act|check|undo|resume remove|rollback TARGET [--to VERSION] [--run-scripts] [--for SEC]
 */
#include "response/execute/execute.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int say(int code, const struct trn_err *err, const struct trn_buf *text)
{
    TRN_AUTO(trn_buf_done) struct trn_buf out;
    trn_buf_init(&out, 1u << 20);
    trn_put_fmt(&out, "{\"code\":\"%s\",\"text\":", code ? trn_errno_name(code) : "ok");
    trn_json_str(&out, trn_buf_str(text));
    trn_put_c(&out, ",\"message\":");
    trn_json_str(&out, trn_str_of(code ? err->message : ""));
    trn_put_c(&out, ",\"hint\":");
    trn_json_str(&out, trn_str_of(code ? err->hint : ""));
    (void)printf("%s}\n", out.p);
    return code ? 1 : 0;
}

static int step(const struct trn_act_ops *ops, const char *what, const struct trn_act_tools *t, struct trn_act *a,
                struct trn_buf *text, struct trn_err *err)
{
    if (strcmp(what, "plan") == 0)
        return ops->plan(t, &a->q, text, err);
    if (strcmp(what, "act") == 0)
        return ops->act(t, a, text, err);
    if (strcmp(what, "check") == 0)
        return ops->check(t, a, text, err);
    if (strcmp(what, "undo") == 0)
        return ops->undo(t, a, text, err);
    return strcmp(what, "resume") == 0 ? ops->resume(t, a, err) : -EINVAL;
}

static void options(int argc, char **argv, struct trn_act *a)
{
    struct trn_act_request *q = &a->q;
    for (int i = 6; i < argc; i++) {
        if (strcmp(argv[i], "--run-scripts") == 0)
            q->flags |= TRN_ACT_RUN_SCRIPTS;
        else if (strcmp(argv[i], "--resumed") == 0)
            a->resumed = true;
        else if (strcmp(argv[i], "--for") == 0)
            q->seconds = 60;
        else if (strcmp(argv[i], "--to") == 0 && i + 1 < argc)
            q->version = trn_str_of(argv[++i]);
    }
}

int main(int argc, char **argv)
{
    struct trn_err err = {0};
    char kept[512], folder[512];
    TRN_AUTO(trn_buf_done) struct trn_buf text, keep = {0};
    if (argc < 6)
        return 2;
    (void)snprintf(folder, sizeof folder, "%s/response", argv[1]);
    (void)snprintf(kept, sizeof kept, "%s/keep.%s", argv[1], argv[2]);
    (void)mkdir(argv[1], 0750);
    (void)mkdir(folder, 0750);
    struct trn_act_tools t = {.state_dir = argv[1],
                              .response_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                              .scope_fd = -1};
    bool rollback = strcmp(argv[4], "rollback") == 0;
    const struct trn_act_ops *ops = rollback ? &trn_act_rollback : &trn_act_remove;
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(0);
    struct trn_act a = {.arena = arena, .q = {.target = TRN_TARGET_SOFTWARE, .text = trn_str_of(argv[5])}};
    if (!arena || trn_str_u64(trn_str_of(argv[2]), &a.id) < 0 || t.response_fd < 0)
        return 2;
    a.q.act = (uint8_t)ops->kind;
    options(argc, argv, &a);
    trn_buf_init(&text, 1u << 16);
    if (trn_read_file(kept, TRN_ACT_KEEP_MAX, &keep, NULL) == 0)
        a.keep = trn_buf_str(&keep);
    int code = step(ops, argv[3], &t, &a, &text, &err);
    if (a.keep.n && trn_write_file_atomic(kept, a.keep, 0600, NULL) < 0)
        return 2;
    return say(code, &err, &text);
}
