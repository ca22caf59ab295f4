//! The client's end: commands are collected and sent in batches, answers handed to who waits for them.
//!
//! A batch goes once it is large, once somebody waits for an answer, or some tens of microseconds after its first command, by a
//! thread that sleeps otherwise. Who writes to the socket takes the batch while it has the socket, so commands keep their order.
//! Over a network what was sent is kept until the server says that it came; once the connection is lost, [`Channel::come_back`]
//! goes on with what didn't.

use crate::command;
use crate::frame::{self, Answer, Greeting, Kind, Role, SESSION, Welcome};
use crate::hub::GONE;
use crate::place::Place;
use crate::value::Writer;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long the first command of a batch waits for others.
const LINGER: Duration = Duration::from_micros(40);
/// Bytes after which a batch isn't waited with.
const LARGE: usize = 1 << 15;
/// Bytes after which whoever records waits for the socket.
const FULL: usize = 1 << 21;
/// Bytes of kept batches from which on it is asked whether they came, and from which on they are not kept.
const MANY: usize = 1 << 23;
const MOST_KEPT: usize = 1 << 28;
/// How long somebody who waits for an answer leaves the socket to another before looking for signals.
const GLANCE: Duration = Duration::from_millis(50);

/// A connection to a server.
#[derive(Debug)]
pub struct Channel {
    shared: Arc<Shared>,
    /// Who sends batches.
    sender: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    place: Place,
    token: Vec<u8>,
    session: [u8; SESSION],
    batch: Mutex<Batch>,
    /// Somebody has begun a batch, or nothing is sent any more.
    begun: Condvar,
    writer: Mutex<Sender>,
    reader: Mutex<UnixStream>,
    /// Answers that somebody waits for, by their calls: there once they came.
    answers: Mutex<HashMap<u64, Option<Vec<u8>>>>,
    /// One came, or the socket is free.
    came: Condvar,
}

#[derive(Debug, Default)]
struct Batch {
    commands: Writer,
    /// Why nothing is sent any more.
    lost: Option<String>,
    is_closed: bool,
}

#[derive(Debug)]
struct Sender {
    stream: UnixStream,
    kept: Kept,
}

