/* What the C measurements share: the clock and the order of samples. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static inline int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Prints median and p99 of `count` operations on `len` bytes, one after the other, in microseconds. */
static inline void latency(const char *what, void (*op)(size_t), size_t len, int count) {
    double *times = malloc(count * sizeof *times);
    for (int i = 0; i < count / 10; i++) op(len);
    for (int i = 0; i < count; i++) {
        double begin = now_ns();
        op(len);
        times[i] = 1e-3 * (now_ns() - begin);
    }
    qsort(times, count, sizeof *times, ascending);
    printf("%-10s %8zu %10.2f %10.2f us\n", what, len, times[count / 2], times[count * 99 / 100]);
    free(times);
}
