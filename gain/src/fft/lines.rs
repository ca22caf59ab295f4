//! Lines that one rank has as wholes: rows, or columns of which a tile is turned into rows and back.

use super::long::{self, Strided};
use super::plans::{self, Halved, Plan, Unfolded, Whole};
use super::turn::turn;
use super::{Lines, Part, Real, Transform, Turned};
use crate::algo::Cells;
use crate::dtype::DType;
use crate::exec::pool;
use crate::memory::Blocks;
use crate::session;
use bytemuck::{Pod, Zeroable};
use rustfft::num_complex::Complex;
use std::any::TypeId;

/// Fewer elements are not worth waking a thread for.
const SERIAL: usize = 1 << 13;

/// Elements of rows, or of columns, that are transformed together; columns at least.
const ROWS: usize = 1 << 12;
const TILE: usize = 1 << 13;

/// Bytes of a row of a tile of columns at least: a line of the cache.
const LINE_BYTES: usize = 64;

/// Elements between the columns of a tile, so that they don't all want the same places in the cache: where they would.
const APART: usize = 8;
const ALIKE: usize = 256;

/// Whether each rank has whole lines of such blocks.
pub(crate) fn is_local(blocks: Blocks, lines: Lines) -> bool {
    let plane = (lines.n * lines.inner).max(1);
    !blocks.is_distributed() || (0..=blocks.count()).all(|rank| blocks.start(rank).is_multiple_of(plane))
}

/// Lengths whose plans and lines are no little thing.
const LONG: usize = 1 << 15;

/// How many bytes the plan of long lines takes at most, and what threads have of these; of lengths with large factors both are
/// those of a longer transform. Of others 0.
pub(super) fn needs(transform: &Transform, lines: Lines, to: DType) -> usize {
    if transform.n < LONG {
        return 0;
    }
    let complex = if matches!(to, DType::F32 | DType::C64) { 8 } else { 16 };
    let of_thread = if lines.inner == 1 { 4 * complex } else { 4 * complex + 2 * LINE_BYTES };
    transform.n * (6 * complex + of_thread * session::get().threads)
}

/// How many complex numbers of room lines need that are transformed one after the other, by all threads; 0 if they aren't.
pub(super) fn room_for(transform: &Transform, lines: usize) -> usize {
    let session = session::get();
    let are_few = lines / session.size.max(1) < session.threads;
    long::room_for(transform, are_few)
}

/// Complex transforms.
pub(super) fn complex<T: Real, I: Part<T>>(
    transform: &Transform,
    from: &[I],
    lines: Lines,
    to: &mut [Complex<T>],
    spare: &mut [Complex<T>],
    turned: Option<Turned>,
) where
    Complex<T>: Pod,
{
    if !spare.is_empty() && turned.is_none() {
        return each_line(transform, from, lines, to, |from, to| long::complex(transform, from, to, spare));
    }
    let plan = Whole(plans::complex(transform.n, transform.is_inverse));
    let roots = turned.map(|turned| (plans::roots(turned.n, transform.is_inverse), turned.first));
    all(&plan, transform, from, lines, to, I::widen, |line, row: &mut [Complex<T>]| match &roots {
        Some((roots, first)) => roots.turn(row, first + line, transform.scale),
        None => scale::<T, _>(row, transform.scale),
    });
}

/// Transforms of real elements.
pub(super) fn from_real<T: Real>(
    transform: &Transform,
    from: &[T],
    lines: Lines,
    to: &mut [Complex<T>],
    spare: &mut [Complex<T>],
    _turned: Option<Turned>,
) where
    Complex<T>: Pod,
{
    if !spare.is_empty() {
        return each_line(transform, from, lines, to, |from, to| long::from_real(transform, from, to, spare));
    }
    all(
        &Halved::of(transform),
        transform,
        from,
        lines,
        to,
        |x| x,
        |_, row| scale::<T, _>(row, transform.scale),
    );
}

