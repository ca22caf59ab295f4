/* MA: heap and stack in one arena, against a list of the blocks that ought to be there. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "macdecls.h"

#define CHECK(condition) do { \
    if (!(condition)) { \
        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
        exit(3); \
    } } while (0)

enum { STACK = 3000, HEAP = 5000, MOST = 200 };

static const size_t size_of[] = { 1, 4, 8, 4, 8, sizeof(long double), 8, 16, 32, 1, 8, 8, 4, 8, 8, 16, 8 };

/* What ought to be there. */
static struct { Integer handle; char *start; size_t bytes; int type, number; } heap[MOST], stack[MOST];
static int heaps, stacks, number;

static int value_of(int number, size_t byte) { return (int)((number * 31 + byte * 7) & 0xff); }

static unsigned random_number(unsigned below)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state % below);
}

static void bases(void)
{
    CHECK(MA_get_mbase(MT_C_CHAR) == (char *)ma_cb_char);
    CHECK(MA_get_mbase(MT_C_INT) == (char *)ma_cb_int);
    CHECK(MA_get_mbase(MT_C_LONGINT) == (char *)ma_cb_long);
    CHECK(MA_get_mbase(MT_C_LONGLONG) == (char *)ma_cb_longlong);
    CHECK(MA_get_mbase(MT_C_FLOAT) == (char *)ma_cb_float);
    CHECK(MA_get_mbase(MT_C_DBL) == (char *)ma_cb_dbl);
    CHECK(MA_get_mbase(MT_C_LDBL) == (char *)ma_cb_ldbl);
    CHECK(MA_get_mbase(MT_C_SCPL) == (char *)ma_cb_scpl);
    CHECK(MA_get_mbase(MT_C_DCPL) == (char *)ma_cb_dcpl);
    CHECK(MA_get_mbase(MT_C_LDCPL) == (char *)ma_cb_ldcpl);
}

static void sizes(void)
{
    for (int from = 0; from < MT_NUMTYPES; from++)
        for (int to = 0; to < MT_NUMTYPES; to++)
            for (Integer n = 0; n < 9; n++) {
                Integer bytes = n * (Integer)size_of[from], unit = (Integer)size_of[to];
                CHECK(MA_sizeof(MT_BASE + from, n, MT_BASE + to) == (bytes + unit - 1) / unit);
            }
    CHECK(MA_sizeof_overhead(MT_CHAR) > 0 && MA_sizeof_overhead(MT_CHAR) <= 256);
}

/* A block just made: where it is, aligned, not over any other, with its pattern in it. */
static void begin_block(int in_heap, Integer handle, int type, Integer elements, MA_AccessIndex index)
{
    char *start;
    size_t bytes = (size_t)elements * size_of[type];
    MA_AccessIndex again;
    CHECK(MA_get_pointer(handle, &start));
    CHECK(MA_get_index(handle, &again) && again == index);
    CHECK((uintptr_t)start % size_of[type] == 0);
    CHECK(MA_get_mbase(MT_BASE + type) + index * (Integer)size_of[type] == start);
    for (int i = 0; i < heaps; i++) CHECK(start + bytes <= heap[i].start || heap[i].start + heap[i].bytes <= start);
    for (int i = 0; i < stacks; i++) CHECK(start + bytes <= stack[i].start || stack[i].start + stack[i].bytes <= start);
    for (size_t b = 0; b < bytes; b++) start[b] = (char)value_of(number, b);
    int place = in_heap ? heaps++ : stacks++;
    (in_heap ? heap : stack)[place].handle = handle;
    (in_heap ? heap : stack)[place].start = start;
    (in_heap ? heap : stack)[place].bytes = bytes;
    (in_heap ? heap : stack)[place].type = type;
    (in_heap ? heap : stack)[place].number = number++;
}

static void check_pattern(const char *start, size_t bytes, int number)
{
    for (size_t b = 0; b < bytes; b++) CHECK((unsigned char)start[b] == value_of(number, b));
}

static void check_all(void)
{
    Integer iterator, handle;
    int seen = 0;
    CHECK(MA_verify_allocator_stuff());
    CHECK(MA_init_memhandle_iterator(&iterator));
    while (MA_get_next_memhandle(&iterator, &handle)) {
        int found = 0;
        for (int i = 0; i < heaps; i++) found += heap[i].handle == handle;
        for (int i = 0; i < stacks; i++) found += stack[i].handle == handle;
        CHECK(found == 1);
        seen++;
    }
    CHECK(seen == heaps + stacks);
    for (int i = 0; i < heaps; i++) check_pattern(heap[i].start, heap[i].bytes, heap[i].number);
    for (int i = 0; i < stacks; i++) check_pattern(stack[i].start, stack[i].bytes, stack[i].number);
}

