//! TLS in front of the pages: handshakes beside each other, bounded in number and time, so that nobody who connects and
//! says nothing keeps anybody waiting.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificate::Identity;
use super::places::{Place, Places};
use crate::fault::Fault;

/// A handshake takes no longer.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A connection on which nothing moves for so long is closed; what the node takes longest for is done by then.
const IDLE: Duration = Duration::from_secs(5 * 60);
/// After a failed accept (no file is left to open, say) so long a pause.
const PAUSE: Duration = Duration::from_millis(200);

/// Listens, and hands on what is encrypted.
pub struct TlsDoor {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    places: Places,
    handshakes: JoinSet<Option<(Guest, SocketAddr)>>,
}

impl std::fmt::Debug for TlsDoor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TlsDoor").field("listener", &self.listener).finish_non_exhaustive()
    }
}

impl TlsDoor {
    /// On this listener, as this certificate's owner.
    pub(super) fn new(listener: TcpListener, identity: Identity) -> Result<Self, Fault> {
        let acceptor = TlsAcceptor::from(Arc::new(config(identity).map_err(|cause| unusable().because(cause))?));
        Ok(Self { listener, acceptor, places: Places::default(), handshakes: JoinSet::new() })
    }

    /// Shakes hands beside everything else.
    fn begin(&mut self, tcp: TcpStream, from: SocketAddr) {
        let (acceptor, mut place) = (self.acceptor.clone(), self.places.take(from.ip()));
        self.handshakes.spawn(async move {
            let shaken = tokio::select! {
                shaken = tokio::time::timeout(HANDSHAKE, acceptor.accept(tcp)) => shaken,
                () = place.given_away() => return None,
            };
            match shaken {
                Ok(Ok(stream)) => Some((Guest::new(stream, place), from)),
                Ok(Err(cause)) => {
                    tracing::debug!("a handshake failed: {cause}");
                    None
                }
                Err(_) => None,
            }
        });
    }
}

/// TLS 1.3 and 1.2, HTTP/1.1.
fn config(identity: Identity) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate], identity.key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

impl axum::serve::Listener for TlsDoor {
    type Io = Guest;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guest, SocketAddr) {
        loop {
            tokio::select! {
                Some(shaken) = self.handshakes.join_next() => {
                    if let Ok(Some(guest)) = shaken {
                        return guest;
                    }
                }
                came = self.listener.accept() => match came {
                    Ok((tcp, from)) => self.begin(tcp, from),
                    Err(cause) => {
                        tracing::warn!("the door for the counters: {cause}");
                        tokio::time::sleep(PAUSE).await;
                    }
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// An encrypted connection; it ends when nothing moves on it, or when it has to give way.
pub struct Guest {
    stream: TlsStream<TcpStream>,
    place: Place,
    idle: Pin<Box<Sleep>>,
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Guest").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Guest {
    fn new(stream: TlsStream<TcpStream>, place: Place) -> Self {
        Self { stream, place, idle: Box::pin(tokio::time::sleep(IDLE)) }
    }

    /// Whether it may go on.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let is_over = self.place.poll_given_away(context).is_ready() || self.idle.as_mut().poll(context).is_ready();
        if is_over { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }

    fn moved(&mut self) {
        self.idle.as_mut().reset(Instant::now() + IDLE);
    }
}

impl AsyncRead for Guest {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, into));
        self.moved();
        Poll::Ready(read)
    }
}

impl AsyncWrite for Guest {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        self.moved();
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn unusable() -> Fault {
    Fault::new(
        "lan-certificate",
        "店內網路用的憑證無法使用；請刪除資料夾內的 lan.pem 後重新啟動",
        "the certificate for this shop's network cannot be used: delete lan.pem in the data folder and start again",
    )
}
