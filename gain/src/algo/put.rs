//! `a[i, j] = v`: the elements that index arrays name get values; of several for one element it keeps the last.
//!
//! Each rank takes its share of the values. What others own it sends to them, and every owner writes in the order of the ranks,
//! which is that of the values. Many values go in rounds: an element that a later rank's value came to in one round no earlier
//! rank's changes in the next. On one rank each thread writes a part of the array.

use super::pick::{Pick, Places, ROUND, share_of, shares, threads};
use super::{Cells, by_size};
use crate::dtype::DType;
use crate::error::Result;
use crate::exec::pool;
use crate::record::{Arg, Node};
use crate::session;
use crate::stage::{Reads, Room, Run, Stage};
use bytemuck::Pod;
use std::sync::Arc;

/// The value of the variable that has `base`, and nothing else may have, once these elements have the values: of `pick`'s
/// shape, or one for all. In place if nobody else has it. Collective.
pub(crate) fn put(
    base: Arc<Node>,
    dtype: DType,
    pick: &Pick,
    values: Arg,
    is_one: bool,
) -> Result<Arc<Node>> {
    let shape = pick.shape();
    let own: &[usize] = if is_one { &[1] } else { &shape };
    let stage = Stage::new("setitem").changes(base).reads(values, own, dtype, Reads::All);
    let made = pick.declare(stage).foreseen().run(|room, runs| {
        let run = &mut runs[0];
        let total: usize = shape.iter().product();
        let share = if run.is_shared() { share_of(total) } else { 0..total };
        let places = pick.places(room, 1, &share)?;
        by_size!(dtype, write(room, &places, run, total, is_one))
    })?;
    pick.check_if_foreseen(&made)?;
    Ok(made.into_iter().next().expect("one result"))
}

fn write<T: Pod + Send + Sync>(
    room: &Room<'_>,
    places: &Places<'_>,
    run: &mut Run<'_>,
    total: usize,
    is_one: bool,
) -> Result<()> {
    let share = if run.is_shared() { share_of(total) } else { 0..total };
    let values = room.at::<T>(0, if is_one { 0..1 } else { share.clone() })?;
    let value = |at: usize| if is_one { values[0] } else { values[at - share.start] };
    if run.is_shared() {
        let longest = shares(total).map(|share| share.len()).max().unwrap_or(0);
        let start = run.range().start;
        // Whose value each element has, where there is more than one round.
        let mut whose = vec![0u32; if longest > ROUND { run.range().len() } else { 0 }];
        for skip in (0..longest).step_by(ROUND) {
            let part = share.end.min(share.start + skip)..share.end.min(share.start + skip + ROUND);
            let mut sent: Vec<(Vec<u64>, Vec<T>)> = vec![Default::default(); session::get().size];
            places.runs(part, |at, first, step, len| {
                for k in 0..len {
                    let i = (first + step * k as isize) as usize;
                    let to = &mut sent[run.owner(i)];
                    to.0.push(i as u64);
                    to.1.push(value(at + k));
                }
            });
            let (wanted, values): (Vec<_>, Vec<_>) = sent.into_iter().unzip();
            let (wanted, values) = (room.exchange(wanted)?, room.exchange(values)?);
            let elements = run.elements::<T>();
            for (rank, (wanted, values)) in wanted.iter().zip(&values).enumerate() {
                for (&i, &value) in wanted.iter().zip(values) {
                    let i = i as usize - start;
                    match whose.get_mut(i) {
                        Some(before) if *before > rank as u32 => {}
                        Some(before) => (*before, elements[i]) = (rank as u32, value),
                        None => elements[i] = value,
                    }
                }
            }
        }
        return Ok(());
    }
    let elements = run.elements::<T>();
    let len = elements.len();
    let threads = threads(share.len());
    let parts = Cells::of(elements);
    pool::split(threads, threads, &|part| {
        let (from, to) = (len * part / threads, len * (part + 1) / threads);
        // SAFETY: the parts are apart, and together the elements.
        let part = unsafe { std::slice::from_raw_parts_mut(parts.at(from), to - from) };
        if places.are_single() {
            // (What is another thread's goes nowhere: a branch would be guessed wrongly as often as not.)
            let mut nowhere = T::zeroed();
            let (first, nowhere): (*mut T, *mut T) = (part.as_mut_ptr(), &mut nowhere);
            return places.lists(share.clone(), |at, outer, places| {
                for (k, &place) in places.iter().enumerate() {
                    let i = ((outer + place) as usize).wrapping_sub(from);
                    let to = if i < part.len() { first.wrapping_add(i) } else { nowhere };
                    // SAFETY: an element of the part, or the one beside, both this thread's.
                    unsafe { to.write(value(at + k)) };
                }
            });
        }
        places.runs(share.clone(), |at, first, step, count| {
            for k in 0..count {
                let i = (first + step * k as isize) as usize;
                if let Some(place) = part.get_mut(i.wrapping_sub(from)) {
                    *place = value(at + k);
                }
            }
        });
    });
    Ok(())
}
