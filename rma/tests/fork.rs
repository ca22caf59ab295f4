//! Forked children are no ranks: they have worlds of their own, and can't reach their parent's.

#![allow(missing_docs)]

use rma::bootstrap::is_child;
use rma::{Compare, ErrorKind, MutexSet, Op, Result, Segment, World};
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tests::{Job, everywhere, spmd};

const RANKS: &[usize] = &[1, 2, 3, 4];
const LEN: usize = 1000;

/// The exit code of a child that runs `body` and ends as programs do.
fn forked(body: impl FnOnce()) -> i32 {
    // SAFETY: the child runs code of one thread; the parent's other thread waits in the test harness and holds nothing.
    match unsafe { libc::fork() } {
        0 => std::process::exit(catch_unwind(AssertUnwindSafe(body)).map_or(99, |()| 0)),
        child => {
            let mut status = 0;
            // SAFETY: our own child, and an integer to write to.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            assert!(libc::WIFEXITED(status), "{status}");
            libc::WEXITSTATUS(status)
        }
    }
}

#[track_caller]
fn refused<T>(result: Result<T>) {
    let Err(error) = result else { panic!("accepted") };
    assert_eq!(error.kind(), ErrorKind::Finalized, "{error}");
    assert!(error.to_string().contains("forked from a rank"), "{error}");
}

/// A segment in which each rank's part holds its number, and the sums of what the parts hold.
fn numbered(world: &World) -> Segment {
    let segment = Segment::allocate(&world.team(), 8 * LEN).unwrap();
    segment.put(world.rank(), 0, &[world.rank() as f64; LEN]).unwrap();
    world.sync().unwrap();
    segment
}

fn expect(segment: &Segment, rank: usize, value: f64) {
    let mut found = [0.0; LEN];
    segment.get(rank, 0, &mut found).unwrap();
    assert_eq!(found, [value; LEN]);
}

/// What a world of one rank can do.
fn use_alone(world: &World) {
    assert_eq!((world.rank(), world.size()), (0, 1));
    let segment = Segment::allocate_zeroed(&world.team(), 8 * LEN).unwrap();
    segment.accumulate(0, 0, &[2.0; LEN], 1.5).unwrap();
    world.sync().unwrap();
    expect(&segment, 0, 3.0);
    let mut sum = [4.0];
    world.team().allreduce(&mut sum, Op::Sum).unwrap();
    assert_eq!((sum, segment.fetch_add(0, 0, 1i64).unwrap()), ([4.0], 3f64.to_bits() as i64));
    segment.free().unwrap();
    world.barrier().unwrap();
}

#[test]
fn a_child_leaves_the_job_alone() {
    everywhere(RANKS, "a_child_leaves_the_job_alone", |world| {
        let (me, right) = (world.rank(), (world.rank() + 1) % world.size());
        let segment = numbered(world);
        let mutexes = MutexSet::create(&world.team(), 1).unwrap();
        let child = || {
            assert!(is_child());
            let part = segment.mapped(me).unwrap().cast::<f64>();
            // SAFETY: the part has LEN elements, which are copy-on-write in a child.
            unsafe { (0..LEN).for_each(|i| part.add(i).write(-1.0)) };
            if world.size() > 1 {
                assert!(!world.is_usable() && !world.is_finalized());
                refused(world.barrier());
                refused(world.sync());
                refused(world.fence(right));
                refused(world.finalize());
                refused(segment.put(right, 0, &[7.0]));
                refused(segment.get(right, 0, &mut [0.0]));
                refused(segment.accumulate(right, 0, &[7.0], 1.0));
                refused(Segment::allocate(&world.team(), 8));
                refused(mutexes.lock(right, 0));
            } else {
                assert!(world.is_usable());
                expect(&segment, 0, -1.0);
            }
            let own = World::init().unwrap();
            use_alone(&own);
            // Nor is there a way to the parent's job once the child has its own.
            if world.size() > 1 {
                assert!(!world.is_usable());
                refused(world.barrier());
                refused(world.sync());
                refused(world.fence(right));
                refused(world.fence_all());
                refused(world.finalize());
                refused(world.team().allreduce(&mut [1.0], Op::Sum));
                refused(world.team().split(Some(0), 0));
                refused(mutexes.lock(right, 0));
                refused(segment.sync());
                refused(segment.fetch_add(right, 0, 1i64));
                refused(segment.wait_signal(0, Compare::AtLeast(1)));
                for rank in [me, right] {
                    refused(segment.put(rank, 0, &[7.0]));
                    refused(segment.get(rank, 0, &mut [0.0]));
                    refused(segment.put_nb(rank, 0, vec![7.0]));
                    refused(segment.accumulate(rank, 0, &[7.0], 1.0));
                }
                assert!(!world.transport().progress());
            }
            // A child of the child keeps its world.
            let inner = || {
                use_alone(&own);
                own.finalize().unwrap();
            };
            assert_eq!(forked(inner), 0);
            assert!(own.is_usable());
            own.finalize().unwrap();
            assert!(own.barrier().is_err());
        };
        for _ in 0..2 {
            let request = segment.get_nb(right, 0, vec![0.0; LEN]).unwrap();
            let mut request = Some(request);
            // What the parent has on its way is not the child's to wait for; dropped it is left behind, as arrays and teams are.
            let drops = || {
                let mut request = request.take().unwrap();
                if segment.mapped(right).is_none() {
                    refused(request.test());
                    refused(request.wait());
                } else {
                    drop(request);
                }
                drop((segment.clone(), world.team(), world.node_team()));
            };
            assert_eq!(forked(drops), 0);
            assert_eq!(request.unwrap().wait().unwrap(), [right as f64; LEN]);
            assert_eq!(forked(child), 0);
            expect(&segment, me, me as f64);
            world.barrier().unwrap();
            expect(&segment, right, right as f64);
        }
        // By one rank alone, and without a word at the end.
        if me == 0 {
            assert_eq!(forked(|| ()), 0);
        }
        world.sync().unwrap();
        assert!(!is_child());
    });
}

