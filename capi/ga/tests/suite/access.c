/* Direct access to what a rank owns: patches, blocks, grids of blocks, segments, and the queries of who owns what. */
#include "harness.h"

static int offset_of(int ndim, const int lo[], const int ld[], const int s[])
{
    return (int)place(ndim, lo, ld, s);
}

/* What NGA_Distribution says covers the array once; what NGA_Locate says agrees with it; NGA_Locate_region is the same for a box. */
static void locality(void)
{
    struct array *a = create("a");
    int *owner = malloc(sizeof(int) * (size_t)a->count), lo[AXES], hi[AXES], map[64 * 2 * AXES], ranks[64];
    for (long i = 0; i < a->count; i++) owner[i] = -1;
    for (int rank = 0; rank < size; rank++) {
        NGA_Distribution(a->g, rank, lo, hi);
        if (lo[0] < 0 || patch_count(a->ndim, lo, hi) <= 0) continue;
        FOR_BOX(a->ndim, lo, hi, s) {
            long i = at(a, s) - a->mock;
            EXPECT(owner[i] == -1, "two own element %ld", i);
            owner[i] = rank;
        }
    }
    whole_patch(a, lo, hi);
    FOR_BOX(a->ndim, lo, hi, s) EXPECT(NGA_Locate(a->g, s) == owner[at(a, s) - a->mock], "NGA_Locate at %d: %d", s[0], NGA_Locate(a->g, s));
    int outside[AXES];
    memcpy(outside, hi, sizeof hi);
    outside[a->ndim - 1]++;
    EXPECT(NGA_Locate(a->g, outside) == -1, "outside");
    EXPECT(NGA_Locate_region(a->g, lo, outside, map, ranks) == 0 && NGA_Locate_nnodes(a->g, lo, outside) == 0, "a region that leaves the array");
    random_patch(a, lo, hi);
    int parts = NGA_Locate_region(a->g, lo, hi, map, ranks);
    EXPECT(parts == NGA_Locate_nnodes(a->g, lo, hi), "%d parts", parts);
    long covered = 0;
    for (int part = 0; part < parts; part++) {
        int *part_lo = map + 2 * a->ndim * part, *part_hi = part_lo + a->ndim;
        FOR_BOX(a->ndim, part_lo, part_hi, s) {
            EXPECT(owner[at(a, s) - a->mock] == ranks[part], "part %d", part);
            covered++;
        }
    }
    EXPECT(covered == patch_count(a->ndim, lo, hi), "parts cover %ld", covered);
    free(owner);
    drop(a);
}

/* Each rank writes its block in place. */
static void own_block(void)
{
    struct array *a = create("a");
    int lo[AXES], hi[AXES], ld[AXES];
    void *memory;
    NGA_Distribution(a->g, me, lo, hi);
    if (lo[0] >= 0 && patch_count(a->ndim, lo, hi) > 0) {
        NGA_Access(a->g, lo, hi, &memory, ld);
        FOR_BOX(a->ndim, lo, hi, s) {
            int i = offset_of(a->ndim, lo, ld, s);
            EXPECT(load(a->type, memory, i) == *at(a, s), "NGA_Access at %d", s[0]);
            store(a->type, memory, i, load(a->type, memory, i) + me);
        }
        NGA_Release_update(a->g, lo, hi);
    }
    GA_Sync();
    for (int rank = 0; rank < size; rank++) {
        NGA_Distribution(a->g, rank, lo, hi);
        if (lo[0] >= 0 && patch_count(a->ndim, lo, hi) > 0) FOR_BOX(a->ndim, lo, hi, s) *at(a, s) += rank;
    }
    agree(a, "NGA_Release_update");
    /* A part of the block only. */
    NGA_Distribution(a->g, me, lo, hi);
    if (lo[0] >= 0 && patch_count(a->ndim, lo, hi) > 0) {
        memcpy(lo, hi, sizeof lo);
        NGA_Access(a->g, lo, hi, &memory, ld);
        EXPECT(load(a->type, memory, 0) == *at(a, lo), "the last element");
        NGA_Release(a->g, lo, hi);
    }
    GA_Sync();
    drop(a);
}

