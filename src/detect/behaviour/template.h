/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates: what stays of a path, a name or an address when all that is private or merely different every time is
 * taken away. Pure; results are views into out.
 */
#ifndef TRN_DETECT_TEMPLATE_H
#define TRN_DETECT_TEMPLATE_H

#include "base/base.h"

#define TRN_TEMPLATE_MAX 256

/* The folder of a path: "~/.config/#" for "/home/alice/.config/17/x"; "<uuid>", "<hex>" and "#" for what differs. */
struct trn_str trn_template_folder(struct trn_str path, char out[TRN_TEMPLATE_MAX]);
/* "python" for "python3.11". */
struct trn_str trn_template_program(struct trn_str path, char out[TRN_TEMPLATE_MAX]);
/* Registrable domain: "example.co.uk" for "a.b.example.co.uk", by the built-in public suffix list; lower case. The
 * name itself when it has no public suffix, the last two labels when the list does not know. Absent: no name. */
struct trn_str trn_template_domain(struct trn_str name, char out[TRN_TEMPLATE_MAX]);
/* "203.0.113.0/24", "2001:db8:1::/48"; absent when the family is neither 4 nor 6. */
struct trn_str trn_template_address(const uint8_t *address, uint8_t family, char out[TRN_TEMPLATE_MAX]);
/* Flags alone, sorted, each once: "--port -v"; "-p" for "-pSECRET" and "--user" for "--user=alice"; "-" for none. */
struct trn_str trn_template_flags(struct trn_str argv, char out[TRN_TEMPLATE_MAX]);

#endif
