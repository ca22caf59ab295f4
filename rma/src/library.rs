//! C libraries that are looked for when the program runs.
//!
//! Invariant: a library stays loaded for the life of the process, so what [`Library::symbol`] returns never dangles.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::NonNull;

/// A loaded C library.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Library {
    handle: NonNull<c_void>,
    name: &'static CStr,
}

// SAFETY: a handle of the dynamic linker may be used from any thread.
unsafe impl Send for Library {}
// SAFETY: as above.
unsafe impl Sync for Library {}

impl Library {
    /// Finds a library: where the environment variable `variable` says, if it is set; else the copy that is in this process
    /// already (an MPI may have brought its own, and two copies of a network engine don't agree); else as the dynamic linker finds it.
    pub(crate) fn load(variable: &str, name: &'static CStr) -> Result<Library, String> {
        let handle = match std::env::var_os(variable).filter(|path| !path.is_empty()) {
            Some(path) => {
                let text = path.to_string_lossy().into_owned();
                let path = CString::new(path.into_encoded_bytes())
                    .map_err(|_| format!("{variable} holds a zero byte"))?;
                open(&path, libc::RTLD_NOW).map_err(|error| format!("{variable}={text}: {error}"))?
            }
            None => open(name, libc::RTLD_NOW | libc::RTLD_NOLOAD).or_else(|_| open(name, libc::RTLD_NOW))?,
        };
        Ok(Library { handle, name })
    }

    /// The address of `symbol`; an error names library and symbol.
    pub(crate) fn symbol(self, symbol: &CStr) -> Result<NonNull<c_void>, String> {
        // SAFETY: a live handle and a terminated string.
        let address = unsafe { libc::dlsym(self.handle.as_ptr(), symbol.as_ptr()) };
        NonNull::new(address).ok_or_else(|| {
            format!("{} has no {}: too old a version", self.name.to_string_lossy(), symbol.to_string_lossy())
        })
    }

    /// The file the library was loaded from, if the linker says so; `symbol` is any of its functions.
    pub(crate) fn file(self, symbol: &CStr) -> Option<String> {
        let address = self.symbol(symbol).ok()?;
        let mut info = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
        // SAFETY: an address of a loaded library; the struct is written by the call when it returns non-zero.
        let found = unsafe { libc::dladdr(address.as_ptr(), info.as_mut_ptr()) } != 0;
        // SAFETY: zeroed is a valid Dl_info (null pointers), and the call has filled it.
        let info = unsafe { info.assume_init() };
        // SAFETY: the linker's own terminated string, as long-lived as the library.
        (found && !info.dli_fname.is_null()).then(|| text(unsafe { CStr::from_ptr(info.dli_fname) }))
    }
}

fn open(name: &CStr, flags: libc::c_int) -> Result<NonNull<c_void>, String> {
    // SAFETY: a terminated string; the library's constructors are the user's choice of library.
    let handle = unsafe { libc::dlopen(name.as_ptr(), flags) };
    NonNull::new(handle).ok_or_else(|| {
        // SAFETY: dlerror gives a terminated string of this thread, or null.
        let error: *const c_char = unsafe { libc::dlerror() };
        if error.is_null() {
            return "not found".to_owned();
        }
        // SAFETY: as above, not null.
        text(unsafe { CStr::from_ptr(error) })
    })
}

fn text(text: &CStr) -> String {
    text.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_c_library_is_found_and_a_missing_one_is_named() {
        let libc = Library::load("GAIN_TEST_NO_SUCH_VARIABLE", c"libc.so.6").unwrap();
        assert!(libc.symbol(c"memcpy").is_ok());
        assert!(libc.symbol(c"no_such_function").unwrap_err().contains("libc.so.6"));
        assert!(libc.file(c"memcpy").unwrap().contains("libc"));
        let missing = Library::load("GAIN_TEST_NO_SUCH_VARIABLE", c"libnothing.so.77").unwrap_err();
        assert!(missing.contains("libnothing.so.77"), "{missing}");
    }
}
