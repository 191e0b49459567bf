//! Why a place is not given: a class and a code for machines, words for the two people at the counter (V2).

use std::fmt;

use chrono::{NaiveDate, NaiveDateTime};

use super::contact::BadContact;
use crate::rules::identity::BadDocument;

/// Why there is no booking, no cancellation, no check-in, now: an answer, not a fault of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BookingRefusal {
    /// The document itself.
    Document(BadDocument),
    /// No round is open (V15).
    Closed {
        /// When the next one opens, as far as is known here, in Taipei's time.
        opens: Option<NaiveDateTime>,
    },
    /// 不符合本期可施打資格: no registered wish and none of the groups (V2).
    NotEligible {
        /// 期別.
        round: u32,
        /// Which of the reasons.
        because: NotEligible,
    },
    /// The person's group comes later.
    NotYet {
        /// From when on, in Taipei's time.
        from: NaiveDateTime,
    },
    /// They have a booking.
    Booked {
        /// Whence that is known.
        known: BookedKnown,
    },
    /// 隱私權公告 was not agreed to (V6).
    Consent,
    /// Name or telephone.
    Contact(BadContact),
    /// There is no such slot in the round.
    NoSlot,
    /// The slot has begun.
    Past,
    /// The venue has closed the slot.
    SlotClosed,
    /// The last dose was too short a time ago.
    Interval {
        /// The first day on which the next may be given.
        from: NaiveDate,
    },
    /// Not a vaccine that they wished for, or not the one of their last dose.
    Brand,
    /// Their group books at venues of other counties only.
    County,
    /// Nothing is left there.
    Full,
    /// There is no such booking.
    Unknown,
    /// It was cancelled already.
    AlreadyCancelled,
    /// They were given the vaccine already.
    Attended,
    /// At the venue: it was cancelled, is at another venue by now, or another came before it.
    NotExpected,
}

/// Why somebody is not eligible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotEligible {
    /// On no list, and in no group without one.
    NotListed,
    /// On the list, which fits no group.
    NoGroup,
}

/// Whence it is known that somebody has a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BookedKnown {
    /// It was made here.
    Own,
    /// The hub says so.
    Hub,
    /// The nation's list says so; what it is cannot be known without a line.
    List,
}

