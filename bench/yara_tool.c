/* SPDX-License-Identifier: Apache-2.0 */
/* yara-tool RULES-DIR LIST [CACHE]: "RULE PATH" for each match over the files of LIST, by our matcher; for comparison with the
 * yara command. Times and sizes on stderr. */
#include "artifact/artifact.h"
#include "software/software.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static int bundle_of(const char *dir)
{
    struct dirent **names = NULL;
    char path[4096];
    int fd = memfd_create("rules", MFD_CLOEXEC), n = scandir(dir, &names, NULL, alphasort);
    if (fd < 0 || n < 0 || trn_bundle_put_header(fd) < 0)
        return -1;
    for (int i = 0; i < n; i++) {
        struct trn_str name = trn_str_of(names[i]->d_name);
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
        TRN_AUTO(trn_fd_closep) int from = trn_str_ends(name, TRN_STR(".yar")) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (from >= 0 && trn_bundle_put_file(fd, name, from) < 0)
            return -1;
        free(names[i]);
    }
    free(names);
    return fd;
}

static void on_bad(void *ctx, struct trn_str file, uint32_t line, struct trn_str why)
{
    fprintf(stderr, "bad %.*s:%u: %.*s\n", TRN_STR_ARG(file), line, TRN_STR_ARG(why));
}

static int on_found(void *ctx, const struct trn_finding *f)
{
    printf("%.*s %s\n", TRN_STR_ARG(f->evidence[0].value), (const char *)ctx);
    return 0;
}

static int one(const struct trn_matcher *m, char *path, struct trn_arena *arena)
{
    TRN_AUTO(trn_fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct trn_source s;
    struct trn_str name = trn_path_base(trn_str_of(path));
    struct trn_artifact a = {.id = 1, .name = name};
    if (fd < 0 || trn_source_fd(&fd, 0, &s) < 0)
        return 0;
    int e = trn_format_probe(&s, name, &a.format);
    if (e == 0)
        e = m->match(m->ctx, &s, &a, name, UINT64_MAX, arena, on_found, path);
    trn_arena_reset(arena);
    return e;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    uint64_t t0 = trn_mono_ns();
    int in = argc > 3 ? open(argv[3], O_RDONLY | O_CLOEXEC) : -1;
    int out = argc > 3 && in < 0 ? open(argv[3], O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    struct trn_yara_options o = {sizeof(o), bundle_of(argv[1]), in, out, on_bad, NULL};
    struct trn_yara_rules *rules = NULL;
    struct trn_yara_scanner *scanner = NULL;
    struct trn_err err = {0};
    char line[4096];
    if (trn_yara_compile(&o, &rules, &err) < 0 || trn_yara_scanner_new(rules, 0, &scanner, &err) < 0) {
        fprintf(stderr, "yara-tool: %s\n", err.message);
        return 1;
    }
    fprintf(stderr, "%u rules in %.3f s%s\n", trn_yara_rules_count(rules), (double)(trn_mono_ns() - t0) / 1e9,
            trn_yara_rules_cached(rules) ? " (cache)" : "");
    struct trn_matcher m = trn_yara_matcher(scanner);
    struct trn_arena *arena = trn_arena_new(64u << 20);
    FILE *list = fopen(argv[2], "re");
    while (list && fgets(line, sizeof(line), list)) {
        line[strcspn(line, "\n")] = '\0';
        int e = one(&m, line, arena);
        if (e < 0)
            fprintf(stderr, "%s: %s %s\n", line, trn_errno_name(e), m.slow(m.ctx));
    }
    if (list)
        fclose(list);
    trn_arena_free(arena);
    trn_yara_scanner_free(scanner);
    trn_yara_rules_free(rules);
    return 0;
}
