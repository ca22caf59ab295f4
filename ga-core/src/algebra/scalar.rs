//! What element types must have for the element-wise family, norms and extremes.
//!
//! Invariant: nothing panics; integers wrap, quotients of integers are cut towards zero, and complex numbers
//! are ordered by their magnitude.

use crate::number::Number;
use rma::{Complex32, Complex64, Reducible};

/// A [`Number`] with differences, quotients, a magnitude and an order. Implemented for all but `bool`.
pub trait Scalar: Number + Reducible {
    /// `self - other`
    fn minus(self, other: Self) -> Self;

    /// `self / other`. Nothing useful, but no panic, for an integer zero.
    fn over(self, other: Self) -> Self;

    /// The absolute value, or the magnitude as a complex number.
    fn absolute(self) -> Self;

    /// The absolute value or magnitude.
    fn magnitude(self) -> f64;

    /// Less than another: of smaller magnitude, if complex.
    fn precedes(self, other: Self) -> bool;

    /// This number times `unit`, both in [0, 1); the imaginary part, if there is one, times `second`.
    fn share(self, unit: f64, second: f64) -> Self;
}

/// A [`Scalar`] that is neither complex nor unsigned.
pub trait Real: Scalar + PartialOrd {
    /// What the line-search operations take for infinite: GA's constants.
    const FAR: Self;
}

macro_rules! integers {
    ($($t:ty: $absolute:expr;)*) => {$(
        impl Scalar for $t {
            #[inline]
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }

            #[inline]
            fn over(self, other: Self) -> Self {
                if other == 0 { 0 } else { self.wrapping_div(other) }
            }

            #[inline]
            fn absolute(self) -> Self {
                $absolute(self)
            }

            #[inline]
            fn magnitude(self) -> f64 {
                (self as f64).abs()
            }

            #[inline]
            fn precedes(self, other: Self) -> bool {
                self < other
            }

            #[inline]
            fn share(self, unit: f64, _: f64) -> Self {
                (self as f64 * unit) as $t
            }
        }
    )*};
}

integers! {
    i8: i8::wrapping_abs;
    i16: i16::wrapping_abs;
    i32: i32::wrapping_abs;
    i64: i64::wrapping_abs;
    u8: std::convert::identity;
    u16: std::convert::identity;
    u32: std::convert::identity;
    u64: std::convert::identity;
}

macro_rules! signed_integers {
    ($($t:ty)*) => {$(
        impl Real for $t {
            const FAR: Self = <$t>::MAX;
        }
    )*};
}

signed_integers! { i8 i16 i32 i64 }

macro_rules! floats {
    ($($t:ty, $complex:ty: $far:expr, $digits:expr;)*) => {$(
        impl Scalar for $t {
            #[inline]
            fn minus(self, other: Self) -> Self {
                self - other
            }

            #[inline]
            fn over(self, other: Self) -> Self {
                self / other
            }

            #[inline]
            fn absolute(self) -> Self {
                self.abs()
            }

            #[inline]
            fn magnitude(self) -> f64 {
                f64::from(self).abs()
            }

            #[inline]
            fn precedes(self, other: Self) -> bool {
                self < other
            }

            #[inline]
            fn share(self, unit: f64, _: f64) -> Self {
                // Cut to the type's digits: rounding might give 1.
                self * ((unit * $digits).floor() / $digits) as $t
            }
        }

        impl Real for $t {
            const FAR: Self = $far;
        }

        impl Scalar for $complex {
            #[inline]
            fn minus(self, other: Self) -> Self {
                self - other
            }

            #[inline]
            fn over(self, other: Self) -> Self {
                // Smith's way: no intermediate result overflows unless the quotient does.
                if other.re.abs() >= other.im.abs() {
                    let ratio = other.im / other.re;
                    let scale = 1.0 / (other.re + other.im * ratio);
                    Self::new((self.re + self.im * ratio) * scale, (self.im - self.re * ratio) * scale)
                } else {
                    let ratio = other.re / other.im;
                    let scale = 1.0 / (other.im + other.re * ratio);
                    Self::new((self.re * ratio + self.im) * scale, (self.im * ratio - self.re) * scale)
                }
            }

            #[inline]
            fn absolute(self) -> Self {
                Self::new(self.norm(), 0.0)
            }

            #[inline]
            fn magnitude(self) -> f64 {
                f64::from(self.norm())
            }

            #[inline]
            fn precedes(self, other: Self) -> bool {
                self.norm() < other.norm()
            }

            #[inline]
            fn share(self, unit: f64, second: f64) -> Self {
                Self::new(self.re.share(unit, 0.0), self.im.share(second, 0.0))
            }
        }
    )*};
}

floats! {
    f32, Complex32: 1.0e37, 16777216.0;
    f64, Complex64: 1.0e307, 9007199254740992.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners() {
        assert_eq!(i32::MIN.over(-1), i32::MIN);
        assert_eq!((7i64.over(-2), 5i8.over(0), i8::MIN.absolute()), (-3, 0, i8::MIN));
        let (a, b) = (Complex64::new(1e300, 1e300), Complex64::new(1e300, -1e300));
        assert_eq!(a.over(b), Complex64::new(0.0, 1.0));
        assert_eq!(Complex64::new(3.0, 4.0).absolute(), Complex64::new(5.0, 0.0));
        assert!(Complex32::new(0.0, 1.0).precedes(Complex32::new(-1.0, -1.0)));
        let last = 1.0 - f64::EPSILON / 2.0;
        assert!(5f32.share(last, 0.0) < 5.0 && 10i32.share(last, 0.0) == 9);
    }
}
