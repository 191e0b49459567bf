//! What can go wrong with a node, as opposed to what it refuses.

use chrono::NaiveDate;
use shared::entry::access::Right;
use shared::ids::{DocId, EntryId};
use shared::ledger::chain::Full;
use shared::ledger::run::BadRun;
use shared::rules::access::card::CardKind;
use shared::rules::access::{Denied, Void};
use shared::rules::calendar::{roc_date, taipei_day};
use shared::rules::refusal::Refusal;
use shared::seal::SealError;
use shared::sign::slip::BadSlip;
use shared::wire::v1::WireError;

use crate::keys::KeyError;
use crate::nation::NationError;
use crate::store::StoreError;

/// Outer result: is the machine healthy, and was the question one? Inner: may this person have it?
pub type Answer<T> = Result<Result<T, Refusal>, NodeError>;

/// A fault.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A write failed earlier; what is on the disk is not known, so nothing is promised any more.
    #[error("this node has stopped selling and must be restarted: {why}")]
    Stopped {
        /// The first failure.
        why: String,
    },
    /// The question itself is wrong: whoever asked must ask otherwise.
    #[error(transparent)]
    Ask(#[from] BadAsk),
    /// The disk.
    #[error("use the site's store")]
    Store(#[from] StoreError),
    /// What is known of the nation.
    #[error("use what is known of the nation")]
    Nation(#[from] NationError),
    /// The site's keys.
    #[error("use the site's keys")]
    Keys(#[from] SealError),
    /// The incarnation's stamp cannot be written, so no new life can begin.
    #[error("stamp a new incarnation")]
    Stamp(#[source] KeyError),
    /// The document of the day is full.
    #[error("append to the ledger of today")]
    Full(#[from] Full),
    /// An entry would be outside what a ledger can hold, by a clock beyond every calendar for example.
    #[error("make an entry that can be read again")]
    Unreadable(#[source] WireError),
    /// An entry of our own cannot be read.
    #[error("read the entry {id} of this site's log")]
    Damaged {
        /// Which.
        id: EntryId,
        /// Why.
        #[source]
        cause: WireError,
    },
    /// The disk gives back other bytes than it was given.
    #[error("{what} is not what was written: the disk has altered the site's store")]
    Altered {
        /// What differs.
        what: &'static str,
    },
    /// What came down is no run.
    #[error("check a run of {doc} from the hub")]
    Run {
        /// Of which document.
        doc: DocId,
        /// Why.
        #[source]
        cause: BadRun,
    },
    /// The hub sent what is not for this site.
    #[error("the hub sent {doc}, which is not for this site")]
    Foreign {
        /// The document.
        doc: DocId,
    },
    /// An entry of this site's that the hub gave back is none, or is sealed under a secret that is not here.
    #[error("the hub gave back {entry}, which cannot be read here")]
    GivenBack {
        /// Which.
        entry: EntryId,
    },
    /// Entries of the hub are missing.
    #[error("the hub's run begins at {entry} of {doc}, and {known} entries are known")]
    Gap {
        /// The document.
        doc: DocId,
        /// The first entry of the run.
        entry: EntryId,
        /// How many are known of its actor.
        known: u32,
    },
    /// The hub says two things of one entry.
    #[error("the hub sent another entry {entry} of {doc} than before")]
    Contradiction {
        /// The document.
        doc: DocId,
        /// The entry.
        entry: EntryId,
    },
}

/// A question that no counter of ours asks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAsk {
    /// The name of who stands at the counter.
    #[error("the name is longer than {bytes_max} bytes")]
    Name {
        /// The limit.
        bytes_max: usize,
    },
    /// The reason of a correction or a withdrawal.
    #[error("a reason is needed, of at most {bytes_max} bytes")]
    Reason {
        /// The limit.
        bytes_max: usize,
    },
    /// The request key.
    #[error("a request key has 1 to {bytes_max} bytes")]
    RequestKey {
        /// The limit.
        bytes_max: usize,
    },
    /// A person's number in a text that is kept in clear.
    #[error("names, reasons and request keys are kept as they are: leave identity and phone numbers out")]
    Personal,
    /// A request key that stands for something else.
    #[error("this request key was used for another request: take a new one")]
    RequestReused,
    /// Only who is refused because of what was bought can dispute it.
    #[error("this person is not refused: there is nothing to dispute")]
    NotRefused,
    /// The hub is of an earlier version, or was never met.
    #[error(
        "the hub does not take disputes yet, or has not been reached since this program was renewed: connect, or tell the hub in another way"
    )]
    NoDisputes,
    /// Nobody has signed in at this counter, and this site asks for it.
    #[error("sign in first: this site says who may stand at its counters")]
    NotSignedIn,
    /// Whoever has signed in lacks the right.
    #[error("{} is not yours here: {}", .right.en(), denied_en(.denied))]
    NoRight {
        /// Which right.
        right: Right,
        /// Why.
        denied: Denied,
    },
    /// Whoever has signed in may not give or take that right.
    #[error("it is not yours to give or take the right of a {}", .right.en())]
    NotYours {
        /// Which right.
        right: Right,
    },
    /// The list of revoked cards is older than the version in force allows.
    #[error("the list of revoked cards is {} old: looking is allowed, selling only once the hub has been reached", days_en(*.days))]
    ListTooOld {
        /// How old, in days; `u32::MAX` where none has come.
        days: u32,
    },
    /// The hub has said that the card is revoked.
    #[error("the card is revoked since {}: nobody sells with it any more; ask its issuer (9130)", taipei_day(*.since))]
    CardRevoked {
        /// Since when, in seconds since 1970.
        since: i64,
    },
    /// A right is given for a while.
    #[error("a right is given for at most {days_max} days from today")]
    GrantDay {
        /// The limit.
        days_max: u64,
    },
    /// The right is not for such a card (S17, S18).
    #[error("a {} does not sign in with a {}", .right.en(), .card.en())]
    WrongCard {
        /// The right.
        right: Right,
        /// The card.
        card: CardKind,
    },
    /// Whose NHI card it is cannot be read.
    #[error("the number or the birth date of the NHI card's holder cannot be used")]
    GrantDocument,
    /// It would give nothing.
    #[error("this would give nothing ({}): sign in again and repeat it", .why.code())]
    GrantVoid {
        /// Why.
        why: Void,
    },
    /// The service is open here, or asked for already.
    #[error("there is nothing to ask for: the service is open here, or it was asked for already")]
    NothingToApply,
    /// Nobody of that name ever had a right here.
    #[error("nobody like that has this right at this site")]
    NobodySuch,
    /// The hub is of an earlier version, or was never met.
    #[error("the hub does not read rights yet, or has not been reached since this program was renewed: connect first")]
    NoAccess,
    /// The hub is of an earlier version, or was never met.
    #[error(
        "the hub does not take bookings yet, or has not been reached since this program was renewed: connect first"
    )]
    NoBooking,
    /// The hub's public key is not here.
    #[error("this site has never met its hub, by whose key slips are checked: connect first")]
    NoHubKey,
    /// What was scanned is no slip that holds.
    #[error(transparent)]
    Slip(BadSlip),
    /// Who comes on another day is booked for that one.
    #[error("this booking is for {date}, not for today: who misses the day books again in the next round")]
    NotToday {
        /// Which day.
        date: NaiveDate,
    },
    /// The lot of a vaccine.
    #[error("the lot is needed, of at most {bytes_max} bytes")]
    Lot {
        /// The limit.
        bytes_max: usize,
    },
    /// A sale that is recorded cannot lie in the future.
    #[error("the sale's time lies in the future")]
    Future,
    /// Nor so far in the past that nobody remembers.
    #[error("the sale's time is more than {days_max} days ago")]
    LongAgo {
        /// The limit.
        days_max: u32,
    },
}

impl BadAsk {
    /// A name for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } => "name",
            Self::Reason { .. } => "reason",
            Self::RequestKey { .. } => "request-key",
            Self::Personal => "personal",
            Self::RequestReused => "request-reused",
            Self::NotRefused => "not-refused",
            Self::NoDisputes => "no-disputes",
            Self::NotSignedIn => "not-signed-in",
            Self::NoRight { .. } => "no-right",
            Self::NotYours { .. } => "not-yours",
            Self::ListTooOld { .. } => "list-too-old",
            Self::CardRevoked { .. } => "revoked",
            Self::GrantDay { .. } => "grant-day",
            Self::WrongCard { .. } => "wrong-card",
            Self::GrantDocument => "grant-document",
            Self::GrantVoid { .. } => "grant-void",
            Self::NothingToApply => "nothing-to-apply",
            Self::NobodySuch => "nobody-such",
            Self::NoAccess => "no-access",
            Self::NoBooking => "no-booking",
            Self::NoHubKey => "no-hub-key",
            Self::Slip(_) => "slip",
            Self::NotToday { .. } => "not-today",
            Self::Lot { .. } => "lot",
            Self::Future => "future",
            Self::LongAgo { .. } => "long-ago",
        }
    }

    /// For the person at the counter, in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::Name { bytes_max } => format!("經辦人姓名過長（上限 {bytes_max} 位元組）"),
            Self::Reason { bytes_max } => format!("請填寫原因（上限 {bytes_max} 位元組）"),
            Self::RequestKey { bytes_max } => format!("要求識別碼長度須為 1 至 {bytes_max} 位元組"),
            Self::Personal => "姓名、原因與要求識別碼會以原文保存，請勿填寫證號或電話號碼".to_owned(),
            Self::RequestReused => "此要求識別碼已用於其他交易，請重新操作".to_owned(),
            Self::NotRefused => "此人目前可以購買，沒有可提出異議之處".to_owned(),
            Self::NoDisputes => {
                "中心目前尚不受理線上異議，或本程式更新後尚未連線；請先連線，或以其他方式洽詢中心".to_owned()
            }
            Self::NotSignedIn => "本機構已設定使用者，請先登入（醫事機構登入）".to_owned(),
            Self::NoRight { right, denied } => {
                format!("您目前不能使用「{}」：{}。請洽本機構的機構管理者", right.zh(), denied_zh(denied))
            }
            Self::NotYours { right } => {
                format!("您不能設定「{}」：機構代表設定機構管理者，機構管理者設定使用者與其可使用之服務", right.zh())
            }
            Self::ListTooOld { days } => {
                format!("憑證撤銷名單{}，可查詢但不可販售；請先連線取得新名單", days_zh(*days))
            }
            Self::CardRevoked { since } => {
                format!("卡片憑證自 {} 起已停用，不能繼續作業；請洽發卡機關（9130）", taipei_day(*since))
            }
            Self::GrantDay { days_max } => format!("有效期限須自今日起 {days_max} 日內"),
            Self::WrongCard { right, card } => {
                format!(
                    "「{}」不能使用{}登入（機構代表用醫事機構卡或政府單位憑證卡，其餘用本人的卡）",
                    right.zh(),
                    card.zh()
                )
            }
            Self::GrantDocument => "健保卡持卡人的證號或出生日期無法使用，請重新插卡或輸入".to_owned(),
            Self::GrantVoid { .. } => "此授權不會生效，請重新登入後再試一次".to_owned(),
            Self::NothingToApply => "此服務已可使用，或已申請待核".to_owned(),
            Self::NobodySuch => "本機構沒有這位使用者，或其目前沒有此權限".to_owned(),
            Self::NoAccess => "中心尚未受理機構權限，或本程式更新後尚未連線；請先連線".to_owned(),
            Self::NoBooking => "中心尚未受理預約登錄，或本程式更新後尚未連線；請先連線".to_owned(),
            Self::NoHubKey => "本站尚未與中心連線過，沒有核對預約單的公鑰；請先連線".to_owned(),
            Self::Slip(bad) => bad.zh().to_owned(),
            Self::NotToday { date } => {
                format!("此預約日期為 {}，不是今日；當日未到者請於下一期重新預約", date.format("%Y/%m/%d"))
            }
            Self::Lot { bytes_max } => format!("請填寫疫苗批號（上限 {bytes_max} 位元組）"),
            Self::Future => "補登的購買時間不可晚於現在".to_owned(),
            Self::LongAgo { days_max } => format!("補登的購買時間不可早於 {days_max} 日前"),
        }
    }

    /// For the person at the counter, in English.
    #[must_use]
    pub fn en(&self) -> String {
        self.to_string()
    }
}

