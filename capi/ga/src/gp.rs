//! Global pointers, `gp.h`: arrays whose elements are blocks of memory of any length.
//!
//! An element is a record in a global array of a registered type: where its block begins in its owner's memory (of `ARMCI_Memget`), its length, and the owner. This file stands on
//! what the functions of `ga.h` and `armci.h` stand on.
//!
//! Invariant: a block belongs to one element at most, and is its owner's; the records of an array change by its owners only. Blocks that nobody freed go with the runtime.

use crate::bounds::listed;
use crate::fault::{Result, refuse};
use crate::guard::{Call, call};
use armci::host::blocks;
use common::{Numbered, exports};
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::sync::{Arc, Mutex, PoisonError};

/// An element's record; all zero if it has no block.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Record {
    address: u64,
    bytes: u64,
    rank: u64,
}

/// An array, with the global array that has its records.
struct Pointers {
    records: c_int,
    shape: Mutex<Vec<c_int>>,
}

/// All arrays, and the type of records, which there is while there are arrays.
static ARRAYS: Numbered<Pointers> = Numbered::new();
static KIND: Mutex<Option<c_int>> = Mutex::new(None);

fn array(handle: c_int) -> Result<Arc<Pointers>> {
    match ARRAYS.get(handle as usize) {
        Some(array) => Ok(array),
        None => refuse!("{handle} is no array of global pointers"),
    }
}

fn kind(ga: &Call) -> Result<c_int> {
    let mut kind = KIND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(kind) = *kind {
        return Ok(kind);
    }
    // SAFETY: a number is no pointer.
    let made = unsafe { ga.NGA_Register_type(size_of::<Record>()) }?;
    *kind = Some(made);
    Ok(made)
}

/// The place of an element of a box in a buffer whose rows lie as told.
fn places(extents: &[usize], ld: &[usize]) -> Vec<usize> {
    let mut list = vec![0];
    for (axis, extent) in extents.iter().enumerate() {
        let stride: usize = ld[axis..].iter().product();
        list = list.iter().flat_map(|start| (0..*extent).map(move |step| start + step * stride)).collect();
    }
    list
}

impl Pointers {
    fn axes(&self) -> usize {
        self.shape.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// A subscript that is inside.
    ///
    /// # Safety
    /// A readable number for each axis.
    unsafe fn subscript(&self, what: &str, at: *const c_int) -> Result<Vec<c_int>> {
        let shape = self.shape.lock().unwrap_or_else(PoisonError::into_inner);
        if at.is_null() {
            refuse!("{what} is a null pointer");
        }
        // SAFETY: the caller's promise.
        let list = unsafe { std::slice::from_raw_parts(at, shape.len()) };
        for (axis, (at, extent)) in list.iter().zip(&*shape).enumerate() {
            if !(0..*extent).contains(at) {
                refuse!("{what} is {}: axis {axis} goes from 0 to {}", listed(list), extent - 1);
            }
        }
        Ok(list.to_vec())
    }

    /// The records of a box, in C's order, and its extents.
    ///
    /// # Safety
    /// Bounds have a readable number for each axis.
    unsafe fn records(
        &self,
        ga: &Call,
        lo: *const c_int,
        hi: *const c_int,
    ) -> Result<(Vec<Record>, Vec<usize>)> {
        // SAFETY: the caller's promise.
        let (lo, hi) = unsafe { (self.subscript("lo", lo)?, self.subscript("hi", hi)?) };
        if let Some(axis) = (0..lo.len()).find(|axis| hi[*axis] < lo[*axis]) {
            refuse!("lo is {} and hi is {} along axis {axis}", lo[axis], hi[axis]);
        }
        let extents: Vec<usize> = lo.iter().zip(&hi).map(|(lo, hi)| (hi - lo + 1) as usize).collect();
        let ld: Vec<c_int> = extents[1..].iter().map(|extent| *extent as c_int).collect();
        let mut records = vec![Record::default(); extents.iter().product()];
        // SAFETY: a buffer of the box's records.
        unsafe {
            ga.NGA_Get(self.records, lo.as_ptr(), hi.as_ptr(), records.as_mut_ptr().cast(), ld.as_ptr())
        }?;
        Ok((records, extents))
    }

    /// The record of an element.
    ///
    /// # Safety
    /// As [`Pointers::subscript`].
    unsafe fn record(&self, ga: &Call, at: *const c_int) -> Result<Record> {
        // SAFETY: the caller's promise.
        unsafe {
            self.subscript("subscript", at)?;
            Ok(self.records(ga, at, at)?.0[0])
        }
    }

    /// Stores the record of an element of this rank's own.
    ///
    /// # Safety
    /// As [`Pointers::subscript`].
    unsafe fn store(&self, ga: &Call, at: *const c_int, record: Record) -> Result<()> {
        let rank = ga.world.rank();
        // SAFETY: the caller's promise.
        let at = unsafe { self.subscript("subscript", at) }?;
        let (lo, hi) = self.own(ga, rank)?;
        if (0..at.len()).any(|axis| at[axis] < lo[axis] || at[axis] > hi[axis]) {
            refuse!(
                "element {} is not of rank {rank}, which has {} to {}",
                listed(&at),
                listed(&lo),
                listed(&hi)
            );
        }
        let ld = vec![1; at.len()];
        // SAFETY: one record.
        unsafe {
            let record = (&raw const record).cast_mut().cast();
            ga.NGA_Put(self.records, at.as_ptr(), at.as_ptr(), record, ld.as_ptr())
        }
    }

    /// What a rank owns.
    fn own(&self, ga: &Call, rank: usize) -> Result<(Vec<c_int>, Vec<c_int>)> {
        let (mut lo, mut hi) = (vec![0; self.axes()], vec![0; self.axes()]);
        // SAFETY: a number for each axis.
        unsafe { ga.NGA_Distribution(self.records, rank as c_int, lo.as_mut_ptr(), hi.as_mut_ptr()) }?;
        Ok((lo, hi))
    }
}

impl Record {
    /// Where the block is for this rank.
    fn here(&self) -> Result<*mut c_void> {
        Ok(blocks()?.here(self.rank as usize, self.address as usize)?.cast())
    }

