//! The vector form: many runs, each anywhere.
//!
//! A lock for each run costs more than the run, and so does sorting runs by lock. They are put into lists instead, one for each set of locks
//! that can be held together; a list that is full is added under all the locks it needs, taken at once.
//!
//! Invariant: of the runs that lie within one stripe each, those that need the same lock are added in the order of the call. (One that lies in
//! two is added when it comes.)

use super::kernels::{self, Runs};
use super::{STRIPE, Target, Walk};
use crate::element::Element;
use crate::heap::{LOCKS, STRIPE_SHIFT, TOGETHER};
use crate::sync::{WaitContext, WaitError};
use std::mem::MaybeUninit;

/// Most runs added under one set of locks: enough for taking them not to count, few enough for nobody to wait for long.
const LISTED: usize = 1024;

/// Most bytes added under one set of locks, unless a single run is longer.
const BYTES: usize = LISTED * 64;

/// Sets of locks.
const SETS: usize = LOCKS / TOGETHER;

/// Runs sorted into lists before all lists are emptied: their numbers are 16 bits.
const SORTED: usize = 1 << 16;

/// Vector form: run `i` of `len` bytes lies at byte `remote[i]` of the target and at byte `local[i]` of `src`. Stands for `ARMCI_AccV`.
///
/// # Errors
/// As [`super::accumulate`].
///
/// # Panics
/// If there are not as many remote as local offsets.
///
/// # Safety
/// As [`super::accumulate`], for every run.
pub unsafe fn accumulate_runs<T: Element>(
    target: Target<'_>,
    (remote, local): (&[usize], &[usize]),
    src: *const T,
    len: usize,
    alpha: T,
    ctx: &WaitContext<'_>,
) -> Result<(), WaitError> {
    assert_eq!(remote.len(), local.len(), "as many remote as local runs");
    let listed = (BYTES / len.max(1)).clamp(1, LISTED);
    for (remote, local) in remote.chunks(SORTED).zip(local.chunks(SORTED)) {
        let walk = Walk::new(target, kernels::kernel(T::DTYPE), (&raw const alpha).cast(), ctx);
        let dst = target.heap.address(target.rank, target.offset);
        let runs = Runs { dst, src: src.cast(), remote, local, len, picked: None };
        // SAFETY: the caller's promises for these runs.
        unsafe { Sorting { target, walk, runs, listed }.add() }?;
    }
    Ok(())
}

/// Runs on their way into lists, and what adds them.
struct Sorting<'a> {
    target: Target<'a>,
    walk: Walk<'a>,
    runs: Runs<'a>,
    /// Most runs of a list.
    listed: usize,
}

