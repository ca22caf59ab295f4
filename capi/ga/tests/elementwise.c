/* The element-wise family, of whole arrays and of patches, and the steps of line searches. */
#include "twin.h"

static const int shape[] = { 14, 11 };

typedef value function(int type, value a, value b, value c);

static double size_of_value(int type, value a) { return IS_COMPLEX(type) ? cabs(a) : creal(a); }

static value f_abs(int type, value a, value b, value c) { return cabs(a); }
static value f_constant(int type, value a, value b, value c) { return a + CMPLX(3, IS_COMPLEX(type) ? -2 : 0); }
static value f_multiply(int type, value a, value b, value c) { return a * b; }
static value f_maximum(int type, value a, value b, value c) { return size_of_value(type, a) >= size_of_value(type, b) ? a : b; }
static value f_minimum(int type, value a, value b, value c) { return size_of_value(type, a) <= size_of_value(type, b) ? a : b; }

static value f_divide(int type, value a, value b, value c)
{
    if (IS_WHOLE(type)) return (double)((long)creal(a) / (long)creal(b));
    return a / b;
}

static value f_recip(int type, value a, value b, value c) { return f_divide(type, 1, a, 0); }

static value f_median(int type, value a, value b, value c)
{
    double x = size_of_value(type, a), y = size_of_value(type, b), z = size_of_value(type, c);
    if ((x <= y && y <= z) || (z <= y && y <= x)) return b;
    if ((y <= x && x <= z) || (z <= x && x <= y)) return a;
    return c;
}

static void constant(int type, void *to) { store(type, to, CMPLX(3, IS_COMPLEX(type) ? -2 : 0)); }

/* Each operation: on one array in place, on two into a third, or on three into a fourth. */
static const struct {
    const char *name;
    int operands;
    function *f;
} all[] = { { "abs", 0, f_abs }, { "add constant", 0, f_constant }, { "recip", 0, f_recip }, { "multiply", 2, f_multiply },
    { "divide", 2, f_divide }, { "maximum", 2, f_maximum }, { "minimum", 2, f_minimum }, { "median", 3, f_median } };
enum { ALL = sizeof all / sizeof *all };

static void call(int which, int type, int a, int b, int c, int m)
{
    char k[16];
    constant(type, k);
    switch (which) {
    case 0: GA_Abs_value(a); break;
    case 1: GA_Add_constant(a, k); break;
    case 2: GA_Recip(a); break;
    case 3: GA_Elem_multiply(a, b, m); break;
    case 4: GA_Elem_divide(a, b, m); break;
    case 5: GA_Elem_maximum(a, b, m); break;
    case 6: GA_Elem_minimum(a, b, m); break;
    case 7: GA_Median(a, b, c, m); break;
    }
}

static void call_patch(int which, int type, int a, int *alo, int *ahi, int b, int *blo, int *bhi, int c, int *clo, int *chi, int m,
                       int *mlo, int *mhi)
{
    char k[16];
    constant(type, k);
    switch (which) {
    case 0: GA_Abs_value_patch(a, alo, ahi); break;
    case 1: GA_Add_constant_patch(a, alo, ahi, k); break;
    case 2: GA_Recip_patch(a, alo, ahi); break;
    case 3: GA_Elem_multiply_patch(a, alo, ahi, b, blo, bhi, m, mlo, mhi); break;
    case 4: GA_Elem_divide_patch(a, alo, ahi, b, blo, bhi, m, mlo, mhi); break;
    case 5: GA_Elem_maximum_patch(a, alo, ahi, b, blo, bhi, m, mlo, mhi); break;
    case 6: GA_Elem_minimum_patch(a, alo, ahi, b, blo, bhi, m, mlo, mhi); break;
    case 7: GA_Median_patch(a, alo, ahi, b, blo, bhi, c, clo, chi, m, mlo, mhi); break;
    }
}

/* Quotients are rounded, all else is exact; moduli, too. */
static double tolerance(int which, int type)
{
    if (IS_WHOLE(type) || (which != 0 && which != 2 && which != 4)) return 0;
    return type == C_FLOAT || type == C_SCPL ? 1e-6 : 1e-14;
}

/* No zeros, and complex values of the same modulus are the same. */
static void renew(twin *t)
{
    for (long i = 0; i < t->len; i++) {
        double x = (random_number(2) ? 1 : -1) * (double)(1 + random_number(40));
        t->x[i] = IS_COMPLEX(t->type) ? CMPLX(-3 * fabs(x), 4 * fabs(x)) : x;
    }
    put_twin(t);
}

