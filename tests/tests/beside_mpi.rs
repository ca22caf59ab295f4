//! Ranks that use MPI as well, started and ended in every order, under MPI's launcher and ours; and ranks that meet by an
//! allgather of the caller's.
//!
//! MPI is loaded when the program runs, so one executable serves for MPICH and Open MPI. The oracle is MPI: both agree on who is
//! who, and each works on when the other has ended.

use launcher::Job;
use rma::World;
use rma::bootstrap::{self, Exchange};
use std::ffi::{CStr, CString, c_void};
use std::io::Write;
use std::time::Duration;
use tests::Outcome;

/// Set in the ranks: the library, then who starts first and who ends first.
const PLAN: &str = "GAIN_TEST_PLAN";

/// An MPI library of which little is needed.
struct Mpi {
    handle: *mut c_void,
    /// MPICH has numbers for communicators, Open MPI addresses; both fit.
    world: usize,
}

impl Mpi {
    fn load(name: &str) -> Option<Mpi> {
        let name = CString::new(name).unwrap();
        // SAFETY: a terminated name of a library that may be loaded.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
        if handle.is_null() {
            return None;
        }
        // SAFETY: a live handle and a terminated name.
        let open_mpi = unsafe { libc::dlsym(handle, c"ompi_mpi_comm_world".as_ptr()) };
        Some(Mpi { handle, world: if open_mpi.is_null() { 0x4400_0000 } else { open_mpi as usize } })
    }

    /// Calls a function of up to two words.
    fn call(&self, name: &CStr, a: usize, b: usize) {
        // SAFETY: a live handle and a terminated name.
        let address = unsafe { libc::dlsym(self.handle, name.as_ptr()) };
        assert!(!address.is_null(), "{name:?}");
        // SAFETY: all functions called here take at most two words and give an int; further words are ignored by the
        // calling convention.
        let status = unsafe {
            let function: unsafe extern "C" fn(usize, usize) -> i32 = std::mem::transmute(address);
            function(a, b)
        };
        assert_eq!(status, 0, "{name:?}");
    }

    fn start(&self) {
        self.call(c"MPI_Init", 0, 0);
    }

    fn rank(&self) -> usize {
        let mut rank = -1i32;
        self.call(c"MPI_Comm_rank", self.world, (&raw mut rank) as usize);
        rank as usize
    }

    fn barrier(&self) {
        self.call(c"MPI_Barrier", self.world, 0);
    }

    fn end(&self) {
        self.call(c"MPI_Finalize", 0, 0);
    }
}

fn sum(world: &World) {
    let mut sum = [world.rank() as u64];
    world.team().allreduce(&mut sum, rma::Op::Sum).unwrap();
    assert_eq!(sum[0], (0..world.size() as u64).sum::<u64>());
}

#[test]
#[ignore = "not a test by itself"]
fn the_rank() {
    let Ok(plan) = std::env::var(PLAN) else { return };
    let [library, first, last] = plan.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let mpi = Mpi::load(library).unwrap();
    if first == "mpi" {
        mpi.start();
    }
    let world = World::init().unwrap();
    sum(&world);
    if first != "mpi" {
        mpi.start();
    }
    assert_eq!((mpi.rank(), world.size()), (world.rank(), 3));
    mpi.barrier();
    sum(&world);
    if last == "mpi" {
        world.finalize().unwrap();
        mpi.barrier();
    }
    mpi.end();
    if last != "mpi" {
        sum(&world);
        world.finalize().unwrap();
    }
    writeln!(std::io::stdout(), "done {}", world.rank()).unwrap();
}

/// An allgather that happens to be the process manager's: what matters is that the world asks nobody else.
#[test]
#[ignore = "not a test by itself"]
fn the_rank_with_an_allgather() {
    if std::env::var_os(PLAN).is_none() {
        return;
    }
    let mut manager = bootstrap::connect().unwrap();
    let (rank, size) = (manager.rank(), manager.size());
    // Ranks in another order than the manager's: nothing but the allgather says who is who.
    let turned = Box::new(move |mine: &[u8]| {
        let mut all = manager.allgather(mine)?;
        all.reverse();
        Ok(all)
    });
    let exchange = Exchange::new(size - 1 - rank, size, turned).unwrap();
    let world = World::init_with(Box::new(exchange)).unwrap();
    assert_eq!((world.rank(), world.size()), (size - 1 - rank, size));
    sum(&world);
    world.finalize().unwrap();
    writeln!(std::io::stdout(), "done {}", world.rank()).unwrap();
}

fn check(job: Job, plan: &str) {
    let job = job.env(PLAN, plan).env("RUST_BACKTRACE", "1").deadline(Duration::from_secs(60));
    let outcome = Outcome::of(job);
    assert!(outcome.code == 0 && outcome.stdout.matches("done ").count() == 3, "{plan}\n{outcome}");
}

fn this_program(test: &str) -> Vec<String> {
    let program = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    [&program, test, "--exact", "--nocapture", "--ignored"].map(str::to_owned).to_vec()
}

/// A foreign launcher as a job of one rank, which is to find no launcher of ours.
fn foreign(launcher: &str, options: &[&str]) -> Job {
    let job = Job::new(launcher, 1).args(options).args(this_program("the_rank"));
    ["GAIN_LAUNCHER", "GAIN_BOARD_FD", "PMI_FD"].iter().fold(job, |job, name| job.env(name, ""))
}

fn is_there(library: &str) -> bool {
    let found = std::path::Path::new("/usr/lib/x86_64-linux-gnu").join(library).exists();
    if !found {
        eprintln!("skipped: {library} is not installed");
    }
    found
}

fn in_every_order(library: &str, job: impl Fn() -> Job) {
    for (first, last) in [("mpi", "mpi"), ("mpi", "ours"), ("ours", "mpi"), ("ours", "ours")] {
        check(job(), &format!("{library} {first} {last}"));
    }
}

#[test]
fn mpich_under_our_launcher() {
    if is_there("libmpich.so.12") {
        let words = this_program("the_rank");
        in_every_order("libmpich.so.12", || Job::new(&words[0], 3).args(&words[1..]));
    }
}

#[test]
fn mpich_under_its_own() {
    if is_there("libmpich.so.12") {
        in_every_order("libmpich.so.12", || foreign("mpiexec.hydra", &["-n", "3"]));
    }
}

#[test]
fn open_mpi_under_its_own() {
    if is_there("libmpi.so.40") {
        let options = ["--allow-run-as-root", "--oversubscribe", "-mca", "btl", "self,vader", "-n", "3"];
        in_every_order("libmpi.so.40", || foreign("mpiexec.openmpi", &options));
    }
}

#[test]
fn an_allgather_of_the_callers() {
    let words = this_program("the_rank_with_an_allgather");
    check(Job::new(&words[0], 3).args(&words[1..]), "none");
}
