/* What is not about one family: handles, descriptions of arrays, registered types, groups, memory that is not there, threads. */
#include <pthread.h>
#include "twin.h"

static void handles(void)
{
    int dims[] = {6, 8}, h[5];
    for (int k = 0; k < 5; k++) {
        h[k] = NGA_Create(C_INT, 2, dims, "a", NULL);
        CHECK(h[k] == -1000 + k);
    }
    GA_Destroy(h[1]);
    GA_Destroy(h[3]);
    CHECK(!GA_Valid_handle(h[1]) && GA_Valid_handle(h[2]) && !GA_Valid_handle(0) && !GA_Valid_handle(99));
    CHECK(GA_Duplicate(h[0], "b") == h[1] && GA_Create_handle() == h[3]);
    CHECK(!GA_Valid_handle(h[3]) && strcmp(GA_Inquire_name(h[1]), "b") == 0);
    CHECK(GA_Compare_distr(h[0], h[1]) == 0);
    for (int k = 0; k < 5; k++) GA_Destroy(h[k]);
}

static void descriptions(void)
{
    int dims[] = {12, 10}, block[] = {2, 3}, type, ndim, there[2];
    int g = GA_Create_handle();
    GA_Set_data(g, 2, dims, C_DBL);
    GA_Set_array_name(g, "described");
    GA_Set_block_cyclic(g, block);
    CHECK(GA_Allocate(g) == 1);
    NGA_Inquire(g, &type, &ndim, there);
    CHECK(type == C_DBL && ndim == 2 && there[0] == 12 && there[1] == 10);
    CHECK(GA_Total_blocks(g) == 24 && GA_Ndim(g) == 2 && !GA_Has_ghosts(g));
    double value = 3;
    GA_Fill(g, &value);
    /* Blocks are numbered row by row, and every block is where it is said to be. */
    double sum = 0;
    for (int k = 0; k < 24; k++) {
        int lo[2], hi[2], ld, at[2] = {k / 4, k % 4};
        double *p, *q;
        NGA_Distribution(g, k, lo, hi);
        CHECK(lo[0] == 2 * at[0] && lo[1] == 3 * at[1] && NGA_Locate(g, lo) == k);
        if (k % ranks != me) continue;
        NGA_Access_block(g, k, &p, &ld);
        NGA_Access_block_grid(g, at, &q, &ld);
        CHECK(p == q);
        for (int i = 0; i <= hi[0] - lo[0]; i++)
            for (int j = 0; j <= hi[1] - lo[1]; j++) sum += p[i * ld + j];
        NGA_Release_update_block(g, k);
    }
    GA_Dgop(&sum, 1, "+");
    CHECK(sum == 360);
    CHECK(GA_Deallocate(g) == 1 && !GA_Valid_handle(g) && GA_Allocate(g) == 1 && GA_Total_blocks(g) == 24);
    /* Another array in the same memory. */
    int other[] = {8}, o = GA_Create_handle();
    GA_Set_data(o, 1, other, C_INT);
    CHECK(GA_Overlay(o, g) == 1);
    int lo[] = {0}, hi[] = {7}, out[8] = {1, 2, 3, 4, 5, 6, 7, 8}, in[8];
    if (me == 0) NGA_Put(o, lo, hi, out, NULL);
    GA_Sync();
    NGA_Get(o, lo, hi, in, NULL);
    CHECK(memcmp(in, out, sizeof in) == 0);
    GA_Destroy(o);
    GA_Destroy(g);
    /* All on the last rank. */
    g = GA_Create_handle();
    GA_Set_data(g, 2, dims, C_LONG);
    GA_Set_restricted_range(g, ranks - 1, ranks - 1);
    CHECK(GA_Allocate(g) == 1);
    int from[2], to[2];
    NGA_Distribution(g, ranks - 1, from, to);
    CHECK(from[0] == 0 && to[0] == 11 && to[1] == 9);
    if (ranks > 1) {
        NGA_Distribution(g, 0, from, to);
        CHECK(from[0] == -1 && to[0] == -2);
    }
    GA_Destroy(g);
    /* Memory of one's own. */
    int small[] = {4, 5};
    g = NGA_Create(C_DBL, 2, small, "small", NULL);
    int have[2], until[2];
    NGA_Distribution(g, me, have, until);
    int mine = (until[0] - have[0] + 1) * (until[1] - have[1] + 1);
    void *memory = GA_Getmem(C_DBL, mine, GA_Pgroup_get_world());
    CHECK(memory != NULL);
    int copy = GA_Assemble_duplicate(g, "assembled", memory);
    CHECK(copy != 0);
    GA_Fill(copy, &value);
    CHECK(mine == 0 || *(double *)memory == 3);
    GA_Destroy(copy);
    GA_Freemem(memory);
    GA_Destroy(g);
}

