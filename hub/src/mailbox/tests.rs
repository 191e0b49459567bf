//! The mailbox with a hub in memory.

use shared::seal::Secret;

use super::*;
use crate::registry::Enrolment;
use crate::store::Store;
use crate::testing::{Ledger, MORNING, TAMSUI, code_of, record};

const MARK: [u8; 32] = [7; 32];

fn hub(secret: &Secret) -> Hub {
    let mut n = 100u8;
    let dice = move || {
        n += 1;
        [n; 16]
    };
    let mut hub = Hub::open(Store::in_memory().unwrap(), &Secret::new([3; 32]), Box::new(dice)).unwrap();
    hub.import_sites([record(TAMSUI, "淡水藥局", "新北市")]).unwrap();
    let enrolment = Enrolment {
        key_number: 1,
        secret: secret.clone(),
        fingerprint: MARK,
        serial: [1; 16],
        expires: i64::MAX,
        second: MORNING,
    };
    hub.register(&code_of(TAMSUI), &enrolment).unwrap().unwrap();
    hub
}

fn start_hub(secret: &Secret) -> (HubHandle, Mailbox) {
    start(hub(secret), WallClock::system(), Arc::default()).unwrap()
}

/// Keeps the owner busy, from now on until the sender is dropped.
async fn hold(hub: &HubHandle) -> std::sync::mpsc::Sender<()> {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (begin, begun) = oneshot::channel();
    let (nobody, _) = mpsc::channel(1);
    let wait = move |_: &mut Hub| {
        let _ = begin.send(());
        let _ = held.recv();
        Ok(Answer::Trouble)
    };
    hub.post(nobody, wait).await.unwrap();
    // What comes before it has begun would be taken before it.
    begun.await.unwrap();
    release
}

#[tokio::test]
async fn what_waits_together_is_one_commit_answered_in_order_after_it() {
    let secret = Secret::new([5; 32]);
    let (hub, mailbox) = start_hub(&secret);
    let mut ledger = Ledger::new(code_of(TAMSUI), 1, &secret);
    let release = hold(&hub).await;
    let caller = Caller { site: code_of(TAMSUI), fingerprint: MARK };
    let (answers, mut answered) = mpsc::channel(64);
    for n in 0..30 {
        ledger.sell("A123456789", MORNING + n);
        let run = ledger.run(usize::try_from(n).unwrap()).unwrap();
        hub.upload(caller, ledger.incarnation(), run, answers.clone()).await.unwrap();
    }
    assert!(answered.try_recv().is_err(), "nothing is answered before the commit");
    drop(release);
    for seq in 1..=30 {
        let Answer::Input(Input::Ingested { id, .. }) = answered.recv().await.unwrap() else { panic!("run {seq}") };
        assert_eq!(id.seq, seq);
    }
    assert_eq!((hub.counters().batches.get(), hub.counters().runs.get()), (1, 30));
    mailbox.stop().await;
}

#[tokio::test]
async fn a_certificate_that_is_not_current_uploads_nothing() {
    let secret = Secret::new([5; 32]);
    let (hub, mailbox) = start_hub(&secret);
    let mut ledger = Ledger::new(code_of(TAMSUI), 1, &secret);
    ledger.sell("A123456789", MORNING);
    let stranger = Caller { site: code_of(TAMSUI), fingerprint: [0; 32] };
    let (answers, mut answered) = mpsc::channel(1);
    hub.upload(stranger, ledger.incarnation(), ledger.run(0).unwrap(), answers).await.unwrap();
    assert!(matches!(answered.recv().await.unwrap(), Answer::NotCurrent));
    assert_eq!(hub.call(|hub| hub.status().unwrap().entries).await, Ok(0));
    mailbox.stop().await;
}

#[tokio::test]
async fn growth_is_told_and_a_stopped_hub_says_so() {
    let secret = Secret::new([5; 32]);
    let (hub, mailbox) = start_hub(&secret);
    let mut growth = hub.growth();
    let before = *growth.borrow_and_update();
    let text = shared::rules::programme::shipped_text("mask-2020-02-06").unwrap();
    hub.call(move |hub| hub.publish_programme(text, "t", MORNING).unwrap().unwrap()).await.unwrap();
    hub.look().await.unwrap();
    growth.changed().await.unwrap();
    assert!(growth.borrow().journal > before.journal);
    mailbox.stop().await;
    hub.stopped().await;
    assert_eq!(hub.call(|_| ()).await, Err(Stopped));
    assert!(growth.changed().await.is_err());
}
