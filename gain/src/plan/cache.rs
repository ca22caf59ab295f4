//! Plans by structure: a loop's passes are planned in its first rounds only.
//!
//! Invariant: a verdict follows from the key alone ([`super::scene`]), and refers to no array, so whether it was found here or
//! made anew makes no difference to anything but time. Each rank may have other ones here.
//!
//! The keys are spread over sets of a few places each; the one of a set that was used longest ago makes room. A plan is
//! taken out while it runs, since a run writes to its programs.

use super::ready::Plan;
use crate::lock;
use crate::view::Dims;
use rma::fork::PerProcess;
use std::sync::{Mutex, MutexGuard};

/// What is to be done with a pass of some structure.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Run this.
    Run(Box<Plan>),
    /// Nothing: it would read what it overwrites.
    Hazard,
    /// The scene's node of this number must be stored first.
    Force(u32),
    /// The iteration space must have this shape.
    Reshape(Dims),
}

const SETS: usize = 64;
const WAYS: usize = 4;

/// Longer keys aren't worth the memory.
const LONGEST: usize = 1 << 14;

#[derive(Default)]
struct Place {
    key: Vec<u64>,
    used: u64,
    verdict: Option<Verdict>,
}

#[derive(Default)]
struct Cache {
    places: Vec<Place>,
    clock: u64,
}

static CACHE: PerProcess<Mutex<Cache>> = PerProcess::new();

fn cache() -> MutexGuard<'static, Cache> {
    lock(CACHE.get_or_init(Mutex::default))
}

/// The set that a key belongs to.
fn set_of(key: &[u64]) -> usize {
    let mut sum = key.len() as u64;
    for pair in key.chunks(2) {
        let [a, b] = [pair[0], pair.get(1).copied().unwrap_or(0)];
        let product = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xc2b2_ae3d_27d4_eb4f);
        sum = sum.rotate_left(7) ^ (product as u64) ^ ((product >> 64) as u64);
    }
    (sum ^ sum >> 32 ^ sum >> 16) as usize % SETS
}

impl Cache {
    fn set(&mut self, key: &[u64]) -> &mut [Place] {
        if self.places.is_empty() {
            self.places.resize_with(SETS * WAYS, Place::default);
        }
        self.clock += 1;
        &mut self.places[set_of(key) * WAYS..][..WAYS]
    }
}

/// The verdict on passes with this key, if it is known.
pub(super) fn take(key: &[u64]) -> Option<Verdict> {
    #[cfg(test)]
    if tests::OFF.get() {
        return None;
    }
    let found = cache().set(key).iter_mut().find(|place| place.key == key)?.verdict.take();
    #[cfg(test)]
    tests::HITS.set(tests::HITS.get() + u64::from(found.is_some()));
    found
}

/// Keep the verdict on passes with this key.
pub(super) fn give(key: Vec<u64>, verdict: Verdict) {
    if key.len() > LONGEST {
        return;
    }
    let mut cache = cache();
    let used = cache.clock;
    let set = cache.set(&key);
    let at = set.iter().position(|place| place.key == key);
    let oldest = || (0..WAYS).min_by_key(|&at| set[at].used).unwrap_or(0);
    let at = at.unwrap_or_else(oldest);
    let place = &mut set[at];
    if place.key != key {
        place.key = key;
    }
    (place.used, place.verdict) = (used, Some(verdict));
}

#[cfg(test)]
mod tests {
    use crate::error::Result;
    use crate::{Array, Casting, DType, Index, Op, Operand, ReduceOp, ReduceOptions, Scalar, Slice};
    use proptest::prelude::*;
    use std::cell::Cell;

    thread_local! {
        pub(super) static OFF: Cell<bool> = const { Cell::new(false) };
        pub(super) static HITS: Cell<u64> = const { Cell::new(0) };
    }

    const ROWS: usize = 6;
    const COLS: usize = 5;
    const OPS: [Op; 8] =
        [Op::Add, Op::Subtract, Op::Multiply, Op::Maximum, Op::Less, Op::Power, Op::Divide, Op::Minimum];

    /// An operation on numbered arrays. Arrays and parts are chosen modulo what there is.
    #[derive(Clone, Debug)]
    enum Step {
        /// Of two arrays.
        Binary {
            op: usize,
            a: usize,
            b: usize,
            part: usize,
        },
        /// Of an array and a number that is another one in each round.
        Number {
            op: usize,
            a: usize,
            int: bool,
        },
        /// A sum, as an array of no axes that later steps use.
        Total {
            a: usize,
            b: usize,
        },
        /// Part of an array gets what another part is.
        Set {
            a: usize,
            b: usize,
            part: usize,
            from: usize,
        },
        /// Part of an array gets a number.
        Fill {
            a: usize,
            part: usize,
        },
        Copy {
            a: usize,
        },
        Cast {
            a: usize,
            to: usize,
        },
        Choose {
            mask: usize,
            a: usize,
            b: usize,
        },
        Rows {
            a: usize,
        },
        Turn {
            a: usize,
        },
        Force {
            a: usize,
        },
        Drop {
            a: usize,
        },
    }

