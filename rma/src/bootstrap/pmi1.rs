//! PMI-1 client: `key=value` lines, one request and one reply at a time, on the socket `PMI_FD`.
//!
//! Replies are read as a set of keys with `value=` reaching to the end of the line, since servers differ in order
//! and in the number of fields. Keys are fresh for every exchange (`gain-<exchange>-<rank>-<part>`): a key-value
//! space keeps the first value of a key for ever. Values go as hexadecimal digits (blanks would end them) in parts no
//! longer than the server's limit.
//!
//! Cost: one put and `size` gets per rank and exchange, about 0.1 ms each under `mpiexec`.

use super::Bootstrap;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;

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
    stream: BufReader<UnixStream>,
}

impl Pmi1 {
    /// Takes rank and size from `PMI_RANK` and `PMI_SIZE` and greets the server behind the inherited descriptor `fd`.
    pub(super) fn from_environment(fd: &str, variable: &impl Fn(&str) -> Option<String>) -> io::Result<Pmi1> {
        let number = |name: &str, text: Option<String>| -> io::Result<usize> {
            let text = text.ok_or_else(|| io::Error::other(format!("PMI_FD is set but {name} is not")))?;
            text.trim().parse().map_err(|_| io::Error::other(format!("{name}={text} is not a number")))
        };
        let fd = number("PMI_FD", Some(fd.to_owned()))? as RawFd;
        let rank = number("PMI_RANK", variable("PMI_RANK"))?;
        let size = number("PMI_SIZE", variable("PMI_SIZE"))?;
        // A copy of the descriptor: the original belongs to whoever else in this process speaks PMI.
        // SAFETY: only borrowed for the duplication; a number that is no open descriptor makes that fail with EBADF.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()?;
        Pmi1::greet(rank, size, UnixStream::from(fd))
    }

    /// Opens a session as `rank` of `size` on a connected stream.
    pub fn greet(rank: usize, size: usize, stream: UnixStream) -> io::Result<Pmi1> {
        if rank >= size {
            return Err(io::Error::other(format!("PMI_RANK={rank} is not below PMI_SIZE={size}")));
        }
        let mut session =
            Pmi1 { rank, size, job: String::new(), part_len: 0, exchange: 0, stream: BufReader::new(stream) };
        session.ask("init pmi_version=1 pmi_subversion=1", "response_to_init")?;
        let maxima = session.ask("get_maxes", "maxes")?;
        let limit: usize = maxima.field("vallen_max").and_then(|text| text.parse().ok()).unwrap_or(256);
        // Some servers count the closing zero. The first part must hold the whole head.
        session.part_len = limit.saturating_sub(1).clamp(24, 1000);
        session.job = session.ask("get_my_kvsname", "my_kvsname")?.required("kvsname")?.to_owned();
        Ok(session)
    }

    fn ask(&mut self, request: &str, expected: &str) -> io::Result<Reply> {
        self.stream.get_ref().write_all(format!("cmd={request}\n").as_bytes())?;
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the launcher closed the PMI connection",
            ));
        }
        let reply = Reply(line.trim_end_matches('\n').to_owned());
        if reply.field("cmd") != Some(expected) {
            return Err(io::Error::other(format!("PMI request `{request}` was answered `{}`", reply.0)));
        }
        match reply.field("rc") {
            None | Some("0") => Ok(reply),
            Some(_) => Err(io::Error::other(format!("PMI request `{request}` failed: {}", reply.0))),
        }
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

    fn allgather(&mut self, mine: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let exchange = self.exchange;
        self.exchange += 1;
        let text = format!("{}:{}", mine.len(), to_hex(mine));
        for (part, characters) in text.as_bytes().chunks(self.part_len).enumerate() {
            let characters = std::str::from_utf8(characters).expect("digits and a colon are ASCII");
            self.put(&format!("gain-{exchange}-{}-{part}", self.rank), characters)?;
        }
        self.barrier()?;
        let mut all = Vec::with_capacity(self.size);
        for rank in 0..self.size {
            if rank == self.rank {
                all.push(mine.to_vec());
                continue;
            }
            let mut text = self.get(&format!("gain-{exchange}-{rank}-0"))?;
            let unreadable =
                |text: &str| io::Error::other(format!("rank {rank} published `{text}`, not ours"));
            let (head, _) = text.split_once(':').ok_or_else(|| unreadable(&text))?;
            let len_bytes: usize = head.parse().map_err(|_| unreadable(&text))?;
            let (start, whole_len) = (head.len() + 1, head.len() + 1 + 2 * len_bytes);
            for part in 1..whole_len.div_ceil(self.part_len) {
                text.push_str(&self.get(&format!("gain-{exchange}-{rank}-{part}"))?);
            }
            all.push(from_hex(&text[start..]).ok_or_else(|| unreadable(&text))?);
        }
        Ok(all)
    }

    fn barrier(&mut self) -> io::Result<()> {
        self.ask("barrier_in", "barrier_out").map(drop)
    }

    /// Not sent when an MPI library is loaded: the session is MPI's as well, and the server would end it for both.
    fn leave(&mut self) -> io::Result<()> {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        if maps.contains("/libmpi") {
            return Ok(());
        }
        self.ask("finalize", "finalize_ack").map(drop)
    }

    fn abort(&mut self, code: i32, message: &str) {
        // No reply comes, and the caller ends whether or not the server hears it.
        let message = message.replace('\n', " ");
        let _ = self
            .stream
            .get_ref()
            .write_all(format!("cmd=abort exitcode={code} error_msg={message}\n").as_bytes());
    }
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

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| (byte as char).to_digit(16).map(|value| value as u8);
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn fields_are_found_in_any_order_among_foreign_words() {
        let line = "cmd=get_result  new rc=0 extra=a,b verbose msg=success value=b=c cmd=x ";
        let found = |key| field(line, key);
        assert_eq!(
            (found("cmd"), found("rc"), found("msg")),
            (Some("get_result"), Some("0"), Some("success"))
        );
        assert_eq!(
            (found("value"), found("new"), found("verbose"), found("")),
            (Some("b=c cmd=x"), None, None, None)
        );
        assert_eq!((field("", "cmd"), field("cmd", "cmd"), field("cmd=", "cmd")), (None, None, Some("")));
    }
}
