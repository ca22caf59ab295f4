//! The launcher's loop: one thread that polls everything the ranks say until all have ended.
//!
//! | state | what happens | next |
//! | --- | --- | --- |
//! | running | output is passed on, PMI served, signals forwarded | a rank fails: *failing*; all ended: *closing* |
//! | failing | for [`SETTLE`] others may fail by themselves and their waits become visible | *asking* |
//! | asking | hosts are asked what their ranks wait for | all have answered or [`ANSWER`] is over: report; SIGTERM: *ending* |
//! | ending | remaining ranks have some time, then SIGKILL | all ended: *closing* |
//! | closing | what is left of the process groups is killed, pipes are drained | return |

use crate::crew::{self, Crew};
use crate::job::{Job, Report};
use crate::member::Member;
use crate::output::Printer;
use crate::pmi::{Action, Server};
use crate::remote::{self, Remote};
use crate::report::{self, Cause, Facts};
use crate::signals::{self, Signals};
use crate::spawn;
use crate::wire::{Event, Input, Order, Task};
use crate::{environment, hosts, stdin};
use rma::bootstrap::{JOB_OF_LAUNCHER, secret_name};
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// From the first failure to the report and the end of the others.
const SETTLE: Duration = Duration::from_millis(250);
/// How long hosts may take to say what their ranks wait for.
const ANSWER: Duration = Duration::from_millis(500);
/// From SIGTERM to SIGKILL after a failure.
const TERMINATE: Duration = Duration::from_millis(1000);
/// From SIGKILL to the moment from which on hosts count as lost that don't say that their ranks have ended.
const LAST_ANSWER: Duration = Duration::from_secs(5);
/// How long pipes may stay open after the last rank has ended.
const DRAIN: Duration = Duration::from_millis(300);
/// The same when what was printed has to come from other hosts.
const DRAIN_HOSTS: Duration = Duration::from_millis(1500);

/// What a polled descriptor is.
#[derive(Clone, Copy)]
enum Source {
    Signals,
    Terminal,
    Crew(usize, crew::Source),
    Remote(usize, remote::Source),
}

/// Some ranks of the job, here or elsewhere.
enum Host {
    Here(Box<Crew>),
    There { name: String, remote: Box<Remote>, is_lost: bool },
}

struct Running {
    job: Job,
    members: Vec<Member>,
    hosts: Vec<Host>,
    server: Server,
    printer: Printer,
    signals: Option<Signals>,
    input: Option<stdin::Pump>,
    started: Instant,
    /// The first failure.
    failure: Option<Cause>,
    /// Why a host didn't even start its ranks.
    refusal: Option<io::Error>,
    is_reported: bool,
    ended_by: Option<i32>,
    ask_at: Option<Instant>,
    report_at: Option<Instant>,
    kill_at: Option<Instant>,
    give_up_at: Option<Instant>,
    drain_until: Option<Instant>,
}

impl Job {
    /// Runs the job to its end. On return no process of it is left. An error means that it could not be started.
    pub fn run(self) -> io::Result<Report> {
        let mut running = Running::start(self)?;
        while !running.is_over() {
            running.step()?;
            if let Some(refusal) = running.refusal.take() {
                return Err(refusal);
            }
        }
        running.finish()
    }
}

