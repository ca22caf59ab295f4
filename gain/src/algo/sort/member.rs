//! Whether elements are among others, of which every rank looks at all: in a table of bits where they lie close together,
//! else by halving.

use super::own;
use super::word::{Element, Kind, Word, double_key, single_key};
use crate::algo::pick::{PIECE, threads};
use crate::algo::{Cells, by_size};
use crate::dtype::{Complex32, Complex64, DType, f16};
use crate::error::Result;
use crate::exec::pool;
use crate::memory::Blocks;
use crate::record::{Arg, Node};
use crate::stage::{Reads, Room, Spread, Stage};
use bytemuck::Pod;
use std::borrow::Cow;
use std::sync::Arc;

/// Words at once.
const WINDOW: usize = 512;

/// Most bits of a table, and how many are worth their memory for each element.
const BITS: u64 = 1 << 23;
const SPARE: usize = 64;

/// For each element of `node`, whether it is among the `count` of `others`, or whether it isn't. Collective.
pub(crate) fn member(node: &Arc<Node>, others: Arg, count: usize, is_wanted: bool) -> Result<Arc<Node>> {
    let (blocks, dtype): (Blocks, _) = (node.blocks, node.dtype);
    let spread = if blocks.is_custom() { Spread::Cut(blocks) } else { Spread::Usual };
    let made = Stage::new("isin")
        .reads(Arg::whole(node.clone()), &node.shape, dtype, Reads::Own)
        .reads(others, &[count], dtype, Reads::All)
        .writes(&node.shape, DType::Bool, spread)
        .foreseen()
        .run(|room, runs| {
            let elements = by_size!(dtype, own(room));
            let others = by_size!(dtype, all(room))?;
            member_here(dtype, elements, &others, is_wanted, runs[0].elements());
            Ok(())
        })?;
    Ok(made.into_iter().next().expect("one result"))
}

/// The second operand.
fn all<'a, T: Pod>(room: &Room<'a>) -> Result<Cow<'a, [u8]>> {
    Ok(match room.at::<T>(1, 0..room.len(1))? {
        Cow::Borrowed(all) => Cow::Borrowed(bytemuck::cast_slice(all)),
        // (Bytes of another alignment are no vector of the same memory.)
        Cow::Owned(all) => Cow::Owned(bytemuck::cast_slice(&all).to_vec()),
    })
}

/// The same for elements that are here.
pub(crate) fn member_here(dtype: DType, elements: &[u8], others: &[u8], is_wanted: bool, out: &mut [u8]) {
    macro_rules! plain {
        ($t:ty) => {
            look(Kind::keys::<$t>(), None, elements, others, is_wanted, out)
        };
    }
    macro_rules! float {
        ($t:ty) => {
            look(Kind::keys::<$t>(), Some(<$t>::NAN.key()), elements, others, is_wanted, out)
        };
    }
    match dtype {
        DType::Bool | DType::U8 => plain!(u8),
        DType::I8 => plain!(i8),
        DType::U16 => plain!(u16),
        DType::I16 => plain!(i16),
        DType::U32 => plain!(u32),
        DType::I32 => plain!(i32),
        DType::U64 => plain!(u64),
        DType::I64 => plain!(i64),
        DType::F16 => float!(f16),
        DType::F32 => float!(f32),
        DType::F64 => float!(f64),
        DType::C64 => {
            let least = single_key(Complex32::new(f32::NEG_INFINITY, f32::NAN));
            look(super::word::single_keys(), Some(least), elements, others, is_wanted, out);
        }
        DType::C128 => {
            let least = double_key(Complex64::new(f64::NEG_INFINITY, f64::NAN));
            look(super::word::double_keys(), Some(least), elements, others, is_wanted, out);
        }
    }
}