typedef struct { int id; double x[2]; char tag; } thing;

static void registered(void)
{
    int type = NGA_Register_type(sizeof(thing)), dims[] = {5, 7}, ld[] = {7};
    CHECK(type >= 1017 && NGA_Register_type(3) == type + 1 && NGA_Deregister_type(type + 1) == 0);
    int g = NGA_Create(type, 2, dims, "things", NULL), kind, ndim, there[2];
    NGA_Inquire(g, &kind, &ndim, there);
    CHECK(kind == type && ndim == 2 && there[1] == 7);
    thing all[5][7], back[5][7];
    memset(all, 0, sizeof all);
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 7; j++) { all[i][j].id = 10 * i + j; all[i][j].x[1] = i - j; }
    int lo[] = {0, 0}, hi[] = {4, 6};
    if (me == 0) NGA_Put(g, lo, hi, all, ld);
    GA_Sync();
    NGA_Get(g, lo, hi, back, ld);
    CHECK(memcmp(all, back, sizeof all) == 0);
    double x[3][2], y[3][2] = {{.5, 1.5}, {2.5, 3.5}, {4.5, 5.5}};
    int from[] = {1, 2}, to[] = {3, 3}, two[] = {2};
    NGA_Get_field(g, from, to, offsetof(thing, x) + sizeof(double), sizeof(double), x, two);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 2; j++) CHECK(x[i][j] == i - j - 1);
    GA_Sync();
    ga_nbhdl_t handle;
    if (me == ranks - 1) {
        NGA_Nbput_field(g, from, to, offsetof(thing, x), sizeof(double), y, two, &handle);
        NGA_NbWait(&handle);
    }
    GA_Sync();
    int subscripts[] = {3, 3, 1, 2}, *pointers[] = {subscripts, subscripts + 2};
    thing some[2];
    NGA_Gather(g, some, pointers, 2);
    CHECK(some[0].x[0] == 5.5 && some[0].x[1] == 0 && some[0].id == 33 && some[1].x[0] == .5 && some[1].id == 12);
    GA_Sync();
    GA_Destroy(g);
    NGA_Deregister_type(type);
}

static void groups(void)
{
    CHECK(GA_Pgroup_get_world() == -1 && GA_Pgroup_get_default() == -1);
    /* Listed backwards, which is no matter: members are in ascending order. */
    int list[8], dims[] = {9};
    for (int k = 0; k < ranks; k++) list[k] = ranks - 1 - k;
    int p = GA_Pgroup_create(list, ranks);
    CHECK(GA_Pgroup_nodeid(p) == me && GA_Pgroup_nnodes(p) == ranks && GA_Pgroup_absolute_id(p, ranks - 1) == ranks - 1);
    int number = me;
    GA_Pgroup_brdcst(p, &number, sizeof number, 0);
    CHECK(number == 0);
    GA_Pgroup_set_default(p);
    CHECK(GA_Nodeid() == me);
    int g = NGA_Create(C_INT, 1, dims, "of all", NULL);
    CHECK(GA_Get_pgroup(g) == p);
    int lo, hi;
    NGA_Distribution(g, 0, &lo, &hi);
    CHECK(lo == 0);
    GA_Pgroup_set_default(GA_Pgroup_get_world());
    GA_Destroy(g);
    int odd = GA_Pgroup_split_irreg(GA_Pgroup_get_world(), me % 2), half = GA_Pgroup_split(p, ranks > 1 ? 2 : 1);
    CHECK(GA_Pgroup_nodeid(odd) == me / 2 && GA_Get_pgroup_size(odd) == (ranks + 1 - me % 2) / 2);
    long sum = 1;
    GA_Pgroup_lgop(odd, &sum, 1, "+");
    CHECK(sum == GA_Pgroup_nnodes(odd));
    int self = GA_Pgroup_self();
    CHECK(GA_Pgroup_nnodes(self) == 1 && GA_Pgroup_absolute_id(self, 0) == me);
    /* Everybody's own array, with a handle that is this rank's business. */
    int mine = NGA_Create_config(C_INT, 1, dims, "mine", NULL, self), from[] = {0}, to[] = {8};
    int out[9] = {me, 2, 3}, in[9];
    NGA_Put(mine, from, to, out, NULL);
    NGA_Get(mine, from, to, in, NULL);
    CHECK(memcmp(in, out, sizeof in) == 0);
    GA_Destroy(mine);
    int copy = GA_Pgroup_duplicate(odd);
    GA_Pgroup_sync(copy);
    GA_Pgroup_destroy(copy);
    GA_Pgroup_destroy(self);
    GA_Pgroup_destroy(half);
    GA_Pgroup_destroy(odd);
    GA_Pgroup_destroy(p);
    DoubleComplex z = {me, 1};
    GA_Zgop(&z, 1, "*");
    double m[2] = {me - 2, -me};
    GA_Dgop(m, 2, "absmax");
    CHECK(m[0] == (ranks > 4 ? ranks - 3 : 2) && m[1] == ranks - 1);
    int mirror = GA_Pgroup_get_mirror();
    g = NGA_Create_config(C_DBL, 1, dims, "mirrored", NULL, mirror);
    CHECK(GA_Is_mirrored(g));
    double one = 1, two;
    GA_Fill(g, &one);
    GA_Merge_mirrored(g);
    NGA_Get(g, from, from, &two, NULL);
    CHECK(two == GA_Cluster_nnodes());
    GA_Sync();
    GA_Destroy(g);
}

