//! The second door, for the counters of a shop's own network (RELIABILITY T14): TLS with a certificate of this edge's
//! own, and browsers that were paired at the edge's computer.
//!
//! **Invariant: nothing is in here that could open the door wider.** Who may see which page is the web's to say.

use std::net::SocketAddr;

use chrono::NaiveDate;
use tokio::net::TcpListener;

mod certificate;
mod code;
mod door;
mod paired;
mod places;

use crate::config::Folder;
use crate::fault::Fault;

pub use code::{Shown, Tried};
pub use door::TlsDoor;
pub use paired::{Paired, Pairing, checked_name};

/// What the pages have to know of the second door.
#[derive(Debug)]
pub struct Lan {
    /// The names under which it answers.
    pub hosts: Vec<String>,
    /// SHA-256 of its certificate, as browsers show it.
    pub fingerprint: String,
    /// Who may come in.
    pub pairing: Pairing,
}

/// What is asked of a second door.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Where it is to be.
    pub address: SocketAddr,
    /// More names under which browsers come.
    pub names: &'a [String],
    /// The day, by the computer's own clock: browsers judge the certificate by theirs.
    pub today: NaiveDate,
}

/// Opens the door.
///
/// # Errors
/// Where the address is none of this computer's, or certificate and paired counters cannot be read or written.
pub async fn open(folder: &Folder, ask: Ask<'_>) -> Result<(TlsDoor, SocketAddr, Lan), Fault> {
    let Ask { address, names, today } = ask;
    if address.ip().is_unspecified() || address.ip().is_multicast() {
        return Err(no_address(address));
    }
    let wanted = certificate::names(address.ip(), names);
    let identity = certificate::kept(folder, &wanted, today)?;
    let fingerprint = identity.fingerprint();
    let pairing = Pairing::open(folder)?;
    let listener = TcpListener::bind(address).await.map_err(|cause| taken(address).because(cause))?;
    let bound = listener.local_addr().map_err(|cause| taken(address).because(cause))?;
    let door = TlsDoor::new(listener, identity)?;
    Ok((door, bound, Lan { hosts: hosts(bound, names), fingerprint, pairing }))
}

/// The names under which a door at this address answers.
fn hosts(address: SocketAddr, names: &[String]) -> Vec<String> {
    let mut hosts = vec![address.to_string()];
    for name in names {
        let name = name.to_ascii_lowercase();
        hosts.push(if name.contains(':') { name } else { format!("{name}:{}", address.port()) });
    }
    // Browsers leave out the port that https means anyway.
    let short: Vec<String> = hosts.iter().filter_map(|host| host.strip_suffix(":443").map(str::to_owned)).collect();
    hosts.extend(short);
    hosts
}

fn no_address(address: SocketAddr) -> Fault {
    Fault::asked(
        "lan-address",
        format!("{address} 不是一個位址；--lan 請寫本機在店內網路的位址，例如 192.168.1.5:8751"),
        format!(
            "{address} is no single address: give --lan this computer's own in the shop's network, for example 192.168.1.5:8751"
        ),
    )
}

fn taken(address: SocketAddr) -> Fault {
    Fault::new(
        "lan",
        format!("無法使用位址 {address}；請確認這是本機的位址，或以 --lan 換一個埠號"),
        format!(
            "cannot listen at {address}: see that it is this computer's address, or choose another port with --lan"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_answers_to_its_address_and_the_names_given_and_to_no_localhost() {
        let names = ["Counter.lan".to_owned(), "other.lan:9".to_owned()];
        let at = |address: &str| hosts(address.parse().unwrap(), &names);
        assert_eq!(at("192.168.1.5:8751"), ["192.168.1.5:8751", "counter.lan:8751", "other.lan:9"]);
        let usual = ["192.168.1.5:443", "counter.lan:443", "other.lan:9", "192.168.1.5", "counter.lan"];
        assert_eq!(at("192.168.1.5:443"), usual);
    }
}
