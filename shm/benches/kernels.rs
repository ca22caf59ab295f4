//! The copy and accumulate kernels inside one process, beside `memcpy` of the same bytes, and the uncontended
//! primitives.
//!
//! `cargo bench -p shm`. What several ranks see is measured by the crate `bench`.
#![cfg(not(loom))]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use shm::accumulate::{Target, accumulate, accumulate_strided};
use shm::atomics::Atomic;
use shm::copy::{copy, copy_strided};
use shm::sync::{Barrier, BarrierRow, Counter, Lock, NoHook, SpinPolicy, WaitContext};
use shm::{Heap, HeapConfig};
use std::hint::black_box;
use std::time::Duration;

const CTX: WaitContext<'_> = WaitContext { hook: &NoHook, me: 0, policy: SpinPolicy::DEDICATED };
/// Distance of rows in the strided cases: a row of a matrix of 1024 doubles.
const ROW_STRIDE: isize = 8192;
const ROWS: usize = 1024;

/// A heap of two ranks, so that it is shared memory, with two blocks of `len` bytes in the first arena.
fn heap(len: usize) -> (Heap, usize, usize) {
    let heap = Heap::create(HeapConfig { ranks: 2, limit_bytes: Some(1 << 30) }).unwrap();
    let from = heap.allocate_zeroed(len, 4096).unwrap().offset;
    let to = heap.allocate_zeroed(len, 4096).unwrap().offset;
    (heap, from, to)
}

fn contiguous(c: &mut Criterion) {
    let (heap, from, to) = heap(64 << 20);
    let (src, dst) = (heap.address(0, from), heap.address(0, to));
    let target = Target { heap: &heap, rank: 0, offset: to };
    let mut group = c.benchmark_group("contiguous");
    for len in [8usize, 64, 4096, 64 << 10, 1 << 20, 16 << 20, 64 << 20] {
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_with_input(BenchmarkId::new("memcpy", len), &len, |b, &len| {
            // SAFETY: both blocks hold len bytes.
            b.iter(|| unsafe { std::ptr::copy_nonoverlapping(src, dst, black_box(len)) });
        });
        group.bench_with_input(BenchmarkId::new("copy", len), &len, |b, &len| {
            // SAFETY: as above.
            b.iter(|| unsafe { copy(dst, src, black_box(len)) });
        });
        group.bench_with_input(BenchmarkId::new("accumulate_f64", len), &len, |b, &len| {
            // SAFETY: as above; nobody else uses the blocks.
            b.iter(|| unsafe { accumulate(target, src.cast::<f64>(), black_box(len / 8), 1.5, &CTX) });
        });
    }
}

fn strided(c: &mut Criterion) {
    let (heap, from, to) = heap(ROWS * ROW_STRIDE as usize);
    let (src, dst) = (heap.address(0, from), heap.address(0, to));
    let target = Target { heap: &heap, rank: 0, offset: to };
    let mut group = c.benchmark_group("strided");
    for row in [8usize, 16, 32, 64, 512, 2048] {
        let counts = [row, ROWS];
        let packed = [row as isize];
        group.throughput(Throughput::Bytes((row * ROWS) as u64));
        group.bench_with_input(BenchmarkId::new("memcpy_per_row", row), &row, |b, &row| {
            b.iter(|| {
                for i in 0..ROWS {
                    let (dst, src) = (dst.wrapping_add(i * ROW_STRIDE as usize), src.wrapping_add(i * row));
                    // SAFETY: row i lies inside both blocks.
                    unsafe { std::ptr::copy_nonoverlapping(src, dst, black_box(row)) };
                }
            });
        });
        group.bench_with_input(BenchmarkId::new("put", row), &counts, |b, counts| {
            // SAFETY: the block holds ROWS rows of ROW_STRIDE bytes.
            b.iter(|| unsafe { copy_strided(dst, &[ROW_STRIDE], src, &packed, black_box(counts)) });
        });
        group.bench_with_input(BenchmarkId::new("get", row), &counts, |b, counts| {
            // SAFETY: as above.
            b.iter(|| unsafe { copy_strided(src, &packed, dst, &[ROW_STRIDE], black_box(counts)) });
        });
        group.bench_with_input(BenchmarkId::new("accumulate_f64", row), &counts, |b, counts| {
            let src = src.cast::<f64>();
            // SAFETY: as above.
            b.iter(|| unsafe {
                accumulate_strided(target, &[ROW_STRIDE], src, &packed, black_box(counts), 1.5, &CTX)
            });
        });
    }
}

fn primitives(c: &mut Criterion) {
    let (heap, _, to) = heap(4096);
    let mut group = c.benchmark_group("primitives");
    group.bench_function("fetch_add", |b| {
        let counter = heap.address(0, to).cast::<i64>();
        // SAFETY: an aligned word of our block.
        b.iter(|| unsafe { Atomic::fetch_add(counter, black_box(1)) });
    });
    group.bench_function("lock_unlock", |b| {
        let lock = Lock::default();
        b.iter(|| {
            lock.lock(&CTX).unwrap();
            lock.unlock(0);
        });
    });
    group.bench_function("allocate_free_64_MiB", |b| {
        b.iter(|| heap.free(heap.allocate(black_box(64 << 20), 64).unwrap().offset));
    });
    group.bench_function("barrier_2_threads", |b| {
        let rows = [BarrierRow::default(), BarrierRow::default()];
        let mut began_with = 0;
        b.iter_custom(|rounds| {
            std::thread::scope(|scope| {
                let member = |me, mut number: u64| {
                    let barrier = Barrier::new(|member| &rows[member], 2, me);
                    let began = std::time::Instant::now();
                    for _ in 0..rounds {
                        number += 1;
                        let heard = |here: &Counter, _| here.wait_at_least(number, &CTX).map(drop);
                        barrier.wait(number, [0; 2], heard).unwrap();
                    }
                    began.elapsed()
                };
                scope.spawn(move || member(1, began_with));
                let took = member(0, began_with);
                began_with += rounds;
                took
            })
        });
    });
}

criterion_group! {
    name = kernels;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400));
    targets = contiguous, strided, primitives
}
criterion_main!(kernels);
