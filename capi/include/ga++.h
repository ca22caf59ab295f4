/*
 * Global Arrays in C++: arrays, groups and services as classes of the namespace GA. Everything is a call of ga.h.
 *
 * Source compatible with the ga++.h that Global Arrays installs. There is nothing to link but libga; libga++ is another name of it. With MPIPP defined, initialization and
 * termination are those of MPI, too, else those of TCGMSG, which starts MPI if the program has it.
 */
#ifndef GAPP_H_
#define GAPP_H_

#ifdef MPIPP
#include <mpi.h>
#else
#include "tcgmsg.h"
#endif
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "ga.h"
#include "macdecls.h"

#define GANbhdl ga_nbhdl_t

namespace GA {

/* Starts MPI or TCGMSG, and Global Arrays; a limit above 0 is that of the bytes that this rank's parts of arrays may take. Collective. */
inline void Initialize(int argc, char *argv[], size_t limit = 0)
{
#ifdef MPIPP
    MPI_Init(&argc, &argv);
#else
    tcg_pbegin(argc, argv);
#endif
    if (limit) GA_Initialize_ltd(limit);
    else GA_Initialize();
}

/* The same, and MA, of whose heap and stack, in elements of the type, each rank gets its share. Collective. */
inline void Initialize(int argc, char *argv[], unsigned long heapSize, unsigned long stackSize, int type, size_t limit = 0)
{
    Initialize(argc, argv, limit);
    unsigned long ranks = (unsigned long)GA_Nnodes();
    if (!MA_init(type, (long)(stackSize / ranks), (long)(heapSize / ranks)))
        GA_Error((char *)"GA::Initialize: MA_init failed", (int)((stackSize + heapSize) / ranks));
}

/* Ends what Initialize started. Collective; without MPIPP it ends the process. */
inline void Terminate()
{
    GA_Terminate();
#ifdef MPIPP
    MPI_Finalize();
#else
    tcg_pend();
#endif
}

/* A group of processors. */
class PGroup {
public:
    /* Of these ranks of the default group. Collective over that. */
    PGroup(int *plist, int size) : mPHandle(GA_Pgroup_create(plist, size)), mIsMade(true) {}
    ~PGroup() { if (mIsMade && NGA_Initialized()) GA_Pgroup_destroy(mPHandle); }

    int handle() const { return mPHandle; }

    /* Objects of the library, for groups that it has. */
    static PGroup *getDefault() { return known(0, GA_Pgroup_get_default()); }
    static PGroup *getMirror() { return known(1, GA_Pgroup_get_mirror()); }
    static PGroup *getWorld() { return known(2, GA_Pgroup_get_world()); }
    static void setDefault(PGroup *p_handle) { GA_Pgroup_set_default(p_handle->mPHandle); }

    void brdcst(void *buf, int lenbuf, int root) { GA_Pgroup_brdcst(mPHandle, buf, lenbuf, root); }
    void gop(double *buf, int n, char *op) { GA_Pgroup_dgop(mPHandle, buf, n, op); }
    void gop(long *buf, int n, char *op) { GA_Pgroup_lgop(mPHandle, buf, n, op); }
    void gop(float *buf, int n, char *op) { GA_Pgroup_fgop(mPHandle, buf, n, op); }
    int nodeid() { return GA_Pgroup_nodeid(mPHandle); }
    int nodes() { return GA_Pgroup_nnodes(mPHandle); }
    void sync() { GA_Pgroup_sync(mPHandle); }

private:
    int mPHandle;
    bool mIsMade;

    PGroup() : mPHandle(0), mIsMade(false) {}
    PGroup(const PGroup &);
    PGroup &operator=(const PGroup &);

    static PGroup *known(int which, int handle)
    {
        static PGroup groups[3];
        groups[which].mPHandle = handle;
        return &groups[which];
    }
};

/* A global array. Bounds count from 0 and include both ends. The last argument of arrays with ghost cells is there to tell them from others. */
class GlobalArray {
public:
    GlobalArray(int type, int ndim, int dims[], char *arrayname, int chunk[]) { made(NGA_Create(type, ndim, dims, arrayname, chunk)); }
    GlobalArray(int type, int ndim, int64_t dims[], char *arrayname, int64_t chunk[]) { made(NGA_Create64(type, ndim, dims, arrayname, chunk)); }
    GlobalArray(int type, int ndim, int dims[], char *arrayname, int chunk[], PGroup *p_handle) { made(NGA_Create_config(type, ndim, dims, arrayname, chunk, p_handle->handle())); }
    GlobalArray(int type, int ndim, int64_t dims[], char *arrayname, int64_t chunk[], PGroup *p_handle) { made(NGA_Create_config64(type, ndim, dims, arrayname, chunk, p_handle->handle())); }
    GlobalArray(int type, int ndim, int dims[], char *arrayname, int block[], int maps[]) { made(NGA_Create_irreg(type, ndim, dims, arrayname, block, maps)); }
    GlobalArray(int type, int ndim, int64_t dims[], char *arrayname, int64_t block[], int64_t maps[]) { made(NGA_Create_irreg64(type, ndim, dims, arrayname, block, maps)); }
    GlobalArray(int type, int ndim, int dims[], char *arrayname, int block[], int maps[], PGroup *p_handle) { made(NGA_Create_irreg_config(type, ndim, dims, arrayname, block, maps, p_handle->handle())); }
    GlobalArray(int type, int ndim, int64_t dims[], char *arrayname, int64_t block[], int64_t maps[], PGroup *p_handle) { made(NGA_Create_irreg_config64(type, ndim, dims, arrayname, block, maps, p_handle->handle())); }
    GlobalArray(int type, int ndim, int dims[], int width[], char *arrayname, int chunk[], char) { made(NGA_Create_ghosts(type, ndim, dims, width, arrayname, chunk)); }
    GlobalArray(int type, int ndim, int64_t dims[], int64_t width[], char *arrayname, int64_t chunk[], char) { made(NGA_Create_ghosts64(type, ndim, dims, width, arrayname, chunk)); }
    GlobalArray(int type, int ndim, int dims[], int width[], char *arrayname, int chunk[], PGroup *p_handle, char) { made(NGA_Create_ghosts_config(type, ndim, dims, width, arrayname, chunk, p_handle->handle())); }
    GlobalArray(int type, int ndim, int64_t dims[], int64_t width[], char *arrayname, int64_t chunk[], PGroup *p_handle, char) { made(NGA_Create_ghosts_config64(type, ndim, dims, width, arrayname, chunk, p_handle->handle())); }
    GlobalArray(int type, int ndim, int dims[], int width[], char *arrayname, int block[], int maps[], char) { made(NGA_Create_ghosts_irreg(type, ndim, dims, width, arrayname, block, maps)); }
    GlobalArray(int type, int ndim, int64_t dims[], int64_t width[], char *arrayname, int64_t block[], int64_t maps[], char) { made(NGA_Create_ghosts_irreg64(type, ndim, dims, width, arrayname, block, maps)); }
    GlobalArray(int type, int ndim, int dims[], int width[], char *arrayname, int block[], int maps[], PGroup *p_handle, char) { made(NGA_Create_ghosts_irreg_config(type, ndim, dims, width, arrayname, block, maps, p_handle->handle())); }
    GlobalArray(int type, int ndim, int64_t dims[], int64_t width[], char *arrayname, int64_t block[], int64_t maps[], PGroup *p_handle, char) { made(NGA_Create_ghosts_irreg_config64(type, ndim, dims, width, arrayname, block, maps, p_handle->handle())); }
    /* As another array, with its values or without. */
    GlobalArray(const GlobalArray &g_a, char *arrayname) { made(GA_Duplicate(g_a.mHandle, arrayname)); }
    GlobalArray(const GlobalArray &g_a)
    {
        made(GA_Duplicate(g_a.mHandle, GA_Inquire_name(g_a.mHandle)));
        GA_Copy(g_a.mHandle, mHandle);
    }
    /* Without attributes, which are to be set before allocate. */
    GlobalArray() { made(GA_Create_handle()); }
    /* Collective, as destroy is, after which there is nothing left to do. */
    ~GlobalArray() { destroy(); }
    void destroy()
    {
        if (mHandle && NGA_Initialized()) GA_Destroy(mHandle);
        mHandle = 0;
    }

