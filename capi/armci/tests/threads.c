/* Threads that call whenever they like (MPI_THREAD_MULTIPLE): each call is by itself, so sums come out, and nothing is lost or mixed up. A thread that waits
   for another rank keeps no other thread of its own from what that rank waits for. */
#define THREAD_LEVEL 3
#include "check.h"
#include <pthread.h>

/* Words of a rank's part: tickets, what is counted under mutexes, what all add to, and a place for each thread of each rank. */
enum { THREADS = 4, TIMES = 120, PARTS = 3, MUTEXES = 2, TICKETS = 0, COUNTED = 1, ADDED = COUNTED + MUTEXES, RUNS = 3, OWN = ADDED + RUNS,
       EACH = 4, LONG_MESSAGE = 3000, MOST = 8 };

static long *parts[PARTS][MOST];
static ARMCI_Group groups[THREADS];
static long tickets[THREADS];

static long *own(long *part, long thread) { return part + OWN + (me * THREADS + thread) * EACH; }

/* A handle each, an aggregate, none at all; and values. */
static void transfers(long *part, long thread, int proc, long turn)
{
    long *place = own(part, thread), there = 0, one = 1, two = 2, values[EACH], back[EACH];
    void *from[RUNS] = {&one, &two, &one}, *to[RUNS] = {part + ADDED, part + ADDED + 1, part + ADDED + 2};
    armci_giov_t runs = {.src_ptr_array = from, .dst_ptr_array = to, .bytes = sizeof(long), .ptr_array_len = RUNS};
    armci_hdl_t handle, others;
    int i;
    for (i = 0; i < EACH; i++) values[i] = turn * 1000 + thread * 10 + i;
    CHECK(!ARMCI_NbPut(values, place, sizeof values, proc, &handle) && !ARMCI_Wait(&handle));
    CHECK(!ARMCI_NbGet(place, back, sizeof back, proc, &handle) && !ARMCI_Wait(&handle) && !memcmp(values, back, sizeof back));
    CHECK(!ARMCI_AccV(ARMCI_ACC_LNG, &one, &runs, 1, proc));
    ARMCI_SET_AGGREGATE_HANDLE(&others);
    CHECK(!ARMCI_NbAccV(ARMCI_ACC_LNG, &one, &runs, 1, proc, &others) && !ARMCI_NbPut(values + 1, place, sizeof(long), proc, &others));
    CHECK(!ARMCI_Wait(&others) && ARMCI_GetValueLong(place, proc) == values[1]);
    CHECK(!ARMCI_PutValueLong(turn, place + 1, proc) && (there = ARMCI_GetValueLong(place + 1, proc)) == turn, "%ld, not %ld", there, turn);
    if (turn % 3 == 0) {
        CHECK(!ARMCI_NbPut(values + 2, place, sizeof(long), proc, NULL) && !ARMCI_NbGet(place, &there, sizeof there, proc, NULL));
        CHECK(!(turn % 2 ? ARMCI_WaitAll() : ARMCI_WaitProc(proc)) && there == values[2], "%ld, not %ld", there, values[2]);
    }
}

static void under_a_mutex(long *part, int mutex, int proc)
{
    long *counted = part + COUNTED + mutex, value;
    ARMCI_Lock(mutex, proc);
    CHECK(!ARMCI_Get(counted, &value, sizeof value, proc));
    value++;
    CHECK(!ARMCI_Put(&value, counted, sizeof value, proc));
    ARMCI_Unlock(mutex, proc);
}

