//! 憑證登入 (S11-S15): from what is in the reader to somebody who has proved who they are. Nothing here needs a line.
//!
//! A certificate card is judged, and its holder's rights looked up, before anybody is asked for a PIN. A 健保卡 signs
//! nothing: it says whose key to open, and the password opens it. Either way a challenge is signed, never seen before.

use std::time::Instant;

use data_encoding::BASE64URL_NOPAD;
use rand::Rng;
use shared::entry::access::Holder;
use shared::ids::{SiteCode, StaffId};
use shared::rules::access::card::{CardKind, Purpose, ReaderKind};
use shared::rules::identity::Document;
use shared::seal::passphrase::{PASSPHRASE_BYTES_MIN, Passphrase};
use shared::sign::card::CardKey;
use shared::sign::staff::unlock;
use tokio::sync::{Semaphore, SemaphorePermit};
use zeroize::Zeroizing;

use super::Web;
use super::cards::read_here;
use super::door::Door;
use super::sessions::SignedIn;
use crate::cards::certificate::{CardIdentity, Issuer, Policy, Trust, check_signature, judge};
use crate::cards::failure::CardFailure;
use crate::cards::lines::{CardCertificates, PinState};
use crate::cards::login::LoginFailure;
use crate::cards::pin::Pin;
use crate::cards::runner::Cards;
use crate::fault::Fault;
use crate::node::ask::AccessView;

pub(super) const TOO_MANY: &str = "too-many-tries";

/// What was chosen and typed to sign in.
pub(super) struct Ask {
    /// 請選擇讀卡機種類.
    pub(super) reader: ReaderKind,
    /// 請選擇使用卡片.
    pub(super) card: CardKind,
    /// 憑證 PIN 碼來源; none: the reader's own pad.
    pub(super) typed: Option<Zeroizing<String>>,
}

/// A card in a reader, and how it signs.
pub(super) struct Signer {
    /// Whose.
    pub(super) id: StaffId,
    /// Which kind.
    pub(super) card: CardKind,
    /// The name in the rights, or on the certificate where there are none.
    pub(super) name: String,
    /// What it signs with.
    means: Means,
    /// Its public key.
    key: CardKey,
    /// The note about a list of revoked cards that is old.
    pub(super) list_days_old: Option<u32>,
}

enum Means {
    Card { token: String, identity: Box<CardIdentity> },
    Password { locked: Vec<u8> },
}

/// Signs in.
///
/// # Errors
/// With words for whoever stands there: what is wrong and what to do.
pub(super) async fn sign_in(web: &Web, ask: Ask, chosen: Option<&str>) -> Result<SignedIn, Fault> {
    if !ask.card.fits(ask.reader, Purpose::SignIn) {
        return Err(wrong_reader(ask.card, ask.reader));
    }
    let view = web.desk.access().await?;
    if ask.card == CardKind::Envelope {
        return open_envelope(web, &view, ask.typed).await;
    }
    let signer = find(web, &view, ask.card, chosen, |_| true).await?;
    if view.rights.of(&signer.id, view.today).is_empty() {
        return Err(nothing_granted(&signer));
    }
    let challenge = challenge(&web.site.code, view.at.second);
    let signature = sign(web, &signer, ask.typed, &challenge).await?;
    check(&signer, &challenge, &signature)?;
    let Signer { id, name, card, list_days_old, .. } = signer;
    Ok(SignedIn { id, name, card, list_days_old })
}

/// 緊急登入: the code of a sealed envelope, for the day on which no card works.
async fn open_envelope(web: &Web, view: &AccessView, typed: Option<Zeroizing<String>>) -> Result<SignedIn, Fault> {
    let code = Zeroizing::new(plain_code(&typed.unwrap_or_default()));
    let began = Instant::now();
    web.sessions.begin_try(began).map_err(|wait| too_many(wait.as_secs()))?;
    let envelopes = view.rights.holders().filter(|(_, _, holder)| holder.card == CardKind::Envelope);
    for (id, _, holder) in envelopes.filter(|(id, _, _)| !view.rights.of(id, view.today).is_empty()) {
        let (Some(locked), Ok(key)) = (holder.locked_key.clone(), CardKey::from_spki(&holder.key)) else { continue };
        let means = Means::Password { locked };
        let (id, card, name) = (*id, holder.card, holder.name.clone());
        let signer = Signer { id, card, name, key, means, list_days_old: None };
        let challenge = challenge(&web.site.code, view.at.second);
        let Means::Password { locked } = &signer.means else { continue };
        if let Ok(signature) = by_password(locked.clone(), Some(code.clone()), challenge.clone()).await {
            check(&signer, &challenge, &signature)?;
            web.sessions.done(began);
            tracing::error!(%id, "BREAK-GLASS: somebody signed in with the code of a sealed envelope");
            return Ok(SignedIn { id, card, name: signer.name, list_days_old: None });
        }
    }
    tracing::error!("BREAK-GLASS: a code was tried that opens no envelope");
    Err(wrong_code())
}

