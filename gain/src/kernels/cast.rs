//! Conversions between element types, as a C compiler on x86-64 does them.

/// `(int64_t)x`: truncation; NaN and out of range give `i64::MIN` (what `cvttsd2si` returns).
#[inline(always)]
pub(crate) fn float_to_i64(x: f64) -> i64 {
    if x >= -9223372036854775808.0 && x < 9223372036854775808.0 { x as i64 } else { i64::MIN }
}

/// `(int32_t)x`: as [`float_to_i64`] with `i32::MIN`.
#[inline(always)]
pub(crate) fn float_to_i32(x: f64) -> i32 {
    if x > -2147483649.0 && x < 2147483648.0 { x as i32 } else { i32::MIN }
}

/// `(uint32_t)x`: through `i64`, then the low half.
#[inline(always)]
pub(crate) fn float_to_u32(x: f64) -> u32 {
    float_to_i64(x) as u32
}

/// `(uint64_t)x`: below 2^63 as `i64` (negative values wrap), above by subtracting 2^63.
#[inline(always)]
pub(crate) fn float_to_u64(x: f64) -> u64 {
    if x < 9223372036854775808.0 {
        float_to_i64(x) as u64
    } else {
        (float_to_i64(x - 9223372036854775808.0) as u64) ^ (1 << 63)
    }
}
