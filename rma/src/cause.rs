//! What a wait is for: who asked, which rank it is for, and whose end makes it hopeless.
//!
//! Every wait of this crate is described by one [`Cause`], whichever way it waits; boards, observers and stall reports get theirs from it.

use crate::call::{Call, OpCode};
use crate::observe::{Event, Kind};
use shm::board::Record;
use std::panic::Location;

/// Whose end makes a wait hopeless.
#[derive(Clone, Copy)]
pub(crate) enum Needs<'a> {
    /// Any rank's: it isn't known who would end the wait.
    Any,
    /// A lock's owner, whom the lock itself asks after.
    Owner,
    /// Those world ranks for which this holds.
    These(&'a dyn Fn(usize) -> bool),
    /// All others': any one of them may end the wait.
    AnyOther,
    /// That of this world rank on another node.
    Elsewhere(usize),
}

/// What is waited for.
#[derive(Clone, Copy)]
pub(crate) struct Cause<'a> {
    pub(crate) call: Call,
    /// Id of the team.
    pub(crate) team: u64,
    /// A rank of the team, if it is a single one that is waited for.
    pub(crate) target: Option<usize>,
    /// Number of the meeting, or of the mutex.
    pub(crate) sequence: u64,
    /// Whose end makes the wait hopeless.
    pub(crate) needs: Needs<'a>,
}

impl<'a> Cause<'a> {
    /// A wait of a transport for a world rank.
    #[inline]
    pub(crate) fn at(
        op: OpCode,
        rank: usize,
        location: &'static Location<'static>,
        needs: Needs<'a>,
    ) -> Cause<'a> {
        Cause { call: Call { op, location }, team: 0, target: Some(rank), sequence: 0, needs }
    }

    /// What boards say of it.
    pub(crate) fn record(&self) -> Record<'static> {
        let Call { op, location } = self.call;
        Record {
            op: op as u32,
            team: self.team,
            target: self.target.map(|rank| rank as u32),
            sequence: self.sequence,
            text: op.name(),
            file: location.file(),
            line: location.line(),
        }
    }

    /// What observers are told.
    #[cold]
    pub(crate) fn event(&self) -> Event {
        Event::new(self.call.op, Kind::Wait).at(self.call.location)
    }
}
