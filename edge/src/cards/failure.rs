//! Why a card is not read, and what to do about it: the words at the counter.
//!
//! Every way out is the manual's own: 02-健保卡(卡片異常請輸入ID). The numbers of the health insurance's own reader
//! library stand beside them where it has one, for pharmacists know them.

use serde::{Deserialize, Serialize};

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CardFailure {
    /// The card service of the system is not there (pcscd).
    ServiceDown,
    /// The helper that holds the readers is not there.
    HelperDown,
    /// No reader is plugged in.
    NoReader,
    /// No card is in the reader (4013).
    NoCard,
    /// The chip gives no answer to reset.
    Mute,
    /// The contact was lost again and again.
    Unreadable,
    /// The card was pulled before it was read.
    Removed,
    /// The card or its driver does not come back.
    Hung,
    /// Another program holds the reader.
    Busy,
    /// Another card (4033).
    NotNhi,
    /// A NHI card that does not give its record.
    Refused,
    /// Its record cannot be used.
    BadData,
}

impl CardFailure {
    /// A stable name for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::ServiceDown => "service-down",
            Self::HelperDown => "helper-down",
            Self::NoReader => "no-reader",
            Self::NoCard => "no-card",
            Self::Mute => "mute",
            Self::Unreadable => "unreadable",
            Self::Removed => "removed",
            Self::Hung => "hung",
            Self::Busy => "busy",
            Self::NotNhi => "not-nhi",
            Self::Refused => "refused",
            Self::BadData => "bad-data",
        }
    }

    /// What to do, in Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::ServiceDown => "讀卡服務未啟動，系統會自動重試。可先改用「02 卡片異常」手動輸入",
            Self::HelperDown => "讀卡程式未執行，系統會自動重新啟動。可先改用「02 卡片異常」手動輸入",
            Self::NoReader => "找不到讀卡機，請檢查 USB 線",
            Self::NoCard => "請插入健保卡（4013）",
            Self::Mute | Self::Unreadable => "讀不到晶片：請取出卡片、擦拭晶片、晶片朝上再插一次",
            Self::Removed => "卡片太早取出，請再插入並等到畫面顯示",
            Self::Hung => "卡片沒有回應，請取出卡片重插（另一台讀卡機仍可用）",
            Self::Busy => "讀卡機被其他程式使用中，請關閉該程式後重新插卡",
            Self::NotNhi => "這不是健保卡（4033）",
            Self::Refused | Self::BadData => "卡片資料異常，請改用「02 卡片異常」手動輸入並核對身分證件",
        }
    }

    /// What to do, in English.
    #[must_use]
    pub fn en(self) -> &'static str {
        match self {
            Self::ServiceDown => {
                "the card service does not run; it is tried again. Meanwhile choose 02 and type the number"
            }
            Self::HelperDown => {
                "the card program does not run; it is started again. Meanwhile choose 02 and type the number"
            }
            Self::NoReader => "no reader is found: check its USB cable",
            Self::NoCard => "put in the NHI card (4013)",
            Self::Mute | Self::Unreadable => {
                "the chip cannot be read: take the card out, wipe the chip, put it in again with the chip up"
            }
            Self::Removed => "the card was taken out too early: put it in again and wait for the screen",
            Self::Hung => "the card does not answer: take it out and put it in again (the other reader still works)",
            Self::Busy => "another program uses the reader: close it and put the card in again",
            Self::NotNhi => "this is no NHI card (4033)",
            Self::Refused | Self::BadData => {
                "the card's data cannot be used: choose 02, type the number and check the identity document"
            }
        }
    }
}
