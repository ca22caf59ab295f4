/* Products of matrices: whole arrays and patches, all transpositions. */
#include "harness.h"

/* c = alpha op(a) op(b) + beta c on boxes of the mocks; a box begins at `at`. */
static void naive(char ta, char tb, int m, int n, int k, Value alpha, const struct array *a, int ai, int aj, const struct array *b, int bi, int bj,
                  Value beta, struct array *c, int ci, int cj)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            Value sum = 0;
            for (int l = 0; l < k; l++) {
                Value x = ta == 'n' ? a->mock[(ai + i) * a->dims[1] + aj + l] : a->mock[(ai + l) * a->dims[1] + aj + i];
                Value y = tb == 'n' ? b->mock[(bi + l) * b->dims[1] + bj + j] : b->mock[(bi + j) * b->dims[1] + bj + l];
                sum += x * y;
            }
            Value *to = c->mock + (ci + i) * c->dims[1] + cj + j;
            *to = alpha * sum + beta * *to;
        }
}

static void gemm(void)
{
    enum { M = 17, N = 13, K = 22 };
    for (int turn = 0; turn < 4; turn++) {
        char ta = turn & 1 ? 't' : 'n', tb = turn & 2 ? 't' : 'n';
        int of_a[2] = {ta == 'n' ? M : K, ta == 'n' ? K : M}, of_b[2] = {tb == 'n' ? K : N, tb == 'n' ? N : K}, of_c[2] = {M, N};
        struct array *a = create_typed("a", now.layout, now.type, 2, of_a), *b = create_typed("b", REGULAR, now.type, 2, of_b),
                     *c = create_typed("c", now.layout, now.type, 2, of_c);
        Value alpha = pick_value(now.type), beta = turn == 3 ? 0 : pick_value(now.type);
        switch (now.type) {
        case C_FLOAT: GA_Sgemm(ta, tb, M, N, K, (float)creal(alpha), a->g, b->g, (float)creal(beta), c->g); break;
        case C_DBL: GA_Dgemm(ta, tb, M, N, K, creal(alpha), a->g, b->g, creal(beta), c->g); break;
        case C_SCPL: {
            SingleComplex x = {(float)creal(alpha), (float)cimag(alpha)}, y = {(float)creal(beta), (float)cimag(beta)};
            GA_Cgemm(ta, tb, M, N, K, x, a->g, b->g, y, c->g);
            break;
        }
        default: {
            DoubleComplex x = {creal(alpha), cimag(alpha)}, y = {creal(beta), cimag(beta)};
            GA_Zgemm(ta, tb, M, N, K, x, a->g, b->g, y, c->g);
        }
        }
        naive(ta, tb, M, N, K, alpha, a, 0, 0, b, 0, 0, beta, c, 0, 0);
        agree(c, turn == 0 ? "nn" : turn == 1 ? "tn" : turn == 2 ? "nt" : "tt");
        drop(c);
        drop(b);
        drop(a);
    }
}

/* A random box for op(x) of `rows` by `columns`: where it is in the array, and its bounds as the original wants them, those of op(x). */
static void choose(const struct array *x, char op, int rows, int columns, int *i, int *j, int lo[2], int hi[2])
{
    int turned = op != 'n', extents[2] = {turned ? columns : rows, turned ? rows : columns};
    *i = pick(x->dims[0] - extents[0] + 1);
    *j = pick(x->dims[1] - extents[1] + 1);
    lo[turned] = *i;
    hi[turned] = *i + extents[0] - 1;
    lo[!turned] = *j;
    hi[!turned] = *j + extents[1] - 1;
}

static void patches(void)
{
    for (int turn = 0; turn < 8; turn++) {
        char ta = turn & 1 ? 't' : 'n', tb = turn & 2 ? 't' : 'n';
        struct array *a = create("a"), *b = create("b"), *c = create("c");
        int m = 1 + pick(9), n = 1 + pick(9), k = 1 + pick(9), ai, aj, bi, bj, ci, cj, alo[2], ahi[2], blo[2], bhi[2], clo[2], chi[2];
        Value alpha = pick_value(now.type), beta = pick_value(now.type);
        choose(a, ta, m, k, &ai, &aj, alo, ahi);
        choose(b, tb, k, n, &bi, &bj, blo, bhi);
        choose(c, 'n', m, n, &ci, &cj, clo, chi);
        if (turn < 4) NGA_Matmul_patch(ta, tb, scalar(now.type, alpha), scalar(now.type, beta), a->g, alo, ahi, b->g, blo, bhi, c->g, clo, chi);
        /* The form with single bounds is Fortran's in C, too: the product of the transposed arrays in reverse order, and of each its columns first. */
        else GA_Matmul_patch(tb, ta, scalar(now.type, alpha), scalar(now.type, beta), b->g, blo[1], bhi[1], blo[0], bhi[0], a->g, alo[1], ahi[1],
                             alo[0], ahi[0], c->g, clo[1], chi[1], clo[0], chi[0]);
        naive(ta, tb, m, n, k, alpha, a, ai, aj, b, bi, bj, beta, c, ci, cj);
        agree(c, turn < 4 ? "NGA_Matmul_patch" : "GA_Matmul_patch");
        drop(c);
        drop(b);
        drop(a);
    }
}

const struct test tests[] = {
    {"gemm", gemm, ALL_LAYOUTS, NUMBERS, SQUARE, ALL_LAYOUTS & ~REGULAR, 0},
    {"patches", patches, ALL_LAYOUTS, NUMBERS, D2 | SQUARE, CYCLIC_ALL | RESTRICTED, 0},
    {0},
};
