/*
 * TCGMSG: messages, a shared counter, and operations of all processes, on the library's own memory. MPI isn't needed.
 *
 * Source compatible with the tcgmsg.h that Global Arrays installs. A node is a process. Lengths are in bytes.
 */
#ifndef TCGMSG_H_
#define TCGMSG_H_

#ifdef __cplusplus
extern "C" {
#endif

/* Start, collective; and the end, also collective, which doesn't return. */
void tcg_pbegin(int argc, char **argv);
void tcg_alt_pbegin(int *argc, char **argv[]);
void tcg_pbeginf(void);
void tcg_pbginf(void);
void tcg_pend(void);
long tcg_ready(void);

long tcg_nodeid(void);
long tcg_nnodes(void);

/* The next value, from 0, of a counter of all, if mproc is above 0. Below 0: all call it, and the counter begins anew. */
long tcg_nxtval(long mproc);

/* A receive takes messages of its type alone, from nodeselect, or from anybody if that is -1. With sync 0 the buffer belongs to the library until tcg_waitcom, which waits
   for all that was begun. */
void tcg_snd(long type, void *buf, long lenbuf, long node, long sync);
void tcg_rcv(long type, void *buf, long lenbuf, long *lenmes, long nodeselect, long *nodefrom, long sync);
void tcg_waitcom(long node);
long tcg_probe(long type, long node);

/* Collective. */
void tcg_brdcst(long type, void *buf, long lenbuf, long originator);
void tcg_dgop(long type, double *x, long n, char *op);
void tcg_igop(long type, long *x, long n, char *op);
void tcg_synch(long type);
void tcg_pfcopy(long type, long node0, char *fname);

/* Bytes of n doubles, of n longs; longs that hold n doubles, doubles that hold n longs. */
long tcg_mdtob(long n);
long tcg_mitob(long n);
long tcg_mdtoi(long n);
long tcg_mitod(long n);

/* Seconds, hundredths of them. */
double tcg_time(void);
long tcg_mtime(void);

double tcg_drand48(void);
void tcg_srand48(long seed);
long tcg_niceftn(long ival);
void tcg_llog(void);
void tcg_setdbg(long value);
void tcg_stats(void);
void tcg_parerr(long code);
void tcg_error(char *msg, long code);

#ifdef __cplusplus
}
#endif

#endif
