//! `gain info`: what this machine offers to a job, and which settings are in force.

use crate::{binding, devices};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Writes the page.
pub(crate) fn write(out: &mut impl Write) -> io::Result<()> {
    let processors = binding::allowed()?;
    writeln!(out, "gain {}", env!("CARGO_PKG_VERSION"))?;
    line(out, "system", &first_line("/proc/sys/kernel/osrelease"))?;
    line(out, "processor", &field("/proc/cpuinfo", "model name"))?;
    let list = rma::waits::rank_list(&processors);
    line(out, "processors", &format!("{} may be used ({list})", processors.len()))?;
    line(out, "memory", &format!("{}, available {}", memory("MemTotal"), memory("MemAvailable")))?;
    line(out, "huge pages", &first_line("/sys/kernel/mm/transparent_hugepage/enabled"))?;
    line(out, "  of heap", &first_line("/sys/kernel/mm/transparent_hugepage/shmem_enabled"))?;
    line(out, "  reserved", &field("/proc/meminfo", "HugePages_Total"))?;
    network(out)?;
    line(out, "this job", &job())?;
    let mut settings: Vec<(String, String)> =
        std::env::vars().filter(|(name, _)| name.starts_with("GAIN_")).collect();
    settings.sort();
    if settings.is_empty() {
        return line(out, "settings", "no GAIN_ variable is set");
    }
    settings.iter().try_for_each(|(name, value)| line(out, "setting", &format!("{name}={value}")))
}

/// The engines that could carry bytes between nodes, and which one would.
fn network(out: &mut impl Write) -> io::Result<()> {
    let wanted = std::env::var("GAIN_TRANSPORT").unwrap_or_default();
    let mut is_chosen = false;
    let engines = rma::transport::engines();
    line(out, "in a node", "shared memory")?;
    for engine in &engines {
        let text = match &engine.found {
            Ok(text) => {
                let may = matches!(wanted.as_str(), "" | "auto") || wanted == engine.name;
                let takes = may && !is_chosen;
                is_chosen |= takes;
                let how = if engine.is_rdma { "by the adapter" } else { "by the target's processor" };
                let why = match (takes, wanted.as_str()) {
                    (true, "" | "auto") => "; chosen: the best one here",
                    (true, _) => "; chosen by GAIN_TRANSPORT",
                    (false, _) => "",
                };
                format!("{text}; messages to {} bytes, large transfers {how}{why}", engine.message_bytes)
            }
            Err(why) => format!("not usable: {why}"),
        };
        line(out, &format!("  {}", engine.name), &text)?;
    }
    hardware(out, &engines, Path::new("/sys"))
}

/// Adapters with their ports, which engine drives each and how, and interfaces; then what is likely to be wrong.
fn hardware(out: &mut impl Write, engines: &[rma::transport::Engine], root: &Path) -> io::Result<()> {
    let adapters = devices::adapters(root);
    let (mut is_active, mut is_driven) = (false, false);
    for adapter in &adapters {
        line(out, "adapter", [&adapter.name[..], &adapter.about].join(": ").trim_end_matches(": "))?;
        for port in &adapter.ports {
            let driver = |engine: &rma::transport::Engine| {
                let how = devices::transports(engine.found.as_deref().ok()?, &adapter.name, &port.number);
                (!how.is_empty()).then(|| format!("{} by {}", engine.name, how.join(" ")))
            };
            let drivers: Vec<String> = engines.iter().filter_map(driver).collect();
            is_active |= port.is_active;
            is_driven |= !drivers.is_empty();
            let used = if drivers.is_empty() { "no engine drives it".into() } else { drivers.join(", ") };
            line(out, &format!("  port {}", port.number), &format!("{}; {used}", port.about))?;
        }
    }
    if adapters.is_empty() {
        line(out, "adapter", "none: no InfiniBand, RoCE, Omni-Path, EFA or Slingshot")?;
    }
    let interfaces = devices::interfaces(root);
    line(out, "interfaces", &if interfaces.is_empty() { "none".to_owned() } else { interfaces.join("; ") })?;
    line(out, "lockable", &lockable())?;
    if is_active && !is_driven {
        let advice = "a port is active, but neither engine drives it: the library was built without its transport, or UCX_TLS, \
                      UCX_NET_DEVICES or FI_PROVIDER exclude it";
        line(out, "attention", advice)?;
    }
    Ok(())
}

