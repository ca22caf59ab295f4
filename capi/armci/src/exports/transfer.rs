//! Put, get and accumulate: contiguous, strided, single values. Vectors are in [`super::vector`].
//!
//! Each shape is started by one function, which a blocking call waits for and a non-blocking one leaves to a handle. What is empty is
//! complete whatever the pointers are.

use crate::address::at;
use crate::guard::call;
use crate::state::Armci;
use common::exports;
use rma::transport::{Rows, Token};
use rma::{DType, Element, Error, ErrorKind, Result, Segment};
use std::ffi::{c_double, c_float, c_int, c_long, c_void};

/// `ARMCI_MAX_STRIDE_LEVEL`.
const LEVELS: usize = 8;

/// What is done at the target.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Put,
    Get,
    /// Of this type, with the scale there.
    Add(DType, *const c_void),
}

/// An accumulate by the number of its type.
pub(crate) fn add(optype: c_int, scale: *const c_void) -> Result<Kind> {
    let dtype = match optype - 36 {
        1 => DType::I32,
        2 => DType::F64,
        3 => DType::F32,
        4 => DType::C64,
        5 => DType::C128,
        6 => DType::I64,
        _ => {
            let message = format!("{optype} is no ARMCI_ACC_ type");
            return Err(Error::new(ErrorKind::Type, "accumulate", message));
        }
    };
    Ok(Kind::Add(dtype, scale))
}

#[cold]
fn negative(what: &str, value: c_int) -> Error {
    Error::new(ErrorKind::Shape, "shape", format!("{what} of {value}"))
}

/// A length or count.
#[inline(always)]
pub(crate) fn length(what: &str, value: c_int) -> Result<usize> {
    usize::try_from(value).map_err(|_| negative(what, value))
}

/// The shape of a strided transfer.
struct Shape {
    levels: usize,
    counts: [usize; LEVELS + 1],
    from: [isize; LEVELS],
    to: [isize; LEVELS],
}

impl Shape {
    /// A shape as ARMCI has it; nothing if it is empty.
    ///
    /// # Safety
    /// Strides and counts are readable, `levels` and one more.
    #[inline(always)]
    unsafe fn read(
        src_strides: *const c_int,
        dst_strides: *const c_int,
        count: *const c_int,
        levels: c_int,
    ) -> Result<Option<Shape>> {
        let levels = length("stride levels", levels)?;
        if levels > LEVELS {
            let message = format!("{levels} stride levels, and {LEVELS} are the most");
            return Err(Error::new(ErrorKind::Shape, "shape", message));
        }
        let (mut counts, mut from, mut to) = ([0; LEVELS + 1], [0; LEVELS], [0; LEVELS]);
        for (level, to) in counts[..=levels].iter_mut().enumerate() {
            // SAFETY: readable: the caller's promise.
            *to = length("a count", unsafe { count.add(level).read() })?;
        }
        if counts[..=levels].contains(&0) {
            return Ok(None);
        }
        for level in 0..levels {
            (from[level], to[level]) =
                // SAFETY: readable: the caller's promise.
                unsafe { (src_strides.add(level).read() as isize, dst_strides.add(level).read() as isize) };
        }
        Ok(Some(Shape { levels, counts, from, to }))
    }
}

/// Starts a contiguous transfer with a place that was found.
///
/// # Safety
/// The local end may be used for so many bytes until the token is waited for.
#[inline(always)]
unsafe fn start_run(
    segment: &Segment,
    rank: usize,
    offset: usize,
    kind: Kind,
    src: *const c_void,
    dst: *mut c_void,
    len: usize,
) -> Result<Token> {
    // SAFETY: the caller's promise.
    unsafe {
        match kind {
            Kind::Put => segment.start_put(rank, offset, src.cast(), len),
            Kind::Get => segment.start_get(rank, offset, dst.cast(), len),
            Kind::Add(dtype, scale) => {
                let rows = Rows { remote_strides: &[], local_strides: &[], counts: &[len] };
                segment.start_accumulate_strided(rank, offset, rows, dtype, src.cast(), scale.cast())
            }
        }
    }
}

