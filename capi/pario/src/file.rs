//! A file, on disk or in memory: reads and writes of whole ranges.
//!
//! Invariant: a write is whole or an error; a read that the file is too short for says how much there was. Any number of threads use a file at once.

use crate::code::{self, failed};
use crate::{Error, Result};
use std::collections::HashMap;
use std::fs::{File as Disk, OpenOptions};
use std::io::{ErrorKind, Result as IoResult};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// How a file is opened, by the numbers that programs have for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// -1: to read and write; made if it isn't there.
    ReadWrite,
    /// -2: to write; made, or emptied if it is there.
    Write,
    /// -3: to read.
    Read,
}

impl Mode {
    /// The mode of a number.
    pub fn of(number: i32) -> Option<Mode> {
        Some(match number {
            -1 => Mode::ReadWrite,
            -2 => Mode::Write,
            -3 => Mode::Read,
            _ => return None,
        })
    }
}

/// The bytes of a file in memory.
type Bytes = Arc<RwLock<Vec<u8>>>;

/// Files in memory, which are there until they are deleted.
static IN_MEMORY: Mutex<Option<HashMap<String, Bytes>>> = Mutex::new(None);

fn in_memory() -> MutexGuard<'static, Option<HashMap<String, Bytes>>> {
    IN_MEMORY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An open file.
#[derive(Debug)]
pub enum File {
    /// On disk.
    Disk(Disk),
    /// In memory of this process.
    Memory(Bytes),
}

impl File {
    /// Opens a file.
    ///
    /// # Errors
    /// [`code::OPEN`], with the system's reason.
    pub fn open(name: &str, mode: Mode) -> Result<File> {
        let mut options = OpenOptions::new();
        match mode {
            Mode::ReadWrite => options.read(true).write(true).create(true),
            Mode::Write => options.write(true).create(true).truncate(true),
            Mode::Read => options.read(true),
        };
        Ok(File::Disk(options.open(name).map_err(failed(code::OPEN))?))
    }

    /// The file of a name in memory of this process; made if it isn't there.
    pub fn in_memory(name: &str) -> File {
        File::Memory(in_memory().get_or_insert_default().entry(name.to_owned()).or_default().clone())
    }

