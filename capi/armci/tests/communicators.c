/* Groups of the ranks of MPI's communicators, made by those alone; ARMCI's ranks are those of MPI_COMM_WORLD, or of a communicator in another order. */
#include <mpi.h>
#include "check.h"

/* Each member tells the next one its rank, and all add up ones. */
static void use(ARMCI_Group *group, MPI_Comm comm, const char *what)
{
    int number, count, place, members, mine = me, theirs, left, one = 1;
    void **parts;
    long value = me, there;
    MPI_Comm_rank(comm, &place);
    MPI_Comm_size(comm, &members);
    CHECK(!ARMCI_Group_rank(group, &number) && number == place, "%s: %d, not %d", what, number, place);
    ARMCI_Group_size(group, &count);
    CHECK(count == members, "%s: %d, not %d", what, count, members);
    MPI_Sendrecv(&mine, 1, MPI_INT, (place + 1) % members, 5, &theirs, 1, MPI_INT, (place + members - 1) % members, 5,
                 comm, MPI_STATUS_IGNORE);
    left = ARMCI_Absolute_id(group, (place + members - 1) % members);
    CHECK(left == theirs, "%s: %d, not %d", what, left, theirs);
    armci_msg_group_igop(&one, 1, "+", group);
    CHECK(one == members, "%s: %d", what, one);
    parts = calloc((size_t)members, sizeof *parts);
    CHECK(!ARMCI_Malloc_group(parts, sizeof value, group), "%s", what);
    CHECK(!ARMCI_Put(&value, parts[(place + 1) % members], sizeof value, ARMCI_Absolute_id(group, (place + 1) % members)));
    ARMCI_AllFence();
    armci_msg_group_barrier(group);
    CHECK(!ARMCI_Get(parts[place], &there, sizeof there, me) && there == left, "%s: %ld", what, there);
    armci_msg_group_barrier(group);
    CHECK(!ARMCI_Free_group(parts[place], group), "%s", what);
    free(parts);
}

int main(int argc, char **argv)
{
    MPI_Comm backwards, some;
    ARMCI_Group group;
    int round, world, ranks, is_backwards = argc > 1;
    /* Starts and ends otherwise. */
    (void)begin, (void)finish;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &world);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    MPI_Comm_split(MPI_COMM_WORLD, 0, -world, &backwards);
    CHECK(!ARMCI_Init_mpi_comm(is_backwards ? backwards : MPI_COMM_WORLD));
    me = armci_msg_me();
    size = armci_msg_nproc();
    CHECK(me == (is_backwards ? ranks - 1 - world : world), "rank %d", me);

    CHECK(!ARMCIX_Group_create_comm(backwards, &group));
    use(&group, backwards, "all, backwards");
    ARMCI_Group_free(&group);
    CHECK(!ARMCIX_Group_create_comm(MPI_COMM_SELF, &group));
    use(&group, MPI_COMM_SELF, "one");
    ARMCI_Group_free(&group);
    for (round = 0; round < 3; round++) {
        /* Rank 0 of MPI's is in no part: it waits in MPI's barrier meanwhile. */
        MPI_Comm_split(MPI_COMM_WORLD, world == 0 ? MPI_UNDEFINED : world % 2, world * (round % 2 ? 1 : -1), &some);
        if (some != MPI_COMM_NULL) {
            CHECK(!ARMCIX_Group_create_comm(some, &group));
            use(&group, some, "a part");
            ARMCI_Group_free(&group);
            MPI_Comm_free(&some);
        }
        MPI_Barrier(MPI_COMM_WORLD);
    }
    MPI_Comm_free(&backwards);
    printf("done %d\n", me);
    fflush(stdout);
    ARMCI_Barrier();
    ARMCI_Finalize();
    MPI_Finalize();
    return 0;
}
