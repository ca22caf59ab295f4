//! What there is one of, from some time to another: the state that a library has between its start and its end.
//!
//! Invariant: null, or a box that is not freed before [`Installed::take`].

use std::marker::PhantomData;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A place for a state.
pub struct Installed<T: Sync + 'static>(AtomicPtr<T>, PhantomData<T>);

impl<T: Sync + 'static> Installed<T> {
    /// Nothing.
    #[allow(clippy::new_without_default)] // for statics
    pub const fn new() -> Installed<T> {
        Installed(AtomicPtr::new(null_mut()), PhantomData)
    }

    /// The state, if there is one: a load.
    #[inline(always)]
    pub fn get(&self) -> Option<&T> {
        // SAFETY: null, or a box that lives until it is taken, when nobody has a reference to it.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// Gives it a state; there is none.
    pub fn put(&self, state: T) {
        let old = self.0.swap(Box::into_raw(Box::new(state)), Ordering::AcqRel);
        assert!(old.is_null(), "a library has one state");
    }

    /// Takes the state away.
    ///
    /// # Safety
    /// No thread has a reference to it, or gets one meanwhile.
    pub unsafe fn take(&self) -> Option<T> {
        let state = self.0.swap(null_mut(), Ordering::AcqRel);
        // SAFETY: it was a box, and is in no place any more; nobody has a reference, by the caller's promise.
        (!state.is_null()).then(|| unsafe { *Box::from_raw(state) })
    }
}

impl<T: Sync + 'static> Drop for Installed<T> {
    fn drop(&mut self) {
        // SAFETY: nobody else has a reference to the place.
        drop(unsafe { self.take() });
    }
}
