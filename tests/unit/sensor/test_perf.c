/* SPDX-License-Identifier: Apache-2.0 */
/* Question: do perf records become mapping events, and are lying ones refused? */
#include "sensor/reader.h"

#include <criterion/criterion.h>
#include <sys/mman.h>

#include <linux/perf_event.h>

static struct trn_arena *arena;

static void set_up(void)
{
    arena = trn_arena_new(1 << 16);
}

static void tear_down(void)
{
    arena = trn_arena_free(arena);
}

TestSuite(sensor_perf, .init = set_up, .fini = tear_down);

/* A PERF_RECORD_MMAP2 as the kernel lays it out; name is padded to 8. */
static void mmap2(struct trn_buf *b, const char *name, uint32_t prot, int build_id_size)
{
    size_t padded = (strlen(name) + 8) & ~(size_t)7;

    trn_buf_init(b, 8192);
    trn_put_u32(b, PERF_RECORD_MMAP2);
    trn_put_u16(b, build_id_size >= 0 ? PERF_RECORD_MISC_MMAP_BUILD_ID : 0);
    trn_put_u16(b, (uint16_t)(8 + 8 + 24 + 24 + 8 + padded + 16));
    trn_put_u32(b, 42);
    trn_put_u32(b, 43);
    trn_put_u64(b, 0x1000);
    trn_put_u64(b, 0x2000);
    trn_put_u64(b, 0);
    if (build_id_size >= 0) {
        trn_put_u8(b, (uint8_t)build_id_size);
        trn_put(b, "\0\0\0", 3);
        trn_put(b, "ABCDEFGHIJKLMNOPQRST", 20);
    } else {
        trn_put_u32(b, 8);
        trn_put_u32(b, 2);
        trn_put_u64(b, 1234);
        trn_put_u64(b, 1);
    }
    trn_put_u32(b, prot);
    trn_put_u32(b, MAP_PRIVATE);
    trn_put(b, name, strlen(name));
    trn_put(b, "\0\0\0\0\0\0\0\0", padded - strlen(name));
    trn_put_u32(b, 42);
    trn_put_u32(b, 43);
    trn_put_u64(b, 999);
}

static int decode(const char *name, uint32_t prot, int build_id_size, struct trn_event *ret)
{
    static struct trn_buf b; /* the event borrows from it */

    trn_buf_done(&b);
    mmap2(&b, name, prot, build_id_size);
    return trn_decode_perf(trn_cur_of(trn_buf_str(&b)), arena, ret);
}

Test(sensor_perf, a_library_with_its_build_id)
{
    struct trn_event ev;

    cr_assert_eq(decode("/usr/lib/libz.so.1", PROT_READ | PROT_EXEC, 20, &ev), 0);
    cr_expect_eq(ev.type, TRN_EV_LIB_LOAD);
    cr_expect(trn_str_eq_c(ev.map.path, "/usr/lib/libz.so.1"));
    cr_expect(trn_str_eq_c(ev.map.build_id, "ABCDEFGHIJKLMNOPQRST"));
    cr_expect_eq(ev.pid, 42);
    cr_expect_eq(ev.tid, 43);
    cr_expect_eq(ev.boot_ns, 999);
    cr_expect_eq(ev.entity, 0);
    cr_expect_eq(ev.map.address, 0x1000);
    cr_expect_eq(ev.map.length, 0x2000);
    cr_expect(trn_file_key_is_none(&ev.map.file));
}

Test(sensor_perf, without_build_id_the_file_has_its_numbers)
{
    struct trn_event ev;

    cr_assert_eq(decode("/opt/x", PROT_EXEC, -1, &ev), 0);
    cr_expect_eq(ev.map.file.dev, 8u << 20 | 2);
    cr_expect_eq(ev.map.file.ino, 1234);
    cr_expect(trn_str_is_none(ev.map.build_id));
}

Test(sensor_perf, executable_memory_has_kinds)
{
    static const struct {
        const char *name;
        uint32_t prot;
        int type, action;
        bool path;
    } cases[] = {
        {"//anon", PROT_READ | PROT_EXEC, TRN_EV_MEM_EXEC, TRN_ACT_ANONYMOUS, false},
        {"//anon", PROT_READ | PROT_WRITE | PROT_EXEC, TRN_EV_MEM_EXEC, TRN_ACT_WRITABLE, false},
        {"[heap]", PROT_READ | PROT_EXEC, TRN_EV_MEM_EXEC, TRN_ACT_ANONYMOUS, false},
        {"/dev/zero (deleted)", PROT_EXEC, TRN_EV_MEM_EXEC, TRN_ACT_ANONYMOUS, false},
        {"/memfd:x (deleted)", PROT_EXEC, TRN_EV_MEM_EXEC, TRN_ACT_MEMFD, true},
        {"/opt/rwx.so", PROT_WRITE | PROT_EXEC, TRN_EV_MEM_EXEC, TRN_ACT_WRITABLE, true},
        {"/opt/memfd:x", PROT_EXEC, TRN_EV_LIB_LOAD, TRN_ACT_NONE, true},
    };

    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        struct trn_event ev;

        cr_assert_eq(decode(cases[i].name, cases[i].prot, -1, &ev), 0);
        cr_expect_eq(ev.type, cases[i].type, "%s", cases[i].name);
        cr_expect_eq(ev.action, cases[i].action, "%s", cases[i].name);
        cr_expect_eq(!trn_str_is_none(ev.map.path), cases[i].path, "%s", cases[i].name);
    }
}

