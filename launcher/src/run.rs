//! The launcher's loop: one thread that polls everything the ranks say until all have ended.
//!
//! | state | what happens | next |
//! | --- | --- | --- |
//! | running | output is passed on, PMI served, signals forwarded | a rank fails: *failing*; all ended: *closing* |
//! | failing | for [`SETTLE`] others may fail by themselves and their waits become visible | report; SIGTERM: *ending* |
//! | ending | remaining ranks have some time, then SIGKILL | all ended: *closing* |
//! | closing | what is left of the process groups is killed, pipes are drained | return |

use crate::guardian::{GROUPS, Guardian};
use crate::job::{Job, Report};
use crate::output::Printer;
use crate::pmi::{Action, Server};
use crate::report::{self, Cause};
use crate::signals::{self, Signals};
use crate::spawn::{self, Input, Rank};
use crate::{binding, stdin};
use rma::waits::Board;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::{Duration, Instant};

/// From the first failure to the report and the end of the others.
const SETTLE: Duration = Duration::from_millis(250);
/// From SIGTERM to SIGKILL after a failure.
const TERMINATE: Duration = Duration::from_millis(1000);
/// How long pipes may stay open after the last rank has ended.
const DRAIN: Duration = Duration::from_millis(300);

/// What a polled descriptor is.
#[derive(Clone, Copy)]
enum Source {
    Signals,
    Terminal,
    RankInput,
    Stdout(usize),
    Stderr(usize),
    Pmi(usize),
    Process(usize),
}

struct Running {
    job: Job,
    ranks: Vec<Rank>,
    guardian: Option<Guardian>,
    server: Server,
    board: Board,
    printer: Printer,
    signals: Option<Signals>,
    terminal: Option<stdin::Pump>,
    started: Instant,
    /// The first failure and when it was seen.
    failure: Option<(Cause, Instant)>,
    is_reported: bool,
    ended_by: Option<i32>,
    terminate_at: Option<Instant>,
    kill_at: Option<Instant>,
    drain_until: Option<Instant>,
}

/// Runs a job to its end.
pub(crate) fn run(job: Job) -> io::Result<Report> {
    if job.ranks == 0 || job.ranks > GROUPS {
        return Err(io::Error::other(format!("{} ranks: 1 to {GROUPS} can be started", job.ranks)));
    }
    let mut running = Running::start(job)?;
    while !running.is_over() {
        running.step()?;
    }
    running.finish()
}

impl Running {
    fn start(mut job: Job) -> io::Result<Running> {
        spawn::make_room(job.ranks);
        let guardian = Some(Guardian::start()?);
        let signals = if job.handles_signals { Some(Signals::take_over()?) } else { None };
        let input = match job.handles_signals {
            false => Input::None,
            true if stdin::is_terminal() => Input::Piped,
            true => Input::Inherited,
        };
        let shares = if job.bind { binding::plan(job.ranks) } else { None };
        let name = format!("gain-{}-{:x}", std::process::id(), unique());
        let sinks = std::mem::replace(&mut job.sinks, (Box::new(io::sink()), Box::new(io::sink())));
        let printer = Printer::new(sinks, job.output, job.ranks);
        let (board, board_fd) = Board::create(job.ranks).map_err(io::Error::other)?;
        let mut running = Running {
            ranks: Vec::with_capacity(job.ranks),
            guardian,
            server: Server::new(name, job.ranks),
            board,
            printer,
            signals,
            terminal: None,
            started: Instant::now(),
            failure: None,
            is_reported: false,
            ended_by: None,
            terminate_at: None,
            kill_at: None,
            drain_until: None,
            job,
        };
        for rank in 0..running.job.ranks {
            let share = shares.as_ref().map(|shares| &shares[rank][..]);
            let mut started = spawn::start(&running.job, rank, share, board_fd.as_fd(), input)?;
            if let Some(input) = started.stdin.take() {
                running.terminal = Some(stdin::Pump::new(input)?);
            }
            let group = started.child.id();
            running.ranks.push(started);
            running.guardian.as_mut().expect("present until drop").watch(group)?;
        }
        Ok(running)
    }

    fn is_over(&self) -> bool {
        let closed = |rank: &Rank| rank.stdout.is_none() && rank.stderr.is_none();
        match self.drain_until {
            Some(until) => self.ranks.iter().all(closed) || Instant::now() >= until,
            None => false,
        }
    }

