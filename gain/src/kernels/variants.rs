//! Tests of all variants of kernels that the processor has: the portable one, AVX2, AVX-512; each against the C library or
//! the plain formula, on ordinary numbers, on all exponents, and on special ones among ordinary ones.

use super::copy::{self, Walk};
use super::lanes::{Level, at_each_level};
use super::number::{Int, Real};
use super::{CHUNK, Kernel, Operands, Slot, complex, float, lines, reduce, table};
use crate::dtype::DType;
use crate::ops::{Op, ReduceOp};
use bytemuck::Pod;
use num_complex::Complex;

/// Lengths with and without a rest, of chunks and of blocks of bytes.
const LENGTHS: [usize; 4] = [5 * CHUNK, 3 * CHUNK + 5, 7, 11 * CHUNK + 3];

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// What a kernel makes of one or two rows; `b` is a splat if it has one element.
fn call<A: Pod, R: Pod>(kernel: Kernel, a: &[A], b: &[A], outputs: usize) -> (Vec<R>, Vec<R>, bool) {
    let n = a.len();
    let (mut first, mut second, mut status) = (vec![R::zeroed(); n], vec![R::zeroed(); n], 0u8);
    let splat = [*b.first().unwrap_or(&a[0]); CHUNK];
    let row = |x: &[A]| Slot::row(x.as_ptr().cast_mut().cast());
    let slots = [
        Slot::row(&raw mut status),
        row(a),
        if b.len() == n { row(b) } else { Slot::splat(splat.as_ptr().cast_mut().cast()) },
        Slot::row(first.as_mut_ptr().cast()),
        Slot::row(second.as_mut_ptr().cast()),
    ];
    let operands = Operands { dst: [3, if outputs == 2 { 4 } else { 0 }], src: [1, 2, 0, 0, 0, 0, 0, 0] };
    // SAFETY: rows of `n` elements of the kernel's types, a splat of `CHUNK`.
    unsafe { kernel(n, slots.as_ptr(), &operands) };
    (first, second, status != 0)
}

fn kernel(op: Op, dtype: DType) -> Kernel {
    table::uniform(op, dtype).unwrap_or_else(|| panic!("{op:?} of {dtype}"))
}

trait Tested: Real + Pod + std::fmt::Debug {
    const DTYPE: DType;
    fn from(x: f64) -> Self;
    fn wide(self) -> f64;
    fn any(bits: u64) -> Self;
    const EPSILON: f64;
    const LEAST: f64;
}

impl Tested for f64 {
    const DTYPE: DType = DType::F64;
    fn from(x: f64) -> f64 {
        x
    }
    fn wide(self) -> f64 {
        self
    }
    fn any(bits: u64) -> f64 {
        f64::from_bits(bits)
    }
    const EPSILON: f64 = f64::EPSILON;
    const LEAST: f64 = 5e-324;
}

impl Tested for f32 {
    const DTYPE: DType = DType::F32;
    fn from(x: f64) -> f32 {
        x as f32
    }
    fn wide(self) -> f64 {
        self.into()
    }
    fn any(bits: u64) -> f32 {
        f32::from_bits(bits as u32)
    }
    const EPSILON: f64 = f32::EPSILON as f64;
    const LEAST: f64 = 1.4e-45;
}

const SPECIAL: [f64; 16] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    8.0,
    1e-310,
    -1e-40,
    1e300,
    1e38,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    1e-20,
    709.5,
];

/// Rows of `n` numbers: of this range; the same with a special one in each chunk; of any bits.
fn rows<T: Tested>(n: usize, low: f64, high: f64, seed: u64) -> Vec<Vec<T>> {
    let mut random = Random(seed);
    let plain: Vec<T> = (0..n).map(|_| T::from(low + (high - low) * random.unit())).collect();
    let mut rows = vec![plain.clone()];
    for start in 0..4 {
        let mut row = plain.clone();
        for (k, i) in (0..n).step_by(5).enumerate() {
            row[i] = T::from(SPECIAL[(start * 5 + k) % SPECIAL.len()]);
        }
        rows.push(row);
    }
    rows.extend((0..4).map(|_| (0..n).map(|_| T::any(random.next())).collect()));
    rows
}