static void anything(void)
{
    int refused = 0;
    for (int step = 0; step < 20000; step++) {
        int type = (int)random_number(MT_NUMTYPES);
        Integer elements = random_number(300), handle = -7;
        MA_AccessIndex index;
        switch (random_number(6)) {
        case 0: case 1:
            if (heaps == MOST) break;
            if (MA_alloc_get(MT_BASE + type, elements, "a block of the heap", &handle, &index)) begin_block(1, handle, type, elements, index);
            else { CHECK(handle == -7); refused++; }
            break;
        case 2:
            if (stacks == MOST) break;
            if (MA_push_get(MT_BASE + type, elements, "a block of the stack", &handle, &index)) begin_block(0, handle, type, elements, index);
            else { CHECK(handle == -7); refused++; }
            break;
        case 3:
            if (heaps) {
                int i = (int)random_number((unsigned)heaps);
                Integer piece = random_number(300), have = (Integer)(heap[i].bytes / size_of[heap[i].type]);
                if (random_number(3) == 0) {
                    CHECK(MA_free_heap_piece(heap[i].handle, piece));
                    heap[i].bytes -= piece < have ? (size_t)piece * size_of[heap[i].type] : 0;
                    if (piece < have) break;
                } else CHECK(MA_free_heap(heap[i].handle));
                CHECK(!MA_free_heap(heap[i].handle));
                heap[i] = heap[--heaps];
            }
            break;
        case 4:
            if (stacks > 1) CHECK(!MA_pop_stack(stack[stacks - 2].handle));
            if (stacks) CHECK(MA_pop_stack(stack[--stacks].handle));
            break;
        default:
            if (stacks && random_number(10) == 0) {
                stacks = (int)random_number((unsigned)stacks);
                CHECK(MA_chop_stack(stack[stacks].handle));
            }
        }
        if (step % 16 == 0) check_all();
    }
    CHECK(refused > 100);
    while (heaps) CHECK(MA_free_heap(heap[--heaps].handle));
    while (stacks) CHECK(MA_pop_stack(stack[--stacks].handle));
}

/* What is told to fit does, and one more does not. */
static void room(void)
{
    Integer handle, below, other;
    for (int type = 0; type < MT_NUMTYPES; type++) {
        Integer kind = MT_BASE + type, fit = MA_inquire_avail(kind);
        CHECK(fit >= (Integer)((STACK + HEAP) * sizeof(double) / size_of[type]));
        CHECK(MA_inquire_heap(kind) >= (Integer)(HEAP * sizeof(double) / size_of[type]));
        CHECK(MA_inquire_stack(kind) >= (Integer)(STACK * sizeof(double) / size_of[type]));
        CHECK(MA_inquire_heap_no_partition(kind) == fit && MA_inquire_stack_no_partition(kind) == fit);
        CHECK(!MA_allocate_heap(kind, fit + 1, "too much", &handle));
        CHECK(MA_allocate_heap(kind, fit, "everything", &handle));
        CHECK(MA_inquire_avail(MT_DBL) == 0 && MA_inquire_heap_check_stack(MT_DBL) == 0 && MA_inquire_stack_check_heap(MT_DBL) == 0);
        CHECK(MA_free_heap(handle));
        Integer half = MA_inquire_stack(kind);
        CHECK(MA_push_stack(kind, half, "half", &handle));
        CHECK(MA_inquire_stack(kind) == 0 && MA_inquire_heap_check_stack(kind) >= (Integer)(HEAP * sizeof(double) / size_of[type]));
        CHECK(MA_pop_stack(handle));
    }
    /* The gap a freed block leaves is used again. */
    CHECK(MA_allocate_heap(MT_DBL, 500, "below", &below));
    CHECK(MA_allocate_heap(MT_DBL, HEAP - 600, "above", &other));
    CHECK(MA_free_heap(below));
    CHECK(MA_inquire_heap(MT_DBL) >= 500);
    CHECK(MA_allocate_heap(MT_DBL, 500, "below", &below));
    CHECK(MA_free_heap(other) && MA_free_heap(below));
}

static void guards(void)
{
    Integer handle;
    double *x;
    for (int in_heap = 0; in_heap < 2; in_heap++)
        for (int side = 0; side < 2; side++) {
            CHECK(in_heap ? MA_allocate_heap(MT_DBL, 10, "victim", &handle) : MA_push_stack(MT_DBL, 10, "victim", &handle));
            CHECK(MA_get_pointer(handle, &x));
            double *wrong = side ? x + 10 : x - 1, saved = *wrong;
            *wrong = 1.0;
            CHECK(!MA_verify_allocator_stuff());
            CHECK(!MA_get_pointer(handle, &x));
            CHECK(in_heap ? !MA_free_heap(handle) : !MA_pop_stack(handle));
            CHECK(MA_set_auto_verify(MA_TRUE) == MA_FALSE);
            Integer other;
            CHECK(!MA_allocate_heap(MT_INT, 1, "another", &other));
            *wrong = saved;
            CHECK(MA_allocate_heap(MT_INT, 1, "another", &other) && MA_free_heap(other));
            CHECK(MA_set_auto_verify(MA_FALSE) == MA_TRUE);
            CHECK(MA_verify_allocator_stuff());
            CHECK(in_heap ? MA_free_heap(handle) : MA_pop_stack(handle));
        }
}

