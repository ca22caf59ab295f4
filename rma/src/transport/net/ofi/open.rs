//! Opening libfabric: the library, a provider, and the objects that a wire is made of.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::os::fd::RawFd;
use std::ptr::{null, null_mut};

use super::super::wire::Result;
use super::bindings::*;
use crate::library::Library;

/// The variable that names a provider.
const PROVIDER: &str = "GAIN_OFI_PROVIDER";

/// Providers that are taken unasked, best first. `sockets` is too slow to be of use, and `tcp` alone doesn't complete writes to a
/// target that computes.
const PROVIDERS: [&str; 6] = ["cxi", "efa", "psm3", "opx", "verbs;ofi_rxm", "tcp;ofi_rxm"];

/// What the protocol needs of a provider.
const CAPS: u64 = MSG | RMA | SEND | RECEIVE | READ | WRITE | REMOTE_READ | REMOTE_WRITE;

/// Ways of registering memory that we know how to follow.
const MEMORY_MODES: c_int = MR_LOCAL | MR_VIRT_ADDR | MR_ALLOCATED | MR_PROV_KEY | MR_ENDPOINT;

/// The objects of one endpoint. Closed by [`Objects::close`].
pub(super) struct Objects {
    pub(super) info: *mut Info,
    pub(super) fabric: *mut Fabric,
    pub(super) domain: *mut Domain,
    pub(super) addresses: *mut AddressVector,
    pub(super) queue: *mut Queue,
    pub(super) endpoint: *mut Endpoint,
    pub(super) event_fd: Option<RawFd>,
}

/// Loads the library.
pub(super) fn library() -> Result<Api> {
    let api = Api::find(Library::load("GAIN_OFI_LIB", c"libfabric.so.1")?)?;
    // SAFETY: takes nothing, returns a number.
    let version = unsafe { (api.fi_version)() };
    if version < API_1_17 {
        return Err(format!(
            "libfabric {}.{} is too old: 1.17 is the least",
            version >> 16,
            version & 0xffff
        ));
    }
    Ok(api)
}

/// Chooses a provider.
pub(super) fn provider(api: &Api) -> Result<*mut Info> {
    if let Some(name) = std::env::var(PROVIDER).ok().filter(|name| !name.is_empty()) {
        return ask(api, &name).map_err(|why| format!("{PROVIDER}={name}: {}", lacks(api, &name, &why)));
    }
    if let Some(info) = PROVIDERS.iter().find_map(|name| ask(api, name).ok()) {
        return Ok(info);
    }
    let offered = offers(api);
    let names: Vec<&str> = offered.iter().map(|(name, _)| name.as_str()).collect();
    Err(format!("of what libfabric offers ({}), nothing will do", names.join(", ")))
}

/// The providers that the library offers for reliable datagrams, with their capabilities.
fn offers(api: &Api) -> Vec<(String, u64)> {
    let mut first = null_mut();
    let mut offered: Vec<(String, u64)> = Vec::new();
    // SAFETY: no hints; the list is the library's, whole, and freed once.
    unsafe {
        if (api.fi_getinfo)(API_1_17, null(), null(), 0, null(), &mut first) != 0 {
            return offered;
        }
        let mut at: *const Info = first;
        while !at.is_null() {
            let name = text((*(*at).fabric_attr).prov_name);
            let caps = if (*(*at).ep_attr).type_ == EP_RDM { (*at).caps } else { 0 };
            match offered.iter_mut().find(|(known, _)| *known == name) {
                Some((_, all)) => *all |= caps,
                None => offered.push((name, caps)),
            }
            at = (*at).next;
        }
        (api.fi_freeinfo)(first);
    }
    offered
}

/// What keeps a provider that was asked for by name from being used.
fn lacks(api: &Api, name: &str, why: &str) -> String {
    let offered = offers(api);
    let Some((_, caps)) = offered.iter().find(|(offer, _)| offer == name) else {
        let names: Vec<&str> = offered.iter().map(|(name, _)| name.as_str()).collect();
        return format!("{why}; there are {}", names.join(", "));
    };
    let needed = [(MSG, "messages between unconnected endpoints"), (RMA, "remote memory access")];
    let missing: Vec<&str> =
        needed.iter().filter(|(bits, _)| caps & bits != *bits).map(|(_, name)| *name).collect();
    format!(
        "{why}; it offers no {}",
        if missing.is_empty() { "such combination".into() } else { missing.join(", ") }
    )
}

