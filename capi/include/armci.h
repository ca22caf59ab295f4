/*
 * ARMCI: one-sided communication on raw addresses.
 *
 * Source compatible with the armci.h that Global Arrays installs; what ARMCI-MPI adds is at the end. A remote place is an
 * address and a rank: the address as ARMCI_Malloc returned it here in ptr_arr[rank], or as its owner has it.
 * Sizes are bytes, ranks are world ranks unless said otherwise. Any number of threads call at once.
 * What is complete when, and in which order: the chapter "ARMCI" of the documentation.
 */
#ifndef ARMCI_H_
#define ARMCI_H_

/*
 * ARMCI_MPI_COMPAT, defined before, makes this the armci.h that programs for ARMCI-MPI expect: it brings mpi.h and message.h, and the
 * fields of armci_giov_t come in that library's order.
 */
#ifdef ARMCI_MPI_COMPAT
#include <mpi.h>
#define ARMCI_MPI 3
#endif

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Types */

typedef long armci_size_t;

/* Runs of equal length: run i goes from src_ptr_array[i] to dst_ptr_array[i]. */
typedef struct {
    void **src_ptr_array;
    void **dst_ptr_array;
#ifdef ARMCI_MPI_COMPAT
    int bytes;
    int ptr_array_len;
#else
    int ptr_array_len;
    int bytes;
#endif
} armci_giov_t;

#ifdef ARMCI_MPI_COMPAT
/* The same calls for the other order of fields. */
#define ARMCI_PutV ARMCIX_PutV_bytes_first
#define ARMCI_GetV ARMCIX_GetV_bytes_first
#define ARMCI_AccV ARMCIX_AccV_bytes_first
#define ARMCI_NbPutV ARMCIX_NbPutV_bytes_first
#define ARMCI_NbGetV ARMCIX_NbGetV_bytes_first
#define ARMCI_NbAccV ARMCIX_NbAccV_bytes_first
#define PARMCI_PutV PARMCIX_PutV_bytes_first
#define PARMCI_GetV PARMCIX_GetV_bytes_first
#define PARMCI_AccV PARMCIX_AccV_bytes_first
#define PARMCI_NbPutV PARMCIX_NbPutV_bytes_first
#define PARMCI_NbGetV PARMCIX_NbGetV_bytes_first
#define PARMCI_NbAccV PARMCIX_NbAccV_bytes_first
#endif

/* A non-blocking operation; set by the call that starts it. */
typedef int armci_hdl_t;
#define armci_req_t armci_hdl_t

typedef int ARMCI_Group;
typedef int armci_domain_t;

/* Memory of one rank that others reach: filled in by ARMCI_Memget, sent by the program. */
typedef struct armci_meminfo_ds {
    char *armci_addr;
    char *addr;
    size_t size;
    int cpid;
    long idlist[128];
} armci_meminfo_t;

/* Constants */

#define FAIL  -1
#define FAIL2 -2
#define FAIL3 -3
#define FAIL4 -4
#define FAIL5 -5
#define FAIL6 -6
#define FAIL7 -7
#define FAIL8 -8

#define ARMCI_SWAP 10
#define ARMCI_SWAP_LONG 11
#define ARMCI_FETCH_AND_ADD 12
#define ARMCI_FETCH_AND_ADD_LONG 13

#define ARMCI_ACC_OFF 36
#define ARMCI_ACC_INT (ARMCI_ACC_OFF + 1)
#define ARMCI_ACC_DBL (ARMCI_ACC_OFF + 2)
#define ARMCI_ACC_FLT (ARMCI_ACC_OFF + 3)
#define ARMCI_ACC_CPL (ARMCI_ACC_OFF + 4)
#define ARMCI_ACC_DCP (ARMCI_ACC_OFF + 5)
#define ARMCI_ACC_LNG (ARMCI_ACC_OFF + 6)

#define ARMCI_MAX_STRIDE_LEVEL 8

#define ARMCI_DOMAIN_SMP 0

/* Start and end. Init: 0, or not, after saying why. */

int ARMCI_Init(void);
int ARMCI_Init_args(int *argc, char ***argv);
/* Level: MPI's, up to MPI_THREAD_MULTIPLE, which is what all starts give. */
int ARMCI_Init_thread(int level);
int ARMCI_Initialized(void);
int ARMCI_Finalize(void);
void ARMCI_Cleanup(void);
void ARMCI_Error(const char *msg, int code);