/// How much memory a process may lock, which adapters need for what they read and write.
fn lockable() -> String {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let soft =
        limits.lines().find_map(|line| line.strip_prefix("Max locked memory")?.split_whitespace().next());
    match soft.map(|soft| (soft, soft.parse::<u64>())) {
        Some((_, Ok(bytes))) => format!("{} MiB of memory for adapters (ulimit -l)", bytes >> 20),
        Some((text, _)) => format!("{text} memory for adapters (ulimit -l)"),
        None => "unknown".to_owned(),
    }
}

/// Under which process manager a program started from here would find itself.
fn job() -> String {
    match rma::bootstrap::connect() {
        Ok(mut bootstrap) if bootstrap.size() > 1 => {
            let text = format!("rank {} of {}", bootstrap.rank(), bootstrap.size());
            bootstrap.leave().map_or_else(|error| error.to_string(), |()| text)
        }
        Ok(_) => "a program started here without `gain run` is a single rank".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn line(out: &mut impl Write, name: &str, value: &str) -> io::Result<()> {
    writeln!(out, "{name:<11} {value}")
}

fn first_line(path: &str) -> String {
    fs::read_to_string(path).map_or("unknown".to_owned(), |text| text.lines().next().unwrap_or("").to_owned())
}

/// The value of the first `name : value` line of a file.
fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let value = |line: &str| Some(line.strip_prefix(name)?.trim_start().strip_prefix(':')?.trim().to_owned());
    text.lines().find_map(value).unwrap_or_else(|| "unknown".to_owned())
}

fn memory(name: &str) -> String {
    let text = field("/proc/meminfo", name);
    let kib: Option<f64> = text.split_whitespace().next().and_then(|number| number.parse().ok());
    kib.map_or(text, |kib| format!("{:.1} GiB", kib / (1024.0 * 1024.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rma::transport::Engine;

    /// What the page says of a machine with one active port, if `engine` is all there is.
    fn page(name: &str, engine: &str) -> String {
        let root = std::env::temp_dir().join(format!("gain-info-{name}-{}", std::process::id()));
        let port = root.join("class/infiniband/mlx5_0/ports/1");
        fs::create_dir_all(&port).unwrap();
        for (file, text) in
            [("state", "4: ACTIVE"), ("rate", "100 Gb/sec (4X EDR)"), ("link_layer", "InfiniBand")]
        {
            fs::write(port.join(file), text).unwrap();
        }
        let found = Ok(engine.to_owned());
        let engines = [Engine { name: "ucx", found, is_rdma: true, message_bytes: 8192 }];
        let mut out = Vec::new();
        hardware(&mut out, &engines, &root).unwrap();
        fs::remove_dir_all(&root).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_port_is_named_with_its_speed_and_who_drives_it() {
        let text = page("driven", "UCX 1.13.1 (/lib/libucp.so.0), rc_mlx5/mlx5_0:1 tcp/eth0");
        assert!(text.contains("adapter     mlx5_0\n"), "{text}");
        let port = "  port 1    InfiniBand, ACTIVE, 100 Gb/sec (4X EDR); ucx by rc_mlx5\n";
        assert!(text.contains(port) && !text.contains("attention"), "{text}");
    }

    #[test]
    fn an_active_port_that_nobody_drives_is_told() {
        let text = page("idle", "UCX 1.13.1 (/lib/libucp.so.0), tcp/eth0");
        assert!(
            text.contains("; no engine drives it\n") && text.contains("attention   a port is active"),
            "{text}"
        );
    }
}
