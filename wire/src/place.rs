//! Where a server is, and how a connection with it is had: a Unix socket of this machine, or TCP under TLS.

use crate::tls;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};

/// Bytes of the public key that a server beyond the machine is known by.
pub const KEY: usize = 32;

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On this machine, under an abstract name.
    Machine(String),
    /// At `host:port`, with this public key.
    Network(String, [u8; KEY]),
}

/// An abstract address of this machine.
pub(crate) fn abstract_address(name: &str) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(name)
}

impl Place {
    /// `tcp://host:port` with the key of the server, or an abstract name.
    pub fn new(address: &str, key: &[u8]) -> io::Result<Place> {
        let Some(address) = address.strip_prefix("tcp://") else {
            return Ok(Place::Machine(address.to_owned()));
        };
        // (A server that isn't known by its key could be anybody, who would be told the token.)
        let key = key.try_into().map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "a server beyond this machine is known by its key of 32 bytes",
            )
        })?;
        Ok(Place::Network(address.to_owned(), key))
    }

    /// A connection; what goes over the network is encrypted on the way.
    pub(crate) fn connect(&self) -> io::Result<UnixStream> {
        match self {
            Place::Machine(name) => UnixStream::connect_addr(&abstract_address(name)?),
            Place::Network(address, key) => tls::dial(address, key),
        }
    }
}
