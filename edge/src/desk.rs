//! The counter's side of the mailbox: every question to the node, with the machine's faults in
//! words, and the rehearsal's clock put before the real one.
//!
//! **Invariant: everybody outside the node's thread asks through here**, so that a rehearsal never
//! mixes two times.

use std::sync::Arc;

use chrono::{DateTime, FixedOffset};
use shared::digest::Signed;
use shared::ids::{EntryId, ProgrammeId, ServiceName, StaffId};
use shared::ledger::run::Run;
use shared::rules::calendar::taipei_day;
use shared::rules::identity::Document;
use shared::rules::programme::Versions;
use shared::rules::refusal::Refusal;
use shared::seal::Secret;
use shared::sign::Receipt;
use shared::sync::edge::{LogPos, Resumed};
use shared::sync::handshake::Standing;
use shared::wire::v1::message::{FeedPart, Fetch, Piece, Welcome};
use tokio::sync::watch;

use crate::clock::Reading;
use crate::fault::Fault;
use crate::inquiry::{Confirms, Enquiries};
use crate::mailbox::{Clocks, Gone, Handle};
use crate::node::access::Acting;
use crate::node::ask::{
    AccessView, ArriveRequest, Arrived, CorrectRequest, Corrected, DisputeLine, DisputeRequest, Disputed, DocumentText,
    Examine, Examined, Export, GrantAsk, Granted, Movement, Recent, RecordRequest, RevokeAsk, Revoked, SaleRequest,
    Shelf, Slip, Sold, Status, WithdrawRequest, Withdrawn,
};
use crate::node::confirm::{Confirmation, Question};
use crate::node::{Answer, AuditPart, Committed, Node, NodeError};
use crate::verify::{Step, Verified};

pub mod booking;

/// Most lines of the stock's ledger that are looked at: twice the busiest day of 2020.
const MOVEMENTS_MAX: usize = 4_000;

/// The clock of a rehearsal: how far it stands from the real one. Nought outside of rehearsals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rehearsal {
    offset_ms: Option<i64>,
}

impl Rehearsal {
    /// Takes `now` for the present; `None` is no rehearsal.
    #[must_use]
    pub fn new(now: Option<DateTime<FixedOffset>>, real: Reading) -> Self {
        Self { offset_ms: now.map(|now| now.timestamp_millis().saturating_sub(real.wall_ms)) }
    }

    /// Whether the time is not the real one.
    #[must_use]
    pub fn is_on(self) -> bool {
        self.offset_ms.is_some()
    }

    /// A reading as the rehearsal has it; only the wall clock differs.
    #[must_use]
    pub fn shift(self, real: Reading) -> Reading {
        Reading { wall_ms: real.wall_ms.saturating_add(self.offset_ms.unwrap_or(0)), ..real }
    }
}

tokio::task_local! {
    /// Who asks, at a counter: set around each request. What asks without it is nobody.
    static ASKS: Acting;
}

/// Whom a desk is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum For {
    /// The owner of the data folder: the uplink, the shell.
    #[default]
    Folder,
    /// A shell of this computer.
    Shell,
    /// The counters: whoever has signed in there.
    Counters,
}

/// Asks the node.
#[derive(Clone, Debug)]
pub struct Desk {
    handle: Handle,
    rehearsal: Rehearsal,
    confirms: Confirms,
    enquiries: Enquiries,
    asks_for: For,
}

/// Does something as somebody at a counter.
pub async fn asking_as<T>(acting: Acting, what: impl Future<Output = T>) -> T {
    ASKS.scope(acting, what).await
}

/// Somebody, in a programme.
type Who = (Option<ProgrammeId>, DocumentText);

/// An answer, as far as the machine is healthy.
pub type Told<T> = Result<Result<T, Refusal>, Fault>;

impl From<Handle> for Desk {
    fn from(handle: Handle) -> Self {
        Self::new(handle, Rehearsal::default())
    }
}

