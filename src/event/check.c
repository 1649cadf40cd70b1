/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the registry of checks. Must not own: the detectors that fire them (src/detect/).
 * Hand-offs: entries are static.
 */
#include "event/check_artifact.h"

static const struct trn_check checks[] = {
    {
        .id = "behaviour.second-stage",
        .title = "second stage",
        .score = 45,
        .stage = TRN_STAGE_SECOND_STAGE,
        .attack = {"T1105", "T1204.002"},
        .means = "A file was written by a program that had talked to the network, or that came from one that had, and "
                 "was then executed or mapped as code. The code that runs is thus not the code that was installed.",
        .false_alarms = "Updaters, plug-in stores and launchers do this by design, and so does building or installing "
                        "software from the network: git, pip, npm, compilers. What a person runs at a prompt "
                        "and what package managers do counts for little.",
    },
    {
        .id = "behaviour.browser-data",
        .title = "browser data",
        .score = 45,
        .stage = TRN_STAGE_COLLECTION,
        .attack = {"T1217", "T1555.003", "T1539"},
        .means = "A program that is not the browser, nor of its package, opened the browser's history, cookie or login "
                 "store. These files say where a person is logged in and are what thieves read first.",
        .false_alarms = "Backup and search tools read whole home directories, and password managers and other browsers "
                        "import these files when asked to.",
    },
    {
        .id = "behaviour.first-contact",
        .title = "first contact",
        .score = 30,
        .stage = TRN_STAGE_FIRST_CONTACT,
        .attack = {"T1102.001", "T1071.001", "T1583.001"},
        .means =
            "The software talked to a host, or to a kind of host, that it never talked to in all its runs here. "
            "Code hosting, paste sites, chat webhooks, dynamic DNS and bare addresses are what stages of an attack "
            "are fetched from.",
        .false_alarms =
            "A new version may bring a new telemetry, update or content host. Its vendor can say so; look at "
            "what else is new with this version.",
    },
    {
        .id = "behaviour.exec-memory",
        .title = "executable memory",
        .score = 30,
        .stage = TRN_STAGE_ABNORMAL_LOAD,
        .attack = {"T1620", "T1055"},
        .means =
            "The software ran code from memory that belongs to no file, from a memory file or from a deleted file, "
            "or reached into another process, and never did so before.",
        .false_alarms =
            "Just-in-time compilers (browsers, Java, Node, .NET, some regular expression libraries) do this "
            "all the time; a version that begins to use one does so for the first time.",
    },
    {
        .id = "behaviour.foreign-library",
        .title = "foreign library",
        .score = 30,
        .stage = TRN_STAGE_ABNORMAL_LOAD,
        .attack = {"T1574.001", "T1574.006", "T1129"},
        .means = "The software loaded code that neither its package nor any other installed package owns, that differs "
                 "from what its package installed, or that was put there through the environment (LD_PRELOAD).",
        .false_alarms =
            "Plug-ins a person installed, debugging and profiling tools, and programs that unpack their own "
            "libraries to a cache.",
    },
    {
        .id = "behaviour.collection",
        .title = "collection",
        .score = 30,
        .stage = TRN_STAGE_COLLECTION,
        .attack = {"T1005", "T1552.001", "T1552.004"},
        .means = "The software read keys, credentials or other private data of a kind that it never read before, or of "
                 "many kinds in a short time.",
        .false_alarms =
            "Backup, sync, search and migration tools read everything; their profile says so after the first "
            "days.",
    },
    {
        .id = "behaviour.exfiltration",
        .title = "exfiltration",
        .score = 30,
        .stage = TRN_STAGE_EXFILTRATION,
        .attack = {"T1041"},
        .means =
            "Within ten minutes after it read private data that it has no habit of reading, the software sent bytes to "
            "a place that is new for it.",
        .false_alarms = "A sync or backup program in its first days, or any program that was asked to import such data "
                        "and happened to talk to a new server then.",
    },
    {
        .id = "behaviour.persistence",
        .title = "persistence",
        .score = 30,
        .stage = TRN_STAGE_PERSISTENCE,
        .attack = {"T1547", "T1543.002", "T1053.003", "T1546.004"},
        .means = "The software wrote, moved or linked a file to a place from which programs start by themselves, are "
                 "loaded into others, or which lets somebody log in: units, timers, cron, autostart, start files of "
                 "shells, ld.so.preload, authorized keys, PAM. It has no habit of that. What stands in the file is not "
                 "read: only who wrote it and where.",
        .false_alarms =
            "Programs that offer 'start at login' do this when asked to, and installers outside the package "
            "manager set up their service. Package managers, editors, settings dialogs and configuration "
            "management count for nothing or little, and so does a person at a prompt.",
    },
    {
        .id = "behaviour.drift",
        .title = "drift",
        .score = 20,
        .stage = TRN_STAGE_RELEASE_CHANGE,
        .attack = {"T1195.002"},
        .means = "Since its update the software does many things that it never did in the versions before, more than "
                 "updates of it bring as a rule.",
        .false_alarms = "A major version. It is a note: look at what is new, not at how much.",
    },
    {
        .id = "behaviour.beacon",
        .title = "beacon",
        .score = 35,
        .stage = TRN_STAGE_BEACON,
        .attack = {"T1071.001", "T1573.001"},
        .means = "The software calls the same place again and again at regular times, and that place is new for it. "
                 "Implants ask for orders in this way.",
        .false_alarms = "Mail, telemetry and keep-alives are just as regular, and a new version may bring a new one. "
                        "Regularity alone never makes a finding: the place must be new for this software.",
    },
    {
        .id = "behaviour.hands-on-keyboard",
        .title = "a person types through it",
        .score = 45,
        .stage = TRN_STAGE_HANDS_ON_KEYBOARD,
        .attack = {"T1059.004", "T1033", "T1082", "T1057"},
        .means =
            "Below a program that never had a shell, commands that look around were run at the pace of a person, or "
            "a shell's input and output are a network connection. What a shell does itself (cd, echo) is not seen.",
        .false_alarms = "Remote support tools, editors with a terminal and container tools do this by design: their "
                        "profile has shells. A developer who debugs the program by hand may look like it once.",
    },
    {
        .id = "indicator.sha256",
        .title = "known bad file",
        .score = 90,
        .stage = TRN_STAGE_INDICATOR,
        .attack = {"T1204.002"},
        .means = "The SHA-256 hash of a file that was seen is in a loaded list of indicators: this exact content was "
                 "called bad by whoever made the list.",
        .false_alarms = "Lists sometimes contain hashes of harmless files, such as the empty file or a common library "
                        "that came with a bad one. Look at who made the list.",
        .category = TRN_CATEGORY_INDICATOR,
    },
    {
        .id = "indicator.domain",
        .title = "known bad domain",
        .score = 60,
        .stage = TRN_STAGE_INDICATOR,
        .attack = {"T1071", "T1071.004"},
        .means = "A name that was asked for, or a name below it, is in a loaded list of indicators.",
        .false_alarms =
            "Domains change hands, and lists name hosting services that harmless software uses too. A question "
            "alone is not a connection: mail filters and browsers that fetch names ahead ask many.",
    },
    {
        .id = "indicator.ip",
        .title = "known bad address",
        .score = 50,
        .stage = TRN_STAGE_INDICATOR,
        .attack = {"T1071", "T1095"},
        .means = "A program connected to, or was reached from, an address that is in a loaded list of indicators.",
        .false_alarms =
            "Addresses of shared hosting, content networks and proxies serve many; they change owner within "
            "days. Look at the age of the indicator.",
    },
    {
        .id = "indicator.url",
        .title = "known bad address of a page",
        .score = 60,
        .stage = TRN_STAGE_INDICATOR,
        .attack = {"T1105", "T1071.001"},
        .means = "A web address among a program's arguments is in a loaded list of indicators.",
        .false_alarms = "Somebody looking into the address by hand, or a download of a list that contains it.",
    },
    {
        .id = TRN_CHECK_MANY_EXCEPTIONS,
        .title = "several exceptions",
        .score = 30,
        .stage = TRN_STAGE_RULE,
        .attack = {"T1562"},
        .means =
            "Two or more exceptions hold for one file or one version of a software. Each may have a good reason; "
            "together they are what happened to the hijacked softphone of 2023, whose findings were excepted one by "
            "one as false alarms.",
        .false_alarms =
            "A new version that its vendor explained in all points. No exception can be made from this check.",
    },
};

