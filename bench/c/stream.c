/* STREAM's triad, as the yardstick of `s * a + b`: stream-c N SAMPLES prints the seconds of each sample. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

int main(int argc, char **argv) {
    long n = argc > 1 ? atol(argv[1]) : 0, samples = argc > 2 ? atol(argv[2]) : 0;
    double *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b), *c = malloc(n * sizeof *c), s = 3.0;
    if (n < 1 || !a || !b || !c) return 1;
    /* Each thread touches first what it will read and write. */
#pragma omp parallel for
    for (long i = 0; i < n; i++) a[i] = 1.0, b[i] = 2.0, c[i] = 0.0;
    for (long k = 0; k < samples + 2; k++) {
        double start = now();
#pragma omp parallel for
        for (long i = 0; i < n; i++) c[i] = s * a[i] + b[i];
        if (k >= 2) printf("%.9f\n", now() - start);
        s += c[n / 2] * 1e-300;
    }
    printf("check %.1f\n", c[n - 1]);
    return 0;
}
