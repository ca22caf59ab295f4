//! The part of UCP's C interface that is used here: structs, constants, functions.
//!
//! Written by hand from this list, out of `ucp/api/ucp.h`: a generator needs clang on every machine that builds, and the crates
//! that wrap UCX link it, so that one program could not run both with and without it. The interface is that of UCX 1.10; 1.13 and
//! 1.22 are what it is tested with.
//!
//! Invariant: every struct agrees with the headers in the offset of each field named and is at least as long as theirs. The ones
//! we hand to UCP end in zeroed `spare` words for fields that later versions add: a field is read only if the mask names it.
//! The test `layout` compares all this with the headers that are installed.

use std::ffi::{c_char, c_int, c_uint, c_void};

use crate::library::Library;

/// `ucs_status_t`: a packed enum, one byte.
pub(super) type Status = i8;
/// `ucs_status_ptr_t`: null (complete), a request, or a status in disguise.
pub(super) type StatusPtr = *mut c_void;

pub(super) type Context = *mut c_void;
pub(super) type Config = *mut c_void;
pub(super) type Worker = *mut c_void;
pub(super) type Endpoint = *mut c_void;
pub(super) type Memory = *mut c_void;
pub(super) type RemoteKey = *mut c_void;
pub(super) type Stream = *mut libc::FILE;

/// `ucp_send_nbx_callback_t`: request, status, our data.
pub(super) type SendCallback = extern "C" fn(*mut c_void, Status, *mut c_void);
/// `ucp_am_recv_data_nbx_callback_t`: request, status, length, our data.
pub(super) type ReceiveCallback = extern "C" fn(*mut c_void, Status, usize, *mut c_void);
/// `ucp_err_handler_cb_t`: our data, endpoint, status.
pub(super) type ErrorCallback = extern "C" fn(*mut c_void, Endpoint, Status);
/// `ucp_am_recv_callback_t`: our data, header and its length, data and its length, parameters.
pub(super) type MessageCallback =
    extern "C" fn(*mut c_void, *const c_void, usize, *mut c_void, usize, *const MessageInfo) -> Status;

