//! The crate as several processes use it: each test forks its ranks and runs under a deadline.
#![cfg(not(loom))]

mod fork;

use fork::{Child, alone, attach, job};
use shm::accumulate::{Target, accumulate};
use shm::sync::{
    Barrier, BarrierRow, Doorbell, Lock, Sequence, SpinPolicy, WaitContext, WaitError, WaitHook, wait_until,
};
use shm::{Heap, HeapConfig};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

const MIB: usize = 1 << 20;

/// Gives up after a while, and knows who is dead.
struct Patience<'a>(&'a Heap);

impl WaitHook for Patience<'_> {
    fn on_slow(&self, waited: Duration) -> Result<(), WaitError> {
        if waited > Duration::from_secs(20) { Err(WaitError::Interrupted { code: 1 }) } else { Ok(()) }
    }
    fn is_dead(&self, owner: u32) -> bool {
        self.0.is_dead(owner as usize)
    }
}

/// Runs `body` with a wait context of this rank.
fn waiting<R>(heap: &Heap, policy: SpinPolicy, body: impl FnOnce(&WaitContext<'_>) -> R) -> R {
    let hook = Patience(heap);
    body(&WaitContext { hook: &hook, me: heap.rank() as u32, policy })
}

/// What the ranks of a test share, at the start of the root area.
#[repr(C)]
#[derive(Default)]
struct Shared {
    lock: Lock,
    bell: Doorbell,
    sequence: Sequence,
    numbers: [AtomicU64; 8],
    barriers: [AtomicU64; 4],
    rows: [BarrierRow; 4],
}

fn shared(heap: &Heap) -> &Shared {
    let (area, len) = heap.root_area();
    assert!(len >= size_of::<Shared>() && len >= (64 + 16 * heap.ranks()) * 1024);
    // SAFETY: page aligned zeroed memory of sufficient size that lives as long as the heap; all fields are
    // shared types whose initial state is zero.
    unsafe { area.cast::<Shared>().as_ref() }
}

fn barrier(heap: &Heap) {
    assert!(meet(heap, SpinPolicy::SHARED, [0; 2]));
}

/// A barrier; whether all ranks said the same.
fn meet(heap: &Heap, policy: SpinPolicy, say: [u64; 2]) -> bool {
    let shared = shared(heap);
    let number = shared.barriers[heap.rank()].fetch_add(1, SeqCst) + 1;
    let barrier = Barrier::new(|rank| &shared.rows[rank], heap.ranks(), heap.rank());
    waiting(heap, policy, |ctx| {
        barrier.wait(number, say, |here, _| here.wait_at_least(number, ctx).map(drop))
    })
    .unwrap()
}

#[test]
fn every_rank_sees_every_block() {
    job(4, 256 << 20, |heap| {
        let block = heap.allocate(3 * MIB, 4096).unwrap();
        let mine = heap.address(heap.rank(), block.offset).cast::<u64>();
        for i in 0..block.len / 8 {
            // SAFETY: inside our block, which nobody reads before the barrier.
            unsafe { mine.add(i).write((heap.rank() * 1_000_000 + i) as u64) };
        }
        shared(heap).numbers[heap.rank()].store(block.offset as u64, SeqCst);
        barrier(heap);
        for rank in 0..heap.ranks() {
            let theirs = heap.address(rank, shared(heap).numbers[rank].load(SeqCst) as usize).cast::<u64>();
            for i in (0..3 * MIB / 8).step_by(101) {
                // SAFETY: inside the peer's block, written before the barrier.
                assert_eq!(unsafe { theirs.add(i).read() }, (rank * 1_000_000 + i) as u64);
            }
            assert!(heap.pid(rank) != 0 && !heap.is_dead(rank));
        }
        barrier(heap);
        heap.free(block.offset);
    });
}

#[test]
fn running_out_is_a_value_and_memory_moves_between_ranks() {
    job(2, 64 << 20, |heap| {
        if heap.rank() == 0 {
            let blocks: Vec<_> = std::iter::from_fn(|| heap.allocate(8 * MIB, 64).ok()).collect();
            assert_eq!(blocks.len(), 8);
            for block in &blocks {
                // SAFETY: our own block: every byte has its page, or this would be a SIGBUS.
                unsafe { heap.address(0, block.offset).write_bytes(1, block.len) };
            }
            let error = heap.allocate(8 * MIB, 64).unwrap_err();
            assert_eq!((error.asked, error.free, error.limit), (8 << 20, 0, 64 << 20));
            assert!(error.to_string().contains("8388608") && error.to_string().contains("67108864"));
            barrier(heap);
            barrier(heap);
            // Freed memory stays here for reuse until somebody else has asked in vain; the next call then
            // returns it.
            blocks.iter().for_each(|block| heap.free(block.offset));
            barrier(heap);
            barrier(heap);
            heap.free(heap.allocate(1, 64).unwrap().offset);
            assert_eq!(heap.usage().0, 2 << 20);
            barrier(heap);
            barrier(heap);
        } else {
            barrier(heap);
            assert!(heap.allocate(1, 64).is_err());
            barrier(heap);
            barrier(heap);
            assert!(heap.allocate(60 * MIB, 64).is_err());
            barrier(heap);
            barrier(heap);
            let block = heap.allocate(60 * MIB, 64).unwrap();
            // SAFETY: our own block.
            unsafe { heap.address(1, block.offset).write_bytes(2, block.len) };
            assert_eq!(heap.usage(), (62 << 20, 64 << 20));
            barrier(heap);
        }
    });
}

/// Bytes of a heap's file that have pages.
fn bytes_of(heap: &Heap) -> u64 {
    let file = std::fs::File::from(heap.fd().unwrap().try_clone_to_owned().unwrap());
    file.metadata().unwrap().blocks() * 512
}

#[test]
fn a_rank_commits_its_own_part_of_the_root_whatever_the_number_of_ranks() {
    for ranks in [2, 8, 256] {
        let heap = Heap::create(HeapConfig { ranks, limit_bytes: Some(64 << 20) }).unwrap();
        let before = bytes_of(&heap);
        assert!(before < (256 << 10) + ranks as u64 * 512, "{before} bytes for {ranks} ranks");
        let file = heap.fd().unwrap().try_clone_to_owned().unwrap();
        let peer = Heap::attach(file, ranks - 1).unwrap();
        assert_eq!(bytes_of(&heap) - before, 80 << 10);
        drop(peer);
    }
}

#[test]
fn what_is_reserved_has_memory_once_it_is_committed() {
    for ranks in [1, 2] {
        let heap = Heap::create(HeapConfig { ranks, limit_bytes: Some(64 << 20) }).unwrap();
        let room = heap.reserve(66 * MIB).unwrap();
        assert_eq!((heap.usage().0, room.offset % (2 * MIB)), (0, 0));
        heap.commit(room.offset + 3 * MIB, 2 * MIB).unwrap();
        assert_eq!(heap.usage().0, 4 << 20);
        heap.commit(room.offset + 2 * MIB, 4 * MIB).unwrap();
        assert_eq!(heap.usage().0, 4 << 20, "it has that already");
        // SAFETY: our own block, committed.
        unsafe { heap.address(0, room.offset + 2 * MIB).write_bytes(1, 4 * MIB) };
        let error = heap.commit(room.offset, 66 * MIB).unwrap_err();
        assert_eq!((error.free, error.limit), (60 << 20, 64 << 20));
        // What is reserved is in use, with memory or without: being short of memory takes nothing of it.
        let block = heap.allocate(60 * MIB, 64).unwrap();
        assert!(heap.allocate(1, 64).is_err());
        assert_eq!(heap.usage().0, 64 << 20);
        heap.free(room.offset);
        let again = heap.allocate(4 * MIB, 64).unwrap();
        heap.free(block.offset);
        heap.free(again.offset);
        let whole = heap.allocate(64 * MIB, 64).unwrap();
        assert_eq!((heap.usage().0, whole.len), (64 << 20, 64 * MIB));
    }
}

#[test]
fn more_than_the_machine_has_is_refused_without_touching_it() {
    let _alone = alone();
    let machine = machine_bytes();
    for ranks in [1, 2] {
        // A limit that promises more than there is: the system is asked before a page is touched.
        let heap = Heap::create(HeapConfig { ranks, limit_bytes: Some(2 * machine) }).unwrap();
        let error = heap.allocate(machine as usize, 64).unwrap_err();
        assert!(error.asked == machine && error.free < machine && error.limit == 2 * machine, "{error}");
        assert!(heap.allocate(usize::MAX, 64).is_err());
        assert_eq!(heap.usage().0, 0);
        let zeroed = heap.allocate_zeroed(100_000, 64).unwrap();
        // SAFETY: our own block.
        let bytes = unsafe { std::slice::from_raw_parts(heap.address(0, zeroed.offset), 100_000) };
        assert!(bytes.iter().all(|byte| *byte == 0));
    }
}

#[test]
fn unused_memory_goes_back_to_the_kernel_beyond_the_mark() {
    let _alone = alone();
    for ranks in [1, 2] {
        let heap = Heap::create(HeapConfig { ranks, limit_bytes: Some(1 << 30) }).unwrap();
        let mark = (1usize << 30) / ranks / 2;
        let blocks: Vec<_> = (0..12).map(|_| heap.allocate(64 * MIB, 64).unwrap()).collect();
        assert_eq!(heap.usage().0, 768 << 20);
        for block in &blocks[1..] {
            heap.free(block.offset);
        }
        assert!(heap.usage().0 as usize <= 64 * MIB + mark, "{:?}", heap.usage());
        let again = heap.allocate(700 * MIB, 64).unwrap();
        // SAFETY: our own block; parts of it were given back and came again.
        unsafe { heap.address(0, again.offset).write_bytes(3, again.len) };
    }
}

#[test]
fn barriers_keep_four_ranks_in_step() {
    for policy in [SpinPolicy::SHARED, SpinPolicy::DEDICATED, SpinPolicy { spins: 0, yields: 0 }] {
        for ranks in [2, 3, 4] {
            job(ranks, 16 << 20, |heap| {
                let shared = shared(heap);
                for round in 0..200 {
                    shared.numbers[heap.rank()].store(round, SeqCst);
                    // In some rounds one of them says something else.
                    let odd = (round % 3 == 0).then_some(round as usize % ranks);
                    let says = if odd == Some(heap.rank()) { [round, 1] } else { [round, 0] };
                    assert_eq!(meet(heap, policy, says), odd.is_none());
                    for number in &shared.numbers[..ranks] {
                        assert_eq!(number.load(SeqCst), round);
                    }
                    assert!(meet(heap, policy, [0; 2]));
                }
            });
        }
    }
}

#[test]
fn a_lock_excludes_processes() {
    for policy in [SpinPolicy::DEDICATED, SpinPolicy { spins: 0, yields: 0 }] {
        job(3, 16 << 20, |heap| {
            let Shared { lock, numbers: [number, ..], .. } = shared(heap);
            for _ in 0..2000 {
                waiting(heap, policy, |ctx| lock.lock(ctx)).unwrap();
                // Two steps, so that a second process in here would lose updates.
                let value = number.load(SeqCst);
                number.store(value + 1, SeqCst);
                lock.unlock(heap.rank() as u32);
            }
            barrier(heap);
            assert_eq!(number.load(SeqCst), 3 * 2000);
        });
    }
}

#[test]
fn bells_and_sequences_cross_processes() {
    job(2, 16 << 20, |heap| {
        let Shared { bell, sequence, .. } = shared(heap);
        waiting(heap, SpinPolicy { spins: 0, yields: 0 }, |ctx| {
            for round in 0..1000 {
                if heap.rank() == 0 {
                    bell.ring();
                    sequence.wait_at_least(round + 1, ctx).unwrap();
                } else {
                    bell.wait(ctx).unwrap();
                    assert!(!bell.try_take());
                    assert_eq!(sequence.add(1), round);
                }
            }
        });
    });
}

#[test]
fn a_dead_owner_is_noticed_within_a_second() {
    let _alone = alone();
    let heap = Heap::create(HeapConfig { ranks: 2, limit_bytes: Some(16 << 20) }).unwrap();
    let shared = shared(&heap);
    let child = Child::spawn(|| {
        let heap = attach(&heap, 1);
        assert!(shared.lock.try_lock(heap.rank() as u32));
        shared.bell.ring();
        std::thread::sleep(Duration::from_secs(50));
    });
    waiting(&heap, SpinPolicy::SHARED, |ctx| shared.bell.wait(ctx)).unwrap();
    assert_eq!(shared.lock.owner(), Some(1));
    child.kill();
    let began = Instant::now();
    let result = waiting(&heap, SpinPolicy::SHARED, |ctx| shared.lock.lock(ctx));
    assert_eq!(result, Err(WaitError::OwnerDied { owner: 1 }));
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    // The child is a zombie until now, and gone afterwards: dead either way.
    assert!(heap.is_dead(1));
    assert_eq!(child.wait(Duration::from_secs(5)), 128 + libc::SIGKILL);
    assert!(heap.is_dead(1) && !heap.is_dead(0));
}

/// What the machine has, as the kernel counts it.
fn machine_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// The processes that map the memory file with this inode: as long as there is one, its pages exist, and no
/// longer.
fn holders(inode: u64) -> Vec<u32> {
    let (inode, mut holders) = (inode.to_string(), Vec::new());
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = process.file_name().to_string_lossy().parse::<u32>() else { continue };
        let maps = std::fs::read_to_string(process.path().join("maps")).unwrap_or_default();
        let mut files = maps.lines().filter(|line| line.contains("memfd:gain-heap"));
        if files.any(|line| line.split_ascii_whitespace().nth(4) == Some(&inode)) {
            holders.push(pid);
        }
    }
    holders
}

