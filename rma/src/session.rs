//! A collective call in progress: the right to meet the other members. [`crate::outbox`] adds the bytes they exchange.
//!
//! Invariant: while a session lives, its thread is the only one of this process inside the team's protocol.

use crate::call::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Layout;
use crate::mirror::{Extent, Mirror};
use crate::observe::{self, Event, Kind, Path, Span};
use crate::outboxes::{Outboxes, Progress};
use crate::post::may_wait;
use crate::retired::{NO_SLOT, SLOTS, page_len, page_of};
use crate::row::ROW_LEN;
use crate::series::Series;
use crate::shared::{alive, no_such_rank};
use crate::signature::Signature;
use crate::team::{Inner, Joint, Origin, Team, Tiers};
use crate::transport::Remote;
use std::ptr::NonNull;
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};

/// Size of each half of a large outbox: what the caches hold; between nodes, where each piece costs trips, some more.
const LARGE_HALF: usize = 256 * 1024;
const LARGE_HALF_OF_LEADERS: usize = 1024 * 1024;

/// The session of one collective call.
pub(crate) struct Session<'a> {
    pub(crate) team: &'a Inner,
    pub(crate) progress: MutexGuard<'a, Progress>,
    call: Call,
    /// Told to observers when this is dropped, if there are any.
    span: Option<Box<Span>>,
}

impl<'a> Session<'a> {
    /// Enters; waits for other threads of this process that are in a collective of the team.
    pub(crate) fn begin(team: &'a Inner, call: Call) -> Result<Session<'a>> {
        alive(call.op.name())?;
        may_wait(call.op.name())?;
        team.world.check(call.op.name())?;
        let span = observe::span(|| {
            let path = if team.control.mirror().is_some() { Path::Messages } else { Path::Shared };
            Event { path, location: Some(call.location), ..Event::new(call.op, Kind::Collective) }
        });
        let progress = team.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mirror) = team.control.mirror() {
            settle(team, mirror)?;
        }
        team.entered.fetch_add(1, Ordering::Relaxed);
        Ok(Session { team, progress, call, span })
    }
}

/// Clears the bits of segments dropped since the last call, once nothing is on its way to them.
fn settle(team: &Inner, mirror: &Mirror) -> Result<()> {
    let fading = team.retired.take_fading();
    if fading.is_empty() {
        return Ok(());
    }
    if let Err(error) = team.world.transport.fence_all() {
        fading.into_iter().for_each(|slot| team.retired.fade(slot));
        return Err(error);
    }
    for slot in fading {
        team.control.rows().clear_live(slot);
        mirror.dropped(slot);
    }
    Ok(())
}

impl<'a> Session<'a> {
    pub(crate) fn rank(&self) -> usize {
        self.team.rank
    }

    pub(crate) fn size(&self) -> usize {
        self.team.members.len()
    }

    pub(crate) fn call(&self) -> Call {
        self.call
    }

    /// One meeting; see [`Control::meet`](crate::control::Control::meet).
    pub(crate) fn meet(&mut self, signature: Signature, words: &[u64]) -> Result<()> {
        if let Some(span) = &mut self.span {
            span.moves(signature.bytes());
        }
        let Inner { world, id, control, pledge, .. } = self.team;
        let signature = signature.pledged(pledge.load(Ordering::Relaxed));
        control.meet(world, *id, &mut self.progress, self.call, signature, words)
    }

    pub(crate) fn word(&self, rank: usize, index: usize) -> u64 {
        self.team.control.word(&self.progress, rank, index)
    }

    /// How the team is spread over nodes, if it is.
    pub(crate) fn spread(&self) -> Option<&Layout> {
        self.team.control.mirror().map(Mirror::spread)
    }

    /// Whether the team has so many members on several nodes that not everybody should hear everybody's words.
    pub(crate) fn is_wide(&self) -> bool {
        self.spread().is_some() && self.size() > self.team.world.words_of
    }

