//! Making sparse matrices, their diagonals, products and what else is done with them as a whole.
//!
//! Invariant: a result is a new matrix or array with a handle of its own; collective calls are made by all ranks of its group.

use super::table::{Kind, Sparse, Stage, each};
use crate::bounds::Index;
use crate::fault::{Fault, Result, refuse};
use crate::guard::{plain, wide};
use crate::operand::{scalar, typed};
use crate::random::draw;
use crate::state::State;
use crate::types::{C_INT, numbers};
use common::text;
use ga_core::{GlobalArray, SparseArray, SparseBuilder};
use rma::Op;
use std::ffi::{c_char, c_int, c_void};
use std::fs::File;
use std::io::{BufWriter, Write};

/// The most that activation leaves of a value.
const CEILING: f64 = 32.0;

fn extents<I: Index>(rows: I, columns: I) -> Result<[usize; 2]> {
    match (usize::try_from(rows.wide()), usize::try_from(columns.wide())) {
        (Ok(rows), Ok(columns)) if rows > 0 && columns > 0 => Ok([rows, columns]),
        _ => refuse!("a matrix of {rows} x {columns}"),
    }
}

fn add<T: Kind, I: Index>(sparse: &Sparse, row: I, column: I, value: T) -> Result<()> {
    match &mut *sparse.stage::<T>()? {
        Stage::Open(builder) => match (usize::try_from(row.wide()), usize::try_from(column.wide())) {
            (Ok(row), Ok(column)) => Ok(builder.add(row, column, value)?),
            _ => refuse!("there is no element {row}, {column}"),
        },
        Stage::Closed(_) => refuse!("the sparse matrix is assembled, and takes no elements any more"),
    }
}

fn assemble<T: Kind>(sparse: &Sparse) -> Result<c_int> {
    let mut stage = sparse.stage::<T>()?;
    let empty = Stage::Open(SparseBuilder::new(&sparse.team, sparse.shape));
    match std::mem::replace(&mut *stage, empty) {
        Stage::Open(builder) => {
            *stage = Stage::Closed(Box::new(builder.assemble()?));
            Ok(1)
        }
        Stage::Closed(array) => {
            *stage = Stage::Closed(array);
            refuse!("the sparse matrix is assembled already")
        }
    }
}

/// A handle for an array that a sparse matrix gave.
fn adopt<T: Kind>(ga: &State, sparse: &Sparse, name: &str, array: GlobalArray<T>) -> Result<c_int> {
    ga.adopt(array.into_raw(), sparse.kind, sparse.group, name)
}

/// A new matrix of one or two others.
fn made<T: Kind>(
    from: &Sparse,
    make: impl FnOnce(&SparseArray<T>) -> Result<SparseArray<T>>,
) -> Result<c_int> {
    let array = make(from.stage::<T>()?.array()?)?;
    Ok(Sparse::close(from.kind, from.group, array))
}

/// As [`made`], of two that may be the same.
fn made_of_two<T: Kind>(
    a: &Sparse,
    b: &Sparse,
    make: impl FnOnce(&SparseArray<T>, &SparseArray<T>) -> ga_core::Result<SparseArray<T>>,
) -> Result<c_int> {
    if std::ptr::eq(a, b) {
        return made::<T>(a, |a| Ok(make(a, a)?));
    }
    let other = b.stage::<T>()?;
    made::<T>(a, |a| Ok(make(a, other.array()?)?))
}

/// A real number's place between 0 and `most`, as one of 0 to 255.
fn level(value: f64, most: f64) -> f64 {
    if value >= most { 255.0 } else { (value / most * 255.0).trunc().max(0.0) }
}

/// Matrices whose values are levels; elements of level 0 go, except on the diagonal.
trait Levelled: Kind {
    fn of_level(level: f64) -> Self;
    fn real(self) -> f64;
}

macro_rules! levelled {
    ($($t:ty)*) => {$(
        impl Levelled for $t {
            fn of_level(level: f64) -> Self {
                level as $t
            }
            fn real(self) -> f64 {
                self as f64
            }
        }
    )*};
}

levelled! { i32 i64 f32 f64 }

