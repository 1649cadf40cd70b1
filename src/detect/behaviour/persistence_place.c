/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the table of places from which programs start by themselves, are loaded into others or let somebody in; of Linux,
 * macOS and Windows. By the path alone: what stands in a file is foreign bytes, and nobody reads them here.
 * Must not: judge who writes there. A new place is a row; rows of one folder stand together, the first that fits counts.
 */
#include "detect/behaviour/persistence.h"

enum kind {
    UNIT,
    TIMER,
    GENERATOR,
    USER_UNIT,
    CRON,
    AT,
    AUTOSTART,
    DESKTOP,
    SHELL,
    PRELOAD,
    LD_CONF,
    KEYS,
    SSHD,
    PAM,
    UDEV,
    INIT,
    MOTD,
    NETWORK,
    PACKAGES,
    GIT,
    MODULES,
    BUS,
    MENU,
    PYTHON,
    PTH,
    LAUNCH_AGENT,
    LAUNCH_DAEMON,
    STARTUP,
    TASKS,
    POWERSHELL,
    RUN_KEY,
    LOGON_KEY,
    SERVICE_KEY,
    INJECTED_DLL,
    DEBUGGER,
    LOGON_DLL,
    KINDS,
};

#define NORMAL 30
#define STRONG 40
#define WEAK 20

static const struct trn_start_kind kinds[KINDS] = {
    [UNIT] = {"systemd units", "starts with the machine", "T1543.002", NORMAL},
    [TIMER] = {"systemd timers", "starts at set times", "T1053.006", NORMAL},
    [GENERATOR] = {"systemd generators", "runs when the machine starts", "T1543.002", NORMAL},
    [USER_UNIT] = {"systemd units of users", "starts at login", "T1543.002", NORMAL, .own = true},
    [CRON] = {"cron", "starts at set times", "T1053.003", NORMAL},
    [AT] = {"at", "starts at a set time", "T1053.002", NORMAL},
    [AUTOSTART] = {"autostart", "starts at login", "T1547.013", NORMAL, .own = true},
    [DESKTOP] = {"start files of the desktop", "runs at login", "T1547", NORMAL},
    [SHELL] = {"start files of shells", "runs with every shell", "T1546.004", NORMAL},
    [PRELOAD] = {"ld.so.preload", "loaded into every program", "T1574.006", STRONG, .grave = true},
    [LD_CONF] = {"ld.so.conf", "says where programs find their libraries", "T1574.006", NORMAL},
    [KEYS] = {"authorized keys", "lets somebody log in", "T1098.004", STRONG, .grave = true},
    [SSHD] = {"settings of the SSH server", "says who may log in", "T1098.004", NORMAL},
    [PAM] = {"PAM", "runs whenever somebody logs in", "T1556.003", STRONG},
    [UDEV] = {"udev rules", "runs when a device appears", "T1546.017", NORMAL},
    [INIT] = {"init scripts", "starts with the machine", "T1037.004", NORMAL},
    [MOTD] = {"message of the day", "runs at every login", "T1037", NORMAL},
    [NETWORK] = {"hooks of the network", "runs when the network changes", "T1546", NORMAL},
    [PACKAGES] = {"hooks of the package manager", "runs with the package manager", "T1546.016", NORMAL},
    [GIT] = {"git hooks", "runs when git is used there", "T1546", WEAK},
    [MODULES] = {"kernel modules", "loaded with the kernel", "T1547.006", NORMAL},
    [BUS] = {"D-Bus services", "starts when a program asks for it", "T1546", NORMAL},
    [MENU] = {"menu entries of users", "starts when it is chosen in a menu", "T1546", WEAK},
    [PYTHON] = {"start files of Python", "loaded into every Python program", "T1546.018", NORMAL},
    [PTH] = {"path files of Python", "loaded into every Python program", "T1546.018", WEAK},
    [LAUNCH_AGENT] = {"launch agents", "starts at login", "T1543.001", NORMAL, .own = true},
    [LAUNCH_DAEMON] = {"launch daemons", "starts with the machine", "T1543.004", NORMAL},
    [STARTUP] = {"Startup folder", "starts at login", "T1547.001", NORMAL, .own = true},
    [TASKS] = {"scheduled tasks", "starts at set times", "T1053.005", NORMAL},
    [POWERSHELL] = {"PowerShell profiles", "runs with every shell", "T1546.013", NORMAL},
    [RUN_KEY] = {"Run keys", "starts at login", "T1547.001", NORMAL, .own = true},
    [LOGON_KEY] = {"Winlogon", "runs at every login", "T1547.004", NORMAL},
    [SERVICE_KEY] = {"services", "starts with the machine", "T1543.003", NORMAL},
    [INJECTED_DLL] = {"AppInit_DLLs", "loaded into every program", "T1546.010", STRONG, .grave = true},
    [DEBUGGER] = {"image file execution options", "starts in the place of a program", "T1546.012", NORMAL},
    [LOGON_DLL] = {"security packages", "runs whenever somebody logs in", "T1547.005", STRONG},
};

