//! Scattered single elements from and to bare pointers, at indices that a function writes.

use super::Pointed;
use crate::array::GlobalArray;
use crate::elements::Written;
use crate::error::Result;
use crate::number::Number;
use rma::Element;

/// Single elements from and to pointers.
pub trait ElementPointers<T: Element>: Pointed<T> {
    /// [`GlobalArray::gather`] of `count` indices that `index(k, numbers)` writes, one at a time and more than
    /// once: no list of them need exist. `NGA_Gather`, `NGA_Gather_flat` and their 64-bit variants.
    ///
    /// # Safety
    /// `values` is writable for `count` elements, nobody else's, and not array memory.
    ///
    /// # Errors
    /// As [`GlobalArray::gather`].
    unsafe fn gather_with(
        &self,
        count: usize,
        index: impl Fn(usize, &mut [usize]),
        values: *mut T,
    ) -> Result<()> {
        let indices = Written { count, ndim: self.array().ndim(), write: index };
        // SAFETY: the caller's promise.
        unsafe { self.array().gather_from(|rank| self.array().raw().mapped(rank), indices, values) }
    }

    /// [`GlobalArray::scatter`] to indices that a function writes; see [`ElementPointers::gather_with`].
    /// `NGA_Scatter`, `NGA_Scatter_flat` and their 64-bit variants.
    ///
    /// # Safety
    /// `values` is readable for `count` elements and not array memory.
    ///
    /// # Errors
    /// As [`GlobalArray::scatter`].
    unsafe fn scatter_with(
        &self,
        count: usize,
        index: impl Fn(usize, &mut [usize]),
        values: *const T,
    ) -> Result<()> {
        let indices = Written { count, ndim: self.array().ndim(), write: index };
        // SAFETY: the caller's promise.
        unsafe { self.array().scatter_from(|rank| self.array().raw().mapped(rank), indices, values) }
    }

    /// [`GlobalArray::scatter_accumulate`] to indices that a function writes; see
    /// [`ElementPointers::gather_with`]. `NGA_Scatter_acc`, `NGA_Scatter_acc_flat` and their 64-bit variants.
    ///
    /// # Safety
    /// `values` is readable for `count` elements and not array memory.
    ///
    /// # Errors
    /// As [`GlobalArray::scatter_accumulate`].
    unsafe fn scatter_accumulate_with(
        &self,
        count: usize,
        index: impl Fn(usize, &mut [usize]),
        values: *const T,
        alpha: T,
    ) -> Result<()>
    where
        T: Number,
    {
        let indices = Written { count, ndim: self.array().ndim(), write: index };
        // SAFETY: the caller's promise.
        unsafe { self.array().scatter_accumulate_from(indices, values, alpha) }
    }
}

impl<T: Element> ElementPointers<T> for GlobalArray<T> {}
