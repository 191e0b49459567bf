//! A version: one dated rule set of a programme, as data (M8, M12, M13, M19-M21;
//! decisions 1-4, 11, 14, 17). Nothing in the rest of the rules knows a mask
//! from a test kit; `programmes/*.toml` are the shipped versions.

use chrono::{Datelike, NaiveDate, WeekdaySet};

use super::identity::DocumentKind;
use super::knowledge::KnowledgeRule;
use crate::entry::Pieces;
use crate::ids::{ProgrammeId, VersionName};

mod bad;
mod parse;
pub(super) mod reader;
mod shipped;
mod versions;

pub use bad::{BadVersion, Shape, Why};
pub use shipped::{shipped, shipped_rounds, shipped_text};
pub use versions::Versions;

/// A version file is never longer, in bytes.
pub const VERSION_BYTES_MAX: usize = 64 * 1024;
/// The longest rolling window, in days.
pub const WINDOW_DAYS_MAX: u32 = 366;
/// The most pieces that any limit can name.
pub const LIMIT_PIECES_MAX: u32 = 1_000;

/// One dated rule set, whole: whatever an earlier version said and this one still means is said again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Version {
    /// The family of rules; stock and quota are counted within it.
    pub programme: ProgrammeId,
    /// Its own name, such as `mask-2020-02-06`.
    pub name: VersionName,
    /// The first business day on which it is in force; it stays until a later one begins.
    pub from: NaiveDate,
    /// What the screens call it.
    pub title: Text,
    /// What is sold.
    pub goods: Goods,
    /// How far back a purchase still counts.
    pub window: Window,
    /// Whether one purchase uses the whole window up, however small (decision 1).
    pub one_purchase_per_window: bool,
    /// How many pieces a card may have in one window.
    pub limit: CardLimits,
    /// Whose card is a child's, for whom child goods are sold (M12); `None` where no difference is made.
    pub child: Option<BornFrom>,
    /// Who may come on which day (M7).
    pub turn: Turn,
    /// How many cards one proxy may carry a day (M20).
    pub proxy: ProxyCards,
    /// NT$ a piece, of either kind (decision 17).
    pub price_ntd_per_piece: u32,
    /// The proposed daily delivery to a site (M19): never a cap on sales.
    pub allotment: Pieces,
    /// 口罩購買說明: the lines that stay visible on the page (M21).
    pub notices: Vec<Text>,
    /// What is special about some kinds of document (M6, decision 4).
    pub documents: Documents,
    /// What a sale may do while the site's time is in doubt.
    pub clock: ClockRule,
    /// What a sale may do while the site's knowledge of the nation is old.
    pub knowledge: KnowledgeRule,
    /// Sales need a list of revoked cards that is no older, in days; `None` where that is not minded.
    pub list_days_max: Option<u32>,
}

/// The same words in both languages of the screens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Text {
    /// Traditional Chinese as used in Taiwan.
    pub zh: String,
    /// English.
    pub en: String,
}

/// What a programme sells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Goods {
    /// The first kind, counted as `adult` everywhere; the only kind of a programme with one.
    pub adult: Good,
    /// The second kind, where there is one.
    pub child: Option<Good>,
}

/// One kind of goods.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Good {
    /// 成人口罩.
    pub name: Text,
    /// 片: what one piece is called.
    pub unit: Text,
}

/// How far a purchase reaches (decision 2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Window {
    /// A purchase on day d blocks d to d + days − 1.
    Rolling {
        /// 1 to [`WINDOW_DAYS_MAX`].
        days: u32,
    },
    /// A purchase blocks the rest of the round that it was made in.
    Round {
        /// 第幾輪.
        number: u32,
        /// The round's first day.
        from: NaiveDate,
        /// The next round's first day, where it is known.
        next: Option<NaiveDate>,
    },
}

/// The limits of the two classes of card.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CardLimits {
    /// Everybody else's.
    pub adult_card: Limits,
    /// A child's (see [`Version::child`]); equal to the adult's where no difference is made.
    pub child_card: Limits,
}

