//! Index arrays and masks of few elements: what they name is copied or written when asked, under the condition of the
//! module above.

use super::{FEW, Room, are_few, elements, first, fresh, is_quiet, place_of, room, written};
use crate::algo::{Pick, by_size};
use crate::array::{Array, Operand};
use crate::dtype::DType;
use crate::error::Result;
use crate::kernels::Slot;
use crate::record::{Arg, Node};
use crate::status;
use crate::view::{Dims, View};
use bytemuck::Pod;
use smallvec::SmallVec;
use std::sync::Arc;

/// Elements in a row in memory that outlives a call, or in room of the call's own.
pub(super) struct Row {
    ptr: *const u8,
    _own: Option<Room>,
}

impl Row {
    /// The elements that a view of a stored value shows, as elements of this type; `None` if they aren't here, or not few.
    pub(super) fn of(node: &Node, view: &View, dtype: DType) -> Option<Row> {
        Row::at(node.home()?, node.dtype, view, dtype)
    }

    /// As [`Row::of`], of a value of type `from` that begins there.
    pub(super) fn at(home: *mut u8, from: DType, view: &View, dtype: DType) -> Option<Row> {
        if view.size() > FEW || !is_quiet(from, dtype) {
            return None;
        }
        let ptr = first(home, view, from);
        if from == dtype && view.is_contiguous() && ptr.addr().is_multiple_of(dtype.size_bytes().min(8)) {
            return Some(Row { ptr, _own: None });
        }
        let mut own = room(view.size(), dtype);
        let to = own.as_mut_ptr().cast();
        // SAFETY: the view shows elements of the stored value; there is room for them; the conversion is quiet.
        let _quiet = unsafe { elements(ptr, view, from, dtype, to) };
        Some(Row { ptr: to, _own: Some(own) })
    }

    /// An array's elements, as they are.
    fn of_array(array: &Array) -> Option<Row> {
        if array.lens.is_some() {
            return None;
        }
        Row::at(array.cell.home()?, array.cell.dtype, &array.view, array.cell.dtype)
    }

    /// # Safety
    /// There are so many elements of this type, which nobody writes meanwhile.
    pub(super) unsafe fn bytes(&self, len: usize, dtype: DType) -> &[u8] {
        // SAFETY: the caller's promise.
        unsafe { self.slice(len * dtype.size_bytes()) }
    }

    /// # Safety
    /// There are so many elements of this type, which nobody writes meanwhile.
    pub(super) unsafe fn slice<T: Pod>(&self, len: usize) -> &[T] {
        // SAFETY: the caller's promise; rows are aligned to their elements (looked at in `of`, and rooms are).
        if len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(self.ptr.cast(), len) } }
    }
}

/// The index arrays of a pick as rows of 64-bit numbers.
fn numbers(pick: &Pick) -> Option<SmallVec<[(Row, usize); 2]>> {
    let all = pick.indices.iter().map(|one| match &one.value {
        Arg::Node(node, view) => Some((Row::of(node, view, DType::I64)?, view.size())),
        Arg::Const(_) => None,
    });
    all.collect()
}

/// One index array of 64-bit numbers on an array of one axis: the numbers, how many, and where the axis begins.
struct Line {
    numbers: Row,
    len: usize,
    extent: i64,
    offset: isize,
    stride: isize,
}

impl Line {
    /// `None` if it isn't so, or an index is outside.
    fn of(array: &Array, index: &Array) -> Option<Line> {
        let (len, view) = (index.size(), &array.view);
        if view.ndim() != 1 || array.lens.is_some() || index.dtype() != DType::I64 || !are_few(len) {
            return None;
        }
        let numbers = Row::of_array(index)?;
        let extent = view.shape[0] as i64;
        // SAFETY: a row of so many numbers, read in this thread's turn.
        let all = unsafe { numbers.slice::<i64>(len) };
        let are_inside = all.iter().fold(true, |all, &i| all & (i >= -extent) & (i < extent));
        are_inside.then_some(Line { numbers, len, extent, offset: view.offset, stride: view.strides[0] })
    }

