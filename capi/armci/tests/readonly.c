/* What ARMCI only reads may be memory that can't be written: sources, shapes, lists, scales, and handles that are waited for. */
#include "check.h"
#include <sys/mman.h>

struct constants {
    double data[32];
    float scale_float;
    double scale;
    int strides[1], counts[2], root_data[4], list[64];
    void *near[4], *far[4];
    armci_giov_t runs[1];
    armci_hdl_t waited, tested;
    ARMCI_Group group, parent;
    char op[4];
};

int main(int argc, char **argv)
{
    struct constants *c;
    void *parts[64];
    double back[32];
    int i, other, data[4] = {0};
    ARMCI_Group copy;
    begin(&argc, &argv);
    other = (me + 1) % size;
    CHECK(!ARMCI_Malloc(parts, sizeof back));
    memset(parts[me], 0, sizeof back);
    c = mmap(NULL, sizeof *c, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(c != MAP_FAILED);
    for (i = 0; i < 32; i++) c->data[i] = i;
    c->scale = 2;
    c->strides[0] = 4 * sizeof(double);
    c->counts[0] = 2 * sizeof(double), c->counts[1] = 4;
    for (i = 0; i < 4; i++) c->root_data[i] = 7 + i, c->near[i] = c->data + 4 * i, c->far[i] = (double *)parts[other] + 4 * i;
    for (i = 0; i < size; i++) c->list[i] = i;
    c->runs[0].src_ptr_array = c->near, c->runs[0].dst_ptr_array = c->far;
    c->runs[0].bytes = sizeof(double), c->runs[0].ptr_array_len = 4;
    strcpy(c->op, "+");
    ARMCI_Group_get_world(&c->parent);
    ARMCI_Group_create(size, c->list, &c->group);
    ARMCI_Barrier();
    CHECK(!ARMCI_NbPut(c->data, parts[other], sizeof back, other, &c->waited));
    CHECK(!ARMCI_NbPut(c->data, parts[other], sizeof back, other, &c->tested));
    CHECK(!mprotect(c, sizeof *c, PROT_READ));

    CHECK(!ARMCI_Wait(&c->waited) && !ARMCI_Wait(&c->waited));
    while (!ARMCI_Test(&c->tested))
        ;
    CHECK(!ARMCI_Put(c->data, parts[other], sizeof back, other));
    CHECK(!ARMCI_Acc(ARMCI_ACC_DBL, &c->scale, c->data, parts[other], sizeof back, other));
    CHECK(!ARMCI_PutS(c->data, c->strides, parts[other], c->strides, c->counts, 1, other));
    CHECK(!ARMCI_AccS(ARMCI_ACC_DBL, &c->scale, c->data, c->strides, parts[other], c->strides, c->counts, 1, other));
    CHECK(!ARMCI_PutV(c->runs, 1, other));
    CHECK(!ARMCI_AccV(ARMCI_ACC_DBL, &c->scale, c->runs, 1, other));
    ARMCI_GroupFence(&c->group);
    armci_msg_group_barrier(&c->group);
    CHECK(!ARMCI_Get(parts[me], back, sizeof back, me));
    for (i = 0; i < 32; i++) CHECK(back[i] == 3 * i, "%d: %g", i, back[i]);
    /* The root of a broadcast has its data where it likes; the others get it. */
    for (i = 0; i < size; i++) {
        int *buffer = me == i ? c->root_data : data, k;
        memset(data, 0, sizeof data);
        armci_msg_bcast(buffer, sizeof data, i);
        for (k = 0; k < 4; k++) CHECK(buffer[k] == 7 + k, "root %d", i);
        memset(data, 0, sizeof data);
        armci_msg_group_bcast_scope(SCOPE_ALL, buffer, sizeof data, i, &c->group);
        for (k = 0; k < 4; k++) CHECK(buffer[k] == 7 + k, "root %d", i);
    }
    data[0] = 1;
    armci_msg_igop(data, 1, c->op);
    CHECK(data[0] == size);
    ARMCI_Group_create_child(size, c->list, &copy, &c->parent);
    ARMCI_Group_size(&c->group, &i);
    CHECK(i == size && ARMCI_Absolute_id(&c->group, me) == me);
    ARMCI_Group_set_default(&c->group);
    ARMCI_Barrier();
    ARMCI_Group_set_default(&c->parent);
    if (me == 0) armci_msg_snd(3, c->root_data, sizeof data, other);
    if (me == 1 || size == 1) armci_msg_rcv(3, data, sizeof data, &i, 0);
    ARMCI_Group_free(&copy);
    ARMCI_Group_free(&c->group);
    CHECK(!ARMCI_Free(parts[me]));
    return finish();
}
