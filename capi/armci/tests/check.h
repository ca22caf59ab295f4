/* What the test programs share: a failed check says where, and ends the job. */
#ifndef CHECK_H_
#define CHECK_H_

#ifdef WITH_MPI
#include <mpi.h>
#endif
#include "message.h"
#include "parmci.h"

#define CHECK(condition, ...) do { \
    if (!(condition)) { \
        fprintf(stderr, "rank %d: %s:%d: %s: ", armci_msg_me(), __FILE__, __LINE__, #condition); \
        fprintf(stderr, " " __VA_ARGS__); \
        fprintf(stderr, "\n"); \
        armci_msg_abort(3); \
    } } while (0)

static int me, size;

/* MPI_FIRST: MPI starts before ARMCI; MPI_LAST: it ends before ARMCI. */
static void begin(int *argc, char ***argv)
{
#ifdef WITH_MPI
    int rank, ranks;
    MPI_Init(argc, argv);
#endif
    CHECK(!ARMCI_Initialized());
#ifdef THREAD_LEVEL
    if (ARMCI_Init_thread(THREAD_LEVEL)) exit(4);
#else
    if (ARMCI_Init_args(argc, argv)) exit(4);
#endif
    CHECK(ARMCI_Initialized());
    me = armci_msg_me();
    size = armci_msg_nproc();
#ifdef WITH_MPI
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    CHECK(rank == me && ranks == size, "MPI has %d of %d", rank, ranks);
#endif
}

static int finish(void)
{
    int rank = me;
#ifdef WITH_MPI
    if (getenv("ARMCI_TEST_MPI_ENDS_FIRST")) {
        ARMCI_Barrier();
        MPI_Finalize();
        ARMCI_Finalize();
    } else {
        ARMCI_Finalize();
        MPI_Barrier(MPI_COMM_WORLD);
        MPI_Finalize();
    }
#else
    ARMCI_Finalize();
#endif
    CHECK(!ARMCI_Initialized());
    printf("done %d\n", rank);
    return 0;
}

#endif
