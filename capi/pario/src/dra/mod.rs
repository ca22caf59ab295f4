//! DRA: arrays on disk, in one file or several, written and read by all ranks together.
//!
//! | file | what |
//! | --- | --- |
//! | [`format`](mod@format) | what a file looks like |
//! | `boxes` | pieces of sections, rows in the file, axes turned round |
//! | `moving` | one rank's share of a transfer |
//!
//! Elements lie in C's order whatever arrays in memory look like, so any number of ranks reads what any other wrote. While elements are written the header says so: it is told before the
//! first, and told again when the request is over everywhere. A file that still says so when it is opened was left by a process that ended meanwhile.
//!
//! Invariant: every call is collective over the team that the array was made or opened with, but where it says not; so requests, handles and what headers say are the same on all
//! ranks. The last header is written by the first rank after all ranks have written what they had to.

mod boxes;
pub mod format;
mod moving;

use crate::code::{self, because, failed};
use crate::engine::Request;
use crate::file::{File, Lent, Mode, Way, delete};
use crate::shared::agreed;
use crate::{Error, Result, wrong};
use boxes::Patch;
use format::{AXES, HEADER, Header};
use moving::Share;
use rma::Team;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What the handle of the first array is below 0.
const OFFSET: i32 = 5000;
/// The request that there is none.
pub const NO_REQUEST: i32 = -333;

/// Patches of an array in memory, of the same elements, in C's order. Bounds are half-open.
pub trait Memory: Send + Sync {
    /// Fetches a patch.
    ///
    /// # Errors
    /// A text.
    fn get(&self, lo: &[usize], hi: &[usize], to: &mut [u8]) -> std::result::Result<(), String>;

    /// Stores a patch; it is everywhere when [`Memory::complete`] is back.
    ///
    /// # Errors
    /// A text.
    fn put(&self, lo: &[usize], hi: &[usize], from: &[u8]) -> std::result::Result<(), String>;

    /// Completes what this thread stored.
    ///
    /// # Errors
    /// A text.
    fn complete(&self) -> std::result::Result<(), String>;

    /// Where a patch is in this process's memory, in C's order; nothing if a part of it isn't mapped here, or if it is in too many places.
    fn places(&self, lo: &[usize], hi: &[usize]) -> Option<Vec<Lent>>;
}

/// An array on disk.
struct Array {
    name: String,
    header: Header,
    mode: Mode,
    files: Arc<Vec<File>>,
    team: Team,
    writers: usize,
    /// Requests that write.
    writing: usize,
    /// A write failed, and no whole one came since.
    is_damaged: bool,
}

/// A request, and whose it is.
struct Pending {
    handle: i32,
    request: Request,
    way: Way,
    is_whole: bool,
}

/// What there is between start and end.
struct State {
    arrays: Vec<Option<Array>>,
    pending: BTreeMap<i32, Pending>,
    next: i32,
    most: usize,
    /// Bytes of a piece.
    piece: usize,
    /// How many files an array has, and how many ranks write, unless all.
    files: usize,
    writers: Option<usize>,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);
static IS_DEBUGGING: AtomicBool = AtomicBool::new(false);

/// Bytes of a piece, if nothing else is wanted: of two more arrays of it each thread keeps one.
const PIECE: usize = 4 << 20;
const LEAST_PIECE: usize = 64 << 10;
/// Bytes of a row of a piece that is turned round.
const ROW: usize = 32 << 10;

fn with<R>(f: impl FnOnce(&mut State) -> Result<R>) -> Result<R> {
    match STATE.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        Some(state) => f(state),
        None => wrong!("called before DRA_Init or after DRA_Terminate"),
    }
}

impl State {
    fn array(&mut self, handle: i32) -> Result<&mut Array> {
        let place = usize::try_from(handle.wrapping_add(OFFSET)).ok();
        let found = place.and_then(|place| self.arrays.get_mut(place)?.as_mut());
        found.ok_or_else(|| Error::Wrong(format!("{handle} is no array on disk")))
    }

    fn free(&self) -> Result<usize> {
        let free = self.arrays.iter().position(Option::is_none).unwrap_or(self.arrays.len());
        if free >= self.most {
            wrong!("there are {} arrays on disk already", self.most);
        }
        Ok(free)
    }

    fn keep(&mut self, place: usize, array: Array) -> i32 {
        if place == self.arrays.len() {
            self.arrays.push(None);
        }
        self.arrays[place] = Some(array);
        place as i32 - OFFSET
    }
}

