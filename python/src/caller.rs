//! Which line of the user's script a long wait belongs to, for stall reports and the launcher.
//!
//! Asked by the runtime in the waiting thread after a tenth of a second, so its cost is no matter.

use pyo3::prelude::*;

/// Tells the runtime whom to ask.
pub(crate) fn register() {
    rma::waits::set_locator(locate);
}

/// The innermost Python line outside this package. Nothing in threads without Python, and while the interpreter ends.
fn locate() -> Option<(String, u32)> {
    Python::try_attach(|py| {
        let package: String = py.import("gain").ok()?.getattr("__file__").ok()?.extract().ok()?;
        let folder = package.strip_suffix("__init__.py")?;
        let mut frame = py.import("sys").ok()?.call_method0("_getframe").ok()?;
        loop {
            let file: String = frame.getattr("f_code").ok()?.getattr("co_filename").ok()?.extract().ok()?;
            if !file.starts_with(folder) {
                return Some((file, frame.getattr("f_lineno").ok()?.extract().ok()?));
            }
            frame = frame.getattr("f_back").ok()?;
        }
    })
    .flatten()
}
