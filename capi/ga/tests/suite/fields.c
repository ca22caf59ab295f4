/* Elements of the program's own type, and fields of them. */
#include "harness.h"
#include <stddef.h>

struct particle { double position[3]; int charge; float mass; };

static void make(struct particle *p, int i)
{
    memset(p, 0, sizeof *p);
    for (int k = 0; k < 3; k++) p->position[k] = i + 0.25 * k;
    p->charge = i % 5;
    p->mass = (float)i / 2;
}

static void records(void)
{
    int type = NGA_Register_type(sizeof(struct particle)), dims[2] = {9, 14}, lo[2] = {0, 0}, hi[2] = {8, 13}, ld = 14;
    int g = NGA_Create(type, 2, dims, "particles", NULL), found, ndim, extents[2], wrong = 0;
    EXPECT(g != 0, "NGA_Create");
    NGA_Inquire(g, &found, &ndim, extents);
    EXPECT(found == type && ndim == 2 && extents[0] == 9 && extents[1] == 14, "NGA_Inquire: type %d", found);
    struct particle *all = calloc(9 * 14, sizeof *all), *back = calloc(9 * 14, sizeof *back);
    for (int i = 0; i < 9 * 14; i++) make(&all[i], i);
    if (me == size - 1) NGA_Put(g, lo, hi, all, &ld);
    GA_Sync();
    NGA_Get(g, lo, hi, back, &ld);
    EXPECT(!memcmp(all, back, 9 * 14 * sizeof *all), "NGA_Put and NGA_Get");
    GA_Sync();
    /* One field of a patch. */
    int from[2] = {2, 3}, to[2] = {6, 9}, width = 7;
    static int charges[5][7], read[5][7];
    for (int i = 0; i < 5; i++) for (int j = 0; j < 7; j++) charges[i][j] = 100 + 10 * i + j;
    if (me == 0) NGA_Put_field(g, from, to, offsetof(struct particle, charge), sizeof(int), charges, &width);
    GA_Sync();
    for (int i = 0; i < 5; i++) for (int j = 0; j < 7; j++) all[(2 + i) * 14 + 3 + j].charge = charges[i][j];
    NGA_Get(g, lo, hi, back, &ld);
    EXPECT(!memcmp(all, back, 9 * 14 * sizeof *all), "NGA_Put_field leaves the rest alone");
    NGA_Get_field(g, from, to, offsetof(struct particle, charge), sizeof(int), read, &width);
    EXPECT(!memcmp(charges, read, sizeof read), "NGA_Get_field");
    ga_nbhdl_t handle;
    static float masses[5][7];
    NGA_Nbget_field(g, from, to, offsetof(struct particle, mass), sizeof(float), masses, &width, &handle);
    NGA_NbWait(&handle);
    for (int i = 0; i < 5; i++) for (int j = 0; j < 7; j++) wrong += masses[i][j] != all[(2 + i) * 14 + 3 + j].mass;
    EXPECT(!wrong, "NGA_Nbget_field");
    GA_Sync();
    /* Single records. */
    int subscripts[3][2] = {{8, 13}, {0, 5}, {4, 4}}, *pointers[3] = {subscripts[0], subscripts[1], subscripts[2]};
    NGA_Gather(g, back, pointers, 3);
    for (int i = 0; i < 3; i++) EXPECT(!memcmp(&back[i], &all[subscripts[i][0] * 14 + subscripts[i][1]], sizeof *back), "NGA_Gather %d", i);
    GA_Sync();
    int twin = GA_Duplicate(g, "twin");
    GA_Copy(g, twin);
    NGA_Get(twin, lo, hi, back, &ld);
    EXPECT(!memcmp(all, back, 9 * 14 * sizeof *all), "GA_Copy");
    GA_Sync();
    GA_Destroy(twin);
    GA_Destroy(g);
    NGA_Deregister_type(type);
    free(back);
    free(all);
}

const struct test tests[] = {
    {"records", records, REGULAR, INT, D2, REGULAR, 0},
    {0},
};
