/* A program for ARMCI-MPI: its headers bring mpi.h and message.h, and armci_giov_t has the length of runs before their number. */
#define ARMCI_MPI_COMPAT
#include <armcix.h>

#define CHECK(condition, ...) do { \
    if (!(condition)) { \
        fprintf(stderr, "line %d: %s: ", __LINE__, #condition); \
        fprintf(stderr, " " __VA_ARGS__); \
        ARMCI_Error("check failed", 3); \
    } } while (0)

int main(int argc, char **argv)
{
    int me, size, provided, i, other;
    double mine[12], *parts[64], scale = 3;
    void *near[6], *far[6];
    ARMCI_Group world, half, copy;
    armcix_mutex_hdl_t mutexes;
    armci_hdl_t handle;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_SINGLE, &provided);
    CHECK(!ARMCI_Init_thread_comm(ARMCI_MPI > 0 ? MPI_THREAD_SINGLE : -1, MPI_COMM_WORLD));
    MPI_Comm_rank(MPI_COMM_WORLD, &me);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    CHECK(armci_msg_me() == me && armci_msg_nproc() == size);
    other = (me + 1) % size;
    CHECK(!ARMCI_Malloc((void **)parts, sizeof mine));
    for (i = 0; i < 12; i++) mine[i] = 100 + i, parts[me][i] = 0;
    ARMCI_Barrier();
    for (i = 0; i < 6; i++) near[i] = mine + 2 * i, far[i] = parts[other] + 2 * (5 - i);
    /* Fields by their places: that is what the order is about. */
    armci_giov_t there = {near, far, sizeof(double), 6}, back = {far, near, 2 * sizeof(double), 6};
    CHECK(!ARMCI_PutV(&there, 1, other) && !PARMCI_PutV(&there, 1, other));
    CHECK(!ARMCI_AccV(ARMCI_ACC_DBL, &scale, &there, 1, other) && !PARMCI_AccV(ARMCI_ACC_DBL, &scale, &there, 1, other));
    CHECK(!ARMCI_NbAccV(ARMCI_ACC_DBL, &scale, &there, 1, other, &handle) && !ARMCI_Wait(&handle));
    ARMCI_Barrier();
    for (i = 0; i < 6; i++) CHECK(parts[me][2 * (5 - i)] == 10 * (100 + 2 * i) && parts[me][2 * i + 1] == 0, "%d", i);
    ARMCI_Barrier();
    CHECK(!ARMCI_GetV(&back, 1, other) && !PARMCI_GetV(&back, 1, other));
    CHECK(!ARMCI_NbGetV(&back, 1, other, &handle) && !ARMCI_Wait(&handle));
    for (i = 0; i < 6; i++) CHECK(mine[2 * i] == 10 * (100 + 2 * i) && mine[2 * i + 1] == 0, "%d", i);
    CHECK(!ARMCI_NbPutV(&there, 1, other, &handle) && !PARMCI_Wait(&handle));
    ARMCI_Barrier();

    ARMCI_Group_get_world(&world);
    CHECK(!ARMCIX_Group_split(&world, me % 2, -me, &half) && !ARMCIX_Group_dup(&world, &copy));
    ARMCI_Group_size(&half, &i);
    CHECK(i == (size + 1 - me % 2) / 2, "%d", i);
    ARMCI_Group_rank(&copy, &i);
    CHECK(i == me, "%d", i);
    mutexes = ARMCIX_Create_mutexes_hdl(2, &copy);
    for (i = 0; i < 20; i++) {
        double count;
        if (i % 2) ARMCIX_Lock_hdl(mutexes, 1, 0);
        else while (ARMCIX_Trylock_hdl(mutexes, 1, 0)) ARMCIX_Progress();
        ARMCI_Get(parts[0], &count, sizeof count, 0);
        if (i == 0 && count > 900) count = 0;
        count++;
        ARMCI_Put(&count, parts[0], sizeof count, 0);
        ARMCIX_Unlock_hdl(mutexes, 1, 0);
    }
    ARMCI_Barrier();
    if (me == 0) CHECK(parts[0][0] == 20 * size, "%g", parts[0][0]);
    CHECK(!ARMCIX_Destroy_mutexes_hdl(mutexes));
    ARMCI_Group_free(&half);
    ARMCI_Group_free(&copy);
    CHECK(!ARMCI_Free(parts[me]));
    ARMCI_Finalize();
    MPI_Finalize();
    printf("done %d\n", me);
    return 0;
}
