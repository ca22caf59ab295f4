/* The yardstick of laplace.py: the same sweep written by hand, double-buffered, fused with its error norm, OpenMP.
 *
 *   cc -O3 -march=native -fopenmp bench/c/laplace.c -o laplace -lm
 *   OMP_NUM_THREADS=2 OMP_PROC_BIND=true ./laplace N SWEEPS REPETITIONS
 *
 * prints the seconds per sweep of each repetition, one a line, then "norm" and the last error norm.
 */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

static double sweep(const double *restrict u, double *restrict v, long n, double dx2, double dy2, double dnr_inv)
{
    double squares = 0.0;
#pragma omp parallel for schedule(static) reduction(+ : squares)
    for (long i = 1; i < n - 1; i++) {
        const double *row = u + i * n;
        double *out = v + i * n;
#pragma omp simd reduction(+ : squares)
        for (long j = 1; j < n - 1; j++) {
            double new = ((row[j - n] + row[j + n]) * dy2 + (row[j - 1] + row[j + 1]) * dx2) * dnr_inv;
            double change = new - row[j];
            out[j] = new;
            squares += change * change;
        }
    }
    return sqrt(squares);
}

/* The boundary of examples/laplace.py: y = x**2 on the left, and so on round the unit square. */
static double boundary(double x, double y) { return x * x - y * y; }

int main(int argc, char **argv)
{
    long n = argc > 1 ? atol(argv[1]) : 1000;
    int sweeps = argc > 2 ? atoi(argv[2]) : 100;
    int repetitions = argc > 3 ? atoi(argv[3]) : 5;
    if (n < 3 || sweeps < 1 || repetitions < 1) {
        fprintf(stderr, "usage: laplace N SWEEPS REPETITIONS (N at least 3)\n");
        return 2;
    }
    double step = 1.0 / (double)(n - 1), dx2 = step * step, dy2 = step * step, dnr_inv = 0.5 / (dx2 + dy2);
    double *u = aligned_alloc(64, (size_t)((n * n * 8 + 63) / 64 * 64));
    double *v = aligned_alloc(64, (size_t)((n * n * 8 + 63) / 64 * 64));
    if (!u || !v) {
        fprintf(stderr, "laplace: no memory for two arrays of %ld x %ld\n", n, n);
        return 1;
    }
    double norm = 0.0;
    for (int repetition = 0; repetition < repetitions; repetition++) {
        /* First touch by the thread that sweeps the row. */
#pragma omp parallel for schedule(static)
        for (long i = 0; i < n; i++)
            for (long j = 0; j < n; j++) {
                int is_edge = i == 0 || j == 0 || i == n - 1 || j == n - 1;
                u[i * n + j] = v[i * n + j] = is_edge ? boundary((double)i * step, (double)j * step) : 0.0;
            }
        double start = omp_get_wtime();
        for (int s = 0; s < sweeps; s++) {
            norm = sweep(u, v, n, dx2, dy2, dnr_inv);
            double *old = u;
            u = v;
            v = old;
        }
        printf("%.9f\n", (omp_get_wtime() - start) / sweeps);
        fflush(stdout);
    }
    printf("norm %.17g\n", norm);
    free(u);
    free(v);
    return 0;
}
