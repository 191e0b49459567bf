//! How the line stands, in plain words for the pages' status line and `/api/v1/status`.

use super::drive::News;
use crate::fault::Fault;

/// What the line is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineState {
    /// This site has no certificate yet.
    #[default]
    NotEnrolled,
    /// The file `line-cut` is there (a rehearsal).
    Cut,
    /// Trying to reach the hub.
    Dialling,
    /// Greeted; facts go both ways.
    Connected,
    /// The last try failed; the next comes by itself.
    Waiting,
    /// The program is ending.
    Stopped,
}

impl LineState {
    /// A stable name for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotEnrolled => "not-enrolled",
            Self::Cut => "cut",
            Self::Dialling => "dialling",
            Self::Connected => "connected",
            Self::Waiting => "waiting",
            Self::Stopped => "stopped",
        }
    }

    /// In Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::NotEnrolled => "尚未向中心註冊",
            Self::Cut => "演練斷線中",
            Self::Dialling => "連線中…",
            Self::Connected => "已連線",
            Self::Waiting => "離線（會自動重新連線）",
            Self::Stopped => "程式結束中",
        }
    }

    /// In English.
    #[must_use]
    pub fn en(self) -> &'static str {
        match self {
            Self::NotEnrolled => "not enrolled with a hub",
            Self::Cut => "line cut for a rehearsal",
            Self::Dialling => "dialling…",
            Self::Connected => "connected",
            Self::Waiting => "offline (it reconnects by itself)",
            Self::Stopped => "stopping",
        }
    }
}

/// A moment by the monotonic clock, in milliseconds: who sets the wall clock moves no history.
pub type Moment = u64;

/// Why the last line ended or was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: Moment,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// The state of the line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineStatus {
    /// What it is doing.
    pub state: LineState,
    /// Since when it is up, while it is.
    pub connected_since: Option<Moment>,
    /// When something was last exchanged.
    pub last_success: Option<Moment>,
    /// When the hub was last dialled.
    pub last_attempt: Option<Moment>,
    /// What happened last that should not.
    pub last_failure: Option<Failure>,
    /// Whether the last line came as far as the greeting.
    pub(super) opened_last: bool,
}

impl LineStatus {
    pub(super) fn set(&mut self, state: LineState) {
        self.state = state;
        self.connected_since = None;
    }

    pub(super) fn dialling(&mut self, now: Moment) {
        self.set(LineState::Dialling);
        self.last_attempt = Some(now);
        self.opened_last = false;
    }

    pub(super) fn news(&mut self, news: News, now: Moment) {
        self.last_success = Some(now);
        match news {
            News::Opened => {
                self.state = LineState::Connected;
                self.connected_since = Some(now);
                self.opened_last = true;
            }
            News::Exchanged => {}
        }
    }

    /// The line ended, or could not be made.
    pub fn failed(&mut self, fault: &Fault, now: Moment) {
        self.set(LineState::Waiting);
        self.last_failure = Some(Failure { at: now, zh: fault.zh.clone(), en: fault.en.clone() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_tells_a_line_from_dialling_to_its_end() {
        let mut status = LineStatus::default();
        assert_eq!(status.state.code(), "not-enrolled");
        status.dialling(10);
        status.news(News::Opened, 11);
        status.news(News::Exchanged, 15);
        assert_eq!(
            (status.state, status.connected_since, status.last_success),
            (LineState::Connected, Some(11), Some(15))
        );
        status.failed(&Fault::new("line-closed", "中心結束了連線", "the hub ended the line"), 20);
        assert_eq!((status.state, status.connected_since, status.last_success), (LineState::Waiting, None, Some(15)));
        assert_eq!(status.last_failure.unwrap().en, "the hub ended the line");
    }
}
