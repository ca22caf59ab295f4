//! Products of vectors, matrices and stacks of them.
//!
//! A dot product of vectors is a fused reduction, of a stack of vectors one along their axis. All others are matrix
//! products, of which `plan::product` makes one or a stack.

use super::{Array, ReduceOptions, direct};
use crate::algo;
use crate::dtype::{Category, DType, category, promote};
use crate::error::{Error, Kind, Result, shape_text};
use crate::ops::{Op, ReduceOp, resolve};
use crate::plan;
use crate::record::{Arg, Expr, Node};
use crate::session;
use crate::status::Policy;
use crate::status::site::{self, Origin};
use crate::view::{Dims, View, broadcast_shapes};
use smallvec::SmallVec;

/// A product whose operands may be stacks: how many of the last axes of each operand, and of the result, are its own.
struct Rule {
    name: &'static str,
    signature: &'static str,
    inputs: [usize; 2],
    output: usize,
}

const MATMUL: Rule = Rule { name: "matmul", signature: "(n?,k),(k,m?)->(n?,m?)", inputs: [2, 2], output: 2 };
const VECDOT: Rule = Rule { name: "vecdot", signature: "(n),(n)->()", inputs: [1, 1], output: 0 };
const MATVEC: Rule = Rule { name: "matvec", signature: "(m,n),(n)->(m)", inputs: [2, 1], output: 1 };
const VECMAT: Rule = Rule { name: "vecmat", signature: "(n),(n,m)->(m)", inputs: [1, 2], output: 1 };

/// # Products
impl Array {
    /// `np.dot`: over the last axis of this array and the last but one of the other, for all pairs.
    pub fn dot(&self, other: &Array) -> Result<Array> {
        let _turn = session::take_turn("dot")?;
        if self.ndim() == 0 || other.ndim() == 0 {
            return Array::apply(Op::Multiply, &[self.into(), other.into()]);
        }
        let (last, first) = (self.ndim() - 1, other.ndim().saturating_sub(2));
        let (inner, outer) = (self.shape()[last], other.shape()[first]);
        if inner != outer {
            return Err(Error::new(
                Kind::Shape,
                format!(
                    "shapes {} and {} not aligned: {inner} (dim {last}) != {outer} (dim {first})",
                    shape_text(self.shape()),
                    shape_text(other.shape()),
                ),
            ));
        }
        if self.ndim() <= 2 && other.ndim() <= 2 {
            return self.product(other, false, "dot");
        }
        // Every row of the one with every column of the other.
        let mut shape = Dims::from_slice(&self.shape()[..last]);
        let rows: usize = shape.iter().product();
        let mut order: SmallVec<[isize; 4]> = SmallVec::from_slice(&[first as isize]);
        order.extend((0..other.ndim() as isize).filter(|&d| d != first as isize));
        let right = other.transpose(Some(&order))?;
        let columns: usize = right.shape()[1..].iter().product();
        shape.extend_from_slice(&right.shape()[1..]);
        let left = self.reshape(&[rows as isize, inner as isize])?;
        let made = left.product(&right.reshape(&[inner as isize, columns as isize])?, false, "dot")?;
        Ok(made.in_shape(&shape))
    }

    /// `np.matmul`: stacks of matrices broadcast; a vector is a row on the left, a column on the right.
    pub fn matmul(&self, other: &Array) -> Result<Array> {
        let _turn = session::take_turn("matmul")?;
        let inputs = [self.ndim().min(2), other.ndim().min(2)];
        let output = (inputs[0] + inputs[1]).saturating_sub(2);
        Rule { inputs, output, ..MATMUL }.check(self, other, [1, 1])?;
        self.product(other, false, MATMUL.name)
    }

    /// `np.matvec`: stacks of matrices times stacks of vectors.
    pub fn matvec(&self, other: &Array) -> Result<Array> {
        let _turn = session::take_turn("matvec")?;
        MATVEC.check(self, other, MATVEC.inputs)?;
        let column = other.with_axis(other.ndim());
        let made = self.product(&column, false, MATVEC.name)?;
        let shape = Dims::from_slice(&made.shape()[..made.ndim() - 1]);
        Ok(made.in_shape(&shape))
    }

    /// `np.vecmat`: stacks of vectors, conjugated, times stacks of matrices.
    pub fn vecmat(&self, other: &Array) -> Result<Array> {
        let _turn = session::take_turn("vecmat")?;
        VECMAT.check(self, other, VECMAT.inputs)?;
        let row = self.with_axis(self.ndim() - 1);
        let made = row.product(other, true, VECMAT.name)?;
        let mut shape = Dims::from_slice(made.shape());
        shape.remove(made.ndim() - 2);
        Ok(made.in_shape(&shape))
    }

