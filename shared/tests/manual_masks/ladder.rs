//! The ladder of knowledge: connected, fresh, stale, very stale, never; and what the version allows at each step.

use crate::counter::check_knowledge;
use crate::{EVEN, ODD};
use shared::rules::knowledge::{Allowed, Heard, KnowledgeRule};
use shared::rules::programme::shipped;

/// As a careful ministry would write it.
const CAREFUL: KnowledgeRule = KnowledgeRule {
    fresh_hours: 3,
    stale_hours: 72,
    connected: Allowed::Sell,
    fresh: Allowed::Sell,
    stale: Allowed::OnePiece,
    very_stale: Allowed::Manager,
    never: Allowed::Refuse,
};
const HOUR_S: u64 = 3_600;

fn ago(hours: u64) -> Heard {
    Heard::Ago { age_s: hours * HOUR_S, doubt_s: 0 }
}

#[test]
fn the_shipped_versions_sell_at_every_step() {
    for (name, _) in shipped() {
        let rule = crate::counter::version(name).knowledge;
        assert_eq!(rule, KnowledgeRule::default(), "{name}");
        for heard in [Heard::Now, ago(3), ago(72), ago(10_000), Heard::Never] {
            check_knowledge(rule, heard, ODD, Some("2+0"), "sold 2");
        }
    }
}

#[test]
fn connected_and_fresh_sell_as_ever() {
    check_knowledge(CAREFUL, Heard::Now, ODD, None, "sold 2");
    check_knowledge(CAREFUL, ago(3), ODD, None, "sold 2");
}

#[test]
fn stale_sells_one_piece() {
    check_knowledge(CAREFUL, ago(4), ODD, None, "sold 1");
    check_knowledge(CAREFUL, ago(4), ODD, Some("1+0"), "sold 1");
    let words = "the nation is known as of 4 hours ago, and the rules sell one piece at a time then";
    check_knowledge(CAREFUL, ago(4), ODD, Some("2+0"), words);
    check_knowledge(CAREFUL, ago(4), ODD, Some("3+0"), "over the limit; at most 2 now");
    check_knowledge(CAREFUL, ago(72), ODD, None, "sold 1");
    // A clock in doubt makes it older: two hours, or ten.
    let doubtful = Heard::Ago { age_s: 2 * HOUR_S, doubt_s: 8 * 3_600 };
    check_knowledge(CAREFUL, doubtful, ODD, None, "sold 1");
}

#[test]
fn very_stale_asks_a_manager_and_only_when_all_else_is_right() {
    let words = "the nation is known as of 4 days ago, and the rules want a manager's word then";
    let with_manager = format!("{ODD} by 林主任");
    check_knowledge(CAREFUL, ago(100), ODD, None, words);
    check_knowledge(CAREFUL, ago(100), &with_manager, None, "sold 2");
    check_knowledge(CAREFUL, ago(100), EVEN, None, "today is for odd numbers");
    check_knowledge(CAREFUL, ago(100), ODD, Some("3+0"), "over the limit");
    check_knowledge(KnowledgeRule { very_stale: Allowed::Sell, ..CAREFUL }, ago(100), ODD, None, "sold 2");
    // A clock that nobody knows: then nobody knows how old it is.
    let unknown = Heard::Ago { age_s: 60, doubt_s: u32::MAX };
    check_knowledge(CAREFUL, unknown, ODD, None, "the nation is known as of 1 min ago (or longer");
}

#[test]
fn never_refuses_before_whose_day_it_is_and_no_manager_helps() {
    let words = "nothing is known of the nation yet, and the rules sell nothing then: connect to the hub";
    check_knowledge(CAREFUL, Heard::Never, ODD, None, words);
    check_knowledge(CAREFUL, Heard::Never, EVEN, None, words);
    check_knowledge(CAREFUL, Heard::Never, &format!("{ODD} by 林主任"), None, words);
}
