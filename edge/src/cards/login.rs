//! Why nobody signs in by a certificate card, and what to do about it: the words on the screen (S12-S15).
//!
//! The numbers of the health insurance's own reader library stand beside the words where it has one, for pharmacists
//! know them: 4000, 4034, 5102, 5122, 9056, 9130, 9140.

use serde::{Deserialize, Serialize};
use shared::rules::access::card::CardKind;
use shared::rules::calendar::taipei_day;

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoginFailure {
    /// The helper that holds the cards is not there.
    #[serde(skip)]
    HelperDown,
    /// The module of the card's maker is not there, or none was named.
    ModuleMissing,
    /// No certificate card is in any reader (9056).
    NoToken,
    /// A card without a certificate to sign in by (4034).
    #[serde(skip)]
    NotACertificateCard,
    /// No issuer that is trusted made its certificate.
    #[serde(skip)]
    UnknownIssuer,
    /// Its certificate is not valid yet.
    #[serde(skip)]
    NotYet,
    /// Its certificate is not valid any more (9140).
    #[serde(skip)]
    Expired,
    /// Its certificate was revoked (9130).
    #[serde(skip)]
    Revoked {
        /// Seconds since 1970.
        since: i64,
    },
    /// What was heard of revoked certificates is too old.
    #[serde(skip)]
    ListTooOld {
        /// By so many days; `u32::MAX` where nothing was ever heard.
        days: u32,
    },
    /// This site does not know the time well enough to judge.
    #[serde(skip)]
    Clock,
    /// Another card than was chosen (4034 where it should be a professional's).
    #[serde(skip)]
    WrongKind {
        /// It is this one.
        is: CardKind,
    },
    /// No PIN has so many characters: the card was not asked.
    PinLength,
    /// The PIN is wrong (5102).
    PinWrong {
        /// If it is wrong once more the card locks.
        last_try: bool,
    },
    /// The card is locked (5122).
    PinLocked,
    /// Somebody pressed cancel on the reader's pad, or nothing for too long.
    PadCancelled,
    /// The card was pulled, or another one is there now.
    Removed,
    /// The card or its module does not come back (4000).
    Hung,
    /// What came is no signature of this card's.
    #[serde(skip)]
    BadSignature,
    /// The card or its module refuses, for a reason of its own.
    Refused,
}

