//! An axis that is divided among the ranks.
//!
//! It becomes the last axis of a value of which each rank has whole lines: one exchange. One line is a matrix first, as in
//! [`long`](crate::fft): its columns are the lines, are turned by unit roots, and then its rows are; so elements are exchanged three times
//! in all. A length that is no such product is a convolution with a chirp (Bluestein), of a length that is one.

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::error::Result;
use crate::fft::{Form, Lines, Transform, is_local, local, split};
use crate::memory::{Blocks, blocks_for};
use crate::ops::Op;
use crate::record::{Arg, Expr, Node};
use crate::session;
use crate::stage::Spread;
use crate::view::{Dims, Index, Layout, Slice};
use smallvec::SmallVec;
use std::sync::Arc;

/// A line of fewer elements is one rank's.
const SHORT: usize = 1 << 13;

/// Transforms along an axis of an array whose axes lie in C order in memory. Collective.
pub(super) fn along(a: &Array, axis: usize, transform: &Transform) -> Result<Array> {
    let (shape, dtype) = (a.shape(), a.dtype());
    let mut made: Dims = shape.into();
    made[axis] = transform.given();
    let (before, after) = (blocks_for(shape), blocks_for(&made));
    let is_alike = |rank: usize| before.start(rank) * transform.given() == after.start(rank) * shape[axis];
    let are_alike = before.is_distributed() == after.is_distributed()
        && is_local(before, Lines::of(shape, axis))
        && is_local(after, Lines::of(&made, axis))
        && (!before.is_distributed() || (0..=before.count()).all(is_alike));
    let is_own = a.arg().node().is_none_or(|node| !node.blocks.is_custom());
    if are_alike && is_own {
        let node = local(a.arg(), shape, axis, dtype, transform, Spread::Usual, None)?;
        return Ok(Array::from_node(node));
    }
    if !before.is_distributed() && !after.is_distributed() {
        let copy = Array::from_node(Node::lazy_in(before, shape.into(), dtype, Expr::Cast(a.arg())));
        return Ok(Array::from_node(local(copy.arg(), shape, axis, dtype, transform, Spread::Usual, None)?));
    }
    let fitted = fitted(a, axis, transform.taken())?;
    let count: usize = made.iter().enumerate().filter(|&(d, _)| d != axis).map(|(_, n)| n).product();
    if count >= session::get().size || transform.n < SHORT {
        return usual(&as_last(&fitted, axis, transform)?);
    }
    // A few lines, each over all ranks.
    let result = Array::zeros(&made, transform.types(dtype).1)?;
    let others: Dims = made.iter().enumerate().map(|(d, &n)| if d == axis { 1 } else { n }).collect();
    for line in 0..count {
        let mut rest = line;
        let mut items: SmallVec<[Index; 4]> = SmallVec::from_elem(Index::ALL, made.len());
        for d in (0..made.len()).rev().filter(|&d| d != axis) {
            items[d] = Index::At((rest % others[d]) as isize);
            rest /= others[d];
        }
        let done = one(&fitted.index(&items)?, transform)?;
        result.set(&items, &done)?;
    }
    Ok(result)
}

/// The array with exactly so many elements along an axis: the first ones, or zeros behind them.
fn fitted(a: &Array, axis: usize, len: usize) -> Result<Array> {
    let n = a.shape()[axis];
    let first = |len: usize| {
        let mut items: SmallVec<[Index; 4]> = SmallVec::from_elem(Index::ALL, a.ndim());
        items[axis] = Index::range(0, len as isize);
        items
    };
    if n >= len {
        return a.index(&first(len));
    }
    let mut shape: Dims = a.shape().into();
    shape[axis] = len;
    let wide = Array::zeros(&shape, a.dtype())?;
    wide.set(&first(n), a)?;
    Ok(wide)
}

