//! Bytes as a peer may send them: frames, messages, entries, batches of the feed, enrolment.
//!
//! Whatever is read is within its limits and can be written again: what is written is read as the same, and
//! written again gives the same bytes.

use shared::entry::access::Access;
use shared::entry::booking::{Booking, Capacity, Lease, SERIAL_MAX};
use shared::entry::{Entry, Fact, Instant, Pieces};
use shared::ids::{ActorId, EntryId, SiteCode};
use shared::ledger::chain::Tip;
use shared::ledger::run::{DEPS_MAX, RUN_ENTRIES_MAX, Run};
use shared::rules::access::{Given, Place, Rights, Taken};
use shared::rules::booking::round::Round;
use shared::rules::calendar::{roc_minute, taipei_day};
use shared::rules::programme::Version;
use shared::rules::stock::{Move, Stock};
use shared::seal::{CONTACT_SEALED_BYTES_MAX, SEALED_BYTES_MAX};
use shared::sign::grant::grant_words;
use shared::wire::v1::confirm::{Confirmed, PURCHASES_MAX};
use shared::wire::v1::entry::{
    AFTER_MAX, CERTIFICATE_BYTES_MAX, CLEARED_DAYS_MAX, CLEARED_MARKS_MAX, FOUND_MAX, KEY_BYTES_MAX, NAME_BYTES_MAX,
    NOTICE_BYTES_MAX, PIECES_MAX, PLACES_MAX, RANKED_MAX, REASON_BYTES_MAX, REVOKED_MAX, RIGHTS_MAX,
};
use shared::wire::v1::feed::{BATCH_ITEMS_MAX, Batch};
use shared::wire::v1::frame::{self, Deframer, FRAME_BYTES_MAX};
use shared::wire::v1::message::{FEED_PARTS_MAX, FeedPart, Message, PIECE_BYTES_MAX};
use shared::wire::v1::{entry, feed, message, run};

use super::choices::Choices;
use super::said;

/// Written again it may only shrink: shorter numbers, fields of a later version left out.
const GROWTH_BYTES_MAX: usize = 64;

/// A stream of frames: as bytes, well framed, or compressed; cut in two ways it says the same.
pub(super) fn frames(input: &[u8]) {
    let mut choices = Choices::new(input);
    let piece = 1 + choices.below(3_000);
    let Stream { bytes: stream, inflates, said } = stream(&mut choices);
    let whole = Deframer::default().push(&stream);
    let mut deframer = Deframer::default();
    let mut slowly = Vec::new();
    let ended = stream.chunks(piece).try_for_each(|bytes| deframer.push(bytes).map(|more| slowly.extend(more)));
    match (&whole, &ended) {
        (Ok(whole), Ok(())) => assert_eq!(whole, &slowly, "the cut changes what is said"),
        (Ok(_), Err(cause)) => panic!("in pieces of {piece} it is refused: {cause}"),
        // Only where too much would come at once.
        (Err(cause), Ok(())) => assert!(inflates, "at once it is refused: {cause}"),
        (Err(_), Err(_)) => {}
    }
    if let Some(said) = said {
        assert_eq!(slowly, said, "what was well framed is not what was read");
    }
    for said in &slowly {
        again(said, FRAME_BYTES_MAX);
        let framed = frame::encode(said).expect("what fitted a frame fits again");
        assert!(framed.len() <= FRAME_BYTES_MAX + 4);
        assert_eq!(Deframer::default().push(&framed).as_deref(), Ok(std::slice::from_ref(said)));
    }
}

struct Stream {
    bytes: Vec<u8>,
    /// Whether something in it may inflate.
    inflates: bool,
    /// What it says, where it is made of messages alone.
    said: Option<Vec<Message>>,
}

