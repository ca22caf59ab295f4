//! Starting UCP: library, configuration, context, worker.
//!
//! Invariant: what the user says in `UCX_*` stands; our own settings fill only what is left open. The process's environment and
//! its signal handlers are as before.

use std::ffi::{CStr, c_char, c_uint, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::bindings::*;
use crate::library::Library;

/// Version of the interface that the bindings are written against.
const API: (u32, u32) = (1, 10);

/// The oldest version of the library that was tried.
const LEAST: (u32, u32) = (1, 13);

/// Settings of our own: a name without `UCX_`, a value. What a version doesn't know it is not told.
const SETTINGS: &[(&CStr, &CStr)] = &[
    // Ranks that share memory don't come here.
    (c"TLS", c"^sm"),
    // A device without connections is driven like the others: switching over at the first one, in a thread of UCX's own, aborts
    // the process now and then (1.13: "failed to modify event handler").
    (c"ADAPTIVE_PROGRESS", c"n"),
    // Messages are short and their receiver has flow control: never ask first.
    (c"RNDV_THRESH", c"inf"),
    // Who is gone is noticed within seconds, even if nothing is sent to it.
    (c"KEEPALIVE_INTERVAL", c"2s"),
];

/// What UCX reads once, when it is loaded.
const HANDLE_ERRORS: (&str, &CStr) = ("HANDLE_ERRORS", c"UCX_HANDLE_ERRORS=none");
const DEBUG_SIGNO: (&str, &CStr) = ("DEBUG_SIGNO", c"UCX_DEBUG_SIGNO=0");
const MEM_EVENTS: (&str, &CStr) = ("MEM_EVENTS", c"UCX_MEM_EVENTS=n");

/// What it reads when a worker opens TCP: the system tries for minutes to reach a peer that is cut off, and connecting must not wait for
/// that, since whoever does it has the engine.
const TCP_CONN_NB: (&str, &CStr) = ("TCP_CONN_NB", c"UCX_TCP_CONN_NB=y");

/// Loads the library.
///
/// When it is loaded, UCX installs handlers for SIGHUP and, up to 1.13 or so, for SIGSEGV and the like, which is for the program
/// to want, not for us; and it patches the C library's functions that map memory, so as to notice when memory goes that it has registered. The
/// latter takes 50 ms for each of eight functions (1.22), and only adapters that register memory need it.
pub(super) fn library() -> Result<Api, String> {
    let settings = [(true, HANDLE_ERRORS), (true, DEBUG_SIGNO), (!has_adapter(), MEM_EVENTS)];
    let library = with_settings(&settings, || Library::load("GAIN_UCX_LIB", c"libucp.so.0"))?;
    let (major, minor) = version(library)?;
    if (major, minor) < LEAST {
        let file = library.file(VERSION).unwrap_or_default();
        return Err(format!("UCX {major}.{minor} is too old: {}.{} is the least ({file})", LEAST.0, LEAST.1));
    }
    Api::find(library)
}

/// Whether there is an adapter that registers memory.
pub(super) fn has_adapter() -> bool {
    std::fs::read_dir("/sys/class/infiniband").is_ok_and(|mut devices| devices.next().is_some())
}

const VERSION: &CStr = c"ucp_get_version";

/// The library's version, before anything else is asked of it.
fn version(library: Library) -> Result<(u32, u32), String> {
    type GetVersion = unsafe extern "C" fn(*mut c_uint, *mut c_uint, *mut c_uint);
    let address = library.symbol(VERSION)?.as_ptr();
    // SAFETY: the function of that name has had this signature in every version of ucp.h.
    let get = unsafe { std::mem::transmute::<*mut c_void, GetVersion>(address) };
    let (mut major, mut minor, mut release) = (0, 0, 0);
    // SAFETY: three places to write a number to.
    unsafe { get(&mut major, &mut minor, &mut release) };
    Ok((major, minor))
}

/// Calls `f` while the environment has those of these settings that are wanted and that the user hasn't made.
fn with_settings<T>(settings: &[(bool, (&str, &'static CStr))], f: impl FnOnce() -> T) -> T {
    let ours = settings.iter().filter(|(is_wanted, (name, _))| *is_wanted && !is_set(name));
    with_environment(&ours.map(|(_, (_, setting))| *setting).collect::<Vec<_>>(), f)
}

/// Calls `f` while the environment has these additions.
///
/// Not by `setenv`, which may free what another thread is reading: `environ` points to another list meanwhile, which is never
/// freed. What another thread sets in that time stays, and then the additions do, too.
fn with_environment<T>(additions: &[&'static CStr], f: impl FnOnce() -> T) -> T {
    unsafe extern "C" {
        static mut environ: *mut *mut c_char;
    }
    // SAFETY: the C library's variable, a pointer that is there for the life of the process; the C library itself reads and writes
    // it without a lock, as one word.
    let current = unsafe { AtomicPtr::from_ptr(&raw mut environ) };
    let before = current.load(Ordering::Acquire);
    let mut list: Vec<*mut c_char> = additions.iter().map(|addition| addition.as_ptr().cast_mut()).collect();
    let mut at = before;
    // SAFETY: a list that ends in null, if there is any; the strings are never freed by the C library.
    unsafe {
        while !at.is_null() && !(*at).is_null() {
            list.push(*at);
            at = at.add(1);
        }
    }
    list.push(null_mut());
    let list = Vec::leak(list).as_mut_ptr();
    current.store(list, Ordering::Release);
    let result = f();
    let _ = current.compare_exchange(list, before, Ordering::AcqRel, Ordering::Relaxed);
    result
}

/// Whether the user has set this parameter of UCX.
fn is_set(name: &str) -> bool {
    std::env::var_os(format!("UCX_{name}")).is_some()
}

/// A context for about `peers` peers.
pub(super) fn context(api: &Api, peers: usize) -> Result<Context, String> {
    let mut config: Config = null_mut();
    // SAFETY: null stands for the default prefix and file; the result is written on success and released below.
    let status = unsafe { (api.ucp_config_read)(std::ptr::null(), std::ptr::null(), &mut config) };
    api.check("ucp_config_read", status)?;
    for (name, value) in SETTINGS {
        if !is_set(&name.to_string_lossy()) {
            // SAFETY: a live configuration and two strings. A parameter of another version is refused and stays out.
            unsafe { (api.ucp_config_modify)(config, name.as_ptr(), value.as_ptr()) };
        }
    }
    let params = InitParams {
        mask: INIT_FEATURES | INIT_ENDPOINTS,
        features: FEATURE_RMA | FEATURE_AM | FEATURE_WAKEUP,
        estimated_num_eps: peers,
        ..InitParams::zeroed()
    };
    let mut context: Context = null_mut();
    // SAFETY: parameters and configuration live through the call; the result is written on success.
    let status = unsafe { (api.ucp_init_version)(API.0, API.1, &params, config, &mut context) };
    // SAFETY: made above, used no more.
    unsafe { (api.ucp_config_release)(config) };
    api.check("ucp_init", status)?;
    Ok(context)
}

/// A worker that threads may use one at a time.
pub(super) fn worker(api: &Api, context: Context) -> Result<Worker, String> {
    let params = WorkerParams { mask: WORKER_THREAD_MODE, thread_mode: SERIALIZED, ..WorkerParams::zeroed() };
    let mut worker: Worker = null_mut();
    // (With an adapter TCP may not be opened, and what it would read be complained of.)
    let status = with_settings(&[(!has_adapter(), TCP_CONN_NB)], || {
        // SAFETY: a live context; the result is written on success.
        unsafe { (api.ucp_worker_create)(context, &params, &mut worker) }
    });
    api.check("ucp_worker_create", status)?;
    Ok(worker)
}

/// The worker's address, of network devices only: ranks of one node have shared memory.
pub(super) fn address(api: &Api, worker: Worker) -> Result<Vec<u8>, String> {
    let mut attr = WorkerAttr {
        mask: ATTR_ADDRESS | ATTR_ADDRESS_FLAGS,
        address_flags: ADDRESS_NET_ONLY,
        ..WorkerAttr::zeroed()
    };
    // SAFETY: a live worker; the fields named by the mask are written on success.
    let status = unsafe { (api.ucp_worker_query)(worker, &mut attr) };
    api.check("ucp_worker_query", status)?;
    // SAFETY: the call has given `address_len` bytes, which are ours until released.
    let bytes = unsafe { std::slice::from_raw_parts(attr.address.cast::<u8>(), attr.address_len) }.to_vec();
    // SAFETY: as above; not used after this.
    unsafe { (api.ucp_worker_release_address)(worker, attr.address) };
    Ok(bytes)
}

/// The descriptor that wakes who sleeps on the worker; `None` if the transports have none.
pub(super) fn event_fd(api: &Api, worker: Worker) -> Option<i32> {
    let mut fd = -1;
    // SAFETY: a live worker; the result is written on success.
    let status = unsafe { (api.ucp_worker_get_efd)(worker, &mut fd) };
    (status == OK).then_some(fd)
}

/// Sets the callback for all messages.
pub(super) fn listen(
    api: &Api,
    worker: Worker,
    id: u32,
    callback: MessageCallback,
    data: *mut c_void,
) -> Result<(), String> {
    let params = HandlerParams {
        mask: HANDLER_ID | HANDLER_FLAGS | HANDLER_CALLBACK | HANDLER_DATA,
        id,
        flags: WHOLE_MESSAGE,
        callback: Some(callback),
        data,
        ..HandlerParams::zeroed()
    };
    // SAFETY: a live worker; the caller keeps `data` alive as long as the worker.
    let status = unsafe { (api.ucp_worker_set_am_recv_handler)(worker, &params) };
    api.check("ucp_worker_set_am_recv_handler", status)
}

/// Transports with their devices that this context may use on the network, as in `tcp/eth0`, if they can be told.
///
/// Read from what UCX prints of the context, as no call tells it: `ucp_context_query` knows the size of requests, the thread mode, kinds of memory and the name, the
/// queries of `uct` list what this machine has, not what the settings have left of it, and `ucp_ep_query` (from 1.14 on) tells what one connection uses. So no
/// start may depend on how the lines look: where there are none of the kind, the devices are unknown, not absent.
pub(super) fn devices(api: &Api, context: Context) -> Option<Vec<String>> {
    // SAFETY: a live context and stream.
    listed(&printed(|stream| unsafe { (api.ucp_context_print_info)(context, stream) }))
}

/// The devices on the network that a print of a context lists, unless it lists none of any kind.
pub(super) fn listed(text: &str) -> Option<Vec<String>> {
    let is_local = |device: &&str| {
        let transport = device.split('/').next().unwrap_or(device);
        ["self", "posix", "sysv", "xpmem", "cma", "knem"].contains(&transport)
    };
    let resources = text.lines().filter(|line| line.contains("resource"));
    let devices =
        resources.filter_map(|line| line.split_whitespace().last()).filter(|device| device.contains('/'));
    let devices: Vec<&str> = devices.collect();
    let remote = devices.iter().filter(|device| !is_local(device)).map(|device| (*device).to_owned());
    (!devices.is_empty()).then(|| remote.collect())
}

/// What `print` writes to a C stream.
fn printed(print: impl FnOnce(Stream)) -> String {
    let mut text: *mut c_char = null_mut();
    let mut len = 0;
    // SAFETY: both places outlive the stream; after `fclose` they hold an allocated, terminated string.
    unsafe {
        let stream = libc::open_memstream(&mut text, &mut len);
        if stream.is_null() {
            return String::new();
        }
        print(stream);
        libc::fclose(stream);
        let copy = CStr::from_ptr(text).to_string_lossy().into_owned();
        libc::free(text.cast());
        copy
    }
}
