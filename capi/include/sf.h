/*
 * SF: scratch files that all processes read and write where they like. Each function returns 0 or a code, of which SF_Errmsg gives the text.
 *
 * Source compatible with the sf.h that Global Arrays installs. Creation and destruction are collective over the default group. Sizes are in bytes.
 */
#ifndef SF_H_
#define SF_H_

#include "typesf2c.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef double SFsize_t;

/* The file is called fname.N, with a number of the library's, or with the suffix. */
int SF_Create(char *fname, SFsize_t size_hard_limit, SFsize_t size_soft_limit, SFsize_t req_size, int *handle);
int SF_Create_suffix(char *fname, SFsize_t size_hard_limit, SFsize_t size_soft_limit, SFsize_t req_size, int *handle, int suffix);
int SF_Destroy(int handle);

/* By one process: closed, the file stays; opened again it may be read and written, or only read. */
int SF_Close(int handle);
int SF_Open(int handle);
int SF_Rwtor(int handle);
int SF_Fsync(int handle);

/* The buffer belongs to the library until SF_Wait. */
int SF_Write(int handle, SFsize_t offset, SFsize_t bytes, char *buffer, int *req_id);
int SF_Read(int handle, SFsize_t offset, SFsize_t bytes, char *buffer, int *req_id);
int SF_Wait(int *req_id);
int SF_Waitall(int *list, int num);
/* At most 80 bytes. */
void SF_Errmsg(int code, char *msg);

#ifdef __cplusplus
}
#endif

#endif