    /// The places that the numbers name, in elements.
    fn places(&self) -> impl Iterator<Item = isize> {
        // SAFETY: as in `of`; they are written by operations of this process in their turn only, and this is one, which writes to
        // new memory or to what has no other reference.
        let all = unsafe { self.numbers.slice::<i64>(self.len) };
        all.iter().map(|&i| self.offset + (if i < 0 { i + self.extent } else { i }) as isize * self.stride)
    }
}

/// `array[index]` of one axis.
pub(in crate::array) fn taken(array: &Array, index: &Array) -> Result<Option<Array>> {
    let Some(line) = Line::of(array, index) else { return Ok(None) };
    let Some(from) = array.cell.home() else { return Ok(None) };
    let dtype = array.dtype();
    let out = fresh(line.len, dtype)?;
    by_size!(dtype, take(from, out.base(0), &line));
    Ok(Some(Array::of_own(SmallVec::from_slice(index.shape()), dtype, out)))
}

fn take<T: Pod>(from: *const u8, to: *mut u8, line: &Line) {
    let (from, to) = (from.cast::<T>(), to.cast::<T>());
    for (k, place) in line.places().enumerate() {
        // SAFETY: the indices are inside; the new buffer has room for as many elements and is aligned for them.
        unsafe { to.add(k).write(from.offset(place).read_unaligned()) };
    }
}

/// `array[index] = value` of one axis: a number, or as many elements of the array's type, or one. False if nothing was done.
pub(in crate::array) fn put(array: &Array, index: &Array, value: Operand<'_>) -> Result<bool> {
    let Some(line) = Line::of(array, index) else { return Ok(false) };
    let dtype = array.dtype();
    let many = match value {
        Operand::Scalar(_) => None,
        Operand::Array(a) if a.dtype() == dtype && a.shape() == index.shape() => Some(a),
        Operand::Array(_) => return Ok(false),
    };
    // What is read is kept where it is: a copy is written to if it is the same.
    let is_same = |a: &&Array| Arc::ptr_eq(&a.cell, &array.cell);
    let _kept = [Some(index), many].into_iter().flatten().any(|a| is_same(&a)).then(|| array.cell.get());
    let values = match (many, value) {
        (Some(many), _) => Row::of_array(many).map(|row| Values::Row(row, dtype.size_bytes())),
        (None, Operand::Scalar(x)) => Some(Values::Number(status::converted(x, x.assigned(dtype)?).bytes())),
        _ => None,
    };
    let Some(values) = values else { return Ok(false) };
    let Some(place) = place_of(&array.cell)? else { return Ok(false) };
    by_size!(dtype, put_all(values.slot(many.is_none()), place.ptr, &line));
    written(&array.cell, place);
    Ok(true)
}

fn put_all<T: Pod>(from: Slot, to: *mut u8, line: &Line) {
    let to = to.cast::<T>();
    for (k, place) in line.places().enumerate() {
        // SAFETY: the indices are inside the value, whose memory is aligned; there is a value for each element.
        unsafe { to.offset(place).write(from.ptr.add(k * from.step).cast::<T>().read_unaligned()) };
    }
}

/// `array[pick]`
pub(in crate::array) fn gathered(array: &Array, pick: &Pick) -> Result<Option<Array>> {
    let shape = pick.shape();
    let len = shape.iter().product();
    let Some(from) = array.cell.home() else { return Ok(None) };
    if array.lens.is_some() || !are_few(len) {
        return Ok(None);
    }
    let Some(numbers) = numbers(pick) else { return Ok(None) };
    let dtype = array.dtype();
    let out = fresh(len, dtype)?;
    by_size!(dtype, gather(from, out.base(0), pick, &numbers))?;
    Ok(Some(Array::of_own(shape, dtype, out)))
}

