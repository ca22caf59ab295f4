//! Sorting along an axis: of elements, or of their numbers along it; and single elements by their places in the order.
//!
//! Elements become words whose order is NumPy's ([`word`]). Lines that a rank has all of it sorts where they lie ([`lines`]),
//! long ones with all its threads ([`large`]); of others the ranks exchange elements ([`ranks`]). [`select`] and [`member`] move none. The order is stable: equal
//! elements stay as they were, but for zeros of both signs, of which the negative ones come first.

mod divide;
mod large;
mod lines;
mod member;
mod radix;
mod ranks;
mod select;
#[cfg(test)]
mod tests;
mod word;

pub(crate) use member::{member, member_here};
pub(crate) use select::select;

use super::{by_size, stored};
use crate::dtype::{DType, f16};
use crate::error::Result;
use crate::memory::Blocks;
use crate::record::{Arg, Node};
use crate::session;
use crate::stage::{Reads, Room, Run, Spread, Stage};
use bytemuck::Pod;
use large::Wanted;
use lines::Lines;
use std::sync::Arc;
use word::{Kind, Low};

/// What a sort gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Gives {
    /// The elements.
    Elements,
    /// Their numbers along the axis.
    Numbers,
}

/// A sort along an axis.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sort<'a> {
    pub(crate) shape: &'a [usize],
    pub(crate) axis: usize,
    pub(crate) dtype: DType,
    pub(crate) gives: Gives,
    /// The places that have to be right, in ascending order, with everything else on the right side of them; else all.
    pub(crate) places: Option<&'a [usize]>,
}

impl Sort<'_> {
    /// The type of the result.
    pub(crate) fn result(&self) -> DType {
        if self.gives == Gives::Elements { self.dtype } else { DType::I64 }
    }

    fn lines(&self) -> Lines {
        Lines { n: self.shape[self.axis], inner: self.shape[self.axis + 1..].iter().product() }
    }

    fn wanted(&self) -> Wanted<'_> {
        self.places.map_or(Wanted::All, Wanted::At)
    }

    /// Whether each rank has whole lines.
    pub(crate) fn is_local(&self, blocks: Blocks) -> bool {
        let Lines { n, inner } = self.lines();
        let plane = (n * inner).max(1);
        !blocks.is_distributed()
            || n <= 1
            || (0..blocks.count()).all(|rank| blocks.start(rank).is_multiple_of(plane))
    }

    /// Sorts a value of the shape, which may be cut anywhere if the axis is the last. Collective.
    pub(crate) fn run(&self, node: &Arc<Node>) -> Result<Arc<Node>> {
        let (blocks, name) = (node.blocks, if self.gives == Gives::Elements { "sort" } else { "argsort" });
        let spread = if blocks.is_custom() { Spread::Cut(blocks) } else { Spread::Usual };
        let mut stage = Stage::new(name)
            .reads(Arg::whole(node.clone()), self.shape, self.dtype, Reads::Own)
            .writes(self.shape, self.result(), spread)
            .foreseen();
        if !self.is_local(blocks) && self.places.is_none() {
            stage = stage.borrows(blocks, visit(self.dtype, self.gives, self.lines().n, Width));
        }
        let made = stage.run(|room, runs| {
            let elements = by_size!(self.dtype, own(room));
            visit(self.dtype, self.gives, self.lines().n, InStage { sort: self, elements, room, runs })
        })?;
        Ok(made.into_iter().next().expect("one result"))
    }

    /// Sorts few elements here and now, in C order in memory.
    pub(crate) fn run_here(&self, elements: &[u8], out: &mut [u8]) {
        visit(self.dtype, self.gives, self.lines().n, Here { sort: self, elements, out });
    }
}

/// The value that is sorted: all of a stored one, or what a view shows.
pub(crate) fn operand(value: Arg, shape: &[usize], dtype: DType) -> Arc<Node> {
    match stored(value, shape, dtype) {
        Arg::Node(node, _) => node,
        Arg::Const(_) => unreachable!("a number has no axes"),
    }
}

/// This rank's run of the first operand.
fn own<'a, T: Pod>(room: &Room<'a>) -> &'a [u8] {
    bytemuck::cast_slice(room.own::<T>(0))
}

/// What is done with a kind of words, whatever they are.
trait Visit {
    type Out;
    fn visit<W: Low<O>, O: Pod + Send + Sync>(self, kind: Kind<W>) -> Self::Out;
}

/// Bytes of a word.
struct Width;

impl Visit for Width {
    type Out = usize;

    fn visit<W: Low<O>, O: Pod + Send + Sync>(self, _: Kind<W>) -> usize {
        size_of::<W>()
    }
}

struct InStage<'a, 'r, 's> {
    sort: &'a Sort<'a>,
    elements: &'a [u8],
    room: &'a Room<'r>,
    runs: &'a mut [Run<'s>],
}

