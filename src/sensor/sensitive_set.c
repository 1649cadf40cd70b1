/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns the list of sensitive folders and files that carry a mark, found by their file handles: whatever name
 * leads to them (a hard link, a bind mount, a renamed folder), they are what they are. Bounded: the oldest file makes
 * room. A handle carries the generation of its inode, so a number used again is not taken for the old file.
 */
#include "sensor/fanotify.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/vfs.h>

#define FOLDERS_MAX 4096
#define FILES_MAX 8192

#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID 0x200
#endif

struct file_entry {
    unsigned place;
    char path[];
};

struct trn_places {
    struct trn_map *folders; /* key -> path below its home, owned */
    struct trn_map *files;   /* key -> struct file_entry, owned */
};

static void empty(struct trn_map *m)
{
    uint64_t key, value;
    size_t it = 0;

    while (m && trn_map_next(m, &it, &key, &value))
        free((void *)(uintptr_t)value);
    trn_map_free(m);
}

struct trn_places *trn_places_free(struct trn_places *p)
{
    if (p) {
        empty(p->folders);
        empty(p->files);
        free(p);
    }
    return NULL;
}

struct trn_places *trn_places_new(void)
{
    struct trn_places *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->folders = trn_map_new(FOLDERS_MAX);
    p->files = trn_map_new(FILES_MAX);
    return p->folders && p->files ? p : trn_places_free(p);
}

uint64_t trn_place_key(struct trn_str fsid, struct trn_str handle)
{
    return trn_hash64_mix(trn_hash64_str(fsid), trn_hash64_str(handle));
}

int trn_place_key_of(int fd, uint64_t *ret)
{
    union {
        struct file_handle head;
        uint8_t bytes[sizeof(struct file_handle) + TRN_HANDLE_MAX];
    } h;
    struct statfs st;
    int mount_id;

    if (fstatfs(fd, &st) != 0)
        return -errno;
    h.head.handle_bytes = TRN_HANDLE_MAX;
    if (name_to_handle_at(fd, "", &h.head, &mount_id, AT_EMPTY_PATH) != 0) {
        h.head.handle_bytes = TRN_HANDLE_MAX;
        if (name_to_handle_at(fd, "", &h.head, &mount_id, AT_EMPTY_PATH | AT_HANDLE_FID) != 0)
            return -errno;
    }
    *ret = trn_place_key((struct trn_str){(const char *)&st.f_fsid, sizeof(st.f_fsid)},
                         (struct trn_str){(const char *)h.bytes, sizeof(h.head) + h.head.handle_bytes});
    return 0;
}

int trn_places_put_folder(struct trn_places *p, uint64_t key, const char *below)
{
    const char *old = trn_map_get_ptr(p->folders, key);
    char *fresh;
    int r;

    if (old && strcmp(old, below) == 0)
        return 0;
    fresh = strdup(below);
    if (!fresh)
        return -ENOMEM;
    r = trn_map_put_ptr(p->folders, key, fresh);
    free(r == 0 ? (void *)(uintptr_t)old : fresh);
    return r;
}

static void drop_oldest(struct trn_map *m)
{
    uint64_t key, value;
    size_t it = 0;

    if (trn_map_next(m, &it, &key, &value) && trn_map_remove(m, key, NULL))
        free((void *)(uintptr_t)value);
}

int trn_places_put_file(struct trn_places *p, uint64_t key, unsigned place, const char *path)
{
    struct file_entry *old = trn_map_get_ptr(p->files, key), *fresh;
    size_t n = strlen(path) + 1;
    int r;

    if (old && old->place == place && strcmp(old->path, path) == 0)
        return 0;
    fresh = malloc(sizeof(*fresh) + n);
    if (!fresh)
        return -ENOMEM;
    fresh->place = place;
    memcpy(fresh->path, path, n);
    if (!old && trn_map_count(p->files) == FILES_MAX)
        drop_oldest(p->files);
    r = trn_map_put_ptr(p->files, key, fresh);
    free(r == 0 ? old : fresh);
    return r;
}

const char *trn_places_folder(const struct trn_places *p, uint64_t key)
{
    return p ? trn_map_get_ptr(p->folders, key) : NULL;
}

unsigned trn_places_file(const struct trn_places *p, uint64_t key, const char **ret_path)
{
    const struct file_entry *e = p ? trn_map_get_ptr(p->files, key) : NULL;

    if (!e)
        return 0;
    *ret_path = e->path;
    return e->place;
}

size_t trn_places_count(const struct trn_places *p)
{
    return trn_map_count(p->folders) + trn_map_count(p->files);
}