impl Desk {
    /// In front of this node, by this clock.
    #[must_use]
    pub fn new(handle: Handle, rehearsal: Rehearsal) -> Self {
        Self {
            handle,
            rehearsal,
            confirms: Confirms::default(),
            enquiries: Enquiries::default(),
            asks_for: For::Folder,
        }
    }

    /// The same for counters: only what somebody asks who has signed in is asked as them ([`asking_as`]).
    #[must_use]
    pub fn for_counters(self) -> Self {
        Self { asks_for: For::Counters, ..self }
    }

    /// The same for a shell of this computer.
    #[must_use]
    pub fn for_shell(self) -> Self {
        Self { asks_for: For::Shell, ..self }
    }

    /// Who asks now.
    #[must_use]
    pub fn acting(&self) -> Acting {
        match self.asks_for {
            For::Folder => Acting::Folder,
            For::Shell => Acting::Shell,
            For::Counters => ASKS.try_with(Clone::clone).unwrap_or(Acting::Nobody),
        }
    }

    /// The clocks, as the rehearsal has them.
    #[must_use]
    pub fn reading(&self) -> Reading {
        let clocks: Clocks = self.handle.clocks();
        self.rehearsal.shift(clocks.read())
    }

    /// Which clock this is.
    #[must_use]
    pub fn rehearsal(&self) -> Rehearsal {
        self.rehearsal
    }

    /// Tells when the log has grown.
    #[must_use]
    pub fn grown(&self) -> watch::Receiver<LogPos> {
        self.handle.grown()
    }