fn gather<T: Pod>(from: *const u8, to: *mut u8, pick: &Pick, numbers: &[(Row, usize)]) -> Result<()> {
    let (from, to) = (from.cast::<T>(), to.cast::<T>());
    each(pick, numbers, |at, first, step, len| {
        for k in 0..len {
            // SAFETY: places of the pick are inside the stored value; the new buffer has room for its elements and is aligned.
            unsafe { to.add(at + k).write(from.offset(first + step * k as isize).read_unaligned()) };
        }
    })
}

/// The runs of a pick, once all indices are known to be inside.
#[inline]
fn each(pick: &Pick, numbers: &[(Row, usize)], each: impl FnMut(usize, isize, isize, usize)) -> Result<()> {
    // SAFETY: rows of so many numbers (`numbers`). They are written by operations of this process in their turn only, and this
    // is one, which writes to new memory or to what no index array has.
    let all: SmallVec<[&[i64]; 2]> = numbers.iter().map(|(row, len)| unsafe { row.slice(*len) }).collect();
    pick.each(&all, each)
}

/// `array[pick] = value`, one for all if `is_one`. False if nothing was done.
pub(in crate::array) fn scattered(array: &Array, pick: &Pick, value: &Arg, is_one: bool) -> Result<bool> {
    let dtype = array.dtype();
    let len = pick.shape().iter().product();
    if array.lens.is_some() || !are_few(len) {
        return Ok(false);
    }
    let (Some(values), Some(numbers)) = (Values::of(value, dtype), numbers(pick)) else { return Ok(false) };
    // (Whose elements are read besides has more references, so that a copy is written to.)
    let Some(place) = place_of(&array.cell)? else { return Ok(false) };
    by_size!(dtype, scatter(values.slot(is_one), place.ptr, pick, &numbers))?;
    written(&array.cell, place);
    Ok(true)
}

fn scatter<T: Pod>(from: Slot, to: *mut u8, pick: &Pick, numbers: &[(Row, usize)]) -> Result<()> {
    let to = to.cast::<T>();
    each(pick, numbers, |at, first, step, len| {
        for k in 0..len {
            // SAFETY: places of the pick are inside the value, whose memory is aligned; there is a value for each element.
            unsafe {
                let value = from.ptr.add((at + k) * from.step).cast::<T>().read_unaligned();
                to.offset(first + step * k as isize).write(value);
            }
        }
    })
}

/// What is to be assigned, as elements of the type they get.
enum Values {
    Number([u8; 16]),
    Row(Row, usize),
}

impl Values {
    fn of(value: &Arg, dtype: DType) -> Option<Values> {
        match value {
            Arg::Const(x) => Some(Values::Number(x.cast(dtype).bytes())),
            Arg::Node(node, view) => Some(Values::Row(Row::of(node, view, dtype)?, dtype.size_bytes())),
        }
    }

    /// The first, and bytes to the next.
    fn slot(&self, is_one: bool) -> Slot {
        match self {
            Values::Number(bytes) => Slot { ptr: bytes.as_ptr().cast_mut(), step: 0 },
            Values::Row(row, size) => Slot { ptr: row.ptr.cast_mut(), step: if is_one { 0 } else { *size } },
        }
    }
}

/// The elements of `values`, or the flat indices if there are none, where a mask of their shape holds.
pub(in crate::array) fn compressed(values: Option<&Array>, mask: &Array) -> Result<Option<Array>> {
    let len = mask.size();
    if !are_few(len) || mask.dtype() != DType::Bool {
        return Ok(None);
    }
    let Some(holds) = Row::of_array(mask) else { return Ok(None) };
    // SAFETY: a row of so many bytes, read in this thread's turn.
    let holds = unsafe { holds.slice::<u8>(len) };
    let total = holds.iter().map(|&b| usize::from(b != 0)).sum();
    let dtype = values.map_or(DType::I64, Array::dtype);
    let shape: Dims = SmallVec::from_slice(&[total]);
    let Some(values) = values else {
        let out = fresh(total, DType::I64)?;
        let to = out.base(0).cast::<i64>();
        let found = holds.iter().enumerate().filter(|(_, b)| **b != 0);
        // SAFETY: the new buffer has room for as many as hold and is aligned for them.
        found.enumerate().for_each(|(k, (i, _))| unsafe { to.add(k).write(i as i64) });
        return Ok(Some(Array::of_own(shape, dtype, out)));
    };
    let Some(row) = Row::of_array(values) else { return Ok(None) };
    let out = fresh(total, dtype)?;
    by_size!(dtype, compress(&row, holds, out.base(0), total));
    Ok(Some(Array::of_own(shape, dtype, out)))
}

