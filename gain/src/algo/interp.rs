//! `interp`: the value at some places of the function whose graph is made of straight lines between given points.
//!
//! Each rank has a share of the places. Points are read where they are mapped, else fetched if they are few beside the places; else
//! those around each place are brought by the operations that bring elements.

use super::Cells;
use super::table::{Key, Side, Table};
use super::tally::WINDOW;
use crate::dtype::{Complex64, DType, Scalar};
use crate::error::Result;
use crate::exec::pool;
use crate::record::{Arg, Node};
use crate::session;
use crate::stage::{Reads, Room, Run, Spread, Stage};
use std::ops::Range;
use std::sync::Arc;

/// What the function is before the first point and behind the last, if not what it is there.
pub type Outside = [Option<Scalar>; 2];

/// The values at the elements of `x`, of this shape, of the function through `len` points, which are doubles, or complex.
pub(crate) fn interp(
    (x, shape): (Arg, &[usize]),
    (places, values, len): (Arg, Arg, usize),
    outside: Outside,
    dtype: DType,
) -> Result<Arc<Node>> {
    let made = Stage::new("interp")
        .reads(x, shape, DType::F64, Reads::All)
        .reads(places, &[len], DType::F64, Reads::All)
        .reads(values, &[len], dtype, Reads::All)
        .writes(shape, dtype, Spread::Usual)
        .foreseen()
        .run(|room, runs| match dtype {
            DType::C128 => fill::<Complex64>(room, &mut runs[0], len, outside),
            _ => fill::<f64>(room, &mut runs[0], len, outside),
        })?;
    Ok(made.into_iter().next().expect("one result"))
}

/// A value of the function.
trait Value: Key {
    fn of(x: Scalar) -> Self;
    fn real(x: f64) -> Self;
    /// The line from `(x0, y0)` to `(x1, y1)` at `x`.
    fn between(x: f64, from: (f64, Self), to: (f64, Self)) -> Self;
}

/// The line of this slope from one of its ends; from the other, if infinities got in the way.
#[inline(always)]
fn line(slope: f64, x: f64, (x0, y0): (f64, f64), (x1, y1): (f64, f64)) -> f64 {
    let y = slope * (x - x0) + y0;
    if !y.is_nan() {
        return y;
    }
    let y = slope * (x - x1) + y1;
    if y.is_nan() && y0 == y1 { y0 } else { y }
}

impl Value for f64 {
    fn of(x: Scalar) -> f64 {
        x.as_f64()
    }
    fn real(x: f64) -> f64 {
        x
    }
    #[inline(always)]
    fn between(x: f64, from: (f64, f64), to: (f64, f64)) -> f64 {
        line((to.1 - from.1) / (to.0 - from.0), x, from, to)
    }
}

impl Value for Complex64 {
    fn of(x: Scalar) -> Complex64 {
        x.as_c128()
    }
    fn real(x: f64) -> Complex64 {
        Complex64::new(x, 0.0)
    }
    #[inline(always)]
    fn between(x: f64, (x0, y0): (f64, Complex64), (x1, y1): (f64, Complex64)) -> Complex64 {
        let over = 1.0 / (x1 - x0);
        let part = |y0: f64, y1: f64| line((y1 - y0) * over, x, (x0, y0), (x1, y1));
        Complex64::new(part(y0.re, y1.re), part(y0.im, y1.im))
    }
}

/// The function, as far as all places need it.
struct Graph<V> {
    len: usize,
    first: (f64, V),
    last: (f64, V),
    left: V,
    right: V,
}

impl<V: Value> Graph<V> {
    fn new(len: usize, first: (f64, V), last: (f64, V), outside: Outside) -> Graph<V> {
        let [left, right] =
            [(outside[0], first.1), (outside[1], last.1)].map(|(given, end)| given.map_or(end, V::of));
        Graph { len, first, last, left, right }
    }

    /// The value at `x`, before which `place` points are; `point` knows the last of them and the next.
    #[inline(always)]
    fn at(&self, x: f64, place: i64, point: impl Fn(usize) -> (f64, V)) -> V {
        if x.is_nan() {
            return if self.len == 1 { self.first.1 } else { V::real(x) };
        }
        if x < self.first.0 {
            return self.left;
        }
        if x > self.last.0 {
            return self.right;
        }
        let k = (place.max(1) - 1) as usize;
        let from = point(k);
        if from.0 == x || k == self.len - 1 { from.1 } else { V::between(x, from, point(k + 1)) }
    }
}

