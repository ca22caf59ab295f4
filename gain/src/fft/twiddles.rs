//! Unit roots: products of two entries of small tables in double precision, so that each is right to its last places.

use super::Real;
use rustfft::num_complex::Complex;

/// The `n`th roots of one.
pub(super) struct Roots {
    n: u64,
    shift: u32,
    low: Vec<Complex<f64>>,
    high: Vec<Complex<f64>>,
}

/// Neighbours that come from one entry.
const STEPS: usize = 64;

impl Roots {
    /// `exp(2 pi i k / n)` for all `k`, of negative exponents unless the transform is an inverse one.
    pub(super) fn new(n: usize, is_inverse: bool) -> Roots {
        let n = n as u64;
        let shift = (u64::BITS - n.leading_zeros()).div_ceil(2);
        let sign = if is_inverse { 1.0 } else { -1.0 };
        let root = |k: u64| {
            // From the nearest eighth of the circle on, where sines and cosines are of small angles.
            let eighth = (k as u128 * 8 / u128::from(n)) as u64;
            let rest = (k as u128 * 8 - u128::from(eighth) * u128::from(n)) as f64 / n as f64;
            let (sin, cos) = (std::f64::consts::FRAC_PI_4 * rest).sin_cos();
            let half = std::f64::consts::FRAC_1_SQRT_2;
            let base = [
                (1.0, 0.0),
                (half, half),
                (0.0, 1.0),
                (-half, half),
                (-1.0, 0.0),
                (-half, -half),
                (0.0, -1.0),
                (half, -half),
            ];
            let (c, s) = base[eighth as usize % 8];
            Complex::new(c * cos - s * sin, sign * (s * cos + c * sin))
        };
        let low = (0..1u64 << shift).map(|k| root(k % n)).collect();
        let high = (0..=n >> shift).map(|k| root((k << shift) % n)).collect();
        Roots { n, shift, low, high }
    }

    /// The root of `k`, which is below `n`.
    #[inline]
    pub(super) fn at(&self, k: u64) -> Complex<f64> {
        self.high[(k >> self.shift) as usize] * self.low[(k & ((1 << self.shift) - 1)) as usize]
    }

    /// Multiplies a line's element `k` with the root of `k * step`, and with `scale`.
    pub(super) fn turn<T: Real>(&self, line: &mut [Complex<T>], step: usize, scale: f64) {
        let narrow = |z: Complex<f64>| Complex::new(T::from_f64(z.re).unwrap(), T::from_f64(z.im).unwrap());
        let (n, step) = (u128::from(self.n), step as u128 % u128::from(self.n));
        // (Multiples up to the last one are sums, taken modulo `n`.)
        let walk = |by: u128| {
            let (by, n) = (by as u64, self.n);
            let mut at = 0;
            move || {
                let now = at;
                at = if n - at > by { at + by } else { by - (n - at) };
                now
            }
        };
        let mut steps = [Complex::new(T::zero(), T::zero()); STEPS];
        let (count, mut next) = (STEPS.min(line.len()), walk(step));
        steps[..count].iter_mut().for_each(|to| *to = narrow(self.at(next())));
        let mut next = walk(step * STEPS as u128 % n);
        for line in line.chunks_mut(STEPS) {
            let base = narrow(self.at(next()) * scale);
            for (x, &step) in line.iter_mut().zip(&steps) {
                *x = *x * (base * step);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_the_circles() {
        for n in [1usize, 2, 3, 7, 64, 1000, 65536, 65537] {
            let roots = Roots::new(n, true);
            for k in (0..n).step_by(n / 97 + 1) {
                let angle = 2.0 * std::f64::consts::PI * k as f64 / n as f64;
                let error = roots.at(k as u64) - Complex::new(angle.cos(), angle.sin());
                assert!(error.norm() < 4e-16 * 4.0, "{n} {k}: {error}");
            }
            let mut line = vec![Complex::new(1.0f64, 0.0); n.min(300)];
            roots.turn(&mut line, 5, 2.0);
            for (k, x) in line.iter().enumerate() {
                let error = x - roots.at((5 * k as u64) % n as u64) * 2.0;
                assert!(error.norm() < 2e-15, "{n} {k}: {error}");
            }
        }
    }
}
