/*
 * Global Arrays from C: the time of each operation, on whichever library the program is linked with.
 *
 * Two ranks. Rank 0 works on the other rank's block while rank 1 waits in a barrier, but for what is collective and for rows that say
 * otherwise. Prints "name<TAB>nanoseconds" lines: the median of repetitions, and the same for loops written by hand over
 * the same memory ("by hand: ..."). Compiled with WITH_MPI it starts MPI first, which the original needs.
 */
#ifdef WITH_MPI
#include <mpi.h>
#endif
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "ga.h"
#include "macdecls.h"
#include "timing.h"

enum { N = 4096, REPETITIONS = 21, ELEMENTS = 100000 };

static int me, other;
static double times[REPETITIONS];

static void report(const char *name, int count)
{
    qsort(times, count, sizeof times[0], ascending);
    if (me == 0) printf("%s\t%.1f\n", name, times[count / 2]);
    fflush(stdout);
}

/* Rank 0 only: batches of at least 200 us, of `most` calls at most. */
#define MEASURE(name, most, operation) do { \
    double begin_ = now_ns(); \
    for (int i_ = 0; i_ < 3; i_++) operation; \
    long calls_ = (long)(2e5 / ((now_ns() - begin_) / 3 + 1)) + 1; \
    if (calls_ > (most)) calls_ = most; \
    for (int k_ = 0; k_ < REPETITIONS; k_++) { \
        double start_ = now_ns(); \
        for (long i_ = 0; i_ < calls_; i_++) operation; \
        times[k_] = (now_ns() - start_) / calls_; \
    } \
    report(name, REPETITIONS); \
} while (0)

/* All ranks: `rounds` samples of as many calls, from a common start to the end on rank 0. */
#define TOGETHER(name, rounds, calls, operation) do { \
    operation; \
    for (int k_ = 0; k_ < (rounds); k_++) { \
        GA_Sync(); \
        double start_ = now_ns(); \
        for (long i_ = 0; i_ < (calls); i_++) operation; \
        times[k_] = (now_ns() - start_) / (calls); \
    } \
    report(name, rounds); \
} while (0)

/* ---- patches of the other rank's block ---- */

static void __attribute__((noinline)) copy_rows(double *to, const double *from, long rows, long columns, long from_ld)
{
    for (long i = 0; i < rows; i++) memcpy(to + i * columns, from + i * from_ld, columns * sizeof(double));
}

static void patches(int g, double *buffer)
{
    int lo[2], hi[2], block_lo[2], block_hi[2], own_lo[2], own_hi[2], ld;
    double one = 1, *mine;
    char name[80];
    NGA_Distribution(g, other, block_lo, block_hi);
    NGA_Distribution(g, 0, own_lo, own_hi);
    for (int n = 1; n <= 1024; n *= n < 64 ? 8 : n < 512 ? 8 : 2) {
        long calls = n < 8 ? 20000 : n < 64 ? 10000 : n < 512 ? 1000 : 10;
        ga_nbhdl_t handle;
        ld = n;
        for (int axis = 0; axis < 2; axis++) {
            lo[axis] = block_lo[axis] + 3;
            hi[axis] = lo[axis] + n - 1;
        }
        if (me == 0) {
            snprintf(name, sizeof name, "NGA_Get %dx%d", n, n);
            MEASURE(name, calls, NGA_Get(g, lo, hi, buffer, &ld));
            snprintf(name, sizeof name, "NGA_Put %dx%d", n, n);
            MEASURE(name, calls, NGA_Put(g, lo, hi, buffer, &ld));
            snprintf(name, sizeof name, "NGA_Acc %dx%d", n, n);
            MEASURE(name, calls, NGA_Acc(g, lo, hi, buffer, &ld, &one));
            snprintf(name, sizeof name, "NGA_NbGet + NbWait %dx%d", n, n);
            MEASURE(name, calls, (NGA_NbGet(g, lo, hi, buffer, &ld, &handle), NGA_NbWait(&handle)));
            int own_ld;
            NGA_Access(g, own_lo, own_hi, &mine, &own_ld);
            snprintf(name, sizeof name, "by hand: copy of rows %dx%d", n, n);
            MEASURE(name, calls, copy_rows(buffer, mine + 3L * own_ld + 3, n, n, own_ld));
            NGA_Release(g, own_lo, own_hi);
        }
        GA_Sync();
    }
}

/* ---- counters, locks, collectives ---- */

