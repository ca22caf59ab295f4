/* Vectors under a mask: scans, packing and enumeration, of parts of vectors, too. */
#include "twin.h"

enum { N = 97 };
static const int shape[] = { N };

/* A mask with one mark in three, and one at `start` if that is not negative; of each type in turn. */
static twin mask(int layout, int start)
{
    static int turn;
    twin m = make(all_types[turn++ % TYPES], 1, shape, layout);
    for (int i = 0; i < N; i++) m.x[i] = random_number(3) == 0;
    if (start >= 0) m.x[start] = 1;
    put_twin(&m);
    return m;
}

static void scans(int type, int layout, int lo, int hi)
{
    twin a = make(type, 1, shape, layout), b = make(type, 1, shape, layout), m = mask(layout, lo);
    value sum = 0;
    GA_Scan_copy(a.handle, b.handle, m.handle, lo, hi);
    for (int i = lo, last = lo; i <= hi; i++) {
        if (m.x[i] != 0) last = i;
        b.x[i] = a.x[last];
    }
    same(&b, "scan copy");
    GA_Scan_add(a.handle, b.handle, m.handle, lo, hi, 0);
    for (int i = lo; i <= hi; i++) b.x[i] = sum = m.x[i] != 0 ? a.x[i] : sum + a.x[i];
    same(&b, "scan add");
    GA_Scan_add64(a.handle, b.handle, m.handle, lo, hi, 1);
    for (int i = lo; i <= hi; i++) {
        if (m.x[i] != 0) sum = 0;
        b.x[i] = sum;
        sum += a.x[i];
    }
    same(&b, "exclusive scan add");
    drop(&a);
    drop(&b);
    drop(&m);
}

static void packs(int type, int layout, int lo, int hi)
{
    twin a = make(type, 1, shape, layout), b = make(type, 1, shape, REGULAR), m = mask(layout, -1);
    int count, n = 0;
    int64_t wide_count;
    GA_Pack(a.handle, b.handle, m.handle, lo, hi, &count);
    for (int i = lo; i <= hi; i++)
        if (m.x[i] != 0) b.x[n++] = a.x[i];
    CHECK(count == n);
    same(&b, "pack");
    randomize(&b);
    GA_Unpack(b.handle, a.handle, m.handle, lo, hi, &count);
    n = 0;
    for (int i = lo; i <= hi; i++)
        if (m.x[i] != 0) a.x[i] = b.x[n++];
    CHECK(count == n);
    same(&a, "unpack");
    GA_Pack64(a.handle, b.handle, m.handle, lo, hi, &wide_count);
    CHECK(wide_count == n);
    same(&b, "pack of what was unpacked");
    drop(&a);
    drop(&b);
    drop(&m);
}

static void enumerated(int type, int layout, int lo, int hi)
{
    char start[16], step[16];
    twin a = make(type, 1, shape, layout);
    value from = any_value(type), by = any_value(type);
    store(type, start, from);
    store(type, step, by);
    GA_Patch_enum(a.handle, lo, hi, start, step);
    for (int i = lo; i <= hi; i++) a.x[i] = from + (double)(i - lo) * by;
    same(&a, "enum");
    GA_Patch_enum64(a.handle, 0, N - 1, start, step);
    for (int i = 0; i < N; i++) a.x[i] = from + (double)i * by;
    same(&a, "enum of all");
    drop(&a);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    for (int t = 0; t < TYPES; t++)
        for (int layout = 0; layout < LAYOUTS; layout++) {
            scans(all_types[t], layout, 0, N - 1);
            scans(all_types[t], layout, 11, 83);
            packs(all_types[t], layout, 0, N - 1);
            packs(all_types[t], layout, 11, 83);
            enumerated(all_types[t], layout, 5, 90);
        }
    return finish();
}