    fn step() -> impl Strategy<Value = Step> {
        let n = || 0usize..12;
        prop_oneof![
            4 => (n(), n(), n(), n()).prop_map(|(op, a, b, part)| Step::Binary { op, a, b, part }),
            3 => (n(), n(), any::<bool>()).prop_map(|(op, a, int)| Step::Number { op, a, int }),
            2 => (n(), n()).prop_map(|(a, b)| Step::Total { a, b }),
            4 => (n(), n(), n(), n()).prop_map(|(a, b, part, from)| Step::Set { a, b, part, from }),
            1 => (n(), n()).prop_map(|(a, part)| Step::Fill { a, part }),
            1 => n().prop_map(|a| Step::Copy { a }),
            1 => (n(), n()).prop_map(|(a, to)| Step::Cast { a, to }),
            1 => (n(), n(), n()).prop_map(|(mask, a, b)| Step::Choose { mask, a, b }),
            1 => n().prop_map(|a| Step::Rows { a }),
            1 => n().prop_map(|a| Step::Turn { a }),
            1 => n().prop_map(|a| Step::Force { a }),
            1 => n().prop_map(|a| Step::Drop { a }),
        ]
    }

    fn slice(start: isize, stop: isize, step: isize) -> Index {
        Index::Slice(Slice { start: Some(start), stop: Some(stop), step: Some(step) })
    }

    /// Parts of one shape, three by three; the first is a box, the last goes backwards.
    fn part(k: usize) -> [Index; 2] {
        match k % 6 {
            0 => [slice(1, 4, 1), slice(1, 4, 1)],
            1 => [slice(0, 3, 1), slice(1, 4, 1)],
            2 => [slice(2, 5, 1), slice(2, 5, 1)],
            3 => [slice(0, 6, 2), slice(0, 3, 1)],
            4 => [slice(1, 4, 1), slice(0, 5, 2)],
            _ => [slice(3, 0, -1), slice(0, 3, 1)],
        }
    }

    fn start() -> Result<Vec<Array>> {
        let count = (ROWS * COLS) as f64;
        let ramp = Array::arange(0.5.into(), count.into(), 1.0.into(), None)?;
        let shape = [ROWS as isize, COLS as isize];
        let floats = ramp.reshape(&shape)?.copy()?;
        let ints = ramp.astype(DType::I32, Casting::Unsafe)?.reshape(&shape)?.copy()?;
        let other = Array::apply(Op::Multiply, &[(&floats).into(), 0.25.into()])?;
        [&floats, &ints, &other].iter().try_for_each(|a| a.force())?;
        Ok(vec![floats, ints, other])
    }