/// Runs a generic body for a matrix of real numbers.
macro_rules! reals {
    ($sparse:expr, |$t:ident| $body:expr) => {
        reals!(@ $sparse, $t, $body; I32: i32, I64: i64, F32: f32, F64: f64)
    };
    (@ $sparse:expr, $t:ident, $body:expr; $($variant:ident: $type:ty),*) => {
        match &$sparse.typed {
            $(super::table::Typed::$variant(_) => {
                type $t = $type;
                $body
            })*
            _ => refuse!("there is no such operation on complex numbers"),
        }
    };
}

fn quantized<T: Levelled>(sparse: &Sparse, most: T) -> Result<c_int> {
    let most = most.real();
    if most.is_nan() || most <= 0.0 {
        refuse!("the greatest value is {most}, and it must be above 0");
    }
    made::<T>(sparse, |a| {
        Ok(a.filter_map(|row, column, value| {
            let level = level(value.real(), most);
            (level > 0.0 || row == column).then(|| T::of_level(level))
        })?)
    })
}

/// Adds the bias to each element, cuts it to 0 and 32, and forgets zeros. Of the columns listed those stay that have elements.
///
/// # Safety
/// The list and its length may be read and written.
unsafe fn activate<T: Levelled, I: Index>(
    sparse: &Sparse,
    bias: T,
    categories: *mut *mut I,
    features: *mut I,
) -> Result<c_int> {
    let mut stage = sparse.stage::<T>()?;
    let bias = bias.real();
    let active = stage.array()?.filter_map(|_, _, value| {
        let value = (value.real() + bias).min(CEILING);
        (value > 0.0).then(|| T::of_level(value))
    })?;
    let mut is_there = vec![0u8; sparse.shape[1]];
    for block in active.own_column_blocks() {
        let own = active.block(sparse.team.rank(), block)?;
        for column in own.iter().flat_map(|block| &block.column_indices) {
            is_there[*column as usize] = 1;
        }
    }
    sparse.team.allreduce(&mut is_there, Op::Max)?;
    sparse.narrow.lock().expect("no panic holds it").clear();
    let old = std::mem::replace(&mut *stage, Stage::Closed(Box::new(active)));
    if let Stage::Closed(array) = old {
        array.destroy()?;
    }
    // SAFETY: the caller's promise.
    unsafe {
        let list = categories.read();
        let mut kept = 0;
        for place in 0..features.read().wide().max(0) as usize {
            let column = list.add(place).read();
            if is_there.get(column.wide() as usize) == Some(&1) {
                list.add(kept).write(column);
                kept += 1;
            }
        }
        features.write(I::narrow(kept as i64));
    }
    Ok(1)
}

/// `NGA_Sprs_array_count_sketch`: each row goes to a random one of `height` rows, with a random sign. The sketch, and to whom rows and
/// signs of all are told.
fn count_sketch<T: Kind>(ga: &State, sparse: &Sparse, height: c_int) -> Result<[c_int; 3]> {
    let stage = sparse.stage::<T>()?;
    let array = stage.array()?;
    let [rows, _] = array.shape();
    let Some(height) = usize::try_from(height).ok().filter(|height| (1..=rows).contains(height)) else {
        refuse!("a sketch of {height} rows, of a matrix that has {rows}");
    };
    let own = array.rows_of(sparse.team.rank()).len();
    let labels: Vec<usize> = (0..own).map(|_| (height as f64 * draw(0)) as usize).collect();
    let sign = |heads: bool| if heads { T::ONE } else { T::ZERO.minus(T::ONE) };
    let weights: Vec<T> = (0..own).map(|_| sign(draw(0) < 0.5)).collect();
    let numbers: Vec<i32> = labels.iter().map(|label| *label as i32).collect();
    let (rows, signs) = (array.row_vector(&numbers)?, array.row_vector(&weights)?);
    let sketch = array.sketch(height, &labels, &weights)?;
    let rows = ga.adopt(rows.into_raw(), C_INT, sparse.group, "rows of a sketch")?;
    let signs = adopt::<T>(ga, sparse, "signs of a sketch", signs)?;
    Ok([adopt::<T>(ga, sparse, "sketch", sketch)?, rows, signs])
}