/* All blocks of a cyclic array, by number: each element is in one; a rank reads its own in place. */
static void blocks(void)
{
    struct array *a = create("a");
    int count = GA_Total_blocks(a->g), lo[AXES], hi[AXES], ld[AXES], *seen = calloc((size_t)a->count, sizeof(int));
    int counts[AXES], extents[AXES], product = 1;
    GA_Get_block_info(a->g, counts, extents);
    for (int axis = 0; axis < a->ndim; axis++) product *= counts[axis];
    EXPECT(product == count, "%d blocks, GA_Get_block_info says %d", count, product);
    for (int block = 0; block < count; block++) {
        NGA_Distribution(a->g, block, lo, hi);
        FOR_BOX(a->ndim, lo, hi, s) seen[at(a, s) - a->mock]++;
    }
    for (long i = 0; i < a->count; i++) EXPECT(seen[i] == 1, "element %ld is in %d blocks", i, seen[i]);
    if (a->layout == CYCLIC) {
        /* Blocks are dealt in turn. */
        for (int block = me; block < count; block += size) {
            void *memory;
            NGA_Distribution(a->g, block, lo, hi);
            NGA_Access_block(a->g, block, &memory, ld);
            FOR_BOX(a->ndim, lo, hi, s) {
                int i = offset_of(a->ndim, lo, ld, s);
                EXPECT(load(a->type, memory, i) == *at(a, s), "block %d", block);
                store(a->type, memory, i, 2 * *at(a, s));
            }
            NGA_Release_update_block(a->g, block);
        }
        for (long i = 0; i < a->count; i++) a->mock[i] *= 2;
        agree(a, "NGA_Release_update_block");
    }
    free(seen);
    drop(a);
}

/* Blocks by their place in the grid of blocks; the grid of processes says whose they are. Its axes come in reverse, as in the original. */
static void block_grid(void)
{
    struct array *a = create("a");
    int counts[AXES], extents[AXES], grid[AXES], mine[AXES], zero[AXES] = {0}, last[AXES], ld[AXES];
    GA_Get_block_info(a->g, counts, extents);
    EXPECT(GA_Uses_proc_grid(a->g), "a grid of processes");
    GA_Get_proc_grid(a->g, grid);
    GA_Get_proc_index(a->g, me, mine);
    GA_Sync();
    int product = 1;
    for (int axis = 0; axis < a->ndim; axis++) {
        last[axis] = counts[axis] - 1;
        product *= grid[axis];
    }
    EXPECT(product == size, "the grid has %d places", product);
    FOR_BOX(a->ndim, zero, last, index) {
        int is_mine = 1, lo[AXES], hi[AXES];
        for (int axis = 0; axis < a->ndim; axis++) {
            is_mine &= index[axis] % grid[a->ndim - 1 - axis] == mine[axis];
            lo[axis] = index[axis] * extents[axis];
            hi[axis] = lo[axis] + extents[axis] < a->dims[axis] ? lo[axis] + extents[axis] - 1 : a->dims[axis] - 1;
        }
        if (is_mine) {
            void *memory;
            NGA_Access_block_grid(a->g, index, &memory, ld);
            FOR_BOX(a->ndim, lo, hi, s) {
                int i = offset_of(a->ndim, lo, ld, s);
                EXPECT(load(a->type, memory, i) == *at(a, s), "block [%d,%d] at [%d,%d]", index[0], index[1], s[0], s[1]);
                store(a->type, memory, i, *at(a, s) + 1);
            }
            NGA_Release_update_block_grid(a->g, index);
        }
    }
    for (long i = 0; i < a->count; i++) a->mock[i] += 1;
    agree(a, "NGA_Release_update_block_grid");
    drop(a);
}

/* All the memory a rank has of an array, as one run of elements. */
static void segments(void)
{
    struct array *a = create("a");
    void *memory;
    int count = -1;
    Value sum = 0;
    char slot[16];
    NGA_Access_block_segment(a->g, me, &memory, &count);
    double total = count;
    for (int i = 0; i < count; i++) {
        sum += load(a->type, memory, i);
        store(a->type, memory, i, load(a->type, memory, i) * 2);
    }
    NGA_Release_update_block_segment(a->g, me);
    GA_Dgop(&total, 1, "+");
    EXPECT(total == a->count, "segments have %g elements", total);
    store(a->type, slot, 0, sum);
    GA_Gop(a->type, slot, 1, "+");
    Value wanted = 0;
    for (long i = 0; i < a->count; i++) {
        wanted += a->mock[i];
        a->mock[i] *= 2;
    }
    EXPECT(load(a->type, slot, 0) == wanted, "the sum");
    agree(a, "NGA_Release_update_block_segment");
    drop(a);
}

const struct test tests[] = {
    {"locality", locality, ONE_BLOCK, DOUBLE, ALL_SHAPES, 0, 0},
    {"own_block", own_block, ONE_BLOCK, ALL_TYPES, ALL_SHAPES, 0, 0},
    {"blocks", blocks, CYCLIC_ALL, INT | DOUBLE | DCPL, D1 | D2 | D3, 0, 0},
    {"block_grid", block_grid, SCALAPACK | TILED, INT | DOUBLE | DCPL, D2 | D3 | SQUARE, ALL_LAYOUTS, 0},
    {"segments", segments, CYCLIC_ALL, INT | DOUBLE | DCPL, D1 | D2 | D3, 0, 0},
    {0},
};