fn stream(choices: &mut Choices<'_>) -> Stream {
    let mut out = Stream { bytes: Vec::new(), inflates: false, said: Some(Vec::new()) };
    let mut last = Vec::new();
    let mut last_said = None;
    for _ in 0..16 {
        if choices.is_empty() {
            break;
        }
        let kind = choices.below(6);
        if kind < 5 {
            last_said = None;
        }
        match kind {
            0 => last = choices.bytes(400).to_vec(),
            1 => {
                let body = choices.bytes(2_000);
                last = framed(0, body);
                last_said = message::decode(body).ok();
            }
            2 => {
                let said = said::message(choices);
                last = frame::encode(&said).unwrap_or_default();
                last_said = (!last.is_empty()).then_some(said);
            }
            3 => {
                // A body of one byte, many times: what a bomb is made of.
                let body = [choices.bytes(300), &vec![choices.byte(); 1 << choices.below(22)]].concat();
                last = framed(1, &zstd::bulk::compress(&body, 1).unwrap_or_default());
                out.inflates = true;
            }
            4 => {
                last = framed(1, choices.bytes(400));
                out.inflates = true;
            }
            _ => {}
        }
        out.bytes.extend_from_slice(&last);
        out.said = out.said.zip(last_said.clone()).map(|(mut all, said)| {
            all.push(said);
            all
        });
    }
    out
}

fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 1).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), [kind].as_slice(), body].concat()
}

pub(super) fn frame_seeds() -> Vec<Vec<u8>> {
    let mut out: Vec<Vec<u8>> = (0..said::KINDS).map(|kind| [&[0, 9, 2, kind], [1; 40].as_slice()].concat()).collect();
    let plain = |said: &Message| {
        let body = message::encode(said);
        let [high, low] = u16::try_from(body.len()).unwrap_or_default().to_be_bytes();
        [&[1, high, low], body.as_slice()].concat()
    };
    out.extend(said::examples().iter().map(|said| [&[0, 50], plain(said).as_slice()].concat()));
    // Longer than what is made of choices, and something behind it.
    let long = plain(&Message::Feed { after: 7, parts: vec![FeedPart { upto: 8, body: vec![9; 600].into() }] });
    out.push([&[0, 50], long.as_slice(), &long].concat());
    out
}

/// A message, and a run alone.
pub(super) fn messages(input: &[u8]) {
    if let Ok(said) = message::decode(input) {
        again(&said, input.len());
    }
    if let Ok(run) = run::decode_run(input) {
        check_run(&run);
        assert_eq!(run::decode_run(&run::encode_run(&run)).as_ref(), Ok(&run));
        let _ = run.changes();
        if let Ok(links) = run.links() {
            assert_eq!(links.len(), run.entries.len());
            let cut = run.clone().without_first(1, &links).map(|rest| rest.links());
            assert!(cut.is_none_or(|rest| rest.as_deref() == Ok(&links[1..])), "the rest of a run is another run");
        }
    }
    let made = said::message(&mut Choices::new(input));
    assert_eq!(message::decode(&message::encode(&made)), Ok(made));
}

fn again(said: &Message, bytes: usize) {
    let written = message::encode(said);
    assert!(written.len() <= bytes + GROWTH_BYTES_MAX, "{} bytes out of {bytes}", written.len());
    assert_eq!(message::decode(&written).as_ref(), Ok(said));
    match said {
        Message::Up(run) | Message::Down { run, .. } | Message::Own { run: Some(run), .. } => check_run(run),
        Message::Feed { parts, .. } => assert!(parts.len() <= FEED_PARTS_MAX, "{} parts", parts.len()),
        Message::Fetch(fetch) => assert!(fetch.most <= PIECE_BYTES_MAX, "{} bytes at once", fetch.most),
        Message::Piece(piece) => assert!(piece.bytes.len() <= PIECE_BYTES_MAX as usize, "{} bytes", piece.bytes.len()),
        Message::Confirmed(Confirmed { purchases: Some(all), .. }) => {
            assert!(all.len() <= PURCHASES_MAX, "{} purchases", all.len());
        }
        Message::Hello(_)
        | Message::Welcome(_)
        | Message::Confirm(_)
        | Message::Confirmed(_)
        | Message::Enquiry(_)
        | Message::Told(_)
        | Message::Acked { .. }
        | Message::Took
        | Message::Ask { .. }
        | Message::Beacon { .. }
        | Message::Own { run: None, .. }
        | Message::Key { .. }
        | Message::Manifest { .. }
        | Message::Refused(_) => {}
    }
}

/// What is held of a run before anybody judges it is bounded by its limits, not by what a frame can carry.
fn check_run(run: &Run) {
    assert!(run.entries.len() <= RUN_ENTRIES_MAX, "{} entries", run.entries.len());
    assert!(run.joints.len() <= RUN_ENTRIES_MAX, "{} joints", run.joints.len());
    let deps = std::iter::once(&run.start.deps).chain(run.joints.iter().map(|joint| &joint.deps));
    assert!(deps.into_iter().all(|deps| deps.len() <= DEPS_MAX), "more dependencies than a change may have");
}