static void synchronisation(void)
{
    int length = 4, chunk = -1, where = 3, chunk2[2] = {-1, -1}, dims[2] = {100, 100};
    int counter = NGA_Create(C_LONG, 1, &length, "counter", &chunk);
    static double values[131072];
    GA_Zero(counter);
    GA_Create_mutexes(4);
    if (me == 0) MEASURE("NGA_Read_inc, remote", 20000, NGA_Read_inc(counter, &where, 1));
    GA_Sync();
    TOGETHER("NGA_Read_inc, both ranks", REPETITIONS, 1000, NGA_Read_inc(counter, &where, 1));
    GA_Sync();
    if (me == 0) MEASURE("GA_Lock + GA_Unlock", 20000, (GA_Lock(1), GA_Unlock(1)));
    GA_Sync();
    TOGETHER("GA_Sync", REPETITIONS, 500, GA_Sync());
    TOGETHER("GA_Brdcst, 1 double", REPETITIONS, 500, GA_Brdcst(values, sizeof values[0], 0));
    TOGETHER("GA_Dgop, 1 double", REPETITIONS, 500, GA_Dgop(values, 1, "+"));
    TOGETHER("GA_Dgop, 131072 doubles", REPETITIONS, 5, GA_Dgop(values, 131072, "max"));
    TOGETHER("NGA_Create + GA_Destroy", REPETITIONS, 30, GA_Destroy(NGA_Create(C_DBL, 2, dims, "short-lived", chunk2)));
    GA_Destroy_mutexes();
    GA_Destroy(counter);
}

/* ---- single elements ---- */

static void elements(int g)
{
    static double values[ELEMENTS];
    static int flat[2 * ELEMENTS], *subscripts[ELEMENTS];
    unsigned long seed = 12345;
    double one = 1;
    for (int i = 0; i < ELEMENTS; i++) {
        for (int axis = 0; axis < 2; axis++) {
            seed = seed * 6364136223846793005ul + 1442695040888963407ul;
            flat[2 * i + axis] = (seed >> 33) % N;
        }
        subscripts[i] = flat + 2 * i;
        values[i] = i;
    }
    if (me == 0) {
        MEASURE("NGA_Gather, 100,000 elements", 1, NGA_Gather(g, values, subscripts, ELEMENTS));
        MEASURE("NGA_Scatter, 100,000 elements", 1, NGA_Scatter(g, values, subscripts, ELEMENTS));
        MEASURE("NGA_Scatter_acc, 100,000 elements", 1, NGA_Scatter_acc(g, values, subscripts, ELEMENTS, &one));
    }
    GA_Sync();
}

/* ---- whole arrays, and loops by hand on each rank's part ---- */

static void __attribute__((noinline)) add_by_hand(double *c, const double *a, const double *b, double x, double y, long n)
{
    for (long i = 0; i < n; i++) c[i] = x * a[i] + y * b[i];
}

static double __attribute__((noinline)) dot_by_hand(const double *a, const double *b, long n)
{
    double s[8] = {0};
    for (long i = 0; i + 8 <= n; i += 8) for (int k = 0; k < 8; k++) s[k] += a[i + k] * b[i + k];
    return s[0] + s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7];
}

static void __attribute__((noinline)) scale_by_hand(double *a, double x, long n)
{
    for (long i = 0; i < n; i++) a[i] *= x;
}

static void __attribute__((noinline)) fill_by_hand(double *a, double x, long n)
{
    for (long i = 0; i < n; i++) a[i] = x;
}

static double *own_part(int g, long *count)
{
    int lo[2], hi[2], ld;
    double *memory;
    NGA_Distribution(g, me, lo, hi);
    NGA_Access(g, lo, hi, &memory, &ld);
    *count = (long)(hi[0] - lo[0] + 1) * ld;
    return memory;
}

static void whole_arrays(int a, int b, int c)
{
    enum { ROUNDS = 9 };
    double two = 2, half = 0.5;
    volatile double sink;
    long n;
    double *pa = own_part(a, &n), *pb = own_part(b, &n), *pc = own_part(c, &n);
    TOGETHER("by hand: c = x a + y b", ROUNDS, 1, (add_by_hand(pc, pa, pb, two, half, n), GA_Sync()));
    TOGETHER("GA_Add 4096", ROUNDS, 1, GA_Add(&two, a, &half, b, c));
    TOGETHER("by hand: dot", ROUNDS, 1, (sink = dot_by_hand(pa, pb, n), GA_Sync()));
    TOGETHER("GA_Ddot 4096", ROUNDS, 1, sink = GA_Ddot(a, b));
    TOGETHER("by hand: copy", ROUNDS, 1, (memcpy(pc, pa, n * sizeof(double)), GA_Sync()));
    TOGETHER("GA_Copy 4096", ROUNDS, 1, GA_Copy(a, c));
    TOGETHER("by hand: scale", ROUNDS, 1, (scale_by_hand(pc, half, n), GA_Sync()));
    TOGETHER("GA_Scale 4096", ROUNDS, 1, GA_Scale(c, &half));
    TOGETHER("by hand: fill", ROUNDS, 1, (fill_by_hand(pc, half, n), GA_Sync()));
    TOGETHER("GA_Fill 4096", ROUNDS, 1, GA_Fill(c, &half));
    TOGETHER("GA_Zero 4096", ROUNDS, 1, GA_Zero(c));
    TOGETHER("GA_Transpose 4096", ROUNDS, 1, GA_Transpose(a, c));
    (void)sink;
}

