/* Put, get and accumulate of patches: blocking, non-blocking, strided, periodic. */
#include "harness.h"

static void fill_patch(const struct array *a, void *buffer, const int lo[], const int hi[], const int ld[], Value seed)
{
    long number = 0;
    FOR_BOX(a->ndim, lo, hi, s) store(a->type, buffer, place(a->ndim, lo, ld, s), seed + (double)(number++ % 23));
}

/* Ranks take turns to put and get patches with leading dimensions larger than the patch. */
static void put_get(void)
{
    struct array *a = create("a");
    int lo[AXES], hi[AXES], ld[AXES];
    for (int turn = 0; turn < 8; turn++) {
        int actor = pick(size), pad = pick(3), kind = turn % 2;
        Value seed = pick_value(a->type);
        random_patch(a, lo, hi);
        void *buffer = patch_buffer(a->type, a->ndim, lo, hi, pad, ld);
        if (kind == 0) {
            fill_patch(a, buffer, lo, hi, ld, seed);
            if (me == actor) NGA_Put(a->g, lo, hi, buffer, ld);
            FOR_BOX(a->ndim, lo, hi, s) *at(a, s) = load(a->type, buffer, place(a->ndim, lo, ld, s));
            GA_Sync();
        } else {
            NGA_Get(a->g, lo, hi, buffer, ld);
            FOR_BOX(a->ndim, lo, hi, s) EXPECT(load(a->type, buffer, place(a->ndim, lo, ld, s)) == *at(a, s), "at %d", s[0]);
            GA_Sync();
        }
        free(buffer);
    }
    agree(a, "NGA_Put");
    drop(a);
}

/* A single row needs no leading dimensions, and programs give any. */
static void single_row(void)
{
    struct array *a = create("a");
    int lo[AXES], hi[AXES], ld[AXES];
    whole_patch(a, lo, hi);
    for (int axis = 0; axis < a->ndim - 1; axis++) {
        lo[axis] = hi[axis] = pick(a->dims[axis]);
        ld[axis] = axis % 2;
    }
    void *buffer = calloc((size_t)a->dims[a->ndim - 1], 16);
    ga_nbhdl_t handle;
    for (int form = 0; form < 3; form++) {
        memset(buffer, 0, (size_t)a->dims[a->ndim - 1] * 16);
        if (form == 0) NGA_Get(a->g, lo, hi, buffer, ld);
        if (form == 1) NGA_Periodic_get(a->g, lo, hi, buffer, ld);
        if (form == 2) {
            NGA_NbGet(a->g, lo, hi, buffer, ld, &handle);
            NGA_NbWait(&handle);
        }
        FOR_BOX(a->ndim, lo, hi, s) EXPECT(load(a->type, buffer, s[a->ndim - 1]) == *at(a, s), "form %d at %d", form, s[a->ndim - 1]);
    }
    GA_Sync();
    NGA_Acc(a->g, lo, hi, buffer, ld, scalar(a->type, 1));
    FOR_BOX(a->ndim, lo, hi, s) *at(a, s) *= 1 + size;
    agree(a, "NGA_Acc of a row");
    free(buffer);
    drop(a);
}

/* What a get must leave alone: the padding between rows. */
static void padding(void)
{
    struct array *a = create("a");
    int lo[AXES], hi[AXES], ld[AXES];
    whole_patch(a, lo, hi);
    hi[0] = hi[0] > 2 ? 2 : hi[0];
    if (hi[1] > 1) hi[1]--;
    void *buffer = patch_buffer(a->type, a->ndim, lo, hi, 2, ld);
    long all = hi[0] + 1;
    for (int axis = 1; axis < a->ndim; axis++) all *= ld[axis - 1];
    for (long i = 0; i < all; i++) store(a->type, buffer, i, 77);
    NGA_Get(a->g, lo, hi, buffer, ld);
    FOR_BOX(a->ndim, lo, hi, s) {
        long index = place(a->ndim, lo, ld, s);
        EXPECT(load(a->type, buffer, index) == *at(a, s), "element");
        store(a->type, buffer, index, 77);
    }
    for (long i = 0; i < all; i++) EXPECT(load(a->type, buffer, i) == 77, "place %ld", i);
    free(buffer);
    drop(a);
}

/* All ranks accumulate into overlapping patches at once. */
static void accumulate(void)
{
    struct array *a = create("a");
    int lo[AXES], hi[AXES], ld[AXES];
    for (int turn = 0; turn < 3 * size; turn++) {
        int actor = turn % size, pad = pick(2);
        Value alpha = pick_value(a->type), seed = pick_value(a->type);
        random_patch(a, lo, hi);
        void *buffer = patch_buffer(a->type, a->ndim, lo, hi, pad, ld);
        fill_patch(a, buffer, lo, hi, ld, seed);
        if (me == actor) NGA_Acc(a->g, lo, hi, buffer, ld, scalar(a->type, alpha));
        FOR_BOX(a->ndim, lo, hi, s) *at(a, s) += alpha * load(a->type, buffer, place(a->ndim, lo, ld, s));
        free(buffer);
    }
    agree(a, "NGA_Acc");
    drop(a);
}

