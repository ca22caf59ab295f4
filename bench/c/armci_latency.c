/*
 * Eight bytes to another rank of the node through libarmci, by C: nanoseconds per operation, the median of repetitions.
 *
 * Two ranks; rank 0 works, rank 1 waits in a barrier. Prints "name nanoseconds" lines.
 */
#include "message.h"
#include <time.h>
#include "timing.h"

enum { REPETITIONS = 31, TIMES = 20000 };

#define MEASURE(name, operation) do { \
    double times[REPETITIONS], start; \
    int i, k; \
    for (k = 0; k < REPETITIONS; k++) { \
        start = now_ns(); \
        for (i = 0; i < TIMES; i++) operation; \
        times[k] = (now_ns() - start) / TIMES; \
    } \
    qsort(times, REPETITIONS, sizeof times[0], ascending); \
    printf("%s %.2f\n", name, times[REPETITIONS / 2]); \
} while (0)

int main(void)
{
    void *parts[2];
    double x = 1, one = 1;
    long old;
    if (ARMCI_Init() || armci_msg_nproc() != 2) return 2;
    ARMCI_Malloc(parts, 4096);
    ARMCI_Barrier();
    if (armci_msg_me() == 0) {
        MEASURE("put", ARMCI_Put(&x, parts[1], 8, 1));
        MEASURE("get", ARMCI_Get(parts[1], &x, 8, 1));
        MEASURE("acc", ARMCI_Acc(ARMCI_ACC_DBL, &one, &x, parts[1], 8, 1));
        MEASURE("rmw", ARMCI_Rmw(ARMCI_FETCH_AND_ADD_LONG, &old, (char *)parts[1] + 64, 1, 1));
    }
    ARMCI_Barrier();
    ARMCI_Finalize();
    return 0;
}
