/*
 * TCGMSG within a node: half a round trip for some lengths, what a copy of data takes that the other rank has just written, nxtval.
 *
 *   python bench/run.py tcgmsg
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ga.h"
#include "armci.h"
#include "tcgmsg.h"

enum { MOST = 1 << 20, ROUNDS = 5 };

static long me;

/* Seconds for one message of so many bytes, the best of some rounds. */
static double message(char *mine, char *there, long len, int repetitions)
{
    double best = 1, t;
    long got, from;
    int round, i;
    for (round = 0; round < ROUNDS; round++) {
        tcg_synch(1);
        t = tcg_time();
        for (i = 0; i < repetitions; i++) {
            if (me == 0) tcg_snd(1, mine, len, 1, 1);
            tcg_rcv(1, there, MOST, &got, 1 - me, &from, 1);
            if (me == 1) tcg_snd(1, mine, len, 0, 1);
        }
        t = (tcg_time() - t) / repetitions / 2;
        if (t < best) best = t;
    }
    return best;
}

int main(int argc, char **argv)
{
    static const long lens[] = {8, 1024, 65536, MOST};
    char *mine = malloc(MOST), *there = malloc(MOST);
    void *parts[2];
    double best = 1, t;
    int i, n;
    tcg_pbegin(argc, argv);
    GA_Initialize();
    me = tcg_nodeid();
    memset(mine, 1, MOST);
    memset(there, 2, MOST);
    for (n = 0; n < 4; n++) {
        t = message(mine, there, lens[n], lens[n] > 4096 ? 500 : 20000);
        if (me == 0) printf("snd and rcv of %7ld bytes: %8.3f us, %6.2f GB/s\n", lens[n], t * 1e6, lens[n] / t / 1e9);
    }
    ARMCI_Malloc(parts, MOST);
    for (i = 0; i < 200; i++) {
        if (me == 1) memset(parts[1], i, MOST);
        tcg_synch(1);
        t = tcg_time();
        if (me == 0) memcpy(there, parts[1], MOST);
        t = tcg_time() - t;
        if (t < best) best = t;
        tcg_synch(1);
    }
    if (me == 0) printf("memcpy of 1 MiB that the other has just written: %.2f GB/s\n", MOST / best / 1e9);
    tcg_synch(1);
    t = tcg_time();
    if (me == 0) for (i = 0; i < 10000000; i++) tcg_nxtval(2);
    if (me == 0) printf("nxtval alone: %.1f ns\n", (tcg_time() - t) / 1e7 * 1e9);
    tcg_nxtval(-2);
    t = tcg_time();
    for (i = 0; i < 3000000; i++) tcg_nxtval(2);
    if (me == 0) printf("nxtval by both: %.1f ns\n", (tcg_time() - t) / 3e6 * 1e9);
    fflush(stdout);
    ARMCI_Free(parts[me]);
    tcg_pend();
}
