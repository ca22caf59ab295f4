/* Put, get and accumulate in every shape and type, against plain loops over a copy. */
#include "check.h"
#include <complex.h>

#define N 512

static void *parts[64];

/* A number that everybody can work out. */
static int value(int owner, int index) { return (owner * 31 + index * 7) % 101; }

#define CONTIGUOUS(name, type, op, one) \
static void name(void) \
{ \
    type mine[N], there[N], scale = one; \
    int i, to = (me + 1) % size, from = (me + size - 1) % size; \
    armci_hdl_t handle; \
    CHECK(!ARMCI_Malloc(parts, sizeof mine)); \
    for (i = 0; i < N; i++) mine[i] = value(me, i); \
    CHECK(!ARMCI_Put(mine, parts[to], sizeof mine, to)); \
    ARMCI_Barrier(); \
    CHECK(!ARMCI_Get(parts[me], there, sizeof there, me)); \
    for (i = 0; i < N; i++) CHECK(there[i] == (type)value(from, i), "at %d", i); \
    CHECK(!memcmp(there, parts[me], sizeof there), "loads see what a get sees"); \
    ARMCI_Barrier(); \
    for (i = 0; i < size; i++) { \
        CHECK(!ARMCI_Acc(op, &scale, mine, parts[i], sizeof mine, i)); \
        CHECK(!ARMCI_NbAcc(op, &scale, mine + 1, (type *)parts[i] + 1, sizeof(type), i, &handle)); \
        CHECK(!ARMCI_Wait(&handle)); \
    } \
    ARMCI_Barrier(); \
    for (i = 0; i < N; i++) { \
        type sum = value(from, i); \
        int rank, times; \
        for (rank = 0; rank < size; rank++) \
            for (times = 0; times < (i == 1 ? 2 : 1); times++) sum += scale * (type)value(rank, i); \
        CHECK(((type *)parts[me])[i] == sum, "at %d", i); \
    } \
    ARMCI_Barrier(); \
    CHECK(!ARMCI_Free(parts[me])); \
}

CONTIGUOUS(contiguous_int, int, ARMCI_ACC_INT, 3)
CONTIGUOUS(contiguous_long, long, ARMCI_ACC_LNG, -2)
CONTIGUOUS(contiguous_float, float, ARMCI_ACC_FLT, 2)
CONTIGUOUS(contiguous_double, double, ARMCI_ACC_DBL, 0.5)
CONTIGUOUS(contiguous_complex, float complex, ARMCI_ACC_CPL, 1 + 2 * I)
CONTIGUOUS(contiguous_dcomplex, double complex, ARMCI_ACC_DCP, 2 - I)

/* A box of `levels` strides: all its elements, by their offsets on both sides. */
static void walk(int levels, const int *strides, const int *count, int base, int *offsets, int *found)
{
    int i;
    if (levels == 0) {
        for (i = 0; i < count[0] / (int)sizeof(double); i++) offsets[(*found)++] = base / (int)sizeof(double) + i;
        return;
    }
    for (i = 0; i < count[levels]; i++) walk(levels - 1, strides, count, base + i * strides[levels - 1], offsets, found);
}