/// Whether two numbers are the same or a few units in the last place apart.
fn is_close<T: Tested>(x: T, y: f64, ulps: f64) -> bool {
    let (x, y) = (x.wide(), T::from(y).wide());
    if x.is_nan() || y.is_nan() || x.is_infinite() || y.is_infinite() || y == 0.0 {
        let same = x == y && x.is_sign_negative() == y.is_sign_negative() || x.is_nan() && y.is_nan();
        // At the border of what is finite, and of what is zero.
        let near = |a: f64, b: f64| b.is_infinite() && a.abs() >= 3.4e38 && a.signum() == b.signum();
        return same || near(x, y) || near(y, x) || (x - y).abs() <= 2.0 * T::LEAST;
    }
    (x - y).abs() <= ulps * (T::EPSILON * y.abs()).max(T::LEAST)
}

fn functions<T: Tested>(level: Level) {
    type Function = (Op, fn(f64) -> f64, f64, f64, f64);
    let functions: [Function; 20] = [
        (Op::Exp, |x| x.exp(), -20.0, 20.0, 1.0),
        (Op::Exp2, |x| x.exp2(), -20.0, 20.0, 1.0),
        (Op::Expm1, |x| x.exp_m1(), -3.0, 3.0, 2.0),
        (Op::Log, |x| x.ln(), 0.0, 10.0, 1.0),
        (Op::Log2, |x| x.log2(), 0.0, 10.0, 2.0),
        (Op::Log10, |x| x.log10(), 0.0, 10.0, 2.0),
        (Op::Log1p, |x| x.ln_1p(), -0.9, 3.0, 1.0),
        (Op::Sin, |x| x.sin(), -10.0, 10.0, 1.0),
        (Op::Cos, |x| x.cos(), -10.0, 10.0, 1.0),
        (Op::Tan, |x| x.tan(), -10.0, 10.0, 3.0),
        (Op::Arcsin, |x| x.asin(), -1.0, 1.0, 3.0),
        (Op::Arccos, |x| x.acos(), -1.0, 1.0, 3.0),
        (Op::Arctan, |x| x.atan(), -9.0, 9.0, 3.0),
        (Op::Sinh, |x| x.sinh(), -9.0, 9.0, 3.0),
        (Op::Cosh, |x| x.cosh(), -9.0, 9.0, 3.0),
        (Op::Tanh, |x| x.tanh(), -9.0, 9.0, 3.0),
        (Op::Arcsinh, |x| Real::asinh(x), -9.0, 9.0, 3.0),
        (Op::Arccosh, |x| Real::acosh(x), 1.0, 9.0, 3.0),
        (Op::Arctanh, |x| Real::atanh(x), -1.0, 1.0, 3.0),
        (Op::Cbrt, |x| x.cbrt(), -9.0, 9.0, 1.0),
    ];
    for (op, oracle, low, high, ulps) in functions {
        for n in LENGTHS {
            for row in rows::<T>(n, low, high, 77 + n as u64) {
                let (found, _, _) = call::<T, T>(kernel(op, T::DTYPE), &row, &[], 1);
                for (&x, &y) in row.iter().zip(&found) {
                    let right = oracle(x.wide());
                    // A unit more for what the oracle itself may be off.
                    assert!(is_close(y, right, ulps + 1.0), "{level:?} {op:?}({x:?}) = {y:?}, not {right:e}");
                }
            }
        }
    }
}

#[test]
fn functions_agree_with_the_c_library() {
    at_each_level(|level| {
        functions::<f64>(level);
        functions::<f32>(level);
    });
}

#[test]
fn an_element_does_not_depend_on_its_neighbours() {
    at_each_level(|level| {
        for op in [Op::Log, Op::Log1p, Op::Cbrt, Op::Arcsinh, Op::Arccosh] {
            for special in SPECIAL {
                let mut row = vec![1.7f64; 2 * CHUNK];
                let alone = call::<f64, f64>(kernel(op, DType::F64), &row, &[], 1).0[0];
                row[3] = special;
                let found = call::<f64, f64>(kernel(op, DType::F64), &row, &[], 1).0;
                for (i, y) in found.iter().enumerate().filter(|(i, _)| *i != 3) {
                    assert_eq!(y.to_bits(), alone.to_bits(), "{level:?} {op:?} beside {special}, at {i}");
                }
            }
        }
    });
}