    int handle() const { return mHandle; }

    /* Transfers. */
    void acc(int lo[], int hi[], void *buf, int ld[], void *alpha) const { NGA_Acc(mHandle, lo, hi, buf, ld, alpha); }
    void acc(int64_t lo[], int64_t hi[], void *buf, int64_t ld[], void *alpha) const { NGA_Acc64(mHandle, lo, hi, buf, ld, alpha); }
    void get(int lo[], int hi[], void *buf, int ld[]) const { NGA_Get(mHandle, lo, hi, buf, ld); }
    void get(int64_t lo[], int64_t hi[], void *buf, int64_t ld[]) const { NGA_Get64(mHandle, lo, hi, buf, ld); }
    void put(int lo[], int hi[], void *buf, int ld[]) const { NGA_Put(mHandle, lo, hi, buf, ld); }
    void put(int64_t lo[], int64_t hi[], void *buf, int64_t ld[]) const { NGA_Put64(mHandle, lo, hi, buf, ld); }
    void nbAcc(int lo[], int hi[], void *buf, int ld[], void *alpha, GANbhdl *nbhandle) { NGA_NbAcc(mHandle, lo, hi, buf, ld, alpha, nbhandle); }
    void nbAcc(int64_t lo[], int64_t hi[], void *buf, int64_t ld[], void *alpha, GANbhdl *nbhandle) { NGA_NbAcc64(mHandle, lo, hi, buf, ld, alpha, nbhandle); }
    void nbGet(int lo[], int hi[], void *buf, int ld[], GANbhdl *nbhandle) { NGA_NbGet(mHandle, lo, hi, buf, ld, nbhandle); }
    void nbGet(int64_t lo[], int64_t hi[], void *buf, int64_t ld[], GANbhdl *nbhandle) { NGA_NbGet64(mHandle, lo, hi, buf, ld, nbhandle); }
    void nbPut(int lo[], int hi[], void *buf, int ld[], GANbhdl *nbhandle) { NGA_NbPut(mHandle, lo, hi, buf, ld, nbhandle); }
    void nbPut(int64_t lo[], int64_t hi[], void *buf, int64_t ld[], GANbhdl *nbhandle) { NGA_NbPut64(mHandle, lo, hi, buf, ld, nbhandle); }
    void nbGetGhostDir(int mask[], GANbhdl *nbhandle) { NGA_NbGet_ghost_dir(mHandle, mask, nbhandle); }
    void nbGetGhostDir(int64_t mask[], GANbhdl *nbhandle) { NGA_NbGet_ghost_dir64(mHandle, mask, nbhandle); }
    void periodicAcc(int lo[], int hi[], void *buf, int ld[], void *alpha) const { NGA_Periodic_acc(mHandle, lo, hi, buf, ld, alpha); }
    void periodicAcc(int64_t lo[], int64_t hi[], void *buf, int64_t ld[], void *alpha) const { NGA_Periodic_acc64(mHandle, lo, hi, buf, ld, alpha); }
    void periodicGet(int lo[], int hi[], void *buf, int ld[]) const { NGA_Periodic_get(mHandle, lo, hi, buf, ld); }
    void periodicGet(int64_t lo[], int64_t hi[], void *buf, int64_t ld[]) const { NGA_Periodic_get64(mHandle, lo, hi, buf, ld); }
    void periodicPut(int lo[], int hi[], void *buf, int ld[]) const { NGA_Periodic_put(mHandle, lo, hi, buf, ld); }
    void periodicPut(int64_t lo[], int64_t hi[], void *buf, int64_t ld[]) const { NGA_Periodic_put64(mHandle, lo, hi, buf, ld); }
    void stridedAcc(int lo[], int hi[], int skip[], void *buf, int ld[], void *alpha) const { NGA_Strided_acc(mHandle, lo, hi, skip, buf, ld, alpha); }
    void stridedAcc(int64_t lo[], int64_t hi[], int64_t skip[], void *buf, int64_t ld[], void *alpha) const { NGA_Strided_acc64(mHandle, lo, hi, skip, buf, ld, alpha); }
    void stridedGet(int lo[], int hi[], int skip[], void *buf, int ld[]) const { NGA_Strided_get(mHandle, lo, hi, skip, buf, ld); }
    void stridedGet(int64_t lo[], int64_t hi[], int64_t skip[], void *buf, int64_t ld[]) const { NGA_Strided_get64(mHandle, lo, hi, skip, buf, ld); }
    void stridedPut(int lo[], int hi[], int skip[], void *buf, int ld[]) const { NGA_Strided_put(mHandle, lo, hi, skip, buf, ld); }
    void stridedPut(int64_t lo[], int64_t hi[], int64_t skip[], void *buf, int64_t ld[]) const { NGA_Strided_put64(mHandle, lo, hi, skip, buf, ld); }
    void gather(void *v, int *subsarray[], int n) const { NGA_Gather(mHandle, v, subsarray, n); }
    void gather(void *v, int64_t *subsarray[], int64_t n) const { NGA_Gather64(mHandle, v, subsarray, n); }
    void scatter(void *v, int *subsarray[], int n) const { NGA_Scatter(mHandle, v, subsarray, n); }
    void scatter(void *v, int64_t *subsarray[], int64_t n) const { NGA_Scatter64(mHandle, v, subsarray, n); }
    void scatterAcc(void *v, int *subsarray[], int n, void *alpha) const { NGA_Scatter_acc(mHandle, v, subsarray, n, alpha); }
    void scatterAcc(void *v, int64_t *subsarray[], int64_t n, void *alpha) const { NGA_Scatter_acc64(mHandle, v, subsarray, n, alpha); }
    long readInc(int subscript[], long inc) const { return NGA_Read_inc(mHandle, subscript, inc); }
    long readInc(int64_t subscript[], long inc) const { return NGA_Read_inc64(mHandle, subscript, inc); }
    void allocGatscatBuf(int nelems) const { NGA_Alloc_gatscat_buf(nelems); }
    void freeGatscatBuf() { NGA_Free_gatscat_buf(); }