/// Begins. Of arrays there may be so many (-1: any), a rank may use so many bytes as buffers (below 0: what is usual). Not collective. `DRA_Init`.
///
/// # Errors
/// It was called before; there can't be so few.
pub fn begin(most: i32, memory: f64) -> Result<()> {
    if most < -1 || most == 0 {
        wrong!("{most} arrays, where -1 is any number");
    }
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    if state.is_some() {
        wrong!("called a second time, without DRA_Terminate before");
    }
    let buffers = 2 * crate::engine::THREADS;
    let piece = if memory > 0.0 { (memory / buffers as f64) as usize } else { PIECE };
    let piece = piece.clamp(LEAST_PIECE, PIECE);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    *state = Some(State {
        arrays: Vec::new(),
        pending: BTreeMap::new(),
        next: 0,
        most,
        piece,
        files: 1,
        writers: None,
    });
    Ok(())
}

/// Waits for all requests, closes all arrays, and ends. `DRA_Terminate`.
///
/// # Errors
/// How the requests ended.
pub fn end() -> Result<()> {
    let handles = with(|state| {
        let places = state.arrays.iter().enumerate().filter(|(_, array)| array.is_some());
        Ok(places.map(|(place, _)| place as i32 - OFFSET).collect::<Vec<_>>())
    })?;
    let mut outcome = Ok(());
    for handle in handles {
        outcome = outcome.and(close(handle));
    }
    *STATE.lock().unwrap_or_else(PoisonError::into_inner) = None;
    outcome
}

/// Of how many files arrays are from now on, and how many ranks read and write (below 1: what is usual). `DRA_Set_default_config`.
///
/// # Errors
/// There is nothing yet.
pub fn configure(files: i32, writers: i32) -> Result<()> {
    with(|state| {
        state.files = usize::try_from(files).unwrap_or(0).clamp(1, 4096);
        state.writers = usize::try_from(writers).ok().filter(|writers| *writers > 0);
        Ok(())
    })
}

/// Has each call told of on standard error, or no longer. Not collective. `DRA_Set_debug`.
pub fn debug(on: bool) {
    IS_DEBUGGING.store(on, Ordering::Relaxed);
}

fn note(team: &Team, text: impl FnOnce() -> String) {
    if IS_DEBUGGING.load(Ordering::Relaxed) {
        eprintln!("{}: DRA: {}", team.rank(), text());
    }
}

/// The name of one of an array's files.
fn file_name(name: &str, index: usize) -> String {
    if index == 0 { name.to_owned() } else { format!("{name}.{index}") }
}

/// All files, each of as many bytes as it is to have.
fn opened(name: &str, header: &Header, mode: Mode) -> Result<Vec<File>> {
    // Who may only write still has to change headers.
    let mode = if mode == Mode::Read { Mode::Read } else { Mode::ReadWrite };
    (0..header.files)
        .map(|index| {
            let file = file_name(name, index);
            if !std::path::Path::new(&file).exists() {
                return Err(because(code::DRA_FILE, format!("there is no file {file}")));
            }
            let open = File::open(&file, mode)?;
            let (found, wanted) = (open.length().map_err(failed(code::STAT))?, header.bytes(index));
            if found != wanted {
                return Err(because(code::DRA_FILE, format!("{file} has {found} bytes, not {wanted}")));
            }
            Ok(open)
        })
        .collect()
}

/// Makes the files of an array, all zeros; headers come last. What an array of more files left behind is deleted.
fn made(name: &str, header: &Header) -> Result<()> {
    let before = header_of(name, 0).map_or(0, |before| before.files);
    for index in header.files..before {
        delete(&file_name(name, index))?;
    }
    for index in 0..header.files {
        let file = File::open(&file_name(name, index), Mode::Write)?;
        file.set_length(header.bytes(index)).map_err(failed(code::TRUNCATE))?;
        file.write(0, &Header { index, ..header.clone() }.encoded()).map_err(failed(code::WRITE))?;
    }
    Ok(())
}

/// The header of one of an array's files.
fn header_of(name: &str, index: usize) -> Result<Header> {
    let file = File::open(&file_name(name, index), Mode::Read)?;
    let mut bytes = [0; HEADER];
    if file.read(0, &mut bytes).map_err(failed(code::READ))? < HEADER {
        return Err(because(code::DRA_FILE, "it is shorter than a header"));
    }
    Header::decoded(&bytes)
}

