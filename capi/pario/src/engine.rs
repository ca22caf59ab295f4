//! The threads that read and write while the program goes on, and its requests.
//!
//! Threads start with the first work, up to [`THREADS`], and end with the process. A request is one piece of work or several; it is over when the last of them is, and its code is
//! the first that isn't 0.
//!
//! Invariant: work is done in the order in which it was given by as many threads as there are; no work waits for other work.

use crate::code;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// As many as keep a disk busy while others copy.
pub const THREADS: usize = 3;

type Work = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Queue {
    work: VecDeque<Work>,
    threads: usize,
    idle: usize,
}

static QUEUE: Mutex<Option<Queue>> = Mutex::new(None);
static CAME: Condvar = Condvar::new();

/// What several pieces of work have in common.
#[derive(Default)]
struct State {
    left: usize,
    code: i32,
}

/// Work under way. Clones are the same request.
#[derive(Clone, Default)]
pub struct Request(Arc<(Mutex<State>, Condvar)>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn give(work: Work) {
    let mut queue = lock(&QUEUE);
    let queue = queue.get_or_insert_default();
    queue.work.push_back(work);
    if queue.idle < queue.work.len() && queue.threads < THREADS {
        let started = std::thread::Builder::new().name("pario".into()).spawn(serve);
        queue.threads += usize::from(started.is_ok());
    }
    CAME.notify_one();
}

fn serve() {
    let mut queue = lock(&QUEUE);
    loop {
        let state = queue.get_or_insert_default();
        match state.work.pop_front() {
            Some(work) => {
                drop(queue);
                work();
                queue = lock(&QUEUE);
            }
            None => {
                state.idle += 1;
                queue = CAME.wait(queue).unwrap_or_else(PoisonError::into_inner);
                queue.get_or_insert_default().idle -= 1;
            }
        }
    }
}

/// The end of a piece of work, whether it comes back or not.
struct End(Request, i32);

impl Drop for End {
    fn drop(&mut self) {
        let (state, over) = &*self.0.0;
        let mut state = lock(state);
        state.left -= 1;
        if state.code == code::OK {
            state.code = self.1;
        }
        over.notify_all();
    }
}

impl Request {
    /// Adds work, whose result is a code.
    pub fn add(&self, work: impl FnOnce() -> i32 + Send + 'static) {
        lock(&self.0.0).left += 1;
        let end = End(self.clone(), code::OTHER);
        give(Box::new(move || {
            let mut end = end;
            end.1 = work();
        }));
    }

    /// Waits until all work is done; its code.
    pub fn wait(&self) -> i32 {
        let (state, over) = &*self.0;
        let mut state = lock(state);
        while state.left > 0 {
            state = over.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.code
    }

    /// Whether all work is done.
    pub fn is_over(&self) -> bool {
        lock(&self.0.0).left == 0
    }
}

/// Requests that a program knows by numbers, from 1 on; none is given twice in a row.
#[derive(Default)]
pub struct Numbered {
    list: HashMap<i32, Request>,
    last: i32,
}

impl Numbered {
    /// Gives a request its number.
    pub fn add(&mut self, request: Request) -> i32 {
        loop {
            self.last = if self.last == i32::MAX { 1 } else { self.last + 1 };
            if !self.list.contains_key(&self.last) {
                break;
            }
        }
        self.list.insert(self.last, request);
        self.last
    }

    /// The request of a number.
    pub fn get(&self, number: i32) -> Option<&Request> {
        self.list.get(&number)
    }

    /// Takes a request out, to be waited for.
    pub fn take(&mut self, number: i32) -> Option<Request> {
        self.list.remove(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::{Numbered, Request, THREADS};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_request_is_over_with_its_last_work() {
        let (request, done) = (Request::default(), Arc::new(AtomicUsize::new(0)));
        for number in 0..50 * THREADS as i32 {
            let done = done.clone();
            request.add(move || {
                done.fetch_add(1, Ordering::Relaxed);
                if number == 17 { -5 } else { 0 }
            });
        }
        assert_eq!(
            (request.wait(), done.load(Ordering::Relaxed), request.is_over()),
            (-5, 50 * THREADS, true)
        );
        assert_eq!(Request::default().wait(), 0);
    }

    #[test]
    fn numbers_are_not_given_twice() {
        let mut list = Numbered::default();
        let numbers = [(); 3].map(|()| list.add(Request::default()));
        assert_eq!(numbers, [1, 2, 3]);
        assert!(list.take(2).is_some() && list.take(2).is_none() && list.get(3).is_some());
        assert_eq!(list.add(Request::default()), 4);
    }
}
