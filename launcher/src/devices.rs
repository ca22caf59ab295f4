//! The network devices of this machine, as the kernel shows them under `/sys`, and which of them an engine drives.
//!
//! | where | what |
//! | --- | --- |
//! | `class/infiniband/*` | adapters for InfiniBand, RoCE, Omni-Path, EFA; `ports/*` has state, rate and kind of each port |
//! | `class/cxi/*` | Slingshot's adapters |
//! | `class/net/*` | interfaces; those that belong to a port are named with it |
//!
//! Nothing is opened: a user who may not use a device still sees that it is there.

use std::fs;
use std::path::{Path, PathBuf};

/// A device, and what there is to say of it, line by line.
#[derive(Debug, PartialEq)]
pub(crate) struct Device {
    pub(crate) name: String,
    /// Model, firmware, place in the machine.
    pub(crate) about: String,
    pub(crate) ports: Vec<Port>,
}

/// One port of an adapter.
#[derive(Debug, PartialEq)]
pub(crate) struct Port {
    pub(crate) number: String,
    /// Kind, state, speed, interface.
    pub(crate) about: String,
    /// Data may go over it.
    pub(crate) is_active: bool,
}

/// The adapters that move bytes without the operating system. `root` is `/sys` (or a test's picture of it).
pub(crate) fn adapters(root: &Path) -> Vec<Device> {
    let mut devices: Vec<Device> =
        entries(&root.join("class/infiniband")).iter().map(|path| adapter(root, path)).collect();
    devices.extend(entries(&root.join("class/cxi")).iter().map(|path| {
        let port = Port { number: "1".into(), about: "Slingshot".into(), is_active: true };
        Device { name: name(path), about: place(path), ports: vec![port] }
    }));
    devices
}

/// The interfaces over which TCP may go: name, state and speed.
pub(crate) fn interfaces(root: &Path) -> Vec<String> {
    let physical = |path: &PathBuf| path.join("device").exists();
    entries(&root.join("class/net"))
        .iter()
        .filter(|path| physical(path))
        .map(|path| interface(path))
        .collect()
}

fn adapter(root: &Path, path: &Path) -> Device {
    let model = ["hca_type", "board_id"].map(|file| line(&path.join(file)));
    let firmware = line(&path.join("fw_ver")).map(|version| format!("firmware {version}"));
    let facts: Vec<String> = model.into_iter().flatten().chain(firmware).collect();
    let about =
        [facts.join(", "), place(path)].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
    let ports = entries(&path.join("ports")).iter().map(|port| of_port(root, path, port)).collect();
    Device { name: name(path), about: about.join(", "), ports }
}

fn of_port(root: &Path, adapter: &Path, path: &Path) -> Port {
    // As in `4: ACTIVE`.
    let state = line(&path.join("state")).unwrap_or_default();
    let state = state.split_once(": ").map_or(&state[..], |(_, word)| word).to_owned();
    let is_active = state == "ACTIVE";
    let kind = line(&path.join("link_layer")).map(|kind| match &kind[..] {
        "Ethernet" => "RoCE (Ethernet)".to_owned(),
        _ => kind,
    });
    // Of a port that is down the driver has a rate of its own invention.
    let rate = line(&path.join("rate")).filter(|_| is_active);
    let interface = interface_of(root, adapter, &name(path)).map(|name| format!("interface {name}"));
    let facts = [kind, Some(state), rate, interface];
    Port { number: name(path), about: facts.into_iter().flatten().collect::<Vec<_>>().join(", "), is_active }
}

/// The interface that shares a port's hardware.
fn interface_of(root: &Path, adapter: &Path, port: &str) -> Option<String> {
    let hardware = fs::canonicalize(adapter.join("device")).ok()?;
    let wanted: u64 = port.parse().ok()?;
    let belongs = |path: &&PathBuf| {
        let is_same = fs::canonicalize(path.join("device")).is_ok_and(|device| device == hardware);
        // Counted from 0; of several, the one that is this port's.
        let number = line(&path.join("dev_port")).and_then(|text| text.parse::<u64>().ok());
        is_same && number.is_none_or(|number| number + 1 == wanted)
    };
    entries(&root.join("class/net")).iter().find(belongs).map(|path| name(path))
}

fn interface(path: &Path) -> String {
    let state = line(&path.join("operstate")).unwrap_or_else(|| "unknown".into());
    // -1 where the driver doesn't know.
    let speed =
        line(&path.join("speed")).and_then(|text| text.parse::<i64>().ok()).filter(|speed| *speed > 0);
    let speed = speed.map_or(String::new(), |speed| format!(", {speed} Mb/s"));
    format!("{} {state}{speed}", name(path))
}

/// The memory it is near to.
fn place(path: &Path) -> String {
    let node = line(&path.join("device/numa_node")).filter(|node| !node.starts_with('-'));
    node.map_or(String::new(), |node| format!("NUMA node {node}"))
}