impl Visit for InStage<'_, '_, '_> {
    type Out = Result<()>;

    fn visit<W: Low<O>, O: Pod + Send + Sync>(self, kind: Kind<W>) -> Result<()> {
        let InStage { sort, elements, room, runs } = self;
        let (lines, wanted) = (sort.lines(), sort.wanted());
        if sort.is_local(room.blocks(0)) {
            lines::order(kind, elements, lines, &wanted, runs[0].elements::<O>());
            return Ok(());
        }
        let cuts = ranks::Cuts::of(lines.n, &runs[0]);
        let whole = cuts.whole(session::get().rank);
        if !whole.is_empty() {
            let start = runs[0].range().start;
            let own = whole.start - start..whole.end - start;
            let item = elements.len() / runs[0].range().len();
            let elements = &elements[own.start * item..own.end * item];
            lines::order(
                kind,
                elements,
                Lines { inner: 1, ..lines },
                &wanted,
                &mut runs[0].elements::<O>()[own],
            );
        }
        match wanted {
            Wanted::All => ranks::order(kind, elements, &cuts, room, runs),
            Wanted::At(places) => divide::order(kind, elements, &cuts, places, room, &mut runs[0]),
        }
    }
}

struct Here<'a> {
    sort: &'a Sort<'a>,
    elements: &'a [u8],
    out: &'a mut [u8],
}

impl Visit for Here<'_> {
    type Out = ();

    fn visit<W: Low<O>, O: Pod + Send + Sync>(self, kind: Kind<W>) {
        let Here { sort, elements, out } = self;
        lines::order::<W, O>(kind, elements, sort.lines(), &sort.wanted(), bytemuck::cast_slice_mut(out));
    }
}

/// Calls `visitor` with the kind of words that elements of a type, or their numbers, are sorted as; lines have `n`.
fn visit<V: Visit>(dtype: DType, gives: Gives, n: usize, visitor: V) -> V::Out {
    macro_rules! numbers {
        ($t:ty) => {
            match u32::try_from(n) {
                Ok(_) => visitor.visit::<u64, u64>(word::near::<$t>()),
                Err(_) => visitor.visit::<u128, u64>(word::far::<$t>()),
            }
        };
    }
    match (gives, dtype) {
        (Gives::Elements, DType::Bool | DType::U8) => visitor.visit::<u8, u8>(Kind::values::<u8>()),
        (Gives::Elements, DType::I8) => visitor.visit::<u8, u8>(Kind::values::<i8>()),
        (Gives::Elements, DType::U16) => visitor.visit::<u16, u16>(Kind::values::<u16>()),
        (Gives::Elements, DType::I16) => visitor.visit::<u16, u16>(Kind::values::<i16>()),
        (Gives::Elements, DType::F16) => visitor.visit::<u16, u16>(Kind::values::<f16>()),
        (Gives::Elements, DType::U32) => visitor.visit::<u32, u32>(Kind::values::<u32>()),
        (Gives::Elements, DType::I32) => visitor.visit::<u32, u32>(Kind::values::<i32>()),
        (Gives::Elements, DType::F32) => visitor.visit::<u32, u32>(Kind::values::<f32>()),
        (Gives::Elements, DType::U64) => visitor.visit::<u64, u64>(Kind::values::<u64>()),
        (Gives::Elements, DType::I64) => visitor.visit::<u64, u64>(Kind::values::<i64>()),
        (Gives::Elements, DType::F64) => visitor.visit::<u64, u64>(Kind::values::<f64>()),
        (Gives::Elements, DType::C64) => visitor.visit::<u128, u64>(word::single()),
        (Gives::Elements, DType::C128) => visitor.visit::<word::Wide, [u64; 2]>(word::double()),
        (Gives::Numbers, DType::Bool | DType::U8) => numbers!(u8),
        (Gives::Numbers, DType::I8) => numbers!(i8),
        (Gives::Numbers, DType::U16) => numbers!(u16),
        (Gives::Numbers, DType::I16) => numbers!(i16),
        (Gives::Numbers, DType::F16) => numbers!(f16),
        (Gives::Numbers, DType::U32) => numbers!(u32),
        (Gives::Numbers, DType::I32) => numbers!(i32),
        (Gives::Numbers, DType::F32) => numbers!(f32),
        (Gives::Numbers, DType::U64) => visitor.visit::<u128, u64>(word::far::<u64>()),
        (Gives::Numbers, DType::I64) => visitor.visit::<u128, u64>(word::far::<i64>()),
        (Gives::Numbers, DType::F64) => visitor.visit::<u128, u64>(word::far::<f64>()),
        (Gives::Numbers, DType::C64) => visitor.visit::<u128, u64>(word::far_single()),
        (Gives::Numbers, DType::C128) => visitor.visit::<word::Wide, u64>(word::far_double()),
    }
}
