//! 機構管理者維護作業、機構使用者維護作業、使用者授權管理作業 (S16-S19): who may do what at this site.
//!
//! First the card of whoever is to be given a right is read, then the giver's own card signs the grant. With one
//! reader the cards are put in one after the other.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::{Days, NaiveDate};
use rand::Rng;
use serde::Deserialize;
use shared::entry::access::{Holder, Right, ServiceStanding};
use shared::ids::StaffId;
use shared::rules::access::card::CardKind;
use shared::rules::access::{BOOKING, Denied, MASKS, Rights, ServiceNow};
use shared::rules::calendar::roc_date;
use shared::rules::programme::Text;
use shared::seal::passphrase::{Cost, Label, PASSPHRASE_BYTES_MIN, Passphrase, SALT_BYTES};
use shared::sign::staff::{StaffKey, WHAT, lock};
use zeroize::Zeroizing;

use super::login::demonstration;
use super::{Frame, Message, Web, back, bad_form, failed, frame, page, unwell};
use crate::fault::Fault;
use crate::node::access::Acting;
use crate::node::ask::{AccessView, GrantAsk, NewHolder, RevokeAsk};
use crate::web::cards::chosen;
use crate::web::session::random_key;
use crate::web::sign_in::{self, dear, plain_code};

const PATH: &str = "/staff";
/// For so long a right is given where nothing else is typed.
const USUAL_DAYS: u64 = 365;

#[derive(Template)]
#[template(path = "staff.html")]
struct StaffPage {
    frame: Frame,
    people: Vec<PersonLine>,
    /// The code of an envelope that was just made.
    code: Option<Zeroizing<String>>,
    /// Whose card was read.
    pending: Option<NewHolder>,
    /// What whoever has signed in may give.
    gives: Vec<Right>,
    /// 健保服務申請: each service, and where it stands.
    services: Vec<ServiceLine>,
    /// For which cards.
    cards: Vec<CardKind>,
    until: NaiveDate,
    key: String,
    demonstration: Vec<(String, Vec<String>)>,
}

/// Somebody, as the page shows them.
struct PersonLine {
    id: StaffId,
    name: String,
    card: CardKind,
    rights: Vec<RightLine>,
}

/// A service, as a manager sees it.
struct ServiceLine {
    right: Right,
    state: Text,
    may_apply: bool,
}

/// One right of theirs.
struct RightLine {
    right: Right,
    /// How it stands.
    state: Text,
    holds: bool,
    /// Whether whoever has signed in may take it back.
    is_ours: bool,
}

/// 讀取卡片.
#[derive(Deserialize)]
pub(in crate::web) struct ReadForm {
    card: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: Zeroizing<String>,
    #[serde(default)]
    again: Zeroizing<String>,
}

/// 授權.
#[derive(Deserialize)]
pub(in crate::web) struct GrantForm {
    right: String,
    until: String,
    name: String,
    pin_source: String,
    #[serde(default)]
    pin: Zeroizing<String>,
    #[serde(default)]
    request: String,
}

/// 收回.
#[derive(Deserialize)]
pub(in crate::web) struct RevokeForm {
    of: String,
    right: String,
    reason: String,
    #[serde(default)]
    request: String,
}

/// 健保服務申請.
#[derive(Deserialize)]
pub(in crate::web) struct ApplyForm {
    right: String,
    reason: String,
}

/// GET /staff.
pub(in crate::web) async fn show(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    let seat = web.screens.seat(&headers);
    // The code of an envelope is shown once.
    let code = web.screens.with(&seat, |screen| screen.envelope_made.take());
    let screen = web.screens.with(&seat, |screen| screen.clone());
    let shown = async { Ok::<_, Fault>((frame(&web, &screen, PATH).await?, web.desk.access().await?)) };
    let (frame, view) = match shown.await {
        Ok(shown) => shown,
        Err(fault) => return unwell(&fault),
    };
    let gives = gives(&web, &view);
    let cards = CardKind::ALL.into_iter().filter(|card| gives.iter().all(|right| right.fits(*card))).collect();
    let staff = StaffPage {
        people: view.rights.holders().map(|(id, _, holder)| person(&view, (id, holder), &gives)).collect(),
        code,
        services: gives.iter().filter_map(|right| service_line(&view.rights, right)).collect(),
        pending: screen.new_holder,
        gives,
        cards,
        until: view.today.checked_add_days(Days::new(USUAL_DAYS)).unwrap_or(view.today),
        key: random_key(),
        demonstration: demonstration(&web),
        frame,
    };
    page(&staff, Some(&seat))
}

