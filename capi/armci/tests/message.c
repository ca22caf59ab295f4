/* Messages, reductions, broadcasts, groups, domains, atomics, mutexes, memory of one rank. */
#include "check.h"

static void *parts[64];

static void send_and_receive(void)
{
    enum { LONG = 100000 };
    static char mine[LONG], there[LONG];
    int i, len, to = (me + 1) % size, from = (me + size - 1) % size, seen = 0;
    for (i = 0; i < LONG; i++) mine[i] = (char)(i * 13 + me);
    /* Everybody sends first; tags are received in the other order. */
    armci_msg_snd(1, mine, LONG, to);
    armci_msg_snd(2, mine, 10, to);
    armci_msg_snd(3, NULL, 0, to);
    while (!armci_msg_probe(3, from)) {}
    CHECK(!armci_msg_probe(4, -1));
    armci_msg_rcv(3, there, LONG, &len, from);
    CHECK(len == 0);
    armci_msg_rcv(2, there, LONG, &len, from);
    CHECK(len == 10 && there[9] == (char)(9 * 13 + from));
    armci_msg_rcv(1, there, LONG, NULL, from);
    for (i = 0; i < LONG; i++) CHECK(there[i] == (char)(i * 13 + from), "at %d", i);
    if (me == 0) {
        for (i = 1; i < size; i++) {
            int rank, sender = armci_msg_rcvany(5, &rank, sizeof rank, &len);
            CHECK(sender == rank && len == (int)sizeof rank);
            seen |= 1 << rank;
        }
        CHECK(seen == (1 << size) - 2);
    } else armci_msg_snd(5, &me, sizeof me, 0);
    armci_msg_barrier();
}

#define REDUCTIONS(name, type, gop, group_gop, clus_gop, kind) \
static void name(void) \
{ \
    type x[300], least, most, sum; \
    ARMCI_Group world; \
    int i, rank; \
    ARMCI_Group_get_world(&world); \
    for (i = 0; i < 300; i++) x[i] = (me + 1) * (i % 7 - 3); \
    gop(x, 300, "+"); \
    for (i = 0; i < 300; i++) CHECK(x[i] == (type)(size * (size + 1) / 2 * (i % 7 - 3)), "at %d", i); \
    for (least = most = me + 1, sum = 0, rank = 1; rank <= size; rank++) sum += rank; \
    gop(&most, 1, "max"); \
    gop(&least, 1, "min"); \
    CHECK(most == (type)size && least == 1); \
    x[0] = me % 2 ? -me - 1 : me + 1; \
    x[1] = x[0]; \
    group_gop(x, 1, "absmax", &world); \
    armci_msg_gop_scope(SCOPE_ALL, x + 1, 1, "absmin", kind); \
    CHECK(x[0] == (type)size && x[1] == 1); \
    x[0] = 2; \
    armci_msg_reduce(x, 1, "*", kind); \
    CHECK(x[0] == (type)(1 << size)); \
    x[0] = 1; \
    clus_gop(x, 1, "+"); \
    CHECK(x[0] == (type)armci_domain_nprocs(ARMCI_DOMAIN_SMP, armci_domain_my_id(ARMCI_DOMAIN_SMP))); \
    x[0] = me; \
    armci_msg_gop_scope(SCOPE_ALL, x, 1, "&&", kind); \
    CHECK(x[0] == 0); \
    x[0] = me == 0 ? 5 : 0; \
    armci_msg_gop_scope(SCOPE_ALL, x, 1, "||", kind); \
    CHECK(x[0] == 1); \
    for (rank = 0; rank < 2; rank++) { \
        struct { type key; int who; } best; \
        best.key = me == size - 1 ? -5 : me; \
        best.who = me; \
        armci_msg_sel(&best, sizeof best, rank ? "max" : "min", kind, me != 0 || size == 1); \
        CHECK(best.who == (rank && size > 2 ? size - 2 : size - 1), "%d has it", best.who); \
    } \
}

