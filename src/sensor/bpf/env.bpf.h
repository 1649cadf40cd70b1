/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Overview: which variables of the environment are kept, and the walk over it. The choice is made
 * here, in the kernel, so that whatever else the environment holds (tokens, passwords) never leaves
 * the process. Bounded in strings looked at and in bytes kept.
 */
#ifndef TRN_SENSOR_ENV_BPF_H
#define TRN_SENSOR_ENV_BPF_H

#include "path.bpf.h"

/* Compares with the first 16 bytes of a string; folds to one or two masked comparisons. */
static __always_inline bool begins(__u64 lo, __u64 hi, const char *padded, __u32 n)
{
    __u64 want_lo, want_hi;

    __builtin_memcpy(&want_lo, padded, 8);
    __builtin_memcpy(&want_hi, padded + 8, 8);
    if (n < 8)
        return (lo & ((1ull << (8 * n)) - 1)) == want_lo;
    if (n == 8)
        return lo == want_lo;
    if (n < 16)
        return lo == want_lo && (hi & ((1ull << (8 * (n - 8))) - 1)) == want_hi;
    return lo == want_lo && hi == want_hi;
}

#define PAD "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
/* At most 16 bytes of prefix. */
#define IS(prefix) begins(lo, hi, prefix PAD, sizeof(prefix) - 1)

/* Set in many images of containers; they choose no code. */
static __always_inline bool is_harmless_python(__u64 lo, __u64 hi)
{
    return IS("PYTHONUNBUFFERED") || IS("PYTHONDONTWRITEB") || IS("PYTHONHASHSEED=") || IS("PYTHONIOENCODING");
}

/*
 * The table. A variable stands here when it makes a trusted program load or run code that its owner
 * did not ship, or sends its connections elsewhere. PATH, EDITOR and PAGER do too, but are set
 * everywhere, and what they led to is an exec of its own.
 */
static __always_inline bool env_wanted(const void *string)
{
    __u64 lo = *(const __u64 *)string, hi = *(const __u64 *)(string + 8);

    switch (lo & 0xff) {
    case 'A':
        return IS("ALL_PROXY=");
    case 'B':
        return IS("BASH_ENV=") || IS("BASH_FUNC_"); /* sh: file read first, functions that replace commands */
    case 'C':
        return IS("CLASSPATH=") || IS("CORECLR_"); /* CORECLR_PROFILER_PATH */
    case 'D':
        return IS("DOTNET_STARTUP_H"); /* DOTNET_STARTUP_HOOKS */
    case 'E':
        return IS("ENV=") || IS("ELECTRON_RUN_AS_"); /* ELECTRON_RUN_AS_NODE: the app becomes an interpreter */
    case 'G':
        return IS("GLIBC_TUNABLES=") || IS("GCONV_PATH=") || IS("GIT_SSH") || IS("GIT_EXEC_PATH=") ||
               IS("GIT_ASKPASS=") || IS("GIT_EXTERNAL_DIF") || IS("GIT_PROXY_COMMAN") || IS("GTK_MODULES=") ||
               IS("GTK_PATH=") || IS("GIO_EXTRA_MODULE");
    case 'H':
        return IS("HTTP_PROXY=") || IS("HTTPS_PROXY=");
    case 'J':
        return IS("JAVA_TOOL_OPTION") || IS("JDK_JAVA_OPTIONS");
    case 'L':
        return IS("LD_") || IS("LUA_"); /* LD_PRELOAD, LD_AUDIT, LD_LIBRARY_PATH; LUA_INIT, LUA_CPATH */
    case 'N':
        return IS("NODE_OPTIONS=") || IS("NODE_PATH=");
    case 'O':
        return IS("OPENSSL_CONF=") || IS("OPENSSL_ENGINES=") || IS("OPENSSL_MODULES=");
    case 'P':
        return (IS("PYTHON") && !is_harmless_python(lo, hi)) || IS("PERL5") || IS("PERLLIB=") || IS("PHPRC=") ||
               IS("PHP_INI_SCAN_DIR") || IS("PROMPT_COMMAND=");
    case 'Q':
        return IS("QT_PLUGIN_PATH=");
    case 'R':
        return IS("RUBYOPT=") || IS("RUBYLIB=") || IS("RUBYSHELL=");
    case 'S':
        return IS("SSH_ASKPASS=") || IS("SSLKEYLOGFILE=");
    case 'Z':
        return IS("ZDOTDIR=");
    case '_':
        return IS("_JAVA_OPTIONS=");
    case 'a':
        return IS("all_proxy=");
    case 'h':
        return IS("http_proxy=") || IS("https_proxy=");
    default:
        return false;
    }
}

