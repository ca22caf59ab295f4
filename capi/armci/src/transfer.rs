//! Put, get and accumulate: contiguous, strided, vector, single values.
//!
//! Each shape is started by one function, which a blocking call waits for and a non-blocking one leaves to a handle. What is empty is
//! complete whatever the pointers are.

use crate::guard::profiled;
use crate::state::Armci;
use rma::transport::{Moving, Rows, Token};
use rma::{DType, Element, Error, ErrorKind, Result};
use std::ffi::{c_double, c_float, c_int, c_long, c_void};

/// `ARMCI_MAX_STRIDE_LEVEL`.
const LEVELS: usize = 8;

/// `armci_giov_t`.
#[repr(C)]
pub(crate) struct Runs {
    src: *const *mut c_void,
    dst: *const *mut c_void,
    count: c_int,
    bytes: c_int,
}

/// What is done at the target.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Put,
    Get,
    /// Of this type, with the scale there.
    Add(DType, *const c_void),
}

/// An accumulate by the number of its type.
fn add(optype: c_int, scale: *const c_void) -> Result<Kind> {
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
fn length(what: &str, value: c_int) -> Result<usize> {
    usize::try_from(value).map_err(|_| negative(what, value))
}

impl Armci {
    /// Starts a contiguous transfer.
    ///
    /// # Safety
    /// The local end may be used for so many bytes until the token is waited for.
    #[inline(always)]
    pub(crate) unsafe fn run(
        &mut self,
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
        let remote = if matches!(kind, Kind::Get) { src } else { dst };
        let place = self.addresses.find(proc, remote)?;
        let (segment, rank, offset) = (place.segment, place.rank, place.offset);
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

    /// Adds contiguous elements, the short way.
    ///
    /// # Safety
    /// As [`Armci::run`]; the scale is readable.
    #[inline(always)]
    unsafe fn add_run(
        &mut self,
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
        &mut self,
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
        if !len.is_multiple_of(size_of::<T>()) || !src.cast::<T>().is_aligned() {
            let message = format!("{len} bytes at {src:p} are no whole elements of {}", T::DTYPE);
            return Err(Error::at(ErrorKind::Alignment, "accumulate", proc as usize, message));
        }
        let place = self.addresses.find(proc, dst)?;
        // SAFETY: readable: the caller's promise; aligned, as just checked.
        let (src, scale) = unsafe {
            (
                std::slice::from_raw_parts(src.cast::<T>(), len / size_of::<T>()),
                scale.cast::<T>().read_unaligned(),
            )
        };
        place.segment.accumulate(place.rank, place.offset, src, scale)?;
        Ok(0)
    }

    /// Starts a strided transfer.
    ///
    /// # Safety
    /// As [`Armci::run`] for every row; strides and counts are readable, `levels` and one more.
    #[allow(clippy::too_many_arguments)] // ARMCI's own shape
    unsafe fn rows(
        &mut self,
        kind: Kind,
        src: *const c_void,
        src_strides: *const c_int,
        dst: *mut c_void,
        dst_strides: *const c_int,
        count: *const c_int,
        levels: c_int,
        proc: c_int,
    ) -> Result<Token> {
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
        let counts = &counts[..=levels];
        if counts.contains(&0) {
            return Ok(Token::DONE);
        }
        for level in 0..levels {
            (from[level], to[level]) =
                // SAFETY: readable: the caller's promise.
                unsafe { (src_strides.add(level).read() as isize, dst_strides.add(level).read() as isize) };
        }
        let (from, to) = (&from[..levels], &to[..levels]);
        let remote = if matches!(kind, Kind::Get) { src } else { dst };
        let place = self.addresses.find(proc, remote)?;
        let (segment, rank, offset) = (place.segment, place.rank, place.offset);
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

    /// Starts the transfers of a vector; returns those that aren't complete.
    ///
    /// # Safety
    /// As [`Armci::run`] for every run; the arrays are readable for the lengths they are told with.
    unsafe fn runs(
        &mut self,
        kind: Kind,
        vectors: *const Runs,
        len: c_int,
        proc: c_int,
    ) -> Result<Vec<Token>> {
        let mut tokens = Vec::new();
        for index in 0..length("vectors", len)? {
            // SAFETY: readable: the caller's promise.
            let vector = unsafe { &*vectors.add(index) };
            // SAFETY: the caller's promise.
            if unsafe { self.packed(kind, vector, proc) }? {
                continue;
            }
            for run in 0..length("runs", vector.count)? {
                // SAFETY: the caller's promise.
                let token = unsafe {
                    let (src, dst) = (vector.src.add(run).read(), vector.dst.add(run).read());
                    self.run(kind, src, dst, vector.bytes, proc)
                }?;
                if token != Token::DONE {
                    tokens.push(token);
                }
            }
        }
        Ok(tokens)
    }

    /// Moves the runs of a vector together, if they are of one allocation of another node; false if nothing was done.
    ///
    /// # Safety
    /// As [`Armci::runs`].
    unsafe fn packed(&mut self, kind: Kind, vector: &Runs, proc: c_int) -> Result<bool> {
        let (count, len) = (length("runs", vector.count)?, length("a length", vector.bytes)?);
        if count < 2 || len == 0 {
            return Ok(false);
        }
        // SAFETY: the caller's promise.
        let [src, dst] =
            [vector.src, vector.dst].map(|list| unsafe { std::slice::from_raw_parts(list, count) });
        let (theirs, ours) = if matches!(kind, Kind::Get) { (src, dst) } else { (dst, src) };
        let place = self.addresses.find(proc, theirs[0])?;
        if place.segment.mapped(place.rank).is_some() {
            return Ok(false);
        }
        let from = |base: *mut c_void| move |at: &*mut c_void| (*at as usize).wrapping_sub(base as usize);
        let remote: Vec<usize> =
            theirs.iter().map(from(theirs[0])).map(|at| at.wrapping_add(place.offset)).collect();
        let local: Vec<usize> = ours.iter().map(from(ours[0])).collect();
        let runs = rma::transport::Runs { remote: &remote, local: &local, len };
        let moving = match kind {
            Kind::Put => Moving::Put,
            Kind::Get => Moving::Get,
            Kind::Add(dtype, scale) => Moving::Accumulate { dtype, alpha: scale.cast() },
        };
        // SAFETY: local runs are the caller's promise, whichever way they lie from the first.
        unsafe { place.segment.move_runs(place.rank, runs, ours[0].cast(), moving) }
    }

    /// Puts one value.
    #[inline(always)]
    fn put_value<T>(&mut self, value: T, dst: *mut c_void, proc: c_int) -> Result<c_int> {
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
        &mut self,
        value: T,
        dst: *mut c_void,
        proc: c_int,
        handle: *mut c_int,
    ) -> Result<c_int> {
        self.put_value(value, dst, proc)?;
        // SAFETY: the caller's promise.
        unsafe { self.keep(handle, proc, []) }
    }

    /// Gets one value.
    #[inline(always)]
    fn get_value<T: Default>(&mut self, src: *const c_void, proc: c_int) -> Result<T> {
        let mut value = T::default();
        let token =
            // SAFETY: a local that outlives the call; only used for numbers.
            unsafe { self.run(Kind::Get, src, (&raw mut value).cast(), size_of::<T>() as c_int, proc) }?;
        self.wait(token)?;
        Ok(value)
    }

    /// Sets an integer at the target once everything before is visible there.
    pub(crate) fn raise_flag(&mut self, flag: *const c_int, value: c_int, proc: c_int) -> Result<c_int> {
        self.fence(proc)?;
        let place = self.addresses.find(proc, flag.cast())?;
        place.segment.swap(place.rank, place.offset, value)?;
        Ok(0)
    }

    pub(crate) fn fence(&self, proc: c_int) -> Result<()> {
        self.world.fence(proc as usize)
    }

    fn barrier(&mut self) -> Result<()> {
        self.wait_all(None)?;
        self.groups.default_team()?.sync()
    }
}

profiled! {
    ARMCI_Put / PARMCI_Put(src: *const c_void, dst: *mut c_void, bytes: c_int, proc: c_int) -> c_int =
        |armci| { let token = armci.run(Kind::Put, src, dst, bytes, proc)?; armci.wait(token) };
    ARMCI_Get / PARMCI_Get(src: *const c_void, dst: *mut c_void, bytes: c_int, proc: c_int) -> c_int =
        |armci| { let token = armci.run(Kind::Get, src, dst, bytes, proc)?; armci.wait(token) };
    ARMCI_Acc / PARMCI_Acc(optype: c_int, scale: *const c_void, src: *const c_void, dst: *mut c_void, bytes: c_int, proc: c_int) -> c_int =
        |armci| armci.add_run(add(optype, scale)?, src, dst, bytes, proc);
    ARMCI_NbPut / PARMCI_NbPut(src: *const c_void, dst: *mut c_void, bytes: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let token = armci.run(Kind::Put, src, dst, bytes, proc)?; armci.keep(handle, proc, [token]) };
    ARMCI_NbGet / PARMCI_NbGet(src: *const c_void, dst: *mut c_void, bytes: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let token = armci.run(Kind::Get, src, dst, bytes, proc)?; armci.keep(handle, proc, [token]) };
    ARMCI_NbAcc / PARMCI_NbAcc(optype: c_int, scale: *const c_void, src: *const c_void, dst: *mut c_void, bytes: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let token = armci.run(add(optype, scale)?, src, dst, bytes, proc)?; armci.keep(handle, proc, [token]) };

    ARMCI_PutS / PARMCI_PutS(src: *const c_void, src_strides: *const c_int, dst: *mut c_void, dst_strides: *const c_int, count: *const c_int, levels: c_int, proc: c_int) -> c_int =
        |armci| { let token = armci.rows(Kind::Put, src, src_strides, dst, dst_strides, count, levels, proc)?; armci.wait(token) };
    ARMCI_GetS / PARMCI_GetS(src: *const c_void, src_strides: *const c_int, dst: *mut c_void, dst_strides: *const c_int, count: *const c_int, levels: c_int, proc: c_int) -> c_int =
        |armci| { let token = armci.rows(Kind::Get, src, src_strides, dst, dst_strides, count, levels, proc)?; armci.wait(token) };
    ARMCI_AccS / PARMCI_AccS(optype: c_int, scale: *const c_void, src: *const c_void, src_strides: *const c_int, dst: *mut c_void, dst_strides: *const c_int, count: *const c_int, levels: c_int, proc: c_int) -> c_int =
        |armci| { let token = armci.rows(add(optype, scale)?, src, src_strides, dst, dst_strides, count, levels, proc)?; armci.wait(token) };
    ARMCI_NbPutS / PARMCI_NbPutS(src: *const c_void, src_strides: *const c_int, dst: *mut c_void, dst_strides: *const c_int, count: *const c_int, levels: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let token = armci.rows(Kind::Put, src, src_strides, dst, dst_strides, count, levels, proc)?; armci.keep(handle, proc, [token]) };
    ARMCI_NbGetS / PARMCI_NbGetS(src: *const c_void, src_strides: *const c_int, dst: *mut c_void, dst_strides: *const c_int, count: *const c_int, levels: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let token = armci.rows(Kind::Get, src, src_strides, dst, dst_strides, count, levels, proc)?; armci.keep(handle, proc, [token]) };
    ARMCI_NbAccS / PARMCI_NbAccS(optype: c_int, scale: *const c_void, src: *const c_void, src_strides: *const c_int, dst: *mut c_void, dst_strides: *const c_int, count: *const c_int, levels: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let token = armci.rows(add(optype, scale)?, src, src_strides, dst, dst_strides, count, levels, proc)?; armci.keep(handle, proc, [token]) };

    ARMCI_PutV / PARMCI_PutV(vectors: *const Runs, len: c_int, proc: c_int) -> c_int =
        |armci| { let tokens = armci.runs(Kind::Put, vectors, len, proc)?; armci.wait_each(tokens) };
    ARMCI_GetV / PARMCI_GetV(vectors: *const Runs, len: c_int, proc: c_int) -> c_int =
        |armci| { let tokens = armci.runs(Kind::Get, vectors, len, proc)?; armci.wait_each(tokens) };
    ARMCI_AccV / PARMCI_AccV(optype: c_int, scale: *const c_void, vectors: *const Runs, len: c_int, proc: c_int) -> c_int =
        |armci| { let tokens = armci.runs(add(optype, scale)?, vectors, len, proc)?; armci.wait_each(tokens) };
    ARMCI_NbPutV / PARMCI_NbPutV(vectors: *const Runs, len: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let tokens = armci.runs(Kind::Put, vectors, len, proc)?; armci.keep(handle, proc, tokens) };
    ARMCI_NbGetV / PARMCI_NbGetV(vectors: *const Runs, len: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let tokens = armci.runs(Kind::Get, vectors, len, proc)?; armci.keep(handle, proc, tokens) };
    ARMCI_NbAccV / PARMCI_NbAccV(optype: c_int, scale: *const c_void, vectors: *const Runs, len: c_int, proc: c_int, handle: *mut c_int) -> c_int =
        |armci| { let tokens = armci.runs(add(optype, scale)?, vectors, len, proc)?; armci.keep(handle, proc, tokens) };

    ARMCI_PutValueInt / PARMCI_PutValueInt(value: c_int, dst: *mut c_void, proc: c_int) -> c_int = |armci| armci.put_value(value, dst, proc);
    ARMCI_PutValueLong / PARMCI_PutValueLong(value: c_long, dst: *mut c_void, proc: c_int) -> c_int = |armci| armci.put_value(value, dst, proc);
    ARMCI_PutValueFloat / PARMCI_PutValueFloat(value: c_float, dst: *mut c_void, proc: c_int) -> c_int = |armci| armci.put_value(value, dst, proc);
    ARMCI_PutValueDouble / PARMCI_PutValueDouble(value: c_double, dst: *mut c_void, proc: c_int) -> c_int = |armci| armci.put_value(value, dst, proc);
    ARMCI_NbPutValueInt / PARMCI_NbPutValueInt(value: c_int, dst: *mut c_void, proc: c_int, handle: *mut c_int) -> c_int = |armci| armci.put_value_nb(value, dst, proc, handle);
    ARMCI_NbPutValueLong / PARMCI_NbPutValueLong(value: c_long, dst: *mut c_void, proc: c_int, handle: *mut c_int) -> c_int = |armci| armci.put_value_nb(value, dst, proc, handle);
    ARMCI_NbPutValueFloat / PARMCI_NbPutValueFloat(value: c_float, dst: *mut c_void, proc: c_int, handle: *mut c_int) -> c_int = |armci| armci.put_value_nb(value, dst, proc, handle);
    ARMCI_NbPutValueDouble / PARMCI_NbPutValueDouble(value: c_double, dst: *mut c_void, proc: c_int, handle: *mut c_int) -> c_int = |armci| armci.put_value_nb(value, dst, proc, handle);
    ARMCI_GetValueInt / PARMCI_GetValueInt(src: *const c_void, proc: c_int) -> c_int = |armci| armci.get_value(src, proc);
    ARMCI_GetValueLong / PARMCI_GetValueLong(src: *const c_void, proc: c_int) -> c_long = |armci| armci.get_value(src, proc);
    ARMCI_GetValueFloat / PARMCI_GetValueFloat(src: *const c_void, proc: c_int) -> c_float = |armci| armci.get_value(src, proc);
    ARMCI_GetValueDouble / PARMCI_GetValueDouble(src: *const c_void, proc: c_int) -> c_double = |armci| armci.get_value(src, proc);

    ARMCI_Put_flag / PARMCI_Put_flag(src: *const c_void, dst: *mut c_void, bytes: c_int, flag: *mut c_int, value: c_int, proc: c_int) -> c_int =
        |armci| { let token = armci.run(Kind::Put, src, dst, bytes, proc)?; armci.wait(token)?; armci.raise_flag(flag, value, proc) };
    ARMCI_PutS_flag / PARMCI_PutS_flag(src: *const c_void, src_strides: *const c_int, dst: *mut c_void, dst_strides: *const c_int, count: *const c_int, levels: c_int, flag: *mut c_int, value: c_int, proc: c_int) -> c_int =
        |armci| {
            let token = armci.rows(Kind::Put, src, src_strides, dst, dst_strides, count, levels, proc)?;
            armci.wait(token)?;
            armci.raise_flag(flag, value, proc)
        };
    ARMCI_PutS_flag_dir / PARMCI_PutS_flag_dir(src: *const c_void, src_strides: *const c_int, dst: *mut c_void, dst_strides: *const c_int, count: *const c_int, levels: c_int, flag: *mut c_int, value: c_int, proc: c_int) -> c_int =
        |armci| {
            let token = armci.rows(Kind::Put, src, src_strides, dst, dst_strides, count, levels, proc)?;
            armci.wait(token)?;
            armci.raise_flag(flag, value, proc)
        };

    ARMCI_Fence / PARMCI_Fence(proc: c_int) = |armci| armci.fence(proc);
    ARMCI_AllFence / PARMCI_AllFence() = |armci| armci.world.fence_all();
    ARMCI_GroupFence / PARMCI_GroupFence(_group: *const c_int) = |armci| armci.world.fence_all();
    ARMCI_Barrier / PARMCI_Barrier() = |armci| armci.barrier();
    ARMCI_Copy / PARMCI_Copy(src: *const c_void, dst: *mut c_void, bytes: c_int) =
        |_armci| { std::ptr::copy(src.cast::<u8>(), dst.cast(), length("a length", bytes)?); Ok(()) };
}