/// The header of an array's first file, and those of the others, which must belong to it.
fn read_header(name: &str) -> Result<Header> {
    let header = header_of(name, 0)?;
    for index in 1..header.files {
        if header_of(name, index)? != (Header { index, is_unfinished: false, ..header.clone() }) {
            return Err(because(code::DRA_FILE, format!("{} is another array's", file_name(name, index))));
        }
    }
    if header.index != 0 {
        return Err(because(code::DRA_FILE, "it is not the first of its array's"));
    }
    if header.is_unfinished {
        return Err(because(code::DRA_UNFINISHED, name));
    }
    Ok(header)
}

/// A mark that no other array has.
fn fresh_mark() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (now.as_nanos() as u64) ^ u64::from(std::process::id()).rotate_left(48)
}

/// Makes an array, all zeros, in place of what was in the file; its handle. `NDRA_Create`.
///
/// # Errors
/// [`code::OPEN`], [`code::WRITE`], [`code::TRUNCATE`], [`code::DRA_OTHER`].
pub fn create(
    team: Team,
    kind: i32,
    item: usize,
    dims: &[usize],
    name: &str,
    file: &str,
    mode: i32,
) -> Result<i32> {
    let Some(mode) = Mode::of(mode) else {
        wrong!("{mode} is no mode: -1 reads and writes, -2 writes, -3 reads")
    };
    if !(1..=AXES).contains(&dims.len()) || dims.contains(&0) {
        wrong!("extents {dims:?}, and there may be 1 to {AXES} of at least 1");
    }
    let (place, files) = with(|state| Ok((state.free()?, state.files)))?;
    let mut mark = [fresh_mark()];
    team.broadcast(&mut mark, 0)?;
    let (dims, name) = (dims.to_vec(), name.as_bytes()[..name.len().min(format::NAME)].to_vec());
    let files = files.min(dims.iter().product());
    let header = Header { is_unfinished: false, kind, item, dims, name, files, index: 0, mark: mark[0] };
    agreed(&team, if team.rank() == 0 { made(file, &header) } else { Ok(()) })?;
    established(team, place, file, header, mode)
}

/// Opens an array that was closed; its handle. `DRA_Open`.
///
/// # Errors
/// [`code::OPEN`], [`code::DRA_FILE`], [`code::DRA_UNFINISHED`], [`code::DRA_OTHER`].
pub fn open(team: Team, file: &str, mode: i32) -> Result<i32> {
    let Some(mode) = Mode::of(mode) else {
        wrong!("{mode} is no mode: -1 reads and writes, -2 writes, -3 reads")
    };
    let place = with(|state| state.free())?;
    let mut bytes = [0u8; HEADER];
    let mut outcome = Ok(());
    if team.rank() == 0 {
        outcome = read_header(file).map(|header| bytes = header.encoded());
    }
    agreed(&team, outcome)?;
    team.broadcast(&mut bytes, 0)?;
    established(team, place, file, Header::decoded(&bytes)?, mode)
}

/// Every rank opens the files.
fn established(team: Team, place: usize, file: &str, header: Header, mode: Mode) -> Result<i32> {
    let files = opened(file, &header, mode);
    let (files, outcome) = match files {
        Ok(files) => (files, Ok(())),
        Err(error) => (Vec::new(), Err(error)),
    };
    agreed(&team, outcome)?;
    note(&team, || format!("{file}: {:?} of type {} in {} files", header.dims, header.kind, header.files));
    with(|state| {
        let writers = state.writers.unwrap_or(team.size()).min(team.size());
        let (name, files) = (file.to_owned(), Arc::new(files));
        let array = Array { name, header, mode, files, team, writers, writing: 0, is_damaged: false };
        Ok(state.keep(place, array))
    })
}

/// What an array is, and its file. Not collective. `NDRA_Inquire`.
///
/// # Errors
/// There is no such array.
pub fn inquire(handle: i32) -> Result<(Header, String)> {
    with(|state| {
        let array = state.array(handle)?;
        Ok((array.header.clone(), array.name.clone()))
    })
}