/// An array as new arrays are spread, in C order.
fn usual(a: &Array) -> Result<Array> {
    let shape: Dims = a.shape().into();
    Ok(Array::from_node(Node::lazy_in(blocks_for(&shape), shape, a.dtype(), Expr::Cast(a.arg()))))
}

/// Where the ranks' runs begin that have whole lines of so many elements.
fn by_lines(count: usize, n: usize) -> Blocks {
    let ranks = session::get().size;
    Blocks::beginning_at((0..ranks).map(|rank| count * rank / ranks * n), count * n)
}

/// The transform with the axis last in memory, shown at its place.
fn as_last(a: &Array, axis: usize, transform: &Transform) -> Result<Array> {
    let turn: Dims = (0..a.ndim()).filter(|&d| d != axis).chain([axis]).collect();
    let moved = a.by_order(Some(&turn));
    let node = lines(&moved, transform, None)?;
    Ok(Array::from_node(node).in_order(&turn))
}

/// Transforms the lines of the last axis; each rank gets whole ones.
fn lines(a: &Array, transform: &Transform, turned: Option<usize>) -> Result<Arc<Node>> {
    let (shape, dtype): (Dims, DType) = (a.shape().into(), transform.types(a.dtype()).0);
    let axis = shape.len() - 1;
    let count = shape[..axis].iter().product();
    let value = Node::lazy_in(by_lines(count, shape[axis]), shape.clone(), dtype, Expr::Cast(a.arg()));
    let spread = Spread::Cut(by_lines(count, transform.given()));
    local(Arg::whole(value), &shape, axis, dtype, transform, spread, turned)
}

/// One line over all ranks, of as many elements as the transform takes.
fn one(a: &Array, transform: &Transform) -> Result<Array> {
    let n = transform.n;
    let complex = if matches!(transform.types(a.dtype()).1, DType::F32 | DType::C64) {
        DType::C64
    } else {
        DType::C128
    };
    let half = n / 2;
    let whole = Transform { form: Form::Complex, ..*transform };
    match transform.form {
        Form::Complex => any(a, &whole, complex),
        Form::FromReal => usual(&any(a, &whole, complex)?.index(&[Index::range(0, half as isize + 1)])?),
        Form::ToReal => {
            let all = Array::zeros(&[n], complex)?;
            let kept = Index::range(0, half as isize + 1);
            all.set(&[kept], a)?;
            // The conjugates, backwards; what is imaginary in the ends counts for nothing.
            let mirrored =
                Index::Slice(Slice { start: Some((n - 1) as isize / 2), stop: Some(0), step: Some(-1) });
            let behind = Array::apply(Op::Conjugate, &[(&a.index(&[mirrored])?).into()])?;
            all.set(&[Index::range(half as isize + 1, None)], &behind)?;
            let ends = [Some(0), n.is_multiple_of(2).then_some(half)];
            for end in ends.into_iter().flatten() {
                let end = Index::range(end as isize, end as isize + 1);
                let real = all.index(&[end])?.real().copy()?;
                all.set(&[end], &real)?;
            }
            usual(&any(&all, &whole, complex)?.real())
        }
    }
}