fn division<T: Int + Pod + std::fmt::Debug>(level: Level, dtype: DType) {
    let value = |x: T| if T::SIGNED { i128::from(x.to_i64()) } else { x.to_bits() as i128 };
    let mut random = Random(99 + u64::from(T::BITS));
    let edges = [T::ZERO, T::ONE, T::ALL_ONES, T::MIN, T::MAX, T::MAX.sub(T::ONE), T::MIN.add(T::ONE)];
    let mut any = |k: u64| match k % 4 {
        0 => edges[random.next() as usize % edges.len()],
        1 => T::from_i64(random.next() as i64),
        _ => T::from_i64(random.next() as i64 >> (63 - k % 13 * 5).min(63)),
    };
    for n in LENGTHS {
        for turn in 0..40 {
            let small = turn % 2 == 0;
            let mut number = |k: u64| if small { T::from_i64(any(k).to_i64() % 1000) } else { any(k) };
            let x: Vec<T> = (0..n as u64).map(&mut number).collect();
            let each: Vec<T> = (0..n as u64).map(|k| number(k + 1)).collect();
            for y in [each, vec![number(turn + 2)], vec![any(turn)]] {
                let (floor, rest, _) = call::<T, T>(kernel(Op::Divmod, dtype), &x, &y, 2);
                let (quotient, _, _) = call::<T, T>(kernel(Op::FloorDivide, dtype), &x, &y, 1);
                let (remainder, _, _) = call::<T, T>(kernel(Op::Remainder, dtype), &x, &y, 1);
                let (fmod, _, _) = call::<T, T>(kernel(Op::Fmod, dtype), &x, &y, 1);
                for i in 0..n {
                    let by = if y.len() == n { y[i] } else { y[0] };
                    let (p, q) = (value(x[i]), value(by));
                    let right = match q {
                        0 => [0; 3],
                        _ => {
                            let (mut f, mut r) = (p / q, p % q);
                            let trunc = r;
                            if r != 0 && (r < 0) != (q < 0) {
                                (f, r) = (f - 1, r + q);
                            }
                            [f, r, trunc]
                        }
                    };
                    let [f, r, t] = right.map(|x| T::from_i64(x as i64));
                    let found = (floor[i], rest[i], quotient[i], remainder[i], fmod[i]);
                    assert!(found == (f, r, f, r, t), "{level:?} {dtype}: {p} by {q} gives {found:?}");
                }
            }
        }
    }
}

#[test]
fn integers_divide() {
    at_each_level(|level| {
        division::<i8>(level, DType::I8);
        division::<u8>(level, DType::U8);
        division::<i16>(level, DType::I16);
        division::<u16>(level, DType::U16);
        division::<i32>(level, DType::I32);
        division::<u32>(level, DType::U32);
        division::<i64>(level, DType::I64);
        division::<u64>(level, DType::U64);
    });
}

#[test]
fn bytes_divide_all() {
    at_each_level(|level| {
        let all: Vec<i8> = (i8::MIN..=i8::MAX).collect();
        for y in all.iter().copied().filter(|&y| y != 0) {
            let (q, r, _) = call::<i8, i8>(kernel(Op::Divmod, DType::I8), &all, &[y], 2);
            for (i, &x) in all.iter().enumerate() {
                let floor = (x as f64 / y as f64).floor() as i64 as i8;
                let rest = x.wrapping_sub(floor.wrapping_mul(y));
                assert_eq!((q[i], r[i]), (floor, rest), "{level:?} {x} by {y}");
            }
        }
        let all: Vec<u8> = (0..=u8::MAX).collect();
        for y in 1..=u8::MAX {
            let (q, r, _) = call::<u8, u8>(kernel(Op::Divmod, DType::U8), &all, &[y], 2);
            assert!(all.iter().enumerate().all(|(i, x)| (q[i], r[i]) == (x / y, x % y)), "{level:?} by {y}");
        }
    });
}

