//! `gain info`: what this machine offers to a job, and which settings are in force.

use crate::binding;
use std::fs;
use std::io::{self, Write};

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
    line(out, "in a node", "shared memory")?;
    for engine in rma::transport::engines() {
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
    Ok(())
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
