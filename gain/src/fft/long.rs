//! One long line by all threads: as a matrix whose columns are transformed, turned by unit roots, and whose rows then are.
//!
//! Element `j1 * n2 + j2` of the line is in row `j1` and column `j2`; what belongs at `k1 + n1 * k2` is made from row `k1`. Tiles of
//! neighbouring columns, and then of rows, are as large as a core's cache, and read and write whole cache lines; between the two
//! steps all is in `spare`. Real lines are complex ones of half the length, if that is a whole number.

use super::turn::turn;
use super::twiddles::Roots;
use super::{Form, Part, Real, Transform, plans};
use crate::algo::Cells;
use crate::exec::pool;
use crate::session;
use bytemuck::Pod;
use num_traits::Zero;
use rustfft::num_complex::Complex;
use std::any::TypeId;
use std::marker::PhantomData;

/// Lines of so many complex elements are transformed so, if there are fewer than threads; and if there are more.
const FEW: usize = 1 << 16;
const MANY: usize = 1 << 18;

/// Fewest rows, and most columns for each of them.
const LEAST: usize = 32;
const SKEW: usize = 32;

/// Bytes of a tile, and rows or columns of one.
const TILE: usize = 1 << 18;
const WIDTH: usize = 8;

/// Elements between the lines of a tile, so that these don't all want the same places in a cache.
const APART: usize = 8;

/// Numbers of pairs of a real line's elements that a thread takes at a time.
const PAIRS: usize = 1 << 13;

/// How many complex elements the transform comes to.
fn complex_len(transform: &Transform) -> usize {
    match transform.form {
        Form::FromReal | Form::ToReal if transform.n.is_multiple_of(2) => transform.n / 2,
        _ => transform.n,
    }
}

/// How many complex numbers of room a line needs; 0 if it isn't transformed so.
pub(super) fn room_for(transform: &Transform, are_few: bool) -> usize {
    let n = complex_len(transform);
    if n >= if are_few { FEW } else { MANY } && split(n).is_some() { n } else { 0 }
}

/// The length as a product of two that are not too different.
pub(crate) fn split(n: usize) -> Option<(usize, usize)> {
    let rows = (LEAST..=n.isqrt())
        .rev()
        .take_while(|rows| n / rows <= SKEW * rows)
        .find(|&rows| n.is_multiple_of(rows))?;
    Some((rows, n / rows))
}

/// Elements that lie so far apart.
pub(super) struct Strided<'a, E> {
    ptr: *mut E,
    step: usize,
    len: usize,
    _of: PhantomData<&'a mut E>,
}

// SAFETY: addresses of elements; who writes them says why nobody else does.
unsafe impl<E: Send + Sync> Sync for Strided<'_, E> {}

impl<E> Strided<'_, E> {
    /// # Safety
    /// `len` elements, `step` apart, are readable from `ptr` on for as long as `'a`; writable, if they are written.
    pub(super) unsafe fn new(ptr: *mut E, step: usize, len: usize) -> Self {
        Strided { ptr, step, len, _of: PhantomData }
    }

    #[inline(always)]
    fn at(&self, i: usize) -> *mut E {
        assert!(i < self.len, "an element of the line");
        self.ptr.wrapping_add(i * self.step)
    }

    #[inline(always)]
    fn get(&self, i: usize) -> Option<E>
    where
        E: Copy,
    {
        // SAFETY: as `new` was promised; nobody writes what is read meanwhile.
        (i < self.len).then(|| unsafe { *self.at(i) })
    }

    /// # Safety
    /// Nobody else reads or writes the element.
    #[inline(always)]
    unsafe fn set(&self, i: usize, x: E) {
        // SAFETY: the caller's promise, and that of `new`.
        unsafe { self.at(i).write(x) };
    }
}

