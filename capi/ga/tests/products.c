/* Products of matrices, of their beginnings and of patches, against plain loops. */
#include "twin.h"

static const int real_types[] = { C_FLOAT, C_DBL, C_SCPL, C_DCPL };
enum { REAL_TYPES = 4 };

static value *at(const twin *t, int i, int j) { return &t->x[(long)i * t->dims[1] + j]; }
static double precision(int type) { return type == C_FLOAT || type == C_SCPL ? 2e-4 : 1e-10; }

/* An element of a matrix or of its (conjugate) transpose. */
static value turned(const twin *t, char how, int i, int j)
{
    if (how == 'n') return *at(t, i, j);
    return how == 'c' ? conj(*at(t, j, i)) : *at(t, j, i);
}

static void gemm(int type, char ta, char tb, int m, int n, int k, value alpha, int a, int b, value beta, int c, int is_wide)
{
    DoubleComplex za = { creal(alpha), cimag(alpha) }, zb = { creal(beta), cimag(beta) };
    SingleComplex ca = { (float)creal(alpha), (float)cimag(alpha) }, cb = { (float)creal(beta), (float)cimag(beta) };
    switch (type) {
    case C_FLOAT:
        if (is_wide) GA_Sgemm64(ta, tb, m, n, k, (float)creal(alpha), a, b, (float)creal(beta), c);
        else GA_Sgemm(ta, tb, m, n, k, (float)creal(alpha), a, b, (float)creal(beta), c);
        break;
    case C_DBL:
        if (is_wide) GA_Dgemm64(ta, tb, m, n, k, creal(alpha), a, b, creal(beta), c);
        else GA_Dgemm(ta, tb, m, n, k, creal(alpha), a, b, creal(beta), c);
        break;
    case C_SCPL:
        if (is_wide) GA_Cgemm64(ta, tb, m, n, k, ca, a, b, cb, c);
        else GA_Cgemm(ta, tb, m, n, k, ca, a, b, cb, c);
        break;
    default:
        if (is_wide) GA_Zgemm64(ta, tb, m, n, k, za, a, b, zb, c);
        else GA_Zgemm(ta, tb, m, n, k, za, a, b, zb, c);
    }
}

static void products(int type, int layout)
{
    static const char how[] = { 'n', 't', 'c' };
    int m = 19, n = 14, k = 23, is_wide = 0;
    for (int x = 0; x < 3; x++)
        for (int y = 0; y < 3; y++) {
            if (!IS_COMPLEX(type) && (how[x] == 'c' || how[y] == 'c')) continue;
            int sa[] = { how[x] == 'n' ? m : k, how[x] == 'n' ? k : m }, sb[] = { how[y] == 'n' ? k : n, how[y] == 'n' ? n : k };
            int sc[] = { m, n };
            twin a = make(type, 2, sa, layout), b = make(type, 2, sb, REGULAR), c = make(type, 2, sc, layout);
            value alpha = any_value(type), beta = (x + y) % 2 ? any_value(type) : 0;
            gemm(type, how[x], how[y], m, n, k, alpha, a.handle, b.handle, beta, c.handle, is_wide);
            is_wide = !is_wide;
            for (int i = 0; i < m; i++)
                for (int j = 0; j < n; j++) {
                    value sum = 0;
                    for (int l = 0; l < k; l++) sum += turned(&a, how[x], i, l) * turned(&b, how[y], l, j);
                    *at(&c, i, j) = alpha * sum + beta * *at(&c, i, j);
                }
            same_within(&c, "gemm", precision(type));
            drop(&a);
            drop(&b);
            drop(&c);
        }
}

static void swap(int *pair)
{
    int first = pair[0];
    pair[0] = pair[1];
    pair[1] = first;
}

/* Patches of larger matrices, with bounds of int and of int64_t. Those of a transposed operand are those of the transpose; in the
   form with single bounds, i counts along the last axis, and j along the first. */
