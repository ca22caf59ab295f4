//! Things that C knows by numbers.
//!
//! Invariant: a new thing gets the lowest number that is free, so ranks that make and give up the same things in one order have the same numbers.

use std::sync::{Arc, PoisonError, RwLock};

/// A table of them. What is taken out stays for who got it before.
pub struct Numbered<T>(RwLock<Vec<Option<Arc<T>>>>);

impl<T> Numbered<T> {
    /// None.
    #[allow(clippy::new_without_default)] // for statics
    pub const fn new() -> Numbered<T> {
        Numbered(RwLock::new(Vec::new()))
    }

    /// Gives a thing its number.
    pub fn add(&self, thing: T) -> usize {
        let mut list = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let free = list.iter().position(Option::is_none).unwrap_or(list.len());
        if free == list.len() {
            list.push(None);
        }
        list[free] = Some(Arc::new(thing));
        free
    }

    /// The thing of a number.
    pub fn get(&self, number: usize) -> Option<Arc<T>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(number).cloned().flatten()
    }

    /// Takes a thing out; its number is free then.
    pub fn take(&self, number: usize) -> Option<Arc<T>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner).get_mut(number).and_then(Option::take)
    }

    /// Takes all out.
    pub fn drain(&self) -> impl Iterator<Item = Arc<T>> + use<T> {
        std::mem::take(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner)).into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::Numbered;

    #[test]
    fn the_lowest_free_number_is_given() {
        let list = Numbered::new();
        assert_eq!([list.add('a'), list.add('b'), list.add('c')], [0, 1, 2]);
        assert_eq!(list.take(1).as_deref(), Some(&'b'));
        assert!(list.take(1).is_none() && list.get(1).is_none() && list.get(7).is_none());
        assert_eq!([list.add('d'), list.add('e')], [1, 3]);
        assert_eq!(list.drain().map(|thing| *thing).collect::<String>(), "adce");
        assert_eq!(list.add('f'), 0);
    }
}
