//! Creation with contents, whole arrays from and to `ndarray`, regions of every form: against `ndarray`, on 1 to 4 ranks.

use crate::common::{RANKS, Random, all, arrays, numbered};
use ga_core::{ArrayBuilder, Complex64, Element, ErrorKind, GlobalArray, Number, World, f16};
use ndarray::{
    Array, Array0, Array1, Array2, Array3, ArrayD, Dimension, IntoDimension, Ix0, Ix1, Ix2, Ix3, IxDyn, s,
};
use tests::{Job, spmd};

/// All of the array, and then a synchronisation.
#[track_caller]
fn is<T: Element, D: Dimension>(array: &GlobalArray<T>, expected: &Array<T, D>) {
    assert_eq!(array.to_array::<D>().unwrap(), expected, "{array}");
    array.sync().unwrap();
}

#[test]
fn constructors_do_what_those_of_ndarray_do() {
    fn of<T: Number>(world: &World, value: T) {
        let team = world.team();
        is(&GlobalArray::<T>::zeros(&team, ()).unwrap(), &Array0::from_elem((), T::ZERO));
        is(&GlobalArray::<T>::zeros(&team, 37).unwrap(), &Array1::from_elem(37, T::ZERO));
        is(&GlobalArray::<T>::ones(&team, [7, 9]).unwrap(), &Array2::from_elem((7, 9), T::ONE));
        is(&GlobalArray::from_elem(&team, (5, 0, 3), value).unwrap(), &Array3::from_elem((5, 0, 3), value));
        is(
            &GlobalArray::from_elem(&team, &[2; 7][..], value).unwrap(),
            &ArrayD::from_elem(&[2; 7][..], value),
        );
        let by_index = |(i, j, k): (usize, usize, usize)| T::from_count(7 * i + 3 * j + k).times(value);
        is(
            &GlobalArray::from_shape_fn(&team, (5, 6, 7), by_index).unwrap(),
            &Array3::from_shape_fn((5, 6, 7), by_index),
        );
        let table = Array2::from_shape_fn((11, 13), |(i, j)| T::from_count(i * 13 + j));
        is(&GlobalArray::from_array(&team, &table).unwrap(), &table);
        is(&GlobalArray::from_array(&team, &table.t()).unwrap(), &table.t().to_owned());
        let every_other = table.slice(s![..;-2, 1..;3]);
        is(&GlobalArray::from_array(&team, &every_other).unwrap(), &every_other.to_owned());
    }
    // Memory that others have used before.
    let job = Job::new("constructors_do_what_those_of_ndarray_do").env("GAIN_HEAP_BYTES", "16777216");
    job.run(RANKS, |world| {
        GlobalArray::from_elem(&world.team(), 100_000, -1i64).unwrap().destroy().unwrap();
        of(world, true);
        of(world, 7u8);
        of(world, -3i16);
        of(world, 1e30f32);
        of(world, 0.1f64);
        of(world, Complex64::new(1.5, -2.0));
        let team = world.team();
        let halves = GlobalArray::from_shape_fn(&team, 9, |i| f16::from_f64(i as f64 / 4.0)).unwrap();
        is(&halves, &Array1::from_shape_fn(9, |i| f16::from_f64(i as f64 / 4.0)));
    });
}

/// What a builder makes of a layout.
type Layout = for<'a> fn(ArrayBuilder<'a, i64>, &'a [usize], &'a [usize]) -> ArrayBuilder<'a, i64>;

