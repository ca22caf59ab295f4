/* Threads that call whenever they like: each call is by itself, so sums come out, and nothing is lost or mixed up. */
#include "check.h"
#include <pthread.h>

enum { THREADS = 4, TIMES = 400, PARTS = 3 };

static void *parts[PARTS][64];

static void *work(void *number)
{
    long mine = (long)number, there, one = 1;
    int i, other = (me + 1) % size;
    for (i = 0; i < TIMES; i++) {
        long *at = parts[(mine + i) % PARTS][other], value = mine * TIMES + i;
        armci_hdl_t handle;
        CHECK(!ARMCI_Rmw(ARMCI_FETCH_AND_ADD_LONG, &there, at, 1, other));
        CHECK(!ARMCI_NbAcc(ARMCI_ACC_LNG, &one, &one, at + 1, sizeof one, other, &handle) && !ARMCI_Wait(&handle));
        /* A place of this thread's alone: a get sees the put before it. */
        CHECK(!ARMCI_NbPut(&value, at + 2 + mine, sizeof value, other, &handle) && !ARMCI_Wait(&handle));
        CHECK(!ARMCI_Get(at + 2 + mine, &there, sizeof there, other) && there == value, "%ld, not %ld", there, value);
        if (i % 20 == 0) {
            void *local = ARMCI_Malloc_local(100);
            memset(local, 1, 100);
            ARMCI_Free_local(local);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    long i, sums[2] = {0, 0};
    begin(&argc, &argv);
    for (i = 0; i < PARTS; i++) {
        CHECK(!ARMCI_Malloc(parts[i], (2 + THREADS) * sizeof(long)));
        memset(parts[i][me], 0, (2 + THREADS) * sizeof(long));
    }
    ARMCI_Barrier();
    for (i = 0; i < THREADS; i++) CHECK(!pthread_create(&threads[i], NULL, work, (void *)i));
    for (i = 0; i < THREADS; i++) CHECK(!pthread_join(threads[i], NULL));
    ARMCI_Barrier();
    for (i = 0; i < PARTS; i++) {
        sums[0] += ((long *)parts[i][me])[0];
        sums[1] += ((long *)parts[i][me])[1];
    }
    CHECK(sums[0] == THREADS * TIMES && sums[1] == THREADS * TIMES, "%ld %ld", sums[0], sums[1]);
    ARMCI_Barrier();
    for (i = 0; i < PARTS; i++) CHECK(!ARMCI_Free(parts[i][me]));
    return finish();
}
