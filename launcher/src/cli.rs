//! The command line of `gain`.

use crate::job::Job;
use crate::output::Output;
use crate::{agent, binding, hosts, info};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Run programs as several ranks, on this machine or on several.
#[derive(Parser)]
#[command(name = "gain", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a program as several ranks
    Run(Run),
    /// Start ranks that compute for clients: Python programs of this user that call `gain.connect(FILE)`
    Serve(Serve),
    /// Write the kernels of a Python file (functions of `gain.jit`) as Python that needs NumPy alone
    Compile(Compile),
    /// Measure communication between ranks; alone it lists what there is to measure
    #[command(after_help = microbench::list())]
    Bench(Bench),
    /// Show what this machine offers to a job
    Info,
    /// Start ranks for a launcher on another host (`run --hosts` does this)
    #[command(hide = true)]
    Agent,
}

#[derive(Args)]
#[command(after_help = "\
A program whose name ends in .py runs with the current Python: $PYTHON, .venv/bin/python or python3.
Error lines that several ranks print alike appear once, with the list of ranks.
The exit code is that of the first rank that failed, or 128 + N when signal N killed it.
Signals are handed to all ranks; SIGUSR1 makes each say what it waits for.")]
struct Run {
    #[command(flatten)]
    start: Start,
    /// Have rank 0 of a Python program read modules, and hand them to the others
    #[arg(long)]
    broadcast_imports: bool,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

#[derive(Args)]
struct Serve {
    /// Where to write how to connect; only you can read it, and it goes when the server ends
    #[arg(long, value_name = "FILE", default_value = "gain-server.json")]
    file: PathBuf,
    /// How long the server stays when no client is there
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = seconds)]
    idle: Duration,
    /// Let clients send Python functions for the ranks to call (`ppeval`): whoever has the file then runs code here
    #[arg(long)]
    allow_functions: bool,
    /// Show what the ranks do at http://127.0.0.1:PORT, or at another address of this machine
    #[arg(long, value_name = "[ADDRESS:]PORT")]
    status_port: Option<String>,
    /// Where clients of other machines connect, under TLS: as in tcp://0.0.0.0:0, any free port
    #[arg(long, value_name = "tcp://HOST:PORT")]
    listen: Option<String>,
    /// How long the arrays of a client stay whose connection over the network is lost
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    reattach: Duration,
    /// How many bytes the arrays of one client may take: a number, or one with K, M, G or T
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    memory: Option<u64>,
    #[command(flatten)]
    start: Start,
}

