/* Global pointers: blocks of many lengths, got, put, gathered and scattered against what each must be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ga.h"
#include "gp.h"

enum { ROWS = 9, COLUMNS = 7 };
static int me, size;

#define CHECK(condition, ...) do { \
    if (!(condition)) { \
        fprintf(stderr, "rank %d: line %d: %s: ", me, __LINE__, #condition); \
        fprintf(stderr, " " __VA_ARGS__); \
        GA_Error("check failed", 1); \
    } } while (0)

/* Element i, j has so many ints; those whose indices are alike have none. */
static int count(int i, int j)
{
    return i == j ? 0 : (i * 5 + j * 3) % 11 + 1;
}

static void is_right(const int *block, int i, int j, int what)
{
    int k;
    for (k = 0; k < count(i, j); k++) CHECK(block[k] == i * 1000 + j * 100 + k + what, "%d, %d, %d: %d", i, j, k, block[k]);
}

static int bytes_of(int lo0, int hi0, int lo1, int hi1)
{
    int i, j, sum = 0;
    for (i = lo0; i <= hi0; i++) for (j = lo1; j <= hi1; j++) sum += count(i, j) * (int)sizeof(int);
    return sum;
}

int main(void)
{
    int dims[2] = {ROWS, COLUMNS}, lo[2], hi[2], at[2], ld[1] = {COLUMNS + 2}, ld_sz[1] = {COLUMNS}, i, j, k, g, n, total, wanted;
    int lengths[ROWS * COLUMNS], *block, subscripts[10] = {8, 6, 0, 1, 3, 3, 4, 0, 8, 6};
    void *pointers[ROWS * (COLUMNS + 2)];
    const char *mistake = getenv("GA_TEST_MISTAKE");
    static int buffer[ROWS * COLUMNS * 12], other[ROWS * COLUMNS * 12];
    GA_Initialize();
    GP_Initialize();
    me = GA_Nodeid();
    size = GA_Nnodes();
    g = GP_Create_handle();
    GP_Set_dimensions(g, 2, dims);
    CHECK(GP_Allocate(g) && GP_Get_dimension(g) == 2);
    GP_Distribution(g, me, lo, hi);
    for (i = lo[0]; i >= 0 && i <= hi[0]; i++) for (j = lo[1]; j <= hi[1]; j++) {
        if (!count(i, j)) continue;
        block = GP_Malloc(count(i, j) * sizeof(int));
        for (k = 0; k < count(i, j); k++) block[k] = i * 1000 + j * 100 + k;
        at[0] = i;
        at[1] = j;
        GP_Assign_local_element(g, at, block, count(i, j) * (int)sizeof(int));
        GP_Access_element(g, at, &pointers[0], &n);
        CHECK(pointers[0] == block && n == count(i, j) * (int)sizeof(int));
        GP_Release_element(g, at);
    }
    GP_Sync();
    /* All of it, and a part. */
    for (k = 0; k < 2; k++) {
        lo[0] = lo[1] = k;
        hi[0] = ROWS - 1 - k;
        hi[1] = COLUMNS - 1 - 2 * k;
        wanted = bytes_of(lo[0], hi[0], lo[1], hi[1]);
        GP_Get_size(g, lo, hi, &total);
        CHECK(total == wanted, "%d and not %d", total, wanted);
        GP_Get(g, lo, hi, buffer, pointers, ld, lengths, ld_sz, &total, 1);
        CHECK(total == wanted);
        for (i = lo[0]; i <= hi[0]; i++) for (j = lo[1]; j <= hi[1]; j++) {
            CHECK(lengths[(i - k) * COLUMNS + j - k] == count(i, j) * (int)sizeof(int));
            is_right(pointers[(i - k) * (COLUMNS + 2) + j - k], i, j, 0);
        }
    }
    GP_Sync();
    /* One rank writes all, from blocks in the other order. */
    lo[0] = lo[1] = 0;
    hi[0] = ROWS - 1;
    hi[1] = COLUMNS - 1;
    for (i = ROWS, n = 0; i-- > 0;) for (j = COLUMNS; j-- > 0;) {
        pointers[i * (COLUMNS + 2) + j] = other + n;
        lengths[i * COLUMNS + j] = count(i, j) * (int)sizeof(int);
        for (k = 0; k < count(i, j); k++) other[n++] = i * 1000 + j * 100 + k + 7;
    }
    if (me == size - 1) {
        GP_Put(g, lo, hi, pointers, ld, lengths, ld_sz, &total, 1);
        CHECK(total == bytes_of(0, ROWS - 1, 0, COLUMNS - 1));
    }
    GP_Sync();
    /* Single elements: one twice, one without a block; to places of the program's own. */
    GP_Gather_size(g, 5, subscripts, &total);
    wanted = 2 * bytes_of(8, 8, 6, 6) + bytes_of(0, 0, 1, 1) + bytes_of(4, 4, 0, 0);
    CHECK(total == wanted, "%d and not %d", total, wanted);
    for (i = 0; i < 5; i++) pointers[i] = other + 20 * i;
    GP_Gather(g, 5, subscripts, NULL, pointers, lengths, &total, 0);
    CHECK(total == wanted && lengths[2] == 0);
    for (i = 0; i < 5; i++) is_right(pointers[i], subscripts[2 * i], subscripts[2 * i + 1], 7);
    GP_Sync();
    if (me == 0) {
        for (i = 0; i < 5; i++) for (k = 0; k < 20; k++) other[20 * i + k] = subscripts[2 * i] * 1000 + subscripts[2 * i + 1] * 100 + k + 9;
        GP_Scatter(g, 5, subscripts, pointers, lengths, &total, 1);
        CHECK(total == wanted);
    }
    GP_Sync();
    GP_Gather(g, 5, subscripts, buffer, pointers, lengths, &total, 1);
    for (i = 0; i < 5; i++) is_right(pointers[i], subscripts[2 * i], subscripts[2 * i + 1], 9);
    GP_Memzero(g);
    GP_Get(g, lo, hi, buffer, pointers, ld, lengths, ld_sz, &total, 1);
    for (k = 0; k < total / (int)sizeof(int); k++) CHECK(buffer[k] == 0);
    GP_Sync();
    if (mistake && !strcmp(mistake, "node") && me == 0) {
        GP_Distribution(g, size - 1, at, hi);
        if (!count(at[0], at[1])) at[1]++;
        GP_Access_element(g, at, &pointers[0], &n);
    }
    GP_Sync();
    GP_Distribution(g, me, lo, hi);
    for (i = lo[0]; i >= 0 && i <= hi[0]; i++) for (j = lo[1]; j <= hi[1]; j++) {
        at[0] = i;
        at[1] = j;
        GP_Free(GP_Free_local_element(g, at));
    }
    if (mistake) {
        at[0] = ROWS;
        GP_Access_element(g, at, &pointers[0], &n);
    }
    CHECK(GP_Destroy(g));
    GP_Terminate();
    GA_Terminate();
    printf("done \n");
    return 0;
}
