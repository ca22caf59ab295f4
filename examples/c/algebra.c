/*
 * Algebra of whole arrays and patches: the power method for the largest eigenvalue of a matrix.
 *
 *     gain run -n 4 algebra [n]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "ga.h"
#include "macdecls.h"

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 60;
    GA_Initialize();
    MA_init(C_DBL, 1000, 1000);
    int dims[2] = {n, n}, row[2] = {1, n}, column[2] = {n, 1};
    int a = NGA_Create(C_DBL, 2, dims, "A", NULL), x = NGA_Create(C_DBL, 2, column, "x", NULL);
    int y = GA_Duplicate(x, "A x"), turned = NGA_Create(C_DBL, 2, row, "x'", NULL);
    if (!a || !x || !y || !turned) GA_Error("no memory", n);

    /* A has 2 everywhere and 3 more on the diagonal: its largest eigenvalue is 2 n + 3, with a vector of equal elements. */
    double two = 2, three = 3, one = 1, zero = 0, value = 0;
    GA_Fill(a, &two);
    GA_Shift_diagonal(a, &three);

    /* A start that is not the answer: one in the upper half, three in the lower. */
    int lo[2] = {0, 0}, hi[2] = {n / 2 - 1, 0};
    GA_Fill(x, &three);
    NGA_Fill_patch(x, lo, hi, &one);
    for (int step = 0; step < 40; step++) {
        GA_Dgemm('n', 'n', n, 1, n, one, a, x, zero, y);
        value = sqrt(GA_Ddot(y, y) / GA_Ddot(x, x));
        double scale = 1 / sqrt(GA_Ddot(y, y));
        GA_Copy(y, x);
        GA_Scale(x, &scale);
    }

    /* The transposed vector is the same one; the smallest and the largest element are equal. */
    GA_Transpose(x, turned);
    double smallest, largest;
    int where[2];
    NGA_Select_elem(turned, "min", &smallest, where);
    NGA_Select_elem(turned, "max", &largest, where);
    if (fabs(value - (2 * n + 3)) > 1e-9 * n || fabs(largest - smallest) > 1e-12) GA_Error("the eigenvalue is wrong", 1);
    if (GA_Nodeid() == 0) printf("the largest eigenvalue is %g on %d ranks: right\n", value, GA_Nnodes());
    GA_Destroy(turned);
    GA_Destroy(y);
    GA_Destroy(x);
    GA_Destroy(a);
    GA_Terminate();
    return 0;
}