/// How many pieces one card may have in one window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The most adult pieces.
    pub adult: u32,
    /// The most child pieces; 0 where the card may not buy them.
    pub child: u32,
    /// The most pieces of a basket with both kinds.
    pub mixed: u32,
}

/// From which birth on somebody is a child (decision 14).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BornFrom {
    /// Born in this (Gregorian) year or later: "12 or under in 2020" is 2008.
    Year(i32),
    /// Born on this day or later.
    Day(NaiveDate),
}

/// Whose day it is (M7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Everybody on every day.
    Everyone,
    /// By the last digit of the document's number.
    OddEven {
        /// The days of 1, 3, 5, 7, 9.
        odd: WeekdaySet,
        /// The days of 0, 2, 4, 6, 8.
        even: WeekdaySet,
        /// Who may come on any day all the same.
        free_for: Option<BornFrom>,
    },
}

/// How many cards of other people one proxy may carry a day (M20, decision 11).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProxyCards {
    /// Of anybody.
    pub cards_per_day: u32,
    /// Of young people, where more of theirs may be carried.
    pub young: Option<YoungCards>,
}

/// The proxy's limit for young people's cards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct YoungCards {
    /// Who is young here: not always who may buy child goods (2020-02-27).
    pub born_from: BornFrom,
    /// How many cards a day, all cards carried that day counted.
    pub cards_per_day: u32,
}

/// What a version says of single kinds of document.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Documents {
    /// Kinds that cannot buy (M6: 待議).
    pub off: Vec<DocumentKind>,
    /// Kinds that may come on any day.
    pub free_of_turn: Vec<DocumentKind>,
}

/// From which doubt on a site's time is doubtful, and what then (docs/clocks.md).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockRule {
    /// A time that may be off by more, in seconds, is doubtful.
    pub doubt_s_max: u32,
    /// What is done then.
    pub when_doubtful: WhenDoubtful,
}

/// What is done at a doubtful time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhenDoubtful {
    /// Sold, and marked.
    Mark,
    /// Not sold.
    Refuse,
}

impl Default for ClockRule {
    /// What a file means that says nothing: it was written before there was anything to say.
    fn default() -> Self {
        Self { doubt_s_max: 300, when_doubtful: WhenDoubtful::Mark }
    }
}

impl Version {
    /// Reads a version file.
    ///
    /// # Errors
    /// The first field that is missing, unknown or absurd, with its line.
    pub fn parse(text: &str) -> Result<Self, BadVersion> {
        parse::version(text)
    }

    /// Whether the holder's card is a child's (M12).
    #[must_use]
    pub fn is_child(&self, birth: NaiveDate) -> bool {
        self.child.is_some_and(|from| from.includes(birth))
    }

    /// What the holder's card may have in one window.
    #[must_use]
    pub fn limits_for(&self, birth: NaiveDate) -> Limits {
        if self.is_child(birth) { self.limit.child_card } else { self.limit.adult_card }
    }

    /// How many cards a proxy may carry in all on a day, when the one in hand is of somebody born on `birth`.
    #[must_use]
    pub fn proxy_cards_for(&self, birth: NaiveDate) -> u32 {
        match self.proxy.young {
            Some(young) if young.born_from.includes(birth) => young.cards_per_day,
            Some(_) | None => self.proxy.cards_per_day,
        }
    }
}

impl BornFrom {
    /// Whether somebody born on `birth` is young enough.
    #[must_use]
    pub fn includes(self, birth: NaiveDate) -> bool {
        match self {
            Self::Year(year) => birth.year() >= year,
            Self::Day(day) => birth >= day,
        }
    }
}

impl Text {
    /// Both languages at once.
    #[must_use]
    pub fn new(zh: &str, en: &str) -> Self {
        Self { zh: zh.to_owned(), en: en.to_owned() }
    }
}

#[cfg(test)]
mod tests;
