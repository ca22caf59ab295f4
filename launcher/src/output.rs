//! What the ranks print, and how it reaches the user: whole lines, never two ranks' mixed in one.
//!
//! Standard output goes through line by line. Error lines are held for a moment ([`Merger`]), so that what several ranks
//! say alike is printed once, with the list of ranks. Order within a rank is always kept.

use rma::waits::name_ranks;
use std::collections::VecDeque;
use std::io::Write;
use std::time::{Duration, Instant};

/// Whose standard output is shown, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output {
    /// Rank 0's only.
    Rank0,
    /// Everyone's, as it comes.
    All,
    /// Everyone's, each line headed by its rank.
    Prefix,
}

/// How long an error line waits for others alike.
const HOLD: Duration = Duration::from_millis(120);
/// A line without an end (a question, a progress bar) goes out after this long.
const UNFINISHED: Duration = Duration::from_millis(200);
/// Most bytes of a line that are kept until it ends; then it goes out in pieces.
const LONGEST_LINE: usize = 1 << 20;
/// Pending error lines of one rank beyond which nobody waits.
const PENDING_LINES: usize = 2000;

/// Cuts a stream of bytes into lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    rest: Vec<u8>,
    /// When the first byte of `rest` came.
    since: Option<Instant>,
}

impl Lines {
    /// Adds bytes; calls `line` with each line that is now complete, its newline included, and with what is too long to keep.
    pub(crate) fn push(&mut self, bytes: &[u8], now: Instant, mut line: impl FnMut(&[u8])) {
        let mut bytes = bytes;
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            if self.rest.is_empty() {
                line(&bytes[..=end]);
            } else {
                self.rest.extend_from_slice(&bytes[..=end]);
                line(&self.rest);
                self.rest.clear();
            }
            self.since = None;
            bytes = &bytes[end + 1..];
        }
        self.rest.extend_from_slice(bytes);
        if self.rest.len() >= LONGEST_LINE {
            line(&self.rest);
            self.rest.clear();
        }
        self.since = if self.rest.is_empty() { None } else { self.since.or(Some(now)) };
    }

    /// Takes what has no newline yet, if it is old enough or the stream has ended.
    pub(crate) fn take_unfinished(&mut self, now: Instant, ended: bool) -> Option<Vec<u8>> {
        let since = self.since?;
        (ended || now.duration_since(since) >= UNFINISHED).then(|| {
            self.since = None;
            std::mem::take(&mut self.rest)
        })
    }

    /// When an unfinished line will be due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + UNFINISHED)
    }
}

/// Error lines of all ranks, waiting to be merged.
#[derive(Debug)]
struct Merger {
    pending: Vec<VecDeque<Vec<u8>>>,
    oldest: Option<Instant>,
}

impl Merger {
    fn new(ranks: usize) -> Merger {
        Merger { pending: vec![VecDeque::new(); ranks], oldest: None }
    }

    /// Adds a line of `rank`.
    fn push(&mut self, rank: usize, line: &[u8], now: Instant) {
        self.pending[rank].push_back(line.to_vec());
        self.oldest.get_or_insert(now);
    }

    /// When the held lines are due.
    fn due(&self) -> Option<Instant> {
        if self.pending.iter().any(|lines| lines.len() >= PENDING_LINES) {
            return self.oldest;
        }
        self.oldest.map(|oldest| oldest + HOLD)
    }

    /// Everything held, merged: the ranks and their common line.
    fn drain(&mut self) -> Vec<(Vec<usize>, Vec<u8>)> {
        self.oldest = None;
        let mut merged = Vec::new();
        while let Some(line) = self.next_line() {
            let mut ranks = Vec::new();
            for (rank, lines) in self.pending.iter_mut().enumerate() {
                if lines.front() == Some(&line) {
                    lines.pop_front();
                    ranks.push(rank);
                }
            }
            merged.push((ranks, line));
        }
        merged
    }

    /// The first of the ranks' next lines that no other rank still has behind other lines: waiting for that rank to get
    /// there brings the copies together.
    fn next_line(&self) -> Option<Vec<u8>> {
        let heads = || self.pending.iter().filter_map(VecDeque::front);
        let is_behind = |line: &Vec<u8>| {
            self.pending
                .iter()
                .any(|lines| lines.front() != Some(line) && lines.iter().take(64).any(|l| l == line))
        };
        heads().find(|line| !is_behind(line)).or_else(|| heads().next()).cloned()
    }
}

/// Where everything goes.
pub(crate) struct Printer {
    stdout: Box<dyn Write>,
    stderr: Box<dyn Write>,
    output: Output,
    ranks: usize,
    merger: Merger,
    stdout_is_open: bool,
}

impl Printer {
    pub(crate) fn new(sinks: (Box<dyn Write>, Box<dyn Write>), output: Output, ranks: usize) -> Printer {
        let (stdout, stderr) = sinks;
        Printer { stdout, stderr, output, ranks, merger: Merger::new(ranks), stdout_is_open: true }
    }

