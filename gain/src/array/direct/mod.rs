//! Few elements: computed when asked for, by a call of a kernel, without a lazy node, a plan or a pass.
//!
//! Every function here has the same condition: at most [`FEW`] elements (and no more than the threshold, so that the
//! result is replicated), operands that are stored in memory of this process's own, and on several ranks nothing that may
//! have to raise: of that all ranks decide together, and what is stored one of them may know alone. Types, shapes, order of axes,
//! numbers and floating-point exceptions are those of what would be recorded otherwise; where a function gives nothing,
//! that has to be done. An operand that isn't a row of elements of the loop's type, or one element, is packed first.

pub(super) mod bins;
mod element;
pub(super) mod fft;
pub(super) mod pick;
pub(super) mod sort;

use super::{Array, Operand};
use crate::dtype::{DType, Scalar};
use crate::error::Result;
use crate::exec;
use crate::kernels::Slot;
use crate::kernels::copy::{self, Walk};
use crate::memory::{Memory, Storage};
use crate::ops::Loop;
use crate::record::{Arg, Cell, Node};
use crate::session;
use crate::status::{self, site};
use crate::view::{Dims, Layout, View, broadcast_shapes, order};
use smallvec::SmallVec;
use std::sync::Arc;

/// So many elements cost less than a record of what is to be done with them.
const FEW: usize = 2048;

fn are_few(len: usize) -> bool {
    let session = session::get();
    len <= FEW && len <= session.threshold && (session.size == 1 || !site::current().policy.raises())
}

/// Room for elements, aligned for each type.
type Room = Vec<u128>;

fn room(len: usize, dtype: DType) -> Room {
    Vec::with_capacity((len * dtype.size_bytes()).div_ceil(16))
}

/// Memory for so many elements of a new array.
#[inline]
fn fresh(len: usize, dtype: DType) -> Result<Memory> {
    Memory::private(len * dtype.size_bytes())
}

/// The first element that a view shows of a value that begins there.
#[inline]
pub(super) fn first(home: *mut u8, view: &View, dtype: DType) -> *mut u8 {
    home.wrapping_offset(view.offset * dtype.size_bytes() as isize)
}

/// Whether elements of one type become those of another without any exception.
fn is_quiet(from: DType, to: DType) -> bool {
    from == to || !exec::cast_has_exceptions(from, to)
}

/// Whether elements may become those of another type here: on several ranks without any exception.
fn may_become(from: DType, to: DType) -> bool {
    is_quiet(from, to) || session::get().size == 1
}

/// Most inputs of an operation.
const MOST: usize = 4;

/// Elements of the loop's type in a row, or one of them with a step of 0.
type Input = (*const u8, usize);

/// How the arrays among the operands lie.
enum Lie<'a> {
    /// In rows of the loop's types, all of this shape; or they are single elements.
    Rows(&'a [usize]),
    /// Otherwise.
    Anyhow,
    /// Not here, or they are too large.
    Elsewhere,
}

