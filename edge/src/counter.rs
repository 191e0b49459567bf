//! One counter's screen, as a pure machine (M10, M14, M16, M17).
//!
//! Nobody → somebody examined → asked 「是否確定購買?」 → sold. A second 資格審核 without 清除
//! is refused, so that one customer's masks are never written to another. The machine decides
//! nothing about rules: it keeps what the screen shows and what may be pressed next.

use shared::rules::refusal::Refusal;

use crate::node::ask::DocumentText;

/// What was typed at the counter, as it was typed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Typed {
    /// 身分別: 01 to 05.
    pub kind: String,
    /// 證號.
    pub number: String,
    /// 出生日期.
    pub birth: String,
}

impl From<&Typed> for DocumentText {
    fn from(typed: &Typed) -> Self {
        Self { kind: typed.kind.clone(), number: typed.number.clone(), birth: typed.birth.clone() }
    }
}

impl std::fmt::Debug for Typed {
    /// Never the number: a screen's state may end up in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Typed(kind {:?})", self.kind)
    }
}

/// The pieces that are about to be bought, under the key that makes it one sale however often
/// 確定 is pressed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Basket {
    /// The request's key.
    pub request: String,
    /// 成人口罩片數.
    pub adult: i64,
    /// 兒童口罩片數.
    pub child: i64,
    /// The proxy's document (M20), where there is one.
    pub proxy: Option<Typed>,
    /// Who stands for it, where the version wants a second person.
    pub manager: Option<String>,
}

/// Where the screen is. `E` is what an examination found, `S` what a sale gave.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Counter<E, S> {
    /// Nobody stands there.
    #[default]
    Idle,
    /// 資格審核 passed: the purchase fields are usable (M10).
    Examined {
        /// Whose document.
        typed: Typed,
        /// What was found.
        found: E,
    },
    /// The dialog 「是否確定購買?」 is open (M14).
    Asked {
        /// Whose document.
        typed: Typed,
        /// What was found.
        found: E,
        /// What would be bought.
        basket: Basket,
    },
    /// Bought; the next customer begins with 清除 (M16).
    Sold {
        /// The receipt.
        sale: S,
    },
}

/// What was pressed cannot be pressed now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OutOfTurn {
    /// Refused by the manual's own words.
    Refused(Refusal),
    /// 購買 or 確定 without a passed 資格審核.
    NobodyExamined,
}

impl<E, S> Counter<E, S> {
    /// Whether 資格審核 may be pressed (M16).
    ///
    /// # Errors
    /// `ClearFirst` where the last customer has not been cleared.
    pub fn may_examine(&self) -> Result<(), OutOfTurn> {
        match self {
            Self::Idle => Ok(()),
            Self::Examined { .. } | Self::Asked { .. } | Self::Sold { .. } => {
                Err(OutOfTurn::Refused(Refusal::ClearFirst))
            }
        }
    }

    /// 資格審核 passed.
    ///
    /// # Errors
    /// `ClearFirst` where the last customer has not been cleared.
    pub fn examined(&mut self, typed: Typed, found: E) -> Result<(), OutOfTurn> {
        self.may_examine()?;
        *self = Self::Examined { typed, found };
        Ok(())
    }

    /// 購買 was pressed: opens the dialog.
    ///
    /// # Errors
    /// Where nobody was examined.
    pub fn ask(&mut self, basket: Basket) -> Result<(), OutOfTurn> {
        match std::mem::take(self) {
            Self::Examined { typed, found } | Self::Asked { typed, found, basket: _ } => {
                *self = Self::Asked { typed, found, basket };
                Ok(())
            }
            other @ (Self::Idle | Self::Sold { .. }) => {
                *self = other;
                Err(OutOfTurn::NobodyExamined)
            }
        }
    }

