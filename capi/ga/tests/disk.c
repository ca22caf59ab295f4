/* Arrays on disk: whole and sections, turned round, of 1 to 5 axes and all types, in one file and several, by some writers or all; what another job wrote; what a job left in the middle. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>
#include "dra.h"
#include "ga.h"
#include "macdecls.h"

static int me, size;
static char name[200];

#define CHECK(condition, ...) do { \
    if (!(condition)) { \
        fprintf(stderr, "rank %d: line %d: %s: ", me, __LINE__, #condition); \
        fprintf(stderr, " " __VA_ARGS__); \
        GA_Error("check failed", 1); \
    } } while (0)

enum { MOST = 5000 };

static long volume(int n, const int *dims)
{
    long all = 1;
    while (n--) all *= dims[n];
    return all;
}

/* Bytes that tell where an element is, and which array it belongs to. */
static void bytes_of(char *to, int item, long place, int seed)
{
    int i;
    for (i = 0; i < item; i++) to[i] = (char)(place * 31 + place / 117 + i * 5 + seed * 11);
}

/* Fills or checks all of a global array, whose element at a place has the place's bytes, but for a section, if there is one, which has those of places in another. */
static void all_of(int g, int n, int *dims, int item, int seed, char *buffer)
{
    int lo[7] = {0}, hi[7], ld[7], i;
    long place;
    for (i = 0; i < n; i++) hi[i] = dims[i] - 1;
    for (i = 1; i < n; i++) ld[i - 1] = dims[i];
    if (seed >= 0) {
        for (place = 0; place < volume(n, dims); place++) bytes_of(buffer + place * item, item, place, seed);
        GA_Sync();
        if (me == size - 1) NGA_Put(g, lo, hi, buffer, ld);
        GA_Sync();
    } else {
        NGA_Get(g, lo, hi, buffer, ld);
    }
}

static const struct { int type, item; } types[] = {{C_DBL, 8}, {C_INT, 4}, {C_LONG, 8}, {C_FLOAT, 4}, {C_DCPL, 16}, {C_SCPL, 8}, {C_CHAR, 1}};

/* The place of a turned index. */
static long turned(int n, const int *dims, long place)
{
    int at[7], i;
    long there = 0;
    for (i = n; i-- > 0;) {
        at[i] = place % dims[i];
        place /= dims[i];
    }
    for (i = n; i-- > 0;) there = there * dims[i] + at[i];
    return there;
}