impl<'a> Lie<'a> {
    /// Looks, and puts down where rows begin.
    #[inline]
    fn of(op: &Loop, operands: &[Operand<'a>], inputs: &mut [Input; MOST]) -> Lie<'a> {
        let (mut shape, mut size): (&[usize], usize) = (&[], 1);
        let mut are_rows = true;
        for ((operand, &dtype), input) in operands.iter().zip(&op.inputs).zip(inputs) {
            let Operand::Array(a) = *operand else { continue };
            let (view, own) = (&a.view, a.cell.dtype);
            let own_size = view.size();
            let home = if a.lens.is_none() { a.cell.home() } else { None };
            let Some(home) = home.filter(|_| own_size <= FEW) else { return Lie::Elsewhere };
            *input = (first(home, view, own), if own_size == 1 { 0 } else { own.size_bytes() });
            let is_longer = view.shape.len() > shape.len();
            are_rows &= own == dtype && (own_size == 1 || view.is_contiguous());
            if own_size == 1 && (size != 1 || !is_longer) {
                are_rows &= !is_longer;
            } else if size == 1 && view.shape.len() >= shape.len() {
                (shape, size) = (&view.shape, own_size);
            } else {
                are_rows &= view.shape[..] == *shape;
            }
        }
        if are_rows { Lie::Rows(shape) } else { Lie::Anyhow }
    }
}

/// One operation with one output.
#[inline]
pub(super) fn operation(op: &Loop, operands: &[Operand<'_>]) -> Result<Option<Array>> {
    if op.op.outputs() != 1 || operands.len() > MOST {
        return Ok(None);
    }
    let mut inputs = [(std::ptr::null(), 0); MOST];
    match Lie::of(op, operands, &mut inputs) {
        Lie::Rows(shape) => {
            let len = shape.iter().product();
            if !are_few(len) {
                return Ok(None);
            }
            // SAFETY: single elements and rows of `len` elements of the loop's types in buffers of the operands, whose
            // variables keep their values, since it is this thread's turn.
            let out = unsafe { computed(op, operands, inputs, len) }?;
            Ok(Some(Array::of_own(SmallVec::from_slice(shape), op.outputs[0], out)))
        }
        Lie::Anyhow => packed(op, operands, inputs),
        Lie::Elsewhere => Ok(None),
    }
}

/// The results for `len` elements; inputs that are numbers are put in their places.
///
/// # Safety
/// The other inputs are such elements as this says, and nobody writes them meanwhile.
#[inline]
unsafe fn computed(
    op: &Loop,
    operands: &[Operand<'_>],
    mut inputs: [Input; MOST],
    len: usize,
) -> Result<Memory> {
    let mut numbers = [[0; 16]; MOST];
    for (i, operand) in operands.iter().enumerate() {
        if let Operand::Scalar(x) = *operand {
            numbers[i] = status::converted(x, x.convert(op.inputs[i])?).bytes();
            inputs[i] = (numbers[i].as_ptr(), 0);
        }
    }
    let out = fresh(len, op.outputs[0])?;
    if len == 0 {
        return Ok(out);
    }
    // SAFETY: the caller's promise, and `numbers`; the output is new memory for `len` elements. Replicated memory is
    // written by operations of this process only.
    let found = unsafe { exec::apply(op, len, &inputs[..operands.len()], &[out.base(0)]) }?;
    if found != 0 {
        status::raised(op.op.name(), found);
    }
    Ok(out)
}

/// The same where operands have to be broadcast, packed or converted first; `inputs` are their first elements.
#[inline(never)]
fn packed(op: &Loop, operands: &[Operand<'_>], mut inputs: [Input; MOST]) -> Result<Option<Array>> {
    let shapes: SmallVec<[&[usize]; 4]> = operands.iter().map(Operand::shape).collect();
    let shape = broadcast_shapes(&shapes)?;
    let len = shape.iter().product();
    let views: SmallVec<[&View; 4]> = operands.iter().filter_map(Operand::view).collect();
    let mut types = operands.iter().zip(op.inputs);
    if !are_few(len) || !types.all(|(o, to)| o.array().is_none_or(|a| is_quiet(a.cell.dtype, to))) {
        return Ok(None);
    }
    let are_c = views.iter().all(|view| view.is_c_ordered());
    let axes = if are_c { None } else { order::of_result(Layout::K, shape.len(), &views) };
    // What inputs point to, until the call is over.
    let mut rooms: SmallVec<[Room; 2]> = SmallVec::new();
    for (i, array) in operands.iter().map(Operand::array).enumerate() {
        let Some(a) = array else { continue };
        let (from, to) = (a.cell.dtype, op.inputs[i]);
        let count = if inputs[i].1 == 0 { 1 } else { len };
        let is_row = count == 1 || axes.is_none() && a.view.shape == shape && a.view.is_contiguous();
        if !is_row {
            let view = a.view.broadcast_to(&shape)?;
            let view = if let Some(axes) = &axes { view.permute(axes) } else { view };
            let mut packed = room(len, from);
            // SAFETY: the view shows elements of the stored value from there on; there is room for all of them.
            unsafe { pack(inputs[i].0, &view, from, packed.as_mut_ptr().cast()) };
            inputs[i].0 = packed.as_ptr().cast();
            rooms.push(packed);
        }
        if from != to {
            status::converts(from, to);
            let mut converted = room(count, to);
            // SAFETY: `count` elements lie in a row there; there is room for as many.
            unsafe { exec::convert(from, to, count, inputs[i].0, converted.as_mut_ptr().cast()) };
            inputs[i] = (converted.as_ptr().cast(), if count == 1 { 0 } else { to.size_bytes() });
            rooms.push(converted);
        }
    }
    // SAFETY: as in `operation`, or in `rooms`.
    let out = unsafe { computed(op, operands, inputs, len) }?;
    let dtype = op.outputs[0];
    Ok(Some(match axes {
        None => Array::of_own(shape, dtype, out),
        Some(axes) => {
            let turned: Dims = axes.iter().map(|&axis| shape[axis]).collect();
            Array::of_own(turned, dtype, out).in_order(&axes)
        }
    }))
}

/// An array that is the same number everywhere.
pub(super) fn filled(shape: &[usize], x: Scalar) -> Result<Option<Array>> {
    let len = shape.iter().product();
    if !are_few(len) {
        return Ok(None);
    }
    let (dtype, bytes) = (x.dtype(), x.bytes());
    let out = fresh(len, dtype)?;
    if bytes == [0; 16] {
        // SAFETY: the new memory has room for as many bytes.
        unsafe { out.base(0).write_bytes(0, len * dtype.size_bytes()) };
    } else {
        let to = View { offset: 0, shape: SmallVec::from_slice(&[len]), strides: SmallVec::from_slice(&[1]) };
        // SAFETY: the new memory has room for `len` elements.
        unsafe { unpack(Slot { ptr: bytes.as_ptr().cast_mut(), step: 0 }, out.base(0), &to, dtype) };
    }
    Ok(Some(Array::of_own(SmallVec::from_slice(shape), dtype, out)))
}

/// The coordinates along an axis.
pub(super) fn coordinates(shape: &[usize], axis: usize) -> Result<Option<Array>> {
    let len = shape.iter().product();
    if !are_few(len) {
        return Ok(None);
    }
    let out = fresh(len, DType::I64)?;
    let inner: usize = shape[axis + 1..].iter().product();
    let (mut to, end) = (out.base(0).cast::<i64>(), out.base(0).cast::<i64>().wrapping_add(len));
    while to < end {
        for at in 0..shape[axis] {
            for _ in 0..inner {
                // SAFETY: the new buffer has room for `len` numbers, which is a multiple of what is written between the looks at
                // its end, and is aligned for them.
                unsafe { to.write(at as i64) };
                to = to.wrapping_add(1);
            }
        }
    }
    Ok(Some(Array::of_own(SmallVec::from_slice(shape), DType::I64, out)))
}

/// `first`, and so on by `step`, each from its number: as a product and a sum are rounded.
pub(super) fn ramp(len: usize, first: Scalar, step: Scalar) -> Result<Option<Array>> {
    if !are_few(len) {
        return Ok(None);
    }
    let dtype = first.dtype();
    let (mut integers, mut floats) = (None, None);
    match (first, step) {
        (Scalar::I64(first), Scalar::I64(step)) => integers = Some((first, step)),
        (Scalar::F64(first), Scalar::F64(step)) if first.is_finite() && step.is_finite() => {
            floats = Some((first, step));
        }
        _ => return Ok(None),
    }
    let out = fresh(len, dtype)?;
    for i in 0..len {
        let at = out.base(0).wrapping_add(8 * i);
        // SAFETY: the new buffer has room for `len` numbers and is aligned for them.
        unsafe {
            if let Some((first, step)) = integers {
                at.cast::<i64>().write(first.wrapping_add(step.wrapping_mul(i as i64)));
            } else if let Some((first, step)) = floats {
                at.cast::<f64>().write(first + step * i as f64);
            }
        }
    }
    Ok(Some(Array::of_own(SmallVec::from_slice(&[len]), dtype, out)))
}

/// A copy of an array with elements of this type, its axes in memory in this order. What others may have as it is can be
/// shared instead: that isn't done here.
pub(super) fn copied(array: &Array, dtype: DType, order: Option<&[usize]>) -> Option<Array> {
    let (len, own) = (array.view.size(), array.cell.dtype);
    if array.lens.is_some() || !are_few(len) || !may_become(own, dtype) {
        return None;
    }
    let from = first(array.cell.home()?, &array.view, own);
    let is_shared = || {
        let is_whole = |node: &Arc<Node>| array.view.shape == node.shape && array.view.is_whole(len);
        array.cell.peek_known(is_whole).unwrap_or(false)
    };
    if own == dtype && order.is_none() && is_shared() {
        return None;
    }
    let out = fresh(len, dtype).ok()?;
    status::converts(own, dtype);
    let turned;
    let view = match order {
        None => &array.view,
        Some(order) => {
            turned = array.view.permute(order);
            &turned
        }
    };
    // SAFETY: the view shows elements of memory that the variable keeps, since it is this thread's turn; the new one has room
    // for as many.
    unsafe {
        if own == dtype && view.is_contiguous() {
            std::ptr::copy_nonoverlapping(from, out.base(0), len * dtype.size_bytes());
        } else {
            cast_raised(elements(from, view, own, dtype, out.base(0)));
        }
    }
    let made = Array::of_own(view.shape.clone(), dtype, out);
    Some(match order {
        None => made,
        Some(order) => made.in_order(order),
    })
}

/// The elements of an array in C order into `out`, which has room for them. False if nothing was done.
pub(super) fn read(array: &Array, out: &mut [u8]) -> bool {
    let (view, dtype) = (&array.view, array.cell.dtype);
    let is_aligned = out.as_ptr().addr().is_multiple_of(dtype.size_bytes().min(8));
    if array.lens.is_some() || !is_aligned || view.size() > FEW {
        return false;
    }
    let Some(home) = array.cell.home() else { return false };
    // SAFETY: the view shows elements of memory that the variable keeps, since it is this thread's turn; `out` has their size
    // (looked at by the caller) and is borrowed by nobody else.
    unsafe { pack(first(home, view, dtype), view, dtype, out.as_mut_ptr()) };
    true
}

/// The one element of an array, if it is here.
pub(super) fn item(array: &Array) -> Option<Scalar> {
    if array.lens.is_some() { None } else { element(&array.cell, array.view.offset) }
}

/// An element of a variable, if it is here. The caller has seen that there is one at this place.
#[inline]
fn element(cell: &Cell, place: isize) -> Option<Scalar> {
    let size = cell.dtype.size_bytes();
    let from = cell.home()?.wrapping_offset(place * size as isize);
    let mut bytes = [0; 16];
    // SAFETY: an element of memory that the variable keeps, of 16 bytes at most. Operations of this process write it in their
    // turn only, and this is one; who else has open memory may at any time, as NumPy's.
    unsafe { std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), size) };
    Some(Scalar::from_bytes(cell.dtype, &bytes[..size]))
}

/// The elements of a variable that `region` shows become those of `value`. In their place if nobody else needs the old
/// ones. False if nothing was done.
pub(super) fn assign(cell: &Cell, region: &View, value: &Arg) -> Result<bool> {
    let (len, dtype) = (region.size(), cell.dtype);
    if !are_few(len) {
        return Ok(false);
    }
    let number;
    let mut found = 0;
    let mut packed = Room::new();
    let from = match value {
        Arg::Const(x) => {
            number = x.cast(dtype).bytes();
            Slot { ptr: number.as_ptr().cast_mut(), step: 0 }
        }
        Arg::Node(node, view) => match node.home() {
            Some(home) if may_become(node.dtype, dtype) => {
                let ptr = first(home, view, node.dtype);
                if node.dtype == dtype && view.is_contiguous() {
                    Slot::row(ptr)
                } else {
                    packed = room(len, dtype);
                    let to = packed.as_mut_ptr().cast();
                    // SAFETY: the view shows elements of a stored value that `value` keeps; there is room for them.
                    found = unsafe { elements(ptr, view, node.dtype, dtype, to) };
                    Slot::row(to)
                }
            }
            _ => return Ok(false),
        },
    };
    let Some(place) = place_of(cell)? else { return Ok(false) };
    cast_raised(found);
    // SAFETY: the region is inside the value, of which the place has the size. Nobody reads what is overwritten, and what is
    // written lies elsewhere: in `number`, in `packed`, or in another value.
    unsafe { unpack(from, first(place.ptr, region, dtype), region, dtype) };
    drop(packed);
    written(cell, place);
    Ok(true)
}

/// Where elements of a variable are overwritten: known to the variable alone, or a new value.
struct Place {
    ptr: *mut u8,
    copy: Option<Arc<Node>>,
}

/// The place for a variable's elements, which are in a copy if somebody else needs the old ones. `None` if they aren't here, or
/// are too many; what others see is written by the rules of open memory.
fn place_of(cell: &Cell) -> Result<Option<Place>> {
    if let Some(ptr) = cell.home_alone() {
        return Ok(Some(Place { ptr, copy: None }));
    }
    let base = cell.get();
    let Some(old) = base.home().filter(|_| !base.is_open() && base.len() <= FEW) else { return Ok(None) };
    let size = base.dtype.size_bytes();
    let copy = Storage::replicated(base.len(), size)?;
    let ptr = copy.local();
    // SAFETY: both have so many elements, and one is new; it is this thread's turn.
    unsafe { std::ptr::copy_nonoverlapping(old, ptr, base.len() * size) };
    Ok(Some(Place { ptr, copy: Some(Node::stored(base.shape.clone(), base.dtype, copy)) }))
}

/// The place has the variable's elements now.
fn written(cell: &Cell, place: Place) {
    match place.copy {
        None => cell.mark_changed(),
        Some(copy) => cell.set(copy),
    }
}

/// Writes the elements that a view shows from `from` on, converted, in a row. Returns the floating-point exceptions.
///
/// # Safety
/// The view shows elements there; there is room for them at `to`, which is elsewhere.
unsafe fn elements(from: *const u8, view: &View, own: DType, dtype: DType, to: *mut u8) -> u8 {
    // SAFETY: passed on; the room between is as large as need be.
    unsafe {
        if own == dtype {
            pack(from, view, own, to);
            return 0;
        }
        let mut packed = room(view.size(), own);
        pack(from, view, own, packed.as_mut_ptr().cast());
        exec::convert(own, dtype, view.size(), packed.as_ptr().cast(), to)
    }
}

/// Tells of exceptions of a conversion.
fn cast_raised(found: u8) {
    if found != 0 {
        status::raised("cast", found);
    }
}

/// Writes the elements that a view shows from `from` on in a row.
///
/// # Safety
/// As [`elements`].
unsafe fn pack(from: *const u8, view: &View, dtype: DType, mut to: *mut u8) {
    let size = dtype.size_bytes();
    planes(view, size, |at, strides, [rows, columns]| {
        let walk = Walk { ptr: from.cast_mut().wrapping_offset(at), strides };
        // SAFETY: passed on; planes follow each other.
        unsafe { copy::gather(size, walk, to, rows, columns) };
        to = to.wrapping_add(rows * columns * size);
    });
}

/// Writes elements in a row, or one for all, to where a view shows them from `to` on.
///
/// # Safety
/// The elements are readable, the view shows writable memory there, which is elsewhere.
unsafe fn unpack(mut from: Slot, to: *mut u8, view: &View, dtype: DType) {
    let size = dtype.size_bytes();
    planes(view, size, |at, strides, [rows, columns]| {
        let walk = Walk { ptr: to.wrapping_offset(at), strides };
        // SAFETY: passed on; planes follow each other.
        unsafe { copy::scatter(size, from, walk, rows, columns) };
        if from.step != 0 {
            from.ptr = from.ptr.wrapping_add(rows * columns * size);
        }
    });
}

/// The planes of a view's last two axes, in C order: bytes from the view's first element to the plane's, strides, extents.
fn planes(view: &View, size: usize, mut work: impl FnMut(isize, [isize; 2], [usize; 2])) {
    if view.shape.contains(&0) {
        return;
    }
    let bytes = |step: isize| step * size as isize;
    let outer = view.ndim().saturating_sub(2);
    let (strides, extents) = match (&view.strides[outer..], &view.shape[outer..]) {
        _ if view.is_contiguous() => return work(0, [0, bytes(1)], [1, view.size()]),
        (&[row, column], &[rows, columns]) => ([bytes(row), bytes(column)], [rows, columns]),
        (&[column], &[columns]) => ([0, bytes(column)], [1, columns]),
        _ => ([0, 0], [1, 1]),
    };
    let mut at: Dims = SmallVec::from_elem(0, outer);
    loop {
        work(bytes(view.dot(&at)), strides, extents);
        let Some(axis) = (0..outer).rev().find(|&axis| at[axis] + 1 < view.shape[axis]) else { return };
        at[axis] += 1;
        at[axis + 1..].fill(0);
    }
}
