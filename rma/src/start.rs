//! How a world starts: find the job and the node, map the node's heap, and tell one another what is needed to meet.
//!
//! Invariant: what can fail on one rank alone is tried before the ranks exchange their cards; a card holds the reason of a failure, so
//! all ranks fail alike and none waits for another that has given up.

use crate::bootstrap::{Bootstrap, Node, PROTOCOL, Secret};
use crate::error::{Error, ErrorKind, Result};
use crate::fork;
use crate::layout::Layout;
use crate::mirror::mirror_len;
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

/// What a rank tells all others when it starts.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
struct Card {
    /// The job's cookie.
    cookie: u64,
    /// Kind of failure and why; empty if all is well.
    failure: Option<(ErrorKind, String)>,
    host: String,
    /// The network engine, and how to connect to it; empty in a job of one node.
    engine: String,
    address: Vec<u8>,
    /// Where row and, at the node's first rank, mirror begin in the arena.
    row: u64,
    mirror: u64,
    /// Stands for the machine and the processors of it that the rank may use.
    processors: u64,
}

/// Kinds of failure that a card can tell, by number from 1.
const KINDS: [ErrorKind; 3] = [ErrorKind::Memory, ErrorKind::Unsupported, ErrorKind::Bootstrap];

impl Card {
    fn to_bytes(&self) -> Vec<u8> {
        let (kind, why) = match &self.failure {
            Some((kind, why)) => {
                (KINDS.iter().position(|other| other == kind).map_or(1, |at| at + 1), &why[..])
            }
            None => (0, ""),
        };
        let mut bytes = PROTOCOL.to_le_bytes().to_vec();
        bytes.extend(self.cookie.to_le_bytes());
        bytes.push(kind as u8);
        bytes.extend(self.row.to_le_bytes());
        bytes.extend(self.mirror.to_le_bytes());
        bytes.extend(self.processors.to_le_bytes());
        for field in [why.as_bytes(), self.host.as_bytes(), self.engine.as_bytes(), &self.address] {
            bytes.extend((field.len() as u32).to_le_bytes());
            bytes.extend(field);
        }
        bytes
    }

    /// An error says what is wrong with the card of `rank`.
    fn read(bytes: &[u8], rank: usize, secret: Secret) -> Result<Card> {
        let failed = |kind, why: String| Error::at(kind, "init", rank, why);
        let version = bytes.first_chunk().map(|version| u32::from_le_bytes(*version));
        if let Some(version) = version.filter(|version| *version != PROTOCOL) {
            let why =
                format!("it speaks version {version} of the ranks' protocol, this rank version {PROTOCOL}");
            return Err(failed(ErrorKind::Unsupported, why));
        }
        let card = Card::parse(bytes).filter(|card| card.cookie == secret.cookie);
        card.ok_or_else(|| failed(ErrorKind::Bootstrap, "start of the job: its card is damaged".into()))
    }