    /// `np.vecdot`: the sum along the last axis of the products of conjugates of this array with the other.
    pub fn vecdot(&self, other: &Array) -> Result<Array> {
        let _turn = session::take_turn("vecdot")?;
        VECDOT.check(self, other, VECDOT.inputs)?;
        let dtype = promote(self.dtype(), other.dtype());
        if dtype == DType::F16 {
            return self.in_singles(other, VECDOT.name, Array::vecdot);
        }
        let [first, second] = [self, other].map(|x| x.typed(dtype));
        // Its floating-point exceptions are those of the whole.
        let sum = site::at(quiet(), || {
            let left = match category(dtype) {
                Category::Complex => Array::apply(Op::Conjugate, &[(&first).into()])?,
                _ => first.clone(),
            };
            let products = Array::apply(Op::Multiply, &[(&left).into(), (&second).into()])?;
            let op = if dtype == DType::Bool { ReduceOp::Any } else { ReduceOp::Sum };
            let dtype = (op == ReduceOp::Sum).then_some(dtype);
            products.reduce(op, &ReduceOptions { axes: Some(&[-1]), dtype, ..ReduceOptions::default() })
        })?;
        sum.tell_product([&first, &second], VECDOT.name, true)?;
        Ok(sum)
    }

    /// The product of operands that fit, under NumPy's name; of the conjugates of this array's elements if so said.
    fn product(&self, other: &Array, conjugate: bool, name: &'static str) -> Result<Array> {
        let dtype = promote(self.dtype(), other.dtype());
        if dtype == DType::F16 {
            return self.in_singles(other, name, |a, b| a.product(b, conjugate, name));
        }
        if self.ndim() == 1 && other.ndim() == 1 {
            return self.inner(other, dtype, name);
        }
        let [a, b] = [self.cast_for(dtype)?, other.cast_for(dtype)?];
        let (is_row, is_column) = (a.ndim() == 1, b.ndim() == 1);
        let a_view = if is_row { a.with_axis(0).view } else { a.view.clone() };
        let b_view = if is_column { b.with_axis(1).view } else { b.view.clone() };
        let (rows, columns) = (a_view.ndim() - 2, b_view.ndim() - 2);
        let [a_node, b_node] = [a.cell.get(), b.cell.get()];
        let mut shape;
        let multiply = |a_view: &View, b_view: &View| {
            site::at(quiet(), || algo::product(dtype, conjugate, (&a_node, a_view), (&b_node, b_view)))
        };
        let (made, is_suspect) = if rows == 0 && columns == 0 {
            shape = Dims::from_slice(&[a_view.shape[0], b_view.shape[1]]);
            multiply(&a_view, &b_view)?
        } else {
            let stack = broadcast_shapes(&[&a_view.shape[..rows], &b_view.shape[..columns]])?;
            let stacked = |view: &View, axes: usize| {
                let mut shape = stack.clone();
                shape.extend_from_slice(&view.shape[axes..]);
                view.broadcast_to(&shape)
            };
            shape = stack.clone();
            shape.extend([a_view.shape[rows], b_view.shape[columns + 1]]);
            multiply(&stacked(&a_view, rows)?, &stacked(&b_view, columns)?)?
        };
        let made = Array::from_node(made);
        made.tell_product([&a, &b], name, is_suspect)?;
        if !is_row && !is_column {
            return Ok(made);
        }
        shape.remove(shape.len() - if is_row { 2 } else { 1 });
        Ok(made.in_shape(&shape))
    }

    /// A product of halves: that of `float32`, rounded once.
    fn in_singles(
        &self,
        other: &Array,
        name: &'static str,
        product: impl FnOnce(&Array, &Array) -> Result<Array>,
    ) -> Result<Array> {
        let made = site::at(quiet(), || {
            let made = product(&self.cast_to(DType::F32), &other.cast_to(DType::F32))?;
            Ok::<_, Error>(made.cast_to(DType::F16))
        })?;
        made.tell_product([self, other], name, true)?;
        Ok(made)
    }

    /// A new array of as many elements, in another shape.
    fn in_shape(self, shape: &[usize]) -> Array {
        Array { view: View::contiguous(shape), ..self }
    }

    /// A view with a new axis of extent 1.
    fn with_axis(&self, at: usize) -> Array {
        let mut view = self.view.clone();
        view.shape.insert(at, 1);
        view.strides.insert(at, 0);
        self.with_view(view)
    }

    /// This array, or one with its elements converted.
    fn typed(&self, dtype: DType) -> Array {
        if dtype == self.dtype() { self.clone() } else { self.cast_to(dtype) }
    }

