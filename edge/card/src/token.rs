//! What one PKCS#11 module is asked: which cards are there, and a signature. Runs on the module's own thread
//! ([`crate::modules`]), for any call into it may hang.
//!
//! **Invariant: one ask, one C_Login at most,** and none where the card that was looked at is not the one that is there.

use std::path::PathBuf;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;
use edge::cards::lines::{
    CARD_CERTIFICATES_MAX, CARDS_MAX, CERTIFICATE_BYTES_MAX, CardCertificates, PinState, TOKEN_BYTES_MAX,
};
use edge::cards::login::LoginFailure;
use edge::cards::pin::Pin;
use shared::sign::card::sha256;

/// A module, loaded when it is first asked.
pub(crate) struct Module {
    place: usize,
    path: PathBuf,
    loaded: Option<Pkcs11>,
}

/// What is to be signed, and by which card.
pub(crate) struct Order {
    pub(crate) slot: u64,
    /// The token's serial number.
    pub(crate) serial: String,
    /// SHA-256 of the certificate.
    pub(crate) certificate: [u8; 32],
    pub(crate) pin: Option<Pin>,
    pub(crate) message: Vec<u8>,
}

/// A token's name is its module, its slot and its serial number.
pub(crate) fn parse_name(token: &str) -> Option<(usize, u64, String)> {
    let mut parts = token.splitn(3, '/');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.to_owned()))
}

impl Module {
    pub(crate) fn new(place: usize, path: PathBuf) -> Self {
        Self { place, path, loaded: None }
    }

    fn loaded(&mut self) -> Result<&Pkcs11, LoginFailure> {
        let module = match self.loaded.take() {
            Some(module) => module,
            None => self.load()?,
        };
        Ok(self.loaded.insert(module))
    }

    fn load(&self) -> Result<Pkcs11, LoginFailure> {
        let module = Pkcs11::new(&self.path).map_err(|cause| {
            tracing::warn!(module = %self.path.display(), %cause, "the module cannot be loaded");
            LoginFailure::ModuleMissing
        })?;
        module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).map_err(refused)?;
        Ok(module)
    }

    /// One that has lost its way, as after a restart of the card service, begins anew at the next ask.
    fn unload(&mut self) {
        if let Some(module) = self.loaded.take() {
            let _ = module.finalize();
        }
    }

    /// The cards that are there. One that cannot be read is passed over.
    pub(crate) fn cards(&mut self) -> Result<Vec<CardCertificates>, LoginFailure> {
        let place = self.place;
        let module = self.loaded()?;
        let slots = match module.get_slots_with_token() {
            Ok(slots) => slots,
            Err(cause) => {
                self.unload();
                return Err(refused(cause));
            }
        };
        let cards = slots.into_iter().filter_map(|slot| {
            card(module, place, slot).unwrap_or_else(|cause| {
                tracing::debug!(slot = slot.id(), %cause, "a card is not read");
                None
            })
        });
        Ok(cards.take(CARDS_MAX).collect())
    }

    /// Signs. `is_awaited` is asked last before the PIN goes to the card.
    pub(crate) fn sign(&mut self, order: &Order, is_awaited: impl Fn() -> bool) -> Result<Vec<u8>, LoginFailure> {
        let module = self.loaded()?;
        let slot = Slot::try_from(order.slot).map_err(|_| LoginFailure::Removed)?;
        let token = module.get_token_info(slot).map_err(gone)?;
        if text(token.serial_number()) != order.serial {
            return Err(LoginFailure::Removed);
        }
        let session = module.open_ro_session(slot).map_err(gone)?;
        let id = certificates(&session)
            .map_err(gone)?
            .into_iter()
            .find(|(der, _)| sha256(der) == order.certificate)
            .map(|(_, id)| id)
            .ok_or(LoginFailure::Removed)?;
        check_pin(&token, order.pin.as_ref())?;
        if !is_awaited() {
            return Err(LoginFailure::Hung);
        }
        let pin = order.pin.as_ref().map(|pin| AuthPin::from(pin.reveal()));
        if let Err(cause) = session.login(UserType::User, pin.as_ref()) {
            drop(pin);
            return Err(not_let_in(&cause, module.get_token_info(slot).ok().as_ref()));
        }
        drop(pin);
        let _out = LoggedIn(&session);
        sign(&session, &id, &order.message)
    }
}

/// Leaves the card closed, however it ends.
struct LoggedIn<'a>(&'a Session);

impl Drop for LoggedIn<'_> {
    fn drop(&mut self) {
        if let Err(cause) = self.0.logout() {
            tracing::warn!(%cause, "a card is not left closed: its session is ended all the same");
        }
    }
}

/// What a card says without a PIN; none where the slot holds nothing that was ever made a card of somebody's.
fn card(module: &Pkcs11, place: usize, slot: Slot) -> Result<Option<CardCertificates>, Error> {
    let (reader, token) = (module.get_slot_info(slot)?, module.get_token_info(slot)?);
    if !token.token_initialized() {
        return Ok(None);
    }
    let session = module.open_ro_session(slot)?;
    let all = certificates(&session)?.into_iter().map(|(der, _)| der);
    Ok(Some(CardCertificates {
        token: format!("{place}/{}/{}", slot.id(), text(token.serial_number())),
        reader: text(reader.slot_description()),
        label: text(token.label()),
        certificates: all.filter(|der| der.len() <= CERTIFICATE_BYTES_MAX).take(CARD_CERTIFICATES_MAX).collect(),
        pin: pin_state(&token),
        has_pad: token.protected_authentication_path(),
    }))
}