fn fill<V: Value>(room: &Room<'_>, run: &mut Run<'_>, len: usize, outside: Outside) -> Result<()> {
    let x = room.at::<f64>(0, run.range())?;
    let (places, values) = (Table::<f64>::of(room, 1)?, Table::<V>::of(room, 2)?);
    let point = |k| (places.get(k), values.get(k));
    let graph = Graph::new(len, point(0), point(len - 1), outside);
    each_window(x.len(), run.elements::<V>(), |range, out| {
        let mut found = [0; WINDOW];
        places.places(Side::Right, &x[range.clone()], &mut found[..range.len()]);
        for ((out, &x), place) in out.iter_mut().zip(&x[range]).zip(found) {
            *out = graph.at(x, place, point);
        }
    });
    Ok(())
}

/// Fills the elements, window by window.
fn each_window<V: Value>(len: usize, out: &mut [V], fill: impl Fn(Range<usize>, &mut [V]) + Sync) {
    let pieces = len.div_ceil(WINDOW);
    let threads = if pieces > 4 { session::get().threads } else { 1 };
    let out = Cells::of(out);
    pool::split(pieces, threads, &|piece| {
        let range = piece * WINDOW..len.min((piece + 1) * WINDOW);
        // SAFETY: the pieces are apart, and there is an element for each place.
        let part = unsafe { std::slice::from_raw_parts_mut(out.at(range.start), range.len()) };
        fill(range, part);
    });
}

/// What has been brought of a function whose points lie elsewhere: its first and last point, and for each element of `x` how many points
/// are before it, the last of these and the next one.
pub(crate) struct Brought {
    pub(crate) ends: [Arg; 2],
    pub(crate) place: Arg,
    pub(crate) from: [Arg; 2],
    pub(crate) to: [Arg; 2],
}

/// As [`interp`], of what has been brought. Collective.
pub(crate) fn interp_brought(
    (x, shape): (Arg, &[usize]),
    (brought, len): (Brought, usize),
    outside: Outside,
    dtype: DType,
) -> Result<Arc<Node>> {
    let Brought { ends: [first, last], place, from: [x0, y0], to: [x1, y1] } = brought;
    let made = Stage::new("interp")
        .reads(x, shape, DType::F64, Reads::All)
        .reads(place, shape, DType::I64, Reads::All)
        .reads(x0, shape, DType::F64, Reads::All)
        .reads(y0, shape, dtype, Reads::All)
        .reads(x1, shape, DType::F64, Reads::All)
        .reads(y1, shape, dtype, Reads::All)
        .reads(first, &[2], DType::F64, Reads::All)
        .reads(last, &[2], dtype, Reads::All)
        .writes(shape, dtype, Spread::Usual)
        .foreseen()
        .run(|room, runs| match dtype {
            DType::C128 => join::<Complex64>(room, &mut runs[0], len, outside),
            _ => join::<f64>(room, &mut runs[0], len, outside),
        })?;
    Ok(made.into_iter().next().expect("one result"))
}

fn join<V: Value>(room: &Room<'_>, run: &mut Run<'_>, len: usize, outside: Outside) -> Result<()> {
    let range = run.range();
    let (x, place) = (room.at::<f64>(0, range.clone())?, room.at::<i64>(1, range.clone())?);
    let (x0, y0) = (room.at::<f64>(2, range.clone())?, room.at::<V>(3, range.clone())?);
    let (x1, y1) = (room.at::<f64>(4, range.clone())?, room.at::<V>(5, range)?);
    let (ends, values) = (room.at::<f64>(6, 0..2)?, room.at::<V>(7, 0..2)?);
    let graph = Graph::new(len, (ends[0], values[0]), (ends[1], values[1]), outside);
    each_window(x.len(), run.elements::<V>(), |range, out| {
        for (out, i) in out.iter_mut().zip(range) {
            let last = (place[i].max(1) - 1) as usize;
            *out = graph.at(x[i], place[i], |k| if k == last { (x0[i], y0[i]) } else { (x1[i], y1[i]) });
        }
    });
    Ok(())
}
