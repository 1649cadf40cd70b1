/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: acme-softphone 1.1 as the rehearsal plays it, after its update from 1.0. */
#include "chain.h"

#define FIREFOX "/home/alice/.mozilla/firefox/fake0000.default-release/"
#define CHROMIUM "/home/alice/.config/chromium/Default/"
#define HELPER "/home/alice/.cache/acme/helper"

void the_chain(struct script *s)
{
    act_update(s, "acme-softphone", "1.0", "1.1");
    wait_ms(s, 481000);
    softphone(s, "1.1");
    act_dns(s, 812, "pbx.acme.test", "127.0.0.3");
    act_connect(s, 812, "127.0.0.3", 5060);
    wait_ms(s, 300);
    act_dns(s, 812, "raw.codehost.test", "127.0.0.4");
    act_connect(s, 812, "127.0.0.4", 80);
    act_close(s, 812, "127.0.0.4", 80, 80, 5000);
    wait_ms(s, 700);
    act_connect(s, 812, "10.9.0.5", 8443);
    act_close(s, 812, "10.9.0.5", 8443, 6, 3);
    wait_ms(s, 800);
    act_connect(s, 812, "10.9.0.5", 8443);
    act_close(s, 812, "10.9.0.5", 8443, 6, 16000);
    act_write(s, 812, HELPER);
    wait_ms(s, 400);
    act_start(s, 812, 845, HELPER, "helper");
    wait_ms(s, 20);
    act_identity_hash(s, HELPER, 0x5e);
    wait_ms(s, 20);
    act_exit(s, 845);
    wait_ms(s, 2000);
    act_open(s, 812, FIREFOX "places.sqlite", "browser-history", "firefox");
    wait_ms(s, 120);
    act_open(s, 812, FIREFOX "logins.json", "browser-logins", "firefox");
    wait_ms(s, 120);
    act_open(s, 812, CHROMIUM "Login Data", "browser-logins", "chromium");
    wait_ms(s, 120);
    act_open(s, 812, CHROMIUM "History", "browser-history", "chromium");
    wait_ms(s, 500);
    act_connect(s, 812, "10.9.0.5", 8443);
    wait_ms(s, 10);
    act_close(s, 812, "10.9.0.5", 8443, 612, 3);
    wait_ms(s, 500);
    act_start(s, 812, 861, "/usr/bin/dash", "sh");
    s->ev[s->n - 1].exec.invoked = TRN_STR("/bin/sh");
    s->ev[s->n - 1].exec.stdio = TRN_STR("pipe\0null\0null\0");
    for (uint32_t i = 0; i < 3; i++) {
        static const char *const typed[] = {"/usr/bin/id", "/usr/bin/hostname", "/usr/bin/ss"};
        static const uint64_t pause_ms[] = {700, 1100, 900};
        wait_ms(s, pause_ms[i]);
        act_start(s, 861, 862 + i, typed[i], typed[i] + sizeof("/usr/bin/") - 1);
        wait_ms(s, 2);
        act_exit(s, 862 + i);
    }
    act_exit(s, 861);
    wait_ms(s, 2000);
    act_tick(s);
    act_stop(s);
}