static void patches(int type, int layout)
{
    static const int shape[] = { 25, 31 };
    char alpha[16], beta[16];
    int m = 9, n = 12, k = 17;
    twin a = make(type, 2, shape, layout), b = make(type, 2, shape, REGULAR), c = make(type, 2, shape, layout);
    for (int form = 0; form < 16; form++) {
        char ta = form & 4 ? 't' : 'n', tb = form & 8 ? 't' : 'n';
        int alo[] = { 3, 5 }, blo[] = { 4, 2 }, clo[] = { 10, 11 }, chi[] = { 10 + m - 1, 11 + n - 1 };
        int ahi[] = { 3 + (ta == 'n' ? m : k) - 1, 5 + (ta == 'n' ? k : m) - 1 };
        int bhi[] = { 4 + (tb == 'n' ? k : n) - 1, 2 + (tb == 'n' ? n : k) - 1 };
        value va = any_value(type), vb = any_value(type);
        store(type, alpha, va);
        store(type, beta, vb);
        if (ta == 't') { swap(alo); swap(ahi); }
        if (tb == 't') { swap(blo); swap(bhi); }
        int64_t alo64[] = { alo[0], alo[1] }, ahi64[] = { ahi[0], ahi[1] }, blo64[] = { blo[0], blo[1] };
        int64_t bhi64[] = { bhi[0], bhi[1] }, clo64[] = { clo[0], clo[1] }, chi64[] = { chi[0], chi[1] };
        switch (form & 3) {
        case 0: NGA_Matmul_patch(ta, tb, alpha, beta, a.handle, alo, ahi, b.handle, blo, bhi, c.handle, clo, chi); break;
        case 1: NGA_Matmul_patch64(ta, tb, alpha, beta, a.handle, alo64, ahi64, b.handle, blo64, bhi64, c.handle, clo64, chi64); break;
        case 2:
            GA_Matmul_patch(tb, ta, alpha, beta, b.handle, blo[1], bhi[1], blo[0], bhi[0], a.handle, alo[1], ahi[1], alo[0], ahi[0],
                            c.handle, clo[1], chi[1], clo[0], chi[0]);
            break;
        default:
            GA_Matmul_patch64(tb, ta, alpha, beta, b.handle, blo[1], bhi[1], blo[0], bhi[0], a.handle, alo[1], ahi[1], alo[0],
                              ahi[0], c.handle, clo[1], chi[1], clo[0], chi[0]);
        }
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++) {
                value sum = 0;
                for (int l = 0; l < k; l++) {
                    value x = ta == 'n' ? *at(&a, 3 + i, 5 + l) : *at(&a, 3 + l, 5 + i);
                    value y = tb == 'n' ? *at(&b, 4 + l, 2 + j) : *at(&b, 4 + j, 2 + l);
                    sum += x * y;
                }
                *at(&c, 10 + i, 11 + j) = va * sum + vb * *at(&c, 10 + i, 11 + j);
            }
        same_within(&c, "matmul patch", 100 * precision(type));
        randomize(&c);
    }
    drop(&a);
    drop(&b);
    drop(&c);
}

/* Matrices, rows and columns along any two of four axes. */
static void patches_of_many_axes(int layout)
{
    static const int shape[] = { 5, 6, 7, 8 }, axes[6][2] = { { 0, 1 }, { 0, 2 }, { 0, 3 }, { 1, 2 }, { 1, 3 }, { 2, 3 } };
    double alpha = 2, beta = 3;
    twin t[3];
    for (int n = 0; n < 3; n++) t[n] = make(C_DBL, 4, shape, n ? REGULAR : layout);
    for (int round = 0; round < 40; round++) {
        int m = 1 + (int)random_number(3), n = 1 + (int)random_number(3), k = 1 + (int)random_number(3);
        int extents[3][2] = { { m, k }, { k, n }, { m, n } }, lo[3][4], hi[3][4], index[3][4];
        const int *at[3];
        for (int p = 0; p < 3; p++) {
            at[p] = axes[random_number(6)];
            for (int d = 0; d < 4; d++) lo[p][d] = hi[p][d] = (int)random_number(3);
            for (int d = 0; d < 2; d++) hi[p][at[p][d]] += extents[p][d] - 1;
        }
        NGA_Matmul_patch('n', 'n', &alpha, &beta, t[0].handle, lo[0], hi[0], t[1].handle, lo[1], hi[1], t[2].handle, lo[2], hi[2]);
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++) {
                value sum = 0;
                memcpy(index, lo, sizeof lo);
                for (int l = 0; l < k; l++) {
                    index[0][at[0][0]] = lo[0][at[0][0]] + i;
                    index[0][at[0][1]] = lo[0][at[0][1]] + l;
                    index[1][at[1][0]] = lo[1][at[1][0]] + l;
                    index[1][at[1][1]] = lo[1][at[1][1]] + j;
                    sum += t[0].x[place(&t[0], index[0])] * t[1].x[place(&t[1], index[1])];
                }
                index[2][at[2][0]] = lo[2][at[2][0]] + i;
                index[2][at[2][1]] = lo[2][at[2][1]] + j;
                value *to = &t[2].x[place(&t[2], index[2])];
                *to = alpha * sum + beta * *to;
            }
        same(&t[2], "matmul patch of four axes");
        randomize(&t[2]);
    }
    for (int n = 0; n < 3; n++) drop(&t[n]);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    for (int layout = 0; layout < LAYOUTS; layout++) {
        for (int t = 0; t < REAL_TYPES; t++) {
            products(real_types[t], layout);
            patches(real_types[t], layout);
        }
        patches_of_many_axes(layout);
    }
    return finish();
}
