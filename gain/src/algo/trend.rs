//! Whether elements rise or fall.

use super::table::{Key, by_key};
use crate::dtype::DType;
use crate::error::Result;
use crate::record::Arg;
use crate::stage::{Reads, Room, Stage};

/// The way that all elements go, if it is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trend {
    /// None is less than the one before it.
    Up,
    /// None is greater than the one before it.
    Down,
    /// Some are.
    Neither,
}

/// The trend of `len` elements of this type, as NumPy sees it: the first two that differ say which way, and a NaN, which
/// differs from everything, is neither less nor greater. Collective.
pub(crate) fn trend(value: Arg, len: usize, dtype: DType) -> Result<Trend> {
    let mut found = Trend::Up;
    Stage::new("digitize").reads(value, &[len], dtype, Reads::All).run(|room, _| {
        found = by_key!(dtype, look(room))?;
        Ok(())
    })?;
    Ok(found)
}

fn look<K: Key>(room: &Room<'_>) -> Result<Trend> {
    let (elements, _) = room.halo::<K>(0, 0, 1)?;
    let steps = || elements.iter().zip(elements.iter().skip(1));
    let is_less = |a: &K, b: &K| !a.is_nan() && !b.is_nan() && a.below(*b);
    let differ = |a: &K, b: &K| a.is_nan() || b.is_nan() || a.below(*b) || b.below(*a);
    // 0: all are equal, 1: the first two that aren't rise, 2: they don't.
    let first = steps().find(|(a, b)| differ(a, b)).map_or(0, |(a, b)| if is_less(a, b) { 1 } else { 2 });
    let mine =
        [first, steps().any(|(a, b)| is_less(a, b)).into(), steps().any(|(a, b)| is_less(b, a)).into()];
    let all = room.everybodys::<u8>(&mine)?;
    let any = |k: usize| all.iter().any(|found| found[k] > 0);
    Ok(match all.iter().map(|found| found[0]).find(|&first| first > 0) {
        None => Trend::Up,
        Some(1) if !any(2) => Trend::Up,
        Some(2) if !any(1) => Trend::Down,
        Some(_) => Trend::Neither,
    })
}
