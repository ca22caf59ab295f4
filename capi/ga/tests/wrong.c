/* One mistake, by name; the test looks at how the job ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ga.h"

static int is(const char *name)
{
    return strcmp(getenv("GA_TEST_MISTAKE"), name) == 0;
}

int main(void)
{
    int dims[] = {10, 20}, lo[] = {1, 2}, hi[] = {3, 5}, ld[] = {20}, zero[] = {0, 0};
    double buf[400] = {0}, one = 1;
    if (is("early")) GA_Nodeid();
    GA_Initialize();
    int last = GA_Nnodes() - 1;
    int g = NGA_Create(C_DBL, 2, dims, "board", NULL);
    GA_Fill(g, &one);
    if (is("handle")) NGA_Get(g + 7, lo, hi, buf, ld);
    if (is("null handle")) NGA_Get(0, lo, hi, buf, ld);
    if (is("far handle")) NGA_Get(123456789, lo, hi, buf, ld);
    if (is("type")) NGA_Create(77, 2, dims, "odd", NULL);
    if (is("axes")) NGA_Create(C_DBL, 9, dims, "odd", NULL);
    if (is("extent")) NGA_Create(C_DBL, 2, zero, "odd", NULL);
    if (is("upside down")) { hi[0] = -1; NGA_Put(g, lo, hi, buf, ld); }
    if (is("range")) { hi[1] = 20; NGA_Acc(g, lo, hi, buf, ld, &one); }
    if (is("negative")) { lo[0] = -1; NGA_Get(g, lo, hi, buf, ld); }
    if (is("ld")) { ld[0] = 3; NGA_Get(g, lo, hi, buf, ld); }
    if (is("destroyed")) { GA_Destroy(g); NGA_Get(g, lo, hi, buf, ld); }
    if (is("twice")) { GA_Destroy(g); GA_Destroy(g); }
    if (is("no memory yet")) { int h = GA_Create_handle(); GA_Set_data(h, 2, dims, C_DBL); NGA_Get(h, lo, hi, buf, ld); }
    if (is("no data")) GA_Allocate(GA_Create_handle());
    if (is("group")) {
        int list[] = {last}, other[] = {0};
        int p = GA_Nodeid() == last ? GA_Pgroup_create(list, 1) : GA_Pgroup_create(other, 1);
        GA_Sync();
        if (GA_Nodeid() == last) GA_Pgroup_nodeid(p + 5);
    }
    if (is("not a member")) {
        int list[] = {last}, p = GA_Pgroup_create(list, 1);
        if (GA_Nodeid() != last) NGA_Create_config(C_DBL, 2, dims, "theirs", NULL, p);
    }
    if (is("group in use")) { int p = GA_Pgroup_duplicate(-1); NGA_Create_config(C_DBL, 2, dims, "theirs", NULL, p); GA_Pgroup_destroy(p); }
    if (is("mutex")) GA_Lock(0);
    if (is("fence")) GA_Fence();
    if (is("operator")) GA_Dgop(buf, 1, "minus");
    if (is("kind of counter")) NGA_Read_inc(g, lo, 1);
    if (is("one rank only") && GA_Nodeid() == last) NGA_Get(g, hi, lo, buf, ld);
    if (is("read only")) { GA_Set_property(g, "read_only"); NGA_Put(g, lo, hi, buf, ld); }
    if (is("read-only result")) { GA_Set_property(g, "read_only"); GA_Fill(g, &one); }
    if (is("property")) GA_Set_property(g, "fast");
    if (is("different arrays")) { dims[1] += GA_Nodeid(); NGA_Create(C_DBL, 2, dims, "odd", NULL); }
    if (is("different lengths")) GA_Igop((int *)buf, 3 + GA_Nodeid(), "+");
    if (is("different calls")) { if (GA_Nodeid() == 0) GA_Sync(); else GA_Brdcst(buf, 8, 0); }
    if (is("different targets")) { int h = GA_Duplicate(g, "twin"); GA_Fill(GA_Nodeid() == 0 ? g : h, &one); }
    if (is("filled or scaled")) { int h = GA_Duplicate(g, "twin"); if (GA_Nodeid() == 0) GA_Fill(h, &one); else GA_Scale(g, &one); }
    if (is("fill or scale")) { if (GA_Nodeid() == 0) GA_Fill(g, &one); else GA_Scale(g, &one); }
    if (is("error")) GA_Error("out of luck", 42);
    if (is("error 0")) GA_Error("out of luck", 0);
    if (is("late")) { GA_Terminate(); GA_Sync(); }
    GA_Sync();
    GA_Terminate();
    return 0;
}
