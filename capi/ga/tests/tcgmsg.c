/* TCGMSG: messages by type and by sender, without waiting, to oneself, long ones; the counter; operations of all; the older names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <stddef.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "tcgmsg.h"
#include "sndrcv.h"
#include "ga.h"

static long me, size;

#define CHECK(condition, ...) do { \
    if (!(condition)) { \
        fprintf(stderr, "rank %ld: line %d: %s: ", me, __LINE__, #condition); \
        fprintf(stderr, " " __VA_ARGS__); \
        tcg_error("check failed", 1); \
    } } while (0)

enum { LONG = 1 << 21 };
static char mine[LONG], there[LONG], other[LONG];

static void fill(char *to, long len, long seed)
{
    long i;
    for (i = 0; i < len; i++) to[i] = (char)(i * 13 + i / 251 + seed * 7);
}

static void is_filled(const char *from, long len, long seed)
{
    long i;
    for (i = 0; i < len; i++) CHECK(from[i] == (char)(i * 13 + i / 251 + seed * 7), "at %ld of %ld", i, len);
}

/* Each message of some lengths, among them those around the header, the short ones' limit and the ring's length. */
static void lengths(void)
{
    static const long lens[] = {0, 1, 7, 8, 15, 16, 17, 239, 240, 241, 256, 1000, 4080, 4096, 4097, 65535, 131072, 131073, LONG};
    long to = (me + 1) % size, from = (me + size - 1) % size, len, sender, n, i;
    for (n = 0; n < (long)(sizeof lens / sizeof *lens); n++) {
        for (i = 0; i < 3; i++) {
            fill(mine, lens[n], me + i);
            tcg_snd(100 + n, mine, lens[n], to, 1);
            memset(there, 1, lens[n]);
            tcg_rcv(100 + n, there, LONG, &len, i == 1 ? -1 : from, &sender, 1);
            CHECK(len == lens[n] && sender == from, "%ld from %ld", len, sender);
            is_filled(there, len, from + i);
        }
    }
}

/* Types are told apart, whatever the order; one sender's messages of one type are not reordered. */
static void order(void)
{
    long i, len, sender, to = (me + 1) % size, from = (me + size - 1) % size, types[3] = {MSGDBL | 5, MSGINT | 5, 5};
    for (i = 0; i < 30; i++) tcg_snd(types[i % 3], &i, sizeof i, to, 1);
    CHECK(!tcg_probe(77, -1) && !tcg_probe(77, from));
    while (!tcg_probe(5, -1)) {}
    for (i = 29; i >= 0; i--) {
        long got, kind = i / 10;
        tcg_rcv(types[kind], &got, sizeof got, &len, i % 2 ? from : -1, &sender, 1);
        CHECK(len == sizeof got && sender == from && got == (9 - i % 10) * 3 + kind, "%ld of type %ld", got, kind);
    }
    CHECK(!tcg_probe(5, -1));
}

/* Receives begun before and after what they are for has come; sends begun before there is room. */
static void later(void)
{
    long i, len[4], sender[4], to = (me + 1) % size, from = (me + size - 1) % size, numbers[4] = {-1, -1, -1, -1}, sent[4];
    tcg_rcv(21, numbers, sizeof *numbers, len, from, sender, 0);
    tcg_rcv(22, numbers + 1, sizeof *numbers, len + 1, -1, sender + 1, 0);
    CHECK(len[0] == -1 && len[1] == -1 && sender[1] == -1);
    tcg_synch(1);
    for (i = 0; i < 4; i++) {
        sent[i] = me * 10 + i;
        tcg_snd(24 - i, sent + i, sizeof *sent, to, 0);
    }
    tcg_synch(2);
    tcg_rcv(23, numbers + 2, sizeof *numbers, len + 2, from, sender + 2, 0);
    tcg_rcv(24, numbers + 3, sizeof *numbers, len + 3, from, sender + 3, 0);
    tcg_waitcom(-1);
    for (i = 0; i < 4; i++) CHECK(numbers[i] == from * 10 + 3 - i, "%ld: %ld", i, numbers[i]);
    /* More than there is room for, and nobody receives before all have met. */
    fill(mine, LONG, me);
    tcg_snd(31, mine, LONG, to, 0);
    tcg_snd(32, sent, sizeof *sent, to, 0);
    tcg_synch(3);
    tcg_rcv(32, numbers, sizeof *numbers, len, from, sender, 1);
    CHECK(numbers[0] == from * 10);
    tcg_rcv(31, there, LONG, len, from, sender, 1);
    is_filled(there, LONG, from);
    tcg_waitcom(to);
    /* One that is half here when it is wanted, into two buffers by turns. */
    fill(mine, LONG, me + 3);
    tcg_snd(41, mine, LONG, to, 0);
    tcg_snd(41, mine, LONG - 5, to, 0);
    while (!tcg_probe(41, from)) {}
    tcg_rcv(41, other, LONG, len, from, sender, 0);
    tcg_rcv(41, there, LONG, len, from, sender, 0);
    tcg_waitcom(-1);
    is_filled(other, LONG, from + 3);
    is_filled(there, LONG - 5, from + 3);
    tcg_synch(4);
}

