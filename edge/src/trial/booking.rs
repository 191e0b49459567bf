//! For tests: a node beside a hub that takes bookings, with a round that is open and places of one slot.

use shared::entry::Fact;
use shared::entry::booking::{Booking, Capacity, Lease, Numbers, Round, Slot, Venue};
use shared::ids::{ActorId, Incarnation};
use shared::rules::calendar::second_of;
use shared::seal::Secret;
use shared::sign::Signer;
use shared::sign::slip::Block;

use super::{desk_at, hub_life, meet_hub, run, site};
use crate::desk::Desk;

/// While the round is open.
pub(crate) const OPEN: &str = "2021-07-06T13:06:23+08:00";
const VENUE: &str = "0291010019";
pub(crate) const DESK: &str = "desk/5931102274/2021-07";
const LIFE: Incarnation = Incarnation([2; 16]);

/// On the fourth day of the round.
pub(crate) fn slot(start: &str) -> Slot {
    Slot {
        venue: VENUE.parse().unwrap(),
        date: "2021-07-15".parse().unwrap(),
        start: start.parse().unwrap(),
        brands: "MO,AZ".parse().unwrap(),
    }
}

/// Places until the slot begins.
pub(crate) fn lease(start: &str, places: u32) -> Booking {
    lease_until(start, places, second_of(slot(start).begins()))
}

/// Places until this second.
pub(crate) fn lease_until(start: &str, places: u32, until: i64) -> Booking {
    Booking::Lease(Lease { life: LIFE, slot: slot(start), places, until })
}

/// A run of the hub's comes down.
pub(crate) async fn tell(desk: &Desk, pos: u64, doc: &str, facts: Vec<Booking>) {
    let facts: Vec<Fact> = facts.into_iter().map(Fact::Booking).collect();
    desk.take_down(pos, run(doc, ActorId([u8::try_from(pos).unwrap() + 40; 16]), &facts)).await.unwrap();
}

/// A site that keeps the venue's day, with two places at two o'clock and none at ten.
pub(crate) async fn desk(time: &str) -> Desk {
    let desk = desk_at(time, &[]);
    meet_hub(&desk).await;
    let text =
        include_str!("../../../shared/rounds/vaccine-2021-r1.toml").replace("registered = true\n", "age_from = 100\n");
    let venue = Venue {
        id: VENUE.parse().unwrap(),
        name: "金門縣金寧鄉衛生所-".to_owned(),
        county: "金門縣".to_owned(),
        district: "金寧鄉".to_owned(),
        address: "金門縣金寧鄉盤山村仁愛新村2之1號".to_owned(),
        phone: String::new(),
        site: Some(site().code),
        holds: true,
    };
    let capacity = |start, closed| Booking::Capacity(Capacity { slot: slot(start), places: 10, closed });
    let nation = vec![
        Booking::Round(Round { text }),
        Booking::Venue(venue),
        capacity("10:00", false),
        capacity("14:00", false),
        capacity("16:00", true),
    ];
    tell(&desk, 3, "nation/2021-07", nation).await;
    let ours = Signer::derive(Secret::new([1; 32]).bytes(), b"heads").unwrap().public();
    let block = Block { first: 14_637, count: 50 };
    let voucher = Signer::derive(&[4; 32], b"hub").unwrap().vouch(&site().code, ours, block);
    assert_eq!(hub_life().signer, Signer::derive(&[4; 32], b"hub").unwrap().public());
    let numbers = Booking::Numbers(Numbers { life: LIFE, first: 14_637, count: 50, voucher: Some(voucher) });
    tell(&desk, 4, DESK, vec![lease("14:00", 2), numbers]).await;
    // The hub says what time it is: without that nothing is given away.
    let reading = desk.reading();
    desk.beacon(reading, reading, (reading.wall_ms / 1_000, None)).await.unwrap();
    desk
}
