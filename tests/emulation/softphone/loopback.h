/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* A TCP connection to a dotted address that must be loopback (127.0.0.0/8): the one place where the rehearsal connects.
 * Returns a descriptor with 3 s time limits, or -1. */
int loopback_connect(const char *address, uint16_t port);

/* The first IPv4 address of a name, asked of the resolver in /etc/resolv.conf, as text. 0 or -1. */
int loopback_resolve(const char *name, char *ret_address, size_t size);

/* All of n bytes, or -1. */
int write_all(int fd, const void *p, size_t n);

/* Up to size bytes until the peer ends or size is reached; the number read, or -1. */
long read_all(int fd, void *p, size_t size);

/* One line without its newline. 0 or -1. */
int read_line(int fd, char *ret_line, size_t size);
