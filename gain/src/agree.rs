//! What all ranks decide alike, and how they notice when they don't.
//!
//! Which buffer a value gets, whether it is written in place, and when a barrier is due, each rank decides by itself from what
//! it knows: the same operations, recorded and dropped in the same order. A reference that one rank keeps longer than the
//! others, or an operation that only some ranks call, breaks that. So each decision goes into a digest, which the ranks
//! compare in every synchronisation that takes place anyway ([`rma::Team::pledge`]): it costs nothing but the hashing.
//! No rank can have read what another one stored elsewhere before: what was written since the last synchronisation is
//! read by its owner only.
//!
//! Where digests differ the ranks meet once more ([`reconcile`]) and tell each other what they did since the last
//! agreement:
//!
//! - If only the drops of variables differ, that is all: what some ranks have dropped waits in [`crate::limbo`] for the
//!   others, and the synchronisation is made again.
//! - If a rank only wanted to be sure that nobody reads any more what it alone has looked at ([`Purpose::Caution`]), it is
//!   sure now, and goes on. The others make their synchronisation again.
//! - Else it is an error on all ranks, which names the first decision that differs; nothing distributed works from then on.
//!
//! Invariant: [`epoch`] grows by one in each agreement, which all ranks reach at the same place of the program.

use crate::error::{Error, Kind, Result};
use crate::graph::lock;
use crate::limbo;
use crate::site::Site;
use crate::world;
use rma::fork::PerProcess;
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};

/// Decisions that are kept to be told; of older ones only their number is known.
const TOLD: usize = 4096;

/// What was decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Decision {
    /// A value is stored in a buffer that held something else, or in one of its own.
    Store,
    /// A buffer comes from the pool (its place there), or is a new one.
    Take,
    /// An element is written in place, or the assignment is recorded.
    Poke,
    /// An algorithm runs, or a product is cut in one of its ways.
    Stage,
}

impl Decision {
    const ALL: [Decision; 4] = [Decision::Store, Decision::Take, Decision::Poke, Decision::Stage];

    fn describe(code: u64, choice: u64) -> &'static str {
        match (Decision::ALL.get(code as usize), choice) {
            (Some(Decision::Store), 0) => "stores it in a buffer of its own",
            (Some(Decision::Store), _) => "stores it in place of what nobody needs any more",
            (Some(Decision::Take), NEW) => "allocates a buffer",
            (Some(Decision::Take), _) => "reuses a buffer that the others don't",
            (Some(Decision::Poke), 0) => "records an assignment to an element",
            (Some(Decision::Poke), _) => "writes an element in place",
            (Some(Decision::Stage), _) => "runs an algorithm",
            (None, _) => "did something unknown",
        }
    }
}

/// The choice of [`Decision::Take`] that means a new buffer.
pub(crate) const NEW: u64 = u64::MAX;

/// What a synchronisation is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Purpose {
    /// The program asks for it.
    Barrier,
    /// A pass reads what other ranks wrote, or writes what they read.
    Pass,
    /// Shares of a reduction are combined, or parts of a result exchanged.
    Combine,
    /// A buffer is allocated.
    Allocate,
    /// The job ends.
    Leave,
    /// Others may be looking at what is about to be overwritten. A rank may want this alone.
    Caution,
    /// This rank can't finish an algorithm that all are in; the others learn of it wherever they meet next.
    Failure,
}

impl Purpose {
    fn describe(code: u64) -> &'static str {
        const TEXTS: [&str; 7] = [
            "waits at a barrier",
            "waits for what other ranks compute",
            "combines a result with those of other ranks",
            "allocates an array",
            "leaves the job",
            "waits until nobody looks at an array any more",
            "failed",
        ];
        TEXTS.get(code as usize).copied().unwrap_or("waits")
    }
}

/// One decision: what (low byte) with its choice, about which value, recorded where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Entry {
    what: u64,
    choice: u64,
    number: u64,
}

#[derive(Debug, Default)]
struct Trail {
    digest: u64,
    /// Decisions since the last agreement.
    count: usize,
    /// The last of them, and where the values they are about were asked for.
    told: Vec<(Entry, Site)>,
}

static TRAIL: PerProcess<Mutex<Trail>> = PerProcess::new();
static EPOCH: AtomicU64 = AtomicU64::new(1);
/// The error that all ranks have in common once they decided differently.
static DIVERGED: PerProcess<Error> = PerProcess::new();

fn trail() -> MutexGuard<'static, Trail> {
    lock(TRAIL.get_or_init(Mutex::default))
}

fn forget_trail() {
    let mut trail = trail();
    (trail.digest, trail.count) = (0, 0);
    trail.told.clear();
}

/// In a forked child: there is nobody to agree with.
pub(crate) fn renew() {
    TRAIL.forget();
    DIVERGED.forget();
}

/// Agreements so far, and one.
#[inline]
pub(crate) fn epoch() -> u64 {
    EPOCH.load(Relaxed)
}

