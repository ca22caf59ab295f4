//! What of the launcher's environment ranks on other hosts get.

use rma::bootstrap::MARK;
use rma::waits;
use std::ffi::OsString;

/// Variables that decide which files programs load.
const NAMES: [&str; 6] =
    ["PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONUNBUFFERED", "VIRTUAL_ENV", "RUST_BACKTRACE"];
/// Beginnings of the names of settings: ours, the transports', threads'.
const PREFIXES: [&str; 4] = ["GAIN_", "UCX_", "FI_", "OMP_"];

/// The variables of this process that go along, with those named in `exports`.
pub(crate) fn forwarded(exports: &[String]) -> Vec<(OsString, OsString)> {
    let goes_along = |name: &str| {
        let is_setting = PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        // Those of a launcher or a rank that has started this process mean nothing elsewhere.
        let is_own = [waits::LAUNCHER, waits::BOARD_FD, MARK].contains(&name);
        NAMES.contains(&name) || is_setting && !is_own || exports.iter().any(|export| export == name)
    };
    std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(goes_along)).collect()
}