static void strided(int levels)
{
    enum { BOX = 3 * 256, ROOM = 8192 };
    static double local[ROOM], model[ROOM], there[ROOM];
    static int remote_at[BOX], local_at[BOX];
    int remote[8], near[8], count[9], i, found = 0, others = 0, to = (me + 1) % size;
    double scale = 2;
    armci_hdl_t handle;
    count[0] = 2 * sizeof(double);
    for (i = 0; i < levels; i++) {
        count[i + 1] = i < 7 ? 2 : 1;
        remote[i] = i ? remote[i - 1] * 2 + 16 : 24;
        near[i] = i ? near[i - 1] * 2 + 8 : 32;
    }
    CHECK(!ARMCI_Malloc(parts, sizeof local));
    for (i = 0; i < ROOM; i++) local[i] = i + 1, model[i] = ((double *)parts[me])[i] = -i;
    ARMCI_Barrier();
    walk(levels, remote, count, 0, remote_at, &found);
    walk(levels, near, count, 0, local_at, &others);
    CHECK(found == others && remote_at[found - 1] < ROOM && local_at[found - 1] < ROOM);
    CHECK(!ARMCI_PutS(local, near, parts[to], remote, count, levels, to));
    for (i = 0; i < found; i++) model[remote_at[i]] = local[local_at[i]];
    ARMCI_Barrier();
    CHECK(!memcmp(model, parts[me], sizeof model), "%d levels", levels);
    ARMCI_Barrier();
    CHECK(!ARMCI_AccS(ARMCI_ACC_DBL, &scale, local, near, parts[to], remote, count, levels, to));
    CHECK(!ARMCI_NbAccS(ARMCI_ACC_DBL, &scale, local, near, parts[to], remote, count, levels, to, &handle));
    CHECK(!ARMCI_Wait(&handle));
    for (i = 0; i < found; i++) model[remote_at[i]] += 2 * scale * local[local_at[i]];
    ARMCI_Barrier();
    CHECK(!memcmp(model, parts[me], sizeof model), "%d levels", levels);
    memset(there, 0, sizeof there);
    CHECK(!ARMCI_GetS(parts[to], remote, there, near, count, levels, to));
    for (i = 0; i < found; i++) CHECK(there[local_at[i]] == model[remote_at[i]], "at %d", i);
    memset(there, 0, sizeof there);
    CHECK(!ARMCI_NbGetS(parts[to], remote, there, near, count, levels, to, NULL));
    CHECK(!ARMCI_WaitProc(to));
    for (i = 0; i < found; i++) CHECK(there[local_at[i]] == model[remote_at[i]], "at %d", i);
    ARMCI_Barrier();
    CHECK(!ARMCI_Free(parts[me]));
}

static void vectors(void)
{
    double mine[64], there[64], scale = 3;
    void *from[2][16], *to[2][16];
    armci_giov_t runs[3];
    armci_hdl_t handle;
    int i, k, other = (me + 1) % size;
    CHECK(!ARMCI_Malloc(parts, sizeof mine));
    for (i = 0; i < 64; i++) mine[i] = i, ((double *)parts[me])[i] = 0;
    ARMCI_Barrier();
    for (k = 0; k < 2; k++)
        for (i = 0; i < 16; i++) {
            from[k][i] = mine + 32 * k + 2 * i;
            to[k][i] = (double *)parts[other] + 32 * k + 2 * (15 - i);
        }
    for (k = 0; k < 2; k++) {
        runs[k].src_ptr_array = from[k];
        runs[k].dst_ptr_array = to[k];
        runs[k].ptr_array_len = 16;
        runs[k].bytes = (k + 1) * sizeof(double);
    }
    memset(&runs[2], 0, sizeof runs[2]);
    CHECK(!ARMCI_PutV(runs, 3, other));
    CHECK(!ARMCI_AccV(ARMCI_ACC_DBL, &scale, runs, 3, other));
    CHECK(!ARMCI_NbPutV(runs, 0, other, &handle) && !ARMCI_Wait(&handle));
    ARMCI_Barrier();
    for (k = 0; k < 2; k++)
        for (i = 0; i < 16; i++) {
            double *at = (double *)parts[me] + 32 * k + 2 * (15 - i);
            CHECK(at[0] == 4 * mine[32 * k + 2 * i]);
            CHECK(at[1] == (k ? 4 * mine[32 * k + 2 * i + 1] : 0));
        }
    for (k = 0; k < 2; k++)
        for (i = 0; i < 16; i++) from[k][i] = to[k][i], to[k][i] = there + 32 * k + 2 * i;
    CHECK(!ARMCI_GetV(runs, 2, other));
    for (i = 0; i < 16; i++) CHECK(there[32 + 2 * i] == 4 * mine[32 + 2 * i] && there[2 * i] == 4 * mine[2 * i]);
    ARMCI_Barrier();
    CHECK(!ARMCI_Free(parts[me]));
}

