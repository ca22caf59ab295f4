//! The protocol over an engine that does everything an engine may do to it.

mod forged;
mod unruly;

use super::message::{Head, Kind, Packed};
use super::peer::{Peer, Transfer, Work};
use super::requests::Awaits;
use super::wire::Progress;
use super::wire::Sink;
use super::{Net, Surroundings};
use crate::bootstrap::{Node, Single};
use crate::directory::{Directory, written};
use crate::layout::Layout;
use crate::stall::Watch;
use crate::transport::{Amo, Held, Moving, Remote, Rows, Runs, SignalUpdate, Token, Transport};
use proptest::prelude::*;
use shm::sync::Lock;
use shm::{DType, Heap, HeapConfig};
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use unruly::{Post, Unruly};

/// What their messages say of their job.
const JOB: u64 = 0x5eed;

/// Two processes' transports, each with a heap of its own and a block of `len` zeros in it.
fn pair(len: usize, seed: u64) -> ([Arc<Net>; 2], [Arc<Heap>; 2], usize) {
    let post: Post = Arc::new(Mutex::new(vec![Vec::new(); 2]));
    let mut block = 0;
    let mut make = |me: usize| {
        let heap = Arc::new(Heap::create(HeapConfig { ranks: 1, limit_bytes: Some(64 << 20) }).unwrap());
        block = heap.allocate_zeroed(len, 64).unwrap().offset;
        let node = Node::discover(&mut Single::default()).unwrap();
        let wire = Unruly::new(post.clone(), me, seed);
        let around = Surroundings {
            policy: heap.spin_policy(1),
            watch: Arc::new(Watch::new(heap.clone(), node, String::new())),
            layout: Arc::new(Layout::new(me, &[0, 1])),
            heap: heap.clone(),
            direct: true,
            // A helper would spin; see `served`.
            progress: Progress::Poll,
            inbox: Default::default(),
            hosts: ["a".into(), "b".into()].into(),
            job: JOB,
        };
        let directory = Directory::own(written([&b"here"[..]; 2].into_iter()), 2);
        (Net::start(Box::new(wire), directory, around).unwrap(), heap)
    };
    let ((a, heap_a), (b, heap_b)) = (make(0), make(1));
    ([a, b], [heap_a, heap_b], block)
}

/// Acts while `peer` turns its crank, as its helper would.
fn served<R>(peer: &Net, act: impl FnOnce() -> R) -> R {
    struct Until<'a>(&'a AtomicBool);
    impl Drop for Until<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                if !peer.inside().progress() {
                    std::thread::yield_now();
                }
            }
        });
        // Also when an assertion fails, or nobody would learn of it.
        let _until = Until(&is_over);
        act()
    })
}

/// One operation on the peer's block, all in bytes.
#[derive(Clone, Debug)]
enum Action {
    Put { at: usize, data: Vec<u8> },
    Accumulate { at: usize, data: Vec<i64>, alpha: i64 },
    Get { at: usize, len: usize },
    PutRows { at: usize, run: usize, rows: usize, stride: usize, seed: u8 },
    GetRows { at: usize, run: usize, rows: usize, stride: usize },
    PutRuns { at: Vec<usize>, len: usize, seed: u8 },
    AccumulateRuns { at: Vec<usize>, alpha: i64 },
    GetRuns { at: Vec<usize>, len: usize },
    Add { at: usize, value: u64 },
    Signal { at: usize, value: u64 },
    PutSignal { at: usize, data: Vec<u8>, word: usize, value: u64 },
    Fence,
}

const BLOCK: usize = 32 * 1024;

