//! `gain agent`: starts and watches the ranks of one host for a launcher elsewhere, whom it talks to over standard input
//! and output. It lives as long as its standard input is open.

use crate::crew::{self, Crew};
use crate::wire::{Event, MAGIC, Order, Task, take_frame};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

/// How often the launcher is told that this host is there.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// The life of an agent. Returns the exit code, when the launcher has hung up; then no rank is left.
pub fn agent() -> i32 {
    match run() {
        Ok(()) => 0,
        Err(error) => {
            let _ = writeln!(io::stderr(), "gain agent: {error}");
            1
        }
    }
}

fn run() -> io::Result<()> {
    // Without the buffers of std, which poll doesn't know of.
    let mut orders = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut events = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    // What anything else in this process prints would end up between two events.
    // SAFETY: a system call on descriptors that are there.
    unsafe { libc::dup2(libc::STDERR_FILENO, libc::STDOUT_FILENO) };
    events.write_all(MAGIC)?;
    let mut received = Vec::new();
    let task = loop {
        match take_frame(&mut received) {
            Some(frame) => break Task::decode(&frame)?,
            None if !read_more(&mut orders, &mut received)? => return Ok(()),
            None => {}
        }
    };
    let mut crew = match Crew::start(&task) {
        Ok(crew) => crew,
        Err(error) => {
            let number = error.raw_os_error().unwrap_or(0);
            return events.write_all(&Event::Refused(number, error.to_string()).encode());
        }
    };
    events.write_all(&Event::Started(crew.processes()).encode())?;
    loop {
        // Some may have come together with the task.
        while let Some(frame) = take_frame(&mut received) {
            if let Some(event) = crew.obey(Order::decode(&frame)?) {
                events.write_all(&event.encode())?;
            }
        }
        let sources: Vec<_> = crew.sources().collect();
        let mut polled = vec![libc::pollfd { fd: orders.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
        polled.extend(sources.iter().map(|(_, fd, events)| libc::pollfd {
            fd: *fd,
            events: *events,
            revents: 0,
        }));
        // SAFETY: the array is initialised and as long as said; the crew and this function own the descriptors.
        let count = unsafe {
            libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, HEARTBEAT.as_millis() as i32)
        };
        if count <= 0 {
            events.write_all(&Event::Alive.encode())?;
            continue;
        }
        let ready = sources.iter().zip(&polled[1..]).filter(|(_, polled)| polled.revents != 0);
        let ready: Vec<crew::Source> = ready.map(|((source, ..), _)| *source).collect();
        for source in ready {
            if let Some(event) = crew.serve(source) {
                events.write_all(&event.encode())?;
            }
        }
        if polled[0].revents != 0 && !read_more(&mut orders, &mut received)? {
            return Ok(());
        }
    }
}

/// Whether there was anything to read: no means that the launcher has hung up.
fn read_more(orders: &mut File, received: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 65536];
    let len = match orders.read(&mut buffer) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(true),
        read => read?,
    };
    received.extend_from_slice(&buffer[..len]);
    Ok(len > 0)
}