wide! {
    NGA_Sprs_array_get_column / NGA_Sprs_array_get_column64(s_a: c_int, column: Int) -> c_int = |ga| {
        let sparse = Sparse::find(s_a)?;
        let Ok(number) = usize::try_from(column.wide()) else { refuse!("there is no column {column}") };
        each!(sparse, |T| adopt::<T>(ga, &sparse, "column", sparse.stage::<T>()?.array()?.column(number)?))
    };
    NGA_Sprs_array_create / NGA_Sprs_array_create64(idim: Int, jdim: Int, kind: c_int) -> c_int =
        |ga| Sparse::open(ga, kind, extents(idim, jdim)?);
    NGA_Sprs_array_add_element / NGA_Sprs_array_add_element64(s_a: c_int, idx: Int, jdx: Int, val: *const c_void) = |_ga| {
        let sparse = Sparse::find(s_a)?;
        each!(sparse, |T| add::<T, Int>(&sparse, idx, jdx, scalar("val", val)?))
    };
    NGA_Sprs_array_create_from_dense / NGA_Sprs_array_create_from_dense64(g_a: c_int) -> c_int = |ga| {
        let array = ga.array(g_a)?;
        numbers!(array, |a: T| Ok(Sparse::close(array.kind, array.group, SparseArray::from_dense(a)?)))
    };
    NGA_Sprs_array_activate_ReLU / NGA_Sprs_array_activate_ReLU64(
        s_a: c_int, bias: *const c_void, categories: *mut *mut Int, features: *mut Int,
    ) -> c_int = |_ga| {
        if categories.is_null() || features.is_null() || categories.read().is_null() {
            refuse!("categories or features is a null pointer");
        }
        let sparse = Sparse::find(s_a)?;
        reals!(sparse, |T| activate::<T, Int>(&sparse, scalar("bias", bias)?, categories, features))
    };
}

