/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: two threads that write one number without a lock. Proves that the thread sanitizer of this
 * build speaks when there is something to say; test_threads.py runs it first.
 */
#include <pthread.h>
#include <stddef.h>

static int shared;

static void *add(void *arg)
{
    for (int i = 0; i < 1000; i++)
        shared++;
    return NULL;
}

int main(void)
{
    pthread_t one, two;

    if (pthread_create(&one, NULL, add, NULL) != 0 || pthread_create(&two, NULL, add, NULL) != 0)
        return 1;
    pthread_join(one, NULL);
    pthread_join(two, NULL);
    return 0;
}
