/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the words that are looked for in any content (stores of browsers, secrets, places that start programs, commands), and
 * finding them at memory speed: four bytes at every fifth place are held against a table of all such parts of all words.
 * Must not: judge; ordinary programs name some of them.
 * Hand-offs: numbers of words, in no order.
 */
#include "artifact/feature_text.h"

#include <ctype.h>

#define BITS 16u
#define HEADS 2048u
#define ENTRIES_MAX (128u * 2u * TRN_TEXT_WORDS_STEP)
#define NO_ENTRY UINT16_MAX
#define FOLD 0x20202020u /* what differs in this bit only is the same here; each hit is looked at closely */

const struct trn_text_word trn_text_words[] = {
    {"browser", "google/chrome"},
    {"browser", "google\\chrome"},
    {"browser", "google-chrome"},
    {"browser", "bravesoftware"},
    {"browser", "microsoft\\edge"},
    {"browser", "microsoft/edge"},
    {"browser", "microsoft edge"},
    {"browser", "microsoft-edge"},
    {"browser", "mozilla/firefox"},
    {"browser", "mozilla\\firefox"},
    {"browser", "firefox/profiles"},
    {"browser", "firefox\\profiles"},
    {"browser", "places.sqlite"},
    {"browser", "cookies.sqlite"},
    {"browser", "formhistory.sqlite"},
    {"browser", "logins.json"},
    {"browser", "opera software"},
    {"browser", "yandexbrowser"},
    {"browser", "vivaldi/user data"},
    {"browser", "vivaldi\\user data"},
    {"browser", "\\user data\\default"},
    {"browser", "/user data/default"},
    {"browser", "default/login data"},
    {"browser", "default\\login data"},
    {"browser", "moz_places"},
    {"browser", "from logins"},
    {"browser", "encrypted_key"},
    {"secret", "/.ssh/id_"},
    {"secret", "authorized_keys"},
    {"secret", ".aws/credentials"},
    {"secret", "aws_secret_access_key"},
    {"secret", "github_token"},
    {"secret", "npm_token"},
    {"secret", "_authtoken"},
    {"secret", "wallet.dat"},
    {"secret", "/etc/shadow"},
    {"secret", "login.keychain"},
    {"secret", "application_default_credentials"},
    {"secret", "ethereum/keystore"},
    {"secret", "electrum/wallets"},
    {"secret", "exodus/exodus.wallet"},
    {"secret", "kubeconfig"},
    {"secret", ".kube/config"},
    {"secret", ".bash_history"},
    {"path", "/etc/ld.so.preload"},
    {"path", "/etc/cron."},
    {"path", "/etc/crontab"},
    {"path", "/etc/rc.local"},
    {"path", "/etc/sudoers"},
    {"path", "/etc/profile.d"},
    {"path", "/etc/systemd/system"},
    {"path", ".config/autostart"},
    {"path", ".config/systemd/user"},
    {"path", "library/launchagents"},
    {"path", "library/launchdaemons"},
    {"path", "start menu\\programs\\startup"},
    {"path", "/dev/shm/"},
    {"path", "/proc/self/mem"},
    {"registry", "currentversion\\run"},
    {"registry", "currentversion\\\\run"},
    {"registry", "winlogon\\shell"},
    {"registry", "image file execution options"},
    {"registry", "appinit_dlls"},
    {"command", "powershell"},
    {"command", "cmd.exe /c"},
    {"command", "/bin/sh -c"},
    {"command", "/bin/bash -"},
    {"command", "rundll32"},
    {"command", "regsvr32"},
    {"command", "mshta.exe"},
    {"command", "schtasks"},
    {"command", "certutil"},
    {"command", "bitsadmin"},
    {"command", "wscript.exe"},
    {"command", "cscript.exe"},
    {"command", "vssadmin"},
    {"command", "osascript"},
    {"command", "launchctl "},
    {"command", "crontab -"},
    {"command", "systemctl enable"},
    {"command", "base64 -d"},
    {"command", "base64 --decode"},
    {"command", "chmod +x "},
    {"command", "nc -e /bin"},
    {"command", "/dev/tcp/"},
};
const size_t trn_text_words_count = TRN_ARRAY_SIZE(trn_text_words);
_Static_assert(TRN_ARRAY_SIZE(trn_text_words) <= 128, "the table has room for 128 words");

