//! Floating-point exceptions: what an operation is to do about them, and what is yet to be said of those found.
//!
//! The bits are those of MXCSR. A [`Policy`] is taken when an operation is recorded; what its evaluation finds becomes
//! an [`Event`], which the language binding takes from this thread once the operation that evaluated it is over.
//!
//! What a replicated pass finds, every rank finds. Of a distributed pass each rank sees its share, so its events wait
//! until the ranks next synchronise: then, if any of them has one, all exchange what they have, and all go on with the
//! same events ([`agree`]). No synchronisation is made for it, but where an operation is to raise. So every rank raises
//! alike, filters of warnings act alike, and one rank can print for all.

use crate::agree::{self, Purpose};
use crate::dtype::{DType, Kind, Scalar, kind};
use crate::error::Result;
use crate::graph::lock;
use crate::site::{self, Origin, Site};
use crate::world;
use rma::fork::PerProcess;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The result of an invalid operation is not a number.
pub const INVALID: u8 = 1;
/// A finite number was divided by zero, or a function was taken at a pole.
pub const DIVIDE: u8 = 4;
/// A result is too large for its type.
pub const OVER: u8 = 8;
/// A result is too small for its type.
pub const UNDER: u8 = 16;

/// Not of MXCSR: complex numbers became real ones, which no policy is asked about.
pub const IMAGINARY: u8 = 128;

/// The kinds that policies are about, in the order in which they are told.
pub const ALL: [u8; 4] = [DIVIDE, OVER, UNDER, INVALID];

/// What to do about one kind of exception.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Mode {
    /// Nothing.
    Ignore,
    /// Warn.
    Warn,
    /// Fail. The operation is then evaluated at the call.
    Raise,
    /// Call the user's function.
    Call,
    /// Print a line.
    Print,
    /// Write a line to the user's object.
    Log,
}

/// What to do about each kind of exception; the default ignores all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Policy {
    /// Three bits for each of [`ALL`].
    modes: u16,
    callee: u16,
    wanted: u8,
    raises: bool,
}

impl Policy {
    /// Ignore all.
    pub const IGNORE: Policy = Policy { modes: 0, callee: 0, wanted: 0, raises: false };

    /// The modes for [`ALL`] kinds in their order, and a number of the binding's for what `Call` and `Log` use.
    pub fn new(modes: [Mode; 4], callee: u16) -> Policy {
        let packed = modes.iter().enumerate().map(|(k, &mode)| (mode as u16) << (3 * k)).sum();
        Policy::unpack(packed, callee)
    }

    fn unpack(modes: u16, callee: u16) -> Policy {
        let mut policy = Policy { modes, callee, ..Policy::IGNORE };
        for kind in ALL {
            policy.wanted |= if policy.mode(kind) == Mode::Ignore { 0 } else { kind };
            policy.raises |= policy.mode(kind) == Mode::Raise;
        }
        policy
    }

    /// The mode for one kind.
    pub fn mode(self, kind: u8) -> Mode {
        let place = ALL.iter().position(|&k| k == kind).unwrap_or(0);
        match self.modes >> (3 * place) & 7 {
            1 => Mode::Warn,
            2 => Mode::Raise,
            3 => Mode::Call,
            4 => Mode::Print,
            5 => Mode::Log,
            _ => Mode::Ignore,
        }
    }

    /// The binding's number.
    pub fn callee(self) -> u16 {
        self.callee
    }

    /// The kinds that are not ignored.
    #[inline]
    pub fn wanted(self) -> u8 {
        self.wanted
    }

    /// Whether the operation must be evaluated at the call.
    #[inline]
    pub fn raises(self) -> bool {
        self.raises
    }
}

/// Where an operation was recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// By this process.
    Here(Site),
    /// File and line, told by another rank.
    There(String, u32),
}

/// Exceptions of one operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// The operation, as NumPy names it.
    pub name: Cow<'static, str>,
    /// The exceptions, each of which its policy wants to know of.
    pub bits: u8,
    /// What to do about them.
    pub policy: Policy,
    /// The line that asked for the operation.
    pub place: Place,
}