    /// Waits for something to happen, and deals with it.
    fn step(&mut self) -> io::Result<()> {
        let sources = self.sources();
        let mut polled: Vec<libc::pollfd> = sources
            .iter()
            .map(|(source, fd)| {
                let events = if matches!(source, Source::RankInput) { libc::POLLOUT } else { libc::POLLIN };
                libc::pollfd { fd: *fd, events, revents: 0 }
            })
            .collect();
        let timeout_ms = self.next_due().map_or(-1, |due| {
            due.saturating_duration_since(Instant::now()).as_micros().div_ceil(1000).min(60_000) as i32
        });
        // SAFETY: the array is initialised and as long as said; descriptors are open, since `self` owns them.
        let count = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, timeout_ms) };
        if count < 0 && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return Err(io::Error::last_os_error());
        }
        for ((source, _), polled) in sources.into_iter().zip(&polled) {
            if count > 0 && polled.revents != 0 {
                self.serve(source);
            }
        }
        self.keep_time();
        Ok(())
    }

    fn sources(&self) -> Vec<(Source, RawFd)> {
        let mut sources = Vec::with_capacity(4 * self.ranks.len() + 2);
        sources.extend(self.signals.iter().map(|signals| (Source::Signals, signals.as_fd().as_raw_fd())));
        if let Some(pump) = &self.terminal {
            match pump.wants() {
                stdin::Wants::Terminal(fd) => sources.push((Source::Terminal, fd)),
                stdin::Wants::Rank(fd) => sources.push((Source::RankInput, fd)),
            }
        }
        for (number, rank) in self.ranks.iter().enumerate() {
            sources.extend(rank.stdout.iter().map(|pipe| (Source::Stdout(number), pipe.as_raw_fd())));
            sources.extend(rank.stderr.iter().map(|pipe| (Source::Stderr(number), pipe.as_raw_fd())));
            sources.extend(rank.pmi.iter().map(|stream| (Source::Pmi(number), stream.as_raw_fd())));
            if rank.status.is_none() {
                sources.push((Source::Process(number), rank.process.as_raw_fd()));
            }
        }
        sources
    }

    fn next_due(&self) -> Option<Instant> {
        let lines =
            self.ranks.iter().flat_map(|rank| [rank.out_lines.due(), rank.error_lines.due()]).flatten();
        let deadline = self.job.deadline.map(|deadline| self.started + deadline);
        let deadline = deadline.filter(|_| self.failure.is_none());
        let states = [self.printer.due(), self.terminate_at, self.kill_at, self.drain_until, deadline];
        lines.chain(states.into_iter().flatten()).min()
    }

    fn serve(&mut self, source: Source) {
        match source {
            Source::Signals => self.serve_signals(),
            Source::Terminal | Source::RankInput => {
                if self.terminal.as_mut().is_some_and(|pump| pump.advance().is_err()) {
                    self.terminal = None;
                }
            }
            Source::Stdout(rank) => self.serve_stdout(rank),
            Source::Stderr(rank) => self.serve_stderr(rank),
            Source::Pmi(rank) => self.serve_pmi(rank),
            Source::Process(rank) => self.serve_end(rank),
        }
    }

    fn serve_stdout(&mut self, number: usize) {
        let rank = &mut self.ranks[number];
        let mut buffer = [0; 65536];
        let bytes = read_some(&mut rank.stdout, &mut buffer);
        let now = Instant::now();
        rank.out_lines.push(bytes, now, |line| self.printer.print(number, line));
        if let Some(rest) = rank.out_lines.take_unfinished(now, rank.stdout.is_none()) {
            self.printer.print(number, &rest);
        }
        self.flush();
    }

    fn serve_stderr(&mut self, number: usize) {
        let rank = &mut self.ranks[number];
        let mut buffer = [0; 65536];
        let bytes = read_some(&mut rank.stderr, &mut buffer);
        let now = Instant::now();
        rank.error_lines.push(bytes, now, |line| self.printer.hold_error(number, line, now));
        if let Some(rest) = rank.error_lines.take_unfinished(now, rank.stderr.is_none()) {
            self.printer.hold_error(number, &[&rest[..], b"\n"].concat(), now);
        }
    }

    /// When nobody reads our output any more, the ranks are to see the same.
    fn flush(&mut self) {
        if !self.printer.flush() {
            self.ranks.iter_mut().for_each(|rank| rank.stdout = None);
        }
    }

    fn serve_pmi(&mut self, number: usize) {
        let rank = &mut self.ranks[number];
        let mut buffer = [0; 4096];
        let bytes = read_some(&mut rank.pmi, &mut buffer);
        let mut requests = Vec::new();
        rank.pmi_lines
            .push(bytes, Instant::now(), |line| requests.push(String::from_utf8_lossy(line).into_owned()));
        for request in requests {
            for action in self.server.serve(number, request.trim_end()) {
                match action {
                    Action::Reply(to, text) => {
                        // A rank that no longer listens has ended, which is noticed by itself.
                        let stream = self.ranks[to].pmi.as_mut();
                        let _ = stream.map(|stream| stream.write_all(text.as_bytes()));
                    }
                    Action::Abort(code) => self.fail(Cause::Abort { rank: number, code }),
                }
            }
        }
    }

    fn serve_end(&mut self, number: usize) {
        let Some(status) = self.ranks[number].peek_status() else { return };
        self.ranks[number].status = Some(status);
        if !status.success() {
            self.fail(Cause::Ended { rank: number, status });
        } else if self.server.has_waiting() {
            self.fail(Cause::LeftStart { rank: number });
        }
        if self.ranks.iter().all(|rank| rank.status.is_some()) {
            self.close();
        }
    }

    fn serve_signals(&mut self) {
        while let Some(signal) = self.signals.as_ref().and_then(Signals::next) {
            if signal == libc::SIGTSTP {
                self.signal_all(libc::SIGSTOP);
                signals::stop_self();
                self.signal_all(libc::SIGCONT);
            } else if !signals::is_ending(signal) {
                self.signal_all(signal);
            } else if self.ended_by.replace(signal).is_some() {
                self.signal_all(libc::SIGKILL);
            } else {
                self.signal_all(signal);
                self.kill_at = Some(Instant::now() + self.job.grace);
            }
        }
    }

    fn signal_all(&self, signal: i32) {
        self.ranks.iter().filter(|rank| rank.status.is_none()).for_each(|rank| rank.signal(signal));
    }

    /// Notes the first failure. What follows a signal of the user's is no failure.
    fn fail(&mut self, cause: Cause) {
        if self.failure.is_none() && self.ended_by.is_none() {
            let now = Instant::now();
            let settle = if matches!(cause, Cause::Deadline(_)) { Duration::ZERO } else { SETTLE };
            self.failure = Some((cause, now));
            self.terminate_at = Some(now + settle);
        }
    }

    fn keep_time(&mut self) {
        let now = Instant::now();
        let passed = self.job.deadline.filter(|deadline| now >= self.started + *deadline);
        if let (Some(deadline), None) = (passed, self.drain_until) {
            self.fail(Cause::Deadline(deadline));
        }
        if self.terminate_at.is_some_and(|at| now >= at) {
            self.terminate_at = None;
            self.report();
            self.signal_all(libc::SIGTERM);
            self.kill_at = Some(now + TERMINATE);
        }
        if self.kill_at.is_some_and(|at| now >= at) {
            self.kill_at = None;
            self.signal_all(libc::SIGKILL);
        }
        for (number, rank) in self.ranks.iter_mut().enumerate() {
            if let Some(rest) = rank.out_lines.take_unfinished(now, false) {
                self.printer.print(number, &rest);
            }
            if let Some(rest) = rank.error_lines.take_unfinished(now, false) {
                self.printer.hold_error(number, &[&rest[..], b"\n"].concat(), now);
            }
        }
        self.flush();
        if self.printer.due().is_some_and(|due| now >= due) {
            self.printer.print_errors();
        }
    }

    /// All ranks have ended: end what they left, give the pipes a moment.
    fn close(&mut self) {
        self.ranks.iter().for_each(|rank| rank.signal(libc::SIGKILL));
        self.drain_until = Some(Instant::now() + DRAIN);
        (self.terminate_at, self.kill_at, self.terminal) = (None, None, None);
    }

    /// Says once who failed and what the others did.
    fn report(&mut self) {
        if self.is_reported {
            return;
        }
        if let Some((cause, _)) = self.failure.clone() {
            self.is_reported = true;
            let text = report::text(&cause, &self.ranks, &self.server, &self.board);
            self.printer.say(&text);
        }
    }

    fn finish(mut self) -> io::Result<Report> {
        self.printer.print_errors();
        self.report();
        let culprit = self.failure.as_ref().and_then(|(cause, _)| cause.rank());
        let code = match (&self.failure, self.ended_by) {
            (Some((cause, _)), _) => cause.code(),
            (None, Some(signal)) if self.ranks.iter().any(|rank| !rank.has_succeeded()) => 128 + signal,
            (None, _) => 0,
        };
        let processes = self.ranks.iter().map(|rank| rank.child.id()).collect();
        Ok(Report { code, culprit, processes })
    }
}

impl Drop for Running {
    /// Whatever happened: no rank outlives the launcher.
    fn drop(&mut self) {
        self.ranks.iter().for_each(|rank| rank.signal(libc::SIGKILL));
        let mut guardian = self.guardian.take().expect("taken here only");
        for rank in &mut self.ranks {
            // A rank that can't be waited for has been reaped by somebody else; a guardian that is gone needs no word.
            let _ = guardian.forget(rank.child.id());
            let _ = rank.child.wait();
        }
        let _ = guardian.dismiss();
    }
}

/// Reads what is there. At the end of the stream it is closed and nothing is returned.
fn read_some<'a>(stream: &mut Option<impl Read>, buffer: &'a mut [u8]) -> &'a [u8] {
    let Some(open) = stream else { return &[] };
    match open.read(buffer) {
        Ok(0) => {
            *stream = None;
            &[]
        }
        Ok(len) => &buffer[..len],
        Err(error) if error.kind() == io::ErrorKind::Interrupted => &[],
        Err(_) => {
            *stream = None;
            &[]
        }
    }
}

/// A number no other job of this process has had, nor one of an earlier process with the same id.
fn unique() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(Instant::now())
}