const struct trn_check *trn_check_at(size_t i)
{
    if (i < TRN_ARRAY_SIZE(checks))
        return &checks[i];
    i -= TRN_ARRAY_SIZE(checks);
    if (i < trn_artifact_checks_count)
        return &trn_artifact_checks[i];
    i -= trn_artifact_checks_count;
    return i < trn_release_checks_count ? &trn_release_checks[i] : NULL;
}

const struct trn_check *trn_check_find(struct trn_str id)
{
    const struct trn_check *c;
    for (size_t i = 0; (c = trn_check_at(i)) != NULL; i++)
        if (trn_str_eq_c(id, c->id))
            return c;
    /* a family ("yara.*"): its members' names come from outside */
    for (size_t i = 0; (c = trn_check_at(i)) != NULL; i++) {
        struct trn_str family = trn_str_of(c->id);
        if (trn_str_ends(family, TRN_STR(".*")) && id.n > family.n - 1 &&
            trn_str_starts(id, trn_str_slice(family, 0, family.n - 1)))
            return c;
    }
    return NULL;
}

const char *trn_category_name(enum trn_category c)
{
    static const char *const names[TRN_CATEGORY_MAX] = {"",       "signature", "embedded", "container", "code",
                                                        "script", "metadata",  "text",     "indicator"};
    return (unsigned)c < TRN_CATEGORY_MAX ? names[c] : "";
}

const char *trn_attack_renamed(struct trn_str id)
{
    static const struct {
        const char *was, *is;
    } table[] = {
        {"T1562.001", "T1685"},     /* disable or modify tools */
        {"T1562.003", "T1690"},     /* impair command history logging */
        {"T1574.002", "T1574.001"}, /* DLL side-loading, since v17 */
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(table); i++)
        if (trn_str_eq_c(id, table[i].was))
            return table[i].is;
    return NULL;
}