static void memory_that_is_not_there(void)
{
    int64_t huge[] = {1 << 30, 1 << 20}, absurd[] = {INT64_MAX / 2, INT64_MAX / 2};
    size_t before = GA_Inquire_memory();
    CHECK(NGA_Create64(C_DBL, 2, huge, "huge", NULL) == 0);
    CHECK(NGA_Create64(C_DBL, 2, absurd, "absurd", NULL) == 0);
    CHECK(GA_Inquire_memory() == before && !GA_Memory_limited());
    int dims[] = {1000, 1000};
    GA_Set_memory_limit(before + 1000000);
    CHECK(GA_Memory_limited() && GA_Memory_avail() <= 1000000);
    CHECK(NGA_Create(C_DBL, 2, dims, "too large", NULL) == 0);
    dims[0] = 10;
    int g = NGA_Create(C_DBL, 2, dims, "small enough", NULL);
    CHECK(g == -1000);
    GA_Destroy(g);
    GA_Set_memory_limit(0);
    CHECK(!GA_Memory_limited());
}

static int shared, counter, threads_done;

/* Its own rows of the array, and everybody's counter. */
static void *work(void *number)
{
    int t = (int)(intptr_t)number, row = 4 * me + t, sub[] = {0};
    double out[50], in[50], one = 1;
    for (int round = 0; round < 200; round++) {
        int lo[] = {row, round % 10}, hi[] = {row, round % 10 + 49}, ld[] = {50};
        for (int k = 0; k < 50; k++) out[k] = row * round + k;
        ga_nbhdl_t handle;
        NGA_NbPut(shared, lo, hi, out, ld, &handle);
        NGA_NbWait(&handle);
        NGA_Acc(shared, lo, hi, out, ld, &one);
        NGA_Get(shared, lo, hi, in, ld);
        for (int k = 0; k < 50; k++) CHECK(in[k] == 2 * out[k]);
        NGA_Read_inc(counter, sub, 1);
    }
    __atomic_fetch_add(&threads_done, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void threads(void)
{
    int dims[] = {4 * ranks, 64}, one[] = {1};
    shared = NGA_Create(C_DBL, 2, dims, "shared", NULL);
    counter = NGA_Create(C_LONG, 1, one, "counter", NULL);
    GA_Zero(counter);
    pthread_t thread[4];
    for (intptr_t t = 0; t < 4; t++) pthread_create(&thread[t], NULL, work, (void *)t);
    for (int t = 0; t < 4; t++) pthread_join(thread[t], NULL);
    GA_Sync();
    int sub[] = {0};
    CHECK(threads_done == 4 && NGA_Read_inc(counter, sub, 0) == 800 * ranks);
    GA_Sync();
    GA_Destroy(shared);
    GA_Destroy(counter);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    handles();
    descriptions();
    registered();
    groups();
    memory_that_is_not_there();
    threads();
    return finish();
}
