//! Synchronisations in which the ranks also tell each other of floating-point exceptions.
//!
//! Of a distributed pass each rank sees its share, so its events wait until the ranks next synchronise: then, if any of
//! them has one, all exchange what they have, and all go on with the same events. No synchronisation is made for it, but
//! where an operation is to raise. So every rank raises alike, filters of warnings act alike, and one rank can print for all.

use super::alone::is_private;
use super::state::Session;
use super::trail::Purpose;
use super::undecided::merge;
use crate::error::Result;
use crate::status::site::Origin;
use crate::status::{self, Event, Place};

impl Session {
    /// A pass that is shared among the ranks is watched: its number. The same on every rank.
    pub(crate) fn watch_shared(&self) -> u64 {
        self.undecided.watch()
    }

    /// A pass found these: number `pass` of those that are shared, if it is one, at `place` in it.
    #[cold]
    pub(crate) fn found(&self, name: &'static str, bits: u8, origin: Origin, pass: Option<u64>, place: u32) {
        let event = Event { name: name.into(), bits, policy: origin.policy, place: Place::Here(origin.site) };
        match pass {
            Some(pass) => self.undecided.add(pass, place, event),
            None => status::tell(event),
        }
    }

    /// A barrier that is needed for the sake of shared memory; counted.
    pub(crate) fn synchronise(&self, purpose: Purpose) -> Result<()> {
        self.count(|c| &c.barriers, 1);
        self.meet(purpose)
    }

    /// A barrier, in which the ranks agree on their events. Collective.
    pub(super) fn meet(&self, purpose: Purpose) -> Result<()> {
        match self.undecided.is_watched() {
            true => self.agree_on_events(purpose),
            false => self.together(purpose, || Ok(self.team().barrier()?)).map(drop),
        }
    }

    /// Words of all ranks, by rank. Collective.
    pub(crate) fn share<const N: usize>(&self, mine: [u64; N]) -> Result<Vec<[u64; N]>> {
        if self.size == 1 {
            return Ok(vec![mine]);
        }
        let words = [&mine[..], &[self.undecided.len()]].concat();
        let all = self.together(Purpose::Combine, || Ok(self.team().allgather(&words)?))?;
        let all = all.expect("only who is cautious goes on alone");
        let shares = all.chunks_exact(N + 1);
        self.settle(shares.clone().any(|share| share[N] > 0))?;
        Ok(shares.map(|share| share[..N].try_into().expect("N words")).collect())
    }

    /// Agree on the events so far. Collective, a synchronisation if there was anything to watch.
    pub(crate) fn agree_on_events(&self, purpose: Purpose) -> Result<()> {
        if self.size == 1 || is_private() || !self.undecided.is_watched() {
            return Ok(());
        }
        match self.together(purpose, || Ok(self.team().allgather(&[self.undecided.len()])?))? {
            Some(counts) => self.settle(counts.iter().any(|&count| count > 0)),
            None => Ok(()),
        }
    }

    /// The ranks synchronised and know that they have events, or that nobody has. Collective.
    fn settle(&self, any: bool) -> Result<()> {
        self.undecided.settle();
        if any { self.exchange() } else { Ok(()) }
    }

    #[cold]
    fn exchange(&self) -> Result<()> {
        let (words, mine) = self.undecided.take();
        let told = self.together(Purpose::Combine, || Ok(self.team().allgatherv(&words)?))?;
        merge(&told.unwrap_or_default(), self.rank, mine).into_iter().for_each(status::tell);
        Ok(())
    }
}
