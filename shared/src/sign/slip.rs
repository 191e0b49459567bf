//! A booking slip that proves itself without a line (V10-V12): the site signs what it printed, and the hub has vouched that
//! this key may give away these numbers. Whoever holds the hub's public key can check it; it names nobody.
//!
//! As text it is `ATOLL1.` and base 32 (RFC 4648, no padding): the characters of a QR code's alphanumeric mode.

use data_encoding::BASE32_NOPAD;
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};

use super::{PublicKey, Signature, Signer};
use crate::entry::booking::{BookingNumber, Numbers, Slot, Start};
use crate::ids::SiteCode;

const PREFIX: &str = "ATOLL1.";
/// Longest slip that is read, in characters.
pub const TEXT_CHARS_MAX: usize = 2_000;

/// The hub's word that a key may give away certain numbers of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voucher {
    /// Whose.
    pub key: PublicKey,
    /// Over site, key and numbers.
    pub signature: Signature,
}

/// What a slip says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which counter.
    pub site: SiteCode,
    /// 預約編號.
    pub number: BookingNumber,
    /// The place.
    pub slot: Slot,
    /// 預約完成時間: seconds since 1970 (UTC).
    pub second: i64,
    /// The identity number as printed: `C2A-XXXXXX`.
    pub printed: String,
}

/// Numbers that were vouched for: the first, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// The first.
    pub first: u64,
    /// How many.
    pub count: u32,
}

impl From<&Numbers> for Block {
    fn from(numbers: &Numbers) -> Self {
        Self { first: numbers.first, count: numbers.count }
    }
}

/// A text that is no slip of this hub's sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSlip {
    /// Not the form.
    #[error("not the text of a booking slip: scan the code again")]
    Form,
    /// The hub has not vouched for the key, or not for this number.
    #[error("nobody at the hub has vouched for this slip")]
    Voucher,
    /// What it says was changed.
    #[error("the slip has been changed")]
    Changed,
}

