/* Operations on matrices: transposition, symmetrization, norms, diagonals, rows and columns. */
#include "harness.h"

static void transpose(void)
{
    int turned[2] = {now.dims[1], now.dims[0]};
    struct array *a = create("a"), *b = create_typed("b", now.layout, now.type, 2, turned);
    GA_Transpose(a->g, b->g);
    for (int i = 0; i < a->dims[0]; i++) for (int j = 0; j < a->dims[1]; j++) b->mock[j * a->dims[0] + i] = a->mock[i * a->dims[1] + j];
    agree(b, "GA_Transpose");
    drop(b);
    drop(a);
}

static void symmetrize(void)
{
    struct array *a = create("a");
    int n = a->dims[0];
    GA_Symmetrize(a->g);
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++) a->mock[i * n + j] = a->mock[j * n + i] = 0.5 * (a->mock[i * n + j] + a->mock[j * n + i]);
    agree(a, "GA_Symmetrize");
    drop(a);
}

static double magnitude(Value v)
{
    return sqrt(creal(v) * creal(v) + cimag(v) * cimag(v));
}

/* Both are of all elements as one vector, as the original has them: the sum of the absolute values, and the largest. */
static void norms(void)
{
    struct array *a = create("a");
    double sum = 0, largest = 0, found = -1;
    for (long i = 0; i < a->count; i++) {
        sum += magnitude(a->mock[i]);
        largest = fmax(largest, magnitude(a->mock[i]));
    }
    GA_Norm1(a->g, &found);
    EXPECT(near(found, sum, 1e-5), "GA_Norm1: %g, not %g", found, sum);
    GA_Norm_infinity(a->g, &found);
    EXPECT(near(found, largest, 1e-5), "GA_Norm_infinity: %g, not %g", found, largest);
    drop(a);
}

static void diagonals(void)
{
    struct array *a = create("a");
    int n = a->dims[0] < a->dims[1] ? a->dims[0] : a->dims[1], columns = a->dims[1];
    struct array *v = create_typed("v", REGULAR, now.type, 1, &n);
    Value shift = pick_value(a->type);
    GA_Get_diag(a->g, v->g);
    for (int i = 0; i < n; i++) v->mock[i] = a->mock[i * columns + i];
    agree(v, "GA_Get_diag");
    refill(v);
    GA_Set_diagonal(a->g, v->g);
    for (int i = 0; i < n; i++) a->mock[i * columns + i] = v->mock[i];
    agree(a, "GA_Set_diagonal");
    refill(v);
    GA_Add_diagonal(a->g, v->g);
    for (int i = 0; i < n; i++) a->mock[i * columns + i] += v->mock[i];
    agree(a, "GA_Add_diagonal");
    GA_Shift_diagonal(a->g, scalar(a->type, shift));
    for (int i = 0; i < n; i++) a->mock[i * columns + i] += shift;
    agree(a, "GA_Shift_diagonal");
    GA_Zero_diagonal(a->g);
    for (int i = 0; i < n; i++) a->mock[i * columns + i] = 0;
    agree(a, "GA_Zero_diagonal");
    drop(v);
    drop(a);
}

static void rows_and_columns(void)
{
    struct array *a = create("a");
    int rows = a->dims[0], columns = a->dims[1];
    struct array *r = create_typed("r", REGULAR, now.type, 1, &rows), *c = create_typed("c", REGULAR, now.type, 1, &columns);
    GA_Scale_rows(a->g, r->g);
    for (int i = 0; i < rows; i++) for (int j = 0; j < columns; j++) a->mock[i * columns + j] *= r->mock[i];
    agree(a, "GA_Scale_rows");
    refill(a);
    GA_Scale_cols(a->g, c->g);
    for (int i = 0; i < rows; i++) for (int j = 0; j < columns; j++) a->mock[i * columns + j] *= c->mock[j];
    agree(a, "GA_Scale_cols");
    drop(c);
    drop(r);
    drop(a);
}

const struct test tests[] = {
    {"transpose", transpose, ALL_LAYOUTS, ALL_TYPES, D2_ALL, TILED | TILED_IRREGULAR, 0},
    {"symmetrize", symmetrize, ALL_LAYOUTS, NUMBERS, SQUARE, 0, NUMBERS & ~DOUBLE},
    {"norms", norms, ALL_LAYOUTS, ALL_TYPES, D1 | D2_ALL, 0, LONGLONG | COMPLEX},
    {"diagonals", diagonals, ALL_LAYOUTS, ALL_TYPES, SQUARE, ALL_LAYOUTS, 0},
    {"rows_and_columns", rows_and_columns, ALL_LAYOUTS, ALL_TYPES, D2_ALL, 0, LONGLONG},
    {0},
};
