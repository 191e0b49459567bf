//! The second door as a program: real TLS, pairing, forgetting, and connections that say nothing. On loopback only.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXUPPER;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

use super::program::{code, edge, site};

const SOON: Duration = Duration::from_secs(10);

/// A `serve` with both doors, killed when dropped.
struct Shop {
    child: Child,
    here: SocketAddr,
    there: SocketAddr,
    /// The fingerprint that it printed.
    printed: String,
    certificate: CertificateDer<'static>,
}

impl Shop {
    fn open(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_atoll-edge"))
            .arg("--data")
            .arg(data)
            .args(["serve", "--listen", "127.0.0.1:0", "--lan", "127.0.0.1:0"])
            .env("RUST_LOG", "info")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let printed = log.find_map(|line| Some(line.unwrap().split_once("fingerprint, SHA-256: ")?.1.to_owned()));
        std::thread::spawn(move || log.for_each(drop));
        let (here, there) = (address(&data.join("serve.addr")), address(&data.join("serve.lan")));
        let certificate = CertificateDer::from_pem_file(data.join("lan.pem")).unwrap();
        Self { child, here, there, printed: printed.unwrap(), certificate }
    }

    /// An encrypted connection by a browser that knows this certificate.
    fn connect(&self, version: &'static SupportedProtocolVersion) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let client = ClientConnection::new(Arc::new(config), "127.0.0.1".try_into().unwrap()).unwrap();
        let tcp = TcpStream::connect(self.there).unwrap();
        tcp.set_read_timeout(Some(SOON)).unwrap();
        StreamOwned::new(client, tcp)
    }

    /// A request at the second door.
    fn there(&self, method: &str, path: &str, cookie: &str, form: &str) -> String {
        let origin = format!("https://{}", self.there);
        let mut stream = self.connect(&TLS13);
        stream.write_all(request(method, path, self.there, &origin, cookie, form).as_bytes()).unwrap();
        read(stream)
    }

    /// A request at the edge's own computer.
    fn here(&self, method: &str, path: &str, form: &str) -> String {
        let origin = format!("http://{}", self.here);
        let mut stream = TcpStream::connect(self.here).unwrap();
        stream.write_all(request(method, path, self.here, &origin, "", form).as_bytes()).unwrap();
        read(stream)
    }