struct row {
    struct trn_str glob; /* of what follows the root of its list; '*' crosses '/' */
    uint8_t kind;
};
#define ROW(kind, glob)                \
    {                                  \
        {glob, sizeof(glob) - 1}, kind \
    }
#define UNITS(dir, kind)                                                                                           \
    ROW(TIMER, dir "/*.timer"), ROW(kind, dir "/*.service"), ROW(kind, dir "/*.socket"), ROW(kind, dir "/*.path"), \
        ROW(kind, dir "/*.conf")

/* Below /etc. */
static const struct row in_etc[] = {
    UNITS("systemd/system", UNIT),
    UNITS("systemd/user", USER_UNIT),
    ROW(GENERATOR, "systemd/system-generators/*"),
    ROW(GENERATOR, "systemd/user-generators/*"),
    ROW(GENERATOR, "systemd/system-environment-generators/*"),
    ROW(CRON, "crontab"),
    ROW(CRON, "anacrontab"),
    ROW(CRON, "cron.*/*"),
    ROW(AUTOSTART, "xdg/autostart/*.desktop"),
    ROW(DESKTOP, "X11/Xsession.d/*"),
    ROW(DESKTOP, "X11/xinit/xinitrc.d/*"),
    ROW(SHELL, "profile"),
    ROW(SHELL, "profile.d/*"),
    ROW(SHELL, "bash.bashrc"),
    ROW(SHELL, "bashrc"),
    ROW(SHELL, "zsh*"),
    ROW(SHELL, "fish/*.fish"),
    ROW(SHELL, "environment"),
    ROW(SHELL, "environment.d/*.conf"),
    ROW(PRELOAD, "ld.so.preload"),
    ROW(LD_CONF, "ld.so.conf"),
    ROW(LD_CONF, "ld.so.conf.d/*.conf"),
    ROW(KEYS, "ssh/authorized_keys*"),
    ROW(SSHD, "ssh/sshd_config"),
    ROW(SSHD, "ssh/sshd_config.d/*.conf"),
    ROW(SSHD, "ssh/sshrc"),
    ROW(PAM, "pam.d/*"),
    ROW(PAM, "pam.conf"),
    ROW(UDEV, "udev/rules.d/*.rules"),
    ROW(INIT, "rc.local"),
    ROW(INIT, "rc.d/*"),
    ROW(INIT, "init.d/*"),
    ROW(INIT, "rc?.d/*"),
    ROW(INIT, "inittab"),
    ROW(INIT, "init/*.conf"),
    ROW(MOTD, "update-motd.d/*"),
    ROW(NETWORK, "NetworkManager/dispatcher.d/*"),
    ROW(NETWORK, "networkd-dispatcher/*"),
    ROW(NETWORK, "network/if-*.d/*"),
    ROW(NETWORK, "dhcp/dhclient-*-hooks.d/*"),
    ROW(NETWORK, "ppp/ip-*.d/*"),
    ROW(PACKAGES, "apt/apt.conf"),
    ROW(PACKAGES, "apt/apt.conf.d/*"),
    ROW(PACKAGES, "dpkg/dpkg.cfg"),
    ROW(PACKAGES, "dpkg/dpkg.cfg.d/*"),
    ROW(MODULES, "modules"),
    ROW(MODULES, "modules-load.d/*.conf"),
    ROW(MODULES, "modprobe.d/*.conf"),
    ROW(MODULES, "initramfs-tools/hooks/*"),
    ROW(MODULES, "initramfs-tools/scripts/*"),
    ROW(LAUNCH_DAEMON, "emond.d/rules/*.plist"),
};