    /// # Safety
    /// The buffer has room for the block.
    unsafe fn fetch(&self, to: *mut c_void) -> Result<()> {
        let (rank, address, len) = (self.rank as usize, self.address as usize, self.bytes as usize);
        if len == 0 {
            return Ok(());
        }
        // SAFETY: the caller's promise; the block is its owner's.
        Ok(unsafe { blocks()?.get(rank, address, to.cast(), len) }?)
    }

    /// # Safety
    /// The buffer has the block's bytes.
    unsafe fn fill(&self, from: *const c_void) -> Result<()> {
        let (rank, address, len) = (self.rank as usize, self.address as usize, self.bytes as usize);
        if len == 0 {
            return Ok(());
        }
        // SAFETY: the caller's promise; the block is its owner's.
        Ok(unsafe { blocks()?.put(rank, address, from.cast(), len) }?)
    }
}

/// The sum of lengths, as an `int`.
fn total(records: &[Record]) -> Result<c_int> {
    let sum: u64 = records.iter().map(|record| record.bytes).sum();
    match c_int::try_from(sum) {
        Ok(sum) => Ok(sum),
        Err(_) => refuse!("{sum} bytes, which an int can't say"),
    }
}

/// Where blocks are to go or come from: pointers and lengths of a buffer each.
struct Buffers {
    pointers: *mut *mut c_void,
    lengths: *mut c_int,
}

impl Buffers {
    /// Fetches blocks to where the pointers say, or one after another into `buffer`, which the pointers are told then.
    ///
    /// # Safety
    /// Pointers and lengths have all places, buffers have room.
    unsafe fn fetch(
        &self,
        records: &[Record],
        (to_pointer, to_length): (&[usize], &[usize]),
        buffer: Option<*mut c_void>,
    ) -> Result<c_int> {
        let mut next = buffer;
        for ((record, pointer), length) in records.iter().zip(to_pointer).zip(to_length) {
            // SAFETY: the caller's promise.
            unsafe {
                let place = self.pointers.add(*pointer);
                if let Some(at) = &mut next {
                    place.write(if record.bytes > 0 { *at } else { null_mut() });
                    *at = at.cast::<u8>().add(record.bytes as usize).cast();
                }
                self.lengths.add(*length).write(record.bytes as c_int);
                record.fetch(place.read())?;
            }
        }
        total(records)
    }

