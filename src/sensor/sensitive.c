/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: the one table of sensitive places: whose opening is worth an event. Both halves link it:
 * turncoatd to know which folders to mark and which files to tell, the engine to put the words to
 * the number. Add a place at the end: records carry its index.
 *
 * A place is a folder below a home ('*' stands for one component) and globs of file names in it; '!'
 * before a glob takes names out again. The owner is what the names of the packages begin with whose
 * programs may read it; NULL where nobody's in particular.
 */
#include "sensor/sensor.h"

#define FIREFOX_HISTORY "places.sqlite places.sqlite-wal formhistory.sqlite"
#define FIREFOX_LOGINS "logins.json key4.db key3.db signons.sqlite"
#define CHROME_HISTORY "History Archived?History Web?Data"
#define CHROME_LOGINS "Login?Data Login?Data?For?Account"

#define FIREFOX(dir, owner)                                                   \
    {dir, FIREFOX_HISTORY, "browser-history", owner},                         \
        {dir, "cookies.sqlite cookies.sqlite-wal", "browser-cookies", owner}, \
    {                                                                         \
        dir, FIREFOX_LOGINS, "browser-logins", owner                          \
    }

/* Newer versions keep the cookies in Network, and each profile has a folder of its own. */
#define CHROME(dir, owner)                                                                                   \
    {dir, "Local?State", "browser-key", owner}, {dir "/*", CHROME_HISTORY, "browser-history", owner},        \
        {dir "/*", "Cookies", "browser-cookies", owner}, {dir "/*", CHROME_LOGINS, "browser-logins", owner}, \
    {                                                                                                        \
        dir "/*/Network", "Cookies", "browser-cookies", owner                                                \
    }

static const struct trn_sensitive_place places[] = {
    FIREFOX(".mozilla/firefox/*", "firefox"),
    FIREFOX("snap/firefox/common/.mozilla/firefox/*", "firefox"),
    FIREFOX(".var/app/org.mozilla.firefox/.mozilla/firefox/*", "firefox"),
    FIREFOX(".thunderbird/*", "thunderbird"),
    CHROME(".config/chromium", "chromium"),
    CHROME("snap/chromium/common/chromium", "chromium"),
    CHROME(".config/google-chrome", "google-chrome"),
    CHROME(".config/BraveSoftware/Brave-Browser", "brave"),
    CHROME(".config/microsoft-edge", "microsoft-edge"),
    CHROME(".config/vivaldi", "vivaldi"),
    {".config/opera", "History Web?Data", "browser-history", "opera"},
    {".config/opera", "Cookies", "browser-cookies", "opera"},
    {".config/opera", CHROME_LOGINS, "browser-logins", "opera"},
    {".ssh", "id_* identity *.pem *.key !*.pub", "ssh-key", "openssh"},
    {".gnupg", "secring.gpg", "gpg-key", "gnupg"},
    {".gnupg/private-keys-v1.d", "*.key", "gpg-key", "gnupg"},
    {".aws", "credentials config", "cloud-credentials", "awscli"},
    {".aws/sso/cache", "*.json", "cloud-credentials", "awscli"},
    {".config/gcloud", "credentials.db access_tokens.db application_default_credentials.json", "cloud-credentials",
     "google-cloud"},
    {".azure", "accessTokens.json msal_token_cache.* service_principal_entries.*", "cloud-credentials", "azure-cli"},
    {".kube", "config", "cloud-credentials", "kube"},
    {".docker", "config.json", "cloud-credentials", "docker"},
    {".config/gh", "hosts.yml", "cloud-credentials", "gh"},
    {".local/share/keyrings", "*", "keyring", "gnome-keyring"},
    {".local/share/kwalletd", "*", "keyring", "kwallet"},
    {".bitcoin", "wallet.dat", "wallet", "bitcoin"},
    {".bitcoin/wallets", "*", "wallet", "bitcoin"},
    {".electrum/wallets", "*", "wallet", "electrum"},
    {".ethereum/keystore", "*", "wallet", NULL},
    {".config/Exodus/exodus.wallet", "*", "wallet", "exodus"},
    {".config/solana", "id.json", "wallet", NULL},
};

const struct trn_sensitive_place *trn_sensitive_places(size_t *ret_count)
{
    *ret_count = TRN_ARRAY_SIZE(places);
    return places;
}

/* Component by component, so that '*' never crosses a '/'. */
static bool directory_matches(struct trn_str pattern, struct trn_str directory)
{
    struct trn_str p, d;

    for (;;) {
        bool more_p = trn_str_split(&pattern, '/', &p);
        bool more_d = trn_str_split(&directory, '/', &d);

        if (!more_p || !more_d)
            return more_p == more_d;
        if (!trn_glob(p, d, false))
            return false;
    }
}

static bool file_matches(struct trn_str globs, struct trn_str name)
{
    struct trn_str one;
    bool match = false;

    while (trn_str_split(&globs, ' ', &one)) {
        if (one.n > 0 && one.p[0] == '!') {
            if (trn_glob(trn_str_slice(one, 1, one.n), name, false))
                return false;
        } else if (trn_glob(one, name, false)) {
            match = true;
        }
    }
    return match;
}

unsigned trn_sensitive_find(struct trn_str below_home)
{
    ptrdiff_t slash = trn_str_rfind(below_home, '/');
    struct trn_str directory, name;

    if (slash <= 0)
        return 0;
    directory = trn_str_slice(below_home, 0, (size_t)slash);
    name = trn_str_slice(below_home, (size_t)slash + 1, below_home.n);
    for (unsigned i = 0; i < TRN_ARRAY_SIZE(places); i++) {
        if (directory_matches(trn_str_of(places[i].directory), directory) &&
            file_matches(trn_str_of(places[i].files), name))
            return i + 1;
    }
    return 0;
}
