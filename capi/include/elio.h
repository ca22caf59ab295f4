/*
 * ELIO: files by handle, read and written in whole ranges, also while the program goes on.
 *
 * Source compatible with the elio.h that Global Arrays installs. Offsets and lengths are in bytes. What returns an int returns 0 or a code, of which elio_errmsg gives the text.
 */
#ifndef ELIO_H_
#define ELIO_H_

#ifdef __cplusplus
extern "C" {
#endif

/* How a file is opened. */
#define ELIO_RW -1
#define ELIO_W  -2
#define ELIO_R  -3

/* How far a request is. */
#define ELIO_DONE    -1
#define ELIO_PENDING 1
#define ELIO_ERROR   2

#define ELIO_OK 0

#define ELIO_UFS   0
#define ELIO_PFS   1
#define ELIO_PIOFS 2

#define ELIO_PENDING_ERR -44
#define ELIO_SHARED      77
#define ELIO_PRIVATE     88

typedef long Size_t;
typedef double Off_t;
typedef struct elio_file *Fd_t;
typedef unsigned long avail_t;
typedef long io_request_t;

/* A kind of file system, and the kilobytes that are free. */
typedef struct {
    int fs;
    avail_t avail;
} stat_t;

void elio_init(void);
/* Null if it fails; the reason is that of the code ELIO_PENDING_ERR. */
Fd_t elio_open(const char *fname, int type, int mode);
int elio_close(Fd_t fd);
/* How many bytes, or a code. */
Size_t elio_read(Fd_t fd, Off_t offset, void *buf, Size_t bytes);
Size_t elio_write(Fd_t fd, Off_t offset, const void *buf, Size_t bytes);
int elio_aread(Fd_t fd, Off_t offset, void *buf, Size_t bytes, io_request_t *req_id);
int elio_awrite(Fd_t fd, Off_t offset, const void *buf, Size_t bytes, io_request_t *req_id);
int elio_wait(io_request_t *id);
int elio_probe(io_request_t *id, int *status);
int elio_delete(const char *filename);
int elio_stat(char *fname, stat_t *statinfo);
int elio_dirname(const char *fname, char *dirname, int len);
int elio_truncate(Fd_t fd, Off_t length);
int elio_length(Fd_t fd, Off_t *length);
int elio_fsync(Fd_t fd);
/* At most 80 bytes. */
void elio_errmsg(int code, char *msg);

#ifdef __cplusplus
}
#endif

#endif
