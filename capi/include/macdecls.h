/* MA, the memory allocator of Global Arrays: a heap and a stack in one arena.
 *
 * Functions return MA_TRUE, or MA_FALSE after a message on standard error; MA_set_hard_fail(MA_TRUE) makes every mistake
 * end the job, MA_set_error_print(MA_FALSE) silences messages. A block has a handle; its elements are at the pointer of
 * MA_get_pointer, or at MA_get_mbase(type)[index].
 */
#ifndef _macdecls_h
#define _macdecls_h

#include "macommon.h"
#include "matypes.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MT_CHAR     MT_C_CHAR
#define MT_INT      MT_C_INT
#define MT_LONGINT  MT_C_LONGINT
#define MT_LONGLONG MT_C_LONGLONG
#define MT_REAL     MT_C_FLOAT
#define MT_DBL      MT_C_DBL
#define MT_LDBL     MT_C_LDBL
#define MT_SCPL     MT_C_SCPL
#define MT_DCPL     MT_C_DCPL
#define MT_LDCPL    MT_C_LDCPL
#define MT_C_FIRST  MT_CHAR
#define MT_C_LAST   MT_LDCPL

/* The arena: room for so many elements of one type in the stack and in the heap. Either may grow into the other's part. */
extern Boolean MA_init(MA_Integer datatype, MA_Integer nominal_stack, MA_Integer nominal_heap);
extern Boolean MA_initialized(void);

/* Blocks in the heap, freed in any order. A name is for messages. */
extern Boolean MA_allocate_heap(MA_Integer datatype, MA_Integer nelem, const char *name, MA_Integer *memhandle);
extern Boolean MA_alloc_get(MA_Integer datatype, MA_Integer nelem, const char *name, MA_Integer *memhandle, MA_AccessIndex *index);
extern Boolean MA_free_heap(MA_Integer memhandle);
extern Boolean MA_free_heap_piece(MA_Integer memhandle, MA_Integer nelem);

/* Blocks on the stack: pop takes the last one, chop a block and all that were pushed after it. */
extern Boolean MA_push_stack(MA_Integer datatype, MA_Integer nelem, const char *name, MA_Integer *memhandle);
extern Boolean MA_push_get(MA_Integer datatype, MA_Integer nelem, const char *name, MA_Integer *memhandle, MA_AccessIndex *index);
extern Boolean MA_pop_stack(MA_Integer memhandle);
extern Boolean MA_chop_stack(MA_Integer memhandle);

/* pointer is the address of a pointer. */
extern Boolean MA_get_pointer(MA_Integer memhandle, void *pointer);
extern Boolean MA_get_index(MA_Integer memhandle, MA_AccessIndex *index);
extern Pointer MA_get_mbase(MA_Integer datatype);
/* All live blocks, one by one; MA_FALSE after the last. */
extern Boolean MA_init_memhandle_iterator(MA_Integer *ithandle);
extern Boolean MA_get_next_memhandle(MA_Integer *ithandle, MA_Integer *memhandle);

/* How many elements one more block could have; the parts told to MA_init count unless the name says no_partition. */
extern MA_Integer MA_inquire_avail(MA_Integer datatype);
extern MA_Integer MA_inquire_heap(MA_Integer datatype);
extern MA_Integer MA_inquire_heap_check_stack(MA_Integer datatype);
extern MA_Integer MA_inquire_heap_no_partition(MA_Integer datatype);
extern MA_Integer MA_inquire_stack(MA_Integer datatype);
extern MA_Integer MA_inquire_stack_check_heap(MA_Integer datatype);
extern MA_Integer MA_inquire_stack_no_partition(MA_Integer datatype);

/* How many elements of a type hold so many of another; the most that a block needs beyond its elements. */
extern MA_Integer MA_sizeof(MA_Integer datatype1, MA_Integer nelem1, MA_Integer datatype2);
extern MA_Integer MA_sizeof_overhead(MA_Integer datatype);

/* Switches; those that return something return what they were before. Alignment is 2 to the power of value bytes. */
extern Boolean MA_set_auto_verify(Boolean value);
extern Boolean MA_set_error_print(Boolean value);
extern Boolean MA_set_hard_fail(Boolean value);
extern Boolean MA_set_numalign(MA_Integer value);
extern Boolean MA_get_numalign(MA_Integer *value);
extern void MA_trace(Boolean value);

/* Looks whether anything wrote beyond its block. */
extern Boolean MA_verify_allocator_stuff(void);
extern void MA_summarize_allocated_blocks(void);
extern void MA_print_stats(Boolean printroutines);

/* What is called with a text and a code instead of ending the job; the second takes that back. */
#ifdef __cplusplus
extern void MA_set_error_callback(void (*func)(...));
#else
extern void MA_set_error_callback(void (*func)());
#endif
extern void ma_set_error_callback(void);

/* What indices count from. */
extern char ma_cb_char[];
extern int ma_cb_int[];
extern long ma_cb_long[];
extern long long ma_cb_longlong[];
extern float ma_cb_float[];
extern double ma_cb_dbl[];
extern MA_LongDouble ma_cb_ldbl[];
extern MA_SingleComplex ma_cb_scpl[];
extern MA_DoubleComplex ma_cb_dcpl[];
extern MA_LongDoubleComplex ma_cb_ldcpl[];

#ifdef __cplusplus
}
#endif

#endif