/* Below /usr/lib, /lib, /usr/local/lib. */
static const struct row in_lib[] = {
    UNITS("systemd/system", UNIT),
    UNITS("systemd/user", USER_UNIT),
    ROW(GENERATOR, "systemd/system-generators/*"),
    ROW(GENERATOR, "systemd/user-generators/*"),
    ROW(PAM, "security/pam_*.so"),
    ROW(PAM, "*-linux-gnu*/security/pam_*.so"),
    ROW(UDEV, "udev/rules.d/*.rules"),
    ROW(NETWORK, "NetworkManager/dispatcher.d/*"),
    ROW(MODULES, "modules-load.d/*.conf"),
};

static const struct row in_share[] = {
    ROW(AUTOSTART, "gnome/autostart/*.desktop"),
    ROW(BUS, "dbus-1/services/*.service"),
    ROW(BUS, "dbus-1/system-services/*.service"),
};

/* Below /var, and /private/var of macOS. */
static const struct row in_var[] = {
    ROW(AT, "spool/cron/atjobs/*"),
    ROW(AT, "spool/at/*"),
    ROW(CRON, "spool/cron/crontabs/*"),
    ROW(CRON, "spool/cron/*"), /* elsewhere than in Debian */
    ROW(CRON, "at/tabs/*"),
    ROW(PACKAGES, "lib/dpkg/info/*.preinst"),
    ROW(PACKAGES, "lib/dpkg/info/*.postinst"),
    ROW(PACKAGES, "lib/dpkg/info/*.prerm"),
    ROW(PACKAGES, "lib/dpkg/info/*.postrm"),
};

/* In a home: of Linux, of macOS, of Windows. */
static const struct row in_home[] = {
    ROW(AUTOSTART, ".config/autostart/*.desktop"),
    ROW(AUTOSTART, ".config/autostart-scripts/*"),
    UNITS(".config/systemd/user", USER_UNIT),
    UNITS(".local/share/systemd/user", USER_UNIT),
    ROW(DESKTOP, ".config/plasma-workspace/*"),
    ROW(DESKTOP, ".config/lxsession/*/autostart"),
    ROW(DESKTOP, ".config/openbox/autostart"),
    ROW(DESKTOP, ".xprofile"),
    ROW(DESKTOP, ".xinitrc"),
    ROW(DESKTOP, ".xsession"),
    ROW(DESKTOP, ".xsessionrc"),
    ROW(SHELL, ".config/fish/config.fish"),
    ROW(SHELL, ".config/fish/conf.d/*.fish"),
    ROW(SHELL, ".config/environment.d/*.conf"),
    ROW(SHELL, ".bashrc"),
    ROW(SHELL, ".bash_profile"),
    ROW(SHELL, ".bash_login"),
    ROW(SHELL, ".bash_logout"),
    ROW(SHELL, ".bash_aliases"),
    ROW(SHELL, ".profile"),
    ROW(SHELL, ".zshrc"),
    ROW(SHELL, ".zshenv"),
    ROW(SHELL, ".zprofile"),
    ROW(SHELL, ".zlogin"),
    ROW(SHELL, ".kshrc"),
    ROW(SHELL, ".cshrc"),
    ROW(SHELL, ".tcshrc"),
    ROW(SHELL, ".login"),
    ROW(SHELL, ".pam_environment"),
    ROW(KEYS, ".rhosts"),
    ROW(KEYS, ".shosts"),
    ROW(SSHD, ".ssh/rc"),
    ROW(SSHD, ".ssh/environment"),
    ROW(GIT, ".config/git/hooks/*"),
    ROW(BUS, ".local/share/dbus-1/services/*.service"),
    ROW(MENU, ".local/share/applications/*.desktop"),
    ROW(LAUNCH_AGENT, "Library/LaunchAgents/*.plist"),
    ROW(STARTUP, "AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Startup/*"),
    ROW(POWERSHELL, "Documents/WindowsPowerShell/*rofile.ps1"),
    ROW(POWERSHELL, "Documents/PowerShell/*rofile.ps1"),
};