/// What whoever has signed in may give: a 機構代表 managers, a 機構管理者 services.
fn gives(web: &Web, view: &AccessView) -> Vec<Right> {
    let Acting::Person { id, .. } = web.desk.acting() else { return Vec::new() };
    let held = view.rights.of(&id, view.today);
    let services = [MASKS, BOOKING].into_iter().filter_map(Right::service);
    let all = [Right::Manager].into_iter().chain(services);
    all.filter(|right| held.iter().any(|role| role.gives(right))).collect()
}

fn service_line(rights: &Rights, right: &Right) -> Option<ServiceLine> {
    let Right::Service(service) = right else { return None };
    let ServiceNow { decided, applied } = rights.service(service);
    let refused = decided.filter(|word| word.standing == ServiceStanding::Refused);
    let state = match (&refused, applied) {
        (None, _) => Text::new("可使用", "open"),
        (Some(_), Some(_)) => Text::new("已申請，待中心核定", "asked for; the hub has not answered yet"),
        (Some(word), None) => {
            Text::new(&format!("中心未核可：{}", word.reason), &format!("not approved by the hub: {}", word.reason))
        }
    };
    Some(ServiceLine { right: right.clone(), state, may_apply: refused.is_some() && applied.is_none() })
}

fn person(view: &AccessView, (id, holder): (&StaffId, &Holder), gives: &[Right]) -> PersonLine {
    let rights = view.rights.ever(id).map(|(right, _)| right_line(&view.rights, (id, right), view.today, gives));
    PersonLine { id: *id, name: holder.name.clone(), card: holder.card, rights: rights.collect() }
}

fn right_line(rights: &Rights, (id, right): (&StaffId, &Right), today: NaiveDate, gives: &[Right]) -> RightLine {
    let may = rights.may(id, right, today);
    let state = match &may {
        Ok(holding) => Text::new(&format!("有效至 {}", roc_date(holding.until)), &format!("until {}", holding.until)),
        Err(Denied::Expired { until }) => {
            Text::new(&format!("已於 {} 到期", roc_date(*until)), &format!("ended on {until}"))
        }
        Err(Denied::Withdrawn { reason, .. }) => {
            Text::new(&format!("已收回：{reason}"), &format!("taken back: {reason}"))
        }
        Err(Denied::ServiceRefused { reason }) => {
            Text::new(&format!("中心未核可：{reason}"), &format!("not approved by the hub: {reason}"))
        }
        Err(Denied::NeverGiven) => Text::new("未生效", "gives nothing"),
    };
    RightLine { right: right.clone(), state, holds: may.is_ok(), is_ours: gives.contains(right) }
}

/// POST /staff/read: 讀取卡片.
pub(in crate::web) async fn read(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    form: Result<Form<ReadForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    let seat = web.screens.seat(&headers);
    match read_card(&web, &headers, form).await {
        Ok(holder) => {
            web.screens.with(&seat, |screen| {
                (screen.new_holder, screen.envelope, screen.message) = (Some(holder), None, None);
            });
            back(PATH, &seat)
        }
        Err(fault) => failed(&web, &seat, PATH, &fault),
    }
}

async fn read_card(web: &Web, headers: &HeaderMap, form: ReadForm) -> Result<NewHolder, Fault> {
    let card: CardKind = form.card.parse().map_err(|_| bad_choice())?;
    let view = web.desk.access().await?;
    check_gives(web, &view)?;
    let chosen = chosen(headers);
    if card == CardKind::Envelope {
        return Err(bad_choice());
    }
    if card == CardKind::Nhi {
        let document = sign_in::document_here(web, chosen.as_deref())?;
        return password_holder(web, form, &document).await;
    }
    // Not the giver's own, which may be in the other reader.
    let own = match web.desk.acting() {
        Acting::Person { id, .. } => Some(id),
        Acting::Folder | Acting::Shell | Acting::Nobody => None,
    };
    let is_theirs = |id: &StaffId| Some(*id) != own;
    let (_, identity) = sign_in::certificate_here(web, &view, card, chosen.as_deref(), is_theirs).await?;
    Ok(NewHolder {
        name: if form.name.trim().is_empty() { identity.common_name.clone() } else { form.name },
        card,
        key: identity.key.spki().to_vec(),
        locked_key: None,
        document: None,
        certificate: Some((identity.issuer, identity.serial)),
    })
}

