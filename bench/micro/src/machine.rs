//! Where a figure was made: processor, cores the rank may use, memory, kernel, compiler flags.
//!
//! A number without its machine is worth nothing, so every suite prints this line first.

use std::fs;

/// One line about the machine and this rank's share of it.
pub fn describe() -> String {
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".into());
    let allowed = field("/proc/self/status", "Cpus_allowed_list").unwrap_or_else(|| "?".into());
    let memory =
        field("/proc/meminfo", "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{processor} x {} cores (this rank: cpu {allowed}), {:.0} GiB, Linux {}, load {}, {} build",
        online_cores(),
        memory.unwrap_or(0) as f64 / (1 << 20) as f64,
        kernel.trim(),
        load.split(' ').next().unwrap_or("?"),
        if cfg!(debug_assertions) { "debug" } else { "release" },
    )
}

/// Processors that are online, whatever this process may use.
pub fn online_cores() -> usize {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    text.lines().filter(|line| line.starts_with("processor")).count()
}

/// The value of `name` in a file of `name : value` lines.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_machine_has_a_processor_and_memory() {
        let line = super::describe();
        assert!(line.contains(" cores ") && !line.contains("unknown") && !line.contains(" 0 GiB"), "{line}");
    }
}