    async fn ask<T: Send + 'static>(
        &self,
        deed: impl FnOnce(&mut Node, Reading) -> Result<T, NodeError> + Send + 'static,
    ) -> Result<T, Fault> {
        let (rehearsal, acting) = (self.rehearsal, self.acting());
        let as_somebody = move |node: &mut Node, reading| {
            node.act_as(acting);
            let done = deed(node, rehearsal.shift(reading));
            node.act_as(Acting::Folder);
            done
        };
        let answer = self.handle.ask(as_somebody).await;
        answer.map_err(gone)?.map_err(broken)
    }

    /// Notes a wall clock that was moved.
    pub async fn watch_clock(&self) -> Result<(), Fault> {
        self.ask(|node, reading| {
            node.watch_clock(reading);
            Ok(())
        })
        .await
    }

    /// Where questions to the hub go.
    pub(crate) fn confirms(&self) -> &Confirms {
        &self.confirms
    }

    /// Where questions about booked places wait for the line.
    pub(crate) fn enquiries(&self) -> &Enquiries {
        &self.enquiries
    }

    /// 資格審核. What the nation's list says against somebody is confirmed at the hub first, where there is a line.
    pub async fn examine(&self, ask: Examine) -> Told<Examined> {
        let who = (ask.programme.clone(), ask.document.clone());
        let asks = |told: &Result<Examined, Refusal>| matches!(told, Ok(_) | Err(Refusal::Bought { .. }));
        let document = ask.document.clone();
        let told = self.about(who, asks, move |node, hub, reading| node.examine_confirmed(&ask, hub, reading)).await?;
        self.looked_up("look-up", document, &told).await?;
        Ok(told)
    }

    /// Written down before it is answered.
    async fn looked_up<T>(
        &self,
        deed: &'static str,
        document: DocumentText,
        told: &Result<T, Refusal>,
    ) -> Result<(), Fault> {
        let found = told.as_ref().map_or_else(Refusal::code, |_| "may");
        self.ask(move |node, reading| node.note_looked_up(deed, &document, found, reading)).await
    }

    /// Writes in the audit what somebody did that leaves no entry.
    pub async fn note(&self, deed: &'static str, about: String, note: String) -> Result<(), Fault> {
        self.ask(move |node, reading| node.note(deed, &about, &note, reading)).await
    }

    /// Part of the audit.
    pub async fn audit(&self, after: u64, limit: u32) -> Result<AuditPart, Fault> {
        self.ask(move |node, _| node.audit(after, limit)).await
    }

    /// 購買. As [`Self::examine`], where it would be refused.
    pub async fn sell(&self, ask: SaleRequest) -> Told<Sold> {
        let who = (ask.programme.clone(), ask.document.clone());
        let asks = |told: &Result<Sold, Refusal>| matches!(told, Err(Refusal::Bought { .. } | Refusal::Limit { .. }));
        let sell = move |node: &mut Node, hub: Option<&Confirmation>, reading| {
            Ok(node.sell_confirmed(&ask, hub, reading)?.map(Committed::into_inner))
        };
        let document = who.1.clone();
        let told = self.about(who, asks, sell).await?;
        if told.is_err() {
            // What was refused tells of somebody and leaves no entry.
            self.looked_up("sale-refused", document, &told).await?;
        }
        Ok(told)
    }

    /// Does something about somebody by the list; and once more by what the hub says, where the list speaks against them
    /// and what came of it `asks`.
    async fn about<T: Send + 'static>(
        &self,
        who: Who,
        asks: fn(&Result<T, Refusal>) -> bool,
        deed: impl Fn(&mut Node, Option<&Confirmation>, Reading) -> Answer<T> + Clone + Send + 'static,
    ) -> Told<T> {
        let first = deed.clone();
        let by_list = move |node: &mut Node, reading| {
            let told = first(node, None, reading)?;
            let question = if asks(&told) { node.question(who.0.as_ref(), &who.1, reading)? } else { None };
            Ok((told, question))
        };
        let (told, question) = self.ask(by_list).await?;
        match self.confirmed(question).await {
            Some(hub) => self.ask(move |node, reading| deed(node, Some(&hub), reading)).await,
            None => Ok(told),
        }
    }

    /// What the hub says of somebody whom the list speaks against.
    async fn asked(&self, (programme, document): Who) -> Result<Option<Confirmation>, Fault> {
        let question = move |node: &mut Node, reading| node.question(programme.as_ref(), &document, reading);
        Ok(self.confirmed(self.ask(question).await?).await)
    }

    async fn confirmed(&self, question: Option<Question>) -> Option<Confirmation> {
        self.confirms.ask(question?).await
    }

    /// A sale that already happened.
    pub async fn record(&self, ask: RecordRequest) -> Told<Sold> {
        self.ask(move |node, reading| Ok(node.record(&ask, reading)?.map(Committed::into_inner))).await
    }

    /// 口罩到貨.
    pub async fn arrive(&self, ask: ArriveRequest) -> Told<Arrived> {
        self.ask(move |node, reading| Ok(node.arrive(&ask, reading)?.map(Committed::into_inner))).await
    }

    /// The shelf was counted otherwise.
    pub async fn correct(&self, ask: CorrectRequest) -> Told<Corrected> {
        self.ask(move |node, reading| Ok(node.correct(&ask, reading)?.map(Committed::into_inner))).await
    }

    /// A sale or an arrival is taken back.
    pub async fn withdraw(&self, ask: WithdrawRequest) -> Told<Withdrawn> {
        self.ask(move |node, reading| Ok(node.withdraw(&ask, reading)?.map(Committed::into_inner))).await
    }

    /// 說明單. By what the hub says, where there is a line, as the refusal was.
    pub async fn slip(&self, ask: Examine) -> Told<Slip> {
        let hub = self.asked((ask.programme.clone(), ask.document.clone())).await?;
        let document = ask.document.clone();
        let told = self.ask(move |node, reading| node.slip(&ask, hub.as_ref(), reading)).await?;
        self.looked_up("slip", document, &told).await?;
        Ok(told)
    }

    /// 提出異議. By what the hub says, where there is a line, as the refusal was.
    pub async fn dispute(&self, ask: DisputeRequest) -> Told<Disputed> {
        let hub = self.asked((ask.programme.clone(), ask.document.clone())).await?;
        let dispute = move |node: &mut Node, reading| node.dispute(&ask, hub.as_ref(), reading);
        self.ask(move |node, reading| Ok(dispute(node, reading)?.map(Committed::into_inner))).await
    }

    /// Rights, cards and notices, as far as they are known here.
    pub async fn access(&self) -> Result<AccessView, Fault> {
        self.ask(|node, reading| Ok(node.access_view(reading))).await
    }

    /// Whose 健保卡 this is, among those who may sign in with one.
    pub async fn holder_of(&self, document: Document) -> Result<Option<StaffId>, Fault> {
        self.ask(move |node, reading| Ok(node.holder_of(&document, reading))).await
    }

    /// What a giver's card has to sign.
    pub async fn grant_words(&self, ask: GrantAsk) -> Result<Vec<u8>, Fault> {
        self.ask(move |node, reading| node.grant_words(&ask, reading)).await
    }

    /// Somebody may do something.
    pub async fn grant(&self, ask: GrantAsk, signature: Vec<u8>) -> Result<Granted, Fault> {
        self.ask(move |node, reading| Ok(node.grant(&ask, signature, reading)?.into_inner())).await
    }

    /// Somebody may no more.
    pub async fn revoke(&self, ask: RevokeAsk) -> Result<Revoked, Fault> {
        self.ask(move |node, reading| Ok(node.revoke(&ask, reading)?.into_inner())).await
    }

    /// 健保服務申請.
    pub async fn apply(&self, service: ServiceName, why: String) -> Result<EntryId, Fault> {
        self.ask(move |node, reading| Ok(node.apply(&service, &why, reading)?.into_inner())).await
    }

    /// This site's disputes, newest first.
    pub async fn disputes(&self, limit: usize) -> Result<Vec<DisputeLine>, Fault> {
        self.ask(move |node, reading| node.may_look(reading).and_then(|()| node.disputes(limit))).await
    }

    /// 最近購買紀錄.
    pub async fn recent(&self, limit: usize) -> Result<Vec<Recent>, Fault> {
        self.ask(move |node, reading| node.may_look(reading).and_then(|()| node.recent(limit))).await
    }

    /// The shelves.
    pub async fn shelves(&self) -> Result<Vec<Shelf>, Fault> {
        self.status().await.map(|status| status.shelves)
    }

    /// Today's ledger of the stock, newest first.
    pub async fn movements_today(&self) -> Result<Vec<Movement>, Fault> {
        self.ask(|node, reading| {
            node.may_look(reading)?;
            let today = node.status(reading)?.today;
            let mut movements = node.movements(None, MOVEMENTS_MAX)?;
            movements.retain(|movement| taipei_day(movement.at.second) == today);
            Ok(movements)
        })
        .await
    }

    /// Every version known here.
    pub async fn versions(&self) -> Result<Arc<Versions>, Fault> {
        self.ask(|node, _| Ok(node.versions())).await
    }

    /// Part of the log, for the export.
    pub async fn export(&self, after: LogPos, limit: usize) -> Result<Export, Fault> {
        self.ask(move |node, reading| node.may_look(reading).and_then(|()| node.export(after, limit))).await
    }

    /// Whether the ledger is the one that was written. Whoever wants to buy comes between two steps.
    pub async fn verify(&self) -> Result<Verified, Fault> {
        let mut under_way = self.ask(|node, _| node.begin_verification()).await?;
        loop {
            match self.ask(move |node, _| node.verify_on(under_way)).await? {
                Step::More(rest) => under_way = *rest,
                Step::Done(verified) => return Ok(verified),
            }
        }
    }

    /// What the greeting says.
    pub async fn standing(&self) -> Result<Standing, Fault> {
        self.ask(|node, _| Ok(node.standing())).await
    }

    /// Where the hub stands in our log.
    pub async fn resume(&self, welcome: Welcome) -> Result<Resumed, Fault> {
        self.ask(move |node, _| node.resume(&welcome)).await
    }

    /// The next run for the hub.
    pub async fn load_run(&self, after: LogPos) -> Result<Option<(Run, LogPos)>, Fault> {
        self.ask(move |node, _| node.load_run(after)).await
    }

    /// The hub has it on its disk.
    pub async fn acked(&self, upto: LogPos, feed: u64, receipt: Option<Receipt>) -> Result<(), Fault> {
        self.ask(move |node, _| node.acked(upto, feed, receipt.as_ref())).await
    }

    /// The hub put it aside.
    pub async fn quarantined(&self, upto: LogPos, why: String) -> Result<(), Fault> {
        self.ask(move |node, _| node.quarantined(upto, &why)).await
    }

    /// Keeps what came of the hub's ledgers.
    pub async fn take_down(&self, pos: u64, run: Run) -> Result<(), Fault> {
        self.ask(move |node, _| node.take_down(pos, &run)).await
    }

    /// Keeps what other lives of this store wrote.
    pub async fn take_own(&self, pos: u64, feed: u64, run: Option<Run>) -> Result<(), Fault> {
        self.ask(move |node, _| node.take_own(pos, feed, run.as_ref())).await
    }

    /// Keeps a secret that another machine of the site brought.
    pub async fn take_key(&self, number: u8, secret: Secret) -> Result<(), Fault> {
        self.ask(move |node, _| node.take_key(number, &secret)).await
    }

    /// Keeps what came of the nation's feed.
    pub async fn take_feed(&self, after: u64, parts: Vec<FeedPart>) -> Result<(), Fault> {
        self.ask(move |node, _| node.take_feed(after, &parts)).await
    }

    /// Keeps which digests the hub has.
    pub async fn take_manifest(&self, upto: u64, signed: Signed) -> Result<(), Fault> {
        self.ask(move |node, _| node.take_manifest(upto, &signed)).await
    }

    /// The bytes of a digest that are wanted next.
    pub async fn wanted(&self, most: u32) -> Result<Option<Fetch>, Fault> {
        self.ask(move |node, _| Ok(node.wanted(most))).await
    }

    /// Keeps some bytes of a digest.
    pub async fn take_piece(&self, piece: Piece) -> Result<(), Fault> {
        self.ask(move |node, _| node.take_piece(&piece)).await
    }

    /// The hub's time and how long its feed is; both readings as the rehearsal has them.
    pub async fn beacon(&self, asked: Reading, got: Reading, hub: (i64, Option<u64>)) -> Result<(), Fault> {
        self.ask(move |node, _| node.beacon(asked, got, hub)).await
    }

    /// Whether the node still writes; false after a write that failed.
    pub async fn sells(&self) -> Result<bool, Fault> {
        self.ask(|node, _| Ok(node.sells())).await
    }

    /// How the node is.
    pub async fn status(&self) -> Result<Status, Fault> {
        self.ask(|node, reading| node.status(reading)).await
    }
}

