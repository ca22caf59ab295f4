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

static void patches(void)
{
    for (int turn = 0; turn < 4; turn++) {
        char ta = turn & 1 ? 't' : 'n', tb = turn & 2 ? 't' : 'n';
        struct array *a = create("a"), *b = create("b"), *c = create("c");
        int m = 1 + pick(9), n = 1 + pick(9), k = 1 + pick(9), rows = a->dims[0], columns = a->dims[1];
        int am = ta == 'n' ? m : k, an = ta == 'n' ? k : m, bm = tb == 'n' ? k : n, bn = tb == 'n' ? n : k;
        int alo[2] = {pick(rows - am + 1), pick(columns - an + 1)}, ahi[2] = {alo[0] + am - 1, alo[1] + an - 1};
        int blo[2] = {pick(rows - bm + 1), pick(columns - bn + 1)}, bhi[2] = {blo[0] + bm - 1, blo[1] + bn - 1};
        int clo[2] = {pick(rows - m + 1), pick(columns - n + 1)}, chi[2] = {clo[0] + m - 1, clo[1] + n - 1};
        Value alpha = pick_value(now.type), beta = pick_value(now.type);
        if (turn < 2) NGA_Matmul_patch(ta, tb, scalar(now.type, alpha), scalar(now.type, beta), a->g, alo, ahi, b->g, blo, bhi, c->g, clo, chi);
        else GA_Matmul_patch(ta, tb, scalar(now.type, alpha), scalar(now.type, beta), a->g, alo[0], ahi[0], alo[1], ahi[1], b->g, blo[0], bhi[0],
                             blo[1], bhi[1], c->g, clo[0], chi[0], clo[1], chi[1]);
        naive(ta, tb, m, n, k, alpha, a, alo[0], alo[1], b, blo[0], blo[1], beta, c, clo[0], clo[1]);
        agree(c, "matmul_patch");
        drop(c);
        drop(b);
        drop(a);
    }
}

const struct test tests[] = {
    {"gemm", gemm, ALL_LAYOUTS, NUMBERS, SQUARE, TILED | TILED_IRREGULAR | RESTRICTED, 0},
    {"patches", patches, ALL_LAYOUTS, NUMBERS, D2 | SQUARE, CYCLIC_ALL | RESTRICTED, 0},
    {0},
};
