//! SF: scratch files of all ranks, each of which reads and writes where it likes.
//!
//! Invariant: handles are given and freed collectively, so all ranks have the same; the file of a handle goes with the handle.

use crate::code::{self, because, failed};
use crate::engine::Numbered;
use crate::file::{File, Lent, Mode, Way, delete, whole};
use crate::plain::begun;
use crate::{Error, Result, wrong};
use rma::Team;
use std::sync::{Arc, Mutex, PoisonError};

/// What the handle of the first file is below 0.
const OFFSET: i32 = 3000;
/// How many files there may be.
const MOST: usize = 100;

/// A shared file, open or not.
struct Entry {
    name: String,
    file: Option<Arc<File>>,
    team: Team,
}

#[derive(Default)]
struct State {
    entries: Vec<Option<Entry>>,
    requests: Numbered,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);

fn with<R>(f: impl FnOnce(&mut State) -> R) -> R {
    f(STATE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

fn on<R>(handle: i32, f: impl FnOnce(&mut Entry) -> Result<R>) -> Result<R> {
    let found = with(|state| {
        let place = usize::try_from(handle.wrapping_add(OFFSET)).ok()?;
        state.entries.get_mut(place)?.as_mut().map(f)
    });
    found.unwrap_or_else(|| Err(Error::Wrong(format!("{handle} is no shared file"))))
}

fn file(handle: i32) -> Result<Arc<File>> {
    let closed = || Error::Wrong(format!("shared file {handle} is closed"));
    on(handle, |entry| entry.file.clone().ok_or_else(closed))
}

/// One code for all ranks: this rank's own, or that another had one. Collective.
pub(crate) fn agreed(team: &Team, outcome: Result<()>) -> Result<()> {
    let mine = match &outcome {
        Ok(()) => 0i32,
        Err(Error::Code(code)) => *code,
        Err(Error::Wrong(_)) => return outcome,
    };
    let all = team.allgather(&[mine])?;
    match (outcome, all.into_iter().enumerate().find(|(_, code)| *code != 0)) {
        (Ok(()), Some((rank, other))) => Err(because(code::DRA_OTHER, format!("rank {rank}: {other}"))),
        (outcome, _) => outcome,
    }
}

/// Makes a file `NAME.N`, N being the suffix or else the number of the file; its handle. Collective. `SF_Create`, `SF_Create_suffix`.
///
/// # Errors
/// [`code::OPEN`]; [`code::DRA_OTHER`] if it is another rank's.
pub fn create(team: Team, name: &str, suffix: Option<i32>) -> Result<i32> {
    team.barrier()?;
    let free = with(|state| state.entries.iter().position(Option::is_none).unwrap_or(state.entries.len()));
    if free >= MOST {
        wrong!("there are {MOST} shared files already");
    }
    let name = format!("{name}.{}", suffix.unwrap_or(free as i32));
    let mut file = None;
    for is_turn in [team.rank() == 0, team.rank() != 0] {
        let outcome = match is_turn {
            true => File::open(&name, Mode::ReadWrite).map(|open| file = Some(Arc::new(open))),
            false => Ok(()),
        };
        agreed(&team, outcome)?;
    }
    with(|state| {
        if free == state.entries.len() {
            state.entries.push(None);
        }
        state.entries[free] = Some(Entry { name, file, team });
    });
    Ok(free as i32 - OFFSET)
}

/// Closes a file and deletes it. Collective. `SF_Destroy`.
///
/// # Errors
/// [`code::DELETE`]; [`code::DRA_OTHER`] if it is another rank's.
pub fn destroy(handle: i32) -> Result<()> {
    let (name, team) = on(handle, |entry| Ok((entry.name.clone(), entry.team.clone())))?;
    team.barrier()?;
    with(|state| state.entries[(handle + OFFSET) as usize] = None);
    agreed(&team, if team.rank() == 0 { delete(&name) } else { Ok(()) })
}

/// Opens a file that was closed, to read and write or only to read. `SF_Open`, `SF_Rwtor`.
///
/// # Errors
/// [`code::OPEN`].
pub fn open(handle: i32, mode: Mode) -> Result<()> {
    on(handle, |entry| {
        entry.file = None;
        entry.file = Some(Arc::new(File::open(&entry.name, mode)?));
        Ok(())
    })
}

/// Closes a file; it stays. `SF_Close`.
///
/// # Errors
/// There is no such file.
pub fn close(handle: i32) -> Result<()> {
    on(handle, |entry| {
        entry.file = None;
        Ok(())
    })
}

/// Returns when what was written is on the disk. `SF_Fsync`.
///
/// # Errors
/// [`code::FSYNC`].
pub fn sync(handle: i32) -> Result<()> {
    file(handle)?.sync().map_err(failed(code::FSYNC))
}

/// Starts to read or write a range; the request's number. `SF_Read`, `SF_Write`.
///
/// # Errors
/// The offset is no whole number.
///
/// # Safety
/// As [`File::transfer`], until the request is over.
pub unsafe fn start(handle: i32, way: Way, offset: f64, lent: Lent) -> Result<i32> {
    let (file, offset) = (file(handle)?, whole(offset, code::EAF_OFFSET)?);
    // SAFETY: the caller's promise.
    let request = unsafe { begun(file, way, offset, lent) };
    Ok(with(|state| state.requests.add(request)))
}

/// Waits for a request; one that was waited for is over. `SF_Wait`.
///
/// # Errors
/// How the request ended.
pub fn wait(request: i32) -> Result<()> {
    match with(|state| state.requests.take(request)).map(|request| request.wait()) {
        None | Some(code::OK) => Ok(()),
        Some(code) => Err(Error::Code(code)),
    }
}
