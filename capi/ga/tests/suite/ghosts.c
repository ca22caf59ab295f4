/* Ghost cells: copies of the neighbours' borders, around the array's edges, too. */
#include "harness.h"

/* Whether this rank has a block. */
static int my_block(const struct array *a, int lo[], int hi[])
{
    NGA_Distribution(a->g, me, lo, hi);
    return lo[0] >= 0 && patch_count(a->ndim, lo, hi) > 0;
}

/* The element that a subscript outside the array stands for. */
static Value around(const struct array *a, const int s[])
{
    int t[AXES];
    for (int axis = 0; axis < a->ndim; axis++) t[axis] = (s[axis] + a->dims[axis]) % a->dims[axis];
    return *at(a, t);
}

/* Compares the block and its ghost cells with the mock; with `corners` of 0, cells outside along one axis at most. */
static void check_ghosts(const struct array *a, int corners, const char *what)
{
    int lo[AXES], hi[AXES], from[AXES], to[AXES], dims[AXES], ld[AXES];
    void *memory;
    if (!my_block(a, lo, hi)) return;
    NGA_Access_ghosts(a->g, dims, &memory, ld);
    for (int axis = 0; axis < a->ndim; axis++) {
        from[axis] = lo[axis] - a->width[axis];
        to[axis] = hi[axis] + a->width[axis];
        EXPECT(dims[axis] == to[axis] - from[axis] + 1, "axis %d: %d", axis, dims[axis]);
        if (axis) EXPECT(ld[axis - 1] == dims[axis], "ld %d", ld[axis - 1]);
    }
    FOR_BOX(a->ndim, from, to, s) {
        int outside = 0;
        for (int axis = 0; axis < a->ndim; axis++) outside += s[axis] < lo[axis] || s[axis] > hi[axis];
        if (outside > 1 && !corners) continue;
        Value found = load(a->type, memory, place(a->ndim, from, ld, s));
        if (found != around(a, s)) {
            fail("%s: [%d,%d,%d] is %g, not %g", what, s[0], a->ndim > 1 ? s[1] : 0, a->ndim > 2 ? s[2] : 0, creal(found), creal(around(a, s)));
            break;
        }
    }
    NGA_Release_ghosts(a->g);
}

static void update(void)
{
    struct array *a = create("a");
    GA_Update_ghosts(a->g);
    check_ghosts(a, 1, "GA_Update_ghosts");
    GA_Sync();
    refill(a);
    GA_Set_ghost_corner_flag(a->g, 0);
    GA_Update_ghosts(a->g);
    check_ghosts(a, 0, "without corners");
    GA_Sync();
    drop(a);
}

static void update_nonblocking(void)
{
    struct array *a = create("a");
    ga_nbhdl_t handle;
    GA_Sync();
    NGA_Update_ghosts_nb(a->g, &handle);
    NGA_NbWait(&handle);
    GA_Sync();
    check_ghosts(a, 0, "NGA_Update_ghosts_nb");
    GA_Sync();
    drop(a);
}

/* Cells before the block along the last axis, which is number 0 here. */
static void update_one_direction(void)
{
    struct array *a = create("a");
    int lo[AXES], hi[AXES], s[AXES] = {0}, dims[AXES], ld[AXES] = {1};
    void *memory;
    EXPECT(NGA_Update_ghost_dir(a->g, 0, -1, 0), "the last axis");
    if (my_block(a, lo, hi)) {
        memcpy(s, lo, sizeof s);
        NGA_Access_ghosts(a->g, dims, &memory, ld);
        s[a->ndim - 1] -= a->width[a->ndim - 1];
        for (int axis = 0; axis < a->ndim - 1; axis++) lo[axis] -= a->width[axis];
        lo[a->ndim - 1] = s[a->ndim - 1];
        Value found = load(a->type, memory, place(a->ndim, lo, ld, s));
        EXPECT(found == around(a, s), "%g, not %g", creal(found), creal(around(a, s)));
    }
    GA_Sync();
    drop(a);
}

/* One direction after the other, with the corners that are there already. */
static void update_directions(void)
{
    struct array *a = create("a");
    for (int axis = 0; axis < a->ndim; axis++)
        for (int way = -1; way <= 1; way += 2) EXPECT(NGA_Update_ghost_dir(a->g, axis, way, 1), "axis %d", axis);
    GA_Sync();
    check_ghosts(a, 0, "NGA_Update_ghost_dir");
    GA_Sync();
    drop(a);
}

static void ghost_elements(void)
{
    struct array *a = create("a");
    int lo[AXES], hi[AXES], s[AXES], ld[AXES];
    void *memory;
    GA_Update_ghosts(a->g);
    if (my_block(a, lo, hi)) {
        for (int axis = 0; axis < a->ndim; axis++) s[axis] = 0;
        NGA_Access_ghost_element(a->g, &memory, s, ld);
        for (int axis = 0; axis < a->ndim; axis++) s[axis] = lo[axis] - a->width[axis];
        EXPECT(load(a->type, memory, 0) == around(a, s), "the first cell");
        for (int axis = 0; axis < a->ndim; axis++) s[axis] = a->width[axis];
        NGA_Access_ghost_element(a->g, &memory, s, ld);
        EXPECT(load(a->type, memory, 0) == *at(a, lo), "the first own element");
        store(a->type, memory, 0, 5);
        NGA_Release_update_ghost_element(a->g, s);
    }
    GA_Sync();
    for (int rank = 0; rank < size; rank++) {
        NGA_Distribution(a->g, rank, lo, hi);
        if (lo[0] >= 0 && patch_count(a->ndim, lo, hi) > 0) *at(a, lo) = 5;
    }
    agree(a, "NGA_Release_update_ghost_element");
    drop(a);
}

/* A box of own elements and ghost cells, copied out. */
static void ghost_block(void)
{
    struct array *a = create("a");
    int lo[AXES], hi[AXES], from[AXES], to[AXES], ld[AXES];
    GA_Update_ghosts(a->g);
    if (my_block(a, lo, hi)) {
        for (int axis = 0; axis < a->ndim; axis++) {
            from[axis] = lo[axis] - a->width[axis];
            to[axis] = hi[axis] + a->width[axis];
        }
        void *values = patch_buffer(a->type, a->ndim, from, to, 0, ld);
        NGA_Get_ghost_block(a->g, from, to, values, ld);
        FOR_BOX(a->ndim, from, to, s)
            EXPECT(load(a->type, values, place(a->ndim, from, ld, s)) == around(a, s), "NGA_Get_ghost_block at [%d]", s[0]);
        free(values);
    }
    GA_Sync();
    drop(a);
}

const struct test tests[] = {
    {"update", update, GHOSTS, ALL_TYPES, D1 | D2 | D3 | SQUARE, 0, 0},
    {"update_nonblocking", update_nonblocking, GHOSTS, INT | DOUBLE | DCPL, D1 | D2 | D3, 0, 0},
    {"update_one_direction", update_one_direction, GHOSTS, INT | DOUBLE, D1 | D2 | D3, 0, 0},
    {"update_directions", update_directions, GHOSTS, INT | DOUBLE | DCPL, D1 | D2 | D3, 0, 0},
    {"ghost_elements", ghost_elements, GHOSTS, INT | DOUBLE | DCPL, D1 | D2 | D3, 0, 0},
    {"ghost_block", ghost_block, GHOSTS, INT | DOUBLE | DCPL, D1 | D2 | D3, 0, 0},
    {0},
};