/// The transports by which an engine drives a port, from its own list of `transport/device:port`, or of devices alone.
pub(crate) fn transports<'a>(engine: &'a str, device: &str, port: &str) -> Vec<&'a str> {
    let words = engine.split([' ', ',']);
    let drives = |word: &&str| {
        let place = word.split_once('/').map_or(*word, |(_, place)| place);
        place == format!("{device}:{port}") || place == device
    };
    words.filter(drives).map(|word| word.split_once('/').map_or(word, |(transport, _)| transport)).collect()
}

/// The members of a folder, by name.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The first line of a file, if it has one.
fn line(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A `/sys` with a two-port InfiniBand adapter, a RoCE one, and an Ethernet interface without any.
    fn machine(name: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("gain-sys-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        let files = [
            ("devices/a/numa_node", "1"),
            ("devices/b/numa_node", "-1"),
            ("devices/c/x", ""),
            ("class/infiniband/mlx5_0/hca_type", "MT4123"),
            ("class/infiniband/mlx5_0/board_id", "MT_0000000223"),
            ("class/infiniband/mlx5_0/fw_ver", "20.31.1014"),
            ("class/infiniband/mlx5_0/ports/1/state", "4: ACTIVE"),
            ("class/infiniband/mlx5_0/ports/1/link_layer", "InfiniBand"),
            ("class/infiniband/mlx5_0/ports/1/rate", "200 Gb/sec (4X HDR)"),
            ("class/infiniband/mlx5_0/ports/2/state", "1: DOWN"),
            ("class/infiniband/mlx5_0/ports/2/link_layer", "InfiniBand"),
            ("class/infiniband/mlx5_0/ports/2/rate", "10 Gb/sec (4X SDR)"),
            ("class/infiniband/mlx5_1/ports/1/state", "4: ACTIVE"),
            ("class/infiniband/mlx5_1/ports/1/link_layer", "Ethernet"),
            ("class/infiniband/mlx5_1/ports/1/rate", "25 Gb/sec (1X EDR)"),
            ("class/net/ib0/dev_port", "0"),
            ("class/net/ib1/dev_port", "1"),
            ("class/net/eth0/speed", "1000"),
            ("class/net/eth0/operstate", "up"),
            ("class/net/lo/operstate", "unknown"),
        ];
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{text}\n")).unwrap();
        }
        for (link, device) in [
            ("infiniband/mlx5_0", "a"),
            ("infiniband/mlx5_1", "b"),
            ("net/ib0", "a"),
            ("net/ib1", "a"),
            ("net/eth0", "c"),
        ] {
            symlink(root.join("devices").join(device), root.join("class").join(link).join("device")).unwrap();
        }
        root
    }

    #[test]
    fn adapters_are_shown_with_their_ports() {
        let root = machine("adapters");
        let found = adapters(&root);
        let interfaces = interfaces(&root);
        fs::remove_dir_all(&root).unwrap();
        let port = |number: &str, about: &str, is_active| Port {
            number: number.into(),
            about: about.into(),
            is_active,
        };
        let first = Device {
            name: "mlx5_0".into(),
            about: "MT4123, MT_0000000223, firmware 20.31.1014, NUMA node 1".into(),
            ports: vec![
                port("1", "InfiniBand, ACTIVE, 200 Gb/sec (4X HDR), interface ib0", true),
                port("2", "InfiniBand, DOWN, interface ib1", false),
            ],
        };
        let second = Device {
            name: "mlx5_1".into(),
            about: String::new(),
            ports: vec![port("1", "RoCE (Ethernet), ACTIVE, 25 Gb/sec (1X EDR)", true)],
        };
        assert_eq!(found, [first, second]);
        assert_eq!(interfaces, ["eth0 up, 1000 Mb/s", "ib0 unknown", "ib1 unknown"]);
    }

    #[test]
    fn an_engine_drives_the_ports_it_names() {
        let ucx =
            "UCX 1.13.1 (/lib/libucp.so.0), rc_mlx5/mlx5_0:1 ud_verbs/mlx5_0:1 rc_mlx5/mlx5_10:1 tcp/eth0";
        assert_eq!(transports(ucx, "mlx5_0", "1"), ["rc_mlx5", "ud_verbs"]);
        assert!(transports(ucx, "mlx5_0", "2").is_empty() && transports(ucx, "mlx5_1", "1").is_empty());
        assert_eq!(transports("libfabric 1.17, verbs;ofi_rxm on mlx5_0, sends", "mlx5_0", "1"), ["mlx5_0"]);
    }

    #[test]
    fn a_machine_without_devices_has_none() {
        assert!(adapters(Path::new("/nowhere")).is_empty() && interfaces(Path::new("/nowhere")).is_empty());
    }
}
