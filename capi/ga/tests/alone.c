/* Groups are made by their members alone: the others are in a barrier meanwhile, or wait for what comes after. */
#include <stdio.h>
#include <stdlib.h>
#include "ga.h"
#include "macdecls.h"

static int me, size;

#define CHECK(condition, ...) do { \
    if (!(condition)) { \
        fprintf(stderr, "rank %d: line %d: %s: ", me, __LINE__, #condition); \
        fprintf(stderr, " " __VA_ARGS__); \
        GA_Error("check failed", 1); \
    } } while (0)

/* An array of the group works while nobody else takes part. */
static void use(int group, int members, const char *what)
{
    int dims[1] = {100}, chunk[1] = {-1}, lo[1] = {0}, hi[1] = {99}, ld[1], i, sum = 1, g;
    double values[100], one = 1;
    CHECK(GA_Pgroup_nnodes(group) == members, "%s: %d members, not %d", what, GA_Pgroup_nnodes(group), members);
    CHECK(GA_Pgroup_absolute_id(group, GA_Pgroup_nodeid(group)) == me, "%s", what);
    GA_Pgroup_igop(group, &sum, 1, "+");
    CHECK(sum == members, "%s: %d", what, sum);
    g = NGA_Create_config(C_DBL, 1, dims, "theirs", chunk, group);
    CHECK(g, "%s", what);
    GA_Zero(g);
    for (i = 0; i < 100; i++) values[i] = i;
    NGA_Acc(g, lo, hi, values, ld, &one);
    GA_Pgroup_sync(group);
    NGA_Get(g, lo, hi, values, ld);
    for (i = 0; i < 100; i++) CHECK(values[i] == i * members, "%s: element %d", what, i);
    GA_Pgroup_sync(group);
    GA_Destroy(g);
}

/* Waits for a counter that others add to. */
static void await(int g, int at, long value)
{
    int sub[1] = {at};
    while (NGA_Read_inc(g, sub, 0) < value)
        ;
}

int main(int argc, char **argv)
{
    int all[64], i, round, group, counters, dims[1] = {64}, chunk[1] = {64}, sub[1];
    GA_Initialize();
    me = GA_Nodeid();
    size = GA_Nnodes();
    for (i = 0; i < size; i++) all[i] = i;
    counters = NGA_Create(C_LONG, 1, dims, "counters", chunk);
    GA_Zero(counters);

    /* All but the last. */
    if (me < size - 1)
        for (round = 0; round < 5; round++) {
            int half, copy, parts;
            group = GA_Pgroup_create(all, size - 1);
            use(group, size - 1, "all but the last");
            copy = GA_Pgroup_duplicate(group);
            use(copy, size - 1, "a copy");
            parts = GA_Pgroup_split_irreg(group, me % 2);
            use(parts, (size - me % 2) / 2, "by colour");
            /* Groups of the default group. */
            GA_Pgroup_set_default(group);
            half = GA_Pgroup_create(all, 1);
            CHECK((GA_Pgroup_nodeid(half) == 0) == (me == 0), "only the first is in it");
            if (me == 0) {
                GA_Pgroup_set_default(half);
                CHECK(GA_Nnodes() == 1 && GA_Nodeid() == 0, "alone");
                GA_Sync();
            }
            GA_Pgroup_set_default(GA_Pgroup_get_world());
            GA_Pgroup_destroy(half);
            GA_Pgroup_destroy(parts);
            GA_Pgroup_destroy(copy);
            GA_Pgroup_destroy(group);
        }
    GA_Sync();

    /* Pairs that overlap: a chain, each link made by its two ranks. */
    for (i = 0; i + 1 < size; i++)
        if (me == i || me == i + 1) {
            int pair[2];
            pair[0] = i + 1, pair[1] = i;
            group = GA_Pgroup_create(pair, 2);
            use(group, 2, "a pair");
            GA_Pgroup_destroy(group);
        }
    GA_Sync();

    /* Each part of a split is there before the ranks before it have called. */
    if (me + 1 < size) await(counters, me + 1, 1);
    group = GA_Pgroup_split(GA_Pgroup_get_world(), size);
    use(group, 1, "a part");
    sub[0] = me;
    NGA_Read_inc(counters, sub, 1);
    GA_Pgroup_destroy(group);
    GA_Sync();

    /* Who isn't listed may call, and is back at once. */
    if (size > 1) {
        if (me == 0) await(counters, size - 1, 2);
        group = GA_Pgroup_create(all, 1);
        CHECK(GA_Pgroup_nnodes(group) == 1 && (GA_Pgroup_nodeid(group) == 0) == (me == 0), "the first");
        if (me > 0) NGA_Read_inc(counters, sub, 1);
        GA_Pgroup_destroy(group);
    }
    GA_Destroy(counters);
    GA_Terminate();
    printf("done %d\n", me);
    return 0;
}
