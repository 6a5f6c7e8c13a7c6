//! Accepts connections: so many at a time, through TLS where there is some, and closes those that fall silent.

use super::options::Edge;
use super::tls::Tls;
use rustls::ServerConfig;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::{TlsAcceptor, rustls};
use tonic::transport::server::Connected;

/// A handshake is two round trips.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a client may take none of what is waiting for it.
const WRITING: Duration = Duration::from_secs(30);

/// After a failure to accept: there may be no file descriptors left until somebody goes.
const PAUSE: Duration = Duration::from_millis(200);

/// What one listener allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; more wait to be accepted.
    pub connections: usize,
    /// How long a connection may be silent. `None`: whoever reads from it sees to that.
    pub silence: Option<Duration>,
}

/// Where a connection comes from.
#[derive(Clone, Debug)]
pub struct Peer {
    pub address: SocketAddr,
    /// Whether it showed a certificate that the client CA vouches for.
    pub certified: bool,
}

trait Bytes: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Bytes for T {}

pub struct Connection {
    bytes: Pin<Box<dyn Bytes>>,
    peer: Peer,
    _counted: OwnedSemaphorePermit,
}

impl Connection {
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }
}

/// Accepts connections until nobody receives them any more.
pub fn open(
    listener: TcpListener,
    edge: Arc<Edge>,
    how: fn(&Tls) -> &Arc<ServerConfig>,
    limits: Limits,
) -> mpsc::Receiver<io::Result<Connection>> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        tokio::select! {
            () = accept(listener, edge, how, limits, sender.clone()) => {}
            () = sender.closed() => {}
        }
    });
    receiver
}

async fn accept(
    listener: TcpListener,
    edge: Arc<Edge>,
    how: fn(&Tls) -> &Arc<ServerConfig>,
    limits: Limits,
    sender: mpsc::Sender<io::Result<Connection>>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::error!(%error, "can't accept a connection (`ulimit -n` bounds them)");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        // By the certificates of this moment: those of connections that stand stay what they were.
        let tls = edge.tls.as_ref().map(|tls| Arc::clone(how(&tls.current())));
        let sender = sender.clone();
        tokio::spawn(async move {
            match enter(stream, address, tls, limits.silence, place).await {
                // An error means that the server stops.
                Ok(connection) => drop(sender.send(Ok(connection)).await),
                Err(error) => tracing::debug!(%address, %error, "a connection did not come about"),
            }
        });
    }
}

async fn enter(
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    silence: Option<Duration>,
    counted: OwnedSemaphorePermit,
) -> io::Result<Connection> {
    stream.set_nodelay(true)?;
    let Some(tls) = tls else {
        let peer = Peer { address, certified: false };
        return Ok(Connection { bytes: Box::pin(patient(stream, silence)), peer, _counted: counted });
    };
    let handshake = tokio::time::timeout(HANDSHAKE, TlsAcceptor::from(tls).accept(stream));
    let stream = handshake.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    // The verifier has checked whatever is there.
    let certified = stream.get_ref().1.peer_certificates().is_some_and(|chain| !chain.is_empty());
    let peer = Peer { address, certified };
    Ok(Connection { bytes: Box::pin(patient(stream, silence)), peer, _counted: counted })
}

fn patient<S: AsyncRead + AsyncWrite>(stream: S, silence: Option<Duration>) -> TimeoutStream<S> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_read_timeout(silence);
    stream.set_write_timeout(Some(WRITING));
    stream
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.bytes.as_mut().poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.bytes.as_mut().poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.bytes.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.bytes.as_mut().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.bytes.as_mut().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.bytes.is_write_vectored()
    }
}
