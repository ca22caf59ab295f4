//! Arrays as text, for people.
//!
//! Invariant: nothing here is collective, and all goes to a writer of the caller's; elements come panel by panel, so an array larger
//! than memory can be printed. Matrices are tables of rows and columns in C order, from 0, or as Fortran sees them; what has more axes is
//! printed matrix by matrix.

use crate::array::GlobalArray;
use crate::dims::Dims;
use crate::error::{Error, Result};
use crate::patch::Patch;
use crate::raw::RawArray;
use crate::region::Region;
use crate::sight::Sight;
use rma::{Complex32, Complex64, DType, Element};
use std::any::Any;
use std::fmt;
use std::io::{self, Write};

/// Columns of numbers per line of a table.
const COLUMNS: usize = 6;

/// Elements fetched at a time.
const PANEL: usize = 1 << 16;

impl<T: Element> GlobalArray<T> {
    /// Prints the whole array as tables. Not collective: one rank prints, after a synchronisation. `GA_Print`, `GA_Print_file`.
    ///
    /// # Errors
    /// Those of the writer, and those of [`GlobalArray::get`] inside of them.
    pub fn print(&self, out: &mut impl Write) -> io::Result<()> {
        self.print_patch(Patch::whole(self.shape()), true, out)
    }

    /// Prints a patch: as tables, or plainly with an element per line. Not collective: one rank prints, after a synchronisation.
    /// `NGA_Print_patch`.
    ///
    /// # Errors
    /// As [`GlobalArray::print`].
    pub fn print_patch(&self, region: impl Region, is_table: bool, out: &mut impl Write) -> io::Result<()> {
        let patch = region.with_bounds(self.shape(), |lo, hi| {
            self.distribution().check_bounds("print", lo, hi)?;
            Ok::<_, Error>(Patch::new(lo, hi))
        });
        let patch = patch.map_err(io::Error::other)?;
        writeln!(out, "\n global array: {} {patch}\n", self.raw().title())?;
        self.print_elements(&patch, is_table, Sight::C, Patch::to_string, out)
    }

    /// [`GlobalArray::print_patch`] without its first line; `bounds` writes those of a matrix among several. Not collective.
    ///
    /// # Errors
    /// As [`GlobalArray::print`].
    pub fn print_elements(
        &self,
        patch: &Patch,
        is_table: bool,
        sight: Sight,
        bounds: impl Fn(&Patch) -> String,
        out: &mut impl Write,
    ) -> io::Result<()> {
        if patch.is_empty() {
            return Ok(());
        }
        // The axes before the last two are walked; a vector is printed as a column.
        let ndim = self.ndim();
        let outer = Dims::from_fn(ndim.saturating_sub(2), |d| patch.shape()[d]);
        for number in 0..outer.iter().product::<usize>() {
            let (mut lo, mut hi, mut rest) = (Dims::from(patch.lo()), Dims::from(patch.hi()), number);
            for d in (0..outer.len()).rev() {
                lo[d] += rest % outer[d];
                hi[d] = lo[d] + 1;
                rest /= outer[d];
            }
            let matrix = Patch::new(lo, hi);
            if !outer.is_empty() {
                writeln!(out, " -- patch: {}\n", bounds(&matrix))?;
            }
            match (is_table, ndim) {
                (true, 2..) => self.print_table(&matrix, sight, out)?,
                (true, _) => self.print_lines(&matrix, out, |at| {
                    at.first().map_or(String::new(), |i| format!("{:4}  ", sight.number(*i)))
                })?,
                (false, _) => {
                    self.print_lines(&matrix, out, |at| format!("{}{} = ", self.name(), sight.tabled(at)))?
                }
            }
        }
        Ok(())
    }