static void shapes(void)
{
    static int shapes[][5] = {{37}, {12, 17}, {5, 9, 7}, {4, 3, 5, 6}, {3, 2, 4, 3, 5}, {1, 1}, {100, 2}};
    static const int axes[] = {1, 2, 3, 4, 5, 2, 2};
    char *buffer = malloc(MOST * 16), *wanted = malloc(MOST * 16), found[80], file[200], element[16];
    int s, t, i, request, d, is_over;
    for (s = 0; s < 7; s++) for (t = 0; t < 7; t++) {
        int n = axes[s], *dims = shapes[s], item = types[t].item, type, g, h, back[7], lo[7], hi[7], glo[7], ghi[7];
        dra_size_t wide[7], typical[7], dlo[7], dhi[7], dims_found[7];
        long place, all = volume(n, dims);
        if (s > 2 && t > 1) continue;
        for (i = 0; i < n; i++) {
            wide[i] = dims[i];
            typical[i] = -1;
            back[i] = dims[n - 1 - i];
        }
        DRA_Set_default_config(1 + (s + t) % 3, (s + t) % 2 ? size : 1);
        g = NGA_Create(types[t].type, n, dims, "there", NULL);
        h = NGA_Create(types[t].type, n, back, "turned", NULL);
        CHECK(NDRA_Create(types[t].type, n, wide, "on disk", name, DRA_RW, typical, &d) == 0);
        /* A new one is zero. */
        all_of(g, n, dims, item, 1, buffer);
        CHECK(NDRA_Read(g, d, &request) == 0 && DRA_Wait(request) == 0);
        all_of(g, n, dims, item, -1, buffer);
        for (place = 0; place < all * item; place++) CHECK(buffer[place] == 0, "at %ld", place);
        /* All of it, there and back. */
        all_of(g, n, dims, item, 2, wanted);
        CHECK(NDRA_Write(g, d, &request) == 0 && DRA_Wait(request) == 0 && DRA_Wait(request) == 0);
        all_of(g, n, dims, item, 3, buffer);
        CHECK(NDRA_Read(g, d, &request) == 0);
        do CHECK(DRA_Probe(request, &is_over) == 0); while (is_over != ELIO_DONE);
        CHECK(DRA_Wait(request) == 0);
        all_of(g, n, dims, item, -1, buffer);
        CHECK(!memcmp(buffer, wanted, all * item), "shape %d, type %d", s, t);
        /* Turned round in memory, by sections: the whole and one of it. */
        for (i = 0; i < n; i++) {
            glo[i] = 0;
            ghi[i] = back[i] - 1;
            dlo[i] = 0;
            dhi[i] = dims[i] - 1;
        }
        CHECK(NDRA_Read_section(1, h, glo, ghi, d, dlo, dhi, &request) == 0 && DRA_Wait(request) == 0);
        all_of(h, n, back, item, -1, buffer);
        for (place = 0; place < all; place++) CHECK(!memcmp(buffer + turned(n, dims, place) * item, wanted + place * item, item), "shape %d, type %d at %ld", s, t, place);
        CHECK(NDRA_Write_section(1, h, glo, ghi, d, dlo, dhi, &request) == 0 && DRA_Wait(request) == 0);
        /* A section that begins at 1 or 0 and is shorter, to another place in memory; what is around it stays. */
        for (i = 0; i < n; i++) {
            int len = (dims[i] + 1) / 2;
            lo[i] = dims[i] - len;
            hi[i] = dims[i] - 1;
            dlo[i] = dims[i] > 2 ? 1 : 0;
            dhi[i] = dlo[i] + len - 1;
        }
        all_of(g, n, dims, item, 4, buffer);
        CHECK(NDRA_Read_section(0, g, lo, hi, d, dlo, dhi, &request) == 0 && DRA_Wait(request) == 0);
        all_of(g, n, dims, item, -1, buffer);
        for (place = 0; place < all; place++) {
            long rest = place, there = 0, stride = 1, is_in = 1;
            for (i = n; i-- > 0; rest /= dims[i]) {
                long at = rest % dims[i];
                is_in &= at >= lo[i];
                there += (at - lo[i] + dlo[i]) * stride;
                stride *= dims[i];
            }
            bytes_of(element, item, is_in ? there : place, is_in ? 2 : 4);
            CHECK(!memcmp(buffer + place * item, element, item), "shape %d, type %d at %ld", s, t, place);
        }
        /* The same section is written somewhere else, by turning it twice; two requests are under way. */
        CHECK(NDRA_Write(g, d, &request) == 0);
        CHECK(NDRA_Inquire(d, &type, &i, dims_found, found, file) == 0);
        CHECK(type == types[t].type && i == n && !memcmp(dims_found, wide, n * sizeof *wide) && !strcmp(found, "on disk") && !strcmp(file, name));
        CHECK(DRA_Close(d) == 0);
        CHECK(DRA_Open(name, DRA_R, &d) == 0);
        memcpy(wanted, buffer, all * item);
        all_of(g, n, dims, item, 5, buffer);
        CHECK(NDRA_Read(g, d, &request) == 0 && DRA_Wait(request) == 0);
        all_of(g, n, dims, item, -1, buffer);
        CHECK(!memcmp(buffer, wanted, all * item));
        CHECK(DRA_Delete(d) == 0 && access(name, F_OK) != 0);
        GA_Destroy(g);
        GA_Destroy(h);
    }
    free(buffer);
    free(wanted);
}

