/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target for what the gate reads of others: first byte 'c' its settings, else what apt says to its hook. What is taken is in
 * range and names no way out; nothing that is told holds a raw control byte.
 */
#include "cli/gate.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void settings(struct trn_str text)
{
    struct trn_gate_config c;
    char *said = NULL;
    size_t n = 0;
    FILE *told = open_memstream(&said, &n);
    if (!told)
        abort();
    trn_gate_config_default(&c);
    trn_gate_config_parse(told, "gate.conf", text, &c);
    fclose(told);
    assert(c.deadline_ms > 0 && c.deadline_ms <= 3600000 && c.package_ms > 0 && c.package_ms <= 3600000);
    assert(c.keep_bytes <= 1ull << 40 && c.n_watched <= TRN_GATE_WATCHED_MAX);
    assert((!c.rules[0] || c.rules[0] == '/') && (!c.indicators[0] || c.indicators[0] == '/'));
    for (size_t i = 0; i < n; i++)
        assert((unsigned char)said[i] >= 0x20 || said[i] == '\n');
    free(said);
}

static void one_item(const struct trn_gate_item *i)
{
    assert(trn_gate_is_name(i->name) && !memchr(i->name.p, '/', i->name.n));
    assert(i->new_version.n == 0 || trn_gate_is_version(i->new_version));
    assert(i->old_version.n == 0 || trn_gate_is_version(i->old_version));
    if (i->step != TRN_GATE_UNPACK)
        return;
    assert(i->file.n > 1 && i->file.n < TRN_GATE_PATH_MAX && i->file.p[0] == '/' && i->new_version.n && i->new_arch.n);
    for (size_t k = 0; k < i->file.n; k++)
        assert((unsigned char)i->file.p[k] >= 0x20);
    assert(!trn_str_contains(i->file, TRN_STR("/../")));
}

static void said_by_apt(struct trn_str text)
{
    struct trn_gate_list l = {0};
    struct trn_err err = {0};
    if (trn_gate_parse(text, &l, &err) < 0) {
        assert(err.message[0] && l.n == 0);
        return;
    }
    assert(l.n <= TRN_GATE_ITEMS_MAX && (l.bad == 0) == (l.bad_line == 0));
    for (size_t i = 0; i < l.n; i++)
        one_item(&l.items[i]);
    trn_gate_list_done(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] == 'c')
        settings((struct trn_str){(const char *)data + 1, size - 1});
    else
        said_by_apt((struct trn_str){(const char *)data, size});
    return 0;
}