#[test]
fn a_rank_killed_while_allocating_leaves_nothing() {
    let _alone = alone();
    for round in 0..8 {
        let heap = Heap::create(HeapConfig { ranks: 2, limit_bytes: Some(1 << 30) }).unwrap();
        let file = std::fs::File::from(heap.fd().unwrap().try_clone_to_owned().unwrap());
        let inode = file.metadata().unwrap().ino();
        drop(file);
        let child = Child::spawn(|| {
            let heap = attach(&heap, 1);
            shared(&heap).bell.ring();
            let mut blocks = std::collections::VecDeque::new();
            for size in (1..).map(|i: usize| i * 7919 % (24 * MIB)) {
                blocks.push_back(heap.allocate(size, 64).unwrap());
                if blocks.len() > 20 {
                    heap.free(blocks.pop_front().unwrap().offset);
                }
            }
        });
        waiting(&heap, SpinPolicy::SHARED, |ctx| shared(&heap).bell.wait(ctx)).unwrap();
        std::thread::sleep(Duration::from_millis(20 + 13 * round));
        child.kill();
        assert_eq!(child.wait(Duration::from_secs(5)), 128 + libc::SIGKILL);
        // The survivor's own arena works on, in what the dead one left of the limit.
        let block = heap.allocate(100 * MIB, 64).unwrap();
        // SAFETY: our own block.
        unsafe { heap.address(0, block.offset).write_bytes(1, block.len) };
        heap.free(block.offset);
        assert_eq!(holders(inode), [std::process::id()]);
        drop(heap);
        assert_eq!(holders(inode), []);
    }
}

