/* What programs out there do: limits before the start, two starts, ARMCI beside arrays, handles that are filled in late. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ga.h"
#include "macdecls.h"
#include "armci.h"

static int me, size;

#define CHECK(condition, ...) do { \
    if (!(condition)) { \
        fprintf(stderr, "rank %d: line %d: %s: ", me, __LINE__, #condition); \
        fprintf(stderr, " " __VA_ARGS__); \
        GA_Error("check failed", 1); \
    } } while (0)

/* Who isn't in an array's group owns nothing of it. */
static void distribution(void)
{
    int dims[2] = {12, 8}, block[2] = {3, 3}, chunk[2] = {-1, -1}, lo[2], hi[2], i, g, h, group, first = 0;
    int64_t lo64[2], hi64[2];
    g = NGA_Create(C_INT, 2, dims, "board", chunk);
    for (i = 0; i < 2; i++) {
        NGA_Distribution(g, i ? size : -1, lo, hi);
        CHECK(lo[0] == -1 && lo[1] == -1 && hi[0] == -2 && hi[1] == -2, "%d %d %d %d", lo[0], lo[1], hi[0], hi[1]);
        NGA_Distribution64(g, i ? size : -1, lo64, hi64);
        CHECK(lo64[0] == -1 && lo64[1] == -1 && hi64[0] == -2 && hi64[1] == -2);
    }
    group = GA_Pgroup_create(&first, 1);
    if (me == 0) {
        int of_one = NGA_Create_config(C_INT, 2, dims, "of one", chunk, group);
        NGA_Distribution(of_one, 0, lo, hi);
        CHECK(lo[0] == 0 && hi[0] == 11);
        NGA_Distribution(of_one, 1, lo, hi);
        CHECK(lo[0] == -1 && hi[0] == -2);
        GA_Destroy(of_one);
    }
    GA_Pgroup_destroy(group);
    h = NGA_Create_handle();
    NGA_Set_data(h, 2, dims, C_INT);
    NGA_Set_block_cyclic(h, block);
    CHECK(NGA_Allocate(h));
    NGA_Distribution(h, NGA_Total_blocks(h), lo, hi);
    CHECK(lo[0] == -1 && hi[0] == -2);
    GA_Destroy(h);
    GA_Destroy(g);
}

/* A 0 for the last axis leaves all blocks to the library; the patches of all ranks tell. */
static void chunks(void)
{
    int dims[2] = {24, 40}, given[4][2] = {{0, 0}, {5, 0}, {-1, -1}, {0, 7}}, lo[2], hi[2], other_lo[2], other_hi[2], i, rank;
    int64_t wide[2] = {9, 0};
    int g = NGA_Create(C_INT, 2, dims, "free", NULL);
    for (i = 0; i < 4; i++) {
        int h = NGA_Create(C_INT, 2, dims, "chunks", given[i]), is_free = i < 3, differs = 0;
        for (rank = 0; rank < size; rank++) {
            NGA_Distribution(g, rank, lo, hi);
            NGA_Distribution(h, rank, other_lo, other_hi);
            differs |= memcmp(lo, other_lo, sizeof lo) || memcmp(hi, other_hi, sizeof hi);
            if (other_lo[0] >= 0 && !is_free) CHECK(other_hi[1] - other_lo[1] + 1 >= 7 || other_hi[1] == 39);
        }
        CHECK(!(is_free && differs), "chunk %d, %d", given[i][0], given[i][1]);
        GA_Destroy(h);
    }
    i = NGA_Create_handle();
    NGA_Set_data(i, 2, dims, C_INT);
    NGA_Set_chunk64(i, wide);
    CHECK(NGA_Allocate(i) && NGA_Compare_distr(g, i) == 0);
    GA_Destroy(i);
    GA_Destroy(g);
}

/* The group is the default when there is to be memory, not when the handle was made; and ARMCI's default goes with it. */
static void defaults(void)
{
    int dims[1] = {30}, list[64], i, n = (size + 1) / 2, group, g, old;
    void *parts[64];
    ARMCI_Group armci;
    for (i = 0; i < n; i++) list[i] = i;
    group = GA_Pgroup_create(list, n);
    g = NGA_Create_handle();
    NGA_Set_data(g, 1, dims, C_LONG);
    if (me < n) {
        GA_Pgroup_set_default(group);
        CHECK(NGA_Allocate(g) && GA_Get_pgroup(g) == group, "%d", GA_Get_pgroup(g));
        ARMCI_Group_get_default(&armci);
        ARMCI_Group_size(&armci, &i);
        CHECK(i == n && ARMCI_Absolute_id(&armci, n - 1) == n - 1, "%d", i);
        CHECK(!ARMCI_Malloc(parts, 64));
        *(int *)parts[me] = me;
        ARMCI_Barrier();
        CHECK(!ARMCI_Free(parts[me]));
        GA_Destroy(g);
        GA_Pgroup_set_default(GA_Pgroup_get_world());
    } else {
        GA_Destroy(g);
    }
    old = -1;
    ARMCI_Group_get_default(&armci);
    ARMCI_Group_size(&armci, &old);
    CHECK(old == size, "%d", old);
    GA_Pgroup_destroy(group);
    GA_Sync();
}