static const struct row in_library[] = {
    ROW(LAUNCH_AGENT, "LaunchAgents/*.plist"),
    ROW(LAUNCH_DAEMON, "LaunchDaemons/*.plist"),
    ROW(LAUNCH_DAEMON, "StartupItems/*"),
};

/* Behind the letter of a drive. */
static const struct row in_drive[] = {
    ROW(STARTUP, "ProgramData/Microsoft/Windows/Start Menu/Programs/Startup/*"),
    ROW(TASKS, "Windows/System32/Tasks/*"),
    ROW(TASKS, "Windows/Tasks/*"),
    ROW(POWERSHELL, "Windows/System32/WindowsPowerShell/v1.0/*rofile.ps1"),
};

/* Values of the registry, which recordings of Windows tell as files below "HKLM" and "HKU". */
static const struct row in_registry[] = {
    ROW(RUN_KEY, "*/Software/*Microsoft/Windows/CurrentVersion/Run*/*"),
    ROW(RUN_KEY, "*/Software/*Microsoft/Windows/CurrentVersion/Policies/Explorer/Run/*"),
    ROW(LOGON_KEY, "*/Software/*Microsoft/Windows NT/CurrentVersion/Winlogon/Shell"),
    ROW(LOGON_KEY, "*/Software/*Microsoft/Windows NT/CurrentVersion/Winlogon/Userinit"),
    ROW(LOGON_KEY, "*/Environment/UserInitMprLogonScript"),
    ROW(SERVICE_KEY, "HKLM/System/*ControlSet*/Services/*/ImagePath"),
    ROW(SERVICE_KEY, "HKLM/System/*ControlSet*/Services/*/ServiceDll"),
    ROW(INJECTED_DLL, "*/Software/*Microsoft/Windows NT/CurrentVersion/Windows/AppInit_DLLs"),
    ROW(DEBUGGER, "*/Software/*Microsoft/Windows NT/CurrentVersion/Image File Execution Options/*/Debugger"),
    ROW(LOGON_DLL, "HKLM/System/*ControlSet*/Control/Lsa/*Packages"),
};

/* Wherever the folder is: the file's name, and how the folder's path ends. */
static const struct {
    struct trn_str name, folder;
    uint8_t kind;
} anywhere[] = {
    {{"authorized_keys*", 16}, {"/.ssh", 5}, KEYS}, {{"*.pth", 5}, {"-packages", 9}, PTH},
    {{"sitecustomize.py", 16}, {"", 0}, PYTHON},    {{"usercustomize.py", 16}, {"", 0}, PYTHON},
    {{"*", 1}, {"/.git/hooks", 11}, GIT},
};

/* What editors, dpkg and the like leave beside a file; whoever starts things there passes it by. The file under its own
 * name is told by itself. */
static bool is_temporary(struct trn_str name)
{
    static const char *const globs[] = {"*~",       "*.swp", "*.swx",       "*.dpkg-*", "*.ucf-*",
                                        "*.sample", ".#*",   "desktop.ini", "tmp.*"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(globs); i++)
        if (trn_glob(trn_str_of(globs[i]), name, true))
            return true;
    return false;
}