    fn parse(bytes: &[u8]) -> Option<Card> {
        let (_, rest) = bytes.split_first_chunk::<4>()?;
        let (cookie, rest) = rest.split_first_chunk()?;
        let (kind, rest) = rest.split_first()?;
        let (row, rest) = rest.split_first_chunk()?;
        let (mirror, rest) = rest.split_first_chunk()?;
        let (processors, mut rest) = rest.split_first_chunk()?;
        let mut field = || {
            let (len, tail) = rest.split_first_chunk()?;
            let (field, tail) = tail.split_at_checked(u32::from_le_bytes(*len) as usize)?;
            rest = tail;
            Some(field)
        };
        let text = |field: &[u8]| String::from_utf8_lossy(field).into_owned();
        let why = text(field()?);
        Some(Card {
            cookie: u64::from_le_bytes(*cookie),
            failure: (*kind as usize).checked_sub(1).map(|at| Some((*KINDS.get(at)?, why))).unwrap_or(None),
            host: text(field()?),
            engine: text(field()?),
            address: field()?.to_vec(),
            row: u64::from_le_bytes(*row),
            mirror: u64::from_le_bytes(*mirror),
            processors: u64::from_le_bytes(*processors),
        })
    }
}

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
    let mut card = Card { cookie: secret.cookie, host: host_name(), processors, ..Card::default() };
    let made = prepare(&mut node, &layout, &mut card);
    card.failure = made.as_ref().err().cloned();
    let cards =
        node.exchange(&mut *bootstrap, &card.to_bytes()).map_err(|e| failed("start of the job", &e))?;
    let read = |(rank, bytes): (usize, &Vec<u8>)| Card::read(bytes, rank, secret);
    let cards = cards.iter().enumerate().map(read).collect::<Result<Vec<Card>>>()?;
    check(&cards)?;
    let (heap, outside) = made.map_err(|(kind, why)| Error::at(kind, "init", rank, why))?;
    let heap = Arc::new(heap);
    let is_set = |name: &str, value: &str| std::env::var(name).is_ok_and(|text| text == value);
    let host = if layout.nodes() > 1 { card.host.clone() } else { String::new() };
    let watch = Arc::new(Watch::new(heap.clone(), node, host));
    // Nodes may be containers, or pretended ones, of one machine: then ranks that the heap doesn't know share processors, too.
    let sharers = cards.iter().filter(|card| card.processors == processors).count();
    let policy = if sharers > count { SpinPolicy::SHARED } else { heap.spin_policy(1) };
    let direct = !is_set("GAIN_DIRECT", "0");
    // Ranks of a node are on one host.
    let host_of = |node: usize| cards[layout.members(node).next().unwrap_or(0)].host.as_str().into();
    let hosts: Arc<[Box<str>]> = (0..layout.nodes()).map(host_of).collect();
    let inbox = Arc::new(Inbox::default());
    let (layout_, watch_) = (layout.clone(), watch.clone());
    let transport: Arc<dyn Transport> = match outside {
        None => Arc::new(Shm::new(heap.clone(), layout_, watch_, policy, direct)),
        Some(Outside { wire, progress }) => {
            let book = cards.iter().map(|card| card.address.as_slice().into()).collect();
            let (heap, layout, watch, hosts) = (heap.clone(), layout_, watch_, hosts.clone());
            let job = secret.word();
            let inbox = inbox.clone();
            let around = Surroundings { heap, layout, watch, policy, direct, progress, inbox, hosts, job };
            Net::start(wire, book, around)?
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
        watch,
        hosts,
        bootstrap: Mutex::new(bootstrap),
        heap,
        layout,
        foundings: Arc::default(),
        forks: fork::count(),
    });
    let node_team = Team::of_node(&shared);
    let team = if shared.is_wide() { world_team(&shared, &cards) } else { node_team.clone() };
    Ok((shared, team, node_team))
}

/// Environment variable: `rounds` or `flat` sets how members of a node meet. A testing aid.
const MEETINGS: &str = "GAIN_MEETINGS";

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
    card: &mut Card,
) -> std::result::Result<(Heap, Option<Outside>), (ErrorKind, String)> {
    let heap = map_heap(node).map_err(|why| (ErrorKind::Memory, why))?;
    if layout.nodes() == 1 {
        return Ok((heap, None));
    }
    let no_memory = |error: shm::OutOfMemory| (ErrorKind::Memory, error.to_string());
    card.row = heap.allocate_zeroed(ROW_LEN, 64).map_err(no_memory)?.offset as u64;
    if layout.index(layout.me()) == 0 {
        let len = mirror_len(layout.nodes(), layout.len());
        card.mirror = heap.allocate_zeroed(len, 64).map_err(no_memory)?.offset as u64;
    }
    let progress = progress().map_err(|why| (ErrorKind::Bootstrap, why))?;
    let wire = choose::open(layout.len(), progress).map_err(|why| {
        let why = format!("ranks on {} nodes need a network: {why}", layout.nodes());
        (ErrorKind::Unsupported, why)
    })?;
    card.engine = wire.speaks();
    card.address = wire.address().to_vec();
    Ok((heap, Some(Outside { wire, progress })))
}

