/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: one line on a terminal while a scan takes longer than a second: files, bytes, time, rate, the file at hand.
 * Must not: write anything when nobody looks, or leave anything behind.
 */
#include "cli/scan.h"

#define AFTER_NS TRN_NS_PER_SEC
#define EACH_NS (TRN_NS_PER_SEC / 4)

void trn_progress_init(struct trn_progress *p, FILE *to)
{
    *p = (struct trn_progress){.to = to, .start_ns = trn_mono_ns()};
    p->next_ns = p->start_ns + AFTER_NS;
}

void trn_progress_tell(struct trn_progress *p, uint64_t files, uint64_t bytes, struct trn_str path)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b = {0};
    char name[60];
    uint64_t now = p->to ? trn_mono_ns() : 0;
    if (!p->to || now < p->next_ns)
        return;
    p->next_ns = now + EACH_NS;
    trn_buf_init(&b, 4096);
    trn_put_c(&b, "\r\033[K");
    trn_put_count(&b, files);
    trn_put_c(&b, files == 1 ? " file" : " files");
    if (bytes) {
        trn_put_c(&b, ", ");
        trn_put_size(&b, bytes);
    }
    trn_put_fmt(&b, " in %llu s", (unsigned long long)((now - p->start_ns) / TRN_NS_PER_SEC));
    if (bytes) {
        trn_put_c(&b, " (");
        trn_put_size(&b, (uint64_t)((double)bytes * (double)TRN_NS_PER_SEC / (double)(now - p->start_ns)));
        trn_put_c(&b, "/s)");
    }
    trn_put_c(&b, "  ");
    /* the end of a path says more than its beginning */
    trn_put_c(&b, trn_escape_into(name, sizeof(name), path.n > 48 ? trn_str_slice(path, path.n - 48, 48) : path));
    trn_print(p->to, &b);
    (void)fflush(p->to);
    p->shown = true;
}

void trn_progress_clear(struct trn_progress *p)
{
    if (!p->shown)
        return;
    fputs("\r\033[K", p->to);
    (void)fflush(p->to);
    p->shown = false;
}
