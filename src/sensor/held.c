/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns the table of stopped processes: a mappable BPF array, so that the gate's programs can write it too, or
 * a memory file where BPF is refused. Must not own: why somebody is stopped. Must not signal anybody.
 *
 * Three write or read it at once, without a lock: `kind` says that a slot is taken (from 0, by compare and swap), `tgid`
 * that it is filled in. So a reader that sees a tgid sees its start, too.
 */
#include "sensor/held.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

/* Whom more than one act of turncoatd's holds. The gate frees slots by itself: so it says of whom it is. */
struct share {
    uint32_t tgid, more; /* beside the first */
    uint64_t start_boot_ns;
};

struct trn_held {
    int fd;
    struct trn_held_table *table; /* a mapping */
    size_t mapped;
    pthread_mutex_t lock; /* of shares, which are turncoatd's alone */
    struct share shares[TRN_HELD_SLOTS];
};

static size_t whole_pages(size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (n + page - 1) / page * page;
}

/* A BPF array of one row, or a plain memory file of the same size. */
static int make_memory(size_t size)
{
    LIBBPF_OPTS(bpf_map_create_opts, o, .map_flags = BPF_F_MMAPABLE);
    int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "held", sizeof(uint32_t), sizeof(struct trn_held_table), 1, &o);

    if (fd >= 0)
        return fd;
    fd = memfd_create("turncoat-held", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && ftruncate(fd, (off_t)size) != 0)
        fd = trn_fd_close(fd);
    return fd < 0 ? -errno : fd;
}

int trn_held_new(struct trn_held **ret, struct trn_err *err)
{
    struct trn_held *h = calloc(1, sizeof(*h));
    int r;

    if (!h)
        return trn_fail(err, -ENOMEM, "cannot make the table of held processes: out of memory");
    h->mapped = whole_pages(sizeof(struct trn_held_table));
    h->fd = make_memory(h->mapped);
    if (h->fd < 0) {
        r = trn_fail(err, h->fd, "cannot make the table of held processes: %s", trn_errno_name(h->fd));
        free(h);
        return r;
    }
    h->table = mmap(NULL, h->mapped, PROT_READ | PROT_WRITE, MAP_SHARED, h->fd, 0);
    if (h->table == MAP_FAILED) {
        r = trn_fail(err, -errno, "cannot map the table of held processes: %s", trn_errno_name(-errno));
        trn_fd_close(h->fd);
        free(h);
        return r;
    }
    pthread_mutex_init(&h->lock, NULL);
    *ret = h;
    return 0;
}

struct trn_held *trn_held_free(struct trn_held *h)
{
    if (!h)
        return NULL;
    (void)munmap(h->table, h->mapped);
    trn_fd_close(h->fd);
    pthread_mutex_destroy(&h->lock);
    free(h);
    return NULL;
}

int trn_held_fd(const struct trn_held *h)
{
    return h->fd;
}

/* ---- whether a process is still the one that was meant ---- */

#define STAT_STATE 3u /* fields of /proc/PID/stat, as proc(5) numbers them */
#define STAT_THREADS 20u
#define STAT_START 22u
#define TICK_NS 10000000ull /* USER_HZ is 100 on every architecture that we build for */

/* What stands behind "(name)", of which the name may hold anything; a field from STAT_STATE on. */
static struct trn_str field_of(struct trn_str after_name, unsigned field)
{
    struct trn_str rest = after_name, word = {0};

    for (unsigned i = STAT_STATE; i <= field; i++) {
        if (!trn_str_split(&rest, ' ', &word))
            return TRN_STR_NONE;
    }
    return word;
}

bool trn_held_lives(uint32_t tgid, uint64_t start_boot_ns)
{
    TRN_AUTO(trn_fd_closep) int fd = -1;
    uint64_t start, threads;
    char path[32], text[1024];
    struct trn_str state, rest;
    ssize_t n;
    char *end;

    (void)snprintf(path, sizeof(path), "/proc/%u/stat", tgid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n <= 0)
        return false;
    text[n] = '\0';
    end = strrchr(text, ')');
    if (!end || end[1] != ' ')
        return false;
    rest = trn_str_of(end + 2);
    state = field_of(rest, STAT_STATE);
    if (trn_str_u64(field_of(rest, STAT_START), &start) != 0 || start != start_boot_ns / TICK_NS)
        return false;
    /* A leader that has ended may have threads that run. */
    return !(trn_str_eq(state, TRN_STR("Z")) && trn_str_u64(field_of(rest, STAT_THREADS), &threads) == 0 &&
             threads <= 1);
}

/* ---- slots ---- */

static bool slot_is(const struct trn_held_slot *s, uint32_t tgid, uint64_t start_boot_ns)
{
    return __atomic_load_n(&s->tgid, __ATOMIC_ACQUIRE) == tgid && s->start_boot_ns == start_boot_ns;
}