/// Somebody who signs in with a 健保卡 gets a key, under a password that they type now.
async fn password_holder(
    web: &Web,
    form: ReadForm,
    document: &shared::rules::identity::Document,
) -> Result<NewHolder, Fault> {
    if let Some(known) = known_holder(web, document).await?
        && form.password.is_empty()
    {
        // Another right for somebody who has a key and a password already.
        return Ok(known);
    }
    if *form.password != *form.again {
        let (zh, en) = ("兩次輸入的登入密碼不同，請重新輸入", "the two passwords differ: type them again");
        return Err(Fault::asked("passwords-differ", zh, en));
    }
    let password = Passphrase::parse(form.password.as_bytes()).map_err(|_| short_password())?;
    let (key, locked) = new_key(web, password).await?;
    let (name, card, document) = (form.name, CardKind::Nhi, Some(document.into()));
    Ok(NewHolder { name, card, key, locked_key: Some(locked), document, certificate: None })
}

/// Somebody who was registered with this 健保卡 before.
async fn known_holder(web: &Web, document: &shared::rules::identity::Document) -> Result<Option<NewHolder>, Fault> {
    let Some(id) = web.desk.holder_of(document.clone()).await? else { return Ok(None) };
    let view = web.desk.access().await?;
    Ok(view.rights.holder(&id).map(|holder| NewHolder {
        name: holder.name.clone(),
        card: CardKind::Nhi,
        key: holder.key.clone(),
        locked_key: holder.locked_key.clone(),
        document: Some(document.into()),
        certificate: None,
    }))
}

/// A key of the site's own, and its private half under a password.
async fn new_key(web: &Web, password: Passphrase) -> Result<(Vec<u8>, Vec<u8>), Fault> {
    let (mut seed, mut salt) = (Zeroizing::new([0u8; 32]), [0u8; SALT_BYTES]);
    rand::rng().fill_bytes(&mut *seed);
    rand::rng().fill_bytes(&mut salt);
    let site = web.site.code.to_string();
    let _turn = dear().await;
    let made = tokio::task::spawn_blocking(move || {
        let key = StaffKey::from_seed(&seed).ok()?.spki();
        let label = Label { what: WHAT, of: &site, salt, cost: Cost::STANDARD };
        Some((key, lock(&seed, &password, &label).ok()?))
    });
    let failed = || Fault::new("staff-key", "無法建立登入金鑰，請再試一次", "no key can be made: try again");
    made.await.ok().flatten().ok_or_else(failed)
}

/// POST /staff/envelope: 製作緊急登入封緘代碼. It is shown once the manager's card has signed.
pub(in crate::web) async fn envelope(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    let seat = web.screens.seat(&headers);
    let code = Zeroizing::new(envelope_code());
    let made = async {
        check_gives(&web, &web.desk.access().await?)?;
        let password = Passphrase::parse(plain_code(&code).as_bytes()).map_err(|_| bad_choice())?;
        new_key(&web, password).await
    };
    match made.await {
        Ok((key, locked)) => {
            let (name, card) = ("緊急登入".to_owned(), CardKind::Envelope);
            let holder = NewHolder { name, card, key, locked_key: Some(locked), document: None, certificate: None };
            web.screens.with(&seat, |screen| {
                (screen.new_holder, screen.envelope, screen.message) = (Some(holder), Some(code), None);
            });
            back(PATH, &seat)
        }
        Err(fault) => failed(&web, &seat, PATH, &fault),
    }
}

/// A hundred random bits in four groups of five letters (Crockford's alphabet: no I, L, O, U).
fn envelope_code() -> String {
    const LETTERS: [char; 32] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'M', 'N',
        'P', 'Q', 'R', 'S', 'T', 'V', 'W', 'X', 'Y', 'Z',
    ];
    let mut bytes = [0u8; 20];
    rand::rng().fill_bytes(&mut bytes);
    let letters: Vec<char> = bytes.iter().filter_map(|byte| LETTERS.get(usize::from(byte % 32))).copied().collect();
    letters.chunks(5).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// POST /staff/forget: another card.
pub(in crate::web) async fn forget(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    let seat = web.screens.seat(&headers);
    web.screens.with(&seat, |screen| (screen.new_holder, screen.envelope) = (None, None));
    back(PATH, &seat)
}