fn compress<T: Pod>(row: &Row, holds: &[u8], to: *mut u8, total: usize) {
    // SAFETY: a row of as many elements as the mask has, read in this thread's turn.
    let values = unsafe { row.slice::<T>(holds.len()) };
    // Writes all and keeps those that hold, up to the last of them: no branch that a processor might guess wrongly.
    let mut next = 0;
    for (&value, &b) in values.iter().zip(holds) {
        if next == total {
            break;
        }
        // SAFETY: the new buffer has room for `total` elements and is aligned for them.
        unsafe { to.cast::<T>().add(next).write(value) };
        next += usize::from(b != 0);
    }
}

/// `array[mask] = value`, one for all. False if nothing was done.
pub(in crate::array) fn filled_where(array: &Array, mask: &Array, value: &Arg) -> Result<bool> {
    let (len, dtype) = (mask.size(), array.dtype());
    if array.lens.is_some() || !array.view.is_contiguous() || !are_few(len) {
        return Ok(false);
    }
    // (A mask that overlaps what it says of would change on the way.)
    let is_same = Arc::ptr_eq(&array.cell, &mask.cell);
    if is_same && mask.view.offset != array.view.offset {
        return Ok(false);
    }
    let (Some(holds), Some(values)) = (Row::of_array(mask), Values::of(value, dtype)) else {
        return Ok(false);
    };
    let Some(place) = place_of(&array.cell)? else { return Ok(false) };
    by_size!(dtype, fill(values.slot(true), first(place.ptr, &array.view, dtype), &holds, len));
    written(&array.cell, place);
    Ok(true)
}

fn fill<T: Pod>(from: Slot, to: *mut u8, holds: &Row, len: usize) {
    let to = to.cast::<T>();
    for i in 0..len {
        // SAFETY: rows of `len` elements, of the mask and of the array, whose memory is aligned; `from` has one.
        unsafe {
            if holds.ptr.add(i).read() != 0 {
                to.add(i).write(from.ptr.cast::<T>().read_unaligned());
            }
        }
    }
}

/// Arrays of one type and of as many axes each, joined along one of them in C order.
pub(in crate::array) fn joined(arrays: &[&Array], axis: usize) -> Result<Option<Array>> {
    let (Some(one), total) = (arrays.first(), arrays.iter().map(|a| a.size()).sum()) else { return Ok(None) };
    let dtype = one.dtype();
    let fits = |a: &&Array| a.dtype() == dtype && a.view.is_c_ordered();
    if !are_few(total) || !arrays.iter().all(fits) {
        return Ok(None);
    }
    let rows: Option<SmallVec<[Row; 4]>> = arrays.iter().map(|a| Row::of_array(a)).collect();
    let Some(rows) = rows else { return Ok(None) };
    let mut shape: Dims = SmallVec::from_slice(one.shape());
    shape[axis] = arrays.iter().map(|a| a.shape()[axis]).sum();
    let size = dtype.size_bytes();
    let out = fresh(total, dtype)?;
    let mut to = out.base(0);
    for outer in 0..shape[..axis].iter().product() {
        for (row, array) in rows.iter().zip(arrays) {
            let bytes = array.shape()[axis..].iter().product::<usize>() * size;
            // SAFETY: the row has `bytes` for each place of the outer axes, the new buffer room for all.
            unsafe { std::ptr::copy_nonoverlapping(row.ptr.add(outer * bytes), to, bytes) };
            to = to.wrapping_add(bytes);
        }
    }
    Ok(Some(Array::of_own(shape, dtype, out)))
}
