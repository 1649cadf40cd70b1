/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a recorded day of a made-up developer's workstation as a log: a week of a few minutes each, so that profiles
 * are old enough to judge, then nine hours. Compiling, a browser, a chat and a softphone that keep in touch, an editor
 * with its language server and git, mail, a file that syncs, timers, a person at a prompt. Once in the afternoon an
 * update of the softphone turns: something must be found beside the speed. The same seconds give the same events.
 * Must not own: the shape of events (stage.c), the log's format.
 */
#include "log_tool.h"
#include "stage.h"

#include <stdio.h>

#define SHORT_DAYS 8u
#define SHORT_SECONDS 200u
#define DAY_SECONDS (9u * 3600u)
#define HOSTS 400u
#define LIBRARIES 48u
#define SOURCES 600u

enum prog {
    SYSTEMD,
    BASH,
    DASH,
    MAKE,
    GCC,
    CC1,
    AS,
    LD,
    GIT,
    GREP,
    LS,
    FIREFOX,
    CHAT,
    PHONE,
    EDITOR,
    CLANGD,
    MAIL,
    SYNC,
    RUNPARTS,
    PYTHON,
    PROGS,
};

static const struct {
    const char *path, *name, *version;
    enum trn_origin origin;
    uint32_t flags;
} progs[PROGS] = {
    [SYSTEMD] = {"/usr/lib/systemd/systemd", "systemd", "252", TRN_ORIGIN_DPKG, TRN_SW_BASE | TRN_SW_MODIFIED_KNOWN},
    [BASH] = {"/usr/bin/bash", "bash", "5.2", TRN_ORIGIN_DPKG, TRN_SW_BASE | TRN_SW_MODIFIED_KNOWN},
    [DASH] = {"/usr/bin/dash", "dash", "0.5", TRN_ORIGIN_DPKG, TRN_SW_BASE | TRN_SW_MODIFIED_KNOWN},
    [MAKE] = {"/usr/bin/make", "make", "4.3", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN},
    [GCC] = {"/usr/bin/x86_64-linux-gnu-gcc-12", "gcc-12", "12.2", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN},
    [CC1] = {"/usr/lib/gcc/x86_64-linux-gnu/12/cc1", "cpp-12", "12.2", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN},
    [AS] = {"/usr/bin/x86_64-linux-gnu-as", "binutils", "2.40", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN},
    [LD] = {"/usr/bin/x86_64-linux-gnu-ld", "binutils", "2.40", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN},
    [GIT] = {"/usr/bin/git", "git", "2.39", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN},
    [GREP] = {"/usr/bin/grep", "grep", "3.8", TRN_ORIGIN_DPKG, TRN_SW_BASE | TRN_SW_MODIFIED_KNOWN},
    [LS] = {"/usr/bin/ls", "coreutils", "9.1", TRN_ORIGIN_DPKG, TRN_SW_BASE | TRN_SW_MODIFIED_KNOWN},
    [FIREFOX] = {"/usr/lib/firefox-esr/firefox-esr", "firefox-esr", "128", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN},
    [CHAT] = {"/opt/chat/chat", "acme-chat", "4.2", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN},
    [PHONE] = {"/opt/acme-softphone/bin/acme-softphone", "acme-softphone", "1.0", TRN_ORIGIN_DPKG,
               TRN_SW_MODIFIED_KNOWN},
    [EDITOR] = {"/usr/share/editor/editor", "acme-editor", "1.90", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN},
    [CLANGD] = {"/usr/lib/llvm-14/bin/clangd", "clangd-14", "14", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN},
    [MAIL] = {"/usr/lib/thunderbird/thunderbird", "thunderbird", "128", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN},
    [SYNC] = {"/usr/bin/nextcloud", "nextcloud-desktop", "3.7", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN},
    [RUNPARTS] = {"/usr/bin/run-parts", "debianutils", "5.7", TRN_ORIGIN_DPKG, TRN_SW_BASE | TRN_SW_MODIFIED_KNOWN},
    [PYTHON] = {"/usr/bin/python3.11", "python3.11-minimal", "3.11", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN},
};

struct host {
    char name[48];
    uint8_t address[4];
};

struct day {
    struct stage s;
    struct trn_log_writer *log;
    struct file file[PROGS], library[LIBRARIES], source[SOURCES];
    char library_path[LIBRARIES][64], source_path[SOURCES][64];
    struct host hosts[HOSTS];
    struct actor init, bash, firefox, tabs[6], chat, phone, editor, clangd, mail, sync;
    uint64_t objects;
};

static int on_event(void *ctx, const struct trn_event *ev)
{
    struct day *d = ctx;
    return trn_log_write(d->log, ev);
}

