/*
 * Two halves of the ranks work on arrays of their own at the same time, then all of them on one.
 *
 *     gain run -n 4 groups
 */
#include <stdio.h>
#include "ga.h"
#include "macdecls.h"

int main(void)
{
    GA_Initialize();
    MA_init(C_DBL, 1000, 1000);
    int me = GA_Nodeid(), size = GA_Nnodes(), world = GA_Pgroup_get_world(), color = 2 * me / size;
    int half = GA_Pgroup_split_irreg(world, color);

    /* What is created, summed and synchronised now is the group's. */
    GA_Pgroup_set_default(half);
    int dims[1] = {1000}, members = GA_Nnodes();
    int g = NGA_Create(C_LONG, 1, dims, "of a half", NULL);
    long value = color + 1;
    GA_Fill(g, &value);
    long sum = GA_Ldot(g, g);
    int one = 1;
    GA_Igop(&one, 1, "+");
    GA_Destroy(g);
    GA_Pgroup_set_default(world);

    int wrong = sum != 1000 * value * value || one != members;
    /* The sums of both halves, each once. */
    long total = GA_Pgroup_nodeid(half) == 0 ? sum : 0;
    GA_Lgop(&total, 1, "+");
    wrong += total != (size > 1 ? 5000 : 1000);
    GA_Igop(&wrong, 1, "+");
    if (wrong) GA_Error("the groups are mixed up", wrong);
    if (me == 0) printf("two halves of %d ranks: right\n", size);
    GA_Pgroup_destroy(half);
    GA_Terminate();
    return 0;
}
