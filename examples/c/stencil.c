/*
 * Heat on a torus: a five-point stencil on an array with ghost cells, which hold copies of the neighbours' borders.
 *
 *     gain run -n 4 stencil [n [steps]]
 *
 * On a torus a sine wave keeps its form and shrinks by the same factor in every step, which is what the result is compared with.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "ga.h"
#include "macdecls.h"

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 96, steps = argc > 2 ? atoi(argv[2]) : 50;
    GA_Initialize();
    MA_init(C_DBL, 1000, 1000);
    int me = GA_Nodeid(), dims[2] = {n, n}, width[2] = {1, 1}, chunk[2] = {-1, -1};
    int now = NGA_Create_ghosts(C_DBL, 2, dims, width, "now", chunk), then = GA_Duplicate(now, "then");
    if (!now || !then) GA_Error("no memory for the fields", n);

    int lo[2], hi[2];
    NGA_Distribution(now, me, lo, hi);
    int rows = lo[0] < 0 ? 0 : hi[0] - lo[0] + 1, columns = lo[0] < 0 ? 0 : hi[1] - lo[1] + 1;
    double wave = 2 * acos(-1) / n, *old = NULL, *new = NULL;
    int with_ghosts[2], ld, new_ld;
    if (rows) {
        /* The pointer is to the first own element; ghost cells are before and after it. */
        NGA_Access(now, lo, hi, &old, &ld);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++) old[i * ld + j] = sin(wave * (lo[0] + i)) * sin(wave * (lo[1] + j));
        NGA_Release_update(now, lo, hi);
    }
    GA_Set_ghost_corner_flag(now, 0);
    GA_Set_ghost_corner_flag(then, 0);
    for (int step = 0; step < steps; step++) {
        GA_Update_ghosts(now);
        if (rows) {
            NGA_Access_ghosts(now, with_ghosts, &old, &ld);
            NGA_Access(then, lo, hi, &new, &new_ld);
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < columns; j++) {
                    const double *here = old + (i + 1) * ld + j + 1;
                    new[i * new_ld + j] = *here + 0.2 * (here[-1] + here[1] + here[-ld] + here[ld] - 4 * *here);
                }
            NGA_Release_update(then, lo, hi);
            NGA_Release_ghosts(now);
        }
        int swap = now;
        now = then;
        then = swap;
    }

    double factor = pow(1 - 0.2 * 4 * (1 - cos(wave)), steps), wrong = 0;
    if (rows) {
        NGA_Access(now, lo, hi, &old, &ld);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                wrong = fmax(wrong, fabs(old[i * ld + j] - factor * sin(wave * (lo[0] + i)) * sin(wave * (lo[1] + j))));
        NGA_Release(now, lo, hi);
    }
    GA_Dgop(&wrong, 1, "max");
    if (wrong > 1e-12) GA_Error("the wave has lost its form", 1);
    if (me == 0) printf("%d x %d, %d steps on %d ranks: right\n", n, n, steps, GA_Nnodes());
    GA_Destroy(then);
    GA_Destroy(now);
    GA_Terminate();
    return 0;
}
