/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: finds the row that is asked for and does it, once, in a process of its own.
 *
 *   acts LIST              every act and way, a JSON line each
 *   acts DO ACT WAY        does one; prints what it did, {"skip": why}, or {"error": what}
 *   acts ALL [ACT]         each row (of one act) as `acts DO` in a child of its own
 *   acts BEFORE            what before.c has, all in one process, until standard input ends
 *   acts END N             ends with N: what an act that starts a program starts
 *   acts MAKE PATH         makes a file, a while after its own start and before its end
 *
 * ACTS_DIR names the folder for files (default /tmp). A row that takes too long is ended by its own alarm.
 */
#include "acts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS 20
#define WHILE_US 400000

static const struct family *const families[] = {&files_family,  &content_family, &open_family,    &net_family,
                                                &names_family,  &exec_family,    &process_family, &memory_family,
                                                &access_family, &identity_family};

static void list_family(const struct family *f)
{
    for (const struct row *r = f->rows; r->act; r++)
        (void)printf("{\"family\":\"%s\",\"act\":\"%s\",\"way\":\"%s\"}\n", f->name, r->act, r->way);
}

static int list(void)
{
    for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++)
        list_family(families[f]);
    list_family(&before_family);
    return 0;
}

static int do_one(const char *act, const char *way)
{
    for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
        for (const struct row *r = families[f]->rows; r->act; r++) {
            if (strcmp(r->act, act) != 0 || strcmp(r->way, way) != 0)
                continue;
            (void)alarm(SECONDS);
            r->run(r);
            tell_end(r);
            return 0;
        }
    }
    (void)fprintf(stderr, "acts: no act '%s' in the way '%s'\nhint: acts LIST\n", act, way);
    return 2;
}

static void run_row(const char *program, const struct row *r)
{
    pid_t child;
    int status;

    (void)fflush(stdout);
    child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        (void)execl(program, "acts", "DO", r->act, r->way, (char *)NULL);
        _exit(127);
    }
    must(waitpid(child, &status, 0), "waitpid");
    (void)printf("{\"ended\":%d,\"act\":\"%s\",\"way\":\"%s\",\"pid\":%d}\n", status, r->act, r->way, (int)child);
}

static int do_all(const char *act)
{
    const char *program = own_program();

    for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++)
        for (const struct row *r = families[f]->rows; r->act; r++)
            if (!act || strcmp(act, r->act) == 0)
                run_row(program, r);
    return 0;
}

static int hold_all(void)
{
    char byte;

    for (const struct row *r = before_family.rows; r->act; r++) {
        r->run(r);
        tell_end(r);
    }
    return read(STDIN_FILENO, &byte, 1) < 0;
}

static int make_after_a_while(const char *path)
{
    int fd;

    (void)usleep(WHILE_US);
    fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
    (void)usleep(WHILE_US);
    return fd < 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "LIST") == 0)
        return list();
    if (argc == 4 && strcmp(argv[1], "DO") == 0)
        return do_one(argv[2], argv[3]);
    if ((argc == 2 || argc == 3) && strcmp(argv[1], "ALL") == 0)
        return do_all(argv[2]);
    if (argc == 2 && strcmp(argv[1], "BEFORE") == 0)
        return hold_all();
    if (argc == 3 && strcmp(argv[1], "END") == 0)
        return (int)strtol(argv[2], NULL, 10);
    if (argc == 3 && strcmp(argv[1], "MAKE") == 0)
        return make_after_a_while(argv[2]);
    (void)fputs("usage: acts LIST | DO ACT WAY | ALL [ACT] | BEFORE | END N | MAKE PATH\n", stderr);
    return 2;
}
