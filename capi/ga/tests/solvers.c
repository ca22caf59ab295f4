/* Solvers, inverses and eigenvalues, put to the test by multiplying. */
#include "twin.h"

static value *at(const twin *t, int i, int j) { return &t->x[(long)i * t->dims[1] + j]; }

/* A matrix that is far from singular; symmetric and positive definite if asked. */
static twin good(int n, int layout, int is_symmetric)
{
    int shape[] = { n, n };
    twin a = make(C_DBL, 2, shape, layout);
    if (is_symmetric)
        for (int i = 0; i < n; i++)
            for (int j = 0; j < i; j++) *at(&a, j, i) = *at(&a, i, j);
    for (int i = 0; i < n; i++) *at(&a, i, i) = 12 * n + i;
    put_twin(&a);
    return a;
}

/* As the original sees C's memory: rows of b are the right-hand sides, and 'n' solves with the transpose of a. */
static void right_side(const twin *a, const twin *x, twin *b, char how)
{
    int n = a->dims[0];
    for (int k = 0; k < x->dims[0]; k++)
        for (int i = 0; i < n; i++) {
            value sum = 0;
            for (int l = 0; l < n; l++) sum += (how == 'n' ? *at(a, l, i) : *at(a, i, l)) * *at(x, k, l);
            *at(b, k, i) = sum;
        }
    put_twin(b);
}

static void solvers(int layout)
{
    int n = 29, shape[] = { 3, n };
    twin a = good(n, layout, 0), s = good(n, layout, 1);
    twin x = make(C_DBL, 2, shape, REGULAR), b = make(C_DBL, 2, shape, layout);
    for (int form = 0; form < 2; form++) {
        char how = form ? 't' : 'n';
        right_side(&a, &x, &b, how);
        GA_Lu_solve(how, a.handle, b.handle);
        memcpy(b.x, x.x, (size_t)x.len * sizeof *x.x);
        same_within(&b, "LU", 1e-10);
        same(&a, "the matrix of LU");
    }
    /* By Cholesky, and where that does not work by LU; for symmetric matrices. */
    for (int is_definite = 0; is_definite < 2; is_definite++) {
        for (int i = 0; i < n; i++) *at(&s, i, i) = (is_definite || i % 2 ? 1 : -1) * (12 * n + i);
        put_twin(&s);
        right_side(&s, &x, &b, 'n');
        int code = GA_Solve(s.handle, b.handle);
        CHECK(is_definite ? code == 0 : code >= 0, "%d", code);
        memcpy(b.x, x.x, (size_t)x.len * sizeof *x.x);
        same_within(&b, "solve", 1e-10);
    }
    right_side(&s, &x, &b, 'n');
    CHECK(GA_Llt_solve(s.handle, b.handle) == 0);
    memcpy(b.x, x.x, (size_t)x.len * sizeof *x.x);
    same_within(&b, "Cholesky", 1e-10);
    same(&s, "the matrix of Cholesky");

    CHECK(GA_Spd_invert(s.handle) == 0);
    twin inverse = make(C_DBL, 2, s.dims, REGULAR), one = make(C_DBL, 2, s.dims, REGULAR);
    put_twin(&inverse);
    GA_Copy(s.handle, inverse.handle);
    put_twin(&s);
    GA_Dgemm('n', 'n', n, n, n, 1.0, s.handle, inverse.handle, 0.0, one.handle);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) *at(&one, i, j) = i == j;
    same_within(&one, "inverse", 1e-10);

    /* Not positive definite from the fifth leading minor on. */
    *at(&s, 4, 4) = -1;
    put_twin(&s);
    CHECK(GA_Llt_solve(s.handle, b.handle) > 0);
    put_twin(&s);
    CHECK(GA_Spd_invert(s.handle) > 0);
    drop(&a);
    drop(&s);
    drop(&x);
    drop(&b);
    drop(&inverse);
    drop(&one);
}

/* Rows of v are eigenvectors of length 1, and the values ascend; the metric is the unit matrix if there is none. */
static void check_eigen(const twin *a, const twin *metric, const twin *v, const double *values, const char *what)
{
    int n = a->dims[0], lo[] = { 0, 0 }, hi[] = { n - 1, n - 1 }, ld[] = { n };
    double *vectors = malloc((size_t)n * (size_t)n * sizeof *vectors);
    GA_Sync();
    NGA_Get(v->handle, lo, hi, vectors, ld);
    for (int k = 0; k < n; k++) {
        double length = 0;
        CHECK(k == 0 || values[k - 1] <= values[k], "%s", what);
        for (int i = 0; i < n; i++) {
            double left = 0, right = 0;
            for (int j = 0; j < n; j++) {
                left += creal(*at(a, i, j)) * vectors[k * n + j];
                right += (metric ? creal(*at(metric, i, j)) : i == j) * vectors[k * n + j];
            }
            CHECK(fabs(left - values[k] * right) < 1e-8 * n * n, "%s: vector %d: %g, not %g", what, k, left, values[k] * right);
            length += vectors[k * n + i] * right;
        }
        CHECK(fabs(length - 1) < 1e-8, "%s: vector %d: norm %g", what, k, length);
    }
    free(vectors);
    GA_Sync();
}

static void eigen(int layout)
{
    int n = 21;
    double values[21];
    twin a = good(n, layout, 1), s = good(n, layout, 1), v = make(C_DBL, 2, a.dims, layout);
    GA_Diag_std(a.handle, v.handle, values);
    check_eigen(&a, NULL, &v, values, "diag std");
    put_twin(&a);
    GA_Diag_std_seq(a.handle, v.handle, values);
    check_eigen(&a, NULL, &v, values, "diag std seq");
    put_twin(&a);
    GA_Diag(a.handle, s.handle, v.handle, values);
    check_eigen(&a, &s, &v, values, "diag");
    put_twin(&a);
    put_twin(&s);
    GA_Diag_seq(a.handle, s.handle, v.handle, values);
    check_eigen(&a, &s, &v, values, "diag seq");
    put_twin(&a);
    put_twin(&s);
    GA_Diag_reuse(0, a.handle, s.handle, v.handle, values);
    check_eigen(&a, &s, &v, values, "diag reuse, first");
    put_twin(&a);
    GA_Diag_reuse(1, a.handle, s.handle, v.handle, values);
    check_eigen(&a, &s, &v, values, "diag reuse, again");
    drop(&a);
    drop(&s);
    drop(&v);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    for (int layout = 0; layout < LAYOUTS; layout++) {
        solvers(layout);
        eigen(layout);
    }
    return finish();
}