/* As ARMCI_Init, for ranks that can talk already: allgather gathers so many bytes of everybody in rank order, and returns 0. */
int ARMCIX_Init_allgather(int rank, int size,
                          int (*allgather)(const void *mine, int bytes, void *all, void *context), void *context);

/* 0 if ARMCI_Init_thread grants a level. */
int ARMCIX_Thread_level(int level);

/* Memory. Malloc and Free are collective over the default group, or the group given. */

int ARMCI_Malloc(void *ptr_arr[], armci_size_t bytes);
int ARMCI_Malloc_memdev(void *ptr_arr[], armci_size_t bytes, const char *device);
int ARMCI_Malloc_group(void *ptr_arr[], armci_size_t bytes, ARMCI_Group *group);
int ARMCI_Malloc_group_memdev(void *ptr_arr[], armci_size_t bytes, ARMCI_Group *group, const char *device);
int ARMCI_Free(void *ptr);
int ARMCI_Free_memdev(void *ptr);
int ARMCI_Free_group(void *ptr, ARMCI_Group *group);
void *ARMCI_Malloc_local(armci_size_t bytes);
int ARMCI_Free_local(void *ptr);
void ARMCI_Memget(size_t bytes, armci_meminfo_t *meminfo, int memflg);
void *ARMCI_Memat(armci_meminfo_t *meminfo, long offset);
void ARMCI_Memdt(armci_meminfo_t *meminfo, long offset);
void ARMCI_Memctl(armci_meminfo_t *meminfo);
int ARMCI_Uses_shm(void);
int ARMCI_Uses_shm_grp(ARMCI_Group *group);
void ARMCI_Set_shm_limit(unsigned long shmemlimit);
void ARMCI_Copy(void *src, void *dst, int n);

/* Blocking transfers. */

#define ARMCI_Put1(_s, _d, _b, _p) memcpy(_d, _s, _b), 0

int ARMCI_Put(void *src, void *dst, int bytes, int proc);
int ARMCI_Get(void *src, void *dst, int bytes, int proc);
int ARMCI_Acc(int optype, void *scale, void *src, void *dst, int bytes, int proc);

int ARMCI_PutS(void *src_ptr, int src_stride_arr[], void *dst_ptr, int dst_stride_arr[], int count[], int stride_levels,
               int proc);
int ARMCI_GetS(void *src_ptr, int src_stride_arr[], void *dst_ptr, int dst_stride_arr[], int count[], int stride_levels,
               int proc);
int ARMCI_AccS(int optype, void *scale, void *src_ptr, int src_stride_arr[], void *dst_ptr, int dst_stride_arr[],
               int count[], int stride_levels, int proc);

int ARMCI_PutV(armci_giov_t darr[], int len, int proc);
int ARMCI_GetV(armci_giov_t darr[], int len, int proc);
int ARMCI_AccV(int op, void *scale, armci_giov_t darr[], int len, int proc);

int ARMCI_PutValueInt(int src, void *dst, int proc);
int ARMCI_PutValueLong(long src, void *dst, int proc);
int ARMCI_PutValueFloat(float src, void *dst, int proc);
int ARMCI_PutValueDouble(double src, void *dst, int proc);
int ARMCI_GetValueInt(void *src, int proc);
long ARMCI_GetValueLong(void *src, int proc);
float ARMCI_GetValueFloat(void *src, int proc);
double ARMCI_GetValueDouble(void *src, int proc);

/* The flag at the target is set once the data is there. */
int ARMCI_Put_flag(void *src, void *dst, int bytes, int *f, int v, int proc);
int ARMCI_PutS_flag(void *src_ptr, int src_stride_arr[], void *dst_ptr, int dst_stride_arr[], int count[],
                    int stride_levels, int *flag, int val, int proc);
int ARMCI_PutS_flag_dir(void *src_ptr, int src_stride_arr[], void *dst_ptr, int dst_stride_arr[], int count[],
                        int stride_levels, int *flag, int val, int proc);

/* Non-blocking transfers. A null handle is implicit: WaitProc and WaitAll wait for it. */

#define ARMCI_INIT_HANDLE(hdl) do { *(hdl) = 0; } while (0)

int ARMCI_NbPut(void *src, void *dst, int bytes, int proc, armci_hdl_t *nb_handle);
int ARMCI_NbGet(void *src, void *dst, int bytes, int proc, armci_hdl_t *nb_handle);
int ARMCI_NbPutS(void *src_ptr, int src_stride_arr[], void *dst_ptr, int dst_stride_arr[], int count[],
                 int stride_levels, int proc, armci_hdl_t *nb_handle);
