//! What the tables of a job of 100,000 ranks cost the ranks of one node: the table in `docs/src/network.md` says the same.
//!
//! Oracle: the structures themselves, made as for such a job in this one process.

use crate::bootstrap::traffic;
use crate::control::Control;
use crate::directory::{Directory, written};
use crate::layout::Layout;
use crate::mirror::{Extent, Mirror, rounds};
use crate::outboxes::Progress;
use crate::row::ROW_LEN;
use crate::rows::Rows;
use crate::series::Series;
use crate::start::WORDS_OF;
use crate::transport::Remote;
use std::ptr::NonNull;

const RANKS: usize = 100_000;
const PER_NODE: usize = 128;
const BOOK: &str = include_str!("../../docs/src/network.md");

/// The rank in the middle, and the memory that its node shares.
struct One {
    layout: Layout,
    /// Rows of the node, and the mirror of its leader.
    rows: Vec<u128>,
    mirror: Vec<u128>,
}

impl One {
    fn new() -> One {
        let numbers: Vec<usize> = (0..RANKS).map(|rank| rank / PER_NODE).collect();
        let layout = Layout::new(RANKS / 2, &numbers);
        let mirror = Extent::new(layout.nodes(), RANKS, WORDS_OF).mirror_len();
        let words = |bytes: usize| vec![0u128; bytes / 16 + 4];
        One { layout, rows: words(PER_NODE * ROW_LEN), mirror: words(mirror) }
    }

    /// Where memory begins that is aligned as rows and mirrors are.
    fn aligned(words: &mut [u128]) -> NonNull<u8> {
        let start = words.as_mut_ptr().cast::<u8>();
        NonNull::new(start.wrapping_add(start.align_offset(64))).unwrap()
    }
}

fn is_in_book(line: &str) {
    assert!(BOOK.lines().any(|other| other == line), "docs/src/network.md lacks: {line}");
}

#[test]
fn tables_of_a_hundred_thousand_ranks() {
    let One { layout, mut rows, mut mirror } = One::new();
    let (me, nodes) = (layout.me(), layout.nodes());
    let (rows, base) = (One::aligned(&mut rows), One::aligned(&mut mirror));
    // Arenas of all ranks, and of all leaders, give out the same.
    let places = (0..nodes).map(|node| Remote { rank: layout.first(node), offset: ROW_LEN });
    // SAFETY: as many zeroed bytes, which live as long as the mirror.
    let mirror = unsafe { Mirror::new(layout.clone(), places, base, WORDS_OF) };
    let row = |rank: usize| {
        let index = layout.local(rank)?;
        NonNull::new(rows.as_ptr().wrapping_add(index * ROW_LEN))
    };
    let (members, offsets) = (Series::counting(RANKS), Series::new((0..RANKS).map(|_| 0)));
    let names = Series::counting(RANKS);
    // SAFETY: zeroed rows of this node's members, which live as long.
    let rows = unsafe { Rows::new(members, offsets, row, me, names) };
    let control = Control::new(rows, Some(mirror), true);
    let progress = Progress::new(control.rows());
    // What grows with the node is not counted: sixteen bytes for each of its members.
    let of_node = 2 * PER_NODE * 16;
    let private = layout.heap_bytes() + control.heap_bytes() + progress.heap_bytes();
    assert_eq!(private, of_node, "bytes besides those for the members of the node");

    let segment = |len: &dyn Fn(usize) -> usize, offset: &dyn Fn(usize) -> usize| {
        let of = |f: &dyn Fn(usize) -> usize| Series::new((0..RANKS).map(f)).heap_bytes();
        of(len) + of(offset)
    };
    assert_eq!(segment(&|_| 1 << 20, &|_| 4096), 0);
    // A global array whose elements don't divide evenly.
    assert!(segment(&|rank| if rank < 777 { 808 } else { 800 }, &|_| 4096) <= 64);
    let irregular = segment(&|rank| rank * 7919 % 1000, &|rank| rank * 104_729 % 4096);
    assert_eq!(irregular, 16 * RANKS);

    let extent = Extent::new(nodes, RANKS, WORDS_OF);
    let mirror = extent.mirror_len() as f64 / RANKS as f64;
    // Addresses as those of libfabric over TCP.
    let address = [7u8; 16];
    let directory = written(vec![&address[..]; RANKS].into_iter());
    let directory_of = Directory::own(directory.clone(), RANKS);
    assert_eq!(directory_of.address(RANKS - 1), address);
    let directory = directory.len() as f64 / RANKS as f64;
    let together = private as f64 - of_node as f64 + mirror + directory;
    assert!(together <= 100.0, "a rank elsewhere costs a node {together} bytes");
    let (fetches, publications) = traffic(nodes);
    is_in_book(&format!(
        "| tables of a process: nodes, control memory, outboxes, names | {} |",
        private - of_node
    ));
    is_in_book("| a segment whose parts are alike, or differ in a few places | 0 |");
    is_in_book(&format!("| a segment of any parts, in each process | {} |", irregular / RANKS));
    is_in_book(&format!("| the mirror of the world, once per node | {mirror:.0} |"));
    is_in_book(&format!(
        "| an allocation whose parts follow a law on each node: bytes that come to a node | {:.0} |",
        extent.lawful_bytes() as f64 / RANKS as f64
    ));
    is_in_book(&format!("| addresses of 16 bytes, once per node | {directory:.0} |"));
    is_in_book(&format!(
        "| the start: values that a leader fetches, for the nodes and for the cards; rounds of each | {fetches}, {fetches}; {publications} |"
    ));
    is_in_book(&format!(
        "| a barrier: messages of a leader; signals of a member in its node | {}; {} |",
        rounds(nodes).count(),
        PER_NODE.next_power_of_two().ilog2()
    ));
    is_in_book(&format!(
        "| an allreduce: messages of a leader, at most | {} |",
        2 * rounds(nodes).count() + 2
    ));
}