/// What an array is, as a text. Not collective. `DRA_Print_internals`.
///
/// # Errors
/// There is no such array.
pub fn internals(handle: i32) -> Result<String> {
    with(|state| {
        let piece = state.piece;
        let Array { name, header, mode, writers, writing, is_damaged, .. } = state.array(handle)?;
        let mut text = format!("DRA {handle}: '{}' in {name}\n", String::from_utf8_lossy(&header.name));
        let Header { kind, item, dims, files, .. } = header;
        let _ = writeln!(text, "  type {kind} of {item} bytes, extents {dims:?}, {mode:?}");
        let _ = writeln!(text, "  {files} files, {writers} ranks read and write, in pieces of {piece} bytes");
        let _ = writeln!(text, "  requests that write: {writing}, a write failed: {is_damaged}");
        Ok(text)
    })
}

/// A section of an array in memory and one of an array on disk, half-open in C's order.
pub struct Sections<'a> {
    /// Where the one in memory begins, and ends.
    pub memory: (&'a [usize], &'a [usize]),
    /// Where the one on disk begins, and ends.
    pub disk: (&'a [usize], &'a [usize]),
    /// Axes are in the reverse order in memory.
    pub is_turned: bool,
}

/// Starts to write a section to disk or to read it; the request's number. `NDRA_Write_section`, `NDRA_Read_section`.
///
/// # Errors
/// What is wrong with the sections; [`code::WRITE`] of a header.
pub fn start(handle: i32, way: Way, memory: Arc<dyn Memory>, sections: &Sections<'_>) -> Result<i32> {
    let (share, team, first_header, is_whole) = with(|state| {
        let piece = state.piece;
        let array = state.array(handle)?;
        if array.mode == (if way == Way::Write { Mode::Read } else { Mode::Write }) {
            wrong!("array on disk {handle} ('{}') was opened in mode {:?}", array.name, array.mode);
        }
        let disk = checked(sections, &array.header.dims)?;
        let is_whole = disk.len() == array.header.elements();
        let first = way == Way::Write && array.writing == 0 && !array.is_damaged;
        let first_header = first.then(|| Header { is_unfinished: true, ..array.header.clone() }.encoded());
        if way == Way::Write {
            array.writing += 1;
        }
        let most = |bytes: usize| (bytes / array.header.item).max(1);
        // What is turned round has rows that are not too short on both sides.
        let strips = if sections.is_turned { disk.strips(most(ROW)) } else { vec![disk] };
        let pieces: Vec<Patch> = strips.iter().flat_map(|strip| strip.pieces(most(piece))).collect();
        // A rank's pieces are neighbours in the file.
        let (rank, writers) = (array.team.rank(), array.writers);
        let cut = |rank: usize| pieces.len() * rank.min(writers) / writers;
        let mine = pieces[cut(rank)..cut(rank + 1)].to_vec();
        let (memory_lo, disk_lo) = (sections.memory.0.to_vec(), sections.disk.0.to_vec());
        let (files, header) = (array.files.clone(), array.header.clone());
        let share = Share {
            files,
            header,
            memory,
            memory_lo,
            disk_lo,
            is_turned: sections.is_turned,
            pieces: mine,
            way,
        };
        Ok((share, array.team.clone(), first_header, is_whole))
    })?;
    // What others stored in memory before is what is written, and nobody reads what is being stored.
    team.sync()?;
    if let Some(header) = first_header {
        let outcome = match team.rank() {
            0 => share.files[0].write(0, &header).map_err(failed(code::WRITE)),
            _ => Ok(()),
        };
        if let Err(error) = agreed(&team, outcome) {
            with(|state| {
                state.array(handle)?.writing -= 1;
                Ok(())
            })?;
            return Err(error);
        }
    }
    note(&team, || {
        format!(
            "{handle}: {} pieces to {}",
            share.pieces.len(),
            if way == Way::Read { "read" } else { "write" }
        )
    });
    let request = share.begin();
    with(|state| {
        // -333 is none, and so are numbers below 0.
        let number = state.next;
        state.next = state.next.checked_add(1).unwrap_or(0);
        state.pending.insert(number, Pending { handle, request, way, is_whole });
        Ok(number)
    })
}

/// The box on disk, if it and that in memory are alike.
fn checked(sections: &Sections<'_>, dims: &[usize]) -> Result<Patch> {
    let Sections { memory: (memory_lo, memory_hi), disk: (lo, hi), is_turned } = sections;
    let axes = dims.len();
    if memory_lo.len() != axes {
        wrong!("the array in memory has {} axes, that on disk {axes}", memory_lo.len());
    }
    for axis in 0..axes {
        if lo[axis] >= hi[axis] || hi[axis] > dims[axis] {
            let (lo, hi) = (lo[axis], hi[axis] as i64 - 1);
            wrong!("lo {lo}, hi {hi} on disk: axis {axis} goes from 0 to {}", dims[axis] - 1);
        }
        let there = if *is_turned { axes - 1 - axis } else { axis };
        let (here, there) = (hi[axis] - lo[axis], memory_hi[there].saturating_sub(memory_lo[there]));
        if here != there {
            wrong!("the section on disk has {here} elements along axis {axis}, that in memory {there}");
        }
    }
    Ok(Patch { lo: lo.to_vec(), hi: hi.to_vec() })
}

