//! `interp`: the value at some places of the function whose graph is made of straight lines between given points.
//!
//! Each rank has a share of the places. Points are read where they are mapped, else fetched.

use super::Cells;
use super::table::{Key, Side, Table};
use super::tally::WINDOW;
use crate::dtype::{Complex64, DType, Scalar};
use crate::error::Result;
use crate::exec::pool;
use crate::record::{Arg, Node};
use crate::session;
use crate::stage::{Reads, Room, Run, Spread, Stage};
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

fn fill<V: Value>(room: &Room<'_>, run: &mut Run<'_>, len: usize, outside: Outside) -> Result<()> {
    let x = room.at::<f64>(0, run.range())?;
    let (places, values) = (Table::<f64>::of(room, 1)?, Table::<V>::of(room, 2)?);
    let (first, last) = (places.get(0), places.get(len - 1));
    let [left, right] = [(outside[0], values.get(0)), (outside[1], values.get(len - 1))]
        .map(|(given, end)| given.map_or(end, V::of));
    let value = |x: f64, place: i64| {
        if x.is_nan() {
            return if len == 1 { values.get(0) } else { V::real(x) };
        }
        if x < first {
            return left;
        }
        if x > last {
            return right;
        }
        let k = (place.max(1) - 1) as usize;
        let from = places.get(k);
        if from == x || k == len - 1 {
            return values.get(k);
        }
        V::between(x, (from, values.get(k)), (places.get(k + 1), values.get(k + 1)))
    };
    let pieces = x.len().div_ceil(WINDOW);
    let threads = if pieces > 4 { session::get().threads } else { 1 };
    let out = Cells::of(run.elements::<V>());
    pool::split(pieces, threads, &|piece| {
        let range = piece * WINDOW..x.len().min((piece + 1) * WINDOW);
        let mut found = [0; WINDOW];
        places.places(Side::Right, &x[range.clone()], &mut found[..range.len()]);
        for (i, place) in range.zip(found) {
            // SAFETY: the pieces are apart, and there is a value for each place.
            unsafe { out.at(i).write(value(x[i], place)) };
        }
    });
    Ok(())
}