fn gone(cause: Gone) -> Fault {
    Fault::new(
        "node-gone",
        "本站節點已停止；請重新啟動程式。已回覆的紀錄都已保存",
        "the node has stopped: start the program again. Everything that was answered is kept",
    )
    .because(cause)
}

fn broken(cause: NodeError) -> Fault {
    if let NodeError::Ask(asked) = &cause {
        return Fault::asked(asked.code(), asked.zh(), asked.en());
    }
    if let NodeError::Stopped { .. } = &cause {
        let zh = "本站節點已停止販售；請重新啟動程式。已回覆的紀錄都已保存";
        let en = "the node has stopped selling: start the program again. Everything that was answered is kept";
        return Fault::new("stopped", zh, en).because(cause);
    }
    if let NodeError::GivenBack { .. } = &cause {
        let zh = "缺少本站另一台電腦的金鑰；重新連線以取得";
        let en = "a secret of another computer of this site is missing here: dialling again to get it";
        return Fault::new(crate::uplink::drive::ANEW, zh, en).because(cause);
    }
    // After a failed fsync the entry may turn up at the next start: nobody may be told that it was not written.
    Fault::new(
        "ledger",
        "本站帳本無法讀寫，尚不確定此筆是否已保存；請檢查磁碟空間，重新啟動程式，並先查看最近購買紀錄再重新輸入",
        "this site's ledger cannot be read or written, and whether this was kept is not known: check the disk's space, start the program again, and look at the recent purchases before entering it again",
    )
    .because(cause)
}
