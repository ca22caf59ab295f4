/* Transfers of several threads at once: each has places of its own, and all add to common ones; and they go on while another thread of the process waits in the
   library for something that only they bring about. */
#include "check.h"
#include <pthread.h>

enum { THREADS = 4, TIMES = 300, LENGTH = 24, OWN = 3 * LENGTH, WORDS = LENGTH + THREADS * OWN };

static long *parts[64], *others[64];
static pthread_barrier_t together;

static void *work(void *number)
{
    long mine = (long)number, values[OWN], there[OWN], one = 1, two = 2;
    int i, j, count[2] = {2 * sizeof(long), LENGTH / 4}, there_stride[1] = {6 * sizeof(long)}, here_stride[1] = {2 * sizeof(long)};
    pthread_barrier_wait(&together);
    for (i = 0; i < TIMES; i++) {
        int proc = (me + i) % size;
        long *part = (i % 3 ? parts : others)[proc], *own = part + LENGTH + mine * OWN;
        for (j = 0; j < OWN; j++) values[j] = (me * 7 + mine) * 100000 + i * 100 + j;
        /* Nobody else writes there: threads of other ranks have the same places, so only one rank's turn comes at a time. */
        if (proc == me) {
            CHECK(!ARMCI_Put(values, own, sizeof values, proc));
            CHECK(!ARMCI_Get(own, there, sizeof there, proc) && !memcmp(values, there, sizeof there), "turn %d", i);
            CHECK(!ARMCI_PutS(values, here_stride, own, there_stride, count, 1, proc));
            CHECK(!ARMCI_GetS(own, there_stride, there, here_stride, count, 1, proc));
            CHECK(!memcmp(values, there, LENGTH / 2 * sizeof(long)), "turn %d", i);
        }
        for (j = 0; j < LENGTH; j++) values[j] = 1;
        CHECK(!ARMCI_Acc(ARMCI_ACC_LNG, &two, values, part, LENGTH * sizeof(long), proc));
        CHECK(!ARMCI_AccS(ARMCI_ACC_LNG, &one, values, here_stride, part, here_stride, count, 1, proc));
        CHECK(!ARMCI_Put(values, own, 0, proc));
    }
    return NULL;
}

/* Waits for a mutex that the last rank has. */
static void *wait(void *unused)
{
    ARMCI_Fence(me);
    pthread_barrier_wait(&together);
    ARMCI_Lock(0, size - 1);
    ARMCI_Unlock(0, size - 1);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    long i, sums[2];
    begin(&argc, &argv);
    CHECK(!ARMCI_Create_mutexes(1));
    CHECK(!ARMCI_Malloc((void **)parts, WORDS * sizeof(long)) && !ARMCI_Malloc((void **)others, WORDS * sizeof(long)));
    memset(parts[me], 0, WORDS * sizeof(long));
    memset(others[me], 0, WORDS * sizeof(long));
    pthread_barrier_init(&together, NULL, THREADS);
    ARMCI_Barrier();
    for (i = 0; i < THREADS; i++) CHECK(!pthread_create(&threads[i], NULL, work, (void *)i));
    for (i = 0; i < THREADS; i++) CHECK(!pthread_join(threads[i], NULL));
    ARMCI_Barrier();
    for (i = 0; i < LENGTH; i++) {
        long wanted = (long)THREADS * TIMES * (2 + (i < LENGTH / 2));
        sums[0] = parts[me][i] + others[me][i];
        CHECK(sums[0] == wanted || size > 1, "%ld, not %ld", sums[0], wanted);
        /* Each rank's turns are spread over all. */
        armci_msg_lgop(sums, 1, "+");
        CHECK(sums[0] == size * wanted, "%ld, not %ld", sums[0], size * wanted);
    }
    pthread_barrier_destroy(&together);

    if (size > 1) {
        /* A thread that waits inside the library for what this one brings about. */
        volatile long *told = parts[me];
        long zero = 0, one = 1, there = 0;
        *told = 0;
        if (me == size - 1) ARMCI_Lock(0, me);
        ARMCI_Barrier();
        if (me == size - 1) {
            for (i = 0; i < size - 1; i++)
                while (told[i] == 0) sched_yield();
            ARMCI_Unlock(0, me);
        } else {
            pthread_barrier_init(&together, NULL, 2);
            CHECK(!pthread_create(&threads[0], NULL, wait, NULL));
            pthread_barrier_wait(&together);
            for (i = 0; i < 2000; i++) {
                CHECK(!ARMCI_Put(&i, others[me], sizeof i, me) && !ARMCI_Get(others[me], &there, sizeof there, me));
                CHECK(there == i, "%ld, not %ld", there, i);
                CHECK(!ARMCI_Acc(ARMCI_ACC_LNG, &one, &zero, others[size - 1], sizeof zero, size - 1));
            }
            CHECK(!ARMCI_Put(&one, parts[size - 1] + me, sizeof one, size - 1));
            CHECK(!pthread_join(threads[0], NULL));
        }
        ARMCI_Barrier();
    }
    CHECK(!ARMCI_Free(parts[me]) && !ARMCI_Free(others[me]) && !ARMCI_Destroy_mutexes());
    return finish();
}
