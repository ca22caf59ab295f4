//! `searchsorted`: where elements belong in a sorted table.
//!
//! Each rank has a share of the needles and looks in the table where it is mapped. A table of several nodes is fetched if it is
//! small beside the needles; else needles go to the ranks that own the elements around them.

use super::Cells;
use super::table::{Key, Side, Table, by_key};
use crate::dtype::DType;
use crate::error::Result;
use crate::exec::pool;
use crate::record::{Arg, Node};
use crate::session;
use crate::stage::{Reads, Room, Run, Spread, Stage};
use std::sync::Arc;

/// Needles that are worth a thread.
const PIECE: usize = 1 << 12;

/// A table of so many elements is fetched wherever it is.
const SMALL: usize = 1 << 16;

/// Whether a table of `len` elements is not to be fetched for so many needles. The same on all ranks.
pub(crate) fn is_far(len: usize, count: usize) -> bool {
    let session = session::get();
    !session.is_one_node && len > SMALL.max(count / session.size)
}

/// Where the elements of `needles`, an array of this shape, belong in a table of `len` elements, all of this type. Collective.
pub(crate) fn search(
    (table, len): (Arg, usize),
    (needles, shape): (Arg, &[usize]),
    dtype: DType,
    side: Side,
) -> Result<Arc<Node>> {
    let is_far = is_far(len, shape.iter().product());
    search_in((table, len), (needles, shape), dtype, side, is_far)
}

/// As told where the table is.
fn search_in(
    (table, len): (Arg, usize),
    (needles, shape): (Arg, &[usize]),
    dtype: DType,
    side: Side,
    is_far: bool,
) -> Result<Arc<Node>> {
    let made = Stage::new("searchsorted")
        .reads(table, &[len], dtype, Reads::All)
        .reads(needles, shape, dtype, Reads::All)
        .writes(shape, DType::I64, Spread::Usual)
        .foreseen()
        .run(|room, runs| by_key!(dtype, fill(room, &mut runs[0], side, is_far)))?;
    Ok(made.into_iter().next().expect("one result"))
}

fn fill<K: Key>(room: &Room<'_>, run: &mut Run<'_>, side: Side, is_far: bool) -> Result<()> {
    if is_far && room.blocks(0).is_distributed() {
        return ask::<K>(room, run, side);
    }
    let table = Table::<K>::of(room, 0)?;
    let needles = room.at::<K>(1, run.range())?;
    find(&table, side, &needles, run.elements());
    Ok(())
}

/// Where few elements, given as bytes of this type, belong in a table of few.
pub(crate) fn search_few(table: &[u8], needles: &[u8], dtype: DType, side: Side, places: &mut [i64]) {
    fn find<K: Key>(table: &[u8], needles: &[u8], side: Side, places: &mut [i64]) {
        Table::<K>::run(0, bytemuck::cast_slice(table)).places(side, bytemuck::cast_slice(needles), places);
    }
    // (No bytes may lie anywhere.)
    match table.is_empty() || needles.is_empty() {
        true => places.fill(0),
        false => by_key!(dtype, find(table, needles, side, places)),
    }
}

/// Finds many places.
fn find<K: Key>(table: &Table<'_, K>, side: Side, needles: &[K], places: &mut [i64]) {
    let places = Cells::of(places);
    let threads = if needles.len() > PIECE { session::get().threads } else { 1 };
    pool::split(needles.len().div_ceil(PIECE), threads, &|piece| {
        let range = piece * PIECE..needles.len().min((piece + 1) * PIECE);
        // SAFETY: the pieces are apart, and there is a place for each needle.
        let places = unsafe { std::slice::from_raw_parts_mut(places.at(range.start), range.len()) };
        table.places(side, &needles[range], places);
    });
}

/// Asks the ranks that have the runs of the table around the needles.
fn ask<K: Key>(room: &Room<'_>, run: &mut Run<'_>, side: Side) -> Result<()> {
    let mine = Table::run(room.range(0).start, room.own::<K>(0));
    let needles = room.at::<K>(1, run.range())?;
    if !run.is_shared() {
        // Everybody looks for all of them: together the elements that are before a needle are as many as in all runs.
        let mut places = vec![0; needles.len()];
        find(&mine, side, &needles, &mut places);
        let start = room.range(0).start as i64;
        places.iter_mut().for_each(|place| *place = (*place - start).max(0));
        let all = room.everybodys(&places)?;
        let out = run.elements::<i64>();
        out.fill(0);
        for places in all {
            out.iter_mut().zip(places).for_each(|(sum, place)| *sum += place);
        }
        return Ok(());
    }
    // Whose run begins where; empty ones have nobody's needles.
    let firsts = room.everybodys(&room.own::<K>(0)[..room.range(0).len().min(1)])?;
    let owners: Vec<usize> = (0..firsts.len()).filter(|&rank| !firsts[rank].is_empty()).collect();
    let firsts: Vec<K> = firsts.into_iter().flatten().collect();
    let mut places = vec![0i64; needles.len()];
    find(&Table::run(0, &firsts), side, &needles, &mut places);
    let owner_of = |place: i64| owners[(place as usize).saturating_sub(1)];
    let mut wanted: Vec<Vec<K>> = vec![Vec::new(); session::get().size];
    places.iter().zip(&*needles).for_each(|(&place, &needle)| wanted[owner_of(place)].push(needle));
    let found: Vec<Vec<i64>> = room
        .exchange(wanted)?
        .iter()
        .map(|needles| {
            let mut found = vec![0; needles.len()];
            find(&mine, side, needles, &mut found);
            found
        })
        .collect();
    let found = room.exchange(found)?;
    let mut next = vec![0; found.len()];
    for (out, place) in run.elements::<i64>().iter_mut().zip(places) {
        let owner = owner_of(place);
        *out = found[owner][next[owner]];
        next[owner] += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Side, search_in};
    use crate::array::Array;
    use crate::dtype::DType;
    use crate::session;
    use tests::Job;

    /// Places found by reading the table and by asking for them are how many elements come before.
    #[test]
    fn places_are_found_near_and_far() {
        for threshold in ["0", "40", "65536"] {
            let job = Job::new(&format!("searchsorted_{threshold}")).env("GAIN_THRESHOLD", threshold);
            job.run(&[1, 2, 3, 4], |_| {
                session::in_turn(|| {
                    for (len, count) in [(0usize, 5usize), (1, 9), (3, 50), (30, 50), (50, 7), (90, 200)] {
                        let table: Vec<f64> = (0..len).map(|i| (i / 3) as f64).collect();
                        let needles: Vec<f64> = (0..count).map(|i| (i * 7 % 41) as f64 / 2.0 - 1.0).collect();
                        let [t, n] = [&table, &needles].map(|x| Array::from_slice(&[x.len()], x).unwrap());
                        for side in [Side::Left, Side::Right] {
                            let before = |needle: &f64| match side {
                                Side::Left => table.iter().filter(|x| *x < needle).count() as i64,
                                Side::Right => table.iter().filter(|x| *x <= needle).count() as i64,
                            };
                            let want: Vec<i64> = needles.iter().map(before).collect();
                            for is_far in [false, true] {
                                let (t, n) = ((t.arg(), len), (n.arg(), &[count][..]));
                                let found = search_in(t, n, DType::F64, side, is_far).unwrap();
                                assert_eq!(Array::from_node(found).to_vec::<i64>().unwrap(), want);
                            }
                        }
                    }
                });
            });
        }
    }
}