/// A code without what people put between its letters.
pub(super) fn plain_code(typed: &str) -> String {
    typed.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// The card of this kind that is in a reader, judged.
///
/// # Errors
/// Where there is none, or it is not to be believed.
pub(super) async fn find(
    web: &Web,
    view: &AccessView,
    card: CardKind,
    chosen: Option<&str>,
    is_meant: impl Fn(&StaffId) -> bool,
) -> Result<Signer, Fault> {
    if card == CardKind::Envelope {
        return Err(another_card());
    }
    if card == CardKind::Nhi {
        let signer = holder_here(web, view, chosen).await?;
        return if is_meant(&signer.id) { Ok(signer) } else { Err(another_card()) };
    }
    let (held, identity) = certificate_here(web, view, card, chosen, is_meant).await?;
    let id = StaffId::of_key(identity.key.spki());
    let known = view.rights.holder(&id).map(|holder| holder.name.clone());
    Ok(Signer {
        id,
        card,
        name: known.unwrap_or_else(|| identity.common_name.clone()),
        key: identity.key.clone(),
        list_days_old: identity.list_days_old,
        means: Means::Card { token: held.token, identity: Box::new(identity) },
    })
}

/// The certificate card of this kind in a reader, this counter's own first.
///
/// # Errors
/// Where there is none, or none that is to be believed.
pub(super) async fn certificate_here(
    web: &Web,
    view: &AccessView,
    wanted: CardKind,
    chosen: Option<&str>,
    is_meant: impl Fn(&StaffId) -> bool,
) -> Result<(CardCertificates, CardIdentity), Fault> {
    let mut cards = cards(web)?.certificates().await.map_err(login)?;
    if web.door == Door::Lan {
        // From another computer nobody uses up the tries of a card that lies in somebody else's reader.
        cards.retain(|card| chosen.is_some_and(|reader| card.reader.starts_with(reader)));
        cards.retain(|card| matches!(card.pin, PinState::Fine | PinState::Locked));
    }
    // Several counters may share this computer: a card in this counter's own reader comes first.
    cards.sort_by_key(|card| !chosen.is_some_and(|reader| card.reader.starts_with(reader)));
    let trust = trust(view)?;
    let (mut failure, mut is_another) = (LoginFailure::NoToken, false);
    for card in cards {
        match judge(&card.certificates, wanted, &trust, &view.lists, view.at, &policy()) {
            Ok(identity) if is_meant(&StaffId::of_key(identity.key.spki())) => return Ok((card, identity)),
            Ok(_) => is_another = true,
            Err(why) if failure == LoginFailure::NoToken => failure = why,
            Err(_) => {}
        }
    }
    Err(if is_another { another_card() } else { login(failure) })
}

/// Whoever's 健保卡 is in this counter's reader.
async fn holder_here(web: &Web, view: &AccessView, chosen: Option<&str>) -> Result<Signer, Fault> {
    let document = document_here(web, chosen)?;
    let id = web.desk.holder_of(document).await?.ok_or_else(unknown_card)?;
    let holder = view.rights.holder(&id).ok_or_else(unknown_card)?;
    let Holder { name, key, locked_key: Some(locked), .. } = holder else { return Err(unknown_card()) };
    let key = CardKey::from_spki(key).map_err(|_| unknown_card())?;
    let means = Means::Password { locked: locked.clone() };
    Ok(Signer { id, card: CardKind::Nhi, name: name.clone(), key, means, list_days_old: None })
}

/// Whose 健保卡 is in this counter's reader.
///
/// # Errors
/// Where none was read.
pub(super) fn document_here(web: &Web, chosen: Option<&str>) -> Result<Document, Fault> {
    let read = read_here(&cards(web)?.readers().borrow(), chosen);
    read.map_err(|failure: CardFailure| Fault::asked(failure.code(), failure.zh(), failure.en()))
}

/// Has the card sign, with the PIN or the password that was typed: once, and never again by itself.
///
/// # Errors
/// Where it does not.
pub(super) async fn sign(
    web: &Web,
    signer: &Signer,
    typed: Option<Zeroizing<String>>,
    words: &[u8],
) -> Result<Vec<u8>, Fault> {
    let began = Instant::now();
    web.sessions.begin_try(began).map_err(|wait| too_many(wait.as_secs()))?;
    let signed = match &signer.means {
        Means::Card { token, identity } => by_card(web, token, identity, typed, words).await,
        Means::Password { locked } => by_password(locked.clone(), typed, words.to_vec()).await,
    };
    if signed.is_ok() {
        web.sessions.done(began);
    }
    signed
}

async fn by_card(
    web: &Web,
    token: &str,
    identity: &CardIdentity,
    typed: Option<Zeroizing<String>>,
    words: &[u8],
) -> Result<Vec<u8>, Fault> {
    let pin = typed.map(|typed| Pin::new(typed.to_string())).transpose().map_err(login)?;
    cards(web)?.sign(token, identity.leaf, pin, words).await.map_err(login)
}

/// A password costs 64 MiB to try: one at a time.
pub(super) async fn dear() -> Option<SemaphorePermit<'static>> {
    static TURN: Semaphore = Semaphore::const_new(1);
    TURN.acquire().await.ok()
}

