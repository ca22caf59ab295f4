//! The client's end: commands are collected and sent in batches.
//!
//! A batch goes once it is large, once somebody waits for an answer, or some tens of microseconds after its first command, by a
//! thread that sleeps otherwise. Who writes to the socket takes the batch while it has the socket, so commands keep their order.

use crate::frame::{self, Kind};
use crate::value::Writer;
use rustix::event::{PollFd, PollFlags, poll};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the first command of a batch waits for others.
const LINGER: Duration = Duration::from_micros(40);
/// Bytes after which a batch isn't waited with.
const LARGE: usize = 1 << 15;
/// Bytes after which whoever records waits for the socket.
const FULL: usize = 1 << 21;

/// A connection to a server.
#[derive(Debug)]
pub struct Channel {
    shared: Arc<Shared>,
    /// Who reads answers.
    reader: Mutex<UnixStream>,
    /// Answers to come that nobody waits for any more.
    abandoned: Mutex<usize>,
}

#[derive(Debug)]
struct Shared {
    batch: Mutex<Batch>,
    /// Somebody has begun a batch.
    begun: Condvar,
    writer: Mutex<UnixStream>,
}

#[derive(Debug, Default)]
struct Batch {
    commands: Writer,
    /// Why nothing is sent any more.
    lost: Option<String>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An abstract address of this machine.
pub(crate) fn address(name: &str) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(name)
}

impl Channel {
    /// Connects to the server at this address, with its token; also returns its greeting.
    ///
    /// # Errors
    /// Nobody there; or the server's refusal, of kind `PermissionDenied`.
    pub fn connect(name: &str, token: &[u8]) -> io::Result<(Channel, Vec<u8>)> {
        let mut stream = UnixStream::connect_addr(&address(name)?)?;
        frame::send(&mut stream, Kind::Hello, token)?;
        let (kind, message) = frame::receive(&mut stream, frame::MOST)?;
        if kind != Kind::Welcome {
            let text = String::from_utf8_lossy(&message).into_owned();
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        let shared = Arc::new(Shared {
            batch: Mutex::default(),
            begun: Condvar::new(),
            writer: Mutex::new(stream.try_clone()?),
        });
        let own = shared.clone();
        std::thread::Builder::new().name("gain client".into()).spawn(move || own.send_batches())?;
        Ok((Channel { shared, reader: Mutex::new(stream), abandoned: Mutex::new(0) }, message))
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

    /// Sends what was recorded.
    ///
    /// # Errors
    /// Why the server is lost.
    pub fn flush(&self) -> Result<(), String> {
        self.shared.flush()
    }

    /// The next answer; `None` after a signal, when the caller may wait again or [`Channel::abandon`] it.
    ///
    /// # Errors
    /// Why the server is lost.
    pub fn answer(&self) -> Result<Option<Vec<u8>>, String> {
        let mut reader = lock(&self.reader);
        loop {
            match poll(&mut [PollFd::new(&*reader, PollFlags::IN)], None) {
                Err(rustix::io::Errno::INTR) => return Ok(None),
                Err(error) => return Err(self.shared.lose(&error.into())),
                Ok(_) => {}
            }
            let (kind, message) =
                frame::receive(&mut *reader, frame::MOST).map_err(|error| self.shared.lose(&error))?;
            let mut abandoned = lock(&self.abandoned);
            match kind {
                Kind::Reply if *abandoned > 0 => *abandoned -= 1,
                Kind::Reply => return Ok(Some(message)),
                _ => return Err(self.shared.lose(&io::ErrorKind::InvalidData.into())),
            }
        }
    }

    /// Nobody waits any more for the next answer.
    pub fn abandon(&self) {
        *lock(&self.abandoned) += 1;
    }

    /// Ends the connection; what was recorded is sent first.
    pub fn close(&self) {
        // (Of a server that is gone nothing is wanted.)
        let _ = self.shared.flush();
        self.shared.lose(&io::Error::other("the session is closed"));
        let _ = lock(&self.shared.writer).shutdown(std::net::Shutdown::Both);
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn send_batches(&self) {
        loop {
            let mut batch = lock(&self.batch);
            while batch.commands.bytes.is_empty() && batch.lost.is_none() {
                batch = self.begun.wait(batch).unwrap_or_else(PoisonError::into_inner);
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
        frame::send(&mut *writer, Kind::Batch, &commands).map_err(|error| self.lose(&error))?;
        // The room it took is there for the next one.
        let mut batch = lock(&self.batch);
        if batch.commands.bytes.capacity() == 0 && commands.capacity() <= FULL {
            batch.commands.bytes = commands;
            batch.commands.bytes.clear();
        }
        Ok(())
    }

    /// Nothing is sent any more; why.
    fn lose(&self, error: &io::Error) -> String {
        let mut batch = lock(&self.batch);
        let text = match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
                "the server is gone".to_owned()
            }
            _ => error.to_string(),
        };
        batch.commands.bytes.clear();
        let lost = batch.lost.get_or_insert(text).clone();
        drop(batch);
        self.begun.notify_one();
        lost
    }
}
