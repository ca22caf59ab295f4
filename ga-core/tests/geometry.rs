//! Distributions against the naive view: a table with the owner of every element.

use ga_core::{Dims, Distribution, ErrorKind, Patch};
use proptest::prelude::*;
use std::collections::HashSet;
use std::ops::Range;

/// All indices of a shape, in C order.
fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + use<'_> {
    (0..shape.iter().product::<usize>()).map(|mut flat| {
        let mut index = vec![0; shape.len()];
        for d in (0..shape.len()).rev() {
            index[d] = flat % shape[d];
            flat /= shape[d];
        }
        index
    })
}

fn any_distribution() -> impl Strategy<Value = Distribution> {
    let shape = prop::collection::vec(0usize..9, 0..4);
    let regular = (shape.clone(), prop::collection::vec(0usize..7, 3), any::<bool>(), 1usize..10).prop_map(
        |(shape, chunk, whole, ranks)| {
            let chunk = if whole { &[] } else { &chunk[..shape.len()] };
            Distribution::regular(&shape, chunk, ranks).unwrap()
        },
    );
    let irregular = (shape, prop::collection::vec(prop::collection::vec(0usize..9, 0..3), 3), 0usize..4)
        .prop_map(|(shape, cuts, idle)| {
            let starts: Vec<Vec<usize>> = (shape.iter().zip(cuts))
                .map(|(&extent, cuts)| {
                    let mut starts: Vec<usize> = cuts.into_iter().map(|c| c.min(extent)).chain([0]).collect();
                    starts.sort();
                    starts
                })
                .collect();
            let blocks: usize = starts.iter().map(Vec::len).product();
            Distribution::irregular(&shape, &starts, blocks + idle).unwrap()
        });
    prop_oneof![regular, irregular]
}

proptest! {
    /// Each element lies in exactly one block, and `locate` finds it at its row-major place in there.
    #[test]
    fn locate_agrees_with_the_blocks(distribution in any_distribution()) {
        let shape = distribution.shape();
        let owned: usize = (0..distribution.ranks()).map(|r| distribution.len_of(r)).sum();
        prop_assert_eq!(owned, shape.iter().product::<usize>());
        for index in indices(shape) {
            let at = distribution.locate(&index).unwrap();
            let block = distribution.block(at.rank);
            prop_assert!(block.contains(&index));
            let within: Vec<usize> = index.iter().zip(block.lo()).map(|(i, l)| i - l).collect();
            let naive = indices(&block.shape()).position(|i| i == within);
            prop_assert_eq!(Some(at.offset), naive);
        }
    }

    /// The pieces of a region have each of its elements once, where `locate` says it is.
    #[test]
    fn pieces_make_up_the_region(distribution in any_distribution(), corners in prop::collection::vec((0usize..9, 0usize..9), 3)) {
        let shape = distribution.shape();
        let bound = |d: usize, b: usize| b.min(shape[d]);
        let region = Patch::new(
            Dims::from_fn(shape.len(), |d| bound(d, corners[d].0)),
            Dims::from_fn(shape.len(), |d| bound(d, corners[d].1)),
        );
        let mut seen = HashSet::new();
        let mut last_rank = None;
        for piece in distribution.locate_region(&region).unwrap() {
            prop_assert!(last_rank < Some(piece.rank), "ranks ascend");
            last_rank = Some(piece.rank);
            prop_assert!(!piece.patch.is_empty());
            for within in indices(&piece.patch.shape()) {
                let index: Vec<usize> = within.iter().zip(piece.patch.lo()).map(|(i, l)| i + l).collect();
                let offset = piece.offset + within.iter().zip(piece.strides.iter()).map(|(i, s)| i * s).sum::<usize>();
                let at = distribution.locate(&index).unwrap();
                prop_assert_eq!((at.rank, at.offset), (piece.rank, offset));
                prop_assert!(region.contains(&index) && seen.insert(index));
            }
        }
        prop_assert_eq!(seen.len(), region.len());
    }

    /// Minimum chunks are kept: no cut is closer to the next than the chunk.
    #[test]
    fn chunks_are_least_extents(extent in 1usize..100, chunk in 1usize..30, ranks in 1usize..9) {
        let distribution = Distribution::regular(&[extent], &[chunk], ranks).unwrap();
        let sizes: Vec<usize> = (0..ranks).map(|r| distribution.len_of(r)).filter(|&n| n > 0).collect();
        prop_assert!(sizes[..sizes.len() - 1].iter().all(|&n| n >= chunk.min(extent)));
    }
}