fn action() -> impl Strategy<Value = Action> {
    let at = 0..BLOCK / 2;
    let word = (0..BLOCK / 16).prop_map(|word| word * 8);
    let rows = (0..BLOCK / 4, 1usize..300, 1usize..40, 0usize..64);
    let put_rows = (rows.clone(), any::<u8>());
    let places = proptest::collection::vec(0..BLOCK / 2, 0..500);
    let words = proptest::collection::vec((0..BLOCK / 8).prop_map(|word| word * 8), 0..500);
    prop_oneof![
        (at.clone(), proptest::collection::vec(any::<u8>(), 0..9000))
            .prop_map(|(at, data)| Action::Put { at, data }),
        (word.clone(), proptest::collection::vec(-9i64..9, 0..1500), -3i64..4)
            .prop_map(|(at, data, alpha)| Action::Accumulate { at, data, alpha }),
        (at.clone(), 0..BLOCK / 2).prop_map(|(at, len)| Action::Get { at, len }),
        put_rows.prop_map(|((at, run, rows, gap), seed)| Action::PutRows {
            at,
            run,
            rows,
            stride: run + gap,
            seed
        }),
        rows.prop_map(|(at, run, rows, gap)| Action::GetRows { at, run, rows, stride: run + gap }),
        (places.clone(), 0usize..700, any::<u8>()).prop_map(|(at, len, seed)| Action::PutRuns {
            at,
            len,
            seed
        }),
        (words, -3i64..4).prop_map(|(at, alpha)| Action::AccumulateRuns { at, alpha }),
        (places, 0usize..700).prop_map(|(at, len)| Action::GetRuns { at, len }),
        (word.clone(), any::<u64>()).prop_map(|(at, value)| Action::Add { at, value }),
        (word.clone(), any::<u64>()).prop_map(|(at, value)| Action::Signal { at, value }),
        (at, proptest::collection::vec(any::<u8>(), 0..9000), word, any::<u64>())
            .prop_map(|(at, data, word, value)| Action::PutSignal { at, data, word, value }),
        Just(Action::Fence),
    ]
}