#define LOW_BITS 0x0101010101010101ull
#define HIGH_BITS 0x8080808080808080ull

static __always_inline void env_begin(struct scratch *s, unsigned long start, unsigned long end)
{
    s->env.at = start;
    s->env.end = end;
    s->env.kept = s->env.cut = s->env.n_found = 0;
}

/* Takes the n bytes (NUL included) behind the tail into it. */
static __always_inline void env_keep(struct scratch *s, long n)
{
    struct env_walk *w = &s->env;

    if (n <= 0 || w->kept + (__u64)n > TRN_WIRE_ENV_MAX) {
        w->cut = 1;
        return;
    }
    if (n == TRN_WIRE_ENV_ONE)
        w->cut = 1;
    w->kept += (__u32)n;
    s->at += (__u64)n;
}

static __always_inline void env_end(struct scratch *s)
{
    s->exec.env_len = (__u16)s->env.kept;
    if (s->env.cut || s->env.at < s->env.end)
        s->exec.flags |= TRN_WIRE_ENV_TRUNCATED;
}

#ifndef TRN_COMPAT
/* ---- in pieces ---- */

/* A string begins at this offset of the piece. */
static __always_inline void env_string(struct scratch *s, __u32 offset)
{
    struct env_walk *w = &s->env;
    __u32 i = w->n_found;

    if (offset > ENV_PIECE || w->at + offset >= w->end || !env_wanted(w->bytes + offset))
        return;
    if (i >= ENV_FOUND_MAX) {
        w->cut = 1;
        return;
    }
    w->found[i] = w->at + offset;
    w->n_found = i + 1;
}

/* Eight bytes of which at least one is a NUL. Not static, so that the verifier looks at it once and not at each call. */
long __attribute__((noinline)) env_word(struct scratch *s, __u32 offset, __u64 word)
{
    /* The high bit of each byte that is NUL, exactly. */
    __u64 nul = ~(((word & ~HIGH_BITS) + ~HIGH_BITS) | word | ~HIGH_BITS);

    if (!s)
        return 0;
    for (__u32 i = 0; i < 8 && nul; i++, nul &= nul - 1) {
        __u64 first = (nul & -nul) >> 7; /* one bit, at 8 times its place */

        env_string(s, offset + (__u32)((first * 0x0001020304050607ull) >> 56) + 1);
    }
    return 0;
}

/* Looks for the ends of strings in 64 bytes; a call per string would cost four times as much. */
static long env_step(__u32 index, struct walk_arg *arg)
{
    struct scratch *s = arg->s;
    const __u64 *words;

    if (index >= ENV_PIECE / 64)
        return 1;
    words = (const __u64 *)(s->env.bytes + 64 * index);
    for (__u32 i = 0; i < 8; i++) {
        __u64 word = words[i];

        if ((word - LOW_BITS) & ~word & HIGH_BITS)
            env_word(s, 64 * index + 8 * i, word);
    }
    return 0;
}

/* How much of the piece that begins at w->at is to be read; 0: nothing is left. */
static __always_inline __u32 env_piece(struct scratch *s)
{
    struct env_walk *w = &s->env;
    __u64 n = w->end - w->at;

    if (w->at >= w->end)
        return 0;
    return n > ENV_PIECE + 16 ? ENV_PIECE + 16 : (__u32)n;
}

/* Goes over a piece of n bytes, of which the last 16 are the next one's too. */
static __always_inline void env_scan(struct scratch *s, struct walk_arg *arg, __u32 n)
{
    BOUNDED_LOOP((n + 63) / 64, env_step, arg);
    s->env.at += n < ENV_PIECE ? n : ENV_PIECE;
}

static long env_keep_step(__u32 index, struct walk_arg *arg)
{
    struct scratch *s = arg->s;

    if (index >= ENV_FOUND_MAX)
        return 1;
    env_keep(s, bpf_probe_read_user_str(s->tail + (s->at & TAIL_MASK), TRN_WIRE_ENV_ONE,
                                        (const void *)s->env.found[index]));
    return 0;
}