impl Running {
    fn start(mut job: Job) -> io::Result<Running> {
        let signals = if job.handles_signals { Some(Signals::take_over()?) } else { None };
        let is_local = job.hosts.is_empty();
        let input = match job.handles_signals {
            false => Input::None,
            true if is_local && !stdin::is_terminal() => Input::Inherited,
            true => Input::Piped,
        };
        let all = Task {
            program: job.program.clone(),
            arguments: job.arguments.clone(),
            environment: job.environment.clone(),
            count: job.ranks,
            size: job.ranks,
            bind: job.bind,
            shows_all: job.output != crate::Output::Rank0,
            input,
            ..Task::default()
        };
        let (hosts, counts) = match is_local {
            true => (vec![Host::Here(Box::new(Crew::start(&all)?))], vec![job.ranks]),
            false => start_remotes(&job, all)?,
        };
        let number = |(host, count): (usize, &usize)| vec![host; *count];
        let host_of = counts.iter().enumerate().flat_map(number);
        let members = host_of.map(|host| Member { host, ..Member::default() }).collect();
        let sinks = std::mem::replace(&mut job.sinks, (Box::new(io::sink()), Box::new(io::sink())));
        let mut running = Running {
            printer: Printer::new(sinks, job.output, job.ranks),
            server: Server::new(secret_name(JOB_OF_LAUNCHER)?, &counts),
            input: if input == Input::Piped { Some(stdin::Pump::new()?) } else { None },
            members,
            hosts,
            signals,
            started: Instant::now(),
            failure: None,
            refusal: None,
            is_reported: false,
            ended_by: None,
            ask_at: None,
            report_at: None,
            kill_at: None,
            give_up_at: None,
            drain_until: None,
            job,
        };
        if let [Host::Here(crew)] = &running.hosts[..] {
            let event = Event::Started(crew.processes());
            running.serve_event(0, event);
        }
        Ok(running)
    }

    fn is_over(&self) -> bool {
        match self.drain_until {
            Some(until) => self.members.iter().all(Member::is_drained) || Instant::now() >= until,
            None => false,
        }
    }