/// Transforms to real elements.
pub(super) fn to_real<T: Real>(
    transform: &Transform,
    from: &[Complex<T>],
    lines: Lines,
    to: &mut [T],
    spare: &mut [Complex<T>],
    _turned: Option<Turned>,
) where
    Complex<T>: Pod,
{
    if !spare.is_empty() {
        return each_line(transform, from, lines, to, |from, to| long::to_real(transform, from, to, spare));
    }
    all(
        &Unfolded::of(transform),
        transform,
        from,
        lines,
        to,
        |x| x,
        |_, row| scale::<T, _>(row, transform.scale),
    );
}

fn scale<T: Real, X: Copy + std::ops::Mul<T, Output = X>>(row: &mut [X], by: f64) {
    if by != 1.0 {
        let by = T::from_f64(by).expect("a number");
        row.iter_mut().for_each(|x| *x = *x * by);
    }
}

/// One line after the other.
fn each_line<I: Copy, O>(
    transform: &Transform,
    from: &[I],
    lines: Lines,
    to: &mut [O],
    mut work: impl FnMut(&Strided<'_, I>, &Strided<'_, O>),
) {
    let (Lines { n, inner }, given) = (lines, transform.given());
    let count = if inner == 0 { 0 } else { to.len() / given };
    let out = Cells::of(to);
    for line in 0..count {
        let (plane, column) = (line / inner, line % inner);
        let taken = n.min(transform.taken());
        let first = from.as_ptr().wrapping_add(plane * n * inner + column);
        // SAFETY: the line's elements are `inner` apart, in `from` and in `to`, which nobody else writes.
        let (from, to) = unsafe {
            (
                Strided::new(first.cast_mut(), inner, taken),
                Strided::new(out.at(plane * given * inner + column), inner, given),
            )
        };
        work(&from, &to);
    }
}

/// All lines, shared by the threads. `finish` gets each transformed line with its number among all.
fn all<T: Real, P: Plan<T>, I: Pod + Sync>(
    plan: &P,
    transform: &Transform,
    from: &[I],
    lines: Lines,
    to: &mut [P::To],
    load: impl Fn(I) -> P::From + Sync + Copy,
    finish: impl Fn(usize, &mut [P::To]) + Sync,
) where
    Complex<T>: Pod,
{
    let given = transform.given();
    if to.is_empty() {
        return;
    }
    let threads = if to.len().max(from.len()) <= SERIAL { 1 } else { session::get().threads };
    let job = Job { plan, taken: transform.taken(), given, lines, threads };
    if lines.inner == 1 { job.rows(from, to, load, finish) } else { job.columns(from, to, load, finish) }
}

struct Job<'a, P> {
    plan: &'a P,
    taken: usize,
    given: usize,
    lines: Lines,
    threads: usize,
}

