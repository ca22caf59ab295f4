//! `gain bench` as people use it: each benchmark moves the right bytes over every engine and under every launcher; options stand in any
//! order; tables, JSON, CSV, pictures and comparisons are what they say they are.
//!
//! What is run is the command as `make install` puts it: alone in a folder, without anything beside it.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use tests::Outcome;

/// The command, alone in a folder of its own that goes with it.
struct Gain {
    folder: PathBuf,
}

impl Gain {
    fn new(name: &str) -> Gain {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("gain-{name}"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let (built, installed) = (env!("CARGO_BIN_EXE_gain"), folder.join("gain"));
        std::fs::hard_link(built, &installed)
            .or_else(|_| std::fs::copy(built, &installed).map(drop))
            .unwrap();
        Gain { folder }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.folder.join("gain"));
        command.current_dir(&self.folder).env("PATH", "/usr/bin:/bin");
        command
    }

    fn bench(&self, line: &str) -> Output {
        self.command().arg("bench").args(line.split_whitespace()).args(["--timeout", "60"]).output().unwrap()
    }

    fn text(&self, line: &str) -> String {
        let output = self.bench(line);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{line}\n{text}\n{}", String::from_utf8_lossy(&output.stderr));
        text
    }
}

impl Drop for Gain {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The names of the list.
fn names(gain: &Gain) -> Vec<String> {
    let list = String::from_utf8(gain.command().arg("bench").output().unwrap().stdout).unwrap();
    let lines = list.lines().filter_map(|line| line.strip_prefix("  "));
    lines.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

/// The rows of a table: lines that aren't comments.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_whitespace().collect()).collect()
}

const CHEAP: &str = "-c -i 3 -x 1 -W 4 -M 8M";

#[test]
fn every_benchmark_moves_the_right_bytes_on_a_node() {
    let gain = Gain::new("node");
    let names = names(&gain);
    assert!(names.len() >= 30 && names.contains(&"put-latency".to_owned()), "{names:?}");
    for ranks in [2, 3] {
        let text = gain.text(&format!("{} -n {ranks} -m 4K {CHEAP}", names.join(" ")));
        for name in &names {
            assert!(text.contains(&format!("# gain {name}: ")), "{name}\n{text}");
        }
        assert_eq!(text.matches("# data validated\n").count(), names.len());
        assert_eq!(text.matches(&format!("# ranks: {ranks} on one node\n")).count(), names.len());
    }
}

#[test]
fn every_benchmark_moves_the_right_bytes_between_nodes() {
    let gain = Gain::new("nodes");
    let names = names(&gain).join(" ");
    for engine in rma::transport::engines() {
        if let Err(reason) = engine.found {
            eprintln!("skipped: benchmarks over {}: {reason}", engine.name);
            continue;
        }
        let line = format!("{names} -n 3 -m 512 {CHEAP} --json --timeout 100");
        let mut command = gain.command();
        command.arg("bench").args(line.split_whitespace()).env("GAIN_TRANSPORT", engine.name);
        command.env("GAIN_FAKE_NODES", "2").env("UCX_TLS", "tcp,self").env("FI_PROVIDER", "tcp");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let documents: Value = serde_json::from_slice(&output.stdout).unwrap();
        for document in documents.as_array().unwrap() {
            assert_eq!(
                (&document["nodes"], &document["path"]),
                (&2.into(), &engine.name.into()),
                "{document}"
            );
            assert!(!document["rows"].as_array().unwrap().is_empty(), "{document}");
        }
    }
}

#[test]
fn a_target_that_computes_is_reached_all_the_same() {
    let gain = Gain::new("computing");
    let text = gain
        .text(&format!("--target compute put-latency get-latency acc-latency fop-latency -m 64:64 {CHEAP}"));
    assert_eq!(rows(&text).len(), 4, "{text}");
}

#[test]
fn options_stand_in_any_order_and_names_may_be_osus() {
    let gain = Gain::new("order");
    let sizes = |text: &str| rows(text).iter().map(|row| row[0].to_owned()).collect::<Vec<_>>();
    for line in [
        "put-latency -n 2 -m 8:32 -i 3",
        "-n 2 -i 3 put-latency -m 8:32",
        "-m 8:32 --iterations 3 --ranks 2 put-latency",
        "osu_put_latency -m 8:32 -i 3",
    ] {
        let text = gain.text(line);
        assert_eq!(sizes(&text), ["8", "16", "32"], "{line}\n{text}");
        assert!(text.contains("\n# Size            Latency (us)"), "{text}");
    }
    assert_eq!(sizes(&gain.text("put-bw -m 4 -i 3")), ["1", "2", "4"]);
    assert_eq!(sizes(&gain.text("put-bw -m 2M: -i 3 -W 2")), ["2097152", "4194304"]);
    assert_eq!(sizes(&gain.text("put-bw -m 1M: -M 2097160 -i 3 -W 2")), ["1048576", "2097152"]);
}

#[test]
fn full_tables_json_and_csv_have_the_same_numbers() {
    let gain = Gain::new("forms");
    let full = gain.text("get-latency -m 8:8 -i 7 -f");
    let header = full.lines().find(|line| line.starts_with("# Size")).unwrap();
    for name in
        ["Latency (us)", "Median (us)", "Min (us)", "P99 (us)", "Max (us)", "Iterations", "Bandwidth (MB/s)"]
    {
        assert!(header.contains(name), "{header}");
    }
    assert_eq!(rows(&full)[0][6], "7", "{full}");
    let document: Value = serde_json::from_str(&gain.text("get-latency -m 8:16 -i 7 --json")).unwrap();
    let row = &document["rows"][1];
    let (mean, min, max) = (row["Latency (us)"].as_f64(), row["Min (us)"].as_f64(), row["Max (us)"].as_f64());
    assert!(min <= mean && mean <= max && min > Some(0.0), "{row}");
    assert_eq!((row["Size"].as_f64(), row["Iterations"].as_f64()), (Some(16.0), Some(7.0)));
    assert_eq!(document["columns"][0]["unit"], "bytes");
    let csv = gain.text("get-latency -m 8:16 -i 7 --csv");
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines[0][..3], ["Benchmark", "Size", "Latency (us)"]);
    assert_eq!((lines.len(), lines[2][..2].to_vec()), (3, vec!["get-latency", "16"]));
    assert!(lines.iter().all(|line| line.len() == lines[0].len()));
}

