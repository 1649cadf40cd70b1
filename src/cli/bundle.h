/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence bundles on the command line: parts of 'turncoat stories'. */
#ifndef TRN_CLI_BUNDLE_H
#define TRN_CLI_BUNDLE_H

#include "cli/cli.h"

/* Is one of the options of bundles among those given? */
bool trn_stories_bundle_asked(const struct trn_cli *cli);
/* Both return enum trn_exit. */
int trn_stories_bundle(struct trn_cli *cli, uint64_t id); /* --bundle FILE [--redact] [--force], or --verify */
int trn_stories_verify(struct trn_cli *cli);              /* --verify FILE [--key KEY] */

#endif