#[test]
fn every_layout_can_be_filled_when_it_is_created() {
    spmd(RANKS, "every_layout_can_be_filled_when_it_is_created", |world| {
        let (team, ranks, shape) = (world.team(), world.size(), [13, 17]);
        let (column, reversed) = ([ranks, 1], (0..ranks).rev().collect::<Vec<_>>());
        let layouts: [Layout; 9] = [
            |b, _, _| b,
            |b, _, _| b.chunk(&[0, 17]),
            |b, _, _| b.irregular(vec![vec![0], vec![0]]),
            |b, _, _| b.block_cyclic(&[3, 4]),
            |b, column, _| b.scalapack(&[3, 4], column),
            |b, column, _| b.tiled(&[4, 3], column),
            |b, column, _| b.tiled_irregular(vec![vec![0, 2, 2, 3, 7], vec![0, 5]], column),
            |b, _, _| b.ghosts(&[2, 1]),
            |b, _, reversed| b.restricted(reversed),
        ];
        let names = ["", "", "", "block-cyclic", "ScaLAPACK", "tiles", "tiles", "ghost", "on ranks"];
        let table = Array2::from_shape_fn(shape, |(i, j)| (100 * i + j) as i64);
        for (layout, name) in layouts.iter().zip(names) {
            let build = || layout(GlobalArray::builder(&team, &shape).name("u"), &column, &reversed);
            let empty = build().create().unwrap();
            assert!(format!("{empty}").contains(name) && empty.name() == "u", "{empty}");
            is(&build().zeros().unwrap(), &Array2::zeros(shape));
            is(&build().elem(-4).unwrap(), &Array2::from_elem(shape, -4));
            is(&build().shape_fn::<Ix2>(|(i, j)| (100 * i + j) as i64).unwrap(), &table);
            is(&build().shape_fn::<IxDyn>(|at| (100 * at[0] + at[1]) as i64).unwrap(), &table);
            is(&build().array(&table).unwrap(), &table);
            empty.assign(&table).unwrap();
            is(&empty, &table);
            empty.mapv_inplace(|v| v * v - 1).unwrap();
            is(&empty, &table.mapv(|v| v * v - 1));
        }
        // On the last rank alone, in blocks and with ghost cells as well.
        let last = [ranks - 1];
        let alone = GlobalArray::<i64>::builder(&team, &shape)
            .ghosts(&[1, 1])
            .restricted(&last)
            .array(&table)
            .unwrap();
        assert_eq!(alone.distribution().len_of(ranks - 1), 13 * 17);
        is(&alone, &table);
        let refused =
            |result: ga_core::Result<GlobalArray<i64>>, kind| assert_eq!(result.unwrap_err().kind(), kind);
        let build = || GlobalArray::<i64>::builder(&team, &shape);
        refused(build().restricted(&[ranks]).create(), ErrorKind::Distribution);
        refused(build().scalapack(&[3, 4], &[ranks + 1, 1]).zeros(), ErrorKind::Distribution);
        refused(build().block_cyclic(&[3]).elem(1), ErrorKind::Distribution);
        refused(build().shape_fn::<Ix1>(|i| i as i64), ErrorKind::Shape);
        refused(build().array(&Array2::zeros((13, 18))), ErrorKind::Shape);
        refused(GlobalArray::zeros(&team, (usize::MAX, 2)), ErrorKind::Distribution);
        assert_eq!(alone.assign(&Array1::zeros(13)).unwrap_err().kind(), ErrorKind::Shape);
        alone.sync().unwrap();
    });
}

#[test]
fn regions_are_those_of_slices() {
    spmd(RANKS, "regions_are_those_of_slices", |world| {
        let (team, mut random) = (world.team(), Random::new(world.rank()));
        let table = Array2::from_shape_fn((13, 17), |(i, j)| (100 * i + j) as i64);
        let arrays = [
            GlobalArray::from_array(&team, &table).unwrap(),
            GlobalArray::builder(&team, &[13, 17]).block_cyclic(&[3, 4]).array(&table).unwrap(),
        ];
        for array in &arrays {
            for _ in 0..20 {
                let (a, c) = (random.below(13), random.below(17));
                let (b, d) = (a + random.below(13 - a), c + random.below(17 - c));
                let get = |region| array.get_array::<Ix2>(region).unwrap();
                assert_eq!(get((a..b, c..d)), table.slice(s![a..b, c..d]));
                assert_eq!(array.get_array::<Ix2>((a..=b, ..)).unwrap(), table.slice(s![a..=b, ..]));
                assert_eq!(array.get_array::<Ix2>((.., c..=d)).unwrap(), table.slice(s![.., c..=d]));
                assert_eq!(array.get_array::<Ix2>((a.., ..d)).unwrap(), table.slice(s![a.., ..d]));
                assert_eq!(array.get_array::<Ix2>([..=b, ..=d]).unwrap(), table.slice(s![..=b, ..=d]));
                assert_eq!(array.get_array::<Ix2>((a, c..d)).unwrap(), table.slice(s![a..a + 1, c..d]));
                assert_eq!(array.get_array::<Ix2>([a, c]).unwrap()[[0, 0]], table[[a, c]]);
            }
            assert_eq!(array.get_array::<IxDyn>(..).unwrap(), table.clone().into_dyn());
            let kind = |result: ga_core::Result<Array2<i64>>| result.unwrap_err().kind();
            assert_eq!(kind(array.get_array((.., ..=17))), ErrorKind::Range);
            assert_eq!(kind(array.get_array((.., 0..=usize::MAX))), ErrorKind::Range);
            assert_eq!(kind(array.get_array((13, ..))), ErrorKind::Range);
            assert_eq!(kind(array.get_array((usize::MAX, ..))), ErrorKind::Range);
            assert_eq!(kind(array.get_array((.., .., ..))), ErrorKind::Shape);
            assert_eq!(kind(array.get_array(0..3)), ErrorKind::Shape);
            assert_eq!(array.get_array::<Ix3>(..).unwrap_err().kind(), ErrorKind::Shape);
            assert_eq!(array.to_array::<Ix1>().unwrap_err().kind(), ErrorKind::Shape);
            array.sync().unwrap();
        }
        // Writing, and collectives on a region.
        let array = &arrays[1];
        array.fill_patch((1..=2, ..), 5).unwrap();
        let mut expected = table;
        expected.slice_mut(s![1..=2, ..]).fill(5);
        is(array, &expected);
        if world.rank() == 0 {
            array.put((.., 3), &[9; 13]).unwrap();
            array.accumulate((0, ..=1), &[1, 2], 10).unwrap();
        }
        expected.slice_mut(s![.., 3]).fill(9);
        expected[[0, 0]] += 10;
        expected[[0, 1]] += 20;
        array.sync().unwrap();
        is(array, &expected);
        let one = GlobalArray::from_shape_fn(&team, 20, |i| i as i64).unwrap();
        assert_eq!(one.get_array::<Ix1>(3..=5).unwrap().to_vec(), [3, 4, 5]);
        assert_eq!(one.get_array::<Ix1>(17..).unwrap().to_vec(), [17, 18, 19]);
        let none = GlobalArray::from_elem(&team, (), 4i64).unwrap();
        assert_eq!(none.get_array::<Ix0>(..).unwrap(), Array0::from_elem((), 4));
        none.sync().unwrap();
    });
}