/// The complex transform of one line.
fn any(a: &Array, transform: &Transform, complex: DType) -> Result<Array> {
    let (n, ranks) = (transform.n, session::get().size);
    if let Some((rows, columns)) = split(n).filter(|&(rows, _)| rows >= ranks) {
        return as_matrix(a, transform, rows, columns);
    }
    // exp(i pi k^2 / n), whose squares are taken modulo 2n.
    let sign = if transform.is_inverse { 1.0 } else { -1.0 };
    let k = Array::arange(0.into(), (n as i64).into(), 1.into(), Some(DType::I64))?;
    let chirp = chirp(&k, n, sign)?;
    let len = (2 * n - 1).next_power_of_two();
    let (rows, columns) = split(len).expect("a power of two");
    let forward = Transform { form: Form::Complex, n: len, is_inverse: false, scale: 1.0 };
    let backward = Transform { is_inverse: true, scale: transform.scale / len as f64, ..forward };
    let times = |x: &Array, y: &Array| Array::apply(Op::Multiply, &[x.into(), y.into()]);
    let long = Array::zeros(&[len], DType::C128)?;
    long.set(&[Index::range(0, n as isize)], &times(&a.cast_to(DType::C128), &chirp)?)?;
    let back = Array::apply(Op::Conjugate, &[(&chirp).into()])?;
    let kernel = Array::zeros(&[len], DType::C128)?;
    kernel.set(&[Index::range(0, n as isize)], &back)?;
    if n > 1 {
        let mirrored = Index::Slice(Slice { start: None, stop: Some(0), step: Some(-1) });
        kernel.set(&[Index::range((len - n + 1) as isize, None)], &back.index(&[mirrored])?)?;
    }
    let product =
        times(&as_matrix(&long, &forward, rows, columns)?, &as_matrix(&kernel, &forward, rows, columns)?)?;
    let found = as_matrix(&product, &backward, rows, columns)?.index(&[Index::range(0, n as isize)])?;
    usual(&times(&found, &chirp)?.cast_to(complex))
}

fn chirp(k: &Array, n: usize, sign: f64) -> Result<Array> {
    // (k^2 mod 2n in integers of 64 bits, in which squares of indices of memory have room below 2^31; above, in two steps.)
    let modulus = Scalar::I64(2 * n as i64);
    let square = match i64::try_from((n as u128) * (n as u128)) {
        Ok(_) => Array::apply(Op::Multiply, &[k.into(), k.into()])?,
        Err(_) => split_square(k, modulus)?,
    };
    let rest = Array::apply(Op::Remainder, &[(&square).into(), modulus.into()])?;
    let angle =
        Array::apply(Op::Multiply, &[(&rest).into(), (sign * std::f64::consts::PI / n as f64).into()])?;
    let made = Array::zeros(k.shape(), DType::C128)?;
    made.real().assign(&Array::apply(Op::Cos, &[(&angle).into()])?)?;
    if let Some(imag) = made.imag() {
        imag.assign(&Array::apply(Op::Sin, &[(&angle).into()])?)?;
    }
    Ok(made)
}

/// Squares of numbers of up to 40 bits, up to a multiple of `modulus`: by upper and lower halves of 20 bits.
fn split_square(k: &Array, modulus: Scalar) -> Result<Array> {
    let apply = |op, x: &Array, y: i64| Array::apply(op, &[x.into(), Scalar::I64(y).into()]);
    let rest = |x: &Array| Array::apply(Op::Remainder, &[x.into(), modulus.into()]);
    let (high, low) = (apply(Op::RightShift, k, 20)?, apply(Op::BitwiseAnd, k, (1 << 20) - 1)?);
    let first =
        rest(&apply(Op::LeftShift, &rest(&Array::apply(Op::Multiply, &[(&high).into(), k.into()])?)?, 20)?)?;
    let second = rest(&Array::apply(Op::Multiply, &[(&low).into(), k.into()])?)?;
    Array::apply(Op::Add, &[(&first).into(), (&second).into()])
}

/// The complex transform of a line as a matrix.
fn as_matrix(a: &Array, transform: &Transform, rows: usize, columns: usize) -> Result<Array> {
    let matrix = a.reshape(&[rows as isize, columns as isize])?;
    let down = Transform { n: rows, ..*transform };
    let done = Array::from_node(lines(&matrix.by_order(Some(&[1, 0])), &down, Some(transform.n))?);
    let across = Transform { n: columns, scale: 1.0, ..*transform };
    let done = Array::from_node(lines(&done.by_order(Some(&[1, 0])), &across, None)?);
    let line = done.by_order(Some(&[1, 0])).laid_out(done.dtype(), Layout::C)?.ravel()?;
    usual(&line)
}
