/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a load of vfork + exec + exit + wait of one program, at full speed or at a fixed rate.
 * Must not own: what is compared with what (sensor.py). Prints one JSON object.
 *
 *   load-exec PROGRAM COUNT             one after the other, as fast as it goes
 *   load-exec PROGRAM RATE SECONDS      so many a second; up to 64 at once when the machine is behind
 */
#include "load.h"

#include <sys/wait.h>

#define AT_ONCE 64u

static void start(char *program)
{
    char *argv[] = {program, NULL};
    char *envp[] = {NULL};
    pid_t pid = vfork();
    if (pid == 0) {
        execve(program, argv, envp);
        _exit(127);
    }
    if (pid < 0)
        load_die("vfork");
}

static void reap(void)
{
    int status;
    if (wait(&status) < 0)
        load_die("wait");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "load-exec: the program failed\n");
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: load-exec PROGRAM COUNT | PROGRAM RATE SECONDS\n");
        return 2;
    }
    uint64_t n = load_number(argv[2]);
    start(argv[1]);
    reap();

    struct load load = load_begin();
    if (argc == 3) {
        for (uint64_t i = 0; i < n; i++) {
            start(argv[1]);
            reap();
            load_slice(&load, 1);
        }
        load_end(&load, n);
        return 0;
    }
    uint64_t total = n * load_number(argv[3]), done = 0;
    unsigned running = 0;
    while (done < total) {
        uint64_t due = load_due(&load, n, total);
        for (; done < due; done++, running++) {
            if (running == AT_ONCE) {
                reap();
                running--;
            }
            start(argv[1]);
        }
        for (; running; running--)
            reap();
        if (done < total)
            load_pause();
    }
    load_end(&load, total);
    return 0;
}
