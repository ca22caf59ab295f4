//! What is used of libfabric, and nothing else. Written by hand from `rdma/fabric.h`, `fi_domain.h`, `fi_endpoint.h`, `fi_eq.h`,
//! `fi_rma.h` and `fi_cm.h` of version 1.17; `layout` has a C compiler compare them with the headers that are installed.
//!
//! The library exports a handful of functions; all others are reached through tables of pointers that each object brings. Newer
//! versions append to structs and tables and change nothing before, so structs of the library's are only read through pointers, and
//! structs of ours that it reads end in zeros enough for fields to come.

use super::super::wire::Result;
use crate::library::Library;
use std::ffi::{CStr, c_char, c_int, c_void};

/// A pointer to a function that isn't used.
pub(super) type Unused = *const c_void;

/// Zeros behind our own structs, for fields of later versions.
pub(super) type Tail = [u64; 16];

/// Declares structs as C has them; the fields after `..` are not part of the C struct.
macro_rules! c_structs {
    ($($(#[$doc:meta])* $name:ident = $c_name:literal { $($field:ident: $type:ty),* $(; $tail:ident: $tail_type:ty)? })*) => {
        $(
            $(#[$doc])*
            #[repr(C)]
            pub(super) struct $name { $(pub(super) $field: $type,)* $(pub(super) $tail: $tail_type)? }
        )*

        /// Each struct's C name, its size, and its fields with offset and size.
        #[cfg(test)]
        pub(super) fn layouts() -> Vec<(&'static str, usize, Vec<(&'static str, usize, usize)>)> {
            vec![$((
                $c_name,
                size_of::<$name>(),
                vec![$((stringify!($field), std::mem::offset_of!($name, $field), size_of::<$type>())),*],
            )),*]
        }
    };
}

c_structs! {
    /// The head of every object.
    Fid = "struct fid" { fclass: usize, context: *mut c_void, ops: *const FidOps }
    FidOps = "struct fi_ops" {
        size: usize,
        close: unsafe extern "C" fn(*mut Fid) -> c_int,
        bind: unsafe extern "C" fn(*mut Fid, *mut Fid, u64) -> c_int,
        control: unsafe extern "C" fn(*mut Fid, c_int, *mut c_void) -> c_int
    }
    Fabric = "struct fid_fabric" { fid: Fid, ops: *const FabricOps }
    FabricOps = "struct fi_ops_fabric" {
        size: usize,
        domain: unsafe extern "C" fn(*mut Fabric, *mut Info, *mut *mut Domain, *mut c_void) -> c_int,
        passive_ep: Unused,
        eq_open: Unused,
        wait_open: Unused,
        trywait: unsafe extern "C" fn(*mut Fabric, *mut *mut Fid, c_int) -> c_int
    }
    Domain = "struct fid_domain" { fid: Fid, ops: *const DomainOps, mr: *const MemoryOps }
    DomainOps = "struct fi_ops_domain" {
        size: usize,
        av_open: unsafe extern "C" fn(*mut Domain, *mut AddressVectorAttr, *mut *mut AddressVector, *mut c_void) -> c_int,
        cq_open: unsafe extern "C" fn(*mut Domain, *mut QueueAttr, *mut *mut Queue, *mut c_void) -> c_int,
        endpoint: unsafe extern "C" fn(*mut Domain, *mut Info, *mut *mut Endpoint, *mut c_void) -> c_int
    }
    MemoryOps = "struct fi_ops_mr" {
        size: usize,
        reg: unsafe extern "C" fn(
            *mut Fid, *const c_void, usize, u64, u64, u64, u64, *mut *mut Memory, *mut c_void,
        ) -> c_int
    }
    Memory = "struct fid_mr" { fid: Fid, mem_desc: *mut c_void, key: u64 }
    AddressVector = "struct fid_av" { fid: Fid, ops: *const AddressVectorOps }
    AddressVectorOps = "struct fi_ops_av" {
        size: usize,
        insert: unsafe extern "C" fn(*mut AddressVector, *const c_void, usize, *mut u64, u64, *mut c_void) -> c_int
    }
    Queue = "struct fid_cq" { fid: Fid, ops: *const QueueOps }
    QueueOps = "struct fi_ops_cq" {
        size: usize,
        read: unsafe extern "C" fn(*mut Queue, *mut c_void, usize) -> isize,
        readfrom: Unused,
        readerr: unsafe extern "C" fn(*mut Queue, *mut QueueError, u64) -> isize,
        sread: Unused,
        sreadfrom: Unused,
        signal: Unused,
        strerror: unsafe extern "C" fn(*mut Queue, c_int, *const c_void, *mut c_char, usize) -> *const c_char
    }
    Endpoint = "struct fid_ep" {
        fid: Fid, ops: *const c_void, cm: *const ConnectionOps, msg: *const MessageOps, rma: *const RmaOps
    }
    ConnectionOps = "struct fi_ops_cm" {
        size: usize,
        setname: Unused,
        getname: unsafe extern "C" fn(*mut Fid, *mut c_void, *mut usize) -> c_int
    }
    MessageOps = "struct fi_ops_msg" {
        size: usize,
        recv: unsafe extern "C" fn(*mut Endpoint, *mut c_void, usize, *mut c_void, u64, *mut c_void) -> isize,
        recvv: Unused,
        recvmsg: Unused,
        send: unsafe extern "C" fn(*mut Endpoint, *const c_void, usize, *mut c_void, u64, *mut c_void) -> isize,
        sendv: Unused,
        sendmsg: Unused,
        inject: unsafe extern "C" fn(*mut Endpoint, *const c_void, usize, u64) -> isize
    }
    RmaOps = "struct fi_ops_rma" {
        size: usize,
        read: unsafe extern "C" fn(*mut Endpoint, *mut c_void, usize, *mut c_void, u64, u64, u64, *mut c_void) -> isize,
        readv: Unused,
        readmsg: Unused,
        write: Unused,
        writev: Unused,
        writemsg: unsafe extern "C" fn(*mut Endpoint, *const RmaMessage, u64) -> isize
    }
    RmaMessage = "struct fi_msg_rma" {
        msg_iov: *const libc::iovec,
        desc: *mut *mut c_void,
        iov_count: usize,
        addr: u64,
        rma_iov: *const RmaVector,
        rma_iov_count: usize,
        context: *mut c_void,
        data: u64
    }
    RmaVector = "struct fi_rma_iov" { addr: u64, len: usize, key: u64 }
    QueueEntry = "struct fi_cq_msg_entry" { op_context: *mut c_void, flags: u64, len: usize }
    QueueError = "struct fi_cq_err_entry" {
        op_context: *mut c_void,
        flags: u64,
        len: usize,
        buf: *mut c_void,
        data: u64,
        tag: u64,
        olen: usize,
        err: c_int,
        prov_errno: c_int,
        err_data: *mut c_void,
        err_data_size: usize; tail: Tail
    }
    QueueAttr = "struct fi_cq_attr" {
        size: usize,
        flags: u64,
        format: c_int,
        wait_obj: c_int,
        signaling_vector: c_int,
        wait_cond: c_int,
        wait_set: *mut c_void; tail: Tail
    }
    AddressVectorAttr = "struct fi_av_attr" {
        type_: c_int,
        rx_ctx_bits: c_int,
        count: usize,
        ep_per_node: usize,
        name: *const c_char,
        map_addr: *mut c_void,
        flags: u64; tail: Tail
    }
    /// What a provider offers, and what is asked of it. Made by the library only.
    Info = "struct fi_info" {
        next: *mut Info,
        caps: u64,
        mode: u64,
        addr_format: u32,
        src_addrlen: usize,
        dest_addrlen: usize,
        src_addr: *mut c_void,
        dest_addr: *mut c_void,
        handle: *mut c_void,
        tx_attr: *mut SendAttr,
        rx_attr: *mut ReceiveAttr,
        ep_attr: *mut EndpointAttr,
        domain_attr: *mut DomainAttr,
        fabric_attr: *mut FabricAttr
    }
    SendAttr = "struct fi_tx_attr" {
        caps: u64, mode: u64, op_flags: u64, msg_order: u64, comp_order: u64, inject_size: usize, size: usize
    }
    ReceiveAttr = "struct fi_rx_attr" {
        caps: u64, mode: u64, op_flags: u64, msg_order: u64, comp_order: u64, total_buffered_recv: usize, size: usize
    }
    EndpointAttr = "struct fi_ep_attr" { type_: c_int, protocol: u32, protocol_version: u32, max_msg_size: usize }
    DomainAttr = "struct fi_domain_attr" {
        domain: *mut Domain,
        name: *mut c_char,
        threading: c_int,
        control_progress: c_int,
        data_progress: c_int,
        resource_mgmt: c_int,
        av_type: c_int,
        mr_mode: c_int,
        mr_key_size: usize
    }
    FabricAttr = "struct fi_fabric_attr" {
        fabric: *mut Fabric, name: *mut c_char, prov_name: *mut c_char, prov_version: u32, api_version: u32
    }
}

/// Declares constants with the C expression they stand for.
macro_rules! constants {
    ($($name:ident: $type:ty = $value:expr, $c:literal;)*) => {
        $(pub(super) const $name: $type = $value;)*

        /// Each constant's value and C expression.
        #[cfg(test)]
        pub(super) const CONSTANTS: &[(u64, &str)] = &[$(($name as u64, $c)),*];
    };
}

constants! {
    MSG: u64 = 1 << 1, "FI_MSG";
    RMA: u64 = 1 << 2, "FI_RMA";
    READ: u64 = 1 << 8, "FI_READ";
    WRITE: u64 = 1 << 9, "FI_WRITE";
    RECEIVE: u64 = 1 << 10, "FI_RECV";
    SEND: u64 = 1 << 11, "FI_SEND";
    REMOTE_READ: u64 = 1 << 12, "FI_REMOTE_READ";
    REMOTE_WRITE: u64 = 1 << 13, "FI_REMOTE_WRITE";
    COMPLETION: u64 = 1 << 24, "FI_COMPLETION";
    DELIVERY_COMPLETE: u64 = 1 << 28, "FI_DELIVERY_COMPLETE";
    CONTEXT: u64 = 1 << 59, "FI_CONTEXT";
    CONTEXT2: u64 = 1 << 52, "FI_CONTEXT2";
    ANYBODY: u64 = u64::MAX, "FI_ADDR_UNSPEC";
    MR_LOCAL: c_int = 1 << 2, "FI_MR_LOCAL";
    MR_VIRT_ADDR: c_int = 1 << 4, "FI_MR_VIRT_ADDR";
    MR_ALLOCATED: c_int = 1 << 5, "FI_MR_ALLOCATED";
    MR_PROV_KEY: c_int = 1 << 6, "FI_MR_PROV_KEY";
    MR_ENDPOINT: c_int = 1 << 9, "FI_MR_ENDPOINT";
    EP_RDM: c_int = 3, "FI_EP_RDM";
    PROGRESS_MANUAL: c_int = 2, "FI_PROGRESS_MANUAL";
    THREAD_DOMAIN: c_int = 3, "FI_THREAD_DOMAIN";
    RM_ENABLED: c_int = 2, "FI_RM_ENABLED";
    CQ_FORMAT_MSG: c_int = 2, "FI_CQ_FORMAT_MSG";
    WAIT_NONE: c_int = 0, "FI_WAIT_NONE";
    WAIT_FD: c_int = 3, "FI_WAIT_FD";
    GETWAIT: c_int = 5, "FI_GETWAIT";
    ENABLE: c_int = 6, "FI_ENABLE";
    EAGAIN: isize = 11, "FI_EAGAIN";
    EAVAIL: isize = 259, "FI_EAVAIL";
    ECANCELED: c_int = 125, "FI_ECANCELED";
    API_1_17: u32 = 1 << 16 | 17, "FI_VERSION(1, 17)";
}

/// Room that the library may want in each operation's context.
pub(super) type Context = [u64; 8];

macro_rules! api {
    ($($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions that the library exports.
        #[derive(Clone, Copy)]
        pub(super) struct Api {
            pub(super) library: Library,
            $(pub(super) $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Api {
            /// Finds them; an error names what is missing.
            pub(super) fn find(library: Library) -> Result<Api> {
                $(
                    let name = CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes())
                        .expect("a name and a zero");
                    let address = library.symbol(name)?;
                    // SAFETY: the function of that name has this type, by the headers.
                    let $name = unsafe {
                        std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) $(-> $result)?>(address.as_ptr())
                    };
                )*
                Ok(Api { library, $($name),* })
            }
        }
    };
}

api! {
    fi_getinfo: fn(u32, *const c_char, *const c_char, u64, *const Info, *mut *mut Info) -> c_int;
    fi_dupinfo: fn(*const Info) -> *mut Info;
    fi_freeinfo: fn(*mut Info);
    fi_fabric: fn(*mut FabricAttr, *mut *mut Fabric, *mut c_void) -> c_int;
    fi_strerror: fn(c_int) -> *const c_char;
    fi_version: fn() -> u32;
}

impl Api {
    /// `Ok` for zero; else the function's name and the library's own words.
    pub(super) fn check(&self, what: &str, code: c_int) -> Result<()> {
        if code == 0 { Ok(()) } else { Err(format!("{what}: {}", self.explain(code))) }
    }

    /// The library's words for a negative return code.
    pub(super) fn explain(&self, code: c_int) -> String {
        // SAFETY: any number will do; the answer is a static string.
        unsafe { CStr::from_ptr((self.fi_strerror)(code.abs())) }.to_string_lossy().into_owned()
    }
}

/// The text at a pointer of the library's, if there is one.
///
/// # Safety
/// Null, or a terminated string.
pub(super) unsafe fn text(at: *const c_char) -> String {
    if at.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(at) }.to_string_lossy().into_owned()
}
