/*
 * The second name of every function a program may define itself to see its calls: ARMCI_Put of the program, PARMCI_Put of the library.
 */
#ifndef PARMCI_H_
#define PARMCI_H_

#include "message.h"

#ifdef __cplusplus
extern "C" {
#endif

int PARMCI_Init(void);
int PARMCI_Init_args(int *argc, char ***argv);
int PARMCI_Init_thread(int level);
int PARMCI_Initialized(void);
int PARMCI_Finalize(void);
int PARMCIX_Init_allgather(int rank, int size, int (*allgather)(const void *mine, int bytes, void *all, void
    *context), void *context);
int PARMCI_Malloc(void *ptr_arr[], armci_size_t bytes);
int PARMCI_Malloc_memdev(void *ptr_arr[], armci_size_t bytes, const char *device);
int PARMCI_Malloc_group(void *ptr_arr[], armci_size_t bytes, ARMCI_Group *group);
int PARMCI_Malloc_group_memdev(void *ptr_arr[], armci_size_t bytes, ARMCI_Group *group, const char *device);
int PARMCI_Free(void *ptr);
int PARMCI_Free_memdev(void *ptr);
int PARMCI_Free_group(void *ptr, ARMCI_Group *group);
void *PARMCI_Malloc_local(armci_size_t bytes);
int PARMCI_Free_local(void *ptr);
void PARMCI_Memget(size_t bytes, armci_meminfo_t *meminfo, int memflg);
void *PARMCI_Memat(armci_meminfo_t *meminfo, long offset);
void PARMCI_Memdt(armci_meminfo_t *meminfo, long offset);
void PARMCI_Memctl(armci_meminfo_t *meminfo);
int PARMCI_Uses_shm(void);
int PARMCI_Uses_shm_grp(ARMCI_Group *group);
void PARMCI_Set_shm_limit(unsigned long shmemlimit);
void PARMCI_Copy(void *src, void *dst, int n);
int PARMCI_Put(void *src, void *dst, int bytes, int proc);
int PARMCI_Get(void *src, void *dst, int bytes, int proc);
int PARMCI_Acc(int optype, void *scale, void *src, void *dst, int bytes, int proc);
int PARMCI_PutS(void *src_ptr, int src_stride_arr[], void *dst_ptr, int dst_stride_arr[], int count[], int
    stride_levels, int proc);
int PARMCI_GetS(void *src_ptr, int src_stride_arr[], void *dst_ptr, int dst_stride_arr[], int count[], int
    stride_levels, int proc);
int PARMCI_AccS(int optype, void *scale, void *src_ptr, int src_stride_arr[], void *dst_ptr, int dst_stride_arr[],
    int count[], int stride_levels, int proc);
int PARMCI_PutV(armci_giov_t darr[], int len, int proc);
int PARMCI_GetV(armci_giov_t darr[], int len, int proc);
int PARMCI_AccV(int op, void *scale, armci_giov_t darr[], int len, int proc);
int PARMCI_PutValueInt(int src, void *dst, int proc);
int PARMCI_PutValueLong(long src, void *dst, int proc);
int PARMCI_PutValueFloat(float src, void *dst, int proc);
int PARMCI_PutValueDouble(double src, void *dst, int proc);
int PARMCI_GetValueInt(void *src, int proc);
long PARMCI_GetValueLong(void *src, int proc);
float PARMCI_GetValueFloat(void *src, int proc);
double PARMCI_GetValueDouble(void *src, int proc);
int PARMCI_Put_flag(void *src, void *dst, int bytes, int *f, int v, int proc);
int PARMCI_PutS_flag(void *src_ptr, int src_stride_arr[], void *dst_ptr, int dst_stride_arr[], int count[], int
    stride_levels, int *flag, int val, int proc);
int PARMCI_PutS_flag_dir(void *src_ptr, int src_stride_arr[], void *dst_ptr, int dst_stride_arr[], int count[], int
    stride_levels, int *flag, int val, int proc);
int PARMCI_NbPut(void *src, void *dst, int bytes, int proc, armci_hdl_t *nb_handle);
int PARMCI_NbGet(void *src, void *dst, int bytes, int proc, armci_hdl_t *nb_handle);
int PARMCI_NbPutS(void *src_ptr, int src_stride_arr[], void *dst_ptr, int dst_stride_arr[], int count[], int
    stride_levels, int proc, armci_hdl_t *nb_handle);
int PARMCI_NbGetS(void *src_ptr, int src_stride_arr[], void *dst_ptr, int dst_stride_arr[], int count[], int
    stride_levels, int proc, armci_hdl_t *nb_handle);
int PARMCI_NbAccS(int optype, void *scale, void *src_ptr, int src_stride_arr[], void *dst_ptr, int dst_stride_arr[],
    int count[], int stride_levels, int proc, armci_hdl_t *nb_handle);
int PARMCI_NbPutV(armci_giov_t darr[], int len, int proc, armci_hdl_t *nb_handle);
int PARMCI_NbGetV(armci_giov_t darr[], int len, int proc, armci_hdl_t *nb_handle);
int PARMCI_NbAccV(int op, void *scale, armci_giov_t darr[], int len, int proc, armci_hdl_t *nb_handle);
int PARMCI_NbPutValueInt(int src, void *dst, int proc, armci_hdl_t *nb_handle);
int PARMCI_NbPutValueLong(long src, void *dst, int proc, armci_hdl_t *nb_handle);
int PARMCI_NbPutValueFloat(float src, void *dst, int proc, armci_hdl_t *nb_handle);
int PARMCI_NbPutValueDouble(double src, void *dst, int proc, armci_hdl_t *nb_handle);
int PARMCI_Wait(armci_hdl_t *nb_handle);
int PARMCI_Test(armci_hdl_t *nb_handle);
int PARMCI_WaitAll(void);
int PARMCI_WaitProc(int proc);
void PARMCI_SET_AGGREGATE_HANDLE(armci_hdl_t *nb_handle);
void PARMCI_UNSET_AGGREGATE_HANDLE(armci_hdl_t *nb_handle);
void PARMCI_Barrier(void);
void PARMCI_Fence(int proc);
void PARMCI_AllFence(void);
void PARMCI_GroupFence(ARMCI_Group *group);
int PARMCI_Rmw(int op, void *ploc, void *prem, int extra, int proc);
int PARMCI_Create_mutexes(int num);
int PARMCI_Destroy_mutexes(void);
void PARMCI_Lock(int mutex, int proc);
void PARMCI_Unlock(int mutex, int proc);
int parmci_notify(int proc);
int parmci_notify_wait(int proc, int *pval);
void PARMCI_Group_create(int n, int *pid_list, ARMCI_Group *group_out);
void PARMCI_Group_create_child(int n, int *pid_list, ARMCI_Group *group_out, ARMCI_Group *group_parent);
void PARMCI_Group_free(ARMCI_Group *group);
int PARMCI_Group_rank(ARMCI_Group *group, int *rank);
void PARMCI_Group_size(ARMCI_Group *group, int *size);
void PARMCI_Group_set_default(ARMCI_Group *group);
void PARMCI_Group_get_default(ARMCI_Group *group_out);
void PARMCI_Group_get_world(ARMCI_Group *group_out);
int PARMCI_Absolute_id(ARMCI_Group *group, int group_rank);
int PARMCI_Same_node(int proc);
int PARMCI_NbAcc(int optype, void *scale, void *src, void *dst, int bytes, int proc, armci_hdl_t *nb_handle);
void PARMCI_Access_begin(void *ptr);
void PARMCI_Access_end(void *ptr);
void parmci_read_strided(void *ptr, int stride_levels, int stride_arr[], int count[], char *buf);
void parmci_write_strided(void *ptr, int stride_levels, int stride_arr[], int count[], char *buf);
int PARMCIX_Mode_set(int mode, void *ptr, ARMCI_Group *group);
int PARMCIX_Mode_get(void *ptr);
int PARMCIX_Group_split(ARMCI_Group *parent, int color, int key, ARMCI_Group *new_group);
int PARMCIX_Group_dup(ARMCI_Group *parent, ARMCI_Group *new_group);
armcix_mutex_hdl_t PARMCIX_Create_mutexes_hdl(int count, ARMCI_Group *pgroup);
int PARMCIX_Destroy_mutexes_hdl(armcix_mutex_hdl_t hdl);
void PARMCIX_Lock_hdl(armcix_mutex_hdl_t hdl, int mutex, int proc);
int PARMCIX_Trylock_hdl(armcix_mutex_hdl_t hdl, int mutex, int proc);
void PARMCIX_Unlock_hdl(armcix_mutex_hdl_t hdl, int mutex, int proc);
void PARMCIX_Progress(void);
void parmci_msg_barrier(void);
void parmci_msg_group_barrier(ARMCI_Group *group);

#ifdef __cplusplus
}
#endif

#endif
