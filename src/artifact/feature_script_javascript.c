/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what JavaScript can do, by the modules it asks for and what it calls; and how long its names are.
 * Must not own: tokens (src/formats/javascript.c); follow values.
 */
#include "artifact/feature_script.h"
#include "formats/formats.h"

#define BACK 8u

static const struct trn_call_name modules[] = {
    {"child_process", "process"},
    {"cluster", "process"},
    {"node-pty", "process"},
    {"execa", "process"},
    {"cross-spawn", "process"},
    {"shelljs", "process"},
    {"fs", "file"},
    {"fs/promises", "file"},
    {"fs-extra", "file"},
    {"original-fs", "file"},
    {"http", "network"},
    {"https", "network"},
    {"http2", "network"},
    {"net", "network"},
    {"tls", "network"},
    {"dgram", "network"},
    {"dns", "network"},
    {"axios", "network"},
    {"node-fetch", "network"},
    {"got", "network"},
    {"request", "network"},
    {"undici", "network"},
    {"needle", "network"},
    {"superagent", "network"},
    {"ws", "network"},
    {"socket.io-client", "network"},
    {"follow-redirects", "network"},
    {"vm", "code"},
    {"module", "code"},
    {"crypto", "crypto"},
    {"crypto-js", "crypto"},
    {"os", "environment"},
    {"keytar", "secret"},
};

/* Called without an owner: fetch(...), eval(...). */
static const struct trn_call_name alone[] = {
    {"eval", "code"},         {"Function", "code"},          {"fetch", "network"},
    {"WebSocket", "network"}, {"XMLHttpRequest", "network"}, {"atob", "decode"},
    {"unescape", "decode"},   {"importScripts", "code"},
};

/* Called as a member: x.execSync(...); so far from others' names that the owner need not be known. */
static const struct trn_call_name members[] = {
    {"execSync", "process"},
    {"spawnSync", "process"},
    {"execFile", "process"},
    {"execFileSync", "process"},
    {"spawn", "process"},
    {"writeFile", "file-write"},
    {"writeFileSync", "file-write"},
    {"createWriteStream", "file-write"},
    {"appendFileSync", "file-write"},
    {"unlinkSync", "file-write"},
    {"rmSync", "file-write"},
    {"chmodSync", "file-mode"},
    {"readFileSync", "file"},
    {"readdirSync", "file"},
    {"runInThisContext", "code"},
    {"runInNewContext", "code"},
    {"runInContext", "code"},
    {"_compile", "code"},
    {"fromCharCode", "decode"},
    {"createDecipheriv", "crypto"},
    {"createDecipher", "crypto"},
    {"hostname", "environment"},
    {"userInfo", "environment"},
    {"networkInterfaces", "environment"},
    {"homedir", "environment"},
    {"sendBeacon", "network"},
    {"getSystemVersion", "environment"},
    {"setLoginItemSettings", "persist"},
};

struct walk {
    struct trn_calls *c;
    struct trn_js j;
    struct trn_js_token ring[BACK];
    uint32_t n;
    uint64_t names, letters;
};

static const struct trn_js_token *back(const struct walk *w, uint32_t i)
{
    return &w->ring[(w->n - i) % BACK];
}

static bool is(const struct trn_js_token *t, const char *text)
{
    return trn_str_eq_c(t->text, text);
}

static bool is_punct(const struct trn_js_token *t, char c)
{
    return t->kind == TRN_JS_PUNCT && t->text.n == 1 && t->text.p[0] == c;
}

static void tell(struct walk *w, const char *group, struct trn_str call, const struct trn_js_token *t)
{
    if (group)
        trn_calls_tell(w->c, group, call, (uint64_t)(t->text.p - w->j.text.p));
}

/* require('https'), from 'https', import 'https' */
static void text(struct walk *w, const struct trn_js_token *t)
{
    struct trn_str s = t->text;
    bool called = is_punct(back(w, 0), '(') && TRN_ONE_OF(back(w, 1)->text, "require", "import", "__require");
    if (called || is(back(w, 0), "from") || is(back(w, 0), "import")) {
        if (trn_str_starts(s, TRN_STR("node:")))
            s = trn_str_slice(s, 5, SIZE_MAX);
        tell(w, trn_call_group(s, modules, TRN_ARRAY_SIZE(modules)), s, t);
    }
    if (is_punct(back(w, 0), ',') && TRN_ONE_OF(s, "base64", "hex"))
        for (uint32_t i = 1; i < BACK; i++) /* Buffer.from(x, 'base64') */
            if (is(back(w, i), "from") && is_punct(back(w, i - 1), '('))
                tell(w, "decode", TRN_STR("Buffer.from"), t);
}

/* The '(' behind a name. */
static void call(struct walk *w, const struct trn_js_token *t)
{
    const struct trn_js_token *name = back(w, 0);
    if (name->kind != TRN_JS_NAME || is(back(w, 1), "function"))
        return;
    bool member = is_punct(back(w, 1), '.');
    if (member)
        tell(w, trn_call_group(name->text, members, TRN_ARRAY_SIZE(members)), name->text, name);
    else
        tell(w, trn_call_group(name->text, alone, TRN_ARRAY_SIZE(alone)), name->text, name);
    (void)t;
}

/* process.env: one variable of it, or all of it made into a text. */
static void environment(struct walk *w, const struct trn_js_token *t)
{
    if (!is(t, "env") || !is_punct(back(w, 0), '.') || !is(back(w, 1), "process"))
        return;
    tell(w, "environment", TRN_STR("process.env"), t);
    if (is_punct(back(w, 2), '(') && is(back(w, 3), "stringify"))
        tell(w, "secret", TRN_STR("process.env as a whole"), t);
}

/* preload: "x.js" in the options of an Electron window; path.join(__dirname, "x.js") */
static void preload(struct walk *w, const struct trn_js_token *t)
{
    for (uint32_t i = 1; i < BACK && t->kind == TRN_JS_STRING; i++)
        if (is_punct(back(w, i - 1), ':') && is(back(w, i), "preload") && trn_str_contains(t->text, TRN_STR("."))) {
            trn_calls_tell(w->c, "preload", t->text, (uint64_t)(t->text.p - w->j.text.p));
            return;
        }
}

int trn_javascript_calls(struct trn_calls *c, struct trn_str source)
{
    struct walk w = {.c = c};
    struct trn_js_token t;
    trn_js_begin(&w.j, source);
    while (c->error == 0 && trn_js_next(&w.j, &t)) {
        if (t.kind == TRN_JS_NAME) {
            w.names++;
            w.letters += t.text.n;
            environment(&w, &t);
        } else if (t.kind == TRN_JS_STRING) {
            text(&w, &t);
            preload(&w, &t);
        } else if (is_punct(&t, '(')) {
            call(&w, &t);
        }
        w.ring[++w.n % BACK] = t;
    }
    if (c->error == 0)
        c->error = trn_measure(c->l, "js.name-length", w.names ? w.letters * 1000 / w.names : 0);
    return c->error;
}