/* Not a plain loop: 6.1 refuses one beside calls of bpf_loop in some layouts. */
static long env_piece_step(__u32 index, struct walk_arg *arg)
{
    struct scratch *s = arg->s;
    __u32 n = env_piece(s);

    if (n == 0 || n > ENV_PIECE + 16)
        return 1;
    if (bpf_probe_read_user(s->env.bytes, n, (const void *)s->env.at) != 0)
        return 1;
    if (index == 0)
        env_string(s, 0);
    env_scan(s, arg, n);
    return 0;
}

/* Of the current task, right after its exec: nothing of it has run, so nothing has changed a byte. */
static __always_inline void put_env(struct scratch *s, unsigned long start, unsigned long end)
{
    struct walk_arg arg = {.s = s};

    env_begin(s, start, end);
    BOUNDED_LOOP(ENV_PIECES, env_piece_step, &arg);
    BOUNDED_LOOP(s->env.n_found, env_keep_step, &arg);
    env_end(s);
}

/* Of another task: there is no string helper for that, so 512 bytes are copied and the string cut out. */
static long env_keep_step_of(__u32 index, struct walk_arg *arg)
{
    struct scratch *s = arg->s;
    char *to = s->tail + (s->at & TAIL_MASK), *piece = to + TRN_WIRE_ENV_ONE;
    __u64 from, n;

    if (index >= ENV_FOUND_MAX)
        return 1;
    from = s->env.found[index];
    n = s->env.end - from;
    if (n > TRN_WIRE_ENV_ONE)
        n = TRN_WIRE_ENV_ONE;
    if (n == 0 || copy_from_task(piece, (__u32)n, (const void *)from, arg->task) != 0)
        s->env.cut = 1;
    else
        env_keep(s, bpf_probe_read_kernel_str(to, (__u32)n, piece));
    return 0;
}

static long env_piece_step_of(__u32 index, struct walk_arg *arg)
{
    struct scratch *s = arg->s;
    __u32 n = env_piece(s);

    if (n == 0 || n > ENV_PIECE + 16)
        return 1;
    if (copy_from_task(s->env.bytes, n, (const void *)s->env.at, arg->task) != 0)
        return 1;
    if (index == 0)
        env_string(s, 0);
    env_scan(s, arg, n);
    return 0;
}

static __always_inline void put_env_of(struct scratch *s, struct task_struct *task, unsigned long start,
                                       unsigned long end)
{
    struct walk_arg arg = {.s = s, .task = task};

    env_begin(s, start, end);
    BOUNDED_LOOP(ENV_PIECES, env_piece_step_of, &arg);
    BOUNDED_LOOP(s->env.n_found, env_keep_step_of, &arg);
    env_end(s);
}

#else
/* ---- string by string: more calls, but the verifier, which follows every round, comes to an end ---- */

static long env_string_step(__u32 index, struct walk_arg *arg)
{
    struct scratch *s = arg->s;
    struct env_walk *w = &s->env;
    char *to = s->tail + (s->at & TAIL_MASK);
    __u32 inside = w->n_found; /* the rest of a string that was longer than one look */
    long n;

    if (w->at >= w->end)
        return 1;
    n = bpf_probe_read_user_str(to, TRN_WIRE_ENV_ONE, (const void *)w->at);
    if (n < 0)
        return 1;
    if (n == 0) /* 5.10 says so of an empty one, whose NUL it forgets */
        n = 1;
    if (!inside && env_wanted(to))
        env_keep(s, n);
    w->n_found = n == TRN_WIRE_ENV_ONE;
    w->at += (__u64)n - w->n_found; /* the NUL of a cut string is not its own */
    return 0;
}

static __always_inline void put_env(struct scratch *s, unsigned long start, unsigned long end)
{
    struct walk_arg arg = {.s = s};

    env_begin(s, start, end);
    BOUNDED_LOOP(TRN_WIRE_ENV_LOOK, env_string_step, &arg);
    env_end(s);
}

/* Of another task it cannot be read. */
static __always_inline void put_env_of(struct scratch *s, struct task_struct *task, unsigned long start,
                                       unsigned long end)
{
    if (end > start)
        s->exec.flags |= TRN_WIRE_ENV_TRUNCATED;
}
#endif

#endif
