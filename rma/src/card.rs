//! Cards: what a rank tells all others when it starts, and how those of one node read what all have told.
//!
//! Leaders have all cards first. If nobody has failed they put them into the node heap, where the members read them, and beside them the
//! [`Directory`], which stays. Otherwise, and on a single node, the members are told all cards themselves, and all ranks find the same error.
//!
//! Invariant: a card that isn't this job's, or speaks another version of the ranks' protocol, is an error on every rank.

use crate::bootstrap::{Node, PROTOCOL, Secret, join, split};
use crate::directory::{Directory, written};
use crate::error::{Error, ErrorKind, Result};
use crate::transport::net::choose;
use shm::Heap;
use std::borrow::Cow;
use std::io;
use std::ptr::NonNull;

/// What a rank tells all others when it starts.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Card<'a> {
    /// The job's cookie.
    pub(crate) cookie: u64,
    /// Kind of failure and why; empty if all is well.
    pub(crate) failure: Option<(ErrorKind, String)>,
    pub(crate) host: Cow<'a, str>,
    /// The network engine, and how to connect to it; empty in a job of one node.
    pub(crate) engine: Cow<'a, str>,
    pub(crate) address: Cow<'a, [u8]>,
    /// Where row and, at the node's first rank, mirror begin in the arena.
    pub(crate) row: u64,
    pub(crate) mirror: u64,
    /// Stands for the machine and the processors of it that the rank may use.
    pub(crate) processors: u64,
}

/// Kinds of failure that a card can tell, by number from 1.
const KINDS: [ErrorKind; 3] = [ErrorKind::Memory, ErrorKind::Unsupported, ErrorKind::Bootstrap];

