/*
 * DRA: arrays on disk, written from and read to global arrays. Each function returns 0 or a code, and what was wrong is told on standard error.
 *
 * Source compatible with the dra.h that Global Arrays installs. All functions are collective over the default group, but NDRA_Inquire, DRA_Print_internals, DRA_Set_debug and
 * DRA_Flick. Bounds count from 0 and include both ends.
 */
#ifndef DRA_H_
#define DRA_H_

#include "typesf2c.h"
#include "elio.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef long dra_size_t;

#define DRA_RW ELIO_RW
#define DRA_R  ELIO_R
#define DRA_W  ELIO_W

/* A request that there is none. */
#define DRA_REQ_INVALID -333

/* -1 is "whatever is usual". Of max_memory bytes each process makes buffers. */
int DRA_Init(int max_arrays, double max_array_size, double total_disk_space, double max_memory);
int DRA_Terminate(void);
/* How many files later arrays have, and how many processes read and write; below 1 is "whatever is usual": one file, all processes. */
void DRA_Set_default_config(int numfiles, int numioprocs);

int NDRA_Create(int type, int ndim, dra_size_t dims[], char *name, char *filename, int mode, dra_size_t reqdims[], int *d_a);
int DRA_Open(char *filename, int mode, int *d_a);
int NDRA_Inquire(int d_a, int *type, int *ndim, dra_size_t dims[], char *name, char *filename);
/* What was written is on the disk then. */
int DRA_Close(int d_a);
int DRA_Delete(int d_a);

/* The global array belongs to the library until DRA_Wait. Transposed, its axes are in the reverse order of those on disk. */
int NDRA_Write(int g_a, int d_a, int *request);
int NDRA_Read(int g_a, int d_a, int *request);
int NDRA_Write_section(logical transp, int g_a, int glo[], int ghi[], int d_a, dra_size_t dlo[], dra_size_t dhi[], int *request);
int NDRA_Read_section(logical transp, int g_a, int glo[], int ghi[], int d_a, dra_size_t dlo[], dra_size_t dhi[], int *request);
int DRA_Wait(int request);
/* The status is ELIO_DONE if the request is over everywhere, ELIO_PENDING if not. */
int DRA_Probe(int request, int *compl_status);

void DRA_Flick(void);
void DRA_Print_internals(int d_a);
void DRA_Set_debug(logical flag);

#ifdef __cplusplus
}
#endif

#endif
