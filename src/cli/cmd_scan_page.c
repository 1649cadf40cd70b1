/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what pages for people share: how wide they are, lines that are broken at blanks, sentences of workers made safe.
 * Must not: know what is written.
 */
#include "cli/scan.h"

#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH 110u
#define WIDTH_MIN 60u

size_t trn_page_width(FILE *out)
{
    const char *columns = getenv("COLUMNS");
    struct winsize w = {0};
    uint64_t n = 0;
    int fd = fileno(out);
    if (columns && trn_str_u64(trn_str_of(columns), &n) == 0 && n)
        return (size_t)TRN_MAX((uint64_t)WIDTH_MIN, TRN_MIN(n, (uint64_t)400));
    if (fd >= 0 && ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col)
        return TRN_MAX(WIDTH_MIN, (size_t)w.ws_col);
    return WIDTH;
}

size_t trn_page_columns(const char *s, size_t n)
{
    size_t columns = 0;
    for (size_t i = 0; i < n; i++)
        columns += ((unsigned char)s[i] & 0xc0) != 0x80;
    return columns;
}

void trn_page_wrapped(struct trn_buf *b, size_t width, struct trn_str draw, size_t used, size_t column,
                      struct trn_str text)
{
    bool first = true;
    while (text.n) {
        size_t word = 0;
        while (word < text.n && text.p[word] != ' ')
            word++;
        size_t wide = trn_page_columns(text.p, word);
        if (used > column && used + !first + wide > width) {
            trn_put_c(b, "\n");
            trn_put_str(b, draw);
            trn_put_fmt(b, "%*s", (int)(column - trn_page_columns(draw.p, draw.n)), "");
            used = column;
        } else if (!first) {
            trn_put_c(b, " ");
            used++;
        }
        trn_put(b, text.p, word);
        used += wide;
        first = false;
        while (word < text.n && text.p[word] == ' ')
            word++;
        text = trn_str_slice(text, word, text.n);
    }
    trn_put_c(b, "\n");
}

void trn_page_sentence(struct trn_buf *b, struct trn_str s)
{
    size_t from = b->n, to;
    trn_escape(b, s);
    to = from;
    for (size_t i = from; i < b->n; i++) {
        b->p[to++] = b->p[i];
        if (b->p[i] == '\\' && i + 1 < b->n && b->p[i + 1] == '\\')
            i++;
    }
    b->n = to;
}
