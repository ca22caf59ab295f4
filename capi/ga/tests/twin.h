/* Arrays with a serial twin on every rank: an operation is done on both, and then they are the same.
 *
 * Elements are small whole numbers unless a test wants others, so that sums are exact in every type. Random numbers come in the
 * same order on every rank.
 */
#ifndef TWIN_H_
#define TWIN_H_

#include <complex.h>
#undef I
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef WITH_MPI
#include <mpi.h>
#endif
#include "ga.h"
#include "macdecls.h"

typedef double complex value;

enum { MOST_AXES = 4, REGULAR = 0, IRREGULAR, CYCLIC, GRID, TILED, LAYOUTS };

typedef struct {
    int handle, type, ndim, dims[MOST_AXES];
    long len;
    value *x;
} twin;

#define CHECK(condition, ...) do { \
    if (!(condition)) { \
        fprintf(stderr, "rank %d: %s:%d: %s ", GA_Nodeid(), __FILE__, __LINE__, #condition); \
        fprintf(stderr, " " __VA_ARGS__); \
        fprintf(stderr, "\n"); \
        GA_Error("a check failed", 3); \
    } } while (0)

static const int all_types[] = { C_INT, C_LONG, C_LONGLONG, C_FLOAT, C_DBL, C_SCPL, C_DCPL };
enum { TYPES = 7 };
#define IS_COMPLEX(type) ((type) == C_SCPL || (type) == C_DCPL)
#define IS_WHOLE(type) ((type) == C_INT || (type) == C_LONG || (type) == C_LONGLONG)

static int me, ranks;

static inline void begin(int *argc, char ***argv)
{
#ifdef WITH_MPI
    MPI_Init(argc, argv);
#endif
    GA_Initialize();
    MA_init(C_DBL, 1000000, 1000000);
    me = GA_Nodeid();
    ranks = GA_Nnodes();
}

static inline int finish(void)
{
    int rank = me;
    GA_Terminate();
#ifdef WITH_MPI
    MPI_Finalize();
#endif
    printf("done %d\n", rank);
    return 0;
}

static inline unsigned random_number(unsigned below)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 11) % below;
}

static inline size_t size_of(int type)
{
    switch (type) {
    case C_INT: return sizeof(int);
    case C_LONG: return sizeof(long);
    case C_LONGLONG: return sizeof(long long);
    case C_FLOAT: return sizeof(float);
    case C_DBL: return sizeof(double);
    case C_SCPL: return sizeof(SingleComplex);
    default: return sizeof(DoubleComplex);
    }
}

/* A value as an element, and back. */
static inline void store(int type, void *to, value v)
{
    switch (type) {
    case C_INT: *(int *)to = (int)creal(v); break;
    case C_LONG: *(long *)to = (long)creal(v); break;
    case C_LONGLONG: *(long long *)to = (long long)creal(v); break;
    case C_FLOAT: *(float *)to = (float)creal(v); break;
    case C_DBL: *(double *)to = creal(v); break;
    case C_SCPL: ((float *)to)[0] = (float)creal(v); ((float *)to)[1] = (float)cimag(v); break;
    default: ((double *)to)[0] = creal(v); ((double *)to)[1] = cimag(v);
    }
}

static inline value load(int type, const void *from)
{
    switch (type) {
    case C_INT: return *(const int *)from;
    case C_LONG: return (double)*(const long *)from;
    case C_LONGLONG: return (double)*(const long long *)from;
    case C_FLOAT: return *(const float *)from;
    case C_DBL: return *(const double *)from;
    case C_SCPL: return CMPLX(((const float *)from)[0], ((const float *)from)[1]);
    default: return CMPLX(((const double *)from)[0], ((const double *)from)[1]);
    }
}

/* A value of -9 to 9; complex if the type is. */
static inline value any_value(int type)
{
    double re = (int)random_number(19) - 9, im = (int)random_number(19) - 9;
    return IS_COMPLEX(type) ? CMPLX(re, im) : re;
}

static inline value not_zero(int type)
{
    for (;;) {
        value v = any_value(type);
        if (v != 0) return v;
    }
}

/* One box's indices in row-major order; 0 after the last. */
static inline int next(int *index, int ndim, const int *lo, const int *hi)
{
    for (int d = ndim - 1; d >= 0; d--) {
        if (++index[d] <= hi[d]) return 1;
        index[d] = lo[d];
    }
    return 0;
}

static inline void first(int *index, int ndim, const int *lo) { memcpy(index, lo, (size_t)ndim * sizeof *lo); }

static inline long place(const twin *t, const int *index)
{
    long at = 0;
    for (int d = 0; d < t->ndim; d++) at = at * t->dims[d] + index[d];
    return at;
}

