//! Algebra on 4096 x 4096 doubles, whole arrays and a patch with a margin, beside loops written by hand in which each
//! rank does its own block.

use super::{Outcome, show};
use bench::report::{Row, Unit};
use bench::sample::{self, Spread};
use ga_core::GlobalArray;
use rma::{Op, World};
use std::hint::black_box;

const N: usize = 4096;
const ROUNDS: usize = 15;
/// The part of a hand-written loop's speed to be reached.
const REACH: f64 = 0.9;
/// What a transposition may take, in nanoseconds.
const TRANSPOSE: f64 = 30e6;

/// My block as slices.
struct Mine<'a> {
    c: &'a mut [f64],
    a: &'a [f64],
    b: &'a [f64],
}

/// Every rank calls it.
pub(super) fn run(world: &World) -> Outcome {
    let team = world.team();
    let make = |name| GlobalArray::<f64>::builder(&team, &[N, N]).chunk(&[0, N]).name(name).create();
    let (a, b, c) = (make("a")?, make("b")?, make("c")?);
    a.randomize(1, 1.0)?;
    b.randomize(2, 1.0)?;
    c.zero()?;
    let len = a.distribution().len_of(team.rank());
    let first =
        |array: &GlobalArray<f64>| array.raw().mapped(team.rank()).expect("my own part is mapped").cast();
    // SAFETY: each block is dense and lives as long as its array; a rank changes its own block of c only, by these
    // slices or by the array's operations, and between the two lies a synchronisation.
    let mine = || unsafe {
        Mine {
            c: std::slice::from_raw_parts_mut(first(&c).as_ptr(), len),
            a: std::slice::from_raw_parts(first(&a).as_ptr(), len),
            b: std::slice::from_raw_parts(first(&b).as_ptr(), len),
        }
    };
    let by_hand = |f: &mut dyn FnMut(Mine<'_>)| {
        world.barrier().expect("all ranks are here");
        f(black_box(mine()));
        world.barrier().expect("all ranks are here");
    };
    let inner = [8..N - 8, 8..N - 8];
    let p = || inner.clone();
    let (alpha, beta) = (black_box(1.5), black_box(-0.5));
    type Call<'a> = Box<dyn Fn() -> ga_core::Result<()> + 'a>;
    let used = |sum: f64| {
        black_box(sum);
    };
    type Hand = fn(Mine<'_>, f64, f64);
    let cases: Vec<(&str, Call<'_>, Hand)> = vec![
        ("fill", Box::new(|| c.fill(alpha)), hand::fill),
        ("fill_patch", Box::new(|| c.fill_patch(p(), alpha)), hand::fill),
        ("scale", Box::new(|| c.scale(alpha)), hand::scale),
        ("scale_patch", Box::new(|| c.scale_patch(p(), alpha)), hand::scale),
        ("copy", Box::new(|| c.copy_from(&a)), hand::copy),
        ("copy_patch", Box::new(|| c.copy_patch_from(p(), &a, p(), false)), hand::copy),
        ("add", Box::new(|| c.add(alpha, &a, beta, &b)), hand::add),
        ("add_patch", Box::new(|| c.add_patch(p(), alpha, (&a, p()), beta, (&b, p()))), hand::add),
        ("elem_multiply", Box::new(|| c.elem_multiply(&a, &b)), hand::multiply),
        ("dot", Box::new(|| a.dot(&b).map(used)), hand::dot),
        ("dot_patch", Box::new(|| a.dot_patch(p(), false, &b, p(), false).map(used)), hand::dot),
    ];
    let mut rows = Vec::new();
    for (name, ours, loops) in &cases {
        let (mut times, mut speeds) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let one = sample::time_batch(1, &mut || ours().expect("operands match")).as_nanos() as f64;
            let two = sample::time_batch(1, &mut || by_hand(&mut |mine| loops(mine, alpha, beta))).as_nanos()
                as f64;
            times.push(one);
            speeds.push(two / one);
        }
        rows.push(Row::new(*name, Unit::Time, Spread::of(times)));
        rows.push(Row::new(format!("{name} / loop"), Unit::Ratio, Spread::of(speeds)).at_least(REACH));
    }
    show(world, "Algebra on 4096 x 4096 doubles", &rows);

    let square = |array: &GlobalArray<f64>| c.transpose_from(array);
    let blocks = GlobalArray::<f64>::builder(&team, &[N, N]).create()?;
    blocks.copy_from(&a)?;
    let mut rows = Vec::new();
    let mut timed = |name: &str, call: &dyn Fn() -> ga_core::Result<()>| {
        let times: Vec<f64> = (0..ROUNDS)
            .map(|_| sample::time_batch(1, &mut || call().expect("a square matrix")).as_nanos() as f64)
            .collect();
        rows.push(Row::new(name, Unit::Time, Spread::of(times)).at_most(TRANSPOSE));
    };
    timed("transpose", &|| square(&a));
    timed("transpose of another layout", &|| square(&blocks));
    timed("copy_patch transposed", &|| c.copy_patch_from(p(), &a, p(), true));
    show(world, "Transposition of 4096 x 4096 doubles", &rows);
    world.team().allreduce(&mut [c.norm1()?], Op::Sum)?;
    Ok(())
}

/// The loops, out of line so that the compiler sees no lengths.
mod hand {
    use super::{Mine, black_box};

    #[inline(never)]
    pub(super) fn fill(mine: Mine<'_>, alpha: f64, _: f64) {
        mine.c.fill(alpha);
    }

    #[inline(never)]
    pub(super) fn scale(mine: Mine<'_>, alpha: f64, _: f64) {
        mine.c.iter_mut().for_each(|c| *c *= alpha);
    }

    #[inline(never)]
    pub(super) fn copy(mine: Mine<'_>, _: f64, _: f64) {
        mine.c.copy_from_slice(mine.a);
    }

    #[inline(never)]
    pub(super) fn add(mine: Mine<'_>, alpha: f64, beta: f64) {
        mine.c.iter_mut().zip(mine.a).zip(mine.b).for_each(|((c, a), b)| *c = alpha * a + beta * b);
    }

    #[inline(never)]
    pub(super) fn multiply(mine: Mine<'_>, _: f64, _: f64) {
        mine.c.iter_mut().zip(mine.a).zip(mine.b).for_each(|((c, a), b)| *c = a * b);
    }

    #[inline(never)]
    pub(super) fn dot(mine: Mine<'_>, _: f64, _: f64) {
        let mut sums = [0.0; 8];
        for (a, b) in mine.a.chunks_exact(8).zip(mine.b.chunks_exact(8)) {
            for lane in 0..8 {
                sums[lane] += a[lane] * b[lane];
            }
        }
        black_box(sums.iter().sum::<f64>());
    }
}