/// Why somebody lacks a right, in Chinese.
#[must_use]
pub(super) fn denied_zh(denied: &Denied) -> String {
    match denied {
        Denied::NeverGiven => "尚未授權".to_owned(),
        Denied::Expired { until } => format!("授權已於 {} 到期", roc_date(*until)),
        Denied::Withdrawn { at, reason } => {
            format!("授權已於 {} 收回（{reason}）", roc_date(taipei_day(at.second)))
        }
        Denied::ServiceRefused { reason } => format!("中心未核可本機構使用此服務（{reason}）"),
    }
}

/// The same in English.
#[must_use]
pub(super) fn denied_en(denied: &Denied) -> String {
    match denied {
        Denied::NeverGiven => "it was never given; ask this site's manager".to_owned(),
        Denied::Expired { until } => format!("it ended on {until}; ask this site's manager"),
        Denied::Withdrawn { at, reason } => {
            format!("it was taken back on {} ({reason}); ask this site's manager", taipei_day(at.second))
        }
        Denied::ServiceRefused { reason } => format!("the hub has not approved it for this site ({reason})"),
    }
}

fn days_zh(days: u32) -> String {
    if days == u32::MAX { "尚未取得".to_owned() } else { format!("已有 {days} 天未更新") }
}

fn days_en(days: u32) -> String {
    if days == u32::MAX { "not here: it is endlessly".to_owned() } else { format!("{days} days") }
}
