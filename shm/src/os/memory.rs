//! How much memory there is: of the machine, and of the control groups this process is in.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// Memory this process could use if it were alone: the machine's, or its smallest control group's.
pub(crate) fn total_bytes() -> u64 {
    let machine = meminfo("MemTotal:").unwrap_or(u64::MAX);
    group_folders().iter().filter_map(|group| limit(group)).fold(machine, u64::min)
}

/// Memory that can be had now without swapping or being killed: of the machine and of every control group.
pub(crate) fn available_bytes() -> u64 {
    let machine = meminfo("MemAvailable:").unwrap_or(u64::MAX);
    group_folders().iter().filter_map(|group| left(group)).fold(machine, u64::min)
}

fn meminfo(field: &str) -> Option<u64> {
    let text = read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The folders of this process's memory control groups, each with all its ancestors (version 2 and version 1
/// trees).
fn group_folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for line in read_to_string("/proc/self/cgroup").unwrap_or_default().lines() {
        let mut parts = line.splitn(3, ':');
        let (_, Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let root = match controllers {
            "" => Path::new("/sys/fs/cgroup"),
            list if list.split(',').any(|c| c == "memory") => Path::new("/sys/fs/cgroup/memory"),
            _ => continue,
        };
        let inside = root.join(path.trim_start_matches('/'));
        folders.extend(inside.ancestors().take_while(|f| f.starts_with(root)).map(Path::to_path_buf));
    }
    folders
}

fn number(path: PathBuf) -> Option<u64> {
    read_to_string(path).ok()?.trim().parse().ok()
}

fn limit(group: &Path) -> Option<u64> {
    number(group.join("memory.max")).or_else(|| number(group.join("memory.limit_in_bytes")))
}

fn left(group: &Path) -> Option<u64> {
    let used =
        number(group.join("memory.current")).or_else(|| number(group.join("memory.usage_in_bytes")))?;
    // Page cache that the kernel can drop is counted as used; it is as good as free.
    let cache = read_to_string(group.join("memory.stat"))
        .ok()?
        .lines()
        .find_map(|line| line.strip_prefix("inactive_file ")?.parse().ok())
        .unwrap_or(0);
    Some(limit(group)?.saturating_sub(used.saturating_sub(cache)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn available_is_part_of_total() {
        let (available, total) = (super::available_bytes(), super::total_bytes());
        assert!(available > 0 && available <= total, "{available} of {total}");
        assert!(total < 1 << 50);
    }
}
