//! The walls of the code base, kept by a test: what must not import what, what must not stand where.
//!
//! `docs/architecture.md` gives each wall its reason.

use std::fs;
use std::path::{Path, PathBuf};

/// Folder (or file), words that must not stand in its code, and why.
const WALLS: &[(&str, &[&str], &str)] = &[
    (
        "shared/src",
        &[
            "tokio",
            "quinn",
            "rustls",
            "rusqlite",
            "axum",
            "pcsc",
            "std::fs",
            "std::net",
            "SystemTime",
            "Instant::now",
            "Utc::now",
            "std::env",
        ],
        "the core touches no socket, file, clock or environment",
    ),
    (
        "shared/src/rules",
        &["automerge", "minicbor", "crate::wire", "crate::sync", "crate::ledger", "crate::seal"],
        "a rule knows entries and days, not where they were kept",
    ),
    ("shared/src/entry.rs", &["minicbor", "serde", "automerge"], "domain types have no encoding"),
    ("shared/src/sync", &["automerge", "minicbor", "zstd"], "a session moves messages, it does not encode them"),
    (
        "shared/src/digest",
        &["automerge", "zstd", "crate::wire", "crate::sync", "crate::ledger", "crate::rules"],
        "a layer knows fingerprints and days, not how they came",
    ),
    ("edge/src", &["hub::"], "only the tests see both ends"),
    ("hub/src", &["edge::store", "edge::node", "use edge"], "only the tests see both ends"),
    ("edge/src/node", &["rusqlite", "axum", "quinn", "tokio"], "the node decides; it has no link and no page"),
    (
        "edge/src/web",
        &["rusqlite", "quinn", "quota::check", "quota::remaining", "check_turn", "check_stock", "sale::decide"],
        "the web decides nothing",
    ),
    ("edge/src/uplink", &["rusqlite", "axum", "rules::"], "the link layers do not look into a message"),
    ("hub/src/gateway", &["rusqlite", "axum", "rules::"], "the link layers do not look into a message"),
    ("hub/src/console", &["rusqlite", "quinn", "quota::check", "quota::audit"], "the console decides nothing"),
];

/// What may be written only in certain places: word, where it may stand, why.
const ONLY_IN: &[(&str, &[&str], &str)] = &[
    ("rusqlite::", &["edge/src/store", "edge/src/nation", "hub/src/store", "tests/"], "SQL lives in a store"),
    (
        "automerge::",
        &["shared/src/ledger", "hub/src/", "tests/"],
        "what a document looks like is the ledger's business",
    ),
    ("cryptoki::", &["edge/card"], "a card's module is foreign code: only `atoll-card` loads it"),
    ("ROOT", &["shared/src/ledger"], "an Automerge key outside the schema"),
    (
        "StatusCode",
        &["edge/src/web", "hub/src/console", "edge/tests", "hub/tests", "edge/src/cli"],
        "status codes belong to the web",
    ),
];

/// `shared` may depend on these and no others.
const SHARED_DEPENDENCIES: &[&str] = &[
    "argon2",
    "automerge",
    "aws-lc-rs",
    "chrono",
    "data-encoding",
    "minicbor",
    "serde",
    "thiserror",
    "toml",
    "zeroize",
    "zstd",
];

const FILE_LINES_MAX: usize = 500;