    /// This array with stored elements of type `dtype`.
    fn cast_for(&self, dtype: DType) -> Result<Array> {
        let is_seen_through = self.lens.is_some();
        let array = if is_seen_through { self.cast_to(dtype) } else { self.typed(dtype) };
        if !array.is_elsewhere() {
            array.force()?;
        }
        Ok(array)
    }

    /// The sum of products, in the operands' common type.
    fn inner(&self, other: &Array, dtype: DType, name: &'static str) -> Result<Array> {
        let op = resolve(Op::Multiply, &[dtype.into(), dtype.into()])?;
        let fold = if dtype == DType::Bool { ReduceOp::Any } else { ReduceOp::Sum };
        // Their floating-point exceptions are told of as those of the whole.
        let sum = site::at(quiet(), || match direct::operation(&op, &[self.into(), other.into()])? {
            Some(product) => product.fold_now(fold, dtype),
            None => Ok(None),
        })?;
        let sum = match sum {
            Some(sum) => sum,
            None => {
                let mut args = SmallVec::from_iter([self.arg(), other.arg()]);
                let mut shape = self.view.shape.clone();
                if let [Arg::Node(a, a_view), Arg::Node(b, b_view)] = &args[..]
                    && a.shape == b.shape
                    && a_view.is_whole(a.len())
                    && b_view.is_whole(b.len())
                {
                    // Matrices seen as vectors: as they lie.
                    shape = a.shape.clone();
                    args = SmallVec::from_iter([Arg::whole(a.clone()), Arg::whole(b.clone())]);
                }
                let multiply = || Node::lazy(shape.clone(), dtype, Expr::Map { op, output: 0, args });
                let product = site::at(quiet(), multiply);
                let sum = site::at(quiet(), || plan::fold_all(fold, Arg::whole(product), &shape, name))?;
                sum.finish(dtype).map_or_else(|| plan::start_value(fold, dtype), |x| x.cast(dtype))
            }
        };
        let made = Array::scalar(sum)?;
        made.tell_product([self, other], name, !sum.as_c128().is_finite())?;
        Ok(made)
    }
}

/// Operations that are parts of one that tells of its floating-point exceptions as a whole.
fn quiet() -> Origin {
    Origin { site: site::current().site, policy: Policy::IGNORE }
}

impl Rule {
    /// NumPy's errors: operands of fewer axes than `least`, extents that differ, stacks that don't broadcast.
    fn check(&self, a: &Array, b: &Array, least: [usize; 2]) -> Result<()> {
        let Rule { name, signature, inputs, output } = self;
        for (i, (x, least)) in [a, b].into_iter().zip(least).enumerate() {
            if x.ndim() < least {
                return Err(Error::new(
                    Kind::Value,
                    format!(
                        "{name}: Input operand {i} does not have enough dimensions (has {}, gufunc core with signature {signature} requires {least})",
                        x.ndim()
                    ),
                ));
            }
        }
        let (inner, outer) = (a.shape()[a.ndim() - 1], b.shape()[b.ndim() - inputs[1]]);
        if inner != outer {
            return Err(Error::new(
                Kind::Shape,
                format!(
                    "{name}: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature {signature} (size {outer} is different from {inner})"
                ),
            ));
        }
        let stacks = [(a, inputs[0]), (b, inputs[1])].map(|(x, own)| &x.shape()[..x.ndim() - own]);
        let ndim = stacks[0].len().max(stacks[1].len());
        let fits = |d: usize| {
            let [p, q] = stacks.map(|s| (s.len() + d).checked_sub(ndim).map_or(1, |d| s[d]));
            p == q || p == 1 || q == 1
        };
        if (0..ndim).all(fits) {
            return Ok(());
        }
        let remapped = |x: &Array, stack: &[usize]| {
            let extents = stack.iter().map(usize::to_string);
            let text: Vec<String> = extents.chain(vec!["newaxis".into(); *output]).collect();
            let comma = if ndim + output == 1 { "," } else { "" };
            format!("{}->({}{comma})", shape_text(x.shape()), text.join(","))
        };
        let own: Vec<String> = match (*output, inputs) {
            (2, _) => vec![a.shape()[a.ndim() - 2].to_string(), b.shape()[b.ndim() - 1].to_string()],
            (1, [2, _]) => vec![a.shape()[a.ndim() - 2].to_string()],
            (1, _) => vec![b.shape()[b.ndim() - 1].to_string()],
            _ => Vec::new(),
        };
        Err(Error::new(
            Kind::Shape,
            format!(
                "operands could not be broadcast together with remapped shapes [original->remapped]: {} {}  and requested shape ({})",
                remapped(a, stacks[0]),
                remapped(b, stacks[1]),
                own.join(",")
            ),
        ))
    }
}