/* ---- what there is ---- */

static void furnish(struct day *d)
{
    for (unsigned i = 0; i < PROGS; i++) {
        d->file[i] = stage_file_new(&d->s, progs[i].path);
        stage_identity(&d->s, &d->file[i], progs[i].name, progs[i].version, progs[i].origin, progs[i].flags);
    }
    for (unsigned i = 0; i < LIBRARIES; i++) {
        snprintf(d->library_path[i], sizeof(d->library_path[i]), "/usr/lib/x86_64-linux-gnu/libpart%u.so.%u", i, i % 7);
        d->library[i] = stage_file_new(&d->s, d->library_path[i]);
        stage_identity(&d->s, &d->library[i], i < 8 ? "libc6" : "libparts", "2.36", TRN_ORIGIN_DPKG,
                       TRN_SW_MODIFIED_KNOWN);
    }
    for (unsigned i = 0; i < SOURCES; i++) {
        snprintf(d->source_path[i], sizeof(d->source_path[i]), "/home/alice/work/project/src/room%u/part%u.c", i % 20,
                 i);
        d->source[i] = stage_file_new(&d->s, d->source_path[i]);
    }
    for (unsigned i = 0; i < HOSTS; i++) {
        snprintf(d->hosts[i].name, sizeof(d->hosts[i].name), "%s%u.site%u.test", i % 3 ? "www" : "cdn", i % 5, i / 2);
        d->hosts[i].address[0] = 198;
        d->hosts[i].address[1] = (uint8_t)(18 + i % 2);
        d->hosts[i].address[2] = (uint8_t)(i / 200);
        d->hosts[i].address[3] = (uint8_t)(1 + i % 200);
    }
}

static struct actor launch(struct day *d, const struct actor *parent, enum prog p, const char *argv, unsigned libraries)
{
    struct actor a = stage_start(&d->s, parent, &d->file[p], argv);
    for (unsigned i = 0; i < libraries; i++) {
        stage_wait_us(&d->s, 40);
        stage_load(&d->s, &a, &d->library[i % LIBRARIES]);
    }
    return a;
}

static void log_in(struct day *d)
{
    struct stage *s = &d->s;
    d->bash = launch(d, &d->init, BASH, "-bash", 3);
    d->firefox = launch(d, &d->init, FIREFOX, "firefox-esr", 40);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(d->tabs); i++)
        d->tabs[i] = launch(d, &d->firefox, FIREFOX, "firefox-esr -contentproc", 38);
    d->chat = launch(d, &d->init, CHAT, "chat --hidden", 30);
    d->phone = launch(d, &d->init, PHONE, "acme-softphone", 20);
    d->editor = launch(d, &d->init, EDITOR, "editor project", 34);
    d->clangd = launch(d, &d->editor, CLANGD, "clangd --background-index", 9);
    d->mail = launch(d, &d->init, MAIL, "thunderbird", 40);
    d->sync = launch(d, &d->init, SYNC, "nextcloud --background", 25);
    stage_wait_us(s, 100000);
}

static void log_out(struct day *d)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(d->tabs); i++)
        stage_exit(&d->s, &d->tabs[i]);
    const struct actor *all[] = {&d->firefox, &d->chat, &d->phone, &d->clangd,
                                 &d->editor,  &d->mail, &d->sync,  &d->bash};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(all); i++)
        stage_exit(&d->s, all[i]);
}

/* ---- what happens ---- */

static void talk(struct day *d, const struct actor *a, const struct host *h, bool ask, uint32_t port, uint64_t out)
{
    if (ask)
        stage_asked(&d->s, a, h->name, h->address);
    uint64_t socket = stage_connected(&d->s, a, h->name, h->address, port);
    if (port == 443)
        stage_hello(&d->s, a, h->name, h->address, socket);
    stage_wait_us(&d->s, 20000);
    stage_closed(&d->s, a, h->name, h->address, port, socket, out, 9 * out);
}

static void saved(struct day *d, const struct actor *a, const struct file *f)
{
    stage_changed(&d->s, a, TRN_ACT_CREATED, f);
    stage_wait_us(&d->s, 500);
    stage_changed(&d->s, a, TRN_ACT_WRITTEN, f);
}

