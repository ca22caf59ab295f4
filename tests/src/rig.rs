//! Several hosts on this machine, for tests: the scripts of `tests/rig/`.
//!
//! A rig takes a fifth of a second to make, so a test process makes one per kind of network and keeps it. Its hosts, and
//! everything that runs on them, end when the pipe to their keepers closes, that is with the test process at the latest.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

/// How the network between hosts behaves. The default is a bridge in the kernel: some 20 µs from host to host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// How long a frame is on its way, at least.
    pub delay_us: u32,
    /// By how much more, at most.
    pub jitter_us: u32,
    /// How many frames of a million are lost.
    pub loss_ppm: u32,
}

/// Hosts `h1` to `h4`.
#[derive(Debug)]
pub struct Rig {
    network: Network,
    /// What the scripts want in `$RIG`.
    keepers: String,
    /// Its standard input is the pipe that keeps the hosts alive.
    _holder: Child,
}

/// Hosts of a rig.
pub const HOSTS: usize = 4;

static RIGS: Mutex<Vec<&'static Rig>> = Mutex::new(Vec::new());

impl Rig {
    /// The rig of this process with such a network. An error says why there is none: making one needs root, a kernel with
    /// namespaces, and the commands `ip` and `unshare`.
    pub fn with(network: Network) -> Result<&'static Rig, String> {
        let mut rigs = RIGS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(rig) = rigs.iter().find(|rig| rig.network == network) {
            return Ok(rig);
        }
        let rig = &*Box::leak(Box::new(Rig::make(network)?));
        rigs.push(rig);
        Ok(rig)
    }

    fn make(network: Network) -> Result<Rig, String> {
        let mut command = Command::new(script("rig"));
        command.args(["hold", &HOSTS.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if network != Network::default() {
            command.env("RIG_DELAY_US", network.delay_us.to_string());
            command.env("RIG_JITTER_US", network.jitter_us.to_string());
            command.env("RIG_LOSS_PPM", network.loss_ppm.to_string());
        }
        let mut holder = command.spawn().map_err(|error| error.to_string())?;
        let mut keepers = String::new();
        let stdout = holder.stdout.take().expect("piped above");
        BufReader::new(stdout).read_line(&mut keepers).map_err(|error| error.to_string())?;
        if keepers.is_empty() {
            drop(holder.stdin.take());
            let mut reason = String::new();
            let stderr = holder.stderr.take().expect("piped above");
            BufReader::new(stderr).read_to_string(&mut reason).map_err(|error| error.to_string())?;
            holder.wait().map_err(|error| error.to_string())?;
            return Err(reason.lines().collect::<Vec<_>>().join("; "));
        }
        Ok(Rig { network, keepers: keepers.trim().to_owned(), _holder: holder })
    }

    /// The words of a command that acts on this rig: `on h1 ...`, `rsh h2 ...`, `link h3 down`.
    pub fn words(&self, name: &str) -> Vec<String> {
        let script = script(name).to_str().expect("a path of this repository").to_owned();
        vec!["env".to_owned(), format!("RIG={}", self.keepers), script]
    }

    /// The same as something to run.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(script(name));
        command.env("RIG", &self.keepers);
        command
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rig").join(name)
}