    /// Reads into the whole buffer; how many bytes there were.
    ///
    /// # Errors
    /// The system's.
    pub fn read(&self, mut offset: u64, buffer: &mut [u8]) -> IoResult<usize> {
        let file = match self {
            File::Disk(file) => file,
            File::Memory(bytes) => {
                let bytes = bytes.read().unwrap_or_else(PoisonError::into_inner);
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let len = buffer.len().min(bytes.len() - start);
                buffer[..len].copy_from_slice(&bytes[start..start + len]);
                return Ok(len);
            }
        };
        let mut done = 0;
        while done < buffer.len() {
            match file.read_at(&mut buffer[done..], offset) {
                Ok(0) => break,
                Ok(len) => {
                    done += len;
                    offset += len as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Writes all bytes.
    ///
    /// # Errors
    /// The system's; then some may have been written.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> IoResult<()> {
        match self {
            File::Disk(file) => file.write_all_at(bytes, offset),
            File::Memory(all) => {
                let mut all = all.write().unwrap_or_else(PoisonError::into_inner);
                let end = usize::try_from(offset).ok().and_then(|start| start.checked_add(bytes.len()));
                let end = end.ok_or(ErrorKind::OutOfMemory)?;
                if end > all.len() {
                    let more = end - all.len();
                    all.try_reserve(more).map_err(|_| ErrorKind::OutOfMemory)?;
                    all.resize(end, 0);
                }
                all[end - bytes.len()..end].copy_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Its length in bytes.
    ///
    /// # Errors
    /// The system's.
    pub fn length(&self) -> IoResult<u64> {
        match self {
            File::Disk(file) => Ok(file.metadata()?.len()),
            File::Memory(bytes) => Ok(bytes.read().unwrap_or_else(PoisonError::into_inner).len() as u64),
        }
    }

    /// Gives it another length; what is new is zero.
    ///
    /// # Errors
    /// The system's.
    pub fn set_length(&self, len: u64) -> IoResult<()> {
        match self {
            File::Disk(file) => file.set_len(len),
            File::Memory(bytes) => {
                let len = usize::try_from(len).map_err(|_| ErrorKind::OutOfMemory)?;
                bytes.write().unwrap_or_else(PoisonError::into_inner).resize(len, 0);
                Ok(())
            }
        }
    }

    /// Returns when it is on the disk.
    ///
    /// # Errors
    /// The system's.
    pub fn sync(&self) -> IoResult<()> {
        match self {
            File::Disk(file) => file.sync_data(),
            File::Memory(_) => Ok(()),
        }
    }
}

/// Deletes a file, in memory or on disk; one that isn't there is deleted.
///
/// # Errors
/// [`code::DELETE`], with the system's reason.
pub fn delete(name: &str) -> Result<()> {
    if in_memory().get_or_insert_default().remove(name).is_some() {
        return Ok(());
    }
    match std::fs::remove_file(name) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(code::DELETE)(error)),
        _ => Ok(()),
    }
}

/// Kilobytes that are free where a file is, or is to be.
///
/// # Errors
/// [`code::STAT`], with the system's reason.
pub fn free_kb(name: &str) -> Result<u64> {
    let path = Path::new(name);
    let folder = match path.parent() {
        _ if path.is_dir() => path,
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => Path::new("."),
    };
    let stat = || {
        let name = std::ffi::CString::new(folder.as_os_str().as_encoded_bytes())?;
        let mut stat = std::mem::MaybeUninit::<libc::statvfs>::uninit();
        // SAFETY: a terminated name and a place for the result.
        if unsafe { libc::statvfs(name.as_ptr(), stat.as_mut_ptr()) } != 0 {
            return Err(std::io::Error::last_os_error());
        }
        // SAFETY: filled in.
        Ok(unsafe { stat.assume_init() })
    };
    let stat = stat().map_err(failed(code::STAT))?;
    Ok((stat.f_bavail as u128 * stat.f_frsize as u128 / 1024) as u64)
}

/// An offset or a length that C and Fortran have as a floating-point number.
///
/// # Errors
/// The code told, for what is no whole number that files have.
pub fn whole(number: f64, code: i32) -> Result<u64> {
    if (0.0..9e15).contains(&number) && number.fract() == 0.0 {
        return Ok(number as u64);
    }
    Err(code::because(code, format!("it is {number}")))
}

/// What a range read or written through a pointer is. The program lends the memory until its request is over.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Lent(pub *mut u8, pub usize);

// SAFETY: who lends it says that nobody else uses it until the request is over.
unsafe impl Send for Lent {}

impl Lent {
    /// No bytes.
    pub const NOTHING: Lent = Lent(std::ptr::null_mut(), 0);

    /// The first so many bytes, or all there are, and the others.
    pub fn split(self, len: usize) -> (Lent, Lent) {
        let len = len.min(self.1);
        (Lent(self.0, len), Lent(self.0.wrapping_add(len), self.1 - len))
    }

    /// To be read from.
    ///
    /// # Safety
    /// Readable, and nobody writes to it meanwhile.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        // SAFETY: the caller's promise.
        if self.1 == 0 { &[] } else { unsafe { std::slice::from_raw_parts(self.0, self.1) } }
    }

    /// To be written to.
    ///
    /// # Safety
    /// Writable, and nobody else uses it meanwhile.
    pub unsafe fn bytes_mut<'a>(self) -> &'a mut [u8] {
        // SAFETY: the caller's promise.
        if self.1 == 0 { &mut [] } else { unsafe { std::slice::from_raw_parts_mut(self.0, self.1) } }
    }
}

/// A transfer of a whole range.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the file.
    Read,
    /// To the file.
    Write,
}

impl File {
    /// Reads or writes a whole range.
    ///
    /// # Errors
    /// [`code::READ`], [`code::WRITE`] with the system's reason, [`code::END`].
    ///
    /// # Safety
    /// The memory is readable to be written to a file, and writable to be filled.
    pub unsafe fn transfer(&self, way: Way, offset: u64, lent: Lent) -> Result<()> {
        match way {
            // SAFETY: the caller's promise.
            Way::Write => self.write(offset, unsafe { lent.bytes() }).map_err(failed(code::WRITE)),
            Way::Read => {
                // SAFETY: the caller's promise.
                let done = self.read(offset, unsafe { lent.bytes_mut() }).map_err(failed(code::READ))?;
                if done < lent.1 {
                    let reason = format!("{done} of {} bytes from {offset}", lent.1);
                    return Err(code::because(code::END, reason));
                }
                Ok(())
            }
        }
    }
}

/// How many places the system takes at once.
const PLACES: usize = 1024;

impl File {
    /// Reads or writes a range of a file whose bytes are in several places, one after another; which is left in `places` means nothing.
    ///
    /// # Errors
    /// As [`File::transfer`].
    ///
    /// # Safety
    /// As [`File::transfer`], each place.
    pub unsafe fn transfer_all(&self, way: Way, mut offset: u64, places: &mut [Lent]) -> Result<()> {
        let File::Disk(file) = self else {
            return places.iter().try_for_each(|place| {
                // SAFETY: the caller's promise.
                unsafe { self.transfer(way, offset, *place) }?;
                offset += place.1 as u64;
                Ok(())
            });
        };
        let (mut rest, code) = (&mut places[..], if way == Way::Read { code::READ } else { code::WRITE });
        while !rest.is_empty() {
            let some = rest.len().min(PLACES) as libc::c_int;
            let list = rest.as_ptr().cast::<libc::iovec>();
            // SAFETY: a place is laid out as the system's; what is there may be read or written: the caller's promise.
            let moved = unsafe {
                match way {
                    Way::Read => libc::preadv(file.as_raw_fd(), list, some, offset as libc::off_t),
                    Way::Write => libc::pwritev(file.as_raw_fd(), list, some, offset as libc::off_t),
                }
            };
            let mut moved = match usize::try_from(moved) {
                Ok(0) => return Err(code::because(code::END, format!("nothing from {offset} on"))),
                Ok(moved) => moved,
                Err(_) => match std::io::Error::last_os_error() {
                    error if error.kind() == ErrorKind::Interrupted => continue,
                    error => return Err(failed(code)(error)),
                },
            };
            offset += moved as u64;
            let gone = rest.iter().take_while(|place| {
                let is_gone = moved >= place.1;
                moved -= if is_gone { place.1 } else { 0 };
                is_gone
            });
            let gone = gone.count();
            rest = &mut rest[gone..];
            if let Some(first) = rest.first_mut() {
                *first = first.split(moved).1;
            }
        }
        Ok(())
    }
}

/// The code of what went well, or not.
pub(crate) fn outcome(result: Result<()>) -> i32 {
    match result {
        Ok(()) => code::OK,
        Err(Error::Code(code)) => code,
        Err(Error::Wrong(_)) => code::OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::{File, Lent, Mode, PLACES, Way, delete, whole};

    #[test]
    fn files_on_disk_and_in_memory_are_alike() {
        let name = std::env::temp_dir().join(format!("pario-{}", std::process::id()));
        let name = name.to_str().unwrap();
        for file in [File::open(name, Mode::ReadWrite).unwrap(), File::in_memory("there")] {
            file.write(5, b"abc").unwrap();
            let mut bytes = [9; 10];
            assert_eq!(file.read(4, &mut bytes).unwrap(), 4);
            assert_eq!(&bytes[..4], b"\0abc");
            assert_eq!(file.read(100, &mut bytes).unwrap(), 0);
            assert_eq!(file.length().unwrap(), 8);
            file.set_length(6).unwrap();
            assert_eq!((file.read(0, &mut bytes).unwrap(), bytes[5]), (6, b'a'));
        }
        assert!(File::open(name, Mode::Read).unwrap().write(0, b"x").is_err());
        for name in [name, "there", "nowhere"] {
            delete(name).unwrap();
        }
        assert_eq!(File::in_memory("there").length().unwrap(), 0);
        assert!(File::open("/no/such/folder/x", Mode::ReadWrite).is_err());
    }

    #[test]
    fn a_range_may_be_in_several_places() {
        let name = std::env::temp_dir().join(format!("pario-places-{}", std::process::id()));
        let name = name.to_str().unwrap();
        for file in [File::open(name, Mode::ReadWrite).unwrap(), File::in_memory("places")] {
            // More places than the system takes at once, some of them empty.
            let mut bytes: Vec<u8> = (0..9000u32).map(|byte| (byte * 7 % 251) as u8).collect();
            let mut some = Vec::new();
            let mut rest = Lent(bytes.as_mut_ptr(), bytes.len());
            for number in 0.. {
                let (place, others) = rest.split(number % 9);
                some.push(place);
                rest = others;
                if rest.1 == 0 {
                    break;
                }
            }
            assert!(some.len() > PLACES);
            let mut found = vec![0u8; bytes.len()];
            let (front, back) = Lent(found.as_mut_ptr(), found.len()).split(1234);
            // SAFETY: parts of two vectors, which nobody else uses.
            unsafe {
                file.transfer_all(Way::Write, 77, &mut some).unwrap();
                file.transfer_all(Way::Read, 77, &mut [front, Lent::NOTHING, back]).unwrap();
            }
            assert!(found == bytes && file.length().unwrap() == 77 + 9000);
            // SAFETY: as above.
            let beyond = unsafe { file.transfer_all(Way::Read, 78, &mut [front, back]) };
            assert!(beyond.is_err());
        }
        delete(name).unwrap();
        delete("places").unwrap();
    }

    #[test]
    fn offsets_are_whole() {
        assert_eq!(whole(3.0, -1).unwrap(), 3);
        for wrong in [0.5, -1.0, f64::NAN, f64::INFINITY, 1e16] {
            assert!(whole(wrong, -1).is_err(), "{wrong}");
        }
    }
}
