/*
 * An array on disk against dd, in turn, in one run: written, read, and both transposed. Without waiting for the disk on either side.
 *
 *   python bench/run.py disk
 */
#include <stdio.h>
#include <stdlib.h>
#include "dra.h"
#include "ga.h"

static int me;

/* Seconds of a command on rank 0; 0 elsewhere. */
static double command(const char *format, const char *file, long blocks)
{
    char line[1000];
    double t;
    GA_Sync();
    t = GA_Wtime();
    if (me == 0) {
        snprintf(line, sizeof line, format, file, blocks);
        if (system(line)) GA_Error(line, 1);
    }
    t = GA_Wtime() - t;
    GA_Sync();
    return t;
}

int main(int argc, char **argv)
{
    int n = argc > 2 ? atoi(argv[2]) : 23170, dims[2] = {n, n}, lo[2] = {0, 0}, hi[2] = {n - 1, n - 1}, round, way, d, request, g;
    dra_size_t sizes[2] = {n, n}, dlo[2] = {0, 0}, dhi[2] = {n - 1, n - 1};
    double one = 1.5, bytes = 8.0 * n * n, write, read, t[4];
    GA_Initialize();
    DRA_Init(-1, -1, -1, -1);
    me = GA_Nodeid();
    g = NGA_Create(C_DBL, 2, dims, "array", NULL);
    GA_Fill(g, &one);
    for (round = 0; round < 3; round++) {
        write = command("dd if=/dev/zero of=%s.dd bs=4M count=%ld 2>/dev/null", argv[1], (long)(bytes / (4 << 20)));
        read = command("dd if=%s.dd of=/dev/null bs=4M 2>/dev/null", argv[1], 0);
        command("rm %s.dd", argv[1], 0);
        NDRA_Create(C_DBL, 2, sizes, "array", argv[1], DRA_RW, sizes, &d);
        for (way = 0; way < 4; way++) {
            if (way == 2) {
                /* A file of its own, so that the disk's memory is new, as dd's is. */
                DRA_Delete(d);
                NDRA_Create(C_DBL, 2, sizes, "array", argv[1], DRA_RW, sizes, &d);
            }
            GA_Sync();
            t[way] = GA_Wtime();
            if (way % 2 == 0) NDRA_Write_section(way / 2, g, lo, hi, d, dlo, dhi, &request);
            else NDRA_Read_section(way / 2, g, lo, hi, d, dlo, dhi, &request);
            DRA_Wait(request);
            t[way] = GA_Wtime() - t[way];
        }
        DRA_Delete(d);
        if (me == 0) {
            printf("GB/s: dd %.2f to the file, %.2f from it; as part of that: write %.2f, read %.2f, transposed %.2f, %.2f\n", bytes / write / 1e9,
                bytes / read / 1e9, write / t[0], read / t[1], write / t[2], read / t[3]);
            fflush(stdout);
        }
    }
    DRA_Terminate();
    GA_Terminate();
    return 0;
}
