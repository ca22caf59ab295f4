/* Global Arrays and ARMCI in one program: the same ranks, one runtime. */
#include <stdio.h>
#include "armci.h"
#include "ga.h"

int main(void)
{
    GA_Initialize();
    int me = GA_Nodeid(), ranks = GA_Nnodes(), given, next = (me + 1) % ranks;
    void *places[64];
    if (!ARMCI_Initialized() || ARMCI_Malloc(places, sizeof(int))) GA_Error("no ARMCI", 1);
    ARMCI_Put(&me, places[next], sizeof me, next);
    ARMCI_Barrier();
    given = *(int *)places[me];
    if (given != (me + ranks - 1) % ranks) GA_Error("a wrong number", given);
    GA_Sync();
    ARMCI_Free(places[me]);
    GA_Terminate();
    printf("done %d\n", me);
    return 0;
}
