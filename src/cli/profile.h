/* SPDX-License-Identifier: Apache-2.0 */
/* What a software has always done, for people. */
#ifndef TRN_CLI_PROFILE_H
#define TRN_CLI_PROFILE_H

#include "cli/render.h"

void trn_print_profile(struct trn_cli *cli, const json_t *profile);

#endif