/// Does it over the transport and to the model; gets are compared when they are waited for, at the end.
fn apply(
    net: &Net,
    block: usize,
    model: &mut [u8],
    action: &Action,
    gets: &mut Vec<(Token, Vec<u8>, Vec<u8>)>,
) {
    let there = |at: usize| Remote { rank: 1, offset: block + at };
    match action {
        Action::Put { at, data } => {
            // SAFETY: waited for at once.
            let token = unsafe { net.put(there(*at), data.as_ptr(), data.len()) }.unwrap();
            net.wait(token).unwrap();
            model[*at..*at + data.len()].copy_from_slice(data);
        }
        Action::Accumulate { at, data, alpha } => {
            let rows = Rows { remote_strides: &[], local_strides: &[], counts: &[data.len() * 8] };
            let alpha_at = (&raw const *alpha).cast();
            let token =
                // SAFETY: waited for at once.
                unsafe { net.accumulate(there(*at), rows, DType::I64, data.as_ptr().cast(), alpha_at) }
                    .unwrap();
            net.wait(token).unwrap();
            for (index, value) in data.iter().enumerate() {
                let word = &mut model[*at + index * 8..][..8];
                let old = i64::from_ne_bytes(word.try_into().unwrap());
                word.copy_from_slice(&old.wrapping_add(alpha.wrapping_mul(*value)).to_ne_bytes());
            }
        }
        Action::Get { at, len } => {
            let mut data = vec![0; *len];
            // SAFETY: the vector is kept until the token is waited for.
            let token = unsafe { net.get(there(*at), data.as_mut_ptr(), *len) }.unwrap();
            gets.push((token, data, model[*at..*at + len].to_vec()));
        }
        Action::PutRows { at, run, rows, stride, seed } => {
            let data: Vec<u8> = (0..run * rows * 2).map(|i| (i as u8).wrapping_mul(*seed)).collect();
            let shape = Rows {
                remote_strides: &[*stride as isize],
                local_strides: &[2 * *run as isize],
                counts: &[*run, *rows],
            };
            // SAFETY: waited for at once.
            let token = unsafe { net.put_strided(there(*at), shape, data.as_ptr()) }.unwrap();
            net.wait(token).unwrap();
            for row in 0..*rows {
                model[at + row * stride..][..*run].copy_from_slice(&data[row * 2 * run..][..*run]);
            }
        }
        Action::GetRows { at, run, rows, stride } => {
            let mut data = vec![0; run * rows];
            let shape = Rows {
                remote_strides: &[*stride as isize],
                local_strides: &[*run as isize],
                counts: &[*run, *rows],
            };
            // SAFETY: the vector is kept until the token is waited for.
            let token = unsafe { net.get_strided(there(*at), shape, data.as_mut_ptr()) }.unwrap();
            let expected = (0..*rows).flat_map(|row| model[at + row * stride..][..*run].to_vec()).collect();
            gets.push((token, data, expected));
        }
        Action::PutRuns { at, len, seed } => {
            let mut data: Vec<u8> =
                (0..at.len() * len * 2).map(|i| (i as u8).wrapping_mul(*seed) ^ (i >> 8) as u8).collect();
            let local: Vec<usize> = (0..at.len()).map(|index| 2 * index * len).collect();
            let runs = Runs { remote: at, local: &local, len: *len };
            // SAFETY: the runs lie in the block and in the vector.
            if !unsafe { net.move_runs(there(0), runs, data.as_mut_ptr(), Moving::Put) }.unwrap() {
                for (to, from) in at.iter().zip(&local) {
                    // SAFETY: waited for at once.
                    let token = unsafe { net.put(there(*to), data[*from..].as_ptr(), *len) }.unwrap();
                    net.wait(token).unwrap();
                }
            }
            for (to, from) in at.iter().zip(local) {
                model[*to..to + len].copy_from_slice(&data[from..from + len]);
            }
        }
        Action::AccumulateRuns { at, alpha } => {
            let mut data: Vec<i64> = (0..at.len() as i64).map(|i| i * 77 - 5).collect();
            let local: Vec<usize> = (0..at.len()).map(|index| 8 * index).collect();
            let runs = Runs { remote: at, local: &local, len: 8 };
            let moving = Moving::Accumulate { dtype: DType::I64, alpha: (&raw const *alpha).cast() };
            // SAFETY: the runs are aligned elements of the block and of the vector.
            if unsafe { net.move_runs(there(0), runs, data.as_mut_ptr().cast(), moving) }.unwrap() {
                for (at, value) in at.iter().zip(data) {
                    let word = &mut model[*at..][..8];
                    let old = i64::from_ne_bytes((&*word).try_into().unwrap());
                    word.copy_from_slice(&old.wrapping_add(alpha.wrapping_mul(value)).to_ne_bytes());
                }
            } else {
                assert!(at.len() < 2, "words are packed");
            }
        }
        Action::GetRuns { at, len } => {
            let mut data = vec![0; at.len() * len];
            // In the opposite order.
            let local: Vec<usize> = (0..at.len()).rev().map(|index| index * len).collect();
            let runs = Runs { remote: at, local: &local, len: *len };
            // SAFETY: the runs lie in the block and in the vector.
            if unsafe { net.move_runs(there(0), runs, data.as_mut_ptr(), Moving::Get) }.unwrap() {
                let runs = at.iter().rev().flat_map(|at| model[*at..at + len].to_vec());
                assert_eq!(data, runs.collect::<Vec<u8>>());
            }
        }
        Action::Add { at, value } => {
            // SAFETY: an aligned word of the block.
            let old = unsafe { net.amo(there(*at), Amo::Add, 8, *value, 0) }.unwrap();
            let word = &mut model[*at..*at + 8];
            assert_eq!(old, u64::from_ne_bytes(word.try_into().unwrap()));
            word.copy_from_slice(&old.wrapping_add(*value).to_ne_bytes());
        }
        Action::Signal { at, value } => {
            // SAFETY: an aligned word of the block.
            unsafe { net.signal(there(*at), SignalUpdate::Set(*value)) }.unwrap();
            model[*at..*at + 8].copy_from_slice(&value.to_ne_bytes());
        }
        Action::PutSignal { at, data, word, value } => {
            let (word_at, update) = (block + word, SignalUpdate::Add(*value));
            // SAFETY: an aligned word of the block; waited for at once.
            let token =
                unsafe { net.put_signal(there(*at), data.as_ptr(), data.len(), word_at, update) }.unwrap();
            net.wait(token).unwrap();
            model[*at..*at + data.len()].copy_from_slice(data);
            let word = &mut model[*word..*word + 8];
            let old = u64::from_ne_bytes((&*word).try_into().unwrap());
            word.copy_from_slice(&old.wrapping_add(*value).to_ne_bytes());
        }
        Action::Fence => net.fence(1).unwrap(),
    }
}

fn memory(heap: &Heap, block: usize, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    // SAFETY: the block is allocated, and quiet after a fence.
    unsafe { shm::copy::copy(bytes.as_mut_ptr(), heap.address(0, block), len) };
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn operations_take_effect_in_the_order_of_issue(
        actions in proptest::collection::vec(action(), 1..60),
        seed in any::<u64>(),
    ) {
        let ([a, b], [_, heap], block) = pair(BLOCK, seed);
        let (mut model, mut gets) = (vec![0; BLOCK], Vec::new());
        served(&b, || {
            for action in &actions {
                apply(&a, block, &mut model, action, &mut gets);
            }
            for (token, data, expected) in gets {
                a.wait(token).unwrap();
                prop_assert_eq!(data, expected);
            }
            a.fence_all().unwrap();
            Ok(())
        })?;
        prop_assert_eq!(memory(&heap, block, BLOCK), model);
    }
}