/* Larger than a piece, and sections of it whose rows are short, in many pieces. */
static void large(void)
{
    enum { ROWS = 700, COLUMNS = 1100 };
    int dims[2] = {ROWS, COLUMNS}, lo[2], hi[2], ld[1], g, d, request[3], i, j, k;
    dra_size_t wide[2] = {ROWS, COLUMNS}, dlo[2], dhi[2];
    double *buffer = malloc(sizeof *buffer * ROWS * COLUMNS);
    DRA_Set_default_config(3, -1);
    g = NGA_Create(C_DBL, 2, dims, "large", NULL);
    CHECK(NDRA_Create(C_DBL, 2, wide, "large", name, DRA_RW, wide, &d) == 0);
    for (i = 0; i < ROWS * COLUMNS; i++) buffer[i] = i;
    lo[0] = lo[1] = 0;
    hi[0] = ROWS - 1;
    hi[1] = COLUMNS - 1;
    ld[0] = COLUMNS;
    if (me == 0) NGA_Put(g, lo, hi, buffer, ld);
    CHECK(NDRA_Write(g, d, request) == 0 && DRA_Wait(request[0]) == 0);
    GA_Zero(g);
    /* Columns 5 to 9, a wide part, and one row, at once. */
    for (k = 0; k < 3; k++) {
        lo[0] = dlo[0] = k == 0 ? 0 : k == 1 ? 10 : 5;
        hi[0] = dhi[0] = k == 0 ? ROWS - 1 : k == 1 ? 600 : 5;
        lo[1] = dlo[1] = k == 0 ? 5 : k == 1 ? 100 : 10;
        hi[1] = dhi[1] = k == 0 ? 9 : k == 1 ? 1000 : COLUMNS - 1;
        CHECK(NDRA_Read_section(0, g, lo, hi, d, dlo, dhi, request + k) == 0);
    }
    for (k = 3; k-- > 0;) CHECK(DRA_Wait(request[k]) == 0);
    lo[0] = lo[1] = 0;
    hi[0] = ROWS - 1;
    hi[1] = COLUMNS - 1;
    NGA_Get(g, lo, hi, buffer, ld);
    for (i = 0; i < ROWS; i++) for (j = 0; j < COLUMNS; j++) {
        int is_in = (j >= 5 && j <= 9) || (i >= 10 && i <= 600 && j >= 100 && j <= 1000) || (i == 5 && j >= 10);
        CHECK(buffer[i * COLUMNS + j] == (is_in ? i * COLUMNS + j : 0), "at %d, %d: %g", i, j, buffer[i * COLUMNS + j]);
    }
    CHECK(DRA_Delete(d) == 0);
    GA_Destroy(g);
    free(buffer);
}

/* One job writes, another one, of other ranks, reads. */
static void checkpoint(int is_writing)
{
    int dims[2] = {50, 60}, lo[2] = {0, 0}, hi[2] = {49, 59}, ld[1] = {60}, g, d, request, i;
    dra_size_t wide[2] = {50, 60};
    long buffer[3000];
    g = NGA_Create(C_LONG, 2, dims, "state", NULL);
    if (is_writing) {
        DRA_Set_default_config(2, -1);
        for (i = 0; i < 3000; i++) buffer[i] = i * 7L;
        if (me == 0) NGA_Put(g, lo, hi, buffer, ld);
        CHECK(NDRA_Create(C_LONG, 2, wide, "state", name, DRA_W, wide, &d) == 0);
        CHECK(NDRA_Write(g, d, &request) == 0 && DRA_Wait(request) == 0);
        if (getenv("GA_TEST_LEAVES")) {
            /* The job ends without closing: what was waited for is there all the same. */
            GA_Sync();
            printf("done \n");
            fflush(stdout);
            _exit(0);
        }
        CHECK(DRA_Close(d) == 0);
    } else {
        CHECK(DRA_Open(name, DRA_R, &d) == 0);
        CHECK(NDRA_Read(g, d, &request) == 0 && DRA_Wait(request) == 0);
        NGA_Get(g, lo, hi, buffer, ld);
        for (i = 0; i < 3000; i++) CHECK(buffer[i] == i * 7L, "at %d", i);
        CHECK(DRA_Close(d) == 0);
    }
    GA_Destroy(g);
}

