//! `ufunc.at`: elements of an array changed in place, once for each time that index arrays name them.
//!
//! Each element is changed in the order of the indices. Where there are few elements and the order is free, each thread and each
//! rank first combines the values of its share. Else a rank changes the elements that it owns, by values that the others send.

use super::pick::{PIECE, Pick, Places, share_of, threads};
use super::rows::{Visit, element, visit};
use super::tally::Column;
use super::{Cells, REFUSED, agreed, by_size, told};
use crate::dtype::{Category, DType, Scalar, category};
use crate::error::Result;
use crate::exec::pool;
use crate::kernels::flags::{self, Report};
use crate::kernels::lanes::conjure;
use crate::kernels::{Kernel, Operands, Slot, cast, reports, table};
use crate::lock;
use crate::ops::{Loop, Op};
use crate::record::{Arg, Node};
use crate::session;
use crate::stage::{Reads, Room, Run, Stage};
use bytemuck::Pod;
use std::ops::Range;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// The value of the variable that has `base`, of this type, after `x = op(x, value)` for each element that `pick` names: with
/// a value for each, with one for all (so says the flag), or with none for an operation of one input. In place if nobody else
/// has it. Exceptions are told of by `name`. Collective.
pub(crate) fn scatter(
    op: &Loop,
    name: &'static str,
    base: Arc<Node>,
    dtype: DType,
    pick: &Pick,
    values: Option<(Arg, bool)>,
) -> Result<Arc<Node>> {
    let (mut found, shape) = (0, pick.shape());
    let second = values.as_ref().map(|_| op.inputs[1]);
    let is_one = values.as_ref().is_some_and(|(_, is_one)| *is_one);
    let mut stage = Stage::new("at").changes(base);
    if let (Some((values, is_one)), Some(dtype)) = (values, second) {
        stage = stage.reads(values, if is_one { &[1] } else { &shape }, dtype, Reads::All);
    }
    let change = Change { op, dtype, pick, second, is_one };
    let made = pick.declare(stage).foreseen().run(|room, runs| {
        let bits = by_size!(dtype, apply(&change, room, &mut runs[0]))?;
        found = agreed(room, bits)?;
        Ok(())
    })?;
    pick.check_if_foreseen(&made)?;
    told(name, found)?;
    Ok(made.into_iter().next().expect("one result"))
}

/// What is to be done.
struct Change<'a> {
    op: &'a Loop,
    /// The type of the array, and that of the values.
    dtype: DType,
    pick: &'a Pick,
    second: Option<DType>,
    is_one: bool,
}

fn apply<T: Pod + Send + Sync>(change: &Change<'_>, room: &Room<'_>, run: &mut Run<'_>) -> Result<u64> {
    let &Change { op, dtype, pick, second, is_one } = change;
    let (total, len) = (pick.shape().iter().product::<usize>(), run.range().len());
    let is_plain = second == Some(dtype) && op.inputs[0] == dtype && op.outputs[0] == dtype;
    let quick = if is_plain { quick::<T>(op.op, dtype) } else { None };
    let neutral = quick.and_then(|_| neutral(op.op, dtype)).filter(|_| {
        // Elements of its own must be worth it, for each thread.
        !run.is_shared() && total > PIECE && total / 4 >= len
    });
    let is_split = run.is_shared() || neutral.is_some() && room.is_shared();
    let share = if is_split { share_of(total) } else { 0..total };
    let places = pick.places(room, usize::from(second.is_some()), &share)?;
    let given = if is_one { 0..1 } else { share.clone() };
    let Some(quick) = quick else {
        let values = second.map(|dtype| Column::of(room, 0, dtype, given)).transpose()?;
        return one_by_one::<T>(change, room, run, &places, share, values.as_ref());
    };
    let values = room.at::<T>(0, given)?;
    let values = |range: Range<usize>| match is_one {
        true => &values[..1],
        false => &values[range.start - share.start..range.end - share.start],
    };
    let watch = Watch::new(op);
    if run.is_shared() {
        let mut sent: Vec<(Vec<isize>, Vec<T>)> = vec![Default::default(); session::get().size];
        places.windows(share.clone(), |at, window| {
            let values = values(at..at + window.len());
            for (k, &place) in window.iter().enumerate() {
                let to = &mut sent[run.owner(place as usize)];
                to.0.push(place);
                to.1.push(if is_one { values[0] } else { values[k] });
            }
        });
        let (places, values): (Vec<_>, Vec<_>) = sent.into_iter().unzip();
        let (places, values) = (room.exchange(places)?, room.exchange(values)?);
        let start = run.range().start as isize;
        watch.during(|| {
            for (places, values) in places.iter().zip(&values).filter(|(places, _)| !places.is_empty()) {
                quick(run.elements(), start, places, values);
            }
        });
        return Ok(watch.found());
    }
    let threads = threads(total);
    if let Some(neutral) = neutral {
        let parts: Mutex<Vec<(usize, Vec<T>)>> = Mutex::default();
        pool::split(threads, threads, &|part| {
            let bound = |part: usize| share.start + share.len() * part / threads;
            let mut mine = vec![neutral; len];
            watch.during(|| {
                places.windows(bound(part)..bound(part + 1), |at, window| {
                    quick(&mut mine, 0, window, values(at..at + window.len()));
                });
            });
            lock(&parts).push((part, mine));
        });
        let mut parts = parts.into_inner().unwrap_or_default();
        parts.sort_by_key(|(part, _)| *part);
        let all: Vec<isize> = (0..len as isize).collect();
        watch.during(|| -> Result<()> {
            let mut parts = parts.into_iter().map(|(_, part)| part);
            let mut sum = parts.next().unwrap_or_default();
            parts.for_each(|part| quick(&mut sum, 0, &all, &part));
            let sums = if is_split { room.everybodys(&sum)? } else { vec![sum] };
            sums.iter().for_each(|sum| quick(run.elements(), 0, &all, sum));
            Ok(())
        })?;
        return Ok(watch.found());
    }
    // Each thread has some of the elements, and looks at all places.
    let elements = Cells::of(run.elements::<T>());
    pool::split(threads, threads, &|part| {
        let (from, to) = (len * part / threads, len * (part + 1) / threads);
        // SAFETY: the parts are apart, and together the elements.
        let elements = unsafe { std::slice::from_raw_parts_mut(elements.at(from), to - from) };
        watch.during(|| {
            places.windows(share.clone(), |at, window| {
                quick(elements, from as isize, window, values(at..at + window.len()));
            });
        });
    });
    Ok(watch.found())
}

