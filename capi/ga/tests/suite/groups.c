/* Groups of ranks, arrays on them, and collectives of the world and of groups. */
#include "harness.h"

/* The reductions of every type; complex sums and products only. */
static void reduction_over(int group, int members, int first, int stride)
{
    static const char *const names[] = {"+", "*", "max", "min", "absmax", "absmin"};
    enum { MANY = 300 };
    char *values = malloc(MANY * 16);
    for (int op = 0; op < (is_complex(now.type) ? 2 : 6); op++) {
        for (int count = 1; count <= MANY; count += count < 4 ? 1 : 148) {
            Value wanted[MANY];
            for (int i = 0; i < count; i++) {
                for (int k = 0; k < members; k++) {
                    int rank = first + k * stride;
                    double x = op == 1 ? 1 + (i + rank) % 3 : (i * 7 + rank * 5) % 19 - 9;
                    if (rank == me) store(now.type, values, i, x);
                    if (k == 0) {
                        wanted[i] = op < 4 ? x : fabs(x);
                        continue;
                    }
                    double old = creal(wanted[i]);
                    switch (op) {
                    case 0: wanted[i] = old + x; break;
                    case 1: wanted[i] = old * x; break;
                    case 2: wanted[i] = fmax(old, x); break;
                    case 3: wanted[i] = fmin(old, x); break;
                    case 4: wanted[i] = fmax(old, fabs(x)); break;
                    default: wanted[i] = fmin(old, fabs(x));
                    }
                }
            }
            char *name = (char *)names[op];
            if (group < 0) GA_Gop(now.type, values, count, name);
            else switch (now.type) {
            case C_INT: GA_Pgroup_igop(group, (int *)values, count, name); break;
            case C_LONG: GA_Pgroup_lgop(group, (long *)values, count, name); break;
            case C_LONGLONG: GA_Pgroup_llgop(group, (long long *)values, count, name); break;
            case C_FLOAT: GA_Pgroup_fgop(group, (float *)values, count, name); break;
            case C_DBL: GA_Pgroup_dgop(group, (double *)values, count, name); break;
            case C_SCPL: GA_Pgroup_cgop(group, (SingleComplex *)values, count, name); break;
            default: GA_Pgroup_zgop(group, (DoubleComplex *)values, count, name);
            }
            for (int i = 0; i < count; i++) {
                Value found = load(now.type, values, i);
                /* The original keeps the sign of one rank's absolute extremes. */
                EXPECT(found == wanted[i] || (op >= 4 && members == 1), "%s of %d, element %d: %g, not %g", name, count, i, creal(found), creal(wanted[i]));
            }
        }
    }
    free(values);
}

static void reductions(void)
{
    reduction_over(-1, size, 0, 1);
}

/* Whether all are not 0, whether one is; and a sum whose operator has nothing after it. */
static void other_operators(void)
{
    int all[2] = {me + 1, me}, any[2] = {0, me == size - 1};
    GA_Igop(all, 2, "&&");
    GA_Igop(any, 2, "||");
    EXPECT(all[0] == 1 && all[1] == 0 && any[0] == 0 && any[1] == 1, "%d %d %d %d", all[0], all[1], any[0], any[1]);
    char names[3] = {'+', 'x', 'x'};
    double one = 1;
    GA_Dgop(&one, 1, names);
    EXPECT(one == size, "%g", one);
}

static void broadcasts(void)
{
    char bytes[5000];
    for (int root = 0; root < size; root++)
        for (int count = 1; count <= 5000; count = count * 7 + 3) {
            memset(bytes, me == root ? root + 65 : 0, sizeof bytes);
            GA_Brdcst(bytes, count, root);
            for (int i = 0; i < count; i++) EXPECT(bytes[i] == root + 65, "byte %d of %d from %d", i, count, root);
        }
}

/* Even ranks make one group, odd ones another; both work at once. */
static void two_groups(void)
{
    int half = me % 2, members = (size + 1 - half) / 2, list[4], count = 0;
    for (int rank = half; rank < size; rank += 2) list[count++] = rank;
    int group = GA_Pgroup_create(list, count);
    EXPECT(GA_Pgroup_nnodes(group) == members, "%d members", GA_Pgroup_nnodes(group));
    EXPECT(GA_Pgroup_nodeid(group) == me / 2, "number %d", GA_Pgroup_nodeid(group));
    for (int k = 0; k < members; k++) EXPECT(GA_Pgroup_absolute_id(group, k) == half + 2 * k, "member %d", k);
    reduction_over(group, members, half, 2);
    int word = me == half ? 77 + half : 0;
    GA_Pgroup_brdcst(group, &word, sizeof word, 0);
    EXPECT(word == 77 + half, "GA_Pgroup_brdcst: %d", word);
    GA_Pgroup_sync(group);
    /* An array of the group: its members fill it and see it. */
    int dims[2] = {6, 5}, lo[2] = {0, 0}, hi[2] = {5, 4}, ld = 5, chunk[2] = {-1, -1};
    int g = NGA_Create_config(now.type, 2, dims, "of a group", chunk, group);
    EXPECT(g != 0 && GA_Get_pgroup(g) == group, "GA_Get_pgroup");
    EXPECT(GA_Get_pgroup_size(group) == members, "GA_Get_pgroup_size");
    GA_Fill(g, scalar(now.type, half + 3));
    void *buffer = calloc(30, 16);
    NGA_Get(g, lo, hi, buffer, &ld);
    for (int i = 0; i < 30; i++) EXPECT(load(now.type, buffer, i) == half + 3, "element %d", i);
    GA_Pgroup_sync(group);
    NGA_Acc(g, lo, hi, buffer, &ld, scalar(now.type, 1));
    GA_Pgroup_sync(group);
    NGA_Get(g, lo, hi, buffer, &ld);
    for (int i = 0; i < 30; i++) EXPECT(load(now.type, buffer, i) == (half + 3) * (1 + members), "element %d after NGA_Acc", i);
    GA_Pgroup_sync(group);
    free(buffer);
    GA_Destroy(g);
    /* What is collective is of the default group, if there is another. */
    int world = GA_Pgroup_get_world(), old = GA_Pgroup_get_default();
    EXPECT(old == world, "the default group");
    GA_Pgroup_set_default(group);
    EXPECT(GA_Nnodes() == members && GA_Nodeid() == me / 2, "GA_Nnodes %d, GA_Nodeid %d", GA_Nnodes(), GA_Nodeid());
    int one = 1;
    GA_Igop(&one, 1, "+");
    EXPECT(one == members, "GA_Igop %d", one);
    GA_Sync();
    GA_Pgroup_set_default(world);
    GA_Sync();
    EXPECT(GA_Nnodes() == size && GA_Nodeid() == me, "GA_Nodeid %d", GA_Nodeid());
    GA_Pgroup_destroy(group);
}