int ARMCI_NbGetS(void *src_ptr, int src_stride_arr[], void *dst_ptr, int dst_stride_arr[], int count[],
                 int stride_levels, int proc, armci_hdl_t *nb_handle);
int ARMCI_NbAccS(int optype, void *scale, void *src_ptr, int src_stride_arr[], void *dst_ptr, int dst_stride_arr[],
                 int count[], int stride_levels, int proc, armci_hdl_t *nb_handle);
int ARMCI_NbPutV(armci_giov_t darr[], int len, int proc, armci_hdl_t *nb_handle);
int ARMCI_NbGetV(armci_giov_t darr[], int len, int proc, armci_hdl_t *nb_handle);
int ARMCI_NbAccV(int op, void *scale, armci_giov_t darr[], int len, int proc, armci_hdl_t *nb_handle);
int ARMCI_NbPutValueInt(int src, void *dst, int proc, armci_hdl_t *nb_handle);
int ARMCI_NbPutValueLong(long src, void *dst, int proc, armci_hdl_t *nb_handle);
int ARMCI_NbPutValueFloat(float src, void *dst, int proc, armci_hdl_t *nb_handle);
int ARMCI_NbPutValueDouble(double src, void *dst, int proc, armci_hdl_t *nb_handle);

int ARMCI_Wait(armci_hdl_t *nb_handle);
int ARMCI_Test(armci_hdl_t *nb_handle);
int ARMCI_WaitAll(void);
int ARMCI_WaitProc(int proc);
void ARMCI_SET_AGGREGATE_HANDLE(armci_hdl_t *nb_handle);
void ARMCI_UNSET_AGGREGATE_HANDLE(armci_hdl_t *nb_handle);

/* Order, atomic operations, mutexes, notifications. */

void ARMCI_Barrier(void);
void ARMCI_Fence(int proc);
void ARMCI_AllFence(void);
void ARMCI_GroupFence(ARMCI_Group *group);
int ARMCI_Rmw(int op, void *ploc, void *prem, int extra, int proc);
int ARMCI_Create_mutexes(int num);
int ARMCI_Destroy_mutexes(void);
void ARMCI_Lock(int mutex, int proc);
void ARMCI_Unlock(int mutex, int proc);
int armci_notify(int proc);
int armci_notify_wait(int proc, int *pval);

/* Groups: lists of ranks of the parent. The listed ranks make a group among themselves; others needn't call, and are no members if they do. */

void ARMCI_Group_create(int n, int *pid_list, ARMCI_Group *group_out);
void ARMCI_Group_create_child(int n, int *pid_list, ARMCI_Group *group_out, ARMCI_Group *group_parent);
void ARMCI_Group_free(ARMCI_Group *group);
int ARMCI_Group_rank(ARMCI_Group *group, int *rank);
void ARMCI_Group_size(ARMCI_Group *group, int *size);
void ARMCI_Group_set_default(ARMCI_Group *group);
void ARMCI_Group_get_default(ARMCI_Group *group_out);
void ARMCI_Group_get_world(ARMCI_Group *group_out);
int ARMCI_Absolute_id(ARMCI_Group *group, int group_rank);

/* Which ranks share a node. */

int ARMCI_Same_node(int proc);
int armci_sameclusnode(int proc);
int armci_domain_nprocs(armci_domain_t domain, int id);
int armci_domain_id(armci_domain_t domain, int glob_proc_id);
int armci_domain_glob_proc_id(armci_domain_t domain, int id, int loc_proc_id);
int armci_domain_my_id(armci_domain_t domain);
int armci_domain_count(armci_domain_t domain);
int armci_domain_same_id(armci_domain_t domain, int proc);

/* What ARMCI-MPI adds. */

int ARMCI_NbAcc(int optype, void *scale, void *src, void *dst, int bytes, int proc, armci_hdl_t *nb_handle);
void ARMCI_Access_begin(void *ptr);
void ARMCI_Access_end(void *ptr);
void armci_read_strided(void *ptr, int stride_levels, int stride_arr[], int count[], char *buf);
void armci_write_strided(void *ptr, int stride_levels, int stride_arr[], int count[], char *buf);

enum armcix_access_mode_e {
    ARMCIX_MODE_ALL = 0x1,
    ARMCIX_MODE_CONFLICT_FREE = 0x2,
    ARMCIX_MODE_NO_LOAD_STORE = 0x4
};

typedef struct armcix_mutex_hdl_s *armcix_mutex_hdl_t;

