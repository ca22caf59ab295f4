//! Other launchers: the same executables under MPICH's `mpiexec`, and MPICH programs under ours.
//!
//! MPICH comes from the Debian packages named in `tests/apt-packages`. Where it is absent these tests say so and pass.

use launcher::Job;
use rma::Segment;
use std::process::Command;
use std::time::Duration;
use tests::Outcome;

/// The command of MPICH called `name`, if it is there; under Debian the plain name may be another MPI's.
fn mpich(name: &str) -> Option<String> {
    let candidates = [format!("{name}.mpich"), format!("{name}.hydra"), name.to_owned()];
    let is_mpich = |candidate: &String| {
        let version = Command::new(candidate).arg("--version").output();
        let show = Command::new(candidate).arg("-show").output();
        let says = |output: std::io::Result<std::process::Output>| {
            output.is_ok_and(|output| {
                let text = String::from_utf8_lossy(&output.stdout).to_lowercase();
                text.contains("hydra") || text.contains("mpich")
            })
        };
        says(version) || says(show)
    };
    let found = candidates.into_iter().find(is_mpich);
    if found.is_none() {
        eprintln!("skipped: MPICH's {name} is not installed (Debian packages mpich, libmpich-dev)");
    }
    found
}

#[test]
fn our_ranks_under_mpiexec() {
    let mut job = tests::Job::new("our_ranks_under_mpiexec");
    if !tests::is_rank() {
        let Some(mpiexec) = mpich("mpiexec") else { return };
        job = job.starter(mpiexec);
    }
    job.run(&[1, 2, 3, 4], |world| {
        let team = world.team();
        let segment = Segment::allocate(&team, 8 * world.size()).unwrap();
        for target in 0..world.size() {
            segment.put(target, 8 * world.rank(), &[(100 * world.rank() + target) as u64]).unwrap();
        }
        world.sync().unwrap();
        let mut all = vec![0u64; world.size()];
        segment.get(world.rank(), 0, &mut all).unwrap();
        let expected: Vec<u64> = (0..world.size()).map(|rank| (100 * rank + world.rank()) as u64).collect();
        assert_eq!(all, expected);
        world.barrier().unwrap();
    });
}

#[test]
fn a_killed_rank_under_mpiexec() {
    let mut job = tests::Job::new("a_killed_rank_under_mpiexec");
    if !tests::is_rank() {
        let Some(mpiexec) = mpich("mpiexec") else { return };
        job = job.starter(mpiexec);
    }
    let outcome = job.outcome(3, |world| {
        if world.rank() == 1 {
            std::thread::sleep(Duration::from_millis(300));
            // SAFETY: plain system calls.
            unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
        }
        world.barrier().unwrap();
    });
    assert_ne!(outcome.code, 0, "{outcome}");
    assert!(outcome.elapsed < Duration::from_secs(5), "{outcome}");
}

const MPI_PROGRAM: &str = r#"
#include <mpi.h>
#include <stdio.h>
int main(int argc, char **argv) {
    int rank, size, sum;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    printf("rank %d of %d, sum %d\n", rank, size, sum);
    return MPI_Finalize();
}
"#;

#[test]
fn an_mpich_program_under_our_launcher() {
    let Some(compiler) = mpich("mpicc") else { return };
    let folder = std::env::temp_dir().join(format!("mpich-test-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let (source, program) = (folder.join("sum.c"), folder.join("sum"));
    std::fs::write(&source, MPI_PROGRAM).unwrap();
    let compiled = Command::new(compiler).arg(&source).arg("-o").arg(&program).output().unwrap();
    let outcome = Outcome::of(Job::new(&program, 3).deadline(Duration::from_secs(30)));
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    assert_eq!(outcome.code, 0, "{outcome}");
    for rank in 0..3 {
        assert!(outcome.stdout.contains(&format!("rank {rank} of 3, sum 3\n")), "{outcome}");
    }
}
