//! What the multi-rank tests share: arrays of many distributions, a generator, and a serial copy as oracle.

use ga_core::{Dims, Distribution, GlobalArray, Patch};
use ndarray::{ArrayD, IxDyn, Slice};
use rma::{Element, World};

/// Numbers of ranks that everything is tested on.
pub(crate) const RANKS: &[usize] = &[1, 2, 3, 4];

/// A small generator; each rank can have its own, and others can replay it.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: usize) -> Self {
        Random((seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % n
    }

    /// A patch of an array, often small, sometimes empty.
    pub(crate) fn patch(&mut self, shape: &[usize]) -> Patch {
        let lo = Dims::from_fn(shape.len(), |d| self.below(shape[d] + 1));
        let hi = Dims::from_fn(shape.len(), |d| lo[d] + self.below(shape[d] - lo[d] + 1));
        Patch::new(lo, hi)
    }
}

/// Arrays of several shapes and distributions, regular and irregular, with unspecified contents.
pub(crate) fn arrays<T: Element>(world: &World) -> Vec<GlobalArray<T>> {
    let team = world.team();
    let ranks = world.size();
    let one =
        |shape: &[usize], chunk: &[usize]| GlobalArray::builder(&team, shape).chunk(chunk).create().unwrap();
    let irregular = |shape: &[usize], starts: Vec<Vec<usize>>| {
        GlobalArray::builder(&team, shape).name("irregular").irregular(starts).create().unwrap()
    };
    let given = |name: &str, distribution: ga_core::Result<Distribution>| {
        let distribution = distribution.unwrap();
        let shape = distribution.shape().to_vec();
        GlobalArray::builder(&team, &shape).name(name).distribution(&distribution).create().unwrap()
    };
    let column = [ranks, 1];
    let reversed: Vec<usize> = (0..ranks).rev().collect();
    let regular = |shape: &[usize]| Distribution::regular(shape, &[], ranks).unwrap();
    vec![
        given("cyclic", Distribution::block_cyclic(&[13, 17], &[3, 4], ranks)),
        given("cyclic", Distribution::block_cyclic(&[37], &[2], ranks)),
        given("scalapack", Distribution::scalapack(&[13, 17], &[3, 4], &column, ranks)),
        given("tiles", Distribution::tiled(&[13, 17], &[4, 3], &column, ranks)),
        given(
            "irregular tiles",
            Distribution::tiled_irregular(&[9, 8], &[vec![0, 2, 2, 3, 7], vec![0, 5]], &column, ranks),
        ),
        given("reversed", regular(&[13, 17]).restricted(&reversed, ranks)),
        given("on the last", Distribution::regular(&[5, 6], &[], 1).unwrap().restricted(&[ranks - 1], ranks)),
        given("ghosts", regular(&[13, 17]).with_ghosts(&[2, 1])),
        given("ghosts", regular(&[5, 6, 7]).with_ghosts(&[1, 0, 2])),
        given("items", regular(&[5, 6]).with_items(3)),
        one(&[], &[]),
        one(&[37], &[]),
        one(&[37], &[20]),
        one(&[0], &[]),
        one(&[13, 17], &[]),
        one(&[13, 17], &[0, 17]),
        one(&[16, 16], &[1, 16]),
        one(&[5, 6, 7], &[]),
        one(&[3, 0, 4], &[]),
        one(&[2, 3, 2, 3, 2], &[]),
        one(&[2; 10], &[]),
        irregular(&[20], vec![(0..ranks).map(|r| if r == 0 { 0 } else { 7 + r }).collect()]),
        irregular(&[9, 8], vec![(0..ranks).map(|r| (r * r).min(9)).collect(), vec![0]]),
        irregular(&[9, 8], vec![vec![0], (0..ranks).map(|r| 8 * (r > 0) as usize).collect()]),
    ]
}

/// The patch of a serial array.
pub(crate) fn cut<T: Element>(serial: &ArrayD<T>, patch: &Patch) -> ArrayD<T> {
    serial.slice_each_axis(|axis| Slice::from(patch.lo()[axis.axis.0]..patch.hi()[axis.axis.0])).to_owned()
}

/// A serial array with a value of its own in each place.
pub(crate) fn numbered(shape: &[usize], start: i64) -> ArrayD<i64> {
    let len: usize = shape.iter().product();
    ArrayD::from_shape_vec(IxDyn(shape), (start..start + len as i64).collect()).unwrap()
}

/// Sets a global array to a serial one: every rank puts its own blocks.
pub(crate) fn load<T: Element>(array: &GlobalArray<T>, serial: &ArrayD<T>) {
    let whole = Patch::whole(array.shape());
    for mine in array.distribution().own_pieces(array.team().rank(), &whole).unwrap() {
        array.put_view(&mine.patch, &cut(serial, &mine.patch)).unwrap();
    }
    array.sync().unwrap();
}

/// All of a global array.
pub(crate) fn all<T: Element>(array: &GlobalArray<T>) -> ArrayD<T> {
    array.get_array(Patch::whole(array.shape())).unwrap()
}