/* With the threads of the same number on other ranks. */
static void together(long thread, long turn)
{
    int next = (me + 1) % size, before = (me + size - 1) % size, length, count = turn % 2 ? LONG_MESSAGE : 1;
    long message[LONG_MESSAGE], sum = me + turn, wanted = turn * size + size * (size - 1) / 2;
    void *memory[MOST];
    int i;
    for (i = 0; i < count; i++) message[i] = thread * 1000000 + turn * 1000 + me;
    armci_msg_snd((int)thread, message, count * (int)sizeof(long), next);
    armci_msg_rcv((int)thread, message, sizeof message, &length, before);
    CHECK(length == count * (int)sizeof(long) && message[count - 1] == thread * 1000000 + turn * 1000 + before, "a message of %d", length);
    /* Notifications don't say for which thread they are. */
    if (thread == 0) {
        armci_notify(next);
        armci_notify_wait(before, NULL);
    }
    if (turn % 8) return;
    armci_msg_group_lgop(&sum, 1, "+", &groups[thread]);
    CHECK(sum == wanted, "%ld, not %ld", sum, wanted);
    CHECK(!ARMCI_Malloc_group(memory, 1000, &groups[thread]));
    CHECK(!ARMCI_Put(&turn, memory[next], sizeof turn, next));
    ARMCI_AllFence();
    armci_msg_group_barrier(&groups[thread]);
    CHECK(*(long *)memory[me] == turn);
    CHECK(!ARMCI_Free_group(memory[me], &groups[thread]));
}

static void *work(void *number)
{
    long thread = (long)number, there, turn;
    for (turn = 0; turn < TIMES; turn++) {
        int proc = (int)(me + turn) % size;
        long *part = parts[(thread + turn) % PARTS][proc];
        CHECK(!ARMCI_Rmw(ARMCI_FETCH_AND_ADD_LONG, &there, parts[0][0] + TICKETS, 1, 0));
        tickets[thread] += there;
        transfers(part, thread, proc, turn);
        under_a_mutex(parts[0][proc], (int)turn % MUTEXES, proc);
        if (turn % 2) ARMCI_Fence(proc);
        together(thread, turn);
        if (turn % 20 == 0) {
            armci_meminfo_t info;
            void *local = ARMCI_Malloc_local(100);
            memset(local, 1, 100);
            ARMCI_Free_local(local);
            ARMCI_Memget(1000, &info, 0);
            memset(info.addr, 1, 1000);
            ARMCI_Memctl(&info);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    int i, list[MOST], mutex, bytes;
    long sum, n, runs;
    begin(&argc, &argv);
    bytes = (OWN + size * THREADS * EACH) * (int)sizeof(long);
    for (i = 0; i < size; i++) list[i] = i;
    for (i = 0; i < THREADS; i++) ARMCI_Group_create(size, list, &groups[i]);
    for (i = 0; i < PARTS; i++) {
        CHECK(!ARMCI_Malloc((void **)parts[i], bytes));
        memset(parts[i][me], 0, (size_t)bytes);
    }
    CHECK(!ARMCI_Create_mutexes(MUTEXES));
    ARMCI_Barrier();
    for (i = 0; i < THREADS; i++) CHECK(!pthread_create(&threads[i], NULL, work, (void *)(long)i));
    for (i = 0; i < THREADS; i++) CHECK(!pthread_join(threads[i], NULL));
    ARMCI_Barrier();

    for (sum = 0, i = 0; i < THREADS; i++) sum += tickets[i];
    armci_msg_lgop(&sum, 1, "+");
    n = (long)size * THREADS * TIMES;
    CHECK(sum == n * (n - 1) / 2, "tickets add up to %ld", sum);
    for (sum = 0, mutex = 0; mutex < MUTEXES; mutex++) sum += parts[0][me][COUNTED + mutex];
    armci_msg_lgop(&sum, 1, "+");
    CHECK(sum == n, "%ld, not %ld", sum, n);
    for (runs = 0; runs < RUNS; runs++) {
        for (sum = 0, i = 0; i < PARTS; i++) sum += parts[i][me][ADDED + runs];
        armci_msg_lgop(&sum, 1, "+");
        CHECK(sum == 2 * n * (runs == 1 ? 2 : 1), "%ld, not %ld times %ld", sum, 2 * n, runs == 1 ? 2L : 1L);
    }
    ARMCI_Barrier();
    CHECK(!ARMCI_Destroy_mutexes());
    for (i = 0; i < PARTS; i++) CHECK(!ARMCI_Free(parts[i][me]));
    for (i = 0; i < THREADS; i++) ARMCI_Group_free(&groups[i]);
    return finish();
}
