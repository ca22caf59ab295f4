/* Single elements anywhere: gather, scatter, scatter with accumulation, counters, locks and fences. */
#include "harness.h"

enum { MANY = 60 };

/* Distinct random subscripts, pointers to them, and the same flat. */
struct places { int count, s[MANY][AXES], flat[MANY * AXES], *pointers[MANY]; };

static void choose(const struct array *a, struct places *p, int count)
{
    p->count = 0;
    for (int i = 0; i < count; i++) {
        int fresh = 1, *s = p->s[p->count];
        for (int axis = 0; axis < a->ndim; axis++) s[axis] = pick(a->dims[axis]);
        for (int j = 0; j < p->count; j++) if (!memcmp(p->s[j], s, sizeof(int) * a->ndim)) fresh = 0;
        if (!fresh) continue;
        p->pointers[p->count] = s;
        memcpy(p->flat + p->count * a->ndim, s, sizeof(int) * a->ndim);
        p->count++;
    }
}

static void gather(void)
{
    struct array *a = create("a");
    static struct places p;
    void *values = calloc(MANY, bytes_of(a->type));
    for (int flat = 0; flat < 2; flat++) {
        choose(a, &p, MANY);
        if (flat) NGA_Gather_flat(a->g, values, p.flat, p.count);
        else NGA_Gather(a->g, values, p.pointers, p.count);
        for (int i = 0; i < p.count; i++) EXPECT(load(a->type, values, i) == *at(a, p.s[i]), "element %d of %d, flat %d", i, p.count, flat);
        GA_Sync();
    }
    free(values);
    drop(a);
}

static void scatter(void)
{
    struct array *a = create("a");
    static struct places p;
    void *values = calloc(MANY, bytes_of(a->type));
    for (int turn = 0; turn < 4; turn++) {
        int actor = pick(size);
        choose(a, &p, MANY);
        for (int i = 0; i < p.count; i++) store(a->type, values, i, *at(a, p.s[i]) = pick_value(a->type));
        if (me == actor && turn % 2) NGA_Scatter_flat(a->g, values, p.flat, p.count);
        else if (me == actor) NGA_Scatter(a->g, values, p.pointers, p.count);
        GA_Sync();
    }
    agree(a, "NGA_Scatter");
    free(values);
    drop(a);
}

/* All ranks at once, and an element may be named several times. */
static void scatter_acc(void)
{
    struct array *a = create("a");
    static struct places p;
    void *values = calloc(MANY, bytes_of(a->type));
    for (int actor = 0; actor < size; actor++) {
        Value alpha = pick_value(a->type);
        choose(a, &p, MANY / 2);
        for (int i = 0; i < p.count / 2; i++) {
            memcpy(p.s[p.count - 1 - i], p.s[i], sizeof p.s[i]);
            memcpy(p.flat + (p.count - 1 - i) * a->ndim, p.s[i], sizeof(int) * a->ndim);
        }
        for (int i = 0; i < p.count; i++) {
            Value value = pick_value(a->type);
            store(a->type, values, i, value);
            *at(a, p.s[i]) += alpha * value;
        }
        if (me == actor && actor % 2) NGA_Scatter_acc_flat(a->g, values, p.flat, p.count, scalar(a->type, alpha));
        else if (me == actor) NGA_Scatter_acc(a->g, values, p.pointers, p.count, scalar(a->type, alpha));
    }
    agree(a, "NGA_Scatter_acc");
    free(values);
    drop(a);
}

/* Each value of a counter is seen once. */
static void read_inc(void)
{
    enum { TIMES = 20 };
    struct array *a = create("a");
    int s[AXES], seen[4 * TIMES] = {0};
    for (int axis = 0; axis < a->ndim; axis++) s[axis] = pick(a->dims[axis]);
    long first = (long)creal(*at(a, s));
    GA_Sync();
    for (int i = 0; i < TIMES; i++) {
        long old = NGA_Read_inc(a->g, s, 3) - first;
        EXPECT(old % 3 == 0 && old / 3 >= 0 && old / 3 < TIMES * size, "read %ld", old);
        if (old >= 0 && old / 3 < 4 * TIMES) seen[old / 3]++;
    }
    GA_Igop(seen, 4 * TIMES, "+");
    for (int i = 0; i < TIMES * size; i++) EXPECT(seen[i] == 1, "value %d was read %d times", i, seen[i]);
    *at(a, s) += 3 * TIMES * size;
    agree(a, "NGA_Read_inc");
    drop(a);
}

/* A get and a put under a lock are not torn apart by another rank. */
static void locks(void)
{
    struct array *a = create("a");
    int lo[AXES], hi[AXES], ld[AXES];
    for (int axis = 0; axis < a->ndim; axis++) lo[axis] = hi[axis] = a->dims[axis] - 1;
    for (int axis = 0; axis < AXES; axis++) ld[axis] = 1;
    EXPECT(GA_Create_mutexes(3), "GA_Create_mutexes");
    void *value = calloc(1, 16);
    for (int i = 0; i < 15; i++) {
        GA_Lock(i % 3 == 0 ? 2 : 2);
        NGA_Get(a->g, lo, hi, value, ld);
        store(a->type, value, 0, load(a->type, value, 0) + 1);
        NGA_Put(a->g, lo, hi, value, ld);
        GA_Unlock(2);
    }
    *at(a, lo) += 15 * size;
    agree(a, "GA_Lock");
    EXPECT(GA_Destroy_mutexes(), "GA_Destroy_mutexes");
    free(value);
    drop(a);
}

/* After a fence what was put is where it should be; pairs of init and fence may be nested. */
static void fences(void)
{
    struct array *a = create("a");
    int lo[AXES], hi[AXES], ld[AXES];
    whole_patch(a, lo, hi);
    void *buffer = patch_buffer(a->type, a->ndim, lo, hi, 0, ld);
    GA_Sync();
    if (me == 0) {
        for (long i = 0; i < a->count; i++) store(a->type, buffer, i, i % 50);
        GA_Init_fence();
        GA_Init_fence();
        NGA_Put(a->g, lo, hi, buffer, ld);
        GA_Fence();
        NGA_Acc(a->g, lo, hi, buffer, ld, scalar(a->type, 2));
        GA_Fence();
        memset(buffer, 0, (size_t)a->count * bytes_of(a->type));
        NGA_Get(a->g, lo, hi, buffer, ld);
        for (long i = 0; i < a->count; i++) EXPECT(load(a->type, buffer, i) == 3 * (i % 50), "after GA_Fence at %ld", i);
    }
    for (long i = 0; i < a->count; i++) a->mock[i] = 3 * (i % 50);
    agree(a, "GA_Fence");
    free(buffer);
    drop(a);
}

const struct test tests[] = {
    {"gather", gather, ALL_LAYOUTS, ALL_TYPES, ALL_SHAPES, 0, 0},
    {"scatter", scatter, ALL_LAYOUTS, ALL_TYPES, ALL_SHAPES, 0, 0},
    {"scatter_acc", scatter_acc, ALL_LAYOUTS, ALL_TYPES, ALL_SHAPES, 0, LONGLONG},
    {"read_inc", read_inc, ALL_LAYOUTS, INT | LONG, ALL_SHAPES, 0, 0},
    {"locks", locks, REGULAR | CYCLIC, LONG | DOUBLE, D1 | D2, 0, 0},
    {"fences", fences, ALL_LAYOUTS, DOUBLE, ALL_SHAPES, 0, 0},
    {0},
};