/// Spreads the bits of a word; a step of SplitMix64.
#[inline]
pub(crate) fn mix(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A decision that all ranks take, about value `number`, which was asked for at `made`.
#[inline]
pub(crate) fn note(what: Decision, number: u64, choice: u64, made: Site) {
    if world::size() == 1 {
        return;
    }
    let entry = Entry { what: what as u64, choice, number };
    let mut trail = trail();
    trail.digest = mix(trail.digest ^ mix(number ^ choice.rotate_left(24) ^ (entry.what << 56)));
    trail.count += 1;
    if trail.told.len() == 2 * TOLD {
        trail.told.drain(..TOLD);
    }
    trail.told.push((entry, made));
}

/// Runs a synchronisation, which compares what was decided before. Collective.
///
/// `work` is one collective call; it runs again if it had no effect because ranks differed in what may differ. `None`: this
/// rank had asked out of [caution](Purpose::Caution) and need not wait any longer.
pub(crate) fn together<T>(purpose: Purpose, work: impl Fn() -> Result<T>) -> Result<Option<T>> {
    let runtime = world::get();
    if runtime.size == 1 {
        EPOCH.fetch_add(1, Relaxed);
        return work().map(Some);
    }
    loop {
        if let Some(error) = DIVERGED.get() {
            return Err(error.clone());
        }
        let decided = trail().digest;
        world::team().pledge(mix(decided ^ limbo::seal() ^ (purpose as u64) << 56));
        let done = work();
        world::team().pledge(0);
        match done {
            Err(error) if error.kind() == Kind::Mismatch => match reconcile(purpose, error)? {
                After::Again => {}
                After::Over => return Ok(None),
            },
            Err(error) => return Err(error),
            Ok(done) => {
                forget_trail();
                EPOCH.fetch_add(1, Relaxed);
                limbo::let_go();
                return Ok(Some(done));
            }
        }
    }
}

/// An algorithm begins: whatever failed before it is over.
pub(crate) fn begin() {
    HEARD.set(false);
}

/// An algorithm failed on this rank, and perhaps on others: tells them, unless the error came from them. Returns the error
/// that all ranks have then, that of the first of them. Collective.
#[cold]
pub(crate) fn fail(error: Error) -> Error {
    if world::size() == 1 || HEARD.replace(false) {
        return error;
    }
    FAILURE.with_borrow_mut(|failure| *failure = Some(error.clone()));
    let told = together(Purpose::Failure, || Ok(world::team().barrier()?));
    FAILURE.take();
    HEARD.set(false);
    // If all failed the barrier took place.
    told.err().unwrap_or(error)
}

thread_local! {
    /// The error under way, for [`reconcile`] to tell.
    static FAILURE: RefCell<Option<Error>> = const { RefCell::new(None) };
    /// Another rank's failure was told, and is on its way out of the algorithm.
    static HEARD: Cell<bool> = const { Cell::new(false) };
}

/// What to do after a mismatch that is none.
enum After {
    Again,
    Over,
}

/// What a rank tells the others.
struct Told {
    purpose: u64,
    digest: u64,
    count: usize,
    /// The last decisions, from number `count - entries.len()` on.
    entries: Vec<Entry>,
    dropped: Vec<u64>,
    /// Of the error of a rank that failed.
    kind: u64,
    /// Where the rank is in the program, or the text of its error.
    line: String,
}

impl Told {
    fn mine(purpose: Purpose) -> Told {
        let trail = trail();
        let entries = trail.told[trail.told.len().saturating_sub(TOLD)..].iter().map(|told| told.0).collect();
        let failure =
            FAILURE.with_borrow(|failure| failure.as_ref().map(|e| (e.kind(), e.message().to_owned())));
        let (kind, line) = match failure {
            Some((kind, text)) => (kind as u64, text),
            None => (0, shown(rma::waits::locate())),
        };
        Told {
            purpose: purpose as u64,
            digest: trail.digest,
            count: trail.count,
            entries,
            dropped: limbo::told(),
            kind,
            line,
        }
    }

    fn words(&self) -> Vec<u64> {
        let mut words = vec![self.purpose, self.digest, self.count as u64, self.entries.len() as u64];
        words.extend([self.dropped.len() as u64, self.kind, self.line.len() as u64]);
        words.extend(self.entries.iter().flat_map(|e| [e.what, e.choice, e.number]));
        words.extend(&self.dropped);
        words.extend(self.line.bytes().map(u64::from));
        words
    }

    /// `None` for words that no rank would say.
    fn read(words: &[u64]) -> Option<Told> {
        let (&[purpose, digest, count, entries, dropped, kind, line], rest) =
            words.split_first_chunk::<7>()?;
        let (entries, rest) = rest.split_at_checked(usize::try_from(entries.checked_mul(3)?).ok()?)?;
        let (dropped, rest) = rest.split_at_checked(usize::try_from(dropped).ok()?)?;
        let line: Vec<u8> = rest.get(..usize::try_from(line).ok()?)?.iter().map(|word| *word as u8).collect();
        let entry = |e: &[u64]| Entry { what: e[0], choice: e[1], number: e[2] };
        Some(Told {
            purpose,
            digest,
            count: usize::try_from(count).ok()?,
            entries: entries.chunks_exact(3).map(entry).collect(),
            dropped: dropped.to_vec(),
            kind,
            line: String::from_utf8_lossy(&line).into_owned(),
        })
    }

    fn is_cautious(&self) -> bool {
        self.purpose == Purpose::Caution as u64
    }

    /// Decision `i` since the last agreement, if it is told.
    fn entry(&self, i: usize) -> Option<Entry> {
        self.entries.get(i.checked_sub(self.count - self.entries.len())?).copied()
    }
}

/// The ranks differ: they tell each other how. Collective.
#[cold]
fn reconcile(purpose: Purpose, mismatch: Error) -> Result<After> {
    let mine = Told::mine(purpose);
    let all: Vec<Told> = world::team()
        .allgatherv(&mine.words())?
        .iter()
        .map(|words| Told::read(words))
        .collect::<Option<_>>()
        .ok_or_else(|| Error::new(Kind::Runtime, "a rank said something that makes no sense"))?;
    if let Some(failed) = all.iter().find(|told| told.purpose == Purpose::Failure as u64) {
        // All leave the algorithm here, and begin anew alike.
        limbo::hear(all.iter().map(|told| &told.dropped[..]));
        forget_trail();
        HEARD.set(true);
        return Err(Error::new(Kind::from_number(failed.kind), failed.line.clone()));
    }
    let longest = all.iter().map(|told| told.count).max().unwrap_or(0);
    let is_ahead = |told: &&Told| told.count == longest;
    let ahead = all.iter().find(is_ahead).expect("one rank is as far as the farthest");
    // Who waits out of caution may be behind the others, which didn't have to wait there.
    let differs = |told: &Told| match told.is_cautious() && told.count < longest {
        true => (0..told.count).any(|i| ahead.entry(i).is_none_or(|e| told.entry(i).is_some_and(|o| o != e))),
        false => told.count != longest || told.digest != ahead.digest,
    };
    if all.iter().any(differs) {
        return Err(diverged(&all)?);
    }
    let news = all.iter().any(|told| !told.dropped.is_empty());
    limbo::hear(all.iter().map(|told| &told.dropped[..]));
    let is_behind = |told: &Told| told.is_cautious() && told.count < longest;
    let is_here = |told: &&Told| !is_behind(told);
    let is_alike = all.iter().filter(is_here).all(|told| told.purpose == ahead.purpose);
    if !is_alike && !all.iter().filter(is_here).any(Told::is_cautious) {
        return Err(unlike(&all));
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
fn unlike(all: &[Told]) -> Error {
    let error = Error::new(
        Kind::Mismatch,
        format!("ranks do different things: {}", each(all, |told| Purpose::describe(told.purpose).into())),
    );
    DIVERGED.get_or_init(|| error).clone()
}

/// A line of the user's program; empty if it isn't known.
fn shown(line: Option<(String, u32)>) -> String {
    line.map_or_else(String::new, |(file, line)| format!("{file}:{line}"))
}

/// The error of ranks that decided differently: at which decision, about which array. Collective.
#[cold]
fn diverged(all: &[Told]) -> Result<Error> {
    let most = all.iter().map(|told| told.count).max().unwrap_or(0);
    let first = (0..most).find(|&i| {
        let entries = all.iter().filter(|told| i < told.count || !told.is_cautious());
        let mut entries = entries.map(|told| told.entry(i));
        let one = entries.next();
        entries.any(|entry| Some(entry) != one)
    });
    let made = |i: usize| {
        let trail = trail();
        let (_, site) = trail.told.get(i.checked_sub(trail.count - trail.told.len())?)?;
        Some(*site)
    };
    let made = first.and_then(made).and_then(Site::resolve);
    let made: Vec<String> = world::team()
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
    let why =
        "a rank keeps a reference to an array that the others dropped, or calls an operation that they don't";
    Ok(DIVERGED.get_or_init(|| Error::new(Kind::Mismatch, format!("{text}; {why}"))).clone())
}

/// `ranks 0,2 do this at a line; rank 1 does that at another`.
fn each(all: &[Told], what: impl Fn(&Told) -> String) -> String {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (rank, told) in all.iter().enumerate() {
        let line = if told.line.is_empty() { String::new() } else { format!(" at {}", told.line) };
        let text = what(told) + &line;
        match groups.iter_mut().find(|(other, _)| *other == text) {
            Some((_, ranks)) => ranks.push(rank.to_string()),
            None => groups.push((text, vec![rank.to_string()])),
        }
    }
    let sentence = |(text, ranks): &(String, Vec<String>)| {
        format!("rank{} {} {text}", if ranks.len() > 1 { "s" } else { "" }, ranks.join(","))
    };
    groups.iter().map(sentence).collect::<Vec<_>>().join("; ")
}
