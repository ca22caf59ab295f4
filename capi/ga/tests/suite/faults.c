/*
 * What goes wrong at run time, by the name in GA_TEST_FAULT: memory that isn't there, and a rank that dies in a product of matrices.
 *
 * "memory" ends well and prints `done`; with "killed" all ranks are to end by themselves, so nothing after the loop is reached.
 */
#ifdef WITH_MPI
#include <mpi.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include "ga.h"
#include "macdecls.h"

/* Arrays until there is no more memory (the test gives a small heap): the last handle is 0 everywhere, and then there is as much as before. */
static int out_of_memory(void)
{
    enum { MANY = 64 };
    int64_t huge[2] = {1 << 22, 1 << 22}, large[2] = {1 << 11, 1 << 11}, chunk[2] = {-1, -1};
    int handles[MANY], count = 0, small[2] = {100, 100}, lo[2] = {0, 0}, hi[2] = {99, 99}, ld = 100;
    size_t before = GA_Inquire_memory();
    static double values[100][100];
    double value = 3;
    int none = NGA_Create64(C_DBL, 2, huge, "128 TiB", chunk), sum = none != 0;
    GA_Igop(&sum, 1, "+");
    if (sum) return 1;
    while (count < MANY && (handles[count] = NGA_Create64(C_DBL, 2, large, "32 MiB", chunk))) count++;
    sum = count;
    GA_Igop(&sum, 1, "+");
    if (sum != count * GA_Nnodes()) return 2;
    while (count) GA_Destroy(handles[--count]);
    if (GA_Inquire_memory() != before) return 3;
    int g = NGA_Create(C_DBL, 2, small, "small", NULL);
    if (!g) return 4;
    GA_Fill(g, &value);
    NGA_Get(g, lo, hi, values, &ld);
    for (int i = 0; i < 100; i++) for (int j = 0; j < 100; j++) if (values[i][j] != 3) return 5;
    GA_Sync();
    GA_Destroy(g);
    return 0;
}

/* The last rank is killed by a timer after 50 ms of its own time, which it spends multiplying. */
static int killed(void)
{
    int dims[2] = {300, 300};
    double one = 1;
    int a = NGA_Create(C_DBL, 2, dims, "a", NULL), b = GA_Duplicate(a, "b"), c = GA_Duplicate(a, "c");
    GA_Fill(a, &one);
    GA_Fill(b, &one);
    GA_Zero(c);
    struct itimerval timer = {{0, 0}, {0, 50000}};
    if (GA_Nodeid() == GA_Nnodes() - 1) setitimer(ITIMER_PROF, &timer, NULL);
    for (int i = 0; i < 100000; i++) GA_Dgemm('n', 'n', 300, 300, 300, 1.0, a, b, 0.0, c);
    return 6;
}

int main(int argc, char **argv)
{
#ifdef WITH_MPI
    MPI_Init(&argc, &argv);
#endif
    GA_Initialize();
    const char *fault = getenv("GA_TEST_FAULT");
    int code = fault && !strcmp(fault, "killed") ? killed() : out_of_memory(), me = GA_Nodeid();
    if (code) GA_Error("faults", code);
    GA_Terminate();
    printf("done %d\n", me);
#ifdef WITH_MPI
    MPI_Finalize();
#endif
    (void)argc;
    (void)argv;
    return 0;
}