#[test]
fn concurrent_accumulates_lose_nothing() {
    const COUNT: usize = 5001;
    const ROUNDS: usize = 60;
    job(4, 64 << 20, |heap| {
        if heap.rank() == 0 {
            let block = heap.allocate_zeroed(COUNT * 8, 64).unwrap();
            shared(heap).numbers[0].store(block.offset as u64, SeqCst);
        }
        barrier(heap);
        let target = Target { heap, rank: 0, offset: shared(heap).numbers[0].load(SeqCst) as usize };
        let ones = vec![1.0f64; COUNT];
        waiting(heap, SpinPolicy::SHARED, |ctx| {
            for round in 0..ROUNDS {
                // The whole in one piece, or one element after the other: both must exclude each other.
                let piece = if (round + heap.rank()).is_multiple_of(2) { COUNT } else { 1 };
                for start in (0..COUNT).step_by(piece) {
                    let target = Target { offset: target.offset + 8 * start, ..target };
                    // SAFETY: inside the source and the target block, which only accumulates touch until the
                    // barrier.
                    unsafe { accumulate(target, ones[start..].as_ptr(), piece, 0.5, ctx) }.unwrap();
                }
            }
        });
        barrier(heap);
        let sums = heap.address(0, target.offset).cast::<f64>();
        for i in 0..COUNT {
            // SAFETY: inside the block, at rest since the barrier.
            assert_eq!(unsafe { sums.add(i).read() }, (heap.ranks() * ROUNDS) as f64 / 2.0);
        }
        barrier(heap);
    });
}