static void alignment(void)
{
    Integer handle, value;
    char *x;
    for (Integer n = 0; n <= 12; n++) {
        CHECK(MA_set_numalign(n) && MA_get_numalign(&value) && value == n);
        for (int in_heap = 0; in_heap < 2; in_heap++) {
            CHECK(in_heap ? MA_allocate_heap(MT_INT, 3, "x", &handle) : MA_push_stack(MT_INT, 3, "x", &handle));
            CHECK(MA_get_pointer(handle, &x) && (uintptr_t)x % ((uintptr_t)1 << n) == 0);
            CHECK(in_heap ? MA_free_heap(handle) : MA_chop_stack(handle));
        }
    }
    CHECK(!MA_set_numalign(31) && !MA_set_numalign(-1));
    CHECK(MA_set_numalign(0));
}

/* A deep stack with heap blocks between: every handle leads to its own block, a scan meets them in the order they were made, what is not
 * on top can't be popped, and what was popped is gone. */
static void deep(void)
{
    enum { DEPTH = 60 };
    Integer handles[DEPTH], heap[DEPTH / 10], iterator, handle, past = -1;
    MA_AccessIndex index;
    char *where[DEPTH], *pointer;
    int i, k, seen = 0;
    for (i = 0; i < DEPTH; i++) {
        if (i % 10 == 5) CHECK(MA_allocate_heap(MT_INT, 3, "between", &heap[i / 10]));
        CHECK(MA_push_get(MT_CHAR, 1 + i % 7, "a name that is longer than the letters that are kept", &handles[i], &index));
        CHECK(handles[i] > past);
        past = handles[i];
        CHECK(MA_get_pointer(handles[i], &where[i]) && (i == 0 || where[i] < where[i - 1]));
        CHECK(where[i] == (char *)MA_get_mbase(MT_CHAR) + index);
        memset(where[i], i, 1 + i % 7);
    }
    CHECK(MA_init_memhandle_iterator(&iterator));
    for (past = -1; MA_get_next_memhandle(&iterator, &handle); past = handle, seen++) CHECK(handle > past);
    CHECK(seen == DEPTH + DEPTH / 10);
    for (i = 0; i < DEPTH; i++) {
        CHECK(MA_get_pointer(handles[i], &pointer) && pointer == where[i]);
        for (k = 0; k < 1 + i % 7; k++) CHECK(pointer[k] == i);
    }
    CHECK(!MA_pop_stack(handles[DEPTH - 2]) && !MA_free_heap(handles[3]) && !MA_pop_stack(heap[0]));
    for (i = DEPTH - 1; i >= DEPTH / 2; i--) {
        CHECK(MA_pop_stack(handles[i]));
        CHECK(!MA_get_pointer(handles[i], &pointer) && !MA_pop_stack(handles[i]));
    }
    CHECK(MA_chop_stack(handles[4]) && !MA_get_pointer(handles[5], &pointer) && MA_get_pointer(handles[3], &pointer));
    CHECK(MA_chop_stack(handles[0]));
    for (i = 0; i < DEPTH / 10; i++) CHECK(MA_free_heap(heap[i]));
    CHECK(MA_verify_allocator_stuff());
}

static void terminated(const char *text, int code)
{
    printf("terminated: %s (%d)\n", text, code);
    exit(0);
}

int main(void)
{
    Integer handle;
    const char *mistake = getenv("MA_TEST_MISTAKE");
    if (mistake) {
        CHECK(MA_init(MT_DBL, 10, 10));
        if (!strcmp(mistake, "hard")) {
            MA_set_hard_fail(MA_TRUE);
            MA_allocate_heap(MT_DBL, 1000, "huge", &handle);
        }
        if (!strcmp(mistake, "fatal")) MA_sizeof(17, 1, MT_DBL);
        if (!strcmp(mistake, "soft")) CHECK(!MA_pop_stack(77));
        if (!strcmp(mistake, "callback")) {
            MA_set_error_callback((void (*)())terminated);
            MA_inquire_avail(3);
        }
        if (!strcmp(mistake, "asked")) {
            MA_trace(MA_TRUE);
            CHECK(MA_push_stack(MT_INT, 4, "four", &handle));
            MA_summarize_allocated_blocks();
            MA_print_stats(MA_TRUE);
        }
        return 0;
    }
    bases();
    sizes();
    CHECK(!MA_initialized());
    CHECK(MA_set_error_print(MA_FALSE) == MA_TRUE);
    CHECK(!MA_allocate_heap(MT_DBL, 1, "early", &handle) && MA_inquire_avail(MT_DBL) == 0);
    CHECK(!MA_init(12, 1, 1));
    CHECK(MA_init(MT_DBL, STACK, HEAP) && MA_initialized());
    CHECK(!MA_init(MT_DBL, STACK, HEAP));
    CHECK(!MA_allocate_heap(12, 1, "no type", &handle) && !MA_push_stack(MT_INT, -1, "negative", &handle));
    room();
    guards();
    alignment();
    deep();
    room();
    anything();
    room();
    printf("done 0\n");
    return 0;
}