#[test]
fn both_may_send_more_than_the_windows_at_once() {
    let ([a, b], heaps, block) = pair(8, 7);
    let add = |net: &Net, to: usize| {
        let one = 1u64;
        let rows = Rows { remote_strides: &[], local_strides: &[], counts: &[8] };
        let at = (&raw const one).cast::<u8>();
        for _ in 0..20_000 {
            let place = Remote { rank: to, offset: block };
            // SAFETY: the operand lives until the transport is fenced.
            unsafe { net.accumulate(place, rows, DType::U64, at, at) }.unwrap();
        }
        net.fence(to).unwrap();
    };
    let both = || {
        std::thread::scope(|scope| {
            scope.spawn(|| add(&a, 1));
            scope.spawn(|| add(&b, 0));
        })
    };
    // Who is through first has still to serve the other.
    served(&a, || served(&b, both));
    for heap in heaps {
        assert_eq!(memory(&heap, block, 8), 20_000u64.to_ne_bytes());
    }
}

#[test]
fn a_mutex_is_had_by_one_at_a_time_and_handed_on() {
    let ([a, b], [_, heap], block) = pair(size_of::<Lock>() + 8, 9);
    let (lock, counter) =
        (Remote { rank: 1, offset: block }, Remote { rank: 1, offset: block + size_of::<Lock>() });
    // SAFETY: the block begins with a zeroed lock; the counter is an aligned word behind it.
    served(&b, || unsafe {
        assert_eq!(a.lock(lock, true, Location::caller()).unwrap(), Held::Done);
        assert_eq!(a.lock(lock, true, Location::caller()).unwrap(), Held::By(0));
        assert_eq!(a.unlock(lock).unwrap(), Held::Done);
        assert_eq!(a.unlock(lock).unwrap(), Held::Free);
        // Rank 1 goes through memory, as owners do.
        let local = &*heap.address(0, block).cast::<Lock>();
        assert!(local.try_lock(1));
        assert_eq!(a.lock(lock, false, Location::caller()).unwrap(), Held::By(1));
        let waiting = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| a.lock(lock, true, Location::caller()).unwrap());
            let mut old = [0u8; 8];
            a.wait(a.get(counter, old.as_mut_ptr(), 8).unwrap()).unwrap();
            assert_eq!(local.owner(), Some(1));
            local.unlock(1);
            waiting.join().unwrap()
        });
        assert_eq!((waiting, local.owner()), (Held::Done, Some(0)));
    });
}

/// Oracle: memory that was given back keeps what its next owner writes.
#[test]
fn a_request_given_up_touches_nothing_any_more() {
    for seed in 0..32 {
        let ([a, b], [_, heap], block) = pair(1 << 16, seed);
        let there = Remote { rank: 1, offset: block };
        // SAFETY: a part of the block, which nobody else uses.
        unsafe { heap.address(0, block).write_bytes(7, 1 << 16) };
        let mut data = vec![1u8; 1 << 16];
        let len = if seed % 4 < 2 { 1 << 16 } else { 64 };
        // SAFETY: the memory is the request's until it is closed.
        let token = unsafe { a.get(there, data.as_mut_ptr(), len) }.unwrap();
        // As an interrupted wait does.
        a.inside().cancel(1, token);
        while super::closed(&mut a.inside(), token).is_none() {
            a.progress();
        }
        data.fill(2);
        served(&b, || a.fence(1).unwrap());
        for _ in 0..1000 {
            a.progress();
        }
        assert!(data.iter().all(|&byte| byte == 2), "seed {seed}");
        // What was asked for and not waited for fills no window.
        let mut again = vec![0u8; 1 << 16];
        for _ in 0..40 {
            // SAFETY: as above.
            let get = || a.wait(unsafe { a.get(there, again.as_mut_ptr(), 1 << 16) }.unwrap());
            served(&b, get).unwrap();
        }
        assert!(again.iter().all(|&byte| byte == 7));
    }
}

