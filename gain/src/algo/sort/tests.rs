//! Words against the standard library's sort; arrays on 1 to 4 ranks, distributed and replicated, against the same on one.

use super::large::{self, Cuts, LARGE, PARTS, Wanted};
use super::radix;
use super::word::{Kind, Word};
use crate::array::Array;
use crate::exec::pool;
use crate::session::{self, mix};
use std::cmp::Ordering;
use std::sync::Mutex;
use tests::Job;

/// Words of several kinds: spread over all bits, few different ones, close together but for one, of all sizes, in order.
fn families(n: usize) -> Vec<Vec<u64>> {
    let random = |k: usize| mix(k as u64 ^ 0x51_7e);
    vec![
        (0..n).map(random).collect(),
        (0..n).map(|k| random(k) % 5).collect(),
        (0..n).map(|k| if k == n / 3 { u64::MAX } else { random(k) % 1000 }).collect(),
        (0..n).map(|k| random(k) >> (random(k + n) % 64)).collect(),
        (0..n as u64).collect(),
        (0..n as u64).rev().collect(),
        vec![7; n],
    ]
}

fn sorted<W: Word + std::fmt::Debug>(words: &[W]) {
    let mut expected = words.to_vec();
    expected.sort_unstable();
    let mut made = words.to_vec();
    pool::with_room(radix::room_for(made.len()), |room| radix::sort(&mut made, room));
    assert!(made == expected, "{} words of {} bits", words.len(), W::BITS);
}

#[test]
fn words_of_all_widths() {
    for n in [0, 1, 2, 255, 256, 257, 1000, 40_000, 200_000] {
        for family in families(n) {
            sorted(&family);
            sorted(&family.iter().map(|&x| x as u8).collect::<Vec<_>>());
            sorted(&family.iter().map(|&x| (x >> 48) as u16).collect::<Vec<_>>());
            sorted(&family.iter().map(|&x| (x >> 16) as u32).collect::<Vec<_>>());
            sorted(
                &family.iter().enumerate().map(|(k, &x)| u128::from(x) << 64 | k as u128).collect::<Vec<_>>(),
            );
        }
    }
}

#[test]
fn words_are_in_the_parts_that_cuts_say() {
    for family in families(20_011) {
        let cuts = Cuts::of(&mut family.iter().step_by(7).copied().collect::<Vec<_>>());
        let mut parts = vec![0; family.len()];
        cuts.parts(&family, &mut parts);
        for (&word, &part) in family.iter().zip(&parts) {
            let part = usize::from(part);
            assert!(cuts.greatest(part).is_none_or(|most| word <= most));
            assert!(part == 0 || cuts.greatest(part - 1).is_some_and(|before| word > before));
            assert!(part < PARTS);
        }
    }
}

#[test]
fn many_words_with_all_threads() {
    session::in_turn(|| {
        for family in families(3 * LARGE + 17) {
            let n = family.len();
            let mut expected = family.clone();
            expected.sort_unstable();
            let elements = bytemuck::cast_slice(&family);
            let mut words = vec![0; n];
            let seen = Mutex::new(0);
            large::order(Kind::values::<u64>(), elements, 0, &mut words, &Wanted::All, &|_, words| {
                *seen.lock().unwrap() += words.len();
            });
            assert!(words == expected && seen.into_inner().unwrap() == n);
            let places = [0, n / 2, n / 2 + 1, n - 1];
            large::order(Kind::values::<u64>(), elements, 0, &mut words, &Wanted::At(&places), &|_, _| {});
            for place in places {
                assert_eq!(words[place], expected[place]);
                assert!(words[..place].iter().all(|word| *word <= expected[place]));
            }
        }
    });
}

/// NumPy's order of floats.
fn compare(one: &f64, two: &f64) -> Ordering {
    one.partial_cmp(two).unwrap_or_else(|| one.is_nan().cmp(&two.is_nan()))
}

#[test]
fn arrays_along_every_axis() {
    for (threshold, how) in [("0", "spread"), ("65536", "replicated")] {
        let job = Job::new(&format!("sort_{how}")).env("GAIN_THRESHOLD", threshold);
        job.run(&[1, 2, 3, 4], |_| session::in_turn(along_every_axis));
    }
}

fn along_every_axis() {
    for shape in [&[1usize][..], &[3], &[101], &[2, 37], &[37, 2], &[8, 8], &[3, 5, 7], &[2, 1, 40], &[0, 4]]
    {
        let len: usize = shape.iter().product();
        let values: Vec<f64> = (0..len)
            .map(|k| match mix(k as u64) % 11 {
                0 => f64::NAN,
                1 => 0.0,
                n => n as f64 - 5.0,
            })
            .collect();
        let array = Array::from_slice(shape, &values).unwrap();
        for axis in 0..shape.len() {
            let (n, inner) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
            let (mut ordered, mut numbers) = (values.clone(), vec![0i64; len]);
            for line in (0..len).filter(|i| n > 0 && i / inner % n == 0) {
                let mut places: Vec<usize> = (0..n).collect();
                places.sort_by(|&a, &b| compare(&values[line + a * inner], &values[line + b * inner]));
                for (k, place) in places.into_iter().enumerate() {
                    ordered[line + k * inner] = values[line + place * inner];
                    numbers[line + k * inner] = place as i64;
                }
            }
            let bits = |x: Vec<f64>| x.into_iter().map(f64::to_bits).collect::<Vec<_>>();
            let made = array.sorted(axis as isize, None).unwrap();
            assert_eq!(bits(made.to_vec().unwrap()), bits(ordered), "{shape:?} along {axis}");
            let made = array.argsorted(axis as isize, None).unwrap();
            assert_eq!(made.to_vec::<i64>().unwrap(), numbers, "{shape:?} along {axis}");
        }
        if len > 0 {
            let mut ordered = values.clone();
            ordered.sort_by(compare);
            let places = [0, len / 3, len / 2, len - 1];
            let made = array.selected(&places).unwrap().to_vec::<f64>().unwrap();
            for (k, place) in places.into_iter().enumerate() {
                assert_eq!(made[k].to_bits(), ordered[place].to_bits(), "{shape:?} at {place}");
            }
        }
    }
}
