/* SPDX-License-Identifier: Apache-2.0 */
/* A pretended engine: it answers one connection with what the test wrote down. */
#ifndef TRN_TEST_CLI_PRETEND_H
#define TRN_TEST_CLI_PRETEND_H

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

static inline void engine_done(struct engine *e)
{
    char path[100];
    waitpid(e->pid, NULL, 0);
    snprintf(path, sizeof(path), "%s/turncoat.sock", e->dir);
    unlink(path);
    rmdir(e->dir);
}

/* Answers one connection with these parts, 20 ms apart, after one request; then closes it. */
static inline struct engine engine(const char *const *parts)
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

#endif
