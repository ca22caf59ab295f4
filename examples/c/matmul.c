/*
 * C = A B by get, compute and accumulate: ranks take blocks of work from a shared counter, so that a fast rank does more of them.
 *
 *     gain run -n 4 matmul [n [block]]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "ga.h"
#include "macdecls.h"

static int min(int a, int b)
{
    return a < b ? a : b;
}

/* Values whose product is known: a[i][j] = i + j, b[i][j] = i - j. */
static void fill_rows(int g, int n, int sign)
{
    int lo[2], hi[2], ld;
    double *block;
    NGA_Distribution(g, GA_Nodeid(), lo, hi);
    if (hi[0] < lo[0] || lo[0] < 0) return;
    NGA_Access(g, lo, hi, &block, &ld);
    for (int i = lo[0]; i <= hi[0]; i++)
        for (int j = lo[1]; j <= hi[1]; j++) block[(i - lo[0]) * ld + j - lo[1]] = i + sign * j;
    NGA_Release_update(g, lo, hi);
    (void)n;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 150, size = argc > 2 ? atoi(argv[2]) : 32;
    GA_Initialize();
    MA_init(C_DBL, 1000, 1000);
    int me = GA_Nodeid(), dims[2] = {n, n}, chunk[2] = {-1, -1}, one = 1, counter_chunk = -1, zero = 0;
    int a = NGA_Create(C_DBL, 2, dims, "A", chunk), b = GA_Duplicate(a, "B"), c = GA_Duplicate(a, "C");
    int counter = NGA_Create(C_LONG, 1, &one, "tasks", &counter_chunk);
    if (!a || !b || !c || !counter) GA_Error("no memory for the matrices", n);
    fill_rows(a, n, 1);
    fill_rows(b, n, -1);
    GA_Zero(c);
    GA_Zero(counter);

    /* A task is one block of A times one block of B, accumulated into its block of C. */
    double *x = malloc(size * size * sizeof *x), *y = malloc(size * size * sizeof *y), *z = malloc(size * size * sizeof *z), alpha = 1;
    long blocks = (n + size - 1) / size, tasks = blocks * blocks * blocks, mine = 0;
    for (long task = NGA_Read_inc(counter, &zero, 1); task < tasks; task = NGA_Read_inc(counter, &zero, 1)) {
        int i = task / (blocks * blocks) * size, j = task / blocks % blocks * size, k = task % blocks * size;
        int rows = min(size, n - i), columns = min(size, n - j), depth = min(size, n - k);
        int alo[2] = {i, k}, ahi[2] = {i + rows - 1, k + depth - 1}, blo[2] = {k, j}, bhi[2] = {k + depth - 1, j + columns - 1};
        int clo[2] = {i, j}, chi[2] = {i + rows - 1, j + columns - 1};
        NGA_Get(a, alo, ahi, x, &depth);
        NGA_Get(b, blo, bhi, y, &columns);
        for (int r = 0; r < rows; r++) {
            for (int s = 0; s < columns; s++) z[r * columns + s] = 0;
            for (int t = 0; t < depth; t++)
                for (int s = 0; s < columns; s++) z[r * columns + s] += x[r * depth + t] * y[t * columns + s];
        }
        NGA_Acc(c, clo, chi, z, &columns, &alpha);
        mine++;
    }
    GA_Sync();

    /* sum over k of (i + k)(k - j), in closed form. */
    double wrong = 0, sum = 0, squares = 0;
    int lo[2] = {0, 0}, hi[2] = {0, n - 1};
    double *row = malloc(n * sizeof *row);
    for (int k = 0; k < n; k++) {
        sum += k;
        squares += (double)k * k;
    }
    for (int i = me; i < n; i += GA_Nnodes()) {
        lo[0] = hi[0] = i;
        NGA_Get(c, lo, hi, row, &n);
        for (int j = 0; j < n; j++) wrong = fmax(wrong, fabs(row[j] - (squares + (i - j) * sum - (double)n * i * j)));
    }
    GA_Dgop(&wrong, 1, "max");
    GA_Lgop(&mine, 1, "+");
    if (wrong > 1e-6 || mine != tasks) GA_Error("the product is wrong", 1);
    if (me == 0) printf("%d x %d in %ld tasks on %d ranks: right\n", n, n, tasks, GA_Nnodes());
    free(row);
    free(z);
    free(y);
    free(x);
    GA_Destroy(counter);
    GA_Destroy(c);
    GA_Destroy(b);
    GA_Destroy(a);
    GA_Terminate();
    return 0;
}