    /// Runs the program a few times over the same variables, and gives what each step of each round comes to.
    fn run(steps: &[Step], rounds: usize) -> Result<Vec<Vec<u8>>> {
        let mut seen = Vec::new();
        let bytes = |a: &Array| -> Result<Vec<u8>> {
            let mut bytes = vec![0; a.size() * a.dtype().size_bytes()];
            a.copy_to_bytes(&mut bytes)?;
            Ok(bytes)
        };
        let first = start()?;
        let mut number: Array = Array::scalar(1.5.into())?;
        for round in 0..rounds {
            let mut arrays = first.clone();
            let x = 0.75 + round as f64;
            for step in steps {
                let at = |k: usize| &arrays[k % arrays.len()];
                let full = |k: usize| at(k).shape() == [ROWS, COLS];
                let made = match *step {
                    Step::Binary { op, a, b, part: k } if full(a) && full(b) => {
                        let op = OPS[op % OPS.len()];
                        if op == Op::Power {
                            Some(Array::apply(op, &[at(a).into(), 2.0.into()])?)
                        } else if k % 3 == 0 {
                            let both = [at(a).index(&part(k))?, at(b).index(&part(k + 1))?];
                            let small = Array::apply(op, &[(&both[0]).into(), (&both[1]).into()])?;
                            let sum = small.reduce(ReduceOp::Sum, &ReduceOptions::default())?;
                            seen.push(bytes(&sum)?);
                            None
                        } else {
                            Some(Array::apply(op, &[at(a).into(), at(b).into()])?)
                        }
                    }
                    Step::Number { op, a, int } => {
                        let x: Operand<'_> =
                            if int { Scalar::PyInt(round as i128 + 2).into() } else { x.into() };
                        Some(Array::apply(OPS[op % OPS.len()], &[at(a).into(), x])?)
                    }
                    Step::Total { a, b } => {
                        number = at(a).reduce(ReduceOp::Max, &ReduceOptions::default())?;
                        number = Array::apply(Op::Add, &[(&number).into(), 1.0.into()])?;
                        Some(Array::apply(Op::Multiply, &[at(b).into(), (&number).into()])?)
                    }
                    Step::Set { a, b, part: to, from } if full(a) && full(b) => {
                        let value = at(b).index(&part(from))?;
                        let value = Array::apply(Op::Add, &[(&value).into(), (&number).into()])?;
                        let value = value.astype(at(a).dtype(), Casting::Unsafe)?;
                        at(a).set(&part(to), &value)?;
                        None
                    }
                    Step::Fill { a, part: to } if full(a) => {
                        at(a).set(&part(to), Scalar::PyInt(round as i128))?;
                        None
                    }
                    Step::Copy { a } => Some(at(a).copy()?),
                    Step::Cast { a, to } => {
                        let to = [DType::F32, DType::I64, DType::C128, DType::F64, DType::Bool][to % 5];
                        Some(at(a).astype(to, Casting::Unsafe)?)
                    }
                    Step::Choose { mask, a, b } if full(mask) && full(a) && full(b) => {
                        let mask = at(mask).astype(DType::Bool, Casting::Unsafe)?;
                        Some(Array::select(&mask, at(a).into(), at(b).into())?)
                    }
                    Step::Rows { a } if full(a) => {
                        let options = ReduceOptions { axes: Some(&[1]), ..Default::default() };
                        seen.push(bytes(&at(a).reduce(ReduceOp::Sum, &options)?)?);
                        None
                    }
                    Step::Turn { a } if full(a) => {
                        let turned = at(a).transpose(None)?;
                        let twice = Array::apply(Op::Add, &[(&turned).into(), (&turned).into()])?;
                        seen.push(bytes(&twice)?);
                        None
                    }
                    Step::Force { a } => at(a).force().map(|()| None)?,
                    Step::Drop { a } if arrays.len() > 3 => {
                        let a = a % arrays.len();
                        arrays.remove(a.max(3));
                        None
                    }
                    _ => None,
                };
                arrays.extend(made);
            }
            for array in &arrays {
                seen.push(bytes(array)?);
            }
        }
        Ok(seen)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

        /// A plan that was made before gives the same bits as one made anew, whatever numbers the arrays hold.
        #[test]
        fn plans_kept_and_plans_anew_agree(steps in prop::collection::vec(step(), 1..14)) {
            let kept = run(&steps, 3);
            OFF.set(true);
            let anew = run(&steps, 3);
            OFF.set(false);
            match (kept, anew) {
                (Ok(kept), Ok(anew)) => prop_assert_eq!(kept, anew),
                (kept, anew) => prop_assert_eq!(kept.map_err(|e| e.to_string()), anew.map_err(|e| e.to_string())),
            }
        }
    }

    /// Rounds of a loop after the first ones are not planned, though numbers, origins and buffers change.
    #[test]
    fn a_stencil_is_planned_once() -> Result<()> {
        let u = Array::full(&[20, 20], 1.0.into(), None)?;
        u.force()?;
        let inner = [slice(1, 19, 1), slice(1, 19, 1)];
        let sweep = |x: f64| -> Result<f64> {
            let old = u.copy()?;
            let up = u.index(&[slice(0, 18, 1), slice(1, 19, 1)])?;
            let down = u.index(&[slice(2, 20, 1), slice(1, 19, 1)])?;
            let sum = Array::apply(Op::Add, &[(&up).into(), (&down).into()])?;
            u.set(&inner, &Array::apply(Op::Multiply, &[(&sum).into(), x.into()])?)?;
            let change = Array::apply(Op::Subtract, &[(&u).into(), (&old).into()])?;
            Ok(change.reduce(ReduceOp::Max, &ReduceOptions::default())?.item()?.as_f64())
        };
        sweep(0.25)?;
        sweep(0.25)?;
        let before = HITS.get();
        for round in 0..10 {
            sweep(0.25 + 0.01 * f64::from(round))?;
        }
        // The pass of the sweep; `u` of the first sweeps is another kind of node.
        assert!(HITS.get() - before >= 9, "{} hits", HITS.get() - before);
        Ok(())
    }
}
