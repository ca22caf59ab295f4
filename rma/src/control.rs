//! The meeting: the one protocol below all collectives.
//!
//! Every member of a team owns a [`Row`](crate::row::Row) in its own arena (those of a world of one node lie in the heap's root area). In meeting
//! number `n` a member writes its words into line `n % 2` and its bytes into outbox `n % 2`, publishes `n`, and waits until every
//! other member has published `n`. Then it may read everybody's line and outbox number `n % 2`.
//!
//! One round is enough: nobody writes line `n % 2` again before meeting `n + 2`, which it enters only after everybody
//! has entered meeting `n + 1`, hence is done reading what belongs to `n`. A line is one cache line with number, signature and up
//! to [`WORDS`](crate::row::WORDS) words, so a small collective moves one cache line per member.
//!
//! On a node with many members, and a processor for each, nobody waits for every other: they hear of one another in the rounds of a
//! dissemination barrier ([`shm::sync::Barrier`]), whose signals carry the signatures. Lines are written as always, and read only where words
//! are asked for, or to say who differs. With few members, or more than processors, one look at each costs less than rounds that depend on one
//! another.
//!
//! Members on other nodes are met through their nodes' leaders, which copy lines into one another's mirrors: see
//! [`crate::mirror`]. Their lines are read in the mirror of this node, their outboxes by gets of the transport.

use crate::call::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::{Meeting, Mirror};
use crate::outboxes::Progress;
use crate::retired::page_len;
use crate::row::{Place, Row};
use crate::rows::{Rows, Wait};
use crate::shared::Shared;
use crate::signature::Signature;
use crate::transport::Remote;
use shm::sync::{Barrier, Counter};
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

/// A team's way to meet: by rows on a node, by the leaders' mirrors between nodes.
pub(crate) struct Control {
    rows: Rows,
    /// The way to the members of other nodes, if there are any.
    mirror: Option<Mirror>,
    /// Whether the members of this node meet in rounds.
    in_rounds: bool,
}

impl Control {
    /// The way to meet the members of `rows`.
    ///
    /// All members of a node give the same `in_rounds`; `mirror` has the lines of members on other nodes, if there are any.
    pub(crate) fn new(rows: Rows, mirror: Option<Mirror>, in_rounds: bool) -> Control {
        assert!(rows.near.len() == rows.size() || mirror.is_some(), "a row elsewhere needs a mirror");
        Control { rows, mirror, in_rounds }
    }