#[test]
fn many_axes_spill_and_work() {
    let shape = [2; 11];
    let distribution = Distribution::regular(&shape, &[], 8).unwrap();
    let pieces: Vec<_> = distribution.locate_region(Patch::whole(&shape)).unwrap().collect();
    assert_eq!(pieces.len(), 8);
    assert!(pieces.iter().enumerate().all(|(r, p)| p.rank == r && p.patch.len() == 256));
}

#[test]
fn bad_descriptions_are_refused_with_their_numbers() {
    let refuse = |result: ga_core::Result<Distribution>, numbers: &[&str]| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Distribution);
        let text = error.to_string();
        assert!(numbers.iter().all(|n| text.contains(n)), "{text}");
    };
    let starts = |lists: &[&[usize]]| lists.iter().map(|l| l.to_vec()).collect::<Vec<_>>();
    refuse(Distribution::regular(&[4, 5], &[1], 2), &["1 minimum", "[4, 5]"]);
    refuse(Distribution::regular(&[usize::MAX, 5], &[], 2), &["too many elements"]);
    refuse(Distribution::regular(&[4], &[], 0), &["without ranks"]);
    refuse(Distribution::irregular(&[4], &starts(&[&[1]]), 2), &["[1]", "axis 0"]);
    refuse(Distribution::irregular(&[4], &starts(&[&[0, 3, 2]]), 3), &["[0, 3, 2]"]);
    refuse(Distribution::irregular(&[4], &starts(&[&[0, 5]]), 3), &["[0, 5]", "extent 4"]);
    refuse(Distribution::irregular(&[4, 4], &starts(&[&[0, 1], &[0, 2]]), 3), &["[2, 2]", "3 ranks"]);
}

#[test]
fn places_outside_the_array_are_refused_with_their_numbers() {
    let distribution = Distribution::regular(&[10, 20], &[], 4).unwrap();
    let error = distribution.locate(&[3, 20]).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Range, "locate: index [3, 20]: axis 1 asks 20 of 20")
    );
    assert_eq!(distribution.locate(&[3]).unwrap_err().kind(), ErrorKind::Shape);
    let error = distribution.locate_region([0..11, 0..1]).err().unwrap();
    assert!(
        error.kind() == ErrorKind::Range && error.to_string().contains("axis 0 asks 0..11 of 10"),
        "{error}"
    );
    assert!(distribution.locate_region([Range { start: 5, end: 4 }, 0..1]).is_err(), "upside down");
    assert!(distribution.locate_region(0..1).is_err(), "too few axes");
}

#[test]
fn display_names_grid_and_blocks() {
    let distribution = Distribution::regular(&[10, 20], &[], 4).unwrap();
    assert_eq!(distribution.to_string(), "10x20 over 4 ranks: 2x2 blocks of at most 5x10");
    let long = format!("{:#}", Distribution::irregular(&[3], &[vec![0, 2]], 3).unwrap());
    assert_eq!(long.lines().nth(2).unwrap().trim(), "rank 1: [2..3] (1 elements)");
    assert_eq!(long.lines().nth(3).unwrap().trim(), "rank 2: nothing");
}

/// Block starts that are good when they are checked, and none afterwards.
struct Fickle(std::cell::Cell<bool>);

impl AsRef<[usize]> for Fickle {
    fn as_ref(&self) -> &[usize] {
        if self.0.replace(true) { &[0, 1 << 40] } else { &[0, 4] }
    }
}

#[test]
fn block_starts_are_those_that_were_checked() {
    let distribution = Distribution::irregular(&[9], &[Fickle(std::cell::Cell::new(false))], 2).unwrap();
    assert_eq!((distribution.len_of(0), distribution.len_of(1)), (4, 5));
}
