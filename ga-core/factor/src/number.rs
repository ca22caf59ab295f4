//! The numbers that matrices have: real and complex ones of both precisions, with arithmetic.

use ga_dense::Dense;
use num_complex::Complex;
use num_traits::{Float, NumAssign};
use std::ops::Neg;

/// A number of a matrix.
pub trait Number:
    Dense<Real = Self::Part> + NumAssign + Neg<Output = Self> + Default + Send + Sync + 'static
{
    /// What it is made of.
    type Part: Number<Part = Self::Part> + Float + PartialOrd;

    /// A number that is real.
    fn of(re: Self::Part) -> Self;
    /// From both parts, the second of which a real number ignores.
    fn from_parts(re: Self::Part, im: Self::Part) -> Self;
    /// The real part.
    fn re(self) -> Self::Part;
    /// The imaginary part.
    fn im(self) -> Self::Part;
    /// The conjugate.
    fn adjoint(self) -> Self;
    /// The square of its size.
    fn square(self) -> Self::Part;
    /// Its size.
    fn length(self) -> Self::Part;
}

macro_rules! number {
    ($($t:ty)*) => {$(
        impl Number for $t {
            type Part = $t;

            #[inline(always)]
            fn of(re: $t) -> Self {
                re
            }

            #[inline(always)]
            fn from_parts(re: $t, _im: $t) -> Self {
                re
            }

            #[inline(always)]
            fn re(self) -> $t {
                self
            }

            #[inline(always)]
            fn im(self) -> $t {
                0.0
            }

            #[inline(always)]
            fn adjoint(self) -> Self {
                self
            }

            #[inline(always)]
            fn square(self) -> $t {
                self * self
            }

            #[inline(always)]
            fn length(self) -> $t {
                self.abs()
            }
        }

        impl Number for Complex<$t> {
            type Part = $t;

            #[inline(always)]
            fn of(re: $t) -> Self {
                Complex::new(re, 0.0)
            }

            #[inline(always)]
            fn from_parts(re: $t, im: $t) -> Self {
                Complex::new(re, im)
            }

            #[inline(always)]
            fn re(self) -> $t {
                self.re
            }

            #[inline(always)]
            fn im(self) -> $t {
                self.im
            }

            #[inline(always)]
            fn adjoint(self) -> Self {
                Complex::conj(&self)
            }

            #[inline(always)]
            fn square(self) -> $t {
                self.norm_sqr()
            }

            #[inline(always)]
            fn length(self) -> $t {
                self.re.hypot(self.im)
            }
        }
    )*};
}

number! { f32 f64 }