/// In a forked child: nobody else has events.
pub(crate) fn renew() {
    UNDECIDED.forget();
    WATCHED.store(0, Relaxed);
}

thread_local! {
    static HAS: Cell<bool> = const { Cell::new(false) };
    static FOUND: RefCell<Vec<Event>> = const { RefCell::new(Vec::new()) };
}

/// Events of shared passes since the ranks last agreed, by number of the pass and place in it.
static UNDECIDED: PerProcess<Mutex<Vec<(u64, Event)>>> = PerProcess::new();
/// Shared passes that were watched since then: the same on every rank.
static WATCHED: AtomicU64 = AtomicU64::new(0);

/// The events of operations of this thread, once.
#[inline]
pub fn take() -> Vec<Event> {
    if HAS.replace(false) { FOUND.take() } else { Vec::new() }
}

fn tell(event: Event) {
    HAS.set(true);
    FOUND.with_borrow_mut(|found| found.push(event));
}

/// An operation that was done at once, the same on every rank, raised these.
#[cold]
pub(crate) fn raised(name: &'static str, bits: u8) {
    let Origin { site, policy } = site::current();
    if bits & policy.wanted() != 0 {
        let bits = bits & policy.wanted();
        tell(Event { name: name.into(), bits, policy, place: Place::Here(site) });
    }
}

/// Elements of type `from` become elements of type `to`: what is known at the call, the same on every rank.
#[inline]
pub(crate) fn converts(from: DType, to: DType) {
    if kind(from) == Kind::Complex && !matches!(kind(to), Kind::Complex | Kind::Bool) {
        discards();
    }
}

#[cold]
fn discards() {
    let place = Place::Here(site::current().site);
    tell(Event { name: "".into(), bits: IMAGINARY, policy: Policy::IGNORE, place });
}

/// The number `x` was converted to `y`.
#[inline]
pub(crate) fn converted(x: Scalar, y: Scalar) -> Scalar {
    converts(x.dtype(), y.dtype());
    if let Scalar::F32(_) | Scalar::C64(_) = y
        && !y.as_c128().is_finite()
        && x.as_c128().is_finite()
    {
        raised("cast", OVER);
    }
    y
}

/// A pass that is shared among the ranks is watched. The same on every rank.
pub(crate) fn watch_shared() -> u64 {
    WATCHED.fetch_add(1, Relaxed)
}

/// A pass found these: number `pass` of those that are shared, if it is one, at `place` in it.
#[cold]
pub(crate) fn found(name: &'static str, bits: u8, origin: Origin, pass: Option<u64>, place: u32) {
    let event = Event { name: name.into(), bits, policy: origin.policy, place: Place::Here(origin.site) };
    match pass {
        Some(pass) => {
            lock(UNDECIDED.get_or_init(Mutex::default)).push((pass << 32 | u64::from(place), event))
        }
        None => tell(event),
    }
}

/// Whether there may be something to agree on; the same on every rank.
#[inline]
pub(crate) fn is_undecided() -> bool {
    WATCHED.load(Relaxed) > 0
}

/// This rank's word for a synchronisation of all: the number of its events.
pub(crate) fn word() -> u64 {
    lock(UNDECIDED.get_or_init(Mutex::default)).len() as u64
}

/// The ranks synchronised and know that they have events, or that nobody has. Collective.
pub(crate) fn settle(any: bool) -> Result<()> {
    WATCHED.store(0, Relaxed);
    if any { exchange() } else { Ok(()) }
}

/// Agree on the events so far. Collective, a synchronisation if there was anything to watch.
pub(crate) fn agree(purpose: Purpose) -> Result<()> {
    if world::size() == 1 || !is_undecided() {
        return Ok(());
    }
    match agree::together(purpose, || Ok(world::team().allgather(&[word()])?))? {
        Some(words) => settle(words.iter().any(|&count| count > 0)),
        None => Ok(()),
    }
}