REDUCTIONS(ints, int, armci_msg_igop, armci_msg_group_igop, armci_msg_clus_igop, ARMCI_INT)
REDUCTIONS(longs, long, armci_msg_lgop, armci_msg_group_lgop, armci_msg_clus_lgop, ARMCI_LONG)
REDUCTIONS(llongs, long long, armci_msg_llgop, armci_msg_group_llgop, armci_msg_clus_llgop, ARMCI_LONG_LONG)
REDUCTIONS(floats, float, armci_msg_fgop, armci_msg_group_fgop, armci_msg_clus_fgop, ARMCI_FLOAT)
REDUCTIONS(doubles, double, armci_msg_dgop, armci_msg_group_dgop, armci_msg_clus_dgop, ARMCI_DOUBLE)

/* Numbers that begin anywhere, as behind a header. */
static void misaligned(void)
{
    char message[4 + 3 * sizeof(double)];
    double numbers[3] = {me, 1, -me};
    int i;
    memcpy(message + 4, numbers, sizeof numbers);
    armci_msg_dgop((double *)(message + 4), 3, "+");
    memcpy(numbers, message + 4, sizeof numbers);
    for (i = 0; i < 3; i++) CHECK(numbers[i] == (i == 1 ? size : (1 - i) * size * (size - 1) / 2), "at %d", i);
}

static void broadcasts(void)
{
    static char data[70000];
    void *addresses[64] = {0};
    int root, up, left, right, i, bits = 1 << me;
    for (root = 0; root < size; root++) {
        memset(data, me, sizeof data);
        armci_msg_bcast(data, sizeof data, root);
        CHECK(data[0] == root && data[69999] == root);
        memset(data, me, sizeof data);
        armci_msg_bcast_scope(SCOPE_ALL, data, 5, root);
        CHECK(data[4] == root && data[5] == me);
    }
    armci_msg_igop(&bits, 1, "or");
    CHECK(bits == (1 << size) - 1);
    data[0] = me;
    armci_msg_clus_brdcst(data, 1);
    CHECK(data[0] == armci_domain_glob_proc_id(ARMCI_DOMAIN_SMP, armci_domain_my_id(ARMCI_DOMAIN_SMP), 0));
    addresses[me] = (void *)(long)(100 + me);
    armci_exchange_address(addresses, size);
    for (i = 0; i < size; i++) CHECK(addresses[i] == (void *)(long)(100 + i));
    armci_msg_bintree(SCOPE_ALL, &root, &up, &left, &right);
    CHECK(root == 0 && up == (me ? (me - 1) / 2 : -1));
    CHECK(left == (2 * me + 1 < size ? 2 * me + 1 : -1) && right == (2 * me + 2 < size ? 2 * me + 2 : -1));
    CHECK(armci_timer() <= armci_timer());
}

