//! Accounts, codes, failures and tokens, with a clock of the test's own.

use shared::seal::totp::{code, step};

use super::*;
use crate::store::Store;

const NOW: i64 = 1_600_000_000;

fn name(text: &str) -> OperatorName {
    text.parse().unwrap()
}

fn password() -> Password {
    Password::typed("long enough to keep")
}

fn hub() -> Hub {
    let mut n = 0u8;
    let dice = move || {
        n += 1;
        [n; 16]
    };
    Hub::open(Store::in_memory().unwrap(), &Secret::new([3; 32]), Box::new(dice)).unwrap()
}

fn key(hub: &Hub, name: &str) -> [u8; KEY_BYTES] {
    totp_key(&hub.keys.unwrap_operator(name, &hub.store.operator(name).unwrap().unwrap().totp).unwrap())
}

fn with(names: &[(&str, Role)]) -> Hub {
    let mut hub = hub();
    for (text, role) in names {
        hub.add_operator(&name(text), *role, &password()).unwrap().unwrap();
    }
    hub
}

fn attempt(hub: &Hub, name: &str, code: String) -> Attempt {
    let fitted = hub.before_sign_in(name).unwrap().map(|known| known.hash);
    Attempt { name: name.to_owned(), fitted, code, address: "127.0.0.1".to_owned(), known_browser: false }
}

fn right(hub: &Hub, name: &str, now: i64) -> Attempt {
    attempt(hub, name, code(&key(hub, name), step(now)))
}

fn wrong(hub: &Hub, name: &str) -> Attempt {
    attempt(hub, name, "abcdef".to_owned())
}

fn is_in(outcome: SignIn) -> bool {
    matches!(outcome, SignIn::In { .. })
}

#[test]
fn a_name_has_one_form_and_is_no_number_of_a_person() {
    assert_eq!(name(" Alice.Wang ").as_str(), "alice.wang");
    assert_eq!(name("王小明").as_str(), "王小明");
    for bad in ["", " ", "a b", "a/b", "cli:root", "<b>", "A123456789", "a\n", &"x".repeat(49)] {
        assert!(bad == "a\n" || bad.parse::<OperatorName>().is_err(), "{bad}");
    }
}

#[test]
fn accounts_are_made_changed_and_the_last_supervisor_stays() {
    let mut hub = with(&[("sue", Role::Supervisor), ("otto", Role::Operator)]);
    assert_eq!(hub.add_operator(&name("OTTO"), Role::Reader, &password()).unwrap().err(), Some(BadAccount::Exists));
    let short = hub.add_operator(&name("rita"), Role::Reader, &Password::typed("short")).unwrap().err();
    assert_eq!(short, Some(BadAccount::Password(BadPassword::Short)));
    assert_eq!(hub.disable_operator("sue").unwrap(), Err(BadAccount::LastSupervisor));
    assert_eq!(hub.set_role("sue", Role::Operator).unwrap(), Err(BadAccount::LastSupervisor));
    assert_eq!(hub.set_role("nobody", Role::Operator).unwrap(), Err(BadAccount::Unknown));
    hub.set_role("otto", Role::Supervisor).unwrap().unwrap();
    hub.disable_operator("sue").unwrap().unwrap();
    assert_eq!(hub.disable_operator("otto").unwrap(), Err(BadAccount::LastSupervisor), "sue is disabled");
    hub.reset_operator("sue", &password()).unwrap().unwrap();
    hub.disable_operator("otto").unwrap().unwrap();
    let all: Vec<(String, bool, u64)> =
        hub.operators().unwrap().into_iter().map(|it| (it.name, it.disabled, it.generation)).collect();
    assert_eq!(all, [("otto".to_owned(), true, 3), ("sue".to_owned(), false, 3)]);
}

#[test]
fn a_change_that_is_not_made_leaves_no_record() {
    let mut hub = with(&[("sue", Role::Supervisor)]);
    let deed = shared::audit::Deed { who: "sue", deed: crate::audit::deeds::ACCOUNT_DISABLED, about: "sue", note: "" };
    hub.recorded(NOW, deed, |hub| hub.disable_operator("sue")).unwrap().unwrap_err();
    assert_eq!(hub.audit_last().unwrap().0, 0);
}

#[test]
fn password_and_code_together_let_in_and_a_code_is_used_up() {
    let mut hub = with(&[("sue", Role::Supervisor)]);
    let good = right(&hub, "sue", NOW);
    let no_password = Attempt { fitted: None, ..good.clone() };
    assert_eq!(hub.sign_in(&no_password, NOW, NOW).unwrap(), SignIn::Wrong);
    assert_eq!(hub.sign_in(&good, NOW, NOW).unwrap(), SignIn::In { role: Role::Supervisor, generation: 1 });
    assert_eq!(hub.sign_in(&good, NOW + 1, NOW).unwrap(), SignIn::Wrong, "the same code again");
    let next = right(&hub, "sue", NOW + 30);
    assert!(is_in(hub.sign_in(&next, NOW + 1, NOW).unwrap()), "a telephone may be a step ahead");
    assert_eq!(hub.sign_in(&right(&hub, "sue", NOW), NOW + 30, NOW).unwrap(), SignIn::Wrong, "and not go back");
    let last = hub.audit(0, 99).unwrap().1;
    let deeds: Vec<&str> = last.iter().map(|line| line.record.deed.as_str()).collect();
    assert_eq!(deeds, ["sign-in-failed", "sign-in", "sign-in-failed", "sign-in", "sign-in-failed"]);
}

