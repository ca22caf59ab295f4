/* Element-wise operations and their patch forms, step_max, select_elem. */
#include "harness.h"

static double size_of(Value v)
{
    return creal(v) * creal(v) + cimag(v) * cimag(v);
}

/* abs of integers and reals; complex ones become their absolute value, which is checked with rounding. */
static void absolute(void)
{
    struct array *a = create("a");
    int lo[AXES], hi[AXES];
    random_patch(a, lo, hi);
    GA_Abs_value_patch(a->g, lo, hi);
    FOR_BOX(a->ndim, lo, hi, s) *at(a, s) = fabs(creal(*at(a, s)));
    agree(a, "GA_Abs_value_patch");
    GA_Abs_value(a->g);
    for (long i = 0; i < a->count; i++) a->mock[i] = fabs(creal(a->mock[i]));
    agree(a, "GA_Abs_value");
    drop(a);
}

static void add_constant(void)
{
    struct array *a = create("a");
    int lo[AXES], hi[AXES];
    Value value = pick_value(a->type);
    random_patch(a, lo, hi);
    GA_Add_constant_patch(a->g, lo, hi, scalar(a->type, value));
    FOR_BOX(a->ndim, lo, hi, s) *at(a, s) += value;
    agree(a, "GA_Add_constant_patch");
    GA_Add_constant(a->g, scalar(a->type, value));
    for (long i = 0; i < a->count; i++) a->mock[i] += value;
    agree(a, "GA_Add_constant");
    drop(a);
}

/* Powers of two, whose reciprocals are exact; integers: 1 only. */
static void powers_of_two(struct array *a)
{
    static const double powers[] = {1, 2, 4, 0.5, -0.25, -1};
    int lo[AXES], hi[AXES], ld[AXES], is_integer = a->type == C_INT || a->type == C_LONG || a->type == C_LONGLONG;
    for (long i = 0; i < a->count; i++) a->mock[i] = is_integer ? 1 - 2 * pick(2) : powers[pick(6)];
    whole_patch(a, lo, hi);
    void *buffer = patch_buffer(a->type, a->ndim, lo, hi, 0, ld);
    for (long i = 0; i < a->count; i++) store(a->type, buffer, i, a->mock[i]);
    GA_Sync();
    if (me == 0) NGA_Put(a->g, lo, hi, buffer, ld);
    GA_Sync();
    free(buffer);
}

static void reciprocal(void)
{
    struct array *a = create("a");
    int lo[AXES], hi[AXES];
    powers_of_two(a);
    GA_Recip(a->g);
    for (long i = 0; i < a->count; i++) a->mock[i] = 1 / a->mock[i];
    agree(a, "GA_Recip");
    random_patch(a, lo, hi);
    GA_Recip_patch(a->g, lo, hi);
    FOR_BOX(a->ndim, lo, hi, s) *at(a, s) = 1 / *at(a, s);
    agree(a, "GA_Recip_patch");
    drop(a);
}

/* c = a op b of whole arrays and of patches that are elsewhere in each operand, the result elsewhere laid out. */
static void binary(int divides, Value (*operation)(Value, Value), void (*whole)(int, int, int),
                   void (*patch)(int, int *, int *, int, int *, int *, int, int *, int *), const char *name)
{
    struct array *a = create("a"), *b = create("b"), *c = create("c"), *d = create_typed("d", REGULAR, now.type, now.ndim, now.dims);
    int alo[AXES], ahi[AXES], blo[AXES], bhi[AXES], t[AXES];
    if (divides) powers_of_two(b);
    whole(a->g, b->g, c->g);
    for (long i = 0; i < a->count; i++) c->mock[i] = operation(a->mock[i], b->mock[i]);
    agree(c, name);
    random_patch(a, alo, ahi);
    for (int axis = 0; axis < a->ndim; axis++) {
        blo[axis] = pick(a->dims[axis] - (ahi[axis] - alo[axis]));
        bhi[axis] = blo[axis] + ahi[axis] - alo[axis];
    }
    patch(a->g, alo, ahi, b->g, blo, bhi, d->g, blo, bhi);
    FOR_BOX(a->ndim, alo, ahi, s) {
        for (int axis = 0; axis < a->ndim; axis++) t[axis] = s[axis] - alo[axis] + blo[axis];
        *at(d, t) = operation(*at(a, s), *at(b, t));
    }
    agree(d, name);
    drop(d);
    drop(c);
    drop(b);
    drop(a);
}

