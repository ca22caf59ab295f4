//! PMI-1 client: `key=value` lines, one request and one reply at a time, on the inherited socket `PMI_FD`, or one that is
//! connected to `PMI_PORT`.
//!
//! Replies are read as a set of keys with `value=` reaching to the end of the line, since servers differ in order
//! and in the number of fields. Keys are fresh for every exchange (`gain-<exchange>-<rank>-<part>`): a key-value
//! space keeps the first value of a key for ever. Values go as text without blanks ([`text`]) in parts no longer than the
//! server's limit.
//!
//! Cost: about 0.1 ms for each put, get and part, under `mpiexec`.

use super::patience::Patient;
use super::{Bootstrap, text};
use crate::fork;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};

/// How names of jobs begin that our launcher gives; the rest is [random](super::secret_name).
pub const JOB_OF_LAUNCHER: &str = "gain-run-";

/// Whom a request waits for.
pub(super) const SERVER: &str = "an answer of the process manager";

/// Characters of a `put` besides the names of key-value space and value, at most.
const PUT_LEN: usize = 100;

/// A session with a PMI-1 server.
#[derive(Debug)]
pub struct Pmi1 {
    rank: usize,
    size: usize,
    job: String,
    /// Characters of one value, from the server's `get_maxes`.
    part_len: usize,
    /// Number of exchanges so far, the same on every rank.
    exchange: usize,
    stream: BufReader<Patient<File>>,
}

impl Pmi1 {
    /// Connects to the server at `port` (`host:port`), which says who this process is to it.
    pub(super) fn over_port(port: &str, id: &str) -> io::Result<Pmi1> {
        let explain = |error: io::Error| io::Error::new(error.kind(), format!("PMI_PORT={port}: {error}"));
        let stream = TcpStream::connect(port).map_err(explain)?;
        stream.set_nodelay(true).map_err(explain)?;
        let mut stream = BufReader::new(Patient::new(File::from(OwnedFd::from(stream)), SERVER));
        (&stream.get_ref().inner)
            .write_all(format!("cmd=initack pmiid={id}\n").as_bytes())
            .map_err(explain)?;
        // An acknowledgement, then `cmd=set` with one variable each: size, rank, debug.
        let (mut rank, mut size, mut debug) = (None, None, None);
        while rank.is_none() || size.is_none() || debug.is_none() {
            let reply = read_reply(&mut stream).map_err(explain)?;
            if !matches!(reply.field("cmd"), Some("initack" | "set")) {
                return Err(io::Error::other(format!("PMI_PORT={port} answered `{}`", reply.0)));
            }
            let number = |key| reply.field(key).and_then(|text| text.parse::<usize>().ok());
            rank = rank.or(number("rank"));
            size = size.or(number("size"));
            debug = debug.or(number("debug"));
        }
        Pmi1::open(rank.expect("read above"), size.expect("read above"), stream)
    }

    /// Opens a session as `rank` of `size` on a connected stream.
    pub fn greet(rank: usize, size: usize, stream: impl Into<OwnedFd>) -> io::Result<Pmi1> {
        Pmi1::open(rank, size, BufReader::new(Patient::new(File::from(stream.into()), SERVER)))
    }

    fn open(rank: usize, size: usize, stream: BufReader<Patient<File>>) -> io::Result<Pmi1> {
        if rank >= size {
            return Err(io::Error::other(format!("PMI_RANK={rank} is not below PMI_SIZE={size}")));
        }
        fork::close_in_child(&stream.get_ref().inner);
        let mut session = Pmi1 { rank, size, job: String::new(), part_len: 0, exchange: 0, stream };
        session.ask("init pmi_version=1 pmi_subversion=1", "response_to_init")?;
        let maxima = session.ask("get_maxes", "maxes")?;
        let limit: usize = maxima.field("vallen_max").and_then(|text| text.parse().ok()).unwrap_or(256);
        session.job = session.ask("get_my_kvsname", "my_kvsname")?.required("kvsname")?.to_owned();
        // Some servers count the closing zero, and Slurm's reads at most 1023 characters of a request, whatever it says of
        // values. The first part must hold the whole head.
        let whole_line = 1023 - PUT_LEN - session.job.len().min(800);
        session.part_len = limit.saturating_sub(1).min(whole_line).max(24);
        Ok(session)
    }

    fn ask(&mut self, request: &str, expected: &str) -> io::Result<Reply> {
        (&self.stream.get_ref().inner).write_all(format!("cmd={request}\n").as_bytes())?;
        let explain =
            |error: io::Error| io::Error::new(error.kind(), format!("PMI request `{request}`: {error}"));
        let reply = read_reply(&mut self.stream).map_err(explain)?;
        if reply.field("cmd") != Some(expected) {
            return Err(io::Error::other(format!("PMI request `{request}` was answered `{}`", reply.0)));
        }
        match reply.field("rc") {
            None | Some("0") => Ok(reply),
            Some(_) => Err(io::Error::other(format!("PMI request `{request}` failed: {}", reply.0))),
        }
    }