/* Files may have fewer bytes than the array has; what is half written is refused afterwards. */
static void full(void)
{
    int dims[1] = {3 << 20}, g, d, request, code;
    struct rlimit room;
    dra_size_t wide[1] = {3 << 20};
    double one = 1;
    g = NGA_Create(C_DBL, 1, dims, "too large", NULL);
    GA_Fill(g, &one);
    CHECK(NDRA_Create(C_DBL, 1, wide, "too large", name, DRA_RW, wide, &d) == 0);
    getrlimit(RLIMIT_FSIZE, &room);
    room.rlim_cur = 8 << 20;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &room);
    CHECK(NDRA_Write(g, d, &request) == 0);
    code = DRA_Wait(request);
    CHECK(code != 0);
    CHECK(DRA_Close(d) == 0);
    CHECK(DRA_Open(name, DRA_RW, &d) != 0);
    /* There is room again. */
    room.rlim_cur = room.rlim_max;
    setrlimit(RLIMIT_FSIZE, &room);
    CHECK(NDRA_Create(C_DBL, 1, wide, "too large", name, DRA_RW, wide, &d) == 0);
    CHECK(NDRA_Write(g, d, &request) == 0 && DRA_Wait(request) == 0 && DRA_Close(d) == 0);
    CHECK(DRA_Open(name, DRA_R, &d) == 0 && DRA_Delete(d) == 0);
    GA_Destroy(g);
}

/* A rank is killed while all write; the rest is told by the launcher. */
static void killed(void)
{
    int dims[1] = {8 << 20}, g, d, request;
    dra_size_t wide[1] = {8 << 20};
    double one = 1;
    g = NGA_Create(C_DBL, 1, dims, "half", NULL);
    GA_Fill(g, &one);
    CHECK(NDRA_Create(C_DBL, 1, wide, "half", name, DRA_RW, wide, &d) == 0);
    CHECK(NDRA_Write(g, d, &request) == 0);
    if (me == size - 1) abort();
    DRA_Wait(request);
}

int main(int argc, char **argv)
{
    const char *mode = getenv("GA_TEST_MODE"), *file = getenv("GA_TEST_FILE");
    int d, request, dims[2] = {4, 5}, bad[2] = {1, 7}, zero[2] = {0, 0};
    dra_size_t wide[2] = {4, 5}, lo[2] = {0, 0}, hi[2] = {3, 5};
    GA_Initialize();
    me = GA_Nodeid();
    size = GA_Nnodes();
    if (!mode) mode = "";
    snprintf(name, sizeof name, "%s", file);
    if (strcmp(mode, "early")) CHECK(DRA_Init(10, -1.0, -1.0, -1.0) == 0);
    if (!strcmp(mode, "write") || !strcmp(mode, "read")) checkpoint(!strcmp(mode, "write"));
    else if (!strcmp(mode, "full")) full();
    else if (!strcmp(mode, "killed")) killed();
    else if (!strcmp(mode, "refused")) CHECK(DRA_Open(name, DRA_R, &d) != 0);
    else if (*mode) {
        int g = NGA_Create(C_INT, 2, dims, "small", NULL);
        if (strcmp(mode, "early")) CHECK(NDRA_Create(C_INT, 2, wide, "small", name, strcmp(mode, "mode") ? DRA_RW : DRA_R, wide, &d) == 0);
        if (!strcmp(mode, "handle")) NDRA_Read(g, 17, &request);
        if (!strcmp(mode, "memory")) NDRA_Write_section(0, g, zero, bad, d, lo, lo, &request);
        if (!strcmp(mode, "disk")) NDRA_Write_section(0, g, zero, zero, d, lo, hi, &request);
        if (!strcmp(mode, "alike")) NDRA_Write_section(0, g, zero, zero, d, lo, (dra_size_t[]){1, 0}, &request);
        if (!strcmp(mode, "request")) DRA_Wait(99);
        NDRA_Write(g, d, &request);
        CHECK(0, "nothing was wrong");
    } else {
        shapes();
        large();
    }
    CHECK(DRA_Terminate() == 0);
    GA_Terminate();
    printf("done \n");
    return 0;
}