/// Waits for a request, which is over everywhere then. One that was waited for is over. `DRA_Wait`.
///
/// # Errors
/// How it ended: [`code::READ`], [`code::WRITE`], [`code::END`], [`code::DRA_OTHER`].
pub fn wait(number: i32) -> Result<()> {
    let pending = with(|state| match state.pending.remove(&number) {
        Some(pending) => {
            let team = state.array(pending.handle)?.team.clone();
            Ok(Some((pending, team)))
        }
        None if number == NO_REQUEST || (0..state.next).contains(&number) => Ok(None),
        None => Err(Error::Wrong(format!("there is no request {number}"))),
    })?;
    let Some((Pending { handle, request, way, is_whole }, team)) = pending else { return Ok(()) };
    let mine = match request.wait() {
        code::OK => Ok(()),
        code => Err(Error::Code(code)),
    };
    // Nobody goes on before all have what was read.
    let outcome = agreed(&team, mine);
    if way == Way::Read {
        return outcome;
    }
    let last_header = with(|state| {
        let array = state.array(handle)?;
        array.writing -= 1;
        array.is_damaged = match outcome {
            Ok(()) => array.is_damaged && !is_whole,
            Err(_) => true,
        };
        Ok((array.writing == 0 && !array.is_damaged).then(|| (array.files.clone(), array.header.encoded())))
    })?;
    outcome?;
    match last_header {
        Some((files, header)) => {
            let written = if team.rank() == 0 {
                files[0].write(0, &header).map_err(failed(code::WRITE))
            } else {
                Ok(())
            };
            agreed(&team, written)
        }
        None => Ok(()),
    }
}

/// Whether a request is over everywhere. `DRA_Probe`.
///
/// # Errors
/// There is no such request.
pub fn is_over(number: i32) -> Result<bool> {
    let pending = with(|state| match state.pending.get(&number) {
        Some(pending) => {
            let (is_over, handle) = (pending.request.is_over(), pending.handle);
            Ok(Some((is_over, state.array(handle)?.team.clone())))
        }
        None if number == NO_REQUEST || (0..state.next).contains(&number) => Ok(None),
        None => Err(Error::Wrong(format!("there is no request {number}"))),
    })?;
    let Some((is_over, team)) = pending else { return Ok(true) };
    Ok(team.allgather(&[u8::from(is_over)])?.into_iter().all(|is_over| is_over == 1))
}

/// Waits for an array's requests, and for the disk; its handle is free then. `DRA_Close`.
///
/// # Errors
/// How the requests ended; [`code::FSYNC`].
pub fn close(handle: i32) -> Result<()> {
    let numbers = with(|state| {
        state.array(handle)?;
        let of = state.pending.iter().filter(|(_, pending)| pending.handle == handle);
        Ok(of.map(|(number, _)| *number).collect::<Vec<_>>())
    })?;
    let mut outcome = Ok(());
    for number in numbers {
        outcome = outcome.and(wait(number));
    }
    let array = with(|state| {
        state.array(handle)?;
        Ok(state.arrays[(handle + OFFSET) as usize].take().expect("just found"))
    })?;
    let synced = match array.mode {
        Mode::Read => Ok(()),
        _ => array.files.iter().try_for_each(|file| file.sync().map_err(failed(code::FSYNC))),
    };
    outcome.and(agreed(&array.team, synced))
}

/// Closes an array and deletes its files. `DRA_Delete`.
///
/// # Errors
/// [`code::DELETE`].
pub fn remove(handle: i32) -> Result<()> {
    let (team, name, files) = with(|state| {
        let array = state.array(handle)?;
        // What is on its way is of no interest any more.
        array.mode = Mode::Read;
        Ok((array.team.clone(), array.name.clone(), array.header.files))
    })?;
    let _ = close(handle);
    let deleted = match team.rank() {
        0 => (0..files).try_for_each(|index| delete(&file_name(&name, index))),
        _ => Ok(()),
    };
    agreed(&team, deleted)
}
