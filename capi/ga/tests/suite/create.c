/* Creation, duplication, destruction, and what can be asked about an array. */
#include "harness.h"

static void inquiries(void)
{
    struct array *a = create("a name");
    int type = 0, ndim = 0, dims[AXES] = {0};
    NGA_Inquire(a->g, &type, &ndim, dims);
    EXPECT(type == a->type && ndim == a->ndim, "type %d, %d axes", type, ndim);
    for (int axis = 0; axis < a->ndim; axis++) EXPECT(dims[axis] == a->dims[axis], "axis %d: %d", axis, dims[axis]);
    EXPECT(!strcmp(GA_Inquire_name(a->g), "a name"), "'%s'", GA_Inquire_name(a->g));
    EXPECT(GA_Ndim(a->g) == a->ndim && GA_Get_dimension(a->g) == a->ndim, "GA_Ndim");
    EXPECT(GA_Valid_handle(a->g) && !GA_Valid_handle(a->g + 500), "GA_Valid_handle");
    EXPECT(GA_Has_ghosts(a->g) == (a->layout == GHOSTS), "GA_Has_ghosts");
    EXPECT(!GA_Is_mirrored(a->g), "GA_Is_mirrored");
    EXPECT(GA_Get_pgroup(a->g) == GA_Pgroup_get_world() || GA_Get_pgroup_size(GA_Get_pgroup(a->g)) == size, "GA_Get_pgroup");
    EXPECT((GA_Total_blocks(a->g) >= 0) == !(a->layout & ONE_BLOCK), "GA_Total_blocks: %d", GA_Total_blocks(a->g));
    EXPECT(GA_Uses_proc_grid(a->g) == !!(a->layout & (SCALAPACK | TILED | TILED_IRREGULAR)), "GA_Uses_proc_grid");
    GA_Check_handle(a->g, "the suite");
    int handle = a->g;
    drop(a);
    EXPECT(!GA_Valid_handle(handle), "after GA_Destroy");
}

static void duplicates(void)
{
    struct array *a = create("a");
    int g = GA_Duplicate(a->g, "twin"), type, ndim, dims[AXES];
    EXPECT(g != 0, "GA_Duplicate");
    EXPECT(GA_Compare_distr(a->g, g) == 0, "GA_Compare_distr");
    NGA_Inquire(g, &type, &ndim, dims);
    EXPECT(type == a->type && ndim == a->ndim && dims[0] == a->dims[0], "type %d", type);
    GA_Copy(a->g, g);
    struct array b = *a;
    b.g = g;
    agree(&b, "a copy in the duplicate");
    GA_Destroy(g);
    drop(a);
}

/* The one-call constructors, among them those with irregular blocks and with ghost cells. */
static void constructors(void)
{
    int whole[2] = {-1, -1}, width[2] = {1, 1}, nblock[2] = {1, size}, map[8] = {0};
    for (int rank = 0; rank < size; rank++) map[1 + rank] = rank == 0 ? 0 : 1 + rank;
    int handles[4] = {
        NGA_Create(now.type, 2, now.dims, "plain", whole),
        NGA_Create_ghosts(now.type, 2, now.dims, width, "ghosts", whole),
        NGA_Create_irreg(now.type, 2, now.dims, "irregular", nblock, map),
        NGA_Create_config(now.type, 2, now.dims, "config", NULL, GA_Pgroup_get_world()),
    };
    for (int i = 0; i < 4; i++) {
        EXPECT(handles[i] != 0, "constructor %d", i);
        GA_Fill(handles[i], scalar(now.type, i + 3));
        int lo[2] = {0, 0}, hi[2] = {now.dims[0] - 1, now.dims[1] - 1};
        void *values = calloc((size_t)(now.dims[0] * now.dims[1]), 16);
        NGA_Get(handles[i], lo, hi, values, &now.dims[1]);
        for (int k = 0; k < now.dims[0] * now.dims[1]; k++) EXPECT(load(now.type, values, k) == i + 3, "constructor %d, element %d", i, k);
        free(values);
        GA_Sync();
    }
    int lo[2], hi[2];
    NGA_Distribution(handles[2], me, lo, hi);
    int last = me == size - 1 ? now.dims[1] - 1 : map[me + 2] - 1;
    EXPECT(lo[0] == 0 && hi[0] == now.dims[0] - 1 && lo[1] == map[me + 1] && hi[1] == last, "irregular block [%d:%d,%d:%d]", lo[0], hi[0], lo[1], hi[1]);
    for (int i = 3; i >= 0; i--) GA_Destroy(handles[i]);
}

