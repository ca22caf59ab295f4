//! Which engine carries the bytes between nodes.
//!
//! | `GAIN_TRANSPORT` | engine |
//! | --- | --- |
//! | `ucx`, `ofi` | that one, or an error that says why not |
//! | `auto`, or not set | the one that drives this machine's fabric natively: UCX on InfiniBand and RoCE, libfabric on Slingshot, EFA and Omni-Path; where there is only Ethernet, UCX if it is there, else libfabric |
//!
//! Every process chooses for itself; the choices are compared when addresses are exchanged.

use super::wire::{Progress, Result, Wire};
use std::path::Path;

/// The variable that chooses.
pub(crate) const VARIABLE: &str = "GAIN_TRANSPORT";

/// Opens the engine that the environment asks for, for about `peers` processes to talk to, moved on as `progress` says.
pub(crate) fn open(peers: usize, progress: Progress) -> Result<Box<dyn Wire>> {
    let wanted = std::env::var(VARIABLE).unwrap_or_default();
    match wanted.as_str() {
        "" | "auto" => open_first(&by_fabric(), peers, progress),
        "ucx" => ucx(peers, progress),
        "ofi" => ofi(peers, progress),
        other => Err(format!("{VARIABLE}={other}: must be ucx, ofi or auto")),
    }
}

/// An engine as [`engines`] finds it.
#[derive(Clone, Debug)]
pub struct Engine {
    /// `"ucx"` or `"ofi"`.
    pub name: &'static str,
    /// Library, version and devices, or why it can't be used.
    pub found: std::result::Result<String, String>,
    /// Whether bytes move without the target's processor.
    pub is_rdma: bool,
    /// Longest message sent without asking the receiver first.
    pub message_bytes: usize,
}

/// What there is on this machine, the one that `GAIN_TRANSPORT=auto` takes first. Not collective. Opens each engine and closes it again.
pub fn engines() -> Vec<Engine> {
    let look = |(name, open): (&'static str, Opener)| match open(1, Progress::Thread) {
        Ok(wire) => {
            let limits = wire.limits();
            let (is_rdma, message_bytes) = (limits.is_rdma, limits.message_len);
            Engine { name, found: Ok(wire.describe()), is_rdma, message_bytes }
        }
        Err(why) => Engine { name, found: Err(why), is_rdma: false, message_bytes: 0 },
    };
    by_fabric().into_iter().map(look).collect()
}

type Opener = fn(usize, Progress) -> Result<Box<dyn Wire>>;

/// Both engines, the better one for this machine's fabric first.
fn by_fabric() -> [(&'static str, Opener); 2] {
    let engines: [(&'static str, Opener); 2] = [("ucx", ucx), ("ofi", ofi)];
    // Omni-Path's adapters show as InfiniBand devices, too, but are driven by libfabric's own provider.
    let is_libfabrics = has_device("/sys/class/cxi", "")
        || has_device("/sys/class/infiniband", "hfi1")
        || has_device("/sys/class/infiniband", "efa");
    if is_libfabrics { [engines[1], engines[0]] } else { engines }
}

/// Whether a device class has a device whose name begins so.
fn has_device(class: impl AsRef<Path>, prefix: &str) -> bool {
    let Ok(entries) = std::fs::read_dir(class) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
}

fn open_first(engines: &[(&'static str, Opener)], peers: usize, progress: Progress) -> Result<Box<dyn Wire>> {
    let mut reasons = Vec::new();
    for (name, open) in engines {
        match open(peers, progress) {
            Ok(wire) => return Ok(wire),
            Err(why) => reasons.push(format!("{name}: {why}")),
        }
    }
    Err(format!("no network engine can be used here. {}", reasons.join("; ")))
}

fn ucx(peers: usize, _progress: Progress) -> Result<Box<dyn Wire>> {
    Ok(Box::new(super::ucx::Ucx::open(peers)?))
}

fn ofi(peers: usize, progress: Progress) -> Result<Box<dyn Wire>> {
    Ok(Box::new(super::ofi::Ofi::open(peers, progress == Progress::Thread)?))
}