    /// Makes outboxes large if `len` bytes don't fit the small ones. Called with the same `len` by all, with the signature of the
    /// call, whose first meeting this may be. Without memory for that the small ones go on serving.
    pub(crate) fn make_room(&mut self, len: usize, signature: Signature) -> Result<()> {
        if len <= self.capacity::<u8>() || self.progress.has_large() {
            return Ok(());
        }
        let heap = &self.team.world.heap;
        let half_len = if self.is_among_leaders() { LARGE_HALF_OF_LEADERS } else { LARGE_HALF };
        let block = heap.allocate(2 * half_len, 64).ok();
        let word = block.map_or(0, |block| block.offset as u64 + 1);
        let met = self.meet(signature, &[word]);
        let words: Vec<u64> = (0..self.size()).map(|rank| self.word(rank, 0)).collect();
        if met.is_err() || words.contains(&0) {
            if let Some(block) = block {
                heap.free(block.offset);
            }
            return met;
        }
        let offsets = Series::new(words.iter().map(|word| *word as usize - 1));
        let Inner { world, control, .. } = self.team;
        self.progress.set_large(Outboxes::new(world, control.rows(), half_len, offsets));
        self.team.large.store(word, Ordering::Relaxed);
        Ok(())
    }

    /// Meets with three words, and offers the others a zeroed block of `len` bytes (none if 0) for control memory; returns where
    /// it begins. Without memory on any member it is an error on all, and the blocks given as `besides` are freed, too.
    pub(crate) fn offer(
        &mut self,
        signature: Signature,
        words: [u64; 3],
        len: usize,
        besides: Option<usize>,
    ) -> Result<Option<usize>> {
        const NO_MEMORY: u64 = u64::MAX;
        let heap = &self.team.world.heap;
        let (block, word) = match len {
            0 => (None, 0),
            _ => match heap.allocate_zeroed(len, 64) {
                Ok(block) => (Some(block.offset), block.offset as u64 + 1),
                Err(_) => (None, NO_MEMORY),
            },
        };
        let met = self.meet(signature, &[words[0], words[1], words[2], word]);
        let bad = (0..self.size()).find(|rank| self.word(*rank, 3) == NO_MEMORY);
        if met.is_ok() && bad.is_none() {
            return Ok(block);
        }
        block.into_iter().chain(besides).for_each(|block| heap.free(block));
        met?;
        let message = format!("no {len} bytes for the control memory of a team");
        Err(Error::at(ErrorKind::Memory, self.call.op.name(), bad.unwrap_or(0), message))
    }

    /// Where the block begins that `rank` offered; anything if it offered none.
    pub(crate) fn offered(&self, rank: usize) -> usize {
        (self.word(rank, 3) as usize).wrapping_sub(1)
    }

