/* MPI's communicators of processor groups, and a start from a communicator: ranks are MPI's. */
#include <stdlib.h>
#include "twin.h"
#include "ga-mpi.h"

static void check(MPI_Comm comm, int group)
{
    int rank, size, sum, one = 1;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    CHECK(rank == GA_Pgroup_nodeid(group) && size == GA_Pgroup_nnodes(group));
    MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, comm);
    CHECK(sum == size);
}

int main(int argc, char **argv)
{
    int rank, size, parts = getenv("GA_TEST_PARTS") ? 2 : 1;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (parts == 1) {
        GA_Initialize();
        CHECK(GA_Nodeid() == rank && GA_Nnodes() == size);
    } else {
        /* The ranks of one parity, backwards. */
        MPI_Comm half;
        int place, many;
        MPI_Comm_split(MPI_COMM_WORLD, rank % 2, -rank, &half);
        MPI_Comm_rank(half, &place);
        MPI_Comm_size(half, &many);
        int is_in = GA_Initialize_comm(half);
        CHECK(is_in == 1 && GA_Nodeid() == place && GA_Nnodes() == many);
    }
    me = GA_Nodeid();
    ranks = GA_Nnodes();
    check(GA_MPI_Comm(), GA_Pgroup_get_world());
    check(GA_MPI_Comm_pgroup_default(), GA_Pgroup_get_default());
    int list[] = {ranks - 1, 0}, p = ranks > 1 ? GA_Pgroup_create(list, 2) : GA_Pgroup_get_world();
    if (GA_Pgroup_nodeid(p) >= 0) check(GA_MPI_Comm_pgroup(p), p);
    /* MPI has room for some 2000 communicators at a time. */
    for (int k = 0; k < 3000; k++) GA_Pgroup_destroy(GA_Pgroup_self());
    int dims[] = {8, 8}, lo[] = {0, 0}, hi[] = {7, 7}, ld[] = {8}, all[64];
    int g = NGA_Create(C_INT, 2, dims, "a", NULL);
    GA_Fill(g, &ranks);
    NGA_Get(g, lo, hi, all, ld);
    for (int k = 0; k < 64; k++) CHECK(all[k] == ranks);
    GA_Sync();
    GA_Destroy(g);
    GA_Terminate();
    MPI_Finalize();
    printf("done %d\n", rank);
    return 0;
}
