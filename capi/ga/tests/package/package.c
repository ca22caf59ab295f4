/* Headers as programs name them: in the folder ga, and flat. */
#include <stdio.h>
#include "ga/ga.h"
#include "ga/macdecls.h"
#include "ga/armci.h"
#include "ga.h"
#include "macdecls.h"
#include "message.h"

int main(void)
{
    int dims[1] = {10}, chunk[1] = {-1}, one = 1, g, *here;
    GA_Initialize();
    g = NGA_Create(C_INT, 1, dims, "ones", chunk);
    GA_Fill(g, &one);
    /* One runtime, whichever library a name comes from. */
    armci_msg_igop(&one, 1, "+");
    here = ARMCI_Malloc_local(sizeof *here);
    *here = GA_Idot(g, g);
    if (*here != 10 || one != GA_Nnodes() || armci_msg_me() != GA_Nodeid()) GA_Error("wrong", *here);
    ARMCI_Free_local(here);
    GA_Destroy(g);
    GA_Terminate();
    printf("done \n");
    return 0;
}
