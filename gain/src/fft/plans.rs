//! Plans of `rustfft` and `realfft`, kept per type, length and direction, and the loops over lines that they are called in.
//!
//! At most [`KEPT`] are kept of each kind: past that all go, since a program that uses so many lengths has little use of any.

use super::twiddles::Roots;
use super::{Form, Real, Transform};
use crate::lock;
use bytemuck::Pod;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftDirection, FftPlanner};
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::ops::Mul;
use std::sync::{Arc, Mutex};

const KEPT: usize = 64;

type Key = (TypeId, Form, usize, bool);

static PLANS: Mutex<Option<HashMap<Key, Arc<dyn Any + Send + Sync>>>> = Mutex::new(None);

/// The plan of this key, made if it isn't there.
fn kept<P: Clone + Send + Sync + 'static>(key: Key, make: impl FnOnce() -> P) -> P {
    let mut plans = lock(&PLANS);
    let plans = plans.get_or_insert_default();
    if let Some(plan) = plans.get(&key).and_then(|plan| plan.downcast_ref::<P>()) {
        return plan.clone();
    }
    if plans.len() >= KEPT {
        plans.clear();
    }
    let plan = make();
    plans.insert(key, Arc::new(plan.clone()));
    plan
}

/// A complex transform.
pub(super) fn complex<T: Real>(n: usize, is_inverse: bool) -> Arc<dyn Fft<T>> {
    kept((TypeId::of::<T>(), Form::Complex, n, is_inverse), || {
        let direction = if is_inverse { FftDirection::Inverse } else { FftDirection::Forward };
        FftPlanner::new().plan_fft(n, direction)
    })
}

/// The roots that a complex transform of `n` elements consists of.
pub(super) fn roots(n: usize, is_inverse: bool) -> Arc<Roots> {
    kept((TypeId::of::<Roots>(), Form::Complex, n, is_inverse), || Arc::new(Roots::new(n, is_inverse)))
}

/// A transform as a loop over lines sees it.
pub(super) trait Plan<T>: Sync {
    /// Elements of the lines that it takes.
    type From: Pod + Send + Sync;
    /// Elements of the lines that it gives.
    type To: Pod + Send + Sync + Mul<T, Output = Self::To>;

    /// Complex numbers of scratch.
    fn scratch(&self) -> usize;

    /// Transforms lines that lie one behind the other; those taken have anything in them afterwards.
    fn lines(&self, from: &mut [Self::From], to: &mut [Self::To], scratch: &mut [Complex<T>]);

    /// The same of lines that stay as they are. False if there is no way to do that.
    fn constant_lines(
        &self,
        _from: &[Self::From],
        _to: &mut [Self::To],
        _scratch: &mut [Complex<T>],
    ) -> bool {
        false
    }
}

/// The complex transform of lines.
pub(super) struct Whole<T>(pub(super) Arc<dyn Fft<T>>);

impl<T: Real> Plan<T> for Whole<T>
where
    Complex<T>: Pod,
{
    type From = Complex<T>;
    type To = Complex<T>;

    fn scratch(&self) -> usize {
        self.0
            .get_outofplace_scratch_len()
            .max(self.0.get_inplace_scratch_len())
            .max(self.0.get_immutable_scratch_len())
    }

    fn lines(&self, from: &mut [Complex<T>], to: &mut [Complex<T>], scratch: &mut [Complex<T>]) {
        self.0.process_outofplace_with_scratch(from, to, scratch);
    }

    fn constant_lines(&self, from: &[Complex<T>], to: &mut [Complex<T>], scratch: &mut [Complex<T>]) -> bool {
        self.0.process_immutable_with_scratch(from, to, scratch);
        true
    }
}

/// From real lines.
pub(super) struct Halved<T>(Arc<dyn RealToComplex<T>>);

impl<T: Real> Halved<T> {
    pub(super) fn of(transform: &Transform) -> Halved<T> {
        let n = transform.n;
        Halved(kept((TypeId::of::<T>(), Form::FromReal, n, false), || {
            RealFftPlanner::new().plan_fft_forward(n)
        }))
    }
}

impl<T: Real> Plan<T> for Halved<T>
where
    Complex<T>: Pod,
{
    type From = T;
    type To = Complex<T>;

    fn scratch(&self) -> usize {
        self.0.get_scratch_len()
    }

    fn lines(&self, from: &mut [T], to: &mut [Complex<T>], scratch: &mut [Complex<T>]) {
        let n = self.0.len();
        for (from, to) in from.chunks_exact_mut(n).zip(to.chunks_exact_mut(n / 2 + 1)) {
            self.0.process_with_scratch(from, to, scratch).expect("lines of the plan's lengths");
        }
    }
}

/// To real lines.
pub(super) struct Unfolded<T>(Arc<dyn ComplexToReal<T>>);

impl<T: Real> Unfolded<T> {
    pub(super) fn of(transform: &Transform) -> Unfolded<T> {
        let n = transform.n;
        Unfolded(kept((TypeId::of::<T>(), Form::ToReal, n, true), || {
            RealFftPlanner::new().plan_fft_inverse(n)
        }))
    }
}

impl<T: Real> Plan<T> for Unfolded<T>
where
    Complex<T>: Pod,
{
    type From = Complex<T>;
    type To = T;

    fn scratch(&self) -> usize {
        self.0.get_scratch_len()
    }

    fn lines(&self, from: &mut [Complex<T>], to: &mut [T], scratch: &mut [Complex<T>]) {
        let n = self.0.len();
        for (from, to) in from.chunks_exact_mut(n / 2 + 1).zip(to.chunks_exact_mut(n)) {
            // (What is imaginary there NumPy doesn't look at.)
            from[0].im = T::zero();
            if n.is_multiple_of(2) {
                from[n / 2].im = T::zero();
            }
            self.0.process_with_scratch(from, to, scratch).expect("lines of the plan's lengths");
        }
    }
}