/// Errors of any rank, and engines that can't talk to one another.
fn check(cards: &[Card]) -> Result<()> {
    let failed = |card: &Card| card.failure.clone();
    if let Some((rank, (kind, why))) =
        cards.iter().enumerate().find_map(|(at, card)| Some((at, failed(card)?)))
    {
        return Err(Error::at(kind, "init", rank, why));
    }
    match cards.iter().position(|card| card.engine != cards[0].engine) {
        None => Ok(()),
        Some(rank) => {
            let (first, other) = (&cards[0], &cards[rank]);
            let message = format!(
                "rank 0 on {} would use {} and rank {rank} on {} {}; {} chooses",
                first.host,
                first.engine,
                other.host,
                other.engine,
                choose::VARIABLE
            );
            Err(Error::at(ErrorKind::Unsupported, "init", rank, message))
        }
    }
}

/// The team of all ranks of a job of several nodes.
fn world_team(shared: &Arc<Shared>, cards: &[Card]) -> Team {
    let joint = |(rank, card): (usize, &Card)| {
        let row = Remote { rank, offset: card.row as usize };
        Joint { row, mirror: card.mirror as usize, name: rank }
    };
    let joints: Vec<Joint> = cards.iter().enumerate().map(joint).collect();
    // SAFETY: zeroed blocks that are never freed.
    unsafe { Team::join(shared, 0, shared.rank, &joints, None) }
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
    let mut bytes = [0u8; 256];
    // SAFETY: a buffer of our own and its length, less one for the closing zero.
    unsafe { libc::gethostname(bytes.as_mut_ptr().cast(), bytes.len() - 1) };
    let name = bytes.split(|byte| *byte == 0).next().unwrap_or(&[]);
    String::from_utf8_lossy(name).into_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_arrive_as_they_were_sent() {
        let good = Card {
            cookie: 0xc00c1e,
            host: "h1".into(),
            engine: "ucx".into(),
            address: vec![0, 255, 7],
            row: 1 << 40,
            mirror: 64,
            processors: 1 << 60,
            failure: None,
        };
        let bad = Card { failure: Some((ErrorKind::Unsupported, "no engine".into())), ..Card::default() };
        for card in [&good, &bad] {
            let bytes = card.to_bytes();
            assert_eq!(Card::parse(&bytes).as_ref(), Some(card));
            assert!((0..bytes.len()).all(|len| Card::parse(&bytes[..len]).is_none()), "cut short");
        }
        let (secret, mut bytes) = (Secret { name: 1, cookie: 0xc00c1e }, good.to_bytes());
        assert_eq!(Card::read(&bytes, 3, secret).unwrap(), good);
        let error = Card::read(&bytes, 3, Secret { name: 1, cookie: 5 }).unwrap_err();
        assert_eq!((error.kind(), error.rank()), (ErrorKind::Bootstrap, Some(3)), "of another job");
        bytes[0] += 1;
        let error = Card::read(&bytes, 3, secret).unwrap_err();
        assert_eq!((error.kind(), error.rank()), (ErrorKind::Unsupported, Some(3)), "{error}");
        assert!(error.to_string().contains(&format!("speaks version {}", PROTOCOL + 1)), "{error}");
        assert_eq!(check(&[good.clone(), bad]).unwrap_err().kind(), ErrorKind::Unsupported);
        let other = Card { engine: "ofi".into(), ..good.clone() };
        let error = check(&[good.clone(), good.clone(), other]).unwrap_err().to_string();
        assert!(error.contains("rank 2") && error.contains("ofi") && error.contains("h1"), "{error}");
        assert!(check(&[good.clone(), good]).is_ok());
    }
}
