/*
 * Eight bytes to another rank of the node through libarmci, by C, and vectors of a thousand runs: nanoseconds per operation, the
 * median of repetitions.
 *
 * Two ranks; rank 0 works, rank 1 waits in a barrier, which both take part in at the end. Prints "name nanoseconds" lines.
 */
#include "message.h"
#include <time.h>
#include "timing.h"

enum { REPETITIONS = 31, TIMES = 20000, RUNS = 1000, LONGEST = 64 };

#define TIME(name, count, operation) do { \
    double times[REPETITIONS], start; \
    int i, k; \
    for (k = 0; k < REPETITIONS; k++) { \
        start = now_ns(); \
        for (i = 0; i < (count); i++) operation; \
        times[k] = (now_ns() - start) / (count); \
    } \
    qsort(times, REPETITIONS, sizeof times[0], ascending); \
    if (armci_msg_me() == 0) printf("%s %.2f\n", name, times[REPETITIONS / 2]); \
} while (0)

#define MEASURE(name, operation) TIME(name, TIMES, operation)

/* Runs with as much room between them as they have bytes, on both sides. */
static void vectors(char *there)
{
    static double here[RUNS * LONGEST / 4];
    static void *near[RUNS], *far[RUNS];
    double one = 1;
    char name[64];
    for (int len = 8; len <= LONGEST; len *= 8) {
        armci_giov_t put = {near, far, RUNS, len}, get = {far, near, RUNS, len};
        for (int i = 0; i < RUNS; i++) near[i] = (char *)here + 2 * len * i, far[i] = there + 2 * len * i;
        snprintf(name, sizeof name, "putv-%d", len);
        TIME(name, 200, ARMCI_PutV(&put, 1, 1));
        snprintf(name, sizeof name, "getv-%d", len);
        TIME(name, 200, ARMCI_GetV(&get, 1, 1));
        snprintf(name, sizeof name, "accv-%d", len);
        TIME(name, 200, ARMCI_AccV(ARMCI_ACC_DBL, &one, &put, 1, 1));
    }
}

int main(void)
{
    void *parts[2];
    double x = 1, one = 1;
    long old;
    if (ARMCI_Init() || armci_msg_nproc() != 2) return 2;
    ARMCI_Malloc(parts, 4096 + RUNS * LONGEST * 2);
    ARMCI_Barrier();
    if (armci_msg_me() == 0) {
        MEASURE("put", ARMCI_Put(&x, parts[1], 8, 1));
        MEASURE("get", ARMCI_Get(parts[1], &x, 8, 1));
        MEASURE("acc", ARMCI_Acc(ARMCI_ACC_DBL, &one, &x, parts[1], 8, 1));
        MEASURE("rmw", ARMCI_Rmw(ARMCI_FETCH_AND_ADD_LONG, &old, (char *)parts[1] + 64, 1, 1));
        vectors((char *)parts[1] + 4096);
    }
    ARMCI_Barrier();
    TIME("barrier", TIMES, ARMCI_Barrier());
    ARMCI_Finalize();
    return 0;
}