struct entry {
    uint32_t part; /* four bytes of a word, folded */
    uint16_t next;
    uint8_t word;
    uint8_t offset; /* of the part, in bytes of the content */
    bool wide;
};
struct trn_word_table {
    uint64_t bits[(1u << BITS) / 64];
    uint16_t heads[HEADS];
    struct entry entries[ENTRIES_MAX];
    uint32_t n;
};

static uint32_t part_at(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v | FOLD;
}

static uint32_t slot_of(uint32_t part)
{
    return part * 0x9e3779b1u >> (32 - BITS);
}

static void add(struct trn_word_table *t, uint8_t word, uint8_t offset, bool wide, uint32_t part)
{
    uint32_t slot = slot_of(part), head = slot % HEADS;
    t->bits[slot / 64] |= 1ull << (slot % 64);
    t->entries[t->n] = (struct entry){part, t->heads[head], word, offset, wide};
    t->heads[head] = (uint16_t)t->n++;
}

struct trn_word_table *trn_word_table_new(struct trn_arena *a)
{
    struct trn_word_table *t = trn_arena_alloc(a, sizeof(*t));
    if (!t)
        return NULL;
    memset(t->heads, 0xff, sizeof(t->heads)); /* NO_ENTRY */
    for (size_t w = 0; w < trn_text_words_count; w++) {
        const char *text = trn_text_words[w].text;
        uint8_t wide[2 * TRN_TEXT_WORDS_LEAST] = {0};
        for (size_t i = 0; i < TRN_TEXT_WORDS_LEAST; i++)
            wide[2 * i] = (uint8_t)text[i];
        for (uint8_t k = 0; k < TRN_TEXT_WORDS_STEP; k++) {
            add(t, (uint8_t)w, k, false, part_at((const uint8_t *)text + k));
            add(t, (uint8_t)w, k, true, part_at(wide + k));
        }
    }
    return t;
}

static bool stands_at(const uint8_t *p, size_t n, size_t at, const char *text, bool wide)
{
    size_t step = wide ? 2 : 1;
    for (size_t i = 0; text[i]; i++) {
        size_t k = at + i * step;
        if (k + step > n || tolower(p[k]) != (uint8_t)text[i] || (wide && p[k + 1]))
            return false;
    }
    return true;
}

static void closely(const struct trn_word_table *t, const uint8_t *p, size_t n, size_t at, uint32_t part,
                    void (*fn)(void *ctx, size_t word, size_t at), void *ctx)
{
    for (uint16_t i = t->heads[slot_of(part) % HEADS]; i != NO_ENTRY; i = t->entries[i].next) {
        const struct entry *e = &t->entries[i];
        if (e->part == part && at >= e->offset &&
            stands_at(p, n, at - e->offset, trn_text_words[e->word].text, e->wide))
            fn(ctx, e->word, at - e->offset);
    }
}

void trn_word_table_scan(const struct trn_word_table *t, const uint8_t *p, size_t n, size_t from, size_t to,
                         void (*fn)(void *ctx, size_t word, size_t at), void *ctx)
{
    if (n < sizeof(uint32_t))
        return;
    to = TRN_MIN(to, n - sizeof(uint32_t) + 1);
    for (size_t i = from; i < to; i += TRN_TEXT_WORDS_STEP) {
        uint32_t part = part_at(p + i), slot = slot_of(part);
        if (t->bits[slot / 64] >> (slot % 64) & 1)
            closely(t, p, n, i, part, fn, ctx);
    }
}