static void everybody(void)
{
    long i, len, sender, seen = 0;
    if (me == 0) {
        for (i = 1; i < size; i++) {
            long rank;
            tcg_rcv(51, &rank, sizeof rank, &len, -1, &sender, 1);
            CHECK(sender == rank);
            seen |= 1L << rank;
        }
        CHECK(seen == (1L << size) - 2);
    } else tcg_snd(51, &me, sizeof me, 0, 1);
    for (i = 0; i < size; i++) {
        double x[3] = {me + 1, -me, i};
        long n[2] = {me, 1L << me};
        char text[10] = "";
        if (me == i) strcpy(text, "it is me");
        tcg_brdcst(1, text, sizeof text, i);
        CHECK(!strcmp(text, "it is me"));
        tcg_dgop(2, x, 3, "+");
        CHECK(x[0] == size * (size + 1) / 2 && x[1] == -size * (size - 1) / 2 && x[2] == size * i);
        x[0] = me == i ? -100 : me;
        tcg_dgop(2, x, 1, "absmax");
        CHECK(x[0] == 100);
        tcg_igop(3, n, 1, "max");
        IGOP_(&i, n + 1, &(long){1}, "or", 2);
        CHECK(n[0] == size - 1 && n[1] == (1L << size) - 1);
    }
}

/* Each value once, and again from 0 when all have said so. */
static void counting(void)
{
    long round, i, value, top = 1000;
    for (round = 0; round < 3; round++) {
        long sum = 0, last = -1, negative = -size;
        while ((value = round == 2 ? NXTVAL_(&size) : tcg_nxtval(size)) < top) {
            CHECK(value > last);
            last = value;
            sum += value;
        }
        tcg_igop(1, &sum, 1, "+");
        CHECK(sum == top * (top - 1) / 2, "%ld", sum);
        if (round == 1) NXTVAL_(&negative);
        else tcg_nxtval(-size);
    }
    for (i = 0; i < 2; i++) {
        if (me == 0) CHECK(tcg_nxtval(1) == i);
    }
    tcg_nxtval(0);
    tcg_synch(9);
}

static void small_things(void)
{
    double before = tcg_time(), r;
    long n = 3, i;
    char name[40], line[40] = "";
    FILE *file;
    CHECK(tcg_mdtob(n) == 24 && tcg_mitob(n) == 24 && tcg_mdtoi(n) == 3 && tcg_mitod(n) == 3);
    CHECK(MDTOB_(&n) == 24 && MITOB_(&n) == 24 && MDTOI_(&n) == 3 && MITOD_(&n) == 3);
    CHECK(tcg_time() >= before && TCGTIME_() >= before && MTIME_() >= tcg_mtime() - 1);
    tcg_srand48(5);
    r = tcg_drand48();
    tcg_srand48(5);
    CHECK(r == tcg_drand48() && r >= 0 && r < 1);
    CHECK(tcg_ready() == 1 && TCGREADY_() == 1 && NODEID_() == me && NNODES_() == size);
    snprintf(name, sizeof name, "pfcopy.%d.%ld", (int)getpid(), me);
    if (me == size - 1) {
        file = fopen(name, "w");
        fputs("of the last one", file);
        fclose(file);
    }
    tcg_pfcopy(1, size - 1, name);
    file = fopen(name, "r");
    CHECK(file && fgets(line, sizeof line, file) && !strcmp(line, "of the last one"), "%s", line);
    fclose(file);
    remove(name);
    /* Messages to oneself, waited for or not. */
    tcg_snd(61, &n, sizeof n, me, 1);
    tcg_rcv(61, &i, sizeof i, &n, me, &n, 1);
    CHECK(i == 3 && n == me);
    tcg_rcv(62, &i, sizeof i, &n, -1, &n, 0);
    tcg_snd(62, &size, sizeof size, me, 0);
    tcg_waitcom(-1);
    CHECK(i == size);
}

/* Has the system refuse that this process reads another one's memory, as some do everywhere. */
static void forbid(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_process_vm_readv, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, rules};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) perror("seccomp");
}

int main(int argc, char **argv)
{
    const char *mistake = getenv("GA_TEST_MISTAKE");
    int chunk[1] = {-1}, dims[1] = {10}, g;
    char byte = 0;
    long n;
    if (getenv("GA_TEST_FORBIDDEN")) forbid();
    if (mistake && !strcmp(mistake, "early")) tcg_nodeid();
    tcg_pbegin(argc, argv);
    me = tcg_nodeid();
    size = tcg_nnodes();
    if (mistake && !strcmp(mistake, "node")) tcg_snd(1, &byte, 1, size, 1);
    if (mistake && !strcmp(mistake, "length")) tcg_rcv(1, &byte, -1, &n, 0, &n, 1);
    if (mistake && !strcmp(mistake, "twice")) tcg_pbegin(argc, argv);
    if (mistake && !strcmp(mistake, "operator")) tcg_igop(1, &n, 1, "minus");
    if (mistake && !strcmp(mistake, "parerr")) tcg_parerr(42);
    if (mistake && !strcmp(mistake, "room")) {
        tcg_snd(1, "four", 4, me, 1);
        tcg_rcv(1, &byte, 1, &n, me, &n, 1);
    }
    GA_Initialize();
    g = NGA_Create(C_DBL, 1, dims, "beside", chunk);
    lengths();
    order();
    later();
    everybody();
    counting();
    small_things();
    GA_Destroy(g);
    GA_Terminate();
    printf("done \n");
    PEND_();
    /* It doesn't come back. */
    return 1;
}