static void one_unit(struct day *d, const struct actor *make)
{
    char path[96], asm_path[64], argv[256];
    struct stage *s = &d->s;
    const char *source = d->source_path[d->objects % SOURCES];
    snprintf(path, sizeof(path), "/home/alice/work/project/build/part%u.o", (unsigned)(d->objects % SOURCES));
    snprintf(asm_path, sizeof(asm_path), "/tmp/cc%06x.s", (unsigned)(d->objects * 7919 % 0xffffff));
    snprintf(argv, sizeof(argv), "gcc -O2 -c %s -o %s", source, path);
    d->objects++;
    struct file object = stage_file_new(s, path), assembly = stage_file_new(s, asm_path);
    struct actor sh = launch(d, make, DASH, "sh -c gcc", 2), gcc = launch(d, &sh, GCC, argv, 3);
    saved(d, &gcc, &assembly);
    struct actor cc1 = launch(d, &gcc, CC1, "cc1 -quiet -O2", 7);
    stage_changed(s, &cc1, TRN_ACT_WRITTEN, &assembly);
    stage_exit(s, &cc1);
    struct actor as = launch(d, &gcc, AS, "as --64", 6);
    saved(d, &as, &object);
    stage_exit(s, &as);
    stage_changed(s, &gcc, TRN_ACT_DELETED, &assembly);
    stage_exit(s, &gcc);
    stage_exit(s, &sh);
}

static void browse(struct day *d)
{
    struct stage *s = &d->s;
    char path[112];
    for (unsigned i = 0; i < 8; i++) {
        /* the well-known ones more often */
        uint64_t at = stage_random(s, HOSTS) * stage_random(s, HOSTS) / HOSTS;
        talk(d, &d->firefox, &d->hosts[at], true, 443, 400 + stage_random(s, 3000));
    }
    for (unsigned i = 0; i < 6; i++) {
        snprintf(path, sizeof(path), "/home/alice/.cache/mozilla/firefox/x.default/cache2/entries/%016llX",
                 (unsigned long long)stage_random(s, UINT64_MAX));
        struct file f = stage_file_new(s, path);
        saved(d, &d->firefox, &f);
    }
    struct file cookies = {"/home/alice/.mozilla/firefox/x.default/cookies.sqlite", d->source[0].key};
    cookies.key.ino = 900;
    stage_open(s, &d->firefox, &cookies, "browser-cookies", "firefox");
    stage_changed(s, &d->firefox, TRN_ACT_WRITTEN, &cookies);
}

static void at_the_prompt(struct day *d)
{
    static const char *const argv[] = {"ls -la", "grep -rn TODO src", "git status", "git log --oneline", "ls build"};
    static const enum prog what[] = {LS, GREP, GIT, GIT, LS};
    size_t i = stage_random(&d->s, TRN_ARRAY_SIZE(argv));
    struct actor a = launch(d, &d->bash, what[i], argv[i], 4);
    stage_wait_us(&d->s, 9000);
    stage_exit(&d->s, &a);
}

static void edited(struct day *d)
{
    struct stage *s = &d->s;
    struct file f = d->source[stage_random(s, SOURCES)], swap = stage_file_new(s, "/home/alice/work/project/.swap");
    saved(d, &d->editor, &swap);
    stage_changed(s, &d->editor, TRN_ACT_RENAMED, &swap);
    stage_changed(s, &d->editor, TRN_ACT_WRITTEN, &f);
    struct actor git = launch(d, &d->editor, GIT, "git -c core.quotepath=false status -z", 4);
    stage_exit(s, &git);
}

static void fetched(struct day *d)
{
    static const struct host forge = {"git.forge.test", {198, 51, 100, 7}};
    struct file key = {"/home/alice/.ssh/id_ed25519", {.dev = 8u << 20 | 1, .ino = 901, .ctime_ns = 1}};
    struct actor git = launch(d, &d->editor, GIT, "git fetch", 5);
    stage_open(&d->s, &git, &key, "ssh-key", NULL);
    talk(d, &git, &forge, true, 22, 3000);
    stage_exit(&d->s, &git);
}

static void timers(struct day *d)
{
    struct actor sh = launch(d, &d->init, DASH, "sh -c run-parts", 2);
    struct actor parts = launch(d, &sh, RUNPARTS, "run-parts /etc/cron.hourly", 2);
    stage_exit(&d->s, &parts);
    stage_exit(&d->s, &sh);
}

static void keep_in_touch(struct day *d, uint32_t second)
{
    static const struct host sip = {"sip.acme.test", {198, 51, 100, 10}}, chat = {"gate.chat.test", {198, 51, 100, 20}},
                             imap = {"imap.mail.test", {198, 51, 100, 30}},
                             cloud = {"cloud.acme.test", {198, 51, 100, 40}};
    if (second % 30 == 0)
        talk(d, &d->chat, &chat, second % 900 == 0, 443, 300);
    if (second % 60 == 7)
        talk(d, &d->phone, &sip, second % 600 == 7, 5061, 450);
    if (second % 120 == 11)
        talk(d, &d->mail, &imap, second % 600 == 11, 993, 900);
    if (second % 60 == 31) {
        struct file f = d->source[stage_random(&d->s, SOURCES)];
        talk(d, &d->sync, &cloud, false, 443, 2000);
        stage_changed(&d->s, &d->sync, TRN_ACT_WRITTEN, &f);
    }
}

