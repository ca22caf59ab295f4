/* Fill, zero, scale, add, copy and dot products, of whole arrays and of patches. */
#include "twin.h"

static const int shapes[4][MOST_AXES] = { { 0 }, { 41 }, { 17, 13 }, { 9, 7, 5 } };

/* The dot product of two patches of the same extents, of any type, with the function of that type. */
static value dot_patch(int type, int g_a, int *alo, int *ahi, int g_b, int *blo, int *bhi, char ta, char tb)
{
    switch (type) {
    case C_INT: return NGA_Idot_patch(g_a, ta, alo, ahi, g_b, tb, blo, bhi);
    case C_LONG: return (double)NGA_Ldot_patch(g_a, ta, alo, ahi, g_b, tb, blo, bhi);
    case C_LONGLONG: return (double)NGA_Lldot_patch(g_a, ta, alo, ahi, g_b, tb, blo, bhi);
    case C_FLOAT: return NGA_Fdot_patch(g_a, ta, alo, ahi, g_b, tb, blo, bhi);
    case C_DBL: return NGA_Ddot_patch(g_a, ta, alo, ahi, g_b, tb, blo, bhi);
    case C_SCPL: {
        SingleComplex z = NGA_Cdot_patch(g_a, ta, alo, ahi, g_b, tb, blo, bhi);
        return CMPLX(z.real, z.imag);
    }
    default: {
        DoubleComplex z = NGA_Zdot_patch(g_a, ta, alo, ahi, g_b, tb, blo, bhi);
        return CMPLX(z.real, z.imag);
    }
    }
}

static value dot(int type, int g_a, int g_b)
{
    switch (type) {
    case C_INT: return GA_Idot(g_a, g_b);
    case C_LONG: return (double)GA_Ldot(g_a, g_b);
    case C_LONGLONG: return (double)GA_Lldot(g_a, g_b);
    case C_FLOAT: return GA_Fdot(g_a, g_b);
    case C_DBL: return GA_Ddot(g_a, g_b);
    case C_SCPL: {
        SingleComplex z = GA_Cdot(g_a, g_b);
        return CMPLX(z.real, z.imag);
    }
    default: {
        DoubleComplex z = GA_Zdot(g_a, g_b);
        return CMPLX(z.real, z.imag);
    }
    }
}

static void arrays(int type, int ndim, int layout)
{
    char alpha[16], beta[16];
    twin a = make(type, ndim, shapes[ndim], layout), b = make(type, ndim, shapes[ndim], layout);
    twin c = make(type, ndim, shapes[ndim], REGULAR);
    value sum = 0, va = any_value(type), vb = any_value(type);
    store(type, alpha, va);
    store(type, beta, vb);

    for (long i = 0; i < a.len; i++) sum += a.x[i] * b.x[i];
    CHECK(dot(type, a.handle, b.handle) == sum, "type %d, layout %d", type, layout);
    sum = 0;
    for (long i = 0; i < a.len; i++) sum += a.x[i] * c.x[i];
    CHECK(dot(type, a.handle, c.handle) == sum, "type %d, layout %d", type, layout);

    GA_Copy(a.handle, c.handle);
    memcpy(c.x, a.x, (size_t)a.len * sizeof *a.x);
    same(&c, "copy");
    same(&a, "source of a copy");

    GA_Add(alpha, a.handle, beta, b.handle, c.handle);
    for (long i = 0; i < a.len; i++) c.x[i] = va * a.x[i] + vb * b.x[i];
    same(&c, "add");
    GA_Add(alpha, a.handle, beta, b.handle, a.handle);
    for (long i = 0; i < a.len; i++) a.x[i] = va * a.x[i] + vb * b.x[i];
    same(&a, "add in place");

    GA_Scale(b.handle, alpha);
    for (long i = 0; i < a.len; i++) b.x[i] *= va;
    same(&b, "scale");
    GA_Fill(a.handle, beta);
    for (long i = 0; i < a.len; i++) a.x[i] = vb;
    same(&a, "fill");
    GA_Zero(a.handle);
    for (long i = 0; i < a.len; i++) a.x[i] = 0;
    same(&a, "zero");
    drop(&a);
    drop(&b);
    drop(&c);
}