impl<P> Job<'_, P> {
    /// Calls `work` with room for so many elements that are taken and given, and with scratch.
    fn with_room<T: Real>(
        &self,
        taken: usize,
        given: usize,
        work: impl FnOnce(&mut [P::From], &mut [P::To], &mut [Complex<T>]),
    ) where
        P: Plan<T>,
        Complex<T>: Pod,
    {
        let words = |len: usize, size: usize| (len * size).div_ceil(size_of::<Complex<T>>());
        let (first, second) = (words(taken, size_of::<P::From>()), words(given, size_of::<P::To>()));
        pool::with_room(first + second + self.plan.scratch(), |room: &mut [Complex<T>]| {
            let (from, rest) = room.split_at_mut(first);
            let (to, scratch) = rest.split_at_mut(second);
            work(
                &mut bytemuck::cast_slice_mut(from)[..taken],
                &mut bytemuck::cast_slice_mut(to)[..given],
                scratch,
            );
        });
    }

    fn rows<T: Real, I: Pod + Sync>(
        &self,
        from: &[I],
        to: &mut [P::To],
        load: impl Fn(I) -> P::From + Sync + Copy,
        finish: impl Fn(usize, &mut [P::To]) + Sync,
    ) where
        P: Plan<T>,
        Complex<T>: Pod,
    {
        let (n, taken, given) = (self.lines.n, self.taken, self.given);
        let count = to.len() / given;
        let share = count.div_ceil(self.threads);
        let together = (ROWS / taken.max(given)).clamp(1, share);
        let is_as_it_is = n == taken && TypeId::of::<I>() == TypeId::of::<P::From>();
        let out = Cells::of(to);
        pool::split(count.div_ceil(together), self.threads, &|piece| {
            let (first, last) = (piece * together, count.min((piece + 1) * together));
            let from = &from[first * n..last * n];
            // SAFETY: pieces don't overlap, and are within the result.
            let to = unsafe { std::slice::from_raw_parts_mut(out.at(first * given), (last - first) * given) };
            let done = is_as_it_is && {
                let mut done = false;
                self.with_room(0, 0, |_, _, scratch| {
                    done = self.plan.constant_lines(bytemuck::cast_slice(from), to, scratch);
                });
                done
            };
            if !done {
                self.with_room((last - first) * taken, 0, |room, _, scratch| {
                    for (line, row) in room.chunks_exact_mut(taken).enumerate() {
                        let from = &from[line * n..(line + 1) * n];
                        row.iter_mut().zip(from).for_each(|(to, &x)| *to = load(x));
                        row[n.min(taken)..].fill(P::From::zeroed());
                    }
                    self.plan.lines(room, to, scratch);
                });
            }
            to.chunks_exact_mut(given).enumerate().for_each(|(line, row)| finish(first + line, row));
        });
    }

    /// Some neighbouring columns at a time.
    fn columns<T: Real, I: Pod + Sync>(
        &self,
        from: &[I],
        to: &mut [P::To],
        load: impl Fn(I) -> P::From + Sync + Copy,
        finish: impl Fn(usize, &mut [P::To]) + Sync,
    ) where
        P: Plan<T>,
        Complex<T>: Pod,
    {
        let (Lines { n, inner }, taken, given) = (self.lines, self.taken, self.given);
        let least = LINE_BYTES / size_of::<I>().max(size_of::<P::To>());
        let width = (TILE / taken.max(given)).clamp(least, 64).min(inner);
        let (planes, across) = (to.len() / (given * inner), inner.div_ceil(width));
        let spare = |len: usize| if len.is_multiple_of(ALIKE) { APART } else { 0 };
        let (step, step_made) = (taken + spare(taken), given + spare(given));
        let out = Cells::of(to);
        pool::split(planes * across, self.threads, &|tile| {
            let (plane, first) = (tile / across, tile % across * width);
            let width = width.min(inner - first);
            self.with_room(width * step, width * step_made, |room, made, scratch| {
                let used = n.min(taken);
                assert!(from.len() >= (plane + 1) * n * inner, "whole planes");
                // SAFETY: `used` rows of the plane have `width` elements each from `first` on, and the room has columns for them.
                unsafe {
                    let from = from.as_ptr().add(plane * n * inner + first);
                    turn(from, inner, room.as_mut_ptr(), step, [used, width], load);
                }
                if n < taken {
                    room.chunks_exact_mut(step).for_each(|line| line[n..taken].fill(P::From::zeroed()));
                }
                if step == taken && step_made == given {
                    self.plan.lines(room, made, scratch);
                } else {
                    for (from, to) in room.chunks_exact_mut(step).zip(made.chunks_exact_mut(step_made)) {
                        self.plan.lines(&mut from[..taken], &mut to[..given], scratch);
                    }
                }
                let lines = made.chunks_exact_mut(step_made).enumerate();
                lines.for_each(|(column, line)| finish(plane * inner + first + column, &mut line[..given]));
                // SAFETY: the tile's columns are its own, and within the result.
                unsafe {
                    turn(
                        made.as_ptr(),
                        step_made,
                        out.at(plane * given * inner + first),
                        inner,
                        [width, given],
                        |x| x,
                    )
                };
            });
        });
    }
}