#[derive(Args)]
struct Compile {
    /// The file; it is imported
    file: PathBuf,
    /// Where to write [default: beside it, with `_gain` behind its name]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Args)]
struct Bench {
    #[command(flatten)]
    measure: microbench::Options,
    #[command(flatten)]
    start: Start,
}

/// How ranks are started.
#[derive(Args)]
#[command(next_help_heading = "Starting the ranks")]
struct Start {
    /// Number of ranks [default: one per processor this command may use, 2 for benchmarks, or as many as the hosts take]
    #[arg(short = 'n', long = "ranks", value_parser = clap::value_parser!(u32).range(1..))]
    ranks: Option<u32>,
    /// Hosts to start the ranks on, with the number of ranks each takes, as in h1:2,h2:2
    #[arg(long, value_name = "HOSTS")]
    hosts: Option<String>,
    /// A file with one host per line: `h1:2`, or `h1 slots=2`
    #[arg(long, value_name = "FILE", conflicts_with = "hosts")]
    hostfile: Option<PathBuf>,
    /// The command, with options, that runs a command line on a host
    #[arg(long, value_name = "COMMAND", default_value = "ssh")]
    rsh: String,
    /// A variable that ranks on other hosts get, too
    #[arg(long, value_name = "NAME")]
    export: Vec<String>,
    /// Give each rank processors of its own if there are enough, or leave that to the system
    #[arg(long, value_enum, default_value_t = Bind::Core)]
    bind: Bind,
    /// Whose standard output to show [default: rank0 for Python, all for others]
    #[arg(long, value_enum)]
    output: Option<Show>,
    /// At the end of a Python program, name lines that take time for nothing
    #[arg(long)]
    doctor: bool,
    /// End the job when it has run for so long
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// How long ranks may take to end after a signal before they are killed
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    grace: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Bind {
    Core,
    None,
}

#[derive(Clone, Copy, ValueEnum)]
enum Show {
    Rank0,
    All,
    Prefix,
}

/// The command `gain` with its arguments (the first is the command's own name). Returns the exit code.
///
/// `python` is the interpreter for `.py` programs, when the caller is one; else it is looked for.
pub fn main(arguments: impl IntoIterator<Item = OsString>, python: Option<PathBuf>) -> i32 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    match Cli::try_parse_from(&arguments) {
        Ok(Cli { command: Command::Run(Run { start, broadcast_imports, program }) }) => {
            let program = if broadcast_imports { with_broadcast(program, &python) } else { Ok(program) };
            match program {
                Ok(program) => run(start, program, python),
                Err(message) => {
                    let _ = writeln!(io::stderr(), "gain: {message}");
                    2
                }
            }
        }
        Ok(Cli { command: Command::Serve(options) }) => serve(options, python),
        Ok(Cli { command: Command::Compile(options) }) => compile(options, python),
        Ok(Cli { command: Command::Bench(options) }) => bench(options, &arguments, python),
        Ok(Cli { command: Command::Agent }) => agent::agent(),
        Ok(Cli { command: Command::Info }) => match info::write(&mut io::stdout()) {
            Ok(()) => 0,
            Err(_) => 1,
        },
        Err(message) => {
            // Help goes to standard output with code 0, a wrong argument to standard error with code 2.
            let _ = message.print();
            message.exit_code()
        }
    }
}

/// `gain serve`: the ranks are Python programs; the module has what they do.
fn serve(options: Serve, python: Option<PathBuf>) -> i32 {
    let interpreter = python.clone().unwrap_or_else(find_python);
    let mut program: Vec<OsString> = vec![interpreter.into()];
    program.extend(["-m", "gain._server", "--idle"].map(OsString::from));
    program.extend([options.idle.as_secs_f64().to_string().into(), "--file".into(), options.file.into()]);
    program.extend(options.allow_functions.then(|| "--allow-functions".into()));
    program.extend(options.status_port.iter().flat_map(|port| ["--status-port".into(), port.into()]));
    program.extend(["--reattach".into(), options.reattach.as_secs_f64().to_string().into()]);
    program.extend(options.listen.into_iter().flat_map(|place| ["--listen".into(), place.into()]));
    program
        .extend(options.memory.into_iter().flat_map(|bytes| ["--memory".into(), bytes.to_string().into()]));
    run(options.start, program, python)
}

/// `gain compile`: the module writes it.
fn compile(options: Compile, python: Option<PathBuf>) -> i32 {
    let interpreter = python.unwrap_or_else(find_python);
    let mut command = std::process::Command::new(&interpreter);
    command.args(["-m", "gain._source"]).arg(options.file);
    if let Some(output) = options.output {
        command.arg("--output").arg(output);
    }
    match command.status() {
        Ok(status) => status.code().unwrap_or(1),
        Err(error) => {
            let _ = writeln!(io::stderr(), "gain: cannot start {}: {error}", interpreter.display());
            126
        }
    }
}

/// What finds the module without loading it, or anything else, and has it run the program whose words follow.
const BROADCAST: &str = "import _frozen_importlib_external as f; \
    p = f.PathFinder.find_spec('gain').origin.removesuffix('__init__.py') + '_broadcast.py'; \
    exec(compile(open(p, 'rb').read(), p, 'exec'), {'__name__': '__main__', '__file__': p})";

/// A Python program that begins by having its imports broadcast.
fn with_broadcast(program: Vec<OsString>, python: &Option<PathBuf>) -> Result<Vec<OsString>, String> {
    let first = Path::new(&program[0]);
    let (interpreter, rest) = match () {
        () if is_interpreter(first) => (program[0].clone(), &program[1..]),
        () if first.extension() == Some(OsStr::new("py")) => {
            (python.clone().unwrap_or_else(find_python).into(), &program[..])
        }
        () => return Err("--broadcast-imports is for Python programs".into()),
    };
    Ok([interpreter, "-c".into(), BROADCAST.into()].into_iter().chain(rest.iter().cloned()).collect())
}

/// `gain bench`: in a rank, of whatever launcher, measures; else starts ranks that run this same command.
fn bench(Bench { measure, mut start }: Bench, arguments: &[OsString], python: Option<PathBuf>) -> i32 {
    if let Some(code) = microbench::answer(&measure) {
        return code;
    }
    if rma::bootstrap::is_managed() {
        return microbench::run(&measure, start.ranks.map(|ranks| ranks as usize));
    }
    if start.hosts.is_none() && start.hostfile.is_none() {
        start.ranks.get_or_insert(2);
    }
    let program: Vec<OsString> = match &python {
        Some(python) => vec![python.into(), "-m".into(), "gain".into()],
        None => match std::env::current_exe() {
            Ok(this) => vec![this.into()],
            Err(error) => {
                let _ = writeln!(io::stderr(), "gain: cannot find this program: {error}");
                return 126;
            }
        },
    };
    run(start, program.into_iter().chain(arguments[1..].iter().cloned()).collect(), python)
}

fn run(options: Start, program: Vec<OsString>, python: Option<PathBuf>) -> i32 {
    // The executable of this process is then the interpreter, which has to be told about the module.
    let agent = python
        .iter()
        .flat_map(|python| [python.as_os_str(), "-m".as_ref(), "gain".as_ref(), "agent".as_ref()]);
    let agent: Vec<OsString> = agent.map(OsStr::to_owned).collect();
    let hosts = match (&options.hosts, &options.hostfile) {
        (Some(list), _) => hosts::hosts(list),
        (None, Some(path)) => hosts::host_file(path),
        (None, None) => Ok(Vec::new()),
    };
    let hosts = match hosts {
        Ok(hosts) => hosts,
        Err(message) => {
            let _ = writeln!(io::stderr(), "gain: {message}");
            return 2;
        }
    };
    let default = || match hosts.is_empty() {
        true => binding::allowed().map_or(1, |allowed| allowed.len()),
        false => hosts.iter().map(|host| host.places).sum(),
    };
    let ranks = options.ranks.map_or_else(default, |ranks| ranks as usize);
    let (program, arguments) = program.split_first().expect("clap requires a program");
    let is_script = Path::new(program).extension() == Some(OsStr::new("py"));
    let mut job = match is_script {
        true => Job::new(python.unwrap_or_else(find_python), ranks).args([program]),
        false => Job::new(program, ranks),
    };
    let is_python = is_script || is_interpreter(Path::new(program));
    if is_python && std::env::var_os("PYTHONUNBUFFERED").is_none() {
        // Lines are to appear when they are printed, though a pipe carries them.
        job = job.env("PYTHONUNBUFFERED", "1");
    }
    job = job.agent(agent).hosts(hosts).remote_shell(options.rsh.split_whitespace()).exports(options.export);
    job = job.args(arguments).bind(options.bind == Bind::Core).grace(options.grace).handles_signals(true);
    job = job.output(match options.output {
        Some(Show::Rank0) => Output::Rank0,
        Some(Show::All) => Output::All,
        Some(Show::Prefix) => Output::Prefix,
        None if is_python => Output::Rank0,
        None => Output::All,
    });
    if options.doctor {
        job = job.env("GAIN_DOCTOR", "1");
    }
    if let Some(timeout) = options.timeout {
        job = job.deadline(timeout);
    }
    match job.run() {
        Ok(report) => report.code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "gain: cannot run {}: {error}", program.display());
            // As shells do: 127 when there is no such program, 126 when it can't be started.
            if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 }
        }
    }
}

/// Whether a program is `python`, `python3`, `python3.11`.
fn is_interpreter(program: &Path) -> bool {
    let version = program.file_name().and_then(OsStr::to_str).and_then(|name| name.strip_prefix("python"));
    version.is_some_and(|version| version.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// `$PYTHON`, the virtual environment of this folder, or the system's.
fn find_python() -> PathBuf {
    let local = PathBuf::from(".venv/bin/python");
    match std::env::var_os("PYTHON") {
        Some(python) if !python.is_empty() => python.into(),
        _ if local.exists() => local,
        _ => "python3".into(),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// `800M`, `16G`: a number of bytes.
fn bytes(text: &str) -> Result<u64, String> {
    let units = [("K", 10), ("M", 20), ("G", 30), ("T", 40)];
    let unit = units.into_iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift)));
    let (number, shift) = unit.unwrap_or((text, 0));
    let number: f64 = number.parse().map_err(|_| "not a number of bytes")?;
    let bytes = number * (1u64 << shift) as f64;
    if (0.0..9e18).contains(&bytes) { Ok(bytes as u64) } else { Err("not a number of bytes".to_owned()) }
}
