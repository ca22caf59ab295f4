//! What the launcher and the agents on other hosts say to each other: frames over the standard input and output of the
//! remote shell.
//!
//! ```text
//! agent -> launcher    MAGIC, then events      whatever a login script has printed before the magic is skipped
//! launcher -> agent    one task, then orders
//! frame                length of the rest (u32), kind (u8), fields; numbers are u64; a text is its length and its bytes
//! ```
//!
//! Invariant: both ends are the same version, since the magic names it; so frames have no versions of their own.

use rma::waits::Snapshot;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// The first thing an agent says.
pub(crate) const MAGIC: &[u8] = concat!("\0gain agent ", env!("CARGO_PKG_VERSION"), "\n").as_bytes();

/// Ranks to start on one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) program: OsString,
    pub(crate) arguments: Vec<OsString>,
    /// Variables that are set in addition to the starting process's own.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Where to start them; nothing for where the starting process is.
    pub(crate) folder: Option<PathBuf>,
    /// The first rank's number, and how many there are on this host.
    pub(crate) first: usize,
    pub(crate) count: usize,
    /// Number of ranks of the job.
    pub(crate) size: usize,
    pub(crate) bind: bool,
    /// Whether ranks other than 0 have a standard output.
    pub(crate) shows_all: bool,
    pub(crate) input: Input,
}

/// Where rank 0 reads from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Input {
    /// Nobody reads.
    #[default]
    None,
    /// Rank 0 has the starting process's own standard input.
    Inherited,
    /// Rank 0 has a pipe, and gets what [`Order::Input`] brings.
    Piped,
}

/// What the launcher wants of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// A reply of the PMI server to a rank.
    Pmi(usize, String),
    /// A signal for the process groups of all ranks that run.
    Signal(i32),
    /// Kill what is left of the process groups.
    Sweep,
    /// Nobody reads standard output any more.
    Mute,
    /// Say what the ranks wait for.
    Ask,
    /// For rank 0's standard input; nothing = the end.
    Input(Vec<u8>),
}

/// What happens on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// All ranks run; their process ids.
    Started(Vec<u32>),
    /// They can't be started: the system's error number (0 if none) and the reason.
    Refused(i32, String),
    /// A rank printed; nothing = the end.
    Stdout(usize, Vec<u8>),
    /// As `Stdout`, on standard error.
    Stderr(usize, Vec<u8>),
    /// A rank's words for the PMI server; nothing = the end.
    Pmi(usize, Vec<u8>),
    /// A rank has ended, with this wait status.
    Ended(usize, i32),
    /// What the ranks of the host wait for.
    States(Vec<(usize, Option<Snapshot>)>),
    /// Rank 0 has taken its input, there may be more.
    InputTaken,
    /// The host is there.
    Alive,
}

impl Task {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut frame = Frame::new(0);
        frame.text(self.program.as_bytes());
        frame.number(self.arguments.len());
        self.arguments.iter().for_each(|argument| frame.text(argument.as_bytes()));
        frame.number(self.environment.len());
        for (name, value) in &self.environment {
            frame.text(name.as_bytes());
            frame.text(value.as_bytes());
        }
        frame.text(self.folder.as_ref().map_or(&[], |folder| folder.as_os_str().as_bytes()));
        [self.first, self.count, self.size, self.bind.into(), self.shows_all.into(), self.input as usize]
            .into_iter()
            .for_each(|number| frame.number(number));
        frame.end()
    }

    pub(crate) fn decode(frame: &[u8]) -> io::Result<Task> {
        let mut fields = Fields(frame.get(1..).unwrap_or_default());
        let os = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        let program = os(fields.text()?);
        let arguments = (0..fields.number()?).map(|_| fields.text().map(os)).collect::<io::Result<_>>()?;
        let pair = |fields: &mut Fields| Ok((os(fields.text()?), os(fields.text()?)));
        let environment = (0..fields.number()?).map(|_| pair(&mut fields)).collect::<io::Result<_>>()?;
        let folder = Some(PathBuf::from(os(fields.text()?))).filter(|folder| !folder.as_os_str().is_empty());
        let (first, count, size) = (fields.number()?, fields.number()?, fields.number()?);
        let (bind, shows_all) = (fields.number()? != 0, fields.number()? != 0);
        let input = match fields.number()? {
            0 => Input::None,
            1 => Input::Inherited,
            _ => Input::Piped,
        };
        Ok(Task { program, arguments, environment, folder, first, count, size, bind, shows_all, input })
    }
}

