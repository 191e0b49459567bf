//! Who may go where: every page and every answer of the API but the open ones needs somebody who is signed in, or a
//! program's token, with a role that is enough. While there is no account, all that is shown is how to make one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use data_encoding::HEXLOWER;
use rand::Rng;
use shared::audit::Deed;
use shared::seal::password::{COST, Password};
use tokio::sync::Semaphore;

use super::Console;
use super::sessions::{Key, Sessions};
use super::throttle::Throttle;
use super::trouble::Trouble;
use crate::audit::deeds;
use crate::operators::{Account, Role};

/// Under this name a browser keeps its session.
pub(super) const SESSION: &str = "hub-session";
/// Passwords that are compared at once: each takes memory and time.
const COMPARED_AT_ONCE: usize = 2;

/// What the console remembers of those who sign in.
#[derive(Debug)]
pub(super) struct Doors {
    sessions: Mutex<Sessions>,
    throttle: Mutex<Throttle>,
    /// Whose turn it is to have a password compared.
    pub(super) turn: Semaphore,
    /// Compared in place of a hash that is not there, so that an unknown name takes as long.
    pub(super) decoy: String,
}

impl Doors {
    pub(super) fn new() -> Self {
        let nobodys = Password::typed(&HEXLOWER.encode(&random::<32>()));
        Self {
            sessions: Mutex::default(),
            throttle: Mutex::default(),
            turn: Semaphore::new(COMPARED_AT_ONCE),
            decoy: nobodys.hash(&random(), COST).unwrap_or_default(),
        }
    }

    /// The lock is held for a moment only.
    pub(super) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        // Plain values: after a panic elsewhere they are still whole.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As above.
    pub(super) fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Random bytes.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// Who asks.
#[derive(Debug, Clone)]
pub(super) struct Me {
    /// The account.
    pub(super) name: String,
    /// What it may do here.
    pub(super) role: Role,
    /// The session; a program has none.
    pub(super) session: Option<Key>,
}

impl Me {
    /// As the audit has it: a program asks in somebody's name.
    pub(super) fn who(&self) -> String {
        if self.session.is_some() { self.name.clone() } else { format!("{}:api", self.name) }
    }
}

/// What a browser says under a name.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    pairs.flat_map(|value| value.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The key in a browser's session cookie.
pub(super) fn session_key(headers: &HeaderMap) -> Option<Key> {
    HEXLOWER.decode(cookie(headers, SESSION)?.as_bytes()).ok()?.try_into().ok()
}

/// What a program says that it may ask with.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (all.next(), all.next()) else { return None };
    only.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
}

/// Readers and above.
pub(super) async fn reader(state: State<Console>, request: Request, next: Next) -> Response {
    let_in(state.0, Role::Reader, request, next).await
}

/// Operators and above.
pub(super) async fn operator(state: State<Console>, request: Request, next: Next) -> Response {
    let_in(state.0, Role::Operator, request, next).await
}

/// Supervisors.
pub(super) async fn supervisor(state: State<Console>, request: Request, next: Next) -> Response {
    let_in(state.0, Role::Supervisor, request, next).await
}

async fn let_in(console: Console, role: Role, mut request: Request, next: Next) -> Response {
    let (api, method, path) = (is_api(request.uri()), request.method().clone(), request.uri().path().to_owned());
    let me = match who(&console, request.headers()).await {
        Ok(Some(me)) => me,
        Ok(None) => return stranger(&console, api, &method, &path).await,
        Err(trouble) => return trouble.say(api),
    };
    if me.role < role {
        let asked = format!("{method} {path}");
        return match console.note(&me, deeds::NOT_ALLOWED, "", &asked).await {
            Ok(()) => Trouble::Role(role).say(api),
            Err(trouble) => trouble.say(api),
        };
    }
    request.extensions_mut().insert(me);
    next.run(request).await
}

fn is_api(uri: &Uri) -> bool {
    uri.path().starts_with("/api/")
}

/// Nobody that we know.
async fn stranger(console: &Console, api: bool, method: &Method, path: &str) -> Response {
    match console.hub.call(|hub| hub.has_operators()).await {
        Ok(Ok(false)) => Trouble::NoAccount.say(api),
        Ok(Ok(true)) if !api && matches!(*method, Method::GET | Method::HEAD) => {
            Redirect::to(&format!("/sign-in?next={}", path)).into_response()
        }
        Ok(Ok(true)) => Trouble::SignIn.say(api),
        Ok(Err(cause)) => Trouble::from(cause).say(api),
        Err(stopped) => Trouble::from(stopped).say(api),
    }
}

/// Who asks, by a program's token or a browser's session. The account is looked at each time: another process may have
/// changed it.
async fn who(console: &Console, headers: &HeaderMap) -> Result<Option<Me>, Trouble> {
    let now = console.real.second();
    if let Some(token) = bearer(headers) {
        let token = token.to_owned();
        let account = console.hub.call(move |hub| hub.bearer(&token, now)).await??;
        return Ok(account.map(|Account { name, role, .. }| Me { name, role, session: None }));
    }
    let Some(key) = session_key(headers) else { return Ok(None) };
    let Some(session) = console.doors.sessions().find(&key, now) else { return Ok(None) };
    let name = session.name.clone();
    let account = console.hub.call(move |hub| hub.operator(&name)).await??;
    let good = account.filter(|account| !account.disabled && account.generation == session.generation);
    if good.is_none() {
        console.doors.sessions().end(&key);
    }
    Ok(good.map(|Account { name, role, .. }| Me { name, role, session: Some(key) }))
}

impl Console {
    /// Writes down what somebody does, before it is answered.
    pub(super) async fn note(&self, me: &Me, deed: &'static str, about: &str, note: &str) -> Result<(), Trouble> {
        let (who, about, note, second) = (me.who(), about.to_owned(), note.to_owned(), self.clock.second());
        let write = move |hub: &mut crate::hub::Hub| {
            hub.write_down(second, Deed { who: &who, deed, about: &about, note: &note })
        };
        Ok(self.desk.call(write).await??)
    }
}
