/* Diagonals, rows, columns, norms, transposition and symmetry of two-axis arrays; elements chosen, and random ones. */
#include "twin.h"

enum { TALL, WIDE, SQUARE, SHAPES };
static const int shapes[SHAPES][MOST_AXES] = { { 16, 11 }, { 9, 17 }, { 13, 13 } };

static value *at(twin *t, int i, int j) { return &t->x[(long)i * t->dims[1] + j]; }

static void diagonals(int type, int layout, int shape)
{
    char c[16];
    int n = shapes[shape][0] < shapes[shape][1] ? shapes[shape][0] : shapes[shape][1];
    value shift = any_value(type);
    twin a = make(type, 2, shapes[shape], layout), v = make(type, 1, &n, REGULAR);
    store(type, c, shift);
    GA_Add_diagonal(a.handle, v.handle);
    for (int i = 0; i < n; i++) *at(&a, i, i) += v.x[i];
    same(&a, "add diagonal");
    GA_Shift_diagonal(a.handle, c);
    for (int i = 0; i < n; i++) *at(&a, i, i) += shift;
    same(&a, "shift diagonal");
    GA_Get_diag(a.handle, v.handle);
    for (int i = 0; i < n; i++) v.x[i] = *at(&a, i, i);
    same(&v, "get diagonal");
    randomize(&v);
    GA_Set_diagonal(a.handle, v.handle);
    for (int i = 0; i < n; i++) *at(&a, i, i) = v.x[i];
    same(&a, "set diagonal");
    GA_Zero_diagonal(a.handle);
    for (int i = 0; i < n; i++) *at(&a, i, i) = 0;
    same(&a, "zero diagonal");
    drop(&a);
    drop(&v);
}

static void rows_and_columns(int type, int layout, int shape)
{
    int n = shapes[shape][0], m = shapes[shape][1];
    twin a = make(type, 2, shapes[shape], layout), rows = make(type, 1, &n, REGULAR), columns = make(type, 1, &m, REGULAR);
    GA_Scale_rows(a.handle, rows.handle);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++) *at(&a, i, j) *= rows.x[i];
    same(&a, "scale rows");
    GA_Scale_cols(a.handle, columns.handle);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++) *at(&a, i, j) *= columns.x[j];
    same(&a, "scale columns");
    drop(&a);
    drop(&rows);
    drop(&columns);
}

/* Those of all elements as one vector, whatever the number of axes. */
static void norms(int type, int layout, int shape)
{
    double norm, one = 0, infinity = 0, tolerance = type == C_SCPL ? 1e-5 : 1e-12;
    twin a = make(type, 2, shapes[shape], layout);
    for (long e = 0; e < a.len; e++) {
        one += cabs(a.x[e]);
        infinity = fmax(infinity, cabs(a.x[e]));
    }
    GA_Norm1(a.handle, &norm);
    CHECK(fabs(norm - one) <= tolerance * one, "type %d: %g, not %g", type, norm, one);
    GA_Norm_infinity(a.handle, &norm);
    CHECK(fabs(norm - infinity) <= tolerance * infinity, "type %d: %g, not %g", type, norm, infinity);
    drop(&a);
}

static void turned(int type, int layout, int shape)
{
    int n = shapes[shape][0], m = shapes[shape][1], other[] = { m, n };
    twin a = make(type, 2, shapes[shape], layout), b = make(type, 2, other, REGULAR), c = make(type, 2, other, layout);
    GA_Transpose(a.handle, b.handle);
    GA_Transpose(a.handle, c.handle);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++) *at(&b, j, i) = *at(&c, j, i) = *at(&a, i, j);
    same(&b, "transpose");
    same(&c, "transpose to the same layout");
    if (n == m) {
        for (long e = 0; e < a.len; e++) a.x[e] *= 2;
        put_twin(&a);
        GA_Symmetrize(a.handle);
        for (int i = 0; i < n; i++)
            for (int j = 0; j <= i; j++) *at(&a, i, j) = *at(&a, j, i) = (*at(&a, i, j) + *at(&a, j, i)) / 2;
        same(&a, "symmetrize");
    }
    drop(&a);
    drop(&b);
    drop(&c);
}

/* The least and the greatest element, made unique beforehand. */
static void chosen(int type, int layout)
{
    static const int shape[] = { 8, 9, 7 };
    char value_found[16];
    int low[] = { 6, 2, 3 }, high[] = { 1, 8, 5 }, index[MOST_AXES];
    twin a = make(type, 3, shape, layout);
    for (long e = 0; e < a.len; e++) a.x[e] = IS_COMPLEX(type) ? CMPLX(3 + (double)(e % 5), 4) : (double)(e % 5);
    a.x[place(&a, low)] = IS_COMPLEX(type) ? CMPLX(0, 1) : -77;
    a.x[place(&a, high)] = IS_COMPLEX(type) ? CMPLX(-50, 60) : 99;
    put_twin(&a);
    NGA_Select_elem(a.handle, "min", value_found, index);
    CHECK(load(type, value_found) == a.x[place(&a, low)] && !memcmp(index, low, sizeof low), "type %d", type);
    NGA_Select_elem(a.handle, "max", value_found, index);
    CHECK(load(type, value_found) == a.x[place(&a, high)] && !memcmp(index, high, sizeof high), "type %d", type);
    drop(&a);
}

/* Random elements lie between zero and the value (in each part), and are not all the same. */
static void random_ones(int type, int layout)
{
    static const int shape[] = { 30, 20 };
    int lo[] = { 0, 0 }, hi[] = { 29, 19 }, ld[] = { 20 };
    char limit[16], *buffer = malloc(600 * size_of(type));
    double sum = 0, squares = 0;
    twin a = make(type, 2, shape, layout);
    store(type, limit, IS_COMPLEX(type) ? CMPLX(1000, 1000) : 1000);
    GA_Randomize(a.handle, limit);
    GA_Sync();
    NGA_Get(a.handle, lo, hi, buffer, ld);
    for (int e = 0; e < 600; e++) {
        value v = load(type, buffer + (size_t)e * size_of(type));
        CHECK(creal(v) >= 0 && creal(v) <= 1000 && cimag(v) >= 0 && cimag(v) <= 1000);
        sum += creal(v);
        squares += creal(v) * creal(v);
    }
    sum /= 600;
    squares /= 600;
    CHECK(sum > 400 && sum < 600 && squares - sum * sum > 40000, "mean %g, variance %g", sum, squares - sum * sum);
    free(buffer);
    drop(&a);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    for (int t = 0; t < TYPES; t++)
        for (int layout = 0; layout < LAYOUTS; layout++) {
            for (int shape = 0; shape < SHAPES; shape++) {
                diagonals(all_types[t], layout, shape);
                rows_and_columns(all_types[t], layout, shape);
                norms(all_types[t], layout, shape);
                turned(all_types[t], layout, shape);
            }
            chosen(all_types[t], layout);
            random_ones(all_types[t], layout);
        }
    return finish();
}
