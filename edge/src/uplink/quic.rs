//! QUIC with mutual TLS: who we are, whom we trust, how much we let the other end send.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, IdleTimeout, TransportConfig, VarInt};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use shared::wire::v1::enrol::ALPN_SYNC;

use crate::fault::Fault;

/// Bytes that the other end may send before we have read them.
const WINDOW_BYTES: u32 = 2 * 1024 * 1024;
/// A line without a sign of life for so long is dead.
const IDLE: Duration = Duration::from_secs(60);
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Name, address, handshake: longer is a failure.
const DIAL: Duration = Duration::from_secs(10);

/// The edge's identity and the CA that it trusts.
pub struct Identity {
    /// The certificate that the hub issued (DER).
    pub certificate: Vec<u8>,
    /// The CA's certificate (DER).
    pub ca: Vec<u8>,
    /// The private key (PKCS #8, DER).
    pub key: Vec<u8>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(…)")
    }
}

/// Knows how to reach the hub.
#[derive(Debug, Clone)]
pub struct Dialler {
    hub: String,
    config: ClientConfig,
}

/// A line that is up. The endpoint must live as long as the connection.
#[derive(Debug)]
pub struct Line {
    /// The connection.
    pub connection: Connection,
    endpoint: Endpoint,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.endpoint.close(VarInt::from_u32(0), b"done");
    }
}

impl Dialler {
    /// For the hub at `host:port`.
    ///
    /// # Errors
    /// Where certificate and key cannot be used.
    pub fn new(hub: &str, identity: &Identity) -> Result<Self, Fault> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(identity.ca.clone())).map_err(bad_identity)?;
        let chain = vec![CertificateDer::from(identity.certificate.clone()), CertificateDer::from(identity.ca.clone())];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.clone()));
        let mut tls =
            tls_builder()?.with_root_certificates(roots).with_client_auth_cert(chain, key).map_err(bad_identity)?;
        tls.alpn_protocols = vec![ALPN_SYNC.to_vec()];
        Ok(Self { hub: hub.to_owned(), config: client_config(tls)? })
    }

    /// Dials once.
    ///
    /// # Errors
    /// Where nobody answers in time, or the wrong one.
    pub async fn dial(&self) -> Result<Line, Fault> {
        let (endpoint, connection) = dial(&self.hub, self.config.clone()).await?;
        Ok(Line { connection, endpoint })
    }
}

/// TLS 1.3 by aws-lc, nothing older.
pub(super) fn tls_builder() -> Result<rustls::ConfigBuilder<rustls::ClientConfig, rustls::WantsVerifier>, Fault> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(bad_identity)
}

/// QUIC around a TLS configuration, with our limits.
pub(super) fn client_config(tls: rustls::ClientConfig) -> Result<ClientConfig, Fault> {
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).map_err(bad_identity)?));
    config.transport_config(Arc::new(transport()));
    Ok(config)
}

/// The hub opens no streams; what it sends on ours is bounded.
fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(WINDOW_BYTES))
        .receive_window(VarInt::from_u32(WINDOW_BYTES))
        .send_window(u64::from(WINDOW_BYTES))
        .datagram_receive_buffer_size(None)
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(IdleTimeout::try_from(IDLE).ok());
    transport
}

/// The code of the fault of a hub that does not answer in time, as behind a wall that drops UDP.
pub const HUB_SILENT: &str = "hub-silent";

/// One try at every address of the hub's name.
pub(super) async fn dial(hub: &str, config: ClientConfig) -> Result<(Endpoint, Connection), Fault> {
    tokio::time::timeout(DIAL, dial_each(hub, config)).await.map_err(|_| {
        Fault::new(
            HUB_SILENT,
            format!("中心 {hub} 在 {} 秒內沒有回應；請檢查網路與防火牆（UDP）", DIAL.as_secs()),
            format!(
                "the hub {hub} did not answer within {} s: check the network and the firewall (UDP)",
                DIAL.as_secs()
            ),
        )
    })?
}

async fn dial_each(hub: &str, config: ClientConfig) -> Result<(Endpoint, Connection), Fault> {
    let host = hub.rsplit_once(':').map_or(hub, |(host, _)| host).trim_matches(['[', ']']);
    let addresses = tokio::net::lookup_host(hub).await.map_err(|cause| unknown_host(hub).because(cause))?;
    let mut last = unknown_host(hub);
    for address in addresses {
        match dial_address(address, host, config.clone()).await {
            Ok(line) => return Ok(line),
            Err(fault) => last = fault,
        }
    }
    Err(last)
}

async fn dial_address(address: SocketAddr, host: &str, config: ClientConfig) -> Result<(Endpoint, Connection), Fault> {
    let any: SocketAddr = if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let endpoint = Endpoint::client(any).map_err(|cause| {
        Fault::new("no-socket", "無法開啟網路；請檢查網路卡", "cannot open the network: check the network card")
            .because(cause)
    })?;
    let connecting = endpoint.connect_with(config, address, host).map_err(|cause| unknown_host(host).because(cause))?;
    let connection = connecting.await.map_err(|cause| not_connected(address, cause))?;
    Ok((endpoint, connection))
}

fn unknown_host(hub: &str) -> Fault {
    Fault::new(
        "hub-unknown",
        format!("找不到中心 {hub}；請檢查 DNS 與位址"),
        format!("the hub {hub} cannot be found: check DNS and the address"),
    )
}

/// A connection that was not made or has ended, in plain words.
pub(super) fn not_connected(hub: impl std::fmt::Display, cause: quinn::ConnectionError) -> Fault {
    use quinn::ConnectionError as E;
    let (zh, en) = match &cause {
        E::TimedOut => (format!("中心 {hub} 沒有回應"), format!("the hub {hub} does not answer")),
        E::TransportError(_) => (
            format!("無法與中心 {hub} 建立互信（憑證不符、已撤銷或過期）"),
            format!("the hub {hub} and this site do not trust each other (certificate wrong, revoked or expired)"),
        ),
        E::ConnectionClosed(_) | E::ApplicationClosed(_) | E::Reset => {
            (format!("中心 {hub} 關閉了連線"), format!("the hub {hub} closed the line"))
        }
        E::VersionMismatch | E::LocallyClosed | E::CidsExhausted => {
            (format!("與中心 {hub} 的連線中斷"), format!("the line to the hub {hub} broke"))
        }
    };
    Fault::new("line", zh, en).because(cause)
}

fn bad_identity(cause: impl std::error::Error + Send + Sync + 'static) -> Fault {
    Fault::new(
        "identity",
        "本站憑證或金鑰無法使用；請重新註冊（enrol）",
        "this site's certificate or key cannot be used: enrol again",
    )
    .because(cause)
}
