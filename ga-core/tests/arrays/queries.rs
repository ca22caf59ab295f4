//! Printing, and memory that arrays take and may take, on 1 to 4 ranks.

use crate::common::{RANKS, arrays, load, numbered};
use ga_core::{ErrorKind, GlobalArray, memory};
use ndarray::{Array2, ArrayD, IxDyn};
use rma::{Complex64, Element, World};
use tests::spmd;

fn filled<T: Element>(world: &World, shape: &[usize], values: Vec<T>) -> GlobalArray<T> {
    let array = GlobalArray::builder(&world.team(), shape).name("a").create().unwrap();
    load(&array, &ArrayD::from_shape_vec(IxDyn(shape), values).unwrap());
    array
}

fn printed(print: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    print(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn arrays_are_printed_as_tables() {
    spmd(&[1, 3], "arrays_are_printed_as_tables", |world| {
        let matrix = filled(world, &[2, 7], (0..14).map(|k| k as f64 / 4.0 - 1.0).collect());
        let table = "
 global array: a [0..2, 0..7]

            0            1            2            3            4            5
       ------------ ------------ ------------ ------------ ------------ ------------
   0       -1.00000     -0.75000     -0.50000     -0.25000      0.00000      0.25000
   1        0.75000      1.00000      1.25000      1.50000      1.75000      2.00000

            6
       ------------
   0        0.50000
   1        2.25000

";
        assert_eq!(printed(|out| matrix.print(out)), table);
        let lines = "
 global array: a [1..2, 2..4]

a[1, 2] =      1.25000
a[1, 3] =      1.50000
";
        assert_eq!(printed(|out| matrix.print_patch([1..2, 2..4], false, out)), lines);
        let vector = filled(world, &[3], vec![5, -6, 7]);
        let column = "
 global array: a [0..3]

   0         5
   1        -6
   2         7
";
        assert_eq!(printed(|out| vector.print(out)), column);
        let complex = filled(world, &[1, 1, 1], vec![Complex64::new(1.5, -2.0)]);
        let one = "
 global array: a [0..1, 0..1, 0..1]

 -- patch: [0..1, 0..1, 0..1]

                  0
       ------------------------
   0       1.50000,    -2.00000

";
        assert_eq!(printed(|out| complex.print(out)), one);
        let error = matrix.print_patch([0..3, 0..1], true, &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("axis 0"), "{error}");
        matrix.sync().unwrap();
    });
}

/// Oracle: the numbers in the order of C, whatever is between them.
#[test]
fn every_element_is_printed_once() {
    spmd(&[1, 2], "every_element_is_printed_once", |world| {
        for array in arrays::<i64>(world) {
            load(&array, &numbered(array.shape(), 1_000_000));
            let numbers = |text: String| -> Vec<i64> {
                let numbers = text.split_whitespace().filter_map(|word| word.parse().ok());
                numbers.filter(|n| *n >= 1_000_000).collect()
            };
            let mut tables = numbers(printed(|out| array.print(out)));
            let whole = ga_core::Patch::whole(array.shape());
            let lines = numbers(printed(|out| array.print_patch(&whole, false, out)));
            let expected: Vec<i64> = (1_000_000..1_000_000 + array.len() as i64).collect();
            assert_eq!(lines, expected, "{array}");
            // Wide tables are cut into columns.
            tables.sort();
            assert_eq!(tables, expected, "{array}");
            array.sync().unwrap();
        }
    });
}

#[test]
fn a_limit_of_one_rank_is_respected_by_all() {
    spmd(RANKS, "a_limit_of_one_rank_is_respected_by_all", |world| {
        let team = world.team();
        let create =
            |rows: usize| GlobalArray::<f64>::builder(&team, &[rows, 1024]).chunk(&[0, 1024]).create();
        let before = memory::in_use();
        assert_eq!(memory::limit(), None);
        let first = create(8 * world.size()).unwrap();
        assert_eq!(memory::in_use() - before, 8 * 1024 * 8);
        // SAFETY: neither is looked at.
        let overlay = unsafe { first.raw().overlay(rma::DType::F64, first.distribution().clone()) };
        assert_eq!(overlay.unwrap().name(), "");
        assert_eq!(memory::in_use() - before, 8 * 1024 * 8, "an overlay takes nothing");
        let free = memory::available(world);
        assert!(free > 1 << 20);
        if world.rank() == world.size() - 1 {
            memory::set_limit(Some(memory::in_use() + 8 * 1024 * 8));
            assert_eq!(memory::available(world), 8 * 1024 * 8);
        }
        let refused = create(9 * world.size()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Memory, "{refused}");
        let text = format!("of which it may take {}", 8 * 1024 * 8);
        assert!(refused.to_string().contains(&text), "{refused}");
        assert_eq!(memory::in_use() - before, 8 * 1024 * 8);
        let second = create(8 * world.size()).unwrap();
        second.destroy().unwrap();
        drop(first);
        assert_eq!(memory::in_use(), before);
        memory::set_limit(None);
        create(9 * world.size()).unwrap();
    });
}

#[test]
fn a_raw_array_is_described_as_its_typed_one() {
    spmd(&[2], "a_raw_array_is_described_as_its_typed_one", |world| {
        let array = filled(world, &[4, 4], Array2::<f32>::zeros((4, 4)).into_raw_vec_and_offset().0);
        assert_eq!(format!("{:#}", array.raw()), format!("{array:#}"));
        assert!(array.to_string().starts_with("a (float32): 4x4 over 2 ranks"), "{array}");
    });
}
