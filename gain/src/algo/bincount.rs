//! `bincount`: how often each number occurs, or what the weights of its occurrences come to.
//!
//! How many bins there are shows as they are filled. Where numbers are so large that bins would take more memory than the
//! numbers do, nobody has bins of his own: who owns a bin in the result is told of what falls into it.

use super::tally::{Column, Sum, WINDOW, is_cut, join, tally};
use super::{Cells, stored};
use crate::dtype::DType;
use crate::error::{Error, Kind, Result};
use crate::exec::pool;
use crate::record::{Arg, Node};
use crate::session;
use crate::stage::{Fresh, Reads, Room, Run, Spread, Stage};
use crate::view::Dims;
use smallvec::SmallVec;
use std::hint::select_unpredictable;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// So many bins each thread may have in any case.
const FEW: usize = 1 << 16;

/// How often each of `len` integers occurs, `least` bins at least; sums of the weights if there are any. Collective.
pub(crate) fn bincount(
    numbers: Arg,
    dtype: DType,
    len: usize,
    weights: Option<(Arg, DType)>,
    least: usize,
) -> Result<Arc<Node>> {
    match weights {
        None => count::<i64>(numbers, dtype, len, None, least),
        Some(weights) => count::<f64>(numbers, dtype, len, Some(weights), least),
    }
}

/// What a rank found.
#[derive(Default)]
struct Found {
    has_negative: AtomicBool,
    /// One more than the largest number that bins had to be made for.
    end: AtomicU64,
    is_large: AtomicBool,
}

fn count<W: Sum>(
    numbers: Arg,
    dtype: DType,
    len: usize,
    weights: Option<(Arg, DType)>,
    least: usize,
) -> Result<Arc<Node>> {
    let numbers = stored(numbers, &[len], dtype);
    let weights = weights.map(|(weights, dtype)| (stored(weights, &[len], dtype), dtype));
    let weight_type = weights.as_ref().map(|(_, dtype)| *dtype);
    let stage = || {
        let stage = Stage::new("bincount").reads(numbers.clone(), &[len], dtype, Reads::Own);
        match &weights {
            Some((weights, dtype)) => stage.reads(weights.clone(), &[len], *dtype, Reads::All),
            None => stage,
        }
    };
    let (mut bins, mut count, mut is_large, mut are_parts) = (Vec::new(), 0, false, false);
    stage().run(|room, _| {
        let session = session::get();
        let most = FEW.max(room.range(0).len() / session.threads).max(session.threshold);
        let found = Found::default();
        let columns = Columns::<W>::of(room, dtype, weight_type)?;
        bins = tally(columns.numbers.len(), 0, |range, bins| columns.fill(range, bins, most, &found));
        let full = bins.iter().rposition(|&bin| bin != W::zeroed()).map_or(0, |last| last as u64 + 1);
        let all = room.everybodys(&[
            u64::from(found.has_negative.into_inner()),
            found.end.into_inner().max(full),
            u64::from(found.is_large.into_inner()),
        ])?;
        if all.iter().any(|found| found[0] > 0) {
            return Err(Error::new(Kind::Value, "'list' argument must have no negative elements"));
        }
        are_parts = is_cut(room, 0);
        is_large = all.iter().any(|found| found[2] > 0);
        count = all.iter().map(|found| found[1] as usize).max().unwrap_or(0).max(least);
        Ok(())
    })?;
    let shape: Dims = SmallVec::from_slice(&[count]);
    if !are_parts && !is_large {
        bins.resize(count, W::zeroed());
        let fresh = Fresh::new(&shape, W::DTYPE)?;
        return Ok(fresh.written(|run| {
            let range = run.range();
            run.elements::<W>().copy_from_slice(&bins[range]);
        }));
    }
    let made = stage().writes(&shape, W::DTYPE, Spread::Usual).run(|room, runs| {
        let run = &mut runs[0];
        if is_large {
            let columns = Columns::<W>::of(room, dtype, weight_type)?;
            return columns.hand_out(room, run, are_parts);
        }
        bins.resize(count, W::zeroed());
        join(room, run, &bins, are_parts)
    })?;
    Ok(made.into_iter().next().expect("one result"))
}

/// The greatest of some numbers, none of which is negative; `together` has the bits of all.
fn greatest(numbers: &[i64], together: i64) -> i64 {
    match i32::try_from(together) {
        // (There are instructions for many of these at once.)
        Ok(_) => i64::from(numbers.iter().fold(-1, |most, &i| (i as i32).max(most))),
        Err(_) => numbers.iter().fold(-1, |most, &i| i.max(most)),
    }
}

/// This rank's numbers, and their weights.
struct Columns<'a, W> {
    numbers: Column<'a>,
    weights: Option<Column<'a>>,
    sums: PhantomData<W>,
}

