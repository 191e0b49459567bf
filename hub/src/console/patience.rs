//! Who asks for something and then takes nothing does not keep it from others: the connection is closed.

use std::time::Duration;

use axum::serve::{Listener, ListenerExt, TapIo};
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::net::TcpStream;

/// For so long a reader may take nothing of what it is sent.
pub const UNREAD_MAX: Duration = Duration::from_secs(30);

/// Connections on which nothing that was sent is taken for `most` are closed by the machine (`TCP_USER_TIMEOUT`, tcp(7);
/// a window that stays shut counts since Linux 5.11).
pub fn closes_unread<L: Listener<Io = TcpStream>>(
    listener: L,
    most: Duration,
) -> TapIo<L, impl FnMut(&mut TcpStream) + Send + 'static> {
    let most_ms = u32::try_from(most.as_millis()).unwrap_or(u32::MAX);
    listener.tap_io(move |stream| {
        if let Err(cause) = set_tcp_user_timeout(&*stream, most_ms) {
            tracing::warn!(%cause, "a reader of nothing cannot be shut out");
        }
    })
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Bytes;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::{OwnedSemaphorePermit, Semaphore};

    use super::*;

    /// More than lies between two sockets.
    const TEXT_BYTES: usize = 64 << 20;

    struct Read(Vec<u8>, #[expect(dead_code, reason = "held until it is sent")] OwnedSemaphorePermit);

    impl AsRef<[u8]> for Read {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    #[tokio::test]
    async fn who_reads_nothing_is_shut_out_and_who_reads_has_it_all() {
        let places = std::sync::Arc::new(Semaphore::new(1));
        let of = places.clone();
        let read = move || async move {
            let place = of.acquire_owned().await.unwrap();
            Bytes::from_owner(Read(vec![b'.'; TEXT_BYTES], place))
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let listener = closes_unread(listener, Duration::from_millis(500));
        let server = tokio::spawn(axum::serve(listener, Router::new().route("/", get(read))).into_future());
        let ask = || async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").await.unwrap();
            stream
        };
        let silent = ask().await;
        while places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        // Waits for the place that the silent one has.
        let mut all = Vec::new();
        let read = async { ask().await.read_to_end(&mut all).await };
        tokio::time::timeout(Duration::from_secs(60), read).await.expect("the place is free again").unwrap();
        assert!(all.len() > TEXT_BYTES, "{}", all.len());
        drop(silent);
        server.abort();
    }
}
