//! Models of the protocols in `shm::sync`: loom runs each under every interleaving (up to a number of
//! preemptions) and memory order.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p shm --test loom --release`. The model's futex has no time-out, so a
//! lost wake-up is a deadlock, and each model protects plain data, so a missing ordering is a race; both fail
//! the test.
#![cfg(loom)]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use shm::sync::{
    Barrier, BarrierRow, Counter, Doorbell, Lock, NoHook, Sequence, SpinLock, SpinPolicy, WaitContext,
};

fn context(me: u32) -> WaitContext<'static> {
    // Straight to sleep: the phases before it are the same loop with less to go wrong.
    WaitContext { hook: &NoHook, me, policy: SpinPolicy { spins: 0, yields: 0 } }
}

fn model(preemptions: usize, test: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(test);
}

/// Runs `member(0)`, ..., `member(n - 1)` at the same time, the last one on this thread.
fn members(n: u32, member: impl Fn(u32) + Send + Sync + 'static) {
    let member = Arc::new(member);
    let others: Vec<_> = (0..n - 1)
        .map(|me| {
            let member = member.clone();
            thread::spawn(move || member(me))
        })
        .collect();
    member(n - 1);
    for other in others {
        other.join().unwrap();
    }
}

/// A counter that is not atomic: loom reports any two accesses that nothing orders.
#[derive(Default)]
struct Plain(UnsafeCell<u32>);

// SAFETY: loom's cell checks every access itself; that is the test.
unsafe impl Sync for Plain {}

impl Plain {
    fn add(&self, n: u32) {
        // SAFETY: exclusive if the protocol under test is right; loom checks.
        self.0.with_mut(|value| unsafe { *value += n });
    }

    fn get(&self) -> u32 {
        // SAFETY: as `add`.
        self.0.with(|value| unsafe { *value })
    }
}

#[test]
fn lock_excludes_and_wakes() {
    model(3, || {
        let shared = Arc::new((Lock::default(), Plain::default()));
        let seen = shared.clone();
        members(2, move |me| {
            for _ in 0..2 {
                shared.0.lock(&context(me)).unwrap();
                assert_eq!(shared.0.owner(), Some(me));
                shared.1.add(1);
                shared.0.unlock(me);
            }
        });
        assert_eq!((seen.1.get(), seen.0.owner()), (4, None));
    });
}

#[test]
fn lock_wakes_each_of_two_sleepers() {
    model(2, || {
        let shared = Arc::new((Lock::default(), Plain::default()));
        let seen = shared.clone();
        members(3, move |me| {
            shared.0.lock(&context(me)).unwrap();
            shared.1.add(1);
            shared.0.unlock(me);
        });
        assert_eq!(seen.1.get(), 3);
    });
}

#[test]
fn spin_lock_excludes() {
    model(2, || {
        let shared = Arc::new((SpinLock::default(), Plain::default()));
        let seen = shared.clone();
        members(2, move |me| {
            let _guard = shared.0.lock(&context(me)).unwrap();
            shared.1.add(1);
        });
        assert_eq!((seen.1.get(), seen.0.owner()), (2, None));
    });
}

/// Each member writes its cell before the barrier and reads everybody's after it; a second round checks that
/// flags can be used again while a slow member still looks at the first.
fn barrier_orders(n: u32, rounds: u32, preemptions: usize) {
    model(preemptions, move || {
        let rows: Vec<BarrierRow> = (0..n).map(|_| BarrierRow::default()).collect();
        let cells: Vec<Vec<Plain>> =
            (0..rounds).map(|_| (0..n).map(|_| Plain::default()).collect()).collect();
        let shared = Arc::new((rows, cells));
        members(n, move |me| {
            let barrier = Barrier::new(|member| &shared.0[member], n as usize, me as usize);
            for (cells, number) in shared.1.iter().zip(1..) {
                cells[me as usize].add(me + 1);
                let heard = |here: &Counter, _| here.wait_at_least(number, &context(me)).map(drop);
                assert!(barrier.wait(number, [7, number], heard).unwrap());
                let sum: u32 = cells.iter().map(Plain::get).sum();
                assert_eq!(sum, n * (n + 1) / 2);
            }
        });
    });
}

#[test]
fn barrier_of_two_three_times() {
    barrier_orders(2, 3, 3);
}

#[test]
fn barrier_of_three() {
    barrier_orders(3, 1, 2);
}

#[test]
fn doorbell_delivers_what_was_written_before() {
    model(3, || {
        let shared = Arc::new((Doorbell::default(), Doorbell::default(), Plain::default()));
        let seen = shared.clone();
        members(2, move |me| {
            let (there, back, data) = (&shared.0, &shared.1, &shared.2);
            for round in 0..2 {
                if me == 0 {
                    data.add(1);
                    there.ring();
                    back.wait(&context(me)).unwrap();
                } else {
                    there.wait(&context(me)).unwrap();
                    assert_eq!(data.get(), 2 * round + 1);
                    data.add(1);
                    back.ring();
                }
            }
        });
        assert_eq!(seen.2.get(), 4);
    });
}

#[test]
fn sequence_wakes_waiters_with_different_targets() {
    model(2, || {
        let shared = Arc::new((Sequence::default(), Plain::default()));
        members(3, move |me| match me {
            0 => {
                shared.1.add(5);
                shared.0.add(1);
                shared.0.add(1);
            }
            target => {
                assert!(
                    shared.0.wait_at_least(u64::from(target), &context(me)).unwrap() >= u64::from(target)
                );
                assert_eq!(shared.1.get(), 5);
            }
        });
    });
}

#[test]
fn sequence_published_by_one_writer() {
    model(3, || {
        let shared = Arc::new((Sequence::default(), Plain::default()));
        members(2, move |me| {
            if me == 0 {
                shared.1.add(1);
                shared.0.publish(7);
            } else {
                assert_eq!(shared.0.wait_at_least(7, &context(me)), Ok(7));
                assert_eq!(shared.1.get(), 1);
            }
        });
    });
}