#[test]
fn a_wait_without_a_bell_sees_the_store() {
    job(2, 16 << 20, |heap| {
        let [there, back, ..] = &shared(heap).numbers;
        waiting(heap, SpinPolicy { spins: 0, yields: 0 }, |ctx| {
            for round in 1..100 {
                let (mine, theirs) = if heap.rank() == 0 { (there, back) } else { (back, there) };
                mine.store(round, SeqCst);
                wait_until(ctx, || theirs.load(SeqCst) >= round).unwrap();
            }
        });
    });
}

#[test]
fn attaching_to_the_wrong_thing_is_an_error() {
    let _alone = alone();
    let heap = Heap::create(HeapConfig { ranks: 2, limit_bytes: Some(16 << 20) }).unwrap();
    let copy = || heap.fd().unwrap().try_clone_to_owned().unwrap();
    assert!(Heap::attach(copy(), 2).unwrap_err().to_string().contains("rank 2 of 2"));
    assert!(Heap::attach(copy(), 0).unwrap_err().to_string().contains("process"));
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    assert!(Heap::attach(file.into(), 1).is_err());
    assert!(Heap::create(HeapConfig { ranks: 0, limit_bytes: None }).is_err());
}

/// What a network adapter was told of keeps its pages, however short memory becomes; what is beside it goes.
#[test]
fn pinned_pages_stay_when_memory_is_short() {
    let heap = Heap::create(HeapConfig { ranks: 1, limit_bytes: Some(64 << 20) }).unwrap();
    let allocate = || heap.allocate(8 << 20, 2 << 20).unwrap();
    let kept = allocate();
    let pin = || heap.try_pin(kept.offset, 64 << 20).unwrap();
    assert_eq!(pin(), Some((kept.offset, kept.offset + (8 << 20))));
    assert_eq!(pin(), None);
    let (gone, used) = (allocate(), allocate());
    // SAFETY: the block is ours.
    unsafe { heap.address(0, kept.offset).write(7) };
    assert_eq!(heap.usage().0, 24 << 20);
    heap.free(kept.offset);
    heap.free(gone.offset);
    // More than there is, and above the block in use: before it fails, what is free is given back.
    assert!(heap.allocate(65 << 20, 64).is_err());
    assert_eq!(heap.usage().0, 16 << 20);
    heap.free(used.offset);
    // SAFETY: pinned pages are mapped and keep what was written; nobody else has the arena.
    assert_eq!(unsafe { heap.address(0, kept.offset).read() }, 7);
}