/* ARMCI's calls on memory of arrays: one's own from NGA_Access, and others' by the address that they have. */
static void beside_armci(void)
{
    int dims[1], chunk[1] = {4}, lo[1], hi[1], ld[1], g, i, other = (me + 1) % size, left = (me + size - 1) % size;
    long *mine, values[4] = {10, 20, 30, 40}, one = 1, there[4], flag = 0;
    long long addresses[64] = {0};
    void *near[2], *far[2];
    armci_giov_t runs = {near, far, 2, sizeof(long)};
    dims[0] = 4 * size;
    g = NGA_Create(C_LONG, 1, dims, "of all", chunk);
    GA_Zero(g);
    NGA_Distribution(g, me, lo, hi);
    NGA_Access(g, lo, hi, &mine, ld);
    CHECK(!ARMCI_Put(values, mine, 2 * sizeof(long), me));
    CHECK(mine[0] == 10 && mine[1] == 20 && mine[2] == 0);
    addresses[me] = (long long)(size_t)mine;
    GA_Llgop(addresses, size, "+");
    GA_Sync();
    long *theirs = (long *)(size_t)addresses[other];
    CHECK(!ARMCI_Put(values + 2, theirs + 2, sizeof(long), other));
    CHECK(!ARMCI_Acc(ARMCI_ACC_LNG, &one, values, theirs, 4 * sizeof(long), other));
    CHECK(!ARMCI_Rmw(ARMCI_FETCH_AND_ADD_LONG, &flag, theirs + 3, 5, other) && flag == 40, "%ld", flag);
    for (i = 0; i < 2; i++) near[i] = values + i, far[i] = theirs + 1 + i;
    CHECK(!ARMCI_AccV(ARMCI_ACC_LNG, &one, &runs, 1, other));
    ARMCI_Fence(other);
    CHECK(!ARMCI_Get(theirs, there, sizeof there, other));
    CHECK(there[0] == 20 && there[1] == 50 && there[2] == 80 && there[3] == 45, "%ld %ld %ld %ld", there[0], there[1], there[2], there[3]);
    GA_Sync();
    CHECK(left >= 0 && mine[0] == 20 && mine[1] == 50 && mine[2] == 80 && mine[3] == 45);
    GA_Destroy(g);
    /* Memory of another array in the same place. */
    g = NGA_Create(C_LONG, 1, dims, "again", chunk);
    NGA_Access(g, lo, hi, &mine, ld);
    CHECK(!ARMCI_Put(values, mine, 4 * sizeof(long), me) && mine[3] == 40);
    GA_Destroy(g);
}

/* A stream for each seed, between 0 and 1, that leaves the program's own alone. */
static void random_numbers(void)
{
    double first, sum = 0, x;
    int i, wanted;
    srand(17);
    wanted = rand();
    srand(17);
    first = GA_Rand(5);
    for (i = 0; i < 1000; i++) {
        x = NGA_Rand(0);
        CHECK(x >= 0 && x < 1, "%g", x);
        sum += x;
    }
    CHECK(sum > 450 && sum < 550, "%g", sum);
    CHECK(NGA_Rand(6) != first && GA_Rand(5) == first && rand() == wanted);
}

int main(int argc, char **argv)
{
    int start, dims[1] = {1000}, chunk[1] = {-1}, g = 0;
    GA_Set_memory_limit(64 << 20);
    CHECK(!GA_Uses_ma());
    for (start = 0; start < 4; start++) {
        CHECK(!GA_Initialized());
        GA_Initialize();
        CHECK(GA_Initialized() && GA_Memory_limited());
        me = GA_Nodeid();
        size = GA_Nnodes();
        /* The handle is free again, whether or not the array was destroyed before the end. */
        g = NGA_Create(C_DBL, 1, dims, "kept", chunk);
        CHECK(g == -1000, "%d", g);
        GA_Zero(g);
        distribution();
        chunks();
        defaults();
        beside_armci();
        random_numbers();
        if (start % 2) GA_Destroy(g);
        else GA_Pgroup_duplicate(GA_Pgroup_get_world());
        GA_Terminate();
    }
    printf("done %d\n", me);
    return 0;
}
