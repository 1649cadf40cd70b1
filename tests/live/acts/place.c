/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the act's own folder and its children. Must not own: the acts. Nothing is taken away again:
 * the private root vanishes with all of it, and what is told can still be looked at.
 */
#include "acts.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

const char *join(const char *folder, const char *name)
{
    char *path;

    must(asprintf(&path, "%s/%s", folder, name), "asprintf");
    return path;
}

const char *fresh_folder(void)
{
    const char *top = getenv("ACTS_DIR");
    char *path;

    must(asprintf(&path, "%s/%d.XXXXXX", top ? top : "/tmp", (int)getpid()), "asprintf");
    if (!mkdtemp(path))
        fail("cannot make a folder in '%s'", top ? top : "/tmp");
    must(chmod(path, 0755), "chmod");
    return path;
}

const char *fresh(const char *name)
{
    return join(fresh_folder(), name);
}

int make_file(const char *path)
{
    int fd = (int)must(open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644), "open");

    must(write(fd, "turncoat\n", 9), "write");
    return fd;
}

void file_of_another(const char *path, unsigned mode)
{
    pid_t child = (pid_t)must(fork(), "fork");
    int status;

    if (child == 0) {
        close(make_file(path));
        _exit(chmod(path, mode) == 0 ? 0 : 1);
    }
    must(waitpid(child, &status, 0), "waitpid");
    must(status ? -1 : 0, path);
}

void copy_file(const char *from, const char *to, unsigned mode)
{
    int in = (int)must(open(from, O_RDONLY | O_CLOEXEC), from);
    int out = (int)must(open(to, O_CREAT | O_WRONLY | O_CLOEXEC, mode), to);

    while (must(sendfile(out, in, NULL, 1 << 20), "sendfile") > 0)
        continue;
    close(in);
    close(out);
}

const char *own_program(void)
{
    static char path[PATH_MAX];
    long n = must(readlink("/proc/self/exe", path, sizeof(path) - 1), "readlink");

    path[n] = '\0';
    return path;
}

const char *own_folder(void)
{
    char *path = strdup(own_program());

    *strrchr(path, '/') = '\0';
    return path;
}

int in_child(child_run what, const void *arg)
{
    int status;
    pid_t child = (pid_t)must(fork(), "fork");

    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        what(arg);
        _exit(0);
    }
    tell_number("child", (uint64_t)child);
    must(waitpid(child, &status, 0), "waitpid");
    return status;
}

pid_t hold_child(void)
{
    pid_t child = (pid_t)must(fork(), "fork");

    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* an act that fails leaves nobody behind */
        for (;;)
            pause();
    }
    tell_number("target", (uint64_t)child);
    return child;
}

void let_go(pid_t child)
{
    int status;

    must(kill(child, SIGKILL), "kill");
    must(waitpid(child, &status, 0), "waitpid");
}