#[test]
fn a_disabled_account_and_an_unknown_name_are_told_the_same() {
    let mut hub = with(&[("sue", Role::Supervisor), ("otto", Role::Operator)]);
    hub.disable_operator("otto").unwrap().unwrap();
    assert_eq!(hub.sign_in(&right(&hub, "otto", NOW), NOW, NOW).unwrap(), SignIn::Wrong);
    let stranger = Attempt { name: "A123456789".to_owned(), fitted: None, ..right(&hub, "sue", NOW) };
    assert_eq!(hub.sign_in(&stranger, NOW, NOW).unwrap(), SignIn::Wrong);
    let records = hub.audit(0, 9).unwrap().1;
    let who: Vec<&str> = records.iter().map(|line| line.record.who.as_str()).collect();
    assert_eq!(who, ["otto", "?"], "what a stranger typed is not kept");
}

#[test]
fn guessing_is_slow_and_ends_in_no_lock_for_ever() {
    let waits: Vec<i64> = (0..14).map(|failures| delay_s(failures, OF_ACCOUNTS)).collect();
    assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    assert_eq!(delay_s(u32::MAX, OF_ACCOUNTS), 300);

    let mut hub = with(&[("sue", Role::Supervisor)]);
    let (mut now, mut tries) = (NOW, 0);
    while now < NOW + 3600 {
        match hub.sign_in(&wrong(&hub, "sue"), now, now).unwrap() {
            SignIn::Wait(until) => now = until,
            SignIn::In { .. } | SignIn::Wrong => tries += 1,
        }
    }
    assert!(tries < 25, "{tries} guesses in an hour");
    let locked = hub.operator("sue").unwrap().unwrap().locked;
    assert!(locked <= now + 300);
    assert_eq!(hub.sign_in(&right(&hub, "sue", locked - 1), locked - 1, 0).unwrap(), SignIn::Wait(locked));
    let home = Attempt { known_browser: true, ..right(&hub, "sue", locked - 1) };
    assert!(is_in(hub.sign_in(&home, locked - 1, 0).unwrap()), "no stranger keeps out who was here before");
    assert_eq!(hub.operator("sue").unwrap().unwrap().locked, 0);
}

/// Else one would see which names are accounts.
#[test]
fn an_accounts_failures_are_forgotten_as_an_unknown_names_are() {
    let mut hub = with(&[("sue", Role::Supervisor)]);
    for n in 0..3 {
        assert_eq!(hub.sign_in(&wrong(&hub, "sue"), NOW + n, 0).unwrap(), SignIn::Wrong);
    }
    let locked = hub.operator("sue").unwrap().unwrap().locked;
    assert_eq!(locked, NOW + 3);
    hub.sign_in(&wrong(&hub, "sue"), locked + FORGOTTEN_S, 0).unwrap();
    assert_eq!(hub.operator("sue").unwrap().unwrap().locked, locked + FORGOTTEN_S, "the first again: no wait");
    hub.sign_in(&wrong(&hub, "sue"), locked + 2 * FORGOTTEN_S - 1, 0).unwrap();
    hub.sign_in(&wrong(&hub, "sue"), locked + 2 * FORGOTTEN_S, 0).unwrap();
    assert_eq!(hub.operator("sue").unwrap().unwrap().locked, locked + 2 * FORGOTTEN_S + 1, "the third: a second");
}

#[test]
fn a_password_that_was_changed_meanwhile_lets_nobody_in() {
    let mut hub = with(&[("sue", Role::Supervisor)]);
    let mut old = right(&hub, "sue", NOW);
    hub.reset_operator("sue", &Password::typed("another one, as long")).unwrap().unwrap();
    old.code = code(&key(&hub, "sue"), step(NOW));
    assert_eq!(hub.sign_in(&old, NOW, NOW).unwrap(), SignIn::Wrong);
}

#[test]
fn a_token_asks_with_its_role_until_it_ends_or_its_account_changes() {
    let mut hub = with(&[("sue", Role::Supervisor), ("otto", Role::Operator)]);
    let (token, role) = hub.issue_bearer("otto", Some(Role::Supervisor), NOW + 100, NOW).unwrap().unwrap();
    assert_eq!(role, Role::Operator, "never more than the account");
    let (small, _) = hub.issue_bearer("otto", Some(Role::Reader), NOW + 100, NOW).unwrap().unwrap();
    let asks = |token: &str, now| hub.bearer(token, now).unwrap().map(|account| account.role);
    assert_eq!(asks(&token, NOW), Some(Role::Operator));
    assert_eq!(asks(&small, NOW), Some(Role::Reader));
    assert_eq!(asks(&token, NOW + 100), None, "over");
    assert_eq!(asks(&token[1..], NOW), None);
    assert_eq!(hub.bearers("otto", NOW).unwrap(), 2);
    hub.set_role("otto", Role::Reader).unwrap().unwrap();
    assert_eq!(hub.bearer(&token, NOW).unwrap(), None);
    hub.disable_operator("otto").unwrap().unwrap();
    assert_eq!(hub.issue_bearer("otto", None, NOW + 100, NOW).unwrap().err(), Some(BadAccount::Disabled));
    assert_eq!(hub.issue_bearer("nobody", None, NOW + 100, NOW).unwrap().err(), Some(BadAccount::Unknown));
}
