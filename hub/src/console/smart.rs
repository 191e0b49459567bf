//! The doors of SMART Scheduling Links (docs/booking.md, what everybody may read). Open: nothing of a person stands there.
//!
//! All are one reading, rendered once in ten seconds however often it is asked for, and outside the hub's own thread.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, HOST, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::Console;
use super::trouble::Trouble;
use crate::opendata::smart;

/// A reading is shown for so many seconds.
const KEPT_S: i64 = 10;
/// Whoever asks should not ask again for so long: a minute, as the specification's clients do.
const CACHE: &str = "public, max-age=60";
const FHIR_LINES: &str = "application/fhir+ndjson";
const JSON: &str = "application/json";
/// By which something before the console says how it was asked for.
const PROTO: &str = "x-forwarded-proto";
/// Files that are read at once: whoever reads slowly holds on to what was rendered.
pub(super) const READERS_MAX: usize = 16;
/// Hexadecimal digits of an ETag.
const TAG_CHARS: usize = 32;

/// What was rendered last, and who may read it.
#[derive(Debug)]
pub(super) struct Places {
    kept: Mutex<Option<Arc<Rendered>>>,
    readers: Arc<Semaphore>,
}

impl Default for Places {
    fn default() -> Self {
        Self { kept: Mutex::default(), readers: Arc::new(Semaphore::new(READERS_MAX)) }
    }
}

/// The three files.
#[derive(Debug)]
struct Rendered {
    /// When the hub was asked.
    read: i64,
    /// Since when it says what it says.
    since: i64,
    locations: File,
    schedules: File,
    slots: File,
}

/// A text and its ETag.
#[derive(Debug, Clone)]
struct File {
    text: Arc<str>,
    tag: Arc<str>,
}

impl File {
    fn new(text: String) -> Self {
        let hash = HEXLOWER.encode(digest(&SHA256, text.as_bytes()).as_ref());
        let tag = format!("\"{}\"", hash.get(..TAG_CHARS).unwrap_or(&hash));
        Self { text: text.into(), tag: tag.into() }
    }

    /// What is as it was is kept once.
    fn or(self, before: &Self) -> Self {
        if self.tag == before.tag { before.clone() } else { self }
    }
}

impl Rendered {
    fn new(published: &smart::Published, before: Option<&Self>) -> Self {
        let file = |text: String, of: fn(&Self) -> &File| {
            let file = File::new(text);
            before.map_or(file.clone(), |before| file.or(of(before)))
        };
        let mut new = Self {
            read: published.second,
            since: published.second,
            locations: file(smart::locations(published), |it| &it.locations),
            schedules: file(smart::schedules(published), |it| &it.schedules),
            slots: file(smart::slots(published), |it| &it.slots),
        };
        if let Some(before) = before.filter(|before| before.tags() == new.tags()) {
            new.since = before.since;
        }
        new
    }

    fn tags(&self) -> [&str; 3] {
        [&self.locations.tag, &self.schedules.tag, &self.slots.tag]
    }
}

/// Bytes that hold a reader's place until they are sent.
struct Read {
    text: Arc<str>,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Read {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

/// `GET $bulk-publish`.
pub(super) async fn manifest(State(console): State<Console>, uri: Uri, headers: HeaderMap) -> Response {
    let base = base(&uri, &headers);
    match rendered(console).await {
        Ok(rendered) => {
            let file = File::new(smart::manifest(&base, rendered.since).to_string());
            let mut said = answer(&file, JSON, &headers, || Ok(file.text.to_string().into()));
            // The addresses in it follow that header.
            said.headers_mut().insert(VARY, HeaderValue::from_static(PROTO));
            said
        }
        Err(trouble) => trouble.json(),
    }
}

/// Where it was asked for, by the name that the guard has let pass; by TLS where something before the console says so.
fn base(uri: &Uri, headers: &HeaderMap) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or(uri.authority().map(|authority| authority.as_str())).unwrap_or_default();
    let by_tls = headers.get(PROTO).is_some_and(|scheme| scheme == "https");
    format!("{}://{host}", if by_tls { "https" } else { "http" })
}

/// `GET smart/location.ndjson`.
pub(super) async fn locations(State(console): State<Console>, headers: HeaderMap) -> Response {
    lines(console, &headers, |it| &it.locations).await
}

/// `GET smart/schedule.ndjson`.
pub(super) async fn schedules(State(console): State<Console>, headers: HeaderMap) -> Response {
    lines(console, &headers, |it| &it.schedules).await
}

/// `GET smart/slot.ndjson`.
pub(super) async fn slots(State(console): State<Console>, headers: HeaderMap) -> Response {
    lines(console, &headers, |it| &it.slots).await
}

async fn lines(console: Console, headers: &HeaderMap, of: fn(&Rendered) -> &File) -> Response {
    let readers = Arc::clone(&console.places.readers);
    match rendered(console).await {
        Ok(rendered) => {
            let file = of(&rendered);
            answer(file, FHIR_LINES, headers, || {
                let _place = readers.try_acquire_owned().map_err(|_| busy())?;
                Ok(Bytes::from_owner(Read { text: Arc::clone(&file.text), _place }).into())
            })
        }
        Err(trouble) => trouble.json(),
    }
}

fn busy() -> Trouble {
    let why = "同時下載者過多，請稍後再試 too many are reading at once; try again";
    Trouble::Refused(StatusCode::SERVICE_UNAVAILABLE, why.to_owned())
}

/// The text, or that it is the one that the asker has.
fn answer(
    file: &File,
    kind: &'static str,
    headers: &HeaderMap,
    body: impl FnOnce() -> Result<Body, Trouble>,
) -> Response {
    let said = [
        (CACHE_CONTROL, CACHE),
        (ETAG, &file.tag),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    if has_it(headers, &file.tag) {
        return (StatusCode::NOT_MODIFIED, said).into_response();
    }
    match body() {
        Ok(body) => ([(CONTENT_TYPE, kind)], said, body).into_response(),
        Err(trouble) => trouble.json(),
    }
}

/// Whether the asker has this text, by any of the ETags that it names; a proxy may have made one weak.
fn has_it(headers: &HeaderMap, tag: &str) -> bool {
    let named = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    named.flat_map(|value| value.split(',')).map(str::trim).any(|it| it == "*" || it.trim_start_matches("W/") == tag)
}

/// What was rendered within ten seconds. In a task of its own, so that whoever asks and goes away has it rendered for
/// the next one.
async fn rendered(console: Console) -> Result<Arc<Rendered>, Trouble> {
    let task = tokio::spawn(async move {
        let mut kept = console.places.kept.lock().await;
        let second = console.clock.second();
        if let Some(kept) = kept.as_ref().filter(|kept| (0..KEPT_S).contains(&(second - kept.read))) {
            return Ok(Arc::clone(kept));
        }
        let published = console.hub.call(move |hub| hub.places_offered(second)).await??;
        let before = kept.clone();
        let render = move || Arc::new(Rendered::new(&published, before.as_deref()));
        let new = tokio::task::spawn_blocking(render).await.map_err(|_| Trouble::Hub)?;
        *kept = Some(Arc::clone(&new));
        Ok(new)
    });
    task.await.map_err(|_| Trouble::Hub)?
}
