/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: takes files into a vault and puts them back, for tests; can end itself with SIGKILL right behind a step.
 *
 *   vault-probe STATE take ID PATH [--copy] [--crash STEP] [--max BYTES] [--change]
 *   vault-probe STATE restore ID [--copy] [--crash STEP]
 *   vault-probe STATE recover
 *   vault-probe STATE plan|act ID PATH [--key INO CTIME_NS]
 *   vault-probe STATE check|undo ID
 * STATE is the response folder. One line a result: "ok TEXT", or the error's code, message, hint.
 */
#include "response/execute/execute.h"
#include "response/execute/vault.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

struct probe {
    struct trn_vault vault;
    struct trn_act_tools tools;
    struct trn_act_file file;
    const char *path;
    uint64_t id;
    int crash;
    bool change;
};

static void stepped(void *ctx, enum trn_vault_step s)
{
    const struct probe *p = ctx;

    if ((int)s == p->crash)
        (void)raise(SIGKILL);
    if (p->change && s == TRN_STEP_TAKE_RECORD) {
        TRN_AUTO(trn_fd_closep) int fd = open(p->path, O_WRONLY | O_APPEND | O_CLOEXEC);

        (void)!write(fd, "x", 1);
    }
}

static int take(struct probe *p, struct trn_err *err)
{
    struct trn_arena *arena = trn_arena_new(0);
    struct trn_vault_place place;
    int r = trn_vault_find(trn_str_of(p->path), arena, &place, err);

    if (r == 0) {
        r = trn_vault_take(&p->vault, p->id, &place, NULL, err);
        trn_vault_place_done(&place);
    }
    trn_arena_free(arena);
    return r;
}

static int by_ops(const struct probe *p, const char *verb, struct trn_buf *text, struct trn_err *err)
{
    const struct trn_act_ops *ops = &trn_act_quarantine;
    struct trn_act a = {.id = p->id, .arena = trn_arena_new(0)};
    int r;

    a.q =
        (struct trn_act_request){.act = TRN_RESPOND_QUARANTINE, .target = TRN_TARGET_PATH, .text = trn_str_of(p->path)};
    if (p->file.key.ino) {
        a.q.files = &p->file;
        a.q.n_files = 1;
    }
    a.keep = trn_str_of("it");
    if (strcmp(verb, "plan") == 0)
        r = ops->plan(&p->tools, &a.q, text, err);
    else if (strcmp(verb, "act") == 0)
        r = ops->act(&p->tools, &a, text, err);
    else if (strcmp(verb, "check") == 0)
        r = ops->check(&p->tools, &a, text, err);
    else
        r = strcmp(verb, "undo") == 0 ? ops->undo(&p->tools, &a, text, err) : -EINVAL;
    trn_arena_free(a.arena);
    return r;
}

static int by_vault(struct probe *p, const char *verb, uint64_t max, bool copy, struct trn_err *err)
{
    int r = trn_vault_open(p->tools.response_fd, &p->vault, err);

    if (r < 0)
        return r;
    p->vault.step = stepped;
    p->vault.ctx = p;
    p->vault.always_copy = copy;
    p->vault.max_bytes = max ? max : p->vault.max_bytes;
    if (strcmp(verb, "take") == 0)
        r = take(p, err);
    else if (strcmp(verb, "restore") == 0)
        r = trn_vault_restore(&p->vault, p->id, err);
    else
        r = trn_vault_recover(&p->vault, err);
    trn_vault_close(&p->vault);
    return r;
}

int main(int argc, char **argv)
{
    struct probe p = {0};
    struct trn_err err = {0};
    struct trn_buf text;
    uint64_t max = 0;
    bool copy = false;
    int r, i = 3;

    if (argc < 3)
        return 2;
    if (argc > 3 && strcmp(argv[2], "recover") != 0)
        p.id = strtoull(argv[i++], NULL, 10);
    if (i < argc && argv[i][0] == '/')
        p.path = argv[i++];
    for (; i < argc; i++) {
        if (strcmp(argv[i], "--copy") == 0)
            copy = true;
        else if (strcmp(argv[i], "--change") == 0)
            p.change = true;
        else if (strcmp(argv[i], "--crash") == 0 && i + 1 < argc)
            p.crash = (int)strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--max") == 0 && i + 1 < argc)
            max = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--key") == 0 && i + 2 < argc) {
            p.file.key.ino = strtoull(argv[++i], NULL, 10);
            p.file.key.ctime_ns = strtoull(argv[++i], NULL, 10);
            p.file.path = trn_str_of(p.path);
        } else
            return 2;
    }
    p.tools = (struct trn_act_tools){.scope_fd = -1, .state_dir = argv[1]};
    p.tools.response_fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    trn_buf_init(&text, 1 << 16);
    if (strcmp(argv[2], "take") == 0 || strcmp(argv[2], "restore") == 0 || strcmp(argv[2], "recover") == 0)
        r = by_vault(&p, argv[2], max, copy, &err);
    else
        r = by_ops(&p, argv[2], &text, &err);
    if (r == 0)
        (void)printf("ok %.*s\n", TRN_STR_ARG(trn_buf_str(&text)));
    else
        (void)printf("%s: %s; %s\n", trn_errno_name(r), err.message, err.hint);
    trn_buf_done(&text);
    return 0;
}