static void groups(void)
{
    ARMCI_Group half, child, again, dup;
    int list[64], n = 0, i, rank, count, sum = me;
    /* The even and the odd ranks, both at once. */
    for (i = me % 2; i < size; i += 2) list[n++] = i;
    ARMCI_Group_create(n, list, &half);
    CHECK(!ARMCI_Group_rank(&half, &rank) && rank == me / 2);
    ARMCI_Group_size(&half, &count);
    CHECK(count == n);
    for (i = 0; i < n; i++) CHECK(ARMCI_Absolute_id(&half, i) == list[i]);
    CHECK(!ARMCI_Malloc_group(parts, 64, &half));
    CHECK(!ARMCI_PutValueInt(me, parts[(rank + 1) % n], list[(rank + 1) % n]));
    armci_msg_group_barrier(&half);
    CHECK(*(int *)parts[rank] == list[(rank + n - 1) % n]);
    armci_msg_group_igop(&sum, 1, "+", &half);
    for (i = 0; i < n; i++) sum -= list[i];
    CHECK(sum == 0);
    i = me;
    armci_msg_group_bcast_scope(SCOPE_ALL, &i, sizeof i, list[n - 1], &half);
    CHECK(i == list[n - 1]);
    CHECK(!ARMCI_Free_group(parts[rank], &half));
    /* A group of one of its ranks, which the others make, too. */
    list[0] = 0;
    ARMCI_Group_create_child(1, list, &child, &half);
    CHECK(ARMCI_Group_rank(&child, &i) == (rank != 0) && i == (rank ? -1 : 0));
    ARMCI_Group_free(&child);
    ARMCI_Group_set_default(&half);
    ARMCI_Group_get_default(&again);
    CHECK(again == half);
    CHECK(!ARMCI_Malloc(parts, 8) && !ARMCI_Free(parts[rank]));
    ARMCI_Group_get_world(&again);
    ARMCI_Group_set_default(&again);
    CHECK(!ARMCIX_Group_dup(&half, &dup) && !ARMCI_Group_rank(&dup, &i) && i == rank);
    ARMCI_Group_free(&dup);
    CHECK(!ARMCIX_Group_split(&again, me < size / 2, -me, &dup));
    ARMCI_Group_size(&dup, &count);
    CHECK(count == (me < size / 2 ? size / 2 : size - size / 2));
    ARMCI_Group_rank(&dup, &i);
    CHECK(ARMCI_Absolute_id(&dup, 0) == (me < size / 2 ? size / 2 - 1 : size - 1));
    ARMCI_Group_free(&dup);
    ARMCI_Group_free(&half);
}

static void domains(void)
{
    int node, i, total = 0, nodes = armci_domain_count(ARMCI_DOMAIN_SMP);
    for (node = 0; node < nodes; node++)
        for (i = 0; i < armci_domain_nprocs(ARMCI_DOMAIN_SMP, node); i++, total++) {
            int rank = armci_domain_glob_proc_id(ARMCI_DOMAIN_SMP, node, i);
            int is_mine = node == armci_domain_my_id(ARMCI_DOMAIN_SMP);
            CHECK(armci_domain_id(ARMCI_DOMAIN_SMP, rank) == node);
            CHECK(armci_domain_same_id(ARMCI_DOMAIN_SMP, rank) == is_mine);
            CHECK(ARMCI_Same_node(rank) == is_mine && armci_sameclusnode(rank) == is_mine);
        }
    CHECK(total == size);
}

static void atomics(void)
{
    struct { long count; int number; int pad; long plain; } *mine;
    armcix_mutex_hdl_t set;
    ARMCI_Group world;
    int i, old, sum = 0, got = 0;
    long before;
    CHECK(!ARMCI_Malloc(parts, sizeof *mine));
    mine = parts[me];
    memset(mine, 0, sizeof *mine);
    ARMCI_Barrier();
#define OF(rank, field) ((char *)parts[rank] + ((char *)&mine->field - (char *)mine))
    for (i = 0; i < 100; i++) {
        CHECK(!ARMCI_Rmw(ARMCI_FETCH_AND_ADD, &old, OF(0, number), 1, 0));
        sum += old;
        CHECK(!ARMCI_Rmw(ARMCI_FETCH_AND_ADD_LONG, &before, OF(size - 1, count), 3, size - 1));
        CHECK(before % 3 == 0);
    }
    armci_msg_igop(&sum, 1, "+");
    CHECK(sum == 100 * size * (100 * size - 1) / 2, "every number once");
    ARMCI_Barrier();
    old = me + 1;
    CHECK(!ARMCI_Rmw(ARMCI_SWAP, &old, OF(0, number), 0, 0));
    before = me;
    CHECK(!ARMCI_Rmw(ARMCI_SWAP_LONG, &before, OF(me, count), 0, me));
    CHECK(before == (me == size - 1 ? 300 * size : 0) && mine->count == me);
    ARMCI_Barrier();
    /* What was taken out and what is left: 100 * size and everybody's number. */
    if (me == 0) old += mine->number;
    armci_msg_igop(&old, 1, "+");
    CHECK(old == 100 * size + size * (size + 1) / 2);
    CHECK(!ARMCI_Create_mutexes(2));
    ARMCI_Group_get_world(&world);
    set = ARMCIX_Create_mutexes_hdl(1, &world);
    for (i = 0; i < 50; i++) {
        long plain;
        ARMCI_Lock(1, size - 1);
        CHECK(!ARMCI_Get(OF(0, plain), &plain, sizeof plain, 0));
        plain++;
        CHECK(!ARMCI_Put(&plain, OF(0, plain), sizeof plain, 0));
        ARMCI_Unlock(1, size - 1);
        ARMCIX_Lock_hdl(set, 0, 0);
        CHECK(!ARMCI_Get(OF(0, plain), &plain, sizeof plain, 0));
        ARMCIX_Unlock_hdl(set, 0, 0);
    }
    while (ARMCIX_Trylock_hdl(set, 0, 0)) {}
    ARMCIX_Unlock_hdl(set, 0, 0);
    ARMCI_Barrier();
    CHECK(me || mine->plain == 50 * size);
    CHECK(!ARMCIX_Destroy_mutexes_hdl(set) && !ARMCI_Destroy_mutexes());
    for (i = 0; i < 5; i++) {
        CHECK(!ARMCI_PutValueLong(i, OF((me + 1) % size, count), (me + 1) % size));
        CHECK(armci_notify((me + 1) % size) == i + 1);
        CHECK(armci_notify_wait((me + size - 1) % size, &got) >= got && got == i + 1);
        CHECK(mine->count >= i);
    }
    ARMCI_Barrier();
    CHECK(!ARMCI_Free(mine));
}

