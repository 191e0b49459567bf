//! How much of a digest is asked for at once: so little that an acknowledgement behind it waits a second at most, so
//! much that a fast line is used. Pure.

use shared::wire::v1::message::PIECE_BYTES_MAX;

/// Asked for at first, and at least half of it: a quarter of a second at 64 kbit/s.
const FIRST_BYTES: u32 = 2 * 1024;
/// An answer that takes longer was too much, in milliseconds.
const LONG_MS: u64 = 1_000;
/// An answer that comes sooner was too little, in milliseconds.
const SHORT_MS: u64 = 400;

/// The pace of one line.
#[derive(Debug)]
pub(super) struct Pace {
    most: u32,
    asked_ms: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { most: FIRST_BYTES, asked_ms: 0 }
    }
}

impl Pace {
    /// Something is asked for now: at most so many bytes.
    pub(super) fn ask(&mut self, now_ms: u64) -> u32 {
        self.asked_ms = now_ms;
        self.most
    }

    /// It came.
    pub(super) fn answered(&mut self, now_ms: u64) {
        let took_ms = now_ms.saturating_sub(self.asked_ms);
        if took_ms > LONG_MS {
            self.most = (self.most / 2).max(FIRST_BYTES / 2);
        } else if took_ms < SHORT_MS {
            self.most = (self.most * 2).min(PIECE_BYTES_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes of so many answers over a line of so many bytes a second.
    fn sizes(bytes_a_s: u64, latency_ms: u64, answers: u32) -> Vec<u32> {
        let mut pace = Pace::default();
        let mut now_ms = 0;
        let mut ask = || {
            let most = pace.ask(now_ms);
            now_ms += latency_ms + u64::from(most) * 1_000 / bytes_a_s;
            pace.answered(now_ms);
            most
        };
        (0..answers).map(|_| ask()).collect()
    }

    #[test]
    fn a_slow_line_is_never_filled_for_more_than_a_second_and_a_fast_one_is_used() {
        let slow = sizes(8_000, 50, 50);
        assert!(slow.iter().all(|most| *most <= 8_192), "{slow:?}");
        assert!(slow.iter().skip(5).all(|most| *most >= 2_048), "{slow:?}");
        let very_slow = sizes(1_200, 300, 50);
        assert!(very_slow.iter().skip(3).all(|most| *most <= 2_048), "{very_slow:?}");
        assert_eq!(sizes(10_000_000, 20, 10).last(), Some(&PIECE_BYTES_MAX));
    }
}
