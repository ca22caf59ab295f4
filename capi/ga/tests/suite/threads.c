/* Several threads of each rank call at once: one-sided operations, mutexes, and collective ones of a group for each thread. */
#include "harness.h"
#include <pthread.h>

enum { THREADS = 4, TURNS = 40, MUTEXES = 2 };

static struct array *sums, *own;
static int counter, counted, groups[THREADS];

struct worker { pthread_t thread; int number; long tickets; int wrong; };

/* Adds one to what only a mutex guards. */
static void count(int mutex)
{
    int ld = 1;
    long value;
    GA_Lock(mutex);
    NGA_Get(counted, &mutex, &mutex, &value, &ld);
    value++;
    NGA_Put(counted, &mutex, &mutex, &value, &ld);
    GA_Unlock(mutex);
}

/* What threads of the same number on all ranks do together; how often that went wrong. */
static int together(int thread, int turn)
{
    long sum = me + turn, wanted = (long)turn * size + (long)size * (size - 1) / 2;
    int told = me == turn % size ? turn : -1;
    GA_Pgroup_lgop(groups[thread], &sum, 1, "+");
    GA_Pgroup_brdcst(groups[thread], &told, sizeof told, turn % size);
    GA_Pgroup_sync(groups[thread]);
    return sum != wanted || told != turn;
}

/* Each thread accumulates into what all share, and puts and gets a column of its own. */
static void *work(void *of)
{
    struct worker *w = of;
    int zero = 0, lo[2], hi[2], ld = 1, column = me * THREADS + w->number, rows = own->dims[0];
    void *values = calloc((size_t)(sums->count + rows), 16), *back = calloc((size_t)rows, 16), *one = calloc(1, 16);
    store(now.type, one, 0, 1);
    for (int turn = 0; turn < TURNS; turn++) {
        ga_nbhdl_t handle;
        w->tickets += NGA_Read_inc(counter, &zero, 1);
        count(turn % MUTEXES);
        if (turn % 8 == 0) w->wrong += together(w->number, turn);
        for (long i = 0; i < sums->count; i++) store(now.type, values, i, 1);
        whole_patch(sums, lo, hi);
        ld = sums->dims[1];
        if (turn % 2) NGA_Acc(sums->g, lo, hi, values, &ld, one);
        else {
            NGA_NbAcc(sums->g, lo, hi, values, &ld, one, &handle);
            NGA_NbWait(&handle);
        }
        for (int i = 0; i < rows; i++) store(now.type, values, i, turn + i);
        lo[0] = 0;
        hi[0] = rows - 1;
        lo[1] = hi[1] = column;
        ld = 1;
        NGA_NbPut(own->g, lo, hi, values, &ld, &handle);
        NGA_NbWait(&handle);
        NGA_Get(own->g, lo, hi, back, &ld);
        w->wrong += memcmp(values, back, (size_t)rows * bytes_of(now.type)) != 0;
    }
    free(one);
    free(back);
    free(values);
    return NULL;
}

static void at_once(void)
{
    int one = 1, mutexes = MUTEXES, ranks[64], mutex, ld = 1, columns[2] = {now.dims[0], size * THREADS};
    struct worker workers[THREADS] = {0};
    long zero = 0, tickets = 0, n = (long)size * THREADS * TURNS;
    int wrong = 0;
    sums = create("sums");
    own = create_typed("own", now.layout, now.type, 2, columns);
    counter = NGA_Create(C_LONG, 1, &one, "counter", NULL);
    GA_Fill(counter, &zero);
    counted = NGA_Create(C_LONG, 1, &mutexes, "counted", NULL);
    GA_Fill(counted, &zero);
    EXPECT(GA_Create_mutexes(MUTEXES), "mutexes");
    for (int rank = 0; rank < size; rank++) ranks[rank] = rank;
    for (int t = 0; t < THREADS; t++) groups[t] = GA_Pgroup_create(ranks, size);
    for (int t = 0; t < THREADS; t++) {
        workers[t].number = t;
        pthread_create(&workers[t].thread, NULL, work, &workers[t]);
    }
    for (int t = 0; t < THREADS; t++) {
        pthread_join(workers[t].thread, NULL);
        tickets += workers[t].tickets;
        wrong += workers[t].wrong;
    }
    GA_Lgop(&tickets, 1, "+");
    EXPECT(tickets == n * (n - 1) / 2, "tickets add up to %ld", tickets);
    EXPECT(!wrong, "%d columns or sums differ", wrong);
    GA_Sync();
    for (mutex = 0; mutex < MUTEXES; mutex++) {
        NGA_Get(counted, &mutex, &mutex, &zero, &ld);
        EXPECT(zero == n / MUTEXES, "%ld under mutex %d", zero, mutex);
    }
    GA_Sync();
    GA_Destroy_mutexes();
    for (int t = 0; t < THREADS; t++) GA_Pgroup_destroy(groups[t]);
    GA_Destroy(counted);
    for (long i = 0; i < sums->count; i++) sums->mock[i] += n;
    agree(sums, "accumulated by threads");
    for (int i = 0; i < columns[0]; i++) for (int j = 0; j < columns[1]; j++) own->mock[i * columns[1] + j] = TURNS - 1 + i;
    agree(own, "put by threads");
    GA_Destroy(counter);
    drop(own);
    drop(sums);
}

const struct test tests[] = {
    {"at_once", at_once, ALL_LAYOUTS, LONG | DOUBLE, D2, ALL_LAYOUTS, 0},
    {0},
};
