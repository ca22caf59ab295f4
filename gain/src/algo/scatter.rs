//! `ufunc.at`: elements of an array changed in place, once for each time that an index names them.
//!
//! The rank that owns an index sends it to the owner of the element; changes are made in the order of the indices.

use super::rows::{Visit, element, visit};
use super::{REFUSED, agreed, by_size, told};
use crate::dtype::DType;
use crate::error::Result;
use crate::kernels::flags::{self, Report};
use crate::kernels::lanes::conjure;
use crate::kernels::{Kernel, Operands, Slot, cast, reports, table};
use crate::ops::{Loop, Op};
use crate::record::{Arg, Node};
use crate::session;
use crate::stage::{Reads, Room, Run, Spread, Stage};
use bytemuck::Pod;
use std::ops::Range;
use std::sync::Arc;

/// The elements of `base` (of this shape and type) after `base[i] = op(base[i], value)` for each flat index and value
/// (one of each, or no values for an operation of one input). All indices are inside.
pub(crate) fn scatter(
    op: &Loop,
    base: Arg,
    shape: &[usize],
    dtype: DType,
    indices: Arg,
    values: Option<Arg>,
    count: usize,
) -> Result<Arc<Node>> {
    let mut found = 0;
    let mut stage = Stage::new("at")
        .reads(base, shape, dtype, Reads::All)
        .reads(indices, &[count], DType::I64, Reads::Own)
        .writes(shape, dtype, Spread::Usual);
    let second = values.as_ref().map(|_| op.inputs[1]);
    if let (Some(values), Some(dtype)) = (values, second) {
        stage = stage.reads(values, &[count], dtype, Reads::All);
    }
    let made = stage.run(|room, runs| {
        let run = &mut runs[0];
        by_size!(dtype, copy(room, run))?;
        let mut change = Change::new(op, dtype);
        let bytes = by_size!(dtype, bytes_of(run));
        apply(room, second, bytes.0, bytes.1, &mut change)?;
        found = agreed(room, change.found())?;
        Ok(())
    })?;
    told(op.op.name(), found)?;
    Ok(made.into_iter().next().expect("one result"))
}

fn copy<T: Pod>(room: &Room<'_>, run: &mut Run<'_>) -> Result<()> {
    let range = run.range();
    run.elements::<T>().copy_from_slice(&room.at::<T>(0, range)?);
    Ok(())
}

fn bytes_of<'a, T: Pod>(run: &'a mut Run<'_>) -> (Range<usize>, &'a mut [u8]) {
    (run.range(), bytemuck::cast_slice_mut(run.elements::<T>()))
}

fn bytes_at<T: Pod>(room: &Room<'_>, k: usize, range: Range<usize>) -> Result<Vec<u8>> {
    Ok(bytemuck::cast_slice(&room.at::<T>(k, range)?).to_vec())
}

/// Changes the elements of a rank's run, `range` of the flat index.
fn apply(
    room: &Room<'_>,
    second: Option<DType>,
    range: Range<usize>,
    run: &mut [u8],
    change: &mut Change,
) -> Result<()> {
    let mine = room.range(1);
    let indices = room.own::<i64>(1);
    let is_spread =
        room.is_shared() && (0..session::get().size).any(|rank| room.range_of(1, rank) != (0..room.len(1)));
    if !is_spread {
        return match second {
            Some(dtype) => by_size!(dtype, apply_here(room, mine, indices, range, run, change)),
            None => {
                change.elements(run, range.start, indices, &[], 0);
                Ok(())
            }
        };
    }
    let values = match second {
        Some(dtype) => by_size!(dtype, bytes_at(room, 2, mine.clone()))?,
        None => Vec::new(),
    };
    let item = second.map_or(0, DType::size_bytes);
    let ends = room.everybodys(&[range.start as u64, range.end as u64])?;
    let mut sent: Vec<(Vec<i64>, Vec<u8>)> = vec![Default::default(); ends.len()];
    for (k, &i) in indices.iter().enumerate() {
        for (to, ends) in sent.iter_mut().zip(&ends) {
            if (ends[0]..ends[1]).contains(&(i as u64)) {
                to.0.push(i);
                to.1.extend_from_slice(&values[k * item..][..item]);
            }
        }
    }
    let (indices, values): (Vec<_>, Vec<_>) = sent.into_iter().unzip();
    let indices = room.exchange(indices)?;
    let values = room.exchange(values)?;
    for (indices, values) in indices.iter().zip(&values) {
        change.elements(run, range.start, indices, values, item);
    }
    Ok(())
}

/// Changes elements by values that are here.
fn apply_here<T: Pod>(
    room: &Room<'_>,
    mine: Range<usize>,
    indices: &[i64],
    range: Range<usize>,
    run: &mut [u8],
    change: &mut Change,
) -> Result<()> {
    let values = room.at::<T>(2, mine)?;
    change.elements(run, range.start, indices, bytemuck::cast_slice(&values), size_of::<T>());
    Ok(())
}

