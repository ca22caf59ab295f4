/*
 * The table-driven suite of ga.h: what a family of operations is checked with.
 *
 * A family is one program: a table of tests and this harness. Each test runs once per layout, type and shape of its row, on an array
 * and its mock: a plain local array that every rank keeps and changes by naive loops. All values are small integers, so that
 * every type computes exactly and results are compared bit for bit. Random choices come from one stream that is the same on all ranks.
 *
 * Invariant: what one rank does to an array, all do to its mock.
 */
#ifndef HARNESS_H_
#define HARNESS_H_

#ifdef WITH_MPI
#include <mpi.h>
#endif
#include <complex.h>
#undef I
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include "ga.h"
#include "macdecls.h"

enum { INT = 1, LONG = 2, LONGLONG = 4, FLOAT = 8, DOUBLE = 16, SCPL = 32, DCPL = 64,
       INTEGERS = 7, REALS = 31, FLOATS = FLOAT | DOUBLE, COMPLEX = SCPL | DCPL, NUMBERS = FLOATS | COMPLEX, ALL_TYPES = 127 };
enum { REGULAR = 1, CHUNK = 2, IRREGULAR = 4, CYCLIC = 8, SCALAPACK = 16, TILED = 32, TILED_IRREGULAR = 64, GHOSTS = 128,
       RESTRICTED = 256, ONE_BLOCK = REGULAR | CHUNK | IRREGULAR | GHOSTS | RESTRICTED, CYCLIC_ALL = CYCLIC | SCALAPACK | TILED | TILED_IRREGULAR,
       ALL_LAYOUTS = 511, PLAIN = REGULAR | CHUNK | IRREGULAR };
/* Shapes: of one to four axes, a small and a square one of two. */
enum { D1 = 1, D2 = 2, D3 = 4, D4 = 8, TINY = 16, SQUARE = 32, ALL_SHAPES = 31, D2_ALL = D2 | TINY | SQUARE };
enum { AXES = 7 };

typedef double _Complex Value;

struct test {
    const char *name;
    void (*run)(void);
    int layouts, types, shapes;
    /* Layouts and types the original (5.8.2) gets wrong or doesn't have for this operation. */
    int original_lacks_layouts, original_lacks_types;
};

/* What the running test is about. */
extern struct context {
    const struct test *test;
    int layout, kind, type, ndim, dims[AXES];
} now;
extern int me, size;

/* An array and its mock. */
struct array {
    int g, type, ndim, dims[AXES], width[AXES], layout;
    long count;
    Value *mock;
};

/* The same on all ranks: a number in 0..n-1. */
int pick(int n);
/* A small value of the type (imaginary parts for complex ones); `pick_nonzero` for divisors. */
Value pick_value(int type);
Value pick_nonzero(int type);

/* Collective: an array as the context says, of another type or shape where it is given, filled with random values. */
struct array *create(const char *name);
struct array *create_typed(const char *name, int layout, int type, int ndim, const int dims[]);
/* Gives both array and mock new random values. */
void refill(struct array *a);
void refill_nonzero(struct array *a);
void drop(struct array *a);
/* Collective: the array is what its mock is; says where it isn't. */
void agree(struct array *a, const char *what);

void random_patch(const struct array *a, int lo[], int hi[]);
void whole_patch(const struct array *a, int lo[], int hi[]);
long patch_count(int ndim, const int lo[], const int hi[]);
/* The next subscript of the box in row-major order; 0 after the last. `subscript` begins as a copy of `lo`. */
int next(int ndim, const int lo[], const int hi[], int subscript[]);
/* Walks all subscripts of a box. */
#define FOR_BOX(ndim, lo, hi, s) \
    for (int s[AXES], more_ = (memcpy(s, lo, sizeof(int) * (ndim)), patch_count(ndim, lo, hi) > 0); more_; more_ = next(ndim, lo, hi, s))
Value *at(const struct array *a, const int subscript[]);

size_t bytes_of(int type);
void store(int type, void *buffer, long index, Value value);
Value load(int type, const void *buffer, long index);
int is_complex(int type);
/* The value as an element of the type, for arguments that are `void *`. */
void *scalar(int type, Value value);
/* A buffer for a dense patch with its leading dimensions, each `pad` larger than the patch. */
void *patch_buffer(int type, int ndim, const int lo[], const int hi[], int pad, int ld[]);
/* Where an element of the patch is in such a buffer. */
long place(int ndim, const int lo[], const int ld[], const int s[]);

/* Counts a mismatch and says which row it is. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define EXPECT(condition, format, ...) do { if (!(condition)) fail("%s: " format, #condition, ##__VA_ARGS__); } while (0)
/* Numbers that agree but for rounding. */
int near(double a, double b, double tolerance);

/* The tables; the last row has no name. */
extern const struct test tests[];

#endif
