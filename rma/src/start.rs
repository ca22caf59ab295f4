//! How a world starts: find the job and the node, map the node's heap, and tell one another what is needed to meet.
//!
//! Invariant: what can fail on one rank alone is tried before the ranks exchange their cards; a card holds the reason of a failure, so
//! all ranks fail alike and none waits for another that has given up.

use crate::bootstrap::{Bootstrap, Node};
use crate::card::{Card, Told, check};
use crate::error::{Error, ErrorKind, Result};
use crate::fork;
use crate::layout::Layout;
use crate::mirror::Extent;
use crate::post::Post;
use crate::row::ROW_LEN;
use crate::shared::Shared;
use crate::stall::Watch;
use crate::team::{Joint, Team};
use crate::transport::letter::Inbox;
use crate::transport::net::wire::{Progress, Wire};
use crate::transport::net::{Net, Surroundings, choose};
use crate::transport::{Remote, Shm, Transport};
use shm::sync::SpinPolicy;
use shm::{Heap, HeapConfig};
use std::sync::{Arc, Mutex};

/// What a job of several nodes needs besides a heap.
struct Outside {
    wire: Box<dyn Wire>,
    progress: Progress,
}

/// Joins the job: what the world is made of, and the teams of all ranks and of the node's.
pub(crate) fn start(mut bootstrap: Box<dyn Bootstrap>) -> Result<(Arc<Shared>, Team, Team)> {
    let mut node =
        Node::discover(&mut *bootstrap).map_err(|e| failed("finding the ranks of this node", &e))?;
    let (rank, size) = (bootstrap.rank(), bootstrap.size());
    let layout = Arc::new(Layout::new(rank, node.node_numbers()));
    let (processors, count) = processors();
    let secret = node.secret();
    let host = host_name();
    let mut card = Card { cookie: secret.cookie, host: host.as_str().into(), processors, ..Card::default() };
    let made = prepare(&mut node, &layout, &mut card);
    card.failure = made.as_ref().err().cloned();
    let all = node.exchange(&mut *bootstrap, &card.to_bytes()).map_err(|e| failed("start of the job", &e))?;
    let lost = |e| failed("the ranks' cards", &e);
    // On one node there is nothing that outlives the start.
    let made = made.map(|(heap, outside)| (Arc::new(heap), outside));
    let heap = made.as_ref().ok().map(|(heap, _)| heap.clone()).filter(|_| layout.nodes() > 1);
    let told = Told::spread(&mut node, heap.as_deref(), all, secret).map_err(lost)?;
    let cards = told.cards(heap.as_deref(), secret).map_err(lost)?;
    if let Told::Whole(_) = told {
        check(&cards.iter().collect::<Result<Vec<_>>>()?)?;
    }
    // Nodes may be containers, or pretended ones, of one machine: then ranks that the heap doesn't know share processors, too.
    let mut sharers = 0;
    for card in cards.iter() {
        sharers += usize::from(card?.processors == processors);
    }
    // Ranks of a node are on one host.
    let host_of = |node: usize| Ok(cards.get(layout.first_member(node))?.host.into());
    let hosts: Arc<[Box<str>]> = (0..layout.nodes()).map(host_of).collect::<Result<_>>()?;
    let joints = match layout.nodes() {
        1 => Vec::new(),
        _ => cards.iter().enumerate().map(joint).collect::<Result<Vec<Joint>>>()?,
    };
    let (heap, outside) = made.map_err(|(kind, why)| Error::at(kind, "init", rank, why))?;
    let directory = told.directory(&heap, &cards)?;
    drop(cards);
    told.give_back(&mut node, &heap).map_err(lost)?;
    let is_set = |name: &str, value: &str| std::env::var(name).is_ok_and(|text| text == value);
    let host = if layout.nodes() > 1 { host } else { String::new() };
    let watch = Arc::new(Watch::new(heap.clone(), node, host));
    let policy = if sharers > count { SpinPolicy::SHARED } else { heap.spin_policy(1) };
    let direct = !is_set("GAIN_DIRECT", "0");
    let inbox = Arc::new(Inbox::default());
    let (layout_, watch_) = (layout.clone(), watch.clone());
    let transport: Arc<dyn Transport> = match outside {
        None => Arc::new(Shm::new(heap.clone(), layout_, watch_, policy, direct)),
        Some(Outside { wire, progress }) => {
            let (heap, layout, watch, hosts) = (heap.clone(), layout_, watch_, hosts.clone());
            let job = secret.word();
            let inbox = inbox.clone();
            let around = Surroundings { heap, layout, watch, policy, direct, progress, inbox, hosts, job };
            Net::start(wire, directory, around)?
        }
    };
    let post = Post::new(heap.clone(), layout.clone(), inbox);
    let shared = Arc::new(Shared {
        post,
        rank,
        size,
        transport,
        check: is_set("GAIN_CHECK", "1"),
        policy,
        rounds_from: rounds_from(&heap),
        words_of: words_of(),
        watch,
        hosts,
        bootstrap: Mutex::new(bootstrap),
        heap,
        layout,
        foundings: Arc::default(),
        forks: fork::count(),
    });
    let node_team = Team::of_node(&shared);
    let team = if shared.is_wide() { world_team(&shared, &joints) } else { node_team.clone() };
    Ok((shared, team, node_team))
}

