//! The last lines of the output, against what follows from its own answers: the cases, and the stock of every site.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::lines::Output;
use super::places::Places;
use super::sales::{self, Sales};
use super::trial::Trial;

/// Sales with a doubtful instant that are tried in every combination; with more, a person's case is let pass.
const DOUBTFUL_MAX: usize = 6;

/// What a person's case must look like.
#[derive(Debug)]
struct Truth {
    /// All live sales of the person.
    refs: BTreeSet<String>,
    /// The sets of which one must be over: more than one where a clock was in doubt.
    over: BTreeSet<BTreeSet<String>>,
    /// Too much in doubt to tell.
    open: bool,
}

/// Compares the last lines with the truth.
#[derive(Debug)]
pub(super) struct Ending<'a> {
    trial: &'a Trial,
    places: Places,
    truths: BTreeMap<u32, Truth>,
    seen: HashSet<u32>,
    ids: HashSet<String>,
    stocks: HashSet<String>,
    by_code: HashMap<&'a str, usize>,
    summaries: u64,
    /// Cases and over refs named by the output.
    pub(super) cases: u64,
    pub(super) over: u64,
}

impl<'a> Ending<'a> {
    pub(super) fn new(trial: &'a Trial) -> Self {
        Self {
            trial,
            places: trial.places.clone(),
            truths: trial.sales.people().filter_map(|person| Some((person, truth(trial, person)?))).collect(),
            seen: HashSet::new(),
            ids: HashSet::new(),
            stocks: HashSet::new(),
            by_code: trial.codes.iter().enumerate().map(|(index, code)| (code.as_str(), index)).collect(),
            summaries: 0,
            cases: 0,
            over: 0,
        }
    }

    /// Takes a line; says what is wrong with it.
    pub(super) fn take(&mut self, line: &Output) -> Option<String> {
        if line.verdict.is_some() {
            return Some(format!("an answer too many: {}", line.refer.as_deref().unwrap_or("without ref")));
        }
        if let Some(id) = &line.case {
            return self.case(&id.to_string(), line);
        }
        if let Some(site) = &line.site {
            return self.stock(site, line);
        }
        if line.venue.is_some() {
            return self.places.line(line);
        }
        if line.summary.is_some() {
            self.summaries += 1;
        }
        line.summary.is_none().then(|| "a line that is nothing of the contract".to_owned())
    }

    fn case(&mut self, id: &str, line: &Output) -> Option<String> {
        let refs: BTreeSet<String> = line.refs.iter().flatten().cloned().collect();
        let over: BTreeSet<String> = line.over.iter().flatten().cloned().collect();
        self.cases += 1;
        self.over += u64::try_from(over.len()).unwrap_or(0);
        if !self.ids.insert(id.to_owned()) {
            return Some(format!("case {id} is there twice"));
        }
        if line.programme.as_deref() == Some("vaccine") {
            return self.places.case(id, &refs, &over);
        }
        if !line.programme.as_deref().is_some_and(|name| name.starts_with("mask")) {
            return Some(format!("case {id}: programme {:?}", line.programme));
        }
        if line.refs.as_ref().map(Vec::len) != Some(refs.len()) || line.over.as_ref().map(Vec::len) != Some(over.len())
        {
            return Some(format!("case {id}: a ref twice, or no list of refs"));
        }
        let sales = &self.trial.sales;
        let people: BTreeSet<Option<u32>> = refs.iter().chain(&over).map(|refer| person(sales, refer)).collect();
        let person = match people.iter().next() {
            Some(&Some(person)) if people.len() == 1 => person,
            _ => return Some(format!("case {id}: {} are not sales to one person", words(&refs))),
        };
        if !self.seen.insert(person) {
            return Some(format!("case {id}: a second case of the person of {}", words(&refs)));
        }
        let Some(truth) = self.truths.get(&person) else {
            return Some(format!("false case {id}: {} break no rule", words(&refs)));
        };
        if truth.open || truth.refs == refs && truth.over.contains(&over) && !over.is_empty() {
            return None;
        }
        let right: Vec<String> = truth.over.iter().map(words).collect();
        Some(format!(
            "case {id}: refs {} over {}, right was refs {} over {}",
            words(&refs),
            words(&over),
            words(&truth.refs),
            right.join(" or ")
        ))
    }

