/* Files of one process, files that all share, and the plain ones beneath. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "eaf.h"
#include "sf.h"
#include "elio.h"
#include "ga.h"

static int me, size;

#define CHECK(condition, ...) do { \
    if (!(condition)) { \
        fprintf(stderr, "rank %d: line %d: %s: ", me, __LINE__, #condition); \
        fprintf(stderr, " " __VA_ARGS__); \
        GA_Error("check failed", 1); \
    } } while (0)

enum { LONG = 100000 };
static char out[LONG], in[LONG], more[LONG];

/* A file on disk (kind -1), or in memory. */
static void exclusive(const char *base, int kind)
{
    char name[200], text[80], type[8];
    int fd, other, id[2], status, i;
    double length;
    long room = 0;
    snprintf(name, sizeof name, "%s.eaf.%d", base, me);
    for (i = 0; i < LONG; i++) out[i] = (char)(i * 3 + me);
    CHECK(EAF_Open(name, kind, &fd) == 0 && EAF_Length(fd, &length) == 0 && length == 0);
    CHECK(EAF_Write(fd, 10, out, LONG) == 0 && EAF_Length(fd, &length) == 0 && length == LONG + 10);
    CHECK(EAF_Read(fd, 10, in, LONG) == 0 && !memcmp(in, out, LONG));
    CHECK(EAF_Read(fd, 0, in, 10) == 0 && in[9] == 0);
    status = EAF_Read(fd, LONG, in, 100);
    CHECK(status != 0 && EAF_Eof(status) == 0);
    EAF_Errmsg(status, text);
    CHECK(strstr(text, "ends") && strlen(text) < 80, "%s", text);
    CHECK(EAF_Awrite(fd, 50000, out, 30000, id) == 0 && EAF_Awrite(fd, 90000, out, 30000, id + 1) == 0);
    CHECK(EAF_Wait(fd, id[1]) == 0 && EAF_Wait(fd, id[0]) == 0);
    CHECK(EAF_Aread(fd, 50000, in, 30000, id) == 0 && EAF_Aread(fd, 90000, more, 30000, id + 1) == 0);
    do CHECK(EAF_Probe(id[0], &status) == 0); while (status);
    CHECK(EAF_Wait(fd, id[0]) == 0 && EAF_Wait(fd, id[1]) == 0);
    CHECK(!memcmp(in, out, 30000) && !memcmp(more, out, 30000));
    CHECK(EAF_Wait(fd, id[0]) != 0 && EAF_Probe(77777, &status) != 0);
    CHECK(EAF_Truncate(fd, 100) == 0 && EAF_Length(fd, &length) == 0 && length == 100);
    CHECK(EAF_Read(fd, 0.5, in, 10) != 0 && EAF_Read(fd, -1, in, 10) != 0);
    CHECK(EAF_Open(name, kind, &other) == 0 && other != fd && EAF_Close(other) == 0);
    EAF_Print_stats(fd);
    CHECK(EAF_Close(fd) == 0);
    status = EAF_Close(fd);
    EAF_Errmsg(status, text);
    CHECK(status != 0 && EAF_Eof(status) != 0 && *text);
    /* It is still there. */
    CHECK(EAF_Open(name, kind, &fd) == 0 && EAF_Length(fd, &length) == 0 && length == 100 && EAF_Close(fd) == 0);
    CHECK(EAF_Delete(name) == 0 && EAF_Delete(name) == 0);
    if (kind < 0) {
        CHECK(EAF_Open(name, EAF_R, &fd) != 0 && EAF_Open("/no/such/place", EAF_RW, &fd) != 0);
        EAF_Errmsg(EAF_Open("/no/such/place", EAF_RW, &fd), text);
        CHECK(strstr(text, "No such file"), "%s", text);
        CHECK(EAF_Stat(name, &room, type, sizeof type) == 0 && room > 0 && !strcmp(type, "UFS"));
        CHECK(EAF_Stat(name, &room, type, 2) != 0);
        EAF_Errmsg(12345, text);
        CHECK(!*text);
    }
}

/* A disk without room. */
static void full(void)
{
    char text[80];
    int fd, status, id;
    CHECK(EAF_Open("/dev/full", EAF_RW, &fd) == 0);
    status = EAF_Write(fd, 0, out, LONG);
    EAF_Errmsg(status, text);
    CHECK(status != 0 && EAF_Eof(status) != 0 && strstr(text, "No space left"), "%s", text);
    CHECK(EAF_Awrite(fd, 0, out, LONG, &id) == 0 && EAF_Wait(fd, id) == status && EAF_Close(fd) == 0);
}