/// Environment variable: `rounds` or `flat` sets how members of a node meet, `tree` that few words go between nodes as those of wide teams do. A testing aid.
const MEETINGS: &str = "GAIN_MEETINGS";

/// Up to how many members on several nodes all hear the words of each.
pub(crate) const WORDS_OF: usize = 1024;

/// The same, as the environment may have it. The same on all ranks.
fn words_of() -> usize {
    if std::env::var(MEETINGS).is_ok_and(|how| how == "tree") { 0 } else { WORDS_OF }
}

/// From how many members on a node's members meet in rounds: where each has a processor, as rounds wait for one another. The same on all ranks
/// of a node, which see the same heap.
fn rounds_from(heap: &Heap) -> usize {
    const MANY: usize = 9;
    match std::env::var(MEETINGS).as_deref() {
        Ok("rounds") => 2,
        Ok("flat") => usize::MAX,
        _ if heap.spin_policy(1) == SpinPolicy::DEDICATED => MANY,
        _ => usize::MAX,
    }
}

/// An error of the start.
pub(crate) fn failed(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Bootstrap, "init", format!("{what}: {error}"))
}

/// This rank's share of the start, as far as it can fail here. Fills in its card.
fn prepare(
    node: &mut Node,
    layout: &Layout,
    card: &mut Card<'_>,
) -> std::result::Result<(Heap, Option<Outside>), (ErrorKind, String)> {
    let heap = map_heap(node).map_err(|why| (ErrorKind::Memory, why))?;
    if layout.nodes() == 1 {
        return Ok((heap, None));
    }
    let no_memory = |error: shm::OutOfMemory| (ErrorKind::Memory, error.to_string());
    card.row = heap.allocate_zeroed(ROW_LEN, 64).map_err(no_memory)?.offset as u64;
    if layout.index(layout.me()) == 0 {
        let len = Extent::new(layout.nodes(), layout.len(), words_of()).mirror_len();
        card.mirror = heap.allocate_zeroed(len, 64).map_err(no_memory)?.offset as u64;
    }
    let progress = progress().map_err(|why| (ErrorKind::Bootstrap, why))?;
    let wire = choose::open(layout.len(), progress).map_err(|why| {
        let why = format!("ranks on {} nodes need a network: {why}", layout.nodes());
        (ErrorKind::Unsupported, why)
    })?;
    card.engine = wire.speaks().into();
    card.address = wire.address().to_vec().into();
    Ok((heap, Some(Outside { wire, progress })))
}

/// What a rank's card says of its place in the team of all ranks.
fn joint((rank, card): (usize, Result<Card<'_>>)) -> Result<Joint> {
    let card = card?;
    let row = Remote { rank, offset: card.row as usize };
    Ok(Joint { row, mirror: card.mirror as usize, name: rank })
}

/// The team of all ranks of a job of several nodes.
fn world_team(shared: &Arc<Shared>, joints: &[Joint]) -> Team {
    // SAFETY: zeroed blocks that are never freed.
    unsafe { Team::join(shared, 0, shared.rank, joints, None) }
}

/// Who moves the network on while the program computes.
fn progress() -> std::result::Result<Progress, String> {
    match std::env::var("GAIN_PROGRESS").unwrap_or_default().as_str() {
        "" | "auto" | "thread" => Ok(Progress::Thread),
        "poll" => Ok(Progress::Poll),
        other => Err(format!("GAIN_PROGRESS={other}: must be auto, thread or poll")),
    }
}

/// A number for the processors this process may use, the same for all processes of this machine that may use the same ones; and
/// how many they are.
fn processors() -> (u64, usize) {
    let mut mask = [0u8; 1024];
    // SAFETY: a buffer of our own and its length, a multiple of a word's.
    let written = unsafe { libc::sched_getaffinity(0, mask.len(), mask.as_mut_ptr().cast()) };
    let count: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
    let machine = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    // FNV-1a: every rank must compute the same, whatever its build.
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    let number = machine.iter().chain(&mask).fold(0xcbf2_9ce4_8422_2325, step);
    (number, if written == 0 { count as usize } else { usize::MAX })
}

/// This host's name, as people know it.
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn map_heap(node: &mut Node) -> std::result::Result<Heap, String> {
    if node.my_index() > 0 {
        let fd = node.take().map_err(|e| e.to_string())?;
        return Heap::attach(fd, node.my_index()).map_err(|e| e.to_string());
    }
    let config = HeapConfig { ranks: node.members().len(), limit_bytes: None };
    let heap = Heap::create(config).map_err(|e| e.to_string());
    let given = match &heap {
        Ok(heap) => heap.fd().map_or(Ok(()), |fd| node.give(Ok(fd))),
        Err(error) => node.give(Err(error)),
    };
    given.map_err(|e| e.to_string()).and(heap)
}
