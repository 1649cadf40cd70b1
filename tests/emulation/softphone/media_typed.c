/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A release of the bundled library for one test: a sh below the softphone, fed by a named pipe that the test writes to, or,
 * where there is no pipe, on a connection to loopback. INERT: it does what the test types, inside the test's private
 * root, and ends with the pipe or the connection.
 */
#include "loopback.h"
#include "media.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#define TYPED "/tmp/acme-typed"
#define PORT 4444

static pthread_t worker;
static bool started;

static void *work(void *unused)
{
    int in = open(TYPED, O_RDONLY | O_CLOEXEC);
    int out = in < 0 ? in = loopback_connect("127.0.0.1", PORT) : open("/dev/null", O_WRONLY | O_CLOEXEC);
    pid_t child = in < 0 ? -1 : fork();

    (void)unused;
    if (child == 0) {
        dup2(in, 0);
        dup2(out, 1);
        dup2(out, 2);
        execl("/bin/sh", "sh", (char *)0);
        _exit(127);
    }
    if (in >= 0)
        close(in);
    if (out >= 0 && out != in)
        close(out);
    if (child > 0)
        waitpid(child, NULL, 0);
    return NULL;
}

const char *acme_media_version(void)
{
    return "1.2";
}

void acme_media_open(void)
{
    started = pthread_create(&worker, NULL, work, NULL) == 0;
}

void acme_media_close(void)
{
    if (started)
        pthread_join(worker, NULL);
}