plain! {
    NGA_Sprs_array_assemble(s_a: c_int) -> c_int = |_ga| {
        let sparse = Sparse::find(s_a)?;
        each!(sparse, |T| assemble::<T>(&sparse))
    };
    NGA_Sprs_array_destroy(s_a: c_int) -> c_int = |_ga| {
        let sparse = Sparse::take(s_a)?;
        each!(sparse, |T| {
            let empty = Stage::Open(SparseBuilder::new(&sparse.team, sparse.shape));
            match std::mem::replace(&mut *sparse.stage::<T>()?, empty) {
                Stage::Closed(array) => array.destroy()?,
                Stage::Open(_) => sparse.team.sync()?,
            }
        });
        Ok(1)
    };
    NGA_Sprs_array_duplicate(s_a: c_int) -> c_int = |_ga| {
        let sparse = Sparse::find(s_a)?;
        each!(sparse, |T| made::<T>(&sparse, |a| Ok(a.duplicate()?)))
    };
    NGA_Sprs_array_create_from_sparse(s_a: c_int) -> c_int = |ga| {
        let sparse = Sparse::find(s_a)?;
        each!(sparse, |T| adopt::<T>(ga, &sparse, "dense", sparse.stage::<T>()?.array()?.to_dense()?))
    };
    NGA_Sprs_array_get_diag(s_a: c_int, g_d: *mut c_int) = |ga| {
        if g_d.is_null() {
            refuse!("g_d is a null pointer");
        }
        let sparse = Sparse::find(s_a)?;
        let handle = each!(sparse, |T| adopt::<T>(ga, &sparse, "diagonal", sparse.stage::<T>()?.array()?.diagonal()?));
        g_d.write(handle?);
        Ok(())
    };
    NGA_Sprs_array_diag_left_multiply(s_a: c_int, g_d: c_int) = |ga| {
        let (sparse, factors) = (Sparse::find(s_a)?, ga.array(g_d)?);
        each!(sparse, |T| Ok(sparse.stage::<T>()?.array()?.scale_rows(typed(factors)?)?))
    };
    NGA_Sprs_array_diag_right_multiply(s_a: c_int, g_d: c_int) = |ga| {
        let (sparse, factors) = (Sparse::find(s_a)?, ga.array(g_d)?);
        each!(sparse, |T| Ok(sparse.stage::<T>()?.array()?.scale_columns(typed(factors)?)?))
    };
    NGA_Sprs_array_scale(s_a: c_int, scale: *const c_void) = |_ga| {
        let sparse = Sparse::find(s_a)?;
        each!(sparse, |T| Ok(sparse.stage::<T>()?.array()?.scale(scalar("scale", scale)?)?))
    };
    NGA_Sprs_array_count_sketch(s_a: c_int, size_k: c_int, g_k: *mut c_int, g_w: *mut c_int) -> c_int = |ga| {
        if g_k.is_null() || g_w.is_null() {
            refuse!("g_k or g_w is a null pointer");
        }
        let sparse = Sparse::find(s_a)?;
        let [sketch, rows, signs] = each!(sparse, |T| count_sketch::<T>(ga, &sparse, size_k))?;
        g_k.write(rows);
        g_w.write(signs);
        Ok(sketch)
    };
    NGA_Sprs_array_shift_diag(s_a: c_int, shift: *const c_void) = |_ga| {
        let sparse = Sparse::find(s_a)?;
        each!(sparse, |T| Ok(sparse.stage::<T>()?.array()?.shift_diagonal(scalar("shift", shift)?)?))
    };
    NGA_Sprs_array_matvec_multiply(s_a: c_int, g_a: c_int, g_v: c_int) = |ga| {
        let (sparse, vector, product) = (Sparse::find(s_a)?, ga.array(g_a)?, ga.target(g_v)?);
        each!(sparse, |T| Ok(sparse.stage::<T>()?.array()?.multiply_vector(typed(vector)?, typed(product)?)?))
    };
    NGA_Sprs_array_matmat_multiply(s_a: c_int, s_b: c_int) -> c_int = |_ga| {
        let (a, b) = (Sparse::find(s_a)?, Sparse::find(s_b)?);
        each!(a, |T| made_of_two::<T>(&a, &b, |a, b| a.multiply(b)))
    };
    NGA_Sprs_array_elementwise_multiply(s_a: c_int, s_b: c_int) -> c_int = |_ga| {
        let (a, b) = (Sparse::find(s_a)?, Sparse::find(s_b)?);
        each!(a, |T| made_of_two::<T>(&a, &b, |a, b| a.multiply_elements(b)))
    };
    NGA_Sprs_array_sprsdns_multiply(s_a: c_int, g_b: c_int) -> c_int = |ga| {
        let (sparse, dense) = (Sparse::find(s_a)?, ga.array(g_b)?);
        each!(sparse, |T| {
            let product = sparse.stage::<T>()?.array()?.multiply_dense(typed(dense)?)?;
            adopt::<T>(ga, &sparse, "product", product)
        })
    };
    NGA_Sprs_array_dnssprs_multiply(g_a: c_int, s_b: c_int) -> c_int = |ga| {
        let (dense, sparse) = (ga.array(g_a)?, Sparse::find(s_b)?);
        each!(sparse, |T| {
            let product = sparse.stage::<T>()?.array()?.multiply_from_left(typed(dense)?)?;
            adopt::<T>(ga, &sparse, "product", product)
        })
    };
    NGA_Sprs_array_sampled_multiply(g_a: c_int, g_b: c_int, s_a: c_int, is_transposed: c_int) = |ga| {
        let (left, right, sparse) = (ga.array(g_a)?, ga.array(g_b)?, Sparse::find(s_a)?);
        each!(sparse, |T| {
            Ok(sparse.stage::<T>()?.array()?.sample_product(typed(left)?, typed(right)?, is_transposed != 0)?)
        })
    };
    NGA_Sprs_array_quantize256(s_a: c_int, max: *const c_void) -> c_int = |_ga| {
        let sparse = Sparse::find(s_a)?;
        reals!(sparse, |T| quantized::<T>(&sparse, scalar("max", max)?))
    };
    NGA_Sprs_array_export(s_a: c_int, file: *const c_char) = |_ga| {
        let (sparse, path) = (Sparse::find(s_a)?, text(file));
        sparse.team.sync()?;
        if sparse.team.rank() == 0 {
            let failed = |error| Fault::new(format_args!("{path}: {error}"));
            let mut out = BufWriter::new(File::create(&path).map_err(failed)?);
            each!(sparse, |T| sparse.stage::<T>()?.array()?.export(&mut out)).map_err(failed)?;
            out.flush().map_err(failed)?;
        }
        Ok(sparse.team.sync()?)
    };
}