    /* Memory of this rank. */
    void access(int lo[], int hi[], void *ptr, int ld[]) const { NGA_Access(mHandle, lo, hi, ptr, ld); }
    void access(int64_t lo[], int64_t hi[], void *ptr, int64_t ld[]) const { NGA_Access64(mHandle, lo, hi, ptr, ld); }
    void release(int lo[], int hi[]) const { NGA_Release(mHandle, lo, hi); }
    void release(int64_t lo[], int64_t hi[]) const { NGA_Release64(mHandle, lo, hi); }
    void releaseUpdate(int lo[], int hi[]) const { NGA_Release_update(mHandle, lo, hi); }
    void releaseUpdate(int64_t lo[], int64_t hi[]) const { NGA_Release_update64(mHandle, lo, hi); }
    void accessBlock(int idx, void *ptr, int ld[]) const { NGA_Access_block(mHandle, idx, ptr, ld); }
    void accessBlock(int64_t idx, void *ptr, int64_t ld[]) const { NGA_Access_block64(mHandle, idx, ptr, ld); }
    void releaseBlock(int idx) const { NGA_Release_block(mHandle, idx); }
    void releaseUpdateBlock(int idx) const { NGA_Release_update_block(mHandle, idx); }
    void accessBlockGrid(int index[], void *ptr, int ld[]) const { NGA_Access_block_grid(mHandle, index, ptr, ld); }
    void accessBlockGrid(int64_t index[], void *ptr, int64_t ld[]) const { NGA_Access_block_grid64(mHandle, index, ptr, ld); }
    void releaseBlockGrid(int index[]) const { NGA_Release_block_grid(mHandle, index); }
    void releaseUpdateBlockGrid(int index[]) const { NGA_Release_update_block_grid(mHandle, index); }
    void accessBlockSegment(int proc, void *ptr, int *len) const { NGA_Access_block_segment(mHandle, proc, ptr, len); }
    void accessBlockSegment(int proc, void *ptr, int64_t *len) const { NGA_Access_block_segment64(mHandle, proc, ptr, len); }
    void releaseBlockSegment(int proc) const { NGA_Release_block_segment(mHandle, proc); }
    void releaseUpdateBlockSegment(int idx) const { NGA_Release_update_block_segment(mHandle, idx); }
    void accessGhosts(int dims[], void *ptr, int ld[]) const { NGA_Access_ghosts(mHandle, dims, ptr, ld); }
    void accessGhosts(int64_t dims[], void *ptr, int64_t ld[]) const { NGA_Access_ghosts64(mHandle, dims, ptr, ld); }
    void releaseGhosts() const { NGA_Release_ghosts(mHandle); }
    void releaseUpdateGhosts() const { NGA_Release_update_ghosts(mHandle); }
    void accessGhostElement(void *ptr, int subscript[], int ld[]) const { NGA_Access_ghost_element(mHandle, ptr, subscript, ld); }
    void accessGhostElement(void *ptr, int64_t subscript[], int64_t ld[]) const { NGA_Access_ghost_element64(mHandle, ptr, subscript, ld); }
    void releaseGhostElement(int subscript[]) const { NGA_Release_ghost_element(mHandle, subscript); }
    void releaseGhostElement(int64_t subscript[]) const { NGA_Release_ghost_element64(mHandle, subscript); }
    void releaseUpdateGhostElement(int subscript[]) const { NGA_Release_update_ghost_element(mHandle, subscript); }
    void releaseUpdateGhostElement(int64_t subscript[]) const { NGA_Release_update_ghost_element64(mHandle, subscript); }

    /* What it is, and where. */
    void inquire(int *type, int *ndim, int dims[]) const { NGA_Inquire(mHandle, type, ndim, dims); }
    void inquire(int *type, int *ndim, int64_t dims[]) const { NGA_Inquire64(mHandle, type, ndim, dims); }
    char *inquireName() const { return GA_Inquire_name(mHandle); }
    int ndim() const { return GA_Ndim(mHandle); }
    int hasGhosts() const { return GA_Has_ghosts(mHandle); }
    int isMirrored() { return GA_Is_mirrored(mHandle); }
    void distribution(int me, int *lo, int *hi) const { NGA_Distribution(mHandle, me, lo, hi); }
    void distribution(int me, int64_t *lo, int64_t *hi) const { NGA_Distribution64(mHandle, me, lo, hi); }
    int locate(int subscript[]) const { return NGA_Locate(mHandle, subscript); }
    int locate(int64_t subscript[]) const { return NGA_Locate64(mHandle, subscript); }
    int locateRegion(int lo[], int hi[], int map[], int procs[]) const { return NGA_Locate_region(mHandle, lo, hi, map, procs); }
    int locateRegion(int64_t lo[], int64_t hi[], int64_t map[], int procs[]) const { return NGA_Locate_region64(mHandle, lo, hi, map, procs); }
    int compareDistr(const GlobalArray *g_a) const { return GA_Compare_distr(mHandle, g_a->mHandle); }
    void checkHandle(char *string) const { GA_Check_handle(mHandle, string); }
    void nblock(int numblock[]) const { GA_Nblock(mHandle, numblock); }
    void getBlockInfo(int num_blocks[], int block_dims[]) { GA_Get_block_info(mHandle, num_blocks, block_dims); }
    int totalBlocks() const { return GA_Total_blocks(mHandle); }
    void procTopology(int proc, int coord[]) const { NGA_Proc_topology(mHandle, proc, coord); }
    void print() const { GA_Print(mHandle); }
    void printDistribution() const { GA_Print_distribution(mHandle); }
    void printFile(FILE *file) const { GA_Print_file(file, mHandle); }
    void printPatch(int *lo, int *hi, int pretty) const { NGA_Print_patch(mHandle, lo, hi, pretty); }
    void printPatch(int64_t *lo, int64_t *hi, int pretty) const { NGA_Print_patch64(mHandle, lo, hi, pretty); }
    void summarize(int verbose) const { GA_Summarize(verbose); }

