/* What Global Arrays only reads may be memory that can't be written: buffers, bounds, subscripts, scales, names, handles that are waited
 * for, and the root's data of a broadcast. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "ga.h"
#include "macdecls.h"

static int me, size;

#define CHECK(condition, ...) do { \
    if (!(condition)) { \
        fprintf(stderr, "rank %d: line %d: %s: ", me, __LINE__, #condition); \
        fprintf(stderr, " " __VA_ARGS__); \
        GA_Error("check failed", 1); \
    } } while (0)

enum { N = 12 };

struct constants {
    int dims[2], chunk[2], lo[2], hi[2], ld[1], list[64], subscripts[N][2], *pointers[N];
    double data[N * N], one, two;
    char name[16], op[4];
    ga_nbhdl_t handles[3];
};

int main(int argc, char **argv)
{
    struct constants *c;
    double back[N * N], some[N], sum = 1;
    int g, h, i, root, bytes[4], group, block_lo[2], block_hi[2];
    GA_Initialize();
    me = GA_Nodeid();
    size = GA_Nnodes();
    c = mmap(NULL, sizeof *c, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(c != MAP_FAILED);
    c->dims[0] = c->dims[1] = N, c->chunk[0] = c->chunk[1] = -1;
    c->lo[0] = c->lo[1] = 0, c->hi[0] = c->hi[1] = N - 1, c->ld[0] = N;
    for (i = 0; i < size; i++) c->list[i] = i;
    for (i = 0; i < N; i++) c->subscripts[i][0] = i, c->subscripts[i][1] = (5 * i + 1) % N, c->pointers[i] = c->subscripts[i];
    for (i = 0; i < N * N; i++) c->data[i] = i;
    c->one = 1, c->two = 2;
    strcpy(c->name, "constant");
    strcpy(c->op, "+");
    g = NGA_Create(C_DBL, 2, c->dims, c->name, c->chunk);
    if (me == 0) {
        NGA_NbPut(g, c->lo, c->hi, c->data, c->ld, &c->handles[0]);
        NGA_NbAcc(g, c->lo, c->hi, c->data, c->ld, &c->one, &c->handles[1]);
        NGA_NbGet(g, c->lo, c->hi, back, c->ld, &c->handles[2]);
    }
    CHECK(!mprotect(c, sizeof *c, PROT_READ));

    if (me == 0)
        for (i = 2; i >= 0; i--) {
            while (!NGA_NbTest(&c->handles[i]))
                ;
            NGA_NbWait(&c->handles[i]);
            NGA_NbWait(&c->handles[i]);
        }
    GA_Sync();
    h = NGA_Create(C_DBL, 2, c->dims, c->name, c->chunk);
    CHECK(h, "as lists that can't be written");
    if (me == size - 1) {
        NGA_Put(g, c->lo, c->hi, c->data, c->ld);
        NGA_Acc(g, c->lo, c->hi, c->data, c->ld, &c->two);
        NGA_Get(g, c->lo, c->hi, back, c->ld);
        for (i = 0; i < N * N; i++) CHECK(back[i] == 3 * i, "%d: %g", i, back[i]);
        NGA_Scatter(g, c->data, c->pointers, N);
        NGA_Scatter_flat(g, c->data, c->subscripts[0], N);
        NGA_Scatter_acc(g, c->data, c->pointers, N, &c->two);
        NGA_Scatter_acc_flat(g, c->data, c->subscripts[0], N, &c->two);
        NGA_Gather(g, some, c->pointers, N);
        for (i = 0; i < N; i++) CHECK(some[i] == 5 * i, "%d: %g", i, some[i]);
    }
    GA_Sync();
    GA_Add(&c->one, g, &c->two, g, h);
    NGA_Fill_patch(h, c->lo, c->hi, &c->two);
    GA_Scale(h, &c->two);
    CHECK(GA_Ddot(h, h) == 16 * N * N);
    NGA_Distribution(g, me, block_lo, block_hi);
    CHECK(NGA_Locate(g, c->lo) == 0);
    for (root = 0; root < size; root++) {
        /* Small data, data that fill caches lines, and more than a mailbox takes. */
        memset(bytes, 0, sizeof bytes);
        GA_Brdcst(me == root ? (void *)c->list : (void *)bytes, sizeof bytes, root);
        if (me != root) CHECK(!memcmp(bytes, c->list, sizeof bytes), "root %d", root);
        memset(back, 0, sizeof back);
        GA_Brdcst(me == root ? (void *)c->data : (void *)back, sizeof back, root);
        if (me != root) CHECK(!memcmp(back, c->data, sizeof back), "root %d", root);
    }
    group = GA_Pgroup_create(c->list, size);
    GA_Pgroup_dgop(group, &sum, 1, c->op);
    CHECK(sum == size);
    GA_Pgroup_brdcst(group, me == 0 ? (void *)c->data : (void *)back, sizeof back, 0);
    GA_Pgroup_destroy(group);
    GA_Destroy(h);
    GA_Destroy(g);
    GA_Terminate();
    printf("done %d\n", me);
    return 0;
}