#[test]
fn a_child_aborts_alone() {
    spmd(RANKS, "a_child_aborts_alone", |world| {
        assert_eq!(forked(|| world.abort(5, "the child alone")), 5);
        assert_eq!(forked(|| World::init().unwrap().abort(6, "the child alone")), 6);
        world.barrier().unwrap();
    });
}

#[test]
fn a_child_may_begin_anew_when_its_parent_has_ended() {
    spmd(RANKS, "a_child_may_begin_anew_when_its_parent_has_ended", |world| {
        world.finalize().unwrap();
        assert_eq!(forked(|| use_alone(&World::init().unwrap())), 0);
        assert_eq!(World::init().unwrap_err().kind(), ErrorKind::Finalized);
    });
}

/// A child that kept the connection could speak for the rank, and launchers that look at its end wouldn't notice the rank's.
#[test]
fn a_child_has_no_connection_to_the_launcher() {
    spmd(&[1, 2], "a_child_has_no_connection_to_the_launcher", |world| {
        let sockets = || -> Vec<String> {
            let open = std::fs::read_dir("/proc/self/fd").unwrap();
            let names = open.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
            names.filter_map(|name| name.to_str().map(str::to_owned)).collect()
        };
        let Ok(fd) = std::env::var("PMI_FD") else { return };
        let connection = std::fs::read_link(format!("/proc/self/fd/{fd}")).unwrap();
        let connection = connection.to_str().unwrap().to_owned();
        let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let count = || sockets().iter().filter(|name| **name == connection).count();
        assert_eq!(count(), 2, "the launcher's and our copy");
        let child = || {
            assert_eq!(count(), 0);
            assert!(other.local_addr().is_ok(), "sockets of the program stay: {}", other.as_raw_fd());
        };
        assert_eq!(forked(child), 0);
        assert_eq!(count(), 2);
        world.barrier().unwrap();
    });
}

/// The rank ends first; who waits for it learns that, though the child lives and has all that the rank had.
#[test]
fn the_death_of_a_rank_with_children_is_noticed() {
    let job = Job::new("the_death_of_a_rank_with_children_is_noticed").env("GAIN_LAUNCHER", "");
    let outcome = job.outcome(3, |world| {
        world.barrier().unwrap();
        if world.rank() == 1 {
            // SAFETY: the child sleeps and ends without running anything of the parent's.
            unsafe {
                if libc::fork() == 0 {
                    libc::sleep(20);
                    libc::_exit(0);
                }
                libc::_exit(0);
            }
        }
        let error = world.barrier().unwrap_err();
        assert_eq!((error.kind(), error.rank()), (ErrorKind::Died, Some(1)), "{error}");
        std::process::exit(0);
    });
    outcome.expect_survivors("");
}
