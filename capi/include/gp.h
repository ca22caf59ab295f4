/*
 * Global pointers: distributed arrays whose elements are blocks of memory of any length.
 *
 * Source compatible with the gp.h of Global Arrays. Bounds count from 0 and include both ends; lengths are in bytes. Creation, allocation, destruction, GP_Memzero, GP_Sync and the
 * start and the end are collective.
 */
#ifndef GP_H_
#define GP_H_

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* After GA_Initialize; before GA_Terminate. */
void GP_Initialize(void);
void GP_Terminate(void);

int GP_Create_handle(void);
void GP_Set_dimensions(int g_p, int ndim, int *dims);
void GP_Set_chunk(int g_p, int *chunk);
int GP_Allocate(int g_p);
int GP_Destroy(int g_p);
int GP_Get_dimension(int g_p);
void GP_Distribution(int g_p, int proc, int *lo, int *hi);
void GP_Sync(void);
void GP_Debug(int g_p);

/* Blocks that others can reach; one becomes an element that this process owns, and is it no longer, but still there. */
void *GP_Malloc(size_t size);
void GP_Free(void *ptr);
void GP_Assign_local_element(int g_p, int *subscript, void *ptr, int size);
void *GP_Free_local_element(int g_p, int *subscript);

/* The block in place, to the pointer at ptr: null if there is none. One of a rank on another node has no place here, and ends the job: GP_Get copies it. */
void GP_Access_element(int g_p, int *subscript, void *ptr, int *size);
void GP_Release_element(int g_p, int *subscript);
void GP_Release_update_element(int g_p, int *subscript);
/* Every block becomes zero. */
void GP_Memzero(int g_p);

/* With setbuf, blocks lie one after another in buf and buf_ptr is told where; without, buf_ptr says where each goes. buf_size is an array of int. */
void GP_Get_size(int g_p, int *lo, int *hi, int *size);
void GP_Get(int g_p, int *lo, int *hi, void *buf, void **buf_ptr, int *ld, void *buf_size, int *ld_sz, int *size, int setbuf);
void GP_Gather_size(int g_p, int nv, int *subscript, int *size);
void GP_Gather(int g_p, int nv, int *subscript, void *buf, void **buf_ptr, int *buf_size, int *size, int setbuf);

/* With checksize, buf_size must have the elements' lengths. */
void GP_Put(int g_p, int *lo, int *hi, void **buf_ptr, int *ld, void *buf_size, int *ld_sz, int *size, int checksize);
void GP_Scatter(int g_p, int nv, int *subscript, void **buf_ptr, int *buf_size, int *size, int checksize);

#ifdef __cplusplus
}
#endif

#endif