impl BookingRefusal {
    /// The reason's name, for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Document(_) => "document",
            Self::Closed { .. } => "round",
            Self::NotEligible { .. } => "eligible",
            Self::NotYet { .. } => "not-yet",
            Self::Booked { .. } => "booked",
            Self::Consent => "consent",
            Self::Contact(BadContact::NoName | BadContact::Name) => "name",
            Self::Contact(BadContact::Mobile) => "mobile",
            Self::NoSlot => "slot",
            Self::Past => "past",
            Self::SlotClosed => "slot-closed",
            Self::Interval { .. } => "interval",
            Self::Brand => "brand",
            Self::County => "county",
            Self::Full => "full",
            Self::Unknown | Self::AlreadyCancelled => "unknown",
            Self::Attended => "attended",
            Self::NotExpected => "not-expected",
        }
    }

    /// 提示 with reason class and code: `您不符合本期可施打資格[C][R01-2]` (V2). Classes: C the person's conditions, T time,
    /// S the slot, F the form, B a booking that is there or is not.
    #[must_use]
    pub fn modal(&self) -> String {
        format!("{}[{}][{}]", self.zh(), self.class(), self.number())
    }

    /// The reason class.
    #[must_use]
    pub fn class(&self) -> char {
        match self {
            Self::NotEligible { .. } | Self::Interval { .. } | Self::Brand | Self::County => 'C',
            Self::Closed { .. } | Self::NotYet { .. } => 'T',
            Self::NoSlot | Self::Past | Self::SlotClosed | Self::Full => 'S',
            Self::Document(_) | Self::Consent | Self::Contact(_) => 'F',
            Self::Booked { .. } | Self::Unknown | Self::AlreadyCancelled | Self::Attended | Self::NotExpected => 'B',
        }
    }

    /// The code behind the class: which of a class's reasons, and of which round where it is the round's.
    #[must_use]
    pub fn number(&self) -> String {
        match self {
            Self::NotEligible { round, because } => {
                let reason = match because {
                    NotEligible::NotListed => 1,
                    NotEligible::NoGroup => 2,
                };
                format!("R{round:02}-{reason}")
            }
            Self::Interval { .. } => "3".to_owned(),
            Self::Brand => "4".to_owned(),
            Self::County => "5".to_owned(),
            Self::Closed { .. } | Self::NoSlot | Self::Document(_) | Self::Booked { .. } => "1".to_owned(),
            Self::NotYet { .. } | Self::Past | Self::Consent | Self::Unknown => "2".to_owned(),
            Self::SlotClosed | Self::Contact(BadContact::NoName | BadContact::Name) | Self::AlreadyCancelled => {
                "3".to_owned()
            }
            Self::Full | Self::Contact(BadContact::Mobile) | Self::Attended => "4".to_owned(),
            Self::NotExpected => "5".to_owned(),
        }
    }

    /// For the people at the counter, in Chinese; what to do stands in it.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::Document(bad) => bad.zh(),
            Self::Closed { opens: Some(opens) } => {
                format!("目前非開放預約接種登記期間，下次開放：{}", opens.format("%Y/%m/%d %H:%M"))
            }
            Self::Closed { opens: None } => "目前非開放預約接種登記期間，請等候公告".to_owned(),
            Self::NotEligible { .. } => "您不符合本期可施打資格".to_owned(),
            Self::NotYet { from } => format!("您的類別自 {} 起開放預約", from.format("%Y/%m/%d %H:%M")),
            Self::Booked { known: BookedKnown::Own | BookedKnown::Hub } => {
                "已有預約，如需變更請先取消預約再重新登錄".to_owned()
            }
            Self::Booked { known: BookedKnown::List } => {
                "全國資料顯示已有預約（線路中斷，無法顯示內容）；請連線後再讀卡查詢或取消".to_owned()
            }
            Self::Consent => "請先勾選「我已閱讀並同意 隱私權公告」".to_owned(),
            Self::Contact(bad) => bad.zh().to_owned(),
            Self::NoSlot => "查無此施打地點或時段，請重新選擇".to_owned(),
            Self::Past => "此時段已開始或已過，請選擇其他時段".to_owned(),
            Self::SlotClosed => "此時段已停止預約，請選擇其他時段".to_owned(),
            Self::Interval { from } => {
                format!("與前一劑間隔不足，請選擇 {} 以後的日期", from.format("%Y/%m/%d"))
            }
            Self::Brand => "此疫苗廠牌不在您登記的意願內或與前一劑不同，請選擇其他地點".to_owned(),
            Self::County => "您的類別僅能於指定縣市預約，請選擇其他地點".to_owned(),
            Self::Full => "此時段已額滿，請選擇其他時段或地點".to_owned(),
            Self::Unknown => "查無此預約，請確認預約編號或讀取本人健保卡".to_owned(),
            Self::AlreadyCancelled => "此預約已取消，不需再次取消".to_owned(),
            Self::Attended => "此預約已完成接種".to_owned(),
            Self::NotExpected => {
                "此預約目前不在本站名單上（已取消、改至他處，或與較早的預約重複），請讀取本人健保卡查詢目前的預約"
                    .to_owned()
            }
        }
    }

    /// In English.
    #[must_use]
    pub fn en(&self) -> String {
        match self {
            Self::Document(bad) => bad.en(),
            Self::Closed { opens: Some(opens) } => {
                format!("no round is open for booking; the next opens {}", opens.format("%Y-%m-%d %H:%M"))
            }
            Self::Closed { opens: None } => "no round is open for booking: wait for the announcement".to_owned(),
            Self::NotEligible { because: NotEligible::NotListed, .. } => {
                "not eligible in this round: no registered wish, and in none of its groups".to_owned()
            }
            Self::NotEligible { because: NotEligible::NoGroup, .. } => {
                "not eligible in this round: on the list, but in none of its groups".to_owned()
            }
            Self::NotYet { from } => format!("this group may book from {} on", from.format("%Y-%m-%d %H:%M")),
            Self::Booked { known: BookedKnown::Own | BookedKnown::Hub } => {
                "booked already: cancel it first to change it".to_owned()
            }
            Self::Booked { known: BookedKnown::List } => {
                "booked already by the nation's list; what it is cannot be shown without a line: read the card again once there is one".to_owned()
            }
            Self::Consent => "tick that the privacy notice was read and agreed to".to_owned(),
            Self::Contact(bad) => bad.en().to_owned(),
            Self::NoSlot => "no such venue or slot: choose again".to_owned(),
            Self::Past => "the slot has begun: choose a later one".to_owned(),
            Self::SlotClosed => "the venue has closed this slot: choose another".to_owned(),
            Self::Interval { from } => format!("too soon after the last dose: choose {from} or later"),
            Self::Brand => "not a vaccine that was wished for, or not that of the last dose: choose another venue".to_owned(),
            Self::County => "this group books in other counties only: choose another venue".to_owned(),
            Self::Full => "nothing is left in this slot: choose another slot or venue".to_owned(),
            Self::Unknown => "no such booking: check the number, or read the person's card".to_owned(),
            Self::AlreadyCancelled => "cancelled already".to_owned(),
            Self::Attended => "the vaccine has been given already".to_owned(),
            Self::NotExpected => {
                "not expected here now (cancelled, moved, or over another booking): read the card to see what they have".to_owned()
            }
        }
    }
}

impl fmt::Display for BookingRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en())
    }
}

impl From<BadDocument> for BookingRefusal {
    fn from(bad: BadDocument) -> Self {
        Self::Document(bad)
    }
}

impl From<BadContact> for BookingRefusal {
    fn from(bad: BadContact) -> Self {
        Self::Contact(bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modal_says_what_the_manual_prints_with_class_and_code() {
        let refusal = BookingRefusal::NotEligible { round: 1, because: NotEligible::NoGroup };
        assert_eq!(refusal.modal(), "您不符合本期可施打資格[C][R01-2]", "V2");
        let moment = "2021-07-13T10:00:00".parse().ok();
        assert_eq!(
            BookingRefusal::Closed { opens: moment }.modal(),
            "目前非開放預約接種登記期間，下次開放：2021/07/13 10:00[T][1]",
            "V15, V16"
        );
    }
}
