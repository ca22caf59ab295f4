/* Sweeps of the five-point stencil with the norm of the change, double-buffered and fused by hand: what the
 * executor is compared with. gcc -O3 -march=native -fopenmp; prints milliseconds per sweep (best, median of five batches). */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

static double sweep(long n, const double *restrict u, double *restrict w, double dx2, double dy2, double f) {
    double norm = 0.0;
#pragma omp parallel for schedule(static) reduction(+ : norm)
    for (long i = 1; i < n - 1; i++) {
        const double *up = u + (i - 1) * n, *mid = u + i * n, *down = u + (i + 1) * n;
        double *to = w + i * n, sum = 0.0;
#pragma omp simd reduction(+ : sum)
        for (long j = 1; j < n - 1; j++) {
            double x = ((up[j] + down[j]) * dy2 + (mid[j - 1] + mid[j + 1]) * dx2) * f;
            double d = x - mid[j];
            to[j] = x;
            sum += d * d;
        }
        norm += sum;
    }
    return sqrt(norm);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    long n = argc > 1 ? atol(argv[1]) : 4000, sweeps = argc > 2 ? atol(argv[2]) : 20;
    double *u = malloc(n * n * sizeof *u), *w = malloc(n * n * sizeof *w), ms[5], norm = 0.0;
#pragma omp parallel for schedule(static)
    for (long i = 0; i < n * n; i++) u[i] = w[i] = (double)(i % 97) / 97.0;
    for (int k = 0; k < 5; k++) {
        double start = omp_get_wtime();
        for (long s = 0; s < sweeps; s++) {
            norm = sweep(n, u, w, 0.3, 0.7, 0.25);
            double *t = u;
            u = w;
            w = t;
        }
        ms[k] = (omp_get_wtime() - start) * 1e3 / sweeps;
    }
    qsort(ms, 5, sizeof *ms, ascending);
    printf("%.4f %.4f %.17g\n", ms[0], ms[2], norm);
    free(u);
    free(w);
    return 0;
}
