//! Command lines as people type them.

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("atoll-edge").chain(line.split(' ')))
}

#[test]
fn the_command_line_is_sound() {
    use clap::CommandFactory;
    Cli::command().debug_assert();
}

#[test]
fn commands_become_calls() {
    let cases = [
        ("--data d arrive --adult 200 --child 50", "POST /api/v1/arrive", r#"{"adult":200,"by":"","child":50}"#),
        (
            "--data d check --kind 02 --number A123456789 --birth 19860315",
            "POST /api/v1/check",
            r#"{"document":{"birth":"19860315","kind":"02","number":"A123456789"}}"#,
        ),
        (
            "--data d sell --number A123456789 --birth 19860315 --adult 2 --as 王 --request k1",
            "POST /api/v1/sell",
            r#"{"adult":2,"by":"王","child":0,"document":{"birth":"19860315","kind":"01","number":"A123456789"},"request":"k1"}"#,
        ),
        (
            "sell --number A123456789 --birth 1 --child 1 --proxy-number B1 --proxy-birth 2 --data d",
            "POST /api/v1/sell",
            r#"{"adult":0,"by":"","child":1,"document":{"birth":"1","kind":"01","number":"A123456789"},"proxy":{"birth":"2","kind":"01","number":"B1"}}"#,
        ),
        (
            "correct --adult -3 --child +2 --reason 破損",
            "POST /api/v1/correct",
            r#"{"adult":-3,"by":"","child":2,"reason":"破損"}"#,
        ),
        ("withdraw ab-1 --reason x", "POST /api/v1/withdraw", r#"{"by":"","of":"ab-1","reason":"x"}"#),
        (
            "dispute --number A123456789 --birth 19860315 --reason 沒買過 --as 王 --request k1",
            "POST /api/v1/disputes",
            r#"{"by":"王","document":{"birth":"19860315","kind":"01","number":"A123456789"},"reason":"沒買過","request":"k1"}"#,
        ),
        ("disputes", "GET /api/v1/disputes", ""),
        ("recent --limit 5", "GET /api/v1/recent?limit=5", ""),
        ("status --json", "GET /api/v1/status", ""),
        ("export", "GET /api/v1/export", ""),
    ];
    for (line, want, body) in cases {
        let call = deeds::call(&parse(line).unwrap().command);
        let method = if call.body.is_some() { "POST" } else { "GET" };
        assert_eq!(format!("{method} {}", call.path), want, "{line}");
        assert_eq!(call.body.map(|body| body.to_string()).unwrap_or_default(), body, "{line}");
    }
}

#[test]
fn a_recorded_sale_says_when() {
    let cli = Cli::try_parse_from([
        "atoll-edge",
        "record",
        "--number",
        "A123456789",
        "--birth",
        "19860315",
        "--adult",
        "2",
        "--at",
        "109/02/06 10:30",
    ]);
    let call = deeds::call(&cli.unwrap().command);
    assert_eq!(call.body.unwrap()["at"], "109/02/06 10:30");
    assert!(parse("record --number A --birth 1").is_err(), "--at is required");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for line in [
        "",
        "sell --adult two --number A --birth 1",
        "sell --number A",
        "dispute --number A --birth 1",
        "sell --number A --birth 1 --proxy-number B",
        "serve --listen 8080",
        "serve --lan 8751",
        "line mend",
        "--rehearsal-clock yesterday status",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
    let cli = parse("--rehearsal-clock 2020-02-06T09:00:00+08:00 serve --listen 127.0.0.1:0").unwrap();
    assert!(cli.rehearsal_clock.is_some());
}