impl BadSlip {
    /// For the people at the venue.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Form => "不是預約單的條碼，請重新掃描",
            Self::Voucher => "此預約單不是由本系統的站所開立",
            Self::Changed => "此預約單內容已遭更改",
        }
    }
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireSlip {
    #[n(0)]
    claim: WireClaim,
    #[n(1)]
    first: u64,
    #[n(2)]
    count: u32,
    #[n(3)]
    key: ByteArray<32>,
    #[n(4)]
    voucher: ByteArray<64>,
    #[n(5)]
    signature: ByteArray<64>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireClaim {
    #[n(0)]
    site: String,
    #[n(1)]
    brands: String,
    #[n(2)]
    round: u32,
    #[n(3)]
    serial: u64,
    #[n(4)]
    venue: String,
    #[n(5)]
    date: i32,
    #[n(6)]
    start: u16,
    #[n(7)]
    second: i64,
    #[n(8)]
    printed: String,
}

impl Signer {
    /// The hub vouches for a site's key and numbers.
    #[must_use]
    pub fn vouch(&self, site: &SiteCode, key: PublicKey, block: Block) -> Voucher {
        Voucher { key, signature: self.sign(&voucher_words(site, &key, block)) }
    }

    /// The text of a slip, signed by the site; its numbers are those of the voucher.
    #[must_use]
    pub fn slip(&self, claim: &Claim, block: Block, voucher: &Voucher) -> String {
        let wire = WireClaim::from(claim);
        let signature = self.sign(&claim_words(&wire));
        let slip = WireSlip {
            claim: wire,
            first: block.first,
            count: block.count,
            key: voucher.key.0.into(),
            voucher: voucher.signature.0.into(),
            signature: signature.0.into(),
        };
        // Writing to a Vec cannot fail.
        format!("{PREFIX}{}", BASE32_NOPAD.encode(&minicbor::to_vec(&slip).unwrap_or_default()))
    }
}

impl PublicKey {
    /// What a slip says, where this hub has vouched for it and nothing was changed.
    ///
    /// # Errors
    /// Where the text is no slip, or one that does not hold.
    pub fn read_slip(&self, text: &str) -> Result<Claim, BadSlip> {
        let text: String = text.chars().take(TEXT_CHARS_MAX + 1).filter(|c| !c.is_whitespace()).collect();
        let body = text.strip_prefix(PREFIX).filter(|_| text.len() <= TEXT_CHARS_MAX).ok_or(BadSlip::Form)?;
        let bytes = BASE32_NOPAD.decode(body.as_bytes()).map_err(|_| BadSlip::Form)?;
        let slip: WireSlip = minicbor::decode(&bytes).map_err(|_| BadSlip::Form)?;
        let words = claim_words(&slip.claim);
        let claim = Claim::try_from(slip.claim).map_err(|()| BadSlip::Form)?;
        let (key, block) = (PublicKey(slip.key.into()), Block { first: slip.first, count: slip.count });
        let serial = claim.number.serial;
        let is_of_block = serial >= block.first && serial - block.first < u64::from(block.count);
        if !is_of_block || !self.verify(&voucher_words(&claim.site, &key, block), &Signature(slip.voucher.into())) {
            return Err(BadSlip::Voucher);
        }
        if !key.verify(&words, &Signature(slip.signature.into())) {
            return Err(BadSlip::Changed);
        }
        Ok(claim)
    }
}

fn voucher_words(site: &SiteCode, key: &PublicKey, block: Block) -> Vec<u8> {
    [
        &b"atoll/1 slip key\0"[..],
        site.as_str().as_bytes(),
        &key.0,
        &block.first.to_be_bytes(),
        &block.count.to_be_bytes(),
    ]
    .concat()
}

fn claim_words(claim: &WireClaim) -> Vec<u8> {
    [&b"atoll/1 slip\0"[..], &minicbor::to_vec(claim).unwrap_or_default()].concat()
}

impl From<&Claim> for WireClaim {
    fn from(claim: &Claim) -> Self {
        use chrono::Datelike;
        Self {
            site: claim.site.to_string(),
            brands: claim.number.brands.to_string(),
            round: claim.number.round,
            serial: claim.number.serial,
            venue: claim.slot.venue.to_string(),
            date: claim.slot.date.num_days_from_ce(),
            start: claim.slot.start.minutes(),
            second: claim.second,
            printed: claim.printed.clone(),
        }
    }
}

impl TryFrom<WireClaim> for Claim {
    type Error = ();

    fn try_from(wire: WireClaim) -> Result<Self, ()> {
        let brands: crate::entry::booking::Brands = wire.brands.parse().map_err(drop)?;
        Ok(Self {
            site: wire.site.parse().map_err(drop)?,
            slot: Slot {
                venue: wire.venue.parse().map_err(drop)?,
                date: chrono::NaiveDate::from_num_days_from_ce_opt(wire.date).ok_or(())?,
                start: Start::from_minutes(wire.start).ok_or(())?,
                brands: brands.clone(),
            },
            number: BookingNumber { brands, round: wire.round, serial: wire.serial },
            second: wire.second,
            printed: wire.printed.chars().take(20).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(serial: u64) -> Claim {
        let brands: crate::entry::booking::Brands = "MO,AZ".parse().unwrap();
        Claim {
            site: "5931102274".parse().unwrap(),
            number: BookingNumber { brands: brands.clone(), round: 1, serial },
            slot: Slot {
                venue: "0291010019".parse().unwrap(),
                date: chrono::NaiveDate::from_ymd_opt(2021, 7, 2).unwrap(),
                start: "10:00".parse().unwrap(),
                brands,
            },
            second: 1_624_597_583,
            printed: "C2A-XXXXXX".to_owned(),
        }
    }

    #[test]
    fn a_slip_holds_for_the_hub_that_vouched_and_for_no_number_besides() {
        let (hub, site) = (Signer::derive(b"hub", b"heads").unwrap(), Signer::derive(b"site", b"heads").unwrap());
        let block = Block { first: 14_600, count: 100 };
        let voucher = hub.vouch(&claim(1).site, site.public(), block);
        let text = site.slip(&claim(14_637), block, &voucher);
        assert_eq!(hub.public().read_slip(&text), Ok(claim(14_637)));
        assert!(text.len() < 700 && text.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'.'));
        let spaced = format!(" {} \n {} ", &text[..40], &text[40..]);
        assert_eq!(hub.public().read_slip(&spaced), Ok(claim(14_637)), "as somebody pastes it");
        assert_eq!(hub.public().read_slip(&site.slip(&claim(14_700), block, &voucher)), Err(BadSlip::Voucher));
        let wider = Block { first: 14_600, count: 200 };
        assert_eq!(hub.public().read_slip(&site.slip(&claim(14_700), wider, &voucher)), Err(BadSlip::Voucher));
        assert_eq!(site.public().read_slip(&text), Err(BadSlip::Voucher), "another hub");
        let other = Signer::derive(b"other", b"heads").unwrap();
        assert_eq!(hub.public().read_slip(&other.slip(&claim(14_637), block, &voucher)), Err(BadSlip::Changed));
        for bad in ["", "ATOLL1.", "ATOLL2.AAAA", "ATOLL1.!!", &text[..text.len() - 8], &"A".repeat(5_000)] {
            assert!(hub.public().read_slip(bad).is_err(), "{bad:.20}");
        }
    }

    #[test]
    fn no_bit_of_a_slip_can_be_changed() {
        let (hub, site) = (Signer::derive(b"hub", b"heads").unwrap(), Signer::derive(b"site", b"heads").unwrap());
        let block = Block { first: 1, count: 9 };
        let text = site.slip(&claim(3), block, &hub.vouch(&claim(3).site, site.public(), block));
        let bytes = BASE32_NOPAD.decode(&text.as_bytes()[PREFIX.len()..]).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = format!("{PREFIX}{}", BASE32_NOPAD.encode(&changed));
            assert!(hub.public().read_slip(&changed).is_err(), "byte {at}");
        }
    }
}