static void family(int type, int layout)
{
    int lo[4][MOST_AXES], hi[4][MOST_AXES], i[4][MOST_AXES];
    twin t[4];
    for (int n = 0; n < 4; n++) t[n] = make(type, 2, shape, n == 3 ? REGULAR : layout);
    for (int which = 0; which < ALL; which++) {
        int to = all[which].operands == 0 ? 0 : 3;
        for (int n = 0; n < 4; n++) renew(&t[n]);
        call(which, type, t[0].handle, t[1].handle, t[2].handle, t[3].handle);
        for (long e = 0; e < t[0].len; e++) t[to].x[e] = all[which].f(type, t[0].x[e], t[1].x[e], t[2].x[e]);
        same_within(&t[to], all[which].name, tolerance(which, type));

        for (int n = 0; n < 4; n++) renew(&t[n]);
        any_patch(&t[0], lo[0], hi[0]);
        for (int n = 1; n < 4; n++)
            for (int d = 0; d < 2; d++) {
                lo[n][d] = (int)random_number((unsigned)(shape[d] - (hi[0][d] - lo[0][d])));
                hi[n][d] = lo[n][d] + hi[0][d] - lo[0][d];
            }
        call_patch(which, type, t[0].handle, lo[0], hi[0], t[1].handle, lo[1], hi[1], t[2].handle, lo[2], hi[2], t[3].handle, lo[3],
                   hi[3]);
        for (int n = 0; n < 4; n++) first(i[n], 2, lo[n]);
        int more;
        do {
            value result = all[which].f(type, t[0].x[place(&t[0], i[0])], t[1].x[place(&t[1], i[1])], t[2].x[place(&t[2], i[2])]);
            t[to].x[place(&t[to], i[to])] = result;
            more = 0;
            for (int n = 0; n < 4; n++) more = next(i[n], 2, lo[n], hi[n]);
        } while (more);
        same_within(&t[to], all[which].name, tolerance(which, type));
    }
    for (int n = 0; n < 4; n++) drop(&t[n]);
}

/* The longest steps that keep a >= 0, and low <= x <= high. */
static void steps(int type, int layout)
{
    char got[16], got_bound[16], got_wolfe[16], got_most[16];
    int lo[] = { 3, 2 }, hi[] = { 11, 8 }, i[MOST_AXES];
    double step = INFINITY, patch_step = INFINITY;
    twin a = make(type, 2, shape, layout), b = make(type, 2, shape, layout), low = make(type, 2, shape, layout);
    twin high = make(type, 2, shape, layout);
    for (long e = 0; e < a.len; e++) {
        a.x[e] = 8 * (1 + random_number(9));
        b.x[e] = (random_number(2) ? 1 : -1) * (double)(1 << random_number(4));
        low.x[e] = a.x[e] - 8 * (double)(1 + random_number(5));
        high.x[e] = a.x[e] + 8 * (double)(1 + random_number(5));
    }
    put_twin(&a);
    put_twin(&b);
    put_twin(&low);
    put_twin(&high);
    for (long e = 0; e < a.len; e++)
        if (creal(b.x[e]) < 0) step = fmin(step, -creal(a.x[e]) / creal(b.x[e]));
    first(i, 2, lo);
    do {
        long e = place(&a, i);
        if (creal(b.x[e]) < 0) patch_step = fmin(patch_step, -creal(a.x[e]) / creal(b.x[e]));
    } while (next(i, 2, lo, hi));
    GA_Step_max(a.handle, b.handle, got);
    CHECK(creal(load(type, got)) == step, "type %d: %g, not %g", type, creal(load(type, got)), step);
    GA_Step_max_patch(a.handle, lo, hi, b.handle, lo, hi, got);
    CHECK(creal(load(type, got)) == patch_step, "type %d: %g, not %g", type, creal(load(type, got)), patch_step);

    double bound = INFINITY, most = 0;
    for (long e = 0; e < a.len; e++) {
        double v = creal(b.x[e]), to = creal(v > 0 ? high.x[e] : low.x[e]), t = (to - creal(a.x[e])) / v;
        bound = fmin(bound, t);
        most = fmax(most, t);
    }
    GA_Step_bound_info(a.handle, b.handle, low.handle, high.handle, got_bound, got_wolfe, got_most);
    CHECK(creal(load(type, got_bound)) == bound, "type %d: %g, not %g", type, creal(load(type, got_bound)), bound);
    CHECK(creal(load(type, got_wolfe)) == bound, "type %d: %g, not %g", type, creal(load(type, got_wolfe)), bound);
    CHECK(creal(load(type, got_most)) == most, "type %d: %g, not %g", type, creal(load(type, got_most)), most);
    GA_Step_bound_info_patch(a.handle, lo, hi, b.handle, lo, hi, low.handle, lo, hi, high.handle, lo, hi, got_bound, got_wolfe,
                             got_most);
    bound = INFINITY;
    most = 0;
    first(i, 2, lo);
    do {
        long e = place(&a, i);
        double v = creal(b.x[e]), to = creal(v > 0 ? high.x[e] : low.x[e]), t = (to - creal(a.x[e])) / v;
        bound = fmin(bound, t);
        most = fmax(most, t);
    } while (next(i, 2, lo, hi));
    CHECK(creal(load(type, got_bound)) == bound && creal(load(type, got_most)) == most);
    drop(&a);
    drop(&b);
    drop(&low);
    drop(&high);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    for (int t = 0; t < TYPES; t++)
        for (int layout = 0; layout < LAYOUTS; layout++) {
            family(all_types[t], layout);
            if (!IS_COMPLEX(all_types[t])) steps(all_types[t], layout);
        }
    return finish();
}
