/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: who a finding is about, and the short tables of software that fetches code or reads private data by trade. Must not: decide what is bad; a table only lowers a weight.
 */
#include "detect/internal.h"

#define CLIMB_MAX 64

bool trn_same_software(const struct trn_software *a, const struct trn_software *b)
{
    return !trn_str_is_empty(a->name) && a->origin == b->origin && trn_str_eq(a->name, b->name) &&
           trn_str_eq(a->version, b->version);
}

const struct trn_entity *trn_root_of(const struct trn_process_table *t, const struct trn_entity *e)
{
    const struct trn_entity *top = trn_process_acting(t, e);
    if (!top)
        return e;
    for (int i = 0; i < CLIMB_MAX; i++) {
        const struct trn_entity *parent = top->parent ? trn_process_get(t, top->parent) : NULL;
        const struct trn_entity *above = parent ? trn_process_acting(t, parent) : NULL;
        struct trn_software mine, theirs;
        if (!above || above->id == top->id)
            break;
        trn_process_software(top, &mine);
        trn_process_software(above, &theirs);
        if (!trn_same_software(&mine, &theirs))
            break;
        top = above;
    }
    return top;
}

bool trn_subject(const struct trn_process_table *t, const struct trn_entity *e, struct trn_finding *f)
{
    const struct trn_entity *acting = trn_process_acting(t, e);
    f->entity = e->id;
    f->acting = acting ? acting->id : 0;
    trn_process_software(acting ? acting : e, &f->software);
    return acting == NULL;
}

/* Where packages put programs; elsewhere nothing more will be told than that it is nobody's. */
static bool may_be_packaged(struct trn_str path)
{
    static const char *const loose[] = {"/home/", "/root/", "/tmp/", "/var/tmp/", "/dev/shm/", "/run/"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(loose); i++)
        if (trn_str_starts(path, trn_str_of(loose[i])))
            return false;
    return true;
}

bool trn_image_is_known(const struct trn_entity *e)
{
    return (e->image.identity && (trn_str_is_empty(e->image.script) || e->image.script_identity)) ||
           !may_be_packaged(e->image.path);
}

bool trn_started_by_session(const struct trn_process_table *t, const struct trn_entity *e)
{
    bool session = false;
    return !trn_process_starter(t, e, &session) && session;
}

static bool in_table(struct trn_str name, const char *const *table, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (trn_glob(trn_str_of(table[i]), name, false))
            return true;
    return false;
}

/* A program of one's own called "git" is not git: only a package may be in the tables, and only unmodified. */
static bool has_package(const struct trn_software *s)
{
    return (s->origin == TRN_ORIGIN_DPKG || s->origin == TRN_ORIGIN_RPM || s->origin == TRN_ORIGIN_NPM ||
            s->origin == TRN_ORIGIN_PYTHON) &&
           !(s->flags & TRN_SW_MODIFIED) && !trn_str_is_empty(s->name);
}

bool trn_is_installer(const struct trn_software *s)
{
    static const char *const table[] = {
        "apt",          "aptitude",
        "dpkg*",        "unattended-upgrades",
        "rpm",          "dnf*",
        "snapd",        "flatpak",
        "git",          "git-*",
        "mercurial",    "subversion",
        "python3-pip*", "pip",
        "pipx",         "python3-setuptools*",
        "setuptools",   "uv",
        "poetry",       "npm",
        "nodejs",       "yarn*",
        "pnpm",         "cargo*",
        "rustc",        "golang*",
        "gcc*",         "cpp*",
        "binutils*",    "clang*",
        "llvm*",        "make",
        "cmake",        "meson",
        "ninja-build",  "maven",
        "gradle",       "docker*",
        "containerd*",  "podman",
        "buildah",      "gitlab-runner",
        "ansible*",     "puppet*",
        "jenkins*",     "buildkite*",
        "act-runner*",  "github-runner*",
        "playwright*",  "puppeteer*",
        "selenium*",
    };
    return has_package(s) && in_table(s->name, table, TRN_ARRAY_SIZE(table));
}

bool trn_is_developers(const struct trn_software *s)
{
    static const char *const table[] = {"code",  "code-insiders", "codium",     "emacs*",       "vim*",    "neovim*",
                                        "idea*", "pycharm*",      "jetbrains*", "gh",           "kubectl", "curl",
                                        "wget",  "geany*",        "kate*",      "gnome-builder"};
    return trn_is_installer(s) || (has_package(s) && in_table(s->name, table, TRN_ARRAY_SIZE(table)));
}

bool trn_is_browser(const struct trn_software *s)
{
    static const char *const table[] = {
        "firefox*", "chromium*",    "google-chrome*", "brave-browser*",    "microsoft-edge*", "opera*",
        "vivaldi*", "thunderbird*", "librewolf*",     "epiphany-browser*", "falkon",          "torbrowser*",
    };
    return has_package(s) && in_table(s->name, table, TRN_ARRAY_SIZE(table));
}

bool trn_is_data_reader(const struct trn_software *s)
{
    static const char *const table[] = {
        "restic",      "borgbackup*", "borgmatic",      "vorta",        "deja-dup*",     "duplicity",
        "duply",       "rsync",       "rclone",         "rdiff-backup", "rsnapshot",     "backintime*",
        "timeshift",   "kup-backup",  "bacula*",        "bareos*",      "amanda*",       "tracker*",
        "localsearch", "baloo*",      "recoll*",        "plocate",      "mlocate",       "clamav*",
        "rkhunter",    "aide*",       "nextcloud-*",    "owncloud-*",   "syncthing",     "dropbox*",
        "megasync",    "onedrive",    "unison*",        "keepassx*",    "bitwarden*",    "1password*",
        "pass",        "seahorse",    "kwalletmanager", "gpg-agent",    "gnupg*",        "stow",
        "chezmoi",     "yadm",        "pika-backup",    "snapper*",     "kopia*",        "git",
        "ripgrep",     "ugrep",       "fd-find",        "sqlite3",      "sqlitebrowser", "silversearcher-ag",
    };
    return has_package(s) && in_table(s->name, table, TRN_ARRAY_SIZE(table));
}