    /// The parts of this team that large collectives are made of, if it has members on several nodes, several of them on some, and memory
    /// for that. A first meeting of the call takes place.
    pub(crate) fn tiers(&mut self, signature: Signature) -> Result<Option<&'a Tiers>> {
        let team = self.team;
        let Some(mirror) = team.control.mirror().filter(|mirror| mirror.has_company()) else {
            return Ok(None);
        };
        if let Some(tiers) = team.tiers.get() {
            return self.meet(signature, &[]).map(|()| tiers.as_ref());
        }
        let made = match self.make_tiers(signature, mirror) {
            Ok(tiers) => Some(tiers),
            // On all members alike.
            Err(error) if error.kind() == ErrorKind::Memory => None,
            Err(error) => return Err(error),
        };
        Ok(team.tiers.get_or_init(|| made).as_ref())
    }

    fn make_tiers(&mut self, signature: Signature, mirror: &Mirror) -> Result<Tiers> {
        let Inner { world, id, members, origin, .. } = self.team;
        let (spread, rank) = (mirror.spread(), self.rank());
        let nodes = spread.nodes();
        let is_leader = mirror.is_leader();
        // A row in the node's team, then a leader's row and mirror among the leaders.
        let extent = Extent::new(nodes, nodes, world.words_of);
        let len = ROW_LEN + if is_leader { ROW_LEN + extent.mirror_len() } else { 0 };
        let block = self.offer(signature, [0; 3], len, None)?;
        let joint = |rank: usize, at: usize| {
            let offset = self.offered(rank) + at;
            Joint { row: Remote { rank: members.get(rank), offset }, mirror: offset + ROW_LEN, name: rank }
        };
        let near: Vec<Joint> = spread.my_node().map(|rank| joint(rank, 0)).collect();
        let leader = |node| spread.members(node).next().expect("a node has members");
        let leaders: Vec<Joint> = (0..nodes).map(|node| joint(leader(node), ROW_LEN)).collect();
        let origin = |block| {
            let of_team = origin.clone()?;
            Some(Origin { blocks: [block, None], is_part: true, ..of_team })
        };
        // SAFETY: zeroed blocks just offered; they are freed with those of this team.
        unsafe {
            Ok(Tiers {
                node: Team::join(world, *id, spread.index(rank), &near, origin(block)),
                leaders: is_leader.then(|| Team::join(world, *id, spread.node(rank), &leaders, origin(None))),
            })
        }
    }

    /// A slot for a segment that is about to be allocated, at rank 0; the others learn it in the meeting.
    pub(crate) fn take_slot(&self) -> usize {
        if self.rank() == 0 { self.team.retired.take_slot() } else { NO_SLOT }
    }

    /// Nobody uses a slot any more. At rank 0 it can be had again.
    pub(crate) fn return_slot(&self, slot: usize) {
        if self.rank() == 0 {
            self.team.retired.return_slot(slot);
        }
    }

    /// Sees to it that a slot, which rank 0 took and all have heard of, has bits. An error, on all members, if there is no memory for them or no
    /// slot left; then the slot has been returned.
    pub(crate) fn make_bits(&mut self, signature: Signature, slot: usize) -> Result<()> {
        if slot == NO_SLOT {
            let message = format!("a team can't have more than {} segments and teams at a time", SLOTS - 1);
            return Err(Error::new(ErrorKind::Memory, self.call.op.name(), message));
        }
        let Some(page) = page_of(slot).filter(|_| !self.team.control.rows().has_bits(slot)) else {
            return Ok(());
        };
        self.offer(signature, [0; 3], 2 * page_len(page), None).inspect_err(|_| self.return_slot(slot))?;
        let offered = |rank: usize| {
            let place = Remote { rank: self.team.members.get(rank), offset: self.offered(rank) };
            NonNull::new(self.team.world.reach(place).mapped).expect("members of this node are mapped")
        };
        // SAFETY: zeroed blocks just offered, which go back with the team.
        unsafe { self.team.control.grow(page, offered) };
        Ok(())
    }

    /// This member frees its handle to the segment of a slot.
    pub(crate) fn clear_live(&self, slot: usize) {
        self.team.control.rows().clear_live(slot);
    }

    /// It still has it.
    pub(crate) fn set_live(&self, slot: usize) {
        self.team.control.rows().set_live(slot);
    }

    /// All members have got a handle to the segment of this slot.
    pub(crate) fn allocated(&self, slot: usize) {
        self.set_live(slot);
        if let Some(mirror) = self.team.control.mirror() {
            mirror.allocated(slot);
        }
    }

    /// All members have freed the segment of this slot.
    pub(crate) fn freed(&self, slot: usize) {
        if let Some(mirror) = self.team.control.mirror() {
            mirror.freed(slot);
        }
        self.return_slot(slot);
    }

    /// Counts a full synchronisation, and gives back what was retired before it.
    #[inline]
    pub(crate) fn complete(&mut self) {
        let epoch = self.team.epoch.load(Ordering::Relaxed) + 1;
        self.team.epoch.store(epoch, Ordering::Relaxed);
        let Inner { control, retired, entered, world, .. } = self.team;
        let is_live_elsewhere = |slot| control.mirror().is_some_and(|mirror| mirror.is_live_elsewhere(slot));
        let is_live = |slot| control.rows().is_live_here(slot) || is_live_elsewhere(slot);
        for retiree in retired.take(entered.load(Ordering::Relaxed), is_live) {
            if let Some(block) = retiree.block {
                world.heap.free(block);
            }
            if retiree.has_slot {
                self.return_slot(retiree.slot);
            }
        }
    }
}

impl Team {
    /// Begins a collective call.
    pub(crate) fn session(&self, call: Call) -> Result<Session<'_>> {
        Session::begin(&self.0, call)
    }

    /// Errors when `root` is no member, after telling the others.
    pub(crate) fn check_root(&self, call: Call, signature: Signature, root: usize) -> Result<()> {
        if root < self.size() {
            return Ok(());
        }
        Err(self.refuse(call, signature, no_such_rank(call.op.name(), root, self.size())))
    }

    /// What a collective whose arguments are wrong returns. Nobody is left waiting: the others meet a signature that no good
    /// call has, so theirs is a mismatch, or they have made the same mistake.
    #[cold]
    pub(crate) fn refuse(&self, call: Call, signature: Signature, error: Error) -> Error {
        match self.session(call) {
            Ok(mut session) => {
                // The mismatch that others are told is this error here.
                let _ = session.meet(signature, &[]);
                error
            }
            Err(finalized) => finalized,
        }
    }
}