/// What changes nothing.
fn neutral<T: Pod>(op: Op, dtype: DType) -> Option<T> {
    let start = match (op.identity(dtype)?, category(dtype)) {
        // (The sum of it and -0.0 is -0.0.)
        (_, Category::Float | Category::Complex) if op == Op::Add => match dtype {
            DType::C64 | DType::C128 => -Scalar::zero(dtype).as_c128(),
            _ => (-0.0).into(),
        },
        (start, _) => return Some(bytemuck::pod_read_unaligned(&start.bytes()[..size_of::<T>()])),
    };
    let start = Scalar::C128(start).cast(dtype);
    Some(bytemuck::pod_read_unaligned(&start.bytes()[..size_of::<T>()]))
}

/// Exceptions that the processor's flags tell of, on whatever thread.
struct Watch {
    is_needed: bool,
    found: AtomicU8,
}

impl Watch {
    fn new(op: &Loop) -> Watch {
        Watch { is_needed: !matches!(reports::of(op), Report::Never), found: AtomicU8::new(0) }
    }

    fn during<R>(&self, work: impl FnOnce() -> R) -> R {
        if !self.is_needed {
            return work();
        }
        flags::clear();
        let done = work();
        self.found.fetch_or(flags::read(), Relaxed);
        done
    }

    fn found(self) -> u64 {
        u64::from(self.found.into_inner())
    }
}

/// The operation on elements and values of one type: those of the places that lie in a part that begins at the number. There
/// is a value for each place, or one for all.
type Quick<T> = fn(part: &mut [T], start: isize, places: &[isize], values: &[T]);

fn quick<T: Pod>(op: Op, dtype: DType) -> Option<Quick<T>> {
    struct Scatter;
    impl<T: Pod> Visit<T> for Scatter {
        type Out = Quick<T>;
        fn visit<E: Copy + 'static, F: Fn(E, E) -> E + Copy + Sync>(self, _combine: F) -> Quick<T> {
            |part, start, places, values| {
                // SAFETY: there was one: the one that `visit` was given.
                let combine = unsafe { conjure::<F>() };
                let mut change = |place: isize, value: &T| {
                    if let Some(x) = part.get_mut((place - start) as usize) {
                        *x = element(&combine(element(x), element(value)));
                    }
                };
                match values {
                    [value] => places.iter().for_each(|&place| change(place, value)),
                    values => places.iter().zip(values).for_each(|(&place, value)| change(place, value)),
                }
            }
        }
    }
    visit::<T, _>(op, dtype, Scatter)
}

/// Changes elements by the operation's kernel.
fn one_by_one<T: Pod + Send + Sync>(
    change: &Change<'_>,
    room: &Room<'_>,
    run: &mut Run<'_>,
    places: &Places<'_>,
    share: Range<usize>,
    values: Option<&Column<'_>>,
) -> Result<u64> {
    let mut each = Each::new(change.op, change.dtype);
    let item = change.second.map_or(0, DType::size_bytes);
    let bytes = values.map_or(&[][..], Column::bytes);
    let value = |at: usize| &bytes[if change.is_one { 0 } else { (at - share.start) * item }..][..item];
    let start = run.range().start;
    if !run.is_shared() {
        let elements: &mut [u8] = bytemuck::cast_slice_mut(run.elements::<T>());
        places.windows(share.clone(), |at, window| {
            for (k, &place) in window.iter().enumerate() {
                each.element(elements, place as usize, value(at + k));
            }
        });
        return Ok(each.found());
    }
    let mut sent: Vec<(Vec<isize>, Vec<u8>)> = vec![Default::default(); session::get().size];
    places.windows(share.clone(), |at, window| {
        for (k, &place) in window.iter().enumerate() {
            let to = &mut sent[run.owner(place as usize)];
            to.0.push(place);
            to.1.extend_from_slice(value(at + k));
        }
    });
    let (places, values): (Vec<_>, Vec<_>) = sent.into_iter().unzip();
    let (places, values) = (room.exchange(places)?, room.exchange(values)?);
    let elements: &mut [u8] = bytemuck::cast_slice_mut(run.elements::<T>());
    for (places, values) in places.iter().zip(&values) {
        for (k, &place) in places.iter().enumerate() {
            each.element(elements, place as usize - start, &values[k * item..][..item]);
        }
    }
    Ok(each.found())
}

/// The operation on one element, from the array's type and back.
struct Each {
    kernel: Kernel,
    report: Report,
    item: usize,
    to: Option<Kernel>,
    from: Option<Kernel>,
    found: u8,
    refused: u8,
}

impl Each {
    fn new(op: &Loop, dtype: DType) -> Each {
        flags::clear();
        let between = |from: DType, to: DType| (from != to).then(|| cast::kernel(from, to));
        Each {
            kernel: table::kernel(op),
            report: reports::of(op),
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