/// A certificate, and the identifier that its key has too.
type Identified = (Vec<u8>, Vec<u8>);

/// All that are on the card.
fn certificates(session: &Session) -> Result<Vec<Identified>, Error> {
    let mut all = Vec::new();
    for object in session.find_objects(&[Attribute::Class(ObjectClass::CERTIFICATE)])? {
        let (mut der, mut id) = (Vec::new(), Vec::new());
        for attribute in session.get_attributes(object, &[AttributeType::Value, AttributeType::Id])? {
            if let Attribute::Value(bytes) = attribute {
                der = bytes;
            } else if let Attribute::Id(bytes) = attribute {
                id = bytes;
            }
        }
        all.push((der, id));
    }
    Ok(all)
}

fn pin_state(token: &TokenInfo) -> PinState {
    if token.user_pin_locked() {
        PinState::Locked
    } else if token.user_pin_final_try() {
        PinState::LastTry
    } else if token.user_pin_count_low() {
        PinState::FewTries
    } else {
        PinState::Fine
    }
}

/// What the card would refuse is not asked of it, for it might count it as a try.
fn check_pin(token: &TokenInfo, pin: Option<&Pin>) -> Result<(), LoginFailure> {
    if token.user_pin_locked() {
        return Err(LoginFailure::PinLocked);
    }
    let fits = match pin {
        Some(pin) => (token.min_pin_length()..=token.max_pin_length()).contains(&pin.reveal().len()),
        None => token.protected_authentication_path(),
    };
    if fits { Ok(()) } else { Err(LoginFailure::PinLength) }
}

/// By the key that belongs to the certificate.
fn sign(session: &Session, id: &[u8], message: &[u8]) -> Result<Vec<u8>, LoginFailure> {
    let wanted = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Id(id.to_vec())];
    let key = session.find_objects(&wanted).map_err(gone)?.into_iter().next().ok_or(LoginFailure::Refused)?;
    match key_type(session, key).map_err(gone)? {
        Some(KeyType::RSA) => session.sign(&Mechanism::Sha256RsaPkcs, key, message).map_err(gone),
        // Not every module hashes by itself for this one.
        Some(KeyType::EC) => session.sign(&Mechanism::Ecdsa, key, &sha256(message)).map_err(gone),
        _ => Err(LoginFailure::Refused),
    }
}

fn key_type(session: &Session, key: ObjectHandle) -> Result<Option<KeyType>, Error> {
    let attributes = session.get_attributes(key, &[AttributeType::KeyType])?;
    let kind = |attribute| if let Attribute::KeyType(kind) = attribute { Some(kind) } else { None };
    Ok(attributes.into_iter().find_map(kind))
}

/// What a refused PIN means; the token says afterwards whether it locks at the next one.
fn not_let_in(cause: &Error, token: Option<&TokenInfo>) -> LoginFailure {
    let is_locked = token.is_some_and(TokenInfo::user_pin_locked);
    let last_try = token.is_some_and(TokenInfo::user_pin_final_try);
    #[expect(clippy::wildcard_enum_match_arm, reason = "a hundred more, and none of them is about the PIN")]
    match cause {
        Error::Pkcs11(RvError::PinIncorrect, _) if !is_locked => LoginFailure::PinWrong { last_try },
        Error::Pkcs11(RvError::PinIncorrect | RvError::PinLocked, _) => LoginFailure::PinLocked,
        Error::Pkcs11(RvError::PinLenRange | RvError::PinInvalid, _) => LoginFailure::PinLength,
        Error::Pkcs11(RvError::FunctionCanceled | RvError::Cancel, _) => LoginFailure::PadCancelled,
        // Somebody else's log-in on this card, for which nobody typed a PIN here, counts for nothing.
        other => lost(other),
    }
}

/// A card that is not there any more, or whatever else.
fn gone(cause: Error) -> LoginFailure {
    lost(&cause)
}

fn lost(cause: &Error) -> LoginFailure {
    tracing::warn!(%cause, "a card is lost");
    let Error::Pkcs11(said, _) = cause else { return LoginFailure::Refused };
    let is_gone = matches!(
        said,
        RvError::TokenNotPresent
            | RvError::TokenNotRecognized
            | RvError::DeviceRemoved
            | RvError::SlotIdInvalid
            | RvError::SessionHandleInvalid
            | RvError::SessionClosed
    );
    if is_gone { LoginFailure::Removed } else { LoginFailure::Refused }
}

fn refused(cause: Error) -> LoginFailure {
    tracing::warn!(%cause, "a module refuses");
    drop(cause);
    LoginFailure::Refused
}

/// A token may say anything of itself.
fn text(said: &str) -> String {
    let mut said: String = said.chars().filter(|c| !c.is_control()).collect();
    said.truncate(said.floor_char_boundary(TOKEN_BYTES_MAX / 2));
    said
}