int ARMCIX_Mode_set(int mode, void *ptr, ARMCI_Group *group);
int ARMCIX_Mode_get(void *ptr);
int ARMCIX_Group_split(ARMCI_Group *parent, int color, int key, ARMCI_Group *new_group);
int ARMCIX_Group_dup(ARMCI_Group *parent, ARMCI_Group *new_group);
armcix_mutex_hdl_t ARMCIX_Create_mutexes_hdl(int count, ARMCI_Group *pgroup);
int ARMCIX_Destroy_mutexes_hdl(armcix_mutex_hdl_t hdl);
void ARMCIX_Lock_hdl(armcix_mutex_hdl_t hdl, int mutex, int proc);
int ARMCIX_Trylock_hdl(armcix_mutex_hdl_t hdl, int mutex, int proc);
void ARMCIX_Unlock_hdl(armcix_mutex_hdl_t hdl, int mutex, int proc);
void ARMCIX_Progress(void);

/* Assertions that end the job. */

int armci_msg_me(void);
int dassertp_fail(const char *cond_string, const char *file, const char *func, unsigned int line, int code);

#define derr_printf(...) fprintf(stderr, __VA_ARGS__)

#undef dassertp
#undef dassertc
#undef dassert
#undef dassert1
#define dassertc(_enable, _cond, _plist, _code) do { \
    if ((_enable) && !(_cond)) { \
        derr_printf _plist; \
        dassertp_fail(#_cond, __FILE__, __func__, __LINE__, (_code)); \
    } } while (0)
#define dassertp(_enable, _cond, _plist) dassertc(_enable, _cond, _plist, 1)
#define dassert(_enable, _cond) dassertp((_enable), (_cond), ("%s", ""))
#define dassert1(_enable, _cond, _ival) \
    dassertp((_enable), (_cond), ("%d: error ival=%d\n", armci_msg_me(), (int)(_ival)))
#define armci_die(_msg, _code) dassertc(1, 0, ("%d:%s: %d\n", armci_msg_me(), (_msg), (_code)), _code)
#define armci_die2(_msg, _code1, _code2) \
    dassertc(1, 0, ("%d:%s: (%d,%d)\n", armci_msg_me(), (_msg), (_code1), (_code2)), _code1)

/* In programs that include mpi.h first: ranks of a communicator. MPI stays out of the library. */
#ifdef MPI_VERSION
static inline int armcix_mpi_allgather_(const void *mine, int bytes, void *all, void *context)
{
    return MPI_Allgather((void *)mine, bytes, MPI_BYTE, all, bytes, MPI_BYTE, *(MPI_Comm *)context) != MPI_SUCCESS;
}

static inline int ARMCI_Init_mpi_comm(MPI_Comm comm)
{
    static MPI_Comm kept;
    int rank, size;
    if (MPI_Comm_dup(comm, &kept) != MPI_SUCCESS || MPI_Comm_rank(kept, &rank) != MPI_SUCCESS ||
        MPI_Comm_size(kept, &size) != MPI_SUCCESS)
        return 1;
    return ARMCIX_Init_allgather(rank, size, armcix_mpi_allgather_, &kept);
}
#define PARMCI_Init_mpi_comm ARMCI_Init_mpi_comm

static inline int ARMCI_Init_thread_comm(int level, MPI_Comm comm)
{
    return ARMCIX_Thread_level(level) || ARMCI_Init_mpi_comm(comm);
}
#define PARMCI_Init_thread_comm ARMCI_Init_thread_comm

/* The group of a communicator's ranks, in its order; collective over those alone. 0 if MPI told who they are. An extension of this library's. */
static inline int ARMCIX_Group_create_comm(MPI_Comm comm, ARMCI_Group *group)
{
    ARMCI_Group world;
    int me, size, is_told, *ranks;
    ARMCI_Group_get_world(&world);
    if (ARMCI_Group_rank(&world, &me) || MPI_Comm_size(comm, &size) != MPI_SUCCESS)
        return 1;
    ranks = (int *)malloc((size_t)size * sizeof *ranks);
    is_told = ranks && MPI_Allgather(&me, 1, MPI_INT, ranks, 1, MPI_INT, comm) == MPI_SUCCESS;
    if (is_told)
        ARMCI_Group_create_child(size, ranks, group, &world);
    free(ranks);
    return !is_told;
}
#define PARMCIX_Group_create_comm ARMCIX_Group_create_comm
#endif

#ifdef __cplusplus
}
#endif

#ifdef ARMCI_MPI_COMPAT
#include "message.h"
#include "parmci.h"
#endif

#endif