/// What a provider offers of what we need.
fn ask(api: &Api, name: &str) -> Result<*mut Info> {
    let name = CString::new(name).map_err(|_| "a zero byte in the name".to_owned())?;
    // SAFETY: null asks for an empty one, made by the library with all its parts.
    let hints = unsafe { (api.fi_dupinfo)(null()) };
    if hints.is_null() {
        return Err("no memory for hints".into());
    }
    let mut info = null_mut();
    // SAFETY: the library made the hints and their parts, and frees them with the name, which strdup allocates as it expects.
    let code = unsafe {
        (*hints).caps = CAPS;
        (*hints).mode = CONTEXT | CONTEXT2;
        (*(*hints).ep_attr).type_ = EP_RDM;
        let domain = &mut *(*hints).domain_attr;
        domain.mr_mode = MEMORY_MODES;
        domain.threading = THREAD_DOMAIN;
        domain.control_progress = PROGRESS_MANUAL;
        domain.data_progress = PROGRESS_MANUAL;
        domain.resource_mgmt = RM_ENABLED;
        (*(*hints).fabric_attr).prov_name = libc::strdup(name.as_ptr());
        let code = (api.fi_getinfo)(API_1_17, null(), null(), 0, hints, &mut info);
        (api.fi_freeinfo)(hints);
        code
    };
    api.check("fi_getinfo", code)?;
    // SAFETY: what was offered is whole.
    let key_size = unsafe { (*(*info).domain_attr).mr_key_size };
    if key_size > 8 {
        // SAFETY: offered above, kept by nobody.
        unsafe { (api.fi_freeinfo)(info) };
        return Err(format!("its memory keys have {key_size} bytes, more than 8"));
    }
    Ok(info)
}

impl Objects {
    /// Opens fabric, domain, queue and endpoint of what was offered, for about `peers` peers, with a descriptor if somebody will sleep.
    pub(super) fn open(api: &Api, info: *mut Info, peers: usize, has_sleepers: bool) -> Result<Objects> {
        let mut objects = Objects {
            info,
            fabric: null_mut(),
            domain: null_mut(),
            addresses: null_mut(),
            queue: null_mut(),
            endpoint: null_mut(),
            event_fd: None,
        };
        match objects.fill(api, peers, has_sleepers) {
            Ok(()) => Ok(objects),
            Err(why) => {
                objects.close(api);
                Err(why)
            }
        }
    }

    fn fill(&mut self, api: &Api, peers: usize, has_sleepers: bool) -> Result<()> {
        let info = self.info;
        // SAFETY: each object is made by the one before with the library's own functions; results are written on success, and
        // attributes live through the calls.
        unsafe {
            api.check("fi_fabric", (api.fi_fabric)((*info).fabric_attr, &mut self.fabric, null_mut()))?;
            let open = (*(*self.fabric).ops).domain;
            api.check("fi_domain", open(self.fabric, info, &mut self.domain, null_mut()))?;
            let domain = &*(*self.domain).ops;
            let mut attr: AddressVectorAttr = std::mem::zeroed();
            (attr.type_, attr.count) = ((*(*info).domain_attr).av_type, peers);
            api.check(
                "fi_av_open",
                (domain.av_open)(self.domain, &mut attr, &mut self.addresses, null_mut()),
            )?;
            self.open_queue(api, has_sleepers)?;
            api.check("fi_endpoint", (domain.endpoint)(self.domain, info, &mut self.endpoint, null_mut()))?;
            let endpoint = self.endpoint.cast::<Fid>();
            let bind = (*(*endpoint).ops).bind;
            api.check("fi_ep_bind", bind(endpoint, self.addresses.cast(), 0))?;
            api.check("fi_ep_bind", bind(endpoint, self.queue.cast(), SEND | RECEIVE))?;
            api.check("fi_enable", ((*(*endpoint).ops).control)(endpoint, ENABLE, null_mut()))
        }
    }