/// The same; words from `nan` on are equal to nothing.
fn look<W: Word>(
    kind: Kind<W>,
    nan: Option<W>,
    elements: &[u8],
    others: &[u8],
    is_wanted: bool,
    out: &mut [u8],
) {
    if out.is_empty() {
        return;
    }
    let item = elements.len() / out.len();
    let mut known = vec![W::zeroed(); others.len() / item];
    // (Bytes that were fetched need not lie as elements do.)
    let aligned: Vec<u128>;
    let others = match others.as_ptr().addr().is_multiple_of(item.min(16)) {
        true => others,
        false => {
            let mut room = vec![0u128; others.len().div_ceil(16)];
            bytemuck::cast_slice_mut::<_, u8>(&mut room)[..others.len()].copy_from_slice(others);
            aligned = room;
            &bytemuck::cast_slice::<_, u8>(&aligned)[..others.len()]
        }
    };
    (kind.load)(others, 0, 0, &mut known);
    known.sort_unstable();
    known.dedup();
    if let Some(nan) = nan {
        known.truncate(known.partition_point(|word| *word < nan));
    }
    let table = Table::of(&known, out.len() + known.len());
    let pieces = out.len().div_ceil(PIECE);
    let (len, out) = (out.len(), Cells::of(out));
    pool::split(pieces, threads(len), &|piece| {
        let mut words = [W::zeroed(); WINDOW];
        let end = len.min((piece + 1) * PIECE);
        for start in (piece * PIECE..end).step_by(WINDOW) {
            let words = &mut words[..WINDOW.min(end - start)];
            (kind.load)(&elements[start * item..(start + words.len()) * item], 0, 0, words);
            // SAFETY: pieces don't overlap, and are within the result.
            let out = unsafe { std::slice::from_raw_parts_mut(out.at(start), words.len()) };
            match &table {
                Some(table) => out
                    .iter_mut()
                    .zip(&*words)
                    .for_each(|(to, word)| *to = u8::from(table.has(word.top()) == is_wanted)),
                None => out
                    .iter_mut()
                    .zip(&*words)
                    .for_each(|(to, word)| *to = u8::from(has(&known, word) == is_wanted)),
            }
        }
    });
}

/// Whether a word is among others, which are in order.
#[inline]
fn has<W: Word>(known: &[W], word: &W) -> bool {
    let (mut base, mut len) = (0, known.len());
    while len > 1 {
        let half = len / 2;
        base = if known[base + half] <= *word { base + half } else { base };
        len -= half;
    }
    known.get(base) == Some(word)
}

/// A bit for each word from the least to the greatest.
struct Table {
    least: u64,
    bits: Vec<u64>,
}

impl Table {
    /// If these words lie so close together that it is worth while for `len` questions.
    fn of<W: Word>(known: &[W], len: usize) -> Option<Table> {
        let (least, most) = (known.first()?.top(), known.last()?.top());
        if W::BITS > 64 || most - least >= BITS.min((SPARE * len) as u64) {
            return None;
        }
        let mut bits = vec![0; (most - least) as usize / 64 + 1];
        known.iter().map(|word| word.top() - least).for_each(|at| bits[at as usize / 64] |= 1 << (at % 64));
        Some(Table { least, bits })
    }

    #[inline]
    fn has(&self, word: u64) -> bool {
        let at = word.wrapping_sub(self.least);
        self.bits.get((at / 64) as usize).is_some_and(|bits| bits >> (at % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_as_comparing_finds_them() {
        let mut number = 1u64;
        for (len, others, spread) in
            [(1, 1, 2), (10, 0, 9), (500, 7, 20), (500, 300, 1 << 40), (2000, 90, 1 << 20)]
        {
            let mut numbers = |n: usize| -> Vec<i64> {
                (0..n)
                    .map(|_| {
                        number = crate::session::mix(number);
                        (number % spread) as i64 - 5
                    })
                    .collect()
            };
            let (elements, others) = (numbers(len), numbers(others));
            let mut out = vec![9; len];
            let bytes = bytemuck::cast_slice(&elements);
            member_here(DType::I64, bytes, bytemuck::cast_slice(&others), true, &mut out);
            let expected: Vec<u8> = elements.iter().map(|x| u8::from(others.contains(x))).collect();
            assert_eq!(out, expected);
        }
        let (elements, others) = ([f64::NAN, -0.0, 1.0, f64::INFINITY], [0.0, f64::NAN, f64::INFINITY]);
        let mut out = [9; 4];
        let [elements, others] = [bytemuck::cast_slice(&elements), bytemuck::cast_slice(&others)];
        member_here(DType::F64, elements, others, false, &mut out);
        assert_eq!(out, [1, 0, 1, 0]);
    }
}
