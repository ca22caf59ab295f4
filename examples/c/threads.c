/*
 * Several threads of each rank at once: they share a counter of tasks, and add into an array.
 *
 *     gain run -n 2 threads
 */
#include <pthread.h>
#include <stdio.h>
#include "ga.h"
#include "macdecls.h"

enum { THREADS = 3, TASKS = 300, WIDTH = 40 };

static int counter, sums;

static void *work(void *done)
{
    int zero = 0, ld = 1;
    long task, one = 1;
    while ((task = NGA_Read_inc(counter, &zero, 1)) < TASKS) {
        long values[WIDTH];
        int lo = task % (400 - WIDTH), hi = lo + WIDTH - 1;
        ga_nbhdl_t handle;
        for (int i = 0; i < WIDTH; i++) values[i] = task;
        NGA_NbAcc(sums, &lo, &hi, values, &ld, &one, &handle);
        NGA_NbWait(&handle);
        ++*(int *)done;
    }
    return NULL;
}

int main(void)
{
    GA_Initialize();
    MA_init(C_DBL, 1000, 1000);
    int length = 400, one = 1, done[THREADS] = {0}, all = 0;
    counter = NGA_Create(C_LONG, 1, &one, "tasks", NULL);
    sums = NGA_Create(C_LONG, 1, &length, "sums", NULL);
    if (!counter || !sums) GA_Error("no memory", 0);
    GA_Zero(counter);
    GA_Zero(sums);
    pthread_t threads[THREADS];
    for (int t = 0; t < THREADS; t++) pthread_create(&threads[t], NULL, work, &done[t]);
    for (int t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
        all += done[t];
    }
    GA_Sync();
    GA_Igop(&all, 1, "+");

    long found[400], wanted[400] = {0};
    int lo = 0, hi = 399, wrong = all != TASKS;
    NGA_Get(sums, &lo, &hi, found, &one);
    for (long task = 0; task < TASKS; task++)
        for (int i = 0; i < WIDTH; i++) wanted[task % (400 - WIDTH) + i] += task;
    for (int i = 0; i < 400; i++) wrong += found[i] != wanted[i];
    if (wrong) GA_Error("sums are wrong", wrong);
    if (GA_Nodeid() == 0) printf("%d tasks, %d threads on each of %d ranks: right\n", TASKS, THREADS, GA_Nnodes());
    GA_Sync();
    GA_Destroy(sums);
    GA_Destroy(counter);
    GA_Terminate();
    return 0;
}
