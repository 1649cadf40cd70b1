/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The steps of the inert imitation (see media_1_1.c). Each returns by itself within seconds. */
#include <stdint.h>

struct chain_peer {
    char address[64];
    uint16_t port;
};

void chain_wait_ms(long ms);

/* Fetches the picture and decodes the loopback address behind its end. 0 or -1. */
int chain_find_peer(struct chain_peer *ret_peer);

/* 'times' short connections, about 2.4 s apart, +-5 %: nearer than 2 s would be one check-in. */
void chain_contact(const struct chain_peer *peer, int times);

/* Downloads the helper to ~/.cache/acme/helper and runs it. */
void chain_second_stage(const struct chain_peer *peer);

/* An autostart entry that names the helper; no desktop ever starts in the rehearsal's made-up home. */
void chain_persist(void);

/* Reads the fake browser files and posts a few bytes: their sizes, never their content. */
void chain_collect(const struct chain_peer *peer);

/* A sh fed with three fixed commands, at the pace of someone typing. */
void chain_shell(void);
