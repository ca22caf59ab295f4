//! Harness of the multi-rank tests.
//!
//! A test names itself, says on how many ranks it runs, and gives a body. The harness starts the test's own executable again
//! under the launcher, once for each number of ranks, filtered to that test; there [`spmd`] runs the body with the rank's
//! [`World`] and ends the process. A job that isn't done within its deadline is killed and the test fails; whatever the
//! outcome, no process of it is left when the call returns.
//!
//! ```no_run
//! #[test]
//! fn everyone_meets() {
//!     tests::spmd(&[1, 2, 3, 4], "everyone_meets", |world| world.barrier().unwrap());
//! }
//! ```
//!
//! Invariant: within one test function each name is used once, since it tells the child which body to run. Jobs of one test
//! executable run one after another: the machine may have fewer processors than a single job has ranks.

pub mod c;
mod everywhere;
mod fragile;
mod outcome;
pub mod rig;

pub use everywhere::everywhere;
pub use fragile::Fragile;
use launcher::Output;
pub use outcome::Outcome;
use rig::{Network, Rig};
use rma::World;
use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

/// Names a foreign command (`mpiexec`) that starts the ranks of all jobs instead of our launcher.
const STARTER: &str = "GAIN_TEST_STARTER";
/// Tells the child which body to run.
const MARK: &str = "GAIN_TEST_BODY";
/// What it says to a host's agent, which is this executable as well.
const AGENT: &str = "the agent";
/// Exit code of a rank whose body panicked, as a panicking program has it.
const PANICKED: i32 = 101;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Runs `body` on each of the numbers of ranks, and panics with everything that was printed if one of the jobs fails.
pub fn spmd(ranks: &[usize], name: &str, body: impl Fn(&World)) {
    Job::new(name).run(ranks, body);
}

/// Whether this process is a rank of a test's job.
pub fn is_rank() -> bool {
    std::env::var_os(MARK).is_some()
}

/// For a test of a [program](Job::program) on [hosts](Job::hosts), which calls it first: this executable is the agent of each host, too.
/// Where it is, starts that host's ranks and ends the process; else does nothing.
pub fn serve_host() {
    if std::env::var(MARK).is_ok_and(|name| name == AGENT) {
        std::process::exit(launcher::agent());
    }
}

/// A multi-rank test with more to say than [`spmd`].
#[derive(Clone, Debug)]
pub struct Job {
    name: String,
    environment: Vec<(OsString, OsString)>,
    deadline: Duration,
    starter: Option<OsString>,
    starter_options: Vec<OsString>,
    hosts: Option<usize>,
    network: Network,
    engine: Option<&'static str>,
    start: fn() -> rma::Result<World>,
    program: Option<PathBuf>,
}

impl Job {
    /// `name` is unique within the test function (usually its name).
    pub fn new(name: &str) -> Job {
        let starter = std::env::var_os(STARTER).filter(|starter| !starter.is_empty());
        Job {
            name: name.to_owned(),
            environment: Vec::new(),
            deadline: Duration::from_secs(60),
            starter,
            starter_options: Vec::new(),
            hosts: None,
            network: Network::default(),
            engine: None,
            start: World::init,
            program: None,
        }
    }

    fn name(&self) -> &str {
        &self.name
    }

    /// Sets a variable of the ranks' environment.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Job {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Kills the job after so long; one minute if not said.
    pub fn deadline(mut self, deadline: Duration) -> Job {
        self.deadline = deadline;
        self
    }

    /// Divides the ranks in blocks among so many hosts of a [`Rig`]. Where none can be made (that needs root) the test says
    /// so and passes without having run anything.
    pub fn hosts(mut self, hosts: usize) -> Job {
        assert!((1..=rig::HOSTS).contains(&hosts), "a rig has {} hosts", rig::HOSTS);
        self.hosts = Some(hosts);
        self
    }

    /// What the network between the hosts is like.
    pub fn network(mut self, network: Network) -> Job {
        self.network = network;
        self
    }

    /// Has the nodes talk over this engine, `ucx` or `ofi`. Where it can't be used the test says so and passes.
    pub fn over(mut self, engine: &'static str) -> Job {
        self.engine = Some(engine);
        self.env("GAIN_TRANSPORT", engine)
    }

    /// Has each rank start by this, instead of by [`World::init`].
    pub fn starting(mut self, start: fn() -> rma::Result<World>) -> Job {
        self.start = start;
        self
    }

    /// Whether the hosts and the engine asked for can be had; says so if not.
    pub fn is_possible(&self) -> bool {
        if is_rank() {
            return true;
        }
        let missing_rig = self.hosts.and_then(|_| Rig::with(self.network).err());
        let reason = missing_rig.or_else(|| self.engine.and_then(everywhere::missing));
        if let Some(reason) = &reason {
            eprintln!("skipped: {}: {reason}", self.name);
        }
        reason.is_none()
    }

