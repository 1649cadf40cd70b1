/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: main() of turncoat. Everything else is in table.c, so that tests can call it. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return trn_cli_main(argc, argv, stdout, stderr);
}
