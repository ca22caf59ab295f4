/* MPI's communicators of processor groups; MPI must be initialized before Global Arrays. */
#ifndef GA_MPI_H
#define GA_MPI_H

#include <mpi.h>

#ifdef __cplusplus
extern "C" {
#endif

MPI_Comm GA_MPI_Comm(void);
MPI_Comm GA_MPI_Comm_pgroup(int pgroup);
MPI_Comm GA_MPI_Comm_pgroup_default(void);

#ifdef __cplusplus
}
#endif

#endif
