//! Variables that this rank has dropped while others may still hold them.
//!
//! What a drop sets free decides which buffer is reused and what is written in place, and all ranks must decide alike.
//! Most drops happen at the same place of the same program on all ranks; but one rank may keep a reference longer (a log, a
//! traceback, `Out[]`), and a cyclic garbage collector runs when it likes. So a dropped variable that is distributed, and
//! whatever a collection drops, is set aside here, but for the names of intermediate values: those go at once, since a value
//! is fused with what uses it only if no variable has it. What is set aside leaves in one of two ways:
//!
//! - *When the ranks next agree* ([`super::agree`]) that all have dropped it. The digest of what is set aside is compared in
//!   every synchronisation; where it differs, the ranks tell each other what they dropped since, and wait for each other.
//! - *At once*, when a collection ends, if nobody can tell (`record::drops`): that is for the values' owner to find out.

use super::trail::mix;
use crate::lock;
use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// A value that a dropped variable had.
pub(crate) trait Value: Any + Send + Sync {
    /// The variable is gone, as all ranks know now.
    fn unname(&self);
}

/// Number of a dropped variable, and its value.
pub(crate) type Dropped = (u64, Arc<dyn Value>);

#[derive(Default)]
struct Aside {
    /// Dropped since the last synchronisation began. Another thread's collection may add to it at any time.
    new: Vec<Dropped>,
    /// Those that the synchronisation under way compares.
    sealed: Vec<Dropped>,
    /// Of the numbers of `sealed`, whatever their order.
    digest: u64,
    /// Variables that not all ranks have dropped: how many have, and the value if this rank has.
    awaited: HashMap<u64, (usize, Option<Arc<dyn Value>>)>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Limbo(Mutex<Aside>);

impl Limbo {
    fn lock(&self) -> MutexGuard<'_, Aside> {
        lock(&self.0)
    }

    /// Sets a variable aside.
    pub(crate) fn take(&self, number: u64, value: Arc<dyn Value>) {
        self.lock().new.push((number, value));
    }

    /// Splits what this rank has set aside, and the ranks haven't begun to compare, into what stays and what is the caller's to
    /// let go.
    pub(crate) fn sift<R>(&self, split: impl FnOnce(Vec<Dropped>) -> (Vec<Dropped>, R)) -> R {
        let mut aside = self.lock();
        let (kept, gone) = split(std::mem::take(&mut aside.new));
        aside.new = kept;
        gone
    }

    /// A digest of what was dropped since the ranks last told each other.
    #[inline]
    pub(super) fn seal(&self) -> u64 {
        let mut aside = self.lock();
        let Aside { new, sealed, digest, .. } = &mut *aside;
        if !new.is_empty() {
            *digest = new.iter().fold(*digest, |sum, (number, _)| sum.wrapping_add(mix(*number)));
            sealed.append(new);
        }
        *digest
    }

    /// Whether this rank dropped something that the ranks haven't compared yet.
    pub(crate) fn is_waiting(&self) -> bool {
        let aside = self.lock();
        !(aside.new.is_empty() && aside.sealed.is_empty())
    }

    /// The numbers of what was sealed.
    pub(super) fn told(&self) -> Vec<u64> {
        self.lock().sealed.iter().map(|(number, _)| *number).collect()
    }

    /// What each rank has told, this one included. On all ranks alike.
    pub(super) fn hear<'a>(&self, dropped: impl Iterator<Item = &'a [u64]>) {
        let mut aside = self.lock();
        let Aside { sealed, digest, awaited, .. } = &mut *aside;
        for number in dropped.flatten() {
            awaited.entry(*number).or_default().0 += 1;
        }
        for (number, value) in sealed.drain(..) {
            awaited.entry(number).or_default().1 = Some(value);
        }
        *digest = 0;
    }

    /// The ranks have agreed on what was sealed: what all have dropped goes. In an order that is the same on all ranks.
    pub(super) fn let_go(&self, ranks: usize) {
        let mut aside = self.lock();
        if aside.sealed.is_empty() && aside.awaited.is_empty() {
            return;
        }
        let mut gone = std::mem::take(&mut aside.sealed);
        aside.digest = 0;
        let everywhere = aside.awaited.extract_if(|_, (count, _)| *count == ranks);
        gone.extend(everywhere.filter_map(|(number, (_, value))| Some((number, value?))));
        drop(aside);
        gone.sort_unstable_by_key(|(number, _)| *number);
        gone.iter().for_each(|(_, value)| value.unname());
    }
}

impl std::fmt::Debug for Limbo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Limbo").field(&self.told()).finish()
    }
}