static const struct trn_start_kind *find(const struct row *rows, size_t n, struct trn_str below, bool fold)
{
    for (size_t i = 0; i < n; i++)
        if (trn_glob(rows[i].glob, below, fold))
            return &kinds[rows[i].kind];
    return NULL;
}
#define FIND(rows, below, fold) find((rows), TRN_ARRAY_SIZE(rows), (below), (fold))

/* Cuts the root off; false: the path is elsewhere. */
static bool cut(struct trn_str *path, struct trn_str root)
{
    if (!trn_str_starts(*path, root))
        return false;
    *path = trn_str_slice(*path, root.n, path->n);
    return true;
}

static bool cut_user(struct trn_str *path)
{
    ptrdiff_t slash = trn_str_find(*path, '/');
    if (slash <= 0)
        return false;
    *path = trn_str_slice(*path, (size_t)slash + 1, path->n);
    return true;
}

/* Only few names of a home can be one of ours; caches and documents, where most is written, are not. */
static const struct trn_start_kind *of_home(struct trn_str below, bool fold)
{
    bool may = trn_str_starts(below, TRN_STR(".")) || trn_str_starts(below, TRN_STR("Library/")) || fold;
    return may && !trn_str_starts(below, TRN_STR(".cache/")) ? FIND(in_home, below, fold) : NULL;
}

static bool is_drive(struct trn_str path)
{
    return path.n > 3 && path.p[1] == ':' && path.p[2] == '/';
}

static const struct trn_start_kind *of_drive(struct trn_str path)
{
    struct trn_str below = trn_str_slice(path, 3, path.n);
    if (below.n > 6 && trn_glob(TRN_STR("users/*"), below, true)) {
        below = trn_str_slice(below, 6, below.n);
        return cut_user(&below) ? of_home(below, true) : NULL;
    }
    return FIND(in_drive, below, true);
}

static const struct trn_start_kind *by_root(struct trn_str path)
{
    static const char *const libs[] = {"/usr/lib/", "/lib/", "/usr/lib64/", "/lib64/", "/usr/local/lib/"};
    if (is_drive(path))
        return of_drive(path);
    if (trn_str_starts(path, TRN_STR("HK")))
        return FIND(in_registry, path, true);
    (void)cut(&path, TRN_STR("/private")); /* where macOS keeps /etc and /var */
    if (cut(&path, TRN_STR("/home/")) || cut(&path, TRN_STR("/Users/")))
        return cut_user(&path) ? of_home(path, false) : NULL;
    if (cut(&path, TRN_STR("/root/")) || cut(&path, TRN_STR("/var/root/")))
        return of_home(path, false);
    if (cut(&path, TRN_STR("/etc/")))
        return FIND(in_etc, path, false);
    if (cut(&path, TRN_STR("/var/")))
        return FIND(in_var, path, false);
    if (cut(&path, TRN_STR("/usr/share/")) || cut(&path, TRN_STR("/usr/local/share/")))
        return FIND(in_share, path, false);
    if (cut(&path, TRN_STR("/Library/")))
        return FIND(in_library, path, false);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(libs); i++)
        if (cut(&path, trn_str_of(libs[i])))
            return FIND(in_lib, path, false);
    return NULL;
}

static const struct trn_start_kind *by_name(struct trn_str path, struct trn_str name)
{
    struct trn_str folder = trn_path_dir(path);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(anywhere); i++)
        if (trn_str_ends(folder, anywhere[i].folder) && trn_glob(anywhere[i].name, name, false))
            return &kinds[anywhere[i].kind];
    return NULL;
}

const struct trn_start_kind *trn_start_kind_of(struct trn_str path)
{
    struct trn_str name = trn_path_base(path);
    if (name.n == 0)
        return NULL;
    const struct trn_start_kind *k = by_root(path);
    if (!k)
        k = by_name(path, name);
    return k && !is_temporary(name) ? k : NULL;
}
