/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the sensitive places of Windows and macOS, for logs that tell openings (eslogger does; Sysmon tells no reading of
 * a file, so a theft of browser data shows there only by what is written or started next to it). Classes are those of
 * the sensor's table of Linux. Add a place at the end of its group.
 * An owner is what the names of its programs begin with: the product on Windows, the bundle's name on macOS.
 */
#include "ingest/internal.h"

#define CHROMIUM(dir, owner)                                                                                      \
    {dir "/*/Cookies", "browser-cookies", owner}, {dir "/*/Login Data", "browser-logins", owner},                 \
        {dir "/*/Login Data For Account", "browser-logins", owner}, {dir "/*/History", "browser-history", owner}, \
        {dir "/*/Web Data", "browser-history", owner},                                                            \
    {                                                                                                             \
        dir "/Local State", "browser-key", owner                                                                  \
    }

#define FIREFOX(dir, owner)                                                                                \
    {dir "/*/cookies.sqlite*", "browser-cookies", owner}, {dir "/*/logins.json", "browser-logins", owner}, \
        {dir "/*/key4.db", "browser-logins", owner}, {dir "/*/places.sqlite*", "browser-history", owner},  \
    {                                                                                                      \
        dir "/*/formhistory.sqlite", "browser-history", owner                                              \
    }

#define WIN_LOCAL "?:/Users/*/AppData/Local/"
#define WIN_ROAMING "?:/Users/*/AppData/Roaming/"
#define MAC_SUPPORT "/Users/*/Library/Application Support/"

static const struct trn_foreign_place places[] = {
    CHROMIUM(MAC_SUPPORT "Google/Chrome", "Google Chrome"),
    CHROMIUM(MAC_SUPPORT "Chromium", "Chromium"),
    CHROMIUM(MAC_SUPPORT "BraveSoftware/Brave-Browser", "Brave Browser"),
    CHROMIUM(MAC_SUPPORT "Microsoft Edge", "Microsoft Edge"),
    CHROMIUM(MAC_SUPPORT "Vivaldi", "Vivaldi"),
    FIREFOX(MAC_SUPPORT "Firefox/Profiles", "Firefox"),
    {"/Users/*/Library/Safari/History.db*", "browser-history", "Safari"},
    {"/Users/*/Library/Cookies/Cookies.binarycookies", "browser-cookies", "Safari"},
    {"/Users/*/Library/Containers/com.apple.Safari/*/Cookies.binarycookies", "browser-cookies", "Safari"},
    {"/Users/*/Library/Keychains/*.keychain-db", "keyring", NULL},
    {"/Users/*/.ssh/id_*", "ssh-key", NULL},
    {"/Users/*/.aws/credentials", "cloud-credentials", NULL},
    CHROMIUM(WIN_LOCAL "Google/Chrome/User Data", "Google Chrome"),
    CHROMIUM(WIN_LOCAL "Chromium/User Data", "Chromium"),
    CHROMIUM(WIN_LOCAL "BraveSoftware/Brave-Browser/User Data", "Brave Browser"),
    CHROMIUM(WIN_LOCAL "Microsoft/Edge/User Data", "Microsoft Edge"),
    CHROMIUM(WIN_LOCAL "Vivaldi/User Data", "Vivaldi"),
    FIREFOX(WIN_ROAMING "Mozilla/Firefox/Profiles", "Firefox"),
    {"?:/Users/*/.ssh/id_*", "ssh-key", NULL},
    {"?:/Users/*/.aws/credentials", "cloud-credentials", NULL},
};

const struct trn_foreign_place *trn_foreign_place_of(struct trn_str path)
{
    if (trn_str_ends(path, TRN_STR(".pub")))
        return NULL;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(places); i++)
        if (trn_glob(trn_str_of(places[i].files), path, true))
            return &places[i];
    return NULL;
}