static void products(int a, int b, int c, int n)
{
    char name[40];
    snprintf(name, sizeof name, "GA_Dgemm %d", n);
    TOGETHER(name, n > 2048 ? 3 : 7, 1, GA_Dgemm('n', 'n', n, n, n, 1.0, a, b, 0.0, c));
}

/* ---- the target computes ---- */

static double compute(double seconds)
{
    double x = 1, end = now_ns() + seconds * 1e9;
    while (now_ns() < end) for (int i = 0; i < 1000; i++) x = x * 1.0000001 + 1e-9;
    return x;
}

/* Rank 0's operation while the other rank computes for 0.3 s, and while it waits in a barrier. */
#define BESIDE(name, operation) do { \
    for (int busy_ = 0; busy_ < 2; busy_++) { \
        for (int k_ = 0; k_ < 5; k_++) { \
            GA_Sync(); \
            if (me == 1 && busy_) sink = compute(0.3); \
            if (me == 0) { \
                double start_ = now_ns(); \
                while (now_ns() - start_ < 2e7) {} \
                start_ = now_ns(); \
                operation; \
                times[k_] = now_ns() - start_; \
            } \
        } \
        GA_Sync(); \
        if (me == 0) report(busy_ ? name ", target computes" : name ", target waits", 5); \
    } \
} while (0)

static void while_computing(int g, double *buffer)
{
    volatile double sink;
    int lo[2], hi[2], ld = 64, length = 4, chunk = -1, where = 3;
    double one = 1;
    int counter = NGA_Create(C_LONG, 1, &length, "counter", &chunk);
    NGA_Distribution(g, other, lo, hi);
    hi[0] = lo[0] + 63;
    hi[1] = lo[1] + 63;
    GA_Zero(counter);
    BESIDE("get 64x64", NGA_Get(g, lo, hi, buffer, &ld));
    BESIDE("put 64x64 + fence", (GA_Init_fence(), NGA_Put(g, lo, hi, buffer, &ld), GA_Fence()));
    BESIDE("accumulate 64x64", NGA_Acc(g, lo, hi, buffer, &ld, &one));
    BESIDE("read_inc", NGA_Read_inc(counter, &where, 1));
    (void)sink;
    GA_Destroy(counter);
}

/* ---- OpenBLAS with two threads in one process ---- */

typedef void gemm_function(int, int, int, int, int, int, double, const double *, int, const double *, int, double, double *, int);

static void openblas(int n, double *space)
{
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library) return;
    void (*threads)(int) = (void (*)(int))dlsym(library, "openblas_set_num_threads");
    gemm_function *gemm = (gemm_function *)dlsym(library, "cblas_dgemm");
    if (!threads || !gemm) return;
    long count = (long)n * n;
    double *a = space, *b = a + count, *c = b + count;
    char name[40];
    for (long i = 0; i < 2 * count; i++) a[i] = i % 7;
    threads(2);
    snprintf(name, sizeof name, "OpenBLAS, 2 threads %d", n);
    for (int k = 0; k < 4; k++) {
        double start = now_ns();
        gemm(101, 111, 111, n, n, n, 1, a, n, b, n, 0, c, n);
        times[k] = now_ns() - start;
    }
    report(name, 4);
}

/* The program by itself, on one rank: the yardstick of products. */
static int yardstick(void)
{
    double *space = malloc(3L * N * N * sizeof(double));
    openblas(2048, space);
    openblas(4096, space);
    free(space);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "openblas")) return yardstick();
    /* MPI may rewrite the arguments. */
    int is_small = argc > 1 && !strcmp(argv[1], "small");
#ifdef WITH_MPI
    MPI_Init(&argc, &argv);
#endif
    GA_Initialize();
    MA_init(C_DBL, 1 << 24, 1 << 24);
    me = GA_Nodeid();
    other = GA_Nnodes() - 1;
    int dims[2] = {N, N}, half[2] = {N / 2, N / 2}, chunk[2] = {-1, -1};
    int a = NGA_Create(C_DBL, 2, dims, "a", chunk), b = GA_Duplicate(a, "b"), c = GA_Duplicate(a, "c");
    double *buffer = malloc(1024 * 1024 * sizeof(double)), value = 1.25;
    memset(buffer, 0, 1024 * 1024 * sizeof(double));
    GA_Fill(a, &value);
    GA_Fill(b, &value);
    GA_Zero(c);
    synchronisation();
    patches(a, buffer);
    elements(a);
    if (!is_small) {
        while_computing(a, buffer);
        whole_arrays(a, b, c);
        GA_Destroy(c);
        c = GA_Duplicate(a, "c");
        int small_a = NGA_Create(C_DBL, 2, half, "a", chunk), small_b = GA_Duplicate(small_a, "b"), small_c = GA_Duplicate(small_a, "c");
        GA_Fill(small_a, &value);
        GA_Fill(small_b, &value);
        products(small_a, small_b, small_c, 2048);
        products(a, b, c, 4096);
    }
    free(buffer);
    GA_Sync();
    GA_Terminate();
#ifdef WITH_MPI
    MPI_Finalize();
#endif
    return 0;
}