impl Sorting<'_> {
    /// The stripes of a run's first and last byte.
    #[inline(always)]
    fn stripes(&self, remote: usize) -> (usize, usize) {
        let first = self.target.offset + remote;
        (first >> STRIPE_SHIFT, (first + self.runs.len.saturating_sub(1)) >> STRIPE_SHIFT)
    }

    /// Adds all runs.
    ///
    /// # Safety
    /// As [`accumulate_runs`].
    unsafe fn add(mut self) -> Result<(), WaitError> {
        let Some(&remote) = self.runs.remote.first() else { return Ok(()) };
        let (stripe, _) = self.stripes(remote);
        let (mut locks, mut differing) = (0, 0);
        for &remote in self.runs.remote {
            let (first, last) = self.stripes(remote);
            locks |= 1_u64 << (first % TOGETHER) | 1 << (last % TOGETHER);
            differing |= (first ^ stripe) | (last ^ stripe);
        }
        // No run has a stripe between its first and its last.
        let is_one_set = differing % LOCKS < TOGETHER && self.runs.len <= STRIPE;
        // SAFETY: the caller's promises.
        unsafe {
            if is_one_set && self.runs.remote.len() <= self.listed {
                return self.add_together(stripe, locks, None);
            }
            self.sort()
        }
    }

    /// Puts runs into lists, and adds each list when it is full.
    ///
    /// # Safety
    /// As [`accumulate_runs`].
    #[inline(never)]
    unsafe fn sort(&mut self) -> Result<(), WaitError> {
        let mut lists = [const { [const { MaybeUninit::<u16>::uninit() }; LISTED] }; SETS];
        // How long each list is, and which locks of its set it needs.
        let (mut lens, mut locks) = ([0; SETS], [0_u64; SETS]);
        for (i, &remote) in self.runs.remote.iter().enumerate() {
            let (first, last) = self.stripes(remote);
            let set = first % LOCKS / TOGETHER;
            if first != last {
                // SAFETY: this is one of the caller's runs.
                unsafe { self.add_alone(i) }?;
                self.walk.held = None;
                continue;
            }
            lists[set][lens[set]].write(i as u16);
            lens[set] += 1;
            locks[set] |= 1 << (first % TOGETHER);
            if lens[set] == self.listed {
                // SAFETY: all of the list was written, with numbers of runs.
                unsafe {
                    self.add_together(set * TOGETHER, locks[set], Some(written(&lists[set], self.listed)))
                }?;
                (lens[set], locks[set]) = (0, 0);
            }
        }
        for set in (0..SETS).filter(|set| lens[*set] > 0) {
            // SAFETY: so much of the list was written, with numbers of runs.
            unsafe { self.add_together(set * TOGETHER, locks[set], Some(written(&lists[set], lens[set]))) }?;
        }
        Ok(())
    }

    /// Adds runs that need no more than these locks of the stripe's set: under all of them if they are free, or else one by one.
    ///
    /// # Safety
    /// As [`accumulate_runs`]; the locks are those of the runs that are picked, whose numbers are good.
    unsafe fn add_together(
        &mut self,
        stripe: usize,
        locks: u64,
        picked: Option<&[u16]>,
    ) -> Result<(), WaitError> {
        let first = stripe % LOCKS / TOGETHER * TOGETHER;
        let Target { heap, rank, .. } = self.target;
        if let Some(_held) = heap.stripes(rank).try_hold(first, locks, self.walk.ctx.me) {
            // SAFETY: the caller's promises for these runs, under their locks.
            unsafe { (self.walk.kernel.runs)(&Runs { picked, ..self.runs }, self.walk.alpha) };
            return Ok(());
        }
        let count = picked.map_or(self.runs.remote.len(), <[u16]>::len);
        // SAFETY: these are the caller's runs.
        let done = (0..count)
            .try_for_each(|i| unsafe { self.add_alone(picked.map_or(i, |picked| picked[i] as usize)) });
        // The next list's locks are taken together, so this one's last is let go.
        self.walk.held = None;
        done
    }

    /// Adds one run, under its own lock.
    ///
    /// # Safety
    /// As [`accumulate_runs`]; there is such a run.
    unsafe fn add_alone(&mut self, i: usize) -> Result<(), WaitError> {
        let Runs { src, remote, local, len, .. } = self.runs;
        // SAFETY: the caller's promises for this run.
        unsafe { self.walk.add(self.target.offset + remote[i], src.wrapping_add(local[i]), len) }
    }
}

/// The first so many numbers of a list.
///
/// # Safety
/// They were written.
unsafe fn written(list: &[MaybeUninit<u16>], len: usize) -> &[u16] {
    // SAFETY: numbers inside the list, initialised by the caller's promise.
    unsafe { std::slice::from_raw_parts(list[..len].as_ptr().cast(), len) }
}

#[cfg(test)]
mod tests {
    use super::super::accumulate;
    use super::*;
    use crate::heap::{Heap, HeapConfig};
    use crate::sync::{NoHook, SpinPolicy};

    const BYTES: usize = 24 << 20;