impl<'a> Card<'a> {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
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
        let fields = [why.as_bytes(), self.host.as_bytes(), self.engine.as_bytes(), &*self.address];
        for field in fields {
            bytes.extend((field.len() as u32).to_le_bytes());
            bytes.extend(field);
        }
        bytes
    }

    /// An error says what is wrong with the card of `rank`.
    pub(crate) fn read(bytes: &'a [u8], rank: usize, secret: Secret) -> Result<Card<'a>> {
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

    fn parse(bytes: &'a [u8]) -> Option<Card<'a>> {
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
        let text = |field: &'a [u8]| String::from_utf8_lossy(field);
        let why = text(field()?).into_owned();
        Some(Card {
            cookie: u64::from_le_bytes(*cookie),
            failure: (*kind as usize).checked_sub(1).map(|at| Some((*KINDS.get(at)?, why))).unwrap_or(None),
            host: text(field()?),
            engine: text(field()?),
            address: field()?.into(),
            row: u64::from_le_bytes(*row),
            mirror: u64::from_le_bytes(*mirror),
            processors: u64::from_le_bytes(*processors),
        })
    }
}

/// Errors of any rank, and engines that can't talk to one another.
pub(crate) fn check(cards: &[Card<'_>]) -> Result<()> {
    let failed = |card: &Card<'_>| card.failure.clone();
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
                "rank 0 on {} would use {} and rank {rank} on {} {}: hosts need the same engine and version, and {} chooses",
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

/// All ranks' cards, as this process has them.
pub(crate) struct Cards<'a> {
    all: Vec<&'a [u8]>,
    secret: Secret,
}

impl<'a> Cards<'a> {
    /// The card of a rank.
    pub(crate) fn get(&self, rank: usize) -> Result<Card<'a>> {
        Card::read(self.all.get(rank).copied().unwrap_or_default(), rank, self.secret)
    }

    /// All of them, by rank.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Result<Card<'a>>> + '_ {
        (0..self.all.len()).map(|rank| self.get(rank))
    }
}

/// What the members of a node are told of the cards.
pub(crate) enum Told {
    /// The cards.
    Whole(Vec<u8>),
    /// Where the leader has put cards and directory, and how long they are.
    Shared([u64; 4]),
}

impl Told {
    /// Collective over the node: at the leader, `all` is every rank's card. Cards are shared if `heap` is there and nobody has failed.
    pub(crate) fn spread(
        node: &mut Node,
        heap: Option<&Heap>,
        all: Option<Vec<Vec<u8>>>,
        secret: Secret,
    ) -> io::Result<Told> {
        let told = match all {
            None => node.be_told()?,
            Some(all) => {
                let whole = || [&[0][..], &join(all.iter().map(Vec::as_slice))].concat();
                let shared = heap.and_then(|heap| share(heap, &all, secret));
                let told = shared.map_or_else(whole, |places| {
                    [&[1][..], places.map(u64::to_ne_bytes).as_flattened()].concat()
                });
                node.tell(&told)?;
                told
            }
        };
        let damaged = || io::Error::other("what a node's leader says of the cards is damaged");
        let (kind, rest) = told.split_first().ok_or_else(damaged)?;
        if *kind == 0 {
            return Ok(Told::Whole(rest.to_vec()));
        }
        let words = rest.as_chunks().0.iter().map(|word| u64::from_ne_bytes(*word)).collect::<Vec<_>>();
        words.try_into().map(Told::Shared).map_err(|_| damaged())
    }

    /// The cards, until they are [given back](Told::give_back).
    pub(crate) fn cards<'a>(&'a self, heap: Option<&'a Heap>, secret: Secret) -> io::Result<Cards<'a>> {
        let bytes = match self {
            Told::Whole(bytes) => bytes,
            Told::Shared([at, len, ..]) => {
                let heap = heap.ok_or_else(|| io::Error::other("cards in a heap that isn't mapped"))?;
                // SAFETY: the leader of this node has written them there, and frees them when all members have read them.
                unsafe { std::slice::from_raw_parts(heap.address(0, *at as usize), *len as usize) }
            }
        };
        Ok(Cards { all: split(bytes)?, secret })
    }

    /// Collective over the node: nobody reads the cards any more.
    pub(crate) fn give_back(&self, node: &mut Node, heap: &Heap) -> io::Result<()> {
        let Told::Shared([at, ..]) = self else { return Ok(()) };
        node.await_all()?;
        if heap.rank() == 0 {
            heap.free(*at as usize);
        }
        Ok(())
    }

    /// The directory of all addresses.
    pub(crate) fn directory(&self, heap: &Heap, cards: &Cards<'_>) -> Result<Directory> {
        let ranks = cards.all.len();
        match self {
            Told::Shared([.., at, len]) => {
                let base = NonNull::new(heap.address(0, *at as usize)).expect("the leader's arena is mapped");
                // SAFETY: a block of the leader's arena, written before this was told and never freed.
                Ok(unsafe { Directory::mapped(base, *len as usize, ranks) })
            }
            Told::Whole(_) => {
                let addresses = cards.iter().map(|card| Ok(card?.address)).collect::<Result<Vec<_>>>()?;
                Ok(Directory::own(written(addresses.iter().map(|address| &**address)), ranks))
            }
        }
    }
}

/// Puts good cards, and the directory, into the leader's arena; none if they are bad, or if there is no memory for them.
fn share(heap: &Heap, all: &[Vec<u8>], secret: Secret) -> Option<[u64; 4]> {
    let cards = all.iter().enumerate().map(|(rank, bytes)| Card::read(bytes, rank, secret));
    let cards = cards.collect::<Result<Vec<_>>>().ok()?;
    check(&cards).ok()?;
    let put = |bytes: Vec<u8>| {
        let block = heap.allocate(bytes.len().max(1), 64).ok()?;
        let to = heap.address(heap.rank(), block.offset);
        // SAFETY: a block of the own arena that nobody knows of yet, of at least that length.
        unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Some([block.offset as u64, bytes.len() as u64])
    };
    let directory = put(written(cards.iter().map(|card| &*card.address)))?;
    let Some(cards) = put(join(all.iter().map(Vec::as_slice))) else {
        heap.free(directory[0] as usize);
        return None;
    };
    Some([cards[0], cards[1], directory[0], directory[1]])
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
            address: vec![0, 255, 7].into(),
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
        let other = Card { engine: "ucx 1.17".into(), host: "h2".into(), ..good.clone() };
        let error = check(&[good.clone(), good.clone(), other]).unwrap_err();
        assert_eq!((error.kind(), error.rank()), (ErrorKind::Unsupported, Some(2)));
        assert!(error.to_string().contains("rank 2 on h2 ucx 1.17"), "{error}");
        let other = Card { engine: "ofi".into(), ..good.clone() };
        let error = check(&[good.clone(), good.clone(), other]).unwrap_err().to_string();
        assert!(error.contains("rank 2") && error.contains("ofi") && error.contains("h1"), "{error}");
        assert!(check(&[good.clone(), good]).is_ok());
    }
}