/// A struct of the headers, as the layout test compares it.
#[cfg(test)]
pub(super) struct Layout {
    pub(super) name: &'static str,
    /// Size without and with the spare words.
    pub(super) sizes: (usize, usize),
    /// Name, offset and size of each field.
    pub(super) fields: Vec<(&'static str, usize, usize)>,
}

macro_rules! structs {
    ($($(#[$doc:meta])* $name:ident: $c:literal, spare $spare:literal { $($field:ident / $path:literal: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[repr(C)]
            #[derive(Clone, Copy)]
            pub(super) struct $name {
                $(pub(super) $field: $type,)*
                pub(super) spare: [u64; $spare],
            }

            impl $name {
                /// All zero: the mask names no field.
                #[allow(dead_code, reason = "what UCP fills in is not made by us")]
                pub(super) const fn zeroed() -> $name {
                    // SAFETY: integers, pointers and optional functions, of which zero is a value.
                    unsafe { std::mem::zeroed() }
                }
            }
        )*

        #[cfg(test)]
        pub(super) fn layouts() -> Vec<Layout> {
            vec![$(Layout {
                name: $c,
                sizes: (std::mem::offset_of!($name, spare), size_of::<$name>()),
                fields: vec![$(($path, std::mem::offset_of!($name, $field), size_of::<$type>()),)*],
            },)*]
        }
    };
}

structs! {
    InitParams: "ucp_params_t", spare 22 {
        mask / "field_mask": u64,
        features / "features": u64,
        request_size / "request_size": usize,
        request_init / "request_init": *mut c_void,
        request_cleanup / "request_cleanup": *mut c_void,
        tag_sender_mask / "tag_sender_mask": u64,
        mt_workers_shared / "mt_workers_shared": c_int,
        estimated_num_eps / "estimated_num_eps": usize,
    }
    WorkerParams: "ucp_worker_params_t", spare 40 {
        mask / "field_mask": u64,
        thread_mode / "thread_mode": c_uint,
        cpu_mask / "cpu_mask": [u64; 16],
        events / "events": c_uint,
    }
    WorkerAttr: "ucp_worker_attr_t", spare 32 {
        mask / "field_mask": u64,
        thread_mode / "thread_mode": c_uint,
        address_flags / "address_flags": u32,
        address / "address": *mut c_void,
        address_len / "address_length": usize,
    }
    EndpointParams: "ucp_ep_params_t", spare 32 {
        mask / "field_mask": u64,
        address / "address": *const c_void,
        error_mode / "err_mode": c_uint,
        error_callback / "err_handler.cb": Option<ErrorCallback>,
        error_data / "err_handler.arg": *mut c_void,
    }
    MapParams: "ucp_mem_map_params_t", spare 32 {
        mask / "field_mask": u64,
        address / "address": *mut c_void,
        len / "length": usize,
    }
    HandlerParams: "ucp_am_handler_param_t", spare 16 {
        mask / "field_mask": u64,
        id / "id": c_uint,
        flags / "flags": u32,
        callback / "cb": Option<MessageCallback>,
        data / "arg": *mut c_void,
    }
    /// What UCP gives to a message callback; only ever read.
    MessageInfo: "ucp_am_recv_param_t", spare 0 {
        attributes / "recv_attr": u64,
        reply_endpoint / "reply_ep": Endpoint,
    }
    /// Parameters of one operation. `callback` is a [`SendCallback`], or a [`ReceiveCallback`] where data is received.
    OpParams: "ucp_request_param_t", spare 12 {
        mask / "op_attr_mask": u32,
        flags / "flags": u32,
        request / "request": *mut c_void,
        callback / "cb": *const c_void,
        datatype / "datatype": u64,
        data / "user_data": *mut c_void,
    }
}

macro_rules! constants {
    ($($name:ident: $type:ty = $value:expr, $c:literal;)*) => {
        $(pub(super) const $name: $type = $value;)*

        /// Value and expression in C of each constant.
        #[cfg(test)]
        pub(super) const CONSTANTS: &[(i64, &str)] = &[$(($name as i64, $c)),*];
    };
}

constants! {
    OK: Status = 0, "UCS_OK";
    IN_PROGRESS: Status = 1, "UCS_INPROGRESS";
    NO_RESOURCE: Status = -2, "UCS_ERR_NO_RESOURCE";
    BUSY: Status = -15, "UCS_ERR_BUSY";
    LAST_ERROR: Status = -100, "UCS_ERR_LAST";
    INIT_FEATURES: u64 = 1, "UCP_PARAM_FIELD_FEATURES";
    INIT_ENDPOINTS: u64 = 64, "UCP_PARAM_FIELD_ESTIMATED_NUM_EPS";
    FEATURE_RMA: u64 = 2, "UCP_FEATURE_RMA";
    FEATURE_WAKEUP: u64 = 16, "UCP_FEATURE_WAKEUP";
    FEATURE_AM: u64 = 64, "UCP_FEATURE_AM";
    WORKER_THREAD_MODE: u64 = 1, "UCP_WORKER_PARAM_FIELD_THREAD_MODE";
    SERIALIZED: c_uint = 1, "UCS_THREAD_MODE_SERIALIZED";
    ATTR_ADDRESS: u64 = 2, "UCP_WORKER_ATTR_FIELD_ADDRESS";
    ATTR_ADDRESS_FLAGS: u64 = 4, "UCP_WORKER_ATTR_FIELD_ADDRESS_FLAGS";
    ADDRESS_NET_ONLY: u32 = 1, "UCP_WORKER_ADDRESS_FLAG_NET_ONLY";
    EP_ADDRESS: u64 = 1, "UCP_EP_PARAM_FIELD_REMOTE_ADDRESS";
    EP_ERROR_MODE: u64 = 2, "UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE";
    EP_ERROR_HANDLER: u64 = 4, "UCP_EP_PARAM_FIELD_ERR_HANDLER";
    ERROR_MODE_PEER: c_uint = 1, "UCP_ERR_HANDLING_MODE_PEER";
    MAP_ADDRESS: u64 = 1, "UCP_MEM_MAP_PARAM_FIELD_ADDRESS";
    MAP_LENGTH: u64 = 2, "UCP_MEM_MAP_PARAM_FIELD_LENGTH";
    HANDLER_ID: u64 = 1, "UCP_AM_HANDLER_PARAM_FIELD_ID";
    HANDLER_FLAGS: u64 = 2, "UCP_AM_HANDLER_PARAM_FIELD_FLAGS";
    HANDLER_CALLBACK: u64 = 4, "UCP_AM_HANDLER_PARAM_FIELD_CB";
    HANDLER_DATA: u64 = 8, "UCP_AM_HANDLER_PARAM_FIELD_ARG";
    WHOLE_MESSAGE: u32 = 1, "UCP_AM_FLAG_WHOLE_MSG";
    RENDEZVOUS: u64 = 1 << 17, "UCP_AM_RECV_ATTR_FLAG_RNDV";
    OP_CALLBACK: u32 = 2, "UCP_OP_ATTR_FIELD_CALLBACK";
    OP_DATA: u32 = 4, "UCP_OP_ATTR_FIELD_USER_DATA";
    OP_FLAGS: u32 = 16, "UCP_OP_ATTR_FIELD_FLAGS";
    OP_MULTI: u32 = 1 << 19, "UCP_OP_ATTR_FLAG_MULTI_SEND";
    CLOSE_FORCE: u32 = 1, "UCP_EP_CLOSE_FLAG_FORCE";
}

macro_rules! functions {
    ($($name:ident: fn($($arg:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions, found in the library.
        pub(super) struct Api {
            pub(super) library: Library,
            $(pub(super) $name: unsafe extern "C" fn($($arg),*) $(-> $result)?,)*
        }

        impl Api {
            /// Finds them all, or names the one that is missing.
            pub(super) fn find(library: Library) -> Result<Api, String> {
                Ok(Api {
                    library,
                    $($name: {
                        let symbol = const {
                            match std::ffi::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                                Ok(symbol) => symbol,
                                Err(_) => panic!("a name without a zero inside"),
                            }
                        };
                        let address = library.symbol(symbol)?.as_ptr();
                        // SAFETY: the function of that name in ucp.h or ucs/type/status.h has this signature since UCX 1.10,
                        // and the library is never unloaded.
                        unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($arg),*) $(-> $result)?>(address) }
                    },)*
                })
            }
        }
    };
}

functions! {
    ucp_get_version_string: fn() -> *const c_char;
    ucs_status_string: fn(Status) -> *const c_char;
    ucp_config_read: fn(*const c_char, *const c_char, *mut Config) -> Status;
    ucp_config_modify: fn(Config, *const c_char, *const c_char) -> Status;
    ucp_config_release: fn(Config);
    ucp_init_version: fn(c_uint, c_uint, *const InitParams, Config, *mut Context) -> Status;
    ucp_cleanup: fn(Context);
    ucp_context_print_info: fn(Context, Stream);
    ucp_worker_create: fn(Context, *const WorkerParams, *mut Worker) -> Status;
    ucp_worker_destroy: fn(Worker);
    ucp_worker_query: fn(Worker, *mut WorkerAttr) -> Status;
    ucp_worker_release_address: fn(Worker, *mut c_void);
    ucp_worker_progress: fn(Worker) -> c_uint;
    ucp_worker_get_efd: fn(Worker, *mut c_int) -> Status;
    ucp_worker_arm: fn(Worker) -> Status;
    ucp_worker_set_am_recv_handler: fn(Worker, *const HandlerParams) -> Status;
    ucp_ep_create: fn(Worker, *const EndpointParams, *mut Endpoint) -> Status;
    ucp_ep_close_nbx: fn(Endpoint, *const OpParams) -> StatusPtr;
    ucp_ep_flush_nbx: fn(Endpoint, *const OpParams) -> StatusPtr;
    ucp_ep_rkey_unpack: fn(Endpoint, *const c_void, *mut RemoteKey) -> Status;
    ucp_rkey_destroy: fn(RemoteKey);
    ucp_mem_map: fn(Context, *const MapParams, *mut Memory) -> Status;
    ucp_mem_unmap: fn(Context, Memory) -> Status;
    ucp_rkey_pack: fn(Context, Memory, *mut *mut c_void, *mut usize) -> Status;
    ucp_rkey_buffer_release: fn(*mut c_void);
    ucp_am_send_nbx: fn(Endpoint, c_uint, *const c_void, usize, *const c_void, usize, *const OpParams) -> StatusPtr;
    ucp_am_recv_data_nbx: fn(Worker, *mut c_void, *mut c_void, usize, *const OpParams) -> StatusPtr;
    ucp_put_nbx: fn(Endpoint, *const c_void, usize, u64, RemoteKey, *const OpParams) -> StatusPtr;
    ucp_get_nbx: fn(Endpoint, *mut c_void, usize, u64, RemoteKey, *const OpParams) -> StatusPtr;
    ucp_request_check_status: fn(*mut c_void) -> Status;
    ucp_request_free: fn(*mut c_void);
}

impl Api {
    /// What a status means, in UCX's words.
    pub(super) fn explain(&self, status: Status) -> String {
        // SAFETY: any status is allowed; the answer is a static string.
        unsafe { std::ffi::CStr::from_ptr((self.ucs_status_string)(status)) }.to_string_lossy().into_owned()
    }

    /// An error that says which call failed.
    pub(super) fn check(&self, call: &str, status: Status) -> Result<(), String> {
        if status == OK { Ok(()) } else { Err(format!("{call}: {}", self.explain(status))) }
    }
}

/// The three things a [`StatusPtr`] can be.
pub(super) enum Begun {
    Complete,
    Request(*mut c_void),
    Failed(Status),
}

impl From<StatusPtr> for Begun {
    fn from(pointer: StatusPtr) -> Begun {
        match pointer as isize {
            0 => Begun::Complete,
            status if (LAST_ERROR as isize..0).contains(&status) => Begun::Failed(status as Status),
            _ => Begun::Request(pointer),
        }
    }
}
