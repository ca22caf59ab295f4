//! The spans of this process, and their text as events of the Trace Event Format, which chrome://tracing and Perfetto read.
//!
//! A process of the trace is a rank, a thread is a thread. Times are microseconds since a moment that the caller chooses. What comes after
//! the list is full is counted and left out.

use super::{Event, Kind, Observer, Path};
use std::cell::Cell;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Waits shorter than this are left out: they are the look at something that was there.
const SHORT: Duration = Duration::from_micros(1);

struct Record {
    event: Event,
    began: Instant,
    spent: Duration,
    thread: u32,
}

/// The list.
pub(crate) struct Trace {
    records: Mutex<Vec<Record>>,
    most: usize,
    dropped: AtomicU64,
    is_closed: AtomicBool,
    /// A moment by the clock of this process and by the one that all processes of a node have, in nanoseconds.
    zero: (Instant, u64),
}

/// The clock that all processes of a node have, in nanoseconds.
pub(crate) fn node_clock() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes a timespec of our own.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// A number for this thread, from 1.
fn thread() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    thread_local!(static MINE: Cell<u32> = const { Cell::new(0) });
    MINE.with(|mine| {
        if mine.get() == 0 {
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        mine.get()
    })
}

impl Trace {
    /// A list of at most so many spans.
    pub(crate) fn new(most: usize) -> Trace {
        Trace {
            records: Mutex::default(),
            most,
            dropped: AtomicU64::new(0),
            is_closed: AtomicBool::new(false),
            zero: (Instant::now(), node_clock()),
        }
    }

    /// When it began, by [`node_clock`].
    pub(crate) fn zero(&self) -> u64 {
        self.zero.1
    }

    /// From now on spans are left out, and not counted.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    /// The events of this rank, one a line, each followed by a comma but the last; times since `zero` by the node's clock.
    pub(crate) fn text(&self, rank: usize, host: &str, zero: i64) -> String {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = self.dropped.load(Ordering::Relaxed);
        let left_out = if dropped == 0 { String::new() } else { format!(", {dropped} more spans left out") };
        let mut text = format!(
            "{{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":{rank},\"args\":{{\"name\":\"rank {rank} on {}{left_out}\"}}}},\n\
             {{\"ph\":\"M\",\"name\":\"process_sort_index\",\"pid\":{rank},\"args\":{{\"sort_index\":{rank}}}}}",
            escaped(host)
        );
        let shift = self.zero.1 as i64 - zero;
        for Record { event, began, spent, thread } in records.iter() {
            let start = began.saturating_duration_since(self.zero.0).as_nanos() as i64 + shift;
            let (name, category) = match event.kind {
                Kind::Operation => (event.name, "one-sided"),
                Kind::Collective => (event.name, "collective"),
                Kind::Wait => ("wait", "wait"),
            };
            let _ = write!(
                text,
                ",\n{{\"ph\":\"X\",\"name\":\"{name}\",\"cat\":\"{category}\",\"pid\":{rank},\"tid\":{thread},\"ts\":{:.3},\"dur\":{:.3},\"args\":{{",
                start as f64 / 1e3,
                spent.as_nanos() as f64 / 1e3
            );
            let mut facts: Vec<String> = Vec::new();
            if event.kind == Kind::Wait {
                facts.push(format!("\"in\":\"{}\"", event.name));
            }
            facts.extend(event.peer.map(|peer| format!("\"peer\":{peer}")));
            if event.kind != Kind::Wait {
                facts.push(format!("\"bytes\":{}", event.bytes));
            }
            if event.path != Path::None {
                facts.push(format!("\"path\":\"{}\"", event.path.name()));
            }
            facts.extend(event.location.map(|at| format!("\"at\":\"{}:{}\"", escaped(at.file()), at.line())));
            text += &facts.join(",");
            text += "}}";
        }
        text
    }
}

/// Text as a string of JSON has it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '\\' => escaped.extend(['\\', letter]),
            letter if letter < ' ' => {
                let _ = write!(escaped, "\\u{:04x}", letter as u32);
            }
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// What stands before and after the events of all ranks.
pub(crate) const OPEN: &str = "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n";
pub(crate) const CLOSE: &str = "\n]}\n";

impl Observer for Trace {
    fn end(&self, event: &Event, began: Instant, spent: Duration) {
        if self.is_closed.load(Ordering::Relaxed) || event.kind == Kind::Wait && spent < SHORT {
            return;
        }
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() < self.most {
            records.push(Record { event: *event, began, spent, thread: thread() });
        } else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::OpCode;

    #[test]
    fn spans_have_names_times_and_arguments() {
        let trace = Trace::new(2);
        let put =
            Event { peer: Some(3), bytes: 8, path: Path::Shared, ..Event::new(OpCode::Put, Kind::Operation) };
        let began = trace.zero.0 + Duration::from_micros(10);
        trace.end(&put, began, Duration::from_nanos(1500));
        let wait = Event::new(OpCode::Barrier, Kind::Wait);
        trace.end(&wait, began, Duration::from_nanos(10));
        trace.end(&wait, began, Duration::from_micros(3));
        trace.end(&wait, began, Duration::from_micros(4));
        let text = trace.text(5, "a\"b\\c\n", trace.zero() as i64 - 1000);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[0].contains(r#""name":"rank 5 on a\"b\\c\u000a, 1 more spans left out""#), "{text}");
        let expected = r#"{"ph":"X","name":"put","cat":"one-sided","pid":5,"tid":"#;
        let rest = r#","ts":11.000,"dur":1.500,"args":{"peer":3,"bytes":8,"path":"shared memory"}},"#;
        assert!(lines[2].starts_with(expected) && lines[2].ends_with(rest), "{text}");
        assert!(
            lines[3].contains(r#""name":"wait","cat":"wait""#)
                && lines[3].ends_with(r#""args":{"in":"barrier"}}"#)
        );
        trace.close();
        trace.end(&put, began, Duration::from_nanos(1500));
        assert_eq!(trace.text(5, "", 0).lines().count(), 4);
    }
}
