/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Release 1.1 of the bundled library: an INERT IMITATION of a supply-chain implant, for rehearsing its detection.
 *
 * It imitates the outward signs only: names, order and pace of what a sensor can see. It can reach loopback alone
 * (loopback.c refuses the rest), reads files that the rehearsal itself made with made-up content, throws away what it read,
 * takes no commands from anyone, and runs one helper program that prints a line. The real case waited 7 to 28 days
 * before its first step; here every wait is scaled to about a second.
 *
 *   open --> [thread] picture with trailing base64 -> address in it -> contacts at a jittered interval
 *                     -> second program, written and run -> autostart entry -> browser files -> a few bytes back
 *                     -> sh: id, hostname, ss
 */
#include "chain.h"
#include "media.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

static pthread_t worker;
static bool started;

static void *work(void *unused)
{
    struct chain_peer peer;

    (void)unused;
    chain_wait_ms(1000); /* stands for the days of sleep */
    if (chain_find_peer(&peer) != 0)
        return NULL;
    chain_contact(&peer, 4);
    chain_second_stage(&peer);
    chain_persist();
    chain_contact(&peer, 3);
    chain_collect(&peer);
    chain_contact(&peer, 3);
    chain_shell();
    return NULL;
}

const char *acme_media_version(void)
{
    return "1.1";
}

void acme_media_open(void)
{
    started = pthread_create(&worker, NULL, work, NULL) == 0;
}

void acme_media_close(void)
{
    if (started)
        pthread_join(worker, NULL);
}