pub(super) fn message_seeds() -> Vec<Vec<u8>> {
    let runs = said::examples().into_iter().filter_map(|said| match said {
        Message::Up(run) => Some(run::encode_run(&run)),
        _ => None,
    });
    said::examples().iter().map(message::encode).chain(runs).chain([built_run()]).collect()
}

/// A run whose hashes are right.
fn built_run() -> Vec<u8> {
    let doc = "site/5931102274/2020-02-06".parse().expect("a document");
    let mut tip = Tip::start(doc, ActorId([1; 16]), 0, vec![]);
    let start = tip.next.clone();
    let entries = vec![b"one".to_vec(), b"two".to_vec()];
    let links: Vec<_> = entries.iter().filter_map(|entry| tip.append(entry).ok()).collect();
    run::encode_run(&Run { doc, start, entries, joints: vec![], last: links[1].hash, signature: None })
}

/// An entry: its limits, its bytes, and every fold that looks at it.
pub(super) fn entries(input: &[u8]) {
    let Ok(read) = entry::decode(input) else {
        return;
    };
    let written = entry::encode(&read);
    assert!(written.len() <= input.len() + GROWTH_BYTES_MAX);
    assert_eq!(entry::decode(&written).as_ref(), Ok(&read));
    assert_eq!(entry::encode(&read), written);
    assert!(read.by.name.len() <= NAME_BYTES_MAX);
    let day = taipei_day(read.at.second);
    assert!((1911..=10_000).contains(&chrono::Datelike::year(&day)), "{day}");
    assert!(!roc_minute(read.at.second).is_empty());
    check_fact(&read);
    if let Some(step) = Move::of(&read.fact) {
        let stock = Stock { adult: 7, child: -7 };
        assert_eq!(stock.after(step).undone(step), stock);
    }
}

fn check_booking(booking: &Booking) {
    let is_serial = |serial: u64| (1..=SERIAL_MAX).contains(&serial);
    match booking {
        Booking::Round(round) => drop(Round::parse(&round.text)),
        Booking::Capacity(Capacity { slot, places, .. }) | Booking::Lease(Lease { slot, places, .. }) => {
            assert!(*places <= PLACES_MAX && slot.begins().date() == slot.date && !slot.start.span().is_empty());
        }
        Booking::Numbers(numbers) => {
            assert!(is_serial(numbers.first) && is_serial(numbers.first + u64::from(numbers.count) - 1));
        }
        Booking::Booked(booked) => {
            assert!(is_serial(booked.serial) && booked.person.contact.0.len() <= CONTACT_SEALED_BYTES_MAX);
        }
        Booking::Wish(wish) => assert!((1..=RANKED_MAX).contains(&wish.ranked.len())),
        Booking::Answer(answer) => assert!(answer.given.as_ref().is_none_or(|(_, serial)| is_serial(*serial))),
        Booking::Expected(expected) => assert!(is_serial(expected.serial)),
        Booking::Attended(attended) => assert!(is_serial(attended.serial)),
        Booking::Cancelled(cancelled) => assert!(cancelled.reason.len() <= REASON_BYTES_MAX),
        Booking::Amended(amended) => assert!(amended.contact.0.len() <= CONTACT_SEALED_BYTES_MAX),
        Booking::Returned(returned) => assert!(returned.places <= PLACES_MAX),
        Booking::Venue(_) | Booking::Standing(_) => {}
    }
}

