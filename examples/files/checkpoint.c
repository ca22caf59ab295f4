/* A computation that goes on where it was: its state is an array on disk, which any number of ranks reads. */
#include <stdio.h>
#include <stdlib.h>
#include "dra.h"
#include "ga.h"
#include "macdecls.h"

enum { ROWS = 300, COLUMNS = 200, STEPS = 3 };

static void stop(const char *what, int code)
{
    if (code) GA_Error((char *)what, code);
}

int main(int argc, char **argv)
{
    char *file = argc > 1 ? argv[1] : "checkpoint";
    int dims[2] = {ROWS, COLUMNS}, disk, request, step;
    dra_size_t sizes[2] = {ROWS, COLUMNS}, typical[2] = {-1, -1};
    double one = 1, sum;
    GA_Initialize();
    stop("DRA_Init", DRA_Init(-1, -1, -1, -1));
    int state = NGA_Create(C_DBL, 2, dims, "state", NULL), ones = GA_Duplicate(state, "ones");
    GA_Fill(ones, &one);
    /* Every rank asks; all get the same answer. A file that a job left in the middle of writing is refused, too. */
    if (DRA_Open(file, DRA_RW, &disk) == 0) {
        stop("read", NDRA_Read(state, disk, &request));
        stop("read", DRA_Wait(request));
    } else {
        GA_Zero(state);
        stop("create", NDRA_Create(C_DBL, 2, sizes, "state", file, DRA_RW, typical, &disk));
    }
    for (step = 0; step < STEPS; step++) GA_Add(&one, state, &one, ones, state);
    /* Writing goes on while the program does something that leaves the array alone. */
    stop("write", NDRA_Write(state, disk, &request));
    sum = GA_Ddot(state, ones);
    stop("write", DRA_Wait(request));
    stop("close", DRA_Close(disk));
    if (GA_Nodeid() == 0) printf("%g steps so far\n", sum / (ROWS * COLUMNS));
    printf("done \n");
    DRA_Terminate();
    GA_Terminate();
    return 0;
}
