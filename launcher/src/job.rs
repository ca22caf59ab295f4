//! A job to run: program, ranks, and what becomes of its output.

use crate::hosts::Host;
use crate::output::Output;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::time::Duration;

/// A program to start as several ranks, on this machine or on others.
///
/// ```
/// let report = launcher::Job::new("true", 2).run()?;
/// assert_eq!(report.code, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Job {
    pub(crate) program: OsString,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) ranks: usize,
    pub(crate) bind: bool,
    pub(crate) output: Output,
    pub(crate) deadline: Option<Duration>,
    pub(crate) grace: Duration,
    pub(crate) handles_signals: bool,
    /// Where to start the ranks; none for this machine.
    pub(crate) hosts: Vec<Host>,
    pub(crate) remote_shell: Vec<OsString>,
    pub(crate) agent: Vec<OsString>,
    /// Variables of this process that ranks on other hosts get besides the usual ones.
    pub(crate) exports: Vec<String>,
    /// Standard output and standard error.
    pub(crate) sinks: (Box<dyn Write>, Box<dyn Write>),
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// 0, or the exit code of the first rank that failed (128 + number for a signal), or what a rank gave to `abort`;
    /// 124 when the deadline passed.
    pub code: i32,
    /// The rank that failed first.
    pub culprit: Option<usize>,
    /// Process ids the ranks had on their hosts.
    pub processes: Vec<u32>,
}

impl Job {
    /// A job of `ranks` processes of `program`, which is looked up in `PATH` when it has no slash. Not bound to
    /// processors, everyone's output shown, no deadline.
    pub fn new(program: impl AsRef<OsStr>, ranks: usize) -> Job {
        Job {
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
            ranks,
            bind: false,
            output: Output::All,
            deadline: None,
            grace: Duration::from_secs(5),
            handles_signals: false,
            hosts: Vec::new(),
            remote_shell: vec!["ssh".into()],
            agent: Vec::new(),
            exports: Vec::new(),
            sinks: (Box::new(io::stdout()), Box::new(io::stderr())),
        }
    }

    /// Adds arguments of the program.
    pub fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, arguments: I) -> Job {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets a variable of the ranks' environment, which else is the caller's.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Job {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Whether each rank gets processors of its own, when there are enough.
    pub fn bind(mut self, bind: bool) -> Job {
        self.bind = bind;
        self
    }

    /// Whose standard output is shown.
    pub fn output(mut self, output: Output) -> Job {
        self.output = output;
        self
    }

    /// Kills the job when it has run for so long.
    pub fn deadline(mut self, deadline: Duration) -> Job {
        self.deadline = Some(deadline);
        self
    }

    /// How long ranks may take to end after a signal that ends programs, before they are killed.
    pub fn grace(mut self, grace: Duration) -> Job {
        self.grace = grace;
        self
    }

    /// Whether signals that this process gets are handed to the ranks. For the command; the calling thread must be the
    /// process's only one that may receive signals.
    pub fn handles_signals(mut self, handles: bool) -> Job {
        self.handles_signals = handles;
        self
    }

    /// Starts the ranks on these hosts, which are filled in order, instead of this machine. They run in a folder of the same
    /// name as this process's, and their environment is what the host gives to a login and the variables of
    /// [`env`](Job::env) and [`exports`](Job::exports).
    pub fn hosts(mut self, hosts: impl IntoIterator<Item = Host>) -> Job {
        self.hosts = hosts.into_iter().collect();
        self
    }

    /// The command that gets a host and a command line to run there, `ssh` by default, with its options.
    pub fn remote_shell<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, command: I) -> Job {
        self.remote_shell = command.into_iter().map(|word| word.as_ref().to_owned()).collect();
        self
    }

    /// The command that calls [`agent`](crate::agent) on a host; by default this executable with the argument `agent`.
    pub fn agent<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, command: I) -> Job {
        self.agent = command.into_iter().map(|word| word.as_ref().to_owned()).collect();
        self
    }

    /// More variables of this process that ranks on other hosts get. They always get `PATH`, `LD_LIBRARY_PATH`,
    /// `PYTHONPATH`, and everything that starts with `GAIN_`, `UCX_`, `FI_` or `OMP_`.
    pub fn exports<I: IntoIterator<Item: AsRef<str>>>(mut self, names: I) -> Job {
        self.exports.extend(names.into_iter().map(|name| name.as_ref().to_owned()));
        self
    }

    /// Where output and error lines go; by default this process's own.
    pub fn sinks(mut self, stdout: impl Write + 'static, stderr: impl Write + 'static) -> Job {
        self.sinks = (Box::new(stdout), Box::new(stderr));
        self
    }
}
