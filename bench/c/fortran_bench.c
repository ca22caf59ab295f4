/* C's half of fortran_bench.F: the same patches by C's names. Each keeps the least time of all rounds. */
#include <time.h>
#include "ga.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

/* Fortran's bounds as C has them. */
#define ROUND(call)                                                                                   \
    int a = (int)*g_a, ld[1] = {(int)*n};                                                             \
    int lo[2] = {(int)flo[1] - 1, (int)flo[0] - 1}, hi[2] = {(int)fhi[1] - 1, (int)fhi[0] - 1};       \
    double one = 1, start = now();                                                                    \
    (void)one;                                                                                        \
    for (long i = 0; i < *calls; i++) call;                                                           \
    double seconds = now() - start;                                                                   \
    if (seconds < *best) *best = seconds

void c_get_(Integer *g_a, Integer *flo, Integer *fhi, void *buf, Integer *n, Integer *calls, double *best)
{
    ROUND(NGA_Get(a, lo, hi, buf, ld));
}

void c_put_(Integer *g_a, Integer *flo, Integer *fhi, void *buf, Integer *n, Integer *calls, double *best)
{
    ROUND(NGA_Put(a, lo, hi, buf, ld));
}

void c_acc_(Integer *g_a, Integer *flo, Integer *fhi, void *buf, Integer *n, Integer *calls, double *best)
{
    ROUND(NGA_Acc(a, lo, hi, buf, ld, &one));
}