    /* What it is going to be, when it was made without attributes. */
    void setArrayName(char *name) const { GA_Set_array_name(mHandle, name); }
    void setData(int ndim, int dims[], int type) const { GA_Set_data(mHandle, ndim, dims, type); }
    void setData(int ndim, int64_t dims[], int type) const { GA_Set_data64(mHandle, ndim, dims, type); }
    void setChunk(int chunk[]) const { GA_Set_chunk(mHandle, chunk); }
    void setChunk(int64_t chunk[]) const { GA_Set_chunk64(mHandle, chunk); }
    void setGhosts(int width[]) const { GA_Set_ghosts(mHandle, width); }
    void setGhosts(int64_t width[]) const { GA_Set_ghosts64(mHandle, width); }
    void setIrregDistr(int mapc[], int nblock[]) const { GA_Set_irreg_distr(mHandle, mapc, nblock); }
    void setIrregDistr(int64_t mapc[], int64_t nblock[]) const { GA_Set_irreg_distr64(mHandle, mapc, nblock); }
    void setBlockCyclic(int dims[]) const { GA_Set_block_cyclic(mHandle, dims); }
    void setBlockCyclic(int64_t dims[]) const { GA_Set_block_cyclic64(mHandle, dims); }
    void setBlockCyclicProcGrid(int dims[], int proc_grid[]) const { GA_Set_block_cyclic_proc_grid(mHandle, dims, proc_grid); }
    void setBlockCyclicProcGrid(int64_t dims[], int64_t proc_grid[]) const { GA_Set_block_cyclic_proc_grid64(mHandle, dims, proc_grid); }
    void setTiledProcGrid(int dims[], int proc_grid[]) const { GA_Set_tiled_proc_grid(mHandle, dims, proc_grid); }
    void setTiledProcGrid(int64_t dims[], int64_t proc_grid[]) const { GA_Set_tiled_proc_grid64(mHandle, dims, proc_grid); }
    void setTiledIrregProcGrid(int mapc[], int nblocks[], int proc_grid[]) const { GA_Set_tiled_irreg_proc_grid(mHandle, mapc, nblocks, proc_grid); }
    void setTiledIrregProcGrid(int64_t mapc[], int64_t nblocks[], int64_t proc_grid[]) const { GA_Set_tiled_irreg_proc_grid64(mHandle, mapc, nblocks, proc_grid); }
    void setRestricted(int list[], int nprocs) const { GA_Set_restricted(mHandle, list, nprocs); }
    void setRestrictedRange(int lo_proc, int hi_proc) const { GA_Set_restricted_range(mHandle, lo_proc, hi_proc); }
    void setPGroup(PGroup *pHandle) const { GA_Set_pgroup(mHandle, pHandle->handle()); }
    void setProperty(char *property) { GA_Set_property(mHandle, property); }
    void unsetProperty() { GA_Unset_property(mHandle); }
    void setMemoryDev(char *device) { GA_Set_memory_dev(mHandle, device); }
    int allocate() const { return GA_Allocate(mHandle); }
    int overlay(const GlobalArray *g_p) { return GA_Overlay(mHandle, g_p->mHandle); }