/// Whole arrays of all layouts and numbers of axes.
#[test]
fn arrays_of_any_layout_are_assigned_and_read_back() {
    spmd(RANKS, "arrays_of_any_layout_are_assigned_and_read_back", |world| {
        for array in arrays::<i64>(world) {
            let serial = numbered(array.shape(), 5);
            array.assign(&serial).unwrap();
            assert_eq!(all(&array), serial);
            array.sync().unwrap();
            array.mapv_inplace(|v| 3 - v).unwrap();
            is(&array, &serial.mapv(|v| 3 - v));
            let ghosts = array.distribution().ghosts();
            if array.distribution().is_one_block() {
                array.update_ghosts(true).unwrap();
                let copy = array.ghost_array::<IxDyn>().unwrap();
                let block = array.local_patch();
                if array.distribution().len_of(world.rank()) > 0 {
                    let shape: Vec<usize> =
                        (0..array.ndim()).map(|d| block.shape()[d] + 2 * ghosts[d]).collect();
                    // Beyond either end the array goes on at the other.
                    let expected = ArrayD::from_shape_fn(shape, |at| {
                        let at: Vec<usize> = (0..array.ndim())
                            .map(|d| {
                                let n = array.shape()[d];
                                (block.lo()[d] + at[d] + n * ghosts[d].max(1) - ghosts[d]) % n
                            })
                            .collect();
                        3 - serial[at.into_dimension()]
                    });
                    assert_eq!(copy, expected, "{array}");
                }
                array.sync().unwrap();
            }
        }
    });
}

/// Errors of both floors go through one `?`, with their operation, class and source.
#[test]
fn errors_of_both_floors_are_one() {
    fn both(world: &World, rank: usize) -> ga_core::Result<()> {
        let segment = rma::Segment::allocate(&world.team(), 16)?;
        let array = GlobalArray::<i64>::zeros(&world.team(), 4)?;
        array.put(.., &[1; 4])?;
        let done = segment.put(rank, 0, &[1.0]);
        array.sync()?;
        done?;
        Ok(())
    }
    spmd(RANKS, "errors_of_both_floors_are_one", |world| {
        both(world, 0).unwrap();
        let error = both(world, 9).unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::Communication, "put"));
        let source = std::error::Error::source(&error).unwrap().downcast_ref::<rma::Error>().unwrap();
        assert_eq!((source.kind(), source.rank()), (rma::ErrorKind::Rank, Some(9)));
        assert!(error.to_string().starts_with("put: rank 9: "), "{error}");
        world.sync().unwrap();
    });
}
