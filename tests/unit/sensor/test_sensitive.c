/* SPDX-License-Identifier: Apache-2.0 */
/* Question: which files below a home are sensitive, and which folders lead there? */
#include "sensor/fanotify.h"

#include <criterion/criterion.h>

static const char *class_of(const char *below)
{
    size_t count;
    const struct trn_sensitive_place *places = trn_sensitive_places(&count);
    unsigned at = trn_sensitive_find(trn_str_of(below));

    return at ? places[at - 1].klass : "";
}

Test(sensor_sensitive, the_table_knows_its_files)
{
    static const struct {
        const char *path, *klass;
    } cases[] = {
        {".mozilla/firefox/abc.default/cookies.sqlite", "browser-cookies"},
        {".mozilla/firefox/abc.default/places.sqlite", "browser-history"},
        {".mozilla/firefox/abc.default/logins.json", "browser-logins"},
        {".mozilla/firefox/abc.default/prefs.js", ""},
        {".mozilla/firefox/cookies.sqlite", ""},
        {".mozilla/firefox/a/b/cookies.sqlite", ""},
        {".config/google-chrome/Default/Login Data", "browser-logins"},
        {".config/google-chrome/Profile 1/History", "browser-history"},
        {".config/chromium/Default/Network/Cookies", "browser-cookies"},
        {".config/chromium/Local State", "browser-key"},
        {".ssh/id_ed25519", "ssh-key"},
        {".ssh/id_ed25519.pub", ""},
        {".ssh/known_hosts", ""},
        {".gnupg/private-keys-v1.d/0123.key", "gpg-key"},
        {".aws/credentials", "cloud-credentials"},
        {".kube/config", "cloud-credentials"},
        {".bitcoin/wallet.dat", "wallet"},
        {".local/share/keyrings/login.keyring", "keyring"},
        {"x.ssh/id_rsa", ""},
        {"sub/.ssh/id_rsa", ""},
        {".ssh", ""},
        {"", ""},
        {"/", ""},
    };

    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++)
        cr_expect_str_eq(class_of(cases[i].path), cases[i].klass, "%s", cases[i].path);
}

Test(sensor_sensitive, homes_are_one_folder_deep)
{
    char root[] = "/root", all[] = "/home/*";
    char *homes[] = {root, all, NULL};

    cr_expect(trn_str_eq_c(trn_places_below_home(homes, TRN_STR("/root/.ssh/id")), ".ssh/id"));
    cr_expect(trn_str_eq_c(trn_places_below_home(homes, TRN_STR("/home/al/.ssh/id")), ".ssh/id"));
    cr_expect(trn_str_eq_c(trn_places_below_home(homes, TRN_STR("/home/al")), ""));
    cr_expect(trn_str_is_none(trn_places_below_home(homes, TRN_STR("/home"))));
    cr_expect(trn_str_is_none(trn_places_below_home(homes, TRN_STR("/rootkit/.ssh/id"))));
    cr_expect(trn_str_is_none(trn_places_below_home(homes, TRN_STR("/srv/home/al/.ssh/id"))));
}

Test(sensor_sensitive, folders_on_the_way_are_noticed)
{
    static const char *const yes[] = {"",     ".mozilla", ".mozilla/firefox", ".mozilla/firefox/x", ".config",
                                      ".ssh", "snap"};
    static const char *const no[] = {"src", ".mozilla/firefox/x/y", ".ssh/x", ".mozill", "x/.ssh"};

    for (size_t i = 0; i < TRN_ARRAY_SIZE(yes); i++)
        cr_expect(trn_places_on_the_way(trn_str_of(yes[i])), "%s", yes[i]);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(no); i++)
        cr_expect(!trn_places_on_the_way(trn_str_of(no[i])), "%s", no[i]);
}

Test(sensor_sensitive, places_of_one_folder_stand_together)
{
    size_t count;
    const struct trn_sensitive_place *places = trn_sensitive_places(&count);

    cr_assert_lt(count, UINT16_MAX);
    for (size_t i = 0; i < count; i++) {
        cr_expect(places[i].klass && places[i].klass[0] && places[i].files && places[i].files[0]);
        cr_expect_neq(places[i].directory[0], '/');
    }
}
