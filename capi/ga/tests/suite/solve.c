/*
 * Linear systems, inverses and eigenproblems, by what they promise: residuals and orthogonality.
 *
 * The original solves in Fortran's order, so in C right-hand sides, solutions and eigenvectors are rows, and the matrix is the transposed one.
 */
#include "harness.h"

/* Puts the mock, whose values a test has set itself. */
static void publish(struct array *a)
{
    int lo[2], hi[2], ld[2];
    whole_patch(a, lo, hi);
    void *values = patch_buffer(a->type, a->ndim, lo, hi, 0, ld);
    for (long i = 0; i < a->count; i++) store(a->type, values, i, a->mock[i]);
    GA_Sync();
    if (me == 0) NGA_Put(a->g, lo, hi, values, ld);
    GA_Sync();
    free(values);
}

static double *fetch(const struct array *a)
{
    int lo[2], hi[2], ld[2];
    double *values = calloc((size_t)a->count, sizeof(double));
    whole_patch(a, lo, hi);
    if (a->ndim > 1) ld[0] = a->dims[1];
    GA_Sync();
    NGA_Get(a->g, lo, hi, values, ld);
    GA_Sync();
    return values;
}

/* Diagonally dominant; symmetric and positive definite if asked. */
static void make_regular(struct array *a, int is_symmetric)
{
    int n = a->dims[0];
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            if (is_symmetric && j < i) a->mock[i * n + j] = a->mock[j * n + i];
            else a->mock[i * n + j] = pick(9) - 4 + (i == j ? 8 * n : 0);
        }
    publish(a);
}

/* The largest element of a x - b over all right-hand sides. */
static double residual(const struct array *a, const double *x, const struct array *b, int is_transposed)
{
    int n = a->dims[0];
    double worst = 0;
    for (int row = 0; row < b->dims[0]; row++)
        for (int i = 0; i < n; i++) {
            double sum = -creal(b->mock[row * n + i]);
            for (int l = 0; l < n; l++) sum += creal(is_transposed ? a->mock[l * n + i] : a->mock[i * n + l]) * x[row * n + l];
            worst = fmax(worst, fabs(sum));
        }
    return worst;
}

static void systems(void)
{
    struct array *a = create("a");
    int n = a->dims[0], of_b[2] = {5, n};
    /* The original's transposed solution ends the job. */
#ifdef ORIGINAL
    enum { TURNS = 3 };
#else
    enum { TURNS = 4 };
#endif
    for (int turn = 0; turn < TURNS; turn++) {
        struct array *b = create_typed("b", now.layout, now.type, 2, of_b);
        make_regular(a, turn == 1 || turn == 0);
        int code = 0;
        if (turn == 0) code = GA_Llt_solve(a->g, b->g);
        else if (turn == 1) code = GA_Solve(a->g, b->g);
        else GA_Lu_solve(turn == 2 ? 'n' : 't', a->g, b->g);
        EXPECT(code == 0, "code %d in turn %d", code, turn);
        double *x = fetch(b), worst = residual(a, x, b, turn == 2);
        EXPECT(worst < 1e-9, "turn %d: residual %g", turn, worst);
        free(x);
        agree(a, "the matrix stays");
        drop(b);
    }
    drop(a);
}

static void inverse(void)
{
    struct array *a = create("a");
    int n = a->dims[0];
    make_regular(a, 1);
    EXPECT(GA_Spd_invert(a->g) == 0, "GA_Spd_invert");
    double *x = fetch(a), worst = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double sum = i == j ? -1 : 0;
            for (int l = 0; l < n; l++) sum += creal(a->mock[i * n + l]) * x[l * n + j];
            worst = fmax(worst, fabs(sum));
        }
    EXPECT(worst < 1e-10, "residual %g", worst);
    free(x);
    drop(a);
}

/* a v = s v lambda, values in rising order, v' s v = 1. */
static void check_eigen(const struct array *a, const struct array *s, const struct array *v, const double *values, const char *what)
{
    int n = a->dims[0];
    double *x = fetch(v), worst = 0, skew = 0;
    for (int j = 0; j < n; j++) {
        if (j) EXPECT(values[j] >= values[j - 1], "%s: values %d and before", what, j);
        for (int i = 0; i < n; i++) {
            double sum = 0, product = i == j ? -1 : 0;
            for (int l = 0; l < n; l++) {
                double weight = s ? creal(s->mock[i * n + l]) : i == l;
                sum += creal(a->mock[i * n + l]) * x[j * n + l] - values[j] * weight * x[j * n + l];
                for (int k = 0; k < n; k++) product += x[i * n + k] * (s ? creal(s->mock[k * n + l]) : k == l) * x[j * n + l];
            }
            worst = fmax(worst, fabs(sum));
            skew = fmax(skew, fabs(product));
        }
    }
    EXPECT(worst < 1e-9, "%s: residual %g", what, worst);
    EXPECT(skew < 1e-9, "%s: orthogonal to %g", what, skew);
    free(x);
}

static void eigen(void)
{
    struct array *a = create("a"), *s = create("s"), *v = create("v");
    double values[64];
    make_regular(a, 1);
    make_regular(s, 1);
    GA_Diag_std(a->g, v->g, values);
    check_eigen(a, NULL, v, values, "GA_Diag_std");
    GA_Diag_std_seq(a->g, v->g, values);
    check_eigen(a, NULL, v, values, "GA_Diag_std_seq");
    publish(a);
    GA_Diag(a->g, s->g, v->g, values);
    check_eigen(a, s, v, values, "GA_Diag");
    publish(a);
    publish(s);
    GA_Diag_seq(a->g, s->g, v->g, values);
    check_eigen(a, s, v, values, "GA_Diag_seq");
    publish(a);
    publish(s);
    GA_Diag_reuse(0, a->g, s->g, v->g, values);
    check_eigen(a, s, v, values, "GA_Diag_reuse");
    drop(v);
    drop(s);
    drop(a);
}

const struct test tests[] = {
    {"systems", systems, ALL_LAYOUTS, DOUBLE, SQUARE, ALL_LAYOUTS & ~REGULAR, 0},
    {"inverse", inverse, ALL_LAYOUTS, DOUBLE, SQUARE, ALL_LAYOUTS & ~REGULAR, 0},
    {"eigen", eigen, ALL_LAYOUTS, DOUBLE, SQUARE, ALL_LAYOUTS, 0},
    {0},
};