/// Starts a strided one.
///
/// # Safety
/// As [`start_run`] for every row.
#[inline(always)]
unsafe fn start_rows(
    segment: &Segment,
    rank: usize,
    offset: usize,
    kind: Kind,
    shape: &Shape,
    src: *const c_void,
    dst: *mut c_void,
) -> Result<Token> {
    let (from, to) = (&shape.from[..shape.levels], &shape.to[..shape.levels]);
    let counts = &shape.counts[..=shape.levels];
    let put = Rows { remote_strides: to, local_strides: from, counts };
    // SAFETY: the caller's promise.
    unsafe {
        match kind {
            Kind::Put => segment.start_put_strided(rank, offset, put, src.cast()),
            Kind::Get => {
                let rows = Rows { remote_strides: from, local_strides: to, counts };
                segment.start_get_strided(rank, offset, rows, dst.cast())
            }
            Kind::Add(dtype, scale) => {
                segment.start_accumulate_strided(rank, offset, put, dtype, src.cast(), scale.cast())
            }
        }
    }
}

/// The memory at the target of a transfer.
#[inline(always)]
fn remote(kind: Kind, src: *const c_void, dst: *mut c_void) -> *const c_void {
    if matches!(kind, Kind::Get) { src } else { dst }
}

impl Armci {
    /// Starts a contiguous transfer.
    ///
    /// # Safety
    /// The local end may be used for so many bytes until the token is waited for.
    #[inline(always)]
    pub(crate) unsafe fn run(
        &self,
        kind: Kind,
        src: *const c_void,
        dst: *mut c_void,
        bytes: c_int,
        proc: c_int,
    ) -> Result<Token> {
        let len = length("a length", bytes)?;
        if len == 0 {
            return Ok(Token::DONE);
        }
        match self.addresses.quick(proc, remote(kind, src, dst)) {
            Some(place) => {
                let (segment, rank, offset) = place.parts();
                // SAFETY: the caller's promise.
                unsafe { start_run(segment, rank, offset, kind, src, dst, len) }
            }
            // SAFETY: the caller's promise.
            None => unsafe { self.run_apart(kind, src, dst, len, proc) },
        }
    }

    /// The same where the address has to be looked up, or threads share the library.
    ///
    /// # Safety
    /// As there.
    #[inline(never)]
    pub(crate) unsafe fn run_apart(
        &self,
        kind: Kind,
        src: *const c_void,
        dst: *mut c_void,
        len: usize,
        proc: c_int,
    ) -> Result<Token> {
        self.addresses.at(proc, remote(kind, src, dst), |segment, rank, offset| {
            // SAFETY: the caller's promise.
            unsafe { start_run(segment, rank, offset, kind, src, dst, len) }
        })
    }

    /// Adds contiguous elements, the short way.
    ///
    /// # Safety
    /// As [`Armci::run`]; the scale is readable.
    #[inline(always)]
    pub(crate) unsafe fn add_run(
        &self,
        kind: Kind,
        src: *const c_void,
        dst: *mut c_void,
        bytes: c_int,
        proc: c_int,
    ) -> Result<c_int> {
        // SAFETY: the caller's promise.
        unsafe {
            match kind {
                Kind::Add(DType::F64, scale) => self.add_as::<f64>(scale, src, dst, bytes, proc),
                Kind::Add(DType::F32, scale) => self.add_as::<f32>(scale, src, dst, bytes, proc),
                Kind::Add(DType::I64, scale) => self.add_as::<i64>(scale, src, dst, bytes, proc),
                Kind::Add(DType::I32, scale) => self.add_as::<i32>(scale, src, dst, bytes, proc),
                _ => {
                    let token = self.run(kind, src, dst, bytes, proc)?;
                    self.wait(token)
                }
            }
        }
    }