static void splits(void)
{
    int world = GA_Pgroup_get_world();
    int group = GA_Pgroup_split_irreg(world, me % 2);
    int one = 1;
    GA_Pgroup_igop(group, &one, 1, "+");
    EXPECT(one == (size + 1 - me % 2) / 2, "GA_Pgroup_split_irreg: %d members", one);
    GA_Pgroup_destroy(group);
    int copy = GA_Pgroup_duplicate(world);
    EXPECT(GA_Pgroup_nnodes(copy) == size && GA_Pgroup_nodeid(copy) == me, "GA_Pgroup_duplicate");
    GA_Pgroup_sync(copy);
    GA_Pgroup_destroy(copy);
    int self = GA_Pgroup_self();
    EXPECT(GA_Pgroup_nnodes(self) == 1 && GA_Pgroup_nodeid(self) == 0, "GA_Pgroup_self");
    GA_Pgroup_destroy(self);
    EXPECT(GA_Pgroup_split(world, 0) == world, "no parts");
    int alone = GA_Pgroup_split(world, size + 3);
    EXPECT(GA_Pgroup_nnodes(alone) == 1 && GA_Pgroup_absolute_id(alone, 0) == me, "more parts than ranks");
    GA_Pgroup_destroy(alone);
    if (size % 2 == 0) {
        int part = GA_Pgroup_split(world, 2);
        EXPECT(GA_Pgroup_nnodes(part) == size / 2, "GA_Pgroup_split: %d members", GA_Pgroup_nnodes(part));
        GA_Pgroup_sync(part);
        GA_Pgroup_destroy(part);
    }
}

/* Nodes of the machine; one copy of a mirrored array on each. */
static void nodes(void)
{
    int nodes = GA_Cluster_nnodes(), node = GA_Cluster_nodeid(), all = 0;
    EXPECT(GA_Cluster_proc_nodeid(me) == node, "my node");
    for (int n = 0; n < nodes; n++) {
        all += GA_Cluster_nprocs(n);
        for (int k = 0; k < GA_Cluster_nprocs(n); k++) EXPECT(GA_Cluster_proc_nodeid(GA_Cluster_procid(n, k)) == n, "rank %d of node %d", k, n);
    }
    EXPECT(all == size, "nodes have %d ranks", all);
    int mirror = GA_Pgroup_get_mirror(), chunk[2] = {-1, -1}, lo[2] = {0, 0}, hi[2] = {now.dims[0] - 1, now.dims[1] - 1}, ld = now.dims[1];
    int g = NGA_Create_config(now.type, 2, now.dims, "mirrored", chunk, mirror);
    EXPECT(GA_Is_mirrored(g), "GA_Is_mirrored");
    long count = (long)now.dims[0] * now.dims[1];
    void *buffer = calloc((size_t)count, 16);
    GA_Zero(g);
    for (long i = 0; i < count; i++) store(now.type, buffer, i, 1 + i % 7);
    NGA_Acc(g, lo, hi, buffer, &ld, scalar(now.type, 1));
    GA_Sync();
    GA_Merge_mirrored(g);
    NGA_Get(g, lo, hi, buffer, &ld);
    for (long i = 0; i < count; i++) EXPECT(load(now.type, buffer, i) == size * (1 + i % 7), "merged element %ld", i);
    free(buffer);
    GA_Sync();
    GA_Destroy(g);
}

const struct test tests[] = {
    {"reductions", reductions, REGULAR, ALL_TYPES, D1, 0, 0},
    {"other_operators", other_operators, REGULAR, INT, D1, 0, INT},
    {"broadcasts", broadcasts, REGULAR, INT, D1, 0, 0},
    {"two_groups", two_groups, REGULAR, ALL_TYPES, D1, 0, LONGLONG},
    {"splits", splits, REGULAR, INT, D1, 0, 0},
    {"nodes", nodes, REGULAR, INT | DOUBLE | DCPL, D2, 0, 0},
    {0},
};
