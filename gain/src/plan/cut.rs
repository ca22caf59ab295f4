//! From a box to this rank's share of it, cut so that each stream lies in one rank's block.

use super::fetch::{Fetched, stream_of};
use super::{Anchor, lower::BoxPlan, lower::Read};
use crate::error::Result;
use crate::exec::{Domain, Leaf, Stream};
use crate::memory::{Blocks, Storage};
use crate::session;
use crate::view::{Dims, View};
use smallvec::SmallVec;

/// A part of a box, in the box's coordinates.
pub(crate) type Part = (Dims, Dims);

/// A stream of a share: where it is in which rank's run. Views are cut to the share.
#[derive(Debug)]
pub(super) struct Place {
    /// The rank, 0 in a replicated buffer.
    pub(super) owner: usize,
    /// What of it this is, if that is another rank's.
    pub(super) foreign: Option<View>,
}

/// A part of this rank's share of a box.
#[derive(Debug)]
pub(super) struct Share {
    /// Addresses are counted from the start of each stream's run. Normalised, if all of it is this rank's: what is
    /// fetched has steps of its own.
    pub(super) domain: Domain,
    /// For each leaf in memory.
    pub(super) leaves: Vec<Place>,
    /// For each output.
    pub(super) outs: Vec<Place>,
}

// SAFETY: the pointers in the domain are distances; nobody reads or writes through them.
unsafe impl Send for Share {}

/// A buffer to write to: its cut, its element size, and the view of it over the box.
pub(super) type Out = (Blocks, usize, View);

/// This rank's share of a box.
pub(super) fn shares(plan: &BoxPlan, anchor: &Anchor, outs: &[Out]) -> Vec<Share> {
    let whole = (SmallVec::from_elem(0, plan.counts.len()), plan.counts.clone());
    let mut parts = match anchor {
        Anchor::Owner(blocks, view) => {
            let me = session::get().rank;
            between(whole, view, blocks.start(me), blocks.start(me + 1))
        }
        _ => vec![whole],
    };
    let reads = plan.reads.iter().filter_map(Read::memory).map(|(s, v)| (s.blocks(), v));
    for (blocks, view) in reads.chain(outs.iter().map(|(blocks, _, view)| (*blocks, view))) {
        if blocks.count() > 1 {
            parts = parts.into_iter().flat_map(|part| by_owner(part, blocks, view)).collect();
        }
    }
    parts.iter().map(|part| share(plan, part, outs)).collect()
}

fn share(plan: &BoxPlan, (lo, counts): &Part, outs: &[Out]) -> Share {
    let mut domain = Domain { shape: counts.clone(), ..Domain::default() };
    let (mut leaves, mut places) = (Vec::new(), Vec::new());
    for read in &plan.reads {
        domain.leaves.push(match read {
            Read::Memory(_, storage, view) => {
                let (place, stream) = place(storage.blocks(), storage.item_bytes(), view.patch(lo, counts));
                leaves.push(place);
                Leaf::Memory(stream)
            }
            Read::Index(view) => Leaf::Index {
                start: view.offset as i64 + view.dot(lo) as i64,
                steps: view.strides.iter().map(|&s| s as i64).collect(),
            },
        });
    }
    for (blocks, item_bytes, view) in outs {
        let (place, stream) = place(*blocks, *item_bytes, view.patch(lo, counts));
        places.push(place);
        domain.outs.push(stream);
    }
    if leaves.iter().all(|place| place.foreign.is_none()) {
        domain.normalise();
    }
    Share { domain, leaves, outs: places }
}

fn place(blocks: Blocks, item_bytes: usize, view: View) -> (Place, Stream) {
    let (owner, start) = match blocks.is_distributed() {
        true => {
            let owner = blocks.owner(view.offset as usize);
            (owner, blocks.start(owner) as isize)
        }
        false => (0, 0),
    };
    let at = (view.offset - start) * item_bytes as isize;
    let strides = view.strides.iter().map(|s| s * item_bytes as isize).collect();
    let stream = Stream { ptr: std::ptr::null_mut::<u8>().wrapping_offset(at), strides };
    let is_foreign = blocks.count() > 1 && owner != session::get().rank;
    (Place { owner, foreign: is_foreign.then_some(view) }, stream)
}

fn owner(storage: &Storage, view: &View) -> usize {
    if storage.blocks().is_distributed() { storage.blocks().owner(view.offset as usize) } else { 0 }
}

fn stream(storage: &Storage, view: &View, ptr: *mut u8) -> Stream {
    stream_of(storage.item_bytes(), &view.strides, ptr)
}