    /// # Safety
    /// As [`Armci::add_run`], of elements of this type.
    #[inline(always)]
    unsafe fn add_as<T: Element>(
        &self,
        scale: *const c_void,
        src: *const c_void,
        dst: *mut c_void,
        bytes: c_int,
        proc: c_int,
    ) -> Result<c_int> {
        let len = length("a length", bytes)?;
        if len == 0 {
            return Ok(0);
        }
        if !len.is_multiple_of(size_of::<T>()) {
            let message = format!("{len} bytes are no whole elements of {}", T::DTYPE);
            return Err(Error::at(ErrorKind::Alignment, "accumulate", proc as usize, message));
        }
        // SAFETY: readable: the caller's promise.
        let scale = unsafe { scale.cast::<T>().read_unaligned() };
        at!(self.addresses, proc, dst.cast_const(), |segment, rank, offset| {
            // SAFETY: readable: the caller's promise.
            unsafe { segment.accumulate_ptr(rank, offset, src.cast::<T>(), len / size_of::<T>(), scale) }
        })?;
        Ok(0)
    }

    /// Starts a strided transfer.
    ///
    /// # Safety
    /// As [`Armci::run`] for every row; strides and counts are readable, `levels` and one more.
    #[allow(clippy::too_many_arguments)] // ARMCI's own shape
    pub(crate) unsafe fn rows(
        &self,
        kind: Kind,
        src: *const c_void,
        src_strides: *const c_int,
        dst: *mut c_void,
        dst_strides: *const c_int,
        count: *const c_int,
        levels: c_int,
        proc: c_int,
    ) -> Result<Token> {
        // SAFETY: readable: the caller's promise.
        let Some(shape) = unsafe { Shape::read(src_strides, dst_strides, count, levels) }? else {
            return Ok(Token::DONE);
        };
        self.addresses.at(proc, remote(kind, src, dst), |segment, rank, offset| {
            // SAFETY: the caller's promise.
            unsafe { start_rows(segment, rank, offset, kind, &shape, src, dst) }
        })
    }

    /// Puts one value.
    #[inline(always)]
    fn put_value<T>(&self, value: T, dst: *mut c_void, proc: c_int) -> Result<c_int> {
        let token =
            // SAFETY: a local that outlives the call.
            unsafe { self.run(Kind::Put, (&raw const value).cast(), dst, size_of::<T>() as c_int, proc) }?;
        self.wait(token)
    }

    /// Puts one value; that is quick enough to be waited for.
    ///
    /// # Safety
    /// As [`Armci::keep`].
    unsafe fn put_value_nb<T>(
        &self,
        value: T,
        dst: *mut c_void,
        proc: c_int,
        handle: *mut c_int,
    ) -> Result<c_int> {
        self.put_value(value, dst, proc)?;
        // SAFETY: the caller's promise.
        unsafe { self.keep(handle, proc, &[]) }
    }

    /// Gets one value.
    #[inline(always)]
    fn get_value<T: Default>(&self, src: *const c_void, proc: c_int) -> Result<T> {
        let mut value = T::default();
        let token =
            // SAFETY: a local that outlives the call; only used for numbers.
            unsafe { self.run(Kind::Get, src, (&raw mut value).cast(), size_of::<T>() as c_int, proc) }?;
        self.wait(token)?;
        Ok(value)
    }

    /// Sets an integer at the target once everything before is visible there.
    pub(crate) fn raise_flag(&self, flag: *const c_int, value: c_int, proc: c_int) -> Result<c_int> {
        self.fence(proc)?;
        self.addresses.at(proc, flag.cast(), |segment, rank, offset| segment.swap(rank, offset, value))?;
        Ok(0)
    }

    pub(crate) fn fence(&self, proc: c_int) -> Result<()> {
        self.world.fence(proc as usize)
    }

    fn barrier(&self) -> Result<()> {
        self.pending.wait_all(self.world.transport(), None)?;
        self.groups.with_default(|team| team.sync())
    }
}