/// What the server may not have got.
#[derive(Debug, Default)]
struct Kept {
    /// Batches that were sent in all.
    sent: u64,
    /// The last of them.
    batches: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Kept {
    /// The server has got the first so many.
    fn came(&mut self, received: u64) {
        while self.first() < received
            && let Some(batch) = self.batches.pop_front()
        {
            self.bytes -= batch.len();
        }
    }

    /// How many there were before those that are kept.
    fn first(&self) -> u64 {
        self.sent - self.batches.len() as u64
    }

    fn keep(&mut self, batch: Vec<u8>) {
        self.sent += 1;
        self.bytes += batch.len();
        self.batches.push_back(batch);
        if self.bytes > MOST_KEPT {
            self.bytes = 0;
            self.batches.clear();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Place {
    fn is_kept(&self) -> bool {
        matches!(self, Place::Network(..))
    }

    /// Says who we are, and hears what the server is.
    fn enter(&self, token: &[u8], session: [u8; SESSION]) -> io::Result<(UnixStream, Welcome)> {
        let mut stream = self.connect()?;
        let role = if self.is_kept() { Role::Returning } else { Role::Client };
        let greeting = Greeting { role, session, token: token.to_vec() };
        frame::send(&mut stream, Kind::Hello, &greeting.encode())?;
        let (kind, message) = frame::receive(&mut stream, frame::MOST)?;
        if kind == Kind::Welcome {
            let welcome = Welcome::decode(&message);
            let welcome = welcome.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            return Ok((stream, welcome));
        }
        let (why, text) = message.split_first().unwrap_or((&0, &[]));
        let kind = if *why == GONE { io::ErrorKind::NotFound } else { io::ErrorKind::PermissionDenied };
        Err(io::Error::new(kind, String::from_utf8_lossy(text).into_owned()))
    }
}

impl Channel {
    /// Connects to the server at this place, with its token; also returns what it says of itself.
    ///
    /// # Errors
    /// Nobody there; or the server's refusal, of kind `PermissionDenied`.
    pub fn connect(place: Place, token: &[u8]) -> io::Result<(Channel, Vec<u8>)> {
        let (stream, welcome) = place.enter(token, [0; SESSION])?;
        let shared = Arc::new(Shared {
            place,
            token: token.to_vec(),
            session: welcome.session,
            batch: Mutex::default(),
            begun: Condvar::new(),
            writer: Mutex::new(Sender { stream: stream.try_clone()?, kept: Kept::default() }),
            reader: Mutex::new(stream),
            answers: Mutex::default(),
            came: Condvar::new(),
        });
        let channel = Channel { shared, sender: Mutex::default() };
        channel.start()?;
        Ok((channel, welcome.told))
    }

    fn start(&self) -> io::Result<()> {
        let own = self.shared.clone();
        let sender = std::thread::Builder::new().name("gain client".into());
        *lock(&self.sender) = Some(sender.spawn(move || own.send_batches())?);
        Ok(())
    }

    /// Whether the session can be found again once the connection is lost.
    pub fn may_come_back(&self) -> bool {
        self.shared.place.is_kept()
    }

    /// Connects again, to the same session, once the connection is lost. What was recorded by then is sent, as far as the server
    /// hasn't got it; answers that were waited for are not given.
    ///
    /// # Errors
    /// Nobody there; the session is over (`NotFound`), or commands are lost that it has not got (`InvalidData`).
    pub fn come_back(&self) -> io::Result<()> {
        let shared = &*self.shared;
        let mut writer = lock(&shared.writer);
        let mut reader = lock(&shared.reader);
        if lock(&shared.batch).lost.is_none() {
            return Ok(());
        }
        let (stream, welcome) = shared.place.enter(&shared.token, shared.session)?;
        let kept = &mut writer.kept;
        if !(kept.first()..=kept.sent).contains(&welcome.received) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "calls that the ranks have not got are lost",
            ));
        }
        kept.came(welcome.received);
        writer.stream = stream.try_clone()?;
        *reader = stream;
        lock(&shared.answers).clear();
        let writer = &mut *writer;
        for batch in &writer.kept.batches {
            frame::send(&mut writer.stream, Kind::Batch, batch)?;
        }
        lock(&shared.batch).lost = None;
        drop(reader);
        self.start()
    }

    /// Records commands that `write` writes.
    ///
    /// # Errors
    /// Why the server is lost.
    pub fn record(&self, write: impl FnOnce(&mut Writer)) -> Result<(), String> {
        let mut batch = lock(&self.shared.batch);
        if let Some(lost) = &batch.lost {
            return Err(lost.clone());
        }
        let before = batch.commands.bytes.len();
        write(&mut batch.commands);
        let len = batch.commands.bytes.len();
        drop(batch);
        if before == 0 {
            self.shared.begun.notify_one();
        }
        if len > FULL { self.shared.flush() } else { Ok(()) }
    }

    /// The client has dropped this array, be the connection lost or not.
    pub fn forget(&self, number: u64) {
        let mut batch = lock(&self.shared.batch);
        if batch.is_closed || batch.lost.is_some() && !self.may_come_back() {
            return;
        }
        let before = batch.commands.bytes.len();
        command::forget(&mut batch.commands, &[number]);
        let is_first = before == 0 && batch.lost.is_none();
        drop(batch);
        if is_first {
            self.shared.begun.notify_one();
        }
    }

    /// Sends what was recorded.
    ///
    /// # Errors
    /// Why the server is lost.
    pub fn flush(&self) -> Result<(), String> {
        self.shared.flush()
    }

    /// Records a call of this number whose answer will be waited for: [`Channel::answer`] sends it.
    ///
    /// # Errors
    /// Why the server is lost.
    pub fn ask(&self, call: u64, write: impl FnOnce(&mut Writer)) -> Result<(), String> {
        let mut batch = lock(&self.shared.batch);
        if let Some(lost) = &batch.lost {
            return Err(lost.clone());
        }
        write(&mut batch.commands);
        drop(batch);
        lock(&self.shared.answers).insert(call, None);
        Ok(())
    }

    /// The answer to a call that was [asked](Channel::ask); `None` after a signal, or once in a while: then the caller may wait again
    /// or [`Channel::abandon`] it.
    ///
    /// # Errors
    /// Why the server is lost.
    pub fn answer(&self, call: u64) -> Result<Option<Vec<u8>>, String> {
        let shared = &*self.shared;
        shared.flush()?;
        loop {
            let mut reader = match shared.reader.try_lock() {
                Ok(reader) => reader,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    // Another thread reads, and hands over what isn't its own.
                    let answers = lock(&shared.answers);
                    let waited = shared.came.wait_timeout(answers, GLANCE);
                    let (mut answers, _) = waited.unwrap_or_else(PoisonError::into_inner);
                    return Ok(take(&mut answers, call));
                }
            };
            if let Some(answer) = take(&mut lock(&shared.answers), call) {
                return Ok(Some(answer));
            }
            if let Some(lost) = &lock(&shared.batch).lost {
                return Err(lost.clone());
            }
            match poll(&mut [PollFd::new(&*reader, PollFlags::IN)], None) {
                Err(rustix::io::Errno::INTR) => return Ok(None),
                Err(error) => return Err(shared.lose(&error.into())),
                Ok(_) => shared.read(&mut reader)?,
            }
        }
    }

