//! What the job says at its end, when it was asked to keep statistics or a trace.
//!
//! | variable | what it asks for |
//! | --- | --- |
//! | `GAIN_STATS` = `1`, `peers` | a table of all ranks on standard error; with who talked to whom |
//! | `GAIN_TRACE` = file | a trace of all ranks in one file, or, with `%r` in its name, one file for each rank |
//! | `GAIN_TRACE_EVENTS` = number | most spans of a rank (1000000) |
//!
//! [`World::finalize`](crate::World::finalize) brings the ranks' shares together, if all ranks have been asked. A rank that ends without it
//! (or alone, when others were not asked) prints its own table, and writes its own trace beside the file: `<file>.<rank>`.
//!
//! Invariant: each rank's share is told once, by the process that gathered it; a forked child has none.

use crate::bootstrap;
use crate::collective::Op;
use crate::error::{Error, ErrorKind, Result};
use crate::observe::stats::{Count, Row, Stats};
use crate::observe::trace::{CLOSE, OPEN, Trace, node_clock};
use crate::observe::{self, Observer};
use crate::team::Team;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

const STATS: &str = "GAIN_STATS";
const TRACE: &str = "GAIN_TRACE";
const TRACE_EVENTS: &str = "GAIN_TRACE_EVENTS";
/// Spans of a rank where the user doesn't say.
const EVENTS: usize = 1_000_000;
/// Lines of the table of peers.
const PEERS: usize = 40;

/// What this process was asked for.
struct Asked {
    stats: Option<Arc<Stats>>,
    trace: Option<Arc<Trace>>,
    file: String,
    rank: usize,
    size: usize,
    host: String,
    process: u32,
    is_told: AtomicBool,
}

static ASKED: OnceLock<Asked> = OnceLock::new();

/// Reads the variables and begins to count. Not collective. Does nothing in what a rank has started or forked: that is another job.
pub(crate) fn begin(rank: usize, size: usize, host: &str) -> Result<()> {
    let value = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let wrong = |name: &str, text: &str, must: &str| {
        Err(Error::new(ErrorKind::Bootstrap, "init", format!("{name}={text}: must be {must}")))
    };
    let peers = match value(STATS).as_deref() {
        None | Some("0") => None,
        Some("1") => Some(0),
        Some("peers") => Some(size),
        Some(other) => return wrong(STATS, other, "0, 1 or peers"),
    };
    let most = match value(TRACE_EVENTS).map(|text| text.parse::<usize>().map_err(|_| text)) {
        None => EVENTS,
        Some(Ok(most)) => most,
        Some(Err(text)) => return wrong(TRACE_EVENTS, &text, "a number"),
    };
    let file = value(TRACE);
    if bootstrap::is_child() || ASKED.get().is_some() || peers.is_none() && file.is_none() {
        return Ok(());
    }
    let stats = peers.map(|peers| Arc::new(Stats::new(peers)));
    let trace = file.as_ref().map(|_| Arc::new(Trace::new(most)));
    let observers = [stats.clone().map(|it| it as Arc<dyn Observer>), trace.clone().map(|it| it as _)];
    let asked = Asked {
        stats,
        trace,
        file: file.unwrap_or_default(),
        rank,
        size,
        host: host.to_owned(),
        process: std::process::id(),
        is_told: AtomicBool::new(false),
    };
    if ASKED.set(asked).is_ok() {
        observers.into_iter().flatten().for_each(observe::add);
        // SAFETY: a function that lives as long as the process.
        unsafe { libc::atexit(at_exit) };
    }
    Ok(())
}

/// What this rank has to tell, as one word: all ranks that have the same tell it together.
pub(crate) fn share() -> u64 {
    match ASKED.get() {
        Some(asked) if !asked.is_told.load(Ordering::Relaxed) => {
            let peers = asked.stats.as_ref().map_or(0, |stats| stats.peers().len()) as u64;
            u64::from(asked.stats.is_some()) | u64::from(asked.trace.is_some()) << 1 | peers << 2
        }
        _ => 0,
    }
}