    /// 取消 was pressed, or the purchase was refused: back to the fields. Elsewhere nothing happens.
    pub fn cancel(&mut self) {
        *self = match std::mem::take(self) {
            Self::Asked { typed, found, basket: _ } => Self::Examined { typed, found },
            other @ (Self::Idle | Self::Examined { .. } | Self::Sold { .. }) => other,
        };
    }

    /// What 確定 would buy.
    ///
    /// # Errors
    /// Where the dialog is not open.
    pub fn to_confirm(&self) -> Result<(&Typed, &E, &Basket), OutOfTurn> {
        match self {
            Self::Asked { typed, found, basket } => Ok((typed, found, basket)),
            Self::Idle | Self::Examined { .. } | Self::Sold { .. } => Err(OutOfTurn::NobodyExamined),
        }
    }

    /// The purchase `request` is on the disk. A late answer to another customer's changes nothing.
    pub fn sold(&mut self, request: &str, sale: S) {
        if self.asks(request) {
            *self = Self::Sold { sale };
        }
    }

    /// Whether the dialog is open under this key.
    #[must_use]
    pub fn asks(&self, request: &str) -> bool {
        matches!(self, Self::Asked { basket, .. } if basket.request == request)
    }

    /// 清除.
    pub fn clear(&mut self) {
        *self = Self::Idle;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Plain = Counter<u32, &'static str>;

    fn typed(number: &str) -> Typed {
        Typed { kind: "01".to_owned(), number: number.to_owned(), birth: "19860315".to_owned() }
    }

    fn basket(request: &str) -> Basket {
        Basket { request: request.to_owned(), adult: 2, child: 0, proxy: None, manager: None }
    }

    fn examined() -> Plain {
        let mut counter = Plain::default();
        counter.examined(typed("A"), 2).unwrap();
        counter
    }

    fn asked() -> Plain {
        let mut counter = examined();
        counter.ask(basket("r1")).unwrap();
        counter
    }

    fn sold() -> Plain {
        let mut counter = asked();
        counter.sold("r1", "sold");
        counter
    }

    #[test]
    fn m14_the_button_opens_the_dialog_and_only_then_is_sold() {
        assert_eq!(sold(), Plain::Sold { sale: "sold" });
        let mut early = examined();
        early.sold("r1", "sold");
        assert_eq!(early, examined(), "without the dialog nothing is sold");
        let mut cancelled = asked();
        cancelled.cancel();
        assert_eq!(cancelled, examined());
        assert_eq!(cancelled.to_confirm().unwrap_err(), OutOfTurn::NobodyExamined);
    }

    #[test]
    fn m16_a_second_examination_needs_clear() {
        for (name, mut counter) in [("examined", examined()), ("asked", asked()), ("sold", sold())] {
            let before = counter.clone();
            let refused = counter.examined(typed("B"), 9);
            assert_eq!(refused, Err(OutOfTurn::Refused(Refusal::ClearFirst)), "{name}");
            assert_eq!(counter, before, "{name}: nothing changed");
            counter.clear();
            assert_eq!(counter.examined(typed("B"), 9), Ok(()), "{name} after 清除");
        }
    }

    #[test]
    fn nothing_is_bought_before_an_examination() {
        for mut counter in [Plain::Idle, sold()] {
            let before = counter.clone();
            assert_eq!(counter.ask(basket("r2")), Err(OutOfTurn::NobodyExamined));
            counter.cancel();
            assert_eq!(counter, before);
        }
    }

    #[test]
    fn a_late_answer_does_not_touch_the_next_customer() {
        let mut counter = asked();
        counter.clear();
        counter.examined(typed("B"), 2).unwrap();
        counter.ask(basket("r2")).unwrap();
        counter.sold("r1", "the first customer's");
        assert_eq!(counter.to_confirm().unwrap().2.request, "r2");
    }

    #[test]
    fn a_number_never_reaches_a_log() {
        assert!(!format!("{:?}", asked()).contains("1986"));
        assert!(!format!("{:?}", typed("A123456789")).contains("A123456789"));
    }
}
