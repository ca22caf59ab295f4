//! Replies that are waited for.

use std::collections::HashMap;

/// A reply.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) header: Vec<u8>,
    pub(crate) contents: Vec<u8>,
}

/// The calls of this process that are not over, by token: whom they went to, and what came back.
#[derive(Default)]
pub(super) struct Desk {
    last: u64,
    calls: HashMap<u64, (usize, Option<Answer>)>,
}

impl Desk {
    /// A new call to a rank.
    pub(super) fn open(&mut self, to: usize) -> u64 {
        self.last += 1;
        self.calls.insert(self.last, (to, None));
        self.last
    }

    /// A reply has come; false if nobody waits for it, or for none of that rank.
    pub(super) fn put(&mut self, token: u64, from: usize, answer: Answer) -> bool {
        match self.calls.get_mut(&token) {
            Some((to, place)) if *to == from && place.is_none() => {
                *place = Some(answer);
                true
            }
            _ => false,
        }
    }

    /// The reply to a call, if it is there: then the call is over.
    pub(super) fn take(&mut self, token: u64) -> Option<Answer> {
        let answer = self.calls.get_mut(&token)?.1.take()?;
        self.calls.remove(&token);
        Some(answer)
    }

    pub(super) fn forget(&mut self, token: u64) {
        self.calls.remove(&token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_comes_once_from_whom_it_was_asked_of() {
        let answer = |byte| Answer { header: vec![], contents: vec![byte] };
        let mut desk = Desk::default();
        let (a, b) = (desk.open(3), desk.open(4));
        assert!(desk.take(a).is_none() && !desk.put(a, 4, answer(1)) && !desk.put(77, 3, answer(1)));
        assert!(desk.put(a, 3, answer(2)) && !desk.put(a, 3, answer(3)));
        assert_eq!(desk.take(a).unwrap().contents, [2]);
        assert!(desk.take(a).is_none() && !desk.put(a, 3, answer(4)));
        desk.forget(b);
        assert!(!desk.put(b, 4, answer(5)));
    }
}
