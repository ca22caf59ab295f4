//! Histograms: how many elements, or what weights of elements, lie between edges. The last bin has its right edge, too.
//!
//! Of bins of one width an element's is computed, and then put right by the edges themselves, so that it is exactly the one
//! whose edges are around it. In other bins it is looked for.

use super::table::{Key, Side, Table, by_key};
use super::tally::{Column, Sum, WINDOW, is_cut, join, tally};
use crate::dtype::{Complex64, DType};
use crate::error::Result;
use crate::record::{Arg, Node};
use crate::stage::{Reads, Room, Run, Spread, Stage};
use std::hint::select_unpredictable;
use std::ops::Range;
use std::sync::Arc;

/// The bins of a histogram.
pub(crate) struct Bins {
    /// The edges, in order, and how many they are.
    pub(crate) edges: Arg,
    pub(crate) len: usize,
    /// The type in which elements are compared with edges.
    pub(crate) dtype: DType,
    /// All bins are of one width, which isn't 0; the edges are real, and finite.
    pub(crate) are_equal: bool,
}

/// The histogram of `len` elements of this type: counts, or sums of the weights in a type that is given along: integers,
/// doubles or complex ones. Collective.
pub(crate) fn histogram(
    elements: Arg,
    dtype: DType,
    len: usize,
    bins: &Bins,
    weights: Option<(Arg, DType, DType)>,
) -> Result<Arc<Node>> {
    let sums = weights.as_ref().map_or(DType::I64, |(_, _, sums)| *sums);
    let weight_type = weights.as_ref().map(|(_, dtype, _)| *dtype);
    let compared = if bins.are_equal { DType::F64 } else { bins.dtype };
    let mut stage = Stage::new("histogram").reads(elements, &[len], dtype, Reads::Own).reads(
        bins.edges.clone(),
        &[bins.len],
        compared,
        Reads::All,
    );
    if let Some((weights, dtype, _)) = weights {
        stage = stage.reads(weights, &[len], dtype, Reads::All);
    }
    let made = stage.writes(&[bins.len.max(1) - 1], sums, Spread::Usual).foreseen().run(|room, runs| {
        let columns = Columns {
            elements: Column::own(room, 0, dtype),
            weights: weight_type.map(|dtype| Column::of(room, 2, dtype, room.range(0))).transpose()?,
        };
        columns.fill(room, &mut runs[0], bins, sums)
    })?;
    Ok(made.into_iter().next().expect("one result"))
}

/// This rank's elements, and their weights.
struct Columns<'a> {
    elements: Column<'a>,
    weights: Option<Column<'a>>,
}

impl Columns<'_> {
    fn fill(&self, room: &Room<'_>, run: &mut Run<'_>, bins: &Bins, sums: DType) -> Result<()> {
        if bins.len < 2 {
            return Ok(());
        }
        if !bins.are_equal {
            return by_key!(bins.dtype, look_up(self, room, run, bins, sums));
        }
        let edges = Equal::new(&room.at::<f64>(1, 0..bins.len)?);
        let place = |x: &[f64], places: &mut [i64]| edges.place(x, places);
        self.sum_up(room, run, DType::F64, bins.len - 1, sums, place)
    }

    /// Adds up in the type told what `place` says of some elements after the others: the number of the bin, or of bins, if
    /// it is in none.
    fn sum_up<K: Key>(
        &self,
        room: &Room<'_>,
        run: &mut Run<'_>,
        dtype: DType,
        count: usize,
        sums: DType,
        place: impl Fn(&[K], &mut [i64]) + Sync,
    ) -> Result<()> {
        match sums {
            DType::C128 => self.sum_in::<Complex64, K>(room, run, dtype, count, place),
            DType::F64 => self.sum_in::<f64, K>(room, run, dtype, count, place),
            _ => self.sum_in::<i64, K>(room, run, dtype, count, place),
        }
    }

    fn sum_in<W: Sum, K: Key>(
        &self,
        room: &Room<'_>,
        run: &mut Run<'_>,
        dtype: DType,
        count: usize,
        place: impl Fn(&[K], &mut [i64]) + Sync,
    ) -> Result<()> {
        let sums = tally(self.elements.len(), count + 1, |range: Range<usize>, sums: &mut Vec<W>| {
            let sums = &mut sums[..count + 1];
            let (mut elements, mut weights) = ([K::zeroed(); WINDOW], [W::zeroed(); WINDOW]);
            let mut places = [0; WINDOW];
            for start in range.clone().step_by(WINDOW) {
                let window = start..range.end.min(start + WINDOW);
                let places = &mut places[..window.len()];
                place(self.elements.window(dtype, window.clone(), &mut elements), places);
                match &self.weights {
                    Some(column) => {
                        let weights = column.window(W::DTYPE, window, &mut weights);
                        places.iter().zip(weights).for_each(|(&i, &w)| sums[i as usize].add(w));
                    }
                    None => places.iter().for_each(|&i| sums[i as usize].add(W::ONE)),
                }
            }
        });
        join(room, run, &sums[..count], is_cut(room, 0))
    }
}

/// Bins of one width.
struct Equal {
    /// The edges, infinity in the place of the last: all up to it belong to the last bin.
    edges: Vec<f64>,
    first: f64,
    last: f64,
}

impl Equal {
    fn new(edges: &[f64]) -> Equal {
        let (first, last) = (edges[0], edges[edges.len() - 1]);
        let mut edges = edges.to_vec();
        *edges.last_mut().expect("edges") = f64::INFINITY;
        Equal { edges, first, last }
    }

    /// The bins that elements are in.
    fn place(&self, elements: &[f64], places: &mut [i64]) {
        let Equal { ref edges, first, last } = *self;
        let count = edges.len() - 1;
        let (scale, most) = (count as f64 / (last - first), (count - 1) as f64);
        for (place, &x) in places.iter_mut().zip(elements) {
            // (Of NaN it is 0.)
            let near = ((x - first) * scale).max(0.0).min(most);
            // SAFETY: it is a number from 0 to one less than there are bins, which are in memory.
            let i = unsafe { near.to_int_unchecked::<i64>() } as usize;
            // SAFETY: there is one edge more than bins.
            let [left, right] = unsafe { [*edges.get_unchecked(i), *edges.get_unchecked(i + 1)] };
            // A bin too far, or too near.
            let i = i.wrapping_sub(usize::from(x < left)).wrapping_add(usize::from(x >= right));
            *place = select_unpredictable(x >= first && x <= last, i as i64, count as i64);
        }
    }
}

/// Looks for the bins that elements are in.
fn look_up<K: Key>(
    columns: &Columns<'_>,
    room: &Room<'_>,
    run: &mut Run<'_>,
    bins: &Bins,
    sums: DType,
) -> Result<()> {
    let table = Table::<K>::of(room, 1)?;
    let (count, last) = (bins.len - 1, table.get(bins.len - 1));
    columns.sum_up(room, run, bins.dtype, count, sums, |elements: &[K], places: &mut [i64]| {
        table.places(Side::Right, elements, places);
        for (place, &x) in places.iter_mut().zip(elements) {
            // Before all edges, behind them, on the last, or between two.
            *place = match *place {
                0 => count as i64,
                i if i as usize <= count => i - 1,
                _ if x.up_to(last) || x.is_nan() && last.is_nan() => count as i64 - 1,
                _ => count as i64,
            };
        }
    })
}