/* Many runs of one length, scattered over two allocations in no order, some of them more than once; against a loop. */
#define SCATTERED(name, type, op) \
static void name(void) \
{ \
    enum { RUNS = 1000, EACH = 3000 }; \
    static void *first[64], *second[64], *near[RUNS], *far[RUNS]; \
    static type mine[RUNS * 4], got[RUNS * 4], model[2][EACH]; \
    type scale = 2; \
    armci_giov_t runs; \
    armci_hdl_t handle; \
    int i, k, n, other = (me + 1) % size; \
    CHECK(!ARMCI_Malloc(first, sizeof model[0]) && !ARMCI_Malloc(second, sizeof model[0])); \
    runs.ptr_array_len = RUNS; \
    for (n = 1; n <= 3; n += 2) { \
        runs.bytes = n * sizeof(type); \
        for (i = 0; i < EACH; i++) \
            for (k = 0; k < 2; k++) ((type *)(k ? second : first)[me])[i] = model[k][i] = value(k, i); \
        for (i = 0; i < RUNS * 4; i++) mine[i] = value(2, i), got[i] = 0; \
        ARMCI_Barrier(); \
        /* Three fit every place; runs of a put don't overlap. */ \
        for (i = 0; i < RUNS; i++) { \
            int at = i * 37 % RUNS * 3, which = i % 7 < 3; \
            near[i] = mine + (RUNS - 1 - i) * 4; \
            far[i] = (type *)(which ? second : first)[other] + at; \
            for (k = 0; k < n; k++) model[which][at + k] = mine[(RUNS - 1 - i) * 4 + k]; \
        } \
        runs.src_ptr_array = near, runs.dst_ptr_array = far; \
        CHECK(!ARMCI_PutV(&runs, 1, other)); \
        ARMCI_Barrier(); \
        for (i = 0; i < EACH; i++) CHECK(((type *)first[me])[i] == model[0][i] && ((type *)second[me])[i] == model[1][i], "put: %d", i); \
        ARMCI_Barrier(); \
        for (i = 0; i < RUNS; i++) { \
            int at = i * i % (EACH - 3), which = i % 5 == 0; \
            far[i] = (type *)(which ? second : first)[other] + at; \
            for (k = 0; k < n; k++) model[which][at + k] += 2 * scale * mine[(RUNS - 1 - i) * 4 + k]; \
        } \
        CHECK(!ARMCI_AccV(op, &scale, &runs, 1, other)); \
        CHECK(!ARMCI_NbAccV(op, &scale, &runs, 1, other, &handle) && !ARMCI_Wait(&handle)); \
        ARMCI_Barrier(); \
        for (i = 0; i < EACH; i++) CHECK(((type *)first[me])[i] == model[0][i] && ((type *)second[me])[i] == model[1][i], "acc: %d", i); \
        for (i = 0; i < RUNS; i++) near[i] = got + i * 4; \
        runs.src_ptr_array = far, runs.dst_ptr_array = near; \
        CHECK(!ARMCI_GetV(&runs, 1, other)); \
        for (i = 0; i < RUNS; i++) \
            for (k = 0; k < 4; k++) { \
                type wanted = k < n ? model[i % 5 == 0][i * i % (EACH - 3) + k] : 0; \
                CHECK(got[i * 4 + k] == wanted, "get: run %d, element %d", i, k); \
            } \
        ARMCI_Barrier(); \
    } \
    CHECK(!ARMCI_Free(first[me]) && !ARMCI_Free(second[me])); \
}

SCATTERED(scattered_int, int, ARMCI_ACC_INT)
SCATTERED(scattered_long, long, ARMCI_ACC_LNG)
SCATTERED(scattered_float, float, ARMCI_ACC_FLT)
SCATTERED(scattered_double, double, ARMCI_ACC_DBL)
SCATTERED(scattered_complex, float complex, ARMCI_ACC_CPL)
SCATTERED(scattered_dcomplex, double complex, ARMCI_ACC_DCP)