impl Order {
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Order::Pmi(rank, text) => Frame::of(1, *rank, text.as_bytes()),
            Order::Signal(signal) => Frame::of(2, *signal as usize, &[]),
            Order::Sweep => Frame::of(3, 0, &[]),
            Order::Mute => Frame::of(4, 0, &[]),
            Order::Ask => Frame::of(5, 0, &[]),
            Order::Input(bytes) => Frame::of(6, 0, bytes),
        }
    }

    pub(crate) fn decode(frame: &[u8]) -> io::Result<Order> {
        let (kind, number, bytes) = simple(frame)?;
        Ok(match kind {
            1 => Order::Pmi(number, String::from_utf8_lossy(&bytes).into_owned()),
            2 => Order::Signal(number as i32),
            3 => Order::Sweep,
            4 => Order::Mute,
            5 => Order::Ask,
            6 => Order::Input(bytes),
            _ => return Err(damaged()),
        })
    }
}

impl Event {
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Event::Started(processes) => {
                let bytes: Vec<u8> = processes.iter().flat_map(|pid| pid.to_le_bytes()).collect();
                Frame::of(1, 0, &bytes)
            }
            Event::Refused(number, text) => Frame::of(2, *number as usize, text.as_bytes()),
            Event::Stdout(rank, bytes) => Frame::of(3, *rank, bytes),
            Event::Stderr(rank, bytes) => Frame::of(4, *rank, bytes),
            Event::Pmi(rank, bytes) => Frame::of(5, *rank, bytes),
            Event::Ended(rank, status) => Frame::of(6, *rank, &status.to_le_bytes()),
            Event::States(states) => {
                let mut fields = Frame::new(0);
                for (rank, state) in states {
                    fields.number(*rank);
                    fields.state(state.as_ref());
                }
                Frame::of(7, states.len(), &fields.0[5..])
            }
            Event::InputTaken => Frame::of(8, 0, &[]),
            Event::Alive => Frame::of(9, 0, &[]),
        }
    }

    pub(crate) fn decode(frame: &[u8]) -> io::Result<Event> {
        let (kind, number, bytes) = simple(frame)?;
        let text = || String::from_utf8_lossy(&bytes).into_owned();
        Ok(match kind {
            1 => Event::Started(bytes.as_chunks().0.iter().map(|pid| u32::from_le_bytes(*pid)).collect()),
            2 => Event::Refused(number as i32, text()),
            3 => Event::Stdout(number, bytes),
            4 => Event::Stderr(number, bytes),
            5 => Event::Pmi(number, bytes),
            6 => {
                let status = bytes[..].try_into().map_err(|_| damaged())?;
                Event::Ended(number, i32::from_le_bytes(status))
            }
            7 => {
                let mut fields = Fields(&bytes);
                let state = |fields: &mut Fields| Ok((fields.number()?, fields.state()?));
                Event::States((0..number).map(|_| state(&mut fields)).collect::<io::Result<_>>()?)
            }
            8 => Event::InputTaken,
            9 => Event::Alive,
            _ => return Err(damaged()),
        })
    }
}

/// Takes the first whole frame out of what has been received, without its length.
pub(crate) fn take_frame(received: &mut Vec<u8>) -> Option<Vec<u8>> {
    let len = u32::from_le_bytes(*received.first_chunk()?) as usize;
    let frame = received.get(4..4 + len)?.to_vec();
    received.drain(..4 + len);
    Some(frame)
}

fn simple(frame: &[u8]) -> io::Result<(u8, usize, Vec<u8>)> {
    let (kind, rest) = frame.split_first().ok_or_else(damaged)?;
    let mut fields = Fields(rest);
    Ok((*kind, fields.number()?, fields.text()?.to_vec()))
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a message between launcher and agent is damaged")
}

/// A frame being written. The length is filled in at the end.
struct Frame(Vec<u8>);

impl Frame {
    fn new(kind: u8) -> Frame {
        Frame(vec![0, 0, 0, 0, kind])
    }

    fn of(kind: u8, number: usize, bytes: &[u8]) -> Vec<u8> {
        let mut frame = Frame::new(kind);
        frame.number(number);
        frame.text(bytes);
        frame.end()
    }

    fn number(&mut self, number: usize) {
        self.0.extend((number as u64).to_le_bytes());
    }

    fn text(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.extend(bytes);
    }

