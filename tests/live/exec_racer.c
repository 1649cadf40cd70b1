/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: a process that lies while it calls exec, for the test of what the sensor tells then.
 *
 *   exec-racer race COUNT A B    COUNT children, one after another: in each, threads keep rewriting
 *                                the path (A or B, equal in length), the words and a variable, while
 *                                it calls execve with them
 *   exec-racer note ...          what A and B are copies of: copies its words and the variable as it
 *                                finds them, overwrites them in memory, and prints the copies
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS 6
#define WORD_SIZE 64
#define VARIABLE "LD_RACE="

static char words[WORDS][WORD_SIZE], variable[WORD_SIZE], path[4096];
static const char *paths[2];
static volatile unsigned turns; /* of the path */

/* Never writes a NUL inside, so that each word keeps its length whatever the kernel catches. */
static void scribble(char *at, size_t n, uint64_t *state)
{
    for (size_t i = 0; i < n; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        ((volatile char *)at)[i] = (char)('a' + (*state >> 33) % 26);
    }
}

static void *rewrite_words(void *arg)
{
    uint64_t state = (uint64_t)(uintptr_t)arg + (uint64_t)getpid();

    for (;;) {
        for (int i = 2; i < WORDS; i++)
            scribble(words[i], WORD_SIZE - 1, &state);
        scribble(variable + strlen(VARIABLE), WORD_SIZE - 1 - strlen(VARIABLE), &state);
    }
    return NULL;
}

static void *rewrite_path(void *arg)
{
    size_t n = strlen(paths[0]);

    for (;; turns++)
        for (size_t i = 0; i < n; i++)
            ((volatile char *)path)[i] = paths[turns & 1][i];
    return arg;
}

static void race_once(void)
{
    char *argv[WORDS + 1] = {NULL}, *envp[] = {variable, NULL};
    uint64_t state = (uint64_t)getpid();
    pthread_t t;

    memcpy(variable, VARIABLE, strlen(VARIABLE));
    scribble(variable + strlen(VARIABLE), WORD_SIZE - 1 - strlen(VARIABLE), &state);
    memcpy(words[0], "racer", 6);
    memcpy(words[1], "note", 5);
    for (int i = 0; i < WORDS; i++) {
        if (i >= 2)
            scribble(words[i], WORD_SIZE - 1, &state);
        argv[i] = words[i];
    }
    memcpy(path, paths[0], strlen(paths[0]) + 1);
    if (pthread_create(&t, NULL, rewrite_words, NULL) != 0 || pthread_create(&t, NULL, rewrite_words, &state) != 0 ||
        pthread_create(&t, NULL, rewrite_path, NULL) != 0)
        _exit(3);
    while (turns < 2)
        ;
    for (;;) /* a path caught between A and B is a file that does not exist */
        execve(path, argv, envp);
}

static int race(int count)
{
    for (int i = 0; i < count; i++) {
        int status;
        pid_t child = fork();

        if (child == 0)
            race_once();
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
            return 1;
    }
    return 0;
}

static int note(int argc, char **argv)
{
    static char copy[WORDS + 1][WORD_SIZE], line[4096];
    char *own = getenv("LD_RACE"), exe[512];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    int at;

    if (argc != WORDS || !own || n < 0)
        return 2;
    exe[n] = '\0';
    for (int i = 0; i < argc; i++) {
        memcpy(copy[i], argv[i], strlen(argv[i]) + 1);
        memset(argv[i], 'Z', strlen(argv[i]));
    }
    memcpy(copy[WORDS], own, strlen(own) + 1);
    memset(own, 'Z', strlen(own));
    at = snprintf(line, sizeof(line), "%d %s %s", (int)getpid(), exe, copy[WORDS]);
    for (int i = 0; i < argc; i++)
        at += snprintf(line + at, sizeof(line) - (size_t)at, " %s", copy[i]);
    line[at++] = '\n';
    return write(STDOUT_FILENO, line, (size_t)at) == at ? 0 : 4;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "note") == 0)
        return note(argc, argv);
    if (argc != 5 || strcmp(argv[1], "race") != 0 || strlen(argv[3]) != strlen(argv[4]))
        return 2;
    paths[0] = argv[3];
    paths[1] = argv[4];
    return race(atoi(argv[2]));
}