impl LoginFailure {
    /// A stable name for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::HelperDown => "helper-down",
            Self::ModuleMissing => "module-missing",
            Self::NoToken => "no-token",
            Self::NotACertificateCard => "not-a-certificate-card",
            Self::UnknownIssuer => "unknown-issuer",
            Self::NotYet => "not-yet",
            Self::Expired => "expired",
            Self::Revoked { .. } => "revoked",
            Self::ListTooOld { .. } => "list-too-old",
            Self::Clock => "clock",
            Self::WrongKind { .. } => "wrong-kind",
            Self::PinLength => "pin-length",
            Self::PinWrong { last_try: false } => "pin-wrong",
            Self::PinWrong { last_try: true } => "pin-last-try",
            Self::PinLocked => "pin-locked",
            Self::PadCancelled => "pad-cancelled",
            Self::Removed => "removed",
            Self::Hung => "hung",
            Self::BadSignature => "bad-signature",
            Self::Refused => "refused",
        }
    }

    /// What to do, in Chinese.
    #[must_use]
    pub fn zh(self) -> String {
        match self {
            Self::HelperDown => "讀卡程式未執行，系統會自動重新啟動；請稍候再按一次登入".to_owned(),
            Self::ModuleMissing => "找不到憑證卡元件（PKCS#11），請管理者安裝並以 --card-module 指定".to_owned(),
            Self::NoToken => "讀不到憑證卡，請將卡片晶片朝上插入讀卡機後再試（9056）".to_owned(),
            Self::NotACertificateCard => "這張卡片沒有可登入的憑證，請改插所選的卡片（4034）".to_owned(),
            Self::UnknownIssuer => "卡片憑證不是本系統信任的機關簽發，請改用其他卡片".to_owned(),
            Self::NotYet => "卡片憑證尚未生效，請核對本機日期，或生效後再登入".to_owned(),
            Self::Expired => "卡片憑證已逾有效期限，請向發卡機關換發（9140）".to_owned(),
            Self::Revoked { since } => match day(since) {
                Some(day) => format!("卡片憑證自 {day} 起已停用，不能登入；請洽發卡機關（9130）"),
                None => "卡片憑證已停用，不能登入；請洽發卡機關（9130）".to_owned(),
            },
            Self::ListTooOld { days: u32::MAX } => "尚未收到憑證停用名單，請恢復與中心的連線後再登入".to_owned(),
            Self::ListTooOld { days } => {
                format!("憑證停用名單已 {days} 天未更新，無法確認卡片是否停用；請恢復與中心的連線後再登入")
            }
            Self::Clock => "本機時間不準，無法判斷憑證是否有效；請恢復與中心的連線以校正時間".to_owned(),
            Self::WrongKind { is } => {
                let number = if is == CardKind::Professional { "" } else { "（4034）" };
                format!("這是{}，與所選的卡片不同；請改選「{}」或換一張卡片{number}", is.zh(), is.zh())
            }
            Self::PinLength => "PIN 碼長度不符，尚未送到卡片，不計錯誤次數；請重新輸入".to_owned(),
            Self::PinWrong { last_try: false } => "PIN 碼錯誤，請確認後重新輸入；連續錯誤會鎖卡（5102）".to_owned(),
            Self::PinWrong { last_try: true } => {
                "PIN 碼錯誤，只剩最後一次，再錯就會鎖卡；沒有把握請勿再試，先洽發卡機關（5102）".to_owned()
            }
            Self::PinLocked => "卡片已鎖住，請洽發卡機關解鎖，或改用其他卡片登入（5122）".to_owned(),
            Self::PadCancelled => "讀卡機鍵盤上已取消或逾時未輸入；請再按一次登入".to_owned(),
            Self::Removed => "卡片已取出或換成另一張；請插回卡片，從頭再登入一次".to_owned(),
            Self::Hung => "卡片沒有回應，請取出卡片重插後再試（4000）".to_owned(),
            Self::BadSignature => "卡片的簽章與其憑證不符，不能登入；請改用其他卡片並通知管理者".to_owned(),
            Self::Refused => "卡片或其元件拒絕簽章；請取出卡片重插後再試，仍不行請洽發卡機關".to_owned(),
        }
    }

    /// What to do, in English.
    #[must_use]
    pub fn en(self) -> String {
        match self {
            Self::HelperDown => "the card program does not run; it is started again: sign in again in a moment".to_owned(),
            Self::ModuleMissing => {
                "the module of the card's maker (PKCS#11) is missing: install it and name it with --card-module"
                    .to_owned()
            }
            Self::NoToken => "no certificate card is read: put it in with the chip up and try again (9056)".to_owned(),
            Self::NotACertificateCard => {
                "the card has no certificate to sign in by: put in the card that was chosen (4034)".to_owned()
            }
            Self::UnknownIssuer => "no issuer that is trusted here made the card: use another card".to_owned(),
            Self::NotYet => {
                "the card is not valid yet: check this machine's date, or sign in when the card is valid".to_owned()
            }
            Self::Expired => "the card has expired: have its issuer renew it (9140)".to_owned(),
            Self::Revoked { since } => match day(since) {
                Some(day) => format!("the card was revoked on {day}: ask its issuer (9130)"),
                None => "the card was revoked: ask its issuer (9130)".to_owned(),
            },
            Self::ListTooOld { days: u32::MAX } => {
                "no list of revoked cards has come yet: sign in when the line to the centre is back".to_owned()
            }
            Self::ListTooOld { days } => format!(
                "the list of revoked cards is {days} days old, too old to judge by: sign in when the line to the centre is back"
            ),
            Self::Clock => {
                "this machine's time is too doubtful to judge a card by: let it reach the centre, which corrects it"
                    .to_owned()
            }
            Self::WrongKind { is } => {
                let number = if is == CardKind::Professional { "" } else { " (4034)" };
                format!("this is a {}, not the card that was chosen: choose that kind or another card{number}", is.en())
            }
            Self::PinLength => {
                "no PIN has that length: the card was not asked and no try was counted. Type it again".to_owned()
            }
            Self::PinWrong { last_try: false } => {
                "the PIN is wrong: check it and type it again; the card locks after some wrong ones (5102)".to_owned()
            }
            Self::PinWrong { last_try: true } => {
                "the PIN is wrong, and one more wrong one locks the card: unless you are sure ask its issuer first (5102)"
                    .to_owned()
            }
            Self::PinLocked => "the card is locked: ask its issuer to unlock it, or use another card (5122)".to_owned(),
            Self::PadCancelled => "the reader's pad was cancelled or left alone for too long: sign in again".to_owned(),
            Self::Removed => "the card was taken out or swapped: put it back and sign in from the beginning".to_owned(),
            Self::Hung => "the card does not answer: take it out, put it in again and try again (4000)".to_owned(),
            Self::BadSignature => {
                "the card's signature does not fit its certificate: use another card and tell the operator".to_owned()
            }
            Self::Refused => {
                "the card or its module refuses: take it out, put it in again; if that does not help ask its issuer"
                    .to_owned()
            }
        }
    }
}