/* Elements that begin anywhere, at the target and here, as complex numbers after a double do: on one line, as rows, and as runs. */
#define ANYWHERE(name, type, op) \
static void name(void) \
{ \
    enum { EACH = 9000, ROW = 30, ROWS = 40, BYTES = EACH * sizeof(type) + 64 }; \
    static char model[BYTES], mine[BYTES]; \
    static void *near[ROWS], *far[ROWS]; \
    int skews[] = {1, sizeof(type) / 2, sizeof(type) - 1}, other = (me + 1) % size, shape, s, i, k; \
    type scale = 2; \
    CHECK(!ARMCI_Malloc(parts, BYTES)); \
    for (s = 0; s < 3; s++) \
        for (shape = 0; shape < 3; shape++) { \
            int skew = skews[s], count[2] = {ROW * sizeof(type), ROWS}, there = ROW * sizeof(type) + 9, here = ROW * sizeof(type) + 5; \
            armci_giov_t runs = {near, far, ROWS, ROW * sizeof(type)}; \
            memset(model, 0, BYTES), memset(parts[me], 0, BYTES), memset(mine, 0, BYTES); \
            ARMCI_Barrier(); \
            for (i = 0; i < (shape ? ROWS : 1); i++) { \
                char *to = model + skew + i * there, *from = mine + 3 + i * here; \
                near[i] = from, far[i] = (char *)parts[other] + skew + i * there; \
                for (k = 0; k < (shape ? ROW : EACH); k++) { \
                    type number = value(i, k), sum = scale * number; \
                    memcpy(from + k * sizeof number, &number, sizeof number), memcpy(to + k * sizeof sum, &sum, sizeof sum); \
                } \
            } \
            if (shape == 0) CHECK(!ARMCI_Acc(op, &scale, near[0], far[0], EACH * sizeof(type), other)); \
            if (shape == 1) CHECK(!ARMCI_AccS(op, &scale, near[0], &here, far[0], &there, count, 1, other)); \
            if (shape == 2) CHECK(!ARMCI_AccV(op, &scale, &runs, 1, other)); \
            ARMCI_Barrier(); \
            CHECK(!memcmp(model, parts[me], BYTES), "shape %d, %d bytes off", shape, skew); \
            ARMCI_Barrier(); \
        } \
    CHECK(!ARMCI_Free(parts[me])); \
}

ANYWHERE(anywhere_int, int, ARMCI_ACC_INT)
ANYWHERE(anywhere_long, long, ARMCI_ACC_LNG)
ANYWHERE(anywhere_float, float, ARMCI_ACC_FLT)
ANYWHERE(anywhere_double, double, ARMCI_ACC_DBL)
ANYWHERE(anywhere_complex, float complex, ARMCI_ACC_CPL)
ANYWHERE(anywhere_dcomplex, double complex, ARMCI_ACC_DCP)