    /// Where a rank leaves a part of what it publishes.
    fn key(&self, rank: usize, part: usize) -> String {
        format!("gain-{}-{rank}-{part}", self.exchange)
    }

    fn put(&mut self, key: &str, value: &str) -> io::Result<()> {
        let request = format!("put kvsname={} key={key} value={value}", self.job);
        self.ask(&request, "put_result").map(drop)
    }

    fn get(&mut self, key: &str) -> io::Result<String> {
        let request = format!("get kvsname={} key={key}", self.job);
        Ok(self.ask(&request, "get_result")?.required("value")?.to_owned())
    }
}

impl Bootstrap for Pmi1 {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn job(&self) -> &str {
        &self.job
    }

    fn is_secret(&self) -> bool {
        self.job.starts_with(JOB_OF_LAUNCHER)
    }

    fn publish(&mut self, mine: Option<&[u8]>) -> io::Result<()> {
        self.exchange += 1;
        let text = mine.map_or(String::new(), text::encode);
        for (part, characters) in text.as_bytes().chunks(self.part_len).enumerate() {
            let characters = std::str::from_utf8(characters).expect("the text is ASCII");
            self.put(&self.key(self.rank, part), characters)?;
        }
        self.barrier()
    }

    fn fetch(&mut self, rank: usize) -> io::Result<Vec<u8>> {
        text::fetch(self.part_len, |part| self.get(&self.key(rank, part)))
    }

    fn barrier(&mut self) -> io::Result<()> {
        self.ask("barrier_in", "barrier_out").map(drop)
    }

    fn leave(&mut self) -> io::Result<()> {
        if is_shared_with_mpi() {
            return Ok(());
        }
        self.ask("finalize", "finalize_ack").map(drop)
    }

    fn abort(&mut self, code: i32, message: &str) {
        // No reply comes, and the caller ends whether or not the server hears it.
        let message = message.replace('\n', " ");
        let request = format!("cmd=abort exitcode={code} error_msg={message}\n");
        let _ = (&self.stream.get_ref().inner).write_all(request.as_bytes());
    }
}

/// What the launcher's variables say of this process: a copy of the descriptor `PMI_FD` (the original belongs to whoever
/// else in this process speaks PMI), rank and size.
pub(super) fn inherited(
    fd: &str,
    variable: &impl Fn(&str) -> Option<String>,
) -> io::Result<(OwnedFd, usize, usize)> {
    let number = |name: &str, text: Option<String>| -> io::Result<usize> {
        let text = text.ok_or_else(|| io::Error::other(format!("PMI_FD is set but {name} is not")))?;
        text.trim().parse().map_err(|_| io::Error::other(format!("{name}={text} is not a number")))
    };
    let fd = number("PMI_FD", Some(fd.to_owned()))? as RawFd;
    let (rank, size) = (number("PMI_RANK", variable("PMI_RANK"))?, number("PMI_SIZE", variable("PMI_SIZE"))?);
    // SAFETY: only borrowed until this function returns; a number that is no open descriptor makes the duplication fail with EBADF.
    let original = unsafe { BorrowedFd::borrow_raw(fd) };
    let fd = original.try_clone_to_owned()?;
    // What this process starts must neither speak for it nor keep its end from being noticed.
    fork::close_on_exec(original);
    fork::close_in_child(&original);
    Ok((fd, rank, size))
}

/// Whether an MPI library is loaded: then the session with the process manager is MPI's as well, and to end it would end
/// MPI's.
pub(super) fn is_shared_with_mpi() -> bool {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.contains("/libmpi")
}

fn read_reply(stream: &mut BufReader<Patient<File>>) -> io::Result<Reply> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the launcher closed the PMI connection"));
    }
    Ok(Reply(line.trim_end_matches('\n').to_owned()))
}

/// One line of the server.
struct Reply(String);

impl Reply {
    fn field(&self, key: &str) -> Option<&str> {
        field(&self.0, key)
    }

    fn required(&self, key: &str) -> io::Result<&str> {
        self.field(key).ok_or_else(|| io::Error::other(format!("PMI reply `{}` has no {key}", self.0)))
    }
}

/// The value of `key` in a PMI-1 line; `value=` and `error_msg=` reach to the line's end. Words that are no fields are skipped.
///
/// Server and client parse alike, so the launcher uses this, too.
pub fn field<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let mut rest = line.trim_end();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        // Words without a value stand before the name.
        let name = name.rsplit(' ').next().unwrap_or(name);
        let to_the_end = matches!(name, "value" | "error_msg");
        let (value, next) =
            if to_the_end { (after, "") } else { after.split_once(' ').unwrap_or((after, "")) };
        if name == key {
            return Some(value);
        }
        rest = next.trim_start();
    }
    None
}