    /// A new code, as the page shows it.
    fn code(&self) -> String {
        assert!(self.here("POST", "/counters/code", "").starts_with("HTTP/1.1 303"));
        let page = self.here("GET", "/counters", "");
        assert!(page.contains(&self.printed), "the fingerprint stands on the page");
        between(&page, r#"<output class="figure">"#, "</output>").replace(' ', "")
    }

    /// Pairs a counter: its cookie.
    fn pair(&self) -> String {
        let answer = self.there("POST", "/pair", "", &format!("code={}&name=two", self.code()));
        assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
        between(&answer, "set-cookie: ", ";")
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// What a running `serve` writes, as soon as it has; a killed one leaves its own behind, at which nobody listens.
fn address(file: &Path) -> SocketAddr {
    let began = Instant::now();
    while began.elapsed() < SOON {
        let address = std::fs::read_to_string(file).ok().and_then(|text| text.parse().ok());
        if let Some(address) = address.filter(|address| TcpStream::connect(address).is_ok()) {
            return address;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("nothing listens at what {} says", file.display());
}

fn request(method: &str, path: &str, host: SocketAddr, origin: &str, cookie: &str, form: &str) -> String {
    let kind = "application/x-www-form-urlencoded";
    let length = form.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\norigin: {origin}\r\ncookie: {cookie}\r\ncontent-type: {kind}\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{form}"
    )
}

/// Whatever comes until the end.
fn read(mut stream: impl Read) -> String {
    let mut bytes = Vec::new();
    // Whoever hangs up without a word has said all the same what came before.
    let _end = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn between(text: &str, before: &str, after: &str) -> String {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}")).1;
    rest.split(after).next().unwrap().to_owned()
}

fn is_led_to_pair(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 303") && answer.contains("location: /pair\r\n")
}

#[test]
fn another_address_than_loopback_is_refused_with_the_way_that_there_is() {
    let data = site();
    for listen in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0"] {
        let refused = edge(data.path(), &["serve", "--listen", listen]);
        let words = String::from_utf8(refused.stderr.clone()).unwrap();
        assert!(code(&refused) == 2 && words.contains("--lan IP:PORT"), "{listen}: {words}");
    }
    for lan in ["0.0.0.0:0", "[::]:0", "224.0.0.1:0"] {
        let refused = edge(data.path(), &["serve", "--listen", "127.0.0.1:0", "--lan", lan]);
        let words = String::from_utf8(refused.stderr.clone()).unwrap();
        assert!(code(&refused) == 2 && words.contains("is no single address"), "{lan}: {words}");
    }
}

#[test]
fn a_counter_is_paired_over_tls_and_forgotten_at_once() {
    let data = site();
    let shop = Shop::open(data.path());
    assert!(is_led_to_pair(&shop.there("GET", "/", "", "")));
    assert!(is_led_to_pair(&shop.there("GET", "/", "__Host-paired=0000", "")));
    assert!(shop.there("GET", "/api/v1/status", "", "").starts_with("HTTP/1.1 401"));
    assert!(shop.there("GET", "/pair", "", "").starts_with("HTTP/1.1 200"));
    let cookie = shop.pair();
    let home = shop.there("GET", "/", &cookie, "");
    assert!(home.starts_with("HTTP/1.1 200") && home.contains("淡水藥局"), "{home}");
    assert!(shop.there("GET", "/counters", &cookie, "").starts_with("HTTP/1.1 404"));
    let list = shop.here("GET", "/counters", "");
    let form = format!("counter={}", between(&list, r#"name="counter" value=""#, "\""));
    assert!(shop.here("POST", "/counters/forget", &form).starts_with("HTTP/1.1 303"));
    assert!(is_led_to_pair(&shop.there("GET", "/", &cookie, "")));
    let told = String::from_utf8(edge(data.path(), &["audit"]).stdout).unwrap();
    assert!(told.contains(r#""deed":"pair""#) && told.contains(r#""deed":"unpair""#), "{told}");
}

#[test]
fn five_wrong_codes_burn_the_code() {
    let data = site();
    let shop = Shop::open(data.path());
    let right = shop.code();
    for _ in 0..5 {
        let answer = shop.there("POST", "/pair", "", "code=1234567&name=two");
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    }
    let answer = shop.there("POST", "/pair", "", &format!("code={right}&name=two"));
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("目前沒有可用的代碼"), "{answer}");
}

#[test]
fn the_certificate_is_the_printed_one_and_stays_over_a_restart_as_paired_counters_do() {
    let data = site();
    let first = Shop::open(data.path());
    let cookie = first.pair();
    let printed = first.printed.clone();
    for version in [&TLS13, &TLS12] {
        let mut stream = first.connect(version);
        stream.write_all(request("GET", "/pair", first.there, "", "", "").as_bytes()).unwrap();
        let shown = stream.conn.peer_certificates().unwrap()[0].clone();
        let hash = digest(&SHA256, &shown);
        let hash: Vec<String> = hash.as_ref().iter().map(|byte| HEXUPPER.encode(&[*byte])).collect();
        assert_eq!((hash.join(":"), stream.conn.protocol_version()), (printed.clone(), Some(version.version)));
        assert!(read(stream).starts_with("HTTP/1.1 200"));
    }
    drop(first);
    let second = Shop::open(data.path());
    assert_eq!(second.printed, printed);
    assert!(second.there("GET", "/", &cookie, "").starts_with("HTTP/1.1 200"));
}

#[test]
fn plain_http_gets_nothing() {
    let data = site();
    let shop = Shop::open(data.path());
    let mut stream = TcpStream::connect(shop.there).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(request("GET", "/pair", shop.there, "", "", "").as_bytes()).unwrap();
    let answer = read(stream);
    assert!(!answer.contains("HTTP/") && answer.len() < 16, "an alert of TLS's and no more: {answer:?}");
    assert!(shop.there("GET", "/pair", "", "").starts_with("HTTP/1.1 200"));
}

#[test]
fn connections_that_say_nothing_stop_nobody() {
    let data = site();
    let shop = Shop::open(data.path());
    let cookie = shop.pair();
    let silent: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(shop.there).unwrap()).collect();
    let began = Instant::now();
    assert!(shop.there("GET", "/", &cookie, "").starts_with("HTTP/1.1 200"));
    // Others shake hands and then say nothing.
    let shaken = (0..200).map(|_| {
        let mut stream = shop.connect(&TLS13);
        stream.conn.complete_io(&mut stream.sock).unwrap();
        stream
    });
    let shaken: Vec<_> = shaken.collect();
    assert!(shop.there("GET", "/", &cookie, "").starts_with("HTTP/1.1 200"));
    assert!(began.elapsed() < SOON, "nobody waited for them: {:?}", began.elapsed());
    // There were too many: the first ones were hung up on.
    let mut first = shaken.into_iter().next().unwrap();
    let ended = first.read(&mut [0]);
    let still_open = matches!(&ended, Err(cause) if cause.kind() == std::io::ErrorKind::WouldBlock);
    assert!(!still_open && began.elapsed() < SOON, "{ended:?}");
    drop(silent);
}