    /// With a descriptor to sleep on if that is wanted and the provider has one.
    fn open_queue(&mut self, api: &Api, has_sleepers: bool) -> Result<()> {
        // SAFETY: as in `fill`; the descriptor is written on success.
        unsafe {
            let open = (*(*self.domain).ops).cq_open;
            let mut attr: QueueAttr = std::mem::zeroed();
            (attr.format, attr.wait_obj) = (CQ_FORMAT_MSG, WAIT_FD);
            if has_sleepers && open(self.domain, &mut attr, &mut self.queue, null_mut()) == 0 {
                let mut fd: c_int = -1;
                let queue = self.queue.cast::<Fid>();
                let found = ((*(*queue).ops).control)(queue, GETWAIT, (&raw mut fd).cast()) == 0;
                self.event_fd = (found && fd >= 0).then_some(fd);
                return Ok(());
            }
            attr.wait_obj = WAIT_NONE;
            api.check("fi_cq_open", open(self.domain, &mut attr, &mut self.queue, null_mut()))
        }
    }

    /// What peers need to reach the endpoint.
    pub(super) fn address(&self, api: &Api) -> Result<Vec<u8>> {
        let mut address = vec![0u8; 512];
        let mut len = address.len();
        // SAFETY: a live endpoint; the buffer has `len` bytes, and `len` becomes what was written.
        let code = unsafe {
            ((*(*self.endpoint).cm).getname)(
                self.endpoint.cast(),
                address.as_mut_ptr().cast::<c_void>(),
                &mut len,
            )
        };
        api.check("fi_getname", code)?;
        address.truncate(len);
        Ok(address)
    }

    /// Provider and format of addresses, as peers have to have them.
    pub(super) fn speaks(&self) -> String {
        // SAFETY: what the library offered is whole until it is freed.
        let format = unsafe { (*self.info).addr_format };
        format!("{} with addresses of format {format}", self.provider())
    }

    /// Provider and domain, for people.
    pub(super) fn names(&self) -> String {
        // SAFETY: the library's own string, which lives as long as the info.
        let domain = unsafe { text((*(*self.info).domain_attr).name) };
        format!("{} on {domain}", self.provider())
    }

    fn provider(&self) -> String {
        // SAFETY: the library's own string, which lives as long as the info.
        unsafe { text((*(*self.info).fabric_attr).prov_name) }
    }

    /// Closes the endpoint: no operation is in the library's hands any more.
    pub(super) fn close_endpoint(&mut self) {
        let fid = std::mem::replace(&mut self.endpoint, null_mut()).cast::<Fid>();
        if !fid.is_null() {
            // SAFETY: an open object, closed once. An error leaves it open, which is all one can do.
            unsafe { ((*(*fid).ops).close)(fid) };
        }
    }

    /// Closes what is open.
    pub(super) fn close(&mut self, api: &Api) {
        self.close_endpoint();
        let fids: [*mut Fid; 4] =
            [self.queue.cast(), self.addresses.cast(), self.domain.cast(), self.fabric.cast()];
        for fid in fids.into_iter().filter(|fid| !fid.is_null()) {
            // SAFETY: an open object, closed once, after those that were made of it. An error leaves it open, which is all one can do.
            unsafe { ((*(*fid).ops).close)(fid) };
        }
        // SAFETY: the library's own list, freed once.
        unsafe { (api.fi_freeinfo)(self.info) };
    }
}

/// The queue's words for a provider's error.
pub(super) fn explain(api: &Api, queue: *mut Queue, error: &QueueError) -> String {
    let mut buffer = [0 as c_char; 256];
    // SAFETY: a live queue; the buffer has the length given and ends in a zero.
    let words = unsafe {
        let say = (*(*queue).ops).strerror;
        let at = say(queue, error.prov_errno, error.err_data, buffer.as_mut_ptr(), buffer.len() - 1);
        if at.is_null() { String::new() } else { CStr::from_ptr(at).to_string_lossy().into_owned() }
    };
    format!("{} ({words})", api.explain(error.err))
}