    /// Prints a patch of one matrix in tables of some columns each.
    fn print_table(&self, matrix: &Patch, sight: Sight, out: &mut impl Write) -> io::Result<()> {
        let (row_axis, column_axis) = match sight {
            Sight::Rust | Sight::C => (self.ndim() - 2, self.ndim() - 1),
            Sight::Fortran => (self.ndim() - 1, self.ndim() - 2),
        };
        let width = width(T::DTYPE);
        for first in (matrix.lo()[column_axis]..matrix.hi()[column_axis]).step_by(COLUMNS) {
            let columns = first..matrix.hi()[column_axis].min(first + COLUMNS);
            let heads: Vec<String> =
                columns.clone().map(|j| format!("{:^width$}", sight.number(j))).collect();
            let rule = vec!["-".repeat(width); columns.len()].join(" ");
            writeln!(out, "       {}\n       {rule}", heads.join(" ").trim_end())?;
            let (mut lo, mut hi) = (Dims::from(matrix.lo()), Dims::from(matrix.hi()));
            (lo[column_axis], hi[column_axis]) = (columns.start, columns.end);
            for row in (matrix.lo()[row_axis]..matrix.hi()[row_axis]).step_by(PANEL / COLUMNS) {
                lo[row_axis] = row;
                hi[row_axis] = matrix.hi()[row_axis].min(row + PANEL / COLUMNS);
                let panel = self.panel(&lo, &hi).map_err(io::Error::other)?;
                let rows = hi[row_axis] - row;
                for i in 0..rows {
                    let place =
                        |j: usize| if sight == Sight::Fortran { j * rows + i } else { i * columns.len() + j };
                    let cell = |j: usize| format!("{:>width$}", text(&panel[place(j)]));
                    let cells: Vec<String> = (0..columns.len()).map(cell).collect();
                    writeln!(out, "{:4}   {}", sight.number(row + i), cells.join(" "))?;
                }
            }
            writeln!(out)?;
        }
        Ok(())
    }

    /// Prints a patch with an element per line.
    fn print_lines(
        &self,
        patch: &Patch,
        out: &mut impl Write,
        head: impl Fn(&[usize]) -> String,
    ) -> io::Result<()> {
        let (shape, lo) = (patch.shape(), patch.lo());
        let width = width(T::DTYPE);
        let mut at = Dims::from(lo);
        // Whole rows along the last axis, in pieces.
        let (rows, row) = match shape.split_last() {
            Some((&last, outer)) => (outer.iter().product(), last),
            None => (1, 1),
        };
        for number in 0..rows {
            let mut rest: usize = number;
            for d in (0..shape.len().saturating_sub(1)).rev() {
                at[d] = lo[d] + rest % shape[d];
                rest /= shape[d];
            }
            for start in (0..row).step_by(PANEL) {
                let (mut from, mut to) = (at.clone(), Dims::from_fn(at.len(), |d| at[d] + 1));
                if let (Some(from), Some(to)) = (from.last_mut(), to.last_mut()) {
                    *from = lo[shape.len() - 1] + start;
                    *to = *from + PANEL.min(row - start);
                }
                for (k, value) in self.panel(&from, &to).map_err(io::Error::other)?.iter().enumerate() {
                    if let Some(last) = at.last_mut() {
                        *last = lo[shape.len() - 1] + start + k;
                    }
                    writeln!(out, "{}{:>width$}", head(&at), text(value))?;
                }
            }
        }
        Ok(())
    }

    /// A copy of a patch, densely.
    fn panel(&self, lo: &[usize], hi: &[usize]) -> Result<Vec<T>> {
        let patch = Patch::new(lo, hi);
        let mut values = vec![T::default(); patch.len()];
        self.get(&patch, &mut values)?;
        Ok(values)
    }
}

impl RawArray {
    /// The name, or what stands for it.
    fn title(&self) -> &str {
        if self.name().is_empty() { "(without a name)" } else { self.name() }
    }
}

/// Name, element type and distribution on one line; with `{:#}`, one line more per rank. `GA_Print_distribution`, and a line of
/// `GA_Summarize`.
impl fmt::Display for RawArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.name().is_empty() {
            write!(f, "{} ", self.name())?;
        }
        write!(f, "({}): ", self.dtype())?;
        self.distribution().fmt(f)
    }
}

impl fmt::Debug for RawArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawArray {self}")
    }
}

/// Width of a column.
fn width(dtype: DType) -> usize {
    match dtype {
        DType::F16 | DType::F32 | DType::F64 => 12,
        DType::C64 | DType::C128 => 24,
        DType::Bool => 5,
        _ => 8,
    }
}

/// One element as in the original: five digits after the point, complex numbers as two.
fn text<T: Element>(value: &T) -> String {
    let any: &dyn Any = value;
    let real = any.downcast_ref::<f64>().copied().or(any.downcast_ref().map(|&v: &f32| v.into()));
    let complex = any.downcast_ref::<Complex64>().copied();
    let complex =
        complex.or(any.downcast_ref().map(|v: &Complex32| Complex64::new(v.re.into(), v.im.into())));
    match (real, complex) {
        (Some(v), _) => format!("{v:.5}"),
        (_, Some(v)) => format!("{:.5},{:12.5}", v.re, v.im),
        _ => format!("{value:?}"),
    }
}