/* TRN_HELD_SLOTS: it is not there. */
static size_t find(const struct trn_held *h, uint32_t tgid, uint64_t start_boot_ns)
{
    size_t i = 0;

    while (i < TRN_HELD_SLOTS && !slot_is(&h->table->slots[i], tgid, start_boot_ns))
        i++;
    return i;
}

/* Where the search for a free slot begins: the gate does the same, so the first look finds one mostly. */
static bool take(struct trn_held *h, uint32_t tgid, uint32_t kind, size_t *ret)
{
    for (uint32_t i = 0; i < TRN_HELD_SLOTS; i++) {
        size_t at = (tgid + i) % TRN_HELD_SLOTS;
        uint32_t none = 0;

        if (__atomic_compare_exchange_n(&h->table->slots[at].kind, &none, kind, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED)) {
            *ret = at;
            return true;
        }
    }
    return false;
}

static void give(struct trn_held_slot *s)
{
    __atomic_store_n(&s->tgid, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&s->start_boot_ns, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&s->kind, 0, __ATOMIC_RELEASE);
}

int trn_held_add(struct trn_held *h, uint32_t tgid, uint64_t start_boot_ns, enum trn_held_kind kind)
{
    size_t at = 0;

    if (tgid == 0 || kind == 0)
        return -EINVAL;
    if (find(h, tgid, start_boot_ns) < TRN_HELD_SLOTS)
        return 0;
    if (!take(h, tgid, kind, &at)) {
        (void)trn_held_sweep(h);
        if (!take(h, tgid, kind, &at))
            return -ENOSPC;
    }
    __atomic_store_n(&h->table->slots[at].start_boot_ns, start_boot_ns, __ATOMIC_RELAXED);
    __atomic_store_n(&h->table->slots[at].tgid, tgid, __ATOMIC_RELEASE);
    return 0;
}

static bool is_shared(const struct trn_held *h, size_t at, uint32_t tgid, uint64_t start_boot_ns)
{
    const struct share *s = &h->shares[at];

    return s->more > 0 && s->tgid == tgid && s->start_boot_ns == start_boot_ns;
}

void trn_held_remove(struct trn_held *h, uint32_t tgid, uint64_t start_boot_ns)
{
    size_t at = tgid ? find(h, tgid, start_boot_ns) : TRN_HELD_SLOTS;

    if (at == TRN_HELD_SLOTS)
        return;
    pthread_mutex_lock(&h->lock);
    if (is_shared(h, at, tgid, start_boot_ns))
        h->shares[at].more--;
    else
        give(&h->table->slots[at]);
    pthread_mutex_unlock(&h->lock);
}

bool trn_held_share(struct trn_held *h, uint32_t tgid, uint64_t start_boot_ns)
{
    size_t at;

    pthread_mutex_lock(&h->lock);
    at = tgid ? find(h, tgid, start_boot_ns) : TRN_HELD_SLOTS;
    if (at < TRN_HELD_SLOTS) {
        const uint32_t more = is_shared(h, at, tgid, start_boot_ns) ? h->shares[at].more : 0;

        h->shares[at] = (struct share){tgid, more + 1, start_boot_ns};
    }
    pthread_mutex_unlock(&h->lock);
    return at < TRN_HELD_SLOTS;
}

bool trn_held_is_shared(struct trn_held *h, uint32_t tgid, uint64_t start_boot_ns)
{
    bool shared;
    size_t at;

    pthread_mutex_lock(&h->lock);
    at = tgid ? find(h, tgid, start_boot_ns) : TRN_HELD_SLOTS;
    shared = at < TRN_HELD_SLOTS && is_shared(h, at, tgid, start_boot_ns);
    pthread_mutex_unlock(&h->lock);
    return shared;
}

bool trn_held_has(const struct trn_held *h, uint32_t tgid, uint64_t start_boot_ns)
{
    return tgid && find(h, tgid, start_boot_ns) < TRN_HELD_SLOTS;
}

uint32_t trn_held_count(const struct trn_held *h)
{
    uint32_t n = 0;

    for (size_t i = 0; i < TRN_HELD_SLOTS; i++)
        n += __atomic_load_n(&h->table->slots[i].tgid, __ATOMIC_ACQUIRE) != 0;
    return n;
}

uint32_t trn_held_sweep(struct trn_held *h)
{
    uint32_t n = 0;

    for (size_t i = 0; i < TRN_HELD_SLOTS; i++) {
        struct trn_held_slot *s = &h->table->slots[i];
        uint32_t tgid = __atomic_load_n(&s->tgid, __ATOMIC_ACQUIRE);

        if (tgid == 0 || trn_held_lives(tgid, s->start_boot_ns))
            continue;
        give(s);
        n++;
    }
    return n;
}
