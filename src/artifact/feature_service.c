/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what starts without being asked, by where a file stands and what it says: systemd units, D-Bus services, cron, autostart
 * entries, launch agents, rules of udev, init scripts, hooks of the shell and of apt, registry files; and what gives rights
 * (sudoers, drivers).
 * Must not: judge; many packages bring a service.
 */
#include "artifact/kinds.h"
#include "formats/formats.h"

#define READ_MAX (256u << 10)
#define LINES_MAX 4096u
#define TOLD_MAX 64u
#define PATH_LEN 4097u
#define SUDOERS "/etc/sudoers"

struct service {
    struct trn_look *l;
    struct trn_str path; /* in its container, with a '/' in front */
    struct trn_str text;
    const char *key;
    uint32_t told;
};

static int tell(struct service *s, struct trn_str value, size_t at)
{
    if (s->told++ >= TOLD_MAX)
        return 0;
    return trn_look_fact(s->l, TRN_FEATURE_SERVICE, s->key,
                         trn_arena_printf(s->l->arena, "%.*s%s%.*s", TRN_STR_ARG(s->l->name), value.n ? ": " : "",
                                          TRN_STR_ARG(trn_str_slice(value, 0, 500))),
                         1, at);
}

static int whole(struct service *s)
{
    return tell(s, TRN_STR_NONE, 0);
}

/* Values of lines "Key=value" whose key is one of those ("Exec" and what begins with it), with the place. */
static int values(struct service *s, const char *key, bool prefix)
{
    struct trn_cursor c = trn_cur_of(s->text);
    struct trn_str line;
    int e = 0;
    for (uint32_t i = 0; e == 0 && i < LINES_MAX; i++) {
        size_t at = c.at;
        if (trn_str_is_none(line = trn_cur_line(&c)))
            break;
        ptrdiff_t sign = trn_str_find(line, '=');
        struct trn_str k = trn_str_trim(trn_str_slice(line, 0, sign < 0 ? 0 : (size_t)sign));
        bool wanted = prefix ? trn_str_starts(k, trn_str_of(key)) : trn_str_eq_c(k, key);
        if (k.n && wanted)
            e = tell(s, trn_str_trim(trn_str_slice(line, (size_t)sign + 1, line.n)), at);
    }
    return e;
}

static int unit(struct service *s)
{
    if (!trn_str_contains(s->text, TRN_STR("[")))
        return 0;
    int e = values(s, "Exec", true);
    return e == 0 && s->told == 0 ? whole(s) : e; /* a timer, a socket */
}

static int desktop(struct service *s)
{
    return values(s, "Exec", false);
}

/* Lines that are no comment; of udev only those that run something. */
static int lines(struct service *s, const char *with)
{
    struct trn_cursor c = trn_cur_of(s->text);
    struct trn_str line;
    int e = 0;
    for (uint32_t i = 0; e == 0 && i < LINES_MAX; i++) {
        size_t at = c.at;
        if (trn_str_is_none(line = trn_cur_line(&c)))
            break;
        line = trn_str_trim(line);
        if (line.n && line.p[0] != '#' && (!with || trn_str_contains(line, trn_str_of(with))))
            e = tell(s, line, at);
    }
    return e;
}

/* A file beside a unit that changes it: only what it starts. */
static int drop_in(struct service *s)
{
    return values(s, "Exec", true);
}

static int invoke(struct service *s)
{
    return lines(s, "invoke");
}

static int cron(struct service *s)
{
    return trn_str_contains(s->path, TRN_STR("/cron.d/")) ? lines(s, NULL) : whole(s);
}

static int udev(struct service *s)
{
    int e = lines(s, "RUN");
    return e == 0 ? lines(s, "PROGRAM") : e;
}

static int apt_hook(struct service *s)
{
    return lines(s, "Invoke");
}

/* Label and what it runs. */
static int launchd(struct service *s)
{
    struct trn_plist p;
    struct trn_plist_item item;
    bool wanted = false;
    trn_plist_init(&p, s->text);
    for (uint32_t i = 0; i < LINES_MAX && trn_plist_next(&p, &item) == 0 && item.kind != TRN_PLIST_END; i++) {
        if (item.kind == TRN_PLIST_KEY) {
            wanted = TRN_ONE_OF(item.text, "Program", "ProgramArguments");
        } else if (wanted && item.kind == TRN_PLIST_STRING) {
            int e = tell(s, trn_plist_text(s->l->arena, item.text), 0);
            if (e < 0)
                return e;
        } else if (item.kind != TRN_PLIST_ARRAY) {
            wanted = false;
        }
    }
    return s->told ? 0 : whole(s);
}

