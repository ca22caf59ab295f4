//! Discovery and descriptor passing between threads that stand for ranks, over an in-memory bootstrap.

use super::*;
use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::{FromRawFd, RawFd};
use std::sync::{Arc, Barrier, Mutex};

/// Ranks as threads: an oracle for what a PMI server does.
struct Threads {
    rank: usize,
    job: String,
    barrier: Arc<Barrier>,
    board: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Threads {
    fn start(size: usize, job: &str, body: impl Fn(Threads) + Send + Sync) {
        let barrier = Arc::new(Barrier::new(size));
        let board = Arc::new(Mutex::new(vec![Vec::new(); size]));
        let job = format!("{job}-{}", std::process::id());
        std::thread::scope(|scope| {
            for rank in 0..size {
                let (barrier, board, job) = (barrier.clone(), board.clone(), job.clone());
                let body = &body;
                scope.spawn(move || body(Threads { rank, job, barrier, board }));
            }
        });
    }
}

impl Bootstrap for Threads {
    fn rank(&self) -> usize {
        self.rank
    }
    fn size(&self) -> usize {
        self.board.lock().unwrap().len()
    }
    fn job(&self) -> &str {
        &self.job
    }
    fn allgather(&mut self, mine: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        self.board.lock().unwrap()[self.rank] = mine.to_vec();
        self.barrier.wait();
        let all = self.board.lock().unwrap().clone();
        self.barrier.wait();
        Ok(all)
    }
    fn barrier(&mut self) -> io::Result<()> {
        self.barrier.wait();
        Ok(())
    }
    fn leave(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn abort(&mut self, _code: i32, _message: &str) {}
}

#[test]
fn members_are_all_ranks_and_take_what_member_zero_gives() {
    for size in [1, 2, 3, 7] {
        Threads::start(size, &format!("give{size}"), |mut bootstrap| {
            let mut node = Node::discover(&mut bootstrap).unwrap();
            let ranks: Vec<usize> = node.members().iter().map(|member| member.rank).collect();
            assert_eq!(ranks, (0..size).collect::<Vec<_>>());
            assert_eq!(node.my_index(), bootstrap.rank);
            assert_eq!(node.node_numbers(), vec![0; size]);
            assert!(node.members().iter().all(Member::is_alive));
            let text = format!("heap of {size}");
            if node.my_index() == 0 {
                let mut file = memory_file();
                file.write_all(text.as_bytes()).unwrap();
                node.give(Ok(file.as_fd())).unwrap();
            } else {
                let file = File::from(node.take().unwrap());
                let mut read = vec![0; text.len()];
                // One description shared by all takers: read by position.
                std::os::unix::fs::FileExt::read_exact_at(&file, &mut read, 0).unwrap();
                assert_eq!(read, text.as_bytes());
            }
        });
    }
}

#[test]
fn pretended_nodes_are_even_blocks_of_ranks() {
    let nodes = |text, size: usize| -> Vec<usize> {
        (0..size).map(|rank| pretended_node(Some(text), rank, size).unwrap().unwrap()).collect()
    };
    assert_eq!(nodes("2", 4), [0, 0, 1, 1]);
    assert_eq!(nodes("2", 5), [0, 0, 0, 1, 1]);
    assert_eq!(nodes("3", 2), [0, 1]);
    assert_eq!(pretended_node(None, 0, 4).unwrap(), None);
    assert!(pretended_node(Some("two"), 0, 4).unwrap_err().to_string().contains("GAIN_FAKE_NODES=two"));
}

#[test]
fn names_of_sockets_fit_and_differ_where_jobs_and_nodes_do() {
    let long = "x".repeat(255);
    let names = [
        socket_name(0, "job", None),
        socket_name(0, "job", Some(0)),
        socket_name(0, "job", Some(1)),
        socket_name(1, "job", None),
        socket_name(u32::MAX, &(long.clone() + "1"), Some(9999)),
        socket_name(u32::MAX, &(long + "2"), Some(9999)),
    ];
    for (index, name) in names.iter().enumerate() {
        assert!(name.len() <= 107 && !names[..index].contains(name), "{}", String::from_utf8_lossy(name));
    }
}

#[test]
fn a_leader_without_a_descriptor_is_an_error_on_every_member() {
    Threads::start(3, "refuse", |mut bootstrap| {
        let mut node = Node::discover(&mut bootstrap).unwrap();
        if node.my_index() == 0 {
            node.give(Err("no memory: asked 7, have 5")).unwrap();
        } else {
            assert_eq!(node.take().unwrap_err().to_string(), "no memory: asked 7, have 5");
        }
    });
}

#[test]
fn a_member_that_ended_is_not_alive() {
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    // SAFETY: the call takes two integers, and the result is checked before it is wrapped.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, child.id(), 0) };
    assert!(fd >= 0);
    // SAFETY: a fresh descriptor that nobody else owns.
    let member = Member { rank: 1, process: Some(unsafe { OwnedFd::from_raw_fd(fd as RawFd) }) };
    assert!(member.is_alive());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!member.is_alive());
}

fn memory_file() -> File {
    // SAFETY: a static zero-terminated name; the result is checked before it is wrapped.
    let fd = unsafe { libc::memfd_create(c"test".as_ptr(), 0) };
    assert!(fd >= 0);
    // SAFETY: a fresh descriptor that nobody else owns.
    let mut file = unsafe { File::from_raw_fd(fd) };
    file.rewind().unwrap();
    file
}
