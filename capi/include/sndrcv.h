/*
 * TCGMSG by its older names, which take everything by reference. tcgmsg.h says what they do.
 *
 * Source compatible with the sndrcv.h that Global Arrays installs.
 */
#ifndef SNDRCV_H_
#define SNDRCV_H_

#include "msgtypesc.h"

#ifdef __cplusplus
extern "C" {
#endif

void PBEGINF_(void);
void PBGINF_(void);
void tcgi_pbegin(int argc, char **argv);
void tcgi_alt_pbegin(int *argc, char **argv[]);
void PEND_(void);
long TCGREADY_(void);
long NODEID_(void);
long NNODES_(void);
long NXTVAL_(long *mproc);
void SND_(long *type, void *buf, long *lenbuf, long *node, long *sync);
void RCV_(long *type, void *buf, long *lenbuf, long *lenmes, long *nodeselect, long *nodefrom, long *sync);
void WAITCOM_(long *node);
long PROBE_(long *type, long *node);
void BRDCST_(long *type, void *buf, long *lenbuf, long *originator);
void DGOP_(long *type, double *x, long *n, char *op, int oplen);
void IGOP_(long *type, long *x, long *n, char *op, int oplen);
void SYNCH_(long *type);
void PFCOPY_(long *type, long *node0, char *filename, int flen);
void PFILECOPY_(long *type, long *node0, char *filename);
long MDTOB_(long *n);
long MITOB_(long *n);
long MDTOI_(long *n);
long MITOD_(long *n);
double TCGTIME_(void);
long MTIME_(void);
double DRAND48_(void);
void SRAND48_(long *seed);
long NICEFTN_(long *ival);
void LLOG_(void);
void SETDBG_(long *value);
void STATS_(void);
void PARERR_(long *code);
void Error(char *string, long code);
#define ERROR_ Error

#ifdef __cplusplus
}
#endif

#endif