/// The day in Taipei; none where a list says nonsense.
fn day(second: i64) -> Option<chrono::NaiveDate> {
    (0..=253_402_300_799).contains(&second).then(|| taipei_day(second))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [LoginFailure; 21] = [
        LoginFailure::HelperDown,
        LoginFailure::ModuleMissing,
        LoginFailure::NoToken,
        LoginFailure::NotACertificateCard,
        LoginFailure::UnknownIssuer,
        LoginFailure::NotYet,
        LoginFailure::Expired,
        LoginFailure::Revoked { since: 1_580_947_200 },
        LoginFailure::ListTooOld { days: 9 },
        LoginFailure::Clock,
        LoginFailure::WrongKind { is: CardKind::Citizen },
        LoginFailure::PinLength,
        LoginFailure::PinWrong { last_try: false },
        LoginFailure::PinWrong { last_try: true },
        LoginFailure::PinLocked,
        LoginFailure::PadCancelled,
        LoginFailure::Removed,
        LoginFailure::Hung,
        LoginFailure::BadSignature,
        LoginFailure::Refused,
        LoginFailure::ListTooOld { days: u32::MAX },
    ];

    #[test]
    fn each_has_a_name_of_its_own_and_says_what_to_do() {
        let codes: std::collections::BTreeSet<_> = ALL.iter().map(|failure| failure.code()).collect();
        assert_eq!(codes.len(), ALL.len() - 1, "a list that is too old and one that never came share theirs");
        for failure in ALL {
            let (zh, en) = (failure.zh(), failure.en());
            assert!(zh.contains(['請', '，', '；']) && en.contains([':', ';']), "{zh} / {en}");
        }
    }

    #[test]
    fn the_numbers_that_pharmacists_know_stand_beside_the_words() {
        for (failure, number) in [
            (LoginFailure::NotACertificateCard, "4034"),
            (LoginFailure::WrongKind { is: CardKind::Institution }, "4034"),
            (LoginFailure::PinWrong { last_try: false }, "5102"),
            (LoginFailure::PinWrong { last_try: true }, "5102"),
            (LoginFailure::PinLocked, "5122"),
            (LoginFailure::NoToken, "9056"),
            (LoginFailure::Revoked { since: 0 }, "9130"),
            (LoginFailure::Expired, "9140"),
            (LoginFailure::Hung, "4000"),
        ] {
            assert!(failure.zh().contains(number) && failure.en().contains(number), "{failure:?}");
        }
        let professional = LoginFailure::WrongKind { is: CardKind::Professional };
        assert!(!professional.zh().contains("4034"), "it is one");
        assert!(LoginFailure::Revoked { since: 1_580_947_200 }.zh().contains("2020-02-06"));
        assert!(!LoginFailure::Revoked { since: i64::MIN }.en().contains("on "));
    }

    #[test]
    fn the_helper_can_say_only_what_it_can_know() {
        let said = |failure| serde_json::to_string::<LoginFailure>(&failure).ok();
        assert_eq!(said(LoginFailure::PinWrong { last_try: true }).unwrap(), r#"{"pin-wrong":{"last_try":true}}"#);
        for failure in ALL {
            if let Some(text) = said(failure) {
                assert_eq!(serde_json::from_str::<LoginFailure>(&text).unwrap(), failure);
            }
        }
        assert!(serde_json::from_str::<LoginFailure>(r#""expired""#).is_err(), "the edge judges that");
        assert!(serde_json::from_str::<LoginFailure>(r#""helper-down""#).is_err());
    }
}