/// The operation on elements and values of one type: those of the indices that lie in a run that begins at the number.
type Quick = fn(run: &mut [u8], start: usize, indices: &[i64], values: &[u8]);

fn quick<T: Pod>(op: Op, dtype: DType) -> Option<Quick> {
    struct Scatter;
    impl<T: Pod> Visit<T> for Scatter {
        type Out = Quick;
        fn visit<E: Copy + 'static, F: Fn(E, E) -> E + Copy + Sync>(self, _combine: F) -> Quick {
            |run, start, indices, values| {
                // SAFETY: there was one: the one that `visit` was given.
                let combine = unsafe { conjure::<F>() };
                let run: &mut [T] = bytemuck::cast_slice_mut(run);
                let value = |bytes: &[u8]| element::<T, E>(&bytemuck::pod_read_unaligned(bytes));
                for (&i, bytes) in indices.iter().zip(values.chunks_exact(size_of::<T>())) {
                    if let Some(place) = run.get_mut((i as usize).wrapping_sub(start)) {
                        *place = element(&combine(element(place), value(bytes)));
                    }
                }
            }
        }
    }
    visit::<T, _>(op, dtype, Scatter)
}

/// The operation on one element, from the array's type and back.
struct Change {
    /// Does it all, where there is one.
    quick: Option<Quick>,
    kernel: Kernel,
    report: Report,
    item: usize,
    to: Option<Kernel>,
    from: Option<Kernel>,
    found: u8,
    refused: u8,
}

impl Change {
    fn new(op: &Loop, dtype: DType) -> Change {
        let report = reports::of(op);
        flags::clear();
        let between = |from: DType, to: DType| (from != to).then(|| cast::kernel(from, to));
        let is_plain = op.op.inputs() == 2 && op.inputs[..2] == [dtype; 2] && op.outputs[0] == dtype;
        let quick = if is_plain { by_size!(dtype, quick(op.op, dtype)) } else { None };
        // The processor's flags tell of what is no kernel.
        let report = if quick.is_some() && !matches!(report, Report::Never) { Report::Exact } else { report };
        Change {
            quick,
            kernel: table::kernel(op),
            report,
            item: dtype.size_bytes(),
            to: between(dtype, op.inputs[0]),
            from: between(op.outputs[0], dtype),
            found: 0,
            refused: 0,
        }
    }

    fn found(&self) -> u64 {
        let exact = if matches!(self.report, Report::Exact) { flags::read() } else { 0 };
        u64::from(self.found | exact) | if self.refused != 0 { REFUSED } else { 0 }
    }

    /// Changes those elements of a run from `start` on that the indices name, by values of `item` bytes.
    fn elements(&mut self, run: &mut [u8], start: usize, indices: &[i64], values: &[u8], item: usize) {
        if let Some(quick) = self.quick {
            return quick(run, start, indices, values);
        }
        let range = start..start + run.len() / self.item;
        for (k, &i) in indices.iter().enumerate().filter(|(_, i)| range.contains(&(**i as usize))) {
            self.element(run, i as usize - start, &values[k * item..][..item]);
        }
    }

    /// Changes element `i` of a run.
    fn element(&mut self, run: &mut [u8], i: usize, value: &[u8]) {
        let element = &mut run[i * self.item..][..self.item];
        // Room for one element of any type: before, value, after.
        let mut rooms = [[0u64; 2]; 3];
        let [first, second, result] = &mut rooms;
        bytemuck::bytes_of_mut(second)[..value.len()].copy_from_slice(value);
        let slots = [
            Slot::row(&raw mut self.refused),
            Slot::row(element.as_mut_ptr()),
            Slot::row(first.as_mut_ptr().cast()),
            Slot::row(second.as_mut_ptr().cast()),
            Slot::row(result.as_mut_ptr().cast()),
        ];
        let operands =
            |dst, src: [u16; 2]| Operands { dst: [dst, 0], src: [src[0], src[1], 0, 0, 0, 0, 0, 0] };
        let input = if self.to.is_some() { 2 } else { 1 };
        let output = if self.from.is_some() { 4 } else { 1 };
        let main = operands(output, [input, 3]);
        // SAFETY: each slot is good for one element of the type that the kernels have there: the array's, the inputs' and the
        // output's; outputs lie apart, or exactly on an input.
        unsafe {
            if let Some(to) = self.to {
                to(1, slots.as_ptr(), &operands(2, [1, 1]));
            }
            if let Some(check) = self.report.check() {
                self.found |= check(1, slots.as_ptr(), &main);
            }
            (self.kernel)(1, slots.as_ptr(), &main);
            if let Some(from) = self.from {
                from(1, slots.as_ptr(), &operands(1, [4, 4]));
            }
        }
    }
}
