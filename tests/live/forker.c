/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: inert processes that fork, for tests of hold and kill. Whatever happens, each ends after LIFE_SEC, and there
 * are never more than MAX of them in all.
 *
 *   forker tree N        N processes, two children each; prints "ready"
 *   forker bomb RATE     every child forks on, too, as fast as makes RATE new ones a second in all
 *   forker chain USEC    forks a child in a session of its own, and ends after USEC; and so on
 *   forker threads N     N threads that spin, and one child
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LIFE_SEC 40
#define MAX 4000

static atomic_uint *made; /* in memory that all share */

static void sleep_on(void)
{
    for (;;)
        (void)pause();
}

/* Its children are two numbers of the same row, as in a heap. */
static void be_node(unsigned n)
{
    unsigned number = 0;

    for (unsigned child = 1; child <= 2 * number + 2 && child < n; child++) {
        if (child < 2 * number + 1)
            child = 2 * number + 1;
        if (child < n && fork() == 0) {
            number = child;
            child = 2 * number;
        }
    }
    (void)alarm(LIFE_SEC);
    atomic_fetch_add(made, 1);
    if (number == 0) {
        while (atomic_load(made) < n)
            (void)usleep(1000);
        (void)!write(STDOUT_FILENO, "ready\n", 6);
    }
    sleep_on();
}

/* Whose turn it is decides the shared count: the rate is that of all together. */
static void bomb(unsigned rate)
{
    (void)!write(STDOUT_FILENO, "ready\n", 6);
    (void)alarm(LIFE_SEC);
    for (unsigned i = 0; atomic_load(made) < MAX; i++) {
        unsigned alive = atomic_load(made) + 1;

        (void)usleep(1000000u / rate * alive);
        atomic_fetch_add(made, 1);
        if (fork() == 0) {
            (void)alarm(LIFE_SEC);
            i = 0;
        } else if (i == 3) {
            _exit(0); /* some leave orphans behind */
        }
    }
    sleep_on();
}

static void chain(unsigned usec)
{
    (void)!write(STDOUT_FILENO, "ready\n", 6);
    for (unsigned i = 0; i < MAX * 4; i++) {
        (void)alarm(LIFE_SEC);
        (void)usleep(usec);
        if (fork() != 0)
            _exit(0);
        (void)setsid();
    }
}

static void *spin(void *arg)
{
    for (;;)
        atomic_fetch_add((atomic_uint *)arg, 1);
    return NULL;
}

static void threads(unsigned n)
{
    pthread_t thread;

    (void)alarm(LIFE_SEC);
    if (fork() == 0) {
        (void)alarm(LIFE_SEC);
        sleep_on();
    }
    for (unsigned i = 0; i < n; i++)
        (void)pthread_create(&thread, NULL, spin, made);
    (void)!write(STDOUT_FILENO, "ready\n", 6);
    pthread_exit(NULL); /* the leader ends, the others go on */
}

int main(int argc, char **argv)
{
    unsigned n = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;

    made = mmap(NULL, sizeof(*made), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (argc < 3 || made == MAP_FAILED || n == 0 || n > 100000)
        return 2;
    (void)signal(SIGCHLD, SIG_IGN);
    if (strcmp(argv[1], "tree") == 0)
        be_node(n);
    else if (strcmp(argv[1], "bomb") == 0)
        bomb(n);
    else if (strcmp(argv[1], "chain") == 0)
        chain(n);
    else if (strcmp(argv[1], "threads") == 0)
        threads(n);
    return 2;
}