/// POST /staff/grant: 授權.
pub(in crate::web) async fn grant(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    form: Result<Form<GrantForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    let seat = web.screens.seat(&headers);
    let Some(to) = web.screens.with(&seat, |screen| screen.new_holder.clone()) else {
        return failed(&web, &seat, PATH, &nobody_read());
    };
    match give(&web, &headers, to, form).await {
        Ok(name) => {
            web.screens.with(&seat, |screen| {
                let done = Message::done(PATH, &format!("已授權 {name}"), &format!("{name} has the right now"));
                if let Some(code) = screen.envelope.take() {
                    screen.envelope_made = Some(code);
                }
                (screen.new_holder, screen.message) = (None, Some(done));
            });
            back(PATH, &seat)
        }
        Err(fault) => {
            if let Err(deeper) = web.desk.note("grant-failed", String::new(), fault.code.to_owned()).await {
                return unwell(&deeper);
            }
            failed(&web, &seat, PATH, &fault)
        }
    }
}

async fn give(web: &Web, headers: &HeaderMap, to: NewHolder, form: GrantForm) -> Result<String, Fault> {
    let until = NaiveDate::parse_from_str(form.until.trim(), "%Y-%m-%d").map_err(|_| bad_choice())?;
    let rights = vec![form.right.parse().map_err(|_| bad_choice())?];
    let name = if form.name.trim().is_empty() { to.name } else { form.name };
    let request = (!form.request.is_empty()).then_some(form.request);
    let ask = GrantAsk { request, to: NewHolder { name, ..to }, rights, until };
    let words = web.desk.grant_words(ask.clone()).await?;
    let view = web.desk.access().await?;
    let Acting::Person { id, .. } = web.desk.acting() else { return Err(bad_choice()) };
    let card = view.rights.holder(&id).map(|holder| holder.card).ok_or_else(bad_choice)?;
    let signer = sign_in::find(web, &view, card, chosen(headers).as_deref(), |other| *other == id).await?;
    let typed = (form.pin_source != "pad").then_some(form.pin);
    let signature = sign_in::sign(web, &signer, typed, &words).await?;
    Ok(web.desk.grant(ask, signature).await?.name)
}

/// POST /staff/revoke: 收回.
pub(in crate::web) async fn revoke(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    form: Result<Form<RevokeForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    let seat = web.screens.seat(&headers);
    let taken = async {
        let of = form.of.parse().map_err(|_| bad_choice())?;
        let rights = vec![form.right.parse().map_err(|_| bad_choice())?];
        let request = (!form.request.is_empty()).then_some(form.request);
        web.desk.revoke(RevokeAsk { request, of, rights, reason: form.reason }).await
    };
    match taken.await {
        Ok(_) => {
            let done = Message::done(PATH, "已收回授權", "the right is taken back");
            web.screens.with(&seat, |screen| screen.message = Some(done));
            back(PATH, &seat)
        }
        Err(fault) => failed(&web, &seat, PATH, &fault),
    }
}

/// POST /staff/apply: 健保服務申請.
pub(in crate::web) async fn apply(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    form: Result<Form<ApplyForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    let seat = web.screens.seat(&headers);
    let asked = async {
        let Ok(Right::Service(service)) = form.right.parse() else { return Err(bad_choice()) };
        web.desk.apply(service, form.reason).await
    };
    match asked.await {
        Ok(_) => {
            let done = Message::done(PATH, "已送出申請，待中心核定", "it is asked for; the hub will answer");
            web.screens.with(&seat, |screen| screen.message = Some(done));
            back(PATH, &seat)
        }
        Err(fault) => failed(&web, &seat, PATH, &fault),
    }
}

/// Cards are read, and keys made, only for whoever may give something.
fn check_gives(web: &Web, view: &AccessView) -> Result<(), Fault> {
    if gives(web, view).is_empty() {
        let (zh, en) = ("您不能設定他人的權限", "it is not yours to say who may do what");
        return Err(Fault::asked("not-yours", zh, en));
    }
    Ok(())
}

fn bad_choice() -> Fault {
    Fault::asked("form", "請重新選擇卡片、服務與有效日期", "choose the card, the right and the last day again")
}

fn nobody_read() -> Fault {
    let (zh, en) = ("請先讀取被授權人的卡片", "first read the card of whoever is to have the right");
    Fault::asked("nobody-read", zh, en)
}

fn short_password() -> Fault {
    Fault::asked(
        "short-password",
        format!("登入密碼至少 {PASSPHRASE_BYTES_MIN} 個字元"),
        format!("a password has at least {PASSPHRASE_BYTES_MIN} characters"),
    )
}
