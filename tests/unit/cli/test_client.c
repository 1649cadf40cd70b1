/* SPDX-License-Identifier: Apache-2.0 */
/* Does the client survive what an engine may send: parts of lines, errors, nonsense, silence, an end? */
#include "cli/client.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct engine { /* a pretended one */
    char dir[64];
    pid_t pid;
};

static void engine_done(struct engine *e)
{
    char path[100];
    waitpid(e->pid, NULL, 0);
    snprintf(path, sizeof(path), "%s/turncoat.sock", e->dir);
    unlink(path);
    rmdir(e->dir);
}

/* Answers one connection with these parts, 20 ms apart, after one request; then closes it. */
static struct engine engine(const char *const *parts)
{
    struct engine e = {.dir = "/tmp/trn-client-XXXXXX"};
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    cr_assert(mkdtemp(e.dir));
    snprintf(a.sun_path, sizeof(a.sun_path), "%s/turncoat.sock", e.dir);
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
    cr_assert_eq(listen(s, 1), 0);
    e.pid = fork();
    if (e.pid == 0) {
        char request[4096];
        int c = accept(s, NULL, NULL);
        ssize_t n = read(c, request, sizeof(request));
        for (size_t i = 0; n > 0 && parts[i]; i++) {
            if (send(c, parts[i], strlen(parts[i]), MSG_NOSIGNAL) < 0)
                break;
            poll(NULL, 0, 20);
        }
        close(c);
        _exit(0);
    }
    close(s);
    return e;
}
#define ENGINE(name, ...) TRN_AUTO(engine_done) struct engine name = engine((const char *const[]){__VA_ARGS__, NULL})

struct heard {
    int n;
    char types[64];
};

static int hear(void *ctx, const char *type, json_t *payload)
{
    struct heard *h = ctx;
    h->n++;
    strncat(h->types, type, sizeof(h->types) - strlen(h->types) - 2);
    strcat(h->types, " ");
    cr_assert(json_is_object(payload));
    return 0;
}

static int ask(const struct engine *e, struct heard *h, struct trn_err *err)
{
    return trn_client_each(e->dir, json_pack("{s:s}", "ask", "status"), hear, h, err);
}

Test(client, lines_in_parts_and_several_in_one)
{
    ENGINE(e, "{\"type\":\"sta", "tus\",\"status\":{}}\n{\"type\":\"page\",\"text\":\"x\"}\n{\"type\":\"e", "nd\"}\n");
    struct heard h = {0};
    cr_assert_eq(ask(&e, &h, NULL), 0);
    cr_assert_str_eq(h.types, "status page ");
}

Test(client, an_error_keeps_message_hint_and_code)
{
    ENGINE(e, "{\"type\":\"error\",\"message\":\"no \\u001b story\",\"hint\":\"try\",\"code\":\"ENOENT\"}\n");
    struct heard h = {0};
    struct trn_err err = {0};
    cr_assert_eq(ask(&e, &h, &err), -ENOENT);
    cr_assert_str_eq(err.message, "no \\x1b story");
    cr_assert_str_eq(err.hint, "try");
}

Test(client, nonsense_is_an_error)
{
    const char *const lines[] = {"hello\n", "[]\n", "{}\n", "{\"type\":3}\n", "\n", "{\"type\":\"status\"\n"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(lines); i++) {
        ENGINE(e, lines[i]);
        struct heard h = {0};
        struct trn_err err = {0};
        cr_assert_eq(ask(&e, &h, &err), -EPROTO, "%s", lines[i]);
        cr_assert(err.message[0]);
    }
}

Test(client, an_answer_that_breaks_off_is_an_error)
{
    ENGINE(e, "{\"type\":\"status\",\"status\":{}}\n");
    struct heard h = {0};
    struct trn_err err = {0};
    cr_assert_eq(ask(&e, &h, &err), -ECONNRESET);
    cr_assert_eq(h.n, 1);
    cr_assert(err.hint[0]);
}

Test(client, waiting_has_a_limit)
{
    ENGINE(e, "{\"type\":\"status\",", "\"status\":", "{}}\n");
    struct trn_client *c = NULL;
    const char *type;
    json_t *payload;
    cr_assert_eq(trn_client_open(e.dir, &c, NULL), 0);
    cr_assert_eq(trn_client_ask(c, json_pack("{s:s}", "ask", "watch"), NULL), 0);
    cr_assert_eq(trn_client_next(c, 1, &type, &payload, NULL), -ETIMEDOUT);
    cr_assert_eq(trn_client_next(c, 2000, &type, &payload, NULL), 1);
    cr_assert_str_eq(type, "status");
    trn_client_free(c);
}
