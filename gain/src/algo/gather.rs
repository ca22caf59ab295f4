//! `a[i, j]`: the elements that index arrays name.
//!
//! Each rank makes its run of the result. What is mapped here it reads where it is; of others' elements on other nodes the
//! ranks ask each other, all at once.

use super::pick::{PIECE, Pick, Places, threads};
use super::{Cells, by_size};
use crate::dtype::DType;
use crate::error::Result;
use crate::exec::pool;
use crate::lock;
use crate::record::Node;
use crate::session;
use crate::stage::{Room, Run, Spread, Stage};
use bytemuck::Pod;
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

/// Elements of another node: who has them, where they are in the array and in the run.
type Missing = Vec<(usize, usize, usize)>;

fn fill<T: Pod + Send + Sync>(room: &Room<'_>, places: &Places<'_>, run: &mut Run<'_>) -> Result<()> {
    let range = run.range();
    let reach = room.reach(0);
    let to = Cells::of(run.elements::<T>());
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
            // SAFETY: the elements are in the run, in pieces that are apart; all places are in the array, since the indices
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
    if reach.is_near() {
        return Ok(());
    }
    let missing = missing.into_inner().unwrap_or_default();
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
    let elements = run.elements::<T>();
    for (owner, _, to) in missing {
        elements[to] = answers[owner][next[owner]];
        next[owner] += 1;
    }
    Ok(())
}
