/* MPI was loaded in a way that hides its names, as Python's extensions load it: Global Arrays finds it all the same. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "ga.h"

/* Communicators are numbers of 32 bits or pointers; both fit. */
uintptr_t GA_MPI_Comm(void);

int main(int argc, char **argv)
{
    void *mpi = dlopen(getenv("GA_TEST_MPI"), RTLD_NOW | RTLD_LOCAL);
    if (!mpi) return puts("done without MPI "), 0;
    int (*init)(int *, char ***) = (int (*)(int *, char ***))dlsym(mpi, "MPI_Init");
    int (*finalize)(void) = (int (*)(void))dlsym(mpi, "MPI_Finalize");
    int (*comm_size)(uintptr_t, int *) = (int (*)(uintptr_t, int *))dlsym(mpi, "MPI_Comm_size");
    int (*compare)(uintptr_t, uintptr_t, int *) = (int (*)(uintptr_t, uintptr_t, int *))dlsym(mpi, "MPI_Comm_compare");
    void *open_world = dlsym(mpi, "ompi_mpi_comm_world");
    uintptr_t world = open_world ? (uintptr_t)open_world : 0x44000000;
    int size = 0, relation = -1;
    if (init(&argc, &argv)) return 2;
    GA_Initialize();
    if (comm_size(GA_MPI_Comm(), &size) || size != GA_Nnodes() || size < 2) GA_Error("not the communicator of all ranks", size);
    /* A duplicate: the same ranks, and nobody else's messages. MPI_CONGRUENT is 1 everywhere. */
    if (compare(GA_MPI_Comm(), world, &relation) || relation != 1) GA_Error("no duplicate", relation);
    GA_Sync();
    GA_Terminate();
    finalize();
    puts("done ");
    return 0;
}
