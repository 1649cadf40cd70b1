/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: cuts processes off, for tests: the cut alone, told what to do line by line on stdin; one JSON object is the
 * answer to each.
 *
 *   cut-probe --scope CGROUP
 *   set RULE WHAT [ADDRESS[/BITS][@PORT]]...   WHAT: 1 network, 2 data, 5 network but what stands stays; a set
 *   program RULE PATH | process RULE PID | settle RULE | abort RULE | clear RULE
 *   mark PID | has RULE PID | refused RULE | attached | trouble
 *   hold | release | shielded    sensitive files are refused to those marked with 2; how often that was
 */
#include "sensor/cut.h"
#include "sensor/shield.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int host_of(char *word, struct trn_cut_host *ret)
{
    char *port = strchr(word, '@'), *bits = strchr(word, '/');

    memset(ret, 0, sizeof(*ret));
    if (port) {
        *port = '\0';
        ret->port = (uint16_t)strtoul(port + 1, NULL, 10);
    }
    if (bits)
        *bits = '\0';
    ret->family = strchr(word, ':') ? 6 : 4;
    if (inet_pton(ret->family == 6 ? AF_INET6 : AF_INET, word, ret->address) != 1)
        return -EINVAL;
    ret->prefix = (uint8_t)(bits ? strtoul(bits + 1, NULL, 10) : ret->family == 6 ? 128u : 32u);
    return 0;
}

static int set(struct trn_cut *c, uint32_t rule, char *rest, struct trn_err *err)
{
    struct trn_cut_host hosts[64];
    unsigned what = (unsigned)strtoul(rest ? rest : "1", NULL, 10);
    size_t n = 0;

    for (char *word = strtok(NULL, " "); word && n < TRN_ARRAY_SIZE(hosts); word = strtok(NULL, " ")) {
        if (host_of(word, &hosts[n++]) != 0)
            return -EINVAL;
    }
    return trn_cut_rule_set(c, rule, what, hosts, n, err);
}

static int program(struct trn_cut *c, uint32_t rule, const char *path)
{
    struct stat st;

    if (!path || stat(path, &st) != 0)
        return -errno;
    return trn_cut_program(c, rule, 0, st.st_ino,
                           (uint64_t)st.st_ctim.tv_sec * TRN_NS_PER_SEC + (uint64_t)st.st_ctim.tv_nsec);
}

/* As near as /proc knows it. */
static uint64_t start_of(const char *pid)
{
    char path[64], line[1024], *at;
    unsigned long long ticks = 0;
    FILE *f;

    (void)snprintf(path, sizeof(path), "/proc/%s/stat", pid);
    f = fopen(path, "re");
    if (f && fgets(line, sizeof(line), f) && (at = strrchr(line, ')'))) {
        for (int i = 0; i < 20 && at; i++)
            at = strchr(at + 1, ' ');
        ticks = at ? strtoull(at + 1, NULL, 10) : 0;
    }
    if (f)
        (void)fclose(f);
    return ticks * 10000000u;
}

static int act(struct trn_cut *c, struct trn_shield *s, char *line)
{
    struct trn_shield_places places;
    struct trn_err err = {0};
    struct trn_cut_counts counts;
    char *verb = strtok(line, " "), *first = strtok(NULL, " "), *second = strtok(NULL, " ");
    uint32_t rule = first ? (uint32_t)strtoul(first, NULL, 10) : 0, n = 0;
    uint64_t before = trn_mono_ns();
    int r = -EINVAL;

    if (!verb)
        return -EINVAL;
    if (strcmp(verb, "set") == 0)
        r = set(c, rule, second, &err);
    else if (strcmp(verb, "program") == 0)
        r = program(c, rule, second);
    else if (strcmp(verb, "process") == 0 && second)
        r = trn_cut_process(c, rule, (uint32_t)strtoul(second, NULL, 10), start_of(second));
    else if (strcmp(verb, "settle") == 0)
        r = trn_cut_settle(c, rule, 0, &n, &err);
    else if (strcmp(verb, "abort") == 0)
        r = trn_cut_abort(c, rule, &n, &err);
    else if (strcmp(verb, "clear") == 0)
        trn_cut_rule_clear(c, rule), r = 0;
    else if (strcmp(verb, "mark") == 0)
        n = trn_cut_mark_of(c, rule), r = 0;
    else if (strcmp(verb, "has") == 0 && second)
        n = trn_cut_has(c, rule, (uint32_t)strtoul(second, NULL, 10)), r = 0;
    else if (strcmp(verb, "refused") == 0)
        trn_cut_counts(c, &counts), n = (uint32_t)counts.refused[rule % (TRN_CUT_RULES + 1)], r = 0;
    else if (strcmp(verb, "attached") == 0)
        n = trn_cut_attached(c), r = 0;
    else if (strcmp(verb, "hold") == 0)
        r = trn_shield_hold(s, &places, &err), n = r == 0 ? (uint32_t)places.files : 0;
    else if (strcmp(verb, "release") == 0)
        trn_shield_release(s), r = 0;
    else if (strcmp(verb, "shielded") == 0)
        n = (uint32_t)trn_shield_refused(s), r = 0;
    else if (strcmp(verb, "trouble") == 0)
        n = trn_cut_trouble(c) != NULL, r = 0;
    (void)printf("{\"result\":\"%s\",\"n\":%u,\"us\":%llu}\n", r == 0 ? "ok" : trn_errno_name(r), n,
                 (unsigned long long)(trn_mono_ns() - before) / 1000);
    return r;
}

int main(int argc, char **argv)
{
    struct trn_cut_options o = {.sz = sizeof(o)};
    struct trn_err err = {0};
    struct trn_shield *s;
    struct trn_cut *c;
    char line[8192];

    if (argc == 3 && strcmp(argv[1], "--scope") == 0)
        o.scope_cgroup = argv[2];
    if (!o.scope_cgroup) /* a test has no business outside its own */
        return 2;
    if (trn_cut_open(&o, &c, &err) != 0 ||
        trn_shield_new(&(struct trn_shield_options){.sz = sizeof(struct trn_shield_options), .cut = c}, &s, &err) !=
            0) {
        (void)fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    (void)printf("{\"ready\":1}\n");
    (void)fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        (void)act(c, s, line);
        (void)fflush(stdout);
    }
    trn_shield_free(s);
    trn_cut_close(c);
    return 0;
}