/// Tells what all ranks have. Collective over the team of all ranks, which all have the same [`share`]; `leader` is the first rank of this node.
pub(crate) fn together(team: &Team, leader: usize) -> Result<()> {
    let Some(asked) = ASKED.get() else { return Ok(()) };
    asked.is_told.store(true, Ordering::Relaxed);
    if let Some(trace) = &asked.trace {
        trace.close();
    }
    if let Some(stats) = &asked.stats {
        let table = gathered(team, stats)?;
        if team.rank() == 0 {
            eprint!("{table}");
        }
    }
    if let Some(trace) = &asked.trace {
        let zero = common_zero(team, trace, leader)?;
        write_together(team, asked, &trace.text(asked.rank, &asked.host, zero))?;
    }
    Ok(())
}

/// The moment at which rank 0's trace begins, by the clock of this rank's node: clocks of nodes are compared right behind a barrier.
fn common_zero(team: &Team, trace: &Trace, leader: usize) -> Result<i64> {
    team.barrier()?;
    let words = team.allgather(&[node_clock(), trace.zero(), leader as u64])?;
    let clock = |rank: usize| words[3 * rank] as i64;
    let shift = clock(leader) - clock(words[2] as usize);
    Ok(words[1] as i64 + shift)
}

fn write_together(team: &Team, asked: &Asked, text: &str) -> Result<()> {
    if asked.file.contains("%r") {
        write_alone(&asked.file.replace("%r", &asked.rank.to_string()), text);
        return Ok(());
    }
    let mut all = String::from(OPEN);
    for rank in 0..team.size() {
        let mine = if rank == team.rank() { text.as_bytes() } else { &[] };
        let lines = team.gatherv(mine, 0)?;
        if let Some(bytes) = lines.get(rank) {
            all += if rank == 0 { "" } else { ",\n" };
            all += &String::from_utf8_lossy(bytes);
        }
    }
    if team.rank() == 0 {
        write_file(&asked.file, &(all + CLOSE));
    }
    Ok(())
}

fn write_alone(file: &str, text: &str) {
    write_file(file, &format!("{OPEN}{text}{CLOSE}"));
}

fn write_file(file: &str, text: &str) {
    if let Err(error) = std::fs::write(file, text) {
        eprintln!("gain: {TRACE}={file}: {error}");
    }
}

/// The end of a process that has told nothing yet.
extern "C" fn at_exit() {
    let Some(asked) = ASKED.get().filter(|asked| asked.process == std::process::id()) else { return };
    if asked.is_told.swap(true, Ordering::Relaxed) {
        return;
    }
    if let Some(stats) = &asked.stats {
        let whose = format!("rank {} of {}, which ended by itself", asked.rank, asked.size);
        let each: Vec<Total> = stats.counts().into_iter().map(Total::of_one).collect();
        eprint!("{}", table(&whose, 1, &each));
    }
    if let Some(trace) = &asked.trace {
        let file = match asked.file.contains("%r") {
            true => asked.file.replace("%r", &asked.rank.to_string()),
            false => format!("{}.{}", asked.file, asked.rank),
        };
        write_alone(&file, &trace.text(asked.rank, &asked.host, trace.zero() as i64));
    }
}

/// A row's counts over all ranks.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Total {
    /// Sums.
    count: Count,
    /// Least and greatest time of a rank, in nanoseconds.
    least: u64,
    most: u64,
}

impl Total {
    fn of_one(count: Count) -> Total {
        Total { count, least: count.nanoseconds, most: count.nanoseconds }
    }
}