    /// Stores blocks from where the pointers say. Lengths are checked if that is wanted.
    ///
    /// # Safety
    /// Pointers and lengths have all places, buffers have the blocks' bytes.
    unsafe fn store(
        &self,
        records: &[Record],
        (from_pointer, from_length): (&[usize], &[usize]),
        is_checked: bool,
    ) -> Result<c_int> {
        if is_checked {
            for (record, place) in records.iter().zip(from_length) {
                // SAFETY: the caller's promise.
                let length = unsafe { self.lengths.add(*place).read() };
                if i64::from(length) != record.bytes as i64 {
                    refuse!("a buffer of {length} bytes for an element of {}", record.bytes);
                }
            }
        }
        for (record, place) in records.iter().zip(from_pointer) {
            // SAFETY: the caller's promise.
            unsafe { record.fill(self.pointers.add(*place).read()) }?;
        }
        total(records)
    }
}

/// Rows of a buffer for a box.
///
/// # Safety
/// One readable number less than the box has axes.
unsafe fn rows(what: &str, extents: &[usize], ld: *const c_int) -> Result<Vec<usize>> {
    if extents.len() > 1 && ld.is_null() {
        refuse!("{what} is a null pointer");
    }
    let mut list = Vec::new();
    for (axis, extent) in extents.iter().skip(1).enumerate() {
        // SAFETY: the caller's promise.
        let row = unsafe { ld.add(axis).read() };
        if i64::from(row) < *extent as i64 {
            refuse!("{what}[{axis}] is {row}, and the patch has {extent} elements along axis {}", axis + 1);
        }
        list.push(row as usize);
    }
    Ok(places(extents, &list))
}

/// The records of single elements.
///
/// # Safety
/// `count` subscripts, one after another.
unsafe fn of_elements(
    ga: &Call,
    array: &Pointers,
    count: c_int,
    subscripts: *const c_int,
) -> Result<Vec<Record>> {
    let Ok(count) = usize::try_from(count) else { refuse!("{count} elements") };
    let axes = array.axes();
    // SAFETY: the caller's promise.
    (0..count).map(|number| unsafe { array.record(ga, subscripts.add(number * axes)) }).collect()
}

exports! {
    call;
    GP_Initialize() = |ga| kind(ga).map(drop);
    GP_Terminate() = |ga| {
        for array in ARRAYS.drain() {
            ga.NGA_Destroy(array.records)?;
        }
        if let Some(kind) = KIND.lock().unwrap_or_else(PoisonError::into_inner).take() {
            ga.NGA_Deregister_type(kind)?;
        }
        Ok(())
    };
    GP_Sync() = |ga| ga.NGA_Sync();
    GP_Malloc(size: usize) -> *mut c_void = |ga| Ok(blocks()?.take(size)? as *mut c_void);
    GP_Free(block: *mut c_void) = |ga| {
        if !block.is_null() && !blocks()?.give(block as usize) {
            refuse!("there is no block at {block:p}");
        }
        Ok(())
    };
    GP_Create_handle() -> c_int = |ga| {
        let records = ga.NGA_Create_handle()?;
        Ok(ARRAYS.add(Pointers { records, shape: Mutex::default() }) as c_int)
    };
    GP_Set_dimensions(g_p: c_int, axes: c_int, dims: *const c_int) = |ga| {
        let array = array(g_p)?;
        if !(1..=7).contains(&axes) || dims.is_null() {
            refuse!("{axes} axes, and there may be 1 to 7");
        }
        ga.NGA_Set_data(array.records, axes, dims, kind(ga)?)?;
        *array.shape.lock().unwrap_or_else(PoisonError::into_inner) = std::slice::from_raw_parts(dims, axes as usize).to_vec();
        Ok(())
    };
    GP_Set_chunk(g_p: c_int, chunk: *const c_int) = |ga| ga.NGA_Set_chunk(array(g_p)?.records, chunk);
    GP_Allocate(g_p: c_int) -> c_int = |ga| {
        let array = array(g_p)?;
        let is_made = ga.NGA_Allocate(array.records)?;
        if is_made != 0 {
            ga.NGA_Zero(array.records)?;
        }
        Ok(is_made)
    };
    GP_Destroy(g_p: c_int) -> c_int = |ga| {
        let array = array(g_p)?;
        ga.NGA_Destroy(array.records)?;
        ARRAYS.take(g_p as usize);
        Ok(1)
    };
    GP_Get_dimension(g_p: c_int) -> c_int = |ga| Ok(array(g_p)?.axes() as c_int);
    GP_Distribution(g_p: c_int, rank: c_int, lo: *mut c_int, hi: *mut c_int) = |ga| ga.NGA_Distribution(array(g_p)?.records, rank, lo, hi);
    GP_Debug(g_p: c_int) = |ga| {
        let array = array(g_p)?;
        let (lo, hi) = array.own(ga, ga.world.rank())?;
        let records = if lo[0] > hi[0] || lo[0] < 0 { Vec::new() } else { array.records(ga, lo.as_ptr(), hi.as_ptr())?.0 };
        let blocks = records.iter().filter(|record| record.address > 0).count();
        let (lo, hi) = (listed(&lo), listed(&hi));
        eprintln!("rank {}: GP {g_p}: {lo} to {hi}, {blocks} elements with {} bytes", ga.world.rank(), total(&records)?);
        Ok(())
    };
    GP_Assign_local_element(g_p: c_int, subscript: *const c_int, block: *mut c_void, size: c_int) = |ga| {
        if size < 0 || (block.is_null() && size > 0) {
            refuse!("a block of {size} bytes at {block:p}");
        }
        let rank = ga.world.rank();
        array(g_p)?.store(ga, subscript, Record { address: block as u64, bytes: size as u64, rank: rank as u64 })
    };
    GP_Free_local_element(g_p: c_int, subscript: *const c_int) -> *mut c_void = |ga| {
        let array = array(g_p)?;
        let record = array.record(ga, subscript)?;
        array.store(ga, subscript, Record::default())?;
        Ok(record.address as usize as *mut c_void)
    };
    // As in the original a block is seen in place, or not at all: one of another node has no place here.
    GP_Access_element(g_p: c_int, subscript: *const c_int, block: *mut *mut c_void, size: *mut c_int) = |ga| {
        let array = array(g_p)?;
        let record = array.record(ga, subscript)?;
        if record.address > 0 && ga.nodes.of(record.rank as c_int) != ga.nodes.of(ga.world.rank() as c_int) {
            let element = listed(&array.subscript("subscript", subscript)?);
            refuse!("element {element} is rank {}'s, on another node: GP_Get copies it", record.rank);
        }
        block.write(if record.address > 0 { record.here()? } else { null_mut() });
        size.write(record.bytes as c_int);
        Ok(())
    };
    GP_Release_element(g_p: c_int, subscript: *const c_int) = |ga| array(g_p)?.subscript("subscript", subscript).map(drop);
    GP_Release_update_element(g_p: c_int, subscript: *const c_int) = |ga| array(g_p)?.subscript("subscript", subscript).map(drop);
    GP_Memzero(g_p: c_int) = |ga| {
        let array = array(g_p)?;
        ga.NGA_Sync()?;
        let (lo, hi) = array.own(ga, ga.world.rank())?;
        if lo[0] >= 0 && lo[0] <= hi[0] {
            for record in array.records(ga, lo.as_ptr(), hi.as_ptr())?.0.iter().filter(|record| record.bytes > 0) {
                record.fill(vec![0u8; record.bytes as usize].as_ptr().cast())?;
            }
        }
        ga.NGA_Sync()
    };
    GP_Get_size(g_p: c_int, lo: *const c_int, hi: *const c_int, size: *mut c_int) = |ga| {
        size.write(total(&array(g_p)?.records(ga, lo, hi)?.0)?);
        Ok(())
    };
    GP_Get(g_p: c_int, lo: *const c_int, hi: *const c_int, buf: *mut c_void, pointers: *mut *mut c_void, ld: *const c_int, lengths: *mut c_void, ld_lengths: *const c_int, size: *mut c_int, sets_pointers: c_int) = |ga| {
        let (records, extents) = array(g_p)?.records(ga, lo, hi)?;
        let places = (rows("ld", &extents, ld)?, rows("ld_sz", &extents, ld_lengths)?);
        let buffers = Buffers { pointers, lengths: lengths.cast() };
        size.write(buffers.fetch(&records, (&places.0, &places.1), (sets_pointers != 0).then_some(buf))?);
        Ok(())
    };
    GP_Put(g_p: c_int, lo: *const c_int, hi: *const c_int, pointers: *mut *mut c_void, ld: *const c_int, lengths: *mut c_void, ld_lengths: *const c_int, size: *mut c_int, checks: c_int) = |ga| {
        let (records, extents) = array(g_p)?.records(ga, lo, hi)?;
        let places = (rows("ld", &extents, ld)?, rows("ld_sz", &extents, ld_lengths)?);
        let buffers = Buffers { pointers, lengths: lengths.cast() };
        size.write(buffers.store(&records, (&places.0, &places.1), checks != 0)?);
        Ok(())
    };
    GP_Gather_size(g_p: c_int, count: c_int, subscripts: *const c_int, size: *mut c_int) = |ga| {
        size.write(total(&of_elements(ga, &*array(g_p)?, count, subscripts)?)?);
        Ok(())
    };
    GP_Gather(g_p: c_int, count: c_int, subscripts: *const c_int, buf: *mut c_void, pointers: *mut *mut c_void, lengths: *mut c_int, size: *mut c_int, sets_pointers: c_int) = |ga| {
        let records = of_elements(ga, &*array(g_p)?, count, subscripts)?;
        let places: Vec<usize> = (0..records.len()).collect();
        size.write(Buffers { pointers, lengths }.fetch(&records, (&places, &places), (sets_pointers != 0).then_some(buf))?);
        Ok(())
    };
    GP_Scatter(g_p: c_int, count: c_int, subscripts: *const c_int, pointers: *mut *mut c_void, lengths: *mut c_int, size: *mut c_int, checks: c_int) = |ga| {
        let records = of_elements(ga, &*array(g_p)?, count, subscripts)?;
        let places: Vec<usize> = (0..records.len()).collect();
        size.write(Buffers { pointers, lengths }.store(&records, (&places, &places), checks != 0)?);
        Ok(())
    };
}