impl<'a, W: Sum> Columns<'a, W> {
    fn of(room: &Room<'a>, dtype: DType, weight_type: Option<DType>) -> Result<Columns<'a, W>> {
        let numbers = Column::own(room, 0, dtype);
        let weights = weight_type.map(|dtype| Column::of(room, 1, dtype, room.range(0))).transpose()?;
        Ok(Columns { numbers, weights, sums: PhantomData })
    }

    /// Calls `each` with some numbers after the others, and their weights.
    #[inline(always)]
    fn windows(&self, range: Range<usize>, mut each: impl FnMut(&[i64], Option<&[W]>) -> bool) {
        let (mut numbers, mut weights) = ([0i64; WINDOW], [W::zeroed(); WINDOW]);
        for start in range.clone().step_by(WINDOW) {
            let window = start..range.end.min(start + WINDOW);
            let weights =
                self.weights.as_ref().map(|column| column.window(W::DTYPE, window.clone(), &mut weights));
            if !each(self.numbers.window(DType::I64, window, &mut numbers), weights) {
                return;
            }
        }
    }

    /// Counts what falls into bins, of which it makes as many as there have to be, but not more than `most`.
    fn fill(&self, range: Range<usize>, bins: &mut Vec<W>, most: usize, found: &Found) {
        let (mut largest, mut is_large) = (-1, false);
        self.windows(range, |numbers, weights| {
            // All together are no less than each, and negative if one is.
            let together = numbers.iter().fold(0, |all, &i| all | i);
            if together < 0 {
                found.has_negative.store(true, Relaxed);
                return false;
            }
            if together as usize >= bins.len() || weights.is_some() {
                largest = largest.max(greatest(numbers, together));
                is_large |= largest as usize >= most;
                if !is_large && largest as usize >= bins.len() {
                    bins.resize((largest as usize + 1).next_power_of_two(), W::zeroed());
                }
            }
            if is_large {
                return true;
            }
            match weights {
                Some(weights) => numbers.iter().zip(weights).for_each(|(&i, &w)| bins[i as usize].add(w)),
                None => numbers.iter().for_each(|&i| bins[i as usize].add(W::ONE)),
            }
            true
        });
        found.is_large.fetch_or(is_large, Relaxed);
        found.end.fetch_max((largest + 1) as u64, Relaxed);
    }

    /// Counts what falls into the bins of this rank's run of the result. Collective.
    fn hand_out(&self, room: &Room<'_>, run: &mut Run<'_>, is_cut: bool) -> Result<()> {
        let range = run.range();
        if is_cut {
            let mut sent: Vec<(Vec<i64>, Vec<W>)> = vec![Default::default(); session::get().size];
            self.windows(0..self.numbers.len(), |numbers, weights| {
                for (k, &i) in numbers.iter().enumerate() {
                    let to = &mut sent[run.owner(i as usize)];
                    to.0.push(i);
                    to.1.extend(weights.map(|weights| weights[k]));
                }
                true
            });
            let (numbers, weights): (Vec<_>, Vec<_>) = sent.into_iter().unzip();
            let (numbers, weights) = (room.exchange(numbers)?, room.exchange(weights)?);
            let bins = run.elements::<W>();
            bins.fill(W::zeroed());
            for (numbers, weights) in numbers.iter().zip(&weights) {
                for (k, &i) in numbers.iter().enumerate() {
                    bins[i as usize - range.start].add(weights.get(k).copied().unwrap_or(W::ONE));
                }
            }
            return Ok(());
        }
        // Each thread has some of the bins, and looks at all numbers.
        let bins = run.elements::<W>();
        let (len, threads) = (bins.len(), session::get().threads);
        let bins = Cells::of(bins);
        pool::split(threads, threads, &|part| {
            let (from, to) = (len * part / threads, len * (part + 1) / threads);
            // SAFETY: the parts are apart, and together the bins.
            let bins = unsafe { std::slice::from_raw_parts_mut(bins.at(from), to - from) };
            bins.fill(W::zeroed());
            self.windows(0..self.numbers.len(), |numbers, weights| {
                let (first, mut other) = (range.start + from, W::zeroed());
                for (k, &i) in numbers.iter().enumerate() {
                    // What is another's is added, too, to something that nobody looks at: no branch to guess.
                    let i = (i as usize).wrapping_sub(first);
                    let bin = select_unpredictable(
                        i < bins.len(),
                        bins.as_mut_ptr().wrapping_add(i),
                        &raw mut other,
                    );
                    // SAFETY: it is one of the bins, or `other`.
                    unsafe { (*bin).add(weights.map_or(W::ONE, |weights| weights[k])) };
                }
                true
            });
        });
        Ok(())
    }
}