#[test]
fn files_are_drawn_and_compared() {
    let gain = Gain::new("files");
    for name in ["a", "b"] {
        let text = gain.text(&format!("put-latency put-bw -m 64 -i 3 --json --plot {name}.svg"));
        std::fs::write(gain.folder.join(format!("{name}.json")), text).unwrap();
        let picture = std::fs::read_to_string(gain.folder.join(format!("{name}.svg"))).unwrap();
        assert!(picture.contains("Latency (us)") && picture.contains("put-bw"), "{picture}");
    }
    let compare =
        |arguments: &[&str]| gain.command().args(["bench", "--compare"]).args(arguments).output().unwrap();
    let output = compare(&["a.json", "b.json", "--plot", "c.png"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("\n# put-bw: "), "{text}");
    assert_eq!(rows(&text).len(), 14, "seven sizes of two benchmarks\n{text}");
    for row in rows(&text) {
        let [a, b, quotient] = [1, 2, 3].map(|index| row[index].parse::<f64>().unwrap());
        assert!((b / a / quotient - 1.0).abs() < 0.2, "{row:?}");
    }
    let picture = std::fs::read(gain.folder.join("c.png")).unwrap();
    assert!(picture.starts_with(b"\x89PNG"));
    std::fs::write(gain.folder.join("c.json"), "{}").unwrap();
    let output = compare(&["a.json", "c.json"]);
    assert!(
        !output.status.success() && String::from_utf8_lossy(&output.stderr).contains("c.json: not made by")
    );
}

#[test]
fn what_cannot_be_measured_is_said() {
    let gain = Gain::new("errors");
    let error = |line: &str, words: &str| {
        let output = gain.bench(line);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(words), "{line}\n{text}");
    };
    error("put-laten", "`gain bench` alone lists");
    error("put-latency -n 1", "put-latency needs 2 ranks, there are 1");
    error("put-mr -n 3 -p 2", "2 pairs need 4 ranks, there are 3");
    error("put-latency --peer 2", "there is no rank 2");
    error("put-latency --plot x.pdf", "must end in .svg or .png");
    error("barrier --plot x.svg -i 3", "nothing to draw");
}

/// Under a launcher the same command measures between the ranks that this started.
#[test]
fn another_launcher_starts_the_ranks() {
    let gain = Gain::new("launcher");
    let this = gain.folder.join("gain");
    let check = |starter: &str, options: &[&str]| {
        let job = launcher::Job::new(starter, 1).args(options).args([&this]);
        let job = job.args(["bench", "put-latency", "-m", "8:8", "-i", "3", "--csv"]);
        let job =
            ["GAIN_LAUNCHER", "GAIN_BOARD_FD", "PMI_FD"].iter().fold(job, |job, name| job.env(*name, ""));
        let outcome = Outcome::of(job.deadline(Duration::from_secs(40)));
        let lines = outcome.stdout.lines().filter(|line| line.starts_with("put-latency,8,")).count();
        assert!(outcome.code == 0 && lines == 1, "{starter}\n{outcome}");
    };
    check(this.to_str().unwrap(), &["run", "-n", "2"]);
    if Command::new("mpiexec.hydra").arg("--version").output().is_ok() {
        check("mpiexec.hydra", &["-n", "2"]);
        check("mpiexec.hydra", &["-pmi-port", "-n", "2"]);
    } else {
        eprintln!("skipped: benchmarks under mpiexec.hydra, which is not installed");
    }
    if Command::new("mpiexec.openmpi").arg("--version").output().is_ok() {
        check("mpiexec.openmpi", &["--allow-run-as-root", "--oversubscribe", "-n", "2"]);
    } else {
        eprintln!("skipped: benchmarks under mpiexec.openmpi, which is not installed");
    }
    // Tasks that can't meet are told so, and start nothing.
    let mut alone = gain.command();
    alone.args(["bench", "put-latency"]).env("SLURM_PROCID", "0").env("SLURM_STEP_NUM_TASKS", "2");
    let output = alone.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("srun --mpi=pmi2"), "{text}");
}