exports! {
    call;
    PARMCI_Put, ARMCI_Put(src: *const c_void, dst: *mut c_void, bytes: c_int, proc: c_int) -> c_int =
        |armci| { let token = armci.run(Kind::Put, src, dst, bytes, proc)?; armci.wait(token) };
    PARMCI_Get, ARMCI_Get(src: *const c_void, dst: *mut c_void, bytes: c_int, proc: c_int) -> c_int =
        |armci| { let token = armci.run(Kind::Get, src, dst, bytes, proc)?; armci.wait(token) };
    PARMCI_Acc, ARMCI_Acc(optype: c_int, scale: *const c_void, src: *const c_void, dst: *mut c_void, bytes: c_int, proc: c_int) -> c_int =
        |armci| armci.add_run(add(optype, scale)?, src, dst, bytes, proc);
    PARMCI_PutS, ARMCI_PutS(src: *const c_void, src_strides: *const c_int, dst: *mut c_void, dst_strides: *const c_int, count: *const c_int, levels: c_int, proc: c_int) -> c_int =
        |armci| { let token = armci.rows(Kind::Put, src, src_strides, dst, dst_strides, count, levels, proc)?; armci.wait(token) };
    PARMCI_GetS, ARMCI_GetS(src: *const c_void, src_strides: *const c_int, dst: *mut c_void, dst_strides: *const c_int, count: *const c_int, levels: c_int, proc: c_int) -> c_int =
        |armci| { let token = armci.rows(Kind::Get, src, src_strides, dst, dst_strides, count, levels, proc)?; armci.wait(token) };
    PARMCI_AccS, ARMCI_AccS(optype: c_int, scale: *const c_void, src: *const c_void, src_strides: *const c_int, dst: *mut c_void, dst_strides: *const c_int, count: *const c_int, levels: c_int, proc: c_int) -> c_int =
        |armci| { let token = armci.rows(add(optype, scale)?, src, src_strides, dst, dst_strides, count, levels, proc)?; armci.wait(token) };

    PARMCI_NbPut, ARMCI_NbPut(src: *const c_void, dst: *mut c_void, bytes: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let token = armci.run(Kind::Put, src, dst, bytes, proc)?; armci.keep(handle, proc, &[token]) };
    PARMCI_NbGet, ARMCI_NbGet(src: *const c_void, dst: *mut c_void, bytes: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let token = armci.run(Kind::Get, src, dst, bytes, proc)?; armci.keep(handle, proc, &[token]) };
    PARMCI_NbAcc, ARMCI_NbAcc(optype: c_int, scale: *const c_void, src: *const c_void, dst: *mut c_void, bytes: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let token = armci.run(add(optype, scale)?, src, dst, bytes, proc)?; armci.keep(handle, proc, &[token]) };

    PARMCI_NbPutS, ARMCI_NbPutS(src: *const c_void, src_strides: *const c_int, dst: *mut c_void, dst_strides: *const c_int, count: *const c_int, levels: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let token = armci.rows(Kind::Put, src, src_strides, dst, dst_strides, count, levels, proc)?; armci.keep(handle, proc, &[token]) };
    PARMCI_NbGetS, ARMCI_NbGetS(src: *const c_void, src_strides: *const c_int, dst: *mut c_void, dst_strides: *const c_int, count: *const c_int, levels: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let token = armci.rows(Kind::Get, src, src_strides, dst, dst_strides, count, levels, proc)?; armci.keep(handle, proc, &[token]) };
    PARMCI_NbAccS, ARMCI_NbAccS(optype: c_int, scale: *const c_void, src: *const c_void, src_strides: *const c_int, dst: *mut c_void, dst_strides: *const c_int, count: *const c_int, levels: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let token = armci.rows(add(optype, scale)?, src, src_strides, dst, dst_strides, count, levels, proc)?; armci.keep(handle, proc, &[token]) };

    PARMCI_PutValueInt, ARMCI_PutValueInt(value: c_int, dst: *mut c_void, proc: c_int) -> c_int = |armci| armci.put_value(value, dst, proc);
    PARMCI_PutValueLong, ARMCI_PutValueLong(value: c_long, dst: *mut c_void, proc: c_int) -> c_int = |armci| armci.put_value(value, dst, proc);
    PARMCI_PutValueFloat, ARMCI_PutValueFloat(value: c_float, dst: *mut c_void, proc: c_int) -> c_int = |armci| armci.put_value(value, dst, proc);
    PARMCI_PutValueDouble, ARMCI_PutValueDouble(value: c_double, dst: *mut c_void, proc: c_int) -> c_int = |armci| armci.put_value(value, dst, proc);
    PARMCI_NbPutValueInt, ARMCI_NbPutValueInt(value: c_int, dst: *mut c_void, proc: c_int, handle: *mut c_int) -> c_int = |armci| armci.put_value_nb(value, dst, proc, handle);
    PARMCI_NbPutValueLong, ARMCI_NbPutValueLong(value: c_long, dst: *mut c_void, proc: c_int, handle: *mut c_int) -> c_int = |armci| armci.put_value_nb(value, dst, proc, handle);
    PARMCI_NbPutValueFloat, ARMCI_NbPutValueFloat(value: c_float, dst: *mut c_void, proc: c_int, handle: *mut c_int) -> c_int = |armci| armci.put_value_nb(value, dst, proc, handle);
    PARMCI_NbPutValueDouble, ARMCI_NbPutValueDouble(value: c_double, dst: *mut c_void, proc: c_int, handle: *mut c_int) -> c_int = |armci| armci.put_value_nb(value, dst, proc, handle);
    PARMCI_GetValueInt, ARMCI_GetValueInt(src: *const c_void, proc: c_int) -> c_int = |armci| armci.get_value(src, proc);
    PARMCI_GetValueLong, ARMCI_GetValueLong(src: *const c_void, proc: c_int) -> c_long = |armci| armci.get_value(src, proc);
    PARMCI_GetValueFloat, ARMCI_GetValueFloat(src: *const c_void, proc: c_int) -> c_float = |armci| armci.get_value(src, proc);
    PARMCI_GetValueDouble, ARMCI_GetValueDouble(src: *const c_void, proc: c_int) -> c_double = |armci| armci.get_value(src, proc);

    PARMCI_Put_flag, ARMCI_Put_flag(src: *const c_void, dst: *mut c_void, bytes: c_int, flag: *mut c_int, value: c_int, proc: c_int) -> c_int =
        |armci| { let token = armci.run(Kind::Put, src, dst, bytes, proc)?; armci.wait(token)?; armci.raise_flag(flag, value, proc) };
    PARMCI_PutS_flag, ARMCI_PutS_flag(src: *const c_void, src_strides: *const c_int, dst: *mut c_void, dst_strides: *const c_int, count: *const c_int, levels: c_int, flag: *mut c_int, value: c_int, proc: c_int) -> c_int =
        |armci| {
            let token = armci.rows(Kind::Put, src, src_strides, dst, dst_strides, count, levels, proc)?;
            armci.wait(token)?;
            armci.raise_flag(flag, value, proc)
        };
    PARMCI_PutS_flag_dir, ARMCI_PutS_flag_dir(src: *const c_void, src_strides: *const c_int, dst: *mut c_void, dst_strides: *const c_int, count: *const c_int, levels: c_int, flag: *mut c_int, value: c_int, proc: c_int) -> c_int =
        |armci| {
            let token = armci.rows(Kind::Put, src, src_strides, dst, dst_strides, count, levels, proc)?;
            armci.wait(token)?;
            armci.raise_flag(flag, value, proc)
        };

    PARMCI_Fence, ARMCI_Fence(proc: c_int) = |armci| armci.fence(proc);
    PARMCI_AllFence, ARMCI_AllFence() = |armci| armci.world.fence_all();
    PARMCI_GroupFence, ARMCI_GroupFence(_group: *const c_int) = |armci| armci.world.fence_all();
    PARMCI_Barrier, ARMCI_Barrier() = |armci| armci.barrier();
    PARMCI_Copy, ARMCI_Copy(src: *const c_void, dst: *mut c_void, bytes: c_int) =
        |_armci| { std::ptr::copy(src.cast::<u8>(), dst.cast(), length("a length", bytes)?); Ok(()) };
}
