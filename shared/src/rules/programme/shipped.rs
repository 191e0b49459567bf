//! The version files that come with the program: the rule sets of
//! `rules_timeline.json`, each saying what is sourced and what is inferred.

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../../programmes/", $name, ".toml")))),+]
    };
}

const SHIPPED: &[(&str, &str)] = files![
    "mask-2020-02-06",
    "mask-2020-02-16",
    "mask-2020-02-20",
    "mask-2020-02-27",
    "mask-2020-03-05",
    "mask-2020-03-19",
    "mask-2020-04-09",
    "mask-2020-04-19",
    "kit-2022-04-28",
    "kit-2022-06-06",
    "kit-2022-06-13",
    "kit-2022-07-01",
    "kit-2022-08-15",
    "kit-2022-09-01",
    "kit-2022-10-01",
];

/// The rounds of booking that come with the program.
const ROUNDS: &[(&str, &str)] = &[
    ("vaccine-2021-r1", include_str!("../../../rounds/vaccine-2021-r1.toml")),
    ("vaccine-2022-r27", include_str!("../../../rounds/vaccine-2022-r27.toml")),
];

/// Name and text of every shipped round of booking.
#[must_use]
pub fn shipped_rounds() -> &'static [(&'static str, &'static str)] {
    ROUNDS
}

/// Name and text of every shipped version, by programme and first day.
#[must_use]
pub fn shipped() -> &'static [(&'static str, &'static str)] {
    SHIPPED
}

/// The text of a shipped version.
#[must_use]
pub fn shipped_text(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(shipped, _)| *shipped == name).map(|(_, text)| *text)
}