    /// A line of standard output, to be followed by [`flush`](Printer::flush).
    pub(crate) fn print(&mut self, rank: usize, line: &[u8]) {
        if !self.stdout_is_open {
            return;
        }
        let head = match self.output {
            Output::Prefix => format!("[{rank}] "),
            Output::Rank0 | Output::All => String::new(),
        };
        self.stdout_is_open = self.stdout.write_all(&[head.as_bytes(), line].concat()).is_ok();
    }

    /// Whether anybody still reads standard output.
    pub(crate) fn flush(&mut self) -> bool {
        self.stdout_is_open = self.stdout_is_open && self.stdout.flush().is_ok();
        self.stdout_is_open
    }

    /// A line of standard error, printed later.
    pub(crate) fn hold_error(&mut self, rank: usize, line: &[u8], now: Instant) {
        self.merger.push(rank, line, now);
    }

    /// When [`print_errors`](Printer::print_errors) is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.merger.due()
    }

    /// Prints what was held. A reader that has left is no reason to stop the job.
    pub(crate) fn print_errors(&mut self) {
        for (ranks, line) in self.merger.drain() {
            let head = if self.ranks == 1 { String::new() } else { format!("[{}] ", name_ranks(&ranks)) };
            let _ = self.stderr.write_all(&[head.as_bytes(), &line].concat());
        }
        let _ = self.stderr.flush();
    }

    /// The launcher's own words.
    pub(crate) fn say(&mut self, text: &str) {
        self.print_errors();
        let _ = self.stderr.write_all(text.as_bytes());
        let _ = self.stderr.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rma::waits::rank_list;

    fn merge(lines: &[(usize, &str)]) -> Vec<String> {
        let mut merger = Merger::new(4);
        lines.iter().for_each(|(rank, line)| merger.push(*rank, line.as_bytes(), Instant::now()));
        let show = |(ranks, line): (Vec<usize>, Vec<u8>)| {
            format!("{}:{}", rank_list(&ranks), String::from_utf8(line).unwrap())
        };
        merger.drain().into_iter().map(show).collect()
    }

    #[test]
    fn lines_are_cut_wherever_the_bytes_were_split() {
        let text = b"one\ntwo\n\nthree";
        for cut in 0..text.len() {
            let mut lines = Lines::default();
            let mut got = Vec::new();
            let now = Instant::now();
            lines.push(&text[..cut], now, |line| got.push(line.to_vec()));
            lines.push(&text[cut..], now, |line| got.push(line.to_vec()));
            assert_eq!(got, [&b"one\n"[..], b"two\n", b"\n"]);
            assert_eq!(lines.take_unfinished(now, false), None);
            assert_eq!(lines.take_unfinished(now, true).unwrap(), b"three");
            assert_eq!(lines.take_unfinished(now, true), None);
        }
    }

    #[test]
    fn what_never_ends_a_line_goes_out_all_the_same() {
        let (mut lines, start) = (Lines::default(), Instant::now());
        let none = |line: &[u8]| panic!("{line:?} is no line");
        // A progress bar, faster than the patience with a line.
        lines.push(b"10 %\r", start, none);
        lines.push(b"20 %\r", start + UNFINISHED / 2, none);
        assert_eq!(lines.due(), Some(start + UNFINISHED));
        assert_eq!(lines.take_unfinished(start + UNFINISHED, false).unwrap(), b"10 %\r20 %\r");
        lines.push(b"end\nnext", start + 2 * UNFINISHED, |line| assert_eq!(line, b"end\n"));
        assert_eq!(lines.due(), Some(start + 3 * UNFINISHED));
        // A flood.
        let (mut lines, mut got) = (Lines::default(), 0);
        for _ in 0..40 {
            lines.push(&[b'y'; 65536], start, |line| got += line.len());
            assert!(lines.rest.len() < LONGEST_LINE);
        }
        assert_eq!(got + lines.take_unfinished(start, true).unwrap().len(), 40 * 65536);
    }

    #[test]
    fn common_lines_are_merged_and_each_rank_keeps_its_order() {
        assert_eq!(merge(&[(0, "a"), (1, "a"), (2, "a"), (3, "a")]), ["0-3:a"]);
        assert_eq!(merge(&[(0, "a"), (0, "b"), (1, "x"), (1, "a"), (1, "b")]), ["1:x", "0,1:a", "0,1:b"]);
        assert_eq!(
            merge(&[(0, "a"), (0, "p0"), (0, "z"), (2, "a"), (2, "p2"), (2, "z")]),
            ["0,2:a", "0:p0", "2:p2", "0,2:z"]
        );
        // Crossing lines can't both be merged; nothing is lost.
        assert_eq!(merge(&[(0, "a"), (0, "b"), (1, "b"), (1, "a")]), ["0:a", "0,1:b", "1:a"]);
        assert_eq!(merge(&[(0, "a"), (0, "a"), (1, "a")]), ["0,1:a", "0:a"]);
    }
}
