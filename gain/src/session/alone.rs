//! What one rank does by itself, while the others do something else.

use std::cell::Cell;

thread_local! {
    static PRIVATE: Cell<bool> = const { Cell::new(false) };
}

/// What `work` records and evaluates is this rank's own, whatever its size: for one that looks at elements by itself.
pub(crate) fn privately<R>(work: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            PRIVATE.set(self.0);
        }
    }
    let _restore = Restore(PRIVATE.replace(true));
    work()
}

/// Whether what is recorded and evaluated now is this rank's own.
#[inline]
pub(crate) fn is_private() -> bool {
    PRIVATE.get()
}
