//! TLS between this machine and others: what goes over TCP is a Unix socket on both sides, with a thread between the two that
//! encrypts (`rustls`). So nothing else of this crate knows of networks.
//!
//! ```text
//! Channel <- Unix -> relay <- TLS 1.3 over TCP -> relay <- Unix -> Hub
//! ```
//!
//! A server makes a key pair of its own at the start, and whoever connects knows the public key (RFC 7250) from the same file as the
//! token: there are no certificates, names or authorities. Whose key is another one is told nothing.

use crate::place::{KEY, abstract_address};
use ring::signature::Ed25519KeyPair;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::sockopt;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring as provider, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, ClientConnection, Connection, DigitallySignedStruct, ServerConfig, ServerConnection,
    SignatureScheme,
};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Bytes that wait in a relay for one side.
const ROOM: usize = 1 << 18;
/// How long a connection and its handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// After so long a silence the kernel asks whether the other end is there, and how often, before the connection counts as cut.
const SILENCE: Duration = Duration::from_secs(5);
const QUESTIONS: u32 = 3;
/// Connections of a server at a time.
const MOST_CONNECTIONS: usize = 1024;
/// What is before the key in the public key of Ed25519 in DER (RFC 8410).
const ALGORITHM: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

fn wrong(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}

fn crypto() -> Arc<CryptoProvider> {
    Arc::new(provider::default_provider())
}

/// What a server proves by who it is.
#[derive(Clone, Debug)]
pub struct Identity {
    config: Arc<ServerConfig>,
    /// The public key.
    pub key: [u8; KEY],
}

impl Identity {
    /// A new one, of random numbers.
    pub fn new() -> io::Result<Identity> {
        let pair = Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new()).map_err(wrong)?;
        let crypto = crypto();
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.as_ref().to_vec()));
        let private = crypto.key_provider.load_private_key(private).map_err(wrong)?;
        let public = private.public_key().ok_or_else(|| wrong("no public key"))?.as_ref().to_vec();
        let key = public.strip_prefix(&ALGORITHM).and_then(|key| key.try_into().ok());
        let key = key.ok_or_else(|| wrong("no public key of Ed25519"))?;
        let certified = CertifiedKey::new(vec![CertificateDer::from(public)], private);
        let mut config = ServerConfig::builder_with_provider(crypto)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(wrong)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::new(certified))));
        // (Nobody comes again within a session of TLS.)
        config.send_tls13_tickets = 0;
        Ok(Identity { config: Arc::new(config), key })
    }
}

/// Takes the server for the one of this key, whatever its name.
#[derive(Debug)]
struct Pinned {
    key: [u8; KEY],
    crypto: Arc<CryptoProvider>,
    /// It was another one.
    is_other: AtomicBool,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if end_entity.as_ref() == [&ALGORITHM[..], &self.key].concat() {
            return Ok(ServerCertVerified::assertion());
        }
        self.is_other.store(true, Relaxed);
        Err(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer))
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.3 alone is spoken".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let public = SubjectPublicKeyInfoDer::from(cert.as_ref());
        verify_tls13_signature_with_raw_key(
            message,
            &public,
            dss,
            &self.crypto.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// Connects to the server of this key; gives our end of the relay once the server has proved who it is.
pub(crate) fn dial(address: &str, key: &[u8; KEY]) -> io::Result<UnixStream> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, format!("{address}: no such host"));
    let connected = address
        .to_socket_addrs()?
        .find_map(|place| TcpStream::connect_timeout(&place, PATIENCE).map_err(|error| failed = error).ok());
    let tcp = connected.ok_or(failed)?;
    let crypto = crypto();
    let pinned = Arc::new(Pinned { key: *key, crypto: crypto.clone(), is_other: AtomicBool::new(false) });
    let mut config = ClientConfig::builder_with_provider(crypto)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(wrong)?
        .dangerous()
        .with_custom_certificate_verifier(pinned.clone())
        .with_no_client_auth();
    config.enable_sni = false;
    config.resumption = rustls::client::Resumption::disabled();
    let name = ServerName::try_from("gain").map_err(wrong)?;
    let tls = ClientConnection::new(Arc::new(config), name).map_err(wrong)?;
    let mut relay = Relay::new(tls.into(), tcp)?;
    relay.shake_hands().map_err(|error| match pinned.is_other.load(Relaxed) {
        true => wrong("it is another server: its key is not the one that was told"),
        false => error,
    })?;
    let (ours, theirs) = UnixStream::pair()?;
    start(move || relay.run(theirs))?;
    Ok(ours)
}

/// Listens at this address for the server of this machine that has this abstract name; the port that is listened at.
pub fn front(address: &str, identity: Identity, name: &str) -> io::Result<u16> {
    let listener = TcpListener::bind(address)?;
    let port = listener.local_addr()?.port();
    let name = name.to_owned();
    let count = Arc::new(AtomicUsize::new(0));
    start(move || {
        for tcp in listener.incoming() {
            let Ok(tcp) = tcp else {
                // (No descriptors are left, for instance: those that are there go on.)
                std::thread::sleep(Duration::from_millis(100));
                continue;
            };
            if count.fetch_add(1, Relaxed) >= MOST_CONNECTIONS {
                count.fetch_sub(1, Relaxed);
                continue;
            }
            let (identity, name, own) = (identity.clone(), name.clone(), count.clone());
            let met = move || {
                // (Who is not let in, or goes, is told so by the connection's end.)
                let _ = meet(tcp, identity, &name);
                own.fetch_sub(1, Relaxed);
            };
            if start(met).is_err() {
                count.fetch_sub(1, Relaxed);
            }
        }
    })?;
    Ok(port)
}