    /* Whole arrays and patches. */
    void zero() const { GA_Zero(mHandle); }
    void zeroPatch(int lo[], int hi[]) const { NGA_Zero_patch(mHandle, lo, hi); }
    void zeroPatch(int64_t lo[], int64_t hi[]) const { NGA_Zero_patch64(mHandle, lo, hi); }
    void fill(void *value) const { GA_Fill(mHandle, value); }
    void fillPatch(int lo[], int hi[], void *val) const { NGA_Fill_patch(mHandle, lo, hi, val); }
    void fillPatch(int64_t lo[], int64_t hi[], void *val) const { NGA_Fill_patch64(mHandle, lo, hi, val); }
    void scale(void *value) const { GA_Scale(mHandle, value); }
    void scalePatch(int lo[], int hi[], void *val) const { NGA_Scale_patch(mHandle, lo, hi, val); }
    void scalePatch(int64_t lo[], int64_t hi[], void *val) const { NGA_Scale_patch64(mHandle, lo, hi, val); }
    void copy(const GlobalArray *g_a) const { GA_Copy(g_a->mHandle, mHandle); }
    void copyPatch(char trans, const GlobalArray *ga, int alo[], int ahi[], int blo[], int bhi[]) const { NGA_Copy_patch(trans, ga->mHandle, alo, ahi, mHandle, blo, bhi); }
    void copyPatch(char trans, const GlobalArray *ga, int64_t alo[], int64_t ahi[], int64_t blo[], int64_t bhi[]) const { NGA_Copy_patch64(trans, ga->mHandle, alo, ahi, mHandle, blo, bhi); }
    void add(void *alpha, const GlobalArray *g_a, void *beta, const GlobalArray *g_b) const { GA_Add(alpha, g_a->mHandle, beta, g_b->mHandle, mHandle); }
    void addPatch(void *alpha, const GlobalArray *g_a, int alo[], int ahi[], void *beta, const GlobalArray *g_b, int blo[], int bhi[], int clo[], int chi[]) const { NGA_Add_patch(alpha, g_a->mHandle, alo, ahi, beta, g_b->mHandle, blo, bhi, mHandle, clo, chi); }
    void addPatch(void *alpha, const GlobalArray *g_a, int64_t alo[], int64_t ahi[], void *beta, const GlobalArray *g_b, int64_t blo[], int64_t bhi[], int64_t clo[], int64_t chi[]) const { NGA_Add_patch64(alpha, g_a->mHandle, alo, ahi, beta, g_b->mHandle, blo, bhi, mHandle, clo, chi); }
    void absValue() const { GA_Abs_value(mHandle); }
    void absValuePatch(int *lo, int *hi) const { GA_Abs_value_patch(mHandle, lo, hi); }
    void absValuePatch(int64_t *lo, int64_t *hi) const { GA_Abs_value_patch64(mHandle, lo, hi); }
    void addConstant(void *alpha) const { GA_Add_constant(mHandle, alpha); }
    void addConstantPatch(int *lo, int *hi, void *alpha) const { GA_Add_constant_patch(mHandle, lo, hi, alpha); }
    void addConstantPatch(int64_t *lo, int64_t *hi, void *alpha) const { GA_Add_constant_patch64(mHandle, lo, hi, alpha); }
    void recip() const { GA_Recip(mHandle); }
    void recipPatch(int *lo, int *hi) const { GA_Recip_patch(mHandle, lo, hi); }
    void recipPatch(int64_t *lo, int64_t *hi) const { GA_Recip_patch64(mHandle, lo, hi); }
    void elemMultiply(const GlobalArray *g_a, const GlobalArray *g_b) const { GA_Elem_multiply(g_a->mHandle, g_b->mHandle, mHandle); }
    void elemDivide(const GlobalArray *g_a, const GlobalArray *g_b) const { GA_Elem_divide(g_a->mHandle, g_b->mHandle, mHandle); }
    void elemMaximum(const GlobalArray *g_a, const GlobalArray *g_b) const { GA_Elem_maximum(g_a->mHandle, g_b->mHandle, mHandle); }
    void elemMinimum(const GlobalArray *g_a, const GlobalArray *g_b) const { GA_Elem_minimum(g_a->mHandle, g_b->mHandle, mHandle); }
    void elemMultiplyPatch(const GlobalArray *g_a, int *alo, int *ahi, const GlobalArray *g_b, int *blo, int *bhi, int *clo, int *chi) const { GA_Elem_multiply_patch(g_a->mHandle, alo, ahi, g_b->mHandle, blo, bhi, mHandle, clo, chi); }
    void elemMultiplyPatch(const GlobalArray *g_a, int64_t *alo, int64_t *ahi, const GlobalArray *g_b, int64_t *blo, int64_t *bhi, int64_t *clo, int64_t *chi) const { GA_Elem_multiply_patch64(g_a->mHandle, alo, ahi, g_b->mHandle, blo, bhi, mHandle, clo, chi); }
    void elemDividePatch(const GlobalArray *g_a, int *alo, int *ahi, const GlobalArray *g_b, int *blo, int *bhi, int *clo, int *chi) const { GA_Elem_divide_patch(g_a->mHandle, alo, ahi, g_b->mHandle, blo, bhi, mHandle, clo, chi); }
    void elemDividePatch(const GlobalArray *g_a, int64_t *alo, int64_t *ahi, const GlobalArray *g_b, int64_t *blo, int64_t *bhi, int64_t *clo, int64_t *chi) const { GA_Elem_divide_patch64(g_a->mHandle, alo, ahi, g_b->mHandle, blo, bhi, mHandle, clo, chi); }
    void elemMaximumPatch(const GlobalArray *g_a, int *alo, int *ahi, const GlobalArray *g_b, int *blo, int *bhi, int *clo, int *chi) const { GA_Elem_maximum_patch(g_a->mHandle, alo, ahi, g_b->mHandle, blo, bhi, mHandle, clo, chi); }
    void elemMaximumPatch(const GlobalArray *g_a, int64_t *alo, int64_t *ahi, const GlobalArray *g_b, int64_t *blo, int64_t *bhi, int64_t *clo, int64_t *chi) const { GA_Elem_maximum_patch64(g_a->mHandle, alo, ahi, g_b->mHandle, blo, bhi, mHandle, clo, chi); }
    void elemMinimumPatch(const GlobalArray *g_a, int *alo, int *ahi, const GlobalArray *g_b, int *blo, int *bhi, int *clo, int *chi) const { GA_Elem_minimum_patch(g_a->mHandle, alo, ahi, g_b->mHandle, blo, bhi, mHandle, clo, chi); }
    void elemMinimumPatch(const GlobalArray *g_a, int64_t *alo, int64_t *ahi, const GlobalArray *g_b, int64_t *blo, int64_t *bhi, int64_t *clo, int64_t *chi) const { GA_Elem_minimum_patch64(g_a->mHandle, alo, ahi, g_b->mHandle, blo, bhi, mHandle, clo, chi); }
    void median(const GlobalArray *g_a, const GlobalArray *g_b, const GlobalArray *g_c) const { GA_Median(g_a->mHandle, g_b->mHandle, g_c->mHandle, mHandle); }
    void medianPatch(const GlobalArray *g_a, int *alo, int *ahi, const GlobalArray *g_b, int *blo, int *bhi, const GlobalArray *g_c, int *clo, int *chi, int *mlo, int *mhi) const { GA_Median_patch(g_a->mHandle, alo, ahi, g_b->mHandle, blo, bhi, g_c->mHandle, clo, chi, mHandle, mlo, mhi); }
    void medianPatch(const GlobalArray *g_a, int64_t *alo, int64_t *ahi, const GlobalArray *g_b, int64_t *blo, int64_t *bhi, const GlobalArray *g_c, int64_t *clo, int64_t *chi, int64_t *mlo, int64_t *mhi) const { GA_Median_patch64(g_a->mHandle, alo, ahi, g_b->mHandle, blo, bhi, g_c->mHandle, clo, chi, mHandle, mlo, mhi); }
    void stepMax(const GlobalArray *g_a, double *step) const { GA_Step_max(mHandle, g_a->mHandle, step); }
    void stepMaxPatch(int *alo, int *ahi, const GlobalArray *g_b, int *blo, int *bhi, double *step) const { GA_Step_max_patch(mHandle, alo, ahi, g_b->mHandle, blo, bhi, step); }
    void stepMaxPatch(int64_t *alo, int64_t *ahi, const GlobalArray *g_b, int64_t *blo, int64_t *bhi, double *step) const { GA_Step_max_patch64(mHandle, alo, ahi, g_b->mHandle, blo, bhi, step); }
    void selectElem(char *op, void *val, int index[]) const { NGA_Select_elem(mHandle, op, val, index); }
    void selectElem(char *op, void *val, int64_t index[]) const { NGA_Select_elem64(mHandle, op, val, index); }
    void mergeDistrPatch(int alo[], int ahi[], GlobalArray *g_b, int blo[], int bhi[]) { NGA_Merge_distr_patch(mHandle, alo, ahi, g_b->mHandle, blo, bhi); }
    void mergeDistrPatch(int64_t alo[], int64_t ahi[], GlobalArray *g_b, int64_t blo[], int64_t bhi[]) { NGA_Merge_distr_patch64(mHandle, alo, ahi, g_b->mHandle, blo, bhi); }
    void mergeMirrored() { GA_Merge_mirrored(mHandle); }
    void patchEnum(int lo, int hi, void *start, void *inc) { GA_Patch_enum(mHandle, lo, hi, start, inc); }
    void patchEnum(int64_t lo, int64_t hi, void *start, void *inc) { GA_Patch_enum64(mHandle, lo, hi, start, inc); }
    void pack(const GlobalArray *g_dest, const GlobalArray *g_mask, int lo, int hi, int *icount) const { GA_Pack(mHandle, g_dest->mHandle, g_mask->mHandle, lo, hi, icount); }
    void pack(const GlobalArray *g_dest, const GlobalArray *g_mask, int64_t lo, int64_t hi, int64_t *icount) const { GA_Pack64(mHandle, g_dest->mHandle, g_mask->mHandle, lo, hi, icount); }
    void unpack(GlobalArray *g_dest, GlobalArray *g_mask, int lo, int hi, int *icount) const { GA_Unpack(mHandle, g_dest->mHandle, g_mask->mHandle, lo, hi, icount); }
    void unpack(GlobalArray *g_dest, GlobalArray *g_mask, int64_t lo, int64_t hi, int64_t *icount) const { GA_Unpack64(mHandle, g_dest->mHandle, g_mask->mHandle, lo, hi, icount); }
    void scanAdd(const GlobalArray *g_dest, const GlobalArray *g_mask, int lo, int hi, int excl) const { GA_Scan_add(mHandle, g_dest->mHandle, g_mask->mHandle, lo, hi, excl); }
    void scanAdd(const GlobalArray *g_dest, const GlobalArray *g_mask, int64_t lo, int64_t hi, int excl) const { GA_Scan_add64(mHandle, g_dest->mHandle, g_mask->mHandle, lo, hi, excl); }
    void scanCopy(const GlobalArray *g_dest, const GlobalArray *g_mask, int lo, int hi) const { GA_Scan_copy(mHandle, g_dest->mHandle, g_mask->mHandle, lo, hi); }
    void scanCopy(const GlobalArray *g_dest, const GlobalArray *g_mask, int64_t lo, int64_t hi) const { GA_Scan_copy64(mHandle, g_dest->mHandle, g_mask->mHandle, lo, hi); }