    /// Has the ranks of one machine pretend to be on `nodes` nodes, in blocks, and talk over TCP as such nodes would. Needs no
    /// root, unlike hosts.
    pub fn fake_nodes(self, nodes: usize) -> Job {
        self.env("GAIN_FAKE_NODES", nodes.to_string()).env("UCX_TLS", "tcp,self").env("FI_PROVIDER", "tcp")
    }

    /// Has the ranks started by `command -n ranks program`, as MPICH's `mpiexec` does, instead of by our launcher. The
    /// environment variable `GAIN_TEST_STARTER` does so for every job.
    pub fn starter(mut self, command: impl Into<OsString>) -> Job {
        self.starter = Some(command.into());
        self
    }

    /// Options of the starter, before `-n`.
    pub fn starter_options<T: Into<OsString>>(mut self, options: impl IntoIterator<Item = T>) -> Job {
        self.starter_options.extend(options.into_iter().map(Into::into));
        self
    }

    /// Runs `body` on each of the numbers of ranks, and panics with everything that was printed if one of the jobs fails.
    pub fn run(&self, ranks: &[usize], body: impl Fn(&World)) {
        self.if_rank(body);
        if is_rank() || !self.is_possible() {
            return;
        }
        for &ranks in ranks {
            let outcome = self.start(ranks);
            let found = outcome.stdout.matches("running 1 test").count();
            assert!(outcome.code == 0 && found == ranks, "{} on {ranks} ranks failed\n{outcome}", self.name);
        }
    }

    /// Runs `body` on so many ranks and says how that ended. For jobs that are meant to fail. Panics when the job
    /// isn't [possible](Job::is_possible).
    pub fn outcome(&self, ranks: usize, body: impl Fn(&World)) -> Outcome {
        self.if_rank(body);
        assert!(!is_rank(), "several outcomes in one test: split the test, a rank can't skip one");
        self.start(ranks)
    }

    /// Runs a program that isn't this test on so many ranks and says how that ended. On hosts, see [`serve_host`].
    pub fn program(mut self, program: impl Into<PathBuf>, ranks: usize) -> Outcome {
        self.program = Some(program.into());
        self.start(ranks)
    }

    /// In a rank of this job: runs `body` and ends the process, which in a host's agent starts the ranks. Does nothing
    /// elsewhere.
    fn if_rank(&self, body: impl Fn(&World)) {
        serve_host();
        if std::env::var(MARK).is_ok_and(|name| name == self.name) {
            std::process::exit(self.run_rank(&body));
        }
    }

    /// The launcher's job that runs this test's body, for tests of the launcher itself.
    pub fn launcher_job(&self, ranks: usize) -> launcher::Job {
        let this = || std::env::current_exe().expect("a test has an executable");
        let this_test: Vec<OsString> =
            [&self.test_filter()[..], "--exact", "--nocapture", "--include-ignored"]
                .map(OsString::from)
                .into();
        let filter = if self.program.is_some() { Vec::new() } else { this_test.clone() };
        let program = self.program.clone().unwrap_or_else(this);
        let job = match (&self.starter, self.hosts) {
            (_, Some(hosts)) => {
                let rig = Rig::with(self.network).unwrap_or_else(|reason| panic!("no hosts: {reason}"));
                let mark = OsString::from(format!("{MARK}={AGENT}"));
                let agent = ["env".into(), mark, this().into()].into_iter().chain(this_test);
                let job = launcher::Job::new(program, ranks).remote_shell(rig.words("rsh")).agent(agent);
                job.hosts((0..hosts).map(|host| launcher::Host {
                    name: format!("h{}", host + 1),
                    places: (host + 1) * ranks / hosts - host * ranks / hosts,
                }))
            }
            (None, None) => launcher::Job::new(program, ranks),
            // For the deadline's sake our launcher starts the starter; the ranks are to find no launcher of ours.
            (Some(starter), None) => launcher::Job::new(starter, 1)
                .env("GAIN_LAUNCHER", "")
                .env("GAIN_BOARD_FD", "")
                .env("PMI_FD", "")
                .args(&self.starter_options)
                .args(["-n", &ranks.to_string()])
                .args([program]),
        };
        let mut job = job.args(filter).env(MARK, &self.name).deadline(self.deadline).output(Output::Prefix);
        for (name, value) in &self.environment {
            job = job.env(name, value);
        }
        job
    }

    /// The test harness calls each test in a thread of its name; with one thread only, in the main thread.
    fn test_filter(&self) -> String {
        let thread = std::thread::current();
        thread.name().filter(|name| *name != "main").unwrap_or(&self.name).to_owned()
    }

    fn start(&self, ranks: usize) -> Outcome {
        // A test that panicked meanwhile has not left a job running.
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        Outcome::of(self.launcher_job(ranks))
    }

    /// A rank's life. The panic hook has already printed what is wrong when the body panics.
    fn run_rank(&self, body: &dyn Fn(&World)) -> i32 {
        let world = (self.start)().unwrap_or_else(|error| panic!("this rank can't start: {error}"));
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            body(&world);
            world.finalize().unwrap_or_else(|error| panic!("this rank can't end: {error}"));
        }));
        if outcome.is_ok() { 0 } else { PANICKED }
    }
}