/// Complex transform of a line.
pub(super) fn complex<T: Real, I: Part<T>>(
    transform: &Transform,
    from: &Strided<'_, I>,
    to: &Strided<'_, Complex<T>>,
    spare: &mut [Complex<T>],
) where
    Complex<T>: Pod,
{
    let read = |j: usize| from.get(j).map_or_else(Complex::zero, Part::widen);
    // SAFETY: each element is written once.
    let write = |k: usize, x: Complex<T>| unsafe { to.set(k, x) };
    // (Real elements are not in pairs here.)
    let are_complex = TypeId::of::<I>() == TypeId::of::<Complex<T>>();
    let lying = [Lying::of(from, transform.n).filter(|_| are_complex), Lying::of(to, transform.n)];
    six_steps(transform.n, transform.is_inverse, transform.scale, read, write, lying, spare);
}

/// The first half of the transform of a real line.
pub(super) fn from_real<T: Real>(
    transform: &Transform,
    from: &Strided<'_, T>,
    to: &Strided<'_, Complex<T>>,
    spare: &mut [Complex<T>],
) where
    Complex<T>: Pod,
{
    let (n, half) = (transform.n, transform.n / 2);
    let real = |j: usize| from.get(j).unwrap_or_else(T::zero);
    if n % 2 == 1 {
        let write = |k: usize, x| {
            if k <= half {
                // SAFETY: each element is written once.
                unsafe { to.set(k, x) }
            }
        };
        return six_steps(n, false, transform.scale, |j| real(j).widen(), write, [None; 2], spare);
    }
    // SAFETY: as above.
    let write = |k: usize, x| unsafe { to.set(k, x) };
    let lying = [Lying::of(from, half), Lying::of(to, half)];
    six_steps(
        half,
        false,
        transform.scale,
        |j| Complex::new(real(2 * j), real(2 * j + 1)),
        write,
        lying,
        spare,
    );
    let roots = plans::roots(n, false);
    let two = T::one() + T::one();
    let pairs = half / 2 + 1;
    pool::split(pairs.div_ceil(PAIRS), session::get().threads, &|piece| {
        for k in piece * PAIRS..pairs.min((piece + 1) * PAIRS) {
            let other = half - k;
            let (x, y) = match (to.get(k), to.get(if k == 0 { 0 } else { other })) {
                (Some(x), Some(y)) => (x, y.conj()),
                _ => unreachable!("elements of the line"),
            };
            let (sum, root) = (x + y, root::<T>(&roots, k));
            let turned = times_i((x - y) * root);
            // SAFETY: each pair is one piece's, and is read before it is written.
            unsafe {
                to.set(k, (sum - turned) / two);
                to.set(other, ((sum + turned) / two).conj());
            }
        }
    });
}

/// The real line of the first half of its transform.
pub(super) fn to_real<T: Real>(
    transform: &Transform,
    from: &Strided<'_, Complex<T>>,
    to: &Strided<'_, T>,
    spare: &mut [Complex<T>],
) where
    Complex<T>: Pod,
{
    let (n, half) = (transform.n, transform.n / 2);
    let get = |k: usize| {
        let mut x = from.get(k).unwrap_or_else(Complex::zero);
        if k == 0 || 2 * k == n {
            x.im = T::zero();
        }
        x
    };
    if n % 2 == 1 {
        let read = |k: usize| if k <= half { get(k) } else { get(n - k).conj() };
        // SAFETY: each element is written once.
        let write = |j: usize, x: Complex<T>| unsafe { to.set(j, x.re) };
        return six_steps(n, true, transform.scale, read, write, [None; 2], spare);
    }
    let roots = plans::roots(n, true);
    let read = |k: usize| {
        let (x, y) = (get(k), get(half - k).conj());
        x + y + times_i((x - y) * root::<T>(&roots, k))
    };
    // SAFETY: as above.
    let write = |j: usize, x: Complex<T>| unsafe {
        to.set(2 * j, x.re);
        to.set(2 * j + 1, x.im);
    };
    six_steps(half, true, transform.scale, read, write, [None, Lying::of(to, half)], spare);
}

/// A whole line of complex elements that lie in a row.
struct Lying<T>(*mut Complex<T>);

impl<T> Clone for Lying<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Lying<T> {}

// SAFETY: an address; who reads or writes there says why nobody else does.
unsafe impl<T> Sync for Lying<T> {}