#[cold]
fn exchange() -> Result<()> {
    let mine = std::mem::take(&mut *lock(UNDECIDED.get_or_init(Mutex::default)));
    let mut words = Vec::new();
    mine.iter().for_each(|(key, event)| pack(*key, event, &mut words));
    let mut all: Vec<(u64, Event)> = Vec::new();
    let told = agree::together(Purpose::Combine, || Ok(world::team().allgatherv(&words)?))?;
    for (rank, words) in told.unwrap_or_default().iter().enumerate() {
        let mut rest = &words[..];
        while let Some((key, event)) = unpack(&mut rest) {
            match all.iter_mut().find(|(known, _)| *known == key) {
                Some((_, known)) => known.bits |= event.bits,
                None if rank == world::rank() => {}
                None => all.push((key, event)),
            }
        }
    }
    for (key, event) in mine {
        match all.iter_mut().find(|(known, _)| *known == key) {
            // One's own place says more.
            Some((_, known)) => *known = Event { bits: known.bits | event.bits, ..event },
            None => all.push((key, event)),
        }
    }
    all.sort_by_key(|(key, _)| *key);
    all.into_iter().for_each(|(_, event)| tell(event));
    Ok(())
}

/// An event as words: key, policy and exceptions, line, lengths of two texts, their bytes.
fn pack(key: u64, event: &Event, words: &mut Vec<u64>) {
    let (file, line) = match &event.place {
        Place::Here(site) => site.resolve().unwrap_or_default(),
        Place::There(file, line) => (file.clone(), *line),
    };
    let Policy { modes, callee, .. } = event.policy;
    words.extend([key, u64::from(callee) << 24 | u64::from(modes) << 8 | u64::from(event.bits), line.into()]);
    for text in [event.name.as_bytes(), file.as_bytes()] {
        words.push(text.len() as u64);
        for chunk in text.chunks(8) {
            let mut bytes = [0; 8];
            bytes[..chunk.len()].copy_from_slice(chunk);
            words.push(u64::from_le_bytes(bytes));
        }
    }
}

fn unpack(words: &mut &[u64]) -> Option<(u64, Event)> {
    let mut next = || {
        let (first, rest) = words.split_first()?;
        *words = rest;
        Some(*first)
    };
    let (key, policy, line) = (next()?, next()?, next()?);
    let mut text = || {
        let len = next()? as usize;
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            bytes.extend(next()?.to_le_bytes());
        }
        bytes.truncate(len);
        String::from_utf8(bytes).ok()
    };
    let (name, file) = (text()?, text()?);
    let place = Place::There(file, line as u32);
    let (bits, policy) = (policy as u8, Policy::unpack((policy >> 8) as u16, (policy >> 24) as u16));
    Some((key, Event { name: name.into(), bits, policy, place }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_holds_a_mode_for_each_kind() {
        let policy = Policy::new([Mode::Warn, Mode::Raise, Mode::Ignore, Mode::Log], 9);
        let modes: Vec<Mode> = ALL.iter().map(|&kind| policy.mode(kind)).collect();
        assert_eq!(modes, [Mode::Warn, Mode::Raise, Mode::Ignore, Mode::Log]);
        assert_eq!((policy.callee(), policy.wanted()), (9, DIVIDE | OVER | INVALID));
        assert!(policy.raises());
        assert_eq!((Policy::default().wanted(), Policy::default().raises()), (0, false));
    }

    #[test]
    fn events_travel_as_words() {
        let policy = Policy::new([Mode::Warn, Mode::Raise, Mode::Ignore, Mode::Log], 9);
        let place = Place::There("folder/füle.py".into(), 77);
        let events = ["floor_divide", "", "cast", "12345678"].map(|name| Event {
            name: name.into(),
            bits: DIVIDE | INVALID,
            policy,
            place: place.clone(),
        });
        let mut words = Vec::new();
        events.iter().enumerate().for_each(|(key, event)| pack(key as u64, event, &mut words));
        let mut rest = &words[..];
        for (key, event) in events.into_iter().enumerate() {
            assert_eq!(unpack(&mut rest), Some((key as u64, event)));
        }
        assert_eq!(unpack(&mut rest), None);
    }
}