/* Several non-blocking transfers at a time, waited for in another order. */
static void nonblocking(void)
{
    enum { MANY = 12 };
    struct array *a = create("a"), *b = create("b");
    int lo[MANY][AXES], hi[MANY][AXES], ld[MANY][AXES];
    void *buffers[MANY];
    ga_nbhdl_t handles[MANY];
    for (int i = 0; i < MANY; i++) {
        random_patch(a, lo[i], hi[i]);
        buffers[i] = patch_buffer(a->type, a->ndim, lo[i], hi[i], i % 2, ld[i]);
        NGA_NbGet(a->g, lo[i], hi[i], buffers[i], ld[i], &handles[i]);
    }
    for (int i = MANY - 1; i >= 0; i--) {
        /* A handle's memory may be somebody else's by now: it is read, not written. */
        ga_nbhdl_t handle = handles[i];
        if (i % 3 == 0) NGA_NbTest(&handles[i]);
        NGA_NbWait(&handles[i]);
        EXPECT(handles[i] == handle, "NbWait wrote handle %d", i);
        NGA_NbWait(&handles[i]);
        FOR_BOX(a->ndim, lo[i], hi[i], s)
            EXPECT(load(a->type, buffers[i], place(a->ndim, lo[i], ld[i], s)) == *at(a, s), "NbGet %d", i);
    }
    GA_Sync();
    for (int i = 0; i < MANY; i++) {
        Value alpha = pick_value(a->type), seed = pick_value(a->type);
        fill_patch(a, buffers[i], lo[i], hi[i], ld[i], seed);
        if (me == i % size) NGA_NbAcc(a->g, lo[i], hi[i], buffers[i], ld[i], scalar(a->type, alpha), &handles[i]);
        FOR_BOX(a->ndim, lo[i], hi[i], s) *at(a, s) += alpha * load(a->type, buffers[i], place(a->ndim, lo[i], ld[i], s));
    }
    for (int i = 0; i < MANY; i++) if (me == i % size) NGA_NbWait(&handles[i]);
    agree(a, "NGA_NbAcc");
    /* Puts of one rank at a time: they may overlap. */
    for (int i = 0; i < 3; i++) {
        if (me == i % size) {
            NGA_NbPut(b->g, lo[i], hi[i], buffers[i], ld[i], &handles[i]);
            NGA_NbWait(&handles[i]);
        }
        FOR_BOX(a->ndim, lo[i], hi[i], s) *at(b, s) = load(a->type, buffers[i], place(a->ndim, lo[i], ld[i], s));
        GA_Sync();
    }
    agree(b, "NGA_NbPut");
    for (int i = 0; i < MANY; i++) free(buffers[i]);
    drop(b);
    drop(a);
}

/* Every skip[i]-th element of a patch, dense in the buffer. */
static void strided(void)
{
    struct array *a = create("a");
    int lo[AXES], hi[AXES], skip[AXES], zero[AXES] = {0}, last[AXES], ld[AXES];
    for (int turn = 0; turn < 6; turn++) {
        int actor = pick(size);
        Value alpha = pick_value(a->type), seed = pick_value(a->type);
        random_patch(a, lo, hi);
        for (int axis = 0; axis < a->ndim; axis++) {
            skip[axis] = 1 + pick(3);
            last[axis] = (hi[axis] - lo[axis]) / skip[axis];
        }
        void *buffer = patch_buffer(a->type, a->ndim, zero, last, 0, ld);
        if (turn % 3 != 1) fill_patch(a, buffer, zero, last, ld, seed);
        if (turn % 3 == 1) NGA_Strided_get(a->g, lo, hi, skip, buffer, ld);
        else if (me == actor && turn % 3 == 0) NGA_Strided_put(a->g, lo, hi, skip, buffer, ld);
        else if (me == actor) NGA_Strided_acc(a->g, lo, hi, skip, buffer, ld, scalar(a->type, alpha));
        FOR_BOX(a->ndim, zero, last, s) {
            int subscript[AXES];
            for (int axis = 0; axis < a->ndim; axis++) subscript[axis] = lo[axis] + s[axis] * skip[axis];
            Value value = load(a->type, buffer, place(a->ndim, zero, ld, s));
            if (turn % 3 == 0) *at(a, subscript) = value;
            else if (turn % 3 == 1) EXPECT(value == *at(a, subscript), "Strided_get at %d", subscript[0]);
            else *at(a, subscript) += alpha * value;
        }
        free(buffer);
        GA_Sync();
    }
    agree(a, "NGA_Strided_put and _acc");
    drop(a);
}

