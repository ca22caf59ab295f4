//! One element of an array in this process's own memory, read and written where it is.

use super::element;
use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::session;

/// # Elements at hand
///
/// Not collective. They do nothing where more than a look would be needed: for values that aren't stored, are spread over ranks
/// or are shown by a view of another type, indices outside, and while another thread is at work.
impl Array {
    /// The element at these coordinates.
    #[inline]
    pub fn element_at_hand(&self, at: &[isize]) -> Option<Scalar> {
        let place = self.place_of(at)?;
        // (A place in the variable's memory: `place_of` refuses views that count bytes, and indices outside.)
        session::if_free(|| element(&self.cell, place)).ok()?
    }

    /// Gives the element at these coordinates a value that its type has. False if nothing was done: also if somebody else needs
    /// the old value.
    #[inline]
    pub fn set_element_at_hand(&self, at: &[isize], x: Scalar) -> bool {
        let Some(place) = self.place_of(at) else { return false };
        let bytes: [u8; 8] = match (self.cell.dtype, x) {
            (DType::F64, Scalar::PyFloat(x) | Scalar::F64(x)) => x.to_ne_bytes(),
            (DType::I64, Scalar::I64(x)) => x.to_ne_bytes(),
            (DType::I64, Scalar::PyInt(x)) if i64::try_from(x).is_ok() => (x as i64).to_ne_bytes(),
            _ => return false,
        };
        let done = session::if_free(|| {
            let Some(home) = self.cell.home_alone() else { return false };
            // SAFETY: an element of the variable's memory, of 8 bytes, which it alone has; it is this thread's turn.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), home.wrapping_offset(place * 8), 8) };
            true
        });
        let done = matches!(done, Ok(true));
        if done {
            self.cell.mark_changed();
        }
        done
    }

    /// Where these coordinates are in the memory, in elements.
    #[inline]
    fn place_of(&self, at: &[isize]) -> Option<isize> {
        if at.len() != self.view.shape.len() || self.lens.is_some() || session::check("item").is_err() {
            return None;
        }
        let mut place = self.view.offset;
        for ((&i, &n), &stride) in at.iter().zip(&self.view.shape).zip(&self.view.strides) {
            let i = if i < 0 { i + n as isize } else { i };
            if i < 0 || i >= n as isize {
                return None;
            }
            place += i * stride;
        }
        Some(place)
    }
}