Test(sensor_perf, the_kernels_own_pages_tell_nothing)
{
    struct trn_event ev;

    cr_expect_eq(decode("[vdso]", PROT_READ | PROT_EXEC, -1, &ev), -ENODATA);
}

Test(sensor_perf, every_wrong_length_is_refused)
{
    struct trn_buf b;
    struct trn_event ev;

    mmap2(&b, "/usr/lib/libz.so.1", PROT_EXEC, 20);
    for (size_t n = 0; n < b.n; n++) {
        cr_assert_lt(trn_decode_perf(trn_cur(b.p, n), arena, &ev), 0, "cut at %zu", n);
        /* And with a head that agrees with the cut: nothing but the padding of the name may be missing. */
        b.p[6] = (char)n;
        if (n <= b.n - 8)
            cr_assert_lt(trn_decode_perf(trn_cur(b.p, n), arena, &ev), 0, "cut at %zu", n);
        b.p[6] = (char)b.n;
    }
    b.p[40] = 21; /* size of the build-id */
    cr_expect_eq(trn_decode_perf(trn_cur(b.p, b.n), arena, &ev), -EBADMSG);
    trn_buf_done(&b);
}

Test(sensor_perf, bpf_programs)
{
    struct trn_buf b;
    struct trn_event ev;

    trn_buf_init(&b, 100);
    trn_put_u32(&b, PERF_RECORD_BPF_EVENT);
    trn_put_u16(&b, 0);
    trn_put_u16(&b, 8 + 16 + 16);
    trn_put_u16(&b, PERF_BPF_EVENT_PROG_UNLOAD);
    trn_put_u16(&b, 0);
    trn_put_u32(&b, 321);
    trn_put(&b, "\1\2\3\4\5\6\7\xff", 8);
    trn_put_u32(&b, 7);
    trn_put_u32(&b, 8);
    trn_put_u64(&b, 9);
    cr_assert_eq(trn_decode_perf(trn_cur_of(trn_buf_str(&b)), arena, &ev), 0);
    cr_expect_eq(ev.type, TRN_EV_BPF);
    cr_expect_eq(ev.action, TRN_ACT_UNLOADED);
    cr_expect_eq(ev.meta.count, 321);
    cr_expect(trn_str_eq_c(ev.meta.text, "01020304050607ff"));
    cr_expect_eq(ev.pid, 7);
    trn_buf_done(&b);
}

static void put_symbol(struct trn_buf *b, uint16_t kind, const char *name)
{
    trn_buf_clear(b);
    trn_put_u32(b, PERF_RECORD_KSYMBOL);
    trn_put_u16(b, 0);
    trn_put_u16(b, (uint16_t)(8 + 16 + strlen(name) + 1 + 16));
    trn_put_u64(b, 0xffffffffa0000000);
    trn_put_u32(b, 64);
    trn_put_u16(b, kind);
    trn_put_u16(b, 0);
    trn_put(b, name, strlen(name) + 1);
    trn_put_u64(b, 0);
    trn_put_u64(b, 0);
}

Test(sensor_perf, a_bpf_program_gets_its_name)
{
    struct trn_bpf_names names = {0};
    struct trn_buf b;
    uint64_t value;
    struct trn_event ev;

    trn_buf_init(&b, 1000);
    put_symbol(&b, PERF_RECORD_KSYMBOL_TYPE_BPF, "bpf_prog_01020304050607ff_on_exec");
    cr_assert_eq(trn_perf_peek(trn_cur_of(trn_buf_str(&b)), &value), TRN_PERF_SYMBOL);
    cr_assert_eq(trn_bpf_names_see(&names, trn_cur_of(trn_buf_str(&b))), 0);
    put_symbol(&b, PERF_RECORD_KSYMBOL_TYPE_BPF, "bpf_trampoline_1");
    cr_assert_eq(trn_bpf_names_see(&names, trn_cur_of(trn_buf_str(&b))), 0);
    put_symbol(&b, PERF_RECORD_KSYMBOL_TYPE_OOL, "bpf_prog_0102030405060708_x");
    cr_assert_eq(trn_bpf_names_see(&names, trn_cur_of(trn_buf_str(&b))), 0);
    trn_event_init(&ev, TRN_EV_BPF);
    ev.meta.text = TRN_STR("01020304050607ff");
    cr_assert_eq(trn_bpf_names_add(&names, arena, &ev), 0);
    cr_expect(trn_str_eq_c(ev.meta.text, "on_exec (01020304050607ff)"));
    ev.meta.text = TRN_STR("0102030405060708");
    cr_assert_eq(trn_bpf_names_add(&names, arena, &ev), 0);
    cr_expect(trn_str_eq_c(ev.meta.text, "0102030405060708"), "of what is no program, nothing is said");
    for (size_t n = 0; n < b.n - 16; n++)
        cr_expect_eq(trn_bpf_names_see(&names, trn_cur(b.p, n)), -EBADMSG);
    trn_buf_done(&b);
}
