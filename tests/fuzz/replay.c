/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: running a fuzz target over its corpus in the normal suite, so that old crashes stay fixed. Each
 * file is also tried cut short and with single bits flipped, which costs nothing and finds much.
 * Must not own: any knowledge of the format.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (1u << 20)
#define VARIANTS 512u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of exactly the right size, so that the sanitizer sees a read behind it. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    if (copy == NULL)
        exit(3);
    for (size_t i = 0; i < size; i++)
        copy[i] = data[i];
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void variants(uint8_t *data, size_t size)
{
    uint64_t seed = 0x9e3779b97f4a7c15u;

    for (unsigned i = 0; i < VARIANTS && size; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t at = (size_t)(seed >> 20) % size;
        uint8_t bit = (uint8_t)(1u << (seed >> 60 & 7));
        data[at] ^= bit;
        run(data, size);
        data[at] ^= bit;
        run(data, at);
    }
}

static int replay(const char *dir, const char *name)
{
    static uint8_t data[FILE_MAX];
    char path[4096];

    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
        return -1;
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return -1;
    size_t size = fread(data, 1, sizeof(data), f);
    fclose(f);
    run(data, size);
    variants(data, size);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned files = 0;
    struct dirent *e;
    DIR *d = argc == 2 ? opendir(argv[1]) : NULL;

    if (d == NULL) {
        fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    run((const uint8_t *)"", 0);
    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] == '.')
            continue;
        if (replay(argv[1], e->d_name) < 0) {
            fprintf(stderr, "cannot read '%s'\n", e->d_name);
            closedir(d);
            return 1;
        }
        files++;
    }
    closedir(d);
    printf("%u files\n", files);
    return files ? 0 : 1; /* an empty corpus tests nothing */
}
