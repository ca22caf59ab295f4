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
    let block = prop::collection::vec(1usize..5, 3);
    let dealt =
        (prop::collection::vec(0usize..9, 0..4), block, prop::collection::vec(1usize..4, 3), 0usize..4)
            .prop_map(|(shape, block, grid, kind)| {
                let (block, grid) = (&block[..shape.len()], &grid[..shape.len()]);
                let ranks: usize = grid.iter().product();
                let starts = |d: usize| -> Vec<usize> { [0, block[d].min(shape[d]), shape[d]].into() };
                match kind {
                    0 => Distribution::block_cyclic(&shape, block, ranks),
                    1 => Distribution::scalapack(&shape, block, grid, ranks),
                    2 => Distribution::tiled(&shape, block, grid, ranks),
                    _ => {
                        let starts: Vec<Vec<usize>> = (0..shape.len()).map(starts).collect();
                        Distribution::tiled_irregular(&shape, &starts, grid, ranks)
                    }
                }
                .unwrap()
            });
    let plain = prop_oneof![regular, irregular];
    let bordered = (plain.clone(), prop::collection::vec(0usize..3, 3))
        .prop_map(|(plain, widths)| plain.with_ghosts(&widths[..plain.ndim()]).unwrap());
    (prop_oneof![plain, dealt, bordered], any::<bool>(), any::<bool>()).prop_map(|(all, some, items)| {
        let ranks = all.ranks();
        let reversed: Vec<usize> = (0..ranks).map(|k| ranks + 2 - k).collect();
        let on_some = if some { all.restricted(&reversed, ranks + 3).unwrap() } else { all };
        if items && on_some.ndim() < 3 { on_some.with_items(2).unwrap() } else { on_some }
    })
}

proptest! {
    /// Each element has one place of its own within its owner's memory, and owners have no other elements.
    /// Where ranks have one block without ghost cells, the place is the row-major one.
    #[test]
    fn locate_gives_each_element_a_place(distribution in any_distribution()) {
        let shape = distribution.shape();
        let mut owned = vec![0; distribution.ranks()];
        let mut places = HashSet::new();
        for index in indices(shape) {
            let at = distribution.locate(&index).unwrap();
            owned[at.rank] += 1;
            prop_assert!(at.offset < distribution.storage_len(at.rank) && places.insert((at.rank, at.offset)));
            if distribution.is_one_block() {
                let block = distribution.block(at.rank);
                prop_assert!(block.contains(&index));
                let within: Vec<usize> = index.iter().zip(block.lo()).map(|(i, l)| i - l).collect();
                let naive = indices(&block.shape()).position(|i| i == within);
                prop_assert!(distribution.has_ghosts() || Some(at.offset) == naive);
            }
        }
        for (rank, &owned) in owned.iter().enumerate() {
            prop_assert_eq!(distribution.len_of(rank), owned);
            prop_assert!(distribution.has_ghosts() || distribution.storage_len(rank) == owned);
        }
    }

    /// Blocks tell the same as `locate`.
    #[test]
    fn blocks_lie_where_they_say(distribution in any_distribution()) {
        let mut seen = 0;
        for number in 0..distribution.blocks() {
            let (block, (start, strides)) = (distribution.block_patch(number), distribution.block_place(number));
            for within in indices(&block.shape()) {
                let index: Vec<usize> = within.iter().zip(block.lo()).map(|(i, l)| i + l).collect();
                let offset = start.offset + within.iter().zip(strides.iter()).map(|(i, s)| i * s).sum::<usize>();
                let at = distribution.locate(&index).unwrap();
                prop_assert_eq!((at.rank, at.offset), (start.rank, offset));
                seen += 1;
            }
        }
        prop_assert_eq!(seen, distribution.shape().iter().product::<usize>());
    }

    /// What ranks own of a region are the region's pieces.
    #[test]
    fn own_pieces_are_those_of_a_rank(distribution in any_distribution(), corners in prop::collection::vec((0usize..9, 0usize..9), 3)) {
        let shape = distribution.shape();
        let region = Patch::new(
            Dims::from_fn(shape.len(), |d| corners[d].0.min(shape[d])),
            Dims::from_fn(shape.len(), |d| corners[d].1.min(shape[d])),
        );
        for rank in 0..distribution.ranks() {
            let own: Vec<_> = distribution.own_pieces(rank, &region).unwrap().collect();
            let naive: Vec<_> =
                distribution.locate_region(&region).unwrap().filter(|piece| piece.rank == rank).collect();
            prop_assert_eq!(own, naive);
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
        for piece in distribution.locate_region(&region).unwrap() {
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

/// Worked by hand: four ranks as a 2 x 2 grid, blocks of 2 x 2 of a 5 x 5 matrix.
#[test]
fn grids_of_ranks_count_by_the_last_axis() {
    let matrix = Distribution::scalapack(&[5, 5], &[2, 2], &[2, 2], 4).unwrap();
    let lens: Vec<usize> = (0..4).map(|rank| matrix.len_of(rank)).collect();
    assert_eq!(lens, [9, 6, 6, 4]);
    assert_eq!(matrix.locate(&[0, 2]).unwrap().rank, 1, "rank 1 is beside rank 0");
    assert_eq!(matrix.locate(&[2, 0]).unwrap().rank, 2);
    assert_eq!(matrix.locate(&[4, 4]).unwrap(), ga_core::Location { rank: 0, offset: 8 });
    let tiles = Distribution::tiled(&[5, 5], &[2, 2], &[2, 2], 4).unwrap();
    assert_eq!(tiles.locate(&[2, 0]).unwrap().rank, 2, "tiles alike");
    assert_eq!(tiles.locate(&[4, 4]).unwrap(), ga_core::Location { rank: 0, offset: 8 });
    assert_eq!(tiles.locate(&[0, 4]).unwrap(), ga_core::Location { rank: 0, offset: 4 }, "its second tile");
    let cyclic = Distribution::block_cyclic(&[5, 5], &[2, 2], 4).unwrap();
    assert_eq!(cyclic.locate(&[2, 2]).unwrap(), ga_core::Location { rank: 0, offset: 4 }, "block 4, after 0");
}

#[test]
fn what_cannot_be_is_refused() {
    let refused = |made: ga_core::Result<Distribution>| made.unwrap_err().kind() == ErrorKind::Distribution;
    assert!(refused(Distribution::block_cyclic(&[5, 5], &[2, 0], 4)));
    assert!(refused(Distribution::block_cyclic(&[5, 5], &[2], 4)));
    assert!(refused(Distribution::scalapack(&[5, 5], &[2, 2], &[2, 2], 3)));
    assert!(refused(Distribution::tiled(&[5, 5], &[2, 2], &[4], 4)));
    let regular = Distribution::regular(&[5, 5], &[], 2).unwrap();
    assert!(refused(regular.restricted(&[1, 1], 3)));
    assert!(refused(regular.restricted(&[1, 3], 3)));
    assert!(refused(regular.restricted(&[1], 3)));
    assert!(refused(regular.with_ghosts(&[1])));
    assert!(refused(Distribution::block_cyclic(&[5, 5], &[2, 2], 4).unwrap().with_ghosts(&[1, 1])));
    assert!(refused(regular.with_items(usize::MAX / 8)));
}