    fn context(me: u32) -> WaitContext<'static> {
        WaitContext { hook: &NoHook, me, policy: SpinPolicy::SHARED }
    }

    fn numbers(mut state: u64) -> impl FnMut(usize) -> usize {
        move |below| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize % below
        }
    }

    /// Runs anywhere, of all lengths that are something else here (one element, within and across stripes, longer than one), from several threads, beside
    /// contiguous accumulates that take the same locks one at a time.
    #[test]
    fn nothing_is_lost_between_those_who_add() {
        const THREADS: u32 = 3;
        let heap = Heap::create(HeapConfig { ranks: 1, limit_bytes: Some(64 << 20) }).unwrap();
        let block = heap.allocate_zeroed(BYTES, 8).unwrap();
        let target = Target { heap: &heap, rank: 0, offset: block.offset };
        let elements = BYTES / 8;
        // How many elements a run has, how many runs there are, and where they may begin.
        let shapes = [
            (1, 40_000, elements),
            (1, 3_000, 100),
            (3, 5_000, elements),
            (600, 300, elements),
            (1, 70_000, 9_000),
            (20_000, 3, elements),
        ];
        let plan = |me: u32| {
            let mut next = numbers(me.into());
            shapes.map(|(len, count, below)| {
                let firsts: Vec<usize> =
                    (0..count).map(|_| next(below.min(elements - len + 1)) * 8).collect();
                let sources: Vec<usize> = (0..count).map(|_| next(50) * 8).collect();
                (len, firsts, sources)
            })
        };
        let source: Vec<i64> = (0..20_100).map(|i| i % 17 - 4).collect();
        std::thread::scope(|scope| {
            for me in 0..THREADS {
                let (source, plan) = (&source, &plan);
                scope.spawn(move || {
                    for (len, firsts, sources) in plan(me) {
                        let runs = (&firsts[..], &sources[..]);
                        // SAFETY: runs end inside block and source.
                        unsafe { accumulate_runs(target, runs, source.as_ptr(), len * 8, 3, &context(me)) }
                            .unwrap();
                        // SAFETY: as above.
                        unsafe { accumulate(target, source.as_ptr(), 20_000, 1, &context(me)) }.unwrap();
                    }
                });
            }
        });
        let mut expected = vec![0; elements];
        for me in 0..THREADS {
            for (len, firsts, sources) in plan(me) {
                for (first, from) in firsts.iter().zip(&sources) {
                    (0..len).for_each(|i| expected[first / 8 + i] += 3 * source[from / 8 + i]);
                }
                (0..20_000).for_each(|i| expected[i] += source[i]);
            }
        }
        // SAFETY: the block, to which nobody adds any more.
        let sums =
            unsafe { std::slice::from_raw_parts(heap.address(0, block.offset).cast::<i64>(), elements) };
        assert!(sums == expected);
    }

    /// In floats the order shows.
    #[test]
    fn runs_of_one_element_are_added_in_order() {
        let heap = Heap::create(HeapConfig { ranks: 1, limit_bytes: Some(64 << 20) }).unwrap();
        let block = heap.allocate_zeroed(BYTES, 8).unwrap();
        let target = Target { heap: &heap, rank: 0, offset: block.offset };
        let mut next = numbers(5);
        let places: Vec<usize> = (0..90_000).map(|_| next(300) * (BYTES / 300 / 8 * 8)).collect();
        let values: Vec<f64> =
            (0..places.len()).map(|i| next(100) as f64 * [1.0, 1e10, 1e-10][i % 3]).collect();
        let local: Vec<usize> = (0..places.len()).map(|i| i * 8).collect();
        // SAFETY: all places are in the block.
        unsafe { accumulate_runs(target, (&places, &local), values.as_ptr(), 8, 0.1, &context(0)) }.unwrap();
        let mut expected = std::collections::BTreeMap::<usize, f64>::new();
        places.iter().zip(&values).for_each(|(place, value)| {
            let sum = expected.entry(*place).or_default();
            *sum += 0.1 * value;
        });
        for (place, sum) in expected {
            // SAFETY: in the block.
            let found = unsafe { heap.address(0, block.offset + place).cast::<f64>().read() };
            assert_eq!(found.to_bits(), sum.to_bits());
        }
    }
}