    /* Inner products. */
    double ddot(const GlobalArray *g_a) const { return GA_Ddot(mHandle, g_a->mHandle); }
    float fdot(const GlobalArray *g_a) const { return GA_Fdot(mHandle, g_a->mHandle); }
    int idot(const GlobalArray *g_a) const { return GA_Idot(mHandle, g_a->mHandle); }
    long ldot(const GlobalArray *g_a) const { return GA_Ldot(mHandle, g_a->mHandle); }
    DoubleComplex zdot(const GlobalArray *g_a) const { return GA_Zdot(mHandle, g_a->mHandle); }
    double ddotPatch(char ta, int alo[], int ahi[], const GlobalArray *g_a, char tb, int blo[], int bhi[]) const { return NGA_Ddot_patch(mHandle, ta, alo, ahi, g_a->mHandle, tb, blo, bhi); }
    double ddotPatch(char ta, int64_t alo[], int64_t ahi[], const GlobalArray *g_a, char tb, int64_t blo[], int64_t bhi[]) const { return NGA_Ddot_patch64(mHandle, ta, alo, ahi, g_a->mHandle, tb, blo, bhi); }
    float fdotPatch(char ta, int alo[], int ahi[], const GlobalArray *g_a, char tb, int blo[], int bhi[]) const { return NGA_Fdot_patch(mHandle, ta, alo, ahi, g_a->mHandle, tb, blo, bhi); }
    float fdotPatch(char ta, int64_t alo[], int64_t ahi[], const GlobalArray *g_a, char tb, int64_t blo[], int64_t bhi[]) const { return NGA_Fdot_patch64(mHandle, ta, alo, ahi, g_a->mHandle, tb, blo, bhi); }
    long idotPatch(char ta, int alo[], int ahi[], const GlobalArray *g_a, char tb, int blo[], int bhi[]) const { return NGA_Idot_patch(mHandle, ta, alo, ahi, g_a->mHandle, tb, blo, bhi); }
    long idotPatch(char ta, int64_t alo[], int64_t ahi[], const GlobalArray *g_a, char tb, int64_t blo[], int64_t bhi[]) const { return NGA_Idot_patch64(mHandle, ta, alo, ahi, g_a->mHandle, tb, blo, bhi); }
    long ldotPatch(char ta, int alo[], int ahi[], const GlobalArray *g_a, char tb, int blo[], int bhi[]) const { return NGA_Ldot_patch(mHandle, ta, alo, ahi, g_a->mHandle, tb, blo, bhi); }
    long ldotPatch(char ta, int64_t alo[], int64_t ahi[], const GlobalArray *g_a, char tb, int64_t blo[], int64_t bhi[]) const { return NGA_Ldot_patch64(mHandle, ta, alo, ahi, g_a->mHandle, tb, blo, bhi); }
    DoubleComplex zdotPatch(char ta, int alo[], int ahi[], const GlobalArray *g_a, char tb, int blo[], int bhi[]) const { return NGA_Zdot_patch(mHandle, ta, alo, ahi, g_a->mHandle, tb, blo, bhi); }
    DoubleComplex zdotPatch(char ta, int64_t alo[], int64_t ahi[], const GlobalArray *g_a, char tb, int64_t blo[], int64_t bhi[]) const { return NGA_Zdot_patch64(mHandle, ta, alo, ahi, g_a->mHandle, tb, blo, bhi); }