static void shared(const char *base)
{
    char name[200], path[220], text[80];
    int handle, second, id[10], i, rank, status;
    snprintf(name, sizeof name, "%s.sf", base);
    CHECK(SF_Create(name, 1e9, 1e6, 1e4, &handle) == 0 && SF_Create_suffix(name, 1e9, 1e6, 1e4, &second, 77) == 0);
    CHECK(second != handle);
    for (i = 0; i < 1000; i++) out[i] = (char)(i + me);
    CHECK(SF_Write(handle, me * 1000.0, 1000, out, id) == 0 && SF_Wait(id) == 0 && SF_Wait(id) == 0);
    CHECK(SF_Write(second, me * 1000.0, 1000, out, id) == 0 && SF_Wait(id) == 0 && SF_Fsync(second) == 0);
    GA_Sync();
    CHECK(SF_Rwtor(second) == 0);
    for (rank = 0; rank < size; rank++) CHECK(SF_Read(rank % 2 ? handle : second, rank * 1000.0, 1000, in + rank * 1000, id + rank) == 0);
    CHECK(SF_Waitall(id, size) == 0);
    for (rank = 0; rank < size; rank++) for (i = 0; i < 1000; i++) CHECK(in[rank * 1000 + i] == (char)(i + rank), "%d of %d", i, rank);
    /* Nobody reads any more. It may only be read now; and it isn't longer. */
    GA_Sync();
    CHECK(SF_Write(second, 0, 10, out, id) == 0);
    status = SF_Wait(id);
    SF_Errmsg(status, text);
    CHECK(status != 0 && strstr(text, "writing failed"), "%s", text);
    CHECK(SF_Read(second, size * 1000.0 - 5, 10, in, id) == 0 && SF_Waitall(id, 1) == 1);
    CHECK(SF_Close(second) == 0 && SF_Open(second) == 0 && SF_Write(second, 0, 10, out, id) == 0 && SF_Wait(id) == 0);
    snprintf(path, sizeof path, "%s.77", name);
    CHECK(access(path, F_OK) == 0);
    GA_Sync();
    CHECK(SF_Destroy(handle) == 0 && SF_Destroy(second) == 0 && access(path, F_OK) != 0);
    CHECK(SF_Create("/no/such/folder/file", 1, 1, 1, &handle) != 0);
}

static void plain(const char *base)
{
    char name[200], text[80], folder[200];
    io_request_t id, again;
    int status = 0;
    Off_t length;
    stat_t stat;
    Fd_t fd;
    snprintf(name, sizeof name, "%s.elio.%d", base, me);
    elio_init();
    CHECK((fd = elio_open(name, ELIO_RW, ELIO_PRIVATE)) != NULL);
    CHECK(elio_write(fd, 5, "hello", 5) == 5 && elio_read(fd, 5, in, 5) == 5 && !memcmp(in, "hello", 5));
    CHECK(elio_read(fd, 8, in, 5) < 0);
    CHECK(elio_awrite(fd, 10, "there", 5, &id) == ELIO_OK);
    again = id;
    while (elio_probe(&again, &status) == 0 && status != ELIO_DONE) {}
    CHECK(elio_wait(&id) == 0 && id == ELIO_DONE && elio_wait(&id) == 0);
    CHECK(elio_aread(fd, 10, in, 5, &id) == ELIO_OK && elio_wait(&id) == 0 && !memcmp(in, "there", 5));
    CHECK(elio_length(fd, &length) == 0 && length == 15 && elio_truncate(fd, 7) == 0 && elio_fsync(fd) == 0);
    CHECK(elio_length(fd, &length) == 0 && length == 7 && elio_close(fd) == 0);
    CHECK(elio_dirname(name, folder, sizeof folder) == 0 && elio_stat(folder, &stat) == 0 && stat.avail > 0 && stat.fs == ELIO_UFS);
    CHECK(elio_delete(name) == 0 && elio_open(name, ELIO_R, ELIO_PRIVATE) == NULL);
    elio_errmsg(ELIO_PENDING_ERR, text);
    CHECK(strstr(text, "opening failed: No such file"), "%s", text);
}

int main(int argc, char **argv)
{
    const char *base = getenv("GA_TEST_FILE"), *mode = getenv("GA_TEST_MODE");
    int id;
    GA_Initialize();
    me = GA_Nodeid();
    size = GA_Nnodes();
    if (mode && !strcmp(mode, "handle")) SF_Read(-17, 0, 1, in, &id);
    else {
        exclusive(base, EAF_RW);
        exclusive(base, 1000000 + 10);
        full();
        shared(base);
        plain(base);
    }
    GA_Terminate();
    printf("done \n");
    return 0;
}