/// What is kept at once lies in one multiple of what may be.
#[test]
fn pages_are_pinned_in_pieces() {
    let heap = Heap::create(HeapConfig { ranks: 1, limit_bytes: Some(64 << 20) }).unwrap();
    let block = heap.allocate(22 << 20, 2 << 20).unwrap();
    assert_eq!(block.offset, 0);
    let pin = |offset: usize| heap.try_pin(offset, 8 << 20).unwrap();
    assert_eq!(pin((8 << 20) + 5), Some((8 << 20, 16 << 20)));
    assert_eq!(pin(0), Some((0, 8 << 20)));
    assert_eq!(pin(21 << 20), Some((16 << 20, 22 << 20)));
    assert_eq!([pin(9 << 20), pin(23 << 20)], [None, None]);
}

/// Oracle: what each block holds; and that the small ones come and go while the large one gets its pages.
#[test]
fn memory_is_populated_while_others_allocate() {
    const LARGE: usize = 1 << 30;
    let heap = Heap::create(HeapConfig { ranks: 1, limit_bytes: Some(2 << 30) }).unwrap();
    let is_done = AtomicU64::new(0);
    let rounds = std::thread::scope(|scope| {
        let large = scope.spawn(|| {
            let block = heap.allocate(LARGE, 64).unwrap();
            is_done.store(1, SeqCst);
            block
        });
        let mut rounds = 0u64;
        while is_done.load(SeqCst) == 0 {
            // Now and then beside the large one's end, in a chunk that is its, too.
            let block = heap.allocate(64 << (rounds % 12), 64).unwrap();
            let at = heap.address(0, block.offset).cast::<u64>();
            // SAFETY: the block is ours.
            unsafe {
                at.write(rounds);
                assert_eq!(at.read(), rounds);
            }
            // The arena isn't free at every moment, but now and then.
            while heap.try_pin(block.offset, 2 << 20).is_err() {}
            heap.free(block.offset);
            rounds += 1;
        }
        heap.free(large.join().unwrap().offset);
        rounds
    });
    // (One or two if they waited for it; how many more is the scheduler's affair.)
    assert!(rounds > 4, "{rounds} small blocks while the large one got its pages");
}

