//! How a job of a test ended, and what it printed.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A finished job.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The launcher's exit code.
    pub code: i32,
    /// The rank that failed first.
    pub culprit: Option<usize>,
    /// Lines the ranks printed, each headed by `[rank] `.
    pub stdout: String,
    /// Error lines of ranks and launcher, as users see them.
    pub stderr: String,
    /// From start to end.
    pub elapsed: Duration,
    /// Process ids the ranks had.
    pub processes: Vec<u32>,
}

impl Outcome {
    /// Panics unless the ranks that outlived another one ended well, having said this. (A launcher of `GAIN_TEST_STARTER` may end
    /// the job with the first rank, as MPI's do, and lose what they say: of its jobs none may have panicked.)
    #[track_caller]
    pub fn expect_survivors(&self, said: &str) {
        let is_well = match std::env::var_os(crate::STARTER) {
            Some(_) => self.code != crate::PANICKED,
            None => self.code == 0 && self.stderr.contains(said),
        };
        assert!(is_well, "{self}");
    }

    /// Runs a job to its end and keeps what it prints. Panics when it can't be started.
    pub fn of(job: launcher::Job) -> Outcome {
        let (stdout, stderr) = (Sink::default(), Sink::default());
        let started = Instant::now();
        let report = job.sinks(stdout.clone(), stderr.clone()).run();
        let report = report.unwrap_or_else(|error| panic!("the job can't be started: {error}"));
        Outcome {
            code: report.code,
            culprit: report.culprit,
            stdout: stdout.text(),
            stderr: stderr.text(),
            elapsed: started.elapsed(),
            processes: report.processes,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "exit code {} after {:.2} s", self.code, self.elapsed.as_secs_f64())?;
        write!(f, "--- standard output\n{}--- standard error\n{}", self.stdout, self.stderr)
    }
}

/// Memory to write to that can be read afterwards.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("nobody panics while writing")).into_owned()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics while writing").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