static Value times(Value a, Value b) { return a * b; }
static Value over(Value a, Value b) { return a / b; }
static Value larger(Value a, Value b) { return now.kind & COMPLEX ? (size_of(a) > size_of(b) ? a : b) : creal(a) > creal(b) ? a : b; }
static Value smaller(Value a, Value b) { return now.kind & COMPLEX ? (size_of(a) < size_of(b) ? a : b) : creal(a) < creal(b) ? a : b; }
static void multiply(void) { binary(0, times, GA_Elem_multiply, GA_Elem_multiply_patch, "GA_Elem_multiply"); }
static void divide(void) { binary(1, over, GA_Elem_divide, GA_Elem_divide_patch, "GA_Elem_divide"); }
static void maximum(void) { binary(0, larger, GA_Elem_maximum, GA_Elem_maximum_patch, "GA_Elem_maximum"); }
static void minimum(void) { binary(0, smaller, GA_Elem_minimum, GA_Elem_minimum_patch, "GA_Elem_minimum"); }

static void median(void)
{
    struct array *a = create("a"), *b = create("b"), *c = create("c"), *m = create("m");
    int lo[AXES], hi[AXES];
    random_patch(a, lo, hi);
    for (int whole = 0; whole < 2; whole++) {
        if (whole) {
            whole_patch(a, lo, hi);
            GA_Median(a->g, b->g, c->g, m->g);
        } else {
            GA_Median_patch(a->g, lo, hi, b->g, lo, hi, c->g, lo, hi, m->g, lo, hi);
        }
        FOR_BOX(a->ndim, lo, hi, s) {
            double x = creal(*at(a, s)), y = creal(*at(b, s)), z = creal(*at(c, s));
            *at(m, s) = fmax(fmin(x, y), fmin(fmax(x, y), z));
        }
        agree(m, "GA_Median");
    }
    drop(m);
    drop(c);
    drop(b);
    drop(a);
}

/* The extreme element and where it is: of equal ones any. */
static void select_elem(void)
{
    struct array *a = create("a");
    for (int largest = 0; largest < 2; largest++) {
        int index[AXES] = {0};
        char slot[16] = {0};
        NGA_Select_elem(a->g, largest ? "max" : "min", slot, index);
        Value found = load(a->type, slot, 0), extreme = a->mock[0];
        for (long i = 1; i < a->count; i++) extreme = largest ? larger(a->mock[i], extreme) : smaller(a->mock[i], extreme);
        int is_equal = now.kind & COMPLEX ? size_of(found) == size_of(extreme) : found == extreme;
        EXPECT(is_equal, "%g%+gi, not %g%+gi", creal(found), cimag(found), creal(extreme), cimag(extreme));
        int inside = 1;
        for (int axis = 0; axis < a->ndim; axis++) inside &= index[axis] >= 0 && index[axis] < a->dims[axis];
        EXPECT(inside && *at(a, index) == found, "index [%d,%d]", index[0], index[1]);
    }
    drop(a);
}

/* The largest step that keeps a + step b from changing sign: the smallest of a / |b| where b is negative. */
static void step_max(void)
{
    struct array *a = create("a"), *b = create("b");
    int lo[AXES], hi[AXES];
    GA_Abs_value(a->g);
    for (long i = 0; i < a->count; i++) a->mock[i] = fabs(creal(a->mock[i]));
    whole_patch(a, lo, hi);
    for (int patch = 0; patch < 2; patch++) {
        char slot[16] = {0};
        double wanted = INFINITY;
        if (patch) GA_Step_max_patch(a->g, lo, hi, b->g, lo, hi, slot);
        else GA_Step_max(a->g, b->g, slot);
        FOR_BOX(a->ndim, lo, hi, s) if (creal(*at(b, s)) < 0) wanted = fmin(wanted, -creal(*at(a, s)) / creal(*at(b, s)));
        double found = creal(load(a->type, slot, 0));
        EXPECT(near(found, wanted, 1e-6), "patch %d: %g, not %g", patch, found, wanted);
    }
    drop(b);
    drop(a);
}

const struct test tests[] = {
    {"absolute", absolute, ALL_LAYOUTS, REALS, ALL_SHAPES, 0, 0},
    {"add_constant", add_constant, ALL_LAYOUTS, ALL_TYPES, ALL_SHAPES, 0, 0},
    {"reciprocal", reciprocal, ALL_LAYOUTS, ALL_TYPES, ALL_SHAPES, 0, 0},
    {"multiply", multiply, ALL_LAYOUTS, ALL_TYPES, ALL_SHAPES, 0, 0},
    {"divide", divide, ALL_LAYOUTS, ALL_TYPES, ALL_SHAPES, 0, 0},
    {"maximum", maximum, ALL_LAYOUTS, REALS, ALL_SHAPES, 0, 0},
    {"minimum", minimum, ALL_LAYOUTS, REALS, ALL_SHAPES, 0, 0},
    {"median", median, ALL_LAYOUTS, REALS, ALL_SHAPES, 0, 0},
    {"select_elem", select_elem, ALL_LAYOUTS, ALL_TYPES, ALL_SHAPES, 0, 0},
    {"step_max", step_max, ALL_LAYOUTS, FLOATS, D1 | D2 | D3, 0, 0},
    {0},
};