static void values_and_flags(void)
{
    struct { double d; long l; float f; int i; int flag[2]; double data[8]; } *mine;
    double data[8], back[8] = {0};
    int to = (me + 1) % size, from = (me + size - 1) % size, i;
    int strides[1] = {32}, count[2] = {16, 2};
    armci_hdl_t handle;
    CHECK(!ARMCI_Malloc(parts, sizeof *mine));
    mine = parts[me];
    memset(mine, 0, sizeof *mine);
    ARMCI_Barrier();
#define AT(field) ((char *)parts[to] + ((char *)&mine->field - (char *)mine))
    CHECK(!ARMCI_PutValueDouble(1.5 + me, AT(d), to) && !ARMCI_PutValueLong(1L << 40 | me, AT(l), to));
    CHECK(!ARMCI_NbPutValueFloat(0.25f * me, AT(f), to, &handle) && !ARMCI_Wait(&handle));
    CHECK(!ARMCI_NbPutValueInt(-me, AT(i), to, NULL) && !ARMCI_WaitAll());
    ARMCI_Fence(to);
    CHECK(ARMCI_GetValueDouble(AT(d), to) == 1.5 + me && ARMCI_GetValueLong(AT(l), to) == (1L << 40 | me));
    CHECK(ARMCI_GetValueFloat(AT(f), to) == 0.25f * me && ARMCI_GetValueInt(AT(i), to) == -me);
    for (i = 0; i < 8; i++) data[i] = value(me, i);
    CHECK(!ARMCI_Put_flag(data, AT(data), sizeof data, (int *)AT(flag[0]), 7, to));
    while (__atomic_load_n(&mine->flag[0], __ATOMIC_ACQUIRE) != 7) ARMCIX_Progress();
    for (i = 0; i < 8; i++) CHECK(mine->data[i] == value(from, i));
    ARMCI_Barrier();
    for (i = 0; i < 8; i++) data[i] += 1000;
    CHECK(!ARMCI_PutS_flag(data, strides, AT(data), strides, count, 1, (int *)AT(flag[1]), 9, to));
    while (__atomic_load_n(&mine->flag[1], __ATOMIC_ACQUIRE) != 9) ARMCIX_Progress();
    for (i = 0; i < 8; i++) CHECK(mine->data[i] == value(from, i) + (i % 4 < 2 ? 1000 : 0), "at %d", i);
    ARMCI_Copy(data, back, sizeof data);
    CHECK(!memcmp(data, back, sizeof data));
    ARMCI_Barrier();
    CHECK(!ARMCI_Free(mine));
}

static void handles(void)
{
    armci_hdl_t aggregate, plain;
    int mine[64], there[64], i, to = (me + 1) % size;
    CHECK(!ARMCI_Malloc(parts, sizeof mine));
    for (i = 0; i < 64; i++) mine[i] = 64 * me + i;
    ARMCI_SET_AGGREGATE_HANDLE(&aggregate);
    for (i = 0; i < 64; i++) CHECK(!ARMCI_NbPut(mine + i, (int *)parts[to] + i, sizeof(int), to, &aggregate));
    ARMCI_UNSET_AGGREGATE_HANDLE(&aggregate);
    CHECK(!ARMCI_Wait(&aggregate));
    ARMCI_Fence(to);
    CHECK(!ARMCI_NbGet(parts[to], there, sizeof there, to, &plain));
    while (!ARMCI_Test(&plain)) {}
    CHECK(!ARMCI_Wait(&plain));
    CHECK(!memcmp(mine, there, sizeof mine));
    /* What is empty needs no memory. */
    CHECK(!ARMCI_Put(NULL, NULL, 0, to) && !ARMCI_Get(NULL, NULL, 0, to));
    ARMCI_AllFence();
    ARMCI_Barrier();
    CHECK(!ARMCI_Free(parts[me]));
}

/* Same-target order: the last of overlapping puts stays; a get after a put has its data. */
static void order(void)
{
    int i, to = (me + 1) % size, there;
    CHECK(!ARMCI_Malloc(parts, sizeof(int)));
    for (i = 0; i < 1000; i++) {
        CHECK(!ARMCI_Put(&i, parts[to], sizeof i, to));
        if (i % 10 == 0) {
            CHECK(!ARMCI_Get(parts[to], &there, sizeof there, to));
            CHECK(there == i, "%d after %d", there, i);
        }
    }
    ARMCI_Barrier();
    CHECK(*(int *)parts[me] == 999);
    ARMCI_Barrier();
    CHECK(!ARMCI_Free(parts[me]));
}

int main(int argc, char **argv)
{
    int levels;
    begin(&argc, &argv);
    contiguous_int();
    contiguous_long();
    contiguous_float();
    contiguous_double();
    contiguous_complex();
    contiguous_dcomplex();
    for (levels = 0; levels <= ARMCI_MAX_STRIDE_LEVEL; levels++) strided(levels);
    vectors();
    scattered_int();
    scattered_long();
    scattered_float();
    scattered_double();
    scattered_complex();
    scattered_dcomplex();
    anywhere_int();
    anywhere_long();
    anywhere_float();
    anywhere_double();
    anywhere_complex();
    anywhere_dcomplex();
    values_and_flags();
    handles();
    order();
    return finish();
}
