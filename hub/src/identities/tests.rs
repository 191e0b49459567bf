//! The two-person rule, step by step.

use super::*;
use crate::testing::{MORNING, PERSON, doubly_served};

fn case(hub: &Hub) -> CaseId {
    hub.cases(&crate::cases::CaseFilter::default()).unwrap()[0].id
}

fn asked(hub: &mut Hub, who: &str) -> u64 {
    hub.ask_identity(&case(hub), who, "家屬來電查詢", MORNING).unwrap().unwrap()
}

fn shown(hub: &mut Hub, of: &CaseId, who: &str, second: i64) -> Result<String, BadRequest> {
    hub.show_identity(of, who, second).unwrap().map(|(document, _)| document.number().to_owned())
}

#[test]
fn two_people_show_a_number_to_one_of_them_in_one_case_for_a_quarter_of_an_hour() {
    let mut hub = doubly_served();
    let of = case(&hub);
    assert_eq!(shown(&mut hub, &of, "alice", MORNING), Err(BadRequest::NotApproved));
    let number = asked(&mut hub, "alice");
    assert_eq!(shown(&mut hub, &of, "alice", MORNING), Err(BadRequest::NotApproved), "it only waits");
    assert_eq!(hub.judge_identity(number, true, "alice", MORNING).unwrap(), Err(BadRequest::Own));
    hub.judge_identity(number, true, "bob", MORNING + 60).unwrap().unwrap();
    assert_eq!(shown(&mut hub, &of, "alice", MORNING + 60), Ok(PERSON.to_owned()));
    assert_eq!(shown(&mut hub, &of, "alice", MORNING + 60 + SHOWN_S - 1), Ok(PERSON.to_owned()));
    let refused = Err(BadRequest::NotApproved);
    assert_eq!(shown(&mut hub, &of, "alice", MORNING + 60 + SHOWN_S), refused, "over");
    assert_eq!(shown(&mut hub, &of, "alice", MORNING), refused, "before");
    for other in ["bob", "carol", "alic", "alice "] {
        assert_eq!(shown(&mut hub, &of, other, MORNING + 60), refused, "{other}");
    }
    let elsewhere = CaseId([7; 16]);
    assert_eq!(shown(&mut hub, &elsewhere, "alice", MORNING + 60), refused, "another case");
    let deeds: Vec<String> = hub.audit(0, 99).unwrap().1.into_iter().map(|line| line.record.deed).collect();
    assert_eq!(deeds, ["identity-asked", "identity-approved", "identity-shown", "identity-shown"]);
}

#[test]
fn what_was_refused_judged_or_waited_too_long_shows_nothing() {
    let mut hub = doubly_served();
    let of = case(&hub);
    let refused = asked(&mut hub, "alice");
    assert_eq!(hub.ask_identity(&of, "alice", "again", MORNING).unwrap(), Err(BadRequest::Already));
    hub.judge_identity(refused, false, "bob", MORNING).unwrap().unwrap();
    assert_eq!(hub.judge_identity(refused, true, "carol", MORNING).unwrap(), Err(BadRequest::Judged));
    assert_eq!(shown(&mut hub, &of, "alice", MORNING), Err(BadRequest::NotApproved));
    assert_eq!(hub.identity_standing(&of, "alice", MORNING).unwrap(), Standing::Refused(MORNING));

    let late = asked(&mut hub, "alice");
    let expired = hub.judge_identity(late, true, "bob", MORNING + WAITS_S).unwrap();
    assert_eq!(expired, Err(BadRequest::Expired));
    assert_eq!(hub.identity_standing(&of, "alice", MORNING + WAITS_S).unwrap(), Standing::Free);
    assert_eq!(hub.judge_identity(99, true, "bob", MORNING).unwrap(), Err(BadRequest::Unknown));
}

#[test]
fn a_request_needs_a_case_and_a_reason_without_numbers() {
    let mut hub = doubly_served();
    let of = case(&hub);
    let mut ask = |of: &CaseId, reason: &str| hub.ask_identity(of, "alice", reason, MORNING).unwrap();
    assert_eq!(ask(&of, "  "), Err(BadRequest::Reason));
    assert_eq!(ask(&of, &"長".repeat(100)), Err(BadRequest::Reason));
    assert_eq!(ask(&of, &format!("查 {PERSON}")), Err(BadRequest::Personal));
    assert_eq!(ask(&CaseId([7; 16]), "查"), Err(BadRequest::Unknown));
    assert_eq!(hub.audit_last().unwrap().0, 0);
}

#[test]
fn a_clock_that_is_set_back_does_not_show_for_longer() {
    let request = IdentityRequest {
        number: 1,
        of: CaseId([1; 16]),
        asker: "alice".to_owned(),
        reason: "x".to_owned(),
        asked: 1_000,
        state: RequestState::Approved,
        judge: Some("bob".to_owned()),
        judged: Some(2_000),
    };
    assert_eq!(request.standing(2_000), Standing::Shown(2_000 + SHOWN_S));
    assert_eq!(request.standing(1_999), Standing::Free);
    assert_eq!(request.standing(2_000 + SHOWN_S), Standing::Free);
}