    /* Matrices. */
    void dgemm(char ta, char tb, int m, int n, int k, double alpha, const GlobalArray *g_a, const GlobalArray *g_b, double beta) const { GA_Dgemm(ta, tb, m, n, k, alpha, g_a->mHandle, g_b->mHandle, beta, mHandle); }
    void dgemm(char ta, char tb, int64_t m, int64_t n, int64_t k, double alpha, const GlobalArray *g_a, const GlobalArray *g_b, double beta) const { GA_Dgemm64(ta, tb, m, n, k, alpha, g_a->mHandle, g_b->mHandle, beta, mHandle); }
    void sgemm(char ta, char tb, int m, int n, int k, float alpha, const GlobalArray *g_a, const GlobalArray *g_b, float beta) const { GA_Sgemm(ta, tb, m, n, k, alpha, g_a->mHandle, g_b->mHandle, beta, mHandle); }
    void sgemm(char ta, char tb, int64_t m, int64_t n, int64_t k, float alpha, const GlobalArray *g_a, const GlobalArray *g_b, float beta) const { GA_Sgemm64(ta, tb, m, n, k, alpha, g_a->mHandle, g_b->mHandle, beta, mHandle); }
    void zgemm(char ta, char tb, int m, int n, int k, DoubleComplex alpha, const GlobalArray *g_a, const GlobalArray *g_b, DoubleComplex beta) const { GA_Zgemm(ta, tb, m, n, k, alpha, g_a->mHandle, g_b->mHandle, beta, mHandle); }
    void zgemm(char ta, char tb, int64_t m, int64_t n, int64_t k, DoubleComplex alpha, const GlobalArray *g_a, const GlobalArray *g_b, DoubleComplex beta) const { GA_Zgemm64(ta, tb, m, n, k, alpha, g_a->mHandle, g_b->mHandle, beta, mHandle); }
    void matmulPatch(char transa, char transb, void *alpha, void *beta, const GlobalArray *g_a, int ailo, int aihi, int ajlo, int ajhi, const GlobalArray *g_b, int bilo, int bihi, int bjlo, int bjhi, int cilo, int cihi, int cjlo, int cjhi) const { GA_Matmul_patch(transa, transb, alpha, beta, g_a->mHandle, ailo, aihi, ajlo, ajhi, g_b->mHandle, bilo, bihi, bjlo, bjhi, mHandle, cilo, cihi, cjlo, cjhi); }
    void matmulPatch(char transa, char transb, void *alpha, void *beta, const GlobalArray *g_a, int64_t ailo, int64_t aihi, int64_t ajlo, int64_t ajhi, const GlobalArray *g_b, int64_t bilo, int64_t bihi, int64_t bjlo, int64_t bjhi, int64_t cilo, int64_t cihi, int64_t cjlo, int64_t cjhi) const { GA_Matmul_patch64(transa, transb, alpha, beta, g_a->mHandle, ailo, aihi, ajlo, ajhi, g_b->mHandle, bilo, bihi, bjlo, bjhi, mHandle, cilo, cihi, cjlo, cjhi); }
    void matmulPatch(char transa, char transb, void *alpha, void *beta, const GlobalArray *g_a, int *alo, int *ahi, const GlobalArray *g_b, int *blo, int *bhi, int *clo, int *chi) const { NGA_Matmul_patch(transa, transb, alpha, beta, g_a->mHandle, alo, ahi, g_b->mHandle, blo, bhi, mHandle, clo, chi); }
    void matmulPatch(char transa, char transb, void *alpha, void *beta, const GlobalArray *g_a, int64_t *alo, int64_t *ahi, const GlobalArray *g_b, int64_t *blo, int64_t *bhi, int64_t *clo, int64_t *chi) const { NGA_Matmul_patch64(transa, transb, alpha, beta, g_a->mHandle, alo, ahi, g_b->mHandle, blo, bhi, mHandle, clo, chi); }
    void transpose(const GlobalArray *g_a) const { GA_Transpose(mHandle, g_a->mHandle); }
    void symmetrize() const { GA_Symmetrize(mHandle); }
    void diag(const GlobalArray *g_s, GlobalArray *g_v, void *eval) const { GA_Diag(mHandle, g_s->mHandle, g_v->mHandle, eval); }
    void diagReuse(int control, const GlobalArray *g_s, GlobalArray *g_v, void *eval) const { GA_Diag_reuse(control, mHandle, g_s->mHandle, g_v->mHandle, eval); }
    void diagStd(GlobalArray *g_v, void *eval) const { GA_Diag_std(mHandle, g_v->mHandle, eval); }
    void diagSeq(const GlobalArray *g_s, const GlobalArray *g_v, void *eval) const { GA_Diag_seq(mHandle, g_s->mHandle, g_v->mHandle, eval); }
    void diagStdSeq(const GlobalArray *g_v, void *eval) const { GA_Diag_std_seq(mHandle, g_v->mHandle, eval); }
    int lltSolve(const GlobalArray *g_a) const { return GA_Llt_solve(g_a->mHandle, mHandle); }
    void luSolve(char trans, const GlobalArray *g_a) const { GA_Lu_solve(trans, g_a->mHandle, mHandle); }
    int solve(const GlobalArray *g_a) const { return GA_Solve(g_a->mHandle, mHandle); }
    int spdInvert() const { return GA_Spd_invert(mHandle); }
    void shiftDiagonal(void *c) const { GA_Shift_diagonal(mHandle, c); }
    void setDiagonal(const GlobalArray *g_v) const { GA_Set_diagonal(mHandle, g_v->mHandle); }
    void zeroDiagonal() const { GA_Zero_diagonal(mHandle); }
    void addDiagonal(const GlobalArray *g_v) const { GA_Add_diagonal(mHandle, g_v->mHandle); }
    void getDiagonal(const GlobalArray *g_a) const { GA_Get_diag(g_a->mHandle, mHandle); }
    void scaleRows(const GlobalArray *g_v) const { GA_Scale_rows(mHandle, g_v->mHandle); }
    void scaleCols(const GlobalArray *g_v) const { GA_Scale_cols(mHandle, g_v->mHandle); }
    void norm1(double *nm) const { GA_Norm1(mHandle, nm); }
    void normInfinity(double *nm) const { GA_Norm_infinity(mHandle, nm); }

    /* Ghost cells. */
    void updateGhosts() const { GA_Update_ghosts(mHandle); }
    void updateGhostsNb(GANbhdl *nbhandle) const { NGA_Update_ghosts_nb(mHandle, nbhandle); }
    int updateGhostDir(int dimension, int idir, int cflag) const { return NGA_Update_ghost_dir(mHandle, dimension, idir, cflag); }
    void getGhostBlock(int lo[], int hi[], void *buf, int ld[]) const { NGA_Get_ghost_block(mHandle, lo, hi, buf, ld); }
    void getGhostBlock(int64_t lo[], int64_t hi[], void *buf, int64_t ld[]) const { NGA_Get_ghost_block64(mHandle, lo, hi, buf, ld); }

private:
    int mHandle;