/// Many threads whose blocks share chunks. Oracle: the words that each has written; and the number of committed bytes.
#[test]
fn blocks_that_share_a_chunk_both_have_it() {
    const THREADS: u64 = 8;
    let heap = Heap::create(HeapConfig { ranks: 1, limit_bytes: Some(256 << 20) }).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let heap = &heap;
            scope.spawn(move || {
                for round in 0..20 {
                    let len = (1 << 20) + 4096 * (thread as usize * 37 + round * 11);
                    let block = heap.allocate(len, 64).unwrap();
                    for word in (0..block.len).step_by(4096) {
                        let at = heap.address(0, block.offset + word).cast::<u64>();
                        // SAFETY: inside the block, which is this thread's, and aligned.
                        unsafe { at.write(thread << 32 | word as u64) };
                    }
                    for word in (0..block.len).step_by(4096) {
                        let at = heap.address(0, block.offset + word).cast::<u64>();
                        // SAFETY: as above.
                        assert_eq!(unsafe { at.read() }, thread << 32 | word as u64);
                    }
                    heap.free(block.offset);
                }
            });
        }
    });
    // Everything is free: one block of all that may be had can be had.
    let all = heap.allocate(256 << 20, 2 << 20).unwrap();
    assert_eq!(heap.usage(), (256 << 20, 256 << 20));
    heap.free(all.offset);
}

/// Who has the descriptor can't take pages away from those who have the heap mapped.
#[test]
fn a_heap_keeps_its_size() {
    let _alone = alone();
    let heap = Heap::create(HeapConfig { ranks: 2, limit_bytes: Some(16 << 20) }).unwrap();
    let file = std::fs::File::from(heap.fd().unwrap().try_clone_to_owned().unwrap());
    let len = file.metadata().unwrap().len();
    assert_eq!(file.set_len(4096).unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
    assert!(file.set_len(len + 4096).is_err());
    assert_eq!(file.metadata().unwrap().len(), len);
    // Memory still comes and goes.
    let block = heap.allocate(8 << 20, 64).unwrap();
    heap.free(block.offset);
    assert!(heap.allocate(15 << 20, 64).is_ok());
}

/// A child under `ulimit -f`, soft and hard. Oracle: that it lives, and what its limit is afterwards.
#[test]
fn a_limit_on_files_is_no_death() {
    let _alone = alone();
    for (hard, code) in [(libc::RLIM_INFINITY, 0), (1 << 20, 1)] {
        // SAFETY: the child makes a heap and ends; no other test runs meanwhile.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let limit = libc::rlimit { rlim_cur: 1 << 20, rlim_max: hard };
            let mut after = limit;
            // SAFETY: reads and writes limits of ours.
            unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) };
            let made = Heap::create(HeapConfig { ranks: 2, limit_bytes: Some(16 << 20) });
            // SAFETY: as above; ends the process.
            unsafe {
                libc::getrlimit(libc::RLIMIT_FSIZE, &mut after);
                let is_told = made.as_ref().is_err_and(|error| error.to_string().contains("ulimit -f"));
                let is_back = after.rlim_cur == limit.rlim_cur;
                libc::_exit(match (made.is_ok(), is_told) {
                    (true, _) if is_back => 0,
                    (_, true) => 1,
                    _ => 2,
                });
            }
        }
        let mut status = 0;
        // SAFETY: waits for the child from above.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!((libc::WIFEXITED(status), libc::WEXITSTATUS(status)), (true, code));
    }
}