/* The softphone's 1.1: what must be found. */
static void turn(struct day *d)
{
    static const struct host raw = {"raw.codehost.test", {198, 51, 100, 77}},
                             cdn = {"media-cdn.test", {198, 51, 100, 90}};
    struct stage *s = &d->s;
    struct file app = stage_file_new(s, progs[PHONE].path),
                helper = stage_file_new(s, "/home/alice/.cache/acme/helper");
    struct file data = {"/home/alice/.mozilla/firefox/x.default/places.sqlite", {.dev = 8u << 20 | 1, .ino = 902}};
    stage_exit(s, &d->phone);
    stage_update(s, "acme-softphone", "1.0", "1.1");
    d->file[PHONE] = app;
    stage_identity(s, &app, "acme-softphone", "1.1", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    d->phone = launch(d, &d->init, PHONE, "acme-softphone", 20);
    talk(d, &d->phone, &raw, true, 443, 500);
    helper.key.ctime_ns = s->wall_offset_ns + s->boot_ns;
    saved(d, &d->phone, &helper);
    stage_identity(s, &helper, NULL, NULL, TRN_ORIGIN_MANUAL, 0);
    struct actor h = stage_start(s, &d->phone, &helper, "helper");
    stage_open(s, &h, &data, "browser-history", "firefox");
    talk(d, &h, &cdn, true, 443, 70000);
    for (int i = 0; i < 12; i++) {
        stage_wait_us(s, 5000000);
        talk(d, &h, &cdn, false, 443, 512);
    }
}

static void live(struct day *d, uint32_t seconds, bool turns)
{
    struct stage *s = &d->s;
    uint64_t begin = s->boot_ns;
    struct actor make = {0};
    for (uint32_t i = 0; i < seconds; i++) {
        if (s->boot_ns < begin + i * TRN_NS_PER_SEC)
            s->boot_ns = begin + i * TRN_NS_PER_SEC;
        stage_meta(s, TRN_EV_TICK);
        keep_in_touch(d, i);
        if (i % 5 == 0)
            browse(d);
        if (i % 11 == 0)
            at_the_prompt(d);
        if (i % 13 == 0)
            edited(d);
        if (i % 300 == 100)
            fetched(d);
        if (i % 600 == 0)
            timers(d);
        if (i % 240 == 60)
            make = launch(d, &d->bash, MAKE, "make -j2", 3);
        if (i % 240 > 60 && i % 240 < 120)
            for (int k = 0; k < 4; k++)
                one_unit(d, &make);
        if (i % 240 == 120)
            stage_exit(s, &make);
        if (turns && i == seconds / 2)
            turn(d);
    }
}

int64_t day_make(uint32_t seconds, const char *path, struct trn_err *err)
{
    struct trn_log_header header = {.host_id = {1}, .boot_id = {2}, .wall_ns = 1795000000ull * TRN_NS_PER_SEC};
    struct day *d = calloc(1, sizeof(*d));
    if (!d)
        return trn_fail(err, -ENOMEM, "out of memory");
    int r = trn_log_create(path, &header, &d->log, err);
    if (r == 0) {
        stage_init(&d->s, &(struct trn_event_sink){on_event, d});
        stage_meta(&d->s, TRN_EV_START);
        furnish(d);
        d->init = stage_start(&d->s, NULL, &d->file[SYSTEMD], "systemd");
        for (uint32_t i = 0; i <= SHORT_DAYS; i++) {
            uint64_t morning = d->s.boot_ns;
            for (int runs = i < SHORT_DAYS ? 3 : 1; runs > 0; runs--) { /* three logins a day: runs count, too */
                log_in(d);
                live(d, i < SHORT_DAYS ? SHORT_SECONDS : seconds, i == SHORT_DAYS);
                log_out(d);
            }
            d->s.boot_ns = TRN_MAX(d->s.boot_ns, morning + 24 * 3600 * TRN_NS_PER_SEC);
        }
        r = d->s.failed ? d->s.failed : trn_log_flush(d->log);
        trn_log_close(d->log);
        if (r < 0)
            trn_fail(err, r, "cannot write '%s'", path);
    }
    int64_t events = r < 0 ? r : (int64_t)d->s.seq;
    free(d);
    return events;
}