#[test]
fn powers_and_divisors() {
    fn gcd(a: i128, b: i128) -> i128 {
        if b == 0 { a.abs() } else { gcd(b, a % b) }
    }
    macro_rules! of {
        ($level:ident, $t:ty, $dtype:ident) => {
            let mut random = Random(5);
            for n in LENGTHS {
                for shift in [2, 15, 40] {
                    let shift = shift.min(<$t>::BITS - 2);
                    let mut row = || -> Vec<$t> { (0..n).map(|_| (random.next() as $t) >> shift).collect() };
                    let (x, y) = (row(), row());
                    let (g, _, _) = call::<$t, $t>(kernel(Op::Gcd, DType::$dtype), &x, &y, 1);
                    let (l, _, _) = call::<$t, $t>(kernel(Op::Lcm, DType::$dtype), &x, &y, 1);
                    for i in 0..n {
                        let (a, b) = (x[i] as i128, y[i] as i128);
                        let right = gcd(a, b);
                        assert_eq!(g[i], right as $t, "{:?} gcd({a}, {b})", $level);
                        let multiple = if right == 0 { 0 } else { (a / right * b).unsigned_abs() };
                        // Where it fits; beyond it wraps in an order of its own.
                        if multiple <= <$t>::MAX as u128 {
                            assert_eq!(l[i], multiple as $t, "{:?} lcm({a}, {b})", $level);
                        }
                    }
                    for e in 0..12 {
                        let right: Vec<$t> = x.iter().map(|x| x.wrapping_pow(e)).collect();
                        let kernel = kernel(Op::Power, DType::$dtype);
                        assert_eq!(call::<$t, $t>(kernel, &x, &[e as $t], 1).0, right, "{:?} to {e}", $level);
                        assert_eq!(
                            call::<$t, $t>(kernel, &x, &vec![e as $t; n], 1).0,
                            right,
                            "{:?} to {e}",
                            $level
                        );
                    }
                }
            }
        };
    }
    at_each_level(|level| {
        of!(level, i8, I8);
        of!(level, u8, U8);
        of!(level, i32, I32);
        of!(level, u32, U32);
        of!(level, i64, I64);
        of!(level, u64, U64);
        assert!(
            call::<i32, i32>(kernel(Op::Power, DType::I32), &[1; 40], &[-1], 1).2,
            "{level:?}: is refused"
        );
    });
}

fn exponents<T: Tested>(level: Level) {
    for n in LENGTHS {
        for row in rows::<T>(n, -4.0, 4.0, 3) {
            let mut exponents = vec![0i32; n];
            let mut fractions = vec![T::ZERO; n];
            let slots = [
                Slot::row(row.as_ptr().cast_mut().cast()),
                Slot::row(fractions.as_mut_ptr().cast()),
                Slot::row(exponents.as_mut_ptr().cast()),
            ];
            // SAFETY: rows of `n` elements.
            unsafe {
                let operands = Operands { dst: [1, 2], src: [0; 8] };
                kernel(Op::Frexp, T::DTYPE)(n, slots.as_ptr(), &operands);
            }
            for power in [0i64, 1, -1, 30, -130, 1000, -1070, 1 << 40, -(1 << 40)] {
                let (powers, mut scaled) = (vec![power; n], vec![T::ZERO; n]);
                let slots = [
                    slots[0],
                    Slot::row(powers.as_ptr().cast_mut().cast()),
                    Slot::row(scaled.as_mut_ptr().cast()),
                ];
                // SAFETY: as above.
                unsafe {
                    let operands = Operands { dst: [2, 0], src: [0, 1, 0, 0, 0, 0, 0, 0] };
                    kernel(Op::Ldexp, T::DTYPE)(n, slots.as_ptr(), &operands);
                }
                for (&x, &y) in row.iter().zip(&scaled) {
                    assert_eq!(bits(y), bits(x.ldexp(power)), "{level:?} {x:?} times 2^{power}");
                }
            }
            for (i, &x) in row.iter().enumerate() {
                let (fraction, exponent) = x.frexp();
                assert_eq!((bits(fractions[i]), exponents[i]), (bits(fraction), exponent), "{level:?} {x:?}");
            }
            let mut towards = row.clone();
            towards.rotate_left(1);
            let found = call::<T, T>(kernel(Op::Nextafter, T::DTYPE), &row, &towards, 1).0;
            for i in 0..n {
                let right = row[i].libm_nextafter(towards[i]);
                assert_eq!(bits(found[i]), bits(right), "{level:?} {:?} towards {:?}", row[i], towards[i]);
            }
        }
    }
}

/// The bits of a number, all NaNs alike.
fn bits<T: Tested>(x: T) -> u64 {
    if x.is_nan() { u64::MAX } else { x.wide().to_bits() }
}

#[test]
fn exponents_and_neighbours() {
    at_each_level(|level| {
        exponents::<f64>(level);
        exponents::<f32>(level);
    });
}

