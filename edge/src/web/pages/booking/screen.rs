//! What one counter's screen keeps of 登錄預約, in memory and for half an hour at most.

use std::fmt;

use shared::rules::booking::refusal::BookingRefusal;

use super::BookForm;
use crate::counter::Typed;
use crate::node::ask::{Booked, MayBook};
use crate::web::session::random_key;

/// The form as it was typed, and what came of it. `Debug` names nobody.
#[derive(Clone)]
pub struct BookingScreen {
    /// 身分證號 with what belongs to it.
    pub typed: Typed,
    /// 姓名.
    pub name: String,
    /// 手機號碼.
    pub mobile: String,
    /// 選擇接種區域.
    pub area: String,
    /// 選擇施打地點.
    pub venue: String,
    /// 選擇日期/時段.
    pub slot: String,
    /// Another one that would do.
    pub wish: String,
    /// 我已閱讀並同意.
    pub consent: bool,
    /// Who stands at the counter, as they said; unverified.
    pub by: String,
    /// The key that makes it one booking, however often 確認送出 is pressed.
    pub request: String,
    /// The card was read, and they may book.
    pub may: Option<MayBook>,
    /// 提示, until it was seen.
    pub refusal: Option<BookingRefusal>,
    /// 前次預約登錄結果, and the key that makes one cancellation.
    pub has: Option<(Box<Booked>, String)>,
    /// 是否確定取消預約 is asked.
    pub asks_cancel: bool,
}

impl Default for BookingScreen {
    fn default() -> Self {
        Self {
            typed: Typed::default(),
            name: String::new(),
            mobile: String::new(),
            area: String::new(),
            venue: String::new(),
            slot: String::new(),
            wish: String::new(),
            consent: false,
            by: String::new(),
            request: random_key(),
            may: None,
            refusal: None,
            has: None,
            asks_cancel: false,
        }
    }
}

impl fmt::Debug for BookingScreen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BookingScreen({} {} {})", self.area, self.venue, self.slot)
    }
}

impl BookingScreen {
    /// What was typed last. Another area has other venues, and another venue other hours.
    pub(super) fn keep(&mut self, form: BookForm) {
        let BookForm { kind, number, birth, insertion: _, name, mobile, area, venue, slot, wish, consent, by, request } =
            form;
        let typed = Typed { kind, number, birth };
        if typed != self.typed {
            self.may = None;
        }
        let (same_area, same_venue) = (area == self.area, venue == self.venue);
        self.venue = if same_area { venue } else { String::new() };
        let keeps_hours = same_area && same_venue;
        self.slot = if keeps_hours { slot } else { String::new() };
        self.wish = if keeps_hours { wish } else { String::new() };
        (self.typed, self.name, self.mobile, self.area, self.by) = (typed, name, mobile, area, by);
        self.consent = !consent.is_empty();
        if !request.is_empty() {
            self.request = request;
        }
    }
}