/// Where to read a part that one rank owns: in place if its memory is mapped here, else in a copy, once that has arrived.
pub(crate) fn source<'s>(storage: &'s Storage, view: &View, fetched: &mut Fetched<'s>) -> Result<Stream> {
    let owner = owner(storage, view);
    if storage.blocks().count() > 1 && owner != session::get().rank {
        session::get().count(|c| &c.bytes_moved, (view.size() * storage.item_bytes()) as u64);
    }
    let ptr = storage.address(owner, view.offset);
    if ptr.is_null() { fetched.start(storage, owner, view) } else { Ok(stream(storage, view, ptr)) }
}

/// The parts whose elements under `view` lie in `[start, end)`; nothing of the others.
pub(crate) fn between(part: Part, view: &View, start: usize, end: usize) -> Vec<Part> {
    let (mut todo, mut done) = (vec![part], Vec::new());
    while let Some((lo, counts)) = todo.pop() {
        let here = view.patch(&lo, &counts);
        let Some((least, most)) = here.bounds() else { continue };
        if most < start || least >= end {
            continue;
        }
        let edge = if least < start { start } else { end };
        if least >= start && most < end {
            done.push((lo, counts));
        } else {
            push_halves(&mut todo, (lo, counts), cut_at(&here, edge));
        }
    }
    done
}

/// The part, cut so that each piece's elements under `view` have one owner.
pub(crate) fn by_owner(part: Part, blocks: Blocks, view: &View) -> Vec<Part> {
    let (mut todo, mut done) = (vec![part], Vec::new());
    while let Some((lo, counts)) = todo.pop() {
        let here = view.patch(&lo, &counts);
        let Some((least, most)) = here.bounds() else { continue };
        let end = blocks.start(blocks.owner(least) + 1);
        if most < end {
            done.push((lo, counts));
        } else {
            push_halves(&mut todo, (lo, counts), cut_at(&here, end));
        }
    }
    done
}

fn push_halves(todo: &mut Vec<Part>, (lo, counts): Part, (axis, at): (usize, usize)) {
    let (mut first, mut second, mut upper) = (counts.clone(), counts, lo.clone());
    first[axis] = at;
    second[axis] -= at;
    upper[axis] += at;
    todo.push((upper, second));
    todo.push((lo, first));
}

/// An axis and an index at which to cut a view with elements on both sides of `edge`, so that one side of the cut is
/// on one side of the edge if possible.
fn cut_at(view: &View, edge: usize) -> (usize, usize) {
    let (least, most) = view.bounds().expect("a view with elements");
    let reach = |d: usize| (view.shape[d] as isize - 1) * view.strides[d].abs();
    let mut axes: SmallVec<[usize; 4]> = (0..view.ndim()).filter(|&d| reach(d) > 0).collect();
    axes.sort_by_key(|&d| std::cmp::Reverse(reach(d)));
    for &d in &axes {
        let (n, step, edge) = (view.shape[d], view.strides[d].abs(), edge as isize);
        // Index i, counted from the low end, shows elements in [least + i*step, inner + i*step].
        let inner = most as isize - reach(d);
        let below = if edge > inner { ((edge - 1 - inner) / step + 1) as usize } else { 0 };
        let above = ((edge - least as isize) as usize).div_ceil(step as usize);
        let from_low = if below > 0 && below < n { below } else { above };
        if from_low > 0 && from_low < n {
            return (d, if view.strides[d] > 0 { from_low } else { n - from_low });
        }
    }
    (axes[0], view.shape[axes[0]] / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{Index, Slice};
    use proptest::prelude::*;

    proptest! {
        /// Every element of the view in the range is in exactly one part, none else is.
        #[test]
        fn parts_between_cover_exactly(
            rows in 1usize..6, cols in 1usize..6, step in prop_oneof![Just(1isize), Just(-1), Just(2)],
            start in 0usize..36, len in 0usize..36, transpose in any::<bool>(),
        ) {
            let mut view = View::contiguous(&[rows, cols])
                .index(&[Index::ALL, Index::Slice(Slice { step: Some(step), ..Slice::default() })]).unwrap();
            if transpose { view = view.transpose(None).unwrap(); }
            let whole = (SmallVec::from_elem(0, 2), view.shape.clone());
            let mut seen = std::collections::HashMap::new();
            for (lo, counts) in between(whole, &view, start, start + len) {
                for i in 0..counts[0] { for j in 0..counts[1] {
                    *seen.entry((lo[0] + i, lo[1] + j)).or_insert(0) += 1;
                }}
            }
            for i in 0..view.shape[0] { for j in 0..view.shape[1] {
                let at = (view.offset + view.dot(&[i, j])) as usize;
                let want = usize::from((start..start + len).contains(&at));
                prop_assert_eq!(seen.get(&(i, j)).copied().unwrap_or(0), want);
            }}
        }
    }
}