/// Oracle: the lock itself.
#[test]
fn a_mutex_granted_to_nobody_goes_back() {
    for seed in 0..16 {
        let ([a, b], [_, heap], block) = pair(size_of::<Lock>(), seed);
        // SAFETY: the block is a zeroed lock.
        let local = unsafe { &*heap.address(0, block).cast::<Lock>() };
        assert!(local.try_lock(1));
        let mut engine = a.inside();
        let token = engine.core.requests.open("lock", 1, 1);
        engine.core.requests.get(token).unwrap().awaits = Awaits::Grant(block as u64);
        let head =
            Head { variant: 1, offset: block as u64, token: token.number(), ..Head::new(Kind::Lock, 0) };
        let work = Work::Small(Box::new(Packed::new(head, None, None)));
        engine.start(1, Transfer { work, token, op: "lock" }).unwrap();
        drop(engine);
        served(&b, || {
            a.fence(1).unwrap();
            a.inside().cancel(1, token);
            assert!(super::closed(&mut a.inside(), token).is_some());
            local.unlock(1);
            // It is granted, comes back, and is to be had.
            while !local.try_lock(1) {
                a.progress();
            }
            a.fence(1).unwrap();
        });
        assert_eq!(local.owner(), Some(1));
    }
}

/// Oracle: what the same message does when it says the job's word.
#[test]
fn messages_of_other_jobs_are_dropped_and_counted() {
    let ([a, _b], [heap, _], block) = pair(64, 1);
    let put = |job: u64| {
        let head = Head { job, number: 1, offset: block as u64, len: 8, ..Head::new(Kind::Put, 1) };
        let mut bytes = Packed::new(head, None, None).bytes().to_vec();
        bytes.extend([7u8; 8]);
        let mut engine = a.inside();
        engine.core.message(&bytes, &[]);
        // SAFETY: a part of the block, which nobody else uses.
        let word = unsafe { heap.address(0, block).cast::<u64>().read() };
        (word != 0, engine.core.peers.contains_key(&1), engine.core.strangers)
    };
    assert_eq!(put(JOB ^ 1 << 63), (false, false, 1));
    assert_eq!(put(0), (false, false, 2));
    assert!(a.describe().contains("; 2 messages of no rank of this job were dropped"));
    assert_eq!(put(JOB), (true, true, 2));
}

/// Oracle: when the peer fell silent, and when it was looked at.
#[test]
fn silence_counts_while_somebody_looks() {
    let ([a, b], _heaps, block) = pair(4096, 3);
    let there = Remote { rank: 1, offset: block };
    // SAFETY: waited for at once.
    let put = || a.wait(unsafe { a.put(there, [1u8; 8].as_ptr(), 8) }.unwrap()).unwrap();
    served(&b, || {
        put();
        a.fence(1).unwrap();
    });
    // Nobody makes progress there from here on.
    let silent = b.inside();
    put();
    let look = |tenths: u64| {
        let mut engine = a.inside();
        engine.check_peer(1, tenths * 100_000_000, 6_000_000_000);
        let peer = engine.core.peers.get(&1).unwrap();
        (peer.broken.is_some(), peer.asked > peer.acked)
    };
    // What was not asked for an answer is asked now.
    assert!((10..50).any(|tenths| look(tenths) == (false, true)));
    // Nobody looked for a while, as when this process was stopped, too.
    assert!(!look(600).0);
    assert!((601..660).all(|tenths| !look(tenths).0));
    assert!((660..700).any(|tenths| look(tenths).0));
    drop(silent);
}

/// Oracle: whom the waits name. Others talked to may be busy with their own.
#[test]
fn who_waits_asks_whom_it_waits_for() {
    let ([a, b], _heaps, block) = pair(4096, 3);
    let there = Remote { rank: 1, offset: block };
    served(&b, || {
        // SAFETY: waited for at once.
        a.wait(unsafe { a.put(there, [1u8; 8].as_ptr(), 8) }.unwrap()).unwrap();
        a.fence(1).unwrap();
    });
    let looked = || a.inside().core.peers[&1].looked_ns;
    for tenths in 1..100 {
        a.inside().check_peer(0, tenths * 100_000_000, 6_000_000_000);
    }
    assert_eq!(looked(), 0);
    a.inside().check_peer(1, 100 * 100_000_000, 6_000_000_000);
    assert_eq!(looked(), 100 * 100_000_000);
}

/// Oracle: the engine is held by somebody else meanwhile.
#[test]
fn a_fence_inside_the_node_needs_no_network() {
    let ([a, _b], ..) = pair(64, 5);
    let _held = a.inside();
    a.fence(0).unwrap();
}

/// What `docs/src/network.md` says of the memory that a job's ranks cost: those never talked to, and those talked to.
#[test]
fn a_peer_costs_what_the_book_says() {
    assert!((300..=360).contains(&size_of::<Peer>()), "{} bytes", size_of::<Peer>());
}
