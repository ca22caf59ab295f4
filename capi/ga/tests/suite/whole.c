/* Algebra of whole arrays and of patches: fill, zero, scale, add, copy, dot products. */
#include "harness.h"

static void fill(void)
{
    struct array *a = create("a");
    int lo[AXES], hi[AXES];
    Value value = pick_value(a->type);
    GA_Fill(a->g, scalar(a->type, value));
    for (long i = 0; i < a->count; i++) a->mock[i] = value;
    agree(a, "GA_Fill");
    value = pick_value(a->type);
    random_patch(a, lo, hi);
    NGA_Fill_patch(a->g, lo, hi, scalar(a->type, value));
    FOR_BOX(a->ndim, lo, hi, s) *at(a, s) = value;
    agree(a, "NGA_Fill_patch");
    random_patch(a, lo, hi);
    NGA_Zero_patch(a->g, lo, hi);
    FOR_BOX(a->ndim, lo, hi, s) *at(a, s) = 0;
    agree(a, "NGA_Zero_patch");
    GA_Zero(a->g);
    for (long i = 0; i < a->count; i++) a->mock[i] = 0;
    agree(a, "GA_Zero");
    drop(a);
}

static void scale(void)
{
    struct array *a = create("a");
    int lo[AXES], hi[AXES];
    Value value = pick_value(a->type);
    GA_Scale(a->g, scalar(a->type, value));
    for (long i = 0; i < a->count; i++) a->mock[i] *= value;
    agree(a, "GA_Scale");
    value = pick_value(a->type);
    random_patch(a, lo, hi);
    NGA_Scale_patch(a->g, lo, hi, scalar(a->type, value));
    FOR_BOX(a->ndim, lo, hi, s) *at(a, s) *= value;
    agree(a, "NGA_Scale_patch");
    drop(a);
}

/* c = alpha a + beta b; the operands may be the result. */
static void add(void)
{
    struct array *a = create("a"), *b = create("b"), *c = create("c");
    Value alpha = pick_value(a->type), beta = pick_value(a->type);
    GA_Add(scalar(a->type, alpha), a->g, scalar(a->type, beta), b->g, c->g);
    for (long i = 0; i < a->count; i++) c->mock[i] = alpha * a->mock[i] + beta * b->mock[i];
    agree(c, "GA_Add");
    GA_Add(scalar(a->type, beta), a->g, scalar(a->type, 2), b->g, a->g);
    for (long i = 0; i < a->count; i++) a->mock[i] = beta * a->mock[i] + 2 * b->mock[i];
    agree(a, "GA_Add into an operand");
    drop(c);
    drop(b);
    drop(a);
}

/* Another place of the same extents, for the second operand of a patch operation. */
static void moved(const struct array *a, const int lo[], const int hi[], int to_lo[], int to_hi[])
{
    for (int axis = 0; axis < a->ndim; axis++) {
        to_lo[axis] = pick(a->dims[axis] - (hi[axis] - lo[axis]));
        to_hi[axis] = to_lo[axis] + hi[axis] - lo[axis];
    }
}

/* The operands are laid out otherwise than the result. */
static void add_patch(void)
{
    struct array *a = create("a"), *b = create_typed("b", REGULAR, now.type, now.ndim, now.dims), *c = create("c");
    int alo[AXES], ahi[AXES], blo[AXES], bhi[AXES], clo[AXES], chi[AXES];
    for (int turn = 0; turn < 3; turn++) {
        Value alpha = pick_value(a->type), beta = pick_value(a->type);
        random_patch(a, alo, ahi);
        moved(a, alo, ahi, blo, bhi);
        moved(a, alo, ahi, clo, chi);
        NGA_Add_patch(scalar(a->type, alpha), a->g, alo, ahi, scalar(a->type, beta), b->g, blo, bhi, c->g, clo, chi);
        FOR_BOX(a->ndim, alo, ahi, s) {
            int t[AXES], u[AXES];
            for (int axis = 0; axis < a->ndim; axis++) {
                t[axis] = s[axis] - alo[axis] + blo[axis];
                u[axis] = s[axis] - alo[axis] + clo[axis];
            }
            *at(c, u) = alpha * *at(a, s) + beta * *at(b, t);
        }
        agree(c, "NGA_Add_patch");
    }
    drop(c);
    drop(b);
    drop(a);
}

static void copy(void)
{
    struct array *a = create("a"), *b = create("b"), *c = create_typed("c", CHUNK, now.type, now.ndim, now.dims);
    GA_Copy(a->g, b->g);
    memcpy(b->mock, a->mock, sizeof(Value) * (size_t)a->count);
    agree(b, "GA_Copy");
    refill(a);
    GA_Copy(a->g, c->g);
    memcpy(c->mock, a->mock, sizeof(Value) * (size_t)a->count);
    agree(c, "GA_Copy to another layout");
    drop(c);
    drop(b);
    drop(a);
}

/* Patches of the same shape anywhere, and of another shape with as many elements: these go in row-major order. */
static void copy_patch(void)
{
    struct array *a = create("a"), *b = create_typed("b", CHUNK, now.type, now.ndim, now.dims);
    int alo[AXES], ahi[AXES], blo[AXES], bhi[AXES], t[AXES];
    for (int turn = 0; turn < 3; turn++) {
        random_patch(a, alo, ahi);
        moved(a, alo, ahi, blo, bhi);
        NGA_Copy_patch('n', a->g, alo, ahi, b->g, blo, bhi);
        FOR_BOX(a->ndim, alo, ahi, s) {
            for (int axis = 0; axis < a->ndim; axis++) t[axis] = s[axis] - alo[axis] + blo[axis];
            *at(b, t) = *at(a, s);
        }
        agree(b, "NGA_Copy_patch");
    }
    drop(b);
    drop(a);
}

