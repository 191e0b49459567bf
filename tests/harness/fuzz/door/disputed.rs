//! Disputes at the door.

use hub::ingest::Upload;
use shared::entry::{Dispute, Fact, Found, Reading, Sealed, Source};
use shared::ids::{ActorId, DocId, Incarnation};
use shared::ledger::chain::Tip;
use shared::ledger::run::Run;
use shared::rules::identity::Document;
use shared::seal::SiteKeys;

use super::{LIAR, NUMBERS, code, secret, written};
use crate::fuzz::choices::Choices;
use crate::fuzz::said;

/// A dispute, an exception and a decision, as entries.
pub(in crate::fuzz) fn disputed() -> Vec<Vec<u8>> {
    let fact = |kind: u8| {
        let said = [&[kind, 0, 0, 7, 2, 1, 5, 1, 6], [1u8; 40].as_slice()].concat();
        said::of_a_dispute(&mut Choices::new(&said), Sealed(vec![1; 40]))
    };
    (0..3).map(|kind| written(fact(kind))).collect()
}

/// A dispute of the lying site's, with markup for a reason.
pub(in crate::fuzz) fn with_markup() -> Upload {
    let doc: DocId = format!("site/{LIAR}/2020-02-06").parse().expect("a document");
    let mut tip = Tip::start(doc, ActorId([90; 16]), 0, vec![]);
    let start = tip.next.clone();
    let keys = SiteKeys::new(code(LIAR), 1, &secret(LIAR)).expect("keys");
    let day = "2020-02-06".parse().expect("a day");
    let person = Document::parse("01", NUMBERS[0], "1986-03-15", day).expect("a person");
    let entry = written(Fact::Dispute(Dispute {
        programme: "mask".parse().expect("a programme"),
        version: "mask-2020-02-06".parse().expect("a version"),
        reading: Reading::Typed,
        watermark: 0,
        document: keys.seal(&start.id, 0, &person).expect("sealed"),
        found: vec![Found { day, source: Source::Nation }],
        reason: "<fz><script>".to_owned(),
    }));
    let last = tip.append(&entry).expect("room").hash;
    let run = Run { doc, start, entries: vec![entry], joints: vec![], last, signature: None };
    Upload { site: code(LIAR), incarnation: Incarnation([90; 16]), run }
}