/// Opening the key costs as much as a guess does, on a thread that may.
async fn by_password(locked: Vec<u8>, typed: Option<Zeroizing<String>>, words: Vec<u8>) -> Result<Vec<u8>, Fault> {
    let typed = typed.ok_or_else(wrong_password)?;
    let _turn = dear().await;
    let opened = tokio::task::spawn_blocking(move || {
        let password = Passphrase::parse(typed.as_bytes()).ok()?;
        Some(unlock(&locked, &password).ok()?.sign(&words))
    });
    opened.await.ok().flatten().ok_or_else(wrong_password)
}

fn check(signer: &Signer, words: &[u8], signature: &[u8]) -> Result<(), Fault> {
    match &signer.means {
        Means::Card { identity, .. } => check_signature(identity, words, signature).map_err(login),
        Means::Password { .. } if signer.key.signed(words, signature) => Ok(()),
        Means::Password { .. } => Err(login(LoginFailure::BadSignature)),
    }
}

/// What is signed: for which site, when, and bytes that nobody has seen before.
fn challenge(site: &SiteCode, second: i64) -> Vec<u8> {
    let mut fresh = [0u8; 32];
    rand::rng().fill_bytes(&mut fresh);
    [b"atoll/1 sign-in\0", site.as_str().as_bytes(), &second.to_be_bytes(), &fresh].concat()
}

fn cards(web: &Web) -> Result<&Cards, Fault> {
    web.cards.as_ref().ok_or_else(|| login(LoginFailure::HelperDown))
}

/// A list that is old lets people look; whether they may sell the version says, at each sale.
fn policy() -> Policy {
    Policy { stale_days_max: u32::MAX, ..Policy::default() }
}

fn trust(view: &AccessView) -> Result<Trust, Fault> {
    let issuer = |issuer: &shared::entry::access::Issuer| Issuer {
        kinds: issuer.cards.clone(),
        certificate: issuer.certificate.clone(),
    };
    // The hub publishes none that is no authority; one that slipped through must not stop the others.
    let known = view.issuers.iter().map(issuer).filter(|issuer| Trust::new(vec![issuer.clone()]).is_ok());
    Trust::new(known.collect()).map_err(|_| login(LoginFailure::UnknownIssuer))
}

pub(super) fn login(failure: LoginFailure) -> Fault {
    Fault::asked(failure.code(), failure.zh(), failure.en())
}

fn wrong_reader(card: CardKind, reader: ReaderKind) -> Fault {
    let other = ReaderKind::ALL.into_iter().find(|other| card.fits(*other, Purpose::SignIn));
    let (zh, en) = other.map_or(("", ""), |other| (other.zh(), other.en()));
    Fault::asked(
        "wrong-reader",
        format!("{}不能以{}登入，請改用「{zh}」", card.zh(), reader.zh()),
        format!("a {} does not sign in through a {}: choose the {en}", card.en(), reader.en()),
    )
}

fn nothing_granted(signer: &Signer) -> Fault {
    let id = BASE64URL_NOPAD.encode(&signer.id.0);
    let (zh, en) = if signer.card.is_of_site() {
        ("請由中心登錄為機構代表", "the hub has to register it as this site's representative")
    } else {
        (
            "請本機構的機構管理者於「使用者授權管理作業」授權；首次使用請見首頁說明",
            "ask this site's manager for a right; the home page says how a site begins",
        )
    };
    Fault::asked(
        "nothing-granted",
        format!("此{}（{id}）目前沒有任何授權：{zh}", signer.card.zh()),
        format!("this {} ({id}) has no right here: {en}", signer.card.en()),
    )
}

fn another_card() -> Fault {
    Fault::asked(
        "another-card",
        "讀卡機中的不是這一步需要的卡片，請換卡後再試",
        "another card is in the reader than this step needs: change it and try again",
    )
}

fn unknown_card() -> Fault {
    Fault::asked(
        "unknown-card",
        "此健保卡尚未登錄為本機構的使用者：請機構管理者於「機構使用者維護作業」登錄，或改用其他卡片",
        "this NHI card is nobody's of this site: ask the manager to register it, or use another card",
    )
}

fn wrong_password() -> Fault {
    Fault::asked(
        "wrong-password",
        format!("登入密碼錯誤（至少 {PASSPHRASE_BYTES_MIN} 個字元），請重新輸入"),
        format!("the password is wrong (it has at least {PASSPHRASE_BYTES_MIN} characters): type it again"),
    )
}

fn wrong_code() -> Fault {
    Fault::asked(
        "wrong-code",
        "封緘代碼不符或已收回；請核對後重新輸入，或洽機構管理者",
        "no envelope of this site opens with that code: check it, or ask the manager",
    )
}

fn too_many(seconds: u64) -> Fault {
    Fault::asked(
        TOO_MANY,
        format!("登入失敗次數過多，請於 {seconds} 秒後再試"),
        format!("too many tries failed: wait {seconds} seconds"),
    )
}
