//! The audit: what a shell asks is written down, nothing of it changes, and `verify` names what was changed all the same.

use rusqlite::Connection;
use serde_json::Value;

use super::program::{code, edge, site};

const CHECK: [&str; 7] = ["check", "--kind", "02", "--number", "A123456789", "--birth", "1986-03-15"];

#[test]
fn what_a_shell_looks_up_stands_in_the_audit_and_what_is_changed_there_is_named() {
    let data = site();
    // There is no programme yet: nobody may buy, and looking is looking.
    assert_eq!(code(&edge(data.path(), &CHECK)), 1);
    assert_eq!(code(&edge(data.path(), &CHECK)), 1);
    let told = edge(data.path(), &["audit"]);
    let lines: Vec<Value> =
        String::from_utf8(told.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let deeds: Vec<&str> = lines.iter().map(|line| line["deed"].as_str().unwrap()).collect();
    assert_eq!(deeds, ["look-up", "look-up", "audit-export"]);
    assert!(lines.iter().all(|line| line["who"] == "shell") && !lines[0].to_string().contains("A123456789"));
    assert_eq!(lines[1]["previous"], lines[0]["link"]);
    assert_eq!(code(&edge(data.path(), &["verify"])), 0);

    let store = Connection::open(data.path().join("ledger.db")).unwrap();
    for change in ["UPDATE audit SET bytes = x'00' WHERE number = 1", "DELETE FROM audit WHERE number = 2"] {
        let refused = store.execute(change, []).unwrap_err().to_string();
        assert!(refused.contains("the audit"), "{refused}");
    }
    store.execute_batch("DROP TRIGGER audit_keeps; DELETE FROM audit WHERE number = 2").unwrap();
    drop(store);
    let found = edge(data.path(), &["verify"]);
    assert_eq!(code(&found), 2);
    let text = String::from_utf8_lossy(&[found.stdout, found.stderr].concat()).into_owned();
    assert!(text.contains("稽核紀錄遭變更") && text.contains("第 2 筆"), "{text}");
}