fn check_fact(read: &Entry) {
    let within = |pieces: Pieces| assert!(pieces.adult <= PIECES_MAX && pieces.child <= PIECES_MAX);
    match &read.fact {
        Fact::Arrival(arrival) => {
            within(arrival.counted);
            arrival.advised.into_iter().for_each(within);
        }
        Fact::Sale(sale) => {
            within(sale.pieces);
            assert!(sale.document.0.len() <= SEALED_BYTES_MAX);
            assert!(sale.proxy.as_ref().is_none_or(|proxy| proxy.0.len() <= SEALED_BYTES_MAX));
            assert!(taipei_day(sale.instant(read.at).second) < chrono::NaiveDate::MAX);
        }
        Fact::Withdrawal(withdrawal) => {
            assert!(withdrawal.of.seq > 0 && withdrawal.reason.len() <= REASON_BYTES_MAX);
            assert_eq!(withdrawal.of.to_string().parse(), Ok(withdrawal.of));
        }
        Fact::Correction(correction) => {
            assert!(correction.adult.unsigned_abs() <= PIECES_MAX && correction.child.unsigned_abs() <= PIECES_MAX);
            assert!(correction.reason.len() <= REASON_BYTES_MAX);
        }
        Fact::Programme(published) => drop(Version::parse(&published.text)),
        Fact::Delivery(delivery) => within(delivery.pieces),
        Fact::Standing(standing) => assert!(standing.sale.seq > 0),
        Fact::Dispute(dispute) => {
            assert!(dispute.document.0.len() <= SEALED_BYTES_MAX && dispute.reason.len() <= REASON_BYTES_MAX);
            assert!(dispute.found.len() <= FOUND_MAX);
        }
        Fact::Exception(exception) => {
            assert!(exception.days.len() <= CLEARED_DAYS_MAX);
            assert!(exception.days.iter().all(|cleared| cleared.marks.len() <= CLEARED_MARKS_MAX));
        }
        Fact::Decision(decision) => assert!(decision.of.seq > 0 && decision.words.len() <= REASON_BYTES_MAX),
        Fact::Access(access) => check_access(access, read.at),
        Fact::Booking(booking) => check_booking(booking),
        Fact::Notice(notice) => {
            assert!(notice.body.len() <= NOTICE_BYTES_MAX && notice.title.len() <= REASON_BYTES_MAX)
        }
    }
}

/// Limits, and the fold: whatever a peer wrote, nobody has a right by a signature that is none.
fn check_access(access: &Access, at: Instant) {
    let id = EntryId { actor: ActorId([1; 16]), seq: 1 };
    let site: SiteCode = "5931102274".parse().expect("a site");
    match access {
        Access::Grant(grant) => {
            assert!(grant.rights.len() <= RIGHTS_MAX && grant.after.len() <= AFTER_MAX);
            assert!(grant.to.key.len() <= KEY_BYTES_MAX && !grant_words(&site, grant).is_empty());
            let given = Given { id, at, place: Place::Site, grant: grant.clone() };
            let rights = Rights::fold(&site, &[given], &[]);
            assert!(rights.is_empty() && rights.void().count() == 1);
        }
        Access::Revocation(revocation) => {
            let taken = Taken { id, at, place: Place::Site, revocation: revocation.clone() };
            assert!(Rights::fold(&site, &[], &[taken]).is_empty());
        }
        Access::Issuer(issuer) => assert!(issuer.certificate.len() <= CERTIFICATE_BYTES_MAX),
        Access::Revoked(list) => assert!(list.cards.len() <= REVOKED_MAX),
        Access::Service(word) => assert!(word.reason.len() <= REASON_BYTES_MAX),
    }
}

/// A batch of the feed.
pub(super) fn feed(input: &[u8]) {
    let Ok(read) = feed::decode(input) else {
        return;
    };
    let items = read.groups.iter().map(|group| group.items.len()).sum::<usize>();
    assert!(items <= BATCH_ITEMS_MAX && items * 13 <= input.len(), "{items} items out of {} bytes", input.len());
    // Days of nothing are not written again.
    let said = Batch { groups: read.groups.into_iter().filter(|group| !group.items.is_empty()).collect() };
    let written = feed::encode(&said);
    assert_eq!(feed::decode(&written).as_ref(), Ok(&said));
}

pub(super) fn feed_seeds() -> Vec<Vec<u8>> {
    use shared::seal::Secret;
    use shared::wire::v1::feed::{Group, Item};
    let item = |n: u32| Item {
        fingerprint: u64::from(n) << 40,
        mark: n,
        pieces: Pieces { adult: n, child: n / 2 },
        gone: n.is_multiple_of(3),
    };
    let group = |day: &str, count: u32| Group {
        programme: "mask".parse().expect("a programme"),
        day: day.parse().expect("a day"),
        key: Secret::new([7; 32]),
        items: (0..count).map(item).collect(),
    };
    [vec![], vec![group("2020-02-06", 3)], vec![group("2020-02-06", 1), group("9999-12-31", 130)]]
        .map(|groups| feed::encode(&Batch { groups }))
        .into()
}