#[test]
fn complex_numbers() {
    at_each_level(|level| {
        for n in LENGTHS {
            let (re, im) = (rows::<f64>(n, -4.0, 4.0, 1), rows::<f64>(n, -4.0, 4.0, 2));
            for (re, im) in re.iter().zip(&im) {
                let x: Vec<Complex<f64>> = re.iter().zip(im).map(|(&re, &im)| Complex { re, im }).collect();
                let mut y = x.clone();
                y.rotate_left(1);
                let size = call::<Complex<f64>, [f64; 2]>(kernel(Op::Absolute, DType::C128), &x, &[], 1).0;
                let size: &[f64] = bytemuck::cast_slice(&size);
                let angle = call::<Complex<f64>, [f64; 2]>(kernel(Op::Angle, DType::C128), &x, &[], 1).0;
                let angle: &[f64] = bytemuck::cast_slice(&angle);
                for (i, z) in x.iter().enumerate() {
                    assert!(is_close(size[i], z.re.hypot(z.im), 2.0), "{level:?} |{z}| = {}", size[i]);
                    assert!(
                        is_close(angle[i], z.im.atan2(z.re), 4.0),
                        "{level:?} angle of {z}: {}",
                        angle[i]
                    );
                }
                let quotients =
                    call::<Complex<f64>, Complex<f64>>(kernel(Op::Divide, DType::C128), &x, &y, 1).0;
                let powers = |n: f64| {
                    let by = [Complex { re: n, im: 0.0 }];
                    call::<Complex<f64>, Complex<f64>>(kernel(Op::Power, DType::C128), &x, &by, 1).0
                };
                let same =
                    |x: Complex<f64>, y: Complex<f64>| (bits(x.re), bits(x.im)) == (bits(y.re), bits(y.im));
                let (cubes, fifths) = (powers(3.0), powers(5.0));
                for i in 0..n {
                    let right = complex::div(x[i], y[i]);
                    assert!(same(quotients[i], right), "{level:?} {} by {}: {}", x[i], y[i], quotients[i]);
                    for (n, found) in [(3, cubes[i]), (5, fifths[i])] {
                        let right = match x[i] == Complex::default() {
                            true => Complex::default(),
                            false => complex::whole_power(x[i], n),
                        };
                        assert!(same(found, right), "{level:?} {}^{n}: {found}", x[i]);
                    }
                }
            }
        }
    });
}

#[test]
fn extremes_of_rows() {
    at_each_level(|level| {
        for n in [1, 31, 200, 1000] {
            for place in [None, Some(0), Some(n / 2), Some(n - 1)] {
                let mut random = Random(n as u64);
                let mut row: Vec<f32> = (0..n).map(|_| random.unit() as f32 - 0.5).collect();
                for special in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
                    if let Some(place) = place {
                        row[place] = special;
                    }
                    for (op, combine) in [
                        (ReduceOp::Min, float::minimum as fn(f32, f32) -> f32),
                        (ReduceOp::Max, float::maximum as fn(f32, f32) -> f32),
                    ] {
                        let right = row.iter().copied().reduce(combine).unwrap();
                        let kernel = reduce::row(op, DType::F32).unwrap();
                        let found = call::<f32, f32>(kernel, &row, &[], 1).0[0];
                        assert_eq!(bits(found), bits(right), "{level:?} {op:?} of {n}");
                        let walk = Walk { ptr: row.as_mut_ptr().cast(), strides: [0, 4] };
                        let mut found = 0f32;
                        // SAFETY: one row of `n` elements, room for one.
                        unsafe {
                            let [_, rows] = lines::lines(op, DType::F32).unwrap();
                            rows(walk, 1, n, (&raw mut found).cast(), true);
                        }
                        assert_eq!(bits(found), bits(right), "{level:?} {op:?} of {n} as a line");
                    }
                }
            }
        }
    });
}

#[test]
fn strided_reads() {
    fn of<T: Pod + PartialEq + std::fmt::Debug>(level: Level, from: impl Fn(usize) -> T) {
        for step in [-3isize, -2, -1, 2, 3, 4, 5] {
            for n in [1, 15, 16, 17, 33, 100] {
                // No element more than those that are read, so that the address sanitizer finds what is.
                let all: Vec<T> = (0..(n - 1) * step.unsigned_abs() + 1).map(&from).collect();
                let first = if step < 0 { all.len() - 1 } else { 0 };
                let mut to = vec![T::zeroed(); n];
                let size = size_of::<T>();
                let walk =
                    Walk { ptr: all[first..].as_ptr().cast_mut().cast(), strides: [0, step * size as isize] };
                // SAFETY: the walk stays within `all`.
                unsafe { copy::gather(size, walk, to.as_mut_ptr().cast(), 1, n) };
                let right: Vec<T> =
                    (0..n).map(|i| all[(first as isize + i as isize * step) as usize]).collect();
                assert_eq!(to, right, "{level:?} step {step}, {n} of {size} bytes");
            }
        }
    }
    at_each_level(|level| {
        of(level, |i| i as u8);
        of(level, |i| i as u16);
        of(level, |i| i as u32);
        of(level, |i| i as u64);
        of(level, |i| [i as u64, 7]);
    });
}