    /// Nobody waits any more for the answer to this call; what was sent and no rank has begun is not to be done.
    pub fn abandon(&self, call: u64) {
        lock(&self.shared.answers).remove(&call);
        let mut writer = lock(&self.shared.writer);
        // (Who is gone has nothing left to be cancelled.)
        let _ = frame::send(&mut writer.stream, Kind::Cancel, &[]);
    }

    /// Ends the connection; what was recorded is sent first.
    pub fn close(&self) {
        // (Of a server that is gone nothing is wanted.)
        let _ = self.shared.flush();
        lock(&self.shared.batch).is_closed = true;
        self.shared.lose(&io::Error::other("the session is closed"));
        let mut writer = lock(&self.shared.writer);
        let _ = frame::send(&mut writer.stream, Kind::Bye, &[]);
        let _ = writer.stream.shutdown(std::net::Shutdown::Both);
        drop(writer);
        // (It finds that there is nothing to send any more.)
        let _ = lock(&self.sender).take().map(JoinHandle::join);
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.close();
    }
}

/// The answer to a call, if it came.
fn take(answers: &mut HashMap<u64, Option<Vec<u8>>>, call: u64) -> Option<Vec<u8>> {
    let answer = answers.get_mut(&call)?.take()?;
    answers.remove(&call);
    Some(answer)
}

impl Shared {
    fn send_batches(&self) {
        loop {
            let mut batch = lock(&self.batch);
            while batch.commands.bytes.is_empty() && batch.lost.is_none() {
                batch = self.begun.wait(batch).unwrap_or_else(PoisonError::into_inner);
            }
            if batch.lost.is_some() {
                return;
            }
            let len = batch.commands.bytes.len();
            drop(batch);
            if len < LARGE && len > 0 {
                std::thread::sleep(LINGER);
            }
            if self.flush().is_err() {
                return;
            }
        }
    }

    fn flush(&self) -> Result<(), String> {
        let mut writer = lock(&self.writer);
        let commands = {
            let mut batch = lock(&self.batch);
            if let Some(lost) = &batch.lost {
                return Err(lost.clone());
            }
            std::mem::take(&mut batch.commands.bytes)
        };
        if commands.is_empty() {
            return Ok(());
        }
        let sent = frame::send(&mut writer.stream, Kind::Batch, &commands);
        if self.place.is_kept() {
            writer.kept.keep(commands);
            sent.map_err(|error| self.lose(&error))?;
            let is_much = writer.kept.bytes > MANY;
            drop(writer);
            return if is_much { self.glance() } else { Ok(()) };
        }
        sent.map_err(|error| self.lose(&error))?;
        // The room it took is there for the next one.
        let mut batch = lock(&self.batch);
        if batch.commands.bytes.capacity() == 0 && commands.capacity() <= FULL {
            batch.commands.bytes = commands;
            batch.commands.bytes.clear();
        }
        Ok(())
    }

    /// Reads what the server has said, if nobody else does.
    fn glance(&self) -> Result<(), String> {
        let Ok(mut reader) = self.reader.try_lock() else { return Ok(()) };
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        while poll(&mut [PollFd::new(&*reader, PollFlags::IN)], Some(&now)) == Ok(1) {
            self.read(&mut reader)?;
        }
        Ok(())
    }

    /// Reads an answer.
    fn read(&self, reader: &mut UnixStream) -> Result<(), String> {
        let (kind, mut message) =
            frame::receive(reader, frame::MOST + frame::ANSWER).map_err(|error| self.lose(&error))?;
        let invalid = || self.lose(&io::ErrorKind::InvalidData.into());
        if kind != Kind::Reply {
            return Err(invalid());
        }
        let Answer { call, received, .. } = Answer::decode(&message).map_err(|_| invalid())?;
        if self.place.is_kept()
            && let Ok(mut writer) = self.writer.try_lock()
        {
            writer.kept.came(received);
        }
        if let Some(place) = lock(&self.answers).get_mut(&call) {
            message.drain(..frame::ANSWER);
            *place = Some(message);
        }
        self.came.notify_all();
        Ok(())
    }

    /// Nothing is sent any more; why.
    fn lose(&self, error: &io::Error) -> String {
        let mut batch = lock(&self.batch);
        let text = match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
                match self.place.is_kept() {
                    true => "the connection with the server is lost".to_owned(),
                    false => "the server is gone".to_owned(),
                }
            }
            _ => error.to_string(),
        };
        if batch.is_closed || !self.place.is_kept() {
            batch.commands.bytes.clear();
        }
        let lost = batch.lost.get_or_insert(text).clone();
        drop(batch);
        self.begun.notify_all();
        self.came.notify_all();
        lost
    }
}