    fn stock(&mut self, code: &str, line: &Output) -> Option<String> {
        let Some(&index) = self.by_code.get(code) else {
            return Some(format!("stock of {code}, which the scenario does not name"));
        };
        if !self.stocks.insert(code.to_owned()) {
            return Some(format!("stock of {code} is there twice"));
        }
        let right = self.trial.sites[index].stock;
        (line.stock != Some(right)).then(|| format!("stock of {code}: {:?}, right was {right:?}", line.stock))
    }

    /// What should have been there and was not.
    pub(super) fn missing(&self) -> impl Iterator<Item = String> {
        let cases = self.truths.iter().filter(|(person, truth)| {
            // With a clock in doubt there may be nothing over.
            !self.seen.contains(*person) && !truth.open && !truth.over.contains(&BTreeSet::new())
        });
        let cases = cases.map(|(_, truth)| {
            let over: Vec<String> = truth.over.iter().map(words).collect();
            format!("missed case: refs {} over {}", words(&truth.refs), over.join(" or "))
        });
        let stocks = self
            .trial
            .codes
            .iter()
            .filter(|code| !self.stocks.contains(*code))
            .map(|code| format!("no stock of {code}"));
        let summary = (self.summaries != 1).then(|| format!("{} summaries", self.summaries));
        cases.chain(stocks).chain(summary).chain(self.places.missing())
    }
}

fn person(sales: &Sales, refer: &str) -> Option<u32> {
    sales.find(refer).map(|index| sales.all[index as usize].person)
}

fn words(refs: &BTreeSet<String>) -> String {
    let words: Vec<&str> = refs.iter().map(String::as_str).collect();
    format!("[{}]", words.join(" "))
}

/// The case of a person by brute force, if there is or may be one.
fn truth(trial: &Trial, person: u32) -> Option<Truth> {
    let sales = &trial.sales;
    let live: Vec<u32> =
        sales.of(person).into_iter().filter(|&index| sales.all[index as usize].withdrawn.is_none()).collect();
    if live.len() < 2 {
        return None;
    }
    let doubtful: Vec<u32> = live.iter().copied().filter(|&index| !sales.errors(index).is_empty()).collect();
    let refs =
        |list: &[u32]| list.iter().map(|&index| sales.all[index as usize].refer.to_string()).collect::<BTreeSet<_>>();
    let mut over = BTreeSet::new();
    let mut shifts = vec![HashMap::new()];
    let open = doubtful.len() > DOUBTFUL_MAX;
    if !open {
        for &index in &doubtful {
            shifts = shifts.iter().flat_map(|shift| with_errors(shift, index, sales.errors(index))).collect();
        }
    }
    for shift in &shifts {
        let instant = |index: u32| sales.all[index as usize].at.at + shift.get(&index).copied().unwrap_or(0);
        let ordered = sales.in_order(&live, &trial.codes, instant);
        over.insert(refs(&sales::counted(&ordered, |day| trial.in_force(day)).1));
    }
    let right = open || over.iter().any(|over| !over.is_empty());
    right.then(|| Truth { refs: refs(&live), over, open })
}

/// A choice of shifts with one more sale in it, once for each error that it may have, none included.
fn with_errors(shift: &HashMap<u32, i64>, index: u32, errors: &[i64]) -> Vec<HashMap<u32, i64>> {
    let choices = std::iter::once(0).chain(errors.iter().copied());
    choices
        .map(|error| {
            let mut shift = shift.clone();
            shift.insert(index, error);
            shift
        })
        .collect()
}