static void copy_transposed(void)
{
    int turned[2] = {now.dims[1], now.dims[0]};
    struct array *a = create("a"), *b = create_typed("b", now.layout, now.type, 2, turned);
    for (int turn = 0; turn < 3; turn++) {
        int alo[2], ahi[2], blo[2], bhi[2];
        random_patch(a, alo, ahi);
        for (int axis = 0; axis < 2; axis++) {
            blo[axis] = pick(b->dims[axis] - (ahi[1 - axis] - alo[1 - axis]));
            bhi[axis] = blo[axis] + ahi[1 - axis] - alo[1 - axis];
        }
        NGA_Copy_patch('t', a->g, alo, ahi, b->g, blo, bhi);
        FOR_BOX(2, alo, ahi, s) {
            int t[2] = {s[1] - alo[1] + blo[0], s[0] - alo[0] + blo[1]};
            *at(b, t) = *at(a, s);
        }
        agree(b, "NGA_Copy_patch transposed");
    }
    drop(b);
    drop(a);
}

/* A matrix into a vector and back, in row-major order. */
static void copy_reshaped(void)
{
    int flat = 100;
    struct array *a = create("a"), *b = create_typed("b", REGULAR, now.type, 1, &flat);
    int alo[AXES], ahi[AXES];
    random_patch(a, alo, ahi);
    while (patch_count(a->ndim, alo, ahi) > flat) random_patch(a, alo, ahi);
    int count = (int)patch_count(a->ndim, alo, ahi), blo = pick(flat - count + 1), bhi = blo + count - 1, number = 0;
    NGA_Copy_patch('n', a->g, alo, ahi, b->g, &blo, &bhi);
    FOR_BOX(a->ndim, alo, ahi, s) b->mock[blo + number++] = *at(a, s);
    agree(b, "NGA_Copy_patch to a vector");
    refill(b);
    NGA_Copy_patch('n', b->g, &blo, &bhi, a->g, alo, ahi);
    number = 0;
    FOR_BOX(a->ndim, alo, ahi, s) *at(a, s) = b->mock[blo + number++];
    agree(a, "NGA_Copy_patch from a vector");
    drop(b);
    drop(a);
}

static Value dot_of(const struct array *a, const int alo[], const int ahi[], const struct array *b, const int blo[])
{
    Value sum = 0;
    FOR_BOX(a->ndim, alo, ahi, s) {
        int t[AXES];
        for (int axis = 0; axis < a->ndim; axis++) t[axis] = s[axis] - alo[axis] + blo[axis];
        sum += *at(a, s) * *at(b, t);
    }
    return sum;
}

static void dot(void)
{
    struct array *a = create("a"), *b = create("b");
    int lo[AXES], hi[AXES], blo[AXES], bhi[AXES];
    for (int patch = 0; patch < 2; patch++) {
        Value found = 0;
        whole_patch(a, lo, hi);
        if (patch) random_patch(a, lo, hi);
        memcpy(blo, lo, sizeof lo);
        memcpy(bhi, hi, sizeof hi);
        if (patch) moved(a, lo, hi, blo, bhi);
#define DOT(letter) (patch ? NGA_##letter##dot_patch(a->g, 'n', lo, hi, b->g, 'n', blo, bhi) : GA_##letter##dot(a->g, b->g))
        switch (a->type) {
        case C_INT: found = DOT(I); break;
        case C_LONG: found = DOT(L); break;
        case C_LONGLONG: found = DOT(Ll); break;
        case C_FLOAT: found = DOT(F); break;
        case C_DBL: found = DOT(D); break;
        case C_SCPL: { SingleComplex z = DOT(C); found = z.real + z.imag * _Complex_I; break; }
        default: { DoubleComplex z = DOT(Z); found = z.real + z.imag * _Complex_I; }
        }
        Value wanted = dot_of(a, lo, hi, b, blo);
        EXPECT(found == wanted, "dot, patch %d: %g%+gi, not %g%+gi", patch, creal(found), cimag(found), creal(wanted), cimag(wanted));
    }
    drop(b);
    drop(a);
}

const struct test tests[] = {
    {"fill", fill, ALL_LAYOUTS, ALL_TYPES, ALL_SHAPES, 0, 0},
    {"scale", scale, ALL_LAYOUTS, ALL_TYPES, ALL_SHAPES, 0, 0},
    {"add", add, ALL_LAYOUTS, ALL_TYPES, ALL_SHAPES, 0, 0},
    {"add_patch", add_patch, ALL_LAYOUTS, ALL_TYPES, ALL_SHAPES, 0, 0},
    {"copy", copy, ALL_LAYOUTS, ALL_TYPES, ALL_SHAPES, 0, 0},
    {"copy_patch", copy_patch, ALL_LAYOUTS, ALL_TYPES, ALL_SHAPES, 0, 0},
    {"copy_transposed", copy_transposed, ALL_LAYOUTS, ALL_TYPES, D2 | SQUARE, 0, 0},
    {"copy_reshaped", copy_reshaped, ALL_LAYOUTS, ALL_TYPES, D2 | D3, 0, 0},
    {"dot", dot, ALL_LAYOUTS, ALL_TYPES, ALL_SHAPES, 0, 0},
    {0},
};