    void made(int handle)
    {
        if (!handle) GA_Error((char *)"GA::GlobalArray: no array was made", 0);
        mHandle = handle;
    }
    GlobalArray &operator=(const GlobalArray &);
};

inline GlobalArray *createGA(int type, int ndim, int dims[], char *arrayname, int chunk[]) { return new GlobalArray(type, ndim, dims, arrayname, chunk); }
inline GlobalArray *createGA(int type, int ndim, int dims[], char *arrayname, int block[], int maps[]) { return new GlobalArray(type, ndim, dims, arrayname, block, maps); }
inline GlobalArray *createGA(const GlobalArray *g_b, char *arrayname) { return new GlobalArray(*g_b, arrayname); }
inline GlobalArray *createGA(const GlobalArray &g_b) { return new GlobalArray(g_b); }
inline GlobalArray *createGA() { return new GlobalArray(); }
inline GlobalArray *createGA_Ghosts(int type, int ndim, int dims[], int width[], char *array_name, int chunk[]) { return new GlobalArray(type, ndim, dims, width, array_name, chunk, 'g'); }
inline GlobalArray *createGA_Ghosts(int type, int ndim, int dims[], int width[], char *array_name, int map[], int nblock[]) { return new GlobalArray(type, ndim, dims, width, array_name, map, nblock, 'g'); }
inline void brdcst(void *buf, int lenbuf, int root) { GA_Brdcst(buf, lenbuf, root); }
inline int clusterNnodes() { return GA_Cluster_nnodes(); }
inline int clusterNodeid() { return GA_Cluster_nodeid(); }
inline int clusterProcNodeid(int iproc) { return GA_Cluster_proc_nodeid(iproc); }
inline int clusterNprocs(int inode) { return GA_Cluster_nprocs(inode); }
inline int clusterProcid(int inode, int iproc) { return GA_Cluster_procid(inode, iproc); }
inline int createMutexes(int number) { return GA_Create_mutexes(number); }
inline int deregisterType(int type) { return NGA_Deregister_type(type); }
inline int destroyMutexes() { return GA_Destroy_mutexes(); }
inline void dgop(double x[], int n, char *op) { GA_Dgop(x, n, op); }
inline int duplicate(int g_a, char *array_name) { return GA_Duplicate(g_a, array_name); }
inline void error(const char *message, int code) { GA_Error((char *)message, code); }
inline void fence() { GA_Fence(); }
inline int getDebug() { return GA_Get_debug(); }
inline void gop(int x[], int n, char *op) { GA_Igop(x, n, op); }
inline void gop(long x[], int n, char *op) { GA_Lgop(x, n, op); }
inline void gop(float x[], int n, char *op) { GA_Fgop(x, n, op); }
inline void gop(double x[], int n, char *op) { GA_Dgop(x, n, op); }
inline void igop(int x[], int n, char *op) { GA_Igop(x, n, op); }
inline void initFence() { GA_Init_fence(); }
inline size_t inquireMemory() { return GA_Inquire_memory(); }
inline void lgop(long x[], int n, char *op) { GA_Lgop(x, n, op); }
inline void lock(int mutex) { GA_Lock(mutex); }
inline void maskSync(int first, int last) { GA_Mask_sync(first, last); }
inline int memoryAvailable() { return GA_Memory_avail(); }
inline int memoryLimited() { return GA_Memory_limited(); }
inline int nbTest(GANbhdl *nbhandle) { return NGA_NbTest(nbhandle); }
inline void nbWait(GANbhdl *nbhandle) { NGA_NbWait(nbhandle); }
inline int nodeid() { return GA_Nodeid(); }
inline int nodes() { return GA_Nnodes(); }
inline void printStats() { GA_Print_stats(); }
inline int registerType(size_t size) { return NGA_Register_type(size); }
inline void setDebug(int dbg) { GA_Set_debug(dbg); }
inline void setMemoryLimit(size_t limit) { GA_Set_memory_limit(limit); }
inline void summarize(int verbose) { GA_Summarize(verbose); }
inline void sync() { GA_Sync(); }
inline void unlock(int mutex) { GA_Unlock(mutex); }
inline int usesMA() { return GA_Uses_ma(); }
inline int usesFAPI() { return GA_Uses_fapi(); }
inline double wtime() { return GA_Wtime(); }

/* The same as methods. */
class GAServices {
public:
    GlobalArray *createGA(int type, int ndim, int dims[], char *arrayname, int chunk[]) { return GA::createGA(type, ndim, dims, arrayname, chunk); }
    GlobalArray *createGA(int type, int ndim, int dims[], char *arrayname, int block[], int maps[]) { return GA::createGA(type, ndim, dims, arrayname, block, maps); }
    GlobalArray *createGA(const GlobalArray *g_b, char *arrayname) { return GA::createGA(g_b, arrayname); }
    GlobalArray *createGA(const GlobalArray &g_b) { return GA::createGA(g_b); }
    GlobalArray *createGA() { return GA::createGA(); }
    GlobalArray *createGA_Ghosts(int type, int ndim, int dims[], int width[], char *array_name, int chunk[]) { return GA::createGA_Ghosts(type, ndim, dims, width, array_name, chunk); }
    GlobalArray *createGA_Ghosts(int type, int ndim, int dims[], int width[], char *array_name, int map[], int nblock[]) { return GA::createGA_Ghosts(type, ndim, dims, width, array_name, map, nblock); }
    void brdcst(void *buf, int lenbuf, int root) { GA::brdcst(buf, lenbuf, root); }
    int clusterNnodes() { return GA::clusterNnodes(); }
    int clusterNodeid() { return GA::clusterNodeid(); }
    int clusterProcNodeid(int iproc) { return GA::clusterProcNodeid(iproc); }
    int clusterNprocs(int inode) { return GA::clusterNprocs(inode); }
    int clusterProcid(int inode, int iproc) { return GA::clusterProcid(inode, iproc); }
    int createMutexes(int number) { return GA::createMutexes(number); }
    int deregisterType(int type) { return GA::deregisterType(type); }
    int destroyMutexes() { return GA::destroyMutexes(); }
    void dgop(double x[], int n, char *op) { GA::dgop(x, n, op); }
    int duplicate(int g_a, char *array_name) { return GA::duplicate(g_a, array_name); }
    void error(const char *message, int code) { GA::error(message, code); }
    void fence() { GA::fence(); }
    int getDebug() { return GA::getDebug(); }
    void gop(int x[], int n, char *op) { GA::gop(x, n, op); }
    void gop(long x[], int n, char *op) { GA::gop(x, n, op); }
    void gop(float x[], int n, char *op) { GA::gop(x, n, op); }
    void gop(double x[], int n, char *op) { GA::gop(x, n, op); }
    void igop(int x[], int n, char *op) { GA::igop(x, n, op); }
    void initFence() { GA::initFence(); }
    size_t inquireMemory() { return GA::inquireMemory(); }
    void lgop(long x[], int n, char *op) { GA::lgop(x, n, op); }
    void lock(int mutex) { GA::lock(mutex); }
    void maskSync(int first, int last) { GA::maskSync(first, last); }
    int memoryAvailable() { return GA::memoryAvailable(); }
    int memoryLimited() { return GA::memoryLimited(); }
    int nbTest(GANbhdl *nbhandle) { return GA::nbTest(nbhandle); }
    void nbWait(GANbhdl *nbhandle) { GA::nbWait(nbhandle); }
    int nodeid() { return GA::nodeid(); }
    int nodes() { return GA::nodes(); }
    void printStats() { GA::printStats(); }
    int registerType(size_t size) { return GA::registerType(size); }
    void setDebug(int dbg) { GA::setDebug(dbg); }
    void setMemoryLimit(size_t limit) { GA::setMemoryLimit(limit); }
    void summarize(int verbose) { GA::summarize(verbose); }
    void sync() { GA::sync(); }
    void unlock(int mutex) { GA::unlock(mutex); }
    int usesMA() { return GA::usesMA(); }
    int usesFAPI() { return GA::usesFAPI(); }
    double wtime() { return GA::wtime(); }
};

static GAServices SERVICES;

}

#endif