/* Another array on the memory of one that is there. */
static void overlay(void)
{
    struct array *a = create("a");
    int g = GA_Create_handle();
    GA_Set_data(g, a->ndim, a->dims, a->type);
    EXPECT(GA_Overlay(g, a->g), "GA_Overlay");
    struct array b = *a;
    b.g = g;
    agree(&b, "the same memory");
    GA_Destroy(g);
    agree(a, "the memory after the overlay is destroyed");
    drop(a);
}

/* Created and destroyed many times: handles and memory come back. */
static void many(void)
{
    size_t before = GA_Inquire_memory();
    for (int round = 0; round < 20; round++) {
        int handles[10], chunk[2] = {-1, -1};
        for (int i = 0; i < 10; i++) {
            handles[i] = NGA_Create(now.type, 2, now.dims, "one of many", chunk);
            EXPECT(handles[i] != 0, "round %d, array %d", round, i);
        }
        for (int i = 0; i < 10; i++) GA_Destroy(handles[i]);
    }
    EXPECT(GA_Inquire_memory() == before, "%zu bytes, not %zu", GA_Inquire_memory(), before);
}

static void properties(void)
{
    struct array *a = create("a");
    GA_Set_property(a->g, "read_only");
    int lo[AXES], hi[AXES], ld[AXES];
    whole_patch(a, lo, hi);
    void *values = patch_buffer(a->type, a->ndim, lo, hi, 0, ld);
    NGA_Get(a->g, lo, hi, values, ld);
    for (long i = 0; i < a->count; i++) EXPECT(load(a->type, values, i) == a->mock[i], "read_only, element %ld", i);
    GA_Sync();
    GA_Unset_property(a->g);
    refill(a);
    agree(a, "after GA_Unset_property");
    GA_Set_property(a->g, "read_cache");
    for (int again = 0; again < 2; again++) {
        NGA_Get(a->g, lo, hi, values, ld);
        for (long i = 0; i < a->count; i++) EXPECT(load(a->type, values, i) == a->mock[i], "read_cache, element %ld", i);
    }
    GA_Sync();
    GA_Unset_property(a->g);
    free(values);
    agree(a, "after read_cache");
    drop(a);
}

/* What all write together is read by all, whoever read what before. */
static void written_with_a_cache(void)
{
    struct array *a = create("a");
    int lo[AXES], hi[AXES], ld[AXES];
    whole_patch(a, lo, hi);
    void *values = patch_buffer(a->type, a->ndim, lo, hi, 0, ld);
    GA_Set_property(a->g, "read_cache");
    NGA_Get(a->g, lo, hi, values, ld);
    GA_Zero(a->g);
    NGA_Get(a->g, lo, hi, values, ld);
    for (long i = 0; i < a->count; i++) EXPECT(load(a->type, values, i) == 0, "element %ld", i);
    GA_Sync();
    free(values);
    drop(a);
}

const struct test tests[] = {
    {"inquiries", inquiries, ALL_LAYOUTS, ALL_TYPES, ALL_SHAPES, 0, 0},
    {"duplicates", duplicates, ALL_LAYOUTS, ALL_TYPES, ALL_SHAPES, 0, 0},
    {"constructors", constructors, REGULAR, ALL_TYPES, D2, 0, 0},
    {"overlay", overlay, REGULAR, ALL_TYPES, D1 | D2 | D3, 0, 0},
    {"many", many, REGULAR, DOUBLE, D2, 0, 0},
    {"properties", properties, REGULAR, DOUBLE | INT, D1 | D2 | D3, 0, 0},
    {"written_with_a_cache", written_with_a_cache, REGULAR, DOUBLE | INT, D2, REGULAR, 0},
    {0},
};
