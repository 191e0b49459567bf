//! A certificate card that is none: its key lies in the file of a demonstration's people, and its wrong PINs are counted
//! here, as a card counts them. The third one locks it for as long as the helper runs.

use anyhow::{Context, Result, ensure};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use data_encoding::HEXLOWER_PERMISSIVE;
use edge::cards::lines::{CARD_CERTIFICATES_MAX, CERTIFICATE_BYTES_MAX, PinState};
use edge::cards::login::LoginFailure;
use edge::cards::pin::Pin;
use serde::Deserialize;

/// So many wrong PINs lock it.
const TRIES: u32 = 3;

/// How the file spells one.
#[derive(Deserialize)]
pub(crate) struct Spelled {
    /// In hexadecimal.
    certificates: Vec<String>,
    /// PKCS#8 in hexadecimal.
    key: String,
    pin: String,
}

/// The card.
pub(crate) struct Scripted {
    pub(crate) certificates: Vec<Vec<u8>>,
    key: Key,
    pin: Pin,
    wrong: u32,
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
    Edwards(Box<Ed25519KeyPair>),
}

impl Scripted {
    pub(crate) fn load(spelled: &Spelled) -> Result<Self> {
        let hex = |text: &str| HEXLOWER_PERMISSIVE.decode(text.as_bytes()).context("no hexadecimal");
        let certificates = spelled.certificates.iter().map(|text| hex(text)).collect::<Result<Vec<_>>>()?;
        let fit = certificates.iter().all(|der| der.len() <= CERTIFICATE_BYTES_MAX);
        ensure!(fit && certificates.len() <= CARD_CERTIFICATES_MAX, "more certificates than a card has");
        let pin = Pin::new(spelled.pin.clone()).map_err(|failure| anyhow::anyhow!(failure.en()))?;
        let key = hex(&spelled.key)?;
        Ok(Self { certificates, key: Key::load(&key).context("no key of a card's")?, pin, wrong: 0 })
    }

    pub(crate) fn pin_state(&self) -> PinState {
        match TRIES.saturating_sub(self.wrong) {
            0 => PinState::Locked,
            1 => PinState::LastTry,
            TRIES => PinState::Fine,
            _ => PinState::FewTries,
        }
    }

    pub(crate) fn sign(&mut self, pin: Option<&Pin>, message: &[u8]) -> Result<Vec<u8>, LoginFailure> {
        if self.pin_state() == PinState::Locked {
            return Err(LoginFailure::PinLocked);
        }
        // It has no pad.
        let pin = pin.ok_or(LoginFailure::PinLength)?;
        if *pin != self.pin {
            self.wrong += 1;
            let state = self.pin_state();
            let wrong = LoginFailure::PinWrong { last_try: state == PinState::LastTry };
            return Err(if state == PinState::Locked { LoginFailure::PinLocked } else { wrong });
        }
        self.wrong = 0;
        self.key.sign(message).ok_or(LoginFailure::Refused)
    }
}

impl Key {
    fn load(pkcs8: &[u8]) -> Option<Self> {
        let rsa = || RsaKeyPair::from_pkcs8(pkcs8).ok().map(Box::new).map(Self::Rsa);
        let p256 =
            || EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).ok().map(Box::new).map(Self::P256);
        let edwards = || Ed25519KeyPair::from_pkcs8(pkcs8).ok().map(Box::new).map(Self::Edwards);
        rsa().or_else(p256).or_else(edwards)
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).ok()?;
                Some(signature)
            }
            Self::P256(key) => key.sign(&random, message).ok().map(|signature| signature.as_ref().to_vec()),
            Self::Edwards(key) => Some(key.sign(message).as_ref().to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use LoginFailure::{PinLength, PinLocked, PinWrong};

    fn card() -> Scripted {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = data_encoding::HEXUPPER.encode(key.as_ref());
        let spelled = Spelled { certificates: vec!["3000".to_owned()], key, pin: "750315".to_owned() };
        Scripted::load(&spelled).unwrap()
    }

    fn pin(typed: &str) -> Pin {
        Pin::new(typed.to_owned()).unwrap()
    }

    #[test]
    fn the_third_wrong_pin_locks_and_a_right_one_before_it_forgives() {
        let mut card = card();
        assert_eq!(card.sign(None, b"m"), Err(PinLength));
        assert_eq!(card.sign(Some(&pin("111111")), b"m"), Err(PinWrong { last_try: false }));
        assert_eq!(card.pin_state(), PinState::FewTries);
        assert_eq!(card.sign(Some(&pin("750315")), b"m").unwrap().len(), 64);
        assert_eq!(card.pin_state(), PinState::Fine);
        let wrong: Vec<_> = (0..4).map(|_| card.sign(Some(&pin("111111")), b"m").unwrap_err()).collect();
        assert_eq!(wrong, [PinWrong { last_try: false }, PinWrong { last_try: true }, PinLocked, PinLocked]);
        assert_eq!(card.sign(Some(&pin("750315")), b"m"), Err(PinLocked), "nor by the right one any more");
    }

    #[test]
    fn each_kind_of_key_is_one_and_other_bytes_are_none() {
        let edwards = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        assert!(matches!(Key::load(edwards.as_ref()), Some(Key::Edwards(_))));
        assert!(Key::load(b"none").is_none());
    }
}
