/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: perf side-band records to events: executable mappings (LIB_LOAD, MEM_EXEC) and BPF
 * programs. Read through the cursor like everything foreign. A mapping tells either the build-id or
 * device and inode of its file, never both: the engine asks for the rest by path.
 */
#include "sensor/reader.h"

#include <sys/mman.h>

#include <linux/perf_event.h>

#define BUILD_ID_MAX 20u
#define TRAILER 16u /* sample_id_all: pid, tid, time */

struct perf_head {
    uint32_t type;
    uint16_t misc, size;
};

static struct perf_head read_head(struct trn_cursor *c)
{
    struct perf_head h;

    h.type = trn_cur_u32le(c);
    h.misc = trn_cur_u16le(c);
    h.size = trn_cur_u16le(c);
    if (h.size != c->n)
        c->bad = true;
    return h;
}

enum trn_perf_kind trn_perf_peek(struct trn_cursor record, uint64_t *ret_value)
{
    struct perf_head h = read_head(&record);

    if (record.bad)
        return TRN_PERF_OTHER;
    switch (h.type) {
    case PERF_RECORD_MMAP2:
        return TRN_PERF_MAPPING;
    case PERF_RECORD_BPF_EVENT:
        return TRN_PERF_BPF;
    case PERF_RECORD_KSYMBOL:
        return TRN_PERF_SYMBOL;
    case PERF_RECORD_COMM:
        if (!(h.misc & PERF_RECORD_MISC_COMM_EXEC))
            return TRN_PERF_OTHER;
        *ret_value = trn_cur_u32le(&record);
        return TRN_PERF_EXEC;
    case PERF_RECORD_LOST:
        (void)trn_cur_u64le(&record);
        *ret_value = trn_cur_u64le(&record);
        return record.bad ? TRN_PERF_OTHER : TRN_PERF_LOST;
    default:
        return TRN_PERF_OTHER;
    }
}

/* Who and when stand behind every record. */
static void read_trailer(struct trn_cursor *c, struct trn_event *ev)
{
    uint32_t pid, tid;

    trn_cur_seek(c, c->n - TRAILER);
    pid = trn_cur_u32le(c);
    tid = trn_cur_u32le(c);
    ev->boot_ns = trn_cur_u64le(c);
    if (pid != 0 && pid != UINT32_MAX) {
        ev->pid = pid;
        ev->tid = tid;
    }
}

/* Names that perf gives to memory without a file. */
static bool is_anonymous(struct trn_str path)
{
    return trn_str_eq_c(path, "//anon") || trn_str_eq_c(path, "[heap]") || trn_str_eq_c(path, "[stack]") ||
           trn_str_starts(path, TRN_STR("/dev/zero")) || trn_str_starts(path, TRN_STR("/SYSV")) ||
           trn_str_starts(path, TRN_STR("[anon"));
}

/* Sets type and action; -ENODATA for the kernel's own pages. */
int trn_classify_mapping(struct trn_str path, uint32_t prot, struct trn_event *ev)
{
    if (trn_str_eq_c(path, "[vdso]") || trn_str_eq_c(path, "[vsyscall]") || trn_str_eq_c(path, "[uprobes]"))
        return -ENODATA;
    ev->type = TRN_EV_MEM_EXEC;
    if (trn_str_starts(path, TRN_STR("/memfd:")))
        ev->action = TRN_ACT_MEMFD;
    else if ((prot & PROT_WRITE) && (prot & PROT_EXEC))
        ev->action = TRN_ACT_WRITABLE;
    else if (is_anonymous(path))
        ev->action = TRN_ACT_ANONYMOUS;
    else
        ev->type = TRN_EV_LIB_LOAD;
    return 0;
}

/* The 24 bytes that are either the file's numbers or its build-id. */
static void read_file(struct trn_cursor *c, bool has_build_id, struct trn_event *ev)
{
    if (has_build_id) {
        uint8_t n = trn_cur_u8(c);

        trn_cur_skip(c, 3);
        if (n > BUILD_ID_MAX) {
            c->bad = true;
            return;
        }
        if (n > 0)
            ev->map.build_id = trn_cur_bytes(c, n);
        trn_cur_skip(c, BUILD_ID_MAX - n);
        return;
    }
    uint32_t major = trn_cur_u32le(c), minor = trn_cur_u32le(c);

    ev->map.file.ino = trn_cur_u64le(c);
    if (ev->map.file.ino != 0)
        ev->map.file.dev = (uint64_t)major << 20 | minor;
    (void)trn_cur_u64le(c); /* generation */
}

static int decode_mapping(struct trn_cursor *c, const struct perf_head *h, struct trn_event *ev)
{
    struct trn_cursor body;
    struct trn_str path;
    int r;

    trn_event_init(ev, TRN_EV_LIB_LOAD);
    if (c->n < TRAILER)
        return -EBADMSG;
    body = trn_cur_sub(c, 0, c->n - TRAILER);
    trn_cur_seek(&body, c->at);
    trn_cur_skip(&body, 8); /* pid and tid, again in the trailer */
    ev->map.address = trn_cur_u64le(&body);
    ev->map.length = trn_cur_u64le(&body);
    (void)trn_cur_u64le(&body); /* offset in the file */
    read_file(&body, (h->misc & PERF_RECORD_MISC_MMAP_BUILD_ID) != 0, ev);
    ev->map.prot = trn_cur_u32le(&body);
    (void)trn_cur_u32le(&body); /* MAP_ flags */
    path = trn_cur_until(&body, '\0', 4096);
    if (body.bad)
        return -EBADMSG;
    read_trailer(c, ev);
    if (c->bad)
        return -EBADMSG;
    if (ev->pid == TRN_NO_U32)
        return -ENODATA;
    r = trn_classify_mapping(path, ev->map.prot, ev);
    if (is_anonymous(path))
        ev->map.file = (struct trn_file_key){0}; /* shared memory has an inode, but no file */
    else
        ev->map.path = path;
    return r;
}

static int decode_bpf(struct trn_cursor *c, struct trn_arena *arena, struct trn_event *ev)
{
    uint16_t type = trn_cur_u16le(c);
    struct trn_str tag;
    char hex[17];

    trn_event_init(ev, TRN_EV_BPF);
    (void)trn_cur_u16le(c);
    ev->meta.count = trn_cur_u32le(c);
    tag = trn_cur_bytes(c, 8);
    if (c->bad || c->n < TRAILER)
        return -EBADMSG;
    if (type != PERF_BPF_EVENT_PROG_LOAD && type != PERF_BPF_EVENT_PROG_UNLOAD)
        return -ENODATA;
    ev->action = type == PERF_BPF_EVENT_PROG_LOAD ? TRN_ACT_LOADED : TRN_ACT_UNLOADED;
    trn_hex(tag.p, tag.n, hex);
    ev->meta.text = trn_arena_str(arena, trn_str_of(hex));
    if (trn_str_is_none(ev->meta.text))
        return -ENOMEM;
    read_trailer(c, ev);
    return c->bad ? -EBADMSG : 0;
}

int trn_decode_perf(struct trn_cursor record, struct trn_arena *arena, struct trn_event *ret)
{
    struct perf_head h = read_head(&record);

    if (record.bad)
        return -EBADMSG;
    if (h.type == PERF_RECORD_MMAP2)
        return decode_mapping(&record, &h, ret);
    if (h.type == PERF_RECORD_BPF_EVENT)
        return decode_bpf(&record, arena, ret);
    return -ENODATA;
}
