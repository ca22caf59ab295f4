/* Vectors under a mask: scans, packing, unpacking, enumeration. */
#include "harness.h"

/* A mask of the vector's layout, with some marks. */
static struct array *create_mask(void)
{
    struct array *mask = create_typed("mask", now.layout, C_INT, 1, now.dims);
    int lo = 0, hi = now.dims[0] - 1, ld = 1, *marks = calloc((size_t)mask->count, sizeof(int));
    for (long i = 0; i < mask->count; i++) mask->mock[i] = marks[i] = pick(4) == 0;
    GA_Sync();
    if (me == 0) NGA_Put(mask->g, &lo, &hi, marks, &ld);
    GA_Sync();
    free(marks);
    return mask;
}

/* The first element of a range is marked, so that what stands before it is nobody's. */
static void mark(struct array *mask, int at)
{
    int one = 1, ld = 1;
    if (me == 0) NGA_Put(mask->g, &at, &at, &one, &ld);
    mask->mock[at] = 1;
    GA_Sync();
}

static void scans(void)
{
    struct array *a = create("a"), *b = create("b"), *mask = create_mask();
    int n = now.dims[0], lo = 0, hi = n - 1;
    for (int turn = 0; turn < 3; turn++) {
        Value last = 0;
        mark(mask, lo);
        GA_Scan_copy(a->g, b->g, mask->g, lo, hi);
        for (int i = lo; i <= hi; i++) {
            if (mask->mock[i] != 0) last = a->mock[i];
            b->mock[i] = last;
        }
        agree(b, "GA_Scan_copy");
        lo = pick(n / 2);
        hi = n / 2 + pick(n - n / 2);
    }
    lo = 0;
    hi = n - 1;
    for (int turn = 0; turn < 4; turn++) {
        int exclusive = turn % 2;
        Value sum = 0;
        mark(mask, lo);
        GA_Scan_add(a->g, b->g, mask->g, lo, hi, exclusive);
        for (int i = lo; i <= hi; i++) {
            if (mask->mock[i] != 0) sum = 0;
            if (exclusive) b->mock[i] = sum;
            sum += a->mock[i];
            if (!exclusive) b->mock[i] = sum;
        }
        agree(b, exclusive ? "GA_Scan_add, exclusive" : "GA_Scan_add");
        if (turn == 1) {
            lo = pick(n / 2);
            hi = n / 2 + pick(n - n / 2);
        }
    }
    drop(mask);
    drop(b);
    drop(a);
}

static void packing(void)
{
    struct array *a = create("a"), *b = create("b"), *mask = create_mask();
    int n = now.dims[0], found = -1, count = 0;
    GA_Pack(a->g, b->g, mask->g, 0, n - 1, &found);
    for (int i = 0; i < n; i++) if (mask->mock[i] != 0) b->mock[count++] = a->mock[i];
    EXPECT(found == count, "GA_Pack: %d, not %d", found, count);
    agree(b, "GA_Pack");
    refill(b);
    GA_Unpack(a->g, b->g, mask->g, 0, n - 1, &found);
    count = 0;
    for (int i = 0; i < n; i++) if (mask->mock[i] != 0) b->mock[i] = a->mock[count++];
    EXPECT(found == count, "GA_Unpack: %d, not %d", found, count);
    agree(b, "GA_Unpack");
    drop(mask);
    drop(b);
    drop(a);
}

static void enumeration(void)
{
    struct array *a = create("a");
    int n = now.dims[0], lo = pick(n / 2), hi = n / 2 + pick(n - n / 2);
    Value start = pick_value(a->type), step = pick_value(a->type);
    GA_Patch_enum(a->g, lo, hi, scalar(a->type, start), scalar(a->type, step));
    for (int i = lo; i <= hi; i++) a->mock[i] = start + (i - lo) * step;
    agree(a, "GA_Patch_enum");
    drop(a);
}

const struct test tests[] = {
    {"scans", scans, ALL_LAYOUTS, ALL_TYPES, D1, CYCLIC_ALL, 0},
    {"packing", packing, ALL_LAYOUTS, ALL_TYPES, D1, CYCLIC_ALL, 0},
    {"enumeration", enumeration, ALL_LAYOUTS, ALL_TYPES, D1, CYCLIC_ALL, 0},
    {0},
};
