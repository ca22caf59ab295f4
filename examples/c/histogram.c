/*
 * Single elements anywhere: a histogram by scatter with accumulation, a permutation by scatter, and its inverse by gather.
 *
 *     gain run -n 4 histogram [n]
 */
#include <stdio.h>
#include <stdlib.h>
#include "ga.h"
#include "macdecls.h"

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 5000, bins = 97;
    GA_Initialize();
    MA_init(C_DBL, 1000, 1000);
    int me = GA_Nodeid(), size = GA_Nnodes(), chunk = -1;
    int histogram = NGA_Create(C_LONG, 1, &bins, "histogram", &chunk), permuted = NGA_Create(C_LONG, 1, &n, "permuted", &chunk);
    if (!histogram || !permuted) GA_Error("no memory", n);
    GA_Zero(histogram);
    GA_Zero(permuted);

    /* Each rank has every size-th number and counts it; many land in one bin. */
    int mine = (n - me + size - 1) / size;
    int *where = malloc((mine + 1) * sizeof *where);
    long *values = malloc((mine + 1) * sizeof *values), one = 1;
    for (int i = 0; i < mine; i++) {
        where[i] = (int)(((long)(me + i * size) * (me + i * size)) % bins);
        values[i] = 1;
    }
    NGA_Scatter_acc_flat(histogram, values, where, mine, &one);

    /* Element k goes to place 7 k + 3, which is a permutation unless 7 divides n. */
    for (int i = 0; i < mine; i++) {
        where[i] = (int)((7L * (me + i * size) + 3) % n);
        values[i] = me + i * size;
    }
    if (n % 7) NGA_Scatter_flat(permuted, values, where, mine);
    GA_Sync();

    int wrong = 0, lo = 0, hi = bins - 1, ld = 1;
    long *counts = malloc(bins * sizeof *counts), *serial = calloc(bins, sizeof *serial);
    NGA_Get(histogram, &lo, &hi, counts, &ld);
    for (long k = 0; k < n; k++) serial[k * k % bins]++;
    for (int bin = 0; bin < bins; bin++) wrong += counts[bin] != serial[bin];
    if (n % 7) {
        for (int i = 0; i < mine; i++) values[i] = -1;
        NGA_Gather_flat(permuted, values, where, mine);
        for (int i = 0; i < mine; i++) wrong += values[i] != me + i * size;
    }
    GA_Igop(&wrong, 1, "+");
    if (wrong) GA_Error("elements are wrong", wrong);
    if (me == 0) printf("%d numbers in %d bins on %d ranks: right\n", n, bins, size);
    free(serial);
    free(counts);
    free(values);
    free(where);
    GA_Sync();
    GA_Destroy(permuted);
    GA_Destroy(histogram);
    GA_Terminate();
    return 0;
}
