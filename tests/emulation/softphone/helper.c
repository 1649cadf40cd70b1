/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The "second stage" of the rehearsal: prints one line and leaves a mark in the rehearsal's scratch folder. Nothing else.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    int mark = open("/tmp/acme-rehearsal/second-stage-ran", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    puts("helper: the second stage of the rehearsal ran");
    if (mark >= 0)
        close(mark);
    return 0;
}