    fn state(&mut self, state: Option<&Snapshot>) {
        self.number(state.is_some().into());
        let Some(state) = state else { return };
        let target = state.target.map_or(0, |target| u64::from(target) + 1);
        for number in [
            state.op.into(),
            state.team,
            target,
            state.sequence,
            state.line.into(),
            state.since_ns,
            state.pid.into(),
        ] {
            self.0.extend(number.to_le_bytes());
        }
        self.text(state.text.as_bytes());
        self.text(state.file.as_bytes());
    }

    fn end(mut self) -> Vec<u8> {
        let len = (self.0.len() - 4) as u32;
        self.0[..4].copy_from_slice(&len.to_le_bytes());
        self.0
    }
}

/// Fields being read, from the front.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn word(&mut self) -> io::Result<u64> {
        let (word, rest) = self.0.split_first_chunk().ok_or_else(damaged)?;
        self.0 = rest;
        Ok(u64::from_le_bytes(*word))
    }

    fn number(&mut self) -> io::Result<usize> {
        self.word().map(|word| word as usize)
    }

    fn text(&mut self) -> io::Result<&'a [u8]> {
        let len = self.number()?;
        let (text, rest) = self.0.split_at_checked(len).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(text)
    }

    fn state(&mut self) -> io::Result<Option<Snapshot>> {
        if self.word()? == 0 {
            return Ok(None);
        }
        let (op, team, target, sequence) = (self.word()? as u32, self.word()?, self.word()?, self.word()?);
        let (line, since_ns, pid) = (self.word()? as u32, self.word()?, self.word()? as u32);
        let target = target.checked_sub(1).map(|target| target as u32);
        let mut string = || self.text().map(|text| String::from_utf8_lossy(text).into_owned());
        let (text, file) = (string()?, string()?);
        Ok(Some(Snapshot { op, team, target, sequence, text, file, line, since_ns, pid }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders() -> Vec<Order> {
        let input = (0..=255).collect();
        vec![
            Order::Pmi(3, "cmd=barrier_out rc=0\n".into()),
            Order::Signal(15),
            Order::Sweep,
            Order::Mute,
            Order::Ask,
            Order::Input(input),
        ]
    }

    fn events() -> Vec<Event> {
        let (text, file) = ("barrier".to_owned(), "a.rs".to_owned());
        let state = Snapshot {
            op: 7,
            team: 9,
            target: Some(0),
            sequence: 4,
            text,
            file,
            line: 5,
            since_ns: 6,
            pid: 8,
        };
        vec![
            Event::Started(vec![1, 70000]),
            Event::Refused(2, "no such file".into()),
            Event::Stdout(1, b"text\n".to_vec()),
            Event::Stderr(2, Vec::new()),
            Event::Pmi(3, b"cmd=init\n".to_vec()),
            Event::Ended(4, 9),
            Event::States(vec![
                (0, None),
                (1, Some(state.clone())),
                (2, Some(Snapshot { target: None, ..state })),
            ]),
            Event::InputTaken,
            Event::Alive,
        ]
    }

    #[test]
    fn what_is_sent_is_received_wherever_the_bytes_were_split() {
        let sent: Vec<u8> = events().iter().flat_map(Event::encode).collect();
        for piece in [1, 3, 64, sent.len()] {
            let (mut received, mut got) = (Vec::new(), Vec::new());
            for bytes in sent.chunks(piece) {
                received.extend_from_slice(bytes);
                while let Some(frame) = take_frame(&mut received) {
                    got.push(Event::decode(&frame).unwrap());
                }
            }
            assert_eq!(got, events());
        }
        let decode = |order: &Order| Order::decode(&order.encode()[4..]).unwrap();
        assert_eq!(orders().iter().map(decode).collect::<Vec<_>>(), orders());
    }

    #[test]
    fn a_task_arrives_as_it_was() {
        let task = Task {
            program: "prog".into(),
            arguments: vec!["a b".into(), OsString::from_vec(vec![0xff, b'\n'])],
            environment: vec![("NAME".into(), "a=b".into())],
            folder: Some("/tmp".into()),
            first: 2,
            count: 3,
            size: 5,
            bind: true,
            shows_all: false,
            input: Input::Piped,
        };
        assert_eq!(Task::decode(&task.encode()[4..]).unwrap(), task);
        let damaged = &task.encode()[4..40];
        assert!(
            Task::decode(damaged).is_err() && Order::decode(&[]).is_err() && Event::decode(&[77]).is_err()
        );
    }
}
