/* Groups are made by their members alone: the others are in a barrier meanwhile. */
#include "check.h"

/* A collective allocation of the group works while nobody else takes part. */
static void use(ARMCI_Group *group, int members, const char *what)
{
    void **parts = calloc((size_t)members, sizeof *parts);
    int number, count, one = 1, next;
    long value = me, there;
    CHECK(!ARMCI_Group_rank(group, &number), "%s", what);
    ARMCI_Group_size(group, &count);
    CHECK(count == members && ARMCI_Absolute_id(group, number) == me, "%s: %d of %d", what, number, count);
    armci_msg_group_igop(&one, 1, "+", group);
    CHECK(one == members, "%s: %d", what, one);
    CHECK(!ARMCI_Malloc_group(parts, sizeof value, group), "%s", what);
    next = (number + 1) % members;
    CHECK(!ARMCI_Put(&value, parts[next], sizeof value, ARMCI_Absolute_id(group, next)), "%s", what);
    ARMCI_AllFence();
    armci_msg_group_barrier(group);
    CHECK(!ARMCI_Get(parts[number], &there, sizeof there, me), "%s", what);
    CHECK(there == ARMCI_Absolute_id(group, (number + members - 1) % members), "%s: %ld", what, there);
    armci_msg_group_barrier(group);
    CHECK(!ARMCI_Free_group(parts[number], group), "%s", what);
    free(parts);
}

int main(int argc, char **argv)
{
    int *list, i, round;
    ARMCI_Group group, inner;
    begin(&argc, &argv);
    list = calloc((size_t)size, sizeof *list);

    /* All but the last, backwards: members are in the order of the list. */
    for (i = 0; i < size - 1; i++) list[i] = size - 2 - i;
    if (me < size - 1)
        for (round = 0; round < 5; round++) {
            int first = 0, number;
            ARMCI_Group_create(size - 1, list, &group);
            CHECK(!ARMCI_Group_rank(&group, &number) && number == size - 2 - me, "%d", number);
            use(&group, size - 1, "all but the last");
            /* The first of that group by itself; the others may call, too. */
            if (number == 0 || round % 2) {
                ARMCI_Group_create_child(1, &first, &inner, &group);
                CHECK(ARMCI_Group_rank(&inner, &number) == (me != list[0]), "only the first is in it");
                if (me == list[0]) use(&inner, 1, "a child");
                ARMCI_Group_free(&inner);
            }
            ARMCI_Group_set_default(&group);
            if (me < (size - 1) / 2) {
                /* Numbers of the default group. */
                int low = (size - 1) - (size - 1) / 2, j, lower[64];
                for (j = low; j < size - 1; j++) lower[j - low] = j;
                ARMCI_Group_create((size - 1) / 2, lower, &inner);
                use(&inner, (size - 1) / 2, "half");
                ARMCI_Group_free(&inner);
            }
            ARMCI_Group_get_world(&inner);
            ARMCI_Group_set_default(&inner);
            ARMCI_Group_free(&group);
        }
    ARMCI_Barrier();

    /* Pairs that overlap. */
    for (i = 0; i + 1 < size; i++)
        if (me == i || me == i + 1) {
            list[0] = i, list[1] = i + 1;
            ARMCI_Group_create(2, list, &group);
            use(&group, 2, "a pair");
            ARMCI_Group_free(&group);
        }
    free(list);
    return finish();
}
