//! What all ranks decide alike, and how they notice when they don't.
//!
//! Which buffer a value gets, whether it is written in place, and when a barrier is due, each rank decides by itself from what
//! it knows: the same operations, recorded and dropped in the same order. A reference that one rank keeps longer than the
//! others, or an operation that only some ranks call, breaks that. So each decision goes into a digest, which the ranks
//! compare in every synchronisation that takes place anyway ([`rma::Team::pledge`]): it costs nothing but the hashing.
//! No rank can have read what another one stored elsewhere before: what was written since the last synchronisation is
//! read by its owner only.
//!
//! Where digests differ the ranks meet once more ([`Session::reconcile`]) and tell each other what they did since the last
//! agreement:
//!
//! - If only the drops of variables differ, that is all: what some ranks have dropped waits in [`super::limbo`] for the
//!   others, and the synchronisation is made again.
//! - If a rank only wanted to be sure that nobody reads any more what it alone has looked at ([`Purpose::Caution`]), it is
//!   sure now, and goes on. The others make their synchronisation again.
//! - Else it is an error on all ranks, which names the first decision that differs; nothing distributed works from then on.
//!
//! Invariant: [`Session::epoch`] grows by one in each agreement, which all ranks reach at the same place of the program.

use super::state::Session;
use super::told::{Told, each};
use super::trail::{Decision, Purpose, mix};
use crate::error::{Error, Kind, Result};
use crate::status::site::Site;
use std::cell::{Cell, RefCell};
use std::sync::atomic::Ordering::Relaxed;

thread_local! {
    /// The error under way, for [`Session::reconcile`] to tell.
    static FAILURE: RefCell<Option<Error>> = const { RefCell::new(None) };
    /// Another rank's failure was told, and is on its way out of the algorithm.
    static HEARD: Cell<bool> = const { Cell::new(false) };
}

/// What to do after a mismatch that is none.
enum After {
    Again,
    Over,
}