static void memory(void)
{
    armci_meminfo_t info, all;
    void *local = ARMCI_Malloc_local(100);
    long *mine;
    int i, stride[1] = {24}, count[2] = {8, 3};
    char rows[72], packed[24];
    CHECK(local && (long)local % 16 == 0);
    memset(local, 1, 100);
    CHECK(!ARMCI_Free_local(local));
    /* Ranks without memory free by a null pointer. */
    CHECK(!ARMCI_Malloc(parts, me % 2 ? 0 : 128));
    for (i = 0; i < size; i++) CHECK((parts[i] == NULL) == (i % 2));
    CHECK(!ARMCI_Free(parts[me]));
    CHECK(!ARMCI_Malloc(parts, 0) && !parts[me] && !ARMCI_Free(NULL));
    CHECK(!ARMCI_Malloc_memdev(parts, 64, "dram"));
    CHECK(ARMCIX_Mode_get(parts[me]) == ARMCIX_MODE_ALL);
    ARMCI_Access_begin(parts[me]);
    memset(parts[me], 0, 64);
    ARMCI_Access_end(parts[me]);
    CHECK(!ARMCI_Free_memdev(parts[me]));
    /* Memory of one rank, made by it alone and used by the next. */
    ARMCI_Memget(4096, &info, 0);
    CHECK(info.cpid == me && info.size == 4096);
    mine = ARMCI_Memat(&info, 0);
    *mine = -1;
    for (i = 0; i < size; i++) {
        all = info;
        armci_msg_bcast(&all, sizeof all, i);
        if (me == (i + 1) % size) CHECK(!ARMCI_PutValueLong(1000 + me, ARMCI_Memat(&all, 0), all.cpid));
    }
    ARMCI_Barrier();
    CHECK(*mine == 1000 + (me + 1) % size);
    ARMCI_Barrier();
    ARMCI_Memctl(&info);
    CHECK(!info.addr);
    for (i = 0; i < 72; i++) rows[i] = i;
    armci_read_strided(rows, 1, stride, count, packed);
    for (i = 0; i < 24; i++) CHECK(packed[i] == i / 8 * 24 + i % 8);
    memset(rows, 0, sizeof rows);
    armci_write_strided(rows, 1, stride, count, packed);
    CHECK(rows[49] == 49 && rows[8] == 0);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    send_and_receive();
    ints();
    longs();
    llongs();
    floats();
    doubles();
    misaligned();
    broadcasts();
    groups();
    domains();
    atomics();
    memory();
    return finish();
}