    /// Waits for something to happen, and deals with it.
    fn step(&mut self) -> io::Result<()> {
        let sources = self.sources();
        let poll =
            |(_, fd, events): &(Source, RawFd, i16)| libc::pollfd { fd: *fd, events: *events, revents: 0 };
        let mut polled: Vec<libc::pollfd> = sources.iter().map(poll).collect();
        let timeout_ms = self.next_due().map_or(-1, |due| {
            due.saturating_duration_since(Instant::now()).as_micros().div_ceil(1000).min(60_000) as i32
        });
        // SAFETY: the array is initialised and as long as said; descriptors are open, since `self` owns them.
        let count = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, timeout_ms) };
        if count < 0 && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return Err(io::Error::last_os_error());
        }
        // Hosts are judged by this moment: what follows may take long, when the user stops us or the terminal, and is not
        // their silence.
        let polled_at = Instant::now();
        for ((source, ..), polled) in sources.into_iter().zip(&polled) {
            if count > 0 && polled.revents != 0 {
                self.serve(source);
            }
        }
        self.lose_silent_hosts(polled_at);
        self.keep_time();
        Ok(())
    }

    fn sources(&self) -> Vec<(Source, RawFd, i16)> {
        let mut sources = Vec::with_capacity(4 * self.members.len() + 2);
        let signals = self.signals.as_ref().map(|signals| signals.as_fd().as_raw_fd());
        sources.extend(signals.map(|fd| (Source::Signals, fd, libc::POLLIN)));
        let input = self.input.as_ref().and_then(stdin::Pump::wants);
        sources.extend(input.map(|fd| (Source::Terminal, fd, libc::POLLIN)));
        for (number, host) in self.hosts.iter().enumerate() {
            match host {
                Host::Here(crew) => {
                    let own = |(source, fd, events)| (Source::Crew(number, source), fd, events);
                    sources.extend(crew.sources().map(own));
                }
                Host::There { remote, is_lost: false, .. } => {
                    let own = |(source, fd, events)| (Source::Remote(number, source), fd, events);
                    sources.extend(remote.sources().map(own));
                }
                Host::There { .. } => {}
            }
        }
        sources
    }

    fn next_due(&self) -> Option<Instant> {
        let lines = self.members.iter().flat_map(|member| [member.out_lines.due(), member.error_lines.due()]);
        let silences = self.hosts.iter().map(|host| match host {
            Host::There { remote, is_lost: false, .. } => Some(remote.due()),
            Host::There { .. } | Host::Here(_) => None,
        });
        let deadline = self.job.deadline.map(|deadline| self.started + deadline);
        let deadline = deadline.filter(|_| self.failure.is_none());
        let states = [
            self.printer.due(),
            self.ask_at,
            self.report_at,
            self.kill_at,
            self.give_up_at,
            self.drain_until,
            deadline,
        ];
        lines.chain(silences).chain(states).flatten().min()
    }

    fn serve(&mut self, source: Source) {
        match source {
            Source::Signals => self.serve_signals(),
            Source::Terminal => {
                let bytes = self.input.as_mut().map_or(Vec::new(), stdin::Pump::read);
                if bytes.is_empty() {
                    self.input = None;
                }
                self.order(0, &Order::Input(bytes));
            }
            Source::Crew(number, source) => {
                let Host::Here(crew) = &mut self.hosts[number] else { return };
                if let Some(event) = crew.serve(source) {
                    self.serve_event(number, event);
                }
            }
            Source::Remote(number, source) => {
                let Host::There { name, remote, .. } = &mut self.hosts[number] else { return };
                let printer = &mut self.printer;
                let complain =
                    |line: &[u8]| printer.say(&format!("{name}: {}", String::from_utf8_lossy(line)));
                match remote.serve(source, complain) {
                    Ok(events) => events.into_iter().for_each(|event| self.serve_event(number, event)),
                    Err(error) => self.lose(number, error.to_string()),
                }
            }
        }
    }

    /// Tells a host something, and deals with its answer if that comes at once.
    fn order(&mut self, number: usize, order: &Order) {
        let event = match &mut self.hosts[number] {
            Host::Here(crew) => crew.obey(order.clone()),
            Host::There { remote, .. } => {
                remote.send(order);
                None
            }
        };
        if let Some(event) = event {
            self.serve_event(number, event);
        }
    }

    fn order_all(&mut self, order: &Order) {
        (0..self.hosts.len()).for_each(|number| self.order(number, order));
    }

    fn serve_event(&mut self, host: usize, event: Event) {
        let now = Instant::now();
        match event {
            Event::Started(processes) => {
                let members = self.members.iter_mut().filter(|member| member.host == host);
                members.zip(processes).for_each(|(member, process)| member.process = process);
            }
            Event::Refused(number, text) => {
                let kind = match number {
                    0 => io::ErrorKind::Other,
                    _ => io::Error::from_raw_os_error(number).kind(),
                };
                let name = self.host_names()[host].unwrap_or("this machine").to_owned();
                self.refusal = Some(io::Error::new(kind, format!("on {name}: {text}")));
            }
            Event::Stdout(rank, bytes) => {
                let member = &mut self.members[rank];
                member.output_ended = bytes.is_empty();
                member.out_lines.push(&bytes, now, |line| self.printer.print(rank, line));
                if let Some(rest) = member.out_lines.take_unfinished(now, member.output_ended) {
                    self.printer.print(rank, &rest);
                }
                self.flush();
            }
            Event::Stderr(rank, bytes) => {
                let member = &mut self.members[rank];
                member.errors_ended = bytes.is_empty();
                member.error_lines.push(&bytes, now, |line| self.printer.hold_error(rank, line, now));
                if let Some(rest) = member.error_lines.take_unfinished(now, member.errors_ended) {
                    self.printer.hold_error(rank, &[&rest[..], b"\n"].concat(), now);
                }
            }
            Event::Pmi(rank, bytes) => self.serve_pmi(rank, &bytes),
            Event::Ended(rank, status) => self.serve_end(rank, ExitStatus::from_raw(status)),
            Event::States(states) => {
                states.into_iter().for_each(|(rank, state)| self.members[rank].state = Some(state));
            }
            Event::InputTaken => {
                if let Some(pump) = &mut self.input {
                    pump.taken();
                }
            }
            Event::Alive => {}
        }
    }

    /// When nobody reads our output any more, the ranks are to see the same.
    fn flush(&mut self) {
        if !self.printer.flush() && self.members.iter().any(|member| !member.output_ended) {
            self.members.iter_mut().for_each(|member| member.output_ended = true);
            self.order_all(&Order::Mute);
        }
    }

    fn serve_pmi(&mut self, rank: usize, bytes: &[u8]) {
        let mut requests = Vec::new();
        let lines = &mut self.members[rank].pmi_lines;
        lines.push(bytes, Instant::now(), |line| requests.push(String::from_utf8_lossy(line).into_owned()));
        for request in requests {
            for action in self.server.serve(rank, request.trim_end()) {
                match action {
                    Action::Reply(to, text) => self.order(self.members[to].host, &Order::Pmi(to, text)),
                    Action::Abort(code) => self.fail(Cause::Abort { rank, code }),
                }
            }
        }
    }

    fn serve_end(&mut self, rank: usize, status: ExitStatus) {
        self.members[rank].status = Some(status);
        if !status.success() {
            self.fail(Cause::Ended { rank, status });
        } else if self.server.has_waiting() {
            self.fail(Cause::LeftStart { rank });
        }
        self.close_if_all_ended();
    }

    fn serve_signals(&mut self) {
        while let Some(signal) = self.signals.as_ref().and_then(Signals::next) {
            if signal == libc::SIGTSTP {
                self.order_all(&Order::Signal(libc::SIGSTOP));
                signals::stop_self();
                self.order_all(&Order::Signal(libc::SIGCONT));
            } else if !signals::is_ending(signal) {
                self.order_all(&Order::Signal(signal));
            } else if self.ended_by.replace(signal).is_some() {
                self.kill();
            } else {
                self.order_all(&Order::Signal(signal));
                self.kill_at = Some(Instant::now() + self.job.grace);
            }
        }
    }

    /// Notes the first failure. What follows a signal of the user's is no failure.
    fn fail(&mut self, cause: Cause) {
        if self.failure.is_none() && self.ended_by.is_none() {
            let settle = if matches!(cause, Cause::Deadline(_)) { Duration::ZERO } else { SETTLE };
            self.failure = Some(cause);
            self.ask_at = Some(Instant::now() + settle);
        }
    }

    /// Gives up a host. What its ranks printed and how they ended will not be known.
    fn lose(&mut self, number: usize, reason: String) {
        if let Host::There { remote, is_lost, .. } = &mut self.hosts[number] {
            *is_lost = true;
            remote.hang_up();
        }
        let mut ranks = self.members.iter_mut().filter(|member| member.host == number);
        let has_all_ended = ranks.all(|member| member.status.is_some());
        self.members
            .iter_mut()
            .filter(|member| member.host == number)
            .for_each(|member| member.is_lost = true);
        if !has_all_ended {
            self.fail(Cause::Lost { host: number, reason });
        }
        self.close_if_all_ended();
    }

    fn lose_silent_hosts(&mut self, now: Instant) {
        for number in 0..self.hosts.len() {
            if let Host::There { remote, is_lost: false, .. } = &mut self.hosts[number]
                && let Some(reason) = remote.loss(now)
            {
                self.lose(number, reason);
            }
        }
    }

    fn kill(&mut self) {
        self.order_all(&Order::Signal(libc::SIGKILL));
        self.give_up_at = Some(Instant::now() + LAST_ANSWER);
    }

    fn lose_hosts_that_do_not_answer(&mut self) {
        for number in 0..self.hosts.len() {
            let is_missed = |member: &Member| member.host == number && !member.is_gone();
            if matches!(&self.hosts[number], Host::There { .. }) && self.members.iter().any(is_missed) {
                self.lose(number, "it does not say that its ranks have ended".to_owned());
            }
        }
    }

    fn keep_time(&mut self) {
        let now = Instant::now();
        let passed = self.job.deadline.filter(|deadline| now >= self.started + *deadline);
        if let (Some(deadline), None) = (passed, self.drain_until) {
            self.fail(Cause::Deadline(deadline));
        }
        if self.ask_at.is_some_and(|at| now >= at) {
            self.ask_at = None;
            self.report_at = Some(now + ANSWER);
            self.order_all(&Order::Ask);
        }
        let is_answered = |member: &Member| member.is_gone() || member.state.is_some();
        if self.report_at.is_some_and(|at| now >= at || self.members.iter().all(is_answered)) {
            self.report_at = None;
            self.report();
            self.order_all(&Order::Signal(libc::SIGTERM));
            self.kill_at = Some(now + TERMINATE);
        }
        if self.kill_at.is_some_and(|at| now >= at) {
            self.kill_at = None;
            self.kill();
        }
        if self.give_up_at.is_some_and(|at| now >= at) {
            self.give_up_at = None;
            self.lose_hosts_that_do_not_answer();
        }
        for (rank, member) in self.members.iter_mut().enumerate() {
            if let Some(rest) = member.out_lines.take_unfinished(now, false) {
                self.printer.print(rank, &rest);
            }
            if let Some(rest) = member.error_lines.take_unfinished(now, false) {
                self.printer.hold_error(rank, &[&rest[..], b"\n"].concat(), now);
            }
        }
        self.flush();
        if self.printer.due().is_some_and(|due| now >= due) {
            self.printer.print_errors();
        }
    }

    /// Once all ranks have ended: end what they left, give the pipes a moment.
    fn close_if_all_ended(&mut self) {
        if self.drain_until.is_some() || !self.members.iter().all(Member::is_gone) {
            return;
        }
        self.order_all(&Order::Sweep);
        let drain = if self.job.hosts.is_empty() { DRAIN } else { DRAIN_HOSTS };
        self.drain_until = Some(Instant::now() + drain);
        (self.ask_at, self.report_at, self.kill_at, self.give_up_at) = (None, None, None, None);
        self.input = None;
    }

    fn host_names(&self) -> Vec<Option<&str>> {
        let name = |host| match host {
            &Host::Here(_) => None,
            Host::There { name, .. } => Some(&name[..]),
        };
        self.hosts.iter().map(name).collect()
    }

    /// Says once who failed and what the others did.
    fn report(&mut self) {
        if self.is_reported {
            return;
        }
        if let Some(cause) = &self.failure {
            self.is_reported = true;
            let facts = Facts { members: &self.members, server: &self.server, hosts: self.host_names() };
            let text = report::text(cause, &facts);
            self.printer.say(&text);
        }
    }

    fn finish(mut self) -> io::Result<Report> {
        self.printer.print_errors();
        self.report();
        let culprit = self.failure.as_ref().and_then(Cause::rank);
        let code = match (&self.failure, self.ended_by) {
            (Some(cause), _) => cause.code(),
            (None, Some(signal)) if self.members.iter().any(|member| !member.has_succeeded()) => 128 + signal,
            (None, _) => 0,
        };
        let processes = self.members.iter().map(|member| member.process).collect();
        Ok(Report { code, culprit, processes })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        hang_up_all(&mut self.hosts);
    }
}