#[test]
fn no_wall_is_broken() {
    let mut broken = Vec::new();
    for (place, words, why) in WALLS {
        for file in files(&root().join(place)) {
            for (line, word) in hits(&file, words) {
                broken.push(format!("{}:{line}: {word}: {why}", shown(&file)));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn what_belongs_in_one_place_stands_in_one_place() {
    let mut broken = Vec::new();
    for file in all_files() {
        let name = shown(&file);
        for (word, places, why) in ONLY_IN {
            if places.iter().any(|place| name.starts_with(place)) {
                continue;
            }
            for (line, _) in hits(&file, &[word]) {
                broken.push(format!("{name}:{line}: {word}: {why}"));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn the_core_depends_on_a_closed_list() {
    let manifest = fs::read_to_string(root().join("shared/Cargo.toml")).unwrap();
    let section = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let found: Vec<&str> =
        section.lines().filter_map(|line| line.split(['.', ' ', '=']).next()).filter(|name| !name.is_empty()).collect();
    assert_eq!(found, SHARED_DEPENDENCIES, "decide on a new dependency of the core here and in docs/architecture.md");
    assert!(!section.contains("clock"), "the core must not be able to ask for the time");
}

/// Only the simulation's own test may be built with bugs in it; `shared::plant` refuses a release build besides.
#[test]
fn nothing_that_is_shipped_can_hold_a_planted_bug() {
    let mut found = Vec::new();
    for name in ["Cargo.toml", "shared/Cargo.toml", "edge/Cargo.toml", "hub/Cargo.toml", "tests/Cargo.toml"] {
        let manifest = fs::read_to_string(root().join(name)).unwrap();
        let lines = manifest.lines().filter(|line| line.contains("plant") && !line.starts_with('#'));
        found.extend(lines.map(|line| format!("{name}: {line}")));
    }
    assert_eq!(found, ["shared/Cargo.toml: plant = []", "tests/Cargo.toml: plant = [\"shared/plant\"]"]);
    let scripts = fs::read_dir(root().join("scripts")).unwrap().map(|entry| entry.unwrap().path());
    for script in scripts.filter(|path| path.is_file()) {
        let text = fs::read_to_string(&script).unwrap();
        let mut asked = text.lines().filter(|line| line.contains("features") && line.contains("plant"));
        assert!(asked.all(|line| line.contains("-p system-tests --features plant --test system")), "{script:?}");
    }
}

#[test]
fn every_file_says_what_lives_in_it() {
    let silent: Vec<String> = all_files()
        .iter()
        .filter(|file| !fs::read_to_string(file).unwrap().starts_with("//!"))
        .map(|file| shown(file))
        .collect();
    assert!(silent.is_empty(), "without a //! line: {silent:?}");
}

#[test]
fn files_stay_readable() {
    let long: Vec<String> = all_files()
        .iter()
        .map(|file| (shown(file), fs::read_to_string(file).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > FILE_LINES_MAX)
        .map(|(name, lines)| format!("{name}: {lines}"))
        .collect();
    assert!(long.is_empty(), "more than {FILE_LINES_MAX} lines: {long:?}");
}

#[test]
fn rooms_have_names() {
    const NAMELESS: &[&str] = &["mod.rs", "common.rs", "utils.rs", "util.rs", "helpers.rs", "helper.rs", "types.rs"];
    let nameless: Vec<String> = all_files()
        .iter()
        .filter(|file| file.file_name().is_some_and(|name| NAMELESS.contains(&name.to_str().unwrap())))
        .map(|file| shown(file))
        .collect();
    assert!(nameless.is_empty(), "{nameless:?}");
}

#[test]
fn the_readme_names_the_two_commands_and_ci_calls_the_second() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains("scripts/start") && readme.contains("scripts/test"));
    assert!(fs::read_to_string(root().join(".ci/run")).unwrap().contains("scripts/test"));
}

#[test]
fn links_in_the_documents_lead_somewhere() {
    let mut broken = Vec::new();
    let mut pages: Vec<PathBuf> = vec![root().join("README.md")];
    pages.extend(walk(&root().join("docs"), "md"));
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap();
            let outside = target.is_empty() || target.contains("://");
            if !outside && !page.parent().unwrap().join(target).exists() {
                broken.push(format!("{}: {link}", shown(&page)));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:?}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap().display().to_string()
}

fn all_files() -> Vec<PathBuf> {
    ["shared", "edge", "hub", "tests"].iter().flat_map(|package| walk(&root().join(package), "rs")).collect()
}

/// A folder's files, or the file `place.rs` with the folder `place/`.
fn files(place: &Path) -> Vec<PathBuf> {
    if place.is_file() {
        return vec![place.to_path_buf()];
    }
    let mut out = walk(place, "rs");
    let beside = place.with_extension("rs");
    if beside.is_file() {
        out.push(beside);
    }
    out
}

fn walk(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for entry in entries.map(|entry| entry.unwrap().path()) {
        if entry.is_dir() && entry.file_name().is_some_and(|name| name != "target") {
            out.extend(walk(&entry, extension));
        } else if entry.extension().is_some_and(|found| found == extension) {
            out.push(entry);
        }
    }
    out.sort();
    out
}

/// Lines of code (not comments, not the tests at the end of a file) in which a word stands.
fn hits<'w>(file: &Path, words: &[&'w str]) -> Vec<(usize, &'w str)> {
    let text = fs::read_to_string(file).unwrap();
    let is_tests = file.file_name().is_some_and(|name| name == "tests.rs") || shown(file).contains("/tests/");
    if is_tests || shown(file) == "tests/tidy.rs" {
        return Vec::new();
    }
    let mut out = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("#[cfg(test)]") {
            break;
        }
        let code = line.split("//").next().unwrap_or_default();
        out.extend(words.iter().filter(|word| stands_in(code, word)).map(|word| (number, *word)));
    }
    out
}

/// Whether the word stands there as a word of its own.
fn stands_in(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !joins(before) && (word.ends_with(':') || !joins(after))
    })
}

#[test]
fn the_test_of_the_walls_sees_a_broken_one() {
    assert!(stands_in("use tokio::sync;", "tokio"));
    assert!(!stands_in("let tokiox = 1;", "tokio"));
    assert!(stands_in("hub::Hub::open()", "hub::"));
    assert!(!stands_in("github::x", "hub::"));
}
