/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the one line of JSON that an act prints, and the ways to end it early. Must not own: what is
 * done. One act a process, so the line is the process's own.
 */
#include "acts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    char text[8192];
    size_t n;
} line;

static void put(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void put(const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(line.text + line.n, sizeof(line.text) - line.n, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < sizeof(line.text) - line.n)
        line.n += (size_t)n;
}

static void put_quoted(const char *s)
{
    put("\"");
    for (; *s; s++) {
        if (*s == '"' || *s == '\\' || (unsigned char)*s < 0x20)
            put("\\u%04x", (unsigned char)*s);
        else
            put("%c", *s);
    }
    put("\"");
}

void tell_text(const char *key, const char *value)
{
    put(",\"%s\":", key);
    put_quoted(value);
}

void tell_number(const char *key, uint64_t value)
{
    put(",\"%s\":%llu", key, (unsigned long long)value);
}

void tell_file(const char *path)
{
    struct stat st;

    must(lstat(path, &st), "lstat");
    tell_text("path", path);
    tell_number("ino", st.st_ino);
}

static void print_line(const char *head)
{
    char out[sizeof(line.text) + 64];
    int n = snprintf(out, sizeof(out), "{%s%.*s}\n", head, (int)line.n, line.text);

    if (n > 0 && write(STDOUT_FILENO, out, (size_t)n) != n)
        _exit(1);
}

void tell_end(const struct row *row)
{
    char pid[32];

    (void)snprintf(pid, sizeof(pid), "\"pid\":%d", (int)getpid());
    tell_text("act", row->act);
    tell_text("way", row->way);
    print_line(pid);
    line.n = 0;
}

static _Noreturn void end(const char *key, const char *text, int code)
{
    line.n = 0;
    line.text[0] = '\0';
    put("\"%s\":", key);
    put_quoted(text);
    print_line("");
    _exit(code);
}

void skip(const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    end("skip", text, 0);
}

void fail(const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    end("error", text, 1);
}

long must(long v, const char *what)
{
    if (v == -1 && errno == ENOSYS)
        skip("this kernel has no such call");
    if (v == -1)
        fail("%s: %s", what, strerror(errno));
    if (v < 0)
        fail("%s: %s", what, strerror((int)-v));
    return v;
}
