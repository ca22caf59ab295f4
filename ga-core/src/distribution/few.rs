//! A table of the blocks of a layout with two axes and nine blocks at most, for loops over many elements.
//!
//! Finding an element takes some twenty instructions there and no call. That matters more than it seems: the misses of
//! such a loop overlap as far as the processor looks ahead, which is a number of instructions.
//!
//! Invariant: the origin of a block is where element (0, 0) of the array would be in the holder's part if the block
//! went on as far, which may be before that part: numbers wrap around until an element of the block makes them good.

use super::{Distribution, Location};

/// Most parts of an axis.
const PARTS: usize = 3;

/// Elements for which making the table takes no longer than it saves.
const WORTH: usize = 64;

/// The table. `B` is what its user wants to know of a block's holder.
pub(crate) struct Few<B> {
    shape: [usize; 2],
    /// Where the second and the third part of each axis begin.
    fences: [[usize; PARTS - 1]; 2],
    /// `PARTS` to a row, however many there are.
    blocks: [Block<B>; PARTS * PARTS],
}

#[derive(Clone, Copy)]
struct Block<B> {
    rank: usize,
    origin: usize,
    /// Elements from one row to the next.
    stride: usize,
    base: B,
}

impl Distribution {
    /// The table, if the layout has one and a loop over `count` elements is worth it; `base` says what is wanted of a
    /// holder.
    pub(crate) fn few<B: Copy>(&self, count: usize, base: impl Fn(usize) -> B) -> Option<Few<B>> {
        let ([rows, columns], &[height, width]) = (self.0.axes.as_slice(), self.shape()) else { return None };
        if count < WORTH {
            return None;
        }
        let fences = [rows.few()?, columns.few()?];
        let nothing = Block { rank: 0, origin: 0, stride: 0, base: base(0) };
        let mut few = Few { shape: [height, width], fences, blocks: [nothing; PARTS * PARTS] };
        for r in 0..rows.parts() {
            for c in 0..columns.parts() {
                let place = self.0.plan.place(&self.0.axes, &[r, c]);
                let (rank, stride) = (self.rank_of(place.member), place.strides[0]);
                let before = rows.part(r).0 * stride + columns.part(c).0;
                let origin = place.offset.wrapping_sub(before);
                few.blocks[r * PARTS + c] = Block { rank, origin, stride, base: base(rank) };
            }
        }
        Some(few)
    }
}

impl<B: Copy> Few<B> {
    /// Where an element lives, and what was wanted of its owner; `None` if there is no such element.
    #[inline(always)]
    pub(crate) fn locate(&self, [i, j]: [usize; 2]) -> Option<(Location, B)> {
        if i >= self.shape[0] || j >= self.shape[1] {
            return None;
        }
        // Without a branch: whose an element is can't be predicted.
        let part = |[second, third]: [usize; 2], i: usize| (second <= i) as usize + (third <= i) as usize;
        let block = &self.blocks[part(self.fences[0], i) * PARTS + part(self.fences[1], j)];
        let offset = block.origin.wrapping_add(i * block.stride + j);
        Some((Location { rank: block.rank, offset }, block.base))
    }
}
