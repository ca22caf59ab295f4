//! Discovery and descriptor passing between threads that stand for ranks, over an in-memory bootstrap.

use super::rounds::traffic;
use super::*;
use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::FromRawFd;
use std::sync::{Arc, Barrier, Mutex};

/// Ranks as threads: an oracle for what a PMI server does.
pub(super) struct Threads {
    rank: usize,
    job: String,
    pub(super) is_secret: bool,
    barrier: Arc<Barrier>,
    board: Arc<Mutex<Vec<Vec<u8>>>>,
    /// What went through the key-value space for this rank.
    puts: usize,
    gets: usize,
}

impl Threads {
    pub(super) fn start(size: usize, job: &str, body: impl Fn(Threads) + Send + Sync) {
        Threads::start_on(&vec![0; size], job, body);
    }

    /// With the rank's node for each rank: names of sockets keep them apart as hosts would.
    fn start_on(nodes: &[usize], job: &str, body: impl Fn(Threads) + Send + Sync) {
        let size = nodes.len();
        let barrier = Arc::new(Barrier::new(size));
        let board = Arc::new(Mutex::new(vec![Vec::new(); size]));
        let job = format!("{job}-{}", std::process::id());
        std::thread::scope(|scope| {
            for (rank, node) in nodes.iter().enumerate() {
                let (barrier, board) = (barrier.clone(), board.clone());
                let job = format!("{job}-on-{node}");
                let body = &body;
                scope.spawn(move || {
                    body(Threads { rank, job, is_secret: true, barrier, board, puts: 0, gets: 0 })
                });
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
    fn is_secret(&self) -> bool {
        self.is_secret
    }
    fn publish(&mut self, mine: Option<&[u8]>) -> io::Result<()> {
        self.barrier.wait();
        if let Some(mine) = mine {
            self.puts += 1;
            self.board.lock().unwrap()[self.rank] = mine.to_vec();
        }
        self.barrier.wait();
        Ok(())
    }
    fn fetch(&mut self, rank: usize) -> io::Result<Vec<u8>> {
        self.gets += 1;
        Ok(self.board.lock().unwrap()[rank].clone())
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
            assert!(node.dead().is_empty());
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
fn an_exchange_brings_everything_to_all_and_its_traffic_grows_with_the_nodes() {
    // Numbers of nodes as a process manager may deal out ranks; nodes are numbered by their lowest ranks.
    for nodes in
        [vec![0, 0, 1, 1], vec![0, 1, 0, 1, 0, 1], vec![0, 1, 2], vec![0, 1, 1, 0, 2, 2, 1], vec![0; 5]]
    {
        let last = *nodes.iter().max().unwrap();
        Threads::start_on(&nodes, &format!("exchange{nodes:?}"), |mut bootstrap| {
            let mut node = Node::discover(&mut bootstrap).unwrap();
            assert_eq!(node.node_numbers(), nodes);
            let (puts, gets) = (bootstrap.puts, bootstrap.gets);
            let said = |rank: usize, round: usize| vec![rank as u8; rank * 1000 * round];
            for round in 0..3 {
                let mine = said(bootstrap.rank, round);
                let all = node.exchange(&mut bootstrap, &mine).unwrap();
                assert_eq!(all.is_some(), node.my_index() == 0);
                let all = all.unwrap_or_else(|| (0..nodes.len()).map(|rank| said(rank, round)).collect());
                assert_eq!(all, (0..nodes.len()).map(|rank| said(rank, round)).collect::<Vec<_>>());
                let told = match node.my_index() {
                    0 => node.tell(&all[1]).map(|()| all[1].clone()),
                    _ => node.be_told(),
                };
                assert_eq!(told.unwrap(), said(1, round));
                node.await_all().unwrap();
            }
            let is_leader = node.my_index() == 0;
            assert_eq!(node.leaders()[nodes[bootstrap.rank]] == bootstrap.rank, is_leader);
            assert_eq!((puts, gets), if is_leader { (1, last + 1) } else { (0, 0) });
            assert_eq!(bootstrap.puts - puts, if is_leader && last > 0 { 3 } else { 0 });
            assert_eq!(bootstrap.gets - gets, if is_leader { 3 * last } else { 0 });
        });
    }
}

/// Nodes of one rank each, or of other shapes, so many that leaders hear of one another in rounds.
#[test]
fn many_nodes_hear_of_one_another_in_rounds() {
    let uneven: Vec<usize> = (0..80).map(|rank| if rank == 41 { 40 } else { rank }).collect();
    let renumbered: Vec<usize> =
        (0..80).map(|rank| if rank > 41 { rank - 1 } else { uneven[rank] }).collect();
    let twos: Vec<usize> = (0..73).map(|rank| rank / 2).collect();
    for (name, nodes, is_regular) in [
        ("ones", (0..50).collect(), true),
        ("twos", twos, true),
        ("uneven", renumbered, false),
        ("around", (0..70).map(|rank| rank % 35).collect::<Vec<_>>(), false),
    ] {
        let count = nodes.iter().max().unwrap() + 1;
        Threads::start_on(&nodes, name, |mut bootstrap| {
            let mut node = Node::discover(&mut bootstrap).unwrap();
            assert_eq!(node.node_numbers(), nodes, "{name}");
            let (fetches, rounds) = traffic(count);
            let is_leader = node.my_index() == 0;
            let first = usize::from(bootstrap.rank > 0);
            if is_leader && is_regular {
                assert_eq!((bootstrap.puts, bootstrap.gets), (1 + rounds, first + fetches), "{name}");
            }
            let gets = bootstrap.gets;
            let rank = bootstrap.rank;
            let all = node.exchange(&mut bootstrap, &[rank as u8; 3]).unwrap();
            assert_eq!(all.is_some(), is_leader);
            if let Some(all) = all {
                assert_eq!(all, (0..nodes.len()).map(|rank| vec![rank as u8; 3]).collect::<Vec<_>>());
                assert_eq!(bootstrap.gets - gets, fetches, "{name}");
            }
        });
    }
}

/// A few threads in a job of many ranks: what other nodes' leaders would have published is computed.
struct Many {
    threads: Threads,
    size: usize,
    per_node: usize,
    published: u32,
}

impl Many {
    fn book(rank: usize) -> Vec<u8> {
        (0..200 + rank % 7).map(|index| (rank * 31 + index) as u8).collect()
    }

    fn books(&self, node: usize) -> Vec<u8> {
        let first = node * self.per_node;
        let books: Vec<Vec<u8>> = (first..(first + self.per_node).min(self.size)).map(Many::book).collect();
        join(books.iter().map(Vec::as_slice))
    }
}

impl Bootstrap for Many {
    fn rank(&self) -> usize {
        self.threads.rank
    }
    fn size(&self) -> usize {
        self.size
    }
    fn job(&self) -> &str {
        &self.threads.job
    }
    fn is_secret(&self) -> bool {
        true
    }
    fn publish(&mut self, mine: Option<&[u8]>) -> io::Result<()> {
        self.published += 1;
        self.threads.publish(mine)
    }
    fn fetch(&mut self, rank: usize) -> io::Result<Vec<u8>> {
        self.threads.gets += 1;
        let (node, nodes) = (rank / self.per_node, self.size.div_ceil(self.per_node));
        let rounds = traffic(nodes).1 as u32;
        let before = |far: usize| (0..far).map(move |back| (node + nodes - back) % nodes);
        let shown: Vec<Vec<u8>> = match self.published - 1 {
            0 => {
                let members = rank..(rank + self.per_node).min(self.size);
                return Ok(members.flat_map(|rank| (rank as u32).to_le_bytes()).collect());
            }
            round if round <= rounds => before(16usize.pow(round - 1)).map(|_| vec![1]).collect(),
            round => before(16usize.pow(round - 1 - rounds)).map(|node| self.books(node)).collect(),
        };
        Ok(join(shown.iter().map(Vec::as_slice)))
    }
    fn barrier(&mut self) -> io::Result<()> {
        self.threads.barrier()
    }
    fn leave(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn abort(&mut self, _code: i32, _message: &str) {}
}

#[test]
fn address_books_of_ten_thousand_ranks() {
    const SIZE: usize = 10_000;
    const PER_NODE: usize = 16;
    Threads::start(PER_NODE, "many", |threads| {
        let mut bootstrap = Many { threads, size: SIZE, per_node: PER_NODE, published: 0 };
        let mut node = Node::discover(&mut bootstrap).unwrap();
        assert_eq!(node.node_numbers(), (0..SIZE).map(|rank| rank / PER_NODE).collect::<Vec<_>>());
        let rank = bootstrap.rank();
        let all = node.exchange(&mut bootstrap, &Many::book(rank)).unwrap();
        assert_eq!(all.is_some(), node.my_index() == 0);
        if let Some(all) = all {
            assert!(all.len() == SIZE && (0..SIZE).all(|rank| all[rank] == Many::book(rank)));
            let (fetches, rounds) = traffic(SIZE.div_ceil(PER_NODE));
            assert_eq!((bootstrap.threads.puts, bootstrap.threads.gets), (1 + 2 * rounds, 2 * fetches));
        } else {
            assert_eq!((bootstrap.threads.puts, bootstrap.threads.gets), (0, 0));
        }
    });
}

#[test]
fn fetches_grow_with_the_logarithm_of_the_nodes() {
    assert_eq!([traffic(1), traffic(2), traffic(32), traffic(33)], [(0, 0), (1, 1), (31, 1), (17, 2)]);
    assert_eq!([traffic(256), traffic(782), traffic(10_000)], [(30, 2), (33, 3), (47, 4)]);
}

#[test]
fn lists_of_nodes_that_make_no_sense_are_errors() {
    let list = |ranks: &[u32]| Ok(ranks.iter().flat_map(|rank| rank.to_le_bytes()).collect());
    assert!(number(2, |_| list(&[])).is_err());
    assert!(number(2, |_| list(&[0, 7])).is_err());
    assert!(number(3, |_| list(&[0, 1])).is_err());
    assert!(split(&[9, 0, 0, 0, 1]).is_err());
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

fn memory_file() -> File {
    // SAFETY: a static zero-terminated name; the result is checked before it is wrapped.
    let fd = unsafe { libc::memfd_create(c"test".as_ptr(), 0) };
    assert!(fd >= 0);
    // SAFETY: a fresh descriptor that nobody else owns.
    let mut file = unsafe { File::from_raw_fd(fd) };
    file.rewind().unwrap();
    file
}
