//! One element of an array in this process's own memory, read and written where it is.

use super::home;
use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::session;
use std::sync::Arc;

/// # Elements at hand
///
/// Not collective. They do nothing where more than a look would be needed: for values that aren't stored, are spread over ranks
/// or are shown by a view of another type, indices outside, and while another thread is at work.
impl Array {
    /// The element at these coordinates.
    #[inline]
    pub fn element_at_hand(&self, at: &[isize]) -> Option<Scalar> {
        let place = self.place_of(at)?;
        session::if_free(|| {
            self.cell.peek(|node| {
                let size = node.dtype.size_bytes();
                let from = home(node)?.wrapping_offset(place * size as isize);
                let mut bytes = [0; 16];
                // SAFETY: an element of the stored value; operations of this process write it in their turn only, and this is
                // one. Who else has open memory may at any time, as NumPy's.
                unsafe { std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), size) };
                Some(Scalar::from_bytes(node.dtype, &bytes[..size]))
            })
        })
        .ok()?
    }

    /// Gives the element at these coordinates a value that its type has. False if nothing was done: also if somebody else needs
    /// the old value.
    #[inline]
    pub fn set_element_at_hand(&self, at: &[isize], x: Scalar) -> bool {
        let Some(place) = self.place_of(at) else { return false };
        let done = session::if_free(|| {
            self.cell.peek(|node| {
                let bytes: [u8; 8] = match (node.dtype, x) {
                    (DType::F64, Scalar::PyFloat(x) | Scalar::F64(x)) => x.to_ne_bytes(),
                    (DType::I64, Scalar::I64(x)) => x.to_ne_bytes(),
                    (DType::I64, Scalar::PyInt(x)) if i64::try_from(x).is_ok() => (x as i64).to_ne_bytes(),
                    _ => return false,
                };
                let Some(home) = home(node).filter(|_| !node.is_open() && Arc::strong_count(node) == 1)
                else {
                    return false;
                };
                // SAFETY: an element of the stored value, of 8 bytes, which the variable alone has; it is this thread's turn.
                unsafe {
                    std::ptr::copy_nonoverlapping(bytes.as_ptr(), home.wrapping_offset(place * 8), 8);
                }
                true
            })
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