impl Session {
    /// Agreements so far, and one.
    #[inline]
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Relaxed)
    }

    /// A decision that all ranks take, about value `number`, which was asked for at `made`.
    #[inline]
    pub(crate) fn note(&self, what: Decision, number: u64, choice: u64, made: Site) {
        if self.size > 1 {
            self.trail.note(what, number, choice, made);
        }
    }

    /// Runs a synchronisation, which compares what was decided before. Collective.
    ///
    /// `work` is one collective call; it runs again if it had no effect because ranks differed in what may differ. `None`: this
    /// rank had asked out of [caution](Purpose::Caution) and need not wait any longer.
    pub(crate) fn together<T>(&self, purpose: Purpose, work: impl Fn() -> Result<T>) -> Result<Option<T>> {
        if self.size == 1 {
            self.epoch.fetch_add(1, Relaxed);
            return work().map(Some);
        }
        loop {
            if let Some(error) = self.diverged.get() {
                return Err(error.clone());
            }
            self.team().pledge(mix(self.trail.digest() ^ self.limbo.seal() ^ (purpose as u64) << 56));
            let done = work();
            self.team().pledge(0);
            match done {
                Err(error) if error.kind() == Kind::Mismatch => match self.reconcile(purpose, error)? {
                    After::Again => {}
                    After::Over => return Ok(None),
                },
                Err(error) => return Err(error),
                Ok(done) => {
                    self.trail.forget();
                    self.epoch.fetch_add(1, Relaxed);
                    self.limbo.let_go(self.size);
                    return Ok(Some(done));
                }
            }
        }
    }

    /// An algorithm begins: whatever failed before it is over.
    pub(crate) fn begin(&self) {
        HEARD.set(false);
    }

    /// An algorithm failed on this rank, and perhaps on others: tells them, unless the error came from them. Returns the error
    /// that all ranks have then, that of the first of them. Collective.
    #[cold]
    pub(crate) fn fail(&self, error: Error) -> Error {
        if self.size == 1 || HEARD.replace(false) {
            return error;
        }
        FAILURE.with_borrow_mut(|failure| *failure = Some(error.clone()));
        let told = self.together(Purpose::Failure, || Ok(self.team().barrier()?));
        FAILURE.take();
        HEARD.set(false);
        // If all failed the barrier took place.
        told.err().unwrap_or(error)
    }

    /// What this rank tells the others.
    fn told(&self, purpose: Purpose) -> Told {
        let (digest, count, entries) = self.trail.tell();
        let failure =
            FAILURE.with_borrow(|failure| failure.as_ref().map(|e| (e.kind(), e.message().to_owned())));
        let (kind, line) = match failure {
            Some((kind, text)) => (kind as u64, text),
            None => (0, shown(rma::waits::locate())),
        };
        Told { purpose: purpose as u64, digest, count, entries, dropped: self.limbo.told(), kind, line }
    }

    /// The ranks differ: they tell each other how. Collective.
    #[cold]
    fn reconcile(&self, purpose: Purpose, mismatch: Error) -> Result<After> {
        let mine = self.told(purpose);
        let all: Vec<Told> = self
            .team()
            .allgatherv(&mine.words())?
            .iter()
            .map(|words| Told::read(words))
            .collect::<Option<_>>()
            .ok_or_else(|| Error::new(Kind::Runtime, "a rank said something that makes no sense"))?;
        if let Some(failed) = all.iter().find(|told| told.purpose == Purpose::Failure as u64) {
            // All leave the algorithm here, and begin anew alike.
            self.limbo.hear(all.iter().map(|told| &told.dropped[..]));
            self.trail.forget();
            HEARD.set(true);
            return Err(Error::new(Kind::from_number(failed.kind), failed.line.clone()));
        }
        let longest = all.iter().map(|told| told.count).max().unwrap_or(0);
        let is_ahead = |told: &&Told| told.count == longest;
        let ahead = all.iter().find(is_ahead).expect("one rank is as far as the farthest");
        // Who waits out of caution may be behind the others, which didn't have to wait there.
        let differs = |told: &Told| match told.is_cautious() && told.count < longest {
            true => {
                (0..told.count).any(|i| ahead.entry(i).is_none_or(|e| told.entry(i).is_some_and(|o| o != e)))
            }
            false => told.count != longest || told.digest != ahead.digest,
        };
        if all.iter().any(differs) {
            return Err(self.differ(&all)?);
        }
        let news = all.iter().any(|told| !told.dropped.is_empty());
        self.limbo.hear(all.iter().map(|told| &told.dropped[..]));
        let is_behind = |told: &Told| told.is_cautious() && told.count < longest;
        let is_here = |told: &&Told| !is_behind(told);
        let is_alike = all.iter().filter(is_here).all(|told| told.purpose == ahead.purpose);
        if !is_alike && !all.iter().filter(is_here).any(Told::is_cautious) {
            return Err(self.unlike(&all));
        }
        if is_alike && !news && !all.iter().any(is_behind) {
            // Nothing that is known here differs.
            return Err(mismatch);
        }
        let is_over = is_behind(&mine) || !is_alike && mine.is_cautious();
        Ok(if is_over { After::Over } else { After::Again })
    }

    /// Ranks in different collectives.
    #[cold]
    fn unlike(&self, all: &[Told]) -> Error {
        let error = Error::new(
            Kind::Mismatch,
            format!(
                "ranks do different things: {}",
                each(all, |told| Purpose::describe(told.purpose).into())
            ),
        );
        self.diverged.get_or_init(|| error).clone()
    }

    /// The error of ranks that decided differently: at which decision, about which array. Collective.
    #[cold]
    fn differ(&self, all: &[Told]) -> Result<Error> {
        let most = all.iter().map(|told| told.count).max().unwrap_or(0);
        let first = (0..most).find(|&i| {
            let entries = all.iter().filter(|told| i < told.count || !told.is_cautious());
            let mut entries = entries.map(|told| told.entry(i));
            let one = entries.next();
            entries.any(|entry| Some(entry) != one)
        });
        let made = first.and_then(|i| self.trail.site(i)).and_then(Site::resolve);
        let made: Vec<String> = self
            .team()
            .allgatherv(shown(made).as_bytes())?
            .into_iter()
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .collect();
        let text = match first {
            None => "ranks decided differently, too long ago to say where".to_owned(),
            Some(i) => {
                let of = |told: &Told| match told.entry(i) {
                    Some(e) => Decision::describe(e.what, e.choice).to_owned(),
                    None => "does nothing of the kind".into(),
                };
                let about = match made.iter().find(|text| !text.is_empty()) {
                    Some(line) => format!("the array made at {line}"),
                    None => "an array".into(),
                };
                format!("ranks decided differently about {about}: {}", each(all, of))
            }
        };
        let why = "a rank keeps a reference to an array that the others dropped, or calls an operation that they don't";
        Ok(self.diverged.get_or_init(|| Error::new(Kind::Mismatch, format!("{text}; {why}"))).clone())
    }
}

/// A line of the user's program; empty if it isn't known.
fn shown(line: Option<(String, u32)>) -> String {
    line.map_or_else(String::new, |(file, line)| format!("{file}:{line}"))
}