impl<T: Real> Lying<T> {
    /// The line, if it is one of `n` such elements, or of twice as many real ones.
    fn of<E: Pod>(line: &Strided<'_, E>, n: usize) -> Option<Lying<T>> {
        let are_complex = TypeId::of::<E>() == TypeId::of::<Complex<T>>() && line.len >= n;
        let are_pairs = TypeId::of::<E>() == TypeId::of::<T>() && line.len >= 2 * n;
        (line.step == 1 && (are_complex || are_pairs)).then(|| Lying(line.ptr.cast()))
    }
}

fn times_i<T: Real>(z: Complex<T>) -> Complex<T> {
    Complex::new(-z.im, z.re)
}

fn root<T: Real>(roots: &Roots, k: usize) -> Complex<T> {
    let root = roots.at(k as u64);
    Complex::new(T::from_f64(root.re).expect("a number"), T::from_f64(root.im).expect("a number"))
}

/// Transforms what `read` gives for 0 to `n`, and has each element of the result written; or what lies in a row, to what does.
fn six_steps<T: Real>(
    n: usize,
    is_inverse: bool,
    scale: f64,
    read: impl Fn(usize) -> Complex<T> + Sync,
    write: impl Fn(usize, Complex<T>) + Sync,
    [straight, onto]: [Option<Lying<T>>; 2],
    spare: &mut [Complex<T>],
) where
    Complex<T>: Pod,
{
    let (n1, n2) = split(n).expect("asked before");
    assert_eq!(spare.len(), n, "room for the line");
    let threads = session::get().threads;
    let (roots, down, along) = (
        plans::roots(n, is_inverse),
        plans::complex::<T>(n1, is_inverse),
        plans::complex::<T>(n2, is_inverse),
    );
    let width_of = |len: usize| (TILE / (len * size_of::<Complex<T>>())).clamp(WIDTH / 2, 4 * WIDTH);
    let cells = Cells::of(spare);

    let width = width_of(n1);
    pool::split(n2.div_ceil(width), threads, &|tile| {
        let (first, apart) = (tile * width, n1 + APART);
        let width = width.min(n2 - first);
        let scratch = down.get_inplace_scratch_len();
        pool::with_room(width * apart + scratch, |room: &mut [Complex<T>]| {
            let (columns, scratch) = room.split_at_mut(width * apart);
            if let Some(Lying(from)) = straight {
                // SAFETY: `n1` rows of `n2` elements are readable there, and the tile has room for these columns.
                unsafe { turn(from.add(first), n2, columns.as_mut_ptr(), apart, [n1, width], |x| x) };
            } else {
                for j in 0..n1 {
                    for column in 0..width {
                        columns[column * apart + j] = read(j * n2 + first + column);
                    }
                }
            }
            for (column, line) in columns.chunks_exact_mut(apart).enumerate() {
                down.process_with_scratch(&mut line[..n1], scratch);
                roots.turn(&mut line[..n1], first + column, scale);
            }
            // SAFETY: the tile's columns are its own, and within the room.
            unsafe { turn(columns.as_ptr(), apart, cells.at(first), n2, [width, n1], |x| x) };
        });
    });

    let width = width_of(n2);
    pool::split(n1.div_ceil(width), threads, &|tile| {
        let (first, apart) = (tile * width, n2 + APART);
        let width = width.min(n1 - first);
        let scratch = along.get_outofplace_scratch_len();
        pool::with_room(width * apart + scratch, |room: &mut [Complex<T>]| {
            let (rows, scratch) = room.split_at_mut(width * apart);
            for (row, line) in rows.chunks_exact_mut(apart).enumerate() {
                // SAFETY: the tile's rows are its own, and within the room.
                let from = unsafe { std::slice::from_raw_parts_mut(cells.at((first + row) * n2), n2) };
                along.process_outofplace_with_scratch(from, &mut line[..n2], scratch);
            }
            if let Some(Lying(to)) = onto {
                // SAFETY: `n2` rows of `n1` elements are writable there, of which these columns are the tile's.
                unsafe { turn(rows.as_ptr(), apart, to.add(first), n1, [width, n2], |x| x) };
            } else {
                for k in 0..n2 {
                    for row in 0..width {
                        write(first + row + n1 * k, rows[row * apart + k]);
                    }
                }
            }
        });
    });
}
