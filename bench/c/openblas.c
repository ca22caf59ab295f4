/* `openblas ROUTINE N ROUNDS`: seconds of each repetition of gemm, lu, cholesky or eigen on N x N doubles by OpenBLAS (and the
 * LAPACK in it), in one process with as many threads as OPENBLAS_NUM_THREADS says. The other side of linalg-bench.
 *
 * The library's headers are a package of their own; these are the Fortran symbols, which need none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern void dgemm_(const char *, const char *, const int *, const int *, const int *, const double *, const double *,
                   const int *, const double *, const int *, const double *, double *, const int *);
extern void dgesv_(const int *, const int *, double *, const int *, int *, double *, const int *, int *);
extern void dposv_(const char *, const int *, const int *, double *, const int *, double *, const int *, int *);
extern void dsyevd_(const char *, const char *, const int *, double *, const int *, double *, double *, const int *, int *,
                    const int *, int *);

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void *allocate(size_t bytes)
{
    void *memory = malloc(bytes);
    if (!memory) {
        fprintf(stderr, "openblas: no memory\n");
        exit(1);
    }
    memset(memory, 0, bytes);
    return memory;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: openblas gemm|lu|cholesky|eigen N ROUNDS\n");
        return 2;
    }
    const char *routine = argv[1];
    const int n = atoi(argv[2]), rounds = atoi(argv[3]), one = 1;
    const size_t bytes = (size_t)n * n * sizeof(double);
    double *a = allocate(bytes), *b = allocate(bytes), *c = allocate(bytes), *x = allocate(n * sizeof(double));
    int *pivots = allocate(n * sizeof(int)), info = 0;
    for (size_t i = 0; i < (size_t)n * n; i++)
        a[i] = drand48();
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            b[(size_t)i * n + j] = (a[(size_t)i * n + j] + a[(size_t)j * n + i]) / 2;
    for (int round = 0; round < rounds; round++) {
        const double zero = 0, unit = 1;
        for (int i = 0; i < n; i++)
            x[i] = 1;
        double start = now();
        if (!strcmp(routine, "gemm")) {
            dgemm_("N", "N", &n, &n, &n, &unit, a, &n, b, &n, &zero, c, &n);
        } else if (!strcmp(routine, "lu")) {
            memcpy(c, a, bytes);
            dgesv_(&n, &one, c, &n, pivots, x, &n, &info);
        } else if (!strcmp(routine, "cholesky")) {
            memcpy(c, b, bytes);
            for (int i = 0; i < n; i++)
                c[(size_t)i * n + i] += n;
            dposv_("L", &n, &one, c, &n, x, &n, &info);
        } else {
            const int work = -1;
            double need;
            int need_integers;
            memcpy(c, b, bytes);
            dsyevd_("V", "L", &n, c, &n, x, &need, &work, &need_integers, &work, &info);
            const int room = (int)need;
            double *scratch = allocate(room * sizeof(double));
            int *integers = allocate(need_integers * sizeof(int));
            start = now();
            dsyevd_("V", "L", &n, c, &n, x, scratch, &room, integers, &need_integers, &info);
            free(integers);
            free(scratch);
        }
        printf("%.9f\n", now() - start);
        if (info) {
            fprintf(stderr, "openblas: %s: info %d\n", routine, info);
            return 1;
        }
    }
    free(a), free(b), free(c), free(x), free(pivots);
    return 0;
}