static void patches(int type, int ndim, int layout)
{
    int lo[MOST_AXES], hi[MOST_AXES], blo[MOST_AXES], bhi[MOST_AXES], clo[MOST_AXES], chi[MOST_AXES];
    int i[MOST_AXES], j[MOST_AXES], k[MOST_AXES];
    char alpha[16], beta[16];
    twin a = make(type, ndim, shapes[ndim], layout), b = make(type, ndim, shapes[ndim], layout);
    twin c = make(type, ndim, shapes[ndim], REGULAR);
    for (int round = 0; round < 3; round++) {
        value va = any_value(type), vb = any_value(type), sum = 0;
        store(type, alpha, va);
        store(type, beta, vb);

        any_patch(&a, lo, hi);
        NGA_Fill_patch(a.handle, lo, hi, alpha);
        first(i, ndim, lo);
        do a.x[place(&a, i)] = va; while (next(i, ndim, lo, hi));
        same(&a, "fill patch");
        any_patch(&a, lo, hi);
        NGA_Zero_patch(a.handle, lo, hi);
        first(i, ndim, lo);
        do a.x[place(&a, i)] = 0; while (next(i, ndim, lo, hi));
        same(&a, "zero patch");
        randomize(&a);
        any_patch(&a, lo, hi);
        NGA_Scale_patch(a.handle, lo, hi, alpha);
        first(i, ndim, lo);
        do a.x[place(&a, i)] *= va; while (next(i, ndim, lo, hi));
        same(&a, "scale patch");

        /* Three patches of the same extents anywhere. */
        any_patch(&a, lo, hi);
        for (int d = 0; d < ndim; d++) {
            int extent = hi[d] - lo[d];
            blo[d] = (int)random_number((unsigned)(a.dims[d] - extent));
            bhi[d] = blo[d] + extent;
            clo[d] = (int)random_number((unsigned)(a.dims[d] - extent));
            chi[d] = clo[d] + extent;
        }
        randomize(&a);
        first(i, ndim, lo);
        first(j, ndim, blo);
        do sum += a.x[place(&a, i)] * b.x[place(&b, j)]; while (next(j, ndim, blo, bhi) && next(i, ndim, lo, hi));
        CHECK(dot_patch(type, a.handle, lo, hi, b.handle, blo, bhi, 'n', 'n') == sum, "type %d, layout %d", type, layout);

        NGA_Add_patch(alpha, a.handle, lo, hi, beta, b.handle, blo, bhi, c.handle, clo, chi);
        first(i, ndim, lo);
        first(j, ndim, blo);
        first(k, ndim, clo);
        do {
            c.x[place(&c, k)] = va * a.x[place(&a, i)] + vb * b.x[place(&b, j)];
            next(j, ndim, blo, bhi);
            next(k, ndim, clo, chi);
        } while (next(i, ndim, lo, hi));
        same(&c, "add patch");

        NGA_Copy_patch('n', b.handle, blo, bhi, c.handle, clo, chi);
        first(j, ndim, blo);
        first(k, ndim, clo);
        do c.x[place(&c, k)] = b.x[place(&b, j)]; while (next(k, ndim, clo, chi) && next(j, ndim, blo, bhi));
        same(&c, "copy patch");
    }
    drop(&a);
    drop(&b);
    drop(&c);
}

/* Patches with other extents and another number of axes, element by element in row-major order; and transposed ones. */
static void reshaped(int type, int layout)
{
    static const int square[] = { 12, 15 }, line[] = { 200 }, cube[] = { 4, 5, 6 };
    int lo[] = { 2, 3 }, hi[] = { 7, 12 }, llo[] = { 100 }, lhi[] = { 159 }, clo[] = { 1, 0, 0 }, chi[] = { 2, 4, 5 };
    int tlo[] = { 1, 4 }, thi[] = { 10, 9 };
    int i[MOST_AXES], j[MOST_AXES];
    value sum = 0;
    twin a = make(type, 2, square, layout), b = make(type, 1, line, layout), c = make(type, 3, cube, REGULAR);
    twin t = make(type, 2, square, REGULAR);
    NGA_Copy_patch('n', a.handle, lo, hi, b.handle, llo, lhi);
    first(i, 2, lo);
    first(j, 1, llo);
    do b.x[place(&b, j)] = a.x[place(&a, i)]; while (next(j, 1, llo, lhi) && next(i, 2, lo, hi));
    same(&b, "copy to one axis");
    NGA_Copy_patch('n', b.handle, llo, lhi, c.handle, clo, chi);
    first(i, 3, clo);
    first(j, 1, llo);
    do c.x[place(&c, i)] = b.x[place(&b, j)]; while (next(j, 1, llo, lhi) && next(i, 3, clo, chi));
    same(&c, "copy to three axes");
    NGA_Copy_patch('t', a.handle, lo, hi, t.handle, tlo, thi);
    first(i, 2, lo);
    do {
        j[0] = tlo[0] + i[1] - lo[1];
        j[1] = tlo[1] + i[0] - lo[0];
        t.x[place(&t, j)] = a.x[place(&a, i)];
        sum += a.x[place(&a, i)] * a.x[place(&a, i)];
    } while (next(i, 2, lo, hi));
    same(&t, "transposed copy");
    CHECK(dot_patch(type, a.handle, lo, hi, t.handle, tlo, thi, 'n', 't') == sum);
    CHECK(dot_patch(type, t.handle, tlo, thi, a.handle, lo, hi, 't', 'n') == sum);
    drop(&a);
    drop(&b);
    drop(&c);
    drop(&t);
}

/* The 64-bit forms take the same way, so once each will do. */
static void wide(void)
{
    static const int shape[] = { 10, 11 };
    int64_t lo[] = { 2, 3 }, hi[] = { 8, 9 };
    double two = 2, three = 3, n = 49;
    twin a = make(C_DBL, 2, shape, REGULAR), b = make(C_DBL, 2, shape, REGULAR);
    NGA_Fill_patch64(a.handle, lo, hi, &two);
    NGA_Scale_patch64(a.handle, lo, hi, &three);
    CHECK(NGA_Ddot_patch64(a.handle, 'n', lo, hi, a.handle, 'n', lo, hi) == 36 * n);
    NGA_Copy_patch64('n', a.handle, lo, hi, b.handle, lo, hi);
    NGA_Add_patch64(&two, a.handle, lo, hi, &three, b.handle, lo, hi, a.handle, lo, hi);
    CHECK(NGA_Ddot_patch64(a.handle, 'n', lo, hi, b.handle, 'n', lo, hi) == 180 * n);
    NGA_Zero_patch64(a.handle, lo, hi);
    CHECK(NGA_Ddot_patch64(a.handle, 'n', lo, hi, b.handle, 'n', lo, hi) == 0);
    drop(&a);
    drop(&b);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    for (int t = 0; t < TYPES; t++)
        for (int layout = 0; layout < LAYOUTS; layout++) {
            for (int ndim = 1; ndim <= 3; ndim++) {
                arrays(all_types[t], ndim, layout);
                patches(all_types[t], ndim, layout);
            }
            reshaped(all_types[t], layout);
        }
    wide();
    return finish();
}