/// The table of all ranks, at rank 0. Collective.
fn gathered(team: &Team, stats: &Stats) -> Result<String> {
    let counts = stats.counts();
    let words = |pick: fn(&Count) -> u64| counts.iter().map(pick).collect::<Vec<u64>>();
    let mut sums = [words(|c| c.calls), words(|c| c.bytes), words(|c| c.nanoseconds)].concat();
    let mut most = [words(|c| c.nanoseconds), words(|c| c.longest)].concat();
    let mut least = words(|c| c.nanoseconds);
    team.reduce(&mut sums, Op::Sum, 0)?;
    team.reduce(&mut most, Op::Max, 0)?;
    team.reduce(&mut least, Op::Min, 0)?;
    let rows = counts.len();
    let total = |row: usize| {
        let count = Count {
            calls: sums[row],
            bytes: sums[rows + row],
            nanoseconds: sums[2 * rows + row],
            longest: most[rows + row],
        };
        Total { count, least: least[row], most: most[row] }
    };
    let totals: Vec<Total> = (0..rows).map(total).collect();
    let mut text = table(&format!("{} ranks", team.size()), team.size(), &totals);
    if !stats.peers().is_empty() {
        let all = team.gather(&stats.peers().concat(), 0)?;
        if team.rank() == 0 {
            text += &peers(&all, team.size());
        }
    }
    Ok(text)
}

fn table(whose: &str, ranks: usize, totals: &[Total]) -> String {
    let mut text = format!(
        "# gain statistics: {whose}\n{:<24} {:<14} {:>12} {:>16} {:>12} {:>12} {:>12} {:>12} {:>12}\n",
        "# operation",
        "path",
        "calls",
        "bytes",
        "time (ms)",
        "least rank",
        "most rank",
        "each (us)",
        "longest (us)"
    );
    for (row, total) in Row::all().into_iter().zip(totals).filter(|(_, total)| total.count.calls > 0) {
        let Total { count, least, most } = total;
        let ms = |nanoseconds: u64, share: usize| nanoseconds as f64 / 1e6 / share as f64;
        let each = count.nanoseconds as f64 / 1e3 / count.calls as f64;
        let _ = writeln!(
            text,
            "{:<24} {:<14} {:>12} {:>16} {:>12.3} {:>12.3} {:>12.3} {:>12.3} {:>12.3}",
            row.name(),
            row.path.name(),
            count.calls,
            count.bytes,
            ms(count.nanoseconds, ranks),
            ms(*least, 1),
            ms(*most, 1),
            each,
            count.longest as f64 / 1e3
        );
    }
    text
}

/// Who talked most to whom.
fn peers(all: &[u64], size: usize) -> String {
    let pair = |index: usize| (all[2 * index], all[2 * index + 1], index / size, index % size);
    let mut pairs: Vec<_> = (0..size * size).map(pair).filter(|pair| pair.0 > 0).collect();
    pairs.sort_by_key(|pair| std::cmp::Reverse((pair.1, pair.0)));
    let mut text = format!("{:<24} {:<14} {:>12} {:>16}\n", "# from rank", "to rank", "calls", "bytes");
    for (calls, bytes, from, to) in pairs.iter().take(PEERS) {
        let _ = writeln!(text, "{from:<24} {to:<14} {calls:>12} {bytes:>16}");
    }
    if pairs.len() > PEERS {
        let _ = writeln!(text, "# and {} pairs more, with fewer bytes", pairs.len() - PEERS);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_listed_by_their_bytes() {
        let text = peers(&[0, 0, 3, 10, 5, 700, 0, 0], 2);
        let lines: Vec<Vec<&str>> = text.lines().skip(1).map(|l| l.split_whitespace().collect()).collect();
        assert_eq!(lines, [["1", "0", "5", "700"], ["0", "1", "3", "10"]]);
    }

    #[test]
    fn rows_without_calls_are_left_out() {
        let mut totals = vec![Total::default(); Row::all().len()];
        assert_eq!(table("nobody", 1, &totals).lines().count(), 2);
        let put = Row::all().iter().position(|row| row.name() == "put").unwrap();
        let count = Count { calls: 4, bytes: 32, nanoseconds: 8000, longest: 3000 };
        totals[put] = Total { count, least: 2000, most: 6000 };
        let text = table("2 ranks", 2, &totals);
        let row: Vec<&str> = text.lines().nth(2).unwrap().split_whitespace().collect();
        assert_eq!(row, ["put", "-", "4", "32", "0.004", "0.002", "0.006", "2.000", "3.000"]);
    }
}