    /// Bytes it takes besides itself.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        self.rows.heap_bytes() + self.mirror.as_ref().map_or(0, Mirror::heap_bytes)
    }

    /// The rows of its members.
    pub(crate) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Gives the slots of a page bits: each member of this node's at what `offered` says of its team rank. Behind them are those of its leader.
    ///
    /// # Safety
    /// Two zeroed pages are mapped there, and stay as long as the team.
    pub(crate) unsafe fn grow(&self, page: usize, offered: impl Fn(usize) -> NonNull<u8>) {
        if let Some(mirror) = &self.mirror {
            // SAFETY: the second page.
            mirror.grow(page, unsafe { offered(self.rows.near[0].rank).add(page_len(page)) });
        }
        // SAFETY: the first page.
        unsafe { self.rows.grow(page, offered) };
    }

    /// The way to other nodes, if the team has members there.
    pub(crate) fn mirror(&self) -> Option<&Mirror> {
        self.mirror.as_ref()
    }

    /// Where this member puts its bytes for the next meeting: as many as fit, aligned to 64.
    pub(crate) fn my_outbox(&self, progress: &Progress) -> *mut u8 {
        progress.outbox(self.rows.me, progress.number + 1).mapped
    }

    /// Meets all members. Without `words` nobody may read anybody's after it. Errors: `Mismatch` on every member when
    /// signatures differ (the meeting has taken place then); `Died`.
    pub(crate) fn meet(
        &self,
        world: &Shared,
        team: u64,
        progress: &mut Progress,
        call: Call,
        signature: Signature,
        words: &[u64],
    ) -> Result<()> {
        progress.number += 1;
        let number = progress.number;
        let Control { rows, mirror, in_rounds } = self;
        let mine = rows.mine();
        let line = &mine.lines[(number % 2) as usize];
        line.operation.store(signature.operation, Ordering::Relaxed);
        line.count.store(signature.count, Ordering::Relaxed);
        for (slot, word) in line.words.0.iter().zip(words) {
            slot.store(*word, Ordering::Relaxed);
        }
        if rows.size() == 1 {
            return Ok(());
        }
        if world.check {
            mine.places[(number % 2) as usize].write(call);
        }
        line.number.store(number, Ordering::Release);
        let wait = Wait { world, team, call, number };
        let mut differs = None;
        if *in_rounds {
            let barrier =
                Barrier::new(|place: usize| &rows.near[place].row().barrier, rows.near.len(), rows.my_near);
            let heard = |here: &Counter, from: usize| {
                let is_here = || here.load() >= number;
                rows.await_near(wait, &rows.near[from], is_here, |context| {
                    here.wait_at_least(number, context)
                })
            };
            let agree = barrier.wait(number, [signature.operation, signature.count], heard)?;
            mine.arrived.publish(number);
            if !agree {
                differs = rows.near.iter().find_map(|near| near.differing(signature, number));
            }
        } else {
            mine.arrived.publish(number);
            for near in rows.near.iter().filter(|near| near.rank != rows.me) {
                let row = near.row();
                let line = &row.lines[(number % 2) as usize];
                let is_here = || line.number.load(Ordering::Acquire) == number;
                rows.await_near(wait, near, is_here, |context| row.arrived.wait_at_least(number, context))?;
                differs = differs.or_else(|| near.differing(signature, number));
            }
        }
        if let Some(mirror) = mirror {
            let meeting = Meeting { world, team, call, number, signature, has_words: !words.is_empty() };
            let found = mirror.meet(rows, &meeting, differs)?;
            differs = differs.or(found);
        }
        match differs {
            None => Ok(()),
            Some((rank, other)) => {
                let place = self.place(world, rank, number);
                Err(mismatch(world, call, signature, rows.name(rank), other, &place))
            }
        }
    }

    /// Whether the members of this node meet in rounds.
    pub(crate) fn in_rounds(&self) -> bool {
        self.in_rounds
    }

    /// A word of `rank` in the meeting that has just taken place.
    #[inline]
    pub(crate) fn word(&self, progress: &Progress, rank: usize, index: usize) -> u64 {
        let number = progress.number;
        match (self.rows.line(rank, number), &self.mirror) {
            (Some(line), _) => line.words.0[index].load(Ordering::Relaxed),
            (None, Some(mirror)) => mirror.word((number % 2) as usize, rank, index),
            (None, None) => unreachable!("a row elsewhere needs a mirror"),
        }
    }

    /// From where `rank` called, if that is known.
    #[cold]
    fn place(&self, world: &Shared, rank: usize, number: u64) -> String {
        if !world.check {
            return String::new();
        }
        let half = (number % 2) as usize;
        if let Some(near) = self.rows.near(rank) {
            return near.row().places[half].read();
        }
        let at = std::mem::offset_of!(Row, places) + half * size_of::<Place>();
        let (rank, offset) = (self.rows.members.get(rank), self.rows.offsets.get(rank) + at);
        let copy = Place { text: Default::default() };
        let dst = copy.text.as_ptr().cast_mut().cast::<u8>();
        // SAFETY: the place of a member's row, which that member keeps until this one meets it again; the copy is atomics of
        // our own, written by the transport only, until the wait is over.
        let read = unsafe { world.transport.get(Remote { rank, offset }, dst, size_of::<Place>()) };
        match read.and_then(|token| world.transport.wait(token)) {
            Ok(()) => copy.read(),
            // It may have ended over this already.
            Err(_) => "an unknown place".into(),
        }
    }
}

#[cold]
fn mismatch(
    world: &Shared,
    call: Call,
    mine: Signature,
    rank: usize,
    other: Signature,
    place: &str,
) -> Error {
    let (me, at) = (world.rank, call.location);
    let place = if world.check { format!(" at {place}") } else { " (GAIN_CHECK=1 says where)".into() };
    let message = format!(
        "ranks called different collectives: world rank {me} {mine} at {at}, team rank {rank} {other}{place}"
    );
    Error::at(ErrorKind::Mismatch, call.op.name(), rank, message)
}
