/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: main() of turncoat. Everything else is in table.c, so that tests can call it. */
#include "cli/cli.h"

#include <signal.h>

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error to report, not a death */
    return trn_cli_main(argc, argv, stdout, stderr);
}
