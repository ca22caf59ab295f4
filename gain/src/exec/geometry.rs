//! The shape of tiles: what fits the first-level cache, along the axes that memory runs along.

use super::domain::{Domain, Leaf, Stream};
use super::program::Program;
use crate::kernels::CHUNK;

/// Bytes that the streams and registers of a tile may take of the first-level cache together.
const BUDGET: usize = 16 << 10;

/// The same where nothing is reduced.
const WIDE_BUDGET: usize = 24 << 10;

/// Bytes of a packed operand's tile.
const STRIDED_BYTES: usize = 2 << 10;

/// A cache line.
const LINE_BYTES: usize = 64;

/// Rows of this length are worth a tile of their own, which needs no packing.
const ROW: usize = 48;

/// Shape of the tiles of a box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl Geometry {
    /// Elements that a place for a tile has room for: whole cache lines, and a splat at least.
    pub(super) fn room(&self) -> usize {
        (self.rows * self.columns).next_multiple_of(LINE_BYTES).max(128)
    }

    /// Chosen from the whole normalised box, so that it doesn't depend on how the box is cut for threads.
    pub(super) fn of(program: &Program, domain: &Domain) -> Geometry {
        let last = domain.shape.len() - 1;
        let inner = domain.shape[last];
        let (strided, plain) = (Geometry::strided(program, domain), tile_len(program, domain));
        let tile = strided.unwrap_or(usize::MAX).min(plain);
        if last == 0 {
            return Geometry { rows: 1, columns: tile };
        }
        if Geometry::crosses(domain) && domain.shape[last - 1] >= 8 {
            Geometry { rows: 16, columns: (tile / 16).min(16).min(inner) }
        } else if inner >= ROW.min(tile / 2) {
            // A whole row is worth more than a cache that holds all of it.
            let is_whole = strided.is_none() && inner <= 2 * tile && inner <= most(program);
            Geometry { rows: 1, columns: if is_whole { inner } else { tile } }
        } else {
            Geometry { rows: tile / inner, columns: inner }
        }
    }

    /// Elements of a tile if leaves have gaps between them along the last axis: so few that the lines they are packed from
    /// fit the first-level cache, and that all operands are fetched from memory at once.
    fn strided(program: &Program, domain: &Domain) -> Option<usize> {
        let last = domain.shape.len() - 1;
        let sizes = domain.leaves.iter().zip(&program.leaves).filter_map(|(leaf, dtype)| match leaf {
            Leaf::Memory(stream) => {
                let (step, size) = (stream.strides[last].unsigned_abs(), dtype.size_bytes());
                (step > size).then_some(size)
            }
            Leaf::Index { .. } => None,
        });
        sizes.max().map(|size| (STRIDED_BYTES / size).max(128))
    }

    /// Whether a leaf's memory runs along the axis before the last rather than along the last.
    pub(super) fn crosses(domain: &Domain) -> bool {
        let last = domain.shape.len() - 1;
        domain.leaves.iter().any(|leaf| match leaf {
            Leaf::Memory(stream) => {
                let (row, column) =
                    (stream.strides[last - 1].unsigned_abs(), stream.strides[last].unsigned_abs());
                row != 0 && row < column
            }
            Leaf::Index { .. } => false,
        })
    }
}

/// Bytes per element of everything a tile touches: numbers that are the same for all of a row are not counted, nor is memory
/// that another leaf reads as well, but for a shift.
fn element_bytes(program: &Program, domain: &Domain) -> usize {
    let last = domain.shape.len() - 1;
    let is_met = |leaf: usize| match &domain.leaves[leaf] {
        Leaf::Memory(stream) => {
            let is_near = |other: &Stream| {
                other.strides == stream.strides && other.ptr.addr().abs_diff(stream.ptr.addr()) <= LINE_BYTES
            };
            let before = domain.leaves[..leaf].iter();
            stream.strides[last] == 0
                || before.into_iter().any(|other| matches!(other, Leaf::Memory(other) if is_near(other)))
        }
        Leaf::Index { .. } => false,
    };
    let leaves = program.leaves.iter().enumerate().filter(|&(leaf, _)| !is_met(leaf));
    let stores = program.stores.iter().filter(|store| !store.owned).map(|store| store.size);
    leaves.map(|(_, dtype)| dtype.size_bytes()).chain(stores).chain(program.registers.iter().copied()).sum()
}

/// Elements of a tile: what fits the budget, a multiple of 64, at least 128 (so that a 16 x 8 block fits).
pub(super) fn tile_len(program: &Program, domain: &Domain) -> usize {
    let bytes = element_bytes(program, domain);
    if program.reduces.is_empty() {
        // No sums whose errors grow with the tile.
        return (WIDE_BUDGET / bytes.max(1) / 64 * 64).clamp(128, most(program));
    }
    tile_of(bytes).min(most(program))
}

/// Most elements of a tile.
fn most(program: &Program) -> usize {
    if program.reduces.iter().all(|reduce| reduce.dtype.size_bytes() <= 2) { 8192 } else { 1024 }
}

/// The same for a number of bytes per element.
pub(super) fn tile_of(bytes: usize) -> usize {
    (BUDGET / bytes.max(1) / 64 * 64).clamp(128, if bytes <= 2 { 8192 } else { 1024 })
}

/// Bytes of scratch memory that tiles of this shape need.
pub(super) fn scratch_bytes(program: &Program, geometry: Geometry) -> usize {
    let sizes = program.leaves.iter().map(|leaf| leaf.size_bytes()).chain(program.registers.iter().copied());
    program.consts.len() * CHUNK * 16 + geometry.room() * sizes.sum::<usize>()
}