/* Boxes that reach around the edges of the array. */
static void periodic(void)
{
    struct array *a = create("a");
    int lo[AXES], hi[AXES], ld[AXES];
    for (int turn = 0; turn < 6; turn++) {
        int actor = pick(size);
        Value alpha = pick_value(a->type), seed = pick_value(a->type);
        for (int axis = 0; axis < a->ndim; axis++) {
            lo[axis] = pick(2 * a->dims[axis]) - a->dims[axis];
            hi[axis] = lo[axis] + pick(a->dims[axis]);
        }
        void *buffer = patch_buffer(a->type, a->ndim, lo, hi, 0, ld);
        if (turn % 3 != 1) fill_patch(a, buffer, lo, hi, ld, seed);
        if (turn % 3 == 1) NGA_Periodic_get(a->g, lo, hi, buffer, ld);
        else if (me == actor && turn % 3 == 0) NGA_Periodic_put(a->g, lo, hi, buffer, ld);
        else if (me == actor) NGA_Periodic_acc(a->g, lo, hi, buffer, ld, scalar(a->type, alpha));
        FOR_BOX(a->ndim, lo, hi, s) {
            int subscript[AXES];
            for (int axis = 0; axis < a->ndim; axis++) subscript[axis] = (s[axis] + 2 * a->dims[axis]) % a->dims[axis];
            Value value = load(a->type, buffer, place(a->ndim, lo, ld, s));
            if (turn % 3 == 0) *at(a, subscript) = value;
            else if (turn % 3 == 1) EXPECT(value == *at(a, subscript), "Periodic_get at %d", subscript[0]);
            else *at(a, subscript) += alpha * value;
        }
        free(buffer);
        GA_Sync();
    }
    agree(a, "NGA_Periodic_put and _acc");
    drop(a);
}

/* The forms with 64-bit bounds are the same operations. */
static void wide(void)
{
    struct array *a = create("a");
    int lo[AXES], hi[AXES], ld[AXES];
    int64_t wide_lo[AXES], wide_hi[AXES], wide_ld[AXES];
    random_patch(a, lo, hi);
    void *buffer = patch_buffer(a->type, a->ndim, lo, hi, 1, ld);
    for (int axis = 0; axis < a->ndim; axis++) {
        wide_lo[axis] = lo[axis];
        wide_hi[axis] = hi[axis];
        if (axis) wide_ld[axis - 1] = ld[axis - 1];
    }
    fill_patch(a, buffer, lo, hi, ld, 3);
    if (me == size - 1) NGA_Put64(a->g, wide_lo, wide_hi, buffer, wide_ld);
    GA_Sync();
    NGA_Acc64(a->g, wide_lo, wide_hi, buffer, wide_ld, scalar(a->type, 2));
    FOR_BOX(a->ndim, lo, hi, s) *at(a, s) = (1 + 2 * size) * load(a->type, buffer, place(a->ndim, lo, ld, s));
    GA_Sync();
    NGA_Get64(a->g, wide_lo, wide_hi, buffer, wide_ld);
    FOR_BOX(a->ndim, lo, hi, s) EXPECT(load(a->type, buffer, place(a->ndim, lo, ld, s)) == *at(a, s), "NGA_Get64");
    agree(a, "NGA_Put64, NGA_Acc64");
    free(buffer);
    drop(a);
}

const struct test tests[] = {
    {"put get", put_get, ALL_LAYOUTS, ALL_TYPES, ALL_SHAPES, 0, 0},
    {"single row", single_row, ALL_LAYOUTS, DOUBLE | INT, D2 | D3 | D4, 0, 0},
    {"padding", padding, ALL_LAYOUTS, DOUBLE | INT, D2 | D3 | D4, 0, 0},
    {"accumulate", accumulate, ALL_LAYOUTS, ALL_TYPES, ALL_SHAPES, 0, LONGLONG},
    {"nonblocking", nonblocking, ALL_LAYOUTS, ALL_TYPES, D1 | D2 | D3, 0, LONGLONG},
    /* ARMCI-MPI wants strides that grow, and ends the job here. */
    {"strided", strided, ALL_LAYOUTS, ALL_TYPES, ALL_SHAPES, ALL_LAYOUTS, 0},
    {"periodic", periodic, ALL_LAYOUTS, ALL_TYPES, D1 | D2 | D3, 0, LONGLONG},
    {"wide", wide, ALL_LAYOUTS, DOUBLE | DCPL, ALL_SHAPES, 0, 0},
    {0},
};
