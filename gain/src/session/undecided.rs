//! Floating-point exceptions of shared passes that not all ranks know of yet.

use crate::lock;
use crate::status::{Event, Place, Policy};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What the ranks have yet to tell each other.
#[derive(Debug, Default)]
pub(super) struct Undecided {
    /// Events by number of the pass and place in it.
    events: Mutex<Vec<(u64, Event)>>,
    /// Shared passes that were watched: the same on every rank.
    watched: AtomicU64,
}

impl Undecided {
    /// A pass is watched: its number.
    pub(super) fn watch(&self) -> u64 {
        self.watched.fetch_add(1, Relaxed)
    }

    /// Whether a pass was.
    #[inline]
    pub(super) fn is_watched(&self) -> bool {
        self.watched.load(Relaxed) > 0
    }

    /// Pass `pass` found something, at `place` in it.
    pub(super) fn add(&self, pass: u64, place: u32, event: Event) {
        lock(&self.events).push((pass << 32 | u64::from(place), event));
    }

    /// How much is there to tell.
    pub(super) fn len(&self) -> u64 {
        lock(&self.events).len() as u64
    }

    /// The ranks meet: no pass was watched since.
    pub(super) fn settle(&self) {
        self.watched.store(0, Relaxed);
    }

    /// What is there to tell, in words and as it is.
    pub(super) fn take(&self) -> (Vec<u64>, Vec<(u64, Event)>) {
        let mine = std::mem::take(&mut *lock(&self.events));
        let mut words = Vec::new();
        mine.iter().for_each(|(key, event)| pack(*key, event, &mut words));
        (words, mine)
    }
}

/// What all ranks have told, in the order of passes and places; `mine` is what this one did.
pub(super) fn merge(told: &[Vec<u64>], rank: usize, mine: Vec<(u64, Event)>) -> Vec<Event> {
    let mut all: Vec<(u64, Event)> = Vec::new();
    for (teller, words) in told.iter().enumerate() {
        let mut rest = &words[..];
        while let Some((key, event)) = unpack(&mut rest) {
            match all.iter_mut().find(|(known, _)| *known == key) {
                Some((_, known)) => known.bits |= event.bits,
                None if teller == rank => {}
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
    all.into_iter().map(|(_, event)| event).collect()
}

/// An event as words: key, policy and exceptions, line, lengths of two texts, their bytes.
fn pack(key: u64, event: &Event, words: &mut Vec<u64>) {
    let (file, line) = match &event.place {
        Place::Here(site) => site.resolve().unwrap_or_default(),
        Place::There(file, line) => (file.clone(), *line),
    };
    let (modes, callee) = (u64::from(event.policy.packed()), u64::from(event.policy.callee()));
    words.extend([key, callee << 24 | modes << 8 | u64::from(event.bits), line.into()]);
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
    use crate::status::{DIVIDE, INVALID, Mode};

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
