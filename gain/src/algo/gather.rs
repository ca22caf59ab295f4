//! `a[i, j]`: the elements that index arrays name.
//!
//! Each rank makes its run of the result. What is mapped here it reads where it is; of others' elements on other nodes the
//! ranks ask each other, in rounds, so that what is asked for and answered needs little memory beside the run.

use super::pick::{PIECE, Pick, Places, ROUND, threads};
use super::{Cells, by_size};
use crate::dtype::DType;
use crate::error::Result;
use crate::exec::pool;
use crate::lock;
use crate::record::Node;
use crate::session;
use crate::stage::{Reach, Room, Run, Spread, Stage};
use bytemuck::Pod;
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// The elements of `base`, stored as they are, that `pick` names. Collective.
pub(crate) fn gather(base: &Arc<Node>, dtype: DType, pick: &Pick) -> Result<Arc<Node>> {
    let shape = pick.shape();
    let stage = Stage::new("getitem").reads_in_place(base);
    let made = pick.declare(stage).writes(&shape, dtype, Spread::Usual).foreseen().run(|room, runs| {
        let run = &mut runs[0];
        let places = pick.places(room, 1, &run.range())?;
        by_size!(dtype, fill(room, &places, run))
    })?;
    pick.check_if_foreseen(&made)?;
    Ok(made.into_iter().next().expect("one result"))
}

/// Elements of another node: who has them, where they are in the array and in the range.
type Missing = Vec<(usize, usize, usize)>;

fn fill<T: Pod + Send + Sync>(room: &Room<'_>, places: &Places<'_>, run: &mut Run<'_>) -> Result<()> {
    let (own, reach) = (run.range(), room.reach(0));
    if reach.is_near() {
        copy::<T>(&reach, places, own, run.elements());
        return Ok(());
    }
    let longest = (0..session::get().size).map(|rank| run.range_of(rank).len()).max().unwrap_or(0);
    for skip in (0..longest).step_by(ROUND) {
        let range = own.end.min(own.start + skip)..own.end.min(own.start + skip + ROUND);
        let elements = &mut run.elements::<T>()[range.start - own.start..range.end - own.start];
        let missing = copy(&reach, places, range, elements);
        ask(room, missing, elements)?;
    }
    Ok(())
}

/// Copies what is mapped here to a range of the result; what is missing then.
fn copy<T: Pod + Send + Sync>(
    reach: &Reach<'_>,
    places: &Places<'_>,
    range: Range<usize>,
    elements: &mut [T],
) -> Missing {
    let to = Cells::of(elements);
    let missing: Mutex<Missing> = Mutex::default();
    pool::split(range.len().div_ceil(PIECE), threads(range.len()), &|piece| {
        let from = range.start + piece * PIECE;
        if let Some(base) = reach.only::<T>().filter(|_| places.are_single()) {
            return places.lists(from..range.end.min(from + PIECE), |at, outer, places| {
                let (out, base) = (to.at(at - range.start), base.wrapping_offset(outer));
                for (k, &place) in places.iter().enumerate() {
                    // SAFETY: as below.
                    unsafe { out.add(k).write(base.wrapping_offset(place).read()) };
                }
            });
        }
        let mut far = Missing::new();
        places.runs(from..range.end.min(from + PIECE), |at, first, step, len| {
            let out = to.at(at - range.start);
            let last = first + step * (len as isize - 1);
            // SAFETY: the elements are in the range, in pieces that are apart; all places are in the array, since the indices
            // were checked, and what `reach` knows of is readable until the algorithm ends.
            unsafe {
                match reach.run::<T>(first.min(last), first.max(last)) {
                    Some(base) if len == 1 => out.write(base.wrapping_offset(first).read()),
                    Some(base) if step == 1 => out.copy_from_nonoverlapping(base.wrapping_offset(first), len),
                    Some(base) => {
                        for k in 0..len {
                            out.add(k).write(base.wrapping_offset(first + step * k as isize).read());
                        }
                    }
                    None => {
                        for k in 0..len {
                            let i = (first + step * k as isize) as usize;
                            match reach.element::<T>(i) {
                                Ok(from) => out.add(k).write(from.read()),
                                Err(owner) => far.push((owner, i, at + k - range.start)),
                            }
                        }
                    }
                }
            }
        });
        if !far.is_empty() {
            lock(&missing).append(&mut far);
        }
    });
    missing.into_inner().unwrap_or_default()
}

/// Gets from their owners what is missing. Collective.
fn ask<T: Pod>(room: &Room<'_>, missing: Missing, elements: &mut [T]) -> Result<()> {
    let mut asked: Vec<Vec<u64>> = vec![Vec::new(); session::get().size];
    missing.iter().for_each(|&(owner, i, _)| asked[owner].push(i as u64));
    let start = room.range(0).start;
    let own = room.own::<T>(0);
    let answers: Vec<Vec<T>> = room
        .exchange(asked)?
        .iter()
        .map(|asked| asked.iter().map(|&i| own[i as usize - start]).collect())
        .collect();
    let answers = room.exchange(answers)?;
    let mut next = vec![0; answers.len()];
    for (owner, _, to) in missing {
        elements[to] = answers[owner][next[owner]];
        next[owner] += 1;
    }
    Ok(())
}
