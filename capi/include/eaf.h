/*
 * EAF: files of one process. Each function returns 0 or a code, of which EAF_Errmsg gives the text.
 *
 * Source compatible with the eaf.h that Global Arrays installs. Offsets and lengths are in bytes.
 */
#ifndef EAF_H
#define EAF_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A type above 0 is that of a file in the process's memory, which is there until it is deleted. */
#define EAF_RW -1
#define EAF_W  -2
#define EAF_R  -3

typedef double eaf_off_t;

int EAF_Open(const char *fname, int type, int *fd);
int EAF_Close(int fd);
int EAF_Read(int fd, eaf_off_t offset, void *buf, size_t bytes);
int EAF_Write(int fd, eaf_off_t offset, const void *buf, size_t bytes);
/* The buffer belongs to the library until EAF_Wait, or until EAF_Probe gives the status 0. */
int EAF_Aread(int fd, eaf_off_t offset, void *buf, size_t bytes, int *req_id);
int EAF_Awrite(int fd, eaf_off_t offset, const void *buf, size_t bytes, int *req_id);
int EAF_Wait(int fd, int id);
int EAF_Probe(int id, int *status);
int EAF_Delete(const char *fname);
int EAF_Length(int fd, eaf_off_t *length);
int EAF_Truncate(int fd, eaf_off_t length);
int EAF_Stat(const char *path, long *avail_kb, char *fstype, int fslen);
/* 0 if the code is that of a file that ends too early. */
int EAF_Eof(int code);
/* At most 80 bytes. */
void EAF_Errmsg(int code, char *msg);
void EAF_Print_stats(int fd);

#ifdef __cplusplus
}
#endif

#endif