/// Tells all hosts to end before any is waited for: together they take no longer than one.
fn hang_up_all(hosts: &mut [Host]) {
    for host in hosts {
        if let Host::There { remote, .. } = host {
            remote.hang_up();
        }
    }
}

/// Starts an agent on each host, all at once.
fn start_remotes(job: &Job, all: Task) -> io::Result<(Vec<Host>, Vec<usize>)> {
    let agent = match job.agent.is_empty() {
        true => vec![std::env::current_exe()?.into(), "agent".into()],
        false => job.agent.clone(),
    };
    let mut environment = environment::forwarded(&job.exports);
    environment.extend(all.environment);
    let all = Task { environment, folder: Some(std::env::current_dir()?), ..all };
    let (mut hosts, mut counts, mut first) = (Vec::new(), Vec::new(), 0);
    let spread = hosts::spread(&job.hosts, job.ranks)?;
    spawn::make_room(spread.len());
    for (host, count) in spread {
        let task = Task { first, count, ..all.clone() };
        let remote = Remote::start(&job.remote_shell, &host.name, &agent, &task);
        let remote = Box::new(remote.inspect_err(|_| hang_up_all(&mut hosts))?);
        hosts.push(Host::There { name: host.name.clone(), remote, is_lost: false });
        counts.push(count);
        first += count;
    }
    Ok((hosts, counts))
}