static const struct {
    const char *dir; /* a part of the path */
    const char *end; /* of the name; NULL: any */
    const char *key;
    int (*read)(struct service *s);
} places[] = {
    {"/dbus-1/system-services/", ".service", "dbus", desktop},
    {"/dbus-1/services/", ".service", "dbus", desktop},
    {"/systemd/", ".service", "systemd", unit},
    {"/systemd/", ".timer", "systemd", unit},
    {"/systemd/", ".socket", "systemd", unit},
    {"/systemd/", ".path", "systemd", unit},
    {"/systemd/", ".conf", "systemd", drop_in},
    {"/systemd/system-generators/", NULL, "systemd", whole},
    {"/systemd/user-generators/", NULL, "systemd", whole},
    {"/systemd/system-environment-generators/", NULL, "systemd", whole},
    {"/systemd/user-environment-generators/", NULL, "systemd", whole},
    {"/systemd/system-shutdown/", NULL, "systemd", whole},
    {"/systemd/system-sleep/", NULL, "systemd", whole},
    {"/etc/cron", NULL, "cron", cron},
    {"/var/spool/cron/", NULL, "cron", whole},
    {"/autostart/", ".desktop", "autostart", desktop},
    {"/Programs/Startup/", NULL, "autostart", whole},
    {"/plasma-workspace/env/", NULL, "autostart", whole},
    {"/LaunchAgents/", ".plist", "launchd", launchd},
    {"/LaunchDaemons/", ".plist", "launchd", launchd},
    {"/udev/rules.d/", ".rules", "udev", udev},
    {"/etc/init.d/", NULL, "init", whole},
    {"/etc/rc.local", NULL, "init", whole},
    {"/StartupItems/", NULL, "launchd", whole},
    {"/etc/profile.d/", NULL, "profile", whole},
    {"/etc/X11/Xsession.d/", NULL, "profile", whole},
    {"/X11/xinit/xinitrc.d/", NULL, "profile", whole},
    {"/etc/apt/apt.conf.d/", NULL, "apt-hook", apt_hook},
    {"/etc/dpkg/dpkg.cfg.d/", NULL, "apt-hook", invoke},
    {"/etc/NetworkManager/dispatcher.d/", NULL, "network-hook", whole},
    {"/etc/update-motd.d/", NULL, "login", whole},
    {"/etc/ld.so.preload", NULL, "preload", whole},
    {"/modules-load.d/", ".conf", "module", whole},
};

/* [HKEY_...\CurrentVersion\Run] in an exported registry file. */
static int registry(struct service *s)
{
    static const char *const keys[] = {"\\CurrentVersion\\Run", "\\Winlogon", "Image File Execution Options"};
    int e = 0;
    s->key = "run-key";
    for (size_t i = 0; e == 0 && i < TRN_ARRAY_SIZE(keys); i++)
        e = lines(s, keys[i]);
    return e;
}

static int rights(struct trn_look *l, struct trn_str path)
{
    if (trn_str_contains(path, TRN_STR(SUDOERS)))
        return trn_look_fact(l, TRN_FEATURE_PRIVILEGE, "sudoers", l->name, 1, TRN_FEATURE_NOWHERE);
    bool driver = (l->self->format == TRN_FORMAT_ELF && trn_str_ends(l->name, TRN_STR(".ko"))) ||
                  (l->self->format == TRN_FORMAT_PE && trn_str_ends(l->name, TRN_STR(".sys")));
    return driver ? trn_look_fact(l, TRN_FEATURE_PRIVILEGE, "driver", l->name, 1, TRN_FEATURE_NOWHERE) : 0;
}

/* Where documents and examples stand nothing is started from. */
static bool is_example(struct trn_str path)
{
    return trn_str_contains(path, TRN_STR("/share/doc/")) || trn_str_contains(path, TRN_STR("/examples/"));
}

/* path with a '/' in front; TRN_ARRAY_SIZE(places): none */
static size_t place_of(struct trn_str path)
{
    size_t i = 0;
    while (i < TRN_ARRAY_SIZE(places) && !(trn_str_contains(path, trn_str_of(places[i].dir)) &&
                                           (!places[i].end || trn_str_ends(path, trn_str_of(places[i].end)))))
        i++;
    return i;
}

static struct trn_str without_dots(struct trn_str path)
{
    while (trn_str_starts(path, TRN_STR("./")))
        path = trn_str_slice(path, 2, path.n);
    return path;
}

bool trn_feature_has_place(struct trn_str path)
{
    char full[PATH_LEN];
    struct trn_str name = without_dots(path);
    size_t n = TRN_MIN(name.n, sizeof(full) - 1); /* of a longer one: its end */
    full[0] = '/';
    memcpy(full + 1, n ? name.p + name.n - n : "", n);
    struct trn_str with = {full, n + 1};
    return place_of(with) < TRN_ARRAY_SIZE(places) || trn_str_contains(with, TRN_STR(SUDOERS));
}

int trn_feature_service(struct trn_look *l, struct trn_err *err)
{
    struct trn_str name = without_dots(l->self->name);
    struct service s = {.l = l};
    if (name.n == 0 || l->self->size == 0)
        return 0;
    s.path = name.p[0] == '/' ? name : trn_arena_printf(l->arena, "/%.*s", TRN_STR_ARG(name));
    if (is_example(s.path))
        return 0;
    int e = rights(l, s.path);
    size_t i = place_of(s.path);
    bool reg = trn_str_ends(l->name, TRN_STR(".reg"));
    if (e < 0 || (i == TRN_ARRAY_SIZE(places) && !reg) || trn_str_eq_c(l->name, ".placeholder"))
        return e;
    e = trn_source_take(l->bytes, 0, (size_t)TRN_MIN(l->bytes->size, (uint64_t)READ_MAX), l->arena, &s.text);
    if (e < 0)
        return trn_fail(err, e, "what it starts cannot be read");
    if (reg)
        return registry(&s);
    s.key = places[i].key;
    return places[i].read(&s);
}