fn meet(tcp: TcpStream, identity: Identity, name: &str) -> io::Result<()> {
    let tls = ServerConnection::new(identity.config).map_err(wrong)?;
    let mut relay = Relay::new(tls.into(), tcp)?;
    relay.shake_hands()?;
    relay.run(UnixStream::connect_addr(&abstract_address(name)?)?);
    Ok(())
}

fn start(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name("gain relay".into()).stack_size(1 << 18).spawn(work).map(drop)
}

/// One connection of TLS.
struct Relay {
    tls: Connection,
    tcp: TcpStream,
    /// What came and is not yet handed on, from this place on.
    came: Vec<u8>,
    at: usize,
    is_over: bool,
}

impl Relay {
    fn new(mut tls: Connection, tcp: TcpStream) -> io::Result<Relay> {
        tls.set_buffer_limit(Some(ROOM));
        tcp.set_nodelay(true)?;
        sockopt::set_socket_keepalive(&tcp, true)?;
        sockopt::set_tcp_keepidle(&tcp, SILENCE)?;
        sockopt::set_tcp_keepintvl(&tcp, SILENCE)?;
        sockopt::set_tcp_keepcnt(&tcp, QUESTIONS)?;
        // The same for what was sent and is not acknowledged.
        sockopt::set_tcp_user_timeout(&tcp, (SILENCE * (QUESTIONS + 1)).as_millis() as u32)?;
        Ok(Relay { tls, tcp, came: Vec::new(), at: 0, is_over: false })
    }

    fn shake_hands(&mut self) -> io::Result<()> {
        self.tcp.set_read_timeout(Some(PATIENCE))?;
        self.tcp.set_write_timeout(Some(PATIENCE))?;
        let begun = std::time::Instant::now();
        while self.tls.is_handshaking() {
            // (Who says a byte at a time has no more time than others.)
            if begun.elapsed() > PATIENCE {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.tls.complete_io(&mut self.tcp).map_err(|error| match error.kind() {
                io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
                _ => error,
            })?;
        }
        self.tcp.set_nonblocking(true)
    }

    /// Hands on what comes until one of both sides ends; what had come by then is handed on first.
    fn run(&mut self, mut local: UnixStream) {
        // (Either end is noticed by the other side, which learns why from what it misses.)
        let _ = local.set_nonblocking(true).and_then(|()| self.hand_on(&mut local));
        self.tls.send_close_notify();
        let _ = self.tcp.set_nonblocking(false);
        let _ = self.tcp.set_write_timeout(Some(PATIENCE));
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.tcp) {
                Ok(n) if n > 0 => {}
                _ => break,
            }
        }
    }

    fn hand_on(&mut self, local: &mut UnixStream) -> io::Result<()> {
        let mut piece = vec![0; 1 << 16];
        // (What came with the end of the handshake.)
        self.decrypted(&mut piece);
        loop {
            let came = self.came.len() - self.at;
            if self.is_over && came == 0 {
                return Ok(());
            }
            let flags = |input, output| {
                let input = if input { PollFlags::IN } else { PollFlags::empty() };
                input | if output { PollFlags::OUT } else { PollFlags::empty() }
            };
            let sends = self.tls.wants_write();
            let mut places = [
                PollFd::new(&self.tcp, flags(came < ROOM, sends)),
                PollFd::new(&*local, flags(!sends && !self.is_over, came > 0)),
            ];
            // (Of a side that nothing is wanted of the end is no news.)
            let asked = match (self.is_over, sends && came == 0) {
                (true, _) => &mut places[1..],
                (false, true) => &mut places[..1],
                (false, false) => &mut places[..],
            };
            match poll(asked, None) {
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
                Ok(_) => {}
            }
            let [network, near] = places.map(|place| place.revents());
            let input = PollFlags::IN | PollFlags::ERR | PollFlags::HUP;
            if network.intersects(input) && !self.is_over {
                self.take(&mut piece)?;
            }
            if near.intersects(input) && !sends {
                match local.read(&mut piece) {
                    Ok(0) => return Ok(()),
                    Ok(got) => self.tls.writer().write_all(&piece[..got])?,
                    Err(error) if again(&error) => {}
                    Err(error) => return Err(error),
                }
            }
            while self.tls.wants_write() {
                match self.tls.write_tls(&mut self.tcp) {
                    Ok(_) => {}
                    Err(error) if again(&error) => break,
                    Err(error) => return Err(error),
                }
            }
            while self.at < self.came.len() {
                match local.write(&self.came[self.at..]) {
                    Ok(sent) => self.at += sent,
                    Err(error) if again(&error) => break,
                    // (Who has gone may have said something before.)
                    Err(_) => self.at = self.came.len(),
                }
            }
            if self.at == self.came.len() {
                self.came.clear();
                self.at = 0;
            }
        }
    }

    /// Takes what came over the network.
    fn take(&mut self, piece: &mut [u8]) -> io::Result<()> {
        match self.tls.read_tls(&mut self.tcp) {
            Ok(0) => self.is_over = true,
            Ok(_) => {}
            Err(error) if again(&error) => return Ok(()),
            Err(_) => self.is_over = true,
        }
        self.tls.process_new_packets().map_err(wrong)?;
        self.decrypted(piece);
        Ok(())
    }

    /// Takes what was decrypted.
    fn decrypted(&mut self, piece: &mut [u8]) {
        loop {
            match self.tls.reader().read(piece) {
                Ok(0) => self.is_over = true,
                Ok(got) => {
                    self.came.extend_from_slice(&piece[..got]);
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => self.is_over = true,
            }
            return;
        }
    }
}

/// Whether nothing is wrong: there is nothing to be read, or no room, for now.
fn again(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