static inline void whole(const twin *t, int *lo, int *hi)
{
    for (int d = 0; d < t->ndim; d++) { lo[d] = 0; hi[d] = t->dims[d] - 1; }
}

static inline void any_patch(const twin *t, int *lo, int *hi)
{
    for (int d = 0; d < t->ndim; d++) {
        lo[d] = (int)random_number((unsigned)t->dims[d]);
        hi[d] = lo[d] + (int)random_number((unsigned)(t->dims[d] - lo[d]));
    }
}

static inline long elements(int ndim, const int *lo, const int *hi)
{
    long n = 1;
    for (int d = 0; d < ndim; d++) n *= hi[d] - lo[d] + 1;
    return n;
}

/* The twin's values become the array's. */
static inline void put_twin(twin *t)
{
    int lo[MOST_AXES], hi[MOST_AXES], ld[MOST_AXES];
    whole(t, lo, hi);
    for (int d = 1; d < t->ndim; d++) ld[d - 1] = t->dims[d];
    GA_Sync();
    if (me == 0) {
        size_t size = size_of(t->type);
        char *buffer = malloc((size_t)t->len * size);
        for (long i = 0; i < t->len; i++) store(t->type, buffer + (size_t)i * size, t->x[i]);
        NGA_Put(t->handle, lo, hi, buffer, ld);
        free(buffer);
    }
    GA_Sync();
}

static inline void randomize(twin *t)
{
    for (long i = 0; i < t->len; i++) t->x[i] = any_value(t->type);
    put_twin(t);
}

/* Every rank has the same as the twin, up to `tolerance` of the larger one. */
static inline void same_within(const twin *t, const char *what, double tolerance)
{
    int lo[MOST_AXES], hi[MOST_AXES], ld[MOST_AXES];
    size_t size = size_of(t->type);
    char *buffer = malloc((size_t)t->len * size);
    whole(t, lo, hi);
    for (int d = 1; d < t->ndim; d++) ld[d - 1] = t->dims[d];
    GA_Sync();
    NGA_Get(t->handle, lo, hi, buffer, ld);
    for (long i = 0; i < t->len; i++) {
        value got = load(t->type, buffer + (size_t)i * size), want = t->x[i];
        double limit = tolerance * fmax(1, cabs(want));
        CHECK(got == want || cabs(got - want) <= limit, "%s: type %d, element %ld of %ld: %g%+gi, not %g%+gi", what, t->type, i,
              t->len, creal(got), cimag(got), creal(want), cimag(want));
    }
    free(buffer);
    GA_Sync();
}

static inline void same(const twin *t, const char *what) { same_within(t, what, 0); }

/* Where blocks of an irregular array start: about `blocks` of them. */
static inline int starts(int extent, int blocks, int *map)
{
    int n = blocks < extent ? blocks : extent;
    for (int b = 0; b < n; b++) map[b] = b == 0 ? 0 : (int)((long)extent * b / n) + (b % 2 ? (extent / n > 1) : 0);
    return n;
}

static inline twin make(int type, int ndim, const int *dims, int layout)
{
    static const char *const names[LAYOUTS] = { "regular", "irregular", "cyclic", "grid", "tiled" };
    twin t = { .type = type, .ndim = ndim, .len = 1 };
    int block[MOST_AXES], grid[MOST_AXES], map[256], at = 0;
    for (int d = 0; d < ndim; d++) {
        t.dims[d] = dims[d];
        t.len *= dims[d];
        block[d] = 3;
        grid[d] = d == 0 ? ranks : 1;
    }
    t.x = malloc((size_t)t.len * sizeof *t.x);
    t.handle = GA_Create_handle();
    GA_Set_data(t.handle, ndim, t.dims, type);
    GA_Set_array_name(t.handle, (char *)names[layout]);
    switch (layout) {
    case IRREGULAR:
        for (int d = 0; d < ndim; d++) {
            block[d] = starts(dims[d], d == 0 ? ranks : 1, map + at);
            at += block[d];
        }
        GA_Set_irreg_distr(t.handle, map, block);
        break;
    case CYCLIC: GA_Set_block_cyclic(t.handle, block); break;
    case GRID: GA_Set_block_cyclic_proc_grid(t.handle, block, grid); break;
    case TILED: GA_Set_tiled_proc_grid(t.handle, block, grid); break;
    }
    CHECK(GA_Allocate(t.handle), "no memory");
    randomize(&t);
    return t;
}

static inline void drop(twin *t)
{
    GA_Destroy(t->handle);
    free(t->x);
}

#endif
